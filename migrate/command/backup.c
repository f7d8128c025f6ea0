/* backup.c: a way back, written before a database is changed: a copy of an SQLite file, or what pg_dump makes of a
 * PostgreSQL database.
 *
 * It is taken under the lock, so that it holds what the run began with, and only when something is going to run. It
 * grows as FILE.partial and gets its name when it is whole and on disk: a file without that ending is a backup. Nothing
 * is ever overwritten, but a .partial that an earlier run left. */
#include "command/backup.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* "20261120T120000Z" */
static const char *compact_time(int64_t time_us, struct arena *arena)
{
    struct buffer compact = {.arena = arena};
    for (const char *at = clock_rfc3339(time_us / 1000000 * 1000000, arena); *at; at++)
        if (*at != '-' && *at != ':')
            buffer_character(&compact, *at);
    return buffer_done(&compact);
}

/* Whoever may not read the database may not read its backup. */
static mode_t mode_of(const struct backup *backup)
{
    struct stat about;
    bool is_known = session_is_sqlite(backup->migrate) && stat(backup->migrate->address.file, &about) == 0;
    return is_known ? about.st_mode & 0777 : 0600;
}

static bool make_empty(const char *path, mode_t mode, struct error *err)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return error_errno(err, "cannot replace %s", path);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0)
        return error_errno(err, "cannot write %s", path);
    bool ok = fchmod(file, mode) == 0 || error_errno(err, "cannot write %s", path); // whatever the umask says
    close(file);
    return ok;
}

static bool fill(const struct backup *backup, const char *path, struct error *err)
{
    struct migrate *migrate = backup->migrate;
    return session_is_sqlite(migrate) ? database_copy(migrate->database, path, err)
                                      : dump_postgresql(migrate, path, backup->with_data, err);
}

/* Looked at before the work as well as after it. */
static bool is_free(const char *path, struct error *err)
{
    if (!file_exists(path))
        return true;
    error_set(err, MIGRATE_FILE, "the backup would be written to %s, which exists already", path);
    return error_hint(err, "Name another file; a backup overwrites nothing.");
}

static bool write_backup(const struct backup *backup, struct error *err)
{
    const char *partial = arena_printf(&backup->migrate->run, "%s.partial", backup->path);
    if (!is_free(backup->path, err) || !make_empty(partial, mode_of(backup), err))
        return false;
    bool ok = fill(backup, partial, err) && file_place(partial, backup->path, err);
    if (!ok)
        unlink(partial);
    if (!ok && err->code == MIGRATE_FILE_EXISTS)
        err->code = MIGRATE_FILE; // it is no revision file
    return ok;
}

/* A file that the lock has just created has nothing in it to go back to. */
static bool is_new_file(const struct migrate *migrate)
{
    struct stat about;
    return session_is_sqlite(migrate) && stat(migrate->address.file, &about) == 0 && about.st_size == 0;
}

static bool before_the_change(void *context, struct error *err)
{
    const struct backup *backup = context;
    if (backup->outcome->backup)
        return true; // a retry: nothing has changed since
    if (is_new_file(backup->migrate)) {
        session_observe(backup->migrate, MIGRATE_EVENT_LOG, "no backup: the database is new");
        return true;
    }
    if (!write_backup(backup, err)) {
        error_outcome(err, "nothing was changed.");
        return false;
    }
    backup->outcome->backup = backup->path;
    session_observe(backup->migrate, MIGRATE_EVENT_LOG, "backup: %s", backup->path);
    return true;
}

/* Only a run that has something to do looks whether there is such a file. */
static bool choose_path(struct migrate *migrate, const char *wanted, const char **path, struct error *err)
{
    bool is_sqlite = session_is_sqlite(migrate);
    *path = wanted;
    if (is_sqlite && strcmp(migrate->address.file, ":memory:") == 0)
        return error_set(err, MIGRATE_USAGE, "a database in memory has no file to back up");
    if (*wanted == '\0' && !is_sqlite) {
        error_set(err, MIGRATE_USAGE, "a backup of a PostgreSQL database needs a file to go to");
        return error_hint(err, "Name it: --backup=FILE. `pg_restore` reads it.");
    }
    if (*wanted == '\0')
        *path = arena_printf(&migrate->run, "%s.%s.bak", migrate->address.file,
                             compact_time(clock_now_us(), &migrate->run));
    return true;
}

bool backup_plan(struct migrate *migrate, const struct migrate_change_options *options, struct migrate_outcome *outcome,
                 struct backup *backup, struct change *change, struct error *err)
{
    if (!options->backup)
        return !options->backup_data ||
               error_set(err, MIGRATE_USAGE, "--backup-data says what goes into a backup, and needs --backup");
    *backup = (struct backup){.migrate = migrate, .with_data = options->backup_data, .outcome = outcome};
    if (options->dry_run)
        return true;
    change->before = before_the_change;
    change->before_context = backup;
    return choose_path(migrate, options->backup, &backup->path, err);
}
