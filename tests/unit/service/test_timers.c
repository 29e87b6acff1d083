/* The heap of timers against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/timers.h"

enum { COUNT = 200 };

static void gives_the_earliest_first(void **state)
{
    (void)state;
    static struct timer timer[COUNT];
    struct timers t = { 0 };
    unsigned seed = 1;
    assert_int_equal(timers_reserve(&t, COUNT), 0);
    assert_true(timers_next(&t) == LEASEHOLD_NEVER);
    for (int round = 0; round < 20000; round++) {
        seed = seed * 1103515245 + 12345;
        struct timer *one = &timer[seed / 65536 % COUNT];
        timers_set(&t, one, seed % 7 == 0 ? LEASEHOLD_NEVER : (int64_t)(seed / 1024 % 1000));
        int64_t least = LEASEHOLD_NEVER;
        for (int i = 0; i < COUNT; i++)
            if (timer[i].place && timer[i].at_ns < least)
                least = timer[i].at_ns;
        assert_true(timers_next(&t) == least);
        if (seed % 5 == 0 && least != LEASEHOLD_NEVER) {
            assert_null(timers_due(&t, least - 1));
            struct timer *due = timers_due(&t, least);
            assert_true(due && due->at_ns == least && due->place == 0);
        }
    }
    while (timers_due(&t, LEASEHOLD_NEVER - 1))
        ;
    timers_unreserve(&t, COUNT);
    timers_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(gives_the_earliest_first) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
