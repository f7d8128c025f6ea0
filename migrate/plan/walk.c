/* walk.c: questions about a graph that was built. Walks keep a stack of their own, however deep the history is. */
#include "plan/graph.h"

bool graph_is_head(const struct graph *graph, size_t index)
{
    return graph->children[index].count == 0;
}

bool graph_is_branch_point(const struct graph *graph, size_t index)
{
    return graph->children[index].count > 1;
}

bool graph_is_merge_point(const struct graph *graph, size_t index)
{
    return graph->down[index].count > 1;
}

struct indexes graph_heads(const struct graph *graph, bool with_dependencies, struct arena *arena)
{
    size_t *items = ARENA_ARRAY(arena, graph->count, size_t);
    size_t count = 0;
    for (size_t rank = 0; rank < graph->count; rank++) {
        size_t index = graph->order[rank];
        if (graph_is_head(graph, index) && !(with_dependencies && graph->needed_by[index].count))
            items[count++] = index;
    }
    return (struct indexes){.items = items, .count = count};
}

struct indexes graph_bases(const struct graph *graph, struct arena *arena)
{
    size_t *items = ARENA_ARRAY(arena, graph->count, size_t);
    size_t count = 0;
    for (size_t rank = 0; rank < graph->count; rank++)
        if (graph->down[graph->order[rank]].count == 0)
            items[count++] = graph->order[rank];
    return (struct indexes){.items = items, .count = count};
}

struct index_set index_set_new(size_t count, struct arena *arena)
{
    return (struct index_set){.words = ARENA_ARRAY(arena, count / 64 + 1, uint64_t), .count = count};
}

struct stack {
    size_t *items;
    size_t count;
    size_t capacity;
};

static void reach(const struct indexes *neighbours, struct index_set *set, struct stack *stack, struct arena *arena)
{
    for (size_t k = 0; k < neighbours->count; k++) {
        if (index_set_has(set, neighbours->items[k]))
            continue;
        index_set_add(set, neighbours->items[k]);
        ARENA_PUSH(arena, stack, neighbours->items[k]);
    }
}

/* Adds what can be reached over one kind of line, and over the `other` if it is not NULL. */
static void spread(size_t index, const struct indexes *lines, const struct indexes *other, struct index_set *set,
                   struct arena *arena)
{
    struct arena_mark mark = arena_mark(arena);
    struct stack stack = {0};
    reach(&(struct indexes){.items = &index, .count = 1}, set, &stack, arena);
    while (stack.count) {
        size_t at = stack.items[--stack.count];
        reach(&lines[at], set, &stack, arena);
        if (other)
            reach(&other[at], set, &stack, arena);
    }
    arena_rewind(arena, mark);
}

void graph_add_ancestors(const struct graph *graph, size_t index, bool with_dependencies, struct index_set *set,
                         struct arena *arena)
{
    spread(index, graph->down, with_dependencies ? graph->depends : NULL, set, arena);
}

void graph_add_descendants(const struct graph *graph, size_t index, bool with_dependencies, struct index_set *set,
                           struct arena *arena)
{
    spread(index, graph->children, with_dependencies ? graph->needed_by : NULL, set, arena);
}

struct index_set graph_lineage(const struct graph *graph, size_t index, struct arena *arena)
{
    struct index_set lineage = index_set_new(graph->count, arena);
    graph_add_ancestors(graph, index, false, &lineage, arena);
    index_set_remove(&lineage, index); // or the way up would stop at once
    graph_add_descendants(graph, index, false, &lineage, arena);
    return lineage;
}

struct index_set graph_closure(const struct graph *graph, const struct indexes *indexes, struct arena *arena)
{
    struct index_set closure = index_set_new(graph->count, arena);
    for (size_t i = 0; i < indexes->count; i++)
        graph_add_ancestors(graph, indexes->items[i], true, &closure, arena);
    return closure;
}

static bool any_in(const struct index_set *set, const struct indexes *indexes)
{
    for (size_t i = 0; i < indexes->count; i++)
        if (index_set_has(set, indexes->items[i]))
            return true;
    return false;
}

struct indexes graph_heads_of(const struct graph *graph, const struct index_set *set, bool with_dependencies,
                              struct arena *arena)
{
    struct indexes members = graph_sorted(graph, set, arena);
    size_t *items = ARENA_ARRAY(arena, members.count, size_t);
    size_t count = 0;
    for (size_t i = 0; i < members.count; i++) {
        size_t index = members.items[i];
        if (!any_in(set, &graph->children[index]) && !(with_dependencies && any_in(set, &graph->needed_by[index])))
            items[count++] = index;
    }
    return (struct indexes){.items = items, .count = count};
}

struct indexes graph_sorted(const struct graph *graph, const struct index_set *set, struct arena *arena)
{
    size_t count = 0;
    for (size_t w = 0; w <= set->count / 64; w++)
        count += (size_t)__builtin_popcountll(set->words[w]);
    size_t *items = ARENA_ARRAY(arena, count, size_t);
    for (size_t rank = 0, used = 0; used < count; rank++)
        if (index_set_has(set, graph->order[rank]))
            items[used++] = graph->order[rank];
    return (struct indexes){.items = items, .count = count};
}
