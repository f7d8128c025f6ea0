/* help.h: what `migrate help` prints, from the table of commands. Lines have at most HELP_WIDTH columns. */
#ifndef MIGRATE_CLI_HELP_H
#define MIGRATE_CLI_HELP_H

#include "cli/commands.h"
#include "cli/palette.h"

enum { HELP_WIDTH = 100 };

/* `migrate help`: every command in a line, and the global options. */
const char *help_overview(const struct palette *palette, struct arena *arena);
/* `migrate help COMMAND`. */
const char *help_command(const struct command *command, const struct palette *palette, struct arena *arena);

#endif
