/* online.c: reading the few statements that run concurrently. Their grammar is small: words, then a name. */
#include "script/online.h"

#include "script/reader.h"

enum { IDENTIFIER_BYTES = 63 }; // the server cuts off what is longer

static bool is_unicode_escaped(const char *written)
{
    return text_starts_nocase(text_of(written), "u&\"");
}

/* An identifier's value: without its quotes, else in lower case (the server folds ASCII letters alone in UTF-8). */
static const char *unquoted(const char *written, struct arena *arena)
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

static const char *identifier_value(const char *written, struct arena *arena)
{
    struct text kept = text_cut(text_of(unquoted(written, arena)), IDENTIFIER_BYTES);
    return arena_copy(arena, kept.at, kept.length);
}

static struct online read_create(struct reader *reader)
{
    struct online online = {0};
    reader_take(reader, "unique");
    if (!reader_take(reader, "index") || !reader_take(reader, "concurrently"))
        return online;
    if (reader_take(reader, "if"))
        online.if_not_exists = reader_take(reader, "not") && reader_take(reader, "exists");
    const char *name = reader_name(reader);
    if (is_unicode_escaped(name) || !reader_take(reader, "on"))
        return online;
    online.index = identifier_value(name, reader->arena);
    reader_take(reader, "only");
    online.table = reader_name(reader);
    online.kind = ONLINE_CREATE_INDEX;
    return online;
}

static struct online read_drop(struct reader *reader)
{
    struct online online = {0};
    if (!reader_take(reader, "index") || !reader_take(reader, "concurrently"))
        return online;
    if (reader_take(reader, "if"))
        reader_take(reader, "exists");
    online.index = reader_name(reader);
    online.kind = ONLINE_DROP_INDEX;
    return online;
}

/* REINDEX (CONCURRENTLY, VERBOSE) INDEX name, or REINDEX INDEX CONCURRENTLY name. */
static struct online read_reindex(struct reader *reader)
{
    struct online online = {0};
    bool is_concurrent = false;
    if (reader_take(reader, "("))
        while (reader->token.length && !reader_take(reader, ")")) {
            is_concurrent = is_concurrent || text_is_nocase(reader->token, "concurrently");
            reader_advance(reader);
        }
    bool is_index = reader_take(reader, "index");
    bool is_table = !is_index && reader_take(reader, "table");
    is_concurrent = reader_take(reader, "concurrently") || is_concurrent;
    if (!is_concurrent || (!is_index && !is_table))
        return online;
    online.kind = is_index ? ONLINE_REINDEX_INDEX : ONLINE_REINDEX_TABLE;
    *(is_index ? &online.index : &online.table) = reader_name(reader);
    return online;
}

struct online online_read(struct text sql, struct arena *arena)
{
    struct reader reader = reader_start(DIALECT_POSTGRESQL, sql, arena);
    if (reader_take(&reader, "create"))
        return read_create(&reader);
    if (reader_take(&reader, "drop"))
        return read_drop(&reader);
    if (reader_take(&reader, "reindex"))
        return read_reindex(&reader);
    return (struct online){0};
}
