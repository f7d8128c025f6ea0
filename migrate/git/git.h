/* git.h: what the repository around the migrations folder knows, through libgit2. The git command is not needed, nor is
 * a repository: where there is none (an image, a copied folder) the first two answer so, quickly. */
#ifndef MIGRATE_GIT_GIT_H
#define MIGRATE_GIT_GIT_H

#include "base/hash.h"

/* A repository opened for questions about its HEAD. */
struct git;

/* The repository that the folder is in; NULL if there is none, or none that can be read, or nothing was committed yet.
 * Without a .git in this folder or above it costs a few system calls, otherwise some milliseconds: open it when a
 * commit is going to be recorded, not before. */
struct git *git_open(const char *folder);
/* NULL is fine. */
void git_close(struct git *git);
/* The commit at HEAD, if it holds this file exactly as it is: `path` names it from the current folder, `oid` is
 * hash_blob() of its content. false: it is untracked, or differs, and no commit can be named for it. */
bool git_commit_of(const struct git *git, const char *path, const char *oid, char commit[OID_LENGTH + 1]);

struct git_file {
    const char *path; /* as if it lay in the folder: "migrations/1975ea83b712.sql" */
    struct text content;
};

struct git_files {
    struct git_file *items;
    size_t count;
    size_t capacity;
};

/* Every file that a revision of git's (a tag, a branch, HEAD~2, a commit) held in the folder and the folders inside it,
 * in git's order; symbolic links and submodules are left out. The folder itself need not exist any more.
 * MIGRATE_UNKNOWN_REVISION with the closest tags, also if the folder was not there then; MIGRATE_AMBIGUOUS for a commit
 * id cut too short; MIGRATE_USAGE outside of a repository; MIGRATE_FILE for one that cannot be read. */
MUST_CHECK bool git_read_tag(const char *folder, const char *tag, struct arena *arena, struct git_files *files,
                             struct error *err);

/* What changed from one text to the other as a unified diff, "" if nothing did. `path` is for its headers. NULL where
 * it cannot be made: libgit2 is not installed, or a text is longer than a few megabytes. Needs no repository. */
const char *git_difference(struct text before, struct text after, const char *path, struct arena *arena);

#endif
