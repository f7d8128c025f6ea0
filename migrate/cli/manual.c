/* manual.c: migrate(1). What a table knows is printed from it; what stands here as text is what no table has:
 * the grammar of identifiers, the environment and the files. */
#include "cli/manual.h"

#include "base/text.h"
#include "cli/commands.h"
#include "cli/guides.h"

#include <stdio.h>

/* Text as roff takes it: no backslash, no hyphen that could be typeset as a dash, no line that begins as a request. */
static void roff(struct buffer *out, const char *text)
{
    bool line_begins = true;
    for (; *text; text++) {
        if (line_begins && (*text == '.' || *text == '\''))
            buffer_string(out, "\\&");
        line_begins = *text == '\n';
        if (*text == '\\')
            buffer_string(out, "\\e");
        else if (*text == '-')
            buffer_string(out, "\\-");
        else
            buffer_character(out, *text);
    }
}

static void section(struct buffer *out, const char *name)
{
    buffer_printf(out, ".SH %s\n", name);
}

/* Sentences; a blank line is a new paragraph. */
static void paragraphs(struct buffer *out, const char *text)
{
    struct text rest = text_of(text);
    while (rest.length) {
        struct text line = text_split(rest, '\n', &rest);
        if (line.length == 0) {
            buffer_string(out, ".PP\n");
            continue;
        }
        roff(out, arena_copy(out->arena, line.at, line.length));
        buffer_character(out, '\n');
    }
}

static void term(struct buffer *out, const char *name, const char *meaning)
{
    buffer_string(out, ".TP\n\\fB");
    roff(out, name);
    buffer_string(out, "\\fR\n");
    paragraphs(out, meaning);
}

static void option_entry(struct buffer *out, const struct option *option)
{
    buffer_string(out, ".TP\n");
    if (option->letter)
        buffer_printf(out, "\\fB\\-%c\\fR, ", option->letter);
    buffer_string(out, "\\fB\\-\\-");
    roff(out, option->name);
    buffer_string(out, "\\fR");
    if (option->argument)
        buffer_printf(out, "%s\\fI%s\\fR%s", option->implied ? "[=" : " ", option->argument,
                      option->implied ? "]" : "");
    buffer_character(out, '\n');
    paragraphs(out, option->summary);
}

static void examples(struct buffer *out, const struct example *example)
{
    buffer_string(out, ".PP\n.EX\n");
    for (; example->line; example++) {
        buffer_string(out, "    ");
        roff(out, example->line);
        if (example->comment) {
            buffer_string(out, "  # ");
            roff(out, example->comment);
        }
        buffer_character(out, '\n');
    }
    buffer_string(out, ".EE\n");
}

static void command_entry(struct buffer *out, const struct command *command)
{
    buffer_string(out, ".SS ");
    roff(out, command->name);
    if (command->arguments) {
        buffer_character(out, ' ');
        roff(out, command->arguments);
    }
    buffer_character(out, '\n');
    char *summary = arena_printf(out->arena, "%s%s%s%s.", command->summary, command->alias ? " (also " : "",
                                 command->alias ? command->alias : "", command->alias ? ")" : "");
    if (summary[0] >= 'a' && summary[0] <= 'z')
        summary[0] = (char)(summary[0] - 'a' + 'A');
    paragraphs(out, summary);
    if (command->details) {
        buffer_string(out, ".PP\n");
        paragraphs(out, command->details);
    }
    for (size_t i = 0; i < command->options.count; i++)
        option_entry(out, &command->options.rows[i]);
    if (command->examples)
        examples(out, command->examples);
}

static void command_entries(struct buffer *out)
{
    section(out, "COMMANDS");
    for (enum command_group group = 0; group < GROUP_HIDDEN; group++)
        for (size_t i = 0; i < VERBS; i++)
            if (commands[i].group == group)
                command_entry(out, &commands[i]);
}

static void identifiers(struct buffer *out)
{
    section(out, "REVISIONS");
    paragraphs(out, "Wherever a revision is named, one grammar holds:");
    buffer_string(out, ".PP\n.EX\n");
    roff(out, "    target := [branch \"@\"] symbol [(\"+\"|\"-\") N] | [branch \"@\"] (\"+\"|\"-\") N\n"
              "    symbol := head | heads | base | current | ID | beginning of an ID or label | label\n"
              "    branch := label | ID | beginning of either\n"
              "    range  := [target] \":\" [target]\n");
    buffer_string(out, ".EE\n.PP\n");
    paragraphs(
        out,
        "An exact id or label wins over the beginning of one; a beginning must be unique. head is the one revision "
        "that nothing follows, and an error where there are several: heads are all of them, BRANCH@head the one "
        "of a branch. base is before the first revision. current is where the database is, and a bare +N or -N "
        "counts from there.\n\n"
        "A range is taken by history, and by upgrade, downgrade and stamp with --sql.");
}

/* Codes of one status stand together in enum migrate_code. */
static void exit_statuses(struct buffer *out)
{
    section(out, "EXIT STATUS");
    paragraphs(
        out, "10 to 13 are worth another try, and so is a run that was interrupted; no other status is. The names are "
             "those of error.code in JSON.");
    for (enum migrate_code code = 0; code < MIGRATE_CODES; code++) {
        bool first = code == 0 || migrate_code_exit(code) != migrate_code_exit(code - 1);
        const char *status = arena_printf(out->arena, "%d%s", migrate_code_exit(code),
                                          code == MIGRATE_INTERRUPTED ? ", or 143 after SIGTERM" : "");
        if (first)
            buffer_printf(out, ".TP\n\\fB%s\\fR\n", status);
        else
            buffer_string(out, ".br\n");
        buffer_string(out, "\\fI");
        roff(out, migrate_code_name(code));
        buffer_string(out, "\\fR: ");
        roff(out, migrate_code_meaning(code));
        buffer_character(out, '\n');
    }
}

static void environment(struct buffer *out)
{
    section(out, "ENVIRONMENT");
    paragraphs(
        out,
        "The database is what --url names; else the first of these in the environment, else in .env, else url in the "
        "configuration, else libpq's own PG variables.");
    term(out, "MIGRATE_DATABASE_URL, DATABASE_URL, SQLALCHEMY_DATABASE_URI, DB_URL",
         "a URL: postgresql://USER@HOST:PORT/NAME, sqlite:///relative.db or sqlite:////absolute.db. The first is for a "
         "direct address where the application's goes through a pooler.");
    term(out, "DATABASE_SECRET_FILE", "a mounted JSON secret, read again at each connection.");
    term(out, "DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_USER, DATABASE_PASSWORD",
         "the database in parts.");
    term(out,
         "DB_CONNECT_TIMEOUT, DB_READ_TIMEOUT, DB_STATEMENT_TIMEOUT, DB_IDLE_TIMEOUT, DB_LOCK_TIMEOUT, DB_SSL_MODE, "
         "DB_SSL_ROOT_CERT, DB_SSL_CERT, DB_SSL_KEY, DB_APPLICATION_NAME, DB_ROLE, DB_SEARCH_PATH",
         "settings of the connection. The first two are in seconds, the other timeouts in milliseconds.");
    term(out, "MIGRATE_CONFIG", "path of the configuration, as --config.");
    term(out, "VISUAL, EDITOR", "the editor for edit and --edit.");
    term(out, "NO_COLOR", "when set, no colour unless --color always.");
}

static void files(struct buffer *out)
{
    section(out, "FILES");
    term(out, "migrate.ini",
         "the configuration: the nearest one from the current folder up. [migrate:staging] inherits from "
         "[migrate].");
    term(out, ".env", "environment for the configuration beside it. The environment itself is stronger.");
    term(out, "migrations/*.sql",
         "revision files. Each has a header with Revision ID and Revises, and sections that begin with "
         "-- migrate:upgrade and -- migrate:downgrade.");
}

/* Lines that begin with four spaces stand as they are, the others are filled. */
static void guide(struct buffer *out, const struct guide *guide)
{
    bool is_verbatim = false, is_begun = false;
    section(out, guide->title);
    for (struct text rest = text_of(guide->text); rest.length;) {
        struct text line = text_split(rest, '\n', &rest);
        bool indented = text_starts(line, "    ");
        if (indented && !is_verbatim)
            buffer_string(out, is_begun ? ".PP\n.EX\n" : ".EX\n");
        is_begun = true;
        if (!indented && is_verbatim && line.length == 0 && text_starts(rest, "    "))
            indented = true; // a blank line inside an example
        if (!indented && is_verbatim)
            buffer_string(out, ".EE\n");
        is_verbatim = indented;
        if (!indented && line.length == 0)
            buffer_string(out, rest.length && !text_starts(rest, "    ") ? ".PP\n" : "");
        else
            roff(out, arena_copy(out->arena, line.at, line.length));
        if (indented || line.length)
            buffer_character(out, '\n');
    }
    if (is_verbatim)
        buffer_string(out, ".EE\n");
}

const char *manual_page(struct arena *arena)
{
    struct buffer out = {.arena = arena};
    buffer_printf(&out, ".nr HY 0\n.TH MIGRATE 1 \"\" \"migrate %s\" \"User Commands\"\n.nh\n.ad l\n", MIGRATE_VERSION);
    section(&out, "NAME");
    buffer_string(&out, "migrate \\- schema migrations for PostgreSQL and SQLite\n");
    section(&out, "SYNOPSIS");
    buffer_string(&out, "\\fBmigrate\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n");
    section(&out, "DESCRIPTION");
    paragraphs(
        &out,
        "migrate brings the schema of a database from one revision to another. A revision is one SQL file that says "
        "which revision it follows; the files of a folder form a graph, which may branch and merge. Which "
        "revisions a database is at is kept in the database, in the table alembic_version.\n\n"
        "Results are written to standard output, everything else to standard error. With --format json the result "
        "is one object.");
    section(&out, "OPTIONS");
    paragraphs(
        &out,
        "Accepted before and behind the command. TIME is written as 500ms, 30s, 5min or 1h; a bare number is seconds.");
    for (size_t i = 0; i < global_options.count; i++)
        option_entry(&out, &global_options.rows[i]);
    command_entries(&out);
    identifiers(&out);
    for (const struct guide *each = guides; each->title; each++)
        guide(&out, each);
    exit_statuses(&out);
    environment(&out);
    files(&out);
    section(&out, "SEE ALSO");
    buffer_string(&out, "\\fBpsql\\fR(1), \\fBsqlite3\\fR(1)\n");
    return buffer_done(&out);
}
