/* wire.c: waiting for PostgreSQL. The socket never blocks; whoever waits, waits here, in slices short enough that an
 * interrupt is seen in time and that bytes which TLS holds back are read although the socket is silent. */
#include "database/pipeline.h"

#include "base/clock.h"

#include <poll.h>

enum { SLICE_MS = 100, CANCEL_AGAIN_MS = 5 };

bool wire_is_interrupted(const struct postgres *postgres)
{
    const atomic_int *interrupt = postgres->base.connection->interrupt;
    return interrupt && !postgres->is_tidying && atomic_load(interrupt) != 0;
}

bool wire_is_broken(const struct postgres *postgres)
{
    return PQstatus(postgres->link) == CONNECTION_BAD;
}

void wire_wait(struct postgres *postgres, double at_most_ms)
{
    int left = PQflush(postgres->link);
    struct pollfd sockets[2] = {{.fd = PQsocket(postgres->link), .events = POLLIN}, {.fd = -1}};
    if (left > 0)
        sockets[0].events |= POLLOUT;
    if (postgres->play)
        sockets[1].fd = watch_socket(postgres->play, &sockets[1].events);
    double slice_ms = at_most_ms < SLICE_MS ? at_most_ms : SLICE_MS;
    if (sockets[0].fd >= 0)
        poll(sockets, 2, slice_ms > 0 ? (int)slice_ms : 0); // a signal cuts it short, which is what we want
    PQconsumeInput(postgres->link);
    if (postgres->play)
        watch_step(postgres->play);
}

void wire_cancel(struct postgres *postgres)
{
    char why[256];
    PGcancel *cancel = PQgetCancel(postgres->link);
    if (cancel)
        PQcancel(cancel, why, sizeof why); // a failure is no news: the next one may work, or the answer comes
    PQfreeCancel(cancel);
}

PGresult *wire_result(struct postgres *postgres)
{
    while (PQisBusy(postgres->link) && !wire_is_broken(postgres)) {
        bool interrupted = wire_is_interrupted(postgres);
        if (interrupted)
            wire_cancel(postgres);
        wire_wait(postgres, interrupted ? CANCEL_AGAIN_MS : SLICE_MS);
    }
    return PQgetResult(postgres->link);
}

PGresult *wire_run(struct postgres *postgres, const char *sql, int value_count, const char *const *values)
{
    if (!PQsendQueryParams(postgres->link, sql, value_count, NULL, values, NULL, NULL, 0))
        return NULL;
    PGresult *last = NULL;
    for (PGresult *result = wire_result(postgres); result; result = wire_result(postgres)) {
        PQclear(last);
        last = result;
    }
    return last;
}

void wire_sleep(const struct postgres *postgres, double milliseconds)
{
    double until_ms = clock_ms() + milliseconds;
    for (double left_ms = milliseconds; left_ms > 0 && !wire_is_interrupted(postgres); left_ms = until_ms - clock_ms())
        clock_sleep_ms(left_ms < SLICE_MS ? left_ms : SLICE_MS);
}

const char *const *wire_values(struct postgres *postgres, const struct value *values, size_t count)
{
    const char **copies = ARENA_ARRAY(&postgres->scratch, count + 1, const char *);
    for (size_t i = 0; i < count; i++)
        copies[i] = values[i].text ? arena_copy(&postgres->scratch, values[i].text, values[i].length) : NULL;
    return copies;
}
