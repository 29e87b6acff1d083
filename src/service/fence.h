/* The kernel's timer that ends this process when a term of a group has outlived its lease: SIGKILL at kill_at, also to a process that is
 * frozen, starved, or whose loop hangs. For programs that lead through the library; `leasehold run` has its own (src/supervisor).
 *
 * Here: the timer. Not here: when work has to be dead (src/election). */
#ifndef LEASEHOLD_SERVICE_FENCE_H
#define LEASEHOLD_SERVICE_FENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "service/options.h"

/* All zero: there is none. */
struct fence {
    bool guards; /* fence_begin() was asked for */
    bool kernel; /* with a timer; else time is moved by hand, and nothing is killed */
    timer_t timer;
};

/* Creates the timer, unarmed. Returns 0, LEASEHOLD_ERR_UNSUPPORTED or LEASEHOLD_ERR_SYSTEM and a sentence. */
int fence_begin(struct fence *f, bool kernel, char sentence[SETTING_SENTENCE_MAX]);

/* SIGKILL at this CLOCK_BOOTTIME and not before; LEASEHOLD_NEVER: not at all. Does nothing where there is none. */
void fence_set(const struct fence *f, int64_t boot_ns);

void fence_end(struct fence *f);

#endif
