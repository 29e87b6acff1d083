/* Three candidates in threads of their own against a server that fails in every way it knows, for ten seconds: never two lead at
 * once, and when the server is well again somebody does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

enum { CANDIDATES = 3, SECONDS = 10 };

static const char *const faults[] = {
    "{\"action\": \"drop_answer\", \"verb\": \"update\", \"count\": 2}",
    "{\"action\": \"apply_late\", \"verb\": \"update\", \"ms\": 900, \"count\": 2}",
    "{\"action\": \"reset\", \"count\": 4}",
    "{\"action\": \"refuse\", \"code\": 500, \"count\": 4}",
    "{\"action\": \"refuse\", \"code\": 429, \"retry_after_s\": 1, \"count\": 2}",
    "{\"action\": \"delay\", \"ms\": 700, \"count\": 4}",
    "{\"action\": \"delay_answer\", \"ms\": 700, \"count\": 4}",
    "{\"action\": \"hang\", \"count\": 3}",
    "{\"action\": \"compact\"}",
    "{\"action\": \"repeat_watch\", \"events\": 5}",
    "{\"action\": \"step_back\", \"events\": 5}",
    "{\"action\": \"mute_watch\"}",
    "{\"action\": \"restart\"}",
    "{\"action\": \"freeze\", \"ms\": 600}",
};

struct candidate {
    leasehold_service *s;
    leasehold_group *g;
};

/* True when two lead in the same moment: the first one still leads after the second one was seen to. */
static bool overlap(struct candidate *c)
{
    for (int i = 0; i < CANDIDATES; i++) {
        for (int j = 0; j < CANDIDATES; j++) {
            if (i != j && leasehold_group_is_leading(c[i].g) && leasehold_group_is_leading(c[j].g) && leasehold_group_is_leading(c[i].g))
                return true;
        }
    }
    return false;
}

static int leader(struct candidate *c)
{
    for (int i = 0; i < CANDIDATES; i++)
        if (leasehold_group_is_leading(c[i].g))
            return i;
    return -1;
}

static void never_two_and_at_last_one(void **state)
{
    (void)state;
    struct world *w = world_open();
    struct candidate c[CANDIDATES];
    unsigned seed = (unsigned)time(NULL);
    for (int i = 0; i < CANDIDATES; i++) {
        char identity[8];
        snprintf(identity, sizeof identity, "c%d", i);
        leasehold_options *o = world_options(w, identity);
        leasehold_options_set(o, "confirm-stop", "no");
        assert_int_equal(leasehold_service_open(&c[i].s, o), 0);
        leasehold_options_unref(o);
        assert_int_equal(leasehold_group_open(&c[i].g, c[i].s, "g", LEASEHOLD_CANDIDATE, NULL), 0);
        assert_int_equal(leasehold_service_start_thread(c[i].s), 0);
    }
    uint64_t begin_ns = world_boot_ns(), next_ns = begin_ns + 500000000;
    unsigned led = 0, samples = 0;
    while (world_boot_ns() - begin_ns < SECONDS * UINT64_C(1000000000)) {
        if (overlap(c))
            fail_msg("two lead at once (seed %u)", seed);
        led += leader(c) >= 0;
        samples++;
        if (world_boot_ns() >= next_ns) {
            seed = seed * 1103515245 + 12345;
            world_fault(w, faults[seed / 65536 % (sizeof faults / sizeof *faults)]);
            if (seed / 1024 % 8 == 0 && leader(c) >= 0)
                leasehold_group_resign(c[leader(c)].g, 0);
            next_ns += 300000000;
        }
        usleep(200);
    }
    world_well(w);
    uint64_t end_ns = world_boot_ns() + 10 * UINT64_C(1000000000);
    while (leader(c) < 0 && world_boot_ns() < end_ns) {
        assert_false(overlap(c));
        usleep(1000);
    }
    if (leader(c) < 0)
        fail_msg("nobody leads within 10 s of a healthy server (seed %u)", seed);
    /* Frozen answers and late writes do not take it away again. */
    assert_true(led > samples / 10);
    for (int i = 0; i < CANDIDATES; i++) {
        leasehold_service_unref(c[i].s);
        leasehold_group_unref(c[i].g);
    }
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(never_two_and_at_last_one) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
