/* sqlite_play.c: a batch, played on SQLite. One transaction around the whole run, a savepoint for each of the batch's
 * transactions, one fsync at the end: what stands after a failure is what came before the savepoint it happened in. */
#include "database/sqlite.h"

#include "database/foreign_keys.h"

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
    return sqlite_failed(run->sqlite, err);
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
        return sqlite_failed(run->sqlite, err);
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
        if (!sqlite_run_kept(run->sqlite, text_of(defaults[i]), NULL, 0, err))
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
    return sqlite_run_kept(run->sqlite, op->sql, op->values, op->value_count, err);
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

static bool begin(struct run *run, struct error *err)
{
    if (run->is_alone_open) { // the note of a statement alone goes with it, or goes back with it
        run->is_alone_open = false;
        return true;
    }
    run->in_savepoint = sqlite_run(run->sqlite, "SAVEPOINT migrate_revision", err);
    return run->in_savepoint;
}

static bool commit(struct run *run, struct error *err)
{
    if (!foreign_keys_check(&run->keys, run->sqlite->file, err) ||
        !sqlite_run(run->sqlite, "RELEASE migrate_revision", err))
        return false;
    run->in_savepoint = run->has_alone = false;
    run->released++;
    return true;
}

/* The real thing: one fsync. */
static bool commit_run(struct run *run, struct error *err)
{
    if (run->is_alone_open && !sqlite_run(run->sqlite, "RELEASE migrate_revision", err))
        return false;
    run->in_savepoint = run->in_savepoint && !run->is_alone_open;
    run->has_alone = run->is_alone_open = false;
    if (!sqlite_run(run->sqlite, "COMMIT", err))
        return false;
    run->sqlite->has_lock = false;
    run->played->commits += run->released;
    run->released = 0;
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
static bool stand_alone(struct run *run, const struct op *op, struct error *err)
{
    if (!commit_run(run, err))
        return false;
    if (needs_no_transaction(op->sql)) {
        if (!run_script(run, op->sql, err))
            return false;
        run->played->alone++;
        return sqlite_begin_run(run->sqlite, err);
    }
    if (!sqlite_begin_run(run->sqlite, err) || !begin(run, err))
        return false;
    if (!run_script(run, op->sql, err))
        return false;
    run->has_alone = run->is_alone_open = true;
    run->played->alone++;
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
    if (sqlite_is_interrupted(run->sqlite))
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
static void save_what_stands(struct run *run)
{
    struct sqlite *sqlite = run->sqlite;
    struct error ignored;
    bool is_open = !sqlite3_get_autocommit(sqlite->file);
    run->played->alone -= run->in_savepoint && run->has_alone; // goes back with its note
    run->is_alone_open = false;
    if (is_open && run->in_savepoint)
        is_open = sqlite_run(sqlite, "ROLLBACK TO migrate_revision", &ignored) &&
                  sqlite_run(sqlite, "RELEASE migrate_revision", &ignored);
    bool is_saved = is_open && commit_run(run, &ignored);
    if (!is_saved && !sqlite3_get_autocommit(sqlite->file))
        sqlite3_exec(sqlite->file, "ROLLBACK", NULL, NULL, NULL);
    run->played->transaction_lost = !is_saved && sqlite->has_lock;
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

bool sqlite_play(struct database *database, const struct batch *batch, struct played *played, struct error *err)
{
    struct sqlite *sqlite = (struct sqlite *)database;
    sqlite->is_tidying = batch->ignores_interrupt;
    bool ok = (sqlite->has_lock || (sqlite_open_for_change(sqlite, err) && sqlite_begin_run(sqlite, err))) &&
              play_locked(sqlite, batch, played, err);
    sqlite->is_tidying = false;
    return ok;
}
