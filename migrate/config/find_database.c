/* find_database.c: which database is meant.
 *
 * All of `database_variables` in the environment goes before any of it in .env, so that what an image carries never
 * overrides what its pod was given. */
#include "config/find_database.h"

#include "base/file.h"
#include "config/values.h"

#include <stddef.h>

static const struct {
    const char *name;
    size_t field;
} database_variables[] = {
    {"MIGRATE_DATABASE_URL", offsetof(struct config_database, url)},
    {"DATABASE_URL", offsetof(struct config_database, url)},
    {"SQLALCHEMY_DATABASE_URI", offsetof(struct config_database, url)},
    {"DB_URL", offsetof(struct config_database, url)},
    {"DATABASE_SECRET_FILE", offsetof(struct config_database, secret_file)},
    {"DATABASE_HOST", offsetof(struct config_database, host)},
};
enum { DATABASE_VARIABLES = sizeof database_variables / sizeof database_variables[0] };

static void set_database(const struct sources *sources, const struct value *value, size_t field,
                         struct config_database *database)
{
    *(const char **)(void *)((char *)database + field) = value->text;
    database->source =
        arena_printf(sources->arena, "%s in %s", value->name, value->path ? value->path : "the environment");
}

static bool find_variable(const struct sources *sources, find_function *find, struct config_database *database)
{
    struct value value;
    for (size_t i = 0; i < DATABASE_VARIABLES; i++) {
        if (find(sources, database_variables[i].name, &value)) {
            set_database(sources, &value, database_variables[i].field, database);
            return true;
        }
    }
    return false;
}

static void find_parts(const struct sources *sources, struct config_database *database)
{
    const struct {
        const char *name;
        const char **field;
    } parts[] = {
        {"DATABASE_HOST", &database->host},         {"DATABASE_PORT", &database->port},
        {"DATABASE_NAME", &database->name},         {"DATABASE_USER", &database->user},
        {"DATABASE_PASSWORD", &database->password},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct value value;
        if (sources_environment(sources, parts[i].name, &value) || sources_env_file(sources, parts[i].name, &value))
            *parts[i].field = value.text;
    }
}

/* sqlite:///app.db in a file names a file beside that file, from wherever the tool is started. */
static const char *url_beside(const struct sources *sources, const char *url)
{
    static const char slashes[] = ":///";
    const char *path = text_starts_nocase(text_of(url), "sqlite") ? strstr(url, slashes) : NULL;
    path = path ? path + sizeof slashes - 1 : strstr(url, "://") ? NULL : url;
    if (!path || *path == '\0' || *path == '/' || *path == '?' || text_starts(text_of(path), ":memory:") ||
        text_starts(text_of(path), "file:"))
        return url;
    return arena_printf(sources->arena, "%.*s%s", (int)(path - url), url,
                        path_join(sources->arena, sources->folder, short_path(path, sources->arena)));
}

static bool find_url_in_file(const struct sources *sources, struct config_database *database, bool *found,
                             struct error *err)
{
    struct value value;
    *found = sources_ini_file(sources, "url", &value) || sources_ini_file(sources, "sqlalchemy.url", &value);
    if (!*found)
        return true;
    if (!value_interpolate(sources, &value, &value.text, err))
        return false;
    value.text = url_beside(sources, value.text);
    set_database(sources, &value, offsetof(struct config_database, url), database);
    return true;
}

/* libpq reads these by itself; that one of them names a database is all we say. */
static void find_libpq(const struct sources *sources, struct config_database *database)
{
    static const char *const variables[] = {"PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE"};
    struct value value;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0] && !database->source; i++)
        if (sources_environment(sources, variables[i], &value))
            database->source = arena_printf(sources->arena, "%s in the environment", value.name);
}

bool find_database(const struct sources *sources, const char *url, struct config_database *database, struct error *err)
{
    if (url && *url) {
        *database = (struct config_database){.url = url, .source = "--url"};
        return true;
    }
    if (find_variable(sources, sources_environment, database) || find_variable(sources, sources_env_file, database)) {
        if (!database->url)
            find_parts(sources, database);
        return true;
    }
    bool found = false;
    if (!find_url_in_file(sources, database, &found, err))
        return false;
    if (!found)
        find_libpq(sources, database);
    return true;
}

bool config_no_database(const struct config *config, struct error *err)
{
    error_set(
        err, MIGRATE_NO_DATABASE,
        "no database is named: not by --url, MIGRATE_DATABASE_URL, DATABASE_URL, SQLALCHEMY_DATABASE_URI, DB_URL, "
        "DATABASE_SECRET_FILE or DATABASE_HOST in the environment or .env, url or sqlalchemy.url in %s%s, nor "
        "libpq's PGHOST, PGDATABASE or PGSERVICE",
        config->file ? config->file : "migrate.ini", config->file ? "" : " (there is none)");
    return error_hint(err, "Set DATABASE_URL, as in postgresql://user:password@host:5432/name or sqlite:///app.db.");
}
