/* Facts as lines a person reads. */
#ifndef LEASEHOLD_SIM_TRACE_H
#define LEASEHOLD_SIM_TRACE_H

#include "sim/fleet.h"
#include "sim/world.h"

/* Prints one fact to stdout; what is only bookkeeping is left out. */
void trace_fact(const struct world *w, const struct fact *f);
void trace_fleet(struct fleet *f, int group, const struct fact *fact); /* group -1: of the world */

#endif
