/* sqlite.h: what the files of the SQLite driver share, and nobody else includes.
 *
 *   sqlite.c        opening a file, asking it, locking it
 *   sqlite_play.c   playing a batch
 *   sqlite_copy.c   a copy of a file while it is in use
 *   foreign_keys.c  what a transaction broke (foreign_keys.h)
 */
#ifndef MIGRATE_DATABASE_SQLITE_H
#define MIGRATE_DATABASE_SQLITE_H

#include "database/driver.h"

#include <sqlite3.h>

enum { KEPT_MAX = 32 };

/* A statement of ours, compiled once. */
struct kept {
    char *sql; /* malloc; NULL: free slot */
    size_t length;
    sqlite3_stmt *statement;
};

struct sqlite {
    struct database base;
    sqlite3 *file;
    const char *path;
    bool is_stand_in; /* `file` is an empty database in memory: there is no file yet */
    bool is_tidying;  /* an interrupt has been obeyed: what is left to do is not to be interrupted again */
    bool has_lock;    /* a transaction of ours is open */
    int64_t wait_ms;  /* how long to wait for others */
    double busy_since_ms;
    double told_ms; /* when `waiting` was last called */
    struct kept kept[KEPT_MAX];
    size_t kept_count; /* so far */
};

/* Was the run asked to stop? Not while what it began is being tidied up. */
bool sqlite_is_interrupted(const struct sqlite *sqlite);
/* What SQLite itself says is wrong, with the code that follows from it; always false. */
bool sqlite_failed(const struct sqlite *sqlite, struct error *err);

/* One statement of ours, whose text comes again: compiled once. */
MUST_CHECK bool sqlite_run(struct sqlite *sqlite, const char *sql, struct error *err);
MUST_CHECK bool sqlite_run_kept(struct sqlite *sqlite, struct text sql, const struct value *values, size_t count,
                                struct error *err);

/* The file itself, in place of what stands in for it; an error if it may only be read. */
MUST_CHECK bool sqlite_open_for_change(struct sqlite *sqlite, struct error *err);
/* The transaction around a run, which is the lock too. */
MUST_CHECK bool sqlite_begin_run(struct sqlite *sqlite, struct error *err);

/* See database_play(), database_copy(). */
MUST_CHECK bool sqlite_play(struct database *database, const struct batch *batch, struct played *played,
                            struct error *err);
MUST_CHECK bool sqlite_copy(struct database *database, const char *path, struct error *err);

#endif
