/* postgres_address.c: a PostgreSQL server, as a URL or parts name it, in libpq's keywords. */
#include "database/postgres_address.h"

#include "database/keywords.h"

/* For SQLAlchemy's driver or its dialect alone; no server hears of them. */
static const char *const driver_parameters[] = {
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "statement_cache_size",
    "async_fallback",
    "executemany_mode",
};
enum { DRIVER_PARAMETERS = sizeof driver_parameters / sizeof driver_parameters[0] };

static bool bad_url(struct error *err, const char *what)
{
    return error_set(err, MIGRATE_BAD_URL, "%s", what);
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
static bool set_hosts(struct keywords *keywords, struct text list, bool is_in_url, struct error *err)
{
    struct buffer hosts = {.arena = keywords->arena}, ports = {.arena = keywords->arena};
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
            decoded = arena_copy(keywords->arena, host.at, host.length);
        else if (!url_decode(host, keywords->arena, &decoded, err))
            return false;
        has_port = has_port || port.length;
        buffer_string(&hosts, decoded);
        buffer_text(&ports, port);
        if (more) {
            buffer_character(&hosts, ',');
            buffer_character(&ports, ',');
        }
    }
    keywords_set(keywords, "host", buffer_done(&hosts));
    if (has_port)
        keywords_set(keywords, "port", buffer_done(&ports));
    return true;
}

/* --- the URL, the parts --------------------------------------------------------------------------- */

static bool take_parameter(struct keywords *keywords, const struct url *url, const char *name, const char *value,
                           struct name_list *hosts, struct error *err)
{
    struct names known = names_of(&keywords->known);
    if (strcmp(name, "ssl") == 0)
        return keywords_set_ssl(keywords, value, err);
    if (strcmp(name, "host") == 0)
        ARENA_PUSH(keywords->arena, hosts, value);
    else if (names_have(known, name))
        keywords_set(keywords, name, value);
    else if (!names_have((struct names){driver_parameters, DRIVER_PARAMETERS}, name))
        return url_unknown_parameter(url, name, known, err);
    return true;
}

static bool take_query(struct keywords *keywords, const struct url *url, struct error *err)
{
    struct text query = url->query;
    struct name_list hosts = {0};
    struct text raw_name, raw_value;
    while (url_next_parameter(&query, &raw_name, &raw_value)) {
        const char *name = NULL, *value = NULL;
        if (!url_decode(raw_name, keywords->arena, &name, err) ||
            !url_decode(raw_value, keywords->arena, &value, err) ||
            !take_parameter(keywords, url, name, value, &hosts, err))
            return false;
    }
    return hosts.count == 0 ||
           set_hosts(keywords, text_of(names_join(names_of(&hosts), ",", keywords->arena)), false, err);
}

static bool take_decoded(struct keywords *keywords, const char *keyword, struct text raw, struct error *err)
{
    const char *value = NULL;
    if (!url_decode(raw, keywords->arena, &value, err))
        return false;
    keywords_set(keywords, keyword, value);
    return true;
}

static bool take_postgresql_url(struct keywords *keywords, const struct url *url, struct error *err)
{
    return take_decoded(keywords, "user", url->user, err) && take_decoded(keywords, "password", url->password, err) &&
           set_hosts(keywords, url->hosts, true, err) && take_decoded(keywords, "dbname", url->path, err) &&
           take_query(keywords, url, err);
}

static bool take_parts(struct keywords *keywords, const struct address_parts *parts, struct error *err)
{
    if (parts->host && strstr(parts->host, "://")) {
        bad_url(err, "the database's host is a URL");
        return error_hint(err, "A whole URL goes into DATABASE_URL.");
    }
    if (parts->host && !set_hosts(keywords, text_of(parts->host), false, err))
        return false;
    struct text rest = text_of(parts->port);
    while (rest.length)
        if (!is_port(text_trim(text_split(rest, ',', &rest))))
            return bad_url(err, "the database's port is no number from 1 to 65535");
    keywords_set(keywords, "port", parts->port);
    keywords_set(keywords, "dbname", parts->name);
    keywords_set(keywords, "user", parts->user);
    keywords_set(keywords, "password", parts->password);
    return true;
}

/* --- as shown ------------------------------------------------------------------------------------ */

/* postgresql://user@host:port/name, from what is known of them. */
static const char *spelled(const struct keywords *keywords)
{
    struct buffer text = {.arena = keywords->arena};
    const char *user = keywords_effective(keywords, "user"), *name = keywords_effective(keywords, "dbname");
    const char *host = keywords_effective(keywords, "host"), *port = keywords_effective(keywords, "port");
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
            url_encode(&text, arena_copy(keywords->arena, one.at, one.length));
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
static const char *database_name(const struct keywords *keywords)
{
    const char *name = keywords_effective(keywords, "dbname");
    if (!name && !parameters_get(keywords->set, "service"))
        name = keywords_effective(keywords, "user");
    return name ? name : "";
}

bool postgres_address(const struct address_parts *parts, const struct url *url,
                      const struct connection_settings *settings, struct arena *arena, struct address *address,
                      struct error *err)
{
    struct keywords keywords = {.arena = arena, .set = &address->parameters};
    address->kind = ADDRESS_POSTGRESQL;
    if (!keywords_ask(&keywords, err) ||
        !(url ? take_postgresql_url(&keywords, url, err) : take_parts(&keywords, parts, err)) ||
        !keywords_settle(&keywords, settings, err))
        return false;
    address->found = keywords.found;
    address->warning = keywords.warning;
    address->database_name = database_name(&keywords);
    address->display = url ? address_redact(parts->url, arena) : spelled(&keywords);
    return true;
}
