/* No two workers at one true instant. The overlap is charged to the side that held on beyond its lease, or else to the side
 * that began while the other's lease was valid. */
#include "sim/check.h"

static void end_work(struct judge *j, const struct fact *f)
{
    for (int i = 0; i < j->work_count; i++)
        if (j->work[i].who == f->who && j->work[i].term == f->term) {
            j->work[i] = j->work[--j->work_count];
            return;
        }
}

static void overlap(struct judge *j, const struct fact *f, const struct live_work *other)
{
    const struct ledger_entry *old = &j->ledger[other->who];
    const struct ledger_entry *new = &j->ledger[f->who];
    if (other->who == f->who) {
        check_fail(j, CHECK_EXCLUSIVE, f->who, "process %d began the work of term %llu while that of term %llu still ran", f->who,
                   (unsigned long long)f->term, (unsigned long long)other->term);
        return;
    }
    if (old->wiped || new->wiped) {
        j->counts.blind_overlaps++;
        return;
    }
    if (f->at > ledger_valid_until(old) + CHECK_SLACK_NS)
        check_fail_timed(j, CHECK_EXCLUSIVE, other->who,
                         "%s (process %d) held on: it works %.6f s after its lease, when %s (process %d) begins", old->identity, other->who,
                         (double)(f->at - ledger_valid_until(old)) / 1e9, new->identity, f->who);
    else
        check_fail_timed(j, CHECK_EXCLUSIVE, f->who, "%s (process %d) began %.6f s before the lease of %s (process %d) was over, who works",
                         new->identity, f->who, (double)(ledger_valid_until(old) - f->at) / 1e9, old->identity, other->who);
}

void check_exclusive(struct judge *j, const struct fact *f)
{
    if (f->kind == FACT_STOPPED)
        for (int i = 0; i < j->work_count; i++)
            if (j->work[i].who == f->who && j->work[i].term == f->term)
                check_fail(j, CHECK_EXCLUSIVE, f->who, "process %d told the end of term %llu while its work still runs", f->who,
                           (unsigned long long)f->term);
    if (f->kind == FACT_WORK_ENDS)
        end_work(j, f);
    if (f->kind != FACT_WORK_BEGINS)
        return;
    for (int i = 0; i < j->work_count; i++)
        overlap(j, f, &j->work[i]);
    if (j->work_count < SIM_PROCESSES_MAX)
        j->work[j->work_count++] = (struct live_work){ f->who, f->term, f->at };
}
