/* commands.h: every verb and every option, as one table. Help, the manual page and completion are printed from it, and
 * argv is read by it (command_line.h), so that none of them can say what another does not. */
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

extern const struct command commands[VERBS];
extern const struct option_table global_options;
/* "Changing a database": how help heads each group. */
extern const char *const command_group_titles[COMMAND_GROUPS];

/* By name or alias; NULL if there is none. */
const struct command *command_named(const char *name);
/* The error for a name that no command has, with the closest one. */
bool command_unknown(const char *name, struct arena *arena, struct error *err);
enum verb command_verb(const struct command *command);

#endif
