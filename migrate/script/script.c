/* script.c: one revision file -> its header and its sections.
 *
 * A file is read line by line and every line is asked one question: is it a comment, and if so, is it a marker
 * (`-- migrate:upgrade`), and if not, above the first marker, a key (`-- Revises: abc`)? What is nearly one of these is
 * an error, wherever it stands: a mistyped marker that passed for a comment would run the downgrade as a part of the
 * upgrade. What the SQL between the markers is, is judge.c's. */
#include "script/script.h"

#include "base/clock.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- places ----------------------------------------------------------------------------------------------------------
 */

/* Puts an error at a byte of the text. */
static bool place(struct text text, const char *path, size_t offset, struct error *err)
{
    unsigned line = 1;
    size_t start = 0;
    for (const char *newline; (newline = memchr(text.at + start, '\n', offset - start));) {
        start = (size_t)(newline + 1 - text.at);
        line++;
    }
    const char *end = memchr(text.at + offset, '\n', text.length - offset);
    struct text whole = {.at = text.at + start,
                         .length = (size_t)((end ? end : text.at + text.length) - text.at) - start};
    size_t column = text_characters((struct text){.at = text.at + start, .length = offset - start}) + 1;
    while (whole.length && whole.at[whole.length - 1] == '\r')
        whole.length--;
    error_place(err, path, line, (unsigned)column);
    return error_excerpt(err, whole.at, whole.length);
}

void script_place(const struct script *script, size_t offset, struct error *err)
{
    place(script->text, script->path, offset < script->text.length ? offset : script->text.length, err);
}

/* --- lines -----------------------------------------------------------------------------------------------------------
 */

struct line {
    struct text text; /* without its line break */
    unsigned number;  /* from 1 */
    bool is_ended;    /* by a line break, not by the end of the text */
};

/* The line behind `line`, which begins as {.text = {text.at, 0}} before the first. false: there is none. */
static bool line_next(struct text text, struct line *line)
{
    const char *at = line->text.at + line->text.length + (line->number ? 1 : 0), *end = text.at + text.length;
    if (at >= end)
        return false;
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    *line = (struct line){.text = {.at = at, .length = (size_t)((newline ? newline : end) - at)},
                          .number = line->number + 1,
                          .is_ended = newline};
    return true;
}

/* Is the line a comment from its first character on? Its text is what stands behind the dashes. */
static bool is_comment(struct text line, struct text *comment)
{
    size_t at = 0;
    while (at < line.length && (line.at[at] == ' ' || line.at[at] == '\t'))
        at++;
    if (line.length - at < 2 || line.at[at] != '-' || line.at[at + 1] != '-')
        return false;
    *comment = text_trim((struct text){.at = line.at + at + 2, .length = line.length - at - 2});
    return true;
}

/* "name : rest" -> both trimmed. */
static bool has_colon(struct text comment, size_t longest_name, struct text *name, struct text *rest)
{
    const char *colon = memchr(comment.at, ':', comment.length < longest_name + 1 ? comment.length : longest_name + 1);
    if (!colon)
        return false;
    size_t length = (size_t)(colon - comment.at);
    *name = text_trim((struct text){.at = comment.at, .length = length});
    *rest = text_trim((struct text){.at = colon + 1, .length = comment.length - length - 1});
    return true;
}

/* The first word; *rest is what follows it. */
static struct text word_next(struct text *rest)
{
    struct text left = text_trim(*rest);
    size_t length = 0;
    while (length < left.length && left.at[length] != ' ' && left.at[length] != '\t')
        length++;
    *rest = (struct text){.at = left.at + length, .length = left.length - length};
    return (struct text){.at = left.at, .length = length};
}

/* --- markers ---------------------------------------------------------------------------------------------------------
 */

enum marker { MARKER_NO, MARKER_YES, MARKER_NEARLY };
enum { LONGEST_NAME = 32 };

static bool is_letters(struct text text, const char *also)
{
    for (size_t i = 0; i < text.length; i++) {
        char lower = (char)(text.at[i] | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !strchr(also, text.at[i]))
            return false;
    }
    return text.length > 0;
}

static bool is_near(struct text word, const char *known)
{
    return text_distance(word, text_of(known)) <= 2;
}

/* `words` is what stands behind the colon. */
static enum marker marker_kind(struct text comment, struct text *words)
{
    struct text name;
    if (!has_colon(comment, LONGEST_NAME, &name, words))
        return MARKER_NO;
    if (text_is_nocase(name, "migrate"))
        return MARKER_YES;
    struct text rest = *words;
    struct text first = word_next(&rest);
    bool near = is_letters(name, "") && is_near(name, "migrate") &&
                (is_near(first, "upgrade") || is_near(first, "downgrade") || text_is_nocase(first, "up") ||
                 text_is_nocase(first, "down"));
    return near ? MARKER_NEARLY : MARKER_NO;
}

/* Where an error in a marker goes. */
struct marker_error {
    struct text file;
    const char *path;
    struct error *err;
};

static const char marker_hint[] = "A marker is `-- migrate:upgrade` or `-- migrate:downgrade`, and behind it any of "
                                  "postgresql, sqlite, autocommit, lock_timeout=5s, statement_timeout=10min.";

/* Adds hint and place to the error that was set. */
static bool marker_refused(const struct marker_error *at, struct text word)
{
    error_hint(at->err, "%s", marker_hint);
    return place(at->file, at->path, (size_t)(word.at - at->file.at), at->err);
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
    struct text direction = word_next(&words);
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
    for (struct text word = word_next(&words); word.length; word = word_next(&words)) {
        if (!read_word(at, word, seen, section))
            return false;
        if (section->dialect == DIALECT_SQLITE && (seen[WORD_LOCK_TIMEOUT] || seen[WORD_STATEMENT_TIMEOUT]))
            return bad_word(at, word, "does not go together: timeouts are PostgreSQL's, the section is SQLite's");
    }
    return true;
}

static bool nearly_marker(struct text file, const char *path, struct text comment, struct error *err)
{
    struct text rest;
    struct text name = text_split(comment, ':', &rest);
    error_set(err, MIGRATE_MALFORMED_FILE, "\"%.*s\" is nearly a marker; did you mean \"migrate:\"?", (int)name.length,
              name.at);
    error_hint(err, "%s", marker_hint);
    return place(file, path, (size_t)(comment.at - file.at), err);
}

/* --- keys ------------------------------------------------------------------------------------------------------------
 */

enum key { KEY_ID, KEY_REVISES, KEY_LABELS, KEY_DEPENDS, KEY_CREATED, KEYS };
static const char *const keys_known[KEYS] = {
    [KEY_ID] = "Revision ID",     [KEY_REVISES] = "Revises",     [KEY_LABELS] = "Branch Labels",
    [KEY_DEPENDS] = "Depends On", [KEY_CREATED] = "Create Date",
};

/* The name before the colon with single blanks between its words; empty if it is too long to be a key. */
static struct text single_blanks(struct text name, char copy[LONGEST_NAME])
{
    size_t length = 0;
    for (struct text word = word_next(&name); word.length; word = word_next(&name)) {
        if (length + 1 + word.length > LONGEST_NAME)
            return (struct text){.at = copy};
        if (length)
            copy[length++] = ' ';
        memcpy(copy + length, word.at, word.length);
        length += word.length;
    }
    return (struct text){.at = copy, .length = length};
}

/* *near: the key that it nearly is, where KEYS is answered; KEYS if none. */
static enum key key_kind(struct text comment, struct text *value, enum key *near)
{
    struct text name;
    char copy[LONGEST_NAME];
    *near = KEYS;
    if (!has_colon(comment, LONGEST_NAME, &name, value))
        return KEYS;
    name = single_blanks(name, copy);
    for (enum key key = 0; key < KEYS; key++)
        if (text_is_nocase(name, keys_known[key]))
            return key;
    for (enum key key = 0; key < KEYS && is_letters(name, " _-"); key++)
        if (is_near(name, keys_known[key]))
            *near = key;
    return KEYS;
}

bool header_is_key(struct text comment, const char **key, struct text *value)
{
    enum key near;
    enum key kind = key_kind(comment, value, &near);
    *key = kind == KEYS ? NULL : keys_known[kind];
    return kind != KEYS;
}

static bool is_quoted(struct text text, struct text *inside)
{
    if (text.length < 2 || text.at[0] != '"' || text.at[text.length - 1] != '"')
        return false;
    *inside = (struct text){.at = text.at + 1, .length = text.length - 2};
    return true;
}

bool header_must_quote(struct text comment)
{
    struct text value, inside = comment;
    enum key near;
    while (is_quoted(comment, &inside))
        comment = inside;
    return marker_kind(comment, &value) != MARKER_NO || key_kind(comment, &value, &near) != KEYS || near != KEYS;
}

/* --- the header ------------------------------------------------------------------------------------------------------
 */

struct header {
    struct text text;
    const char *path;
    struct arena *arena;
    struct revision *revision;
    unsigned key_lines[KEYS]; /* 0: not seen */
    bool has_message;
    struct buffer description;
    bool in_comment; /* of the kind that spans lines */
    size_t body;     /* offset of the first marker's line, or the text's length */
    unsigned body_line;
};

static bool header_error(const struct header *header, const char *at, struct error *err)
{
    return place(header->text, header->path, (size_t)(at - header->text.at), err);
}

/* A copy on one line: control characters become spaces. */
static const char *plain_copy(struct text text, struct arena *arena)
{
    char *copy = arena_copy(arena, text.at, text.length);
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f)
            copy[i] = ' ';
    return copy;
}

/* Is there a byte at `at` that an id or label may not hold? U+0080 to U+009F are control characters. */
static bool is_bad_in_name(struct text name, size_t at)
{
    unsigned char byte = (unsigned char)name.at[at];
    bool is_c1 = byte == 0xC2 && at + 1 < name.length && (unsigned char)name.at[at + 1] < 0xA0;
    return byte <= ' ' || byte == 0x7f || strchr("@+-:,<>", byte) || is_c1;
}

static bool check_name(const struct header *header, struct text name, const char *key, struct error *err)
{
    static const char *const reserved[] = {"head", "heads", "base", "current"};
    for (size_t i = 0; i < name.length; i++) {
        if (!is_bad_in_name(name, i))
            continue;
        error_set(err, MIGRATE_MALFORMED_FILE, "%s: \"%.*s\" holds a character that no id or label may hold", key,
                  (int)name.length, name.at);
        error_hint(err, "Any printable characters may be used but space and @ + - : , < >.");
        return header_error(header, name.at + i, err);
    }
    for (size_t i = 0; i < COUNT(reserved); i++) {
        if (!text_is(name, reserved[i]))
            continue;
        error_set(err, MIGRATE_MALFORMED_FILE, "%s: \"%s\" is a reserved name", key, reserved[i]);
        error_hint(err, "head, heads, base and current mean places in the graph; choose another name.");
        return header_error(header, name.at, err);
    }
    return true;
}

/* Takes one name of a list; it may not be empty or stand there twice. */
static bool read_name(const struct header *header, struct text name, const char *key, struct name_list *list,
                      struct error *err)
{
    if (name.length == 0) {
        error_set(err, MIGRATE_MALFORMED_FILE, "%s: a name is missing beside a comma", key);
        return header_error(header, name.at, err);
    }
    if (!check_name(header, name, key, err))
        return false;
    const char *copy = arena_copy(header->arena, name.at, name.length);
    if (names_have(names_of(list), copy)) {
        error_set(err, MIGRATE_MALFORMED_FILE, "%s: %s stands here twice", key, copy);
        return header_error(header, name.at, err);
    }
    ARENA_PUSH(header->arena, list, copy);
    return true;
}

/* "a, b, c" -> names. */
static bool read_names(const struct header *header, struct text value, const char *key, struct names *names,
                       struct error *err)
{
    struct name_list list = {0};
    for (bool more = value.length > 0; more;) {
        more = memchr(value.at, ',', value.length);
        if (!read_name(header, text_trim(text_split(value, ',', &value)), key, &list, err))
            return false;
    }
    *names = names_of(&list);
    return true;
}

static bool read_id(struct header *header, struct text value, unsigned line, struct error *err)
{
    if (value.length == 0) {
        error_set(err, MIGRATE_MALFORMED_FILE, "Revision ID is empty");
        return header_error(header, value.at, err);
    }
    if (!check_name(header, value, keys_known[KEY_ID], err))
        return false;
    header->revision->id = arena_copy(header->arena, value.at, value.length);
    header->revision->id_line = line;
    return true;
}

static bool read_created(struct header *header, struct text value, struct error *err)
{
    struct revision *revision = header->revision;
    revision->has_created = value.length > 0;
    if (value.length == 0 || clock_parse(value, &revision->created_us))
        return true;
    error_set(err, MIGRATE_MALFORMED_FILE, "Create Date: \"%.*s\" is no date", (int)value.length, value.at);
    error_hint(err, "Write it as 2026-11-20 12:00:00+00:00.");
    return header_error(header, value.at, err);
}

static bool read_key(struct header *header, enum key key, struct text value, unsigned line, struct error *err)
{
    struct revision *revision = header->revision;
    switch (key) {
    case KEY_ID:
        return read_id(header, value, line, err);
    case KEY_REVISES:
        revision->down_line = line;
        return text_is(value, "<base>") || read_names(header, value, keys_known[key], &revision->down, err);
    case KEY_LABELS:
        revision->labels_line = line;
        return read_names(header, value, keys_known[key], &revision->labels, err);
    case KEY_DEPENDS:
        revision->depends_line = line;
        return read_names(header, value, keys_known[key], &revision->depends, err);
    default:
        return read_created(header, value, err);
    }
}

static void add_description(struct header *header, struct text comment)
{
    if (comment.length == 0 && header->description.length == 0)
        return;
    if (header->description.length)
        buffer_character(&header->description, '\n');
    buffer_string(&header->description, plain_copy(comment, header->arena));
}

static bool nearly_key(const struct header *header, struct text comment, enum key near, struct error *err)
{
    struct text rest;
    struct text name = text_trim(text_split(comment, ':', &rest));
    error_set(err, MIGRATE_MALFORMED_FILE, "the key \"%.*s\" is not known; did you mean \"%s\"?", (int)name.length,
              name.at, keys_known[near]);
    error_hint(err, "Write \"%s:\", or word the comment so that it does not look like a key.", keys_known[near]);
    return header_error(header, comment.at, err);
}

/* A comment line of the header: a key, the message, or a line of the description. */
static bool header_comment(struct header *header, struct text comment, unsigned line, struct error *err)
{
    struct text value, inside;
    enum key near;
    enum key key = key_kind(comment, &value, &near);
    bool is_first = !header->has_message;
    header->has_message = true;
    if (near != KEYS)
        return nearly_key(header, comment, near, err);
    if (key == KEYS && is_first) {
        if (is_quoted(comment, &inside) && header_must_quote(inside))
            comment = inside;
        header->revision->message = plain_copy(comment, header->arena);
        return true;
    }
    if (key == KEYS) {
        add_description(header, comment);
        return true;
    }
    if (header->key_lines[key]) {
        error_set(err, MIGRATE_MALFORMED_FILE, "%s stands here and on line %u", keys_known[key],
                  header->key_lines[key]);
        return header_error(header, comment.at, err);
    }
    header->key_lines[key] = line;
    return read_key(header, key, value, line, err);
}

static bool no_id(const struct header *header, struct error *err)
{
    error_set(err, MIGRATE_MALFORMED_FILE, "the file has no Revision ID");
    error_hint(err, "Every .sql file in the migrations folder is a revision: begin it with `-- Revision ID: ...`, or "
                    "move it away.");
    return header_error(header, header->text.at, err);
}

/* A line above the first marker that is no -- comment: empty, or a part of a comment that spans lines; else it is SQL
 * that no section owns. */
static bool header_other(struct header *header, struct text line, struct error *err)
{
    struct text left = text_trim(line);
    while (left.length) {
        if (!header->in_comment && !text_starts(left, "/*")) {
            if (!header->revision->id)
                return no_id(header, err);
            error_set(err, MIGRATE_MALFORMED_FILE, "SQL stands before the first section");
            error_hint(err, "Put a line `-- migrate:upgrade` before it.");
            return header_error(header, left.at, err);
        }
        size_t skip = header->in_comment ? 0 : 2;
        const char *close = memmem(left.at + skip, left.length - skip, "*/", 2);
        header->in_comment = !close;
        if (!close)
            return true;
        size_t used = (size_t)(close + 2 - left.at);
        left = text_trim((struct text){.at = left.at + used, .length = left.length - used});
    }
    return true;
}

static bool check_bytes(struct text file, const char *path, struct text part, struct error *err)
{
    const char *nul = memchr(part.at, '\0', part.length);
    size_t bad = text_utf8_length(part);
    bool is_nul = nul && (size_t)(nul - part.at) <= bad;
    if (!nul && bad == part.length)
        return true;
    if (is_nul)
        error_set(err, MIGRATE_MALFORMED_FILE, "a NUL byte");
    else
        error_set(err, MIGRATE_MALFORMED_FILE, "the byte 0x%02X is not UTF-8", (unsigned char)part.at[bad]);
    error_hint(err, "Save the file as UTF-8.");
    return place(file, path, (size_t)((is_nul ? nul : part.at + bad) - file.at), err);
}

static bool header_line(struct header *header, const struct line *line, bool *is_marker, struct error *err)
{
    struct text comment, words;
    if (!check_bytes(header->text, header->path, line->text, err))
        return false;
    if (!is_comment(line->text, &comment))
        return header_other(header, line->text, err);
    enum marker kind = marker_kind(comment, &words);
    if (kind == MARKER_NEARLY)
        return nearly_marker(header->text, header->path, comment, err);
    *is_marker = kind == MARKER_YES;
    if (*is_marker)
        return true;
    return header->in_comment ? header_other(header, line->text, err)
                              : header_comment(header, comment, line->number, err);
}

static bool header_lines(struct header *header, bool whole, bool *more, struct error *err)
{
    bool is_marker = false;
    struct line line = {.text = {.at = header->text.at}};
    while (line_next(header->text, &line)) {
        if (!line.is_ended && !whole) {
            *more = true;
            return true;
        }
        if (!header_line(header, &line, &is_marker, err))
            return false;
        if (is_marker) {
            header->body = (size_t)(line.text.at - header->text.at);
            header->body_line = line.number;
            return true;
        }
    }
    header->body = header->text.length;
    header->body_line = line.number + 1;
    *more = !whole;
    return true;
}

static struct text without_bom(struct text text)
{
    return text_starts(text, "\xEF\xBB\xBF") ? (struct text){.at = text.at + 3, .length = text.length - 3} : text;
}

static const char *description_of(struct header *header)
{
    struct text text = text_trim((struct text){.at = header->description.at, .length = header->description.length});
    return text.length ? arena_copy(header->arena, text.at, text.length) : NULL;
}

static bool header_read(struct header *header, bool whole, bool *more, struct error *err)
{
    *header->revision = (struct revision){.message = "", .path = header->path};
    header->description.arena = header->arena;
    *more = false;
    if (!header_lines(header, whole, more, err))
        return false;
    if (!*more && !header->revision->id)
        return no_id(header, err);
    header->revision->description = description_of(header);
    return true;
}

bool header_parse(struct text text, bool whole, const char *path, struct arena *arena, struct revision *revision,
                  bool *more, struct error *err)
{
    struct header header = {.text = without_bom(text), .path = path, .arena = arena, .revision = revision};
    return header_read(&header, whole, more, err);
}

/* --- the whole file --------------------------------------------------------------------------------------------------
 */

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

static bool read_sections(struct script *script, const struct header *header, struct arena *arena, struct error *err)
{
    struct text text = script->text;
    struct section_list sections = {0};
    struct marker_error at = {.file = text, .path = script->path, .err = err};
    struct text body = {.at = text.at + header->body, .length = text.length - header->body};
    struct line line = {.text = {.at = body.at}};
    size_t passed_bytes = 0;
    while (line_next(body, &line)) {
        struct text comment, words;
        file_map_pass(&script->map, line.text.at, &passed_bytes);
        enum marker kind = is_comment(line.text, &comment) ? marker_kind(comment, &words) : MARKER_NO;
        struct section section;
        if (kind == MARKER_NO)
            continue;
        if (kind == MARKER_NEARLY)
            return nearly_marker(text, script->path, comment, err);
        if (!read_marker(&at, words, &section))
            return false;
        end_section(&sections, line.text.at);
        section.line = header->body_line + line.number - 1;
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
        if (!check_bytes(script->text, script->path, part, err))
            return false;
        rest = (struct text){.at = rest.at + part.length, .length = rest.length - part.length};
        file_map_pass(&script->map, rest.at, &passed_bytes);
    }
    return true;
}

bool script_parse(struct text text, const char *path, struct arena *arena, struct script *script, struct error *err)
{
    script->text = without_bom(text);
    script->path = path;
    struct header header = {.text = script->text, .path = path, .arena = arena, .revision = &script->revision};
    bool more = false;
    return check_all_bytes(script, err) && header_read(&header, true, &more, err) &&
           read_sections(script, &header, arena, err);
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
