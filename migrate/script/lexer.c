/* lexer.c: SQL text -> statements.
 *
 * Two state machines, one a dialect, each a loop over a switch on the class of the next byte. Most bytes of a large
 * script are of a class that cannot begin anything and are stepped over by a table look-up each; what stands in quotes
 * and comments is searched with memchr(). A machine only looks for where a statement ends; what the statement is, is
 * asked of a few of its words.
 *
 * The PostgreSQL machine follows psql's lexer token by token, its guess at BEGIN ATOMIC bodies included, so that a
 * script means here what it means to psql. One difference is meant: psql reads line by line and so does not see that
 * E'a' and a 'b\'' on the next line are one string with backslashes; the server does, and so do we. */
#include "script/lexer.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <strings.h>

/* What a byte can begin. */
enum class {
    NOTHING,
    WORD, /* a letter, '_' or any byte over 127 */
    DIGIT,
    STRING,     /* ' */
    IDENTIFIER, /* " */
    BACKTICK,
    BRACKET, /* [ */
    DOLLAR,
    MINUS,
    SLASH,
    OPEN,
    CLOSE,
    END, /* ; */
    BACKSLASH,
    CLASS_MASK = 15,
    IN_WORD = 16, /* may also stand inside a word */
};

#define _ NOTHING
#define W (WORD | IN_WORD)
#define N (DIGIT | IN_WORD)
#define D (DOLLAR | IN_WORD)
#define Q STRING
#define I IDENTIFIER
#define T BACKTICK
#define B BRACKET
#define M MINUS
#define S SLASH
#define O OPEN
#define C CLOSE
#define E END
#define X BACKSLASH
// clang-format off
static const unsigned char classes[256] = {
    _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, // 0x00
    _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, // 0x10
    _, _, I, _, D, _, _, Q, O, C, _, _, _, M, _, S, // 0x20
    N, N, N, N, N, N, N, N, N, N, _, E, _, _, _, _, // 0x30
    _, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, // 0x40
    W, W, W, W, W, W, W, W, W, W, W, B, X, _, _, W, // 0x50
    T, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, // 0x60
    W, W, W, W, W, W, W, W, W, W, W, _, _, _, _, _, // 0x70
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, // 0x80
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, // 0x90
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, // 0xA0
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, // 0xB0
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, // 0xC0
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, // 0xD0
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, // 0xE0
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, // 0xF0
};
// clang-format on
#undef _
#undef W
#undef N
#undef D
#undef Q
#undef I
#undef T
#undef B
#undef M
#undef S
#undef O
#undef C
#undef E
#undef X

static inline enum class class_of(const char *at) { return (enum class)(classes[(unsigned char)*at] & CLASS_MASK); }

static inline bool in_word(const char *at)
{
    return classes[(unsigned char)*at] & IN_WORD;
}

static inline bool is_blank(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

static const char *word_end(const char *at, const char *end)
{
    while (at < end && in_word(at))
        at++;
    return at;
}

static bool word_is(const char *at, const char *end, const char *keyword)
{
    return text_is_nocase((struct text){.at = at, .length = (size_t)(end - at)}, keyword);
}

void lexer_start(struct lexer *lexer, enum dialect dialect, struct text text, unsigned first_line)
{
    *lexer = (struct lexer){.dialect = dialect, .text = text, .line = first_line, .column = 1};
}

/* Moves the count of lines and columns forward, so that no byte is counted twice however long a line is. */
static void count_to(struct lexer *lexer, size_t offset)
{
    const char *at = lexer->text.at + lexer->counted, *to = lexer->text.at + offset;
    for (const char *newline; (newline = memchr(at, '\n', (size_t)(to - at))); at = newline + 1) {
        lexer->line++;
        lexer->column = 1;
    }
    lexer->column += (unsigned)text_characters((struct text){.at = at, .length = (size_t)(to - at)});
    lexer->counted = offset;
}

/* Refuses the text at `at`. */
static bool malformed(struct lexer *lexer, const char *at, struct error *err, const char *message, const char *hint)
{
    count_to(lexer, (size_t)(at - lexer->text.at));
    error_set(err, MIGRATE_MALFORMED_FILE, "%s", message);
    error_hint(err, "%s", hint);
    return error_place(err, "", lexer->line, lexer->column);
}

/* --- comments and quotes: each answers where it ends, NULL if it does not ------------------------ */

static bool begins_comment(const char *at, const char *end)
{
    return end - at > 1 && ((at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*'));
}

/* PostgreSQL ends it at a carriage return too, SQLite does not. */
static const char *line_comment_end(enum dialect dialect, const char *at, const char *end)
{
    if (dialect == DIALECT_SQLITE) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        return newline ? newline : end;
    }
    while (at < end && *at != '\n' && *at != '\r')
        at++;
    return at;
}

static const char *block_comment_end(enum dialect dialect, const char *at, const char *end)
{
    size_t depth = 1;
    for (at += 2; end - at > 1; at++) {
        if (at[0] == '*' && at[1] == '/') {
            at++;
            if (--depth == 0)
                return at + 1;
        } else if (dialect == DIALECT_POSTGRESQL && at[0] == '/' && at[1] == '*') {
            at++;
            depth++;
        }
    }
    return NULL;
}

static const char *comment_end(enum dialect dialect, const char *at, const char *end)
{
    return *at == '-' ? line_comment_end(dialect, at, end) : block_comment_end(dialect, at, end);
}

/* Behind white space and comments; at the comment that does not end. */
static const char *blank_end(enum dialect dialect, const char *at, const char *end)
{
    for (;;) {
        while (at < end && is_blank(*at))
            at++;
        const char *behind = begins_comment(at, end) ? comment_end(dialect, at, end) : NULL;
        if (!behind)
            return at;
        at = behind;
    }
}

/* Of a quote that is escaped by being doubled. */
static const char *quote_end(const char *at, const char *end)
{
    char quote = *at++;
    for (const char *found; (found = memchr(at, quote, (size_t)(end - at))); at = found + 2)
        if (found + 1 == end || found[1] != quote)
            return found + 1;
    return NULL;
}

/* E'...' goes on in a quote that only white space with a line break, and comments, keep apart. */
static const char *continued_at(const char *at, const char *end)
{
    bool has_newline = false;
    while (at < end) {
        if (is_blank(*at)) {
            has_newline = has_newline || *at == '\n' || *at == '\r';
            at++;
        } else if (end - at > 1 && at[0] == '-' && at[1] == '-') {
            at = line_comment_end(DIALECT_POSTGRESQL, at, end);
        } else {
            break;
        }
    }
    return has_newline && at < end && *at == '\'' ? at : NULL;
}

static const char *escape_string_end(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '\'') {
            const char *again = at + 1 < end && at[1] == '\'' ? at + 1 : continued_at(at + 1, end);
            if (!again)
                return at + 1;
            at = again;
        }
    }
    return NULL;
}

/* Length of "$tag$" at `at`, 0 if it is none. A tag is a word that holds no '$' and begins with no digit. */
static size_t dollar_tag(const char *at, const char *end)
{
    const char *behind = at + 1;
    if (behind < end && class_of(behind) == DIGIT)
        return 0;
    while (behind < end && in_word(behind) && *behind != '$')
        behind++;
    return behind < end && *behind == '$' ? (size_t)(behind + 1 - at) : 0;
}

static const char *dollar_quote_end(const char *at, size_t tag, const char *end)
{
    const char *found = memmem(at + tag, (size_t)(end - at) - tag, at, tag);
    return found ? found + tag : NULL;
}

/* --- where a statement begins and ends ----------------------------------------------------------- */

static bool is_restrict(const char *at, const char *end)
{
    struct text rest = {.at = at, .length = (size_t)(end - at)};
    size_t length = text_starts(rest, "\\restrict") ? 9 : text_starts(rest, "\\unrestrict") ? 11 : 0;
    return length && (rest.length == length || is_blank(at[length]));
}

/* To the first token of the next statement, or to the end of the text. */
static bool find_start(struct lexer *lexer, const char **start, struct error *err)
{
    const char *at = lexer->text.at + lexer->at, *end = lexer->text.at + lexer->text.length;
    for (;;) {
        at = blank_end(lexer->dialect, at, end);
        if (begins_comment(at, end))
            return malformed(lexer, at, err, "a comment begins here that does not end", "Close it with */.");
        if (at < end && *at == ';')
            at++;
        else if (lexer->dialect == DIALECT_POSTGRESQL && is_restrict(at, end))
            at = line_comment_end(lexer->dialect, at, end);
        else
            break;
    }
    *start = at;
    return true;
}

/* The comments that stand together at the end of what was read so far, so that those behind the last token of a
 * statement without semicolon can be cut off. */
struct trailing {
    const char *from;
    const char *to;
};

static void trailing_add(struct trailing *trailing, const char *from, const char *to)
{
    const char *before = from;
    while (trailing->to && before > trailing->to && is_blank(before[-1]))
        before--;
    if (before != trailing->to)
        trailing->from = from;
    trailing->to = to;
}

static const char *without_blank(const char *start, const char *end)
{
    while (end > start && is_blank(end[-1]))
        end--;
    return end;
}

static const char *last_token_end(const struct trailing *trailing, const char *start, const char *end)
{
    end = without_blank(start, end);
    return trailing->to && end <= trailing->to ? without_blank(start, trailing->from) : end;
}

static bool finish(struct lexer *lexer, const char *start, const char *end, const char *behind,
                   struct statement *statement)
{
    count_to(lexer, (size_t)(start - lexer->text.at));
    *statement = (struct statement){.sql = {.at = start, .length = (size_t)(end - start)},
                                    .offset = (size_t)(start - lexer->text.at),
                                    .line = lexer->line,
                                    .column = lexer->column};
    lexer->at = (size_t)(behind - lexer->text.at);
    return true;
}

/* --- PostgreSQL ---------------------------------------------------------------------------------- */

/* What the words of a statement tell about its end. */
struct words {
    size_t count;
    char first[4];    /* c, o, r, f, p for CREATE OR REPLACE FUNCTION PROCEDURE, wherever one of them stands */
    bool is_routine;  /* CREATE [OR REPLACE] FUNCTION or PROCEDURE */
    size_t begun;     /* BEGIN and CASE without their END */
    bool is_copy;     /* begins with COPY */
    const char *from; /* behind FROM outside parentheses */
    bool is_copy_in;  /* COPY ... FROM STDIN */
};

static char routine_letter(const char *at, const char *end)
{
    switch (*at | 0x20) {
    case 'c':
        return word_is(at, end, "create") ? 'c' : '\0';
    case 'o':
        return word_is(at, end, "or") ? 'o' : '\0';
    case 'r':
        return word_is(at, end, "replace") ? 'r' : '\0';
    case 'f':
        return word_is(at, end, "function") ? 'f' : '\0';
    case 'p':
        return word_is(at, end, "procedure") ? 'p' : '\0';
    default:
        return '\0';
    }
}

static bool begins_routine(const char first[4])
{
    if (first[0] == 'c' && first[1] == 'o' && first[2] == 'r')
        return first[3] == 'f' || first[3] == 'p';
    return first[0] == 'c' && (first[1] == 'f' || first[1] == 'p');
}

/* psql's rule: in what begins as CREATE FUNCTION, BEGIN opens a body, CASE inside it another, END closes either. */
static void count_begun(struct words *words, const char *at, const char *end)
{
    if (word_is(at, end, "begin") || (words->begun > 0 && word_is(at, end, "case")))
        words->begun++;
    else if (words->begun > 0 && word_is(at, end, "end"))
        words->begun--;
}

/* Of words outside parentheses only, as psql 15 has it. */
static void words_add(struct words *words, const char *at, const char *end)
{
    if (words->count < 4) {
        words->first[words->count] = routine_letter(at, end);
        words->is_routine = begins_routine(words->first);
        words->is_copy = words->is_copy || (words->count == 0 && word_is(at, end, "copy"));
    }
    words->count++;
    if (words->is_routine)
        count_begun(words, at, end);
    if (words->is_copy && word_is(at, end, "stdin") && words->from &&
        blank_end(DIALECT_POSTGRESQL, words->from, at) == at)
        words->is_copy_in = true;
    words->from = words->is_copy && word_is(at, end, "from") ? end : NULL;
}

static const char *digits_end(const char *at, const char *end)
{
    while (at < end && class_of(at) == DIGIT)
        at++;
    return at;
}

/* A word right behind a number, or behind the $1 of a parameter, belongs to it. */
static const char *number_end(const char *at, const char *end)
{
    while (at < end && (class_of(at) == DIGIT || *at == '.'))
        at++;
    if (end - at > 1 && (*at == 'e' || *at == 'E') && (at[1] == '+' || at[1] == '-')) {
        const char *exponent = at + 2; // even where another sign follows: 1e--2 holds no comment
        at = digits_end(exponent, end);
        if (at == exponent)
            return at;
    }
    return at < end && class_of(at) == WORD ? word_end(at, end) : at;
}

static const char *parameter_end(const char *at, const char *end)
{
    const char *digits = digits_end(at + 1, end);
    bool is_followed = digits > at + 1 && digits < end && class_of(digits) == WORD;
    return is_followed ? word_end(digits, end) : digits;
}

/* Where the string, identifier or dollar quote at `at` ends; *behind NULL if it does not, `at` if there is none. A
 * letter right before a quote (E, N, B, X, U&) belongs to it. */
static void quoted_end(const char *at, const char *end, const char **behind)
{
    bool is_followed = end - at > 1 && at[1] == '\'';
    if (*at == '\'' || *at == '"')
        *behind = quote_end(at, end);
    else if (is_followed && (*at == 'e' || *at == 'E'))
        *behind = escape_string_end(at + 1, end);
    else if (is_followed && strchr("nNbBxX", *at))
        *behind = quote_end(at + 1, end);
    else if (*at == '$' && dollar_tag(at, end))
        *behind = dollar_quote_end(at, dollar_tag(at, end), end);
    else
        *behind = at;
}

static bool unterminated(struct lexer *lexer, const char *at, struct error *err)
{
    switch (*at) {
    case '/':
        return malformed(lexer, at, err, "a comment begins here that does not end", "Close it with */.");
    case '$':
        return malformed(lexer, at, err, "a dollar quote begins here that does not end",
                         "Close it with the same $tag$ that opens it.");
    case '"':
    case '`':
    case '[':
        return malformed(lexer, at, err, "a quoted identifier begins here that does not end",
                         "Close it with the quote that opens it.");
    default:
        return malformed(lexer, at, err, "a string begins here that does not end",
                         "Close it with ', and write a ' inside it twice.");
    }
}

static bool backslash(struct lexer *lexer, const char *at, struct error *err)
{
    return malformed(lexer, at, err, "a psql command cannot be run here",
                     "Only SQL goes to the server: copy the text that an \\i would include, leave out \\connect and "
                     "\\set, write \\copy as COPY ... FROM STDIN with its data.");
}

/* The line `\.` at or behind `at`, which begins a line; NULL if there is none. */
static const char *copy_end(const char *at, const char *end)
{
    while (at && end - at > 1) {
        const char *behind = at + 2;
        if (at[0] == '\\' && at[1] == '.' &&
            (behind == end || *behind == '\n' || (*behind == '\r' && (behind + 1 == end || behind[1] == '\n'))))
            return at;
        const char *next = memmem(at, (size_t)(end - at), "\n\\.", 3);
        at = next ? next + 1 : NULL;
    }
    return NULL;
}

/* The rows behind COPY ... FROM STDIN, whose semicolon is before `at`. */
static bool copy_data(struct lexer *lexer, const char *at, struct statement *statement, struct error *err)
{
    const char *end = lexer->text.at + lexer->text.length;
    while (at < end && *at != '\n' && is_blank(*at))
        at++;
    if (end - at > 1 && at[0] == '-' && at[1] == '-')
        at = line_comment_end(DIALECT_SQLITE, at, end);
    if (at < end && *at != '\n')
        return malformed(lexer, at, err, "something stands between COPY ... FROM STDIN and its data",
                         "Begin the data on the next line, and what follows it behind the line \\.");
    const char *data = at < end ? at + 1 : end;
    const char *stop = copy_end(data, end);
    if (!stop)
        return malformed(lexer, statement->sql.at, err, "the data of this COPY ... FROM STDIN does not end",
                         "End it with a line \\. of its own.");
    statement->is_copy_in = true;
    statement->data = (struct text){.at = data, .length = (size_t)(stop - data)};
    lexer->at = (size_t)(stop + 2 - lexer->text.at);
    return true;
}

static bool postgres_next(struct lexer *lexer, const char *start, struct statement *statement, struct error *err)
{
    const char *at = start, *end = lexer->text.at + lexer->text.length;
    struct words words = {0};
    struct trailing trailing = {0};
    size_t depth = 0;
    while (at < end) {
        const char *behind = at + 1;
        switch (class_of(at)) {
        case NOTHING:
            while (behind < end && class_of(behind) == NOTHING)
                behind++;
            break;
        case WORD:
            quoted_end(at, end, &behind);
            if (behind == at) {
                if ((*at == 'u' || *at == 'U') && end - at > 1 && at[1] == '&') {
                    behind = at + 2; // what follows is a quote like any other, or an operator
                    break;
                }
                behind = word_end(at, end);
                if (depth == 0 && (words.count < 4 || words.is_routine || words.is_copy))
                    words_add(&words, at, behind);
            }
            break;
        case DIGIT:
            behind = number_end(at, end);
            break;
        case STRING:
        case IDENTIFIER:
            behind = quote_end(at, end);
            break;
        case DOLLAR:
            quoted_end(at, end, &behind);
            if (behind == at) // a parameter, or a '$' that means nothing
                behind = parameter_end(at, end);
            break;
        case MINUS:
        case SLASH:
            if (begins_comment(at, end)) {
                behind = comment_end(DIALECT_POSTGRESQL, at, end);
                trailing_add(&trailing, at, behind);
            }
            break;
        case OPEN:
            depth++;
            break;
        case CLOSE:
            depth -= depth > 0;
            break;
        case END:
            if (depth == 0 && words.begun == 0)
                return finish(lexer, start, without_blank(start, at), behind, statement) &&
                       (!words.is_copy_in || copy_data(lexer, behind, statement, err));
            break;
        case BACKSLASH:
            return backslash(lexer, at, err);
        default: // what only SQLite takes for a quote
            break;
        }
        if (!behind)
            return unterminated(lexer, at, err);
        at = behind;
    }
    return finish(lexer, start, last_token_end(&trailing, start, end), end, statement) &&
           (!words.is_copy_in || copy_data(lexer, end, statement, err));
}

/* --- SQLite -------------------------------------------------------------------------------------- */

/* Does the statement begin as CREATE [TEMP] TRIGGER, or as EXPLAIN of one? The words are fed one by one. */
enum trigger { TRIGGER_START, TRIGGER_EXPLAIN, TRIGGER_CREATE, TRIGGER_NO, TRIGGER_YES };

static enum trigger trigger_next(enum trigger so_far, const char *at, const char *end)
{
    switch (so_far) {
    case TRIGGER_START:
        if (word_is(at, end, "explain"))
            return TRIGGER_EXPLAIN;
        return word_is(at, end, "create") ? TRIGGER_CREATE : TRIGGER_NO;
    case TRIGGER_EXPLAIN: // of any kind: QUERY PLAN may follow
        return word_is(at, end, "create") ? TRIGGER_CREATE : TRIGGER_EXPLAIN;
    case TRIGGER_CREATE:
        if (word_is(at, end, "temp") || word_is(at, end, "temporary"))
            return TRIGGER_CREATE;
        return word_is(at, end, "trigger") ? TRIGGER_YES : TRIGGER_NO;
    default:
        return so_far;
    }
}

/* sqlite3_complete() wants a text that ends in NUL. */
static bool is_complete(const char *start, const char *behind)
{
    char *copy = strndup(start, (size_t)(behind - start));
    if (!copy)
        abort();
    bool complete = sqlite3_complete(copy);
    free(copy);
    return complete;
}

static bool sqlite_next(struct lexer *lexer, const char *start, struct statement *statement, struct error *err)
{
    const char *at = start, *end = lexer->text.at + lexer->text.length;
    struct trailing trailing = {0};
    enum trigger trigger = TRIGGER_START;
    bool has_end = false; // since the last semicolon: without it a trigger cannot be complete
    while (at < end) {
        const char *behind = at + 1;
        switch (class_of(at)) {
        case WORD:
            behind = word_end(at, end);
            trigger = trigger_next(trigger, at, behind);
            has_end = has_end || (trigger == TRIGGER_YES && word_is(at, behind, "end"));
            break;
        case DIGIT:
        case DOLLAR:
            behind = word_end(at, end);
            break;
        case STRING:
        case IDENTIFIER:
        case BACKTICK:
            behind = quote_end(at, end);
            break;
        case BRACKET:
            behind = memchr(at, ']', (size_t)(end - at));
            behind = behind ? behind + 1 : NULL;
            break;
        case MINUS:
        case SLASH:
            if (begins_comment(at, end)) {
                behind = comment_end(DIALECT_SQLITE, at, end);
                trailing_add(&trailing, at, behind);
            }
            break;
        case END:
            if (trigger != TRIGGER_YES || (has_end && is_complete(start, behind)))
                return finish(lexer, start, without_blank(start, at), behind, statement);
            has_end = false;
            break;
        default:
            while (behind < end && class_of(behind) == NOTHING)
                behind++;
            break;
        }
        if (!behind)
            return unterminated(lexer, at, err);
        at = behind;
    }
    return finish(lexer, start, last_token_end(&trailing, start, end), end, statement);
}

/* Where the token at `at` ends. What does not end ends with the text: lexer_next() has refused it before. */
static const char *token_end(enum dialect dialect, const char *at, const char *end)
{
    const char *behind = at;
    switch (class_of(at)) {
    case STRING:
    case IDENTIFIER:
        behind = quote_end(at, end);
        break;
    case BACKTICK:
        behind = dialect == DIALECT_SQLITE ? quote_end(at, end) : at + 1;
        break;
    case BRACKET:
        behind = dialect == DIALECT_SQLITE ? memchr(at, ']', (size_t)(end - at)) : at;
        behind = behind ? behind + 1 : NULL;
        break;
    case WORD:
    case DOLLAR:
        if (dialect == DIALECT_POSTGRESQL)
            quoted_end(at, end, &behind);
        behind = behind == at ? word_end(at, end) : behind;
        break;
    case DIGIT:
        behind = number_end(at, end);
        break;
    default:
        behind = at + 1;
        break;
    }
    return behind ? behind : end;
}

struct text token_next(enum dialect dialect, struct text *rest)
{
    const char *end = rest->at + rest->length;
    const char *at = blank_end(dialect, rest->at, end);
    const char *behind = at < end ? token_end(dialect, at, end) : at;
    *rest = (struct text){.at = behind, .length = (size_t)(end - behind)};
    return (struct text){.at = at, .length = (size_t)(behind - at)};
}

bool lexer_next(struct lexer *lexer, struct statement *statement, bool *found, struct error *err)
{
    const char *start = NULL;
    *found = false;
    if (!find_start(lexer, &start, err))
        return false;
    if (start == lexer->text.at + lexer->text.length) {
        lexer->at = lexer->text.length;
        return true;
    }
    *found = lexer->dialect == DIALECT_POSTGRESQL ? postgres_next(lexer, start, statement, err)
                                                  : sqlite_next(lexer, start, statement, err);
    return *found;
}
