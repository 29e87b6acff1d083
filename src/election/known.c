/* What is known of the lock, and when it is free: DESIGN §3 "What frees a lock", rules 3 and 11. */
#include "election/internal.h"

#include <string.h>

enum { NS_PER_MS = 1000000, RELEASED_DURATION_MS = 1000 };

/* The mark speaks of this record: by its holder, or for an emptied record by its transitions. */
static bool mark_counts(const struct record *r)
{
    if (!r->mark.present)
        return false;
    if (r->kind == RECORD_HELD)
        return r->mark.names_holder;
    return r->kind == RECORD_EMPTIED && r->mark.transitions == r->transitions;
}

static int64_t ms_to_ns(int64_t ms)
{
    int64_t ns;
    return __builtin_mul_overflow(ms, NS_PER_MS, &ns) ? INT64_MAX : ns;
}

static int64_t wait_without_duration(const struct election *e)
{
    return e->settings.foreign_lease_ns > e->settings.lease_duration_ns ? e->settings.foreign_lease_ns : e->settings.lease_duration_ns;
}

/* The duration that the holder of `r` may count on. A mark that counts can only make it longer: an operator who edited
 * leaseDurationSeconds did not tell the worker. */
static int64_t recorded_duration(const struct election *e, const struct record *r)
{
    int64_t ms = r->duration_ms;
    if (mark_counts(r) && r->mark.duration_ms > ms)
        ms = r->mark.duration_ms;
    return ms > 0 ? ms_to_ns(ms) : wait_without_duration(e);
}

/* fabric8 releases by keeping the holder with a duration of 1 s. With a mark of ours this is an operator's edit. */
static bool released_with_holder(const struct record *prior, const struct record *r)
{
    return r->duration_ms == RELEASED_DURATION_MS && prior->kind == RECORD_HELD && prior->duration_ms > RELEASED_DURATION_MS &&
           strcmp(prior->holder, r->holder) == 0 && !mark_counts(prior) && !mark_counts(r);
}

/* The forms in which electors without a mark give a lock back: client-go's, and npm's without holder and time. */
static bool released_without_mark(const struct election *e, const struct record *r)
{
    if (e->settings.only_marks_release)
        return false;
    return r->duration_ms == RELEASED_DURATION_MS || r->renew_us == 0;
}

/* A release of ours says so in the mark. A mark that stood there before the holder changed says nothing about him. */
static bool released_by_mark(const struct record *prior, const struct record *r)
{
    if (!mark_counts(r) || !r->mark.released)
        return false;
    return !(prior && prior->kind == RECORD_HELD && record_mark_equal(&prior->mark, &r->mark));
}

struct wait {
    bool released;   /* whatever was waited for before is void */
    int64_t wait_ns; /* wait this long from receipt; 0: not at all, or where not released: the old end stands */
};

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What an unreleased mark claims, whether or not it counts: it may be the trace of a worker whose record was wiped. */
static int64_t marked_duration(const struct record *r)
{
    return r->mark.present && !r->mark.released ? ms_to_ns(r->mark.duration_ms) : 0;
}

/* How long whoever made `prior`, or somebody after it whom we have missed, may count on. A watch can be silent and a poll comes
 * late, so that the newest renewal known need not be the newest there was: after an operator's hand the wait begins anew. */
static int64_t prior_duration(const struct election *e, const struct record *prior)
{
    if (!prior || prior->kind == RECORD_ABSENT)
        return 0;
    int64_t own = prior->kind == RECORD_HELD ? recorded_duration(e, prior) : marked_duration(prior);
    return longer(own, e->settings.lease_duration_ns);
}

/* Over a term of ours only its own mark frees: client-go's late release can wipe a stranger's record. A mark that changed
 * since the foreign holder was seen is the trace of a term of ours that was missed. */
static bool released_by_foreign_holder(const struct election *e, const struct record *prior, const struct record *r)
{
    bool ours = mark_counts(prior) || (marked_duration(r) && (mark_counts(r) || !record_mark_equal(&prior->mark, &r->mark)));
    return !ours && released_without_mark(e, r);
}

static struct wait wait_emptied(const struct election *e, const struct record *prior, const struct record *r)
{
    if (released_by_mark(prior, r))
        return (struct wait){ .released = true };
    if (prior && prior->kind == RECORD_HELD && released_by_foreign_holder(e, prior, r))
        return (struct wait){ .released = true };
    if (prior && prior->kind != RECORD_ABSENT)
        return (struct wait){ .wait_ns = longer(prior_duration(e, prior), marked_duration(r)) };
    /* Who knew nothing. */
    if (marked_duration(r))
        return (struct wait){ .wait_ns = marked_duration(r) };
    if (released_without_mark(e, r))
        return (struct wait){ .released = true };
    return (struct wait){ .wait_ns = recorded_duration(e, r) };
}

/* Written by a process that has ended with all that worked for it. Only the first look counts: should the record change after it,
 * somebody writes under this nonce. */
static bool left_by_predecessor(const struct election *e, const struct record *prior, const struct record *r)
{
    if (prior || !mark_counts(r))
        return false;
    for (int i = 0; i < ELECTION_PREDECESSORS_MAX; i++)
        if (e->predecessor[i] && e->predecessor[i] == (r->mark.nonce & RECORD_NONCE_OF_PROCESS))
            return true;
    return false;
}

static struct wait wait_held(const struct election *e, const struct record *prior, const struct record *r)
{
    if (left_by_predecessor(e, prior, r))
        return (struct wait){ .released = true };
    if (prior && released_with_holder(prior, r))
        return (struct wait){ .released = true, .wait_ns = ms_to_ns(RELEASED_DURATION_MS) };
    if (mark_counts(r))
        return (struct wait){ .wait_ns = recorded_duration(e, r) };
    /* Without our mark it may be an edit of somebody else's term: his duration is waited for, too. A foreign holder loses
     * nothing by it: from its second renewal on the record before is its own. */
    return (struct wait){ .wait_ns = longer(longer(prior_duration(e, prior), marked_duration(r)), recorded_duration(e, r)) };
}

static struct wait wait_for(const struct election *e, const struct record *prior, const struct record *r)
{
    switch (r->kind) {
    case RECORD_HELD:
        return wait_held(e, prior, r);
    case RECORD_EMPTIED:
        return wait_emptied(e, prior, r);
    case RECORD_UNREADABLE:
        /* Over a record that was known it is an operator's hand; else, or when it changes again, somebody who renews. */
        if (prior && prior->kind == RECORD_HELD)
            return (struct wait){ .wait_ns = longer(prior_duration(e, prior), marked_duration(r)) };
        return (struct wait){ .wait_ns = longer(wait_without_duration(e), marked_duration(r)) };
    case RECORD_ABSENT:
        break;
    }
    return (struct wait){ .wait_ns = prior_duration(e, prior) };
}

/* Where many wait they would all write at once; each takes a place in the round trips that the others need. */
static int64_t herd_delay(struct election *e)
{
    int64_t others = e->settings.known_candidates - 1;
    int64_t span = others * e->round_trip_ns;
    if (span > e->settings.retry_period_ns)
        span = e->settings.retry_period_ns;
    return span > 0 ? (int64_t)(plan_random(e) % ((uint64_t)span + 1)) : 0;
}

static void set_wait(struct election *e, leasehold_time now, const struct record *prior, const struct record *r)
{
    struct wait wait = wait_for(e, prior, r);
    if (wait.released)
        e->wait_until = time_after(now, wait.wait_ns);
    else if (wait.wait_ns > 0)
        e->wait_until = time_later(e->wait_until, time_after(now, wait.wait_ns));
    e->acquire_at = time_after(e->wait_until, herd_delay(e));
}

static enum election_warning warning_for(const struct election *e, const struct record *prior, const struct record *r)
{
    if (left_by_predecessor(e, prior, r))
        return ELECTION_WARNING_NONE;
    if (r->kind == RECORD_UNREADABLE)
        return ELECTION_WARNING_UNREADABLE;
    if (r->kind != RECORD_HELD)
        return ELECTION_WARNING_NONE;
    if (strcmp(r->holder, e->identity) == 0 && !(mark_counts(r) && r->mark.nonce == e->nonce))
        return ELECTION_WARNING_SAME_IDENTITY;
    return r->duration_ms <= 0 ? ELECTION_WARNING_NO_DURATION : ELECTION_WARNING_NONE;
}

/* Older than what is known: a watch repeats and goes back; a read may have left before a newer answer came. A read that
 * left after it is a quorum answer and right even when the version is lower (a restored etcd). */
static bool is_stale(const struct election *e, enum known_source source, const struct record_version *version)
{
    if (!e->knows)
        return false;
    if (source == KNOWN_BY_WATCH)
        return version->resource_version <= e->newest;
    if (source == KNOWN_BY_WRITE)
        return version->resource_version < e->version.resource_version;
    return e->read_sent.boot_ns < e->known_at.boot_ns && version->resource_version < e->version.resource_version;
}

bool known_learn(struct election *e, leasehold_time now, enum known_source source, const struct record *record,
                 const struct record_version *version, struct election_update *update)
{
    if (is_stale(e, source, version))
        return false;
    bool changed = !e->knows || !record_equal(&e->record, record) || strcmp(e->version.uid, version->uid) != 0;
    if (changed) {
        const struct record *prior = e->knows ? &e->record : NULL;
        set_wait(e, now, prior, record);
        enum election_warning warning = warning_for(e, prior, record);
        if (warning != ELECTION_WARNING_NONE)
            update->warning = warning;
        e->record = *record;
    }
    if (version->resource_version > e->newest || source == KNOWN_BY_READ)
        e->newest = version->resource_version > 0 ? version->resource_version : e->newest;
    if (!record_version_equal(&e->version, version))
        e->conflicts = 0;
    e->knows = true;
    e->version = *version;
    e->known_at = now;
    own_settle(e);
    return true;
}

void known_hint(struct election *e, leasehold_time now, const struct record *record)
{
    if (record->kind == RECORD_HELD)
        e->wait_until = time_later(e->wait_until, time_after(now, recorded_duration(e, record)));
}

bool known_is_free(const struct election *e, leasehold_time now)
{
    return e->knows && time_reached_by_all(now, e->wait_until);
}

void known_stretch(leasehold_time *end, leasehold_time now)
{
    if (now.boot_ns >= end->boot_ns && now.raw_ns < end->raw_ns)
        end->boot_ns = time_sum(now.boot_ns, end->raw_ns - now.raw_ns);
}
