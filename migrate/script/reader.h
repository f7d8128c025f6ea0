/* reader.h: a statement word by word, for what is read from its words alone. Of this room only. */
#ifndef MIGRATE_SCRIPT_READER_H
#define MIGRATE_SCRIPT_READER_H

#include "script/lexer.h"

struct reader {
    enum dialect dialect;
    struct text rest;
    struct text token; /* where the reader stands; empty: at the end */
    struct arena *arena;
};

/* Stands at the first word. Names go into the arena. */
struct reader reader_start(enum dialect dialect, struct text sql, struct arena *arena);
void reader_advance(struct reader *reader);
/* In any case of letters. */
bool reader_is_at(const struct reader *reader, const char *word);
/* Goes on if it is there. */
bool reader_take(struct reader *reader, const char *word);
/* `name` or `schema.name`, as written, U&"..." included; empty at the end. */
const char *reader_name(struct reader *reader);

#endif
