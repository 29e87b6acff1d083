/* The work of a term as the supervisor runs it: forked, checked against the clock before exec, asked to stop, dead at kill_at by
 * a timer of the kernel that fires whatever happens to our processes. */
#include "sim/world.h"

#include "election/bug.h"

enum { LINGER_CHANCE = 300000, IGNORE_CHANCE = 200000 };

static struct work *find(struct process *p, uint64_t term)
{
    for (int i = 0; i < SIM_WORKS_MAX; i++)
        if (p->work[i].phase != WORK_NONE && p->work[i].term == term)
            return &p->work[i];
    return NULL;
}

static struct work *find_free(struct process *p)
{
    for (int i = 0; i < SIM_WORKS_MAX; i++)
        if (p->work[i].phase == WORK_NONE)
            return &p->work[i];
    BUG_UNLESS(false);
    return NULL;
}

static void report(struct world *w, int who, struct work *work)
{
    if (work->reported)
        return;
    work->reported = true;
    struct election_event event = { .kind = ELECTION_WORK_STOPPED, .term = work->term };
    if (w->process[who].alive && !w->process[who].foreign)
        process_event(w, who, &event, prng_range(&w->random, 0, 2 * SIM_MS));
}

static void tell(struct world *w, int who, const struct work *work, bool begins)
{
    world_tell(w, &(struct fact){ .kind = begins ? FACT_WORK_BEGINS : FACT_WORK_ENDS, .who = who, .term = work->term });
}

/* The whole tree is dead. */
static void dead(struct world *w, int who, struct work *work)
{
    bool ran = work->phase == WORK_RUNNING || work->phase == WORK_REST;
    if (ran && !work->asleep)
        tell(w, who, work, false);
    report(w, who, work);
    work->phase = WORK_NONE;
    work->generation++;
    work->kill_generation++;
}

static void later(struct world *w, int who, struct work *work, enum world_event kind, int64_t delay)
{
    struct process *p = &w->process[who];
    world_at(w, w->now + delay, kind, who, (uint32_t)(work - p->work), work->generation);
}

static void arm_kill(struct world *w, int who, struct work *work)
{
    struct process *p = &w->process[who];
    int64_t at = clocks_when_boot(&w->node[p->node].clocks, w->now, work->kill_at.boot_ns);
    world_at(w, at, EVENT_WORK_KILL, who, (uint32_t)(work - p->work), ++work->kill_generation);
}

void work_start(struct world *w, int who, const struct election_update *u)
{
    struct process *p = &w->process[who];
    struct work *work = find_free(p);
    uint32_t generation = work->generation, kill_generation = work->kill_generation;
    *work = (struct work){ .phase = WORK_CHECK,
                           .term = u->term,
                           .token = u->token,
                           .term_at = u->term_at,
                           .kill_at = u->kill_at,
                           .generation = generation,
                           .kill_generation = kill_generation };
    arm_kill(w, who, work);
    bool slow = w->menu.has[MENU_FREEZE] && !w->healing && prng_chance(&w->random, 20000);
    later(w, who, work, EVENT_WORK_CHECK,
          slow ? prng_span(&w->random, SIM_MS, 30 * SIM_S) : prng_range(&w->random, SIM_MS / 2, 10 * SIM_MS));
}

void work_extend(struct world *w, int who, const struct election_update *u)
{
    struct work *work = find(&w->process[who], u->term);
    if (!work)
        return;
    work->term_at = u->term_at;
    work->kill_at = u->kill_at;
    arm_kill(w, who, work);
}

void work_stop(struct world *w, int who, const struct election_update *u)
{
    struct process *p = &w->process[who];
    struct work *work = find(p, u->term);
    if (!work)
        return;
    if (u->kill_work || work->phase == WORK_CHECK || work->phase == WORK_EXEC) {
        dead(w, who, work);
        return;
    }
    if (u->kill_at.boot_ns != work->kill_at.boot_ns) {
        work->kill_at = u->kill_at;
        arm_kill(w, who, work);
    }
    if (work->asked)
        return;
    work->asked = true;
    bool asked_for = u->reason == ELECTION_REASON_RESIGNED || u->reason == ELECTION_REASON_CLOSED;
    if (w->menu.has[MENU_WORK] && !asked_for && prng_chance(&w->random, IGNORE_CHANCE))
        return; /* the kernel's timer will see to it */
    int64_t most = asked_for ? 12 * SIM_S : p->settings.stop_timeout_ns * 3 / 2;
    later(w, who, work, EVENT_WORK_OBEY,
          w->menu.has[MENU_WORK] ? prng_span(&w->random, SIM_MS, most) : prng_range(&w->random, SIM_MS, 50 * SIM_MS));
}

static void check(struct world *w, int who, struct work *work)
{
    /* The child's last act before exec. */
    if (time_reached_by_any(world_clock(w, w->process[who].node), work->term_at)) {
        dead(w, who, work);
        return;
    }
    work->phase = WORK_EXEC;
    bool frozen = w->menu.has[MENU_FREEZE] && !w->healing && prng_chance(&w->random, 20000);
    if (frozen)
        world_fault(w, who, "has a worker frozen between the check and exec", false);
    later(w, who, work, EVENT_WORK_EXEC, frozen ? prng_span(&w->random, SIM_MS, 30 * SIM_S) : 1000);
}

static void begin(struct world *w, int who, struct work *work)
{
    work->phase = WORK_RUNNING;
    tell(w, who, work, true);
    later(w, who, work, EVENT_WORK_STORES, fenced_delay(&w->fenced, false));
    if (w->menu.has[MENU_WORK] && !w->healing && prng_chance(&w->random, 200000))
        later(w, who, work, EVENT_WORK_OBEY, prng_span(&w->random, 100 * SIM_MS, 60 * SIM_S));
}

/* A write leaves: from here on nothing holds it up, neither the end of the worker nor that of its term. */
static void stores(struct world *w, int who, struct work *work)
{
    if (work->phase != WORK_RUNNING && work->phase != WORK_REST)
        return;
    world_at(w, w->now + fenced_delay(&w->fenced, w->menu.has[MENU_FREEZE]), EVENT_STORED, who, (uint32_t)work->term,
             (uint32_t)work->token);
    later(w, who, work, EVENT_WORK_STORES, fenced_pause(&w->fenced));
}

void work_stored(struct world *w, const struct heap_item *item)
{
    world_tell(w, &(struct fact){ .kind = FACT_STORED,
                                  .who = item->who,
                                  .term = item->what,
                                  .token = item->generation,
                                  .flag = fenced_take(&w->fenced, item->generation) });
}

static void child_dies(struct world *w, int who, struct work *work)
{
    if (work->phase == WORK_RUNNING && w->menu.has[MENU_WORK] && prng_chance(&w->random, LINGER_CHANCE)) {
        /* Grandchildren live on: the end of the direct child is not the end of the work. */
        work->phase = WORK_REST;
        later(w, who, work, EVENT_WORK_REST, prng_span(&w->random, 10 * SIM_MS, 20 * SIM_S));
        return;
    }
    dead(w, who, work);
}

void work_event(struct world *w, const struct heap_item *item)
{
    struct process *p = &w->process[item->who];
    struct work *work = &p->work[item->what];
    bool kill = item->kind == EVENT_WORK_KILL;
    if (work->phase == WORK_NONE || item->generation != (kill ? work->kill_generation : work->generation))
        return;
    if (w->node[p->node].suspended) {
        /* Nothing runs, no timer fires; on waking it is due at once. */
        if (!kill)
            world_at(w, w->now + 100 * SIM_MS, (enum world_event)item->kind, item->who, item->what, item->generation);
        return;
    }
    switch (item->kind) {
    case EVENT_WORK_KILL:
        if (world_clock(w, p->node).boot_ns < work->kill_at.boot_ns)
            arm_kill(w, item->who, work); /* the clock's rate changed meanwhile */
        else
            dead(w, item->who, work);
        break;
    case EVENT_WORK_CHECK:
        check(w, item->who, work);
        break;
    case EVENT_WORK_EXEC:
        begin(w, item->who, work);
        break;
    case EVENT_WORK_STORES:
        stores(w, item->who, work);
        break;
    case EVENT_WORK_OBEY:
        /* In a healed world work does not end by itself: somebody must lead to the end. */
        if (work->phase == WORK_RUNNING && (work->asked || !w->healing))
            child_dies(w, item->who, work);
        break;
    default:
        dead(w, item->who, work);
        break;
    }
}

void work_kill_all(struct world *w, int who)
{
    for (int i = 0; i < SIM_WORKS_MAX; i++)
        if (w->process[who].work[i].phase != WORK_NONE)
            dead(w, who, &w->process[who].work[i]);
}

void work_sleep(struct world *w, int who, bool asleep)
{
    struct process *p = &w->process[who];
    for (int i = 0; i < SIM_WORKS_MAX; i++) {
        struct work *work = &p->work[i];
        bool runs = work->phase == WORK_RUNNING || work->phase == WORK_REST;
        if (work->phase == WORK_NONE || work->asleep == asleep)
            continue;
        if (asleep) {
            if (runs)
                tell(w, who, work, false);
            work->asleep = true;
        } else if (world_clock(w, p->node).boot_ns >= work->kill_at.boot_ns) {
            dead(w, who, work);
        } else {
            work->asleep = false;
            if (runs)
                tell(w, who, work, true);
            arm_kill(w, who, work);
        }
    }
}

bool work_runs(const struct process *p)
{
    for (int i = 0; i < SIM_WORKS_MAX; i++)
        if (p->work[i].phase != WORK_NONE)
            return true;
    return false;
}
