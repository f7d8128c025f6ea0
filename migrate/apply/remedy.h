/* remedy.h: ending by decision what cannot end by itself: an unfinished revision, or a file that was edited. */
#ifndef MIGRATE_APPLY_REMEDY_H
#define MIGRATE_APPLY_REMEDY_H

#include "apply/apply.h"

struct repair {
    struct change change; /* where and as whom; direction, targets, confirm and outcome are not looked at */
    enum migrate_remedy remedy;
    const char *revision;                                                 /* as the user named it */
    bool (*confirm)(void *context, const struct migrate_repaired *found); /* may be NULL: not asked */
    struct migrate_repaired *repaired; /* gets what was found and done; remedy NONE as long as nothing is known */
};

MUST_CHECK bool apply_repair(const struct repair *repair, struct error *err);

#endif
