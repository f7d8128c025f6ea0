/* stored.h: revisions that only the database has.
 *
 * The history keeps each file that ran. An older checkout or image meets rows that its folder lacks; with the kept
 * files it knows what these are, what they descend from, and how to take them back. */
#ifndef MIGRATE_APPLY_STORED_H
#define MIGRATE_APPLY_STORED_H

#include "apply/ledger.h"

/* The folder's graph, and where version rows lead beyond it the applied revisions that only the database has (their
 * stored_oid is set, their path is NULL). Rows that the history does not know either are simply not in it: whoever
 * needs them says so. *extended is the folder's own graph if there is nothing to add. */
MUST_CHECK bool stored_extend(const struct ledger *ledger, struct database *database, const struct ledger_state *state,
                              const struct graph *folder, struct arena *arena, struct graph *extended,
                              struct error *err);

/* Are all heads of the folder applied, and rows beyond them only what the history knows to descend from these? */
bool stored_is_ahead(const struct graph *folder, const struct graph *extended, struct names rows, struct arena *arena);

/* `head` is the folder's, whatever the database has beyond it: such a target becomes the id that it names there.
 * MIGRATE_MULTIPLE_HEADS for `heads` of several. */
MUST_CHECK bool stored_settle(const struct graph *folder, const struct graph *extended, struct arena *arena,
                              struct target *target, struct error *err);

/* The text of a stored revision. Refused (MIGRATE_PERMISSION) if it is not what its oid says, or if others than the
 * tables' owner may write them: what is kept there would then be anybody's SQL. */
MUST_CHECK bool stored_text(const struct ledger *ledger, struct database *database, const char *oid,
                            struct arena *arena, struct text *text, struct error *err);

#endif
