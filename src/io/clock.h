/* The one place that reads this machine's clocks.
 *
 * Here: a reading, and when to wake for an end that two clocks judge. Not here: what a reading means (src/election/time.h). */
#ifndef LEASEHOLD_IO_CLOCK_H
#define LEASEHOLD_IO_CLOCK_H

#include "election/time.h"

/* CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW and CLOCK_REALTIME, read one after the other, now. Never fails; any thread, and
 * async-signal-safe. */
leasehold_time clock_now(void);

/* The CLOCK_BOOTTIME at which to wake so that `end` is reached by any, or by all, of the clocks that measure, judged from
 * `now`. The clocks may drift apart until then: whoever wakes checks again and asks again. LEASEHOLD_NEVER for never. */
int64_t clock_wake_by_any(leasehold_time now, leasehold_time end);
int64_t clock_wake_by_all(leasehold_time now, leasehold_time end);

#endif
