/* env_test.c: .env files as they are found in the field. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* "NAME=value" for each setting, a line each. */
static void assert_reads(const char *text, const char *expected)
{
    struct arena arena = {0};
    struct settings settings = {0};
    struct error error = {0};
    if (!env_parse(text_of(text), ".env", &arena, &settings, &error))
        fail_msg("refused: %s (line %u)", error.message, error.line);
    struct buffer got = {.arena = &arena};
    for (size_t i = 0; i < settings.count; i++)
        buffer_printf(&got, "%s=%s\n", settings.items[i].name, settings.items[i].value);
    assert_string_equal(buffer_done(&got), expected);
    arena_free(&arena);
}

static void assert_refused(const char *text, unsigned line, const char *message)
{
    struct arena arena = {0};
    struct settings settings = {0};
    struct error error = {0};
    if (env_parse(text_of(text), "deploy/.env", &arena, &settings, &error))
        fail_msg("taken: %s", text);
    assert_int_equal(error.code, MIGRATE_CONFIGURATION);
    assert_int_equal(error.line, line);
    assert_string_equal(error.path, "deploy/.env");
    if (!strstr(error.message, message))
        fail_msg("expected \"%s\" in: %s", message, error.message);
    assert_null(strstr(error.message, "hunter"));
    arena_free(&arena);
}

static void a_line_is_a_name_and_a_value(void **state)
{
    (void)state;
    assert_reads("A=1\nB = two words \r\n\nC=\n  D=x=y", "A=1\nB=two words\nC=\nD=x=y\n");
}

static void export_in_front_is_left_out(void **state)
{
    (void)state;
    assert_reads("export A=1\n\texport\tB=2\nexported=3\nexport=4\n", "A=1\nB=2\nexported=3\nexport=4\n");
}

static void comments_stand_alone_or_behind_white_space(void **state)
{
    (void)state;
    assert_reads("# A=0\n  # B=0\nDB_POOL_SIZE=20    # connections\nURL=postgresql://u:p#w@h/d\nE= # none\nF=#f\n",
                 "DB_POOL_SIZE=20\nURL=postgresql://u:p#w@h/d\nE=\nF=#f\n");
}

static void quotes_keep_what_is_inside(void **state)
{
    (void)state;
    assert_reads("A=' a # b '\nB=\"c # d\" # e\nC=''\nD=\"it's\"\n", "A= a # b \nB=c # d\nC=\nD=it's\n");
}

static void escapes_are_for_double_quotes_alone(void **state)
{
    (void)state;
    assert_reads("A=\"a\\n\\t\\\"\\\\\\$x\\q\"\nB='a\\n'\nC=a\\n\n", "A=a\n\t\"\\$x\\q\nB=a\\n\nC=a\\n\n");
}

static void a_quoted_value_may_span_lines(void **state)
{
    (void)state;
    assert_reads("KEY=\"one\ntwo\"\nB=2\n", "KEY=one\ntwo\nB=2\n");
}

static void nothing_is_expanded(void **state)
{
    (void)state;
    assert_reads("A=$B${C}`d`\nB=\"$B\"\n", "A=$B${C}`d`\nB=$B\n");
}

static void a_name_alone_is_left_out(void **state)
{
    (void)state;
    assert_reads("A\nexport B\nC=1\n", "C=1\n");
}

static void lines_are_counted_through_quotes(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct settings settings = {0};
    struct error error = {0};
    assert_true(env_parse(text_of("\nA='1\n2\n'\n# c\nB=2"), ".env", &arena, &settings, &error));
    assert_int_equal(settings.items[0].line, 2);
    assert_int_equal(settings.items[1].line, 6);
    arena_free(&arena);
}

static void what_is_no_setting_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused("A=1\nhunter two=3\n", 2, "no KEY=value");
    assert_refused("if true; then\n", 1, "no KEY=value");
    assert_refused("=hunter2\n", 1, "no KEY=value");
    assert_refused("A=1\n\nB=\"hunter2\nC=3\n", 3, "never closed");
    assert_refused("A='hunter", 1, "never closed");
    assert_refused("A=\"hunter\\\"", 1, "never closed");
    assert_refused("A='hunter'2\n", 1, "behind the closing quote");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_name_and_a_value),
        cmocka_unit_test(export_in_front_is_left_out),
        cmocka_unit_test(comments_stand_alone_or_behind_white_space),
        cmocka_unit_test(quotes_keep_what_is_inside),
        cmocka_unit_test(escapes_are_for_double_quotes_alone),
        cmocka_unit_test(a_quoted_value_may_span_lines),
        cmocka_unit_test(nothing_is_expanded),
        cmocka_unit_test(a_name_alone_is_left_out),
        cmocka_unit_test(lines_are_counted_through_quotes),
        cmocka_unit_test(what_is_no_setting_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
