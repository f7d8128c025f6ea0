/* certificate.c: a handshake that refuses no certificate, so that all there is to say of it can be said.
 *
 * OpenSSL works on memory here, and we carry the bytes: it would raise SIGPIPE where the other side hangs up, which is
 * not a library's to do. */
#include "database/probe.h"

#include "base/clock.h"
#include "database/libssl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

struct handshake {
    const struct probe *probe;
    const struct probe_trust *trust;
    int socket;
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* what came and has not been read, what is to be sent; the SSL's */
    int distrust;  /* X509_V_*: the first thing wrong that is not a date */
};

static bool interrupted(struct error *err)
{
    return error_set(err, MIGRATE_INTERRUPTED, "interrupted");
}

/* OpenSSL's latest reason, and an empty queue: libpq works with the same one. */
static const char *reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return text ? text : "the connection was closed";
}

/* ---- trust */

static bool is_about_dates(int error)
{
    return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
}

/* Called for each thing that is found wrong; we note it and go on. */
static int note_wrong(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct handshake *handshake = SSL_get_ex_data(ssl, 0);
    int error = X509_STORE_CTX_get_error(store);
    bool is_leaf = X509_STORE_CTX_get_error_depth(store) == 0;
    if (!ok && handshake->distrust == X509_V_OK && !(is_leaf && is_about_dates(error)))
        handshake->distrust = error;
    return 1;
}

static bool load_roots(struct handshake *handshake, struct error *err)
{
    const char *file = handshake->trust->root_file;
    bool is_system = !file || strcmp(file, "system") == 0;
    if (is_system ? SSL_CTX_set_default_verify_paths(handshake->context)
                  : SSL_CTX_load_verify_locations(handshake->context, file, NULL))
        return true;
    return error_set(err, MIGRATE_FILE, "the root certificates in %s cannot be read: %s",
                     is_system ? "the system's store" : file, reason());
}

/* Our own certificate matters only to a server that wants one; what is wrong with it, connecting will tell. */
static void load_own(const struct handshake *handshake)
{
    const struct probe_trust *trust = handshake->trust;
    if (trust->cert_file && trust->key_file &&
        SSL_CTX_use_certificate_chain_file(handshake->context, trust->cert_file) == 1)
        SSL_CTX_use_PrivateKey_file(handshake->context, trust->key_file, SSL_FILETYPE_PEM);
    ERR_clear_error();
}

/* ---- the handshake */

static bool is_ip_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool prepare(struct handshake *handshake, struct error *err)
{
    handshake->context = SSL_CTX_new(TLS_client_method());
    if (!handshake->context)
        return error_set(err, MIGRATE_TLS, "OpenSSL cannot be used: %s", reason());
    if (!load_roots(handshake, err))
        return false;
    load_own(handshake);
    SSL_CTX_set_verify(handshake->context, SSL_VERIFY_PEER, note_wrong);
    handshake->ssl = SSL_new(handshake->context);
    handshake->in = BIO_new(BIO_s_mem());
    handshake->out = BIO_new(BIO_s_mem());
    if (!handshake->ssl || !handshake->in || !handshake->out)
        abort(); // no memory
    SSL_set_bio(handshake->ssl, handshake->in, handshake->out);
    SSL_set_ex_data(handshake->ssl, 0, handshake);
    SSL_set_connect_state(handshake->ssl);
    if (handshake->trust->host && !is_ip_address(handshake->trust->host))
        SSL_set_tlsext_host_name(handshake->ssl, handshake->trust->host);
    return true;
}

static bool send_pending(const struct handshake *handshake, double deadline_ms)
{
    char *bytes = NULL;
    long left = BIO_get_mem_data(handshake->out, &bytes);
    while (left > 0) {
        ssize_t sent = send(handshake->socket, bytes, (size_t)left, MSG_NOSIGNAL);
        if (sent < 0 && (errno != EAGAIN || !probe_wait(handshake->probe, handshake->socket, POLLOUT, deadline_ms)))
            return false;
        bytes += sent > 0 ? sent : 0;
        left -= sent > 0 ? sent : 0;
    }
    (void)BIO_reset(handshake->out);
    return true;
}

static bool receive(const struct handshake *handshake, double deadline_ms)
{
    char bytes[16384];
    if (!probe_wait(handshake->probe, handshake->socket, POLLIN, deadline_ms))
        return false;
    ssize_t got = recv(handshake->socket, bytes, sizeof bytes, 0);
    return got > 0 && BIO_write(handshake->in, bytes, (int)got) == (int)got;
}

static bool shake(struct handshake *handshake, struct error *err)
{
    double deadline_ms = clock_ms() + handshake->probe->timeout_ms;
    for (;;) {
        int status = SSL_connect(handshake->ssl);
        bool wants_more = status != 1 && SSL_get_error(handshake->ssl, status) == SSL_ERROR_WANT_READ;
        bool went_on = send_pending(handshake, deadline_ms) && (!wants_more || receive(handshake, deadline_ms));
        if (status == 1)
            return true;
        if (probe_is_interrupted(handshake->probe))
            return interrupted(err);
        if (!wants_more)
            return error_set(err, MIGRATE_TLS, "the TLS handshake failed: %s", reason());
        if (!went_on)
            return error_set(err, MIGRATE_TLS, "the TLS handshake was not finished: %s",
                             clock_ms() >= deadline_ms ? "no answer in time" : "the server closed the connection");
    }
}

/* ---- what the certificate says */

static const char *name_text(const X509_NAME *name, struct arena *arena)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    long length = BIO_get_mem_data(text, &bytes);
    const char *copy = length > 0 ? arena_copy(arena, bytes, (size_t)length) : "";
    BIO_free(text);
    return copy;
}

static void add_name(struct buffer *names, const char *bytes, size_t length)
{
    if (names->length)
        buffer_string(names, ", ");
    buffer_add(names, bytes, length);
}

static void add_alternative(struct buffer *names, const GENERAL_NAME *name)
{
    char address[INET6_ADDRSTRLEN];
    int type = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const unsigned char *bytes = type == GEN_DNS || type == GEN_IPADD ? ASN1_STRING_get0_data(value) : NULL;
    if (type == GEN_DNS)
        add_name(names, (const char *)bytes, (size_t)ASN1_STRING_length(value));
    else if (type == GEN_IPADD &&
             inet_ntop(ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6, bytes, address, sizeof address))
        add_name(names, address, strlen(address));
}

/* The alternative names; where there are none, libpq and OpenSSL look at the common name. */
static const char *names_text(X509 *certificate, struct arena *arena)
{
    struct buffer names = {.arena = arena};
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++)
        add_alternative(&names, sk_GENERAL_NAME_value(all, i));
    GENERAL_NAMES_free(all);
    char common[256];
    if (!names.length &&
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common, sizeof common) > 0)
        add_name(&names, common, strlen(common));
    return buffer_done(&names);
}

static int64_t time_us(const ASN1_TIME *time)
{
    struct tm parts = {0};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) * 1000000 : 0;
}

static bool is_for(X509 *certificate, const char *host)
{
    return is_ip_address(host) ? X509_check_ip_asc(certificate, host, 0) == 1
                               : X509_check_host(certificate, host, 0, 0, NULL) == 1;
}

static const char *root_of(const SSL *ssl, struct arena *arena)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    int count = chain ? sk_X509_num(chain) : 0;
    return count > 0 ? name_text(X509_get_subject_name(sk_X509_value(chain, count - 1)), arena) : NULL;
}

static void describe(const struct handshake *handshake, X509 *peer, struct probe_certificate *certificate)
{
    struct arena *arena = handshake->probe->arena;
    const char *host = handshake->trust->host;
    bool is_trusted = handshake->distrust == X509_V_OK;
    *certificate = (struct probe_certificate){
        .protocol = arena_string(arena, SSL_get_version(handshake->ssl)),
        .cipher = arena_string(arena, SSL_CIPHER_get_name(SSL_get_current_cipher(handshake->ssl))),
        .subject = name_text(X509_get_subject_name(peer), arena),
        .issuer = name_text(X509_get_issuer_name(peer), arena),
        .names = names_text(peer, arena),
        .root = is_trusted ? root_of(handshake->ssl, arena) : NULL,
        .distrust = is_trusted ? NULL : arena_string(arena, X509_verify_cert_error_string(handshake->distrust)),
        .is_for_host = host && is_for(peer, host),
        .begins_us = time_us(X509_get0_notBefore(peer)),
        .ends_us = time_us(X509_get0_notAfter(peer)),
    };
}

static bool look_at_peer(const struct handshake *handshake, struct probe_certificate *certificate, struct error *err)
{
    X509 *peer = SSL_get_peer_certificate(handshake->ssl);
    if (!peer)
        return error_set(err, MIGRATE_TLS, "the server shows no certificate");
    describe(handshake, peer, certificate);
    X509_free(peer);
    return true;
}

bool probe_certificate(const struct probe *probe, int socket, const struct probe_trust *trust,
                       struct probe_certificate *certificate, struct error *err)
{
    if (!libssl_load(err))
        return false;
    struct handshake handshake = {.probe = probe, .trust = trust, .socket = socket, .distrust = X509_V_OK};
    bool ok = prepare(&handshake, err) && shake(&handshake, err) && look_at_peer(&handshake, certificate, err);
    SSL_free(handshake.ssl);
    SSL_CTX_free(handshake.context);
    ERR_clear_error();
    return ok;
}
