/* Members over a played transport: list, watch, lists again, what is told, and what goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

static struct script *w;
static leasehold_roster *r;
static struct call *watch;

/* A Pod as JSON; lives until the fourth call from now. */
static const char *pod(const char *name, const char *uid, unsigned version, bool ready)
{
    static char texts[4][700];
    static int at;
    char *text = texts[at++ % 4];
    snprintf(text, sizeof texts[0],
             "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\",\"uid\":\"%s\","
             "\"resourceVersion\":\"%u\",\"creationTimestamp\":\"2026-11-23T03:14:35Z\"},\"spec\":{\"nodeName\":\"n1\"},\"status\":{"
             "\"phase\":\"Running\",\"podIP\":\"10.0.0.1\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
             name, uid, version, ready ? "True" : "False");
    return text;
}

static const char *list(unsigned version, const char *next, const char *items)
{
    static char text[8000];
    snprintf(text, sizeof text,
             "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"%u\",\"continue\":\"%s\"},\"items\":[%s]}",
             version, next, items);
    return text;
}

static const char *event(const char *type, const char *object)
{
    static char line[4000];
    snprintf(line, sizeof line, "{\"type\":\"%s\",\"object\":%s}\n", type, object);
    return line;
}

static const char gone[] = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":"
                           "\"Expired\",\"message\":\"too old resource version\",\"code\":410}}";

/* "a b": the names of members, those that are not ready with a question mark. */
static const char *names(const leasehold_members *m)
{
    static char text[2000];
    text[0] = '\0';
    for (size_t i = 0; i < leasehold_members_count(m); i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s%s", i ? " " : "", leasehold_members_name(m, i),
                 leasehold_members_ready(m, i) ? "" : "?");
    return text;
}

static void add(void *user, int difference, const leasehold_members *m, size_t index)
{
    char *text = user;
    static const char signs[] = " +-~";
    snprintf(text + strlen(text), 200, "%c%s", signs[difference], leasehold_members_name(m, index));
}

/* The next event must tell these members and these differences. */
static void tells(const char *members, const char *differences)
{
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_MEMBERS_CHANGED);
    char found[2000] = "";
    assert_ptr_equal(leasehold_event_roster(e), r);
    assert_string_equal(names(leasehold_event_members(e)), members);
    leasehold_members_compare(leasehold_event_members_before(e), leasehold_event_members(e), add, found);
    assert_string_equal(found, differences);
}

static void open_with(const char *name, const char *value)
{
    w = script_open(name, value);
    assert_int_equal(leasehold_roster_open(&r, w->s, NULL), 0);
    leasehold_members *m = NULL;
    assert_int_equal(leasehold_roster_members(r, &m), 0);
    script_turn(w);
}

/* a and b were listed at version 10 and are told; the watch stands. */
static void begin(void)
{
    char items[2000];
    open_with(NULL, NULL);
    snprintf(items, sizeof items, "%s,%s", pod("a", "1", 5, true), pod("b", "1", 7, false));
    script_answer(w, script_take(w, "GET", "/api/v1/namespaces/default/pods?limit=250"), 200, list(10, "", items));
    watch = script_take_watch(w, "resourceVersion=10");
    assert_string_equal(watch->path, "/api/v1/namespaces/default/pods?watch=true&allowWatchBookmarks=true&resourceVersion=10");
    script_stream_open(w, watch);
    tells("a b?", "+a+b");
    script_no_event(w);
}

static void end(void)
{
    r = leasehold_roster_unref(r);
    script_turn(w);
    script_nothing(w);
    script_close(w);
}

static void members_are_listed_then_watched(void **state)
{
    (void)state;
    begin();
    script_stream(w, watch, event("ADDED", pod("c", "1", 11, true)));
    tells("a b? c", "+c");
    script_stream(w, watch, event("MODIFIED", pod("b", "1", 12, true)));
    tells("a b c", "~b");
    script_stream(w, watch, event("DELETED", pod("a", "1", 13, true)));
    tells("b c", "-a");
    script_stream(w, watch, event("MODIFIED", pod("b", "1", 14, true)));
    script_no_event(w);
    end();
}

static void a_pod_created_again_is_a_change(void **state)
{
    (void)state;
    begin();
    script_stream(w, watch, event("DELETED", pod("a", "1", 11, true)));
    script_stream(w, watch, event("ADDED", pod("a", "2", 12, true)));
    tells("a b?", "-a+a");
    script_no_event(w);
    end();
}

static void unread_changes_collapse_and_none_is_lost(void **state)
{
    (void)state;
    begin();
    script_stream(w, watch, event("ADDED", pod("c", "1", 11, true)));
    script_stream(w, watch, event("ADDED", pod("d", "1", 12, true)));
    script_stream(w, watch, event("DELETED", pod("a", "1", 13, true)));
    script_stream(w, watch, event("DELETED", pod("c", "1", 14, true)));
    tells("b? d", "-a+d");
    script_stream(w, watch, event("ADDED", pod("x", "1", 15, true)));
    script_stream(w, watch, event("DELETED", pod("x", "1", 16, true)));
    script_no_event(w); /* it came to nothing */
    end();
}

static void a_snapshot_stays_as_it_was(void **state)
{
    (void)state;
    begin();
    leasehold_members *m = NULL;
    size_t at = 99;
    assert_int_equal(leasehold_roster_members(r, &m), 1);
    script_stream(w, watch, event("DELETED", pod("a", "1", 11, true)));
    end();
    assert_string_equal(names(m), "a b?");
    assert_true(leasehold_members_find(m, "b", &at));
    assert_int_equal(at, 1);
    assert_false(leasehold_members_find(m, "c", &at));
    assert_string_equal(leasehold_members_uid(m, 0), "1");
    assert_string_equal(leasehold_members_address(m, 0), "10.0.0.1");
    assert_string_equal(leasehold_members_node(m, 0), "n1");
    assert_int_equal(leasehold_members_phase(m, 0), LEASEHOLD_POD_RUNNING);
    assert_int_equal(leasehold_members_since_us(m, 0), INT64_C(1795403675000000));
    assert_false(leasehold_members_terminating(m, 0));
    assert_null(leasehold_members_name(m, 2));
    assert_int_equal(leasehold_members_count(NULL), 0);
    assert_null(leasehold_members_unref(leasehold_members_ref(m)));
    leasehold_members_unref(m);
}

static void pages_make_one_list(void **state)
{
    (void)state;
    open_with("selector", "app=x,tier=web");
    struct call *c = script_take(w, "GET", "/pods?limit=250&labelSelector=app%3Dx%2Ctier%3Dweb");
    script_answer(w, c, 200, list(10, "to+ken", pod("a", "1", 5, true)));
    script_no_event(w); /* half a list is none */
    c = script_take(w, "GET", "&continue=to%2Bken");
    script_answer(w, c, 200, list(10, "", pod("b", "1", 6, true)));
    tells("a b", "+a+b");
    watch = script_take_watch(w, "labelSelector=app%3Dx%2Ctier%3Dweb&resourceVersion=10");
    end();
}

static void a_token_that_expired_begins_the_list_anew(void **state)
{
    (void)state;
    open_with(NULL, NULL);
    script_answer(w, script_take(w, "GET", "limit=250"), 200, list(10, "t", pod("a", "1", 5, true)));
    script_answer(w, script_take(w, "GET", "continue=t"), 410, script_status(410, "Expired", "the token is too old"));
    script_no_event(w);
    script_advance(w, 200);
    script_answer(w, script_take(w, "GET", "limit=250"), 200, list(20, "", pod("b", "1", 12, true)));
    tells("b", "+b");
    watch = script_take_watch(w, "resourceVersion=20");
    end();
}

static void nobody_is_told_once(void **state)
{
    (void)state;
    open_with(NULL, NULL);
    script_answer(w, script_take(w, "GET", "limit=250"), 200, list(10, "", ""));
    tells("", "");
    watch = script_take_watch(w, "resourceVersion=10");
    end();
}

static void a_broken_watch_is_resumed_where_it_was(void **state)
{
    (void)state;
    begin();
    script_stream(w, watch, event("ADDED", pod("c", "1", 15, true)));
    tells("a b? c", "+c");
    script_stream(w, watch,
                  "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{"
                  "\"resourceVersion\":\"77\"}}}");
    script_advance(w, 2000);
    script_fail(w, watch, TRANSPORT_BROKEN, "the connection broke");
    watch = script_take_watch(w, "resourceVersion=77");
    script_stream_open(w, watch);
    /* The server goes back. */
    script_stream(w, watch, event("ADDED", pod("c", "1", 15, true)));
    script_stream(w, watch, event("DELETED", pod("b", "1", 6, true)));
    script_no_event(w);
    script_stream(w, watch, event("DELETED", pod("b", "1", 78, true)));
    tells("a c", "-b");
    end();
}

static void a_version_that_is_gone_wants_a_list(void **state)
{
    (void)state;
    for (int in_stream = 0; in_stream < 2; in_stream++) {
        begin();
        script_advance(w, 2000);
        if (in_stream) {
            script_stream(w, watch, gone);
            assert_true(watch->cancelled);
        } else {
            script_fail(w, watch, TRANSPORT_BROKEN, "the connection broke");
            script_answer(w, script_take_watch(w, "resourceVersion=10"), 410, script_status(410, "Expired", "too old"));
            script_advance(w, 200);
        }
        script_answer(w, script_take(w, "GET", "limit=250"), 200, list(50, "", pod("c", "1", 44, true)));
        tells("c", "-a-b+c");
        watch = script_take_watch(w, "resourceVersion=50");
        script_no_event(w);
        end();
    }
}

static void a_silent_watch_is_given_up(void **state)
{
    (void)state;
    begin();
    script_advance(w, 89000);
    script_nothing(w);
    script_advance(w, 2000);
    assert_true(watch->cancelled);
    watch = script_take_watch(w, "resourceVersion=10");
    end();
}

/* Bookmarks come, so that the watch is not given up as silent. */
static void pass_minutes(int minutes)
{
    for (int i = 0; i < minutes; i++) {
        script_advance(w, 60000);
        if (watch->waits)
            script_stream(w, watch, "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"12\"}}}");
    }
}

static void the_list_is_refreshed(void **state)
{
    (void)state;
    begin();
    pass_minutes(29);
    script_nothing(w);
    pass_minutes(1);
    assert_true(watch->cancelled); /* before the list is asked for */
    script_answer(w, script_take(w, "GET", "limit=250"), 200, list(20, "", pod("a", "1", 5, true)));
    tells("a", "-b");
    watch = script_take_watch(w, "resourceVersion=20");
    script_stream_open(w, watch);
    pass_minutes(29);
    script_nothing(w);
    end();
}

static void the_refresh_can_be_turned_off(void **state)
{
    (void)state;
    static const char *const off[] = { "0", "0s", "-1s", "-30m" };
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        open_with("watch-refresh-interval", off[i]);
        script_answer(w, script_take(w, "GET", "limit=250"), 200, list(10, "", ""));
        watch = script_take_watch(w, "resourceVersion=10");
        script_stream_open(w, watch);
        tells("", "");
        pass_minutes(100);
        script_nothing(w);
        end();
    }
}

static void only_the_ready_where_they_count(void **state)
{
    (void)state;
    char items[2000];
    open_with("member-pods", "ready");
    snprintf(items, sizeof items, "%s,%s", pod("a", "1", 5, true), pod("b", "1", 7, false));
    script_answer(w, script_take(w, "GET", "limit=250"), 200, list(10, "", items));
    watch = script_take_watch(w, "resourceVersion=10");
    script_stream_open(w, watch);
    tells("a", "+a");
    script_stream(w, watch, event("MODIFIED", pod("b", "1", 11, true)));
    tells("a b", "+b");
    script_stream(w, watch, event("MODIFIED", pod("a", "1", 12, false)));
    tells("b", "-a");
    end();
}

static void warns(const char *part)
{
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_WARNING);
    if (!strstr(leasehold_event_text(e), part))
        fail_msg("'%s' says nothing of '%s'", leasehold_event_text(e), part);
}

static void what_is_forbidden_is_told_once_and_tried_again(void **state)
{
    (void)state;
    open_with(NULL, NULL);
    for (int i = 0; i < 3; i++) {
        script_answer(w, script_take(w, "GET", "limit=250"), 403, script_status(403, "Forbidden", "pods is forbidden"));
        if (i == 0)
            warns("forbids to list pods in namespace default: add a rule to the Role: apiGroups: [\"\"], resources: [\"pods\"], verbs: "
                  "[\"list\", \"watch\"] (it says: pods is forbidden)");
        script_no_event(w);
        script_advance(w, 100);
        script_nothing(w);
        script_advance(w, 1000 << i);
    }
    script_answer(w, script_take(w, "GET", "limit=250"), 200, list(10, "", pod("a", "1", 5, true)));
    tells("a", "+a");
    /* Where only watching is forbidden, lists tell who is there. */
    script_answer(w, script_take_watch(w, "resourceVersion=10"), 403, script_status(403, "Forbidden", "no"));
    warns("forbids to watch pods");
    script_advance(w, 30000);
    script_answer(w, script_take(w, "GET", "limit=250"), 200, list(20, "", ""));
    tells("", "-a");
    watch = script_take_watch(w, "resourceVersion=20");
    end();
}

static void bad_answers_are_told(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body, *sentence;
    } cases[] = {
        { 200, "<html>", "answers 200 to list pods in namespace default as no Kubernetes API server does" },
        { 200, "{\"kind\":\"LeaseList\"}", "as no Kubernetes API server does" },
        { 500, "oops", "answers 500 to list pods in namespace default as no Kubernetes API server does" },
        { 401, "", "does not know us (401)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_with(NULL, NULL);
        script_answer(w, script_take(w, "GET", "limit=250"), cases[i].status, cases[i].body);
        warns(cases[i].sentence);
        script_nothing(w);
        end();
    }
    open_with(NULL, NULL);
    script_fail(w, script_take(w, "GET", "limit=250"), TRANSPORT_NOT_SENT, "nobody is there");
    warns("nobody is there");
    script_advance(w, 200);
    script_answer(w, script_take(w, "GET", "limit=250"), 200, list(10, "", "null"));
    warns("a Pod in the list has no name, uid or version");
    tells("", "");
    watch = script_take_watch(w, "resourceVersion=10");
    script_stream_open(w, watch);
    script_stream(w, watch, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Lease\"}}");
    warns("is no Pod");
    script_stream(w, watch, event("ADDED", pod("a", "1", 11, true)));
    tells("a", "+a");
    script_stream(w, watch, "garbage");
    warns("no watch event");
    assert_true(watch->cancelled);
    end();
}

static void bad_servers_are_not_hammered(void **state)
{
    (void)state;
    begin();
    script_advance(w, 2000);
    script_stream(w, watch, gone);
    for (int i = 0; i < 600; i++) {
        for (; w->taken < w->count; w->taken++) {
            struct call *c = &w->calls[w->taken];
            if (c->request.stream) {
                script_stream_open(w, c);
                script_stream(w, c, gone);
            } else {
                script_answer(w, c, 200, list(10, "", ""));
            }
        }
        script_advance(w, 100);
    }
    if (w->count > 80)
        fail_msg("%zu requests in a minute", w->count);
    w->taken = w->count;
    end();
}

static void a_start_that_fails_is_tried_again(void **state)
{
    (void)state;
    w = script_open(NULL, NULL);
    w->refuse_starts = 1;
    assert_int_equal(leasehold_roster_open(&r, w->s, NULL), 0);
    script_turn(w);
    warns("cannot list pods in namespace default");
    script_advance(w, 1000);
    script_take(w, "GET", "limit=250");
    end();
}

static void the_same_settings_are_the_same_roster(void **state)
{
    (void)state;
    begin();
    leasehold_roster *again = NULL, *other = NULL;
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_roster_open(&again, w->s, NULL), 0);
    assert_ptr_equal(again, r);
    leasehold_options_set(o, "selector", "app=x");
    assert_int_equal(leasehold_roster_open(&other, w->s, o), 0);
    assert_ptr_not_equal(other, r);
    assert_string_equal(leasehold_roster_selector(other), "app=x");
    assert_string_equal(leasehold_roster_namespace(other), "default");
    script_turn(w);
    script_take(w, "GET", "labelSelector=app%3Dx");
    leasehold_roster_unref(again);
    leasehold_roster_unref(other);
    script_turn(w);
    assert_true(watch->waits);
    leasehold_options_set(o, "kubeconfig", "x");
    assert_int_equal(leasehold_roster_open(&other, w->s, o), LEASEHOLD_ERR_OPTION);
    assert_int_equal(leasehold_roster_open(NULL, w->s, NULL), LEASEHOLD_ERR_ARGUMENT);
    leasehold_options_unref(o);
    end();
}

static void given_up_and_opened_again_before_its_turn(void **state)
{
    (void)state;
    begin();
    leasehold_roster_unref(r);
    assert_int_equal(leasehold_roster_open(&r, w->s, NULL), 0);
    script_turn(w);
    assert_true(watch->cancelled);
    script_answer(w, script_take(w, "GET", "limit=250"), 200, list(20, "", pod("z", "1", 12, true)));
    tells("z", "+z");
    watch = script_take_watch(w, "resourceVersion=20");
    end();
}

static void a_service_that_stops_ends_it_and_what_is_known_stays(void **state)
{
    (void)state;
    leasehold_members *m = NULL;
    leasehold_roster *late = NULL;
    begin();
    assert_int_equal(leasehold_service_stop(w->s), 0);
    script_turn(w);
    assert_true(watch->cancelled);
    script_event(w, LEASEHOLD_EVENT_CLOSED);
    assert_int_equal(leasehold_roster_open(&late, w->s, NULL), LEASEHOLD_ERR_STATE);
    script_close(w);
    assert_int_equal(leasehold_roster_members(r, &m), 1);
    assert_string_equal(names(m), "a b?");
    leasehold_members_unref(m);
    leasehold_roster_unref(r);
}

static void an_event_outlives_its_roster(void **state)
{
    (void)state;
    begin();
    script_stream(w, watch, event("ADDED", pod("c", "1", 11, true)));
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_MEMBERS_CHANGED);
    assert_string_equal(leasehold_event_name(e), "members");
    assert_string_equal(leasehold_event_text(e), "3 members in namespace default: c came");
    r = leasehold_roster_unref(r);
    script_turn(w);
    assert_string_equal(names(leasehold_event_members(e)), "a b? c");
    script_no_event(w);
    script_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_listed_then_watched),
        cmocka_unit_test(a_pod_created_again_is_a_change),
        cmocka_unit_test(unread_changes_collapse_and_none_is_lost),
        cmocka_unit_test(a_snapshot_stays_as_it_was),
        cmocka_unit_test(pages_make_one_list),
        cmocka_unit_test(a_token_that_expired_begins_the_list_anew),
        cmocka_unit_test(nobody_is_told_once),
        cmocka_unit_test(a_broken_watch_is_resumed_where_it_was),
        cmocka_unit_test(a_version_that_is_gone_wants_a_list),
        cmocka_unit_test(a_silent_watch_is_given_up),
        cmocka_unit_test(the_list_is_refreshed),
        cmocka_unit_test(the_refresh_can_be_turned_off),
        cmocka_unit_test(only_the_ready_where_they_count),
        cmocka_unit_test(what_is_forbidden_is_told_once_and_tried_again),
        cmocka_unit_test(bad_answers_are_told),
        cmocka_unit_test(bad_servers_are_not_hammered),
        cmocka_unit_test(a_start_that_fails_is_tried_again),
        cmocka_unit_test(the_same_settings_are_the_same_roster),
        cmocka_unit_test(given_up_and_opened_again_before_its_turn),
        cmocka_unit_test(a_service_that_stops_ends_it_and_what_is_known_stays),
        cmocka_unit_test(an_event_outlives_its_roster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
