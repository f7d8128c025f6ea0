/* manual.h: the manual page, migrate(1), in roff, printed from the table of commands and the table of codes. The build
 * installs what `migrate help --man` prints. */
#ifndef MIGRATE_CLI_MANUAL_H
#define MIGRATE_CLI_MANUAL_H

#include "base/arena.h"

const char *manual_page(struct arena *arena);

#endif
