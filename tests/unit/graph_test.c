/* graph_test.c: connecting revisions, their one order, and what is said of a graph that is none. */
#include "unit/graph_language.h"

static const char linear[] = "a:; b: a; c: b; d: c; e: d";

/*      a          */
/*     / \         */
/*    b   c        */
/*     \ /         */
/*      d          */
static const char diamond[] = "a:; b: a; c: a; d: b c";

static void assert_order(const char *language, const char *expected)
{
    struct arena arena = {0};
    struct graph graph = graph_of(language, &arena);
    struct indexes order = {.items = graph.order, .count = graph.count};
    assert_string_equal(ids(&graph, &order, &arena), expected);
    for (size_t i = 0; i < graph.count; i++)
        assert_int_equal(graph.order[graph.rank[i]], i);
    arena_free(&arena);
}

/* "place: code: message [hint]", the place as PATH:LINE. */
static void assert_refused(const char *language, const char *expected)
{
    struct arena arena = {0};
    struct error err = {0};
    struct graph graph;
    if (try_graph(language, &arena, &graph, &err))
        fail_msg("\"%s\" was taken for a graph", language);
    assert_string_equal(arena_printf(&arena, "%s:%u: %s", err.path, err.line, complaint(&err, &arena)), expected);
    arena_free(&arena);
}

static void no_revisions_are_a_graph(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct graph graph = graph_of("", &arena);
    assert_int_equal(graph.count, 0);
    assert_int_equal(graph_heads(&graph, false, &arena).count, 0);
    assert_int_equal(graph_bases(&graph, &arena).count, 0);
    assert_true(graph_find(&graph, "a") == (size_t)GRAPH_NONE);
    arena_free(&arena);
}

static void parents_come_first_in_whatever_order_files_are_read(void **state)
{
    (void)state;
    assert_order(linear, "a b c d e");
    assert_order("e: d; d: c; c: b; b: a; a:", "a b c d e");
}

static void where_parents_leave_a_choice_the_id_decides(void **state)
{
    (void)state;
    assert_order("d: c b; c: a; b: a; a:", "a b c d");
    assert_order("z:; y:; x:", "x y z");
}

static void the_create_date_decides_before_the_id(void **state)
{
    (void)state;
    assert_order("a:; b@9: a; c@5: a; d: b c", "a c b d");
    assert_order("a@2:; b@1:", "b a");
}

static void a_file_without_create_date_comes_last(void **state)
{
    (void)state;
    assert_order("a:; b@7:; c@-3:", "c b a");
}

static void a_date_never_moves_a_revision_before_its_parent(void **state)
{
    (void)state;
    assert_order("a@9:; b@1: a", "a b");
}

static void dependencies_come_first_like_parents(void **state)
{
    (void)state;
    assert_order("a: / z; z:", "z a");
}

static void a_dependency_may_be_a_label(void **state)
{
    (void)state;
    assert_order("a: / shop; z[shop]:", "z a");
}

static void a_revision_that_is_ready_late_still_takes_its_turn(void **state)
{
    (void)state;
    /* b waits for z; once z is there b comes before the rest that was ready all along */
    assert_order("z@1:; b@2: z; y@3:; x@4:", "z b y x");
}

static void assert_neighbours(const char *language, const char *id, const char *down, const char *depends,
                              const char *children, const char *needed_by)
{
    struct arena arena = {0};
    struct graph g = graph_of(language, &arena);
    size_t i = graph_find(&g, id);
    assert_true(i < g.count);
    assert_string_equal(ids(&g, &g.down[i], &arena), down);
    assert_string_equal(ids(&g, &g.depends[i], &arena), depends);
    assert_string_equal(ids(&g, &g.children[i], &arena), children);
    assert_string_equal(ids(&g, &g.needed_by[i], &arena), needed_by);
    arena_free(&arena);
}

static void neighbours_are_known_both_ways_in_order(void **state)
{
    (void)state;
    assert_neighbours(diamond, "a", "", "", "b c", "");
    assert_neighbours(diamond, "d", "b c", "", "", "");
    assert_neighbours("x:; c: / x; b: / x; d: / c b", "x", "", "", "", "b c");
    assert_neighbours("x:; c: / x; b: / x; d: / c b", "d", "", "b c", "", "");
}

static void a_parent_named_twice_is_one_parent(void **state)
{
    (void)state;
    assert_neighbours("a:; b: a a / a a", "b", "a", "a", "", "");
    assert_neighbours("a:; b: a a / a a", "a", "", "", "b", "b");
}

static void an_id_in_two_files_is_refused(void **state)
{
    (void)state;
    assert_refused("a:; b: a; b:",
                   "b.sql:1: duplicate: revision id b stands in two files: b.sql and b.sql [Give one of "
                   "them another Revision ID, or delete the copy.]");
}

static void a_label_on_two_branches_is_refused(void **state)
{
    (void)state;
    assert_refused("a[x]:; b[x]:",
                   "b.sql:3: duplicate: branch label \"x\" of revision b is also a label of revision a [A "
                   "label names one branch; give one of the two another name.]");
}

static void a_label_that_is_an_id_is_refused(void **state)
{
    (void)state;
    assert_refused("a[b]:; b:", "a.sql:3: duplicate: branch label \"b\" of revision a is also the id of a revision [A "
                                "label names one branch; give one of the two another name.]");
}

static void a_parent_that_no_file_has_is_refused_with_the_closest_id(void **state)
{
    (void)state;
    assert_refused("27c6a30d7c24:; b: 27c6a30d7c42",
                   "b.sql:2: missing_parent: revision b revises 27c6a30d7c42, which no file has [Did you mean "
                   "27c6a30d7c24? Otherwise bring the missing file back.]");
}

static void a_parent_is_an_id_in_full(void **state)
{
    (void)state;
    assert_refused("27c6a30d7c24:; b: 27c6",
                   "b.sql:2: missing_parent: revision b revises 27c6, which no file has [Did you mean 27c6a30d7c24? "
                   "Otherwise bring the missing file back.]");
}

static void a_label_as_parent_is_refused_with_the_id_to_write(void **state)
{
    (void)state;
    assert_refused("a[shop]:; b: shop",
                   "b.sql:2: missing_parent: revision b revises shop, which no file has [\"shop\" is "
                   "a branch label; Revises takes ids: write a.]");
}

static void a_dependency_that_no_file_has_is_refused(void **state)
{
    (void)state;
    assert_refused("a: / 9f", "a.sql:4: missing_parent: revision a depends on 9f, which no file has [Bring the missing "
                              "file back, or correct the line.]");
}

static void a_cycle_names_its_members_and_nobody_else(void **state)
{
    (void)state;
    /* x is below the cycle, y above it */
    assert_refused(
        "x:; c: b; a: c x; b: a; y: c",
        "a.sql:2: cycle: revisions go round in a circle: a revises c, c revises b, b revises a [Correct one of "
        "these lines so that no revision comes before itself.]");
}

static void a_cycle_may_go_over_dependencies(void **state)
{
    (void)state;
    assert_refused(
        "a: / c; b: a; c: b; d:",
        "a.sql:4: cycle: revisions go round in a circle: a depends on c, c revises b, b revises a [Correct one "
        "of these lines so that no revision comes before itself.]");
}

static void a_revision_cannot_revise_itself(void **state)
{
    (void)state;
    assert_refused("a: a",
                   "a.sql:2: cycle: revisions go round in a circle: a revises itself [Correct one of these lines "
                   "so that no revision comes before itself.]");
    assert_refused("a[l]: / l", "a.sql:4: cycle: revisions go round in a circle: a depends on itself [Correct one of "
                                "these lines so that no revision comes before itself.]");
}

static void a_long_cycle_is_named_in_part(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buffer text = {.arena = &arena};
    for (int i = 0; i < 100; i++)
        buffer_printf(&text, "r%02d: r%02d; ", i, (i + 1) % 100);
    struct error err = {0};
    struct graph graph;
    assert_false(try_graph(buffer_done(&text), &arena, &graph, &err));
    assert_non_null(strstr(err.message, "r00 revises r01, r01 revises r02"));
    assert_non_null(strstr(err.message, "and so on through 88 more"));
    arena_free(&arena);
}

static void assert_heads(const char *language, const char *heads, const char *effective, const char *bases)
{
    struct arena arena = {0};
    struct graph g = graph_of(language, &arena);
    struct indexes by_revises = graph_heads(&g, false, &arena), by_both = graph_heads(&g, true, &arena);
    struct indexes found = graph_bases(&g, &arena);
    assert_string_equal(ids(&g, &by_revises, &arena), heads);
    assert_string_equal(ids(&g, &by_both, &arena), effective);
    assert_string_equal(ids(&g, &found, &arena), bases);
    arena_free(&arena);
}

static void heads_and_bases_are_the_ends_by_revises(void **state)
{
    (void)state;
    assert_heads(diamond, "d", "d", "a");
    assert_heads("a:; b: a; x:; y: x / b", "b y", "y", "a x");
}

static void branch_and_merge_points_are_counted_by_revises(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct graph g = graph_of("a:; b: a; c: a; d: b c; e: / d; f: / d e", &arena);
    for (size_t i = 0; i < g.count; i++) {
        assert_int_equal(graph_is_branch_point(&g, i), strcmp(g.revisions[i].id, "a") == 0);
        assert_int_equal(graph_is_merge_point(&g, i), strcmp(g.revisions[i].id, "d") == 0);
    }
    arena_free(&arena);
}

static void assert_branches(const char *language, const char *id, const char *expected)
{
    struct arena arena = {0};
    struct graph g = graph_of(language, &arena);
    const char *got = joined(graph_branches(&g, graph_find(&g, id), &arena), &arena);
    if (strcmp(got, expected) != 0)
        fail_msg("%s in \"%s\" is on \"%s\", expected \"%s\"", id, language, got, expected);
    arena_free(&arena);
}

/*      a - b - c1[x] - d1 - f     */
/*           \              /      */
/*            c2[y] -- d2 -'       */
static const char labelled[] = "a:; b: a; c1[x]: b; d1: c1; c2[y]: b; d2: c2; f: d1 d2";

static void a_label_covers_what_descends_from_its_revision(void **state)
{
    (void)state;
    assert_branches(labelled, "c1", "x");
    assert_branches(labelled, "d1", "x");
    assert_branches(labelled, "d2", "y");
    assert_branches(labelled, "f", "x y");
}

static void a_label_reaches_down_to_the_fork(void **state)
{
    (void)state;
    assert_branches(labelled, "b", "");
    assert_branches(labelled, "a", "");
    assert_branches("a:; b: a; c[x]: b", "a", "x");
}

static void a_label_does_not_reach_below_a_merge(void **state)
{
    (void)state;
    assert_branches("a:; b:; m: a b; c[x]: m", "c", "x");
    assert_branches("a:; b:; m: a b; c[x]: m", "m", "");
    assert_branches("a:; b:; m: a b; c[x]: m", "a", "");
}

static void a_label_does_not_follow_dependencies(void **state)
{
    (void)state;
    assert_branches("a[x]:; b: / a", "b", "");
}

static void more_labels_than_bits_in_a_word_are_kept_apart(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buffer text = {.arena = &arena};
    for (int i = 0; i < 150; i++)
        buffer_printf(&text, "r%03d[l%03d]: ; ", i, i);
    buffer_string(&text, "z: r003 r140");
    assert_branches(buffer_done(&text), "z", "l003 l140");
    assert_branches(buffer_done(&text), "r070", "l070");
    arena_free(&arena);
}

static const char *reached(const struct graph *g, const char *id, bool up, bool with_dependencies, struct arena *arena)
{
    struct index_set set = index_set_new(g->count, arena);
    if (up)
        graph_add_descendants(g, graph_find(g, id), with_dependencies, &set, arena);
    else
        graph_add_ancestors(g, graph_find(g, id), with_dependencies, &set, arena);
    return set_ids(g, &set, arena);
}

static void walks_follow_dependencies_only_if_asked(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct graph g = graph_of("a:; b: a; x:; y: x / b; z: y", &arena);
    assert_string_equal(reached(&g, "z", false, false, &arena), "x y z");
    assert_string_equal(reached(&g, "z", false, true, &arena), "a b x y z");
    assert_string_equal(reached(&g, "a", true, false, &arena), "a b");
    assert_string_equal(reached(&g, "a", true, true, &arena), "a b y z");
    arena_free(&arena);
}

static void a_lineage_is_what_is_above_and_below(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct graph g = graph_of(labelled, &arena);
    struct index_set lineage = graph_lineage(&g, graph_find(&g, "c1"), &arena);
    assert_string_equal(set_ids(&g, &lineage, &arena), "a b c1 d1 f");
    arena_free(&arena);
}

static void the_heads_of_a_closure_are_the_fewest_rows(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct graph g = graph_of("a:; b: a; x:; y: x / b; z: y", &arena);
    size_t rows[] = {graph_find(&g, "a"), graph_find(&g, "y"), graph_find(&g, "b")};
    struct index_set closure = graph_closure(&g, &(struct indexes){.items = rows, .count = 3}, &arena);
    struct indexes fewest = graph_heads_of(&g, &closure, true, &arena);
    struct indexes implied_too = graph_heads_of(&g, &closure, false, &arena);
    assert_string_equal(set_ids(&g, &closure, &arena), "a b x y");
    assert_string_equal(ids(&g, &fewest, &arena), "y");
    assert_string_equal(ids(&g, &implied_too, &arena), "b y");
    arena_free(&arena);
}

static void names_are_found_in_full_or_by_their_beginning(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct graph g = graph_of("abc1[shop]:; abc2: abc1; abd[abc_label]: ; b:", &arena);
    struct indexes found = graph_prefixed(&g, "abc", &arena);
    assert_string_equal(ids(&g, &found, &arena), "abc1 abc2 abd");
    found = graph_prefixed(&g, "sh", &arena);
    assert_string_equal(ids(&g, &found, &arena), "abc1");
    found = graph_prefixed(&g, "c", &arena);
    assert_int_equal(found.count, 0);
    assert_string_equal(g.revisions[graph_find(&g, "abd")].id, "abd");
    assert_string_equal(g.revisions[graph_find_label(&g, "shop")].id, "abc1");
    assert_true(graph_find(&g, "abc") == (size_t)GRAPH_NONE);
    assert_true(graph_find_label(&g, "abc1") == (size_t)GRAPH_NONE);
    arena_free(&arena);
}

static void long_names_that_begin_alike_are_told_apart(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct graph g = graph_of("20261120_c:; 20261120_a[shopping_b]: 20261120_c; 20261120_d[shopping_a]:; 20261120_b: "
                              "20261120_a / shopping_a; 20261120:",
                              &arena);
    for (size_t i = 0; i < g.count; i++)
        assert_int_equal(graph_find(&g, g.revisions[i].id), i);
    assert_string_equal(g.revisions[graph_find_label(&g, "shopping_a")].id, "20261120_d");
    assert_string_equal(g.revisions[graph_find_label(&g, "shopping_b")].id, "20261120_a");
    struct indexes found = graph_prefixed(&g, "20261120_", &arena);
    assert_int_equal(found.count, 4);
    arena_free(&arena);
}

static void a_history_of_any_depth_is_walked(void **state)
{
    (void)state;
    enum { DEPTH = 20000 };
    struct arena arena = {0};
    struct revision *revisions = ARENA_ARRAY(&arena, DEPTH, struct revision);
    for (size_t i = 0; i < DEPTH; i++) {
        const char **parent = ARENA_NEW(&arena, const char *);
        revisions[i] = (struct revision){.id = arena_printf(&arena, "r%05zu", i), .message = ""};
        if (i > 0) {
            *parent = revisions[i - 1].id;
            revisions[i].down = (struct names){.items = parent, .count = 1};
        }
    }
    struct graph graph;
    struct error err = {0};
    assert_true(graph_build(revisions, DEPTH, &arena, &graph, &err));
    struct index_set below = index_set_new(DEPTH, &arena), above = index_set_new(DEPTH, &arena);
    graph_add_ancestors(&graph, DEPTH - 1, true, &below, &arena);
    graph_add_descendants(&graph, 0, true, &above, &arena);
    assert_int_equal(graph_sorted(&graph, &below, &arena).count, DEPTH);
    assert_int_equal(graph_sorted(&graph, &above, &arena).count, DEPTH);

    const char *last = revisions[DEPTH - 1].id;
    revisions[0].down = (struct names){.items = &last, .count = 1};
    assert_false(graph_build(revisions, DEPTH, &arena, &graph, &err));
    assert_int_equal(err.code, MIGRATE_CYCLE);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_revisions_are_a_graph),
        cmocka_unit_test(parents_come_first_in_whatever_order_files_are_read),
        cmocka_unit_test(where_parents_leave_a_choice_the_id_decides),
        cmocka_unit_test(the_create_date_decides_before_the_id),
        cmocka_unit_test(a_file_without_create_date_comes_last),
        cmocka_unit_test(a_date_never_moves_a_revision_before_its_parent),
        cmocka_unit_test(dependencies_come_first_like_parents),
        cmocka_unit_test(a_dependency_may_be_a_label),
        cmocka_unit_test(a_revision_that_is_ready_late_still_takes_its_turn),
        cmocka_unit_test(neighbours_are_known_both_ways_in_order),
        cmocka_unit_test(a_parent_named_twice_is_one_parent),
        cmocka_unit_test(an_id_in_two_files_is_refused),
        cmocka_unit_test(a_label_on_two_branches_is_refused),
        cmocka_unit_test(a_label_that_is_an_id_is_refused),
        cmocka_unit_test(a_parent_that_no_file_has_is_refused_with_the_closest_id),
        cmocka_unit_test(a_parent_is_an_id_in_full),
        cmocka_unit_test(a_label_as_parent_is_refused_with_the_id_to_write),
        cmocka_unit_test(a_dependency_that_no_file_has_is_refused),
        cmocka_unit_test(a_cycle_names_its_members_and_nobody_else),
        cmocka_unit_test(a_cycle_may_go_over_dependencies),
        cmocka_unit_test(a_revision_cannot_revise_itself),
        cmocka_unit_test(a_long_cycle_is_named_in_part),
        cmocka_unit_test(heads_and_bases_are_the_ends_by_revises),
        cmocka_unit_test(branch_and_merge_points_are_counted_by_revises),
        cmocka_unit_test(a_label_covers_what_descends_from_its_revision),
        cmocka_unit_test(a_label_reaches_down_to_the_fork),
        cmocka_unit_test(a_label_does_not_reach_below_a_merge),
        cmocka_unit_test(a_label_does_not_follow_dependencies),
        cmocka_unit_test(more_labels_than_bits_in_a_word_are_kept_apart),
        cmocka_unit_test(walks_follow_dependencies_only_if_asked),
        cmocka_unit_test(a_lineage_is_what_is_above_and_below),
        cmocka_unit_test(the_heads_of_a_closure_are_the_fewest_rows),
        cmocka_unit_test(names_are_found_in_full_or_by_their_beginning),
        cmocka_unit_test(long_names_that_begin_alike_are_told_apart),
        cmocka_unit_test(a_history_of_any_depth_is_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
