/* pipeline.h: one pipeline of messages to PostgreSQL, and what is known of a play in it. Between play.c, which spells
 * operations as messages, and pipeline.c, which sends messages and reads answers. */
#ifndef MIGRATE_DATABASE_PIPELINE_H
#define MIGRATE_DATABASE_PIPELINE_H

#include "database/postgres.h"

enum message {
    MESSAGE_OPERATION, /* what the operation says */
    MESSAGE_ASIDE,     /* what we send around it */
    MESSAGE_PREPARE,
    MESSAGE_LOCK_CHECK,
    MESSAGE_SYNC,
};

/* One message whose answer is due. */
struct sent {
    enum message message;
    enum op_kind kind;
    struct op_origin origin;
    bool durable;
    bool completes;   /* its answer completes the operation */
    bool rolls_back;  /* a script's ROLLBACK TO, whose tag is ROLLBACK */
    bool is_answered; /* a result came; the NULL behind it is due */
    int64_t rows;
    unsigned prepared; /* number of the statement made or used; 0: none */
    char *text;        /* malloc: the statement, kept only where characters are not bytes */
    size_t bytes;      /* counted against the window */
};

enum watch_state {
    WATCH_UNOPENED,
    WATCH_CONNECTING,
    WATCH_RESTING,
    WATCH_ASKED_BLOCKERS,
    WATCH_ASKED_PROGRESS,
    WATCH_GONE, /* for the rest of the play */
};

/* The second connection, which looks at what the first one waits for. */
struct watcher {
    enum watch_state state;
    PGconn *link;
    PostgresPollingStatusType wanted; /* while connecting */
    double looked_ms;                 /* when the last look began */
    struct op_watch watch;            /* what it saw */
    struct arena seen;                /* its strings */
};

struct play {
    struct postgres *postgres;
    PGconn *link;
    const struct batch *batch;
    struct played *played;
    struct error *err;

    struct sent *ring;
    size_t capacity, first, count;
    size_t unanswered_bytes;

    double answered_ms; /* since when the oldest message has been waited for */
    struct watcher watcher;

    bool in_pipeline;
    bool in_transaction;
    bool is_done;    /* every operation of the batch was answered */
    bool has_failed; /* err is filled */
    bool is_cut_off; /* by us; what libpq still holds is not read any more */
    bool is_refused; /* by an answer, which came before whatever else went wrong */
};

/* The oldest message without an answer. */
struct sent *pipeline_first(struct play *play);
void pipeline_pop(struct play *play);
/* The operation a message belongs to: kind, durable and origin. */
struct op pipeline_op(const struct sent *sent);
struct sent pipeline_message(const struct op *op, enum message message);

/* No more is to be sent: something failed, the connection broke, or an interrupt was asked for. */
bool pipeline_stops(const struct play *play);
void pipeline_fail_lost(struct play *play);
/* Notes that the server refused a message. The first refusal counts: it came before whatever made us stop sending. */
void pipeline_refuse(struct play *play, const struct sent *sent, const PGresult *result);

/* Enters pipeline mode; outside a transaction the first message asks whether the lock is still ours. */
void pipeline_enter(struct play *play);
/* Ends what was sent with a sync, reads every answer and leaves pipeline mode. */
void pipeline_leave(struct play *play);

/* A script's statement, in a pipeline or not. */
void pipeline_send_script(struct play *play, const struct op *op, struct sent sent);
/* A statement of ours: the server keeps it, so that each revision costs little. */
void pipeline_send_ours(struct play *play, struct sent sent, struct text sql, const struct value *values, size_t count);
/* What we send around an operation, without values; the last one completes it. */
void pipeline_send_aside(struct play *play, const struct op *op, const char *sql);
void pipeline_send_last_aside(struct play *play, const struct op *op, const char *sql);

/* Takes the answers that are there, without waiting. */
void pipeline_read(struct play *play);
/* Waits until at most so much is unanswered. An interrupt is passed on to the server until it has refused something;
 * from there on it skips by itself. */
void pipeline_read_until(struct play *play, size_t bytes_left);
void pipeline_take_success(struct play *play, struct sent *sent, PGresult *result);
/* The NULL behind a message's results: its operation may be complete. */
void pipeline_complete(struct play *play, const struct sent *sent);

/* ---- watch.c */

/* One step on, which never waits. */
void watch_step(struct play *play);
/* What a step would have to wait for; -1: nothing. */
int watch_socket(const struct play *play, short *events);
/* Adds to a refused lock's hint who was in the way. */
void watch_explain(const struct play *play, struct error *err);
void watch_end(struct play *play);

#endif
