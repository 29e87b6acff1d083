#include "election/settings.h"

#include "election/time.h"

enum { PPM = 1000000, STOP_TIMEOUT_MAX_S = 4 };
#define REQUEST_LIMIT_LEAST_NS 10000000 /* 10 ms */
static const int64_t second_ns = 1000000000;
static const int64_t longest_ns = 86400 * INT64_C(1000000000);

struct election_settings election_settings_default(void)
{
    return (struct election_settings){
        .lease_duration_ns = 15 * second_ns,
        .renew_deadline_ns = 10 * second_ns,
        .retry_period_ns = 2 * second_ns,
        .kill_margin_ns = second_ns / 2,
        .foreign_lease_ns = 60 * second_ns,
        .stamp_unit_us = 1,
        .rate_error_ppm = PPM / 100,
        .jitter_percent = 120,
        .known_candidates = 1,
    };
}

int64_t election_settings_kill_ns(const struct election_settings *s)
{
    /* The leader's clock may run slow by rho while a candidate's runs fast by rho. Multiplying before dividing keeps the
     * nanoseconds: a day times 10^6 still fits, and longer leases are refused. */
    int64_t shrunk = s->judged_lease_ns / (PPM + s->rate_error_ppm) * (PPM - s->rate_error_ppm);
    return shrunk - s->kill_margin_ns;
}

int64_t election_settings_term_ns(const struct election_settings *s)
{
    int64_t room = election_settings_kill_ns(s) - s->stop_timeout_ns;
    return s->renew_deadline_ns < room ? s->renew_deadline_ns : room;
}

int64_t election_settings_request_limit_ns(const struct election_settings *s)
{
    return (s->renew_deadline_ns - s->renew_interval_ns) / 3;
}

void election_settings_complete(struct election_settings *s)
{
    if (s->renew_interval_ns == 0)
        s->renew_interval_ns = s->renew_deadline_ns / 3;
    if (s->retry_on_error_ns == 0)
        s->retry_on_error_ns = s->retry_period_ns;
    if (s->judged_lease_ns == 0)
        s->judged_lease_ns = s->lease_duration_ns;
    if (s->stop_timeout_ns == 0) {
        int64_t room = election_settings_kill_ns(s) - s->renew_deadline_ns;
        s->stop_timeout_ns = room < STOP_TIMEOUT_MAX_S * second_ns ? room : STOP_TIMEOUT_MAX_S * second_ns;
    }
}

static int refuse(struct election_settings_problem *ret, enum election_settings_error error, const char *setting, int64_t value,
                  int64_t bound)
{
    if (ret)
        *ret = (struct election_settings_problem){ error, setting, value, bound };
    return -1;
}

static int check_ranges(const struct election_settings *s, struct election_settings_problem *ret)
{
    const struct {
        const char *name;
        int64_t value;
        int64_t least;
    } durations[] = {
        { "lease-duration", s->lease_duration_ns, 1 },
        { "renew-deadline", s->renew_deadline_ns, 1 },
        { "renew-interval", s->renew_interval_ns, 1 },
        { "retry-period", s->retry_period_ns, 1 },
        { "foreign-lease", s->foreign_lease_ns, 1 },
        { "kill-margin", s->kill_margin_ns, 0 },
        { "stop-timeout", s->stop_timeout_ns, INT64_MIN },
        { "peer-lease", s->judged_lease_ns, 1 },
        { "retry-on-error-interval", s->retry_on_error_ns, 1 },
    };
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        if (durations[i].value < durations[i].least)
            return refuse(ret, ELECTION_SETTINGS_NOT_POSITIVE, durations[i].name, durations[i].value, durations[i].least);
        if (durations[i].value > longest_ns)
            return refuse(ret, ELECTION_SETTINGS_TOO_LONG, durations[i].name, durations[i].value, longest_ns);
    }
    if (s->jitter_percent < 100)
        return refuse(ret, ELECTION_SETTINGS_JITTER, "jitter", s->jitter_percent, 100);
    if (s->rate_error_ppm < 0 || s->rate_error_ppm >= PPM / 2)
        return refuse(ret, ELECTION_SETTINGS_NOT_POSITIVE, "clock-rate-error", s->rate_error_ppm, 0);
    return 0;
}

int election_settings_check(const struct election_settings *s, struct election_settings_problem *ret)
{
    if (check_ranges(s, ret) < 0)
        return -1;
    if (s->stamp_unit_us == 1 && (s->lease_duration_ns % second_ns || s->lease_duration_ns < 2 * second_ns))
        return refuse(ret, ELECTION_SETTINGS_LEASE_FRACTION, "lease-duration", s->lease_duration_ns, 2 * second_ns);
    if (s->lease_duration_ns <= s->renew_deadline_ns)
        return refuse(ret, ELECTION_SETTINGS_LEASE_OVER_DEADLINE, "lease-duration", s->lease_duration_ns, s->renew_deadline_ns);
    if (s->renew_deadline_ns <= s->retry_period_ns * s->jitter_percent / 100)
        return refuse(ret, ELECTION_SETTINGS_DEADLINE_OVER_RETRY, "renew-deadline", s->renew_deadline_ns,
                      s->retry_period_ns * s->jitter_percent / 100);
    if (s->stamp_unit_us > 1 && s->renew_interval_ns < s->stamp_unit_us * 1000)
        return refuse(ret, ELECTION_SETTINGS_STAMP_UNIT, "renew-interval", s->renew_interval_ns, s->stamp_unit_us * 1000);
    if (s->stamp_unit_us > 1 && s->retry_period_ns < s->stamp_unit_us * 1000)
        return refuse(ret, ELECTION_SETTINGS_STAMP_UNIT, "retry-period", s->retry_period_ns, s->stamp_unit_us * 1000);
    /* renew interval + 2 (D - renew interval)/3 < D holds exactly while the interval is below D. */
    if (s->renew_interval_ns + 2 * election_settings_request_limit_ns(s) >= s->renew_deadline_ns)
        return refuse(ret, ELECTION_SETTINGS_NO_TIME_TO_RENEW, "renew-interval", s->renew_interval_ns, s->renew_deadline_ns);
    /* A limit under which no server answers would make every request fail. */
    if (election_settings_request_limit_ns(s) < REQUEST_LIMIT_LEAST_NS)
        return refuse(ret, ELECTION_SETTINGS_NO_TIME_TO_RENEW, "renew-interval", s->renew_interval_ns,
                      s->renew_deadline_ns - 3 * (int64_t)REQUEST_LIMIT_LEAST_NS);
    int64_t room_ns = election_settings_kill_ns(s) - (s->stop_timeout_ns > 0 ? s->stop_timeout_ns : 0);
    if (s->stop_timeout_ns <= 0 || s->renew_deadline_ns > room_ns)
        return refuse(ret, ELECTION_SETTINGS_NO_TIME_TO_STOP, "renew-deadline", s->renew_deadline_ns, room_ns);
    return 0;
}
