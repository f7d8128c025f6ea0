/* losses.c: reading the few statements that take something away. Their grammar is words, then names. */
#include "script/losses.h"

#include "script/reader.h"

/* A reader, and where what it finds goes. */
struct search {
    struct reader reader;
    struct loss_list *losses;
};

static bool is_at(const struct search *search, const char *word)
{
    return reader_is_at(&search->reader, word);
}

static bool take(struct search *search, const char *word)
{
    return reader_take(&search->reader, word);
}

static const char *take_name(struct search *search)
{
    return reader_name(&search->reader);
}

static void take_if_exists(struct search *search)
{
    if (take(search, "if"))
        take(search, "exists");
}

static void lose(struct search *search, enum migrate_loss_kind kind, const char *table, const char *column)
{
    if (*table && (!column || *column))
        ARENA_PUSH(search->reader.arena, search->losses, (struct loss){kind, table, column});
}

/* a, ONLY b, c * */
static void read_tables(struct search *search, enum migrate_loss_kind kind)
{
    do {
        take(search, "only");
        lose(search, kind, take_name(search), NULL);
        take(search, "*");
    } while (take(search, ","));
}

/* To the comma that ends this action, or the end. */
static void skip_action(struct search *search)
{
    for (unsigned depth = 0; search->reader.token.length && (depth || !is_at(search, ","));
         reader_advance(&search->reader)) {
        depth += is_at(search, "(");
        depth -= depth && is_at(search, ")");
    }
}

/* Names that differ in the case of unquoted letters alone are the same. */
static void note_renamed(struct search *search, const char *name)
{
    for (size_t i = 0; i < search->losses->count; i++) {
        struct loss *loss = &search->losses->items[i];
        const char *dot = strrchr(loss->table, '.');
        if (loss->kind == MIGRATE_LOSS_TABLE && text_is_nocase(text_of(dot ? dot + 1 : loss->table), name))
            loss->kind = MIGRATE_LOSS_REBUILT;
    }
}

static void read_action(struct search *search, const char *table)
{
    if (take(search, "rename")) {
        if (take(search, "to"))
            note_renamed(search, take_name(search));
    } else if (take(search, "drop")) {
        bool is_column = take(search, "column");
        if (!is_column && (is_at(search, "constraint") || !search->reader.token.length))
            return;
        take_if_exists(search);
        lose(search, MIGRATE_LOSS_COLUMN, table, take_name(search));
    }
}

static void read_alter(struct search *search)
{
    if (!take(search, "table"))
        return;
    take_if_exists(search);
    take(search, "only");
    const char *table = take_name(search);
    take(search, "*");
    do {
        read_action(search, table);
        skip_action(search);
    } while (take(search, ","));
}

static void read_delete(struct search *search)
{
    if (!take(search, "from"))
        return;
    take(search, "only");
    const char *table = take_name(search);
    bool is_all = true;
    for (; search->reader.token.length; reader_advance(&search->reader))
        is_all = is_all && !is_at(search, "where") && !is_at(search, "using") && !is_at(search, "limit");
    lose(search, is_all ? MIGRATE_LOSS_ROWS : MIGRATE_LOSS_SOME_ROWS, table, NULL);
}

void losses_read(enum dialect dialect, struct text sql, struct arena *arena, struct loss_list *losses)
{
    struct search search = {.reader = reader_start(dialect, sql, arena), .losses = losses};
    if (take(&search, "drop")) {
        if (take(&search, "table")) {
            take_if_exists(&search);
            read_tables(&search, MIGRATE_LOSS_TABLE);
        }
    } else if (take(&search, "alter")) {
        read_alter(&search);
    } else if (take(&search, "truncate")) {
        take(&search, "table");
        read_tables(&search, MIGRATE_LOSS_ROWS);
    } else if (take(&search, "delete")) {
        read_delete(&search);
    }
}
