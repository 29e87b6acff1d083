/* A process that drives one election as the service does: wait, receive, read the clock, step, tell the work, send. It may be
 * frozen between any two of these. */
#include "sim/world.h"

#include <stdio.h>
#include <string.h>

#include "election/bug.h"

enum { FREEZE_POINT_CHANCE = 1500, SWAP_CHANCE = 250000, SPINS_MAX = 100 };

static uint64_t new_nonce(struct world *w)
{
    uint64_t nonce = prng_next(&w->random);
    return nonce ? nonce : 1;
}

int process_begin(struct world *w, int node, const char *name)
{
    if (w->process_count == SIM_PROCESSES_MAX)
        return -1;
    int who = w->process_count++;
    struct process *p = &w->process[who];
    struct election_settings settings = p->settings; /* world.c has drawn them */
    memset(p, 0, sizeof *p);
    p->used = p->alive = true;
    p->settings = settings;
    p->node = node;
    snprintf(p->name, sizeof p->name, "%s", name);
    election_init(&p->e, &p->settings, ELECTION_ROLE_CANDIDATE, name, new_nonce(w), prng_next(&w->random));
    world_tell(w, &(struct fact){ .kind = FACT_PROCESS,
                                  .who = who,
                                  .identity = p->name,
                                  .lease_ns = p->settings.lease_duration_ns,
                                  .rate_error_ppm = p->settings.rate_error_ppm });
    process_event(w, who, &(struct election_event){ .kind = ELECTION_BEGIN }, 0);
    watch_want(w, who, prng_range(&w->random, 0, 20 * SIM_MS));
    return who;
}

void process_put(struct world *w, int who, uint32_t slot)
{
    struct process *p = &w->process[who];
    bool hint = w->parcel[slot].event.kind == ELECTION_WATCHED || w->parcel[slot].event.kind == ELECTION_WATCHED_GONE;
    BUG_UNLESS(p->inbox_count < SIM_INBOX_MAX);
    if (!p->alive || (hint && p->inbox_count >= SIM_INBOX_MAX / 2)) {
        if (p->alive) /* a reader this slow is disconnected */
            watch_break(w, who, false);
        parcel_free(w, slot);
        return;
    }
    p->inbox[p->inbox_count++] = slot;
    process_wake(w, who);
}

void process_event(struct world *w, int who, const struct election_event *event, int64_t delay)
{
    uint32_t slot = parcel_new(w);
    w->parcel[slot].kind = PARCEL_EVENT;
    w->parcel[slot].event = *event;
    world_at(w, w->now + delay, EVENT_ARRIVE, who, slot, 0);
}

static bool held_up(struct world *w, int who)
{
    struct process *p = &w->process[who];
    if (w->node[p->node].suspended)
        return true; /* whoever wakes the node wakes its processes */
    if (p->frozen_until <= w->now)
        return false;
    world_at(w, p->frozen_until, EVENT_STAGE, who, 0, p->generation);
    return true;
}

/* Another thread asks is_leading. It loads the deadline first and then, after `pause`, reads the clock. */
static void start_sample(struct world *w, int who, int64_t pause)
{
    struct process *p = &w->process[who];
    if (!p->alive || p->foreign || p->published.term == 0 || w->node[p->node].suspended)
        return;
    uint32_t slot = parcel_new(w);
    struct parcel *parcel = &w->parcel[slot];
    parcel->event.term = p->published.term;
    parcel->event.hold_off_ns = p->published.term_at.boot_ns;
    parcel->event.retry_after_ns = p->published.term_at.raw_ns;
    parcel->asked_at = w->now;
    parcel->event.kind = p->published.ended ? ELECTION_CLOSE : ELECTION_CLOCK;
    world_at(w, w->now + pause, EVENT_SAMPLE_READ, who, slot, 0);
}

void process_freeze(struct world *w, int who, int64_t until)
{
    struct process *p = &w->process[who];
    if (until > p->frozen_until)
        p->frozen_until = until;
    /* Its other threads are frozen as well, one of them in the middle of a question; which of all runs first, who knows. */
    start_sample(w, who, p->frozen_until - w->now - prng_index(&w->random, 2));
    world_at(w, p->frozen_until, EVENT_STAGE, who, 0, p->generation);
}

/* Moves to `next`; true when the process was frozen just before it. */
static bool frozen_before(struct world *w, int who, enum stage next)
{
    struct process *p = &w->process[who];
    p->stage = next;
    if (!w->menu.has[MENU_FREEZE] || w->healing || !prng_chance(&w->random, FREEZE_POINT_CHANCE))
        return false;
    static const char *const notes[] = { "", "is frozen before it receives", "is frozen before it acts", "is frozen before it sends" };
    world_fault(w, who, notes[next], false);
    process_freeze(w, who, w->now + prng_span(&w->random, SIM_MS, 40 * SIM_S));
    return true;
}

static bool deadline_reached(struct world *w, const struct process *p)
{
    int64_t deadline = election_deadline(&p->e);
    return deadline != LEASEHOLD_NEVER && world_clock(w, p->node).boot_ns >= deadline;
}

static void arm(struct world *w, int who)
{
    struct process *p = &w->process[who];
    int64_t at = clocks_when_boot(&w->node[p->node].clocks, w->now, election_deadline(&p->e));
    p->timer_generation++;
    if (at == LEASEHOLD_NEVER)
        return;
    /* A timer that is due is served after what else happens now; one that is due again and again must not stop time. */
    world_at(w, at > w->now ? at : w->now + 1000, EVENT_TIMER, who, 0, p->timer_generation);
}

/* Takes the next parcel out of the inbox; a late wake-up may look at timeouts or at the socket first. */
static uint32_t take(struct world *w, struct process *p)
{
    int at = 0;
    if (p->inbox_count > 1 && prng_chance(&w->random, SWAP_CHANCE)) {
        bool both_watch = w->parcel[p->inbox[0]].kind == PARCEL_EVENT && w->parcel[p->inbox[1]].kind == PARCEL_EVENT;
        at = both_watch ? 0 : 1;
    }
    uint32_t slot = p->inbox[at];
    p->inbox_count--;
    memmove(&p->inbox[at], &p->inbox[at + 1], (size_t)(p->inbox_count - at) * sizeof *p->inbox);
    return slot;
}

/* Turns what came into an event. Returns false when it is of no use any more: an answer after the limit, a limit after the
 * answer. */
static bool open_parcel(struct world *w, struct parcel *parcel)
{
    if (parcel->kind == PARCEL_EVENT)
        return true;
    struct request *r = &w->request[parcel->request];
    if (r->done)
        return false;
    r->done = true;
    if (parcel->kind == PARCEL_LIMIT)
        parcel->event =
            (struct election_event){ .kind = r->read ? ELECTION_READ_FAILED : ELECTION_WRITE_UNKNOWN, .failure = ELECTION_FAILURE_TIMEOUT };
    return true;
}

static void tell_received(struct world *w, int who, const struct parcel *parcel)
{
    const struct election_event *event = &parcel->event;
    if (event->kind != ELECTION_READ && event->kind != ELECTION_WATCHED && event->kind != ELECTION_WRITTEN)
        return;
    int64_t asked_at = event->kind == ELECTION_READ ? w->request[parcel->request].decided_at : w->now;
    world_tell(w,
               &(struct fact){ .kind = FACT_RECEIVED, .who = who, .sent = asked_at, .after = &event->record, .version = event->version });
    if (event->kind != ELECTION_WRITTEN)
        return;
    const struct request *r = &w->request[parcel->request];
    world_tell(w, &(struct fact){ .kind = FACT_ANSWERED,
                                  .who = who,
                                  .write = r->write.kind,
                                  .purpose = r->write.purpose,
                                  .base = r->write.base,
                                  .version = event->version,
                                  .after = &event->record });
}

static void keep_object(struct process *p, struct parcel *parcel)
{
    if (!parcel->object || !record_version_equal(&parcel->event.version, &p->e.version))
        return;
    lock_object_drop(p->object);
    p->object = lock_object_hold(parcel->object);
}

/* Whether a step was made. */
static bool receive(struct world *w, int who)
{
    struct process *p = &w->process[who];
    struct election_event clock = { .kind = ELECTION_CLOCK };
    uint32_t slot = p->inbox_count > 0 ? take(w, p) : NO_SLOT;
    if (slot == NO_SLOT && !deadline_reached(w, p))
        return false;
    if (slot != NO_SLOT && !open_parcel(w, &w->parcel[slot])) {
        parcel_free(w, slot);
        return false;
    }
    const struct election_event *event = slot == NO_SLOT ? &clock : &w->parcel[slot].event;
    leasehold_time reading = world_clock(w, p->node);
    p->decided_at = w->now;
    p->overdue = !p->published.ended && time_reached_by_any(reading, p->published.term_at);
    if (slot != NO_SLOT)
        tell_received(w, who, &w->parcel[slot]);
    election_step(&p->e, reading, event, &p->update);
    if (slot != NO_SLOT) {
        keep_object(p, &w->parcel[slot]);
        parcel_free(w, slot);
    }
    return true;
}

static void publish_extension(struct world *w, int who, const struct election_update *u)
{
    struct process *p = &w->process[who];
    struct published *public = &p->published;
    bool stopping = p->e.state == ELECTION_STOPPING;
    if (public->term == u->term && public->ended && !stopping) {
        process_event(w, who, &(struct election_event){ .kind = ELECTION_EXTEND_REFUSED, .term = u->term }, 0);
        return;
    }
    public->term_at = u->term_at;
    work_extend(w, who, u);
}

static void tell(struct world *w, int who)
{
    struct process *p = &w->process[who];
    const struct election_update *u = &p->update;
    const struct clocks *clocks = &w->node[p->node].clocks;
    struct fact f = { .who = who,
                      .term = u->term,
                      .token = u->token,
                      .reason = u->reason,
                      .decided = p->decided_at,
                      .version = { .resource_version = w->lock.revision } };
    if (u->stop_work) {
        f.kind = FACT_STOP;
        f.flag = u->kill_work;
        world_tell(w, &f);
        p->published.ended = true;
        work_stop(w, who, u);
    }
    if (u->stopped_leading) {
        f.kind = FACT_STOPPED;
        world_tell(w, &f);
    }
    /* What was promised while the process was frozen and is over by now is no promise. */
    if ((u->started_leading || u->extended) && world_clock(w, p->node).boot_ns < u->kill_at.boot_ns)
        f.sent = clocks_when_boot(clocks, w->now, u->kill_at.boot_ns);
    if (u->started_leading) {
        f.kind = FACT_STARTED;
        world_tell(w, &f);
        p->published = (struct published){ .term = u->term, .term_at = u->term_at };
        work_start(w, who, u);
    }
    if (u->extended) {
        f.kind = FACT_EXTENDED;
        f.flag = p->overdue && p->published.term == u->term && !u->started_leading;
        world_tell(w, &f);
        publish_extension(w, who, u);
    }
}

static void finish(struct world *w, int who)
{
    struct process *p = &w->process[who];
    if (p->update.read)
        network_read(w, who, p->update.read_limit_ns);
    if (p->update.write.kind != ELECTION_WRITE_NONE)
        network_write(w, who, &p->update.write, true);
    p->stage = STAGE_IDLE;
    /* Nobody else of this process stands in the object here: the turn comes as soon as no write is under way. */
    p->wants_turn = p->wants_turn || p->update.wants_turn;
    if (p->wants_turn && !p->e.writing && !p->update.closed) {
        p->wants_turn = false;
        process_event(w, who, &(struct election_event){ .kind = ELECTION_TURN, .slack_ns = p->settings.renew_interval_ns / 4 },
                      prng_range(&w->random, 0, SIM_MS));
    }
    if (p->update.closed) {
        process_crash(w, who, false);
        if (w->script)
            return; /* a scenario says itself who begins again */
        if (!w->healing)
            world_at(w, w->now + prng_span(&w->random, SIM_MS, 10 * SIM_S), EVENT_BEGIN_PROCESS, p->node, (uint32_t)who, 0);
        else
            world_at(w, w->now, EVENT_BEGIN_PROCESS, p->node, (uint32_t)who, 0);
    }
}

/* Goes on from the present stage until there is nothing to do or the process is frozen. */
void process_stage(struct world *w, int who)
{
    struct process *p = &w->process[who];
    while (p->alive && !held_up(w, who)) {
        switch (p->stage) {
        case STAGE_IDLE:
            if (p->inbox_count == 0 && !deadline_reached(w, p)) {
                arm(w, who);
                return;
            }
            p->turn_reading = world_clock(w, p->node);
            if (frozen_before(w, who, STAGE_RECEIVE))
                return;
            break;
        case STAGE_RECEIVE:
            if (!receive(w, who)) {
                p->stage = STAGE_IDLE;
                break;
            }
            if (frozen_before(w, who, STAGE_TELL))
                return;
            break;
        case STAGE_TELL:
            tell(w, who);
            if (frozen_before(w, who, STAGE_SEND))
                return;
            break;
        case STAGE_SEND:
            finish(w, who);
            if (p->inbox_count == 0) {
                if (p->alive)
                    arm(w, who);
                return;
            }
            /* One dispatch takes in whatever came meanwhile. */
            if (frozen_before(w, who, STAGE_RECEIVE))
                return;
            break;
        }
    }
}

void process_wake(struct world *w, int who)
{
    struct process *p = &w->process[who];
    if (p->alive && !p->foreign && p->stage == STAGE_IDLE)
        process_stage(w, who);
}

void process_timer(struct world *w, int who)
{
    struct process *p = &w->process[who];
    if (w->now - p->spin_since > SIM_MS) {
        p->spin_since = w->now;
        p->spins = 0;
    }
    if (++p->spins == SPINS_MAX)
        world_tell(w, &(struct fact){ .kind = FACT_SPINS, .who = who });
    process_wake(w, who);
}

void process_crash(struct world *w, int who, bool work_too)
{
    struct process *p = &w->process[who];
    if (!p->alive)
        return;
    p->alive = false;
    p->generation++;
    p->watch.generation++;
    for (int i = 0; i < p->inbox_count; i++)
        parcel_free(w, p->inbox[i]);
    p->inbox_count = 0;
    lock_object_drop(p->object);
    p->object = NULL;
    world_tell(w, &(struct fact){ .kind = FACT_GONE, .who = who });
    if (p->foreign && p->f.leads)
        world_tell(w, &(struct fact){ .kind = FACT_WORK_ENDS, .who = who, .term = p->f.term });
    if (work_too)
        work_kill_all(w, who);
}

void process_sample(struct world *w, int who)
{
    bool slow = w->menu.has[MENU_FREEZE] && prng_chance(&w->random, 50000);
    if (w->process[who].frozen_until <= w->now)
        start_sample(w, who, slow ? prng_span(&w->random, SIM_MS, 20 * SIM_S) : 0);
}

void process_sample_read(struct world *w, int who, uint32_t slot)
{
    struct process *p = &w->process[who];
    struct election_event loaded = w->parcel[slot].event;
    int64_t asked_at = w->parcel[slot].asked_at;
    parcel_free(w, slot);
    if (!p->alive || w->node[p->node].suspended)
        return;
    leasehold_time now = world_clock(w, p->node);
    leasehold_time end = { loaded.hold_off_ns, loaded.retry_after_ns, 0 };
    bool leading = loaded.kind != ELECTION_CLOSE && !time_reached_by_any(now, end);
    if (!leading && loaded.kind != ELECTION_CLOSE) {
        struct published *public = &p->published;
        bool unchanged = public->term == loaded.term && public->term_at.boot_ns == end.boot_ns && !public->ended;
        if (unchanged) {
            public->ended = true; /* it never turns true again: rule 9 */
        } else {
            loaded.term = public->term;
            leading = !public->ended && !time_reached_by_any(now, public->term_at);
            if (!leading)
            public->ended = true;
        }
    }
    world_tell(w, &(struct fact){ .kind = FACT_SAMPLE, .who = who, .sent = asked_at, .term = loaded.term, .flag = leading });
}
