/* libgit2.c: libgit2, loaded when git is first asked (base/library.h says why). What the room uses of it, in
 * alphabetical order; a new call needs its line here, and the linker says so. */
#include "git/libgit2.h"

#include "base/library.h"

#include <git2.h>

/* clang-format off */
#define CALLS(CALL, CALL_VOID) \
    CALL_VOID(git_blob_free, (git_blob *blob), (blob)) \
    CALL(int, git_blob_lookup, (git_blob **blob, git_repository *repo, const git_oid *id), (blob, repo, id)) \
    CALL(const void *, git_blob_rawcontent, (const git_blob *blob), (blob)) \
    CALL(git_object_size_t, git_blob_rawsize, (const git_blob *blob), (blob)) \
    CALL_VOID(git_buf_dispose, (git_buf *buffer), (buffer)) \
    CALL(int, git_commit_tree, (git_tree **tree_out, const git_commit *commit), (tree_out, commit)) \
    CALL(const git_error *, git_error_last, (void), ()) \
    CALL(int, git_libgit2_init, (void), ()) \
    CALL(int, git_libgit2_shutdown, (void), ()) \
    CALL_VOID(git_object_free, (git_object *object), (object)) \
    CALL(int, git_object_lookup, (git_object **object, git_repository *repo, const git_oid *id, git_object_t type), (object, repo, id, type)) \
    CALL(int, git_object_peel, (git_object **peeled, const git_object *object, git_object_t target_type), (peeled, object, target_type)) \
    CALL(char *, git_oid_tostr, (char *out, size_t n, const git_oid *id), (out, n, id)) \
    CALL_VOID(git_patch_free, (git_patch *patch), (patch)) \
    CALL(int, git_patch_from_buffers, (git_patch **out, const void *old_buffer, size_t old_len, const char *old_as_path, const void *new_buffer, size_t new_len, const char *new_as_path, const git_diff_options *opts), (out, old_buffer, old_len, old_as_path, new_buffer, new_len, new_as_path, opts)) \
    CALL(int, git_patch_to_buf, (git_buf *out, git_patch *patch), (out, patch)) \
    CALL(int, git_reference_name_to_id, (git_oid *out, git_repository *repo, const char *name), (out, repo, name)) \
    CALL_VOID(git_repository_free, (git_repository *repo), (repo)) \
    CALL(int, git_repository_open_ext, (git_repository **out, const char *path, unsigned int flags, const char *ceiling_dirs), (out, path, flags, ceiling_dirs)) \
    CALL(const char *, git_repository_workdir, (const git_repository *repo), (repo)) \
    CALL(int, git_revparse_single, (git_object **out, git_repository *repo, const char *spec), (out, repo, spec)) \
    CALL_VOID(git_strarray_dispose, (git_strarray *array), (array)) \
    CALL(int, git_tag_list, (git_strarray *tag_names, git_repository *repo), (tag_names, repo)) \
    CALL(int, git_tree_dup, (git_tree **out, git_tree *source), (out, source)) \
    CALL(int, git_tree_entry_bypath, (git_tree_entry **out, const git_tree *root, const char *path), (out, root, path)) \
    CALL(git_filemode_t, git_tree_entry_filemode, (const git_tree_entry *entry), (entry)) \
    CALL_VOID(git_tree_entry_free, (git_tree_entry *entry), (entry)) \
    CALL(const git_oid *, git_tree_entry_id, (const git_tree_entry *entry), (entry)) \
    CALL(const char *, git_tree_entry_name, (const git_tree_entry *entry), (entry)) \
    CALL(git_object_t, git_tree_entry_type, (const git_tree_entry *entry), (entry)) \
    CALL_VOID(git_tree_free, (git_tree *tree), (tree)) \
    CALL(int, git_tree_lookup, (git_tree **out, git_repository *repo, const git_oid *id), (out, repo, id)) \
    CALL(int, git_tree_walk, (const git_tree *tree, git_treewalk_mode mode, git_treewalk_cb callback, void *payload), (tree, mode, callback, payload))
/* clang-format on */

CALLS(LIBRARY_CALL, LIBRARY_CALL_VOID)

/* The one with a list of arguments that depends on the option: we set and get the owner's validation, no more. */
static int (*git_libgit2_opts_slot)(int option, ...);

int git_libgit2_opts(int option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    int answer = option == GIT_OPT_SET_OWNER_VALIDATION ? git_libgit2_opts_slot(option, va_arg(arguments, int))
                                                        : git_libgit2_opts_slot(option, va_arg(arguments, int *));
    va_end(arguments);
    return answer;
}

bool libgit2_load(struct error *err)
{
    static const struct library_symbol symbols[] = {LIBRARY_SYMBOL(int, git_libgit2_opts, , )
                                                        CALLS(LIBRARY_SYMBOL, LIBRARY_SYMBOL_VOID)};
    return library_load(LIBGIT2_SONAME, symbols, sizeof symbols / sizeof symbols[0], err);
}
