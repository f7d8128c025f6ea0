/* keywords.c: for each of libpq's keywords, who has the word.
 *
 * Precedence: the URL, the settings, libpq's own sources (PG* variables, service file), our defaults. The third is
 * libpq's to apply, so a keyword that it has a value for is left out here. */
#include "database/keywords.h"

#include "database/libpq.h"

#include <libpq-fe.h>
#include <stdlib.h>

const char *parameters_get(const struct parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->count; i++)
        if (strcmp(parameters->items[i].name, name) == 0)
            return parameters->items[i].value;
    return NULL;
}

void keywords_set(struct keywords *keywords, const char *name, const char *value)
{
    struct parameters *parameters = keywords->set;
    if (!value || *value == '\0')
        return;
    for (size_t i = 0; i < parameters->count; i++) {
        if (strcmp(parameters->items[i].name, name) == 0) {
            parameters->items[i].value = value;
            return;
        }
    }
    ARENA_PUSH(keywords->arena, parameters, (struct parameter){name, value});
}

static void fill(struct keywords *keywords, const char *name, const char *value)
{
    if (!parameters_get(keywords->set, name))
        keywords_set(keywords, name, value);
}

const char *keywords_effective(const struct keywords *keywords, const char *name)
{
    const char *value = parameters_get(keywords->set, name);
    return value ? value : parameters_get(&keywords->found, name);
}

static void fill_default(struct keywords *keywords, const char *name, const char *value)
{
    if (!keywords_effective(keywords, name))
        keywords_set(keywords, name, value);
}

static void note_options(struct keywords *keywords, const PQconninfoOption *options)
{
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        const char *keyword = arena_string(keywords->arena, option->keyword);
        ARENA_PUSH(keywords->arena, &keywords->known, keyword);
        const char *variable = option->envvar ? getenv(option->envvar) : NULL;
        bool is_default =
            !(variable && *variable) && option->compiled && option->val && strcmp(option->val, option->compiled) == 0;
        bool is_secret = strchr(option->dispchar, '*') != NULL;
        if (option->val && *option->val && !is_default && !is_secret)
            ARENA_PUSH(keywords->arena, &keywords->found,
                       (struct parameter){keyword, arena_string(keywords->arena, option->val)});
    }
}

bool keywords_ask(struct keywords *keywords, struct error *err)
{
    if (!libpq_load(err))
        return false;
    PQconninfoOption *options = PQconndefaults();
    if (!options)
        return error_set(err, MIGRATE_DEFECT, "libpq could not list its options");
    note_options(keywords, options);
    PQconninfoFree(options);
    return true;
}

/* --- encryption --------------------------------------------------------------------------------- */

/* Weakest first. */
static const char *const ssl_modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
enum { SSL_REQUIRE = 3 };

static bool is_ssl_mode(const char *word)
{
    return names_have((struct names){ssl_modes, sizeof ssl_modes / sizeof ssl_modes[0]}, word);
}

bool keywords_set_ssl(struct keywords *keywords, const char *value, struct error *err)
{
    bool wanted = false;
    if (is_ssl_mode(value))
        keywords_set(keywords, "sslmode", value);
    else if (text_boolean(text_of(value), &wanted))
        keywords_set(keywords, "sslmode", wanted ? "require" : "disable");
    else
        return error_set(err, MIGRATE_BAD_URL, "the URL's ssl is neither an sslmode nor true or false");
    return true;
}

static bool check_ssl_mode(const struct keywords *keywords, struct error *err)
{
    const char *mode = parameters_get(keywords->set, "sslmode");
    if (!mode || is_ssl_mode(mode))
        return true;
    error_set(err, MIGRATE_BAD_URL, "the sslmode is none that there is");
    return error_hint(err, "There are disable, allow, prefer, require, verify-ca and verify-full.");
}

static bool is_rds(struct text host)
{
    static const char *const domains[] = {".rds.amazonaws.com", ".rds.amazonaws.com.cn"};
    if (host.length && host.at[host.length - 1] == '.')
        host.length--;
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
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

/* RDS takes unencrypted connections where rds.force_ssl is off, and libpq's "prefer" falls back to them. */
static void settle_rds(struct keywords *keywords)
{
    const char *hosts = keywords_effective(keywords, "host");
    if (!hosts || !has_rds(text_of(hosts)))
        return;
    fill_default(keywords, "sslmode", "require");
    const char *mode = keywords_effective(keywords, "sslmode");
    if (names_have((struct names){ssl_modes, SSL_REQUIRE}, mode))
        keywords->warning =
            arena_printf(keywords->arena,
                         "sslmode=%s lets the connection to RDS go unencrypted; require is the default there", mode);
}

/* --- settings and defaults ---------------------------------------------------------------------- */

static void set_seconds(struct keywords *keywords, const char *name, int64_t seconds)
{
    if (seconds >= 0)
        fill(keywords, name, arena_printf(keywords->arena, "%lld", (long long)seconds));
}

/* A server that went away without a word is noticed within read_timeout_s, whether we are sending (tcp_user_timeout)
 * or waiting (a first probe after half of the time, then three). */
static void set_read_timeout(struct keywords *keywords, int64_t timeout_s)
{
    if (timeout_s <= 0)
        return;
    if (timeout_s > INT32_MAX / 1000)
        timeout_s = INT32_MAX / 1000;
    int64_t idle_s = (timeout_s + 1) / 2, interval_s = (timeout_s - idle_s) / 3;
    set_seconds(keywords, "tcp_user_timeout", timeout_s * 1000);
    fill(keywords, "keepalives", "1");
    set_seconds(keywords, "keepalives_idle", idle_s);
    set_seconds(keywords, "keepalives_interval", interval_s ? interval_s : 1);
    fill(keywords, "keepalives_count", "3");
}

static void add_settings(struct keywords *keywords, const struct connection_settings *settings)
{
    fill(keywords, "sslmode", settings->ssl_mode);
    fill(keywords, "sslrootcert", settings->ssl_root_cert);
    fill(keywords, "sslcert", settings->ssl_cert);
    fill(keywords, "sslkey", settings->ssl_key);
    fill(keywords, "application_name", settings->application_name);
    set_seconds(keywords, "connect_timeout", settings->connect_timeout_s);
    set_read_timeout(keywords, settings->read_timeout_s);
}

static void add_defaults(struct keywords *keywords)
{
    fill(keywords, "fallback_application_name", "migrate"); // gives way to PGAPPNAME and to a service's
    fill_default(keywords, "connect_timeout", "10");
    const char *hosts = keywords_effective(keywords, "host");
    if (hosts && strchr(hosts, ','))
        fill_default(keywords, "target_session_attrs", "read-write");
    settle_rds(keywords);
}

bool keywords_settle(struct keywords *keywords, const struct connection_settings *settings, struct error *err)
{
    add_settings(keywords, settings);
    if (!check_ssl_mode(keywords, err))
        return false;
    add_defaults(keywords);
    return true;
}
