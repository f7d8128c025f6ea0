/* verbs.c: one short function for each verb: fill migrate.h's options from the command line, call, report. */
#include "cli/verbs.h"

#include "cli/completion.h"
#include "cli/editor.h"
#include "cli/help.h"
#include "cli/manual.h"

/* --- verbs that change a database ------------------------------------------------------------------ */

static bool confirm(void *context, const struct migrate_outcome *plan)
{
    struct run *run = context;
    const struct migrate_database *database = migrate_database(run->migrate);
    const char *url = plan->url ? plan->url : database && database->url ? database->url : "the database";
    report_plan(&run->console, plan, &run->arena);
    const char *question =
        arena_printf(&run->arena, "Take %s down to %s? What that drops is lost.", visible(url, &run->arena),
                     revisions_text(plan->to, plan->to_count, &run->arena));
    return console_ask(&run->console, question);
}

static enum migrate_code change(struct run *run,
                                enum migrate_code (*verb)(struct migrate *, const struct migrate_change_options *,
                                                          const struct migrate_outcome **),
                                bool asks)
{
    const struct change_arguments *wanted = &run->line.change;
    const struct migrate_outcome *outcome = NULL;
    struct migrate_change_options options = {
        .target = run->line.arguments.count ? run->line.arguments.items[0] : NULL,
        .tag = wanted->tag,
        .dry_run = wanted->dry_run,
        .sql = wanted->sql,
        .transaction = wanted->transaction,
        .lock_wait_ms = wanted->lock_wait_ms,
        .lock_retries = wanted->lock_retries,
        .no_stored_scripts = wanted->no_stored_scripts,
        .backup = wanted->backup,
        .backup_data = wanted->backup_data,
        .confirm = asks ? confirm : NULL,
    };
    enum migrate_code code = verb(run->migrate, &options, &outcome);
    struct report report = run_answered(run, code);
    report_change(&report, outcome);
    return code;
}

static enum migrate_code verb_upgrade(struct run *run)
{
    return change(run, migrate_upgrade, false);
}

static bool may_ask(const struct run *run)
{
    const struct change_arguments *wanted = &run->line.change;
    return !wanted->yes && !wanted->dry_run && !wanted->sql && console_can_ask();
}

static enum migrate_code verb_downgrade(struct run *run)
{
    return change(run, migrate_downgrade, may_ask(run));
}

static enum migrate_code verb_goto(struct run *run)
{
    return change(run, migrate_goto, may_ask(run));
}

static enum migrate_code verb_stamp(struct run *run)
{
    const struct migrate_outcome *outcome = NULL;
    struct migrate_stamp_options options = {
        .targets = run->line.arguments.items,
        .target_count = run->line.arguments.count,
        .tag = run->line.stamp.tag,
        .purge = run->line.stamp.purge,
        .sql = run->line.stamp.sql,
        .lock_wait_ms = run->line.stamp.lock_wait_ms,
    };
    enum migrate_code code = migrate_stamp(run->migrate, &options, &outcome);
    struct report report = run_answered(run, code);
    report_change(&report, outcome);
    return code;
}

static const char *decision_question(const struct migrate_repaired *found, struct arena *arena)
{
    const char *revision = visible(found->revision, arena);
    switch (found->remedy) {
    case MIGRATE_REMEDY_ABANDON:
        return arena_printf(arena, "Give %s up? What it has done so far stays.", revision);
    case MIGRATE_REMEDY_DONE:
        return arena_printf(arena, "Count %s as done? Nothing of what is missing will run.", revision);
    default:
        return arena_printf(arena, "Let this text of %s count from now on? Nothing will run.", revision);
    }
}

static bool confirm_repair(void *context, const struct migrate_repaired *found)
{
    struct run *run = context;
    report_decision(&run->console, found, &run->arena);
    return console_ask(&run->console, decision_question(found, &run->arena));
}

static enum migrate_code verb_repair(struct run *run)
{
    const struct repair_arguments *wanted = &run->line.repair;
    const struct migrate_repaired *repaired = NULL;
    struct migrate_repair_options options = {
        .remedy = wanted->abandon  ? MIGRATE_REMEDY_ABANDON
                  : wanted->done   ? MIGRATE_REMEDY_DONE
                  : wanted->accept ? MIGRATE_REMEDY_ACCEPT
                                   : MIGRATE_REMEDY_NONE,
        .revision = wanted->abandon ? wanted->abandon
                    : wanted->done  ? wanted->done
                                    : wanted->accept,
        .lock_wait_ms = wanted->lock_wait_ms,
        .confirm = !wanted->yes && console_can_ask() ? confirm_repair : NULL,
    };
    enum migrate_code code = migrate_repair(run->migrate, &options, &repaired);
    struct report report = run_answered(run, code);
    report_repair(&report, repaired);
    return code;
}

static enum migrate_code verb_ensure_version(struct run *run)
{
    enum migrate_code code = migrate_ensure_version(run->migrate, run->line.stamp.sql);
    struct report report = run_answered(run, code);
    report_done(&report);
    return code;
}

/* --- verbs that ask ---------------------------------------------------------------------------------- */

static enum migrate_code listed(struct run *run, enum migrate_code code, const struct migrate_listing *listing)
{
    struct report report = run_answered(run, code);
    report_listing(&report, listing);
    return code;
}

static enum migrate_code verb_current(struct run *run)
{
    const struct migrate_listing *listing = NULL;
    enum migrate_code code = migrate_current(run->migrate, run->line.list.check_heads, &listing);
    listed(run, code, listing);
    if (code == MIGRATE_OK && listing && listing->revision_count == 0)
        console_log(&run->console, LEVEL_INFO, NULL, "the database is at base: no revision is applied");
    return code;
}

static enum migrate_code verb_history(struct run *run)
{
    const struct migrate_listing *listing = NULL;
    struct migrate_history_options options = {.range = run->line.history.range,
                                              .indicate_current = run->line.history.indicate_current};
    enum migrate_code code = migrate_history(run->migrate, &options, &listing);
    return listed(run, code, listing);
}

static enum migrate_code verb_heads(struct run *run)
{
    const struct migrate_listing *listing = NULL;
    enum migrate_code code = migrate_heads(run->migrate, run->line.list.resolve_dependencies, &listing);
    return listed(run, code, listing);
}

static enum migrate_code verb_bases(struct run *run)
{
    const struct migrate_listing *listing = NULL;
    enum migrate_code code = migrate_bases(run->migrate, &listing);
    return listed(run, code, listing);
}

static enum migrate_code verb_branches(struct run *run)
{
    const struct migrate_listing *listing = NULL;
    enum migrate_code code = migrate_branches(run->migrate, &listing);
    return listed(run, code, listing);
}

static enum migrate_code verb_show(struct run *run)
{
    const struct migrate_listing *listing = NULL;
    enum migrate_code code = migrate_show(run->migrate, run->line.arguments.items[0], &listing);
    return listed(run, code, listing);
}

static enum migrate_code verb_check(struct run *run)
{
    const struct migrate_findings *findings = NULL;
    const struct check_arguments *wanted = &run->line.check;
    struct migrate_check_options options = {.database = wanted->database || wanted->pending,
                                            .single_head = wanted->single_head,
                                            .require_downgrade = wanted->require_downgrade,
                                            .pending = wanted->pending};
    enum migrate_code code = migrate_check(run->migrate, &options, &findings);
    struct report report = run_answered(run, code);
    report_findings(&report, findings);
    return code;
}

static enum migrate_code verb_wait(struct run *run)
{
    enum migrate_code code = migrate_wait(run->migrate);
    struct report report = run_answered(run, code);
    report_done(&report);
    return code;
}

static enum migrate_code verb_doctor(struct run *run)
{
    const struct migrate_diagnosis *diagnosis = NULL;
    struct migrate_doctor_options options = {.replicas = run->line.doctor.replicas,
                                             .old_after_ms = run->line.doctor.old_after_ms};
    enum migrate_code code = migrate_doctor(run->migrate, &options, &diagnosis);
    struct report report = run_answered(run, code);
    report_diagnosis(&report, diagnosis);
    return code;
}

/* --- verbs that write files -------------------------------------------------------------------------- */

static enum migrate_code edited(struct run *run, const char *path)
{
    return editor_run(path, &run->failure) ? MIGRATE_OK : run_fail(run);
}

/* A file that was written stays, whatever becomes of the editor. */
static enum migrate_code written(struct run *run, enum migrate_code code, const struct migrate_written *file)
{
    struct report report = run_answered(run, code);
    if (code == MIGRATE_OK && run->line.revision.edit && edited(run, file->path) != MIGRATE_OK) {
        error_outcome(&run->failure, "The file was written: %s", file->path);
        code = run->failure.code;
        report = run_report(run, code);
    }
    report_written(&report, file);
    return code;
}

static struct migrate_new_revision new_revision(const struct command_line *line)
{
    const struct revision_arguments *wanted = &line->revision;
    return (struct migrate_new_revision){.message = wanted->message,
                                         .rev_id = wanted->rev_id,
                                         .version_path = wanted->version_path,
                                         .heads = wanted->heads.items,
                                         .head_count = wanted->heads.count,
                                         .branch_labels = wanted->branch_labels.items,
                                         .branch_label_count = wanted->branch_labels.count,
                                         .depends_on = wanted->depends_on.items,
                                         .depends_on_count = wanted->depends_on.count,
                                         .splice = wanted->splice};
}

static enum migrate_code verb_revision(struct run *run)
{
    const struct migrate_written *file = NULL;
    struct migrate_new_revision options = new_revision(&run->line);
    enum migrate_code code = migrate_revision(run->migrate, &options, &file);
    return written(run, code, file);
}

static enum migrate_code verb_merge(struct run *run)
{
    const struct migrate_written *file = NULL;
    struct migrate_new_revision options = new_revision(&run->line);
    options.heads = run->line.arguments.items;
    options.head_count = run->line.arguments.count;
    if (!options.message)
        options.message = arena_printf(&run->arena, "merge %s", names_join(run->line.arguments, " and ", &run->arena));
    enum migrate_code code = migrate_merge(run->migrate, &options, &file);
    return written(run, code, file);
}

static enum migrate_code verb_edit(struct run *run)
{
    const struct migrate_listing *listing = NULL;
    const char *identifier = run->line.arguments.items[0];
    enum migrate_code code = migrate_show(run->migrate, identifier, &listing);
    if (code == MIGRATE_OK && listing->revision_count != 1) {
        error_set(&run->failure, MIGRATE_USAGE, "edit opens one file, and \"%s\" names %zu revisions", identifier,
                  listing->revision_count);
        code = run_fail(run);
    } else if (code == MIGRATE_OK && !listing->revisions[0].path) {
        error_set(&run->failure, MIGRATE_UNKNOWN_REVISION, "no file has %s: only the database does",
                  listing->revisions[0].revision);
        code = run_fail(run);
    } else if (code == MIGRATE_OK) {
        code = edited(run, listing->revisions[0].path);
    } else {
        run->error = *migrate_error(run->migrate);
    }
    struct migrate_written file = {0};
    if (code == MIGRATE_OK)
        file = (struct migrate_written){.revision = listing->revisions[0].revision, .path = listing->revisions[0].path};
    struct report report = run_report(run, code);
    if (run->line.global.format == FORMAT_JSON)
        report_written(&report, &file);
    return code;
}

static enum migrate_code verb_init(struct run *run)
{
    const struct migrate_paths *paths = NULL;
    const struct migrate_init_options options = {
        .directory = run->line.arguments.count ? run->line.arguments.items[0] : NULL,
        .template_name = run->line.init.template_name,
        .helm = run->line.init.helm,
    };
    enum migrate_code code = migrate_init(run->migrate, &options, &paths);
    struct report report = run_answered(run, code);
    report_paths(&report, paths);
    if (code == MIGRATE_OK && options.helm)
        console_log(&run->console, LEVEL_INFO, NULL, "next: %s/README.md says how to reach the first migrated release",
                    visible(options.helm, &run->arena));
    else if (code == MIGRATE_OK)
        console_log(&run->console, LEVEL_INFO, NULL,
                    "next: name the database (DATABASE_URL, or url in migrate.ini), then: migrate revision -m MSG");
    return code;
}

static enum migrate_code verb_list_templates(struct run *run)
{
    const struct migrate_templates *templates = NULL;
    enum migrate_code code = migrate_list_templates(run->migrate, &templates);
    struct report report = run_answered(run, code);
    report_templates(&report, templates);
    return code;
}

/* --- verbs about the tool itself ------------------------------------------------------------------------ */

static enum migrate_code verb_completion(struct run *run)
{
    const char *shell = run->line.arguments.items[0], *const *known = run->line.command->choices;
    while (*known && strcmp(*known, shell) != 0)
        known++;
    if (!*known) {
        error_set(&run->failure, MIGRATE_USAGE, "there is completion for bash, zsh and fish, not for \"%s\"", shell);
        return run_fail(run);
    }
    console_out(&run->console, "%s", completion_script(shell));
    return MIGRATE_OK;
}

static enum migrate_code verb_help(struct run *run)
{
    const struct command *command = NULL;
    if (run->line.help.manual) {
        console_out(&run->console, "%s", manual_page(&run->arena));
        return MIGRATE_OK;
    }
    if (run->line.arguments.count) {
        command = command_named(run->line.arguments.items[0]);
        if (!command) {
            command_unknown(run->line.arguments.items[0], &run->arena, &run->failure);
            return run_fail(run);
        }
    }
    console_out(&run->console, "%s",
                command ? help_command(command, run->console.out, &run->arena)
                        : help_overview(run->console.out, &run->arena));
    return MIGRATE_OK;
}

/* The files alone are asked; whatever goes wrong, there is just less to offer. */
static void look_up_revisions(struct run *run, struct completion *completion)
{
    const struct migrate_listing *listing = NULL, none = {0};
    const struct global_arguments *global = &completion->line.global;
    struct migrate_options options = {.config = global->config,
                                      .section = global->section,
                                      .directory = global->directory,
                                      .env_file = global->env_file,
                                      .no_env_file = global->no_env_file};
    enum migrate_code code = migrate_open(&options, &run->migrate);
    if (code == MIGRATE_OK)
        code = migrate_history(run->migrate, &(struct migrate_history_options){0}, &listing);
    completion_add_revisions(completion, &run->arena, code == MIGRATE_OK && listing ? listing : &none);
}

static enum migrate_code verb_complete(struct run *run)
{
    struct completion completion;
    complete(run->line.arguments, &run->arena, &completion);
    if (completion.word == WORD_REVISION)
        look_up_revisions(run, &completion);
    if (completion.word == WORD_FILE || completion.word == WORD_FOLDER)
        console_out(&run->console, "%s\n", completion.word == WORD_FILE ? ":files" : ":folders");
    for (size_t i = 0; i < completion.count; i++)
        console_out(&run->console, "%s%s%s\n", completion.items[i].text, *completion.items[i].meaning ? "\t" : "",
                    completion.items[i].meaning);
    return MIGRATE_OK;
}

/* --- all of them ----------------------------------------------------------------------------------------- */

const struct verb_work verbs[VERBS] = {
    [VERB_INIT] = {verb_init, true},
    [VERB_REVISION] = {verb_revision, true},
    [VERB_MERGE] = {verb_merge, true},
    [VERB_EDIT] = {verb_edit, true},
    [VERB_UPGRADE] = {verb_upgrade, true},
    [VERB_DOWNGRADE] = {verb_downgrade, true},
    [VERB_GOTO] = {verb_goto, true},
    [VERB_STAMP] = {verb_stamp, true},
    [VERB_REPAIR] = {verb_repair, true},
    [VERB_ENSURE_VERSION] = {verb_ensure_version, true},
    [VERB_CURRENT] = {verb_current, true},
    [VERB_HISTORY] = {verb_history, true},
    [VERB_HEADS] = {verb_heads, true},
    [VERB_BASES] = {verb_bases, true},
    [VERB_BRANCHES] = {verb_branches, true},
    [VERB_SHOW] = {verb_show, true},
    [VERB_CHECK] = {verb_check, true},
    [VERB_WAIT] = {verb_wait, true},
    [VERB_DOCTOR] = {verb_doctor, true},
    [VERB_LIST_TEMPLATES] = {verb_list_templates, true},
    [VERB_COMPLETION] = {verb_completion, false},
    [VERB_HELP] = {verb_help, false},
    [VERB_COMPLETE] = {verb_complete, false},
};
