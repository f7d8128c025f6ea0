/* delay.c: a TCP proxy that holds every byte back for a while, as a longer wire would.
 *
 *     delay PORT MICROSECONDS
 *
 * listens on a free port of the loopback, prints it, and passes each connection on to 127.0.0.1:PORT; what it reads is
 * passed on MICROSECONDS later, in each direction. Bandwidth stays what it was: what comes meanwhile waits in line and
 * is not delayed again. It ends when its standard input does. One process a connection, which sleeps in ppoll() until
 * the next piece is due. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECES = 512, PIECE_BYTES = 16384 };

/* What one read() brought, on its way. size 0: the end. */
struct piece {
    int64_t due_ns;
    size_t size;
    size_t sent;
    char bytes[PIECE_BYTES];
};

/* One direction of a connection: a ring of pieces, the oldest at `first`. */
struct wire {
    int from;
    int to;
    size_t first;
    size_t count;
    bool ended;    /* nothing more will be read */
    bool finished; /* and all of it has been passed on */
    struct piece pieces[PIECES];
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void take(struct wire *wire, int64_t delay_ns)
{
    struct piece *piece = &wire->pieces[(wire->first + wire->count) % PIECES];
    ssize_t size = recv(wire->from, piece->bytes, sizeof piece->bytes, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    piece->size = size > 0 ? (size_t)size : 0;
    piece->sent = 0;
    piece->due_ns = now_ns() + delay_ns;
    wire->ended = size <= 0;
    wire->count++;
}

/* Passes on what is due. */
static void pass(struct wire *wire)
{
    while (wire->count > 0 && wire->pieces[wire->first].due_ns <= now_ns()) {
        struct piece *piece = &wire->pieces[wire->first];
        if (piece->size == 0) {
            shutdown(wire->to, SHUT_WR);
            wire->finished = true;
        }
        while (piece->sent < piece->size) {
            ssize_t sent =
                send(wire->to, piece->bytes + piece->sent, piece->size - piece->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent < 0 && (errno == EAGAIN || errno == EINTR))
                return;
            if (sent < 0) { // nobody listens there any more
                wire->ended = wire->finished = true;
                return;
            }
            piece->sent += (size_t)sent;
        }
        wire->first = (wire->first + 1) % PIECES;
        wire->count--;
    }
}

/* What to wait for, and until when: sets the two poll entries of this direction. */
static void arrange(const struct wire *wire, struct pollfd *reading, struct pollfd *writing, int64_t *wake_ns)
{
    *reading = (struct pollfd){.fd = wire->ended || wire->count == PIECES ? -1 : wire->from, .events = POLLIN};
    *writing = (struct pollfd){.fd = -1, .events = POLLOUT};
    if (wire->count == 0 || wire->finished)
        return;
    int64_t due_ns = wire->pieces[wire->first].due_ns;
    if (due_ns <= now_ns())
        writing->fd = wire->to;
    else if (due_ns < *wake_ns)
        *wake_ns = due_ns;
}

static void serve(int client, int server, int64_t delay_ns)
{
    struct wire *wires = calloc(2, sizeof *wires);
    if (wires == NULL)
        return;
    wires[0].from = wires[1].to = client;
    wires[0].to = wires[1].from = server;
    while (!wires[0].finished || !wires[1].finished) {
        struct pollfd fds[4];
        int64_t wake_ns = INT64_MAX;
        for (size_t i = 0; i < 2; i++)
            arrange(&wires[i], &fds[2 * i], &fds[2 * i + 1], &wake_ns);
        int64_t rest_ns = wake_ns == INT64_MAX ? 0 : wake_ns - now_ns();
        struct timespec rest = {.tv_sec = rest_ns > 0 ? rest_ns / 1000000000 : 0,
                                .tv_nsec = rest_ns > 0 ? rest_ns % 1000000000 : 0};
        ppoll(fds, 4, wake_ns == INT64_MAX ? NULL : &rest, NULL);
        for (size_t i = 0; i < 2; i++) {
            if (fds[2 * i].fd >= 0 && fds[2 * i].revents != 0)
                take(&wires[i], delay_ns);
            pass(&wires[i]);
        }
    }
    free(wires);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    perror("delay: connect");
    exit(1);
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        perror("delay: listen");
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    int64_t delay_ns = strtoll(argv[2], NULL, 10) * 1000;
    signal(SIGCHLD, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000UL); // ppoll() may oversleep 50 microseconds by default
    int listener = listen_somewhere();
    struct pollfd fds[2] = {{.fd = listener, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
        if (fds[1].revents != 0)
            return 0;
        int client = fds[0].revents != 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (client < 0)
            continue;
        if (fork() == 0) {
            int server = connect_to(port), yes = 1;
            setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            serve(client, server, delay_ns);
            _exit(0);
        }
        close(client);
    }
    return 1;
}
