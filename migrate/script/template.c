/* template.c: templates/ -> a new file.
 *
 * What a line is, is decided by the template and never by a value: a message that reads "Revises: x" or
 * "migrate:downgrade" stays a message, in double quotes that reading takes off; one that holds a quote or the end of a
 * comment ends neither. */
#include "script/template.h"

#include "embedded.h"
#include "script/script.h"

const struct builtin_template builtin_templates[] = {
    {.name = "default",
     .description = "one database, one folder of revisions",
     .revision_sql = embedded_templates_default_revision_sql_template,
     .config_ini = embedded_templates_default_config_ini_template},
};
const size_t builtin_template_count = sizeof builtin_templates / sizeof builtin_templates[0];

struct chart_files template_chart(struct arena *arena)
{
    static const char folder[] = "templates/helm/migrate/";
    struct chart_file *files = ARENA_ARRAY(arena, embedded_file_count, struct chart_file);
    size_t count = 0;
    for (size_t i = 0; i < embedded_file_count; i++)
        if (text_starts(text_of(embedded_files[i].path), folder))
            files[count++] = (struct chart_file){embedded_files[i].path + sizeof folder - 1, embedded_files[i].content};
    return (struct chart_files){files, count};
}

/* --- where in the template a value stands -------------------------------------------------------- */

enum surroundings { PLAIN, LINE_COMMENT, BLOCK_COMMENT, STRING };

/* What follows these characters of a template's line. */
static enum surroundings follow(enum surroundings now, const char *at, const char *end)
{
    for (; at < end; at++) {
        bool has_next = end - at > 1;
        if (now == PLAIN && *at == '\'')
            now = STRING;
        else if (now == STRING && *at == '\'')
            now = PLAIN;
        else if (now == PLAIN && has_next && at[0] == '-' && at[1] == '-')
            now = LINE_COMMENT;
        else if (now == PLAIN && has_next && at[0] == '/' && at[1] == '*')
            now = BLOCK_COMMENT;
        else if (now == BLOCK_COMMENT && has_next && at[0] == '*' && at[1] == '/')
            now = PLAIN;
    }
    return now;
}

/* Only a block comment lasts longer than its line: an apostrophe in a template's prose opens nothing. */
static enum surroundings next_line(enum surroundings now)
{
    return now == BLOCK_COMMENT ? BLOCK_COMMENT : PLAIN;
}

/* --- values -------------------------------------------------------------------------------------- */

/* How many bytes at `at` would break the line or move a cursor: control characters, U+0080 to U+009F, U+2028, U+2029.
 */
static size_t control_length(const unsigned char *at)
{
    if (*at < ' ' || *at == 0x7f)
        return 1;
    if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9f)
        return 2;
    return at[0] == 0xE2 && at[1] == 0x80 && (at[2] == 0xA8 || at[2] == 0xA9) ? 3 : 0;
}

/* The value on one line, without white space at its ends. */
static struct text plain_value(const char *value, struct arena *arena)
{
    struct buffer plain = {.arena = arena};
    for (const char *at = value; *at;) {
        size_t control = control_length((const unsigned char *)at);
        buffer_character(&plain, control ? ' ' : *at);
        at += control ? control : 1;
    }
    return text_trim((struct text){.at = plain.at, .length = plain.length});
}

/* Would the two characters begin or end a comment? */
static bool are_comment(char first, char second)
{
    return (first == '*' && second == '/') || (first == '/' && second == '*');
}

static void add_value(struct buffer *line, struct text value, enum surroundings where)
{
    for (size_t i = 0; i < value.length; i++) {
        if (where == BLOCK_COMMENT && line->length && are_comment(line->at[line->length - 1], value.at[i]))
            buffer_character(line, ' ');
        if (where == STRING && value.at[i] == '\'')
            buffer_character(line, '\'');
        buffer_character(line, value.at[i]);
    }
    if (where == BLOCK_COMMENT)
        buffer_character(line, ' '); // the template may go on with a '/'
}

/* --- lines --------------------------------------------------------------------------------------- */

struct filling {
    const char *path;
    const struct replacement *replacements;
    size_t count;
    struct arena *arena;
    struct buffer out;
    enum surroundings where;
    unsigned line_number;
};

/* Puts an error at the "${" before `name`. */
static bool at_name(const struct filling *filling, struct text line, struct text name, struct error *err)
{
    size_t column = text_characters((struct text){.at = line.at, .length = (size_t)(name.at - 2 - line.at)}) + 1;
    error_place(err, filling->path, filling->line_number, (unsigned)column);
    return error_excerpt(err, line.at, line.length);
}

static bool unknown_name(const struct filling *filling, struct text line, struct text name, struct error *err)
{
    struct name_list known = {0};
    for (size_t i = 0; i < filling->count; i++)
        ARENA_PUSH(filling->arena, &known, filling->replacements[i].name);
    const char *closest = text_closest(arena_copy(filling->arena, name.at, name.length), names_of(&known));
    error_set(err, MIGRATE_MALFORMED_FILE, "${%.*s} is not known%s%s%s", (int)name.length, name.at,
              closest ? "; did you mean ${" : "", closest ? closest : "", closest ? "}?" : "");
    error_hint(err, "Known are: %s.", names_join(names_of(&known), ", ", filling->arena));
    return at_name(filling, line, name, err);
}

static bool value_of(const struct filling *filling, struct text line, struct text name, const char **value,
                     struct error *err)
{
    for (size_t i = 0; i < filling->count; i++) {
        if (text_is(name, filling->replacements[i].name)) {
            *value = filling->replacements[i].value;
            *value = *value ? *value : "";
            if (text_utf8_length(text_of(*value)) == strlen(*value))
                return true;
            return error_set(err, MIGRATE_USAGE, "%s is not UTF-8", filling->replacements[i].name);
        }
    }
    return unknown_name(filling, line, name, err);
}

/* Replaces each ${name}; what was replaced is not looked at again. */
static bool fill_values(struct filling *filling, struct text line, struct buffer *filled, struct error *err)
{
    const char *at = line.at, *end = line.at + line.length;
    for (const char *open; (open = memmem(at, (size_t)(end - at), "${", 2));) {
        filling->where = follow(filling->where, at, open);
        buffer_add(filled, at, (size_t)(open - at));
        const char *close = memchr(open, '}', (size_t)(end - open));
        const char *value = "";
        struct text name = {.at = open + 2, .length = (size_t)((close ? close : end) - open) - 2};
        if (!close) {
            error_set(err, MIGRATE_MALFORMED_FILE, "${ is not closed");
            error_hint(err, "Write ${name} on one line.");
            return at_name(filling, line, name, err);
        }
        if (!value_of(filling, line, name, &value, err))
            return false;
        add_value(filled, plain_value(value, filling->arena), filling->where);
        at = close + 1;
    }
    filling->where = follow(filling->where, at, end);
    buffer_add(filled, at, (size_t)(end - at));
    return true;
}

static bool comment_of(struct text line, struct text *comment)
{
    struct text trimmed = text_trim(line);
    if (!text_starts(trimmed, "--"))
        return false;
    *comment = text_trim((struct text){.at = trimmed.at + 2, .length = trimmed.length - 2});
    return true;
}

/* "-- Depends On: " says nothing; "-- Revises:" says that the revision is a base. */
static bool is_empty_key(struct text comment)
{
    const char *key = NULL;
    struct text value;
    return header_is_key(comment, &key, &value) && value.length == 0 && strcmp(key, "Revises") != 0;
}

/* The line with its values in place, or nothing if it is a key whose value is empty. */
static void put_line(struct filling *filling, struct text line, struct text filled)
{
    struct text before, comment;
    bool is_comment = comment_of(line, &before) && comment_of(filled, &comment);
    if (is_comment && !header_must_quote(before) && header_must_quote(comment)) {
        buffer_printf(&filling->out, "-- \"%.*s\"\n", (int)comment.length, comment.at);
        return;
    }
    if (is_comment && is_empty_key(comment))
        return;
    while (filled.length && filled.at[filled.length - 1] == ' ')
        filled.length--;
    buffer_text(&filling->out, filled);
    buffer_character(&filling->out, '\n');
}

static bool fill_line(struct filling *filling, struct text line, struct error *err)
{
    struct buffer filled = {.arena = filling->arena};
    if (!memmem(line.at, line.length, "${", 2)) {
        buffer_text(&filling->out, line);
        buffer_character(&filling->out, '\n');
        filling->where = follow(filling->where, line.at, line.at + line.length);
        return true;
    }
    if (!fill_values(filling, line, &filled, err))
        return false;
    put_line(filling, line, (struct text){.at = buffer_done(&filled), .length = filled.length});
    return true;
}

bool template_fill(struct text template_text, const char *path, const struct replacement *replacements, size_t count,
                   struct arena *arena, struct text *filled, struct error *err)
{
    struct filling filling = {
        .path = path, .replacements = replacements, .count = count, .arena = arena, .out = {.arena = arena}};
    struct text rest = template_text;
    while (rest.length) {
        struct text line = text_split(rest, '\n', &rest);
        bool has_newline = line.at + line.length < template_text.at + template_text.length;
        filling.line_number++;
        if (!fill_line(&filling, line, err))
            return false;
        if (!has_newline && filling.out.length) // it had none to begin with
            filling.out.length--;
        filling.where = next_line(filling.where);
    }
    *filled = (struct text){.at = buffer_done(&filling.out), .length = filling.out.length};
    return true;
}

/* --- file names ---------------------------------------------------------------------------------- */

const char *template_slug(const char *message, size_t limit, struct arena *arena)
{
    char *slug = arena_alloc(arena, strlen(message) + 1);
    size_t length = 0;
    bool pending = false; // a run of other characters, which counts only between two words
    for (const char *at = message; *at; at++) {
        bool upper = *at >= 'A' && *at <= 'Z';
        if (!upper && !(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9')) {
            pending = length > 0;
            continue;
        }
        if (length + pending >= limit)
            break;
        if (pending)
            slug[length++] = '_';
        slug[length++] = upper ? (char)(*at | 0x20) : *at;
        pending = false;
    }
    slug[length] = '\0';
    return slug;
}
