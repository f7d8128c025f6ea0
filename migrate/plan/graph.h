/* graph.h: revisions and how they follow one another. Pure: no file, no database.
 *
 * A revision names its parents (Revises: its down revisions), what must be applied before it (Depends On) and
 * labels for the branch that begins with it. Every index below is one into graph.revisions. */
#ifndef MIGRATE_PLAN_GRAPH_H
#define MIGRATE_PLAN_GRAPH_H

#include "base/arena.h"

/* As a file says it; all strings as written there. */
struct revision {
    const char *id;
    const char *message;  /* "" if the file has none */
    struct names down;    /* none: a base */
    struct names depends; /* ids or labels */
    struct names labels;
    bool has_created;
    int64_t created_us;     /* since 1970, UTC */
    const char *path;       /* for messages */
    const char *stored_oid; /* NULL: there is a file; else only the database has it, under this id, and path is NULL */
    unsigned id_line;       /* lines of the header, for messages; 0: unknown */
    unsigned down_line;
    unsigned depends_line;
    unsigned labels_line;
    const char *description; /* other comment lines; NULL if there are none */
};

struct indexes {
    const size_t *items;
    size_t count;
};

struct graph {
    const struct revision *revisions; /* borrowed */
    size_t count;
    /* By index, the lists ascending in `rank`. */
    const struct indexes *down;      /* parents, by Revises */
    const struct indexes *depends;   /* by Depends On, labels resolved */
    const struct indexes *children;  /* by Revises, reversed */
    const struct indexes *needed_by; /* by Depends On, reversed */
    /* The one total order: parents and dependencies first; where that leaves a choice the create date (a file without
     * one last), then the id decide. */
    const size_t *order;    /* rank -> index */
    const size_t *rank;     /* index -> rank */
    const size_t *by_id;    /* indexes, sorted by id: for looking up ids and prefixes */
    const size_t *by_label; /* one entry a label: an index, sorted by label; label_names beside it */
    const char *const *label_names;
    size_t label_count;
    const uint64_t *id_keys; /* beside by_id and by_label: the beginning of each name as a number */
    const uint64_t *label_keys;
    const uint64_t *branch_bits; /* for graph_branches(): a row of bits a revision, a bit a label */
};

/* Checks and connects. Codes: MIGRATE_DUPLICATE (an id twice, a label twice, a label that is an id),
 * MIGRATE_MISSING_PARENT (a parent or dependency that no file has), MIGRATE_CYCLE (names its members only, a
 * revision that revises itself too). Errors carry the file and line. 0 revisions are a graph. */
MUST_CHECK bool graph_build(const struct revision *revisions, size_t count, struct arena *arena, struct graph *graph,
                            struct error *err);

enum { GRAPH_NONE = -1 };
/* The revision of exactly this id, or (size_t)GRAPH_NONE. */
size_t graph_find(const struct graph *graph, const char *id);
/* The revision that carries exactly this label, or (size_t)GRAPH_NONE. */
size_t graph_find_label(const struct graph *graph, const char *label);
/* Revisions with an id or a label that begins so, each once, ascending in rank. */
struct indexes graph_prefixed(const struct graph *graph, const char *prefix, struct arena *arena);

/* Revisions no other revises. with_dependencies: nor depends on. */
struct indexes graph_heads(const struct graph *graph, bool with_dependencies, struct arena *arena);
struct indexes graph_bases(const struct graph *graph, struct arena *arena);
bool graph_is_head(const struct graph *graph, size_t index);
bool graph_is_branch_point(const struct graph *graph, size_t index);
bool graph_is_merge_point(const struct graph *graph, size_t index);
/* Labels of the branches a revision is on, sorted. As Alembic has it, a label covers its revision, the descendants of
 * that by Revises, and what is below it as long as the line neither forks nor joins. */
struct names graph_branches(const struct graph *graph, size_t index, struct arena *arena);

/* One bit a revision. */
struct index_set {
    uint64_t *words;
    size_t count; /* bits */
};
struct index_set index_set_new(size_t count, struct arena *arena);
static inline bool index_set_has(const struct index_set *set, size_t index)
{
    return set->words[index / 64] >> (index % 64) & 1;
}
static inline void index_set_add(struct index_set *set, size_t index)
{
    set->words[index / 64] |= UINT64_C(1) << (index % 64);
}
static inline void index_set_remove(struct index_set *set, size_t index)
{
    set->words[index / 64] &= ~(UINT64_C(1) << (index % 64));
}

/* Adds the revision and its ancestors by Revises, and by Depends On too if asked. Stops where the set has one. */
void graph_add_ancestors(const struct graph *graph, size_t index, bool with_dependencies, struct index_set *set,
                         struct arena *arena);
/* Adds the revision and its descendants. */
void graph_add_descendants(const struct graph *graph, size_t index, bool with_dependencies, struct index_set *set,
                           struct arena *arena);
/* The revision, its ancestors and its descendants by Revises: what `ID@` and `LABEL@` mean by a branch. */
struct index_set graph_lineage(const struct graph *graph, size_t index, struct arena *arena);
/* These and all their ancestors, by Revises and Depends On: what is applied when these are the version rows. */
struct index_set graph_closure(const struct graph *graph, const struct indexes *indexes, struct arena *arena);
/* Members of the set that no other member revises. with_dependencies: nor depends on; of a closure, these are the
 * fewest version rows that say it. Ascending in rank. */
struct indexes graph_heads_of(const struct graph *graph, const struct index_set *set, bool with_dependencies,
                              struct arena *arena);
/* Members of the set, parents first. */
struct indexes graph_sorted(const struct graph *graph, const struct index_set *set, struct arena *arena);

#endif
