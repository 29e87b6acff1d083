/* No busy loop: a process sends at most CHECK_WINDOW requests in any two seconds of true time. A candidate that does nothing
 * wrong stays far below: two a round of conflict, and rounds are paced. */
#include "sim/check.h"

static const int64_t window_ns = INT64_C(2000000000);

void check_budget(struct judge *j, const struct fact *f)
{
    if (f->kind == FACT_SPINS)
        check_fail(j, CHECK_BUDGET, f->who, "process %d wakes up a hundred times in a millisecond", f->who);
    if (f->kind != FACT_SENT || j->ledger[f->who].foreign)
        return;
    uint32_t n = j->request_count[f->who]++;
    int64_t *slot = &j->requests[f->who][n % CHECK_WINDOW];
    if (n >= CHECK_WINDOW && f->at - *slot < window_ns)
        check_fail(j, CHECK_BUDGET, f->who, "process %d sent %d requests within %.3f s", f->who, CHECK_WINDOW + 1,
                   (double)(f->at - *slot) / 1e9);
    *slot = f->at;
}
