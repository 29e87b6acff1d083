/* The step: deadlines first, then the event, then what to do next, then what to tell. */
#include "election/election.h"

#include <string.h>

#include "election/bug.h"
#include "election/internal.h"

enum { CONFLICTS_AT_ONCE = 3 };

void election_init(struct election *e, const struct election_settings *settings, enum election_role role, const char *identity,
                   uint64_t nonce, uint64_t random)
{
    size_t size = strlen(identity);
    BUG_UNLESS(size > 0 && size <= LEASEHOLD_IDENTITY_MAX && nonce != 0);
    BUG_UNLESS(election_settings_check(settings, NULL) == 0);
    memset(e, 0, sizeof *e);
    e->settings = *settings;
    e->role = role;
    memcpy(e->identity, identity, size);
    e->nonce = nonce;
    e->random = random ? random : nonce;
}

void election_inherit(struct election *e, const uint64_t *nonces, size_t count)
{
    BUG_UNLESS(!e->knows && count <= ELECTION_PREDECESSORS_MAX);
    for (size_t i = 0; i < count; i++)
        e->predecessor[i] = nonces[i] & RECORD_NONCE_OF_PROCESS;
}

/* Rule 7: a deadline that has passed is a fact before any event is. */
static void expire(struct election *e, leasehold_time now, struct election_update *update)
{
    if (term_renews(e) && time_reached_by_any(now, e->term_at))
        term_stop(e, now, ELECTION_REASON_RENEW_DEADLINE, update);
}

/* Somebody else's, emptied, unreadable or gone: nothing of the term is left. */
static void lose(struct election *e, leasehold_time now, struct election_update *update)
{
    if (e->record.kind != RECORD_HELD)
        update->warning = ELECTION_WARNING_TAMPERED;
    if (e->state == ELECTION_LEADER || (e->state == ELECTION_STOPPING && !e->lost))
        term_stop(e, now, ELECTION_REASON_LOST, update);
}

/* Enough of the term is left to begin it; else the lock is renewed first (DESIGN §5). */
static bool worth_beginning(const struct election *e, const struct election_own_write *w, leasehold_time now)
{
    leasehold_time end = time_after(w->sent, election_settings_term_ns(&e->settings) - e->settings.renew_deadline_ns / 2);
    return !time_reached_by_any(now, end);
}

/* The record known is ours by write `w`, just learned from an answer. */
static void proved_ours(struct election *e, leasehold_time now, struct election_own_write *w, struct election_update *update)
{
    leasehold_time sent = w->sent;
    if (w != &e->acknowledged)
        own_acknowledge(e, w, &e->version);
    bool acquired = e->acknowledged.purpose == ELECTION_ACQUIRE;
    bool standing = e->state == ELECTION_CANDIDATE && time_reached_by_all(now, e->hold_until);
    if (standing && acquired && worth_beginning(e, &e->acknowledged, now)) {
        /* Used up: should this term end, the same write must not begin another. */
        e->acknowledged.purpose = ELECTION_RENEW;
        term_begin(e, &e->acknowledged, e->version.resource_version, update);
    } else {
        e->acknowledged.purpose = ELECTION_RENEW;
        term_extend(e, sent, update);
    }
}

static void answered(struct election *e, leasehold_time now, leasehold_time sent)
{
    e->failures = 0;
    e->round_trip_ns = now.boot_ns - sent.boot_ns;
    e->poll_at = time_after(now, plan_jitter(e, e->settings.retry_period_ns));
}

static void on_read(struct election *e, leasehold_time now, const struct election_event *event, struct election_update *update)
{
    if (!e->reading)
        return;
    e->reading = false;
    answered(e, now, e->read_sent);
    if (!known_learn(e, now, KNOWN_BY_READ, &event->record, &event->version, update)) {
        e->want_read = true;
        return;
    }
    e->must_read = false;
    struct election_own_write *w = own_match(e);
    if (w)
        proved_ours(e, now, w, update);
    else if (e->state == ELECTION_LEADER || e->state == ELECTION_STOPPING)
        lose(e, now, update);
}

static void on_watched(struct election *e, leasehold_time now, const struct election_event *event, struct election_update *update)
{
    bool holding = e->state == ELECTION_LEADER || e->state == ELECTION_STOPPING || e->state == ELECTION_RELEASING;
    if (!holding) {
        known_learn(e, now, KNOWN_BY_WATCH, &event->record, &event->version, update);
        return;
    }
    if (event->version.resource_version <= e->newest)
        return;
    if (e->knows && record_equal(&e->record, &event->record) && strcmp(e->version.uid, event->version.uid) == 0) {
        /* A neighbour's part of the object changed: ours is as it was, and the next write is made over the newer version. */
        known_learn(e, now, KNOWN_BY_WATCH, &event->record, &event->version, update);
        return;
    }
    /* The echo of our own write comes before its answer as often as not, and says nothing new. */
    if (e->writing) {
        const struct election_own_write *w = &e->possible[e->writing_slot];
        if (own_matches(e, w, &event->record, &event->version) || w->purpose == ELECTION_RELEASE)
            return;
    }
    known_hint(e, now, &event->record);
    e->want_read = true;
}

static void on_written(struct election *e, leasehold_time now, const struct election_event *event, struct election_update *update)
{
    if (!e->writing)
        return;
    struct election_own_write w = e->possible[e->writing_slot];
    own_stamped(e, &w);
    e->races = 0;
    e->possible[e->writing_slot].used = false;
    e->writing = false;
    answered(e, now, w.sent);
    bool newest = known_learn(e, now, KNOWN_BY_WRITE, &event->record, &event->version, update);
    if (w.purpose == ELECTION_RELEASE) {
        e->acknowledged.used = false;
        return;
    }
    if (!own_matches(e, &w, &event->record, &event->version)) {
        /* A 2xx that shows another record than the one we wrote: something on the way changes what we write. Nothing was
         * acknowledged; again at once would only do the same again. */
        e->must_read = true;
        plan_pause(e, now, ELECTION_FAILURE_REFUSED, 0, &e->write_after);
        return;
    }
    if (!newest) {
        /* Applied, and changed by somebody since: true until then, but only a read says what it is now. */
        own_acknowledge(e, &w, &event->version);
        term_extend(e, w.sent, update);
        e->must_read = true;
        return;
    }
    proved_ours(e, now, &w, update);
}

/* No answer to a write that says it was applied. */
static void on_not_written(struct election *e, leasehold_time now, const struct election_event *event)
{
    if (!e->writing)
        return;
    struct election_own_write *w = &e->possible[e->writing_slot];
    e->writing = false;
    switch (event->kind) {
    case ELECTION_WRITE_CONFLICT:
        /* libcurl or a proxy may have sent it twice, so it may well have been applied: the read tells. */
        e->must_read = true;
        plan_step_aside(e, now);
        /* Conflict after conflict without a new version is no race but a server that contradicts itself. */
        if (++e->conflicts > CONFLICTS_AT_ONCE)
            plan_pause(e, now, ELECTION_FAILURE_REFUSED, 0, &e->write_after);
        break;
    case ELECTION_WRITE_REFUSED:
        w->used = false;
        plan_pause(e, now, event->failure, event->retry_after_ns, &e->write_after);
        break;
    default:
        e->must_read = true;
        plan_pause(e, now, event->failure, event->retry_after_ns, &e->read_after);
        break;
    }
    own_settle(e);
}

static void on_resign(struct election *e, leasehold_time now, const struct election_event *event, struct election_update *update)
{
    if (e->role == ELECTION_ROLE_OBSERVER || e->state == ELECTION_NEW)
        return;
    e->resigning = true;
    e->hold_off_ns = event->hold_off_ns > 0 ? event->hold_off_ns : e->settings.retry_period_ns;
    if (e->state == ELECTION_LEADER)
        term_stop(e, now, ELECTION_REASON_RESIGNED, update);
    else if (e->state == ELECTION_CANDIDATE)
        term_release_begin(e, now);
}

static void on_stand(struct election *e, leasehold_time now)
{
    if (e->hold_off_ns == LEASEHOLD_NEVER)
        e->hold_off_ns = 0; /* where the lock is still being given back */
    if (e->state == ELECTION_CANDIDATE && e->hold_until.boot_ns == LEASEHOLD_NEVER)
        e->hold_until = now;
}

static void on_close(struct election *e, leasehold_time now, struct election_update *update)
{
    e->closing = true;
    if (e->state == ELECTION_NEW || e->state == ELECTION_OBSERVER) {
        e->state = ELECTION_CLOSED;
        update->closed = true;
    } else if (e->state == ELECTION_LEADER) {
        term_stop(e, now, ELECTION_REASON_CLOSED, update);
    } else if (e->state == ELECTION_CANDIDATE) {
        term_release_begin(e, now);
    }
}

static void on_request_event(struct election *e, leasehold_time now, const struct election_event *event, struct election_update *update)
{
    switch (event->kind) {
    case ELECTION_READ:
        on_read(e, now, event, update);
        break;
    case ELECTION_READ_FAILED:
        if (!e->reading)
            break;
        e->reading = false;
        e->want_read = true;
        plan_pause(e, now, event->failure, event->retry_after_ns, &e->read_after);
        break;
    case ELECTION_WRITTEN:
        on_written(e, now, event, update);
        break;
    default:
        on_not_written(e, now, event);
        break;
    }
}

static void on_event(struct election *e, leasehold_time now, const struct election_event *event, struct election_update *update)
{
    switch (event->kind) {
    case ELECTION_BEGIN:
        if (e->state == ELECTION_NEW) {
            e->state = e->role == ELECTION_ROLE_OBSERVER ? ELECTION_OBSERVER : ELECTION_CANDIDATE;
            e->must_read = true;
        }
        break;
    case ELECTION_WATCHED:
        if (e->state != ELECTION_NEW)
            on_watched(e, now, event, update);
        break;
    case ELECTION_WATCHED_GONE:
        /* It may only have left the watch, by a label: a read knows. */
        e->want_read = e->state != ELECTION_NEW;
        break;
    case ELECTION_WATCH_UP:
    case ELECTION_WATCH_DOWN:
        e->watch_up = event->kind == ELECTION_WATCH_UP;
        break;
    case ELECTION_RESIGN:
        on_resign(e, now, event, update);
        break;
    case ELECTION_CLOSE:
        on_close(e, now, update);
        break;
    case ELECTION_WORK_STOPPED:
        term_work_stopped(e, now, event->term, update);
        break;
    case ELECTION_EXTEND_REFUSED:
        if (e->state == ELECTION_LEADER && event->term == e->term)
            term_stop(e, now, ELECTION_REASON_RENEW_DEADLINE, update);
        break;
    case ELECTION_TURN:
        e->awaits_turn = false;
        break;
    case ELECTION_STAND:
        on_stand(e, now);
        break;
    case ELECTION_CLOCK:
    case ELECTION_EVENT_KINDS:
        break;
    case ELECTION_READ:
    case ELECTION_READ_FAILED:
    case ELECTION_WRITTEN:
    case ELECTION_WRITE_CONFLICT:
    case ELECTION_WRITE_REFUSED:
    case ELECTION_WRITE_UNKNOWN:
        on_request_event(e, now, event, update);
        break;
    }
}

/* Some other holder whose lease has not run out, as far as was received. */
static bool another_leads(const struct election *e, leasehold_time now)
{
    if (!e->knows || e->record.kind != RECORD_HELD || time_reached_by_all(now, e->wait_until))
        return false;
    bool by_us = e->record.mark.present && e->record.mark.names_holder && e->record.mark.nonce == e->nonce;
    return !by_us;
}

static void tell(struct election *e, leasehold_time now, struct election_update *update)
{
    const char *leader = "";
    if (term_renews(e))
        leader = e->identity;
    else if (another_leads(e, now))
        leader = e->record.holder;
    if ((!e->knows && !e->told) || e->state == ELECTION_CLOSED || (e->told && strcmp(leader, e->leader) == 0))
        return;
    e->told = true;
    memset(e->leader, 0, sizeof e->leader);
    memcpy(e->leader, leader, strlen(leader));
    update->leader_changed = true;
}

void election_step(struct election *e, leasehold_time now, const struct election_event *event, struct election_update *update)
{
    memset(update, 0, sizeof *update);
    if (e->state == ELECTION_CLOSED)
        return;
    expire(e, now, update);
    on_event(e, now, event, update);
    plan(e, now, event->kind == ELECTION_TURN ? event : NULL, update);
    tell(e, now, update);
    update->term = e->term;
    update->reason = e->reason;
    update->term_at = e->term_at;
    update->kill_at = e->kill_at;
}

int64_t election_deadline(const struct election *e)
{
    int64_t at = plan_deadline(e);
    /* A leader told of is a leader until its lease is over. */
    bool told_another = e->leader[0] && !term_renews(e);
    if (told_another && e->state != ELECTION_CLOSED && e->wait_until.boot_ns < at)
        at = e->wait_until.boot_ns;
    return at;
}

bool election_is_leading(const struct election *e, leasehold_time now)
{
    return e->state == ELECTION_LEADER && !time_reached_by_any(now, e->term_at);
}

const char *election_leader(const struct election *e)
{
    return e->leader;
}

const char *election_state_name(enum election_state state)
{
    static const char *const names[ELECTION_STATES] = { "new", "observer", "candidate", "leader", "stopping", "releasing", "closed" };
    BUG_UNLESS((unsigned)state < ELECTION_STATES);
    return names[state];
}

const char *election_reason_name(enum election_reason reason)
{
    static const char *const names[ELECTION_REASONS] = { "none", "renew_deadline", "lost", "resigned", "closed", "work_ended" };
    BUG_UNLESS((unsigned)reason < ELECTION_REASONS);
    return names[reason];
}
