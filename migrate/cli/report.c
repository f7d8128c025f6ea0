/* report.c: the other results as text, and what all text forms share. A colour never carries what a word does not. */
#include "cli/report.h"

#include <stdio.h>

bool report_wants_json(const struct report *report)
{
    return report->line->global.format == FORMAT_JSON;
}

bool report_failed(const struct report *report)
{
    return migrate_code_exit(report->code) > 1;
}

const char *revisions_text(const char *const *revisions, size_t count, struct arena *arena)
{
    if (count == 0)
        return "base";
    return visible(names_join((struct names){.items = revisions, .count = count}, ", ", arena), arena);
}

const char *counted(size_t count, const char *one, const char *many, struct arena *arena)
{
    return arena_printf(arena, "%zu %s", count, count == 1 ? one : many);
}

const char *padded(const char *text, size_t columns, struct arena *arena)
{
    size_t used = text_characters(text_of(text));
    return arena_printf(arena, "%s%*s", text, used < columns ? (int)(columns - used) : 0, "");
}

/* --- findings ----------------------------------------------------------------------------------------- */

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
    if (report_wants_json(report)) {
        console_out(report->console, "%s\n", json_of_findings(report, findings));
        return;
    }
    for (size_t i = 0; findings && i < findings->finding_count; i++) {
        finding_lines(report, &findings->findings[i]);
        errors += findings->findings[i].severity == MIGRATE_SEVERITY_ERROR;
    }
    if (report_failed(report) || !findings)
        return;
    if (findings->finding_count == 0)
        console_out(report->console, "%snothing found%s\n", report->console->out->green, report->console->out->off);
    else
        console_out(report->console, "%s, %s\n", counted(errors, "error", "errors", report->arena),
                    counted(findings->finding_count - errors, "warning", "warnings", report->arena));
}

/* --- examinations ------------------------------------------------------------------------------------- */

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
    if (report_wants_json(report)) {
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

/* --- repairs ------------------------------------------------------------------------------------------ */

/* `decided`: on what; a remedy of none while there is nothing but the question. */
static const char *unfinished_text(const struct migrate_unfinished *unfinished, enum migrate_remedy decided,
                                   const struct palette *p, struct arena *arena)
{
    bool is_open = decided == MIGRATE_REMEDY_NONE;
    struct buffer out = {.arena = arena};
    buffer_printf(&out, "the %s of %s%s%s %s unfinished: %zu of %zu statements %s done\n",
                  unfinished->direction == MIGRATE_UPGRADE ? "upgrade" : "downgrade", p->yellow,
                  visible(unfinished->revision, arena), p->off, is_open ? "is" : "was", unfinished->statements_done,
                  unfinished->statements, is_open ? "are" : "were");
    buffer_printf(
        &out, "    %s; began %s%s%s%s%s\n", unfinished->path ? visible(unfinished->path, arena) : "no file has it",
        unfinished->since ? visible(unfinished->since, arena) : "at an unknown time",
        unfinished->applied_by && *unfinished->applied_by ? " by " : "", visible(unfinished->applied_by, arena),
        unfinished->applied_from ? " from " : "", visible(unfinished->applied_from, arena));
    if (unfinished->error)
        buffer_printf(&out, "    %sstopped by:%s %s\n", p->red, p->off, visible(unfinished->error, arena));
    if (is_open)
        buffer_printf(&out, "    %srerun:%s %s\n", p->cyan, p->off, visible(unfinished->rerun, arena));
    for (size_t i = 0; i < unfinished->left_count && decided != MIGRATE_REMEDY_DONE; i++)
        buffer_printf(&out, "    %s%s:%s %s\n", p->cyan, is_open ? "if given up" : "left", p->off,
                      visible(unfinished->left[i], arena));
    return buffer_done(&out);
}

static bool is_meant(const struct migrate_repaired *repaired, const struct migrate_unfinished *unfinished)
{
    return repaired->remedy == MIGRATE_REMEDY_NONE ||
           (repaired->revision && strcmp(repaired->revision, unfinished->revision) == 0);
}

static const char *found_text(const struct migrate_repaired *repaired, enum migrate_remedy decided,
                              const struct palette *p, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    for (size_t i = 0; i < repaired->unfinished_count; i++)
        if (is_meant(repaired, &repaired->unfinished[i]))
            buffer_string(&out, unfinished_text(&repaired->unfinished[i], decided, p, arena));
    if (repaired->diff)
        buffer_string(&out, diff_text(repaired->diff, p, arena));
    return buffer_done(&out);
}

void report_decision(struct console *console, const struct migrate_repaired *found, struct arena *arena)
{
    fprintf(stderr, "%s", found_text(found, MIGRATE_REMEDY_NONE, console->err, arena));
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
    if (report_wants_json(report)) {
        console_out(report->console, "%s\n", json_of_repair(report, repaired));
        return;
    }
    if (!repaired || report_failed(report))
        return;
    console_out(report->console, "%s", found_text(repaired, repaired->remedy, p, report->arena));
    if (repaired->remedy == MIGRATE_REMEDY_NONE) {
        if (repaired->unfinished_count == 0)
            console_out(report->console, "%snothing is unfinished%s\n", p->green, p->off);
        return;
    }
    console_out(report->console, "%s; %s is at %s%s%s\n", decided_text(repaired, report->arena),
                visible(repaired->url ? repaired->url : "the database", report->arena), p->yellow,
                revisions_text(repaired->to, repaired->to_count, report->arena), p->off);
}

/* --- files -------------------------------------------------------------------------------------------- */

/* The path alone, so that "$(migrate revision -m ...)" is the file. */
void report_written(const struct report *report, const struct migrate_written *written)
{
    if (report_wants_json(report))
        console_out(report->console, "%s\n", json_of_written(report, written));
    else if (written)
        console_out(report->console, "%s\n", written->path);
}

void report_paths(const struct report *report, const struct migrate_paths *paths)
{
    if (report_wants_json(report))
        console_out(report->console, "%s\n", json_of_paths(report, paths));
    else
        for (size_t i = 0; paths && i < paths->path_count; i++)
            console_out(report->console, "%s\n", paths->paths[i]);
}

void report_templates(const struct report *report, const struct migrate_templates *templates)
{
    if (report_wants_json(report))
        console_out(report->console, "%s\n", json_of_templates(report, templates));
    else
        for (size_t i = 0; templates && i < templates->template_count; i++)
            console_out(report->console, "%s - %s\n", templates->templates[i].name,
                        templates->templates[i].description);
}

void report_done(const struct report *report)
{
    if (report_wants_json(report))
        console_out(report->console, "%s\n", json_of_done(report));
}
