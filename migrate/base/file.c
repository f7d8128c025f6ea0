/* file.c: files and folders, with errors that name them. */
#include "base/file.h"

#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads until `limit` bytes or the end. -1 with errno. */
static ssize_t read_up_to(int file, char *bytes, size_t limit)
{
    size_t used = 0;
    while (used < limit) {
        ssize_t got = read(file, bytes + used, limit - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

static bool read_open_file(int file, const char *path, struct arena *arena, struct text *content, struct error *err)
{
    struct stat about;
    if (fstat(file, &about) != 0)
        return error_errno(err, "%s", path);
    struct buffer buffer = {.arena = arena};
    size_t room = about.st_size > 0 ? (size_t)about.st_size : 4096; // pipes and /proc say 0
    for (;;) {
        char *bytes = arena_alloc(arena, room + 1);
        ssize_t got = read_up_to(file, bytes, room);
        if (got < 0)
            return error_errno(err, "%s", path);
        if (buffer.length == 0 && got == about.st_size) {
            *content = (struct text){.at = bytes, .length = (size_t)got};
            return true;
        }
        buffer_add(&buffer, bytes, (size_t)got);
        if ((size_t)got < room)
            break;
    }
    *content = (struct text){.at = buffer_done(&buffer), .length = buffer.length};
    return true;
}

bool file_read(const char *path, struct arena *arena, struct text *content, struct error *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_errno(err, "%s", path);
    bool ok = read_open_file(file, path, arena, content, err);
    close(file);
    return ok;
}

bool file_read_head(int folder, const char *name, const char *path, size_t limit_bytes, struct arena *arena,
                    struct text *content, bool *whole, struct error *err)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a FIFO must not hang us
    if (file < 0)
        return error_errno(err, "%s", path);
    char *bytes = arena_alloc(arena, limit_bytes + 1);
    ssize_t got = read(file, bytes, limit_bytes);
    bool ok = got >= 0 || error_errno(err, "%s", path);
    close(file);
    if (!ok)
        return false;
    *content = (struct text){.at = bytes, .length = (size_t)got};
    *whole = (size_t)got < limit_bytes;
    return true;
}

enum { SMALL_BYTES = 8 * 1024 }; // two pages: less than what a mapping takes with its page tables and faults

static bool copy_open_file(int file, const char *path, struct file_map *map, struct error *err)
{
    char *copy = malloc(map->content.length);
    if (!copy)
        abort();
    ssize_t got = read_up_to(file, copy, map->content.length);
    if (got < 0) {
        free(copy);
        return error_errno(err, "%s", path);
    }
    *map = (struct file_map){.content = {.at = copy, .length = (size_t)got}, .copy = copy};
    return true;
}

static bool map_open_file(int file, const char *path, struct file_map *map, struct error *err)
{
    struct stat about;
    if (fstat(file, &about) != 0)
        return error_errno(err, "%s", path);
    if (!S_ISREG(about.st_mode)) {
        errno = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
        return error_errno(err, "%s", path);
    }
    *map = (struct file_map){.content = {.at = "", .length = (size_t)about.st_size}};
    if (about.st_size == 0)
        return true;
    if (about.st_size <= SMALL_BYTES)
        return copy_open_file(file, path, map, err);
    void *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        return error_errno(err, "%s", path);
    map->content.at = bytes;
    map->mapped_bytes = (size_t)about.st_size;
    return true;
}

bool file_map(const char *path, struct file_map *map, struct error *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return error_errno(err, "%s", path);
    bool ok = map_open_file(file, path, map, err);
    close(file);
    return ok;
}

void file_unmap(struct file_map *map)
{
    if (map->mapped_bytes)
        munmap((void *)(uintptr_t)map->content.at, map->mapped_bytes);
    free(map->copy);
    *map = (struct file_map){0};
}

void file_map_forget(const struct file_map *map, size_t offset)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole_pages = offset / page * page;
    if (map->mapped_bytes && whole_pages)
        madvise((void *)(uintptr_t)map->content.at, whole_pages, MADV_DONTNEED);
}

void file_map_pass(const struct file_map *map, const char *at, size_t *passed_bytes)
{
    static const size_t stride_bytes = 4 * 1024 * 1024;
    if (!map->mapped_bytes)
        return;
    size_t offset = (size_t)(at - map->content.at);
    if (offset < *passed_bytes + stride_bytes)
        return;
    file_map_forget(map, offset);
    *passed_bytes = offset;
}

static bool write_all(int file, struct text content)
{
    while (content.length) {
        ssize_t put = write(file, content.at, content.length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        content.at += put;
        content.length -= (size_t)put;
    }
    return true;
}

/* link() refuses a name that exists, which rename() would overwrite. Where there are no links (many network and FUSE
 * file systems) that is all there is. */
bool file_place(const char *temporary, const char *path, struct error *err)
{
    bool placed = link(temporary, path) == 0;
    bool has_no_links = !placed && (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS);
    if (placed)
        unlink(temporary);
    else if (has_no_links && !file_exists(path))
        placed = rename(temporary, path) == 0;
    if (placed)
        return true;
    if (errno == EEXIST || has_no_links)
        return error_set(err, MIGRATE_FILE_EXISTS, "%s exists already", path);
    return error_errno(err, "cannot write %s", path);
}

static bool create_by_way_of(const char *temporary, const char *path, struct text content, struct error *err)
{
    int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0)
        return error_errno(err, "cannot write %s", path);
    bool ok = (write_all(file, content) && fsync(file) == 0) || error_errno(err, "cannot write %s", path);
    close(file);
    ok = ok && file_place(temporary, path, err);
    if (!ok)
        unlink(temporary);
    return ok;
}

bool file_create(const char *path, struct text content, struct error *err)
{
    if (file_exists(path))
        return error_set(err, MIGRATE_FILE_EXISTS, "%s exists already", path);
    struct arena arena = {0};
    char random[9];
    bool ok = hash_random_hex(random, sizeof random - 1, err) &&
              create_by_way_of(arena_printf(&arena, "%s.%s", path, random), path, content, err);
    arena_free(&arena);
    return ok;
}

bool folder_create(const char *path, struct error *err)
{
    if (folder_exists(path))
        return true;
    struct arena arena = {0};
    bool ok = true;
    const char *above = path_folder(&arena, path);
    if (strcmp(above, path) != 0 && !folder_exists(above))
        ok = folder_create(above, err);
    if (ok && mkdir(path, 0777) != 0 && !(errno == EEXIST && folder_exists(path)))
        ok = error_errno(err, "cannot create folder %s", path);
    arena_free(&arena);
    return ok;
}

bool file_exists(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
}

bool folder_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct folder_entry *)a)->name, ((const struct folder_entry *)b)->name);
}

static bool entry_is_folder(DIR *folder, const struct dirent *entry)
{
    struct stat about;
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dirfd(folder), entry->d_name, &about, 0) == 0 && S_ISDIR(about.st_mode);
}

bool folder_read(const char *path, struct arena *arena, struct folder_list *entries, struct error *err)
{
    DIR *folder = opendir(path);
    if (!folder)
        return error_errno(err, "%s", path);
    *entries = (struct folder_list){0};
    errno = 0;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        ARENA_PUSH(arena, entries,
                   (struct folder_entry){arena_string(arena, entry->d_name), entry_is_folder(folder, entry)});
        errno = 0;
    }
    bool ok = errno == 0 || error_errno(err, "%s", path);
    closedir(folder);
    if (ok && entries->count)
        qsort(entries->items, entries->count, sizeof *entries->items, by_name);
    return ok;
}

bool folder_open(const char *path, int *folder, struct error *err)
{
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *folder >= 0 || error_errno(err, "%s", path);
}

const char *path_join(struct arena *arena, const char *folder, const char *name)
{
    if (*name == '/' || *folder == '\0' || strcmp(folder, ".") == 0)
        return arena_string(arena, name);
    const char *between = folder[strlen(folder) - 1] == '/' ? "" : "/";
    return arena_printf(arena, "%s%s%s", folder, between, name);
}

const char *path_folder(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    return slash == path ? "/" : arena_copy(arena, path, (size_t)(slash - path));
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
