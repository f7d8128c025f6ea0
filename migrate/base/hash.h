/* hash.h: fingerprints of files. */
#ifndef MIGRATE_BASE_HASH_H
#define MIGRATE_BASE_HASH_H

#include "base/file.h"

enum { OID_LENGTH = 40 };

/* The id git gives a blob of this text with line endings normalised to LF, in lower-case hex: SHA-1 over
 * "blob SIZE\0" and the content. So CRLF checkouts are the same file, and `git cat-file` finds what ran. */
void hash_blob(struct text content, char oid[OID_LENGTH + 1]);
/* The same of an open file, which need not fit into memory. */
void hash_file(const struct file_map *map, char oid[OID_LENGTH + 1]);

/* 64 bits that are the same for the same text everywhere: the first 8 bytes of its SHA-256, big-endian. */
int64_t hash_key(struct text text);
/* Random lower-case hex from the system's generator. */
MUST_CHECK bool hash_random_hex(char *hex, size_t digits, struct error *err);

#endif
