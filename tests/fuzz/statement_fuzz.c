/* statement_fuzz.c: whatever a statement says, what is read from it (index builds, losses) are names that it could
 * hold, and reading it again says the same. */
#include "script/losses.h"
#include "script/online.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static bool same(const char *one, const char *other)
{
    return one == other || (one && other && strcmp(one, other) == 0);
}

static void check_online(struct text sql, struct arena *arena)
{
    struct online online = online_read(sql, arena), again = online_read(sql, arena);
    expect(online.kind == again.kind && same(online.index, again.index) && same(online.table, again.table));
    expect(!online.index || strlen(online.index) <= sql.length);
    expect(!online.table || strlen(online.table) <= sql.length);
    bool has_index =
        online.kind == ONLINE_CREATE_INDEX || online.kind == ONLINE_DROP_INDEX || online.kind == ONLINE_REINDEX_INDEX;
    bool has_table = online.kind == ONLINE_CREATE_INDEX || online.kind == ONLINE_REINDEX_TABLE;
    expect((!has_index || online.index) && (!has_table || online.table));
}

static void check_losses(enum dialect dialect, struct text sql, struct arena *arena)
{
    struct loss_list losses = {0}, again = {0};
    losses_read(dialect, sql, arena, &losses);
    losses_read(dialect, sql, arena, &again);
    expect(losses.count == again.count);
    for (size_t i = 0; i < losses.count; i++) {
        const struct loss *loss = &losses.items[i];
        expect(*loss->table && strlen(loss->table) <= sql.length);
        expect((loss->kind == MIGRATE_LOSS_COLUMN) == (loss->column != NULL));
        expect(!loss->column || (*loss->column && strlen(loss->column) <= sql.length));
        expect(same(loss->table, again.items[i].table) && same(loss->column, again.items[i].column));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct text sql = {.at = (const char *)bytes, .length = size};
    struct arena arena = {0};
    if (size && memchr(bytes, '\0', size))
        return 0;
    check_online(sql, &arena);
    check_losses(DIALECT_POSTGRESQL, sql, &arena);
    check_losses(DIALECT_SQLITE, sql, &arena);
    arena_free(&arena);
    return 0;
}
