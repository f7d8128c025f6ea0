/* target.h: the identifier grammar, everywhere an identifier is taken.
 *
 *     target := [branch "@"] symbol [("+"|"-") N] | [branch "@"] ("+"|"-") N
 *     symbol := head | heads | base | current | ID | unique prefix of an ID or label | label
 *     branch := label | ID | unique prefix of either
 *     range  := [target] ":" [target]
 */
#ifndef MIGRATE_PLAN_TARGET_H
#define MIGRATE_PLAN_TARGET_H

#include "base/text.h"
#include "plan/graph.h"

enum symbol { SYMBOL_NONE, SYMBOL_HEAD, SYMBOL_HEADS, SYMBOL_BASE, SYMBOL_CURRENT, SYMBOL_NAME };

struct target {
    const char *text;   /* as the user wrote it, for messages */
    const char *branch; /* NULL: none given */
    enum symbol symbol; /* SYMBOL_NONE: relative only ("+2") */
    const char *name;   /* of SYMBOL_NAME */
    int64_t offset;     /* 0: none given; the grammar refuses +0 and -0 */
};

struct range {
    bool has_from, has_to;
    struct target from, to;
};

/* Text that is no target: MIGRATE_USAGE, or MIGRATE_OUT_OF_RANGE for N = 0. Strings of the result are in the arena. */
MUST_CHECK bool target_parse(const char *wanted, struct arena *arena, struct target *target, struct error *err);
/* "a:b", ":b", "a:"; without a colon MIGRATE_USAGE. */
MUST_CHECK bool range_parse(const char *wanted, struct arena *arena, struct range *range, struct error *err);
/* Does it need to know where the database is (current, or relative to it)? */
bool target_needs_rows(const struct target *target);

/* What a target names: usually one revision; several for heads; none for base, and for current on an empty database.
 * `rows`: applied heads as indexes, for current and bare relative forms; NULL: not known (those forms then fail).
 * Five different messages, each with what could have been meant: MIGRATE_AMBIGUOUS, MIGRATE_UNKNOWN_REVISION,
 * MIGRATE_UNKNOWN_BRANCH, MIGRATE_NOT_ON_BRANCH, and MIGRATE_UNKNOWN_ROW from rows_resolve(); MIGRATE_MULTIPLE_HEADS,
 * MIGRATE_OUT_OF_RANGE. */
MUST_CHECK bool target_resolve(const struct graph *graph, const struct indexes *rows, const struct target *target,
                               struct arena *arena, struct indexes *found, struct error *err);
/* The same for planners, who also ask from where it was seen. */
struct landing {
    struct indexes found;
    bool is_base;  /* it names the place below all revisions: base, or a walk that ended there */
    size_t branch; /* the revision whose lineage narrows the target: what BRANCH@ names, or without it the row that a
                      bare relative form counted from; GRAPH_NONE: none */
};
MUST_CHECK bool target_land(const struct graph *graph, const struct indexes *rows, const struct target *target,
                            struct arena *arena, struct landing *landing, struct error *err);
/* The revision of exactly this id, or label, or unique prefix of either. */
MUST_CHECK bool name_resolve(const struct graph *graph, const char *name, struct arena *arena, size_t *found,
                             struct error *err);
/* Revisions on the branch that a label or id names. */
MUST_CHECK bool branch_resolve(const struct graph *graph, const char *branch, struct arena *arena,
                               struct index_set *set, struct error *err);

/* The ends of a range: `from` is empty for base, `to` is every head if none is given. A bare relative end counts from
 * the other end. clip: a walk that leaves the graph stops at its end instead of failing. */
MUST_CHECK bool range_ends(const struct graph *graph, const struct indexes *rows, const struct range *range, bool clip,
                           struct arena *arena, struct indexes *from, struct indexes *to, struct error *err);
/* Revisions of the range, newest first (children before parents), clipped. Ends that are not on one lineage:
 * MIGRATE_OUT_OF_RANGE. */
MUST_CHECK bool range_resolve(const struct graph *graph, const struct indexes *rows, const struct range *range,
                              struct arena *arena, struct indexes *found, struct error *err);

/* Version rows -> indexes. A row is an id in full: nothing is completed. MIGRATE_UNKNOWN_ROW names the rows that no
 * file has. */
MUST_CHECK bool rows_resolve(const struct graph *graph, struct names rows, struct arena *arena, struct indexes *found,
                             struct error *err);

#endif
