/* The work of a term in a fleet, as the supervisor runs it: checked against the clock before it begins, asked to stop, dead at
 * kill_at by a timer of the kernel, whatever happens to our process. */
#include "sim/fleet.h"

#include "election/bug.h"
#include "service/group.h"

enum { IGNORE_CHANCE = 200000, FREEZE_CHANCE = 20000 };

static struct fleet_work *work_of(struct fleet *f, int who, int group)
{
    return &f->process[who].stand[group].work;
}

static void tell(struct fleet *f, int who, int group, bool begins)
{
    fleet_tell(f, group,
               &(struct fact){ .kind = begins ? FACT_WORK_BEGINS : FACT_WORK_ENDS,
                               .who = f->process[who].stand[group].member,
                               .term = work_of(f, who, group)->term });
}

static void later(struct fleet *f, int who, int group, enum fleet_event kind, int64_t delay)
{
    fleet_at(f, f->now + delay, kind, who, (uint32_t)group, work_of(f, who, group)->generation);
}

static void dead(struct fleet *f, int who, int group)
{
    struct fleet_work *work = work_of(f, who, group);
    if (work->phase == FLEET_WORK_RUNS)
        tell(f, who, group, false);
    work->phase = FLEET_WORK_NONE;
    work->generation++;
    if (f->process[who].alive && !f->ended)
        fleet_at(f, f->now + prng_range(&f->random, 0, 2 * FLEET_MS), FLEET_EVENT_WORK_TOLD, who, (uint32_t)group, (uint32_t)work->term);
}

static void arm_kill(struct fleet *f, int who, int group)
{
    const struct fleet_process *p = &f->process[who];
    struct fleet_work *work = work_of(f, who, group);
    fleet_at(f, clocks_when_boot(&f->node[p->node].clocks, f->now, work->kill_at), FLEET_EVENT_WORK_KILL, who, (uint32_t)group,
             work->generation);
}

void fleet_work_start(struct fleet *f, int who, int group, const struct leasehold_event *e, uint64_t token)
{
    struct fleet_work *work = work_of(f, who, group);
    BUG_UNLESS(work->phase == FLEET_WORK_NONE);
    *work = (struct fleet_work){ .phase = FLEET_WORK_CHECK,
                                 .generation = work->generation + 1,
                                 .term = e->term,
                                 .token = token,
                                 .term_at = e->leading_until_ns,
                                 .kill_at = e->stop_by_ns };
    arm_kill(f, who, group);
    later(f, who, group, FLEET_EVENT_WORK_CHECK, prng_range(&f->random, FLEET_MS / 2, 10 * FLEET_MS));
}

void fleet_work_extend(struct fleet *f, int who, int group, const struct leasehold_event *e)
{
    struct fleet_work *work = work_of(f, who, group);
    if (work->phase == FLEET_WORK_NONE || work->term != e->term)
        return;
    work->term_at = e->leading_until_ns;
    work->kill_at = e->stop_by_ns;
    arm_kill(f, who, group);
}

void fleet_work_stop(struct fleet *f, int who, int group, const struct leasehold_event *e)
{
    struct fleet_work *work = work_of(f, who, group);
    if (work->phase == FLEET_WORK_NONE || work->term != e->term)
        return;
    if (e->must_kill || work->phase != FLEET_WORK_RUNS) {
        dead(f, who, group);
        return;
    }
    if (work->kill_at != e->stop_by_ns) {
        work->kill_at = e->stop_by_ns;
        arm_kill(f, who, group);
    }
    if (work->asked)
        return;
    work->asked = true;
    bool asked_for = e->reason == LEASEHOLD_REASON_RESIGNED || e->reason == LEASEHOLD_REASON_CLOSED;
    if (!asked_for && fleet_chance(f, MENU_WORK, IGNORE_CHANCE))
        return; /* the kernel's timer will see to it */
    int64_t most = asked_for ? 12 * FLEET_S : 3 * FLEET_S;
    later(f, who, group, FLEET_EVENT_WORK_OBEY,
          f->menu.has[MENU_WORK] ? prng_span(&f->random, FLEET_MS, most) : prng_range(&f->random, FLEET_MS, 50 * FLEET_MS));
}

void fleet_work_kill(struct fleet *f, int who, int group)
{
    if (work_of(f, who, group)->phase != FLEET_WORK_NONE)
        dead(f, who, group);
}

/* A write leaves: from here on nothing holds it up, neither the end of the worker nor that of its term. */
static void stores(struct fleet *f, int who, int group)
{
    const struct fleet_work *work = work_of(f, who, group);
    struct fenced *store = &f->group[group].fenced;
    if (work->phase != FLEET_WORK_RUNS)
        return;
    fleet_at(f, f->now + fenced_delay(store, f->menu.has[MENU_FREEZE]), FLEET_EVENT_STORED, who,
             (uint32_t)work->term << 8 | (uint32_t)group, (uint32_t)work->token);
    later(f, who, group, FLEET_EVENT_WORK_STORES, fenced_pause(store));
}

void fleet_work_stored(struct fleet *f, const struct heap_item *item)
{
    int group = (int)(item->what & 0xff);
    fleet_tell(f, group,
               &(struct fact){ .kind = FACT_STORED,
                               .who = f->process[item->who].stand[group].member,
                               .term = item->what >> 8,
                               .token = item->generation,
                               .flag = fenced_take(&f->group[group].fenced, item->generation) });
}

static void check(struct fleet *f, int who, int group)
{
    struct fleet_work *work = work_of(f, who, group);
    /* The child's last look at the clock before exec. */
    if (fleet_clock(f, f->process[who].node).boot_ns >= work->term_at) {
        dead(f, who, group);
        return;
    }
    work->phase = FLEET_WORK_EXEC;
    bool frozen = fleet_chance(f, MENU_FREEZE, FREEZE_CHANCE);
    if (frozen)
        fleet_note(f, who, "has a worker frozen between the check and exec", false);
    later(f, who, group, FLEET_EVENT_WORK_EXEC, frozen ? prng_span(&f->random, FLEET_MS, 30 * FLEET_S) : FLEET_MS / 1000);
}

static void begin(struct fleet *f, int who, int group)
{
    work_of(f, who, group)->phase = FLEET_WORK_RUNS;
    tell(f, who, group, true);
    later(f, who, group, FLEET_EVENT_WORK_STORES, fenced_delay(&f->group[group].fenced, false));
}

void fleet_work_event(struct fleet *f, const struct heap_item *item)
{
    int who = item->who, group = (int)item->what;
    struct fleet_work *work = work_of(f, who, group);
    int64_t boot_ns = fleet_clock(f, f->process[who].node).boot_ns;
    if (work->phase == FLEET_WORK_NONE || item->generation != work->generation)
        return;
    if (item->kind == FLEET_EVENT_WORK_STORES) {
        stores(f, who, group);
    } else if (item->kind == FLEET_EVENT_WORK_OBEY) {
        dead(f, who, group);
    } else if (item->kind == FLEET_EVENT_WORK_KILL) {
        if (boot_ns >= work->kill_at)
            dead(f, who, group); /* else it was moved since */
    } else if (item->kind == FLEET_EVENT_WORK_EXEC) {
        begin(f, who, group);
    } else {
        check(f, who, group);
    }
}
