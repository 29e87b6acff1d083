/* Between the balance of groups and their elections, as values: what an election shows of its group, and what a plan asks of it.
 *
 * Here: two pure functions, the same in the service, in tests and in simulations. Not here: whose turn it is
 * (src/membership/balance.h), when to ask (balancer.h). */
#ifndef LEASEHOLD_SERVICE_TURN_H
#define LEASEHOLD_SERVICE_TURN_H

#include "election/election.h"
#include "membership/balance.h"

/* Fills what is `in` of *ret, but its name. The holder lives in *e. */
void turn_look(const struct election *e, leasehold_time now, struct balance_group *ret);

/* The event that carries out the action of a plan; *held: this group was told to hold back, and not yet to stand again. Returns
 * false when there is nothing to do. */
bool turn_event(const struct election *e, enum balance_action action, bool *held, struct election_event *ret);

#endif
