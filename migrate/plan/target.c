/* target.c: the grammar of what a user calls a revision. It knows no graph; which revisions are meant, resolve.c and
 * range.c say. */
#include "plan/target.h"

static bool is_name(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.at[i] <= ' ' || text.at[i] == 0x7f || memchr("@+-:,<>", text.at[i], 7))
            return false;
    return text.length > 0;
}

static bool no_target(const char *wanted, struct error *err)
{
    error_set(err, MIGRATE_USAGE, "\"%s\" does not name a revision", wanted);
    return error_hint(err, "Write an id, the beginning of one, a branch label, head, heads, base or current, each with "
                           "BRANCH@ in front or +N or -N behind if needed.");
}

/* "+2", "-2": what follows the sign must be digits to the end. */
static bool parse_offset(const char *wanted, struct text text, int64_t *offset, struct error *err)
{
    for (size_t i = 1; i < text.length; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return no_target(wanted, err);
    if (text.length < 2)
        return no_target(wanted, err);
    if (!text_integer(text, offset)) {
        error_set(err, MIGRATE_OUT_OF_RANGE, "\"%s\" walks further than any history is long", wanted);
        return error_hint(err, "Write a smaller number.");
    }
    if (*offset == 0) {
        error_set(err, MIGRATE_OUT_OF_RANGE, "\"%s\" walks no step", wanted);
        return error_hint(err, "Write a number from 1, or leave the %c0 away.", *text.at);
    }
    return true;
}

static enum symbol symbol_of(struct text name)
{
    static const struct {
        const char *name;
        enum symbol symbol;
    } symbols[] = {{"head", SYMBOL_HEAD}, {"heads", SYMBOL_HEADS}, {"base", SYMBOL_BASE}, {"current", SYMBOL_CURRENT}};
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        if (text_is(name, symbols[i].name))
            return symbols[i].symbol;
    return SYMBOL_NAME;
}

bool target_parse(const char *wanted, struct arena *arena, struct target *target, struct error *err)
{
    struct target parsed = {.text = arena_string(arena, wanted)};
    struct text rest = text_of(parsed.text);
    if (strchr(wanted, '@')) {
        struct text branch = text_split(rest, '@', &rest);
        if (!is_name(branch) || rest.length == 0)
            return no_target(wanted, err);
        parsed.branch = arena_copy(arena, branch.at, branch.length);
    }
    size_t length = strcspn(rest.at, "+-");
    struct text name = {.at = rest.at, .length = length};
    struct text offset = {.at = rest.at + length, .length = rest.length - length};
    if ((name.length && !is_name(name)) || rest.length == 0)
        return no_target(wanted, err);
    if (offset.length && !parse_offset(wanted, offset, &parsed.offset, err))
        return false;
    if (name.length)
        parsed.symbol = symbol_of(name);
    if (parsed.symbol == SYMBOL_NAME)
        parsed.name = arena_copy(arena, name.at, name.length);
    *target = parsed;
    return true;
}

bool range_parse(const char *wanted, struct arena *arena, struct range *range, struct error *err)
{
    const char *colon = strchr(wanted, ':');
    if (!colon || strchr(colon + 1, ':')) {
        error_set(err, MIGRATE_USAGE, "\"%s\" is no range", wanted);
        return error_hint(err, "Write FROM:TO, FROM: or :TO.");
    }
    struct range parsed = {.has_from = colon > wanted, .has_to = colon[1] != '\0'};
    const char *from = arena_copy(arena, wanted, (size_t)(colon - wanted));
    if ((parsed.has_from && !target_parse(from, arena, &parsed.from, err)) ||
        (parsed.has_to && !target_parse(colon + 1, arena, &parsed.to, err)))
        return false;
    if (parsed.has_from && parsed.has_to && parsed.from.symbol == SYMBOL_NONE && parsed.to.symbol == SYMBOL_NONE) {
        error_set(err, MIGRATE_USAGE, "both ends of \"%s\" count from the other one", wanted);
        return error_hint(err, "Name a revision at one end, as in current:+2 or -2:head.");
    }
    *range = parsed;
    return true;
}

bool target_needs_rows(const struct target *target)
{
    return target->symbol == SYMBOL_NONE || target->symbol == SYMBOL_CURRENT;
}
