/* report_json.c: results as JSON. Every key of an object is always there, in the same order; what is not known is null.
 */
#include "cli/report.h"

#include <jansson.h>
#include <stdlib.h>

/* SQL and messages come from files and servers, and need not be UTF-8: bytes that are not become U+FFFD. */
static json_t *json_text(const char *text, struct arena *arena)
{
    if (!text)
        return json_null();
    struct text rest = text_of(text);
    struct buffer clean = {.arena = arena};
    for (;;) {
        size_t good = text_utf8_length(rest);
        buffer_add(&clean, rest.at, good);
        if (good == rest.length)
            return json_stringn(buffer_done(&clean), clean.length);
        buffer_string(&clean, "\xEF\xBF\xBD");
        rest = (struct text){.at = rest.at + good + 1, .length = rest.length - good - 1};
    }
}

/* The fields of struct migrate_error are "" when there is nothing to say. */
static json_t *text_or_null(const char *text, struct arena *arena)
{
    return text && *text ? json_text(text, arena) : json_null();
}

static json_t *number_or_null(unsigned number)
{
    return number ? json_integer(number) : json_null();
}

static json_t *json_names(const char *const *names, size_t count, struct arena *arena)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_text(names[i], arena));
    return array;
}

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static json_t *begin(const struct report *report)
{
    json_t *object = json_object();
    set(object, "command", report->line->command ? json_string(report->line->command->name) : json_null());
    set(object, "status", json_string(migrate_code_exit(report->code) <= 1 ? "ok" : "error"));
    return object;
}

static json_t *error_object(const struct report *report)
{
    const struct migrate_error *error = report->error;
    struct arena *arena = report->arena;
    enum migrate_code code = report->code;
    json_t *object = json_object();
    set(object, "code", json_string(migrate_code_name(code)));
    set(object, "exit", json_integer(report->exit));
    set(object, "message", json_text(*error->message ? error->message : migrate_code_meaning(code), arena));
    set(object, "hint", text_or_null(error->hint, arena));
    set(object, "path", text_or_null(error->path, arena));
    set(object, "line", number_or_null(error->line));
    set(object, "column", number_or_null(error->column));
    set(object, "sqlstate", text_or_null(error->sqlstate, arena));
    set(object, "revision", text_or_null(error->revision, arena));
    return object;
}

/* One line; milliseconds have three digits behind the point, and not seventeen. */
static const char *end(const struct report *report, json_t *object)
{
    if (migrate_code_exit(report->code) > 1)
        set(object, "error", error_object(report));
    char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12));
    const char *copy = line ? arena_string(report->arena, line) : "{}";
    free(line);
    json_decref(object);
    return copy;
}

static json_t *database_object(const char *dialect, const char *url, struct arena *arena)
{
    if (!dialect && !url)
        return json_null();
    json_t *object = json_object();
    set(object, "dialect", json_text(dialect, arena));
    set(object, "url", json_text(url, arena));
    return object;
}

static json_t *known_database(const struct report *report)
{
    return report->database ? database_object(report->database->dialect, report->database->url, report->arena)
                            : json_null();
}

static json_t *step_object(const struct migrate_step *step, struct arena *arena)
{
    static const char *const statuses[] = {
        [MIGRATE_STEP_PLANNED] = "planned", [MIGRATE_STEP_APPLIED] = "applied", [MIGRATE_STEP_FAILED] = "failed",
        [MIGRATE_STEP_PARTIAL] = "partial", [MIGRATE_STEP_SKIPPED] = "skipped",
    };
    json_t *object = json_object();
    set(object, "revision", json_text(step->revision, arena));
    set(object, "direction", json_string(step->direction == MIGRATE_UPGRADE ? "upgrade" : "downgrade"));
    set(object, "message", json_text(step->message, arena));
    set(object, "path", json_text(step->path, arena));
    set(object, "status", json_string(statuses[step->status]));
    set(object, "statements", json_integer((json_int_t)step->statements));
    set(object, "duration_ms",
        step->status == MIGRATE_STEP_APPLIED ? json_real((double)(int64_t)(step->duration_ms * 1e3 + 0.5) / 1e3)
                                             : json_null());
    if (step->sql)
        set(object, "sql", json_names(step->sql, step->statements, arena));
    return object;
}

static json_t *loss_object(const struct migrate_loss *loss, struct arena *arena)
{
    static const char *const kinds[] = {[MIGRATE_LOSS_TABLE] = "table",
                                        [MIGRATE_LOSS_REBUILT] = "rebuilt",
                                        [MIGRATE_LOSS_COLUMN] = "column",
                                        [MIGRATE_LOSS_ROWS] = "rows",
                                        [MIGRATE_LOSS_SOME_ROWS] = "some_rows"};
    static const char *const precisions[] = {
        [MIGRATE_EXACTLY] = "exactly", [MIGRATE_ABOUT] = "about", [MIGRATE_MORE_THAN] = "more_than"};
    json_t *object = json_object();
    bool is_counted = loss->precision != MIGRATE_UNCOUNTED;
    set(object, "kind", json_string(kinds[loss->kind]));
    set(object, "table", json_text(loss->table, arena));
    set(object, "column", json_text(loss->column, arena));
    set(object, "rows", is_counted ? json_integer((json_int_t)loss->rows) : json_null());
    set(object, "precision", is_counted ? json_string(precisions[loss->precision]) : json_null());
    return object;
}

const char *json_of_change(const struct report *report, const struct migrate_outcome *outcome)
{
    bool stamps = command_verb(report->line->command) == VERB_STAMP;
    json_t *object = begin(report), *steps = json_array(), *losses = json_array();
    if (!stamps)
        set(object, "dry_run", json_boolean(report->line->change.dry_run));
    set(object, "database",
        outcome ? database_object(outcome->dialect, outcome->url, report->arena) : known_database(report));
    set(object, "from", outcome ? json_names(outcome->from, outcome->from_count, report->arena) : json_null());
    set(object, "to", outcome ? json_names(outcome->to, outcome->to_count, report->arena) : json_null());
    for (size_t i = 0; outcome && i < outcome->step_count; i++)
        json_array_append_new(steps, step_object(&outcome->steps[i], report->arena));
    for (size_t i = 0; outcome && i < outcome->loss_count; i++)
        json_array_append_new(losses, loss_object(&outcome->losses[i], report->arena));
    if (stamps) {
        json_decref(steps);
        json_decref(losses);
    } else {
        set(object, "steps", steps);
        set(object, "losses", losses);
    }
    if (!stamps)
        set(object, "backup", json_text(outcome ? outcome->backup : NULL, report->arena));
    return end(report, object);
}

static json_t *revision_object(const struct migrate_revision *revision, struct arena *arena)
{
    json_t *object = json_object();
    set(object, "revision", json_text(revision->revision, arena));
    set(object, "down_revisions", json_names(revision->down_revisions, revision->down_revision_count, arena));
    set(object, "depends_on", json_names(revision->depends_on, revision->depends_on_count, arena));
    set(object, "branch_labels", json_names(revision->branch_labels, revision->branch_label_count, arena));
    set(object, "message", json_text(revision->message, arena));
    set(object, "created", json_text(revision->created, arena));
    set(object, "path", json_text(revision->path, arena));
    set(object, "is_head", json_boolean(revision->is_head));
    set(object, "is_base", json_boolean(revision->is_base));
    set(object, "is_branch_point", json_boolean(revision->is_branch_point));
    set(object, "is_merge_point", json_boolean(revision->is_merge_point));
    set(object, "is_current",
        revision->is_current == MIGRATE_UNKNOWN ? json_null() : json_boolean(revision->is_current == MIGRATE_YES));
    return object;
}

const char *json_of_listing(const struct report *report, const struct migrate_listing *listing)
{
    json_t *object = begin(report), *revisions = json_array();
    for (size_t i = 0; listing && i < listing->revision_count; i++)
        json_array_append_new(revisions, revision_object(&listing->revisions[i], report->arena));
    set(object, "revisions", revisions);
    return end(report, object);
}

const char *json_of_findings(const struct report *report, const struct migrate_findings *findings)
{
    json_t *object = begin(report), *array = json_array();
    for (size_t i = 0; findings && i < findings->finding_count; i++) {
        const struct migrate_finding *finding = &findings->findings[i];
        json_t *one = json_object();
        set(one, "rule", json_text(finding->rule, report->arena));
        set(one, "severity", json_string(finding->severity == MIGRATE_SEVERITY_ERROR ? "error" : "warning"));
        set(one, "revision", json_text(finding->revision, report->arena));
        set(one, "path", json_text(finding->path, report->arena));
        set(one, "line", number_or_null(finding->line));
        set(one, "message", json_text(finding->message, report->arena));
        set(one, "hint", json_text(finding->hint, report->arena));
        set(one, "diff", json_text(finding->diff, report->arena));
        json_array_append_new(array, one);
    }
    set(object, "findings", array);
    return end(report, object);
}

const char *json_of_diagnosis(const struct report *report, const struct migrate_diagnosis *diagnosis)
{
    json_t *object = begin(report), *array = json_array();
    set(object, "database", known_database(report));
    for (size_t i = 0; diagnosis && i < diagnosis->examination_count; i++) {
        const struct migrate_examination *examination = &diagnosis->examinations[i];
        json_t *one = json_object();
        set(one, "name", json_text(examination->name, report->arena));
        set(one, "status", json_string(health_word(examination->health)));
        set(one, "message", json_text(examination->message, report->arena));
        set(one, "hint", text_or_null(examination->hint, report->arena));
        json_array_append_new(array, one);
    }
    set(object, "checks", array);
    return end(report, object);
}

static json_t *unfinished_object(const struct migrate_unfinished *unfinished, struct arena *arena)
{
    json_t *object = json_object();
    set(object, "revision", json_text(unfinished->revision, arena));
    set(object, "direction", json_string(unfinished->direction == MIGRATE_UPGRADE ? "upgrade" : "downgrade"));
    set(object, "message", json_text(unfinished->message, arena));
    set(object, "path", json_text(unfinished->path, arena));
    set(object, "statements_done", json_integer((json_int_t)unfinished->statements_done));
    set(object, "statements", json_integer((json_int_t)unfinished->statements));
    set(object, "since", json_text(unfinished->since, arena));
    set(object, "applied_by", json_text(unfinished->applied_by, arena));
    set(object, "applied_from", json_text(unfinished->applied_from, arena));
    set(object, "error", json_text(unfinished->error, arena));
    set(object, "rerun", json_text(unfinished->rerun, arena));
    set(object, "left", json_names(unfinished->left, unfinished->left_count, arena));
    return object;
}

const char *json_of_repair(const struct report *report, const struct migrate_repaired *repaired)
{
    static const char *const remedies[] = {
        [MIGRATE_REMEDY_ABANDON] = "abandon", [MIGRATE_REMEDY_DONE] = "done", [MIGRATE_REMEDY_ACCEPT] = "accept"};
    json_t *object = begin(report), *array = json_array();
    struct arena *arena = report->arena;
    set(object, "database",
        repaired ? database_object(repaired->dialect, repaired->url, arena) : known_database(report));
    set(object, "remedy", json_text(repaired ? remedies[repaired->remedy] : NULL, arena));
    set(object, "revision", json_text(repaired ? repaired->revision : NULL, arena));
    set(object, "changed", json_boolean(repaired && repaired->is_changed));
    set(object, "diff", json_text(repaired ? repaired->diff : NULL, arena));
    set(object, "from", repaired ? json_names(repaired->from, repaired->from_count, arena) : json_null());
    set(object, "to", repaired ? json_names(repaired->to, repaired->to_count, arena) : json_null());
    for (size_t i = 0; repaired && i < repaired->unfinished_count; i++)
        json_array_append_new(array, unfinished_object(&repaired->unfinished[i], arena));
    set(object, "unfinished", array);
    return end(report, object);
}

const char *json_of_written(const struct report *report, const struct migrate_written *written)
{
    json_t *object = begin(report);
    set(object, "revision", json_text(written ? written->revision : NULL, report->arena));
    set(object, "path", json_text(written ? written->path : NULL, report->arena));
    return end(report, object);
}

const char *json_of_paths(const struct report *report, const struct migrate_paths *paths)
{
    json_t *object = begin(report);
    set(object, "paths", json_names(paths ? paths->paths : NULL, paths ? paths->path_count : 0, report->arena));
    return end(report, object);
}

const char *json_of_templates(const struct report *report, const struct migrate_templates *templates)
{
    json_t *object = begin(report), *array = json_array();
    for (size_t i = 0; templates && i < templates->template_count; i++) {
        json_t *one = json_object();
        set(one, "name", json_text(templates->templates[i].name, report->arena));
        set(one, "description", json_text(templates->templates[i].description, report->arena));
        json_array_append_new(array, one);
    }
    set(object, "templates", array);
    return end(report, object);
}

const char *json_of_done(const struct report *report)
{
    json_t *object = begin(report);
    if (report->line->command && command_verb(report->line->command) == VERB_ENSURE_VERSION)
        set(object, "database", known_database(report));
    return end(report, object);
}
