/* revision.c: revision and merge: a new file in the folder.
 *
 * The text is made in memory, read back as any file would be, and tried in the graph; only then is it written. So
 * nothing is left behind when a label is taken or an id makes no sense. */
#include "command/session.h"

#include "base/clock.h"
#include "script/template.h"

#include <time.h>

enum { ID_DIGITS = 12, SLUG_CHARACTERS = 40, ID_CHARACTERS = 32 };

static const char folder_template[] = "revision.sql.template";

/* What the new file will say. */
struct draft {
    struct graph graph;
    const char *id;
    const char *message;
    struct indexes parents;
    struct names depends;
    const char *folder;
    const char *path;
    struct text text;
};

/* --- parents ------------------------------------------------------------------------------------ */

static bool single_head(const struct graph *graph, struct arena *arena, struct indexes *parents, struct error *err)
{
    struct target head;
    if (graph->count == 0) {
        *parents = (struct indexes){0};
        return true;
    }
    return target_parse("head", arena, &head, err) && target_resolve(graph, NULL, &head, arena, parents, err);
}

static bool named_parents(struct migrate *migrate, const struct graph *graph,
                          const struct migrate_new_revision *options, struct indexes *parents, struct error *err)
{
    struct index_set set = index_set_new(graph->count, &migrate->run);
    for (size_t i = 0; i < options->head_count; i++) {
        struct target target;
        struct indexes found;
        if (!target_parse(options->heads[i], &migrate->run, &target, err) ||
            !session_resolve(migrate, graph, &target, &found, err))
            return false;
        for (size_t f = 0; f < found.count; f++)
            index_set_add(&set, found.items[f]);
    }
    *parents = graph_sorted(graph, &set, &migrate->run);
    return true;
}

static bool is_spliceable(const struct graph *graph, const struct indexes *parents, bool splice, struct error *err)
{
    for (size_t i = 0; !splice && i < parents->count; i++) {
        if (graph_is_head(graph, parents->items[i]))
            continue;
        error_set(err, MIGRATE_USAGE, "%s is not a head: a revision behind it would begin a new branch",
                  graph->revisions[parents->items[i]].id);
        return error_hint(err, "If that is what you want, say `--splice`.");
    }
    return true;
}

static bool are_independent(const struct graph *graph, const struct indexes *parents, struct arena *arena,
                            struct error *err)
{
    for (size_t i = 0; i < parents->count; i++) {
        struct index_set above = index_set_new(graph->count, arena);
        graph_add_ancestors(graph, parents->items[i], false, &above, arena);
        for (size_t j = 0; j < parents->count; j++)
            if (i != j && index_set_has(&above, parents->items[j]))
                return error_set(err, MIGRATE_USAGE, "%s is an ancestor of %s: they need no merge",
                                 graph->revisions[parents->items[j]].id, graph->revisions[parents->items[i]].id);
    }
    return true;
}

static bool choose_parents(struct migrate *migrate, const struct migrate_new_revision *options, bool is_merge,
                           struct draft *draft, struct error *err)
{
    if (is_merge && options->head_count == 0) {
        error_set(err, MIGRATE_USAGE, "merge needs the revisions to merge");
        return error_hint(err, "`migrate merge heads` merges every head.");
    }
    bool ok = options->head_count ? named_parents(migrate, &draft->graph, options, &draft->parents, err)
                                  : single_head(&draft->graph, &migrate->run, &draft->parents, err);
    if (!ok || !is_spliceable(&draft->graph, &draft->parents, options->splice, err))
        return false;
    if (is_merge && draft->parents.count < 2)
        return error_set(err, MIGRATE_USAGE, "a merge needs at least two revisions");
    return are_independent(&draft->graph, &draft->parents, &migrate->run, err);
}

/* --- id, dependencies, message ------------------------------------------------------------------ */

static bool choose_id(struct migrate *migrate, const char *wanted, struct draft *draft, struct error *err)
{
    if (!wanted) {
        char *id = arena_alloc(&migrate->run, ID_DIGITS + 1);
        draft->id = id;
        return hash_random_hex(id, ID_DIGITS, err);
    }
    size_t length = strspn(wanted, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    draft->id = wanted;
    if (length && !wanted[length] && length <= ID_CHARACTERS)
        return true;
    error_set(err, MIGRATE_USAGE, "`%s` cannot be a revision id", wanted);
    return error_hint(err, "An id has 1 to %d letters, digits and underscores.", ID_CHARACTERS);
}

/* A label stays a label, so that it goes on naming its branch; anything else becomes the id in full. */
static bool choose_depends(struct migrate *migrate, const struct migrate_new_revision *options, struct draft *draft,
                           struct error *err)
{
    struct name_list list = {0};
    for (size_t i = 0; i < options->depends_on_count; i++) {
        const char *wanted = options->depends_on[i];
        struct target target;
        struct indexes found;
        bool is_label = false;
        for (size_t l = 0; l < draft->graph.label_count; l++)
            is_label = is_label || strcmp(draft->graph.label_names[l], wanted) == 0;
        if (is_label) {
            ARENA_PUSH(&migrate->run, &list, wanted);
            continue;
        }
        if (!target_parse(wanted, &migrate->run, &target, err) ||
            !session_resolve(migrate, &draft->graph, &target, &found, err))
            return false;
        for (size_t f = 0; f < found.count; f++)
            ARENA_PUSH(&migrate->run, &list, draft->graph.revisions[found.items[f]].id);
    }
    draft->depends = names_of(&list);
    return true;
}

static struct names parent_ids(const struct draft *draft, struct arena *arena)
{
    struct name_list ids = {0};
    for (size_t i = 0; i < draft->parents.count; i++)
        ARENA_PUSH(arena, &ids, draft->graph.revisions[draft->parents.items[i]].id);
    return names_of(&ids);
}

static void choose_message(struct migrate *migrate, const char *message, bool is_merge, struct draft *draft)
{
    draft->message = message ? message : "";
    if (!message && is_merge)
        draft->message = arena_printf(&migrate->run, "merge %s",
                                      names_join(parent_ids(draft, &migrate->run), " and ", &migrate->run));
}

/* --- where -------------------------------------------------------------------------------------- */

static bool is_location(const struct migrate *migrate, const char *folder)
{
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    for (size_t i = 0; i < migrate->config.version_locations.count; i++) {
        const char *location = migrate->config.version_locations.items[i];
        if (strlen(location) == length && memcmp(location, folder, length) == 0)
            return true;
    }
    return false;
}

/* The folder asked for; else where the first parent is, if that is one of several; else the first. */
static bool choose_folder(struct migrate *migrate, const char *wanted, struct draft *draft, struct error *err)
{
    const struct names *locations = &migrate->config.version_locations;
    draft->folder = wanted ? wanted : locations->items[0];
    if (wanted && !is_location(migrate, wanted)) {
        error_set(err, MIGRATE_USAGE, "%s is not one of the folders that are read, so the revision would not be found",
                  wanted);
        return error_hint(err, "version_locations has: %s.", names_join(*locations, ", ", &migrate->run));
    }
    if (!wanted && draft->parents.count) {
        const char *path = draft->graph.revisions[draft->parents.items[0]].path;
        const char *beside = path_folder(&migrate->run, path);
        if (is_location(migrate, beside))
            draft->folder = beside;
    }
    return true;
}

static bool choose_path(struct migrate *migrate, int64_t now_us, struct draft *draft, struct error *err)
{
    struct arena *arena = &migrate->run;
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    const struct replacement replacements[] = {
        {"year", arena_printf(arena, "%04d", parts.tm_year + 1900)},
        {"month", arena_printf(arena, "%02d", parts.tm_mon + 1)},
        {"day", arena_printf(arena, "%02d", parts.tm_mday)},
        {"hour", arena_printf(arena, "%02d", parts.tm_hour)},
        {"minute", arena_printf(arena, "%02d", parts.tm_min)},
        {"second", arena_printf(arena, "%02d", parts.tm_sec)},
        {"epoch", arena_printf(arena, "%lld", (long long)seconds)},
        {"rev", draft->id},
        {"slug", template_slug(draft->message, SLUG_CHARACTERS, arena)},
    };
    struct text name;
    if (!template_fill(text_of(migrate->config.file_template), "file_template", replacements,
                       sizeof replacements / sizeof replacements[0], arena, &name, err))
        return false;
    while (name.length && name.at[name.length - 1] == '_') // an empty slug
        name.length--;
    draft->path = path_join(arena, draft->folder, arena_printf(arena, "%.*s.sql", (int)name.length, name.at));
    return true;
}

/* --- text --------------------------------------------------------------------------------------- */

static bool read_template(struct migrate *migrate, struct text *text, const char **path, struct error *err)
{
    *path = path_join(&migrate->run, migrate->config.script_location, folder_template);
    if (file_exists(*path))
        return file_read(*path, &migrate->run, text, err);
    *path = "the built-in revision template";
    *text = text_of(builtin_templates[0].revision_sql);
    return true;
}

static const char *header_date(int64_t now_us, struct arena *arena)
{
    char date[40];
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S+00:00", &parts);
    return arena_string(arena, date);
}

static bool write_text(struct migrate *migrate, const struct migrate_new_revision *options, int64_t now_us,
                       struct draft *draft, struct error *err)
{
    struct arena *arena = &migrate->run;
    struct names labels = {.items = options->branch_labels, .count = options->branch_label_count};
    struct names parents = parent_ids(draft, arena);
    const struct replacement replacements[] = {
        {"message", draft->message},
        {"revision", draft->id},
        {"revises", parents.count ? names_join(parents, ", ", arena) : "<base>"},
        {"branch_labels", names_join(labels, ", ", arena)},
        {"depends_on", names_join(draft->depends, ", ", arena)},
        {"create_date", header_date(now_us, arena)},
    };
    struct text template_text;
    const char *template_path = NULL;
    return read_template(migrate, &template_text, &template_path, err) &&
           template_fill(template_text, template_path, replacements, sizeof replacements / sizeof replacements[0],
                         arena, &draft->text, err);
}

static bool says_what_was_asked(const struct revision *read, const struct draft *draft,
                                const struct migrate_new_revision *options, struct arena *arena, struct error *err)
{
    bool same = strcmp(read->id, draft->id) == 0 && names_equal(read->down, parent_ids(draft, arena)) &&
                read->labels.count == options->branch_label_count && read->depends.count == draft->depends.count;
    for (size_t i = 0; same && i < read->labels.count; i++)
        same = strcmp(read->labels.items[i], options->branch_labels[i]) == 0;
    if (same)
        return true;
    error_set(err, MIGRATE_MALFORMED_FILE, "the new file would not say what it should");
    return error_hint(
        err, "Its template must write Revision ID, Revises, Branch Labels and Depends On, as the built-in one does; "
             "labels are written without commas or spaces.");
}

/* Read back what was made, as any file would be, and try it among the others. */
static bool try_text(struct migrate *migrate, const struct migrate_new_revision *options, const struct draft *draft,
                     struct error *err)
{
    struct script script;
    struct graph with_it;
    size_t count = draft->graph.count;
    struct revision *revisions = ARENA_ARRAY(&migrate->run, count + 1, struct revision);
    if (count)
        memcpy(revisions, draft->graph.revisions, count * sizeof *revisions);
    if (!script_parse(draft->text, draft->path, &migrate->run, &script, err))
        return false;
    revisions[count] = script.revision;
    return says_what_was_asked(&script.revision, draft, options, &migrate->run, err) &&
           graph_build(revisions, count + 1, &migrate->run, &with_it, err);
}

/* --- the story ---------------------------------------------------------------------------------- */

static bool write_revision(struct migrate *migrate, const struct migrate_new_revision *options, bool is_merge,
                           struct migrate_written *written, struct error *err)
{
    struct draft draft = {0};
    int64_t now_us = clock_now_us();
    if (!session_graph(migrate, &draft.graph, err) || !choose_parents(migrate, options, is_merge, &draft, err) ||
        !choose_id(migrate, options->rev_id, &draft, err) || !choose_depends(migrate, options, &draft, err))
        return false;
    choose_message(migrate, options->message, is_merge, &draft);
    if (!choose_folder(migrate, options->version_path, &draft, err) || !choose_path(migrate, now_us, &draft, err) ||
        !write_text(migrate, options, now_us, &draft, err) || !try_text(migrate, options, &draft, err) ||
        !file_create(draft.path, draft.text, err))
        return false;
    *written = (struct migrate_written){.revision = draft.id, .path = draft.path};
    return true;
}

static enum migrate_code write_verb(struct migrate *migrate, const struct migrate_new_revision *options, bool is_merge,
                                    const struct migrate_written **written)
{
    session_begin(migrate);
    struct migrate_written *result = ARENA_NEW(&migrate->run, struct migrate_written);
    bool ok = write_revision(migrate, options, is_merge, result, &migrate->error);
    *written = ok ? result : NULL;
    return session_end(migrate, ok);
}

enum migrate_code migrate_revision(struct migrate *migrate, const struct migrate_new_revision *options,
                                   const struct migrate_written **written)
{
    return write_verb(migrate, options, false, written);
}

enum migrate_code migrate_merge(struct migrate *migrate, const struct migrate_new_revision *options,
                                const struct migrate_written **written)
{
    return write_verb(migrate, options, true, written);
}
