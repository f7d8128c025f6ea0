/* judge.c: which statements may not stand in a revision file, and why.
 *
 * The policy is one table. It holds what is wrong wherever it runs: what would end the transaction that migrate opened,
 * and what no server accepts inside one. What depends on the catalogue or the version is the server's to refuse. */
#include "script/script.h"

enum place { ANYWHERE, IN_TRANSACTION, IN_AUTOCOMMIT };

struct rule {
    /* Tokens from the statement's first on, lower case. Behind the first, "a|b" is either, "?a" may be missing, "*" is
     * any number of tokens, a parenthesised group counting as one, "()" is such a group. */
    const char *pattern;
    enum dialect dialect; /* DIALECT_ANY: of both */
    enum place place;
    const char *message; /* NULL: allowed, whatever the rules below say */
    const char *hint;    /* NULL: that it can stand in an autocommit section */
};

static const char own_transaction[] =
    "Leave it out: migrate begins and ends transactions itself, so that the version row changes with the schema. What "
    "must run outside one goes into an autocommit section.";
static const char no_savepoint[] =
    "Leave it out: the revision is undone as a whole. A DO block with EXCEPTION can catch an error.";
static const char no_discard[] =
    "Leave it out: it would drop migrate's lock. What the revision has set is reset behind it.";
static const char no_name[] = "Name the index, so that a rerun can find what an interrupted build has left.";
static const char no_output[] = "Leave it out: there is nobody to read the rows.";
static const char set_forgotten[] =
    "Name the schema in the statements, and the role with DB_ROLE: a rerun that goes on behind this would not have it.";
static const char foreign_keys[] =
    "Leave it out: foreign keys are not enforced while a migration runs, and checked before it is committed.";
static const char set_elsewhere[] =
    "Put it into an autocommit section, or set it where the application opens the database.";

/* Read from above; the first row that fits decides. */
static const struct rule rules[] = {
    /* Transactions. PostgreSQL answers a COMMIT of the script's own with a warning at most and goes on. */
    {"commit prepared", DIALECT_POSTGRESQL, IN_AUTOCOMMIT, NULL, NULL},
    {"rollback prepared", DIALECT_POSTGRESQL, IN_AUTOCOMMIT, NULL, NULL},
    {"commit prepared", DIALECT_POSTGRESQL, IN_TRANSACTION, "COMMIT PREPARED cannot run in a transaction", NULL},
    {"rollback prepared", DIALECT_POSTGRESQL, IN_TRANSACTION, "ROLLBACK PREPARED cannot run in a transaction", NULL},
    {"begin", DIALECT_ANY, ANYWHERE, "BEGIN may not stand in a revision", own_transaction},
    {"start transaction", DIALECT_POSTGRESQL, ANYWHERE, "START TRANSACTION may not stand in a revision",
     own_transaction},
    {"commit", DIALECT_ANY, ANYWHERE, "COMMIT may not stand in a revision", own_transaction},
    {"end", DIALECT_ANY, ANYWHERE, "END may not stand in a revision", own_transaction},
    {"rollback ?work|transaction to", DIALECT_ANY, ANYWHERE, "ROLLBACK TO may not stand in a revision", no_savepoint},
    {"rollback", DIALECT_ANY, ANYWHERE, "ROLLBACK may not stand in a revision", own_transaction},
    {"abort", DIALECT_POSTGRESQL, ANYWHERE, "ABORT may not stand in a revision", own_transaction},
    {"savepoint", DIALECT_ANY, ANYWHERE, "SAVEPOINT may not stand in a revision", no_savepoint},
    {"release", DIALECT_ANY, ANYWHERE, "RELEASE may not stand in a revision", no_savepoint},
    {"prepare transaction", DIALECT_POSTGRESQL, ANYWHERE, "PREPARE TRANSACTION may not stand in a revision",
     own_transaction},
    {"discard all", DIALECT_POSTGRESQL, ANYWHERE, "DISCARD ALL may not stand in a revision", no_discard},

    /* A rerun that goes on behind it would run the rest somewhere else, or as somebody else. */
    {"set session authorization", DIALECT_POSTGRESQL, IN_AUTOCOMMIT,
     "SET SESSION AUTHORIZATION may not stand in an autocommit section", set_forgotten},
    {"set ?session|local search_path|schema|role", DIALECT_POSTGRESQL, IN_AUTOCOMMIT,
     "SET search_path and SET ROLE may not stand in an autocommit section", set_forgotten},

    /* What PostgreSQL 10 to 18 refuse in a transaction block before they look at anything (SQLSTATE 25001). */
    {"create ?unique index concurrently", DIALECT_POSTGRESQL, IN_TRANSACTION,
     "CREATE INDEX CONCURRENTLY cannot run in a transaction", NULL},
    {"create ?unique index concurrently on", DIALECT_POSTGRESQL, IN_AUTOCOMMIT,
     "CREATE INDEX CONCURRENTLY without a name", no_name},
    {"drop index concurrently", DIALECT_POSTGRESQL, IN_TRANSACTION,
     "DROP INDEX CONCURRENTLY cannot run in a transaction", NULL},
    {"reindex ?() database", DIALECT_POSTGRESQL, IN_TRANSACTION, "REINDEX DATABASE cannot run in a transaction", NULL},
    {"reindex ?() schema", DIALECT_POSTGRESQL, IN_TRANSACTION, "REINDEX SCHEMA cannot run in a transaction", NULL},
    {"reindex ?() system", DIALECT_POSTGRESQL, IN_TRANSACTION, "REINDEX SYSTEM cannot run in a transaction", NULL},
    {"reindex ( * concurrently false|off|0", DIALECT_POSTGRESQL, IN_TRANSACTION, NULL, NULL},
    {"reindex ( * concurrently", DIALECT_POSTGRESQL, IN_TRANSACTION, "REINDEX CONCURRENTLY cannot run in a transaction",
     NULL},
    {"reindex ?() table|index concurrently", DIALECT_POSTGRESQL, IN_TRANSACTION,
     "REINDEX CONCURRENTLY cannot run in a transaction", NULL},
    {"vacuum", DIALECT_ANY, IN_TRANSACTION, "VACUUM cannot run in a transaction", NULL},
    {"create database", DIALECT_POSTGRESQL, IN_TRANSACTION, "CREATE DATABASE cannot run in a transaction", NULL},
    {"drop database", DIALECT_POSTGRESQL, IN_TRANSACTION, "DROP DATABASE cannot run in a transaction", NULL},
    {"create tablespace", DIALECT_POSTGRESQL, IN_TRANSACTION, "CREATE TABLESPACE cannot run in a transaction", NULL},
    {"drop tablespace", DIALECT_POSTGRESQL, IN_TRANSACTION, "DROP TABLESPACE cannot run in a transaction", NULL},
    {"alter system", DIALECT_POSTGRESQL, IN_TRANSACTION, "ALTER SYSTEM cannot run in a transaction", NULL},
    {"alter database * set tablespace", DIALECT_POSTGRESQL, IN_TRANSACTION,
     "ALTER DATABASE ... SET TABLESPACE cannot run in a transaction", NULL},
    {"alter table * detach partition * concurrently", DIALECT_POSTGRESQL, IN_TRANSACTION,
     "DETACH PARTITION CONCURRENTLY cannot run in a transaction", NULL},
    {"copy * to stdout", DIALECT_POSTGRESQL, ANYWHERE, "COPY ... TO STDOUT may not stand in a revision", no_output},

    /* SQLite keeps silent about the first two and does nothing. */
    {"pragma foreign_keys", DIALECT_SQLITE, ANYWHERE, "PRAGMA foreign_keys has no effect in a revision", foreign_keys},
    {"pragma * . foreign_keys", DIALECT_SQLITE, ANYWHERE, "PRAGMA foreign_keys has no effect in a revision",
     foreign_keys},
    {"pragma * journal_mode =|(", DIALECT_SQLITE, IN_TRANSACTION, "PRAGMA journal_mode has no effect in a transaction",
     set_elsewhere},
    {"pragma * synchronous =|(", DIALECT_SQLITE, IN_TRANSACTION, "PRAGMA synchronous cannot be set in a transaction",
     set_elsewhere},
};

/* --- does a statement fit a pattern? ------------------------------------------------------------- */

static bool is_one_of(struct text token, struct text alternatives)
{
    struct text rest = alternatives;
    while (rest.length) {
        struct text one = text_split(rest, '|', &rest);
        if (token.length == one.length && strncasecmp(token.at, one.at, one.length) == 0)
            return true;
    }
    return false;
}

/* The next token, or a parenthesised group as one. */
static struct text group_next(enum dialect dialect, struct text *rest)
{
    struct text first = token_next(dialect, rest);
    size_t depth = text_is(first, "(");
    while (depth > 0 && rest->length) {
        struct text token = token_next(dialect, rest);
        depth += text_is(token, "(");
        depth -= text_is(token, ")");
    }
    first.length = (size_t)(rest->at - first.at);
    return first;
}

static bool fits(struct text pattern, enum dialect dialect, struct text sql);

static bool fits_somewhere(struct text pattern, enum dialect dialect, struct text sql)
{
    while (!fits(pattern, dialect, sql)) {
        struct text token = group_next(dialect, &sql);
        if (token.length == 0 || text_is(token, ")")) // of a group that began before the star
            return false;
    }
    return true;
}

static bool fits(struct text pattern, enum dialect dialect, struct text sql)
{
    while (pattern.length) {
        struct text element = text_split(pattern, ' ', &pattern);
        if (text_is(element, "*"))
            return fits_somewhere(pattern, dialect, sql);
        bool is_optional = *element.at == '?';
        element.at += is_optional;
        element.length -= is_optional;
        struct text rest = sql;
        bool is_group = text_is(element, "()");
        struct text token = is_group ? group_next(dialect, &rest) : token_next(dialect, &rest);
        bool found = is_group ? token.length && *token.at == '(' : is_one_of(token, element);
        if (!found && !is_optional)
            return false;
        sql = found ? rest : sql;
    }
    return true;
}

/* --- the judgement ------------------------------------------------------------------------------- */

static bool applies(const struct rule *rule, const struct section *section, enum dialect dialect)
{
    return (rule->dialect == DIALECT_ANY || rule->dialect == dialect) &&
           (rule->place == ANYWHERE || (rule->place == IN_AUTOCOMMIT) == section->autocommit);
}

static const struct rule *rule_for(const struct section *section, enum dialect dialect, struct text sql)
{
    struct text rest = sql;
    struct text first = token_next(dialect, &rest);
    char initial = (char)(*first.at | 0x20); // most statements are let off by it alone
    for (const struct rule *rule = rules; rule < rules + sizeof rules / sizeof rules[0]; rule++) {
        struct text pattern;
        if (*rule->pattern != initial || !applies(rule, section, dialect))
            continue;
        if (is_one_of(first, text_split(text_of(rule->pattern), ' ', &pattern)) && fits(pattern, dialect, rest))
            return rule;
    }
    return NULL;
}

static bool forbidden(const struct script *script, const struct section *section, enum dialect dialect,
                      const struct rule *rule, size_t offset, struct error *err)
{
    error_set(err, MIGRATE_FORBIDDEN, "%s", rule->message);
    if (rule->hint)
        error_hint(err, "%s", rule->hint);
    else
        error_hint(err, "Put it into a section of its own that begins with `-- migrate:%s %s autocommit`.",
                   section->direction == DIRECTION_DOWNGRADE ? "downgrade" : "upgrade",
                   dialect == DIALECT_SQLITE ? "sqlite" : "postgresql");
    script_place(script, offset, err);
    return false;
}

/* The lexer knows a line and a column; the path and the line's text are ours to add. */
static bool place_line(const struct script *script, struct error *err)
{
    unsigned column = err->column;
    const char *at = script->text.at, *end = at + script->text.length;
    for (unsigned line = 1; line < err->line && at < end; line++)
        at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
    script_place(script, (size_t)(at - script->text.at), err);
    err->column = column;
    return false;
}

static bool judge_section(const struct script *script, const struct section *section, enum dialect dialect,
                          size_t *statements, struct error *err)
{
    struct lexer lexer;
    struct statement statement;
    bool found = true;
    size_t passed_bytes = 0;
    lexer_start(&lexer, dialect, section->sql, section->sql_line);
    while (found) {
        file_map_pass(&script->map, section->sql.at + lexer.at, &passed_bytes);
        if (!lexer_next(&lexer, &statement, &found, err))
            return place_line(script, err);
        const struct rule *rule = found ? rule_for(section, dialect, statement.sql) : NULL;
        if (rule && rule->message)
            return forbidden(script, section, dialect, rule, section->offset + statement.offset, err);
        *statements += found;
    }
    return true;
}

bool script_judge(const struct script *script, enum direction direction, enum dialect dialect, size_t *statements,
                  struct error *err)
{
    *statements = 0;
    for (size_t i = 0; i < script->section_count; i++) {
        const struct section *section = &script->sections[i];
        if (section_runs(section, direction, dialect) && !judge_section(script, section, dialect, statements, err))
            return false;
    }
    return true;
}
