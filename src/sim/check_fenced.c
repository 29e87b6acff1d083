/* What the fencing token promises where no clock can: a store that checks it takes no write of an earlier term after one of a
 * later term. Which term is the later one is judged by the order in which the server applied the writes that acquired them,
 * never by the token, so that a token that does not grow is seen as well: it locks the newest term out. */
#include "sim/check.h"

static void remember(struct judge *j, const struct fact *f)
{
    struct term_rank *slot = &j->ranks[j->rank_count++ % CHECK_RANKS];
    *slot = (struct term_rank){ .who = f->who, .term = f->term, .rank = j->ledger[f->who].first_version };
}

static const struct term_rank *find(const struct judge *j, const struct fact *f)
{
    for (int i = 0; i < CHECK_RANKS; i++)
        if (j->ranks[i].rank && j->ranks[i].who == f->who && j->ranks[i].term == f->term)
            return &j->ranks[i];
    return NULL;
}

void check_fenced(struct judge *j, const struct fact *f)
{
    if (f->kind == FACT_STARTED && !j->ledger[f->who].foreign)
        remember(j, f);
    const struct term_rank *r = f->kind == FACT_STORED ? find(j, f) : NULL;
    if (!r)
        return;
    if (f->flag) {
        j->counts.stored++;
        if (r->rank < j->stored_rank)
            check_fail(j, CHECK_FENCED, f->who, "the store took a write of term %llu of process %d after one of a later term",
                       (unsigned long long)f->term, f->who);
        else
            j->stored_rank = r->rank;
        return;
    }
    j->counts.refused++;
    if (r->rank >= j->stored_rank)
        check_fail(j, CHECK_FENCED, f->who, "the store refused token %llu of process %d, whose term %llu is the latest",
                   (unsigned long long)f->token, f->who, (unsigned long long)f->term);
}
