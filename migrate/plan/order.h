/* order.h: what building a graph (graph.c) and ordering it (order.c) share. */
#ifndef MIGRATE_PLAN_ORDER_H
#define MIGRATE_PLAN_ORDER_H

#include "plan/graph.h"

/* List i is flat[start[i]] and the used[i] - 1 behind it. */
struct lists {
    size_t *flat;
    size_t *start;
    size_t *used;
    size_t count;
};

/* Who follows whom, as far as it is known before there is an order. */
struct links {
    const struct lists *down, *depends;
    const struct lists *children, *needed_by; /* the same, reversed */
};

/* The one total order (see struct graph): order[rank] is an index. MIGRATE_CYCLE if there is none. */
MUST_CHECK bool order_revisions(const struct graph *graph, const struct links *links, size_t *order,
                                struct arena *arena, struct error *err);

/* Adds to an error which revision it is about, and the line; always false. */
bool revision_fault(const struct revision *revision, unsigned line, struct error *err);

#endif
