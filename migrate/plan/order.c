/* order.c: the one order of revisions, or the cycle that stands in its way. */
#include "plan/order.h"

#include "base/text.h"

#include <stdlib.h>

struct key {
    bool has_created;
    int64_t created_us;
    const char *id;
    size_t index;
};

static int by_key(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->has_created != y->has_created)
        return x->has_created ? -1 : 1;
    if (x->has_created && x->created_us != y->created_us)
        return x->created_us < y->created_us ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* A heap of turns, the lowest first: a revision's turn is its place when nothing but date and id counts. */
struct heap {
    size_t *items;
    size_t count;
};

static void heap_push(struct heap *heap, size_t turn)
{
    size_t at = heap->count++;
    for (; at > 0 && heap->items[(at - 1) / 2] > turn; at = (at - 1) / 2)
        heap->items[at] = heap->items[(at - 1) / 2];
    heap->items[at] = turn;
}

static size_t heap_pop(struct heap *heap)
{
    size_t top = heap->items[0], turn = heap->items[--heap->count], at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < heap->count && heap->items[child + 1] < heap->items[child])
            child++;
        if (child >= heap->count || heap->items[child] >= turn)
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = turn;
    return top;
}

struct turns {
    size_t *of;    /* index -> turn */
    size_t *index; /* turn -> index */
};

static struct turns turns_of(const struct graph *graph, struct arena *arena)
{
    struct key *keys = ARENA_ARRAY(arena, graph->count, struct key);
    for (size_t i = 0; i < graph->count; i++) {
        const struct revision *revision = &graph->revisions[i];
        keys[i] = (struct key){revision->has_created, revision->created_us, revision->id, i};
    }
    if (graph->count)
        qsort(keys, graph->count, sizeof *keys, by_key);
    struct turns turns = {ARENA_ARRAY(arena, graph->count, size_t), ARENA_ARRAY(arena, graph->count, size_t)};
    for (size_t i = 0; i < graph->count; i++) {
        turns.of[keys[i].index] = i;
        turns.index[i] = keys[i].index;
    }
    return turns;
}

/* One follower fewer to wait for; whoever waits for nothing more is ready. */
static void release(const struct lists *followers, size_t index, size_t *waits, const struct turns *turns,
                    struct heap *ready)
{
    for (size_t k = 0; k < followers->used[index]; k++) {
        size_t follower = followers->flat[followers->start[index] + k];
        if (--waits[follower] == 0)
            heap_push(ready, turns->of[follower]);
    }
}

/* Kahn's algorithm. What is on a cycle, or behind one, still waits at the end. */
static size_t sort_all(const struct graph *graph, const struct links *links, size_t *waits, size_t *order,
                       struct arena *arena)
{
    const struct lists *children = links->children, *needed_by = links->needed_by;
    struct turns turns = turns_of(graph, arena);
    struct heap ready = {.items = ARENA_ARRAY(arena, graph->count, size_t)};
    for (size_t i = 0; i < graph->count; i++) {
        for (size_t k = 0; k < children->used[i]; k++)
            waits[children->flat[children->start[i] + k]]++;
        for (size_t k = 0; k < needed_by->used[i]; k++)
            waits[needed_by->flat[needed_by->start[i] + k]]++;
    }
    for (size_t i = 0; i < graph->count; i++)
        if (waits[i] == 0)
            heap_push(&ready, turns.of[i]);
    size_t done = 0;
    while (ready.count) {
        size_t index = turns.index[heap_pop(&ready)];
        order[done++] = index;
        release(children, index, waits, &turns, &ready);
        release(needed_by, index, waits, &turns, &ready);
    }
    return done;
}

/* --- cycles --- */

/* Whom a waiting revision waits for. There is always one, or it would not wait. */
static size_t awaited(const struct lists *lists, size_t index, const size_t *waits)
{
    for (size_t k = 0; k < lists->used[index]; k++)
        if (waits[lists->flat[lists->start[index] + k]])
            return lists->flat[lists->start[index] + k];
    return (size_t)GRAPH_NONE;
}

static size_t next_awaited(const struct links *links, size_t index, const size_t *waits, bool *is_dependency)
{
    size_t next = awaited(links->down, index, waits);
    *is_dependency = next == (size_t)GRAPH_NONE;
    return *is_dependency ? awaited(links->depends, index, waits) : next;
}

/* A member of a cycle: whoever waits leads to one, by asking for whom. */
static size_t cycle_member(const struct graph *graph, const struct links *links, const size_t *waits)
{
    size_t at = 0;
    while (waits[graph->by_id[at]] == 0)
        at++;
    at = graph->by_id[at];
    bool unused;
    for (size_t i = 0; i < graph->count; i++)
        at = next_awaited(links, at, waits, &unused);
    size_t first = at;
    for (size_t i = next_awaited(links, at, waits, &unused); i != first; i = next_awaited(links, i, waits, &unused))
        if (strcmp(graph->revisions[i].id, graph->revisions[at].id) < 0)
            at = i;
    return at;
}

enum { CYCLE_SHOWN = 12 };

static bool cycle(const struct graph *graph, const struct links *links, const size_t *waits, struct arena *arena,
                  struct error *err)
{
    size_t first = cycle_member(graph, links, waits), at = first, length = 0;
    bool is_dependency, first_is_dependency;
    struct buffer text = {.arena = arena};
    next_awaited(links, first, waits, &first_is_dependency);
    do {
        size_t next = next_awaited(links, at, waits, &is_dependency);
        if (length++ < CYCLE_SHOWN)
            buffer_printf(&text, "%s%s %s %s", length > 1 ? ", " : "", graph->revisions[at].id,
                          is_dependency ? "depends on" : "revises", next == at ? "itself" : graph->revisions[next].id);
        at = next;
    } while (at != first);
    if (length > CYCLE_SHOWN)
        buffer_printf(&text, ", and so on through %zu more", length - CYCLE_SHOWN);
    error_set(err, MIGRATE_CYCLE, "revisions go round in a circle: %s", buffer_done(&text));
    error_hint(err, "Correct one of these lines so that no revision comes before itself.");
    const struct revision *revision = &graph->revisions[first];
    return revision_fault(revision, first_is_dependency ? revision->depends_line : revision->down_line, err);
}

bool order_revisions(const struct graph *graph, const struct links *links, size_t *order, struct arena *arena,
                     struct error *err)
{
    size_t *waits = ARENA_ARRAY(arena, graph->count, size_t);
    return sort_all(graph, links, waits, order, arena) == graph->count || cycle(graph, links, waits, arena, err);
}
