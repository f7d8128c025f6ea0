/* signals.c: the one place with state of the process: a signal handler has no other way to know. */
#include "cli/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

static _Atomic(struct migrate *) watched;
static volatile sig_atomic_t caught;
static struct sigaction ours[2]; /* what SIGINT and SIGQUIT did before an editor was started */

static void on_signal(int number)
{
    struct migrate *migrate = watched;
    if (caught || !migrate)
        _exit(128 + number);
    caught = number;
    migrate_interrupt(migrate);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler}; // no SA_RESTART: a question waiting for its answer must end
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* Whoever started us with a signal ignored (nohup, a shell's background job) wants it ignored. */
static void handle_unless_ignored(int number, void (*handler)(int))
{
    struct sigaction before;
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
        return;
    handle(number, handler);
}

void signals_open(void)
{
    handle(SIGPIPE, SIG_IGN);
    handle_unless_ignored(SIGINT, on_signal);
    handle_unless_ignored(SIGTERM, on_signal);
}

void signals_watch(struct migrate *migrate)
{
    watched = migrate;
}

void signals_leave_to_child(bool leave)
{
    static const int numbers[] = {SIGINT, SIGQUIT};
    for (size_t i = 0; i < 2; i++) {
        if (leave)
            sigaction(numbers[i], &(struct sigaction){.sa_handler = SIG_IGN}, &ours[i]);
        else
            sigaction(numbers[i], &ours[i], NULL);
    }
}

int signals_caught(void)
{
    return caught;
}
