/* progress.h: one line on a terminal that says how far a run has come. A thread of its own redraws it ten times a
 * second, so that the clock moves while one long statement runs, and what is shown is never older than that. */
#ifndef MIGRATE_CLI_PROGRESS_H
#define MIGRATE_CLI_PROGRESS_H

#include "cli/palette.h"
#include "migrate.h"

#include <pthread.h>

struct progress {
    const struct palette *palette;
    bool enabled;
    bool is_unicode;
    bool is_running; /* the thread is */

    pthread_mutex_t lock; /* whatever stands below, and writing to stderr */
    pthread_cond_t stop;
    pthread_t thread;
    bool stopping;
    bool is_shown;
    double started_ms;
    size_t step, steps; /* from 1; 0: none has begun */
    double part;        /* of the current step, 0 to 1 */
    char build[96];     /* what an index build is at, "": none runs */
    enum migrate_direction direction;
    char label[256]; /* revision and title */
};

void progress_open(struct progress *progress, const struct palette *palette, bool enabled, bool is_unicode);
/* Takes note of a plan, a step or a statement; other events are nothing to it. */
void progress_note(struct progress *progress, const struct migrate_event *event);
/* Keep other lines whole: between these two the bar is not on the screen and is not drawn. */
void progress_hide(struct progress *progress);
void progress_resume(struct progress *progress);
/* Ends the thread and takes the bar away; a later plan begins anew. */
void progress_end(struct progress *progress);

#endif
