/* The transport that the services of a fleet talk through: requests out, answers and streams back, and the client's patience. */
#include "sim/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/group.h"
#include "wire/object.h"

enum { LOSS_CHANCE = 40000, LATE_CHANCE = 60000, DUPLICATE_CHANCE = 60000, FREEZE_CHANCE = 1500 };

/* ---- slots ---------------------------------------------------------------------------------------------------------- */

void fleet_call_drop(struct fleet *f, uint32_t slot)
{
    struct transport_call *c = &f->call[slot];
    BUG_UNLESS(c->used && c->refs > 0);
    if (--c->refs > 0)
        return;
    store_watch_close(c->watch);
    free(c->method);
    free(c->path);
    json_decref(c->body);
    for (int i = 0; i < c->old_count; i++)
        json_decref(c->old[i].object);
    c->used = false;
    c->next_free = f->free_call;
    f->free_call = slot;
}

static uint32_t parcel_new(struct fleet *f, uint32_t call)
{
    uint32_t slot = f->free_parcel;
    BUG_UNLESS(slot != FLEET_NO_SLOT);
    f->free_parcel = f->parcel[slot].next_free;
    f->parcel[slot] = (struct fleet_parcel){ .call = call };
    f->call[call].refs++;
    return slot;
}

void fleet_parcel_free(struct fleet *f, uint32_t slot)
{
    struct fleet_parcel *p = &f->parcel[slot];
    free(p->body);
    json_decref(p->object);
    fleet_call_drop(f, p->call);
    p->body = NULL;
    p->object = NULL;
    p->next_free = f->free_parcel;
    f->free_parcel = slot;
}

/* ---- out ------------------------------------------------------------------------------------------------------------ */

/* The groups that take part in a write, and when each has decided on it. */
static void note_parts(struct fleet *f, struct transport_call *c)
{
    struct fleet_process *p = &f->process[c->who];
    for (int g = 0; g < f->settings.groups; g++) {
        const leasehold_group *handle = p->stand[g].handle;
        const char *lock;
        fleet_lock_name(f, g, &lock);
        if (!handle || !handle->lock || !handle->part[EXCHANGE_WRITE] || strcmp(object_name(c->body), lock) != 0)
            continue;
        const struct election *e = &handle->election;
        c->part[g] = e->writing;
        c->decided_at[g] = fleet_true_time(f, p->node, e->possible[e->writing_slot].sent.boot_ns);
    }
}

static void tell_sent(struct fleet *f, const struct transport_call *c)
{
    struct fleet_process *p = &f->process[c->who];
    struct fact fact = { .kind = FACT_SENT, .sent = f->now };
    for (int g = 0; g < f->settings.groups; g++) {
        if (!p->stand[g].stands || (c->write && !c->part[g]))
            continue;
        fact.who = p->stand[g].member;
        if (c->write) {
            fact.write = strcmp(c->method, "POST") == 0 ? ELECTION_WRITE_CREATE : ELECTION_WRITE_REPLACE;
            fact.sent = c->decided_at[g];
        }
        fleet_tell(f, g, &fact);
        if (!c->write)
            return; /* a read is counted once */
    }
}

static void serve_at(struct fleet *f, uint32_t slot, int64_t at)
{
    f->call[slot].refs++;
    f->call[slot].copies++;
    fleet_at(f, at, FLEET_EVENT_SERVE, SIM_NOBODY, slot, 0);
    if (at > f->landing_until)
        f->landing_until = at;
}

static bool hangs(struct fleet *f, const struct transport_call *c)
{
    struct fleet_process *p = &f->process[c->who];
    if (f->hang_ns == 0 || c->stream || (p->hung_at > 0 && f->now - p->hung_at < f->hang_ns))
        return false;
    p->hung_at = f->now;
    return true;
}

static void send(struct fleet *f, uint32_t slot)
{
    struct transport_call *c = &f->call[slot];
    struct fleet_node *node = &f->node[f->process[c->who].node];
    int64_t delay = fleet_delay(f, f->process[c->who].node);
    if (hangs(f, c))
        return;
    if (node->cut_up) {
        if (node->refused)
            fleet_answer(f, slot, TRANSPORT_NOT_SENT, 0, NULL, 0);
        return;
    }
    if (fleet_chance(f, MENU_LOSS, LOSS_CHANCE)) {
        fleet_note(f, c->who, "loses a request", false);
        return;
    }
    if (c->write && fleet_chance(f, MENU_DUPLICATE, DUPLICATE_CHANCE)) {
        fleet_note(f, c->who, "has a write sent twice", false);
        serve_at(f, slot, f->now + delay + prng_span(&f->random, 100000, 5 * FLEET_S));
    }
    if (fleet_chance(f, MENU_LATE, LATE_CHANCE)) {
        fleet_note(f, c->who, "has a request served late", false);
        delay += prng_span(&f->random, FLEET_MS, 20 * FLEET_S);
    }
    serve_at(f, slot, f->now + delay + node->serve_delay_ns);
}

static int start(void *transport, const struct transport_request *request, const struct transport_handler *handler, void *user,
                 struct transport_call **ret_call)
{
    struct fleet_process *p = transport;
    struct fleet *f = p->fleet;
    uint32_t slot = f->free_call;
    BUG_UNLESS(slot != FLEET_NO_SLOT);
    struct transport_call *c = &f->call[slot];
    f->free_call = c->next_free;
    *c = (struct transport_call){ .used = true,
                                  .refs = 1,
                                  .slot = slot,
                                  .who = (int)(p - f->process),
                                  .handler = handler,
                                  .user = user,
                                  .method = strdup(request->method),
                                  .path = strdup(request->path),
                                  .stream = request->stream,
                                  .write = request->body != NULL,
                                  .idle_ns = request->idle_ns,
                                  .sent_at = f->now };
    BUG_UNLESS(c->method && c->path);
    if (c->write) {
        BUG_UNLESS(object_parse(request->body, request->body_size, &c->body) == 0);
        note_parts(f, c);
    }
    tell_sent(f, c);
    c->refs++;
    fleet_at(f, fleet_true_time(f, p->node, time_sum(fleet_clock(f, p->node).boot_ns, request->limit_ns)), FLEET_EVENT_LIMIT, c->who, slot,
             0);
    if (!p->doomed)
        send(f, slot);
    *ret_call = c;
    return 0;
}

static void cancel(void *transport, struct transport_call *call)
{
    struct fleet_process *p = transport;
    call->done = true;
    fleet_call_drop(p->fleet, call->slot);
}

static leasehold_time now(void *transport)
{
    struct fleet_process *p = transport;
    struct fleet *f = p->fleet;
    /* Before or behind the reading, who knows. */
    bool before = prng_chance(&f->random, 500000);
    bool frozen = p->dispatching && f->nested < FLEET_NESTED_MAX && fleet_chance(f, MENU_FREEZE, FREEZE_CHANCE);
    leasehold_time reading = fleet_clock(f, p->node);
    if (!frozen || f->ended)
        return reading;
    fleet_note(f, (int)(p - f->process), before ? "is frozen before it reads the clock" : "is frozen after it read the clock", false);
    fleet_freeze(f, (int)(p - f->process), prng_span(&f->random, FLEET_MS, 40 * FLEET_S));
    fleet_live_on(f, (int)(p - f->process));
    return before ? fleet_clock(f, p->node) : reading;
}

const struct transport_operations fleet_transport = { start, cancel, now };

/* ---- back ----------------------------------------------------------------------------------------------------------- */

static void dispatch_answer(struct fleet *f, struct transport_call *c, const struct transport_answer *answer)
{
    struct fleet_process *p = &f->process[c->who];
    int who = c->who;
    uint32_t slot = c->slot;
    c->done = true;
    p->dispatching++;
    BUG_UNLESS(guard_lock(p->service->guard) == 0);
    c->handler->on_answer(c->user, answer);
    guard_unlock(p->service->guard);
    p->dispatching--;
    fleet_call_drop(f, slot);
    fleet_settle(f, who);
}

static void arrive_stream(struct fleet *f, struct transport_call *c, const struct fleet_parcel *parcel)
{
    struct fleet_process *p = &f->process[c->who];
    int who = c->who;
    if (parcel->data && parcel->object && f->settings.groups)
        fleet_shown(f, who, parcel->object, f->now);
    c->heard_at = f->now;
    p->dispatching++;
    BUG_UNLESS(guard_lock(p->service->guard) == 0);
    if (parcel->opens)
        c->handler->on_open(c->user, fleet_clock(f, p->node));
    else
        c->handler->on_data(c->user, parcel->body, strlen(parcel->body), fleet_clock(f, p->node));
    guard_unlock(p->service->guard);
    p->dispatching--;
    fleet_settle(f, who);
}

static void tell_answered(struct fleet *f, const struct transport_call *c, const json_t *object)
{
    struct fact fact = { .kind = FACT_ANSWERED, .write = strcmp(c->method, "POST") == 0 ? ELECTION_WRITE_CREATE : ELECTION_WRITE_REPLACE };
    object_version(object, &fact.version);
    if (fact.write == ELECTION_WRITE_REPLACE)
        object_version(c->body, &fact.base);
    for (int g = 0; g < f->settings.groups; g++)
        if (c->part[g]) {
            fact.who = f->process[c->who].stand[g].member;
            fleet_tell(f, g, &fact);
        }
}

void fleet_arrive(struct fleet *f, uint32_t slot)
{
    struct fleet_parcel *parcel = &f->parcel[slot];
    struct transport_call *c = &f->call[parcel->call];
    struct fleet_process *p = &f->process[c->who];
    if (c->done || !p->alive) {
        fleet_parcel_free(f, slot);
        return;
    }
    if (parcel->opens || parcel->data) {
        arrive_stream(f, c, parcel);
        fleet_parcel_free(f, slot);
        return;
    }
    struct transport_answer answer = { .outcome = parcel->outcome,
                                       .status = parcel->status,
                                       .body = parcel->body ? parcel->body : "",
                                       .body_size = parcel->body ? strlen(parcel->body) : 0,
                                       .retry_after_ns = parcel->retry_after_ns,
                                       .received = fleet_clock(f, p->node),
                                       .sentence = parcel->outcome == TRANSPORT_ANSWERED ? "" : "the simulated network says no" };
    bool object = answer.outcome == TRANSPORT_ANSWERED && (answer.status == 200 || answer.status == 201);
    if (!c->stream && (object || (answer.status == 404 && !c->write)))
        fleet_shown(f, c->who, object ? parcel->object : NULL, c->sent_at);
    if (object && c->write)
        tell_answered(f, c, parcel->object);
    dispatch_answer(f, c, &answer);
    fleet_parcel_free(f, slot);
}

void fleet_limit(struct fleet *f, uint32_t slot)
{
    struct transport_call *c = &f->call[slot];
    struct fleet_process *p = &f->process[c->who];
    struct transport_answer answer = { .outcome = TRANSPORT_TIMED_OUT, .body = "", .sentence = "no answer in time" };
    if (c->done || !p->alive || (c->stream && c->open && (c->idle_ns == 0 || f->now - c->heard_at < c->idle_ns))) {
        if (!c->done && p->alive && c->idle_ns > 0) {
            fleet_at(f, c->heard_at + c->idle_ns, FLEET_EVENT_LIMIT, c->who, slot, 0); /* keeps the reference */
            return;
        }
    } else {
        if (c->open)
            answer.outcome = TRANSPORT_BROKEN;
        answer.received = fleet_clock(f, p->node);
        dispatch_answer(f, c, &answer);
    }
    fleet_call_drop(f, slot);
}

static void post(struct fleet *f, uint32_t call, uint32_t parcel)
{
    struct transport_call *c = &f->call[call];
    const struct fleet_process *p = &f->process[c->who];
    int64_t at = f->now + fleet_delay(f, p->node);
    if (c->stream) {
        if (at < c->heard_at)
            at = c->heard_at; /* one connection keeps the order */
        c->heard_at = at;
    }
    fleet_at(f, at, FLEET_EVENT_ARRIVE, c->who, parcel, 0);
}

void fleet_answer(struct fleet *f, uint32_t slot, enum transport_outcome outcome, int status, json_t *object, int64_t retry_after_ns)
{
    struct transport_call *c = &f->call[slot];
    const struct fleet_node *node = &f->node[f->process[c->who].node];
    bool lost = outcome != TRANSPORT_NOT_SENT && (node->cut_down || fleet_chance(f, MENU_LOSS, LOSS_CHANCE));
    if (lost || c->done || !f->process[c->who].alive) {
        json_decref(object);
        return;
    }
    uint32_t parcel = parcel_new(f, slot);
    struct fleet_parcel *p = &f->parcel[parcel];
    p->outcome = outcome;
    p->status = status;
    p->retry_after_ns = retry_after_ns;
    p->object = object;
    size_t size;
    if (object)
        p->body = object_dump(object, &size);
    post(f, slot, parcel);
}

void fleet_stream_opens(struct fleet *f, uint32_t slot)
{
    uint32_t parcel = parcel_new(f, slot);
    f->parcel[parcel].opens = true;
    f->call[slot].open = true;
    post(f, slot, parcel);
}

void fleet_stream_data(struct fleet *f, uint32_t slot, enum store_watch_kind kind, json_t *object)
{
    uint32_t parcel = parcel_new(f, slot);
    struct fleet_parcel *p = &f->parcel[parcel];
    size_t size;
    char *text = object_dump(object, &size);
    p->data = true;
    BUG_UNLESS(text && asprintf(&p->body, "{\"type\":\"%s\",\"object\":%s}\n", store_watch_kind_name(kind), text) > 0);
    if (kind == STORE_ADDED || kind == STORE_MODIFIED)
        p->object = json_incref(object);
    free(text);
    post(f, slot, parcel);
}

void fleet_stream_ends(struct fleet *f, uint32_t slot)
{
    uint32_t parcel = parcel_new(f, slot);
    f->parcel[parcel].outcome = TRANSPORT_BROKEN;
    f->parcel[parcel].status = 200;
    post(f, slot, parcel);
}
