/* script.c: one revision file -> its sections.
 *
 * Every line of the file, wherever it stands, is asked whether it is a marker (`-- migrate:upgrade`). What is nearly
 * one is an error: a mistyped marker that passed for a comment would run the downgrade as a part of the upgrade. The
 * header is header.c's, what the SQL between the markers is judge.c's. */
#include "script/script.h"

#include "script/lines.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- markers ------------------------------------------------------------------------------------- */

/* Where an error in a marker goes. */
struct marker_error {
    struct text file;
    const char *path;
    struct error *err;
};

/* Adds hint and place to the error that was set. */
static bool marker_refused(const struct marker_error *at, struct text word)
{
    error_hint(at->err, "%s", marker_hint);
    return line_place(at->file, at->path, (size_t)(word.at - at->file.at), at->err);
}

/* The word cannot stand in a marker; names the closest that can. */
static bool unknown_word(const struct marker_error *at, const char *what, struct text word, struct names known)
{
    char copy[LONGEST_NAME + 1] = {0};
    memcpy(copy, word.at, word.length < LONGEST_NAME ? word.length : LONGEST_NAME);
    const char *closest = text_closest(copy, known);
    error_set(at->err, MIGRATE_MALFORMED_FILE, "%s \"%.*s\" is not known%s%s%s", what, (int)word.length, word.at,
              closest ? "; did you mean \"" : "", closest ? closest : "", closest ? "\"?" : "");
    return marker_refused(at, word);
}

static bool bad_word(const struct marker_error *at, struct text word, const char *message)
{
    error_set(at->err, MIGRATE_MALFORMED_FILE, "\"%.*s\" %s", (int)word.length, word.at, message);
    return marker_refused(at, word);
}

enum word { WORD_POSTGRESQL, WORD_SQLITE, WORD_AUTOCOMMIT, WORD_LOCK_TIMEOUT, WORD_STATEMENT_TIMEOUT, WORDS };
static const char *const words_known[WORDS] = {"postgresql", "sqlite", "autocommit", "lock_timeout",
                                               "statement_timeout"};
static const char *const directions_known[] = {"upgrade", "downgrade"};

enum { LONGEST_TIMEOUT_MS = INT32_MAX }; // what PostgreSQL can hold

static bool read_timeout(const struct marker_error *at, struct text word, struct text value, int64_t *milliseconds)
{
    bool has_unit = value.length && !(value.at[value.length - 1] >= '0' && value.at[value.length - 1] <= '9');
    bool is_metre = value.length > 1 && value.at[value.length - 1] == 'm'; // minutes or milliseconds?
    if (!has_unit)
        return bad_word(at, word, "needs a number and a unit: ms, s, min or h");
    if (is_metre || !text_duration(value, 0, milliseconds) || *milliseconds > LONGEST_TIMEOUT_MS)
        return bad_word(at, word, "is no duration; write a number and ms, s, min or h");
    return true;
}

static bool read_word(const struct marker_error *at, struct text word, bool seen[WORDS], struct section *section)
{
    struct text value;
    struct text name = text_split(word, '=', &value);
    bool has_value = name.length < word.length;
    size_t which = 0;
    while (which < WORDS && !text_is(name, words_known[which]))
        which++;
    if (which == WORDS)
        return unknown_word(at, "the word", name, (struct names){words_known, WORDS});
    if (seen[which])
        return bad_word(at, word, "stands here twice");
    seen[which] = true;
    if (seen[WORD_POSTGRESQL] && seen[WORD_SQLITE])
        return bad_word(at, word, "makes two databases; a section without either runs on both");
    if (which == WORD_LOCK_TIMEOUT)
        return read_timeout(at, word, value, &section->lock_timeout_ms);
    if (which == WORD_STATEMENT_TIMEOUT)
        return read_timeout(at, word, value, &section->statement_timeout_ms);
    if (has_value)
        return bad_word(at, word, "takes no value");
    if (which == WORD_AUTOCOMMIT)
        section->autocommit = true;
    else
        section->dialect = which == WORD_SQLITE ? DIALECT_SQLITE : DIALECT_POSTGRESQL;
    return true;
}

/* `words`: what stands behind "migrate:". */
static bool read_marker(const struct marker_error *at, struct text words, struct section *section)
{
    struct text direction = line_word(&words);
    *section = (struct section){.lock_timeout_ms = SETTING_UNSET, .statement_timeout_ms = SETTING_UNSET};
    if (direction.length == 0) {
        error_set(at->err, MIGRATE_MALFORMED_FILE, "the marker says neither upgrade nor downgrade");
        return marker_refused(at, direction);
    }
    if (text_is_nocase(direction, "downgrade"))
        section->direction = DIRECTION_DOWNGRADE;
    else if (!text_is_nocase(direction, "upgrade"))
        return unknown_word(at, "the marker", direction, (struct names){directions_known, COUNT(directions_known)});
    bool seen[WORDS] = {0};
    for (struct text word = line_word(&words); word.length; word = line_word(&words)) {
        if (!read_word(at, word, seen, section))
            return false;
        if (section->dialect == DIALECT_SQLITE && (seen[WORD_LOCK_TIMEOUT] || seen[WORD_STATEMENT_TIMEOUT]))
            return bad_word(at, word, "does not go together: timeouts are PostgreSQL's, the section is SQLite's");
    }
    return true;
}

/* --- the whole file ------------------------------------------------------------------------------ */

struct section_list {
    struct section *items;
    size_t count;
    size_t capacity;
};

/* Up to this marker's line goes what stands behind the one before. */
static void end_section(struct section_list *sections, const char *at)
{
    if (sections->count) {
        struct section *last = &sections->items[sections->count - 1];
        last->sql.length = (size_t)(at - last->sql.at);
    }
}

static bool read_sections(struct script *script, struct arena *arena, struct error *err)
{
    struct text text = script->text;
    struct section_list sections = {0};
    struct marker_error at = {.file = text, .path = script->path, .err = err};
    struct line line = {.text = {.at = text.at}};
    size_t passed_bytes = 0;
    while (line_next(text, &line)) {
        struct text comment, words;
        file_map_pass(&script->map, line.text.at, &passed_bytes);
        enum marker kind = line_is_comment(line.text, &comment) ? line_marker(comment, &words) : MARKER_NO;
        struct section section;
        if (kind == MARKER_NO)
            continue;
        if (kind == MARKER_NEARLY)
            return line_nearly_marker(text, script->path, comment, err);
        if (!read_marker(&at, words, &section))
            return false;
        end_section(&sections, line.text.at);
        section.line = line.number;
        section.sql_line = section.line + 1;
        section.sql.at = line.text.at + line.text.length + (line.is_ended ? 1 : 0);
        section.offset = (size_t)(section.sql.at - text.at);
        ARENA_PUSH(arena, &sections, section);
    }
    end_section(&sections, text.at + text.length);
    script->sections = sections.items;
    script->section_count = sections.count;
    return true;
}

/* Piece by piece, each ending with a character. */
static bool check_all_bytes(const struct script *script, struct error *err)
{
    static const size_t piece_bytes = 1024 * 1024;
    size_t passed_bytes = 0;
    for (struct text rest = script->text; rest.length;) {
        struct text part = text_cut(rest, piece_bytes);
        if (part.length == 0) // not UTF-8 at all
            part = rest;
        if (!line_check_bytes(script->text, script->path, part, err))
            return false;
        rest = (struct text){.at = rest.at + part.length, .length = rest.length - part.length};
        file_map_pass(&script->map, rest.at, &passed_bytes);
    }
    return true;
}

bool script_parse(struct text text, const char *path, struct arena *arena, struct script *script, struct error *err)
{
    bool more = false;
    script->text = line_without_bom(text);
    script->path = path;
    return check_all_bytes(script, err) &&
           header_parse(script->text, true, path, arena, &script->revision, &more, err) &&
           read_sections(script, arena, err);
}

bool script_open(const char *path, struct arena *arena, struct script *script, struct error *err)
{
    *script = (struct script){.path = path};
    return file_map(path, &script->map, err) && script_parse(script->map.content, path, arena, script, err);
}

void script_close(struct script *script)
{
    file_unmap(&script->map);
}

bool script_has(const struct script *script, enum direction direction, enum dialect dialect)
{
    for (size_t i = 0; i < script->section_count; i++)
        if (section_runs(&script->sections[i], direction, dialect))
            return true;
    return false;
}

bool script_is_autocommit(const struct script *script, enum direction direction, enum dialect dialect)
{
    for (size_t i = 0; i < script->section_count; i++)
        if (section_runs(&script->sections[i], direction, dialect) && script->sections[i].autocommit)
            return true;
    return false;
}

struct script_walk script_walk(const struct script *script, enum direction direction, enum dialect dialect)
{
    return (struct script_walk){.script = script, .direction = direction, .dialect = dialect};
}

static bool enter_section(struct script_walk *walk)
{
    const struct script *script = walk->script;
    while (walk->next_section < script->section_count) {
        const struct section *section = &script->sections[walk->next_section++];
        if (section_runs(section, walk->direction, walk->dialect)) {
            walk->section = section;
            lexer_start(&walk->lexer, walk->dialect, section->sql, section->sql_line);
            return true;
        }
    }
    return false;
}

bool script_walk_next(struct script_walk *walk, struct statement *statement, bool *found, struct error *err)
{
    *found = false;
    while (!*found) {
        bool is_within = walk->section && walk->lexer.at < walk->section->sql.length;
        if (!is_within && !enter_section(walk))
            return true;
        if (!lexer_next(&walk->lexer, statement, found, err))
            return error_place(err, walk->script->path, err->line, err->column);
    }
    return true;
}

void script_place(const struct script *script, size_t offset, struct error *err)
{
    line_place(script->text, script->path, offset < script->text.length ? offset : script->text.length, err);
}
