/* The one watch of a lock: what changes is told as it happens.
 *
 * Here: opening, resuming, pauses, and events into hints for the election. Not here: framing (src/wire/watch.h). */
#ifndef LEASEHOLD_SERVICE_WATCH_H
#define LEASEHOLD_SERVICE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "service/timers.h"
#include "service/transport.h"
#include "wire/watch.h"

struct lock;

struct watch {
    struct transport_call *call; /* NULL: none is open or being opened */
    bool up;                     /* its headers have arrived */
    bool stood_before;
    bool anew; /* opened from the present state because its version was gone */
    bool began;
    uint64_t version;            /* last seen, to resume from; 0: from the present state */
    uint32_t failures;           /* in a row */
    uint64_t opened;             /* times; tells one stream from the next */
    int64_t opened_ns, heard_ns; /* CLOCK_BOOTTIME */
    struct timer timer;          /* open again, or while one is open: has it fallen silent? */
    struct watch_decoder decoder;
};

/* Opens the watch of a lock; from then on it is opened again whenever it ends. */
void watch_begin(struct lock *lock);

/* Closes it for good, without telling. */
void watch_end(struct lock *lock);

#endif
