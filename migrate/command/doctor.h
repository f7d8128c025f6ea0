/* doctor.h: what the files of `doctor` share.
 *
 *   doctor.c           the verb: what is looked at, in which order, and the revisions
 *   doctor_network.c   from the host's name to the login
 *   doctor_server.c    what PostgreSQL says of itself and of those who are connected
 *   doctor_file.c      an SQLite file
 *   lifetime.c         until when PostgreSQL's versions are supported
 */
#ifndef MIGRATE_COMMAND_DOCTOR_H
#define MIGRATE_COMMAND_DOCTOR_H

#include "command/session.h"

struct examinations {
    struct migrate_examination *items;
    size_t count;
    size_t capacity;
};

/* The database has a connection of its own: what doctor sets on it is nobody else's. */
struct visit {
    struct migrate *migrate;
    struct arena *arena;
    int64_t replicas, old_after_ms;
    double timeout_ms; /* of each step */
    struct connection_settings settings;
    struct connection connection;
    struct database *database; /* NULL: there is no connection */
    const char *role;          /* that migrations run as: DB_ROLE, or whoever logs in; NULL: not to be had */
    struct examinations found;
    bool is_over; /* interrupted, or the connection was lost: there is no use in going on */
    struct error why_over;
};

struct examiner {
    const char *name;
    void (*examine)(struct visit *visit, const char *name);
};

/* Notes what was found; hint NULL: nothing to do. */
void visit_note(struct visit *visit, const char *name, enum migrate_health health, const char *hint, const char *format,
                ...) PRINTF_LIKE(5, 6);
/* The same from an error. */
void visit_note_error(struct visit *visit, const char *name, enum migrate_health health, const struct error *error);
/* Asks one question in a read-only transaction with a time limit of its own, as the role that migrations run as. A
 * refusal is noted under `name`, and false. */
MUST_CHECK bool visit_ask(struct visit *visit, const char *name, const struct question *question, struct rows *rows);
/* The same without a transaction around it. */
MUST_CHECK bool visit_ask_plainly(struct visit *visit, const char *name, const struct question *question,
                                  struct rows *rows);

struct value visit_value(const char *text);
/* A cell as a number; 0 for NULL. */
int64_t visit_number(const struct rows *rows, size_t row, size_t column);
bool visit_is_true(const struct rows *rows, size_t row, size_t column);
/* "5 min 3 s" */
const char *visit_duration(int64_t seconds, struct arena *arena);

/* From the name to the login; visit->database is set if that succeeded. Else the connection's own error. */
MUST_CHECK bool doctor_connect(struct visit *visit, struct error *err);
/* The same for a file: may it be read and written, and is it a database? */
MUST_CHECK bool doctor_open_file(struct visit *visit, struct error *err);

extern const struct examiner doctor_server_examiners[];
extern const size_t doctor_server_examiner_count;
extern const struct examiner doctor_file_examiners[];
extern const size_t doctor_file_examiner_count;

/* The day after which PostgreSQL's developers no longer mend this major version, at midnight UTC; false for a version
 * that is not known: *is_older says which side of those known. */
bool lifetime_of_postgresql(int major, int64_t *ends_us, bool *is_older);

#endif
