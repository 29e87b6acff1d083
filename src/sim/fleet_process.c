/* One process of a fleet: a service on this room's transport, its groups, and what its events say. */
#include "sim/fleet.h"

#include <stdio.h>
#include <string.h>

#include "election/bug.h"
#include "service/group.h"

enum { SPINS_MAX = 100 };

/* ---- the host of a service ------------------------------------------------------------------------------------------ */

static leasehold_time read_clock(void *data)
{
    const struct fleet_process *p = data;
    return fleet_clock(p->fleet, p->node);
}

static void wake(void *data)
{
    struct fleet_process *p = data;
    p->woken = true;
}

static void waiting(void *data, bool some)
{
    (void)data;
    (void)some; /* events are read after each turn */
}

static uint64_t draw_random(void *data)
{
    struct fleet_process *p = data;
    uint64_t number = prng_next(&p->fleet->random);
    return number ? number : 1;
}

static void set(leasehold_options *o, const char *name, const char *value)
{
    BUG_UNLESS(leasehold_options_set(o, name, value) == 0);
}

static void set_duration(leasehold_options *o, const char *name, int64_t ns)
{
    char text[32];
    snprintf(text, sizeof text, "%lldms", (long long)(ns / FLEET_MS));
    set(o, name, text);
}

static leasehold_options *options_of(const struct fleet *f, const char *name)
{
    leasehold_options *o = leasehold_options_new();
    BUG_UNLESS(o);
    set(o, "lock", f->settings.configmap ? "configmap" : "lease");
    set(o, "identity", name);
    set_duration(o, "lease-duration", f->settings.lease_ns);
    set_duration(o, "renew-deadline", f->settings.deadline_ns);
    set_duration(o, "retry-period", f->settings.retry_ns);
    set_duration(o, "max-clock-skew", f->settings.skew_ns);
    set_duration(o, "foreign-lease", f->settings.foreign_ns);
    set(o, "extended-events", "yes");
    return o;
}

static int new_process(struct fleet *f, int node, const char *name)
{
    if (f->process_count == FLEET_PROCESSES_MAX)
        return -1;
    int who = f->process_count++;
    struct fleet_process *p = &f->process[who];
    *p = (struct fleet_process){ .used = true, .alive = true, .node = node, .fleet = f };
    snprintf(p->name, sizeof p->name, "%s", name);
    return who;
}

/* Its part in a group, with a number for the judge. Returns false when there is none left. */
static bool join(struct fleet *f, int who, int g, int64_t lease_ns)
{
    struct fleet_process *p = &f->process[who];
    struct fleet_group *group = &f->group[g];
    if (group->members == SIM_PROCESSES_MAX)
        return false;
    p->stand[g] = (struct fleet_stand){ .stands = true, .member = group->members };
    group->process[group->members++] = who;
    fleet_tell(f, g,
               &(struct fact){ .kind = FACT_PROCESS,
                               .who = p->stand[g].member,
                               .identity = p->name,
                               .lease_ns = lease_ns,
                               .rate_error_ppm = f->settings.camel ? 0 : 10000,
                               .foreign = p->camel });
    if (f->node[p->node].adrift)
        fleet_tell(f, g, &(struct fact){ .kind = FACT_ADRIFT, .who = p->stand[g].member });
    return true;
}

int fleet_start(struct fleet *f, int node, const char *name, unsigned groups)
{
    int who = new_process(f, node, name);
    if (who < 0)
        return who;
    struct fleet_process *p = &f->process[who];
    struct service_host host = {
        .transport = { &fleet_transport, p }, .clock = { read_clock, p }, .wake = wake, .waiting = waiting, .random = draw_random, .data = p
    };
    leasehold_options *o = options_of(f, p->name);
    char sentence[SETTING_SENTENCE_MAX];
    BUG_UNLESS(service_new(&host, o, "default", &p->service, sentence) == 0);
    leasehold_options_unref(o);
    /* Beside Camel's lock ours is over earlier, by its clock: that is what our work must keep to. */
    int64_t lease_ns = f->settings.lease_ns - (f->settings.camel ? f->settings.skew_ns : 0);
    for (int g = 0; g < f->settings.groups; g++)
        if (groups >> g & 1 && join(f, who, g, lease_ns))
            BUG_UNLESS(leasehold_group_open(&p->stand[g].handle, p->service, f->group[g].name, LEASEHOLD_CANDIDATE, NULL) == 0);
    fleet_at(f, f->now, FLEET_EVENT_WOKEN, who, 0, 0);
    return who;
}

int fleet_start_camel(struct fleet *f, int node, const char *name, unsigned groups)
{
    int who = new_process(f, node, name);
    if (who < 0)
        return who;
    struct fleet_process *p = &f->process[who];
    p->camel = true;
    while (p->c.group < f->settings.groups - 1 && !(groups >> p->c.group & 1))
        p->c.group++;
    if (!join(f, who, p->c.group, f->settings.lease_ns)) {
        p->alive = false;
        return -1;
    }
    fleet_at(f, f->now, FLEET_EVENT_CAMEL, who, 0, p->c.generation);
    return who;
}

/* ---- turns ------------------------------------------------------------------------------------------------------------ */

static struct fact fact_of(struct fleet *f, int who, int g, const struct leasehold_event *e)
{
    const struct fleet_process *p = &f->process[who];
    struct fact fact = { .who = p->stand[g].member,
                         .term = e->term,
                         .reason = (enum election_reason)e->reason,
                         .decided = fleet_true_time(f, p->node, e->boot_ns),
                         .version = { .resource_version = store_version(f->store) } };
    uint64_t token = 0;
    for (const char *c = e->token; *c >= '0' && *c <= '9'; c++)
        token = token * 10 + (uint64_t)(*c - '0');
    fact.token = token;
    /* What was promised while the process was frozen and is over by now is no promise. */
    if (fleet_clock(f, p->node).boot_ns < e->stop_by_ns)
        fact.sent = fleet_true_time(f, p->node, e->stop_by_ns);
    return fact;
}

static int group_of(const struct fleet *f, int who, const leasehold_group *handle)
{
    for (int g = 0; g < f->settings.groups; g++)
        if (handle && f->process[who].stand[g].handle == handle)
            return g;
    return -1;
}

static void tell_event(struct fleet *f, int who, int g, const struct leasehold_event *e)
{
    struct fleet_stand *s = &f->process[who].stand[g];
    struct fact fact = fact_of(f, who, g, e);
    fleet_tell(f, g,
               &(struct fact){ .kind = FACT_TOLD,
                               .who = s->member,
                               .decided = fact.decided,
                               .identity = e->kind == LEASEHOLD_EVENT_LEADER_CHANGED ? e->holder : NULL });
    switch (e->kind) {
    case LEASEHOLD_EVENT_STARTED_LEADING:
        fact.kind = FACT_STARTED;
        /* By the send of its write: the event may be told by a process that was frozen right after its decision. */
        fact.decided =
            fleet_true_time(f, f->process[who].node, e->leading_until_ns - election_settings_term_ns(&s->handle->election.settings));
        s->term = e->term;
        fleet_tell(f, g, &fact);
        fleet_work_start(f, who, g, e, fact.token);
        break;
    case LEASEHOLD_EVENT_EXTENDED:
        fact.kind = FACT_EXTENDED;
        fleet_tell(f, g, &fact);
        fleet_work_extend(f, who, g, e);
        break;
    case LEASEHOLD_EVENT_STOP_WORK:
        fact.kind = FACT_STOP;
        fact.flag = e->must_kill;
        fleet_tell(f, g, &fact);
        fleet_work_stop(f, who, g, e);
        break;
    case LEASEHOLD_EVENT_STOPPED_LEADING:
        fact.kind = FACT_STOPPED;
        fleet_tell(f, g, &fact);
        break;
    case LEASEHOLD_EVENT_CLOSED:
        s->closed = true;
        break;
    default:
        break;
    }
}

static bool all_closed(const struct fleet *f, const struct fleet_process *p)
{
    for (int g = 0; g < f->settings.groups; g++)
        if (p->stand[g].stands && !p->stand[g].closed)
            return false;
    return true;
}

static bool turn(struct fleet *f, struct fleet_process *p)
{
    bool woken = p->woken;
    p->woken = false;
    BUG_UNLESS(guard_lock(p->service->guard) == 0);
    bool due = service_deadline(p->service) <= fleet_clock(f, p->node).boot_ns;
    p->dispatching++;
    if (due)
        service_expire(p->service);
    if (woken)
        service_run_posted(p->service);
    p->dispatching--;
    guard_unlock(p->service->guard);
    return woken || due;
}

static unsigned groups_of(const struct fleet *f, const struct fleet_process *p)
{
    unsigned groups = 0;
    for (int g = 0; g < f->settings.groups; g++)
        groups |= p->stand[g].stands ? 1U << g : 0;
    return groups;
}

static void begin_again(struct fleet *f, int who, int64_t delay)
{
    const struct fleet_process *p = &f->process[who];
    fleet_at(f, f->now + delay, FLEET_EVENT_BEGIN, who, (uint32_t)p->node, groups_of(f, p) | (p->camel ? 1U << 31 : 0));
}

static void arm(struct fleet *f, int who)
{
    struct fleet_process *p = &f->process[who];
    BUG_UNLESS(guard_lock(p->service->guard) == 0);
    int64_t deadline = service_deadline(p->service);
    guard_unlock(p->service->guard);
    p->timer_generation++;
    if (deadline == LEASEHOLD_NEVER)
        return;
    int64_t at = clocks_when_boot(&f->node[p->node].clocks, f->now, deadline);
    fleet_at(f, at > f->now ? at : f->now + 1000, FLEET_EVENT_TIMER, who, 0, p->timer_generation);
}

/* After whatever the service has done: its events are read, its calls run, its timer set. */
void fleet_settle(struct fleet *f, int who)
{
    struct fleet_process *p = &f->process[who];
    const leasehold_event *e;
    if (!p->alive || p->dispatching)
        return;
    if (p->doomed) {
        fleet_crash(f, who, false);
        return;
    }
    do
        while (!f->ended && leasehold_service_next_event(p->service, &e) > 0) {
            int g = group_of(f, who, e->group);
            if (g >= 0)
                tell_event(f, who, g, e);
        }
    while (p->woken && p->frozen_until <= f->now && turn(f, p));
    if (p->doomed) {
        fleet_crash(f, who, false);
    } else if (all_closed(f, p)) {
        fleet_crash(f, who, false);
        begin_again(f, who, f->healing ? 0 : prng_span(&f->random, FLEET_MS, 10 * FLEET_S));
    } else {
        arm(f, who);
    }
}

static void begin(struct fleet *f, const struct heap_item *item)
{
    char name[FLEET_NAME_MAX];
    bool camel = item->generation >> 31;
    if (item->who != SIM_NOBODY)
        snprintf(name, sizeof name, "%s", f->process[item->who].name);
    else if (camel)
        snprintf(name, sizeof name, "camel-%d", f->process_count);
    else
        snprintf(name, sizeof name, "%c", 'a' + (int)item->what);
    unsigned groups = item->generation & ~(1U << 31);
    if (camel)
        fleet_start_camel(f, (int)item->what, name, groups);
    else
        fleet_start(f, (int)item->what, name, groups);
}

/* A deadline that comes again and again without anything being done. */
static void count_spins(struct fleet *f, struct fleet_process *p)
{
    if (f->now - p->spin_since > FLEET_MS) {
        p->spin_since = f->now;
        p->spins = 0;
    }
    if (++p->spins != SPINS_MAX)
        return;
    for (int g = 0; g < f->settings.groups; g++)
        if (p->stand[g].stands)
            fleet_tell(f, g, &(struct fact){ .kind = FACT_SPINS, .who = p->stand[g].member });
}

void fleet_process_event(struct fleet *f, const struct heap_item *item)
{
    if (item->kind == FLEET_EVENT_BEGIN) {
        begin(f, item);
        return;
    }
    struct fleet_process *p = &f->process[item->who];
    if (!p->alive || p->dispatching || (item->kind == FLEET_EVENT_TIMER && item->generation != p->timer_generation))
        return;
    if (item->kind == FLEET_EVENT_TIMER)
        count_spins(f, p);
    if (item->kind == FLEET_EVENT_WORK_TOLD)
        leasehold_group_work_stopped(p->stand[item->what].handle, item->generation);
    turn(f, p);
    fleet_settle(f, item->who);
}

void fleet_crash(struct fleet *f, int who, bool work_too)
{
    struct fleet_process *p = &f->process[who];
    for (int g = 0; work_too && g < f->settings.groups; g++)
        fleet_work_kill(f, who, g);
    if (!p->alive)
        return;
    if (p->dispatching) {
        p->doomed = true; /* it is frozen in the middle of a turn: nothing it still does leaves it */
        return;
    }
    p->alive = false;
    if (p->camel)
        fleet_camel_gone(f, who);
    if (p->service) {
        struct guard *guard = guard_ref(p->service->guard);
        BUG_UNLESS(guard_lock(guard) == 0);
        p->service = service_free(p->service);
        guard_unlock(guard);
        guard_unref(guard);
    }
    for (int g = 0; g < f->settings.groups; g++) {
        if (p->stand[g].stands)
            fleet_tell(f, g, &(struct fact){ .kind = FACT_GONE, .who = p->stand[g].member });
        p->stand[g].handle = leasehold_group_unref(p->stand[g].handle);
    }
}

void fleet_freeze(struct fleet *f, int who, int64_t span)
{
    if (f->now + span > f->process[who].frozen_until)
        f->process[who].frozen_until = f->now + span;
}

/* Another thread of some process asks is_leading. */
void fleet_sample(struct fleet *f)
{
    int who = f->process_count ? prng_index(&f->random, f->process_count) : SIM_NOBODY;
    fleet_at(f, f->now + prng_span(&f->random, 5 * FLEET_MS, FLEET_S), FLEET_EVENT_SAMPLE, SIM_NOBODY, 0, 0);
    if (who == SIM_NOBODY)
        return;
    struct fleet_process *p = &f->process[who];
    if (!p->alive || p->camel || p->doomed || p->frozen_until > f->now || p->dispatching)
        return;
    for (int g = 0; g < f->settings.groups; g++)
        if (p->stand[g].term)
            fleet_tell(f, g,
                       &(struct fact){ .kind = FACT_SAMPLE,
                                       .who = p->stand[g].member,
                                       .sent = f->now,
                                       .term = p->stand[g].term,
                                       .flag = leasehold_group_is_leading(p->stand[g].handle) });
}
