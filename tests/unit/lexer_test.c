/* lexer_test.c: SQL text -> statements. What psql itself makes of a large corpus is asked by tests/lexer/psql_test.py.
 */
#include "base/file.h"
#include "script/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdlib.h>

/* The statements, each in [], or the error as line:column message. */
static const char *split_text(enum dialect dialect, struct text sql, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    struct lexer lexer;
    struct statement statement;
    struct error err = {0};
    bool found = true;
    lexer_start(&lexer, dialect, sql, 1);
    while (found) {
        if (!lexer_next(&lexer, &statement, &found, &err)) {
            buffer_printf(&out, "%u:%u %s", err.line, err.column, err.message);
            break;
        }
        if (!found)
            break;
        assert_ptr_equal(statement.sql.at, sql.at + statement.offset);
        buffer_character(&out, '[');
        buffer_text(&out, statement.sql);
        buffer_character(&out, ']');
        if (statement.is_copy_in) {
            buffer_character(&out, '<');
            buffer_text(&out, statement.data);
            buffer_character(&out, '>');
        }
    }
    return buffer_done(&out);
}

/* From a block of exactly its size, so that the sanitizers see a byte read behind the end. */
static void check(enum dialect dialect, const char *sql, const char *expected)
{
    struct arena arena = {0};
    char *copy = malloc(strlen(sql) + (*sql == '\0'));
    assert_non_null(copy);
    memcpy(copy, sql, strlen(sql));
    const char *got = split_text(dialect, (struct text){copy, strlen(sql)}, &arena);
    if (strcmp(got, expected) != 0)
        fail_msg("\n%s\nexpected: %s\ngot:      %s", sql, expected, got);
    free(copy);
    arena_free(&arena);
}

static void postgres(const char *sql, const char *expected)
{
    check(DIALECT_POSTGRESQL, sql, expected);
}

static void sqlite(const char *sql, const char *expected)
{
    check(DIALECT_SQLITE, sql, expected);
}

static void statements_end_at_semicolons(void **state)
{
    (void)state;
    postgres("", "");
    postgres(" \n-- nothing\n/* here */", "");
    postgres("SELECT 1; SELECT 2 ;", "[SELECT 1][SELECT 2]");
    postgres(";;SELECT 1;;;", "[SELECT 1]");
    sqlite(";;SELECT 1;;; SELECT 2", "[SELECT 1][SELECT 2]");
}

static void a_last_statement_needs_no_semicolon_and_loses_the_comments_behind_it(void **state)
{
    (void)state;
    postgres("SELECT 1; SELECT 2", "[SELECT 1][SELECT 2]");
    postgres("SELECT 1 -- one\n /* two */ -- three  \n ", "[SELECT 1]");
    postgres("SELECT 1 -- one\n + 1 /* two */", "[SELECT 1 -- one\n + 1]");
    sqlite("SELECT 1 -- one  ", "[SELECT 1]");
    postgres("SELECT 1 -- one;\n; -- two", "[SELECT 1 -- one;]");
}

static void quotes_hide_semicolons(void **state)
{
    (void)state;
    postgres("SELECT ';', 'it''s;', \";\"\"\", E'\\';', e'\\\\', n';', B';', x';', U&';', u&\";\"; SELECT 2",
             "[SELECT ';', 'it''s;', \";\"\"\", E'\\';', e'\\\\', n';', B';', x';', U&';', u&\";\"][SELECT 2]");
    postgres("SELECT '\\'; SELECT 2", "[SELECT '\\'][SELECT 2]");
    postgres("SELECT type'\\'; SELECT 2", "[SELECT type'\\'][SELECT 2]");
    postgres("SELECT 1E'\\'; SELECT 2", "[SELECT 1E'\\'][SELECT 2]");
    sqlite("SELECT ';', \";\", `;`, [;], 'it''s;', x';'; SELECT 2",
           "[SELECT ';', \";\", `;`, [;], 'it''s;', x';'][SELECT 2]");
    sqlite("SELECT '\\'; SELECT 2", "[SELECT '\\'][SELECT 2]");
}

static void an_escape_string_goes_on_behind_a_line_break(void **state)
{
    (void)state;
    postgres("SELECT E'a'\n'b\\';'; SELECT 2", "[SELECT E'a'\n'b\\';'][SELECT 2]");
    postgres("SELECT E'a' -- it's\n 'b\\';'; SELECT 2", "[SELECT E'a' -- it's\n 'b\\';'][SELECT 2]");
    postgres("SELECT E'a' 'b\\'; SELECT 2", "[SELECT E'a' 'b\\'][SELECT 2]");
    postgres("SELECT 'a'\n'b\\'; SELECT 2", "[SELECT 'a'\n'b\\'][SELECT 2]");
}

static void dollar_quotes_hide_all_but_their_own_tag(void **state)
{
    (void)state;
    postgres("DO $$ a; $b$; $ $$; SELECT 2", "[DO $$ a; $b$; $ $$][SELECT 2]");
    postgres("DO $a$ ; $$ $A$ $b$a$; SELECT 2", "[DO $a$ ; $$ $A$ $b$a$][SELECT 2]");
    postgres("SELECT a$$b; SELECT $1$$; $$", "[SELECT a$$b][SELECT $1$$; $$]");
    postgres("SELECT $1; SELECT $; SELECT $\xc3\xa9$;$\xc3\xa9$",
             "[SELECT $1][SELECT $][SELECT $\xc3\xa9$;$\xc3\xa9$]");
    sqlite("SELECT $1; SELECT $$;", "[SELECT $1][SELECT $$]");
}

static void comments_hide_semicolons_and_nest_in_postgresql_alone(void **state)
{
    (void)state;
    postgres("SELECT 1 /* ; /* ; */ ; */; SELECT 2", "[SELECT 1 /* ; /* ; */ ; */][SELECT 2]");
    sqlite("SELECT 1 /* ; /* ; */; SELECT 2", "[SELECT 1 /* ; /* ; */][SELECT 2]");
    postgres("SELECT 1 -- ;'\n+1; SELECT 2", "[SELECT 1 -- ;'\n+1][SELECT 2]");
    postgres("SELECT 1 -- x\r+1; SELECT 2", "[SELECT 1 -- x\r+1][SELECT 2]");
    sqlite("SELECT 1 -- x\r; SELECT 2", "[SELECT 1]");
    postgres("SELECT 1 *-- ;\n 2; SELECT 2 @/* ; */ 3", "[SELECT 1 *-- ;\n 2][SELECT 2 @/* ; */ 3]");
    postgres("SELECT 1*/* ; */2/**/; SELECT 0x1e-- ;\n", "[SELECT 1*/* ; */2/**/][SELECT 0x1e]");
    postgres("SELECT 1e--2; SELECT 2", "[SELECT 1e--2][SELECT 2]");
}

static void parentheses_hold_a_rule_together(void **state)
{
    (void)state;
    postgres("CREATE RULE r AS ON INSERT TO t DO (a; b); SELECT 2",
             "[CREATE RULE r AS ON INSERT TO t DO (a; b)][SELECT 2]");
    postgres("SELECT 1); SELECT (2", "[SELECT 1)][SELECT (2]");
    sqlite("SELECT (1; SELECT 2", "[SELECT (1][SELECT 2]");
}

static void a_body_of_begin_atomic_holds_together(void **state)
{
    (void)state;
    postgres("CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; "
             "SELECT 3",
             "[CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END]"
             "[SELECT 3]");
    postgres("create /* or */ procedure p() begin atomic end; SELECT 3",
             "[create /* or */ procedure p() begin atomic end][SELECT 3]");
    postgres("CREATE TABLE begin_atomic (a int); CREATE VIEW v AS SELECT CASE WHEN a THEN b END; SELECT 3",
             "[CREATE TABLE begin_atomic (a int)][CREATE VIEW v AS SELECT CASE WHEN a THEN b END][SELECT 3]");
    postgres("CREATE FUNCTION f(x int DEFAULT (CASE WHEN true THEN 1 END)) AS 'begin;'; SELECT 3",
             "[CREATE FUNCTION f(x int DEFAULT (CASE WHEN true THEN 1 END)) AS 'begin;'][SELECT 3]");
    postgres("CREATE FUNCTION f() 1e-begin; SELECT 3", "[CREATE FUNCTION f() 1e-begin; SELECT 3]");
    postgres("CREATE FUNCTION f() AS 'x' case; SELECT 3", "[CREATE FUNCTION f() AS 'x' case][SELECT 3]");
    postgres("CREATE FUNCTION \"begin\"() AS ''; SELECT 3", "[CREATE FUNCTION \"begin\"() AS ''][SELECT 3]");
}

static void copy_from_stdin_takes_its_data(void **state)
{
    (void)state;
    postgres("COPY t FROM STDIN;\n1;\t'\n2\n\\.\nSELECT 2", "[COPY t FROM STDIN]<1;\t'\n2\n>[SELECT 2]");
    postgres("copy t (a, b) from /* x */ stdin with (format csv); -- rows\n\\.\nSELECT 2",
             "[copy t (a, b) from /* x */ stdin with (format csv)]<>[SELECT 2]");
    postgres("COPY t FROM STDIN;\r\n1\r\n\\.\r\nSELECT 2", "[COPY t FROM STDIN]<1\r\n>[SELECT 2]");
    postgres("COPY t FROM 'x' STDIN; SELECT 1", "[COPY t FROM 'x' STDIN][SELECT 1]");
    postgres("COPY t FROM STDIN;\n\\.x\n\\N\n\\.", "[COPY t FROM STDIN]<\\.x\n\\N\n>");
    postgres("COPY t FROM 'stdin'; COPY (SELECT a FROM stdin) TO STDOUT; SELECT a FROM stdin; COPY t FROM stdin_",
             "[COPY t FROM 'stdin'][COPY (SELECT a FROM stdin) TO STDOUT][SELECT a FROM stdin][COPY t FROM stdin_]");
}

static void what_does_not_end_is_refused_where_it_begins(void **state)
{
    (void)state;
    postgres("SELECT 1;\n  SELECT 'a;", "[SELECT 1]2:10 a string begins here that does not end");
    postgres("SELECT E'a\\'", "1:8 a string begins here that does not end");
    postgres("SELECT E'a\\", "1:8 a string begins here that does not end");
    postgres("SELECT \"a;", "1:8 a quoted identifier begins here that does not end");
    postgres("\xc3\xa9 /* /* */", "1:3 a comment begins here that does not end");
    postgres("SELECT 1; /*", "[SELECT 1]1:11 a comment begins here that does not end");
    postgres("DO $a$ $b$", "1:4 a dollar quote begins here that does not end");
    postgres("SELECT 1;\nCOPY t FROM STDIN;\n1\n", "[SELECT 1]2:1 the data of this COPY ... FROM STDIN does not end");
    postgres("COPY t FROM STDIN", "1:1 the data of this COPY ... FROM STDIN does not end");
    postgres("COPY t FROM STDIN; SELECT 1;\n1\n\\.\n",
             "1:20 something stands between COPY ... FROM STDIN and its data");
    sqlite("SELECT [a;", "1:8 a quoted identifier begins here that does not end");
    sqlite("SELECT `a;", "1:8 a quoted identifier begins here that does not end");
    sqlite("SELECT 1 /*/", "1:10 a comment begins here that does not end");
}

static void psql_commands_are_refused_but_for_the_two_that_pg_dump_writes(void **state)
{
    (void)state;
    postgres("SELECT 1;\n\\connect other", "[SELECT 1]2:1 a psql command cannot be run here");
    postgres("SELECT 1 \\gx", "1:10 a psql command cannot be run here");
    postgres("\\restrict abc\nSELECT '\\';\n\\unrestrict abc\n", "[SELECT '\\']");
    postgres("\\restricted\n", "1:1 a psql command cannot be run here");
}

static void a_trigger_ends_where_sqlite_says(void **state)
{
    (void)state;
    sqlite(
        "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; DELETE FROM b; END; SELECT 2",
        "[CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; DELETE FROM b; END][SELECT 2]");
    sqlite("explain query plan create trigger t after insert on a begin select 1; end; SELECT 2",
           "[explain query plan create trigger t after insert on a begin select 1; end][SELECT 2]");
    sqlite("CREATE TABLE trigger_ (a); CREATE INDEX \"trigger\" ON t (a); SELECT 2",
           "[CREATE TABLE trigger_ (a)][CREATE INDEX \"trigger\" ON t (a)][SELECT 2]");
}

static void a_statement_knows_its_line_and_column(void **state)
{
    (void)state;
    struct lexer lexer;
    struct statement statement;
    struct error err;
    bool found = false;
    lexer_start(&lexer, DIALECT_POSTGRESQL, text_of("-- \xc3\xa9\nSELECT '\n';  SELECT '\xc3\xa9'; SELECT 3;"), 10);
    static const unsigned expected[][2] = {{11, 1}, {12, 5}, {12, 17}};
    for (size_t i = 0; i < 3; i++) {
        assert_true(lexer_next(&lexer, &statement, &found, &err) && found);
        assert_int_equal(statement.line, expected[i][0]);
        assert_int_equal(statement.column, expected[i][1]);
    }
}

/* sqlite3_prepare_v2() says where a statement ends; each is run, so that the next finds its tables. */
static const char *sqlite_statement(sqlite3 *database, const char *sql)
{
    for (;;) {
        sqlite3_stmt *prepared = NULL;
        const char *tail = NULL;
        if (sqlite3_prepare_v2(database, sql, -1, &prepared, &tail) != SQLITE_OK)
            fail_msg("%s: %.100s", sqlite3_errmsg(database), sql);
        bool is_empty = !prepared;
        while (prepared && sqlite3_step(prepared) == SQLITE_ROW)
            continue;
        sqlite3_finalize(prepared);
        if (!is_empty)
            return tail;
        if (*tail == '\0')
            return NULL;
        sql = tail;
    }
}

static void sqlite_prepares_the_same_statements(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct text sql;
    struct error err = {0};
    assert_true(file_read(TEST_SOURCE_FOLDER "/lexer/sqlite.sql", &arena, &sql, &err));
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(":memory:", &database), SQLITE_OK);
    struct lexer lexer;
    struct statement statement;
    bool found = true;
    size_t count = 0;
    const char *at = sql.at;
    lexer_start(&lexer, DIALECT_SQLITE, sql, 1);
    for (;;) {
        assert_true(lexer_next(&lexer, &statement, &found, &err));
        at = sqlite_statement(database, at);
        if (found != (at != NULL))
            fail_msg("statement %zu: ours %d, SQLite's %d", count, found, at != NULL);
        if (!found)
            break;
        if (lexer.at != (size_t)(at - sql.at))
            fail_msg("\nexpected: %.*s\ngot:      %.*s", (int)(at - statement.sql.at), statement.sql.at,
                     (int)statement.sql.length, statement.sql.at);
        count++;
    }
    assert_int_equal(count, 68);
    sqlite3_close(database);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_end_at_semicolons),
        cmocka_unit_test(a_last_statement_needs_no_semicolon_and_loses_the_comments_behind_it),
        cmocka_unit_test(quotes_hide_semicolons),
        cmocka_unit_test(an_escape_string_goes_on_behind_a_line_break),
        cmocka_unit_test(dollar_quotes_hide_all_but_their_own_tag),
        cmocka_unit_test(comments_hide_semicolons_and_nest_in_postgresql_alone),
        cmocka_unit_test(parentheses_hold_a_rule_together),
        cmocka_unit_test(a_body_of_begin_atomic_holds_together),
        cmocka_unit_test(copy_from_stdin_takes_its_data),
        cmocka_unit_test(what_does_not_end_is_refused_where_it_begins),
        cmocka_unit_test(psql_commands_are_refused_but_for_the_two_that_pg_dump_writes),
        cmocka_unit_test(a_trigger_ends_where_sqlite_says),
        cmocka_unit_test(sqlite_prepares_the_same_statements),
        cmocka_unit_test(a_statement_knows_its_line_and_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
