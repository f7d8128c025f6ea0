/* run.h: one run of the tool: argv -> struct command_line -> a verb (verbs.h) -> a report -> the exit status. */
#ifndef MIGRATE_CLI_RUN_H
#define MIGRATE_CLI_RUN_H

#include "cli/report.h"

struct run {
    struct arena arena;
    struct command_line line;
    struct console console;
    struct migrate *migrate; /* NULL for verbs that need none */
    struct migrate_error error;
    struct error failure; /* what `error` points into when it is ours and not the library's */
};

/* Everything between argv and the exit status. */
int tool_run(int argc, char *const *argv);

/* `failure` in the library's form, so that both kinds of error are shown alike. Its code. */
enum migrate_code run_fail(struct run *run);
/* A report of what `error` already holds. */
struct report run_report(struct run *run, enum migrate_code code);
/* What the reports need to know once the library has answered. */
struct report run_answered(struct run *run, enum migrate_code code);

#endif
