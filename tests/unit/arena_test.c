/* arena_test.c: memory that comes zeroed and aligned, and goes back to a mark. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        struct arena_mark mark = arena_mark(&arena);
        memset(arena_alloc(&arena, size), 0xAA, size);
        arena_rewind(&arena, mark);
        const unsigned char *again = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)again % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(again[i], 0);
    }
    assert_non_null(arena_alloc(&arena, 0));
    arena_free(&arena);
    assert_null(arena.last);
}

static void allocations_do_not_overlap(void **state)
{
    (void)state;
    struct arena arena = {0};
    enum { COUNT = 2000, SIZE = 40 };
    unsigned char *parts[COUNT];
    for (int i = 0; i < COUNT; i++) {
        parts[i] = arena_alloc(&arena, SIZE);
        memset(parts[i], i % 251, SIZE);
    }
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < SIZE; j++)
            assert_int_equal(parts[i][j], i % 251);
    arena_free(&arena);
}

static void what_came_before_a_mark_survives_the_rewind(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *kept = arena_string(&arena, "kept");
    for (int round = 0; round < 3; round++) {
        struct arena_mark mark = arena_mark(&arena);
        for (int i = 0; i < 100; i++)
            memset(arena_alloc(&arena, 10000), 'x', 10000);
        arena_rewind(&arena, mark);
        assert_string_equal(kept, "kept");
    }
    struct arena_mark empty = {0};
    arena_rewind(&arena, empty);
    assert_null(arena.last);
}

static void lists_grow_and_keep_their_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct name_list list = {0};
    for (int i = 0; i < 100; i++)
        ARENA_PUSH(&arena, &list, arena_printf(&arena, "%d", i));
    assert_int_equal(list.count, 100);
    for (int i = 0; i < 100; i++)
        assert_string_equal(list.items[i], arena_printf(&arena, "%d", i));
    arena_free(&arena);
}

static void names_are_joined_and_found(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *items[] = {"a", "", "bc"};
    struct names names = {items, 3};
    assert_string_equal(names_join(names, ", ", &arena), "a, , bc");
    assert_string_equal(names_join((struct names){0}, ", ", &arena), "");
    assert_true(names_have(names, "bc"));
    assert_false(names_have(names, "b"));
    assert_false(names_have((struct names){0}, "b"));
    arena_free(&arena);
}

static void copies_end_in_nul(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(arena_copy(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_copy(&arena, NULL, 0), "");
    assert_string_equal(arena_printf(&arena, "%s-%05d", "x", 42), "x-00042");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(what_came_before_a_mark_survives_the_rewind),
        cmocka_unit_test(lists_grow_and_keep_their_order),
        cmocka_unit_test(names_are_joined_and_found),
        cmocka_unit_test(copies_end_in_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
