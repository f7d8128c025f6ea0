/* apply.h: the only door to changing a database: from where it is, over a plan, to what became of it. */
#ifndef MIGRATE_APPLY_APPLY_H
#define MIGRATE_APPLY_APPLY_H

#include "apply/compose.h"

/* Everything a change is made from; borrowed for the call. */
struct change {
    struct database *database;
    struct ledger *ledger;
    const struct graph *graph;
    enum direction direction;
    bool either_way;              /* goto: the direction is the one in which the target lies */
    const struct target *targets; /* one, or for DIRECTION_STAMP several */
    size_t target_count;
    bool purge; /* DIRECTION_STAMP: all rows go first */
    bool dry_run;
    bool one_transaction;   /* --transaction run */
    bool no_stored_scripts; /* never run SQL that the database keeps */
    int64_t lock_wait_ms;
    int lock_retries; /* further rounds when table locks cannot be had */
    const struct ledger_run *run;
    const char *folder; /* migrations folder: its repository is asked for commits */
    const atomic_int *interrupt;
    void (*observe)(void *context, const struct migrate_event *event);  /* may be NULL */
    bool (*confirm)(void *context, const struct migrate_outcome *plan); /* may be NULL: not asked */
    void *context;
    /* Called under the lock, once it is certain that something will run and before anything has; false ends the change
     * with its error. A retry may call it again. NULL: not wanted. */
    bool (*before)(void *context, struct error *err);
    void *before_context;
    struct arena *arena;
    struct migrate_outcome *outcome; /* gets what stands, whatever is answered; untouched as long as nothing is known */
};

/* Reads where the database stands, plans, and unless there is nothing to do takes the lock, reads again, plans again
 * and plays, in several rounds if table locks or the connection ask for it. */
MUST_CHECK bool apply_change(const struct change *change, struct error *err);

/* Makes the tables that are missing. */
MUST_CHECK bool apply_ensure(const struct change *change, struct error *err);

/* Prints what would carry the plan out. rows: where the script may be run. create: it also makes the version table. */
struct offline {
    struct printer printer;
    const struct ledger *ledger;
    const struct graph *graph;
    const struct plan *plan;
    enum dialect dialect;
    struct arena *arena;
};
MUST_CHECK bool apply_print(const struct offline *offline, struct error *err);

#endif
