/* What an outside observer keeps in mind of each process; the checkers read it. */
#include "sim/check.h"

#include <string.h>

enum { PPM = 1000000, RELEASED_MS = 1000 };

/* A span of somebody's clock that runs fast by rho, in true time. */
static int64_t shortest(int64_t span_ns, int32_t rate_error_ppm)
{
    return span_ns / (PPM + rate_error_ppm) * PPM + span_ns % (PPM + rate_error_ppm) * PPM / (PPM + rate_error_ppm);
}

int64_t ledger_valid_until(const struct ledger_entry *l)
{
    return l->sent_at + shortest(l->lease_ns, l->rate_error_ppm);
}

int64_t ledger_reserved_until(const struct ledger_entry *l)
{
    return l->applied_at + shortest(l->lease_ns, l->rate_error_ppm);
}

/* Camel's elector works on under an old record in its name and writes nothing first: what its last life wrote is its own. */
static void inherit(struct judge *j, struct ledger_entry *l)
{
    const struct ledger_entry *last = NULL;
    for (int i = 0; i < SIM_PROCESSES_MAX; i++) {
        const struct ledger_entry *other = &j->ledger[i];
        if (other != l && other->used && other->foreign && other->holding && strcmp(other->identity, l->identity) == 0 &&
            (last == NULL || other->applied_at > last->applied_at))
            last = other;
    }
    if (last == NULL)
        return;
    l->holding = true;
    l->altered = last->altered;
    l->unmarked = last->unmarked;
    l->erased = last->erased;
    l->forged = last->forged;
    l->wiped = last->wiped;
    l->tenure_at = last->tenure_at;
    l->applied_at = last->applied_at;
    l->sent_at = last->sent_at;
    l->first_version = last->first_version;
    l->version = last->version;
    l->seen_by = last->seen_by;
}

static void begin(struct judge *j, const struct fact *f)
{
    struct ledger_entry *l = &j->ledger[f->who];
    memset(l, 0, sizeof *l);
    l->used = true;
    l->foreign = f->foreign;
    l->lease_ns = f->lease_ns;
    l->rate_error_ppm = f->rate_error_ppm;
    l->known_since = l->absent_at = l->same_since = INT64_MAX;
    strncpy(l->identity, f->identity, sizeof l->identity - 1);
    if (l->foreign)
        inherit(j, l);
    j->leads[f->who] = false;
    j->intact[f->who] = false;
    j->sampled[f->who].term = 0;
    j->request_count[f->who] = 0;
}

static void applied(struct judge *j, const struct fact *f)
{
    struct ledger_entry *l = &j->ledger[f->who];
    /* An elector whose stamp does not grow renews nothing that anybody could see. */
    if (l->foreign && f->before && record_equal(f->before, f->after))
        return;
    l->holding = f->purpose != ELECTION_RELEASE;
    l->altered = l->unmarked = l->erased = l->forged = l->wiped = false;
    if (f->purpose == ELECTION_ACQUIRE) {
        l->first_version = f->version.resource_version;
        l->tenure_at = f->at;
        l->seen_by = 0;
    }
    l->applied_at = f->at;
    if (f->sent > l->sent_at) /* a second copy of an old write takes nothing back */
        l->sent_at = f->sent;
    l->version = f->version.resource_version;
}

static void altered(struct ledger_entry *l, const struct record *after)
{
    l->altered = true;
    bool counts =
        after->mark.present && (after->kind == RECORD_HELD ? after->mark.names_holder : after->mark.transitions == after->transitions);
    if (!counts || l->foreign)
        l->unmarked = true;
    if (l->unmarked && after->kind == RECORD_HELD && after->duration_ms < l->lease_ns / 1000000)
        l->erased = true;
    bool release_form = after->kind == RECORD_EMPTIED || (after->kind == RECORD_HELD && after->duration_ms <= RELEASED_MS);
    if (l->unmarked && release_form)
        l->forged = true;
}

static void received(struct judge *j, const struct fact *f)
{
    struct ledger_entry *reader = &j->ledger[f->who];
    uint64_t shown = f->version.resource_version;
    if (shown && shown <= reader->newest)
        return;
    if (shown)
        reader->newest = shown;
    if ((f->after->kind == RECORD_HELD || f->after->kind == RECORD_UNREADABLE) && reader->known_since > f->at)
        reader->known_since = f->at;
    if (!record_equal(&reader->shown, f->after) || reader->same_since == INT64_MAX) {
        reader->shown = *f->after;
        reader->same_since = f->at;
    }
    if (f->after->kind != RECORD_ABSENT)
        reader->absent_at = INT64_MAX;
    else if (reader->absent_at > f->sent)
        reader->absent_at = f->sent; /* true at some time after it asked */
    for (int i = 0; i < SIM_PROCESSES_MAX; i++) {
        struct ledger_entry *l = &j->ledger[i];
        if (l->used && l->holding && shown >= l->first_version && shown <= l->version)
            l->seen_by |= UINT64_C(1) << f->who;
    }
}

void ledger_fact(struct judge *j, const struct fact *f)
{
    switch (f->kind) {
    case FACT_PROCESS:
        begin(j, f);
        break;
    case FACT_GONE:
        j->ledger[f->who].gone = true;
        break;
    case FACT_RECEIVED:
        received(j, f);
        break;
    case FACT_SENT:
        if (f->write != ELECTION_WRITE_NONE) {
            struct ledger_entry *l = &j->ledger[f->who];
            uint32_t slot = l->post_count++ % CHECK_POSTS;
            l->posts[slot].decided = f->sent;
            l->posts[slot].absent_at = l->absent_at;
            l->posts[slot].same_since = l->same_since;
            l->posts[slot].knew = l->known_since != INT64_MAX;
        }
        break;
    case FACT_APPLIED:
        applied(j, f);
        break;
    case FACT_OPERATED:
        for (int i = 0; i < SIM_PROCESSES_MAX; i++)
            if (j->ledger[i].used && j->ledger[i].holding)
                altered(&j->ledger[i], f->after);
        break;
    default:
        break;
    }
}
