/* remedy.c: repair: what is unfinished, and ending it by decision. */
#include "command/session.h"

#include "apply/remedy.h"

static bool repair(struct migrate *migrate, const struct migrate_repair_options *options,
                   struct migrate_repaired *repaired, struct error *err)
{
    struct graph graph;
    struct ledger ledger;
    struct ledger_run run;
    if (options->remedy != MIGRATE_REMEDY_NONE && (!options->revision || !*options->revision))
        return error_set(err, MIGRATE_USAGE, "repair needs to know which revision is meant");
    if (!session_connect(migrate, err) || !session_graph(migrate, &graph, err))
        return false;
    repaired->dialect = migrate->about.dialect;
    repaired->url = migrate->about.url;
    session_ledger(migrate, &ledger);
    session_run(migrate, &run);
    const struct repair wanted = {
        .change = {.database = migrate->database,
                   .ledger = &ledger,
                   .graph = &graph,
                   .lock_wait_ms = session_lock_wait(options->lock_wait_ms),
                   .run = &run,
                   .folder = migrate->config.script_location,
                   .interrupt = &migrate->interrupt,
                   .observe = migrate->options.observe,
                   .context = migrate->options.context,
                   .arena = &migrate->run},
        .remedy = options->remedy,
        .revision = options->revision,
        .confirm = options->confirm,
        .repaired = repaired,
    };
    return apply_repair(&wanted, err);
}

enum migrate_code migrate_repair(struct migrate *migrate, const struct migrate_repair_options *options,
                                 const struct migrate_repaired **repaired)
{
    session_begin(migrate);
    struct migrate_repaired *found = ARENA_NEW(&migrate->run, struct migrate_repaired);
    bool ok = repair(migrate, options, found, &migrate->error);
    *repaired = found->dialect ? found : NULL;
    return session_end(migrate, ok);
}
