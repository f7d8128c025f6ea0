/* header.c: the comment lines above the first marker -> struct revision.
 *
 * A line is a key with its value, or the message if it is the first, or a line of the description. What is nearly a key
 * is an error: a mistyped "Revises" would make a base of a revision that has a parent. */
#include "script/lines.h"
#include "script/script.h"

#include "base/clock.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- keys ---------------------------------------------------------------------------------------- */

enum key { KEY_ID, KEY_REVISES, KEY_LABELS, KEY_DEPENDS, KEY_CREATED, KEYS };
static const char *const keys_known[KEYS] = {
    [KEY_ID] = "Revision ID",     [KEY_REVISES] = "Revises",     [KEY_LABELS] = "Branch Labels",
    [KEY_DEPENDS] = "Depends On", [KEY_CREATED] = "Create Date",
};

/* The name before the colon with single blanks between its words; empty if it is too long to be a key. */
static struct text single_blanks(struct text name, char copy[LONGEST_NAME])
{
    size_t length = 0;
    for (struct text word = line_word(&name); word.length; word = line_word(&name)) {
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
    if (!line_name(comment, &name, value))
        return KEYS;
    name = single_blanks(name, copy);
    for (enum key key = 0; key < KEYS; key++)
        if (text_is_nocase(name, keys_known[key]))
            return key;
    for (enum key key = 0; key < KEYS && word_is_letters(name, " _-"); key++)
        if (word_is_near(name, keys_known[key]))
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
    return line_marker(comment, &value) != MARKER_NO || key_kind(comment, &value, &near) != KEYS || near != KEYS;
}

/* --- the header ---------------------------------------------------------------------------------- */

struct header {
    struct text text;
    const char *path;
    struct arena *arena;
    struct revision *revision;
    unsigned key_lines[KEYS]; /* 0: not seen */
    bool has_message;
    struct buffer description;
    bool in_comment; /* of the kind that spans lines */
};

static bool header_error(const struct header *header, const char *at, struct error *err)
{
    return line_place(header->text, header->path, (size_t)(at - header->text.at), err);
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

/* Not taken for a base: the line may have been lost in a merge, and everything would run from there. */
static bool no_revises(const struct header *header, struct error *err)
{
    error_set(err, MIGRATE_MALFORMED_FILE, "%s does not say what it revises", header->revision->id);
    error_hint(err, "Add `-- Revises: ID`, or `-- Revises: <base>` if nothing comes before it.");
    error_revision(err, header->revision->id);
    return error_place(err, header->path, header->revision->id_line, 1);
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

static bool header_line(struct header *header, const struct line *line, bool *is_marker, struct error *err)
{
    struct text comment, words;
    if (!line_check_bytes(header->text, header->path, line->text, err))
        return false;
    if (!line_is_comment(line->text, &comment))
        return header_other(header, line->text, err);
    enum marker kind = line_marker(comment, &words);
    if (kind == MARKER_NEARLY)
        return line_nearly_marker(header->text, header->path, comment, err);
    *is_marker = kind == MARKER_YES;
    if (*is_marker)
        return true;
    return header->in_comment ? header_other(header, line->text, err)
                              : header_comment(header, comment, line->number, err);
}

/* To the first marker, or to the end of the text. */
static bool header_lines(struct header *header, bool whole, bool *more, struct error *err)
{
    bool is_marker = false;
    struct line line = {.text = {.at = header->text.at}};
    while (line_next(header->text, &line) && (line.is_ended || whole)) {
        if (!header_line(header, &line, &is_marker, err))
            return false;
        if (is_marker)
            return true;
    }
    *more = !whole;
    return true;
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
    if (!*more && !header->key_lines[KEY_REVISES])
        return no_revises(header, err);
    header->revision->description = description_of(header);
    return true;
}

bool header_parse(struct text text, bool whole, const char *path, struct arena *arena, struct revision *revision,
                  bool *more, struct error *err)
{
    struct header header = {.text = line_without_bom(text), .path = path, .arena = arena, .revision = revision};
    return header_read(&header, whole, more, err);
}
