/* What a group's election has done so far, counted: see leasehold_group_statistics().
 *
 * Here: what counts as what, from one step of the machine. Not here: how figures are shown (src/probe). */
#ifndef LEASEHOLD_SERVICE_TALLY_H
#define LEASEHOLD_SERVICE_TALLY_H

#include <leasehold/leasehold.h>

#include "election/election.h"

/* The machine before a step: what the step's meaning depends on. */
struct tally_before {
    enum election_state state;
    leasehold_time term_at;
    bool wrote; /* a write was under way */
};

struct tally_before tally_look(const struct election *e);

/* One step of *e with `event` at `now`, that gave `update`. */
void tally_step(struct leasehold_statistics *s, const struct tally_before *before, const struct election *e, leasehold_time now,
                const struct election_event *event, const struct election_update *update);

#endif
