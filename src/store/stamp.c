/* Wall clock microseconds to the two time forms of the Kubernetes API and back. No libc time functions: this room knows
 * no time zones and no clocks. */
#include "store/internal.h"

#include <stdio.h>
#include <string.h>

enum { SECOND_US = 1000000, DAY_S = 86400 };

static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    /* Years start in March, so that the leap day is the last one. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2 ? 1 : 0));
}

static void stamp(int64_t now_us, bool micro, char ret[STORE_STAMP_BYTES])
{
    static const int64_t last = 253402300799 * (int64_t)SECOND_US + SECOND_US - 1; /* 9999-12-31T23:59:59.999999Z */
    char text[80];
    int year = 0, month = 0, day = 0;

    int64_t us = now_us < 0 ? 0 : now_us > last ? last : now_us;
    int64_t seconds = us / SECOND_US;
    date_of_days(seconds / DAY_S, &year, &month, &day);
    int in_day = (int)(seconds % DAY_S);
    int size = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day, in_day / 3600, in_day / 60 % 60, in_day % 60);
    if (micro)
        size += snprintf(text + size, sizeof text - (size_t)size, ".%06d", (int)(us % SECOND_US));
    BUG_UNLESS(size + 1 < STORE_STAMP_BYTES);
    memcpy(ret, text, (size_t)size);
    memcpy(ret + size, "Z", 2);
}

void store_stamp_seconds(int64_t now_us, char ret[STORE_STAMP_BYTES])
{
    stamp(now_us, false, ret);
}

void store_stamp_micro(int64_t now_us, char ret[STORE_STAMP_BYTES])
{
    stamp(now_us, true, ret);
}

/* Exactly `count` digits as a number; moves *text on. Returns -1 when they are not there. */
static int digits(const char **text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    *text += count;
    return value;
}

static int separator(const char **text, char wanted)
{
    if (**text != wanted)
        return -1;
    (*text)++;
    return 0;
}

static int parse_date(const char **p, int64_t *ret_days)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day;

    if ((year = digits(p, 4)) < 0 || separator(p, '-') < 0 || (month = digits(p, 2)) < 0 || separator(p, '-') < 0 ||
        (day = digits(p, 2)) < 0)
        return -1;
    if (month < 1 || month > 12 || day < 1)
        return -1;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > lengths[month - 1] + (month == 2 && leap ? 1 : 0))
        return -1;
    *ret_days = days_of_date(year, month, day);
    return 0;
}

/* "Z", "+02:30", "-07:00": seconds east of UTC. */
static int parse_zone(const char **p, int64_t *ret_s)
{
    int hours, minutes;

    if (separator(p, 'Z') == 0) {
        *ret_s = 0;
        return 0;
    }
    int sign = **p == '+' ? 1 : **p == '-' ? -1 : 0;
    if (sign == 0)
        return -1;
    (*p)++;
    if ((hours = digits(p, 2)) < 0 || separator(p, ':') < 0 || (minutes = digits(p, 2)) < 0 || hours > 24 || minutes > 60)
        return -1;
    *ret_s = sign * (hours * INT64_C(3600) + minutes * INT64_C(60));
    return 0;
}

int store_stamp_parse(const char *text, int fraction_digits, int64_t *ret_us)
{
    const char *p = text;
    int64_t days = 0, zone_s = 0, fraction_us = 0;
    int hour, minute, second;

    if (parse_date(&p, &days) < 0 || separator(&p, 'T') < 0 || (hour = digits(&p, 2)) < 0 || separator(&p, ':') < 0 ||
        (minute = digits(&p, 2)) < 0 || separator(&p, ':') < 0 || (second = digits(&p, 2)) < 0)
        return -1;
    if (hour > 23 || minute > 59 || second > 59)
        return -1;
    if (*p == '.') {
        int64_t unit = 100000;
        int seen = 0;
        for (p++; *p >= '0' && *p <= '9'; p++, seen++, unit /= 10)
            fraction_us += unit * (*p - '0');
        if (seen == 0 || (fraction_digits > 0 && seen != fraction_digits))
            return -1;
    } else if (fraction_digits > 0) {
        return -1;
    }
    if (parse_zone(&p, &zone_s) < 0 || *p != '\0')
        return -1;
    *ret_us = ((days * DAY_S + hour * INT64_C(3600) + minute * INT64_C(60) + second) - zone_s) * SECOND_US + fraction_us;
    return 0;
}
