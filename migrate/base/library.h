/* library.h: shared libraries that are loaded when they are first needed.
 *
 * libpq and libgit2 bring some thirty libraries with them (Kerberos, LDAP, SSH ...); loading these takes three times as
 * long as all else that a short run does. So a run on SQLite does not load libpq, and only what asks git loads libgit2.
 * A file beside the code that uses such a library (database/libpq.c, git/libgit2.c) defines the functions it uses, each
 * of which passes the call on; the code itself includes the library's own header and calls as always. */
#ifndef MIGRATE_BASE_LIBRARY_H
#define MIGRATE_BASE_LIBRARY_H

#include "base/error.h"

/* A function of the library, by name, in a slot of its own. */
struct library_symbol {
    const char *name;
    void **slot;
};

/* Loads the library for good and fills the slots; whoever comes first does, and any thread may. MIGRATE_FILE with the
 * loader's reason if it is not installed, or too old to have one of the functions. */
MUST_CHECK bool library_load(const char *soname, const struct library_symbol *symbols, size_t count, struct error *err);

/* LIBRARY_CALL(int, PQstatus, (const PGconn *link), (link)) defines PQstatus, which passes the call on to the slot
 * PQstatus_slot. */
#define LIBRARY_CALL(type, name, parameters, arguments)                                                                \
    static type(*name##_slot) parameters;                                                                              \
    type name parameters                                                                                               \
    {                                                                                                                  \
        return name##_slot arguments;                                                                                  \
    }
#define LIBRARY_CALL_VOID(name, parameters, arguments)                                                                 \
    static void(*name##_slot) parameters;                                                                              \
    void name parameters                                                                                               \
    {                                                                                                                  \
        name##_slot arguments;                                                                                         \
    }
#define LIBRARY_SYMBOL(type, name, parameters, arguments) {#name, (void **)&name##_slot},
#define LIBRARY_SYMBOL_VOID(name, parameters, arguments) {#name, (void **)&name##_slot},

#endif
