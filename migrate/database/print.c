/* print.c: the third player: a batch as a script that psql or sqlite3 runs. Offline mode is no special case: it is the
 * same batch. */
#include "database/database.h"

#include <stdio.h>

struct page {
    const struct printer *printer;
    struct arena arena; /* emptied after each operation */
};

static void put(struct buffer *text, const char *line)
{
    buffer_string(text, line);
    buffer_character(text, '\n');
}

/* A comment at the end would swallow the semicolon. */
static void put_statement(struct buffer *text, struct text sql)
{
    const char *line = memrchr(sql.at, '\n', sql.length);
    size_t before = line ? (size_t)(line + 1 - sql.at) : 0;
    bool has_comment = memmem(sql.at + before, sql.length - before, "--", 2) != NULL;
    buffer_text(text, sql);
    buffer_string(text, has_comment ? "\n;\n\n" : ";\n\n");
}

/* The length of what is quoted from here: 'text', "name"; 0 if nothing is. */
static size_t quoted_length(struct text sql)
{
    char quote = *sql.at;
    const char *end = quote == '\'' || quote == '"' ? memchr(sql.at + 1, quote, sql.length - 1) : NULL;
    return end ? (size_t)(end + 1 - sql.at) : 0;
}

/* "$12" at the front: 12 and its length; 0 if there is none. */
static size_t parameter_number(struct text sql, size_t *length)
{
    size_t number = 0;
    for (*length = 1; *length < sql.length && sql.at[*length] >= '0' && sql.at[*length] <= '9' && number < 100;
         ++*length)
        number = number * 10 + (size_t)(sql.at[*length] - '0');
    return *sql.at == '$' ? number : 0;
}

/* Our own statement with its values in place; they stand nowhere but outside quotes. */
static struct text filled_in(const struct op *op, bool is_postgresql, struct arena *arena)
{
    struct buffer sql = {.arena = arena};
    for (size_t at = 0; at < op->sql.length;) {
        struct text rest = {.at = op->sql.at + at, .length = op->sql.length - at};
        size_t length = quoted_length(rest);
        size_t number = length ? 0 : parameter_number(rest, &length);
        if (number >= 1 && number <= op->value_count) {
            const struct value *value = &op->values[number - 1];
            struct text text = {.at = value->text, .length = value->length};
            buffer_string(&sql, value->text ? literal_quote(text, is_postgresql, arena) : "NULL");
        } else {
            length = quoted_length(rest) ? length : 1;
            buffer_add(&sql, rest.at, length);
        }
        at += length;
    }
    return (struct text){.at = buffer_done(&sql), .length = sql.length};
}

/* A dollar quote whose tag the text does not hold. */
static const char *dollar_tag(struct text sql, struct arena *arena)
{
    const char *tag = "$migrate$";
    for (unsigned i = 1; memmem(sql.at, sql.length, tag, strlen(tag)); i++)
        tag = arena_printf(arena, "$migrate%u$", i);
    return tag;
}

/* psql's \gset and \if would be shorter, but the script is to run anywhere. SQLite can raise an error in triggers
 * only, so there it is the bare statement. */
static void put_expect_one(struct buffer *text, struct text sql, bool is_postgresql)
{
    if (!is_postgresql) {
        put_statement(text, sql);
        return;
    }
    const char *tag = dollar_tag(sql, text->arena);
    buffer_printf(text, "DO %s\nDECLARE moved bigint;\nBEGIN\n", tag);
    buffer_text(text, sql);
    put(text, ";");
    put(text, "GET DIAGNOSTICS moved = ROW_COUNT;");
    put(text, "IF moved <> 1 THEN");
    put(text, "RAISE EXCEPTION 'the database is not where this script starts: % version rows moved', moved;");
    put(text, "END IF;");
    buffer_printf(text, "END\n%s;\n\n", tag);
}

static void put_settings(struct buffer *text, const struct op *op, bool in_transaction)
{
    const char *scope = in_transaction ? "LOCAL " : "";
    if (op->lock_timeout_ms >= 0)
        buffer_printf(text, "SET %slock_timeout = %lld;\n\n", scope, (long long)op->lock_timeout_ms);
    if (op->statement_timeout_ms >= 0)
        buffer_printf(text, "SET %sstatement_timeout = %lld;\n\n", scope, (long long)op->statement_timeout_ms);
}

static void put_copy(struct buffer *text, const struct op *op)
{
    buffer_text(text, op->sql);
    buffer_string(text, ";\n");
    buffer_text(text, op->data);
    if (op->data.length && op->data.at[op->data.length - 1] != '\n')
        buffer_character(text, '\n');
    buffer_string(text, "\\.\n\n");
}

static void put_op(struct buffer *text, const struct op *op, bool is_postgresql, bool in_transaction)
{
    switch (op->kind) {
    case OP_BEGIN:
        buffer_string(text, "BEGIN;\n\n");
        break;
    case OP_COMMIT:
        buffer_string(text, "COMMIT;\n\n");
        break;
    case OP_STATEMENT:
    case OP_ALONE:
        put_statement(text, op->sql);
        break;
    case OP_COPY:
        put_copy(text, op);
        break;
    case OP_EXECUTE:
        put_statement(text, filled_in(op, is_postgresql, text->arena));
        break;
    case OP_EXPECT_ONE:
        put_expect_one(text, filled_in(op, is_postgresql, text->arena), is_postgresql);
        break;
    case OP_RESET:
        if (is_postgresql)
            buffer_string(text, "RESET ALL;\n\nRESET ROLE;\n\n");
        break;
    case OP_SETTINGS:
        if (is_postgresql)
            put_settings(text, op, in_transaction);
        break;
    case OP_COMMENT:
        buffer_string(text, "-- ");
        buffer_text(text, op->sql);
        buffer_string(text, "\n\n");
        break;
    }
}

static bool print_op(struct page *page, const struct op *op, bool in_transaction, struct error *err)
{
    struct buffer text = {.arena = &page->arena};
    put_op(&text, op, page->printer->is_postgresql, in_transaction);
    if (text.length && !page->printer->write(page->printer->context, text.at, text.length))
        return error_set(err, MIGRATE_FILE, "the script could not be written");
    return true;
}

static bool print_all(struct page *page, const struct batch *batch, struct error *err)
{
    for (bool end = false, in_transaction = false;;) {
        struct op op = {0};
        if (!batch->next(batch->context, &op, &end, err))
            return false;
        if (end)
            return true;
        struct arena_mark mark = arena_mark(&page->arena);
        bool ok = print_op(page, &op, in_transaction, err);
        arena_rewind(&page->arena, mark);
        if (!ok)
            return false;
        in_transaction = op.kind == OP_BEGIN || (in_transaction && op.kind != OP_COMMIT);
    }
}

bool print_play(const struct printer *printer, const struct batch *batch, struct error *err)
{
    struct page page = {.printer = printer};
    bool ok = print_all(&page, batch, err);
    arena_free(&page.arena);
    return ok;
}
