/* plan_test.c: the steps between where a database is and where it should be, and what each does to the version rows. */
#include "unit/graph_language.h"

static const char linear[] = "a:; b: a; c: b; d: c; e: d";

/*      a          */
/*     / \         */
/*    b   c        */
/*     \ /         */
/*      d          */
static const char diamond[] = "a:; b: a; c: a; d: b c";

/*      a - b - c1[shop] - d1     */
/*           \                    */
/*            c2[till] - d2       */
static const char forked[] = "a:; b: a; c1[shop]: b; d1: c1; c2[till]: b; d2: c2";

/*    x1[x] - x2 - x3                           */
/*        \                                     */
/*    y1[y] - y2 - y3    (y2 depends on x1)     */
static const char depending[] = "x1[x]:; x2: x1; x3: x2; y1[y]:; y2: y1 / x1; y3: y2";

enum verb { UPGRADE, DOWNGRADE, STAMP, STAMP_PURGE };

static bool planned(enum verb verb, const struct graph *graph, struct names rows, const char *wanted,
                    struct arena *arena, struct plan *plan, struct error *err)
{
    struct names texts = words(wanted, arena);
    struct target *targets = ARENA_ARRAY(arena, texts.count, struct target);
    for (size_t i = 0; i < texts.count; i++)
        if (!target_parse(texts.items[i], arena, &targets[i], err))
            return false;
    if (verb == UPGRADE)
        return plan_upgrade(graph, rows, targets, arena, plan, err);
    if (verb == DOWNGRADE)
        return plan_downgrade(graph, rows, targets, arena, plan, err);
    return plan_stamp(graph, rows, targets, texts.count, verb == STAMP_PURGE, arena, plan, err);
}

/* Plays the changes on the rows and fails where one of them could not be made. */
static struct names after_changes(const struct plan *plan, struct arena *arena)
{
    struct name_list rows = {0};
    for (size_t i = 0; i < plan->from.count; i++)
        ARENA_PUSH(arena, &rows, plan->from.items[i]);
    for (size_t s = 0; s < plan->step_count; s++)
        for (size_t c = 0; c < plan->steps[s].changes.count; c++) {
            struct row_change change = plan->steps[s].changes.items[c];
            assert_true(change.from || change.to);
            assert_false(change.to && names_have(names_of(&rows), change.to));
            size_t at = 0;
            while (change.from && at < rows.count && strcmp(rows.items[at], change.from) != 0)
                at++;
            if (!change.from)
                ARENA_PUSH(arena, &rows, change.to);
            else if (at == rows.count)
                fail_msg("there is no row %s to change", change.from);
            else
                rows.items[at] = change.to ? change.to : rows.items[--rows.count];
        }
    for (size_t i = 1; i < rows.count; i++)
        for (size_t j = i; j > 0 && strcmp(rows.items[j - 1], rows.items[j]) > 0; j--) {
            const char *other = rows.items[j];
            rows.items[j] = rows.items[j - 1];
            rows.items[j - 1] = other;
        }
    return names_of(&rows);
}

/* "STEPS | CHANGES | ROWS AFTER", or "code: message [hint]". */
static const char *outcome(enum verb verb, const char *language, const char *rows, const char *wanted,
                           struct arena *arena)
{
    struct graph graph = graph_of(language, arena);
    struct plan plan;
    struct error err = {0};
    if (!planned(verb, &graph, words(rows, arena), wanted, arena, &plan, &err))
        return complaint(&err, arena);
    assert_string_equal(joined(after_changes(&plan, arena), arena), joined(plan.to, arena));
    return arena_printf(arena, "%s | %s | %s", steps_of(&graph, &plan, arena), changes_of(&plan, arena),
                        joined(plan.to, arena));
}

static void assert_outcome(enum verb verb, const char *language, const char *rows, const char *wanted,
                           const char *expected)
{
    struct arena arena = {0};
    const char *got = outcome(verb, language, rows, wanted, &arena);
    if (strcmp(got, expected) != 0)
        fail_msg("from \"%s\" to \"%s\" in \"%s\":\n  expected %s\n  got      %s", rows, wanted, language, expected,
                 got);
    arena_free(&arena);
}

static void assert_upgrade(const char *language, const char *rows, const char *wanted, const char *expected)
{
    assert_outcome(UPGRADE, language, rows, wanted, expected);
}

static void assert_downgrade(const char *language, const char *rows, const char *wanted, const char *expected)
{
    assert_outcome(DOWNGRADE, language, rows, wanted, expected);
}

static void assert_stamp(const char *language, const char *rows, const char *wanted, const char *expected)
{
    assert_outcome(STAMP, language, rows, wanted, expected);
}

/* --- upgrade --- */

static void what_is_not_applied_is_run_in_order(void **state)
{
    (void)state;
    assert_upgrade(linear, "", "c", "+a +b +c | >a a>b b>c | c");
    assert_upgrade(linear, "b", "head", "+c +d +e | b>c c>d d>e | e");
}

static void what_is_applied_is_not_run_again(void **state)
{
    (void)state;
    assert_upgrade(diamond, "b", "d", "+c +d | >c c>&b>d | d");
}

static void a_merge_deletes_all_parents_rows_but_one_and_moves_that(void **state)
{
    (void)state;
    assert_upgrade("a:; b:; c:; m: a b c", "a b c", "m", "+m | b>&c>&a>m | m");
}

static void an_applied_target_gives_no_steps(void **state)
{
    (void)state;
    assert_upgrade(linear, "c", "c", " |  | c");
    assert_upgrade(linear, "c", "a", " |  | c");
    assert_upgrade(linear, "c", "base", " |  | c");
    assert_upgrade(forked, "d1 c2", "current", " |  | c2 d1");
    assert_upgrade("", "", "head", " |  | ");
}

static void a_relative_target_that_is_the_row_gives_no_steps(void **state)
{
    (void)state;
    assert_upgrade(linear, "c", "a+2", " |  | c");
    assert_upgrade(linear, "", "a-1", " |  | ");
}

static void a_relative_target_below_the_rows_is_an_error(void **state)
{
    (void)state;
    assert_upgrade(linear, "c", "-1",
                   "out_of_range: \"-1\" is b, which is below where the database is (c) [To go there, downgrade.]");
    assert_upgrade(
        linear, "c", "-3",
        "out_of_range: \"-3\" is the base, which is below where the database is (c) [To go there, downgrade.]");
    assert_upgrade(linear, "d", "e-3",
                   "out_of_range: \"e-3\" is b, which is below where the database is (d) [To go there, downgrade.]");
}

static void a_dependency_is_applied_first(void **state)
{
    (void)state;
    assert_upgrade(depending, "", "y2", "+x1 +y1 +y2 | >x1 >y1 x1>&y1>y2 | y2");
}

static void a_row_that_a_dependency_implies_goes(void **state)
{
    (void)state;
    assert_upgrade(depending, "x1 y1", "y2", "+y2 | x1>&y1>y2 | y2");
    assert_upgrade(depending, "x2 y1", "y2", "+y2 | y1>y2 | x2 y2");
}

static void an_implied_revision_that_grows_on_gets_a_row(void **state)
{
    (void)state;
    assert_upgrade(depending, "y2", "x@head", "+x2 +x3 | >x2 x2>x3 | x3 y2");
}

static void a_dependency_that_is_the_parent_too_counts_once(void **state)
{
    (void)state;
    assert_upgrade("a:; b: a / a", "", "b", "+a +b | >a a>b | b");
}

static void heads_are_every_head(void **state)
{
    (void)state;
    assert_upgrade(forked, "b", "heads", "+c1 +c2 +d1 +d2 | b>c1 >c2 c1>d1 c2>d2 | d1 d2");
}

static void head_of_a_branch_leaves_the_others_alone(void **state)
{
    (void)state;
    assert_upgrade(forked, "c1", "till@head", "+c2 +d2 | >c2 c2>d2 | c1 d2");
}

static void a_row_without_file_stops_every_change(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (enum verb verb = UPGRADE; verb <= STAMP; verb++) {
        const char *got = outcome(verb, linear, "zz", "a", &arena);
        if (strncmp(got, "unknown_row: ", 13) != 0)
            fail_msg("expected an unknown row, got %s", got);
    }
    arena_free(&arena);
}

/* --- downgrade --- */

static void what_stands_on_the_target_is_removed_newest_first(void **state)
{
    (void)state;
    assert_downgrade(linear, "d", "b", "-d -c | d>c c>b | b");
    assert_downgrade(linear, "c", "base", "-c -b -a | c>b b>a a> | ");
}

static void a_merge_taken_back_gives_each_parent_its_row(void **state)
{
    (void)state;
    assert_downgrade(diamond, "d", "b", "-d | d>b&>c | b c");
    assert_downgrade(diamond, "d", "a", "-d -c -b | d>b&>c c> b>a | a");
}

static void whatever_depends_on_a_removed_revision_is_removed(void **state)
{
    (void)state;
    assert_downgrade(depending, "y3 x2", "x@base", "-y3 -y2 -x2 -x1 | y3>y2 y2>y1 x2>x1 x1> | y1");
}

static void what_stays_applied_and_loses_its_row_gets_its_own(void **state)
{
    (void)state;
    assert_downgrade(depending, "y3", "y1", "-y3 -y2 | y3>y2 y2>y1&>x1 | x1 y1");
    assert_downgrade(depending, "y2", "y@base", "-y2 -y1 | y2>y1&>x1 y1> | x1");
}

static void with_a_branch_it_starts_from_the_targets_children_there(void **state)
{
    (void)state;
    assert_downgrade(forked, "d1 d2", "till@b", "-d2 -c2 | d2>c2 c2> | d1");
    assert_downgrade(forked, "d1 d2", "b", "-d2 -d1 -c2 -c1 | d2>c2 d1>c1 c2> c1>b | b");
}

static void a_bare_offset_takes_back_the_rows_own_line_only(void **state)
{
    (void)state;
    /*    a - b - c    c depends on x, which stands on a too    */
    /*     \                                                    */
    /*      x                                                   */
    assert_downgrade("a:; b: a; c: b / x; x: a", "c", "-2", "-c -b | c>b&>x b> | x");
    assert_downgrade(depending, "y2", "-2", "-y2 -y1 | y2>y1&>x1 y1> | x1");
    assert_downgrade(depending, "y2", "current-2", "-y2 -y1 | y2>y1&>x1 y1> | x1");
}

static void an_applied_head_as_target_removes_nothing(void **state)
{
    (void)state;
    assert_downgrade(linear, "c", "c", " |  | c");
    assert_downgrade(forked, "d1 c2", "c2", " |  | c2 d1");
    assert_downgrade(depending, "y2", "x1", " |  | y2");
    assert_downgrade(forked, "d1 c2", "current", " |  | c2 d1");
    assert_downgrade(linear, "", "base", " |  | ");
    assert_downgrade("", "", "head", " |  | ");
}

static void a_branch_at_current_never_stands_for_base(void **state)
{
    (void)state;
    /* a is on the branch and applied, though the branch has no row */
    assert_downgrade(forked, "d1", "till@current", " |  | d1");
}

static void a_target_that_is_not_applied_is_an_error(void **state)
{
    (void)state;
    assert_downgrade(
        linear, "b", "c",
        "out_of_range: cannot downgrade to c: it is not applied; the database is at b [To go there, upgrade; "
        "migrate history lists what is below.]");
    assert_downgrade(linear, "", "c",
                     "out_of_range: cannot downgrade to c: nothing is applied [There is nothing to do.]");
    assert_downgrade(
        linear, "b", "+1",
        "out_of_range: cannot downgrade to c: it is not applied; the database is at b [To go there, upgrade; "
        "migrate history lists what is below.]");
}

static void a_downgrade_goes_to_one_target(void **state)
{
    (void)state;
    assert_downgrade(
        forked, "d1 d2", "heads",
        "multiple_heads: \"heads\" names 2 revisions, and a downgrade goes to one: d1, d2 [Name one of them, "
        "or its branch as BRANCH@head.]");
}

/* --- rows that imply one another --- */

static void redundant_rows_are_named_and_removed_by_the_first_step(void **state)
{
    (void)state;
    assert_upgrade(linear, "a c", "head", "+d +e | a>&c>d d>e | e");
    assert_downgrade(linear, "a b c", "b", "-c | a>&b>&c>b | b");
    assert_upgrade(depending, "x1 y2", "y3", "+y3 | x1>&y2>y3 | y3");

    struct arena arena = {0};
    struct graph graph = graph_of(linear, &arena);
    struct plan plan;
    struct error err = {0};
    assert_true(planned(UPGRADE, &graph, words("c a", &arena), "head", &arena, &plan, &err));
    assert_string_equal(joined(plan.redundant, &arena), "a");
    assert_string_equal(joined(plan.from, &arena), "a c");
    arena_free(&arena);
}

static void redundant_rows_stay_when_there_is_nothing_to_do(void **state)
{
    (void)state;
    assert_upgrade(linear, "a c", "c", " |  | a c");
    assert_downgrade(linear, "a c", "c", " |  | a c");
}

static void a_row_given_twice_is_one_row(void **state)
{
    (void)state;
    assert_upgrade(linear, "c c", "d", "+d | c>d | d");
}

/* --- stamp --- */

static void stamp_moves_the_row_of_the_lineage(void **state)
{
    (void)state;
    assert_stamp(linear, "b", "d", "stamp | b>d | d");
    assert_stamp(linear, "d", "b", "stamp | d>b | b");
    assert_stamp(linear, "", "c", "stamp | >c | c");
}

static void stamp_leaves_other_branches_alone(void **state)
{
    (void)state;
    assert_stamp(forked, "d1", "d2", "stamp | >d2 | d1 d2");
    assert_stamp(forked, "d1 d2", "c2", "stamp | d2>c2 | c2 d1");
    assert_stamp(forked, "d1 d2", "b", "stamp | d1>&d2>b | b");
}

static void stamp_follows_dependencies_like_any_ancestor(void **state)
{
    (void)state;
    assert_stamp(depending, "x1", "y2", "stamp | x1>y2 | y2");
    assert_stamp(depending, "y2", "x1", "stamp | y2>x1 | x1");
}

static void stamp_where_it_is_already_changes_nothing(void **state)
{
    (void)state;
    assert_stamp(linear, "c", "c", " |  | c");
    assert_stamp(linear, "c", "c c", " |  | c");
    assert_stamp(forked, "c1 d2", "current", " |  | c1 d2");
}

static void stamp_takes_several_revisions_at_once(void **state)
{
    (void)state;
    assert_stamp(forked, "b", "d2 d1", "stamp | b>d1&>d2 | d1 d2");
    assert_stamp("a:; b: a; c: a; d: b c", "d", "b c", "stamp | d>b&>c | b c");
}

static void stamp_base_removes_all_rows(void **state)
{
    (void)state;
    assert_stamp(forked, "d1 d2", "base", "stamp | d1>&d2> | ");
    assert_stamp(forked, "", "base", " |  | ");
}

static void stamp_base_of_a_branch_removes_its_rows_only(void **state)
{
    (void)state;
    assert_stamp(forked, "d1 d2", "till@base", "stamp | d2> | d1");
    assert_stamp(depending, "x2 y2", "y@base", "stamp | y2> | x2");
    /* what depends on the branch cannot stay either: its row would say that the branch is applied */
    assert_stamp(depending, "x2 y2", "x@base", "stamp | x2>&y2> | ");
}

static void stamp_base_with_a_revision_leaves_that_alone(void **state)
{
    (void)state;
    assert_stamp(depending, "x2 y1", "base y3", "stamp | x2>&y1>y3 | y3");
}

static void stamp_refuses_a_revision_with_its_ancestor(void **state)
{
    (void)state;
    assert_stamp(linear, "a", "b d",
                 "usage: cannot stamp d together with b, its ancestor [Name d alone: it says that b is applied too.]");
    assert_stamp(
        depending, "", "x1 y3",
        "usage: cannot stamp y3 together with x1, its ancestor [Name y3 alone: it says that x1 is applied too.]");
}

static void stamp_heads_gives_no_row_to_a_head_that_another_implies(void **state)
{
    (void)state;
    assert_stamp("a:; b: / a", "", "heads", "stamp | >b | b");
}

static void stamp_relative_counts_from_the_row(void **state)
{
    (void)state;
    assert_stamp(linear, "c", "-1", "stamp | c>b | b");
    assert_stamp(forked, "c1 c2", "till@+1", "stamp | c2>d2 | c1 d2");
    assert_stamp(depending, "y1", "-1", "stamp | y1> | ");
}

static void stamp_makes_rows_minimal(void **state)
{
    (void)state;
    assert_stamp(forked, "a c1", "d2", "stamp | a>d2 | c1 d2");
}

static void stamp_purge_removes_all_rows_first_also_unknown_ones(void **state)
{
    (void)state;
    assert_outcome(STAMP_PURGE, forked, "d1 zz", "c2", "stamp | d1>&zz>c2 | c2");
    assert_outcome(STAMP_PURGE, forked, "zz", "base", "stamp | zz> | ");
    assert_outcome(STAMP_PURGE, forked, "d1 d2", "d2", "stamp | d1> | d2");
    assert_outcome(STAMP_PURGE, forked, "d1 d2", "shop@-1", "stamp | d1>&d2>c1 | c1");
}

static void stamp_purge_still_needs_known_rows_to_count_from(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *got = outcome(STAMP_PURGE, linear, "zz", "+1", &arena);
    if (strncmp(got, "unknown_row: ", 13) != 0)
        fail_msg("expected an unknown row, got %s", got);
    arena_free(&arena);
}

/* --- where it is --- */

static void assert_current(const char *language, const char *rows, const char *expected, bool expected_at_heads)
{
    struct arena arena = {0};
    struct graph graph = graph_of(language, &arena);
    struct indexes heads;
    struct error err = {0};
    bool at_heads;
    assert_true(plan_current(&graph, words(rows, &arena), &arena, &heads, &err));
    assert_true(plan_at_heads(&graph, words(rows, &arena), &arena, &at_heads, &err));
    assert_string_equal(ids(&graph, &heads, &arena), expected);
    assert_int_equal(at_heads, expected_at_heads);
    arena_free(&arena);
}

static void current_shows_implied_heads_too_newest_first(void **state)
{
    (void)state;
    assert_current(depending, "y2", "y2 x1", false);
    assert_current(linear, "c", "c", false);
    assert_current(linear, "", "", false);
    assert_current(linear, "a c", "c", false);
}

static void heads_that_are_implied_count_as_applied(void **state)
{
    (void)state;
    assert_current("a:; b: / a", "b", "b a", true);
    assert_current("a:; b: / a", "a", "a", false);
    assert_current(forked, "d1 d2", "d2 d1", true);
    assert_current(forked, "d1", "d1", false);
    assert_current("", "", "", true);
}

/* --- all at once --- */

/* Small graphs drawn at random, with every property that must hold of any plan asked of each. */
static unsigned draw(uint64_t *seed, unsigned below)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(*seed >> 33) % below;
}

static const char *random_graph(uint64_t *seed, size_t count, struct arena *arena)
{
    struct buffer text = {.arena = arena};
    for (size_t i = 0; i < count; i++) {
        buffer_printf(&text, "r%zu: ", i);
        for (unsigned parents = i ? draw(seed, 3) : 0; parents > 0; parents--)
            buffer_printf(&text, "r%u ", draw(seed, (unsigned)i));
        buffer_string(&text, "/ ");
        if (i && draw(seed, 4) == 0)
            buffer_printf(&text, "r%u", draw(seed, (unsigned)i));
        buffer_string(&text, "; ");
    }
    return buffer_done(&text);
}

static struct index_set applied_by(const struct graph *graph, struct names rows, struct arena *arena)
{
    struct indexes found;
    struct error err = {0};
    assert_true(rows_resolve(graph, rows, arena, &found, &err));
    return graph_closure(graph, &found, arena);
}

/* Each revision goes on top of what it needs and comes off with nothing on it, and at the end the rows say what is. */
static void assert_sound(const struct graph *graph, const struct plan *plan, struct arena *arena)
{
    struct index_set applied = applied_by(graph, plan->from, arena);
    for (size_t s = 0; s < plan->step_count; s++) {
        size_t index = plan->steps[s].revision;
        bool up = plan->steps[s].direction == DIRECTION_UPGRADE;
        const struct indexes *around[] = {up ? &graph->down[index] : &graph->children[index],
                                          up ? &graph->depends[index] : &graph->needed_by[index]};
        assert_int_equal(index_set_has(&applied, index), !up);
        for (size_t a = 0; a < 2; a++)
            for (size_t k = 0; k < around[a]->count; k++)
                assert_int_equal(index_set_has(&applied, around[a]->items[k]), up);
        if (up)
            index_set_add(&applied, index);
        else
            index_set_remove(&applied, index);
    }
    struct index_set said = applied_by(graph, plan->to, arena);
    assert_string_equal(set_ids(graph, &said, arena), set_ids(graph, &applied, arena));
    assert_string_equal(joined(after_changes(plan, arena), arena), joined(plan->to, arena));
    struct indexes fewest = graph_heads_of(graph, &applied, true, arena);
    if (plan->step_count)
        assert_int_equal(fewest.count, plan->to.count);
}

static void every_plan_on_random_graphs_is_sound(void **state)
{
    (void)state;
    uint64_t seed = 20261120;
    size_t ups = 0, downs = 0;
    for (size_t round = 0; round < 3000; round++) {
        struct arena arena = {0};
        struct error err = {0};
        size_t count = 2 + draw(&seed, 12);
        struct graph graph = graph_of(random_graph(&seed, count, &arena), &arena);
        struct plan plan;
        const char *some = arena_printf(&arena, "r%u r%u", draw(&seed, (unsigned)count), draw(&seed, (unsigned)count));
        const char *target = arena_printf(&arena, "r%u", draw(&seed, (unsigned)count));
        assert_true(planned(UPGRADE, &graph, words(some, &arena), target, &arena, &plan, &err));
        assert_sound(&graph, &plan, &arena);
        ups += plan.step_count > 0;
        if (planned(DOWNGRADE, &graph, plan.to, draw(&seed, 3) ? target : "base", &arena, &plan, &err)) {
            assert_sound(&graph, &plan, &arena);
            downs += plan.step_count > 0;
        }
        arena_free(&arena);
    }
    assert_true(ups > 500 && downs > 500);
}

static void a_long_history_goes_up_and_down(void **state)
{
    (void)state;
    enum { DEPTH = 5000 };
    struct arena arena = {0};
    struct buffer text = {.arena = &arena};
    buffer_string(&text, "r0000:");
    for (int i = 1; i < DEPTH; i++)
        buffer_printf(&text, "; r%04d: r%04d", i, i - 1);
    struct graph graph = graph_of(buffer_done(&text), &arena);
    struct plan plan;
    struct error err = {0};
    assert_true(planned(UPGRADE, &graph, (struct names){0}, "head", &arena, &plan, &err));
    assert_int_equal(plan.step_count, DEPTH);
    assert_true(planned(DOWNGRADE, &graph, plan.to, "-4999", &arena, &plan, &err));
    assert_int_equal(plan.step_count, DEPTH - 1);
    assert_string_equal(joined(plan.to, &arena), "r0000");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_applied_is_run_in_order),
        cmocka_unit_test(what_is_applied_is_not_run_again),
        cmocka_unit_test(a_merge_deletes_all_parents_rows_but_one_and_moves_that),
        cmocka_unit_test(an_applied_target_gives_no_steps),
        cmocka_unit_test(a_relative_target_that_is_the_row_gives_no_steps),
        cmocka_unit_test(a_relative_target_below_the_rows_is_an_error),
        cmocka_unit_test(a_dependency_is_applied_first),
        cmocka_unit_test(a_row_that_a_dependency_implies_goes),
        cmocka_unit_test(an_implied_revision_that_grows_on_gets_a_row),
        cmocka_unit_test(a_dependency_that_is_the_parent_too_counts_once),
        cmocka_unit_test(heads_are_every_head),
        cmocka_unit_test(head_of_a_branch_leaves_the_others_alone),
        cmocka_unit_test(a_row_without_file_stops_every_change),
        cmocka_unit_test(what_stands_on_the_target_is_removed_newest_first),
        cmocka_unit_test(a_merge_taken_back_gives_each_parent_its_row),
        cmocka_unit_test(whatever_depends_on_a_removed_revision_is_removed),
        cmocka_unit_test(what_stays_applied_and_loses_its_row_gets_its_own),
        cmocka_unit_test(with_a_branch_it_starts_from_the_targets_children_there),
        cmocka_unit_test(a_bare_offset_takes_back_the_rows_own_line_only),
        cmocka_unit_test(an_applied_head_as_target_removes_nothing),
        cmocka_unit_test(a_branch_at_current_never_stands_for_base),
        cmocka_unit_test(a_target_that_is_not_applied_is_an_error),
        cmocka_unit_test(a_downgrade_goes_to_one_target),
        cmocka_unit_test(redundant_rows_are_named_and_removed_by_the_first_step),
        cmocka_unit_test(redundant_rows_stay_when_there_is_nothing_to_do),
        cmocka_unit_test(a_row_given_twice_is_one_row),
        cmocka_unit_test(stamp_moves_the_row_of_the_lineage),
        cmocka_unit_test(stamp_leaves_other_branches_alone),
        cmocka_unit_test(stamp_follows_dependencies_like_any_ancestor),
        cmocka_unit_test(stamp_where_it_is_already_changes_nothing),
        cmocka_unit_test(stamp_takes_several_revisions_at_once),
        cmocka_unit_test(stamp_base_removes_all_rows),
        cmocka_unit_test(stamp_base_of_a_branch_removes_its_rows_only),
        cmocka_unit_test(stamp_base_with_a_revision_leaves_that_alone),
        cmocka_unit_test(stamp_refuses_a_revision_with_its_ancestor),
        cmocka_unit_test(stamp_heads_gives_no_row_to_a_head_that_another_implies),
        cmocka_unit_test(stamp_relative_counts_from_the_row),
        cmocka_unit_test(stamp_makes_rows_minimal),
        cmocka_unit_test(stamp_purge_removes_all_rows_first_also_unknown_ones),
        cmocka_unit_test(stamp_purge_still_needs_known_rows_to_count_from),
        cmocka_unit_test(current_shows_implied_heads_too_newest_first),
        cmocka_unit_test(heads_that_are_implied_count_as_applied),
        cmocka_unit_test(every_plan_on_random_graphs_is_sound),
        cmocka_unit_test(a_long_history_goes_up_and_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
