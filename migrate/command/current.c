/* current.c: current: where is the database, and is it where the folder says it should be? */
#include "command/listing.h"

/* An older image is not behind: what it has is all applied. */
static bool is_at_heads(struct migrate *migrate, const struct graph *folder, const struct graph *known,
                        struct names rows, struct error *err)
{
    bool at_heads = false;
    if (stored_is_ahead(folder, known, rows, &migrate->run)) {
        session_observe(migrate, MIGRATE_EVENT_WARNING,
                        "the database is ahead of this folder: it is at %s, which descends from all heads here",
                        names_join(rows, ", ", &migrate->run));
        return true;
    }
    if (!plan_at_heads(known, rows, &migrate->run, &at_heads, err))
        return false;
    if (at_heads)
        return true;
    error_set(err, MIGRATE_NOT_AT_HEADS, "the database is not at every head: it is at %s",
              rows.count ? names_join(rows, ", ", &migrate->run) : "base");
    return error_hint(err, "`migrate upgrade heads` brings it there.");
}

static bool current(struct migrate *migrate, bool check_heads, const struct migrate_listing **listing,
                    struct error *err)
{
    struct graph folder, known;
    struct names rows;
    struct indexes heads;
    if (!session_connect(migrate, err) || !session_graph(migrate, &folder, err) ||
        !session_rows(migrate, &folder, &known, &rows, err) || !plan_current(&known, rows, &migrate->run, &heads, err))
        return false;
    *listing = listing_of(migrate, &known, &heads, &heads);
    return !check_heads || is_at_heads(migrate, &folder, &known, rows, err);
}

enum migrate_code migrate_current(struct migrate *migrate, bool check_heads, const struct migrate_listing **listing)
{
    session_begin(migrate);
    *listing = NULL;
    return session_end(migrate, current(migrate, check_heads, listing, &migrate->error));
}
