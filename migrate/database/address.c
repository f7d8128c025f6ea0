/* address.c: which database a URL means, and how it may be shown. What SQLite makes of one is here too; for PostgreSQL
 * see postgres_address.c (the server) and keywords.c (what settings and libpq's own sources add). */
#include "database/address.h"

#include "database/keywords.h"
#include "database/postgres_address.h"
#include "database/url.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static const char *const schemes[] = {
    "postgresql",          "postgres",           "postgresql+psycopg",      "postgresql+psycopg_async",
    "postgresql+psycopg2", "postgresql+asyncpg", "postgresql+psycopg2cffi", "postgresql+pg8000",
    "postgres+psycopg",    "postgres+psycopg2",  "postgres+asyncpg",        "postgres+pg8000",
};
static const char *const sqlite_schemes[] = {"sqlite", "sqlite3", "sqlite+pysqlite", "sqlite+aiosqlite"};

static const char *const sqlite_driver_parameters[] = {
    "timeout", "check_same_thread", "isolation_level", "detect_types", "cached_statements", "cache", "uri",
};

static bool bad_url(struct error *err, const char *what)
{
    return error_set(err, MIGRATE_BAD_URL, "%s", what);
}

/* --- SQLite ------------------------------------------------------------------------------------- */

static bool take_mode(struct address *address, const char *mode, struct error *err)
{
    address->read_only = strcmp(mode, "ro") == 0;
    address->must_exist = address->read_only || strcmp(mode, "rw") == 0;
    if (strcmp(mode, "memory") == 0)
        address->file = ":memory:";
    else if (!address->must_exist && strcmp(mode, "rwc") != 0)
        return bad_url(err, "the URL's mode is none of ro, rw, rwc and memory");
    return true;
}

static bool take_sqlite_query(const struct url *url, struct arena *arena, struct address *address, struct error *err)
{
    struct text query = url->query;
    static const char *const known[] = {"mode"};
    struct text raw_name, raw_value;
    while (url_next_parameter(&query, &raw_name, &raw_value)) {
        const char *name = NULL, *value = NULL;
        if (!url_decode(raw_name, arena, &name, err) || !url_decode(raw_value, arena, &value, err))
            return false;
        if (strcmp(name, "mode") == 0) {
            if (!take_mode(address, value, err))
                return false;
        } else if (!names_have((struct names){sqlite_driver_parameters, LENGTH(sqlite_driver_parameters)}, name)) {
            return url_unknown_parameter(url, name, (struct names){known, 1}, err);
        }
    }
    return true;
}

static bool read_sqlite_url(const char *text, const struct url *url, struct arena *arena, struct address *address,
                            struct error *err)
{
    address->kind = ADDRESS_SQLITE;
    address->database_name = "";
    address->display = address_redact(text, arena);
    if (url->has_login || url->hosts.length) {
        bad_url(err, "an SQLite URL names no host");
        return error_hint(err, "A file is sqlite:///relative.db (three slashes) or sqlite:////absolute.db (four).");
    }
    const char *file = "";
    if (!url_decode(url->path, arena, &file, err))
        return false;
    // SQLAlchemy's way to SQLite's own URIs, with ?uri=true
    size_t scheme_length = text_starts(text_of(file), "file:") ? strlen("file:") : 0;
    address->file = file[scheme_length] ? file + scheme_length : ":memory:";
    return take_sqlite_query(url, arena, address, err);
}

static bool is_sqlite_path(struct text text)
{
    static const char *const endings[] = {".db", ".sqlite", ".sqlite3"};
    if (memmem(text.at, text.length, "://", 3))
        return false;
    for (size_t i = 0; i < LENGTH(endings); i++) {
        size_t length = strlen(endings[i]);
        if (text.length > length && memcmp(text.at + text.length - length, endings[i], length) == 0)
            return true;
    }
    return text_is(text, ":memory:");
}

static void read_sqlite_path(const char *path, struct arena *arena, struct address *address)
{
    struct buffer display = {.arena = arena};
    buffer_string(&display, "sqlite:///");
    buffer_string(&display, path);
    *address = (struct address){.kind = ADDRESS_SQLITE, .file = path, .database_name = ""};
    address->display = buffer_done(&display);
}

/* --- either ------------------------------------------------------------------------------------- */

static bool is_scheme_of(struct text scheme, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_is_nocase(scheme, names[i]))
            return true;
    return false;
}

static bool unknown_scheme(struct text scheme, struct arena *arena, struct error *err)
{
    const char *name = arena_copy(arena, scheme.at, scheme.length);
    const char *closest = text_closest(name, (struct names){schemes, LENGTH(schemes)});
    error_set(err, MIGRATE_BAD_URL, "there is no driver for %s://%s%s%s", name, closest ? "; did you mean " : "",
              closest ? closest : "", closest ? "://?" : "");
    return error_hint(err,
                      "There are postgresql:// and postgres://, also with +psycopg, +psycopg2, +asyncpg or +pg8000, "
                      "and sqlite:///.");
}

bool address_parse(const struct address_parts *parts, const struct connection_settings *settings, struct arena *arena,
                   struct address *address, struct error *err)
{
    *address = (struct address){0};
    struct text text = text_trim(text_of(parts->url));
    if (text.length == 0)
        return postgres_address(parts, NULL, settings, arena, address, err);

    struct address_parts trimmed = {.url = arena_copy(arena, text.at, text.length)};
    if (is_sqlite_path(text)) {
        read_sqlite_path(trimmed.url, arena, address);
        return true;
    }
    struct url url;
    if (!url_split(text_of(trimmed.url), &url, err))
        return err->hint[0] ? false
                            : error_hint(err, "As in postgresql://user:password@host:5432/name or "
                                              "sqlite:///app.db.");
    if (is_scheme_of(url.scheme, schemes, LENGTH(schemes)))
        return postgres_address(&trimmed, &url, settings, arena, address, err);
    if (is_scheme_of(url.scheme, sqlite_schemes, LENGTH(sqlite_schemes)))
        return read_sqlite_url(trimmed.url, &url, arena, address, err);
    return unknown_scheme(url.scheme, arena, err);
}

const char *address_parameter(const struct address *address, const char *name)
{
    const char *value = parameters_get(&address->parameters, name);
    return value ? value : parameters_get(&address->found, name);
}

/* --- as shown ------------------------------------------------------------------------------------ */

/* password, sslpassword, and whatever else calls itself so. */
static bool is_secret(struct text raw_name, struct arena *arena)
{
    struct error ignored;
    const char *name = NULL;
    return !url_decode(raw_name, arena, &name, &ignored) || strcasestr(name, "pass") || strcasestr(name, "pwd") ||
           strcasestr(name, "secret") || strcasestr(name, "token") || strcasestr(name, "key=");
}

static void add_open_parameters(struct buffer *shown, struct text query)
{
    const char *between = "?";
    struct text name, value;
    while (url_next_parameter(&query, &name, &value)) {
        if (is_secret(name, shown->arena))
            continue;
        buffer_string(shown, between);
        buffer_add(shown, name.at, (size_t)(value.at + value.length - name.at));
        between = "&";
    }
}

const char *address_redact(const char *url, struct arena *arena)
{
    struct url parts;
    struct error ignored;
    if (!url_split(text_trim(text_of(url)), &parts, &ignored))
        return "(unreadable URL)";
    struct buffer shown = {.arena = arena};
    buffer_text(&shown, parts.scheme);
    buffer_string(&shown, "://");
    buffer_text(&shown, parts.user);
    if (parts.has_login)
        buffer_character(&shown, '@');
    buffer_text(&shown, parts.hosts);
    if (parts.has_path)
        buffer_character(&shown, '/');
    buffer_text(&shown, parts.path);
    add_open_parameters(&shown, parts.query);
    return buffer_done(&shown);
}
