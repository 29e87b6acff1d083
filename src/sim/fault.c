/* What happens to the world: drawn from the run's menu, told, and ended again. */
#include "sim/world.h"

enum { DRIFT_MOST_PPM = 330000 };

enum fault_end { END_CUT = 0, END_SLOW, END_SUSPEND, END_SERVER };

static void ends_later(struct world *w, enum fault_end end, int node, int64_t span, uint32_t generation)
{
    world_at(w, w->now + span, EVENT_FAULT_ENDS, node, end, generation);
}

static int any_process(struct world *w)
{
    int alive[SIM_PROCESSES_MAX], count = 0;
    for (int i = 0; i < w->process_count; i++)
        if (w->process[i].alive)
            alive[count++] = i;
    return count ? alive[prng_index(&w->random, count)] : SIM_NOBODY;
}

/* Mostly whoever leads: faults that hit a standby prove little. */
static int victim(struct world *w)
{
    if (prng_chance(&w->random, 600000))
        for (int i = 0; i < w->process_count; i++)
            if (w->process[i].alive && (work_runs(&w->process[i]) || w->process[i].f.leads))
                return i;
    return any_process(w);
}

/* Every restart takes a slot, and healing needs some. */
static bool few_slots_left(const struct world *w)
{
    return w->process_count > SIM_PROCESSES_MAX - 4 * SIM_NODES_MAX;
}

void fault_cut(struct world *w, int who, enum fault_cut how, bool refused, int64_t span)
{
    struct node *node = &w->node[w->process[who].node];
    node->cut_up = how != CUT_DOWN;
    node->cut_down = how != CUT_UP;
    node->refused = refused;
    static const char *const notes[] = { "is cut off from the server's answers", "is cut off towards the server", "is cut off" };
    world_fault(w, who, notes[how], false);
    ends_later(w, END_CUT, w->process[who].node, span, ++node->generation[END_CUT]);
}

void fault_slow(struct world *w, int who, int64_t delay, int64_t span)
{
    struct node *node = &w->node[w->process[who].node];
    node->delay_ns = delay;
    world_fault(w, who, "has a slow link", false);
    ends_later(w, END_SLOW, w->process[who].node, span, ++node->generation[END_SLOW]);
}

void fault_server(struct world *w, enum server_mode mode, int64_t span)
{
    w->mode = mode;
    static const char *const notes[SERVER_MODES] = { "", "the server is down", "the server hangs", "the server fails",
                                                     "the server refuses" };
    world_fault(w, SIM_NOBODY, notes[w->mode], false);
    for (int i = 0; i < w->process_count; i++)
        watch_break(w, i, w->mode == SERVER_HANGS);
    ends_later(w, END_SERVER, 0, span, ++w->mode_generation);
}

void fault_suspend(struct world *w, int who, int64_t span)
{
    int at = w->process[who].node;
    struct node *node = &w->node[at];
    if (node->suspended)
        return;
    world_fault(w, who, "has its machine asleep", false);
    for (int i = 0; i < w->process_count; i++)
        if (w->process[i].node == at)
            work_sleep(w, i, true);
    node->suspended = true;
    clocks_change(&node->clocks, w->now, node->clocks.boot_ppm, node->clocks.raw_ppm, true);
    ends_later(w, END_SUSPEND, at, span, ++node->generation[END_SUSPEND]);
}

static void wake(struct world *w, int at)
{
    struct node *node = &w->node[at];
    clocks_change(&node->clocks, w->now, node->clocks.boot_ppm, node->clocks.raw_ppm, false);
    node->suspended = false;
    for (int i = 0; i < w->process_count; i++) {
        if (w->process[i].node != at)
            continue;
        work_sleep(w, i, false);
        if (w->process[i].alive && !w->process[i].foreign)
            world_at(w, w->now, EVENT_STAGE, i, 0, w->process[i].generation);
    }
}

static void crash(struct world *w, int who)
{
    bool work_too = prng_chance(&w->random, 500000);
    if (few_slots_left(w))
        return;
    world_fault(w, who, work_too ? "is killed with its work" : "is killed, its work lives on", false);
    int node = w->process[who].node;
    process_crash(w, who, work_too);
    world_at(w, w->now + prng_span(&w->random, SIM_MS, 30 * SIM_S), EVENT_BEGIN_PROCESS, node, (uint32_t)who, 0);
}

static void twin(struct world *w, int who)
{
    int node = prng_index(&w->random, w->node_count);
    int count = 0;
    for (int i = 0; i < w->process_count; i++)
        count += w->process[i].alive;
    if (count >= 2 * w->node_count || w->process[who].foreign || few_slots_left(w))
        return;
    world_fault(w, who, "gets a twin of the same name", false);
    world_at(w, w->now, EVENT_BEGIN_PROCESS, node, (uint32_t)who, 0);
}

void fault_operate(struct world *w, enum lock_edit edit)
{
    if (w->lock.record.kind == RECORD_ABSENT)
        return;
    struct record before = w->lock.record;
    int other = any_process(w);
    const char *ghost = other != SIM_NOBODY && prng_chance(&w->random, 300000) ? w->process[other].name : "ghost";
    uint64_t old = w->lock.revision;
    bool changed = lock_edit(&w->lock, edit, ghost, &w->random, w->now / 1000);
    world_fault(w, SIM_NOBODY, lock_edit_name(edit), false);
    if (changed)
        world_tell(w, &(struct fact){ .kind = FACT_OPERATED,
                                      .who = SIM_NOBODY,
                                      .before = &before,
                                      .after = &w->lock.record,
                                      .version = w->lock.version,
                                      .note = lock_edit_name(edit) });
    /* Who knew nothing of a record without a duration, emptied or not, waits as long as for a stranger's. */
    if (w->lock.record.kind == RECORD_UNREADABLE || (w->lock.record.kind != RECORD_ABSENT && w->lock.record.duration_ms <= 0)) {
        if (w->process[0].settings.foreign_lease_ns > w->longest_wait_ns)
            w->longest_wait_ns = w->process[0].settings.foreign_lease_ns;
    }
    if (w->lock.record.duration_ms * SIM_MS > w->longest_wait_ns)
        w->longest_wait_ns = w->lock.record.duration_ms * SIM_MS;
    if (w->lock.revision != old)
        server_changed(w);
}

static void clock(struct world *w, int who)
{
    struct node *node = &w->node[w->process[who].node];
    struct clocks *c = &node->clocks;
    int32_t most = w->process[who].settings.rate_error_ppm;
    switch (prng_index(&w->random, 3)) {
    case 0:
        clocks_change(c, w->now, (int32_t)prng_range(&w->random, -most, most), (int32_t)prng_range(&w->random, -most, most), c->suspended);
        world_fault(w, who, "has clocks at another rate", false);
        break;
    case 1:
        c->wall_stuck = false;
        c->wall_offset += prng_range(&w->random, -7200, 7200) * SIM_S;
        world_fault(w, who, "has its wall clock set", false);
        break;
    default:
        c->wall_offset = clocks_read(c, w->now).wall_ns;
        c->wall_stuck = true;
        world_fault(w, who, "has its wall clock stuck", false);
        break;
    }
}

/* Off by up to a third: what nobody promises about clocks that are slewed, or emulated. */
static void drift(struct world *w, int who)
{
    struct node *node = &w->node[w->process[who].node];
    int32_t rho = w->process[who].settings.rate_error_ppm;
    bool slow = prng_chance(&w->random, 700000); /* a leader whose clock is slow holds on */
    int32_t rate = (int32_t)prng_range(&w->random, rho + 1, DRIFT_MOST_PPM);
    int32_t boot = slow ? -rate : rate;
    int32_t raw = prng_chance(&w->random, 700000) ? boot : (int32_t)prng_range(&w->random, -DRIFT_MOST_PPM, DRIFT_MOST_PPM);
    node->adrift = true;
    clocks_change(&node->clocks, w->now, boot, raw, node->clocks.suspended);
    world_fault(w, who, slow ? "has clocks far too slow" : "has clocks far too fast", false);
    world_tell(w, &(struct fact){ .kind = FACT_ADRIFT, .who = who });
}

static void ask_to_go(struct world *w, int who)
{
    if (w->process[who].foreign) {
        foreign_resign(w, who);
        return;
    }
    bool close = !few_slots_left(w) && prng_chance(&w->random, 400000);
    world_fault(w, who, close ? "is asked to close" : "is asked to resign", false);
    struct election_event event = { .kind = close ? ELECTION_CLOSE : ELECTION_RESIGN };
    if (!close && prng_chance(&w->random, 300000))
        event.hold_off_ns = prng_span(&w->random, SIM_MS, 10 * SIM_S);
    process_event(w, who, &event, 0);
}

static void freeze(struct world *w, int who)
{
    world_fault(w, who, "is frozen", false);
    process_freeze(w, who, w->now + prng_span(&w->random, SIM_MS, 60 * SIM_S));
}

static void strike(struct world *w, enum menu_item item, int who)
{
    static const enum lock_edit deletes[] = { LOCK_DELETE, LOCK_DELETE, LOCK_EMPTY, LOCK_WIPE, LOCK_CLEAR, LOCK_RECREATE };
    static const enum lock_edit edits[] = { LOCK_DURATION, LOCK_DURATION, LOCK_NO_DURATION, LOCK_LONGER,
                                            LOCK_UNMARK,   LOCK_GARBAGE,  LOCK_GHOST };
    switch (item) {
    case MENU_DELAY:
        fault_slow(w, who, prng_span(&w->random, 10 * SIM_MS, 6 * SIM_S), prng_span(&w->random, SIM_S, 60 * SIM_S));
        break;
    case MENU_PARTITION:
        fault_cut(w, who, (enum fault_cut)prng_index(&w->random, 3), prng_chance(&w->random, 300000),
                  prng_span(&w->random, 50 * SIM_MS, 60 * SIM_S));
        break;
    case MENU_SERVER:
        fault_server(w, (enum server_mode)prng_range(&w->random, SERVER_DOWN, SERVER_MODES - 1),
                     prng_span(&w->random, 50 * SIM_MS, 60 * SIM_S));
        break;
    case MENU_WATCH:
        world_fault(w, who, "has a dead watch", false);
        watch_break(w, who, prng_chance(&w->random, 500000));
        break;
    case MENU_FREEZE:
        freeze(w, who);
        break;
    case MENU_SUSPEND:
        fault_suspend(w, who, prng_span(&w->random, 100 * SIM_MS, 60 * SIM_S));
        break;
    case MENU_CRASH:
        crash(w, who);
        break;
    case MENU_TWIN:
        twin(w, who);
        break;
    case MENU_DELETE:
        fault_operate(w, deletes[prng_index(&w->random, sizeof deletes / sizeof *deletes)]);
        break;
    case MENU_EDIT:
        fault_operate(w, edits[prng_index(&w->random, sizeof edits / sizeof *edits)]);
        break;
    case MENU_LABEL:
        fault_operate(w, prng_chance(&w->random, 500000) ? LOCK_LABEL : LOCK_TOUCH);
        break;
    case MENU_CLOCK:
        clock(w, who);
        break;
    case MENU_DRIFT:
        drift(w, who);
        break;
    case MENU_RESIGN:
        ask_to_go(w, who);
        break;
    default:
        break; /* chances at each request, or a property of the run */
    }
}

void fault_begin(struct world *w)
{
    world_at(w, prng_span(&w->random, 10 * SIM_MS, 5 * SIM_S), EVENT_FAULT, SIM_NOBODY, 0, 0);
}

void fault_next(struct world *w)
{
    if (w->healing)
        return;
    enum menu_item items[MENU_ITEMS];
    int count = 0;
    for (int i = 0; i < MENU_ITEMS; i++)
        if (w->menu.has[i])
            items[count++] = (enum menu_item)i;
    w->random = prng_part(w->seed, ++w->strikes); /* what follows is the same with the faults before it and without */
    int who = victim(w);
    if (count && who != SIM_NOBODY && menu_strikes(&w->menu))
        strike(w, items[prng_index(&w->random, count)], who);
    world_at(w, w->now + prng_span(&w->random, 20 * SIM_MS, 8 * SIM_S), EVENT_FAULT, SIM_NOBODY, 0, 0);
}

void fault_ends(struct world *w, const struct heap_item *item)
{
    if (item->what == END_SERVER) {
        if (item->generation == w->mode_generation && w->mode != SERVER_UP) {
            w->mode = SERVER_UP;
            world_fault(w, SIM_NOBODY, "the server is well again", true);
        }
        return;
    }
    struct node *node = &w->node[item->who];
    if (item->generation != node->generation[item->what])
        return;
    switch (item->what) {
    case END_CUT:
        node->cut_up = node->cut_down = node->refused = false;
        for (int i = 0; i < w->process_count; i++)
            if (w->process[i].node == item->who && w->process[i].watch.silent)
                world_at(w, w->now + prng_span(&w->random, SIM_MS, 30 * SIM_S), EVENT_WATCH_LOST, i, 0, w->process[i].watch.generation);
        break;
    case END_SLOW:
        node->delay_ns = 0;
        break;
    case END_SUSPEND:
        if (node->suspended)
            wake(w, item->who);
        break;
    default:
        break;
    }
}

void fault_heal(struct world *w)
{
    w->healing = true;
    w->mode = SERVER_UP;
    for (int n = 0; n < w->node_count; n++) {
        struct node *node = &w->node[n];
        node->cut_up = node->cut_down = node->refused = false;
        node->delay_ns = 0;
        if (node->adrift)
            clocks_change(&node->clocks, w->now, 0, 0, node->clocks.suspended);
        if (node->suspended)
            wake(w, n);
        for (int g = 0; g < 3; g++)
            node->generation[g]++;
    }
    bool lives[SIM_NODES_MAX] = { false };
    for (int i = 0; i < w->process_count; i++) {
        struct process *p = &w->process[i];
        if (!p->alive)
            continue;
        lives[p->node] = lives[p->node] || !p->foreign;
        if (p->frozen_until > w->now) {
            p->frozen_until = w->now;
            world_at(w, w->now, EVENT_STAGE, i, 0, p->generation);
        }
        if (p->watch.silent)
            world_at(w, w->now + prng_span(&w->random, SIM_MS, 5 * SIM_S), EVENT_WATCH_LOST, i, 0, p->watch.generation);
    }
    for (int n = 0; n < w->node_count; n++)
        if (!lives[n])
            world_at(w, w->now, EVENT_BEGIN_PROCESS, n, NO_SLOT, 0);
}
