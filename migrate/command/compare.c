/* compare.c: check with a database: what was edited, lost, left unfinished or moved behind our back since it was
 * applied. */
#include "command/check.h"

#include "git/git.h"

#include <embedded.h>

/* What the database says. */
struct comparison {
    struct inspection *inspection;
    const struct graph *folder;
    struct graph known; /* the folder's, and what only the database has */
    struct ledger ledger;
    struct ledger_state state;
    struct indexes rows;
    bool knows_rows; /* each row is a revision that is known; `rows` and `applied` are set */
    bool is_ahead;
    struct index_set applied; /* of `known`: what the rows imply */
};

static struct arena *arena_of(const struct comparison *comparison)
{
    return &comparison->inspection->migrate->run;
}

static bool is_applied(const struct comparison *comparison, const char *id)
{
    size_t index = graph_find(&comparison->known, id);
    return index != (size_t)GRAPH_NONE && index_set_has(&comparison->applied, index);
}

/* --- rows --------------------------------------------------------------------------------------- */

static bool read_database(struct comparison *comparison, struct error *err)
{
    struct migrate *migrate = comparison->inspection->migrate;
    struct arena *arena = arena_of(comparison);
    struct error unknown;
    session_ledger(migrate, &comparison->ledger);
    if (!ledger_read(&comparison->ledger, migrate->database, arena, &comparison->state, err) ||
        !stored_extend(&comparison->ledger, migrate->database, &comparison->state, comparison->folder, arena,
                       &comparison->known, err))
        return false;
    struct names rows = comparison->state.rows;
    comparison->knows_rows = rows_resolve(&comparison->known, rows, arena, &comparison->rows, &unknown);
    comparison->is_ahead = stored_is_ahead(comparison->folder, &comparison->known, rows, arena);
    if (comparison->knows_rows)
        comparison->applied = graph_closure(&comparison->known, &comparison->rows, arena);
    return true;
}

static void compare_rows(struct comparison *comparison)
{
    struct names rows = comparison->state.rows;
    for (size_t i = 0; i < rows.count; i++) {
        if (graph_find(&comparison->known, rows.items[i]) != (size_t)GRAPH_NONE)
            continue;
        inspection_add(comparison->inspection,
                       (struct migrate_finding){
                           .rule = migrate_code_name(MIGRATE_UNKNOWN_ROW),
                           .severity = MIGRATE_SEVERITY_ERROR,
                           .revision = rows.items[i],
                           .message = arena_printf(arena_of(comparison), "the database is at %s, which no file has",
                                                   rows.items[i]),
                           .hint = "Is this the right folder, or an older one than the database has seen?",
                       });
    }
}

/* An older image is expected to lack them; a folder that has its own revisions to apply is not. */
static void compare_stored(struct comparison *comparison)
{
    const struct graph *known = &comparison->known;
    for (size_t i = 0; comparison->knows_rows && i < known->count; i++) {
        size_t index = known->order[i];
        if (!known->revisions[index].stored_oid || !index_set_has(&comparison->applied, index))
            continue;
        inspection_add(
            comparison->inspection,
            (struct migrate_finding){
                .rule = "only_in_database",
                .severity = severity_of(!comparison->is_ahead),
                .revision = known->revisions[index].id,
                .message = arena_printf(arena_of(comparison), "%s is applied, and only the database has it%s",
                                        known->revisions[index].id,
                                        comparison->is_ahead ? ", which is ahead of this folder" : ""),
                .hint = "The database keeps the file that ran: `migrate downgrade` can take it back, a newer "
                        "checkout may have it.",
            });
    }
}

static void compare_pending(struct comparison *comparison)
{
    const struct graph *known = &comparison->known;
    for (size_t i = 0; comparison->knows_rows && i < known->count; i++) {
        const struct revision *revision = &known->revisions[known->order[i]];
        if (revision->stored_oid || index_set_has(&comparison->applied, known->order[i]))
            continue;
        inspection_add(comparison->inspection,
                       (struct migrate_finding){
                           .rule = "pending",
                           .severity = severity_of(comparison->inspection->options->pending),
                           .revision = revision->id,
                           .path = revision->path,
                           .message = arena_printf(arena_of(comparison), "%s is not applied", revision->id),
                           .hint = "`migrate upgrade heads` applies it.",
                       });
    }
}

static void compare_unfinished(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->state.unfinished_count; i++) {
        const struct unfinished *unfinished = &comparison->state.unfinished[i];
        inspection_add(
            comparison->inspection,
            (struct migrate_finding){
                .rule = migrate_code_name(MIGRATE_UNFINISHED),
                .severity = MIGRATE_SEVERITY_ERROR,
                .revision = unfinished->revision,
                .message = arena_printf(arena_of(comparison), "the %s of %s stopped after %zu statement%s",
                                        direction_name(unfinished->direction), unfinished->revision,
                                        unfinished->statements_done, unfinished->statements_done == 1 ? "" : "s"),
                .hint = "Run the same command again: it goes on from there. Or see `migrate repair`.",
            });
    }
}

/* --- the history -------------------------------------------------------------------------------- */

static void add_disagreement(struct comparison *comparison, const char *revision, bool is_error, const char *message)
{
    inspection_add(comparison->inspection,
                   (struct migrate_finding){
                       .rule = "rows_disagree",
                       .severity = severity_of(is_error),
                       .revision = revision,
                       .message = message,
                       .hint =
                           "Another tool, or somebody by hand, moved the version rows. `migrate stamp` records where "
                           "the database really is.",
                   });
}

static bool has_entry(const struct last_entries *last, const char *revision)
{
    for (size_t i = 0; i < last->count; i++)
        if (strcmp(last->items[i].revision, revision) == 0)
            return true;
    return false;
}

/* A row that the history has not heard of stands above one that it saw applied: so it came after the history began. */
static bool came_behind_our_back(const struct comparison *comparison, const struct last_entries *last, size_t row)
{
    struct index_set below = index_set_new(comparison->known.count, arena_of(comparison));
    graph_add_ancestors(&comparison->known, row, true, &below, arena_of(comparison));
    for (size_t i = 0; i < last->count; i++) {
        size_t index = graph_find(&comparison->known, last->items[i].revision);
        if (last->items[i].is_applied && last->items[i].is_certain && index != (size_t)GRAPH_NONE &&
            index_set_has(&below, index))
            return true;
    }
    return false;
}

/* Each revision's last entry should say of it what the rows do. */
static bool compare_history(struct comparison *comparison, struct error *err)
{
    struct arena *arena = arena_of(comparison);
    struct last_entries last;
    if (!comparison->knows_rows || !comparison->state.has_history)
        return true;
    if (!ledger_last(&comparison->ledger, comparison->inspection->migrate->database, arena, &last, err))
        return false;
    for (size_t i = 0; i < last.count; i++) {
        const struct last_entry *entry = &last.items[i];
        bool is_in_rows = is_applied(comparison, entry->revision);
        if (!entry->is_certain || entry->is_applied == is_in_rows)
            continue;
        add_disagreement(
            comparison, entry->revision, true,
            arena_printf(arena,
                         is_in_rows ? "the version rows say that %s is applied, the history that it was taken back"
                                    : "the history says that %s is applied, the version rows that it is not",
                         entry->revision));
    }
    for (size_t i = 0; i < comparison->rows.count; i++) {
        const char *id = comparison->known.revisions[comparison->rows.items[i]].id;
        if (!has_entry(&last, id) && came_behind_our_back(comparison, &last, comparison->rows.items[i]))
            add_disagreement(
                comparison, id, false,
                arena_printf(arena, "the database is at %s, and the history does not say how it came there", id));
    }
    return true;
}

/* --- edited files ------------------------------------------------------------------------------- */

static bool add_edited(struct comparison *comparison, const struct revision *revision,
                       const struct applied_script *applied, const struct file_map *map, const char *oid,
                       struct error *err)
{
    struct arena *arena = arena_of(comparison);
    struct text then;
    if (!ledger_script(&comparison->ledger, comparison->inspection->migrate->database, applied->oid, arena, &then, err))
        return false;
    const char *hint = arena_printf(
        arena, "Put changes into a new revision; if this one was meant, `migrate repair --accept %s`.", revision->id);
    if (!then.length)
        hint =
            arena_printf(arena, "%s `git cat-file blob %s` shows what ran, if it was committed.", hint, applied->oid);
    inspection_add(comparison->inspection,
                   (struct migrate_finding){
                       .rule = "edited",
                       .severity = MIGRATE_SEVERITY_ERROR,
                       .revision = revision->id,
                       .path = revision->path,
                       .message = arena_printf(arena, "%s was edited after it was applied (then %.7s, now %.7s)",
                                               revision->id, applied->oid, oid),
                       .hint = hint,
                       .diff = then.length
                                   ? git_difference(then, text_without_cr(map->content, arena), revision->path, arena)
                                   : NULL,
                   });
    return true;
}

static bool compare_file(struct comparison *comparison, const struct revision *revision,
                         const struct applied_script *applied, struct error *err)
{
    struct file_map map = {0};
    char oid[OID_LENGTH + 1];
    if (!file_map(revision->path, &map, err))
        return false;
    hash_file(&map, oid);
    bool ok = strcmp(oid, applied->oid) == 0 || add_edited(comparison, revision, applied, &map, oid, err);
    file_unmap(&map);
    return ok;
}

static bool compare_files(struct comparison *comparison, struct error *err)
{
    struct applied_scripts applied;
    if (!comparison->state.has_history)
        return true;
    if (!ledger_applied(&comparison->ledger, comparison->inspection->migrate->database, arena_of(comparison), &applied,
                        err))
        return false;
    for (size_t i = 0; i < applied.count; i++) {
        size_t index = graph_find(comparison->folder, applied.items[i].revision);
        if (index != (size_t)GRAPH_NONE &&
            !compare_file(comparison, &comparison->folder->revisions[index], &applied.items[i], err))
            return false;
    }
    return true;
}

/* --- indexes ------------------------------------------------------------------------------------ */

enum { INVALID_INDEX, INVALID_TABLE };

static bool compare_indexes(struct comparison *comparison, struct error *err)
{
    struct arena *arena = arena_of(comparison);
    const struct question question = {.sql = embedded_migrate_database_sql_owned_invalid_indexes_sql};
    struct rows rows = {0};
    if (comparison->ledger.is_file)
        return true;
    if (!database_ask(comparison->inspection->migrate->database, &question, 1, arena, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        inspection_add(
            comparison->inspection,
            (struct migrate_finding){
                .rule = "invalid_index",
                .severity = MIGRATE_SEVERITY_ERROR,
                .message = arena_printf(arena, "index %s on %s is INVALID: kept up to date, and never used",
                                        rows_cell(&rows, i, INVALID_INDEX), rows_cell(&rows, i, INVALID_TABLE)),
                .hint = arena_printf(arena,
                                     "A build that was stopped leaves one. If a revision is unfinished, run it "
                                     "again; else REINDEX INDEX CONCURRENTLY %s, or drop it.",
                                     rows_cell(&rows, i, INVALID_INDEX)),
            });
    return true;
}

bool compare_database(struct inspection *inspection, const struct graph *folder, struct error *err)
{
    struct comparison comparison = {.inspection = inspection, .folder = folder};
    if (!read_database(&comparison, err))
        return false;
    inspect_ids(inspection, folder, comparison.state.width);
    compare_rows(&comparison);
    compare_stored(&comparison);
    compare_unfinished(&comparison);
    compare_pending(&comparison);
    return compare_history(&comparison, err) && compare_files(&comparison, err) && compare_indexes(&comparison, err);
}
