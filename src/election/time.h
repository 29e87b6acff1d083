/* One reading of this machine's clocks, and the comparisons the safety rules are made of (DESIGN §4, rule 4).
 *
 * Here: plain values. Not here: reading a clock (src/io/clock.c does, and the simulator). All arithmetic is on int64_t
 * nanoseconds and saturates, so that a hostile duration cannot wrap an end into the past. */
#ifndef LEASEHOLD_ELECTION_TIME_H
#define LEASEHOLD_ELECTION_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* boot_ns: CLOCK_BOOTTIME, goes on while the machine sleeps. raw_ns: CLOCK_MONOTONIC_RAW, never slewed.
 * wall_ns: CLOCK_REALTIME since 1970, only ever written into records. */
typedef struct leasehold_time {
    int64_t boot_ns;
    int64_t raw_ns;
    int64_t wall_ns;
} leasehold_time;

#define LEASEHOLD_NEVER INT64_MAX

static inline int64_t time_sum(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

/* `t` moved by `ns` on the two clocks that measure; LEASEHOLD_NEVER stays never. */
static inline leasehold_time time_after(leasehold_time t, int64_t ns)
{
    return (leasehold_time){ time_sum(t.boot_ns, ns), time_sum(t.raw_ns, ns), t.wall_ns };
}

/* A leader's end has come when *either* clock says so: it counts the larger elapsed time. */
static inline bool time_reached_by_any(leasehold_time now, leasehold_time end)
{
    return now.boot_ns >= end.boot_ns || now.raw_ns >= end.raw_ns;
}

/* A candidate's wait is over when *both* clocks say so: it counts the smaller elapsed time. */
static inline bool time_reached_by_all(leasehold_time now, leasehold_time end)
{
    return now.boot_ns >= end.boot_ns && now.raw_ns >= end.raw_ns;
}

/* The later end on each clock: an end that never moves earlier (DESIGN §3). */
static inline leasehold_time time_later(leasehold_time a, leasehold_time b)
{
    return (leasehold_time){ a.boot_ns > b.boot_ns ? a.boot_ns : b.boot_ns, a.raw_ns > b.raw_ns ? a.raw_ns : b.raw_ns, 0 };
}

/* The earlier end on each clock. */
static inline leasehold_time time_earlier(leasehold_time a, leasehold_time b)
{
    return (leasehold_time){ a.boot_ns < b.boot_ns ? a.boot_ns : b.boot_ns, a.raw_ns < b.raw_ns ? a.raw_ns : b.raw_ns, 0 };
}

#endif
