/* pipeline.c: playing a batch on PostgreSQL without waiting between its operations.
 *
 * Everything is sent as long as a window of unanswered bytes is open, and one sync ends it. The server runs it in
 * order and after an error skips the rest, so whole transactions before the failure stand and nothing behind it runs:
 * that is why there is no sync between transactions, which would make it go on. Beside the pipeline stands one ring: a
 * record for each message sent, in order; answers carry no name, so counting them off against the ring is how we know
 * which operation one is for.
 *
 * What a pipeline cannot carry (COPY, a statement that must stand alone) is done directly: the pipeline is emptied and
 * left, the statement waited for, the pipeline entered again.
 *
 * Reading order: struct play, send_*, take_answer, perform, pipeline_play. */
#include "database/postgres.h"

#include <assert.h>
#include <embedded.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    WINDOW_BYTES = 256 * 1024, /* unanswered at most; without a window the sender starves the reader */
    MESSAGE_BYTES = 64,        /* what a message takes besides its text */
    COPY_CHUNK_BYTES = 64 * 1024,
    WAIT_MS = 100,
    CANCEL_AGAIN_MS = 5,
};

enum message {
    MESSAGE_OPERATION, /* what the operation says */
    MESSAGE_ASIDE,     /* what we send around it */
    MESSAGE_PREPARE,
    MESSAGE_LOCK_CHECK,
    MESSAGE_SYNC,
};

/* One message whose answer is due. */
struct sent {
    enum message message;
    enum op_kind kind;
    struct op_origin origin;
    bool durable;
    bool completes;   /* its answer completes the operation */
    bool rolls_back;  /* a script's ROLLBACK TO, whose tag is ROLLBACK */
    bool is_answered; /* a result came; the NULL behind it is due */
    int64_t rows;
    unsigned prepared; /* number of the statement made or used; 0: none */
    char *text;        /* malloc: the statement, kept only where characters are not bytes */
    size_t bytes;      /* counted against the window */
};

struct play {
    struct postgres *postgres;
    PGconn *link;
    const struct batch *batch;
    struct played *played;
    struct error *err;

    struct sent *ring;
    size_t capacity, first, count;
    size_t unanswered_bytes;

    bool in_pipeline;
    bool in_transaction;
    bool is_done;    /* every operation of the batch was answered */
    bool has_failed; /* err is filled */
    bool is_cut_off; /* by us; what libpq still holds is not read any more */
    bool is_refused; /* by an answer, which came before whatever else went wrong */
};

/* ---- the ring */

static struct sent *ring_first(struct play *play)
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

static void ring_pop(struct play *play)
{
    struct sent *sent = ring_first(play);
    free(sent->text);
    play->unanswered_bytes -= sent->bytes;
    play->first = (play->first + 1) % play->capacity;
    play->count--;
}

static struct op op_of(const struct sent *sent)
{
    return (struct op){.kind = sent->kind, .origin = sent->origin, .durable = sent->durable};
}

static struct sent sent_for(const struct op *op, enum message message)
{
    return (struct sent){.message = message, .kind = op->kind, .origin = op->origin, .durable = op->durable};
}

/* ---- failing */

static bool stops(const struct play *play)
{
    return play->has_failed || wire_is_broken(play->postgres) || wire_is_interrupted(play->postgres);
}

static void fail_lost(struct play *play)
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
static void refuse(struct play *play, const struct sent *sent, const PGresult *result)
{
    if (play->is_refused)
        return;
    play->has_failed = play->is_refused = true;
    sqlstate_refused(result, wire_is_interrupted(play->postgres), play->err);
    explain_refusal(sent, play->err);
    if (sent->message == MESSAGE_LOCK_CHECK || play->err->code == MIGRATE_LOST)
        return; // no operation's fault
    play->played->failed_in_op = true;
    play->played->failed = op_of(sent);
    if (sent->message == MESSAGE_OPERATION && sent->kind != OP_EXPECT_ONE)
        play->played->failed_position = position_of(result, sent->text);
}

static bool refuse_saying(struct play *play, const struct sent *sent, enum migrate_code code, const char *message)
{
    if (play->is_refused)
        return false;
    play->has_failed = play->is_refused = true;
    play->played->failed_in_op = true;
    play->played->failed = op_of(sent);
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
        if (play->count == 1)
            expect_rows_singly(play);
    } else {
        free(sent->text);
        fail_lost(play);
    }
}

static void send_script(struct play *play, const struct op *op, struct sent sent)
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

static void prepared_forget(struct postgres *postgres, bool only_unconfirmed)
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
static void send_ours(struct play *play, struct sent sent, struct text sql, const struct value *values, size_t count)
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

static void send_aside(struct play *play, const struct op *op, const char *sql)
{
    send_ours(play, sent_for(op, MESSAGE_ASIDE), text_of(sql), NULL, 0);
}

/* The last of several messages that make up an operation. */
static void send_last_aside(struct play *play, const struct op *op, const char *sql)
{
    struct sent sent = sent_for(op, MESSAGE_ASIDE);
    sent.completes = true;
    send_ours(play, sent, text_of(sql), NULL, 0);
}

/* In a transaction of its own, so that no snapshot is taken in the script's: SET TRANSACTION must still be possible
 * there. Its failure makes the server skip everything behind it. */
static void send_lock_check(struct play *play)
{
    static const struct op none = {.kind = OP_COMMENT};
    const struct value key[] = {{play->postgres->key_upper, strlen(play->postgres->key_upper)},
                                {play->postgres->key_lower, strlen(play->postgres->key_lower)}};
    send_aside(play, &none, "BEGIN");
    send_ours(play, sent_for(&none, MESSAGE_LOCK_CHECK), text_of(embedded_migrate_database_sql_lock_held_sql), key, 2);
    send_aside(play, &none, "COMMIT");
}

static void enter_pipeline(struct play *play)
{
    if (play->in_pipeline || play->has_failed)
        return;
    if (!PQenterPipelineMode(play->link)) {
        fail_lost(play);
        return;
    }
    play->in_pipeline = true;
    if (play->postgres->holds_lock && !play->in_transaction)
        send_lock_check(play);
}

/* ---- answers */

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

static void take_success(struct play *play, struct sent *sent, PGresult *result)
{
    text_integer(text_of(PQcmdTuples(result)), &sent->rows); // "" for what counts none
    sent->is_answered = is_tag_due(play, sent, PQcmdStatus(result));
}

/* The NULL behind a message's results. */
static void complete(struct play *play, const struct sent *sent)
{
    if (!sent->is_answered)
        return; // refused, or skipped by the server
    if (sent->message == MESSAGE_PREPARE)
        prepared_confirm(play->postgres, sent->prepared);
    if (!sent->completes)
        return;
    struct op op = op_of(sent);
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
    struct sent *sent = ring_first(play);
    if (!result) {
        complete(play, sent);
        ring_pop(play);
        expect_rows_singly(play);
        return;
    }
    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC: // no NULL follows this one
        ring_pop(play);
        break;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        take_success(play, sent, result);
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
        refuse(play, sent, result);
        break;
    }
}

static void read_answers(struct play *play)
{
    while (play->count && !PQisBusy(play->link)) {
        PGresult *result = PQgetResult(play->link);
        bool ends = !result && wire_is_broken(play->postgres);
        if (!ends)
            take_answer(play, result);
        PQclear(result);
        if (ends || play->is_cut_off)
            return;
    }
}

/* Waits until at most so much is unanswered. An interrupt is passed on to the server until it has refused something;
 * from there on it skips by itself. */
static void read_until(struct play *play, size_t bytes_left)
{
    read_answers(play);
    while (play->count && play->unanswered_bytes > bytes_left && !wire_is_broken(play->postgres)) {
        bool cancels = wire_is_interrupted(play->postgres) && !play->is_refused;
        if (cancels)
            wire_cancel(play->postgres);
        wire_wait(play->postgres, cancels ? CANCEL_AGAIN_MS : WAIT_MS);
        read_answers(play);
    }
}

/* Ends what was sent with a sync, reads every answer and leaves pipeline mode. */
static void leave_pipeline(struct play *play)
{
    if (!play->in_pipeline)
        return;
    play->in_pipeline = false;
    if (wire_is_broken(play->postgres))
        return;
    struct sent sync = {.message = MESSAGE_SYNC, .kind = OP_COMMENT, .bytes = MESSAGE_BYTES};
    sent_or_lost(play, PQpipelineSync(play->link), &sync);
    read_until(play, 0);
    if (!wire_is_broken(play->postgres))
        PQexitPipelineMode(play->link);
}

/* ---- operations */

static void begin(struct play *play, const struct op *op)
{
    send_last_aside(play, op, "BEGIN");
    play->in_transaction = true;
}

static void commit(struct play *play, const struct op *op)
{
    if (!op->durable)
        send_aside(play, op, "SET LOCAL synchronous_commit = off");
    struct sent sent = sent_for(op, MESSAGE_OPERATION);
    sent.completes = true;
    send_ours(play, sent, text_of("COMMIT"), NULL, 0);
    play->in_transaction = false;
    PQsendFlushRequest(play->link); // else the server keeps its answers to the end, and no progress shows
    PQflush(play->link);
    PQconsumeInput(play->link);
    read_answers(play);
}

static void script_statement(struct play *play, const struct op *op)
{
    struct sent sent = sent_for(op, MESSAGE_OPERATION);
    sent.completes = play->in_transaction;
    sent.rolls_back = is_rollback_to(op->sql);
    send_script(play, op, sent);
    struct text word = first_word(op->sql);
    if (text_is_nocase(word, "deallocate") || text_is_nocase(word, "discard"))
        prepared_forget(play->postgres, false);
}

static void execute(struct play *play, const struct op *op)
{
    struct sent sent = sent_for(op, MESSAGE_OPERATION);
    sent.completes = play->in_transaction;
    send_ours(play, sent, op->sql, op->values, op->value_count);
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

/* RESET ALL leaves the role alone, and both leave the session's user. */
static void reset(struct play *play, const struct op *op)
{
    send_aside(play, op, "RESET SESSION AUTHORIZATION");
    send_aside(play, op, "RESET ROLE");
    send_aside(play, op, "RESET ALL");
    if (play->in_transaction)
        send_last_aside(play, op, play->postgres->settings_again);
    else
        send_aside(play, op, play->postgres->settings_again);
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
    send_aside(play, op, lock);
    if (play->in_transaction)
        send_last_aside(play, op, statement);
    else
        send_aside(play, op, statement);
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
        assert(!"an operation that is not for a pipeline");
    }
}

/* What stands outside a transaction gets one of its own: without, it would belong to the next one sent. */
static void perform_by_itself(struct play *play, const struct op *op)
{
    send_aside(play, op, "BEGIN");
    perform_in_pipeline(play, op);
    send_last_aside(play, op, "COMMIT");
}

/* ---- outside the pipeline: COPY, and statements that stand alone */

static bool copy_chunk(struct play *play, struct text chunk)
{
    int ok = PQputCopyData(play->link, chunk.at, (int)chunk.length);
    while (ok > 0 && PQflush(play->link) > 0 && !stops(play))
        wire_wait(play->postgres, WAIT_MS);
    return ok > 0 && !stops(play);
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
        take_success(play, sent, result);
        break;
    case PGRES_SINGLE_TUPLE:
        break;
    default:
        refuse(play, sent, result);
        break;
    }
}

/* For as long as it runs it is the only message in the ring, so that a notice finds its operation. */
static void run_direct(struct play *play, const struct op *op)
{
    struct sent sent = sent_for(op, MESSAGE_OPERATION);
    sent.completes = true;
    sent.rolls_back = true; // alone, any tag is its own affair
    send_script(play, op, sent);
    if (play->has_failed)
        return;
    struct sent *only = ring_first(play);
    for (PGresult *result = wire_result(play->postgres); result; result = wire_result(play->postgres)) {
        take_direct(play, op, only, result);
        PQclear(result);
    }
    if (wire_is_broken(play->postgres))
        return;
    complete(play, only);
    ring_pop(play);
}

static void perform_directly(struct play *play, const struct op *op)
{
    if (op->kind == OP_ALONE && play->postgres->holds_lock)
        enter_pipeline(play); // which asks whether we still hold it
    leave_pipeline(play);
    if (stops(play))
        return;
    run_direct(play, op);
    if (op->kind == OP_ALONE)
        prepared_forget(play->postgres, false); // DISCARD ALL is allowed there
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
    enter_pipeline(play);
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
    read_until(play, WINDOW_BYTES / 2);
}

static void perform_all(struct play *play)
{
    while (!stops(play)) {
        struct op op = {0};
        bool end = false;
        if (!play->batch->next(play->batch->context, &op, &end, play->err)) {
            play->has_failed = true;
            return;
        }
        if (end) {
            leave_pipeline(play);
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
    prepared_forget(postgres, true);
    static const char *const resets[] = {"RESET SESSION AUTHORIZATION", "RESET ROLE", "RESET ALL"};
    for (size_t i = 0; i < sizeof resets / sizeof resets[0]; i++)
        PQclear(wire_run(postgres, resets[i], 0, NULL));
    PQclear(wire_run(postgres, postgres->settings_again, 0, NULL));
}

/* Whatever happened, the session is idle afterwards, or known to be lost. */
static void finish(struct play *play)
{
    bool was_interrupted = !play->is_done && wire_is_interrupted(play->postgres);
    leave_pipeline(play);
    if (wire_is_broken(play->postgres)) {
        fail_lost(play);
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

bool pipeline_play(struct postgres *postgres, const struct batch *batch, struct played *played, struct error *err)
{
    struct play play = {.postgres = postgres, .link = postgres->link, .batch = batch, .played = played, .err = err};
    if (wire_is_broken(postgres))
        return sqlstate_lost(postgres->link, err);
    postgres->play = &play;
    postgres->is_tidying = batch->ignores_interrupt;
    perform_all(&play);
    finish(&play);
    postgres->is_tidying = false;
    postgres->play = NULL;
    while (play.count)
        ring_pop(&play);
    free(play.ring);
    return !play.has_failed;
}

void pipeline_notice(void *context, const PGresult *result)
{
    const struct postgres *postgres = context;
    struct play *play = postgres->play;
    if (!play || !play->batch->notice)
        return;
    struct op op = {0};
    bool is_known = play->count > 0 && ring_first(play)->message == MESSAGE_OPERATION;
    if (is_known)
        op = op_of(ring_first(play));
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    play->batch->notice(play->batch->context, is_known ? &op : NULL, severity ? severity : "NOTICE",
                        message ? message : "");
}
