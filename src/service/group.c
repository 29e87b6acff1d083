#include "service/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/balancer.h"
#include "service/leader_pod.h"
#include "service/lock.h"
#include "service/notice.h"
#include "service/service.h"
#include "service/tally.h"

_Static_assert((int)ELECTION_REASON_RENEW_DEADLINE == LEASEHOLD_REASON_RENEW_DEADLINE &&
                   (int)ELECTION_REASON_LOST == LEASEHOLD_REASON_LOST && (int)ELECTION_REASON_RESIGNED == LEASEHOLD_REASON_RESIGNED &&
                   (int)ELECTION_REASON_CLOSED == LEASEHOLD_REASON_CLOSED &&
                   (int)ELECTION_REASON_WORK_ENDED == LEASEHOLD_REASON_WORK_ENDED && (int)ELECTION_REASONS == 6,
               "the public reasons are the machine's");

leasehold_group *group_release(leasehold_group *g)
{
    if (g && atomic_fetch_sub(&g->references, 1) == 1) {
        BUG_UNLESS(!g->service && !g->lock);
        guard_unref(g->guard);
        free(g->statistics);
        free(g);
    }
    return NULL;
}

/* ---- telling ------------------------------------------------------------------------------------------------------ */

static void tell_started(leasehold_group *g, const struct election_update *u)
{
    leasehold_service *s = g->service;
    struct event_term *t = events_term(&s->events, g, &g->events, u->term);
    struct term_snapshot term = { .number = u->term, .token = u->token, .term_at = u->term_at };
    t->token = u->token;
    memcpy(t->uid, g->election.version.uid, sizeof t->uid);
    memcpy(term.uid, t->uid, sizeof term.uid);
    fence_set(&g->fence, u->kill_at.boot_ns); /* before anybody can see the term */
    terms_begin(&g->terms, &term);
    t->started.stop_by_ns = u->kill_at.boot_ns;
    t->started.leading_until_ns = u->term_at.boot_ns;
    service_tell(s, &t->started);
}

static void tell_stop_work(leasehold_group *g, const struct election_update *u)
{
    struct event_term *t = g->events.term;
    BUG_UNLESS(t && t->number == u->term);
    t->stop_work.reason = (int)u->reason;
    t->stop_work.must_kill = u->kill_work;
    t->stop_work.stop_by_ns = u->kill_at.boot_ns;
    service_tell(g->service, &t->stop_work);
}

static void tell_stopped(leasehold_group *g, const struct election_update *u)
{
    struct event_term *t = g->events.term;
    BUG_UNLESS(t && t->number == u->term);
    fence_set(&g->fence, LEASEHOLD_NEVER);
    t->stopped.reason = (int)u->reason;
    events_drop(&g->service->events, &g->events.extended);
    service_tell(g->service, &t->stopped);
}

/* Returns false when a reader saw the term end before it could be extended. */
static bool tell_extended(leasehold_group *g, const struct election_update *u)
{
    if (g->election.state == ELECTION_LEADER && !terms_extend(&g->terms, u->term_at))
        return false;
    fence_set(&g->fence, u->kill_at.boot_ns); /* after: if this comes to nothing, the earlier time holds */
    if (g->extended_events) {
        struct event_node *node = &g->events.extended;
        BUG_UNLESS(g->events.term && g->events.term->number == u->term);
        node->kind = LEASEHOLD_EVENT_EXTENDED;
        node->group = g;
        node->term = g->events.term;
        node->stop_by_ns = u->kill_at.boot_ns;
        node->leading_until_ns = u->term_at.boot_ns;
        service_tell(g->service, node);
    }
    return true;
}

static void tell_leader(leasehold_group *g)
{
    g->events.leader_changed.kind = LEASEHOLD_EVENT_LEADER_CHANGED;
    g->events.leader_changed.group = g;
    service_tell(g->service, &g->events.leader_changed);
}

static void tell_warning(leasehold_group *g, enum election_warning warning)
{
    char text[SETTING_SENTENCE_MAX], lease[32], foreign[32];
    const struct election *e = &g->election;
    setting_duration_text(e->settings.lease_duration_ns, lease, sizeof lease);
    setting_duration_text(e->settings.foreign_lease_ns, foreign, sizeof foreign);
    const char *kind = g->lock_kind, *space = g->namespace_, *name = g->lock_name;
    switch (warning) {
    case ELECTION_WARNING_SAME_IDENTITY:
        snprintf(text, sizeof text,
                 "another process holds %s %s/%s as %.80s, which is our identity too: give each candidate its own with "
                 "--identity, or wait if this is a restart",
                 kind, space, name, e->identity);
        break;
    case ELECTION_WARNING_NO_DURATION:
        snprintf(text, sizeof text,
                 "the record of %.80s in %s %s/%s has no lease duration: it is waited for %s after its last change "
                 "(--foreign-lease)",
                 e->record.holder, kind, space, name, foreign);
        break;
    case ELECTION_WARNING_UNREADABLE:
        snprintf(text, sizeof text, "the record in %s %s/%s cannot be understood: waiting %s after its last change, then it is replaced",
                 kind, space, name, foreign);
        break;
    case ELECTION_WARNING_TAMPERED:
        snprintf(text, sizeof text, "our record in %s %s/%s was emptied, removed or damaged while we led: stepping down", kind, space,
                 name);
        break;
    case ELECTION_WARNING_NOT_RELEASED:
        snprintf(text, sizeof text, "%s %s/%s could not be released: the others wait until its lease of %s is over", kind, space, name,
                 lease);
        break;
    case ELECTION_WARNING_NONE:
    case ELECTION_WARNINGS:
        return;
    }
    service_warn(g->service, g, text);
}

/* In the order of struct election_update. Returns false when an extension came too late for a reader. */
static bool tell(leasehold_group *g, const struct election_update *u)
{
    bool in_time = true;
    if (u->stop_work)
        terms_end(&g->terms);
    if (u->stop_work)
        notice_stopping(g);
    /* Work that ended by itself need not be asked to. */
    if (u->stop_work && !u->stopped_leading)
        tell_stop_work(g, u);
    if (u->stopped_leading)
        tell_stopped(g, u);
    if (u->stopped_leading)
        notice_stopped(g);
    if (u->started_leading)
        tell_started(g, u);
    if (u->started_leading)
        notice_started(g);
    if (u->extended)
        in_time = tell_extended(g, u);
    if (u->leader_changed)
        tell_leader(g);
    if (u->warning != ELECTION_WARNING_NONE)
        tell_warning(g, u->warning);
    if (u->closed) {
        g->events.closed.kind = LEASEHOLD_EVENT_CLOSED;
        g->events.closed.group = g;
        service_tell(g->service, &g->events.closed);
        group_finish(g);
    }
    return in_time;
}

/* ---- stepping ----------------------------------------------------------------------------------------------------- */

void group_step(leasehold_group *g, const struct election_event *event)
{
    leasehold_service *s = g->service;
    if (!s || !g->lock)
        return;
    struct election_update update;
    uint64_t term = g->election.term;
    /* A reading of its own for each step: between the turn's reading and this line other groups' events were handled, and an end
     * that came meanwhile is a fact before the event is (rules 4 and 7). */
    leasehold_time now = service_now(s);
    struct tally_before before = tally_look(&g->election);
    election_step(&g->election, now, event, &update);
    BUG_UNLESS(g->election.term - term <= 1);
    if (g->statistics)
        tally_step(g->statistics, &before, &g->election, now, event, &update);
    lock_keep(g->lock, &g->election.version);
    bool in_time = tell(g, &update);
    if (!g->lock)
        return;
    if (g->balancer)
        balancer_touch(g->balancer);
    timers_set(&s->timers, &g->timer, election_deadline(&g->election));
    exchange_ask(g->lock, g, now, &update);
    if (!in_time)
        group_step(g, &(struct election_event){ .kind = ELECTION_EXTEND_REFUSED, .term = update.term });
    if (update.stop_work && !update.stopped_leading && !g->confirm_stop)
        group_step(g, &(struct election_event){ .kind = ELECTION_WORK_STOPPED, .term = update.term });
}

void group_finish(leasehold_group *g)
{
    leasehold_service *s = g->service;
    if (!g->lock)
        return;
    terms_end(&g->terms);
    fence_end(&g->fence);
    leader_pod_forget(g);
    notice_forget(g);
    if (g->balancer)
        balancer_leave(g->balancer, g);
    timers_set(&s->timers, &g->timer, LEASEHOLD_NEVER);
    timers_unreserve(&s->timers, 1);
    struct lock *lock = g->lock;
    g->lock = NULL;
    lock_leave(lock, g);
    service_group_gone(s);
}

void group_forget(leasehold_group *g)
{
    leasehold_service *s = g->service;
    if (!s)
        return;
    BUG_UNLESS(!g->lock);
    events_forget(&s->events, g);
    *(g->previous ? &g->previous->next : &s->groups) = g->next;
    if (g->next)
        g->next->previous = g->previous;
    g->next = g->previous = NULL;
    g->service = NULL;
    group_release(g);
}

/* ---- calls from any thread ---------------------------------------------------------------------------------------- */

void group_post(leasehold_group *g)
{
    leasehold_service *s = g->service;
    if (!g->posted) {
        g->posted = true;
        g->next_posted = NULL;
        *s->posted_last = g;
        s->posted_last = &g->next_posted;
        atomic_fetch_add(&g->references, 1);
    }
    s->host.wake(s->host.data);
}

void group_run_posted(leasehold_group *g)
{
    if (g->begin && g->lock) {
        group_step(g, &(struct election_event){ .kind = ELECTION_BEGIN });
        notice_begin(g);
        if (g->lock && g->service->balancer && g->election.role == ELECTION_ROLE_CANDIDATE)
            balancer_join(g->service->balancer, g);
        if (g->lock)
            lock_begin(g->lock, g);
    }
    /* Not to stand again is not for the balancer to undo. */
    if (g->resign && g->hold_off_ns == LEASEHOLD_NEVER && g->balancer)
        balancer_retire(g->balancer, g);
    if (g->resign)
        group_step(g, &(struct election_event){ .kind = ELECTION_RESIGN, .hold_off_ns = g->hold_off_ns });
    if (g->close)
        group_step(g, &(struct election_event){ .kind = ELECTION_CLOSE });
    if (g->stopped_term)
        group_step(g, &(struct election_event){ .kind = ELECTION_WORK_STOPPED, .term = g->stopped_term });
    bool abandon = g->abandon && g->service;
    g->begin = g->resign = g->close = g->abandon = false;
    g->stopped_term = 0;
    if (abandon) {
        group_finish(g);
        group_forget(g);
    }
}
