/* check.c: check: what could go wrong, found before it does: in the files alone, and (compare.c) against a database. */
#include "command/check.h"

#include <stdlib.h>

void inspection_add(struct inspection *inspection, struct migrate_finding finding)
{
    for (size_t i = 0; i < inspection->list.count; i++) {
        const struct migrate_finding *old = &inspection->list.items[i];
        if (old->line == finding.line && strcmp(old->message, finding.message) == 0 && old->path && finding.path &&
            strcmp(old->path, finding.path) == 0)
            return; // both databases' rules say the same
    }
    ARENA_PUSH(&inspection->migrate->run, &inspection->list, finding);
}

static void add_error(struct inspection *inspection, const struct error *error)
{
    struct arena *arena = &inspection->migrate->run;
    inspection_add(inspection, (struct migrate_finding){
                                   .rule = migrate_code_name(error->code),
                                   .severity = MIGRATE_SEVERITY_ERROR,
                                   .revision = *error->revision ? arena_string(arena, error->revision) : NULL,
                                   .path = *error->path ? arena_string(arena, error->path) : NULL,
                                   .line = error->line,
                                   .message = arena_string(arena, error->message),
                                   .hint = *error->hint ? arena_string(arena, error->hint) : NULL,
                               });
}

/* --- files -------------------------------------------------------------------------------------- */

static const struct {
    enum dialect dialect;
    const char *name;
} dialects[] = {{DIALECT_POSTGRESQL, "postgresql"}, {DIALECT_SQLITE, "sqlite"}};

enum { DIALECTS = sizeof dialects / sizeof dialects[0] };

static void inspect_statements(struct inspection *inspection, const struct script *script)
{
    for (size_t d = 0; d < DIALECTS; d++) {
        for (enum direction direction = DIRECTION_UPGRADE; direction <= DIRECTION_DOWNGRADE; direction++) {
            struct error error = {0};
            size_t statements = 0;
            if (script_judge(script, direction, dialects[d].dialect, &statements, &error))
                continue;
            error_revision(&error, script->revision.id);
            add_error(inspection, &error);
        }
    }
}

static void inspect_downgrade(struct inspection *inspection, const struct script *script)
{
    struct arena *arena = &inspection->migrate->run;
    struct name_list missing = {0};
    for (size_t d = 0; d < DIALECTS; d++)
        if (script_has(script, DIRECTION_UPGRADE, dialects[d].dialect) &&
            !script_has(script, DIRECTION_DOWNGRADE, dialects[d].dialect))
            ARENA_PUSH(arena, &missing, dialects[d].name);
    if (missing.count == 0)
        return;
    inspection_add(inspection,
                   (struct migrate_finding){
                       .rule = "no_downgrade",
                       .severity = severity_of(inspection->options->require_downgrade),
                       .revision = script->revision.id,
                       .path = script->path,
                       .message = arena_printf(arena, "%s is irreversible: it has no downgrade section for %s",
                                               script->revision.id, names_join(names_of(&missing), " and ", arena)),
                       .hint = "An empty downgrade section is a deliberate no-op.",
                   });
}

/* Gathers the revisions whose files can be read. */
static bool inspect_files(struct inspection *inspection, struct revision **revisions, size_t *count, struct error *err)
{
    struct migrate *migrate = inspection->migrate;
    struct names paths;
    if (!session_folders(migrate, err) || !scripts_list(migrate->config.version_locations, &migrate->run, &paths, err))
        return false;
    *count = 0;
    *revisions = ARENA_ARRAY(&migrate->run, paths.count, struct revision);
    for (size_t i = 0; i < paths.count; i++) {
        struct script script = {0};
        struct error error = {0};
        if (script_open(paths.items[i], &migrate->run, &script, &error)) {
            inspect_statements(inspection, &script);
            inspect_downgrade(inspection, &script);
            (*revisions)[(*count)++] = script.revision;
        } else {
            add_error(inspection, &error);
        }
        script_close(&script);
    }
    return true;
}

static void inspect_heads(struct inspection *inspection, const struct graph *graph)
{
    struct arena *arena = &inspection->migrate->run;
    struct indexes heads = graph_heads(graph, false, arena);
    struct name_list ids = {0};
    for (size_t i = 0; i < heads.count; i++)
        ARENA_PUSH(arena, &ids, graph->revisions[heads.items[i]].id);
    if (heads.count < 2)
        return;
    inspection_add(inspection, (struct migrate_finding){
                                   .rule = migrate_code_name(MIGRATE_MULTIPLE_HEADS),
                                   .severity = severity_of(inspection->options->single_head),
                                   .message = arena_printf(arena, "there are several heads: %s",
                                                           names_join(names_of(&ids), ", ", arena)),
                                   .hint = "`migrate merge heads -m MESSAGE` makes one of them.",
                               });
}

void inspect_ids(struct inspection *inspection, const struct graph *graph, size_t width)
{
    for (size_t i = 0; i < graph->count; i++) {
        const struct revision *revision = &graph->revisions[i];
        if (text_characters(text_of(revision->id)) <= width)
            continue;
        inspection_add(inspection,
                       (struct migrate_finding){
                           .rule = migrate_code_name(MIGRATE_ID_TOO_LONG),
                           .severity = MIGRATE_SEVERITY_ERROR,
                           .revision = revision->id,
                           .path = revision->path,
                           .line = revision->id_line,
                           .message = arena_printf(&inspection->migrate->run,
                                                   "the id %s is longer than the %zu characters of the version column",
                                                   revision->id, width),
                       });
    }
}

/* --- the story ---------------------------------------------------------------------------------- */

static bool inspect(struct inspection *inspection, struct error *err)
{
    struct migrate *migrate = inspection->migrate;
    bool asks = inspection->options->database || inspection->options->pending;
    struct revision *revisions = NULL;
    size_t count = 0;
    struct graph graph;
    struct error refused = {0};
    if ((asks && !session_connect(migrate, err)) || !inspect_files(inspection, &revisions, &count, err))
        return false;
    if (!graph_build(revisions, count, &migrate->run, &graph, &refused)) {
        add_error(inspection, &refused); // without a graph there is nothing further to compare
        return true;
    }
    inspect_heads(inspection, &graph);
    if (asks)
        return compare_database(inspection, &graph, err);
    inspect_ids(inspection, &graph, LEDGER_WIDTH);
    return true;
}

static bool check(struct inspection *inspection, struct migrate_findings *findings, struct error *err)
{
    if (!inspect(inspection, err))
        return false;
    *findings = (struct migrate_findings){inspection->list.items, inspection->list.count};
    size_t errors = 0;
    for (size_t i = 0; i < findings->finding_count; i++)
        errors += findings->findings[i].severity == MIGRATE_SEVERITY_ERROR;
    return errors == 0 ||
           error_set(err, MIGRATE_FINDINGS, "%zu of %zu findings are errors", errors, findings->finding_count);
}

enum migrate_code migrate_check(struct migrate *migrate, const struct migrate_check_options *options,
                                const struct migrate_findings **findings)
{
    session_begin(migrate);
    struct inspection inspection = {.migrate = migrate, .options = options};
    struct migrate_findings *found = ARENA_NEW(&migrate->run, struct migrate_findings);
    bool ok = check(&inspection, found, &migrate->error);
    *findings = ok || migrate->error.code == MIGRATE_FINDINGS ? found : NULL;
    return session_end(migrate, ok);
}
