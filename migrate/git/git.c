/* git.c: reading a repository with libgit2. Initialising it costs more than most runs take in all, so a look for .git
 * comes first. */
#include "git/git.h"

#include "base/file.h"
#include "git/libgit2.h"

#include <git2.h>
#include <limits.h>
#include <stdlib.h>

struct git {
    git_repository *repository;
    git_tree *head; /* NULL: not asked for */
    char commit[OID_LENGTH + 1];
};

/* The path without symbolic links, whether or not its last parts exist. */
static const char *resolved(const char *path, struct arena *arena)
{
    char real[PATH_MAX];
    if (realpath(path, real))
        return arena_string(arena, real);
    const char *above = path_folder(arena, path);
    if (strcmp(above, path) == 0)
        return path;
    return path_join(arena, resolved(above, arena), path_name(path));
}

static bool is_in_repository(const char *resolved_folder, struct arena *arena)
{
    for (const char *folder = resolved_folder;;) {
        if (file_exists(path_join(arena, folder, ".git")))
            return true;
        const char *above = path_folder(arena, folder);
        if (strcmp(above, folder) == 0 || *folder != '/')
            return false;
        folder = above;
    }
}

/* A container runs as another user than the one who checked out. Reading runs nothing that a repository could plant, so
 * who owns it does not matter here; what the program around us has set is put back. */
static int open_of_any_owner(git_repository **repository, const char *folder)
{
#if LIBGIT2_VER_MAJOR > 1 || LIBGIT2_VER_MINOR >= 5
    int validation = 1;
    git_libgit2_opts(GIT_OPT_GET_OWNER_VALIDATION, &validation);
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
#endif
    int code = git_repository_open_ext(repository, folder, GIT_REPOSITORY_OPEN_CROSS_FS, NULL);
#if LIBGIT2_VER_MAJOR > 1 || LIBGIT2_VER_MINOR >= 5
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, validation);
#endif
    return code;
}

/* The innermost existing folder: what is gone from the checkout may still be in a tag. */
static const char *existing(const char *folder, struct arena *arena)
{
    while (!folder_exists(folder) && strcmp(folder, "/") != 0)
        folder = path_folder(arena, folder);
    return folder;
}

/* NULL: there is no repository. Otherwise git_close() it, also if it could not be opened (`repository` is NULL). */
static struct git *open_around(const char *resolved_folder, struct arena *arena)
{
    struct error not_installed;
    if (!is_in_repository(resolved_folder, arena) || !libgit2_load(&not_installed))
        return NULL;
    struct git *git = calloc(1, sizeof *git);
    if (!git)
        abort();
    if (git_libgit2_init() < 0 || open_of_any_owner(&git->repository, existing(resolved_folder, arena)) != 0)
        git->repository = NULL;
    return git;
}

void git_close(struct git *git)
{
    if (!git)
        return;
    git_tree_free(git->head);
    git_repository_free(git->repository);
    git_libgit2_shutdown();
    free(git);
}

/* "migrations/x.sql" from the top of the working tree, "" for the top itself; NULL if it is not inside. */
static const char *path_inside(const struct git *git, const char *resolved_path)
{
    const char *top = git_repository_workdir(git->repository); // ends in a slash
    size_t length = top ? strlen(top) : 0;
    if (length == 0 || strncmp(resolved_path, top, length - 1) != 0)
        return NULL;
    const char *inside = resolved_path + length - 1;
    return *inside == '/' ? inside + 1 : *inside == '\0' ? inside : NULL;
}

/* --- HEAD --------------------------------------------------------------------------------------- */

static bool read_head(struct git *git)
{
    git_oid commit;
    git_object *object = NULL;
    if (git_reference_name_to_id(&commit, git->repository, "HEAD") != 0 ||
        git_object_lookup(&object, git->repository, &commit, GIT_OBJECT_COMMIT) != 0)
        return false;
    git_oid_tostr(git->commit, sizeof git->commit, &commit);
    bool ok = git_commit_tree(&git->head, (const git_commit *)object) == 0;
    git_object_free(object);
    return ok;
}

struct git *git_open(const char *folder)
{
    struct arena arena = {0};
    struct git *git = open_around(resolved(folder, &arena), &arena);
    arena_free(&arena);
    if (git && git->repository && read_head(git))
        return git;
    git_close(git);
    return NULL;
}

/* A repository may keep CRLF itself, which our own ids leave out. */
static bool is_same_text(const struct git *git, const git_oid *id, const char *oid)
{
    char held[OID_LENGTH + 1];
    if (strcmp(git_oid_tostr(held, sizeof held, id), oid) == 0)
        return true;
    git_blob *blob = NULL;
    if (git_blob_lookup(&blob, git->repository, id) != 0)
        return false;
    hash_blob((struct text){.at = git_blob_rawcontent(blob), .length = (size_t)git_blob_rawsize(blob)}, held);
    git_blob_free(blob);
    return strcmp(held, oid) == 0;
}

static bool head_holds(const struct git *git, const char *path, const char *oid)
{
    git_tree_entry *entry = NULL;
    if (!path || *path == '\0' || git_tree_entry_bypath(&entry, git->head, path) != 0)
        return false;
    bool same = git_tree_entry_type(entry) == GIT_OBJECT_BLOB && is_same_text(git, git_tree_entry_id(entry), oid);
    git_tree_entry_free(entry);
    return same;
}

bool git_commit_of(const struct git *git, const char *path, const char *oid, char commit[OID_LENGTH + 1])
{
    struct arena arena = {0};
    bool holds = head_holds(git, path_inside(git, resolved(path, &arena)), oid);
    arena_free(&arena);
    if (holds)
        memcpy(commit, git->commit, sizeof git->commit);
    return holds;
}

/* --- tags --------------------------------------------------------------------------------------- */

static const char *last_message(void)
{
    const git_error *error = git_error_last();
    return error && error->message ? error->message : "libgit2 does not say why";
}

static void hint_at_tags(const struct git *git, const char *tag, struct error *err)
{
    enum { SHOWN = 8 };
    git_strarray tags = {0};
    if (git_tag_list(&tags, git->repository) != 0)
        return;
    struct arena arena = {0};
    struct names names = {(const char *const *)tags.strings, tags.count};
    const char *closest = text_closest(tag, names);
    if (tags.count == 0)
        error_hint(err, "The repository has no tags; a shallow clone lacks them until `git fetch --tags`.");
    else if (closest)
        error_hint(err, "Did you mean \"%s\"?", closest);
    else if (tags.count <= SHOWN)
        error_hint(err, "The repository's tags are %s.", names_join(names, ", ", &arena));
    else
        error_hint(err, "`git tag` lists the %zu tags that there are.", tags.count);
    arena_free(&arena);
    git_strarray_dispose(&tags);
}

static bool not_resolved(const struct git *git, const char *tag, int code, struct error *err)
{
    if (code == GIT_EAMBIGUOUS)
        return error_set(err, MIGRATE_AMBIGUOUS, "\"%s\" could be several of git's objects", tag);
    if (code != GIT_ENOTFOUND && code != GIT_EINVALIDSPEC && code != GIT_EPEEL)
        return error_set(err, MIGRATE_FILE, "git's \"%s\" cannot be read: %s", tag, last_message());
    error_set(err, MIGRATE_UNKNOWN_REVISION, "the git repository has no tag or commit \"%s\"", tag);
    hint_at_tags(git, tag, err);
    return false;
}

static bool tree_at(const struct git *git, const char *tag, git_tree **tree, struct error *err)
{
    git_object *named = NULL;
    git_object *peeled = NULL;
    int code = git_revparse_single(&named, git->repository, tag);
    if (code == 0)
        code = git_object_peel(&peeled, named, GIT_OBJECT_TREE);
    git_object_free(named);
    *tree = (git_tree *)peeled;
    return code == 0 || not_resolved(git, tag, code, err);
}

/* The tree of the folder inside `root`. */
static bool folder_at(const struct git *git, git_tree *root, const char *folder, const char *tag, git_tree **tree,
                      struct error *err)
{
    if (*folder == '\0')
        return git_tree_dup(tree, root) == 0 || error_set(err, MIGRATE_FILE, "%s", last_message());
    git_tree_entry *entry = NULL;
    int code = git_tree_entry_bypath(&entry, root, folder);
    bool is_tree = code == 0 && git_tree_entry_type(entry) == GIT_OBJECT_TREE;
    if (code == 0 && is_tree)
        code = git_tree_lookup(tree, git->repository, git_tree_entry_id(entry));
    git_tree_entry_free(entry);
    if (code == GIT_ENOTFOUND || (code == 0 && !is_tree))
        return error_set(err, MIGRATE_UNKNOWN_REVISION, "\"%s\" in git has no folder %s", tag, folder);
    return code == 0 || error_set(err, MIGRATE_FILE, "git's \"%s\" cannot be read: %s", tag, last_message());
}

struct walk {
    const struct git *git;
    const char *folder;
    struct arena *arena;
    struct git_files *files;
};

static int take_entry(const char *root, const git_tree_entry *entry, void *context)
{
    struct walk *walk = context;
    git_filemode_t mode = git_tree_entry_filemode(entry);
    if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE)
        return 0;
    git_blob *blob = NULL;
    if (git_blob_lookup(&blob, walk->git->repository, git_tree_entry_id(entry)) != 0)
        return -1;
    size_t length = (size_t)git_blob_rawsize(blob);
    const char *inside = arena_printf(walk->arena, "%s%s", root, git_tree_entry_name(entry));
    struct git_file file = {.path = path_join(walk->arena, walk->folder, inside)};
    file.content = (struct text){.at = arena_copy(walk->arena, git_blob_rawcontent(blob), length), .length = length};
    ARENA_PUSH(walk->arena, walk->files, file);
    git_blob_free(blob);
    return 0;
}

static bool read_tree(struct walk *walk, const char *tag, const char *inside, struct error *err)
{
    git_tree *root = NULL;
    git_tree *tree = NULL;
    bool ok = tree_at(walk->git, tag, &root, err) && folder_at(walk->git, root, inside, tag, &tree, err) &&
              (git_tree_walk(tree, GIT_TREEWALK_PRE, take_entry, walk) == 0 ||
               error_set(err, MIGRATE_FILE, "git's \"%s\" cannot be read: %s", tag, last_message()));
    git_tree_free(tree);
    git_tree_free(root);
    return ok;
}

static bool read_opened(struct walk *walk, const char *resolved_folder, const char *tag, struct error *err)
{
    if (!walk->git) {
        error_set(err, MIGRATE_USAGE, "%s is in no git repository", walk->folder);
        return error_hint(err, "Only a checkout knows what a tag held; an image has the files alone.");
    }
    if (!walk->git->repository)
        return error_set(err, MIGRATE_FILE, "the git repository of %s cannot be opened: %s", walk->folder,
                         last_message());
    const char *inside = path_inside(walk->git, resolved_folder);
    if (!inside)
        return error_set(err, MIGRATE_USAGE, "%s is not in its git repository's working tree", walk->folder);
    return read_tree(walk, tag, inside, err);
}

bool git_read_tag(const char *folder, const char *tag, struct arena *arena, struct git_files *files, struct error *err)
{
    if (!libgit2_load(err))
        return false;
    const char *resolved_folder = resolved(folder, arena);
    struct git *git = open_around(resolved_folder, arena);
    *files = (struct git_files){0};
    struct walk walk = {.git = git, .folder = folder, .arena = arena, .files = files};
    bool ok = read_opened(&walk, resolved_folder, tag, err);
    git_close(git);
    return ok;
}

/* --- differences -------------------------------------------------------------------------------- */

enum { DIFF_MAX_BYTES = 4 * 1024 * 1024 };

static const char *patch_text(git_patch *patch, struct arena *arena)
{
    git_buf buffer = {0};
    const char *text = git_patch_to_buf(&buffer, patch) == 0 ? arena_copy(arena, buffer.ptr, buffer.size) : NULL;
    git_buf_dispose(&buffer);
    return text;
}

const char *git_difference(struct text before, struct text after, const char *path, struct arena *arena)
{
    struct error not_installed;
    git_patch *patch = NULL;
    const char *text = NULL;
    if (before.length > DIFF_MAX_BYTES || after.length > DIFF_MAX_BYTES || !libgit2_load(&not_installed))
        return NULL;
    const git_diff_options options = {
        .version = GIT_DIFF_OPTIONS_VERSION,
        .flags = GIT_DIFF_FORCE_TEXT | GIT_DIFF_PATIENCE,
        .ignore_submodules = GIT_SUBMODULE_IGNORE_UNSPECIFIED,
        .context_lines = 3,
    };
    git_libgit2_init();
    if (git_patch_from_buffers(&patch, before.at, before.length, path, after.at, after.length, path, &options) == 0)
        text = patch_text(patch, arena);
    git_patch_free(patch);
    git_libgit2_shutdown();
    return text;
}
