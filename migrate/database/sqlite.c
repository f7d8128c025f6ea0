/* sqlite.c: SQLite. One transaction around the whole run, a savepoint for each of the batch's transactions, one fsync
 * at the end: what stands after a failure is what came before the savepoint it happened in.
 *
 * A missing file is not created by looking at it: until something is to be changed an empty database in memory stands
 * in for it, so that every question has its ordinary answer.
 *
 * Reading order: opening, asking, the lock, playing. */
#include "database/driver.h"

#include "base/clock.h"
#include "base/file.h"
#include "database/foreign_keys.h"
#include "database/sqlite_copy.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>

enum {
    BUSY_WAIT_MS = 5000, /* for others' reads and commits, where nobody said how long */
    PROGRESS_STEPS = 10000,
    KEPT_MAX = 32,
};

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

static bool is_interrupted(const struct sqlite *sqlite)
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

static bool failed(const struct sqlite *sqlite, struct error *err)
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
    if (is_interrupted(sqlite) || clock_ms() - sqlite->busy_since_ms >= (double)sqlite->wait_ms)
        return 0;
    tell_waiting(sqlite);
    clock_sleep_ms(tries < 10 ? 2 : 25);
    return 1;
}

static int on_progress(void *context)
{
    return is_interrupted(context);
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
        failed(sqlite, err);
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
        failed(sqlite, err);
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

static bool run_kept(struct sqlite *sqlite, struct text sql, const struct value *values, size_t count,
                     struct error *err)
{
    const struct kept *kept = keep(sqlite, sql, err);
    if (!kept)
        return false;
    bind(kept->statement, values, count);
    int status = SQLITE_ROW;
    while (status == SQLITE_ROW)
        status = sqlite3_step(kept->statement);
    bool ok = status == SQLITE_DONE || failed(sqlite, err);
    sqlite3_reset(kept->statement);
    sqlite3_clear_bindings(kept->statement);
    return ok;
}

static bool run(struct sqlite *sqlite, const char *sql, struct error *err)
{
    return run_kept(sqlite, text_of(sql), NULL, 0, err);
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
    return status == SQLITE_DONE || failed(sqlite, err);
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
        return rows->is_missing || failed(sqlite, err);
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
        if (is_interrupted(sqlite))
            return error_set(err, MIGRATE_INTERRUPTED, "interrupted");
        if (!ask_one(sqlite, &questions[i], arena, &answers[i], err))
            return false;
    }
    return true;
}

/* ---- the lock */

static bool open_for_change(struct sqlite *sqlite, struct error *err)
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
static bool begin_run(struct sqlite *sqlite, struct error *err)
{
    if (!is_writable(sqlite, err))
        return false;
    if (!run(sqlite, "PRAGMA foreign_keys = OFF", err) || !run(sqlite, "BEGIN IMMEDIATE", err))
        return is_interrupted(sqlite) ? error_set(err, MIGRATE_INTERRUPTED, "interrupted") : false;
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
    bool ok = open_for_change(sqlite, err) && begin_run(sqlite, err);
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

/* ---- playing */

struct run {
    struct sqlite *sqlite;
    const struct batch *batch;
    struct played *played;
    struct foreign_keys keys;
    struct arena arena; /* of keys */
    bool in_savepoint;
    bool has_alone;     /* the savepoint holds a statement alone */
    bool is_alone_open; /* and the note that follows it has not begun */
    bool has_pragma;    /* the script may have set what outlives a statement */
    size_t released;    /* commits of the batch inside the transaction that is open */
    size_t offset;      /* of the statement that failed, in its operation's text; SIZE_MAX: not known */
};

static size_t error_offset(const struct sqlite *sqlite)
{
#if SQLITE_VERSION_NUMBER >= 3038000
    int offset = sqlite3_error_offset(sqlite->file);
    return offset < 0 ? SIZE_MAX : (size_t)offset;
#else
    (void)sqlite;
    return SIZE_MAX;
#endif
}

/* `OR ROLLBACK`, a full disk or an interrupted write may have ended the transaction around the run. */
static bool still_in_transaction(struct run *run, struct error *err)
{
    if (!sqlite3_get_autocommit(run->sqlite->file))
        return true;
    return error_set(err, MIGRATE_REFUSED, "the statement ended the transaction it runs in");
}

static bool step_all(struct run *run, sqlite3_stmt *statement, struct error *err)
{
    int status = SQLITE_ROW;
    while (status == SQLITE_ROW)
        status = sqlite3_step(statement);
    if (status == SQLITE_DONE)
        return true;
    run->offset = error_offset(run->sqlite);
    return failed(run->sqlite, err);
}

/* One statement of the text; *rest is what follows it. Each is run before the next is compiled, which may need it. */
static bool run_next(struct run *run, struct text sql, struct text *rest, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    const char *tail = NULL;
    *rest = (struct text){0};
    if (sql.length > INT32_MAX)
        return error_set(err, MIGRATE_REFUSED, "a statement of %zu bytes is too large for SQLite", sql.length);
    if (sqlite3_prepare_v3(run->sqlite->file, sql.at, (int)sql.length, 0, &statement, &tail) != SQLITE_OK) {
        run->offset = error_offset(run->sqlite);
        return failed(run->sqlite, err);
    }
    *rest = (struct text){.at = tail, .length = sql.length - (size_t)(tail - sql.at)};
    bool ok = !statement || step_all(run, statement, err);
    sqlite3_finalize(statement);
    return ok;
}

static bool holds_pragma(struct text sql)
{
    for (size_t i = 0; i + 6 <= sql.length; i++)
        if ((sql.at[i] == 'p' || sql.at[i] == 'P') && strncasecmp(sql.at + i, "pragma", 6) == 0)
            return true;
    return false;
}

/* What a PRAGMA sets for the connection ends with its revision. (Those that a transaction refuses or that belong to the
 * file cannot leak.) */
static bool reset(struct run *run, struct error *err)
{
    static const char *const defaults[] = {
        "PRAGMA legacy_alter_table = OFF",  "PRAGMA recursive_triggers = OFF",
        "PRAGMA writable_schema = OFF",     "PRAGMA ignore_check_constraints = OFF",
        "PRAGMA case_sensitive_like = OFF", "PRAGMA reverse_unordered_selects = OFF",
        "PRAGMA defer_foreign_keys = OFF",  "PRAGMA trusted_schema = ON",
        "PRAGMA cell_size_check = OFF",     "PRAGMA query_only = OFF",
    };
    for (size_t i = 0; run->has_pragma && i < sizeof defaults / sizeof defaults[0]; i++)
        if (!run_kept(run->sqlite, text_of(defaults[i]), NULL, 0, err))
            return false;
    run->has_pragma = false;
    return true;
}

static bool run_script(struct run *run, struct text sql, struct error *err)
{
    foreign_keys_note(&run->keys, sql);
    run->has_pragma = run->has_pragma || holds_pragma(sql);
    for (struct text rest = sql, next = {0}; rest.length; rest = next) {
        if (!run_next(run, rest, &next, err)) {
            if (run->offset != SIZE_MAX)
                run->offset += (size_t)(rest.at - sql.at);
            return false;
        }
    }
    return true;
}

static bool execute(struct run *run, const struct op *op, struct error *err)
{
    return run_kept(run->sqlite, op->sql, op->values, op->value_count, err);
}

static bool expect_one(struct run *run, const struct op *op, struct error *err)
{
    if (!execute(run, op, err))
        return false;
    if (sqlite3_changes(run->sqlite->file) == 1)
        return true;
    error_set(err, MIGRATE_LOCKED, "the version row was changed by somebody else meanwhile");
    return error_hint(err, "Another tool or migration works on this database; rerun when it has finished.");
}

static bool begin(struct run *at, struct error *err)
{
    if (at->is_alone_open) { // the note of a statement alone goes with it, or goes back with it
        at->is_alone_open = false;
        return true;
    }
    at->in_savepoint = run(at->sqlite, "SAVEPOINT migrate_revision", err);
    return at->in_savepoint;
}

static bool commit(struct run *at, struct error *err)
{
    if (!foreign_keys_check(&at->keys, at->sqlite->file, err) || !run(at->sqlite, "RELEASE migrate_revision", err))
        return false;
    at->in_savepoint = at->has_alone = false;
    at->released++;
    return true;
}

/* The real thing: one fsync. */
static bool commit_run(struct run *at, struct error *err)
{
    if (at->is_alone_open && !run(at->sqlite, "RELEASE migrate_revision", err))
        return false;
    at->in_savepoint = at->in_savepoint && !at->is_alone_open;
    at->has_alone = at->is_alone_open = false;
    if (!run(at->sqlite, "COMMIT", err))
        return false;
    at->sqlite->has_lock = false;
    at->played->commits += at->released;
    at->released = 0;
    return true;
}

/* What SQLite refuses, or silently does not do, inside a transaction. */
static bool needs_no_transaction(struct text sql)
{
    static const char *const words[] = {"vacuum", "pragma", "attach", "detach"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (text_starts_nocase(sql, words[i]))
            return true;
    return false;
}

/* The transaction around the run ends. What needs none runs outside of any; everything else gets one of its own, which
 * the note that it is done joins: so it is done and noted, or neither, whoever else is waiting for the file. */
static bool stand_alone(struct run *at, const struct op *op, struct error *err)
{
    if (!commit_run(at, err))
        return false;
    if (needs_no_transaction(op->sql)) {
        if (!run_script(at, op->sql, err))
            return false;
        at->played->alone++;
        return begin_run(at->sqlite, err);
    }
    if (!begin_run(at->sqlite, err) || !begin(at, err))
        return false;
    if (!run_script(at, op->sql, err))
        return false;
    at->has_alone = at->is_alone_open = true;
    at->played->alone++;
    return true;
}

static bool perform(struct run *run, const struct op *op, struct error *err)
{
    switch (op->kind) {
    case OP_BEGIN:
        return begin(run, err);
    case OP_COMMIT:
        return commit(run, err);
    case OP_STATEMENT:
        return run_script(run, op->sql, err);
    case OP_EXECUTE:
        return execute(run, op, err);
    case OP_EXPECT_ONE:
        return expect_one(run, op, err);
    case OP_ALONE:
        return stand_alone(run, op, err);
    case OP_COPY:
        return error_set(err, MIGRATE_REFUSED, "SQLite has no COPY");
    case OP_RESET:
        return reset(run, err);
    case OP_SETTINGS:
    case OP_COMMENT:
        break;
    }
    return true;
}

static void answer(struct run *run, const struct op *op)
{
    if (!run->batch->done || op->kind == OP_COMMENT)
        return;
    bool changes = op->kind == OP_STATEMENT || op->kind == OP_EXECUTE || op->kind == OP_EXPECT_ONE;
    struct op plain = {.kind = op->kind, .durable = op->durable, .origin = op->origin};
    struct op_result result = {.op = &plain, .rows = changes ? sqlite3_changes(run->sqlite->file) : 0};
    run->batch->done(run->batch->context, &result);
}

static bool perform_checked(struct run *run, const struct op *op, struct error *err)
{
    run->offset = SIZE_MAX;
    if (is_interrupted(run->sqlite))
        return error_set(err, MIGRATE_INTERRUPTED, "interrupted");
    if (perform(run, op, err) && still_in_transaction(run, err)) {
        answer(run, op);
        return true;
    }
    run->played->failed_in_op = true;
    run->played->failed = (struct op){.kind = op->kind, .durable = op->durable, .origin = op->origin};
    run->played->failed_position = run->offset;
    return false;
}

static bool perform_all(struct run *run, struct error *err)
{
    for (bool end = false;;) {
        struct op op = {0};
        if (!run->batch->next(run->batch->context, &op, &end, err))
            return false;
        if (end)
            return commit_run(run, err);
        if (!perform_checked(run, &op, err))
            return false;
    }
}

/* What came before the savepoint is kept; unless the database has thrown away everything itself. */
static void save_what_stands(struct run *at)
{
    struct sqlite *sqlite = at->sqlite;
    struct error ignored;
    bool is_open = !sqlite3_get_autocommit(sqlite->file);
    at->played->alone -= at->in_savepoint && at->has_alone; // goes back with its note
    at->is_alone_open = false;
    if (is_open && at->in_savepoint)
        is_open =
            run(sqlite, "ROLLBACK TO migrate_revision", &ignored) && run(sqlite, "RELEASE migrate_revision", &ignored);
    bool is_saved = is_open && commit_run(at, &ignored);
    if (!is_saved && !sqlite3_get_autocommit(sqlite->file))
        sqlite3_exec(sqlite->file, "ROLLBACK", NULL, NULL, NULL);
    at->played->transaction_lost = !is_saved && sqlite->has_lock;
    sqlite->has_lock = false;
}

static bool play_locked(struct sqlite *sqlite, const struct batch *batch, struct played *played, struct error *err)
{
    struct run run = {.sqlite = sqlite, .batch = batch, .played = played, .offset = SIZE_MAX};
    foreign_keys_start(&run.keys, sqlite->file, &run.arena);
    bool ok = perform_all(&run, err);
    if (!ok) {
        sqlite->is_tidying = true;
        save_what_stands(&run);
        sqlite->is_tidying = false;
    }
    arena_free(&run.arena);
    return ok;
}

static bool play(struct database *database, const struct batch *batch, struct played *played, struct error *err)
{
    struct sqlite *sqlite = (struct sqlite *)database;
    sqlite->is_tidying = batch->ignores_interrupt;
    bool ok = (sqlite->has_lock || (open_for_change(sqlite, err) && begin_run(sqlite, err))) &&
              play_locked(sqlite, batch, played, err);
    sqlite->is_tidying = false;
    return ok;
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
    .play = play,
    .copy = sqlite_copy,
};
