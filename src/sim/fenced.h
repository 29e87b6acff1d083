/* A store that the work of a group writes to, and that checks the fencing token of each write: it keeps the greatest it has seen
 * and refuses less (docs/safety.md, "The token").
 *
 * Here: that one rule, and when a worker writes. Not here: who should have been refused (check_fenced.c). */
#ifndef LEASEHOLD_SIM_FENCED_H
#define LEASEHOLD_SIM_FENCED_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/prng.h"

struct fenced {
    uint64_t newest;
    struct prng random; /* of its own: the rest of a run is the same with it and without */
};

void fenced_begin(struct fenced *s, uint64_t seed, int group);
/* Whether a write with this token is taken. */
bool fenced_take(struct fenced *s, uint64_t token);
/* After so long a worker writes again. */
int64_t fenced_pause(struct fenced *s);
/* So long a write is on its way; freezes: its machine may be paused in the middle of it, for longer than any lease. */
int64_t fenced_delay(struct fenced *s, bool freezes);

#endif
