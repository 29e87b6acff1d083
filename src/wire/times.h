/* Points in time and durations as text: RFC 3339 as Kubernetes, client-go and Python write it, and durations with a unit.
 *
 * Here: text to numbers and back, strict on garbage. Not here: clocks, zones of this machine, locale. */
#ifndef LEASEHOLD_WIRE_TIMES_H
#define LEASEHOLD_WIRE_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TIMES_MICRO_SIZE = 28,    /* "2026-11-23T03:14:35.000000Z" and its NUL */
    TIMES_DURATION_SIZE = 48, /* any duration as text and its NUL */
};

/* Years 0001 to 9999 in microseconds since 1970. */
#define TIMES_LEAST_US INT64_C(-62135596800000000)
#define TIMES_MOST_US INT64_C(253402300799999999)

/* Reads RFC 3339 with 0 to 9 digits of a fraction (beyond six they are cut) and the zones Z, z, ±hh:mm, ±hhmm and ±hh; a 'T',
 * 't' or ' ' between date and time; second 60 counts as the next second. Returns 0 and *ret_us (microseconds since 1970), or
 * LEASEHOLD_ERR_PROTOCOL; *ret_us is untouched then. */
int times_parse(const char *text, int64_t *ret_us);

/* The same; *ret_exact is false when *ret_us does not hold all that the text says (digits beyond the sixth, a second 60), so that
 * two different texts may give the same number. */
int times_parse_exact(const char *text, int64_t *ret_us, bool *ret_exact);

/* Writes a MicroTime: exactly six digits, UTC. `us` outside of the years 0001 to 9999 is moved to their ends. */
void times_format(int64_t us, char ret[TIMES_MICRO_SIZE]);

/* Reads a duration: numbers with the units h, m, s, ms, us, µs, ns, each smaller than the one before ("1m30s"), the last one
 * may have a fraction ("1.5s"). "0" needs no unit. A sign is refused. Returns 0 and *ret_ns, or LEASEHOLD_ERR_OPTION with a
 * sentence fragment in `why` (may be NULL) that fits behind "… is …": "no duration: write a unit, as in 15s". */
int times_duration_parse(const char *text, int64_t *ret_ns, const char **why);

/* Writes a duration (below 0: as 0) as people do, exactly: "1m30s", "13.2s", "500ms", "0s". Reads back as the same. */
void times_duration_format(int64_t ns, char ret[TIMES_DURATION_SIZE]);

#endif
