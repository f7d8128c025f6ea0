/* file_test.c: reading, mapping, creating and listing, and what goes wrong with each. */
#include "base/file.h"
#include "unit/temporary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct error error;
    struct temporary temporary;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    return fixture ? temporary_enter(&fixture->temporary) : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    int status = temporary_leave(&fixture->temporary);
    arena_free(&fixture->arena);
    free(fixture);
    return status;
}

static void put_file(void **state, const char *path, const char *content)
{
    struct fixture *fixture = *state;
    if (!file_create(path, text_of(content), &fixture->error))
        fail_msg("%s", fixture->error.message);
}

static void what_is_written_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct text content, large = {.at = arena_alloc(&fixture->arena, 3000000), .length = 3000000};
    assert_true(file_create("large", large, &fixture->error));
    assert_true(file_read("large", &fixture->arena, &content, &fixture->error));
    assert_int_equal(content.length, large.length);
    put_file(state, "small", "a\n");
    assert_true(file_read("small", &fixture->arena, &content, &fixture->error));
    assert_string_equal(content.at, "a\n");
    put_file(state, "empty", "");
    assert_true(file_read("empty", &fixture->arena, &content, &fixture->error));
    assert_int_equal(content.length, 0);
    assert_string_equal(content.at, "");
}

static void files_without_a_size_are_read(void **state)
{
    struct fixture *fixture = *state;
    struct text content;
    assert_true(file_read("/proc/self/maps", &fixture->arena, &content, &fixture->error));
    assert_true(content.length > 0 && content.length == strlen(content.at));
}

static void what_cannot_be_read_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct text content;
    struct file_map map;
    assert_false(file_read("missing", &fixture->arena, &content, &fixture->error));
    assert_int_equal(fixture->error.code, MIGRATE_FILE);
    assert_string_equal(fixture->error.message, "missing: No such file or directory");
    assert_false(file_read(".", &fixture->arena, &content, &fixture->error));
    assert_string_equal(fixture->error.message, ".: Is a directory");
    assert_false(file_map(".", &map, &fixture->error));
    assert_string_equal(fixture->error.message, ".: Is a directory");
    assert_false(file_map("/dev/null", &map, &fixture->error));
}

static void a_head_says_whether_it_is_all(void **state)
{
    struct fixture *fixture = *state;
    struct text content;
    bool whole = false;
    int folder = -1;
    put_file(state, "a", "0123456789");
    assert_true(folder_open(".", &folder, &fixture->error));
    assert_true(file_read_head(folder, "a", "x/a", 4, &fixture->arena, &content, &whole, &fixture->error));
    assert_string_equal(content.at, "0123");
    assert_false(whole);
    assert_true(file_read_head(folder, "a", "x/a", 100, &fixture->arena, &content, &whole, &fixture->error));
    assert_string_equal(content.at, "0123456789");
    assert_true(whole);
    assert_false(file_read_head(folder, "b", "x/b", 4, &fixture->arena, &content, &whole, &fixture->error));
    assert_string_equal(fixture->error.message, "x/b: No such file or directory");
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_true(file_read_head(folder, "fifo", "fifo", 4, &fixture->arena, &content, &whole, &fixture->error));
    close(folder);
    assert_false(folder_open("a", &folder, &fixture->error));
}

static void a_map_is_the_file(void **state)
{
    struct fixture *fixture = *state;
    struct file_map map;
    put_file(state, "a", "0123456789");
    put_file(state, "empty", "");
    assert_true(file_map("a", &map, &fixture->error));
    assert_true(text_is(map.content, "0123456789"));
    file_map_forget(&map, 10);
    assert_true(text_is(map.content, "0123456789"));
    file_unmap(&map);
    file_unmap(&map);
    assert_true(file_map("empty", &map, &fixture->error));
    assert_int_equal(map.content.length, 0);
    file_unmap(&map);
}

static size_t entries(void **state, const char *path)
{
    struct fixture *fixture = *state;
    struct folder_list list;
    if (!folder_read(path, &fixture->arena, &list, &fixture->error))
        fail_msg("%s", fixture->error.message);
    return list.count;
}

static void a_file_is_never_overwritten(void **state)
{
    struct fixture *fixture = *state;
    struct text content;
    put_file(state, "a", "first");
    assert_false(file_create("a", text_of("second"), &fixture->error));
    assert_int_equal(fixture->error.code, MIGRATE_FILE_EXISTS);
    assert_int_equal(symlink("nowhere", "link"), 0);
    assert_false(file_create("link", text_of("second"), &fixture->error));
    assert_int_equal(fixture->error.code, MIGRATE_FILE_EXISTS);
    assert_true(file_read("a", &fixture->arena, &content, &fixture->error));
    assert_string_equal(content.at, "first");
    assert_false(file_create("missing/a", text_of("x"), &fixture->error));
    assert_int_equal(fixture->error.code, MIGRATE_FILE);
    assert_int_equal(entries(state, "."), 2); // nothing else is left behind
}

static void a_file_has_the_mode_that_umask_leaves(void **state)
{
    mode_t before = umask(027);
    put_file(state, "a", "x");
    umask(before);
    struct stat about;
    assert_int_equal(stat("a", &about), 0);
    assert_int_equal(about.st_mode & 0777, 0640);
}

static void folders_are_created_with_those_above(void **state)
{
    struct fixture *fixture = *state;
    assert_true(folder_create("a/b/c/", &fixture->error));
    assert_true(folder_create("a/b/c", &fixture->error));
    assert_true(folder_create(".", &fixture->error));
    assert_true(folder_exists("a/b/c"));
    put_file(state, "a/file", "");
    assert_false(folder_create("a/file", &fixture->error));
    assert_false(folder_create("a/file/b", &fixture->error));
    assert_int_equal(fixture->error.code, MIGRATE_FILE);
    assert_false(folder_exists("a/file"));
    assert_true(file_exists("a/file"));
}

static void a_folder_is_listed_in_byte_order(void **state)
{
    struct fixture *fixture = *state;
    struct folder_list list;
    put_file(state, "b", "");
    put_file(state, "B", "");
    put_file(state, "\xC3\xBC", "");
    assert_true(folder_create("a", &fixture->error));
    assert_int_equal(symlink("a", "c"), 0);
    assert_int_equal(symlink("nowhere", "d"), 0);
    assert_true(folder_read(".", &fixture->arena, &list, &fixture->error));
    static const char *const names[] = {"B", "a", "b", "c", "d", "\xC3\xBC"};
    assert_int_equal(list.count, 6);
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(list.items[i].name, names[i]);
        assert_int_equal(list.items[i].is_folder, i == 1 || i == 3);
    }
    assert_false(folder_read("missing", &fixture->arena, &list, &fixture->error));
    assert_string_equal(fixture->error.message, "missing: No such file or directory");
}

static void paths_are_taken_apart_and_joined(void **state)
{
    struct arena *arena = &((struct fixture *)*state)->arena;
    assert_string_equal(path_join(arena, "a", "b"), "a/b");
    assert_string_equal(path_join(arena, "a/", "b"), "a/b");
    assert_string_equal(path_join(arena, ".", "b"), "b");
    assert_string_equal(path_join(arena, "", "b"), "b");
    assert_string_equal(path_join(arena, "a", "/b"), "/b");
    assert_string_equal(path_folder(arena, "a/b/c"), "a/b");
    assert_string_equal(path_folder(arena, "a"), ".");
    assert_string_equal(path_folder(arena, "/a"), "/");
    assert_string_equal(path_folder(arena, "/"), "/");
    assert_string_equal(path_name("a/b"), "b");
    assert_string_equal(path_name("b"), "b");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(files_without_a_size_are_read),
        TEST(what_cannot_be_read_is_named),
        TEST(a_head_says_whether_it_is_all),
        TEST(a_map_is_the_file),
        TEST(a_file_is_never_overwritten),
        TEST(a_file_has_the_mode_that_umask_leaves),
        TEST(folders_are_created_with_those_above),
        TEST(a_folder_is_listed_in_byte_order),
        TEST(paths_are_taken_apart_and_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
