/* report_test.c: results as JSON, the graph, and the excerpt of an error, from invented outcomes. */
#include "cli/report.h"

#include "cli/draw.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static int clean(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct migrate_error no_error = {
    .message = "", .hint = "", .path = "", .excerpt = "", .sqlstate = "", .revision = "", .outcome = ""};

static struct report report_for(enum verb verb, enum migrate_code code, const struct migrate_error *error)
{
    struct command_line *line = ARENA_NEW(&arena, struct command_line);
    line->command = &commands[verb];
    return (struct report){
        .line = line, .arena = &arena, .code = code, .exit = migrate_code_exit(code), .error = error};
}

/* --- JSON ------------------------------------------------------------------------------------------- */

static const struct migrate_step steps[] = {
    {.revision = "27c6",
     .direction = MIGRATE_UPGRADE,
     .message = "say \"hi\"",
     .path = "m/a.sql",
     .status = MIGRATE_STEP_APPLIED,
     .statements = 2,
     .duration_ms = 11.8},
    {.revision = "1975",
     .direction = MIGRATE_UPGRADE,
     .message = "b",
     .path = "m/b.sql",
     .status = MIGRATE_STEP_FAILED,
     .statements = 1},
};
static const char *const before[] = {"0aaa"}, *const after[] = {"27c6"};
static const struct migrate_outcome outcome = {.dialect = "postgresql",
                                               .url = "postgresql://app@db/kitchen",
                                               .from = before,
                                               .from_count = 1,
                                               .to = after,
                                               .to_count = 1,
                                               .steps = steps,
                                               .step_count = 2};

static void an_upgrade_is_one_object_with_its_keys_in_order(void **state)
{
    (void)state;
    struct report report = report_for(VERB_UPGRADE, MIGRATE_OK, &no_error);
    assert_string_equal(
        json_of_change(&report, &outcome),
        "{\"command\":\"upgrade\",\"status\":\"ok\",\"dry_run\":false,"
        "\"database\":{\"dialect\":\"postgresql\",\"url\":\"postgresql://app@db/kitchen\"},"
        "\"from\":[\"0aaa\"],\"to\":[\"27c6\"],\"steps\":["
        "{\"revision\":\"27c6\",\"direction\":\"upgrade\",\"message\":\"say \\\"hi\\\"\",\"path\":\"m/a.sql\","
        "\"status\":\"applied\",\"statements\":2,\"duration_ms\":11.8},"
        "{\"revision\":\"1975\",\"direction\":\"upgrade\",\"message\":\"b\",\"path\":\"m/b.sql\","
        "\"status\":\"failed\",\"statements\":1,\"duration_ms\":null}],\"losses\":[],\"backup\":null}");
}

static void a_failure_of_which_nothing_is_known_still_has_every_key(void **state)
{
    (void)state;
    struct migrate_error error = no_error;
    error.message = "cannot";
    struct report report = report_for(VERB_DOWNGRADE, MIGRATE_UNREACHABLE, &error);
    assert_string_equal(json_of_change(&report, NULL),
                        "{\"command\":\"downgrade\",\"status\":\"error\",\"dry_run\":false,\"database\":null,"
                        "\"from\":null,\"to\":null,\"steps\":[],\"losses\":[],\"backup\":null,"
                        "\"error\":{\"code\":\"unreachable\",\"exit\":10,"
                        "\"message\":\"cannot\",\"hint\":null,\"path\":null,\"line\":null,\"column\":null,"
                        "\"sqlstate\":null,\"revision\":null}}");
}

static void a_loss_says_how_well_its_rows_were_counted(void **state)
{
    (void)state;
    static const struct migrate_loss losses[] = {
        {.kind = MIGRATE_LOSS_TABLE, .table = "users", .rows = 12000, .precision = MIGRATE_ABOUT},
        {.kind = MIGRATE_LOSS_COLUMN, .table = "s.t", .column = "note", .rows = -1}};
    struct migrate_outcome lossy = outcome;
    lossy.losses = losses;
    lossy.loss_count = 2;
    struct report report = report_for(VERB_DOWNGRADE, MIGRATE_OK, &no_error);
    assert_non_null(strstr(json_of_change(&report, &lossy),
                           "\"losses\":[{\"kind\":\"table\",\"table\":\"users\",\"column\":null,\"rows\":12000,"
                           "\"precision\":\"about\"},{\"kind\":\"column\",\"table\":\"s.t\",\"column\":\"note\","
                           "\"rows\":null,\"precision\":null}]"));
}

static void a_stamp_has_no_steps(void **state)
{
    (void)state;
    struct report report = report_for(VERB_STAMP, MIGRATE_OK, &no_error);
    assert_string_equal(json_of_change(&report, &outcome),
                        "{\"command\":\"stamp\",\"status\":\"ok\",\"database\":{\"dialect\":\"postgresql\","
                        "\"url\":\"postgresql://app@db/kitchen\"},\"from\":[\"0aaa\"],\"to\":[\"27c6\"]}");
}

static void a_whole_number_of_milliseconds_is_still_a_real_number(void **state)
{
    (void)state;
    struct migrate_step step = steps[0];
    struct migrate_outcome one = outcome;
    step.duration_ms = 12;
    one.steps = &step;
    one.step_count = 1;
    struct report report = report_for(VERB_UPGRADE, MIGRATE_OK, &no_error);
    assert_non_null(strstr(json_of_change(&report, &one), "\"duration_ms\":12.0}"));
}

static void bytes_that_are_no_utf8_do_not_make_the_object_invalid(void **state)
{
    (void)state;
    struct migrate_error error = no_error;
    error.message = "caf\xE9 \xFF!";
    struct report report = report_for(VERB_HEADS, MIGRATE_REFUSED, &error);
    const char *text = json_of_listing(&report, NULL);
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(json_object_get(object, "error"), "message")),
                        "caf\xEF\xBF\xBD \xEF\xBF\xBD!");
    json_decref(object);
}

static void an_answer_of_no_is_no_error(void **state)
{
    (void)state;
    static const struct migrate_finding finding = {.rule = "edited",
                                                   .severity = MIGRATE_SEVERITY_ERROR,
                                                   .revision = "a1",
                                                   .path = "m/a.sql",
                                                   .line = 3,
                                                   .message = "edited"};
    struct report report = report_for(VERB_CHECK, MIGRATE_FINDINGS, &no_error);
    assert_string_equal(
        json_of_findings(&report, &(struct migrate_findings){&finding, 1}),
        "{\"command\":\"check\",\"status\":\"ok\",\"findings\":[{\"rule\":\"edited\",\"severity\":\"error\","
        "\"revision\":\"a1\",\"path\":\"m/a.sql\",\"line\":3,\"message\":\"edited\",\"hint\":null,\"diff\":null}]}");
}

static void what_the_database_was_not_asked_is_null(void **state)
{
    (void)state;
    static const struct migrate_revision revision = {
        .revision = "a1", .message = "m", .path = "m/a.sql", .is_head = true, .is_current = MIGRATE_UNKNOWN};
    struct report report = report_for(VERB_HEADS, MIGRATE_OK, &no_error);
    assert_string_equal(
        json_of_listing(&report, &(struct migrate_listing){&revision, 1}),
        "{\"command\":\"heads\",\"status\":\"ok\",\"revisions\":[{\"revision\":\"a1\",\"down_revisions\":[],"
        "\"depends_on\":[],\"branch_labels\":[],\"message\":\"m\",\"created\":null,\"path\":\"m/a.sql\","
        "\"is_head\":true,\"is_base\":false,\"is_branch_point\":false,\"is_merge_point\":false,"
        "\"is_current\":null}]}");
}

/* --- the graph -------------------------------------------------------------------------------------- */

static const char *id_alone(const struct migrate_revision *revision, const struct palette *palette, struct arena *where)
{
    (void)palette;
    return arena_string(where, revision->revision);
}

/* "d: b c; b: a; c: a; a:" lists d first. */
static struct migrate_listing listing_of(const char *text)
{
    struct migrate_revision *revisions = ARENA_ARRAY(&arena, 32, struct migrate_revision);
    struct text rest = text_of(text);
    size_t count = 0;
    while (rest.length) {
        struct text one = text_split(rest, ';', &rest), parents;
        struct text id = text_trim(text_split(one, ':', &parents));
        struct name_list names = {0};
        for (parents = text_trim(parents); parents.length;) {
            struct text parent = text_split(parents, ' ', &parents);
            ARENA_PUSH(&arena, &names, arena_copy(&arena, parent.at, parent.length));
        }
        revisions[count++] = (struct migrate_revision){.revision = arena_copy(&arena, id.at, id.length),
                                                       .message = "say \"it\"",
                                                       .down_revisions = names.items,
                                                       .down_revision_count = names.count,
                                                       .is_current = MIGRATE_UNKNOWN};
    }
    return (struct migrate_listing){.revisions = revisions, .revision_count = count};
}

static void drawn(const char *graph, const char *wanted)
{
    struct migrate_listing listing = listing_of(graph);
    assert_string_equal(draw_text(&listing, false, &palette_plain, id_alone, &arena), wanted);
}

static void a_line_of_revisions_is_drawn_as_a_line(void **state)
{
    (void)state;
    drawn("c: b; b: a; a:", "*  c\n"
                            "*  b\n"
                            "o  a\n");
}

static void a_merge_opens_a_lane_and_a_fork_closes_it(void **state)
{
    (void)state;
    drawn("d: b c; c: a; b: a; a:", "*  d\n"
                                    "|\\\n"
                                    "| *  c\n"
                                    "* |  b\n"
                                    "|/\n"
                                    "o  a\n");
}

static void a_lane_in_between_is_crossed(void **state)
{
    (void)state;
    drawn("d: b c; x: y; c: a; y: z; b: a; a:; z:", "*  d\n"
                                                    "|\\\n"
                                                    "| | *  x\n"
                                                    "| * |  c\n"
                                                    "| | *  y\n"
                                                    "* | |  b\n"
                                                    "|/  |\n"
                                                    "o   |  a\n"
                                                    "    o  z\n");
    drawn("x: a; e: b; y: a; a:; b:", "*  x\n"
                                      "| *  e\n"
                                      "| | *  y\n"
                                      "|-+/\n"
                                      "o |  a\n"
                                      "  o  b\n");
}

static void a_merge_may_meet_a_lane_that_waits_already(void **state)
{
    (void)state;
    drawn("m: a b; c: b; b: a; a:", "*  m\n"
                                    "|\\\n"
                                    "| | *  c\n"
                                    "| |/\n"
                                    "| *  b\n"
                                    "|/\n"
                                    "o  a\n");
    drawn("c: b; m: a b; b: a; a:", "*  c\n"
                                    "| *  m\n"
                                    "| |\\\n"
                                    "|-+/\n"
                                    "* |  b\n"
                                    "|/\n"
                                    "o  a\n");
}

static void what_is_not_listed_ends_in_dots(void **state)
{
    (void)state;
    drawn("d: c; c: b", "*  d\n"
                        "*  c\n"
                        ":\n");
}

static void a_graph_is_drawn_with_lines_where_there_are_characters_for_it(void **state)
{
    (void)state;
    struct migrate_listing listing = listing_of("d: b c; c: a; b: a; a:");
    assert_string_equal(draw_text(&listing, true, &palette_plain, id_alone, &arena), "●  d\n"
                                                                                     "├─╮\n"
                                                                                     "│ ●  c\n"
                                                                                     "● │  b\n"
                                                                                     "├─╯\n"
                                                                                     "○  a\n");
}

static void messages_are_quoted_for_graphviz_and_mermaid(void **state)
{
    (void)state;
    struct migrate_listing listing = listing_of("b: a; a:");
    const char *dot = draw_dot(&listing, &arena), *mermaid = draw_mermaid(&listing, &arena);
    assert_non_null(strstr(dot, "\"b\" [label=\"b\\nsay \\\"it\\\"\"];\n"));
    assert_non_null(strstr(dot, "\"a\" -> \"b\";\n"));
    assert_non_null(strstr(mermaid, "r0[\"b<br/>say #34;it#34;\"]\n"));
    assert_non_null(strstr(mermaid, "r1 --> r0\n"));
}

/* --- lines of an error -------------------------------------------------------------------------------- */

static void the_caret_stands_under_the_column(void **state)
{
    (void)state;
    assert_string_equal(excerpt_text("CREATE x", 14, 8, &palette_plain, &arena), "   14 | CREATE x\n"
                                                                                 "      |        ^\n");
}

static void tabs_and_wide_characters_move_the_caret_as_they_move_the_text(void **state)
{
    (void)state;
    assert_string_equal(excerpt_text("\t漢é\xCC\x81x", 3, 5, &palette_plain, &arena), "    3 | \t漢é\xCC\x81x\n"
                                                                                      "      | \t   ^\n");
}

static void a_long_line_is_cut_around_the_column(void **state)
{
    (void)state;
    char *line = arena_printf(&arena, "%0300d", 0);
    line[199] = 'X';
    const char *text = excerpt_text(line, 1, 200, &palette_plain, &arena);
    struct text rest, first = text_split(text_of(text), '\n', &rest);
    const char *mark = memchr(first.at, 'X', first.length), *caret = strchr(rest.at, '^');
    assert_non_null(mark);
    assert_int_equal(mark - first.at, caret - rest.at);
    assert_true(first.length < 110);
}

static void a_column_behind_the_excerpt_has_no_caret(void **state)
{
    (void)state;
    assert_string_equal(excerpt_text("abc", 1, 9, &palette_plain, &arena), "    1 | abc\n");
    assert_string_equal(excerpt_text("abc", 1, 4, &palette_plain, &arena), "    1 | abc\n      |    ^\n");
    assert_string_equal(excerpt_text("abc", 1, 0, &palette_plain, &arena), "    1 | abc\n");
    assert_string_equal(excerpt_text("", 1, 1, &palette_plain, &arena), "");
}

static void text_from_elsewhere_cannot_move_the_cursor(void **state)
{
    (void)state;
    assert_string_equal(visible("a\033[2Jb\xC2\x9B"
                                "c\rd",
                                &arena),
                        "a [2Jb  c d");
    assert_string_equal(visible("é漢", &arena), "é漢");
    assert_string_equal(visible(NULL, &arena), "");
    assert_string_equal(excerpt_text("a\033b", 1, 0, &palette_plain, &arena), "    1 | a b\n");
}

static void durations_are_read_at_a_glance(void **state)
{
    (void)state;
    assert_string_equal(duration_text(0.04, &arena), "0.0 ms");
    assert_string_equal(duration_text(11.8, &arena), "11.8 ms");
    assert_string_equal(duration_text(999.96, &arena), "1.00 s");
    assert_string_equal(duration_text(59994, &arena), "59.99 s");
    assert_string_equal(duration_text(59996, &arena), "1 min 00 s");
    assert_string_equal(duration_text(125000, &arena), "2 min 05 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_upgrade_is_one_object_with_its_keys_in_order, clean),
        cmocka_unit_test_teardown(a_failure_of_which_nothing_is_known_still_has_every_key, clean),
        cmocka_unit_test_teardown(a_loss_says_how_well_its_rows_were_counted, clean),
        cmocka_unit_test_teardown(a_stamp_has_no_steps, clean),
        cmocka_unit_test_teardown(a_whole_number_of_milliseconds_is_still_a_real_number, clean),
        cmocka_unit_test_teardown(bytes_that_are_no_utf8_do_not_make_the_object_invalid, clean),
        cmocka_unit_test_teardown(an_answer_of_no_is_no_error, clean),
        cmocka_unit_test_teardown(what_the_database_was_not_asked_is_null, clean),
        cmocka_unit_test_teardown(a_line_of_revisions_is_drawn_as_a_line, clean),
        cmocka_unit_test_teardown(a_merge_opens_a_lane_and_a_fork_closes_it, clean),
        cmocka_unit_test_teardown(a_lane_in_between_is_crossed, clean),
        cmocka_unit_test_teardown(a_merge_may_meet_a_lane_that_waits_already, clean),
        cmocka_unit_test_teardown(what_is_not_listed_ends_in_dots, clean),
        cmocka_unit_test_teardown(a_graph_is_drawn_with_lines_where_there_are_characters_for_it, clean),
        cmocka_unit_test_teardown(messages_are_quoted_for_graphviz_and_mermaid, clean),
        cmocka_unit_test_teardown(the_caret_stands_under_the_column, clean),
        cmocka_unit_test_teardown(tabs_and_wide_characters_move_the_caret_as_they_move_the_text, clean),
        cmocka_unit_test_teardown(a_long_line_is_cut_around_the_column, clean),
        cmocka_unit_test_teardown(a_column_behind_the_excerpt_has_no_caret, clean),
        cmocka_unit_test_teardown(text_from_elsewhere_cannot_move_the_cursor, clean),
        cmocka_unit_test_teardown(durations_are_read_at_a_glance, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
