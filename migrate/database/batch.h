/* batch.h: what is to be done to a database, as data.
 *
 * A batch is one list of typed operations. It is pulled: a driver asks for the next operation when it has room for
 * it, so a batch of any length costs no memory. Each driver spells it in its own way: one pipeline, one step at a
 * time, or a printed script. */
#ifndef MIGRATE_DATABASE_BATCH_H
#define MIGRATE_DATABASE_BATCH_H

#include "base/text.h"

enum op_kind {
    OP_BEGIN,      /* opens a transaction (SQLite: a savepoint in the one around the run) */
    OP_STATEMENT,  /* a statement of a script */
    OP_COPY,       /* a COPY FROM STDIN of a script, with its data */
    OP_EXECUTE,    /* a statement of ours, with values */
    OP_EXPECT_ONE, /* likewise; unless it changes exactly one row the transaction fails, whatever is queued behind it */
    OP_RESET,      /* what the script set (search_path, role, timeouts) ends here; our own settings again */
    OP_SETTINGS,   /* lock_timeout_ms and statement_timeout_ms for what follows in this transaction or, outside one,
                      session; -1: as configured */
    OP_COMMIT,     /* ends what OP_BEGIN opened. durable: do not answer before it is on disk */
    OP_ALONE,      /* a statement of a script that stands alone, outside any transaction; waited for. What else stands
                      outside one gets one of its own */
    OP_COMMENT,    /* offline only: a line of its own ("Running upgrade a -> b"); others pass over it */
};

/* A value sent as a parameter. NULL is SQL's NULL. */
struct value {
    const char *text; /* need not end in NUL */
    size_t length;
};

/* Where an operation comes from: handed back untouched with results and errors. */
struct op_origin {
    uint32_t step;      /* index of the plan's step */
    uint32_t statement; /* index of the statement in the step's script */
    size_t offset;      /* of the statement's text in its file, in bytes */
};

enum { OP_VALUES_MAX = 12 };

struct op {
    enum op_kind kind;
    struct text sql; /* borrowed until the next pull, as are values and data */
    struct text data;
    struct value values[OP_VALUES_MAX];
    size_t value_count;
    bool durable;
    int64_t lock_timeout_ms;
    int64_t statement_timeout_ms;
    struct op_origin origin;
};

/* How an operation went. */
struct op_result {
    const struct op *op; /* kind, durable and origin only */
    int64_t rows;        /* changed, as the database says; 0 if it does not */
};

/* What an operation that takes its time is doing, seen from a second connection. */
struct op_watch {
    const char *blockers; /* who is in its way, joined by "; "; NULL: nobody */
    const char *phase;    /* of an index build ("building index: scanning table"); NULL: none runs */
    double percent;       /* of that phase, 0 to 100; negative: not known */
    int64_t blocks_done;
    int64_t blocks_total;
};

struct batch {
    /* Fills *op; *end at the end. false: the batch cannot be made (a file is gone): the driver stops as after a
     * refusal. */
    bool (*next)(void *context, struct op *op, bool *end, struct error *err);
    /* Called once for each operation that completed, in order; not for OP_COMMENT. For OP_COMMIT a promise only: see
     * struct played. */
    void (*done)(void *context, const struct op_result *result);
    /* A NOTICE or WARNING, with the operation it came from (NULL if unknown). `severity` as the server has it. */
    void (*notice)(void *context, const struct op *op, const char *severity, const char *message);
    /* Called about once a second while an operation has not answered for longer than that, or for half of a shorter
     * lock_timeout. PostgreSQL answers a revision's operations together, so `op` is the first of them that may be
     * meant. NULL: nobody looks. */
    void (*watch)(void *context, const struct op *op, const struct op_watch *watch);
    void *context;
    bool ignores_interrupt; /* what must still be written down after an interrupt */
};

/* What stands after playing, whatever was answered. */
struct played {
    size_t commits;         /* OP_COMMITs, counted from the batch's first, that stand */
    size_t alone;           /* OP_ALONEs that completed */
    bool failed_in_op;      /* the error came from an operation, not from the connection, the lock or batch->next: */
    struct op failed;       /* kind and origin only */
    size_t failed_position; /* bytes into that statement's text; SIZE_MAX: not known */
    bool transaction_lost;  /* SQLite: the whole run was rolled back, not only the last savepoint */
};

#endif
