/* resolve.h: what resolving a target (resolve.c) and resolving a range (range.c) share. */
#ifndef MIGRATE_PLAN_RESOLVE_H
#define MIGRATE_PLAN_RESOLVE_H

#include "plan/target.h"

/* A target being resolved. */
struct search {
    const struct graph *graph;
    const struct target *target;
    const struct indexes *rows;     /* where the database is; NULL: not known */
    const struct indexes *origin;   /* where a bare relative form counts from; NULL: not known */
    const struct index_set *branch; /* NULL: any */
    bool clip;                      /* a walk that is too long stops at the end */
    struct arena *arena;
};

/* `branch` is filled from the target. Errors as target_resolve() has them. */
MUST_CHECK bool search_run(struct search *search, struct landing *landing, struct error *err);

/* Those in the set; all of them if it is NULL. */
struct indexes indexes_within(const struct index_set *set, const struct indexes *indexes, struct arena *arena);
/* "d1 (catalogue), d2": for messages, the first few of many. */
const char *revisions_listed(const struct graph *graph, const struct indexes *indexes, struct arena *arena);

#endif
