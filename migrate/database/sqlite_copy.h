/* sqlite_copy.h: a copy of an SQLite file while it is in use. */
#ifndef MIGRATE_DATABASE_SQLITE_COPY_H
#define MIGRATE_DATABASE_SQLITE_COPY_H

#include "database/driver.h"

/* See database_copy(). */
MUST_CHECK bool sqlite_copy(struct database *database, const char *path, struct error *err);

#endif
