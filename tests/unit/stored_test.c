/* stored_test.c: a text that the database keeps is handed out to be run only if it is the one its oid names. */
#include "apply/stored.h"
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char kept[] = "-- a\n-- Revision ID: a\n-- Revises:\n-- migrate:downgrade\nDROP TABLE a;\n";

struct fixture {
    struct arena arena;
    struct address address;
    struct connection_settings settings;
    struct connection connection;
    struct database *database;
    struct ledger ledger;
    char oid[OID_LENGTH + 1]; /* of `kept` */
    struct error err;
};

struct op_list {
    struct op ops[4];
    size_t count;
    size_t taken;
};

static bool next(void *context, struct op *op, bool *end, struct error *err)
{
    struct op_list *list = context;
    (void)err;
    *end = list->taken == list->count;
    if (!*end)
        *op = list->ops[list->taken++];
    return true;
}

static void run(struct fixture *fixture, struct op op)
{
    struct op_list list = {.ops = {{.kind = OP_BEGIN}, op, {.kind = OP_COMMIT}}, .count = 3};
    struct batch batch = {.next = next, .context = &list};
    struct played played = {0};
    if (!database_play(fixture->database, &batch, &played, &fixture->err))
        fail_msg("%s", fixture->err.message);
}

static void keep(struct fixture *fixture, size_t part, const char *body)
{
    run(fixture, ledger_keep_script(&fixture->ledger, fixture->oid, part, text_of(body), &fixture->arena));
}

static void set_up(struct fixture *fixture)
{
    *fixture = (struct fixture){
        .address = {.kind = ADDRESS_SQLITE, .file = ":memory:", .display = "sqlite"},
        .settings = {.connect_timeout_s = 10, .statement_timeout_ms = -1, .idle_timeout_ms = -1, .lock_timeout_ms = -1},
    };
    fixture->connection = (struct connection){.address = &fixture->address, .settings = &fixture->settings};
    hash_blob(text_of(kept), fixture->oid);
    ledger_init(&fixture->ledger, &(struct ledger_names){"alembic_version", NULL, "migrate_history"}, true,
                &fixture->arena);
    assert_true(database_start(&fixture->connection, &fixture->arena, &fixture->database, &fixture->err));
    assert_true(database_ready(fixture->database, &fixture->err));
    struct names create = ledger_create(&fixture->ledger, &(struct ledger_state){0}, &fixture->arena);
    for (size_t i = 0; i < create.count; i++)
        run(fixture, (struct op){.kind = OP_EXECUTE, .sql = text_of(create.items[i])});
}

static void tear_down(struct fixture *fixture)
{
    database_close(fixture->database);
    arena_free(&fixture->arena);
}

static bool handed_out(struct fixture *fixture, struct text *text)
{
    return stored_text(&fixture->ledger, fixture->database, fixture->oid, &fixture->arena, text, &fixture->err);
}

static void assert_refused(struct fixture *fixture, const char *said)
{
    struct text text = {0};
    assert_false(handed_out(fixture, &text));
    assert_int_equal(fixture->err.code, MIGRATE_PERMISSION);
    if (!strstr(fixture->err.message, said))
        fail_msg("expected \"%s\" in \"%s\"", said, fixture->err.message);
}

static void the_text_that_its_oid_names_is_handed_out(void **state)
{
    (void)state;
    struct fixture fixture;
    struct text text = {0};
    set_up(&fixture);
    keep(&fixture, 0, kept);
    assert_true(handed_out(&fixture, &text));
    assert_int_equal(text.length, sizeof kept - 1);
    assert_memory_equal(text.at, kept, text.length);
    tear_down(&fixture);
}

static void another_text_under_its_oid_is_not(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    keep(&fixture, 0, "-- a\n-- Revision ID: a\n-- Revises:\n-- migrate:downgrade\nDROP TABLE b;\n");
    assert_refused(&fixture, "is not what ran");
    tear_down(&fixture);
}

static void a_text_that_somebody_added_a_part_to_is_not(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    keep(&fixture, 0, kept);
    keep(&fixture, 1, "DROP TABLE b;\n");
    assert_refused(&fixture, "is not what ran");
    tear_down(&fixture);
}

static void one_without_parts_is_not(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    assert_refused(&fixture, "no parts");
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(the_text_that_its_oid_names_is_handed_out),
        cmocka_unit_test(another_text_under_its_oid_is_not),
        cmocka_unit_test(a_text_that_somebody_added_a_part_to_is_not),
        cmocka_unit_test(one_without_parts_is_not),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
