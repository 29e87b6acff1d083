/* What is counted as what: requests and answers played by hand, on a clock moved by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

static struct leasehold_statistics figures(const leasehold_group *g)
{
    struct leasehold_statistics s = { .size = sizeof s };
    assert_int_equal(leasehold_group_statistics(g, &s), 1);
    return s;
}

static struct call *renewal(struct script *w)
{
    script_advance(w, 7000);
    return script_take(w, "PUT", "/g");
}

static void renewals_are_counted_with_latency_and_slack(void **state)
{
    (void)state;
    struct script *w = script_open_with((const char *const[]){ "statistics", "yes", "renew-interval", "7s", NULL });
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    struct leasehold_statistics s = figures(g);
    assert_int_equal(s.terms, 1);
    assert_int_equal(s.writes, 1);
    assert_int_equal(s.renewals, 0);
    assert_int_equal(s.least_slack_ns, UINT64_MAX);

    struct call *put = renewal(w);
    script_advance(w, 40);
    script_answer(w, put, 200, script_stored(put, 11));
    s = figures(g);
    assert_int_equal(s.renewals, 1);
    assert_int_equal(s.writes, 2);
    assert_int_equal(s.latency_sum_ns, 40000000);
    assert_int_equal(s.latency[5], 1); /* above 25 ms, up to 50 ms */
    assert_int_equal(s.slack_ns, INT64_C(10000000000) - 7040000000);
    assert_int_equal(s.least_slack_ns, s.slack_ns);
    leasehold_group_unref(g);
    script_close(w);
}

static void conflicts_failed_reads_and_losses_are_counted(void **state)
{
    (void)state;
    struct script *w = script_open_with((const char *const[]){ "statistics", "yes", "renew-interval", "7s", NULL });
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    script_answer(w, renewal(w), 409, script_status(409, "Conflict", "no"));
    struct leasehold_statistics s = figures(g);
    assert_int_equal(s.conflicts, 1);
    assert_int_equal(s.refused_writes, 0);
    assert_int_equal(s.renewals, 0);
    script_answer(w, script_take(w, "GET", "/g"), 500, script_status(500, "InternalError", "no"));
    assert_int_equal(figures(g).failed_reads, 1);
    script_advance(w, 5000);
    s = figures(g);
    assert_int_equal(s.losses, 0); /* told when the work has stopped */
    leasehold_group_work_stopped(g, 1);
    script_turn(w);
    assert_int_equal(figures(g).losses, 1);
    leasehold_group_unref(g);
    script_close(w);
}

static void a_write_without_an_answer_is_unknown(void **state)
{
    (void)state;
    struct script *w = script_open_with((const char *const[]){ "statistics", "yes", "renew-interval", "7s", NULL });
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    script_fail(w, renewal(w), TRANSPORT_TIMED_OUT, "late");
    assert_int_equal(figures(g).unknown_writes, 1);
    assert_int_equal(figures(g).conflicts, 0);
    leasehold_group_unref(g);
    script_close(w);
}

static void nothing_is_counted_unless_asked_for(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    struct leasehold_statistics s = { .size = sizeof s, .terms = 7 };
    assert_int_equal(leasehold_group_statistics(g, &s), 0);
    assert_int_equal(s.terms, 0);
    assert_int_equal(leasehold_group_statistics(NULL, &s), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_group_statistics(g, NULL), LEASEHOLD_ERR_ARGUMENT);
    /* A program that knows fewer fields than the library. */
    struct leasehold_statistics older = { .size = 2 * sizeof(uint64_t), .losses = 9 };
    assert_int_equal(leasehold_group_statistics(g, &older), 0);
    assert_int_equal(older.losses, 9);
    leasehold_group_unref(g);
    script_close(w);
}

static void bounds_grow(void **state)
{
    (void)state;
    for (size_t i = 1; i <= LEASEHOLD_LATENCY_BUCKETS; i++)
        assert_true(leasehold_latency_bound_ns(i) > leasehold_latency_bound_ns(i - 1));
    assert_int_equal(leasehold_latency_bound_ns(LEASEHOLD_LATENCY_BUCKETS), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renewals_are_counted_with_latency_and_slack),
        cmocka_unit_test(conflicts_failed_reads_and_losses_are_counted),
        cmocka_unit_test(a_write_without_an_answer_is_unknown),
        cmocka_unit_test(nothing_is_counted_unless_asked_for),
        cmocka_unit_test(bounds_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
