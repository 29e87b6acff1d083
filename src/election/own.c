/* Writes of ours: which record is one, and which may still land (rules 6 and 8). */
#include "election/internal.h"

#include <string.h>

enum { NS_PER_MS = 1000000, NS_PER_US = 1000 };
/* 9999-12-31T23:59:59 UTC, the last second that RFC 3339 can write. */
static const int64_t last_stamp_us = INT64_C(253402300799) * 1000000;

bool own_matches(const struct election *e, const struct election_own_write *w, const struct record *r, const struct record_version *version)
{
    if (!w->used || w->purpose == ELECTION_RELEASE || r->kind != RECORD_HELD)
        return false;
    /* Our name alone is nobody: a restarted Pod and a second process bear it too. */
    if (!r->mark.present || !r->mark.names_holder || r->mark.nonce != e->nonce || strcmp(r->holder, e->identity) != 0)
        return false;
    if (!w->create && strcmp(version->uid, w->base.uid) != 0)
        return false;
    return r->renew_us == w->renew_us && r->acquire_us == w->acquire_us && r->transitions == w->transitions &&
           r->duration_ms == w->duration_ms && r->mark.transitions == w->transitions && r->mark.duration_ms == w->duration_ms &&
           r->mark.token == w->token && !r->mark.released && r->rest == 0;
}

struct election_own_write *own_match(struct election *e)
{
    if (!e->knows)
        return NULL;
    /* Stamps of one process differ, so that at most one write fits; a request that was sent twice has the time of the
     * first send (rule 2). */
    if (own_matches(e, &e->acknowledged, &e->record, &e->version))
        return &e->acknowledged;
    for (int i = 0; i < ELECTION_POSSIBLE_MAX; i++)
        if (own_matches(e, &e->possible[i], &e->record, &e->version))
            return &e->possible[i];
    return NULL;
}

void own_stamped(struct election *e, const struct election_own_write *w)
{
    if (w->renew_us > e->last_stamp_us)
        e->last_stamp_us = w->renew_us;
}

void own_acknowledge(struct election *e, struct election_own_write *w, const struct record_version *version)
{
    own_stamped(e, w);
    e->acknowledged = *w;
    e->acknowledged.base = *version;
    e->acknowledged.create = false;
    if (w != &e->acknowledged && !(e->writing && w == &e->possible[e->writing_slot]))
        w->used = false;
}

static bool can_still_land(const struct election *e, const struct election_own_write *w)
{
    if (w->create)
        return e->version.resource_version == 0;
    return record_version_equal(&w->base, &e->version);
}

void own_settle(struct election *e)
{
    for (uint32_t i = 0; i < ELECTION_POSSIBLE_MAX; i++) {
        struct election_own_write *w = &e->possible[i];
        bool under_way = e->writing && e->writing_slot == i;
        if (w->used && !under_way && !can_still_land(e, w) && !own_matches(e, w, &e->record, &e->version))
            w->used = false;
    }
}

bool own_may_land(const struct election *e)
{
    for (int i = 0; i < ELECTION_POSSIBLE_MAX; i++)
        if (e->possible[i].used && can_still_land(e, &e->possible[i]))
            return true;
    return false;
}

/* Of all writes of ours that may stand in the record or come to. What was refused, or settled by another version, is none: under
 * many conflicts the stamps of a dialect with whole seconds would run ahead of the clock, and peers that compare stamps wait. */
static int64_t highest_stamp(const struct election *e)
{
    int64_t highest = e->last_stamp_us;
    for (int i = 0; i < ELECTION_POSSIBLE_MAX; i++)
        if (e->possible[i].used && e->possible[i].renew_us > highest)
            highest = e->possible[i].renew_us;
    return highest;
}

/* A stamp above the one it replaces and above every other of this process, so that each write changes the record. */
static int64_t next_stamp(const struct election *e, leasehold_time now)
{
    int64_t unit = e->settings.stamp_unit_us;
    int64_t stamp = now.wall_ns / NS_PER_US;
    int64_t replaced = e->knows ? e->record.renew_us : 0, highest = highest_stamp(e);
    /* A stamp of the far future cannot grow for ever; the change of the mark has to do then. */
    if (replaced < last_stamp_us - unit && stamp < replaced + unit)
        stamp = replaced + unit;
    if (stamp < highest + unit && highest < last_stamp_us - unit)
        stamp = highest + unit;
    if (stamp < unit)
        stamp = unit;
    return (stamp + unit - 1) / unit * unit; /* up, so that a peer never sees a stamp before the write */
}

static uint32_t free_slot(struct election *e)
{
    uint32_t oldest = 0;
    for (uint32_t i = 0; i < ELECTION_POSSIBLE_MAX; i++) {
        if (!e->possible[i].used)
            return i;
        if (e->possible[i].sent.boot_ns < e->possible[oldest].sent.boot_ns)
            oldest = i;
    }
    /* Displaced: should it land after all, its record counts as a stranger's and is waited out. */
    own_stamped(e, &e->possible[oldest]);
    return oldest;
}

static void fill_record(struct election *e, leasehold_time now, enum election_purpose purpose, struct record *r)
{
    const struct record *prior = &e->record;
    bool same_holder = prior->kind == RECORD_HELD && strcmp(prior->holder, e->identity) == 0;
    bool release = purpose == ELECTION_RELEASE;
    memset(r, 0, sizeof *r);
    r->kind = release ? RECORD_EMPTIED : RECORD_HELD;
    if (!release)
        memcpy(r->holder, e->identity, sizeof r->holder);
    r->duration_ms = release ? 1000 : e->settings.lease_duration_ns / NS_PER_MS;
    r->renew_us = next_stamp(e, now);
    r->acquire_us = purpose == ELECTION_RENEW ? e->acknowledged.acquire_us : r->renew_us;
    r->transitions = prior->transitions;
    /* Kubernetes: "number of transitions of a lease between holders"; a new object has none yet. */
    if (!release && !same_holder && prior->kind != RECORD_ABSENT && prior->transitions < INT32_MAX)
        r->transitions++;
    r->mark = (struct record_mark){
        .present = true,
        .names_holder = !release,
        .released = release,
        .transitions = r->transitions,
        .nonce = e->nonce,
        .duration_ms = e->settings.lease_duration_ns / NS_PER_MS,
        .token = purpose == ELECTION_ACQUIRE ? 0 : e->token,
    };
}

void own_write(struct election *e, leasehold_time now, enum election_purpose purpose, struct election_update *update)
{
    struct election_write *write = &update->write;
    bool create = e->version.resource_version == 0;
    write->kind = create ? ELECTION_WRITE_CREATE : ELECTION_WRITE_REPLACE;
    write->purpose = purpose;
    write->base = e->version;
    write->limit_ns = election_settings_request_limit_ns(&e->settings);
    fill_record(e, now, purpose, &write->record);

    e->writing = true;
    e->writing_slot = free_slot(e);
    e->possible[e->writing_slot] = (struct election_own_write){
        .used = true,
        .purpose = purpose,
        .create = create,
        .sent = now,
        .base = e->version,
        .renew_us = write->record.renew_us,
        .acquire_us = write->record.acquire_us,
        .transitions = write->record.transitions,
        .duration_ms = write->record.duration_ms,
        .token = write->record.mark.token,
    };
}
