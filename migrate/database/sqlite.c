/* sqlite.c: the SQLite driver but for playing a batch: opening a file, asking it, locking it.
 *
 * A missing file is not created by looking at it: until something is to be changed an empty database in memory stands
 * in for it, so that every question has its ordinary answer. */
#include "database/sqlite.h"

#include "base/clock.h"
#include "base/file.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    BUSY_WAIT_MS = 5000, /* for others' reads and commits, where nobody said how long */
    PROGRESS_STEPS = 10000,
};

bool sqlite_is_interrupted(const struct sqlite *sqlite)
{
    const atomic_int *interrupt = sqlite->base.connection->interrupt;
    return interrupt && !sqlite->is_tidying && atomic_load(interrupt) != 0;
}

/* ---- errors: the first rule that fits counts */

static const struct {
    int status; /* primary result code */
    enum migrate_code code;
    const char *hint;
} rules[] = {
    {SQLITE_BUSY, MIGRATE_LOCKED, "Another process is using the file; try again, or allow more time with --lock-wait."},
    {SQLITE_LOCKED, MIGRATE_LOCKED, NULL},
    {SQLITE_READONLY, MIGRATE_PERMISSION, "The file or its folder may not be written; check the owner and the mode."},
    {SQLITE_PERM, MIGRATE_PERMISSION, NULL},
    {SQLITE_AUTH, MIGRATE_PERMISSION, NULL},
    {SQLITE_NOTADB, MIGRATE_FILE, "Check the path: the file is something else, or an encrypted database."},
    {SQLITE_CORRUPT, MIGRATE_FILE, "Restore the file from a backup; PRAGMA integrity_check tells more."},
    {SQLITE_FULL, MIGRATE_FILE, "Make room on the disk and run again."},
    {SQLITE_IOERR, MIGRATE_FILE, "Check the disk."},
    {SQLITE_CANTOPEN, MIGRATE_FILE, "Check that the folder exists and may be read and written."},
    {SQLITE_INTERRUPT, MIGRATE_INTERRUPTED, NULL},
};

bool sqlite_failed(const struct sqlite *sqlite, struct error *err)
{
    int status = sqlite3_errcode(sqlite->file) & 0xFF;
    enum migrate_code code = MIGRATE_REFUSED;
    const char *hint = NULL;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].status == status) {
            code = rules[i].code;
            hint = rules[i].hint;
        }
    }
    if (code == MIGRATE_REFUSED)
        error_set(err, code, "%s", sqlite3_errmsg(sqlite->file));
    else if (code == MIGRATE_INTERRUPTED)
        error_set(err, code, "interrupted");
    else
        error_set(err, code, "%s: %s", sqlite->path, sqlite3_errmsg(sqlite->file));
    return hint ? error_hint(err, "%s", hint) : false;
}

/* ---- opening */

static void tell_waiting(struct sqlite *sqlite)
{
    const struct connection *connection = sqlite->base.connection;
    if (!connection->waiting || (sqlite->told_ms > 0 && clock_ms() - sqlite->told_ms < 1000))
        return;
    sqlite->told_ms = clock_ms();
    struct arena arena = {0};
    connection->waiting(connection->context, arena_printf(&arena, "another process is writing to %s, waited %.1f s",
                                                          sqlite->path, (clock_ms() - sqlite->busy_since_ms) / 1e3));
    arena_free(&arena);
}

/* SQLite's own busy timeout would not see an interrupt. */
static int on_busy(void *context, int tries)
{
    struct sqlite *sqlite = context;
    if (tries == 0)
        sqlite->busy_since_ms = clock_ms();
    if (sqlite_is_interrupted(sqlite) || clock_ms() - sqlite->busy_since_ms >= (double)sqlite->wait_ms)
        return 0;
    tell_waiting(sqlite);
    clock_sleep_ms(tries < 10 ? 2 : 25);
    return 1;
}

static int on_progress(void *context)
{
    return sqlite_is_interrupted(context);
}

static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); // nobody asks for it; refused, which is fine, if SQLite is in use
}

/* Once for the process, because SQLite's configuration is the process's and not safe between threads. */
static void configure_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure);
}

static bool open_file(struct sqlite *sqlite, const char *path, int flags, struct error *err)
{
    if (sqlite3_open_v2(path, &sqlite->file, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        if (!sqlite->file)
            abort(); // no memory
        sqlite_failed(sqlite, err);
        sqlite3_close(sqlite->file);
        sqlite->file = NULL;
        return false;
    }
    sqlite3_extended_result_codes(sqlite->file, 1);
    sqlite3_busy_handler(sqlite->file, on_busy, sqlite);
    sqlite3_progress_handler(sqlite->file, PROGRESS_STEPS, on_progress, sqlite);
    return true;
}

static bool start(const struct connection *connection, struct arena *arena, struct database **database,
                  struct error *err)
{
    (void)err;
    configure_once();
    struct sqlite *sqlite = ARENA_NEW(arena, struct sqlite);
    sqlite->base = (struct database){.driver = &sqlite_driver, .connection = connection};
    sqlite->path = connection->address->file;
    sqlite->wait_ms = BUSY_WAIT_MS;
    *database = &sqlite->base;
    return true;
}

static bool is_in_memory(const struct sqlite *sqlite)
{
    return strcmp(sqlite->path, ":memory:") == 0;
}

static bool ready(struct database *database, struct error *err)
{
    struct sqlite *sqlite = (struct sqlite *)database;
    const struct address *address = database->connection->address;
    if (sqlite->file)
        return true;
    if (is_in_memory(sqlite))
        return open_file(sqlite, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (folder_exists(sqlite->path))
        return error_set(err, MIGRATE_FILE, "%s is a folder, not a database", sqlite->path);
    if (file_exists(sqlite->path))
        return open_file(sqlite, sqlite->path, address->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, err);
    if (address->must_exist || address->read_only) {
        error_set(err, MIGRATE_NO_SUCH_DATABASE, "%s does not exist", sqlite->path);
        return error_hint(err, "Correct the path, or leave mode= out of the URL to have the file created.");
    }
    sqlite->is_stand_in = open_file(sqlite, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    return sqlite->is_stand_in;
}

static void kept_forget(struct sqlite *sqlite)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        sqlite3_finalize(sqlite->kept[i].statement);
        free(sqlite->kept[i].sql);
        sqlite->kept[i] = (struct kept){0};
    }
}

static void close_file(struct database *database)
{
    struct sqlite *sqlite = (struct sqlite *)database;
    kept_forget(sqlite);
    sqlite3_close(sqlite->file);
    sqlite->file = NULL;
}

/* ---- statements of ours */

static const struct kept *keep(struct sqlite *sqlite, struct text sql, struct error *err)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        const struct kept *kept = &sqlite->kept[i];
        if (kept->sql && kept->length == sql.length && memcmp(kept->sql, sql.at, sql.length) == 0)
            return kept;
    }
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(sqlite->file, sql.at, (int)sql.length, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK) {
        sqlite_failed(sqlite, err);
        return NULL;
    }
    struct kept *kept = &sqlite->kept[sqlite->kept_count++ % KEPT_MAX];
    sqlite3_finalize(kept->statement);
    free(kept->sql);
    *kept = (struct kept){.sql = strndup(sql.at, sql.length), .length = sql.length, .statement = statement};
    if (!kept->sql)
        abort();
    return kept;
}

/* Parameters are $1, $2 ... : to SQLite these are names, in any order. */
static void bind(sqlite3_stmt *statement, const struct value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[] = {'$', (char)('1' + i), '\0', '\0'};
        if (i >= 9) {
            name[1] = (char)('0' + (i + 1) / 10);
            name[2] = (char)('0' + (i + 1) % 10);
        }
        int at = sqlite3_bind_parameter_index(statement, name);
        if (at > 0 && values[i].text)
            sqlite3_bind_text64(statement, at, values[i].text, values[i].length, SQLITE_STATIC, SQLITE_UTF8);
    }
}

bool sqlite_run_kept(struct sqlite *sqlite, struct text sql, const struct value *values, size_t count,
                     struct error *err)
{
    const struct kept *kept = keep(sqlite, sql, err);
    if (!kept)
        return false;
    bind(kept->statement, values, count);
    int status = SQLITE_ROW;
    while (status == SQLITE_ROW)
        status = sqlite3_step(kept->statement);
    bool ok = status == SQLITE_DONE || sqlite_failed(sqlite, err);
    sqlite3_reset(kept->statement);
    sqlite3_clear_bindings(kept->statement);
    return ok;
}

bool sqlite_run(struct sqlite *sqlite, const char *sql, struct error *err)
{
    return sqlite_run_kept(sqlite, text_of(sql), NULL, 0, err);
}

/* ---- asking */

static bool read_rows(struct sqlite *sqlite, sqlite3_stmt *statement, struct arena *arena, struct rows *rows,
                      struct error *err)
{
    struct name_list cells = {0};
    int status = SQLITE_ROW;
    rows->columns = (size_t)sqlite3_column_count(statement);
    while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int i = 0; i < (int)rows->columns; i++) {
            const char *text = (const char *)sqlite3_column_text(statement, i);
            size_t length = (size_t)sqlite3_column_bytes(statement, i);
            ARENA_PUSH(arena, &cells, text ? arena_copy(arena, text, length) : NULL);
        }
        rows->count++;
    }
    rows->cells = cells.items;
    return status == SQLITE_DONE || sqlite_failed(sqlite, err);
}

/* SQLite has one code for all that is wrong with a statement; only the words tell a missing table. */
static bool is_about_missing(const char *message)
{
    return strncmp(message, "no such table", 13) == 0 || strncmp(message, "unknown database", 16) == 0;
}

static bool ask_one(struct sqlite *sqlite, const struct question *question, struct arena *arena, struct rows *rows,
                    struct error *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(sqlite->file, question->sql, -1, &statement, NULL) != SQLITE_OK) {
        rows->is_missing = question->may_be_missing && is_about_missing(sqlite3_errmsg(sqlite->file));
        return rows->is_missing || sqlite_failed(sqlite, err);
    }
    bind(statement, question->values, question->value_count);
    bool ok = read_rows(sqlite, statement, arena, rows, err);
    if (!ok && question->may_be_missing && is_about_missing(sqlite3_errmsg(sqlite->file))) {
        *rows = (struct rows){.is_missing = true}; // it went between compiling and running
        ok = true;
    }
    sqlite3_finalize(statement);
    return ok;
}

static bool ask(struct database *database, const struct question *questions, size_t count, struct arena *arena,
                struct rows *answers, struct error *err)
{
    struct sqlite *sqlite = (struct sqlite *)database;
    for (size_t i = 0; i < count; i++) {
        if (sqlite_is_interrupted(sqlite))
            return error_set(err, MIGRATE_INTERRUPTED, "interrupted");
        if (!ask_one(sqlite, &questions[i], arena, &answers[i], err))
            return false;
    }
    return true;
}

/* ---- the lock */

bool sqlite_open_for_change(struct sqlite *sqlite, struct error *err)
{
    if (sqlite->base.connection->address->read_only) {
        error_set(err, MIGRATE_PERMISSION, "%s was opened for reading only", sqlite->path);
        return error_hint(err, "Leave mode=ro out of the URL.");
    }
    if (!sqlite->is_stand_in)
        return true;
    close_file(&sqlite->base);
    sqlite->is_stand_in = false;
    return open_file(sqlite, sqlite->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
}

static bool is_writable(const struct sqlite *sqlite, struct error *err)
{
    if (sqlite3_db_readonly(sqlite->file, "main") != 1)
        return true;
    error_set(err, MIGRATE_PERMISSION, "%s can only be read", sqlite->path);
    return error_hint(err, "Let the user who runs migrate write the file, and its folder for the journal beside it.");
}

/* The pragma does nothing inside a transaction, silently. */
bool sqlite_begin_run(struct sqlite *sqlite, struct error *err)
{
    if (!is_writable(sqlite, err))
        return false;
    if (!sqlite_run(sqlite, "PRAGMA foreign_keys = OFF", err) || !sqlite_run(sqlite, "BEGIN IMMEDIATE", err))
        return sqlite_is_interrupted(sqlite) ? error_set(err, MIGRATE_INTERRUPTED, "interrupted") : false;
    sqlite->has_lock = true;
    return true;
}

static bool lock(struct database *database, const char *name, int64_t wait_ms, struct error *err)
{
    (void)name; // a file has one lock
    struct sqlite *sqlite = (struct sqlite *)database;
    if (sqlite->has_lock)
        return true;
    sqlite->wait_ms = wait_ms;
    bool ok = sqlite_open_for_change(sqlite, err) && sqlite_begin_run(sqlite, err);
    sqlite->wait_ms = wait_ms > BUSY_WAIT_MS ? wait_ms : BUSY_WAIT_MS;
    return ok;
}

static void unlock(struct database *database)
{
    struct sqlite *sqlite = (struct sqlite *)database;
    if (sqlite->has_lock && !sqlite3_get_autocommit(sqlite->file))
        sqlite3_exec(sqlite->file, "ROLLBACK", NULL, NULL, NULL);
    sqlite->has_lock = false;
}

/* A file is not lost. */
static bool reconnect(struct database *database, struct error *err)
{
    (void)database;
    (void)err;
    return true;
}

const struct driver sqlite_driver = {
    .name = "sqlite",
    .transactional_ddl = true,
    .is_file = true,
    .start = start,
    .ready = ready,
    .close = close_file,
    .ask = ask,
    .lock = lock,
    .unlock = unlock,
    .reconnect = reconnect,
    .play = sqlite_play,
    .copy = sqlite_copy,
};
