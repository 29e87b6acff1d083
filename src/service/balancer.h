/* Balancing the groups of a service among its members: the plan of src/membership/balance.h, carried out.
 *
 * Here: what is shown to the plan and when, and its wishes into events of the elections. Not here: who should lead what (balance.h),
 * what an election shows and takes (turn.h). One for each service that was opened with the option balance. */
#ifndef LEASEHOLD_SERVICE_BALANCER_H
#define LEASEHOLD_SERVICE_BALANCER_H

#include <leasehold/leasehold.h>

struct balancer;

/* Under the guard, before any group. The roster is opened if a selector says who the members are. Returns 0 and *ret, or an error
 * with a sentence in s->error. */
int balancer_new(leasehold_service *s, struct balancer **ret);
/* After all groups have left; NULL is fine. Returns NULL. */
struct balancer *balancer_free(struct balancer *b);

/* A candidate that has just begun; it holds back until its turn comes. On the service's turn. Without memory it stands as if there were
 * no balance. */
void balancer_join(struct balancer *b, leasehold_group *g);
void balancer_leave(struct balancer *b, leasehold_group *g);
/* The group is never to stand again. */
void balancer_retire(struct balancer *b, leasehold_group *g);

/* Something that the plan looks at may be otherwise now. */
void balancer_touch(struct balancer *b);

#endif
