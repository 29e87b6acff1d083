/* The API server: one lock, compare and swap, as values. */
#include "model/state.h"

#include <string.h>

enum { OK = 200, CREATED = 201, NOT_FOUND = 404, CONFLICT = 409, TICK_MS = 500 };

void model_read(const struct model_state *s, struct model_request *r)
{
    r->stage = MODEL_ANSWERED;
    r->code = s->version.resource_version ? OK : NOT_FOUND;
    r->record = s->record;
    r->version = s->version;
}

/* Nobody takes a lock whose holder's last write was applied less than a lease ago. That the operator may have changed the record
 * is no excuse: whoever knew the record waits it out. */
static bool is_dead(const struct model_state *s, uint64_t nonce)
{
    for (int i = 0; i < MODEL_CANDIDATES_MAX; i++) {
        const struct model_process *p = &s->process[i];
        if ((p->alive && p->e.nonce == nonce) || p->work.running || p->old.running)
            return false;
    }
    return true;
}

static model_verdict judge(const struct model_settings *set, const struct model_state *s, const struct election_write *w)
{
    if (s->record.kind != RECORD_HELD || w->record.kind != RECORD_HELD || w->record.mark.nonce == s->record.mark.nonce || set->skew)
        return NULL;
    if ((int64_t)(s->tick - s->applied_tick) * TICK_MS >= s->record.mark.duration_ms)
        return NULL;
    if (set->local_lock && is_dead(s, s->record.mark.nonce))
        return NULL;
    return "a write replaced another's record that was neither released nor a lease old";
}

model_verdict model_write(const struct model_settings *set, struct model_state *s, struct model_request *r)
{
    const struct election_write *w = &r->write;
    r->stage = MODEL_ANSWERED;
    bool absent = s->version.resource_version == 0;
    bool fits = w->kind == ELECTION_WRITE_CREATE ? absent : !absent && record_version_equal(&w->base, &s->version);
    if (!fits) {
        r->code = CONFLICT;
        return NULL;
    }
    model_verdict broken = judge(set, s, w);
    bool same = !absent && record_equal(&s->record, &w->record);
    s->record = w->record;
    if (w->kind == ELECTION_WRITE_CREATE) {
        memset(&s->version, 0, sizeof s->version);
        s->version.uid[0] = (char)('A' + (s->revision + 1) % 26);
    }
    /* A write that changes nothing keeps the version, as on the real server. */
    if (!same)
        s->version.resource_version = ++s->revision;
    else if (!broken)
        broken = "an acknowledged write changed nothing";
    s->applied_tick = s->tick;
    r->code = absent ? CREATED : OK;
    r->record = s->record;
    r->version = s->version;
    return broken;
}
