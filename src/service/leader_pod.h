/* Where the leader of a group is: the address of its Pod, for observers that ask for it.
 *
 * Here: one GET of the Pod whose name the holder is. Not here: who leads (src/election). Without the right to it, or where the holder
 * is no Pod, there is no address and nothing is wrong. */
#ifndef LEASEHOLD_SERVICE_LEADER_POD_H
#define LEASEHOLD_SERVICE_LEADER_POD_H

#include <leasehold/leasehold.h>

#include "election/record.h"
#include "membership/member.h"
#include "service/events.h"
#include "service/transport.h"

struct leader_pod {
    leasehold_group *group;
    struct transport_call *call;             /* NULL: none */
    char holder[LEASEHOLD_IDENTITY_MAX + 1]; /* who was looked up; "": nobody leads */
    char address[MEMBER_ADDRESS_MAX + 1];    /* "": none is known */
    struct event_node told;
};

/* The leader of the group is another one now. */
void leader_pod_look_up(leasehold_group *g);

/* The group has finished. Takes a group without one, too. */
void leader_pod_forget(leasehold_group *g);

/* The name of the Pod that stands as `holder`: that itself, or what is before `_` and a suffix. False when no Pod is called so. */
bool leader_pod_name(const char *holder, char ret[MEMBER_NAME_MAX + 1]);

#endif
