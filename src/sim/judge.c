#include "sim/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[CHECK_NAMES] = {
    [CHECK_EXCLUSIVE] = "exclusive", [CHECK_REPLACE] = "replace",   [CHECK_RENEWAL] = "renewal",   [CHECK_TOKEN] = "token",
    [CHECK_LEADING] = "leading",     [CHECK_NEEDLESS] = "needless", [CHECK_LIVENESS] = "liveness", [CHECK_BUDGET] = "budget",
    [CHECK_LISTENER] = "listener",   [CHECK_KEYS] = "keys",         [CHECK_FENCED] = "fenced",     [CHECK_STAMP] = "stamp",
};

const char *check_name(enum check_name name)
{
    return names[name];
}

__attribute__((format(printf, 4, 0))) static void fail(struct judge *j, enum check_name name, int charged, const char *format,
                                                       va_list arguments)
{
    if (charged != SIM_NOBODY && j->ledger[charged].foreign) {
        j->counts.foreign++;
        return;
    }
    j->counts.violations[name]++;
    if (j->failed)
        return;
    j->failed = true;
    j->first = name;
    int used = snprintf(j->sentence, sizeof j->sentence, "at %.6f s, %s: ", (double)j->now / 1e9, names[name]);
    vsnprintf(j->sentence + used, sizeof j->sentence - (size_t)used, format, arguments);
}

void check_fail(struct judge *j, enum check_name name, int charged, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail(j, name, charged, format, arguments);
    va_end(arguments);
}

void check_fail_timed(struct judge *j, enum check_name name, int charged, const char *format, ...)
{
    va_list arguments;
    if (j->adrift) {
        j->counts.adrift++;
        return;
    }
    va_start(arguments, format);
    fail(j, name, charged, format, arguments);
    va_end(arguments);
}

void judge_begin(struct judge *j)
{
    struct check_counts counts = j->counts;
    memset(j, 0, sizeof *j);
    j->counts = counts;
}

void judge_fact(struct judge *j, const struct fact *f)
{
    j->now = f->at;
    if (f->kind == FACT_STARTED && !j->ledger[f->who].foreign)
        j->counts.elections++;
    if (f->kind == FACT_FAULT && !f->flag)
        j->counts.faults++;
    j->adrift = j->adrift || f->kind == FACT_ADRIFT;
    /* A write is judged by what was so before it; the rest by what is so with it. */
    check_replace(j, f);
    ledger_fact(j, f);
    check_exclusive(j, f);
    check_renewal(j, f);
    check_token(j, f);
    check_fenced(j, f);
    check_leading(j, f);
    check_needless(j, f);
    check_listener(j, f);
    check_liveness(j, f);
    check_budget(j, f);
}
