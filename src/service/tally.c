#include "service/tally.h"

#include <string.h>

#include "service/group.h"

#define MILLISECOND UINT64_C(1000000)

/* From a quiet server in the same rack to one that has used up half of client-go's renew deadline. */
static const uint64_t bounds_ns[LEASEHOLD_LATENCY_BUCKETS] = {
    1 * MILLISECOND,   2 * MILLISECOND,   5 * MILLISECOND,   10 * MILLISECOND,   25 * MILLISECOND,   50 * MILLISECOND,
    100 * MILLISECOND, 250 * MILLISECOND, 500 * MILLISECOND, 1000 * MILLISECOND, 2500 * MILLISECOND, 5000 * MILLISECOND
};

uint64_t leasehold_latency_bound_ns(size_t bucket)
{
    return bucket < LEASEHOLD_LATENCY_BUCKETS ? bounds_ns[bucket] : UINT64_MAX;
}

struct tally_before tally_look(const struct election *e)
{
    return (struct tally_before){ .state = e->state, .term_at = e->term_at, .wrote = e->writing };
}

static uint64_t since(int64_t from_ns, int64_t to_ns)
{
    return to_ns > from_ns ? (uint64_t)(to_ns - from_ns) : 0;
}

static void count_renewal(struct leasehold_statistics *s, const struct tally_before *before, const struct election *e, leasehold_time now)
{
    uint64_t latency_ns = since(e->acknowledged.sent.boot_ns, now.boot_ns);
    size_t bucket = 0;
    while (bucket < LEASEHOLD_LATENCY_BUCKETS && latency_ns > bounds_ns[bucket])
        bucket++;
    s->renewals++;
    s->latency_sum_ns += latency_ns;
    s->latency[bucket]++;
    s->slack_ns = since(now.boot_ns, before->term_at.boot_ns);
    if (s->slack_ns < s->least_slack_ns)
        s->least_slack_ns = s->slack_ns;
}

static void count_event(struct leasehold_statistics *s, const struct tally_before *before, const struct election_event *event)
{
    switch (event->kind) {
    case ELECTION_WRITTEN:
        s->writes += before->wrote;
        break;
    case ELECTION_WRITE_CONFLICT:
        s->conflicts += before->wrote;
        break;
    case ELECTION_WRITE_REFUSED:
        s->refused_writes += before->wrote;
        break;
    case ELECTION_WRITE_UNKNOWN:
        s->unknown_writes += before->wrote;
        break;
    case ELECTION_READ:
        s->reads++;
        break;
    case ELECTION_READ_FAILED:
        s->failed_reads++;
        break;
    case ELECTION_WATCH_DOWN:
        s->watch_ends++;
        break;
    default:
        break;
    }
}

void tally_step(struct leasehold_statistics *s, const struct tally_before *before, const struct election *e, leasehold_time now,
                const struct election_event *event, const struct election_update *update)
{
    count_event(s, before, event);
    if (update->extended && event->kind == ELECTION_WRITTEN && before->state == ELECTION_LEADER)
        count_renewal(s, before, e, now);
    if (update->started_leading)
        s->terms++;
    if (update->stopped_leading && (update->reason == ELECTION_REASON_RENEW_DEADLINE || update->reason == ELECTION_REASON_LOST))
        s->losses++;
    if (update->leader_changed && election_leader(e)[0])
        s->leader_changes++;
}

int leasehold_group_statistics(const leasehold_group *g, struct leasehold_statistics *ret)
{
    if (!g || !ret || ret->size < sizeof ret->size)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(g->guard);
    if (error < 0)
        return error;
    struct leasehold_statistics full = { .size = ret->size };
    if (g->statistics)
        full = *g->statistics;
    full.size = ret->size;
    bool counted = g->statistics != NULL;
    guard_unlock(g->guard);
    memcpy(ret, &full, ret->size < sizeof full ? ret->size : sizeof full);
    return counted;
}
