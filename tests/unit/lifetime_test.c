/* lifetime_test.c: until when which version of PostgreSQL is supported. */
#include "command/doctor.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_ends(int major, const char *day)
{
    struct arena arena = {0};
    int64_t ends_us = 0;
    bool is_older = true;
    assert_true(lifetime_of_postgresql(major, &ends_us, &is_older));
    assert_string_equal(clock_rfc3339(ends_us, &arena), arena_printf(&arena, "%sT00:00:00Z", day));
    arena_free(&arena);
}

static void a_version_ends_on_the_day_its_developers_name(void **state)
{
    (void)state;
    assert_ends(10, "2022-11-10");
    assert_ends(14, "2026-11-12");
    assert_ends(18, "2030-11-14");
}

static void each_version_outlives_the_one_before_by_about_a_year(void **state)
{
    (void)state;
    static const int64_t week_us = (int64_t)7 * 86400 * 1000000;
    for (int major = 11; major <= 18; major++) {
        int64_t before_us = 0, ends_us = 0;
        bool is_older = false;
        assert_true(lifetime_of_postgresql(major - 1, &before_us, &is_older));
        assert_true(lifetime_of_postgresql(major, &ends_us, &is_older));
        assert_in_range(ends_us - before_us, 50 * week_us, 55 * week_us);
    }
}

static void versions_that_are_not_known_are_older_or_newer(void **state)
{
    (void)state;
    int64_t ends_us = 0;
    bool is_older = false;
    assert_false(lifetime_of_postgresql(9, &ends_us, &is_older));
    assert_true(is_older);
    assert_false(lifetime_of_postgresql(99, &ends_us, &is_older));
    assert_false(is_older);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_ends_on_the_day_its_developers_name),
        cmocka_unit_test(each_version_outlives_the_one_before_by_about_a_year),
        cmocka_unit_test(versions_that_are_not_known_are_older_or_newer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
