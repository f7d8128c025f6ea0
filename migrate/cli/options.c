/* options.c: reading options by table. */
#include "cli/options.h"

#include <assert.h>
#include <limits.h>

bool option_like(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9');
}

void options_initial(struct option_table table, void *into)
{
    for (size_t i = 0; i < table.count; i++) {
        const struct option *option = &table.rows[i];
        void *value = (char *)into + option->offset;
        if (option->kind == OPTION_DURATION)
            *(int64_t *)value = option->initial;
        else if (option->kind == OPTION_INTEGER)
            *(int *)value = (int)option->initial;
    }
}

const struct option *option_named(const struct option_reader *reader, struct text name)
{
    for (size_t t = 0; t < reader->table_count; t++)
        for (size_t i = 0; i < reader->tables[t].count; i++)
            if (text_is(name, reader->tables[t].rows[i].name))
                return &reader->tables[t].rows[i];
    return NULL;
}

const struct option *option_lettered(const struct option_reader *reader, char letter)
{
    for (size_t t = 0; t < reader->table_count; t++)
        for (size_t i = 0; i < reader->tables[t].count; i++)
            if (reader->tables[t].rows[i].letter == letter)
                return &reader->tables[t].rows[i];
    return NULL;
}

static const char *listed(const struct option_reader *reader)
{
    return reader->listed ? reader->listed : "";
}

static bool unknown_option(const struct option_reader *reader, struct text name, struct error *err)
{
    struct name_list names = {0};
    for (size_t t = 0; t < reader->table_count; t++)
        for (size_t i = 0; i < reader->tables[t].count; i++)
            ARENA_PUSH(reader->arena, &names, reader->tables[t].rows[i].name);
    const char *closest = text_closest(arena_copy(reader->arena, name.at, name.length), names_of(&names));
    error_set(err, MIGRATE_USAGE, "there is no option --%.*s", (int)name.length, name.at);
    return closest ? error_hint(err, "Did you mean --%s?", closest) : error_hint(err, "%s", listed(reader));
}

static bool unknown_letter(const struct option_reader *reader, const char *word, char letter, struct error *err)
{
    if (word[2] == '\0') {
        error_set(err, MIGRATE_USAGE, "there is no option -%c", letter);
        return error_hint(err, "%s", listed(reader));
    }
    error_set(err, MIGRATE_USAGE, "there is no option -%c, as in %s", letter, word);
    return error_hint(err, "Long options begin with two dashes: -%s.", word);
}

static bool not_a_choice(const struct option *option, const char *value, struct arena *arena, struct error *err)
{
    struct name_list names = {0};
    for (const char *const *choice = option->choices; *choice; choice++)
        ARENA_PUSH(arena, &names, *choice);
    const char *closest = text_closest(value, names_of(&names));
    error_set(err, MIGRATE_USAGE, "--%s takes %s, not \"%s\"", option->name,
              names_join(names_of(&names), " or ", arena), value);
    return closest ? error_hint(err, "Did you mean %s?", closest) : false;
}

static bool put_integer(const struct option *option, const char *value, int *into, struct error *err)
{
    int64_t number = 0;
    if (!text_integer(text_of(value), &number) || number < 0 || number > INT_MAX)
        return error_set(err, MIGRATE_USAGE, "--%s takes a whole number, not \"%s\"", option->name, value);
    *into = (int)number;
    return true;
}

static bool put_duration(const struct option *option, const char *value, int64_t *into, struct error *err)
{
    if (text_duration(text_of(value), 1000, into))
        return true;
    error_set(err, MIGRATE_USAGE, "--%s takes a duration, not \"%s\"", option->name, value);
    return error_hint(err, "Write it as 500ms, 30s, 5min or 1h; a bare number is seconds.");
}

static bool put(struct option_reader *reader, const struct option *option, const char *value, struct error *err)
{
    void *into = (char *)reader->into + option->offset;
    size_t choice = 0;
    if (option->choices) {
        assert(value); // what has choices is no flag
        while (option->choices[choice] && strcmp(option->choices[choice], value) != 0)
            choice++;
        if (!option->choices[choice])
            return not_a_choice(option, value, reader->arena, err);
    }
    switch (option->kind) {
    case OPTION_FLAG:
    case OPTION_STOP:
        *(bool *)into = true;
        reader->stopped |= option->kind == OPTION_STOP;
        return true;
    case OPTION_TEXT:
        *(const char **)into = value;
        return true;
    case OPTION_LIST:
        ARENA_PUSH(reader->arena, (struct name_list *)into, value);
        return true;
    case OPTION_CHOICE:
        *(int *)into = (int)choice;
        return true;
    case OPTION_DURATION:
        return put_duration(option, value, into, err);
    case OPTION_INTEGER:
        return put_integer(option, value, into, err);
    }
    return true;
}

/* A word that names an option of ours is not the value: the value was forgotten. Anything else is ("-m '- tidy up'").
 */
static bool is_option(const struct option_reader *reader, const char *word)
{
    if (!option_like(word))
        return false;
    if (word[1] != '-')
        return word[2] == '\0' && option_lettered(reader, word[1]);
    struct text rest, name = text_split(text_of(word + 2), '=', &rest);
    return name.length == 0 || option_named(reader, name);
}

static bool next_value(struct option_reader *reader, const struct option *option, const char **value, struct error *err)
{
    if (reader->at < reader->argc && !is_option(reader, reader->argv[reader->at])) {
        *value = reader->argv[reader->at++];
        return true;
    }
    return error_set(err, MIGRATE_USAGE, "--%s needs a value: --%s %s", option->name, option->name, option->argument);
}

static bool read_long(struct option_reader *reader, const char *word, struct error *err)
{
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const struct option *option = option_named(reader, (struct text){.at = word + 2, .length = length - 2});
    if (!option)
        return unknown_option(reader, (struct text){.at = word + 2, .length = length - 2}, err);
    const char *value = equals ? equals + 1 : option->implied;
    if (option_is_flag(option) && equals)
        return error_set(err, MIGRATE_USAGE, "--%s takes no value", option->name);
    if (!option_is_flag(option) && !value && !next_value(reader, option, &value, err))
        return false;
    return put(reader, option, value, err);
}

/* -v, -vq, -c FILE, -cFILE: letters up to the first that takes a value. */
static bool read_letters(struct option_reader *reader, const char *word, struct error *err)
{
    for (const char *letter = word + 1; *letter; letter++) {
        const struct option *option = option_lettered(reader, *letter);
        if (!option)
            return unknown_letter(reader, word, *letter, err);
        if (option_is_flag(option)) {
            if (!put(reader, option, NULL, err))
                return false;
            continue;
        }
        const char *value = letter[1] ? letter + 1 : option->implied;
        if (!value && !next_value(reader, option, &value, err))
            return false;
        return put(reader, option, value, err);
    }
    return true;
}

bool options_read(struct option_reader *reader, const char **argument, struct error *err)
{
    *argument = NULL;
    while (reader->at < reader->argc && !reader->stopped) {
        const char *word = reader->argv[reader->at++];
        if (reader->only_arguments || !option_like(word)) {
            *argument = word;
            return true;
        }
        if (strcmp(word, "--") == 0)
            reader->only_arguments = true;
        else if (!(word[1] == '-' ? read_long(reader, word, err) : read_letters(reader, word, err)))
            return false;
    }
    return true;
}
