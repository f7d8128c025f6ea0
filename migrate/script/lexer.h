/* lexer.h: SQL text -> statements, split as the database's own shell splits it.
 *
 * PostgreSQL: as psql does (quotes of all kinds, nested comments, parentheses, BEGIN ATOMIC ... END bodies). SQLite: at
 * semicolons outside quotes and comments, a trigger's end judged by SQLite's own sqlite3_complete(). The lexer
 * allocates nothing and keeps no text: a 200 MB script costs nothing but its pages. */
#ifndef MIGRATE_SCRIPT_LEXER_H
#define MIGRATE_SCRIPT_LEXER_H

#include "base/text.h"

enum dialect { DIALECT_ANY, DIALECT_POSTGRESQL, DIALECT_SQLITE };

struct statement {
    struct text sql;  /* from its first token (comments before it left out) to before its semicolon */
    size_t offset;    /* of sql.at in the text given to lexer_start() */
    unsigned line;    /* of its first token, counted from the first line given */
    unsigned column;  /* in characters, from 1 */
    bool is_copy_in;  /* COPY ... FROM STDIN with inline data */
    struct text data; /* of is_copy_in: the rows, without the closing \. */
};

struct lexer {
    enum dialect dialect; /* DIALECT_POSTGRESQL or DIALECT_SQLITE */
    struct text text;
    size_t at;       /* where the next statement is looked for */
    size_t counted;  /* lines and columns are counted up to here, which is at */
    unsigned line;   /* this line */
    unsigned column; /* and this column */
};

/* first_line: the number of the text's first line in its file. */
void lexer_start(struct lexer *lexer, enum dialect dialect, struct text text, unsigned first_line);
/* Next statement; *found false at the end. Empty statements are skipped. MIGRATE_MALFORMED_FILE with line and column
 * (the path is the caller's to add): unterminated string, comment, dollar quote or COPY data; a psql backslash command
 * (\restrict and \unrestrict lines are skipped). */
MUST_CHECK bool lexer_next(struct lexer *lexer, struct statement *statement, bool *found, struct error *err);

/* The next token of a statement that lexer_next() gave: a word, a number, something quoted as a whole, or a single
 * character. Comments and white space before it are left out. Empty at the end; *rest is what follows. */
struct text token_next(enum dialect dialect, struct text *rest);

#endif
