/* template.h: templates/ -> a new file. ${name} is replaced by a value; everything a value holds is data: it can
 * neither end the comment it stands in nor begin another replacement. */
#ifndef MIGRATE_SCRIPT_TEMPLATE_H
#define MIGRATE_SCRIPT_TEMPLATE_H

#include "base/text.h"

struct replacement {
    const char *name;
    const char *value;
};

/* Fills the template. A header line whose value is empty ("-- Branch Labels: ${branch_labels}") is left out, except
 * Revises. Control characters and line breaks in values become spaces. `${` that is no known name is
 * MIGRATE_MALFORMED_FILE with the closest one. */
MUST_CHECK bool template_fill(struct text template_text, const char *path, const struct replacement *replacements,
                              size_t count, struct arena *arena, struct text *filled, struct error *err);
/* The message in lower case, runs of other characters than [a-z0-9] to one '_', none at the ends, `limit` characters at
 * most. */
const char *template_slug(const char *message, size_t limit, struct arena *arena);

/* The built-in templates, embedded at build from templates/. */
struct builtin_template {
    const char *name;
    const char *description;
    const char *revision_sql; /* the revision template */
    const char *config_ini;   /* what init writes */
};
extern const struct builtin_template builtin_templates[];
extern const size_t builtin_template_count;

/* One file of the Helm chart, templates/helm/migrate/. */
struct chart_file {
    const char *path; /* below the chart's folder: "templates/job.yaml" */
    const char *content;
};
struct chart_files {
    const struct chart_file *items;
    size_t count;
};
/* All of them, sorted by path. */
struct chart_files template_chart(struct arena *arena);

#endif
