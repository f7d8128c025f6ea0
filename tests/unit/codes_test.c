/* codes_test.c: the codes against the exit statuses that are promised. */
#include "migrate.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void every_code_has_a_name_in_lower_case_and_a_meaning(void **state)
{
    (void)state;
    for (enum migrate_code code = 0; code < MIGRATE_CODES; code++) {
        const char *name = migrate_code_name(code);
        assert_non_null(name);
        for (const char *at = name; *at; at++)
            assert_true(islower((unsigned char)*at) || *at == '_');
        assert_non_null(migrate_code_meaning(code));
        assert_true(strlen(migrate_code_meaning(code)) > 4);
    }
}

static void no_name_stands_for_two_codes(void **state)
{
    (void)state;
    for (enum migrate_code a = 0; a < MIGRATE_CODES; a++)
        for (enum migrate_code b = a + 1; b < MIGRATE_CODES; b++)
            assert_string_not_equal(migrate_code_name(a), migrate_code_name(b));
}

static void the_exit_statuses_are_those_promised(void **state)
{
    (void)state;
    static const struct {
        enum migrate_code first, last;
        int exit;
    } promised[] = {
        {MIGRATE_OK, MIGRATE_OK, 0},
        {MIGRATE_NOT_AT_HEADS, MIGRATE_FINDINGS, 1},
        {MIGRATE_USAGE, MIGRATE_BAD_URL, 2},
        {MIGRATE_MALFORMED_FILE, MIGRATE_UNFINISHED, 3},
        {MIGRATE_REFUSED, MIGRATE_REFUSED, 4},
        {MIGRATE_PARTIAL, MIGRATE_PARTIAL, 5},
        {MIGRATE_AUTHENTICATION, MIGRATE_POOLER, 6},
        {MIGRATE_FILE, MIGRATE_FILE, 7},
        {MIGRATE_UNREACHABLE, MIGRATE_UNREACHABLE, 10},
        {MIGRATE_LOCKED, MIGRATE_LOCKED, 11},
        {MIGRATE_LOCK_TIMEOUT, MIGRATE_LOCK_TIMEOUT, 12},
        {MIGRATE_LOST, MIGRATE_LOST, 13},
        {MIGRATE_DEFECT, MIGRATE_DEFECT, 70},
        {MIGRATE_INTERRUPTED, MIGRATE_INTERRUPTED, 130},
    };
    size_t seen = 0;
    for (size_t i = 0; i < sizeof promised / sizeof promised[0]; i++)
        for (enum migrate_code code = promised[i].first; code <= promised[i].last; code++, seen++)
            assert_int_equal(migrate_code_exit(code), promised[i].exit);
    assert_int_equal(seen, MIGRATE_CODES);
}

static void the_names_that_json_uses_are_those_of_the_enumeration(void **state)
{
    (void)state;
    assert_string_equal(migrate_code_name(MIGRATE_UNKNOWN_REVISION), "unknown_revision");
    assert_string_equal(migrate_code_name(MIGRATE_NO_SUCH_DATABASE), "no_such_database");
    assert_string_equal(migrate_code_name(MIGRATE_OK), "ok");
}

static void a_number_that_is_no_code_is_a_defect(void **state)
{
    (void)state;
    assert_int_equal(migrate_code_exit(MIGRATE_CODES), 70);
    assert_string_equal(migrate_code_name((enum migrate_code)1000), "defect");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_in_lower_case_and_a_meaning),
        cmocka_unit_test(no_name_stands_for_two_codes),
        cmocka_unit_test(the_exit_statuses_are_those_promised),
        cmocka_unit_test(the_names_that_json_uses_are_those_of_the_enumeration),
        cmocka_unit_test(a_number_that_is_no_code_is_a_defect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
