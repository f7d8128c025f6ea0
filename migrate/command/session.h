/* session.h: a handle, and what every verb does with it: begin, read the folder, reach the database, end.
 *
 * Three arenas: `lasting` until migrate_close() (configuration, connection), `run` and `files` until the next verb. */
#ifndef MIGRATE_COMMAND_SESSION_H
#define MIGRATE_COMMAND_SESSION_H

#include "apply/apply.h"
#include "apply/stored.h"
#include "config/config.h"
#include "script/scripts.h"

struct migrate {
    struct arena lasting;
    struct arena run;
    struct arena files; /* the folder's revisions and their graph: filled by a thread of its own */
    struct migrate_options options;
    struct config config;
    struct error error;
    struct migrate_error shown; /* error, as the public header has it */
    atomic_int interrupt;
    struct connection_settings settings;
    struct address address;
    struct connection connection;
    struct database *database; /* NULL until a verb needed it */
    struct migrate_database about;
};

/* Every verb begins and ends with these: the last verb's results go, this one's error is kept. */
void session_begin(struct migrate *migrate);
enum migrate_code session_end(struct migrate *migrate, bool ok);

void session_observe(struct migrate *migrate, enum migrate_event_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* Are the migrations folders there? */
MUST_CHECK bool session_folders(const struct migrate *migrate, struct error *err);
/* The folder's revisions, connected. An empty folder is a graph of none. */
MUST_CHECK bool session_graph(struct migrate *migrate, struct graph *graph, struct error *err);
/* Which database is meant; without touching it. */
MUST_CHECK bool session_address(struct migrate *migrate, struct error *err);
/* Begins to connect unless there is a connection: files can be read meanwhile. */
MUST_CHECK bool session_connect(struct migrate *migrate, struct error *err);
/* The same, and waits until it is there; unset_ms is the time that nobody else has set. */
MUST_CHECK bool session_wait(struct migrate *migrate, int64_t unset_ms, struct error *err);
/* Names of the tables for the database that session_address() found. */
void session_ledger(struct migrate *migrate, struct ledger *ledger);
/* Version rows, for verbs that only ask, and in *known the folder's graph with what only the database has. Warns of
 * unfinished revisions; an empty folder is a warning without rows and MIGRATE_NO_REVISIONS with them. */
MUST_CHECK bool session_rows(struct migrate *migrate, const struct graph *folder, struct graph *known,
                             struct names *rows, struct error *err);
bool session_is_sqlite(const struct migrate *migrate);
/* What the target names among the folder's revisions, the database asked only if it must be. */
MUST_CHECK bool session_resolve(struct migrate *migrate, const struct graph *graph, const struct target *target,
                                struct indexes *found, struct error *err);
/* The target looked up among the revisions that a git tag held, as a target of this folder. */
MUST_CHECK bool session_tagged_target(struct migrate *migrate, const char *tag, const char *wanted,
                                      struct target *target, struct error *err);

#endif
