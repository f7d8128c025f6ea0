/* prepare.h: everything about a plan's files that can be refused is refused here, before anything runs. */
#ifndef MIGRATE_APPLY_PREPARE_H
#define MIGRATE_APPLY_PREPARE_H

#include "apply/compose.h"

struct preparation {
    const struct graph *graph;
    const struct plan *plan;
    enum dialect dialect;
    bool one_transaction;
    size_t width; /* characters that a version row can hold */
    /* For revisions that only the database has; NULL offline, where there are none. */
    const struct ledger *ledger;
    struct database *database;
    bool no_stored_scripts;
};

/* Opens each step's file, sees that it is the revision it was, that it can go this way (MIGRATE_IRREVERSIBLE) and that
 * each of its statements may stand where it does; ids are held against the version column's width
 * (MIGRATE_ID_TOO_LONG). one_transaction with an autocommit section in the plan: MIGRATE_USAGE. prepared[step_count]
 * is in the arena; prepare_close() it whether or not this succeeded. */
MUST_CHECK bool prepare_plan(const struct preparation *preparation, struct arena *arena, struct prepared **prepared,
                             struct error *err);
void prepare_close(struct prepared *prepared, size_t count);

/* The statements that would run there, as they will be sent. */
MUST_CHECK bool prepare_statements(const struct script *script, enum direction direction, enum dialect dialect,
                                   struct arena *arena, const char *const **statements, size_t *count,
                                   struct error *err);

#endif
