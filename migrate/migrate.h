/* migrate.h: the public interface of libmigrate, and the only header that is installed.
 *
 * A program opens a handle, calls verbs on it, looks at their outcome and closes the handle:
 *
 *     struct migrate *migrate = NULL;
 *     const struct migrate_outcome *outcome = NULL;
 *     enum migrate_code code = migrate_open(&(struct migrate_options){.url = url}, &migrate);
 *     if (code == MIGRATE_OK)
 *         code = migrate_upgrade(migrate, &(struct migrate_change_options){.target = "head"}, &outcome);
 *     if (code != MIGRATE_OK)
 *         fprintf(stderr, "%s\n", migrate_error(migrate)->message);
 *     migrate_close(migrate);
 *
 * The command-line tool is written on this header alone.
 *
 * Ownership: what a verb hands out belongs to the handle and lives until the next verb on it or
 * migrate_close(), whichever comes first. What a caller passes in is borrowed for the length of the call;
 * the strings of struct migrate_options until migrate_close(). Strings are UTF-8 and end in NUL.
 * Times are RFC 3339 in UTC, durations milliseconds.
 *
 * Threads: one handle is one thread's; migrate_interrupt() alone may be called from anywhere, a signal
 * handler included. Different handles are independent.
 *
 * Memory: when the system has none left the process ends by abort(); every database operation is
 * transactional, so that this is no different from being killed.
 */
#ifndef MIGRATE_H
#define MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MIGRATE_API __attribute__((visibility("default")))
#else
#define MIGRATE_API
#endif

#define MIGRATE_VERSION "0.1.0"

/* What a verb answers. Each code belongs to one exit status, so that a script (or a Kubernetes
 * podFailurePolicy) can tell final from retryable: migrate_code_exit(). The names that JSON and the
 * manual use are these in lower case without the prefix: migrate_code_name(). */
enum migrate_code {
    MIGRATE_OK = 0,

    /* exit 1: the answer to a question is no */
    MIGRATE_NOT_AT_HEADS, /* current --check-heads: the database is behind */
    MIGRATE_FINDINGS,     /* check or doctor found something */

    /* exit 2: usage or configuration */
    MIGRATE_USAGE,         /* an option or argument makes no sense */
    MIGRATE_CONFIGURATION, /* migrate.ini, .env or the environment cannot be used */
    MIGRATE_NO_DATABASE,   /* nothing names a database */
    MIGRATE_BAD_URL,       /* the database's URL cannot be read */

    /* exit 3: revision files or their graph */
    MIGRATE_MALFORMED_FILE,   /* a revision file that cannot be read as one */
    MIGRATE_FORBIDDEN,        /* a statement that may not stand where it does (COMMIT, VACUUM in a transaction) */
    MIGRATE_DUPLICATE,        /* an id or label twice */
    MIGRATE_MISSING_PARENT,   /* Revises or Depends On names what no file has */
    MIGRATE_CYCLE,            /* revisions that are their own ancestors */
    MIGRATE_UNKNOWN_REVISION, /* an identifier that nothing answers to */
    MIGRATE_UNKNOWN_BRANCH,   /* the part before @ that nothing answers to */
    MIGRATE_NOT_ON_BRANCH,    /* a revision that is not on the branch named with it */
    MIGRATE_AMBIGUOUS,        /* an identifier that several revisions answer to */
    MIGRATE_MULTIPLE_HEADS,   /* one head wanted, several there */
    MIGRATE_OUT_OF_RANGE,     /* a relative identifier or a range that leaves the graph */
    MIGRATE_UNKNOWN_ROW,      /* the database is at a revision that no file has */
    MIGRATE_ID_TOO_LONG,      /* an id wider than the version column */
    MIGRATE_IRREVERSIBLE,     /* a revision without a downgrade section */
    MIGRATE_NO_REVISIONS,     /* no files, though the database has version rows */
    MIGRATE_FILE_EXISTS,      /* a file that would be written is there already */
    MIGRATE_UNFINISHED,       /* a revision stopped half-way and must be finished or given up first */

    /* exit 4 and 5: the database refused a statement */
    MIGRATE_REFUSED, /* 4: the revision was rolled back, earlier ones stand */
    MIGRATE_PARTIAL, /* 5: refused after part of the revision had committed (autocommit) */

    /* exit 6: the database refused us */
    MIGRATE_AUTHENTICATION, /* wrong password, unknown role */
    MIGRATE_PERMISSION,     /* the role may not do this, or the SQLite file is read-only */
    MIGRATE_NO_SUCH_DATABASE,
    MIGRATE_TLS,    /* TLS is not acceptable to one of the two sides */
    MIGRATE_POOLER, /* a connection pooler stands in between, on which no lock would be ours */

    /* exit 7: a file could not be read or written */
    MIGRATE_FILE,

    /* exit 10 to 13: worth another try */
    MIGRATE_UNREACHABLE,  /* 10: the database could not be reached in the time allowed */
    MIGRATE_LOCKED,       /* 11: another migration holds the lock */
    MIGRATE_LOCK_TIMEOUT, /* 12: table locks could not be had */
    MIGRATE_LOST,         /* 13: the connection was lost; a rerun is safe */

    /* exit 70, 130 */
    MIGRATE_DEFECT,      /* a defect in migrate itself */
    MIGRATE_INTERRUPTED, /* migrate_interrupt() was called; a rerun is safe */

    MIGRATE_CODES /* how many there are */
};

/* "unknown_revision" for MIGRATE_UNKNOWN_REVISION. Static. */
MIGRATE_API const char *migrate_code_name(enum migrate_code code);
/* The exit status a code belongs to. */
MIGRATE_API int migrate_code_exit(enum migrate_code code);
/* One line that says what the code means, for manuals. Static. */
MIGRATE_API const char *migrate_code_meaning(enum migrate_code code);

/* Why the last verb did not succeed. Text fields are "" where there is nothing to say. */
struct migrate_error {
    enum migrate_code code;
    const char *message;  /* one line, lower case, never with a password */
    const char *hint;     /* a full sentence that says what to do next */
    const char *path;     /* the revision file, as its folder was named */
    unsigned line;        /* from 1; 0 when the error has no place in a file */
    unsigned column;      /* from 1, in characters; 0 when unknown */
    const char *excerpt;  /* that line of the file */
    const char *sqlstate; /* PostgreSQL's five characters */
    const char *revision; /* the revision it happened in */
    const char *outcome;  /* a sentence about the state left behind */
};

/* --- opening ------------------------------------------------------------------------------------ */

enum migrate_event_kind {
    MIGRATE_EVENT_LOG,       /* something worth a line on stderr */
    MIGRATE_EVENT_DETAIL,    /* something worth a line when asked to be verbose */
    MIGRATE_EVENT_WARNING,   /* something the user should see */
    MIGRATE_EVENT_NOTICE,    /* a NOTICE or WARNING of the server's, with the revision it came from */
    MIGRATE_EVENT_PLAN,      /* work begins: `total` steps */
    MIGRATE_EVENT_STEP,      /* a step begins: `revision`, `direction`, `number` of `total` */
    MIGRATE_EVENT_STATEMENT, /* statements of the current step completed: `number` of `total` (0: not known) */
    MIGRATE_EVENT_STEP_DONE, /* a step has been committed: `revision`, `duration_ms` */
    MIGRATE_EVENT_WAIT,      /* waiting for the server or a lock: `message` says why, or for whom */
    MIGRATE_EVENT_BUILD,     /* an index builds: `message` is the phase, `number` of `total` blocks, `percent` */
};

enum migrate_direction { MIGRATE_UPGRADE, MIGRATE_DOWNGRADE };

struct migrate_event {
    enum migrate_event_kind kind;
    const char *message;
    const char *revision; /* NULL where it does not apply */
    const char *title;    /* the revision's message */
    enum migrate_direction direction;
    size_t number;
    size_t total;
    double duration_ms;
    double percent; /* MIGRATE_EVENT_BUILD: of the phase; negative: not known */
};

/* Everything may be left zero. Strings are borrowed until migrate_close(). */
struct migrate_options {
    const char *config;    /* path of migrate.ini; NULL: MIGRATE_CONFIG, this folder or the nearest above */
    const char *section;   /* its section; NULL: "migrate" */
    const char *directory; /* migrations folder; NULL: script_location of the config */
    const char *url;       /* database; NULL: environment, .env, config */
    const char *env_file;  /* NULL: .env beside the config file */
    bool no_env_file;      /* read no .env at all */
    int64_t wait_ms;       /* keep trying so long while the server is away; 0: `wait` of the config, or one try */
    /* Called for whatever a user might want to see while a verb runs. The event is valid for the call. */
    void (*observe)(void *context, const struct migrate_event *event);
    /* Receives what --sql prints. false: it could not be written; the verb ends with MIGRATE_FILE. NULL: not wanted. */
    bool (*write)(void *context, const char *bytes, size_t size_bytes);
    void *context; /* handed to observe and write */
};

struct migrate;

/* Opens a handle. Reads the configuration; neither the migrations folder nor the database is touched before
 * a verb needs it. *migrate is set whatever is answered, so that migrate_error() can be asked; close it either way.
 * Codes: MIGRATE_USAGE, MIGRATE_CONFIGURATION, MIGRATE_FILE. */
MIGRATE_API enum migrate_code migrate_open(const struct migrate_options *options, struct migrate **migrate);
/* Closes the handle and its database connection. NULL is fine, as with free(). */
MIGRATE_API void migrate_close(struct migrate *migrate);
/* Why the last verb failed; never NULL. Valid until the next verb. */
MIGRATE_API const struct migrate_error *migrate_error(const struct migrate *migrate);
/* Asks the running verb to stop: the statement is cancelled, the revision rolled back, and the verb answers
 * MIGRATE_INTERRUPTED. Safe in signal handlers and from other threads. */
MIGRATE_API void migrate_interrupt(struct migrate *migrate);

/* --- changing a database ------------------------------------------------------------------------ */

enum migrate_step_status {
    MIGRATE_STEP_PLANNED, /* dry run */
    MIGRATE_STEP_APPLIED,
    MIGRATE_STEP_FAILED,  /* tried and rolled back */
    MIGRATE_STEP_PARTIAL, /* stopped after part of it had committed */
    MIGRATE_STEP_SKIPPED, /* not reached */
};

/* One revision up or down. */
struct migrate_step {
    const char *revision;
    enum migrate_direction direction;
    const char *message;
    const char *path;
    enum migrate_step_status status;
    size_t statements;      /* of the script for this dialect; the ledger's own do not count */
    double duration_ms;     /* 0 unless applied */
    const char *const *sql; /* dry run: each statement, `statements` of them; else NULL */
};

enum migrate_loss_kind {
    MIGRATE_LOSS_TABLE,     /* dropped */
    MIGRATE_LOSS_REBUILT,   /* dropped, and another one takes its name: what that does not take over */
    MIGRATE_LOSS_COLUMN,    /* dropped */
    MIGRATE_LOSS_ROWS,      /* all of them deleted */
    MIGRATE_LOSS_SOME_ROWS, /* those that a condition finds */
};

enum migrate_precision { MIGRATE_UNCOUNTED, MIGRATE_EXACTLY, MIGRATE_ABOUT, MIGRATE_MORE_THAN };

/* What a downgrade takes away, as far as its statements say so by name. */
struct migrate_loss {
    enum migrate_loss_kind kind;
    const char *table;  /* as the statement writes it */
    const char *column; /* NULL: not of a single column */
    int64_t rows;       /* of the table, before; -1: not known */
    enum migrate_precision precision;
};

struct migrate_outcome {
    bool dry_run;
    const char *dialect;     /* "postgresql" or "sqlite" */
    const char *url;         /* without password; NULL offline */
    const char *const *from; /* version rows before, sorted */
    size_t from_count;
    const char *const *to; /* version rows after, whatever the verb answered */
    size_t to_count;
    const struct migrate_step *steps;
    size_t step_count;
    const struct migrate_loss *losses; /* of the plan's downgrades, as counted before they ran */
    size_t loss_count;
    const char *backup; /* the file that a backup was written to; NULL: none was */
};

struct migrate_change_options {
    const char *target;      /* NULL: "head" for upgrade */
    const char *tag;         /* look the target up among the revisions that this git tag (any revision) held */
    bool dry_run;            /* plan against the live database, change nothing */
    bool sql;                /* write an offline script through migrate_options.write instead of running it */
    const char *transaction; /* "revision" (also NULL) or "run" */
    int64_t lock_wait_ms;    /* how long to wait for another migrator; 0: do not; MIGRATE_DEFAULT: 60 s */
    int lock_retries;        /* how often to try again when table locks are refused; MIGRATE_DEFAULT: 10 */
    bool no_stored_scripts;  /* downgrade: never run SQL that is kept in the database */
    /* Write a backup here before anything is changed, if anything will be; nothing is overwritten. SQLite: a copy of
     * the file ("": beside it, with the time in its name). PostgreSQL: what `pg_dump -Fc` writes. A backup that fails
     * ends the verb: MIGRATE_FILE or MIGRATE_PERMISSION, nothing changed. NULL: none. */
    const char *backup;
    bool backup_data; /* PostgreSQL: with the rows; else the schema alone */
    /* Asked once before a downgrade that runs statements, with the plan; false ends the verb with
     * MIGRATE_INTERRUPTED and nothing changed. NULL: not asked. */
    bool (*confirm)(void *context, const struct migrate_outcome *plan);
};

#define MIGRATE_DEFAULT (-1)

/* Applies the ancestors of the target that are not applied. An applied target is a no-op: MIGRATE_OK, no steps.
 * *outcome is set also on failure, with the steps that did apply; it is NULL when nothing is known. */
MIGRATE_API enum migrate_code migrate_upgrade(struct migrate *, const struct migrate_change_options *,
                                              const struct migrate_outcome **outcome);
/* Removes the applied descendants of the target. */
MIGRATE_API enum migrate_code migrate_downgrade(struct migrate *, const struct migrate_change_options *,
                                                const struct migrate_outcome **outcome);

/* Goes to the target whichever way it lies: what is applied above it is taken down, else it is upgraded to; other
 * branches stay. With an image that is older than the database, "head" is the image's. */
MIGRATE_API enum migrate_code migrate_goto(struct migrate *, const struct migrate_change_options *,
                                           const struct migrate_outcome **outcome);

struct migrate_stamp_options {
    const char *const *targets;
    size_t target_count;
    const char *tag;
    bool purge; /* remove all rows first */
    bool sql;
    int64_t lock_wait_ms;
};

/* Moves version rows without running anything. */
MIGRATE_API enum migrate_code migrate_stamp(struct migrate *, const struct migrate_stamp_options *,
                                            const struct migrate_outcome **outcome);

/* Creates the version and history tables where they are missing. */
MIGRATE_API enum migrate_code migrate_ensure_version(struct migrate *, bool sql);

/* Waits until the database can be reached, for as long as migrate_options.wait_ms or `wait` of the config say, else
 * 60 s. A wrong password, an unknown database and the like end it at once. The connection stays for the next verb. */
MIGRATE_API enum migrate_code migrate_wait(struct migrate *);

/* What to do about a revision that cannot simply be run again. */
enum migrate_remedy {
    MIGRATE_REMEDY_NONE,    /* nothing: list what is unfinished */
    MIGRATE_REMEDY_ABANDON, /* give an unfinished one up: version rows and schema stay as they are */
    MIGRATE_REMEDY_DONE,    /* an unfinished one counts as done: its version row is moved, nothing runs */
    MIGRATE_REMEDY_ACCEPT,  /* the text that an applied revision's file holds now is the one that counts */
};

/* A revision that began and has not ended. */
struct migrate_unfinished {
    const char *revision;
    enum migrate_direction direction;
    const char *message; /* NULL: no file has it */
    const char *path;    /* NULL: no file has it */
    size_t statements_done;
    size_t statements;
    const char *since;        /* this and the next two NULL: unknown */
    const char *applied_by;   /* database user */
    const char *applied_from; /* host or pod */
    const char *error;        /* why it stopped; NULL: it did not live to say so */
    const char *rerun;        /* what running it again would do, a sentence */
    const char *const *left;  /* what giving it up would leave behind, a sentence each */
    size_t left_count;
};

struct migrate_repaired {
    const char *dialect;
    const char *url;
    enum migrate_remedy remedy;
    const char *revision; /* that the remedy is for, in full; NULL: none */
    bool is_changed;      /* the remedy was carried out */
    const char *diff;     /* MIGRATE_REMEDY_ACCEPT: from what counted to what will; NULL: not known */
    const struct migrate_unfinished *unfinished; /* as found, before anything was changed */
    size_t unfinished_count;
    const char *const *from; /* version rows before */
    size_t from_count;
    const char *const *to; /* and after */
    size_t to_count;
};

struct migrate_repair_options {
    enum migrate_remedy remedy;
    const char *revision; /* for any remedy but MIGRATE_REMEDY_NONE */
    int64_t lock_wait_ms; /* MIGRATE_DEFAULT: 60 s */
    /* Asked once before the remedy, with what was found; false ends the verb with MIGRATE_INTERRUPTED and nothing
     * changed. NULL: not asked. */
    bool (*confirm)(void *context, const struct migrate_repaired *found);
};

/* Lists unfinished revisions, or ends one by a remedy, under the migration lock. *repaired is NULL when nothing is
 * known. Codes: MIGRATE_UNKNOWN_REVISION for one that is not unfinished (or not applied, for ACCEPT),
 * MIGRATE_UNFINISHED where the plan would not begin with it. */
MIGRATE_API enum migrate_code migrate_repair(struct migrate *, const struct migrate_repair_options *,
                                             const struct migrate_repaired **repaired);

/* --- asking ------------------------------------------------------------------------------------- */

enum migrate_tristate { MIGRATE_NO, MIGRATE_YES, MIGRATE_UNKNOWN };

struct migrate_revision {
    const char *revision;
    const char *const *down_revisions;
    size_t down_revision_count;
    const char *const *depends_on; /* resolved to ids */
    size_t depends_on_count;
    const char *const *branch_labels; /* written in this file */
    size_t branch_label_count;
    const char *const *branches; /* labels of the branches it is on, its own included */
    size_t branch_count;
    const char *const *children; /* by Revises */
    size_t child_count;
    const char *message;
    const char *description; /* the other comment lines of the header; NULL: none, or not read */
    const char *created;     /* NULL: the file does not say */
    const char *path;        /* NULL: no file has it, see is_stored */
    bool is_stored;          /* only the database has it: applied from a file that this folder lacks */
    bool is_head, is_base, is_branch_point, is_merge_point;
    enum migrate_tristate is_current; /* MIGRATE_UNKNOWN unless the database was asked */
};

struct migrate_listing {
    const struct migrate_revision *revisions;
    size_t revision_count;
};

struct migrate_history_options {
    const char *range;     /* NULL: all */
    bool indicate_current; /* ask the database which are applied heads */
};
/* Newest first. */
MIGRATE_API enum migrate_code migrate_history(struct migrate *, const struct migrate_history_options *,
                                              const struct migrate_listing **listing);
/* Heads by Revises; resolve_dependencies: by Revises and Depends On. */
MIGRATE_API enum migrate_code migrate_heads(struct migrate *, bool resolve_dependencies,
                                            const struct migrate_listing **listing);
MIGRATE_API enum migrate_code migrate_bases(struct migrate *, const struct migrate_listing **listing);
/* Branch points; their children are in `children`. */
MIGRATE_API enum migrate_code migrate_branches(struct migrate *, const struct migrate_listing **listing);
/* What an identifier names: usually one revision, several for "heads", none for "base". */
MIGRATE_API enum migrate_code migrate_show(struct migrate *, const char *identifier,
                                           const struct migrate_listing **listing);
/* Applied heads, implied ones included. check_heads: MIGRATE_NOT_AT_HEADS unless all heads are applied. */
MIGRATE_API enum migrate_code migrate_current(struct migrate *, bool check_heads,
                                              const struct migrate_listing **listing);

enum migrate_severity { MIGRATE_SEVERITY_WARNING, MIGRATE_SEVERITY_ERROR };

struct migrate_finding {
    const char *rule; /* "cycle", "several-heads" ... */
    enum migrate_severity severity;
    const char *revision; /* NULL: of no single revision */
    const char *path;     /* NULL: of no single file */
    unsigned line;        /* 0: of no single line */
    const char *message;
    const char *hint; /* NULL: none */
    const char *diff; /* "edited": from what was applied to what the file holds now, unified; NULL: not known */
};

struct migrate_findings {
    const struct migrate_finding *findings;
    size_t finding_count;
};

struct migrate_check_options {
    bool database;          /* compare with the database too */
    bool single_head;       /* several heads are an error */
    bool require_downgrade; /* a revision without a downgrade is an error */
    bool pending;           /* revisions not yet applied are an error; implies database */
};
/* MIGRATE_FINDINGS if anything of severity error was found. */
MIGRATE_API enum migrate_code migrate_check(struct migrate *, const struct migrate_check_options *,
                                            const struct migrate_findings **findings);

enum migrate_health {
    MIGRATE_HEALTH_OK,
    MIGRATE_HEALTH_WARNING, /* works, and may not always */
    MIGRATE_HEALTH_FAILED,
    MIGRATE_HEALTH_SKIPPED, /* could not be looked at, or there is nothing to look at */
};

/* One thing that was looked at. A name may come several times: once for each address, each session in the way ... */
struct migrate_examination {
    const char *name; /* "tcp", "certificate", "blocked" ... */
    enum migrate_health health;
    const char *message; /* one line, lower case, never with a password */
    const char *hint;    /* what to do, a full sentence; NULL: nothing */
};

struct migrate_diagnosis {
    const struct migrate_examination *examinations; /* in the order of a connection: name, port, TLS, login ... */
    size_t examination_count;
};

struct migrate_doctor_options {
    int replicas;         /* how many processes of the application have a connection pool each; 0: 1 */
    int64_t old_after_ms; /* transactions older than this are in the way; 0: a minute */
};
/* Looks at everything between here and a migration that works: the network, TLS, the login, the server, the sessions in
 * the way, the version table. Reads only. Each step ends within connect_timeout. *diagnosis is set whatever is
 * answered: MIGRATE_FINDINGS if something failed, the connection's own code if there was none. */
MIGRATE_API enum migrate_code migrate_doctor(struct migrate *, const struct migrate_doctor_options *,
                                             const struct migrate_diagnosis **diagnosis);

/* --- writing revision files --------------------------------------------------------------------- */

struct migrate_new_revision {
    const char *message;
    const char *rev_id;       /* NULL: a random one */
    const char *version_path; /* folder for the file; NULL: the first, or where the parent is */
    const char *const *heads; /* parents; none: the single head, or base in an empty folder */
    size_t head_count;
    const char *const *branch_labels;
    size_t branch_label_count;
    const char *const *depends_on;
    size_t depends_on_count;
    bool splice; /* a parent may have children already */
};

struct migrate_written {
    const char *revision;
    const char *path;
};

MIGRATE_API enum migrate_code migrate_revision(struct migrate *, const struct migrate_new_revision *,
                                               const struct migrate_written **written);
/* A revision with several parents: `heads` names them. */
MIGRATE_API enum migrate_code migrate_merge(struct migrate *, const struct migrate_new_revision *,
                                            const struct migrate_written **written);

struct migrate_paths {
    const char *const *paths;
    size_t path_count;
};

/* Everything may be left zero. */
struct migrate_init_options {
    const char *directory;     /* the migrations folder; NULL: "migrations" */
    const char *template_name; /* NULL: "default" */
    const char *helm;          /* instead of all that: the folder that becomes a Helm chart; NULL: none */
};

/* Writes migrate.ini and a migrations folder with its template, or the Helm chart of templates/helm/migrate/; never
 * overwrites: MIGRATE_FILE_EXISTS before the first file is written, and after a failure nothing of it stands. Needs no
 * handle that found a configuration. */
MIGRATE_API enum migrate_code migrate_init(struct migrate *, const struct migrate_init_options *,
                                           const struct migrate_paths **written);

struct migrate_template {
    const char *name;
    const char *description;
};

struct migrate_templates {
    const struct migrate_template *templates;
    size_t template_count;
};

MIGRATE_API enum migrate_code migrate_list_templates(struct migrate *, const struct migrate_templates **templates);

/* What the handle knows of itself once a verb has run: the URL in use without its password (NULL before one
 * was needed), and which setting it came from ("DATABASE_URL in the environment"). */
struct migrate_database {
    const char *dialect;
    const char *url;
    const char *source;
};
MIGRATE_API const struct migrate_database *migrate_database(const struct migrate *migrate);

#ifdef __cplusplus
}
#endif

#endif
