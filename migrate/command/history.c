/* history.c: history and show: what a range, or an identifier, names. */
#include "command/listing.h"

/* The revisions at hand: the folder's, and when the database was asked those that only it has. */
struct at_hand {
    struct graph folder;
    struct graph known;
    struct indexes rows; /* none unless asked */
};

static bool gather(struct migrate *migrate, bool asks, struct at_hand *at_hand, struct error *err)
{
    struct names names;
    if ((asks && !session_connect(migrate, err)) || !session_graph(migrate, &at_hand->folder, err))
        return false;
    at_hand->known = at_hand->folder;
    return !asks || (session_rows(migrate, &at_hand->folder, &at_hand->known, &names, err) &&
                     rows_resolve(&at_hand->known, names, &migrate->run, &at_hand->rows, err));
}

static bool settle(struct migrate *migrate, const struct at_hand *at_hand, struct target *target, struct error *err)
{
    return target->symbol != SYMBOL_HEAD ||
           stored_settle(&at_hand->folder, &at_hand->known, &migrate->run, target, err);
}

static bool history(struct migrate *migrate, const struct migrate_history_options *options,
                    const struct migrate_listing **listing, struct error *err)
{
    struct at_hand at_hand = {0};
    struct indexes found;
    struct range range = {0};
    if (options->range && !range_parse(options->range, &migrate->run, &range, err))
        return false;
    bool asks = options->indicate_current || (range.has_from && target_needs_rows(&range.from)) ||
                (range.has_to && target_needs_rows(&range.to));
    if (!gather(migrate, asks, &at_hand, err) || (range.has_from && !settle(migrate, &at_hand, &range.from, err)) ||
        (range.has_to && !settle(migrate, &at_hand, &range.to, err)) ||
        !range_resolve(&at_hand.known, asks ? &at_hand.rows : NULL, &range, &migrate->run, &found, err))
        return false;
    *listing = listing_of(migrate, &at_hand.known, &found, options->indicate_current ? &at_hand.rows : NULL);
    return true;
}

enum migrate_code migrate_history(struct migrate *migrate, const struct migrate_history_options *options,
                                  const struct migrate_listing **listing)
{
    session_begin(migrate);
    *listing = NULL;
    return session_end(migrate, history(migrate, options, listing, &migrate->error));
}

static bool show(struct migrate *migrate, const char *identifier, const struct migrate_listing **listing,
                 struct error *err)
{
    struct at_hand at_hand = {0};
    struct target target;
    struct indexes found;
    if (!target_parse(identifier, &migrate->run, &target, err) ||
        !gather(migrate, target_needs_rows(&target), &at_hand, err) || !settle(migrate, &at_hand, &target, err) ||
        !target_resolve(&at_hand.known, target_needs_rows(&target) ? &at_hand.rows : NULL, &target, &migrate->run,
                        &found, err))
        return false;
    *listing = listing_of(migrate, &at_hand.known, &found, NULL);
    return true;
}

enum migrate_code migrate_show(struct migrate *migrate, const char *identifier, const struct migrate_listing **listing)
{
    session_begin(migrate);
    *listing = NULL;
    return session_end(migrate, show(migrate, identifier, listing, &migrate->error));
}
