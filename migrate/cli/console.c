/* console.c: standard output with its failures counted, and lines on standard error. */
#include "cli/console.h"

#include "base/clock.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

static const struct palette *palette_for(int wanted, int stream)
{
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if (wanted == WHEN_ALWAYS)
        return &palette_ansi;
    if (wanted == WHEN_NEVER || !isatty(stream) || (no_colour && *no_colour))
        return &palette_plain;
    return terminal && *terminal && strcmp(terminal, "dumb") != 0 ? &palette_ansi : &palette_plain;
}

/* By its name alone: loading the locale would cost more than everything else at start. */
static bool locale_is_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *locale = getenv(variables[i]);
        if (locale && *locale)
            return strcasestr(locale, "utf-8") || strcasestr(locale, "utf8");
    }
    return false;
}

void console_open(struct console *console, const struct global_arguments *wanted)
{
    *console = (struct console){.out = palette_for(wanted->colour, STDOUT_FILENO),
                                .err = palette_for(wanted->colour, STDERR_FILENO),
                                .is_unicode = locale_is_utf8(),
                                .is_quiet = wanted->quiet,
                                .is_verbose = wanted->verbose,
                                .logs_json = wanted->log_format == FORMAT_JSON};
    bool automatic = isatty(STDERR_FILENO) && !console->is_quiet;
    bool bar = !console->logs_json && (wanted->progress == WHEN_ALWAYS || (wanted->progress == WHEN_AUTO && automatic));
    progress_open(&console->progress, console->err, bar, console->is_unicode);
}

/* A descriptor that was closed before we began is no failure as long as nothing was to be written to it. */
bool console_close(struct console *console, struct error *err)
{
    progress_end(&console->progress);
    if (!console->out_errno && fflush(stdout) != 0)
        console->out_errno = errno;
    if (close(STDOUT_FILENO) != 0 && errno != EBADF && !console->out_errno)
        console->out_errno = errno;
    return console_is_written(console, err);
}

bool console_is_written(const struct console *console, struct error *err)
{
    if (!console->out_errno)
        return true;
    errno = console->out_errno;
    return error_errno(err, "the result could not be written to standard output");
}

void console_out(struct console *console, const char *format, ...)
{
    if (console->out_errno)
        return;
    va_list arguments;
    va_start(arguments, format);
    if (vfprintf(stdout, format, arguments) < 0)
        console->out_errno = errno;
    va_end(arguments);
}

bool console_bytes(struct console *console, const char *bytes, size_t size_bytes)
{
    if (!console->out_errno && fwrite(bytes, 1, size_bytes, stdout) != size_bytes)
        console->out_errno = errno;
    return !console->out_errno;
}

const char *duration_text(double milliseconds, struct arena *arena)
{
    if (milliseconds < 999.95)
        return arena_printf(arena, "%.1f ms", milliseconds);
    if (milliseconds < 59995)
        return arena_printf(arena, "%.2f s", milliseconds / 1e3);
    long seconds = (long)(milliseconds / 1e3 + 0.5);
    return arena_printf(arena, "%ld min %02ld s", seconds / 60, seconds % 60);
}

/* Bytes of the control character at `at`: C0, DEL, or one of C1, which some terminals obey too. 0: it is none. */
static size_t control_bytes(const char *at)
{
    unsigned char byte = (unsigned char)at[0], next = byte ? (unsigned char)at[1] : 0;
    if (byte == 0xC2 && next >= 0x80 && next <= 0x9F)
        return 2;
    return byte < ' ' || byte == 0x7f;
}

const char *visible(const char *text, struct arena *arena)
{
    char *copy = arena_string(arena, text ? text : "");
    for (char *at = copy; *at; at++) {
        size_t length = control_bytes(at);
        memset(at, ' ', length);
        at += length == 2;
    }
    return copy;
}

/* --- lines --------------------------------------------------------------------------------------- */

static const char *const level_names[] = {
    [LEVEL_DETAIL] = "debug",    [LEVEL_INFO] = "info",   [LEVEL_NOTICE] = "notice",
    [LEVEL_WARNING] = "warning", [LEVEL_ERROR] = "error",
};

/* Where both streams end in one place, what was said first should stand first. */
static void begin_line(struct console *console)
{
    if (!console->out_errno && fflush(stdout) != 0)
        console->out_errno = errno;
    progress_hide(&console->progress);
}

static void end_line(struct console *console)
{
    progress_resume(&console->progress);
}

static void write_line(struct console *console, const char *line)
{
    begin_line(console);
    fprintf(stderr, "%s\n", line);
    end_line(console);
}

/* NULL and "" are left out; a string that is no UTF-8 cannot stand in JSON and becomes "?". */
static void set_text(json_t *object, const char *key, const char *text)
{
    if (!text || !*text)
        return;
    json_t *value = json_string(text);
    json_object_set_new(object, key, value ? value : json_string("?"));
}

static json_t *log_object(enum level level, const char *revision, const char *message, struct arena *arena)
{
    json_t *object = json_object();
    set_text(object, "time", clock_rfc3339(clock_now_us(), arena));
    set_text(object, "level", level_names[level]);
    set_text(object, "message", message);
    set_text(object, "revision", revision);
    return object;
}

static void write_object(struct console *console, json_t *object)
{
    char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12));
    if (line)
        write_line(console, line);
    free(line);
    json_decref(object);
}

static const char *log_text(const struct console *console, enum level level, const char *revision, const char *message,
                            struct arena *arena)
{
    const struct palette *p = console->err;
    const char *colour = level == LEVEL_WARNING ? p->yellow : level == LEVEL_NOTICE ? p->cyan : p->red;
    if (level == LEVEL_DETAIL)
        return arena_printf(arena, "%s%s%s", p->dim, message, p->off);
    if (level == LEVEL_INFO)
        return message;
    return arena_printf(arena, "%s%s:%s %s%s%s", colour, level_names[level], p->off, revision ? revision : "",
                        revision ? ": " : "", message);
}

void console_log(struct console *console, enum level level, const char *revision, const char *format, ...)
{
    if ((level == LEVEL_DETAIL && !console->is_verbose) || (level < LEVEL_WARNING && console->is_quiet))
        return;
    struct arena arena = {0};
    va_list arguments;
    va_start(arguments, format);
    const char *message = visible(arena_vprintf(&arena, format, arguments), &arena);
    va_end(arguments);
    if (console->logs_json)
        write_object(console, log_object(level, revision, message, &arena));
    else
        write_line(console, log_text(console, level, revision, message, &arena));
    arena_free(&arena);
}

/* --- errors -------------------------------------------------------------------------------------- */

enum { EXCERPT_CHARACTERS = 90, EXCERPT_BEFORE = 60 };

/* Columns a character takes: two for the scripts of East Asia and most pictures, none for marks that combine. */
static int columns_of(const char *at, size_t length)
{
    const unsigned char *b = (const unsigned char *)at;
    unsigned code = length == 1   ? b[0]
                    : length == 2 ? (b[0] & 0x1Fu) << 6 | (b[1] & 0x3Fu)
                    : length == 3 ? (b[0] & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu)
                    : length == 4 ? (b[0] & 0x07u) << 18 | (b[1] & 0x3Fu) << 12 | (b[2] & 0x3Fu) << 6 | (b[3] & 0x3Fu)
                                  : 0;
    if ((code >= 0x300 && code <= 0x36F) || (code >= 0x200B && code <= 0x200F) || (code >= 0xFE00 && code <= 0xFE0F))
        return 0;
    return (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
                   (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
                   (code >= 0xFE30 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF60) ||
                   (code >= 0xFFE0 && code <= 0xFFE6) || (code >= 0x1F300 && code <= 0x1FAFF) ||
                   (code >= 0x20000 && code <= 0x3FFFD)
               ? 2
               : 1;
}

/* White space as wide as the text, tabs kept: both lines begin in the same column, so a tab goes equally far in each.
 */
static void add_blank(struct buffer *out, struct text text)
{
    while (text.length) {
        size_t length = text_bytes_of_characters(text, 1);
        if (*text.at == '\t')
            buffer_character(out, '\t');
        else
            buffer_printf(out, "%*s", columns_of(text.at, length), "");
        text.at += length;
        text.length -= length;
    }
}

static void add_visible(struct buffer *out, struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        bool is_control = text.at[i] != '\t' && control_bytes(text.at + i);
        buffer_character(out, is_control ? ' ' : text.at[i]);
        i += is_control && text.at[i] == '\xC2';
    }
}

const char *excerpt_text(const char *excerpt, unsigned line, unsigned column, const struct palette *palette,
                         struct arena *arena)
{
    struct text text = text_of(excerpt);
    size_t characters = text_characters(text), before = column ? column - 1 : 0, skipped = 0;
    if (characters == 0 || line == 0)
        return "";
    if (before > EXCERPT_BEFORE && characters > EXCERPT_CHARACTERS && before <= characters)
        skipped = before - EXCERPT_BEFORE;
    size_t start = text_bytes_of_characters(text, skipped);
    text = (struct text){.at = text.at + start, .length = text.length - start};
    struct text shown = {.at = text.at, .length = text_bytes_of_characters(text, EXCERPT_CHARACTERS)};
    struct buffer out = {.arena = arena};
    buffer_printf(&out, "%s%5u |%s %s", palette->blue, line, palette->off, skipped ? "..." : "");
    add_visible(&out, shown);
    buffer_printf(&out, "%s\n", shown.length < text.length ? "..." : "");
    if (column == 0 || before - skipped > text_characters(shown))
        return buffer_done(&out);
    buffer_printf(&out, "%s      |%s %s", palette->blue, palette->off, skipped ? "   " : "");
    add_blank(&out, (struct text){.at = shown.at, .length = text_bytes_of_characters(shown, before - skipped)});
    buffer_printf(&out, "%s^%s\n", palette->red, palette->off);
    return buffer_done(&out);
}

static const char *place_text(const struct migrate_error *error, struct arena *arena)
{
    if (!*error->path)
        return "";
    if (error->line == 0)
        return arena_printf(arena, "%s: ", visible(error->path, arena));
    if (error->column == 0)
        return arena_printf(arena, "%s:%u: ", visible(error->path, arena), error->line);
    return arena_printf(arena, "%s:%u:%u: ", visible(error->path, arena), error->line, error->column);
}

static void error_lines(struct console *console, const struct migrate_error *error, struct arena *arena)
{
    const struct palette *p = console->err;
    const char *message = *error->message ? error->message : migrate_code_meaning(error->code);
    begin_line(console);
    fprintf(stderr, "%serror:%s %s%s%s%s", p->red, p->off, p->bold, place_text(error, arena), visible(message, arena),
            p->off);
    if (*error->sqlstate)
        fprintf(stderr, " [%s]", visible(error->sqlstate, arena));
    fprintf(stderr, "\n%s", excerpt_text(error->excerpt, error->line, error->column, p, arena));
    if (*error->hint)
        fprintf(stderr, "%shint:%s %s\n", p->cyan, p->off, visible(error->hint, arena));
    if (*error->outcome)
        fprintf(stderr, "%s\n", visible(error->outcome, arena));
    end_line(console);
}

static json_t *error_object(const struct migrate_error *error, struct arena *arena)
{
    const char *message = *error->message ? error->message : migrate_code_meaning(error->code);
    json_t *object = log_object(LEVEL_ERROR, error->revision, message, arena);
    set_text(object, "code", migrate_code_name(error->code));
    set_text(object, "sqlstate", error->sqlstate);
    set_text(object, "path", error->path);
    if (error->line)
        json_object_set_new(object, "line", json_integer(error->line));
    if (error->column)
        json_object_set_new(object, "column", json_integer(error->column));
    set_text(object, "hint", error->hint);
    set_text(object, "outcome", error->outcome);
    return object;
}

void console_error(struct console *console, const struct migrate_error *error)
{
    struct arena arena = {0};
    if (console->logs_json)
        write_object(console, error_object(error, &arena));
    else
        error_lines(console, error, &arena);
    arena_free(&arena);
}

/* --- questions and events ------------------------------------------------------------------------ */

bool console_can_ask(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool console_ask(struct console *console, const char *question)
{
    char answer[16] = "";
    begin_line(console);
    fprintf(stderr, "%s%s%s [y/N] ", console->err->bold, question, console->err->off);
    bool answered = fgets(answer, sizeof answer, stdin); // NULL also when a signal came in between
    end_line(console);
    if (!answered)
        fputc('\n', stderr);
    struct text word = text_trim(text_of(answer));
    return answered && (text_is_nocase(word, "y") || text_is_nocase(word, "yes"));
}

static void step_line(struct console *console, const struct migrate_event *event)
{
    if (console->progress.enabled && !console->is_verbose)
        return; // the bar says it
    console_log(console, LEVEL_INFO, event->revision, "%s %s%s%s (%zu of %zu)",
                event->direction == MIGRATE_UPGRADE ? "upgrading to" : "downgrading from", event->revision,
                event->title && *event->title ? ", " : "", event->title ? event->title : "", event->number,
                event->total);
}

static void done_line(struct console *console, const struct migrate_event *event)
{
    struct arena arena = {0};
    console_log(console, LEVEL_DETAIL, event->revision, "%s committed after %s", event->revision,
                duration_text(event->duration_ms, &arena));
    arena_free(&arena);
}

void console_event(struct console *console, const struct migrate_event *event)
{
    const char *message = event->message ? event->message : "";
    progress_note(&console->progress, event);
    switch (event->kind) {
    case MIGRATE_EVENT_LOG:
    case MIGRATE_EVENT_WAIT:
        console_log(console, LEVEL_INFO, event->revision, "%s", message);
        break;
    case MIGRATE_EVENT_DETAIL:
        console_log(console, LEVEL_DETAIL, event->revision, "%s", message);
        break;
    case MIGRATE_EVENT_WARNING:
        console_log(console, LEVEL_WARNING, event->revision, "%s", message);
        break;
    case MIGRATE_EVENT_NOTICE:
        console_log(console, LEVEL_NOTICE, event->revision, "%s", message);
        break;
    case MIGRATE_EVENT_STEP:
        step_line(console, event);
        break;
    case MIGRATE_EVENT_STEP_DONE:
        done_line(console, event);
        break;
    case MIGRATE_EVENT_PLAN:
    case MIGRATE_EVENT_STATEMENT:
    case MIGRATE_EVENT_BUILD:
        break;
    }
}
