/* postgres.h: what the files of the PostgreSQL driver share, and nobody else includes.
 *
 *   sqlstate.c  what an error of the server's or of a connection means to us, as one table
 *   wire.c      waiting on the socket: nothing here ever blocks where an interrupt is not seen
 *   connect.c   one try, more of them while the server is away
 *   postgres.c  settings, asking, the lock, going on after a lost connection
 *   about.c     what there is to know of a connection
 *   pipeline.c  sending messages without waiting, and telling which answer is whose
 *   play.c      playing a batch: operations as messages
 *   watch.c     a second connection that looks at what an operation waits for
 */
#ifndef MIGRATE_DATABASE_POSTGRES_H
#define MIGRATE_DATABASE_POSTGRES_H

#include "database/driver.h"

#include <libpq-fe.h>

enum { PREPARED_MAX = 32, FORMER_MAX = 4, POSTGRES_LOCK_TIMEOUT_MS = 5000 };

/* A statement the server keeps for this session, found again by its text. */
struct prepared {
    char *sql; /* malloc; NULL: free slot */
    size_t length;
    unsigned number;   /* its name is migrate_NUMBER; a number is never used twice */
    bool is_confirmed; /* the server has answered that it is there */
};

/* A session as the server knows it: a pid may be used again, a pid and its start may not. */
struct session {
    const char *pid;
    const char *since;
};

struct postgres {
    struct database base;
    struct arena *arena;           /* the database's own */
    struct arena scratch;          /* what a message is made from; empty between messages */
    const struct address *address; /* the one in use: a secret may have been rotated since */
    PGconn *link;
    size_t hosts_silent; /* tries that ended in silence: of several hosts the next one comes first */
    bool is_ready;
    bool needs_writer; /* a standby is no better than a server that is away */
    bool is_given_up;  /* lost, and not to be had back */
    bool is_tidying;   /* an interrupt has been obeyed: what is left to do is not to be interrupted again */

    const char *settings;       /* one SELECT that makes all settings of ours */
    const char *settings_again; /* likewise, for OP_RESET */
    bool is_set;                /* the session has them */
    int link_pid;               /* as the connection said when it began; libpq forgets it when it breaks */
    struct session session;     /* as the server says */
    const char *database_name;
    bool is_standby;
    struct session former[FORMER_MAX]; /* lost ones that may still be there */
    size_t former_count;

    bool holds_lock;
    bool lost_lock; /* it was held when the connection broke */
    const char *lock_name;
    int64_t lock_wait_ms;
    const char *key_upper, *key_lower; /* of the lock, as pg_locks shows it */

    struct prepared prepared[PREPARED_MAX];
    unsigned prepared_count; /* so far, the forgotten ones too */
    struct play *play;       /* while playing: whom a notice is for */
};

/* ---- sqlstate.c */

/* Fills the error from a refused statement. we_cancelled: a cancelled statement is MIGRATE_INTERRUPTED. */
bool sqlstate_refused(const PGresult *result, bool we_cancelled, struct error *err);
/* Fills the error from a connection that could not be made. */
bool sqlstate_unconnected(const PGconn *link, struct error *err);
/* Fills the error from a connection that broke. */
bool sqlstate_lost(const PGconn *link, struct error *err);
bool sqlstate_is(const PGresult *result, const char *sqlstate);

/* ---- connect.c */

/* Tries to connect, and how long they may take together. */
struct trying {
    double since_ms; /* by clock_ms() */
    int64_t wait_ms; /* 0: one try */
    double told_ms;  /* when `waiting` was last called */
    double pause_ms;
    size_t tries;
    unsigned seed;
};

/* Loads libpq and starts the first link. */
MUST_CHECK bool connect_start(struct postgres *postgres, struct error *err);
struct trying connect_trying(const struct postgres *postgres);
double connect_left_ms(const struct trying *trying); /* not more than 0: the time is up */
/* Until the link that was started is ready, or one after it. MIGRATE_UNREACHABLE when the time is up; whatever else is
 * wrong ends it at once. */
MUST_CHECK bool connect_within(struct postgres *postgres, struct trying *trying, struct error *err);
/* Starts another link in the place of this one, the address asked for again. */
MUST_CHECK bool connect_anew(struct postgres *postgres, struct error *err);
/* A link to where `postgres` is connected, started and the caller's to finish; `others` count before the address's. */
PGconn *connect_link(struct postgres *postgres, const struct parameter *others, size_t count);
/* The name that sessions of ours go by. */
const char *connect_application(const struct postgres *postgres);

/* ---- wire.c */

bool wire_is_interrupted(const struct postgres *postgres);
bool wire_is_broken(const struct postgres *postgres);
/* Writes what is waiting to be written and sleeps until the server has sent something, at most so long and at most a
 * slice in which an interrupt may go unseen; then reads. Broken connections are for the caller to see. */
void wire_wait(struct postgres *postgres, double at_most_ms);
/* Asks the server to stop what it runs. Once is not enough: a cancel that arrives between two statements is
 * swallowed. */
void wire_cancel(struct postgres *postgres);
/* Like PQgetResult(), which it waits for; an interrupt is passed on to the server until it answers. */
PGresult *wire_result(struct postgres *postgres);
/* One statement outside pipeline mode: its last result, or its error; NULL if it could not be sent. Values end in
 * NUL. */
PGresult *wire_run(struct postgres *postgres, const char *sql, int value_count, const char *const *values);
/* Sleeps, unless interrupted. */
void wire_sleep(const struct postgres *postgres, double milliseconds);
/* Copies of the values that end in NUL, as libpq wants them; in the scratch arena. */
const char *const *wire_values(struct postgres *postgres, const struct value *values, size_t count);

/* Does something stand in between, so that the session is not ours to keep? */
bool postgres_is_pooled(const struct postgres *postgres);

/* ---- about.c */

void postgres_about(const struct database *database, struct arena *arena, struct database_about *about);
struct parameters postgres_environment(const struct database *database, struct arena *arena);

/* ---- pipeline.c, play.c */

/* libpq's notice receiver; context is the struct postgres. */
void pipeline_notice(void *context, const PGresult *result);
/* The statements that the server keeps, or those of which it never said that it does, are sent anew from here on. */
void pipeline_forget_prepared(struct postgres *postgres, bool only_unconfirmed);
MUST_CHECK bool play_batch(struct postgres *postgres, const struct batch *batch, struct played *played,
                           struct error *err);

#endif
