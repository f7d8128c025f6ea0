/* session.c: a handle, and what every verb does with it. */
#include "command/session.h"

#include "base/clock.h"

#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 60000 };

enum migrate_code migrate_open(const struct migrate_options *options, struct migrate **opened)
{
    struct migrate *migrate = calloc(1, sizeof *migrate);
    if (!migrate)
        abort();
    *opened = migrate;
    migrate->options = *options;
    struct config_overrides overrides = {
        .config = options->config,
        .section = options->section,
        .directory = options->directory,
        .url = options->url,
        .env_file = options->env_file,
        .no_env_file = options->no_env_file,
    };
    bool ok = config_read(&overrides, &migrate->lasting, &migrate->config, &migrate->error);
    for (size_t i = 0; ok && i < migrate->config.warnings.count; i++)
        session_observe(migrate, MIGRATE_EVENT_WARNING, "%s", migrate->config.warnings.items[i]);
    return session_end(migrate, ok);
}

void migrate_close(struct migrate *migrate)
{
    if (!migrate)
        return;
    database_close(migrate->database);
    arena_free(&migrate->run);
    arena_free(&migrate->files);
    arena_free(&migrate->lasting);
    free(migrate);
}

void migrate_interrupt(struct migrate *migrate)
{
    atomic_store(&migrate->interrupt, 1);
}

const struct migrate_error *migrate_error(const struct migrate *migrate)
{
    return &migrate->shown;
}

const struct migrate_database *migrate_database(const struct migrate *migrate)
{
    return &migrate->about;
}

void session_begin(struct migrate *migrate)
{
    arena_rewind(&migrate->run, (struct arena_mark){0});
    arena_rewind(&migrate->files, (struct arena_mark){0});
    migrate->error = (struct error){0};
}

enum migrate_code session_end(struct migrate *migrate, bool ok)
{
    const struct error *error = &migrate->error;
    migrate->shown = (struct migrate_error){
        .code = ok ? MIGRATE_OK : error->code,
        .message = error->message,
        .hint = error->hint,
        .path = error->path,
        .line = error->line,
        .column = error->column,
        .excerpt = error->excerpt,
        .sqlstate = error->sqlstate,
        .revision = error->revision,
        .outcome = error->outcome,
    };
    return migrate->shown.code;
}

void session_observe(struct migrate *migrate, enum migrate_event_kind kind, const char *format, ...)
{
    if (!migrate->options.observe)
        return;
    struct arena arena = {0};
    va_list arguments;
    va_start(arguments, format);
    struct migrate_event event = {.kind = kind, .message = arena_vprintf(&arena, format, arguments)};
    va_end(arguments);
    migrate->options.observe(migrate->options.context, &event);
    arena_free(&arena);
}

/* --- the folder --------------------------------------------------------------------------------- */

bool session_folders(const struct migrate *migrate, struct error *err)
{
    for (size_t i = 0; i < migrate->config.version_locations.count; i++) {
        const char *folder = migrate->config.version_locations.items[i];
        if (folder_exists(folder))
            continue;
        error_set(err, MIGRATE_FILE,
                  file_exists(folder) ? "the migrations folder %s is not a folder" : "there is no migrations folder %s",
                  folder);
        return error_hint(err,
                          "Name it with `-d DIR` or script_location in migrate.ini, or begin one with `migrate init`.");
    }
    return true;
}

/* The folder being read. */
struct reading {
    struct migrate *migrate;
    struct graph *graph;
    struct error err;
    bool ok;
};

static void *read_folders(void *context)
{
    struct reading *reading = context;
    struct migrate *migrate = reading->migrate;
    struct scripts scripts;
    reading->ok = scripts_read(migrate->config.version_locations, &migrate->files, &scripts, &reading->err) &&
                  graph_build(scripts.revisions, scripts.count, &migrate->files, reading->graph, &reading->err);
    return NULL;
}

/* Signals belong to the thread that the verb runs in: it is the one that must wake up. */
static bool start_thread(pthread_t *thread, void *(*work)(void *), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool ok = pthread_create(thread, NULL, work, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

/* A server takes as long to let us in as a thousand files take to be read, so both are done at once. */
static bool connect_meanwhile(struct migrate *migrate, struct reading *reading, struct error *err)
{
    pthread_t thread;
    if (!start_thread(&thread, read_folders, reading)) {
        read_folders(reading);
        return true; // the first question waits for the connection
    }
    bool is_connected = database_ready(migrate->database, err);
    pthread_join(thread, NULL);
    return is_connected;
}

bool session_graph(struct migrate *migrate, struct graph *graph, struct error *err)
{
    struct reading reading = {.migrate = migrate, .graph = graph};
    bool is_connected = true;
    if (!session_folders(migrate, err))
        return false;
    if (migrate->database && !session_is_sqlite(migrate))
        is_connected = connect_meanwhile(migrate, &reading, err);
    else
        read_folders(&reading);
    if (!reading.ok)
        *err = reading.err; // what is wrong with the files is wrong whatever the server says
    return reading.ok && is_connected;
}

/* --- the database ------------------------------------------------------------------------------- */

static bool read_parts(const struct migrate *migrate, struct arena *arena, struct address_parts *parts,
                       struct error *err)
{
    struct config_database database = migrate->config.database;
    if (!database.source)
        return config_no_database(&migrate->config, err);
    if (database.secret_file && !secret_read(database.secret_file, arena, &database, err))
        return false;
    *parts = (struct address_parts){
        .url = database.url,
        .host = database.host,
        .port = database.port,
        .name = database.name,
        .user = database.user,
        .password = database.password,
    };
    return true;
}

bool session_address(struct migrate *migrate, struct error *err)
{
    struct address_parts parts;
    const struct config *config = &migrate->config;
    migrate->settings = (struct connection_settings){
        .ssl_mode = config->ssl_mode,
        .ssl_root_cert = config->ssl_root_cert,
        .ssl_cert = config->ssl_cert,
        .ssl_key = config->ssl_key,
        .application_name = config->application_name,
        .role = config->role,
        .search_path = config->search_path,
        .connect_timeout_s = config->connect_timeout_s,
        .read_timeout_s = config->read_timeout_s,
        .statement_timeout_ms = config->statement_timeout_ms,
        .idle_timeout_ms = config->idle_timeout_ms,
        .lock_timeout_ms = config->lock_timeout_ms,
    };
    if (!read_parts(migrate, &migrate->lasting, &parts, err) ||
        !address_parse(&parts, &migrate->settings, &migrate->lasting, &migrate->address, err))
        return false;
    migrate->about = (struct migrate_database){
        .dialect = session_is_sqlite(migrate) ? "sqlite" : "postgresql",
        .url = migrate->address.display,
        .source = config->database.source,
    };
    session_observe(migrate, MIGRATE_EVENT_DETAIL, "database: %s (from %s)", migrate->about.url, migrate->about.source);
    if (migrate->address.warning)
        session_observe(migrate, MIGRATE_EVENT_WARNING, "%s", migrate->address.warning);
    return true;
}

bool session_is_sqlite(const struct migrate *migrate)
{
    return migrate->address.kind == ADDRESS_SQLITE;
}

static void say_waiting(void *context, const char *message)
{
    session_observe(context, MIGRATE_EVENT_WAIT, "%s", message);
}

/* Only a secret can be another one than a moment ago. */
static bool read_secret_again(void *context, struct arena *arena, const struct address **address, struct error *err)
{
    struct migrate *migrate = context;
    struct address_parts parts;
    struct address *again = ARENA_NEW(arena, struct address);
    if (!read_parts(migrate, arena, &parts, err) || !address_parse(&parts, &migrate->settings, arena, again, err))
        return false;
    *address = again;
    return true;
}

static int64_t wait_of(const struct migrate *migrate)
{
    int64_t wait_ms = migrate->options.wait_ms > 0 ? migrate->options.wait_ms : migrate->config.wait_ms;
    return wait_ms > 0 ? wait_ms : 0;
}

bool session_connect(struct migrate *migrate, struct error *err)
{
    if (migrate->database)
        return true;
    if (!session_address(migrate, err))
        return false;
    migrate->connection = (struct connection){
        .address = &migrate->address,
        .settings = &migrate->settings,
        .pooler_is_session = migrate->config.pooler_is_session,
        .wait_ms = wait_of(migrate),
        .address_again = migrate->config.database.secret_file ? read_secret_again : NULL,
        .interrupt = &migrate->interrupt,
        .waiting = say_waiting,
        .context = migrate,
    };
    return database_start(&migrate->connection, &migrate->lasting, &migrate->database, err);
}

bool session_wait(struct migrate *migrate, int64_t unset_ms, struct error *err)
{
    if (!session_connect(migrate, err))
        return false;
    if (migrate->connection.wait_ms == 0)
        migrate->connection.wait_ms = unset_ms;
    return database_ready(migrate->database, err);
}

void session_ledger(struct migrate *migrate, struct ledger *ledger)
{
    const struct ledger_names names = {
        .version_table = migrate->config.version_table,
        .version_table_schema = migrate->config.version_table_schema,
        .history_table = migrate->config.history_table,
    };
    ledger_init(ledger, &names, session_is_sqlite(migrate), &migrate->run);
}

/* No files, though there are rows: more likely the wrong folder than an old one. */
static bool has_files(struct migrate *migrate, const struct graph *folder, struct names rows, struct error *err)
{
    if (folder->count)
        return true;
    if (rows.count == 0) {
        session_observe(migrate, MIGRATE_EVENT_WARNING, "the migrations folder %s has no revisions",
                        migrate->config.script_location);
        return true;
    }
    error_set(err, MIGRATE_NO_REVISIONS, "the migrations folder %s has no revisions, but the database is at %s",
              migrate->config.script_location, names_join(rows, ", ", &migrate->run));
    return error_hint(err, "Is this the right folder (`-d`, script_location) for this database?");
}

void session_run(struct migrate *migrate, struct ledger_run *run)
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    const struct passwd *user = session_is_sqlite(migrate) ? getpwuid(geteuid()) : NULL; // elsewhere the database knows
    *run = (struct ledger_run){
        .applied_by = user ? arena_string(&migrate->run, user->pw_name) : "",
        .applied_from = *host ? arena_string(&migrate->run, host) : NULL,
    };
}

int64_t session_lock_wait(int64_t wait_ms)
{
    return wait_ms == MIGRATE_DEFAULT ? LOCK_WAIT_MS : wait_ms;
}

bool session_rows(struct migrate *migrate, const struct graph *folder, struct graph *known, struct names *rows,
                  struct error *err)
{
    struct ledger ledger;
    struct ledger_state state;
    if (!session_connect(migrate, err))
        return false;
    session_ledger(migrate, &ledger);
    if (!ledger_read(&ledger, migrate->database, &migrate->run, &state, err) ||
        !has_files(migrate, folder, state.rows, err) ||
        !stored_extend(&ledger, migrate->database, &state, folder, &migrate->run, known, err))
        return false;
    for (size_t i = 0; i < state.unfinished_count; i++)
        session_observe(migrate, MIGRATE_EVENT_WARNING,
                        "the %s of %s stopped after %zu statement%s and is not finished",
                        direction_name(state.unfinished[i].direction), state.unfinished[i].revision,
                        state.unfinished[i].statements_done, state.unfinished[i].statements_done == 1 ? "" : "s");
    *rows = state.rows;
    return true;
}

bool session_resolve(struct migrate *migrate, const struct graph *graph, const struct target *target,
                     struct indexes *found, struct error *err)
{
    struct graph known;
    struct names names;
    struct indexes rows = {0};
    bool asks = target_needs_rows(target);
    if (asks &&
        (!session_rows(migrate, graph, &known, &names, err) || !rows_resolve(graph, names, &migrate->run, &rows, err)))
        return false;
    return target_resolve(graph, asks ? &rows : NULL, target, &migrate->run, found, err);
}
