/* connect.c: from an address to a connection: one try, more of them while the server is away, and another connection
 * when one was lost.
 *
 * Whether a failure is worth another try is what sqlstate.c's table says: MIGRATE_UNREACHABLE is, all else ends it.
 * libpq resolves the host's name anew at each try; it leaves time limits to us, and with several hosts does not go on
 * to the next while one keeps silent: then we start over with the list turned by one. */
#include "database/postgres.h"

#include "base/clock.h"
#include "database/libpq.h"

#include <poll.h>
#include <stdlib.h>

enum { CONNECT_TIMEOUT_S = 10, SLICE_MS = 100, FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 5000, TELL_MS = 1000 };

/* ---- a link */

static const char *parameter_of(const struct parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->count; i++)
        if (strcmp(parameters->items[i].name, name) == 0)
            return parameters->items[i].value;
    return NULL;
}

static size_t items_of(const char *list)
{
    size_t count = 1;
    for (const char *at = list ? list : ""; *at; at++)
        count += *at == ',';
    return count;
}

static size_t host_count(const struct postgres *postgres)
{
    const struct parameters *given = &postgres->address->parameters;
    const char *hosts = parameter_of(given, "host");
    return items_of(hosts ? hosts : parameter_of(given, "hostaddr"));
}

/* "a,b,c" turned by one is "b,c,a". */
static const char *turned(const char *list, size_t by, struct arena *arena)
{
    const char *first = list;
    for (; by > 0 && strchr(first, ','); by--)
        first = strchr(first, ',') + 1;
    if (first == list)
        return list;
    return arena_printf(arena, "%s,%.*s", first, (int)(first - list - 1), list);
}

static const char *value_of(const struct postgres *postgres, const struct parameter *given, struct arena *arena)
{
    size_t hosts = host_count(postgres);
    bool is_list =
        strcmp(given->name, "host") == 0 || strcmp(given->name, "hostaddr") == 0 || strcmp(given->name, "port") == 0;
    return is_list && hosts > 1 ? turned(given->value, postgres->hosts_silent % hosts, arena) : given->value;
}

const char *connect_application(const struct postgres *postgres)
{
    const char *named = parameter_of(&postgres->address->parameters, "application_name");
    const char *configured = postgres->base.connection->settings->application_name;
    return named ? named : configured ? configured : "migrate";
}

PGconn *connect_link(struct postgres *postgres, const struct parameter *others, size_t count)
{
    const struct parameters *given = &postgres->address->parameters;
    struct arena_mark mark = arena_mark(&postgres->scratch);
    const char **names = ARENA_ARRAY(&postgres->scratch, given->count + count + 3, const char *);
    const char **values = ARENA_ARRAY(&postgres->scratch, given->count + count + 3, const char *);
    size_t at = 0;
    names[at] = "application_name";
    values[at++] = connect_application(postgres);
    for (size_t i = 0; i < given->count; i++) {
        names[at] = given->items[i].name;
        values[at++] = value_of(postgres, &given->items[i], &postgres->scratch);
    }
    for (size_t i = 0; i < count; i++) { // of what is named twice the last one counts
        names[at] = others[i].name;
        values[at++] = others[i].value;
    }
    names[at] = "client_encoding"; // we send what files hold, which is UTF-8
    values[at] = "UTF8";
    PGconn *link = PQconnectStartParams(names, values, 0);
    arena_rewind(&postgres->scratch, mark);
    if (!link)
        abort(); // libpq has no memory
    return link;
}

static void start_link(struct postgres *postgres)
{
    PQfinish(postgres->link); // NULL is fine
    postgres->link = connect_link(postgres, NULL, 0);
    postgres->is_ready = postgres->is_set = false;
    PQsetErrorVerbosity(postgres->link, PQERRORS_VERBOSE); // puts the SQLSTATE of a refusal into its message
    PQsetNoticeReceiver(postgres->link, pipeline_notice, postgres);
}

static int64_t connect_timeout_s(const struct postgres *postgres)
{
    int64_t seconds = postgres->base.connection->settings->connect_timeout_s;
    const char *named = parameter_of(&postgres->address->parameters, "connect_timeout");
    if (named)
        text_integer(text_of(named), &seconds);
    return seconds > 0 ? seconds : CONNECT_TIMEOUT_S;
}

/* ---- one try */

static bool interrupted(struct error *err)
{
    return error_set(err, MIGRATE_INTERRUPTED, "interrupted");
}

double connect_left_ms(const struct trying *trying)
{
    return trying->since_ms + (double)trying->wait_ms - clock_ms();
}

/* What a silent host may take of what is left, the others in its list have to have too. */
static double patience_ms(const struct postgres *postgres, const struct trying *trying)
{
    double allowed_ms = 1e3 * (double)connect_timeout_s(postgres);
    size_t hosts = host_count(postgres);
    double share_ms = connect_left_ms(trying) / (double)(hosts - postgres->hosts_silent % hosts);
    return trying->wait_ms == 0 || allowed_ms < share_ms ? allowed_ms : share_ms;
}

static bool silent(struct postgres *postgres, double waited_ms, struct error *err)
{
    const char *host = PQhost(postgres->link);
    const char *port = PQport(postgres->link);
    postgres->hosts_silent++;
    error_set(err, MIGRATE_UNREACHABLE, "no answer from %s, port %s, within %.3g s", host ? host : "the server",
              port ? port : "?", waited_ms / 1e3);
    return error_hint(err,
                      "Check host, port and the network on the way; on Amazon RDS the security group must let this "
                      "machine in.");
}

static bool socket_is_ready(const struct postgres *postgres, PostgresPollingStatusType wanted, double until_ms)
{
    short events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    struct pollfd socket = {.fd = PQsocket(postgres->link), .events = events};
    double at_most_ms = until_ms - clock_ms();
    return poll(&socket, 1, at_most_ms < SLICE_MS ? (int)at_most_ms + 1 : SLICE_MS) > 0;
}

static bool is_writer(struct postgres *postgres, struct error *err)
{
    PGresult *result = wire_run(postgres, "SELECT pg_is_in_recovery()", 0, NULL);
    bool is_known = PQresultStatus(result) == PGRES_TUPLES_OK;
    bool ok = is_known && strcmp(PQgetvalue(result, 0, 0), "f") == 0;
    if (!is_known)
        error_set(err, MIGRATE_UNREACHABLE, "the server closed the connection at once");
    else if (!ok)
        error_set(err, MIGRATE_UNREACHABLE, "%s, port %s, is a standby: it takes no changes", PQhost(postgres->link),
                  PQport(postgres->link));
    PQclear(result);
    return ok || error_hint(err, "Use the writer's address, or try again when there is one.");
}

/* Time counts from where it is waited: what was done since the link was started is not the server's fault. */
static bool try_once(struct postgres *postgres, const struct trying *trying, struct error *err)
{
    double since_ms = clock_ms(), until_ms = since_ms + patience_ms(postgres, trying);
    bool is_bad = PQstatus(postgres->link) == CONNECTION_BAD;
    PostgresPollingStatusType status = is_bad ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
        if (wire_is_interrupted(postgres))
            return interrupted(err);
        if (clock_ms() > until_ms)
            return silent(postgres, clock_ms() - since_ms, err);
        if (socket_is_ready(postgres, status, until_ms))
            status = PQconnectPoll(postgres->link);
    }
    if (status != PGRES_POLLING_OK)
        return sqlstate_unconnected(postgres->link, err);
    PQsetErrorVerbosity(postgres->link, PQERRORS_DEFAULT);
    PQsetnonblocking(postgres->link, 1);
    if (postgres->needs_writer && !is_writer(postgres, err))
        return false;
    postgres->link_pid = PQbackendPID(postgres->link);
    postgres->is_ready = true;
    return true;
}

/* ---- trying again */

struct trying connect_trying(const struct postgres *postgres)
{
    return (struct trying){
        .since_ms = clock_ms(),
        .wait_ms = postgres->base.connection->wait_ms,
        .pause_ms = FIRST_PAUSE_MS,
        .seed = (unsigned)clock_now_us(),
    };
}

static void tell_why(const struct postgres *postgres, struct trying *trying, const struct error *reason)
{
    const struct connection *connection = postgres->base.connection;
    if (!connection->waiting || (trying->told_ms > 0 && clock_ms() - trying->told_ms < TELL_MS))
        return;
    struct arena arena = {0};
    const char *message =
        arena_printf(&arena, "waiting for the server, %.1f s of %.3g s: %s", (clock_ms() - trying->since_ms) / 1e3,
                     (double)trying->wait_ms / 1e3, reason->message);
    connection->waiting(connection->context, message);
    arena_free(&arena);
    trying->told_ms = clock_ms();
}

/* Jitter, so that pods started together do not knock together. */
static void pause_between_tries(const struct postgres *postgres, struct trying *trying)
{
    double pause_ms = trying->pause_ms * (0.5 + 0.5 * (double)rand_r(&trying->seed) / RAND_MAX);
    double most_ms = connect_left_ms(trying);
    wire_sleep(postgres, pause_ms < most_ms ? pause_ms : most_ms);
    trying->pause_ms *= 2;
    if (trying->pause_ms > LONGEST_PAUSE_MS)
        trying->pause_ms = LONGEST_PAUSE_MS;
}

static bool give_up(const struct trying *trying, const struct error *reason, struct error *err)
{
    *err = *reason;
    if (trying->wait_ms == 0 || reason->code != MIGRATE_UNREACHABLE)
        return false;
    return error_set(err, reason->code, "no connection within %.1f s (%zu %s): %s",
                     (clock_ms() - trying->since_ms) / 1e3, trying->tries, trying->tries == 1 ? "try" : "tries",
                     reason->message);
}

/* What is to be done between two tries. false: there is no other. */
static bool prepare_next(struct postgres *postgres, struct trying *trying, size_t silent_before, struct error *reason)
{
    if (reason->code != MIGRATE_UNREACHABLE)
        return false;
    bool next_host = postgres->hosts_silent > silent_before && postgres->hosts_silent % host_count(postgres) != 0;
    bool may_try = connect_left_ms(trying) > 0;
    if (!may_try && !(next_host && trying->wait_ms == 0))
        return false;
    if (!next_host) {
        tell_why(postgres, trying, reason);
        pause_between_tries(postgres, trying);
        may_try = connect_left_ms(trying) > 0;
    }
    if (wire_is_interrupted(postgres))
        return interrupted(reason);
    return (may_try || next_host) && connect_anew(postgres, reason);
}

bool connect_anew(struct postgres *postgres, struct error *err)
{
    const struct connection *connection = postgres->base.connection;
    if (connection->address_again &&
        !connection->address_again(connection->context, postgres->arena, &postgres->address, err))
        return false;
    start_link(postgres);
    return true;
}

bool connect_within(struct postgres *postgres, struct trying *trying, struct error *err)
{
    struct error reason = {0};
    for (;;) {
        size_t silent_before = postgres->hosts_silent;
        trying->tries++;
        if (try_once(postgres, trying, &reason))
            return true;
        if (!prepare_next(postgres, trying, silent_before, &reason))
            return give_up(trying, &reason, err);
    }
}

bool connect_start(struct postgres *postgres, struct error *err)
{
    if (!libpq_load(err))
        return false;
    postgres->address = postgres->base.connection->address;
    start_link(postgres);
    return true;
}
