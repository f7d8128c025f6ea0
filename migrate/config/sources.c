/* sources.c: finds the files, reads them, and looks a name up in one source. */
#include "config/sources.h"

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* --- the files ---------------------------------------------------------------------------------- */

const char *short_path(const char *path, struct arena *arena)
{
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
        path += strspn(path, "/");
    }
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length ? arena_copy(arena, path, length) : ".";
}

static bool is_file(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISDIR(about.st_mode);
}

/* "migrate.ini", "../migrate.ini", ... up to the root; NULL: none of these is there. */
static const char *nearest_ini(struct arena *arena)
{
    const char *folder = ".";
    for (;;) {
        const char *path = path_join(arena, folder, "migrate.ini");
        if (is_file(path))
            return path;
        const char *above = strcmp(folder, ".") == 0 ? ".." : path_join(arena, folder, "..");
        struct stat here, there;
        if (stat(folder, &here) != 0 || stat(above, &there) != 0 ||
            (here.st_dev == there.st_dev && here.st_ino == there.st_ino))
            return NULL;
        folder = above;
    }
}

static unsigned line_at(struct text text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text.at[i] == '\n';
    return line;
}

/* What `errno` says of a path that leads nowhere. */
static bool is_missing(int number)
{
    return number == ENOENT || number == ENOTDIR;
}

bool config_file_read(const char *path, struct arena *arena, struct text *content, struct error *err)
{
    struct stat about;
    if (file_read(path, arena, content, err))
        return true;
    if (stat(path, &about) == 0 ? S_ISDIR(about.st_mode) : is_missing(errno))
        err->code = MIGRATE_CONFIGURATION; // whoever named it is to blame, not the disk or its rights
    return false;
}

/* A file's text, without a byte order mark; it must be UTF-8 and hold no NUL, which would cut a value short. */
static bool read_text(const char *path, struct arena *arena, struct text *text, struct error *err)
{
    if (!config_file_read(path, arena, text, err))
        return false;
    const char *nul = memchr(text->at, '\0', text->length);
    size_t good = nul ? (size_t)(nul - text->at) : text_utf8_length(*text);
    if (good < text->length) {
        error_set(err, MIGRATE_CONFIGURATION, nul ? "there is a NUL byte in this line" : "this line is not in UTF-8");
        return error_place(err, path, line_at(*text, good), 0);
    }
    if (text_starts(*text, "\xEF\xBB\xBF"))
        *text = (struct text){.at = text->at + 3, .length = text->length - 3};
    return true;
}

bool sources_read_ini(struct sources *sources, const char *section, struct error *err)
{
    if (!sources->ini_path)
        return true;
    struct text text;
    if (!read_text(sources->ini_path, sources->arena, &text, err) ||
        !ini_parse(text, sources->ini_path, section, sources->arena, &sources->ini_file, err))
        return false;
    struct names sections = ini_sections(text, sources->arena);
    if (!names_have(sections, section))
        ARENA_PUSH(sources->arena, &sources->warnings,
                   arena_printf(sources->arena, "%s has no section [%s]%s", sources->ini_path, section,
                                names_have(sections, "alembic") ? "; --name alembic reads the one it has" : ""));
    return true;
}

bool sources_find_ini(struct sources *sources, const struct config_overrides *overrides, struct error *err)
{
    struct value variable;
    const char *named = overrides->config;
    if (!named && sources_environment(sources, "MIGRATE_CONFIG", &variable))
        named = variable.text;
    sources->ini_path = named ? short_path(named, sources->arena) : nearest_ini(sources->arena);
    if (!named || is_file(named))
        return true;
    struct stat about;
    if (stat(named, &about) == 0)
        error_set(err, MIGRATE_CONFIGURATION, "%s is a folder, where a configuration file should be", named);
    else if (is_missing(errno))
        error_set(err, MIGRATE_CONFIGURATION, "there is no configuration file %s", named);
    else
        error_errno(err, "%s", named);
    return error_hint(err, "It was named by %s.", overrides->config ? "--config" : "MIGRATE_CONFIG in the environment");
}

/* A folder of that name is some Python's virtual environment and no concern of ours. */
bool sources_read_env(struct sources *sources, const struct config_overrides *overrides, struct error *err)
{
    const char *path = overrides->env_file ? overrides->env_file : path_join(sources->arena, sources->folder, ".env");
    if (overrides->no_env_file || (!overrides->env_file && !is_file(path)))
        return true;
    struct text text;
    sources->env_path = short_path(path, sources->arena);
    if (read_text(sources->env_path, sources->arena, &text, err))
        return env_parse(text, sources->env_path, sources->arena, &sources->env_file, err);
    return err->hint[0] ? false : error_hint(err, "--no-env-file goes without it.");
}

/* --- looking a name up -------------------------------------------------------------------------- */

/* A variable that was filled from a file often has the line's end on it, which is part of no value. */
bool sources_environment(const struct sources *sources, const char *variable, struct value *value)
{
    const char *text = getenv(variable);
    size_t length = text ? strlen(text) : 0;
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    *value = (struct value){.text = length ? arena_copy(sources->arena, text, length) : NULL, .name = variable};
    return value->text != NULL;
}

/* The last of its name; an empty one unsets those before it. */
static bool in_settings(const struct settings *settings, const char *path, const char *name, struct value *value)
{
    *value = (struct value){0};
    for (size_t i = settings->count; i-- > 0;) {
        const struct setting *setting = &settings->items[i];
        if (strcmp(setting->name, name) != 0)
            continue;
        *value = (struct value){.text = *setting->value ? setting->value : NULL, name, path, setting->line};
        break;
    }
    return value->text != NULL;
}

bool sources_env_file(const struct sources *sources, const char *variable, struct value *value)
{
    return in_settings(&sources->env_file, sources->env_path, variable, value);
}

bool sources_ini_file(const struct sources *sources, const char *name, struct value *value)
{
    return in_settings(&sources->ini_file, sources->ini_path, name, value);
}
