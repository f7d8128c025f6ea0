/* driver_test.c: one contract, asked of every driver. What a test says of both is run on both; what only one of them
 * has stands below under its name. PostgreSQL is the server that tests/with-postgres names in the environment; without
 * it these tests say SKIP. Addresses are made by hand here: reading URLs is another room's affair. */
#include "base/clock.h"
#include "database/libpq.h"
#include "database/postgres.h"

#include <libpq-fe.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SCRIPT_MAX = 32, LOG_BYTES = 4096 };

/* ---- one database under test */

struct fixture {
    bool is_postgresql;
    struct arena arena;
    struct address address;
    struct connection_settings settings;
    struct connection connection;
    atomic_int interrupt;
    struct database *database;
    struct error err;
    struct played played;
    char waiting[512];
    char notices[LOG_BYTES];
    char done[LOG_BYTES]; /* a letter for each operation that completed */
    bool watches;
    char watched[LOG_BYTES]; /* "operation: who is in the way|phase\n" */
    char path[256];
};

static const struct connection_settings unset = {
    .connect_timeout_s = 5,
    .read_timeout_s = -1,
    .statement_timeout_ms = -1,
    .idle_timeout_ms = -1,
    .lock_timeout_ms = -1,
};

static const char *server(void)
{
    return getenv("MIGRATE_TEST_POSTGRES");
}

static void set_parameter(struct fixture *at, const char *name, const char *value)
{
    for (size_t i = 0; i < at->address.parameters.count; i++) {
        if (strcmp(at->address.parameters.items[i].name, name) == 0) {
            at->address.parameters.items[i].value = value;
            return;
        }
    }
    ARENA_PUSH(&at->arena, &at->address.parameters, (struct parameter){name, value});
}

static const char *parameter(const struct fixture *at, const char *name)
{
    for (size_t i = 0; i < at->address.parameters.count; i++)
        if (strcmp(at->address.parameters.items[i].name, name) == 0)
            return at->address.parameters.items[i].value;
    return "";
}

static void use_url(struct fixture *at, const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    assert_non_null(options);
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if (option->val)
            set_parameter(at, arena_string(&at->arena, option->keyword), arena_string(&at->arena, option->val));
    PQconninfoFree(options);
}

static void on_server(const char *sql)
{
    PGconn *link = PQconnectdb(server());
    PQclear(PQexec(link, "SET client_min_messages = warning"));
    PGresult *result = PQexec(link, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(link));
    PQclear(result);
    PQfinish(link);
}

static void note_waiting(void *context, const char *message)
{
    struct fixture *at = context;
    snprintf(at->waiting, sizeof at->waiting, "%s", message);
}

static struct database *open_another(struct fixture *at)
{
    struct database *database = NULL;
    if (!database_start(&at->connection, &at->arena, &database, &at->err))
        fail_msg("not opened: %s", at->err.message);
    return database;
}

static int set_up(void **state, bool is_postgresql)
{
    static const char name[] = "migrate_driver_test";
    struct fixture *at = calloc(1, sizeof *at);
    *state = at;
    at->is_postgresql = is_postgresql;
    at->settings = unset;
    at->connection = (struct connection){.address = &at->address,
                                         .settings = &at->settings,
                                         .interrupt = &at->interrupt,
                                         .waiting = note_waiting,
                                         .context = at};
    if (is_postgresql) {
        at->address.kind = ADDRESS_POSTGRESQL;
        if (!server())
            return 0;
        on_server("DROP DATABASE IF EXISTS migrate_driver_test WITH (FORCE)");
        on_server("CREATE DATABASE migrate_driver_test");
        use_url(at, server());
        set_parameter(at, "dbname", name);
    } else {
        at->address.kind = ADDRESS_SQLITE;
        snprintf(at->path, sizeof at->path, "/tmp/migrate-driver-test-%d.db", (int)getpid());
        unlink(at->path);
        at->address.file = at->path;
    }
    at->database = open_another(at);
    return 0;
}

static int set_up_postgresql(void **state)
{
    return set_up(state, true);
}

static int set_up_sqlite(void **state)
{
    return set_up(state, false);
}

static int tear_down(void **state)
{
    struct fixture *at = *state;
    database_close(at->database);
    if (at->is_postgresql && server())
        on_server("DROP DATABASE IF EXISTS migrate_driver_test WITH (FORCE)");
    if (!at->is_postgresql)
        unlink(at->path);
    arena_free(&at->arena);
    free(at);
    return 0;
}

static struct fixture *fixture_of(void **state)
{
    struct fixture *at = *state;
    if (at->is_postgresql && !server()) {
        print_message("SKIP: no server (run it with tests/with-postgres)\n");
        skip();
    }
    return at;
}

static void reopen(struct fixture *at)
{
    database_close(at->database);
    at->database = open_another(at);
}

/* ---- batches */

struct script {
    struct fixture *at;
    const struct op *ops;
    size_t count;
    size_t pulled;
    size_t fails_at;  /* the pull that fails; 0: none */
    size_t dwells_at; /* this pull takes its time; 0: none */
};

static PGconn *link_of(const struct fixture *at)
{
    return ((struct postgres *)at->database)->link;
}

static bool next_op(void *context, struct op *op, bool *end, struct error *err)
{
    struct script *script = context;
    *end = script->pulled == script->count;
    if (script->dwells_at && script->pulled == script->dwells_at)
        clock_sleep_ms(300);
    if (script->fails_at && script->pulled == script->fails_at)
        return error_set(err, MIGRATE_FILE, "the file is gone");
    if (!*end) {
        *op = script->ops[script->pulled];
        op->origin.statement = (uint32_t)script->pulled++;
    }
    return true;
}

static void note_done(void *context, const struct op_result *result)
{
    static const char letters[] = {
        [OP_BEGIN] = 'B', [OP_STATEMENT] = 'S', [OP_COPY] = 'Y',   [OP_EXECUTE] = 'E', [OP_EXPECT_ONE] = '1',
        [OP_RESET] = 'R', [OP_SETTINGS] = 'T',  [OP_COMMIT] = 'C', [OP_ALONE] = 'A',
    };
    struct script *script = context;
    size_t used = strlen(script->at->done);
    if (used + 1 < LOG_BYTES)
        script->at->done[used] = letters[result->op->kind];
}

static void note_notice(void *context, const struct op *op, const char *severity, const char *message)
{
    struct script *script = context;
    size_t used = strlen(script->at->notices);
    snprintf(script->at->notices + used, LOG_BYTES - used, "%s at %d: %s\n", severity,
             op ? (int)op->origin.statement : -1, message);
}

static void note_watch(void *context, const struct op *op, const struct op_watch *watch)
{
    struct script *script = context;
    size_t used = strlen(script->at->watched);
    snprintf(script->at->watched + used, LOG_BYTES - used, "%d: %s|%s\n", (int)op->origin.statement,
             watch->blockers ? watch->blockers : "", watch->phase ? watch->phase : "");
}

static struct batch batch_of(struct script *script)
{
    return (struct batch){.next = next_op,
                          .done = note_done,
                          .notice = note_notice,
                          .watch = script->at && script->at->watches ? note_watch : NULL,
                          .context = script};
}

static bool play_script(struct fixture *at, struct script *script)
{
    struct batch batch = batch_of(script);
    at->err = (struct error){0};
    memset(at->done, 0, sizeof at->done);
    return database_play(at->database, &batch, &at->played, &at->err);
}

static bool play_ops(struct fixture *at, const struct op *ops, size_t count)
{
    return play_script(at, &(struct script){.at = at, .ops = ops, .count = count});
}

#define PLAY(at, ...)                                                                                                  \
    play_ops((at), (const struct op[]){__VA_ARGS__}, sizeof((const struct op[]){__VA_ARGS__}) / sizeof(struct op))

#define SQL(text)                                                                                                      \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }
#define BEGIN                                                                                                          \
    {                                                                                                                  \
        .kind = OP_BEGIN                                                                                               \
    }
#define COMMIT                                                                                                         \
    {                                                                                                                  \
        .kind = OP_COMMIT                                                                                              \
    }
#define DURABLE                                                                                                        \
    {                                                                                                                  \
        .kind = OP_COMMIT, .durable = true                                                                             \
    }
#define RUN(text)                                                                                                      \
    {                                                                                                                  \
        .kind = OP_STATEMENT, .sql = SQL(text)                                                                         \
    }
#define ALONE(text)                                                                                                    \
    {                                                                                                                  \
        .kind = OP_ALONE, .sql = SQL(text)                                                                             \
    }
#define OURS(text)                                                                                                     \
    {                                                                                                                  \
        .kind = OP_EXECUTE, .sql = SQL(text)                                                                           \
    }
#define EXECUTE(text, ...)                                                                                             \
    {                                                                                                                  \
        .kind = OP_EXECUTE, .sql = SQL(text), __VA_ARGS__                                                              \
    }
#define EXPECT_ONE(text, ...)                                                                                          \
    {                                                                                                                  \
        .kind = OP_EXPECT_ONE, .sql = SQL(text), __VA_ARGS__                                                           \
    }
#define RESET                                                                                                          \
    {                                                                                                                  \
        .kind = OP_RESET                                                                                               \
    }
#define VALUES(...)                                                                                                    \
    .values = {__VA_ARGS__}, .value_count = sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value)

static void assert_played(struct fixture *at, bool ok)
{
    if (!ok)
        fail_msg("refused: %s (%s), commits %zu", at->err.message, at->err.sqlstate, at->played.commits);
}

static void assert_refused(struct fixture *at, bool ok, enum migrate_code code, size_t commits)
{
    if (ok)
        fail_msg("played, expected code %d", code);
    if (at->err.code != code || at->played.commits != commits)
        fail_msg("expected code %d and %zu commits, got %d and %zu: %s", code, commits, at->err.code,
                 at->played.commits, at->err.message);
}

static const char *ask_for(struct fixture *at, const char *sql)
{
    struct rows rows;
    struct question question = {.sql = sql};
    if (!database_ask(at->database, &question, 1, &at->arena, &rows, &at->err))
        fail_msg("%s: %s", sql, at->err.message);
    assert_int_equal(rows.count, 1);
    return rows_cell(&rows, 0, 0);
}

static bool has_table(struct fixture *at, const char *name)
{
    struct rows rows;
    struct question question = {.sql = arena_printf(&at->arena, "SELECT * FROM %s", name), .may_be_missing = true};
    if (!database_ask(at->database, &question, 1, &at->arena, &rows, &at->err))
        fail_msg("%s: %s", name, at->err.message);
    return !rows.is_missing;
}

/* ---- the contract */

static void several_revisions_stand(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), COMMIT, BEGIN, RUN("CREATE TABLE b (x int)"),
                           RUN("INSERT INTO b VALUES (1), (2)"), COMMIT, BEGIN, RUN("DROP TABLE a"), RESET, DURABLE));
    assert_int_equal(at->played.commits, 3);
    assert_string_equal(at->done, "BSCBSSCBSRC");
    assert_false(has_table(at, "a"));
    assert_string_equal(ask_for(at, "SELECT count(*) FROM b"), "2");
}

static void an_empty_batch_is_played(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_played(at, play_ops(at, NULL, 0));
    assert_int_equal(at->played.commits, 0);
}

static void a_comment_is_passed_over(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_played(at, PLAY(at, {.kind = OP_COMMENT, .sql = SQL("hello")}, BEGIN, DURABLE));
    assert_string_equal(at->done, "BC");
}

static void a_failure_leaves_what_came_before_it(void **state)
{
    struct fixture *at = fixture_of(state);
    bool ok = PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), COMMIT, BEGIN, RUN("CREATE TABLE b (x int)"), COMMIT,
                   BEGIN, RUN("CREATE TABLE c (x int)"), RUN("INSERT INTO nosuch VALUES (1)"), COMMIT, BEGIN,
                   RUN("CREATE TABLE d (x int)"), DURABLE);
    assert_refused(at, ok, MIGRATE_REFUSED, 2);
    assert_true(at->played.failed_in_op);
    assert_int_equal(at->played.failed.kind, OP_STATEMENT);
    assert_int_equal(at->played.failed.origin.statement, 8);
    assert_string_equal(at->done, "BSCBSCBS");
    assert_true(has_table(at, "a") && has_table(at, "b"));
    assert_false(has_table(at, "c") || has_table(at, "d"));
}

static void after_a_failure_the_session_can_be_used(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_refused(at, PLAY(at, BEGIN, RUN("nonsense"), COMMIT), MIGRATE_REFUSED, 0);
    assert_played(at, PLAY(at, BEGIN, OURS("CREATE TABLE a (x int)"), DURABLE));
    assert_refused(at, PLAY(at, BEGIN, RUN("nonsense"), OURS("INSERT INTO a VALUES (1)"), COMMIT), MIGRATE_REFUSED, 0);
    assert_played(at, PLAY(at, BEGIN, OURS("INSERT INTO a VALUES (1)"), DURABLE));
    assert_string_equal(ask_for(at, "SELECT count(*) FROM a"), "1");
}

static void an_error_is_placed_in_bytes(void **state)
{
    struct fixture *at = fixture_of(state);
    static const char sql[] = "SELECT '\xc3\xa4\xe2\x82\xac', nosuch";
    struct op ops[] = {BEGIN, {.kind = OP_STATEMENT, .sql = SQL(sql)}, COMMIT};
    assert_refused(at, play_ops(at, ops, 3), MIGRATE_REFUSED, 0);
    assert_int_equal(at->played.failed_position, (size_t)(strstr(sql, "nosuch") - sql));
}

static void a_row_without_its_parent_fails_at_commit(void **state)
{
    struct fixture *at = fixture_of(state);
    bool ok = PLAY(at, BEGIN, RUN("CREATE TABLE parent (id int PRIMARY KEY)"),
                   RUN("CREATE TABLE child (id int REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"), COMMIT,
                   BEGIN, RUN("INSERT INTO child VALUES (1)"), COMMIT, BEGIN, RUN("CREATE TABLE c (x int)"), DURABLE);
    assert_refused(at, ok, MIGRATE_REFUSED, 1);
    assert_int_equal(at->played.failed.kind, OP_COMMIT);
    assert_int_equal(at->played.failed.origin.statement, 6);
    assert_non_null(strstr(at->err.message, "child"));
    assert_non_null(strstr(at->err.message, "parent"));
    assert_string_equal(ask_for(at, "SELECT count(*) FROM child"), "0");
    assert_false(has_table(at, "c"));
}

static void versions_are_moved_one_by_one(void **state)
{
    struct fixture *at = fixture_of(state);
    const struct value first = {"one--", 3}, second = {"two", 3}; // values need not end in NUL
    assert_played(at, PLAY(at, BEGIN, OURS("CREATE TABLE v (n varchar(32), note text)"),
                           EXECUTE("INSERT INTO v VALUES ($1, $2)", VALUES(first, {NULL, 0})), COMMIT, BEGIN,
                           EXPECT_ONE("UPDATE v SET n = $1 WHERE n = $2", VALUES(second, first)), COMMIT, BEGIN,
                           EXPECT_ONE("UPDATE v SET n = $1 WHERE n = $2", VALUES(first, second)), DURABLE));
    assert_int_equal(at->played.commits, 3);
    assert_string_equal(ask_for(at, "SELECT n FROM v WHERE note IS NULL"), "one");
}

static void expecting_one(struct fixture *at, const char *rows)
{
    const struct op ops[] = {BEGIN,
                             RUN("CREATE TABLE a (x int)"),
                             EXPECT_ONE("UPDATE v SET n = 2 WHERE n = $1", VALUES({"1", 1})),
                             COMMIT,
                             BEGIN,
                             RUN("CREATE TABLE b (x int)"),
                             DURABLE};
    struct op first[] = {BEGIN, RUN("CREATE TABLE v (n int)"), {.kind = OP_STATEMENT, .sql = text_of(rows)}, DURABLE};
    assert_played(at, play_ops(at, first, 4));
    assert_refused(at, play_ops(at, ops, 7), MIGRATE_LOCKED, 0);
    assert_int_equal(at->played.failed.kind, OP_EXPECT_ONE);
    assert_false(has_table(at, "a") || has_table(at, "b"));
    assert_string_equal(ask_for(at, "SELECT count(*) FROM v WHERE n = 2"), "0");
}

static void a_version_row_that_is_not_there_fails_its_revision(void **state)
{
    expecting_one(fixture_of(state), "INSERT INTO v VALUES (7)");
}

static void two_version_rows_fail_their_revision(void **state)
{
    expecting_one(fixture_of(state), "INSERT INTO v VALUES (1), (1)");
}

static void a_statement_stands_alone(void **state)
{
    struct fixture *at = fixture_of(state);
    const char *sql = at->is_postgresql ? "CREATE INDEX CONCURRENTLY i ON a (x)" : "VACUUM";
    const struct op ops[] = {BEGIN, RUN("CREATE TABLE a (x int)"), COMMIT, {.kind = OP_ALONE, .sql = text_of(sql)},
                             BEGIN, RUN("CREATE TABLE b (x int)"), DURABLE};
    assert_true(database_lock(at->database, "alone", 0, &at->err));
    assert_played(at, play_ops(at, ops, 7));
    assert_int_equal(at->played.commits, 2);
    assert_int_equal(at->played.alone, 1);
    assert_string_equal(at->done, "BSCABSC");
}

static void a_refused_statement_alone_leaves_what_came_before_it(void **state)
{
    struct fixture *at = fixture_of(state);
    bool ok = PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), COMMIT, ALONE("CREATE INDEX i ON nosuch (x)"), BEGIN,
                   RUN("CREATE TABLE b (x int)"), DURABLE);
    assert_refused(at, ok, MIGRATE_REFUSED, 1);
    assert_int_equal(at->played.failed.kind, OP_ALONE);
    assert_int_equal(at->played.alone, 0);
    assert_true(has_table(at, "a"));
    assert_false(has_table(at, "b"));
}

static void a_batch_that_cannot_go_on_ends_with_its_own_error(void **state)
{
    struct fixture *at = fixture_of(state);
    const struct op ops[] = {BEGIN, RUN("CREATE TABLE a (x int)"), COMMIT,
                             BEGIN, RUN("CREATE TABLE b (x int)"), COMMIT};
    struct script script = {.at = at, .ops = ops, .count = 6, .fails_at = 5};
    assert_refused(at, play_script(at, &script), MIGRATE_FILE, 1);
    assert_false(at->played.failed_in_op);
    assert_true(has_table(at, "a"));
    assert_false(has_table(at, "b"));
}

static void what_stands_outside_a_transaction_is_not_the_next_ones(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_refused(at, PLAY(at, OURS("CREATE TABLE a (x int)"), BEGIN, RUN("nonsense"), COMMIT), MIGRATE_REFUSED, 0);
    assert_string_equal(at->done, "EB");
    assert_true(has_table(at, "a"));
}

static void a_missing_table_is_an_answer(void **state)
{
    struct fixture *at = fixture_of(state);
    struct question questions[] = {{.sql = "SELECT 1"},
                                   {.sql = "SELECT * FROM nosuch", .may_be_missing = true},
                                   {.sql = "SELECT $1, $2", .values = {{"x", 1}, {NULL, 0}}, .value_count = 2},
                                   {.sql = "SELECT * FROM nosuch.nosuch", .may_be_missing = true}};
    if (at->is_postgresql)
        questions[2].sql = "SELECT $1::text, $2::text";
    struct rows rows[4];
    if (!database_ask(at->database, questions, 4, &at->arena, rows, &at->err))
        fail_msg("%s", at->err.message);
    assert_string_equal(rows_cell(&rows[0], 0, 0), "1");
    assert_true(rows[1].is_missing && rows[3].is_missing);
    assert_string_equal(rows_cell(&rows[2], 0, 0), "x");
    assert_null(rows_cell(&rows[2], 0, 1));
    assert_false(
        database_ask(at->database, &(struct question){.sql = "SELECT * FROM nosuch"}, 1, &at->arena, rows, &at->err));
    assert_int_equal(at->err.code, MIGRATE_REFUSED);
    assert_string_equal(ask_for(at, "SELECT 2"), "2");
}

static void the_lock_is_one_connections(void **state)
{
    struct fixture *at = fixture_of(state);
    struct database *other = open_another(at);
    assert_true(database_lock(at->database, "lock", 0, &at->err));
    assert_true(database_lock(at->database, "lock", 0, &at->err));
    double start_ms = clock_ms();
    assert_false(database_lock(other, "lock", 200, &at->err));
    assert_int_equal(at->err.code, MIGRATE_LOCKED);
    assert_true(clock_ms() - start_ms >= 190);
    assert_true(strlen(at->waiting) > 0);
    database_unlock(at->database);
    if (!database_lock(other, "lock", 0, &at->err))
        fail_msg("not let go: %s", at->err.message);
    database_close(other);
    if (!database_lock(at->database, "lock", 1000, &at->err))
        fail_msg("not let go on close: %s", at->err.message);
}

static void *interrupt_soon(void *context)
{
    clock_sleep_ms(150);
    atomic_store((atomic_int *)context, 1);
    return NULL;
}

static void an_interrupt_stops_a_long_statement(void **state)
{
    struct fixture *at = fixture_of(state);
    const char *sql = at->is_postgresql
                          ? "SELECT pg_sleep(30)"
                          : "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    const struct op ops[] = {BEGIN, RUN("CREATE TABLE a (x int)"), COMMIT,
                             BEGIN, RUN("CREATE TABLE b (x int)"), {.kind = OP_STATEMENT, .sql = text_of(sql)},
                             COMMIT};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, &at->interrupt), 0);
    double start_ms = clock_ms();
    bool ok = play_ops(at, ops, 7);
    pthread_join(thread, NULL);
    assert_refused(at, ok, MIGRATE_INTERRUPTED, 1);
    assert_true(clock_ms() - start_ms < 5000);
    atomic_store(&at->interrupt, 0);
    assert_true(has_table(at, "a"));
    assert_false(has_table(at, "b"));
}

static void an_interrupt_between_operations_is_seen(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_true(database_ready(at->database, &at->err));
    assert_string_equal(ask_for(at, "SELECT 1"), "1");
    assert_true(database_lock(at->database, "lock", 0, &at->err));
    atomic_store(&at->interrupt, 1);
    assert_refused(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE), MIGRATE_INTERRUPTED, 0);
    atomic_store(&at->interrupt, 0);
    assert_false(has_table(at, "a"));
}

/* ---- memory */

struct flood {
    size_t left;
    size_t done;
    char *sql;
    size_t length;
};

static bool next_flood(void *context, struct op *op, bool *end, struct error *err)
{
    (void)err;
    struct flood *flood = context;
    *end = flood->left == 0;
    *op = (struct op){.kind = OP_STATEMENT, .sql = {flood->sql, flood->length}};
    flood->left -= !*end;
    return true;
}

static void count_flood(void *context, const struct op_result *result)
{
    (void)result;
    ((struct flood *)context)->done++;
}

static long peak_kb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* 100 MB of statements; `sql` is how one begins, `last` its last character. */
static void play_flood(struct fixture *at, const char *sql, char last)
{
    enum { STATEMENTS = 5000, LENGTH = 20000 };
    struct flood flood = {.left = STATEMENTS, .sql = malloc(LENGTH), .length = LENGTH};
    memset(flood.sql, 'x', LENGTH);
    memcpy(flood.sql, sql, strlen(sql));
    flood.sql[LENGTH - 1] = last;
    struct batch batch = {.next = next_flood, .done = count_flood, .context = &flood};
    assert_string_equal(ask_for(at, "SELECT 1"), "1");
    long before_kb = peak_kb();
    assert_played(at, database_play(at->database, &batch, &at->played, &at->err));
    free(flood.sql);
    assert_int_equal(flood.done, STATEMENTS);
#if !defined(__SANITIZE_ADDRESS__)
    if (peak_kb() - before_kb > 16 * 1024)
        fail_msg("100 MB of statements took %ld kB", peak_kb() - before_kb);
#else
    (void)before_kb;
#endif
}

static void a_long_batch_with_long_answers_takes_bounded_memory(void **state)
{
    play_flood(fixture_of(state), "SELECT '\xc3\xa4", '\'');
}

/* A server sends short answers only when it has gathered many, or is asked to. */
static void a_long_batch_with_short_answers_does_not_stall(void **state)
{
    play_flood(fixture_of(state), "SELECT 1 --", ' ');
}

/* ---- PostgreSQL */

static void postgresql_says_where_and_what(void **state)
{
    struct fixture *at = fixture_of(state);
    bool ok = PLAY(at, BEGIN, RUN("CREATE TABLE a (x int UNIQUE)"), RUN("INSERT INTO a VALUES (1), (1)"), COMMIT);
    assert_refused(at, ok, MIGRATE_REFUSED, 0);
    assert_string_equal(at->err.sqlstate, "23505");
    assert_non_null(strstr(at->err.message, "Key (x)=(1) already exists"));
    assert_refused(at, PLAY(at, BEGIN, RUN("VACUUM"), COMMIT), MIGRATE_REFUSED, 0);
    assert_string_equal(at->err.sqlstate, "25001");
    assert_non_null(strstr(at->err.hint, "autocommit"));
}

static void postgresql_copies(void **state)
{
    struct fixture *at = fixture_of(state);
    struct op copy = {.kind = OP_COPY, .sql = SQL("COPY a FROM STDIN"), .data = SQL("1\tone\n2\ttwo\n")};
    assert_true(database_lock(at->database, "copy", 0, &at->err));
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int, y text)"), copy,
                           RUN("INSERT INTO a VALUES (3, 'three')"), DURABLE));
    assert_string_equal(at->done, "BSYSC");
    assert_string_equal(ask_for(at, "SELECT string_agg(y, ',' ORDER BY x) FROM a"), "one,two,three");
    copy.data = (struct text)SQL("4\tfour\nfive\tfive\n");
    assert_refused(at, PLAY(at, BEGIN, copy, DURABLE), MIGRATE_REFUSED, 0);
    assert_int_equal(at->played.failed.kind, OP_COPY);
    assert_non_null(strstr(at->err.message, "line 2"));
    assert_string_equal(ask_for(at, "SELECT count(*) FROM a"), "3");
}

static void postgresql_copies_much(void **state)
{
    struct fixture *at = fixture_of(state);
    enum { LINES = 500000 };
    struct buffer data = {.arena = &at->arena};
    for (int i = 0; i < LINES; i++)
        buffer_printf(&data, "%d\n", i);
    struct op copy = {.kind = OP_COPY, .sql = SQL("COPY a FROM STDIN"), .data = {data.at, data.length}};
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), copy, DURABLE));
    assert_string_equal(ask_for(at, "SELECT count(*) FROM a"), "500000");
}

static void postgresql_is_not_hung_by_a_copy_without_data(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a AS SELECT generate_series(1, 100000) AS x"),
                           RUN("COPY a TO STDOUT"), DURABLE));
    assert_refused(at, PLAY(at, BEGIN, RUN("COPY a FROM STDIN"), DURABLE), MIGRATE_REFUSED, 0);
    assert_played(at, PLAY(at, ALONE("COPY a TO STDOUT")));
}

static void postgresql_notices_know_their_statement(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_played(at, PLAY(at, BEGIN, RUN("SELECT 1"), RUN("DROP TABLE IF EXISTS nosuch"), RUN("SELECT 2"),
                           RUN("DO $$ BEGIN RAISE WARNING 'careful'; END $$"), DURABLE,
                           ALONE("DO $$ BEGIN RAISE NOTICE 'alone'; END $$")));
    assert_string_equal(at->notices, "NOTICE at 2: table \"nosuch\" does not exist, skipping\n"
                                     "WARNING at 4: careful\n"
                                     "NOTICE at 6: alone\n");
}

static void postgresql_settings_end_with_the_revision(void **state)
{
    struct fixture *at = fixture_of(state);
    at->settings.search_path = "elsewhere, public";
    at->settings.lock_timeout_ms = 1234;
    reopen(at);
    assert_played(at,
                  PLAY(at, BEGIN, RUN("SET search_path = ''"), RUN("SET lock_timeout = 0"), RUN("SET ROLE ordinary"),
                       RUN("SET work_mem = '1MB'"), RUN("SET client_encoding = 'LATIN1'"), RESET, COMMIT, BEGIN,
                       RUN("CREATE TABLE public.seen AS SELECT current_user AS u, current_setting('search_path') AS s, "
                           "current_setting('lock_timeout') AS l, current_setting('work_mem') AS w, "
                           "current_setting('client_connection_check_interval') AS c"),
                       DURABLE));
    assert_string_equal(ask_for(at, "SELECT u || '|' || s || '|' || l || '|' || w || '|' || c FROM public.seen"),
                        "postgres|elsewhere, public|1234ms|4MB|5s");
    assert_string_equal(ask_for(at, "SHOW client_encoding"), "UTF8");
}

static void postgresql_settings_end_after_a_failure_too(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_refused(at, PLAY(at, ALONE("SET search_path = 'gone'"), ALONE("nonsense")), MIGRATE_REFUSED, 0);
    assert_int_equal(at->played.alone, 1);
    assert_string_equal(ask_for(at, "SHOW search_path"), "\"$user\", public");
}

static void postgresql_timeouts_are_an_operations(void **state)
{
    struct fixture *at = fixture_of(state);
    const struct op strict = {.kind = OP_SETTINGS, .lock_timeout_ms = 77, .statement_timeout_ms = 50};
    const struct op usual = {.kind = OP_SETTINGS, .lock_timeout_ms = -1, .statement_timeout_ms = -1};
    assert_played(at, PLAY(at, BEGIN, strict, RUN("CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS l"),
                           usual, RUN("INSERT INTO seen SELECT current_setting('lock_timeout')"), DURABLE));
    assert_string_equal(ask_for(at, "SELECT string_agg(l, ' ') FROM seen"), "77ms 5s");
    assert_refused(at, PLAY(at, BEGIN, strict, RUN("SELECT pg_sleep(5)"), DURABLE), MIGRATE_REFUSED, 0);
    assert_string_equal(at->err.sqlstate, "57014");
    assert_played(at, PLAY(at, usual, strict));
    assert_string_equal(ask_for(at, "SHOW lock_timeout"), "77ms");
}

static PGconn *connect_beside(const struct fixture *at, const char *application)
{
    const char *names[] = {"host", "port", "user", "password", "dbname", "application_name", NULL};
    const char *values[] = {parameter(at, "host"),
                            parameter(at, "port"),
                            parameter(at, "user"),
                            parameter(at, "password"),
                            parameter(at, "dbname"),
                            application,
                            NULL};
    return PQconnectdbParams(names, values, 0);
}

static void postgresql_lock_timeout_is_told_apart(void **state)
{
    struct fixture *at = fixture_of(state);
    const struct op strict = {.kind = OP_SETTINGS, .lock_timeout_ms = 50, .statement_timeout_ms = -1};
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE));
    PGconn *holder = connect_beside(at, "a reader");
    PQclear(PQexec(holder, "BEGIN; LOCK TABLE a"));
    bool ok = PLAY(at, BEGIN, strict, RUN("ALTER TABLE a ADD y int"), DURABLE);
    PQfinish(holder);
    assert_refused(at, ok, MIGRATE_LOCK_TIMEOUT, 0);
}

static void assert_says(const char *text, const char *expected)
{
    if (!strstr(text, expected))
        fail_msg("expected \"%s\", got: %s", expected, text);
}

static void postgresql_tells_who_is_in_the_way(void **state)
{
    struct fixture *at = fixture_of(state);
    const struct op patient = {.kind = OP_SETTINGS, .lock_timeout_ms = 2600, .statement_timeout_ms = -1};
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE));
    PGconn *holder = connect_beside(at, "a reader");
    PQclear(PQexec(holder, "BEGIN; SELECT * FROM a WHERE 'x://u:hidden@h/d' <> 'password hidden'"));
    bool alone = PLAY(at, BEGIN, patient, RUN("ALTER TABLE a ADD y int"), DURABLE);
    assert_refused(at, alone, MIGRATE_LOCK_TIMEOUT, 0);
    assert_null(strstr(at->err.hint, "In the way"));
    at->watches = true;
    bool ok = PLAY(at, BEGIN, patient, RUN("ALTER TABLE a ADD y int"), DURABLE);
    PQfinish(holder);
    assert_refused(at, ok, MIGRATE_LOCK_TIMEOUT, 0);
    assert_says(at->watched, " (a reader, user postgres at 127.0.0.1), idle in transaction since 20");
    assert_says(at->watched, ": BEGIN; SELECT * FROM a WHERE 'x://u@h/d' <> 'password ...|\n");
    assert_says(at->err.hint, "In the way: process ");
    assert_says(at->err.hint, "a reader");
    clock_sleep_ms(100);
    assert_string_equal(ask_for(at, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%watching%'"),
                        "0");
}

static void postgresql_watches_an_index_being_built(void **state)
{
    struct fixture *at = fixture_of(state);
    const struct op limit = {.kind = OP_SETTINGS, .lock_timeout_ms = 0, .statement_timeout_ms = 2500};
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE));
    PGconn *holder = connect_beside(at, "a writer");
    PQclear(PQexec(holder, "BEGIN; INSERT INTO a VALUES (1)"));
    at->watches = true;
    bool ok = PLAY(at, limit, ALONE("CREATE INDEX CONCURRENTLY a_x ON a (x)"));
    PQfinish(holder);
    assert_refused(at, ok, MIGRATE_REFUSED, 0);
    assert_says(at->watched, "1: process ");
    assert_says(at->watched, "(a writer, user postgres at 127.0.0.1)");
    assert_says(at->watched, "|waiting for writers before build\n");
}

static void postgresql_is_not_watched_when_it_is_quick(void **state)
{
    struct fixture *at = fixture_of(state);
    at->watches = true;
    double start_ms = clock_ms();
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), RUN("SELECT pg_sleep(0.5)"), DURABLE));
    assert_string_equal(at->watched, "");
    assert_true(clock_ms() - start_ms < 900);
}

static void postgresql_goes_on_when_nobody_can_watch(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE));
    on_server("ALTER DATABASE migrate_driver_test ALLOW_CONNECTIONS false");
    at->watches = true;
    bool ok = PLAY(at, BEGIN, RUN("SELECT pg_sleep(1.5)"), DURABLE);
    on_server("ALTER DATABASE migrate_driver_test ALLOW_CONNECTIONS true");
    assert_played(at, ok);
    assert_string_equal(at->watched, "");
}

static void postgresql_sees_a_script_end_its_transaction(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_refused(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), RUN("COMMIT"), COMMIT), MIGRATE_PARTIAL, 1);
    assert_refused(at, PLAY(at, BEGIN, RUN("CREATE TABLE b (x int)"), RUN("ROLLBACK"), COMMIT), MIGRATE_PARTIAL, 1);
    assert_played(at,
                  PLAY(at, BEGIN, RUN("SAVEPOINT s"), RUN("CREATE TABLE c (x int)"), RUN("ROLLBACK TO s"), DURABLE));
    assert_false(has_table(at, "c"));
}

static void postgresql_notices_a_lost_lock(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_true(database_lock(at->database, "lock", 0, &at->err));
    assert_played(at, PLAY(at, BEGIN, RUN("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"), DURABLE));
    ask_for(at, "SELECT pg_advisory_unlock_all()");
    assert_refused(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE), MIGRATE_LOCKED, 0);
    assert_refused(at, PLAY(at, ALONE("CREATE TABLE a (x int)")), MIGRATE_LOCKED, 0);
    assert_false(at->played.failed_in_op);
    assert_false(has_table(at, "a"));
}

static void postgresql_locks_by_name(void **state)
{
    struct fixture *at = fixture_of(state);
    struct database *other = open_another(at);
    assert_true(database_lock(at->database, "one", 0, &at->err));
    assert_true(database_lock(other, "two", 0, &at->err));
    database_close(other);
}

static void postgresql_names_who_holds_the_lock(void **state)
{
    struct fixture *at = fixture_of(state);
    at->settings.application_name = "the other pod";
    struct database *other = open_another(at);
    assert_true(database_lock(other, "lock", 0, &at->err));
    assert_false(database_lock(at->database, "lock", 0, &at->err));
    assert_non_null(strstr(at->err.message, "the other pod at 127.0.0.1"));
    database_close(other);
}

static void postgresql_losing_the_connection_is_told_apart(void **state)
{
    struct fixture *at = fixture_of(state);
    bool ok = PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), COMMIT, BEGIN,
                   RUN("SELECT pg_terminate_backend(pg_backend_pid())"), RUN("CREATE TABLE b (x int)"), DURABLE);
    assert_refused(at, ok, MIGRATE_LOST, 1);
    assert_refused(at, PLAY(at, BEGIN, DURABLE), MIGRATE_LOST, 0);
    reopen(at);
    assert_true(has_table(at, "a"));
    assert_false(has_table(at, "b"));
}

static void postgresql_counts_commits_answered_before_the_end(void **state)
{
    struct fixture *at = fixture_of(state);
    enum { LARGE = 70 * 1000 }; // more than libpq keeps before it sends: sending finds the connection broken
    struct buffer large = {.arena = &at->arena};
    buffer_printf(&large, "SELECT 1 /* %*s */", LARGE, "");
    const struct op more = {.kind = OP_STATEMENT, .sql = {large.at, large.length}};
    const struct op ops[] = {BEGIN,
                             RUN("CREATE TABLE a (x int)"),
                             COMMIT,
                             BEGIN,
                             RUN("CREATE TABLE b (x int)"),
                             COMMIT,
                             BEGIN,
                             RUN("SELECT pg_terminate_backend(pg_backend_pid())"),
                             more,
                             more,
                             more,
                             more,
                             DURABLE};
    struct script script = {.at = at, .ops = ops, .count = sizeof ops / sizeof ops[0], .dwells_at = 9};
    assert_refused(at, play_script(at, &script), MIGRATE_LOST, 2);
}

/* The client's end is gone and the server does not hear of it: its end of the connection stays open. */
static int lose_connection(struct fixture *at)
{
    assert_string_equal(ask_for(at, "SELECT 1"), "1");
    int pair[2], socket = PQsocket(link_of(at));
    int kept = dup(socket);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    dup2(pair[0], socket);
    close(pair[0]);
    close(pair[1]);
    struct rows rows;
    int64_t wait_ms = at->connection.wait_ms;
    at->connection.wait_ms = 0; // else it would be had back at once
    assert_false(database_ask(at->database, &(struct question){.sql = "SELECT 1"}, 1, &at->arena, &rows, &at->err));
    assert_int_equal(at->err.code, MIGRATE_LOST);
    at->connection.wait_ms = wait_ms;
    return kept;
}

static void postgresql_has_a_lost_connection_back_with_its_lock(void **state)
{
    struct fixture *at = fixture_of(state);
    at->connection.wait_ms = 5000;
    assert_true(database_lock(at->database, "lock", 0, &at->err));
    assert_played(at, PLAY(at, BEGIN, OURS("CREATE TABLE a (x int)"), DURABLE));
    int kept = lose_connection(at);
    if (!database_reconnect(at->database, &at->err))
        fail_msg("not had back: %s", at->err.message);
    close(kept);
    assert_played(at, PLAY(at, BEGIN, OURS("INSERT INTO a VALUES (1)"), DURABLE));
    struct database *other = open_another(at);
    assert_false(database_lock(other, "lock", 0, &at->err));
    assert_int_equal(at->err.code, MIGRATE_LOCKED);
    database_close(other);
}

static void postgresql_ends_no_session_that_only_has_the_same_pid(void **state)
{
    struct fixture *at = fixture_of(state);
    at->connection.wait_ms = 1000;
    assert_true(database_lock(at->database, "lock", 0, &at->err));
    struct session *session = &((struct postgres *)at->database)->session;
    session->since = "2026-01-01T00:00:00.000000";
    int kept = lose_connection(at);
    assert_false(database_reconnect(at->database, &at->err));
    assert_int_equal(at->err.code, MIGRATE_LOCKED);
    close(kept);
}

static void postgresql_is_not_had_back_without_waiting(void **state)
{
    struct fixture *at = fixture_of(state);
    close(lose_connection(at));
    assert_false(database_reconnect(at->database, &at->err));
    assert_int_equal(at->err.code, MIGRATE_LOST);
    struct rows rows;
    assert_false(database_ask(at->database, &(struct question){.sql = "SELECT 1"}, 1, &at->arena, &rows, &at->err));
    assert_int_equal(at->err.code, MIGRATE_LOST);
}

static bool fail_then_give(void *context, struct arena *arena, const struct address **address, struct error *err)
{
    struct fixture *at = context;
    (void)arena;
    (void)err;
    set_parameter(at, "port", strrchr(at->path, ':') + 1);
    *address = &at->address;
    return true;
}

static void postgresql_asks_for_the_address_again(void **state)
{
    struct fixture *at = fixture_of(state);
    snprintf(at->path, sizeof at->path, ":%s", parameter(at, "port"));
    set_parameter(at, "port", "1");
    at->connection.wait_ms = 5000;
    at->connection.address_again = fail_then_give;
    reopen(at);
    assert_string_equal(ask_for(at, "SELECT 1"), "1");
    assert_says(at->waiting, "waiting for the server, 0.0 s of 5 s: ");
    assert_int_equal(at->err.code, MIGRATE_OK);
}

static void postgresql_waiting_can_be_interrupted(void **state)
{
    struct fixture *at = fixture_of(state);
    pthread_t thread;
    set_parameter(at, "port", "1");
    at->connection.wait_ms = 20000;
    reopen(at);
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, &at->interrupt), 0);
    double start_ms = clock_ms();
    assert_false(database_ready(at->database, &at->err));
    pthread_join(thread, NULL);
    assert_int_equal(at->err.code, MIGRATE_INTERRUPTED);
    assert_true(clock_ms() - start_ms < 1000);
}

static void postgresql_waiting_ends_with_the_last_reason(void **state)
{
    struct fixture *at = fixture_of(state);
    set_parameter(at, "port", "1");
    at->connection.wait_ms = 500;
    reopen(at);
    double start_ms = clock_ms();
    assert_false(database_ready(at->database, &at->err));
    assert_true(clock_ms() - start_ms > 400 && clock_ms() - start_ms < 2000);
    assert_int_equal(at->err.code, MIGRATE_UNREACHABLE);
    assert_says(at->err.message, "no connection within 0.5 s (");
    assert_says(at->err.message, "Connection refused");
}

static void postgresql_goes_on_to_the_next_host_when_one_is_silent(void **state)
{
    struct fixture *at = fixture_of(state);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof any;
    int silent = socket(AF_INET, SOCK_STREAM, 0); // accepts by itself, and never answers
    assert_int_equal(bind(silent, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(silent, 8), 0);
    getsockname(silent, (struct sockaddr *)&any, &length);
    const char *port = parameter(at, "port"), *host = parameter(at, "host");
    set_parameter(at, "host", arena_printf(&at->arena, "127.0.0.1,%s", host));
    set_parameter(at, "port", arena_printf(&at->arena, "%d,%s", ntohs(any.sin_port), port));
    set_parameter(at, "connect_timeout", "1");
    reopen(at);
    assert_string_equal(ask_for(at, "SELECT 1"), "1");
    close(silent);
}

static void postgresql_keeps_statements_through_deallocate(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_played(at, PLAY(at, BEGIN, OURS("CREATE TABLE a (x int)"), COMMIT, BEGIN, RUN("DEALLOCATE ALL"), RESET,
                           COMMIT, ALONE("DISCARD ALL"), BEGIN, OURS("INSERT INTO a VALUES (1)"), RESET, DURABLE));
    assert_string_equal(ask_for(at, "SELECT count(*) FROM a"), "1");
}

static void postgresql_uses_the_role_it_is_given(void **state)
{
    struct fixture *at = fixture_of(state);
    // Before PostgreSQL 15 everybody might create tables there.
    assert_played(at, PLAY(at, BEGIN, RUN("REVOKE CREATE ON SCHEMA public FROM PUBLIC"), DURABLE));
    at->settings.role = "ordinary";
    reopen(at);
    assert_string_equal(ask_for(at, "SELECT current_user"), "ordinary");
    assert_refused(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE), MIGRATE_PERMISSION, 0);
    at->settings.role = "nosuch";
    reopen(at);
    assert_false(database_lock(at->database, "lock", 0, &at->err));
    assert_int_equal(at->err.code, MIGRATE_CONFIGURATION);
}

static void assert_unconnected(struct fixture *at, enum migrate_code code)
{
    reopen(at);
    if (database_ready(at->database, &at->err))
        fail_msg("connected");
    if (at->err.code != code)
        fail_msg("expected code %d, got %d: %s", code, at->err.code, at->err.message);
    if (strstr(at->err.message, "LOCATION") || strstr(at->err.message, "FATAL") || strstr(at->err.message, "secret"))
        fail_msg("noise in: %s", at->err.message);
}

static void postgresql_refusals_are_told_apart(void **state)
{
    struct fixture *at = fixture_of(state);
    set_parameter(at, "dbname", "nosuch");
    assert_unconnected(at, MIGRATE_NO_SUCH_DATABASE);
    assert_string_equal(at->err.sqlstate, "3D000");
    set_parameter(at, "sslmode", "require");
    assert_unconnected(at, MIGRATE_TLS);
    set_parameter(at, "sslmode", "prefer");
    set_parameter(at, "password", "secret");
    assert_unconnected(at, MIGRATE_AUTHENTICATION);
    assert_string_equal(at->err.sqlstate, "28P01");
    set_parameter(at, "port", "1");
    assert_unconnected(at, MIGRATE_UNREACHABLE);
    assert_true(strlen(at->err.hint) > 0);
}

static void postgresql_silence_ends_with_the_time_allowed(void **state)
{
    struct fixture *at = fixture_of(state);
    set_parameter(at, "host", "192.0.2.1"); // a net that is never there (RFC 5737)
    set_parameter(at, "connect_timeout", "1");
    double start_ms = clock_ms();
    assert_unconnected(at, MIGRATE_UNREACHABLE);
    assert_true(clock_ms() - start_ms < 3000);
}

static void postgresql_does_not_hang_on_a_copy_of_ours(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_refused(at, PLAY(at, BEGIN, OURS("CREATE TABLE a (x int)"), OURS("COPY a FROM STDIN"), COMMIT),
                   MIGRATE_DEFECT, 0);
    reopen(at);
    assert_false(has_table(at, "a"));
}

static pid_t start_pooler(struct fixture *at, const char *path, int port, const char *mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "[databases]\nmigrate_driver_test = host=%s port=%s user=%s password=%s\n", parameter(at, "host"),
            parameter(at, "port"), parameter(at, "user"), parameter(at, "password"));
    fprintf(file, "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nauth_type = any\n", port);
    fprintf(file, "pool_mode = %s\nunix_socket_dir =\n", mode);
    fclose(file);
    pid_t pid = fork();
    if (pid == 0) {
        enum { NOBODY = 65534 };
        bool ok = getuid() != 0 || (setgid(NOBODY) == 0 && setuid(NOBODY) == 0); // it refuses to run as root
        prctl(PR_SET_PDEATHSIG, SIGTERM);                                        // a failed test stops nothing
        if (ok)
            execl("/usr/sbin/pgbouncer", "pgbouncer", "-q", path, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void stop_pooler(struct fixture *at, pid_t pooler)
{
    database_close(at->database);
    at->database = NULL;
    kill(pooler, SIGTERM);
    waitpid(pooler, NULL, 0);
}

static void connect_to_pooler(struct fixture *at, int port)
{
    set_parameter(at, "port", arena_printf(&at->arena, "%d", port));
    for (int tries = 0; tries < 100; tries++) {
        reopen(at);
        if (database_ready(at->database, &at->err))
            break;
        clock_sleep_ms(50);
    }
    assert_string_equal(ask_for(at, "SELECT 1"), "1");
}

/* A pooler that hands out server connections for a transaction is as it is usually set up. */
static void pool_by_transaction(struct fixture *at, const char *path, int port)
{
    pid_t pooler = start_pooler(at, path, port, "transaction");
    connect_to_pooler(at, port);
    assert_false(database_lock(at->database, "lock", 0, &at->err));
    assert_int_equal(at->err.code, MIGRATE_POOLER);
    stop_pooler(at, pooler);
}

static void pool_by_session(struct fixture *at, const char *path, int port)
{
    pid_t pooler = start_pooler(at, path, port, "session");
    at->connection.pooler_is_session = true;
    connect_to_pooler(at, port);
    if (!database_lock(at->database, "lock", 0, &at->err))
        fail_msg("not locked: %s", at->err.message);
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE));
    stop_pooler(at, pooler);
}

static void postgresql_behind_a_pooler_gives_no_lock(void **state)
{
    struct fixture *at = fixture_of(state);
    if (access("/usr/sbin/pgbouncer", X_OK) != 0) {
        print_message("SKIP: no pgbouncer\n");
        skip();
    }
    char folder[] = "/tmp/migrate-driver-test.XXXXXX";
    assert_non_null(mkdtemp(folder));
    chmod(folder, 0755);
    const char *path = arena_printf(&at->arena, "%s/pgbouncer.ini", folder);
    const char *port = parameter(at, "port");
    int free_port = 33000 + (int)getpid() % 20000;
    pool_by_transaction(at, path, free_port);
    set_parameter(at, "port", port);
    pool_by_session(at, path, free_port + 1);
    unlink(path);
    rmdir(folder);
}

/* A deferred trigger runs within COMMIT, so it sees what COMMIT was told. */
static void postgresql_waits_for_the_disk_once(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_played(
        at, PLAY(at, BEGIN, RUN("CREATE TABLE seen (revision int, waits text)"),
                 RUN("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE seen SET waits = "
                     "current_setting('synchronous_commit') WHERE revision = NEW.revision; RETURN NEW; END $$"),
                 RUN("CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON seen DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
                     "EXECUTE FUNCTION note()"),
                 COMMIT, BEGIN, RUN("INSERT INTO seen VALUES (1)"), COMMIT, BEGIN, RUN("INSERT INTO seen VALUES (2)"),
                 COMMIT, BEGIN, RUN("INSERT INTO seen VALUES (3)"), DURABLE));
    assert_string_equal(ask_for(at, "SELECT string_agg(waits, ' ' ORDER BY revision) FROM seen"), "off off on");
}

static void postgresql_read_only_is_a_matter_of_permission(void **state)
{
    struct fixture *at = fixture_of(state);
    bool ok = PLAY(at, BEGIN, RUN("SET TRANSACTION READ ONLY"), RUN("CREATE TABLE a (x int)"), DURABLE);
    assert_refused(at, ok, MIGRATE_PERMISSION, 0);
    assert_string_equal(at->err.sqlstate, "25006");
}

static void postgresql_drops_the_rows_of_a_large_select(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_string_equal(ask_for(at, "SELECT 1"), "1");
    long before_kb = peak_kb();
    assert_played(at, PLAY(at, BEGIN, RUN("SELECT repeat('x', 100) FROM generate_series(1, 300000)"), DURABLE));
#if !defined(__SANITIZE_ADDRESS__)
    assert_true(peak_kb() - before_kb < 8 * 1024);
#else
    (void)before_kb;
#endif
}

/* ---- SQLite */

static void sqlite_does_not_make_a_file_by_looking(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_false(has_table(at, "a"));
    assert_int_equal(access(at->path, F_OK), -1);
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE));
    assert_true(has_table(at, "a"));
    assert_int_equal(access(at->path, F_OK), 0);
}

static void sqlite_says_when_everything_was_rolled_back(void **state)
{
    struct fixture *at = fixture_of(state);
    bool ok = PLAY(at, BEGIN, RUN("CREATE TABLE a (x int UNIQUE)"), COMMIT, ALONE("VACUUM"), BEGIN,
                   RUN("CREATE TABLE b (x int)"), COMMIT, BEGIN, RUN("INSERT INTO a VALUES (1)"),
                   RUN("INSERT OR ROLLBACK INTO a VALUES (1)"), DURABLE);
    assert_refused(at, ok, MIGRATE_REFUSED, 1);
    assert_true(at->played.transaction_lost);
    assert_true(has_table(at, "a"));
    assert_false(has_table(at, "b"));
}

static void sqlite_sees_a_script_end_its_transaction(void **state)
{
    struct fixture *at = fixture_of(state);
    bool ok = PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), RUN("COMMIT"), RUN("CREATE TABLE b (x int)"), DURABLE);
    assert_refused(at, ok, MIGRATE_REFUSED, 0);
    assert_int_equal(at->played.failed.origin.statement, 2);
    assert_true(at->played.transaction_lost);
    assert_false(has_table(at, "b"));
}

static void sqlite_places_an_error_behind_a_semicolon(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_refused(at, PLAY(at, BEGIN, RUN("SELECT 1; SELECT nosuch"), DURABLE), MIGRATE_REFUSED, 0);
    assert_int_equal(at->played.failed_position, strlen("SELECT 1; SELECT "));
}

static void sqlite_rebuilds_a_table_without_cascading(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE p (id integer PRIMARY KEY)"),
                           RUN("CREATE TABLE c (id int REFERENCES p (id) ON DELETE CASCADE)"),
                           RUN("INSERT INTO p VALUES (1)"), RUN("INSERT INTO c VALUES (1)"), COMMIT, BEGIN,
                           RUN("CREATE TABLE q (id integer PRIMARY KEY, x int)"),
                           RUN("INSERT INTO q (id) SELECT id FROM p"), RUN("DROP TABLE p"),
                           RUN("ALTER TABLE q RENAME TO p"), DURABLE));
    assert_string_equal(ask_for(at, "SELECT count(*) FROM c"), "1");
}

static void sqlite_does_not_hold_old_orphans_against_a_revision(void **state)
{
    struct fixture *at = fixture_of(state);
    sqlite3 *file = NULL;
    assert_int_equal(sqlite3_open(at->path, &file), SQLITE_OK);
    sqlite3_exec(file,
                 "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (id int REFERENCES p); "
                 "INSERT INTO c VALUES (1)",
                 NULL, NULL, NULL);
    sqlite3_close(file);
    reopen(at);
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE));
    assert_refused(at, PLAY(at, BEGIN, RUN("INSERT INTO c VALUES (2)"), DURABLE), MIGRATE_REFUSED, 0);
}

static void sqlite_read_only_is_a_matter_of_permission(void **state)
{
    struct fixture *at = fixture_of(state);
    assert_played(at, PLAY(at, BEGIN, RUN("CREATE TABLE a (x int)"), DURABLE));
    at->address.read_only = true;
    reopen(at);
    assert_true(has_table(at, "a"));
    assert_refused(at, PLAY(at, BEGIN, RUN("CREATE TABLE b (x int)"), DURABLE), MIGRATE_PERMISSION, 0);
    assert_false(database_lock(at->database, "lock", 0, &at->err));
    assert_int_equal(at->err.code, MIGRATE_PERMISSION);
}

static void sqlite_knows_what_is_no_database(void **state)
{
    struct fixture *at = fixture_of(state);
    struct rows rows;
    FILE *file = fopen(at->path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    reopen(at);
    assert_false(database_ask(at->database, &(struct question){.sql = "SELECT * FROM a", .may_be_missing = true}, 1,
                              &at->arena, &rows, &at->err));
    assert_int_equal(at->err.code, MIGRATE_FILE);
    at->address.file = "/tmp";
    reopen(at);
    assert_false(database_ready(at->database, &at->err));
    assert_int_equal(at->err.code, MIGRATE_FILE);
    at->address.file = "/nosuch/x.db";
    at->address.must_exist = true;
    reopen(at);
    assert_false(database_ready(at->database, &at->err));
    assert_int_equal(at->err.code, MIGRATE_NO_SUCH_DATABASE);
    at->address.must_exist = false;
    reopen(at);
    assert_false(database_lock(at->database, "lock", 0, &at->err));
    assert_int_equal(at->err.code, MIGRATE_FILE);
}

static void sqlite_says_when_the_disk_is_full(void **state)
{
    struct fixture *at = fixture_of(state);
    bool ok = PLAY(at, BEGIN, RUN("CREATE TABLE a (x text)"), COMMIT, BEGIN, RUN("PRAGMA max_page_count = 5"),
                   RUN("INSERT INTO a VALUES (zeroblob(1000000))"), DURABLE);
    assert_false(ok);
    assert_int_equal(at->err.code, MIGRATE_FILE);
    assert_int_equal(at->played.commits, at->played.transaction_lost ? 0 : 1);
    assert_int_equal(has_table(at, "a"), at->played.commits == 1);
}

/* ---- the printer */

static bool print_to(void *context, const char *bytes, size_t size_bytes)
{
    buffer_add(context, bytes, size_bytes);
    return true;
}

static const struct op printed[] = {
    {.kind = OP_COMMENT, .sql = SQL("Running upgrade a -> b")},
    BEGIN,
    {.kind = OP_SETTINGS, .lock_timeout_ms = 7, .statement_timeout_ms = -1},
    RUN("CREATE TABLE t (x int) -- last"),
    {.kind = OP_COPY, .sql = SQL("COPY t FROM STDIN"), .data = SQL("1\n2\n")},
    RESET,
    EXPECT_ONE("UPDATE v SET n = $1 WHERE n = $2 AND '$1' = \"$1\"", VALUES({"it's", 4}, {"\\", 1})),
    EXECUTE("INSERT INTO h VALUES ($1, $2)", VALUES({NULL, 0}, {"x", 1})),
    COMMIT,
};

static const char *print_ops(struct arena *arena, bool is_postgresql)
{
    struct error err;
    struct buffer text = {.arena = arena};
    struct script script = {.ops = printed, .count = sizeof printed / sizeof printed[0]};
    struct batch batch = batch_of(&script);
    struct printer printer = {.is_postgresql = is_postgresql, .write = print_to, .context = &text};
    assert_true(print_play(&printer, &batch, &err));
    return buffer_done(&text);
}

static void a_batch_is_printed_for_postgresql(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(print_ops(&arena, true),
                        "-- Running upgrade a -> b\n\n"
                        "BEGIN;\n\n"
                        "SET LOCAL lock_timeout = 7;\n\n"
                        "CREATE TABLE t (x int) -- last\n;\n\n"
                        "COPY t FROM STDIN;\n1\n2\n\\.\n\n"
                        "RESET ALL;\n\nRESET ROLE;\n\n"
                        "DO $migrate$\nDECLARE moved bigint;\nBEGIN\n"
                        "UPDATE v SET n = 'it''s' WHERE n = E'\\\\' AND '$1' = \"$1\";\n"
                        "GET DIAGNOSTICS moved = ROW_COUNT;\nIF moved <> 1 THEN\n"
                        "RAISE EXCEPTION 'the database is not where this script starts: % version rows moved', moved;\n"
                        "END IF;\nEND\n$migrate$;\n\n"
                        "INSERT INTO h VALUES (NULL, 'x');\n\n"
                        "COMMIT;\n\n");
    arena_free(&arena);
}

static void a_batch_is_printed_for_sqlite(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *text = print_ops(&arena, false);
    assert_non_null(strstr(text, "UPDATE v SET n = 'it''s' WHERE n = '\\' AND '$1' = \"$1\";\n\n"));
    assert_null(strstr(text, "RESET"));
    assert_null(strstr(text, "SET LOCAL"));
    arena_free(&arena);
}

static void names_are_quoted(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(identifier_quote("a\"b", &arena), "\"a\"\"b\"");
    assert_string_equal(literal_quote(text_of("it's \\"), true, &arena), "E'it''s \\\\'");
    assert_string_equal(literal_quote(text_of("it's \\"), false, &arena), "'it''s \\'");
    arena_free(&arena);
}

#define ON_POSTGRESQL(test)                                                                                            \
    {                                                                                                                  \
        "postgresql: " #test, test, set_up_postgresql, tear_down, NULL                                                 \
    }
#define ON_SQLITE(test)                                                                                                \
    {                                                                                                                  \
        "sqlite: " #test, test, set_up_sqlite, tear_down, NULL                                                         \
    }
#define ON_BOTH(test) ON_POSTGRESQL(test), ON_SQLITE(test)

/* driver_test ['*name*']: the tests of that name alone. */
int main(int argc, char **argv)
{
    struct error err;
    if (!libpq_load(&err)) // the tests call it themselves
        return 1;
    const struct CMUnitTest tests[] = {
        ON_BOTH(several_revisions_stand),
        ON_BOTH(an_empty_batch_is_played),
        ON_BOTH(a_comment_is_passed_over),
        ON_BOTH(a_failure_leaves_what_came_before_it),
        ON_BOTH(after_a_failure_the_session_can_be_used),
        ON_BOTH(an_error_is_placed_in_bytes),
        ON_BOTH(a_row_without_its_parent_fails_at_commit),
        ON_BOTH(versions_are_moved_one_by_one),
        ON_BOTH(a_version_row_that_is_not_there_fails_its_revision),
        ON_BOTH(two_version_rows_fail_their_revision),
        ON_BOTH(a_statement_stands_alone),
        ON_BOTH(a_refused_statement_alone_leaves_what_came_before_it),
        ON_BOTH(a_batch_that_cannot_go_on_ends_with_its_own_error),
        ON_BOTH(what_stands_outside_a_transaction_is_not_the_next_ones),
        ON_BOTH(a_missing_table_is_an_answer),
        ON_BOTH(the_lock_is_one_connections),
        ON_BOTH(an_interrupt_stops_a_long_statement),
        ON_BOTH(an_interrupt_between_operations_is_seen),
        ON_BOTH(a_long_batch_with_long_answers_takes_bounded_memory),
        ON_BOTH(a_long_batch_with_short_answers_does_not_stall),
        ON_POSTGRESQL(postgresql_says_where_and_what),
        ON_POSTGRESQL(postgresql_copies),
        ON_POSTGRESQL(postgresql_is_not_hung_by_a_copy_without_data),
        ON_POSTGRESQL(postgresql_notices_know_their_statement),
        ON_POSTGRESQL(postgresql_settings_end_with_the_revision),
        ON_POSTGRESQL(postgresql_settings_end_after_a_failure_too),
        ON_POSTGRESQL(postgresql_timeouts_are_an_operations),
        ON_POSTGRESQL(postgresql_lock_timeout_is_told_apart),
        ON_POSTGRESQL(postgresql_sees_a_script_end_its_transaction),
        ON_POSTGRESQL(postgresql_notices_a_lost_lock),
        ON_POSTGRESQL(postgresql_locks_by_name),
        ON_POSTGRESQL(postgresql_names_who_holds_the_lock),
        ON_POSTGRESQL(postgresql_losing_the_connection_is_told_apart),
        ON_POSTGRESQL(postgresql_tells_who_is_in_the_way),
        ON_POSTGRESQL(postgresql_watches_an_index_being_built),
        ON_POSTGRESQL(postgresql_is_not_watched_when_it_is_quick),
        ON_POSTGRESQL(postgresql_goes_on_when_nobody_can_watch),
        ON_POSTGRESQL(postgresql_counts_commits_answered_before_the_end),
        ON_POSTGRESQL(postgresql_has_a_lost_connection_back_with_its_lock),
        ON_POSTGRESQL(postgresql_ends_no_session_that_only_has_the_same_pid),
        ON_POSTGRESQL(postgresql_is_not_had_back_without_waiting),
        ON_POSTGRESQL(postgresql_asks_for_the_address_again),
        ON_POSTGRESQL(postgresql_waiting_can_be_interrupted),
        ON_POSTGRESQL(postgresql_waiting_ends_with_the_last_reason),
        ON_POSTGRESQL(postgresql_goes_on_to_the_next_host_when_one_is_silent),
        ON_POSTGRESQL(postgresql_keeps_statements_through_deallocate),
        ON_POSTGRESQL(postgresql_uses_the_role_it_is_given),
        ON_POSTGRESQL(postgresql_refusals_are_told_apart),
        ON_POSTGRESQL(postgresql_silence_ends_with_the_time_allowed),
        ON_POSTGRESQL(postgresql_does_not_hang_on_a_copy_of_ours),
        ON_POSTGRESQL(postgresql_waits_for_the_disk_once),
        ON_POSTGRESQL(postgresql_behind_a_pooler_gives_no_lock),
        ON_POSTGRESQL(postgresql_read_only_is_a_matter_of_permission),
        ON_POSTGRESQL(postgresql_drops_the_rows_of_a_large_select),
        ON_POSTGRESQL(postgresql_copies_much),
        ON_SQLITE(sqlite_does_not_make_a_file_by_looking),
        ON_SQLITE(sqlite_says_when_everything_was_rolled_back),
        ON_SQLITE(sqlite_sees_a_script_end_its_transaction),
        ON_SQLITE(sqlite_places_an_error_behind_a_semicolon),
        ON_SQLITE(sqlite_rebuilds_a_table_without_cascading),
        ON_SQLITE(sqlite_does_not_hold_old_orphans_against_a_revision),
        ON_SQLITE(sqlite_read_only_is_a_matter_of_permission),
        ON_SQLITE(sqlite_knows_what_is_no_database),
        ON_SQLITE(sqlite_says_when_the_disk_is_full),
        cmocka_unit_test(a_batch_is_printed_for_postgresql),
        cmocka_unit_test(a_batch_is_printed_for_sqlite),
        cmocka_unit_test(names_are_quoted),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
