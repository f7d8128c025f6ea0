/* conformance_test.c: what Alembic does, asked of the planner.
 *
 * Each case of tests/conformance/alembic-cases.json is a test of its own, so that none can be left out unnoticed: it
 * passes, or a table below says by id why it is not asked here or why we answer otherwise. An entry in a table that no
 * case needs fails too. tests/conformance/README.md tells what the fields mean. */
#include "unit/graph_language.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { CASES = 123 };

struct remark {
    const char *id;
    const char *why;
    enum migrate_code code; /* of the error that we answer */
    bool used;
};

/* Cases about something else than the graph and where the database is. */
static struct remark not_asked[] = {
    {.id = "p-ensure-version", .why = "creates a table: needs a database"},
    {.id = "edit-nocurrent", .why = "names no revision for the planner too; that edit wants one is the command's rule"},
    {.id = "edit-norev", .why = "names no revision for the planner too; that edit wants one is the command's rule"},
    {.id = "merge-splice-missing", .why = "writes a file; that a parent is no head is the command's rule"},
    {.id = "p-merge-forest", .why = "writes a file"},
    {.id = "p-merge-nonhead", .why = "writes a file; that a parent is no head is the command's rule"},
    {.id = "doc-rev-label-nonhead", .why = "writes a file; that a parent is no head is the command's rule"},
    {.id = "p-rev-depends-two", .why = "writes a file"},
    {.id = "p-rev-head-base", .why = "writes a file"},
    {.id = "p-rev-head-label-base", .why = "writes a file"},
    {.id = "p-rev-id-dash", .why = "writes a file; the characters of an id are the template's rule"},
    {.id = "rev-branch-label", .why = "writes a file"},
    {.id = "stamp-sql-diff-start", .why = "that the ranges of one stamp begin at one place is the command's rule"},
};

/* Cases we answer otherwise, on purpose. */
static struct remark different[] = {
    {.id = "p-up-double-at",
     .code = MIGRATE_USAGE,
     .why = "two @ are no identifier: found without looking at the graph"},
};

static struct remark *remark_on(struct remark *remarks, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(remarks[i].id, id) == 0) {
            remarks[i].used = true;
            return &remarks[i];
        }
    return NULL;
}

#define REMARK_ON(remarks, id) remark_on(remarks, sizeof(remarks) / sizeof *(remarks), id)

/* Alembic's errors, and the codes that are ours for the same. */
static bool is_that_error(const char *error, enum migrate_code code)
{
    static const struct {
        const char *error;
        enum migrate_code code;
    } known[] = {
        {"relative-out-of-range", MIGRATE_OUT_OF_RANGE}, {"not-a-downgrade-target", MIGRATE_OUT_OF_RANGE},
        {"multiple-heads", MIGRATE_MULTIPLE_HEADS},      {"unknown-revision", MIGRATE_UNKNOWN_REVISION},
        {"unknown-revision", MIGRATE_UNKNOWN_ROW},       {"dependency-cycle", MIGRATE_CYCLE},
        {"dependency-self-loop", MIGRATE_CYCLE},         {"duplicate-branch-label", MIGRATE_DUPLICATE},
        {"not-at-heads", MIGRATE_NOT_AT_HEADS},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].error, error) == 0 && known[i].code == code)
            return true;
    return false;
}

/* --- reading a case --- */

struct conformance {
    const char *id;
    const char *command;
    const char *target; /* "": none */
    const char *error;  /* NULL: it succeeds */
    struct names rows;
    struct names args;
    struct names expect;
    struct names final;
    bool has_expect, has_final;
    struct revision *revisions;
    size_t count;
};

static struct names strings(const json_t *list, struct arena *arena)
{
    struct name_list names = {0};
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        ARENA_PUSH(arena, &names, arena_string(arena, json_string_value(item)));
    }
    return names_of(&names);
}

static struct conformance read_case(const json_t *json, struct arena *arena)
{
    struct conformance c = {.id = json_string_value(json_object_get(json, "id")),
                            .command = json_string_value(json_object_get(json, "command")),
                            .target = json_string_value(json_object_get(json, "target")),
                            .error = json_string_value(json_object_get(json, "error"))};
    if (!c.target)
        c.target = "";
    c.rows = strings(json_object_get(json, "current"), arena);
    c.args = strings(json_object_get(json, "args"), arena);
    c.expect = strings(json_object_get(json, "expect"), arena);
    c.final = strings(json_object_get(json, "final_heads"), arena);
    c.has_expect = json_object_get(json, "expect") != NULL;
    c.has_final = json_object_get(json, "final_heads") != NULL;
    const json_t *graph = json_object_get(json, "graph");
    c.revisions = ARENA_ARRAY(arena, json_array_size(graph), struct revision);
    c.count = json_array_size(graph);
    for (size_t i = 0; i < c.count; i++) {
        const json_t *one = json_array_get(graph, i);
        c.revisions[i] = (struct revision){.id = json_string_value(json_object_get(one, "rev")),
                                           .message = "",
                                           .down = strings(json_object_get(one, "down"), arena),
                                           .depends = strings(json_object_get(one, "depends"), arena),
                                           .labels = strings(json_object_get(one, "labels"), arena)};
    }
    return c;
}

/* --- asking --- */

struct answer {
    struct names lines; /* steps, or revisions */
    struct names rows;
    bool has_rows;
    bool oldest_first; /* the order of upgrade steps and of dependencies */
};

static struct names printed(const struct graph *graph, const struct indexes *indexes, struct arena *arena)
{
    struct name_list names = {0};
    for (size_t i = 0; i < indexes->count; i++)
        ARENA_PUSH(arena, &names, graph->revisions[indexes->items[i]].id);
    return names_of(&names);
}

static struct names newest_first(const struct graph *graph, const struct indexes *indexes, struct arena *arena)
{
    struct name_list names = {0};
    for (size_t i = indexes->count; i-- > 0;)
        ARENA_PUSH(arena, &names, graph->revisions[indexes->items[i]].id);
    return names_of(&names);
}

static void answer_plan(const struct graph *graph, const struct plan *plan, struct answer *answer, struct arena *arena)
{
    struct name_list lines = {0};
    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].direction == DIRECTION_STAMP)
            continue;
        ARENA_PUSH(arena, &lines,
                   arena_printf(arena, "%c%s", plan->steps[i].direction == DIRECTION_UPGRADE ? '+' : '-',
                                graph->revisions[plan->steps[i].revision].id));
    }
    *answer = (struct answer){.lines = names_of(&lines), .rows = plan->to, .has_rows = true, .oldest_first = true};
}

static bool ask_change(const struct conformance *c, const struct graph *graph, struct names rows, const char *wanted,
                       struct arena *arena, struct answer *answer, struct error *err)
{
    struct plan plan;
    struct target target;
    if (!target_parse(wanted, arena, &target, err))
        return false;
    if (!(strcmp(c->command, "upgrade") == 0 ? plan_upgrade(graph, rows, &target, arena, &plan, err)
                                             : plan_downgrade(graph, rows, &target, arena, &plan, err)))
        return false;
    answer_plan(graph, &plan, answer, arena);
    return true;
}

static bool ask_stamp(const struct graph *graph, struct names rows, struct names wanted, struct arena *arena,
                      struct answer *answer, struct error *err)
{
    struct plan plan;
    struct target *targets = ARENA_ARRAY(arena, wanted.count, struct target);
    for (size_t i = 0; i < wanted.count; i++)
        if (!target_parse(wanted.items[i], arena, &targets[i], err))
            return false;
    if (!plan_stamp(graph, rows, targets, wanted.count, false, arena, &plan, err))
        return false;
    answer_plan(graph, &plan, answer, arena);
    return true;
}

/* --sql: the rows are the range's beginning. */
static bool ask_offline(const struct conformance *c, const struct graph *graph, struct arena *arena,
                        struct answer *answer, struct error *err)
{
    struct name_list ends = {0};
    struct names rows = {0}, ranges = words(c->target, arena);
    for (size_t i = 0; i < ranges.count; i++) {
        struct range range;
        struct indexes from, to;
        if (!range_parse(ranges.items[i], arena, &range, err) ||
            !range_ends(graph, NULL, &range, false, arena, &from, &to, err))
            return false;
        rows = printed(graph, &from, arena);
        ARENA_PUSH(arena, &ends, range.to.text);
    }
    if (strcmp(c->command, "stamp") == 0)
        return ask_stamp(graph, rows, names_of(&ends), arena, answer, err);
    return ask_change(c, graph, rows, ends.items[0], arena, answer, err);
}

static bool ask_history(const struct conformance *c, const struct graph *graph, struct arena *arena,
                        struct answer *answer, struct error *err)
{
    struct range range;
    struct indexes rows, found;
    if (!range_parse(*c->target ? c->target : ":", arena, &range, err) ||
        !rows_resolve(graph, c->rows, arena, &rows, err) || !range_resolve(graph, &rows, &range, arena, &found, err))
        return false;
    answer->lines = printed(graph, &found, arena);
    return true;
}

static bool ask_current(const struct conformance *c, const struct graph *graph, struct arena *arena,
                        struct answer *answer, struct error *err)
{
    struct indexes heads;
    bool at_heads;
    if (!plan_current(graph, c->rows, arena, &heads, err) || !plan_at_heads(graph, c->rows, arena, &at_heads, err))
        return false;
    if (names_have(c->args, "--check-heads") && !at_heads)
        return error_set(err, MIGRATE_NOT_AT_HEADS, "the planner says so");
    answer->lines = printed(graph, &heads, arena);
    return true;
}

static bool ask_show(const struct conformance *c, const struct graph *graph, struct arena *arena, struct answer *answer,
                     struct error *err)
{
    struct target target;
    struct indexes rows, found;
    if (!target_parse(c->target, arena, &target, err) || !rows_resolve(graph, c->rows, arena, &rows, err) ||
        !target_resolve(graph, &rows, &target, arena, &found, err))
        return false;
    answer->lines = newest_first(graph, &found, arena);
    return true;
}

static bool ask_branches(const struct graph *graph, struct arena *arena, struct answer *answer)
{
    struct index_set set = index_set_new(graph->count, arena);
    for (size_t i = 0; i < graph->count; i++)
        if (graph_is_branch_point(graph, i))
            index_set_add(&set, i);
    struct indexes found = graph_sorted(graph, &set, arena);
    answer->lines = newest_first(graph, &found, arena);
    return true;
}

static bool ask(const struct conformance *c, struct graph *graph, struct arena *arena, struct answer *answer,
                struct error *err)
{
    *answer = (struct answer){0};
    if (!graph_build(c->revisions, c->count, arena, graph, err))
        return false;
    if (names_have(c->args, "--sql"))
        return ask_offline(c, graph, arena, answer, err);
    if (strcmp(c->command, "upgrade") == 0 || strcmp(c->command, "downgrade") == 0)
        return ask_change(c, graph, c->rows, c->target, arena, answer, err);
    if (strcmp(c->command, "stamp") == 0)
        return ask_stamp(graph, c->rows, words(c->target, arena), arena, answer, err);
    if (strcmp(c->command, "history") == 0)
        return ask_history(c, graph, arena, answer, err);
    if (strcmp(c->command, "current") == 0)
        return ask_current(c, graph, arena, answer, err);
    if (strcmp(c->command, "show") == 0)
        return ask_show(c, graph, arena, answer, err);
    if (strcmp(c->command, "branches") == 0)
        return ask_branches(graph, arena, answer);
    if (strcmp(c->command, "heads") == 0) {
        struct indexes heads = graph_heads(graph, false, arena);
        answer->lines = newest_first(graph, &heads, arena);
        return true;
    }
    fail_msg("%s: nobody asks the planner about %s", c->id, c->command);
    return false;
}

/* --- comparing --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *sorted(struct names names, struct arena *arena)
{
    const char **items = ARENA_ARRAY(arena, names.count, const char *);
    for (size_t i = 0; i < names.count; i++)
        items[i] = names.items[i];
    if (names.count)
        qsort(items, names.count, sizeof *items, by_text);
    return joined((struct names){.items = items, .count = names.count}, arena);
}

/* Where the graph leaves one order only, this leaves one only. */
static void assert_parents_first(const struct conformance *c, const struct graph *graph, const struct answer *answer,
                                 struct arena *arena)
{
    const struct names lines = answer->lines;
    for (size_t i = 0; i < lines.count; i++) {
        bool is_up = answer->oldest_first && *lines.items[i] == '+';
        struct index_set late = index_set_new(graph->count, arena);
        size_t index = graph_find(graph, lines.items[i] + (answer->oldest_first ? 1 : 0));
        assert_true(index < graph->count);
        if (is_up)
            graph_add_descendants(graph, index, true, &late, arena);
        else
            graph_add_ancestors(graph, index, true, &late, arena);
        for (size_t j = 0; j < i; j++) {
            size_t earlier = graph_find(graph, lines.items[j] + (answer->oldest_first ? 1 : 0));
            if (index_set_has(&late, earlier))
                fail_msg("%s: %s must not stand before %s: %s", c->id, lines.items[j], lines.items[i],
                         joined(lines, arena));
        }
    }
}

static void assert_answer(const struct conformance *c, const struct graph *graph, const struct answer *answer,
                          struct arena *arena)
{
    assert_true(c->has_expect);
    if (strcmp(sorted(c->expect, arena), sorted(answer->lines, arena)) != 0)
        fail_msg("%s: expected %s, got %s", c->id, joined(c->expect, arena), joined(answer->lines, arena));
    assert_parents_first(c, graph, answer, arena);
    if (c->has_final && strcmp(sorted(c->final, arena), sorted(answer->rows, arena)) != 0)
        fail_msg("%s: expected the rows %s, got %s", c->id, sorted(c->final, arena), sorted(answer->rows, arena));
}

static void check(const struct conformance *c, struct arena *arena)
{
    struct graph graph;
    struct answer answer;
    struct error err = {0};
    const struct remark *remark = REMARK_ON(different, c->id);
    bool ok = ask(c, &graph, arena, &answer, &err);
    if (ok && c->error)
        fail_msg("%s: expected the error %s, got %s", c->id, c->error, joined(answer.lines, arena));
    else if (!ok && !c->error)
        fail_msg("%s: expected %s, got %s", c->id, joined(c->expect, arena), complaint(&err, arena));
    else if (!ok && !is_that_error(c->error, err.code) && !(remark && remark->code == err.code))
        fail_msg("%s: expected the error %s, got %s", c->id, c->error, complaint(&err, arena));
    else if (ok)
        assert_answer(c, &graph, &answer, arena);
    if (!ok && !*err.hint && err.code != MIGRATE_NOT_AT_HEADS)
        fail_msg("%s: an error without a hint: %s", c->id, err.message);
}

static void alembic_does_so(void **state)
{
    struct arena arena = {0};
    struct conformance c = read_case(*state, &arena);
    const struct remark *remark = REMARK_ON(not_asked, c.id);
    if (remark)
        print_message("%s is not asked of the planner: %s\n", c.id, remark->why);
    else
        check(&c, &arena);
    arena_free(&arena);
}

static void assert_all_used(const struct remark *remarks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!remarks[i].used)
            fail_msg("there is no case %s (any more) to remark on", remarks[i].id);
}

/* Runs last. */
static void every_remark_is_on_a_case(void **state)
{
    (void)state;
    assert_all_used(not_asked, sizeof not_asked / sizeof not_asked[0]);
    assert_all_used(different, sizeof different / sizeof different[0]);
}

int main(void)
{
    json_error_t error;
    json_t *cases = json_load_file(TEST_SOURCE_FOLDER "/conformance/alembic-cases.json", 0, &error);
    if (!cases || json_array_size(cases) != CASES) {
        fprintf(stderr, "expected %d cases, got %zu (%s)\n", CASES, json_array_size(cases), cases ? "" : error.text);
        return EXIT_FAILURE;
    }
    struct CMUnitTest tests[CASES + 1];
    for (size_t i = 0; i < CASES; i++) {
        json_t *one = json_array_get(cases, i);
        tests[i] = (struct CMUnitTest){
            .name = json_string_value(json_object_get(one, "id")), .test_func = alembic_does_so, .initial_state = one};
    }
    tests[CASES] = (struct CMUnitTest)cmocka_unit_test(every_remark_is_on_a_case);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(cases);
    return failed;
}
