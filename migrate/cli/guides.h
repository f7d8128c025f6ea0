/* guides.h: the manual's pages for people: how a file is written, how it is run, and what each kind of user does with
 * it. */
#ifndef MIGRATE_CLI_GUIDES_H
#define MIGRATE_CLI_GUIDES_H

struct guide {
    const char *title;
    const char *text; /* a blank line begins a paragraph; lines that begin with four spaces stand as they are */
};

/* Ends with a title of NULL. */
extern const struct guide guides[];

#endif
