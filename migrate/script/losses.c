/* losses.c: reading the few statements that take something away. Their grammar is words, then names. */
#include "script/losses.h"

struct reader {
    enum dialect dialect;
    struct text rest;
    struct text token;
    struct arena *arena;
    struct loss_list *losses;
};

static void advance(struct reader *reader)
{
    reader->token = token_next(reader->dialect, &reader->rest);
}

static bool is_at(const struct reader *reader, const char *word)
{
    return text_is_nocase(reader->token, word);
}

static bool take(struct reader *reader, const char *word)
{
    if (!is_at(reader, word))
        return false;
    advance(reader);
    return true;
}

static void take_if_exists(struct reader *reader)
{
    if (take(reader, "if"))
        take(reader, "exists");
}

/* The token, and what PostgreSQL takes with it: U&"name" is three of the lexer's. */
static void take_part(struct reader *reader, struct buffer *name)
{
    bool is_unicode = is_at(reader, "u") && text_starts(reader->rest, "&\"");
    for (unsigned tokens = is_unicode ? 3 : 1; tokens; tokens--) {
        buffer_text(name, reader->token);
        advance(reader);
    }
}

/* `name` or `schema.name`, as written. */
static const char *take_name(struct reader *reader)
{
    struct buffer name = {.arena = reader->arena};
    take_part(reader, &name);
    while (is_at(reader, ".")) {
        take_part(reader, &name);
        take_part(reader, &name);
    }
    return buffer_done(&name);
}

static void lose(struct reader *reader, enum migrate_loss_kind kind, const char *table, const char *column)
{
    if (*table && (!column || *column))
        ARENA_PUSH(reader->arena, reader->losses, (struct loss){kind, table, column});
}

/* a, ONLY b, c * */
static void read_tables(struct reader *reader, enum migrate_loss_kind kind)
{
    do {
        take(reader, "only");
        lose(reader, kind, take_name(reader), NULL);
        take(reader, "*");
    } while (take(reader, ","));
}

/* To the comma that ends this action, or the end. */
static void skip_action(struct reader *reader)
{
    for (unsigned depth = 0; reader->token.length && (depth || !is_at(reader, ",")); advance(reader)) {
        depth += is_at(reader, "(");
        depth -= depth && is_at(reader, ")");
    }
}

/* Names that differ in the case of unquoted letters alone are the same. */
static void note_renamed(struct reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->losses->count; i++) {
        struct loss *loss = &reader->losses->items[i];
        const char *dot = strrchr(loss->table, '.');
        if (loss->kind == MIGRATE_LOSS_TABLE && text_is_nocase(text_of(dot ? dot + 1 : loss->table), name))
            loss->kind = MIGRATE_LOSS_REBUILT;
    }
}

static void read_action(struct reader *reader, const char *table)
{
    if (take(reader, "rename")) {
        if (take(reader, "to"))
            note_renamed(reader, take_name(reader));
    } else if (take(reader, "drop")) {
        bool is_column = take(reader, "column");
        if (!is_column && (is_at(reader, "constraint") || !reader->token.length))
            return;
        take_if_exists(reader);
        lose(reader, MIGRATE_LOSS_COLUMN, table, take_name(reader));
    }
}

static void read_alter(struct reader *reader)
{
    if (!take(reader, "table"))
        return;
    take_if_exists(reader);
    take(reader, "only");
    const char *table = take_name(reader);
    take(reader, "*");
    do {
        read_action(reader, table);
        skip_action(reader);
    } while (take(reader, ","));
}

static void read_delete(struct reader *reader)
{
    if (!take(reader, "from"))
        return;
    take(reader, "only");
    const char *table = take_name(reader);
    bool is_all = true;
    for (; reader->token.length; advance(reader))
        is_all = is_all && !is_at(reader, "where") && !is_at(reader, "using") && !is_at(reader, "limit");
    lose(reader, is_all ? MIGRATE_LOSS_ROWS : MIGRATE_LOSS_SOME_ROWS, table, NULL);
}

void losses_read(enum dialect dialect, struct text sql, struct arena *arena, struct loss_list *losses)
{
    struct reader reader = {.dialect = dialect, .rest = sql, .arena = arena, .losses = losses};
    advance(&reader);
    if (take(&reader, "drop")) {
        if (take(&reader, "table")) {
            take_if_exists(&reader);
            read_tables(&reader, MIGRATE_LOSS_TABLE);
        }
    } else if (take(&reader, "alter")) {
        read_alter(&reader);
    } else if (take(&reader, "truncate")) {
        take(&reader, "table");
        read_tables(&reader, MIGRATE_LOSS_ROWS);
    } else if (take(&reader, "delete")) {
        read_delete(&reader);
    }
}
