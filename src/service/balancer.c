#include "service/balancer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/group.h"
#include "service/members.h"
#include "service/service.h"
#include "service/turn.h"
#include "wire/object.h"

struct balancer_group {
    leasehold_group *group;
    bool held;    /* was told to hold back, and not yet to stand */
    bool retired; /* its user wants it never to stand again; it counts until it has nothing to do with its lock any more */
};

struct balancer {
    leasehold_service *service;
    struct balance balance;
    struct timer timer;
    struct balancer_group groups[BALANCE_GROUPS_MAX];
    struct balance_group plan[BALANCE_GROUPS_MAX]; /* of the group at the same place */
    size_t group_count;
    leasehold_roster *roster; /* NULL: this process knows only itself */
    struct member_set *set;   /* whose names `members` has; NULL: none yet */
    struct balance_member *members;
    size_t member_count;
    char identity[LEASEHOLD_IDENTITY_MAX + 1]; /* of all groups of the service */
    bool warned;
};

/* ---- members ------------------------------------------------------------------------------------------------------ */

/* A Pod that ends leads nothing new, and one that has ended nothing at all. */
static bool counts(const struct member *m)
{
    return !m->terminating && m->phase != MEMBER_SUCCEEDED && m->phase != MEMBER_FAILED;
}

/* Takes the set's reference. */
static void take_members(struct balancer *b, struct member_set *set)
{
    struct balance_member *members = calloc(set->count + 1, sizeof *members);
    size_t count = 0;
    if (!members) {
        member_set_unref(set); /* with the next change, then */
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        const char *uid = member_uid(set->members[i]);
        if (counts(set->members[i]))
            members[count++] = (struct balance_member){ .name = member_name(set->members[i]),
                                                        .life = object_digest(OBJECT_DIGEST_START, uid, strlen(uid)) };
    }
    balance_carry(b->members, b->member_count, members, count);
    free(b->members);
    member_set_unref(b->set);
    b->members = members;
    b->member_count = count;
    b->set = set;
}

static void look_at_members(struct balancer *b)
{
    if (!b->roster || b->roster->membership.version == 0)
        return;
    struct member_set *set = membership_set(&b->roster->membership);
    if (set && set != b->set)
        take_members(b, set);
    else
        member_set_unref(set);
}

/* Without a roster we are all there is. */
static void know_only_ourselves(struct balancer *b)
{
    if (b->members)
        return;
    b->members = calloc(1, sizeof *b->members);
    if (b->members) {
        *b->members = (struct balance_member){ .name = b->identity, .life = 1 };
        b->member_count = 1;
    }
}

static void warn_if_no_member(struct balancer *b)
{
    char text[SETTING_SENTENCE_MAX];
    if (b->warned || !b->roster || !b->set || balance_member_of(b->members, b->member_count, b->identity) >= 0)
        return;
    b->warned = true;
    snprintf(text, sizeof text,
             "this candidate is %.80s, and none of the %zu members with %.200s bears that name: it leads only what the others leave alone; "
             "set the identity to the Pod's name, or mend the selector",
             b->identity, b->member_count, b->roster->selector);
    service_warn(b->service, NULL, text);
}

/* ---- the plan ----------------------------------------------------------------------------------------------------- */

/* HOLDs and RESIGNs first: never more stand than may. */
static void carry_out(struct balancer *b, bool stands)
{
    for (size_t i = 0; i < b->group_count; i++) {
        struct balancer_group *of = &b->groups[i];
        struct election_event event;
        if (of->group && !of->retired && (b->plan[i].action == BALANCE_STAND) == stands &&
            turn_event(&of->group->election, b->plan[i].action, &of->held, &event))
            group_step(of->group, &event); /* may end it: balancer_leave() */
    }
}

/* Those that left during the steps. */
static void close_gaps(struct balancer *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->group_count; i++) {
        if (!b->groups[i].group)
            continue;
        b->groups[kept] = b->groups[i];
        b->plan[kept++] = b->plan[i];
    }
    b->group_count = kept;
}

static void look_at_groups(struct balancer *b, leasehold_time now)
{
    for (size_t i = 0; i < b->group_count; i++) {
        struct balancer_group *of = &b->groups[i];
        b->plan[i].name = of->group->name;
        turn_look(&of->group->election, now, &b->plan[i]);
        if (of->retired && b->plan[i].mine == BALANCE_IDLE) {
            of->group->balancer = NULL;
            of->group = NULL;
        }
    }
    close_gaps(b);
}

static void run(struct timer *timer)
{
    struct balancer *b = (struct balancer *)(void *)((char *)timer - offsetof(struct balancer, timer));
    leasehold_time now = service_now(b->service);
    close_gaps(b);
    if (b->group_count == 0)
        return;
    /* Groups come and go, the members keep this name. */
    if (!b->identity[0])
        snprintf(b->identity, sizeof b->identity, "%s", b->groups[0].group->identity);
    if (b->roster)
        look_at_members(b);
    else
        know_only_ourselves(b);
    warn_if_no_member(b);
    look_at_groups(b, now);
    balance_step(&b->balance, now.boot_ns, b->identity, b->members, b->member_count, b->plan, b->group_count);
    timers_set(&b->service->timers, &b->timer, balance_deadline(&b->balance));
    carry_out(b, false);
    carry_out(b, true);
}

void balancer_touch(struct balancer *b)
{
    timers_set(&b->service->timers, &b->timer, service_now(b->service).boot_ns);
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

int balancer_new(leasehold_service *s, struct balancer **ret)
{
    struct balancer *b = calloc(1, sizeof *b);
    if (!b || timers_reserve(&s->timers, 1) < 0) {
        free(b);
        return LEASEHOLD_ERR_MEMORY;
    }
    bool one = strcmp(options_value(s->options, SETTING_BALANCE), "one") == 0;
    const char *retry = options_value(s->options, SETTING_RETRY_PERIOD);
    b->service = s;
    b->timer.fn = run;
    balance_init(&b->balance, &(struct balance_settings){ .retry_period_ns = setting_number(&settings_table[SETTING_RETRY_PERIOD], retry),
                                                          .at_most = one });
    int error = options_value(s->options, SETTING_SELECTOR)[0] ? roster_follow(s, &b->roster) : 0;
    if (error < 0) {
        balancer_free(b);
        return error;
    }
    *ret = b;
    return 0;
}

struct balancer *balancer_free(struct balancer *b)
{
    if (!b)
        return NULL;
    close_gaps(b);
    BUG_UNLESS(b->group_count == 0);
    timers_set(&b->service->timers, &b->timer, LEASEHOLD_NEVER);
    timers_unreserve(&b->service->timers, 1);
    if (b->roster)
        roster_unfollow(b->roster);
    member_set_unref(b->set);
    free(b->members);
    free(b);
    return NULL;
}

void balancer_join(struct balancer *b, leasehold_group *g)
{
    close_gaps(b);
    if (b->group_count == BALANCE_GROUPS_MAX)
        return; /* it stands for itself */
    size_t at = b->group_count++;
    b->groups[at] = (struct balancer_group){ .group = g, .held = true };
    b->plan[at] = (struct balance_group){ .action = BALANCE_HOLD };
    g->balancer = b;
    group_step(g, &(struct election_event){ .kind = ELECTION_RESIGN, .hold_off_ns = LEASEHOLD_NEVER });
}

void balancer_retire(struct balancer *b, leasehold_group *g)
{
    for (size_t i = 0; i < b->group_count; i++)
        b->groups[i].retired |= b->groups[i].group == g;
    balancer_touch(b);
}

void balancer_leave(struct balancer *b, leasehold_group *g)
{
    for (size_t i = 0; i < b->group_count; i++)
        if (b->groups[i].group == g)
            b->groups[i].group = NULL;
    g->balancer = NULL;
    balancer_touch(b);
}
