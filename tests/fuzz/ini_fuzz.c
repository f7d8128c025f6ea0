/* ini_fuzz.c: any text as migrate.ini, read for the default section and for one that inherits. What the heir has begins
 * with what its parent has. */
#include "config/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    if (size_bytes && memchr(data, '\0', size_bytes))
        return 0; // refused before it comes here
    struct arena arena = {0};
    struct settings parent = {0}, heir = {0};
    struct error err = {0};
    struct text text = {.at = (const char *)data, .length = size_bytes};
    bool ok = ini_parse(text, "migrate.ini", "migrate", &arena, &parent, &err);
    if (!ok && (err.code != MIGRATE_CONFIGURATION || err.line == 0))
        abort();
    bool heir_ok = ini_parse(text, "migrate.ini", "migrate:staging", &arena, &heir, &err);
    if (heir_ok && (!ok || heir.count < parent.count))
        abort();
    for (size_t i = 0; heir_ok && i < parent.count; i++)
        if (strcmp(parent.items[i].name, heir.items[i].name) != 0 || !parent.items[i].name[0] ||
            strcmp(parent.items[i].value, heir.items[i].value) != 0)
            abort();
    ini_sections(text, &arena);
    arena_free(&arena);
    return 0;
}
