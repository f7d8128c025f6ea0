/* outcome.c: the steps of a change as users see them: announced, counted, and reported with what stands. */
#include "apply/attempt.h"
#include "base/clock.h"

void observe(const struct change *change, const struct migrate_event *event)
{
    if (change->observe)
        change->observe(change->context, event);
}

void warn(const struct change *change, const char *message)
{
    observe(change, &(struct migrate_event){.kind = MIGRATE_EVENT_WARNING, .message = message});
}

const char *id_of(const struct attempt *attempt, size_t step)
{
    return attempt->graph.revisions[attempt->plan.steps[step].revision].id;
}

void list_steps(struct attempt *attempt)
{
    const struct change *change = attempt->change;
    attempt->step_count = change->direction == DIRECTION_STAMP ? 0 : attempt->plan.step_count;
    attempt->steps = ARENA_ARRAY(change->arena, attempt->step_count, struct migrate_step);
    attempt->steps_done = 0;
    for (size_t i = 0; i < attempt->step_count; i++) {
        const struct step *step = &attempt->plan.steps[i];
        const struct revision *revision = &attempt->graph.revisions[step->revision];
        attempt->steps[i] = (struct migrate_step){
            .revision = revision->id,
            .direction = step->direction == DIRECTION_UPGRADE ? MIGRATE_UPGRADE : MIGRATE_DOWNGRADE,
            .message = revision->message,
            .path = revision->path,
            .status = change->dry_run ? MIGRATE_STEP_PLANNED : MIGRATE_STEP_SKIPPED,
            .statements = attempt->prepared[i].statements,
        };
    }
}

static bool is_planned(const struct attempt *attempt, const struct migrate_step *step)
{
    for (size_t i = 0; i < attempt->step_count; i++)
        if (strcmp(attempt->steps[i].revision, step->revision) == 0 && attempt->steps[i].direction == step->direction)
            return true;
    return false;
}

void settle_steps(struct attempt *attempt, const struct migrate_step *before, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct migrate_step step = before[i];
        if (is_planned(attempt, &step))
            continue;
        step.status = MIGRATE_STEP_APPLIED; // a commit whose answer was lost is settled by the row
        ARENA_PUSH(attempt->change->arena, &attempt->settled, step);
    }
}

static void change_rows(struct name_list *rows, const struct row_change *change, struct arena *arena)
{
    size_t at = 0;
    while (change->from && at < rows->count && strcmp(rows->items[at], change->from) != 0)
        at++;
    if (!change->from)
        ARENA_PUSH(arena, rows, change->to);
    else if (at < rows->count && change->to)
        rows->items[at] = change->to;
    else if (at < rows->count)
        rows->items[at] = rows->items[--rows->count];
}

struct names rows_after(const struct attempt *attempt, size_t steps)
{
    const struct plan *plan = &attempt->plan;
    if (steps == plan->step_count)
        return plan->to;
    struct name_list rows = {0};
    for (size_t i = 0; i < plan->from.count; i++)
        ARENA_PUSH(attempt->change->arena, &rows, plan->from.items[i]);
    for (size_t s = 0; s < steps; s++)
        for (size_t c = 0; c < plan->steps[s].changes.count; c++)
            change_rows(&rows, &plan->steps[s].changes.items[c], attempt->change->arena);
    return names_of(&rows);
}

void report_outcome(const struct attempt *attempt, struct migrate_outcome *outcome)
{
    const struct change *change = attempt->change;
    struct names to = change->dry_run ? attempt->plan.to : attempt->stands;
    struct step_list all = {0};
    for (size_t i = 0; i < attempt->settled.count; i++)
        ARENA_PUSH(change->arena, &all, attempt->settled.items[i]);
    for (size_t i = 0; i < attempt->step_count; i++)
        ARENA_PUSH(change->arena, &all, attempt->steps[i]);
    outcome->dry_run = change->dry_run;
    outcome->from = attempt->from.items;
    outcome->from_count = attempt->from.count;
    outcome->to = to.items;
    outcome->to_count = to.count;
    outcome->steps = all.items;
    outcome->step_count = all.count;
    outcome->losses = attempt->losses;
    outcome->loss_count = attempt->loss_count;
}

static struct migrate_event step_event(const struct attempt *attempt, size_t index, enum migrate_event_kind kind)
{
    const struct migrate_step *step = &attempt->steps[index];
    return (struct migrate_event){.kind = kind,
                                  .revision = step->revision,
                                  .title = step->message,
                                  .direction = step->direction,
                                  .number = attempt->settled.count + index + 1,
                                  .total = attempt->settled.count + attempt->step_count,
                                  .duration_ms = step->duration_ms};
}

void announce_step(struct attempt *attempt, size_t step)
{
    if (step >= attempt->step_count)
        return;
    attempt->step_began_ms = clock_ms();
    struct migrate_event event = step_event(attempt, step, MIGRATE_EVENT_STEP);
    observe(attempt->change, &event);
}

void finish_step(struct attempt *attempt, size_t step)
{
    attempt->steps[step].duration_ms = clock_ms() - attempt->step_began_ms;
    attempt->reconnections = 0;
    struct migrate_event event = step_event(attempt, step, MIGRATE_EVENT_STEP_DONE);
    observe(attempt->change, &event);
    announce_step(attempt, step + 1);
}
