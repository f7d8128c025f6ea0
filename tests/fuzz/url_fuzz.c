/* url_fuzz.c: any text as the database's URL. A password that was read shows nowhere. */
#include "database/address.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static const struct connection_settings unset = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, -1, -1, -1, -1, -1};

/* Long enough not to stand elsewhere by chance, and not in the text twice. */
static void check_password(const char *url, const struct address *address)
{
    for (size_t i = 0; i < address->parameters.count; i++) {
        const char *value = address->parameters.items[i].value;
        if (strcmp(address->parameters.items[i].name, "password") != 0 || strlen(value) < 8)
            continue;
        const char *first = strstr(url, value);
        if (!(first && strstr(first + 1, value)) && strstr(address->display, value))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena = {0};
    struct address address;
    struct error err = {0};
    const char *url = arena_copy(&arena, (const char *)data, size_bytes);
    const struct address_parts whole = {.url = url}, parts = {.host = url};
    if (address_parse(&whole, &unset, &arena, &address, &err)) {
        if (!address.display || (address.kind == ADDRESS_SQLITE && !address.file))
            abort();
        if (address.kind == ADDRESS_POSTGRESQL)
            check_password(url, &address);
    } else if (err.code != MIGRATE_BAD_URL || !err.message[0]) {
        abort();
    }
    err = (struct error){0};
    if (!address_parse(&parts, &unset, &arena, &address, &err) && err.code != MIGRATE_BAD_URL)
        abort();
    if (!address_redact(url, &arena))
        abort();
    arena_free(&arena);
    return 0;
}
