/* sources.h: the three sources of settings: the environment, .env, migrate.ini. */
#ifndef MIGRATE_CONFIG_SOURCES_H
#define MIGRATE_CONFIG_SOURCES_H

#include "config/config.h"

/* A value and where it stands, for messages. */
struct value {
    const char *text; /* NULL: unset */
    const char *name; /* "DB_LOCK_TIMEOUT", "lock_timeout" */
    const char *path; /* NULL: in the environment */
    unsigned line;
};

struct sources {
    struct arena *arena;
    const char *folder;       /* of migrate.ini, or "." */
    const char *env_path;     /* NULL: there is no .env */
    struct settings env_file; /* what it holds */
    const char *ini_path;     /* NULL: there is no migrate.ini */
    struct settings ini_file;
    struct name_list warnings; /* as in struct config */
};

/* Says where migrate.ini is: the one that was named, or the nearest. MIGRATE_CONFIGURATION if the one named is none,
 * MIGRATE_FILE if that cannot be seen. */
MUST_CHECK bool sources_find_ini(struct sources *sources, const struct config_overrides *overrides, struct error *err);
/* Both are read as far as they are there. MIGRATE_CONFIGURATION, MIGRATE_FILE. */
MUST_CHECK bool sources_read_ini(struct sources *sources, const char *section, struct error *err);
MUST_CHECK bool sources_read_env(struct sources *sources, const struct config_overrides *overrides, struct error *err);

/* A name's value in one of them; false, and text NULL, if it is unset or empty there. */
typedef bool find_function(const struct sources *sources, const char *name, struct value *value);
find_function sources_environment, sources_env_file, sources_ini_file;

/* As file_read() does it, but a name that leads to no file is MIGRATE_CONFIGURATION; MIGRATE_FILE is left for a file
 * that is there and cannot be read. */
MUST_CHECK bool config_file_read(const char *path, struct arena *arena, struct text *content, struct error *err);

/* "./migrations/" -> "migrations": as people write it, and as messages show it. */
const char *short_path(const char *path, struct arena *arena);

#endif
