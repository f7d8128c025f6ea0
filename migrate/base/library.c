/* library.c: loading shared libraries when they are first needed. */
#include "base/library.h"

#include <dlfcn.h>
#include <pthread.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER; // the slots are filled once and then only read

static bool fill(void *library, const char *soname, const struct library_symbol *symbols, size_t count,
                 struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        *symbols[i].slot = dlsym(library, symbols[i].name);
        if (!*symbols[i].slot)
            return error_set(err, MIGRATE_FILE, "%s has no %s: it is too old", soname, symbols[i].name);
    }
    return true;
}

static bool load(const char *soname, const struct library_symbol *symbols, size_t count, struct error *err)
{
    if (count == 0 || *symbols[count - 1].slot)
        return true;
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return error_set(err, MIGRATE_FILE, "a library that is needed here cannot be loaded: %s", dlerror());
    return fill(library, soname, symbols, count, err);
}

bool library_load(const char *soname, const struct library_symbol *symbols, size_t count, struct error *err)
{
    pthread_mutex_lock(&loading);
    bool ok = load(soname, symbols, count, err);
    pthread_mutex_unlock(&loading);
    return ok;
}
