/* Three short checkers: every acknowledged write changed the record; tokens grow; nobody gives up a record that was its own
 * all the time. */
#include "sim/check.h"

void check_renewal(struct judge *j, const struct fact *f)
{
    if (f->kind == FACT_APPLIED && !j->ledger[f->who].foreign && f->before && record_equal(f->before, f->after))
        check_fail(j, CHECK_RENEWAL, f->who, "process %d wrote what was there already", f->who);
    if (f->kind == FACT_ANSWERED && f->write == ELECTION_WRITE_REPLACE && !j->ledger[f->who].foreign &&
        f->version.resource_version <= f->base.resource_version)
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
    if (j->any_token && f->token <= j->last_token) {
        /* Who was overtaken because of an operator's hand may hear of its own, older success later. */
        if (!j->ledger[f->who].wiped)
            check_fail(j, CHECK_TOKEN, f->who, "process %d begins term %llu with token %llu after %llu", f->who, (unsigned long long)f->term,
                       (unsigned long long)f->token, (unsigned long long)j->last_token);
        return;
    }
    j->any_token = true;
    j->last_token = f->token;
}

void check_needless(struct judge *j, const struct fact *f)
{
    if (f->kind == FACT_APPLIED || f->kind == FACT_OPERATED) {
        for (int i = 0; i < SIM_PROCESSES_MAX; i++)
            j->intact[i] = false;
        if (f->kind == FACT_APPLIED)
            j->intact[f->who] = f->purpose != ELECTION_RELEASE;
    }
    if (f->kind == FACT_STOP && f->reason == ELECTION_REASON_LOST && j->intact[f->who])
        check_fail(j, CHECK_NEEDLESS, f->who, "process %d takes its record for lost, but nobody else touched it", f->who);
}
