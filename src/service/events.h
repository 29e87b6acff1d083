/* What happened and was not read yet.
 *
 * Here: a queue whose nodes live in their groups, so that the start and the stop of a term can never be lost for want of memory;
 * and the event as its accessors show it. Not here: when something happens (group.c).
 *
 * Bounds: of each group the newest change of leader, the newest extension, at most two terms (a third that came and went unseen
 * replaces the second), and of all groups together EVENTS_WARNINGS_MAX warnings. */
#ifndef LEASEHOLD_SERVICE_EVENTS_H
#define LEASEHOLD_SERVICE_EVENTS_H

#include <leasehold/leasehold.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "election/record.h"
#include "election/time.h"
#include "service/options.h"

enum {
    EVENTS_WARNINGS_MAX = 64,
    EVENT_ADDRESS_MAX = 45, /* bytes of an IP address */
    EVENT_TEXT_MAX = SETTING_SENTENCE_MAX + 384,
};

struct member_set;

struct event_node {
    struct event_node *next, *previous;
    bool queued;
    bool must_kill;
    int kind, reason;
    struct leasehold_group *group;   /* NULL: the service */
    struct event_term *term;         /* NULL: none */
    struct leasehold_roster *roster; /* MEMBERS_CHANGED; else NULL */
    int64_t boot_ns, wall_us;
    int64_t stop_by_ns, leading_until_ns;
};

/* One term of a group as its events tell it. */
struct event_term {
    uint64_t number, token; /* number 0: never used */
    char uid[LEASEHOLD_UID_MAX + 1];
    struct event_node started, stop_work, stopped;
};

/* The nodes of a group. All zero: nothing to tell. */
struct group_events {
    struct event_term terms[2];
    struct event_term *term; /* the present or last one; NULL: none yet */
    struct event_node leader_changed, extended, closed;
};

struct event_queue {
    struct event_node *first, *last;
    size_t warnings;
    struct event_node closed; /* of the service */
};

/* What leasehold_service_next_event() hands out. */
struct leasehold_event {
    int kind, reason;
    bool must_kill;
    struct leasehold_group *group;
    struct leasehold_roster *roster;
    struct member_set *members, *before; /* owned with the roster: rosters_release() */
    uint64_t term;
    int64_t boot_ns, wall_us;
    int64_t stop_by_ns, leading_until_ns;
    char token[24];
    char uid[LEASEHOLD_UID_MAX + 1];
    char holder[LEASEHOLD_IDENTITY_MAX + 1];
    char address[EVENT_ADDRESS_MAX + 1];
    char text[EVENT_TEXT_MAX];
};

/* Puts a node at the end, also one that waits already: it now says something newer. `now` is when it happened. */
void events_push(struct event_queue *q, struct event_node *node, leasehold_time now);

/* Takes a node out, if it waits. */
void events_drop(struct event_queue *q, struct event_node *node);

/* The nodes for a new term of `group`: of a term that was told of in full, or of one that came and went unseen. */
struct event_term *events_term(struct event_queue *q, struct leasehold_group *group, struct group_events *events, uint64_t number);

/* Appends a warning with a copy of its text; drops the oldest where there are too many, and this one when out of memory. */
void events_warn(struct event_queue *q, struct leasehold_group *group, leasehold_time now, const char *text);

/* Takes the oldest out and shows it in *ret, whose group is borrowed from the node. Returns false when there is none. */
bool events_next(struct event_queue *q, struct leasehold_event *ret);

/* Drops everything that is about `group`; NULL: everything. */
void events_forget(struct event_queue *q, const struct leasehold_group *group);

#endif
