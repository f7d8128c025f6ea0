/* codes.c: every code a verb can answer with its name, its exit status and what it means, as one table. Which failures
 * may be tried again is read off here: the statuses 10 to 13 and nothing else. */
#include "migrate.h"

static const struct {
    const char *name;
    int exit;
    const char *meaning;
} codes[MIGRATE_CODES] = {
    [MIGRATE_OK] = {"ok", 0, "done, or nothing to do"},

    [MIGRATE_NOT_AT_HEADS] = {"not_at_heads", 1, "the database is not at every head"},
    [MIGRATE_FINDINGS] = {"findings", 1, "check or doctor found something"},

    [MIGRATE_USAGE] = {"usage", 2, "an option or argument makes no sense"},
    [MIGRATE_CONFIGURATION] = {"configuration", 2, "migrate.ini, .env or the environment cannot be used"},
    [MIGRATE_NO_DATABASE] = {"no_database", 2, "nothing names a database"},
    [MIGRATE_BAD_URL] = {"bad_url", 2, "the database's URL cannot be read"},

    [MIGRATE_MALFORMED_FILE] = {"malformed_file", 3, "a revision file cannot be read as one"},
    [MIGRATE_FORBIDDEN] = {"forbidden", 3, "a statement may not stand where it does"},
    [MIGRATE_DUPLICATE] = {"duplicate", 3, "two revisions have the same id or branch label"},
    [MIGRATE_MISSING_PARENT] = {"missing_parent", 3, "Revises or Depends On names a revision that no file has"},
    [MIGRATE_CYCLE] = {"cycle", 3, "revisions are their own ancestors"},
    [MIGRATE_UNKNOWN_REVISION] = {"unknown_revision", 3, "no revision answers to an identifier"},
    [MIGRATE_UNKNOWN_BRANCH] = {"unknown_branch", 3, "no branch answers to the part before @"},
    [MIGRATE_NOT_ON_BRANCH] = {"not_on_branch", 3, "a revision is not on the branch named with it"},
    [MIGRATE_AMBIGUOUS] = {"ambiguous", 3, "several revisions answer to an identifier"},
    [MIGRATE_MULTIPLE_HEADS] = {"multiple_heads", 3, "one head was wanted and there are several"},
    [MIGRATE_OUT_OF_RANGE] = {"out_of_range", 3, "a relative identifier or a range leaves the graph"},
    [MIGRATE_UNKNOWN_ROW] = {"unknown_row", 3, "the database is at a revision that no file has"},
    [MIGRATE_ID_TOO_LONG] = {"id_too_long", 3, "an id is wider than the version column"},
    [MIGRATE_IRREVERSIBLE] = {"irreversible", 3, "a revision has no downgrade"},
    [MIGRATE_NO_REVISIONS] = {"no_revisions", 3, "there are no files, though the database has version rows"},
    [MIGRATE_FILE_EXISTS] = {"file_exists", 3, "a file that would be written is there already"},
    [MIGRATE_UNFINISHED] = {"unfinished", 3, "a revision stopped half-way and must be finished or given up first"},

    [MIGRATE_REFUSED] = {"refused", 4, "the database refused a statement; the revision was rolled back"},
    [MIGRATE_PARTIAL] = {"partial", 5, "a statement was refused after part of its revision had committed"},

    [MIGRATE_AUTHENTICATION] = {"authentication", 6, "the database refused the password or the role"},
    [MIGRATE_PERMISSION] = {"permission", 6, "the role may not do this, or the SQLite file is read-only"},
    [MIGRATE_NO_SUCH_DATABASE] = {"no_such_database", 6, "there is no database of that name"},
    [MIGRATE_TLS] = {"tls", 6, "TLS is not acceptable to one of the two sides"},
    [MIGRATE_POOLER] = {"pooler", 6, "a connection pooler stands in between, where no lock would be ours"},

    [MIGRATE_FILE] = {"file", 7, "a file could not be read or written"},

    [MIGRATE_UNREACHABLE] = {"unreachable", 10, "the database could not be reached in the time allowed"},
    [MIGRATE_LOCKED] = {"locked", 11, "another migration holds the lock"},
    [MIGRATE_LOCK_TIMEOUT] = {"lock_timeout", 12,
                              "table locks could not be had within lock_timeout, after the retries"},
    [MIGRATE_LOST] = {"lost", 13, "the connection was lost and could not be had back; a rerun is safe"},

    [MIGRATE_DEFECT] = {"defect", 70, "a defect in migrate itself"},
    [MIGRATE_INTERRUPTED] = {"interrupted", 130, "interrupted; a rerun is safe"},
};

/* A number that is no code can only come from a defect. */
static enum migrate_code known(enum migrate_code code)
{
    return (unsigned)code < MIGRATE_CODES ? code : MIGRATE_DEFECT;
}

const char *migrate_code_name(enum migrate_code code)
{
    return codes[known(code)].name;
}

int migrate_code_exit(enum migrate_code code)
{
    return codes[known(code)].exit;
}

const char *migrate_code_meaning(enum migrate_code code)
{
    return codes[known(code)].meaning;
}
