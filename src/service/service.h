/* The core of a service: groups, their locks and timers, over a transport it does not know.
 *
 * Here: turning updates of the election into requests, and answers into its events. Not here: sockets, loops, threads, and
 * where the API server is; a host (src/library, src/testing) brings transport, clock and turns:
 *
 *   service_expire() when service_deadline() is reached, service_run_posted() after host.wake() was called, and the transport's
 *   callbacks, all on one thread and under service->guard. Afterwards service_deadline() may be another.
 *
 * The public functions of groups and events are implemented here, those that need a host in src/library. */
#ifndef LEASEHOLD_SERVICE_SERVICE_H
#define LEASEHOLD_SERVICE_SERVICE_H

#include <leasehold/leasehold.h>

#include "election/election.h"
#include "service/events.h"
#include "service/guard.h"
#include "service/options.h"
#include "service/terms.h"
#include "service/timers.h"
#include "service/transport.h"

enum {
    SERVICE_GROUPS_MAX = 10000,
    SERVICE_LOCK_BUCKETS = 256,
    SERVICE_TIMERS_A_TURN = 4096, /* the rest is due in the next turn */
};

struct balancer;
struct lock;
struct notice;

struct service_host {
    struct transport transport;
    struct terms_clock clock;                  /* for readers of terms on any thread */
    void (*wake)(void *data);                  /* calls are posted: service_run_posted() soon; any thread, under the guard */
    void (*waiting)(void *data, bool waiting); /* the first event waits, or none does any more; any thread, under the guard */
    uint64_t (*random)(void *data);            /* unpredictable, never 0; any thread */
    void *data;                                /* of wake, waiting, random */
    bool kernel_time;                          /* the clock is CLOCK_BOOTTIME, and a timer of the kernel means the same */
};

struct leasehold_service {
    struct guard *guard;
    struct service_host host;
    leasehold_options *options;
    char namespace_[SETTING_NAME_MAX + 1];
    uint64_t identity_suffix; /* the same for all groups: one process, one name */
    uint64_t nonce;           /* of this process, see RECORD_NONCE_OF_PROCESS; its elections add their number */
    uint64_t elections;
    uint64_t predecessors[ELECTION_PREDECESSORS_MAX]; /* set before the first group is opened, see election_inherit() */
    struct leasehold_group *groups;                   /* all that have something to do or to tell */
    size_t group_count;                               /* those that have something to do */
    struct leasehold_group *posted;                   /* groups with calls to run, in order */
    struct leasehold_group **posted_last;
    struct lock *locks[SERVICE_LOCK_BUCKETS];
    struct leasehold_roster *rosters;
    struct notice *notices;    /* of groups that have finished; what is under way gets a moment more */
    struct balancer *balancer; /* NULL: every group for itself */
    struct timers timers;
    struct event_queue events;
    bool told_waiting;
    bool stopping, closed;
    struct leasehold_event current; /* as handed out last */
    struct leasehold_group *current_group;
    char error[SETTING_SENTENCE_MAX];
};

/* A service that does nothing yet. `namespace_` is used where the option is not set. Copies `options` (NULL: defaults).
 *
 * Returns 0 and *ret (service_free), LEASEHOLD_ERR_MEMORY, or LEASEHOLD_ERR_OPTION with a sentence: namespace_ is no name. */
int service_new(const struct service_host *host, const leasehold_options *options, const char *namespace_, leasehold_service **ret,
                char sentence[SETTING_SENTENCE_MAX]);

/* Abandons everything and frees. Group handles stay, dead. The transport must still work. Not in a forked child. Takes NULL,
 * returns NULL. */
leasehold_service *service_free(leasehold_service *s);

/* CLOCK_BOOTTIME of the next thing to do; LEASEHOLD_NEVER: none. */
int64_t service_deadline(const leasehold_service *s);

/* Runs the timers that are due. */
void service_expire(leasehold_service *s);

/* Runs the calls that were posted. */
void service_run_posted(leasehold_service *s);

/* ---- for the files of this room ---- */

leasehold_time service_now(const leasehold_service *s);
void service_log(leasehold_service *s, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A node of a group or of the service happened now. */
void service_tell(leasehold_service *s, struct event_node *node);
/* group NULL: about the service. */
void service_warn(leasehold_service *s, struct leasehold_group *group, const char *text);
/* Tells that the service has closed, if it was asked to and nothing is left to do. */
void service_close_if_done(leasehold_service *s);
/* A group has closed or was abandoned and is out of the lists. */
void service_group_gone(leasehold_service *s);

#endif
