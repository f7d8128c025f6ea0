/* listing.c: revisions as the public header shows them, and the verbs that list them without a question of their own.
 */
#include "command/listing.h"

#include "base/clock.h"

static const char *const *ids(const struct graph *graph, const struct indexes *indexes, struct arena *arena)
{
    const char **list = ARENA_ARRAY(arena, indexes->count, const char *);
    for (size_t i = 0; i < indexes->count; i++)
        list[i] = graph->revisions[indexes->items[i]].id;
    return list;
}

static bool has(const struct indexes *indexes, size_t wanted)
{
    for (size_t i = 0; i < indexes->count; i++)
        if (indexes->items[i] == wanted)
            return true;
    return false;
}

/* A head of the folder: what only the database has is none, and does not make less of one. */
static bool is_head(const struct graph *graph, size_t index)
{
    bool has_child = false;
    for (size_t i = 0; i < graph->children[index].count; i++)
        has_child = has_child || !graph->revisions[graph->children[index].items[i]].stored_oid;
    return !has_child && !graph->revisions[index].stored_oid;
}

static struct migrate_revision describe(const struct graph *graph, size_t index, const struct indexes *current,
                                        struct arena *arena)
{
    const struct revision *revision = &graph->revisions[index];
    struct names branches = graph_branches(graph, index, arena);
    return (struct migrate_revision){
        .revision = revision->id,
        .down_revisions = ids(graph, &graph->down[index], arena),
        .down_revision_count = graph->down[index].count,
        .depends_on = ids(graph, &graph->depends[index], arena),
        .depends_on_count = graph->depends[index].count,
        .branch_labels = revision->labels.items,
        .branch_label_count = revision->labels.count,
        .branches = branches.items,
        .branch_count = branches.count,
        .children = ids(graph, &graph->children[index], arena),
        .child_count = graph->children[index].count,
        .message = revision->message,
        .description = revision->description,
        .created = revision->has_created ? clock_rfc3339(revision->created_us, arena) : NULL,
        .path = revision->path,
        .is_stored = revision->stored_oid != NULL,
        .is_head = is_head(graph, index),
        .is_base = graph->down[index].count == 0,
        .is_branch_point = graph_is_branch_point(graph, index),
        .is_merge_point = graph_is_merge_point(graph, index),
        .is_current = !current              ? MIGRATE_UNKNOWN
                      : has(current, index) ? MIGRATE_YES
                                            : MIGRATE_NO,
    };
}

const struct migrate_listing *listing_of(struct migrate *migrate, const struct graph *graph,
                                         const struct indexes *revisions, const struct indexes *current)
{
    struct migrate_listing *listing = ARENA_NEW(&migrate->run, struct migrate_listing);
    struct migrate_revision *described = ARENA_ARRAY(&migrate->run, revisions->count, struct migrate_revision);
    for (size_t i = 0; i < revisions->count; i++)
        described[i] = describe(graph, revisions->items[i], current, &migrate->run);
    *listing = (struct migrate_listing){.revisions = described, .revision_count = revisions->count};
    return listing;
}

/* --- heads, bases, branches --------------------------------------------------------------------- */

enum which { HEADS, HEADS_RESOLVED, BASES, BRANCH_POINTS };

static struct indexes newest_first(const struct indexes *ascending, struct arena *arena)
{
    size_t *items = ARENA_ARRAY(arena, ascending->count, size_t);
    for (size_t i = 0; i < ascending->count; i++)
        items[i] = ascending->items[ascending->count - 1 - i];
    return (struct indexes){.items = items, .count = ascending->count};
}

static struct indexes branch_points(const struct graph *graph, struct arena *arena)
{
    struct index_set set = index_set_new(graph->count, arena);
    for (size_t i = 0; i < graph->count; i++)
        if (graph_is_branch_point(graph, i))
            index_set_add(&set, i);
    return graph_sorted(graph, &set, arena);
}

static enum migrate_code list(struct migrate *migrate, enum which which, const struct migrate_listing **listing)
{
    session_begin(migrate);
    *listing = NULL;
    struct graph graph;
    if (!session_graph(migrate, &graph, &migrate->error))
        return session_end(migrate, false);
    struct indexes found = which == BASES           ? graph_bases(&graph, &migrate->run)
                           : which == BRANCH_POINTS ? branch_points(&graph, &migrate->run)
                                                    : graph_heads(&graph, which == HEADS_RESOLVED, &migrate->run);
    found = newest_first(&found, &migrate->run);
    *listing = listing_of(migrate, &graph, &found, NULL);
    return session_end(migrate, true);
}

enum migrate_code migrate_heads(struct migrate *migrate, bool resolve_dependencies,
                                const struct migrate_listing **listing)
{
    return list(migrate, resolve_dependencies ? HEADS_RESOLVED : HEADS, listing);
}

enum migrate_code migrate_bases(struct migrate *migrate, const struct migrate_listing **listing)
{
    return list(migrate, BASES, listing);
}

enum migrate_code migrate_branches(struct migrate *migrate, const struct migrate_listing **listing)
{
    return list(migrate, BRANCH_POINTS, listing);
}
