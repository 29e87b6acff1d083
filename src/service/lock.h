/* One lock object at the API server, and the requests that read, write and watch it.
 *
 * Here: which object a write is computed from, and what an answer means to the machines of its groups. Not here: what a record
 * says (dialects in src/wire), whether to write (src/election).
 *
 * In a dialect whose objects have one group each, a lock has one group. The shape is that of a shared object: every object
 * received is given to all groups of the lock before anything is written (exchange.h). */
#ifndef LEASEHOLD_SERVICE_LOCK_H
#define LEASEHOLD_SERVICE_LOCK_H

#include <jansson.h>
#include <leasehold/leasehold.h>

#include "election/election.h"
#include "service/exchange.h"
#include "service/timers.h"
#include "service/transport.h"
#include "service/watch.h"
#include "wire/dialect.h"

enum { LOCK_WARNED = 4 };

struct lock {
    int references;
    leasehold_service *service;
    const struct dialect *dialect;
    struct lock *next; /* in its bucket */
    leasehold_group *groups;
    /* The newest object that a machine has taken in, as compact JSON without managedFields: what the next write is made from. */
    char *object;
    size_t object_size;
    struct record_version version;
    /* While an object is given to the groups. */
    json_t *received;
    struct record_version received_version;
    struct exchanges exchanges;
    struct watch watch;
    struct lock_warned {
        uint64_t digest;
        int64_t at_ns;
    } warned[LOCK_WARNED]; /* warnings of the last minute about answers */
    const char *name;      /* behind namespace_ */
    char namespace_[];
};

/* The lock of this name for one more group, new or not. Returns 0 and *ret (lock_leave), LEASEHOLD_ERR_STATE when its dialect
 * has one group per object and one is there, or LEASEHOLD_ERR_MEMORY. */
int lock_join(leasehold_service *s, const struct dialect *dialect, const char *namespace_, const char *name, leasehold_group *g,
              struct lock **ret);

/* Ends what is under way for the group; the last one closes the watch and frees the lock. */
void lock_leave(struct lock *lock, leasehold_group *g);

/* The group begins: tells it of the watch that stands, or opens one. */
void lock_begin(struct lock *lock, leasehold_group *g);

/* Keeps the object at hand if it is the version a machine has just decided on. */
void lock_keep(struct lock *lock, const struct record_version *decided_on);

/* Gives an object (borrowed) to all groups: to those that have `part` in the request as its answer `kind`, and they have it no
 * longer; to the others, or to all with EXCHANGE_NONE, as something watched. */
void lock_receive(struct lock *lock, json_t *object, const struct record_version *version, enum exchange_part part,
                  enum election_event_kind kind);

/* Steps all groups with an event without a record. */
void lock_step_all(struct lock *lock, enum election_event_kind kind);

/* Warns all groups, unless the same was said less than a minute ago. */
void lock_warn(struct lock *lock, const char *text);

/* Until both are called the lock stays in memory. */
void lock_hold(struct lock *lock);
void lock_let_go(struct lock *lock);

#endif
