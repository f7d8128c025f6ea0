/* sqlstate.c: what an error of PostgreSQL's means to us, as one table that is read from the top; the first rule whose
 * code begins the error's SQLSTATE counts. (Appendix A of PostgreSQL's manual lists the states.)
 *
 * The code a rule gives is the whole policy: it decides the exit status, and with it what is tried again. While
 * connecting MIGRATE_UNREACHABLE is worth another try within --wait and everything else ends it at once; while running
 * MIGRATE_LOST is worth a reconnection within --wait, MIGRATE_LOCK_TIMEOUT another try of the revision, and everything
 * else is final. What has no SQLSTATE comes from libpq, and goes by the table of words below. */
#include "database/postgres.h"

#include "base/text.h"

#define RDS_BUNDLE                                                                                                     \
    "For Amazon RDS download https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem and name it with "      \
    "sslrootcert; its roots are in no system store."

enum moment { CONNECTING = 1, RUNNING = 2, ALWAYS = 3 };

struct rule {
    const char *sqlstate; /* or how it begins */
    enum moment moment;
    enum migrate_code code;
    const char *hint; /* NULL: the server's own */
};

static const struct rule rules[] = {
    {"28", ALWAYS, MIGRATE_AUTHENTICATION,
     "Check the user and the password, and that pg_hba.conf lets this user in from here."},
    {"3D000", CONNECTING, MIGRATE_NO_SUCH_DATABASE, "Create the database first, or correct its name in the URL."},
    {"42501", CONNECTING, MIGRATE_PERMISSION, "Grant the role CONNECT on the database."},
    {"55000", CONNECTING, MIGRATE_PERMISSION, NULL}, // a template that takes no connections
    {"53", CONNECTING, MIGRATE_UNREACHABLE,          // 53300 above all; the server's own memory or disk
     "The server has no connection left; close some, raise max_connections, or try again later."},
    {"57P", CONNECTING, MIGRATE_UNREACHABLE, "The server is starting up or shutting down; try again in a moment."},
    {"08", CONNECTING, MIGRATE_UNREACHABLE, "Something between here and the server does not let us through."},
    {"25006", CONNECTING, MIGRATE_UNREACHABLE, "Only a standby answers; try again when there is a writer."},
    {"XX", CONNECTING, MIGRATE_UNREACHABLE, "The server's log says more."},
    {"", CONNECTING, MIGRATE_CONFIGURATION,
     "Check the parameters of the URL."}, // 42704, 22023: it knows no such setting

    {"55P03", RUNNING, MIGRATE_LOCK_TIMEOUT,
     "Another session holds a lock on what the statement needs; a rerun tries again."},
    {"40P01", RUNNING, MIGRATE_LOCK_TIMEOUT, "Two sessions waited for each other; a rerun tries again."},
    {"40001", RUNNING, MIGRATE_LOCK_TIMEOUT, "Another session changed the same rows; a rerun tries again."},
    {"57014", RUNNING, MIGRATE_REFUSED, "The statement took longer than statement_timeout allows, or was cancelled."},
    {"42501", RUNNING, MIGRATE_PERMISSION, "Grant the role what it needs, or name one that has it (DB_ROLE)."},
    {"25006", RUNNING, MIGRATE_PERMISSION,
     "The server takes no changes: it is a standby, or default_transaction_read_only is on. Use the writer's address."},
    {"25001", RUNNING, MIGRATE_REFUSED,
     "This statement cannot run inside a transaction; put it into a section marked autocommit."},
    {"25P03", RUNNING, MIGRATE_LOST, "The server ended a session that was idle in a transaction for too long."},
    {"25P04", RUNNING, MIGRATE_LOST, "The server ended a session whose transaction took longer than it allows."},
    {"57P", RUNNING, MIGRATE_LOST, "The server ended the session; a rerun is safe."},
    {"08", RUNNING, MIGRATE_LOST, "A rerun is safe."},
    {"", RUNNING, MIGRATE_REFUSED, NULL},
};

static const struct rule *rule_of(const char *sqlstate, enum moment moment)
{
    const struct rule *rule = rules;
    while (!(rule->moment & moment) || strncmp(sqlstate, rule->sqlstate, strlen(rule->sqlstate)) != 0)
        rule++; // the empty state at the end of either moment matches whatever is left
    return rule;
}

static bool give_hint(struct error *err, const char *hint)
{
    return hint && *hint ? error_hint(err, "%s", hint) : false;
}

bool sqlstate_is(const PGresult *result, const char *sqlstate)
{
    const char *field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return field && strcmp(field, sqlstate) == 0;
}

static const char *field_of(const PGresult *result, int code)
{
    const char *field = PQresultErrorField(result, code);
    return field ? field : "";
}

/* The first line of the context: COPY's data line, or where in a function. It says what a position would. */
static struct text context_of(const PGresult *result)
{
    struct text rest;
    if (*field_of(result, PG_DIAG_STATEMENT_POSITION))
        return (struct text){0};
    return text_split(text_of(field_of(result, PG_DIAG_CONTEXT)), '\n', &rest);
}

static bool lost(struct text line, struct error *err)
{
    error_set(err, MIGRATE_LOST, "the connection to the server was lost%s%.*s", line.length ? ": " : "",
              (int)line.length, line.at);
    return error_hint(err, "A rerun is safe: what was not committed was rolled back.");
}

bool sqlstate_refused(const PGresult *result, bool we_cancelled, struct error *err)
{
    const char *sqlstate = field_of(result, PG_DIAG_SQLSTATE);
    const char *primary = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = field_of(result, PG_DIAG_MESSAGE_DETAIL);
    struct text context = context_of(result), rest;
    if (!*sqlstate) { // not the server's words but libpq's: it has no connection any more
        struct text line = text_split(text_of(PQresultErrorMessage(result)), '\n', &rest);
        return lost(line, err);
    }
    const struct rule *rule = rule_of(sqlstate, RUNNING);
    if (we_cancelled && strcmp(sqlstate, "57014") == 0) {
        error_set(err, MIGRATE_INTERRUPTED, "interrupted");
        memcpy(err->sqlstate, sqlstate, sizeof err->sqlstate);
        return false;
    }
    error_set(err, rule->code, "%s%s%s%s%.*s%s", *primary ? primary : PQresultErrorMessage(result), *detail ? ": " : "",
              detail, context.length ? " (" : "", (int)context.length, context.at ? context.at : "",
              context.length ? ")" : "");
    if (strlen(sqlstate) < sizeof err->sqlstate)
        memcpy(err->sqlstate, sqlstate, strlen(sqlstate) + 1);
    return give_hint(err, rule->hint ? rule->hint : field_of(result, PG_DIAG_MESSAGE_HINT));
}

/* libpq has no field for the state of a refused connection. With PQERRORS_VERBOSE it stands in the message, between the
 * severity (which may be translated) and the text: "FATAL:  28P01: password ...". */
static const char *find_sqlstate(const char *message, char sqlstate[6])
{
    for (const char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
        const char *state = at + 3;
        if (strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && state[5] == ':') {
            memcpy(sqlstate, state, 5);
            sqlstate[5] = '\0';
            return state;
        }
    }
    return NULL;
}

/* Of the lines about one attempt only the first says what happened; and the severity and state are taken out of it. */
static void add_line(struct buffer *message, struct text line)
{
    char sqlstate[6];
    const char *copy = arena_copy(message->arena, line.at, line.length);
    const char *state = find_sqlstate(copy, sqlstate);
    const char *severity = state ? state - 3 : NULL; // the colon behind it
    while (severity && severity > copy && severity[-1] != ' ')
        severity--;
    if (message->length)
        buffer_string(message, "; ");
    buffer_text(message, (struct text){.at = copy, .length = severity ? (size_t)(severity - copy) : line.length});
    if (state)
        buffer_string(message, state + strlen("28P01: "));
}

static bool says_more(struct text line)
{
    return line.length == 0 || *line.at == '\t' || *line.at == ' ' || text_starts(line, "LOCATION:") ||
           text_starts(line, "DETAIL:") || text_starts(line, "HINT:");
}

static const char *tidy(const char *message, struct arena *arena)
{
    struct buffer tidied = {.arena = arena};
    for (struct text rest = text_of(message), line; rest.length;) {
        line = text_split(rest, '\n', &rest);
        if (!says_more(line))
            add_line(&tidied, line);
    }
    return tidied.length ? buffer_done(&tidied) : "the connection failed";
}

/* What libpq itself finds wrong has no state; only the words tell. They are never translated: that takes a
 * setlocale(), which we do not call. */
static const struct {
    const char *word;
    enum migrate_code code;
    const char *hint;
} words[] = {
    // broken off, in the middle of the TLS handshake too
    {"server closed the connection", MIGRATE_UNREACHABLE, "The server, or something before it, hangs up; is it up?"},
    {"unexpected eof", MIGRATE_UNREACHABLE, "The server, or something before it, hangs up; is it up?"},
    {"SSL SYSCALL error", MIGRATE_UNREACHABLE, "The server, or something before it, hangs up; is it up?"},
    {"session is read-only", MIGRATE_UNREACHABLE, "Only a standby answers; try again when there is a writer."},
    {"server is in hot standby mode", MIGRATE_UNREACHABLE, "Only a standby answers; try again when there is a writer."},
    {"certificate verify failed", MIGRATE_TLS, "The server's certificate is not trusted. " RDS_BUNDLE},
    {"root certificate file", MIGRATE_TLS, "sslmode=verify-ca and verify-full need sslrootcert. " RDS_BUNDLE},
    {"does not match host name", MIGRATE_TLS, "Connect by the name that the certificate was issued for."},
    {"server does not support SSL", MIGRATE_TLS, "Enable TLS on the server, or choose a weaker sslmode."},
    {"no encryption", MIGRATE_TLS, "The server insists on TLS; use sslmode=require or stronger."},
    {"SSL off", MIGRATE_TLS, "The server insists on TLS; use sslmode=require or stronger."},
    {"certificate", MIGRATE_TLS, "Check sslcert, sslkey and sslrootcert."},
    {"SSL error", MIGRATE_TLS, "Check sslmode and the certificates on both sides."},
    {"sslmode", MIGRATE_TLS, NULL},
    {"no password supplied", MIGRATE_AUTHENTICATION, "Put the password into the URL, PGPASSWORD or ~/.pgpass."},
    {"authentication method", MIGRATE_AUTHENTICATION, NULL},
    {"could not translate host name", MIGRATE_UNREACHABLE,
     "Check the host's spelling and that its name resolves here."},
    {"Connection refused", MIGRATE_UNREACHABLE,
     "Check host and port, and that the server runs and listens on that address."},
    {"No such file or directory", MIGRATE_UNREACHABLE, "No server listens on that socket; is it running?"},
    {"timed out", MIGRATE_UNREACHABLE,
     "Nothing answers: check the network on the way, on Amazon RDS the security group's inbound rule."},
};

/* Which of the refusals in a message counts: the first that no waiting can mend, else the first. (Several hosts were
 * tried; and with sslmode=prefer libpq tries again without TLS, where it is refused for that.) NULL: none has a state.
 */
static const char *find_decisive(const char *message, char sqlstate[6])
{
    char next[6];
    const char *first = find_sqlstate(message, sqlstate);
    for (const char *at = first; at; at = find_sqlstate(at, next)) {
        memcpy(next, at, 5);
        next[5] = '\0';
        if (rule_of(next, CONNECTING)->code != MIGRATE_UNREACHABLE) {
            memcpy(sqlstate, next, sizeof next);
            return at;
        }
    }
    return first;
}

bool sqlstate_unconnected(const PGconn *link, struct error *err)
{
    struct arena arena = {0};
    char sqlstate[6] = "";
    const char *message = PQerrorMessage(link);
    const char *said = find_decisive(message, sqlstate);
    struct text rest, line = text_of(message);
    if (said)
        line = text_split(text_of(said), '\n', &rest);
    static const struct rule away = {"", CONNECTING, MIGRATE_UNREACHABLE, NULL};
    const struct rule *rule = *sqlstate ? rule_of(sqlstate, CONNECTING) : &away;
    error_set(err, rule->code, "%s", tidy(message, &arena));
    memcpy(err->sqlstate, sqlstate, sizeof sqlstate);
    give_hint(err, rule->hint);
    bool is_unclear = *sqlstate == '\0' || strcmp(sqlstate, "28000") == 0;
    for (size_t i = 0; is_unclear && i < sizeof words / sizeof words[0]; i++) {
        if (memmem(line.at, line.length, words[i].word, strlen(words[i].word))) {
            err->code = words[i].code;
            give_hint(err, words[i].hint);
            break;
        }
    }
    arena_free(&arena);
    return false;
}

bool sqlstate_lost(const PGconn *link, struct error *err)
{
    struct text rest;
    return lost(text_split(text_of(PQerrorMessage(link)), '\n', &rest), err);
}
