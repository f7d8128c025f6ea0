/* foreign_keys.c: rows without their parents, before and after a revision. */
#include "database/foreign_keys.h"

#include <strings.h>

static const char *column(sqlite3_stmt *statement, int number)
{
    const unsigned char *text = sqlite3_column_text(statement, number);
    return text ? (const char *)text : "";
}

static struct orphans *orphans_of(const struct orphan_list *list, const char *table, const char *parent)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].table, table) == 0 && strcmp(list->items[i].parent, parent) == 0)
            return &list->items[i];
    return NULL;
}

static void add_orphan(struct orphan_list *list, const char *table, const char *parent, struct arena *arena)
{
    struct orphans *orphans = orphans_of(list, table, parent);
    if (orphans)
        orphans->count++;
    else
        ARENA_PUSH(arena, list, (struct orphans){arena_string(arena, table), arena_string(arena, parent), 1});
}

/* SQLITE_DONE when all were counted. */
static int count_orphans(sqlite3 *file, struct arena *arena, struct orphan_list *list)
{
    enum { TABLE, ROWID, PARENT };
    sqlite3_stmt *statement = NULL;
    int status = sqlite3_prepare_v2(file, "PRAGMA foreign_key_check", -1, &statement, NULL);
    while (status == SQLITE_OK || status == SQLITE_ROW) {
        status = sqlite3_step(statement);
        if (status == SQLITE_ROW)
            add_orphan(list, column(statement, TABLE), column(statement, PARENT), arena);
    }
    sqlite3_finalize(statement);
    return status;
}

static bool has_references(sqlite3 *file)
{
    sqlite3_stmt *statement = NULL;
    static const char sql[] = "SELECT 1 FROM sqlite_master WHERE sql LIKE '%references%' LIMIT 1";
    bool has =
        sqlite3_prepare_v2(file, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    return has;
}

void foreign_keys_start(struct foreign_keys *keys, sqlite3 *file, struct arena *arena)
{
    *keys = (struct foreign_keys){.may_exist = has_references(file)};
    if (keys->may_exist)
        keys->is_broken = count_orphans(file, arena, &keys->before) != SQLITE_DONE;
}

void foreign_keys_note(struct foreign_keys *keys, struct text sql)
{
    static const char word[] = "references";
    size_t length = strlen(word);
    for (size_t at = 0; !keys->may_exist && at + length <= sql.length; at++)
        keys->may_exist = (sql.at[at] | 0x20) == 'r' && strncasecmp(sql.at + at, word, length) == 0;
}

static bool compare(const struct foreign_keys *keys, const struct orphan_list *after, struct error *err)
{
    for (size_t i = 0; i < after->count; i++) {
        const struct orphans *now = &after->items[i];
        const struct orphans *before = orphans_of(&keys->before, now->table, now->parent);
        int64_t more = now->count - (before ? before->count : 0);
        if (more > 0) {
            error_set(err, MIGRATE_REFUSED,
                      "foreign key violated: %lld row%s of table %s refer%s to no row of table %s", (long long)more,
                      more == 1 ? "" : "s", now->table, more == 1 ? "s" : "", now->parent);
            return error_hint(err,
                              "PRAGMA foreign_key_check lists them; delete or correct these rows in the revision.");
        }
    }
    return true;
}

bool foreign_keys_check(const struct foreign_keys *keys, sqlite3 *file, struct error *err)
{
    if (!keys->may_exist || keys->is_broken)
        return true;
    struct arena arena = {0};
    struct orphan_list after = {0};
    bool ok = count_orphans(file, &arena, &after) == SQLITE_DONE
                  ? compare(keys, &after, err)
                  : error_set(err, MIGRATE_REFUSED, "foreign keys cannot be checked: %s", sqlite3_errmsg(file));
    arena_free(&arena);
    return ok;
}
