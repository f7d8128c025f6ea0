/* options_test.c: argv read by the real table of commands, and by a small one for what the real one does not have. */
#include "cli/command_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Splits a line at spaces: argv as a shell would give it. */
static bool read_line(const char *line, struct arena *arena, struct command_line *into, struct error *err)
{
    char **argv = ARENA_ARRAY(arena, strlen(line) + 2, char *);
    struct text rest = text_of(line);
    int argc = 0;
    while (rest.length) {
        struct text word = text_split(rest, ' ', &rest);
        argv[argc++] = arena_copy(arena, word.at, word.length);
    }
    *err = (struct error){0};
    return command_line_read(argc, argv, arena, into, err);
}

static struct arena arena;
static struct command_line line;
static struct error err;

static void accepts(const char *text)
{
    if (!read_line(text, &arena, &line, &err))
        fail_msg("%s: %s", text, err.message);
}

static void refuses(const char *text, const char *message, const char *hint)
{
    if (read_line(text, &arena, &line, &err))
        fail_msg("%s: was accepted, expected \"%s\"", text, message);
    assert_int_equal(err.code, MIGRATE_USAGE);
    assert_string_equal(err.message, message);
    assert_string_equal(err.hint, hint);
}

static int clean(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void global_options_stand_before_and_behind_the_command(void **state)
{
    (void)state;
    accepts("migrate -v --url a upgrade -d x --no-env-file head");
    assert_int_equal(command_verb(line.command), VERB_UPGRADE);
    assert_true(line.global.verbose && line.global.no_env_file);
    assert_string_equal(line.global.url, "a");
    assert_string_equal(line.global.directory, "x");
    assert_int_equal(line.arguments.count, 1);
    assert_string_equal(line.arguments.items[0], "head");
}

static void a_value_is_the_next_word_or_behind_an_equals_sign(void **state)
{
    (void)state;
    accepts("migrate upgrade --tag v1 --lock-wait=5min -cfile");
    assert_string_equal(line.change.tag, "v1");
    assert_int_equal(line.change.lock_wait_ms, 300000);
    assert_string_equal(line.global.config, "file");
    accepts("migrate upgrade --tag=a=b");
    assert_string_equal(line.change.tag, "a=b");
    accepts("migrate upgrade --tag=");
    assert_string_equal(line.change.tag, "");
}

static void what_is_not_given_has_its_initial_value(void **state)
{
    (void)state;
    accepts("migrate upgrade");
    assert_int_equal(line.change.lock_wait_ms, MIGRATE_DEFAULT);
    assert_int_equal(line.change.lock_retries, MIGRATE_DEFAULT);
    assert_int_equal(line.global.wait_ms, 0);
    assert_null(line.change.transaction);
    assert_int_equal(line.arguments.count, 0);
}

static void a_value_that_may_be_left_out_is_only_taken_with_an_equals_sign(void **state)
{
    (void)state;
    accepts("migrate --wait upgrade");
    assert_int_equal(line.global.wait_ms, 30000);
    assert_int_equal(command_verb(line.command), VERB_UPGRADE);
    accepts("migrate --wait=2 upgrade");
    assert_int_equal(line.global.wait_ms, 2000);
    refuses("migrate --wait 30s upgrade", "there is no command \"30s\"",
            "A time for --wait is written with =: --wait=30s.");
}

static void short_flags_are_bundled_and_the_last_takes_a_value(void **state)
{
    (void)state;
    accepts("migrate history -ivr a:b");
    assert_true(line.history.indicate_current && line.global.verbose);
    assert_string_equal(line.history.range, "a:b");
    accepts("migrate history -ira:b");
    assert_string_equal(line.history.range, "a:b");
}

static void a_negative_target_is_an_argument(void **state)
{
    (void)state;
    accepts("migrate downgrade -1 -y");
    assert_string_equal(line.arguments.items[0], "-1");
    assert_true(line.change.yes);
    accepts("migrate history -r -2:");
    assert_string_equal(line.history.range, "-2:");
}

static void behind_two_dashes_everything_is_an_argument(void **state)
{
    (void)state;
    accepts("migrate stamp -- --purge -v");
    assert_int_equal(line.arguments.count, 2);
    assert_string_equal(line.arguments.items[0], "--purge");
    assert_false(line.stamp.purge);
    assert_false(line.global.verbose);
}

static void a_list_keeps_what_was_given_in_order(void **state)
{
    (void)state;
    accepts("migrate revision -m x --depends-on a --head h --depends-on=b");
    assert_int_equal(line.revision.depends_on.count, 2);
    assert_string_equal(line.revision.depends_on.items[0], "a");
    assert_string_equal(line.revision.depends_on.items[1], "b");
    assert_int_equal(line.revision.heads.count, 1);
}

static void the_last_of_two_values_counts(void **state)
{
    (void)state;
    accepts("migrate --format json upgrade --format text");
    assert_int_equal(line.global.format, FORMAT_TEXT);
}

static void an_optional_value_without_an_equals_sign_is_explained(void **state)
{
    (void)state;
    refuses("migrate upgrade --wait 30s", "\"30s\" does not name a revision",
            "A time for --wait is written with =: --wait=30s.");
    refuses("migrate goto head --backup a.dump", "\"a.dump\" does not name a revision",
            "A file for --backup is written with =: --backup=a.dump.");
    refuses("migrate upgrade --backup out/a", "\"out/a\" does not name a revision",
            "A file for --backup is written with =: --backup=out/a.");
    accepts("migrate upgrade --wait 30");
    accepts("migrate upgrade 30s");
    accepts("migrate upgrade --backup v1.2");
    accepts("migrate upgrade --backup=a.dump b.db");
}

static void a_mistyped_name_is_answered_with_the_closest(void **state)
{
    (void)state;
    refuses("migrate upgarde", "there is no command \"upgarde\"", "Did you mean upgrade?");
    refuses("migrate ensure-verson", "there is no command \"ensure-verson\"", "Did you mean ensure-version?");
    refuses("migrate upgrade --dryrun", "there is no option --dryrun", "Did you mean --dry-run?");
    refuses("migrate upgrade --formt=json", "there is no option --formt", "Did you mean --format?");
    refuses("migrate upgrade --format jso", "--format takes text or json, not \"jso\"", "Did you mean json?");
    refuses("migrate upgrade -x", "there is no option -x", "\"migrate help upgrade\" lists the options.");
}

static void the_beginning_of_a_name_is_not_taken_for_it(void **state)
{
    (void)state;
    refuses("migrate upgrade --dry", "there is no option --dry", "Did you mean --dry-run?");
    refuses("migrate upg", "there is no command \"upg\"", "Did you mean upgrade?");
}

static void an_option_is_not_taken_for_the_value_of_another(void **state)
{
    (void)state;
    refuses("migrate upgrade --tag --sql", "--tag needs a value: --tag TAG", "");
    refuses("migrate upgrade --tag", "--tag needs a value: --tag TAG", "");
    refuses("migrate revision -m --edit", "--message needs a value: --message MSG", "");
    accepts("migrate revision -m -tidy-up");
    assert_string_equal(line.revision.message, "-tidy-up");
}

static void a_value_of_the_wrong_kind_is_refused(void **state)
{
    (void)state;
    refuses("migrate upgrade --lock-wait 5x", "--lock-wait takes a duration, not \"5x\"",
            "Write it as 500ms, 30s, 5min or 1h; a bare number is seconds.");
    refuses("migrate upgrade --lock-retries=-1", "--lock-retries takes a whole number, not \"-1\"", "");
    refuses("migrate upgrade --lock-retries 99999999999", "--lock-retries takes a whole number, not \"99999999999\"",
            "");
    refuses("migrate upgrade --sql=yes", "--sql takes no value", "");
    refuses("migrate upgrade --transaction all", "--transaction takes revision or run, not \"all\"", "");
}

static void the_number_of_arguments_is_checked(void **state)
{
    (void)state;
    refuses("migrate downgrade", "downgrade needs an argument", "Usage: migrate downgrade TARGET");
    refuses("migrate heads x", "heads takes no arguments", "Usage: migrate heads");
    refuses("migrate upgrade a b", "upgrade takes 1 argument, not 2", "Usage: migrate upgrade [TARGET]");
    accepts("migrate merge a b c");
    assert_int_equal(line.arguments.count, 3);
}

static void options_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    refuses("migrate upgrade --sql --format json", "--sql prints a script, which --format json cannot hold", "");
    refuses("migrate --format=json stamp --sql a", "--sql prints a script, which --format json cannot hold", "");
    refuses("migrate upgrade --sql --dry-run", "--sql and --dry-run exclude each other", "");
    refuses("migrate history --graph --format dot", "--graph draws in text; leave out --format", "");
    refuses("migrate -q heads -v", "--quiet and --verbose exclude each other", "");
    refuses("migrate revision", "revision needs a message", "Usage: migrate revision -m MSG");
}

static void only_history_is_drawn_by_other_programs(void **state)
{
    (void)state;
    accepts("migrate history --format mermaid");
    assert_int_equal(line.global.format, FORMAT_MERMAID);
    refuses("migrate heads --format dot", "--format takes text or json, not \"dot\"", "");
}

static void help_and_version_end_the_line(void **state)
{
    (void)state;
    accepts("migrate downgrade --help --nonsense");
    assert_true(line.global.help);
    assert_int_equal(command_verb(line.command), VERB_DOWNGRADE);
    accepts("migrate --version --nonsense");
    assert_true(line.global.version);
    accepts("migrate downgrade -vh");
    assert_true(line.global.help && line.global.verbose);
}

static void an_alias_is_the_command(void **state)
{
    (void)state;
    accepts("migrate ensure_version");
    assert_int_equal(command_verb(line.command), VERB_ENSURE_VERSION);
}

static void words_to_be_completed_are_not_read(void **state)
{
    (void)state;
    accepts("migrate __complete upgrade --nonsense -h --");
    assert_int_equal(line.arguments.count, 4);
    assert_string_equal(line.arguments.items[3], "--");
    assert_false(line.global.help);
}

static void no_command_is_no_error(void **state)
{
    (void)state;
    accepts("migrate -v");
    assert_null(line.command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(global_options_stand_before_and_behind_the_command, clean),
        cmocka_unit_test_teardown(a_value_is_the_next_word_or_behind_an_equals_sign, clean),
        cmocka_unit_test_teardown(what_is_not_given_has_its_initial_value, clean),
        cmocka_unit_test_teardown(a_value_that_may_be_left_out_is_only_taken_with_an_equals_sign, clean),
        cmocka_unit_test_teardown(short_flags_are_bundled_and_the_last_takes_a_value, clean),
        cmocka_unit_test_teardown(a_negative_target_is_an_argument, clean),
        cmocka_unit_test_teardown(behind_two_dashes_everything_is_an_argument, clean),
        cmocka_unit_test_teardown(a_list_keeps_what_was_given_in_order, clean),
        cmocka_unit_test_teardown(the_last_of_two_values_counts, clean),
        cmocka_unit_test_teardown(an_optional_value_without_an_equals_sign_is_explained, clean),
        cmocka_unit_test_teardown(a_mistyped_name_is_answered_with_the_closest, clean),
        cmocka_unit_test_teardown(the_beginning_of_a_name_is_not_taken_for_it, clean),
        cmocka_unit_test_teardown(an_option_is_not_taken_for_the_value_of_another, clean),
        cmocka_unit_test_teardown(a_value_of_the_wrong_kind_is_refused, clean),
        cmocka_unit_test_teardown(the_number_of_arguments_is_checked, clean),
        cmocka_unit_test_teardown(options_that_contradict_each_other_are_refused, clean),
        cmocka_unit_test_teardown(only_history_is_drawn_by_other_programs, clean),
        cmocka_unit_test_teardown(help_and_version_end_the_line, clean),
        cmocka_unit_test_teardown(an_alias_is_the_command, clean),
        cmocka_unit_test_teardown(words_to_be_completed_are_not_read, clean),
        cmocka_unit_test_teardown(no_command_is_no_error, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
