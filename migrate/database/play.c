/* play.c: playing a batch on PostgreSQL: each operation as the messages that carry it out.
 *
 * What a pipeline cannot carry (COPY, a statement that must stand alone) is done directly: the pipeline is emptied and
 * left, the statement waited for, the pipeline entered again.
 *
 * Reading order: perform, perform_in_pipeline, perform_directly, play_batch. */
#include "database/pipeline.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WINDOW_BYTES = 256 * 1024, /* unanswered at most; without a window the sender starves the reader */
    COPY_CHUNK_BYTES = 64 * 1024,
    WAIT_MS = 100,
    CANCEL_AGAIN_MS = 5,
};

/* ---- operations */

static void begin(struct play *play, const struct op *op)
{
    pipeline_send_last_aside(play, op, "BEGIN");
    play->in_transaction = true;
}

static void commit(struct play *play, const struct op *op)
{
    if (!op->durable)
        pipeline_send_aside(play, op, "SET LOCAL synchronous_commit = off");
    struct sent sent = pipeline_message(op, MESSAGE_OPERATION);
    sent.completes = true;
    pipeline_send_ours(play, sent, text_of("COMMIT"), NULL, 0);
    play->in_transaction = false;
    PQsendFlushRequest(play->link); // else the server keeps its answers to the end, and no progress shows
    PQflush(play->link);
    PQconsumeInput(play->link);
    pipeline_read(play);
}

static bool is_word(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') || character == '_';
}

static struct text first_word(struct text text)
{
    size_t length = 0;
    text = text_trim(text);
    while (length < text.length && is_word(text.at[length]))
        length++;
    return (struct text){.at = text.at, .length = length};
}

/* "ROLLBACK TO point", "ROLLBACK WORK TO SAVEPOINT point": its tag is that of a ROLLBACK. */
static bool is_rollback_to(struct text sql)
{
    if (!text_is_nocase(first_word(sql), "rollback"))
        return false;
    for (size_t at = 0; at < sql.length; at++) {
        struct text rest = {.at = sql.at + at, .length = sql.length - at};
        if ((at == 0 || !is_word(sql.at[at - 1])) && text_is_nocase(first_word(rest), "to"))
            return true;
    }
    return false;
}
static void script_statement(struct play *play, const struct op *op)
{
    struct sent sent = pipeline_message(op, MESSAGE_OPERATION);
    sent.completes = play->in_transaction;
    sent.rolls_back = is_rollback_to(op->sql);
    pipeline_send_script(play, op, sent);
    struct text word = first_word(op->sql);
    if (text_is_nocase(word, "deallocate") || text_is_nocase(word, "discard"))
        pipeline_forget_prepared(play->postgres, false);
}

static void execute(struct play *play, const struct op *op)
{
    struct sent sent = pipeline_message(op, MESSAGE_OPERATION);
    sent.completes = play->in_transaction;
    pipeline_send_ours(play, sent, op->sql, op->values, op->value_count);
}

/* The statement itself must fail on the server: the COMMIT behind it is already under way. The failing cast takes its
 * text from the count, which the planner cannot know. */
static void expect_one(struct play *play, const struct op *op)
{
    struct arena_mark mark = arena_mark(&play->postgres->scratch);
    struct op wrapped = *op;
    const char *sql = arena_printf(&play->postgres->scratch,
                                   "WITH moved AS (%.*s RETURNING 1) SELECT CASE count(*) WHEN 1 THEN 1 "
                                   "ELSE ('version row: ' || count(*) || ' rows moved')::int END FROM moved",
                                   (int)op->sql.length, op->sql.at);
    wrapped.sql = text_of(sql);
    execute(play, &wrapped);
    arena_rewind(&play->postgres->scratch, mark);
}

/* RESET ALL leaves the role and the session's user alone: those are reset with the settings. */
static void reset(struct play *play, const struct op *op)
{
    pipeline_send_aside(play, op, "RESET ALL");
    if (play->in_transaction)
        pipeline_send_last_aside(play, op, play->postgres->settings_again);
    else
        pipeline_send_aside(play, op, play->postgres->settings_again);
}

static int64_t timeout_or(int64_t wanted_ms, int64_t configured_ms, int64_t default_ms)
{
    return wanted_ms >= 0 ? wanted_ms : configured_ms >= 0 ? configured_ms : default_ms;
}

static void settings(struct play *play, const struct op *op)
{
    const struct connection_settings *configured = play->postgres->base.connection->settings;
    const char *scope = play->in_transaction ? "LOCAL" : "SESSION";
    char lock[64], statement[64];
    snprintf(lock, sizeof lock, "SET %s lock_timeout = %lld", scope,
             (long long)timeout_or(op->lock_timeout_ms, configured->lock_timeout_ms, POSTGRES_LOCK_TIMEOUT_MS));
    snprintf(statement, sizeof statement, "SET %s statement_timeout = %lld", scope,
             (long long)timeout_or(op->statement_timeout_ms, configured->statement_timeout_ms, 0));
    pipeline_send_aside(play, op, lock);
    if (play->in_transaction)
        pipeline_send_last_aside(play, op, statement);
    else
        pipeline_send_aside(play, op, statement);
}

static void perform_in_pipeline(struct play *play, const struct op *op)
{
    switch (op->kind) {
    case OP_STATEMENT:
        script_statement(play, op);
        break;
    case OP_EXECUTE:
        execute(play, op);
        break;
    case OP_EXPECT_ONE:
        expect_one(play, op);
        break;
    case OP_RESET:
        reset(play, op);
        break;
    case OP_SETTINGS:
        settings(play, op);
        break;
    default:
        assert(false); // perform() has dealt with the others
    }
}

/* What stands outside a transaction gets one of its own: without, it would belong to the next one sent. */
static void perform_by_itself(struct play *play, const struct op *op)
{
    pipeline_send_aside(play, op, "BEGIN");
    perform_in_pipeline(play, op);
    pipeline_send_last_aside(play, op, "COMMIT");
}

/* ---- outside the pipeline: COPY, and statements that stand alone */

static bool copy_chunk(struct play *play, struct text chunk)
{
    int ok = PQputCopyData(play->link, chunk.at, (int)chunk.length);
    while (ok > 0 && PQflush(play->link) > 0 && !pipeline_stops(play))
        wire_wait(play->postgres, WAIT_MS);
    return ok > 0 && !pipeline_stops(play);
}

static void copy_in(struct play *play, const struct op *op)
{
    struct text data = op->kind == OP_COPY ? op->data : (struct text){0};
    const char *refusal =
        op->kind == OP_COPY ? NULL : "COPY FROM STDIN needs its data behind it, up to a line with \\.";
    for (size_t at = 0; at < data.length && !refusal; at += COPY_CHUNK_BYTES) {
        size_t left = data.length - at;
        struct text chunk = {.at = data.at + at, .length = left < COPY_CHUNK_BYTES ? left : COPY_CHUNK_BYTES};
        if (!copy_chunk(play, chunk))
            refusal = "interrupted";
    }
    PQputCopyEnd(play->link, refusal);
}

/* Rows that nobody asked for are read and dropped; left unread they would come again for ever. */
static void copy_out(struct play *play)
{
    char *row = NULL;
    for (;;) {
        int length = PQgetCopyData(play->link, &row, 1);
        PQfreemem(row);
        row = NULL;
        if (length < 0 || wire_is_broken(play->postgres))
            return;
        if (length == 0) {
            if (wire_is_interrupted(play->postgres))
                wire_cancel(play->postgres);
            wire_wait(play->postgres, wire_is_interrupted(play->postgres) ? CANCEL_AGAIN_MS : WAIT_MS);
        }
    }
}

static void take_direct(struct play *play, const struct op *op, struct sent *sent, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_COPY_IN:
        copy_in(play, op);
        break;
    case PGRES_COPY_OUT:
        copy_out(play);
        break;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        pipeline_take_success(play, sent, result);
        break;
    case PGRES_SINGLE_TUPLE:
        break;
    default:
        pipeline_refuse(play, sent, result);
        break;
    }
}

/* For as long as it runs it is the only message in the ring, so that a notice finds its operation. */
static void run_direct(struct play *play, const struct op *op)
{
    struct sent sent = pipeline_message(op, MESSAGE_OPERATION);
    sent.completes = true;
    sent.rolls_back = true; // alone, any tag is its own affair
    pipeline_send_script(play, op, sent);
    if (play->has_failed)
        return;
    struct sent *only = pipeline_first(play);
    for (PGresult *result = wire_result(play->postgres); result; result = wire_result(play->postgres)) {
        take_direct(play, op, only, result);
        PQclear(result);
    }
    if (wire_is_broken(play->postgres))
        return;
    pipeline_complete(play, only);
    pipeline_pop(play);
}

static void perform_directly(struct play *play, const struct op *op)
{
    if (op->kind == OP_ALONE && play->postgres->holds_lock)
        pipeline_enter(play); // which asks whether we still hold it
    pipeline_leave(play);
    if (pipeline_stops(play))
        return;
    run_direct(play, op);
    if (op->kind == OP_ALONE)
        pipeline_forget_prepared(play->postgres, false); // DISCARD ALL is allowed there
}

static bool is_direct(const struct op *op)
{
    return op->kind == OP_COPY || op->kind == OP_ALONE ||
           (op->kind == OP_STATEMENT && text_is_nocase(first_word(op->sql), "copy"));
}

static void perform(struct play *play, const struct op *op)
{
    if (op->kind == OP_COMMENT)
        return;
    if (is_direct(op)) {
        perform_directly(play, op);
        return;
    }
    pipeline_enter(play);
    if (play->has_failed)
        return;
    if (op->kind == OP_BEGIN)
        begin(play, op);
    else if (op->kind == OP_COMMIT)
        commit(play, op);
    else if (play->in_transaction)
        perform_in_pipeline(play, op);
    else
        perform_by_itself(play, op);
}

/* Half the window is read before more is sent: else each statement would wait for one answer. */
static void keep_window(struct play *play)
{
    if (play->unanswered_bytes < WINDOW_BYTES || play->has_failed)
        return;
    PQsendFlushRequest(play->link); // or the server would keep the very answers we wait for
    pipeline_read_until(play, WINDOW_BYTES / 2);
}

static void perform_all(struct play *play)
{
    while (!pipeline_stops(play)) {
        struct op op = {0};
        bool end = false;
        if (!play->batch->next(play->batch->context, &op, &end, play->err)) {
            play->has_failed = true;
            return;
        }
        if (end) {
            pipeline_leave(play);
            play->is_done = true;
            return;
        }
        perform(play, &op);
        keep_window(play);
    }
}

/* ---- afterwards */

static void restore_session(struct play *play)
{
    struct postgres *postgres = play->postgres;
    for (int tries = 0; tries < 5 && PQtransactionStatus(play->link) != PQTRANS_IDLE; tries++)
        PQclear(wire_run(postgres, "ROLLBACK", 0, NULL)); // a late cancel may hit it
    pipeline_forget_prepared(postgres, true);
    PQclear(wire_run(postgres, "RESET ALL", 0, NULL));
    PQclear(wire_run(postgres, postgres->settings_again, 0, NULL));
}

/* Whatever happened, the session is idle afterwards, or known to be lost. */
static void finish(struct play *play)
{
    bool was_interrupted = !play->is_done && wire_is_interrupted(play->postgres);
    pipeline_leave(play);
    if (wire_is_broken(play->postgres)) {
        pipeline_fail_lost(play);
        return;
    }
    if (was_interrupted && !play->has_failed)
        play->has_failed = !error_set(play->err, MIGRATE_INTERRUPTED, "interrupted");
    if (play->has_failed) {
        play->postgres->is_tidying = true;
        restore_session(play);
        play->postgres->is_tidying = false;
    }
}

bool play_batch(struct postgres *postgres, const struct batch *batch, struct played *played, struct error *err)
{
    struct play play = {.postgres = postgres, .link = postgres->link, .batch = batch, .played = played, .err = err};
    if (wire_is_broken(postgres))
        return sqlstate_lost(postgres->link, err);
    postgres->play = &play;
    postgres->is_tidying = batch->ignores_interrupt;
    perform_all(&play);
    finish(&play);
    watch_end(&play);
    postgres->is_tidying = false;
    postgres->play = NULL;
    while (play.count)
        pipeline_pop(&play);
    free(play.ring);
    return !play.has_failed;
}
