/* target_fuzz.c: whatever text stands for a revision, the answer is revisions or an error that says something.
 *
 * Run by libFuzzer (cmake --preset fuzz) on tests/fuzz/corpus/target/. The first line of the input is an identifier or
 * a range, a second one version rows. */
#include "plan/plan.h"

#include <stdlib.h>

#define NAMES(...)                                                                                                     \
    {                                                                                                                  \
        .items = (const char *const[]){__VA_ARGS__},                                                                   \
        .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                                           \
    }

/*    27c6a - 1975e - ae10[shop] - d747 -.                */
/*                 \                      merge           */
/*                  27d0[till] - 55af ---'                */
/*    3cac[net] - 109e (needs 27d0)                       */
static const struct revision revisions[] = {
    {.id = "27c6a30d7c24", .message = ""},
    {.id = "1975ea83b712", .message = "", .down = NAMES("27c6a30d7c24")},
    {.id = "ae1027a6acf0", .message = "", .down = NAMES("1975ea83b712"), .labels = NAMES("shop")},
    {.id = "d747a8a8879f", .message = "", .down = NAMES("ae1027a6acf0")},
    {.id = "27d0155af2cb", .message = "", .down = NAMES("1975ea83b712"), .labels = NAMES("till")},
    {.id = "55af2cb1c267", .message = "", .down = NAMES("27d0155af2cb")},
    {.id = "merge", .message = "", .down = NAMES("d747a8a8879f", "55af2cb1c267")},
    {.id = "3cac04ae8714", .message = "", .labels = NAMES("net")},
    {.id = "109ec7d132bf", .message = "", .down = NAMES("3cac04ae8714"), .depends = NAMES("till")},
};

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* Succeeds with indexes of the graph, or fails with a code, a message and a hint. */
static void expect_answer(const struct graph *graph, bool ok, const struct indexes *found, const struct error *err)
{
    if (!ok)
        expect(err->code != MIGRATE_OK && *err->message && *err->hint);
    for (size_t i = 0; ok && i < found->count; i++)
        expect(found->items[i] < graph->count);
}

static struct names rows_in(struct text text, struct arena *arena)
{
    struct name_list rows = {0};
    while (text.length && rows.count < 16) {
        struct text word = text_split(text, ' ', &text);
        ARENA_PUSH(arena, &rows, arena_copy(arena, word.at, word.length));
    }
    return names_of(&rows);
}

static void ask_target(const struct graph *graph, const char *wanted, struct names rows, struct arena *arena)
{
    struct error err = {0};
    struct target target;
    struct indexes at = {0}, found = {0};
    bool ok = target_parse(wanted, arena, &target, &err);
    expect_answer(graph, ok, &found, &err);
    if (!ok)
        return;
    bool known = rows_resolve(graph, rows, arena, &at, &err);
    ok = target_resolve(graph, known ? &at : NULL, &target, arena, &found, &err);
    expect_answer(graph, ok, &found, &err);

    struct plan plan;
    if (!plan_upgrade(graph, rows, &target, arena, &plan, &err))
        expect_answer(graph, false, NULL, &err);
    if (!plan_downgrade(graph, rows, &target, arena, &plan, &err))
        expect_answer(graph, false, NULL, &err);
    if (!plan_stamp(graph, rows, &target, 1, !known, arena, &plan, &err))
        expect_answer(graph, false, NULL, &err);
}

static void ask_range(const struct graph *graph, const char *wanted, struct names rows, struct arena *arena)
{
    struct error err = {0};
    struct range range;
    struct indexes at = {0}, from = {0}, found = {0};
    bool ok = range_parse(wanted, arena, &range, &err);
    expect_answer(graph, ok, &found, &err);
    if (!ok)
        return;
    bool known = rows_resolve(graph, rows, arena, &at, &err);
    ok = range_resolve(graph, known ? &at : NULL, &range, arena, &found, &err);
    expect_answer(graph, ok, &found, &err);
    ok = range_ends(graph, known ? &at : NULL, &range, false, arena, &from, &found, &err);
    expect_answer(graph, ok, &found, &err);
    expect_answer(graph, ok, &from, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct error err = {0};
    struct graph graph;
    expect(graph_build(revisions, sizeof revisions / sizeof revisions[0], &arena, &graph, &err));
    struct text rest, text = {.at = (const char *)data, .length = size};
    struct text line = text_split(text, '\n', &rest);
    const char *wanted = arena_copy(&arena, line.at, line.length);
    struct names rows = rows_in(text_trim(rest), &arena);
    ask_target(&graph, wanted, rows, &arena);
    ask_range(&graph, wanted, rows, &arena);
    arena_free(&arena);
    return 0;
}
