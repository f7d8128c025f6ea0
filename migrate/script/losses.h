/* losses.h: what a statement takes away for good: tables, columns, rows.
 *
 * Read from the words alone. What a function does, or a CASCADE takes with it, is not seen here. */
#ifndef MIGRATE_SCRIPT_LOSSES_H
#define MIGRATE_SCRIPT_LOSSES_H

#include "script/lexer.h"

struct loss {
    enum migrate_loss_kind kind;
    const char *table;  /* as written, schema and quotes and all */
    const char *column; /* likewise; of MIGRATE_LOSS_COLUMN, else NULL */
};

struct loss_list {
    struct loss *items;
    size_t count;
    size_t capacity;
};

/* Adds what DROP TABLE, ALTER TABLE ... DROP COLUMN, TRUNCATE and DELETE FROM name; nothing for other statements. An
 * ALTER TABLE ... RENAME TO turns the loss of a table of that name into MIGRATE_LOSS_REBUILT: another takes its
 * place. */
void losses_read(enum dialect dialect, struct text sql, struct arena *arena, struct loss_list *losses);

#endif
