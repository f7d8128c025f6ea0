/* error.h: what went wrong, where, and what to do next.
 *
 * Whatever can fail answers bool, true for success, and takes a `struct error *` last, which it leaves
 * untouched on success, so that calls chain with &&. An error is filled once, where the fact is known; higher
 * floors add a place, a revision or a hint and never replace the cause. The code is one of migrate.h's, the only
 * list of them there is. */
#ifndef MIGRATE_BASE_ERROR_H
#define MIGRATE_BASE_ERROR_H

#include "migrate.h"

#include <stdarg.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, from) __attribute__((format(printf, at, from)))

struct error {
    enum migrate_code code;
    unsigned line;   /* from 1; 0: no place in a file */
    unsigned column; /* from 1, in characters; 0: unknown */
    char sqlstate[6];
    char revision[256];
    char path[1024];
    char excerpt[512]; /* that line of the file, cut if long */
    char message[2048];
    char hint[1024];
    char outcome[512]; /* the state that was left behind, as a sentence */
};

/* All of these return false, so that `return error_set(err, ...)` reads as it should. Text that does not fit is
 * cut at a character's border. Control characters become spaces: a message is one line; bytes that are no UTF-8 become
 * question marks; the password of a URL is left out (of all but hints, which show what one looks like). An argument may
 * be a field of the same error. */
bool error_set(struct error *err, enum migrate_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* The message followed by ": " and what errno means; MIGRATE_FILE. */
bool error_errno(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
bool error_hint(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
bool error_place(struct error *err, const char *path, unsigned line, unsigned column);
bool error_excerpt(struct error *err, const char *line, size_t size_bytes);
bool error_revision(struct error *err, const char *revision);
bool error_outcome(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
