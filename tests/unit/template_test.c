/* template_test.c: templates -> new files, and reading them back. */
#include "script/script.h"
#include "script/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static int clean_up(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct text fill(const char *template_text, const char *message)
{
    const struct replacement replacements[] = {
        {"message", message},    {"revision", "abc"}, {"revises", ""},
        {"branch_labels", NULL}, {"depends_on", "d"}, {"create_date", "2026-11-20 12:00:00+00:00"},
    };
    struct text filled;
    struct error err = {0};
    if (!template_fill(text_of(template_text), "x.template", replacements, sizeof replacements / sizeof *replacements,
                       &arena, &filled, &err))
        return text_of(arena_printf(&arena, "%u:%u %s", err.line, err.column, err.message));
    return filled;
}

static void assert_filled(const char *template_text, const char *message, const char *expected)
{
    struct text got = fill(template_text, message);
    if (!text_is(got, expected))
        fail_msg("\n%s\nexpected: %s\ngot:      %.*s", template_text, expected, (int)got.length, got.at);
}

static void the_built_in_template_makes_the_header_that_is_read(void **state)
{
    (void)state;
    assert_true(builtin_template_count >= 1);
    assert_string_equal(builtin_templates[0].name, "default");
    assert_filled(builtin_templates[0].revision_sql, "add tags",
                  "-- add tags\n--\n-- Revision ID: abc\n-- Revises:\n-- Depends On: d\n"
                  "-- Create Date: 2026-11-20 12:00:00+00:00\n\n-- migrate:upgrade\n\n-- migrate:downgrade\n");
    assert_non_null(strstr(builtin_templates[0].config_ini, "script_location"));
}

static const char *const nasty[] = {
    "add tags",
    "",
    "Revises: x",
    "revises : x",
    "Revision ID: evil",
    "Revize: x",
    "RevisionID: x",
    "Create Date: now",
    "migrate:upgrade",
    "migrate : downgrade",
    "mirgate:downgrade",
    "migrate: the users",
    "\"Revises: x\"",
    "\"\"migrate:upgrade\"\"",
    "\"quoted\"",
    "-- Revises: x",
    "--",
    "-- migrate:downgrade",
    "*/ DROP TABLE users; /*",
    "it's; done $$ ${message} ${revision} \\",
    "${nosuch}",
    "100% %s %n",
    "d\xc3\xa9j\xc3\xa0 vu \xf0\x9f\xa5\x95",
    "a: b: c",
    "#42: fix",
};

static void a_message_is_read_back_as_it_was_whatever_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nasty / sizeof nasty[0]; i++) {
        struct text file = fill(builtin_templates[0].revision_sql, nasty[i]);
        struct script script = {0};
        struct error err = {0};
        if (!script_parse(file, "a.sql", &arena, &script, &err))
            fail_msg("\"%s\": line %u: %s\n%.*s", nasty[i], err.line, err.message, (int)file.length, file.at);
        if (strcmp(script.revision.message, nasty[i]) != 0)
            fail_msg("\nexpected: %s\ngot:      %s", nasty[i], script.revision.message);
        assert_string_equal(script.revision.id, "abc");
        assert_int_equal(script.revision.down.count, 0);
        assert_int_equal(script.section_count, 2);
        size_t statements = 0;
        assert_true(script_judge(&script, DIRECTION_UPGRADE, DIALECT_POSTGRESQL, &statements, &err));
        assert_int_equal(statements, 0);
    }
}

static void a_value_stays_on_its_line(void **state)
{
    (void)state;
    assert_filled("-- ${message}\nx\n", "a\nDROP TABLE b;\r\n\t--\x1b[2J", "-- a DROP TABLE b;   -- [2J\nx\n");
    assert_filled("-- ${message}", "a\xe2\x80\xa8z\xc2\x85y\xe2\x80\xa9", "-- a z y");
}

static void a_value_ends_neither_comment_nor_string(void **state)
{
    (void)state;
    assert_filled("/* ${message} */", "*/ DROP TABLE a; /* x", "/* * / DROP TABLE a; / * x  */");
    assert_filled("/*${message}/ */", "x*", "/*x* / */");
    assert_filled("/*\n${message}\n*/ SELECT '${message}'", "it's */", "/*\nit's * /\n*/ SELECT 'it''s */'");
    assert_filled("-- isn't ${message}\n'${message}'", "it's", "-- isn't it's\n'it''s'");
}

static void a_key_without_a_value_is_left_out_but_for_revises(void **state)
{
    (void)state;
    assert_filled("-- Branch Labels: ${branch_labels}\n-- Revises: ${revises}\n-- By ${branch_labels}\n", "",
                  "-- Revises:\n-- By\n");
}

static void an_unknown_name_is_an_error_that_names_the_closest(void **state)
{
    (void)state;
    assert_filled("a\n-- \xc3\xa9 ${mesage}", "x", "2:6 ${mesage} is not known; did you mean ${message}?");
    assert_filled("${}", "x", "1:1 ${} is not known");
    assert_filled("a ${message", "x", "1:3 ${ is not closed");
    assert_filled("$ $message $$ }", "x", "$ $message $$ }");
}

static void a_value_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    assert_filled("-- ${message}", "a\xff", "0:0 message is not UTF-8");
}

static void a_slug_holds_letters_digits_and_single_underscores(void **state)
{
    (void)state;
    assert_string_equal(template_slug("Add the Inventory-Indexes!", 40, &arena), "add_the_inventory_indexes");
    assert_string_equal(template_slug("  a -- b  ", 40, &arena), "a_b");
    assert_string_equal(template_slug("abc def", 3, &arena), "abc");
    assert_string_equal(template_slug("abc def", 4, &arena), "abc");
    assert_string_equal(template_slug("abc def", 5, &arena), "abc_d");
    assert_string_equal(template_slug("\xc3\xa9t\xc3\xa9", 40, &arena), "t");
    assert_string_equal(template_slug("../../x", 40, &arena), "x");
    assert_string_equal(template_slug("", 40, &arena), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_template_makes_the_header_that_is_read),
        cmocka_unit_test(a_message_is_read_back_as_it_was_whatever_it_says),
        cmocka_unit_test(a_value_stays_on_its_line),
        cmocka_unit_test(a_value_ends_neither_comment_nor_string),
        cmocka_unit_test(a_key_without_a_value_is_left_out_but_for_revises),
        cmocka_unit_test(an_unknown_name_is_an_error_that_names_the_closest),
        cmocka_unit_test(a_value_that_is_not_utf8_is_refused),
        cmocka_unit_test(a_slug_holds_letters_digits_and_single_underscores),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
