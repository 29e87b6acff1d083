/* Which Pods are members, from what a server lists and its watch tells.
 *
 * Here: Pods in, the set of members out. Not here: requests, when to list anew (src/service/members.c), JSON (src/wire/pod.h).
 *
 * Watches repeat and go back; a list and what came before it may be of two histories. So: a list replaces everything; an event
 * counts when it is newer than all that was taken in (resourceVersions of one kind grow, across delete and re-create, too), or
 * newer than what is known of the same Pod. What was deleted does not come back with a repeat. */
#ifndef LEASEHOLD_MEMBERSHIP_MEMBERSHIP_H
#define LEASEHOLD_MEMBERSHIP_MEMBERSHIP_H

#include "membership/member.h"

enum {
    MEMBERSHIP_PODS_MAX = 100000, /* Pods followed; Kubernetes is tested with 150,000 in a whole cluster */
};

/* Which of the Pods followed count. */
enum membership_rule { MEMBERSHIP_ALL = 0, MEMBERSHIP_READY };

struct membership_pod {
    struct member *member;
    uint64_t version;
};

/* Pods in the order of names. */
struct membership_pods {
    struct membership_pod *pods;
    size_t count, room;
};

struct membership {
    struct membership_memory memory;
    enum membership_rule rule;
    struct membership_pods known;
    struct membership_pods listed; /* by a list that is not complete yet */
    uint64_t version;              /* everything up to this one was taken in; 0: nothing yet */
    struct member_set *newest;     /* of `known`; NULL: changed since it was last made */
};

/* Results below 0: nothing was taken in, and the set may miss a change from now on: list anew. */
enum { MEMBERSHIP_NO_MEMORY = -1, MEMBERSHIP_TOO_MANY = -2 };

/* Nobody is a member. membership_clear() at the end. */
void membership_init(struct membership *m, const struct membership_memory *memory, enum membership_rule rule);
void membership_clear(struct membership *m);

/* A list: begin, add each Pod in any order (the same Pod twice: the newer one counts), and end with the list's version above 0; or
 * drop it. Before the end the set does not change; the list does not know of events in between.
 *
 * membership_list_end() returns 1 when the set of members is another now or was not known before, 0 when it is the same. */
void membership_list_begin(struct membership *m);
int membership_list_add(struct membership *m, const struct pod *pod);
int membership_list_end(struct membership *m, uint64_t version);
void membership_list_drop(struct membership *m);

/* A Pod was added or modified. Returns 1 when the set of members is another now, 0 when it is the same, or an error. */
int membership_put(struct membership *m, const struct pod *pod);

/* A Pod was deleted, or matches the selector no more: no Pod of its name does, at its version. Returns 1 or 0 as membership_put(). */
int membership_remove(struct membership *m, const struct pod *pod);

/* A bookmark: everything up to this version was told. */
void membership_pass(struct membership *m, uint64_t version);

/* The members now. The set is shared until the next change. NULL when out of memory; else a reference for the caller. */
struct member_set *membership_set(struct membership *m);

#endif
