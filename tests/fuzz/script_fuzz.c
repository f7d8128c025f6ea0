/* script_fuzz.c: a file is read or refused with a place; its header says the same when only its beginning is known;
 * and whatever a message says, a file made with it is read as that message and nothing else. */
#include "script/script.h"
#include "script/template.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static void check_sections(const struct script *script)
{
    const char *behind = script->text.at;
    for (size_t i = 0; i < script->section_count; i++) {
        const struct section *section = &script->sections[i];
        expect(section->sql.at == script->text.at + section->offset && section->sql.at >= behind);
        behind = section->sql.at + section->sql.length;
        expect(behind <= script->text.at + script->text.length);
        expect(section->sql_line == section->line + 1);
    }
}

static void check_judgement(const struct script *script)
{
    for (int i = 0; i < 4; i++) {
        size_t statements = 0;
        struct error err = {0};
        if (!script_judge(script, i & 1 ? DIRECTION_DOWNGRADE : DIRECTION_UPGRADE,
                          i & 2 ? DIALECT_SQLITE : DIALECT_POSTGRESQL, &statements, &err))
            expect(err.line > 0 && err.column > 0 && *err.path && *err.message && *err.hint);
    }
}

static void check_beginning(struct text text, const struct script *script, struct arena *arena)
{
    struct revision revision;
    struct error err = {0};
    for (size_t length = 0; length < text.length; length += text.length / 8 + 1) {
        bool more = false;
        expect(header_parse((struct text){text.at, length}, false, "f.sql", arena, &revision, &more, &err));
        expect(more || strcmp(revision.id, script->revision.id) == 0);
    }
}

static void check_message(const char *message, struct arena *arena)
{
    const struct replacement replacements[] = {{"message", message},  {"revision", "abc"}, {"revises", ""},
                                               {"branch_labels", ""}, {"depends_on", ""},  {"create_date", ""}};
    struct text filled;
    struct script script = {0};
    struct error err = {0};
    const char *revision_sql = builtin_templates[0].revision_sql;
    if (!template_fill(text_of(revision_sql), "t", replacements, 6, arena, &filled, &err))
        return;
    expect(script_parse(filled, "f.sql", arena, &script, &err));
    expect(strcmp(script.revision.id, "abc") == 0 && script.section_count == 2 && script.revision.down.count == 0);
    struct text again;
    const struct replacement same[] = {{"message", script.revision.message},
                                       {"revision", "abc"},
                                       {"revises", ""},
                                       {"branch_labels", ""},
                                       {"depends_on", ""},
                                       {"create_date", ""}};
    expect(template_fill(text_of(revision_sql), "t", same, 6, arena, &again, &err));
    expect(again.length == filled.length && memcmp(again.at, filled.at, filled.length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct script script = {0};
    struct error err = {0};
    struct text text = {.at = (const char *)bytes, .length = size};
    if (script_parse(text, "f.sql", &arena, &script, &err)) {
        check_sections(&script);
        check_judgement(&script);
        check_beginning(text, &script, &arena);
    } else {
        expect(err.code == MIGRATE_MALFORMED_FILE && err.line > 0 && err.column > 0 && *err.message);
    }
    check_message(arena_copy(&arena, text.at, size), &arena);
    arena_free(&arena);
    return 0;
}
