/* attempt.h: one change under way. Of this room only: apply.c tells the story, and each part of it has a file of its
 * own.
 *
 *     stored.c     revisions that only the database has
 *     resume.c     a revision that stopped half-way
 *     toll.c       what the plan's downgrades will lose
 *     outcome.c    steps, events, and what stands
 *     failure.c    what went wrong, written down; and whether to try again
 *
 * remedy.c is a story of its own, told with the same parts.
 */
#ifndef MIGRATE_APPLY_ATTEMPT_H
#define MIGRATE_APPLY_ATTEMPT_H

#include "apply/apply.h"
#include "apply/prepare.h"
#include "apply/stored.h"

struct step_list {
    struct migrate_step *items;
    size_t count;
    size_t capacity;
};

/* A step that was decided on. */
struct agreed {
    const char *revision;
    enum direction direction;
};

struct attempt {
    const struct change *change;
    enum dialect dialect;
    /* What was seen last: a look replaces all of it. */
    struct ledger_state state;
    struct graph graph; /* the folder's, and what only the database has */
    struct plan plan;
    struct prepared *prepared;  /* plan.step_count */
    struct migrate_step *steps; /* of the plan; none for a stamp */
    size_t step_count;
    const struct migrate_loss *losses; /* of the plan that was shown */
    size_t loss_count;
    /* Being played. */
    struct composer composer;
    struct played played;
    size_t steps_done;
    double step_began_ms;
    /* Over several rounds: a lock that could not be had, a connection that was lost. */
    bool has_looked;
    struct names from;        /* version rows before anything was done */
    struct step_list settled; /* steps of earlier rounds, which stand */
    unsigned lock_tries;
    unsigned reconnections; /* since a step last completed */
    unsigned relocks;
    struct names stands;         /* version rows as they were last known to be */
    const struct agreed *agreed; /* what the first round set out to do, which is what the others finish */
    size_t agreed_count;
    char blockers[512]; /* who was last seen in the way */
};

/* apply.c */
const char *lock_name(const struct change *change);

/* outcome.c */
void observe(const struct change *change, const struct migrate_event *event);
void warn(const struct change *change, const char *message);
const char *id_of(const struct attempt *attempt, size_t step);
void list_steps(struct attempt *attempt);
/* Steps of the last round that the new plan no longer has stand. */
void settle_steps(struct attempt *attempt, const struct migrate_step *before, size_t count);
/* Version rows after the plan's first `steps` steps. */
struct names rows_after(const struct attempt *attempt, size_t steps);
void report_outcome(const struct attempt *attempt, struct migrate_outcome *outcome);
void announce_step(struct attempt *attempt, size_t step);
void finish_step(struct attempt *attempt, size_t step);

/* toll.c: what the plan's downgrades drop, counted. */
MUST_CHECK bool find_losses(struct attempt *attempt, struct error *err);

/* resume.c: the unfinished revision must be the plan's first step; says what of it is done, and what to do first. */
MUST_CHECK bool resume_unfinished(struct attempt *attempt, struct error *err);

/* failure.c */
void place_error(const struct attempt *attempt, struct error *err);
void say_what_stands(struct attempt *attempt, struct error *err);
void record_failure(const struct attempt *attempt, const struct error *failure);
/* After a refusal: is it worth another round? Waits for it if so. The error stays as it is if not. */
bool goes_on(struct attempt *attempt, struct error *err);

#endif
