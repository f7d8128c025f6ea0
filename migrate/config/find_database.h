/* find_database.h: where config_read() has its database from. */
#ifndef MIGRATE_CONFIG_FIND_DATABASE_H
#define MIGRATE_CONFIG_FIND_DATABASE_H

#include "config/sources.h"

/* `url`: --url, or NULL. The first source that names a database; none is no error. MIGRATE_CONFIGURATION. */
MUST_CHECK bool find_database(const struct sources *sources, const char *url, struct config_database *database,
                              struct error *err);

#endif
