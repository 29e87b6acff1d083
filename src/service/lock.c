#include "service/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/answer.h"
#include "service/group.h"
#include "service/service.h"
#include "wire/object.h"
#include "wire/request.h"

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
    BUG_UNLESS(!lock->groups && !lock->read.call && !lock->write.call && !lock->watch.call);
    free(lock->object);
    free(lock);
}

static void cancel(struct lock *lock, struct exchange *x)
{
    const struct transport *t = &lock->service->host.transport;
    if (x->call)
        t->operations->cancel(t->data, x->call);
    *x = (struct exchange){ 0 };
}

void lock_leave(struct lock *lock, leasehold_group *g)
{
    leasehold_service *s = lock->service;
    leasehold_group **at = &lock->groups;
    while (*at != g)
        at = &(*at)->next_in_lock;
    *at = g->next_in_lock;
    g->next_in_lock = NULL;
    if (lock->read.group == g)
        cancel(lock, &lock->read);
    if (lock->write.group == g)
        cancel(lock, &lock->write);
    if (lock->groups)
        return;
    watch_end(lock);
    timers_unreserve(&s->timers, 1);
    struct lock **bucket = &s->locks[bucket_of(lock->dialect, lock->namespace_, lock->name)];
    while (*bucket != lock)
        bucket = &(*bucket)->next;
    *bucket = lock->next;
    lock_let_go(lock);
}

void lock_begin(struct lock *lock)
{
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

static void feed(struct lock *lock, leasehold_group *g, enum election_event_kind kind)
{
    struct election_event event = { .kind = kind, .version = lock->received_version };
    lock->dialect->read(lock->received, g->name, &event.record);
    group_step(g, &event);
}

void lock_receive(struct lock *lock, json_t *object, const struct record_version *version, leasehold_group *asker,
                  enum election_event_kind kind)
{
    leasehold_group *next;
    lock_hold(lock);
    object_drop_managed_fields(object);
    lock->received = object;
    lock->received_version = *version;
    /* The others first: whoever asked may write over this object in its step, and the others must know it by then (rule 1). */
    for (leasehold_group *g = lock->groups; g; g = next) {
        next = g->next_in_lock; /* a step takes only its own group out */
        if (g != asker)
            feed(lock, g, ELECTION_WATCHED);
    }
    if (asker)
        feed(lock, asker, kind);
    lock->received = NULL;
    lock_let_go(lock);
}

void lock_step_all(struct lock *lock, enum election_event_kind kind)
{
    leasehold_group *next;
    lock_hold(lock);
    for (leasehold_group *g = lock->groups; g; g = next) {
        next = g->next_in_lock;
        group_step(g, &(struct election_event){ .kind = kind });
    }
    lock_let_go(lock);
}

/* ---- requests ----------------------------------------------------------------------------------------------------- */

/* Steps the asker with what its answer means. */
static void conclude(struct lock *lock, leasehold_group *g, struct verdict *v)
{
    struct election_event event = { .kind = v->kind, .failure = v->failure, .retry_after_ns = v->retry_after_ns };
    if (v->sentence[0])
        lock_warn(lock, v->sentence);
    if (v->object)
        lock_receive(lock, v->object, &v->version, g, v->kind);
    else
        group_step(g, &event); /* a READ without an object: RECORD_ABSENT is zero, as is its version */
    json_decref(v->object);
}

static void on_read(void *user, const struct transport_answer *answer)
{
    struct lock *lock = user;
    leasehold_group *g = lock->read.group;
    struct verdict verdict;
    lock_hold(lock);
    lock->read = (struct exchange){ 0 };
    answer_judge_read(lock, answer, &verdict);
    conclude(lock, g, &verdict);
    lock_let_go(lock);
}

static void on_write(void *user, const struct transport_answer *answer)
{
    struct lock *lock = user;
    leasehold_group *g = lock->write.group;
    struct verdict verdict;
    lock_hold(lock);
    const char *verb = lock->write.verb;
    lock->write = (struct exchange){ 0 };
    answer_judge_write(lock, verb, answer, &verdict);
    conclude(lock, g, &verdict);
    lock_let_go(lock);
}

/* Among requests that wait for a connection, a leader's must leave before its term ends. */
static leasehold_time deadline_of(const leasehold_group *g, leasehold_time now, int64_t limit_ns)
{
    leasehold_time end = time_after(now, limit_ns);
    return g->election.state == ELECTION_LEADER ? time_earlier(end, g->election.term_at) : end;
}

static int start(struct lock *lock, leasehold_group *g, struct exchange *x, const char *verb, const struct transport_request *request,
                 const struct transport_handler *handler)
{
    leasehold_service *s = lock->service;
    const struct transport *t = &s->host.transport;
    BUG_UNLESS(!x->call);
    int error = t->operations->start(t->data, request, handler, lock, &x->call);
    if (error < 0)
        x->call = NULL;
    else
        *x = (struct exchange){ x->call, g, verb };
    service_log(s, LEASEHOLD_LOG_DEBUG, "%s: %s %s", g->name, request->method, request->path);
    return error;
}

static void warn_not_sent(struct lock *lock, const char *what, int error)
{
    char text[SETTING_SENTENCE_MAX];
    snprintf(text, sizeof text, "cannot %s %s %.80s/%.80s: %s", what, lock->dialect->resource, lock->namespace_, lock->name,
             leasehold_strerror(error));
    lock_warn(lock, text);
}

static int start_read(struct lock *lock, leasehold_group *g, leasehold_time now, int64_t limit_ns)
{
    static const struct transport_handler handler = { .on_answer = on_read };
    char path[REQUEST_PATH_MAX];
    int error = request_lock_path(lock->dialect, lock->namespace_, lock->name, path, sizeof path);
    if (error < 0)
        return error;
    struct transport_request request = {
        .method = "GET",
        .path = path,
        .limit_ns = limit_ns,
        .priority = TRANSPORT_PRIORITY_LOCK,
        .deadline = deadline_of(g, now, limit_ns),
    };
    return start(lock, g, &lock->read, "get", &request, &handler);
}

/* The whole object with the group's record as the write says; the caller frees it. NULL when out of memory. */
static char *compose(struct lock *lock, const leasehold_group *g, const struct election_write *w, size_t *ret_size)
{
    json_t *object = NULL;
    if (w->kind == ELECTION_WRITE_CREATE)
        object = dialect_new_object(lock->dialect, lock->namespace_, lock->name);
    else
        object_parse(lock->object, lock->object_size, &object);
    char *body = NULL;
    /* uid and resourceVersion stand in the object as it was received: the base of compare and swap (rule 1). */
    if (object && lock->dialect->put(object, g->name, &w->record, g->election.identity) == 0)
        body = object_dump(object, ret_size);
    json_decref(object);
    return body;
}

static int start_write(struct lock *lock, leasehold_group *g, leasehold_time now, const struct election_write *w)
{
    static const struct transport_handler handler = { .on_answer = on_write };
    char path[REQUEST_PATH_MAX];
    bool create = w->kind == ELECTION_WRITE_CREATE;
    int error = create ? request_collection_path(lock->dialect, lock->namespace_, path, sizeof path)
                       : request_lock_path(lock->dialect, lock->namespace_, lock->name, path, sizeof path);
    if (error < 0)
        return error;
    size_t size;
    char *body = compose(lock, g, w, &size);
    if (!body)
        return LEASEHOLD_ERR_MEMORY;
    struct transport_request request = {
        .method = create ? "POST" : "PUT",
        .path = path,
        .content_type = "application/json",
        .body = body,
        .body_size = size,
        .limit_ns = w->limit_ns,
        .priority = TRANSPORT_PRIORITY_LOCK,
        .deadline = deadline_of(g, now, w->limit_ns),
    };
    error = start(lock, g, &lock->write, create ? "create" : "update", &request, &handler);
    free(body);
    return error;
}

void lock_ask(struct lock *lock, leasehold_group *g, leasehold_time now, const struct election_update *u)
{
    const struct election_write *w = &u->write;
    lock_hold(lock);
    /* Nothing was sent: as if the server could not be reached. */
    int error = u->read ? start_read(lock, g, now, u->read_limit_ns) : 0;
    if (error < 0) {
        warn_not_sent(lock, "read", error);
        group_step(g, &(struct election_event){ .kind = ELECTION_READ_FAILED, .failure = ELECTION_FAILURE_UNREACHABLE });
    }
    bool wanted = w->kind != ELECTION_WRITE_NONE && g->lock; /* that step may have been the group's last */
    bool at_hand = w->kind != ELECTION_WRITE_REPLACE || record_version_equal(&w->base, &lock->version);
    error = wanted && at_hand ? start_write(lock, g, now, w) : 0;
    if (wanted && !at_hand) {
        /* Another object than the one decided on is here, or none for want of memory: a read brings them together. */
        group_step(g, &(struct election_event){ .kind = ELECTION_WRITE_CONFLICT });
    } else if (error < 0) {
        warn_not_sent(lock, "write", error);
        group_step(g, &(struct election_event){ .kind = ELECTION_WRITE_REFUSED, .failure = ELECTION_FAILURE_UNREACHABLE });
    }
    lock_let_go(lock);
}
