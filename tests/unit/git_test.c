/* git_test.c: throw-away repositories, made by the git command, asked through libgit2. */
#include "git/git.h"

#include "base/file.h"
#include "unit/temporary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct error error;
    struct temporary temporary;
};

static void run(const char *command)
{
    if (system(command) != 0)
        fail_msg("this failed: %s", command);
}

/* One commit, tagged v1.0, with migrations/a.sql and migrations/more/b.sql; a.sql was changed by a second one. */
static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    *state = fixture;
    if (temporary_enter(&fixture->temporary) != 0)
        return -1;
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    run("git init -q . && git config user.name t && git config user.email t@example && git config commit.gpgsign false "
        "&& "
        "mkdir -p migrations/more && printf 'SELECT 1;\n' > migrations/a.sql && printf 'SELECT 2;\n' > "
        "migrations/more/b.sql && ln -s a.sql migrations/link.sql && git add . && git commit -qm one && "
        "git tag -a -m one v1.0 && printf 'SELECT 3;\n' > migrations/a.sql && git commit -qam two && git tag v1.1");
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    int status = temporary_leave(&fixture->temporary);
    arena_free(&fixture->arena);
    free(fixture);
    return status;
}

static const char *output(void **state, const char *command)
{
    struct fixture *fixture = *state;
    run(arena_printf(&fixture->arena, "%s > .git/output", command));
    struct text content;
    assert_true(file_read(".git/output", &fixture->arena, &content, &fixture->error));
    content = text_trim(content);
    return arena_copy(&fixture->arena, content.at, content.length);
}

/* The commit named for a file with this content; "" for none. */
static const char *commit_of(void **state, const char *path, const char *content)
{
    char oid[OID_LENGTH + 1], commit[OID_LENGTH + 1] = "";
    hash_blob(text_of(content), oid);
    struct git *git = git_open("migrations");
    if (git && !git_commit_of(git, path, oid, commit))
        assert_string_equal(commit, "");
    git_close(git);
    return arena_string(&((struct fixture *)*state)->arena, commit);
}

static void a_committed_file_has_the_commit_at_head(void **state)
{
    const char *head = output(state, "git rev-parse HEAD");
    assert_string_equal(commit_of(state, "migrations/a.sql", "SELECT 3;\n"), head);
    assert_string_equal(commit_of(state, "migrations/more/b.sql", "SELECT 2;\n"), head);
    const char *absolute = arena_printf(&((struct fixture *)*state)->arena, "%s/migrations/a.sql",
                                        ((struct fixture *)*state)->temporary.folder);
    assert_string_equal(commit_of(state, absolute, "SELECT 3;\n"), head);
}

static void line_endings_do_not_make_a_file_another(void **state)
{
    assert_string_equal(commit_of(state, "migrations/a.sql", "SELECT 3;\r\n"), output(state, "git rev-parse HEAD"));
    run("printf 'SELECT 4;\\r\\n' > migrations/crlf.sql && git -c core.autocrlf=false add . && git commit -qm crlf");
    assert_string_equal(commit_of(state, "migrations/crlf.sql", "SELECT 4;\r\n"), output(state, "git rev-parse HEAD"));
}

static void an_edited_or_untracked_file_has_no_commit(void **state)
{
    assert_string_equal(commit_of(state, "migrations/a.sql", "SELECT 1;\n"), "");
    run("printf 'SELECT 3;\n' > migrations/new.sql && git add migrations/new.sql");
    assert_string_equal(commit_of(state, "migrations/new.sql", "SELECT 3;\n"), "");
    assert_string_equal(commit_of(state, "migrations/missing.sql", "SELECT 3;\n"), "");
    assert_string_equal(commit_of(state, "migrations/more", "SELECT 3;\n"), "");
    assert_string_equal(commit_of(state, "/etc/hostname", "SELECT 3;\n"), "");
}

static void a_repository_of_another_owner_is_read(void **state)
{
    if (getuid() != 0)
        skip();
    const char *head = output(state, "git rev-parse HEAD");
    run("chown -R 65534 .");
    assert_string_equal(commit_of(state, "migrations/a.sql", "SELECT 3;\n"), head);
}

static void without_a_repository_there_is_no_commit(void **state)
{
    run("rm -rf .git");
    assert_null(git_open("migrations"));
    run("git init -q .");
    assert_null(git_open("migrations")); // nothing was committed yet
    run("rm -rf .git && echo gitdir: /nowhere > .git");
    assert_null(git_open("migrations"));
    git_close(NULL);
    (void)state;
}

static void read_tag(void **state, const char *folder, const char *tag, struct git_files *files)
{
    struct fixture *fixture = *state;
    if (!git_read_tag(folder, tag, &fixture->arena, files, &fixture->error))
        fail_msg("%s in %s was refused: %s", tag, folder, fixture->error.message);
}

static void a_tag_gives_the_files_it_held(void **state)
{
    static const char *const names[] = {"v1.0", "HEAD~1", "v1.1~1", "HEAD^"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct git_files files;
        read_tag(state, "migrations", names[i], &files);
        assert_int_equal(files.count, 2);
        assert_string_equal(files.items[0].path, "migrations/a.sql");
        assert_true(text_is(files.items[0].content, "SELECT 1;\n"));
        assert_string_equal(files.items[1].path, "migrations/more/b.sql");
        assert_true(text_is(files.items[1].content, "SELECT 2;\n"));
    }
}

static void a_folder_is_found_however_it_is_named(void **state)
{
    struct git_files files;
    read_tag(state, ".", "v1.1", &files);
    assert_int_equal(files.count, 2);
    assert_string_equal(files.items[0].path, "migrations/a.sql");
    assert_int_equal(chdir("migrations/more"), 0);
    read_tag(state, "..", "v1.1", &files);
    assert_int_equal(files.count, 2);
    assert_string_equal(files.items[0].path, "../a.sql");
    assert_true(text_is(files.items[0].content, "SELECT 3;\n"));
    assert_int_equal(chdir("../.."), 0);
    run("git mv migrations elsewhere && git commit -qm three && rm -rf migrations");
    read_tag(state, "migrations/more", "v1.1", &files);
    assert_int_equal(files.count, 1);
    assert_string_equal(files.items[0].path, "migrations/more/b.sql");
}

static void assert_refused(void **state, const char *folder, const char *tag, enum migrate_code code, const char *hint)
{
    struct fixture *fixture = *state;
    struct git_files files;
    fixture->error = (struct error){0};
    assert_false(git_read_tag(folder, tag, &fixture->arena, &files, &fixture->error));
    assert_int_equal(fixture->error.code, code);
    if (!strstr(fixture->error.hint, hint))
        fail_msg("expected \"%s\" in the hint, got: %s (%s)", hint, fixture->error.hint, fixture->error.message);
}

static void an_unknown_tag_names_the_closest(void **state)
{
    assert_refused(state, "migrations", "v1.00", MIGRATE_UNKNOWN_REVISION, "\"v1.0\"");
    assert_refused(state, "migrations", "elephant", MIGRATE_UNKNOWN_REVISION, "v1.0, v1.1");
    assert_refused(state, "migrations", "..", MIGRATE_UNKNOWN_REVISION, "");
    assert_refused(state, "migrations", "", MIGRATE_UNKNOWN_REVISION, "");
    run("git tag -d v1.0 v1.1 >.git/output");
    assert_refused(state, "migrations", "v1.0", MIGRATE_UNKNOWN_REVISION, "git fetch --tags");
}

static void a_folder_that_the_tag_lacks_is_an_error(void **state)
{
    assert_refused(state, "elsewhere", "v1.0", MIGRATE_UNKNOWN_REVISION, "");
    assert_refused(state, "migrations/a.sql", "v1.0", MIGRATE_UNKNOWN_REVISION, "");
}

static void a_tag_needs_a_repository(void **state)
{
    run("rm -rf .git");
    assert_refused(state, "migrations", "v1.0", MIGRATE_USAGE, "checkout");
    run("echo gitdir: /nowhere > .git");
    assert_refused(state, "migrations", "v1.0", MIGRATE_FILE, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void a_difference_is_a_unified_diff_with_three_lines_around(void **state)
{
    (void)state;
    struct arena own = {0};
    struct text before = text_of("1\n2\n3\n4\n5\n6\n"), after = text_of("1\n2\n3\n4\nfive\n6\n");
    assert_string_equal(git_difference(before, after, "m/a.sql", &own),
                        "diff --git a/m/a.sql b/m/a.sql\nindex b414108..bfb5145 100644\n--- a/m/a.sql\n+++ b/m/a.sql\n"
                        "@@ -2,5 +2,5 @@\n 2\n 3\n 4\n-5\n+five\n 6\n");
    assert_string_equal(git_difference(before, before, "m/a.sql", &own), "");
    arena_free(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_committed_file_has_the_commit_at_head),
        TEST(line_endings_do_not_make_a_file_another),
        TEST(an_edited_or_untracked_file_has_no_commit),
        TEST(a_repository_of_another_owner_is_read),
        TEST(without_a_repository_there_is_no_commit),
        TEST(a_tag_gives_the_files_it_held),
        TEST(a_folder_is_found_however_it_is_named),
        TEST(an_unknown_tag_names_the_closest),
        TEST(a_folder_that_the_tag_lacks_is_an_error),
        TEST(a_tag_needs_a_repository),
        cmocka_unit_test(a_difference_is_a_unified_diff_with_three_lines_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
