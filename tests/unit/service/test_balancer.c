/* A service that balances its groups, over a transport that the test plays: who may write, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

#define COLLECTION "/apis/coordination.k8s.io/v1/namespaces/default/leases"

static const char *absent(const char *name)
{
    static char text[512];
    snprintf(text, sizeof text,
             "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"NotFound\",\"code\":404,\"message\":\"none\","
             "\"details\":{\"name\":\"%s\",\"group\":\"coordination.k8s.io\",\"kind\":\"leases\"}}",
             name);
    return text;
}

/* The first look at a group: there is no such lock. */
static void nothing_there(struct script *w, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/leases/%s", name);
    struct call *get = script_take(w, "GET", path);
    char part[64];
    snprintf(part, sizeof part, "metadata.name%%3D%s", name);
    script_stream_open(w, script_take_watch(w, part));
    script_answer(w, get, 404, absent(name));
}

static struct call *next_post(struct script *w)
{
    script_turn(w);
    return script_take(w, "POST", COLLECTION);
}

static leasehold_group *group_of(const struct call *post, leasehold_group *const groups[2])
{
    return strstr(post->body, "\"name\":\"g\"") ? groups[0] : groups[1];
}

static void only_one_is_tried_and_led_at_a_time(void **state)
{
    (void)state;
    struct script *w = script_open_with((const char *const[]){ "balance", "one", NULL });
    leasehold_group *groups[2] = { script_group(w, "g", LEASEHOLD_CANDIDATE), script_group(w, "h", LEASEHOLD_CANDIDATE) };
    nothing_there(w, "g");
    nothing_there(w, "h");
    struct call *post = next_post(w);
    script_turn(w);
    script_nothing(w); /* one write is under way: the other group waits */
    leasehold_group *first = group_of(post, groups), *other = first == groups[0] ? groups[1] : groups[0];
    script_answer(w, post, 201, script_stored(post, 10));
    script_turn(w);
    assert_true(leasehold_group_is_leading(first));
    script_nothing(w);

    /* Given up for good: it is released first, then the other one is tried. */
    assert_int_equal(leasehold_group_resign(first, LEASEHOLD_FOREVER), 0);
    script_turn(w);
    script_nothing(w);
    assert_int_equal(leasehold_group_work_stopped(first, 1), 0);
    script_turn(w);
    struct call *put = script_take(w, "PUT", leasehold_group_name(first));
    script_turn(w);
    script_nothing(w);
    script_answer(w, put, 200, script_stored(put, 11));
    post = next_post(w);
    assert_ptr_equal(group_of(post, groups), other);
    script_answer(w, post, 201, script_stored(post, 12));
    script_turn(w);
    assert_true(leasehold_group_is_leading(other));
    assert_false(leasehold_group_is_leading(first));
    leasehold_group_unref(groups[0]);
    leasehold_group_unref(groups[1]);
    script_close(w);
}

static void the_balance_outlives_its_first_group(void **state)
{
    (void)state;
    struct script *w = script_open_with((const char *const[]){ "balance", "one", NULL });
    leasehold_group *groups[2] = { script_group(w, "g", LEASEHOLD_CANDIDATE), script_group(w, "h", LEASEHOLD_CANDIDATE) };
    const leasehold_event *e = NULL;
    nothing_there(w, "g");
    nothing_there(w, "h");
    struct call *post = next_post(w);
    leasehold_group *first = group_of(post, groups);
    script_answer(w, post, 201, script_stored(post, 10));
    script_turn(w);
    if (first == groups[0]) {
        leasehold_group_close(first);
        leasehold_group_work_stopped(first, 1);
        script_turn(w);
        struct call *put = script_take(w, "PUT", "/g");
        script_answer(w, put, 200, script_stored(put, 11));
    }
    leasehold_group_close(groups[0]);
    groups[0] = leasehold_group_unref(groups[0]);
    script_turn(w);
    while (leasehold_service_next_event(w->s, &e) == 1)
        ; /* with its last event the group is gone */
    script_advance(w, 6000);
    if (first != groups[1])
        next_post(w);
    leasehold_group_unref(groups[1]);
    script_close(w);
}

static void without_balance_all_are_tried(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *groups[2] = { script_group(w, "g", LEASEHOLD_CANDIDATE), script_group(w, "h", LEASEHOLD_CANDIDATE) };
    nothing_there(w, "g");
    nothing_there(w, "h");
    next_post(w);
    next_post(w);
    leasehold_group_unref(groups[0]);
    leasehold_group_unref(groups[1]);
    script_close(w);
}

static void sharing_evenly_wants_a_selector(void **state)
{
    (void)state;
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_options_set(o, "balance", "even"), 0);
    assert_int_equal(leasehold_options_check(o), LEASEHOLD_ERR_SETTINGS);
    assert_non_null(strstr(leasehold_options_error(o), "selector is empty"));
    assert_int_equal(leasehold_options_set(o, "selector", "app=x"), 0);
    assert_int_equal(leasehold_options_check(o), 0);
    assert_int_equal(leasehold_options_set(o, "balance", "odd"), LEASEHOLD_ERR_OPTION);
    leasehold_options_unref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_one_is_tried_and_led_at_a_time),
        cmocka_unit_test(the_balance_outlives_its_first_group),
        cmocka_unit_test(without_balance_all_are_tried),
        cmocka_unit_test(sharing_evenly_wants_a_selector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
