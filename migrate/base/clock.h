/* clock.h: time of day and time passed. */
#ifndef MIGRATE_BASE_CLOCK_H
#define MIGRATE_BASE_CLOCK_H

#include "base/text.h"

/* Milliseconds since some fixed point; never goes back. */
double clock_ms(void);
/* Microseconds since 1970, UTC. */
int64_t clock_now_us(void);
/* "2026-11-20T12:00:00Z", or with .123456 where there is a fraction. */
const char *clock_rfc3339(int64_t time_us, struct arena *arena);
/* RFC 3339, or "YYYY-MM-DD HH:MM[:SS[.ffffff]]" with or without an offset (none: UTC), or a date alone. */
bool clock_parse(struct text text, int64_t *time_us);
void clock_sleep_ms(double milliseconds);

#endif
