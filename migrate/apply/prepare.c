/* prepare.c: a plan's files, opened and judged before anything runs. */
#include "apply/prepare.h"

#include "apply/stored.h"

enum { LARGE_BYTES = 1024 * 1024 }; // what was read of larger files is given back to the kernel

static const char *dialect_name(enum dialect dialect)
{
    return dialect == DIALECT_SQLITE ? "sqlite" : "postgresql";
}

/* The header was read before; between then and now somebody may have written to the folder. */
static bool is_same_revision(const struct revision *planned, const struct script *script, struct error *err)
{
    if (strcmp(planned->id, script->revision.id) == 0)
        return true;
    error_set(err, MIGRATE_MALFORMED_FILE, "the file held revision %s and now holds %s", planned->id,
              script->revision.id);
    return error_place(err, script->path, script->revision.id_line, 0);
}

static bool goes_this_way(const struct step *step, const struct script *script, enum dialect dialect, struct error *err)
{
    if (script_has(script, step->direction, dialect))
        return true;
    const char *id = script->revision.id;
    if (step->direction == DIRECTION_UPGRADE) {
        error_set(err, MIGRATE_MALFORMED_FILE, "%s has no upgrade section for %s", id, dialect_name(dialect));
        error_hint(err, "An empty section, `-- migrate:upgrade %s`, is a deliberate no-op.", dialect_name(dialect));
    } else {
        error_set(err, MIGRATE_IRREVERSIBLE, "%s is irreversible: it has no downgrade section for %s", id,
                  dialect_name(dialect));
        error_hint(err,
                   "Nothing has run. Write a downgrade section (an empty one is a deliberate no-op), or downgrade to "
                   "%s at the lowest.",
                   id);
    }
    error_place(err, script->path, 0, 0);
    return error_revision(err, id);
}

static bool open_stored(const struct preparation *preparation, const struct revision *planned, struct arena *arena,
                        struct script *script, struct error *err)
{
    struct text text;
    if (preparation->no_stored_scripts || !preparation->ledger) {
        error_set(err, MIGRATE_UNKNOWN_REVISION,
                  "no file has %s, and scripts that the database keeps are not to be run", planned->id);
        return error_hint(err, "Nothing has run. Use a checkout that has the file, or leave out --no-stored-scripts.");
    }
    if (!stored_text(preparation->ledger, preparation->database, planned->stored_oid, arena, &text, err) ||
        !script_parse(text, arena_printf(arena, "stored:%s", planned->id), arena, script, err))
        return false;
    script->map.content = text;
    return true;
}

static bool open_step(const struct preparation *preparation, const struct revision *planned, struct arena *arena,
                      struct script *script, struct error *err)
{
    return planned->stored_oid ? open_stored(preparation, planned, arena, script, err)
                               : script_open(planned->path, arena, script, err);
}

/* Index builds of the autocommit sections: the catalogue is asked for them before the first statement runs. */
static bool find_builds(const struct script *script, enum direction direction, struct arena *arena,
                        struct prepared *prepared, struct error *err)
{
    struct {
        struct build *items;
        size_t count;
        size_t capacity;
    } builds = {0};
    struct script_walk walk = script_walk(script, direction, DIALECT_POSTGRESQL);
    struct statement statement;
    bool found = true;
    for (size_t index = 0; found; index++) {
        if (!script_walk_next(&walk, &statement, &found, err))
            return false;
        bool is_alone = found && walk.section->autocommit;
        struct online online = is_alone ? online_read(statement.sql, arena) : (struct online){0};
        if (online.kind == ONLINE_CREATE_INDEX)
            ARENA_PUSH(arena, &builds, (struct build){online, index});
    }
    prepared->builds = builds.items;
    prepared->builds_count = builds.count;
    return true;
}

static bool prepare_step(const struct preparation *preparation, const struct step *step, struct arena *arena,
                         struct prepared *prepared, struct error *err)
{
    const struct revision *planned = &preparation->graph->revisions[step->revision];
    enum dialect dialect = preparation->dialect;
    struct script *script = &prepared->script;
    if (!open_step(preparation, planned, arena, script, err) || !is_same_revision(planned, script, err) ||
        !goes_this_way(step, script, dialect, err) ||
        !script_judge(script, step->direction, dialect, &prepared->statements, err))
        return *err->revision ? false : error_revision(err, planned->id);
    hash_file(&script->map, prepared->oid);
    prepared->is_autocommit = script_is_autocommit(script, step->direction, dialect);
    if (prepared->is_autocommit && dialect == DIALECT_POSTGRESQL &&
        !find_builds(script, step->direction, arena, prepared, err))
        return false;
    if (script->map.content.length > LARGE_BYTES)
        file_map_forget(&script->map, script->map.content.length);
    return true;
}

static bool fits(const struct row_changes *changes, size_t width, struct error *err)
{
    for (size_t i = 0; i < changes->count; i++) {
        const char *id = changes->items[i].to;
        if (!id || text_characters(text_of(id)) <= width)
            continue;
        error_set(err, MIGRATE_ID_TOO_LONG, "the id %s is longer than the %zu characters of the version table's column",
                  id, width);
        error_hint(err,
                   "Nothing has run. Widen the column (ALTER TABLE ... ALTER COLUMN version_num TYPE VARCHAR(255)), or "
                   "give the revision a shorter id.");
        return error_revision(err, id);
    }
    return true;
}

static bool may_share_transaction(const struct prepared *prepared, bool one_transaction, struct error *err)
{
    if (!one_transaction || !prepared->is_autocommit)
        return true;
    const char *id = prepared->script.revision.id;
    error_set(err, MIGRATE_USAGE,
              "%s has an autocommit section, which cannot run inside one transaction for the whole run", id);
    error_hint(err, "Nothing has run. Leave out `--transaction run`, or go in two runs: up to %s's parent, then on.",
               id);
    error_place(err, prepared->script.path, 0, 0);
    return error_revision(err, id);
}

bool prepare_plan(const struct preparation *preparation, struct arena *arena, struct prepared **prepared,
                  struct error *err)
{
    *prepared = ARENA_ARRAY(arena, preparation->plan->step_count, struct prepared);
    for (size_t i = 0; i < preparation->plan->step_count; i++) {
        const struct step *step = &preparation->plan->steps[i];
        if (!fits(&step->changes, preparation->width, err))
            return false;
        if (step->direction != DIRECTION_STAMP &&
            (!prepare_step(preparation, step, arena, &(*prepared)[i], err) ||
             !may_share_transaction(&(*prepared)[i], preparation->one_transaction, err)))
            return false;
    }
    return true;
}

void prepare_close(struct prepared *prepared, size_t count)
{
    for (size_t i = 0; prepared && i < count; i++)
        script_close(&prepared[i].script);
}

bool prepare_statements(const struct script *script, enum direction direction, enum dialect dialect,
                        struct arena *arena, const char *const **statements, size_t *count, struct error *err)
{
    struct name_list list = {0};
    struct script_walk walk = script_walk(script, direction, dialect);
    struct statement statement;
    bool found = true;
    while (found) {
        if (!script_walk_next(&walk, &statement, &found, err))
            return false;
        if (found)
            ARENA_PUSH(arena, &list, arena_copy(arena, statement.sql.at, statement.sql.length));
    }
    *statements = (const char *const *)list.items;
    *count = list.count;
    return true;
}
