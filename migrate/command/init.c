/* init.c: init and list-templates: the first files of a project, and the Helm chart that runs it. */
#include "command/session.h"

#include "script/template.h"

#include <unistd.h>

static const char config_name[] = "migrate.ini";
static const char template_name_in_folder[] = "revision.sql.template";

static const struct builtin_template *find_template(const char *name, struct arena *arena, struct error *err)
{
    struct name_list names = {0};
    for (size_t i = 0; i < builtin_template_count; i++) {
        if (strcmp(builtin_templates[i].name, name) == 0)
            return &builtin_templates[i];
        ARENA_PUSH(arena, &names, builtin_templates[i].name);
    }
    error_set(err, MIGRATE_USAGE, "there is no template `%s`", name);
    error_hint(err, "There are: %s.", names_join(names_of(&names), ", ", arena));
    return NULL;
}

/* --- a project ----------------------------------------------------------------------------------- */

/* Everything that is in the way is found before the first file is written. */
static bool is_free(const char *config, const char *folder, struct arena *arena, struct error *err)
{
    struct folder_list entries = {0};
    if (file_exists(config))
        return error_set(err, MIGRATE_FILE_EXISTS, "%s exists already", config);
    if (!file_exists(folder))
        return true;
    if (!folder_read(folder, arena, &entries, err))
        return false;
    for (size_t i = 0; i < entries.count; i++)
        if (strcmp(entries.items[i].name, template_name_in_folder) == 0)
            return error_set(err, MIGRATE_FILE_EXISTS, "%s exists already",
                             path_join(arena, folder, template_name_in_folder));
    return true;
}

/* Both files or none. */
static bool write_both(const char *folder, const char *template_path, struct text template_text, const char *config,
                       struct text config_text, struct error *err)
{
    if (!folder_create(folder, err) || !file_create(template_path, template_text, err))
        return false;
    if (file_create(config, config_text, err))
        return true;
    unlink(template_path);
    return false;
}

static bool init_project(struct migrate *migrate, const char *folder, const char *template_name,
                         struct name_list *written, struct error *err)
{
    struct arena *arena = &migrate->run;
    const char *config = migrate->options.config ? migrate->options.config : config_name;
    const struct builtin_template *chosen = find_template(template_name, arena, err);
    if (!chosen)
        return false;
    const struct replacement replacements[] = {{"script_location", folder}};
    const char *template_path = path_join(arena, folder, template_name_in_folder);
    struct text filled;
    if (!template_fill(text_of(chosen->config_ini), config, replacements, 1, arena, &filled, err) ||
        !is_free(config, folder, arena, err))
        return false;
    bool was_there = file_exists(folder);
    if (!write_both(folder, template_path, text_of(chosen->revision_sql), config, filled, err)) {
        if (!was_there)
            rmdir(folder);
        return false;
    }
    ARENA_PUSH(arena, written, template_path);
    ARENA_PUSH(arena, written, arena_string(arena, config));
    return true;
}

/* --- a chart ------------------------------------------------------------------------------------- */

static bool chart_is_free(const char *folder, struct chart_files chart, struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < chart.count; i++) {
        const char *path = path_join(arena, folder, chart.items[i].path);
        if (file_exists(path)) {
            error_set(err, MIGRATE_FILE_EXISTS, "%s exists already", path);
            return error_hint(err,
                              "Nothing was written. To compare that chart with this version's, write this one into "
                              "another folder.");
        }
    }
    return true;
}

static bool write_chart(const char *folder, struct chart_files chart, struct arena *arena, struct name_list *written,
                        struct error *err)
{
    for (size_t i = 0; i < chart.count; i++) {
        const char *path = path_join(arena, folder, chart.items[i].path);
        if (!folder_create(path_folder(arena, path), err) || !file_create(path, text_of(chart.items[i].content), err))
            return false;
        ARENA_PUSH(arena, written, path);
    }
    return true;
}

/* All its files or none. */
static bool init_chart(struct migrate *migrate, const char *folder, struct name_list *written, struct error *err)
{
    struct chart_files chart = template_chart(&migrate->run);
    if (!chart_is_free(folder, chart, &migrate->run, err))
        return false;
    if (write_chart(folder, chart, &migrate->run, written, err))
        return true;
    while (written->count > 0)
        unlink(written->items[--written->count]);
    return false;
}

static bool init(struct migrate *migrate, const struct migrate_init_options *options, struct name_list *written,
                 struct error *err)
{
    if (!options->helm)
        return init_project(migrate, options->directory ? options->directory : "migrations",
                            options->template_name ? options->template_name : "default", written, err);
    if (!options->directory && !options->template_name && *options->helm)
        return init_chart(migrate, options->helm, written, err);
    error_set(err, MIGRATE_USAGE,
              *options->helm ? "--helm writes a chart alone, without a migrations folder or template"
                             : "--helm names no folder");
    return error_hint(err, "Run `migrate init` and `migrate init --helm DIR`, each by itself.");
}

enum migrate_code migrate_init(struct migrate *migrate, const struct migrate_init_options *options,
                               const struct migrate_paths **written)
{
    session_begin(migrate);
    struct name_list list = {0};
    struct migrate_paths *paths = ARENA_NEW(&migrate->run, struct migrate_paths);
    bool ok = init(migrate, options, &list, &migrate->error);
    *paths = (struct migrate_paths){.paths = list.items, .path_count = list.count};
    *written = paths;
    return session_end(migrate, ok);
}

enum migrate_code migrate_list_templates(struct migrate *migrate, const struct migrate_templates **templates)
{
    session_begin(migrate);
    struct migrate_templates *found = ARENA_NEW(&migrate->run, struct migrate_templates);
    struct migrate_template *list = ARENA_ARRAY(&migrate->run, builtin_template_count, struct migrate_template);
    for (size_t i = 0; i < builtin_template_count; i++)
        list[i] = (struct migrate_template){builtin_templates[i].name, builtin_templates[i].description};
    *found = (struct migrate_templates){.templates = list, .template_count = builtin_template_count};
    *templates = found;
    return session_end(migrate, true);
}
