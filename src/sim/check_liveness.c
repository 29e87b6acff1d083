/* A healed world elects: somebody leads within the bound that the settings give, and still does in the end. */
#include "sim/check.h"

void check_liveness(struct judge *j, const struct fact *f)
{
    switch (f->kind) {
    case FACT_STARTED:
        j->leads[f->who] = true;
        j->leads_term[f->who] = f->term;
        break;
    case FACT_STOP:
    case FACT_STOPPED:
    case FACT_GONE:
        j->leads[f->who] = false;
        break;
    case FACT_HEALED:
        j->healed = true;
        j->healed_at = f->at;
        j->leader_by = f->sent;
        j->first_leader = -1;
        break;
    default:
        break;
    }
    if (!j->healed)
        return;
    bool anybody = false;
    for (int i = 0; i < SIM_PROCESSES_MAX; i++)
        anybody = anybody || j->leads[i];
    if (anybody && j->first_leader < 0)
        j->first_leader = f->at;
    if (f->kind != FACT_END)
        return;
    if (!anybody || j->first_leader > j->leader_by) {
        check_fail(j, CHECK_LIVENESS, SIM_NOBODY, "nobody leads within %.3f s of the end of all faults%s",
                   (double)(j->leader_by - j->healed_at) / 1e9, j->first_leader < 0 ? "" : ", only later or not for good");
        return;
    }
    int64_t took = j->first_leader - j->healed_at;
    if (took > j->counts.worst_heal_ns)
        j->counts.worst_heal_ns = took;
    int64_t part = took / ((j->leader_by - j->healed_at) / 1000 + 1);
    if (part > j->counts.worst_heal_part)
        j->counts.worst_heal_part = part;
}
