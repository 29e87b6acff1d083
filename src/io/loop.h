/* An event loop in one descriptor: descriptors to watch, timers on CLOCK_BOOTTIME, and a wake-up from other threads.
 *
 * Here: epoll, one timerfd, one eventfd, and who is called for what. Not here: what the events mean. The loop has no thread
 * and never blocks in loop_dispatch(): whoever owns it polls loop_fd() in a loop of his own, or calls loop_wait().
 *
 * Order of one dispatch: read the clocks once, run the timers that are due (deadlines are expired before an event is
 * considered, DESIGN §4 rule 7), run the descriptors that are ready, run the timers that became due at that same reading.
 * All functions but loop_wake() belong to the thread that dispatches, and may be called from within callbacks. */
#ifndef LEASEHOLD_IO_LOOP_H
#define LEASEHOLD_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "election/time.h"
#include "io/heap.h"

enum {
    LOOP_EVENTS_A_TURN = 64,   /* ready descriptors handled by one dispatch; the rest keeps loop_fd() readable */
    LOOP_TIMERS_A_TURN = 4096, /* due timers run by one dispatch; the rest keeps loop_fd() readable */
};

struct loop;
struct loop_watch;

/* `now` is the clock reading of the dispatch that calls. Whatever must not be older than an event reads clock_now() itself. */
typedef void loop_timer_fn(void *user, leasehold_time now);
typedef void loop_watch_fn(void *user, uint32_t events, leasehold_time now); /* events: EPOLLIN, … */
typedef void loop_wake_fn(void *user, leasehold_time now);

/* A timer is embedded in its owner. Fields are the loop's; set it up with loop_timer_init(), disarm it before it goes. */
struct loop_timer {
    struct heap_node node;
    loop_timer_fn *fn;
    void *user;
};

/* Returns 0 and *ret_loop, or LEASEHOLD_ERR_MEMORY, or LEASEHOLD_ERR_SYSTEM with errno. */
int loop_new(struct loop **ret_loop);

/* Closes the loop's descriptors. No watch may be left and no timer armed (BUG otherwise), except in a forked child, where
 * closing is all it does. Takes NULL, returns NULL. */
struct loop *loop_free(struct loop *loop);

/* The descriptor to poll for POLLIN; constant for the loop's life. */
int loop_fd(const struct loop *loop);

/* Does what is due now, without blocking. Not from within a callback (BUG). Returns 0, or LEASEHOLD_ERR_SYSTEM with errno. */
int loop_dispatch(struct loop *loop);

/* Blocks until loop_dispatch() has something to do, or timeout_ns is over (LEASEHOLD_NEVER: no end), or a signal handler ran.
 * Returns 1, 0 (nothing yet), or LEASEHOLD_ERR_SYSTEM with errno. */
int loop_wait(struct loop *loop, int64_t timeout_ns);

/* Not armed yet. `user` is handed to `fn`. */
void loop_timer_init(struct loop_timer *timer, loop_timer_fn *fn, void *user);

/* Arms for the absolute CLOCK_BOOTTIME `boot_ns`, or moves it there; LEASEHOLD_NEVER disarms. Runs once. A time that has passed
 * (0) runs before the dispatch at hand returns, or in the next one. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t boot_ns);

/* What loop_timer_set() was given last, LEASEHOLD_NEVER when it ran or was disarmed. */
int64_t loop_timer_at(const struct loop_timer *timer);

/* Calls fn while `fd` has one of `events` (EPOLLIN, EPOLLOUT; EPOLLERR and EPOLLHUP always). The descriptor stays the
 * caller's, who removes the watch before closing it. Returns 0 and *ret_watch, or LEASEHOLD_ERR_MEMORY, or
 * LEASEHOLD_ERR_SYSTEM with errno. */
int loop_watch_new(struct loop *loop, int fd, uint32_t events, loop_watch_fn *fn, void *user, struct loop_watch **ret_watch);

/* Returns 0, or LEASEHOLD_ERR_SYSTEM with errno. */
int loop_watch_modify(struct loop *loop, struct loop_watch *watch, uint32_t events);

/* No call to its function follows. Takes NULL, returns NULL. */
struct loop_watch *loop_watch_free(struct loop *loop, struct loop_watch *watch);

/* What loop_wake() calls, on the dispatching thread, once for any number of wake-ups in between. NULL: nothing. */
void loop_on_wake(struct loop *loop, loop_wake_fn *fn, void *user);

/* Makes loop_fd() readable. Any thread, async-signal-safe; the loop must still live. */
void loop_wake(struct loop *loop);

#endif
