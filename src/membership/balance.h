/* Balance: which of the members should lead which of several groups, as one member sees it.
 *
 * Here: a plan from what is known of members and locks, for this member alone: stand, hold back, or resign. Not here: locks (the
 * elections see to it that nobody leads twice, whatever is planned here), requests, clocks, memory.
 *
 * There is no coordinator. All who see the same members and holders compute the same shares; who sees something else for a while
 * only stands too much or too little. Of n members each is to lead k/n of k groups, rounded up or down, with as few moves as
 * possible: a group is resigned only by who leads more than its share, once nothing has changed for a while.
 *
 * A member that is listed may be dead, or not stand at all. It is doubted when it lets its lease run out, or leaves a group alone
 * that was its turn to take: others get its share, until it takes a group, is another Pod, or its time to be tried again has come.
 * So the plan never depends on one member, and a group is never left alone for long. */
#ifndef LEASEHOLD_MEMBERSHIP_BALANCE_H
#define LEASEHOLD_MEMBERSHIP_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BALANCE_GROUPS_MAX = 1024,
    BALANCE_PATIENCE_RETRIES = 2,      /* retry periods in which a group is taken by the member whose turn it is */
    BALANCE_DOUBT_PATIENCES = 8,       /* for which a member is doubted at first; twice as long each time after */
    BALANCE_DOUBT_DOUBLINGS = 7,       /* at most */
    BALANCE_LAST_RESORT_PATIENCES = 8, /* a group left alone for this long is for everybody */
};

struct balance_settings {
    int64_t retry_period_ns; /* of the elections; above 0, at most a day */
    uint32_t at_most;        /* groups that one member leads at most; 0: no limit */
};

/* A member: a Pod that may lead. */
struct balance_member {
    /* In. */
    const char *name; /* members come in the order of strcmp(), no name twice */
    uint64_t life;    /* another number for another Pod of this name, a digest of its uid */
    /* Kept from step to step: 0 for a new one, see balance_carry(). */
    uint64_t key;
    int64_t doubted_until_ns; /* 0: not doubted */
    uint32_t doubts;          /* in a row */
    /* Of the step. */
    uint32_t leads, share, offered, gives;
};

/* What this process has to do with a group at the moment. */
enum balance_mine {
    BALANCE_IDLE = 0, /* nothing: stands or holds back, and has nothing under way that could make it the holder */
    BALANCE_TRYING,   /* something is under way that could make it the holder, or gives the lock back */
    BALANCE_LEADING,
    BALANCE_STOPPING, /* its work was asked to stop */
};

enum balance_action {
    BALANCE_HOLD = 0, /* do not stand */
    BALANCE_STAND,    /* stand, or go on leading */
    BALANCE_RESIGN,   /* stop the work, release, and hold back */
};

struct balance_group {
    /* In. */
    const char *name;
    const char *holder;   /* in the record; "": none */
    bool known;           /* the lock was read */
    bool in_touch;        /* and what changes there is told soon */
    bool valid;           /* the holder's lease runs */
    int64_t free_from_ns; /* not valid: nobody takes the lock before this; 0: from now on */
    enum balance_mine mine;
    /* Kept from step to step: 0 for a new one. */
    uint64_t led_by;  /* key of the member that led when last looked; 0: none */
    uint64_t turn_of; /* key of the member whose turn it is to take; 0: nobody's */
    int64_t turn_since_ns, alone_since_ns, touch_since_ns;
    bool alone, was_in_touch;
    bool passed_over; /* we could not take it in our turn; others come first now */
    /* Of the step. */
    uint64_t order;
    int32_t at; /* place of the member that leads, or for which it is kept; or one of two numbers below 0 */
    bool handled;
    /* Out. */
    enum balance_action action;
};

struct balance {
    struct balance_settings settings;
    uint64_t seen;         /* digest of members and leaders */
    int64_t seen_since_ns; /* has not changed since */
    int64_t deadline_ns;
};

void balance_init(struct balance *b, const struct balance_settings *settings);

/* Plans anew at `now_ns` (above 0): fills the action of each group. `me` is our name among the members; when it is not there, this
 * process stands only for what has been left alone for long. Members may be none at all. At most BALANCE_GROUPS_MAX groups, in the
 * same order each time.
 *
 * With at_most, never more groups are TRYING, LEADING, STOPPING or told to STAND than that: carry out the HOLDs first. */
void balance_step(struct balance *b, int64_t now_ns, const char *me, struct balance_member *members, size_t member_count,
                  struct balance_group *groups, size_t group_count);

/* When to step again if nothing happens before; INT64_MAX: no need. */
int64_t balance_deadline(const struct balance *b);

/* The members are others now: what is kept of those who stay. Both in the order of names. */
void balance_carry(const struct balance_member *before, size_t before_count, struct balance_member *after, size_t after_count);

/* The member that an identity belongs to: it is the member's name, or that with "_" and hexadecimal digits behind it. -1: none. */
int32_t balance_member_of(const struct balance_member *members, size_t member_count, const char *identity);

#endif
