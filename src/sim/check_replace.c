/* Nobody writes while another's record is unexpired and unreleased: judged from the true time at which the holder's last write
 * was applied, with the writer's clock fast by rho. It does not matter whether a worker really ran. */
#include "sim/check.h"

/* Since when `writer` knew of no lock when it decided to create one. */
static int64_t absent_since(const struct ledger_entry *writer, int64_t decided)
{
    for (int i = 0; i < CHECK_POSTS; i++)
        if (writer->posts[i].decided == decided)
            return writer->posts[i].absent_at;
    return INT64_MAX;
}

/* Whether it had been shown one when it decided to write; of one instant, what was shown later does not count. */
static bool knew_a_holder(const struct ledger_entry *writer, int64_t decided)
{
    for (int i = 0; i < CHECK_POSTS; i++)
        if (writer->posts[i].decided == decided)
            return writer->posts[i].knew;
    return writer->known_since <= decided;
}

/* Since when `writer` was shown nothing but what it wrote over. */
static int64_t same_since(const struct ledger_entry *writer, int64_t decided)
{
    for (int i = 0; i < CHECK_POSTS; i++)
        if (writer->posts[i].decided == decided)
            return writer->posts[i].same_since;
    return INT64_MAX;
}

/* Nothing could have told the writer: an operator took the record away, and the writer knew none, or it knew of no lock
 * from before the record was made (a POST has no version to compare, and in a shared object any group may have made the new one),
 * or what the operator left looks like a foreign release, or neither
 * mark nor duration were left to go by for who never saw it (its own lease is waited then, which may be shorter), or what an operator
 * left is to the last field what the writer knew from before the record was made, and it saw nothing in between. */
static bool is_blind(const struct ledger_entry *writer, const struct ledger_entry *holder, const struct fact *f)
{
    if (!holder->altered)
        return false;
    bool knew = knew_a_holder(writer, f->sent);
    bool creates = f->write == ELECTION_WRITE_CREATE || (f->before && f->before->kind == RECORD_ABSENT);
    bool before_it = creates && (f->sent < holder->applied_at || absent_since(writer, f->sent) < holder->tenure_at);
    bool saw_it = holder->seen_by >> f->who & 1;
    if (holder->foreign)
        return true; /* it leaves no mark: nothing tells an operator's hand from its own release, nor its lease to who missed it */
    bool as_before = !saw_it && same_since(writer, f->sent) < holder->tenure_at;
    return !knew || before_it || as_before || holder->forged || (holder->erased && !saw_it) ||
           (holder->unmarked && !saw_it && holder->lease_ns > writer->lease_ns);
}

void check_replace(struct judge *j, const struct fact *f)
{
    if (f->kind != FACT_APPLIED)
        return;
    const struct ledger_entry *writer = &j->ledger[f->who];
    for (int i = 0; i < SIM_PROCESSES_MAX; i++) {
        struct ledger_entry *holder = &j->ledger[i];
        if (i == f->who || !holder->used || !holder->holding || holder->wiped)
            continue;
        if (f->sent + CHECK_SLACK_NS >= ledger_reserved_until(holder)) {
            holder->holding = false; /* over; whatever comes is no offence against it */
            continue;
        }
        holder->wiped = true;
        if (is_blind(writer, holder, f)) {
            j->counts.blind_takes++;
            continue;
        }
        check_fail_timed(j, CHECK_REPLACE, f->who,
                         "%s (process %d) decided to write %.6f s before the record of %s (process %d)%s was over", writer->identity,
                         f->who, (double)(ledger_reserved_until(holder) - f->sent) / 1e9, holder->identity, i,
                         holder->altered ? ", which an operator touched," : "");
        if (j->adrift) { /* no operator's hand: what its worker overlaps is the clocks' fault as well */
            holder->wiped = false;
            holder->holding = false;
        }
    }
}
