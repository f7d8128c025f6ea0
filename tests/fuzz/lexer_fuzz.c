/* lexer_fuzz.c: whatever the text, statements come in order, without overlap, without white space around them, on the
 * line and column where they stand; and reading one token by token ends where it ends. */
#include "script/lexer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static bool is_blank(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

static void check_place(struct text text, const struct statement *statement)
{
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < statement->offset; i++) {
        column += ((unsigned char)text.at[i] & 0xC0) != 0x80;
        if (text.at[i] == '\n') {
            line++;
            column = 1;
        }
    }
    expect(statement->line == line && statement->column == column);
}

static void check_tokens(enum dialect dialect, struct text sql)
{
    struct text rest = sql;
    for (struct text token = token_next(dialect, &rest); token.length; token = token_next(dialect, &rest))
        expect(token.at >= sql.at && token.at + token.length == rest.at);
    expect(rest.at + rest.length == sql.at + sql.length);
}

static void check_all(enum dialect dialect, struct text text)
{
    struct lexer lexer;
    struct statement statement;
    struct error err = {0};
    bool found = true;
    size_t behind = 0;
    lexer_start(&lexer, dialect, text, 1);
    while (lexer_next(&lexer, &statement, &found, &err) && found) {
        expect(statement.sql.at == text.at + statement.offset && statement.offset >= behind);
        expect(statement.sql.length > 0 && statement.offset + statement.sql.length <= lexer.at);
        expect(!is_blank(statement.sql.at[0]) && !is_blank(statement.sql.at[statement.sql.length - 1]));
        expect(!statement.is_copy_in || dialect == DIALECT_POSTGRESQL);
        check_place(text, &statement);
        check_tokens(dialect, statement.sql);
        behind = lexer.at;
    }
    expect(lexer.at <= text.length);
    bool is_refused = err.code == MIGRATE_MALFORMED_FILE && err.line > 0 && err.column > 0;
    expect(lexer.at == text.length || is_refused);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    /* A revision file holds no NUL; SQLite would end at one. */
    struct text text = {.at = (const char *)bytes, .length = size};
    if (size && memchr(bytes, '\0', size))
        return 0;
    check_all(DIALECT_POSTGRESQL, text);
    check_all(DIALECT_SQLITE, text);
    return 0;
}
