/* verbs.h: carries out a command line: argv -> struct command_line -> one call of migrate.h -> report. */
#ifndef MIGRATE_CLI_VERBS_H
#define MIGRATE_CLI_VERBS_H

/* Everything between argv and the exit status. */
int tool_run(int argc, char *const *argv);

#endif
