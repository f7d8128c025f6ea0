/* toll.c: what a plan's downgrades will lose, and how much that is.
 *
 * The plan is shown with it before anybody is asked. On PostgreSQL the catalogue's estimate costs one round trip;
 * SQLite counts, up to a number that is quickly reached. What cannot be counted is still named. */
#include "apply/attempt.h"
#include "script/losses.h"

#include <embedded.h>

enum { COUNTED_ROWS = 1000000 };

static bool read_step(const struct attempt *attempt, size_t step, struct loss_list *losses, struct error *err)
{
    struct script_walk walk = script_walk(&attempt->prepared[step].script, DIRECTION_DOWNGRADE, attempt->dialect);
    struct statement statement;
    struct loss_list own = {0};
    bool found = true;
    while (found) {
        if (!script_walk_next(&walk, &statement, &found, err))
            return false;
        if (found)
            losses_read(attempt->dialect, statement.sql, attempt->change->arena, &own);
    }
    for (size_t i = 0; i < own.count; i++)
        ARENA_PUSH(attempt->change->arena, losses, own.items[i]);
    return true;
}

static bool is_same(const struct loss *a, const struct loss *b)
{
    return a->kind == b->kind && strcmp(a->table, b->table) == 0 && (!a->column || strcmp(a->column, b->column) == 0);
}

static bool is_listed(const struct loss_list *losses, size_t before, const struct loss *loss)
{
    for (size_t i = 0; i < before; i++)
        if (is_same(&losses->items[i], loss))
            return true;
    return false;
}

/* --- how much ----------------------------------------------------------------------------------- */

/* Names as a statement wrote them, put into SQL as they are: the same script is about to run with them. */
static bool ask_sqlite(const struct attempt *attempt, struct migrate_loss *loss, struct error *err)
{
    struct arena *arena = attempt->change->arena;
    struct rows rows = {0};
    const struct question question = {
        .sql = arena_printf(arena, "SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %d)", loss->table, COUNTED_ROWS + 1),
        .may_be_missing = true,
    };
    if (!database_ask(attempt->change->database, &question, 1, arena, &rows, err))
        return false;
    if (rows.count == 0 || !rows_cell(&rows, 0, 0) || !text_integer(text_of(rows_cell(&rows, 0, 0)), &loss->rows))
        return true;
    loss->precision = loss->rows > COUNTED_ROWS ? MIGRATE_MORE_THAN : MIGRATE_EXACTLY;
    if (loss->rows > COUNTED_ROWS)
        loss->rows = COUNTED_ROWS;
    return true;
}

static bool ask_postgresql(const struct attempt *attempt, struct migrate_loss *losses, size_t count, struct error *err)
{
    struct arena *arena = attempt->change->arena;
    struct name_list tables = {0};
    struct rows rows = {0};
    for (size_t i = 0; i < count; i++)
        ARENA_PUSH(arena, &tables, losses[i].table);
    const char *joined = names_join(names_of(&tables), "\1", arena);
    const struct question question = {.sql = embedded_migrate_database_sql_row_estimates_sql,
                                      .values = {{.text = joined, .length = strlen(joined)}},
                                      .value_count = 1};
    if (!database_ask(attempt->change->database, &question, 1, arena, &rows, err))
        return false;
    for (size_t i = 0; i < count && i < rows.count; i++)
        if (rows_cell(&rows, i, 0) && text_integer(text_of(rows_cell(&rows, i, 0)), &losses[i].rows) &&
            losses[i].rows >= 0)
            losses[i].precision = MIGRATE_ABOUT;
    return true;
}

/* On PostgreSQL a statement may write a name in ways that the catalogue's lookup does not take (U&"..."): no reason not
 * to downgrade, it is then shown without a number. */
static bool count_rows(const struct attempt *attempt, struct migrate_loss *losses, size_t count, struct error *err)
{
    struct error refused = {0};
    if (attempt->dialect == DIALECT_POSTGRESQL) {
        if (count == 0 || ask_postgresql(attempt, losses, count, &refused) || refused.code == MIGRATE_REFUSED)
            return true;
        *err = refused;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!ask_sqlite(attempt, &losses[i], err))
            return false;
    return true;
}

bool find_losses(struct attempt *attempt, struct error *err)
{
    struct arena *arena = attempt->change->arena;
    struct loss_list losses = {0};
    attempt->losses = NULL;
    attempt->loss_count = 0;
    for (size_t i = 0; i < attempt->step_count; i++)
        if (attempt->plan.steps[i].direction == DIRECTION_DOWNGRADE && !read_step(attempt, i, &losses, err))
            return false;
    struct migrate_loss *shown = ARENA_ARRAY(arena, losses.count, struct migrate_loss);
    size_t count = 0;
    for (size_t i = 0; i < losses.count; i++)
        if (!is_listed(&losses, i, &losses.items[i]))
            shown[count++] = (struct migrate_loss){.kind = losses.items[i].kind,
                                                   .table = losses.items[i].table,
                                                   .column = losses.items[i].column,
                                                   .rows = -1};
    attempt->losses = shown;
    attempt->loss_count = count;
    return count_rows(attempt, shown, count, err);
}
