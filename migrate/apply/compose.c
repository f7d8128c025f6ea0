/* compose.c: a state machine that makes operations as they are asked for. Each phase puts a handful of them into
 * `pending` and says which phase comes next. */
#include "apply/compose.h"

#include "base/clock.h"

#include <stdio.h>

void composer_start(struct composer *composer, const struct composition *what)
{
    *composer = (struct composer){.what = what, .phase = PHASE_START};
    arena_alloc(&composer->arena, 1); // so that rewinding keeps the first block
    composer->empty = arena_mark(&composer->arena);
}

void composer_free(struct composer *composer)
{
    arena_free(&composer->arena);
}

const char *step_title(const struct graph *graph, const struct step *step, struct arena *arena)
{
    if (step->direction == DIRECTION_STAMP)
        return "Running stamp_revision"; // Alembic's word
    const struct revision *revision = &graph->revisions[step->revision];
    const char *parents = names_join(revision->down, ", ", arena);
    const char *message = *revision->message ? arena_printf(arena, ", %s", revision->message) : "";
    if (step->direction == DIRECTION_UPGRADE)
        return arena_printf(arena, "Running upgrade %s -> %s%s", parents, revision->id, message);
    return arena_printf(arena, "Running downgrade %s -> %s%s", revision->id, parents, message);
}

/* --- putting operations into the list ----------------------------------------------------------- */

static void put(struct composer *composer, struct op op)
{
    op.origin.step = (uint32_t)composer->step;
    ARENA_PUSH(&composer->arena, &composer->pending, op);
}

static void put_ours(struct composer *composer, struct op op)
{
    op.origin.statement = NO_STATEMENT;
    put(composer, op);
}

static void put_kind(struct composer *composer, enum op_kind kind)
{
    put_ours(composer, (struct op){.kind = kind, .lock_timeout_ms = -1, .statement_timeout_ms = -1});
}

static void put_commit(struct composer *composer, bool durable)
{
    composer->commits++;
    put_ours(composer, (struct op){.kind = OP_COMMIT, .durable = durable});
}

static void put_sql(struct composer *composer, enum op_kind kind, const char *sql)
{
    put_ours(composer, (struct op){.kind = kind, .sql = text_of(sql)});
}

/* --- what the current step is ------------------------------------------------------------------- */

static const struct step *current_step(const struct composer *composer)
{
    return &composer->what->plan->steps[composer->step];
}

static struct prepared *current_prepared(const struct composer *composer)
{
    return &composer->what->prepared[composer->step];
}

static const struct section *current_section(const struct composer *composer)
{
    return &current_prepared(composer)->script.sections[composer->section];
}

static bool keeps_history(const struct composer *composer)
{
    return composer->what->ledger->history && !composer->what->is_offline;
}

static bool keeps_script(const struct composer *composer)
{
    return keeps_history(composer) && current_step(composer)->direction == DIRECTION_UPGRADE;
}

/* Does each section of the step end its own transaction? */
static bool is_journaled(const struct composer *composer)
{
    return current_prepared(composer)->is_autocommit;
}

static struct ledger_entry entry(const struct composer *composer, const char *status, size_t statements_done)
{
    const struct step *step = current_step(composer);
    const struct prepared *prepared = current_prepared(composer);
    return (struct ledger_entry){
        .revision = composer->what->graph->revisions[step->revision].id,
        .direction = step->direction,
        .status = status,
        .statements_done = statements_done,
        .done_before = composer->noted,
        .statements = prepared->statements,
        .script_oid = prepared->oid,
        .git_commit = *prepared->git_commit ? prepared->git_commit : NULL,
        .started_at = composer->started_at,
    };
}

/* --- phases ------------------------------------------------------------------------------------- */

static void start(struct composer *composer)
{
    const struct composition *what = composer->what;
    bool is_needed = what->create.count || what->guard.count;
    if (what->one_transaction || is_needed)
        put_kind(composer, OP_BEGIN);
    for (size_t i = 0; i < what->create.count; i++)
        put_sql(composer, OP_EXECUTE, what->create.items[i]);
    for (size_t i = 0; i < what->guard.count; i++)
        put_sql(composer, OP_EXECUTE, what->guard.items[i]);
    if (is_needed && !what->one_transaction)
        put_commit(composer, what->plan->step_count == 0);
    composer->phase = PHASE_STEP;
}

static void note_start(struct composer *composer)
{
    snprintf(composer->started_at_text, sizeof composer->started_at_text, "%s",
             clock_rfc3339(clock_now_us() / 1000 * 1000, &composer->arena));
    composer->started_at = composer->started_at_text;
}

static void begin_step(struct composer *composer)
{
    if (composer->step == composer->what->plan->step_count) {
        composer->phase = PHASE_FINISH;
        return;
    }
    note_start(composer);
    composer->section = 0;
    composer->statement = 0;
    composer->kept_bytes = 0;
    composer->kept_parts = 0;
    composer->passed_bytes = 0;
    current_prepared(composer)->commits_before = composer->commits;
    current_prepared(composer)->alone_before = composer->alones;
    composer->noted = current_prepared(composer)->is_resumed ? current_prepared(composer)->done_noted : 0;
    if (composer->what->is_offline)
        put_sql(composer, OP_COMMENT, step_title(composer->what->graph, current_step(composer), &composer->arena));
    if (current_step(composer)->direction == DIRECTION_STAMP) {
        if (!composer->what->one_transaction)
            put_kind(composer, OP_BEGIN);
        composer->phase = PHASE_STEP_END;
        return;
    }
    const struct prepared *prepared = current_prepared(composer);
    bool begins_journal =
        is_journaled(composer) && keeps_history(composer) && (!prepared->is_resumed || prepared->is_changed);
    if ((!is_journaled(composer) && !composer->what->one_transaction) || begins_journal)
        put_kind(composer, OP_BEGIN);
    composer->phase = begins_journal ? PHASE_KEEP : PHASE_SECTION;
}

static void keep(struct composer *composer)
{
    const struct prepared *prepared = current_prepared(composer);
    struct text whole = prepared->script.map.content;
    struct text rest = {.at = whole.at + composer->kept_bytes, .length = whole.length - composer->kept_bytes};
    if (!keeps_script(composer) || (rest.length == 0 && composer->kept_parts)) {
        composer->phase = is_journaled(composer) ? PHASE_JOURNAL : PHASE_STEP_END;
        return;
    }
    struct text part = text_cut(rest, LEDGER_PART_BYTES);
    if (part.length < rest.length && part.at[part.length - 1] == '\r') // its LF must stay with it
        part.length--;
    put_ours(composer, ledger_keep_script(composer->what->ledger, prepared->oid, composer->kept_parts,
                                          text_without_cr(part, &composer->arena), &composer->arena));
    composer->kept_bytes += part.length;
    composer->kept_parts++;
    file_map_forget(&prepared->script.map, composer->kept_bytes);
}

/* The row says `running` only after no index was seen that the revision will build: one that is found later is then its
 * own. */
static void put_index_guards(struct composer *composer)
{
    const struct prepared *prepared = current_prepared(composer);
    struct arena *arena = &composer->arena;
    for (size_t i = 0; i < prepared->builds_count; i++)
        if (prepared->builds[i].statement >= prepared->guards_from)
            put_sql(composer, OP_EXECUTE, ledger_no_index(&prepared->builds[i].online, arena));
}

static void journal(struct composer *composer)
{
    bool is_resumed = current_prepared(composer)->is_resumed;
    struct ledger_entry running = entry(composer, "running", 0);
    put_index_guards(composer);
    put_ours(composer, is_resumed
                           ? ledger_rebase(composer->what->ledger, &running, &composer->arena)
                           : ledger_add(composer->what->ledger, composer->what->run, &running, &composer->arena));
    put_commit(composer, true);
    composer->phase = PHASE_SECTION;
}

/* In an autocommit section no timeout applies unless the section names one: an index build that gives up leaves an
 * invalid index behind. */
static void put_settings(struct composer *composer, const struct section *section)
{
    int64_t unset = section->autocommit ? 0 : -1;
    int64_t lock = section->lock_timeout_ms == SETTING_UNSET ? unset : section->lock_timeout_ms;
    int64_t statement = section->statement_timeout_ms == SETTING_UNSET ? unset : section->statement_timeout_ms;
    bool has_settings = lock != -1 || statement != -1;
    if (has_settings || composer->has_settings)
        put_ours(composer,
                 (struct op){.kind = OP_SETTINGS, .lock_timeout_ms = lock, .statement_timeout_ms = statement});
    composer->has_settings = has_settings;
    composer->needs_reset = composer->needs_reset || has_settings;
}

static void put_reset(struct composer *composer)
{
    if (!composer->what->is_offline || composer->needs_reset)
        put_kind(composer, OP_RESET);
    composer->needs_reset = false;
    composer->has_settings = false;
}

static void begin_section(struct composer *composer)
{
    const struct prepared *prepared = current_prepared(composer);
    const struct step *step = current_step(composer);
    while (composer->section < prepared->script.section_count &&
           !section_runs(current_section(composer), step->direction, composer->what->dialect))
        composer->section++;
    if (composer->section == prepared->script.section_count) {
        if (!is_journaled(composer))
            put_reset(composer); // what follows is ours, and must not run as another role
        composer->phase = is_journaled(composer) ? PHASE_STEP_END : PHASE_KEEP;
        return;
    }
    const struct section *section = current_section(composer);
    if (is_journaled(composer) && !section->autocommit)
        put_kind(composer, OP_BEGIN);
    put_settings(composer, section);
    lexer_start(&composer->lexer, composer->what->dialect, section->sql, section->sql_line);
    composer->phase = PHASE_STATEMENT;
}

static void put_progress(struct composer *composer)
{
    if (!keeps_history(composer))
        return;
    struct ledger_entry running = entry(composer, "running", composer->statement);
    put_ours(composer, ledger_move(composer->what->ledger, &running, &composer->arena));
    composer->noted = composer->statement;
}

static void end_section(struct composer *composer)
{
    if (is_journaled(composer)) {
        put_reset(composer);
        if (!current_section(composer)->autocommit) {
            if (composer->statement >= current_prepared(composer)->done_before) // a resumed run must not go back
                put_progress(composer);
            put_commit(composer, true);
        }
    }
    composer->section++;
    composer->phase = PHASE_SECTION;
}

/* Printed scripts undo only what was done, to stay readable. */
static bool changes_settings(struct text sql)
{
    return text_starts_nocase(sql, "set ") || text_starts_nocase(sql, "set\n") ||
           memmem(sql.at, sql.length, "set_config", 10);
}

static void put_clear(struct composer *composer, const char *sql)
{
    composer->alones++;
    put_sql(composer, OP_ALONE, sql);
}

static void put_statement(struct composer *composer, const struct statement *statement)
{
    const struct section *section = current_section(composer);
    enum op_kind kind = statement->is_copy_in ? OP_COPY : section->autocommit ? OP_ALONE : OP_STATEMENT;
    composer->needs_reset = composer->needs_reset || changes_settings(statement->sql);
    const struct names *clear = &current_prepared(composer)->clear;
    for (size_t i = 0; composer->statement == current_prepared(composer)->done_before && i < clear->count; i++)
        put_clear(composer, clear->items[i]);
    put(composer, (struct op){
                      .kind = kind,
                      .sql = statement->sql,
                      .data = statement->data,
                      .lock_timeout_ms = -1,
                      .statement_timeout_ms = -1,
                      .origin = {.statement = composer->statement, .offset = section->offset + statement->offset},
                  });
    composer->alones += kind == OP_ALONE;
    composer->statement++;
    if (section->autocommit && keeps_history(composer)) {
        put_kind(composer, OP_BEGIN);
        put_progress(composer);
        put_commit(composer, true);
    }
}

static bool next_statement(struct composer *composer, struct error *err)
{
    const struct prepared *prepared = current_prepared(composer);
    file_map_pass(&prepared->script.map, current_section(composer)->sql.at + composer->lexer.at,
                  &composer->passed_bytes);
    struct statement statement;
    bool found = false;
    if (!lexer_next(&composer->lexer, &statement, &found, err))
        return error_place(err, prepared->script.path, err->line, err->column);
    if (!found)
        end_section(composer);
    else if (composer->statement < prepared->done_before)
        composer->statement++;
    else
        put_statement(composer, &statement);
    return true;
}

static void put_stamp_history(struct composer *composer)
{
    const struct step *step = current_step(composer);
    for (size_t i = 0; i < step->changes.count; i++) {
        const struct row_change *change = &step->changes.items[i];
        struct ledger_entry stamped = {.revision = change->to ? change->to : change->from,
                                       .direction = DIRECTION_STAMP,
                                       .status = "done",
                                       .started_at = composer->started_at};
        put_ours(composer, ledger_add(composer->what->ledger, composer->what->run, &stamped, &composer->arena));
    }
}

static void put_history(struct composer *composer)
{
    if (!keeps_history(composer))
        return;
    if (current_step(composer)->direction == DIRECTION_STAMP) {
        put_stamp_history(composer);
        return;
    }
    struct ledger_entry done = entry(composer, "done", composer->statement);
    put_ours(composer, is_journaled(composer)
                           ? ledger_move(composer->what->ledger, &done, &composer->arena)
                           : ledger_add(composer->what->ledger, composer->what->run, &done, &composer->arena));
}

static void end_step(struct composer *composer)
{
    const struct step *step = current_step(composer);
    if (is_journaled(composer))
        put_kind(composer, OP_BEGIN);
    for (size_t i = 0; i < step->changes.count; i++)
        put_ours(composer, ledger_change(composer->what->ledger, &step->changes.items[i]));
    put_history(composer);
    bool is_last = composer->step + 1 == composer->what->plan->step_count;
    if (!composer->what->one_transaction) {
        put_commit(composer, is_last || is_journaled(composer));
        current_prepared(composer)->commits_after = composer->commits;
    }
    composer->step++;
    composer->phase = PHASE_STEP;
}

static void finish(struct composer *composer)
{
    composer->phase = PHASE_OVER;
    if (!composer->what->one_transaction)
        return;
    if (composer->step)
        composer->step--; // the commit belongs to the last step
    put_commit(composer, true);
    for (size_t i = 0; i < composer->what->plan->step_count; i++)
        composer->what->prepared[i].commits_after = composer->commits;
}

static bool refill(struct composer *composer, struct error *err)
{
    switch (composer->phase) {
    case PHASE_START:
        start(composer);
        return true;
    case PHASE_STEP:
        begin_step(composer);
        return true;
    case PHASE_KEEP:
        keep(composer);
        return true;
    case PHASE_JOURNAL:
        journal(composer);
        return true;
    case PHASE_SECTION:
        begin_section(composer);
        return true;
    case PHASE_STATEMENT:
        return next_statement(composer, err);
    case PHASE_STEP_END:
        end_step(composer);
        return true;
    case PHASE_FINISH:
        finish(composer);
        return true;
    case PHASE_OVER:
        break;
    }
    return true;
}

bool composer_next(void *context, struct op *op, bool *end, struct error *err)
{
    struct composer *composer = context;
    if (composer->taken == composer->pending.count) {
        arena_rewind(&composer->arena, composer->empty);
        memset(&composer->pending, 0, sizeof composer->pending);
        composer->taken = 0;
    }
    while (composer->pending.count == 0 && composer->phase != PHASE_OVER)
        if (!refill(composer, err))
            return false;
    *end = composer->pending.count == 0;
    if (!*end)
        *op = composer->pending.items[composer->taken++];
    return true;
}
