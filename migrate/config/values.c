/* values.c: how the text of a setting is read. */
#include "config/values.h"

#include "base/file.h"

#include <limits.h>
#include <stdlib.h>

static bool wrong(const struct value *value, struct error *err, const char *what)
{
    error_set(err, MIGRATE_CONFIGURATION, "%s%s: %s", value->name, value->path ? "" : " in the environment", what);
    if (value->path)
        error_place(err, value->path, value->line, 0);
    return false;
}

static const char *absolute(const char *folder, struct arena *arena)
{
    char path[PATH_MAX];
    return arena_string(arena, realpath(folder, path) ? path : folder);
}

bool value_interpolate(const struct sources *sources, const struct value *value, const char **result, struct error *err)
{
    static const char here[] = "%(here)s";
    struct buffer text = {.arena = sources->arena};
    for (const char *at = value->text; *at; at++) {
        if (strncmp(at, here, sizeof here - 1) == 0) {
            buffer_string(&text, absolute(sources->folder, sources->arena));
            at += sizeof here - 2;
        } else if (at[0] == '%' && at[1] == '(') {
            return wrong(value, err, "%(here)s is the only name that can be filled in");
        } else {
            buffer_character(&text, *at);
            at += at[0] == '%' && at[1] == '%';
        }
    }
    *result = buffer_done(&text);
    return true;
}

/* A path as it can be opened from the current folder: one in migrate.ini starts where that is. */
static const char *located(const struct sources *sources, const struct value *value, const char *path)
{
    if (!value->path || value->path != sources->ini_path)
        return short_path(path, sources->arena);
    const char *here = absolute(sources->folder, sources->arena);
    size_t length = strlen(here);
    if (strncmp(path, here, length) == 0 && path[length] == '/') // came from %(here)s
        path += length + 1 + strspn(path + length + 1, "/");
    return short_path(path_join(sources->arena, sources->folder, short_path(path, sources->arena)), sources->arena);
}

bool take_text(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    (void)sources, (void)err;
    *(const char **)field = value->text;
    return true;
}

bool take_location(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    const char *path = NULL;
    if (!value_interpolate(sources, value, &path, err))
        return false;
    *(const char **)field = located(sources, value, path);
    return true;
}

/* Folders with commas or white space between them. */
bool take_locations(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    const char *text = NULL;
    if (!value_interpolate(sources, value, &text, err))
        return false;
    struct name_list folders = {0};
    while (*(text += strspn(text, ", \t\r\n"))) {
        size_t length = strcspn(text, ", \t\r\n");
        ARENA_PUSH(sources->arena, &folders, located(sources, value, arena_copy(sources->arena, text, length)));
        text += length;
    }
    *(struct names *)field = names_of(&folders);
    return true;
}

/* Alembic's %%(rev)s and %%(month).2d are read as our own ${rev} and ${month}. */
bool take_file_template(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    (void)err;
    struct buffer text = {.arena = sources->arena};
    for (const char *at = value->text; *at;) {
        const char *open = at + strspn(at, "%");
        const char *close = open > at && *open == '(' ? strchr(open, ')') : NULL;
        const char *type = close ? close + 1 + strspn(close + 1, ".0123456789") : NULL;
        if (type && (*type == 's' || *type == 'd')) {
            buffer_printf(&text, "${%.*s}", (int)(close - open - 1), open + 1);
            at = type + 1;
        } else {
            buffer_character(&text, *at++);
        }
    }
    *(const char **)field = buffer_done(&text);
    return true;
}

bool take_history_table(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    (void)sources, (void)err;
    *(const char **)field = strcmp(value->text, "none") == 0 ? NULL : value->text;
    return true;
}

bool take_pooler(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    (void)sources;
    bool is_session = strcmp(value->text, "session") == 0;
    if (!is_session && strcmp(value->text, "none") != 0)
        return wrong(value, err, "is \"session\" (the pooler keeps one server connection for ours) or \"none\"");
    *(bool *)field = is_session;
    return true;
}

static bool take_duration(const struct sources *sources, const struct value *value, int64_t unit_ms,
                          int64_t *milliseconds, struct error *err)
{
    if (text_duration(text_of(value->text), unit_ms, milliseconds))
        return true;
    return wrong(value, err,
                 arena_printf(sources->arena, "\"%s\" is no time: a number of %s, or one with ms, s, min or h",
                              value->text, unit_ms == 1 ? "milliseconds" : "seconds"));
}

bool take_milliseconds(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    return take_duration(sources, value, 1, field, err);
}

bool take_wait(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    return take_duration(sources, value, 1000, field, err);
}

bool take_seconds(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    int64_t milliseconds = 0;
    if (!take_duration(sources, value, 1000, &milliseconds, err))
        return false;
    *(int64_t *)field = milliseconds / 1000 + (milliseconds % 1000 != 0); // 500ms is not "for ever", which 0 is
    return true;
}

bool take_ssl_mode(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
    struct names names = {modes, sizeof modes / sizeof modes[0]};
    *(const char **)field = value->text;
    if (names_have(names, value->text))
        return true;
    return wrong(
        value, err,
        arena_printf(sources->arena, "\"%s\" is none of %s", value->text, names_join(names, ", ", sources->arena)));
}

/* "system" is libpq's word for the system's own roots. */
bool take_certificate(const struct sources *sources, const struct value *value, void *field, struct error *err)
{
    if (strcmp(value->text, "system") == 0)
        return take_text(sources, value, field, err);
    return take_location(sources, value, field, err);
}
