/* postgres.c: PostgreSQL over libpq: our settings, questions, the lock, and going on after a lost connection.
 * Connecting is in connect.c, playing in play.c.
 *
 * A round trip may cost as much as a hundred statements, so nothing here waits without need: connecting begins before
 * its answer is wanted, and the settings travel with the first questions. */
#include "database/postgres.h"

#include "base/clock.h"
#include "base/hash.h"

#include <embedded.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOSSES_MAX = 5 /* in one question or lock: something there ends it each time */ };

static bool interrupted(struct error *err)
{
    return error_set(err, MIGRATE_INTERRUPTED, "interrupted");
}

/* ---- opening and closing */

/* What RESET ALL leaves alone comes first: the session's user and its role, which a script may have changed. */
static const char *settings_of(const struct connection_settings *settings, struct arena *arena)
{
    int64_t lock_ms = settings->lock_timeout_ms >= 0 ? settings->lock_timeout_ms : POSTGRES_LOCK_TIMEOUT_MS;
    int64_t statement_ms = settings->statement_timeout_ms >= 0 ? settings->statement_timeout_ms : 0;
    struct buffer sql = {.arena = arena};
    buffer_string(&sql, "SELECT set_config('session_authorization', NULL, false), set_config('role', NULL, false)"
                        ", set_config('standard_conforming_strings', 'on', false)");
    buffer_printf(&sql, ", set_config('statement_timeout', '%lld', false), set_config('lock_timeout', '%lld', false)",
                  (long long)statement_ms, (long long)lock_ms);
    if (settings->idle_timeout_ms >= 0)
        buffer_printf(&sql, ", set_config('idle_in_transaction_session_timeout', '%lld', false)",
                      (long long)settings->idle_timeout_ms);
    if (settings->search_path)
        buffer_printf(&sql, ", set_config('search_path', %s, false)",
                      literal_quote(text_of(settings->search_path), true, arena));
    if (settings->role)
        buffer_printf(&sql, ", set_config('role', %s, false)", literal_quote(text_of(settings->role), true, arena));
    return buffer_done(&sql);
}

static bool start(const struct connection *connection, struct arena *arena, struct database **database,
                  struct error *err)
{
    struct postgres *postgres = ARENA_NEW(arena, struct postgres);
    postgres->base = (struct database){.driver = &postgres_driver, .connection = connection};
    postgres->arena = arena;
    postgres->settings = settings_of(connection->settings, arena);
    postgres->settings_again = postgres->settings;
    if (!connect_start(postgres, err))
        return false;
    *database = &postgres->base;
    return true;
}

static void close_link(struct database *database)
{
    struct postgres *postgres = (struct postgres *)database;
    for (size_t i = 0; i < PREPARED_MAX; i++)
        free(postgres->prepared[i].sql);
    PQfinish(postgres->link);
    arena_free(&postgres->scratch);
}

static bool ready(struct database *database, struct error *err)
{
    struct postgres *postgres = (struct postgres *)database;
    if (postgres->is_ready)
        return true;
    if (postgres->is_given_up)
        return sqlstate_lost(postgres->link, err);
    struct trying trying = connect_trying(postgres);
    return connect_within(postgres, &trying, err);
}

/* ---- asking: one pipeline, a sync behind each question, so that one's error is not the other's */

static bool send_question(struct postgres *postgres, const struct question *question, struct error *err)
{
    struct arena_mark mark = arena_mark(&postgres->scratch);
    const char *const *values = wire_values(postgres, question->values, question->value_count);
    bool ok =
        PQsendQueryParams(postgres->link, question->sql, (int)question->value_count, NULL, values, NULL, NULL, 0) &&
        PQpipelineSync(postgres->link);
    arena_rewind(&postgres->scratch, mark);
    return ok || sqlstate_lost(postgres->link, err);
}

/* The answer to the next question; the caller clears it. NULL: the connection broke. */
static PGresult *next_answer(struct postgres *postgres)
{
    PGresult *answer = NULL;
    for (;;) {
        PGresult *result = wire_result(postgres);
        bool ends = PQresultStatus(result) == PGRES_PIPELINE_SYNC || (!result && wire_is_broken(postgres));
        if (result && !answer && !ends)
            answer = result;
        else
            PQclear(result);
        if (ends)
            return answer;
    }
}

static bool is_accepted(const PGresult *answer)
{
    return PQresultStatus(answer) == PGRES_TUPLES_OK || PQresultStatus(answer) == PGRES_COMMAND_OK;
}

static bool is_missing(const PGresult *answer)
{
    return sqlstate_is(answer, "42P01") || sqlstate_is(answer, "3F000"); // undefined table, undefined schema
}

static void copy_rows(const PGresult *answer, struct arena *arena, struct rows *rows)
{
    rows->count = (size_t)PQntuples(answer);
    rows->columns = (size_t)PQnfields(answer);
    rows->cells = ARENA_ARRAY(arena, rows->count * rows->columns, const char *);
    for (size_t i = 0; i < rows->count * rows->columns; i++) {
        int row = (int)(i / rows->columns), column = (int)(i % rows->columns);
        if (!PQgetisnull(answer, row, column))
            rows->cells[i] =
                arena_copy(arena, PQgetvalue(answer, row, column), (size_t)PQgetlength(answer, row, column));
    }
}

static bool refused(struct postgres *postgres, const PGresult *answer, struct error *err)
{
    if (!answer || wire_is_broken(postgres))
        return sqlstate_lost(postgres->link, err);
    return sqlstate_refused(answer, wire_is_interrupted(postgres), err);
}

static bool take_answer(struct postgres *postgres, const struct question *question, const PGresult *answer,
                        struct arena *arena, struct rows *rows, struct error *err)
{
    if (question->may_be_missing && answer && is_missing(answer)) {
        rows->is_missing = true;
        return true;
    }
    if (!is_accepted(answer))
        return refused(postgres, answer, err);
    copy_rows(answer, arena, rows);
    return true;
}

/* ---- who we are, and our settings: they go before the first questions, in the same flight */

static const char check_client[] = "SELECT set_config('client_connection_check_interval', '5s', false)";

static bool has_check_client(const struct postgres *postgres)
{
    return PQserverVersion(postgres->link) >= 140000;
}

static bool send_settings(struct postgres *postgres, struct error *err)
{
    return send_question(postgres, &(struct question){.sql = embedded_migrate_database_sql_session_sql}, err) &&
           send_question(postgres, &(struct question){.sql = postgres->settings}, err) &&
           (!has_check_client(postgres) || send_question(postgres, &(struct question){.sql = check_client}, err));
}

static bool take_session(struct postgres *postgres, const PGresult *answer, struct error *err)
{
    enum { BACKEND_PID, SINCE, DATABASE_NAME, IN_RECOVERY };
    if (!is_accepted(answer))
        return refused(postgres, answer, err);
    postgres->session.pid = arena_string(postgres->arena, PQgetvalue(answer, 0, BACKEND_PID));
    postgres->session.since = arena_string(postgres->arena, PQgetvalue(answer, 0, SINCE));
    postgres->database_name = arena_string(postgres->arena, PQgetvalue(answer, 0, DATABASE_NAME));
    postgres->is_standby = strcmp(PQgetvalue(answer, 0, IN_RECOVERY), "t") == 0;
    return true;
}

static bool take_settings(struct postgres *postgres, const PGresult *answer, struct error *err)
{
    if (is_accepted(answer))
        return true;
    refused(postgres, answer, err);
    if (err->code == MIGRATE_REFUSED)
        err->code = MIGRATE_CONFIGURATION;
    return false;
}

/* Not every server's system can do it (macOS): a refusal is no error, and it is not asked again. */
static void take_check_client(struct postgres *postgres, const PGresult *answer)
{
    if (is_accepted(answer))
        postgres->settings_again = arena_printf(
            postgres->arena, "%s, set_config('client_connection_check_interval', '5s', false)", postgres->settings);
}

static bool settings_answered(struct postgres *postgres, struct error *err)
{
    PGresult *session = next_answer(postgres), *settings = next_answer(postgres);
    postgres->is_set = take_session(postgres, session, err) && take_settings(postgres, settings, err);
    PQclear(session);
    PQclear(settings);
    if (has_check_client(postgres)) {
        PGresult *answer = next_answer(postgres);
        take_check_client(postgres, answer);
        PQclear(answer);
    }
    return postgres->is_set;
}

/* Every answer is read, whatever it is, so that the pipeline is empty afterwards. The first error counts. */
static bool read_answers(struct postgres *postgres, const struct question *questions, size_t count, struct arena *arena,
                         struct rows *answers, struct error *err)
{
    bool ok = postgres->is_set || settings_answered(postgres, err);
    for (size_t i = 0; i < count; i++) {
        PGresult *answer = next_answer(postgres);
        ok = ok && take_answer(postgres, &questions[i], answer, arena, &answers[i], err);
        PQclear(answer);
    }
    if (ok && wire_is_interrupted(postgres))
        return interrupted(err);
    return ok;
}

static bool ask_in_pipeline(struct postgres *postgres, const struct question *questions, size_t count,
                            struct arena *arena, struct rows *answers, struct error *err)
{
    if (!postgres->is_set && !send_settings(postgres, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!send_question(postgres, &questions[i], err))
            return false;
    return read_answers(postgres, questions, count, arena, answers, err);
}

static bool ask_once(struct postgres *postgres, const struct question *questions, size_t count, struct arena *arena,
                     struct rows *answers, struct error *err)
{
    if (wire_is_broken(postgres) || !PQenterPipelineMode(postgres->link))
        return sqlstate_lost(postgres->link, err);
    bool ok = ask_in_pipeline(postgres, questions, count, arena, answers, err);
    PQexitPipelineMode(postgres->link);
    return ok;
}

/* ---- the lock */

enum { LOCK_FIRST_PAUSE_MS = 50, LOCK_LONGEST_PAUSE_MS = 1000 };

struct wanted_lock {
    const char *values[2]; /* the key's halves */
    double since_ms;
    double told_ms; /* when `waiting` was last called */
    double pause_ms;
    unsigned seed;
};

/* The key is made from what makes two migrators rivals: the same database and the same version table. */
static void name_lock(struct postgres *postgres, const char *name)
{
    struct arena_mark mark = arena_mark(&postgres->scratch);
    const char *text = arena_printf(&postgres->scratch, "migrate\n%s\n%s", postgres->database_name, name);
    uint64_t key = (uint64_t)hash_key(text_of(text));
    arena_rewind(&postgres->scratch, mark);
    postgres->key_upper = arena_printf(postgres->arena, "%lu", (unsigned long)(key >> 32));
    postgres->key_lower = arena_printf(postgres->arena, "%lu", (unsigned long)(key & 0xFFFFFFFF));
}

/* pg_locks shows a key's halves as two oids; this is the same key put together again. */
#define KEY "($1::bigint << 32) | $2::bigint"

static bool try_lock(struct postgres *postgres, const struct wanted_lock *lock, bool *taken, struct error *err)
{
    PGresult *result = wire_run(postgres, "SELECT pg_try_advisory_lock(" KEY ")", 2, lock->values);
    bool ok = is_accepted(result) || refused(postgres, result, err);
    *taken = ok && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    return ok;
}

static const char *holder_sentence(const PGresult *holder, double waited_ms, struct arena *arena)
{
    enum { PID, APPLICATION, USER, ADDRESS, SINCE };
    if (!is_accepted(holder) || PQntuples(holder) == 0)
        return arena_string(arena, "another migration holds the lock");
    const char *application = PQgetvalue(holder, 0, APPLICATION);
    const char *address = PQgetvalue(holder, 0, ADDRESS);
    const char *since = PQgetvalue(holder, 0, SINCE);
    return arena_printf(arena, "the lock is held by %s%s%s (process %s%s%s%s%s), waited %.1f s",
                        *application ? application : "another session", *address ? " at " : "", address,
                        PQgetvalue(holder, 0, PID), *PQgetvalue(holder, 0, USER) ? ", user " : "",
                        PQgetvalue(holder, 0, USER), *since ? ", connected since " : "", since, waited_ms / 1e3);
}

static const char *describe_holder(struct postgres *postgres, const struct wanted_lock *lock)
{
    PGresult *holder = wire_run(postgres, embedded_migrate_database_sql_lock_holder_sql, 2, lock->values);
    const char *sentence = holder_sentence(holder, clock_ms() - lock->since_ms, &postgres->scratch);
    PQclear(holder);
    return sentence;
}

static void tell_who_holds_it(struct postgres *postgres, struct wanted_lock *lock)
{
    const struct connection *connection = postgres->base.connection;
    if (!connection->waiting || (lock->told_ms > 0 && clock_ms() - lock->told_ms < 1000))
        return;
    struct arena_mark mark = arena_mark(&postgres->scratch);
    connection->waiting(connection->context, describe_holder(postgres, lock));
    arena_rewind(&postgres->scratch, mark);
    lock->told_ms = clock_ms();
}

static bool not_to_be_had(struct postgres *postgres, const struct wanted_lock *lock, struct error *err)
{
    struct arena_mark mark = arena_mark(&postgres->scratch);
    error_set(err, MIGRATE_LOCKED, "%s", describe_holder(postgres, lock));
    arena_rewind(&postgres->scratch, mark);
    return error_hint(err, "Wait for it to finish, or allow more time with --lock-wait.");
}

/* Jitter, so that pods started together do not ask together. */
static void pause_before_next_try(const struct postgres *postgres, struct wanted_lock *lock, double left_ms)
{
    double pause_ms = lock->pause_ms * (0.5 + (double)rand_r(&lock->seed) / RAND_MAX);
    wire_sleep(postgres, pause_ms < left_ms ? pause_ms : left_ms);
    lock->pause_ms *= 1.5;
    if (lock->pause_ms > LOCK_LONGEST_PAUSE_MS)
        lock->pause_ms = LOCK_LONGEST_PAUSE_MS;
}

static bool poll_lock(struct postgres *postgres, struct wanted_lock *lock, int64_t wait_ms, struct error *err)
{
    for (;;) {
        if (wire_is_interrupted(postgres))
            return interrupted(err);
        if (!try_lock(postgres, lock, &postgres->holds_lock, err))
            return false;
        if (postgres->holds_lock)
            return true;
        double left_ms = (double)wait_ms - (clock_ms() - lock->since_ms);
        if (left_ms <= 0)
            return not_to_be_had(postgres, lock, err);
        tell_who_holds_it(postgres, lock);
        pause_before_next_try(postgres, lock, left_ms);
    }
}

bool postgres_is_pooled(const struct postgres *postgres)
{
    int64_t pid = 0;
    return text_integer(text_of(postgres->session.pid), &pid) && pid != postgres->link_pid;
}

static bool no_pooler(const struct postgres *postgres, struct error *err)
{
    if (!postgres_is_pooled(postgres) || postgres->base.connection->pooler_is_session)
        return true;
    error_set(err, MIGRATE_POOLER, "a connection pooler stands between migrate and the server; no lock would be ours");
    return error_hint(err, "Name the server's direct address in MIGRATE_DATABASE_URL, or set pooler = session if "
                           "the pooler keeps one server connection for each client.");
}

/* Whoever takes the lock is going to write. While a database fails over, its name may lead to a standby. */
static bool find_writer(struct postgres *postgres, struct error *err)
{
    if (!postgres->is_set && !ask_once(postgres, NULL, 0, NULL, NULL, err))
        return false;
    postgres->needs_writer = postgres->base.connection->wait_ms > 0;
    if (!postgres->is_standby || !postgres->needs_writer)
        return true;
    struct trying trying = connect_trying(postgres);
    pipeline_forget_prepared(postgres, false);
    return connect_anew(postgres, err) && connect_within(postgres, &trying, err) &&
           ask_once(postgres, NULL, 0, NULL, NULL, err);
}

static bool take_lock(struct postgres *postgres, int64_t wait_ms, struct error *err)
{
    if (!find_writer(postgres, err) || !no_pooler(postgres, err))
        return false;
    name_lock(postgres, postgres->lock_name);
    struct wanted_lock wanted = {
        .values = {postgres->key_upper, postgres->key_lower},
        .since_ms = clock_ms(),
        .pause_ms = LOCK_FIRST_PAUSE_MS,
        .seed = (unsigned)postgres->link_pid,
    };
    return poll_lock(postgres, &wanted, wait_ms, err);
}

static void unlock(struct database *database)
{
    struct postgres *postgres = (struct postgres *)database;
    if (!postgres->holds_lock)
        return;
    postgres->holds_lock = false;
    const char *values[] = {postgres->key_upper, postgres->key_lower};
    if (wire_is_broken(postgres))
        return; // the server lets go by itself
    postgres->is_tidying = true;
    PQclear(wire_run(postgres, "SELECT pg_advisory_unlock(" KEY ")", 2, values));
    postgres->is_tidying = false;
}

/* ---- after a lost connection */

/* Another process may have got the pid meanwhile: it is ended only if it is as old as ours was. What keeps us from
 * ending it (it is gone, or another server answers now) is no error: the lock will tell. */
static void end_former_sessions(struct postgres *postgres)
{
    for (size_t i = 0; i < postgres->former_count; i++) {
        const char *values[] = {postgres->former[i].pid, postgres->former[i].since};
        PQclear(wire_run(postgres, embedded_migrate_database_sql_end_session_sql, 2, values));
    }
}

static void remember_session(struct postgres *postgres)
{
    if (!postgres->is_set)
        return;
    if (postgres->former_count == FORMER_MAX)
        memmove(postgres->former, postgres->former + 1, (--postgres->former_count) * sizeof *postgres->former);
    postgres->former[postgres->former_count++] = postgres->session;
}

/* A session that was told to end takes a moment, whatever was said of waiting for others. */
static bool lock_again(struct postgres *postgres, const struct trying *trying, struct error *err)
{
    if (!postgres->lost_lock)
        return true;
    int64_t wait_ms = (int64_t)connect_left_ms(trying);
    if (!take_lock(postgres, wait_ms > postgres->lock_wait_ms ? wait_ms : postgres->lock_wait_ms, err))
        return false;
    postgres->lost_lock = false;
    return true;
}

/* Ending them comes before our settings, whose role may not be allowed to. */
static bool settle(struct postgres *postgres, const struct trying *trying, struct error *err)
{
    end_former_sessions(postgres);
    if (!ask_once(postgres, NULL, 0, NULL, NULL, err) || !lock_again(postgres, trying, err))
        return false;
    postgres->former_count = 0;
    return true;
}

static bool is_lost(const struct error *reason)
{
    return reason->code == MIGRATE_LOST || reason->code == MIGRATE_UNREACHABLE;
}

static bool try_reconnecting(struct postgres *postgres, struct error *err)
{
    struct trying trying = connect_trying(postgres);
    do {
        remember_session(postgres);
        postgres->lost_lock = postgres->lost_lock || postgres->holds_lock;
        postgres->holds_lock = false;
        pipeline_forget_prepared(postgres, false);
        if (connect_anew(postgres, err) && connect_within(postgres, &trying, err) && settle(postgres, &trying, err))
            return true;
    } while (err->code == MIGRATE_LOST && connect_left_ms(&trying) > 0);
    return false;
}

static bool reconnect(struct database *database, struct error *err)
{
    struct postgres *postgres = (struct postgres *)database;
    struct error reason = {0};
    if (database->connection->wait_ms > 0 && try_reconnecting(postgres, &reason))
        return true;
    postgres->is_given_up = true;
    postgres->is_ready = false;
    if (database->connection->wait_ms == 0)
        return sqlstate_lost(postgres->link, err);
    *err = reason;
    if (!is_lost(&reason))
        return false;
    error_set(err, MIGRATE_LOST, "the connection was lost and could not be had back: %s", reason.message);
    return error_hint(err, "A rerun is safe: what was not committed was rolled back.");
}

/* ---- what can be done again without harm is done again */

/* true: it was lost, is had back, and what failed may be tried again. */
static bool had_back(struct postgres *postgres, size_t losses, struct error *reason)
{
    bool may_try = reason->code == MIGRATE_LOST && losses <= LOSSES_MAX && !postgres->is_given_up &&
                   postgres->base.connection->wait_ms > 0;
    return may_try && reconnect(&postgres->base, reason);
}

static bool ask(struct database *database, const struct question *questions, size_t count, struct arena *arena,
                struct rows *answers, struct error *err)
{
    struct postgres *postgres = (struct postgres *)database;
    struct error reason = {0};
    for (size_t losses = 1; !ask_once(postgres, questions, count, arena, answers, &reason); losses++) {
        if (!had_back(postgres, losses, &reason)) {
            *err = reason;
            return false;
        }
        memset(answers, 0, count * sizeof *answers);
    }
    return true;
}

static bool lock(struct database *database, const char *name, int64_t wait_ms, struct error *err)
{
    struct postgres *postgres = (struct postgres *)database;
    struct error reason = {0};
    if (postgres->holds_lock)
        return true; // taken twice it would have to be let go twice
    postgres->lock_name = arena_string(postgres->arena, name);
    postgres->lock_wait_ms = wait_ms;
    for (size_t losses = 1; !take_lock(postgres, wait_ms, &reason); losses++) {
        if (!had_back(postgres, losses, &reason)) {
            *err = reason;
            return false;
        }
    }
    return true;
}

static bool play(struct database *database, const struct batch *batch, struct played *played, struct error *err)
{
    struct postgres *postgres = (struct postgres *)database;
    if (!postgres->is_set && !ask_once(postgres, NULL, 0, NULL, NULL, err))
        return false;
    return play_batch(postgres, batch, played, err);
}

const struct driver postgres_driver = {
    .name = "postgresql",
    .transactional_ddl = true,
    .start = start,
    .ready = ready,
    .close = close_link,
    .ask = ask,
    .lock = lock,
    .unlock = unlock,
    .reconnect = reconnect,
    .play = play,
    .about = postgres_about,
    .environment = postgres_environment,
};
