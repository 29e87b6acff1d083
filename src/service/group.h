/* One election in a service: the machine, its timer, its published term, and calls from other threads that wait for their turn.
 *
 * Here: stepping the machine and doing what it says. Not here: requests (lock.c). */
#ifndef LEASEHOLD_SERVICE_GROUP_H
#define LEASEHOLD_SERVICE_GROUP_H

#include <leasehold/leasehold.h>
#include <stdatomic.h>

#include "election/election.h"
#include "service/events.h"
#include "service/exchange.h"
#include "service/fence.h"
#include "service/guard.h"
#include "service/options.h"
#include "service/terms.h"
#include "service/timers.h"

struct balancer;
struct leader_pod;
struct notice;
struct lock;

struct leasehold_group {
    struct terms terms; /* read by any thread; all else but the references under the guard */
    struct terms_clock clock;
    struct guard *guard;
    _Atomic int references; /* the service's and all users' */
    _Atomic int user_references;
    _Atomic(void *) user;

    leasehold_service *service; /* NULL: closed and told of, abandoned, or the service is gone */
    struct lock *lock;          /* NULL: finished */
    leasehold_group *next_in_lock;
    bool part[EXCHANGE_PARTS];
    leasehold_group *next, *previous; /* in service->groups */
    struct election election;
    struct timer timer;
    struct group_events events;
    struct fence fence;                      /* armed from before a term is told until its work has ended */
    struct balancer *balancer;               /* NULL: stands as it likes */
    struct leader_pod *leader_pod;           /* NULL: nobody was looked up */
    struct notice *notice;                   /* NULL: nobody else is told */
    struct leasehold_statistics *statistics; /* NULL: not wanted */
    bool confirm_stop, extended_events, leader_address;
    bool kept; /* opened without a handle: nobody's last reference abandons it */

    /* Calls that wait, run in this order. */
    leasehold_group *next_posted;
    bool posted, begin, resign, close, abandon;
    int64_t hold_off_ns;
    uint64_t stopped_term; /* 0: none */

    uint64_t handover_token; /* of the newest request to hand over that was carried out; 0: none */

    const char *identity, *namespace_, *lock_kind, *lock_name; /* behind name, or static */
    char name[];
};

/* One event for the machine at a fresh reading of the clocks, with everything that follows from it. The group may have finished
 * when this returns; hold a reference. */
void group_step(leasehold_group *g, const struct election_event *event);

/* The election is over for this group: no request, timer or call any more. The events that wait can still be read. */
void group_finish(leasehold_group *g);

/* Takes a finished group, and what it still has to tell, out of its service. Any thread, under the guard. */
void group_forget(leasehold_group *g);

/* Makes the calls that were noted in *g run on the service's turn. Any thread, under the guard. */
void group_post(leasehold_group *g);
void group_run_posted(leasehold_group *g);

/* Drops a reference that is not a user's. Returns NULL. */
leasehold_group *group_release(leasehold_group *g);

#endif
