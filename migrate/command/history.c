/* history.c: history and show: what a range, or an identifier, names. */
#include "command/listing.h"

static bool history(struct migrate *migrate, const struct migrate_history_options *options,
                    const struct migrate_listing **listing, struct error *err)
{
    struct graph graph;
    struct indexes rows = {0}, found;
    struct range range = {0};
    if (options->range && !range_parse(options->range, &migrate->run, &range, err))
        return false;
    bool asks = options->indicate_current || (range.has_from && target_needs_rows(&range.from)) ||
                (range.has_to && target_needs_rows(&range.to));
    if ((asks && !session_connect(migrate, err)) || !session_graph(migrate, &graph, err) ||
        (asks && !session_row_indexes(migrate, &graph, &rows, err)) ||
        !range_resolve(&graph, asks ? &rows : NULL, &range, &migrate->run, &found, err))
        return false;
    *listing = listing_of(migrate, &graph, &found, options->indicate_current ? &rows : NULL);
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
    struct graph graph;
    struct target target;
    struct indexes found;
    if (!target_parse(identifier, &migrate->run, &target, err) ||
        (target_needs_rows(&target) && !session_connect(migrate, err)) || !session_graph(migrate, &graph, err) ||
        !session_resolve(migrate, &graph, &target, &found, err))
        return false;
    *listing = listing_of(migrate, &graph, &found, NULL);
    return true;
}

enum migrate_code migrate_show(struct migrate *migrate, const char *identifier, const struct migrate_listing **listing)
{
    session_begin(migrate);
    *listing = NULL;
    return session_end(migrate, show(migrate, identifier, listing, &migrate->error));
}
