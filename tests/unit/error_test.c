/* error_test.c: what is put into an error stays one readable line. */
#include "base/arena.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void setting_an_error_forgets_the_one_before(void **state)
{
    (void)state;
    struct error error = {0};
    error_set(&error, MIGRATE_FILE, "first");
    error_hint(&error, "Do this.");
    error_place(&error, "a.sql", 3, 4);
    assert_false(error_set(&error, MIGRATE_USAGE, "second %d", 2));
    assert_int_equal(error.code, MIGRATE_USAGE);
    assert_string_equal(error.message, "second 2");
    assert_string_equal(error.hint, "");
    assert_string_equal(error.path, "");
    assert_int_equal(error.line, 0);
}

static void every_field_answers_false_so_that_it_can_be_returned(void **state)
{
    (void)state;
    struct error error = {0};
    assert_false(error_hint(&error, "Do %s.", "this"));
    assert_false(error_place(&error, "a.sql", 3, 4));
    assert_false(error_excerpt(&error, "SELECT 1; rest", 9));
    assert_false(error_revision(&error, "abc"));
    assert_false(error_outcome(&error, "It is at %s.", "abc"));
    assert_string_equal(error.hint, "Do this.");
    assert_string_equal(error.path, "a.sql");
    assert_int_equal(error.line, 3);
    assert_int_equal(error.column, 4);
    assert_string_equal(error.excerpt, "SELECT 1;");
    assert_string_equal(error.revision, "abc");
    assert_string_equal(error.outcome, "It is at abc.");
}

static void errno_is_explained(void **state)
{
    (void)state;
    struct error error = {0};
    errno = ENOENT;
    assert_false(error_errno(&error, "%s", "a.sql"));
    assert_int_equal(error.code, MIGRATE_FILE);
    assert_string_equal(error.message, "a.sql: No such file or directory");
}

static void control_characters_become_spaces(void **state)
{
    (void)state;
    struct error error = {0};
    error_set(&error, MIGRATE_REFUSED,
              "one\ntwo\r\x1b[31m\x7f \xC2\x9B"
              "31m\n\n");
    assert_string_equal(error.message, "one two  [31m    31m");
    error_place(&error, "a\nb\x1b.sql", 1, 1);
    assert_string_equal(error.path, "a b .sql");
    error_excerpt(&error, "\tSELECT\x1b 1;", 11);
    assert_string_equal(error.excerpt, " SELECT  1;");
}

static void bytes_that_are_no_utf8_become_question_marks(void **state)
{
    (void)state;
    struct error error = {0};
    error_set(&error, MIGRATE_REFUSED,
              "gr\xFC\xDF"
              "e, gr\xC3\xBC\xC3\x9F"
              "e\xC3");
    assert_string_equal(error.message, "gr??e, gr\xC3\xBC\xC3\x9F"
                                       "e?");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct error error = {0};
    char text[4096];
    for (size_t shift = 0; shift < 2; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 2 < sizeof text; i += 2)
            memcpy(text + i, "\xC3\xBC", 3);
        error_set(&error, MIGRATE_REFUSED, "%s", text);
        assert_int_equal(strlen(error.message), shift ? sizeof error.message - 1 : sizeof error.message - 2);
        error_place(&error, text, 1, 1);
        assert_int_equal(strlen(error.path), shift ? sizeof error.path - 1 : sizeof error.path - 2);
        assert_null(strchr(error.message, '?'));
        assert_null(strchr(error.path, '?'));
    }
}

static void an_error_can_be_made_from_itself(void **state)
{
    (void)state;
    struct error error = {0};
    error_set(&error, MIGRATE_FILE, "cause");
    error_set(&error, MIGRATE_CONFIGURATION, "because: %s", error.message);
    assert_string_equal(error.message, "because: cause");
    error_hint(&error, "Do this.");
    error_hint(&error, "%s And that.", error.hint);
    assert_string_equal(error.hint, "Do this. And that.");
}

static void the_password_of_a_url_is_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *given, *shown;
    } cases[] = {
        {"no \"postgresql://u:hunter2@h:5432/x\" here: yes", "no \"postgresql://u@h:5432/x\" here: yes"},
        {"x://u:hun/t:r@2@h", "x://u@h"},
        {"a://u:hunter2@h and b://v:hunter2@h/x", "a://u@h and b://v@h/x"},
        {"host=h://", "host=h://"},
        {"postgresql://h:5432/x, postgresql://u@h:5432/x, a:b@c",
         "postgresql://h:5432/x, postgresql://u@h:5432/x, a:b@c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {0};
        error_set(&error, MIGRATE_USAGE, "%s", cases[i].given);
        error_place(&error, cases[i].given, 1, 0);
        error_outcome(&error, "%s", cases[i].given);
        assert_string_equal(error.message, cases[i].shown);
        assert_string_equal(error.path, cases[i].shown);
        assert_string_equal(error.outcome, cases[i].shown);
    }
}

static void a_hint_may_show_what_a_url_looks_like(void **state)
{
    (void)state;
    struct error error = {0};
    error_hint(&error, "As in postgresql://user:password@host.");
    assert_string_equal(error.hint, "As in postgresql://user:password@host.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_password_of_a_url_is_left_out),
        cmocka_unit_test(a_hint_may_show_what_a_url_looks_like),
        cmocka_unit_test(setting_an_error_forgets_the_one_before),
        cmocka_unit_test(every_field_answers_false_so_that_it_can_be_returned),
        cmocka_unit_test(errno_is_explained),
        cmocka_unit_test(control_characters_become_spaces),
        cmocka_unit_test(bytes_that_are_no_utf8_become_question_marks),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(an_error_can_be_made_from_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
