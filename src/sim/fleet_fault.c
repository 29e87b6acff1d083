/* What happens to a fleet: drawn from the run's menu, told, and ended again. */
#include "sim/fleet.h"

#include <stdio.h>
#include <string.h>

enum { END_SERVER = -2, COMPACT_CHANCE = 400000, DELETES_OF_BOTH = 4, EDITS_OF_BOTH = 3 };

static const int64_t longer_ns = 30 * FLEET_S; /* LOCK_LONGER */

static int any_process(struct fleet *f)
{
    int alive[FLEET_PROCESSES_MAX], count = 0;
    for (int i = 0; i < f->process_count; i++)
        if (f->process[i].alive && !f->process[i].doomed)
            alive[count++] = i;
    return count ? alive[prng_index(&f->random, count)] : SIM_NOBODY;
}

int fleet_leader(const struct fleet *f, int group)
{
    for (int i = 0; i < f->group[group].members; i++)
        if (f->group[group].judge.leads[i])
            return f->group[group].process[i];
    return SIM_NOBODY;
}

/* Mostly whoever leads: faults that hit a standby prove little. */
static int victim(struct fleet *f)
{
    int leader = fleet_leader(f, prng_index(&f->random, f->settings.groups));
    if (leader != SIM_NOBODY && f->process[leader].alive && !f->process[leader].doomed && prng_chance(&f->random, 600000))
        return leader;
    return any_process(f);
}

static bool few_slots_left(const struct fleet *f)
{
    for (int g = 0; g < f->settings.groups; g++)
        if (f->group[g].members > SIM_PROCESSES_MAX - 4 * FLEET_NODES_MAX)
            return true;
    return f->process_count > FLEET_PROCESSES_MAX - 3 * FLEET_NODES_MAX;
}

void fleet_cut(struct fleet *f, int node, bool up, bool down, bool refused, int64_t span)
{
    struct fleet_node *n = &f->node[node];
    n->cut_up = up;
    n->cut_down = down;
    n->refused = refused;
    fleet_at(f, f->now + span, FLEET_EVENT_FAULT_ENDS, node, 0, ++n->generation);
}

void fleet_slow(struct fleet *f, int node, int64_t delay, int64_t span)
{
    struct fleet_node *n = &f->node[node];
    n->delay_ns = delay;
    fleet_at(f, f->now + span, FLEET_EVENT_FAULT_ENDS, node, 0, ++n->generation);
}

void fleet_server(struct fleet *f, enum fleet_mode mode, int64_t span)
{
    f->mode = mode;
    if (mode == FLEET_DOWN)
        store_compact(f->store, 0); /* it comes back with an empty watch cache */
    fleet_break_watches(f, SIM_NOBODY, mode == FLEET_HANGS);
    fleet_at(f, f->now + span, FLEET_EVENT_FAULT_ENDS, END_SERVER, 0, ++f->mode_generation);
}

void fleet_replay(struct fleet *f, int64_t every)
{
    f->replay_ns = every;
    fleet_at(f, f->now + every, FLEET_EVENT_REPLAY, SIM_NOBODY, 0, 0);
}

void fleet_hang(struct fleet *f, int64_t every)
{
    f->hang_ns = every;
}

static unsigned groups_of(const struct fleet *f, int who)
{
    unsigned groups = 0;
    for (int g = 0; g < f->settings.groups; g++)
        groups |= f->process[who].stand[g].stands ? 1U << g : 0;
    return groups | (f->process[who].camel ? 1U << 31 : 0);
}

static void crash(struct fleet *f, int who)
{
    bool work_too = prng_chance(&f->random, 500000);
    if (few_slots_left(f))
        return;
    fleet_note(f, who, work_too ? "is killed with its work" : "is killed, its work lives on", false);
    fleet_crash(f, who, work_too);
    fleet_at(f, f->now + prng_span(&f->random, FLEET_MS, 30 * FLEET_S), FLEET_EVENT_BEGIN, who, (uint32_t)f->process[who].node,
             groups_of(f, who));
}

static void twin(struct fleet *f, int who)
{
    int alive = 0;
    for (int i = 0; i < f->process_count; i++)
        alive += f->process[i].alive;
    if (alive >= 2 * f->node_count || f->process[who].camel || few_slots_left(f))
        return;
    fleet_note(f, who, "gets a twin of the same name", false);
    fleet_at(f, f->now, FLEET_EVENT_BEGIN, who, (uint32_t)prng_index(&f->random, f->node_count), groups_of(f, who));
}

static void ask_to_go(struct fleet *f, int who)
{
    struct fleet_process *p = &f->process[who];
    if (p->camel || p->dispatching)
        return;
    bool close = !few_slots_left(f) && prng_chance(&f->random, 400000);
    fleet_note(f, who, close ? "is asked to close" : "is asked to resign", false);
    for (int g = 0; g < f->settings.groups; g++) {
        if (!p->stand[g].handle || (!close && prng_chance(&f->random, 500000)))
            continue;
        if (close)
            leasehold_group_close(p->stand[g].handle);
        else
            leasehold_group_resign(p->stand[g].handle, (uint64_t)prng_span(&f->random, FLEET_MS, 10 * FLEET_S));
    }
    fleet_at(f, f->now, FLEET_EVENT_WOKEN, who, 0, 0);
}

static void cut(struct fleet *f, int who)
{
    int how = prng_index(&f->random, 3);
    static const char *const notes[] = { "is cut off from the server's answers", "is cut off towards the server", "is cut off" };
    fleet_note(f, who, notes[how], false);
    fleet_cut(f, f->process[who].node, how != 0, how != 1, prng_chance(&f->random, 300000),
              prng_span(&f->random, 50 * FLEET_MS, 60 * FLEET_S));
}

static void serve(struct fleet *f)
{
    static const char *const notes[] = { "", "the server is down", "the server hangs", "the server fails", "the server refuses" };
    enum fleet_mode mode = (enum fleet_mode)prng_range(&f->random, FLEET_DOWN, FLEET_MODES - 1);
    fleet_note(f, SIM_NOBODY, notes[mode], false);
    fleet_server(f, mode, prng_span(&f->random, 50 * FLEET_MS, 60 * FLEET_S));
}

static void operate(struct fleet *f, const enum lock_edit *edits, int count)
{
    fleet_operate(f, edits[prng_index(&f->random, count)], prng_index(&f->random, f->settings.groups));
}

/* Beside Camel's lock wall clocks are taken to be close to each other. */
static void move_wall(struct fleet *f, int who)
{
    struct fleet_node *node = &f->node[f->process[who].node];
    struct clocks *c = &node->clocks;
    if (f->settings.camel)
        return;
    int64_t shows = clocks_read(c, f->now).wall_ns;
    c->wall_stuck = prng_chance(&f->random, 300000);
    fleet_note(f, who, c->wall_stuck ? "has its wall clock stuck" : "has its wall clock set", false);
    c->wall_offset = shows + prng_range(&f->random, -7200, 7200) * FLEET_S - (c->wall_stuck ? 0 : f->now);
    node->wall_moved_at = f->now;
}

static void strike(struct fleet *f, enum menu_item item, int who)
{
    /* The last of each are for a Lease only: a ConfigMap has no field for a duration. */
    static const enum lock_edit deletes[] = { LOCK_DELETE, LOCK_EMPTY, LOCK_WIPE, LOCK_CLEAR, LOCK_RECREATE };
    static const enum lock_edit edits[] = { LOCK_UNMARK, LOCK_GARBAGE, LOCK_GHOST, LOCK_DURATION, LOCK_NO_DURATION, LOCK_LONGER };
    bool configmap = f->settings.configmap;
    switch (item) {
    case MENU_DELAY:
        fleet_note(f, who, "has a slow link", false);
        fleet_slow(f, f->process[who].node, prng_span(&f->random, 10 * FLEET_MS, 6 * FLEET_S),
                   prng_span(&f->random, FLEET_S, 60 * FLEET_S));
        break;
    case MENU_PARTITION:
        cut(f, who);
        break;
    case MENU_SERVER:
        serve(f);
        break;
    case MENU_WATCH:
        if (prng_chance(&f->random, COMPACT_CHANCE)) {
            fleet_note(f, who, "has a dead watch, and the history is gone", false);
            store_compact(f->store, 0);
            fleet_wake_watches(f); /* who lags behind is told so */
        } else {
            fleet_note(f, who, "has a dead watch", false);
        }
        fleet_break_watches(f, who, prng_chance(&f->random, 500000));
        break;
    case MENU_FREEZE:
        fleet_note(f, who, "is frozen", false);
        fleet_freeze(f, who, prng_span(&f->random, FLEET_MS, 60 * FLEET_S));
        break;
    case MENU_CRASH:
        crash(f, who);
        break;
    case MENU_TWIN:
        twin(f, who);
        break;
    case MENU_CLOCK:
        move_wall(f, who);
        break;
    case MENU_RESIGN:
        ask_to_go(f, who);
        break;
    case MENU_DELETE:
        operate(f, deletes, configmap ? DELETES_OF_BOTH : sizeof deletes / sizeof *deletes);
        break;
    case MENU_EDIT:
        operate(f, edits, configmap ? EDITS_OF_BOTH : sizeof edits / sizeof *edits);
        break;
    default:
        break; /* chances at each request, or a property of the run */
    }
}

void fleet_fault_begin(struct fleet *f)
{
    fleet_at(f, prng_span(&f->random, 10 * FLEET_MS, 5 * FLEET_S), FLEET_EVENT_FAULT, SIM_NOBODY, 0, 0);
}

void fleet_fault_next(struct fleet *f)
{
    enum menu_item items[MENU_ITEMS];
    int count = 0;
    if (f->healing)
        return;
    for (int i = 0; i < MENU_ITEMS; i++)
        if (f->menu.has[i])
            items[count++] = (enum menu_item)i;
    f->random = prng_part(f->seed, ++f->strikes); /* what follows is the same with the faults before it and without */
    int who = victim(f);
    if (count && who != SIM_NOBODY && menu_strikes(&f->menu))
        strike(f, items[prng_index(&f->random, count)], who);
    fleet_at(f, f->now + prng_span(&f->random, 20 * FLEET_MS, 8 * FLEET_S), FLEET_EVENT_FAULT, SIM_NOBODY, 0, 0);
}

void fleet_fault_ends(struct fleet *f, const struct heap_item *item)
{
    if (item->who == END_SERVER) {
        if (item->generation == f->mode_generation)
            f->mode = FLEET_UP;
        return;
    }
    struct fleet_node *n = &f->node[item->who];
    if (item->generation != n->generation)
        return;
    n->cut_up = n->cut_down = n->refused = false;
    n->delay_ns = 0;
}

/* As in the world of one lock (world.c): what still lands, the longest wait twice, a lease for each write that may land unknown,
 * rounds of retry, and what was asked of candidates before. A record of Camel's says no duration and is waited for longer. */
static int64_t liveness_bound(const struct fleet *f)
{
    const struct fleet_settings *s = &f->settings;
    int64_t late = f->landing_until > f->now ? f->landing_until - f->now : 0;
    bool unmarked = s->camel || f->menu.has[MENU_DELETE] || f->menu.has[MENU_EDIT];
    int64_t wait = unmarked && s->foreign_ns > s->lease_ns ? s->foreign_ns : s->lease_ns;
    if (f->menu.has[MENU_EDIT] && !s->configmap && wait < longer_ns)
        wait = longer_ns;
    int64_t bound = late + 2 * wait + 2 * s->lease_ns + 5 * s->retry_ns;
    bound += bound / 50; /* clocks that run slow */
    if (f->menu.has[MENU_RESIGN])
        bound += 24 * FLEET_S;
    if (f->menu.has[MENU_DRIFT])
        bound += bound / 2; /* they still run as slow as before */
    return bound;
}

void fleet_heal(struct fleet *f)
{
    bool covered = false;
    f->healing = true;
    f->mode = FLEET_UP;
    for (int n = 0; n < f->node_count; n++) {
        struct fleet_node *node = &f->node[n];
        node->cut_up = node->cut_down = node->refused = false;
        node->delay_ns = 0;
        node->generation++;
    }
    unsigned all = (1U << f->settings.groups) - 1;
    for (int i = 0; i < f->process_count; i++) {
        struct fleet_process *p = &f->process[i];
        if (!p->alive || p->doomed)
            continue;
        covered = covered || (!p->camel && groups_of(f, i) == all);
        if (p->frozen_until > f->now)
            p->frozen_until = f->now;
    }
    fleet_break_watches(f, SIM_NOBODY, false);
    if (!covered)
        fleet_at(f, f->now, FLEET_EVENT_BEGIN, SIM_NOBODY, 0, all);
    int64_t by = f->now + liveness_bound(f);
    for (int g = 0; g < f->settings.groups; g++)
        fleet_tell(f, g, &(struct fact){ .kind = FACT_HEALED, .who = SIM_NOBODY, .sent = by });
    fleet_at(f, by + f->settings.lease_ns, FLEET_EVENT_END, SIM_NOBODY, 0, 0);
}
