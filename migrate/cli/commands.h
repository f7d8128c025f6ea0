/* commands.h: every verb and every option, as one table. Help, the manual page and completion are printed from it, and
 * argv is read by it, so that none of them can say what another does not. */
#ifndef MIGRATE_CLI_COMMANDS_H
#define MIGRATE_CLI_COMMANDS_H

#include "cli/options.h"

enum verb {
    VERB_INIT,
    VERB_REVISION,
    VERB_MERGE,
    VERB_EDIT,
    VERB_UPGRADE,
    VERB_DOWNGRADE,
    VERB_GOTO,
    VERB_STAMP,
    VERB_REPAIR,
    VERB_ENSURE_VERSION,
    VERB_CURRENT,
    VERB_HISTORY,
    VERB_HEADS,
    VERB_BASES,
    VERB_BRANCHES,
    VERB_SHOW,
    VERB_CHECK,
    VERB_WAIT,
    VERB_DOCTOR,
    VERB_LIST_TEMPLATES,
    VERB_COMPLETION,
    VERB_HELP,
    VERB_COMPLETE, /* what the completion scripts call; not shown */
    VERBS
};

enum command_group { GROUP_WRITE, GROUP_CHANGE, GROUP_ASK, GROUP_OTHER, GROUP_HIDDEN, COMMAND_GROUPS };

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_DOT, FORMAT_MERMAID };
enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

struct example {
    const char *line;
    const char *comment;
};

struct command {
    const char *name;
    const char *alias; /* NULL: none */
    enum command_group group;
    const char *arguments; /* as help prints them; NULL: none */
    size_t at_least, at_most;
    enum word_kind word;        /* what completes an argument */
    const char *const *choices; /* of an argument, ends in NULL; NULL: any */
    const char *summary;        /* one line, lower case, without a full stop */
    const char *details;        /* sentences; a blank line between paragraphs */
    struct option_table options;
    const struct example *examples; /* end with a NULL line */
};

/* Options accepted before and behind every command. */
struct global_arguments {
    const char *config, *section, *directory, *url, *env_file;
    bool no_env_file;
    int64_t wait_ms;
    int format;           /* enum format */
    int colour, progress; /* enum when */
    int log_format;       /* FORMAT_TEXT or FORMAT_JSON */
    bool quiet, verbose, version, help;
};

struct init_arguments {
    const char *template_name, *helm;
};
struct revision_arguments { /* merge too */
    const char *message, *version_path, *rev_id;
    struct name_list heads, branch_labels, depends_on;
    bool splice, edit;
};
struct change_arguments { /* upgrade and downgrade */
    const char *tag, *transaction, *backup;
    bool backup_data;
    bool dry_run, sql, no_stored_scripts, yes;
    int64_t lock_wait_ms;
    int lock_retries;
};
struct stamp_arguments { /* ensure-version too */
    const char *tag;
    bool purge, sql;
    int64_t lock_wait_ms;
};
struct repair_arguments {
    const char *abandon, *done, *accept; /* one of them at most */
    bool yes;
    int64_t lock_wait_ms;
};
struct history_arguments {
    const char *range;
    bool indicate_current, graph;
};
struct list_arguments { /* current and heads */
    bool check_heads, resolve_dependencies;
};
struct check_arguments {
    bool database, single_head, require_downgrade, pending;
};
struct doctor_arguments {
    int replicas;
    int64_t old_after_ms;
};
struct help_arguments {
    bool manual;
};

/* argv, read. Which member of the union counts, the command says. */
struct command_line {
    const struct command *command; /* NULL: none was given */
    struct names arguments;
    struct global_arguments global;
    union {
        struct init_arguments init;
        struct revision_arguments revision;
        struct change_arguments change;
        struct stamp_arguments stamp;
        struct repair_arguments repair;
        struct history_arguments history;
        struct list_arguments list;
        struct check_arguments check;
        struct doctor_arguments doctor;
        struct help_arguments help;
    };
};

extern const struct command commands[VERBS];
extern const struct option_table global_options;
/* "Changing a database": how help heads each group. */
extern const char *const command_group_titles[COMMAND_GROUPS];

/* By name or alias; NULL if there is none. */
const struct command *command_named(const char *name);
/* The error for a name that no command has, with the closest one. */
bool command_unknown(const char *name, struct arena *arena, struct error *err);
enum verb command_verb(const struct command *command);

/* Reads argv (argv[0] is skipped). With --help or --version reading stops there and nothing more is asked of the
 * line. Names that several arguments share are as the user wrote them. MIGRATE_USAGE; what was read before the error
 * is in the line then. */
MUST_CHECK bool command_line_read(int argc, char *const *argv, struct arena *arena, struct command_line *line,
                                  struct error *err);

#endif
