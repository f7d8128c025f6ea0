/* env.c: .env files, as shells and docker write them.
 *
 * Such a file belongs to the application and is read by several tools that disagree on details. Read here is what they
 * agree on; where a line could mean two things it is an error with its number, and never with its text, since that may
 * be a password. */
#include "config/config.h"

struct reader {
    struct text rest;
    const char *path;
    unsigned line;
    struct arena *arena;
};

static bool malformed(const struct reader *reader, unsigned line, const char *what, struct error *err)
{
    error_set(err, MIGRATE_CONFIGURATION, "%s", what);
    return error_place(err, reader->path, line, 0);
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r';
}

static void advance(struct reader *reader, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++)
        reader->line += reader->rest.at[i] == '\n';
    reader->rest.at += size_bytes;
    reader->rest.length -= size_bytes;
}

/* What is left of the line, without its end. */
static struct text this_line(const struct reader *reader)
{
    struct text rest;
    return text_split(reader->rest, '\n', &rest);
}

static char unescaped(char character)
{
    switch (character) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '"':
    case '\\':
    case '$':
        return character;
    default:
        return '\0';
    }
}

/* From behind the opening quote to behind the closing one. */
static bool take_quoted(struct reader *reader, char quote, const char **value, struct error *err)
{
    struct buffer text = {.arena = reader->arena};
    unsigned start = reader->line;
    size_t at = 0;
    for (; at < reader->rest.length && reader->rest.at[at] != quote; at++) {
        char character = reader->rest.at[at];
        char escape = character == '\\' && quote == '"' && at + 1 < reader->rest.length
                          ? unescaped(reader->rest.at[at + 1])
                          : '\0';
        buffer_character(&text, escape ? escape : character);
        at += escape != '\0';
    }
    if (at >= reader->rest.length)
        return malformed(reader, start, "a quote that is opened here is never closed", err);
    advance(reader, at + 1);
    *value = buffer_done(&text);

    struct text behind = text_trim(this_line(reader));
    if (behind.length && *behind.at != '#')
        return malformed(reader, reader->line, "there is text behind the closing quote", err);
    advance(reader, this_line(reader).length);
    return true;
}

/* A # begins a comment only behind white space: passwords and URLs hold it, too. */
static const char *take_plain(struct reader *reader)
{
    struct text line = this_line(reader), value = line;
    for (size_t i = 1; i < line.length; i++) {
        if (line.at[i] == '#' && is_blank(line.at[i - 1])) {
            value.length = i;
            break;
        }
    }
    value = text_trim(value);
    advance(reader, line.length);
    return arena_copy(reader->arena, value.at, value.length);
}

static bool take_value(struct reader *reader, const char **value, struct error *err)
{
    struct text line = this_line(reader);
    size_t blanks = 0;
    while (blanks < line.length && is_blank(line.at[blanks]))
        blanks++;
    char first = blanks < line.length ? line.at[blanks] : '\0';
    if (first != '"' && first != '\'') {
        *value = take_plain(reader);
        return true;
    }
    advance(reader, blanks + 1);
    return take_quoted(reader, first, value, err);
}

static bool is_name(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (is_blank(text.at[i]) || strchr("'\"`$(){}", text.at[i]))
            return false;
    return text.length > 0;
}

static struct text without_export(struct text name)
{
    static const char word[] = "export";
    size_t length = sizeof word - 1;
    if (!text_starts(name, word) || name.length == length || !is_blank(name.at[length]))
        return name;
    return text_trim((struct text){.at = name.at + length, .length = name.length - length});
}

static bool take_setting(struct reader *reader, struct settings *settings, struct error *err)
{
    struct text behind, line = this_line(reader);
    struct text name = without_export(text_trim(text_split(line, '=', &behind)));
    bool has_value = memchr(line.at, '=', line.length) != NULL;
    if (!is_name(name))
        return malformed(reader, reader->line, "this line is no KEY=value", err);
    struct setting setting = {.name = arena_copy(reader->arena, name.at, name.length), .line = reader->line};
    advance(reader, line.length - behind.length);
    if (!has_value)
        return true;
    if (!take_value(reader, &setting.value, err))
        return false;
    ARENA_PUSH(reader->arena, settings, setting);
    return true;
}

bool env_parse(struct text text, const char *path, struct arena *arena, struct settings *settings, struct error *err)
{
    struct reader reader = {.rest = text, .path = path, .line = 1, .arena = arena};
    while (reader.rest.length) {
        if (is_blank(*reader.rest.at) || *reader.rest.at == '\n')
            advance(&reader, 1);
        else if (*reader.rest.at == '#')
            advance(&reader, this_line(&reader).length);
        else if (!take_setting(&reader, settings, err))
            return false;
    }
    return true;
}
