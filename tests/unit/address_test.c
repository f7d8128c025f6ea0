/* address_test.c: what each way to name a database becomes, and that its password shows nowhere. */
#include "database/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct connection_settings unset = {
    .connect_timeout_s = SETTING_UNSET,
    .read_timeout_s = SETTING_UNSET,
    .statement_timeout_ms = SETTING_UNSET,
    .idle_timeout_ms = SETTING_UNSET,
    .lock_timeout_ms = SETTING_UNSET,
};

struct fixture {
    struct arena arena;
    struct address address;
    struct error error;
};

static int set_up(void **state)
{
    static const char *const variables[] = {
        "PGHOST",    "PGHOSTADDR",    "PGPORT",        "PGDATABASE",        "PGUSER",
        "PGSSLMODE", "PGAPPNAME",     "PGPASSWORD",    "PGCONNECT_TIMEOUT", "PGTARGETSESSIONATTRS",
        "PGSERVICE", "PGSSLROOTCERT", "PGSERVICEFILE",
    };
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

static void parse_parts(void **state, const struct address_parts *parts, const struct connection_settings *settings)
{
    struct fixture *fixture = *state;
    if (!address_parse(parts, settings, &fixture->arena, &fixture->address, &fixture->error))
        fail_msg("%s was refused: %s", parts->url ? parts->url : "(parts)", fixture->error.message);
}

static void parse(void **state, const char *url)
{
    parse_parts(state, &(struct address_parts){.url = url}, &unset);
}

static void assert_refused(void **state, const char *url, const char *part_of_message)
{
    struct fixture *fixture = *state;
    fixture->error = (struct error){0};
    if (address_parse(&(struct address_parts){.url = url}, &unset, &fixture->arena, &fixture->address, &fixture->error))
        fail_msg("%s was taken", url);
    assert_int_equal(fixture->error.code, MIGRATE_BAD_URL);
    if (!strstr(fixture->error.message, part_of_message) && !strstr(fixture->error.hint, part_of_message))
        fail_msg("expected \"%s\" in: %s (%s)", part_of_message, fixture->error.message, fixture->error.hint);
    assert_null(strstr(fixture->error.message, "hunter"));
    assert_null(strstr(fixture->error.hint, "hunter"));
}

static const char *parameter(void **state, const char *name)
{
    const struct fixture *fixture = *state;
    for (size_t i = 0; i < fixture->address.parameters.count; i++)
        if (strcmp(fixture->address.parameters.items[i].name, name) == 0)
            return fixture->address.parameters.items[i].value;
    return NULL;
}

static void assert_parameter(void **state, const char *name, const char *expected)
{
    const char *got = parameter(state, name);
    if (!got || !expected ? got != expected : strcmp(got, expected) != 0)
        fail_msg("%s: expected %s, got %s", name, expected ? expected : "nothing", got ? got : "nothing");
}

/* Each as "name=value"; "name=": not set. */
static void assert_parameters(void **state, const char *const *expected)
{
    for (; *expected; expected++) {
        size_t length = strcspn(*expected, "=");
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)length, *expected);
        const char *value = *expected + length + 1;
        assert_parameter(state, name, *value ? value : NULL);
    }
}
#define HAS(state, ...) assert_parameters(state, (const char *const[]){__VA_ARGS__, NULL})
#define BECOMES(state, url, ...) parse(state, url), HAS(state, __VA_ARGS__)

static void assert_display(void **state, const char *expected)
{
    assert_string_equal(((struct fixture *)*state)->address.display, expected);
}

static void a_url_becomes_libpqs_keywords(void **state)
{
    BECOMES(state, "postgresql://app:hunter2@db.example:5433/kitchen?sslmode=verify-full&options=-c%20geqo%3Doff",
            "user=app", "password=hunter2", "host=db.example", "port=5433", "dbname=kitchen", "sslmode=verify-full",
            "options=-c geqo=off", "fallback_application_name=migrate", "connect_timeout=10", "target_session_attrs=");
    assert_string_equal(((struct fixture *)*state)->address.database_name, "kitchen");
    assert_display(state, "postgresql://app@db.example:5433/kitchen?sslmode=verify-full&options=-c%20geqo%3Doff");
}

static void sqlalchemys_drivers_are_postgresql(void **state)
{
    static const char *const urls[] = {
        "postgres://u@h/d",           "postgresql+psycopg://u@h/d", "postgresql+psycopg2://u@h/d",
        "postgresql+asyncpg://u@h/d", "postgresql+pg8000://u@h/d",  "PostgreSQL://u@h/d",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        BECOMES(state, urls[i], "host=h", "dbname=d");
        assert_int_equal(((struct fixture *)*state)->address.kind, ADDRESS_POSTGRESQL);
    }
}

static void what_is_percent_encoded_is_decoded(void **state)
{
    BECOMES(state, "postgresql://a%40b:p%2Fw%25%3a@h/my%20db", "user=a@b", "password=p/w%:", "dbname=my db");
}

static void a_wrong_percent_encoding_is_refused(void **state)
{
    assert_refused(state, "postgresql://u:hunter%zz@h/d", "%25");
    assert_refused(state, "postgresql://u:hunter%2@h/d", "%25");
    assert_refused(state, "postgresql://u:hunter%00@h/d", "%25");
    assert_refused(state, "postgresql://u@h/d%", "%25");
}

static void a_password_may_hold_raw_special_characters(void **state)
{
    static const struct {
        const char *url;
        const char *password;
    } cases[] = {
        {"postgresql://u:p@w@h:5432/d", "p@w"},   {"postgresql://u:p#w@h:5432/d", "p#w"},
        {"postgresql://u:p/w@h:5432/d", "p/w"},   {"postgresql://u:p?w@h:5432/d", "p?w"},
        {"postgresql://u:p:w@h:5432/d", "p:w"},   {"postgresql://u:p/w?x@h:5432/d?sslmode=allow", "p/w?x"},
        {"postgresql://u:p[w]@h:5432/d", "p[w]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        parse(state, cases[i].url);
        HAS(state, "user=u", "host=h", "port=5432", "dbname=d");
        assert_parameter(state, "password", cases[i].password);
        assert_null(strstr(((struct fixture *)*state)->address.display, cases[i].password));
    }
}

static void what_can_be_read_in_two_ways_is_refused(void **state)
{
    assert_refused(state, "postgresql://u:12/hunter@h/d", "%2F");
    assert_refused(state, "postgresql://host/hunter@d", "two ways");
    assert_string_equal(address_redact("postgresql://u:12/hunter@h/d", &((struct fixture *)*state)->arena),
                        "(unreadable URL)");
}

static void an_at_in_the_query_is_no_login(void **state)
{
    BECOMES(state, "postgresql://h:5432/d?user=a@b", "user=a@b", "host=h");
    BECOMES(state, "postgresql:///my@db", "dbname=my@db");
}

static void a_forgotten_host_does_not_show_the_password(void **state)
{
    assert_refused(state, "postgresql://u:hunter2/d", "port");
    assert_refused(state, "postgresql://u:12?hunter=1@h/d", "not known");
    assert_refused(state, "u:hunter2@h/d", "scheme://");
    assert_refused(state, "postgresql:u:hunter2@h/d", "scheme://");
    assert_refused(state, "host=h password=hunter2", "scheme://");
}

static void several_hosts_ask_for_the_one_that_writes(void **state)
{
    BECOMES(state, "postgresql://u@a,b:5433,[::1]:5434/d", "host=a,b,::1", "port=,5433,5434",
            "target_session_attrs=read-write");
    BECOMES(state, "postgresql://u@a,b/d?target_session_attrs=any", "target_session_attrs=any", "port=");
    BECOMES(state, "postgresql+psycopg2://u@/d?host=a:5433&host=b:5434", "host=a,b", "port=5433,5434",
            "target_session_attrs=read-write");
    assert_refused(state, "postgresql://a,/d", "empty");
    assert_refused(state, "postgresql://a,,b/d", "empty");
}

static void an_ipv6_address_stands_in_brackets(void **state)
{
    BECOMES(state, "postgresql://u:p@[2001:db8::1]:5433/d", "host=2001:db8::1", "port=5433");
    BECOMES(state, "postgresql://[::1]/d", "host=::1", "port=");
    assert_refused(state, "postgresql://2001:1:2/d", "brackets");
    assert_refused(state, "postgresql://[::1/d", "brackets");
    assert_refused(state, "postgresql://[::1]x/d", "brackets");
}

static void a_socket_folder_is_a_host(void **state)
{
    BECOMES(state, "postgresql://u@%2Fvar%2Frun%2Fpostgresql:5433/d", "host=/var/run/postgresql", "port=5433");
    BECOMES(state, "postgresql://u@/d?host=/var/run/postgresql", "host=/var/run/postgresql", "port=");
}

static void a_port_is_a_number_of_sixteen_bits(void **state)
{
    assert_refused(state, "postgresql://h:0/d", "port");
    assert_refused(state, "postgresql://h:65536/d", "port");
    assert_refused(state, "postgresql://h:54x/d", "port");
    BECOMES(state, "postgresql://h:/d", "port=");
}

static void an_unknown_parameter_names_the_closest(void **state)
{
    assert_refused(state, "postgresql://u:hunter2@h/d?sslmod=require", "\"sslmode\"");
    assert_refused(state, "postgresql://u:hunter2@h/d?sslmode=requird", "verify-full");
    assert_refused(state, "postgresql://u:hunter2@h/d?zzzzzzzzzz", "\"zzzzzzzzzz\"");
}

static void asyncpgs_ssl_is_sslmode(void **state)
{
    BECOMES(state, "postgresql+asyncpg://u@h/d?ssl=require&prepared_statement_cache_size=0", "sslmode=require", "ssl=");
    BECOMES(state, "postgresql://u@h/d?ssl=true", "sslmode=require");
    assert_refused(state, "postgresql://u@h/d?ssl=perhaps", "ssl");
}

static void settings_fill_what_the_url_leaves_open(void **state)
{
    struct connection_settings settings = unset;
    settings.ssl_mode = "verify-full";
    settings.ssl_root_cert = "/ca.pem";
    settings.ssl_cert = "/c.pem";
    settings.ssl_key = "/k.pem";
    settings.application_name = "kitchen";
    settings.connect_timeout_s = 3;
    settings.read_timeout_s = 30;
    parse_parts(state, &(struct address_parts){.url = "postgresql://h/d?sslmode=require&connect_timeout=7"}, &settings);
    HAS(state, "sslmode=require", "connect_timeout=7", "sslrootcert=/ca.pem", "sslcert=/c.pem", "sslkey=/k.pem",
        "application_name=kitchen", "tcp_user_timeout=30000", "keepalives=1", "keepalives_idle=15",
        "keepalives_interval=5", "keepalives_count=3");
}

static void rds_gets_encryption_unless_it_is_refused_by_name(void **state)
{
    const struct fixture *fixture = *state;
    BECOMES(state, "postgresql://u@x.abc.us-west-2.rds.amazonaws.com/d", "sslmode=require");
    assert_null(fixture->address.warning);
    BECOMES(state, "postgresql://u@X.CN-north-1.RDS.amazonaws.com.CN/d", "sslmode=require");
    BECOMES(state, "postgresql://u@a,x.us-west-2.rds.amazonaws.com/d", "sslmode=require");
    BECOMES(state, "postgresql://u@x.us-west-2.rds.amazonaws.com/d?sslmode=verify-full", "sslmode=verify-full");
    assert_null(fixture->address.warning);
    BECOMES(state, "postgresql://u@x.us-west-2.rds.amazonaws.com/d?sslmode=prefer", "sslmode=prefer");
    assert_non_null(fixture->address.warning);
    BECOMES(state, "postgresql://u@rds.amazonaws.com.example/d", "sslmode=");
}

static void what_pg_variables_say_is_left_to_libpq(void **state)
{
    setenv("PGCONNECT_TIMEOUT", "3", 1);
    setenv("PGTARGETSESSIONATTRS", "any", 1);
    setenv("PGSSLMODE", "prefer", 1);
    BECOMES(state, "postgresql://a,x.us-west-2.rds.amazonaws.com/d",
            "connect_timeout=", "target_session_attrs=", "sslmode=");
    assert_non_null(((struct fixture *)*state)->address.warning);
    struct connection_settings settings = unset;
    settings.connect_timeout_s = 5;
    settings.ssl_mode = "verify-ca";
    parse_parts(state, &(struct address_parts){.url = "postgresql://a/d"}, &settings);
    HAS(state, "connect_timeout=5", "sslmode=verify-ca");
}

static void nothing_named_is_what_libpq_finds(void **state)
{
    setenv("PGHOST", "db.example", 1);
    setenv("PGPORT", "5433", 1);
    setenv("PGUSER", "app", 1);
    setenv("PGDATABASE", "kitchen", 1);
    setenv("PGPASSWORD", "hunter2", 1);
    parse_parts(state, &(struct address_parts){0}, &unset);
    assert_int_equal(((struct fixture *)*state)->address.kind, ADDRESS_POSTGRESQL);
    HAS(state, "host=", "user=", "password=");
    assert_null(address_parameter(&((struct fixture *)*state)->address, "password"));
    assert_display(state, "postgresql://app@db.example:5433/kitchen");
    assert_string_equal(((struct fixture *)*state)->address.database_name, "kitchen");
}

static void parts_become_an_address(void **state)
{
    parse_parts(state,
                &(struct address_parts){
                    .host = "db.example", .port = "5433", .name = "my db", .user = "app", .password = "hun@ter2"},
                &unset);
    HAS(state, "host=db.example", "port=5433", "dbname=my db", "user=app", "password=hun@ter2");
    assert_display(state, "postgresql://app@db.example:5433/my%20db");
    parse_parts(state, &(struct address_parts){.host = "a:1,::1,/run", .user = "app", .name = "d"}, &unset);
    HAS(state, "host=a,::1,/run", "port=1,,");
    assert_display(state, "postgresql://app@a:1,[::1],%2Frun/d");
}

static void a_url_as_host_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_false(address_parse(&(struct address_parts){.host = "postgresql://u:hunter2@h/d"}, &unset, &fixture->arena,
                               &fixture->address, &fixture->error));
    assert_int_equal(fixture->error.code, MIGRATE_BAD_URL);
    assert_null(strstr(fixture->error.message, "hunter"));
    assert_false(address_parse(&(struct address_parts){.host = "h", .port = "hunter"}, &unset, &fixture->arena,
                               &fixture->address, &fixture->error));
    assert_null(strstr(fixture->error.message, "hunter"));
}

static void assert_file(void **state, const char *url, const char *file, bool read_only, bool must_exist)
{
    const struct fixture *fixture = *state;
    parse(state, url);
    assert_int_equal(fixture->address.kind, ADDRESS_SQLITE);
    assert_string_equal(fixture->address.file, file);
    assert_int_equal(fixture->address.read_only, read_only);
    assert_int_equal(fixture->address.must_exist, must_exist);
}

static void sqlite_urls_name_files(void **state)
{
    assert_file(state, "sqlite:///app.db", "app.db", false, false);
    assert_file(state, "sqlite:////var/lib/app.db", "/var/lib/app.db", false, false);
    assert_file(state, "sqlite+pysqlite:///app.db?check_same_thread=false", "app.db", false, false);
    assert_file(state, "sqlite:///app.db?mode=ro", "app.db", true, true);
    assert_file(state, "sqlite:///app.db?mode=rw", "app.db", false, true);
    assert_file(state, "sqlite:///app.db?mode=rwc", "app.db", false, false);
    assert_file(state, "sqlite:///app.db?mode=memory", ":memory:", false, false);
    assert_file(state, "sqlite://", ":memory:", false, false);
    assert_file(state, "sqlite:///", ":memory:", false, false);
    assert_file(state, "sqlite:///:memory:", ":memory:", false, false);
    assert_file(state, "sqlite:///file:app.db?mode=ro&uri=true", "app.db", true, true);
    assert_file(state, "sqlite:////home/me@work/my%20app.db", "/home/me@work/my app.db", false, false);
    assert_file(state, "mesh_app.db", "mesh_app.db", false, false);
    assert_display(state, "sqlite:///mesh_app.db");
    assert_file(state, "/srv/app.sqlite", "/srv/app.sqlite", false, false);
    assert_display(state, "sqlite:////srv/app.sqlite");
    assert_file(state, " app.sqlite3\n", "app.sqlite3", false, false);
}

static void two_slashes_are_not_three(void **state)
{
    assert_refused(state, "sqlite://app.db", "three slashes");
    assert_refused(state, "sqlite:///app.db?mode=readonly", "mode");
    assert_refused(state, "sqlite:///app.db?moed=ro", "\"mode\"");
    assert_refused(state, "sqlite:///app.db?key=hunter2", "\"key\"");
}

static void an_unknown_scheme_lists_the_known(void **state)
{
    assert_refused(state, "mysql://u:hunter2@h/d", "postgresql://");
    assert_refused(state, "postgress://u:hunter2@h/d", "did you mean postgres://?");
    assert_refused(state, "kitchen", "scheme://");
    assert_refused(state, "://u:hunter2@h/d", "scheme://");
}

static void no_password_is_ever_shown(void **state)
{
    static const struct {
        const char *url;
        const char *shown;
    } cases[] = {
        {"postgresql://u:hunter2@h/d", "postgresql://u@h/d"},
        {"postgresql://u@h/d?password=hunter2&sslmode=require", "postgresql://u@h/d?sslmode=require"},
        {"postgresql://u@h/d?sslmode=require&sslpassword=hunter2", "postgresql://u@h/d?sslmode=require"},
        {"postgresql://u@h/d?p%61ssword=hunter2", "postgresql://u@h/d"},
        {"postgresql://u@h/d?%zz=hunter2", "postgresql://u@h/d"},
        {"postgresql://u@h/d?PASSWORD=hunter2&passphrase=hunter2&pwd=hunter2&a=b&client_secret=hunter2&Token=hunter2",
         "postgresql://u@h/d?a=b"},
        {"postgresql://:hunter2@h", "postgresql://@h"},
        {"postgresql://u:hun@ter2@h/d", "postgresql://u@h/d"},
        {"postgresql:///d", "postgresql:///d"},
        {"sqlite:////app.db", "sqlite:////app.db"},
        {"hunter2", "(unreadable URL)"},
        {"", "(unreadable URL)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(address_redact(cases[i].url, &((struct fixture *)*state)->arena), cases[i].shown);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_url_becomes_libpqs_keywords),
        TEST(sqlalchemys_drivers_are_postgresql),
        TEST(what_is_percent_encoded_is_decoded),
        TEST(a_wrong_percent_encoding_is_refused),
        TEST(a_password_may_hold_raw_special_characters),
        TEST(what_can_be_read_in_two_ways_is_refused),
        TEST(an_at_in_the_query_is_no_login),
        TEST(a_forgotten_host_does_not_show_the_password),
        TEST(several_hosts_ask_for_the_one_that_writes),
        TEST(an_ipv6_address_stands_in_brackets),
        TEST(a_socket_folder_is_a_host),
        TEST(a_port_is_a_number_of_sixteen_bits),
        TEST(an_unknown_parameter_names_the_closest),
        TEST(asyncpgs_ssl_is_sslmode),
        TEST(settings_fill_what_the_url_leaves_open),
        TEST(rds_gets_encryption_unless_it_is_refused_by_name),
        TEST(what_pg_variables_say_is_left_to_libpq),
        TEST(nothing_named_is_what_libpq_finds),
        TEST(parts_become_an_address),
        TEST(a_url_as_host_is_refused),
        TEST(sqlite_urls_name_files),
        TEST(two_slashes_are_not_three),
        TEST(an_unknown_scheme_lists_the_known),
        TEST(no_password_is_ever_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
