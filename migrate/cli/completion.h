/* completion.h: completion in bash, zsh and fish. The scripts only pass the words of the line to `migrate __complete`,
 * so that what is offered always comes from the table of commands of the very binary that is called. */
#ifndef MIGRATE_CLI_COMPLETION_H
#define MIGRATE_CLI_COMPLETION_H

#include "cli/command_line.h"
#include "migrate.h"

struct candidate {
    const char *text;
    const char *meaning; /* "" if there is nothing to say */
};

/* What the last word could become. */
struct completion {
    enum word_kind word; /* WORD_FILE, WORD_FOLDER, WORD_REVISION: to be added by whoever can look */
    const char *prefix;  /* what each candidate begins with: "--head=", or "" */
    const char *typed;   /* of the last word, behind the prefix */
    struct candidate *items;
    size_t count;
    size_t capacity;
    struct command_line line; /* the words before it, as far as they could be read */
};

/* The script of "bash", "zsh" or "fish". */
const char *completion_script(const char *shell);
/* `words`: those behind "migrate" up to the cursor; the last may be "". */
void complete(struct names words, struct arena *arena, struct completion *completion);
/* Adds what names a revision: the symbols, ids and branches. Of a range, one end at a time. */
void completion_add_revisions(struct completion *completion, struct arena *arena,
                              const struct migrate_listing *listing);

#endif
