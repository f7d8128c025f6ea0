/* libpq.h: libpq, loaded when a PostgreSQL database is first named. */
#ifndef MIGRATE_DATABASE_LIBPQ_H
#define MIGRATE_DATABASE_LIBPQ_H

#include "base/error.h"

/* Must have succeeded before the first call into libpq; costs nothing when repeated. MIGRATE_FILE. */
MUST_CHECK bool libpq_load(struct error *err);

#endif
