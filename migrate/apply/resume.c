/* resume.c: a revision that stopped half-way: what of it is done, and what to do before it goes on.
 *
 * Its running row says how many statements were done. The one behind these stood outside transactions when the process
 * ended: it may have done its work, half of it, or nothing. Of an index build the catalogue can tell. */
#include "apply/attempt.h"
#include "script/online.h"

#include <embedded.h>

static bool blame(const struct unfinished *unfinished, const struct script *script, struct error *err)
{
    if (script && script->path)
        error_place(err, script->path, 0, 0);
    return error_revision(err, unfinished->revision);
}

static bool stands_in_the_way(const struct unfinished *unfinished, struct error *err)
{
    const char *word = direction_name(unfinished->direction);
    error_set(err, MIGRATE_UNFINISHED,
              "the %s of %s stopped after %zu statement%s and must be finished or given up first", word,
              unfinished->revision, unfinished->statements_done, unfinished->statements_done == 1 ? "" : "s");
    error_hint(err, "Finish it with `migrate %s %s%s`, or see `migrate repair`.", word, unfinished->revision,
               unfinished->direction == DIRECTION_DOWNGRADE ? "-1" : "");
    return blame(unfinished, NULL, err);
}

static bool shares_no_transaction(const struct unfinished *unfinished, struct error *err)
{
    error_set(err, MIGRATE_USAGE, "the %s of %s is unfinished and cannot share one transaction with others",
              direction_name(unfinished->direction), unfinished->revision);
    error_hint(err, "Leave out `--transaction run`; nothing has run.");
    return blame(unfinished, NULL, err);
}

/* --- a file that has changed since -------------------------------------------------------------- */

static bool parse_kept(struct text text, const char *oid, struct arena *arena, struct script *script)
{
    char really[OID_LENGTH + 1];
    struct error ignored;
    hash_blob(text, really);
    return oid && strcmp(really, oid) == 0 && script_parse(text, "a stored script", arena, script, &ignored);
}

/* Are the first statements, those that are done, the same in both? */
static bool begins_alike(const struct script *now, const struct script *then, size_t done, enum direction direction,
                         enum dialect dialect, struct arena *arena)
{
    const char *const *new_sql = NULL, *const *old_sql = NULL;
    size_t new_count = 0, old_count = 0;
    struct error ignored;
    if (!prepare_statements(now, direction, dialect, arena, &new_sql, &new_count, &ignored) ||
        !prepare_statements(then, direction, dialect, arena, &old_sql, &old_count, &ignored) || new_count < done ||
        old_count < done)
        return false;
    for (size_t i = 0; i < done; i++)
        if (strcmp(new_sql[i], old_sql[i]) != 0)
            return false;
    return true;
}

/* The script as it was when the statement that comes next was begun: the file's, or the one that was kept. */
static bool read_then(const struct attempt *attempt, const struct unfinished *unfinished, struct prepared *first,
                      struct script *then, struct error *err)
{
    const struct change *change = attempt->change;
    struct text text = {0};
    first->is_changed = !unfinished->script_oid || strcmp(first->oid, unfinished->script_oid) != 0;
    if (!first->is_changed) {
        *then = first->script;
        return true;
    }
    if (unfinished->script_oid && attempt->state.has_script &&
        !ledger_script(change->ledger, change->database, unfinished->script_oid, change->arena, &text, err))
        return false;
    if (!parse_kept(text, unfinished->script_oid, change->arena, then))
        *then = (struct script){0}; // not known any more
    return true;
}

static bool may_go_on(const struct attempt *attempt, const struct unfinished *unfinished, const struct prepared *first,
                      const struct script *then, struct error *err)
{
    if (!first->is_changed || unfinished->statements_done == 0 ||
        begins_alike(&first->script, then, unfinished->statements_done, unfinished->direction, attempt->dialect,
                     attempt->change->arena))
        return true;
    error_set(err, MIGRATE_UNFINISHED,
              "the %s of %s stopped after %zu statement%s, and its file no longer begins as it did then",
              direction_name(unfinished->direction), unfinished->revision, unfinished->statements_done,
              unfinished->statements_done == 1 ? "" : "s");
    error_hint(err,
               "What is done cannot be changed: put these statements back as they were (`git cat-file blob %s` shows "
               "the file), or see `migrate repair`.",
               unfinished->script_oid ? unfinished->script_oid : "OID");
    return blame(unfinished, &first->script, err);
}

/* --- what the catalogue knows ------------------------------------------------------------------- */

static struct value value_of(const char *text)
{
    return (struct value){.text = text, .length = text ? strlen(text) : 0};
}

static bool ask_catalogue(const struct attempt *attempt, const char *sql, const char *index, const char *table,
                          struct rows *rows, struct error *err)
{
    const struct question question = {.sql = sql, .values = {value_of(index), value_of(table)}, .value_count = 2};
    return database_ask(attempt->change->database, &question, 1, attempt->change->arena, rows, err);
}

enum { INDEX_IS_USABLE, INDEX_NAME };

/* What comes next, as the file has it, and what stood there when it was begun. */
struct next {
    struct text sql, begun; /* empty: not outside transactions, or not known */
    struct online online, begun_online;
    bool is_same;
};

static bool is_same_build(const struct next *next)
{
    const struct online *now = &next->online, *then = &next->begun_online;
    return then->kind == ONLINE_CREATE_INDEX && strcmp(now->index, then->index) == 0 &&
           strcmp(now->table, then->table) == 0;
}

/* The running row was written only after seeing no index of that name: a valid one is the build's own, an invalid one
 * what is left of it. Of a build that a corrected file has in this place neither is known. */
static bool judge_create(const struct attempt *attempt, const struct next *next, struct prepared *first,
                         struct error *err)
{
    struct arena *arena = attempt->change->arena;
    const struct online *online = &next->online;
    struct rows rows = {0};
    if (!ask_catalogue(attempt, embedded_migrate_database_sql_index_state_sql, online->index, online->table, &rows,
                       err))
        return false;
    if (rows.count == 0)
        return true;
    bool is_usable = strcmp(rows_cell(&rows, 0, INDEX_IS_USABLE), "t") == 0;
    if (!is_same_build(next) || (is_usable && !next->is_same)) {
        first->guards_from = first->done_noted;
        return true;
    }
    if (is_usable) {
        first->done_before++;
        warn(attempt->change,
             arena_printf(arena, "index %s is there and valid: its build counts as done", online->index));
        return true;
    }
    struct name_list clear = {0};
    ARENA_PUSH(arena, &clear, arena_printf(arena, "DROP INDEX CONCURRENTLY %s", rows_cell(&rows, 0, INDEX_NAME)));
    first->clear = names_of(&clear);
    warn(attempt->change,
         arena_printf(arena, "index %s is there but INVALID: it is dropped and built again", online->index));
    return true;
}

static bool judge_drop(const struct attempt *attempt, const struct next *next, struct prepared *first,
                       struct error *err)
{
    static const char sql[] = "SELECT to_regclass($1), $2::text";
    const struct online *online = &next->online;
    struct rows rows = {0};
    if (!next->is_same)
        return true; // never begun
    if (!ask_catalogue(attempt, sql, online->index, NULL, &rows, err))
        return false;
    if (rows.count && rows_cell(&rows, 0, 0))
        return true; // valid or not, it can be dropped again
    first->done_before++;
    warn(attempt->change,
         arena_printf(attempt->change->arena, "index %s is gone: its drop counts as done", online->index));
    return true;
}

static bool judge_reindex(const struct attempt *attempt, const struct online *online, struct prepared *first,
                          struct error *err)
{
    struct arena *arena = attempt->change->arena;
    struct rows rows = {0};
    struct name_list clear = {0};
    if (!ask_catalogue(attempt, embedded_migrate_database_sql_index_leftovers_sql, online->index, online->table, &rows,
                       err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        ARENA_PUSH(arena, &clear, arena_printf(arena, "DROP INDEX CONCURRENTLY %s", rows_cell(&rows, i, 0)));
    first->clear = names_of(&clear);
    if (rows.count)
        warn(attempt->change,
             arena_printf(arena, "an interrupted REINDEX has left invalid indexes, which are dropped: %s",
                          names_join(first->clear, "; ", arena)));
    return true;
}

/* The script's statement of this index, if it is one that stands alone. */
static bool alone_at(const struct attempt *attempt, const struct script *script, size_t wanted, struct text *sql,
                     struct error *err)
{
    struct script_walk walk = script_walk(script, attempt->plan.steps[0].direction, attempt->dialect);
    struct statement statement;
    bool found = true;
    *sql = (struct text){0};
    for (size_t index = 0; found && index <= wanted; index++)
        if (!script_walk_next(&walk, &statement, &found, err))
            return false;
    if (found && walk.section->autocommit)
        *sql = statement.sql;
    return true;
}

static bool find_next(const struct attempt *attempt, const struct prepared *first, const struct script *then,
                      struct next *next, struct error *err)
{
    struct arena *arena = attempt->change->arena;
    *next = (struct next){0};
    if (!alone_at(attempt, &first->script, first->done_before, &next->sql, err) ||
        !alone_at(attempt, then, first->done_before, &next->begun, err))
        return false;
    next->online = online_read(next->sql, arena);
    next->begun_online = online_read(next->begun, arena);
    next->is_same = next->sql.length && next->sql.length == next->begun.length &&
                    memcmp(next->sql.at, next->begun.at, next->sql.length) == 0;
    return true;
}

static bool judge_next(const struct attempt *attempt, const struct script *then, struct prepared *first,
                       struct error *err)
{
    struct next next;
    if (attempt->dialect != DIALECT_POSTGRESQL)
        return true;
    if (!find_next(attempt, first, then, &next, err))
        return false;
    first->was_tried = next.begun.length || !then->section_count;
    switch (next.online.kind) {
    case ONLINE_CREATE_INDEX:
        return judge_create(attempt, &next, first, err);
    case ONLINE_DROP_INDEX:
        return judge_drop(attempt, &next, first, err);
    case ONLINE_REINDEX_INDEX:
    case ONLINE_REINDEX_TABLE:
        return judge_reindex(attempt, &next.online, first, err);
    case ONLINE_OTHER:
        break;
    }
    return true;
}

bool resume_unfinished(struct attempt *attempt, struct error *err)
{
    const struct plan *plan = &attempt->plan;
    struct script then = {0};
    if (attempt->state.unfinished_count == 0)
        return true;
    const struct unfinished *unfinished = &attempt->state.unfinished[0];
    if (plan->step_count == 0 || plan->steps[0].direction != unfinished->direction ||
        strcmp(id_of(attempt, 0), unfinished->revision) != 0)
        return stands_in_the_way(unfinished, err);
    struct prepared *first = &attempt->prepared[0];
    if (attempt->change->one_transaction)
        return shares_no_transaction(unfinished, err);
    if (!read_then(attempt, unfinished, first, &then, err) || !may_go_on(attempt, unfinished, first, &then, err))
        return false;
    first->is_resumed = true;
    first->is_autocommit = true; // it goes on as it began, with a running row, whatever its file says now
    first->done_noted = unfinished->statements_done;
    first->done_before = unfinished->statements_done;
    first->guards_from = unfinished->statements_done + 1; // the one that was begun is judged by itself
    return judge_next(attempt, &then, first, err);
}
