/* command_line.h: argv, read by the table of commands: where each option's value is put, and what no single row of the
 * table can say. */
#ifndef MIGRATE_CLI_COMMAND_LINE_H
#define MIGRATE_CLI_COMMAND_LINE_H

#include "cli/commands.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_DOT, FORMAT_MERMAID };
enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

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
struct change_arguments { /* upgrade, downgrade and goto */
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

/* Reads argv (argv[0] is skipped). With --help or --version reading stops there and nothing more is asked of the
 * line. Names that several arguments share are as the user wrote them. MIGRATE_USAGE; what was read before the error
 * is in the line then. */
MUST_CHECK bool command_line_read(int argc, char *const *argv, struct arena *arena, struct command_line *line,
                                  struct error *err);

#endif
