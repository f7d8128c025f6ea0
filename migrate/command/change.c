/* change.c: upgrade, downgrade, stamp and ensure-version: the verbs that change a database, live or as a printed
 * script. */
#include "command/backup.h"

enum { LOCK_RETRIES = 10 };

static bool wants_one_transaction(const char *transaction, bool *one, struct error *err)
{
    *one = transaction && strcmp(transaction, "run") == 0;
    if (!transaction || *one || strcmp(transaction, "revision") == 0)
        return true;
    return error_set(err, MIGRATE_USAGE, "--transaction is `revision` or `run`, not `%s`", transaction);
}

/* --- a printed script --------------------------------------------------------------------------- */

static struct names ids_of(const struct graph *graph, const struct indexes *indexes, struct arena *arena)
{
    struct name_list ids = {0};
    for (size_t i = 0; i < indexes->count; i++)
        ARENA_PUSH(arena, &ids, graph->revisions[indexes->items[i]].id);
    return names_of(&ids);
}

/* Where the script begins, as version rows. */
static bool range_start(struct migrate *migrate, const struct graph *graph, const struct range *range,
                        struct names *rows, struct error *err)
{
    struct indexes from = {0}, to = {0};
    if (!range_ends(graph, NULL, range, false, &migrate->run, &from, &to, err))
        return false;
    *rows = ids_of(graph, &from, &migrate->run);
    return true;
}

static bool parse_sql_range(struct migrate *migrate, const char *wanted, enum direction direction, struct range *range,
                            struct error *err)
{
    if (strchr(wanted, ':')) {
        if (!range_parse(wanted, &migrate->run, range, err))
            return false;
    } else {
        *range = (struct range){.has_to = true};
        if (direction == DIRECTION_DOWNGRADE) {
            error_set(err, MIGRATE_USAGE, "downgrade --sql needs a range: FROM:TO");
            return error_hint(err,
                              "Without a database nothing says where it is. For one step down from REV: `REV:REV-1`.");
        }
        if (!target_parse(wanted, &migrate->run, &range->to, err))
            return false;
    }
    if (range->has_to)
        return true;
    if (direction == DIRECTION_DOWNGRADE)
        return error_set(err, MIGRATE_USAGE, "downgrade --sql needs both ends of the range: FROM:TO");
    range->has_to = true;
    return target_parse("head", &migrate->run, &range->to, err);
}

static bool print_plan(struct migrate *migrate, const struct graph *graph, const struct plan *plan, struct error *err)
{
    struct ledger ledger;
    session_ledger(migrate, &ledger);
    struct ledger_names names = ledger.names;
    names.history_table = NULL; // only a run knows what to write there
    ledger_init(&ledger, &names, session_is_sqlite(migrate), &migrate->run);
    struct offline offline = {
        .printer = {.is_postgresql = !session_is_sqlite(migrate),
                    .write = migrate->options.write,
                    .context = migrate->options.context},
        .ledger = &ledger,
        .graph = graph,
        .plan = plan,
        .dialect = session_is_sqlite(migrate) ? DIALECT_SQLITE : DIALECT_POSTGRESQL,
        .arena = &migrate->run,
    };
    if (!offline.printer.write)
        return error_set(err, MIGRATE_USAGE, "a script was asked for, and there is nowhere to write it");
    return apply_print(&offline, err);
}

static bool print_change(struct migrate *migrate, enum direction direction, const char *wanted, struct error *err)
{
    struct graph graph;
    struct range range;
    struct names rows;
    struct plan plan;
    if (!session_address(migrate, err) || !session_graph(migrate, &graph, err) ||
        !parse_sql_range(migrate, wanted, direction, &range, err) || !range_start(migrate, &graph, &range, &rows, err))
        return false;
    bool ok = direction == DIRECTION_UPGRADE ? plan_upgrade(&graph, rows, &range.to, &migrate->run, &plan, err)
                                             : plan_downgrade(&graph, rows, &range.to, &migrate->run, &plan, err);
    return ok && print_plan(migrate, &graph, &plan, err);
}

/* --- a live database ---------------------------------------------------------------------------- */

static bool run_change(struct migrate *migrate, const struct change *wanted, struct migrate_outcome *outcome,
                       struct error *err)
{
    struct ledger ledger;
    struct ledger_run run;
    struct change change = *wanted;
    outcome->dialect = migrate->about.dialect;
    outcome->url = migrate->about.url;
    session_ledger(migrate, &ledger);
    session_run(migrate, &run);
    change.database = migrate->database;
    change.ledger = &ledger;
    change.run = &run;
    change.folder = migrate->config.script_location;
    change.interrupt = &migrate->interrupt;
    change.observe = migrate->options.observe;
    change.context = migrate->options.context;
    change.arena = &migrate->run;
    change.outcome = outcome;
    if (change.graph->count == 0)
        session_observe(migrate, MIGRATE_EVENT_WARNING, "the migrations folder %s has no revisions",
                        migrate->config.script_location);
    return apply_change(&change, err);
}

static bool parse_change_target(struct migrate *migrate, const struct migrate_change_options *options,
                                enum direction direction, struct target *target, struct error *err)
{
    const char *wanted = options->target;
    if (!wanted && (options->tag || direction == DIRECTION_UPGRADE))
        wanted = "head";
    if (!wanted) {
        error_set(err, MIGRATE_USAGE, "downgrade needs a target");
        return error_hint(err, "`-1` is one revision down, `base` is all the way.");
    }
    if (options->tag)
        return session_tagged_target(migrate, options->tag, wanted, target, err);
    return target_parse(wanted, &migrate->run, target, err);
}

/* Which of the three verbs that move a database along its revisions. */
enum way { WAY_UP, WAY_DOWN, WAY_EITHER };

static enum direction direction_of(enum way way)
{
    return way == WAY_DOWN ? DIRECTION_DOWNGRADE : DIRECTION_UPGRADE;
}

static bool move(struct migrate *migrate, const struct migrate_change_options *options, enum way way,
                 struct migrate_outcome *outcome, struct error *err)
{
    struct graph graph;
    struct target target;
    struct backup backup;
    struct change change = {
        .graph = &graph,
        .direction = direction_of(way),
        .either_way = way == WAY_EITHER,
        .targets = &target,
        .target_count = 1,
        .dry_run = options->dry_run,
        .no_stored_scripts = options->no_stored_scripts,
        .lock_wait_ms = session_lock_wait(options->lock_wait_ms),
        .lock_retries = options->lock_retries == MIGRATE_DEFAULT ? LOCK_RETRIES : options->lock_retries,
        .confirm = options->confirm,
    };
    return wants_one_transaction(options->transaction, &change.one_transaction, err) &&
           parse_change_target(migrate, options, direction_of(way), &target, err) && session_connect(migrate, err) &&
           backup_plan(migrate, options, outcome, &backup, &change, err) && session_graph(migrate, &graph, err) &&
           run_change(migrate, &change, outcome, err);
}

static bool move_or_print(struct migrate *migrate, const struct migrate_change_options *options, enum way way,
                          struct migrate_outcome *outcome, struct error *err)
{
    if (!options->sql)
        return move(migrate, options, way, outcome, err);
    if (options->tag || options->dry_run || options->backup)
        return error_set(err, MIGRATE_USAGE, "--sql does not go with --tag, --dry-run or --backup");
    if (way == WAY_EITHER) {
        error_set(err, MIGRATE_USAGE,
                  "goto asks the database which way to go, so it cannot print a script without one");
        return error_hint(err, "Use `upgrade --sql FROM:TO` or `downgrade --sql FROM:TO`.");
    }
    if (!options->target && way == WAY_DOWN)
        return error_set(err, MIGRATE_USAGE, "downgrade --sql needs a range: FROM:TO");
    return print_change(migrate, direction_of(way), options->target ? options->target : "head", err);
}

static enum migrate_code run_verb(struct migrate *migrate, const struct migrate_change_options *options, enum way way,
                                  const struct migrate_outcome **outcome)
{
    session_begin(migrate);
    struct migrate_outcome *result = ARENA_NEW(&migrate->run, struct migrate_outcome);
    bool ok = move_or_print(migrate, options, way, result, &migrate->error);
    *outcome = result->dialect ? result : NULL;
    return session_end(migrate, ok);
}

enum migrate_code migrate_upgrade(struct migrate *migrate, const struct migrate_change_options *options,
                                  const struct migrate_outcome **outcome)
{
    return run_verb(migrate, options, WAY_UP, outcome);
}

enum migrate_code migrate_downgrade(struct migrate *migrate, const struct migrate_change_options *options,
                                    const struct migrate_outcome **outcome)
{
    return run_verb(migrate, options, WAY_DOWN, outcome);
}

enum migrate_code migrate_goto(struct migrate *migrate, const struct migrate_change_options *options,
                               const struct migrate_outcome **outcome)
{
    return run_verb(migrate, options, WAY_EITHER, outcome);
}

/* --- stamp -------------------------------------------------------------------------------------- */

static bool parse_stamp_targets(struct migrate *migrate, const struct migrate_stamp_options *options,
                                struct target *targets, struct error *err)
{
    for (size_t i = 0; i < options->target_count; i++) {
        const char *wanted = options->targets[i];
        if (!(options->tag ? session_tagged_target(migrate, options->tag, wanted, &targets[i], err)
                           : target_parse(wanted, &migrate->run, &targets[i], err)))
            return false;
    }
    return true;
}

/* FROM:TO says where the printed script may be run, which is one place however many revisions it stamps. */
static bool parse_stamp_ranges(struct migrate *migrate, const struct migrate_stamp_options *options,
                               const struct graph *graph, struct target *targets, struct names *rows, struct error *err)
{
    for (size_t i = 0; i < options->target_count; i++) {
        struct range range;
        struct names start;
        if (!parse_sql_range(migrate, options->targets[i], DIRECTION_STAMP, &range, err) ||
            !range_start(migrate, graph, &range, &start, err))
            return false;
        if (i > 0 && !names_equal(start, *rows))
            return error_set(err, MIGRATE_USAGE,
                             "%s and %s do not begin at the same place, so no one script serves both",
                             options->targets[0], options->targets[i]);
        *rows = start;
        targets[i] = range.to;
    }
    return true;
}

static bool print_stamp(struct migrate *migrate, const struct migrate_stamp_options *options, struct target *targets,
                        struct error *err)
{
    struct graph graph;
    struct names rows = {0};
    struct plan plan;
    return session_address(migrate, err) && session_graph(migrate, &graph, err) &&
           parse_stamp_ranges(migrate, options, &graph, targets, &rows, err) &&
           plan_stamp(&graph, rows, targets, options->target_count, options->purge, &migrate->run, &plan, err) &&
           print_plan(migrate, &graph, &plan, err);
}

static bool stamp(struct migrate *migrate, const struct migrate_stamp_options *options, struct migrate_outcome *outcome,
                  struct error *err)
{
    struct graph graph;
    struct target *targets = ARENA_ARRAY(&migrate->run, options->target_count, struct target);
    struct change change = {
        .graph = &graph,
        .direction = DIRECTION_STAMP,
        .targets = targets,
        .target_count = options->target_count,
        .purge = options->purge,
        .lock_wait_ms = session_lock_wait(options->lock_wait_ms),
    };
    if (options->target_count == 0)
        return error_set(err, MIGRATE_USAGE, "stamp needs at least one revision");
    if (options->sql)
        return print_stamp(migrate, options, targets, err);
    return parse_stamp_targets(migrate, options, targets, err) && session_connect(migrate, err) &&
           session_graph(migrate, &graph, err) && run_change(migrate, &change, outcome, err);
}

enum migrate_code migrate_stamp(struct migrate *migrate, const struct migrate_stamp_options *options,
                                const struct migrate_outcome **outcome)
{
    session_begin(migrate);
    struct migrate_outcome *result = ARENA_NEW(&migrate->run, struct migrate_outcome);
    bool ok = stamp(migrate, options, result, &migrate->error);
    *outcome = result->dialect ? result : NULL;
    return session_end(migrate, ok);
}

/* --- ensure-version ----------------------------------------------------------------------------- */

static bool ensure_version(struct migrate *migrate, bool sql, struct error *err)
{
    struct graph none = {0};
    struct plan nothing = {0};
    struct ledger ledger;
    struct ledger_run run;
    if (sql)
        return session_address(migrate, err) && print_plan(migrate, &none, &nothing, err);
    if (!session_connect(migrate, err))
        return false;
    session_ledger(migrate, &ledger);
    session_run(migrate, &run);
    struct change change = {
        .database = migrate->database,
        .ledger = &ledger,
        .graph = &none,
        .lock_wait_ms = session_lock_wait(MIGRATE_DEFAULT),
        .run = &run,
        .observe = migrate->options.observe,
        .context = migrate->options.context,
        .arena = &migrate->run,
    };
    return apply_ensure(&change, err);
}

enum migrate_code migrate_ensure_version(struct migrate *migrate, bool sql)
{
    session_begin(migrate);
    return session_end(migrate, ensure_version(migrate, sql, &migrate->error));
}
