/* doctor.c: doctor: what a person would look at by hand when migrations do not run, in the order in which things can go
 * wrong: where the URL came from, the way to the server, the server, who is in the way there, and the version table.
 *
 * Everything is looked at for itself: what one examination finds never keeps another from being made, unless there is
 * no connection to make it on. */
#include "command/doctor.h"

enum { CONNECT_TIMEOUT_S = 10, LOCK_TIMEOUT_MS = 5000, OLD_AFTER_MS = 60000 };

/* ---- what the examinations share */

void visit_note(struct visit *visit, const char *name, enum migrate_health health, const char *hint, const char *format,
                ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct migrate_examination one = {
        .name = name,
        .health = health,
        .message = arena_vprintf(visit->arena, format, arguments),
        .hint = hint,
    };
    va_end(arguments);
    ARENA_PUSH(visit->arena, &visit->found, one);
}

void visit_note_error(struct visit *visit, const char *name, enum migrate_health health, const struct error *error)
{
    const char *place = *error->path ? arena_printf(visit->arena, "%s: ", error->path) : "";
    visit_note(visit, name, health, *error->hint ? arena_string(visit->arena, error->hint) : NULL, "%s%s", place,
               error->message);
}

struct value visit_value(const char *text)
{
    return (struct value){.text = text, .length = text ? strlen(text) : 0};
}

/* A connection that is gone, and an interrupt, end the visit; anything else is one examination's own. */
static bool refused(struct visit *visit, const char *name, const struct error *refusal)
{
    visit->is_over = refusal->code == MIGRATE_INTERRUPTED || refusal->code == MIGRATE_LOST;
    if (visit->is_over)
        visit->why_over = *refusal;
    visit_note_error(visit, name, MIGRATE_HEALTH_FAILED, refusal);
    return false;
}

bool visit_ask_plainly(struct visit *visit, const char *name, const struct question *question, struct rows *rows)
{
    struct error refusal = {0};
    return database_ask(visit->database, question, 1, visit->arena, rows, &refusal) || refused(visit, name, &refusal);
}

bool visit_ask(struct visit *visit, const char *name, const struct question *question, struct rows *rows)
{
    enum { BEGIN, LIMIT, ROLE, QUESTION, END, COUNT };
    struct error refusal = {0};
    struct rows answers[COUNT];
    const char *limit = arena_printf(visit->arena, "%.0fms", visit->timeout_ms);
    struct question questions[COUNT] = {
        [BEGIN] = {.sql = "BEGIN READ ONLY"},
        [LIMIT] = {.sql = "SELECT set_config('statement_timeout', $1, true)",
                   .values = {visit_value(limit)},
                   .value_count = 1},
        [ROLE] = {.sql = "SELECT set_config('role', coalesce($1, current_setting('role')), true)",
                  .values = {visit_value(visit->role)},
                  .value_count = 1},
        [QUESTION] = *question,
        [END] = {.sql = "COMMIT"}, // behind a refusal it rolls back
    };
    if (!database_ask(visit->database, questions, COUNT, visit->arena, answers, &refusal))
        return refused(visit, name, &refusal);
    *rows = answers[QUESTION];
    return true;
}

int64_t visit_number(const struct rows *rows, size_t row, size_t column)
{
    int64_t number = 0;
    text_integer(text_of(rows_cell(rows, row, column)), &number);
    return number;
}

bool visit_is_true(const struct rows *rows, size_t row, size_t column)
{
    const char *cell = rows_cell(rows, row, column);
    return cell && strcmp(cell, "t") == 0;
}

const char *visit_duration(int64_t seconds, struct arena *arena)
{
    if (seconds < 60)
        return arena_printf(arena, "%lld s", (long long)seconds);
    if (seconds < 3600)
        return arena_printf(arena, "%lld min %lld s", (long long)(seconds / 60), (long long)(seconds % 60));
    return arena_printf(arena, "%lld h %lld min", (long long)(seconds / 3600), (long long)(seconds / 60 % 60));
}

/* ---- the revisions */

static bool has_unknown_rows(struct visit *visit, const struct graph *graph, struct names rows)
{
    for (size_t i = 0; i < rows.count; i++) {
        if (graph_find(graph, rows.items[i]) != (size_t)GRAPH_NONE)
            continue;
        visit_note(visit, "revisions", MIGRATE_HEALTH_FAILED,
                   "Is this the right folder for this database, or an older one than it has seen?",
                   "the database is at %s, which no file has", rows.items[i]);
        return true;
    }
    return false;
}

static void note_place(struct visit *visit, const struct graph *graph, const struct ledger_state *state)
{
    struct target heads;
    struct plan plan;
    struct error refusal = {0};
    const char *at = state->rows.count ? names_join(state->rows, ", ", visit->arena) : "base";
    if (has_unknown_rows(visit, graph, state->rows))
        return;
    if (!target_parse("heads", visit->arena, &heads, &refusal) ||
        !plan_upgrade(graph, state->rows, &heads, visit->arena, &plan, &refusal))
        visit_note_error(visit, "revisions", MIGRATE_HEALTH_FAILED, &refusal);
    else if (graph->count == 0)
        visit_note(visit, "revisions", MIGRATE_HEALTH_WARNING, "Is this the right folder (`-d`, script_location)?",
                   "the migrations folder %s has no revisions", visit->migrate->config.script_location);
    else if (plan.step_count)
        visit_note(visit, "revisions", MIGRATE_HEALTH_WARNING, "`migrate upgrade heads` applies what is pending.",
                   "the database is at %s, %zu of %zu revisions behind", at, plan.step_count, graph->count);
    else
        visit_note(visit, "revisions", MIGRATE_HEALTH_OK, NULL, "the database is at %s, which is every head", at);
}

static void note_unfinished(struct visit *visit, const struct ledger *ledger, const struct ledger_state *state)
{
    for (size_t i = 0; i < state->unfinished_count; i++) {
        const struct unfinished *one = &state->unfinished[i];
        const char *word = direction_name(one->direction);
        visit_note(visit, "unfinished", MIGRATE_HEALTH_FAILED,
                   arena_printf(visit->arena, "Finish it with `migrate %s %s%s`.", word, one->revision,
                                one->direction == DIRECTION_DOWNGRADE ? "-1" : ""),
                   "the %s of %s stopped after %zu statement%s", word, one->revision, one->statements_done,
                   one->statements_done == 1 ? "" : "s");
    }
    if (state->unfinished_count == 0)
        visit_note(visit, "unfinished", ledger->history ? MIGRATE_HEALTH_OK : MIGRATE_HEALTH_SKIPPED, NULL,
                   ledger->history ? "no revision was left half-way" : "no history is kept (history_table = none)");
}

/* Every real run has the role for its session too. */
static bool assume_role(struct visit *visit)
{
    struct rows ignored;
    const struct question question = {
        .sql = "SELECT set_config('role', $1, false)", .values = {visit_value(visit->role)}, .value_count = 1};
    return database_is_file(visit->database) || !visit->role ||
           visit_ask_plainly(visit, "revisions", &question, &ignored);
}

static void examine_revisions(struct visit *visit)
{
    struct ledger ledger;
    struct ledger_state state;
    struct graph graph;
    struct error refusal = {0}, files = {0};
    session_ledger(visit->migrate, &ledger);
    if (!assume_role(visit))
        return;
    bool is_read = ledger_read(&ledger, visit->database, visit->arena, &state, &refusal);
    if (!session_graph(visit->migrate, &graph, &files))
        visit_note_error(visit, "revisions", MIGRATE_HEALTH_FAILED, &files);
    else if (is_read)
        note_place(visit, &graph, &state);
    if (is_read)
        note_unfinished(visit, &ledger, &state);
    else
        refused(visit, "unfinished", &refusal);
}

/* ---- the story */

static void skip(struct visit *visit, const struct examiner *examiners, size_t count)
{
    for (size_t i = 0; i < count; i++)
        visit_note(visit, examiners[i].name, MIGRATE_HEALTH_SKIPPED, NULL, "there is no connection");
    visit_note(visit, "revisions", MIGRATE_HEALTH_SKIPPED, NULL, "there is no connection");
    visit_note(visit, "unfinished", MIGRATE_HEALTH_SKIPPED, NULL, "there is no connection");
}

static void examine_all(struct visit *visit, const struct examiner *examiners, size_t count)
{
    for (size_t i = 0; i < count && !visit->is_over; i++)
        examiners[i].examine(visit, examiners[i].name);
    if (!visit->is_over)
        examine_revisions(visit);
}

static bool examine_database(struct visit *visit, const struct examiner *examiners, size_t count, struct error *err)
{
    if (!(session_is_sqlite(visit->migrate) ? doctor_open_file(visit, err) : doctor_connect(visit, err))) {
        if (err->code != MIGRATE_INTERRUPTED)
            skip(visit, examiners, count);
        return false;
    }
    examine_all(visit, examiners, count);
    if (visit->is_over)
        *err = visit->why_over;
    return !visit->is_over;
}

static void settle_connection(struct visit *visit)
{
    struct migrate *migrate = visit->migrate;
    int64_t timeout_s = migrate->settings.connect_timeout_s;
    const char *named = address_parameter(&migrate->address, "connect_timeout");
    if (named)
        text_integer(text_of(named), &timeout_s);
    visit->timeout_ms = 1e3 * (double)(timeout_s > 0 ? timeout_s : CONNECT_TIMEOUT_S);
    visit->settings = migrate->settings;
    visit->settings.role = NULL; // a role that is not to be had is a finding and no reason to see nothing else
    if (visit->settings.lock_timeout_ms <= 0)
        visit->settings.lock_timeout_ms = LOCK_TIMEOUT_MS;
    visit->connection = (struct connection){
        .address = &migrate->address,
        .settings = &visit->settings,
        .pooler_is_session = migrate->config.pooler_is_session,
        .interrupt = &migrate->interrupt,
    };
}

static bool find_database(struct visit *visit, struct error *err)
{
    struct migrate *migrate = visit->migrate;
    if (!session_address(migrate, err)) {
        visit_note_error(visit, "source", MIGRATE_HEALTH_FAILED, err);
        return false;
    }
    visit_note(visit, "source", migrate->address.warning ? MIGRATE_HEALTH_WARNING : MIGRATE_HEALTH_OK,
               migrate->address.warning, "%s, from %s", migrate->about.url, migrate->about.source);
    settle_connection(visit);
    return true;
}

static bool examine(struct visit *visit, struct error *err)
{
    if (!find_database(visit, err))
        return false;
    bool is_file = session_is_sqlite(visit->migrate);
    bool ok = examine_database(visit, is_file ? doctor_file_examiners : doctor_server_examiners,
                               is_file ? doctor_file_examiner_count : doctor_server_examiner_count, err);
    database_close(visit->database);
    return ok;
}

static bool judge(const struct examinations *found, struct error *err)
{
    size_t failures = 0;
    for (size_t i = 0; i < found->count; i++)
        failures += found->items[i].health == MIGRATE_HEALTH_FAILED;
    return failures == 0 || error_set(err, MIGRATE_FINDINGS, "%zu of %zu examinations failed", failures, found->count);
}

enum migrate_code migrate_doctor(struct migrate *migrate, const struct migrate_doctor_options *options,
                                 const struct migrate_diagnosis **diagnosis)
{
    session_begin(migrate);
    struct visit visit = {
        .migrate = migrate,
        .arena = &migrate->run,
        .replicas = options->replicas > 0 ? options->replicas : 1,
        .old_after_ms = options->old_after_ms > 0 ? options->old_after_ms : OLD_AFTER_MS,
    };
    bool ok = examine(&visit, &migrate->error) && judge(&visit.found, &migrate->error);
    struct migrate_diagnosis *answer = ARENA_NEW(&migrate->run, struct migrate_diagnosis);
    *answer = (struct migrate_diagnosis){visit.found.items, visit.found.count};
    *diagnosis = answer;
    return session_end(migrate, ok);
}
