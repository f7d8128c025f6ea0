/* lines.h: what the lines of a revision file are made of. Of this room only. */
#ifndef MIGRATE_SCRIPT_LINES_H
#define MIGRATE_SCRIPT_LINES_H

#include "base/text.h"

enum { LONGEST_NAME = 32 }; /* what stands before a colon and may be a key or "migrate" */

struct line {
    struct text text; /* without its line break */
    unsigned number;  /* from 1 */
    bool is_ended;    /* by a line break, not by the end of the text */
};

/* The line behind `line`, which begins as {.text = {text.at, 0}} before the first. false: there is none. */
bool line_next(struct text text, struct line *line);
/* Is it a comment from its first character on? Its text is what stands behind the dashes, trimmed. */
bool line_is_comment(struct text line, struct text *comment);
/* "name : rest" -> both trimmed. false: no colon, or behind more than LONGEST_NAME bytes. */
bool line_name(struct text comment, struct text *name, struct text *rest);
/* The first word, empty at the end; *rest is what follows it. */
struct text line_word(struct text *rest);

/* Letters only, or one of the characters `also`? Empty is neither. */
bool word_is_letters(struct text word, const char *also);
/* At most two letters away from the known one? */
bool word_is_near(struct text word, const char *known);

enum marker { MARKER_NO, MARKER_YES, MARKER_NEARLY };
/* Is the comment "migrate: ...", or nearly? `words` is what stands behind the colon. */
enum marker line_marker(struct text comment, struct text *words);
extern const char marker_hint[];
/* The error of a comment that is MARKER_NEARLY. */
bool line_nearly_marker(struct text file, const char *path, struct text comment, struct error *err);

/* Puts an error at a byte of the file: path, line, column, and the line as excerpt. Answers false. */
bool line_place(struct text file, const char *path, size_t offset, struct error *err);
/* Refuses NUL bytes, and what is no UTF-8, in a part of the file. */
MUST_CHECK bool line_check_bytes(struct text file, const char *path, struct text part, struct error *err);
struct text line_without_bom(struct text file);

#endif
