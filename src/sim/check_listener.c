/* Listeners miss and reorder nothing: what a process tells of its terms is, term after term without a gap, a start, extensions, a
 * request to stop (unless the work ended by itself) and an end, each decided on no earlier than what was told before it; and when
 * everything has been well for a lease, everybody was told who leads. */
#include "sim/check.h"

#include <stdio.h>
#include <string.h>

static void broken(struct judge *j, const struct fact *f, const char *what)
{
    const struct listener *l = &j->listener[f->who];
    static const char *const phases[] = { "no term runs", "it leads", "its work stops" };
    check_fail(j, CHECK_LISTENER, f->who, "process %d tells %s of term %llu; the last told was term %llu, and %s", f->who, what,
               (unsigned long long)f->term, (unsigned long long)l->term, phases[l->phase]);
}

static void term_fact(struct judge *j, const struct fact *f)
{
    struct listener *l = &j->listener[f->who];
    bool runs = l->phase != LISTENER_IDLE && f->term == l->term;
    switch (f->kind) {
    case FACT_STARTED:
        if (l->phase != LISTENER_IDLE || f->term != l->term + 1)
            broken(j, f, "the start");
        l->phase = LISTENER_LEADS;
        l->term = f->term;
        break;
    case FACT_EXTENDED:
        if (!runs)
            broken(j, f, "an extension");
        break;
    case FACT_STOP:
        if (!runs)
            broken(j, f, "the stop");
        l->phase = LISTENER_STOPS;
        break;
    default:
        if (!runs || (l->phase == LISTENER_LEADS && f->reason != ELECTION_REASON_WORK_ENDED))
            broken(j, f, "the end");
        l->phase = LISTENER_IDLE;
        break;
    }
}

static void told(struct judge *j, const struct fact *f)
{
    struct listener *l = &j->listener[f->who];
    if (f->decided < l->told_at)
        check_fail(j, CHECK_LISTENER, f->who, "process %d tells what happened %.6f s before what it told last", f->who,
                   (double)(l->told_at - f->decided) / 1e9);
    l->told_at = f->decided;
    if (!f->identity)
        return;
    l->listens = true;
    snprintf(l->leader, sizeof l->leader, "%s", f->identity);
}

static void changed(struct judge *j, const struct fact *f)
{
    const char *holder = f->after->kind == RECORD_HELD ? f->after->holder : "";
    if (strcmp(j->holder, holder) != 0)
        j->holder_since = f->at;
    snprintf(j->holder, sizeof j->holder, "%s", holder);
}

static void end(struct judge *j, const struct fact *f)
{
    for (int i = 0; i < SIM_PROCESSES_MAX; i++) {
        const struct ledger_entry *p = &j->ledger[i];
        const struct listener *l = &j->listener[i];
        bool settled = f->at - j->holder_since >= p->lease_ns && f->at - l->begun_at >= p->lease_ns;
        if (p->used && !p->gone && l->listens && j->holder[0] && settled && strcmp(l->leader, j->holder) != 0)
            check_fail(j, CHECK_LISTENER, i, "process %d told last that \"%s\" leads, but for %.3f s it has been %s", i, l->leader,
                       (double)(f->at - j->holder_since) / 1e9, j->holder);
    }
}

void check_listener(struct judge *j, const struct fact *f)
{
    bool ours = f->who != SIM_NOBODY && !j->ledger[f->who].foreign;
    switch (f->kind) {
    case FACT_PROCESS:
        j->listener[f->who] = (struct listener){ .begun_at = f->at };
        break;
    case FACT_STARTED:
    case FACT_EXTENDED:
    case FACT_STOP:
    case FACT_STOPPED:
        if (ours)
            term_fact(j, f);
        break;
    case FACT_TOLD:
        told(j, f);
        break;
    case FACT_APPLIED:
    case FACT_OPERATED:
        changed(j, f);
        break;
    case FACT_END:
        if (j->healed)
            end(j, f);
        break;
    default:
        break;
    }
}
