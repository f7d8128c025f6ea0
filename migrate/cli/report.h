/* report.h: what a verb answered, as text for people or as JSON for programs. Nothing else writes results. */
#ifndef MIGRATE_CLI_REPORT_H
#define MIGRATE_CLI_REPORT_H

#include "cli/console.h"

/* One run of a verb. */
struct report {
    struct console *console;
    const struct command_line *line;
    struct arena *arena;
    enum migrate_code code;
    int exit;                                /* the status the process will end with */
    const struct migrate_error *error;       /* looked at when the code's exit status is neither 0 nor 1 */
    const struct migrate_database *database; /* NULL: none was needed */
};

/* Each may be given NULL for what is not known, which is what most failures look like. */
void report_change(const struct report *report, const struct migrate_outcome *outcome);
void report_listing(const struct report *report, const struct migrate_listing *listing);
void report_findings(const struct report *report, const struct migrate_findings *findings);
void report_diagnosis(const struct report *report, const struct migrate_diagnosis *diagnosis);
void report_repair(const struct report *report, const struct migrate_repaired *repaired);
void report_written(const struct report *report, const struct migrate_written *written);
void report_paths(const struct report *report, const struct migrate_paths *paths);
void report_templates(const struct report *report, const struct migrate_templates *templates);
/* The database's URL and nothing more: ensure-version. */
void report_done(const struct report *report);
/* The plan of a downgrade, on standard error, before a question is asked. */
void report_plan(struct console *console, const struct migrate_outcome *plan, struct arena *arena);

/* What a remedy would act on, likewise. */
void report_decision(struct console *console, const struct migrate_repaired *found, struct arena *arena);

/* "27c6a30d7c24, 5f1d..." or "base" */
const char *revisions_text(const char *const *revisions, size_t count, struct arena *arena);

/* What the text forms share (report.c; report_change.c, report_listing.c). */
enum { WORD_COLUMNS = 10 }; /* of the word that a line begins with */
bool report_wants_json(const struct report *report);
/* Is there an error, so that no result can be told as one? A "no" is a result. */
bool report_failed(const struct report *report);
/* "1 revision", "2 revisions" */
const char *counted(size_t count, const char *one, const char *many, struct arena *arena);
/* With spaces behind it, up to so many columns. */
const char *padded(const char *text, size_t columns, struct arena *arena);
/* "ok", "warning", "failed", "skipped" */
const char *health_word(enum migrate_health health);

/* The JSON forms (report_json.c): one line each. */
const char *json_of_change(const struct report *report, const struct migrate_outcome *outcome);
const char *json_of_listing(const struct report *report, const struct migrate_listing *listing);
const char *json_of_findings(const struct report *report, const struct migrate_findings *findings);
const char *json_of_diagnosis(const struct report *report, const struct migrate_diagnosis *diagnosis);
const char *json_of_repair(const struct report *report, const struct migrate_repaired *repaired);
const char *json_of_written(const struct report *report, const struct migrate_written *written);
const char *json_of_paths(const struct report *report, const struct migrate_paths *paths);
const char *json_of_templates(const struct report *report, const struct migrate_templates *templates);
const char *json_of_done(const struct report *report);

#endif
