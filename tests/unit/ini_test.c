/* ini_test.c: migrate.ini's form, which is that of Python's configparser where alembic.ini uses it. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* "name=value" for each setting, with "; " between; a value's line break is shown as "|". */
static void assert_reads(const char *section, const char *text, const char *expected)
{
    struct arena arena = {0};
    struct settings settings = {0};
    struct error error = {0};
    if (!ini_parse(text_of(text), "migrate.ini", section, &arena, &settings, &error))
        fail_msg("refused: %s (line %u)", error.message, error.line);
    struct buffer got = {.arena = &arena};
    for (size_t i = 0; i < settings.count; i++)
        buffer_printf(&got, "%s%s=%s", i ? "; " : "", settings.items[i].name, settings.items[i].value);
    for (size_t i = 0; i < got.length; i++)
        got.at[i] = got.at[i] == '\n' ? '|' : got.at[i];
    assert_string_equal(buffer_done(&got), expected);
    arena_free(&arena);
}

static void assert_refused(const char *section, const char *text, unsigned line, const char *message)
{
    struct arena arena = {0};
    struct settings settings = {0};
    struct error error = {0};
    if (ini_parse(text_of(text), "deploy/migrate.ini", section, &arena, &settings, &error))
        fail_msg("taken: %s", text);
    assert_int_equal(error.code, MIGRATE_CONFIGURATION);
    assert_int_equal(error.line, line);
    assert_string_equal(error.path, "deploy/migrate.ini");
    if (!strstr(error.message, message) && !strstr(error.hint, message))
        fail_msg("expected \"%s\" in: %s (%s)", message, error.message, error.hint);
    assert_null(strstr(error.message, "hunter"));
    arena_free(&arena);
}

static void a_section_holds_keys_and_values(void **state)
{
    (void)state;
    assert_reads("migrate", "[migrate]\na = 1\nB: two words\r\nc=\nurl = postgresql://u:p@h:5/d?x=y\n",
                 "a=1; b=two words; c=; url=postgresql://u:p@h:5/d?x=y");
}

static void other_sections_are_left_alone(void **state)
{
    (void)state;
    assert_reads("migrate", "[loggers]\nkeys = root\n[migrate]\na = 1\n[migrateur]\nb = 2\n[migrate]\nc = 3\n",
                 "a=1; c=3");
}

static void a_comment_is_a_whole_line(void **state)
{
    (void)state;
    assert_reads("migrate", "# x\n[migrate]\n  ; a = 1\nurl = postgresql://u:p;#w@h/d ; x\n",
                 "url=postgresql://u:p;#w@h/d ; x");
}

static void an_indented_line_goes_on_with_the_value(void **state)
{
    (void)state;
    assert_reads("migrate", "[migrate]\nlocations =\n  one\n  # not this\n\n\ttwo = 2\nb = 1\n   and more\n",
                 "locations=one|two = 2; b=1|and more");
    assert_reads("migrate", "  [migrate]\n  a = 1\n  b = 2\n", "a=1; b=2");
}

static void a_section_inherits_by_its_name(void **state)
{
    (void)state;
    const char *text =
        "[migrate:staging]\na = 2\n[migrate:staging:eu]\nc = 4\n[migrate]\na = 1\nb = 1\n[migrate:st]\nd = 5\n";
    assert_reads("migrate:staging", text, "a=1; b=1; a=2");
    assert_reads("migrate:staging:eu", text, "a=1; b=1; a=2; c=4");
    assert_reads("migrate", text, "a=1; b=1");
}

static void a_named_section_must_be_there(void **state)
{
    (void)state;
    assert_reads("migrate", "[alembic]\na = 1\n", "");
    assert_refused("alembic", "[migrate]\na = 1\n[other]\n", 0, "[migrate], [other]");
    assert_refused("migrate:staging", "[migrate]\na = 1\n", 0, "no section [migrate:staging]");
}

static void what_is_malformed_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused("migrate", "a = hunter\n", 1, "before the first [section]");
    assert_refused("migrate", "[migrate]\n\nhunter2\n", 3, "key = value");
    assert_refused("migrate", "[migrate]\n= hunter2\n", 2, "key = value");
    assert_refused("migrate", "[migrate\n", 1, "[name]");
    assert_refused("migrate", "[]\n", 1, "[name]");
    assert_refused("migrate", "[migrate] x\n", 1, "[name]");
}

static void sections_are_listed_in_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct names sections = ini_sections(text_of("# [no]\n[b]\nx = [c]\n [a] \r\n[b]"), &arena);
    assert_string_equal(names_join(sections, " ", &arena), "b a b");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_holds_keys_and_values),
        cmocka_unit_test(other_sections_are_left_alone),
        cmocka_unit_test(a_comment_is_a_whole_line),
        cmocka_unit_test(an_indented_line_goes_on_with_the_value),
        cmocka_unit_test(a_section_inherits_by_its_name),
        cmocka_unit_test(a_named_section_must_be_there),
        cmocka_unit_test(what_is_malformed_is_refused_with_its_line),
        cmocka_unit_test(sections_are_listed_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
