/* apply.c: read, plan, lock, read again, play, and say what stands.
 *
 * The first look is without a lock: having nothing to do is the common case, costs one round trip, and never waits
 * behind another pod. What was seen under the lock is what is done. */
#include "apply/apply.h"

#include "apply/prepare.h"
#include "base/clock.h"
#include "git/git.h"

/* One attempt: what was read, planned, opened and played. */
struct attempt {
    const struct change *change;
    struct ledger_state state;
    struct plan plan;
    struct prepared *prepared;
    struct composer composer;
    struct played played;
    struct migrate_step *steps; /* plan.step_count, unless it is a stamp */
    size_t step_count;
    size_t steps_done;
    double step_began_ms;
};

static enum dialect dialect_of(const struct change *change)
{
    return database_is_file(change->database) ? DIALECT_SQLITE : DIALECT_POSTGRESQL;
}

static void observe(const struct change *change, const struct migrate_event *event)
{
    if (change->observe)
        change->observe(change->context, event);
}

static void warn(const struct change *change, const char *message)
{
    observe(change, &(struct migrate_event){.kind = MIGRATE_EVENT_WARNING, .message = message});
}

/* --- reading and planning ----------------------------------------------------------------------- */

static bool plan_change(const struct change *change, struct names rows, struct plan *plan, struct error *err)
{
    switch (change->direction) {
    case DIRECTION_UPGRADE:
        return plan_upgrade(change->graph, rows, change->targets, change->arena, plan, err);
    case DIRECTION_DOWNGRADE:
        return plan_downgrade(change->graph, rows, change->targets, change->arena, plan, err);
    case DIRECTION_STAMP:
        break;
    }
    return plan_stamp(change->graph, rows, change->targets, change->target_count, change->purge, change->arena, plan,
                      err);
}

static const char *id_of(const struct attempt *attempt, size_t step)
{
    return attempt->change->graph->revisions[attempt->plan.steps[step].revision].id;
}

/* A revision that began must end before anything else happens: it has to be the plan's first step, with the file it
 * began with. */
static bool resume_unfinished(struct attempt *attempt, struct error *err)
{
    if (attempt->state.unfinished_count == 0)
        return true;
    const struct unfinished *unfinished = &attempt->state.unfinished[0];
    const char *word = direction_name(unfinished->direction);
    const struct plan *plan = &attempt->plan;
    if (plan->step_count == 0 || plan->steps[0].direction != unfinished->direction ||
        strcmp(id_of(attempt, 0), unfinished->revision) != 0) {
        error_set(err, MIGRATE_UNFINISHED, "the %s of %s stopped after %zu statements and must be finished first", word,
                  unfinished->revision, unfinished->statements_done);
        error_hint(err, "Finish it with `migrate %s %s%s`.", word, unfinished->revision,
                   unfinished->direction == DIRECTION_DOWNGRADE ? "-1" : "");
        return error_revision(err, unfinished->revision);
    }
    struct prepared *first = &attempt->prepared[0];
    if (!unfinished->script_oid || strcmp(first->oid, unfinished->script_oid) != 0) {
        error_set(err, MIGRATE_UNFINISHED, "the %s of %s stopped after %zu statements, and its file has changed since",
                  word, unfinished->revision, unfinished->statements_done);
        error_hint(err, "Put back the text it began with: `git cat-file blob %s` shows it.",
                   unfinished->script_oid ? unfinished->script_oid : "OID");
        error_place(err, first->script.path, 0, 0);
        return error_revision(err, unfinished->revision);
    }
    first->is_resumed = true;
    first->done_before = unfinished->statements_done;
    return true;
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

static void warn_of_redundant_rows(const struct attempt *attempt)
{
    const struct names *redundant = &attempt->plan.redundant;
    if (redundant->count)
        warn(attempt->change,
             arena_printf(attempt->change->arena,
                          "the version table has rows that others imply (%s); the next change removes them",
                          names_join(*redundant, ", ", attempt->change->arena)));
}

/* Where is the database, and what is to be done? */
static bool look(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    prepare_close(attempt->prepared, attempt->plan.step_count);
    attempt->prepared = NULL;
    attempt->plan = (struct plan){0};
    if (!ledger_read(change->ledger, change->database, change->arena, &attempt->state, err))
        return false;
    if (change->graph->count == 0 && attempt->state.rows.count && !change->purge) {
        error_set(err, MIGRATE_NO_REVISIONS, "the migrations folder has no revisions, but the database is at %s",
                  names_join(attempt->state.rows, ", ", change->arena));
        return error_hint(err, "Is this the right folder (`-d`, script_location) for this database?");
    }
    return plan_change(change, attempt->state.rows, &attempt->plan, err) &&
           prepare_plan(change->graph, &attempt->plan, dialect_of(change), change->one_transaction,
                        attempt->state.width, change->arena, &attempt->prepared, err) &&
           resume_unfinished(attempt, err);
}

/* --- the outcome -------------------------------------------------------------------------------- */

static bool is_stamp(const struct attempt *attempt)
{
    return attempt->change->direction == DIRECTION_STAMP;
}

static void list_steps(struct attempt *attempt)
{
    const struct change *change = attempt->change;
    attempt->step_count = is_stamp(attempt) ? 0 : attempt->plan.step_count;
    attempt->steps = ARENA_ARRAY(change->arena, attempt->step_count, struct migrate_step);
    for (size_t i = 0; i < attempt->step_count; i++) {
        const struct step *step = &attempt->plan.steps[i];
        const struct revision *revision = &change->graph->revisions[step->revision];
        attempt->steps[i] = (struct migrate_step){
            .revision = revision->id,
            .direction = step->direction == DIRECTION_UPGRADE ? MIGRATE_UPGRADE : MIGRATE_DOWNGRADE,
            .message = revision->message,
            .path = revision->path,
            .status = change->dry_run ? MIGRATE_STEP_PLANNED : MIGRATE_STEP_SKIPPED,
            .statements = attempt->prepared[i].statements,
        };
    }
}

static bool show_statements(struct attempt *attempt, struct error *err)
{
    for (size_t i = 0; i < attempt->step_count; i++)
        if (!prepare_statements(&attempt->prepared[i], attempt->plan.steps[i].direction, dialect_of(attempt->change),
                                attempt->change->arena, &attempt->steps[i].sql, err))
            return false;
    return true;
}

/* The rows after the first `steps` steps. */
static struct names rows_after(const struct attempt *attempt, size_t steps)
{
    const struct plan *plan = &attempt->plan;
    if (steps == plan->step_count)
        return plan->to;
    struct name_list rows = {0};
    for (size_t i = 0; i < plan->from.count; i++)
        ARENA_PUSH(attempt->change->arena, &rows, plan->from.items[i]);
    for (size_t s = 0; s < steps; s++) {
        for (size_t c = 0; c < plan->steps[s].changes.count; c++) {
            const struct row_change *change = &plan->steps[s].changes.items[c];
            size_t at = 0;
            while (change->from && at < rows.count && strcmp(rows.items[at], change->from) != 0)
                at++;
            if (!change->from)
                ARENA_PUSH(attempt->change->arena, &rows, change->to);
            else if (at < rows.count && change->to)
                rows.items[at] = change->to;
            else if (at < rows.count)
                rows.items[at] = rows.items[--rows.count];
        }
    }
    return names_of(&rows);
}

static void report(const struct attempt *attempt, struct migrate_outcome *outcome)
{
    struct names to = attempt->change->dry_run ? attempt->plan.to : rows_after(attempt, attempt->steps_done);
    outcome->dry_run = attempt->change->dry_run;
    outcome->from = attempt->plan.from.items;
    outcome->from_count = attempt->plan.from.count;
    outcome->to = to.items;
    outcome->to_count = to.count;
    outcome->steps = attempt->steps;
    outcome->step_count = attempt->step_count;
}

/* --- playing ------------------------------------------------------------------------------------ */

static void announce(struct attempt *attempt, size_t step)
{
    if (step >= attempt->step_count)
        return;
    const struct migrate_step *next = &attempt->steps[step];
    attempt->step_began_ms = clock_ms();
    observe(attempt->change, &(struct migrate_event){.kind = MIGRATE_EVENT_STEP,
                                                     .revision = next->revision,
                                                     .title = next->message,
                                                     .direction = next->direction,
                                                     .number = step + 1,
                                                     .total = attempt->step_count});
}

static void finish_step(struct attempt *attempt, size_t step)
{
    struct migrate_step *done = &attempt->steps[step];
    done->duration_ms = clock_ms() - attempt->step_began_ms;
    observe(attempt->change, &(struct migrate_event){.kind = MIGRATE_EVENT_STEP_DONE,
                                                     .revision = done->revision,
                                                     .title = done->message,
                                                     .direction = done->direction,
                                                     .number = step + 1,
                                                     .total = attempt->step_count,
                                                     .duration_ms = done->duration_ms});
    announce(attempt, step + 1);
}

static bool attempt_next(void *context, struct op *op, bool *end, struct error *err)
{
    struct attempt *attempt = context;
    return composer_next(&attempt->composer, op, end, err);
}

static void attempt_done(void *context, const struct op_result *result)
{
    struct attempt *attempt = context;
    const struct op *op = result->op;
    size_t step = op->origin.step;
    if (step >= attempt->step_count)
        return;
    if (op->origin.statement != NO_STATEMENT) {
        const struct migrate_step *running = &attempt->steps[step];
        observe(attempt->change, &(struct migrate_event){.kind = MIGRATE_EVENT_STATEMENT,
                                                         .revision = running->revision,
                                                         .title = running->message,
                                                         .direction = running->direction,
                                                         .number = op->origin.statement + 1,
                                                         .total = running->statements});
    }
    if (op->kind != OP_COMMIT)
        return;
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
}

/* Which commit held what is going to run. */
static void find_commits(struct attempt *attempt)
{
    if (!attempt->change->ledger->history || attempt->step_count == 0)
        return;
    struct git *git = git_open(attempt->change->folder);
    for (size_t i = 0; git && i < attempt->step_count; i++) {
        struct prepared *prepared = &attempt->prepared[i];
        if (!git_commit_of(git, prepared->script.path, prepared->oid, prepared->git_commit))
            prepared->git_commit[0] = '\0';
    }
    git_close(git);
}

static bool play(struct attempt *attempt, struct error *err)
{
    find_commits(attempt);
    const struct change *change = attempt->change;
    struct composition composition = {
        .graph = change->graph,
        .plan = &attempt->plan,
        .prepared = attempt->prepared,
        .ledger = change->ledger,
        .run = change->run,
        .create = ledger_create(change->ledger, &attempt->state, change->arena),
        .dialect = dialect_of(change),
        .one_transaction = change->one_transaction,
    };
    struct batch batch = {.next = attempt_next, .done = attempt_done, .notice = attempt_notice, .context = attempt};
    struct played played = {0};
    composer_start(&attempt->composer, &composition);
    announce(attempt, 0);
    bool ok = database_play(change->database, &batch, &played, err);
    attempt->played = played;
    composer_free(&attempt->composer);
    settle(attempt, ok);
    return ok;
}

/* --- after a refusal ---------------------------------------------------------------------------- */

/* Did part of the failed step commit? Its running row alone is no part of it, unless a statement outside transactions
 * was tried: what that leaves behind is not known. */
static bool is_partial(const struct attempt *attempt)
{
    const struct prepared *failed = &attempt->prepared[attempt->steps_done];
    if (!failed->is_autocommit || (!failed->is_resumed && attempt->played.commits <= failed->commits_before))
        return false;
    return failed->done_before || attempt->played.commits > failed->commits_before + 1 ||
           !attempt->played.failed_in_op || attempt->played.failed.kind == OP_ALONE;
}

/* Where the failure was: the first step that does not stand, or, where several went back together (one transaction for
 * the run, OR ROLLBACK), a later one. */
static size_t failed_step(const struct attempt *attempt)
{
    size_t step = attempt->played.failed.origin.step;
    bool is_later = attempt->played.failed_in_op && step > attempt->steps_done && step < attempt->step_count;
    return is_later ? step : attempt->steps_done;
}

static void place_error(const struct attempt *attempt, struct error *err)
{
    const struct played *played = &attempt->played;
    if (attempt->steps_done >= attempt->step_count)
        return;
    const struct prepared *failed = &attempt->prepared[failed_step(attempt)];
    error_revision(err, id_of(attempt, failed_step(attempt)));
    if (!played->failed_in_op || played->failed.origin.statement == NO_STATEMENT || *err->path)
        return;
    size_t within = played->failed_position == SIZE_MAX ? 0 : played->failed_position;
    error_place(err, failed->script.path, 0, 0);
    script_place(&failed->script, played->failed.origin.offset + within, err);
}

static void say_what_stands(struct attempt *attempt, struct error *err)
{
    struct names rows = rows_after(attempt, attempt->steps_done);
    const char *place = rows.count ? names_join(rows, ", ", attempt->change->arena) : "base";
    if (attempt->steps_done >= attempt->step_count) {
        error_outcome(err, "nothing was changed; the database is at %s.", place);
        return;
    }
    size_t last = failed_step(attempt);
    const char *id = attempt->steps[attempt->steps_done].revision;
    bool partial = is_partial(attempt);
    for (size_t i = attempt->steps_done; i <= last; i++)
        attempt->steps[i].status = partial ? MIGRATE_STEP_PARTIAL : MIGRATE_STEP_FAILED;
    if (!partial && last > attempt->steps_done) {
        error_outcome(err, "%s to %s were rolled back; the database is at %s.", id, attempt->steps[last].revision,
                      place);
        return;
    }
    if (!partial) {
        error_outcome(err, "%s was rolled back; the database is at %s.", id, place);
        return;
    }
    if (err->code == MIGRATE_REFUSED)
        err->code = MIGRATE_PARTIAL;
    error_outcome(err, "part of %s has committed and is recorded; a rerun resumes there. The database is at %s.", id,
                  place);
}

/* A list of operations that is there already. */
struct short_list {
    struct op ops[3];
    size_t count;
    size_t taken;
};

static bool short_next(void *context, struct op *op, bool *end, struct error *err)
{
    struct short_list *list = context;
    (void)err;
    *end = list->taken == list->count;
    if (!*end)
        *op = list->ops[list->taken++];
    return true;
}

/* The history says what failed; and its durable commit makes what had committed before it durable too. */
static void record_failure(const struct attempt *attempt, const struct error *failure)
{
    const struct change *change = attempt->change;
    bool has_tables = attempt->state.has_history || (attempt->played.commits && !change->one_transaction);
    if (!change->ledger->history || !has_tables || failure->code == MIGRATE_LOST ||
        attempt->steps_done >= attempt->step_count)
        return;
    size_t step = failed_step(attempt);
    const struct prepared *failed = &attempt->prepared[step];
    bool partial = is_partial(attempt);
    bool has_row = failed->is_autocommit && (failed->is_resumed || attempt->played.commits > failed->commits_before);
    struct ledger_entry entry = {
        .revision = id_of(attempt, step),
        .direction = attempt->plan.steps[step].direction,
        .status = partial ? "running" : "failed",
        .statements_done = failed->done_before,
        .statements = failed->statements,
        .script_oid = failed->oid,
        .git_commit = *failed->git_commit ? failed->git_commit : NULL,
        .started_at = clock_rfc3339(clock_now_us() / 1000 * 1000, change->arena),
        .error = failure->message,
    };
    struct op record =
        has_row ? ledger_fail(change->ledger, &entry) : ledger_add(change->ledger, change->run, &entry, change->arena);
    struct short_list list = {
        .ops = {{.kind = OP_BEGIN}, record, {.kind = OP_COMMIT, .durable = true}},
        .count = 3,
    };
    struct batch batch = {.next = short_next, .context = &list, .ignores_interrupt = true};
    struct played played = {0};
    struct error err = {0};
    if (!database_play(change->database, &batch, &played, &err))
        warn(change, arena_printf(change->arena, "the failure could not be recorded in %s: %s", change->ledger->history,
                                  err.message));
}

/* --- the story ---------------------------------------------------------------------------------- */

static bool has_something_to_do(const struct attempt *attempt)
{
    return attempt->plan.step_count > 0;
}

static bool ask(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    struct migrate_outcome shown = {0};
    if (!change->confirm)
        return true;
    report(attempt, &shown);
    shown.to = attempt->plan.to.items;
    shown.to_count = attempt->plan.to.count;
    if (change->confirm(change->context, &shown))
        return true;
    error_set(err, MIGRATE_INTERRUPTED, "not confirmed");
    return error_outcome(err, "nothing was changed.");
}

/* Under the lock what was planned may be done already, or be something else. */
static bool look_again(struct attempt *attempt, struct error *err)
{
    struct names before = attempt->state.rows;
    if (!look(attempt, err))
        return false;
    list_steps(attempt);
    return names_equal(before, attempt->state.rows) || !has_something_to_do(attempt) || ask(attempt, err);
}

static bool change_locked(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    if (!look_again(attempt, err))
        return false;
    if (!has_something_to_do(attempt))
        return true;
    if (change->before && !change->before(change->before_context, err))
        return false;
    warn_of_resuming(attempt);
    observe(change, &(struct migrate_event){.kind = MIGRATE_EVENT_PLAN, .total = attempt->step_count});
    if (play(attempt, err))
        return true;
    place_error(attempt, err);
    say_what_stands(attempt, err);
    record_failure(attempt, err);
    return false;
}

static const char *lock_name(const struct change *change)
{
    const char *schema = change->ledger->schema ? change->ledger->schema : "";
    return arena_printf(change->arena, "%s.%s", schema, change->ledger->names.version_table);
}

static bool change_database(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    if (!look(attempt, err))
        return false;
    list_steps(attempt);
    warn_of_redundant_rows(attempt);
    if (change->dry_run)
        return show_statements(attempt, err);
    if (!has_something_to_do(attempt))
        return true;
    if (!ask(attempt, err) || !database_lock(change->database, lock_name(change), change->lock_wait_ms, err))
        return false;
    bool ok = change_locked(attempt, err);
    database_unlock(change->database);
    return ok;
}

bool apply_change(const struct change *change, struct migrate_outcome *outcome, struct error *err)
{
    struct attempt attempt = {.change = change};
    bool ok = change_database(&attempt, err);
    if (attempt.steps || ok)
        report(&attempt, outcome);
    prepare_close(attempt.prepared, attempt.plan.step_count);
    return ok;
}

bool apply_ensure(const struct change *change, struct error *err)
{
    struct attempt attempt = {.change = change};
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
