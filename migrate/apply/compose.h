/* compose.h: plan -> the one list of operations that carries it out.
 *
 * The list is made while it is played: a composer holds one statement at a time, so that neither a thousand revisions
 * nor a script of 200 MB is ever in memory. Online and offline play the same list; what a printed script leaves out
 * (the history, which only a run knows) is left out here.
 *
 * A revision with transactional sections only:   begin, statements, reset, script, version rows, history "done", commit
 * One with an autocommit section:                begin, script, history "running", commit
 *   its transactional sections:                  begin, statements, reset, statements_done, commit
 *   its autocommit sections, each statement:     alone; begin, statements_done, commit
 *   at its end:                                  begin, version rows, history "done", commit
 */
#ifndef MIGRATE_APPLY_COMPOSE_H
#define MIGRATE_APPLY_COMPOSE_H

#include "apply/ledger.h"
#include "script/online.h"
#include "script/script.h"

/* An index that an autocommit section builds. */
struct build {
    struct online online;
    size_t statement; /* its index in the script */
};

/* A plan's step with its file, opened and judged. */
struct prepared {
    struct script script; /* empty for DIRECTION_STAMP */
    char oid[OID_LENGTH + 1];
    char git_commit[OID_LENGTH + 1]; /* that holds the file as it is; "": none known */
    size_t statements;
    bool is_resumed;            /* an earlier run began it: its running row is there */
    bool is_changed;            /* its file has changed since; the statements done have not */
    size_t done_noted;          /* statements that its row says are done */
    size_t done_before;         /* statements that run completed */
    const struct build *builds; /* indexes that its autocommit sections build */
    size_t builds_count;
    size_t guards_from; /* statement from which on no index may be there that the revision will build */
    bool was_tried;     /* an earlier run may have tried the first statement left, outside transactions */
    struct names clear; /* statements that clear away what an interrupted one left, before the first */
    bool is_autocommit; /* has an autocommit section that would run */
    /* Filled while composing: OP_COMMITs sent before the step's first one, and up to the one that completes it. */
    size_t commits_before;
    size_t commits_after; /* 0: not composed yet */
    size_t alone_before;  /* OP_ALONEs sent before the step's first one */
};

struct composition {
    const struct graph *graph;
    const struct plan *plan;
    struct prepared *prepared; /* plan->step_count */
    const struct ledger *ledger;
    const struct ledger_run *run;
    struct names create; /* statements that make missing tables */
    struct names guard;  /* offline: statements that refuse a database that is elsewhere */
    enum dialect dialect;
    bool one_transaction; /* --transaction run, and printed scripts without autocommit sections */
    bool is_offline;
};

enum phase {
    PHASE_START,
    PHASE_STEP,
    PHASE_KEEP,    /* the script's text, part by part */
    PHASE_JOURNAL, /* the running row */
    PHASE_SECTION,
    PHASE_STATEMENT,
    PHASE_STEP_END,
    PHASE_FINISH,
    PHASE_OVER,
};

struct composer {
    const struct composition *what;
    struct arena arena; /* of the pending operations; rewound when these are used up */
    struct arena_mark empty;
    struct {
        struct op *items;
        size_t count;
        size_t capacity;
    } pending;
    size_t taken; /* of pending */
    enum phase phase;
    size_t step;
    size_t section;
    struct lexer lexer;
    uint32_t statement; /* index of the next one in the step's script */
    size_t kept_bytes;  /* of the script's text */
    size_t kept_parts;
    size_t passed_bytes; /* of the script's text: file_map_pass() */
    bool has_settings;   /* a section's timeouts are in force */
    bool needs_reset;    /* offline: the script changed settings */
    const char *started_at;
    char started_at_text[40];
    size_t commits;
    size_t alones;
    size_t noted; /* statements_done as the running row has it */
};

#define NO_STATEMENT UINT32_MAX /* op_origin.statement of an operation of ours */

void composer_start(struct composer *composer, const struct composition *what);
/* For struct batch: context is the composer. */
bool composer_next(void *composer, struct op *op, bool *end, struct error *err);
void composer_free(struct composer *composer);

/* "Running upgrade a -> b", as Alembic prints it. */
const char *step_title(const struct graph *graph, const struct step *step, struct arena *arena);

#endif
