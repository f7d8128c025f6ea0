/* online_test.c: which statements leave a trace, and where to look for it. */
#include "script/online.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_read(const char *sql, const char *wanted)
{
    static const char *const kinds[] = {"other", "create", "drop", "reindex index", "reindex table"};
    struct arena arena = {0};
    struct online online = online_read(text_of(sql), &arena);
    const char *got = arena_printf(
        &arena, "%s index=%s table=%s%s", kinds[online.kind], online.kind && online.index ? online.index : "-",
        online.kind && online.table ? online.table : "-", online.if_not_exists ? " if not exists" : "");
    if (strcmp(got, wanted) != 0)
        fail_msg("%s\n  expected: %s\n  got:      %s", sql, wanted, got);
    arena_free(&arena);
}

static void an_index_build_is_read_with_its_table(void **state)
{
    (void)state;
    assert_read("CREATE INDEX CONCURRENTLY a_x ON a (x)", "create index=a_x table=a");
    assert_read("create unique index concurrently if not exists A_X on only s.A using btree (x)",
                "create index=a_x table=s.A if not exists");
    assert_read("CREATE INDEX /* now */ CONCURRENTLY \"A \"\"x\"\"\" -- here\n ON \"My S\".\"T\" (x)",
                "create index=A \"x\" table=\"My S\".\"T\"");
}

static void a_name_is_as_long_as_the_server_keeps_it(void **state)
{
    (void)state;
#define SIXTY "a123456789b123456789c123456789d123456789e123456789f123456789"
    assert_read("CREATE INDEX CONCURRENTLY " SIXTY "xyz ON t (x)", "create index=" SIXTY "xyz table=t");
    assert_read("CREATE INDEX CONCURRENTLY " SIXTY "xyzt ON t (x)", "create index=" SIXTY "xyz table=t");
    assert_read("CREATE INDEX CONCURRENTLY " SIXTY "xy\xc3\xa4 ON t (x)", "create index=" SIXTY "xy table=t");
}

static void an_index_dropped_or_rebuilt_is_read_as_it_was_written(void **state)
{
    (void)state;
    assert_read("DROP INDEX CONCURRENTLY IF EXISTS s.\"I\" CASCADE", "drop index=s.\"I\" table=-");
    assert_read("REINDEX INDEX CONCURRENTLY s.i", "reindex index index=s.i table=-");
    assert_read("REINDEX (VERBOSE, CONCURRENTLY) TABLE t", "reindex table index=- table=t");
}

static void anything_else_leaves_nothing_to_look_for(void **state)
{
    (void)state;
    assert_read("CREATE INDEX a_x ON a (x)", "other index=- table=-");
    assert_read("CREATE TABLE concurrently (x int)", "other index=- table=-");
    assert_read("DROP INDEX a_x", "other index=- table=-");
    assert_read("REINDEX TABLE t", "other index=- table=-");
    assert_read("REINDEX SCHEMA CONCURRENTLY s", "other index=- table=-");
    assert_read("VACUUM a", "other index=- table=-");
    assert_read("", "other index=- table=-");
    assert_read("CREATE INDEX CONCURRENTLY", "other index=- table=-");
    assert_read("CREATE INDEX CONCURRENTLY U&\"\\0061\" ON t (x)", "other index=- table=-"); // its name is not read
    assert_read("REINDEX (CONCURRENTLY", "other index=- table=-");
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(an_index_build_is_read_with_its_table),
        cmocka_unit_test(a_name_is_as_long_as_the_server_keeps_it),
        cmocka_unit_test(an_index_dropped_or_rebuilt_is_read_as_it_was_written),
        cmocka_unit_test(anything_else_leaves_nothing_to_look_for),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
