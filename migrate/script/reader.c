/* reader.c: words and names, by way of the lexer's tokens. */
#include "script/reader.h"

struct reader reader_start(enum dialect dialect, struct text sql, struct arena *arena)
{
    struct reader reader = {.dialect = dialect, .rest = sql, .arena = arena};
    reader_advance(&reader);
    return reader;
}

void reader_advance(struct reader *reader)
{
    reader->token = token_next(reader->dialect, &reader->rest);
}

bool reader_is_at(const struct reader *reader, const char *word)
{
    return text_is_nocase(reader->token, word);
}

bool reader_take(struct reader *reader, const char *word)
{
    if (!reader_is_at(reader, word))
        return false;
    reader_advance(reader);
    return true;
}

/* The token, and what PostgreSQL takes with it: U&"name" is three of the lexer's. */
static void take_part(struct reader *reader, struct buffer *name)
{
    bool is_unicode = reader_is_at(reader, "u") && text_starts(reader->rest, "&\"");
    for (unsigned tokens = is_unicode ? 3 : 1; tokens; tokens--) {
        buffer_text(name, reader->token);
        reader_advance(reader);
    }
}

const char *reader_name(struct reader *reader)
{
    struct buffer name = {.arena = reader->arena};
    take_part(reader, &name);
    while (reader_is_at(reader, ".")) {
        take_part(reader, &name);
        take_part(reader, &name);
    }
    return buffer_done(&name);
}
