/* hash_test.c: against what git and sha256sum give for the same bytes. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_blob(struct text content, const char *expected)
{
    char oid[OID_LENGTH + 1];
    hash_blob(content, oid);
    assert_string_equal(oid, expected);
}

static void a_blob_has_the_id_that_git_gives_it(void **state)
{
    (void)state;
    assert_blob(text_of(""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    assert_blob((struct text){0}, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    assert_blob(text_of("SELECT 1;\n"), "e0ac49d1ecfb8f96f2418b1a87e1d20e587d9d0f");
}

static void line_endings_do_not_count(void **state)
{
    (void)state;
    char lf[OID_LENGTH + 1], crlf[OID_LENGTH + 1];
    hash_blob(text_of("a\n\nb\rc\n"), lf);
    hash_blob(text_of("a\r\n\r\nb\rc\r\n"), crlf);
    assert_string_equal(crlf, lf);
    hash_blob(text_of("a\n\nb\nc\n"), crlf); // a CR by itself is no line ending
    assert_string_not_equal(crlf, lf);
    hash_blob(text_of("a\r"), crlf);
    hash_blob(text_of("a"), lf);
    assert_string_not_equal(crlf, lf);
}

static void a_key_is_the_same_everywhere(void **state)
{
    (void)state;
    assert_true(hash_key(text_of("abc")) == (int64_t)UINT64_C(0xba7816bf8f01cfea));
    assert_true(hash_key(text_of("")) == (int64_t)UINT64_C(0xe3b0c44298fc1c14));
}

static void random_hex_has_the_digits_asked_for(void **state)
{
    (void)state;
    struct error error = {0};
    char one[65], other[65];
    for (size_t digits = 1; digits <= 64; digits++) {
        assert_true(hash_random_hex(one, digits, &error));
        assert_int_equal(strlen(one), digits);
        assert_int_equal(strspn(one, "0123456789abcdef"), digits);
    }
    assert_true(hash_random_hex(other, 64, &error));
    assert_string_not_equal(one, other);
    assert_false(hash_random_hex(one, 65, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blob_has_the_id_that_git_gives_it),
        cmocka_unit_test(line_endings_do_not_count),
        cmocka_unit_test(a_key_is_the_same_everywhere),
        cmocka_unit_test(random_hex_has_the_digits_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
