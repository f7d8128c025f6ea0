/* text_test.c: slices, numbers, distances and growing text. */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_text(struct text got, const char *expected)
{
    if (!text_is(got, expected))
        fail_msg("expected \"%s\", got \"%.*s\"", expected, (int)got.length, got.at);
}

static void white_space_is_trimmed_at_both_ends(void **state)
{
    (void)state;
    assert_text(text_trim(text_of(" \t\r\n\f\va b \r\n")), "a b");
    assert_text(text_trim(text_of(" \n ")), "");
    assert_text(text_trim(text_of(NULL)), "");
    assert_text(text_trim((struct text){0}), "");
}

static void slices_are_compared_whole_or_from_the_front(void **state)
{
    (void)state;
    assert_true(text_is((struct text){.at = "head@", .length = 4}, "head"));
    assert_false(text_is(text_of("heads"), "head"));
    assert_false(text_is(text_of("Head"), "head"));
    assert_true(text_is_nocase(text_of("Head"), "hEAD"));
    assert_true(text_starts(text_of("heads"), "head"));
    assert_false(text_starts(text_of("hea"), "head"));
    assert_true(text_starts_nocase(text_of("HEADS"), "head"));
    assert_true(text_is((struct text){0}, ""));
    assert_true(text_starts((struct text){0}, ""));
}

static void a_split_leaves_the_rest(void **state)
{
    (void)state;
    struct text rest = text_of("a,,b");
    assert_text(text_split(rest, ',', &rest), "a");
    assert_text(text_split(rest, ',', &rest), "");
    assert_text(text_split(rest, ',', &rest), "b");
    assert_int_equal(rest.length, 0);
    assert_text(text_split((struct text){0}, ',', &rest), "");
}

static void a_cut_keeps_characters_whole(void **state)
{
    (void)state;
    struct text text = text_of("a\xE2\x82\xAC"
                               "b");
    assert_text(text_cut(text, 1), "a");
    assert_text(text_cut(text, 2), "a");
    assert_text(text_cut(text, 3), "a");
    assert_text(text_cut(text, 4), "a\xE2\x82\xAC");
    assert_text(text_cut(text, 9), "a\xE2\x82\xAC"
                                   "b");
}

static void utf8_is_told_from_what_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t good;
    } cases[] = {
        {"", 0},
        {"plain text that is longer than eight bytes", 42},
        {"\xC3\xBC\xE2\x82\xAC\xF0\x9F\x90\x98", 9},
        {"12345678\xFF", 8},
        {"\xC0\x80", 0},         // overlong
        {"a\xC1\xBF", 1},        // overlong
        {"\xE0\x9F\xBF", 0},     // overlong
        {"\xF0\x8F\xBF\xBF", 0}, // overlong
        {"\xED\xA0\x80", 0},     // a surrogate
        {"\xED\x9F\xBF", 3},
        {"\xF4\x8F\xBF\xBF", 4},
        {"\xF4\x90\x80\x80", 0}, // beyond U+10FFFF
        {"\xF5\x80\x80\x80", 0},
        {"ab\xE2\x82", 2}, // cut short
        {"\x80", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(text_utf8_length(text_of(cases[i].text)), cases[i].good);
}

static void characters_are_counted_and_found_again(void **state)
{
    (void)state;
    struct text text = text_of("a\xC3\xBC\xE2\x82\xAC"
                               "b");
    assert_int_equal(text_characters(text), 4);
    assert_int_equal(text_bytes_of_characters(text, 0), 0);
    assert_int_equal(text_bytes_of_characters(text, 2), 3);
    assert_int_equal(text_bytes_of_characters(text, 3), 6);
    assert_int_equal(text_bytes_of_characters(text, 99), 7);
}

static void distance_counts_what_must_change(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"abc", "ABC", 0},
        {"downgarde", "downgrade", 1},
        {"kitten", "sitting", 3},
        {"ab", "ba", 1},
        {"upgrade", "upgrad", 1},
        {"ca", "abc", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(text_distance(text_of(cases[i].a), text_of(cases[i].b)), cases[i].distance);
        assert_int_equal(text_distance(text_of(cases[i].b), text_of(cases[i].a)), cases[i].distance);
    }
    char longer[66];
    memset(longer, 'x', 65);
    longer[65] = '\0';
    assert_true(text_distance(text_of(longer), text_of(longer)) == SIZE_MAX);
}

static void assert_closest(const char *word, const char *expected)
{
    static const char *const items[] = {"upgrade", "downgrade", "heads", "history", "current"};
    const char *got = text_closest(word, (struct names){items, 5});
    if (!got || !expected ? got != expected : strcmp(got, expected) != 0)
        fail_msg("%s: expected %s, got %s", word, expected ? expected : "none", got ? got : "none");
}

static void the_closest_name_is_close(void **state)
{
    (void)state;
    assert_closest("downgarde", "downgrade");
    assert_closest("UPGRAD", "upgrade");
    assert_closest("head", "heads");
    assert_closest("hist", "history"); // begins with it
    assert_closest("elephant", NULL);
    assert_closest("", NULL);
    assert_closest("h", NULL);
    assert_null(text_closest("a", (struct names){0}));
}

static void whole_numbers_are_read_to_their_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
    } good[] = {{"0", 0},
                {"42", 42},
                {"-7", -7},
                {"+7", 7},
                {"007", 7},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {
        "", "-", "+", "1 ", " 1", "1x", "0x1", "--1", "9223372036854775808", "1.0", "99999999999999999999999999"};
    int64_t number = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!text_integer(text_of(good[i].text), &number))
            fail_msg("%s was refused", good[i].text);
        assert_true(number == good[i].number);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (text_integer(text_of(bad[i]), &number))
            fail_msg("%s was taken", bad[i]);
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t milliseconds;
    } good[] = {{"5s", 5000},    {"500ms", 500}, {"10min", 600000}, {"10m", 600000},
                {"1h", 3600000}, {"30", 30000},  {"0", 0}};
    static const char *const bad[] = {"", "s", "5 s", "-5s", "5d", "5S", "1.5s", "9223372036854775807h"};
    int64_t got = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!text_duration(text_of(good[i].text), 1000, &got))
            fail_msg("%s was refused", good[i].text);
        assert_true(got == good[i].milliseconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (text_duration(text_of(bad[i]), 1000, &got))
            fail_msg("%s was taken", bad[i]);
}

static void yes_and_no_have_four_names_each(void **state)
{
    (void)state;
    bool value = false;
    assert_true(text_boolean(text_of("True"), &value) && value);
    assert_true(text_boolean(text_of("off"), &value) && !value);
    assert_true(text_boolean(text_of("1"), &value) && value);
    assert_false(text_boolean(text_of("maybe"), &value));
    assert_false(text_boolean(text_of(""), &value));
}

static void a_buffer_grows_and_ends_in_nul(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buffer buffer = {.arena = &arena};
    assert_string_equal(buffer_done(&buffer), "");
    for (int i = 0; i < 1000; i++)
        buffer_printf(&buffer, "%d,", i % 10);
    buffer_string(&buffer, "end");
    buffer_text(&buffer, (struct text){.at = "!?", .length = 1});
    buffer_character(&buffer, '.');
    assert_int_equal(buffer.length, 2005);
    assert_string_equal(buffer_done(&buffer) + 1996, "8,9,end!.");
    arena_free(&arena);
}

static void a_cr_goes_only_from_before_an_lf(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct text plain = text_of("a\nb");
    assert_ptr_equal(text_without_cr(plain, &arena).at, plain.at);
    assert_true(text_is(text_without_cr(text_of("a\r\n\r\rb\r\n\r"), &arena), "a\n\r\rb\n\r"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_is_trimmed_at_both_ends),
        cmocka_unit_test(slices_are_compared_whole_or_from_the_front),
        cmocka_unit_test(a_split_leaves_the_rest),
        cmocka_unit_test(a_cut_keeps_characters_whole),
        cmocka_unit_test(utf8_is_told_from_what_is_none),
        cmocka_unit_test(characters_are_counted_and_found_again),
        cmocka_unit_test(distance_counts_what_must_change),
        cmocka_unit_test(the_closest_name_is_close),
        cmocka_unit_test(whole_numbers_are_read_to_their_limits),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(yes_and_no_have_four_names_each),
        cmocka_unit_test(a_buffer_grows_and_ends_in_nul),
        cmocka_unit_test(a_cr_goes_only_from_before_an_lf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
