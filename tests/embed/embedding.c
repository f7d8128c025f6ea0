/* embedding.c: a program that brings its own database up to date when it starts, through libmigrate.
 *
 *     embedding URL MIGRATIONS_FOLDER
 *
 * It is built against the installed library, once through pkg-config and once through CMake, by embedding_test.py; it
 * is also the example to copy from. */
#include <migrate.h>
#include <stdio.h>

static void print_progress(void *context, const struct migrate_event *event)
{
    (void)context;
    if (event->kind == MIGRATE_EVENT_STEP_DONE)
        printf("done %s\n", event->revision);
}

static void print_outcome(const struct migrate_outcome *outcome)
{
    for (size_t i = 0; i < outcome->step_count; i++)
        printf("step %s: %zu statements\n", outcome->steps[i].revision, outcome->steps[i].statements);
    for (size_t i = 0; i < outcome->to_count; i++)
        printf("at %s on %s\n", outcome->to[i], outcome->dialect);
}

static enum migrate_code print_history(struct migrate *migrate)
{
    const struct migrate_listing *listing = NULL;
    enum migrate_code code = migrate_history(migrate, &(struct migrate_history_options){.range = NULL}, &listing);
    if (code != MIGRATE_OK)
        return code;
    for (size_t i = 0; i < listing->revision_count; i++)
        printf("history %s: %s\n", listing->revisions[i].revision, listing->revisions[i].message);
    return MIGRATE_OK;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s URL MIGRATIONS_FOLDER\n", argv[0]);
        return 2;
    }
    struct migrate_options options = {
        .url = argv[1], .directory = argv[2], .no_env_file = true, .observe = print_progress};
    struct migrate *migrate = NULL;
    const struct migrate_outcome *outcome = NULL;

    enum migrate_code code = migrate_open(&options, &migrate);
    if (code == MIGRATE_OK)
        code = migrate_upgrade(migrate, &(struct migrate_change_options){.target = "head"}, &outcome);
    if (outcome != NULL)
        print_outcome(outcome); // also when it failed: it says what did apply
    if (code == MIGRATE_OK)
        code = print_history(migrate);
    if (code != MIGRATE_OK) {
        const struct migrate_error *error = migrate_error(migrate);
        fprintf(stderr, "%s: %s\n%s\n%s\n", migrate_code_name(code), error->message, error->hint, error->outcome);
    }
    migrate_close(migrate);
    return migrate_code_exit(code);
}
