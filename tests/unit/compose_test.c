/* compose_test.c: what a plan becomes, operation by operation. Each list is written down as it is played. */
#include "apply/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const char plain[] =
    "-- plain\n-- Revision ID: a\n-- Revises:\n-- migrate:upgrade\nCREATE TABLE t (x INT);\nCREATE "
    "INDEX t_x ON t (x);\n-- migrate:downgrade\nDROP TABLE t;\n";
static const char online[] =
    "-- online\n-- Revision ID: b\n-- Revises: a\n-- migrate:upgrade lock_timeout=2s\nALTER TABLE t "
    "ADD y INT;\n-- migrate:upgrade autocommit\nCREATE INDEX CONCURRENTLY t_y ON t (y);\nVACUUM t;\n"
    "-- migrate:upgrade\nANALYZE t;\n";

/* --- helpers ------------------------------------------------------------------------------------ */

static const char *op_name(enum op_kind kind)
{
    static const char *const names[] = {"begin", "statement", "copy",   "execute", "expect-one",
                                        "reset", "settings",  "commit", "alone",   "comment"};
    return names[kind];
}

static void write_op(struct buffer *text, const struct op *op)
{
    buffer_string(text, op_name(op->kind));
    if (op->kind == OP_COMMIT && op->durable)
        buffer_string(text, " durable");
    if (op->kind == OP_SETTINGS)
        buffer_printf(text, " lock=%lld statement=%lld", (long long)op->lock_timeout_ms,
                      (long long)op->statement_timeout_ms);
    if (op->sql.length) {
        struct text words = text_cut(op->sql, 24);
        buffer_printf(text, " %.*s", (int)words.length, words.at);
    }
    for (size_t i = 0; i < op->value_count && i < 4 && op->kind == OP_EXPECT_ONE; i++)
        buffer_printf(text, " [%.*s]", (int)op->values[i].length, op->values[i].text ? op->values[i].text : "");
    buffer_character(text, '\n');
}

struct fixture {
    struct arena arena;
    struct revision revisions[2];
    struct graph graph;
    struct ledger ledger;
    struct ledger_run run;
    struct step steps[2];
    struct row_change changes[2];
    struct plan plan;
    struct prepared prepared[2];
    struct composition composition;
};

static void prepare(struct fixture *fixture, size_t index, const char *text)
{
    struct error err = {0};
    struct prepared *prepared = &fixture->prepared[index];
    if (!script_parse(text_of(text), "test.sql", &fixture->arena, &prepared->script, &err))
        fail_msg("%s", err.message);
    prepared->script.map.content = text_of(text);
    hash_blob(text_of(text), prepared->oid);
    assert_true(script_judge(&prepared->script, DIRECTION_UPGRADE, DIALECT_POSTGRESQL, &prepared->statements, &err));
    prepared->is_autocommit = script_is_autocommit(&prepared->script, DIRECTION_UPGRADE, DIALECT_POSTGRESQL);
    fixture->revisions[index] = prepared->script.revision;
    fixture->changes[index] = (struct row_change){.from = index ? fixture->revisions[index - 1].id : NULL,
                                                  .to = prepared->script.revision.id};
    fixture->steps[index] = (struct step){
        .revision = index, .direction = DIRECTION_UPGRADE, .changes = {.items = &fixture->changes[index], .count = 1}};
}

static void set_up(struct fixture *fixture, const char *first, const char *second)
{
    struct error err = {0};
    *fixture = (struct fixture){.run = {.applied_by = "tester"}};
    prepare(fixture, 0, first);
    size_t count = second ? 2 : 1;
    if (second)
        prepare(fixture, 1, second);
    assert_true(graph_build(fixture->revisions, count, &fixture->arena, &fixture->graph, &err));
    ledger_init(&fixture->ledger,
                &(struct ledger_names){.version_table = "v", .version_table_schema = "s", .history_table = "h"}, false,
                &fixture->arena);
    fixture->plan = (struct plan){.steps = fixture->steps, .step_count = count};
    fixture->composition = (struct composition){
        .graph = &fixture->graph,
        .plan = &fixture->plan,
        .prepared = fixture->prepared,
        .ledger = &fixture->ledger,
        .run = &fixture->run,
        .dialect = DIALECT_POSTGRESQL,
    };
}

static const char *composed(struct fixture *fixture)
{
    struct composer composer;
    struct buffer text = {.arena = &fixture->arena};
    struct error err = {0};
    bool end = false;
    composer_start(&composer, &fixture->composition);
    while (!end) {
        struct op op;
        if (!composer_next(&composer, &op, &end, &err))
            fail_msg("%s", err.message);
        if (!end)
            write_op(&text, &op);
    }
    composer_free(&composer);
    return buffer_done(&text);
}

/* --- tests -------------------------------------------------------------------------------------- */

static void a_plain_revision_is_one_transaction_that_moves_its_row_and_says_so(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, plain, NULL);
    assert_string_equal(composed(&fixture), "begin\n"
                                            "statement CREATE TABLE t (x INT)\n"
                                            "statement CREATE INDEX t_x ON t (x\n"
                                            "reset\n"
                                            "execute INSERT INTO \"s\".\"migrate\n"
                                            "expect-one INSERT INTO \"s\".\"v\" (ver [a]\n"
                                            "execute INSERT INTO \"s\".\"h\" (rev\n"
                                            "commit durable\n");
    arena_free(&fixture.arena);
}

static void only_the_last_commit_of_a_run_waits_for_the_disk(void **state)
{
    (void)state;
    static const char next[] = "-- next\n-- Revision ID: b\n-- Revises: a\n-- migrate:upgrade\nSELECT 1;\n";
    struct fixture fixture;
    set_up(&fixture, plain, next);
    const char *all = composed(&fixture);
    const char *first = strstr(all, "commit\n");
    assert_non_null(first);
    assert_non_null(strstr(first, "commit durable\n"));
    assert_int_equal(fixture.prepared[0].commits_after, 1);
    assert_int_equal(fixture.prepared[1].commits_before, 1);
    assert_int_equal(fixture.prepared[1].commits_after, 2);
    arena_free(&fixture.arena);
}

static const char online_ops[] = "begin\n"
                                 "execute INSERT INTO \"s\".\"migrate\n"
                                 "execute INSERT INTO \"s\".\"h\" (rev\n"
                                 "commit durable\n"
                                 "begin\n"
                                 "settings lock=2000 statement=-1\n"
                                 "statement ALTER TABLE t ADD y INT\n"
                                 "reset\n"
                                 "expect-one UPDATE \"s\".\"h\" SET state [1] [running] [] [b]\n"
                                 "commit durable\n"
                                 "settings lock=0 statement=0\n"
                                 "alone CREATE INDEX CONCURRENTL\n"
                                 "begin\n"
                                 "expect-one UPDATE \"s\".\"h\" SET state [2] [running] [] [b]\n"
                                 "commit durable\n"
                                 "alone VACUUM t\n"
                                 "begin\n"
                                 "expect-one UPDATE \"s\".\"h\" SET state [3] [running] [] [b]\n"
                                 "commit durable\n"
                                 "reset\n"
                                 "begin\n"
                                 "statement ANALYZE t\n"
                                 "reset\n"
                                 "expect-one UPDATE \"s\".\"h\" SET state [4] [running] [] [b]\n"
                                 "commit durable\n"
                                 "begin\n"
                                 "expect-one UPDATE \"s\".\"v\" SET versi [b] [a]\n"
                                 "expect-one UPDATE \"s\".\"h\" SET state [4] [done] [] [b]\n"
                                 "commit durable\n";

static void an_autocommit_section_is_journaled_statement_by_statement(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, plain, online);
    const char *all = composed(&fixture);
    const char *first = strstr(all, "commit\n");
    assert_non_null(first);
    assert_string_equal(strchr(first, '\n') + 1, online_ops);
    arena_free(&fixture.arena);
}

static void a_resumed_revision_leaves_out_what_was_done(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, plain, online);
    fixture.prepared[1].done_before = 2;
    const char *all = composed(&fixture);
    assert_null(strstr(all, "ALTER TABLE"));
    assert_null(strstr(all, "CONCURRENTL"));
    assert_non_null(strstr(all, "alone VACUUM t"));
    assert_non_null(strstr(all, "statement ANALYZE t"));
    arena_free(&fixture.arena);
}

static void one_transaction_has_one_begin_and_one_commit(void **state)
{
    (void)state;
    static const char next[] = "-- next\n-- Revision ID: b\n-- Revises: a\n-- migrate:upgrade\nSELECT 1;\n";
    struct fixture fixture;
    set_up(&fixture, plain, next);
    fixture.composition.one_transaction = true;
    const char *all = composed(&fixture);
    assert_int_equal(strncmp(all, "begin\n", 6), 0);
    assert_null(strstr(all + 6, "\nbegin"));
    assert_string_equal(strstr(all, "commit"), "commit durable\n");
    assert_int_equal(fixture.prepared[0].commits_after, 1);
    assert_int_equal(fixture.prepared[1].commits_after, 1);
    arena_free(&fixture.arena);
}

static void a_printed_script_has_no_history_and_no_needless_reset(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, plain, NULL);
    fixture.composition.is_offline = true;
    const char *all = composed(&fixture);
    assert_null(strstr(all, "reset"));
    assert_null(strstr(all, "\"h\""));
    assert_null(strstr(all, "migrat\n"));
    arena_free(&fixture.arena);
}

static void a_script_is_kept_in_parts_that_give_its_text_again(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, plain, NULL);
    struct buffer text = {.arena = &fixture.arena};
    buffer_string(&text, plain);
    while (text.length < 2500000)
        buffer_string(&text, "-- \xC3\xA4\xC3\xB6\xC3\xBC filler\r\n");
    fixture.prepared[0].script.map.content = (struct text){.at = text.at, .length = text.length};
    char oid[OID_LENGTH + 1], again[OID_LENGTH + 1];
    hash_blob(fixture.prepared[0].script.map.content, oid);

    struct buffer kept = {.arena = &fixture.arena};
    struct composer composer;
    struct error err = {0};
    bool end = false;
    size_t parts = 0;
    composer_start(&composer, &fixture.composition);
    while (!end) {
        struct op op;
        assert_true(composer_next(&composer, &op, &end, &err));
        if (end || op.kind != OP_EXECUTE || op.value_count != 3)
            continue;
        struct text part = {.at = op.values[2].text, .length = op.values[2].length};
        assert_true(part.length <= LEDGER_PART_BYTES);
        assert_int_equal(text_utf8_length(part), part.length);
        buffer_text(&kept, part);
        parts++;
    }
    composer_free(&composer);
    assert_int_equal(parts, 3);
    hash_blob((struct text){.at = kept.at, .length = kept.length}, again);
    assert_string_equal(again, oid);
    assert_null(memchr(kept.at, '\r', kept.length));
    arena_free(&fixture.arena);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(a_plain_revision_is_one_transaction_that_moves_its_row_and_says_so),
        cmocka_unit_test(only_the_last_commit_of_a_run_waits_for_the_disk),
        cmocka_unit_test(an_autocommit_section_is_journaled_statement_by_statement),
        cmocka_unit_test(a_resumed_revision_leaves_out_what_was_done),
        cmocka_unit_test(one_transaction_has_one_begin_and_one_commit),
        cmocka_unit_test(a_printed_script_has_no_history_and_no_needless_reset),
        cmocka_unit_test(a_script_is_kept_in_parts_that_give_its_text_again),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
