/* watch.c: a second connection that looks at what an operation is waiting for, while it takes its time.
 *
 * It has no thread: whoever waits for the first connection moves it on by a step, which never waits. It is opened when
 * there is first something to look at and closed with the play; when it cannot be had (no slot is left, say) nobody
 * looks, and nothing else comes of it. */
#include "database/pipeline.h"

#include "base/clock.h"

#include <embedded.h>
#include <poll.h>
#include <stdlib.h>

enum { LOOK_MS = 1000 };

static void watch_close(struct watcher *watcher)
{
    PQfinish(watcher->link); // NULL is fine
    watcher->link = NULL;
    watcher->state = WATCH_GONE;
}

void watch_end(struct play *play)
{
    watch_close(&play->watcher);
    arena_free(&play->watcher.seen);
}

/* ---- connecting: to the very address that the first connection has, so that no name needs to be resolved */

static void drop_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

static void add_parameter(struct parameter *parameters, size_t *count, const char *name, const char *value)
{
    if (value && *value)
        parameters[(*count)++] = (struct parameter){.name = name, .value = value};
}

static void start_link(struct watcher *watcher, struct postgres *postgres)
{
    struct arena_mark mark = arena_mark(&postgres->scratch);
    struct parameter others[4];
    size_t count = 0;
    add_parameter(others, &count, "host", PQhost(postgres->link));
    add_parameter(others, &count, "hostaddr", PQhostaddr(postgres->link));
    add_parameter(others, &count, "port", PQport(postgres->link));
    add_parameter(others, &count, "application_name",
                  arena_printf(&postgres->scratch, "%s (watching)", connect_application(postgres)));
    watcher->link = connect_link(postgres, others, count);
    arena_rewind(&postgres->scratch, mark);
    PQsetNoticeReceiver(watcher->link, drop_notice, NULL);
    watcher->wanted = PGRES_POLLING_WRITING;
    watcher->state = WATCH_CONNECTING;
}

static bool has_come(const struct watcher *watcher, short events)
{
    struct pollfd socket = {.fd = PQsocket(watcher->link), .events = events};
    return socket.fd >= 0 && poll(&socket, 1, 0) > 0;
}

static void go_on_connecting(struct watcher *watcher)
{
    if (!has_come(watcher, watcher->wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT))
        return;
    watcher->wanted = PQconnectPoll(watcher->link);
    if (watcher->wanted != PGRES_POLLING_OK)
        return;
    PQsetnonblocking(watcher->link, 1);
    watcher->state = WATCH_RESTING;
}

/* ---- looking: who is in the way, then how far an index build is */

static void ask(struct watcher *watcher, const struct postgres *postgres, const char *sql, enum watch_state state)
{
    const char *values[] = {postgres->session.pid};
    watcher->state = state;
    if (!PQsendQueryParams(watcher->link, sql, 1, NULL, values, NULL, NULL, 0))
        watch_close(watcher);
}

static void begin_look(struct watcher *watcher, const struct postgres *postgres)
{
    arena_rewind(&watcher->seen, (struct arena_mark){0});
    watcher->watch = (struct op_watch){.percent = -1};
    watcher->looked_ms = clock_ms();
    ask(watcher, postgres, embedded_migrate_database_sql_blockers_sql, WATCH_ASKED_BLOCKERS);
}

static void add_if_known(struct buffer *sentence, const char *before, const char *value)
{
    if (*value)
        buffer_printf(sentence, "%s%s", before, value);
}

static void add_blocker(struct buffer *sentence, const PGresult *result, int row)
{
    enum { PID, APPLICATION, USER, ADDRESS, STATE, SINCE, QUERY };
    const char *pid = PQgetvalue(result, row, PID), *application = PQgetvalue(result, row, APPLICATION);
    if (row > 0)
        buffer_string(sentence, "; ");
    if (strcmp(pid, "0") == 0) {
        buffer_string(sentence, "a prepared transaction");
        return;
    }
    buffer_printf(sentence, "process %s (%s", pid, *application ? application : "another session");
    add_if_known(sentence, ", user ", PQgetvalue(result, row, USER));
    add_if_known(sentence, " at ", PQgetvalue(result, row, ADDRESS));
    buffer_string(sentence, ")");
    add_if_known(sentence, ", ", PQgetvalue(result, row, STATE));
    add_if_known(sentence, " since ", PQgetvalue(result, row, SINCE));
    add_if_known(sentence, ": ", PQgetvalue(result, row, QUERY));
}

static void take_blockers(struct watcher *watcher, const PGresult *result)
{
    struct buffer sentence = {.arena = &watcher->seen};
    for (int row = 0; row < PQntuples(result); row++)
        add_blocker(&sentence, result, row);
    watcher->watch.blockers = sentence.length ? buffer_done(&sentence) : NULL;
}

static void take_progress(struct watcher *watcher, const PGresult *result)
{
    enum { PHASE, BLOCKS_DONE, BLOCKS_TOTAL, PERCENT };
    if (PQntuples(result) == 0)
        return;
    watcher->watch.phase = arena_string(&watcher->seen, PQgetvalue(result, 0, PHASE));
    text_integer(text_of(PQgetvalue(result, 0, BLOCKS_DONE)), &watcher->watch.blocks_done);
    text_integer(text_of(PQgetvalue(result, 0, BLOCKS_TOTAL)), &watcher->watch.blocks_total);
    watcher->watch.percent = strtod(PQgetvalue(result, 0, PERCENT), NULL);
}

static void take_result(struct watcher *watcher, const PGresult *result)
{
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        watch_close(watcher);
        return;
    }
    if (watcher->state == WATCH_ASKED_BLOCKERS)
        take_blockers(watcher, result);
    else
        take_progress(watcher, result);
}

/* true: the answer has been read to its end. */
static bool has_answered(struct watcher *watcher)
{
    PQconsumeInput(watcher->link);
    while (watcher->link && !PQisBusy(watcher->link)) {
        PGresult *result = PQgetResult(watcher->link);
        if (!result)
            return true;
        take_result(watcher, result);
        PQclear(result);
    }
    return false;
}

/* ---- a step */

/* A second is long enough; but who is in the way must be known before lock_timeout ends the waiting. */
static double look_after_ms(const struct postgres *postgres)
{
    int64_t configured_ms = postgres->base.connection->settings->lock_timeout_ms;
    double lock_timeout_ms = configured_ms >= 0 ? (double)configured_ms : POSTGRES_LOCK_TIMEOUT_MS;
    return lock_timeout_ms > 0 && lock_timeout_ms / 2 < LOOK_MS ? lock_timeout_ms / 2 : LOOK_MS;
}

static bool is_worth_a_look(const struct play *play)
{
    return play->batch->watch && !play->has_failed && play->count > 0 && play->watcher.state != WATCH_GONE &&
           clock_ms() - play->answered_ms > look_after_ms(play->postgres);
}

static void tell(struct play *play)
{
    struct op op = pipeline_op(pipeline_first(play));
    if (is_worth_a_look(play))
        play->batch->watch(play->batch->context, &op, &play->watcher.watch);
}

void watch_step(struct play *play)
{
    struct watcher *watcher = &play->watcher;
    if (!is_worth_a_look(play))
        return;
    if (watcher->link && PQstatus(watcher->link) == CONNECTION_BAD) {
        watch_close(watcher);
        return;
    }
    switch (watcher->state) {
    case WATCH_UNOPENED:
        start_link(watcher, play->postgres);
        break;
    case WATCH_CONNECTING:
        go_on_connecting(watcher);
        break;
    case WATCH_RESTING:
        if (clock_ms() - watcher->looked_ms >= LOOK_MS || watcher->looked_ms < play->answered_ms)
            begin_look(watcher, play->postgres);
        break;
    case WATCH_ASKED_BLOCKERS:
        if (has_answered(watcher))
            ask(watcher, play->postgres, embedded_migrate_database_sql_index_progress_sql, WATCH_ASKED_PROGRESS);
        break;
    case WATCH_ASKED_PROGRESS:
        if (has_answered(watcher)) {
            watcher->state = WATCH_RESTING;
            tell(play);
        }
        break;
    case WATCH_GONE:
        break;
    }
}

int watch_socket(const struct play *play, short *events)
{
    const struct watcher *watcher = &play->watcher;
    bool is_silent =
        watcher->state == WATCH_UNOPENED || watcher->state == WATCH_RESTING || watcher->state == WATCH_GONE;
    bool wants_to_write = watcher->state == WATCH_CONNECTING && watcher->wanted != PGRES_POLLING_READING;
    *events = wants_to_write ? POLLOUT : POLLIN;
    return is_silent || !is_worth_a_look(play) ? -1 : PQsocket(watcher->link);
}

void watch_explain(const struct play *play, struct error *err)
{
    const struct watcher *watcher = &play->watcher;
    bool has_seen = watcher->watch.blockers && watcher->looked_ms >= play->answered_ms;
    if (err->code == MIGRATE_LOCK_TIMEOUT && has_seen)
        error_hint(err, "%s In the way: %s.", err->hint, watcher->watch.blockers);
}
