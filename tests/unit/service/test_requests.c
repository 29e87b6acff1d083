/* What is sent, and what an answer leads to: the requests of an election as golden traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

#define COLLECTION "/apis/coordination.k8s.io/v1/namespaces/default/leases"

static const char *spec_string(const struct call *c, const char *key)
{
    static char value[512];
    json_t *object = json_loads(c->body, 0, NULL);
    const char *text = json_string_value(json_object_get(json_object_get(object, "spec"), key));
    strcpy(value, text ? text : "(none)");
    json_decref(object);
    return value;
}

static void acquiring_is_get_and_watch_then_post(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    struct call *get = script_take(w, "GET", COLLECTION "/g");
    struct call *watch = script_take_watch(w, COLLECTION "?");
    assert_non_null(strstr(watch->path, "metadata.name%3Dg"));
    assert_null(strstr(watch->path, "resourceVersion="));
    assert_non_null(strstr(watch->path, "allowWatchBookmarks=true"));
    assert_int_equal(get->request.priority, TRANSPORT_PRIORITY_LOCK);
    assert_int_equal(watch->request.priority, TRANSPORT_PRIORITY_OTHER);
    script_nothing(w);
    assert_false(leasehold_group_is_leading(g));

    script_answer(w, get, 404, script_absent);
    struct call *post = script_take(w, "POST", COLLECTION);
    assert_string_equal(spec_string(post, "holderIdentity"), "a");
    assert_null(strstr(post->body, "resourceVersion"));
    assert_string_equal(leasehold_event_holder(script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED)), "");
    script_no_event(w);
    script_answer(w, post, 201, script_stored(post, 10));
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_STARTED_LEADING);
    assert_int_equal(leasehold_event_term(e), 1);
    assert_string_equal(leasehold_event_token(e), "10");
    assert_string_equal(leasehold_event_lock_uid(e), "11111111-2222-3333-4444-555555555555");
    assert_true(leasehold_group_is_leading(g));
    e = script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    assert_string_equal(leasehold_event_holder(e), "a");
    script_nothing(w);
    leasehold_group_unref(g);
    script_close(w);
}

static void renewing_is_one_put_from_the_last_answer(void **state)
{
    (void)state;
    struct script *w = script_open("extended-events", "yes");
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    struct call *get = script_take(w, "GET", "/g");
    script_take_watch(w, "watch=");
    script_answer(w, get, 200, script_lease(NULL, 7, 1));
    struct call *put = script_take(w, "PUT", COLLECTION "/g");
    assert_non_null(strstr(put->body, "\"resourceVersion\":\"7\""));
    assert_non_null(strstr(put->body, "\"uid\":\"11111111-2222-3333-4444-555555555555\""));
    assert_non_null(strstr(put->body, "\"team\":\"x\""));
    assert_non_null(strstr(put->body, "OldestEmulationVersion"));
    assert_null(strstr(put->body, "managedFields"));
    script_answer(w, put, 200, script_stored(put, 8));
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_STARTED_LEADING);
    uint64_t until_ns = leasehold_event_leading_until_ns(e);
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);

    script_advance(w, 3333);
    script_nothing(w);
    script_advance(w, 1);
    put = script_take(w, "PUT", COLLECTION "/g");
    assert_non_null(strstr(put->body, "\"resourceVersion\":\"8\""));
    assert_int_equal(put->request.limit_ns, (10000000000 - 3333333333) / 3);
    script_answer(w, put, 200, script_stored(put, 9));
    e = script_event(w, LEASEHOLD_EVENT_EXTENDED);
    assert_true(leasehold_event_leading_until_ns(e) > until_ns);
    assert_string_equal(leasehold_event_token(e), "8");
    script_no_event(w);
    script_nothing(w);
    leasehold_group_unref(g);
    script_close(w);
}

static void a_conflict_with_our_record_intact_is_written_again_at_once(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    char ours[16384];
    strcpy(ours, script_stored(&w->calls[2], 11)); /* the POST's object, labelled by somebody since */
    script_advance(w, 3334);
    struct call *put = script_take(w, "PUT", "/g");
    script_answer(w, put, 409, script_status(409, "Conflict", "the object has been modified"));
    struct call *get = script_take(w, "GET", "/g");
    script_answer(w, get, 200, ours);
    put = script_take(w, "PUT", "/g");
    assert_non_null(strstr(put->body, "\"resourceVersion\":\"11\""));
    assert_int_equal(put->started.boot_ns, w->now.boot_ns);
    script_answer(w, put, 200, script_stored(put, 12));
    script_no_event(w);
    assert_true(leasehold_group_is_leading(g));
    leasehold_group_unref(g);
    script_close(w);
}

static void another_holder_means_kill(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    struct call *watch = script_lead(w);
    char event[16384] = "{\"type\":\"MODIFIED\",\"object\":";
    strcat(strcat(event, script_lease("thief", 20, 15)), "}\n");
    script_stream(w, watch, event);
    script_no_event(w); /* a hint: the read decides */
    script_answer(w, script_take(w, "GET", "/g"), 200, script_lease("thief", 20, 15));
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_STOP_WORK);
    assert_true(leasehold_event_must_kill(e));
    assert_int_equal(leasehold_event_reason(e), LEASEHOLD_REASON_LOST);
    assert_false(leasehold_group_is_leading(g));
    assert_int_equal(leasehold_group_work_stopped(g, 2), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_group_work_stopped(g, 1), 0);
    script_turn(w);
    e = script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    assert_string_equal(leasehold_event_holder(e), "thief");
    script_event(w, LEASEHOLD_EVENT_STOPPED_LEADING);
    leasehold_group_unref(g);
    script_close(w);
}

static void closing_renews_until_work_stopped_then_releases(void **state)
{
    (void)state;
    struct script *w = script_open("extended-events", "yes");
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    assert_int_equal(leasehold_service_stop(w->s), 0);
    script_turn(w);
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_STOP_WORK);
    assert_int_equal(leasehold_event_reason(e), LEASEHOLD_REASON_CLOSED);
    assert_false(leasehold_event_must_kill(e));
    assert_false(leasehold_group_is_leading(g));
    script_nothing(w);
    script_advance(w, 3334);
    struct call *put = script_take(w, "PUT", "/g");
    assert_string_equal(spec_string(put, "holderIdentity"), "a");
    script_answer(w, put, 200, script_stored(put, 11));
    e = script_event(w, LEASEHOLD_EVENT_EXTENDED);
    assert_false(leasehold_group_is_leading(g));

    assert_int_equal(leasehold_group_work_stopped(g, 1), 0);
    script_turn(w);
    script_event(w, LEASEHOLD_EVENT_STOPPED_LEADING);
    put = script_take(w, "PUT", "/g");
    assert_string_equal(spec_string(put, "holderIdentity"), "");
    assert_non_null(strstr(put->body, "\"leaseDurationSeconds\":1"));
    assert_non_null(strstr(put->body, "\"resourceVersion\":\"11\""));
    assert_non_null(strstr(put->body, "released"));
    assert_string_equal(leasehold_event_holder(script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED)), "");
    script_no_event(w);
    script_answer(w, put, 200, script_stored(put, 12));
    assert_ptr_equal(leasehold_event_group(script_event(w, LEASEHOLD_EVENT_CLOSED)), g);
    assert_null(leasehold_event_group(script_event(w, LEASEHOLD_EVENT_CLOSED)));
    script_no_event(w);
    assert_int_equal(leasehold_group_open(NULL, w->s, "h", LEASEHOLD_CANDIDATE, NULL), LEASEHOLD_ERR_STATE);
    assert_int_equal(leasehold_group_resign(g, 0), LEASEHOLD_ERR_STATE);
    leasehold_group_unref(g);
    script_close(w);
}

static void work_that_ends_by_itself_releases_and_stands_again(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    assert_int_equal(leasehold_group_work_stopped(g, 1), 0);
    assert_false(leasehold_group_is_leading(g));
    script_turn(w);
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_STOPPED_LEADING);
    assert_int_equal(leasehold_event_reason(e), LEASEHOLD_REASON_WORK_ENDED);
    struct call *put = script_take(w, "PUT", "/g");
    assert_string_equal(spec_string(put, "holderIdentity"), "");
    script_answer(w, put, 200, script_stored(put, 12));
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    script_advance(w, 3000);
    put = script_take(w, "PUT", "/g");
    script_answer(w, put, 200, script_stored(put, 13));
    e = script_event(w, LEASEHOLD_EVENT_STARTED_LEADING);
    assert_int_equal(leasehold_event_term(e), 2);
    assert_string_equal(leasehold_event_token(e), "13");
    leasehold_group_unref(g);
    script_close(w);
}

static void without_confirmation_the_stop_of_work_is_its_end(void **state)
{
    (void)state;
    struct script *w = script_open("confirm-stop", "no");
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    assert_int_equal(leasehold_group_resign(g, LEASEHOLD_FOREVER), 0);
    script_turn(w);
    script_event(w, LEASEHOLD_EVENT_STOP_WORK);
    script_event(w, LEASEHOLD_EVENT_STOPPED_LEADING);
    struct call *put = script_take(w, "PUT", "/g");
    script_answer(w, put, 200, script_stored(put, 12));
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    script_advance(w, 3600000);
    for (size_t i = w->taken; i < w->count; i++)
        assert_string_equal(w->calls[i].method, "GET");
    leasehold_group_unref(g);
    script_turn(w);
    script_close(w);
}

static void a_reader_that_saw_the_end_makes_the_extension_fail(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    script_advance(w, 9000);
    struct call *put = NULL;
    /* Renewals without an answer, then one that comes at the last moment. */
    for (size_t i = w->taken; i < w->count; i++)
        if (strcmp(w->calls[i].method, "PUT") == 0)
            put = &w->calls[i];
    assert_non_null(put);
    /* This thread reads at the end, the service's turn comes with an older reading: as if it had been frozen between. */
    leasehold_time before = w->now;
    w->now = (leasehold_time){ before.boot_ns + 2000000000, before.raw_ns + 2000000000, before.wall_ns };
    assert_false(leasehold_group_is_leading(g));
    w->now = before;
    assert_false(leasehold_group_is_leading(g));
    w->taken = w->count;
    script_answer(w, put, 200, script_stored(put, 30));
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_STOP_WORK);
    assert_int_equal(leasehold_event_reason(e), LEASEHOLD_REASON_RENEW_DEADLINE);
    assert_false(leasehold_group_is_leading(g));
    leasehold_group_unref(g);
    script_turn(w);
    script_close(w);
}

static void what_cannot_be_started_is_tried_again(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    w->refuse_starts = 2; /* the read and the watch */
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_nothing(w);
    assert_non_null(strstr(leasehold_event_text(script_event(w, LEASEHOLD_EVENT_WARNING)), "cannot read leases default/g"));
    script_advance(w, 100);
    struct call *get = script_take(w, "GET", "/g");
    w->refuse_starts = 1;
    script_answer(w, get, 404, script_absent);
    script_nothing(w);
    script_advance(w, 1000);
    bool posted = false;
    for (size_t i = w->taken; i < w->count; i++)
        posted = posted || strcmp(w->calls[i].method, "POST") == 0;
    assert_true(posted);
    leasehold_group_unref(g);
    script_turn(w);
    script_close(w);
}

static void abandoning_cancels_everything(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    leasehold_group_ref(g);
    leasehold_group_unref(g);
    script_turn(w);
    assert_true(w->calls[0].waits && w->calls[1].waits);
    leasehold_group_unref(g);
    script_turn(w);
    assert_true(w->calls[0].cancelled && w->calls[1].cancelled);
    assert_true(service_deadline(w->s) == LEASEHOLD_NEVER);
    g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_close(w); /* a handle outlives its service */
    assert_false(leasehold_group_is_leading(g));
    assert_int_equal(leasehold_group_resign(g, 0), LEASEHOLD_ERR_STATE);
    assert_int_equal(leasehold_group_close(g), 0);
    assert_string_equal(leasehold_group_name(g), "g");
    leasehold_group_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acquiring_is_get_and_watch_then_post),
        cmocka_unit_test(renewing_is_one_put_from_the_last_answer),
        cmocka_unit_test(a_conflict_with_our_record_intact_is_written_again_at_once),
        cmocka_unit_test(another_holder_means_kill),
        cmocka_unit_test(closing_renews_until_work_stopped_then_releases),
        cmocka_unit_test(work_that_ends_by_itself_releases_and_stands_again),
        cmocka_unit_test(without_confirmation_the_stop_of_work_is_its_end),
        cmocka_unit_test(a_reader_that_saw_the_end_makes_the_extension_fail),
        cmocka_unit_test(what_cannot_be_started_is_tried_again),
        cmocka_unit_test(abandoning_cancels_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
