/* A state as the bytes that its future depends on: times relative to now and no older than matters, versions and stamps as they
 * are, nothing that is left over in a field that is not read again. */
#include "model/state.h"

#include <string.h>

#include "election/bug.h"

enum { OLD_MS = 120000 }; /* more than any duration of a search: further back makes no difference */

struct out {
    uint8_t *bytes;
    size_t size;
    int64_t now;
};

static void put(struct out *o, int64_t value)
{
    uint64_t v = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63); /* small numbers of either sign are short */
    BUG_UNLESS(o->size + 10 <= MODEL_CANON_MAX);
    for (; v >= 128; v >>= 7)
        o->bytes[o->size++] = (uint8_t)(v | 128);
    o->bytes[o->size++] = (uint8_t)v;
}

/* A time that only matters while it is ahead. */
static void put_end(struct out *o, int64_t ns)
{
    put(o, ns == LEASEHOLD_NEVER ? -1 : ns <= o->now ? 0 : ns - o->now);
}

/* A time behind us. */
static void put_past(struct out *o, int64_t ns)
{
    int64_t ago = o->now - ns, old = OLD_MS * INT64_C(1000000);
    put(o, ago < old ? ago : old);
}

static void put_record(struct out *o, const struct record *r)
{
    put(o, r->kind);
    if (r->kind == RECORD_ABSENT)
        return;
    put(o, r->holder[0]);
    put(o, r->duration_ms);
    put(o, r->acquire_us);
    put(o, r->renew_us);
    put(o, r->transitions);
    put(o, r->mark.names_holder | r->mark.released << 1 | r->mark.present << 2);
    put(o, (int64_t)r->mark.nonce);
    put(o, r->mark.transitions);
    put(o, r->mark.duration_ms);
    put(o, (int64_t)r->mark.token);
}

static void put_version(struct out *o, const struct record_version *v)
{
    put(o, v->uid[0]);
    put(o, (int64_t)v->resource_version);
}

static void put_request(struct out *o, const struct model_request *r)
{
    put(o, r->stage);
    if (r->stage == MODEL_NONE)
        return;
    put_end(o, r->give_up_ns);
    put(o, r->write.kind);
    if (r->stage == MODEL_SENT && r->write.kind != ELECTION_WRITE_NONE) {
        put(o, r->write.purpose);
        put_version(o, &r->write.base);
        put_record(o, &r->write.record);
    } else if (r->stage == MODEL_ANSWERED) {
        put(o, r->code);
        put_record(o, &r->record);
        put_version(o, &r->version);
    }
}

static void put_own(struct out *o, const struct election_own_write *w)
{
    put(o, w->used);
    if (!w->used)
        return;
    put(o, w->purpose);
    put(o, w->create);
    put_past(o, w->sent.boot_ns);
    put_version(o, &w->base);
    put(o, w->renew_us);
    put(o, w->acquire_us);
    put(o, w->transitions);
    put(o, w->duration_ms);
    put(o, (int64_t)w->token);
}

static void put_known(struct out *o, const struct election *e)
{
    put(o, e->knows);
    put_record(o, &e->record);
    put_version(o, &e->version);
    put(o, (int64_t)e->newest);
    put_end(o, e->wait_until.boot_ns);
    put_end(o, e->acquire_at.boot_ns);
    put_end(o, e->hold_until.boot_ns);
    put(o, e->reading ? 1 + (e->read_sent.boot_ns < e->known_at.boot_ns) : 0);
    put_past(o, e->reading ? e->read_sent.boot_ns : o->now);
    put(o, e->writing | e->want_read << 1 | e->must_read << 2 | e->told << 3 | e->watch_up << 4);
    put_end(o, e->read_after.boot_ns);
    put_end(o, e->write_after.boot_ns);
    put_end(o, e->poll_at.boot_ns);
    put(o, e->failures);
    put(o, e->conflicts);
    put(o, e->races);
    put(o, e->writing ? e->writing_slot : 0);
    put(o, e->round_trip_ns);
}

static void put_election(struct out *o, const struct election *e)
{
    put(o, e->state);
    put(o, (int64_t)e->nonce);
    for (int i = 0; i < ELECTION_PREDECESSORS_MAX; i++)
        put(o, (int64_t)e->predecessor[i]);
    put_known(o, e);
    /* What acknowledged.sent says is still asked once it is used no more: renewals count from it. */
    put_own(o, &e->acknowledged);
    for (int i = 0; i < ELECTION_POSSIBLE_MAX; i++)
        put_own(o, &e->possible[i]);
    put(o, e->last_stamp_us);
    put(o, (int64_t)e->term);
    put(o, (int64_t)e->token);
    put_end(o, e->term_at.boot_ns);
    put_end(o, e->kill_at.boot_ns);
    put(o, e->reason);
    put(o, e->lost | e->resigning << 1 | e->closing << 2);
    put(o, e->hold_off_ns);
    put_end(o, e->settle_until.boot_ns);
    put(o, e->leader[0]);
}

static void put_work(struct out *o, const struct model_work *w)
{
    put(o, w->running | w->stopping << 1 | w->must_report << 2);
    if (w->running || w->must_report)
        put(o, (int64_t)w->term);
    if (w->running)
        put_end(o, w->kill_ns);
}

size_t model_canon(const struct model_settings *set, const struct model_state *s, uint8_t bytes[MODEL_CANON_MAX])
{
    struct out o = { .bytes = bytes };
    put(&o, s->faults);
    for (int i = 0; i < MODEL_FAULTS; i++)
        put(&o, s->left[i]);
    put(&o, (int64_t)s->revision);
    put(&o, (int64_t)s->nonces);
    /* Invariants look back a lease at most. */
    put(&o, s->record.kind == RECORD_HELD && s->tick - s->applied_tick < 30 ? s->tick - s->applied_tick : 30);
    put_record(&o, &s->record);
    put_version(&o, &s->version);
    for (int i = 0; i < MODEL_ORPHANS_MAX; i++)
        put_request(&o, &s->orphan[i]);
    for (int i = 0; i < set->candidates; i++) {
        const struct model_process *p = &s->process[i];
        o.now = model_clock(set, s, i);
        put(&o, p->alive | p->frozen << 1);
        put_request(&o, &p->read);
        put_request(&o, &p->write);
        put_work(&o, &p->work);
        put_work(&o, &p->old);
        put(&o, p->locks | p->work.locks << 1 | p->old.locks << 2);
        for (int n = 0; n < ELECTION_PREDECESSORS_MAX; n++)
            put(&o, (int64_t)p->named[n]);
        if (p->alive)
            put_election(&o, &p->e);
    }
    return o.size;
}
