#include "sim/world.h"

#include <stdio.h>
#include <string.h>

#include "election/bug.h"

enum { EVENTS_MAX = 3000000 };

void world_at(struct world *w, int64_t at, enum world_event kind, int who, uint32_t what, uint32_t generation)
{
    heap_push(&w->heap, &(struct heap_item){
                            .at = at > w->now ? at : w->now, .kind = (int)kind, .who = who, .what = what, .generation = generation });
}

leasehold_time world_clock(const struct world *w, int node)
{
    return clocks_read(&w->node[node].clocks, w->now);
}

static void mix(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * UINT64_C(0x100000001b3);
    *hash ^= *hash >> 29;
}

void world_tell(struct world *w, struct fact *f)
{
    if (w->ended)
        return;
    f->at = w->now;
    mix(&w->hash, (uint64_t)f->at);
    mix(&w->hash, (uint64_t)f->kind << 32 | (uint32_t)f->who);
    mix(&w->hash, f->version.resource_version);
    mix(&w->hash, f->term << 8 | f->flag);
    if (w->trace)
        w->trace(w, f);
    bool failed = w->judge.failed;
    judge_fact(&w->judge, f);
    if (!failed && w->judge.failed && w->trace)
        w->trace(w, &(struct fact){ .kind = FACT_KINDS, .at = w->now, .who = SIM_NOBODY, .note = w->judge.sentence });
}

void world_fault(struct world *w, int who, const char *note, bool ends)
{
    world_tell(w, &(struct fact){ .kind = FACT_FAULT, .who = who, .note = note, .flag = ends });
}

uint32_t parcel_new(struct world *w)
{
    uint32_t slot = w->free_parcel;
    BUG_UNLESS(slot != NO_SLOT);
    struct parcel *p = &w->parcel[slot];
    w->free_parcel = p->next_free;
    memset(p, 0, sizeof *p);
    return slot;
}

void parcel_free(struct world *w, uint32_t slot)
{
    struct parcel *p = &w->parcel[slot];
    if (p->kind != PARCEL_EVENT)
        request_drop(w, p->request);
    lock_object_drop(p->object);
    p->object = NULL;
    p->next_free = w->free_parcel;
    w->free_parcel = slot;
}

static void reset(struct world *w, uint64_t seed)
{
    w->seed = seed;
    w->strikes = 0;
    w->random.state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    w->now = 0;
    w->healing = w->ended = false;
    w->landing_until = w->longest_wait_ns = w->longest_lease_ns = 0;
    w->process_count = w->history_count = 0;
    w->mode = SERVER_UP;
    w->watch_visible = false;
    w->hash = UINT64_C(0xcbf29ce484222325);
    fenced_begin(&w->fenced, seed, 0);
    memset(w->node, 0, sizeof w->node);
    memset(w->process, 0, sizeof w->process);
    w->heap.count = 0;
    w->heap.order = 0;
    for (uint32_t i = 0; i < SIM_REQUESTS_MAX; i++)
        w->request[i] = (struct request){ .next_free = i + 1 < SIM_REQUESTS_MAX ? i + 1 : NO_SLOT };
    for (uint32_t i = 0; i < SIM_PARCELS_MAX; i++)
        w->parcel[i].next_free = i + 1 < SIM_PARCELS_MAX ? i + 1 : NO_SLOT;
    w->free_request = w->free_parcel = 0;
    judge_begin(&w->judge);
}

static int32_t draw_rate(struct world *w, int32_t most)
{
    if (!w->menu.has[MENU_CLOCK])
        return 0;
    switch (prng_index(&w->random, 3)) {
    case 0:
        return -most;
    case 1:
        return most;
    default:
        return (int32_t)prng_range(&w->random, -most, most);
    }
}

static void build(struct world *w, const struct menu *allowed)
{
    menu_draw(&w->menu, allowed, &w->random);
    BUG_UNLESS(lock_open(&w->lock, allowed->bytes, w->seed) == 0);
    w->node_count = allowed->candidates ? allowed->candidates : (int)prng_range(&w->random, 2, SIM_NODES_MAX);
    struct election_settings settings = menu_settings(&w->random, allowed->shared);
    for (int i = 0; i < SIM_PROCESSES_MAX; i++) {
        struct process *p = &w->process[i];
        p->settings = w->menu.has[MENU_MIXED] ? menu_settings(&w->random, allowed->shared) : settings;
        if (p->settings.lease_duration_ns > w->longest_lease_ns)
            w->longest_lease_ns = p->settings.lease_duration_ns;
    }
    w->longest_wait_ns = w->longest_lease_ns;
    for (int n = 0; n < w->node_count; n++) {
        struct clocks *c = &w->node[n].clocks;
        c->boot_base = prng_span(&w->random, SIM_S, 1000000 * SIM_S);
        c->raw_base = prng_range(&w->random, 0, c->boot_base);
        c->boot_ppm = draw_rate(w, settings.rate_error_ppm);
        c->raw_ppm = draw_rate(w, settings.rate_error_ppm);
        c->wall_offset = 1780000000 * SIM_S + (w->menu.has[MENU_CLOCK] ? prng_range(&w->random, -100000, 100000) * SIM_S : 0);
    }
    for (int n = 0; n < w->node_count; n++)
        world_at(w, prng_span(&w->random, SIM_MS, 3 * SIM_S), EVENT_BEGIN_PROCESS, n, NO_SLOT, 0);
    if (w->menu.has[MENU_FOREIGN])
        world_at(w, prng_span(&w->random, SIM_MS, 10 * SIM_S), EVENT_FOREIGN, SIM_NOBODY, 0, 0);
    world_at(w, prng_range(&w->random, 50 * SIM_MS, 500 * SIM_MS), EVENT_SAMPLE, 0, 0, 0);
    fault_begin(w);
    w->heal_at = allowed->time_ns;
    world_at(w, w->heal_at, EVENT_HEAL, SIM_NOBODY, 0, 0);
}

static void begin_process(struct world *w, const struct heap_item *item)
{
    char name[SIM_NAME_MAX];
    if (item->what == NO_SLOT)
        snprintf(name, sizeof name, "%c", 'a' + item->who);
    else
        snprintf(name, sizeof name, "%s", w->process[item->what].name);
    bool foreign = item->what != NO_SLOT && w->process[item->what].foreign;
    if (foreign)
        foreign_begin(w, item->who, name, w->process[item->what].f.rule);
    else
        process_begin(w, item->who, name);
}

/* One of another project, or two that also compete with each other. */
static void begin_foreign(struct world *w)
{
    int node = prng_index(&w->random, w->node_count), which = (int)(w->seed % (FOREIGN_RULES + 1));
    if (which != FOREIGN_FABRIC8)
        foreign_begin(w, node, "go", FOREIGN_CLIENT_GO);
    if (which != FOREIGN_CLIENT_GO)
        foreign_begin(w, (node + which) % w->node_count, "fabric8", FOREIGN_FABRIC8);
}

/* After the end of all faults somebody leads within: what still lands; the longest wait that any record asks for, twice where a
 * watch tells nothing (the lock lost its label: the write at the end of the wait finds a newer record); a lease for each of the
 * two writes that may land unknown; rounds of retry; and what was asked of candidates before (hold-off, drain). */
static int64_t liveness_bound(const struct world *w)
{
    int64_t late = w->landing_until > w->now ? w->landing_until - w->now : 0;
    int64_t retry = 0;
    for (int i = 0; i < w->process_count; i++) {
        int64_t jittered = w->process[i].settings.retry_period_ns * w->process[i].settings.jitter_percent / 100;
        if (w->process[i].alive && jittered > retry)
            retry = jittered;
    }
    int64_t bound = late + 2 * w->longest_wait_ns + 2 * w->longest_lease_ns + 4 * retry;
    bound += bound / 50; /* clocks that run slow */
    if (w->menu.has[MENU_RESIGN])
        bound += 24 * SIM_S;
    if (w->menu.has[MENU_WORK])
        bound += 20 * SIM_S;
    return bound;
}

static void heal(struct world *w)
{
    fault_heal(w);
    int64_t by = w->now + liveness_bound(w);
    world_tell(w, &(struct fact){ .kind = FACT_HEALED, .who = SIM_NOBODY, .sent = by });
    world_at(w, by + w->longest_lease_ns, EVENT_END, SIM_NOBODY, 0, 0);
}

static void sample_next(struct world *w)
{
    for (int tries = 0; w->process_count && tries < 4; tries++) {
        int who = prng_index(&w->random, w->process_count);
        /* Whoever never led has little to tell. */
        if (tries < 3 && (!w->process[who].alive || w->process[who].published.ended || w->process[who].published.term == 0))
            continue;
        process_sample(w, who);
        break;
    }
    world_at(w, w->now + prng_span(&w->random, 5 * SIM_MS, SIM_S), EVENT_SAMPLE, 0, 0, 0);
}

static void arrive(struct world *w, const struct heap_item *item)
{
    struct process *p = &w->process[item->who];
    /* News of a watch that was given up since. */
    bool stale = item->generation != 0 && item->generation != p->watch.generation + 1;
    if (!p->alive || stale)
        parcel_free(w, item->what);
    else if (p->foreign) {
        foreign_answer(w, item->who, &w->parcel[item->what]);
        parcel_free(w, item->what);
    } else {
        process_put(w, item->who, item->what);
    }
}

static void handle(struct world *w, const struct heap_item *item)
{
    struct process *p = item->who >= 0 ? &w->process[item->who] : NULL;
    switch ((enum world_event)item->kind) {
    case EVENT_STAGE:
        if (p && item->generation == p->generation)
            process_stage(w, item->who);
        break;
    case EVENT_TIMER:
        if (p && item->generation == p->timer_generation)
            process_timer(w, item->who);
        break;
    case EVENT_SERVE:
        server_serve(w, item->what);
        break;
    case EVENT_LIMIT:
        network_limit(w, item->what);
        break;
    case EVENT_ARRIVE:
        arrive(w, item);
        break;
    case EVENT_WATCH_OPEN:
        watch_open(w, item->who, item->generation);
        break;
    case EVENT_WATCH_LOST:
        watch_lost(w, item->who, item->generation);
        break;
    case EVENT_WORK_CHECK:
    case EVENT_WORK_EXEC:
    case EVENT_WORK_OBEY:
    case EVENT_WORK_REST:
    case EVENT_WORK_KILL:
    case EVENT_WORK_STORES:
        work_event(w, item);
        break;
    case EVENT_STORED:
        work_stored(w, item);
        break;
    case EVENT_SAMPLE:
        sample_next(w);
        break;
    case EVENT_SAMPLE_READ:
        process_sample_read(w, item->who, item->what);
        break;
    case EVENT_FAULT:
        fault_next(w);
        break;
    case EVENT_FAULT_ENDS:
        fault_ends(w, item);
        break;
    case EVENT_BEGIN_PROCESS:
        begin_process(w, item);
        break;
    case EVENT_FOREIGN:
        if (item->who == SIM_NOBODY)
            begin_foreign(w);
        else
            foreign_tick(w, item->who, item->generation);
        break;
    case EVENT_HEAL:
        heal(w);
        break;
    case EVENT_SCRIPT:
        w->script(w, item->what);
        break;
    case EVENT_END:
        world_tell(w, &(struct fact){ .kind = FACT_END, .who = SIM_NOBODY });
        w->ended = true;
        break;
    }
}

static void clear(struct world *w)
{
    struct heap_item item;
    w->ended = true;
    while (heap_pop(&w->heap, &item)) {
        if (item.kind == EVENT_ARRIVE || item.kind == EVENT_SAMPLE_READ)
            parcel_free(w, item.what);
        else if (item.kind == EVENT_SERVE || item.kind == EVENT_LIMIT)
            request_drop(w, item.what);
    }
    for (int i = 0; i < w->process_count; i++)
        process_crash(w, i, false);
    for (int i = 0; i < w->history_count; i++)
        lock_object_drop(w->history[i].object);
    lock_close(&w->lock);
}

void world_begin(struct world *w, uint64_t seed, bool bytes)
{
    reset(w, seed);
    memset(&w->menu, 0, sizeof w->menu);
    BUG_UNLESS(lock_open(&w->lock, bytes, seed) == 0);
}

int world_play(struct world *w)
{
    struct heap_item item;
    uint64_t events = 0;
    while (!w->ended && !w->judge.failed && heap_pop(&w->heap, &item)) {
        w->now = item.at;
        BUG_UNLESS(++events < EVENTS_MAX);
        handle(w, &item);
    }
    /* The item at hand has been dealt with; the rest is given back. */
    w->events += events;
    clear(w);
    return w->judge.failed ? -1 : 0;
}

int world_run(struct world *w, uint64_t seed, const struct menu *allowed)
{
    reset(w, seed);
    build(w, allowed);
    return world_play(w);
}
