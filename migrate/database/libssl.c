/* libssl.c: libssl, loaded when a certificate is looked at (base/library.h says why). What the room uses of it, in
 * alphabetical order; a new call needs its line here, and the linker says so. */
#include "database/libssl.h"

#include "base/library.h"

#include <openssl/ssl.h>

/* OpenSSL 3 gave it a name that says who frees the certificate. */
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#define PEER_CERTIFICATE SSL_get1_peer_certificate
#else
#define PEER_CERTIFICATE SSL_get_peer_certificate
#endif
#define EXPANDED(CALL, type, name, parameters, arguments) CALL(type, name, parameters, arguments)

/* clang-format off */
#define CALLS(CALL, CALL_VOID) \
    CALL(const char *, SSL_CIPHER_get_name, (const SSL_CIPHER *c), (c)) \
    CALL_VOID(SSL_CTX_free, (SSL_CTX *ctx), (ctx)) \
    CALL(int, SSL_CTX_load_verify_locations, (SSL_CTX *ctx, const char *file, const char *path), (ctx, file, path)) \
    CALL(SSL_CTX *, SSL_CTX_new, (const SSL_METHOD *meth), (meth)) \
    CALL(int, SSL_CTX_set_default_verify_paths, (SSL_CTX *ctx), (ctx)) \
    CALL_VOID(SSL_CTX_set_verify, (SSL_CTX *ctx, int mode, SSL_verify_cb callback), (ctx, mode, callback)) \
    CALL(int, SSL_CTX_use_PrivateKey_file, (SSL_CTX *ctx, const char *file, int type), (ctx, file, type)) \
    CALL(int, SSL_CTX_use_certificate_chain_file, (SSL_CTX *ctx, const char *file), (ctx, file)) \
    CALL(int, SSL_connect, (SSL *ssl), (ssl)) \
    CALL(long, SSL_ctrl, (SSL *ssl, int cmd, long larg, void *parg), (ssl, cmd, larg, parg)) \
    CALL_VOID(SSL_free, (SSL *ssl), (ssl)) \
    CALL(STACK_OF(X509) *, SSL_get0_verified_chain, (const SSL *s), (s)) \
    EXPANDED(CALL, X509 *, PEER_CERTIFICATE, (const SSL *s), (s)) \
    CALL(const SSL_CIPHER *, SSL_get_current_cipher, (const SSL *s), (s)) \
    CALL(int, SSL_get_error, (const SSL *s, int ret_code), (s, ret_code)) \
    CALL(void *, SSL_get_ex_data, (const SSL *ssl, int idx), (ssl, idx)) \
    CALL(int, SSL_get_ex_data_X509_STORE_CTX_idx, (void), ()) \
    CALL(const char *, SSL_get_version, (const SSL *s), (s)) \
    CALL(SSL *, SSL_new, (SSL_CTX *ctx), (ctx)) \
    CALL_VOID(SSL_set_bio, (SSL *s, BIO *rbio, BIO *wbio), (s, rbio, wbio)) \
    CALL_VOID(SSL_set_connect_state, (SSL *s), (s)) \
    CALL(int, SSL_set_ex_data, (SSL *ssl, int idx, void *data), (ssl, idx, data)) \
    CALL(const SSL_METHOD *, TLS_client_method, (void), ())
/* clang-format on */

CALLS(LIBRARY_CALL, LIBRARY_CALL_VOID)

bool libssl_load(struct error *err)
{
    static const struct library_symbol symbols[] = {CALLS(LIBRARY_SYMBOL, LIBRARY_SYMBOL_VOID)};
    return library_load(LIBSSL_SONAME, symbols, sizeof symbols / sizeof symbols[0], err);
}
