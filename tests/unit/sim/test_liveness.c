/* A leader dies, and the next one leads within a lease, a jittered retry, a lease for each write that got no answer, and round trips:
 * also where watches tell old news in a circle for ever, and where in each renewal interval one request of everybody hangs. The
 * leader that is well keeps leading all the while. Three hundred writers of one object are in tests/unit/election/test_writers.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/fleet.h"

#define LEASE (15 * FLEET_S)
#define DEADLINE (10 * FLEET_S)
#define RETRY (2 * FLEET_S)
#define JITTERED (RETRY / 10 * 12)
#define RENEW_INTERVAL (DEADLINE / 3)
#define REQUEST_LIMIT ((DEADLINE - RENEW_INTERVAL) / 3)
#define TRIPS (50 * FLEET_MS)

enum { DEATHS = 12, CANDIDATES = 3 };

struct test {
    struct fleet *f;
    int starts, stops, leader;
    int64_t started_at, renewed_at;
    int unanswered; /* writes that hung since the leader died */
    bool dead;
};

static void hear(struct fleet *f, int group, const struct fact *fact)
{
    struct test *t = f->user;
    if (group < 0 || fact->who == SIM_NOBODY)
        return;
    int who = f->group[group].process[fact->who];
    if (fact->kind == FACT_STARTED) {
        t->starts++;
        t->leader = who;
        t->started_at = fact->at;
    } else if (fact->kind == FACT_STOP) {
        t->stops++;
    } else if (fact->kind == FACT_APPLIED) {
        t->renewed_at = fact->at;
    } else if (fact->kind == FACT_SENT && fact->write != ELECTION_WRITE_NONE && t->dead && f->hang_ns > 0) {
        /* What hangs is the first request of a span; a write may be. */
        const struct fleet_process *p = &f->process[who];
        t->unanswered += p->hung_at == 0 || f->now - p->hung_at >= f->hang_ns;
    }
}

static void play(struct test *t, int64_t at)
{
    if (fleet_play(t->f, at) < 0)
        fail_msg("%s", t->f->sentence);
}

static void begin(struct test *t, uint64_t seed, bool configmap, bool replays, bool hangs)
{
    static const char *const names[CANDIDATES] = { "a", "b", "c" };
    struct fleet_settings settings = { .configmap = configmap,
                                       .groups = 1,
                                       .lease_ns = LEASE,
                                       .deadline_ns = DEADLINE,
                                       .retry_ns = RETRY,
                                       .skew_ns = FLEET_S / 2,
                                       .foreign_ns = 25 * FLEET_S };
    struct fleet *f = t->f;
    memset(t, 0, sizeof *t);
    t->f = f;
    f->told = hear;
    f->user = t;
    fleet_begin(f, seed, &settings, CANDIDATES);
    if (replays)
        fleet_replay(f, 100 * FLEET_MS);
    if (hangs)
        fleet_hang(f, RENEW_INTERVAL);
    for (int i = 0; i < CANDIDATES; i++)
        fleet_start(f, i, names[i], 1);
}

/* It dies at one of many moments of its renewals; the last renewal counts, since the others know of no other. */
static void die_and_be_followed(struct test *t, uint64_t seed, bool configmap, bool replays, bool hangs)
{
    begin(t, seed, configmap, replays, hangs);
    play(t, 60 * FLEET_S);
    assert_int_equal(t->starts, 1);
    assert_int_equal(t->stops, 0);
    play(t, 60 * FLEET_S + (int64_t)seed * RENEW_INTERVAL / DEATHS);
    int first = t->leader;
    int64_t renewed_at = t->renewed_at;
    t->dead = true;
    fleet_crash(t->f, first, true);
    play(t, t->f->now + 4 * LEASE);
    assert_int_equal(t->starts, 2);
    assert_int_equal(t->stops, 0);
    assert_int_not_equal(t->leader, first);
    int64_t bound = LEASE + LEASE / 100 + JITTERED + t->unanswered * LEASE + (hangs ? 2 * REQUEST_LIMIT : 0) + TRIPS;
    assert_in_range(t->started_at - renewed_at, LEASE - TRIPS, bound);
    fleet_end(t->f);
}

static void in_all_moments(struct test *t, bool replays, bool hangs)
{
    for (uint64_t seed = 0; seed < DEATHS; seed++) {
        die_and_be_followed(t, seed, false, replays, hangs);
        die_and_be_followed(t, seed, true, replays, hangs);
    }
}

static void the_next_leads_within_the_bound(void **state)
{
    in_all_moments(*state, false, false);
}

static void also_while_watches_tell_old_news_in_a_circle(void **state)
{
    in_all_moments(*state, true, false);
}

static void also_while_one_request_in_each_interval_hangs(void **state)
{
    in_all_moments(*state, false, true);
}

static void also_while_both_happen(void **state)
{
    in_all_moments(*state, true, true);
}

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof *t);
    t->f = calloc(1, sizeof *t->f);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    free(t->f);
    free(t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_next_leads_within_the_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(also_while_watches_tell_old_news_in_a_circle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(also_while_one_request_in_each_interval_hangs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(also_while_both_happen, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
