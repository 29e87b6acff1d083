#include "service/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/group.h"
#include "service/leader_pod.h"

struct warning {
    struct event_node node;
    char text[];
};

void events_drop(struct event_queue *q, struct event_node *node)
{
    if (!node->queued)
        return;
    *(node->previous ? &node->previous->next : &q->first) = node->next;
    *(node->next ? &node->next->previous : &q->last) = node->previous;
    node->next = node->previous = NULL;
    node->queued = false;
}

void events_push(struct event_queue *q, struct event_node *node, leasehold_time now)
{
    node->boot_ns = now.boot_ns;
    node->wall_us = now.wall_ns / 1000;
    events_drop(q, node);
    node->previous = q->last;
    node->next = NULL;
    *(q->last ? &q->last->next : &q->first) = node;
    q->last = node;
    node->queued = true;
}

static bool term_waits(const struct event_term *t)
{
    return t->started.queued || t->stop_work.queued || t->stopped.queued;
}

static void drop_term(struct event_queue *q, struct event_term *t)
{
    events_drop(q, &t->started);
    events_drop(q, &t->stop_work);
    events_drop(q, &t->stopped);
}

struct event_term *events_term(struct event_queue *q, struct leasehold_group *group, struct group_events *events, uint64_t number)
{
    struct event_term *t = &events->terms[events->term == &events->terms[0] ? 1 : 0];
    if (term_waits(t)) {
        /* Nobody reads. The other one is older, so the last term is unread as a whole, and over: it need not be told any more. */
        t = events->term;
        BUG_UNLESS(t);
        drop_term(q, t);
    }
    /* An extension of the term of before is of no use now, and would show this one's number. */
    events_drop(q, &events->extended);
    *t = (struct event_term){ .number = number };
    t->started = (struct event_node){ .kind = LEASEHOLD_EVENT_STARTED_LEADING, .group = group, .term = t };
    t->stop_work = (struct event_node){ .kind = LEASEHOLD_EVENT_STOP_WORK, .group = group, .term = t };
    t->stopped = (struct event_node){ .kind = LEASEHOLD_EVENT_STOPPED_LEADING, .group = group, .term = t };
    events->term = t;
    return t;
}

static void free_warning(struct event_queue *q, struct event_node *node)
{
    events_drop(q, node);
    q->warnings--;
    free(node);
}

void events_warn(struct event_queue *q, struct leasehold_group *group, leasehold_time now, const char *text)
{
    size_t size = strlen(text) + 1;
    struct warning *w = calloc(1, sizeof *w + size);
    if (!w)
        return;
    memcpy(w->text, text, size);
    w->node.kind = LEASEHOLD_EVENT_WARNING;
    w->node.group = group;
    if (q->warnings == EVENTS_WARNINGS_MAX) {
        struct event_node *oldest = q->first;
        while (oldest->kind != LEASEHOLD_EVENT_WARNING)
            oldest = oldest->next;
        free_warning(q, oldest);
    }
    q->warnings++;
    events_push(q, &w->node, now);
}

static void describe_term(const struct event_node *node, const char *group, struct leasehold_event *e)
{
    char left[32];
    const char *why = leasehold_reason_name(e->reason);
    setting_duration_text(node->stop_by_ns > node->boot_ns ? node->stop_by_ns - node->boot_ns : 0, left, sizeof left);
    switch (node->kind) {
    case LEASEHOLD_EVENT_STARTED_LEADING:
        snprintf(e->text, sizeof e->text, "%s leads %s: term %llu, fencing token %s", e->holder, group, (unsigned long long)e->term,
                 e->token);
        break;
    case LEASEHOLD_EVENT_STOP_WORK:
        if (e->must_kill)
            snprintf(e->text, sizeof e->text, "term %llu of %s is lost: its work must be killed now", (unsigned long long)e->term, group);
        else if (e->reason == LEASEHOLD_REASON_RENEW_DEADLINE)
            snprintf(e->text, sizeof e->text, "term %llu of %s could not be renewed in time: its work must be dead in %s",
                     (unsigned long long)e->term, group, left);
        else
            snprintf(e->text, sizeof e->text, "the work of term %llu of %s is asked to stop (%s); the lock is renewed until then",
                     (unsigned long long)e->term, group, why);
        break;
    case LEASEHOLD_EVENT_STOPPED_LEADING:
        snprintf(e->text, sizeof e->text, "term %llu of %s is over (%s)", (unsigned long long)e->term, group, why);
        break;
    default:
        snprintf(e->text, sizeof e->text, "term %llu of %s goes on: its work must be dead in %s", (unsigned long long)e->term, group, left);
        break;
    }
}

static void describe(const struct event_node *node, struct leasehold_event *e)
{
    const char *group = node->group ? node->group->name : "";
    switch (node->kind) {
    case LEASEHOLD_EVENT_LEADER_CHANGED:
        if (e->holder[0])
            snprintf(e->text, sizeof e->text, "%s leads %s", e->holder, group);
        else
            snprintf(e->text, sizeof e->text, "nobody is known to lead %s", group);
        break;
    case LEASEHOLD_EVENT_LEADER_ADDRESS:
        snprintf(e->text, sizeof e->text, "%s, who leads %s, is %s%s", e->holder, group, e->address[0] ? "at " : "no Pod that is known",
                 e->address);
        break;
    case LEASEHOLD_EVENT_MEMBERS_CHANGED:
        break; /* rosters_show() */
    case LEASEHOLD_EVENT_WARNING:
        snprintf(e->text, sizeof e->text, "%s", ((const struct warning *)(const void *)node)->text);
        break;
    case LEASEHOLD_EVENT_CLOSED:
        if (node->group)
            snprintf(e->text, sizeof e->text, "left the election of %s", group);
        else
            snprintf(e->text, sizeof e->text, "all groups have closed");
        break;
    default:
        describe_term(node, group, e);
        break;
    }
}

/* Who leads as last told: the node itself keeps no name, for only the newest change is told. */
static void show_leader(const leasehold_group *g, struct leasehold_event *e)
{
    const struct election *election = &g->election;
    const struct record *r = &election->record;
    snprintf(e->holder, sizeof e->holder, "%s", election_leader(election));
    memcpy(e->uid, election->version.uid, sizeof e->uid);
    if (g->events.term && strcmp(e->holder, election->identity) == 0)
        snprintf(e->token, sizeof e->token, "%llu",
                 (unsigned long long)g->events.term->token); /* the record has it from the first renewal on */
    else if (e->holder[0] && r->mark.names_holder && r->mark.token > 0 && strcmp(r->holder, e->holder) == 0)
        snprintf(e->token, sizeof e->token, "%llu", (unsigned long long)r->mark.token);
}

static void show(const struct event_node *node, struct leasehold_event *e)
{
    memset(e, 0, sizeof *e);
    e->kind = node->kind;
    e->reason = node->reason;
    e->must_kill = node->must_kill;
    e->group = node->group;
    e->roster = node->roster;
    e->boot_ns = node->boot_ns;
    e->wall_us = node->wall_us;
    e->stop_by_ns = node->stop_by_ns;
    e->leading_until_ns = node->leading_until_ns;
    if (node->kind == LEASEHOLD_EVENT_LEADER_CHANGED)
        show_leader(node->group, e);
    if (node->kind == LEASEHOLD_EVENT_LEADER_ADDRESS) {
        memcpy(e->holder, node->group->leader_pod->holder, sizeof e->holder);
        memcpy(e->address, node->group->leader_pod->address, sizeof e->address);
    }
    if (node->term) {
        e->term = node->term->number;
        snprintf(e->token, sizeof e->token, "%llu", (unsigned long long)node->term->token);
        memcpy(e->uid, node->term->uid, sizeof e->uid);
        if (node->kind != LEASEHOLD_EVENT_STOPPED_LEADING)
            memcpy(e->holder, node->group->election.identity, sizeof e->holder);
    }
    describe(node, e);
}

bool events_next(struct event_queue *q, struct leasehold_event *ret)
{
    struct event_node *node = q->first;
    if (!node)
        return false;
    show(node, ret);
    if (node->kind == LEASEHOLD_EVENT_WARNING)
        free_warning(q, node);
    else
        events_drop(q, node);
    return true;
}

void events_forget(struct event_queue *q, const struct leasehold_group *group)
{
    struct event_node *next;
    for (struct event_node *node = q->first; node; node = next) {
        next = node->next;
        if (group && node->group != group)
            continue;
        if (node->kind == LEASEHOLD_EVENT_WARNING)
            free_warning(q, node);
        else
            events_drop(q, node);
    }
}

/* ---- accessors ---------------------------------------------------------------------------------------------------- */

int leasehold_event_kind(const leasehold_event *e)
{
    return e ? e->kind : 0;
}

const char *leasehold_event_name(const leasehold_event *e)
{
    static const char *const names[] = { "",        "started_leading", "stop_work", "stopped_leading", "new_leader",
                                         "warning", "closed",          "extended",  "members",         "leader_address" };
    int kind = leasehold_event_kind(e);
    return kind > 0 && (size_t)kind < sizeof names / sizeof *names ? names[kind] : "";
}

leasehold_group *leasehold_event_group(const leasehold_event *e)
{
    return e ? e->group : NULL;
}

uint64_t leasehold_event_term(const leasehold_event *e)
{
    return e ? e->term : 0;
}

uint64_t leasehold_event_stop_by_ns(const leasehold_event *e)
{
    return e ? (uint64_t)e->stop_by_ns : 0;
}

uint64_t leasehold_event_leading_until_ns(const leasehold_event *e)
{
    return e ? (uint64_t)e->leading_until_ns : 0;
}

bool leasehold_event_must_kill(const leasehold_event *e)
{
    return e && e->must_kill;
}

int leasehold_event_reason(const leasehold_event *e)
{
    return e ? e->reason : LEASEHOLD_REASON_NONE;
}

const char *leasehold_event_holder(const leasehold_event *e)
{
    return e ? e->holder : "";
}

const char *leasehold_event_address(const leasehold_event *e)
{
    return e ? e->address : "";
}

const char *leasehold_event_token(const leasehold_event *e)
{
    return e ? e->token : "";
}

const char *leasehold_event_lock_uid(const leasehold_event *e)
{
    return e ? e->uid : "";
}

int64_t leasehold_event_wall_us(const leasehold_event *e)
{
    return e ? e->wall_us : 0;
}

uint64_t leasehold_event_boot_ns(const leasehold_event *e)
{
    return e ? (uint64_t)e->boot_ns : 0;
}

const char *leasehold_event_text(const leasehold_event *e)
{
    return e ? e->text : "";
}
