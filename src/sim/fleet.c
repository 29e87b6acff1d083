#include "sim/fleet.h"

#include <stdio.h>
#include <string.h>

#include "election/bug.h"

enum { EVENTS_MAX = 2000000, DRIFT_MOST_PPM = 330000 };

static const int64_t first_wall_ns = 1780000000 * FLEET_S;

void fleet_at(struct fleet *f, int64_t at, enum fleet_event kind, int who, uint32_t what, uint32_t generation)
{
    heap_push(&f->heap, &(struct heap_item){
                            .at = at > f->now ? at : f->now, .kind = (int)kind, .who = who, .what = what, .generation = generation });
}

leasehold_time fleet_clock(const struct fleet *f, int node)
{
    return clocks_read(&f->node[node].clocks, f->now);
}

int64_t fleet_true_time(const struct fleet *f, int node, int64_t boot_ns)
{
    return clocks_when_boot(&f->node[node].clocks, 0, boot_ns);
}

static void mix(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * UINT64_C(0x100000001b3);
    *hash ^= *hash >> 29;
}

void fleet_tell(struct fleet *f, int group, struct fact *fact)
{
    if (f->ended)
        return;
    struct judge *j = &f->group[group].judge;
    fact->at = f->now;
    mix(&f->hash, (uint64_t)fact->at);
    mix(&f->hash, (uint64_t)group << 48 | (uint64_t)fact->kind << 32 | (uint32_t)fact->who);
    mix(&f->hash, fact->version.resource_version);
    if (f->told)
        f->told(f, group, fact);
    judge_fact(j, fact);
    if (!j->failed || f->failed)
        return;
    f->failed = true;
    snprintf(f->sentence, sizeof f->sentence, "group %s: %s", f->group[group].name, j->sentence);
    if (f->told)
        f->told(f, group, &(struct fact){ .kind = FACT_KINDS, .at = f->now, .who = SIM_NOBODY, .note = f->sentence });
}

void fleet_note(struct fleet *f, int who, const char *note, bool ends)
{
    if (!ends)
        f->counts.faults++;
    if (f->told && !f->ended)
        f->told(f, -1, &(struct fact){ .kind = FACT_FAULT, .at = f->now, .who = who, .note = note, .flag = ends });
}

bool fleet_chance(struct fleet *f, enum menu_item item, int64_t million)
{
    return f->menu.has[item] && !f->healing && prng_chance(&f->random, million) && menu_strikes(&f->menu);
}

int64_t fleet_delay(struct fleet *f, int node)
{
    int64_t most = f->node[node].delay_ns;
    return prng_range(&f->random, 100000, most > 2 * FLEET_MS ? most : 2 * FLEET_MS);
}

/* ---- a world and its end ------------------------------------------------------------------------------------------ */

static void set_clocks(struct fleet *f)
{
    int64_t skew = f->settings.skew_ns / 2;
    for (int n = 0; n < f->node_count; n++) {
        struct clocks *c = &f->node[n].clocks;
        c->boot_base = prng_span(&f->random, FLEET_S, 1000000 * FLEET_S);
        c->raw_base = prng_range(&f->random, 0, c->boot_base);
        c->wall_offset = first_wall_ns;
        if (!f->menu.has[MENU_CLOCK])
            continue;
        c->wall_offset += f->settings.camel ? prng_range(&f->random, -skew, skew) : prng_range(&f->random, -100000, 100000) * FLEET_S;
        c->boot_ppm = (int32_t)prng_range(&f->random, -1, 1) * 10000;
        c->raw_ppm = (int32_t)prng_range(&f->random, -1, 1) * 10000;
    }
}

/* Clocks off by up to a third, for the whole run: of one machine, or of each. */
static void set_adrift(struct fleet *f)
{
    struct prng random = prng_part(f->seed, UINT64_MAX);
    bool each = prng_chance(&random, 300000);
    int one = prng_index(&random, f->node_count);
    for (int n = 0; n < f->node_count && f->menu.has[MENU_DRIFT]; n++) {
        if (!each && n != one)
            continue;
        int32_t rate = (int32_t)prng_range(&random, 10001, DRIFT_MOST_PPM);
        f->node[n].adrift = true;
        f->node[n].clocks.boot_ppm = f->node[n].clocks.raw_ppm = prng_chance(&random, 700000) ? -rate : rate;
    }
}

void fleet_begin(struct fleet *f, uint64_t seed, const struct fleet_settings *settings, int nodes)
{
    struct check_counts counts = f->counts;
    uint64_t events = f->events;
    struct menu menu = f->menu;
    void (*told)(struct fleet *, int, const struct fact *) = f->told;
    void *user = f->user;
    memset(f, 0, sizeof *f);
    f->counts = counts;
    f->events = events;
    f->menu = menu;
    f->told = told;
    f->user = user;
    f->seed = seed;
    f->settings = *settings;
    f->dialect = settings->configmap ? &dialect_configmap : &dialect_lease;
    f->random.state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    f->hash = UINT64_C(0xcbf29ce484222325);
    f->node_count = nodes;
    set_clocks(f);
    set_adrift(f);
    for (uint32_t i = 0; i < FLEET_CALLS_MAX; i++)
        f->call[i].next_free = i + 1 < FLEET_CALLS_MAX ? i + 1 : FLEET_NO_SLOT;
    for (uint32_t i = 0; i < FLEET_PARCELS_MAX; i++)
        f->parcel[i].next_free = i + 1 < FLEET_PARCELS_MAX ? i + 1 : FLEET_NO_SLOT;
    for (int g = 0; g < settings->groups; g++) {
        snprintf(f->group[g].name, sizeof f->group[g].name, "group-%d", g);
        fenced_begin(&f->group[g].fenced, seed, g);
    }
    struct store_options options = { .first_version = 100 + seed % 1000, .seed = seed };
    f->store = store_open(&options, first_wall_ns / 1000);
}

static void add_counts(struct fleet *f)
{
    for (int g = 0; g < f->settings.groups; g++) {
        const struct check_counts *c = &f->group[g].judge.counts;
        for (int i = 0; i < CHECK_NAMES; i++)
            f->counts.violations[i] += c->violations[i];
        f->counts.blind_takes += c->blind_takes;
        f->counts.blind_overlaps += c->blind_overlaps;
        f->counts.foreign += c->foreign;
        f->counts.adrift += c->adrift;
        f->counts.stored += c->stored;
        f->counts.refused += c->refused;
        f->counts.elections += c->elections;
        if (c->worst_heal_ns > f->counts.worst_heal_ns)
            f->counts.worst_heal_ns = c->worst_heal_ns;
        if (c->worst_heal_part > f->counts.worst_heal_part)
            f->counts.worst_heal_part = c->worst_heal_part;
    }
}

void fleet_end(struct fleet *f)
{
    struct heap_item item;
    f->ended = true;
    for (int i = 0; i < f->process_count; i++)
        fleet_crash(f, i, true);
    while (heap_pop(&f->heap, &item)) {
        if (item.kind == FLEET_EVENT_ARRIVE)
            fleet_parcel_free(f, item.what);
        else if (item.kind == FLEET_EVENT_SERVE || item.kind == FLEET_EVENT_LIMIT || item.kind == FLEET_EVENT_PUMP)
            fleet_call_drop(f, item.what);
    }
    f->store = store_close(f->store);
    add_counts(f);
}

/* ---- events --------------------------------------------------------------------------------------------------------- */

static bool of_process(int kind)
{
    return kind <= FLEET_EVENT_ARRIVE || kind == FLEET_EVENT_LIMIT || kind == FLEET_EVENT_WORK_TOLD || kind == FLEET_EVENT_CAMEL ||
           kind == FLEET_EVENT_CAMEL_ANSWER;
}

static void handle(struct fleet *f, const struct heap_item *item)
{
    struct fleet_process *p = item->who >= 0 ? &f->process[item->who] : NULL;
    if (p && of_process(item->kind) && p->alive && (p->frozen_until > f->now || p->dispatching)) {
        /* What comes meanwhile waits until it goes on, which may be sooner than was thought, when all faults end; and it may have to
         * wait for somebody else's turn in this very stack. */
        int64_t at = p->frozen_until > f->now ? p->frozen_until : f->now + FLEET_MS;
        if (at > f->now + FLEET_S)
            at = f->now + FLEET_S;
        fleet_at(f, at, (enum fleet_event)item->kind, item->who, item->what, item->generation);
        return;
    }
    switch ((enum fleet_event)item->kind) {
    case FLEET_EVENT_TIMER:
    case FLEET_EVENT_WOKEN:
    case FLEET_EVENT_WORK_TOLD:
    case FLEET_EVENT_BEGIN:
        fleet_process_event(f, item);
        break;
    case FLEET_EVENT_ARRIVE:
        fleet_arrive(f, item->what);
        break;
    case FLEET_EVENT_SERVE:
        fleet_serve(f, item->what);
        break;
    case FLEET_EVENT_LIMIT:
        fleet_limit(f, item->what);
        break;
    case FLEET_EVENT_PUMP:
        fleet_pump(f, item->what);
        break;
    case FLEET_EVENT_WORK_CHECK:
    case FLEET_EVENT_WORK_EXEC:
    case FLEET_EVENT_WORK_OBEY:
    case FLEET_EVENT_WORK_KILL:
    case FLEET_EVENT_WORK_STORES:
        fleet_work_event(f, item);
        break;
    case FLEET_EVENT_STORED:
        fleet_work_stored(f, item);
        break;
    case FLEET_EVENT_CAMEL:
    case FLEET_EVENT_CAMEL_SERVE:
    case FLEET_EVENT_CAMEL_ANSWER:
        fleet_camel_event(f, item);
        break;
    case FLEET_EVENT_SAMPLE:
        fleet_sample(f);
        break;
    case FLEET_EVENT_FAULT:
        fleet_fault_next(f);
        break;
    case FLEET_EVENT_FAULT_ENDS:
        fleet_fault_ends(f, item);
        break;
    case FLEET_EVENT_NEIGHBOUR:
        fleet_neighbour(f, prng_index(&f->random, 1000));
        fleet_at(f, f->now + prng_span(&f->random, 5 * FLEET_MS, 4 * FLEET_S), FLEET_EVENT_NEIGHBOUR, SIM_NOBODY, 0, 0);
        break;
    case FLEET_EVENT_REPLAY:
        fleet_retell(f);
        break;
    case FLEET_EVENT_HEAL:
        fleet_heal(f);
        break;
    case FLEET_EVENT_END:
        for (int g = 0; g < f->settings.groups; g++)
            fleet_tell(f, g, &(struct fact){ .kind = FACT_END, .who = SIM_NOBODY });
        f->ended = true;
        break;
    }
}

/* The next event not after `at`. Returns false when there is none. */
static bool step(struct fleet *f, int64_t at)
{
    struct heap_item item;
    if (f->ended || f->failed || f->heap.count == 0 || f->heap.items[0].at > at)
        return false;
    heap_pop(&f->heap, &item);
    f->now = item.at;
    f->events++;
    handle(f, &item);
    return true;
}

int fleet_play(struct fleet *f, int64_t at)
{
    for (uint64_t i = 0; step(f, at); i++)
        BUG_UNLESS(i < EVENTS_MAX);
    if (!f->failed && !f->ended && f->now < at)
        f->now = at;
    return f->failed ? -1 : 0;
}

void fleet_live_on(struct fleet *f, int who)
{
    f->nested++;
    while (f->process[who].frozen_until > f->now && step(f, f->process[who].frozen_until))
        continue;
    if (f->process[who].frozen_until > f->now && !f->ended && !f->failed)
        f->now = f->process[who].frozen_until;
    f->nested--;
}

/* ---- a run of random faults ----------------------------------------------------------------------------------------- */

static void draw_settings(struct fleet *f, struct fleet_settings *s, struct prng *random)
{
    static const struct {
        int lease, deadline, retry;
    } sets[] = { { 15, 10, 2 }, { 5, 3, 1 }, { 20, 15, 6 }, { 8, 5, 2 } };
    int i = prng_index(random, sizeof sets / sizeof *sets);
    *s = (struct fleet_settings){ .configmap = f->menu.lock != MENU_LOCK_LEASE,
                                  .camel = f->menu.has[MENU_CAMEL] && f->menu.lock != MENU_LOCK_LEASE,
                                  .groups = prng_index(random, FLEET_GROUPS_MAX) + 1,
                                  .lease_ns = sets[i].lease * FLEET_S,
                                  .deadline_ns = sets[i].deadline * FLEET_S,
                                  .retry_ns = sets[i].retry * FLEET_S,
                                  .skew_ns = 500 * FLEET_MS,
                                  .foreign_ns = 25 * FLEET_S };
}

/* Most processes stand in all groups, some in one or two. */
static unsigned draw_groups(struct fleet *f)
{
    unsigned all = (1U << f->settings.groups) - 1;
    unsigned some = (unsigned)prng_range(&f->random, 1, all);
    return prng_chance(&f->random, 600000) ? all : some;
}

static void build(struct fleet *f, const struct menu *allowed)
{
    for (int n = 0; n < f->node_count; n++)
        fleet_at(f, prng_span(&f->random, FLEET_MS, 3 * FLEET_S), FLEET_EVENT_BEGIN, SIM_NOBODY, (uint32_t)n,
                 n == 0 ? (1U << f->settings.groups) - 1 : draw_groups(f));
    for (int i = f->settings.camel ? prng_index(&f->random, 3) + 1 : 0; i > 0; i--)
        fleet_at(f, prng_span(&f->random, FLEET_MS, 10 * FLEET_S), FLEET_EVENT_BEGIN, SIM_NOBODY,
                 (uint32_t)prng_index(&f->random, f->node_count), 1U << prng_index(&f->random, f->settings.groups) | 1U << 31);
    fleet_at(f, prng_range(&f->random, 50 * FLEET_MS, 500 * FLEET_MS), FLEET_EVENT_SAMPLE, SIM_NOBODY, 0, 0);
    if (f->menu.has[MENU_NEIGHBOUR])
        fleet_at(f, prng_span(&f->random, FLEET_MS, 5 * FLEET_S), FLEET_EVENT_NEIGHBOUR, SIM_NOBODY, 0, 0);
    fleet_fault_begin(f);
    fleet_at(f, allowed->time_ns, FLEET_EVENT_HEAL, SIM_NOBODY, 0, 0);
}

int fleet_run(struct fleet *f, uint64_t seed, const struct menu *allowed)
{
    struct prng random = { .state = seed * UINT64_C(0x9e3779b97f4a7c15) + 3 };
    struct fleet_settings settings;
    menu_draw(&f->menu, allowed, &random);
    draw_settings(f, &settings, &random);
    fleet_begin(f, seed, &settings, allowed->candidates ? allowed->candidates : (int)prng_range(&random, 2, 4));
    build(f, allowed);
    int result = fleet_play(f, INT64_MAX);
    fleet_end(f);
    return result;
}
