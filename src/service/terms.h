/* Rule 9: the term of a group as every thread may read it: validity, token, uid and end as one snapshot, without a lock.
 *
 * Here: publishing and reading. Not here: who leads (src/election). One thread writes (the one that dispatches), any number
 * read, from signal handlers too. The reader that finds a term's end reached marks it ended, so that a later extension of it
 * fails: is_leading never turns true again within a term. */
#ifndef LEASEHOLD_SERVICE_TERMS_H
#define LEASEHOLD_SERVICE_TERMS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "election/record.h"
#include "election/time.h"

enum {
    TERMS_SLOTS = 4, /* a reader is disturbed only when this many ends were published during its read */
    TERMS_UID_WORDS = (LEASEHOLD_UID_MAX + 1) / 8,
};

struct term_slot {
    _Atomic uint64_t number, token;
    _Atomic int64_t boot_ns, raw_ns; /* term_at */
    _Atomic uint64_t uid[TERMS_UID_WORDS];
};

/* All zero: no term yet. */
struct terms {
    _Atomic uint64_t head; /* publications so far << 1 | ended; the newest is slot[publications % TERMS_SLOTS] */
    struct term_slot slot[TERMS_SLOTS];
};

struct term_snapshot {
    uint64_t number;
    uint64_t token;
    leasehold_time term_at; /* wall_ns is 0 */
    char uid[LEASEHOLD_UID_MAX + 1];
};

/* Where readers take the time from. Any thread, async-signal-safe. */
struct terms_clock {
    leasehold_time (*now)(void *data);
    void *data;
};

/* A term begins. The writer's thread only. */
void terms_begin(struct terms *t, const struct term_snapshot *term);

/* The end of the present term moves. Returns false, and changes nothing, when it has ended already: for a reader it was over.
 * The writer's thread only. */
bool terms_extend(struct terms *t, leasehold_time term_at);

/* The present term is over: work is asked to stop. Any thread. */
void terms_end(struct terms *t);

/* True while a term runs; then fills *ret (unless NULL). */
bool terms_read(struct terms *t, const struct terms_clock *clock, struct term_snapshot *ret);

#endif
