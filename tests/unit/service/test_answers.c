/* Answers that are not what was asked for: the sentence, the pause, and what is tried next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

static struct script *w;
static leasehold_group *g;
static struct call *get, *watch;

static void begin(void)
{
    w = script_open(NULL, NULL);
    g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    get = script_take(w, "GET", "/g");
    watch = script_take_watch(w, "watch=");
    script_stream_open(w, watch);
}

static void end(void)
{
    leasehold_group_unref(g);
    script_turn(w);
    script_close(w);
}

static void warns(const char *part)
{
    const char *text = leasehold_event_text(script_event(w, LEASEHOLD_EVENT_WARNING));
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* The next GET comes after this long, not before. */
static void reads_again_after(int ms)
{
    script_advance(w, ms - 1);
    script_nothing(w);
    script_advance(w, 500);
    script_take(w, "GET", "/g");
}

static void forbidden_says_which_rule_to_add(void **state)
{
    (void)state;
    begin();
    script_answer(w, get, 403, script_status(403, "Forbidden", "leases.coordination.k8s.io \"g\" is forbidden: User \"u\" cannot get"));
    warns("forbids to get leases in namespace default: add a rule to the Role: apiGroups: [\"coordination.k8s.io\"], resources: "
          "[\"leases\"], "
          "verbs: [\"get\"]");
    reads_again_after(2000);
    end();
}

static void refusals_of_a_create(void **state)
{
    (void)state;
    const struct {
        int status;
        const char *body, *part;
    } rows[] = {
        { 403, "", "forbids to create leases in namespace default" },
        { 401, "", "does not know us (401)" },
        { 422, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":\"spec is odd\",\"code\":422}", "invalid: spec is odd" },
        { 404,
          "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"reason\":\"NotFound\",\"message\":\"namespaces \\\"default\\\" not "
          "found\",\"code\":404,"
          "\"details\":{\"name\":\"default\",\"kind\":\"namespaces\"}}",
          "namespaces \"default\" not found" },
        { 429, "", "slow down" },
        { 400, "<html>no</html>", "as no Kubernetes API server does" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        script_answer(w, get, 404, script_absent);
        script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
        struct call *post = script_take(w, "POST", "/leases");
        script_answer(w, post, rows[i].status, rows[i].body);
        warns(rows[i].part);
        script_advance(w, 1999);
        script_nothing(w);
        script_advance(w, 500);
        post = script_take(w, "POST", "/leases");
        script_answer(w, post, 201, script_stored(post, 10));
        script_event(w, LEASEHOLD_EVENT_STARTED_LEADING);
        end();
    }
}

static void reads_that_make_no_sense(void **state)
{
    (void)state;
    const struct {
        int status;
        const char *body, *part;
    } rows[] = {
        { 200, "<html>hello</html>", "something that is no such Lease" },
        { 200, "", "something that is no such Lease" },
        { 200, "{}", "something that is no such Lease" },
        { 200, "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{\"name\":\"g\",\"namespace\":\"default\"}}",
          "no such Lease" },
        { 404, "<html>404</html>", "as no Kubernetes API server does" },
        { 404, "{\"kind\":\"Status\",\"code\":404,\"message\":\"page not found\"}", "answers 404" },
        { 500, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":\"etcdserver: leader changed\",\"code\":500}",
          "etcdserver: leader changed" },
        { 503, "", "answers 503" },
        { 302, "", "answers 302" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        script_answer(w, get, rows[i].status, rows[i].body);
        warns(rows[i].part);
        script_nothing(w);
        script_advance(w, 3000);
        script_answer(w, script_take(w, "GET", "/g"), 404, script_absent);
        script_take(w, "POST", "/leases");
        script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
        end();
    }
}

static void another_object_is_none(void **state)
{
    (void)state;
    begin();
    char other[16384];
    strcpy(other, script_lease("b", 5, 15));
    memcpy(strstr(other, "\"name\":\"g\""), "\"name\":\"h\"", 10);
    script_answer(w, get, 200, other);
    warns("something that is no such Lease");
    end();
}

static void the_same_warning_comes_once_a_minute(void **state)
{
    (void)state;
    begin();
    int warnings = 0;
    script_answer(w, get, 503, "");
    for (int i = 0; i < 90; i++) {
        script_advance(w, 1000);
        for (; w->taken < w->count; w->taken++)
            if (w->calls[w->taken].waits && !w->calls[w->taken].request.stream)
                script_answer(w, &w->calls[w->taken], 503, "");
    }
    const leasehold_event *e;
    while (leasehold_service_next_event(w->s, &e) > 0)
        warnings += leasehold_event_kind(e) == LEASEHOLD_EVENT_WARNING;
    assert_int_equal(warnings, 2);
    end();
}

static void unknown_writes_are_settled_by_a_read(void **state)
{
    (void)state;
    const struct {
        enum transport_outcome outcome;
        int status;
        const char *body;
    } rows[] = {
        { TRANSPORT_TIMED_OUT, 0, "" },        { TRANSPORT_BROKEN, 0, "" },     { TRANSPORT_ANSWERED, 500, "" },
        { TRANSPORT_ANSWERED, 200, "<html>" }, { TRANSPORT_ANSWERED, 204, "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        script_answer(w, get, 404, script_absent);
        struct call *post = script_take(w, "POST", "/leases");
        char stored[16384];
        strcpy(stored, script_stored(post, 10));
        if (rows[i].outcome == TRANSPORT_ANSWERED)
            script_answer(w, post, rows[i].status, rows[i].body);
        else
            script_fail(w, post, rows[i].outcome, "no answer");
        script_advance(w, 300);
        script_answer(w, script_take(w, "GET", "/g"), 200, stored); /* it was applied */
        const leasehold_event *e = NULL;
        bool started = false;
        while (leasehold_service_next_event(w->s, &e) > 0)
            started = started || leasehold_event_kind(e) == LEASEHOLD_EVENT_STARTED_LEADING;
        assert_true(started);
        end();
    }
}

static void what_never_left_is_tried_again_soon(void **state)
{
    (void)state;
    begin();
    script_answer(w, get, 404, script_absent);
    script_fail(w, script_take(w, "POST", "/leases"), TRANSPORT_NOT_SENT, "cannot connect to https://x: refused");
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    warns("cannot connect to https://x: refused");
    script_advance(w, 200);
    script_take(w, "POST", "/leases");
    end();
}

static void retry_after_is_heard(void **state)
{
    (void)state;
    begin();
    script_answer(w, get, 429,
                  "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":\"busy\",\"code\":429,\"details\":{\"retryAfterSeconds\":7}}");
    warns("busy");
    reads_again_after(7000);
    end();
}

static void a_lock_gone_under_a_put_is_read_again(void **state)
{
    (void)state;
    begin();
    script_answer(w, get, 200, script_lease(NULL, 5, 1));
    script_answer(w, script_take(w, "PUT", "/g"), 404, script_absent);
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    script_no_event(w);
    script_answer(w, script_take(w, "GET", "/g"), 404, script_absent);
    script_nothing(w); /* somebody knew a record: its time is waited out */
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_says_which_rule_to_add),
        cmocka_unit_test(refusals_of_a_create),
        cmocka_unit_test(reads_that_make_no_sense),
        cmocka_unit_test(another_object_is_none),
        cmocka_unit_test(the_same_warning_comes_once_a_minute),
        cmocka_unit_test(unknown_writes_are_settled_by_a_read),
        cmocka_unit_test(what_never_left_is_tried_again_soon),
        cmocka_unit_test(retry_after_is_heard),
        cmocka_unit_test(a_lock_gone_under_a_put_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
