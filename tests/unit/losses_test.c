/* losses_test.c: what a statement takes away, read from its words. */
#include "script/losses.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Each statement in turn, as the statements of one revision. */
static void assert_lost(enum dialect dialect, const char *const *statements, const char *wanted)
{
    static const char *const kinds[] = {"table", "rebuilt", "column", "rows", "some"};
    struct arena arena = {0};
    struct loss_list losses = {0};
    struct buffer got = {.arena = &arena};
    for (; *statements; statements++)
        losses_read(dialect, text_of(*statements), &arena, &losses);
    for (size_t i = 0; i < losses.count; i++)
        buffer_printf(&got, "%s%s %s%s%s", i ? ", " : "", kinds[losses.items[i].kind], losses.items[i].table,
                      losses.items[i].column ? "/" : "", losses.items[i].column ? losses.items[i].column : "");
    if (strcmp(buffer_done(&got), wanted) != 0)
        fail_msg("expected: %s\n  got:      %s", wanted, buffer_done(&got));
    arena_free(&arena);
}

#define LOST(wanted, ...) assert_lost(DIALECT_POSTGRESQL, (const char *const[]){__VA_ARGS__, NULL}, wanted)
#define LOST_SQLITE(wanted, ...) assert_lost(DIALECT_SQLITE, (const char *const[]){__VA_ARGS__, NULL}, wanted)

static void a_dropped_table_is_named_as_it_was_written(void **state)
{
    (void)state;
    LOST("table users", "DROP TABLE users");
    LOST("table a, table s.\"B c\", table d", "drop table if exists a, s.\"B c\", /* and */ d cascade");
    LOST("table U&\"\\0074\", table t", "DROP TABLE U&\"\\0074\", t");
    LOST_SQLITE("table [my table], table `t`", "DROP TABLE [my table]", "DROP TABLE IF EXISTS `t`");
}

static void a_dropped_column_is_named_with_its_table(void **state)
{
    (void)state;
    LOST("column t/a", "ALTER TABLE t DROP COLUMN a");
    LOST("column s.t/a, column s.t/\"B\"",
         "ALTER TABLE IF EXISTS ONLY s.t DROP a CASCADE, DROP COLUMN IF EXISTS \"B\"");
    LOST("column t/b", "ALTER TABLE t ADD COLUMN a numeric(1, 2) DEFAULT f(1, 2), DROP b, ADD CHECK (a IN (1, 2))");
    LOST("", "ALTER TABLE t DROP CONSTRAINT c", "ALTER TABLE t ALTER COLUMN a DROP NOT NULL",
         "ALTER TABLE t ALTER a DROP DEFAULT, ALTER b DROP IDENTITY");
}

static void deleted_rows_are_all_of_them_or_some(void **state)
{
    (void)state;
    LOST("rows a, rows b", "TRUNCATE TABLE ONLY a, b RESTART IDENTITY");
    LOST("rows t, some t, some u", "DELETE FROM t", "DELETE FROM ONLY t WHERE x = 1",
         "delete from u using v where true");
    LOST("rows t", "DELETE FROM t RETURNING 'where'");
}

static void a_table_that_another_takes_the_name_of_is_rebuilt(void **state)
{
    (void)state;
    LOST_SQLITE("rebuilt t", "CREATE TABLE new_t (x)", "INSERT INTO new_t SELECT x FROM t", "DROP TABLE t",
                "ALTER TABLE new_t RENAME TO T");
    LOST("rebuilt s.t", "DROP TABLE s.t", "ALTER TABLE s.new_t RENAME TO t");
    LOST_SQLITE("table t", "DROP TABLE t", "ALTER TABLE u RENAME TO v", "ALTER TABLE u RENAME COLUMN a TO t");
}

static void whatever_else_a_statement_says_takes_nothing_away(void **state)
{
    (void)state;
    LOST("", "DROP INDEX a", "DROP VIEW v", "CREATE TABLE drop_table (x int)", "SELECT 'DROP TABLE t'", "");
    LOST("", "DROP TABLE", "ALTER TABLE t DROP", "ALTER TABLE t DROP COLUMN", "DELETE", "DELETE FROM", "TRUNCATE",
         "ALTER");
    LOST("column t/a", "ALTER TABLE t DROP COLUMN a, ADD CHECK ((x");
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(a_dropped_table_is_named_as_it_was_written),
        cmocka_unit_test(a_dropped_column_is_named_with_its_table),
        cmocka_unit_test(deleted_rows_are_all_of_them_or_some),
        cmocka_unit_test(a_table_that_another_takes_the_name_of_is_rebuilt),
        cmocka_unit_test(whatever_else_a_statement_says_takes_nothing_away),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
