/* arena.c: blocks that double, newest first; with ARENA_MALLOC a block for each allocation. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BLOCK_BYTES = 16 * 1024, LARGEST_BLOCK_BYTES = 1024 * 1024 };

struct arena_block {
    struct arena_block *before;
    size_t size_bytes;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

#ifndef ARENA_MALLOC
static size_t aligned(size_t size_bytes)
{
    size_t unit = alignof(max_align_t);
    return (size_bytes + unit - 1) / unit * unit;
}
#endif

static size_t block_size(const struct arena *arena, size_t size_bytes)
{
#ifdef ARENA_MALLOC
    (void)arena;
    return size_bytes;
#else
    size_t wanted = arena->last ? arena->last->size_bytes * 2 : FIRST_BLOCK_BYTES;
    if (wanted > LARGEST_BLOCK_BYTES)
        wanted = LARGEST_BLOCK_BYTES;
    return wanted > size_bytes ? wanted : size_bytes;
#endif
}

static void push_block(struct arena *arena, size_t size_bytes)
{
    size_bytes = block_size(arena, size_bytes);
    struct arena_block *block = size_bytes > SIZE_MAX - sizeof *block ? NULL : malloc(sizeof *block + size_bytes);
    if (!block)
        abort();
    block->before = arena->last;
    block->size_bytes = size_bytes;
    block->used = 0;
    arena->last = block;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX / 2)
        abort();
#ifdef ARENA_MALLOC
    size_t size = size_bytes;
    push_block(arena, size);
#else
    size_t size = aligned(size_bytes);
    if (!arena->last || arena->last->size_bytes - arena->last->used < size)
        push_block(arena, size);
#endif
    void *memory = arena->last->bytes + arena->last->used;
    arena->last->used += size;
    memset(memory, 0, size);
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size_bytes)
{
    if (size_bytes && count > SIZE_MAX / 2 / size_bytes)
        abort();
    return arena_alloc(arena, count * size_bytes);
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}

char *arena_string(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        abort();
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

void *arena_grow(struct arena *arena, const void *items, size_t old_count, size_t new_count, size_t size_bytes)
{
    void *more = arena_array(arena, new_count, size_bytes);
    if (old_count)
        memcpy(more, items, old_count * size_bytes);
    return more;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){.block = arena->last, .used = arena->last ? arena->last->used : 0};
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    while (arena->last != mark.block) {
        struct arena_block *gone = arena->last;
        arena->last = gone->before;
        free(gone);
    }
    if (arena->last)
        arena->last->used = mark.used;
}

void arena_free(struct arena *arena)
{
    arena_rewind(arena, (struct arena_mark){0});
}

char *names_join(struct names names, const char *separator, struct arena *arena)
{
    size_t length = 0;
    for (size_t i = 0; i < names.count; i++)
        length += strlen(names.items[i]) + strlen(separator);
    char *joined = arena_alloc(arena, length + 1);
    char *end = joined;
    for (size_t i = 0; i < names.count; i++) {
        if (i)
            end = stpcpy(end, separator);
        end = stpcpy(end, names.items[i]);
    }
    return joined;
}
