/* sqlite_copy.c: a copy of an SQLite file by SQLite's online backup.
 *
 * The file is read through a connection of its own: the one that holds the lock has a transaction open for writing,
 * from which SQLite makes no backup. Readers are let in beside it, in rollback and in WAL mode, and nobody else may
 * write: so the copy is what the run begins with. */
#include "database/sqlite.h"

#include "base/clock.h"

#include <sqlite3.h>
#include <stdlib.h>

enum { PAGES_AT_ONCE = 256, BUSY_PAUSE_MS = 25, BUSY_WAIT_MS = 5000 };

struct copying {
    const char *from, *to;
    const atomic_int *interrupt;
    sqlite3 *source, *target;
};

static bool failed(sqlite3 *file, const struct copying *copying, struct error *err)
{
    return error_set(err, MIGRATE_FILE, "%s could not be copied to %s: %s", copying->from, copying->to,
                     sqlite3_errmsg(file));
}

static bool open_one(const char *path, sqlite3 **file, const struct copying *copying, struct error *err)
{
    if (sqlite3_open_v2(path, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
        return true;
    if (!*file)
        abort(); // no memory
    return failed(*file, copying, err);
}

/* A piece at a time, so that an interrupt is seen. */
static bool copy_pages(const struct copying *copying, sqlite3_backup *backup, struct error *err)
{
    double busy_since_ms = clock_ms();
    for (;;) {
        if (copying->interrupt && atomic_load(copying->interrupt) != 0)
            return error_set(err, MIGRATE_INTERRUPTED, "interrupted");
        int status = sqlite3_backup_step(backup, PAGES_AT_ONCE);
        if (status == SQLITE_DONE)
            return true;
        bool is_busy = status == SQLITE_BUSY || status == SQLITE_LOCKED;
        if (status != SQLITE_OK && (!is_busy || clock_ms() - busy_since_ms > BUSY_WAIT_MS))
            return error_set(err, MIGRATE_FILE, "%s could not be copied to %s: %s", copying->from, copying->to,
                             sqlite3_errstr(status));
        if (is_busy)
            clock_sleep_ms(BUSY_PAUSE_MS);
        else
            busy_since_ms = clock_ms();
    }
}

/* The copy's own journal would only stay behind if we were killed; a half-written copy is thrown away in any case. */
static bool copy(const struct copying *copying, struct error *err)
{
    if (sqlite3_exec(copying->target, "PRAGMA journal_mode = MEMORY", NULL, NULL, NULL) != SQLITE_OK)
        return failed(copying->target, copying, err);
    sqlite3_backup *backup = sqlite3_backup_init(copying->target, "main", copying->source, "main");
    if (!backup)
        return failed(copying->target, copying, err);
    bool ok = copy_pages(copying, backup, err);
    bool finished = sqlite3_backup_finish(backup) == SQLITE_OK;
    return ok && (finished || failed(copying->target, copying, err));
}

bool sqlite_copy(struct database *database, const char *path, struct error *err)
{
    const struct connection *connection = database->connection;
    struct copying copying = {.from = connection->address->file, .to = path, .interrupt = connection->interrupt};
    bool ok = open_one(copying.from, &copying.source, &copying, err) &&
              open_one(copying.to, &copying.target, &copying, err) && copy(&copying, err);
    sqlite3_close(copying.target);
    sqlite3_close(copying.source);
    return ok;
}
