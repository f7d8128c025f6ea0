/* backup.h: a way back, written before a database is changed. */
#ifndef MIGRATE_COMMAND_BACKUP_H
#define MIGRATE_COMMAND_BACKUP_H

#include "command/session.h"

/* What was asked for, and what came of it. */
struct backup {
    struct migrate *migrate;
    const char *path;
    bool with_data; /* PostgreSQL: the rows too */
    struct migrate_outcome *outcome;
};

/* If the options want a backup: has the change call for it before anything runs. The backup and the outcome live as
 * long as the change. MIGRATE_USAGE; later MIGRATE_FILE, MIGRATE_PERMISSION, MIGRATE_INTERRUPTED. */
MUST_CHECK bool backup_plan(struct migrate *migrate, const struct migrate_change_options *options,
                            struct migrate_outcome *outcome, struct backup *backup, struct change *change,
                            struct error *err);

/* ---- dump.c: PostgreSQL's own program for it */

/* Has pg_dump write the database into `path`, which is there and empty. Refuses one older than the server. */
MUST_CHECK bool dump_postgresql(struct migrate *migrate, const char *path, bool with_data, struct error *err);

#endif
