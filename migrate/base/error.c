/* error.c: filling struct error. Nothing here allocates: an error must be possible when nothing else is. */
#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Control characters would let a server's message or a file's name write several lines, or move the cursor. */
static void one_line(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at; at++)
        if (*at < ' ' || *at == 0x7f)
            *at = ' ';
    for (size_t length = strlen(text); length > 0 && text[length - 1] == ' ';)
        text[--length] = '\0';
}

static void put(char *field, size_t size_bytes, const char *format, va_list arguments)
{
    int wanted = vsnprintf(field, size_bytes, format, arguments);
    if (wanted >= 0 && (size_t)wanted >= size_bytes)
        field[text_cut(text_of(field), size_bytes - 1).length] = '\0';
    one_line(field);
}

static void copy(char *field, size_t size_bytes, const char *text, size_t length)
{
    struct text cut = text_cut((struct text){.at = text, .length = length}, size_bytes - 1);
    memcpy(field, cut.at, cut.length);
    field[cut.length] = '\0';
}

bool error_set(struct error *err, enum migrate_code code, const char *format, ...)
{
    *err = (struct error){.code = code};
    va_list arguments;
    va_start(arguments, format);
    put(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    return false;
}

bool error_errno(struct error *err, const char *format, ...)
{
    int number = errno; // before anything below can change it
    *err = (struct error){.code = MIGRATE_FILE};
    va_list arguments;
    va_start(arguments, format);
    put(err->message, sizeof err->message, format, arguments);
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
    va_end(arguments);
    return false;
}
