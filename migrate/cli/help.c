/* help.c: help on a terminal. The manual page says the same (manual.c); both are printed from commands.c. */
#include "cli/help.h"

#include "base/text.h"

enum { INDENT = 2, GAP = 2, WIDEST_TERM = 32 };

/* Words of `text` from column `column` on, in lines that begin at `indent`. Lines of its own stay lines. */
static void wrap(struct buffer *out, const char *text, size_t indent, size_t column)
{
    struct text rest = text_of(text);
    while (rest.length) {
        bool paragraph = *rest.at == '\n';
        struct text word = {.at = rest.at, .length = paragraph ? 1 : 0};
        while (!paragraph && word.length < rest.length && !strchr(" \n", word.at[word.length]))
            word.length++;
        rest.at += word.length + (!paragraph && word.length < rest.length && word.at[word.length] == ' ');
        rest.length = strlen(rest.at);
        if (paragraph || (column > indent && column + 1 + text_characters(word) > HELP_WIDTH)) {
            buffer_character(out, '\n');
            column = 0;
        }
        if (paragraph || word.length == 0)
            continue;
        if (column < indent)
            buffer_printf(out, "%*s", (int)(indent - column), "");
        else if (column > indent)
            buffer_character(out, ' ');
        column = (column < indent ? indent : column + (column > indent)) + text_characters(word);
        buffer_text(out, word);
    }
    buffer_character(out, '\n');
}

/* One line of a list: a coloured term, and what it is in the column beside (or the line below, if it is long). */
static void entry(struct buffer *out, const char *colour, const char *term, const struct palette *palette,
                  size_t term_width, const char *meaning)
{
    size_t width = text_characters(text_of(term));
    size_t column = INDENT + term_width + GAP;
    buffer_printf(out, "%*s%s%s%s", INDENT, "", colour, term, palette->off);
    if (!meaning) {
        buffer_character(out, '\n');
        return;
    }
    if (width > term_width)
        buffer_printf(out, "\n%*s", (int)column, "");
    else
        buffer_printf(out, "%*s", (int)(term_width - width + GAP), "");
    wrap(out, meaning, column, column);
}

static const char *option_term(const struct option *option, struct arena *arena)
{
    struct buffer term = {.arena = arena};
    if (option->letter)
        buffer_printf(&term, "-%c, --%s", option->letter, option->name);
    else
        buffer_printf(&term, "    --%s", option->name);
    if (option->implied)
        buffer_printf(&term, "[=%s]", option->argument);
    else if (option->argument)
        buffer_printf(&term, " %s", option->argument);
    return buffer_done(&term);
}

static size_t widest_option(struct option_table table, struct arena *arena, size_t least)
{
    for (size_t i = 0; i < table.count; i++) {
        size_t width = strlen(option_term(&table.rows[i], arena));
        if (width > least && width <= WIDEST_TERM)
            least = width;
    }
    return least;
}

static void option_list(struct buffer *out, struct option_table table, size_t width, const struct palette *palette)
{
    for (size_t i = 0; i < table.count; i++)
        entry(out, palette->green, option_term(&table.rows[i], out->arena), palette, width, table.rows[i].summary);
}

static void title(struct buffer *out, const char *text, const struct palette *palette)
{
    buffer_printf(out, "\n%s%s%s\n", palette->bold, text, palette->off);
}

static const char *command_term(const struct command *command, struct arena *arena)
{
    return arena_printf(arena, "%s%s%s", command->name, command->arguments ? " " : "",
                        command->arguments ? command->arguments : "");
}

static void command_list(struct buffer *out, enum command_group group, size_t width, const struct palette *palette)
{
    title(out, command_group_titles[group], palette);
    for (size_t i = 0; i < VERBS; i++)
        if (commands[i].group == group)
            entry(out, palette->cyan, command_term(&commands[i], out->arena), palette, width, commands[i].summary);
}

const char *help_overview(const struct palette *palette, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    size_t width = 0;
    for (size_t i = 0; i < VERBS; i++)
        if (commands[i].group != GROUP_HIDDEN && strlen(command_term(&commands[i], arena)) > width)
            width = strlen(command_term(&commands[i], arena));
    buffer_printf(&out,
                  "Schema migrations for PostgreSQL and SQLite, as plain SQL files.\n\n%sUsage%s  migrate [OPTIONS] "
                  "COMMAND [ARGUMENTS]\n",
                  palette->bold, palette->off);
    for (enum command_group group = 0; group < GROUP_HIDDEN; group++)
        command_list(&out, group, width, palette);
    title(&out, "Global options, before or behind the command", palette);
    option_list(&out, global_options, widest_option(global_options, arena, 0), palette);
    title(&out, "To begin", palette);
    entry(&out, palette->cyan, "migrate init", palette, 42, "a migrations folder and its configuration");
    entry(&out, palette->cyan, "migrate revision -m \"create the kitchens\"", palette, 42, "a file to write SQL into");
    entry(&out, palette->cyan, "migrate upgrade --dry-run", palette, 42, "see what would run");
    entry(&out, palette->cyan, "migrate upgrade", palette, 42, "run it");
    buffer_printf(&out,
                  "\nMore: %smigrate help COMMAND%s, and the whole manual with %smigrate help --man | man -l -%s\n",
                  palette->cyan, palette->off, palette->cyan, palette->off);
    return buffer_done(&out);
}

static void example_list(struct buffer *out, const struct example *examples, const struct palette *palette)
{
    size_t width = 0;
    for (const struct example *example = examples; example->line; example++)
        if (example->comment && strlen(example->line) > width)
            width = strlen(example->line);
    title(out, "Examples", palette);
    for (const struct example *example = examples; example->line; example++)
        entry(out, palette->cyan, example->line, palette, width, example->comment);
}

/* "Migrate" from "migrate": summaries are lower case for lists, and open a page as a sentence. */
static void sentence(struct buffer *out, const char *summary)
{
    char *line = arena_printf(out->arena, "%s.", summary);
    if (line[0] >= 'a' && line[0] <= 'z')
        line[0] = (char)(line[0] - 'a' + 'A');
    wrap(out, line, 0, 0);
}

const char *help_command(const struct command *command, const struct palette *palette, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    sentence(&out, command->summary);
    buffer_printf(&out, "\n%sUsage%s  migrate %s%s\n", palette->bold, palette->off, command_term(command, arena),
                  command->options.count ? " [OPTIONS]" : "");
    if (command->alias)
        buffer_printf(&out, "       migrate %s\n", command->alias);
    if (command->details) {
        buffer_character(&out, '\n');
        wrap(&out, command->details, 0, 0);
    }
    size_t width = widest_option(global_options, arena, widest_option(command->options, arena, 0));
    if (command->options.count) {
        title(&out, "Options", palette);
        option_list(&out, command->options, width, palette);
    }
    if (command->examples)
        example_list(&out, command->examples, palette);
    if (command->word == WORD_REVISION || command_verb(command) == VERB_HISTORY) {
        title(&out, "Revisions", palette);
        entry(&out, palette->green, "head  heads  base  current", palette, 28,
              "the head; all heads; before the first; where the database is");
        entry(&out, palette->green, "27c6a30d7c24  27c6  LABEL", palette, 28,
              "an id, the beginning of one that no other has, a branch label");
        entry(&out, palette->green, "+1  -2  head-1  ID+2", palette, 28,
              "steps from where the database is, or from there");
        entry(&out, palette->green, "BRANCH@head  BRANCH@-1", palette, 28, "the same, on one branch");
    }
    buffer_printf(&out, "\nGlobal options are listed by %smigrate help%s.\n", palette->cyan, palette->off);
    return buffer_done(&out);
}
