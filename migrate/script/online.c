/* online.c: reading the few statements that run concurrently. Their grammar is small: words, then a name. */
#include "script/online.h"

struct reader {
    struct text rest;
    struct text token;
    struct arena *arena;
};

static void advance(struct reader *reader)
{
    reader->token = token_next(DIALECT_POSTGRESQL, &reader->rest);
}

static bool take(struct reader *reader, const char *word)
{
    if (!text_is_nocase(reader->token, word))
        return false;
    advance(reader);
    return true;
}

/* `name` or `schema.name`, as written. */
static const char *take_name(struct reader *reader)
{
    struct buffer name = {.arena = reader->arena};
    buffer_text(&name, reader->token);
    advance(reader);
    while (text_is(reader->token, ".")) {
        buffer_text(&name, reader->token);
        advance(reader);
        buffer_text(&name, reader->token);
        advance(reader);
    }
    return buffer_done(&name);
}

/* An identifier's value: without its quotes, else in lower case (the server folds ASCII letters alone in UTF-8). */
static const char *identifier_value(const char *written, struct arena *arena)
{
    size_t length = strlen(written);
    struct buffer value = {.arena = arena};
    if (*written != '"') {
        for (const char *at = written; *at; at++)
            buffer_character(&value, *at >= 'A' && *at <= 'Z' ? (char)(*at + ('a' - 'A')) : *at);
        return buffer_done(&value);
    }
    for (size_t i = 1; i + 1 < length; i++) {
        buffer_character(&value, written[i]);
        if (written[i] == '"')
            i++; // doubled
    }
    return buffer_done(&value);
}

static struct online read_create(struct reader *reader)
{
    struct online online = {0};
    take(reader, "unique");
    if (!take(reader, "index") || !take(reader, "concurrently"))
        return online;
    if (take(reader, "if"))
        online.if_not_exists = take(reader, "not") && take(reader, "exists");
    online.index = identifier_value(take_name(reader), reader->arena);
    if (!take(reader, "on"))
        return online;
    take(reader, "only");
    online.table = take_name(reader);
    online.kind = ONLINE_CREATE_INDEX;
    return online;
}

static struct online read_drop(struct reader *reader)
{
    struct online online = {0};
    if (!take(reader, "index") || !take(reader, "concurrently"))
        return online;
    if (take(reader, "if"))
        take(reader, "exists");
    online.index = take_name(reader);
    online.kind = ONLINE_DROP_INDEX;
    return online;
}

/* REINDEX (CONCURRENTLY, VERBOSE) INDEX name, or REINDEX INDEX CONCURRENTLY name. */
static struct online read_reindex(struct reader *reader)
{
    struct online online = {0};
    bool is_concurrent = false;
    if (take(reader, "("))
        while (reader->token.length && !take(reader, ")")) {
            is_concurrent = is_concurrent || text_is_nocase(reader->token, "concurrently");
            advance(reader);
        }
    bool is_index = take(reader, "index");
    bool is_table = !is_index && take(reader, "table");
    is_concurrent = take(reader, "concurrently") || is_concurrent;
    if (!is_concurrent || (!is_index && !is_table))
        return online;
    online.kind = is_index ? ONLINE_REINDEX_INDEX : ONLINE_REINDEX_TABLE;
    *(is_index ? &online.index : &online.table) = take_name(reader);
    return online;
}

struct online online_read(struct text sql, struct arena *arena)
{
    struct reader reader = {.rest = sql, .arena = arena};
    advance(&reader);
    if (take(&reader, "create"))
        return read_create(&reader);
    if (take(&reader, "drop"))
        return read_drop(&reader);
    if (take(&reader, "reindex"))
        return read_reindex(&reader);
    return (struct online){0};
}
