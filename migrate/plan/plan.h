/* plan.h: from where the database is and where it should be, the ordered steps between. Pure. */
#ifndef MIGRATE_PLAN_PLAN_H
#define MIGRATE_PLAN_PLAN_H

#include "plan/target.h"

enum direction { DIRECTION_UPGRADE, DIRECTION_DOWNGRADE, DIRECTION_STAMP };

/* One change of one version row: from NULL inserts `to`, to NULL deletes `from`, else `from` becomes `to`. */
struct row_change {
    const char *from;
    const char *to;
};

struct row_changes {
    struct row_change *items;
    size_t count;
    size_t capacity;
};

struct step {
    size_t revision; /* index into the graph; for DIRECTION_STAMP unused */
    enum direction direction;
    struct row_changes changes; /* in order; deletes and updates before inserts */
};

struct plan {
    const struct step *steps;
    size_t step_count;
    struct names from; /* version rows before and after, sorted */
    struct names to;
    /* Rows that imply one another: read as what they imply, removed by the first step that runs (its changes
     * do it). Each is named here for a warning. */
    struct names redundant;
};

/* Applies the ancestors of the target (by Revises and Depends On) that are not applied. A target that is applied gives
 * no steps; a relative one that walks below the rows is MIGRATE_OUT_OF_RANGE. `rows` as the table has them:
 * MIGRATE_UNKNOWN_ROW. */
MUST_CHECK bool plan_upgrade(const struct graph *graph, struct names rows, const struct target *target,
                             struct arena *arena, struct plan *plan, struct error *err);
/* Removes the target's applied descendants by Revises, and whatever depends on a removed revision. With a branch it
 * starts from the target's children on that branch; a bare "-N" stays on the line of the row it counts from. What stays
 * applied and loses the row that implied it gets its own row. A target that is neither an applied head nor below one:
 * MIGRATE_OUT_OF_RANGE; several targets: MIGRATE_MULTIPLE_HEADS. */
MUST_CHECK bool plan_downgrade(const struct graph *graph, struct names rows, const struct target *target,
                               struct arena *arena, struct plan *plan, struct error *err);
/* Rows that are ancestors or descendants of a named revision, by Depends On too, go, others stay; base removes all (or
 * with a branch those on it and those that need it) before the other targets are looked at. Heads that another named
 * head implies get no row. One step of DIRECTION_STAMP, or none if nothing changes. A revision given with its ancestor:
 * MIGRATE_USAGE. purge: all rows go first, also those that no file has. */
MUST_CHECK bool plan_stamp(const struct graph *graph, struct names rows, const struct target *targets, size_t count,
                           bool purge, struct arena *arena, struct plan *plan, struct error *err);

/* Applied heads, with those that only Depends On implies, as `current` shows them; newest first. */
MUST_CHECK bool plan_current(const struct graph *graph, struct names rows, struct arena *arena, struct indexes *heads,
                             struct error *err);
/* Is every head applied, by its own row or implied? */
MUST_CHECK bool plan_at_heads(const struct graph *graph, struct names rows, struct arena *arena, bool *at_heads,
                              struct error *err);

#endif
