/* Clocks with rates, sleep and a wall clock that obeys nobody; draws and the heap of what will happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/clocks.h"
#include "sim/heap.h"
#include "sim/prng.h"

#define SECOND INT64_C(1000000000)

static void a_fast_clock_gains_its_rate(void **state)
{
    (void)state;
    struct clocks c = { .boot_base = 5 * SECOND, .boot_ppm = 10000, .raw_ppm = -10000 };
    leasehold_time t = clocks_read(&c, 100 * SECOND);
    assert_int_equal(t.boot_ns, 106 * SECOND);
    assert_int_equal(t.raw_ns, 99 * SECOND);
}

static void a_deadline_is_met_at_the_first_instant(void **state)
{
    (void)state;
    struct prng random = { .state = 3 };
    for (int i = 0; i < 20000; i++) {
        struct clocks c = { .since = prng_range(&random, 0, 1000 * SECOND),
                            .boot_base = prng_span(&random, 1, 1000000 * SECOND),
                            .boot_ppm = (int32_t)prng_range(&random, -10000, 10000) };
        int64_t from = c.since + prng_span(&random, 1, 100 * SECOND);
        int64_t deadline = clocks_read(&c, from).boot_ns + prng_span(&random, 1, 100 * SECOND);
        int64_t at = clocks_when_boot(&c, from, deadline);
        assert_true(clocks_read(&c, at).boot_ns >= deadline);
        assert_true(clocks_read(&c, at - 1).boot_ns < deadline);
    }
    struct clocks c = { .boot_base = 10 };
    assert_int_equal(clocks_when_boot(&c, 7, 3), 7);
    assert_int_equal(clocks_when_boot(&c, 7, LEASEHOLD_NEVER), LEASEHOLD_NEVER);
}

static void raw_stands_still_asleep_and_boottime_does_not(void **state)
{
    (void)state;
    struct clocks c = { .boot_base = SECOND };
    clocks_change(&c, 10 * SECOND, 0, 0, true);
    clocks_change(&c, 70 * SECOND, 0, 0, false);
    leasehold_time t = clocks_read(&c, 71 * SECOND);
    assert_int_equal(t.boot_ns, 72 * SECOND);
    assert_int_equal(t.raw_ns, 11 * SECOND);
}

static void a_change_of_rate_keeps_the_reading(void **state)
{
    (void)state;
    struct clocks c = { .boot_ppm = 10000 };
    leasehold_time before = clocks_read(&c, 12345678901);
    clocks_change(&c, 12345678901, -10000, 0, false);
    assert_int_equal(clocks_read(&c, 12345678901).boot_ns, before.boot_ns);
    assert_int_equal(clocks_read(&c, 12345678901).raw_ns, before.raw_ns);
}

static void the_heap_gives_the_earliest_and_of_one_instant_the_first(void **state)
{
    (void)state;
    static struct heap heap;
    struct prng random = { .state = 9 };
    for (int i = 0; i < 5000; i++)
        heap_push(&heap, &(struct heap_item){ .at = prng_range(&random, 0, 200) });
    struct heap_item last = { .at = -1 }, item;
    for (int i = 0; i < 5000; i++) {
        assert_true(heap_pop(&heap, &item));
        assert_true(item.at > last.at || (item.at == last.at && item.order > last.order));
        last = item;
    }
    assert_false(heap_pop(&heap, &item));
}

static void draws_stay_within_their_bounds(void **state)
{
    (void)state;
    struct prng random = { .state = 1 };
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 100000; i++) {
        int64_t span = prng_span(&random, 1000, 60 * SECOND);
        least = span < least ? span : least;
        most = span > most ? span : most;
        assert_in_range(prng_index(&random, 5), 0, 4);
    }
    assert_true(least >= 1000 && least < 3000 && most <= 60 * SECOND && most > 30 * SECOND);
    assert_int_equal(prng_range(&random, 4, 4), 4);
    assert_false(prng_chance(&random, 0));
    assert_true(prng_chance(&random, 1000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fast_clock_gains_its_rate),
        cmocka_unit_test(a_deadline_is_met_at_the_first_instant),
        cmocka_unit_test(raw_stands_still_asleep_and_boottime_does_not),
        cmocka_unit_test(a_change_of_rate_keeps_the_reading),
        cmocka_unit_test(the_heap_gives_the_earliest_and_of_one_instant_the_first),
        cmocka_unit_test(draws_stay_within_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
