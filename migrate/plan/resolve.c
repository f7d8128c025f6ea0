/* resolve.c: which revisions a target means. It knows the graph and no text.
 *
 * A relative form is a start and a walk: most of what is here decides where a walk starts, and says what was possible
 * when it cannot go on. */
#include "plan/resolve.h"

static bool is_base(size_t index)
{
    return index == (size_t)GRAPH_NONE;
}

/* --- what could have been meant --- */

enum { LISTED = 8 };

const char *revisions_listed(const struct graph *graph, const struct indexes *indexes, struct arena *arena)
{
    struct buffer text = {.arena = arena};
    for (size_t i = 0; i < indexes->count && i < LISTED; i++) {
        struct names labels = graph_branches(graph, indexes->items[i], arena);
        buffer_printf(&text, "%s%s", i ? ", " : "", graph->revisions[indexes->items[i]].id);
        if (labels.count)
            buffer_printf(&text, " (%s)", names_join(labels, ", ", arena));
    }
    if (indexes->count > LISTED)
        buffer_printf(&text, " and %zu more", indexes->count - LISTED);
    return buffer_done(&text);
}

static const char *closest(const struct graph *graph, const char *name, bool branches_only, struct arena *arena)
{
    struct name_list known = {0};
    static const char *const symbols[] = {"head", "heads", "base", "current"};
    for (size_t i = 0; i < graph->label_count; i++)
        ARENA_PUSH(arena, &known, graph->label_names[i]);
    for (size_t i = 0; !branches_only && i < sizeof symbols / sizeof symbols[0]; i++)
        ARENA_PUSH(arena, &known, symbols[i]);
    for (size_t i = 0; i < graph->count; i++)
        ARENA_PUSH(arena, &known, graph->revisions[graph->by_id[i]].id);
    return text_closest(name, names_of(&known));
}

static bool unknown_revision(const struct graph *graph, const char *name, struct arena *arena, struct error *err)
{
    const char *meant = closest(graph, name, false, arena);
    error_set(err, MIGRATE_UNKNOWN_REVISION, "no revision and no branch label is or begins with \"%s\"", name);
    if (meant)
        return error_hint(err, "Did you mean %s?", meant);
    return error_hint(err, "migrate history lists the revisions there are.");
}

static bool unknown_branch(const struct graph *graph, const char *name, struct arena *arena, struct error *err)
{
    const char *meant = closest(graph, name, true, arena);
    error_set(err, MIGRATE_UNKNOWN_BRANCH, "there is no branch \"%s\"", name);
    struct names labels = {.items = graph->label_names,
                           .count = graph->label_count < LISTED ? graph->label_count : LISTED};
    if (meant)
        return error_hint(err, "Did you mean %s?", meant);
    if (labels.count)
        return error_hint(err, "The branch labels are %s%s.", names_join(labels, ", ", arena),
                          graph->label_count > LISTED ? " ..." : "");
    return error_hint(err, "No revision has a branch label; the id of any revision on the branch names it too.");
}

static bool not_on_branch(const struct graph *graph, const struct indexes *candidates, const struct target *target,
                          struct arena *arena, struct error *err)
{
    const char *list = revisions_listed(graph, candidates, arena);
    if (candidates->count == 1)
        error_set(err, MIGRATE_NOT_ON_BRANCH, "revision %s is not on branch \"%s\"",
                  graph->revisions[candidates->items[0]].id, target->branch);
    else
        error_set(err, MIGRATE_NOT_ON_BRANCH, "none of the revisions that begin with \"%s\" is on branch \"%s\": %s",
                  target->name, target->branch, list);
    struct names labels = graph_branches(graph, candidates->items[0], arena);
    if (candidates->count == 1 && labels.count)
        return error_hint(err, "It is on %s; write %s@%s, or leave the branch away.", names_join(labels, ", ", arena),
                          labels.items[0], target->name);
    return error_hint(err, "It is neither above nor below the revision that \"%s\" names; leave the branch away.",
                      target->branch);
}

static bool ambiguous_name(const struct graph *graph, const char *name, const struct indexes *candidates,
                           struct arena *arena, struct error *err)
{
    error_set(err, MIGRATE_AMBIGUOUS, "\"%s\" could be any of %s", name, revisions_listed(graph, candidates, arena));
    return error_hint(err, "Write more of the id that you mean.");
}

/* A name for the branch of one of these heads that none of the others answers to. */
static const char *branch_name(const struct graph *graph, const struct indexes *heads, struct arena *arena)
{
    for (size_t i = 0; i < heads->count && i < LISTED; i++) {
        struct names labels = graph_branches(graph, heads->items[i], arena);
        for (size_t l = 0; l < labels.count; l++) {
            size_t others = 0;
            for (size_t j = 0; j < heads->count && others < 2; j++)
                others += names_have(graph_branches(graph, heads->items[j], arena), labels.items[l]);
            if (others == 1)
                return labels.items[l];
        }
    }
    return graph->revisions[heads->items[0]].id;
}

static bool multiple_heads(const struct graph *graph, const struct indexes *heads, const struct target *target,
                           struct arena *arena, struct error *err)
{
    error_set(err, MIGRATE_MULTIPLE_HEADS, "\"%s\" is one revision, but there are %zu heads", target->text,
              heads->count);
    return error_hint(err, "The heads are %s. Write heads for all of them or BRANCH@head for one, as in %s@head.",
                      revisions_listed(graph, heads, arena), branch_name(graph, heads, arena));
}

/* --- names --- */

static struct indexes alone(size_t index, struct arena *arena)
{
    size_t *item = ARENA_NEW(arena, size_t);
    *item = index;
    return (struct indexes){.items = item, .count = 1};
}

struct indexes indexes_within(const struct index_set *set, const struct indexes *indexes, struct arena *arena)
{
    if (!set)
        return *indexes;
    size_t *items = ARENA_ARRAY(arena, indexes->count, size_t);
    size_t count = 0;
    for (size_t i = 0; i < indexes->count; i++)
        if (index_set_has(set, indexes->items[i]))
            items[count++] = indexes->items[i];
    return (struct indexes){.items = items, .count = count};
}

/* What answers to a name: one if it is an id or a label, else all that begin so. */
static struct indexes answering(const struct graph *graph, const char *name, struct arena *arena)
{
    size_t exact = graph_find(graph, name);
    if (exact == (size_t)GRAPH_NONE)
        exact = graph_find_label(graph, name);
    return exact == (size_t)GRAPH_NONE ? graph_prefixed(graph, name, arena) : alone(exact, arena);
}

bool name_resolve(const struct graph *graph, const char *name, struct arena *arena, size_t *found, struct error *err)
{
    struct indexes candidates = answering(graph, name, arena);
    if (candidates.count == 0)
        return unknown_revision(graph, name, arena, err);
    if (candidates.count > 1)
        return ambiguous_name(graph, name, &candidates, arena, err);
    *found = candidates.items[0];
    return true;
}

static bool branch_revision(const struct graph *graph, const char *branch, struct arena *arena, size_t *found,
                            struct error *err)
{
    struct indexes candidates = answering(graph, branch, arena);
    if (candidates.count == 0)
        return unknown_branch(graph, branch, arena, err);
    if (candidates.count > 1)
        return ambiguous_name(graph, branch, &candidates, arena, err);
    *found = candidates.items[0];
    return true;
}

bool branch_resolve(const struct graph *graph, const char *branch, struct arena *arena, struct index_set *set,
                    struct error *err)
{
    size_t revision = 0;
    if (!branch_revision(graph, branch, arena, &revision, err))
        return false;
    *set = graph_lineage(graph, revision, arena);
    return true;
}

/* --- walking --- */

static bool too_far(const struct search *search, size_t stopped_at, int64_t walked, struct error *err)
{
    const struct target *target = search->target;
    const char *where = is_base(stopped_at) ? "the base" : search->graph->revisions[stopped_at].id;
    int64_t steps = target->offset < 0 ? -target->offset : target->offset;
    error_set(err, MIGRATE_OUT_OF_RANGE,
              "\"%s\" leaves the history: after %lld of %lld steps %s there is nothing %s %s", target->text,
              (long long)walked, (long long)steps, target->offset < 0 ? "down" : "up",
              target->offset < 0 ? "below" : "above", where);
    return error_hint(err, "Write a smaller number, or %s.", target->offset < 0 ? "base" : "head");
}

static bool fork_in_the_way(const struct search *search, size_t at, const struct indexes *ways, struct error *err)
{
    const struct target *target = search->target;
    error_set(err, MIGRATE_AMBIGUOUS, "\"%s\" comes to a fork %s %s: %s", target->text,
              target->offset < 0 ? "below" : "above", is_base(at) ? "the base" : search->graph->revisions[at].id,
              revisions_listed(search->graph, ways, search->arena));
    return error_hint(err, "Say which way with BRANCH@ in front, as in %s@%+lld, or name the revision.",
                      branch_name(search->graph, ways, search->arena), (long long)target->offset);
}

/* From `at` as many steps as the target says. Below the bases is GRAPH_NONE. */
static bool walk(const struct search *search, size_t at, size_t *end, struct error *err)
{
    const struct graph *graph = search->graph;
    bool is_down = search->target->offset < 0;
    struct indexes bases = graph_bases(graph, search->arena);
    for (int64_t left = search->target->offset; left != 0; left += is_down ? 1 : -1) {
        struct arena_mark mark = arena_mark(search->arena);
        struct indexes ways = {0};
        if (!is_down)
            ways = is_base(at) ? bases : graph->children[at];
        else if (!is_base(at))
            ways = graph->down[at];
        bool is_last = is_down ? is_base(at) : ways.count == 0;
        struct indexes chosen = indexes_within(search->branch, &ways, search->arena);
        if (is_last || (!is_down && chosen.count == 0)) {
            int64_t walked = search->target->offset - left;
            if (!search->clip)
                return too_far(search, at, walked < 0 ? -walked : walked, err);
            break;
        }
        if (chosen.count > 1)
            return fork_in_the_way(search, at, &chosen, err);
        at = chosen.count ? chosen.items[0] : (size_t)GRAPH_NONE;
        arena_rewind(search->arena, mark);
    }
    *end = at;
    return true;
}

/* --- where a walk starts --- */

static bool rows_unknown(const struct target *target, struct error *err)
{
    error_set(err, MIGRATE_USAGE, "\"%s\" depends on where the database is, which is not known here", target->text);
    return error_hint(err, "Name the revision, or give the start in a range: FROM:TO.");
}

static bool ambiguous_start(const struct search *search, const struct indexes *starts, struct error *err)
{
    error_set(err, MIGRATE_AMBIGUOUS, "\"%s\" could count from any of %s", search->target->text,
              revisions_listed(search->graph, starts, search->arena));
    return error_hint(err, "Say from which with BRANCH@ in front, as in %s@%+lld.",
                      branch_name(search->graph, starts, search->arena), (long long)search->target->offset);
}

/* Where the branch is when no row is on it: at a head that another branch depends on; or, for walking up, where it left
 * the branches that are applied. */
static struct indexes starts_without_row(const struct search *search, const struct index_set *applied)
{
    struct indexes heads = graph_heads_of(search->graph, applied, false, search->arena);
    heads = indexes_within(search->branch, &heads, search->arena);
    if (heads.count || search->target->offset < 0)
        return heads;
    struct index_set shared = index_set_new(search->graph->count, search->arena);
    for (size_t w = 0; w <= shared.count / 64; w++)
        shared.words[w] = applied->words[w] & search->branch->words[w];
    return graph_heads_of(search->graph, &shared, false, search->arena);
}

/* The revision that a bare relative form counts from; GRAPH_NONE for the base. */
static bool find_start(const struct search *search, size_t *start, struct error *err)
{
    if (!search->origin)
        return rows_unknown(search->target, err);
    struct index_set applied = graph_closure(search->graph, search->origin, search->arena);
    struct indexes rows = graph_heads_of(search->graph, &applied, true, search->arena);
    struct indexes starts = indexes_within(search->branch, &rows, search->arena);
    if (search->branch && starts.count == 0)
        starts = starts_without_row(search, &applied);
    if (starts.count > 1)
        return ambiguous_start(search, &starts, err);
    if (search->branch && starts.count == 0 && search->target->offset < 0 && !search->clip) {
        error_set(err, MIGRATE_OUT_OF_RANGE, "\"%s\" has nothing to count from: nothing of branch \"%s\" is applied",
                  search->target->text, search->target->branch);
        return error_hint(err, "Name the revision itself.");
    }
    *start = starts.count ? starts.items[0] : (size_t)GRAPH_NONE;
    return true;
}

/* --- resolving --- */

static bool find_name(const struct search *search, struct indexes *found, struct error *err)
{
    const char *name = search->target->name;
    struct indexes candidates = answering(search->graph, name, search->arena);
    *found = indexes_within(search->branch, &candidates, search->arena);
    if (found->count == 1)
        return true;
    if (candidates.count == 0)
        return unknown_revision(search->graph, name, search->arena, err);
    return found->count ? ambiguous_name(search->graph, name, found, search->arena, err)
                        : not_on_branch(search->graph, &candidates, search->target, search->arena, err);
}

/* What the target names before it walks. */
static bool find_symbol(const struct search *search, struct indexes *found, struct error *err)
{
    struct indexes heads;
    struct index_set applied;
    *found = (struct indexes){0};
    switch (search->target->symbol) {
    case SYMBOL_NAME:
        return find_name(search, found, err);
    case SYMBOL_HEAD:
    case SYMBOL_HEADS:
        heads = graph_heads(search->graph, false, search->arena);
        *found = indexes_within(search->branch, &heads, search->arena);
        if (found->count > 1 && (search->target->symbol == SYMBOL_HEAD || search->target->offset))
            return multiple_heads(search->graph, found, search->target, search->arena, err);
        return true;
    case SYMBOL_CURRENT:
        if (!search->rows)
            return rows_unknown(search->target, err);
        applied = graph_closure(search->graph, search->rows, search->arena);
        heads = graph_heads_of(search->graph, &applied, true, search->arena);
        *found = indexes_within(search->branch, &heads, search->arena);
        return true;
    case SYMBOL_BASE:
    case SYMBOL_NONE:
        break;
    }
    return true;
}

static bool find_walked(struct search *search, struct landing *landing, struct error *err)
{
    enum symbol symbol = search->target->symbol;
    bool is_bare = symbol == SYMBOL_NONE || symbol == SYMBOL_CURRENT;
    if (symbol == SYMBOL_CURRENT)
        search->origin = search->rows;
    struct indexes found;
    size_t start = (size_t)GRAPH_NONE, end = (size_t)GRAPH_NONE;
    if (is_bare ? !find_start(search, &start, err) : !find_symbol(search, &found, err))
        return false;
    if (!is_bare && found.count)
        start = found.items[0];
    if (!walk(search, start, &end, err))
        return false;
    landing->is_base = is_base(end);
    if (!landing->is_base)
        landing->found = alone(end, search->arena);
    if (is_bare && is_base(landing->branch))
        landing->branch = start;
    return true;
}

bool search_run(struct search *search, struct landing *landing, struct error *err)
{
    struct landing result = {.branch = (size_t)GRAPH_NONE};
    if (search->target->branch) {
        if (!branch_revision(search->graph, search->target->branch, search->arena, &result.branch, err))
            return false;
        struct index_set *branch = ARENA_NEW(search->arena, struct index_set);
        *branch = graph_lineage(search->graph, result.branch, search->arena);
        search->branch = branch;
    }
    result.is_base = search->target->symbol == SYMBOL_BASE && search->target->offset == 0;
    bool ok = search->target->offset ? find_walked(search, &result, err) : find_symbol(search, &result.found, err);
    if (ok)
        *landing = result;
    return ok;
}

bool target_land(const struct graph *graph, const struct indexes *rows, const struct target *target,
                 struct arena *arena, struct landing *landing, struct error *err)
{
    struct search search = {.graph = graph, .target = target, .rows = rows, .origin = rows, .arena = arena};
    return search_run(&search, landing, err);
}

bool target_resolve(const struct graph *graph, const struct indexes *rows, const struct target *target,
                    struct arena *arena, struct indexes *found, struct error *err)
{
    struct landing landing;
    if (!target_land(graph, rows, target, arena, &landing, err))
        return false;
    *found = landing.found;
    return true;
}

/* --- rows --- */

bool rows_resolve(const struct graph *graph, struct names rows, struct arena *arena, struct indexes *found,
                  struct error *err)
{
    struct name_list unknown = {0};
    size_t *items = ARENA_ARRAY(arena, rows.count, size_t);
    for (size_t i = 0; i < rows.count; i++) {
        items[i] = graph_find(graph, rows.items[i]);
        if (items[i] == (size_t)GRAPH_NONE)
            ARENA_PUSH(arena, &unknown, rows.items[i]);
    }
    if (unknown.count) {
        error_set(err, MIGRATE_UNKNOWN_ROW, "the database is at %s, which no revision file has",
                  names_join(names_of(&unknown), ", ", arena));
        return error_hint(err,
                          "Take the migrations folder that the database was last migrated with, or bring the missing "
                          "file back; a row is an id in full.");
    }
    *found = (struct indexes){.items = items, .count = rows.count};
    return true;
}
