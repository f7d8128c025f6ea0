/* verbs.h: what each verb does with a command line that was read. */
#ifndef MIGRATE_CLI_VERBS_H
#define MIGRATE_CLI_VERBS_H

#include "cli/run.h"

struct verb_work {
    enum migrate_code (*carry_out)(struct run *); /* the verb, with its report */
    bool needs_handle;                            /* run->migrate is open then */
};
extern const struct verb_work verbs[VERBS];

#endif
