/* ledger.c: every statement that touches the version and history tables. Two spellings, one for each kind of database;
 * the rest is common. Parameters are $1, $2 ... on both. */
#include "apply/ledger.h"

#include <stdio.h>

static const char script_table[] = "migrate_script";

const char *direction_name(enum direction direction)
{
    static const char *const names[] = {"upgrade", "downgrade", "stamp"};
    return names[direction];
}

static const char *qualified(const struct ledger *ledger, const char *table, struct arena *arena)
{
    const char *quoted = identifier_quote(table, arena);
    if (ledger->is_file || !ledger->schema)
        return quoted;
    return arena_printf(arena, "%s.%s", identifier_quote(ledger->schema, arena), quoted);
}

/* PostgreSQL has a clock and users of its own: a row says when its transaction began and when it was about to end. */
static const char *now_of(const struct ledger *ledger)
{
    return ledger->is_file ? "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')" : "clock_timestamp()";
}

static const char *add_sql(const struct ledger *ledger, const char *finished_at, struct arena *arena)
{
    return arena_printf(
        arena,
        "INSERT INTO %s (revision, direction, status, statements_done, statements, script_oid, git_commit,"
        " applied_from, tool_version, error, started_at, finished_at, applied_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, %s, %s, %s)",
        ledger->history, ledger->is_file ? "$11" : "now()", finished_at, ledger->is_file ? "$12" : "session_user");
}

static const char *move_sql(const struct ledger *ledger, const char *finished_at, struct arena *arena)
{
    return arena_printf(arena,
                        "UPDATE %s SET statements_done = $1, status = $2, error = $3, finished_at = %s"
                        " WHERE revision = $4 AND direction = $5 AND status = 'running' AND statements_done = $6",
                        ledger->history, finished_at);
}

static void spell(struct ledger *ledger, struct arena *arena)
{
    ledger->sql.insert = arena_printf(arena, "INSERT INTO %s (version_num) VALUES ($1)", ledger->version);
    ledger->sql.remove = arena_printf(arena, "DELETE FROM %s WHERE version_num = $1", ledger->version);
    ledger->sql.update = arena_printf(arena, "UPDATE %s SET version_num = $1 WHERE version_num = $2", ledger->version);
    if (!ledger->history)
        return;
    ledger->sql.add_running = add_sql(ledger, "NULL", arena);
    ledger->sql.add_ended = add_sql(ledger, now_of(ledger), arena);
    ledger->sql.move_running = move_sql(ledger, "NULL", arena);
    ledger->sql.move_ended = move_sql(ledger, now_of(ledger), arena);
    ledger->sql.fail = arena_printf(arena,
                                    "UPDATE %s SET status = $1, error = $2"
                                    " WHERE revision = $3 AND direction = $4 AND status = 'running'",
                                    ledger->history);
    ledger->sql.rebase = arena_printf(arena,
                                      "UPDATE %s SET script_oid = $1, git_commit = $2, statements = $3"
                                      " WHERE revision = $4 AND direction = $5 AND status = 'running'",
                                      ledger->history);
    ledger->sql.keep = arena_printf(
        arena, "INSERT INTO %s (oid, part, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", ledger->script);
}

static void set_schema(struct ledger *ledger, const char *schema, struct arena *arena)
{
    ledger->schema = schema;
    ledger->version = qualified(ledger, ledger->names.version_table, arena);
    ledger->history = ledger->names.history_table ? qualified(ledger, ledger->names.history_table, arena) : NULL;
    ledger->script = qualified(ledger, script_table, arena);
    spell(ledger, arena);
}

void ledger_init(struct ledger *ledger, const struct ledger_names *names, bool is_file, struct arena *arena)
{
    *ledger = (struct ledger){.is_file = is_file, .names = *names};
    set_schema(ledger, is_file ? NULL : names->version_table_schema, arena);
}

/* --- reading ------------------------------------------------------------------------------------ */

/* Where the tables are, and how wide the version column is. */
enum { PLACE_SCHEMA, PLACE_WIDTH, PLACE_HISTORY, PLACE_SCRIPT };

static const char place_postgresql[] =
    "SELECT coalesce(n.nspname, $1, current_schema()),"
    "       CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 END,"
    "       to_regclass(quote_ident(coalesce(n.nspname, $1, current_schema())) || '.' || quote_ident($3)),"
    "       to_regclass(quote_ident(coalesce(n.nspname, $1, current_schema())) || '.' || quote_ident($4))"
    "  FROM (SELECT to_regclass($2) AS version) AS wanted"
    "  LEFT JOIN pg_catalog.pg_class c ON c.oid = wanted.version"
    "  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    "  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'version_num'";

/* "VARCHAR(32)" holds 32, whatever SQLite would let through: the table may move to a database that does not. */
static const char place_sqlite[] =
    "SELECT $1,"
    "       (SELECT CAST(substr(type, instr(type, '(') + 1) AS INTEGER) FROM pragma_table_info($2)"
    "         WHERE name = 'version_num' AND instr(type, '(') > 0),"
    "       (SELECT name FROM sqlite_master WHERE type = 'table' AND name = $3),"
    "       (SELECT name FROM sqlite_master WHERE type = 'table' AND name = $4)";

static struct value value_of(const char *text)
{
    return (struct value){.text = text, .length = text ? strlen(text) : 0};
}

static struct value value_number(size_t number, struct arena *arena)
{
    return value_of(arena_printf(arena, "%zu", number));
}

static const char since_postgresql[] = "to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";

static struct question place_question(const struct ledger *ledger)
{
    const char *history = ledger->names.history_table ? ledger->names.history_table : "";
    const char *version = ledger->is_file ? ledger->names.version_table : ledger->version;
    return (struct question){
        .sql = ledger->is_file ? place_sqlite : place_postgresql,
        .values = {value_of(ledger->schema), value_of(version), value_of(history), value_of(script_table)},
        .value_count = 4,
    };
}

enum {
    UNFINISHED_REVISION,
    UNFINISHED_DIRECTION,
    UNFINISHED_DONE,
    UNFINISHED_OID,
    UNFINISHED_STATEMENTS,
    UNFINISHED_SINCE,
    UNFINISHED_BY,
    UNFINISHED_FROM,
    UNFINISHED_ERROR
};

static bool read_unfinished(const struct rows *rows, struct arena *arena, struct ledger_state *state, struct error *err)
{
    struct unfinished *unfinished = ARENA_ARRAY(arena, rows->count, struct unfinished);
    for (size_t i = 0; i < rows->count; i++) {
        const char *direction = rows_cell(rows, i, UNFINISHED_DIRECTION);
        const char *done = rows_cell(rows, i, UNFINISHED_DONE);
        int64_t number = 0;
        bool is_upgrade = direction && strcmp(direction, "upgrade") == 0;
        if (!rows_cell(rows, i, UNFINISHED_REVISION) || !done || !text_integer(text_of(done), &number) || number < 0 ||
            (!is_upgrade && (!direction || strcmp(direction, "downgrade") != 0)))
            return error_set(err, MIGRATE_UNFINISHED, "the history table has a running row that makes no sense");
        unfinished[i] = (struct unfinished){
            .revision = rows_cell(rows, i, UNFINISHED_REVISION),
            .direction = is_upgrade ? DIRECTION_UPGRADE : DIRECTION_DOWNGRADE,
            .statements_done = (size_t)number,
            .script_oid = rows_cell(rows, i, UNFINISHED_OID),
            .since = rows_cell(rows, i, UNFINISHED_SINCE),
            .applied_by = rows_cell(rows, i, UNFINISHED_BY),
            .applied_from = rows_cell(rows, i, UNFINISHED_FROM),
            .error = rows_cell(rows, i, UNFINISHED_ERROR),
        };
        const char *statements = rows_cell(rows, i, UNFINISHED_STATEMENTS);
        if (statements && text_integer(text_of(statements), &number) && number > 0)
            unfinished[i].statements = (size_t)number;
    }
    state->unfinished = unfinished;
    state->unfinished_count = rows->count;
    return true;
}

static bool read_rows(const struct rows *rows, struct arena *arena, struct ledger_state *state, struct error *err)
{
    struct name_list list = {0};
    for (size_t i = 0; i < rows->count; i++) {
        if (!rows_cell(rows, i, 0))
            return error_set(err, MIGRATE_UNKNOWN_ROW, "the version table has a row without a revision");
        ARENA_PUSH(arena, &list, rows_cell(rows, i, 0));
    }
    state->rows = names_of(&list);
    state->has_version = !rows->is_missing;
    return true;
}

static bool read_place(struct ledger *ledger, const struct rows *rows, struct arena *arena, struct ledger_state *state,
                       struct error *err)
{
    state->width = state->has_version ? SIZE_MAX : LEDGER_WIDTH;
    if (rows->count == 0)
        return true; // a file that is not there yet
    const char *width = rows_cell(rows, 0, PLACE_WIDTH);
    int64_t characters = 0;
    if (width && text_integer(text_of(width), &characters) && characters > 0)
        state->width = (size_t)characters;
    state->has_history = rows_cell(rows, 0, PLACE_HISTORY) != NULL;
    state->has_script = rows_cell(rows, 0, PLACE_SCRIPT) != NULL;
    if (ledger->is_file)
        return true;
    if (!rows_cell(rows, 0, PLACE_SCHEMA)) {
        error_set(err, MIGRATE_PERMISSION,
                  "no schema of the search path exists, so there is no place for the version table");
        return error_hint(err, "Set version_table_schema, or a search_path with a schema that is there.");
    }
    set_schema(ledger, rows_cell(rows, 0, PLACE_SCHEMA), arena);
    return true;
}

bool ledger_read(struct ledger *ledger, struct database *database, struct arena *arena, struct ledger_state *state,
                 struct error *err)
{
    *state = (struct ledger_state){0};
    struct question questions[3] = {
        place_question(ledger),
        {.sql = arena_printf(arena, "SELECT version_num FROM %s ORDER BY version_num", ledger->version),
         .may_be_missing = true},
    };
    size_t count = 2;
    if (ledger->history)
        questions[count++] = (struct question){
            .sql = arena_printf(arena,
                                "SELECT revision, direction, statements_done, script_oid, statements, %s,"
                                " applied_by, applied_from, error FROM %s WHERE status = 'running' ORDER BY id",
                                ledger->is_file ? "started_at" : since_postgresql, ledger->history),
            .may_be_missing = true,
        };
    struct rows answers[3] = {{0}};
    return database_ask(database, questions, count, arena, answers, err) && read_rows(&answers[1], arena, state, err) &&
           read_unfinished(&answers[2], arena, state, err) && read_place(ledger, &answers[0], arena, state, err);
}

enum { APPLIED_REVISION, APPLIED_OID };

bool ledger_applied(const struct ledger *ledger, struct database *database, struct arena *arena,
                    struct applied_scripts *applied, struct error *err)
{
    const struct question question = {
        .sql = arena_printf(arena,
                            "SELECT revision, script_oid FROM %s WHERE id IN"
                            " (SELECT max(id) FROM %s WHERE status = 'done' GROUP BY revision)"
                            " AND direction <> 'downgrade' AND script_oid IS NOT NULL ORDER BY id",
                            ledger->history, ledger->history),
        .may_be_missing = true,
    };
    struct rows rows = {0};
    *applied = (struct applied_scripts){0};
    if (!database_ask(database, &question, 1, arena, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        if (rows_cell(&rows, i, APPLIED_REVISION))
            ARENA_PUSH(
                arena, applied,
                (struct applied_script){rows_cell(&rows, i, APPLIED_REVISION), rows_cell(&rows, i, APPLIED_OID)});
    return true;
}

enum { LAST_REVISION, LAST_APPLIED, LAST_CERTAIN };

/* A stamp with a script is `repair --accept`, which moves no rows. */
bool ledger_last(const struct ledger *ledger, struct database *database, struct arena *arena, struct last_entries *last,
                 struct error *err)
{
    const struct question question = {
        .sql = arena_printf(arena,
                            "SELECT revision, CASE direction WHEN 'downgrade' THEN 0 ELSE 1 END,"
                            " CASE WHEN id > coalesce((SELECT max(id) FROM %s WHERE status = 'done'"
                            " AND direction = 'stamp' AND script_oid IS NULL), 0) THEN 1 ELSE 0 END"
                            " FROM %s WHERE id IN (SELECT max(id) FROM %s WHERE status = 'done' GROUP BY revision)"
                            " ORDER BY id",
                            ledger->history, ledger->history, ledger->history),
        .may_be_missing = true,
    };
    struct rows rows = {0};
    *last = (struct last_entries){0};
    if (!database_ask(database, &question, 1, arena, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        ARENA_PUSH(arena, last,
                   (struct last_entry){.revision = rows_cell(&rows, i, LAST_REVISION),
                                       .is_applied = strcmp(rows_cell(&rows, i, LAST_APPLIED), "1") == 0,
                                       .is_certain = strcmp(rows_cell(&rows, i, LAST_CERTAIN), "1") == 0});
    return true;
}

bool ledger_script(const struct ledger *ledger, struct database *database, const char *oid, struct arena *arena,
                   struct text *text, struct error *err)
{
    struct question question = {
        .sql = arena_printf(arena, "SELECT body FROM %s WHERE oid = $1 ORDER BY part", ledger->script),
        .values = {value_of(oid)},
        .value_count = 1,
        .may_be_missing = true,
    };
    struct rows rows = {0};
    struct buffer body = {.arena = arena};
    if (!database_ask(database, &question, 1, arena, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        if (rows_cell(&rows, i, 0))
            buffer_string(&body, rows_cell(&rows, i, 0));
    *text = (struct text){.at = buffer_done(&body), .length = body.length};
    return true;
}

/* Grants to anybody but the owner, and to columns of theirs; the relation's own list is NULL as long as nobody was
 * granted anything. */
static const char grants_sql[] =
    "SELECT count(*) FROM ("
    "  SELECT c.relowner, (aclexplode(c.relacl)).* FROM pg_catalog.pg_class c WHERE c.oid IN (to_regclass($1), "
    "to_regclass($2))"
    "  UNION ALL"
    "  SELECT c.relowner, (aclexplode(a.attacl)).* FROM pg_catalog.pg_class c"
    "    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.oid IN (to_regclass($1), to_regclass($2))"
    ") AS granted"
    " WHERE grantee <> relowner AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')";

bool ledger_is_guarded(const struct ledger *ledger, struct database *database, struct arena *arena, bool *is_guarded,
                       struct error *err)
{
    struct question question = {
        .sql = grants_sql,
        .values = {value_of(ledger->script), value_of(ledger->history)},
        .value_count = 2,
    };
    struct rows rows = {0};
    *is_guarded = ledger->is_file;
    if (ledger->is_file)
        return true;
    if (!database_ask(database, &question, 1, arena, &rows, err))
        return false;
    *is_guarded = rows.count == 1 && rows_cell(&rows, 0, 0) && strcmp(rows_cell(&rows, 0, 0), "0") == 0;
    return true;
}

/* --- creating ----------------------------------------------------------------------------------- */

static const char *version_table_sql(const struct ledger *ledger, struct arena *arena)
{
    const char *constraint = arena_printf(arena, "%s_pkc", ledger->names.version_table);
    return arena_printf(arena,
                        "CREATE TABLE %s (\n"
                        "    version_num VARCHAR(%d) NOT NULL,\n"
                        "    CONSTRAINT %s PRIMARY KEY (version_num)\n"
                        ")",
                        ledger->version, LEDGER_WIDTH, identifier_quote(constraint, arena));
}

static const char *history_table_sql(const struct ledger *ledger, struct arena *arena)
{
    const char *id = ledger->is_file ? "INTEGER PRIMARY KEY" : "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY";
    const char *time = ledger->is_file ? "TEXT" : "TIMESTAMP WITH TIME ZONE";
    return arena_printf(arena,
                        "CREATE TABLE %s (\n"
                        "    id %s,\n"
                        "    revision TEXT NOT NULL,\n"
                        "    direction TEXT NOT NULL,\n"
                        "    status TEXT NOT NULL,\n"
                        "    statements_done INTEGER NOT NULL,\n"
                        "    statements INTEGER NOT NULL,\n"
                        "    script_oid TEXT,\n"
                        "    git_commit TEXT,\n"
                        "    started_at %s NOT NULL,\n"
                        "    finished_at %s,\n"
                        "    applied_by TEXT NOT NULL,\n"
                        "    applied_from TEXT,\n"
                        "    tool_version TEXT NOT NULL,\n"
                        "    error TEXT\n"
                        ")",
                        ledger->history, id, time, time);
}

/* At most one revision can be under way: whoever comes second fails here, lock or no lock. */
static const char *one_running_sql(const struct ledger *ledger, struct arena *arena)
{
    const char *name = arena_printf(arena, "%s_running", ledger->names.history_table);
    return arena_printf(arena, "CREATE UNIQUE INDEX %s ON %s (status) WHERE status = 'running'",
                        identifier_quote(name, arena), ledger->history);
}

static const char *script_table_sql(const struct ledger *ledger, struct arena *arena)
{
    return arena_printf(arena,
                        "CREATE TABLE %s (\n"
                        "    oid TEXT NOT NULL,\n"
                        "    part INTEGER NOT NULL,\n"
                        "    body TEXT NOT NULL,\n"
                        "    PRIMARY KEY (oid, part)\n"
                        ")",
                        ledger->script);
}

struct names ledger_create(const struct ledger *ledger, const struct ledger_state *state, struct arena *arena)
{
    struct name_list list = {0};
    if (!state->has_version)
        ARENA_PUSH(arena, &list, version_table_sql(ledger, arena));
    if (ledger->history && !state->has_history) {
        ARENA_PUSH(arena, &list, history_table_sql(ledger, arena));
        ARENA_PUSH(arena, &list, one_running_sql(ledger, arena));
    }
    if (ledger->history && !state->has_script)
        ARENA_PUSH(arena, &list, script_table_sql(ledger, arena));
    return names_of(&list);
}

/* --- writing ------------------------------------------------------------------------------------ */

static struct op operation(enum op_kind kind, const char *sql)
{
    return (struct op){.kind = kind, .sql = text_of(sql), .lock_timeout_ms = -1, .statement_timeout_ms = -1};
}

static void add_value(struct op *op, struct value value)
{
    op->values[op->value_count++] = value;
}

static bool has_ended(const struct ledger_entry *entry)
{
    return strcmp(entry->status, "running") != 0;
}

struct op ledger_change(const struct ledger *ledger, const struct row_change *change)
{
    struct op op = operation(OP_EXPECT_ONE, !change->from ? ledger->sql.insert
                                            : !change->to ? ledger->sql.remove
                                                          : ledger->sql.update);
    if (change->to)
        add_value(&op, value_of(change->to));
    if (change->from)
        add_value(&op, value_of(change->from));
    return op;
}

struct op ledger_add(const struct ledger *ledger, const struct ledger_run *run, const struct ledger_entry *entry,
                     struct arena *arena)
{
    struct op op = operation(OP_EXECUTE, has_ended(entry) ? ledger->sql.add_ended : ledger->sql.add_running);
    add_value(&op, value_of(entry->revision));
    add_value(&op, value_of(direction_name(entry->direction)));
    add_value(&op, value_of(entry->status));
    add_value(&op, value_number(entry->statements_done, arena));
    add_value(&op, value_number(entry->statements, arena));
    add_value(&op, value_of(entry->script_oid));
    add_value(&op, value_of(entry->git_commit));
    add_value(&op, value_of(run->applied_from));
    add_value(&op, value_of(MIGRATE_VERSION));
    add_value(&op, value_of(entry->error));
    if (ledger->is_file) {
        add_value(&op, value_of(entry->started_at));
        add_value(&op, value_of(run->applied_by));
    }
    return op;
}

struct op ledger_move(const struct ledger *ledger, const struct ledger_entry *entry, struct arena *arena)
{
    struct op op = operation(OP_EXPECT_ONE, has_ended(entry) ? ledger->sql.move_ended : ledger->sql.move_running);
    add_value(&op, value_number(entry->statements_done, arena));
    add_value(&op, value_of(entry->status));
    add_value(&op, value_of(entry->error));
    add_value(&op, value_of(entry->revision));
    add_value(&op, value_of(direction_name(entry->direction)));
    add_value(&op, value_number(entry->done_before, arena));
    return op;
}

struct op ledger_rebase(const struct ledger *ledger, const struct ledger_entry *entry, struct arena *arena)
{
    struct op op = operation(OP_EXPECT_ONE, ledger->sql.rebase);
    add_value(&op, value_of(entry->script_oid));
    add_value(&op, value_of(entry->git_commit));
    add_value(&op, value_number(entry->statements, arena));
    add_value(&op, value_of(entry->revision));
    add_value(&op, value_of(direction_name(entry->direction)));
    return op;
}

struct op ledger_fail(const struct ledger *ledger, const struct ledger_entry *entry)
{
    struct op op = operation(OP_EXPECT_ONE, ledger->sql.fail);
    add_value(&op, value_of(entry->status));
    add_value(&op, value_of(entry->error));
    add_value(&op, value_of(entry->revision));
    add_value(&op, value_of(direction_name(entry->direction)));
    return op;
}

struct op ledger_keep_script(const struct ledger *ledger, const char *oid, size_t part, struct text body,
                             struct arena *arena)
{
    struct op op = operation(OP_EXECUTE, ledger->sql.keep);
    add_value(&op, value_of(oid));
    add_value(&op, value_number(part, arena));
    add_value(&op, (struct value){.text = body.at, .length = body.length});
    return op;
}

/* --- printed scripts ---------------------------------------------------------------------------- */

static const char *literal(const char *text, bool is_postgresql, struct arena *arena)
{
    return literal_quote(text_of(text), is_postgresql, arena);
}

struct names ledger_guard(const struct ledger *ledger, struct names rows, struct arena *arena)
{
    struct name_list list = {0};
    const char *wanted = names_join(rows, ", ", arena);
    const char *complaint =
        arena_printf(arena, "the database is not at %s", rows.count ? wanted : "base (no version rows)");
    if (ledger->is_file) {
        /* SQLite can refuse outside a trigger only by a constraint. */
        ARENA_PUSH(arena, &list,
                   arena_printf(arena, "CREATE TEMPORARY TABLE migrate_guard (is_there CONSTRAINT %s CHECK (is_there))",
                                identifier_quote(complaint, arena)));
        ARENA_PUSH(arena, &list,
                   arena_printf(arena,
                                "INSERT INTO migrate_guard SELECT coalesce(group_concat(version_num, ', '), '') = %s"
                                " FROM (SELECT version_num FROM %s ORDER BY version_num)",
                                literal(wanted, false, arena), ledger->version));
        ARENA_PUSH(arena, &list, "DROP TABLE migrate_guard");
        return names_of(&list);
    }
    /* The body is a literal of its own, so that nothing in a revision's id can end it. */
    const char *body =
        arena_printf(arena,
                     "BEGIN IF (SELECT coalesce(string_agg(version_num, ', ' ORDER BY version_num COLLATE \"C\"), '')"
                     " FROM %s) <> %s THEN RAISE EXCEPTION USING MESSAGE = %s; END IF; END",
                     ledger->version, literal(wanted, true, arena), literal(complaint, true, arena));
    ARENA_PUSH(arena, &list, arena_printf(arena, "DO %s", literal(body, true, arena)));
    return names_of(&list);
}

const char *ledger_no_index(const struct online *build, struct arena *arena)
{
    const char *complaint =
        build->if_not_exists
            ? "an INVALID index %s is there, left by an earlier build; IF NOT EXISTS would take it for a good one"
            : "index %s exists already";
    struct buffer message = {.arena = arena};
    const char *name = strstr(complaint, "%s");
    buffer_add(&message, complaint, (size_t)(name - complaint));
    buffer_string(&message, build->index);
    buffer_string(&message, name + 2);
    const char *body = arena_printf(
        arena,
        "BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_class t JOIN pg_catalog.pg_class c ON c.relnamespace = "
        "t.relnamespace"
        " JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid WHERE t.oid = to_regclass(%s) AND c.relname = %s%s)"
        " THEN RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = %s,"
        " HINT = 'DROP INDEX CONCURRENTLY takes it away; nothing has run.'; END IF; END",
        literal(build->table, true, arena), literal(build->index, true, arena),
        build->if_not_exists ? " AND NOT (i.indisvalid AND i.indisready)" : "",
        literal(buffer_done(&message), true, arena));
    return arena_printf(arena, "DO %s", literal(body, true, arena));
}
