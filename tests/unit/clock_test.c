/* clock_test.c: times as they are read and written. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_time(const char *text, const char *expected)
{
    struct arena arena = {0};
    int64_t time_us = 0;
    if (!clock_parse(text_of(text), &time_us))
        fail_msg("%s was refused", text);
    assert_string_equal(clock_rfc3339(time_us, &arena), expected);
    arena_free(&arena);
}

static void every_usual_form_is_read(void **state)
{
    (void)state;
    assert_time("2026-11-20 12:00:00+00:00", "2026-11-20T12:00:00Z");
    assert_time("2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z");
    assert_time("2026-11-20t12:00:00z", "2026-11-20T12:00:00Z");
    assert_time(" 2026-11-20 12:00 ", "2026-11-20T12:00:00Z");
    assert_time("2026-11-20", "2026-11-20T00:00:00Z");
    assert_time("2026-11-20 12:00:00.123456", "2026-11-20T12:00:00.123456Z");
    assert_time("2026-11-20 12:00:00.1234567", "2026-11-20T12:00:00.123456Z");
    assert_time("2026-11-20 12:00:00,5", "2026-11-20T12:00:00.500000Z");
    assert_time("2026-11-20 12:00:00 +0530", "2026-11-20T06:30:00Z");
    assert_time("2026-11-20 22:00:00-05", "2026-11-21T03:00:00Z");
    assert_time("2024-02-29", "2024-02-29T00:00:00Z");
    assert_time("1969-12-31 23:59:59.5", "1969-12-31T23:59:59.500000Z");
    assert_time("2016-12-31 23:59:60", "2017-01-01T00:00:00Z");
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-11",
                                      "26-11-20",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-02-31",
                                      "2025-02-29",
                                      "2026-11-20T",
                                      "2026-11-20 12",
                                      "2026-11-20 24:00",
                                      "2026-11-20 12:60",
                                      "2026-11-31",
                                      "2026-11-20x",
                                      "2026-11-20 12:00:",
                                      "2026-11-20 12:00.",
                                      "2026-11-20 12:00+",
                                      "2026-11-20 12:00Zx",
                                      "2026-11-0a",
                                      "2026-11-20 12:00+24:00",
                                      "now"};
    int64_t time_us = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (clock_parse(text_of(bad[i]), &time_us))
            fail_msg("\"%s\" was taken", bad[i]);
}

static void sleeping_takes_its_time(void **state)
{
    (void)state;
    double before_ms = clock_ms();
    clock_sleep_ms(20);
    assert_true(clock_ms() - before_ms >= 20);
    clock_sleep_ms(-1);
    clock_sleep_ms(0);
}

static void now_is_after_this_was_written(void **state)
{
    (void)state;
    int64_t written_us = 0;
    assert_true(clock_parse(text_of("2024-01-01"), &written_us));
    assert_true(clock_now_us() > written_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_usual_form_is_read),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(sleeping_takes_its_time),
        cmocka_unit_test(now_is_after_this_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
