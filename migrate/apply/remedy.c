/* remedy.c: unfinished revisions, told with what a rerun would do and what giving them up would leave; and the three
 * ways to end them, or an edited file's disagreement, by decision.
 *
 * As with a change, the first look is without the lock, to have something to ask about; what is done is decided by the
 * look under it, and each row is changed by compare-and-swap. */
#include "apply/remedy.h"

#include "apply/attempt.h"
#include "base/clock.h"
#include "git/git.h"

#include <assert.h>
#include <embedded.h>

struct unfinished_list {
    struct migrate_unfinished *items;
    size_t count;
    size_t capacity;
};

/* One look at the database. */
struct repairing {
    const struct repair *repair;
    struct arena *arena;
    enum dialect dialect;
    struct ledger_state state;
    struct graph known; /* the folder's, and what only the database has */
    struct unfinished_list unfinished;
    const char *revision; /* that the remedy is for; what follows is of it */
    struct row_changes changes;
    const struct unfinished *ending; /* ABANDON, DONE */
    struct file_map map;             /* ACCEPT: its file */
    char oid[OID_LENGTH + 1];
    bool is_same; /* ACCEPT: this text counts already */
    const char *diff;
};

/* --- what a rerun would do ---------------------------------------------------------------------- */

/* The plan whose first step is the unfinished one: to it, or from it to below it. */
static bool plan_ending(const struct repairing *repairing, const struct unfinished *unfinished, struct plan *plan,
                        struct error *err)
{
    struct arena *arena = repairing->arena;
    const struct graph *graph = &repairing->known;
    size_t index = graph_find(graph, unfinished->revision);
    struct target target;
    if (index == (size_t)GRAPH_NONE) {
        error_set(err, MIGRATE_UNKNOWN_REVISION, "no file has %s", unfinished->revision);
        return error_hint(err, "Use a checkout that has it.");
    }
    bool is_upgrade = unfinished->direction == DIRECTION_UPGRADE;
    const struct indexes *down = &graph->down[index];
    const char *below = down->count ? graph->revisions[down->items[0]].id : "base";
    const char *wanted = is_upgrade ? unfinished->revision : arena_printf(arena, "%s@%s", unfinished->revision, below);
    if (!target_parse(wanted, arena, &target, err) ||
        !(is_upgrade ? plan_upgrade : plan_downgrade)(graph, repairing->state.rows, &target, arena, plan, err))
        return false;
    if (plan->step_count && plan->steps[0].revision == index)
        return true;
    return error_set(err, MIGRATE_UNFINISHED, "from where the database is, the %s of %s does not come first",
                     direction_name(unfinished->direction), unfinished->revision);
}

/* Says what resuming says. */
static void gather_warning(void *context, const struct migrate_event *event)
{
    struct buffer *said = context;
    if (event->kind == MIGRATE_EVENT_WARNING)
        buffer_printf(said, "; %s", event->message);
}

static const char *next_statement(const struct attempt *attempt, const struct unfinished *unfinished)
{
    struct arena *arena = attempt->change->arena;
    const struct prepared *first = &attempt->prepared[0];
    const char *const *sql = NULL;
    size_t count = 0;
    struct error ignored;
    if (!prepare_statements(&first->script, unfinished->direction, attempt->dialect, arena, &sql, &count, &ignored) ||
        first->done_before >= count)
        return "with its version row alone: all its statements are done";
    struct text rest, line = text_split(text_of(sql[first->done_before]), '\n', &rest);
    return arena_printf(arena, "with statement %zu of %zu: %.*s%s", first->done_before + 1, count, (int)line.length,
                        line.at, rest.length ? " ..." : "");
}

/* --- what giving it up would leave -------------------------------------------------------------- */

static struct value value_of(const char *text)
{
    return (struct value){.text = text, .length = text ? strlen(text) : 0};
}

enum { INDEX_IS_USABLE, INDEX_NAME };

static bool add_invalid(const struct repairing *repairing, const struct online *build, struct name_list *left,
                        struct error *err)
{
    const struct question question = {.sql = embedded_migrate_database_sql_index_state_sql,
                                      .values = {value_of(build->index), value_of(build->table)},
                                      .value_count = 2};
    struct rows rows = {0};
    if (!database_ask(repairing->repair->change.database, &question, 1, repairing->arena, &rows, err))
        return false;
    if (rows.count && strcmp(rows_cell(&rows, 0, INDEX_IS_USABLE), "t") != 0)
        ARENA_PUSH(repairing->arena, left,
                   arena_printf(repairing->arena, "index %s is INVALID: DROP INDEX CONCURRENTLY takes it away",
                                rows_cell(&rows, 0, INDEX_NAME)));
    return true;
}

static bool list_left(const struct repairing *repairing, const struct unfinished *unfinished,
                      const struct prepared *first, struct migrate_unfinished *shown, struct error *err)
{
    struct arena *arena = repairing->arena;
    struct name_list left = {0};
    size_t done = unfinished->statements_done;
    if (done)
        ARENA_PUSH(arena, &left,
                   done == 1 ? "what its first statement did has committed and stays"
                             : arena_printf(arena, "what its first %zu statements did has committed and stays", done));
    if (done < unfinished->statements)
        ARENA_PUSH(arena, &left,
                   arena_printf(arena, "statement %zu may have done its work, or a part of it", done + 1));
    for (size_t i = 0; first && i < first->builds_count; i++)
        if (!add_invalid(repairing, &first->builds[i].online, &left, err))
            return false;
    shown->left = left.items;
    shown->left_count = left.count;
    return true;
}

/* --- looking ------------------------------------------------------------------------------------ */

/* A rerun is tried up to where it would begin: its refusals and warnings are the answer. */
static bool try_rerun(const struct repairing *repairing, const struct unfinished *unfinished, struct attempt *attempt,
                      struct error *err)
{
    const struct preparation preparation = {
        .graph = &attempt->graph,
        .plan = &attempt->plan,
        .dialect = attempt->dialect,
        .width = attempt->state.width,
        .ledger = repairing->repair->change.ledger,
        .database = repairing->repair->change.database,
    };
    if (!plan_ending(repairing, unfinished, &attempt->plan, err))
        return false;
    attempt->plan.step_count = 1;
    return prepare_plan(&preparation, repairing->arena, &attempt->prepared, err) && resume_unfinished(attempt, err);
}

static const char *rerun_text(const struct repairing *repairing, const struct unfinished *unfinished,
                              struct attempt *attempt, const struct buffer *said)
{
    struct error refused = {0};
    const char *word = direction_name(unfinished->direction);
    if (!try_rerun(repairing, unfinished, attempt, &refused))
        return arena_printf(repairing->arena, "a rerun would be refused: %s", refused.message);
    return arena_printf(repairing->arena, "`migrate %s %s%s` goes on %s%s", word, unfinished->revision,
                        unfinished->direction == DIRECTION_DOWNGRADE ? "-1" : "", next_statement(attempt, unfinished),
                        said->at ? said->at : "");
}

static bool describe(struct repairing *repairing, const struct unfinished *unfinished, struct error *err)
{
    size_t index = graph_find(&repairing->known, unfinished->revision);
    const struct revision *revision = index == (size_t)GRAPH_NONE ? NULL : &repairing->known.revisions[index];
    struct buffer said = {.arena = repairing->arena};
    struct change change = repairing->repair->change;
    change.observe = gather_warning;
    change.context = &said;
    struct attempt attempt = {
        .change = &change, .dialect = repairing->dialect, .state = repairing->state, .graph = repairing->known};
    struct migrate_unfinished shown = {
        .revision = unfinished->revision,
        .direction = unfinished->direction == DIRECTION_UPGRADE ? MIGRATE_UPGRADE : MIGRATE_DOWNGRADE,
        .message = revision ? revision->message : NULL,
        .path = revision ? revision->path : NULL,
        .statements_done = unfinished->statements_done,
        .statements = unfinished->statements,
        .since = unfinished->since,
        .applied_by = unfinished->applied_by,
        .applied_from = unfinished->applied_from,
        .error = unfinished->error,
        .rerun = rerun_text(repairing, unfinished, &attempt, &said),
    };
    bool ok = list_left(repairing, unfinished, attempt.prepared, &shown, err);
    prepare_close(attempt.prepared, attempt.prepared ? 1 : 0);
    if (ok)
        ARENA_PUSH(repairing->arena, &repairing->unfinished, shown);
    return ok;
}

/* --- a remedy for an unfinished one ------------------------------------------------------------- */

static bool find_unfinished(struct repairing *repairing, struct error *err)
{
    const char *wanted = repairing->repair->revision;
    for (size_t i = 0; i < repairing->state.unfinished_count; i++)
        if (text_starts(text_of(repairing->state.unfinished[i].revision), wanted))
            repairing->ending = &repairing->state.unfinished[i];
    if (repairing->ending) {
        repairing->revision = repairing->ending->revision;
        return true;
    }
    error_set(err, MIGRATE_UNKNOWN_REVISION, "%s is not an unfinished revision", wanted);
    return error_hint(err, "`migrate repair` lists those that are; nothing was changed.");
}

static bool find_changes(struct repairing *repairing, struct error *err)
{
    struct plan plan = {0};
    if (repairing->repair->remedy != MIGRATE_REMEDY_DONE)
        return true;
    if (!plan_ending(repairing, repairing->ending, &plan, err))
        return error_outcome(err, "nothing was changed.");
    assert(plan.steps); // plan_ending() made sure
    repairing->changes = plan.steps[0].changes;
    return true;
}

/* --- a remedy for an edited file ---------------------------------------------------------------- */

static bool is_applied(const struct repairing *repairing, const char *id, bool *applied, struct error *err)
{
    struct indexes rows;
    if (!rows_resolve(&repairing->known, repairing->state.rows, repairing->arena, &rows, err))
        return false;
    struct index_set closure = graph_closure(&repairing->known, &rows, repairing->arena);
    *applied = index_set_has(&closure, graph_find(&repairing->known, id));
    return true;
}

static bool may_accept(const struct repairing *repairing, struct error *err)
{
    bool applied = false;
    if (!repairing->repair->change.ledger->history)
        return error_set(err, MIGRATE_USAGE,
                         "no history is kept (history_table = none), so there is nothing to accept");
    if (repairing->state.unfinished_count) {
        error_set(err, MIGRATE_UNFINISHED, "%s is unfinished; see `migrate repair`",
                  repairing->state.unfinished[0].revision);
        return error_hint(err, "Finish it, or end it with --abandon or --done, and accept then.");
    }
    if (!is_applied(repairing, repairing->revision, &applied, err))
        return false;
    if (applied)
        return true;
    error_set(err, MIGRATE_UNKNOWN_REVISION, "%s is not applied, so its file counts as it is", repairing->revision);
    return error_outcome(err, "nothing was changed.");
}

static bool compare_texts(struct repairing *repairing, const char *path, struct error *err)
{
    const struct change *change = &repairing->repair->change;
    struct applied_scripts applied;
    struct text then = {0};
    if (!ledger_applied(change->ledger, change->database, repairing->arena, &applied, err))
        return false;
    for (size_t i = 0; i < applied.count; i++) {
        if (strcmp(applied.items[i].revision, repairing->revision) != 0)
            continue;
        repairing->is_same = strcmp(applied.items[i].oid, repairing->oid) == 0;
        if (!ledger_script(change->ledger, change->database, applied.items[i].oid, repairing->arena, &then, err))
            return false;
    }
    if (then.length && !repairing->is_same)
        repairing->diff =
            git_difference(then, text_without_cr(repairing->map.content, repairing->arena), path, repairing->arena);
    return true;
}

static bool find_edited(struct repairing *repairing, struct error *err)
{
    const struct graph *folder = repairing->repair->change.graph;
    size_t index = 0;
    if (!name_resolve(folder, repairing->repair->revision, repairing->arena, &index, err))
        return false;
    const char *path = folder->revisions[index].path;
    repairing->revision = folder->revisions[index].id;
    file_unmap(&repairing->map);
    if (!may_accept(repairing, err) || !file_map(path, &repairing->map, err))
        return false;
    hash_file(&repairing->map, repairing->oid);
    return compare_texts(repairing, path, err);
}

/* --- doing it ----------------------------------------------------------------------------------- */

struct op_list {
    struct op *items;
    size_t count;
    size_t capacity;
    size_t taken;
};

static bool list_next(void *context, struct op *op, bool *end, struct error *err)
{
    struct op_list *list = context;
    (void)err;
    *end = list->taken == list->count;
    if (!*end)
        *op = list->items[list->taken++];
    return true;
}

static void put_ending(const struct repairing *repairing, struct op_list *list)
{
    const struct unfinished *ending = repairing->ending;
    const struct ledger *ledger = repairing->repair->change.ledger;
    bool is_done = repairing->repair->remedy == MIGRATE_REMEDY_DONE;
    const char *decision = is_done ? "counts as done by `migrate repair`" : "given up by `migrate repair`";
    const struct ledger_entry entry = {
        .revision = ending->revision,
        .direction = ending->direction,
        .status = is_done ? "done" : "abandoned",
        .statements_done = ending->statements_done,
        .done_before = ending->statements_done,
        .error =
            ending->error ? arena_printf(repairing->arena, "%s; before that: %s", decision, ending->error) : decision,
    };
    for (size_t i = 0; i < repairing->changes.count; i++)
        ARENA_PUSH(repairing->arena, list, ledger_change(ledger, &repairing->changes.items[i]));
    ARENA_PUSH(repairing->arena, list, ledger_move(ledger, &entry, repairing->arena));
}

static void put_create(const struct repairing *repairing, struct op_list *list)
{
    struct names create = ledger_create(repairing->repair->change.ledger, &repairing->state, repairing->arena);
    for (size_t i = 0; i < create.count; i++)
        ARENA_PUSH(repairing->arena, list,
                   (struct op){.kind = OP_EXECUTE,
                               .sql = text_of(create.items[i]),
                               .lock_timeout_ms = -1,
                               .statement_timeout_ms = -1});
}

static void put_text(const struct repairing *repairing, struct op_list *list)
{
    struct text rest = text_without_cr(repairing->map.content, repairing->arena);
    for (size_t part = 0; rest.length; part++) {
        struct text body = text_cut(rest, LEDGER_PART_BYTES);
        ARENA_PUSH(repairing->arena, list,
                   ledger_keep_script(repairing->repair->change.ledger, repairing->oid, part, body, repairing->arena));
        rest = (struct text){.at = rest.at + body.length, .length = rest.length - body.length};
    }
}

/* What ran stays in the history; a stamp with a script says which text counts from here on. */
static void put_accepting(const struct repairing *repairing, struct op_list *list)
{
    const struct change *change = &repairing->repair->change;
    struct git *git = git_open(change->folder);
    size_t index = graph_find(change->graph, repairing->revision);
    char *commit = arena_alloc(repairing->arena, OID_LENGTH + 1);
    bool has_commit = git && git_commit_of(git, change->graph->revisions[index].path, repairing->oid, commit);
    git_close(git);
    const struct ledger_entry entry = {
        .revision = repairing->revision,
        .direction = DIRECTION_STAMP,
        .status = "done",
        .script_oid = repairing->oid,
        .git_commit = has_commit ? commit : NULL,
        .started_at = clock_rfc3339(clock_now_us() / 1000 * 1000, repairing->arena),
    };
    put_create(repairing, list);
    put_text(repairing, list);
    ARENA_PUSH(repairing->arena, list, ledger_add(change->ledger, change->run, &entry, repairing->arena));
}

static bool carry_out(const struct repairing *repairing, struct error *err)
{
    struct op_list list = {0};
    struct batch batch = {.next = list_next, .context = &list};
    struct played played = {0};
    ARENA_PUSH(repairing->arena, &list, (struct op){.kind = OP_BEGIN});
    if (repairing->repair->remedy == MIGRATE_REMEDY_ACCEPT)
        put_accepting(repairing, &list);
    else
        put_ending(repairing, &list);
    ARENA_PUSH(repairing->arena, &list, (struct op){.kind = OP_COMMIT, .durable = true});
    return database_play(repairing->repair->change.database, &batch, &played, err) ||
           error_outcome(err, "nothing was changed.");
}

/* --- the story ---------------------------------------------------------------------------------- */

static bool look(struct repairing *repairing, struct error *err)
{
    const struct repair *repair = repairing->repair;
    const struct change *change = &repair->change;
    repairing->unfinished = (struct unfinished_list){0};
    repairing->ending = NULL;
    repairing->is_same = false;
    repairing->diff = NULL;
    if (!ledger_read(change->ledger, change->database, repairing->arena, &repairing->state, err) ||
        !stored_extend(change->ledger, change->database, &repairing->state, change->graph, repairing->arena,
                       &repairing->known, err))
        return false;
    for (size_t i = 0; i < repairing->state.unfinished_count; i++)
        if (!describe(repairing, &repairing->state.unfinished[i], err))
            return false;
    if (repair->remedy == MIGRATE_REMEDY_NONE)
        return true;
    return repair->remedy == MIGRATE_REMEDY_ACCEPT ? find_edited(repairing, err)
                                                   : find_unfinished(repairing, err) && find_changes(repairing, err);
}

static void report(const struct repairing *repairing)
{
    struct migrate_repaired *repaired = repairing->repair->repaired;
    struct names rows = repairing->state.rows;
    repaired->remedy = repairing->repair->remedy;
    repaired->revision = repairing->revision;
    repaired->diff = repairing->diff;
    repaired->unfinished = repairing->unfinished.items;
    repaired->unfinished_count = repairing->unfinished.count;
    repaired->from = repaired->to = rows.items;
    repaired->from_count = repaired->to_count = rows.count;
}

static bool ask(const struct repairing *repairing, struct error *err)
{
    const struct repair *repair = repairing->repair;
    if (!repair->confirm || repair->confirm(repair->change.context, repair->repaired))
        return true;
    error_set(err, MIGRATE_INTERRUPTED, "not confirmed");
    return error_outcome(err, "nothing was changed.");
}

/* Where the rows are now, by asking. */
static bool report_rows(struct repairing *repairing, struct error *err)
{
    const struct change *change = &repairing->repair->change;
    struct ledger_state state;
    struct migrate_repaired *repaired = repairing->repair->repaired;
    repaired->is_changed = true;
    if (!ledger_read(change->ledger, change->database, repairing->arena, &state, err))
        return false;
    repaired->to = state.rows.items;
    repaired->to_count = state.rows.count;
    return true;
}

/* Under the lock nobody who runs an unfinished revision is left; it may have ended meanwhile. */
static bool repair_locked(struct repairing *repairing, struct error *err)
{
    char agreed[OID_LENGTH + 1];
    memcpy(agreed, repairing->oid, sizeof agreed);
    if (!look(repairing, err))
        return false;
    report(repairing);
    if (memcmp(agreed, repairing->oid, sizeof agreed) != 0)
        return error_set(err, MIGRATE_FILE, "the file of %s changed meanwhile; nothing was changed",
                         repairing->revision);
    return repairing->is_same || (carry_out(repairing, err) && report_rows(repairing, err));
}

static bool repair_database(struct repairing *repairing, struct error *err)
{
    const struct repair *repair = repairing->repair;
    if (!look(repairing, err))
        return false;
    report(repairing);
    if (repair->remedy == MIGRATE_REMEDY_NONE || repairing->is_same)
        return true;
    if (!ask(repairing, err) ||
        !database_lock(repair->change.database, lock_name(&repair->change), repair->change.lock_wait_ms, err))
        return false;
    bool ok = repair_locked(repairing, err);
    database_unlock(repair->change.database);
    return ok;
}

bool apply_repair(const struct repair *repair, struct error *err)
{
    struct repairing repairing = {
        .repair = repair,
        .arena = repair->change.arena,
        .dialect = database_is_file(repair->change.database) ? DIALECT_SQLITE : DIALECT_POSTGRESQL,
    };
    bool ok = repair_database(&repairing, err);
    file_unmap(&repairing.map);
    return ok;
}
