/* graph_language.h: graphs in a line, for the tests of plan/.
 *
 *     "a:; b: a; c: a; d: b c"           d revises b and c
 *     "a[shop till]: ; b: a / x"         labels of a; b revises a and depends on x
 *     "a@5: ; b@3: "                     created then, in microseconds
 *
 * Sets of revisions are written as words: "b c"; steps as "+b +c" or "-c"; version rows as sorted words; row changes as
 * "a>b" (update), ">b" (insert), "a>" (delete), those of one step joined by "&", steps apart by spaces. */
#ifndef MIGRATE_TESTS_GRAPH_LANGUAGE_H
#define MIGRATE_TESTS_GRAPH_LANGUAGE_H

#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline const char *owned(struct text text, struct arena *arena)
{
    text = text_trim(text);
    return arena_copy(arena, text.at, text.length);
}

static inline struct names words_of(struct text text, struct arena *arena)
{
    struct name_list words = {0};
    for (struct text rest = text_trim(text), word; rest.length; rest = text_trim(rest)) {
        word = text_split(rest, ' ', &rest);
        ARENA_PUSH(arena, &words, owned(word, arena));
    }
    return names_of(&words);
}

static inline struct names words(const char *text, struct arena *arena)
{
    return words_of(text_of(text), arena);
}

static inline struct revision sentence(struct text text, struct arena *arena)
{
    struct revision revision = {.message = "", .id_line = 1, .down_line = 2, .labels_line = 3, .depends_line = 4};
    struct text depends, parents, labels, created;
    struct text head = text_split(text, ':', &parents);
    parents = text_split(parents, '/', &depends);
    head = text_split(head, '[', &labels);
    head = text_split(head, '@', &created);
    labels = text_split(labels, ']', &(struct text){0});
    revision.has_created = text_integer(text_trim(created), &revision.created_us);
    revision.id = owned(head, arena);
    revision.path = arena_printf(arena, "%s.sql", revision.id);
    revision.down = words_of(parents, arena);
    revision.depends = words_of(depends, arena);
    revision.labels = words_of(labels, arena);
    return revision;
}

struct revision_list {
    struct revision *items;
    size_t count;
    size_t capacity;
};

static inline bool try_graph(const char *language, struct arena *arena, struct graph *graph, struct error *err)
{
    struct revision_list list = {0};
    for (struct text rest = text_trim(text_of(language)); rest.length; rest = text_trim(rest)) {
        struct text one = text_trim(text_split(rest, ';', &rest));
        if (one.length)
            ARENA_PUSH(arena, &list, sentence(one, arena));
    }
    return graph_build(list.items, list.count, arena, graph, err);
}

static inline struct graph graph_of(const char *language, struct arena *arena)
{
    struct graph graph = {0};
    struct error err = {0};
    if (!try_graph(language, arena, &graph, &err))
        fail_msg("the graph \"%s\" was refused: %s", language, err.message);
    return graph;
}

static inline const char *ids(const struct graph *graph, const struct indexes *indexes, struct arena *arena)
{
    struct buffer text = {.arena = arena};
    for (size_t i = 0; i < indexes->count; i++)
        buffer_printf(&text, "%s%s", i ? " " : "", graph->revisions[indexes->items[i]].id);
    return buffer_done(&text);
}

static inline const char *set_ids(const struct graph *graph, const struct index_set *set, struct arena *arena)
{
    struct indexes sorted = graph_sorted(graph, set, arena);
    return ids(graph, &sorted, arena);
}

static inline const char *code_word(enum migrate_code code)
{
    switch (code) {
    case MIGRATE_USAGE:
        return "usage";
    case MIGRATE_DUPLICATE:
        return "duplicate";
    case MIGRATE_MISSING_PARENT:
        return "missing_parent";
    case MIGRATE_CYCLE:
        return "cycle";
    case MIGRATE_UNKNOWN_REVISION:
        return "unknown_revision";
    case MIGRATE_UNKNOWN_BRANCH:
        return "unknown_branch";
    case MIGRATE_NOT_ON_BRANCH:
        return "not_on_branch";
    case MIGRATE_AMBIGUOUS:
        return "ambiguous";
    case MIGRATE_MULTIPLE_HEADS:
        return "multiple_heads";
    case MIGRATE_OUT_OF_RANGE:
        return "out_of_range";
    case MIGRATE_UNKNOWN_ROW:
        return "unknown_row";
    default:
        return "some other code";
    }
}

/* An error as "code: message [hint]". */
static inline const char *complaint(const struct error *err, struct arena *arena)
{
    return arena_printf(arena, "%s: %s [%s]", code_word(err->code), err->message, err->hint);
}

static inline const char *steps_of(const struct graph *graph, const struct plan *plan, struct arena *arena)
{
    struct buffer text = {.arena = arena};
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct step *step = &plan->steps[i];
        if (step->direction == DIRECTION_STAMP)
            buffer_printf(&text, "%sstamp", i ? " " : "");
        else
            buffer_printf(&text, "%s%c%s", i ? " " : "", step->direction == DIRECTION_UPGRADE ? '+' : '-',
                          graph->revisions[step->revision].id);
    }
    return buffer_done(&text);
}

static inline const char *changes_of(const struct plan *plan, struct arena *arena)
{
    struct buffer text = {.arena = arena};
    for (size_t i = 0; i < plan->step_count; i++)
        for (size_t c = 0; c < plan->steps[i].changes.count; c++) {
            struct row_change change = plan->steps[i].changes.items[c];
            buffer_printf(&text, "%s%s>%s",
                          c   ? "&"
                          : i ? " "
                              : "",
                          change.from ? change.from : "", change.to ? change.to : "");
        }
    return buffer_done(&text);
}

static inline const char *joined(struct names names, struct arena *arena)
{
    return names.count ? names_join(names, " ", arena) : "";
}

#endif
