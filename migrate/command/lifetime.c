/* lifetime.c: until when PostgreSQL's developers mend each major version: five years from its first release, to the
 * minor release that is due in November. */
#include "command/doctor.h"

#include "base/clock.h"

/* https://www.postgresql.org/support/versioning/, "Final Release". Amazon RDS ends standard support a little later. */
static const struct {
    int major;
    const char *last_day;
} versions[] = {
    {10, "2022-11-10"}, {11, "2023-11-09"}, {12, "2024-11-21"}, {13, "2025-11-13"}, {14, "2026-11-12"},
    {15, "2027-11-11"}, {16, "2028-11-09"}, {17, "2029-11-08"}, {18, "2030-11-14"},
};

bool lifetime_of_postgresql(int major, int64_t *ends_us, bool *is_older)
{
    *is_older = major < versions[0].major;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        if (versions[i].major == major)
            return clock_parse(text_of(versions[i].last_day), ends_us);
    return false;
}
