/* split.c: prints the statements of a PostgreSQL script as the lexer splits it, for psql_test.py to compare with psql.
 *
 * Each statement is "S" and its text, the data of a COPY behind it "D" and the rows, each ended by NUL. An error is
 * "E", line:column and the message. */
#include "base/file.h"
#include "script/lexer.h"

#include <stdio.h>

static void put(char kind, struct text text)
{
    putchar(kind);
    fwrite(text.at, 1, text.length, stdout);
    putchar('\0');
}

static void split(struct text sql)
{
    struct lexer lexer;
    struct statement statement;
    struct error err = {0};
    bool found = true;
    lexer_start(&lexer, DIALECT_POSTGRESQL, sql, 1);
    while (found) {
        if (!lexer_next(&lexer, &statement, &found, &err)) {
            printf("E%u:%u %s%c", err.line, err.column, err.message, '\0');
            return;
        }
        if (found)
            put('S', statement.sql);
        if (found && statement.is_copy_in)
            put('D', statement.data);
    }
}

int main(int count, char **arguments)
{
    struct arena arena = {0};
    struct text sql;
    struct error err = {0};
    bool ok = count == 2 && file_read(arguments[1], &arena, &sql, &err);
    if (ok)
        split(sql);
    else
        fprintf(stderr, "%s\n", count == 2 ? err.message : "usage: split FILE");
    arena_free(&arena);
    return ok ? 0 : 2;
}
