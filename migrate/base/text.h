/* text.h: slices of text, growing text, and the few questions we ask of either. ASCII rules throughout; the only
 * thing known about UTF-8 is where its characters begin and whether it is well-formed. */
#ifndef MIGRATE_BASE_TEXT_H
#define MIGRATE_BASE_TEXT_H

#include "base/arena.h"

/* Borrowed bytes, without a NUL at the end. */
struct text {
    const char *at;
    size_t length;
};

/* NULL is as "". */
static inline struct text text_of(const char *string)
{
    return (struct text){.at = string ? string : "", .length = string ? strlen(string) : 0};
}

/* Without white space (space, tab, CR, LF, FF, VT) at both ends. */
struct text text_trim(struct text text);
bool text_is(struct text text, const char *string);
bool text_is_nocase(struct text text, const char *string);
bool text_starts(struct text text, const char *prefix);
bool text_starts_nocase(struct text text, const char *prefix);
/* The part before the first `separator`, or all of it; *rest is what follows (length 0 at the end). */
struct text text_split(struct text text, char separator, struct text *rest);
/* At most `size_bytes` bytes of it, cut at a character's border. */
struct text text_cut(struct text text, size_t size_bytes);
/* Offset of the first byte that is not well-formed UTF-8 (overlong forms and surrogates are not), or its length. */
size_t text_utf8_length(struct text text);
/* Characters, counting each byte that does not continue one. */
size_t text_characters(struct text text);
/* How many bytes the first `characters` take; at most its length. */
size_t text_bytes_of_characters(struct text text, size_t characters);

/* Letters that must change to make one from the other (insert, delete, replace, swap two), upper and lower case
 * the same; SIZE_MAX for words over 64 bytes. */
size_t text_distance(struct text a, struct text b);
/* The name closest to `word` within a third of its length (at least 1, at most 3 changes), else a name that begins with
 * it; NULL if there is none. */
const char *text_closest(const char *word, struct names names);

/* A number or duration that nobody named. */
enum { SETTING_UNSET = -1 };

/* The text itself, or if any of its lines ends in CR LF a copy with LF alone. */
struct text text_without_cr(struct text text, struct arena *arena);

/* Whole number in decimal, all of it; false if it is none or does not fit. */
bool text_integer(struct text text, int64_t *number);
/* "5s", "500ms", "10min", "1h", or a bare number in `unit_ms`. */
bool text_duration(struct text text, int64_t unit_ms, int64_t *milliseconds);
/* "true/yes/on/1", "false/no/off/0". */
bool text_boolean(struct text text, bool *value);

/* Text that grows, in an arena. Starts as {.arena = arena}; `at` ends in NUL once anything was added. */
struct buffer {
    struct arena *arena;
    char *at;
    size_t length;
    size_t capacity;
};

void buffer_add(struct buffer *buffer, const char *bytes, size_t size_bytes);
void buffer_string(struct buffer *buffer, const char *string);
void buffer_text(struct buffer *buffer, struct text text);
void buffer_character(struct buffer *buffer, char character);
void buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
/* Never NULL. */
const char *buffer_done(struct buffer *buffer);

#endif
