/* command_line.c: reads argv, word by word, by the rows of the command that it names; then asks whether what was read
 * goes together. */
#include "cli/command_line.h"

static bool wrong_count(const struct command *command, size_t count, struct error *err)
{
    if (count < command->at_least)
        error_set(err, MIGRATE_USAGE, "%s needs an argument", command->name);
    else if (command->at_most == 0)
        error_set(err, MIGRATE_USAGE, "%s takes no arguments", command->name);
    else
        error_set(err, MIGRATE_USAGE, "%s takes %zu argument%s, not %zu", command->name, command->at_most,
                  command->at_most == 1 ? "" : "s", count);
    return error_hint(err, "Usage: migrate %s%s%s", command->name, command->arguments ? " " : "",
                      command->arguments ? command->arguments : "");
}

static bool right_count(const struct command_line *line, struct error *err)
{
    size_t count = line->arguments.count;
    return (count >= line->command->at_least && count <= line->command->at_most) ||
           wrong_count(line->command, count, err);
}

static bool ends_as_file(struct text word)
{
    static const char *const endings[] = {".bak", ".db", ".dump"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t length = strlen(endings[i]);
        if (word.length > length && memcmp(word.at + word.length - length, endings[i], length) == 0)
            return true;
    }
    return memchr(word.at, '/', word.length);
}

/* A value that may be left out is only taken with =. One that stands by itself was read as an argument, which looks as
 * no revision does. */
static bool is_stray(const struct command_line *line, bool backs_up, const char *word, struct error *err)
{
    int64_t time_ms = 0;
    bool is_time =
        line->global.wait_ms && text_duration(text_of(word), 1000, &time_ms) && !text_integer(text_of(word), &time_ms);
    bool is_file = backs_up && ends_as_file(text_of(word));
    if (!is_time && !is_file)
        return false;
    error_set(err, MIGRATE_USAGE, "\"%s\" does not name a revision", word);
    if (is_time)
        error_hint(err, "A time for --wait is written with =: --wait=%s.", word);
    else
        error_hint(err, "A file for --backup is written with =: --backup=%s.", word);
    return true;
}

static bool any_stray(const struct command_line *line, bool backs_up, struct error *err)
{
    for (size_t i = 0; i < line->arguments.count; i++)
        if (is_stray(line, backs_up, line->arguments.items[i], err))
            return true;
    return false;
}

/* What no single row can say. */
static bool consistent(const struct command_line *line, struct error *err)
{
    enum verb verb = command_verb(line->command);
    bool changes = verb == VERB_UPGRADE || verb == VERB_DOWNGRADE || verb == VERB_GOTO;
    bool sql = changes ? line->change.sql : (verb == VERB_STAMP || verb == VERB_ENSURE_VERSION) && line->stamp.sql;
    const struct {
        bool is_broken;
        const char *message, *hint;
    } rules[] = {
        {sql && line->global.format == FORMAT_JSON, "--sql prints a script, which --format json cannot hold", NULL},
        {changes && sql && line->change.dry_run, "--sql and --dry-run exclude each other", NULL},
        {verb == VERB_REVISION && !line->revision.message, "revision needs a message",
         "Usage: migrate revision -m MSG"},
        {verb == VERB_REPAIR && !!line->repair.abandon + !!line->repair.done + !!line->repair.accept > 1,
         "--abandon, --done and --accept exclude each other", NULL},
        {verb == VERB_HISTORY && line->history.graph && line->global.format != FORMAT_TEXT,
         "--graph draws in text; leave out --format", NULL},
        {line->global.quiet && line->global.verbose, "--quiet and --verbose exclude each other", NULL},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (!rules[i].is_broken)
            continue;
        error_set(err, MIGRATE_USAGE, "%s", rules[i].message);
        return rules[i].hint ? error_hint(err, "%s", rules[i].hint) : false;
    }
    bool backs_up = changes && line->change.backup && *line->change.backup == '\0';
    return (line->command->word != WORD_REVISION || !any_stray(line, backs_up, err)) && right_count(line, err);
}

static bool take_command(const char *name, struct option_reader *reader, struct command_line *line, struct error *err)
{
    line->command = command_named(name);
    if (!line->command)
        return command_unknown(name, reader->arena, err);
    options_initial(line->command->options, line);
    reader->listed = arena_printf(reader->arena, "\"migrate help %s\" lists the options.", line->command->name);
    reader->only_arguments |= command_verb(line->command) == VERB_COMPLETE; // its words are someone else's line
    return true;
}

bool command_line_read(int argc, char *const *argv, struct arena *arena, struct command_line *line, struct error *err)
{
    struct option_table tables[] = {{NULL, 0}, global_options};
    struct option_reader reader = {
        .argv = argv,
        .argc = argc,
        .at = 1,
        .tables = tables,
        .table_count = 2,
        .into = line,
        .arena = arena,
        .listed = "Options of a command are written behind it; \"migrate help\" lists commands and options."};
    struct name_list arguments = {0};
    *line = (struct command_line){0};
    options_initial(global_options, line);
    for (;;) {
        const char *word = NULL;
        if (!options_read(&reader, &word, err))
            return false;
        if (reader.stopped)
            return true;
        if (!word)
            break;
        if (line->command)
            ARENA_PUSH(arena, &arguments, word);
        else if (!take_command(word, &reader, line, err))
            return false;
        else
            tables[0] = line->command->options;
    }
    line->arguments = names_of(&arguments);
    return line->command ? consistent(line, err) : true;
}
