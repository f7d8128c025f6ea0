/* scripts_test.c: folders -> revisions. */
#include "script/scripts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static char root[64];

static const char *in_root(const char *name)
{
    return arena_printf(&arena, "%s/%s", root, name);
}

static void write_file(const char *name, const char *content)
{
    struct error err = {0};
    assert_true(folder_create(path_folder(&arena, in_root(name)), &err));
    assert_true(file_create(in_root(name), text_of(content), &err));
}

static void write_revision(const char *name, const char *id)
{
    write_file(name, arena_printf(&arena, "-- %s\n-- Revision ID: %s\n-- Revises:\n", name, id));
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/scripts_test.XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static void remove_all(const char *path)
{
    struct error err = {0};
    struct folder_list entries;
    struct stat about;
    if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode) && folder_read(path, &arena, &entries, &err))
        for (size_t i = 0; i < entries.count; i++)
            remove_all(path_join(&arena, path, entries.items[i].name));
    remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    remove_all(root);
    arena_free(&arena);
    return 0;
}

/* The ids found, or the error. */
static const char *read_all(const char *first, const char *second)
{
    const char *items[] = {in_root(first), second ? in_root(second) : NULL};
    struct scripts scripts;
    struct error err = {0};
    if (!scripts_read((struct names){items, second ? 2 : 1}, &arena, &scripts, &err))
        return arena_printf(&arena, "%s:%u: %s", err.path + (strlen(err.path) > strlen(root) ? strlen(root) + 1 : 0),
                            err.line, err.message);
    struct name_list ids = {0};
    for (size_t i = 0; i < scripts.count; i++)
        ARENA_PUSH(&arena, &ids, scripts.revisions[i].id);
    return names_join(names_of(&ids), " ", &arena);
}

static void files_are_read_in_the_order_of_their_names_at_every_depth(void **state)
{
    (void)state;
    write_revision("b.sql", "b");
    write_revision("a.sql", "a");
    write_revision("aa/z.sql", "aa_z");
    write_revision("aa/deeper/x.sql", "aa_deeper_x");
    write_revision("B.sql", "B");
    write_revision("folder/c.sql", "c");
    assert_string_equal(read_all(".", NULL), "B a aa_deeper_x aa_z b c");
}

static void what_is_no_revision_is_left_alone_unless_it_ends_in_sql(void **state)
{
    (void)state;
    write_file("README.md", "no revision");
    write_file("a.sql.orig", "no revision");
    write_file("sql", "no revision");
    write_file(".hidden/x.sql", "no revision");
    write_revision("a.sql", "a");
    assert_string_equal(read_all(".", NULL), "a");
    write_file("empty.sql", "");
    assert_string_equal(read_all(".", NULL), "./empty.sql:1: the file has no Revision ID");
}

static void a_folder_listed_twice_or_inside_another_is_read_once(void **state)
{
    (void)state;
    write_revision("one/a.sql", "a");
    write_revision("one/two/b.sql", "b");
    assert_string_equal(read_all("one", "one/two"), "a b");
    assert_string_equal(read_all("one/two", "one"), "b a");
    assert_string_equal(read_all("one", "one/../one"), "a b");
    assert_int_equal(symlink("..", in_root("one/two/loop")), 0);
    assert_string_equal(read_all("one", NULL), "a b");
}

static void a_link_to_a_folder_is_followed(void **state)
{
    (void)state;
    write_revision("..data/a.sql", "a");
    assert_int_equal(mkdir(in_root("mounted"), 0777), 0);
    assert_int_equal(symlink("../..data/a.sql", in_root("mounted/a.sql")), 0);
    write_revision("elsewhere/b.sql", "b");
    assert_int_equal(symlink("../elsewhere", in_root("mounted/link")), 0);
    assert_string_equal(read_all("mounted", NULL), "a b");
}

static void a_header_longer_than_what_is_read_at_first_is_read_whole(void **state)
{
    (void)state;
    for (size_t length = 4020; length < 4100; length++) { // the 4096th byte falls on each part of it
        char *text = arena_alloc(&arena, 10000);
        snprintf(text, 10000,
                 "-- m\n-- %0*d\n-- Revision ID: long%zu\n-- Revises:\n-- Depends On: d\n-- migrate:upgrade\n",
                 (int)length, 0, length);
        write_file("long.sql", text);
        assert_string_equal(read_all(".", NULL), arena_printf(&arena, "long%zu", length));
        assert_int_equal(unlink(in_root("long.sql")), 0);
    }
}

static void a_large_body_is_not_looked_at(void **state)
{
    (void)state;
    char *text = arena_alloc(&arena, 100000);
    memset(text, '\xff', 99999);
    memcpy(text, "-- Revision ID: a\n-- Revises:\n-- migrate:upgrade\n", 49);
    write_file("a.sql", text);
    assert_string_equal(read_all(".", NULL), "a");
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    const char *items[] = {in_root("nosuch")};
    struct scripts scripts;
    struct error err = {0};
    assert_false(scripts_read((struct names){items, 1}, &arena, &scripts, &err));
    assert_int_equal(err.code, MIGRATE_FILE);
    assert_non_null(strstr(err.message, "nosuch: No such file or directory"));
}

static void no_files_are_no_revisions(void **state)
{
    (void)state;
    assert_string_equal(read_all(".", NULL), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_read_in_the_order_of_their_names_at_every_depth),
        TEST(what_is_no_revision_is_left_alone_unless_it_ends_in_sql),
        TEST(a_folder_listed_twice_or_inside_another_is_read_once),
        TEST(a_link_to_a_folder_is_followed),
        TEST(a_header_longer_than_what_is_read_at_first_is_read_whole),
        TEST(a_large_body_is_not_looked_at),
        TEST(a_folder_that_is_not_there_is_an_error),
        TEST(no_files_are_no_revisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
