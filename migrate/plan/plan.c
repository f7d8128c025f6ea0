/* plan.c: from the version rows and a target to ordered steps.
 *
 * What is applied is a set closed under ancestors; the version rows are its topmost members, no more. So a plan is the
 * difference of two sets in the graph's order. Beside it walks a `cover`: how many applied revisions stand directly on
 * each one. A revision is a row as long as its count is zero, which tells what each step does to the rows. */
#include "plan/plan.h"

#include <assert.h>
#include <stdlib.h>

static bool is_none(size_t index)
{
    return index == (size_t)GRAPH_NONE;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, each once. */
static struct names sorted_names(struct names names, struct arena *arena)
{
    const char **items = ARENA_ARRAY(arena, names.count, const char *);
    if (names.count == 0)
        return (struct names){0};
    memcpy(items, names.items, names.count * sizeof *items);
    qsort(items, names.count, sizeof *items, by_text);
    size_t count = 1;
    for (size_t i = 1; i < names.count; i++)
        if (strcmp(items[i], items[count - 1]) != 0)
            items[count++] = items[i];
    return (struct names){.items = items, .count = count};
}

static struct names ids_of(const struct graph *graph, const struct indexes *indexes, struct arena *arena)
{
    struct name_list names = {0};
    for (size_t i = 0; i < indexes->count; i++)
        ARENA_PUSH(arena, &names, graph->revisions[indexes->items[i]].id);
    return sorted_names(names_of(&names), arena);
}

/* --- where the database is --- */

struct state {
    const struct graph *graph;
    struct arena *arena;
    struct names from;
    struct index_set applied;
    struct indexes rows;    /* the fewest that say what is applied */
    struct names redundant; /* rows beside those */
};

static void state_of(const struct graph *graph, struct names rows, const struct indexes *found, struct arena *arena,
                     struct state *state)
{
    struct index_set applied = graph_closure(graph, found, arena);
    *state = (struct state){.graph = graph,
                            .arena = arena,
                            .from = sorted_names(rows, arena),
                            .applied = applied,
                            .rows = graph_heads_of(graph, &applied, true, arena)};
    if (state->rows.count == state->from.count)
        return;
    struct index_set minimal = index_set_new(graph->count, arena);
    for (size_t i = 0; i < state->rows.count; i++)
        index_set_add(&minimal, state->rows.items[i]);
    struct name_list redundant = {0};
    for (size_t i = 0; i < state->from.count; i++) {
        size_t index = graph_find(graph, state->from.items[i]);
        if (!is_none(index) && !index_set_has(&minimal, index))
            ARENA_PUSH(arena, &redundant, state->from.items[i]);
    }
    state->redundant = names_of(&redundant);
}

static bool read_state(const struct graph *graph, struct names rows, struct arena *arena, struct state *state,
                       struct error *err)
{
    struct indexes found;
    if (!rows_resolve(graph, rows, arena, &found, err))
        return false;
    state_of(graph, rows, &found, arena, state);
    return true;
}

/* --- what steps do to the rows --- */

/* Steps being written, and the rows as the last of them leaves them. */
struct walk {
    const struct state *state;
    size_t *cover; /* index -> how many applied revisions revise it or depend on it */
    struct index_set applied;
    struct step *steps;
    size_t count;
};

static struct index_set copy_of(const struct index_set *set, struct arena *arena)
{
    struct index_set copy = index_set_new(set->count, arena);
    memcpy(copy.words, set->words, (set->count / 64 + 1) * sizeof *set->words);
    return copy;
}

static struct walk walk_new(const struct state *state, size_t step_count)
{
    const struct graph *graph = state->graph;
    struct walk walk = {.state = state,
                        .cover = ARENA_ARRAY(state->arena, graph->count, size_t),
                        .applied = copy_of(&state->applied, state->arena),
                        .steps = ARENA_ARRAY(state->arena, step_count, struct step)};
    for (size_t i = 0; i < graph->count; i++) {
        if (!index_set_has(&state->applied, i))
            continue;
        for (size_t k = 0; k < graph->down[i].count; k++)
            walk.cover[graph->down[i].items[k]]++;
        for (size_t k = 0; k < graph->depends[i].count; k++)
            walk.cover[graph->depends[i].items[k]]++;
    }
    return walk;
}

static void change(const struct walk *walk, const char *from, const char *to, struct step *step)
{
    ARENA_PUSH(walk->state->arena, &step->changes, (struct row_change){from, to});
}

static struct step *next_step(struct walk *walk, size_t index, enum direction direction)
{
    struct step *step = &walk->steps[walk->count++];
    *step = (struct step){.revision = index, .direction = direction};
    if (step == walk->steps)
        for (size_t i = 0; i < walk->state->redundant.count; i++)
            change(walk, walk->state->redundant.items[i], NULL, step);
    return step;
}

/* Stands on what is below it, or no longer; *first is the first of these whose count was zero (or is now). The others
 * of that kind become rows of their own, or stop being rows, in `step`. */
static const char *tread(struct walk *walk, const struct indexes *below, bool on, const char *first, struct step *step)
{
    const struct graph *graph = walk->state->graph;
    for (size_t k = 0; k < below->count; k++) {
        size_t index = below->items[k];
        bool was_row = walk->cover[index] == 0;
        walk->cover[index] += on ? 1 : (size_t)-1;
        if (was_row == (walk->cover[index] == 0))
            continue;
        const char *id = graph->revisions[index].id;
        if (!first)
            first = id;
        else
            change(walk, on ? id : NULL, on ? NULL : id, step);
    }
    return first;
}

static void step_up(struct walk *walk, size_t index)
{
    const struct graph *graph = walk->state->graph;
    struct step *step = next_step(walk, index, DIRECTION_UPGRADE);
    const char *replaced = tread(walk, &graph->down[index], true, NULL, step);
    replaced = tread(walk, &graph->depends[index], true, replaced, step);
    change(walk, replaced, graph->revisions[index].id, step); // behind the deletes
    index_set_add(&walk->applied, index);
}

static void step_down(struct walk *walk, size_t index)
{
    const struct graph *graph = walk->state->graph;
    struct step *step = next_step(walk, index, DIRECTION_DOWNGRADE);
    size_t at = step->changes.count;
    change(walk, graph->revisions[index].id, NULL, step); // before the inserts; where it leads is known below
    const char *uncovered = tread(walk, &graph->down[index], false, NULL, step);
    uncovered = tread(walk, &graph->depends[index], false, uncovered, step);
    step->changes.items[at].to = uncovered; // only now: the list may have moved
    index_set_remove(&walk->applied, index);
}

#ifndef NDEBUG
/* Do the changes, one after the other, lead from the rows before to those after? */
static bool changes_lead(const struct plan *plan, struct arena *arena)
{
    struct arena_mark mark = arena_mark(arena);
    struct name_list rows = {0};
    bool ok = true;
    for (size_t i = 0; i < plan->from.count; i++)
        ARENA_PUSH(arena, &rows, plan->from.items[i]);
    for (size_t s = 0; s < plan->step_count; s++) {
        for (size_t c = 0; c < plan->steps[s].changes.count; c++) {
            struct row_change one = plan->steps[s].changes.items[c];
            assert(one.from || one.to);
            size_t at = 0;
            while (one.from && at < rows.count && strcmp(rows.items[at], one.from) != 0)
                at++;
            ok = ok && (!one.from || at < rows.count) && (!one.to || !names_have(names_of(&rows), one.to));
            if (!one.from && one.to)
                ARENA_PUSH(arena, &rows, one.to);
            else if (ok)
                rows.items[at] = one.to ? one.to : rows.items[--rows.count];
        }
    }
    struct names after = sorted_names(names_of(&rows), arena);
    ok = ok && after.count == plan->to.count;
    for (size_t i = 0; ok && i < after.count; i++)
        ok = strcmp(after.items[i], plan->to.items[i]) == 0;
    arena_rewind(arena, mark);
    return ok;
}
#endif

static void finish(const struct walk *walk, struct plan *plan)
{
    const struct state *state = walk->state;
    *plan = (struct plan){.steps = walk->steps,
                          .step_count = walk->count,
                          .from = state->from,
                          .to = state->from,
                          .redundant = state->redundant};
    if (walk->count) {
        /* From the set alone, so that it can tell whether the changes are right. */
        struct indexes rows = graph_heads_of(state->graph, &walk->applied, true, state->arena);
        plan->to = ids_of(state->graph, &rows, state->arena);
    }
    assert(changes_lead(plan, state->arena));
}

/* --- upgrade --- */

static bool has_applied_child(const struct state *state, size_t index)
{
    const struct indexes *children = &state->graph->children[index];
    for (size_t k = 0; k < children->count; k++)
        if (index_set_has(&state->applied, children->items[k]))
            return true;
    return false;
}

/* A relative target that is applied already, and not the last applied one, was meant otherwise. */
static bool walks_below(const struct state *state, const struct target *target, const struct landing *landing)
{
    if (target->offset == 0)
        return false;
    if (landing->found.count == 0)
        return landing->is_base && state->rows.count > 0;
    return index_set_has(&state->applied, landing->found.items[0]) && has_applied_child(state, landing->found.items[0]);
}

static bool below_rows(const struct state *state, const struct target *target, const struct landing *landing,
                       struct error *err)
{
    const char *id = landing->found.count ? state->graph->revisions[landing->found.items[0]].id : "the base";
    struct names rows = ids_of(state->graph, &state->rows, state->arena);
    error_set(err, MIGRATE_OUT_OF_RANGE, "\"%s\" is %s, which is below where the database is (%s)", target->text, id,
              names_join(rows, ", ", state->arena));
    return error_hint(err, "To go there, downgrade.");
}

bool plan_upgrade(const struct graph *graph, struct names rows, const struct target *target, struct arena *arena,
                  struct plan *plan, struct error *err)
{
    struct state state;
    struct landing landing;
    if (!read_state(graph, rows, arena, &state, err) || !target_land(graph, &state.rows, target, arena, &landing, err))
        return false;
    if (walks_below(&state, target, &landing))
        return below_rows(&state, target, &landing, err);

    struct index_set wanted = graph_closure(graph, &landing.found, arena);
    for (size_t w = 0; w <= wanted.count / 64; w++)
        wanted.words[w] &= ~state.applied.words[w];
    struct indexes steps = graph_sorted(graph, &wanted, arena);
    struct walk walk = walk_new(&state, steps.count);
    for (size_t i = 0; i < steps.count; i++)
        step_up(&walk, steps.items[i]);
    finish(&walk, plan);
    return true;
}

/* --- downgrade --- */

static bool not_below_rows(const struct state *state, size_t index, struct error *err)
{
    const char *id = state->graph->revisions[index].id;
    if (state->rows.count == 0) {
        error_set(err, MIGRATE_OUT_OF_RANGE, "cannot downgrade to %s: nothing is applied", id);
        return error_hint(err, "There is nothing to do.");
    }
    struct names rows = ids_of(state->graph, &state->rows, state->arena);
    error_set(err, MIGRATE_OUT_OF_RANGE, "cannot downgrade to %s: it is not applied; the database is at %s", id,
              names_join(rows, ", ", state->arena));
    return error_hint(err, "To go there, upgrade; migrate history lists what is below.");
}

static bool one_target(const struct state *state, const struct target *target, const struct landing *landing,
                       struct error *err)
{
    if (landing->found.count < 2 || target->symbol == SYMBOL_CURRENT)
        return true;
    error_set(err, MIGRATE_MULTIPLE_HEADS, "\"%s\" names %zu revisions, and a downgrade goes to one: %s", target->text,
              landing->found.count,
              names_join(ids_of(state->graph, &landing->found, state->arena), ", ", state->arena));
    return error_hint(err, "Name one of them, or its branch as BRANCH@head.");
}

/* Applied revisions that stand directly on the target, on its branch if there is one. */
static void add_removed(const struct state *state, const struct landing *landing, struct index_set *removed)
{
    const struct graph *graph = state->graph;
    struct index_set branch;
    if (!is_none(landing->branch))
        branch = graph_lineage(graph, landing->branch, state->arena);
    struct indexes children = {0};
    if (landing->is_base)
        children = graph_bases(graph, state->arena);
    else if (landing->found.count)
        children = graph->children[landing->found.items[0]];
    for (size_t k = 0; k < children.count; k++) {
        size_t child = children.items[k];
        if (index_set_has(&state->applied, child) && (is_none(landing->branch) || index_set_has(&branch, child)))
            graph_add_descendants(graph, child, true, removed, state->arena);
    }
    for (size_t w = 0; w <= removed->count / 64; w++)
        removed->words[w] &= state->applied.words[w];
}

bool plan_downgrade(const struct graph *graph, struct names rows, const struct target *target, struct arena *arena,
                    struct plan *plan, struct error *err)
{
    struct state state;
    struct landing landing;
    if (!read_state(graph, rows, arena, &state, err) ||
        !target_land(graph, &state.rows, target, arena, &landing, err) || !one_target(&state, target, &landing, err))
        return false;
    for (size_t i = 0; i < landing.found.count; i++)
        if (!index_set_has(&state.applied, landing.found.items[i]))
            return not_below_rows(&state, landing.found.items[i], err);

    struct index_set removed = index_set_new(graph->count, arena);
    if (landing.found.count < 2)
        add_removed(&state, &landing, &removed);
    struct indexes steps = graph_sorted(graph, &removed, arena);
    struct walk walk = walk_new(&state, steps.count);
    for (size_t i = steps.count; i-- > 0;)
        step_down(&walk, steps.items[i]);
    finish(&walk, plan);
    return true;
}

/* --- stamp --- */

/* Rows that go and revisions that come, while the targets are read. */
struct stamping {
    const struct state *state;
    struct index_set named;
    struct index_set going; /* all that is above or below something named */
};

/* The branch as it stands in the rows: its revisions, and whatever would need them. */
static void clear_branch(struct stamping *stamping, size_t branch)
{
    const struct state *state = stamping->state;
    struct index_set lineage = graph_lineage(state->graph, branch, state->arena);
    struct index_set above = index_set_new(state->graph->count, state->arena);
    graph_add_descendants(state->graph, branch, true, &above, state->arena);
    for (size_t w = 0; w <= lineage.count / 64; w++)
        stamping->going.words[w] |= lineage.words[w] | above.words[w];
}

static void clear_all(struct stamping *stamping)
{
    for (size_t i = 0; i < stamping->going.count; i++)
        index_set_add(&stamping->going, i);
}

static void name_one(struct stamping *stamping, size_t index)
{
    const struct state *state = stamping->state;
    struct index_set near = index_set_new(state->graph->count, state->arena);
    graph_add_ancestors(state->graph, index, true, &near, state->arena);
    index_set_remove(&near, index);
    graph_add_descendants(state->graph, index, true, &near, state->arena);
    for (size_t w = 0; w <= near.count / 64; w++)
        stamping->going.words[w] |= near.words[w];
    index_set_add(&stamping->named, index);
}

static bool read_stamp(struct stamping *stamping, const struct target *target, struct error *err)
{
    const struct state *state = stamping->state;
    struct landing landing;
    if (!target_land(state->graph, &state->rows, target, state->arena, &landing, err))
        return false;
    if (landing.is_base && is_none(landing.branch))
        clear_all(stamping);
    else if (landing.is_base)
        clear_branch(stamping, landing.branch);
    /* Heads that another head depends on are said by that one. */
    struct index_set closure = graph_closure(state->graph, &landing.found, state->arena);
    struct indexes tops = landing.found;
    if (landing.found.count > 1)
        tops = graph_heads_of(state->graph, &closure, true, state->arena);
    for (size_t i = 0; i < tops.count; i++)
        name_one(stamping, tops.items[i]);
    return true;
}

/* A row for a revision and another for its ancestor would say the same thing twice. */
static bool none_implies_another(const struct stamping *stamping, const struct indexes *named, struct error *err)
{
    const struct graph *graph = stamping->state->graph;
    struct arena *arena = stamping->state->arena;
    struct index_set closure = graph_closure(graph, named, arena);
    struct indexes tops = graph_heads_of(graph, &closure, true, arena);
    if (tops.count == named->count)
        return true;
    for (size_t i = 0; i < named->count; i++) {
        struct index_set above = index_set_new(graph->count, arena);
        graph_add_descendants(graph, named->items[i], true, &above, arena);
        for (size_t j = 0; j < named->count; j++) {
            if (j == i || !index_set_has(&above, named->items[j]))
                continue;
            const char *low = graph->revisions[named->items[i]].id, *high = graph->revisions[named->items[j]].id;
            error_set(err, MIGRATE_USAGE, "cannot stamp %s together with %s, its ancestor", high, low);
            return error_hint(err, "Name %s alone: it says that %s is applied too.", high, low);
        }
    }
    return true;
}

static struct names without(struct names names, struct names others, struct arena *arena)
{
    struct name_list left = {0};
    for (size_t i = 0; i < names.count; i++)
        if (!others.count ||
            !bsearch(&names.items[i], others.items, others.count, sizeof *others.items, by_text)) // both are sorted
            ARENA_PUSH(arena, &left, names.items[i]);
    return names_of(&left);
}

/* One step with deletes, then updates, then inserts; none if nothing changes. */
static void finish_stamp(const struct state *state, const struct indexes *after, struct plan *plan)
{
    struct names to = ids_of(state->graph, after, state->arena);
    struct names gone = without(state->from, to, state->arena), come = without(to, state->from, state->arena);
    struct step *step = ARENA_NEW(state->arena, struct step);
    *step = (struct step){.revision = (size_t)GRAPH_NONE, .direction = DIRECTION_STAMP};
    size_t extra = gone.count > come.count ? gone.count - come.count : 0;
    for (size_t i = 0; i < gone.count; i++)
        ARENA_PUSH(state->arena, &step->changes,
                   (struct row_change){gone.items[i], i < extra ? NULL : come.items[i - extra]});
    for (size_t i = gone.count; i < come.count; i++)
        ARENA_PUSH(state->arena, &step->changes, (struct row_change){NULL, come.items[i]});
    *plan = (struct plan){.steps = step,
                          .step_count = step->changes.count ? 1 : 0,
                          .from = state->from,
                          .to = to,
                          .redundant = state->redundant};
    assert(changes_lead(plan, state->arena));
}

/* With purge a row may be one that no file has, unless a target counts from it. */
static bool read_stamp_state(const struct graph *graph, struct names rows, const struct target *targets, size_t count,
                             bool purge, struct arena *arena, struct state *state, struct error *err)
{
    bool needs_rows = !purge;
    for (size_t i = 0; i < count; i++)
        needs_rows = needs_rows || target_needs_rows(&targets[i]);
    if (needs_rows)
        return read_state(graph, rows, arena, state, err);
    state_of(graph, rows, &(struct indexes){0}, arena, state);
    return true;
}

bool plan_stamp(const struct graph *graph, struct names rows, const struct target *targets, size_t count, bool purge,
                struct arena *arena, struct plan *plan, struct error *err)
{
    struct state state;
    if (!read_stamp_state(graph, rows, targets, count, purge, arena, &state, err))
        return false;
    struct stamping stamping = {
        .state = &state, .named = index_set_new(graph->count, arena), .going = index_set_new(graph->count, arena)};
    for (size_t i = 0; i < count; i++)
        if (!read_stamp(&stamping, &targets[i], err))
            return false;
    struct indexes named = graph_sorted(graph, &stamping.named, arena);
    if (!none_implies_another(&stamping, &named, err))
        return false;
    if (purge)
        clear_all(&stamping);
    for (size_t i = 0; i < state.rows.count; i++)
        if (!index_set_has(&stamping.going, state.rows.items[i]))
            index_set_add(&stamping.named, state.rows.items[i]);
    struct indexes after = graph_sorted(graph, &stamping.named, arena);
    finish_stamp(&state, &after, plan);
    return true;
}

/* --- questions --- */

bool plan_current(const struct graph *graph, struct names rows, struct arena *arena, struct indexes *heads,
                  struct error *err)
{
    struct state state;
    if (!read_state(graph, rows, arena, &state, err))
        return false;
    struct indexes oldest_first = graph_heads_of(graph, &state.applied, false, arena);
    size_t *items = ARENA_ARRAY(arena, oldest_first.count, size_t);
    for (size_t i = 0; i < oldest_first.count; i++)
        items[i] = oldest_first.items[oldest_first.count - 1 - i];
    *heads = (struct indexes){.items = items, .count = oldest_first.count};
    return true;
}

bool plan_at_heads(const struct graph *graph, struct names rows, struct arena *arena, bool *at_heads, struct error *err)
{
    struct state state;
    if (!read_state(graph, rows, arena, &state, err))
        return false;
    struct indexes heads = graph_heads(graph, false, arena);
    *at_heads = true;
    for (size_t i = 0; i < heads.count; i++)
        *at_heads = *at_heads && index_set_has(&state.applied, heads.items[i]);
    return true;
}
