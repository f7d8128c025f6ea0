/* address.c: what a URL and the settings beside it mean to libpq and to SQLite.
 *
 * Precedence, for each of libpq's keywords: the URL, the settings, libpq's own sources (PG* variables, service file),
 * our defaults. The third is libpq's to apply, so a keyword that it has a value for is left out here. */
#include "database/address.h"

#include "database/libpq.h"
#include "database/url.h"

#include <libpq-fe.h>
#include <stdlib.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* What libpq knows by itself. */
struct libpq {
    struct name_list keywords;
    struct parameters given; /* by the environment or the service file; passwords left out */
};

struct reading {
    struct arena *arena;
    struct libpq libpq;
    struct address *address;
    bool may_quote; /* a parameter's name may stand in a message: it cannot be a piece of a password */
};

static const char *const schemes[] = {
    "postgresql",          "postgres",           "postgresql+psycopg",      "postgresql+psycopg_async",
    "postgresql+psycopg2", "postgresql+asyncpg", "postgresql+psycopg2cffi", "postgresql+pg8000",
    "postgres+psycopg",    "postgres+psycopg2",  "postgres+asyncpg",        "postgres+pg8000",
};
static const char *const sqlite_schemes[] = {"sqlite", "sqlite3", "sqlite+pysqlite", "sqlite+aiosqlite"};

/* Weakest first. */
static const char *const ssl_modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
enum { SSL_REQUIRE = 3 };

/* For SQLAlchemy's driver or its dialect alone; no server hears of them. */
static const char *const driver_parameters[] = {
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "statement_cache_size",
    "async_fallback",
    "executemany_mode",
};
static const char *const sqlite_driver_parameters[] = {
    "timeout", "check_same_thread", "isolation_level", "detect_types", "cached_statements", "cache", "uri",
};

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    return names_have((struct names){names, count}, name);
}

static bool bad_url(struct error *err, const char *what)
{
    return error_set(err, MIGRATE_BAD_URL, "%s", what);
}

/* --- parameters --------------------------------------------------------------------------------- */

static const char *get(const struct parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->count; i++)
        if (strcmp(parameters->items[i].name, name) == 0)
            return parameters->items[i].value;
    return NULL;
}

/* An empty value is as none: libpq takes it so. */
static void set(struct reading *reading, const char *name, const char *value)
{
    struct parameters *parameters = &reading->address->parameters;
    if (!value || *value == '\0')
        return;
    for (size_t i = 0; i < parameters->count; i++) {
        if (strcmp(parameters->items[i].name, name) == 0) {
            parameters->items[i].value = value;
            return;
        }
    }
    ARENA_PUSH(reading->arena, parameters, (struct parameter){name, value});
}

static void fill(struct reading *reading, const char *name, const char *value)
{
    if (!get(&reading->address->parameters, name))
        set(reading, name, value);
}

/* Ours, or what libpq will find; NULL: neither. */
static const char *effective(const struct reading *reading, const char *name)
{
    const char *value = get(&reading->address->parameters, name);
    return value ? value : get(&reading->libpq.given, name);
}

static void fill_default(struct reading *reading, const char *name, const char *value)
{
    if (!effective(reading, name))
        set(reading, name, value);
}

static void note_options(const PQconninfoOption *options, struct arena *arena, struct libpq *libpq)
{
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        const char *keyword = arena_string(arena, option->keyword);
        ARENA_PUSH(arena, &libpq->keywords, keyword);
        const char *variable = option->envvar ? getenv(option->envvar) : NULL;
        bool is_default =
            !(variable && *variable) && option->compiled && option->val && strcmp(option->val, option->compiled) == 0;
        bool is_secret = strchr(option->dispchar, '*') != NULL;
        if (option->val && *option->val && !is_default && !is_secret)
            ARENA_PUSH(arena, &libpq->given, (struct parameter){keyword, arena_string(arena, option->val)});
    }
}

static bool ask_libpq(struct arena *arena, struct libpq *libpq, struct error *err)
{
    if (!libpq_load(err))
        return false;
    PQconninfoOption *options = PQconndefaults();
    if (!options)
        return error_set(err, MIGRATE_DEFECT, "libpq could not list its options");
    note_options(options, arena, libpq);
    PQconninfoFree(options);
    return true;
}

/* --- hosts -------------------------------------------------------------------------------------- */

static bool is_port(struct text text)
{
    int64_t port = 0;
    return text_integer(text, &port) && port >= 1 && port <= 65535;
}

/* "host", "host:port", "[::1]:port"; outside of a URL's hosts also "::1" and "/folder/of/socket". */
static bool split_port(struct text item, bool is_in_url, struct text *host, struct text *port, struct error *err)
{
    *host = item;
    *port = (struct text){0};
    if (!is_in_url && item.length && *item.at == '/')
        return true;
    struct text behind;
    if (item.length && *item.at == '[') {
        *host = text_split((struct text){.at = item.at + 1, .length = item.length - 1}, ']', &behind);
        if (host->length + 2 > item.length || (behind.length && *behind.at != ':'))
            return bad_url(err, "the host in brackets does not end as one");
        item = behind;
    } else {
        *host = text_split(item, ':', &behind);
        if (memchr(behind.at, ':', behind.length)) {
            *host = item;
            return !is_in_url || bad_url(err, "an IPv6 address stands in brackets, as in [::1]:5432");
        }
    }
    text_split(item, ':', port);
    return port->length == 0 || is_port(*port) || bad_url(err, "the port is no number from 1 to 65535");
}

/* The host and port lists that libpq wants, from a,b:5433. */
static bool set_hosts(struct reading *reading, struct text list, bool is_in_url, struct error *err)
{
    struct buffer hosts = {.arena = reading->arena}, ports = {.arena = reading->arena};
    bool is_list = list.length && memchr(list.at, ',', list.length), has_port = false;
    bool more = list.length > 0;
    while (more) {
        struct text host, port, item = text_split(list, ',', &list);
        more = item.at + item.length < list.at; // a comma stood between: another one follows, if only an empty one
        const char *decoded = NULL;
        if (!split_port(item, is_in_url, &host, &port, err))
            return false;
        if (is_list && host.length == 0)
            return bad_url(err, "one of the hosts is empty");
        if (!is_in_url)
            decoded = arena_copy(reading->arena, host.at, host.length);
        else if (!url_decode(host, reading->arena, &decoded, err))
            return false;
        has_port = has_port || port.length;
        buffer_string(&hosts, decoded);
        buffer_text(&ports, port);
        if (more) {
            buffer_character(&hosts, ',');
            buffer_character(&ports, ',');
        }
    }
    set(reading, "host", buffer_done(&hosts));
    if (has_port)
        set(reading, "port", buffer_done(&ports));
    return true;
}

static bool is_rds(struct text host)
{
    static const char *const domains[] = {".rds.amazonaws.com", ".rds.amazonaws.com.cn"};
    if (host.length && host.at[host.length - 1] == '.')
        host.length--;
    for (size_t i = 0; i < LENGTH(domains); i++) {
        size_t length = strlen(domains[i]);
        if (host.length > length &&
            text_is_nocase((struct text){.at = host.at + host.length - length, .length = length}, domains[i]))
            return true;
    }
    return false;
}

static bool has_rds(struct text hosts)
{
    while (hosts.length)
        if (is_rds(text_trim(text_split(hosts, ',', &hosts))))
            return true;
    return false;
}

/* --- settings and defaults ---------------------------------------------------------------------- */

static bool check_ssl_mode(const struct reading *reading, struct error *err)
{
    const char *mode = get(&reading->address->parameters, "sslmode");
    if (!mode || is_one_of(mode, ssl_modes, LENGTH(ssl_modes)))
        return true;
    bad_url(err, "the sslmode is none that there is");
    return error_hint(err, "There are disable, allow, prefer, require, verify-ca and verify-full.");
}

/* RDS takes unencrypted connections where rds.force_ssl is off, and libpq's "prefer" falls back to them. */
static void settle_rds(struct reading *reading)
{
    const char *hosts = effective(reading, "host");
    if (!hosts || !has_rds(text_of(hosts)))
        return;
    fill_default(reading, "sslmode", "require");
    const char *mode = effective(reading, "sslmode");
    if (is_one_of(mode, ssl_modes, SSL_REQUIRE))
        reading->address->warning = arena_printf(
            reading->arena, "sslmode=%s lets the connection to RDS go unencrypted; require is the default there", mode);
}

static void set_seconds(struct reading *reading, const char *name, int64_t seconds)
{
    if (seconds >= 0)
        fill(reading, name, arena_printf(reading->arena, "%lld", (long long)seconds));
}

/* A server that went away without a word is noticed within read_timeout_s, whether we are sending (tcp_user_timeout)
 * or waiting (a first probe after half of the time, then three). */
static void set_read_timeout(struct reading *reading, int64_t timeout_s)
{
    if (timeout_s <= 0)
        return;
    if (timeout_s > INT32_MAX / 1000)
        timeout_s = INT32_MAX / 1000;
    int64_t idle_s = (timeout_s + 1) / 2, interval_s = (timeout_s - idle_s) / 3;
    set_seconds(reading, "tcp_user_timeout", timeout_s * 1000);
    fill(reading, "keepalives", "1");
    set_seconds(reading, "keepalives_idle", idle_s);
    set_seconds(reading, "keepalives_interval", interval_s ? interval_s : 1);
    fill(reading, "keepalives_count", "3");
}

static void add_settings(struct reading *reading, const struct connection_settings *settings)
{
    fill(reading, "sslmode", settings->ssl_mode);
    fill(reading, "sslrootcert", settings->ssl_root_cert);
    fill(reading, "sslcert", settings->ssl_cert);
    fill(reading, "sslkey", settings->ssl_key);
    fill(reading, "application_name", settings->application_name);
    set_seconds(reading, "connect_timeout", settings->connect_timeout_s);
    set_read_timeout(reading, settings->read_timeout_s);
}

static void add_defaults(struct reading *reading)
{
    fill(reading, "fallback_application_name", "migrate"); // gives way to PGAPPNAME and to a service's
    fill_default(reading, "connect_timeout", "10");
    const char *hosts = effective(reading, "host");
    if (hosts && strchr(hosts, ','))
        fill_default(reading, "target_session_attrs", "read-write");
    settle_rds(reading);
}

/* --- PostgreSQL --------------------------------------------------------------------------------- */

static bool take_ssl(struct reading *reading, const char *value, struct error *err)
{
    bool wanted = false;
    if (is_one_of(value, ssl_modes, LENGTH(ssl_modes)))
        set(reading, "sslmode", value);
    else if (text_boolean(text_of(value), &wanted))
        set(reading, "sslmode", wanted ? "require" : "disable");
    else
        return bad_url(err, "the URL's ssl is neither an sslmode nor true or false");
    return true;
}

static bool unknown_parameter(const struct reading *reading, const char *name, struct names known, struct error *err)
{
    if (!reading->may_quote)
        return bad_url(err, "the URL has a parameter that is not known");
    const char *closest = text_closest(name, known);
    error_set(err, MIGRATE_BAD_URL, "the URL's parameter \"%s\" is not known", name);
    return closest ? error_hint(err, "Did you mean \"%s\"?", closest) : false;
}

static bool take_parameter(struct reading *reading, const char *name, const char *value, struct name_list *hosts,
                           struct error *err)
{
    struct names keywords = names_of(&reading->libpq.keywords);
    if (strcmp(name, "ssl") == 0)
        return take_ssl(reading, value, err);
    if (strcmp(name, "host") == 0)
        ARENA_PUSH(reading->arena, hosts, value);
    else if (names_have(keywords, name))
        set(reading, name, value);
    else if (!is_one_of(name, driver_parameters, LENGTH(driver_parameters)))
        return unknown_parameter(reading, name, keywords, err);
    return true;
}

static bool take_query(struct reading *reading, struct text query, struct error *err)
{
    struct name_list hosts = {0};
    struct text raw_name, raw_value;
    while (url_next_parameter(&query, &raw_name, &raw_value)) {
        const char *name = NULL, *value = NULL;
        if (!url_decode(raw_name, reading->arena, &name, err) || !url_decode(raw_value, reading->arena, &value, err) ||
            !take_parameter(reading, name, value, &hosts, err))
            return false;
    }
    return hosts.count == 0 ||
           set_hosts(reading, text_of(names_join(names_of(&hosts), ",", reading->arena)), false, err);
}

static bool take_decoded(struct reading *reading, const char *keyword, struct text raw, struct error *err)
{
    const char *value = NULL;
    if (!url_decode(raw, reading->arena, &value, err))
        return false;
    set(reading, keyword, value);
    return true;
}

static bool take_postgresql_url(struct reading *reading, const struct url *url, struct error *err)
{
    return take_decoded(reading, "user", url->user, err) && take_decoded(reading, "password", url->password, err) &&
           set_hosts(reading, url->hosts, true, err) && take_decoded(reading, "dbname", url->path, err) &&
           take_query(reading, url->query, err);
}

static bool take_parts(struct reading *reading, const struct address_parts *parts, struct error *err)
{
    if (parts->host && strstr(parts->host, "://")) {
        bad_url(err, "the database's host is a URL");
        return error_hint(err, "A whole URL goes into DATABASE_URL.");
    }
    if (parts->host && !set_hosts(reading, text_of(parts->host), false, err))
        return false;
    struct text rest = text_of(parts->port);
    while (rest.length)
        if (!is_port(text_trim(text_split(rest, ',', &rest))))
            return bad_url(err, "the database's port is no number from 1 to 65535");
    set(reading, "port", parts->port);
    set(reading, "dbname", parts->name);
    set(reading, "user", parts->user);
    set(reading, "password", parts->password);
    return true;
}

/* postgresql://user@host:port/name, from what is known of them. */
static const char *spelled(const struct reading *reading)
{
    struct buffer text = {.arena = reading->arena};
    const char *user = effective(reading, "user"), *name = effective(reading, "dbname");
    const char *host = effective(reading, "host"), *port = effective(reading, "port");
    struct text hosts = text_of(host ? host : ""), ports = text_of(port ? port : "");
    buffer_string(&text, "postgresql://");
    if (user) {
        url_encode(&text, user);
        buffer_character(&text, '@');
    }
    for (bool more = hosts.length || ports.length; more; more = hosts.length) {
        struct text one = text_split(hosts, ',', &hosts);
        bool is_ipv6 = memchr(one.at, ':', one.length) && *one.at != '/';
        buffer_string(&text, is_ipv6 ? "[" : "");
        if (is_ipv6)
            buffer_text(&text, one);
        else
            url_encode(&text, arena_copy(reading->arena, one.at, one.length));
        buffer_string(&text, is_ipv6 ? "]" : "");
        bool is_one_for_all = ports.length && !memchr(ports.at, ',', ports.length);
        struct text its_port = is_one_for_all ? ports : text_split(ports, ',', &ports);
        if (its_port.length)
            buffer_printf(&text, ":%.*s", (int)its_port.length, its_port.at);
        buffer_string(&text, hosts.length ? "," : "");
    }
    if (name) {
        buffer_character(&text, '/');
        url_encode(&text, name);
    }
    return buffer_done(&text);
}

/* libpq takes the user's name where there is none; what a service that the URL names says is not seen here. */
static const char *database_name(const struct reading *reading)
{
    const char *name = effective(reading, "dbname");
    if (!name && !get(&reading->address->parameters, "service"))
        name = effective(reading, "user");
    return name ? name : "";
}

static bool read_postgresql(struct reading *reading, const struct address_parts *parts, const struct url *url,
                            const struct connection_settings *settings, struct error *err)
{
    reading->address->kind = ADDRESS_POSTGRESQL;
    if (!ask_libpq(reading->arena, &reading->libpq, err) ||
        !(url ? take_postgresql_url(reading, url, err) : take_parts(reading, parts, err)))
        return false;
    reading->address->found = reading->libpq.given;
    add_settings(reading, settings);
    if (!check_ssl_mode(reading, err))
        return false;
    add_defaults(reading);
    reading->address->database_name = database_name(reading);
    reading->address->display = url ? address_redact(parts->url, reading->arena) : spelled(reading);
    return true;
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

static bool take_sqlite_query(struct reading *reading, struct text query, struct error *err)
{
    static const char *const known[] = {"mode"};
    struct text raw_name, raw_value;
    while (url_next_parameter(&query, &raw_name, &raw_value)) {
        const char *name = NULL, *value = NULL;
        if (!url_decode(raw_name, reading->arena, &name, err) || !url_decode(raw_value, reading->arena, &value, err))
            return false;
        if (strcmp(name, "mode") == 0 ? !take_mode(reading->address, value, err)
                                      : !is_one_of(name, sqlite_driver_parameters, LENGTH(sqlite_driver_parameters)) &&
                                            !unknown_parameter(reading, name, (struct names){known, 1}, err))
            return false;
    }
    return true;
}

static bool read_sqlite_url(struct reading *reading, const char *text, const struct url *url, struct error *err)
{
    struct address *address = reading->address;
    address->kind = ADDRESS_SQLITE;
    address->database_name = "";
    address->display = address_redact(text, reading->arena);
    if (url->has_login || url->hosts.length) {
        bad_url(err, "an SQLite URL names no host");
        return error_hint(err, "A file is sqlite:///relative.db (three slashes) or sqlite:////absolute.db (four).");
    }
    const char *file = "";
    if (!url_decode(url->path, reading->arena, &file, err))
        return false;
    // SQLAlchemy's way to SQLite's own URIs, with ?uri=true
    size_t scheme_length = text_starts(text_of(file), "file:") ? strlen("file:") : 0;
    address->file = file[scheme_length] ? file + scheme_length : ":memory:";
    return take_sqlite_query(reading, url->query, err);
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

static bool read_sqlite_path(struct reading *reading, const char *path)
{
    struct buffer display = {.arena = reading->arena};
    buffer_string(&display, "sqlite:///");
    buffer_string(&display, path);
    *reading->address = (struct address){.kind = ADDRESS_SQLITE, .file = path, .database_name = ""};
    reading->address->display = buffer_done(&display);
    return true;
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
    struct reading reading = {.arena = arena, .address = address};
    struct text text = text_trim(text_of(parts->url));
    if (text.length == 0)
        return read_postgresql(&reading, parts, NULL, settings, err);

    struct address_parts trimmed = {.url = arena_copy(arena, text.at, text.length)};
    if (is_sqlite_path(text))
        return read_sqlite_path(&reading, trimmed.url);
    struct url url;
    if (!url_split(text_of(trimmed.url), &url, err))
        return err->hint[0] ? false
                            : error_hint(err, "As in postgresql://user:password@host:5432/name or "
                                              "sqlite:///app.db.");
    reading.may_quote = url.has_login || !memchr(text.at, '@', text.length);
    if (is_scheme_of(url.scheme, schemes, LENGTH(schemes)))
        return read_postgresql(&reading, &trimmed, &url, settings, err);
    if (is_scheme_of(url.scheme, sqlite_schemes, LENGTH(sqlite_schemes)))
        return read_sqlite_url(&reading, trimmed.url, &url, err);
    return unknown_scheme(url.scheme, arena, err);
}

const char *address_parameter(const struct address *address, const char *name)
{
    const char *value = get(&address->parameters, name);
    return value ? value : get(&address->found, name);
}

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
