/* progress.c: the progress bar. All of it is written with one write, so that no half of it is ever seen. */
#include "cli/progress.h"

#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { REDRAW_MS = 100, BAR_CELLS = 30, DEFAULT_COLUMNS = 80 };

void progress_open(struct progress *progress, const struct palette *palette, bool enabled, bool is_unicode)
{
    *progress = (struct progress){.palette = palette, .enabled = enabled, .is_unicode = is_unicode};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&progress->stop, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&progress->lock, NULL);
}

static size_t terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : DEFAULT_COLUMNS;
}

/* Nothing can be done about a terminal that is gone, and the run matters more. */
static void put(const char *bytes, size_t size_bytes)
{
    if (write(STDERR_FILENO, bytes, size_bytes) < 0)
        return;
}

static void erase(struct progress *progress)
{
    if (progress->is_shown)
        put("\r\033[K", 4);
    progress->is_shown = false;
}

static void add_cells(struct buffer *out, const struct progress *progress, size_t filled)
{
    const char *full = progress->is_unicode ? "━" : "=", *rest = progress->is_unicode ? "─" : "-";
    buffer_string(out, progress->palette->green);
    for (size_t i = 0; i < BAR_CELLS; i++) {
        if (i == filled)
            buffer_printf(out, "%s%s", progress->palette->off, progress->palette->dim);
        buffer_string(out, i < filled ? full : rest);
    }
    buffer_string(out, progress->palette->off);
}

static void draw(struct progress *progress)
{
    struct arena arena = {0};
    struct buffer out = {.arena = &arena};
    double done = ((double)(progress->step - 1) + progress->part) / (double)progress->steps;
    const char *verb = progress->direction == MIGRATE_UPGRADE ? "upgrading" : "downgrading";
    const char *figures = arena_printf(&arena, " %zu/%zu %3d%% %5.1f s  ", progress->step, progress->steps,
                                       (int)(done * 100), (clock_ms() - progress->started_ms) / 1e3);
    size_t used = strlen(verb) + 1 + BAR_CELLS + strlen(figures), columns = terminal_columns();
    struct text label = text_of(*progress->build ? progress->build : progress->label);
    buffer_printf(&out, "\r%s ", verb);
    if (used < columns)
        add_cells(&out, progress, (size_t)(done * BAR_CELLS));
    else
        used -= BAR_CELLS;
    buffer_string(&out, figures);
    label.length = text_bytes_of_characters(label, used + 1 < columns ? columns - used - 1 : 0);
    buffer_text(&out, label);
    buffer_string(&out, "\033[K");
    put(out.at, out.length);
    progress->is_shown = true;
    arena_free(&arena);
}

static void *redraw(void *context)
{
    struct progress *progress = context;
    pthread_mutex_lock(&progress->lock);
    while (!progress->stopping) { // waits first: a run that is over at once shows no bar at all
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += REDRAW_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&progress->stop, &progress->lock, &until);
        if (!progress->stopping && progress->step > 0 && progress->step <= progress->steps)
            draw(progress);
    }
    erase(progress);
    pthread_mutex_unlock(&progress->lock);
    return NULL;
}

/* Signals belong to the thread that runs the verb: it is the one that must wake up. */
static void start(struct progress *progress)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    progress->stopping = false;
    progress->is_running = pthread_create(&progress->thread, NULL, redraw, progress) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* "building index: scanning table, 1200 of 5000 blocks, 24 %" */
static void note_build(struct progress *progress, const struct migrate_event *event)
{
    struct arena arena = {0};
    struct buffer said = {.arena = &arena};
    buffer_string(&said, event->message ? event->message : "");
    if (event->total)
        buffer_printf(&said, ", %zu of %zu blocks", event->number, event->total);
    if (event->percent >= 0)
        buffer_printf(&said, ", %.0f %%", event->percent);
    struct text cut = text_cut((struct text){said.at, said.length}, sizeof progress->build - 1);
    memcpy(progress->build, cut.at, cut.length);
    progress->build[cut.length] = '\0';
    arena_free(&arena);
}

static void note(struct progress *progress, const struct migrate_event *event)
{
    switch (event->kind) {
    case MIGRATE_EVENT_PLAN:
        progress->started_ms = clock_ms();
        progress->step = 0;
        progress->steps = event->total;
        break;
    case MIGRATE_EVENT_STEP:
        progress->step = event->number;
        progress->steps = event->total;
        progress->part = 0;
        progress->build[0] = '\0';
        progress->direction = event->direction;
        snprintf(progress->label, sizeof progress->label, "%s  %s", event->revision ? event->revision : "",
                 event->title ? event->title : "");
        for (char *at = progress->label; *at; at++)
            if ((unsigned char)*at < ' ' || *at == 0x7f)
                *at = ' ';
        break;
    case MIGRATE_EVENT_BUILD:
        note_build(progress, event);
        break;
    case MIGRATE_EVENT_STATEMENT:
        progress->build[0] = '\0';
        if (event->total > 0 && event->number <= event->total)
            progress->part = (double)event->number / (double)event->total;
        break;
    case MIGRATE_EVENT_STEP_DONE:
        progress->part = 1;
        break;
    default:
        break;
    }
}

void progress_note(struct progress *progress, const struct migrate_event *event)
{
    if (!progress->enabled)
        return;
    pthread_mutex_lock(&progress->lock);
    note(progress, event);
    pthread_mutex_unlock(&progress->lock);
    if (event->kind == MIGRATE_EVENT_PLAN && event->total > 0 && !progress->is_running)
        start(progress);
}

void progress_hide(struct progress *progress)
{
    pthread_mutex_lock(&progress->lock);
    erase(progress);
}

void progress_resume(struct progress *progress)
{
    pthread_mutex_unlock(&progress->lock);
}

void progress_end(struct progress *progress)
{
    if (!progress->is_running)
        return;
    pthread_mutex_lock(&progress->lock);
    progress->stopping = true;
    pthread_cond_signal(&progress->stop);
    pthread_mutex_unlock(&progress->lock);
    pthread_join(progress->thread, NULL);
    progress->is_running = false;
}
