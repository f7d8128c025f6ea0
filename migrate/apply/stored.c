/* stored.c: revisions that only the database has, from the files that the history keeps. */
#include "apply/stored.h"

#include "script/script.h"

static bool is_missing(const struct graph *graph, const char *id)
{
    return graph_find(graph, id) == (size_t)GRAPH_NONE;
}

static bool has_unknown_row(const struct graph *graph, struct names rows)
{
    for (size_t i = 0; i < rows.count; i++)
        if (is_missing(graph, rows.items[i]))
            return true;
    return false;
}

/* The header of what was kept. A text that is not what it should be is left out: its revision is then unknown. */
static bool read_header(const struct applied_script *applied, struct text text, struct arena *arena,
                        struct revision *revision)
{
    char oid[OID_LENGTH + 1];
    bool more = false;
    struct error ignored;
    hash_blob(text, oid);
    if (strcmp(oid, applied->oid) != 0 ||
        !header_parse(text, true, "a stored script", arena, revision, &more, &ignored) ||
        strcmp(revision->id, applied->revision) != 0)
        return false;
    revision->path = NULL;
    revision->stored_oid = applied->oid;
    return true;
}

/* Adds the applied revisions that the folder lacks to `revisions`, which has room for them. */
static bool read_missing(const struct ledger *ledger, struct database *database, const struct graph *folder,
                         const struct applied_scripts *applied, struct arena *arena, struct revision *revisions,
                         size_t *count, struct error *err)
{
    for (size_t i = 0; i < applied->count; i++) {
        struct text text;
        if (!is_missing(folder, applied->items[i].revision))
            continue;
        if (!ledger_script(ledger, database, applied->items[i].oid, arena, &text, err))
            return false;
        *count += read_header(&applied->items[i], text, arena, &revisions[*count]);
    }
    return true;
}

bool stored_extend(const struct ledger *ledger, struct database *database, const struct ledger_state *state,
                   const struct graph *folder, struct arena *arena, struct graph *extended, struct error *err)
{
    struct applied_scripts applied;
    struct error no_graph;
    *extended = *folder;
    if (!state->has_history || !state->has_script || !has_unknown_row(folder, state->rows))
        return true;
    if (!ledger_applied(ledger, database, arena, &applied, err))
        return false;
    size_t count = folder->count;
    struct revision *revisions = ARENA_ARRAY(arena, count + applied.count, struct revision);
    if (count)
        memcpy(revisions, folder->revisions, count * sizeof *revisions);
    if (!read_missing(ledger, database, folder, &applied, arena, revisions, &count, err))
        return false;
    if (!graph_build(revisions, count, arena, extended, &no_graph))
        *extended = *folder; // the history does not lead back to this folder
    return true;
}

bool stored_is_ahead(const struct graph *folder, const struct graph *extended, struct names rows, struct arena *arena)
{
    struct index_set applied = index_set_new(extended->count, arena);
    if (!has_unknown_row(folder, rows) || has_unknown_row(extended, rows))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        graph_add_ancestors(extended, graph_find(extended, rows.items[i]), true, &applied, arena);
    struct indexes heads = graph_heads(folder, false, arena);
    for (size_t i = 0; i < heads.count; i++)
        if (!index_set_has(&applied, graph_find(extended, folder->revisions[heads.items[i]].id)))
            return false;
    return true;
}

bool stored_settle(const struct graph *folder, const struct graph *extended, struct arena *arena, struct target *target,
                   struct error *err)
{
    struct indexes found;
    if (extended->count == folder->count || (target->symbol != SYMBOL_HEAD && target->symbol != SYMBOL_HEADS))
        return true;
    if (!target_resolve(folder, NULL, target, arena, &found, err))
        return false;
    if (found.count != 1)
        return error_set(err, MIGRATE_MULTIPLE_HEADS, "%s names several revisions; go to one at a time", target->text);
    return target_parse(folder->revisions[found.items[0]].id, arena, target, err);
}

bool stored_text(const struct ledger *ledger, struct database *database, const char *oid, struct arena *arena,
                 struct text *text, struct error *err)
{
    char really[OID_LENGTH + 1];
    bool is_guarded = false;
    if (!ledger_script(ledger, database, oid, arena, text, err) ||
        !ledger_is_guarded(ledger, database, arena, &is_guarded, err))
        return false;
    hash_blob(*text, really);
    if (strcmp(really, oid) != 0)
        return error_set(err, MIGRATE_PERMISSION,
                         "the script %s that the database keeps is not what ran: its text has %s", oid,
                         text->length ? really : "no parts");
    if (is_guarded)
        return true;
    error_set(err, MIGRATE_PERMISSION,
              "the scripts that the database keeps in %s may be written by others than its owner", ledger->script);
    return error_hint(err,
                      "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %s and %s from everybody else, or downgrade with a "
                      "checkout that has the file.",
                      ledger->script, ledger->history);
}
