/* print_plan.c: offline mode: the same list of operations, printed. */
#include "apply/apply.h"

#include "apply/prepare.h"

static bool has_autocommit(const struct prepared *prepared, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (prepared[i].is_autocommit)
            return true;
    return false;
}

/* The shells go on after an error unless told not to. */
static bool print_preamble(const struct offline *offline, struct error *err)
{
    const char *line = offline->printer.is_postgresql ? "\\set ON_ERROR_STOP on\n\n" : ".bail on\n\n";
    if (offline->printer.write(offline->printer.context, line, strlen(line)))
        return true;
    return error_set(err, MIGRATE_FILE, "the script could not be written");
}

static bool print_prepared(const struct offline *offline, struct prepared *prepared, struct error *err)
{
    const struct plan *plan = offline->plan;
    bool from_base = plan->from.count == 0;
    struct composition composition = {
        .graph = offline->graph,
        .plan = plan,
        .prepared = prepared,
        .ledger = offline->ledger,
        .dialect = offline->dialect,
        .one_transaction = !has_autocommit(prepared, plan->step_count),
        .is_offline = true,
    };
    struct ledger_state nothing = {0};
    if (from_base)
        composition.create = ledger_create(offline->ledger, &nothing, offline->arena);
    composition.guard = ledger_guard(offline->ledger, plan->from, offline->arena);

    struct composer composer;
    composer_start(&composer, &composition);
    struct batch batch = {.next = composer_next, .context = &composer};
    bool ok = print_play(&offline->printer, &batch, err);
    composer_free(&composer);
    return ok;
}

bool apply_print(const struct offline *offline, struct error *err)
{
    const struct preparation preparation = {
        .graph = offline->graph, .plan = offline->plan, .dialect = offline->dialect, .width = SIZE_MAX};
    struct prepared *prepared = NULL;
    bool ok = prepare_plan(&preparation, offline->arena, &prepared, err) && print_preamble(offline, err) &&
              print_prepared(offline, prepared, err);
    prepare_close(prepared, offline->plan->step_count);
    return ok;
}
