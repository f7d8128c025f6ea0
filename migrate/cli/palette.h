/* palette.h: the few colours there are, and what stands for each where there are none. A writer takes a palette and
 * need not ask whether it writes to a terminal. */
#ifndef MIGRATE_CLI_PALETTE_H
#define MIGRATE_CLI_PALETTE_H

/* Escape sequences, or "". `off` ends each of the others. */
struct palette {
    const char *bold, *dim, *red, *green, *yellow, *blue, *magenta, *cyan, *off;
};

static const struct palette palette_plain = {"", "", "", "", "", "", "", "", ""};
static const struct palette palette_ansi = {"\033[1m",  "\033[2m",  "\033[31m", "\033[32m", "\033[33m",
                                            "\033[34m", "\033[35m", "\033[36m", "\033[0m"};

#endif
