/* commands.c: the table of verbs and options. To add an option: a member in its verb's struct (command_line.h), a row
 * here; help, manual and completion follow. */
#include "cli/command_line.h"

/* One option is one paragraph, whose lines are the same in all of them. */
/* clang-format off */

#define LINE(member) offsetof(struct command_line, member)
#define OPTIONS(rows) {(rows), sizeof(rows) / sizeof(rows)[0]}

static const char *const text_or_json[] = {"text", "json", NULL};
static const char *const history_formats[] = {"text", "json", "dot", "mermaid", NULL};
static const char *const whens[] = {"auto", "always", "never", NULL};
static const char *const shells[] = {"bash", "zsh", "fish", NULL};
static const char *const transactions[] = {"revision", "run", NULL};

static const struct option global_rows[] = {
    {.name = "config",
     .letter = 'c',
     .kind = OPTION_TEXT,
     .offset = LINE(global.config),
     .argument = "FILE",
     .word = WORD_FILE,
     .summary = "configuration; default: the nearest migrate.ini from here up"},
    {.name = "name",
     .letter = 'n',
     .kind = OPTION_TEXT,
     .offset = LINE(global.section),
     .argument = "SECTION",
     .summary = "its section; default: migrate"},
    {.name = "directory",
     .letter = 'd',
     .kind = OPTION_TEXT,
     .offset = LINE(global.directory),
     .argument = "DIR",
     .word = WORD_FOLDER,
     .summary = "migrations folder; default: script_location of the configuration"},
    {.name = "url",
     .letter = 'u',
     .kind = OPTION_TEXT,
     .offset = LINE(global.url),
     .argument = "URL",
     .summary = "database; better in the environment, where ps does not show it"},
    {.name = "env-file",
     .kind = OPTION_TEXT,
     .offset = LINE(global.env_file),
     .argument = "FILE",
     .word = WORD_FILE,
     .summary = "environment file; default: .env beside the configuration"},
    {.name = "no-env-file",
     .kind = OPTION_FLAG,
     .offset = LINE(global.no_env_file),
     .summary = "read no environment file"},
    {.name = "wait",
     .kind = OPTION_DURATION,
     .offset = LINE(global.wait_ms),
     .argument = "TIME",
     .implied = "30s",
     .summary = "keep trying so long while the server is away (30s)"},
    {.name = "format",
     .kind = OPTION_CHOICE,
     .offset = LINE(global.format),
     .argument = "text|json",
     .choices = text_or_json,
     .summary = "how the result is written to standard output"},
    {.name = "log-format",
     .kind = OPTION_CHOICE,
     .offset = LINE(global.log_format),
     .argument = "text|json",
     .choices = text_or_json,
     .summary = "how messages are written to standard error"},
    {.name = "color",
     .kind = OPTION_CHOICE,
     .offset = LINE(global.colour),
     .argument = "auto|always|never",
     .choices = whens,
     .summary = "auto: on terminals, unless NO_COLOR is set"},
    {.name = "progress",
     .kind = OPTION_CHOICE,
     .offset = LINE(global.progress),
     .argument = "auto|always|never",
     .choices = whens,
     .summary = "progress bar; auto: when standard error is a terminal"},
    {.name = "quiet",
     .letter = 'q',
     .kind = OPTION_FLAG,
     .offset = LINE(global.quiet),
     .summary = "only warnings and errors on standard error"},
    {.name = "verbose",
     .letter = 'v',
     .kind = OPTION_FLAG,
     .offset = LINE(global.verbose),
     .summary = "more detail, in results and messages"},
    {.name = "version", .kind = OPTION_STOP, .offset = LINE(global.version), .summary = "print the version"},
    {.name = "help",
     .letter = 'h',
     .kind = OPTION_STOP,
     .offset = LINE(global.help),
     .summary = "print help, of a command behind its name"},
};

static const struct option init_rows[] = {
    {.name = "template",
     .letter = 't',
     .kind = OPTION_TEXT,
     .offset = LINE(init.template_name),
     .argument = "NAME",
     .summary = "template to start from, one of those that list-templates lists; default: default"},
    {.name = "helm",
     .kind = OPTION_TEXT,
     .offset = LINE(init.helm),
     .argument = "DIR",
     .word = WORD_FOLDER,
     .summary = "write only a Helm chart, into DIR; its Job runs migrations"},
};

#define NEW_REVISION_ROWS                                                                                              \
    {.name = "branch-label",                                                                                           \
     .kind = OPTION_LIST,                                                                                              \
     .offset = LINE(revision.branch_labels),                                                                           \
     .argument = "LABEL",                                                                                              \
     .summary = "a branch label for the new revision; may be repeated"},                                               \
    {.name = "depends-on",                                                                                             \
     .kind = OPTION_LIST,                                                                                              \
     .offset = LINE(revision.depends_on),                                                                              \
     .argument = "REV",                                                                                                \
     .word = WORD_REVISION,                                                                                            \
     .summary = "a revision that must be applied before it; may be repeated"},                                         \
    {.name = "version-path",                                                                                           \
     .kind = OPTION_TEXT,                                                                                              \
     .offset = LINE(revision.version_path),                                                                            \
     .argument = "DIR",                                                                                                \
     .word = WORD_FOLDER,                                                                                              \
     .summary = "folder for the file; default: the first of version_locations"},                                       \
    {.name = "rev-id",                                                                                                 \
     .kind = OPTION_TEXT,                                                                                              \
     .offset = LINE(revision.rev_id),                                                                                  \
     .argument = "ID",                                                                                                 \
     .summary = "its id; default: twelve random hexadecimal digits"},                                                  \
    {.name = "edit",                                                                                                   \
     .kind = OPTION_FLAG,                                                                                              \
     .offset = LINE(revision.edit),                                                                                    \
     .summary = "open the new file in $VISUAL or $EDITOR"}

static const struct option revision_rows[] = {
    {.name = "message",
     .letter = 'm',
     .kind = OPTION_TEXT,
     .offset = LINE(revision.message),
     .argument = "MSG",
     .summary = "what it does, in a line; also gives the file its name"},
    {.name = "head",
     .kind = OPTION_LIST,
     .offset = LINE(revision.heads),
     .argument = "REV",
     .word = WORD_REVISION,
     .summary = "its parent, needed when there are several heads: BRANCH@head, an id or base"},
    {.name = "splice",
     .kind = OPTION_FLAG,
     .offset = LINE(revision.splice),
     .summary = "let the parent be a revision that has children already"},
    NEW_REVISION_ROWS,
};

static const struct option merge_rows[] = {
    {.name = "message",
     .letter = 'm',
     .kind = OPTION_TEXT,
     .offset = LINE(revision.message),
     .argument = "MSG",
     .summary = "what it does, in a line; default: merge and the names of its parents"},
    NEW_REVISION_ROWS,
};

#define CHANGE_ROWS                                                                                                    \
    {.name = "dry-run",                                                                                                \
     .kind = OPTION_FLAG,                                                                                              \
     .offset = LINE(change.dry_run),                                                                                   \
     .summary = "show each statement that would run; change nothing"},                                                 \
    {.name = "tag",                                                                                                    \
     .kind = OPTION_TEXT,                                                                                              \
     .offset = LINE(change.tag),                                                                                       \
     .argument = "TAG",                                                                                                \
     .summary = "look the target up among the revisions that this git tag held"},                                      \
    {.name = "transaction",                                                                                            \
     .kind = OPTION_TEXT,                                                                                              \
     .offset = LINE(change.transaction),                                                                               \
     .argument = "revision|run",                                                                                       \
     .choices = transactions,                                                                                          \
     .summary = "one transaction for each revision (default) or for the whole run"},                                   \
    {.name = "lock-wait",                                                                                              \
     .kind = OPTION_DURATION,                                                                                          \
     .offset = LINE(change.lock_wait_ms),                                                                              \
     .argument = "TIME",                                                                                               \
     .initial = MIGRATE_DEFAULT,                                                                                       \
     .summary = "how long to wait for another migration to finish; default: 60s"},                                     \
    {.name = "lock-retries",                                                                                           \
     .kind = OPTION_INTEGER,                                                                                           \
     .offset = LINE(change.lock_retries),                                                                              \
     .argument = "N",                                                                                                  \
     .initial = MIGRATE_DEFAULT,                                                                                       \
     .summary = "tries when table locks are not to be had; default: 10"},                                              \
    {.name = "backup",                                                                                                 \
     .kind = OPTION_TEXT,                                                                                              \
     .offset = LINE(change.backup),                                                                                    \
     .argument = "FILE",                                                                                               \
     .implied = "",                                                                                                    \
     .word = WORD_FILE,                                                                                                \
     .summary = "first write a backup: a copy of an SQLite file, or the schema by pg_dump -Fc"},                       \
    {.name = "backup-data",                                                                                            \
     .kind = OPTION_FLAG,                                                                                              \
     .offset = LINE(change.backup_data),                                                                               \
     .summary = "with --backup: let pg_dump write the rows too"}

#define SQL_ROW(member)                                                                                                \
    {.name = "sql",                                                                                                    \
     .kind = OPTION_FLAG,                                                                                              \
     .offset = LINE(member),                                                                                           \
     .summary = "print a script for psql or sqlite3 instead; does not connect"}

#define DOWN_ROWS                                                                                                      \
    {.name = "no-stored-scripts",                                                                                      \
     .kind = OPTION_FLAG,                                                                                              \
     .offset = LINE(change.no_stored_scripts),                                                                         \
     .summary = "never run a downgrade that is only kept in the database"},                                            \
    {.name = "yes",                                                                                                    \
     .letter = 'y',                                                                                                    \
     .kind = OPTION_FLAG,                                                                                              \
     .offset = LINE(change.yes),                                                                                       \
     .summary = "do not ask"}

static const struct option upgrade_rows[] = {CHANGE_ROWS, SQL_ROW(change.sql)};
static const struct option downgrade_rows[] = {CHANGE_ROWS, SQL_ROW(change.sql), DOWN_ROWS};
static const struct option goto_rows[] = {CHANGE_ROWS, DOWN_ROWS}; // which way to go, only a database knows: no --sql

static const struct option stamp_rows[] = {
    {.name = "purge",
     .kind = OPTION_FLAG,
     .offset = LINE(stamp.purge),
     .summary = "remove all version rows first, unknown ones too"},
    SQL_ROW(stamp.sql),
    {.name = "tag",
     .kind = OPTION_TEXT,
     .offset = LINE(stamp.tag),
     .argument = "TAG",
     .summary = "look revisions up among those that this git tag held"},
    {.name = "lock-wait",
     .kind = OPTION_DURATION,
     .offset = LINE(stamp.lock_wait_ms),
     .argument = "TIME",
     .initial = MIGRATE_DEFAULT,
     .summary = "how long to wait for another migration to finish; default: 60s"},
};

static const struct option repair_rows[] = {
    {.name = "abandon",
     .kind = OPTION_TEXT,
     .offset = LINE(repair.abandon),
     .argument = "REV",
     .word = WORD_REVISION,
     .summary = "give up an unfinished revision; version rows and schema stay as they are"},
    {.name = "done",
     .kind = OPTION_TEXT,
     .offset = LINE(repair.done),
     .argument = "REV",
     .word = WORD_REVISION,
     .summary = "count an unfinished revision as done: move its version row, run nothing"},
    {.name = "accept",
     .kind = OPTION_TEXT,
     .offset = LINE(repair.accept),
     .argument = "REV",
     .word = WORD_REVISION,
     .summary = "let the edited file of an applied revision count as it is now; run nothing"},
    {.name = "lock-wait",
     .kind = OPTION_DURATION,
     .offset = LINE(repair.lock_wait_ms),
     .argument = "TIME",
     .initial = MIGRATE_DEFAULT,
     .summary = "how long to wait for another migration to finish; default: 60s"},
    {.name = "yes", .letter = 'y', .kind = OPTION_FLAG, .offset = LINE(repair.yes), .summary = "do not ask"},
};

static const struct option ensure_version_rows[] = {
    SQL_ROW(stamp.sql),
};

static const struct option current_rows[] = {
    {.name = "check-heads",
     .kind = OPTION_FLAG,
     .offset = LINE(list.check_heads),
     .summary = "exit 1 unless the database is at every head"},
};

static const struct option history_rows[] = {
    {.name = "rev-range",
     .letter = 'r',
     .kind = OPTION_TEXT,
     .offset = LINE(history.range),
     .argument = "A:B",
     .word = WORD_REVISION,
     .summary = "only these: from A up to B; either end may be left out"},
    {.name = "indicate-current",
     .letter = 'i',
     .kind = OPTION_FLAG,
     .offset = LINE(history.indicate_current),
     .summary = "ask the database, and mark what it is at"},
    {.name = "graph", .kind = OPTION_FLAG, .offset = LINE(history.graph), .summary = "draw branches and merges"},
    {.name = "format",
     .kind = OPTION_CHOICE,
     .offset = LINE(global.format),
     .argument = "text|json|dot|mermaid",
     .choices = history_formats,
     .summary = "dot is for Graphviz, mermaid for Markdown"},
};

static const struct option heads_rows[] = {
    {.name = "resolve-dependencies",
     .kind = OPTION_FLAG,
     .offset = LINE(list.resolve_dependencies),
     .summary = "leave out heads that another revision depends on"},
};

static const struct option check_rows[] = {
    {.name = "database",
     .kind = OPTION_FLAG,
     .offset = LINE(check.database),
     .summary = "compare with the database: edited, missing and unfinished revisions"},
    {.name = "pending",
     .kind = OPTION_FLAG,
     .offset = LINE(check.pending),
     .summary = "revisions that are not applied are an error; asks the database"},
    {.name = "single-head",
     .kind = OPTION_FLAG,
     .offset = LINE(check.single_head),
     .summary = "several heads are an error"},
    {.name = "require-downgrade",
     .kind = OPTION_FLAG,
     .offset = LINE(check.require_downgrade),
     .summary = "a revision without a downgrade is an error"},
};

static const struct option doctor_rows[] = {
    {.name = "replicas",
     .kind = OPTION_INTEGER,
     .offset = LINE(doctor.replicas),
     .argument = "N",
     .initial = 1,
     .summary = "processes of the application, each with a pool of DB_POOL_SIZE + DB_MAX_OVERFLOW"},
    {.name = "old-after",
     .kind = OPTION_DURATION,
     .offset = LINE(doctor.old_after_ms),
     .argument = "TIME",
     .summary = "list transactions that have been open so long; default: 1min"},
};

static const struct option help_rows[] = {
    {.name = "man",
     .kind = OPTION_FLAG,
     .offset = LINE(help.manual),
     .summary = "print the manual page as roff: migrate help --man | man -l -"},
};

#define EXAMPLES(...) (const struct example[]){__VA_ARGS__, {NULL, NULL}}

const char *const command_group_titles[COMMAND_GROUPS] = {
    [GROUP_WRITE] = "Write revisions",
    [GROUP_CHANGE] = "Change a database",
    [GROUP_ASK] = "Look",
    [GROUP_OTHER] = "Other",
};

const struct command commands[VERBS] = {
    [VERB_INIT] =
        {
            .name = "init",
            .group = GROUP_WRITE,
            .arguments = "[DIR]",
            .at_most = 1,
            .word = WORD_FOLDER,
            .summary = "set up a migrations folder and its configuration",
            .details =
                "Writes migrate.ini here and, in DIR (default: migrations), the template that new revisions are made "
                "from. A file that is there already is never overwritten.\n\n"
                "With --helm it writes a chart instead: one Job that runs \"migrate upgrade\" before a release is "
                "installed or upgraded. Its README.md leads from a cluster to the first migrated release, and from a "
                "failed one back; values.yaml says what can be set.",
            .options = OPTIONS(init_rows),
            .examples = EXAMPLES({"migrate init", "migrate.ini and migrations/"},
                                 {"migrate init --helm charts/migrate", "a chart beside those of the application"}),
        },
    [VERB_REVISION] =
        {
            .name = "revision",
            .group = GROUP_WRITE,
            .arguments = "-m MSG",
            .summary = "write a new revision file",
            .details = "The new file follows the head; with several heads --head says which. Its path is printed. When "
                       "anything fails, no file is left behind.",
            .options = OPTIONS(revision_rows),
            .examples = EXAMPLES({"migrate revision -m \"add the inventory indexes\"", NULL},
                                 {"migrate revision -m \"add tags\" --head inventory@head --edit", "on a branch"},
                                 {"migrate revision -m \"orders\" --head base --branch-label orders", "a new branch"}),
        },
    [VERB_MERGE] =
        {
            .name = "merge",
            .group = GROUP_WRITE,
            .arguments = "REV... [-m MSG]",
            .at_least = 1,
            .at_most = SIZE_MAX,
            .word = WORD_REVISION,
            .summary = "write a revision that joins several heads",
            .details =
                "The new revision has every REV as its parent; \"heads\" stands for all heads. Its path is printed.",
            .options = OPTIONS(merge_rows),
            .examples = EXAMPLES({"migrate merge heads -m \"join catalog and inventory\"", NULL}),
        },
    [VERB_EDIT] =
        {
            .name = "edit",
            .group = GROUP_WRITE,
            .arguments = "REV",
            .at_least = 1,
            .at_most = 1,
            .word = WORD_REVISION,
            .summary = "open a revision's file in $VISUAL or $EDITOR",
            .examples = EXAMPLES({"migrate edit head", NULL}),
        },
    [VERB_UPGRADE] =
        {
            .name = "upgrade",
            .group = GROUP_CHANGE,
            .arguments = "[TARGET]",
            .at_most = 1,
            .word = WORD_REVISION,
            .summary = "apply revisions up to TARGET (default: head)",
            .details =
                "Runs the ancestors of TARGET that are not applied, parents and dependencies first, each in a "
                "transaction of its own. When one fails it is rolled back, and those before it stand. Where there is "
                "nothing to do, it says so and succeeds.\n\n"
                "One migration runs at a time: another waits for it (--lock-wait), and finds the work done.\n\n"
                "With --backup nothing runs before the backup is written, and none is written where nothing is to run. "
                "Without FILE the copy of an SQLite file is put beside it, with the time in its name; a backup of "
                "PostgreSQL, which pg_restore reads, needs a name. No file is overwritten.",
            .options = OPTIONS(upgrade_rows),
            .examples = EXAMPLES(
                {"migrate upgrade", "everything that is pending"}, {"migrate upgrade --dry-run", "what that would run"},
                {"migrate upgrade --backup=before-release.dump", "with a way back"},
                {"migrate upgrade +1", "one revision further"}, {"migrate upgrade inventory@head", "one branch"},
                {"migrate upgrade --sql 27c6a30d7c24:head > upgrade.sql", "a script to run by hand"}),
        },
    [VERB_DOWNGRADE] =
        {
            .name = "downgrade",
            .group = GROUP_CHANGE,
            .arguments = "TARGET",
            .at_least = 1,
            .at_most = 1,
            .word = WORD_REVISION,
            .summary = "take revisions back down to TARGET",
            .details =
                "Runs the downgrade of every applied revision above TARGET, newest first. TARGET itself stays "
                "applied; \"base\" takes everything back. On a terminal it shows what would run, which tables and "
                "columns would be lost with about how many rows, and asks; --yes answers. Without a terminal it does "
                "not ask.",
            .options = OPTIONS(downgrade_rows),
            .examples = EXAMPLES({"migrate downgrade -1", "the newest revision"},
                                 {"migrate downgrade 27c6a30d7c24 --dry-run", "what that would run"},
                                 {"migrate downgrade --sql head:27c6a30d7c24 > downgrade.sql", "offline: a range"}),
        },
    [VERB_GOTO] =
        {
            .name = "goto",
            .group = GROUP_CHANGE,
            .arguments = "TARGET",
            .at_least = 1,
            .at_most = 1,
            .word = WORD_REVISION,
            .summary = "go to TARGET, whichever way it lies",
            .details =
                "Takes down what is applied above TARGET, or else upgrades to it; other branches stay. Before it takes "
                "anything down it asks, as downgrade does. For a script, say which way: upgrade --sql or downgrade "
                "--sql.\n\n"
                "This is the way back after a release: \"migrate goto head\" with the older image or checkout takes "
                "the "
                "database to that one's head. The downgrades of revisions that it has never seen come from the "
                "database, which keeps each file that ran.",
            .options = OPTIONS(goto_rows),
            .examples = EXAMPLES({"migrate goto head", "to this folder's head, up or down"},
                                 {"migrate goto 27c6a30d7c24 --dry-run", "what that would run"},
                                 {"migrate goto --tag v1.4 head", "to the head that release 1.4 had"}),
        },
    [VERB_STAMP] =
        {
            .name = "stamp",
            .group = GROUP_CHANGE,
            .arguments = "REV...",
            .at_least = 1,
            .at_most = SIZE_MAX,
            .word = WORD_REVISION,
            .summary = "record revisions as applied without running anything",
            .details =
                "Rows that are ancestors or descendants of a named revision are replaced by it; others stay. All of "
                "it happens, or nothing.",
            .options = OPTIONS(stamp_rows),
            .examples = EXAMPLES({"migrate stamp head", "take over a database that has the schema already"},
                                 {"migrate stamp --purge base", "forget everything"}),
        },
    [VERB_REPAIR] =
        {
            .name = "repair",
            .group = GROUP_CHANGE,
            .summary = "list unfinished revisions, and decide what becomes of one",
            .details =
                "A revision with an autocommit section that was stopped half-way stays in the history until it is "
                "finished, and usually running it again finishes it. Without options this lists such revisions: how "
                "far they came, why they stopped, what running them again would do and what giving them up would "
                "leave.\n\n"
                "Where running it again is not the answer, --abandon gives it up, and --done says that it was finished "
                "by hand. --accept is for a revision that is applied and whose file was edited since, which check "
                "--database reports: from then on the text counts that the file holds now. REV is an id or the "
                "beginning of one. On a terminal each of them asks first. None of them runs a revision's SQL, and the "
                "history keeps what happened and what was decided.",
            .options = OPTIONS(repair_rows),
            .examples = EXAMPLES({"migrate repair", "what is unfinished"},
                                 {"migrate repair --abandon 1975ea83b712", "give it up"},
                                 {"migrate repair --done 1975ea83b712", "finished by hand"},
                                 {"migrate repair --accept 27c6a30d7c24", "a file edited on purpose"}),
        },
    [VERB_ENSURE_VERSION] =
        {
            .name = "ensure-version",
            .alias = "ensure_version",
            .group = GROUP_CHANGE,
            .summary = "create the version table where it is missing",
            .options = OPTIONS(ensure_version_rows),
        },
    [VERB_CURRENT] =
        {
            .name = "current",
            .group = GROUP_ASK,
            .summary = "show which revisions the database is at",
            .details = "Prints the applied heads; nothing, if no revision is applied.",
            .options = OPTIONS(current_rows),
            .examples = EXAMPLES({"migrate current -v", "with message, file and date"},
                                 {"migrate current --check-heads", "for a readiness probe"}),
        },
    [VERB_HISTORY] =
        {
            .name = "history",
            .group = GROUP_ASK,
            .summary = "list revisions, newest first",
            .options = OPTIONS(history_rows),
            .examples = EXAMPLES({"migrate history --graph -i", "drawn, with where the database is"},
                                 {"migrate history -r current:", "what is still to be applied, and where that starts"},
                                 {"migrate history --format dot | dot -Tsvg > history.svg", NULL}),
        },
    [VERB_HEADS] =
        {
            .name = "heads",
            .group = GROUP_ASK,
            .summary = "list the revisions that nothing follows",
            .options = OPTIONS(heads_rows),
        },
    [VERB_BASES] = {.name = "bases", .group = GROUP_ASK, .summary = "list the revisions that follow nothing"},
    [VERB_BRANCHES] = {.name = "branches", .group = GROUP_ASK, .summary = "list the revisions where branches part"},
    [VERB_SHOW] =
        {
            .name = "show",
            .group = GROUP_ASK,
            .arguments = "REV",
            .at_least = 1,
            .at_most = 1,
            .word = WORD_REVISION,
            .summary = "show one revision",
            .examples = EXAMPLES({"migrate show head", NULL}),
        },
    [VERB_CHECK] =
        {
            .name = "check",
            .group = GROUP_ASK,
            .summary = "look for mistakes in the revision files",
            .details =
                "Without options it reads the files alone: cycles, missing parents, duplicate ids and labels, ids that "
                "do not fit their column. With --database it also compares them with what was applied: files edited "
                "since (as a diff), applied revisions that no file has, unfinished ones, INVALID indexes, version rows "
                "that the history does not explain. Exits 1 when it finds an error, 0 when there are only warnings.",
            .options = OPTIONS(check_rows),
            .examples = EXAMPLES({"migrate check --single-head --require-downgrade", "in a pull request"},
                                 {"migrate check --pending", "before a release"}),
        },
    [VERB_WAIT] =
        {
            .name = "wait",
            .group = GROUP_ASK,
            .summary = "wait until the database can be reached",
            .details =
                "Keeps trying for as long as --wait says (here 60s by default) while the server is away, starting "
                "up, shutting down or out of connections, and exits 10 when the time is up. What waiting cannot "
                "mend, such as a wrong password or an unknown database, ends it at once.",
            .examples = EXAMPLES({"migrate wait --wait=5min && migrate upgrade", "in an init container"}),
        },
    [VERB_DOCTOR] =
        {
            .name = "doctor",
            .group = GROUP_ASK,
            .summary = "find out why migrations do not run, or soon will not",
            .details =
                "Looks at where the URL came from, name resolution, the port, what answers there, TLS and the server's "
                "certificate, the login; then at the server: its version, standby or primary, privileges, connections "
                "against the application's pools, old transactions, blocked sessions, poolers, invalid indexes, and "
                "whether the database is behind. Of an SQLite file: whether it can be written, is whole and is not in "
                "use. Each line says what to do. Nothing is changed, and nothing takes longer than DB_CONNECT_TIMEOUT "
                "for each step.\n\n"
                "Exits 0 when there are only warnings, 1 when something failed, and as any other command does when "
                "there is no connection to be had.",
            .options = OPTIONS(doctor_rows),
            .examples = EXAMPLES({"migrate doctor", NULL}, {"migrate doctor --replicas 4", "how many pods there are"}),
        },
    [VERB_LIST_TEMPLATES] =
        {
            .name = "list-templates",
            .alias = "list_templates",
            .group = GROUP_OTHER,
            .summary = "list the templates that init can start from",
        },
    [VERB_COMPLETION] =
        {
            .name = "completion",
            .group = GROUP_OTHER,
            .arguments = "bash|zsh|fish",
            .at_least = 1,
            .at_most = 1,
            .choices = shells,
            .summary = "print the completion script of a shell",
            .examples = EXAMPLES({"source <(migrate completion bash)", "in ~/.bashrc; for zsh alike"},
                                 {"migrate completion fish > ~/.config/fish/completions/migrate.fish", NULL}),
        },
    [VERB_HELP] =
        {
            .name = "help",
            .group = GROUP_OTHER,
            .arguments = "[COMMAND]",
            .at_most = 1,
            .word = WORD_COMMAND,
            .summary = "print help on a command",
            .options = OPTIONS(help_rows),
        },
    [VERB_COMPLETE] =
        {
            .name = "__complete",
            .group = GROUP_HIDDEN,
            .arguments = "WORD...",
            .at_most = SIZE_MAX,
            .summary = "print what the last word could become",
        },
};
/* clang-format on */

const struct option_table global_options = OPTIONS(global_rows);

enum verb command_verb(const struct command *command)
{
    return (enum verb)(command - commands);
}

const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(name, commands[i].name) == 0 || (commands[i].alias && strcmp(name, commands[i].alias) == 0))
            return &commands[i];
    return NULL;
}

bool command_unknown(const char *name, struct arena *arena, struct error *err)
{
    struct name_list names = {0};
    for (size_t i = 0; i < VERBS; i++)
        if (commands[i].group != GROUP_HIDDEN)
            ARENA_PUSH(arena, &names, commands[i].name);
    const char *closest = text_closest(name, names_of(&names));
    int64_t duration = 0;
    error_set(err, MIGRATE_USAGE, "there is no command \"%s\"", name);
    if (closest)
        return error_hint(err, "Did you mean %s?", closest);
    if (text_duration(text_of(name), 1000, &duration))
        return error_hint(err, "A time for --wait is written with =: --wait=%s.", name);
    return error_hint(err, "\"migrate help\" lists the commands.");
}
