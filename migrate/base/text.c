/* text.c: slices of text and growing text. */
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static bool is_space(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

struct text text_trim(struct text text)
{
    while (text.length && is_space(*text.at)) {
        text.at++;
        text.length--;
    }
    while (text.length && is_space(text.at[text.length - 1]))
        text.length--;
    return text;
}

/* An empty slice may point nowhere, which the library's functions do not allow. */
static bool same(const char *a, const char *b, size_t length)
{
    return length == 0 || memcmp(a, b, length) == 0;
}

static bool same_nocase(const char *a, const char *b, size_t length)
{
    return length == 0 || strncasecmp(a, b, length) == 0;
}

bool text_is(struct text text, const char *string)
{
    return text.length == strlen(string) && same(text.at, string, text.length);
}

bool text_is_nocase(struct text text, const char *string)
{
    return text.length == strlen(string) && same_nocase(text.at, string, text.length);
}

bool text_starts(struct text text, const char *prefix)
{
    size_t length = strlen(prefix);
    return text.length >= length && same(text.at, prefix, length);
}

bool text_starts_nocase(struct text text, const char *prefix)
{
    size_t length = strlen(prefix);
    return text.length >= length && same_nocase(text.at, prefix, length);
}

struct text text_split(struct text text, char separator, struct text *rest)
{
    const char *found = text.length ? memchr(text.at, separator, text.length) : NULL;
    if (!found) {
        *rest = (struct text){.at = text.length ? text.at + text.length : text.at, .length = 0};
        return text;
    }
    size_t length = (size_t)(found - text.at);
    *rest = (struct text){.at = found + 1, .length = text.length - length - 1};
    return (struct text){.at = text.at, .length = length};
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

struct text text_cut(struct text text, size_t size_bytes)
{
    if (text.length <= size_bytes)
        return text;
    text.length = size_bytes;
    while (text.length && continues(text.at[text.length]))
        text.length--;
    return text;
}

/* Length of the well-formed character at `at`, 0 if there is none. The ranges are those of RFC 3629, section 4. */
static size_t utf8_character(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0];
    if (lead < 0x80)
        return 1;
    size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                    : lead >= 0xE0 && lead <= 0xEF ? 3
                    : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                   : 0;
    if (length == 0 || length > left)
        return 0;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

size_t text_utf8_length(struct text text)
{
    const unsigned char *bytes = (const unsigned char *)text.at;
    size_t at = 0;
    while (at < text.length) {
        uint64_t eight;
        if (text.length - at >= sizeof eight) { // most of a script is ASCII
            memcpy(&eight, bytes + at, sizeof eight);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                at += sizeof eight;
                continue;
            }
        }
        size_t length = utf8_character(bytes + at, text.length - at);
        if (length == 0)
            return at;
        at += length;
    }
    return at;
}

size_t text_characters(struct text text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += !continues(text.at[i]);
    return count;
}

size_t text_bytes_of_characters(struct text text, size_t characters)
{
    size_t at = 0;
    while (at < text.length && characters--) {
        at++;
        while (at < text.length && continues(text.at[at]))
            at++;
    }
    return at;
}

static char lower(char character)
{
    return character >= 'A' && character <= 'Z' ? (char)(character + ('a' - 'A')) : character;
}

enum { LONGEST_WORD = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t text_distance(struct text a, struct text b)
{
    if (a.length > LONGEST_WORD || b.length > LONGEST_WORD)
        return SIZE_MAX;
    /* Optimal string alignment: three rows of the table are enough to see a swap. */
    size_t rows[3][LONGEST_WORD + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            char x = lower(a.at[i - 1]), y = lower(b.at[j - 1]);
            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b.at[j - 2]) && y == lower(a.at[i - 2]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b.length];
}

const char *text_closest(const char *word, struct names names)
{
    size_t length = strlen(word);
    size_t allowed = length / 3 < 1 ? 1 : least(length / 3, 3);
    const char *closest = NULL;
    for (size_t i = 0; i < names.count; i++) {
        size_t distance = text_distance(text_of(word), text_of(names.items[i]));
        if (distance <= allowed && (!closest || distance < text_distance(text_of(word), text_of(closest))))
            closest = names.items[i];
    }
    for (size_t i = 0; !closest && length > 1 && i < names.count; i++)
        if (strncasecmp(names.items[i], word, length) == 0)
            closest = names.items[i];
    return closest;
}

struct text text_without_cr(struct text text, struct arena *arena)
{
    if (!text.length || !memchr(text.at, '\r', text.length))
        return text;
    char *copy = arena_alloc(arena, text.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] != '\r' || i + 1 == text.length || text.at[i + 1] != '\n')
            copy[length++] = text.at[i];
    return (struct text){.at = copy, .length = length};
}

bool text_integer(struct text text, int64_t *number)
{
    char digits[24];
    if (text.length == 0 || text.length >= sizeof digits)
        return false;
    memcpy(digits, text.at, text.length);
    digits[text.length] = '\0';
    for (size_t i = 0; i < text.length; i++)
        if (!(digits[i] >= '0' && digits[i] <= '9') &&
            !(i == 0 && text.length > 1 && (digits[i] == '-' || digits[i] == '+')))
            return false;
    errno = 0;
    long long parsed = strtoll(digits, NULL, 10);
    if (errno == ERANGE)
        return false;
    *number = parsed;
    return true;
}

bool text_duration(struct text text, int64_t unit_ms, int64_t *milliseconds)
{
    static const struct {
        const char *name;
        int64_t milliseconds;
    } units[] = {{"ms", 1}, {"min", 60000}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

    size_t digits = 0;
    while (digits < text.length && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    int64_t number = 0;
    if (digits == 0 || !text_integer((struct text){.at = text.at, .length = digits}, &number))
        return false;
    struct text unit = {.at = text.at + digits, .length = text.length - digits};
    int64_t factor = unit.length == 0 ? unit_ms : 0;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (text_is(unit, units[i].name))
            factor = units[i].milliseconds;
    return factor > 0 && !__builtin_mul_overflow(number, factor, milliseconds);
}

bool text_boolean(struct text text, bool *value)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (text_is_nocase(text, yes[i]) || text_is_nocase(text, no[i])) {
            *value = text_is_nocase(text, yes[i]);
            return true;
        }
    }
    return false;
}

static void reserve(struct buffer *buffer, size_t more)
{
    size_t needed = buffer->length + more + 1;
    if (needed <= buffer->capacity)
        return;
    size_t capacity = buffer->capacity ? buffer->capacity : 64;
    while (capacity < needed)
        capacity *= 2;
    buffer->at = arena_grow(buffer->arena, buffer->at, buffer->length, capacity, 1);
    buffer->capacity = capacity;
}

void buffer_add(struct buffer *buffer, const char *bytes, size_t size_bytes)
{
    reserve(buffer, size_bytes);
    if (size_bytes)
        memcpy(buffer->at + buffer->length, bytes, size_bytes);
    buffer->length += size_bytes;
    buffer->at[buffer->length] = '\0';
}

void buffer_string(struct buffer *buffer, const char *string)
{
    buffer_add(buffer, string, strlen(string));
}

void buffer_text(struct buffer *buffer, struct text text)
{
    buffer_add(buffer, text.at, text.length);
}

void buffer_character(struct buffer *buffer, char character)
{
    buffer_add(buffer, &character, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        abort();
    reserve(buffer, (size_t)length);
    vsnprintf(buffer->at + buffer->length, (size_t)length + 1, format, arguments);
    buffer->length += (size_t)length;
    va_end(arguments);
}

const char *buffer_done(struct buffer *buffer)
{
    return buffer->at ? buffer->at : "";
}
