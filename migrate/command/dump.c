/* dump.c: pg_dump, run with our connection's parameters.
 *
 * They go through its environment: arguments can be read by every user of the machine, a password among them. It is
 * found in PATH, as a person's would be. */
#include "base/clock.h"
#include "command/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 64 * 1024, SLICE_MS = 100 };

/* A program that runs: what it says on either stream comes through one pipe. */
struct program {
    struct migrate *migrate;
    const char *const *arguments; /* ends in NULL */
    char **environment;
    struct buffer said;
    pid_t process;
    int pipe;
    int status; /* as waitpid() has it */
};

/* ---- its environment */

static bool is_set_by(const struct parameters *variables, const char *setting)
{
    size_t length = strcspn(setting, "=");
    for (size_t i = 0; i < variables->count; i++)
        if (strlen(variables->items[i].name) == length && strncmp(variables->items[i].name, setting, length) == 0)
            return true;
    return strncmp(setting, "PGSERVICE=", strlen("PGSERVICE=")) == 0; // would be read before what we set
}

static char **environment_of(struct migrate *migrate)
{
    struct arena *arena = &migrate->run;
    struct parameters ours = database_environment(migrate->database, arena);
    struct name_list all = {0};
    for (char **setting = environ; *setting; setting++)
        if (!is_set_by(&ours, *setting))
            ARENA_PUSH(arena, &all, *setting);
    for (size_t i = 0; i < ours.count; i++)
        ARENA_PUSH(arena, &all, arena_printf(arena, "%s=%s", ours.items[i].name, ours.items[i].value));
    ARENA_PUSH(arena, &all, NULL);
    return (char **)(void *)all.items;
}

/* ---- running it */

static int spawn_into(struct program *program, int to)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t defaults, none;
    sigfillset(&defaults);
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, to, STDERR_FILENO);
    int failure = posix_spawnp(&program->process, program->arguments[0], &actions, &attributes,
                               (char *const *)(const void *)program->arguments, program->environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failure;
}

static bool start(struct program *program, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_errno(err, "%s could not be run", program->arguments[0]);
    int failure = spawn_into(program, ends[1]);
    close(ends[1]);
    program->pipe = ends[0];
    if (failure == 0)
        return true;
    close(ends[0]);
    errno = failure;
    error_errno(err, "%s could not be run", program->arguments[0]);
    return error_hint(err, "Install PostgreSQL's client programs (postgresql-client), and have pg_dump in PATH.");
}

/* The first words count, should it say very much. */
static bool listen(struct program *program)
{
    char piece[4096];
    ssize_t got = read(program->pipe, piece, sizeof piece);
    if (got > 0 && program->said.length < SAID_MAX)
        buffer_add(&program->said, piece, (size_t)got);
    return got > 0 || (got < 0 && errno == EINTR);
}

/* Until it closes its end. An interrupt is passed on, and then waited for: it removes nothing that we would not. */
static bool hear_out(struct program *program)
{
    struct pollfd end = {.fd = program->pipe, .events = POLLIN};
    bool interrupted = false;
    for (;;) {
        if (!interrupted && atomic_load(&program->migrate->interrupt) != 0) {
            interrupted = true;
            kill(program->process, SIGTERM);
        }
        if (poll(&end, 1, SLICE_MS) > 0 && !listen(program))
            return !interrupted;
    }
}

static bool reap(struct program *program)
{
    while (waitpid(program->process, &program->status, 0) < 0)
        if (errno != EINTR)
            return false;
    return true;
}

static bool run(struct program *program, struct error *err)
{
    if (!start(program, err))
        return false;
    bool uninterrupted = hear_out(program);
    close(program->pipe);
    bool reaped = reap(program);
    if (!uninterrupted)
        return error_set(err, MIGRATE_INTERRUPTED, "interrupted");
    return reaped || error_errno(err, "%s went away", program->arguments[0]);
}

/* ---- what it said */

static struct text last_line(const struct buffer *said)
{
    struct text line = {0}, rest = {.at = said->at, .length = said->length};
    while (rest.length) {
        struct text next = text_trim(text_split(rest, '\n', &rest));
        if (next.length && !text_starts(next, "pg_dump: detail: Query was")) // names the statement, not the reason
            line = next;
    }
    return line;
}

/* The first line that says error; pg_dump's last one may only show the query. */
static struct text reason(const struct buffer *said)
{
    struct text rest = {.at = said->at, .length = said->length};
    while (rest.length) {
        struct text line = text_trim(text_split(rest, '\n', &rest));
        if (memmem(line.at, line.length, "error:", strlen("error:")))
            return line;
    }
    return last_line(said);
}

static bool finished(struct program *program, struct error *err)
{
    if (WIFEXITED(program->status) && WEXITSTATUS(program->status) == 0)
        return true;
    struct text why = reason(&program->said);
    bool is_refused =
        why.length && memmem(why.at, why.length, "permission denied for", strlen("permission denied for"));
    if (WIFSIGNALED(program->status))
        return error_set(err, MIGRATE_FILE, "%s was ended by signal %d", program->arguments[0],
                         WTERMSIG(program->status));
    error_set(err, is_refused ? MIGRATE_PERMISSION : MIGRATE_FILE, "no backup: %.*s%s", (int)why.length, why.at,
              why.length ? ""
                         : arena_printf(&program->migrate->run, "%s ended with status %d", program->arguments[0],
                                        WEXITSTATUS(program->status)));
    return is_refused ? error_hint(err, "pg_dump needs USAGE on each schema and SELECT on each table and sequence.")
                      : false;
}

/* ---- versions */

/* "pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)" -> 15 */
static bool read_version(struct text said, int64_t *major)
{
    static const char product[] = "(PostgreSQL) ";
    const char *at = memmem(said.at, said.length, product, sizeof product - 1);
    if (!at)
        return false;
    at += sizeof product - 1;
    return text_integer((struct text){.at = at, .length = strspn(at, "0123456789")}, major);
}

static bool dump_version(struct migrate *migrate, char **environment, int64_t *major, struct error *err)
{
    static const char *const arguments[] = {"pg_dump", "--version", NULL};
    struct program program = {
        .migrate = migrate,
        .arguments = arguments,
        .environment = environment,
        .said = {.arena = &migrate->run},
    };
    if (!run(&program, err) || !finished(&program, err))
        return false;
    return read_version(text_of(buffer_done(&program.said)), major) ||
           error_set(err, MIGRATE_FILE, "pg_dump does not say its version");
}

static bool server_version(struct migrate *migrate, int64_t *major, struct error *err)
{
    const struct question question = {.sql = "SHOW server_version_num"};
    struct rows rows;
    if (!database_ask(migrate->database, &question, 1, &migrate->run, &rows, err))
        return false;
    text_integer(text_of(rows_cell(&rows, 0, 0)), major);
    *major /= 10000;
    return true;
}

static bool is_new_enough(struct migrate *migrate, char **environment, struct error *err)
{
    int64_t server = 0, dump = 0;
    if (!server_version(migrate, &server, err) || !dump_version(migrate, environment, &dump, err))
        return false;
    if (dump >= server)
        return true;
    error_set(err, MIGRATE_FILE, "no backup: pg_dump is of version %lld and the server of version %lld",
              (long long)dump, (long long)server);
    return error_hint(err, "Put the pg_dump of version %lld or later first in PATH (postgresql-client-%lld).",
                      (long long)server, (long long)server);
}

bool dump_postgresql(struct migrate *migrate, const char *path, bool with_data, struct error *err)
{
    struct arena *arena = &migrate->run;
    char **environment = environment_of(migrate);
    struct name_list arguments = {0};
    ARENA_PUSH(arena, &arguments, "pg_dump");
    ARENA_PUSH(arena, &arguments, "--format=custom");
    ARENA_PUSH(arena, &arguments, "--no-password");
    ARENA_PUSH(arena, &arguments, arena_printf(arena, "--file=%s", path));
    if (!with_data)
        ARENA_PUSH(arena, &arguments, "--schema-only");
    if (migrate->settings.role)
        ARENA_PUSH(arena, &arguments, arena_printf(arena, "--role=%s", migrate->settings.role));
    ARENA_PUSH(arena, &arguments, NULL);
    struct program program = {
        .migrate = migrate,
        .arguments = arguments.items,
        .environment = environment,
        .said = {.arena = arena},
    };
    return is_new_enough(migrate, environment, err) && run(&program, err) && finished(&program, err);
}
