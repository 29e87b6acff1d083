#include "service/turn.h"

#include <string.h>

/* Something of ours stands in the record, or may come to. */
static bool may_hold(const struct election *e)
{
    if (e->writing || e->state == ELECTION_RELEASING)
        return true;
    for (int i = 0; i < ELECTION_POSSIBLE_MAX; i++)
        if (e->possible[i].used)
            return true;
    return e->record.kind == RECORD_HELD && e->record.mark.names_holder && e->record.mark.nonce == e->nonce;
}

static enum balance_mine mine(const struct election *e)
{
    switch (e->state) {
    case ELECTION_LEADER:
        return BALANCE_LEADING;
    case ELECTION_STOPPING:
        return BALANCE_STOPPING;
    case ELECTION_CANDIDATE:
    case ELECTION_RELEASING:
        return may_hold(e) ? BALANCE_TRYING : BALANCE_IDLE;
    default:
        return BALANCE_IDLE;
    }
}

void turn_look(const struct election *e, leasehold_time now, struct balance_group *ret)
{
    bool held = e->record.kind == RECORD_HELD;
    ret->known = e->knows;
    ret->in_touch = e->knows && e->failures == 0;
    ret->holder = held ? e->record.holder : "";
    ret->valid = held && !time_reached_by_all(now, e->wait_until);
    ret->free_from_ns = e->wait_until.boot_ns;
    ret->mine = mine(e);
}

bool turn_event(const struct election *e, enum balance_action action, bool *held, struct election_event *ret)
{
    memset(ret, 0, sizeof *ret);
    if (e->state == ELECTION_NEW || e->state == ELECTION_CLOSED)
        return false;
    if (action == BALANCE_STAND) {
        ret->kind = ELECTION_STAND;
        bool change = *held;
        *held = false;
        return change;
    }
    ret->kind = ELECTION_RESIGN;
    ret->hold_off_ns = LEASEHOLD_NEVER;
    /* To hold back is no reason to stop what runs. */
    bool change = action == BALANCE_RESIGN ? e->state == ELECTION_LEADER : !*held && e->state == ELECTION_CANDIDATE;
    *held |= change;
    return change;
}
