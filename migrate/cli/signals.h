/* signals.h: SIGINT and SIGTERM ask the running verb to stop; a second one ends the process at once. */
#ifndef MIGRATE_CLI_SIGNALS_H
#define MIGRATE_CLI_SIGNALS_H

#include "migrate.h"

#include <stdbool.h>

/* Also has SIGPIPE ignored, so that a broken pipe is an error of write(). */
void signals_open(void);
/* The handle that a signal interrupts; NULL before it is closed. Without one a signal ends the process. */
void signals_watch(struct migrate *migrate);
/* While an editor has the terminal, an interrupt is for the editor. */
void signals_leave_to_child(bool leave);
/* The signal that was caught; 0: none. */
int signals_caught(void);

#endif
