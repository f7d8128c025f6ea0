/* file.h: files and folders, with errors that name them. */
#ifndef MIGRATE_BASE_FILE_H
#define MIGRATE_BASE_FILE_H

#include "base/text.h"

/* The whole file in the arena, with a NUL behind it that is not counted. MIGRATE_FILE, also for a folder. */
MUST_CHECK bool file_read(const char *path, struct arena *arena, struct text *content, struct error *err);
/* Its first `limit_bytes` at most, into the arena; *whole says whether that was all. Two or three system calls: made
 * for reading thousands of headers. `folder` is a descriptor from folder_open() and `name` a name in it; `path` is for
 * messages. */
MUST_CHECK bool file_read_head(int folder, const char *name, const char *path, size_t limit_bytes, struct arena *arena,
                               struct text *content, bool *whole, struct error *err);

/* A file for reading: mapped, so that its size does not count as our memory; a small one, where a mapping would cost
 * more than it saves, is a copy. */
struct file_map {
    struct text content;
    size_t mapped_bytes; /* 0: a copy, or empty, or text from elsewhere */
    char *copy;          /* malloc'd; NULL: none */
};
MUST_CHECK bool file_map(const char *path, struct file_map *map, struct error *err);
void file_unmap(struct file_map *map);
/* Lets the kernel take back the pages before `offset`. */
void file_map_forget(const struct file_map *map, size_t offset);
/* For whoever walks through the content: `at` is how far, *passed_bytes the walk's own count, 0 to begin with. Every
 * few megabytes what lies behind is forgotten, so that a large file is never in memory as a whole. */
void file_map_pass(const struct file_map *map, const char *at, size_t *passed_bytes);

/* Writes a new file; MIGRATE_FILE_EXISTS if there is one of that name. Written beside it, synced and linked
 * into place, so that nothing half-written is ever seen or left behind. */
MUST_CHECK bool file_create(const char *path, struct text content, struct error *err);
/* Gives a file that is written to its end its name; MIGRATE_FILE_EXISTS, and the file left as it is, if there is one of
 * that name. Both are on one file system. */
MUST_CHECK bool file_place(const char *temporary, const char *path, struct error *err);
/* Creates the folder and those above it; one that exists is fine. */
MUST_CHECK bool folder_create(const char *path, struct error *err);
bool file_exists(const char *path);
bool folder_exists(const char *path);

struct folder_entry {
    const char *name;
    bool is_folder; /* through a symbolic link too */
};
struct folder_list {
    struct folder_entry *items;
    size_t count;
    size_t capacity;
};
/* Names in byte order, without "." and "..". */
MUST_CHECK bool folder_read(const char *path, struct arena *arena, struct folder_list *entries, struct error *err);
/* For file_read_head; close it with close(). */
MUST_CHECK bool folder_open(const char *path, int *folder, struct error *err);

/* "folder/name"; `name` alone if it is absolute or folder is "" or ".". */
const char *path_join(struct arena *arena, const char *folder, const char *name);
/* What stands before the last '/': "." if there is none, "/" for "/x". */
const char *path_folder(struct arena *arena, const char *path);
/* What stands behind the last '/'. */
const char *path_name(const char *path);

#endif
