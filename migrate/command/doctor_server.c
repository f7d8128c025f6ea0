/* doctor_server.c: what PostgreSQL says of itself, of what we may do there, and of those who are connected. The queries
 * are in database/sql/ and run in psql as they are. */
#include "command/doctor.h"

#include "base/clock.h"

#include <embedded.h>
#include <stdlib.h>

enum { SHOWN_MAX = 5, PINGS = 7, SLOW_MS = 100, SOON_DAYS = 180 };

static struct question asking(const char *sql)
{
    return (struct question){.sql = sql};
}

/* "", or how many more there are than are shown. */
static void note_more(struct visit *visit, const char *name, size_t count, const char *what)
{
    if (count > SHOWN_MAX)
        visit_note(visit, name, MIGRATE_HEALTH_WARNING, NULL, "and %zu more %s", count - SHOWN_MAX, what);
}

/* ---- the server itself */

static void note_lifetime(struct visit *visit, const char *name, int major, const char *version)
{
    int64_t ends_us = 0, left_days = 0;
    bool is_older = false;
    if (!lifetime_of_postgresql(major, &ends_us, &is_older)) {
        visit_note(visit, name, is_older ? MIGRATE_HEALTH_WARNING : MIGRATE_HEALTH_OK,
                   is_older ? "Upgrade the server: it has had no security fixes for years." : NULL, "PostgreSQL %s%s",
                   version, is_older ? "" : ", which is newer than this tool");
        return;
    }
    const char *day = arena_copy(visit->arena, clock_rfc3339(ends_us, visit->arena), strlen("2026-11-20"));
    left_days = (ends_us - clock_now_us()) / 1000000 / 86400;
    if (ends_us < clock_now_us())
        visit_note(visit, name, MIGRATE_HEALTH_WARNING, "Upgrade the server: it gets no security fixes any more.",
                   "PostgreSQL %s, which has not been supported since %s", version, day);
    else
        visit_note(visit, name, left_days < SOON_DAYS ? MIGRATE_HEALTH_WARNING : MIGRATE_HEALTH_OK,
                   left_days < SOON_DAYS ? "Plan the upgrade of the server." : NULL,
                   "PostgreSQL %s, which is supported until %s", version, day);
}

static void examine_version(struct visit *visit, const char *name)
{
    struct question question =
        asking("SELECT current_setting('server_version_num'), current_setting('server_version')");
    struct rows rows;
    if (visit_ask(visit, name, &question, &rows))
        note_lifetime(visit, name, (int)(visit_number(&rows, 0, 0) / 10000), rows_cell(&rows, 0, 1));
}

static void examine_hosting(struct visit *visit, const char *name)
{
    enum { HAS_ROLE, HAS_AURORA, FORCES_TLS };
    struct question question = asking(embedded_migrate_database_sql_hosting_sql);
    struct question aurora = asking("SELECT aurora_version()");
    struct rows rows, version;
    struct database_about about;
    database_about(visit->database, visit->arena, &about);
    bool is_named = about.host && strstr(about.host, ".rds.amazonaws.com");
    if (!visit_ask(visit, name, &question, &rows))
        return;
    if (visit_is_true(&rows, 0, HAS_AURORA)) {
        if (visit_ask(visit, name, &aurora, &version))
            visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "Amazon Aurora %s", rows_cell(&version, 0, 0));
        return;
    }
    bool is_rds = visit_is_true(&rows, 0, HAS_ROLE);
    const char *forces = rows_cell(&rows, 0, FORCES_TLS);
    if (is_rds && forces && strcmp(forces, "1") != 0 && strcmp(forces, "on") != 0)
        visit_note(visit, name, MIGRATE_HEALTH_WARNING, "Set rds.force_ssl = 1 in its parameter group.",
                   "Amazon RDS, which takes connections without TLS");
    else if (is_rds || is_named)
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "Amazon RDS");
    else
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "not Amazon RDS");
}

static void examine_primary(struct visit *visit, const char *name)
{
    enum { IS_STANDBY, READ_ONLY };
    struct question question = asking(embedded_migrate_database_sql_standby_sql);
    struct rows rows;
    if (!visit_ask(visit, name, &question, &rows))
        return;
    if (visit_is_true(&rows, 0, IS_STANDBY))
        visit_note(visit, name, MIGRATE_HEALTH_FAILED,
                   "Use the primary's address; on Aurora the cluster endpoint, which has no -ro- in it.",
                   "the server is a standby and takes no changes");
    else if (strcmp(rows_cell(&rows, 0, READ_ONLY), "on") == 0)
        visit_note(visit, name, MIGRATE_HEALTH_FAILED, "ALTER ROLE or ALTER DATABASE ... RESET it for this role.",
                   "the primary, but default_transaction_read_only is on");
    else
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "the primary, which takes changes");
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void examine_round_trip(struct visit *visit, const char *name)
{
    struct question question = asking("SELECT 1");
    double took_ms[PINGS];
    for (size_t i = 0; i < PINGS; i++) {
        struct rows rows;
        double began_ms = clock_ms();
        if (!visit_ask_plainly(visit, name, &question, &rows))
            return;
        took_ms[i] = clock_ms() - began_ms;
    }
    qsort(took_ms, PINGS, sizeof took_ms[0], by_size);
    double median_ms = took_ms[PINGS / 2];
    visit_note(visit, name, median_ms > SLOW_MS ? MIGRATE_HEALTH_WARNING : MIGRATE_HEALTH_OK,
               median_ms > SLOW_MS ? "Run migrations nearer to the server: every lock is held for round trips too."
                                   : NULL,
               "%.2f ms (median of %d)", median_ms, PINGS);
}

/* ---- what we may do */

struct privileges {
    struct visit *visit;
    const char *name; /* of the examination */
    const char *role, *schema;
    bool is_fine;
};

static void lacking(struct privileges *privileges, enum migrate_health health, const char *hint, const char *message)
{
    privileges->is_fine = false;
    visit_note(privileges->visit, privileges->name, health, hint, "%s", message);
}

static void judge_schema(struct privileges *privileges, const struct rows *rows)
{
    enum { ROLE, EXISTS, MAY_BECOME, SCHEMA, MAY_CREATE, MAY_USE };
    struct arena *arena = privileges->visit->arena;
    const char *role = identifier_quote(privileges->role, arena);
    if (!privileges->schema)
        lacking(privileges, MIGRATE_HEALTH_FAILED,
                "Set version_table_schema, or a search_path with a schema that is there.",
                "no schema of the search path exists");
    else if (!visit_is_true(rows, 0, MAY_CREATE) || !visit_is_true(rows, 0, MAY_USE))
        lacking(
            privileges, MIGRATE_HEALTH_FAILED,
            arena_printf(arena, "GRANT USAGE, CREATE ON SCHEMA %s TO %s.", identifier_quote(privileges->schema, arena),
                         role),
            arena_printf(arena, "%s may not create anything in the schema %s", privileges->role, privileges->schema));
}

static struct question about_tables(const struct privileges *privileges, const char *sql)
{
    const struct config *config = &privileges->visit->migrate->config;
    return (struct question){
        .sql = sql,
        .values = {visit_value(privileges->role), visit_value(privileges->schema), visit_value(config->version_table),
                   visit_value(config->history_table ? config->history_table : ""), visit_value("migrate_script")},
        .value_count = 5,
    };
}

static void examine_our_tables(struct privileges *privileges)
{
    enum { TABLE, OWNER, IS_OWNER, MAY_WORK };
    struct arena *arena = privileges->visit->arena;
    struct question question = about_tables(privileges, embedded_migrate_database_sql_table_privileges_sql);
    struct rows rows;
    if (!visit_ask(privileges->visit, privileges->name, &question, &rows)) {
        privileges->is_fine = false;
        return;
    }
    for (size_t i = 0; i < rows.count; i++)
        if (!visit_is_true(&rows, i, IS_OWNER) && !visit_is_true(&rows, i, MAY_WORK))
            lacking(privileges, MIGRATE_HEALTH_FAILED,
                    arena_printf(arena, "GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s.",
                                 identifier_quote(rows_cell(&rows, i, TABLE), arena),
                                 identifier_quote(privileges->role, arena)),
                    arena_printf(arena, "%s belongs to %s, and %s may not read and write it",
                                 rows_cell(&rows, i, TABLE), rows_cell(&rows, i, OWNER), privileges->role));
}

static void examine_tables_of_others(struct privileges *privileges)
{
    enum { OWNER, COUNT, EXAMPLE };
    struct question question = about_tables(privileges, embedded_migrate_database_sql_tables_of_others_sql);
    struct rows rows;
    if (!visit_ask(privileges->visit, privileges->name, &question, &rows)) {
        privileges->is_fine = false;
        return;
    }
    for (size_t i = 0; i < rows.count && i < SHOWN_MAX; i++)
        lacking(privileges, MIGRATE_HEALTH_WARNING,
                "Only an owner alters or drops a table: migrate as that role (DB_ROLE).",
                arena_printf(privileges->visit->arena, "%s tables of the schema %s belong to %s (%s ...), not to %s",
                             rows_cell(&rows, i, COUNT), privileges->schema, rows_cell(&rows, i, OWNER),
                             rows_cell(&rows, i, EXAMPLE), privileges->role));
}

/* DB_ROLE must be there, and ours to take. */
static bool may_become(struct visit *visit, const char *name, const struct rows *rows)
{
    enum { ROLE, EXISTS, MAY_BECOME };
    const char *role = rows_cell(rows, 0, ROLE);
    const char *quoted = identifier_quote(role, visit->arena);
    if (visit_is_true(rows, 0, EXISTS) && visit_is_true(rows, 0, MAY_BECOME))
        return true;
    if (visit_is_true(rows, 0, EXISTS))
        visit_note(visit, name, MIGRATE_HEALTH_FAILED,
                   arena_printf(visit->arena, "GRANT %s to the role that logs in, or unset DB_ROLE.", quoted),
                   "migrations should run as %s, which this login may not become", role);
    else
        visit_note(visit, name, MIGRATE_HEALTH_FAILED, "Correct DB_ROLE, or create the role.",
                   "migrations should run as %s, and there is no such role", role);
    return false;
}

static void examine_privileges(struct visit *visit, const char *name)
{
    enum { ROLE, SCHEMA = 3 };
    const struct config *config = &visit->migrate->config;
    struct question question = {
        .sql = embedded_migrate_database_sql_session_privileges_sql,
        .values = {visit_value(config->role), visit_value(config->version_table_schema)},
        .value_count = 2,
    };
    struct rows rows;
    if (!visit_ask(visit, name, &question, &rows) || !may_become(visit, name, &rows))
        return;
    visit->role = config->role;
    struct privileges privileges = {
        .visit = visit,
        .name = name,
        .role = rows_cell(&rows, 0, ROLE),
        .schema = rows_cell(&rows, 0, SCHEMA),
        .is_fine = true,
    };
    judge_schema(&privileges, &rows);
    if (privileges.schema) {
        examine_our_tables(&privileges);
        examine_tables_of_others(&privileges);
    }
    if (privileges.is_fine)
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "%s may do what is needed in the schema %s", privileges.role,
                   privileges.schema);
}

/* ---- connections */

enum { MAXIMUM, RESERVED, ALL, ACTIVE, IDLE, IDLE_IN_TRANSACTION, HIDDEN };

static void examine_connections(struct visit *visit, const char *name)
{
    struct question question = asking(embedded_migrate_database_sql_connections_sql);
    struct rows rows;
    if (!visit_ask(visit, name, &question, &rows))
        return;
    int64_t maximum = visit_number(&rows, 0, MAXIMUM), reserved = visit_number(&rows, 0, RESERVED);
    int64_t used = visit_number(&rows, 0, ALL), open = maximum - reserved;
    bool is_tight = used * 100 >= open * 80; // what a CloudWatch alarm is usually set to
    const char *hidden = visit_number(&rows, 0, HIDDEN)
                             ? arena_printf(visit->arena, ", %s not to be seen", rows_cell(&rows, 0, HIDDEN))
                             : "";
    visit_note(
        visit, name, is_tight ? MIGRATE_HEALTH_WARNING : MIGRATE_HEALTH_OK,
        is_tight ? "Close some, make the application's pools smaller, or raise max_connections." : NULL,
        "%lld of %lld are in use (%s active, %s idle, %s idle in a transaction%s); %lld more are kept for superusers",
        (long long)used, (long long)open, rows_cell(&rows, 0, ACTIVE), rows_cell(&rows, 0, IDLE),
        rows_cell(&rows, 0, IDLE_IN_TRANSACTION), hidden, (long long)reserved);
}

/* SQLAlchemy's own defaults stand in for the one that is not set. */
static bool read_pool(struct visit *visit, const char *name, int64_t *size, int64_t *overflow)
{
    const struct config *config = &visit->migrate->config;
    *size = 5;
    *overflow = 10;
    if (config->pool_size && !text_integer(text_of(config->pool_size), size)) {
        visit_note(visit, name, MIGRATE_HEALTH_FAILED, "Correct it: the application cannot read it either.",
                   "DB_POOL_SIZE is \"%s\", which is no number", config->pool_size);
        return false;
    }
    if (config->max_overflow && !text_integer(text_of(config->max_overflow), overflow)) {
        visit_note(visit, name, MIGRATE_HEALTH_FAILED, "Correct it: the application cannot read it either.",
                   "DB_MAX_OVERFLOW is \"%s\", which is no number", config->max_overflow);
        return false;
    }
    if (*size > 0 && *overflow >= 0 && *size <= INT32_MAX && *overflow <= INT32_MAX)
        return true;
    visit_note(visit, name, MIGRATE_HEALTH_WARNING, "Give the pool a bound that the server can meet.",
               "DB_POOL_SIZE=%lld and DB_MAX_OVERFLOW=%lld let the application's pool grow without a bound",
               (long long)*size, (long long)*overflow);
    return false;
}

/* The pools may take 50 to 70 per cent of max_connections, and never more than there are. */
static void judge_pool(struct visit *visit, const char *name, int64_t each, const struct rows *rows)
{
    int64_t maximum = visit_number(rows, 0, MAXIMUM), open = maximum - visit_number(rows, 0, RESERVED);
    int64_t wanted = each * visit->replicas;
    bool is_too_many = wanted > open, is_many = wanted * 100 > maximum * 70;
    const char *sum =
        arena_printf(visit->arena,
                     "%lld replica%s with up to %lld connections: %lld, %lld%% of max_connections "
                     "(%lld)",
                     (long long)visit->replicas, visit->replicas == 1 ? "" : "s", (long long)each, (long long)wanted,
                     (long long)(wanted * 100 / (maximum ? maximum : 1)), (long long)maximum);
    if (is_too_many)
        visit_note(visit, name, MIGRATE_HEALTH_FAILED,
                   "Lower DB_POOL_SIZE and DB_MAX_OVERFLOW, raise max_connections, or put a pooler in between.",
                   "%s; the server has %lld to give", sum, (long long)open);
    else
        visit_note(visit, name, is_many ? MIGRATE_HEALTH_WARNING : MIGRATE_HEALTH_OK,
                   is_many ? "50 to 70% is what leaves room for migrations, people and a rolling update." : NULL, "%s",
                   sum);
}

static void examine_pool(struct visit *visit, const char *name)
{
    const struct config *config = &visit->migrate->config;
    struct question question = asking(embedded_migrate_database_sql_connections_sql);
    int64_t size = 0, overflow = 0;
    struct rows rows;
    if (!config->pool_size && !config->max_overflow)
        visit_note(visit, name, MIGRATE_HEALTH_SKIPPED, NULL, "neither DB_POOL_SIZE nor DB_MAX_OVERFLOW is set");
    else if (read_pool(visit, name, &size, &overflow) && visit_ask(visit, name, &question, &rows))
        judge_pool(visit, name, size + overflow, &rows);
}

/* ---- those in the way */

static void examine_transactions(struct visit *visit, const char *name)
{
    enum { PID, USER, APPLICATION, ADDRESS, STATE, SECONDS, PREPARED };
    const char *age_ms = arena_printf(visit->arena, "%lld ms", (long long)visit->old_after_ms);
    struct question question = {
        .sql = embedded_migrate_database_sql_old_transactions_sql,
        .values = {visit_value(age_ms)},
        .value_count = 1,
    };
    struct rows rows;
    if (!visit_ask(visit, name, &question, &rows))
        return;
    for (size_t i = 0; i < rows.count && i < SHOWN_MAX; i++) {
        const char *age = visit_duration(visit_number(&rows, i, SECONDS), visit->arena);
        const char *pid = rows_cell(&rows, i, PID), *application = rows_cell(&rows, i, APPLICATION);
        if (rows_cell(&rows, i, PREPARED))
            visit_note(visit, name, MIGRATE_HEALTH_WARNING, "COMMIT PREPARED or ROLLBACK PREPARED ends it.",
                       "the prepared transaction \"%s\" of %s has been open for %s", rows_cell(&rows, i, PREPARED),
                       rows_cell(&rows, i, USER), age);
        else
            visit_note(
                visit, name, MIGRATE_HEALTH_WARNING,
                arena_printf(visit->arena,
                             "A migration waits for the locks it holds. SELECT pg_terminate_backend(%s) ends it.", pid),
                "process %s (%s%s%s at %s) has had a transaction open for %s: %s", pid, rows_cell(&rows, i, USER),
                application && *application ? ", " : "", application ? application : "", rows_cell(&rows, i, ADDRESS),
                age, rows_cell(&rows, i, STATE));
    }
    note_more(visit, name, rows.count, "transactions");
    if (rows.count == 0)
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "none has been open for %s, as far as this role can see",
                   visit_duration(visit->old_after_ms / 1000, visit->arena));
}

static void examine_blocked(struct visit *visit, const char *name)
{
    enum { WAITING, WAITING_APPLICATION, WHAT, SECONDS, BLOCKER, USER, APPLICATION, STATE };
    struct question question = asking(embedded_migrate_database_sql_blocked_sessions_sql);
    struct rows rows;
    if (!visit_ask(visit, name, &question, &rows))
        return;
    for (size_t i = 0; i < rows.count && i < SHOWN_MAX; i++) {
        const char *application = rows_cell(&rows, i, APPLICATION), *blocker = rows_cell(&rows, i, BLOCKER);
        visit_note(visit, name, MIGRATE_HEALTH_WARNING,
                   arena_printf(visit->arena, "SELECT pg_terminate_backend(%s) ends the one in the way.", blocker),
                   "process %s%s%s%s waits for %s (%s), which process %s has (%s%s%s, %s)",
                   rows_cell(&rows, i, WAITING), *rows_cell(&rows, i, WAITING_APPLICATION) ? " (" : "",
                   rows_cell(&rows, i, WAITING_APPLICATION), *rows_cell(&rows, i, WAITING_APPLICATION) ? ")" : "",
                   rows_cell(&rows, i, WHAT), visit_duration(visit_number(&rows, i, SECONDS), visit->arena), blocker,
                   rows_cell(&rows, i, USER), *application ? ", " : "", application, rows_cell(&rows, i, STATE));
    }
    note_more(visit, name, rows.count, "sessions");
    if (rows.count == 0)
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "no session waits for another's lock");
}

static void examine_pooler(struct visit *visit, const char *name)
{
    struct database_about about;
    database_about(visit->database, visit->arena, &about);
    if (!about.is_pooled)
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "the server itself, with no pooler in between");
    else if (visit->migrate->config.pooler_is_session)
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL,
                   "a pooler stands in between, which keeps one connection for each client (pooler = session)");
    else
        visit_note(
            visit, name, MIGRATE_HEALTH_FAILED,
            "Name the server's direct address in MIGRATE_DATABASE_URL, or set pooler = session if the pooler keeps "
            "one server connection for each client.",
            "a pooler (PgBouncer, RDS Proxy ...) stands in between, on which no lock would be ours");
}

static void examine_indexes(struct visit *visit, const char *name)
{
    enum { INDEX, TABLE, IS_PARTITIONED };
    struct question question = asking(embedded_migrate_database_sql_invalid_indexes_sql);
    struct rows rows;
    if (!visit_ask(visit, name, &question, &rows))
        return;
    for (size_t i = 0; i < rows.count && i < SHOWN_MAX; i++) {
        const char *index = rows_cell(&rows, i, INDEX);
        visit_note(visit, name, MIGRATE_HEALTH_WARNING,
                   visit_is_true(&rows, i, IS_PARTITIONED)
                       ? "Attach an index of each partition to it."
                       : arena_printf(visit->arena, "DROP INDEX CONCURRENTLY %s, or REINDEX INDEX CONCURRENTLY %s.",
                                      index, index),
                   "%s on %s is INVALID: no query uses it", index, rows_cell(&rows, i, TABLE));
    }
    note_more(visit, name, rows.count, "indexes");
    if (rows.count == 0)
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "every index is valid");
}

const struct examiner doctor_server_examiners[] = {
    {"version", examine_version},
    {"hosting", examine_hosting},
    {"primary", examine_primary},
    {"round_trip", examine_round_trip},
    {"privileges", examine_privileges},
    {"connections", examine_connections},
    {"pool", examine_pool},
    {"transactions", examine_transactions},
    {"blocked", examine_blocked},
    {"pooler", examine_pooler},
    {"indexes", examine_indexes},
};
const size_t doctor_server_examiner_count = sizeof doctor_server_examiners / sizeof doctor_server_examiners[0];
