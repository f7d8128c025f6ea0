/* online.h: what PostgreSQL does concurrently, and what it leaves behind when it is stopped half-way.
 *
 * A statement outside transactions that was interrupted may have done its work, half of it, or nothing. Of an index
 * build the catalogue can tell which; this says what to look for. */
#ifndef MIGRATE_SCRIPT_ONLINE_H
#define MIGRATE_SCRIPT_ONLINE_H

#include "script/lexer.h"

enum online_kind {
    ONLINE_OTHER, /* nothing that the catalogue could tell of */
    ONLINE_CREATE_INDEX,
    ONLINE_DROP_INDEX,
    ONLINE_REINDEX_INDEX,
    ONLINE_REINDEX_TABLE,
};

struct online {
    enum online_kind kind;
    bool if_not_exists;
    const char
        *index; /* CREATE INDEX: its name, as the catalogue has it. DROP, REINDEX INDEX: as written, schema and all */
    const char *table; /* CREATE INDEX, REINDEX TABLE: as written, schema and all */
};

/* Reads a statement of PostgreSQL's. Strings are in the arena. */
struct online online_read(struct text sql, struct arena *arena);

#endif
