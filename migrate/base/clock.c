/* clock.c: time of day and time passed. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

double clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int64_t clock_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const char *clock_rfc3339(int64_t time_us, struct arena *arena)
{
    int64_t micro = ((time_us % 1000000) + 1000000) % 1000000;
    time_t seconds = (time_t)((time_us - micro) / 1000000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    char date[32];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    return micro ? arena_printf(arena, "%s.%06dZ", date, (int)micro) : arena_printf(arena, "%sZ", date);
}

/* Takes exactly `digits` digits off the front. */
static bool take_number(struct text *text, size_t digits, int *number)
{
    if (text->length < digits)
        return false;
    *number = 0;
    for (size_t i = 0; i < digits; i++) {
        char digit = text->at[i];
        if (digit < '0' || digit > '9')
            return false;
        *number = *number * 10 + (digit - '0');
    }
    text->at += digits;
    text->length -= digits;
    return true;
}

static bool take_character(struct text *text, const char *any_of)
{
    if (text->length == 0 || !strchr(any_of, *text->at) || *text->at == '\0')
        return false;
    text->at++;
    text->length--;
    return true;
}

static bool take_fraction(struct text *text, int64_t *micro)
{
    int64_t unit = 100000;
    size_t digits = 0;
    while (text->length && *text->at >= '0' && *text->at <= '9') {
        *micro += unit * (*text->at - '0');
        unit /= 10;
        digits++;
        text->at++;
        text->length--;
    }
    return digits > 0;
}

static bool take_offset(struct text *text, int64_t *seconds)
{
    *text = text_trim(*text);
    if (text->length == 0 || take_character(text, "Zz"))
        return text->length == 0;
    int sign = *text->at == '-' ? -1 : 1;
    int hours = 0, minutes = 0;
    if (!take_character(text, "+-") || !take_number(text, 2, &hours))
        return false;
    take_character(text, ":");
    if (text->length && !take_number(text, 2, &minutes))
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return text->length == 0 && hours < 24 && minutes < 60;
}

static bool take_time(struct text *text, struct tm *parts, int64_t *micro)
{
    if (!take_number(text, 2, &parts->tm_hour) || !take_character(text, ":") || !take_number(text, 2, &parts->tm_min))
        return false;
    if (take_character(text, ":") && !take_number(text, 2, &parts->tm_sec))
        return false;
    return !take_character(text, ".,") || take_fraction(text, micro);
}

/* timegm() makes the 31st of a shorter month the 1st of the next. */
static bool is_date(const struct tm *parts)
{
    struct tm date = {.tm_year = parts->tm_year, .tm_mon = parts->tm_mon, .tm_mday = parts->tm_mday};
    timegm(&date);
    return date.tm_mday == parts->tm_mday;
}

bool clock_parse(struct text text, int64_t *time_us)
{
    struct tm parts = {0};
    int64_t micro = 0, offset = 0;
    text = text_trim(text);
    if (!take_number(&text, 4, &parts.tm_year) || !take_character(&text, "-") ||
        !take_number(&text, 2, &parts.tm_mon) || !take_character(&text, "-") || !take_number(&text, 2, &parts.tm_mday))
        return false;
    if (text.length &&
        (!take_character(&text, "Tt ") || !take_time(&text, &parts, &micro) || !take_offset(&text, &offset)))
        return false;
    if (parts.tm_mon < 1 || parts.tm_mon > 12 || parts.tm_mday < 1 || parts.tm_mday > 31 || parts.tm_hour > 23 ||
        parts.tm_min > 59 || parts.tm_sec > 60)
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    if (!is_date(&parts))
        return false;
    *time_us = ((int64_t)timegm(&parts) - offset) * 1000000 + micro;
    return true;
}

void clock_sleep_ms(double milliseconds)
{
    struct timespec pause = {.tv_sec = (time_t)(milliseconds / 1e3)};
    pause.tv_nsec = (long)((milliseconds - (double)pause.tv_sec * 1e3) * 1e6);
    nanosleep(&pause, NULL); // a signal may cut it short, which is what we want
}
