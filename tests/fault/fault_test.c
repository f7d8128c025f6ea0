/* fault_test.c: a driver that fails at its 1st, 2nd, 3rd ... call until nothing fails any more.
 *
 * It stands in front of the SQLite driver and counts whatever is asked of it, each operation that a batch hands out
 * included. Two ways to fail: before anything was done, and after it was done but before the answer arrived. After each
 * failure the database must be where its version rows say, and a rerun must end where an undisturbed run ends. */
#include "apply/apply.h"
#include "command/session.h"
#include "database/driver.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the driver that fails ---------------------------------------------------------------------- */

struct faulty {
    struct database head; // first, as driver.h wants
    struct database *real;
    unsigned calls;
    unsigned fail_at;       // 0: never
    bool fail_after;        // what was asked is done, and the answer lost
    enum migrate_code code; // what the failure is said to be
    bool has_failed;
};

static bool fails_now(struct faulty *faulty, bool after)
{
    if (!after)
        faulty->calls++;
    bool fails = faulty->calls == faulty->fail_at && faulty->fail_after == after && !faulty->has_failed;
    faulty->has_failed = faulty->has_failed || fails;
    return fails;
}

static bool fail_as_asked(const struct faulty *faulty, struct error *err)
{
    return error_set(err, faulty->code, "the fault that was asked for");
}

static bool faulty_ready(struct database *database, struct error *err)
{
    struct faulty *faulty = (struct faulty *)database;
    return fails_now(faulty, false) ? fail_as_asked(faulty, err) : database_ready(faulty->real, err);
}

static bool faulty_ask(struct database *database, const struct question *questions, size_t count, struct arena *arena,
                       struct rows *rows, struct error *err)
{
    struct faulty *faulty = (struct faulty *)database;
    if (fails_now(faulty, false))
        return fail_as_asked(faulty, err);
    return database_ask(faulty->real, questions, count, arena, rows, err) &&
           (!fails_now(faulty, true) || fail_as_asked(faulty, err));
}

static bool faulty_lock(struct database *database, const char *name, int64_t wait_ms, struct error *err)
{
    struct faulty *faulty = (struct faulty *)database;
    if (fails_now(faulty, false))
        return fail_as_asked(faulty, err);
    return database_lock(faulty->real, name, wait_ms, err) && (!fails_now(faulty, true) || fail_as_asked(faulty, err));
}

static void faulty_unlock(struct database *database)
{
    database_unlock(((struct faulty *)database)->real);
}

static bool faulty_reconnect(struct database *database, struct error *err)
{
    return database_reconnect(((struct faulty *)database)->real, err);
}

struct faulty_batch {
    const struct batch *real;
    struct faulty *faulty;
};

static bool faulty_next(void *context, struct op *op, bool *end, struct error *err)
{
    struct faulty_batch *batch = context;
    if (fails_now(batch->faulty, false))
        return fail_as_asked(batch->faulty, err);
    return batch->real->next(batch->real->context, op, end, err);
}

static void faulty_done(void *context, const struct op_result *result)
{
    const struct faulty_batch *batch = context;
    if (batch->real->done)
        batch->real->done(batch->real->context, result);
}

static bool faulty_play(struct database *database, const struct batch *batch, struct played *played, struct error *err)
{
    struct faulty *faulty = (struct faulty *)database;
    struct faulty_batch context = {.real = batch, .faulty = faulty};
    struct batch wrapped = {.next = faulty_next, .done = faulty_done, .context = &context};
    return database_play(faulty->real, &wrapped, played, err) &&
           (!fails_now(faulty, true) || fail_as_asked(faulty, err));
}

static const struct driver faulty_driver = {
    .name = "sqlite",
    .transactional_ddl = true,
    .is_file = true,
    .ready = faulty_ready,
    .ask = faulty_ask,
    .lock = faulty_lock,
    .unlock = faulty_unlock,
    .reconnect = faulty_reconnect,
    .play = faulty_play,
};

/* --- a project ---------------------------------------------------------------------------------- */

static const struct {
    const char *id;
    const char *text;
} files[] = {
    {"a",
     "-- a\n-- Revision ID: a\n-- Revises:\n\n-- migrate:upgrade\nCREATE TABLE a (x INTEGER);\nINSERT INTO a VALUES "
     "(1);\n-- migrate:downgrade\nDROP TABLE a;\n"},
    {"b",
     "-- b\n-- Revision ID: b\n-- Revises: a\n\n-- migrate:upgrade\nCREATE TABLE b (x INTEGER);\n-- migrate:upgrade "
     "autocommit\nCREATE INDEX b_x ON b (x);\nCREATE INDEX a_x ON a (x);\n-- migrate:upgrade\nINSERT INTO b VALUES "
     "(1);\n-- migrate:downgrade\nDROP INDEX a_x;\nDROP TABLE b;\n"},
    {"c", "-- c\n-- Revision ID: c\n-- Revises: b\n\n-- migrate:upgrade\nCREATE TABLE c (x INTEGER);\n-- "
          "migrate:downgrade\nDROP TABLE c;\n"},
};

enum { FILES = sizeof files / sizeof files[0] };

struct project {
    char folder[64];
    char database[80];
};

static void write_project(struct project *project)
{
    strcpy(project->folder, "/tmp/migrate-fault-XXXXXX");
    assert_non_null(mkdtemp(project->folder));
    snprintf(project->database, sizeof project->database, "%s/test.db", project->folder);
    for (size_t i = 0; i < FILES; i++) {
        char path[96];
        struct error err;
        snprintf(path, sizeof path, "%s/%s.sql", project->folder, files[i].id);
        assert_true(file_create(path, text_of(files[i].text), &err));
    }
}

static void remove_project(const struct project *project)
{
    char path[96];
    for (size_t i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s.sql", project->folder, files[i].id);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s-journal", project->database);
    unlink(path);
    unlink(project->database);
    assert_int_equal(rmdir(project->folder), 0);
}

/* --- one run ------------------------------------------------------------------------------------ */

static bool run(const struct project *project, enum direction direction, const char *wanted, unsigned fail_at,
                bool fail_after, enum migrate_code code, bool *has_failed, bool *was_reached, struct error *err)
{
    struct arena arena = {0};
    atomic_int interrupt = 0;
    struct address address = {.kind = ADDRESS_SQLITE, .file = project->database, .display = "sqlite"};
    struct connection_settings settings = {
        .connect_timeout_s = 10, .statement_timeout_ms = -1, .idle_timeout_ms = -1, .lock_timeout_ms = -1};
    struct connection connection = {.address = &address, .settings = &settings, .interrupt = &interrupt};
    struct faulty faulty = {.head = {.driver = &faulty_driver, .connection = &connection},
                            .fail_at = fail_at,
                            .fail_after = fail_after,
                            .code = code};
    assert_true(database_start(&connection, &arena, &faulty.real, err));

    const char *folder = project->folder;
    struct scripts scripts;
    struct graph graph;
    struct target target;
    struct ledger ledger;
    struct ledger_run who = {.applied_by = "tester"};
    assert_true(scripts_read((struct names){&folder, 1}, &arena, &scripts, err));
    assert_true(graph_build(scripts.revisions, scripts.count, &arena, &graph, err));
    assert_true(target_parse(wanted, &arena, &target, err));
    ledger_init(&ledger, &(struct ledger_names){.version_table = "alembic_version", .history_table = "migrate_history"},
                true, &arena);
    struct change change = {.database = &faulty.head,
                            .ledger = &ledger,
                            .graph = &graph,
                            .direction = direction,
                            .targets = &target,
                            .target_count = 1,
                            .run = &who,
                            .folder = project->folder,
                            .arena = &arena};
    struct migrate_outcome outcome = {0};
    change.outcome = &outcome;
    bool ok = apply_change(&change, err);
    *has_failed = faulty.has_failed;
    *was_reached = faulty.calls >= fail_at;
    database_close(faulty.real);
    arena_free(&arena);
    return ok;
}

/* --- what the database must look like ----------------------------------------------------------- */

static const char *answer(const struct project *project, const char *sql, char *text, size_t size)
{
    sqlite3 *raw = NULL;
    sqlite3_stmt *statement = NULL;
    text[0] = '\0';
    assert_int_equal(sqlite3_open(project->database, &raw), SQLITE_OK);
    if (sqlite3_prepare_v2(raw, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW &&
        sqlite3_column_text(statement, 0))
        snprintf(text, size, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(raw);
    return text;
}

static const char tables[] = "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_master WHERE name IN "
                             "('a', 'b', 'c', 'a_x', 'b_x') ORDER BY name)";
static const char version[] = "SELECT group_concat(version_num, ' ') FROM alembic_version";
static const char running[] =
    "SELECT group_concat(revision || statements_done, ' ') FROM migrate_history WHERE status = 'running'";

/* Each place the database may stop at: version row, objects, running row. Those of b's middle have one. */
static void assert_consistent(const struct project *project, unsigned fail_at)
{
    static const struct {
        const char *version, *tables, *running;
    } places[] = {
        {"", "", ""},
        {"a", "a", ""},
        {"a", "a", "b0"},
        {"a", "a b", "b1"},
        {"a", "a b b_x", "b2"},
        {"a", "a a_x b b_x", "b3"},
        {"a", "a a_x b b_x", "b4"},
        {"b", "a a_x b b_x", ""},
        {"c", "a a_x b b_x c", ""},
    };
    char is_version[64], is_tables[128], is_running[64];
    answer(project, version, is_version, sizeof is_version);
    answer(project, tables, is_tables, sizeof is_tables);
    answer(project, running, is_running, sizeof is_running);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strcmp(places[i].version, is_version) == 0 && strcmp(places[i].tables, is_tables) == 0 &&
            strcmp(places[i].running, is_running) == 0)
            return;
    fail_msg("after a failure at call %u: version \"%s\", objects \"%s\", running \"%s\"", fail_at, is_version,
             is_tables, is_running);
}

static void fail_everywhere(enum direction direction, bool fail_after, enum migrate_code code, const char *end_version,
                            const char *end_tables)
{
    unsigned failures = 0;
    for (unsigned fail_at = 1;; fail_at++) {
        struct project project;
        struct error err = {0};
        bool has_failed = false, was_reached = false, ignored = false;
        char text[128];
        write_project(&project);
        if (direction == DIRECTION_DOWNGRADE)
            assert_true(run(&project, DIRECTION_UPGRADE, "head", 0, false, MIGRATE_OK, &ignored, &ignored, &err));
        bool ok = run(&project, direction, direction == DIRECTION_UPGRADE ? "head" : "base", fail_at, fail_after, code,
                      &has_failed, &was_reached, &err);
        if (has_failed) {
            failures++;
            assert_true(!ok || fail_after || code == MIGRATE_LOST);
            if (direction == DIRECTION_UPGRADE)
                assert_consistent(&project, fail_at);
            memset(&err, 0, sizeof err);
            if (!run(&project, direction, direction == DIRECTION_UPGRADE ? "head" : "base", 0, false, MIGRATE_OK,
                     &ignored, &ignored, &err))
                fail_msg("the rerun after a failure at call %u: %s", fail_at, err.message);
        } else if (!ok) {
            fail_msg("nothing was made to fail, and yet: %s", err.message);
        }
        assert_string_equal(answer(&project, version, text, sizeof text), end_version);
        assert_string_equal(answer(&project, tables, text, sizeof text), end_tables);
        remove_project(&project);
        if (!was_reached)
            break;
    }
    print_message("%u calls were made to fail\n", failures);
    assert_true(failures > (fail_after ? 3 : 20));
}

static void an_upgrade_that_fails_anywhere_is_consistent_and_can_be_rerun(void **state)
{
    (void)state;
    fail_everywhere(DIRECTION_UPGRADE, false, MIGRATE_REFUSED, "c", "a a_x b b_x c");
}

static void an_upgrade_whose_answers_are_lost_is_consistent_and_can_be_rerun(void **state)
{
    (void)state;
    fail_everywhere(DIRECTION_UPGRADE, true, MIGRATE_REFUSED, "c", "a a_x b b_x c");
}

static void a_downgrade_that_fails_anywhere_can_be_rerun(void **state)
{
    (void)state;
    fail_everywhere(DIRECTION_DOWNGRADE, false, MIGRATE_REFUSED, "", "");
}

static void a_connection_lost_anywhere_is_survived_or_can_be_rerun(void **state)
{
    (void)state;
    fail_everywhere(DIRECTION_UPGRADE, false, MIGRATE_LOST, "c", "a a_x b b_x c");
    fail_everywhere(DIRECTION_UPGRADE, true, MIGRATE_LOST, "c", "a a_x b b_x c");
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(an_upgrade_that_fails_anywhere_is_consistent_and_can_be_rerun),
        cmocka_unit_test(an_upgrade_whose_answers_are_lost_is_consistent_and_can_be_rerun),
        cmocka_unit_test(a_downgrade_that_fails_anywhere_can_be_rerun),
        cmocka_unit_test(a_connection_lost_anywhere_is_survived_or_can_be_rerun),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
