/* range.c: which revisions a range means: its two ends, one of which may count from the other, and what is between. */
#include "plan/resolve.h"

static bool find_end(const struct graph *graph, const struct indexes *rows, const struct indexes *other,
                     const struct target *target, bool clip, struct arena *arena, struct indexes *found,
                     struct error *err)
{
    struct search search = {
        .graph = graph, .target = target, .rows = rows, .origin = other, .clip = clip, .arena = arena};
    struct landing landing;
    if (!search_run(&search, &landing, err))
        return false;
    *found = landing.found;
    return true;
}

bool range_ends(const struct graph *graph, const struct indexes *rows, const struct range *range, bool clip,
                struct arena *arena, struct indexes *from, struct indexes *to, struct error *err)
{
    struct indexes low = {0}, high = graph_heads(graph, false, arena);
    bool from_first = range->has_to && range->to.symbol == SYMBOL_NONE;
    if (from_first && range->has_from && !find_end(graph, rows, NULL, &range->from, clip, arena, &low, err))
        return false;
    if (range->has_to && !find_end(graph, rows, &low, &range->to, clip, arena, &high, err))
        return false;
    if (!from_first && range->has_from && !find_end(graph, rows, &high, &range->from, clip, arena, &low, err))
        return false;
    *from = low;
    *to = high;
    return true;
}

/* A bare -N after the colon, a bare +N before it: the range would end before it begins. */
static bool counts_outwards(const struct target *target, struct error *err)
{
    error_set(err, MIGRATE_OUT_OF_RANGE, "\"%s\" counts from the other end of the range, and away from it",
              target->text);
    return error_hint(err, "Name what it counts from, as in head-1 or base+1.");
}

static bool not_one_lineage(const struct graph *graph, size_t low, const struct indexes *high, struct arena *arena,
                            struct error *err)
{
    if (high->count)
        error_set(err, MIGRATE_OUT_OF_RANGE, "the range's ends are not on one lineage: %s is not below %s",
                  graph->revisions[low].id, revisions_listed(graph, high, arena));
    else
        error_set(err, MIGRATE_OUT_OF_RANGE, "the range's ends are not on one lineage: nothing is above %s at its end",
                  graph->revisions[low].id);
    return error_hint(err, "Give an ancestor first and its descendant second.");
}

/* A range that begins on a branch stays on it. */
static bool keep_on_branch(const struct graph *graph, const struct range *range, struct arena *arena,
                           struct indexes *high, struct error *err)
{
    struct index_set branch;
    if (!branch_resolve(graph, range->from.branch, arena, &branch, err))
        return false;
    struct indexes kept = indexes_within(&branch, high, arena);
    if (kept.count == 0 && high->count) {
        error_set(err, MIGRATE_OUT_OF_RANGE, "the range's ends are not on one lineage: %s is not on branch \"%s\"",
                  revisions_listed(graph, high, arena), range->from.branch);
        return error_hint(err, "Give two revisions of one branch, or leave the branch away.");
    }
    *high = kept;
    return true;
}

/* What is above `low`, itself included: by Depends On too, or a range could leave out its own end. */
static void keep_above(const struct graph *graph, const struct indexes *low, struct index_set *set, struct arena *arena)
{
    struct index_set below = index_set_new(graph->count, arena), above = index_set_new(graph->count, arena);
    for (size_t i = 0; i < low->count; i++) {
        graph_add_ancestors(graph, low->items[i], true, &below, arena);
        graph_add_descendants(graph, low->items[i], true, &above, arena);
    }
    for (size_t i = 0; i < low->count; i++)
        index_set_remove(&below, low->items[i]);
    for (size_t w = 0; w <= set->count / 64; w++)
        set->words[w] &= above.words[w] & ~below.words[w];
}

bool range_resolve(const struct graph *graph, const struct indexes *rows, const struct range *range,
                   struct arena *arena, struct indexes *found, struct error *err)
{
    if (range->has_from && range->from.symbol == SYMBOL_NONE && range->from.offset > 0)
        return counts_outwards(&range->from, err);
    if (range->has_to && range->to.symbol == SYMBOL_NONE && range->to.offset < 0)
        return counts_outwards(&range->to, err);
    struct indexes low, high;
    if (!range_ends(graph, rows, range, true, arena, &low, &high, err))
        return false;
    if (range->has_from && range->from.branch && !keep_on_branch(graph, range, arena, &high, err))
        return false;
    struct index_set set = graph_closure(graph, &high, arena);
    for (size_t i = 0; i < low.count; i++)
        if (!index_set_has(&set, low.items[i]))
            return not_one_lineage(graph, low.items[i], &high, arena, err);
    if (low.count)
        keep_above(graph, &low, &set, arena);
    struct indexes oldest_first = graph_sorted(graph, &set, arena);
    size_t *items = ARENA_ARRAY(arena, oldest_first.count, size_t);
    for (size_t i = 0; i < oldest_first.count; i++)
        items[i] = oldest_first.items[oldest_first.count - 1 - i];
    *found = (struct indexes){.items = items, .count = oldest_first.count};
    return true;
}
