/* arena.h: memory for one run of a verb.
 *
 * A function that takes an arena puts its result there; everything goes at once, or back to a mark. With
 * -DARENA_MALLOC each allocation is a malloc of its own, so that the sanitizers see inside. When the system has no
 * memory left the process aborts (migrate.h says so to embedders): there is no half-built result to handle. */
#ifndef MIGRATE_BASE_ARENA_H
#define MIGRATE_BASE_ARENA_H

#include "base/error.h"

#include <stdarg.h>
#include <string.h>

struct arena_block;

struct arena {
    struct arena_block *last; /* newest first */
};

/* A point to come back to. */
struct arena_mark {
    struct arena_block *block;
    size_t used;
};

/* An arena starts as {0}. */
void arena_free(struct arena *arena);
struct arena_mark arena_mark(const struct arena *arena);
/* Frees whatever was allocated since the mark. */
void arena_rewind(struct arena *arena, struct arena_mark mark);

/* Zeroed, aligned for any type; never NULL. size_bytes 0 gives a pointer that may not be read. */
void *arena_alloc(struct arena *arena, size_t size_bytes);
/* count * size_bytes with the overflow checked. */
void *arena_array(struct arena *arena, size_t count, size_t size_bytes);
/* A copy that ends in NUL. */
char *arena_copy(struct arena *arena, const char *text, size_t length);
char *arena_string(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments) PRINTF_LIKE(2, 0);
/* A larger copy of `old_count` items; the old one is left in the arena. */
void *arena_grow(struct arena *arena, const void *items, size_t old_count, size_t new_count, size_t size_bytes);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_array((arena), (count), sizeof(type)))

/* Appends to a list { T *items; size_t count; size_t capacity; }. */
#define ARENA_PUSH(arena, list, ...)                                                                                   \
    do {                                                                                                               \
        if ((list)->count == (list)->capacity) {                                                                       \
            size_t more = (list)->capacity ? (list)->capacity * 2 : 8;                                                 \
            (list)->items = arena_grow((arena), (list)->items, (list)->count, more, sizeof *(list)->items);            \
            (list)->capacity = more;                                                                                   \
        }                                                                                                              \
        (list)->items[(list)->count++] = (__VA_ARGS__);                                                                \
    } while (0)

/* Strings in order; items is NULL when there are none. */
struct names {
    const char *const *items;
    size_t count;
};

/* Names that are still being gathered. */
struct name_list {
    const char **items;
    size_t count;
    size_t capacity;
};

static inline struct names names_of(const struct name_list *list)
{
    return (struct names){.items = list->items, .count = list->count};
}

static inline bool names_have(struct names names, const char *name)
{
    for (size_t i = 0; i < names.count; i++)
        if (strcmp(names.items[i], name) == 0)
            return true;
    return false;
}

/* The same names in the same order? */
static inline bool names_equal(struct names a, struct names b)
{
    bool equal = a.count == b.count;
    for (size_t i = 0; equal && i < a.count; i++)
        equal = strcmp(a.items[i], b.items[i]) == 0;
    return equal;
}

/* "a, b, c" */
char *names_join(struct names names, const char *separator, struct arena *arena);

#endif
