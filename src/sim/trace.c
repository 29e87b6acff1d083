#include "sim/trace.h"

#include <stdio.h>

static const char *purpose_name(enum election_purpose purpose)
{
    static const char *const names[] = { "acquires", "renews", "releases" };
    return names[purpose];
}

static void say_record(const struct record *r)
{
    static const char *const kinds[] = { "absent", "emptied", "unreadable", "held" };
    printf(" %s%s%s for %lld ms, transitions %d", kinds[r->kind], r->kind == RECORD_HELD ? " by " : "", r->holder,
           (long long)r->duration_ms, r->transitions);
    if (r->mark.present)
        printf(", mark(%snonce %04llx, %lld ms, transitions %d, token %llu%s)", r->mark.names_holder ? "holder, " : "",
               (unsigned long long)(r->mark.nonce & 0xffff), (long long)r->mark.duration_ms, r->mark.transitions,
               (unsigned long long)r->mark.token, r->mark.released ? ", released" : "");
}

static void say_lock(const struct fact *f)
{
    switch (f->kind) {
    case FACT_RECEIVED:
        printf("is shown rv=%llu:", (unsigned long long)f->version.resource_version);
        say_record(f->after);
        break;
    case FACT_APPLIED:
        printf("%s%s rv=%llu (decided at %.6f):", purpose_name(f->purpose), f->write == ELECTION_WRITE_CREATE ? " by creating it" : "",
               (unsigned long long)f->version.resource_version, (double)f->sent / 1e9);
        say_record(f->after);
        break;
    case FACT_ANSWERED:
        printf("has rv=%llu acknowledged", (unsigned long long)f->version.resource_version);
        break;
    default:
        printf("an operator %s, rv=%llu:", f->note, (unsigned long long)f->version.resource_version);
        say_record(f->after);
        break;
    }
}

static void say_term(const struct fact *f)
{
    switch (f->kind) {
    case FACT_STARTED:
        printf("leads, term %llu token %llu, work dead by %.6f", (unsigned long long)f->term, (unsigned long long)f->token,
               (double)f->sent / 1e9);
        break;
    case FACT_EXTENDED:
        printf("extends term %llu, work dead by %.6f", (unsigned long long)f->term, (double)f->sent / 1e9);
        break;
    case FACT_STOP:
        printf("stops term %llu: %s%s", (unsigned long long)f->term, election_reason_name(f->reason), f->flag ? ", kills" : "");
        break;
    case FACT_STOPPED:
        printf("has stopped term %llu", (unsigned long long)f->term);
        break;
    case FACT_WORK_BEGINS:
        printf("works in term %llu", (unsigned long long)f->term);
        break;
    case FACT_TOLD:
        printf("is told that %s leads", f->identity[0] ? f->identity : "nobody");
        break;
    case FACT_STORED:
        printf("writes to the store of its work in term %llu, token %llu: %s", (unsigned long long)f->term, (unsigned long long)f->token,
               f->flag ? "taken" : "refused");
        break;
    default:
        printf("works no more in term %llu", (unsigned long long)f->term);
        break;
    }
}

static bool is_bookkeeping(const struct fact *f)
{
    return f->kind == FACT_SAMPLE || f->kind == FACT_SENT || f->kind == FACT_SPINS || (f->kind == FACT_TOLD && !f->identity) ||
           f->kind == FACT_ADRIFT || (f->kind == FACT_STORED && f->flag);
}

static void say(const struct fact *f, int node)
{
    switch (f->kind) {
    case FACT_PROCESS:
        printf("begins on node %c, lease %.1f s", 'a' + node, (double)f->lease_ns / 1e9);
        break;
    case FACT_GONE:
        printf("is gone");
        break;
    case FACT_RECEIVED:
    case FACT_APPLIED:
    case FACT_ANSWERED:
    case FACT_OPERATED:
        say_lock(f);
        break;
    case FACT_FAULT:
        printf("! %s", f->note);
        break;
    case FACT_HEALED:
        printf("all faults are over; somebody has to lead by %.3f", (double)f->sent / 1e9);
        break;
    case FACT_END:
        printf("the end");
        break;
    case FACT_KINDS:
        printf("BROKEN %s", f->note);
        break;
    default:
        say_term(f);
        break;
    }
    putchar('\n');
}

void trace_fact(const struct world *w, const struct fact *f)
{
    if (is_bookkeeping(f))
        return;
    printf("%11.6f ", (double)f->at / 1e9);
    if (f->who != SIM_NOBODY)
        printf("%s#%d ", w->process[f->who].name, f->who);
    say(f, f->who == SIM_NOBODY ? 0 : w->process[f->who].node);
}

void trace_fleet(struct fleet *f, int group, const struct fact *fact)
{
    if (is_bookkeeping(fact))
        return;
    printf("%11.6f ", (double)fact->at / 1e9);
    if (group >= 0)
        printf("[%s] ", f->group[group].name);
    int who = fact->who == SIM_NOBODY || group < 0 ? fact->who : f->group[group].process[fact->who];
    if (who != SIM_NOBODY)
        printf("%s#%d ", f->process[who].name, who);
    say(fact, who == SIM_NOBODY ? 0 : f->process[who].node);
}
