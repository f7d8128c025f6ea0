/* check.h: one run of check, which two files share: check.c looks at the files, compare.c at the database. */
#ifndef MIGRATE_COMMAND_CHECK_H
#define MIGRATE_COMMAND_CHECK_H

#include "command/session.h"

struct finding_list {
    struct migrate_finding *items;
    size_t count;
    size_t capacity;
};

struct inspection {
    struct migrate *migrate;
    const struct migrate_check_options *options;
    struct finding_list list;
};

/* Unless the same was found already. */
void inspection_add(struct inspection *inspection, struct migrate_finding finding);

static inline enum migrate_severity severity_of(bool is_error)
{
    return is_error ? MIGRATE_SEVERITY_ERROR : MIGRATE_SEVERITY_WARNING;
}

/* Ids that a version column of this width cannot hold. */
void inspect_ids(struct inspection *inspection, const struct graph *graph, size_t width);

/* The folder's revisions against what the database says of them. */
MUST_CHECK bool compare_database(struct inspection *inspection, const struct graph *folder, struct error *err);

#endif
