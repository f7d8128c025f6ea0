/* wait.c: wait: is the database there yet? For init containers, and scripts that have just started a server. */
#include "command/session.h"

#include "base/clock.h"

enum { WAIT_MS = 60000 };

static bool wait_for(struct migrate *migrate, struct error *err)
{
    double since_ms = clock_ms();
    if (!session_wait(migrate, WAIT_MS, err))
        return false;
    session_observe(migrate, MIGRATE_EVENT_DETAIL, "reached within %.1f s", (clock_ms() - since_ms) / 1e3);
    return true;
}

enum migrate_code migrate_wait(struct migrate *migrate)
{
    session_begin(migrate);
    return session_end(migrate, wait_for(migrate, &migrate->error));
}
