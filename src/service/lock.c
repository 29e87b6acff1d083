#include "service/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/exchange.h"
#include "service/group.h"
#include "service/handover.h"
#include "service/service.h"
#include "wire/object.h"

#define WARN_AGAIN_NS (60 * INT64_C(1000000000))

/* ---- locks of a service ------------------------------------------------------------------------------------------- */

static size_t bucket_of(const struct dialect *dialect, const char *namespace_, const char *name)
{
    uint64_t digest = object_digest(OBJECT_DIGEST_START, dialect->name, strlen(dialect->name));
    digest = object_digest(digest, namespace_, strlen(namespace_) + 1);
    digest = object_digest(digest, name, strlen(name));
    return (size_t)(digest % SERVICE_LOCK_BUCKETS);
}

static struct lock *find(leasehold_service *s, const struct dialect *dialect, const char *namespace_, const char *name)
{
    struct lock *lock = s->locks[bucket_of(dialect, namespace_, name)];
    while (lock && !(lock->dialect == dialect && strcmp(lock->namespace_, namespace_) == 0 && strcmp(lock->name, name) == 0))
        lock = lock->next;
    return lock;
}

static struct lock *lock_new(leasehold_service *s, const struct dialect *dialect, const char *namespace_, const char *name)
{
    size_t namespace_size = strlen(namespace_) + 1, name_size = strlen(name) + 1;
    struct lock *lock = calloc(1, sizeof *lock + namespace_size + name_size);
    if (!lock || timers_reserve(&s->timers, 1) < 0) {
        free(lock);
        return NULL;
    }
    lock->references = 1;
    lock->service = s;
    lock->dialect = dialect;
    memcpy(lock->namespace_, namespace_, namespace_size);
    lock->name = memcpy(lock->namespace_ + namespace_size, name, name_size);
    struct lock **bucket = &s->locks[bucket_of(dialect, namespace_, name)];
    lock->next = *bucket;
    *bucket = lock;
    return lock;
}

int lock_join(leasehold_service *s, const struct dialect *dialect, const char *namespace_, const char *name, leasehold_group *g,
              struct lock **ret)
{
    struct lock *lock = find(s, dialect, namespace_, name);
    if (lock && !dialect->shared)
        return LEASEHOLD_ERR_STATE;
    if (!lock)
        lock = lock_new(s, dialect, namespace_, name);
    if (!lock)
        return LEASEHOLD_ERR_MEMORY;
    g->next_in_lock = lock->groups;
    lock->groups = g;
    *ret = lock;
    return 0;
}

void lock_hold(struct lock *lock)
{
    BUG_UNLESS(lock->references > 0);
    lock->references++;
}

void lock_let_go(struct lock *lock)
{
    if (--lock->references > 0)
        return;
    BUG_UNLESS(!lock->groups && !lock->exchanges.read.call && !lock->exchanges.write.call && !lock->watch.call);
    free(lock->object);
    free(lock);
}

void lock_leave(struct lock *lock, leasehold_group *g)
{
    leasehold_service *s = lock->service;
    leasehold_group **at = &lock->groups;
    while (*at != g)
        at = &(*at)->next_in_lock;
    *at = g->next_in_lock;
    g->next_in_lock = NULL;
    lock_hold(lock);
    exchange_leave(lock, g);
    if (!lock->groups) {
        watch_end(lock);
        timers_unreserve(&s->timers, 1);
        struct lock **bucket = &s->locks[bucket_of(lock->dialect, lock->namespace_, lock->name)];
        while (*bucket != lock)
            bucket = &(*bucket)->next;
        *bucket = lock->next;
        lock->references--; /* the list's; ours is still held */
    }
    lock_let_go(lock);
}

void lock_begin(struct lock *lock, leasehold_group *g)
{
    if (lock->watch.up)
        group_step(g, &(struct election_event){ .kind = ELECTION_WATCH_UP });
    watch_begin(lock);
}

/* ---- warnings ----------------------------------------------------------------------------------------------------- */

void lock_warn(struct lock *lock, const char *text)
{
    leasehold_service *s = lock->service;
    uint64_t digest = object_digest(OBJECT_DIGEST_START, text, strlen(text));
    int64_t now_ns = service_now(s).boot_ns;
    struct lock_warned *oldest = &lock->warned[0];
    for (int i = 0; i < LOCK_WARNED; i++) {
        struct lock_warned *w = &lock->warned[i];
        if (w->digest == digest && now_ns - w->at_ns < WARN_AGAIN_NS)
            return;
        if (w->at_ns < oldest->at_ns)
            oldest = w;
    }
    *oldest = (struct lock_warned){ digest, now_ns };
    for (leasehold_group *g = lock->groups; g; g = g->next_in_lock)
        service_warn(s, g, text);
}

/* ---- objects ------------------------------------------------------------------------------------------------------ */

void lock_keep(struct lock *lock, const struct record_version *decided_on)
{
    bool at_hand = lock->received && record_version_equal(decided_on, &lock->received_version);
    if (!at_hand || record_version_equal(&lock->version, decided_on))
        return;
    size_t size;
    char *text = object_dump(lock->received, &size);
    free(lock->object);
    lock->object = text;
    lock->object_size = text ? size : 0;
    /* Out of memory: no object is at hand for the next write, which then asks for a read. */
    lock->version = text ? lock->received_version : (struct record_version){ 0 };
}

/* Of an object that must not be written only one thing is learnt: that our leader's record is no longer in it (rule 7). */
static bool is_a_loss(const leasehold_group *g, const struct election_event *event)
{
    enum election_state state = g->election.state;
    bool holds = state == ELECTION_LEADER || state == ELECTION_STOPPING || state == ELECTION_RELEASING;
    return holds && event->kind == ELECTION_READ && !record_equal(&event->record, &g->election.record);
}

/* What an object or its lack means to one group. */
static void feed(struct lock *lock, leasehold_group *g, enum election_event_kind kind)
{
    struct election_event event = { .kind = kind, .version = lock->received_version };
    char sentence[SETTING_SENTENCE_MAX];
    lock->dialect->read(lock->received, g->name, &event.record);
    bool looks_only = g->election.role == ELECTION_ROLE_OBSERVER;
    if (!looks_only && kind != ELECTION_WRITTEN && lock->dialect->refuse(lock->received, g->name, sentence, sizeof sentence)) {
        /* As if the server had refused: nothing is written into it (see decided_on()), but it is looked at again. */
        lock_warn(lock, sentence);
        if (!is_a_loss(g, &event))
            event = (struct election_event){ .kind = kind == ELECTION_READ ? ELECTION_READ_FAILED : ELECTION_WATCHED_GONE,
                                             .failure = ELECTION_FAILURE_REFUSED };
    }
    if (lock->received && event.kind != ELECTION_READ_FAILED && event.kind != ELECTION_WATCHED_GONE)
        handover_look(g, lock->received, &event.record);
    group_step(g, &event);
}

void lock_receive(struct lock *lock, json_t *object, const struct record_version *version, enum exchange_part part,
                  enum election_event_kind kind)
{
    leasehold_group *next;
    exchange_begin(lock);
    object_drop_managed_fields(object);
    lock->received = object;
    lock->received_version = *version;
    /* First all that only look on: nothing is written before every group has taken the object in (rule 1). */
    for (leasehold_group *g = lock->groups; g; g = next) {
        next = g->next_in_lock; /* a step takes only its own group out */
        if (part == EXCHANGE_NONE || !g->part[part])
            feed(lock, g, ELECTION_WATCHED);
    }
    for (leasehold_group *g = lock->groups; g; g = next) {
        next = g->next_in_lock;
        if (part != EXCHANGE_NONE && g->part[part]) {
            g->part[part] = false;
            feed(lock, g, kind);
        }
    }
    lock->received = NULL;
    exchange_end(lock);
}

void lock_step_all(struct lock *lock, enum election_event_kind kind)
{
    leasehold_group *next;
    exchange_begin(lock);
    for (leasehold_group *g = lock->groups; g; g = next) {
        next = g->next_in_lock;
        group_step(g, &(struct election_event){ .kind = kind });
    }
    exchange_end(lock);
}
