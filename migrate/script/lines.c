/* lines.c: what the lines of a revision file are made of: comments, words, markers, and where an error is. */
#include "script/lines.h"

const char marker_hint[] = "A marker is `-- migrate:upgrade` or `-- migrate:downgrade`, and behind it any of "
                           "postgresql, sqlite, autocommit, lock_timeout=5s, statement_timeout=10min.";

bool line_place(struct text text, const char *path, size_t offset, struct error *err)
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

bool line_check_bytes(struct text file, const char *path, struct text part, struct error *err)
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
    return line_place(file, path, (size_t)((is_nul ? nul : part.at + bad) - file.at), err);
}

struct text line_without_bom(struct text text)
{
    return text_starts(text, "\xEF\xBB\xBF") ? (struct text){.at = text.at + 3, .length = text.length - 3} : text;
}

bool line_next(struct text text, struct line *line)
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

bool line_is_comment(struct text line, struct text *comment)
{
    size_t at = 0;
    while (at < line.length && (line.at[at] == ' ' || line.at[at] == '\t'))
        at++;
    if (line.length - at < 2 || line.at[at] != '-' || line.at[at + 1] != '-')
        return false;
    *comment = text_trim((struct text){.at = line.at + at + 2, .length = line.length - at - 2});
    return true;
}

bool line_name(struct text comment, struct text *name, struct text *rest)
{
    const char *colon = memchr(comment.at, ':', comment.length < LONGEST_NAME + 1 ? comment.length : LONGEST_NAME + 1);
    if (!colon)
        return false;
    size_t length = (size_t)(colon - comment.at);
    *name = text_trim((struct text){.at = comment.at, .length = length});
    *rest = text_trim((struct text){.at = colon + 1, .length = comment.length - length - 1});
    return true;
}

struct text line_word(struct text *rest)
{
    struct text left = text_trim(*rest);
    size_t length = 0;
    while (length < left.length && left.at[length] != ' ' && left.at[length] != '\t')
        length++;
    *rest = (struct text){.at = left.at + length, .length = left.length - length};
    return (struct text){.at = left.at, .length = length};
}

bool word_is_letters(struct text text, const char *also)
{
    for (size_t i = 0; i < text.length; i++) {
        char lower = (char)(text.at[i] | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !strchr(also, text.at[i]))
            return false;
    }
    return text.length > 0;
}

bool word_is_near(struct text word, const char *known)
{
    return text_distance(word, text_of(known)) <= 2;
}

enum marker line_marker(struct text comment, struct text *words)
{
    struct text name;
    if (!line_name(comment, &name, words))
        return MARKER_NO;
    if (text_is_nocase(name, "migrate"))
        return MARKER_YES;
    struct text rest = *words;
    struct text first = line_word(&rest);
    bool near = word_is_letters(name, "") && word_is_near(name, "migrate") &&
                (word_is_near(first, "upgrade") || word_is_near(first, "downgrade") || text_is_nocase(first, "up") ||
                 text_is_nocase(first, "down"));
    return near ? MARKER_NEARLY : MARKER_NO;
}

bool line_nearly_marker(struct text file, const char *path, struct text comment, struct error *err)
{
    struct text rest;
    struct text name = text_split(comment, ':', &rest);
    error_set(err, MIGRATE_MALFORMED_FILE, "\"%.*s\" is nearly a marker; did you mean \"migrate:\"?", (int)name.length,
              name.at);
    error_hint(err, "%s", marker_hint);
    return line_place(file, path, (size_t)(comment.at - file.at), err);
}
