/* A heap of points in time whose nodes live in their owners, so that many groups cost nothing between their deadlines.
 *
 * Here: when the next one is due, and whose. Not here: clocks. Room for a node is made when its owner begins, so that arming a
 * timer can never fail for want of memory. */
#ifndef LEASEHOLD_SERVICE_TIMERS_H
#define LEASEHOLD_SERVICE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "election/time.h"

struct timer;

typedef void timer_fn(struct timer *timer);

/* Embedded in its owner; all zero but fn: not armed. */
struct timer {
    timer_fn *fn;
    int64_t at_ns; /* CLOCK_BOOTTIME */
    size_t place;  /* in the heap, from 1; 0: not armed */
};

struct timers {
    struct timer **heap; /* heap[0] is the earliest */
    size_t count;
    size_t reserved; /* timers that may be armed at the same time */
    size_t capacity;
};

/* Makes room for `count` more timers. Returns 0 or LEASEHOLD_ERR_MEMORY. */
int timers_reserve(struct timers *t, size_t count);

/* Gives that room back; the timers are disarmed before. */
void timers_unreserve(struct timers *t, size_t count);

/* Arms or moves; LEASEHOLD_NEVER disarms. */
void timers_set(struct timers *t, struct timer *timer, int64_t at_ns);

/* When the earliest is due; LEASEHOLD_NEVER: none is armed. */
int64_t timers_next(const struct timers *t);

/* Disarms and returns the earliest timer that is due at `now_ns`, or NULL. */
struct timer *timers_due(struct timers *t, int64_t now_ns);

/* Frees the heap, not the timers. */
void timers_clear(struct timers *t);

#endif
