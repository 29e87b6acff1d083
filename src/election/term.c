/* A term of ours from its first acknowledged write to the release (rules 2, 5, 7 and 10). */
#include "election/bug.h"
#include "election/internal.h"

void term_begin(struct election *e, const struct election_own_write *write, uint64_t token, struct election_update *update)
{
    e->state = ELECTION_LEADER;
    e->term++;
    e->token = token;
    e->reason = ELECTION_REASON_NONE;
    e->lost = false;
    e->term_at = time_after(write->sent, election_settings_term_ns(&e->settings));
    e->kill_at = time_after(write->sent, election_settings_kill_ns(&e->settings));
    update->started_leading = true;
    update->token = token;
}

bool term_renews(const struct election *e)
{
    if (e->state == ELECTION_LEADER)
        return true;
    return e->state == ELECTION_STOPPING && !e->lost && e->reason != ELECTION_REASON_RENEW_DEADLINE;
}

void term_extend(struct election *e, leasehold_time sent, struct election_update *update)
{
    if (!term_renews(e))
        return;
    leasehold_time term_at = time_after(sent, election_settings_term_ns(&e->settings));
    leasehold_time kill_at = time_after(sent, election_settings_kill_ns(&e->settings));
    if (term_at.boot_ns <= e->term_at.boot_ns)
        return;
    e->term_at = term_at;
    e->kill_at = kill_at;
    update->extended = true;
}

void term_stop(struct election *e, leasehold_time now, enum election_reason reason, struct election_update *update)
{
    BUG_UNLESS(e->state == ELECTION_LEADER || e->state == ELECTION_STOPPING);
    e->state = ELECTION_STOPPING;
    e->reason = reason;
    update->stop_work = true;
    if (reason == ELECTION_REASON_LOST) {
        /* Somebody else may be working: no grace. */
        e->lost = true;
        e->term_at = time_earlier(e->term_at, now);
        e->kill_at = time_earlier(e->kill_at, now);
        update->kill_work = true;
    }
}

/* A record of ours stands, or a write of ours may yet make one: worth a request before we go. */
static bool something_to_settle(struct election *e)
{
    return e->writing || own_match(e) || own_may_land(e);
}

void term_work_stopped(struct election *e, leasehold_time now, uint64_t term, struct election_update *update)
{
    if (term != e->term || term == 0)
        return;
    if (e->state == ELECTION_LEADER) {
        /* Work ended without being asked: the lock is of no use to us now. */
        term_stop(e, now, ELECTION_REASON_WORK_ENDED, update);
        e->resigning = true;
        e->hold_off_ns = e->settings.retry_period_ns; /* somebody else's turn: the work may not live here */
    }
    if (e->state != ELECTION_STOPPING)
        return;
    update->stopped_leading = true;
    e->state = ELECTION_CANDIDATE;
    e->lost = false;
    if (e->closing || e->resigning)
        term_release_begin(e, now);
    else
        e->want_read = true;
}

void term_release_begin(struct election *e, leasehold_time now)
{
    e->state = ELECTION_RELEASING;
    /* Two requests that run into their limit, no more: whoever waits for us to go must not wait for the server. */
    e->settle_until = time_after(now, 2 * election_settings_request_limit_ns(&e->settings));
    e->write_after = now;
    e->read_after = now;
    if (!something_to_settle(e))
        e->settle_until = now;
}

void term_release_end(struct election *e, leasehold_time now, struct election_update *update)
{
    if (something_to_settle(e))
        update->warning = ELECTION_WARNING_NOT_RELEASED;
    if (e->closing) {
        e->state = ELECTION_CLOSED;
        update->closed = true;
        return;
    }
    e->state = ELECTION_CANDIDATE;
    e->resigning = false;
    e->hold_until =
        e->hold_off_ns == LEASEHOLD_NEVER ? (leasehold_time){ LEASEHOLD_NEVER, LEASEHOLD_NEVER, 0 } : time_after(now, e->hold_off_ns);
}
