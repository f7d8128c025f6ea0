/* address.h: a URL, or its parts, -> where a database is and how to reach it. */
#ifndef MIGRATE_DATABASE_ADDRESS_H
#define MIGRATE_DATABASE_ADDRESS_H

#include "base/text.h"

struct parameter {
    const char *name;
    const char *value;
};

struct parameters {
    struct parameter *items;
    size_t count;
    size_t capacity;
};

/* A database, as settings name it: a URL, or parts. NULL where unset. */
struct address_parts {
    const char *url;
    const char *host, *port, *name, *user, *password;
};

/* What is set beside the address; a URL's own parameter wins over it. NULL and SETTING_UNSET mean unset: then libpq's
 * own PG* variable or service file decides, and then the default. */
struct connection_settings {
    const char *ssl_mode, *ssl_root_cert, *ssl_cert, *ssl_key;
    const char *application_name; /* default "migrate" */
    const char *role;             /* SET ROLE */
    const char *search_path;
    int64_t connect_timeout_s;    /* default 10 */
    int64_t read_timeout_s;       /* tcp_user_timeout and keepalives */
    int64_t statement_timeout_ms; /* default 0: none */
    int64_t idle_timeout_ms;      /* idle_in_transaction_session_timeout */
    int64_t lock_timeout_ms;      /* default 5000 */
};

enum address_kind { ADDRESS_POSTGRESQL, ADDRESS_SQLITE };

struct address {
    enum address_kind kind;
    /* PostgreSQL: libpq's keywords and values, for PQconnectStartParams() with expand_dbname 0 (a database's name is no
     * connection string): host, port, user, password, dbname, sslmode, connect_timeout ... What PG* variables say is
     * left to libpq. The password is here and nowhere else. */
    struct parameters parameters;
    struct parameters found; /* what libpq finds by itself in PG* variables and the service file, passwords left out */
    /* SQLite: the file, ":memory:" for none; and how it was asked to be opened. */
    const char *file;
    bool read_only;            /* mode=ro */
    bool must_exist;           /* mode=rw, and mode=ro */
    const char *display;       /* the URL without its password: what messages and JSON show */
    const char *database_name; /* PostgreSQL: as far as known here; "" otherwise */
    const char *warning;       /* NULL, or what a user should hear: a weak sslmode for a host on RDS */
};

/* postgresql://, postgres://, postgresql+driver:// (psycopg, psycopg2, asyncpg, pg8000), several hosts
 * (then target_session_attrs=read-write by default); sqlite:///relative.db, sqlite:////absolute.db,
 * ?mode=ro|rw|rwc|memory, sqlite:// (memory), a path that ends in .db, .sqlite, .sqlite3. No URL and no host: libpq's
 * own PG* variables and service file. Unlike libpq, and like SQLAlchemy, a password may hold / ? # and @ as they are,
 * unless that could be read in two ways; ssl= is asyncpg's sslmode; host= may be given several times. A host under
 * .rds.amazonaws.com (.com.cn) without sslmode gets require. Settings fill what the URL leaves open. MIGRATE_BAD_URL;
 * the message never holds the URL's password. */
MUST_CHECK bool address_parse(const struct address_parts *parts, const struct connection_settings *settings,
                              struct arena *arena, struct address *address, struct error *err);
/* What a connection will use: the address's own parameter, or what libpq finds by itself; NULL: libpq's default. What a
 * service that the URL names says is not seen. */
const char *address_parameter(const struct address *address, const char *name);
/* The URL with any password (in the authority or as a parameter) replaced by nothing; for text that is no URL,
 * "(unreadable URL)". */
const char *address_redact(const char *url, struct arena *arena);

#endif
