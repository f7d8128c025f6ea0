/* url.h: a URL taken apart, without a thought about what its parts mean. */
#ifndef MIGRATE_DATABASE_URL_H
#define MIGRATE_DATABASE_URL_H

#include "base/text.h"

/* scheme://user:password@hosts/path?query. Slices of the URL, still percent-encoded; empty where they are missing. */
struct url {
    struct text scheme; /* "postgresql+psycopg" */
    struct text user;
    struct text password;
    struct text hosts; /* "a:5432,b" */
    struct text path;  /* what follows the slash behind the hosts */
    struct text query; /* what follows the question mark */
    bool has_login;    /* there is an @ behind user and password */
    bool has_path;     /* there is a slash behind the hosts */
    bool may_quote;    /* a parameter's name may stand in a message: it cannot be a piece of a password */
};

/* A URL as far as it has a scheme. A raw / or ? in a password is taken as part of it where the text cannot be read
 * otherwise. MIGRATE_BAD_URL, without a word of the URL. */
MUST_CHECK bool url_split(struct text text, struct url *url, struct error *err);
/* The next name=value of a query, taken off its front; false at its end. */
bool url_next_parameter(struct text *query, struct text *name, struct text *value);
/* The error for a parameter that is none of the known ones. MIGRATE_BAD_URL. */
bool url_unknown_parameter(const struct url *url, const char *name, struct names known, struct error *err);
/* Percent-decoded into the arena. MIGRATE_BAD_URL for %zz and %00. */
MUST_CHECK bool url_decode(struct text text, struct arena *arena, const char **decoded, struct error *err);
/* Percent-encoded, so that it can stand anywhere in a URL. */
void url_encode(struct buffer *buffer, const char *text);

#endif
