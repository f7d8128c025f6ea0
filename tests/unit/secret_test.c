/* secret_test.c: mounted JSON secrets, and that no value of theirs gets into a message. */
#include "config/config.h"

#include "base/file.h"

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
    struct config_database database;
    char path[64];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    snprintf(fixture->path, sizeof fixture->path, "/tmp/migrate-secret-%ld", (long)getpid());
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

static bool read_secret(struct fixture *fixture, const char *json)
{
    unlink(fixture->path);
    if (!file_create(fixture->path, text_of(json), &fixture->error))
        fail_msg("%s", fixture->error.message);
    return secret_read(fixture->path, &fixture->arena, &fixture->database, &fixture->error);
}

static void take(void **state, const char *json)
{
    struct fixture *fixture = *state;
    if (!read_secret(fixture, json))
        fail_msg("refused: %s", fixture->error.message);
}

static void assert_refused(void **state, const char *json, const char *message)
{
    struct fixture *fixture = *state;
    fixture->database = (struct config_database){.user = "before"};
    if (read_secret(fixture, json))
        fail_msg("taken: %s", json);
    assert_int_equal(fixture->error.code, MIGRATE_CONFIGURATION);
    if (!strstr(fixture->error.message, message))
        fail_msg("expected \"%s\" in: %s", message, fixture->error.message);
    assert_null(strstr(fixture->error.message, "hunter"));
    assert_null(strstr(fixture->error.hint, "hunter"));
    assert_string_equal(fixture->database.user, "before");
}

static void assert_same(const char *name, const char *got, const char *expected)
{
    if (!got || !expected ? got != expected : strcmp(got, expected) != 0)
        fail_msg("%s: expected %s, got %s", name, expected ? expected : "nothing", got ? got : "nothing");
}

static void assert_read(void **state, const char *json, struct config_database expected)
{
    const struct config_database *got = &((struct fixture *)*state)->database;
    take(state, json);
    assert_same("url", got->url, expected.url);
    assert_same("host", got->host, expected.host);
    assert_same("port", got->port, expected.port);
    assert_same("name", got->name, expected.name);
    assert_same("user", got->user, expected.user);
    assert_same("password", got->password, expected.password);
}

static void the_parts_are_read(void **state)
{
    assert_read(state,
                "{\"engine\":\"postgres\",\"host\":\"h\",\"port\":5433,\"dbname\":\"d\",\"username\":\"u\","
                "\"password\":\"hunter2\",\"other\":[1]}",
                (struct config_database){.host = "h", .port = "5433", .name = "d", .user = "u", .password = "hunter2"});
}

static void other_spellings_are_read(void **state)
{
    assert_read(
        state,
        "{\"host\":\"h\",\"port\":\"5433\",\"database\":\"d\",\"dbname\":\"no\",\"user\":\"u\",\"password\":null}",
        (struct config_database){.host = "h", .port = "5433", .name = "d", .user = "u"});
}

static void a_url_stands_for_all_parts(void **state)
{
    assert_read(state, "{\"host\":\"h\",\"password\":\"x\",\"sqlalchemy_url\":\"postgresql+psycopg://a@b/c\"}",
                (struct config_database){.url = "postgresql+psycopg://a@b/c"});
    assert_read(state, "{\"url\":\"postgresql://x\",\"sqlalchemy_url\":\"postgresql+psycopg://a@b/c\"}",
                (struct config_database){.url = "postgresql://x"});
    assert_read(state, "{\"url\":\"\",\"sqlalchemy_url\":\"postgresql+psycopg://a@b/c\"}",
                (struct config_database){.url = "postgresql+psycopg://a@b/c"});
}

static void a_secret_of_user_and_password_completes_the_host(void **state)
{
    struct fixture *fixture = *state;
    fixture->database = (struct config_database){.host = "db.example", .name = "kitchen", .user = "old"};
    assert_read(state, "{\"username\":\"u\",\"password\":\"hunter2\"}",
                (struct config_database){.host = "db.example", .name = "kitchen", .user = "u", .password = "hunter2"});
}

static void what_cannot_be_used_is_refused_without_a_value(void **state)
{
    assert_refused(state, "hunter2", "no JSON (line 1)");
    assert_refused(state, "{\n\"password\": \"hunter2\",\n}", "no JSON (line 3)");
    assert_refused(state, "[\"hunter2\"]", "no JSON object");
    assert_refused(state, "", "no JSON");
    assert_refused(state, "{\"host\":\"h\",\"password\":{\"hunter\":2}}", "\"password\"");
    assert_refused(state, "{\"host\":\"h\",\"port\":1.5}", "\"port\"");
    assert_refused(state, "{\"host\":true}", "\"host\"");
    assert_refused(state, "{\"password\":\"hunter2\"}", "neither");
    assert_refused(state, "{\"engine\":\"hunterdb\",\"host\":\"h\"}", "engine");
}

static void a_secret_that_is_not_there_is_named(void **state)
{
    struct fixture *fixture = *state;
    assert_false(secret_read("/nonexistent/secret", &fixture->arena, &fixture->database, &fixture->error));
    assert_int_equal(fixture->error.code, MIGRATE_CONFIGURATION);
    assert_non_null(strstr(fixture->error.message, "/nonexistent/secret"));
    assert_false(secret_read("/proc/self/mem", &fixture->arena, &fixture->database, &fixture->error));
    assert_int_equal(fixture->error.code, MIGRATE_FILE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_parts_are_read),
        TEST(other_spellings_are_read),
        TEST(a_url_stands_for_all_parts),
        TEST(a_secret_of_user_and_password_completes_the_host),
        TEST(what_cannot_be_used_is_refused_without_a_value),
        TEST(a_secret_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
