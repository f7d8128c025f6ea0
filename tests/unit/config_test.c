/* config_test.c: which source wins, where files are found, and what a wrong value says. */
#include "config/config.h"

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
    struct config config;
    struct temporary temporary;
};

/* An empty folder to stand in, and an empty environment. */
static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    *state = fixture;
    return temporary_enter(&fixture->temporary) == 0 ? clearenv() : -1;
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
    unlink(path);
    if (!folder_create(path_folder(&fixture->arena, path), &fixture->error) ||
        !file_create(path, text_of(content), &fixture->error))
        fail_msg("%s", fixture->error.message);
}

static const struct config *read_with(void **state, struct config_overrides overrides)
{
    struct fixture *fixture = *state;
    if (!config_read(&overrides, &fixture->arena, &fixture->config, &fixture->error))
        fail_msg("refused: %s:%u: %s", fixture->error.path, fixture->error.line, fixture->error.message);
    return &fixture->config;
}

static const struct config *read_config(void **state)
{
    return read_with(state, (struct config_overrides){0});
}

static const struct error *refused(void **state, struct config_overrides overrides)
{
    struct fixture *fixture = *state;
    fixture->error = (struct error){0};
    if (config_read(&overrides, &fixture->arena, &fixture->config, &fixture->error))
        fail_msg("it was taken");
    assert_int_equal(fixture->error.code, MIGRATE_CONFIGURATION);
    assert_null(strstr(fixture->error.message, "hunter"));
    return &fixture->error;
}

static void assert_refused_at(void **state, const char *path, unsigned line, const char *message)
{
    const struct error *error = refused(state, (struct config_overrides){0});
    assert_string_equal(error->path, path);
    assert_int_equal(error->line, line);
    if (!strstr(error->message, message))
        fail_msg("expected \"%s\" in: %s", message, error->message);
}

static void without_any_file_there_are_defaults(void **state)
{
    const struct config *config = read_config(state);
    assert_null(config->file);
    assert_string_equal(config->section, "migrate");
    assert_string_equal(config->folder, ".");
    assert_string_equal(config->script_location, "migrations");
    assert_int_equal(config->version_locations.count, 1);
    assert_string_equal(config->version_locations.items[0], "migrations");
    assert_string_equal(config->file_template, "${year}${month}${day}${hour}${minute}_${rev}_${slug}");
    assert_string_equal(config->version_table, "alembic_version");
    assert_null(config->version_table_schema);
    assert_string_equal(config->history_table, "migrate_history");
    assert_false(config->pooler_is_session);
    assert_int_equal(config->lock_timeout_ms, -1);
    assert_int_equal(config->wait_ms, -1);
    assert_null(config->database.source);
    assert_int_equal(config->warnings.count, 0);
}

static void every_key_of_the_file_is_read(void **state)
{
    put_file(
        state, "migrate.ini",
        "[migrate]\nscript_location = db\nversion_locations = db/a, db/b\n  db/c\nfile_template = ${rev}\n"
        "version_table = v\nversion_table_schema = s\nhistory_table = h\nurl = sqlite:///app.db\n"
        "pooler = session\nwait = 30\nconnect_timeout = 3\nread_timeout = 30s\nssl_mode = verify-full\n"
        "ssl_root_cert = ca.pem\nssl_cert = /c.pem\nssl_key = k.pem\napplication_name = kitchen\n"
        "statement_timeout = 30000\nidle_timeout = 5min\nlock_timeout = 2s\nrole = owner\nsearch_path = app, public\n");
    const struct config *config = read_config(state);
    assert_string_equal(config->file, "migrate.ini");
    assert_string_equal(config->script_location, "db");
    assert_string_equal(names_join(config->version_locations, "|", &((struct fixture *)*state)->arena),
                        "db/a|db/b|db/c");
    assert_string_equal(config->file_template, "${rev}");
    assert_string_equal(config->version_table, "v");
    assert_string_equal(config->version_table_schema, "s");
    assert_string_equal(config->history_table, "h");
    assert_string_equal(config->database.url, "sqlite:///app.db");
    assert_string_equal(config->database.source, "url in migrate.ini");
    assert_true(config->pooler_is_session);
    assert_int_equal(config->wait_ms, 30000);
    assert_int_equal(config->connect_timeout_s, 3);
    assert_int_equal(config->read_timeout_s, 30);
    assert_string_equal(config->ssl_mode, "verify-full");
    assert_string_equal(config->ssl_root_cert, "ca.pem");
    assert_string_equal(config->ssl_cert, "/c.pem");
    assert_string_equal(config->ssl_key, "k.pem");
    assert_string_equal(config->application_name, "kitchen");
    assert_int_equal(config->statement_timeout_ms, 30000);
    assert_int_equal(config->idle_timeout_ms, 300000);
    assert_int_equal(config->lock_timeout_ms, 2000);
    assert_string_equal(config->role, "owner");
    assert_string_equal(config->search_path, "app, public");
    assert_int_equal(config->warnings.count, 0);
}

static void the_environment_goes_before_env_before_the_file(void **state)
{
    put_file(state, "migrate.ini", "[migrate]\nlock_timeout = 1\nrole = file\nsearch_path = file\n");
    put_file(state, ".env", "DB_LOCK_TIMEOUT=2\nDB_ROLE=dotenv\nDB_SEARCH_PATH=\n");
    setenv("DB_LOCK_TIMEOUT", "3", 1);
    setenv("DB_ROLE", "", 1);
    const struct config *config = read_config(state);
    assert_int_equal(config->lock_timeout_ms, 3);
    assert_string_equal(config->role, "dotenv");
    assert_string_equal(config->search_path, "file");
}

static void assert_database(void **state, const char *url, const char *source)
{
    const struct config *config = read_config(state);
    assert_string_equal(config->database.source, source);
    assert_string_equal(config->database.url, url);
}

static void all_of_the_environment_goes_before_any_of_env(void **state)
{
    put_file(state, "migrate.ini", "[migrate]\nsqlalchemy.url = postgresql://alchemy\n");
    assert_database(state, "postgresql://alchemy", "sqlalchemy.url in migrate.ini");
    put_file(state, "migrate.ini", "[migrate]\nsqlalchemy.url = postgresql://alchemy\nurl = postgresql://file\n");
    assert_database(state, "postgresql://file", "url in migrate.ini");
    put_file(state, ".env", "DB_URL=postgresql://env-db\nDATABASE_URL=postgresql://env\n");
    assert_database(state, "postgresql://env", "DATABASE_URL in .env");
    put_file(state, ".env", "MIGRATE_DATABASE_URL=postgresql://env\n");
    setenv("DB_URL", "postgresql://3", 1);
    assert_database(state, "postgresql://3", "DB_URL in the environment");
    setenv("SQLALCHEMY_DATABASE_URI", "postgresql://2", 1);
    assert_database(state, "postgresql://2", "SQLALCHEMY_DATABASE_URI in the environment");
    setenv("DATABASE_URL", "postgresql://1\n", 1);
    assert_database(state, "postgresql://1", "DATABASE_URL in the environment");
    setenv("MIGRATE_DATABASE_URL", "postgresql://0", 1);
    assert_database(state, "postgresql://0", "MIGRATE_DATABASE_URL in the environment");
    setenv("MIGRATE_DATABASE_URL", "", 1);
    assert_database(state, "postgresql://1", "DATABASE_URL in the environment");
    const struct config *config = read_with(state, (struct config_overrides){.url = "postgresql://argv"});
    assert_string_equal(config->database.url, "postgresql://argv");
    assert_string_equal(config->database.source, "--url");
}

static void a_database_in_parts_is_gathered_from_both(void **state)
{
    put_file(state, ".env", "DATABASE_HOST=dotenv\nDATABASE_PORT=5433\nDATABASE_NAME=d\nDATABASE_USER=u\n");
    setenv("DATABASE_PASSWORD", "hunter2\n", 1);
    const struct config *config = read_config(state);
    assert_string_equal(config->database.source, "DATABASE_HOST in .env");
    assert_null(config->database.url);
    assert_string_equal(config->database.host, "dotenv");
    assert_string_equal(config->database.port, "5433");
    assert_string_equal(config->database.name, "d");
    assert_string_equal(config->database.user, "u");
    assert_string_equal(config->database.password, "hunter2");
    setenv("DATABASE_SECRET_FILE", "/run/secret", 1);
    config = read_config(state);
    assert_string_equal(config->database.source, "DATABASE_SECRET_FILE in the environment");
    assert_string_equal(config->database.secret_file, "/run/secret");
    assert_string_equal(config->database.host, "dotenv");
}

static void parts_do_not_mix_with_a_url(void **state)
{
    setenv("DATABASE_URL", "postgresql://h", 1);
    setenv("DATABASE_HOST", "other", 1);
    const struct config *config = read_config(state);
    assert_string_equal(config->database.url, "postgresql://h");
    assert_null(config->database.host);
}

static void libpqs_variables_come_last(void **state)
{
    setenv("PGHOST", "h", 1);
    const struct config *config = read_config(state);
    assert_string_equal(config->database.source, "PGHOST in the environment");
    assert_null(config->database.url);
    assert_null(config->database.host);
    put_file(state, "migrate.ini", "[migrate]\nurl = sqlite://\n");
    assert_database(state, "sqlite://", "url in migrate.ini");
}

static void no_database_lists_where_one_can_be_named(void **state)
{
    static const char *const names[] = {"--url",  "MIGRATE_DATABASE_URL", "DATABASE_URL",  "SQLALCHEMY_DATABASE_URI",
                                        "DB_URL", "DATABASE_SECRET_FILE", "DATABASE_HOST", "sqlalchemy.url",
                                        "PGHOST"};
    struct fixture *fixture = *state;
    assert_false(config_no_database(read_config(state), &fixture->error));
    assert_int_equal(fixture->error.code, MIGRATE_NO_DATABASE);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strstr(fixture->error.message, names[i]))
            fail_msg("expected %s in: %s", names[i], fixture->error.message);
}

static void the_nearest_file_above_is_found(void **state)
{
    put_file(state, "migrate.ini", "[migrate]\nurl = sqlite:///data/app.db\nssl_root_cert = ca.pem\n");
    put_file(state, ".env", "DB_ROLE=above\n");
    put_file(state, "src/api/file", "");
    assert_int_equal(chdir("src/api"), 0);
    const struct config *config = read_config(state);
    assert_string_equal(config->file, "../../migrate.ini");
    assert_string_equal(config->folder, "../..");
    assert_string_equal(config->script_location, "../../migrations");
    assert_string_equal(config->database.url, "sqlite:///../../data/app.db");
    assert_string_equal(config->ssl_root_cert, "../../ca.pem");
    assert_string_equal(config->role, "above");
    put_file(state, "migrate.ini", "[migrate]\n");
    config = read_config(state);
    assert_string_equal(config->file, "migrate.ini");
    assert_string_equal(config->script_location, "migrations");
}

static void a_named_file_must_exist(void **state)
{
    put_file(state, "deploy/m.ini", "[migrate]\nscript_location = ./db/\n");
    put_file(state, "deploy/.env", "DB_ROLE=beside\n");
    const struct config *config = read_with(state, (struct config_overrides){.config = "./deploy/m.ini"});
    assert_string_equal(config->file, "deploy/m.ini");
    assert_string_equal(config->script_location, "deploy/db");
    assert_string_equal(config->role, "beside");
    setenv("MIGRATE_CONFIG", "deploy/m.ini", 1);
    assert_string_equal(read_config(state)->file, "deploy/m.ini");
    const struct error *error = refused(state, (struct config_overrides){.config = "missing.ini"});
    assert_non_null(strstr(error->message, "missing.ini"));
    assert_non_null(strstr(error->hint, "--config"));
    refused(state, (struct config_overrides){.config = "deploy"});
    refused(state, (struct config_overrides){.env_file = "missing.env"});
    refused(state, (struct config_overrides){.env_file = "deploy"});
}

/* /proc/self/mem is there, and cannot be read from its beginning, whoever we are. */
static void a_file_that_is_there_and_cannot_be_read_is_no_matter_of_configuration(void **state)
{
    struct fixture *fixture = *state;
    const struct config_overrides wanted[] = {{.config = "/proc/self/mem"}, {.env_file = "/proc/self/mem"}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_false(config_read(&wanted[i], &fixture->arena, &fixture->config, &fixture->error));
        assert_int_equal(fixture->error.code, MIGRATE_FILE);
        assert_non_null(strstr(fixture->error.message, "/proc/self/mem"));
    }
}

static void env_can_be_named_or_left_out(void **state)
{
    put_file(state, ".env", "DB_ROLE=beside\n");
    put_file(state, "other.env", "DB_ROLE=other\n");
    assert_string_equal(read_with(state, (struct config_overrides){.env_file = "other.env"})->role, "other");
    assert_null(read_with(state, (struct config_overrides){.no_env_file = true})->role);
    unlink(".env");
    put_file(state, ".env/bin/python", ""); // a virtual environment of that name
    assert_null(read_config(state)->role);
}

static void a_directory_on_the_command_line_wins(void **state)
{
    assert_string_equal(read_with(state, (struct config_overrides){.directory = "db/"})->script_location, "db");
    put_file(state, "deploy/migrate.ini", "[migrate]\nscript_location = a\nversion_locations = b c\n");
    const struct config *config =
        read_with(state, (struct config_overrides){.config = "deploy/migrate.ini", .directory = "db"});
    assert_string_equal(config->script_location, "db");
    assert_int_equal(config->version_locations.count, 1);
    assert_string_equal(config->version_locations.items[0], "db");
}

static void a_section_inherits(void **state)
{
    put_file(state, "migrate.ini",
             "[migrate]\nrole = a\nsearch_path = a\n[migrate:staging]\nrole = b\nsearch_path =\n");
    const struct config *config = read_with(state, (struct config_overrides){.section = "migrate:staging"});
    assert_string_equal(config->role, "b");
    assert_null(config->search_path);
    refused(state, (struct config_overrides){.section = "migrate:production"});
}

static void an_alembic_ini_can_be_read(void **state)
{
    struct fixture *fixture = *state;
    put_file(state, "alembic.ini",
             "[alembic]\nscript_location = %(here)s/alembic\nversion_locations = %(here)s/alembic/a %(here)s/b\n"
             "prepend_sys_path = .\nfile_template = %%(year)d_%%(month).2d-%%(rev)s_%%(slug)s\n"
             "sqlalchemy.url = postgresql://u:p%%40w@h/d\n\n[loggers]\nkeys = root,sqlalchemy\n");
    struct config_overrides overrides = {.config = "alembic.ini", .section = "alembic"};
    const struct config *config = read_with(state, overrides);
    assert_string_equal(config->script_location, "alembic");
    assert_string_equal(names_join(config->version_locations, "|", &fixture->arena), "alembic/a|b");
    assert_string_equal(config->file_template, "${year}_${month}-${rev}_${slug}");
    assert_string_equal(config->database.url, "postgresql://u:p%40w@h/d");
    assert_int_equal(config->warnings.count, 0);
    overrides.section = NULL;
    config = read_with(state, overrides);
    assert_int_equal(config->warnings.count, 1);
    assert_non_null(strstr(config->warnings.items[0], "--name alembic"));
}

static void a_sqlite_url_with_here_is_absolute(void **state)
{
    const struct fixture *fixture = *state;
    put_file(state, "migrate.ini", "[migrate]\nurl = sqlite:///%(here)s/app.db\n");
    char expected[128];
    snprintf(expected, sizeof expected, "sqlite:///%s/app.db", fixture->temporary.folder);
    assert_database(state, expected, "url in migrate.ini");
    put_file(state, "migrate.ini", "[migrate]\nurl = postgresql://u:%(hunter)s@h/d\n");
    assert_refused_at(state, "migrate.ini", 2, "%(here)s");
}

static void an_unknown_key_is_a_warning_with_the_closest(void **state)
{
    put_file(state, "migrate.ini", "[migrate]\nscript_locaton = db\nzzzzzzzzzz = 1\n");
    const struct config *config = read_config(state);
    assert_int_equal(config->warnings.count, 2);
    assert_string_equal(config->warnings.items[0],
                        "migrate.ini:2: there is no key \"script_locaton\"; did you mean \"script_location\"?");
    assert_string_equal(config->warnings.items[1], "migrate.ini:3: there is no key \"zzzzzzzzzz\"");
}

static void history_can_be_turned_off(void **state)
{
    put_file(state, "migrate.ini", "[migrate]\nhistory_table = none\n");
    assert_null(read_config(state)->history_table);
    put_file(state, "migrate.ini", "[migrate]\nhistory_table = x\nversion_table = x\n");
    assert_refused_at(state, "migrate.ini", 0, "both");
}

static void a_value_of_the_wrong_form_is_refused_with_its_place(void **state)
{
    put_file(state, "migrate.ini", "[migrate]\n\nlock_timeout = soon\n");
    assert_refused_at(state, "migrate.ini", 3, "\"soon\"");
    put_file(state, "migrate.ini", "[migrate]\npooler = transaction\n");
    assert_refused_at(state, "migrate.ini", 2, "session");
    put_file(state, "migrate.ini", "[migrate]\nssl_mode = requird\n");
    assert_refused_at(state, "migrate.ini", 2, "verify-full");
    put_file(state, "migrate.ini", "[migrate]\n");
    put_file(state, ".env", "A=1\nDB_READ_TIMEOUT=-1\n");
    assert_refused_at(state, ".env", 2, "DB_READ_TIMEOUT");
    setenv("DB_READ_TIMEOUT", "1 day", 1);
    assert_refused_at(state, "", 0, "DB_READ_TIMEOUT in the environment");
}

static void less_than_a_second_is_not_for_ever(void **state)
{
    setenv("DB_CONNECT_TIMEOUT", "500ms", 1);
    assert_int_equal(read_config(state)->connect_timeout_s, 1);
    setenv("DB_CONNECT_TIMEOUT", "0", 1);
    assert_int_equal(read_config(state)->connect_timeout_s, 0);
}

static void a_file_must_be_text(void **state)
{
    struct fixture *fixture = *state;
    struct text content = {.at = "[migrate]\nrole = a\0b\n", .length = 21};
    assert_true(file_create("migrate.ini", content, &fixture->error));
    assert_refused_at(state, "migrate.ini", 2, "NUL");
    put_file(state, "migrate.ini", "[migrate]\n\nrole = \xff\n");
    assert_refused_at(state, "migrate.ini", 3, "UTF-8");
    put_file(state, "migrate.ini", "\xEF\xBB\xBF[migrate]\nrole = a\n");
    assert_string_equal(read_config(state)->role, "a");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_any_file_there_are_defaults),
        TEST(every_key_of_the_file_is_read),
        TEST(the_environment_goes_before_env_before_the_file),
        TEST(all_of_the_environment_goes_before_any_of_env),
        TEST(a_database_in_parts_is_gathered_from_both),
        TEST(parts_do_not_mix_with_a_url),
        TEST(libpqs_variables_come_last),
        TEST(no_database_lists_where_one_can_be_named),
        TEST(the_nearest_file_above_is_found),
        TEST(a_named_file_must_exist),
        TEST(a_file_that_is_there_and_cannot_be_read_is_no_matter_of_configuration),
        TEST(env_can_be_named_or_left_out),
        TEST(a_directory_on_the_command_line_wins),
        TEST(a_section_inherits),
        TEST(an_alembic_ini_can_be_read),
        TEST(a_sqlite_url_with_here_is_absolute),
        TEST(an_unknown_key_is_a_warning_with_the_closest),
        TEST(history_can_be_turned_off),
        TEST(a_value_of_the_wrong_form_is_refused_with_its_place),
        TEST(less_than_a_second_is_not_for_ever),
        TEST(a_file_must_be_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
