/* error.c: filling struct error. Nothing here allocates: an error must be possible when nothing else is. */
#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Control characters (C1's too, which UTF-8 writes C2 80 to C2 9F) would let a server's message or a file's name write
 * several lines, or move the cursor; bytes that are no UTF-8 would make the JSON unreadable. */
static void make_plain(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at; at++) {
        if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0)
            at[0] = at[1] = ' ';
        if (*at < ' ' || *at == 0x7F)
            *at = ' ';
    }
    size_t length = strlen(text);
    for (size_t good = 0; (good += text_utf8_length(text_of(text + good))) < length;)
        text[good] = '?';
}

/* A message quotes what it was given: arguments, settings, a server's words. If that is a URL, its password goes. */
static void hide_passwords(char *text)
{
    for (char *at = strstr(text, "://"); at; at = strstr(at, "://")) {
        at += strlen("://");
        size_t length = strcspn(at, " \"'");
        char *end = memrchr(at, '@', length), *start = memchr(at, ':', length);
        if (start && end && start < end)
            memmove(start, end, strlen(end) + 1);
    }
}

static void copy(char *field, size_t size_bytes, const char *text, size_t length)
{
    struct text cut = text_cut((struct text){.at = text, .length = length}, size_bytes - 1);
    if (cut.length)
        memmove(field, cut.at, cut.length); // it may be the field itself
    field[cut.length] = '\0';
    make_plain(field);
}

/* By way of a text of its own, since an argument may be a field of the same error, and some bytes longer than the
 * longest field, to see whether the last character is whole. */
static void put(char *field, size_t size_bytes, const char *format, va_list arguments)
{
    char text[sizeof((struct error *)NULL)->message + 8];
    vsnprintf(text, sizeof text, format, arguments);
    copy(field, size_bytes, text, strlen(text));
    for (size_t length = strlen(field); length > 0 && field[length - 1] == ' ';)
        field[--length] = '\0';
}

static void start(struct error *err, enum migrate_code code, const char *format, va_list arguments)
{
    struct error filled = {.code = code};
    put(filled.message, sizeof filled.message, format, arguments);
    hide_passwords(filled.message);
    *err = filled;
}

bool error_set(struct error *err, enum migrate_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    start(err, code, format, arguments);
    va_end(arguments);
    return false;
}

bool error_errno(struct error *err, const char *format, ...)
{
    int number = errno; // before anything below can change it
    va_list arguments;
    va_start(arguments, format);
    start(err, MIGRATE_FILE, format, arguments);
    va_end(arguments);
    size_t used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, ": %s", strerror(number));
    return false;
}

bool error_hint(struct error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put(err->hint, sizeof err->hint, format, arguments);
    va_end(arguments);
    return false;
}

bool error_place(struct error *err, const char *path, unsigned line, unsigned column)
{
    copy(err->path, sizeof err->path, path, strlen(path));
    hide_passwords(err->path);
    err->line = line;
    err->column = column;
    return false;
}

bool error_excerpt(struct error *err, const char *line, size_t size_bytes)
{
    copy(err->excerpt, sizeof err->excerpt, line, size_bytes);
    return false;
}

bool error_revision(struct error *err, const char *revision)
{
    copy(err->revision, sizeof err->revision, revision, strlen(revision));
    return false;
}

bool error_outcome(struct error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put(err->outcome, sizeof err->outcome, format, arguments);
    hide_passwords(err->outcome);
    va_end(arguments);
    return false;
}
