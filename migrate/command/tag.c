/* tag.c: --tag: a target is looked up among the revisions that a git tag held, so that `upgrade --tag v1.4` goes where
 * release 1.4 was, and `downgrade --tag v1.3` goes back to it, whatever has been written since. What runs is the
 * folder's own SQL. */
#include "command/session.h"

#include "git/git.h"

/* The headers of every revision file among the tag's. */
static bool read_headers(struct migrate *migrate, const struct git_files *files, struct revision *revisions,
                         size_t *count, struct error *err)
{
    *count = 0;
    for (size_t i = 0; i < files->count; i++) {
        const struct git_file *file = &files->items[i];
        size_t length = strlen(file->path);
        bool more = false;
        if (length < 4 || strcmp(file->path + length - 4, ".sql") != 0)
            continue;
        if (!header_parse(file->content, true, file->path, &migrate->run, &revisions[*count], &more, err))
            return false;
        ++*count;
    }
    return true;
}

static bool tagged_graph(struct migrate *migrate, const char *tag, struct graph *graph, struct error *err)
{
    struct git_files all = {0};
    const struct names *folders = &migrate->config.version_locations;
    for (size_t i = 0; i < folders->count; i++) {
        struct git_files files = {0};
        if (!git_read_tag(folders->items[i], tag, &migrate->run, &files, err))
            return false;
        for (size_t f = 0; f < files.count; f++)
            ARENA_PUSH(&migrate->run, &all, files.items[f]);
    }
    struct revision *revisions = ARENA_ARRAY(&migrate->run, all.count, struct revision);
    size_t count = 0;
    return read_headers(migrate, &all, revisions, &count, err) &&
           graph_build(revisions, count, &migrate->run, graph, err);
}

bool session_tagged_target(struct migrate *migrate, const char *tag, const char *wanted, struct target *target,
                           struct error *err)
{
    struct graph graph;
    struct indexes found;
    if (!target_parse(wanted, &migrate->run, target, err))
        return false;
    if (target_needs_rows(target)) {
        error_set(err, MIGRATE_USAGE, "%s depends on where the database is, not on what %s held", wanted, tag);
        return error_hint(err, "With --tag, name a head, a branch's head or a revision.");
    }
    if (!tagged_graph(migrate, tag, &graph, err) || !target_resolve(&graph, NULL, target, &migrate->run, &found, err))
        return false;
    if (found.count == 1)
        return target_parse(graph.revisions[found.items[0]].id, &migrate->run, target, err);
    if (found.count == 0)
        return target_parse("base", &migrate->run, target, err);
    error_set(err, MIGRATE_MULTIPLE_HEADS, "%s held several heads", tag);
    return error_hint(err, "Go to one at a time: `BRANCH@head`.");
}
