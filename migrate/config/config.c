/* config.c: where each setting comes from.
 *
 * Three sources are asked in turn: the environment, .env, migrate.ini. `keys` below is the one list of what there is to
 * set: the key of migrate.ini, its variable, and how a value is read. The database itself is found by its own list,
 * `database_variables`: all of it in the environment goes before any of it in .env, so that what an image carries never
 * overrides what its pod was given. */
#include "config/config.h"

#include "base/file.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>

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
    bool is_alembic; /* the section is [alembic]: written for another program, whose keys we need not know */
};

/* --- values ------------------------------------------------------------------------------------- */

static bool wrong(const struct value *value, struct error *err, const char *what)
{
    error_set(err, MIGRATE_CONFIGURATION, "%s%s: %s", value->name, value->path ? "" : " in the environment", what);
    if (value->path)
        error_place(err, value->path, value->line, 0);
    return false;
}

/* "./migrations/" -> "migrations": as people write it, and as messages show it. */
static const char *short_path(const char *path, struct arena *arena)
{
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
        path += strspn(path, "/");
    }
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length ? arena_copy(arena, path, length) : ".";
}

static const char *absolute(const char *folder, struct arena *arena)
{
    char path[PATH_MAX];
    return arena_string(arena, realpath(folder, path) ? path : folder);
}

/* %(here)s is the folder of the file and %% a %, as in alembic.ini. A lone % stands for itself, since URLs have it. */
static bool interpolate(const struct sources *sources, const struct value *value, const char **result,
                        struct error *err)
{
    static const char here[] = "%(here)s";
    struct buffer text = {.arena = sources->arena};
    for (const char *at = value->text; *at; at++) {
        if (strncmp(at, here, sizeof here - 1) == 0) {
            buffer_string(&text, absolute(sources->folder, sources->arena));
            at += sizeof here - 2;
        } else if (at[0] == '%' && at[1] == '(') {
            return wrong(value, err, "%(here)s is the only name that can be filled in");
        } else {
            buffer_character(&text, *at);
            at += at[0] == '%' && at[1] == '%';
        }
    }
    *result = buffer_done(&text);
    return true;
}

/* A path as it can be opened from the current folder: one in migrate.ini starts where that is. */
static const char *located(const struct sources *sources, const struct value *value, const char *path)
{
    if (!value->path || value->path != sources->ini_path)
        return short_path(path, sources->arena);
    const char *here = absolute(sources->folder, sources->arena);
    size_t length = strlen(here);
    if (strncmp(path, here, length) == 0 && path[length] == '/') // came from %(here)s
        path += length + 1 + strspn(path + length + 1, "/");
    return short_path(path_join(sources->arena, sources->folder, short_path(path, sources->arena)), sources->arena);
}

static bool take_text(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    (void)sources, (void)err;
    *(const char **)field = value->text;
    return true;
}

static bool take_location(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    const char *path = NULL;
    if (!interpolate(sources, value, &path, err))
        return false;
    *(const char **)field = located(sources, value, path);
    return true;
}

/* Folders with commas or white space between them. */
static bool take_locations(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    const char *text = NULL;
    if (!interpolate(sources, value, &text, err))
        return false;
    struct name_list folders = {0};
    while (*(text += strspn(text, ", \t\r\n"))) {
        size_t length = strcspn(text, ", \t\r\n");
        ARENA_PUSH(sources->arena, &folders, located(sources, value, arena_copy(sources->arena, text, length)));
        text += length;
    }
    *(struct names *)field = names_of(&folders);
    return true;
}

/* Alembic's %%(rev)s and %%(month).2d are read as our own ${rev} and ${month}. */
static bool take_file_template(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    (void)err;
    struct buffer text = {.arena = sources->arena};
    for (const char *at = value->text; *at;) {
        const char *open = at + strspn(at, "%");
        const char *close = open > at && *open == '(' ? strchr(open, ')') : NULL;
        const char *type = close ? close + 1 + strspn(close + 1, ".0123456789") : NULL;
        if (type && (*type == 's' || *type == 'd')) {
            buffer_printf(&text, "${%.*s}", (int)(close - open - 1), open + 1);
            at = type + 1;
        } else {
            buffer_character(&text, *at++);
        }
    }
    *(const char **)field = buffer_done(&text);
    return true;
}

static bool take_history_table(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    (void)sources, (void)err;
    *(const char **)field = strcmp(value->text, "none") == 0 ? NULL : value->text;
    return true;
}

static bool take_pooler(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    (void)sources;
    bool is_session = strcmp(value->text, "session") == 0;
    if (!is_session && strcmp(value->text, "none") != 0)
        return wrong(value, err, "is \"session\" (the pooler keeps one server connection for ours) or \"none\"");
    *(bool *)field = is_session;
    return true;
}

static bool take_duration(const struct sources *sources, const struct value *value, int64_t unit_ms,
                          int64_t *milliseconds, struct error *err)
{
    if (text_duration(text_of(value->text), unit_ms, milliseconds))
        return true;
    return wrong(value, err,
                 arena_printf(sources->arena, "\"%s\" is no time: a number of %s, or one with ms, s, min or h",
                              value->text, unit_ms == 1 ? "milliseconds" : "seconds"));
}

static bool take_milliseconds(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    return take_duration(sources, value, 1, field, err);
}

static bool take_wait(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    return take_duration(sources, value, 1000, field, err);
}

static bool take_seconds(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    int64_t milliseconds = 0;
    if (!take_duration(sources, value, 1000, &milliseconds, err))
        return false;
    *(int64_t *)field = milliseconds / 1000 + (milliseconds % 1000 != 0); // 500ms is not "for ever", which 0 is
    return true;
}

static bool take_ssl_mode(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
    struct names names = {modes, sizeof modes / sizeof modes[0]};
    *(const char **)field = value->text;
    if (names_have(names, value->text))
        return true;
    return wrong(
        value, err,
        arena_printf(sources->arena, "\"%s\" is none of %s", value->text, names_join(names, ", ", sources->arena)));
}

/* "system" is libpq's word for the system's own roots. */
static bool take_certificate(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    if (strcmp(value->text, "system") == 0)
        return take_text(sources, value, field, err);
    return take_location(sources, value, field, err);
}

/* --- the keys ----------------------------------------------------------------------------------- */

typedef bool take_function(const struct sources *sources, const struct value *value, void *field, struct error *err);

static const struct key {
    const char *name;     /* in migrate.ini */
    const char *variable; /* in the environment and .env; NULL: migrate.ini alone has it */
    take_function *take;  /* NULL: see find_database() */
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

/* --- looking a name up -------------------------------------------------------------------------- */

/* A variable that was filled from a file often has the line's end on it, which is part of no value. */
static bool in_environment(const struct sources *sources, const char *variable, struct value *value)
{
    const char *text = getenv(variable);
    size_t length = text ? strlen(text) : 0;
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    *value = (struct value){.text = length ? arena_copy(sources->arena, text, length) : NULL, .name = variable};
    return value->text != NULL;
}

/* The last of its name; an empty one unsets those before it. */
static bool in_settings(const struct settings *settings, const char *path, const char *name, struct value *value)
{
    *value = (struct value){0};
    for (size_t i = settings->count; i-- > 0;) {
        const struct setting *setting = &settings->items[i];
        if (strcmp(setting->name, name) != 0)
            continue;
        *value = (struct value){.text = *setting->value ? setting->value : NULL, name, path, setting->line};
        break;
    }
    return value->text != NULL;
}

static bool in_env_file(const struct sources *sources, const char *variable, struct value *value)
{
    return in_settings(&sources->env_file, sources->env_path, variable, value);
}

static bool in_ini_file(const struct sources *sources, const char *name, struct value *value)
{
    return in_settings(&sources->ini_file, sources->ini_path, name, value);
}

static bool in_any(const struct sources *sources, const struct key *key, struct value *value)
{
    return (key->variable &&
            (in_environment(sources, key->variable, value) || in_env_file(sources, key->variable, value))) ||
           in_ini_file(sources, key->name, value);
}

/* --- the database ------------------------------------------------------------------------------- */

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

typedef bool find_function(const struct sources *sources, const char *name, struct value *value);

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
        if (in_environment(sources, parts[i].name, &value) || in_env_file(sources, parts[i].name, &value))
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
    *found = in_ini_file(sources, "url", &value) || in_ini_file(sources, "sqlalchemy.url", &value);
    if (!*found)
        return true;
    if (!interpolate(sources, &value, &value.text, err))
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
        if (in_environment(sources, variables[i], &value))
            database->source = arena_printf(sources->arena, "%s in the environment", value.name);
}

static bool find_database(const struct sources *sources, const char *url, struct config_database *database,
                          struct error *err)
{
    if (url && *url) {
        *database = (struct config_database){.url = url, .source = "--url"};
        return true;
    }
    if (find_variable(sources, in_environment, database) || find_variable(sources, in_env_file, database)) {
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

/* --- the files ---------------------------------------------------------------------------------- */

static bool is_file(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISDIR(about.st_mode);
}

/* "migrate.ini", "../migrate.ini", ... up to the root; NULL: none of these is there. */
static const char *nearest_ini(struct arena *arena)
{
    const char *folder = ".";
    for (;;) {
        const char *path = path_join(arena, folder, "migrate.ini");
        if (is_file(path))
            return path;
        const char *above = strcmp(folder, ".") == 0 ? ".." : path_join(arena, folder, "..");
        struct stat here, there;
        if (stat(folder, &here) != 0 || stat(above, &there) != 0 ||
            (here.st_dev == there.st_dev && here.st_ino == there.st_ino))
            return NULL;
        folder = above;
    }
}

static unsigned line_at(struct text text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text.at[i] == '\n';
    return line;
}

/* A file's text, without a byte order mark; it must be UTF-8 and hold no NUL, which would cut a value short. */
static bool read_text(const char *path, struct arena *arena, struct text *text, struct error *err)
{
    if (!file_read(path, arena, text, err)) {
        err->code = MIGRATE_CONFIGURATION;
        return false;
    }
    const char *nul = memchr(text->at, '\0', text->length);
    size_t good = nul ? (size_t)(nul - text->at) : text_utf8_length(*text);
    if (good < text->length) {
        error_set(err, MIGRATE_CONFIGURATION, nul ? "there is a NUL byte in this line" : "this line is not in UTF-8");
        return error_place(err, path, line_at(*text, good), 0);
    }
    if (text_starts(*text, "\xEF\xBB\xBF"))
        *text = (struct text){.at = text->at + 3, .length = text->length - 3};
    return true;
}

static void warn(struct sources *sources, struct name_list *warnings, const char *sentence)
{
    ARENA_PUSH(sources->arena, warnings, sentence);
}

static void warn_of_unknown_keys(struct sources *sources, struct name_list *warnings)
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
        warn(sources, warnings,
             arena_printf(sources->arena, "%s:%u: there is no key \"%s\"%s%s%s", sources->ini_path, setting->line,
                          setting->name, closest ? "; did you mean \"" : "", closest ? closest : "",
                          closest ? "\"?" : ""));
    }
}

static bool read_ini(struct sources *sources, const char *section, struct name_list *warnings, struct error *err)
{
    struct text text;
    if (!read_text(sources->ini_path, sources->arena, &text, err) ||
        !ini_parse(text, sources->ini_path, section, sources->arena, &sources->ini_file, err))
        return false;
    struct names sections = ini_sections(text, sources->arena);
    if (!names_have(sections, section))
        warn(sources, warnings,
             arena_printf(sources->arena, "%s has no section [%s]%s", sources->ini_path, section,
                          names_have(sections, "alembic") ? "; --name alembic reads the one it has" : ""));
    if (!sources->is_alembic)
        warn_of_unknown_keys(sources, warnings);
    return true;
}

static bool find_ini(const struct config_overrides *overrides, struct sources *sources, struct error *err)
{
    struct value variable;
    const char *named = overrides->config;
    if (!named && in_environment(sources, "MIGRATE_CONFIG", &variable))
        named = variable.text;
    sources->ini_path = named ? short_path(named, sources->arena) : nearest_ini(sources->arena);
    if (!named || is_file(named))
        return true;
    struct stat about;
    error_set(err, MIGRATE_CONFIGURATION,
              stat(named, &about) == 0 ? "%s is a folder, where a configuration file should be"
                                       : "there is no configuration file %s",
              named);
    return error_hint(err, "It was named by %s.", overrides->config ? "--config" : "MIGRATE_CONFIG in the environment");
}

/* A folder of that name is some Python's virtual environment and no concern of ours. */
static bool read_env(const struct config_overrides *overrides, struct sources *sources, struct error *err)
{
    const char *path = overrides->env_file ? overrides->env_file : path_join(sources->arena, sources->folder, ".env");
    if (overrides->no_env_file || (!overrides->env_file && !is_file(path)))
        return true;
    struct text text;
    sources->env_path = short_path(path, sources->arena);
    if (read_text(sources->env_path, sources->arena, &text, err))
        return env_parse(text, sources->env_path, sources->arena, &sources->env_file, err);
    return err->hint[0] ? false : error_hint(err, "--no-env-file goes without it.");
}

/* --- all of it ---------------------------------------------------------------------------------- */

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
    struct name_list warnings = {0};
    struct config found = defaults;
    if (overrides->section && *overrides->section)
        found.section = overrides->section;
    sources.is_alembic = is_or_inherits(found.section, "alembic");

    if (!find_ini(overrides, &sources, err))
        return false;
    if (sources.ini_path) {
        sources.folder = path_folder(arena, sources.ini_path);
        found.script_location = path_join(arena, sources.folder, found.script_location);
    }
    if ((sources.ini_path && !read_ini(&sources, found.section, &warnings, err)) ||
        !read_env(overrides, &sources, err) || !take_keys(&sources, &found, err) ||
        !find_database(&sources, overrides->url, &found.database, err))
        return false;

    found.file = sources.ini_path;
    found.folder = sources.folder;
    settle_folders(overrides, arena, &found);
    found.warnings = names_of(&warnings);
    *config = found;
    return true;
}
