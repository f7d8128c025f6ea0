/* script.h: one revision file -> its header, its sections and their statements. */
#ifndef MIGRATE_SCRIPT_SCRIPT_H
#define MIGRATE_SCRIPT_SCRIPT_H

#include "base/file.h"
#include "base/hash.h"
#include "plan/plan.h"
#include "script/lexer.h"

/* One marker line and the SQL up to the next. */
struct section {
    enum direction direction; /* DIRECTION_UPGRADE or DIRECTION_DOWNGRADE */
    enum dialect dialect;     /* DIALECT_ANY: runs everywhere */
    bool autocommit;
    int64_t lock_timeout_ms; /* SETTING_UNSET unless the marker names one; 0 means none */
    int64_t statement_timeout_ms;
    unsigned line;     /* of the marker */
    struct text sql;   /* behind the marker's line */
    size_t offset;     /* of sql.at in the script's text */
    unsigned sql_line; /* of its first line */
};

struct script {
    struct revision revision;
    const struct section *sections; /* in file order */
    size_t section_count;
    struct text text; /* the file, without a BOM */
    struct file_map map;
    const char *path;
};

/* Reads the header alone from the text's beginning. `whole`: the text is all there is; else a header that does not end
 * within it asks for more: *more is set and true answered. Strings are in the arena. MIGRATE_MALFORMED_FILE with line
 * and column: no Revision ID, a key within two letters of a known one, a key twice, bad characters, a reserved id, SQL
 * before the first section, NUL, bad UTF-8. */
MUST_CHECK bool header_parse(struct text text, bool whole, const char *path, struct arena *arena,
                             struct revision *revision, bool *more, struct error *err);
/* Would a comment line of this text be read as a key or a marker, or be refused as nearly one? Or is it such a text in
 * double quotes? A message that is gets double quotes around it when it is written; reading takes them off again. */
bool header_must_quote(struct text comment);
/* Is it "Key: value" with a key of the header? `key` gets it as it is spelled there ("Depends On"). */
bool header_is_key(struct text comment, const char **key, struct text *value);
/* Parses text that stays valid as long as the script is used: header and markers. Sections are in the arena. */
MUST_CHECK bool script_parse(struct text text, const char *path, struct arena *arena, struct script *script,
                             struct error *err);
/* Maps the file and parses it. Close it whether or not this succeeded. */
MUST_CHECK bool script_open(const char *path, struct arena *arena, struct script *script, struct error *err);
void script_close(struct script *script);

/* Would the section run there? */
static inline bool section_runs(const struct section *section, enum direction direction, enum dialect dialect)
{
    return section->direction == direction && (section->dialect == DIALECT_ANY || section->dialect == dialect);
}
/* Is there a section for this direction and dialect, an empty one counting? Without: irreversible. */
bool script_has(const struct script *script, enum direction direction, enum dialect dialect);
/* Is there an autocommit section among those that would run? */
bool script_is_autocommit(const struct script *script, enum direction direction, enum dialect dialect);

/* One statement after the other, of all sections that would run there. */
struct script_walk {
    const struct script *script;
    enum direction direction;
    enum dialect dialect;
    size_t next_section;
    struct lexer lexer;
    const struct section *section; /* of the statement that was found last */
};
struct script_walk script_walk(const struct script *script, enum direction direction, enum dialect dialect);
/* *found is false at the end. An error has path, line and column. */
MUST_CHECK bool script_walk_next(struct script_walk *walk, struct statement *statement, bool *found, struct error *err);

/* (judge.c) Splits every section that would run there and judges each statement (transaction control, what no server
 * accepts in a transaction block, unnamed CREATE INDEX CONCURRENTLY ...). MIGRATE_FORBIDDEN or MIGRATE_MALFORMED_FILE
 * with path, line, column, excerpt. `statements` gets their number. */
MUST_CHECK bool script_judge(const struct script *script, enum direction direction, enum dialect dialect,
                             size_t *statements, struct error *err);
/* Fills path, line, column and excerpt of an error from a byte offset in the script's text. */
void script_place(const struct script *script, size_t offset, struct error *err);

#endif
