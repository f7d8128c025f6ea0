/* temporary.h: for tests that stand in a folder of their own, empty at first and gone behind them. */
#ifndef MIGRATE_TESTS_TEMPORARY_H
#define MIGRATE_TESTS_TEMPORARY_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct temporary {
    char folder[32];
};

/* 0 on success, as cmocka's fixtures have it. */
static inline int temporary_enter(struct temporary *temporary)
{
    snprintf(temporary->folder, sizeof temporary->folder, "/tmp/migrate-test-XXXXXX");
    return mkdtemp(temporary->folder) && chdir(temporary->folder) == 0 ? 0 : -1;
}

static inline int temporary_leave(const struct temporary *temporary)
{
    char command[64];
    snprintf(command, sizeof command, "/bin/rm -rf %s", temporary->folder);
    return chdir("/") == 0 ? system(command) : -1;
}

#endif
