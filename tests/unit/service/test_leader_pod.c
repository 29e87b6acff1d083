/* The address of the leader's Pod, for observers that ask for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"
#include "service/leader_pod.h"

static struct script *w;
static leasehold_group *g;
static struct call *watch;

/* An observer that has heard of this holder. */
static void begin(const char *holder)
{
    w = script_open("leader-address", "yes");
    g = script_group(w, "g", LEASEHOLD_OBSERVER);
    struct call *get = script_take(w, "GET", "/leases/g");
    watch = script_take_watch(w, "watch=");
    script_stream_open(w, watch);
    script_answer(w, get, 200, script_lease(holder, 5, 15));
    assert_string_equal(leasehold_event_holder(script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED)), holder);
}

static void end(void)
{
    leasehold_group_unref(g);
    script_turn(w);
    script_nothing(w);
    script_close(w);
}

static const char *pod(const char *name, const char *address)
{
    static char text[500];
    snprintf(text, sizeof text,
             "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\",\"uid\":\"u\",\"resourceVersion\":\"3\"},\"status\":{"
             "\"podIP\":\"%s\"}}",
             name, address);
    return text;
}

static void tells(const char *holder, const char *address)
{
    char ret[64];
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_LEADER_ADDRESS);
    assert_string_equal(leasehold_event_holder(e), holder);
    assert_string_equal(leasehold_event_address(e), address);
    assert_int_equal(leasehold_group_leader_address(g, ret, sizeof ret), strlen(address));
    assert_string_equal(ret, address);
}

static void follow(const char *holder, unsigned version)
{
    char line[4000];
    snprintf(line, sizeof line, "{\"type\":\"MODIFIED\",\"object\":%s}", script_lease(holder, version, 15));
    script_stream(w, watch, line);
}

static void the_pod_of_the_leader_is_asked_for(void **state)
{
    (void)state;
    begin("reports-0");
    script_answer(w, script_take(w, "GET", "/api/v1/namespaces/default/pods/reports-0"), 200, pod("reports-0", "10.1.2.3"));
    tells("reports-0", "10.1.2.3");
    follow("reports-0", 6); /* a renewal is no reason */
    script_nothing(w);
    follow("reports-1_5f0a", 7);
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    char none[64];
    assert_int_equal(leasehold_group_leader_address(g, none, sizeof none), 0); /* not that of the one before */
    script_answer(w, script_take(w, "GET", "/pods/reports-1"), 200, pod("reports-1", "fd00::7"));
    tells("reports-1_5f0a", "fd00::7");
    script_no_event(w);
    end();
}

static void without_an_answer_there_is_none(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
    } cases[] = { { 403, "no" }, { 404, "{}" }, { 500, "" }, { 200, "<html>" }, { 200, NULL } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin("reports-0");
        struct call *c = script_take(w, "GET", "/pods/reports-0");
        script_answer(w, c, cases[i].status, cases[i].body ? cases[i].body : pod("another", "10.0.0.1"));
        tells("reports-0", "");
        script_no_event(w); /* no warning */
        end();
    }
    begin("reports-0");
    script_fail(w, script_take(w, "GET", "/pods/reports-0"), TRANSPORT_TIMED_OUT, "slow");
    tells("reports-0", "");
    end();
}

static void a_holder_that_is_no_pod_is_not_asked_for(void **state)
{
    (void)state;
    begin("Not A Pod/../x");
    script_nothing(w);
    tells("Not A Pod/../x", "");
    end();
}

static void the_newest_leader_counts(void **state)
{
    (void)state;
    begin("a");
    struct call *first = script_take(w, "GET", "/pods/a");
    follow("b", 6);
    assert_true(first->cancelled);
    script_answer(w, script_take(w, "GET", "/pods/b"), 200, pod("b", "10.0.0.2"));
    follow("c", 7); /* the event about b is not read yet */
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    script_no_event(w);
    script_answer(w, script_take(w, "GET", "/pods/c"), 200, pod("c", "10.0.0.3"));
    tells("c", "10.0.0.3");
    follow("d", 8);
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    struct call *last = script_take(w, "GET", "/pods/d");
    leasehold_group_unref(g);
    script_turn(w);
    assert_true(last->cancelled);
    script_close(w);
}

static void a_start_that_fails_is_no_address(void **state)
{
    (void)state;
    begin("a");
    script_answer(w, script_take(w, "GET", "/pods/a"), 200, pod("a", "10.0.0.1"));
    tells("a", "10.0.0.1");
    w->refuse_starts = 1;
    follow("b", 6);
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    tells("b", "");
    end();
}

static void who_does_not_ask_is_not_told(void **state)
{
    (void)state;
    w = script_open(NULL, NULL);
    g = script_group(w, "g", LEASEHOLD_OBSERVER);
    struct call *get = script_take(w, "GET", "/leases/g");
    script_take_watch(w, "watch=");
    script_answer(w, get, 200, script_lease("a", 5, 15));
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    script_no_event(w);
    end();
}

static void names_of_pods_in_holders(void **state)
{
    (void)state;
    static const char *const cases[][2] = { { "a", "a" },    { "a_1b", "a" }, { "a-b.c_x_y", "a-b.c" },
                                            { "", NULL },    { "_x", NULL },  { "A", NULL },
                                            { "a b", NULL }, { "a/b", NULL }, { "\001observer", NULL } };
    char name[MEMBER_NAME_MAX + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(leader_pod_name(cases[i][0], name), cases[i][1] != NULL);
        if (cases[i][1])
            assert_string_equal(name, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pod_of_the_leader_is_asked_for),
        cmocka_unit_test(without_an_answer_there_is_none),
        cmocka_unit_test(a_holder_that_is_no_pod_is_not_asked_for),
        cmocka_unit_test(the_newest_leader_counts),
        cmocka_unit_test(a_start_that_fails_is_no_address),
        cmocka_unit_test(who_does_not_ask_is_not_told),
        cmocka_unit_test(names_of_pods_in_holders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
