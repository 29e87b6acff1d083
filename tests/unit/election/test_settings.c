/* The inequalities between the settings. */
#include "fixture.h"

static struct election_settings complete(void)
{
    struct election_settings s = election_settings_default();
    election_settings_complete(&s);
    return s;
}

static void expect(const struct election_settings *s, enum election_settings_error error, const char *setting)
{
    struct election_settings_problem problem = { 0 };
    assert_int_equal(election_settings_check(s, &problem), error == ELECTION_SETTINGS_OK ? 0 : -1);
    assert_int_equal(problem.error, error);
    if (setting)
        assert_string_equal(problem.setting, setting);
}

static void defaults_are_accepted_and_completed(void **state)
{
    (void)state;
    struct election_settings s = complete();
    expect(&s, ELECTION_SETTINGS_OK, NULL);
    assert_int_equal(s.renew_interval_ns, 10 * SECOND / 3);
    assert_true(s.stop_timeout_ns == 4 * SECOND);
    assert_int_equal(election_settings_term_ns(&s), 10 * SECOND);
}

static void camel_defaults_are_accepted(void **state)
{
    (void)state;
    struct election_settings s = election_settings_default();
    s.lease_duration_ns = 20 * SECOND;
    s.renew_deadline_ns = 15 * SECOND;
    s.retry_period_ns = 6 * SECOND;
    s.stamp_unit_us = 1000000;
    s.judged_lease_ns = 20 * SECOND - SECOND / 2;
    election_settings_complete(&s);
    expect(&s, ELECTION_SETTINGS_OK, NULL);
}

#define REFUSES(change, error, setting)                                                                                                    \
    do {                                                                                                                                   \
        struct election_settings s = complete();                                                                                           \
        change;                                                                                                                            \
        expect(&s, error, setting);                                                                                                        \
    } while (0)

static void every_rule_names_its_setting(void **state)
{
    (void)state;
    REFUSES(s.lease_duration_ns = 0, ELECTION_SETTINGS_NOT_POSITIVE, "lease-duration");
    REFUSES(s.renew_deadline_ns = -1, ELECTION_SETTINGS_NOT_POSITIVE, "renew-deadline");
    REFUSES(s.retry_period_ns = 0, ELECTION_SETTINGS_NOT_POSITIVE, "retry-period");
    REFUSES(s.foreign_lease_ns = 0, ELECTION_SETTINGS_NOT_POSITIVE, "foreign-lease");
    REFUSES(s.kill_margin_ns = -1, ELECTION_SETTINGS_NOT_POSITIVE, "kill-margin");
    REFUSES(s.lease_duration_ns = 86401 * SECOND, ELECTION_SETTINGS_TOO_LONG, "lease-duration");
    REFUSES(s.lease_duration_ns = 15 * SECOND + 1, ELECTION_SETTINGS_LEASE_FRACTION, "lease-duration");
    REFUSES(s.lease_duration_ns = SECOND, ELECTION_SETTINGS_LEASE_FRACTION, "lease-duration");
    REFUSES(s.jitter_percent = 99, ELECTION_SETTINGS_JITTER, "jitter");
    REFUSES(s.lease_duration_ns = 10 * SECOND, ELECTION_SETTINGS_LEASE_OVER_DEADLINE, "lease-duration");
    REFUSES(s.retry_period_ns = 9 * SECOND, ELECTION_SETTINGS_DEADLINE_OVER_RETRY, "renew-deadline");
    REFUSES(s.renew_interval_ns = 10 * SECOND, ELECTION_SETTINGS_NO_TIME_TO_RENEW, "renew-interval");
    REFUSES(s.renew_interval_ns = 10 * SECOND - 1, ELECTION_SETTINGS_NO_TIME_TO_RENEW, "renew-interval");
    REFUSES(s.rate_error_ppm = 500000, ELECTION_SETTINGS_NOT_POSITIVE, "clock-rate-error");
    REFUSES(s.stamp_unit_us = 1000000; s.retry_period_ns = SECOND / 2, ELECTION_SETTINGS_STAMP_UNIT, "retry-period");
    REFUSES(s.stamp_unit_us = 1000000; s.renew_interval_ns = SECOND / 2, ELECTION_SETTINGS_STAMP_UNIT, "renew-interval");
}

static void no_time_to_stop_is_told_in_numbers(void **state)
{
    (void)state;
    struct election_settings s = election_settings_default();
    s.renew_deadline_ns = 14 * SECOND;
    s.stop_timeout_ns = SECOND;
    election_settings_complete(&s);
    struct election_settings_problem problem;
    assert_int_equal(election_settings_check(&s, &problem), -1);
    assert_int_equal(problem.error, ELECTION_SETTINGS_NO_TIME_TO_STOP);
    assert_seconds((double)problem.value_ns / 1e9, 14);
    assert_seconds((double)problem.bound_ns / 1e9, 15 * 0.99 / 1.01 - 0.5 - 1);
}

static void shortest_lease_works_with_a_short_deadline(void **state)
{
    (void)state;
    struct election_settings s = election_settings_default();
    s.lease_duration_ns = 2 * SECOND;
    s.renew_deadline_ns = SECOND;
    s.retry_period_ns = SECOND / 5;
    election_settings_complete(&s);
    expect(&s, ELECTION_SETTINGS_OK, NULL);
    assert_true(election_settings_kill_ns(&s) < 2 * SECOND * 99 / 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_accepted_and_completed),
        cmocka_unit_test(camel_defaults_are_accepted),
        cmocka_unit_test(every_rule_names_its_setting),
        cmocka_unit_test(no_time_to_stop_is_told_in_numbers),
        cmocka_unit_test(shortest_lease_works_with_a_short_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
