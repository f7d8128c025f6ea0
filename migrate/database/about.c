/* about.c: what there is to know of a connection to PostgreSQL once it stands. */
#include "database/postgres.h"

static const char *kept(const char *text, struct arena *arena)
{
    return text && *text ? arena_string(arena, text) : NULL;
}

void postgres_about(const struct database *database, struct arena *arena, struct database_about *about)
{
    const struct postgres *postgres = (const struct postgres *)database;
    *about = (struct database_about){
        .host = kept(PQhost(postgres->link), arena),
        .port = kept(PQport(postgres->link), arena),
        .tls_protocol = kept(PQsslAttribute(postgres->link, "protocol"), arena),
        .tls_cipher = kept(PQsslAttribute(postgres->link, "cipher"), arena),
        .is_pooled = postgres_is_pooled(postgres),
    };
}

/* Everything libpq made the connection from, its own variables and the service file included. A service named again
 * would be read before the variables; the encoding is ours and no concern of another program. */
struct parameters postgres_environment(const struct database *database, struct arena *arena)
{
    const struct postgres *postgres = (const struct postgres *)database;
    struct parameters variables = {0};
    PQconninfoOption *options = PQconninfo(postgres->link);
    for (const PQconninfoOption *option = options; option && option->keyword; option++)
        if (option->envvar && option->val && *option->val && strcmp(option->keyword, "service") != 0 &&
            strcmp(option->keyword, "client_encoding") != 0)
            ARENA_PUSH(arena, &variables,
                       (struct parameter){arena_string(arena, option->envvar), arena_string(arena, option->val)});
    PQconninfoFree(options);
    return variables;
}
