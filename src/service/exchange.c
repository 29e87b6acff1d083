#include "service/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/answer.h"
#include "service/group.h"
#include "service/lock.h"
#include "service/service.h"
#include "wire/object.h"
#include "wire/request.h"

/* Of a renew interval: renewals that are due within this go along with another's. They fall into step by it and stay so. */
enum { SLACK_DIVISOR = 4 };

/* ---- taking part -------------------------------------------------------------------------------------------------- */

static bool anybody(const struct lock *lock, enum exchange_part part)
{
    for (const leasehold_group *g = lock->groups; g; g = g->next_in_lock)
        if (g->part[part])
            return true;
    return false;
}

/* Steps those with this part; they have it no longer. */
static void step_part(struct lock *lock, enum exchange_part part, const struct election_event *event)
{
    leasehold_group *next;
    for (leasehold_group *g = lock->groups; g; g = next) {
        next = g->next_in_lock;
        if (g->part[part]) {
            g->part[part] = false;
            group_step(g, event);
        }
    }
}

/* An answer to those with this part said that the object is gone: a hint to the others, where that is news. */
static void hint_gone(struct lock *lock, enum exchange_part part)
{
    leasehold_group *next;
    for (leasehold_group *g = lock->groups; g; g = next) {
        next = g->next_in_lock;
        if (!g->part[part] && g->election.version.resource_version > 0)
            group_step(g, &(struct election_event){ .kind = ELECTION_WATCHED_GONE });
    }
}

static void cancel(struct lock *lock, struct exchange *x)
{
    const struct transport *t = &lock->service->host.transport;
    if (x->call)
        t->operations->cancel(t->data, x->call);
    *x = (struct exchange){ 0 };
}

void exchange_leave(struct lock *lock, leasehold_group *g)
{
    struct exchanges *x = &lock->exchanges;
    exchange_begin(lock);
    bool read = g->part[EXCHANGE_READ], written = g->part[EXCHANGE_WRITE];
    memset(g->part, 0, sizeof g->part);
    if (read && !anybody(lock, EXCHANGE_READ))
        cancel(lock, &x->read);
    if (written && !x->turn.open && !anybody(lock, EXCHANGE_WRITE))
        cancel(lock, &x->write);
    exchange_end(lock);
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

static void conclude(struct lock *lock, enum exchange_part part, struct verdict *v)
{
    struct election_event event = { .kind = v->kind, .failure = v->failure, .retry_after_ns = v->retry_after_ns };
    if (v->sentence[0])
        lock_warn(lock, v->sentence);
    if (v->object) {
        lock_receive(lock, v->object, &v->version, part, v->kind);
    } else {
        /* A READ without an object: RECORD_ABSENT is zero, as is its version. */
        if (v->kind == ELECTION_READ)
            hint_gone(lock, part);
        step_part(lock, part, &event);
    }
    json_decref(v->object);
}

static void on_read(void *user, const struct transport_answer *answer)
{
    struct lock *lock = user;
    struct verdict verdict;
    exchange_begin(lock);
    lock->exchanges.read = (struct exchange){ 0 };
    answer_judge_read(lock, answer, &verdict);
    conclude(lock, EXCHANGE_READ, &verdict);
    exchange_end(lock);
}

static void on_write(void *user, const struct transport_answer *answer)
{
    struct lock *lock = user;
    struct verdict verdict;
    exchange_begin(lock);
    const char *verb = lock->exchanges.write.verb;
    lock->exchanges.write = (struct exchange){ 0 };
    answer_judge_write(lock, verb, answer, &verdict);
    conclude(lock, EXCHANGE_WRITE, &verdict);
    exchange_end(lock);
}

/* ---- sending ------------------------------------------------------------------------------------------------------ */

/* Among requests that wait for a connection, a leader's must leave before its term ends. */
static leasehold_time deadline_of(const leasehold_group *g, leasehold_time now, int64_t limit_ns)
{
    leasehold_time end = time_after(now, limit_ns);
    return g->election.state == ELECTION_LEADER ? time_earlier(end, g->election.term_at) : end;
}

static int start(struct lock *lock, struct exchange *x, const char *verb, const struct transport_request *request,
                 const struct transport_handler *handler)
{
    leasehold_service *s = lock->service;
    const struct transport *t = &s->host.transport;
    BUG_UNLESS(!x->call);
    int error = t->operations->start(t->data, request, handler, lock, &x->call);
    if (error < 0)
        x->call = NULL;
    else
        x->verb = verb;
    service_log(s, LEASEHOLD_LOG_DEBUG, "%s %s", request->method, request->path);
    return error;
}

static void warn_not_sent(struct lock *lock, const char *what, int error)
{
    char text[SETTING_SENTENCE_MAX];
    snprintf(text, sizeof text, "cannot %s %s %.80s/%.80s: %s", what, lock->dialect->resource, lock->namespace_, lock->name,
             leasehold_strerror(error));
    lock_warn(lock, text);
}

/* One for all who ask for it now. */
static void start_read(struct lock *lock)
{
    static const struct transport_handler handler = { .on_answer = on_read };
    leasehold_time now = service_now(lock->service);
    struct transport_request request = { .method = "GET", .limit_ns = INT64_MAX, .priority = TRANSPORT_PRIORITY_LOCK };
    char path[REQUEST_PATH_MAX];
    lock->exchanges.wants_read = false;
    for (leasehold_group *g = lock->groups; g; g = g->next_in_lock) {
        if (!g->part[EXCHANGE_READ_NEXT])
            continue;
        int64_t limit_ns = election_settings_request_limit_ns(&g->election.settings);
        leasehold_time deadline = deadline_of(g, now, limit_ns);
        request.deadline = request.limit_ns == INT64_MAX ? deadline : time_earlier(request.deadline, deadline);
        request.limit_ns = limit_ns < request.limit_ns ? limit_ns : request.limit_ns;
        g->part[EXCHANGE_READ_NEXT] = false;
        g->part[EXCHANGE_READ] = true;
    }
    if (request.limit_ns == INT64_MAX)
        return; /* whoever asked has left */
    int error = request_lock_path(lock->dialect, lock->namespace_, lock->name, path, sizeof path);
    request.path = path;
    if (error >= 0)
        error = start(lock, &lock->exchanges.read, "get", &request, &handler);
    if (error < 0) {
        warn_not_sent(lock, "read", error);
        step_part(lock, EXCHANGE_READ, &(struct election_event){ .kind = ELECTION_READ_FAILED, .failure = ELECTION_FAILURE_UNREACHABLE });
    }
}

static int send_write(struct lock *lock, const struct exchange_turn *turn)
{
    static const struct transport_handler handler = { .on_answer = on_write };
    char path[REQUEST_PATH_MAX];
    int error = turn->create ? request_collection_path(lock->dialect, lock->namespace_, path, sizeof path)
                             : request_lock_path(lock->dialect, lock->namespace_, lock->name, path, sizeof path);
    if (error < 0)
        return error;
    size_t size;
    char *body = object_dump(turn->object, &size);
    if (!body)
        return LEASEHOLD_ERR_MEMORY;
    char sentence[SETTING_SENTENCE_MAX];
    if (object_is_large(size, lock->dialect->kind, lock->name, sentence, sizeof sentence))
        lock_warn(lock, sentence);
    struct transport_request request = {
        .method = turn->create ? "POST" : "PUT",
        .path = path,
        .content_type = "application/json",
        .body = body,
        .body_size = size,
        .limit_ns = turn->limit_ns,
        .priority = TRANSPORT_PRIORITY_LOCK,
        .deadline = turn->deadline,
    };
    error = start(lock, &lock->exchanges.write, turn->create ? "create" : "update", &request, &handler);
    free(body);
    return error;
}

/* ---- turns -------------------------------------------------------------------------------------------------------- */

/* The object that parts are put into: a new one, or the one at hand if it is the one that the write was decided on. Its uid and
 * resourceVersion stand in it as received: the base of compare and swap. Returns false where the write must not go along. */
static bool open_object(struct lock *lock, const struct election_write *w)
{
    struct exchange_turn *turn = &lock->exchanges.turn;
    bool create = w->kind == ELECTION_WRITE_CREATE;
    if (!create && !record_version_equal(&w->base, &lock->version))
        return false;
    if (turn->object || turn->error < 0)
        return turn->create == create;
    turn->create = create;
    turn->limit_ns = w->limit_ns;
    if (create)
        turn->object = dialect_new_object(lock->dialect, lock->namespace_, lock->name);
    else
        object_parse(lock->object, lock->object_size, &turn->object);
    if (!turn->object)
        turn->error = LEASEHOLD_ERR_MEMORY;
    return true;
}

/* Rule 1, to the letter: the group's record in this very object is the one that its machine decided on. And nothing is put into an
 * object that is refused: a leader was shown it to learn of its loss. */
static bool decided_on(const struct lock *lock, const leasehold_group *g)
{
    struct record present;
    char sentence[SETTING_SENTENCE_MAX];
    if (lock->dialect->refuse(lock->exchanges.turn.object, g->name, sentence, sizeof sentence))
        return false;
    lock->dialect->read(lock->exchanges.turn.object, g->name, &present);
    return record_equal(&present, &g->election.record);
}

static void add_part(struct lock *lock, leasehold_group *g, leasehold_time now, const struct election_write *w)
{
    struct exchange_turn *turn = &lock->exchanges.turn;
    bool first = !turn->object;
    if (!open_object(lock, w) || (turn->object && !turn->create && !decided_on(lock, g))) {
        g->part[EXCHANGE_WRITE_MISS] = true;
        return;
    }
    g->part[EXCHANGE_WRITE] = true;
    leasehold_time deadline = deadline_of(g, now, w->limit_ns);
    turn->deadline = first ? deadline : time_earlier(turn->deadline, deadline);
    turn->limit_ns = w->limit_ns < turn->limit_ns ? w->limit_ns : turn->limit_ns;
    if (turn->error == 0)
        turn->error = lock->dialect->put(turn->object, g->name, &w->record, g->election.identity);
}

static void begin_turn(struct lock *lock)
{
    lock->exchanges.turn = (struct exchange_turn){ .open = true };
}

static void end_turn(struct lock *lock)
{
    struct exchange_turn turn = lock->exchanges.turn;
    lock->exchanges.turn = (struct exchange_turn){ 0 };
    int error = turn.error;
    if (error == 0 && turn.object && anybody(lock, EXCHANGE_WRITE))
        error = send_write(lock, &turn);
    json_decref(turn.object);
    if (error < 0) {
        /* Nothing was sent: as if the server could not be reached. */
        warn_not_sent(lock, "write", error);
        step_part(lock, EXCHANGE_WRITE,
                  &(struct election_event){ .kind = ELECTION_WRITE_REFUSED, .failure = ELECTION_FAILURE_UNREACHABLE });
    }
    /* Another object than the one decided on is here, or none for want of memory: a read brings them together. */
    step_part(lock, EXCHANGE_WRITE_MISS, &(struct election_event){ .kind = ELECTION_WRITE_CONFLICT });
}

static void give_turn(struct lock *lock)
{
    leasehold_group *next;
    lock->exchanges.wants_turn = false;
    begin_turn(lock);
    for (leasehold_group *g = lock->groups; g; g = next) {
        next = g->next_in_lock;
        int64_t slack_ns = g->election.settings.renew_interval_ns / SLACK_DIVISOR;
        group_step(g, &(struct election_event){ .kind = ELECTION_TURN, .slack_ns = slack_ns });
    }
    end_turn(lock);
}

/* ---- when ----------------------------------------------------------------------------------------------------------- */

static void send_what_is_wanted(struct lock *lock)
{
    struct exchanges *x = &lock->exchanges;
    while ((x->wants_read && !x->read.call) || (x->wants_turn && !x->write.call)) {
        if (x->wants_read && !x->read.call)
            start_read(lock);
        if (x->wants_turn && !x->write.call)
            give_turn(lock);
    }
}

void exchange_begin(struct lock *lock)
{
    lock_hold(lock);
    lock->exchanges.depth++;
}

void exchange_end(struct lock *lock)
{
    if (lock->exchanges.depth == 1)
        send_what_is_wanted(lock);
    lock->exchanges.depth--;
    lock_let_go(lock);
}

void exchange_ask(struct lock *lock, leasehold_group *g, leasehold_time now, const struct election_update *u)
{
    struct exchanges *x = &lock->exchanges;
    exchange_begin(lock);
    if (u->read)
        g->part[EXCHANGE_READ_NEXT] = x->wants_read = true;
    x->wants_turn = x->wants_turn || u->wants_turn;
    if (u->write.kind != ELECTION_WRITE_NONE && x->turn.open) {
        add_part(lock, g, now, &u->write);
    } else if (u->write.kind != ELECTION_WRITE_NONE) {
        BUG_UNLESS(!lock->dialect->shared);
        begin_turn(lock);
        add_part(lock, g, now, &u->write);
        end_turn(lock);
    }
    exchange_end(lock);
}
