/* config.c: what there is to set, as one list.
 *
 * Three sources are asked in turn: the environment, .env, migrate.ini (sources.h). `keys` below names each key of
 * migrate.ini, its variable, and how a value is read (values.h). The database itself is found by a list of its own
 * (find_database.h). */
#include "config/config.h"

#include "base/file.h"
#include "config/find_database.h"
#include "config/values.h"

#include <stddef.h>

static const struct key {
    const char *name;     /* in migrate.ini */
    const char *variable; /* in the environment and .env; NULL: migrate.ini alone has it */
    take_function *take;  /* NULL: see find_database.c */
    size_t field;
} keys[] = {
    {"script_location", NULL, take_location, offsetof(struct config, script_location)},
    {"version_locations", NULL, take_locations, offsetof(struct config, version_locations)},
    {"file_template", NULL, take_file_template, offsetof(struct config, file_template)},
    {"version_table", NULL, take_text, offsetof(struct config, version_table)},
    {"version_table_schema", NULL, take_text, offsetof(struct config, version_table_schema)},
    {"history_table", NULL, take_history_table, offsetof(struct config, history_table)},
    {"url", NULL, NULL, 0},
    {"sqlalchemy.url", NULL, NULL, 0},
    {"pooler", NULL, take_pooler, offsetof(struct config, pooler_is_session)},
    {"wait", NULL, take_wait, offsetof(struct config, wait_ms)},
    {"connect_timeout", "DB_CONNECT_TIMEOUT", take_seconds, offsetof(struct config, connect_timeout_s)},
    {"read_timeout", "DB_READ_TIMEOUT", take_seconds, offsetof(struct config, read_timeout_s)},
    {"ssl_mode", "DB_SSL_MODE", take_ssl_mode, offsetof(struct config, ssl_mode)},
    {"ssl_root_cert", "DB_SSL_ROOT_CERT", take_certificate, offsetof(struct config, ssl_root_cert)},
    {"ssl_cert", "DB_SSL_CERT", take_certificate, offsetof(struct config, ssl_cert)},
    {"ssl_key", "DB_SSL_KEY", take_certificate, offsetof(struct config, ssl_key)},
    {"application_name", "DB_APPLICATION_NAME", take_text, offsetof(struct config, application_name)},
    {"statement_timeout", "DB_STATEMENT_TIMEOUT", take_milliseconds, offsetof(struct config, statement_timeout_ms)},
    {"idle_timeout", "DB_IDLE_TIMEOUT", take_milliseconds, offsetof(struct config, idle_timeout_ms)},
    {"lock_timeout", "DB_LOCK_TIMEOUT", take_milliseconds, offsetof(struct config, lock_timeout_ms)},
    {"role", "DB_ROLE", take_text, offsetof(struct config, role)},
    {"pool_size", "DB_POOL_SIZE", take_text, offsetof(struct config, pool_size)},
    {"max_overflow", "DB_MAX_OVERFLOW", take_text, offsetof(struct config, max_overflow)},
    {"search_path", "DB_SEARCH_PATH", take_text, offsetof(struct config, search_path)},
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static const struct config defaults = {
    .section = "migrate",
    .folder = ".",
    .script_location = "migrations",
    .file_template = "${year}${month}${day}${hour}${minute}_${rev}_${slug}",
    .version_table = "alembic_version",
    .history_table = "migrate_history",
    .wait_ms = -1,
    .connect_timeout_s = -1,
    .read_timeout_s = -1,
    .statement_timeout_ms = -1,
    .idle_timeout_ms = -1,
    .lock_timeout_ms = -1,
};

static bool in_any(const struct sources *sources, const struct key *key, struct value *value)
{
    return (key->variable &&
            (sources_environment(sources, key->variable, value) || sources_env_file(sources, key->variable, value))) ||
           sources_ini_file(sources, key->name, value);
}

static void warn_of_unknown_keys(struct sources *sources)
{
    const char *known[KEYS];
    for (size_t i = 0; i < KEYS; i++)
        known[i] = keys[i].name;
    struct names names = {known, KEYS};
    for (size_t i = 0; i < sources->ini_file.count; i++) {
        const struct setting *setting = &sources->ini_file.items[i];
        if (names_have(names, setting->name))
            continue;
        const char *closest = text_closest(setting->name, names);
        ARENA_PUSH(sources->arena, &sources->warnings,
                   arena_printf(sources->arena, "%s:%u: there is no key \"%s\"%s%s%s", sources->ini_path, setting->line,
                                setting->name, closest ? "; did you mean \"" : "", closest ? closest : "",
                                closest ? "\"?" : ""));
    }
}

static bool take_keys(const struct sources *sources, struct config *config, struct error *err)
{
    for (size_t i = 0; i < KEYS; i++) {
        struct value value;
        if (keys[i].take && in_any(sources, &keys[i], &value) &&
            !keys[i].take(sources, &value, (char *)config + keys[i].field, err))
            return false;
    }
    if (config->history_table && strcmp(config->history_table, config->version_table) == 0) {
        error_set(err, MIGRATE_CONFIGURATION, "version_table and history_table are both \"%s\"", config->version_table);
        return error_place(err, sources->ini_path, 0, 0);
    }
    return true;
}

static void settle_folders(const struct config_overrides *overrides, struct arena *arena, struct config *config)
{
    if (overrides->directory && *overrides->directory) {
        config->script_location = short_path(overrides->directory, arena);
        config->version_locations = (struct names){0};
    }
    if (config->version_locations.count == 0) {
        struct name_list only = {0};
        ARENA_PUSH(arena, &only, config->script_location);
        config->version_locations = names_of(&only);
    }
}

static bool is_or_inherits(const char *section, const char *base)
{
    size_t length = strlen(base);
    return strncmp(section, base, length) == 0 && (section[length] == '\0' || section[length] == ':');
}

bool config_read(const struct config_overrides *overrides, struct arena *arena, struct config *config,
                 struct error *err)
{
    struct sources sources = {.arena = arena, .folder = "."};
    struct config found = defaults;
    if (overrides->section && *overrides->section)
        found.section = overrides->section;
    if (!sources_find_ini(&sources, overrides, err))
        return false;
    if (sources.ini_path) {
        sources.folder = path_folder(arena, sources.ini_path);
        found.script_location = path_join(arena, sources.folder, found.script_location);
    }
    if (!sources_read_ini(&sources, found.section, err) || !sources_read_env(&sources, overrides, err) ||
        !take_keys(&sources, &found, err) || !find_database(&sources, overrides->url, &found.database, err))
        return false;
    if (!is_or_inherits(found.section, "alembic")) // or it is written for another program, whose keys we need not know
        warn_of_unknown_keys(&sources);

    found.file = sources.ini_path;
    found.folder = sources.folder;
    settle_folders(overrides, arena, &found);
    found.warnings = names_of(&sources.warnings);
    *config = found;
    return true;
}
