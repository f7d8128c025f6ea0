/* doctor_file.c: an SQLite file: may it be written, is it whole, is somebody else at it? */
#include "command/doctor.h"

#include "base/file.h"

#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN_MAX = 5, LOCK_WAIT_MS = 1000 };

static const char *path_of(const struct visit *visit)
{
    return visit->migrate->address.file;
}

static bool is_in_memory(const struct visit *visit)
{
    return strcmp(path_of(visit), ":memory:") == 0;
}

/* There is a file to look into. */
static bool has_file(struct visit *visit, const char *name)
{
    if (file_exists(path_of(visit)))
        return true;
    visit_note(visit, name, MIGRATE_HEALTH_SKIPPED, NULL, "there is no file yet");
    return false;
}

static void look_at_file(struct visit *visit)
{
    static const char name[] = "file";
    struct stat about;
    const char *path = path_of(visit);
    if (is_in_memory(visit))
        visit_note(visit, name, MIGRATE_HEALTH_WARNING, "Name a file: sqlite:///app.db.",
                   "a database in memory is gone when the process ends");
    else if (stat(path, &about) != 0)
        visit_note(visit, name, MIGRATE_HEALTH_WARNING,
                   "The first upgrade creates it; check the path if it should be there.", "there is no %s", path);
    else if (visit->migrate->address.read_only)
        visit_note(visit, name, MIGRATE_HEALTH_WARNING, "Leave mode=ro out of the URL.",
                   "%s is opened for reading only, so nothing can be migrated", path);
    else if (access(path, R_OK | W_OK) != 0)
        visit_note(visit, name, MIGRATE_HEALTH_FAILED, "Check the owner and the mode of the file.",
                   "%s may not be written by this user", path);
    else
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "%s, %lld KB", path, (long long)(about.st_size + 1023) / 1024);
}

/* The journal stands beside the file while something is changed. */
static void look_at_folder(struct visit *visit)
{
    static const char name[] = "folder";
    const char *folder = path_folder(visit->arena, path_of(visit));
    if (is_in_memory(visit))
        visit_note(visit, name, MIGRATE_HEALTH_SKIPPED, NULL, "there is no file");
    else if (!folder_exists(folder))
        visit_note(visit, name, MIGRATE_HEALTH_FAILED, "Create it, or correct the path.", "there is no folder %s",
                   folder);
    else if (access(folder, W_OK | X_OK) != 0)
        visit_note(visit, name, MIGRATE_HEALTH_FAILED,
                   "SQLite writes its journal beside the file; let this user write in the folder.",
                   "the folder %s may not be written by this user", folder);
    else
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "the folder %s can be written", folder);
}

/* SQLite looks into a file only when it is asked something. */
bool doctor_open_file(struct visit *visit, struct error *err)
{
    const struct question question = {.sql = "SELECT count(*) FROM sqlite_master"};
    struct rows rows;
    look_at_file(visit);
    look_at_folder(visit);
    bool ok = database_start(&visit->connection, visit->arena, &visit->database, err) &&
              database_ask(visit->database, &question, 1, visit->arena, &rows, err);
    if (ok)
        visit_note(visit, "open", MIGRATE_HEALTH_OK, NULL, "it is a database, and can be read");
    else
        visit_note_error(visit, "open", MIGRATE_HEALTH_FAILED, err);
    return ok;
}

static void examine_journal(struct visit *visit, const char *name)
{
    struct rows rows;
    if (!has_file(visit, name) ||
        !visit_ask_plainly(visit, name, &(struct question){.sql = "PRAGMA journal_mode"}, &rows))
        return;
    const char *mode = rows_cell(&rows, 0, 0);
    bool is_unsafe = strcmp(mode, "off") == 0 || strcmp(mode, "memory") == 0;
    visit_note(visit, name, is_unsafe ? MIGRATE_HEALTH_WARNING : MIGRATE_HEALTH_OK,
               is_unsafe ? "A crash in the middle of a change can ruin the file; use WAL or DELETE." : NULL,
               "journal mode is %s", mode);
}

static void examine_integrity(struct visit *visit, const char *name)
{
    struct rows rows;
    if (!has_file(visit, name) ||
        !visit_ask_plainly(visit, name, &(struct question){.sql = "PRAGMA quick_check(5)"}, &rows))
        return;
    bool is_whole = rows.count == 1 && strcmp(rows_cell(&rows, 0, 0), "ok") == 0;
    if (is_whole)
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "the quick check found nothing wrong");
    for (size_t i = 0; !is_whole && i < rows.count; i++)
        visit_note(visit, name, MIGRATE_HEALTH_FAILED,
                   "Restore the file from a backup; `PRAGMA integrity_check` tells more.", "%s",
                   rows_cell(&rows, i, 0));
}

static void examine_foreign_keys(struct visit *visit, const char *name)
{
    enum { TABLE, PARENT, BROKEN };
    static const char sql[] =
        "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2 ORDER BY 1, 2";
    struct rows rows;
    if (!has_file(visit, name) || !visit_ask_plainly(visit, name, &(struct question){.sql = sql}, &rows))
        return;
    if (rows.count == 0)
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "every foreign key leads somewhere");
    for (size_t i = 0; i < rows.count && i < SHOWN_MAX; i++)
        visit_note(visit, name, MIGRATE_HEALTH_WARNING, "`PRAGMA foreign_key_check` lists them.",
                   "rows of %s that refer to what is not in %s: %s", rows_cell(&rows, i, TABLE),
                   rows_cell(&rows, i, PARENT), rows_cell(&rows, i, BROKEN));
}

/* The lock a migration would take, let go at once; nothing is written. */
static void examine_lock(struct visit *visit, const char *name)
{
    struct error refusal = {0};
    if (!has_file(visit, name))
        return;
    if (visit->migrate->address.read_only) {
        visit_note(visit, name, MIGRATE_HEALTH_SKIPPED, NULL, "opened for reading only");
        return;
    }
    if (database_lock(visit->database, "doctor", LOCK_WAIT_MS, &refusal))
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "nobody else is writing to the file");
    else
        visit_note_error(visit, name, MIGRATE_HEALTH_FAILED, &refusal);
    database_unlock(visit->database);
}

const struct examiner doctor_file_examiners[] = {
    {"journal", examine_journal},
    {"integrity", examine_integrity},
    {"foreign_keys", examine_foreign_keys},
    {"lock", examine_lock},
};
const size_t doctor_file_examiner_count = sizeof doctor_file_examiners / sizeof doctor_file_examiners[0];
