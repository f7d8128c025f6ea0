/* postgres_address.h: what address_parse() does with a URL of PostgreSQL's, or with parts. */
#ifndef MIGRATE_DATABASE_POSTGRES_ADDRESS_H
#define MIGRATE_DATABASE_POSTGRES_ADDRESS_H

#include "database/address.h"
#include "database/url.h"

/* `url` is parts->url, taken apart; NULL: there is none, and the other parts count. */
MUST_CHECK bool postgres_address(const struct address_parts *parts, const struct url *url,
                                 const struct connection_settings *settings, struct arena *arena,
                                 struct address *address, struct error *err);

#endif
