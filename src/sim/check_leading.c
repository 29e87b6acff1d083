/* is_leading as other threads see it: true only while the lease is valid, and never again once it was false in a term. What is
 * promised to the work (kill_at) stays within the lease as well. */
#include "sim/check.h"

static void sample(struct judge *j, const struct fact *f)
{
    const struct ledger_entry *l = &j->ledger[f->who];
    if (j->sampled[f->who].term != f->term) {
        j->sampled[f->who].term = f->term;
        j->sampled[f->who].ended = false;
    }
    if (!f->flag) {
        if (!j->sampled[f->who].ended)
            j->sampled[f->who].ended_at = f->at;
        j->sampled[f->who].ended = true;
        return;
    }
    /* Two calls that overlap may answer in any order. */
    if (j->sampled[f->who].ended && f->sent > j->sampled[f->who].ended_at)
        check_fail(j, CHECK_LEADING, f->who, "is_leading of process %d turned true again within term %llu", f->who,
                   (unsigned long long)f->term);
    if (f->at > ledger_valid_until(l) + CHECK_SLACK_NS)
        check_fail_timed(j, CHECK_LEADING, f->who, "is_leading of process %d is true %.6f s after its lease", f->who,
                         (double)(f->at - ledger_valid_until(l)) / 1e9);
}

void check_leading(struct judge *j, const struct fact *f)
{
    if (f->kind == FACT_SAMPLE)
        sample(j, f);
    if (f->kind != FACT_STARTED && f->kind != FACT_EXTENDED)
        return;
    const struct ledger_entry *l = &j->ledger[f->who];
    if (f->kind == FACT_EXTENDED && f->flag)
        check_fail(j, CHECK_LEADING, f->who, "process %d extends term %llu, which was over already", f->who, (unsigned long long)f->term);
    if (!l->foreign && f->sent > ledger_valid_until(l) + CHECK_SLACK_NS)
        check_fail_timed(j, CHECK_LEADING, f->who, "process %d may work until %.6f s after its lease", f->who,
                         (double)(f->sent - ledger_valid_until(l)) / 1e9);
}
