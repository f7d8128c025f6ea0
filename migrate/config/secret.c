/* secret.c: the database's address in a JSON file, as Secrets Manager keeps it and External Secrets or the CSI driver
 * mount it. Passwords rotate, so it is read again for each connection. Not one value of it goes into a message, nor
 * does what the JSON reader says, which quotes. */
#include "config/config.h"

#include "config/sources.h"

#include <jansson.h>

struct field {
    const char *name;
    const char **value;
};

static bool refuse(struct error *err, const char *path, const char *what)
{
    error_set(err, MIGRATE_CONFIGURATION, "the secret %s %s", path, what);
    return error_hint(err, "It is a JSON object with url, or with host, port, database, username and password.");
}

/* A string, or a number where ports are kept as such; null and "" are unset. */
static bool take_field(const json_t *secret, struct field field, const char *path, struct arena *arena,
                       struct error *err)
{
    const json_t *value = json_object_get(secret, field.name);
    if (!value || json_is_null(value))
        return true;
    if (json_is_integer(value)) {
        *field.value = arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return true;
    }
    if (!json_is_string(value))
        return refuse(err, path, arena_printf(arena, "has a \"%s\" that is no text", field.name));
    if (json_string_length(value))
        *field.value = arena_copy(arena, json_string_value(value), json_string_length(value));
    return true;
}

static bool is_postgresql(const char *engine)
{
    static const char *const engines[] = {"postgres", "postgresql", "aurora-postgresql", "aurora-postgres"};
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
        if (text_is_nocase(text_of(engine), engines[i]))
            return true;
    return false;
}

/* Borrows the object. Of two spellings the one further down the table wins. */
static bool take_secret(const json_t *secret, const char *path, struct arena *arena, struct config_database *database,
                        struct error *err)
{
    struct config_database found = *database;
    const char *engine = NULL;
    const struct field fields[] = {
        {"host", &found.host}, {"port", &found.port},     {"dbname", &found.name},       {"database", &found.name},
        {"user", &found.user}, {"username", &found.user}, {"password", &found.password}, {"sqlalchemy_url", &found.url},
        {"url", &found.url},   {"engine", &engine},
    };
    if (!json_is_object(secret))
        return refuse(err, path, "is no JSON object");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (!take_field(secret, fields[i], path, arena, err))
            return false;
    if (engine && !is_postgresql(engine))
        return refuse(err, path, "is of an engine other than PostgreSQL");
    if (!found.url && !found.host)
        return refuse(err, path, "has neither \"url\" nor \"host\"");
    if (found.url) // whole in itself: parts from elsewhere do not belong to it
        found.host = found.port = found.name = found.user = found.password = NULL;
    *database = found;
    return true;
}

bool secret_read(const char *path, struct arena *arena, struct config_database *database, struct error *err)
{
    struct text content;
    if (!config_file_read(path, arena, &content, err))
        return error_hint(err, "DATABASE_SECRET_FILE names it.");
    json_error_t wrong;
    json_t *secret = json_loadb(content.at, content.length, 0, &wrong);
    bool ok = secret ? take_secret(secret, path, arena, database, err)
                     : refuse(err, path, arena_printf(arena, "is no JSON (line %d)", wrong.line));
    json_decref(secret);
    return ok;
}
