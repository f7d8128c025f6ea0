/* apply.c: read, plan, lock, read again, play, and say what stands.
 *
 * The first look is without a lock: having nothing to do is the common case, costs one round trip, and never waits
 * behind another pod. What was seen under the lock is what is done. A round that table locks or a lost connection ended
 * is followed by another, which begins with a look at where the database stands. */
#include "apply/apply.h"

#include "apply/attempt.h"
#include "git/git.h"

#include <stdio.h>

/* --- reading and planning ----------------------------------------------------------------------- */

static bool settle_target(const struct attempt *attempt, struct target *target, struct error *err)
{
    const struct change *change = attempt->change;
    *target = change->targets[0];
    return stored_settle(change->graph, &attempt->graph, change->arena, target, err);
}

/* Is the target applied already, so that the way to it is down? */
static bool lies_below(const struct attempt *attempt, const struct target *target, bool *below, struct error *err)
{
    struct arena *arena = attempt->change->arena;
    const struct graph *graph = &attempt->graph;
    struct indexes rows, found;
    struct index_set applied = index_set_new(graph->count, arena);
    if (!rows_resolve(graph, attempt->state.rows, arena, &rows, err) ||
        !target_resolve(graph, &rows, target, arena, &found, err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        graph_add_ancestors(graph, rows.items[i], true, &applied, arena);
    *below = true;
    for (size_t i = 0; i < found.count; i++)
        *below = *below && index_set_has(&applied, found.items[i]);
    return true;
}

static bool plan_down(struct attempt *attempt, struct error *err)
{
    struct target target;
    return settle_target(attempt, &target, err) &&
           plan_downgrade(&attempt->graph, attempt->state.rows, &target, attempt->change->arena, &attempt->plan, err);
}

/* An older image is not behind: what it has is all applied. What it does not know it cannot have reached. */
static bool plan_ahead(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    struct names rows = attempt->state.rows;
    struct target target = change->targets[0];
    bool below = target.symbol == SYMBOL_HEADS && !target.branch && !target.offset;
    if (!below && (!settle_target(attempt, &target, err) || !lies_below(attempt, &target, &below, err)))
        return false;
    if (!below) {
        error_set(err, MIGRATE_UNKNOWN_REVISION, "%s is not applied, and the database is ahead of this folder",
                  change->targets[0].text);
        return error_hint(err, "Use a checkout that has what the database is at: %s.",
                          names_join(rows, ", ", change->arena));
    }
    if (!attempt->has_looked)
        warn(change,
             arena_printf(change->arena,
                          "the database is ahead of this folder: it is at %s, which descends from all heads here",
                          names_join(rows, ", ", change->arena)));
    attempt->plan = (struct plan){.from = rows, .to = rows};
    return true;
}

static bool plan_up(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    if (stored_is_ahead(change->graph, &attempt->graph, attempt->state.rows, change->arena))
        return plan_ahead(attempt, err);
    attempt->graph = *change->graph;
    return plan_upgrade(&attempt->graph, attempt->state.rows, change->targets, change->arena, &attempt->plan, err);
}

static bool plan_either_way(struct attempt *attempt, struct error *err)
{
    struct target target;
    bool below = false;
    if (!settle_target(attempt, &target, err) || !lies_below(attempt, &target, &below, err))
        return false;
    return below ? plan_downgrade(&attempt->graph, attempt->state.rows, &target, attempt->change->arena, &attempt->plan,
                                  err)
                 : plan_upgrade(&attempt->graph, attempt->state.rows, &target, attempt->change->arena, &attempt->plan,
                                err);
}

/* One step that was agreed on, from these rows; no plan if it is done. */
static bool plan_agreed(const struct attempt *attempt, const struct agreed *agreed, struct names rows,
                        struct plan *plan, struct error *err)
{
    struct arena *arena = attempt->change->arena;
    const struct graph *graph = &attempt->graph;
    size_t index = graph_find(graph, agreed->revision);
    struct target target;
    struct indexes at;
    *plan = (struct plan){.from = rows, .to = rows};
    if (index == (size_t)GRAPH_NONE || !rows_resolve(graph, rows, arena, &at, err))
        return index == (size_t)GRAPH_NONE
                   ? error_set(err, MIGRATE_UNKNOWN_REVISION, "%s has gone from the folder meanwhile", agreed->revision)
                   : false;
    struct index_set applied = index_set_new(graph->count, arena);
    for (size_t i = 0; i < at.count; i++)
        graph_add_ancestors(graph, at.items[i], true, &applied, arena);
    if (index_set_has(&applied, index) == (agreed->direction == DIRECTION_UPGRADE))
        return true;
    if (agreed->direction == DIRECTION_UPGRADE)
        return target_parse(agreed->revision, arena, &target, err) &&
               plan_upgrade(graph, rows, &target, arena, plan, err);
    const struct indexes *down = &graph->down[index];
    const char *below = down->count ? graph->revisions[down->items[0]].id : "base";
    return target_parse(arena_printf(arena, "%s@%s", agreed->revision, below), arena, &target, err) &&
           plan_downgrade(graph, rows, &target, arena, plan, err);
}

/* A later round finishes what the first one set out to do: counted anew, `+2` would be two more. */
static bool plan_rest(struct attempt *attempt, struct error *err)
{
    struct {
        struct step *items;
        size_t count;
        size_t capacity;
    } steps = {0};
    struct names rows = attempt->state.rows;
    for (size_t i = 0; i < attempt->agreed_count; i++) {
        struct plan one;
        if (!plan_agreed(attempt, &attempt->agreed[i], rows, &one, err))
            return false;
        for (size_t s = 0; s < one.step_count; s++)
            ARENA_PUSH(attempt->change->arena, &steps, one.steps[s]);
        rows = one.to;
    }
    attempt->plan =
        (struct plan){.steps = steps.items, .step_count = steps.count, .from = attempt->state.rows, .to = rows};
    return true;
}

static void agree(struct attempt *attempt)
{
    const struct plan *plan = &attempt->plan;
    struct agreed *agreed = ARENA_ARRAY(attempt->change->arena, plan->step_count, struct agreed);
    for (size_t i = 0; i < plan->step_count && attempt->change->direction != DIRECTION_STAMP; i++)
        agreed[i] = (struct agreed){id_of(attempt, i), plan->steps[i].direction};
    attempt->agreed = agreed;
    attempt->agreed_count = plan->step_count;
}

static bool plan_change(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    if (attempt->agreed && change->direction != DIRECTION_STAMP)
        return plan_rest(attempt, err);
    if (change->direction == DIRECTION_STAMP) {
        attempt->graph = *change->graph;
        return plan_stamp(&attempt->graph, attempt->state.rows, change->targets, change->target_count, change->purge,
                          change->arena, &attempt->plan, err);
    }
    if (change->either_way)
        return plan_either_way(attempt, err);
    return change->direction == DIRECTION_UPGRADE ? plan_up(attempt, err) : plan_down(attempt, err);
}

static bool has_revisions(const struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    if (change->graph->count || attempt->state.rows.count == 0 || change->purge)
        return true;
    error_set(err, MIGRATE_NO_REVISIONS, "the migrations folder has no revisions, but the database is at %s",
              names_join(attempt->state.rows, ", ", change->arena));
    return error_hint(err, "Is this the right folder (`-d`, script_location) for this database?");
}

static bool prepare(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    const struct preparation preparation = {
        .graph = &attempt->graph,
        .plan = &attempt->plan,
        .dialect = attempt->dialect,
        .one_transaction = change->one_transaction,
        .width = attempt->state.width,
        .ledger = change->ledger,
        .database = change->database,
        .no_stored_scripts = change->no_stored_scripts,
    };
    return prepare_plan(&preparation, change->arena, &attempt->prepared, err);
}

/* From where the database stands, what is to be done? Without the lock a revision that is under way may be another
 * migrator's, at work right now: judging it waits until the lock is ours. */
static bool plan_from(struct attempt *attempt, bool is_ours, struct error *err)
{
    const struct change *change = attempt->change;
    prepare_close(attempt->prepared, attempt->plan.step_count);
    attempt->prepared = NULL;
    attempt->plan = (struct plan){0};
    if (!has_revisions(attempt, err) ||
        !stored_extend(change->ledger, change->database, &attempt->state, change->graph, change->arena, &attempt->graph,
                       err) ||
        !plan_change(attempt, err) || !prepare(attempt, err) || (is_ours && !resume_unfinished(attempt, err)))
        return false;
    list_steps(attempt);
    attempt->has_looked = true;
    attempt->stands = attempt->plan.from;
    return true;
}

static bool look(struct attempt *attempt, bool is_ours, struct error *err)
{
    const struct change *change = attempt->change;
    return ledger_read(change->ledger, change->database, change->arena, &attempt->state, err) &&
           plan_from(attempt, is_ours, err);
}

/* --- playing ------------------------------------------------------------------------------------ */

static bool attempt_next(void *context, struct op *op, bool *end, struct error *err)
{
    struct attempt *attempt = context;
    return composer_next(&attempt->composer, op, end, err);
}

static void note_statement(const struct attempt *attempt, const struct op *op)
{
    const struct migrate_step *running = &attempt->steps[op->origin.step];
    observe(attempt->change, &(struct migrate_event){.kind = MIGRATE_EVENT_STATEMENT,
                                                     .revision = running->revision,
                                                     .title = running->message,
                                                     .direction = running->direction,
                                                     .number = op->origin.statement + 1,
                                                     .total = running->statements});
}

static void attempt_done(void *context, const struct op_result *result)
{
    struct attempt *attempt = context;
    const struct op *op = result->op;
    if (op->origin.step >= attempt->step_count)
        return;
    if (op->origin.statement != NO_STATEMENT)
        note_statement(attempt, op);
    if (op->kind != OP_COMMIT)
        return;
    attempt->blockers[0] = '\0';
    attempt->played.commits++; // the driver counts for itself; here it tells which step this completes
    while (attempt->steps_done < attempt->step_count && attempt->prepared[attempt->steps_done].commits_after &&
           attempt->prepared[attempt->steps_done].commits_after <= attempt->played.commits)
        finish_step(attempt, attempt->steps_done++);
}

static void attempt_notice(void *context, const struct op *op, const char *severity, const char *message)
{
    struct attempt *attempt = context;
    const struct change *change = attempt->change;
    bool has_step = op && op->origin.step < attempt->step_count;
    observe(change, &(struct migrate_event){
                        .kind = MIGRATE_EVENT_NOTICE,
                        .message = arena_printf(change->arena, "%s: %s", severity, message),
                        .revision = has_step ? attempt->steps[op->origin.step].revision : NULL,
                        .title = has_step ? attempt->steps[op->origin.step].message : NULL,
                    });
}

/* A statement takes its time: who is in its way, or how far its index is. */
static void attempt_watch(void *context, const struct op *op, const struct op_watch *watch)
{
    struct attempt *attempt = context;
    bool has_step = op && op->origin.step < attempt->step_count;
    struct migrate_event event = {.revision = has_step ? attempt->steps[op->origin.step].revision : NULL};
    if (watch->phase) {
        event.kind = MIGRATE_EVENT_BUILD;
        event.message = watch->phase;
        event.number = (size_t)watch->blocks_done;
        event.total = (size_t)watch->blocks_total;
        event.percent = watch->percent;
        observe(attempt->change, &event);
    }
    if (!watch->blockers || strncmp(attempt->blockers, watch->blockers, sizeof attempt->blockers - 1) == 0)
        return; // nobody, or said already
    snprintf(attempt->blockers, sizeof attempt->blockers, "%s", watch->blockers);
    event.kind = MIGRATE_EVENT_WAIT;
    event.message = arena_printf(attempt->change->arena, "waiting for a lock; in the way: %s", watch->blockers);
    observe(attempt->change, &event);
}

/* Which commit held what is going to run. */
static void find_commits(struct attempt *attempt)
{
    if (!attempt->change->ledger->history || attempt->step_count == 0)
        return;
    struct git *git = git_open(attempt->change->folder);
    for (size_t i = 0; git && i < attempt->step_count; i++) {
        struct prepared *prepared = &attempt->prepared[i];
        if (!prepared->script.path || !git_commit_of(git, prepared->script.path, prepared->oid, prepared->git_commit))
            prepared->git_commit[0] = '\0';
    }
    git_close(git);
}

/* What the driver says stands, against what was promised while playing. */
static void settle(struct attempt *attempt, bool ok)
{
    attempt->steps_done = 0;
    while (attempt->steps_done < attempt->plan.step_count) {
        size_t needed = attempt->prepared[attempt->steps_done].commits_after;
        if (!ok && (!needed || needed > attempt->played.commits))
            break;
        if (attempt->steps_done < attempt->step_count)
            attempt->steps[attempt->steps_done].status = MIGRATE_STEP_APPLIED;
        attempt->steps_done++;
    }
    attempt->stands = rows_after(attempt, attempt->steps_done);
}

static bool play(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    struct composition composition = {
        .graph = &attempt->graph,
        .plan = &attempt->plan,
        .prepared = attempt->prepared,
        .ledger = change->ledger,
        .run = change->run,
        .create = ledger_create(change->ledger, &attempt->state, change->arena),
        .dialect = attempt->dialect,
        .one_transaction = change->one_transaction,
    };
    struct batch batch = {.next = attempt_next,
                          .done = attempt_done,
                          .notice = attempt_notice,
                          .watch = attempt_watch,
                          .context = attempt};
    struct played played = {0};
    find_commits(attempt);
    attempt->played = played;
    composer_start(&attempt->composer, &composition);
    announce_step(attempt, 0);
    bool ok = database_play(change->database, &batch, &played, err);
    attempt->played = played;
    composer_free(&attempt->composer);
    settle(attempt, ok);
    return ok;
}

/* --- the story ---------------------------------------------------------------------------------- */

static bool has_something_to_do(const struct attempt *attempt)
{
    return attempt->plan.step_count > 0;
}

/* Of a revision that goes on where it stopped, what is still to come: what clears the way, then the statements left. */
static void leave_out_done(const struct attempt *attempt, const struct prepared *prepared, struct migrate_step *step)
{
    struct name_list left = {0};
    for (size_t i = 0; i < prepared->clear.count; i++)
        ARENA_PUSH(attempt->change->arena, &left, prepared->clear.items[i]);
    for (size_t i = prepared->done_before; i < step->statements; i++)
        ARENA_PUSH(attempt->change->arena, &left, step->sql[i]);
    step->sql = (const char *const *)left.items;
    step->statements = left.count;
}

static bool show_statements(struct attempt *attempt, struct error *err)
{
    static const char *const none[] = {NULL};
    for (size_t i = 0; i < attempt->step_count; i++) {
        const struct prepared *prepared = &attempt->prepared[i];
        struct migrate_step *step = &attempt->steps[i];
        if (!prepare_statements(&prepared->script, attempt->plan.steps[i].direction, attempt->dialect,
                                attempt->change->arena, &step->sql, &step->statements, err))
            return false;
        if (prepared->is_resumed)
            leave_out_done(attempt, prepared, step);
        if (!step->sql)
            step->sql = none;
    }
    return true;
}

static bool takes_down(const struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->plan.step_count; i++)
        if (attempt->plan.steps[i].direction == DIRECTION_DOWNGRADE)
            return true;
    return false;
}

static bool ask(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    struct migrate_outcome shown = *change->outcome;
    if (!change->confirm || !takes_down(attempt))
        return true;
    for (size_t i = 0; i < attempt->step_count; i++)
        attempt->steps[i].status = MIGRATE_STEP_PLANNED;
    report_outcome(attempt, &shown);
    shown.to = attempt->plan.to.items;
    shown.to_count = attempt->plan.to.count;
    bool agreed = change->confirm(change->context, &shown);
    for (size_t i = 0; i < attempt->step_count; i++)
        attempt->steps[i].status = MIGRATE_STEP_SKIPPED;
    if (agreed)
        return true;
    error_set(err, MIGRATE_INTERRUPTED, "not confirmed");
    return error_outcome(err, "nothing was changed.");
}

static bool weigh(struct attempt *attempt, struct error *err)
{
    return !takes_down(attempt) || find_losses(attempt, err);
}

/* Has nothing happened that the plan depends on? Scripts that the database keeps may have been replaced unseen. */
static bool still_stands(const struct attempt *attempt, const struct ledger_state *now)
{
    return names_equal(attempt->state.rows, now->rows) && attempt->state.width == now->width &&
           attempt->state.unfinished_count == 0 && now->unfinished_count == 0 &&
           attempt->graph.count == attempt->change->graph->count;
}

/* Under the lock what was planned may be done already, or be something else. */
static bool look_again(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    struct ledger_state now;
    if (!ledger_read(change->ledger, change->database, change->arena, &now, err))
        return false;
    bool stands = still_stands(attempt, &now);
    struct names before = attempt->state.rows;
    attempt->state = now;
    if (!stands && !plan_from(attempt, true, err))
        return false;
    attempt->from = attempt->plan.from;
    agree(attempt);
    return names_equal(before, now.rows) || !has_something_to_do(attempt) || (weigh(attempt, err) && ask(attempt, err));
}

static void warn_of_resuming(const struct attempt *attempt)
{
    const struct prepared *first = &attempt->prepared[0];
    if (first->is_resumed)
        warn(attempt->change, arena_printf(attempt->change->arena,
                                           "the %s of %s goes on where it stopped: %zu of %zu statements are done",
                                           direction_name(attempt->plan.steps[0].direction), id_of(attempt, 0),
                                           first->done_before, first->statements));
}

static bool where_it_stands(const struct attempt *attempt, struct error *err)
{
    struct names rows = attempt->stands;
    return error_outcome(err, "the database was last seen at %s; a rerun goes on from where it stands.",
                         rows.count ? names_join(rows, ", ", attempt->change->arena) : "base");
}

/* Round after round, each from where the database stands, until it is done or there is no going on. */
static bool play_rounds(struct attempt *attempt, struct error *err)
{
    while (has_something_to_do(attempt)) {
        warn_of_resuming(attempt);
        observe(attempt->change, &(struct migrate_event){.kind = MIGRATE_EVENT_PLAN,
                                                         .total = attempt->settled.count + attempt->step_count});
        if (play(attempt, err))
            return true;
        place_error(attempt, err);
        say_what_stands(attempt, err);
        if (!goes_on(attempt, err)) {
            record_failure(attempt, err);
            return false;
        }
        const struct migrate_step *before = attempt->steps;
        size_t count = attempt->step_count;
        if (!look(attempt, true, err))
            return where_it_stands(attempt, err);
        settle_steps(attempt, before, count);
    }
    return true;
}

static void warn_of_redundant_rows(const struct attempt *attempt)
{
    const struct names *redundant = &attempt->plan.redundant;
    if (redundant->count)
        warn(attempt->change,
             arena_printf(attempt->change->arena,
                          "the version table has rows that others imply (%s); the next change removes them",
                          names_join(*redundant, ", ", attempt->change->arena)));
}

const char *lock_name(const struct change *change)
{
    const char *schema = change->ledger->schema ? change->ledger->schema : "";
    return arena_printf(change->arena, "%s.%s", schema, change->ledger->names.version_table);
}

static bool change_locked(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    if (!look_again(attempt, err))
        return false;
    if (has_something_to_do(attempt) && change->before && !change->before(change->before_context, err))
        return false;
    return play_rounds(attempt, err);
}

static bool change_database(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    if (!look(attempt, change->dry_run, err))
        return false;
    attempt->from = attempt->plan.from;
    warn_of_redundant_rows(attempt);
    if (!weigh(attempt, err))
        return false;
    if (change->dry_run) {
        if (has_something_to_do(attempt))
            warn_of_resuming(attempt);
        return show_statements(attempt, err);
    }
    if (!has_something_to_do(attempt) && attempt->state.unfinished_count == 0)
        return true;
    if (!ask(attempt, err) || !database_lock(change->database, lock_name(change), change->lock_wait_ms, err))
        return false;
    bool ok = change_locked(attempt, err);
    database_unlock(change->database);
    return ok;
}

static struct attempt begin(const struct change *change)
{
    return (struct attempt){
        .change = change,
        .graph = *change->graph,
        .dialect = database_is_file(change->database) ? DIALECT_SQLITE : DIALECT_POSTGRESQL,
    };
}

bool apply_change(const struct change *change, struct error *err)
{
    struct attempt attempt = begin(change);
    bool ok = change_database(&attempt, err);
    if (attempt.has_looked)
        report_outcome(&attempt, change->outcome);
    prepare_close(attempt.prepared, attempt.plan.step_count);
    return ok;
}

bool apply_ensure(const struct change *change, struct error *err)
{
    struct attempt attempt = begin(change);
    if (!ledger_read(change->ledger, change->database, change->arena, &attempt.state, err))
        return false;
    if (ledger_create(change->ledger, &attempt.state, change->arena).count == 0)
        return true;
    if (!database_lock(change->database, lock_name(change), change->lock_wait_ms, err))
        return false;
    bool ok = ledger_read(change->ledger, change->database, change->arena, &attempt.state, err) && play(&attempt, err);
    database_unlock(change->database);
    return ok;
}
