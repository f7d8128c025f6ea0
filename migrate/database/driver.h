/* driver.h: what a database must be able to do for us.
 *
 * The floors above ask a driver questions and never its name. A driver knows SQL and connections; it has not heard of
 * revisions or scripts. To add a database: fill in one struct driver, name it in database.c, and make
 * tests/driver_test.c pass with it. */
#ifndef MIGRATE_DATABASE_DRIVER_H
#define MIGRATE_DATABASE_DRIVER_H

#include "database/database.h"

struct driver {
    const char *name;       /* "postgresql": as messages print it and URLs spell it */
    bool transactional_ddl; /* can a failed CREATE TABLE be rolled back? */
    bool is_file;           /* the database is a file of ours: its own lock, no schemas, no roles */
    MUST_CHECK bool (*start)(const struct connection *, struct arena *, struct database **, struct error *);
    MUST_CHECK bool (*ready)(struct database *, struct error *);
    void (*close)(struct database *); /* NULL is fine, as with free() */
    MUST_CHECK bool (*ask)(struct database *, const struct question *, size_t count, struct arena *, struct rows *,
                           struct error *);
    MUST_CHECK bool (*lock)(struct database *, const char *name, int64_t wait_ms, struct error *);
    void (*unlock)(struct database *);
    MUST_CHECK bool (*reconnect)(struct database *, struct error *);
    MUST_CHECK bool (*play)(struct database *, const struct batch *, struct played *, struct error *);
    void (*about)(const struct database *, struct arena *, struct database_about *); /* NULL: there is nothing to say */
    struct parameters (*environment)(const struct database *, struct arena *);       /* NULL: none */
    MUST_CHECK bool (*copy)(struct database *, const char *path, struct error *);    /* NULL: no file to copy */
};

extern const struct driver postgres_driver;
extern const struct driver sqlite_driver;

/* What every driver's struct begins with. */
struct database {
    const struct driver *driver;
    const struct connection *connection;
};

#endif
