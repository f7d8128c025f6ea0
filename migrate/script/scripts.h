/* scripts.h: folders -> revisions. Only headers are read: what a body holds is looked at when it is about to run. */
#ifndef MIGRATE_SCRIPT_SCRIPTS_H
#define MIGRATE_SCRIPT_SCRIPTS_H

#include "script/script.h"

struct scripts {
    struct revision *revisions; /* in the order of folders and file names */
    size_t count;
};

/* Every file that ends in .sql in the folders and the folders inside them; one listed folder may be inside another, no
 * file is read twice. Other files, and folders whose name begins with '.', are left alone. MIGRATE_MALFORMED_FILE,
 * MIGRATE_FILE. */
MUST_CHECK bool scripts_read(struct names folders, struct arena *arena, struct scripts *scripts, struct error *err);

/* The paths of the same files, in the same order, unread. */
MUST_CHECK bool scripts_list(struct names folders, struct arena *arena, struct names *paths, struct error *err);

#endif
