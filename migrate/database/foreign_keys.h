/* foreign_keys.h: enforcement is off while migrations run on SQLite, so that rebuilding a table cannot cascade; this
 * looks afterwards whether a revision left rows without their parents. Part of the SQLite driver. */
#ifndef MIGRATE_DATABASE_FOREIGN_KEYS_H
#define MIGRATE_DATABASE_FOREIGN_KEYS_H

#include "base/text.h"

#include <sqlite3.h>

/* Rows of a table that lack their parent. Counted, not named: rebuilding a table gives its rows new numbers, and what
 * was broken before must not be held against it. */
struct orphans {
    const char *table;
    const char *parent;
    int64_t count;
};

struct orphan_list {
    struct orphans *items;
    size_t count;
    size_t capacity;
};

/* What is known of a run's foreign keys. */
struct foreign_keys {
    bool may_exist; /* some table has REFERENCES, or some statement since */
    bool is_broken; /* the check itself failed before the run: a key that names no unique column. Nothing to compare
                       with, so nothing is checked */
    struct orphan_list before;
};

/* Looks whether the database has any and counts what is broken already. */
void foreign_keys_start(struct foreign_keys *keys, sqlite3 *file, struct arena *arena);
/* Notes whether a statement may make one. */
void foreign_keys_note(struct foreign_keys *keys, struct text sql);
/* MIGRATE_REFUSED if there are more orphans than before; costs nothing where there cannot be keys. */
MUST_CHECK bool foreign_keys_check(const struct foreign_keys *keys, sqlite3 *file, struct error *err);

#endif
