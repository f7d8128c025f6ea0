/* scripts.c: folders -> revisions.
 *
 * Thousands of files are opened at each run, so that only the first 4 KB of each are read, into memory that the next
 * file uses again; a header that is longer is read with the rest of its file. */
#include "script/scripts.h"

#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 4096 };

struct folder_id {
    dev_t device;
    ino_t number;
};

struct reading {
    struct arena *arena;
    struct arena head; /* one file's text at a time */
    struct {
        struct revision *items;
        size_t count;
        size_t capacity;
    } revisions;
    struct {
        struct folder_id *items;
        size_t count;
        size_t capacity;
    } folders;               /* that were read */
    struct name_list *paths; /* not NULL: only gather these */
};

/* The whole file: its header is longer than what was read. */
static bool read_long(struct reading *reading, const char *path, struct revision *revision, struct error *err)
{
    struct text text;
    bool more = false;
    return file_read(path, &reading->head, &text, err) &&
           header_parse(text, true, path, reading->arena, revision, &more, err);
}

static bool read_file(struct reading *reading, int folder, const char *name, const char *path, struct error *err)
{
    struct arena_mark mark = arena_mark(&reading->head);
    struct revision revision = {0};
    struct text text;
    bool whole = false, is_longer = false;
    bool ok = file_read_head(folder, name, path, HEAD_BYTES, &reading->head, &text, &whole, err) &&
              header_parse(text, whole, path, reading->arena, &revision, &is_longer, err) &&
              (!is_longer || read_long(reading, path, &revision, err));
    arena_rewind(&reading->head, mark);
    if (ok)
        ARENA_PUSH(reading->arena, &reading->revisions, revision);
    return ok;
}

/* Was the folder read before, through another name or a symbolic link? If not it is now. */
static bool is_known(struct reading *reading, int folder)
{
    struct stat about = {0};
    if (fstat(folder, &about) != 0)
        return false;
    struct folder_id id = {.device = about.st_dev, .number = about.st_ino};
    for (size_t i = 0; i < reading->folders.count; i++)
        if (reading->folders.items[i].device == id.device && reading->folders.items[i].number == id.number)
            return true;
    ARENA_PUSH(reading->arena, &reading->folders, id);
    return false;
}

static bool is_script(const char *name)
{
    size_t length = strlen(name);
    return length >= 4 && strcmp(name + length - 4, ".sql") == 0;
}

static bool read_folder(struct reading *reading, const char *path, struct error *err);

static bool read_entries(struct reading *reading, int folder, const char *path, const struct folder_list *entries,
                         struct error *err)
{
    for (size_t i = 0; i < entries->count; i++) {
        const char *name = entries->items[i].name;
        bool is_folder = entries->items[i].is_folder;
        if (is_folder ? *name == '.' : !is_script(name))
            continue;
        const char *inner = path_join(reading->arena, path, name);
        if (is_folder && is_script(name)) // whoever made it meant a revision, which would be missing
            return error_set(err, MIGRATE_FILE, "%s is a folder, where a revision file should be", inner);
        if (!is_folder && reading->paths)
            ARENA_PUSH(reading->arena, reading->paths, inner);
        else if (!(is_folder ? read_folder(reading, inner, err) : read_file(reading, folder, name, inner, err)))
            return false;
    }
    return true;
}

static bool read_folder(struct reading *reading, const char *path, struct error *err)
{
    int folder = -1;
    struct arena names = {0};
    struct folder_list entries = {0};
    bool ok = folder_open(path, &folder, err);
    if (ok && !is_known(reading, folder))
        ok = folder_read(path, &names, &entries, err) && read_entries(reading, folder, path, &entries, err);
    if (folder >= 0)
        close(folder);
    arena_free(&names);
    return ok;
}

bool scripts_read(struct names folders, struct arena *arena, struct scripts *scripts, struct error *err)
{
    struct reading reading = {.arena = arena};
    arena_alloc(&reading.head, 1); // a block that each rewind leaves standing
    bool ok = true;
    for (size_t i = 0; ok && i < folders.count; i++)
        ok = read_folder(&reading, folders.items[i], err);
    arena_free(&reading.head);
    *scripts = (struct scripts){.revisions = reading.revisions.items, .count = reading.revisions.count};
    return ok;
}

bool scripts_list(struct names folders, struct arena *arena, struct names *paths, struct error *err)
{
    struct name_list list = {0};
    struct reading reading = {.arena = arena, .paths = &list};
    bool ok = true;
    for (size_t i = 0; ok && i < folders.count; i++)
        ok = read_folder(&reading, folders.items[i], err);
    *paths = names_of(&list);
    return ok;
}
