/* keywords.h: libpq's keywords as an address has them, in the order of precedence of those who set them. */
#ifndef MIGRATE_DATABASE_KEYWORDS_H
#define MIGRATE_DATABASE_KEYWORDS_H

#include "database/address.h"

struct keywords {
    struct arena *arena;
    struct parameters *set;  /* the address's own */
    struct name_list known;  /* all there are */
    struct parameters found; /* by libpq itself, in the environment or the service file; passwords left out */
    const char *warning;     /* what a user should hear, or NULL */
};

/* The value of a name, or NULL. */
const char *parameters_get(const struct parameters *parameters, const char *name);

/* Fills `known` and `found`. */
MUST_CHECK bool keywords_ask(struct keywords *keywords, struct error *err);
/* As the URL or a part of it has it. An empty value is as none: libpq takes it so. */
void keywords_set(struct keywords *keywords, const char *name, const char *value);
/* asyncpg's ssl=: an sslmode, true or false. MIGRATE_BAD_URL. */
MUST_CHECK bool keywords_set_ssl(struct keywords *keywords, const char *value, struct error *err);
/* Ours, or what libpq will find; NULL: neither. */
const char *keywords_effective(const struct keywords *keywords, const char *name);
/* What the URL left open: the settings, then, where libpq finds nothing either, our defaults. MIGRATE_BAD_URL for an
 * sslmode that there is not. */
MUST_CHECK bool keywords_settle(struct keywords *keywords, const struct connection_settings *settings,
                                struct error *err);

#endif
