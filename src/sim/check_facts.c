/* Three short checkers: every write changed record and version; tokens grow; nobody gives up a record that was its own
 * all the time. */
#include "sim/check.h"

void check_renewal(struct judge *j, const struct fact *f)
{
    if ((f->kind != FACT_APPLIED && f->kind != FACT_ANSWERED) || j->ledger[f->who].foreign)
        return;
    bool same = f->kind == FACT_APPLIED && f->before && record_equal(f->before, f->after);
    /* Of a release nobody reads the time, so the record may be the same where the object is not: another version is what matters, since
     * with the old one a write that was made before could still land. */
    if (same && (f->purpose != ELECTION_RELEASE || record_version_equal(&f->base, &f->version)))
        check_fail(j, CHECK_RENEWAL, f->who, "process %d wrote what was there already", f->who);
    if (f->kind == FACT_ANSWERED && f->write == ELECTION_WRITE_REPLACE && f->version.resource_version <= f->base.resource_version)
        check_fail(j, CHECK_RENEWAL, f->who, "process %d was acknowledged a write that left version %llu as it was", f->who,
                   (unsigned long long)f->version.resource_version);
}

void check_token(struct judge *j, const struct fact *f)
{
    if (f->kind != FACT_STARTED || j->ledger[f->who].foreign)
        return;
    if (f->token > f->version.resource_version || f->token == 0)
        check_fail(j, CHECK_TOKEN, f->who, "process %d has token %llu, the newest version is %llu", f->who, (unsigned long long)f->token,
                   (unsigned long long)f->version.resource_version);
    /* In the order in which the terms were decided on: who is frozen after that tells of its success late. */
    int kept = j->token_count < CHECK_TOKENS ? (int)j->token_count : CHECK_TOKENS;
    for (int i = 0; i < kept; i++) {
        const struct term_token *other = &j->tokens[i];
        bool later = f->decided > other->decided;
        if (f->token == other->token || (f->token > other->token) != later) {
            /* Who was overtaken because of an operator's hand may hear of its own, older success later. */
            if (!j->ledger[f->who].wiped && !j->ledger[other->who].wiped)
                check_fail_timed(j, CHECK_TOKEN, f->who, "process %d has token %llu in term %llu, but %s term had %llu", f->who,
                                 (unsigned long long)f->token, (unsigned long long)f->term, later ? "an earlier" : "a later",
                                 (unsigned long long)other->token);
            break;
        }
    }
    j->tokens[j->token_count++ % CHECK_TOKENS] = (struct term_token){ f->decided, f->token, f->who };
}

void check_needless(struct judge *j, const struct fact *f)
{
    if (f->kind == FACT_APPLIED || f->kind == FACT_OPERATED) {
        for (int i = 0; i < SIM_PROCESSES_MAX; i++)
            j->intact[i] = false;
        /* A second copy of an old write may land after somebody's change: not what the process believes to be its own. */
        if (f->kind == FACT_APPLIED)
            j->intact[f->who] = f->purpose != ELECTION_RELEASE && f->sent >= j->touched_at;
        if (f->kind == FACT_OPERATED || f->who != j->touched_by)
            j->touched_at = f->at;
        j->touched_by = f->who;
    }
    if (f->kind == FACT_STOP && f->reason == ELECTION_REASON_LOST && j->intact[f->who])
        check_fail(j, CHECK_NEEDLESS, f->who, "process %d takes its record for lost, but nobody else touched it", f->who);
}
