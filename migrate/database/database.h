/* database.h: a database to the floors above: opened from an address, asked, locked and played on. Which one it is
 * decides the driver; here nobody asks for its name. */
#ifndef MIGRATE_DATABASE_DATABASE_H
#define MIGRATE_DATABASE_DATABASE_H

#include "database/address.h"
#include "database/batch.h"

#include <stdatomic.h>

struct database;

/* Everything a connection is made from; borrowed until database_close(). */
struct connection {
    const struct address *address;
    const struct connection_settings *settings;
    bool pooler_is_session; /* the configuration vouches for a pooler: pooler = session */
    int64_t wait_ms;        /* keep trying so long while the server is away; 0: one try */
    /* Asked before each further try and each reconnection, because a secret may have been rotated; NULL: the address
     * stays. */
    bool (*address_again)(void *context, struct arena *arena, const struct address **address, struct error *err);
    const atomic_int *interrupt; /* not 0: stop (it is the signal's number, or 1). As long as it is set every question,
                                    lock and play answers MIGRATE_INTERRUPTED; whoever has work left resets it. May be
                                    NULL */
    /* Called while waiting for the lock, at most once a second: who holds it, as a sentence. May be NULL. */
    void (*waiting)(void *context, const char *message);
    void *context;
};

/* Begins to connect without waiting for the answer, so that files can be read meanwhile. */
MUST_CHECK bool database_start(const struct connection *connection, struct arena *arena, struct database **database,
                               struct error *err);
/* Waits until connected, within connect_timeout_s. Codes: MIGRATE_UNREACHABLE, MIGRATE_AUTHENTICATION,
 * MIGRATE_PERMISSION, MIGRATE_NO_SUCH_DATABASE, MIGRATE_TLS, MIGRATE_FILE. Asking does it when it was not done. */
MUST_CHECK bool database_ready(struct database *database, struct error *err);
/* NULL is fine. */
void database_close(struct database *database);

const char *database_dialect(const struct database *database); /* "postgresql", "sqlite" */
bool database_is_file(const struct database *database);

/* A SELECT (or other statement) with values; $1, $2 ... for parameters on every database, first used in that order. */
struct question {
    const char *sql;
    struct value values[OP_VALUES_MAX];
    size_t value_count;
    bool may_be_missing; /* a table that does not exist is an answer: rows.is_missing */
};

/* cell = cells[row * columns + column]; NULL is SQL's NULL. Text, in UTF-8, in the arena. */
struct rows {
    const char **cells;
    size_t count;
    size_t columns;
    bool is_missing; /* the table is not there */
};

static inline const char *rows_cell(const struct rows *rows, size_t row, size_t column)
{
    return rows->cells[row * rows->columns + column];
}

/* Asks all questions in one round trip, each a transaction of its own (while a lock's transaction is open on SQLite: in
 * it). answers[count]. Stops at the first refusal. A connection that is lost meanwhile is had back within wait_ms, and
 * all are asked again: only what may be asked twice is a question. */
MUST_CHECK bool database_ask(struct database *database, const struct question *questions, size_t count,
                             struct arena *arena, struct rows *answers, struct error *err);

/* Takes the migration lock. PostgreSQL: a session advisory lock, its key made from `name`, polled. SQLite: BEGIN
 * IMMEDIATE, which opens the transaction that the run is played in. A lost connection is had back within the
 * connection's wait_ms. MIGRATE_LOCKED with who holds it; MIGRATE_POOLER. */
MUST_CHECK bool database_lock(struct database *database, const char *name, int64_t wait_ms, struct error *err);
/* Lets go. SQLite: rolls back what is open. */
void database_unlock(struct database *database);

/* After MIGRATE_LOST: connects anew within wait_ms, ends the former session by its pid, and takes the lock again if it
 * was held, which proves that the former session is gone: only then is what the version rows say believed. MIGRATE_LOST
 * if it cannot be had back. A database that is a file has nothing to do. */
MUST_CHECK bool database_reconnect(struct database *database, struct error *err);

/* Plays the batch in order; stops at the first refusal. *played says what stands, also after a failure.
 * Afterwards no transaction is open (SQLite: nor the lock's one). Codes: MIGRATE_REFUSED with SQLSTATE and, in *played,
 * the place; MIGRATE_PERMISSION, MIGRATE_LOST, MIGRATE_INTERRUPTED, MIGRATE_LOCK_TIMEOUT, what batch->next said. */
MUST_CHECK bool database_play(struct database *database, const struct batch *batch, struct played *played,
                              struct error *err);

/* How the connection came about. */
struct database_about {
    const char *host, *port;               /* that were connected to; a folder is a socket's; NULL: a file */
    const char *tls_protocol, *tls_cipher; /* "TLSv1.3"; NULL: not encrypted */
    bool is_pooled;                        /* another backend answers than was connected to; known once one was asked */
};
void database_about(const struct database *database, struct arena *arena, struct database_about *about);

/* The connection as the variables (PGHOST, PGPASSWORD ...) by which PostgreSQL's own programs reach the same place;
 * with the password. None for a file. */
struct parameters database_environment(const struct database *database, struct arena *arena);

/* Copies a database that is a file into `path`, which is there and empty, and has it on disk. It holds what had been
 * committed; while the lock is held nobody adds to that. MIGRATE_FILE, MIGRATE_INTERRUPTED; MIGRATE_USAGE if the
 * database is no file. */
MUST_CHECK bool database_copy(struct database *database, const char *path, struct error *err);

/* "name" with quotes doubled: the one place where an identifier becomes SQL. Both databases read it the same. */
const char *identifier_quote(const char *name, struct arena *arena);
/* 'text' with quotes doubled, for printed scripts only; E'' where PostgreSQL needs it for a backslash. */
const char *literal_quote(struct text text, bool is_postgresql, struct arena *arena);

/* The third player: prints the batch as a script instead of running it. */
struct printer {
    bool is_postgresql;
    bool (*write)(void *context, const char *bytes, size_t size_bytes);
    void *context;
};
/* Values become literals, OP_EXPECT_ONE on PostgreSQL a statement that fails by itself, OP_BEGIN and OP_COMMIT
 * themselves. */
MUST_CHECK bool print_play(const struct printer *printer, const struct batch *batch, struct error *err);

#endif
