/* ledger.h: what the database itself keeps about migrations: the version table (Alembic's, so that either tool can take
 * over from the other) and, beside it, the history of what ran and the scripts that ran. This file and ledger.c own all
 * of its SQL. */
#ifndef MIGRATE_APPLY_LEDGER_H
#define MIGRATE_APPLY_LEDGER_H

#include "database/database.h"
#include "plan/plan.h"
#include "script/online.h"

enum { LEDGER_WIDTH = 32, LEDGER_PART_BYTES = 1024 * 1024 };

/* How the tables are called. */
struct ledger_names {
    const char *version_table;
    const char *version_table_schema; /* NULL: the one in which the database finds or would create it */
    const char *history_table;        /* NULL: no history is kept */
};

/* Tables ready to be written into SQL: quoted, with their schema once that is known. */
struct ledger {
    bool is_file; /* SQLite's spelling instead of PostgreSQL's */
    struct ledger_names names;
    const char *schema;  /* NULL: not known, or a database without schemas */
    const char *version; /* quoted */
    const char *history; /* quoted; NULL: none is kept */
    const char *script;  /* quoted */
    /* The statements that every revision needs, made once. */
    struct {
        const char *insert, *remove, *update; /* of the version table */
        const char *add_running, *add_ended;  /* of the history */
        const char *move_running, *move_ended, *rebase, *fail;
        const char *keep; /* of the scripts */
    } sql;
};

/* A revision that began and has not ended: the process died, or a statement outside transactions was refused. */
struct unfinished {
    const char *revision;
    enum direction direction;
    size_t statements_done;
    const char *script_oid; /* of the file it began with; NULL: unknown */
    size_t statements;
    const char *since; /* RFC 3339; this and what follows NULL: unknown */
    const char *applied_by;
    const char *applied_from;
    const char *error; /* why it stopped; NULL: nobody could say any more */
};

struct ledger_state {
    struct names rows;                         /* of the version table, sorted */
    bool has_version, has_history, has_script; /* are the tables there? */
    size_t width;                              /* characters a version row can hold; SIZE_MAX: any number */
    const struct unfinished *unfinished;
    size_t unfinished_count;
};

/* Names and quoting. Offline and before ledger_read() the schema is the configured one, or none. */
void ledger_init(struct ledger *ledger, const struct ledger_names *names, bool is_file, struct arena *arena);
/* Reads where the database stands, in one round trip, and completes the ledger with the schema. Missing tables are an
 * answer. */
MUST_CHECK bool ledger_read(struct ledger *ledger, struct database *database, struct arena *arena,
                            struct ledger_state *state, struct error *err);

/* Which file each revision that is applied, as far as the history knows, was applied from, or was accepted since. */
struct applied_script {
    const char *revision;
    const char *oid;
};
struct applied_scripts {
    struct applied_script *items;
    size_t count;
    size_t capacity;
};
MUST_CHECK bool ledger_applied(const struct ledger *ledger, struct database *database, struct arena *arena,
                               struct applied_scripts *applied, struct error *err);

/* What the history last says of each revision it knows: is it applied? */
struct last_entry {
    const char *revision;
    bool is_applied; /* upgraded, and not taken back since */
    bool is_certain; /* no stamp has moved rows since: what it says ought to be so */
};
struct last_entries {
    struct last_entry *items;
    size_t count;
    size_t capacity;
};
MUST_CHECK bool ledger_last(const struct ledger *ledger, struct database *database, struct arena *arena,
                            struct last_entries *last, struct error *err);

/* The text kept under this oid; empty if there is none. */
MUST_CHECK bool ledger_script(const struct ledger *ledger, struct database *database, const char *oid,
                              struct arena *arena, struct text *text, struct error *err);
/* May nobody but the owner of the history tables (and superusers) write them? A database that is a file: whoever can
 * write it can. */
MUST_CHECK bool ledger_is_guarded(const struct ledger *ledger, struct database *database, struct arena *arena,
                                  bool *is_guarded, struct error *err);

/* Statements that create what the state says is missing, in order. Offline: all of it is missing, and only the version
 * table is made. */
struct names ledger_create(const struct ledger *ledger, const struct ledger_state *state, struct arena *arena);

/* Who runs what, for the history. */
struct ledger_run {
    const char *applied_by;   /* used where the database knows no users; never NULL */
    const char *applied_from; /* host or pod */
};

struct ledger_entry {
    const char *revision;
    enum direction direction;
    const char *status; /* "running", "done", "failed", "abandoned" */
    size_t statements_done;
    size_t done_before; /* ledger_move(): what the row must say before it moves */
    size_t statements;
    const char *script_oid; /* NULL: none */
    const char *git_commit; /* that held the script; NULL: unknown */
    const char *started_at; /* RFC 3339; where the database has a clock of its own that is used instead */
    const char *error;      /* NULL: none */
};

/* Operations; their SQL is the ledger's, their values are borrowed or in the arena. */
struct op ledger_change(const struct ledger *ledger, const struct row_change *change);
struct op ledger_add(const struct ledger *ledger, const struct ledger_run *run, const struct ledger_entry *entry,
                     struct arena *arena);
/* Moves the running row of the entry's revision on: statements_done, status, and with status "running" nothing else. */
struct op ledger_move(const struct ledger *ledger, const struct ledger_entry *entry, struct arena *arena);
/* The running row's script is another one now, with other statements still to come. */
struct op ledger_rebase(const struct ledger *ledger, const struct ledger_entry *entry, struct arena *arena);
/* Writes the error into the running row, and with status "failed" ends it; statements_done stays as it is. */
struct op ledger_fail(const struct ledger *ledger, const struct ledger_entry *entry);
struct op ledger_keep_script(const struct ledger *ledger, const char *oid, size_t part, struct text body,
                             struct arena *arena);
/* A statement that fails, saying so, unless the version rows are exactly these: the guard of a printed script. */
struct names ledger_guard(const struct ledger *ledger, struct names rows, struct arena *arena);

/* PostgreSQL: a statement that fails if there is an index of this name beside this table already; with if_not_exists
 * only if it is not valid, which IF NOT EXISTS would take for the one that is wanted. */
const char *ledger_no_index(const struct online *build, struct arena *arena);

const char *direction_name(enum direction direction); /* "upgrade" */

#endif
