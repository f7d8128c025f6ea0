/* run.c: from argv to the exit status, whichever verb it is. */
#include "cli/run.h"

#include "cli/help.h"
#include "cli/signals.h"
#include "cli/verbs.h"

#include <signal.h>

enum migrate_code run_fail(struct run *run)
{
    const struct error *failure = &run->failure;
    run->error = (struct migrate_error){.code = failure->code,
                                        .message = failure->message,
                                        .hint = failure->hint,
                                        .path = failure->path,
                                        .line = failure->line,
                                        .column = failure->column,
                                        .excerpt = failure->excerpt,
                                        .sqlstate = failure->sqlstate,
                                        .revision = failure->revision,
                                        .outcome = failure->outcome};
    return failure->code;
}

static int exit_status(enum migrate_code code)
{
    return code == MIGRATE_INTERRUPTED && signals_caught() == SIGTERM ? 128 + SIGTERM : migrate_code_exit(code);
}

struct report run_report(struct run *run, enum migrate_code code)
{
    progress_end(&run->console.progress);
    return (struct report){.console = &run->console,
                           .line = &run->line,
                           .arena = &run->arena,
                           .code = code,
                           .exit = exit_status(code),
                           .error = &run->error,
                           .database = run->migrate ? migrate_database(run->migrate) : NULL};
}

struct report run_answered(struct run *run, enum migrate_code code)
{
    if (code != MIGRATE_OK && run->migrate)
        run->error = *migrate_error(run->migrate);
    if (code == MIGRATE_FILE && !console_is_written(&run->console, &run->failure))
        (void)run_fail(run); // the library knows only that its script was not taken; here is why
    return run_report(run, code);
}

/* --- what the library calls ------------------------------------------------------------------------ */

static void observe(void *context, const struct migrate_event *event)
{
    struct run *run = context;
    console_event(&run->console, event);
}

static bool write_script(void *context, const char *bytes, size_t size_bytes)
{
    struct run *run = context;
    return console_bytes(&run->console, bytes, size_bytes);
}

/* --- from argv to the exit status ------------------------------------------------------------------ */

/* A failure before the verb could run has the same JSON as one in it, as far as its command is known. */
static void report_early(struct run *run, enum migrate_code code)
{
    struct report report = run_answered(run, code);
    const struct command *command = run->line.command;
    enum verb verb = command ? command_verb(command) : VERBS;
    if (run->line.global.format != FORMAT_JSON)
        return;
    if (verb == VERB_UPGRADE || verb == VERB_DOWNGRADE || verb == VERB_GOTO || verb == VERB_STAMP)
        report_change(&report, NULL);
    else if (verb == VERB_REVISION || verb == VERB_MERGE || verb == VERB_EDIT)
        report_written(&report, NULL);
    else if (verb == VERB_INIT)
        report_paths(&report, NULL);
    else if (verb == VERB_CHECK)
        report_findings(&report, NULL);
    else if (verb == VERB_REPAIR)
        report_repair(&report, NULL);
    else if (verb == VERB_DOCTOR)
        report_diagnosis(&report, NULL);
    else if (verb >= VERB_CURRENT && verb <= VERB_SHOW)
        report_listing(&report, NULL);
    else
        report_done(&report);
}

static enum migrate_code open_and_carry_out(struct run *run, enum verb verb)
{
    const struct global_arguments *global = &run->line.global;
    struct migrate_options options = {.config = global->config,
                                      .section = global->section,
                                      .directory = global->directory,
                                      .url = global->url,
                                      .env_file = global->env_file,
                                      .no_env_file = global->no_env_file,
                                      .wait_ms = global->wait_ms,
                                      .observe = observe,
                                      .write = write_script,
                                      .context = run};
    enum migrate_code code = migrate_open(&options, &run->migrate);
    signals_watch(run->migrate);
    if (code == MIGRATE_OK)
        return verbs[verb].carry_out(run);
    report_early(run, code);
    return code;
}

/* Help is asked for in many ways; all of them come here. */
static enum migrate_code print_help(struct run *run)
{
    const struct command *command = run->line.command;
    console_out(&run->console, "%s",
                command && command->group != GROUP_HIDDEN ? help_command(command, run->console.out, &run->arena)
                                                          : help_overview(run->console.out, &run->arena));
    return MIGRATE_OK;
}

static enum migrate_code carry_out(struct run *run, bool was_read)
{
    if (!was_read) {
        enum migrate_code code = run_fail(run);
        report_early(run, code);
        return code;
    }
    if (run->line.global.version) {
        console_out(&run->console, "migrate %s\n", MIGRATE_VERSION);
        return MIGRATE_OK;
    }
    if (run->line.global.help || !run->line.command)
        return print_help(run);
    enum verb verb = command_verb(run->line.command);
    return verbs[verb].needs_handle ? open_and_carry_out(run, verb) : verbs[verb].carry_out(run);
}

/* A line that could not be read to its end may still have asked for JSON. */
static void look_for_json(int argc, char *const *argv, struct command_line *line)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--format=json") == 0 ||
            (strcmp(argv[i], "--format") == 0 && i + 1 < argc && strcmp(argv[i + 1], "json") == 0))
            line->global.format = FORMAT_JSON;
}

int tool_run(int argc, char *const *argv)
{
    struct run run = {0};
    bool was_read = command_line_read(argc, argv, &run.arena, &run.line, &run.failure);
    if (!was_read)
        look_for_json(argc, argv, &run.line);
    console_open(&run.console, &run.line.global);
    signals_open();
    enum migrate_code code = carry_out(&run, was_read);
    signals_watch(NULL);
    struct error unwritten;
    if (!console_close(&run.console, &unwritten) && (migrate_code_exit(code) <= 1 || code == MIGRATE_FILE)) {
        run.failure = unwritten;
        code = run_fail(&run);
    }
    if (code != MIGRATE_OK && code != MIGRATE_FINDINGS)
        console_error(&run.console, &run.error);
    migrate_close(run.migrate);
    arena_free(&run.arena);
    return exit_status(code);
}
