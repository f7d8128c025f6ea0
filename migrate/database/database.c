/* database.c: an address -> its driver, and the checked way through to it. The two functions that turn a name or a
 * value into SQL live here too, because both databases and the printer read them the same. */
#include "database/driver.h"

#include <assert.h>

static const struct driver *driver_of(const struct address *address)
{
    return address->kind == ADDRESS_SQLITE ? &sqlite_driver : &postgres_driver;
}

bool database_start(const struct connection *connection, struct arena *arena, struct database **database,
                    struct error *err)
{
    *database = NULL;
    return driver_of(connection->address)->start(connection, arena, database, err);
}

bool database_ready(struct database *database, struct error *err)
{
    return database->driver->ready(database, err);
}

void database_close(struct database *database)
{
    if (database)
        database->driver->close(database);
}

const char *database_dialect(const struct database *database)
{
    return database->driver->name;
}

bool database_is_file(const struct database *database)
{
    return database->driver->is_file;
}

bool database_ask(struct database *database, const struct question *questions, size_t count, struct arena *arena,
                  struct rows *answers, struct error *err)
{
    assert(count > 0);
    memset(answers, 0, count * sizeof *answers);
    return database_ready(database, err) && database->driver->ask(database, questions, count, arena, answers, err);
}

bool database_lock(struct database *database, const char *name, int64_t wait_ms, struct error *err)
{
    return database_ready(database, err) && database->driver->lock(database, name, wait_ms, err);
}

void database_unlock(struct database *database)
{
    if (database)
        database->driver->unlock(database);
}

bool database_reconnect(struct database *database, struct error *err)
{
    return database->driver->reconnect(database, err);
}

bool database_play(struct database *database, const struct batch *batch, struct played *played, struct error *err)
{
    *played = (struct played){.failed_position = SIZE_MAX};
    return database_ready(database, err) && database->driver->play(database, batch, played, err);
}

void database_about(const struct database *database, struct arena *arena, struct database_about *about)
{
    *about = (struct database_about){0};
    if (database->driver->about)
        database->driver->about(database, arena, about);
}

struct parameters database_environment(const struct database *database, struct arena *arena)
{
    return database->driver->environment ? database->driver->environment(database, arena) : (struct parameters){0};
}

bool database_copy(struct database *database, const char *path, struct error *err)
{
    if (!database->driver->copy)
        return error_set(err, MIGRATE_USAGE, "the database is no file that could be copied");
    return database_ready(database, err) && database->driver->copy(database, path, err);
}

static void add_quoted(struct buffer *buffer, struct text text, const char *doubled)
{
    for (size_t i = 0; i < text.length; i++) {
        buffer_character(buffer, text.at[i]);
        if (strchr(doubled, text.at[i]) && text.at[i] != '\0')
            buffer_character(buffer, text.at[i]);
    }
}

const char *identifier_quote(const char *name, struct arena *arena)
{
    struct buffer buffer = {.arena = arena};
    buffer_character(&buffer, '"');
    add_quoted(&buffer, text_of(name), "\"");
    buffer_character(&buffer, '"');
    return buffer_done(&buffer);
}

const char *literal_quote(struct text text, bool is_postgresql, struct arena *arena)
{
    struct buffer buffer = {.arena = arena};
    bool escapes = is_postgresql && text.length && memchr(text.at, '\\', text.length);
    buffer_string(&buffer, escapes ? "E'" : "'");
    add_quoted(&buffer, text, escapes ? "'\\" : "'");
    buffer_character(&buffer, '\'');
    return buffer_done(&buffer);
}
