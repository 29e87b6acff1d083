/* The members that a service follows: listed, then watched from the version of the list.
 *
 * Here: requests for Pods, and answers into membership; one roster for each namespace, selector and rule. Not here: which Pod counts
 * (src/membership), JSON (src/wire/pod.h), the public functions (roster.c). */
#ifndef LEASEHOLD_SERVICE_MEMBERS_H
#define LEASEHOLD_SERVICE_MEMBERS_H

#include <leasehold/leasehold.h>
#include <stdatomic.h>

#include "membership/membership.h"
#include "service/events.h"
#include "service/guard.h"
#include "service/timers.h"
#include "service/transport.h"
#include "wire/watch.h"

enum { ROSTER_WARNED = 4 };

struct leasehold_roster {
    struct guard *guard;    /* what is not atomic is under it */
    _Atomic int references; /* the service's, the event's, and all users' */
    _Atomic int user_references;

    leasehold_service *service; /* NULL: the service is gone, or nobody uses this any more */
    leasehold_roster *next;     /* in service->rosters */
    bool begin, abandon;        /* wait for the service's turn */
    bool ended;                 /* nothing is asked any more */
    bool followed;              /* by the service's balancer, which is told of changes; users need not know */

    struct membership membership;
    struct member_set *told; /* by the newest event that was read; NULL: none was */
    struct event_node changed;

    struct transport_call *call; /* a page of a list, or the watch; NULL: none */
    bool watches;                /* the call is a watch */
    bool up;                     /* its headers have arrived */
    bool wants_list;             /* the next request is a list: what was known is no beginning for a watch */
    bool listing;                /* pages have come, more are to */
    char *next_page;             /* the token for it; NULL: the first one */
    uint32_t failures;           /* in a row */
    uint64_t opened;             /* requests; tells one stream from the next */
    int64_t opened_ns, heard_ns; /* of the watch, CLOCK_BOOTTIME */
    int64_t refresh_ns;          /* interval; LEASEHOLD_NEVER: no refresh */
    int64_t refresh_at_ns;       /* CLOCK_BOOTTIME */
    struct timer timer;          /* paused: go on; watching: has it fallen silent, is it time for a list? */
    struct watch_decoder decoder;
    struct roster_warned {
        uint64_t digest;
        int64_t at_ns;
    } warned[ROSTER_WARNED]; /* warnings of the last minute */

    enum membership_rule rule;
    const char *selector; /* behind namespace_ */
    char namespace_[];
};

/* ---- members.c: on the service's turn ---- */

/* Lists, then watches, until members_end(). */
void members_begin(leasehold_roster *r);
/* Abandons what is under way; the set stays as it is known. */
void members_end(leasehold_roster *r);

/* ---- roster.c: for service.c ---- */

/* Begins and ends what was asked for from other threads. */
void rosters_run_posted(leasehold_service *s);
/* The service closes: nothing is asked any more. */
void rosters_end(leasehold_service *s);
/* The service goes: its rosters are dead handles. */
void rosters_forget(leasehold_service *s);

/* The roster of the service's own options, for its balancer: kept until roster_unfollow(). Under the guard. Returns 0 and *ret, or an
 * error. */
int roster_follow(leasehold_service *s, leasehold_roster **ret);
void roster_unfollow(leasehold_roster *r);

/* Completes an event of kind MEMBERS_CHANGED as it is read. False: it came to nothing meanwhile, and need not be told. */
bool rosters_show(struct leasehold_event *e);
/* Lets go what an event holds. */
void rosters_release(struct leasehold_event *e);

#endif
