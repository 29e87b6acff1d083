/* The scenarios that Camel tests for its lease-based lock, on the virtual clock with its settings (lease 5 s, renew 3 s, retry 1 s,
 * jitter 1.2), in both dialects: what is "in time" there is an instant here. Checkers watch all the while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/fleet.h"

#define LEASE (5 * FLEET_S)
#define DEADLINE (3 * FLEET_S)
#define RETRY (1 * FLEET_S)
/* Of a round trip in this world, and a few of them; clocks are good here, so rho is only what candidates assume. */
#define TRIPS (20 * FLEET_MS)

/* What was told of a group. */
struct story {
    int starts, stops;
    int leader; /* who started last */
    int64_t started_at, stopped_at;
    int64_t renewed_at, decided_at; /* of the last write that was applied */
    int renewed_by;
};

struct test {
    struct fleet *f;
    struct story group[FLEET_GROUPS_MAX];
};

static void hear(struct fleet *f, int group, const struct fact *fact)
{
    struct test *t = f->user;
    if (group < 0 || fact->who == SIM_NOBODY)
        return;
    struct story *s = &t->group[group];
    int who = f->group[group].process[fact->who];
    if (fact->kind == FACT_STARTED) {
        s->starts++;
        s->leader = who;
        s->started_at = fact->at;
    } else if (fact->kind == FACT_STOP) {
        s->stops++;
        s->stopped_at = fact->at;
    } else if (fact->kind == FACT_APPLIED) {
        s->renewed_at = fact->at;
        s->renewed_by = who;
        s->decided_at = fact->sent;
    }
}

static void begin(struct test *t, bool configmap, int groups)
{
    struct fleet_settings settings = { .configmap = configmap,
                                       .groups = groups,
                                       .lease_ns = LEASE,
                                       .deadline_ns = DEADLINE,
                                       .retry_ns = RETRY,
                                       .skew_ns = FLEET_S / 2,
                                       .foreign_ns = 8 * FLEET_S };
    memset(t->group, 0, sizeof t->group);
    t->f->told = hear;
    t->f->user = t;
    fleet_begin(t->f, 7, &settings, 3);
}

static void play(struct test *t, int64_t at)
{
    if (fleet_play(t->f, at) < 0)
        fail_msg("%s", t->f->sentence);
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

/* Every process says that this one leads. */
static void assert_agreed(struct test *t, int group, int who)
{
    char name[LEASEHOLD_IDENTITY_MAX + 1];
    assert_int_equal(fleet_leader(t->f, group), who);
    for (int i = 0; i < t->f->process_count; i++) {
        struct fleet_stand *s = &t->f->process[i].stand[group];
        if (!t->f->process[i].alive || !s->handle)
            continue;
        assert_true(leasehold_group_leader(s->handle, name, sizeof name) > 0);
        assert_string_equal(name, t->f->process[who].name);
        assert_int_equal(leasehold_group_is_leading(s->handle), i == who);
    }
}

static void start_three(struct test *t)
{
    fleet_start(t->f, 0, "a", 1);
    fleet_start(t->f, 1, "b", 1);
    fleet_start(t->f, 2, "c", 1);
}

/* ---- 1 ---------------------------------------------------------------------------------------------------------------- */

static void several_start_together(struct test *t, bool configmap, const char *object)
{
    begin(t, configmap, 1);
    if (object) {
        json_t *planted = json_loads(object, 0, NULL);
        assert_non_null(planted);
        fleet_plant(t->f, planted);
        json_decref(planted);
    }
    start_three(t);
    /* Nobody is known, so nobody is waited for: conflicts are over within two rounds of retry. */
    play(t, 2 * RETRY);
    assert_int_equal(t->group[0].starts, 1);
    assert_agreed(t, 0, t->group[0].leader);
    play(t, 10 * FLEET_S);
    assert_int_equal(t->group[0].starts, 1);
    assert_int_equal(t->group[0].stops, 0);
    assert_agreed(t, 0, t->group[0].leader);
    fleet_end(t->f);
}

static void one_of_three_leads_whatever_is_there(void **state)
{
#define HEAD "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"leaders\",\"namespace\":\"default\"}"
    static const char *const objects[] = {
        NULL,
        HEAD "}",
        HEAD ",\"data\":null}",
        HEAD ",\"data\":{}}",
        HEAD ",\"data\":{\"colour\":\"blue\"}}",
        HEAD ",\"data\":{\"leader.pod.other\":\"x\",\"leader.timestamp.other\":\"2026-05-28T20:26:39Z\"}}",
    };
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        several_start_together(*state, true, objects[i]);
    several_start_together(*state, false, NULL);
}

/* ---- 2 and 3 ----------------------------------------------------------------------------------------------------------- */

/* The end of the leader's stretch and the beginning of the next, both as the settings say. */
static void assert_failover(struct test *t, int first, int64_t from, const struct story *before)
{
    const struct story *s = &t->group[0];
    assert_int_equal(s->starts, 2);
    assert_int_equal(s->stops, 1);
    assert_int_not_equal(s->leader, first);
    /* By its own deadline, from the send of its last renewal, to the instant. */
    assert_true(s->stopped_at >= from);
    assert_true(s->stopped_at >= before->decided_at + DEADLINE);
    assert_true(s->stopped_at <= before->decided_at + DEADLINE + FLEET_MS);
    /* Never earlier than the rest of the lease after it gave up, */
    assert_true(s->started_at >= s->stopped_at + LEASE - DEADLINE);
    assert_true(s->started_at >= before->renewed_at + LEASE);
    /* nor later than a lease and a jittered retry after the last renewal was seen. */
    assert_true(s->started_at <= before->renewed_at + LEASE + RETRY * 6 / 5 + TRIPS);
    assert_true(s->started_at <= s->stopped_at + 7 * FLEET_S);
}

static int settle_leader(struct test *t, bool configmap)
{
    begin(t, configmap, 1);
    start_three(t);
    play(t, 10 * FLEET_S);
    assert_int_equal(t->group[0].starts, 1);
    return t->group[0].leader;
}

static void refused(struct test *t, bool configmap)
{
    int first = settle_leader(t, configmap);
    struct story before = t->group[0];
    fleet_cut(t->f, t->f->process[first].node, true, false, true, 60 * FLEET_S);
    play(t, 25 * FLEET_S);
    assert_failover(t, first, 10 * FLEET_S, &before);
    fleet_end(t->f);
}

static void a_leader_that_is_refused_gives_up_by_its_deadline(void **state)
{
    refused(*state, true);
    refused(*state, false);
}

static void slow(struct test *t, bool configmap)
{
    int first = settle_leader(t, configmap);
    struct story before = t->group[0];
    t->f->node[t->f->process[first].node].serve_delay_ns = 10 * FLEET_S;
    play(t, 25 * FLEET_S);
    assert_failover(t, first, 10 * FLEET_S, &before);
    fleet_end(t->f);
}

static void a_leader_whose_requests_take_10_s_gives_up_in_time(void **state)
{
    slow(*state, true);
    slow(*state, false);
}

/* ---- 4 ---------------------------------------------------------------------------------------------------------------- */

static void flapping(struct test *t, bool configmap)
{
    int first = settle_leader(t, configmap);
    for (int i = 0; i < 3; i++) {
        fleet_cut(t->f, t->f->process[first].node, true, false, true, FLEET_S);
        play(t, t->f->now + 3 * FLEET_S);
        assert_agreed(t, 0, first);
    }
    play(t, 30 * FLEET_S);
    assert_int_equal(t->group[0].starts, 1);
    assert_int_equal(t->group[0].stops, 0);
    assert_agreed(t, 0, first);
    fleet_end(t->f);
}

static void a_leader_refused_now_and_then_stays(void **state)
{
    flapping(*state, true);
    flapping(*state, false);
}

/* ---- 5 ---------------------------------------------------------------------------------------------------------------- */

static void two_groups(struct test *t, bool configmap)
{
    begin(t, configmap, 2);
    int a = fleet_start(t->f, 0, "a", 1), b = fleet_start(t->f, 1, "b", 2);
    play(t, FLEET_S);
    int c = fleet_start(t->f, 2, "c", 3);
    /* Somebody writes ten times a second, so that renewals conflict. */
    for (int i = 0; i < 300; i++) {
        fleet_neighbour(t->f, i);
        play(t, t->f->now + 100 * FLEET_MS);
    }
    assert_int_equal(t->group[0].stops + t->group[1].stops, 0);
    assert_agreed(t, 0, a);
    assert_agreed(t, 1, b);
    struct story before = t->group[0];
    fleet_crash(t->f, a, true);
    play(t, t->f->now + 10 * FLEET_S);
    assert_agreed(t, 0, c);
    assert_agreed(t, 1, b);
    assert_int_equal(t->group[1].starts, 1);
    assert_true(t->group[0].started_at >= before.renewed_at + LEASE);
    assert_true(t->group[0].started_at <= before.renewed_at + LEASE + RETRY * 6 / 5 + TRIPS);
    fleet_end(t->f);
}

static void groups_of_one_object_are_independent(void **state)
{
    two_groups(*state, true);
    two_groups(*state, false);
}

/* ---- 6 ---------------------------------------------------------------------------------------------------------------- */

static void change_pod(struct test *t, enum store_verb verb, const char *name, const char *app, const char *ready)
{
    json_t *pod = json_pack("{s:s, s:s, s:{s:s, s:{s:s}}, s:{s:s, s:[{s:s, s:s}]}}", "apiVersion", "v1", "kind", "Pod", "metadata", "name",
                            name, "labels", "app", app, "status", "phase", "Running", "conditions", "type", "Ready", "status", ready);
    struct store_request request = { .verb = verb, .resource = STORE_PODS, .namespace_ = "default", .body = pod };
    struct store_answer answer;
    assert_non_null(pod);
    if (verb != STORE_CREATE)
        request.name = name;
    request.status = verb == STORE_UPDATE;
    if (verb == STORE_DELETE)
        request.body = NULL;
    store_handle(t->f->store, &request, t->f->now / 1000, &answer);
    assert_in_range(answer.code, 200, 202);
    store_answer_clear(&answer);
    json_decref(pod);
    fleet_wake_watches(t->f);
    if (verb == STORE_CREATE) /* a new Pod has no status until the kubelet writes it */
        change_pod(t, STORE_UPDATE, name, app, ready);
}

/* "name:ready ..." of the members as known, a round trip after the last change. */
static void assert_members(struct test *t, leasehold_roster *roster, const char *expected)
{
    leasehold_members *members;
    char text[256] = "";
    play(t, t->f->now + TRIPS);
    assert_int_equal(leasehold_roster_members(roster, &members), 1);
    for (size_t i = 0; i < leasehold_members_count(members); i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s:%d", i ? " " : "", leasehold_members_name(members, i),
                 leasehold_members_ready(members, i));
    }
    leasehold_members_unref(members);
    assert_string_equal(text, expected);
}

static void members(struct test *t, bool configmap)
{
    begin(t, configmap, 1);
    change_pod(t, STORE_CREATE, "one", "orders", "True");
    change_pod(t, STORE_CREATE, "stranger", "bills", "True");
    int who = fleet_start(t->f, 0, "one", 1);
    leasehold_options *o = leasehold_options_new();
    leasehold_roster *roster = NULL;
    assert_int_equal(leasehold_options_set(o, "selector", "app=orders"), 0);
    assert_int_equal(leasehold_roster_open(&roster, t->f->process[who].service, o), 0);
    leasehold_options_unref(o);
    assert_members(t, roster, "one:1");
    play(t, 5 * FLEET_S);
    change_pod(t, STORE_CREATE, "two", "orders", "False");
    assert_members(t, roster, "one:1 two:0");
    change_pod(t, STORE_UPDATE, "two", "orders", "True");
    assert_members(t, roster, "one:1 two:1");
    change_pod(t, STORE_DELETE, "two", "orders", "True");
    assert_members(t, roster, "one:1");
    /* Deleted and created again under one name, as a StatefulSet does: there at once. */
    change_pod(t, STORE_CREATE, "two", "orders", "True");
    assert_members(t, roster, "one:1 two:1");
    change_pod(t, STORE_CREATE, "three", "bills", "True");
    assert_members(t, roster, "one:1 two:1");
    assert_agreed(t, 0, who);
    leasehold_roster_unref(roster);
    fleet_end(t->f);
}

static void the_member_list_follows_the_selector(void **state)
{
    members(*state, true);
    members(*state, false);
}

/* ---- with Camel's own elector ------------------------------------------------------------------------------------------ */

static void ours_and_camels_take_over_from_each_other(void **state)
{
    struct test *t = *state;
    struct fleet_settings settings = { .configmap = true,
                                       .camel = true,
                                       .groups = 1,
                                       .lease_ns = LEASE,
                                       .deadline_ns = DEADLINE,
                                       .retry_ns = RETRY,
                                       .skew_ns = FLEET_S / 2,
                                       .foreign_ns = 8 * FLEET_S };
    memset(t->group, 0, sizeof t->group);
    t->f->told = hear;
    t->f->user = t;
    fleet_begin(t->f, 11, &settings, 3);
    int ours = fleet_start(t->f, 0, "ours", 1);
    play(t, FLEET_S);
    int camel = fleet_start_camel(t->f, 1, "camel", 1);
    play(t, 10 * FLEET_S);
    assert_int_equal(fleet_leader(t->f, 0), ours);
    struct story before = t->group[0];
    fleet_crash(t->f, ours, false); /* its work lives on until the kernel's timer */
    play(t, 20 * FLEET_S);
    assert_int_equal(t->group[0].leader, camel);
    /* Our stamp is rounded up: never earlier than a lease after it was decided on. */
    assert_true(t->group[0].started_at >= before.decided_at + LEASE);
    assert_true(t->group[0].started_at <= before.decided_at + LEASE + FLEET_S + RETRY * 6 / 5 + TRIPS);
    int other = fleet_start(t->f, 2, "other", 1);
    play(t, 30 * FLEET_S);
    assert_int_equal(fleet_leader(t->f, 0), camel);
    before = t->group[0];
    fleet_crash(t->f, camel, true);
    play(t, 50 * FLEET_S);
    /* A record of Camel's says no duration: the foreign lease is waited. */
    assert_int_equal(t->group[0].leader, other);
    assert_true(t->group[0].started_at >= before.renewed_at + settings.foreign_ns);
    assert_true(t->group[0].started_at <= before.renewed_at + settings.foreign_ns + RETRY * 6 / 5 + TRIPS);
    assert_int_equal(t->f->group[0].judge.counts.foreign, 0);
    fleet_end(t->f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_of_three_leads_whatever_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_leader_that_is_refused_gives_up_by_its_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_leader_whose_requests_take_10_s_gives_up_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_leader_refused_now_and_then_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(groups_of_one_object_are_independent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_member_list_follows_the_selector, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ours_and_camels_take_over_from_each_other, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
