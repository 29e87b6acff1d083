/* One watch on the lock for each process: late, silent, repeating, stepping back, blind for a lock without its label. */
#include "sim/world.h"

enum { REPEAT_CHANCE = 100000, DROP_CHANCE = 30000 };

void watch_want(struct world *w, int who, int64_t delay)
{
    struct watch *watch = &w->process[who].watch;
    if (watch->opening || !w->process[who].alive)
        return;
    watch->opening = true;
    world_at(w, w->now + delay, EVENT_WATCH_OPEN, who, 0, watch->generation);
}

static void deliver(struct world *w, int who, const struct election_event *event, void *object)
{
    struct watch *watch = &w->process[who].watch;
    const struct node *node = &w->node[w->process[who].node];
    if (watch->silent || node->cut_down) {
        watch->silent = true; /* what TCP did not deliver is followed by nothing */
        return;
    }
    int64_t delay = network_delay(w, w->process[who].node);
    if (w->menu.has[MENU_WATCH] && !w->healing && prng_chance(&w->random, REPEAT_CHANCE))
        delay += prng_span(&w->random, SIM_MS, 5 * SIM_S);
    int64_t at = w->now + delay;
    if (at < watch->last_arrival)
        at = watch->last_arrival; /* one connection keeps the order */
    watch->last_arrival = at;
    uint32_t slot = parcel_new(w);
    w->parcel[slot].kind = PARCEL_EVENT;
    w->parcel[slot].event = *event;
    w->parcel[slot].object = lock_object_hold(object);
    world_at(w, at, EVENT_ARRIVE, who, slot, watch->generation + 1);
}

static void deliver_shown(struct world *w, int who, const struct shown *s)
{
    struct election_event event = { .kind = s->version.resource_version ? ELECTION_WATCHED : ELECTION_WATCHED_GONE,
                                    .record = s->record,
                                    .version = s->version };
    deliver(w, who, &event, s->object);
}

void watch_open(struct world *w, int who, uint32_t generation)
{
    struct process *p = &w->process[who];
    struct watch *watch = &p->watch;
    if (!p->alive || p->foreign || generation != watch->generation)
        return;
    watch->opening = false;
    const struct node *node = &w->node[p->node];
    if (w->mode != SERVER_UP || node->cut_up || node->cut_down || node->suspended || p->frozen_until > w->now) {
        watch_want(w, who, prng_range(&w->random, 200 * SIM_MS, 2 * SIM_S));
        return;
    }
    watch->up = true;
    watch->silent = false;
    watch->generation++;
    watch->last_arrival = 0;
    deliver(w, who, &(struct election_event){ .kind = ELECTION_WATCH_UP }, NULL);
    /* The present state first, as the server's cache has it: perhaps not quite present. */
    int back = w->menu.has[MENU_WATCH] && prng_chance(&w->random, REPEAT_CHANCE) ? prng_index(&w->random, 3) : 0;
    int at = w->history_count - 1 - back;
    if (w->watch_visible && at >= 0 && w->history[at].version.resource_version)
        deliver_shown(w, who, &w->history[at]);
}

void watch_broadcast(struct world *w)
{
    const struct shown *newest = &w->history[w->history_count - 1];
    bool visible = newest->version.resource_version && w->lock.labelled;
    for (int who = 0; who < w->process_count; who++) {
        struct process *p = &w->process[who];
        if (!p->alive || !p->watch.up || (!visible && !w->watch_visible))
            continue;
        if (visible) {
            deliver_shown(w, who, newest);
        } else {
            deliver(w, who, &(struct election_event){ .kind = ELECTION_WATCHED_GONE }, NULL);
        }
        if (!w->menu.has[MENU_WATCH] || w->healing)
            continue;
        if (prng_chance(&w->random, REPEAT_CHANCE)) {
            world_fault(w, who, "is told old news by its watch", false);
            deliver_shown(w, who, &w->history[prng_index(&w->random, w->history_count)]);
        }
        if (prng_chance(&w->random, DROP_CHANCE)) {
            world_fault(w, who, "has a silent watch", false);
            watch_break(w, who, true);
        }
    }
}

/* The connection is dead. The driver hears of it at once, or when nothing came for long. */
void watch_break(struct world *w, int who, bool silent)
{
    struct watch *watch = &w->process[who].watch;
    if (!watch->up || watch->silent)
        return;
    watch->silent = true;
    int64_t most = silent && !w->healing ? 60 * SIM_S : 5 * SIM_S;
    world_at(w, w->now + (silent ? prng_span(&w->random, SIM_S, most) : 1000), EVENT_WATCH_LOST, who, 0, watch->generation);
}

void watch_lost(struct world *w, int who, uint32_t generation)
{
    struct process *p = &w->process[who];
    struct watch *watch = &p->watch;
    if (!p->alive || !watch->up || generation != watch->generation)
        return;
    watch->up = false;
    watch->silent = false;
    watch->generation++;
    watch->opening = false;
    process_event(w, who, &(struct election_event){ .kind = ELECTION_WATCH_DOWN }, 0);
    watch_want(w, who, prng_range(&w->random, 0, 2 * SIM_S));
}
