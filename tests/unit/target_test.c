/* target_test.c: the identifier grammar of the manual, sentence by sentence. */
#include "unit/graph_language.h"

static const char linear[] = "a1:; a2: a1; a3: a2; a4: a3; a5: a4";

/*      a - b - c1[shop] - d1     */
/*           \                    */
/*            c2[till] - d2       */
static const char forked[] = "a:; b: a; c1[shop]: b; d1: c1; c2[till]: b; d2: c2";

/*    a - b - c1[shop] - d1 - e     */
/*         \                /       */
/*          c2[till] - d2 -'        */
static const char merged[] = "a:; b: a; c1[shop]: b; d1: c1; c2[till]: b; d2: c2; e: d1 d2";

/*    x1[x] - x2 - x3     */
/*        \               */
/*         (needed by)    */
/*    y1[y] - y2 - y3     */
static const char depending[] = "x1[x]:; x2: x1; x3: x2; y1[y]:; y2: y1 / x1; y3: y2";

static const char *resolved(const char *language, const char *rows, const char *text, struct arena *arena)
{
    struct graph graph = graph_of(language, arena);
    struct target target;
    struct indexes at, found;
    struct error err = {0};
    if (!target_parse(text, arena, &target, &err) ||
        (rows && !rows_resolve(&graph, words(rows, arena), arena, &at, &err)) ||
        !target_resolve(&graph, rows ? &at : NULL, &target, arena, &found, &err))
        return complaint(&err, arena);
    return ids(&graph, &found, arena);
}

/* What `text` names in a database at `rows` (NULL: not known), or "code: message [hint]". */
static void assert_names(const char *language, const char *rows, const char *text, const char *expected)
{
    struct arena arena = {0};
    const char *got = resolved(language, rows, text, &arena);
    if (strcmp(got, expected) != 0)
        fail_msg("\"%s\" at \"%s\" in \"%s\":\n  expected %s\n  got      %s", text, rows ? rows : "?", language,
                 expected, got);
    arena_free(&arena);
}

/* Only how the answer begins: for where the words are tested elsewhere. */
static void assert_begins(const char *language, const char *rows, const char *text, const char *expected)
{
    struct arena arena = {0};
    const char *got = resolved(language, rows, text, &arena);
    if (strncmp(got, expected, strlen(expected)) != 0)
        fail_msg("\"%s\" at \"%s\" in \"%s\":\n  expected %s\n  got      %s", text, rows ? rows : "?", language,
                 expected, got);
    arena_free(&arena);
}

static void assert_range(const char *language, const char *rows, const char *text, const char *expected)
{
    struct arena arena = {0};
    struct graph graph = graph_of(language, &arena);
    struct range range;
    struct indexes at, found;
    struct error err = {0};
    bool ok = range_parse(text, &arena, &range, &err) &&
              (!rows || rows_resolve(&graph, words(rows, &arena), &arena, &at, &err)) &&
              range_resolve(&graph, rows ? &at : NULL, &range, &arena, &found, &err);
    const char *got = ok ? ids(&graph, &found, &arena) : complaint(&err, &arena);
    if (strcmp(got, expected) != 0)
        fail_msg("range \"%s\" at \"%s\" in \"%s\":\n  expected %s\n  got      %s", text, rows ? rows : "?", language,
                 expected, got);
    arena_free(&arena);
}

/* --- the grammar --- */

static void a_target_is_parsed_into_its_parts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *branch;
        enum symbol symbol;
        const char *name;
        int64_t offset;
    } cases[] = {
        {"head", NULL, SYMBOL_HEAD, NULL, 0},        {"heads", NULL, SYMBOL_HEADS, NULL, 0},
        {"base", NULL, SYMBOL_BASE, NULL, 0},        {"current", NULL, SYMBOL_CURRENT, NULL, 0},
        {"27c6", NULL, SYMBOL_NAME, "27c6", 0},      {"header", NULL, SYMBOL_NAME, "header", 0},
        {"+2", NULL, SYMBOL_NONE, NULL, 2},          {"-13", NULL, SYMBOL_NONE, NULL, -13},
        {"shop@head", "shop", SYMBOL_HEAD, NULL, 0}, {"shop@27c6-1", "shop", SYMBOL_NAME, "27c6", -1},
        {"shop@+1", "shop", SYMBOL_NONE, NULL, 1},   {"base+3", NULL, SYMBOL_BASE, NULL, 3},
        {"2024-1", NULL, SYMBOL_NAME, "2024", -1},   {"\xc3\xa9t\xc3\xa9", NULL, SYMBOL_NAME, "\xc3\xa9t\xc3\xa9", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct target target;
        struct error err = {0};
        if (!target_parse(cases[i].text, &arena, &target, &err))
            fail_msg("\"%s\": %s", cases[i].text, complaint(&err, &arena));
        assert_string_equal(target.text, cases[i].text);
        assert_int_equal(target.symbol, cases[i].symbol);
        assert_int_equal(target.offset, cases[i].offset);
        assert_string_equal(target.name ? target.name : "-", cases[i].name ? cases[i].name : "-");
        assert_string_equal(target.branch ? target.branch : "-", cases[i].branch ? cases[i].branch : "-");
        arena_free(&arena);
    }
}

static void text_outside_the_grammar_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",       " ",   "@",     "@head", "shop@", "a@b@c",   "a@@b", "a+",
                                        "-",      "+-1", "a+1+1", "a+1b",  "a b",   "a,b",     "a:b",  ":",
                                        "<base>", "a\n", "a-b",   "a+ 1",  "1.5+x", "shop@a b"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arena arena = {0};
        struct target target;
        struct error err = {0};
        if (target_parse(texts[i], &arena, &target, &err))
            fail_msg("\"%s\" was taken for a target", texts[i]);
        assert_int_equal(err.code, MIGRATE_USAGE);
        assert_true(*err.message && *err.hint);
        arena_free(&arena);
    }
}

static void no_step_at_all_is_out_of_range(void **state)
{
    (void)state;
    assert_names(linear, "a2", "+0",
                 "out_of_range: \"+0\" walks no step [Write a number from 1, or leave the +0 away.]");
    assert_names(linear, "a2", "a3-00",
                 "out_of_range: \"a3-00\" walks no step [Write a number from 1, or leave the -0 away.]");
}

static void a_number_beyond_all_numbers_is_out_of_range(void **state)
{
    (void)state;
    assert_begins(linear, "a2", "+99999999999999999999", "out_of_range: ");
    assert_begins(linear, "a2", "-9223372036854775807", "out_of_range: ");
    assert_begins(linear, "a2", "a3+9223372036854775806", "out_of_range: ");
}

static void a_range_needs_one_colon(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", "a:b:c", "::"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arena arena = {0};
        struct range range;
        struct error err = {0};
        assert_false(range_parse(texts[i], &arena, &range, &err));
        assert_int_equal(err.code, MIGRATE_USAGE);
        assert_non_null(strstr(err.message, "is no range"));
        arena_free(&arena);
    }
}

static void both_ends_of_a_range_cannot_count_from_each_other(void **state)
{
    (void)state;
    assert_range(
        linear, "a1", "-2:+2",
        "usage: both ends of \"-2:+2\" count from the other one [Name a revision at one end, as in current:+2 or "
        "-2:head.]");
}

static void only_current_and_bare_offsets_need_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool needs;
    } cases[] = {{"+1", true},    {"shop@-1", true}, {"current", true}, {"current-1", true},
                 {"a3+1", false}, {"head", false},   {"heads", false},  {"base+1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct target target;
        struct error err = {0};
        assert_true(target_parse(cases[i].text, &arena, &target, &err));
        assert_int_equal(target_needs_rows(&target), cases[i].needs);
        arena_free(&arena);
    }
    assert_names(
        linear, NULL, "+1",
        "usage: \"+1\" depends on where the database is, which is not known here [Name the revision, or give the "
        "start in a range: FROM:TO.]");
    assert_begins(linear, NULL, "current", "usage: ");
    assert_begins(linear, NULL, "current-1", "usage: ");
    assert_names(linear, NULL, "head-1", "a4");
}

/* --- An exact id or label wins; else a unique prefix; case counts. --- */

static void an_exact_id_wins_over_ids_it_begins(void **state)
{
    (void)state;
    assert_names("ab:; abc: ab", NULL, "ab", "ab");
}

static void an_exact_label_wins_over_ids_it_begins(void **state)
{
    (void)state;
    assert_names("x[ab]:; abc: x", NULL, "ab", "x");
}

static void a_unique_prefix_of_an_id_is_enough(void **state)
{
    (void)state;
    assert_names("27c6a30d7c24:; 1975ea83b712: 27c6a30d7c24", NULL, "27", "27c6a30d7c24");
}

static void a_unique_prefix_of_a_label_is_enough(void **state)
{
    (void)state;
    assert_names(forked, NULL, "sh", "c1");
}

static void a_prefix_of_a_revisions_id_and_label_is_unique(void **state)
{
    (void)state;
    assert_names("shop1[shopping]:; b: shop1", NULL, "shop", "shop1");
}

static void an_ambiguous_prefix_lists_the_candidates(void **state)
{
    (void)state;
    assert_names("ab1:; ab2[shop]: ab1; abx: ab2", NULL, "ab",
                 "ambiguous: \"ab\" could be any of ab1 (shop), ab2 (shop), abx (shop) [Write more of the id that you "
                 "mean.]");
}

static void case_counts(void **state)
{
    (void)state;
    assert_names("27c6a30d7c24:", NULL, "27C6",
                 "unknown_revision: no revision and no branch label is or begins with \"27C6\" [Did you mean "
                 "27c6a30d7c24?]");
    assert_begins(forked, NULL, "HEAD", "unknown_revision: ");
}

/* --- A bare label is the labelled revision, LABEL@head its branch's head. --- */

static void a_bare_label_is_the_labelled_revision(void **state)
{
    (void)state;
    assert_names(forked, NULL, "shop", "c1");
}

static void label_at_head_is_the_head_of_its_branch(void **state)
{
    (void)state;
    assert_names(forked, NULL, "shop@head", "d1");
    assert_names(merged, NULL, "shop@head", "e");
}

static void a_branch_may_be_an_id_or_a_prefix_of_it(void **state)
{
    (void)state;
    assert_names(forked, NULL, "c1@head", "d1");
    assert_names("27c6a30d7c24:; b: 27c6a30d7c24; x:", NULL, "27c6@head", "b");
    assert_names(forked, NULL, "ti@head", "d2");
}

static void a_branch_narrows_an_ambiguous_prefix(void **state)
{
    (void)state;
    assert_begins(forked, NULL, "d", "ambiguous: ");
    assert_names(forked, NULL, "shop@d", "d1");
}

/* --- five different messages, each with what could have been meant --- */

static void an_unknown_id_names_the_closest(void **state)
{
    (void)state;
    assert_names(
        "27c6a30d7c24:; shopping: 27c6a30d7c24", NULL, "shoping",
        "unknown_revision: no revision and no branch label is or begins with \"shoping\" [Did you mean shopping?]");
    assert_names(forked, NULL, "tull",
                 "unknown_revision: no revision and no branch label is or begins with \"tull\" [Did you mean till?]");
    assert_names(forked, NULL, "haed",
                 "unknown_revision: no revision and no branch label is or begins with \"haed\" [Did you mean head?]");
}

static void an_unknown_id_close_to_nothing_says_where_to_look(void **state)
{
    (void)state;
    assert_names(
        linear, NULL, "zzzzzz",
        "unknown_revision: no revision and no branch label is or begins with \"zzzzzz\" [migrate history lists the "
        "revisions there are.]");
}

static void an_unknown_branch_names_the_closest_or_all_labels(void **state)
{
    (void)state;
    assert_names(forked, NULL, "shep@head", "unknown_branch: there is no branch \"shep\" [Did you mean shop?]");
    assert_names(forked, NULL, "warehouse@head",
                 "unknown_branch: there is no branch \"warehouse\" [The branch labels are shop, till.]");
    assert_names(
        linear, NULL, "warehouse@head",
        "unknown_branch: there is no branch \"warehouse\" [No revision has a branch label; the id of any revision "
        "on the branch names it too.]");
}

static void a_revision_on_another_branch_says_on_which(void **state)
{
    (void)state;
    assert_names(
        forked, NULL, "till@d1",
        "not_on_branch: revision d1 is not on branch \"till\" [It is on shop; write shop@d1, or leave the branch "
        "away.]");
    assert_names(
        "a:; b[x]:", NULL, "x@a",
        "not_on_branch: revision a is not on branch \"x\" [It is neither above nor below the revision that \"x\" "
        "names; leave the branch away.]");
    assert_begins("da1:; da2: da1; b[x]:", NULL, "x@da", "not_on_branch: none of the revisions that begin with \"da\"");
}

static void a_row_that_no_file_has_is_named(void **state)
{
    (void)state;
    assert_names(
        linear, "a1 zz99 yy", "head",
        "unknown_row: the database is at zz99, yy, which no revision file has [Take the migrations folder that "
        "the database was last migrated with, or bring the missing file back; a row is an id in full.]");
}

static void a_row_is_an_id_in_full(void **state)
{
    (void)state;
    assert_begins("27c6a30d7c24:", "27c6", "head", "unknown_row: ");
    assert_begins("a[shop]:", "shop", "head", "unknown_row: ");
}

/* --- head, heads, base, current --- */

static void head_is_the_one_revision_without_children(void **state)
{
    (void)state;
    assert_names(linear, NULL, "head", "a5");
}

static void several_heads_are_listed_with_labels_and_what_to_write(void **state)
{
    (void)state;
    assert_names(
        forked, NULL, "head",
        "multiple_heads: \"head\" is one revision, but there are 2 heads [The heads are d1 (shop), d2 (till). Write "
        "heads for all of them or BRANCH@head for one, as in shop@head.]");
    assert_names(
        "a:; b: a; c: a", NULL, "head",
        "multiple_heads: \"head\" is one revision, but there are 2 heads [The heads are b, c. Write heads for all "
        "of them or BRANCH@head for one, as in b@head.]");
}

static void the_suggested_branch_is_one_that_settles_it(void **state)
{
    (void)state;
    /* all is on both */
    assert_names(
        "a[all]:; b[left]: a; c: a", NULL, "head",
        "multiple_heads: \"head\" is one revision, but there are 2 heads [The heads are b (all, left), c (all). "
        "Write heads for all of them or BRANCH@head for one, as in left@head.]");
}

static void a_head_that_is_depended_on_is_a_head(void **state)
{
    (void)state;
    assert_begins("a:; b: / a", NULL, "head", "multiple_heads: ");
    assert_names("a:; b: / a", NULL, "heads", "a b");
}

static void heads_are_all_heads_or_those_of_a_branch(void **state)
{
    (void)state;
    assert_names(forked, NULL, "heads", "d1 d2");
    assert_names(forked, NULL, "shop@heads", "d1");
    assert_names(forked, NULL, "b@heads", "d1 d2");
}

static void head_of_no_revisions_is_nothing(void **state)
{
    (void)state;
    assert_names("", "", "head", "");
    assert_names("", "", "heads", "");
    assert_begins("", "", "head-1", "out_of_range: ");
    assert_begins("", "", "+1", "out_of_range: ");
}

static void base_and_current_of_an_empty_database_name_nothing(void **state)
{
    (void)state;
    assert_names(linear, NULL, "base", "");
    assert_names(linear, "", "current", "");
    assert_names(forked, NULL, "shop@base", "");
}

static void current_is_what_the_rows_say(void **state)
{
    (void)state;
    assert_names(forked, "d1 c2", "current", "c2 d1");
    assert_names(forked, "d1 c2", "till@current", "c2");
    assert_names(linear, "a3", "current", "a3");
}

/* --- relative forms --- */

static void offsets_walk_from_a_symbol(void **state)
{
    (void)state;
    assert_names(linear, NULL, "a2+2", "a4");
    assert_names(linear, NULL, "a4-3", "a1");
    assert_names(linear, NULL, "a2-2", "");
    assert_names(linear, NULL, "head-1", "a4");
    assert_names(linear, NULL, "heads-1", "a4");
    assert_names(linear, NULL, "base+2", "a2");
    assert_names(forked, NULL, "shop-1", "b");
}

static void a_bare_offset_counts_from_the_single_row(void **state)
{
    (void)state;
    assert_names(linear, "a3", "+1", "a4");
    assert_names(linear, "a3", "-2", "a1");
    assert_names(linear, "a3", "-3", "");
    assert_names(linear, "", "+1", "a1");
    assert_names(linear, "a3", "current+1", "a4");
    assert_names(linear, "a3", "current-1", "a2");
}

static void implied_heads_do_not_count_as_rows(void **state)
{
    (void)state;
    assert_names(depending, "y2", "+1", "y3");
    assert_names(depending, "y2", "-1", "y1");
}

static void rows_that_imply_one_another_count_as_one(void **state)
{
    (void)state;
    assert_names(linear, "a1 a3", "+1", "a4");
    assert_names(linear, "a3 a3", "+1", "a4");
}

static void a_bare_offset_from_several_rows_is_ambiguous(void **state)
{
    (void)state;
    assert_names(
        forked, "c1 c2", "+1",
        "ambiguous: \"+1\" could count from any of c1 (shop), c2 (till) [Say from which with BRANCH@ in front, as "
        "in shop@+1.]");
}

static void a_branch_narrows_several_rows(void **state)
{
    (void)state;
    assert_names(forked, "c1 c2", "till@+1", "d2");
    assert_names(forked, "d1 d2", "shop@-1", "c1");
    assert_names(forked, "d1 d2", "c2@-1", "c2");
    assert_begins(forked, "c1 c2", "b@+1", "ambiguous: ");
}

static void a_branch_without_row_counts_up_from_where_it_forked_off(void **state)
{
    (void)state;
    assert_names(forked, "d1", "till@+1", "c2");
    assert_names(forked, "", "till@+1", "a");
    assert_names(depending, "x3", "y@+1", "y1");
}

static void a_branch_that_is_only_implied_counts_from_its_implied_head(void **state)
{
    (void)state;
    assert_names(depending, "y2", "x@+1", "x2");
    assert_names(depending, "y2", "x@-1", "");
}

static void a_branch_without_anything_applied_has_nothing_to_count_down_from(void **state)
{
    (void)state;
    assert_names(forked, "d1", "till@-1",
                 "out_of_range: \"till@-1\" has nothing to count from: nothing of branch \"till\" is applied [Name the "
                 "revision itself.]");
}

static void walking_too_far_is_an_error(void **state)
{
    (void)state;
    assert_names(
        linear, "a3", "+5",
        "out_of_range: \"+5\" leaves the history: after 2 of 5 steps up there is nothing above a5 [Write a smaller "
        "number, or head.]");
    assert_names(
        linear, "a3", "a2-4",
        "out_of_range: \"a2-4\" leaves the history: after 2 of 4 steps down there is nothing below the base [Write "
        "a smaller number, or base.]");
    assert_begins(linear, "", "-1", "out_of_range: ");
    assert_begins(linear, NULL, "head+1", "out_of_range: ");
    assert_begins(linear, NULL, "base-1", "out_of_range: ");
}

static void a_fork_in_the_way_is_ambiguous_unless_a_branch_narrows_it(void **state)
{
    (void)state;
    assert_names(
        forked, "b", "+1",
        "ambiguous: \"+1\" comes to a fork above b: c1 (shop), c2 (till) [Say which way with BRANCH@ in front, as "
        "in shop@+1, or name the revision.]");
    assert_names(forked, "b", "till@+1", "c2");
    assert_names(forked, "b", "till@b+2", "d2");
    assert_begins(merged, "e", "-1", "ambiguous: \"-1\" comes to a fork below e: d1 (shop), d2 (till)");
    assert_names(merged, "e", "till@-1", "d2");
    assert_begins(depending, "", "+1", "ambiguous: \"+1\" comes to a fork above the base: ");
    assert_names(depending, "", "y@base+2", "y2");
}

static void several_heads_are_no_place_to_walk_from(void **state)
{
    (void)state;
    assert_begins(forked, NULL, "heads-1", "multiple_heads: ");
    assert_begins(forked, NULL, "head-1", "multiple_heads: ");
    assert_names(forked, NULL, "shop@heads-1", "c1");
}

static void a_landing_says_from_where_it_was_seen(void **state)
{
    (void)state;
    static const struct {
        const char *rows, *text, *branch;
        bool is_base;
    } cases[] = {{"d1", "-1", "d1", false},       {"d1", "-4", "d1", true},  {"d1", "base", "", true},
                 {"d1", "shop@base", "c1", true}, {"d1", "head", "", false}, {"", "current", "", false},
                 {"d1", "shop@-1", "c1", false},  {"d1", "c1-3", "", true},  {"d1", "current-1", "d1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct graph graph = graph_of("a:; b: a; c1[shop]: b; d1: c1", &arena);
        struct target target;
        struct indexes rows;
        struct landing landing;
        struct error err = {0};
        assert_true(target_parse(cases[i].text, &arena, &target, &err));
        assert_true(rows_resolve(&graph, words(cases[i].rows, &arena), &arena, &rows, &err));
        assert_true(target_land(&graph, &rows, &target, &arena, &landing, &err));
        assert_int_equal(landing.is_base, cases[i].is_base);
        assert_string_equal(landing.branch == (size_t)GRAPH_NONE ? "" : graph.revisions[landing.branch].id,
                            cases[i].branch);
        arena_free(&arena);
    }
}

/* --- ranges --- */

static void a_range_lists_its_ends_and_what_is_between_newest_first(void **state)
{
    (void)state;
    assert_range(linear, NULL, "a2:a4", "a4 a3 a2");
    assert_range(linear, NULL, ":a2", "a2 a1");
    assert_range(linear, NULL, "a4:", "a5 a4");
    assert_range(linear, NULL, ":", "a5 a4 a3 a2 a1");
    assert_range(linear, NULL, "a3:a3", "a3");
    assert_range(linear, NULL, "base:heads", "a5 a4 a3 a2 a1");
    assert_range("", NULL, ":", "");
}

static void a_bare_end_counts_from_the_other_end(void **state)
{
    (void)state;
    assert_range(linear, NULL, "a2:+2", "a4 a3 a2");
    assert_range(linear, NULL, "-2:a4", "a4 a3 a2");
    assert_range(linear, NULL, "-1:", "a5 a4");
    assert_range(linear, NULL, ":+2", "a2 a1");
    assert_range(linear, "a2", "current:+1", "a3 a2");
    assert_range(linear, "a2", "-1:current", "a2 a1");
    assert_range(forked, NULL, "a:shop@+2", "c1 b a");
    assert_range(forked, NULL, "till@-1:heads", "d2 c2");
}

static void a_range_is_clipped_where_the_history_ends(void **state)
{
    (void)state;
    assert_range(linear, NULL, "-9:a3", "a3 a2 a1");
    assert_range(linear, NULL, "a4:+9", "a5 a4");
    assert_range(linear, NULL, "a3-9:a3+9", "a5 a4 a3 a2 a1");
}

static void a_bare_end_that_counts_outwards_is_refused(void **state)
{
    (void)state;
    assert_range(
        linear, NULL, "a3:-1",
        "out_of_range: \"-1\" counts from the other end of the range, and away from it [Name what it counts from, "
        "as in head-1 or base+1.]");
    assert_range(
        linear, NULL, "+1:",
        "out_of_range: \"+1\" counts from the other end of the range, and away from it [Name what it counts from, "
        "as in head-1 or base+1.]");
}

static void a_range_over_a_dependency_has_both_its_ends(void **state)
{
    (void)state;
    assert_range(depending, NULL, "x1:y3", "y3 y2 x1");
    assert_range(depending, NULL, "x@x1:", "x3 x2 x1");
}

static void ends_on_different_lineages_are_an_error(void **state)
{
    (void)state;
    assert_range(
        forked, NULL, "d1:d2",
        "out_of_range: the range's ends are not on one lineage: d1 is not below d2 (till) [Give an ancestor first "
        "and its descendant second.]");
    assert_range(
        linear, NULL, "a4:a2",
        "out_of_range: the range's ends are not on one lineage: a4 is not below a2 [Give an ancestor first and its "
        "descendant second.]");
    assert_range(
        linear, "", "a1:current",
        "out_of_range: the range's ends are not on one lineage: nothing is above a1 at its end [Give an ancestor "
        "first and its descendant second.]");
}

static void a_range_from_a_branch_stays_on_it(void **state)
{
    (void)state;
    assert_range(forked, NULL, "till@base:d1",
                 "out_of_range: the range's ends are not on one lineage: d1 (shop) is not on branch \"till\" [Give two "
                 "revisions of one branch, or leave the branch away.]");
    assert_range(forked, NULL, "till@base:heads", "d2 c2 b a");
    assert_range(forked, NULL, "till@b:", "d2 c2 b");
}

static void branch_at_base_lists_what_the_branch_needs(void **state)
{
    (void)state;
    assert_range(depending, NULL, "y@base:", "y3 y2 y1 x1");
    assert_range(forked, NULL, "till@base:", "d2 c2 b a");
}

static void a_range_from_a_revision_lists_only_what_descends_from_it(void **state)
{
    (void)state;
    assert_range(depending, NULL, "y1:", "y3 y2 y1");
    assert_range(forked, NULL, "shop:", "d1 c1");
    assert_range(merged, NULL, "shop:", "e d1 c1");
}

static void a_range_to_current_of_an_empty_database_is_empty(void **state)
{
    (void)state;
    assert_range(linear, "", ":current", "");
    assert_range(linear, "a2", ":current", "a2 a1");
    assert_range(linear, "", "current:", "a5 a4 a3 a2 a1");
}

static void ends_without_clipping_walk_too_far(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct graph graph = graph_of(linear, &arena);
    struct range range;
    struct indexes from, to;
    struct error err = {0};
    assert_true(range_parse("a3:-1", &arena, &range, &err));
    assert_true(range_ends(&graph, NULL, &range, false, &arena, &from, &to, &err));
    assert_string_equal(ids(&graph, &from, &arena), "a3");
    assert_string_equal(ids(&graph, &to, &arena), "a2");
    assert_true(range_parse("a3:-9", &arena, &range, &err));
    assert_false(range_ends(&graph, NULL, &range, false, &arena, &from, &to, &err));
    assert_int_equal(err.code, MIGRATE_OUT_OF_RANGE);
    arena_free(&arena);
}

static void names_and_branches_resolve_by_themselves(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct graph graph = graph_of(forked, &arena);
    struct error err = {0};
    size_t found;
    struct index_set branch;
    assert_true(name_resolve(&graph, "til", &arena, &found, &err));
    assert_string_equal(graph.revisions[found].id, "c2");
    assert_false(name_resolve(&graph, "d", &arena, &found, &err));
    assert_int_equal(err.code, MIGRATE_AMBIGUOUS);
    assert_false(name_resolve(&graph, "zz", &arena, &found, &err));
    assert_int_equal(err.code, MIGRATE_UNKNOWN_REVISION);
    assert_true(branch_resolve(&graph, "till", &arena, &branch, &err));
    assert_string_equal(set_ids(&graph, &branch, &arena), "a b c2 d2");
    assert_false(branch_resolve(&graph, "d", &arena, &branch, &err));
    assert_int_equal(err.code, MIGRATE_AMBIGUOUS);
    assert_false(branch_resolve(&graph, "zz", &arena, &branch, &err));
    assert_int_equal(err.code, MIGRATE_UNKNOWN_BRANCH);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_parsed_into_its_parts),
        cmocka_unit_test(text_outside_the_grammar_is_refused),
        cmocka_unit_test(no_step_at_all_is_out_of_range),
        cmocka_unit_test(a_number_beyond_all_numbers_is_out_of_range),
        cmocka_unit_test(a_range_needs_one_colon),
        cmocka_unit_test(both_ends_of_a_range_cannot_count_from_each_other),
        cmocka_unit_test(only_current_and_bare_offsets_need_rows),
        cmocka_unit_test(an_exact_id_wins_over_ids_it_begins),
        cmocka_unit_test(an_exact_label_wins_over_ids_it_begins),
        cmocka_unit_test(a_unique_prefix_of_an_id_is_enough),
        cmocka_unit_test(a_unique_prefix_of_a_label_is_enough),
        cmocka_unit_test(a_prefix_of_a_revisions_id_and_label_is_unique),
        cmocka_unit_test(an_ambiguous_prefix_lists_the_candidates),
        cmocka_unit_test(case_counts),
        cmocka_unit_test(a_bare_label_is_the_labelled_revision),
        cmocka_unit_test(label_at_head_is_the_head_of_its_branch),
        cmocka_unit_test(a_branch_may_be_an_id_or_a_prefix_of_it),
        cmocka_unit_test(a_branch_narrows_an_ambiguous_prefix),
        cmocka_unit_test(an_unknown_id_names_the_closest),
        cmocka_unit_test(an_unknown_id_close_to_nothing_says_where_to_look),
        cmocka_unit_test(an_unknown_branch_names_the_closest_or_all_labels),
        cmocka_unit_test(a_revision_on_another_branch_says_on_which),
        cmocka_unit_test(a_row_that_no_file_has_is_named),
        cmocka_unit_test(a_row_is_an_id_in_full),
        cmocka_unit_test(head_is_the_one_revision_without_children),
        cmocka_unit_test(several_heads_are_listed_with_labels_and_what_to_write),
        cmocka_unit_test(the_suggested_branch_is_one_that_settles_it),
        cmocka_unit_test(a_head_that_is_depended_on_is_a_head),
        cmocka_unit_test(heads_are_all_heads_or_those_of_a_branch),
        cmocka_unit_test(head_of_no_revisions_is_nothing),
        cmocka_unit_test(base_and_current_of_an_empty_database_name_nothing),
        cmocka_unit_test(current_is_what_the_rows_say),
        cmocka_unit_test(offsets_walk_from_a_symbol),
        cmocka_unit_test(a_bare_offset_counts_from_the_single_row),
        cmocka_unit_test(implied_heads_do_not_count_as_rows),
        cmocka_unit_test(rows_that_imply_one_another_count_as_one),
        cmocka_unit_test(a_bare_offset_from_several_rows_is_ambiguous),
        cmocka_unit_test(a_branch_narrows_several_rows),
        cmocka_unit_test(a_branch_without_row_counts_up_from_where_it_forked_off),
        cmocka_unit_test(a_branch_that_is_only_implied_counts_from_its_implied_head),
        cmocka_unit_test(a_branch_without_anything_applied_has_nothing_to_count_down_from),
        cmocka_unit_test(walking_too_far_is_an_error),
        cmocka_unit_test(a_fork_in_the_way_is_ambiguous_unless_a_branch_narrows_it),
        cmocka_unit_test(several_heads_are_no_place_to_walk_from),
        cmocka_unit_test(a_landing_says_from_where_it_was_seen),
        cmocka_unit_test(a_range_lists_its_ends_and_what_is_between_newest_first),
        cmocka_unit_test(a_bare_end_counts_from_the_other_end),
        cmocka_unit_test(a_range_is_clipped_where_the_history_ends),
        cmocka_unit_test(a_bare_end_that_counts_outwards_is_refused),
        cmocka_unit_test(a_range_over_a_dependency_has_both_its_ends),
        cmocka_unit_test(ends_on_different_lineages_are_an_error),
        cmocka_unit_test(a_range_from_a_branch_stays_on_it),
        cmocka_unit_test(branch_at_base_lists_what_the_branch_needs),
        cmocka_unit_test(a_range_from_a_revision_lists_only_what_descends_from_it),
        cmocka_unit_test(a_range_to_current_of_an_empty_database_is_empty),
        cmocka_unit_test(ends_without_clipping_walk_too_far),
        cmocka_unit_test(names_and_branches_resolve_by_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
