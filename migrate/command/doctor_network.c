/* doctor_network.c: from the host's name to the login. Each server that the address names is looked at on the way that
 * a connection would take, and only then is one made; so that it is known where it ends, and not only that it failed.
 */
#include "command/doctor.h"

#include "base/clock.h"
#include "base/file.h"
#include "database/probe.h"

#include <stdlib.h>

enum { DAYS_TO_RENEW = 30 };
static const int64_t day_us = (int64_t)86400 * 1000000;

static const char rds_bundle[] =
    "For Amazon RDS download https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem, and set "
    "sslmode=verify-full and sslrootcert.";

/* A server that the address names. */
struct server {
    const char *host;    /* as the certificate should have it */
    const char *address; /* hostaddr: where to connect instead; NULL: the host */
    const char *port;
};

struct reaching {
    struct visit *visit;
    struct probe probe;
    const struct server *server;
    const char *ssl_mode;
    size_t reached;       /* servers that answered as PostgreSQL does */
    struct error stopped; /* an interrupt */
};

static const char *parameter(const struct visit *visit, const char *name)
{
    return address_parameter(&visit->migrate->address, name);
}

/* ---- the name and the port */

static struct text item_of(const char *list, size_t wanted)
{
    struct text item = {0}, rest = text_of(list);
    for (size_t i = 0; i <= wanted; i++)
        item = text_split(rest, ',', &rest);
    return text_trim(item);
}

static const char *choose(struct visit *visit, const char *list, size_t i, const char *otherwise)
{
    struct text item = item_of(list, i);
    return item.length ? arena_copy(visit->arena, item.at, item.length) : otherwise;
}

static struct server server_at(struct visit *visit, size_t i)
{
    const char *port = parameter(visit, "port");
    bool is_one_for_all = port && !strchr(port, ',');
    const char *address = choose(visit, parameter(visit, "hostaddr"), i, NULL);
    return (struct server){
        .address = address,
        .host = choose(visit, parameter(visit, "host"), i, address ? address : "localhost"),
        .port = choose(visit, port, is_one_for_all ? 0 : i, "5432"),
    };
}

static bool is_local(const char *address)
{
    return *address == '/' || strcmp(address, "::1") == 0 || strncmp(address, "127.", 4) == 0;
}

static const char *addresses_text(const struct reaching *reaching, const struct probe_addresses *addresses)
{
    struct name_list texts = {0};
    for (size_t i = 0; i < addresses->count; i++)
        ARENA_PUSH(reaching->probe.arena, &texts, addresses->items[i].text);
    return names_join(names_of(&texts), ", ", reaching->probe.arena);
}

static bool look_up_name(struct reaching *reaching, struct probe_addresses *addresses)
{
    struct visit *visit = reaching->visit;
    const struct server *server = reaching->server;
    const char *where = server->address ? server->address : server->host;
    struct error refusal = {0};
    if (!probe_resolve(&reaching->probe, where, server->port, addresses, &refusal)) {
        if (refusal.code == MIGRATE_INTERRUPTED)
            reaching->stopped = refusal;
        visit_note_error(visit, "name", MIGRATE_HEALTH_FAILED, &refusal);
        return false;
    }
    bool is_address = addresses->count == 1 && strcmp(addresses->items[0].text, where) == 0;
    visit_note(visit, "name", MIGRATE_HEALTH_OK, NULL, "%s%s%s", where,
               *where == '/' ? " is a folder of sockets: "
               : is_address  ? " is an address"
                             : " is ",
               is_address ? "" : addresses_text(reaching, addresses));
    return true;
}

static const char tcp_hint[] =
    "Does the server run and listen there? Look at the firewalls on the way; on Amazon RDS at the inbound rule of its "
    "security group, and at whether the instance is in a network that this machine reaches.";

/* That one of several addresses does not answer is what libpq copes with. */
static struct probe_address *connect_to_any(struct reaching *reaching, struct probe_addresses *addresses)
{
    struct visit *visit = reaching->visit;
    struct probe_address *first = NULL;
    if (!probe_connect(&reaching->probe, addresses, &reaching->stopped))
        return NULL;
    for (size_t i = 0; i < addresses->count && !first; i++)
        first = addresses->items[i].problem ? NULL : &addresses->items[i];
    for (size_t i = 0; i < addresses->count; i++) {
        const struct probe_address *one = &addresses->items[i];
        const char *port = reaching->server->port;
        if (one->problem)
            visit_note(visit, "tcp", first ? MIGRATE_HEALTH_WARNING : MIGRATE_HEALTH_FAILED, tcp_hint,
                       *one->text == '/' ? "%s%.0s: %s" : "%s, port %s: %s", one->text, port, one->problem);
        else
            visit_note(visit, "tcp", MIGRATE_HEALTH_OK, NULL,
                       *one->text == '/' ? "%s%.0s connected in %.1f ms" : "%s, port %s, connected in %.1f ms",
                       one->text, port, one->took_ms);
    }
    return first;
}

/* ---- what answers */

static bool greet(struct reaching *reaching, const struct probe_address *address, enum probe_answer *answer)
{
    static const char name[] = "answer";
    struct visit *visit = reaching->visit;
    const char *said = "", *port = reaching->server->port;
    if (!probe_greet(&reaching->probe, address->socket, answer, &said, &reaching->stopped))
        return false;
    switch (*answer) {
    case PROBE_TLS:
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "PostgreSQL answers, and takes TLS");
        return true;
    case PROBE_NO_TLS:
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "PostgreSQL answers, and takes no TLS");
        return true;
    case PROBE_SILENCE:
        visit_note(visit, name, MIGRATE_HEALTH_FAILED,
                   "A proxy or load balancer without a server behind it does that, and so does a server that hangs.",
                   "port %s takes the connection, and then says nothing within %.0f s", port, visit->timeout_ms / 1e3);
        return false;
    case PROBE_HANG_UP:
        visit_note(visit, name, MIGRATE_HEALTH_FAILED,
                   "A proxy without a server behind it does that, and so does one that does not know us.",
                   "port %s takes the connection, and closes it at once", port);
        return false;
    case PROBE_STRANGER:
        visit_note(visit, name, MIGRATE_HEALTH_FAILED, "Correct host and port.",
                   "what answers on port %s is not PostgreSQL; it begins with \"%s\"", port, said);
        return false;
    }
    return false;
}

/* ---- TLS */

static bool is_mode(const struct reaching *reaching, const char *mode)
{
    return strcmp(reaching->ssl_mode, mode) == 0;
}

static bool wants_tls(const struct reaching *reaching)
{
    return is_mode(reaching, "require") || strncmp(reaching->ssl_mode, "verify-", strlen("verify-")) == 0;
}

/* libpq's own place for it. With it there, even sslmode=require verifies. */
static const char *root_file(const struct reaching *reaching)
{
    const char *named = parameter(reaching->visit, "sslrootcert"), *home = getenv("HOME");
    if (named)
        return named;
    const char *usual = arena_printf(reaching->probe.arena, "%s/.postgresql/root.crt", home ? home : "");
    return file_exists(usual) ? usual : NULL;
}

static bool verifies(const struct reaching *reaching)
{
    return strncmp(reaching->ssl_mode, "verify-", strlen("verify-")) == 0 ||
           (is_mode(reaching, "require") && root_file(reaching));
}

/* What is wrong ends a connection that verifies, and should worry one that does not. */
static enum migrate_health if_wrong(bool is_refused)
{
    return is_refused ? MIGRATE_HEALTH_FAILED : MIGRATE_HEALTH_WARNING;
}

static void note_trust(const struct reaching *reaching, const struct probe_certificate *certificate)
{
    static const char name[] = "certificate";
    struct visit *visit = reaching->visit;
    bool is_verified = verifies(reaching);
    const char *mode = reaching->ssl_mode;
    if (certificate->distrust)
        visit_note(visit, name, if_wrong(is_verified),
                   strcasestr(certificate->issuer, "amazon")
                       ? rds_bundle
                       : "Set sslrootcert to the certificate of the authority that issued it.",
                   "%s, issued by %s, is not trusted (%s)%s%s", certificate->subject, certificate->issuer,
                   certificate->distrust, is_verified ? "" : "; sslmode=", is_verified ? "" : mode);
    else if (!is_verified)
        visit_note(
            visit, name, MIGRATE_HEALTH_WARNING, "Set sslmode=verify-full.",
            "%s would be trusted by way of %s, but sslmode=%s does not look: anyone on the way could pose as the "
            "server",
            certificate->subject, certificate->root, mode);
    else
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "%s is verified by way of %s, from %s", certificate->subject,
                   certificate->root, root_file(reaching) ? root_file(reaching) : "the system's roots");
}

static void note_host(const struct reaching *reaching, const struct probe_certificate *certificate)
{
    static const char name[] = "certificate_host";
    struct visit *visit = reaching->visit;
    const char *host = reaching->server->host;
    if (certificate->is_for_host)
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "the certificate was issued for %s", host);
    else
        visit_note(visit, name, if_wrong(is_mode(reaching, "verify-full")),
                   "Connect by a name that the certificate has (hostaddr can say where that is).",
                   "the certificate was issued for %s, and not for %s", certificate->names, host);
}

static const char *day_of(int64_t time_us, struct arena *arena)
{
    return arena_copy(arena, clock_rfc3339(time_us, arena), strlen("2026-11-20"));
}

static void note_dates(const struct reaching *reaching, const struct probe_certificate *certificate)
{
    static const char name[] = "certificate_expiry";
    struct visit *visit = reaching->visit;
    int64_t now_us = clock_now_us(), days = (certificate->ends_us - now_us) / day_us;
    const char *ends = day_of(certificate->ends_us, visit->arena);
    if (certificate->ends_us < now_us)
        visit_note(visit, name, if_wrong(verifies(reaching)), "Have the server's certificate renewed.",
                   "the certificate expired on %s, %lld days ago", ends, (long long)-days);
    else if (certificate->begins_us > now_us)
        visit_note(visit, name, if_wrong(verifies(reaching)), "Compare the clocks of both machines.",
                   "the certificate is valid only from %s on", day_of(certificate->begins_us, visit->arena));
    else if (days < DAYS_TO_RENEW)
        visit_note(visit, name, MIGRATE_HEALTH_WARNING, "Have it renewed before that day.",
                   "the certificate expires on %s, in %lld days", ends, (long long)days);
    else
        visit_note(visit, name, MIGRATE_HEALTH_OK, NULL, "the certificate is valid until %s, %lld days from now", ends,
                   (long long)days);
}

static void look_at_certificate(struct reaching *reaching, const struct probe_address *address)
{
    struct visit *visit = reaching->visit;
    struct probe_certificate certificate;
    struct error refusal = {0};
    const struct probe_trust trust = {
        .host = reaching->server->host,
        .root_file = root_file(reaching),
        .cert_file = parameter(visit, "sslcert"),
        .key_file = parameter(visit, "sslkey"),
    };
    if (!probe_certificate(&reaching->probe, address->socket, &trust, &certificate, &refusal)) {
        if (refusal.code == MIGRATE_INTERRUPTED)
            reaching->stopped = refusal;
        visit_note_error(visit, "tls", if_wrong(wants_tls(reaching)), &refusal);
        return;
    }
    visit_note(visit, "tls", MIGRATE_HEALTH_OK, NULL, "%s with %s (sslmode=%s)", certificate.protocol,
               certificate.cipher, reaching->ssl_mode);
    note_trust(reaching, &certificate);
    note_host(reaching, &certificate);
    note_dates(reaching, &certificate);
}

static void look_at_tls(struct reaching *reaching, const struct probe_address *address, enum probe_answer answer)
{
    static const char name[] = "tls";
    struct visit *visit = reaching->visit;
    bool is_local_address = is_local(address->text);
    if (*address->text == '/')
        visit_note(visit, name, MIGRATE_HEALTH_SKIPPED, NULL, "a local socket needs none");
    else if (is_mode(reaching, "disable"))
        visit_note(visit, name, is_local_address ? MIGRATE_HEALTH_SKIPPED : MIGRATE_HEALTH_WARNING,
                   is_local_address ? NULL : "Set sslmode=verify-full.",
                   "sslmode=disable: passwords and data are readable on the way");
    else if (answer == PROBE_TLS)
        look_at_certificate(reaching, address);
    else if (wants_tls(reaching))
        visit_note(visit, name, MIGRATE_HEALTH_FAILED,
                   "Turn TLS on at the server (ssl = on), or choose a weaker sslmode.",
                   "sslmode=%s wants TLS, and the server takes none", reaching->ssl_mode);
    else
        visit_note(visit, name, is_local_address ? MIGRATE_HEALTH_SKIPPED : MIGRATE_HEALTH_WARNING,
                   is_local_address ? NULL : "Turn TLS on at the server (ssl = on), and set sslmode=verify-full.",
                   "the server takes none; sslmode=%s goes on without", reaching->ssl_mode);
}

/* ---- one server, and all of them */

static void reach_server(struct reaching *reaching)
{
    struct probe_addresses addresses = {0};
    enum probe_answer answer = PROBE_SILENCE;
    if (look_up_name(reaching, &addresses)) {
        const struct probe_address *first = connect_to_any(reaching, &addresses);
        if (first && greet(reaching, first, &answer)) {
            reaching->reached++;
            look_at_tls(reaching, first, answer);
        }
    }
    probe_close(&addresses);
}

/* One of several servers may be away: libpq goes on to the next. */
static void forgive(struct visit *visit, size_t from)
{
    for (size_t i = from; i < visit->found.count; i++) {
        struct migrate_examination *one = &visit->found.items[i];
        bool is_way =
            strcmp(one->name, "name") == 0 || strcmp(one->name, "tcp") == 0 || strcmp(one->name, "answer") == 0;
        if (is_way && one->health == MIGRATE_HEALTH_FAILED)
            one->health = MIGRATE_HEALTH_WARNING;
    }
}

static bool none_reached(const struct visit *visit, size_t from, struct error *err)
{
    const struct migrate_examination *last = &visit->found.items[visit->found.count - 1];
    for (size_t i = from; i < visit->found.count; i++)
        if (visit->found.items[i].health == MIGRATE_HEALTH_FAILED)
            last = &visit->found.items[i];
    error_set(err, MIGRATE_UNREACHABLE, "%s", last->message);
    return last->hint ? error_hint(err, "%s", last->hint) : false;
}

static size_t servers_of(struct visit *visit)
{
    const char *hosts = parameter(visit, "host"), *list = hosts ? hosts : parameter(visit, "hostaddr");
    size_t count = list ? 1 : 0;
    for (const char *at = list; at && *at; at++)
        count += *at == ',';
    return count;
}

static bool reach(struct visit *visit, struct error *err)
{
    const char *mode = parameter(visit, "sslmode");
    struct reaching reaching = {
        .visit = visit,
        .probe = {.timeout_ms = visit->timeout_ms, .interrupt = &visit->migrate->interrupt, .arena = visit->arena},
        .ssl_mode = mode ? mode : "prefer",
    };
    size_t count = parameter(visit, "service") ? 0 : servers_of(visit), from = visit->found.count;
    if (count == 0) {
        visit_note(visit, "name", MIGRATE_HEALTH_SKIPPED, NULL,
                   parameter(visit, "service") ? "the service file says where the server is"
                                               : "no host is named: libpq's own socket is used");
        return true;
    }
    for (size_t i = 0; i < count && !reaching.stopped.code; i++) {
        const struct server server = server_at(visit, i);
        reaching.server = &server;
        reach_server(&reaching);
    }
    if (reaching.stopped.code) {
        *err = reaching.stopped;
        return false;
    }
    if (reaching.reached == 0)
        return none_reached(visit, from, err);
    forgive(visit, from);
    return true;
}

/* ---- the login */

static void note_login(struct visit *visit, const struct rows *rows)
{
    enum { USER, DATABASE };
    struct database_about about;
    database_about(visit->database, visit->arena, &about);
    const char *where = about.host ? about.host : "the server";
    if (about.tls_protocol)
        visit_note(visit, "authentication", MIGRATE_HEALTH_OK, NULL, "%s lets %s into %s, over %s with %s", where,
                   rows_cell(rows, 0, USER), rows_cell(rows, 0, DATABASE), about.tls_protocol,
                   about.tls_cipher ? about.tls_cipher : "no cipher");
    else
        visit_note(visit, "authentication", MIGRATE_HEALTH_OK, NULL, "%s lets %s into %s, unencrypted", where,
                   rows_cell(rows, 0, USER), rows_cell(rows, 0, DATABASE));
}

bool doctor_connect(struct visit *visit, struct error *err)
{
    const struct question question = {.sql = "SELECT session_user, current_database()"};
    struct rows rows;
    if (!reach(visit, err)) {
        visit_note(visit, "authentication", MIGRATE_HEALTH_SKIPPED, NULL, "the server cannot be reached");
        return false;
    }
    bool ok = database_start(&visit->connection, visit->arena, &visit->database, err) &&
              database_ask(visit->database, &question, 1, visit->arena, &rows, err);
    if (ok)
        note_login(visit, &rows);
    else
        visit_note_error(visit, "authentication", MIGRATE_HEALTH_FAILED, err);
    return ok;
}
