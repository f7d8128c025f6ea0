/* console.h: the two streams. Results go to standard output, and whether all of them arrived is known at the end;
 * whatever else is worth saying goes to standard error, as text or as one JSON object a line. */
#ifndef MIGRATE_CLI_CONSOLE_H
#define MIGRATE_CLI_CONSOLE_H

#include "base/text.h"
#include "cli/command_line.h"
#include "cli/palette.h"
#include "cli/progress.h"

struct console {
    const struct palette *out, *err; /* colours of either stream */
    bool is_unicode;                 /* the locale's characters are UTF-8 */
    bool is_quiet, is_verbose, logs_json;
    int out_errno; /* of the first write to standard output that failed; 0: none has */
    struct progress progress;
};

enum level { LEVEL_DETAIL, LEVEL_INFO, LEVEL_NOTICE, LEVEL_WARNING, LEVEL_ERROR };

void console_open(struct console *console, const struct global_arguments *wanted);
/* Writes what is still buffered and says whether everything arrived. MIGRATE_FILE. */
MUST_CHECK bool console_close(struct console *console, struct error *err);
/* Was everything taken that went out so far? MIGRATE_FILE with the system's reason. */
MUST_CHECK bool console_is_written(const struct console *console, struct error *err);

/* To standard output. A failure is kept for console_close(), and nothing is written after it. */
void console_out(struct console *console, const char *format, ...) PRINTF_LIKE(2, 3);
/* false: it could not be written. */
bool console_bytes(struct console *console, const char *bytes, size_t size_bytes);

/* A line on standard error, if the level is wanted. `revision` NULL: of none. */
void console_log(struct console *console, enum level level, const char *revision, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* What is wrong: message, place, excerpt, hint, state left behind. */
void console_error(struct console *console, const struct migrate_error *error);
/* Shows a line and waits for the answer; only "y" and "yes" are one. Standard input and error must be terminals. */
bool console_ask(struct console *console, const char *question);
bool console_can_ask(void);
/* Listens to a verb. */
void console_event(struct console *console, const struct migrate_event *event);

/* "11.8 ms", "1.24 s", "2 min 05 s" */
const char *duration_text(double milliseconds, struct arena *arena);
/* Control characters become spaces, so that text from files and servers cannot move the cursor. NULL is "". */
const char *visible(const char *text, struct arena *arena);
/* "excerpt" with a caret under `column` (characters from 1): two lines that begin with the line's number. "" if there
 * is nothing to show. */
const char *excerpt_text(const char *excerpt, unsigned line, unsigned column, const struct palette *palette,
                         struct arena *arena);

#endif
