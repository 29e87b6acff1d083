/* Electors that follow another project's rule, written down from their behaviour.
 *
 * client-go: it waits the recorded duration from the receipt of
 * a record that changed, on a clock that stops while the machine sleeps; it counts its own time from answers; it knows no term
 * mark; and when it gives up it reads the lock once more and empties whatever it finds (the late release).
 *
 * fabric8: it reads before each write; a record is over when its stamp is a lease of its own old by its own wall clock; it counts its
 * own time by that clock as well, from answers; it goes on under a record in its name; it knows no term mark; and it releases only
 * what is its own, by leaving its name there with a duration of one second. */
#include "sim/world.h"

#include <stdio.h>
#include <string.h>

static const int64_t lease_ns = 15 * SIM_S, deadline_ns = 10 * SIM_S, retry_ns = 2 * SIM_S;

static void tick_in(struct world *w, int who, int64_t delay)
{
    struct process *p = &w->process[who];
    world_at(w, w->now + delay, EVENT_FOREIGN, who, 0, ++p->f.generation);
}

int foreign_begin(struct world *w, int node, const char *name, enum foreign_rule rule)
{
    if (w->process_count == SIM_PROCESSES_MAX)
        return -1;
    int who = w->process_count++;
    struct process *p = &w->process[who];
    struct election_settings settings = p->settings;
    memset(p, 0, sizeof *p);
    p->settings = settings;
    p->used = p->alive = p->foreign = true;
    p->f.rule = rule;
    p->node = node;
    snprintf(p->name, sizeof p->name, "%s", name);
    world_tell(w, &(struct fact){ .kind = FACT_PROCESS,
                                  .who = who,
                                  .identity = p->name,
                                  .lease_ns = lease_ns,
                                  .rate_error_ppm = p->settings.rate_error_ppm,
                                  .foreign = true });
    if (w->longest_lease_ns < lease_ns)
        w->longest_lease_ns = lease_ns;
    if (w->longest_wait_ns < lease_ns)
        w->longest_wait_ns = lease_ns;
    tick_in(w, who, SIM_MS);
    return who;
}

static bool ours(const struct process *p)
{
    return p->f.observes && p->f.observed.kind == RECORD_HELD && strcmp(p->f.observed.holder, p->name) == 0;
}

static void observe(struct world *w, int who, const struct record *record, const struct record_version *version)
{
    struct process *p = &w->process[who];
    p->f.version = *version;
    if (p->f.observes && record_equal(&p->f.observed, record))
        return;
    p->f.observes = true;
    p->f.observed = *record;
    p->f.observed_at = world_clock(w, p->node);
}

static void write(struct world *w, int who, enum election_purpose purpose)
{
    struct process *p = &w->process[who];
    const struct record *old = &p->f.observed;
    /* A wall clock that stands still would renew nothing; that is its user's fault, and not what is tried here. */
    int64_t wall_us = world_clock(w, p->node).wall_ns / 1000;
    int64_t *last_us = &w->node[p->node].last_stamp_us;
    if (wall_us <= *last_us)
        wall_us = *last_us + 1;
    *last_us = wall_us;
    struct election_write write = { .kind = p->f.version.resource_version ? ELECTION_WRITE_REPLACE : ELECTION_WRITE_CREATE,
                                    .purpose = purpose,
                                    .base = p->f.version,
                                    .limit_ns = deadline_ns / 2 };
    struct record *r = &write.record;
    r->renew_us = wall_us;
    r->acquire_us = purpose == ELECTION_RENEW ? old->acquire_us : wall_us;
    r->transitions = old->transitions;
    p->f.purpose = purpose;
    if (purpose == ELECTION_RELEASE && p->f.rule == FOREIGN_FABRIC8) {
        r->kind = RECORD_HELD;
        r->duration_ms = 1000;
        snprintf(r->holder, sizeof r->holder, "%s", p->name);
    } else if (purpose == ELECTION_RELEASE) {
        r->kind = RECORD_EMPTIED;
        r->duration_ms = 1000;
    } else {
        r->kind = RECORD_HELD;
        r->duration_ms = lease_ns / SIM_MS;
        snprintf(r->holder, sizeof r->holder, "%s", p->name);
        r->transitions += purpose == ELECTION_ACQUIRE;
    }
    p->f.busy = p->f.writing = true;
    p->decided_at = w->now;
    network_write(w, who, &write, false);
}

static void read(struct world *w, int who)
{
    w->process[who].f.busy = true;
    w->process[who].f.writing = false;
    w->process[who].decided_at = w->now;
    network_read(w, who, deadline_ns / 2);
}

static void leads(struct world *w, int who)
{
    struct process *p = &w->process[who];
    p->f.renewed_at = world_clock(w, p->node);
    if (p->f.leads)
        return;
    p->f.leads = true;
    p->f.term++;
    struct fact f = {
        .kind = FACT_STARTED, .who = who, .term = p->f.term, .version = p->f.version, .token = p->f.version.resource_version
    };
    world_tell(w, &f);
    f.kind = FACT_WORK_BEGINS;
    world_tell(w, &f);
}

static void stops(struct world *w, int who, bool release)
{
    struct process *p = &w->process[who];
    p->f.leads = false;
    struct fact f = { .kind = FACT_STOP, .who = who, .term = p->f.term };
    world_tell(w, &f);
    f.kind = FACT_WORK_ENDS;
    world_tell(w, &f);
    p->f.releasing = release;
    if (release && !p->f.busy)
        read(w, who);
}

/* Whether it takes the record for valid. */
static bool valid(const struct process *p, leasehold_time now)
{
    const struct record *r = &p->f.observed;
    if (!p->f.observes || r->kind != RECORD_HELD)
        return false;
    if (p->f.rule == FOREIGN_FABRIC8)
        return r->renew_us == 0 || r->renew_us * 1000 + lease_ns >= now.wall_ns; /* without a stamp it fails, and tries again */
    return p->f.observed_at.raw_ns + r->duration_ms * SIM_MS > now.raw_ns;
}

static bool past_deadline(const struct process *p, leasehold_time now)
{
    if (p->f.rule == FOREIGN_FABRIC8)
        return now.wall_ns - p->f.renewed_at.wall_ns > deadline_ns;
    return now.raw_ns - p->f.renewed_at.raw_ns > deadline_ns;
}

static void decide(struct world *w, int who)
{
    struct process *p = &w->process[who];
    leasehold_time now = world_clock(w, p->node);
    if (p->f.releasing) {
        p->f.releasing = false;
        bool its = p->f.rule == FOREIGN_CLIENT_GO || ours(p);
        if (its && p->f.version.resource_version)
            write(w, who, ELECTION_RELEASE);
        return;
    }
    if (valid(p, now) && !ours(p)) {
        if (p->f.leads)
            stops(w, who, false);
        return;
    }
    if (p->f.observed.kind == RECORD_UNREADABLE)
        return;
    write(w, who, ours(p) && p->f.leads ? ELECTION_RENEW : ELECTION_ACQUIRE);
}

void foreign_tick(struct world *w, int who, uint32_t generation)
{
    struct process *p = &w->process[who];
    if (!p->alive || generation != p->f.generation)
        return;
    if (w->node[p->node].suspended || p->frozen_until > w->now) {
        tick_in(w, who, p->frozen_until > w->now ? p->frozen_until - w->now : 100 * SIM_MS);
        return;
    }
    leasehold_time now = world_clock(w, p->node);
    if (p->f.leads && past_deadline(p, now))
        stops(w, who, true);
    else if (!p->f.busy && p->f.leads && p->f.rule == FOREIGN_CLIENT_GO)
        decide(w, who); /* straight from what it knows */
    else if (!p->f.busy)
        read(w, who);
    tick_in(w, who, retry_ns + prng_range(&w->random, 0, retry_ns / 5));
}

void foreign_resign(struct world *w, int who)
{
    const struct process *p = &w->process[who];
    if (!p->f.leads || w->node[p->node].suspended || p->frozen_until > w->now)
        return;
    world_fault(w, who, "is asked to resign", false);
    stops(w, who, true);
}

static void answered(struct world *w, int who, const struct parcel *parcel)
{
    struct process *p = &w->process[who];
    const struct election_event *event = &parcel->event;
    bool shown = event->kind == ELECTION_READ || event->kind == ELECTION_WRITTEN;
    if (!shown) {
        if (p->f.writing)
            read(w, who); /* its view is doubtful: look again */
        return;
    }
    world_tell(w, &(struct fact){ .kind = FACT_RECEIVED, .who = who, .sent = w->now, .after = &event->record, .version = event->version });
    bool late_release = p->f.releasing && event->kind == ELECTION_READ && p->f.rule == FOREIGN_CLIENT_GO;
    if (late_release) {
        p->f.version = event->version; /* the version is new, what it believes is old */
    } else {
        observe(w, who, &event->record, &event->version);
    }
    lock_object_drop(p->object);
    p->object = lock_object_hold(parcel->object);
    if (p->f.releasing && event->kind == ELECTION_WRITTEN)
        read(w, who); /* a renewal that was under way when it gave up */
    else if (event->kind == ELECTION_WRITTEN && p->f.purpose != ELECTION_RELEASE)
        leads(w, who);
    else if (event->kind == ELECTION_READ)
        decide(w, who);
}

void foreign_answer(struct world *w, int who, const struct parcel *parcel)
{
    struct process *p = &w->process[who];
    if (parcel->kind == PARCEL_EVENT)
        return;
    struct request *r = &w->request[parcel->request];
    if (r->done)
        return;
    r->done = true;
    p->f.busy = false;
    struct parcel opened = *parcel;
    if (parcel->kind == PARCEL_LIMIT || p->frozen_until > w->now || w->node[p->node].suspended)
        opened.event = (struct election_event){ .kind = ELECTION_READ_FAILED };
    if (opened.event.kind == ELECTION_READ_FAILED || opened.event.kind == ELECTION_WRITE_REFUSED)
        return;
    answered(w, who, &opened);
}
