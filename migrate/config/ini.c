/* ini.c: migrate.ini, and alembic.ini, which is written for Python's configparser.
 *
 * The file is read line by line into a flat list of keys with their sections; a section's settings are then those of
 * its ancestors ([a:b:c] has [a:b] and [a]) and its own. No message quotes a line: it may hold a URL's password. */
#include "config/config.h"

struct key {
    const char *section;
    const char *name;
    struct buffer value;
    unsigned line;
};

struct keys {
    struct key *items;
    size_t count;
    size_t capacity;
};

struct reader {
    const char *path;
    unsigned line;
    struct arena *arena;
    const char *section; /* NULL before the first */
    struct name_list sections;
    struct keys keys;
    bool is_open;  /* a value may go on in an indented line */
    size_t indent; /* of the key whose value it is */
};

static bool malformed(const struct reader *reader, const char *what, struct error *err)
{
    error_set(err, MIGRATE_CONFIGURATION, "%s", what);
    return error_place(err, reader->path, reader->line, 0);
}

static const char *lower_case(struct text text, struct arena *arena)
{
    char *copy = arena_copy(arena, text.at, text.length);
    for (char *at = copy; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + ('a' - 'A'));
    return copy;
}

/* "[name]" -> name, as a slice; false for anything else. */
static bool section_name(struct text line, struct text *name)
{
    if (line.length < 3 || line.at[0] != '[' || line.at[line.length - 1] != ']')
        return false;
    *name = text_trim((struct text){.at = line.at + 1, .length = line.length - 2});
    return name->length > 0;
}

static bool take_section(struct reader *reader, struct text line, struct error *err)
{
    struct text name;
    if (!section_name(line, &name))
        return malformed(reader, "a section is [name], with nothing behind it", err);
    reader->section = arena_copy(reader->arena, name.at, name.length);
    reader->is_open = false;
    ARENA_PUSH(reader->arena, &reader->sections, reader->section);
    return true;
}

static bool take_key(struct reader *reader, struct text line, struct error *err)
{
    size_t length = 0;
    while (length < line.length && line.at[length] != '=' && line.at[length] != ':')
        length++;
    struct text name = text_trim((struct text){.at = line.at, .length = length});
    if (length == line.length || name.length == 0)
        return malformed(reader, "this line is no comment, [section] or key = value", err);
    if (!reader->section)
        return malformed(reader, "a key stands before the first [section]", err);
    struct text value = text_trim((struct text){.at = line.at + length + 1, .length = line.length - length - 1});
    struct key key = {.section = reader->section, .name = lower_case(name, reader->arena), .line = reader->line};
    key.value.arena = reader->arena;
    buffer_text(&key.value, value);
    ARENA_PUSH(reader->arena, &reader->keys, key);
    reader->is_open = true;
    return true;
}

static void take_continuation(struct reader *reader, struct text line)
{
    struct buffer *value = &reader->keys.items[reader->keys.count - 1].value;
    if (value->length)
        buffer_character(value, '\n');
    buffer_text(value, line);
}

static bool take_line(struct reader *reader, struct text whole, struct error *err)
{
    struct text line = text_trim(whole);
    if (line.length == 0 || *line.at == '#' || *line.at == ';')
        return true;
    size_t indent = (size_t)(line.at - whole.at);
    if (reader->is_open && indent > reader->indent) {
        take_continuation(reader, line);
        return true;
    }
    reader->indent = indent;
    return *line.at == '[' ? take_section(reader, line, err) : take_key(reader, line, err);
}

/* Whether `ancestor` is `section` or what it inherits from. */
static bool inherits(const char *section, const char *ancestor)
{
    size_t length = strlen(ancestor);
    return strncmp(section, ancestor, length) == 0 && (section[length] == '\0' || section[length] == ':');
}

static void add_section(const struct keys *keys, const char *section, struct arena *arena, struct settings *settings)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct key *key = &keys->items[i];
        if (strcmp(key->section, section) == 0)
            ARENA_PUSH(arena, settings, (struct setting){key->name, buffer_done(&key->value), key->line});
    }
}

static bool no_section(const struct reader *reader, const char *section, struct error *err)
{
    struct names names = names_of(&reader->sections);
    error_set(err, MIGRATE_CONFIGURATION, "there is no section [%s]", section);
    error_place(err, reader->path, 0, 0);
    if (names.count == 0)
        return false;
    return error_hint(err, "The file has [%s].", names_join(names, "], [", reader->arena));
}

bool ini_parse(struct text text, const char *path, const char *section, struct arena *arena, struct settings *settings,
               struct error *err)
{
    struct reader reader = {.path = path, .arena = arena};
    while (text.length) {
        reader.line++;
        if (!take_line(&reader, text_split(text, '\n', &text), err))
            return false;
    }
    if (!names_have(names_of(&reader.sections), section) && strcmp(section, "migrate") != 0)
        return no_section(&reader, section, err);
    for (size_t length = 1; length <= strlen(section); length++) {
        const char *ancestor = arena_copy(arena, section, length);
        if (inherits(section, ancestor))
            add_section(&reader.keys, ancestor, arena, settings);
    }
    return true;
}

struct names ini_sections(struct text text, struct arena *arena)
{
    struct name_list sections = {0};
    while (text.length) {
        struct text name;
        if (section_name(text_trim(text_split(text, '\n', &text)), &name))
            ARENA_PUSH(arena, &sections, arena_copy(arena, name.at, name.length));
    }
    return names_of(&sections);
}
