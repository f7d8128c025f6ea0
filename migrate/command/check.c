/* check.c: check: what could go wrong, found before it does: in the files alone, and against a database. */
#include "command/session.h"

#include <stdlib.h>

struct finding_list {
    struct migrate_finding *items;
    size_t count;
    size_t capacity;
};

/* One run of check. */
struct inspection {
    struct migrate *migrate;
    const struct migrate_check_options *options;
    struct finding_list list;
};

static void add(struct inspection *inspection, struct migrate_finding finding)
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
    add(inspection, (struct migrate_finding){
                        .rule = migrate_code_name(error->code),
                        .severity = MIGRATE_SEVERITY_ERROR,
                        .revision = *error->revision ? arena_string(arena, error->revision) : NULL,
                        .path = *error->path ? arena_string(arena, error->path) : NULL,
                        .line = error->line,
                        .message = arena_string(arena, error->message),
                        .hint = *error->hint ? arena_string(arena, error->hint) : NULL,
                    });
}

static enum migrate_severity severity(bool is_error)
{
    return is_error ? MIGRATE_SEVERITY_ERROR : MIGRATE_SEVERITY_WARNING;
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
    add(inspection, (struct migrate_finding){
                        .rule = "no_downgrade",
                        .severity = severity(inspection->options->require_downgrade),
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
    add(inspection,
        (struct migrate_finding){
            .rule = migrate_code_name(MIGRATE_MULTIPLE_HEADS),
            .severity = severity(inspection->options->single_head),
            .message = arena_printf(arena, "there are several heads: %s", names_join(names_of(&ids), ", ", arena)),
            .hint = "`migrate merge heads -m MESSAGE` makes one of them.",
        });
}

static void inspect_ids(struct inspection *inspection, const struct graph *graph, size_t width)
{
    for (size_t i = 0; i < graph->count; i++) {
        const struct revision *revision = &graph->revisions[i];
        if (text_characters(text_of(revision->id)) <= width)
            continue;
        add(inspection, (struct migrate_finding){
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

/* --- the database ------------------------------------------------------------------------------- */

static void inspect_rows(struct inspection *inspection, const struct graph *graph, struct names rows)
{
    for (size_t i = 0; i < rows.count; i++) {
        if (graph_find(graph, rows.items[i]) != (size_t)GRAPH_NONE)
            continue;
        add(inspection, (struct migrate_finding){
                            .rule = migrate_code_name(MIGRATE_UNKNOWN_ROW),
                            .severity = MIGRATE_SEVERITY_ERROR,
                            .revision = rows.items[i],
                            .message = arena_printf(&inspection->migrate->run,
                                                    "the database is at %s, which no file has", rows.items[i]),
                            .hint = "Is this the right folder, or an older one than the database has seen?",
                        });
    }
}

static void inspect_unfinished(struct inspection *inspection, const struct ledger_state *state)
{
    for (size_t i = 0; i < state->unfinished_count; i++) {
        const struct unfinished *unfinished = &state->unfinished[i];
        add(inspection,
            (struct migrate_finding){
                .rule = migrate_code_name(MIGRATE_UNFINISHED),
                .severity = MIGRATE_SEVERITY_ERROR,
                .revision = unfinished->revision,
                .message = arena_printf(&inspection->migrate->run, "the %s of %s stopped after %zu statements",
                                        direction_name(unfinished->direction), unfinished->revision,
                                        unfinished->statements_done),
                .hint = "Run the same command again: it goes on from there.",
            });
    }
}

static bool known_rows(const struct graph *graph, struct names rows)
{
    for (size_t i = 0; i < rows.count; i++)
        if (graph_find(graph, rows.items[i]) == (size_t)GRAPH_NONE)
            return false;
    return true;
}

static bool inspect_pending(struct inspection *inspection, const struct graph *graph, struct names rows,
                            struct error *err)
{
    struct arena *arena = &inspection->migrate->run;
    struct target heads;
    struct plan plan;
    if (!known_rows(graph, rows))
        return true; // said already
    if (!target_parse("heads", arena, &heads, err) || !plan_upgrade(graph, rows, &heads, arena, &plan, err))
        return false;
    for (size_t i = 0; i < plan.step_count; i++) {
        const struct revision *revision = &graph->revisions[plan.steps[i].revision];
        add(inspection, (struct migrate_finding){
                            .rule = "pending",
                            .severity = severity(inspection->options->pending),
                            .revision = revision->id,
                            .path = revision->path,
                            .message = arena_printf(arena, "%s is not applied", revision->id),
                            .hint = "`migrate upgrade heads` applies it.",
                        });
    }
    return true;
}

static bool inspect_edited(struct inspection *inspection, const struct graph *graph, const struct ledger *ledger,
                           struct error *err)
{
    struct migrate *migrate = inspection->migrate;
    struct applied_scripts applied;
    if (!ledger_applied(ledger, migrate->database, &migrate->run, &applied, err))
        return false;
    for (size_t i = 0; i < applied.count; i++) {
        size_t index = graph_find(graph, applied.items[i].revision);
        struct file_map map = {0};
        char oid[OID_LENGTH + 1];
        if (index == (size_t)GRAPH_NONE)
            continue;
        const char *path = graph->revisions[index].path;
        if (!file_map(path, &map, err))
            return false;
        hash_file(&map, oid);
        file_unmap(&map);
        if (strcmp(oid, applied.items[i].oid) == 0)
            continue;
        add(inspection,
            (struct migrate_finding){
                .rule = "edited",
                .severity = MIGRATE_SEVERITY_ERROR,
                .revision = graph->revisions[index].id,
                .path = path,
                .message = arena_printf(&migrate->run, "%s was edited after it was applied (then %.7s, now %.7s)",
                                        graph->revisions[index].id, applied.items[i].oid, oid),
                .hint = arena_printf(
                    &migrate->run,
                    "`git cat-file blob %s` shows what ran, if it was committed; put changes into a new revision.",
                    applied.items[i].oid),
            });
    }
    return true;
}

static bool inspect_database(struct inspection *inspection, const struct graph *graph, struct error *err)
{
    struct migrate *migrate = inspection->migrate;
    struct ledger ledger;
    struct ledger_state state;
    session_ledger(migrate, &ledger);
    if (!ledger_read(&ledger, migrate->database, &migrate->run, &state, err))
        return false;
    inspect_ids(inspection, graph, state.width);
    inspect_rows(inspection, graph, state.rows);
    inspect_unfinished(inspection, &state);
    return inspect_pending(inspection, graph, state.rows, err) &&
           (!state.has_history || inspect_edited(inspection, graph, &ledger, err));
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
        return inspect_database(inspection, &graph, err);
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
