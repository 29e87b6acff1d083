/* The API server: what it does with a request in each of its moods, and what comes back. */
#include "sim/world.h"

enum { APPLY_LATER_CHANCE = 300000, APPLY_AND_FAIL_CHANCE = 500000, RESET_CHANCE = 300000, REFUSE_CHANCE = 500000, LOSS_CHANCE = 40000 };

static void answer(struct world *w, uint32_t slot, const struct election_event *event, void *object)
{
    struct request *r = &w->request[slot];
    const struct node *node = &w->node[w->process[r->who].node];
    bool lost = w->menu.has[MENU_LOSS] && !w->healing && prng_chance(&w->random, LOSS_CHANCE);
    if (lost)
        world_fault(w, r->who, r->read ? "loses an answer to a read" : "loses an answer to a write", false);
    if (lost || node->cut_down || r->done || !w->process[r->who].alive) {
        lock_object_drop(object);
        return;
    }
    uint32_t parcel = parcel_new(w);
    struct parcel *p = &w->parcel[parcel];
    p->kind = PARCEL_ANSWER;
    p->request = slot;
    p->event = *event;
    p->object = object;
    request_hold(w, slot);
    world_at(w, w->now + network_delay(w, w->process[r->who].node), EVENT_ARRIVE, r->who, parcel, 0);
}

static void fail(struct world *w, uint32_t slot, enum election_failure failure, int64_t retry_after)
{
    bool definite = failure == ELECTION_FAILURE_REFUSED;
    /* Rule 8 takes a 4xx for definite: what was sent twice is not told so of one copy while the other may be applied. */
    if (definite && w->request[slot].copies > 1)
        return;
    struct election_event event = { .failure = failure, .retry_after_ns = retry_after };
    if (w->request[slot].read)
        event.kind = ELECTION_READ_FAILED;
    else
        event.kind = definite ? ELECTION_WRITE_REFUSED : ELECTION_WRITE_UNKNOWN;
    answer(w, slot, &event, NULL);
}

static void apply(struct world *w, uint32_t slot, struct lock_answer *ret)
{
    struct request *r = &w->request[slot];
    struct record before = w->lock.record;
    const struct process *p = &w->process[r->who];
    lock_write(&w->lock, &r->write, r->object, r->knows_marks, p->name, w->now / 1000, ret);
    if (ret->code != 200 && ret->code != 201)
        return;
    world_tell(w, &(struct fact){ .kind = FACT_APPLIED,
                                  .who = r->who,
                                  .sent = r->decided_at,
                                  .purpose = r->write.purpose,
                                  .write = r->write.kind,
                                  .before = &before,
                                  .after = &ret->record,
                                  .base = r->write.base,
                                  .version = ret->version });
    server_changed(w);
}

static void serve_write(struct world *w, uint32_t slot, bool fails)
{
    struct lock_answer done;
    apply(w, slot, &done);
    if (fails) {
        lock_object_drop(done.object);
        fail(w, slot, prng_chance(&w->random, RESET_CHANCE) ? ELECTION_FAILURE_UNREACHABLE : ELECTION_FAILURE_SERVER, 0);
        return;
    }
    struct election_event event = { .kind = ELECTION_WRITTEN, .record = done.record, .version = done.version };
    /* A PUT of what is gone conflicts as well: only a read tells what there is now. */
    if (done.code == 409 || done.code == 404)
        event = (struct election_event){ .kind = ELECTION_WRITE_CONFLICT };
    else if (done.code >= 400)
        event = (struct election_event){ .kind = ELECTION_WRITE_REFUSED, .failure = ELECTION_FAILURE_REFUSED };
    answer(w, slot, &event, done.object);
}

static void serve_read(struct world *w, uint32_t slot)
{
    struct lock_answer done;
    lock_read(&w->lock, &done);
    struct election_event event = { .kind = ELECTION_READ, .record = done.record, .version = done.version };
    answer(w, slot, &event, done.object);
}

/* Whether the server does something else than its duty with the request. */
static bool misbehave(struct world *w, uint32_t slot)
{
    struct request *r = &w->request[slot];
    switch (w->mode) {
    case SERVER_DOWN:
        if (r->copies <= 1 && prng_chance(&w->random, REFUSE_CHANCE)) {
            struct election_event event = { .kind = r->read ? ELECTION_READ_FAILED : ELECTION_WRITE_REFUSED,
                                            .failure = ELECTION_FAILURE_UNREACHABLE };
            answer(w, slot, &event, NULL);
        }
        return true;
    case SERVER_HANGS:
        if (!r->read && prng_chance(&w->random, APPLY_LATER_CHANCE)) {
            int64_t at = w->now + prng_span(&w->random, 100 * SIM_MS, 20 * SIM_S);
            request_hold(w, slot);
            world_at(w, at, EVENT_SERVE, r->who, slot, 0);
            if (at > w->landing_until)
                w->landing_until = at;
        }
        return true;
    case SERVER_FAILS:
        if (!r->read && prng_chance(&w->random, APPLY_AND_FAIL_CHANCE))
            serve_write(w, slot, true);
        else
            fail(w, slot, prng_chance(&w->random, RESET_CHANCE) ? ELECTION_FAILURE_UNREACHABLE : ELECTION_FAILURE_SERVER, 0);
        return true;
    case SERVER_REFUSES:
        fail(w, slot, ELECTION_FAILURE_REFUSED, prng_chance(&w->random, REFUSE_CHANCE) ? prng_range(&w->random, 0, 5) * SIM_S : 0);
        return true;
    case SERVER_UP:
    case SERVER_MODES:
        break;
    }
    return false;
}

void server_serve(struct world *w, uint32_t slot)
{
    if (!misbehave(w, slot)) {
        if (w->request[slot].read)
            serve_read(w, slot);
        else
            serve_write(w, slot, false);
    }
    request_drop(w, slot);
}

void server_changed(struct world *w)
{
    struct lock *l = &w->lock;
    struct lock_answer now;
    lock_read(l, &now);
    if (w->history_count == SIM_HISTORY_MAX) {
        lock_object_drop(w->history[0].object);
        for (int i = 1; i < SIM_HISTORY_MAX; i++)
            w->history[i - 1] = w->history[i];
        w->history_count--;
    }
    w->history[w->history_count++] = (struct shown){ .record = now.record, .version = now.version, .object = now.object };
    watch_broadcast(w);
    w->watch_visible = now.code == 200 && l->labelled;
}
