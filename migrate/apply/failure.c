/* failure.c: what went wrong, said and written down; and whether another round is worth it. */
#include "apply/attempt.h"
#include "base/clock.h"

#include <stdlib.h>

enum { RECONNECTIONS = 3, RELOCKS = 100, FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 30000, SLICE_MS = 50 };

/* Where the failure was: the first step that does not stand, or, where several went back together (one transaction for
 * the run, OR ROLLBACK), a later one. */
static size_t failed_step(const struct attempt *attempt)
{
    size_t step = attempt->played.failed.origin.step;
    bool is_later = attempt->played.failed_in_op && step > attempt->steps_done && step < attempt->step_count;
    return is_later ? step : attempt->steps_done;
}

/* Did part of the failed step commit? Its running row alone is no part of it, unless a statement outside transactions
 * was tried: what that leaves behind is not known. */
static bool is_partial(const struct attempt *attempt)
{
    const struct prepared *failed = &attempt->prepared[attempt->steps_done];
    const struct played *played = &attempt->played;
    if (!failed->is_autocommit)
        return false;
    bool writes_journal = attempt->change->ledger->history && (!failed->is_resumed || failed->is_changed);
    bool has_begun = failed->is_resumed || played->commits > failed->commits_before || !writes_journal;
    return failed->done_before || failed->was_tried || played->commits > failed->commits_before + writes_journal ||
           played->alone > failed->alone_before ||
           (has_begun && (!played->failed_in_op || played->failed.kind == OP_ALONE));
}

void place_error(const struct attempt *attempt, struct error *err)
{
    const struct played *played = &attempt->played;
    if (attempt->steps_done >= attempt->step_count)
        return;
    const struct prepared *failed = &attempt->prepared[failed_step(attempt)];
    error_revision(err, id_of(attempt, failed_step(attempt)));
    if (!played->failed_in_op || played->failed.origin.statement == NO_STATEMENT || *err->path)
        return;
    size_t within = played->failed_position == SIZE_MAX ? 0 : played->failed_position;
    script_place(&failed->script, played->failed.origin.offset + within, err);
}

void say_what_stands(struct attempt *attempt, struct error *err)
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
    if (err->code == MIGRATE_LOST) {
        error_outcome(err, "the database was at %s when it was last heard of; a rerun goes on from where it stands.",
                      place);
    } else if (partial) {
        if (err->code == MIGRATE_REFUSED)
            err->code = MIGRATE_PARTIAL;
        error_outcome(err, "part of %s has committed and is recorded; a rerun resumes there. The database is at %s.",
                      id, place);
    } else if (last > attempt->steps_done) {
        error_outcome(err, "%s to %s were rolled back; the database is at %s.", id, attempt->steps[last].revision,
                      place);
    } else {
        error_outcome(err, "%s was rolled back; the database is at %s.", id, place);
    }
}

/* --- the history -------------------------------------------------------------------------------- */

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

static struct op failure_op(const struct attempt *attempt, const struct error *failure)
{
    const struct change *change = attempt->change;
    size_t step = failed_step(attempt);
    const struct prepared *failed = &attempt->prepared[step];
    struct ledger_entry entry = {
        .revision = id_of(attempt, step),
        .direction = attempt->plan.steps[step].direction,
        .status = is_partial(attempt) ? "running" : "failed",
        .statements_done = failed->done_before,
        .statements = failed->statements,
        .script_oid = failed->oid,
        .git_commit = *failed->git_commit ? failed->git_commit : NULL,
        .started_at = clock_rfc3339(clock_now_us() / 1000 * 1000, change->arena),
        .error = failure->message,
    };
    bool has_row = failed->is_autocommit && (failed->is_resumed || attempt->played.commits > failed->commits_before);
    return has_row ? ledger_fail(change->ledger, &entry)
                   : ledger_add(change->ledger, change->run, &entry, change->arena);
}

/* The history says what failed; and its durable commit makes what had committed before it durable too. */
void record_failure(const struct attempt *attempt, const struct error *failure)
{
    const struct change *change = attempt->change;
    bool has_tables = attempt->state.has_history || (attempt->played.commits && !change->one_transaction);
    if (!change->ledger->history || !has_tables || failure->code == MIGRATE_LOST ||
        attempt->steps_done >= attempt->step_count)
        return;
    struct short_list list = {
        .ops = {{.kind = OP_BEGIN}, failure_op(attempt, failure), {.kind = OP_COMMIT, .durable = true}},
        .count = 3,
    };
    struct batch batch = {.next = short_next, .context = &list, .ignores_interrupt = true};
    struct played played = {0};
    struct error err = {0};
    if (!database_play(change->database, &batch, &played, &err))
        warn(change, arena_printf(change->arena, "the failure could not be recorded in %s: %s", change->ledger->history,
                                  err.message));
}

/* --- another round ------------------------------------------------------------------------------ */

/* Doubles from one second to half a minute; a quarter up or down, so that pods do not come back together. */
static double backoff_ms(unsigned tries)
{
    double wait = FIRST_WAIT_MS;
    for (unsigned i = 0; i < tries && wait < LONGEST_WAIT_MS; i++)
        wait *= 2;
    if (wait > LONGEST_WAIT_MS)
        wait = LONGEST_WAIT_MS;
    return wait * (0.75 + 0.5 * drand48());
}

static bool sleep_unless_interrupted(const struct change *change, double milliseconds, struct error *err)
{
    for (double until = clock_ms() + milliseconds; clock_ms() < until;) {
        if (change->interrupt && atomic_load(change->interrupt))
            return error_set(err, MIGRATE_INTERRUPTED, "interrupted");
        clock_sleep_ms(SLICE_MS);
    }
    return true;
}

/* Table locks: live traffic went first; after a pause it is our turn again. */
static bool waits_for_locks(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    bool is_alone = attempt->played.failed_in_op && attempt->played.failed.kind == OP_ALONE;
    if (is_alone || (int64_t)attempt->lock_tries >= change->lock_retries) {
        if (attempt->lock_tries)
            error_hint(err, "It was tried %u times%s%s. Run it when the table is quieter, or end what holds the lock.",
                       attempt->lock_tries + 1, *attempt->blockers ? "; last in the way: " : "", attempt->blockers);
        return false;
    }
    double wait_ms = backoff_ms(attempt->lock_tries++);
    warn(change, arena_printf(change->arena, "%s: %s%s%s; trying again in %.1f s (%u of %d)", err->revision,
                              err->message, *attempt->blockers ? "; in the way: " : "", attempt->blockers,
                              wait_ms / 1e3, attempt->lock_tries, change->lock_retries));
    struct error outcome = *err;
    if (sleep_unless_interrupted(change, wait_ms, err))
        return true;
    return error_outcome(err, "%s", outcome.outcome);
}

static bool reconnects(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    struct error again = {0};
    if (attempt->reconnections++ >= RECONNECTIONS)
        return false;
    warn(change, arena_printf(change->arena, "%s; connecting again", err->message));
    if (database_reconnect(change->database, &again))
        return true;
    if (again.code == MIGRATE_INTERRUPTED)
        err->code = again.code;
    return error_hint(err, "It could not be had back: %s. A rerun is safe.", again.message);
}

/* Somebody else was faster: on a file between two statements that stood alone, on a server after the lock was lost. */
static bool locks_again(struct attempt *attempt, struct error *err)
{
    const struct change *change = attempt->change;
    struct error again = {0};
    if (attempt->relocks++ >= RELOCKS)
        return false;
    if (database_lock(change->database, lock_name(change), change->lock_wait_ms, &again))
        return true;
    const struct error failed = *err;
    *err = again;
    return error_outcome(err, "%s", failed.outcome);
}

bool goes_on(struct attempt *attempt, struct error *err)
{
    switch (err->code) {
    case MIGRATE_LOCK_TIMEOUT:
        return waits_for_locks(attempt, err);
    case MIGRATE_LOCKED:
        return locks_again(attempt, err);
    case MIGRATE_LOST:
        return reconnects(attempt, err);
    default:
        return false;
    }
}
