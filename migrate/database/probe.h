/* probe.h: reaching a server step by step, as a person looks for what is in the way: its name, its port, what answers
 * there, and with whose certificate. Each step ends within the time it is given, whatever the other side does. */
#ifndef MIGRATE_DATABASE_PROBE_H
#define MIGRATE_DATABASE_PROBE_H

#include "base/text.h"

#include <stdatomic.h>
#include <sys/socket.h>

struct probe {
    double timeout_ms; /* of each step */
    const atomic_int *interrupt;
    struct arena *arena;
};

/* One place that a host's name stands for. */
struct probe_address {
    const char *text; /* "10.0.1.5", "::1", or the path of a socket */
    struct sockaddr_storage where;
    socklen_t length;
    int socket;          /* -1: not connected */
    const char *problem; /* why not; NULL: nothing was tried, or it is connected */
    double took_ms;
};

struct probe_addresses {
    struct probe_address *items;
    size_t count;
    size_t capacity;
};

/* What a host's name stands for; a host that begins with / is a folder with a socket in it. MIGRATE_UNREACHABLE,
 * MIGRATE_INTERRUPTED. */
MUST_CHECK bool probe_resolve(const struct probe *probe, const char *host, const char *port,
                              struct probe_addresses *addresses, struct error *err);
/* Connects to all of them at once; each says what became of it. MIGRATE_INTERRUPTED. */
MUST_CHECK bool probe_connect(const struct probe *probe, struct probe_addresses *addresses, struct error *err);
/* Closes what probe_connect() opened. */
void probe_close(struct probe_addresses *addresses);

enum probe_answer {
    PROBE_TLS,      /* PostgreSQL, which takes TLS: the next thing it expects is a handshake */
    PROBE_NO_TLS,   /* PostgreSQL without TLS */
    PROBE_SILENCE,  /* nothing within the time */
    PROBE_HANG_UP,  /* it closed the connection */
    PROBE_STRANGER, /* something that is not PostgreSQL */
};

/* Asks for TLS as a client of PostgreSQL does, and looks at the one byte that comes back. *said is how a stranger's
 * answer begins. MIGRATE_INTERRUPTED. */
MUST_CHECK bool probe_greet(const struct probe *probe, int socket, enum probe_answer *answer, const char **said,
                            struct error *err);

struct probe_trust {
    const char *host;      /* that the certificate should name */
    const char *root_file; /* "system" or NULL: the system's roots */
    const char *cert_file; /* our own; NULL: none */
    const char *key_file;
};

struct probe_certificate {
    const char *protocol, *cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384" */
    const char *subject, *issuer;  /* "CN=db.example.com" */
    const char *names;             /* the hosts it was issued for: "db.example.com, 10.0.1.5" */
    const char *root;              /* subject of the root that vouches for it; NULL: none does */
    const char *distrust;          /* why none does; NULL: it is trusted. Dates are left to the two below */
    bool is_for_host;
    int64_t begins_us, ends_us; /* of the certificate itself */
};

/* Shakes hands behind PROBE_TLS, refusing no certificate, and tells what there is to know of it. MIGRATE_TLS,
 * MIGRATE_FILE (a root file that cannot be read), MIGRATE_INTERRUPTED. */
MUST_CHECK bool probe_certificate(const struct probe *probe, int socket, const struct probe_trust *trust,
                                  struct probe_certificate *certificate, struct error *err);

/* ---- for the files of the probe */

/* Waits for one event of poll(2); false: the time is up, or an interrupt came. */
bool probe_wait(const struct probe *probe, int socket, short event, double deadline_ms);
bool probe_is_interrupted(const struct probe *probe);

#endif
