#include "io/clock.h"

#include <time.h>

#include "election/bug.h"

static int64_t clock_read(clockid_t id)
{
    struct timespec t;
    BUG_UNLESS(clock_gettime(id, &t) == 0); /* these three exist since Linux 2.6.39 */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

leasehold_time clock_now(void)
{
    return (leasehold_time){ clock_read(CLOCK_BOOTTIME), clock_read(CLOCK_MONOTONIC_RAW), clock_read(CLOCK_REALTIME) };
}

/* What is left on a clock, saturating: both ends may be hostile. */
static int64_t clock_left(int64_t now, int64_t end)
{
    int64_t left;
    if (__builtin_sub_overflow(end, now, &left))
        return end > 0 ? INT64_MAX : INT64_MIN;
    return left;
}

int64_t clock_wake_by_any(leasehold_time now, leasehold_time end)
{
    if (end.raw_ns == LEASEHOLD_NEVER)
        return end.boot_ns;
    int64_t by_raw = time_sum(now.boot_ns, clock_left(now.raw_ns, end.raw_ns));
    return by_raw < end.boot_ns ? by_raw : end.boot_ns;
}

int64_t clock_wake_by_all(leasehold_time now, leasehold_time end)
{
    if (end.raw_ns == LEASEHOLD_NEVER || end.boot_ns == LEASEHOLD_NEVER)
        return LEASEHOLD_NEVER;
    int64_t by_raw = time_sum(now.boot_ns, clock_left(now.raw_ns, end.raw_ns));
    return by_raw > end.boot_ns ? by_raw : end.boot_ns;
}
