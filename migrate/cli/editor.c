/* editor.c: the editor is a command for the shell ("code --wait"), as it is to git. Its standard output is ours for
 * results, so it gets standard error, which is the terminal when path=$(migrate revision --edit ...) is not. */
#include "cli/editor.h"

#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *editor_command(void)
{
    const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");
    if (visual && *visual)
        return visual;
    if (editor && *editor)
        return editor;
    return "$(command -v sensible-editor || echo vi)";
}

/* 0, or the errno of why there is no child. SIGPIPE and SIGINT are as a program expects them. */
static int spawn(const char *script, const char *path, pid_t *child)
{
    char *arguments[] = {"sh", "-c", (char *)script, "migrate", (char *)path, NULL};
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGQUIT);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    int failure = posix_spawn(child, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failure;
}

static bool wait_for(pid_t child, int *status)
{
    while (waitpid(child, status, 0) < 0)
        if (errno != EINTR)
            return false;
    return true;
}

static bool finished(int status, const char *command, struct error *err)
{
    if (WIFSIGNALED(status))
        return error_set(err, MIGRATE_FILE, "the editor \"%s\" was ended by signal %d", command, WTERMSIG(status));
    if (WEXITSTATUS(status) == 0)
        return true;
    error_set(err, MIGRATE_FILE, "the editor \"%s\" ended with status %d", command, WEXITSTATUS(status));
    return error_hint(err, "VISUAL or EDITOR in the environment names another editor.");
}

bool editor_run(const char *path, struct error *err)
{
    const char *command = editor_command();
    char script[1024];
    int status = 0;
    pid_t child = 0;
    if ((size_t)snprintf(script, sizeof script, "exec %s \"$@\"", command) >= sizeof script)
        return error_set(err, MIGRATE_USAGE, "the name of the editor is too long");
    signals_leave_to_child(true);
    int failure = spawn(script, path, &child);
    bool waited = failure == 0 && wait_for(child, &status);
    signals_leave_to_child(false);
    errno = failure ? failure : errno;
    return waited ? finished(status, command, err) : error_errno(err, "the editor could not be run");
}
