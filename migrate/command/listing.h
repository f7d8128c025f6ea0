/* listing.h: revisions as the public header shows them. */
#ifndef MIGRATE_COMMAND_LISTING_H
#define MIGRATE_COMMAND_LISTING_H

#include "command/session.h"

/* `current`: applied heads, NULL when the database was not asked. */
const struct migrate_listing *listing_of(struct migrate *migrate, const struct graph *graph,
                                         const struct indexes *revisions, const struct indexes *current);

#endif
