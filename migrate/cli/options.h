/* options.h: a declarative reader of options. A table of rows says what there is and where each value goes; nothing
 * here knows which commands exist.
 *
 * Accepted: --name, --name VALUE, --name=VALUE, -n, -n VALUE, -nVALUE, flags bundled (-vq), and -- behind which
 * everything is an argument. A value that may be left out is only taken with '='. A word like -1 is an argument: it is
 * how a relative revision is written. Names are never completed: a script that works must not break when an option is
 * added. */
#ifndef MIGRATE_CLI_OPTIONS_H
#define MIGRATE_CLI_OPTIONS_H

#include "base/text.h"

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_STOP,     /* bool; nothing behind it is read (--help) */
    OPTION_TEXT,     /* const char *, borrowed from argv; one of `choices` if there are any */
    OPTION_LIST,     /* struct name_list: may be given more than once */
    OPTION_CHOICE,   /* int: which of `choices` */
    OPTION_DURATION, /* int64_t, milliseconds; a bare number is seconds */
    OPTION_INTEGER,  /* int, from 0 */
};

/* What a word on the command line is, for completion. */
enum word_kind { WORD_OTHER, WORD_FILE, WORD_FOLDER, WORD_REVISION, WORD_COMMAND };

struct option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    size_t offset; /* of the value in the struct that is filled */
    enum word_kind word;
    const char *argument;       /* "FILE", as help prints it; NULL for flags */
    const char *implied;        /* the value may be left out and is then this; NULL: it must be given */
    const char *const *choices; /* ends in NULL */
    int64_t initial;            /* durations and integers: the value when the option is not given */
    const char *summary;        /* one line without a full stop */
};

struct option_table {
    const struct option *rows;
    size_t count;
};

/* Reads argv from left to right. The tables may be changed between two words: earlier ones win. */
struct option_reader {
    char *const *argv;
    int argc;
    int at; /* the word that is read next */
    const struct option_table *tables;
    size_t table_count;
    void *into;          /* the struct that rows point into */
    struct arena *arena; /* for lists */
    const char *listed;  /* a sentence: where the options are listed, as the hint for a name that none is close to */
    bool only_arguments; /* -- was read */
    bool stopped;        /* an OPTION_STOP was read */
};

/* Puts the rows' initial values in place. */
void options_initial(struct option_table table, void *into);
/* Does it stand alone, as --quiet does? */
static inline bool option_is_flag(const struct option *option)
{
    return option->kind == OPTION_FLAG || option->kind == OPTION_STOP;
}

/* Reads on to the next argument and stops behind it; *argument is NULL at the end of argv, and where an OPTION_STOP was
 * read. MIGRATE_USAGE. */
MUST_CHECK bool options_read(struct option_reader *reader, const char **argument, struct error *err);
/* The row of a long name (not NUL-terminated) or letter; NULL if there is none. */
const struct option *option_named(const struct option_reader *reader, struct text name);
const struct option *option_lettered(const struct option_reader *reader, char letter);
/* Does this word begin an option? "-" and "-1" do not. */
bool option_like(const char *word);

#endif
