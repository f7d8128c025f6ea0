/* editor.h: opening a file in the user's editor. */
#ifndef MIGRATE_CLI_EDITOR_H
#define MIGRATE_CLI_EDITOR_H

#include "base/error.h"

/* Runs $VISUAL, else $EDITOR, else sensible-editor or vi, as a shell command with the path behind it, and waits.
 * MIGRATE_FILE when it cannot be run or ends with another status than 0. */
MUST_CHECK bool editor_run(const char *path, struct error *err);

#endif
