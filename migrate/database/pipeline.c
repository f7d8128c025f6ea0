/* pipeline.c: one pipeline of messages to PostgreSQL and their answers.
 *
 * Everything is sent as long as a window of unanswered bytes is open, and one sync ends it. The server runs it in
 * order and after an error skips the rest, so whole transactions before the failure stand and nothing behind it runs:
 * that is why there is no sync between transactions, which would make it go on. Beside the pipeline stands one ring: a
 * record for each message sent, in order; answers carry no name, so counting them off against the ring is how we know
 * which operation one is for. */
#include "database/pipeline.h"

#include "base/clock.h"

#include <embedded.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    MESSAGE_BYTES = 64, /* what a message takes besides its text */
    WAIT_MS = 100,
    CANCEL_AGAIN_MS = 5,
};

/* ---- the ring */

struct sent *pipeline_first(struct play *play)
{
    return &play->ring[play->first];
}

static void ring_grow(struct play *play)
{
    size_t capacity = play->capacity ? play->capacity * 2 : 64;
    struct sent *ring = calloc(capacity, sizeof *ring);
    if (!ring)
        abort();
    for (size_t i = 0; i < play->count; i++)
        ring[i] = play->ring[(play->first + i) % play->capacity];
    free(play->ring);
    play->ring = ring;
    play->capacity = capacity;
    play->first = 0;
}

static void ring_push(struct play *play, const struct sent *sent)
{
    if (play->count == play->capacity)
        ring_grow(play);
    play->ring[(play->first + play->count++) % play->capacity] = *sent;
    play->unanswered_bytes += sent->bytes;
}

void pipeline_pop(struct play *play)
{
    struct sent *sent = pipeline_first(play);
    free(sent->text);
    play->unanswered_bytes -= sent->bytes;
    play->first = (play->first + 1) % play->capacity;
    play->count--;
}

struct op pipeline_op(const struct sent *sent)
{
    return (struct op){.kind = sent->kind, .origin = sent->origin, .durable = sent->durable};
}

struct sent pipeline_message(const struct op *op, enum message message)
{
    return (struct sent){.message = message, .kind = op->kind, .origin = op->origin, .durable = op->durable};
}

/* ---- failing */

bool pipeline_stops(const struct play *play)
{
    return play->has_failed || wire_is_broken(play->postgres) || wire_is_interrupted(play->postgres);
}

void pipeline_fail_lost(struct play *play)
{
    if (!play->has_failed)
        sqlstate_lost(play->link, play->err);
    play->has_failed = true;
}

/* PostgreSQL counts characters from 1; we count bytes from 0. */
static size_t position_of(const PGresult *result, const char *text)
{
    int64_t characters = 0;
    const char *field = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    if (!field || !text_integer(text_of(field), &characters) || characters < 1)
        return SIZE_MAX;
    size_t before = (size_t)characters - 1;
    return text ? text_bytes_of_characters(text_of(text), before) : before;
}

static void explain_refusal(const struct sent *sent, struct error *err)
{
    bool is_ours = strcmp(err->sqlstate, "22P02") == 0; // the cast that fails on purpose
    if (sent->message == MESSAGE_LOCK_CHECK && is_ours) {
        error_set(err, MIGRATE_LOCKED, "this session does not hold the migration lock any more");
        error_hint(err, "Something released it (DISCARD ALL, pg_advisory_unlock_all, a connection pooler); rerun when "
                        "no other migration runs.");
    }
    if (sent->kind == OP_EXPECT_ONE && sent->message == MESSAGE_OPERATION && is_ours &&
        strstr(err->message, " rows moved")) {
        error_set(err, MIGRATE_LOCKED, "the version row was changed by somebody else meanwhile");
        error_hint(err, "Another tool or migration works on this database; rerun when it has finished.");
    }
}

/* The first refusal counts: it came before whatever made us stop sending. */
void pipeline_refuse(struct play *play, const struct sent *sent, const PGresult *result)
{
    if (play->is_refused)
        return;
    play->has_failed = play->is_refused = true;
    sqlstate_refused(result, wire_is_interrupted(play->postgres), play->err);
    explain_refusal(sent, play->err);
    watch_explain(play, play->err);
    if (sent->message == MESSAGE_LOCK_CHECK || play->err->code == MIGRATE_LOST)
        return; // no operation's fault
    play->played->failed_in_op = true;
    play->played->failed = pipeline_op(sent);
    if (sent->message == MESSAGE_OPERATION && sent->kind != OP_EXPECT_ONE)
        play->played->failed_position = position_of(result, sent->text);
}

static bool refuse_saying(struct play *play, const struct sent *sent, enum migrate_code code, const char *message)
{
    if (play->is_refused)
        return false;
    play->has_failed = play->is_refused = true;
    play->played->failed_in_op = true;
    play->played->failed = pipeline_op(sent);
    return error_set(play->err, code, "%s", message);
}

/* ---- sending */

static bool is_ascii(struct text text)
{
    return text_characters(text) == text.length;
}

/* Rows are handed out one by one, so that a script's SELECT of a whole table costs nothing. libpq wants to be told when
 * a message becomes the first in its queue, before any of its answer was read; for what has no rows it says no. */
static void expect_rows_singly(struct play *play)
{
    PQsetSingleRowMode(play->link);
}

/* libpq answers 0 only when the connection is gone or its memory is. */
static void sent_or_lost(struct play *play, int ok, struct sent *sent)
{
    if (ok) {
        ring_push(play, sent);
        if (play->count == 1) {
            play->answered_ms = clock_ms();
            expect_rows_singly(play);
        }
        if (play->in_pipeline)
            pipeline_read(play); // sending reads too, when the connection is full or broken
    } else {
        free(sent->text);
        pipeline_fail_lost(play);
    }
}

void pipeline_send_script(struct play *play, const struct op *op, struct sent sent)
{
    char *sql = strndup(op->sql.at, op->sql.length);
    if (!sql)
        abort();
    sent.bytes = MESSAGE_BYTES + op->sql.length;
    int ok = PQsendQueryParams(play->link, sql, 0, NULL, NULL, NULL, NULL, 0);
    if (is_ascii(op->sql))
        free(sql);
    else
        sent.text = sql;
    sent_or_lost(play, ok, &sent);
}

static struct prepared *prepared_find(struct postgres *postgres, struct text sql)
{
    for (size_t i = 0; i < PREPARED_MAX; i++) {
        struct prepared *prepared = &postgres->prepared[i];
        if (prepared->sql && prepared->length == sql.length && memcmp(prepared->sql, sql.at, sql.length) == 0)
            return prepared;
    }
    return NULL;
}

void pipeline_forget_prepared(struct postgres *postgres, bool only_unconfirmed)
{
    for (size_t i = 0; i < PREPARED_MAX; i++) {
        struct prepared *prepared = &postgres->prepared[i];
        if (only_unconfirmed && prepared->is_confirmed)
            continue;
        free(prepared->sql);
        *prepared = (struct prepared){0};
    }
}

static void prepared_confirm(struct postgres *postgres, unsigned number)
{
    for (size_t i = 0; i < PREPARED_MAX; i++)
        if (postgres->prepared[i].sql && postgres->prepared[i].number == number)
            postgres->prepared[i].is_confirmed = true;
}

static const char *prepared_name(unsigned number, char name[32])
{
    snprintf(name, 32, "migrate_%u", number);
    return name;
}

static struct prepared *prepare(struct play *play, const struct sent *user, struct text sql)
{
    struct postgres *postgres = play->postgres;
    struct prepared *prepared = &postgres->prepared[postgres->prepared_count % PREPARED_MAX];
    free(prepared->sql); // the oldest goes; the server keeps its copy to the session's end
    *prepared = (struct prepared){.sql = strndup(sql.at, sql.length), .length = sql.length};
    if (!prepared->sql)
        abort();
    prepared->number = ++postgres->prepared_count;
    struct sent sent = {.message = MESSAGE_PREPARE, .kind = user->kind, .origin = user->origin};
    sent.prepared = prepared->number;
    sent.bytes = MESSAGE_BYTES + sql.length;
    char name[32];
    sent_or_lost(play, PQsendPrepare(play->link, prepared_name(prepared->number, name), prepared->sql, 0, NULL), &sent);
    return prepared;
}

/* A statement of ours: the server keeps it, so that each revision costs little. */
void pipeline_send_ours(struct play *play, struct sent sent, struct text sql, const struct value *values, size_t count)
{
    struct postgres *postgres = play->postgres;
    struct arena_mark mark = arena_mark(&postgres->scratch);
    const struct prepared *prepared = prepared_find(postgres, sql);
    if (!prepared)
        prepared = prepare(play, &sent, sql);
    sent.bytes = MESSAGE_BYTES;
    for (size_t i = 0; i < count; i++)
        sent.bytes += values[i].length;
    char name[32];
    if (!play->has_failed)
        sent_or_lost(play,
                     PQsendQueryPrepared(play->link, prepared_name(prepared->number, name), (int)count,
                                         wire_values(postgres, values, count), NULL, NULL, 0),
                     &sent);
    arena_rewind(&postgres->scratch, mark);
}

void pipeline_send_aside(struct play *play, const struct op *op, const char *sql)
{
    pipeline_send_ours(play, pipeline_message(op, MESSAGE_ASIDE), text_of(sql), NULL, 0);
}

/* The last of several messages that make up an operation. */
void pipeline_send_last_aside(struct play *play, const struct op *op, const char *sql)
{
    struct sent sent = pipeline_message(op, MESSAGE_ASIDE);
    sent.completes = true;
    pipeline_send_ours(play, sent, text_of(sql), NULL, 0);
}

/* In a transaction of its own, so that no snapshot is taken in the script's: SET TRANSACTION must still be possible
 * there. Its failure makes the server skip everything behind it. */
static void send_lock_check(struct play *play)
{
    static const struct op none = {.kind = OP_COMMENT};
    const struct value key[] = {{play->postgres->key_upper, strlen(play->postgres->key_upper)},
                                {play->postgres->key_lower, strlen(play->postgres->key_lower)}};
    pipeline_send_aside(play, &none, "BEGIN");
    pipeline_send_ours(play, pipeline_message(&none, MESSAGE_LOCK_CHECK),
                       text_of(embedded_migrate_database_sql_lock_held_sql), key, 2);
    pipeline_send_aside(play, &none, "COMMIT");
}

void pipeline_enter(struct play *play)
{
    if (play->in_pipeline || play->has_failed)
        return;
    if (!PQenterPipelineMode(play->link)) {
        pipeline_fail_lost(play);
        return;
    }
    play->in_pipeline = true;
    if (play->postgres->holds_lock && !play->in_transaction)
        send_lock_check(play);
}

/* ---- answers */

/* A transaction that ends where we did not end it took the rest of its revision out of its protection. To the server
 * that is a warning at most. */
static bool is_tag_due(struct play *play, const struct sent *sent, const char *tag)
{
    bool ends_ours = sent->kind == OP_COMMIT && sent->message == MESSAGE_OPERATION;
    bool is_script = sent->kind == OP_STATEMENT && sent->message == MESSAGE_OPERATION;
    if (ends_ours && strcmp(tag, "COMMIT") != 0)
        return refuse_saying(play, sent, MIGRATE_REFUSED, "the server rolled back instead of committing");
    if (is_script && strcmp(tag, "ROLLBACK") == 0 && !sent->rolls_back)
        return refuse_saying(play, sent, MIGRATE_PARTIAL, "the script rolled back the transaction it runs in");
    if (is_script && (strcmp(tag, "COMMIT") == 0 || strcmp(tag, "PREPARE TRANSACTION") == 0))
        return refuse_saying(play, sent, MIGRATE_PARTIAL, "the script ended the transaction it runs in");
    return true;
}

void pipeline_take_success(struct play *play, struct sent *sent, PGresult *result)
{
    text_integer(text_of(PQcmdTuples(result)), &sent->rows); // "" for what counts none
    sent->is_answered = is_tag_due(play, sent, PQcmdStatus(result));
}

/* The NULL behind a message's results. */
void pipeline_complete(struct play *play, const struct sent *sent)
{
    if (!sent->is_answered)
        return; // refused, or skipped by the server
    if (sent->message == MESSAGE_PREPARE)
        prepared_confirm(play->postgres, sent->prepared);
    if (!sent->completes)
        return;
    struct op op = pipeline_op(sent);
    if (op.kind == OP_COMMIT)
        play->played->commits++;
    if (op.kind == OP_ALONE)
        play->played->alone++;
    if (play->batch->done)
        play->batch->done(play->batch->context,
                          &(struct op_result){.op = &op, .rows = op.kind == OP_EXPECT_ONE ? 1 : sent->rows});
}

/* perform() lets no COPY of a script into the pipeline. Should one of ours get there, libpq would hand out this result
 * for ever and the server wait for data; nothing but the connection's end gets us out. */
static void cut_off(struct play *play, const struct sent *sent)
{
    refuse_saying(play, sent, MIGRATE_DEFECT, "a COPY was sent as an ordinary statement");
    shutdown(PQsocket(play->link), SHUT_RDWR);
    while (PQconsumeInput(play->link) && !wire_is_broken(play->postgres))
        continue;
    play->is_cut_off = true;
}

static void take_answer(struct play *play, PGresult *result)
{
    struct sent *sent = pipeline_first(play);
    if (!result) {
        pipeline_complete(play, sent);
        pipeline_pop(play);
        expect_rows_singly(play);
        return;
    }
    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC: // no NULL follows this one
        pipeline_pop(play);
        break;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        pipeline_take_success(play, sent, result);
        break;
    case PGRES_SINGLE_TUPLE:
    case PGRES_PIPELINE_ABORTED:
        break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        cut_off(play, sent);
        break;
    default:
        pipeline_refuse(play, sent, result);
        break;
    }
}

/* Once libpq has read the connection's end it forgets which answer is whose; so what has been read is taken before more
 * is read, and nothing afterwards. */
void pipeline_read(struct play *play)
{
    size_t due = play->count;
    while (play->count && !play->is_cut_off && !wire_is_broken(play->postgres) && !PQisBusy(play->link)) {
        PGresult *result = PQgetResult(play->link);
        take_answer(play, result);
        PQclear(result);
    }
    if (play->count < due)
        play->answered_ms = clock_ms();
}

/* Waits until at most so much is unanswered. An interrupt is passed on to the server until it has refused something;
 * from there on it skips by itself. */
void pipeline_read_until(struct play *play, size_t bytes_left)
{
    pipeline_read(play);
    while (play->count && play->unanswered_bytes > bytes_left && !wire_is_broken(play->postgres)) {
        bool cancels = wire_is_interrupted(play->postgres) && !play->is_refused;
        if (cancels)
            wire_cancel(play->postgres);
        wire_wait(play->postgres, cancels ? CANCEL_AGAIN_MS : WAIT_MS);
        pipeline_read(play);
    }
}

/* Ends what was sent with a sync, reads every answer and leaves pipeline mode. */
void pipeline_leave(struct play *play)
{
    if (!play->in_pipeline)
        return;
    play->in_pipeline = false;
    if (wire_is_broken(play->postgres))
        return;
    struct sent sync = {.message = MESSAGE_SYNC, .kind = OP_COMMENT, .bytes = MESSAGE_BYTES};
    sent_or_lost(play, PQpipelineSync(play->link), &sync);
    pipeline_read_until(play, 0);
    if (!wire_is_broken(play->postgres))
        PQexitPipelineMode(play->link);
}
void pipeline_notice(void *context, const PGresult *result)
{
    const struct postgres *postgres = context;
    struct play *play = postgres->play;
    if (!play || !play->batch->notice)
        return;
    struct op op = {0};
    bool is_known = play->count > 0 && pipeline_first(play)->message == MESSAGE_OPERATION;
    if (is_known)
        op = pipeline_op(pipeline_first(play));
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    play->batch->notice(play->batch->context, is_known ? &op : NULL, severity ? severity : "NOTICE",
                        message ? message : "");
}
