/* env_fuzz.c: any text as .env. Each setting has a name, a value and a line that the file has. */
#include "config/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena = {0};
    struct settings settings = {0};
    struct error err = {0};
    struct text text = {.at = (const char *)data, .length = size_bytes};
    unsigned lines = 1;
    for (size_t i = 0; i < size_bytes; i++)
        lines += data[i] == '\n';
    if (!env_parse(text, ".env", &arena, &settings, &err) &&
        (err.code != MIGRATE_CONFIGURATION || err.line < 1 || err.line > lines))
        abort();
    for (size_t i = 0; i < settings.count; i++)
        if (!settings.items[i].name[0] || !settings.items[i].value || settings.items[i].line < 1 ||
            settings.items[i].line > lines)
            abort();
    arena_free(&arena);
    return 0;
}
