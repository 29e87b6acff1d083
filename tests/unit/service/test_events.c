/* The queue of events: bounded, and nothing that matters is lost, whoever reads late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"
#include "service/group.h"

/* Leads, and ends the term by the end of its work, n times; nobody reads events. */
static void lead_and_end(struct script *w, leasehold_group *g, int n)
{
    for (int i = 0; i < n; i++) {
        assert_int_equal(leasehold_group_work_stopped(g, g->election.term), 0);
        script_turn(w);
        for (int ms = 0; ms < 6000 && !leasehold_group_is_leading(g); ms += 100) {
            for (; w->taken < w->count; w->taken++)
                if (strcmp(w->calls[w->taken].method, "PUT") == 0)
                    script_answer(w, &w->calls[w->taken], 200, script_stored(&w->calls[w->taken], (unsigned)(20 + w->taken)));
            script_advance(w, 100);
        }
        assert_true(leasehold_group_is_leading(g));
    }
}

static void unread_terms_collapse_but_the_present_one_is_told(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    lead_and_end(w, g, 6);
    uint64_t started = 1, stopped = 0; /* term 1's start was read */
    const leasehold_event *e;
    int count = 0;
    while (leasehold_service_next_event(w->s, &e) > 0) {
        count++;
        if (leasehold_event_kind(e) == LEASEHOLD_EVENT_STOPPED_LEADING) {
            assert_int_equal(leasehold_event_term(e), started);
            stopped = started;
        }
        if (leasehold_event_kind(e) == LEASEHOLD_EVENT_STARTED_LEADING) {
            assert_int_equal(started, stopped);
            assert_true(leasehold_event_term(e) > started);
            started = leasehold_event_term(e);
        }
    }
    assert_int_equal(started, 7);
    assert_int_equal(stopped, 1);
    assert_true(count <= 7);
    leasehold_group_unref(g);
    script_turn(w);
    script_close(w);
}

static void warnings_are_bounded(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    struct call *get = script_take(w, "GET", "/g");
    script_take_watch(w, "watch=");
    for (int i = 0; i < 100; i++) {
        char body[100];
        snprintf(body, sizeof body, "trouble %d", i);
        script_answer(w, get, 500, script_status(500, "InternalError", body));
        script_advance(w, 3000);
        get = script_take(w, "GET", "/g");
        w->taken = w->count;
        if (w->count > SCRIPT_CALLS - 8)
            break;
    }
    const leasehold_event *e;
    int count = 0;
    char newest[1024] = "";
    while (leasehold_service_next_event(w->s, &e) > 0) {
        assert_int_equal(leasehold_event_kind(e), LEASEHOLD_EVENT_WARNING);
        snprintf(newest, sizeof newest, "%s", leasehold_event_text(e));
        count++;
    }
    assert_int_equal(count, EVENTS_WARNINGS_MAX);
    assert_non_null(strstr(newest, "trouble 99"));
    leasehold_group_unref(g);
    script_turn(w);
    script_close(w);
}

static void accessors_take_null_and_say_what_they_know(void **state)
{
    (void)state;
    assert_int_equal(leasehold_event_kind(NULL), 0);
    assert_string_equal(leasehold_event_name(NULL), "");
    assert_null(leasehold_event_group(NULL));
    assert_string_equal(leasehold_event_text(NULL), "");
    assert_string_equal(leasehold_event_token(NULL), "");
    assert_string_equal(leasehold_event_lock_uid(NULL), "");
    assert_string_equal(leasehold_event_holder(NULL), "");
    assert_int_equal(leasehold_event_term(NULL), 0);
    assert_false(leasehold_event_must_kill(NULL));
    assert_false(leasehold_group_is_leading(NULL));
    assert_null(leasehold_group_ref(NULL));
    assert_null(leasehold_group_unref(NULL));
    assert_int_equal(leasehold_group_close(NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_service_stop(NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_service_next_event(NULL, NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_string_equal(leasehold_strerror(0), "success");
    assert_string_equal(leasehold_strerror(LEASEHOLD_ERR_UNSUPPORTED), "this build or this server cannot do it");
    assert_string_equal(leasehold_strerror(-1000), "an error this release does not know");
    assert_string_equal(leasehold_strerror(INT32_MIN), "an error this release does not know");
    assert_string_equal(leasehold_reason_name(LEASEHOLD_REASON_LOST), "lost");
    assert_string_equal(leasehold_reason_name(99), "unknown");
    assert_int_equal(leasehold_version(), LEASEHOLD_VERSION_NUMBER);
}

static void bad_groups_are_refused(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    char error[256], name[300];
    assert_int_equal(leasehold_group_open(NULL, w->s, "No_Name", LEASEHOLD_CANDIDATE, NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_service_error(w->s, error, sizeof error), 0);
    assert_non_null(strstr(error, "group is \"No_Name\", but must be the name of a Kubernetes object"));
    assert_int_equal(leasehold_group_open(NULL, w->s, "", LEASEHOLD_CANDIDATE, NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_group_open(NULL, w->s, "../x", LEASEHOLD_CANDIDATE, NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_group_open(NULL, w->s, "g", 7, NULL), LEASEHOLD_ERR_ARGUMENT);
    memset(name, 'x', sizeof name);
    name[254] = '\0';
    assert_int_equal(leasehold_group_open(NULL, w->s, name, LEASEHOLD_CANDIDATE, NULL), LEASEHOLD_ERR_ARGUMENT);
    leasehold_options *o = leasehold_options_new();
    leasehold_options_set(o, "lease-duration", "9s");
    assert_int_equal(leasehold_group_open(NULL, w->s, "g", LEASEHOLD_CANDIDATE, o), LEASEHOLD_ERR_SETTINGS);
    leasehold_service_error(w->s, error, sizeof error);
    assert_string_equal(error, "lease-duration 9s must be longer than renew-deadline 10s");
    leasehold_options_unref(o);
    script_nothing(w);
    assert_int_equal(leasehold_service_stop(w->s), 0);
    script_turn(w);
    assert_null(leasehold_event_group(script_event(w, LEASEHOLD_EVENT_CLOSED)));
    script_close(w);
}

static void a_record_is_shown_as_far_as_the_caller_knows_it(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_OBSERVER);
    struct leasehold_record r = { .size = sizeof r };
    assert_int_equal(leasehold_group_record(g, &r), 0);
    assert_int_equal(r.state, LEASEHOLD_RECORD_UNKNOWN);
    script_answer(w, script_take(w, "GET", "/g"), 200, script_lease("b", 5, 15));
    assert_int_equal(leasehold_group_record(g, &r), 1);
    assert_int_equal(r.state, LEASEHOLD_RECORD_HELD);
    assert_string_equal(r.holder, "b");
    assert_int_equal(r.transitions, 3);
    assert_int_equal(r.resource_version, 5);
    assert_true(r.lease_duration_ns == 15000000000);
    assert_true(r.valid_until_ns == (uint64_t)w->now.boot_ns + 15000000000);
    assert_string_equal(r.token, "");
    struct leasehold_record small;
    memset(&small, 'x', sizeof small);
    small.size = offsetof(struct leasehold_record, lease_duration_ns);
    assert_int_equal(leasehold_group_record(g, &small), 1);
    assert_int_equal(small.transitions, 3);
    assert_int_equal(((char *)&small.lease_duration_ns)[0], 'x');
    small.size = 1;
    assert_int_equal(leasehold_group_record(g, &small), LEASEHOLD_ERR_ARGUMENT);
    leasehold_group_unref(g);
    script_turn(w);
    script_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unread_terms_collapse_but_the_present_one_is_told), cmocka_unit_test(warnings_are_bounded),
        cmocka_unit_test(accessors_take_null_and_say_what_they_know),        cmocka_unit_test(bad_groups_are_refused),
        cmocka_unit_test(a_record_is_shown_as_far_as_the_caller_knows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
