/* probe.c: a server's name, its addresses, and what answers there. */
#include "database/probe.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_MS = 100 };

bool probe_is_interrupted(const struct probe *probe)
{
    return probe->interrupt && atomic_load(probe->interrupt) != 0;
}

static bool interrupted(struct error *err)
{
    return error_set(err, MIGRATE_INTERRUPTED, "interrupted");
}

static int slice_ms(double left_ms)
{
    return left_ms > SLICE_MS ? SLICE_MS : left_ms > 0 ? (int)left_ms + 1 : 0;
}

bool probe_wait(const struct probe *probe, int socket, short event, double deadline_ms)
{
    struct pollfd one = {.fd = socket, .events = event};
    while (clock_ms() < deadline_ms && !probe_is_interrupted(probe))
        if (poll(&one, 1, slice_ms(deadline_ms - clock_ms())) > 0)
            return true;
    return false;
}

/* ---- names
 *
 * getaddrinfo() has no time limit and cannot be called off, so a thread of its own waits for it. Whoever of the two is
 * done last frees what they share. */

struct lookup {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    char *host, *port;
    struct addrinfo *found;
    int status;
    bool is_done, is_left; /* the thread is; the one who asked is */
};

static void lookup_free(struct lookup *lookup)
{
    pthread_cond_destroy(&lookup->changed);
    pthread_mutex_destroy(&lookup->mutex);
    if (lookup->found)
        freeaddrinfo(lookup->found);
    free(lookup->host);
    free(lookup->port);
    free(lookup);
}

/* Answers whether the one who asked has left, and so leaves the rest to us. */
static bool look_up(struct lookup *lookup)
{
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(lookup->host, lookup->port, &wanted, &found);
    pthread_mutex_lock(&lookup->mutex);
    lookup->status = status;
    lookup->found = status == 0 ? found : NULL;
    lookup->is_done = true;
    bool is_last = lookup->is_left;
    pthread_cond_signal(&lookup->changed);
    pthread_mutex_unlock(&lookup->mutex);
    return is_last;
}

static void *look_up_aside(void *context)
{
    if (look_up(context))
        lookup_free(context);
    return NULL;
}

static struct lookup *lookup_start(const char *host, const char *port)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        abort();
    pthread_mutex_init(&lookup->mutex, NULL);
    pthread_cond_init(&lookup->changed, NULL);
    lookup->host = strdup(host);
    lookup->port = strdup(port);
    if (!lookup->host || !lookup->port)
        abort();
    pthread_t thread;
    if (pthread_create(&thread, NULL, look_up_aside, lookup) == 0)
        pthread_detach(thread);
    else
        look_up(lookup); // then without a limit
    return lookup;
}

static void sleep_on(struct lookup *lookup, double milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)(milliseconds * 1e6);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&lookup->changed, &lookup->mutex, &until);
}

static void add_address(const struct probe *probe, const struct addrinfo *info, struct probe_addresses *addresses)
{
    char text[INET6_ADDRSTRLEN + 64];
    struct probe_address address = {.socket = -1, .length = info->ai_addrlen};
    if (info->ai_addrlen > sizeof address.where ||
        getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
        return;
    memcpy(&address.where, info->ai_addr, info->ai_addrlen);
    address.text = arena_string(probe->arena, text);
    ARENA_PUSH(probe->arena, addresses, address);
}

static bool take_lookup(const struct probe *probe, const struct lookup *lookup, struct probe_addresses *addresses,
                        struct error *err)
{
    if (!lookup->is_done && probe_is_interrupted(probe))
        return interrupted(err);
    if (!lookup->is_done) {
        error_set(err, MIGRATE_UNREACHABLE, "the name \"%s\" was not resolved within %.0f s", lookup->host,
                  probe->timeout_ms / 1e3);
        return error_hint(err, "The name servers of this machine do not answer: look at /etc/resolv.conf.");
    }
    if (lookup->status != 0) {
        error_set(err, MIGRATE_UNREACHABLE, "the name \"%s\" is not resolved: %s", lookup->host,
                  gai_strerror(lookup->status));
        return error_hint(err, "Check the spelling, and that the name is known here: names inside a cluster or a VPC "
                               "are not known outside.");
    }
    for (const struct addrinfo *info = lookup->found; info; info = info->ai_next)
        add_address(probe, info, addresses);
    return true;
}

static bool resolve_name(const struct probe *probe, const char *host, const char *port,
                         struct probe_addresses *addresses, struct error *err)
{
    struct lookup *lookup = lookup_start(host, port);
    double deadline_ms = clock_ms() + probe->timeout_ms;
    pthread_mutex_lock(&lookup->mutex);
    while (!lookup->is_done && clock_ms() < deadline_ms && !probe_is_interrupted(probe))
        sleep_on(lookup, SLICE_MS);
    bool ok = take_lookup(probe, lookup, addresses, err);
    lookup->is_left = true;
    bool is_last = lookup->is_done;
    pthread_mutex_unlock(&lookup->mutex);
    if (is_last)
        lookup_free(lookup);
    return ok;
}

/* ---- sockets */

static bool resolve_folder(const struct probe *probe, const char *folder, const char *port,
                           struct probe_addresses *addresses, struct error *err)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    const char *path = arena_printf(probe->arena, "%s/.s.PGSQL.%s", folder, port);
    if (strlen(path) >= sizeof where.sun_path)
        return error_set(err, MIGRATE_UNREACHABLE, "the path of the socket is too long: %s", path);
    memcpy(where.sun_path, path, strlen(path) + 1);
    struct probe_address address = {.text = path, .length = sizeof where, .socket = -1};
    memcpy(&address.where, &where, sizeof where);
    ARENA_PUSH(probe->arena, addresses, address);
    return true;
}

bool probe_resolve(const struct probe *probe, const char *host, const char *port, struct probe_addresses *addresses,
                   struct error *err)
{
    *addresses = (struct probe_addresses){0};
    return (*host == '/' ? resolve_folder : resolve_name)(probe, host, port, addresses, err);
}

/* ---- connecting */

static const char *meaning(const struct probe *probe, int number)
{
    if (number == ETIMEDOUT)
        return arena_printf(probe->arena, "no answer within %.0f s", probe->timeout_ms / 1e3);
    struct error said = {0};
    errno = number;
    error_errno(&said, "%s", "");
    return arena_string(probe->arena, said.message + strlen(": "));
}

static void gave_up(const struct probe *probe, struct probe_address *address, int number)
{
    if (address->socket >= 0)
        close(address->socket);
    address->socket = -1;
    address->problem = meaning(probe, number);
}

static void begin(const struct probe *probe, struct probe_address *address)
{
    address->socket = socket(address->where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (address->socket < 0 ||
        (connect(address->socket, (const struct sockaddr *)&address->where, address->length) != 0 &&
         errno != EINPROGRESS))
        gave_up(probe, address, errno);
}

/* A connection that stands, or one that failed, is writable. */
static void settle(const struct probe *probe, struct probe_address *address, double began_ms)
{
    int number = 0;
    socklen_t size = sizeof number;
    address->took_ms = clock_ms() - began_ms;
    if (getsockopt(address->socket, SOL_SOCKET, SO_ERROR, &number, &size) != 0)
        number = errno;
    if (number)
        gave_up(probe, address, number);
}

bool probe_connect(const struct probe *probe, struct probe_addresses *addresses, struct error *err)
{
    struct pollfd *sockets = ARENA_ARRAY(probe->arena, addresses->count, struct pollfd);
    double began_ms = clock_ms(), deadline_ms = began_ms + probe->timeout_ms;
    size_t pending = 0;
    for (size_t i = 0; i < addresses->count; i++) {
        begin(probe, &addresses->items[i]);
        sockets[i] = (struct pollfd){.fd = addresses->items[i].socket, .events = POLLOUT};
        pending += sockets[i].fd >= 0;
    }
    while (pending && clock_ms() < deadline_ms && !probe_is_interrupted(probe)) {
        poll(sockets, addresses->count, slice_ms(deadline_ms - clock_ms()));
        for (size_t i = 0; i < addresses->count; i++) {
            if (sockets[i].fd < 0 || !sockets[i].revents)
                continue;
            settle(probe, &addresses->items[i], began_ms);
            sockets[i].fd = -1; // poll passes over it
            pending--;
        }
    }
    for (size_t i = 0; i < addresses->count; i++)
        if (sockets[i].fd >= 0)
            gave_up(probe, &addresses->items[i], ETIMEDOUT);
    return probe_is_interrupted(probe) ? interrupted(err) : true;
}

void probe_close(struct probe_addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        if (addresses->items[i].socket >= 0)
            close(addresses->items[i].socket);
        addresses->items[i].socket = -1;
    }
}

/* ---- what answers */

/* How an answer begins, made readable. */
static const char *beginning(const struct probe *probe, const char *bytes, size_t count)
{
    struct buffer text = {.arena = probe->arena};
    for (size_t i = 0; i < count && bytes[i] != '\n' && bytes[i] != '\r'; i++)
        buffer_character(&text, bytes[i] >= ' ' && bytes[i] < 0x7F ? bytes[i] : '?');
    return buffer_done(&text);
}

/* One byte and no more: SSH and SMTP servers speak first, and an S may be no more than how they begin. An E is how
 * PostgreSQL begins an error, such as having no process left. */
static enum probe_answer judge(const char *bytes, ssize_t count)
{
    if (count == 0)
        return PROBE_HANG_UP;
    if (bytes[0] == 'E' && (count == 1 || bytes[1] == '\0'))
        return PROBE_NO_TLS;
    if (count > 1)
        return PROBE_STRANGER;
    return bytes[0] == 'S' ? PROBE_TLS : bytes[0] == 'N' ? PROBE_NO_TLS : PROBE_STRANGER;
}

bool probe_greet(const struct probe *probe, int socket, enum probe_answer *answer, const char **said, struct error *err)
{
    static const char ssl_request[] = {0, 0, 0, 8, 0x04, (char)0xD2, 0x16, 0x2F}; // length, and 1234.5679
    char bytes[40];
    double deadline_ms = clock_ms() + probe->timeout_ms;
    *said = "";
    ssize_t sent = send(socket, ssl_request, sizeof ssl_request, MSG_NOSIGNAL);
    bool came = sent == sizeof ssl_request && probe_wait(probe, socket, POLLIN, deadline_ms);
    if (probe_is_interrupted(probe))
        return interrupted(err);
    *answer = sent < 0 ? PROBE_HANG_UP : PROBE_SILENCE;
    if (!came)
        return true;
    ssize_t count = recv(socket, bytes, sizeof bytes, 0);
    *answer = judge(bytes, count < 0 ? 0 : count);
    *said = beginning(probe, bytes, count < 0 ? 0 : (size_t)count);
    return true;
}
