/* The durations of an election from its options, and the sentence about the first inequality that does not hold. */
#include <stdio.h>
#include <string.h>

#include "election/bug.h"
#include "service/options.h"
#include "wire/dialect.h"

enum { TEXT_SIZE = 40 };
#define TENTH INT64_C(100000000)

/* Down to tenths of a second: what may be at most this long may also be a little shorter. */
static void tenths(int64_t ns, char ret[TEXT_SIZE])
{
    if (ns >= TENTH && ns % (10 * TENTH) != 0)
        snprintf(ret, TEXT_SIZE, "%lld.%llds", (long long)(ns / TENTH / 10), (long long)(ns / TENTH % 10));
    else
        setting_duration_text(ns, ret, TEXT_SIZE);
}

static void explain_stop(const struct election_settings *s, const struct election_settings_problem *p, char sentence[SETTING_SENTENCE_MAX])
{
    char deadline[TEXT_SIZE], left[TEXT_SIZE], stop[TEXT_SIZE], lease[TEXT_SIZE], most[TEXT_SIZE];
    int64_t left_ns = election_settings_kill_ns(s) - s->renew_deadline_ns;
    tenths(s->renew_deadline_ns, deadline);
    tenths(left_ns, left);
    tenths(s->stop_timeout_ns, stop);
    tenths(s->lease_duration_ns, lease);
    tenths(p->bound_ns, most);
    if (p->bound_ns <= 0)
        snprintf(sentence, SETTING_SENTENCE_MAX,
                 "lease-duration %s leaves no time to work: clock-rate-error, kill-margin and --stop-timeout take all of it", lease);
    else if (s->stop_timeout_ns <= 0)
        snprintf(sentence, SETTING_SENTENCE_MAX,
                 "renew-deadline %s leaves no time to stop the worker before the lease can pass on: with lease-duration %s it must be less "
                 "than %s",
                 deadline, lease, most);
    else
        snprintf(sentence, SETTING_SENTENCE_MAX,
                 "renew-deadline %s leaves %s to stop the worker, but --stop-timeout is %s: with lease-duration %s it may be at most %s",
                 deadline, left_ns > 0 ? left : "no time", stop, lease, most);
}

static void explain(const struct election_settings *s, const struct election_settings_problem *p, char sentence[SETTING_SENTENCE_MAX])
{
    char value[TEXT_SIZE], bound[TEXT_SIZE], retry[TEXT_SIZE];
    tenths(p->value_ns, value);
    tenths(p->bound_ns, bound);
    tenths(s->retry_period_ns, retry);
    switch (p->error) {
    case ELECTION_SETTINGS_NOT_POSITIVE:
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s is %s, but must be %s", p->setting, value, p->bound_ns > 0 ? "above 0" : "at least 0");
        break;
    case ELECTION_SETTINGS_LEASE_FRACTION:
        setting_duration_text(p->value_ns, value, sizeof value);
        snprintf(sentence, SETTING_SENTENCE_MAX, "lease-duration is %s, but a Lease records whole seconds, and at least 2s of them", value);
        break;
    case ELECTION_SETTINGS_JITTER:
        snprintf(sentence, SETTING_SENTENCE_MAX, "jitter is %d.%02d, but must be at least 1", s->jitter_percent / 100,
                 s->jitter_percent % 100);
        break;
    case ELECTION_SETTINGS_LEASE_OVER_DEADLINE:
        snprintf(sentence, SETTING_SENTENCE_MAX, "lease-duration %s must be longer than renew-deadline %s", value, bound);
        break;
    case ELECTION_SETTINGS_DEADLINE_OVER_RETRY:
        snprintf(sentence, SETTING_SENTENCE_MAX, "renew-deadline %s must be longer than retry-period %s times jitter %d.%02d, that is %s",
                 value, retry, s->jitter_percent / 100, s->jitter_percent % 100, bound);
        break;
    case ELECTION_SETTINGS_NO_TIME_TO_RENEW:
        snprintf(sentence, SETTING_SENTENCE_MAX,
                 "renew-interval %s leaves no time for two more tries before renew-deadline %s: it must be shorter", value, bound);
        break;
    case ELECTION_SETTINGS_NO_TIME_TO_STOP:
        explain_stop(s, p, sentence);
        break;
    case ELECTION_SETTINGS_TOO_LONG:
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s is %s, but may be at most %s", p->setting, value, bound);
        break;
    case ELECTION_SETTINGS_STAMP_UNIT:
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s is %s, but the stamps of this kind of lock have whole seconds: at least %s",
                 p->setting, value, bound);
        break;
    case ELECTION_SETTINGS_OK:
    case ELECTION_SETTINGS_ERRORS:
        BUG_UNLESS(false);
    }
}

/* 0 where the setting is left to election_settings_complete(). */
static int64_t number(const leasehold_options *o, enum setting_id id)
{
    const char *value = options_value(o, id);
    return value[0] ? setting_number(&settings_table[id], value) : 0;
}

/* Camel's lock compares a stamp with its own clock and its own lease duration (DESIGN §3): of a lease that is shared with it counts
 * what the slowest to notice is sure of. In a ConfigMap any peer may be one. */
static int64_t judged_lease_ns(const leasehold_options *o, const struct dialect *dialect, int64_t lease_ns)
{
    int64_t peer_ns = number(o, SETTING_PEER_LEASE);
    if (peer_ns == 0 && !dialect->shared)
        return lease_ns;
    int64_t least_ns = peer_ns > 0 && peer_ns < lease_ns ? peer_ns : lease_ns;
    return least_ns - number(o, SETTING_MAX_CLOCK_SKEW);
}

int options_election(const leasehold_options *o, const struct dialect *dialect, struct election_settings *ret,
                     char sentence[SETTING_SENTENCE_MAX])
{
    struct election_settings s = election_settings_default();
    s.lease_duration_ns = number(o, SETTING_LEASE_DURATION);
    s.renew_deadline_ns = number(o, SETTING_RENEW_DEADLINE);
    s.renew_interval_ns = number(o, SETTING_RENEW_INTERVAL);
    s.retry_period_ns = number(o, SETTING_RETRY_PERIOD);
    s.stop_timeout_ns = number(o, SETTING_STOP_TIMEOUT);
    s.kill_margin_ns = number(o, SETTING_KILL_MARGIN);
    s.foreign_lease_ns = number(o, SETTING_FOREIGN_LEASE);
    s.jitter_percent = (int32_t)number(o, SETTING_JITTER);
    s.rate_error_ppm = (int32_t)number(o, SETTING_CLOCK_RATE_ERROR);
    s.retry_on_error_ns = number(o, SETTING_RETRY_ON_ERROR_INTERVAL);
    s.judged_lease_ns = judged_lease_ns(o, dialect, s.lease_duration_ns);
    s.stamp_unit_us = dialect->stamp_unit_us;
    s.shared_object = dialect->shared;
    s.only_marks_release = dialect->shared;
    election_settings_complete(&s);
    struct election_settings_problem problem;
    if (election_settings_check(&s, &problem) < 0) {
        explain(&s, &problem, sentence);
        return LEASEHOLD_ERR_SETTINGS;
    }
    *ret = s;
    return 0;
}
