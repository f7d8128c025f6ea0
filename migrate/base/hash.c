/* hash.c: fingerprints, with OpenSSL, which is there with libpq anyway.
 *
 * SHA-1 is called by its old name: by way of EVP, OpenSSL would first read its configuration and look for the
 * algorithm, which takes longer than to hash a hundred revisions. It names files here and protects nothing. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

enum { PIECE_BYTES = 1024 * 1024 };

/* Calls `take` with the content's pieces, each CR before an LF left out. */
static void each_piece(const struct file_map *map, void (*take)(void *, struct text), void *context)
{
    struct text rest = map->content;
    size_t passed_bytes = 0;
    while (rest.length) {
        size_t length = rest.length < PIECE_BYTES ? rest.length : PIECE_BYTES;
        const char *end = rest.at + rest.length, *stop = rest.at + length, *cr = memchr(rest.at, '\r', length);
        while (cr && (cr + 1 == end || cr[1] != '\n'))
            cr = memchr(cr + 1, '\r', (size_t)(stop - cr - 1));
        take(context, (struct text){.at = rest.at, .length = (size_t)((cr ? cr : stop) - rest.at)});
        const char *next = cr ? cr + 1 : stop;
        rest = (struct text){.at = next, .length = (size_t)(end - next)};
        file_map_pass(map, next, &passed_bytes);
    }
}

static void add_length(void *context, struct text piece)
{
    *(size_t *)context += piece.length;
}

static void add_digest(void *context, struct text piece)
{
    SHA1_Update(context, piece.at, piece.length);
}

static void hex_of(const unsigned char *bytes, size_t size_bytes, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size_bytes; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * size_bytes] = '\0';
}

void hash_file(const struct file_map *map, char oid[OID_LENGTH + 1])
{
    size_t length = 0;
    each_piece(map, add_length, &length);
    char header[32];
    int header_length = snprintf(header, sizeof header, "blob %zu", length) + 1; // its NUL belongs to it

    SHA_CTX context;
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1_Init(&context);
    SHA1_Update(&context, header, (size_t)header_length);
    each_piece(map, add_digest, &context);
    SHA1_Final(digest, &context);
    hex_of(digest, sizeof digest, oid);
}

void hash_blob(struct text content, char oid[OID_LENGTH + 1])
{
    hash_file(&(struct file_map){.content = content}, oid);
}

int64_t hash_key(struct text text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(text.at, text.length, digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    uint64_t key = 0;
    for (size_t i = 0; i < sizeof key; i++)
        key = key << 8 | digest[i];
    return (int64_t)key;
}

bool hash_random_hex(char *hex, size_t digits, struct error *err)
{
    unsigned char bytes[32];
    size_t size_bytes = (digits + 1) / 2;
    if (size_bytes > sizeof bytes || RAND_bytes(bytes, (int)size_bytes) != 1)
        return error_set(err, MIGRATE_DEFECT, "the system gave no random bytes");
    char all[2 * sizeof bytes + 1];
    hex_of(bytes, size_bytes, all);
    memcpy(hex, all, digits);
    hex[digits] = '\0';
    return true;
}
