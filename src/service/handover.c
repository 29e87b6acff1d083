#include "service/handover.h"

#include "service/group.h"
#include "service/lock.h"
#include "service/service.h"
#include "wire/handover.h"

enum {
    HOLD_BACK_RETRIES = 3, /* who was not named; the one that was is faster, or is not there */
    STAY_AWAY_RETRIES = 6, /* who handed over to somebody: after those who were not named */
};

static void resign(leasehold_group *g, int64_t hold_off_ns)
{
    group_step(g, &(struct election_event){ .kind = ELECTION_RESIGN, .hold_off_ns = hold_off_ns });
}

void handover_look(leasehold_group *g, const json_t *object, const struct record *record)
{
    const struct election *e = &g->election;
    int64_t retry_ns = e->settings.retry_period_ns;
    struct handover h;
    if (e->role == ELECTION_ROLE_OBSERVER || !handover_parse(g->lock->dialect->handover(object, g->name), &h) ||
        h.token == g->handover_token)
        return;
    if (e->state == ELECTION_LEADER && e->token == h.token) {
        g->handover_token = h.token;
        service_log(g->service, LEASEHOLD_LOG_WARNING, "%s: asked to hand over%s%s", g->name, h.to[0] ? " to " : "", h.to);
        resign(g, h.to[0] && !handover_is_to(&h, g->identity) ? STAY_AWAY_RETRIES * retry_ns : 0);
        return;
    }
    bool free_by_it = record->kind == RECORD_EMPTIED && record->mark.present && record->mark.released && record->mark.token == h.token;
    if (e->state != ELECTION_CANDIDATE || !free_by_it || !h.to[0] || e->hold_until.boot_ns == LEASEHOLD_NEVER)
        return;
    g->handover_token = h.token;
    /* Who was named may still be staying away from an earlier handover of its own. */
    resign(g, handover_is_to(&h, g->identity) ? 1 : HOLD_BACK_RETRIES * retry_ns);
}
