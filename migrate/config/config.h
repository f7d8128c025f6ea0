/* config.h: defaults < migrate.ini < .env < environment < argv -> one const struct. */
#ifndef MIGRATE_CONFIG_CONFIG_H
#define MIGRATE_CONFIG_CONFIG_H

#include "base/text.h"

/* What argv says; NULL and false where it says nothing. */
struct config_overrides {
    const char *config;
    const char *section;
    const char *directory;
    const char *url;
    const char *env_file;
    bool no_env_file;
};

/* The database as the first source that names one has it. Of the parts, each comes from the environment or else from
 * .env, whichever of the two named the host. */
struct config_database {
    const char *url; /* NULL: in parts, or in a secret, or nowhere */
    const char *host, *port, *name, *user, *password;
    const char *secret_file; /* read again at each connection: secret_read(), with the parts as what it leaves open */
    const char *source; /* "DATABASE_URL in the environment"; NULL: nothing names a database. All else NULL: libpq's
                         * own PG* variables do */
};

struct config {
    const char *file;                 /* migrate.ini in use, as short as it can be named; NULL: there is none */
    const char *section;              /* "migrate" */
    const char *folder;               /* where migrate.ini is, or "." : relative paths in it start there */
    const char *script_location;      /* migrations folder, ready to open */
    struct names version_locations;   /* folders to read, script_location's by default */
    const char *file_template;        /* "${year}${month}${day}${hour}${minute}_${rev}_${slug}" */
    const char *version_table;        /* "alembic_version" */
    const char *version_table_schema; /* NULL: where search_path puts it */
    const char *history_table;        /* "migrate_history"; NULL: turned off */
    bool pooler_is_session;           /* pooler = session */
    struct config_database database;
    int64_t wait_ms; /* keep trying so long while the server is away; -1 where unset */
    /* Each NULL or -1 where unset: whoever uses it has the default. */
    const char *ssl_mode, *ssl_root_cert, *ssl_cert, *ssl_key, *application_name, *role, *search_path;
    int64_t connect_timeout_s, read_timeout_s, statement_timeout_ms, idle_timeout_ms, lock_timeout_ms;
    const char *pool_size, *max_overflow; /* of the application's pool, as they are written: doctor alone reads them */
    struct names warnings;                /* unknown keys of the file and the like, as sentences */
};

/* Reads migrate.ini (named, or the nearest from the current folder up), .env beside it, the environment. A file that
 * was named must exist. Empty variables and keys count as unset. Relative paths in migrate.ini start at its folder, all
 * others at the current one. MIGRATE_CONFIGURATION with file and line, or MIGRATE_FILE for one that is there and cannot
 * be read; never a password in a message. */
MUST_CHECK bool config_read(const struct config_overrides *overrides, struct arena *arena, struct config *config,
                            struct error *err);
/* The error for a config that names no database: MIGRATE_NO_DATABASE, listing where one can be named. */
bool config_no_database(const struct config *config, struct error *err);

/* A mounted JSON secret: host, port, database or dbname, username or user, password, url, sqlalchemy_url, engine.
 * Fills url, or those of the parts that it has (a secret that RDS keeps has the user and the password alone; the host
 * is then DATABASE_HOST's). MIGRATE_CONFIGURATION, MIGRATE_FILE as above; never a value of the file in a message. */
MUST_CHECK bool secret_read(const char *path, struct arena *arena, struct config_database *database, struct error *err);

/* One KEY=value of a file in .env's form, or of an ini section. */
struct setting {
    const char *name;
    const char *value;
    unsigned line;
};
struct settings {
    struct setting *items;
    size_t count;
    size_t capacity;
};
/* The text of either file holds no NUL: config_read() refuses one that does. */

/* .env as shells and docker write it: comments (behind a value too, after white space), `export`, quotes '' and ""
 * (escapes in "" only) that may span lines, no expansion. A name without = is left out. */
MUST_CHECK bool env_parse(struct text text, const char *path, struct arena *arena, struct settings *settings,
                          struct error *err);
/* The section's keys in lower case, those of the section it inherits from first ([migrate:staging] from [migrate]);
 * later wins. As Python's configparser reads it: `key = value` or `key: value`, an indented line goes on with the value
 * above it (joined by \n); but a comment is a whole line that begins with # or ;, since a URL may hold either. A
 * section that is not there: MIGRATE_CONFIGURATION, unless it is "migrate". */
MUST_CHECK bool ini_parse(struct text text, const char *path, const char *section, struct arena *arena,
                          struct settings *settings, struct error *err);
/* The names of all its sections, in order. */
struct names ini_sections(struct text text, struct arena *arena);

#endif
