/* help_test.c: help and the manual page say the same, and fit where they are read; completion offers what the parser
 * accepts. */
#include "cli/help.h"

#include "cli/completion.h"
#include "cli/manual.h"

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

/* Words with one space between, and roff's escapes taken away: what a reader sees, wherever the lines break. */
static const char *plain(const char *text)
{
    struct buffer out = {.arena = &arena};
    for (; *text; text++) {
        if (strncmp(text, "\n.PP\n", 5) == 0)
            text += 4;
        if (text[0] == '\\' && text[1] == 'f')
            text += 2;
        else if (text[0] == '\\' && text[1] == 'e')
            buffer_character(&out, *text++);
        else if (text[0] == '\\' && (text[1] == '-' || text[1] == '&'))
            buffer_string(&out, *++text == '-' ? "-" : "");
        else if (*text != ' ' && *text != '\n')
            buffer_character(&out, *text);
        else if (out.length && out.at[out.length - 1] != ' ')
            buffer_character(&out, ' ');
    }
    return buffer_done(&out);
}

static void contains(const char *where, const char *text, const char *wanted)
{
    if (!strstr(text, plain(wanted)))
        fail_msg("%s does not say \"%s\"", where, wanted);
}

static void says_options(const char *where, const char *text, struct option_table table)
{
    for (size_t i = 0; i < table.count; i++) {
        const struct option *option = &table.rows[i];
        const char *name = arena_printf(&arena, "--%s%s%s%s", option->name,
                                        option->implied    ? "[="
                                        : option->argument ? " "
                                                           : "",
                                        option->argument ? option->argument : "", option->implied ? "]" : "");
        contains(where, text, arena_printf(&arena, "%s %s", name, option->summary));
        if (option->letter)
            contains(where, text, arena_printf(&arena, "-%c, %s", option->letter, name));
    }
}

static void help_and_manual_say_every_command_and_option_in_the_same_words(void **state)
{
    (void)state;
    const char *manual = plain(manual_page(&arena));
    const char *overview = plain(help_overview(&palette_plain, &arena));
    says_options("the manual", manual, global_options);
    says_options("help", overview, global_options);
    for (size_t i = 0; i < VERBS; i++) {
        const struct command *command = &commands[i];
        if (command->group == GROUP_HIDDEN)
            continue;
        const char *own = plain(help_command(command, &palette_plain, &arena));
        contains(
            "help", overview,
            arena_printf(&arena, "%s %s", command->name, command->arguments ? command->arguments : command->summary));
        contains("help", overview, command->summary);
        contains("the manual", manual, command->summary + 1); // its first letter is a capital there
        contains(command->name, own, command->summary + 1);
        says_options("the manual", manual, command->options);
        says_options(command->name, own, command->options);
        if (command->details) {
            contains("the manual", manual, command->details);
            contains(command->name, own, command->details);
        }
        for (const struct example *example = command->examples; example && example->line; example++) {
            contains("the manual", manual, example->line);
            contains(command->name, own, example->line);
        }
    }
}

static void the_manual_lists_every_code_with_its_meaning(void **state)
{
    (void)state;
    const char *manual = plain(manual_page(&arena));
    for (enum migrate_code code = 0; code < MIGRATE_CODES; code++)
        contains("the manual", manual,
                 arena_printf(&arena, "%s: %s", migrate_code_name(code), migrate_code_meaning(code)));
}

static void no_line_of_help_is_wider_than_a_hundred_columns(void **state)
{
    (void)state;
    for (size_t i = 0; i <= VERBS; i++) {
        struct text rest = text_of(i < VERBS ? help_command(&commands[i], &palette_plain, &arena)
                                             : help_overview(&palette_plain, &arena));
        while (rest.length) {
            struct text line = text_split(rest, '\n', &rest);
            if (text_characters(line) > HELP_WIDTH || (line.length && line.at[line.length - 1] == ' '))
                fail_msg("too wide, or a space at its end: \"%.*s\"", (int)line.length, line.at);
        }
    }
}

static void a_line_of_the_manual_is_never_taken_for_a_request(void **state)
{
    (void)state;
    struct text rest = text_of(manual_page(&arena));
    while (rest.length) {
        struct text line = text_split(rest, '\n', &rest);
        static const char *const known[] = {".TH", ".nr", ".SH", ".SS", ".PP", ".TP",
                                            ".EX", ".EE", ".br", ".nh", ".ad"};
        bool found = line.length == 0 || (*line.at != '.' && *line.at != '\'');
        for (size_t i = 0; !found && i < sizeof known / sizeof known[0]; i++)
            found = text_starts(line, known[i]);
        if (!found)
            fail_msg("no request of ours: \"%.*s\"", (int)line.length, line.at);
    }
}

static void no_two_options_of_a_command_share_a_name_or_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < VERBS; i++) {
        struct option_table own = commands[i].options, tables[] = {own, global_options};
        for (size_t a = 0; a < own.count + global_options.count; a++)
            for (size_t b = a + 1; b < own.count + global_options.count; b++) {
                const struct option *x = a < own.count ? &own.rows[a] : &tables[1].rows[a - own.count];
                const struct option *y = b < own.count ? &own.rows[b] : &tables[1].rows[b - own.count];
                bool is_override = x->offset == y->offset && strcmp(x->name, "format") == 0;
                assert_true(is_override || strcmp(x->name, y->name) != 0);
                assert_true(!x->letter || x->letter != y->letter);
            }
    }
}

static const char *completed(const char *last, size_t count, const char *const *before)
{
    struct completion completion;
    struct name_list words = {0};
    struct buffer out = {.arena = &arena};
    for (size_t i = 0; i < count; i++)
        ARENA_PUSH(&arena, &words, before[i]);
    ARENA_PUSH(&arena, &words, last);
    complete(names_of(&words), &arena, &completion);
    if (completion.word == WORD_FILE || completion.word == WORD_FOLDER || completion.word == WORD_REVISION)
        buffer_string(&out, completion.word == WORD_REVISION ? "revisions " : "files ");
    for (size_t i = 0; i < completion.count; i++)
        buffer_printf(&out, "%s ", completion.items[i].text);
    return buffer_done(&out);
}

#define COMPLETED(last, ...)                                                                                           \
    completed((last), sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *),                               \
              (const char *const[]){__VA_ARGS__})

static void completion_offers_commands_options_and_their_values(void **state)
{
    (void)state;
    assert_string_equal(completed("up", 0, NULL), "upgrade ");
    assert_string_equal(COMPLETED("downg", "-c", "x", "-v"), "downgrade ");
    assert_string_equal(COMPLETED("", "upgrade"), "revisions ");
    assert_string_equal(COMPLETED("", "upgrade", "head"), "");
    assert_string_equal(COMPLETED("--for", "upgrade"), "--format ");
    assert_string_equal(COMPLETED("--format=", "upgrade"), "--format=text --format=json ");
    assert_string_equal(COMPLETED("", "history", "--format"), "text json dot mermaid ");
    assert_string_equal(COMPLETED("", "upgrade", "--wait"), "revisions ");
    assert_string_equal(COMPLETED("", "-c"), "files ");
    assert_string_equal(COMPLETED("", "revision", "-m", "x", "--head"), "revisions ");
    assert_string_equal(COMPLETED("f", "completion"), "fish ");
    assert_string_equal(COMPLETED("hi", "help"), "history ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(help_and_manual_say_every_command_and_option_in_the_same_words, clean),
        cmocka_unit_test_teardown(the_manual_lists_every_code_with_its_meaning, clean),
        cmocka_unit_test_teardown(no_line_of_help_is_wider_than_a_hundred_columns, clean),
        cmocka_unit_test_teardown(a_line_of_the_manual_is_never_taken_for_a_request, clean),
        cmocka_unit_test_teardown(no_two_options_of_a_command_share_a_name_or_letter, clean),
        cmocka_unit_test_teardown(completion_offers_commands_options_and_their_values, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
