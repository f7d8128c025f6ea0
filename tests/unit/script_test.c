/* script_test.c: one revision file -> header, sections, and the judgement of its statements. */
#include "script/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static struct arena arena;

static int clean_up(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const char head[] = "-- Revision ID: abc\n-- Revises:\n";

static struct script parsed(const char *text)
{
    struct script script = {0};
    struct error err = {0};
    if (!script_parse(text_of(text), "a.sql", &arena, &script, &err))
        fail_msg("\n%s\nline %u: %s", text, err.line, err.message);
    return script;
}

/* What parsing says, as line:column message. */
static void refused(struct text text, const char *expected)
{
    struct script script = {0};
    struct error err = {0};
    if (script_parse(text, "a.sql", &arena, &script, &err))
        fail_msg("\n%s\nexpected: %s\ngot:      no error", text.at, expected);
    const char *got = arena_printf(&arena, "%u:%u %s", err.line, err.column, err.message);
    if (strcmp(got, expected) != 0)
        fail_msg("\n%s\nexpected: %s\ngot:      %s", text.at, expected, got);
    assert_int_equal(err.code, MIGRATE_MALFORMED_FILE);
    assert_string_equal(err.path, "a.sql");
}

static void refused_behind_head(const char *rest, const char *expected)
{
    refused(text_of(arena_printf(&arena, "%s%s", head, rest)), expected);
}

static void assert_names(struct names names, const char *expected)
{
    assert_string_equal(names_join(names, ", ", &arena), expected);
}

static void a_header_says_what_its_keys_say(void **state)
{
    (void)state;
    const struct script script = parsed("-- add the inventory indexes\n"
                                        "--\n"
                                        "-- Two lines\n"
                                        "--   of text: here\n"
                                        "-- Revision ID: 1975ea83b712\n"
                                        "-- revises : a, b\n"
                                        "--Branch  labels: inventory\n"
                                        "-- DEPENDS ON: c\n"
                                        "/* not\n   read -- Revises: x */\n"
                                        "-- Create Date: 2026-11-20 12:00:00+00:00\n\n"
                                        "-- migrate:upgrade\n");
    const struct revision *revision = &script.revision;
    assert_string_equal(revision->message, "add the inventory indexes");
    assert_string_equal(revision->description, "Two lines\nof text: here");
    assert_string_equal(revision->id, "1975ea83b712");
    assert_names(revision->down, "a, b");
    assert_names(revision->labels, "inventory");
    assert_names(revision->depends, "c");
    assert_true(revision->has_created);
    assert_true(revision->created_us == INT64_C(1795176000000000));
    assert_int_equal(revision->id_line, 5);
    assert_int_equal(revision->down_line, 6);
    assert_string_equal(revision->path, "a.sql");
}

static void a_base_revises_nothing(void **state)
{
    (void)state;
    assert_int_equal(parsed("-- Revision ID: a\n-- Revises: <base>\n").revision.down.count, 0);
    assert_int_equal(parsed("-- Revision ID: a\n-- Revises:\n").revision.down.count, 0);
    assert_string_equal(parsed("-- Revision ID: a\n-- x\n-- Revises:\n").revision.message, "");
    refused(text_of("-- m\n-- Revision ID: a\n\n-- migrate:upgrade\n"), "2:1 a does not say what it revises");
}

static void sections_reach_to_the_next_marker(void **state)
{
    (void)state;
    const struct script script = parsed("\xEF\xBB\xBF-- m\r\n-- Revision ID: abc\r\n-- Revises:\r\n"
                                        "-- migrate:upgrade\r\nSELECT 1;\r\n"
                                        "--migrate : UPGRADE postgresql autocommit lock_timeout=5s\n"
                                        "  -- migrate:downgrade sqlite\n\nSELECT 2;");
    assert_int_equal(script.section_count, 3);
    const struct section *section = script.sections;
    assert_true(text_is(section[0].sql, "SELECT 1;\r\n"));
    assert_int_equal(section[0].dialect, DIALECT_ANY);
    assert_int_equal(section[0].lock_timeout_ms, SETTING_UNSET);
    assert_true(section[1].autocommit && section[1].dialect == DIALECT_POSTGRESQL);
    assert_true(section[1].lock_timeout_ms == 5000);
    assert_int_equal(section[1].sql.length, 0);
    assert_true(text_is(section[2].sql, "\nSELECT 2;"));
    assert_int_equal(section[2].line, 7);
    assert_int_equal(section[2].sql_line, 8);
    assert_ptr_equal(script.text.at + section[2].offset, section[2].sql.at);
    assert_true(script_has(&script, DIRECTION_DOWNGRADE, DIALECT_SQLITE));
    assert_false(script_has(&script, DIRECTION_DOWNGRADE, DIALECT_POSTGRESQL));
    assert_true(script_is_autocommit(&script, DIRECTION_UPGRADE, DIALECT_POSTGRESQL));
    assert_false(script_is_autocommit(&script, DIRECTION_UPGRADE, DIALECT_SQLITE));
}

static void a_walk_finds_what_would_run_in_order(void **state)
{
    (void)state;
    const struct script script = parsed(arena_printf(&arena,
                                                     "%s-- migrate:upgrade\nA; B;\n-- migrate:upgrade sqlite\nC;\n"
                                                     "-- migrate:upgrade postgresql autocommit\n\n"
                                                     "-- migrate:upgrade postgresql autocommit\nD\n"
                                                     "-- migrate:downgrade\nE;\nF 'x\n",
                                                     head));
    struct script_walk walk = script_walk(&script, DIRECTION_UPGRADE, DIALECT_POSTGRESQL);
    struct statement statement;
    struct error err = {0};
    bool found = true;
    struct buffer seen = {.arena = &arena};
    while (script_walk_next(&walk, &statement, &found, &err) && found)
        buffer_printf(&seen, "%.*s%s ", (int)statement.sql.length, statement.sql.at,
                      walk.section->autocommit ? " alone" : "");
    assert_string_equal(buffer_done(&seen), "A B D alone ");
    assert_true(script_walk_next(&walk, &statement, &found, &err) && !found);

    walk = script_walk(&script, DIRECTION_DOWNGRADE, DIALECT_SQLITE);
    assert_true(script_walk_next(&walk, &statement, &found, &err) && found);
    assert_false(script_walk_next(&walk, &statement, &found, &err));
    assert_string_equal(err.path, "a.sql");
    assert_int_equal(err.line, 13);
}

static void nearly_a_marker_is_an_error_wherever_it_stands(void **state)
{
    (void)state;
    refused_behind_head("-- migrate:downgarde\n",
                        "3:12 the marker \"downgarde\" is not known; did you mean \"downgrade\"?");
    refused_behind_head("-- migrate:\n", "3:12 the marker says neither upgrade nor downgrade");
    refused_behind_head("-- migrate:up\n", "3:12 the marker \"up\" is not known; did you mean \"upgrade\"?");
    refused_behind_head("-- migrate:down\n", "3:12 the marker \"down\" is not known; did you mean \"downgrade\"?");
    refused_behind_head("-- migrate:upgrade\nDO $$\n -- migrate : x\n$$;", "5:15 the marker \"x\" is not known");
    refused_behind_head("-- migrate:upgrade\nSELECT 1;\n--mirgate:downgrade\n",
                        "5:3 \"mirgate\" is nearly a marker; did you mean \"migrate:\"?");
    refused_behind_head("-- migrate:upgrade postgres\n",
                        "3:20 the word \"postgres\" is not known; did you mean \"postgresql\"?");
    refused_behind_head("-- migrate:upgrade sqlite sqlite\n", "3:27 \"sqlite\" stands here twice");
    refused_behind_head("-- migrate:upgrade sqlite postgresql\n",
                        "3:27 \"postgresql\" makes two databases; a section without either runs on both");
    refused_behind_head("-- migrate:upgrade autocommit=1\n", "3:20 \"autocommit=1\" takes no value");
    refused_behind_head("-- migrate:upgrade lock_timeout=5\n",
                        "3:20 \"lock_timeout=5\" needs a number and a unit: ms, s, min or h");
    refused_behind_head("-- migrate:upgrade lock_timeout=5m\n",
                        "3:20 \"lock_timeout=5m\" is no duration; write a number and ms, s, min or h");
    refused_behind_head("-- migrate:upgrade statement_timeout=999h\n",
                        "3:20 \"statement_timeout=999h\" is no duration; write a number and ms, s, min or h");
    refused_behind_head("-- migrate:upgrade lock_timeout=5s sqlite\n",
                        "3:36 \"sqlite\" does not go together: timeouts are PostgreSQL's, the section is SQLite's");
}

static void nearly_a_key_is_an_error_that_names_both(void **state)
{
    (void)state;
    refused_behind_head("-- Revise: x\n", "3:4 the key \"Revise\" is not known; did you mean \"Revises\"?");
    refused(text_of("-- RevisionID: x\n"), "1:4 the key \"RevisionID\" is not known; did you mean \"Revision ID\"?");
    refused_behind_head("-- Depend_On: x\n", "3:4 the key \"Depend_On\" is not known; did you mean \"Depends On\"?");
    refused_behind_head("-- Depends On: x\n-- depends on: y\n", "4:4 Depends On stands here and on line 3");
    parsed("-- Revision ID: a\n-- Revises:\n-- Note: x\n-- Reason why: y\n-- http://x\n");
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    refused(text_of("-- Revision ID: a b\n"),
            "1:18 Revision ID: \"a b\" holds a character that no id or label may hold");
    refused(text_of("-- Revision ID: head\n"), "1:17 Revision ID: \"head\" is a reserved name");
    refused(text_of("-- Revision ID:\n"), "1:16 Revision ID is empty");
    refused_behind_head("-- Branch Labels: a, current\n", "3:22 Branch Labels: \"current\" is a reserved name");
    refused_behind_head("-- Depends On: a,\n", "3:18 Depends On: a name is missing beside a comma");
    refused_behind_head("-- Depends On: ,a\n", "3:16 Depends On: a name is missing beside a comma");
    refused_behind_head("-- Depends On: a, a\n", "3:19 Depends On: a stands here twice");
    refused_behind_head("-- Depends On: a@b\n",
                        "3:17 Depends On: \"a@b\" holds a character that no id or label may hold");
    refused_behind_head("-- Create Date: soon\n", "3:17 Create Date: \"soon\" is no date");
    assert_string_equal(parsed("-- Revision ID: \xc3\xa9.1/x_*\n-- Revises:\n").revision.id, "\xc3\xa9.1/x_*");
}

static void what_is_no_revision_file_is_refused(void **state)
{
    (void)state;
    refused(text_of(""), "1:1 the file has no Revision ID");
    refused(text_of("SELECT 1;"), "1:1 the file has no Revision ID");
    refused(text_of("-- just text\n-- migrate:upgrade\n"), "1:1 the file has no Revision ID");
    refused_behind_head("/* x */ SELECT 1;\n", "3:9 SQL stands before the first section");
    static const char with_nul[] = "-- Revision ID: a\n-- migrate:upgrade\nab\0c";
    refused((struct text){with_nul, sizeof with_nul - 1}, "3:3 a NUL byte");
    refused_behind_head("-- migrate:upgrade\n\xc3\xa9\xff", "4:2 the byte 0xFF is not UTF-8");
}

static void a_message_in_quotes_that_it_needs_loses_them(void **state)
{
    (void)state;
    assert_string_equal(parsed("-- \"Revises: x\"\n-- Revision ID: a\n-- Revises:\n").revision.message, "Revises: x");
    assert_string_equal(parsed("-- \"migrate:upgrade\"\n-- Revision ID: a\n-- Revises:\n").revision.message,
                        "migrate:upgrade");
    assert_string_equal(parsed("-- \"tags\"\n-- Revision ID: a\n-- Revises:\n").revision.message, "\"tags\"");
}

static void a_header_that_is_cut_off_asks_for_more(void **state)
{
    (void)state;
    static const char text[] = "-- m\n-- Revision ID: abc\n-- Revises:\n/* x\n */\n-- migrate:upgrade\n";
    size_t enough = sizeof text - 1;
    for (size_t length = 0; length <= sizeof text - 1; length++) {
        char *copy = malloc(length + 1);
        assert_non_null(copy);
        memcpy(copy, text, length);
        struct revision revision;
        struct error err = {0};
        bool more = false;
        if (!header_parse((struct text){copy, length}, false, "a.sql", &arena, &revision, &more, &err))
            fail_msg("%zu bytes: %s", length, err.message);
        if (more != (length < enough))
            fail_msg("%zu of %zu bytes: more is %d", length, enough, more);
        free(copy);
    }
}

/* What judging an upgrade section says: the number of statements, or line:column message. */
static const char *judged(const char *words, enum dialect dialect, const char *sql)
{
    const struct script script = parsed(arena_printf(&arena, "%s-- migrate:upgrade %s\n%s", head, words, sql));
    struct error err = {0};
    size_t statements = 0;
    if (script_judge(&script, DIRECTION_UPGRADE, dialect, &statements, &err))
        return arena_printf(&arena, "%zu", statements);
    assert_string_equal(err.path, "a.sql");
    assert_string_not_equal(err.hint, "");
    assert_string_not_equal(err.excerpt, "");
    return arena_printf(&arena, "%u:%u %s%s", err.line, err.column, err.message,
                        strstr(err.hint, "autocommit`") ? " (autocommit)" : "");
}

static void assert_judged(const char *words, enum dialect dialect, const char *sql, const char *expected)
{
    const char *got = judged(words, dialect, sql);
    if (strcmp(got, expected) != 0)
        fail_msg("\n%s: %s\nexpected: %s\ngot:      %s", words, sql, expected, got);
}

static const struct {
    const char *sql;
    const char *in_transaction;
    const char *in_autocommit;
} postgres_cases[] = {
    {"BEGIN", "4:1 BEGIN may not stand in a revision", "4:1 BEGIN may not stand in a revision"},
    {"/* x */ start -- y\n transaction", "4:9 START TRANSACTION may not stand in a revision",
     "4:9 START TRANSACTION may not stand in a revision"},
    {"COMMIT AND CHAIN", "4:1 COMMIT may not stand in a revision", "4:1 COMMIT may not stand in a revision"},
    {"END", "4:1 END may not stand in a revision", "4:1 END may not stand in a revision"},
    {"ROLLBACK", "4:1 ROLLBACK may not stand in a revision", "4:1 ROLLBACK may not stand in a revision"},
    {"ROLLBACK WORK TO x", "4:1 ROLLBACK TO may not stand in a revision",
     "4:1 ROLLBACK TO may not stand in a revision"},
    {"ABORT", "4:1 ABORT may not stand in a revision", "4:1 ABORT may not stand in a revision"},
    {"SAVEPOINT x", "4:1 SAVEPOINT may not stand in a revision", "4:1 SAVEPOINT may not stand in a revision"},
    {"RELEASE x", "4:1 RELEASE may not stand in a revision", "4:1 RELEASE may not stand in a revision"},
    {"PREPARE TRANSACTION 'x'", "4:1 PREPARE TRANSACTION may not stand in a revision",
     "4:1 PREPARE TRANSACTION may not stand in a revision"},
    {"COMMIT PREPARED 'x'", "4:1 COMMIT PREPARED cannot run in a transaction (autocommit)", "1"},
    {"ROLLBACK PREPARED 'x'", "4:1 ROLLBACK PREPARED cannot run in a transaction (autocommit)", "1"},
    {"DISCARD ALL", "4:1 DISCARD ALL may not stand in a revision", "4:1 DISCARD ALL may not stand in a revision"},
    {"CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)",
     "4:1 CREATE INDEX CONCURRENTLY cannot run in a transaction (autocommit)", "1"},
    {"CREATE INDEX CONCURRENTLY ON t (a)", "4:1 CREATE INDEX CONCURRENTLY cannot run in a transaction (autocommit)",
     "4:1 CREATE INDEX CONCURRENTLY without a name"},
    {"DROP INDEX CONCURRENTLY IF EXISTS i", "4:1 DROP INDEX CONCURRENTLY cannot run in a transaction (autocommit)",
     "1"},
    {"REINDEX TABLE CONCURRENTLY t", "4:1 REINDEX CONCURRENTLY cannot run in a transaction (autocommit)", "1"},
    {"REINDEX (VERBOSE, CONCURRENTLY) INDEX i", "4:1 REINDEX CONCURRENTLY cannot run in a transaction (autocommit)",
     "1"},
    {"REINDEX (VERBOSE) DATABASE d", "4:1 REINDEX DATABASE cannot run in a transaction (autocommit)", "1"},
    {"REINDEX (CONCURRENTLY false) SCHEMA s", "4:1 REINDEX SCHEMA cannot run in a transaction (autocommit)", "1"},
    {"REINDEX SYSTEM d", "4:1 REINDEX SYSTEM cannot run in a transaction (autocommit)", "1"},
    {"VACUUM (ANALYZE) t", "4:1 VACUUM cannot run in a transaction (autocommit)", "1"},
    {"CREATE DATABASE d", "4:1 CREATE DATABASE cannot run in a transaction (autocommit)", "1"},
    {"DROP DATABASE d", "4:1 DROP DATABASE cannot run in a transaction (autocommit)", "1"},
    {"CREATE TABLESPACE s LOCATION 'x'", "4:1 CREATE TABLESPACE cannot run in a transaction (autocommit)", "1"},
    {"DROP TABLESPACE s", "4:1 DROP TABLESPACE cannot run in a transaction (autocommit)", "1"},
    {"ALTER SYSTEM SET a = 1", "4:1 ALTER SYSTEM cannot run in a transaction (autocommit)", "1"},
    {"ALTER DATABASE \"d\" SET TABLESPACE s",
     "4:1 ALTER DATABASE ... SET TABLESPACE cannot run in a transaction (autocommit)", "1"},
    {"ALTER TABLE IF EXISTS s.t DETACH PARTITION s.p CONCURRENTLY",
     "4:1 DETACH PARTITION CONCURRENTLY cannot run in a transaction (autocommit)", "1"},
    {"COPY (SELECT 1) TO STDOUT", "4:1 COPY ... TO STDOUT may not stand in a revision",
     "4:1 COPY ... TO STDOUT may not stand in a revision"},
    {"COPY t (a) TO STDOUT CSV", "4:1 COPY ... TO STDOUT may not stand in a revision",
     "4:1 COPY ... TO STDOUT may not stand in a revision"},
    {"SELECT 1;\n  SELECT 'x", "5:10 a string begins here that does not end",
     "5:10 a string begins here that does not end"},
    {"\\i x.sql", "4:1 a psql command cannot be run here", "4:1 a psql command cannot be run here"},
    /* What looks like it and is not. */
    {"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END", "1", "1"},
    {"DO $$ BEGIN COMMIT; END $$", "1", "1"},
    {"CREATE INDEX concurrently_ ON t (a)", "1", "1"},
    {"CREATE INDEX \"concurrently\" ON t (a)", "1", "1"},
    {"REINDEX TABLE t; REINDEX (CONCURRENTLY off) TABLE t", "2", "2"},
    {"PREPARE p AS SELECT 1; DISCARD PLANS; ALTER DATABASE d SET work_mem = 1", "3", "3"},
    {"ALTER TABLE t DETACH PARTITION p", "1", "1"},
    {"COPY t TO '/stdout'; COPY t FROM STDIN;\n\\.\n", "2", "2"},
    {"ALTER TYPE e ADD VALUE 'x'; CALL p(); CLUSTER", "3", "3"},
    {"SELECT 'VACUUM'; -- COMMIT;\n", "1", "1"},
    {"REINDEX (VERBOSE) INDEX s.concurrently", "1", "1"},
    {"PRAGMA foreign_keys", "1", "1"},
};

static void postgresql_statements_are_judged_by_their_first_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof postgres_cases / sizeof postgres_cases[0]; i++) {
        assert_judged("", DIALECT_POSTGRESQL, postgres_cases[i].sql, postgres_cases[i].in_transaction);
        assert_judged("postgresql autocommit", DIALECT_POSTGRESQL, postgres_cases[i].sql,
                      postgres_cases[i].in_autocommit);
    }
}

static void sqlite_statements_are_judged_by_what_sqlite_does(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *in_transaction;
        const char *in_autocommit;
    } cases[] = {
        {"VACUUM", "4:1 VACUUM cannot run in a transaction (autocommit)", "1"},
        {"VACUUM INTO 'x'", "4:1 VACUUM cannot run in a transaction (autocommit)", "1"},
        {"PRAGMA foreign_keys = OFF", "4:1 PRAGMA foreign_keys has no effect in a revision",
         "4:1 PRAGMA foreign_keys has no effect in a revision"},
        {"PRAGMA main.foreign_keys(0)", "4:1 PRAGMA foreign_keys has no effect in a revision",
         "4:1 PRAGMA foreign_keys has no effect in a revision"},
        {"PRAGMA journal_mode=wal", "4:1 PRAGMA journal_mode has no effect in a transaction", "1"},
        {"PRAGMA main.synchronous(1)", "4:1 PRAGMA synchronous cannot be set in a transaction", "1"},
        {"END TRANSACTION", "4:1 END may not stand in a revision", "4:1 END may not stand in a revision"},
        {"BEGIN IMMEDIATE", "4:1 BEGIN may not stand in a revision", "4:1 BEGIN may not stand in a revision"},
        {"PRAGMA foreign_key_check; PRAGMA journal_mode; PRAGMA user_version = 3", "3", "3"},
        {"ATTACH 'x' AS y; DETACH y; REINDEX; ANALYZE", "4", "4"},
        {"CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END", "1", "1"},
        {"CREATE DATABASE x; ABORT", "2", "2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_judged("", DIALECT_SQLITE, cases[i].sql, cases[i].in_transaction);
        assert_judged("sqlite autocommit", DIALECT_SQLITE, cases[i].sql, cases[i].in_autocommit);
    }
}

static void a_section_of_the_other_database_is_not_judged(void **state)
{
    (void)state;
    assert_judged("sqlite", DIALECT_POSTGRESQL, "VACUUM", "0");
    assert_judged("postgresql", DIALECT_SQLITE, "SELECT [; VACUUM", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_says_what_its_keys_say),
        cmocka_unit_test(a_base_revises_nothing),
        cmocka_unit_test(sections_reach_to_the_next_marker),
        cmocka_unit_test(a_walk_finds_what_would_run_in_order),
        cmocka_unit_test(nearly_a_marker_is_an_error_wherever_it_stands),
        cmocka_unit_test(nearly_a_key_is_an_error_that_names_both),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(what_is_no_revision_file_is_refused),
        cmocka_unit_test(a_message_in_quotes_that_it_needs_loses_them),
        cmocka_unit_test(a_header_that_is_cut_off_asks_for_more),
        cmocka_unit_test(postgresql_statements_are_judged_by_their_first_words),
        cmocka_unit_test(sqlite_statements_are_judged_by_what_sqlite_does),
        cmocka_unit_test(a_section_of_the_other_database_is_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
