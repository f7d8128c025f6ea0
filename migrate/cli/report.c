/* report.c: results as text. The words of current, heads and history are Alembic's, so that what reads those reads
 * these; a colour never carries what a word does not. */
#include "cli/report.h"

#include "cli/draw.h"

#include <stdio.h>

static bool wants_json(const struct report *report)
{
    return report->line->global.format == FORMAT_JSON;
}

static bool failed(const struct report *report)
{
    return migrate_code_exit(report->code) > 1;
}

const char *revisions_text(const char *const *revisions, size_t count, struct arena *arena)
{
    if (count == 0)
        return "base";
    return visible(names_join((struct names){.items = revisions, .count = count}, ", ", arena), arena);
}

/* --- steps ---------------------------------------------------------------------------------------- */

enum { WORD_COLUMNS = 10, MESSAGE_COLUMNS = 50 };

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

static const char *counted(size_t count, const char *one, const char *many, struct arena *arena)
{
    return arena_printf(arena, "%zu %s", count, count == 1 ? one : many);
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

static const char *padded(const char *text, size_t columns, struct arena *arena)
{
    size_t used = text_characters(text_of(text));
    return arena_printf(arena, "%s%*s", text, used < columns ? (int)(columns - used) : 0, "");
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
    if (wants_json(report)) {
        console_out(report->console, "%s\n", json_of_change(report, outcome));
        return;
    }
    if (!outcome || (stamps ? report->line->stamp.sql : report->line->change.sql))
        return;
    if (!stamps && began(outcome))
        change_steps(report, outcome);
    if (!failed(report))
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

/* --- revisions ------------------------------------------------------------------------------------ */

static void mark(struct buffer *out, bool wanted, const char *colour, const char *text, const struct palette *p)
{
    if (wanted)
        buffer_printf(out, " %s(%s)%s", colour, text, p->off);
}

/* "a1 (lab) (head) (current)", in Alembic's order. */
static const char *revision_text(const struct migrate_revision *revision, bool with_points, bool with_current,
                                 const struct palette *p, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    struct names branches = {.items = revision->branches, .count = revision->branch_count};
    buffer_printf(&out, "%s%s%s", p->yellow, visible(revision->revision, arena), p->off);
    mark(&out, branches.count > 0, p->magenta, visible(names_join(branches, ", ", arena), arena), p);
    mark(&out, revision->is_stored, p->magenta, "only in the database", p);
    mark(&out, revision->is_head, p->green, "head", p);
    mark(&out, with_current && revision->is_current == MIGRATE_YES, p->cyan, "current", p);
    mark(&out, with_points && revision->is_branch_point, p->dim, "branchpoint", p);
    mark(&out, with_points && revision->is_merge_point, p->dim, "mergepoint", p);
    return buffer_done(&out);
}

static const char *parents_text(const struct migrate_revision *revision, struct arena *arena)
{
    return revision->down_revision_count
               ? revisions_text(revision->down_revisions, revision->down_revision_count, arena)
               : "<base>";
}

/* "a1 (b1) -> c1 (head), message"; what stands in the first brackets is depended on. */
static void history_line(const struct report *report, const struct migrate_revision *revision)
{
    const struct palette *p = report->console->out;
    struct buffer depends = {.arena = report->arena};
    mark(&depends, revision->depends_on_count > 0, p->dim,
         revisions_text(revision->depends_on, revision->depends_on_count, report->arena), p);
    console_out(report->console, "%s%s -> %s, %s\n", parents_text(revision, report->arena), buffer_done(&depends),
                revision_text(revision, true, true, p, report->arena), visible(revision->message, report->arena));
}

static const char *graph_label(const struct migrate_revision *revision, const struct palette *p, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    buffer_string(&out, revision_text(revision, false, true, p, arena));
    if (revision->depends_on_count)
        buffer_printf(&out, " %s(needs %s)%s", p->dim,
                      revisions_text(revision->depends_on, revision->depends_on_count, arena), p->off);
    buffer_printf(&out, "  %s", visible(revision->message, arena));
    return buffer_done(&out);
}

static void indented(const struct report *report, const char *text)
{
    struct text rest = text_of(text);
    while (rest.length) {
        struct text line = text_split(rest, '\n', &rest);
        console_out(report->console, line.length ? "    %s\n" : "%s\n",
                    visible(arena_copy(report->arena, line.at, line.length), report->arena));
    }
}

/* Alembic's long form. */
static void long_form(const struct report *report, const struct migrate_revision *revision)
{
    struct console *console = report->console;
    struct arena *arena = report->arena;
    struct migrate_revision bare = *revision;
    bare.branch_count = 0; // they have a line of their own
    console_out(console, "%sRev:%s %s\n", console->out->bold, console->out->off,
                revision_text(&bare, true, command_verb(report->line->command) != VERB_CURRENT, console->out, arena));
    console_out(console, "%s: %s\n", revision->is_merge_point ? "Merges" : "Parent", parents_text(revision, arena));
    if (revision->depends_on_count)
        console_out(console, "Also depends on: %s\n",
                    revisions_text(revision->depends_on, revision->depends_on_count, arena));
    if (revision->branch_count)
        console_out(console, "Branch names: %s\n", revisions_text(revision->branches, revision->branch_count, arena));
    if (revision->is_branch_point)
        console_out(console, "Branches into: %s\n", revisions_text(revision->children, revision->child_count, arena));
    console_out(console, "Path: %s\n\n    %s\n\n",
                revision->path ? visible(revision->path, arena) : "none: only the database has it",
                visible(revision->message, arena));
    if (revision->description && *revision->description) {
        indented(report, revision->description);
        console_out(console, "\n");
    }
    console_out(console, "    Revision ID: %s\n    Revises: %s\n", visible(revision->revision, arena),
                revision->down_revision_count ? parents_text(revision, arena) : "");
    if (revision->created)
        console_out(console, "    Create Date: %s\n", visible(revision->created, arena));
    console_out(console, "\n");
}

static void branch_lines(const struct report *report, const struct migrate_revision *revision)
{
    console_out(report->console, "%s\n", revision_text(revision, true, false, report->console->out, report->arena));
    for (size_t i = 0; i < revision->child_count; i++)
        console_out(report->console, "   -> %s\n", visible(revision->children[i], report->arena));
    console_out(report->console, "\n");
}

static void listing_text(const struct report *report, const struct migrate_listing *listing)
{
    enum verb verb = command_verb(report->line->command);
    bool is_long = report->line->global.verbose || verb == VERB_SHOW;
    for (size_t i = 0; i < listing->revision_count; i++) {
        const struct migrate_revision *revision = &listing->revisions[i];
        if (is_long)
            long_form(report, revision);
        else if (verb == VERB_HISTORY)
            history_line(report, revision);
        else if (verb == VERB_BRANCHES)
            branch_lines(report, revision);
        else
            console_out(report->console, "%s\n",
                        revision_text(revision, verb == VERB_CURRENT, false, report->console->out, report->arena));
    }
}

void report_listing(const struct report *report, const struct migrate_listing *listing)
{
    struct console *console = report->console;
    int format = report->line->global.format;
    if (wants_json(report))
        console_out(console, "%s\n", json_of_listing(report, listing));
    else if (!listing)
        return;
    else if (format == FORMAT_DOT)
        console_out(console, "%s", draw_dot(listing, report->arena));
    else if (format == FORMAT_MERMAID)
        console_out(console, "%s", draw_mermaid(listing, report->arena));
    else if (command_verb(report->line->command) == VERB_HISTORY && report->line->history.graph)
        console_out(console, "%s", draw_text(listing, console->is_unicode, console->out, graph_label, report->arena));
    else
        listing_text(report, listing);
}

/* --- the rest ------------------------------------------------------------------------------------- */

/* A unified diff in the colours that git gives it. */
static const char *diff_text(const char *diff, const struct palette *p, struct arena *arena)
{
    struct text rest = text_of(diff);
    struct buffer out = {.arena = arena};
    while (rest.length) {
        struct text line = text_split(rest, '\n', &rest);
        const char *colour = text_starts(line, "@@")                                ? p->cyan
                             : text_starts(line, "+++") || text_starts(line, "---") ? p->bold
                             : text_starts(line, "+")                               ? p->green
                             : text_starts(line, "-")                               ? p->red
                                                                                    : "";
        buffer_printf(&out, "    %s%s%s\n", colour, visible(arena_copy(arena, line.at, line.length), arena),
                      *colour ? p->off : "");
    }
    return buffer_done(&out);
}

/* "path:line: error: message [rule]": editors and CI systems find their way from it. */
static void finding_lines(const struct report *report, const struct migrate_finding *finding)
{
    const struct palette *p = report->console->out;
    bool is_error = finding->severity == MIGRATE_SEVERITY_ERROR;
    struct buffer place = {.arena = report->arena};
    if (finding->path)
        buffer_string(&place, visible(finding->path, report->arena));
    if (finding->path && finding->line)
        buffer_printf(&place, ":%u", finding->line);
    console_out(report->console, "%s%s%s%s%s:%s %s %s[%s]%s\n", p->bold, buffer_done(&place), p->off,
                finding->path ? ": " : "",
                arena_printf(report->arena, "%s%s", is_error ? p->red : p->yellow, is_error ? "error" : "warning"),
                p->off, visible(finding->message, report->arena), p->dim, finding->rule, p->off);
    if (finding->hint && *finding->hint)
        console_out(report->console, "    %shint:%s %s\n", p->cyan, p->off, visible(finding->hint, report->arena));
    if (finding->diff)
        console_out(report->console, "%s", diff_text(finding->diff, p, report->arena));
}

void report_findings(const struct report *report, const struct migrate_findings *findings)
{
    size_t errors = 0;
    if (wants_json(report)) {
        console_out(report->console, "%s\n", json_of_findings(report, findings));
        return;
    }
    for (size_t i = 0; findings && i < findings->finding_count; i++) {
        finding_lines(report, &findings->findings[i]);
        errors += findings->findings[i].severity == MIGRATE_SEVERITY_ERROR;
    }
    if (failed(report) || !findings)
        return;
    if (findings->finding_count == 0)
        console_out(report->console, "%snothing found%s\n", report->console->out->green, report->console->out->off);
    else
        console_out(report->console, "%s, %s\n", counted(errors, "error", "errors", report->arena),
                    counted(findings->finding_count - errors, "warning", "warnings", report->arena));
}

const char *health_word(enum migrate_health health)
{
    static const char *const words[] = {
        [MIGRATE_HEALTH_OK] = "ok",
        [MIGRATE_HEALTH_WARNING] = "warning",
        [MIGRATE_HEALTH_FAILED] = "failed",
        [MIGRATE_HEALTH_SKIPPED] = "skipped",
    };
    return words[health];
}

static const char *health_colour(enum migrate_health health, const struct palette *p)
{
    const char *const colours[] = {
        [MIGRATE_HEALTH_OK] = p->green,
        [MIGRATE_HEALTH_WARNING] = p->yellow,
        [MIGRATE_HEALTH_FAILED] = p->red,
        [MIGRATE_HEALTH_SKIPPED] = p->dim,
    };
    return colours[health];
}

enum { NAME_COLUMNS = 18 };

void report_diagnosis(const struct report *report, const struct migrate_diagnosis *diagnosis)
{
    size_t counts[4] = {0};
    const struct palette *p = report->console->out;
    struct arena *arena = report->arena;
    if (wants_json(report)) {
        console_out(report->console, "%s\n", json_of_diagnosis(report, diagnosis));
        return;
    }
    if (!diagnosis)
        return;
    for (size_t i = 0; i < diagnosis->examination_count; i++) {
        const struct migrate_examination *one = &diagnosis->examinations[i];
        console_out(report->console, "%s%s%s  %s  %s\n", health_colour(one->health, p),
                    padded(health_word(one->health), WORD_COLUMNS - 3, arena), p->off,
                    padded(one->name, NAME_COLUMNS, arena), visible(one->message, arena));
        if (one->hint && *one->hint)
            console_out(report->console, "%*s%shint:%s %s\n", WORD_COLUMNS + NAME_COLUMNS + 1, "", p->cyan, p->off,
                        visible(one->hint, arena));
        counts[one->health]++;
    }
    console_out(report->console, "%zu ok, %s, %zu failed, %zu skipped\n", counts[MIGRATE_HEALTH_OK],
                counted(counts[MIGRATE_HEALTH_WARNING], "warning", "warnings", arena), counts[MIGRATE_HEALTH_FAILED],
                counts[MIGRATE_HEALTH_SKIPPED]);
}

static const char *unfinished_text(const struct migrate_unfinished *unfinished, const struct palette *p,
                                   struct arena *arena)
{
    struct buffer out = {.arena = arena};
    buffer_printf(&out, "the %s of %s%s%s is unfinished: %zu of %zu statements are done\n",
                  unfinished->direction == MIGRATE_UPGRADE ? "upgrade" : "downgrade", p->yellow,
                  visible(unfinished->revision, arena), p->off, unfinished->statements_done, unfinished->statements);
    buffer_printf(
        &out, "    %s; began %s%s%s%s%s\n", unfinished->path ? visible(unfinished->path, arena) : "no file has it",
        unfinished->since ? visible(unfinished->since, arena) : "at an unknown time",
        unfinished->applied_by && *unfinished->applied_by ? " by " : "", visible(unfinished->applied_by, arena),
        unfinished->applied_from ? " from " : "", visible(unfinished->applied_from, arena));
    if (unfinished->error)
        buffer_printf(&out, "    %sstopped by:%s %s\n", p->red, p->off, visible(unfinished->error, arena));
    buffer_printf(&out, "    %srerun:%s %s\n", p->cyan, p->off, visible(unfinished->rerun, arena));
    for (size_t i = 0; i < unfinished->left_count; i++)
        buffer_printf(&out, "    %sif given up:%s %s\n", p->cyan, p->off, visible(unfinished->left[i], arena));
    return buffer_done(&out);
}

static bool is_meant(const struct migrate_repaired *repaired, const struct migrate_unfinished *unfinished)
{
    return repaired->remedy == MIGRATE_REMEDY_NONE ||
           (repaired->revision && strcmp(repaired->revision, unfinished->revision) == 0);
}

static const char *found_text(const struct migrate_repaired *repaired, const struct palette *p, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    for (size_t i = 0; i < repaired->unfinished_count; i++)
        if (is_meant(repaired, &repaired->unfinished[i]))
            buffer_string(&out, unfinished_text(&repaired->unfinished[i], p, arena));
    if (repaired->diff)
        buffer_string(&out, diff_text(repaired->diff, p, arena));
    return buffer_done(&out);
}

void report_decision(struct console *console, const struct migrate_repaired *found, struct arena *arena)
{
    fprintf(stderr, "%s", found_text(found, console->err, arena));
}

static const char *decided_text(const struct migrate_repaired *repaired, struct arena *arena)
{
    const char *revision = visible(repaired->revision, arena);
    switch (repaired->remedy) {
    case MIGRATE_REMEDY_ABANDON:
        return arena_printf(arena, "%s is given up", revision);
    case MIGRATE_REMEDY_DONE:
        return arena_printf(arena, "%s counts as done", revision);
    case MIGRATE_REMEDY_ACCEPT:
        return arena_printf(arena,
                            repaired->is_changed ? "the text of %s counts as it is now"
                                                 : "nothing to do: the text of %s counts as it is",
                            revision);
    case MIGRATE_REMEDY_NONE:
        break;
    }
    return "";
}

/* After a remedy: what it was for, and where the database is. */
void report_repair(const struct report *report, const struct migrate_repaired *repaired)
{
    const struct palette *p = report->console->out;
    if (wants_json(report)) {
        console_out(report->console, "%s\n", json_of_repair(report, repaired));
        return;
    }
    if (!repaired || failed(report))
        return;
    console_out(report->console, "%s", found_text(repaired, p, report->arena));
    if (repaired->remedy == MIGRATE_REMEDY_NONE) {
        if (repaired->unfinished_count == 0)
            console_out(report->console, "%snothing is unfinished%s\n", p->green, p->off);
        return;
    }
    console_out(report->console, "%s; %s is at %s%s%s\n", decided_text(repaired, report->arena),
                visible(repaired->url ? repaired->url : "the database", report->arena), p->yellow,
                revisions_text(repaired->to, repaired->to_count, report->arena), p->off);
}

/* The path alone, so that "$(migrate revision -m ...)" is the file. */
void report_written(const struct report *report, const struct migrate_written *written)
{
    if (wants_json(report))
        console_out(report->console, "%s\n", json_of_written(report, written));
    else if (written)
        console_out(report->console, "%s\n", written->path);
}

void report_paths(const struct report *report, const struct migrate_paths *paths)
{
    if (wants_json(report))
        console_out(report->console, "%s\n", json_of_paths(report, paths));
    else
        for (size_t i = 0; paths && i < paths->path_count; i++)
            console_out(report->console, "%s\n", paths->paths[i]);
}

void report_templates(const struct report *report, const struct migrate_templates *templates)
{
    if (wants_json(report))
        console_out(report->console, "%s\n", json_of_templates(report, templates));
    else
        for (size_t i = 0; templates && i < templates->template_count; i++)
            console_out(report->console, "%s - %s\n", templates->templates[i].name,
                        templates->templates[i].description);
}

void report_done(const struct report *report)
{
    if (wants_json(report))
        console_out(report->console, "%s\n", json_of_done(report));
}
