/* CLOCK_BOOTTIME, the keeper's only clock, and the two timers that are set by it. */
#ifndef LEASEHOLD_SUPERVISOR_CLOCK_H
#define LEASEHOLD_SUPERVISOR_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND_NS INT64_C(1000000000)

static inline int64_t clock_boot_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * CLOCK_SECOND_NS + now.tv_nsec;
}

/* An absolute time; one that is not positive is as good as the first nanosecond: over. */
static inline struct timespec clock_timespec(int64_t boot_ns)
{
    if (boot_ns <= 0)
        boot_ns = 1;
    return (struct timespec){ .tv_sec = (time_t)(boot_ns / CLOCK_SECOND_NS), .tv_nsec = (long)(boot_ns % CLOCK_SECOND_NS) };
}

/* The backstop: the kernel sends SIGKILL to this process at an absolute time, also while it is stopped. */
int backstop_create(timer_t *timer);              /* 0, or -1 with errno */
int backstop_arm(timer_t timer, int64_t boot_ns); /* 0, or -1 with errno */
int backstop_disarm(timer_t timer);               /* 0, or -1 with errno */

/* A descriptor that becomes readable at an absolute time; INT64_MAX: never. */
int alarm_create(void);                 /* the descriptor, close-on-exec, non-blocking; or -1 with errno */
int alarm_set(int fd, int64_t boot_ns); /* 0, or -1 with errno */

#endif
