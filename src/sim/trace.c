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
    default:
        printf("works no more in term %llu", (unsigned long long)f->term);
        break;
    }
}

void trace_fact(const struct world *w, const struct fact *f)
{
    if (f->kind == FACT_SAMPLE || f->kind == FACT_SENT || f->kind == FACT_SPINS)
        return;
    printf("%11.6f ", (double)f->at / 1e9);
    if (f->who != SIM_NOBODY)
        printf("%s#%d ", w->process[f->who].name, f->who);
    switch (f->kind) {
    case FACT_PROCESS:
        printf("begins on node %c, lease %.0f s", 'a' + w->process[f->who].node, (double)f->lease_ns / 1e9);
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
