/* The way of a request: out, to the server, and its answer back; and the client's patience. */
#include "sim/world.h"

#include "election/bug.h"

enum { LOSS_CHANCE = 40000, LATE_CHANCE = 60000, DUPLICATE_CHANCE = 60000 };

int64_t network_delay(struct world *w, int node)
{
    int64_t most = w->node[node].delay_ns;
    return prng_range(&w->random, 100000, most > 2 * SIM_MS ? most : 2 * SIM_MS);
}

static uint32_t request_new(struct world *w)
{
    uint32_t slot = w->free_request;
    BUG_UNLESS(slot != NO_SLOT);
    w->free_request = w->request[slot].next_free;
    w->request[slot] = (struct request){ .used = true };
    return slot;
}

void request_hold(struct world *w, uint32_t slot)
{
    w->request[slot].refs++;
}

void request_drop(struct world *w, uint32_t slot)
{
    struct request *r = &w->request[slot];
    if (--r->refs > 0)
        return;
    lock_object_drop(r->object);
    r->used = false;
    r->next_free = w->free_request;
    w->free_request = slot;
}

static bool happens(struct world *w, enum menu_item item, int64_t chance)
{
    return w->menu.has[item] && !w->healing && prng_chance(&w->random, chance) && menu_strikes(&w->menu);
}

static void serve_at(struct world *w, uint32_t slot, int64_t at)
{
    request_hold(w, slot);
    w->request[slot].copies++;
    world_at(w, at, EVENT_SERVE, w->request[slot].who, slot, 0);
    if (at > w->landing_until)
        w->landing_until = at;
}

/* The connection is refused: the request provably never left. */
static void refuse(struct world *w, uint32_t slot, int64_t delay)
{
    uint32_t parcel = parcel_new(w);
    struct parcel *p = &w->parcel[parcel];
    p->kind = PARCEL_ANSWER;
    p->request = slot;
    request_hold(w, slot);
    p->event = (struct election_event){ .kind = w->request[slot].read ? ELECTION_READ_FAILED : ELECTION_WRITE_REFUSED,
                                        .failure = ELECTION_FAILURE_UNREACHABLE };
    world_at(w, w->now + delay, EVENT_ARRIVE, w->request[slot].who, parcel, 0);
}

static void send(struct world *w, uint32_t slot, int64_t limit_ns)
{
    struct request *r = &w->request[slot];
    const struct process *p = &w->process[r->who];
    struct node *node = &w->node[p->node];
    world_tell(w, &(struct fact){
                      .kind = FACT_SENT, .who = r->who, .write = r->read ? ELECTION_WRITE_NONE : r->write.kind, .sent = r->decided_at });
    int64_t limit_at = clocks_when_boot(&node->clocks, w->now, world_clock(w, p->node).boot_ns + limit_ns);
    request_hold(w, slot);
    world_at(w, limit_at, EVENT_LIMIT, r->who, slot, 0);
    int64_t delay = network_delay(w, p->node);
    if (node->cut_up) {
        if (node->refused)
            refuse(w, slot, delay);
        return;
    }
    if (happens(w, MENU_LOSS, LOSS_CHANCE)) {
        world_fault(w, r->who, r->read ? "loses a read" : "loses a write", false);
        return;
    }
    if (!r->read && happens(w, MENU_DUPLICATE, DUPLICATE_CHANCE)) {
        world_fault(w, r->who, "has a write sent twice", false);
        serve_at(w, slot, w->now + delay + prng_span(&w->random, 100000, 5 * SIM_S));
    }
    if (happens(w, MENU_LATE, LATE_CHANCE)) {
        world_fault(w, r->who, r->read ? "has a read served late" : "has a write served late", false);
        delay += prng_span(&w->random, SIM_MS, 20 * SIM_S);
    }
    serve_at(w, slot, w->now + delay);
}

void network_read(struct world *w, int who, int64_t limit_ns)
{
    uint32_t slot = request_new(w);
    w->request[slot].read = true;
    w->request[slot].who = who;
    w->request[slot].decided_at = w->process[who].decided_at;
    send(w, slot, limit_ns);
}

void network_write(struct world *w, int who, const struct election_write *write, bool knows_marks)
{
    uint32_t slot = request_new(w);
    struct request *r = &w->request[slot];
    r->who = who;
    r->write = *write;
    r->knows_marks = knows_marks;
    r->decided_at = w->process[who].decided_at;
    r->object = write->kind == ELECTION_WRITE_REPLACE ? lock_object_hold(w->process[who].object) : NULL;
    send(w, slot, write->limit_ns);
}

void network_limit(struct world *w, uint32_t slot)
{
    struct request *r = &w->request[slot];
    if (!r->done && w->process[r->who].alive) {
        uint32_t parcel = parcel_new(w);
        w->parcel[parcel].kind = PARCEL_LIMIT;
        w->parcel[parcel].request = slot;
        request_hold(w, slot);
        if (w->process[r->who].foreign)
            foreign_answer(w, r->who, &w->parcel[parcel]), parcel_free(w, parcel);
        else
            process_put(w, r->who, parcel);
    }
    request_drop(w, slot);
}
