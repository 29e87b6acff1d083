#include "wire/times.h"

#include <stdbool.h>
#include <string.h>

#include "leasehold/errors.h"

enum { US_PER_S = 1000000, MICRO_DIGITS = 6, NANO_DIGITS = 9 };

/* ---- points in time ---- */

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int64_t days_in(int64_t year, int64_t month)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : lengths[month - 1];
}

/* Exactly `digits` digits at *text, which moves behind them. */
static bool take_digits(const char **text, int digits, int64_t *ret)
{
    int64_t value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *text += digits;
    *ret = value;
    return true;
}

static bool take(const char **text, const char *any_of)
{
    if (**text == 0 || !strchr(any_of, **text))
        return false;
    (*text)++;
    return true;
}

static bool take_date(const char **text, int64_t *ret_days)
{
    int64_t year, month, day;
    if (!take_digits(text, 4, &year) || !take(text, "-") || !take_digits(text, 2, &month) || !take(text, "-") ||
        !take_digits(text, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    *ret_days = days_of(year, month, day);
    return true;
}

static bool take_clock(const char **text, int64_t *ret_seconds, bool *ret_leap)
{
    int64_t hour, minute, second;
    if (!take_digits(text, 2, &hour) || !take(text, ":") || !take_digits(text, 2, &minute) || !take(text, ":") ||
        !take_digits(text, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *ret_seconds = hour * 3600 + minute * 60 + second;
    *ret_leap = second == 60;
    return true;
}

static bool take_fraction(const char **text, int64_t *ret_us, bool *ret_exact)
{
    *ret_us = 0;
    *ret_exact = true;
    if (!take(text, "."))
        return true;
    int digits = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (++digits > NANO_DIGITS)
            return false;
        if (digits <= MICRO_DIGITS)
            *ret_us = *ret_us * 10 + (**text - '0');
        else if (**text != '0')
            *ret_exact = false;
    }
    for (int i = digits; i < MICRO_DIGITS; i++)
        *ret_us *= 10;
    return digits > 0;
}

static bool take_zone(const char **text, int64_t *ret_seconds)
{
    *ret_seconds = 0;
    if (take(text, "Zz"))
        return true;
    int64_t sign = **text == '-' ? -1 : 1;
    int64_t hours, minutes = 0;
    if (!take(text, "+-") || !take_digits(text, 2, &hours))
        return false;
    bool colon = take(text, ":");
    if ((colon || **text) && !take_digits(text, 2, &minutes))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

int times_parse_exact(const char *text, int64_t *ret_us, bool *ret_exact)
{
    int64_t days, seconds, fraction_us, zone;
    bool exact, leap;
    if (!take_date(&text, &days) || !take(&text, "Tt ") || !take_clock(&text, &seconds, &leap) ||
        !take_fraction(&text, &fraction_us, &exact) || !take_zone(&text, &zone) || *text)
        return LEASEHOLD_ERR_PROTOCOL;
    int64_t us = (days * 86400 + seconds - zone) * US_PER_S + fraction_us;
    if (us < TIMES_LEAST_US || us > TIMES_MOST_US)
        return LEASEHOLD_ERR_PROTOCOL;
    *ret_us = us;
    *ret_exact = exact && !leap;
    return 0;
}

int times_parse(const char *text, int64_t *ret_us)
{
    bool exact;
    return times_parse_exact(text, ret_us, &exact);
}

static char *put_digits(char *at, int digits, int64_t value)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

void times_format(int64_t us, char ret[TIMES_MICRO_SIZE])
{
    us = us < TIMES_LEAST_US ? TIMES_LEAST_US : us > TIMES_MOST_US ? TIMES_MOST_US : us;
    int64_t seconds = us / US_PER_S, fraction = us % US_PER_S;
    if (fraction < 0) {
        seconds--;
        fraction += US_PER_S;
    }
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        days--;
        rest += 86400;
    }
    int64_t year, month, day;
    date_of(days, &year, &month, &day);
    char *at = put_digits(ret, 4, year);
    *at++ = '-';
    at = put_digits(at, 2, month);
    *at++ = '-';
    at = put_digits(at, 2, day);
    *at++ = 'T';
    at = put_digits(at, 2, rest / 3600);
    *at++ = ':';
    at = put_digits(at, 2, rest / 60 % 60);
    *at++ = ':';
    at = put_digits(at, 2, rest % 60);
    *at++ = '.';
    at = put_digits(at, MICRO_DIGITS, fraction);
    *at++ = 'Z';
    *at = 0;
}

/* ---- durations ---- */

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {
    { "h", INT64_C(3600000000000) },
    { "ms", 1000000 },
    { "m", INT64_C(60000000000) },
    { "s", 1000000000 },
    { "us", 1000 },
    { "\xc2\xb5s", 1000 },
    { "\xce\xbcs", 1000 },
    { "ns", 1 },
};

static const struct unit *take_unit(const char **text)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t size = strlen(units[i].name);
        if (strncmp(*text, units[i].name, size) == 0) {
            *text += size;
            return &units[i];
        }
    }
    return NULL;
}

struct number {
    int64_t whole;
    int64_t fraction; /* in units of 1/scale */
    int64_t scale;
};

static bool take_number(const char **text, struct number *ret)
{
    *ret = (struct number){ .scale = 1 };
    const char *start = *text;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        if (__builtin_mul_overflow(ret->whole, 10, &ret->whole) || __builtin_add_overflow(ret->whole, **text - '0', &ret->whole))
            return false;
    if (*text == start)
        return false;
    if (!take(text, "."))
        return true;
    start = *text;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (*text - start >= NANO_DIGITS)
            continue; /* beyond a nanosecond of an hour nothing is measured here */
        ret->fraction = ret->fraction * 10 + (**text - '0');
        ret->scale *= 10;
    }
    return *text != start;
}

static int refuse(const char **why, const char *text)
{
    if (why)
        *why = text;
    return LEASEHOLD_ERR_OPTION;
}

int times_duration_parse(const char *text, int64_t *ret_ns, const char **why)
{
    static const char form[] = "no duration: write numbers with units, as in 15s, 500ms or 1m30s";
    int64_t total = 0, smallest = INT64_MAX;
    if (strcmp(text, "0") == 0) {
        *ret_ns = 0;
        return 0;
    }
    if (*text == 0)
        return refuse(why, form);
    while (*text) {
        struct number number;
        if (!take_number(&text, &number))
            return refuse(why, form);
        if (*text == 0)
            return refuse(why, "a bare number: write a unit, as in 15s or 500ms");
        const struct unit *unit = take_unit(&text);
        if (!unit || unit->ns >= smallest || (number.scale > 1 && *text))
            return refuse(why, form);
        smallest = unit->ns;
        int64_t whole;
        /* fraction < 10^9 and the largest unit is 3.6 * 10^12 ns: their product needs 128 bits. */
        int64_t part = (int64_t)((__int128)number.fraction * unit->ns / number.scale);
        if (__builtin_mul_overflow(number.whole, unit->ns, &whole) || __builtin_add_overflow(total, whole, &total) ||
            __builtin_add_overflow(total, part, &total))
            return refuse(why, "too long");
    }
    *ret_ns = total;
    return 0;
}

static char *put_number(char *at, int64_t value)
{
    char digits[20];
    int count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count)
        *at++ = digits[--count];
    return at;
}

/* Adds "N.FFFunit" without the zeros at the fraction's end. */
static char *put_last(char *at, int64_t ns, const struct unit *unit)
{
    at = put_number(at, ns / unit->ns);
    int64_t rest = ns % unit->ns;
    if (rest)
        *at++ = '.';
    for (int64_t place = unit->ns / 10; rest; place /= 10) {
        *at++ = (char)('0' + rest / place);
        rest %= place;
    }
    size_t size = strlen(unit->name);
    memcpy(at, unit->name, size);
    return at + size;
}

void times_duration_format(int64_t ns, char ret[TIMES_DURATION_SIZE])
{
    static const struct unit hour = { "h", INT64_C(3600000000000) }, minute = { "m", INT64_C(60000000000) };
    static const struct unit decimal[] = { { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 } };
    char *at = ret;
    ns = ns < 0 ? 0 : ns;
    bool any = false;
    if (ns >= hour.ns) {
        at = put_last(at, ns - ns % hour.ns, &hour);
        ns %= hour.ns;
        any = true;
    }
    if (ns >= minute.ns) {
        at = put_last(at, ns - ns % minute.ns, &minute);
        ns %= minute.ns;
        any = true;
    }
    size_t i = 0;
    while (ns > 0 && ns < decimal[i].ns)
        i++;
    if (ns > 0 || !any)
        at = put_last(at, ns, &decimal[i]);
    *at = 0;
}
