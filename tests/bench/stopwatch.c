/* stopwatch.c: runs a command and says how long it took and how much memory it had at its peak.
 *
 *     stopwatch FD COMMAND [ARGUMENT...]
 *
 * prints "STATUS NANOSECONDS PEAK_KB" to the file descriptor FD. It is a program of its own because Linux counts into a
 * child's peak what its parent held when it forked, and a Python interpreter holds more than what is measured here. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int report = atoi(argv[1]);
    int64_t began_ns = now_ns();
    pid_t child = fork();
    if (child < 0)
        return 2;
    if (child == 0) {
        close(report);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status = 0;
    struct rusage used = {0};
    while (wait4(child, &status, 0, &used) < 0)
        if (errno != EINTR)
            return 2;
    int64_t took_ns = now_ns() - began_ns;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return dprintf(report, "%d %" PRId64 " %ld\n", code, took_ns, used.ru_maxrss) > 0 ? 0 : 2;
}
