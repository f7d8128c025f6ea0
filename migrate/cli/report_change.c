/* report_change.c: as text, what a verb that moves a database did or would do: a line for each step, what would be
 * lost, and where the database is. */
#include "cli/report.h"

#include <stdio.h>

enum { MESSAGE_COLUMNS = 50 };

/* What a line of a step says first: where the eye looks, and grep. */
static const char *step_word(const struct migrate_step *step)
{
    bool up = step->direction == MIGRATE_UPGRADE;
    switch (step->status) {
    case MIGRATE_STEP_PLANNED:
        return up ? "upgrade" : "downgrade";
    case MIGRATE_STEP_APPLIED:
        return up ? "upgraded" : "downgraded";
    case MIGRATE_STEP_FAILED:
        return "failed";
    case MIGRATE_STEP_PARTIAL:
        return "partial";
    case MIGRATE_STEP_SKIPPED:
        return "skipped";
    }
    return "";
}

static const char *step_colour(const struct migrate_step *step, const struct palette *p)
{
    switch (step->status) {
    case MIGRATE_STEP_APPLIED:
        return p->green;
    case MIGRATE_STEP_FAILED:
    case MIGRATE_STEP_PARTIAL:
        return p->red;
    case MIGRATE_STEP_SKIPPED:
        return p->dim;
    case MIGRATE_STEP_PLANNED:
        return p->cyan;
    }
    return "";
}

/* How wide the columns of a list of steps are. */
struct widths {
    size_t revision, message, statements, duration;
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static const char *statements_text(const struct migrate_step *step, struct arena *arena)
{
    return step->status == MIGRATE_STEP_SKIPPED ? "" : counted(step->statements, "statement", "statements", arena);
}

static const char *step_duration(const struct migrate_step *step, struct arena *arena)
{
    return step->status == MIGRATE_STEP_APPLIED ? duration_text(step->duration_ms, arena) : "";
}

static struct widths step_widths(const struct migrate_outcome *outcome, struct arena *arena)
{
    struct widths widths = {0};
    for (size_t i = 0; i < outcome->step_count; i++) {
        const struct migrate_step *step = &outcome->steps[i];
        widths.revision = larger(widths.revision, text_characters(text_of(step->revision)));
        widths.message = larger(widths.message, text_characters(text_of(step->message)));
        widths.statements = larger(widths.statements, strlen(statements_text(step, arena)));
        widths.duration = larger(widths.duration, strlen(step_duration(step, arena)));
    }
    if (widths.message > MESSAGE_COLUMNS)
        widths.message = MESSAGE_COLUMNS;
    return widths;
}

static const char *shortened(const char *text, size_t columns, struct arena *arena)
{
    struct text whole = text_of(text);
    if (text_characters(whole) <= columns)
        return text;
    return arena_printf(arena, "%.*s...", (int)text_bytes_of_characters(whole, columns - 3), text);
}

static const char *step_line(const struct migrate_step *step, const struct widths *widths, const struct palette *p,
                             struct arena *arena)
{
    const char *message = shortened(visible(step->message, arena), MESSAGE_COLUMNS, arena);
    struct buffer line = {.arena = arena};
    buffer_printf(&line, "%s%s%s  %s%s%s  %s  %*s  %*s", step_colour(step, p),
                  padded(step_word(step), WORD_COLUMNS, arena), p->off, p->yellow,
                  padded(visible(step->revision, arena), widths->revision, arena), p->off,
                  padded(message, widths->message, arena), (int)widths->statements, statements_text(step, arena),
                  (int)widths->duration, step_duration(step, arena));
    while (line.length && line.at[line.length - 1] == ' ')
        line.at[--line.length] = '\0';
    return buffer_done(&line);
}

/* Each statement under its number, its further lines below its first. */
static void step_statements(const struct report *report, const struct migrate_step *step)
{
    const struct palette *p = report->console->out;
    for (size_t i = 0; step->sql && i < step->statements; i++) {
        struct text rest = text_of(step->sql[i]);
        for (bool first = true; rest.length || first; first = false) {
            struct text line = text_split(rest, '\n', &rest);
            const char *shown = visible(arena_copy(report->arena, line.at, line.length), report->arena);
            if (first)
                console_out(report->console, "%s%6zu%s  %s\n", p->dim, i + 1, p->off, shown);
            else
                console_out(report->console, *shown ? "        %s\n" : "%s\n", shown);
        }
    }
}

static void change_steps(const struct report *report, const struct migrate_outcome *outcome)
{
    struct widths widths = step_widths(outcome, report->arena);
    for (size_t i = 0; i < outcome->step_count; i++) {
        console_out(report->console, "%s\n",
                    step_line(&outcome->steps[i], &widths, report->console->out, report->arena));
        step_statements(report, &outcome->steps[i]);
        if (outcome->steps[i].sql && i + 1 < outcome->step_count)
            console_out(report->console, "\n");
    }
}

static const char *totals(const struct migrate_outcome *outcome, struct arena *arena)
{
    size_t statements = 0;
    double duration_ms = 0;
    for (size_t i = 0; i < outcome->step_count; i++) {
        statements += outcome->steps[i].statements;
        duration_ms += outcome->steps[i].duration_ms;
    }
    const char *counts = arena_printf(arena, "%s, %s", counted(outcome->step_count, "revision", "revisions", arena),
                                      counted(statements, "statement", "statements", arena));
    return outcome->dry_run ? counts : arena_printf(arena, "%s, %s", counts, duration_text(duration_ms, arena));
}

static const char *rows_text(const struct migrate_loss *loss, struct arena *arena)
{
    static const char *const words[] = {[MIGRATE_UNCOUNTED] = "",
                                        [MIGRATE_EXACTLY] = "",
                                        [MIGRATE_ABOUT] = "about ",
                                        [MIGRATE_MORE_THAN] = "more than "};
    if (loss->precision == MIGRATE_UNCOUNTED)
        return " (rows not counted)";
    return arena_printf(arena, " (%s%lld row%s)", words[loss->precision], (long long)loss->rows,
                        loss->rows == 1 ? "" : "s");
}

static const char *loss_text(const struct migrate_loss *loss, struct arena *arena)
{
    const char *table = visible(loss->table, arena), *rows = rows_text(loss, arena);
    switch (loss->kind) {
    case MIGRATE_LOSS_TABLE:
        return arena_printf(arena, "table %s%s", table, rows);
    case MIGRATE_LOSS_REBUILT:
        return arena_printf(arena, "what the rebuilt table %s does not take over%s", table, rows);
    case MIGRATE_LOSS_COLUMN:
        return arena_printf(arena, "column %s.%s%s", table, visible(loss->column, arena), rows);
    case MIGRATE_LOSS_ROWS:
        return arena_printf(arena, "all rows of %s%s", table, rows);
    case MIGRATE_LOSS_SOME_ROWS:
        return arena_printf(arena, "some rows of %s%s", table, rows);
    }
    return table;
}

/* "will be lost: table users (about 12000 rows), column kitchens.note"; "" if nothing is. */
static const char *losses_text(const struct migrate_outcome *plan, const struct palette *p, struct arena *arena)
{
    struct name_list list = {0};
    for (size_t i = 0; i < plan->loss_count; i++)
        ARENA_PUSH(arena, &list, loss_text(&plan->losses[i], arena));
    return list.count
               ? arena_printf(arena, "%swill be lost:%s %s\n", p->red, p->off, names_join(names_of(&list), ", ", arena))
               : "";
}

static void closing_line(const struct report *report, const struct migrate_outcome *outcome)
{
    const struct palette *p = report->console->out;
    const char *url = visible(outcome->url ? outcome->url : "the database", report->arena);
    const char *at = revisions_text(outcome->to, outcome->to_count, report->arena);
    if (outcome->step_count == 0)
        console_out(report->console, "nothing to do: %s is at %s%s%s\n", url, p->yellow, at, p->off);
    else if (outcome->dry_run)
        console_out(report->console, "\n%sdry run: %s would run; nothing was changed\n",
                    losses_text(outcome, p, report->arena), totals(outcome, report->arena));
    else
        console_out(report->console, "%s is at %s%s%s (%s)\n", url, p->yellow, at, p->off,
                    totals(outcome, report->arena));
}

static void stamp_line(const struct report *report, const struct migrate_outcome *outcome)
{
    const struct palette *p = report->console->out;
    const char *from = revisions_text(outcome->from, outcome->from_count, report->arena);
    const char *to = revisions_text(outcome->to, outcome->to_count, report->arena);
    const char *url = visible(outcome->url ? outcome->url : "the database", report->arena);
    if (strcmp(from, to) == 0)
        console_out(report->console, "nothing to do: %s is at %s%s%s\n", url, p->yellow, to, p->off);
    else
        console_out(report->console, "%s is stamped %s%s%s (it was at %s)\n", url, p->yellow, to, p->off, from);
}

/* Was any step reached? A list of what was skipped alone says nothing. */
static bool began(const struct migrate_outcome *outcome)
{
    for (size_t i = 0; i < outcome->step_count; i++)
        if (outcome->steps[i].status != MIGRATE_STEP_SKIPPED)
            return true;
    return false;
}

/* With --sql the script is the result. */
void report_change(const struct report *report, const struct migrate_outcome *outcome)
{
    bool stamps = command_verb(report->line->command) == VERB_STAMP;
    if (report_wants_json(report)) {
        console_out(report->console, "%s\n", json_of_change(report, outcome));
        return;
    }
    if (!outcome || (stamps ? report->line->stamp.sql : report->line->change.sql))
        return;
    if (!stamps && began(outcome))
        change_steps(report, outcome);
    if (!report_failed(report))
        (stamps ? stamp_line : closing_line)(report, outcome);
}

/* Whatever the steps are by now, to whoever is asked they are a plan. */
void report_plan(struct console *console, const struct migrate_outcome *plan, struct arena *arena)
{
    struct migrate_step *steps = ARENA_ARRAY(arena, plan->step_count, struct migrate_step);
    struct migrate_outcome planned = *plan;
    planned.steps = steps;
    for (size_t i = 0; i < plan->step_count; i++) {
        steps[i] = plan->steps[i];
        steps[i].status = MIGRATE_STEP_PLANNED;
    }
    struct widths widths = step_widths(&planned, arena);
    for (size_t i = 0; i < plan->step_count; i++)
        fprintf(stderr, "%s\n", step_line(&steps[i], &widths, console->err, arena));
    fprintf(stderr, "%s", losses_text(plan, console->err, arena));
}
