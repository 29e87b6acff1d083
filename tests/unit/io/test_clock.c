/* Readings move forward, and two clocks' ends become one time to wake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "io/clock.h"

static void readings_never_go_back(void **state)
{
    (void)state;
    leasehold_time before = clock_now();
    for (int i = 0; i < 1000; i++) {
        leasehold_time now = clock_now();
        assert_true(now.boot_ns >= before.boot_ns && now.raw_ns >= before.raw_ns);
        before = now;
    }
    assert_true(before.wall_ns > INT64_C(1600000000) * 1000000000);
}

static void any_is_the_earlier_and_all_the_later_end(void **state)
{
    (void)state;
    leasehold_time now = { 1000, 400, 0 };
    leasehold_time end = { 1500, 800, 0 }; /* 500 left by one clock, 400 by the other */
    assert_int_equal(clock_wake_by_any(now, end), 1400);
    assert_int_equal(clock_wake_by_all(now, end), 1500);
    end.raw_ns = 1000; /* 600 left */
    assert_int_equal(clock_wake_by_any(now, end), 1500);
    assert_int_equal(clock_wake_by_all(now, end), 1600);
}

static void never_and_hostile_ends_do_not_wrap(void **state)
{
    (void)state;
    leasehold_time now = { INT64_C(1) << 62, 5, 0 };
    leasehold_time never = { LEASEHOLD_NEVER, LEASEHOLD_NEVER, 0 };
    assert_int_equal(clock_wake_by_any(now, never), LEASEHOLD_NEVER);
    assert_int_equal(clock_wake_by_all(now, never), LEASEHOLD_NEVER);
    leasehold_time far = { LEASEHOLD_NEVER - 1, LEASEHOLD_NEVER - 1, 0 };
    assert_true(clock_wake_by_all(now, far) >= far.boot_ns);
    leasehold_time past = { INT64_MIN, INT64_MIN, 0 };
    assert_true(clock_wake_by_any(now, past) <= now.boot_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readings_never_go_back),
        cmocka_unit_test(any_is_the_earlier_and_all_the_later_end),
        cmocka_unit_test(never_and_hostile_ends_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
