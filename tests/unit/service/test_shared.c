/* Groups that share one ConfigMap: what goes together, what must not, and who hears of what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

#define COLLECTION "/api/v1/namespaces/default/configmaps"
#define LOCK COLLECTION "/leaders"

static const char absent[] =
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"configmaps \\\"leaders\\\" not "
    "found\",\"reason\":\"NotFound\",\"details\":{\"name\":\"leaders\",\"kind\":\"configmaps\"},\"code\":404}";

/* A ConfigMap with this text between the braces of its data; valid until the next call. */
static const char *configmap(unsigned version, const char *data)
{
    static char text[8192];
    snprintf(text, sizeof text,
             "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"leaders\",\"namespace\":\"default\",\"uid\":"
             "\"11111111-2222-3333-4444-555555555555\",\"resourceVersion\":\"%u\",\"labels\":{\"team\":\"x\"}},\"data\":{%s}}",
             version, data);
    return text;
}

/* data[KEY.GROUP] of a body, "" without it; valid until the next call. */
static const char *datum(const char *body, const char *key, const char *group)
{
    static char value[1024];
    char name[64];
    json_t *object = json_loads(body, 0, NULL);
    assert_non_null(object);
    snprintf(name, sizeof name, "%s.%s", key, group);
    const char *text = json_string_value(json_object_get(json_object_get(object, "data"), name));
    snprintf(value, sizeof value, "%s", text ? text : "");
    json_decref(object);
    return value;
}

#define assert_holder(call_, group_, holder_) assert_string_equal(datum((call_)->body, "leader.pod", group_), holder_)
#define assert_base(call_, version_) assert_non_null(strstr((call_)->body, "\"resourceVersion\":\"" version_ "\""))

static void events_are(struct script *w, const char *names)
{
    char seen[512] = "";
    const leasehold_event *e;
    while (leasehold_service_next_event(w->s, &e) == 1) {
        leasehold_group *g = leasehold_event_group(e);
        size_t size = strlen(seen);
        snprintf(seen + size, sizeof seen - size, "%s%s:%s", size ? " " : "", g ? leasehold_group_name(g) : "-", leasehold_event_name(e));
    }
    assert_string_equal(seen, names);
}

struct pair {
    struct script *w;
    leasehold_group *x, *y;
    struct call *watch;
    char stored[16384]; /* the object as last answered */
};

static const char *const settings[] = { "lock", "configmap", "lease-duration", "15s", "renew-deadline", "10s", "retry-period", "2s", NULL };
enum { INTERVAL = 3334 }; /* between renewals, in ms */

static void keep(struct pair *p, const char *text)
{
    snprintf(p->stored, sizeof p->stored, "%s", text);
}

/* x and y lead in an object that was there before, at resourceVersion 11, by one PUT. */
static struct pair *both_lead(void)
{
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    struct script *w = p->w = script_open_with(settings);
    p->x = script_group(w, "x", LEASEHOLD_CANDIDATE);
    struct call *get = script_take(w, "GET", LOCK);
    p->watch = script_take_watch(w, COLLECTION "?");
    script_stream_open(w, p->watch);
    script_answer(w, get, 200, configmap(9, "\"foreign\":\"kept\",\"leader.pod.z\":\"camel\""));
    struct call *first = script_take(w, "PUT", LOCK);
    p->y = script_group(w, "y", LEASEHOLD_CANDIDATE);
    get = script_take(w, "GET", LOCK);
    script_answer(w, get, 200, configmap(9, "\"foreign\":\"kept\",\"leader.pod.z\":\"camel\""));
    script_nothing(w); /* one write at a time */
    script_answer(w, first, 200, script_stored(first, 10));
    struct call *second = script_take(w, "PUT", LOCK);
    assert_base(second, "10");
    assert_holder(second, "x", "a");
    assert_holder(second, "y", "a");
    assert_holder(second, "z", "camel");
    keep(p, script_stored(second, 11));
    script_answer(w, second, 200, p->stored);
    assert_true(leasehold_group_is_leading(p->x) && leasehold_group_is_leading(p->y));
    events_are(w, "x:started_leading x:new_leader y:started_leading y:new_leader");
    return p;
}

static void leave(struct pair *p)
{
    leasehold_group_unref(p->x);
    leasehold_group_unref(p->y);
    script_close(p->w);
    free(p);
}

static void renewals_go_together(void **state)
{
    (void)state;
    struct pair *p = both_lead();
    struct script *w = p->w;
    unsigned version = 12;
    script_advance(w, INTERVAL);
    for (int round = 0; round < 2; round++) {
        struct call *put = script_take(w, "PUT", LOCK);
        script_nothing(w);
        for (const char *group = "x"; group; group = *group == 'x' ? "y" : NULL) {
            char before[64];
            strcpy(before, datum(p->stored, "leader.timestamp", group));
            assert_true(strcmp(datum(put->body, "leader.timestamp", group), before) > 0);
        }
        assert_non_null(strstr(put->body, "\"foreign\":\"kept\""));
        keep(p, script_stored(put, version++));
        script_answer(w, put, 200, p->stored);
        script_nothing(w);
        script_advance(w, INTERVAL);
    }
    script_take(w, "PUT", LOCK);
    assert_true(leasehold_group_is_leading(p->x) && leasehold_group_is_leading(p->y));
    leave(p);
}

/* The watch has shown that y was taken over, and the read that will say so is under way: what x writes meanwhile, over the object
 * that the watch has shown, must not take y back (rule 1). */
static void a_neighbours_write_does_not_take_back_what_a_peer_won(void **state)
{
    (void)state;
    struct pair *p = both_lead();
    struct script *w = p->w;
    char event[20000], data[4096], mark[1024], stamp[64];
    strcpy(mark, datum(p->stored, "leasehold.term", "x"));
    strcpy(stamp, datum(p->stored, "leader.timestamp", "x"));
    json_t *text = json_string(mark);
    char *quoted = json_dumps(text, JSON_ENCODE_ANY);
    snprintf(
        data, sizeof data,
        "\"leader.pod.x\":\"a\",\"leader.timestamp.x\":\"%s\",\"leasehold.term.x\":%s,\"leader.pod.y\":\"thief\",\"leader.timestamp.y\":"
        "\"2026-11-23T06:00:00Z\"",
        stamp, quoted);
    free(quoted);
    json_decref(text);
    script_advance(w, INTERVAL - 100);
    snprintf(event, sizeof event, "{\"type\":\"MODIFIED\",\"object\":%s}\n", configmap(15, data));
    script_stream(w, p->watch, event);
    struct call *get = script_take(w, "GET", LOCK); /* y's */
    script_advance(w, 100);
    struct call *put = script_take(w, "PUT", LOCK);
    assert_base(put, "15");
    assert_holder(put, "x", "a");
    assert_holder(put, "y", "thief");
    assert_string_equal(datum(put->body, "leader.timestamp", "y"), "2026-11-23T06:00:00Z");
    script_answer(w, get, 200, configmap(15, data));
    events_are(w, "y:stop_work y:new_leader y:warning");
    assert_false(leasehold_group_is_leading(p->y));
    assert_true(leasehold_group_is_leading(p->x));
    script_answer(w, put, 200, script_stored(put, 16));
    script_nothing(w);
    leave(p);
}

/* A shared PUT that is made again after a 409 carries only who is still the holder in the object that was read. */
static void after_a_conflict_only_who_still_holds_is_written(void **state)
{
    (void)state;
    struct pair *p = both_lead();
    struct script *w = p->w;
    script_advance(w, INTERVAL);
    struct call *put = script_take(w, "PUT", LOCK);
    assert_holder(put, "y", "a");
    script_answer(w, put, 409, script_status(409, "Conflict", "the object has been modified"));
    struct call *get = script_take(w, "GET", LOCK);
    script_nothing(w); /* one read for both */
    json_t *object = json_loads(p->stored, 0, NULL);
    json_object_set_new(json_object_get(object, "data"), "leader.pod.y", json_string("thief"));
    json_object_set_new(json_object_get(object, "data"), "leader.timestamp.y", json_string("2026-11-23T06:00:00Z"));
    json_object_set_new(json_object_get(object, "metadata"), "resourceVersion", json_string("20"));
    char *now = json_dumps(object, 0);
    json_decref(object);
    script_answer(w, get, 200, now);
    free(now);
    put = script_take(w, "PUT", LOCK);
    assert_int_equal(put->started.boot_ns, w->now.boot_ns); /* at once */
    assert_base(put, "20");
    assert_holder(put, "x", "a");
    assert_holder(put, "y", "thief");
    events_are(w, "y:stop_work y:new_leader y:warning");
    script_answer(w, put, 200, script_stored(put, 21));
    assert_true(leasehold_group_is_leading(p->x));
    leave(p);
}

/* Answers whatever is asked for: reads with what is stored, writes by storing them. y is Camel's in all of them. */
static void serve(struct pair *p, unsigned *version)
{
    struct script *w = p->w;
    while (w->taken < w->count) {
        struct call *c = &w->calls[w->taken++];
        if (!c->waits)
            continue;
        if (strcmp(c->method, "PUT") == 0) {
            assert_holder(c, "y", "camel-1");
            assert_string_equal(datum(c->body, "leader.local.timestamp", "y"), "2026-11-23T06:00:00Z");
            keep(p, script_stored(c, ++*version));
        } else {
            assert_string_equal(c->method, "GET");
        }
        script_answer(w, c, 200, p->stored);
    }
}

/* Released Camel takes what it does not find a Pod for. Its lock is none that we stand for, but our leader has lost all the same.
 * Returns how often the object was written until all waits were over. */
static unsigned camel_takes_y(struct pair *p, const char *events)
{
    struct script *w = p->w;
    char event[20000];
    unsigned version = 15;
    script_advance(w, 100);
    json_t *object = json_loads(p->stored, 0, NULL), *data = json_object_get(object, "data");
    json_object_set_new(data, "leader.pod.y", json_string("camel-1"));
    json_object_set_new(data, "leader.local.timestamp.y", json_string("2026-11-23T06:00:00Z"));
    json_object_set_new(json_object_get(object, "metadata"), "resourceVersion", json_string("15"));
    char *now = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    keep(p, now);
    snprintf(event, sizeof event, "{\"type\":\"MODIFIED\",\"object\":%s}\n", now);
    free(now);
    script_stream(w, p->watch, event);
    script_answer(w, script_take(w, "GET", LOCK), 200, p->stored);
    assert_false(leasehold_group_is_leading(p->y));
    events_are(w, events);
    assert_int_equal(leasehold_group_work_stopped(p->y, 1), 0);
    /* Beyond any wait: --foreign-lease is 60 s. */
    for (int ms = 0; ms < 90000; ms += 100) {
        script_advance(w, 100);
        serve(p, &version);
    }
    return version - 15;
}

static void a_leader_whose_lock_released_camel_takes_stops(void **state)
{
    (void)state;
    struct pair *p = both_lead();
    assert_true(camel_takes_y(p, "y:warning x:warning y:stop_work y:new_leader y:warning") > 20); /* x renews */
    assert_true(leasehold_group_is_leading(p->x));
    leave(p);
}

static void into_a_lock_that_released_camel_took_nothing_is_written(void **state)
{
    (void)state;
    struct pair *p = both_lead();
    p->x = leasehold_group_unref(p->x);
    assert_int_equal(camel_takes_y(p, "y:warning y:stop_work y:new_leader y:warning"), 0);
    leave(p);
}

static void a_neighbours_renewal_in_another_process_costs_no_read(void **state)
{
    (void)state;
    struct pair *p = both_lead();
    struct script *w = p->w;
    char event[20000];
    json_t *object = json_loads(p->stored, 0, NULL);
    json_object_set_new(json_object_get(object, "data"), "leader.timestamp.z", json_string("2026-11-23T06:00:00Z"));
    json_object_set_new(json_object_get(object, "metadata"), "resourceVersion", json_string("30"));
    char *now = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    snprintf(event, sizeof event, "{\"type\":\"MODIFIED\",\"object\":%s}\n", now);
    free(now);
    script_advance(w, 1000);
    script_stream(w, p->watch, event);
    script_nothing(w);
    script_advance(w, INTERVAL - 1000);
    struct call *put = script_take(w, "PUT", LOCK);
    assert_base(put, "30");
    assert_non_null(strstr(put->body, "leader.timestamp.z"));
    leave(p);
}

static void the_first_creates_and_the_others_follow(void **state)
{
    (void)state;
    struct script *w = script_open_with(settings);
    leasehold_group *x = script_group(w, "x", LEASEHOLD_CANDIDATE), *y = script_group(w, "y", LEASEHOLD_CANDIDATE);
    struct call *get = script_take(w, "GET", LOCK);
    script_take_watch(w, COLLECTION "?");
    script_nothing(w);
    script_answer(w, get, 404, absent);
    struct call *again = script_take(w, "GET", LOCK); /* y asked when the first was under way */
    struct call *post = script_take(w, "POST", COLLECTION);
    assert_non_null(strstr(post->body, "\"provider\":\"camel\""));
    assert_non_null(strstr(post->body, "\"kind\":\"locks\""));
    script_answer(w, again, 404, absent);
    script_nothing(w);
    script_answer(w, post, 201, script_stored(post, 5));
    struct call *put = script_take(w, "PUT", LOCK);
    assert_base(put, "5");
    assert_holder(put, "x", "a");
    assert_holder(put, "y", "a");
    script_answer(w, put, 200, script_stored(put, 6));
    assert_true(leasehold_group_is_leading(x) && leasehold_group_is_leading(y));
    leasehold_group_unref(x);
    leasehold_group_unref(y);
    script_close(w);
}

/* The others' requests go on when a group leaves; what was its alone is given up. */
static void who_leaves_ends_only_what_is_its_own(void **state)
{
    (void)state;
    struct pair *p = both_lead();
    struct script *w = p->w;
    script_advance(w, INTERVAL);
    struct call *put = script_take(w, "PUT", LOCK);
    p->y = leasehold_group_unref(p->y); /* abandoned, not closed */
    script_turn(w);
    assert_false(put->cancelled);
    script_answer(w, put, 200, script_stored(put, 12));
    assert_true(leasehold_group_is_leading(p->x));
    script_advance(w, INTERVAL);
    put = script_take(w, "PUT", LOCK);
    p->x = leasehold_group_unref(p->x);
    script_turn(w);
    assert_true(put->cancelled);
    leave(p);
}

static void a_release_goes_along_and_the_neighbour_leads_on(void **state)
{
    (void)state;
    struct pair *p = both_lead();
    struct script *w = p->w;
    script_advance(w, INTERVAL - 500);
    assert_int_equal(leasehold_group_close(p->y), 0);
    script_turn(w);
    events_are(w, "y:stop_work");
    script_nothing(w);
    assert_int_equal(leasehold_group_work_stopped(p->y, 1), 0);
    script_turn(w);
    struct call *put = script_take(w, "PUT", LOCK);
    assert_holder(put, "y", "");
    assert_string_equal(datum(put->body, "leader.timestamp", "y"), "");
    assert_non_null(strstr(datum(put->body, "leasehold.term", "y"), "released"));
    /* x was due within its slack. */
    assert_string_not_equal(datum(put->body, "leader.timestamp", "x"), "");
    script_answer(w, put, 200, script_stored(put, 12));
    events_are(w, "y:stopped_leading y:new_leader y:closed");
    assert_true(leasehold_group_is_leading(p->x));
    leave(p);
}

static void a_write_without_an_answer_is_unknown_to_all_in_it(void **state)
{
    (void)state;
    struct pair *p = both_lead();
    struct script *w = p->w;
    script_advance(w, INTERVAL);
    struct call *put = script_take(w, "PUT", LOCK);
    char applied[16384];
    snprintf(applied, sizeof applied, "%s", script_stored(put, 12));
    script_fail(w, put, TRANSPORT_TIMED_OUT, "no answer");
    struct call *get = script_take(w, "GET", LOCK);
    script_nothing(w);
    script_answer(w, get, 200, applied); /* it had been applied: both are credited with the send */
    script_nothing(w);
    struct leasehold_term term = { .size = sizeof term };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(leasehold_group_term(i ? p->y : p->x, &term), 1);
        assert_true(term.leading_until_ns > (uint64_t)w->now.boot_ns + UINT64_C(9000000000));
    }
    leave(p);
}

/* It is told of the watch that stands already: else it would poll for ever. */
static void a_group_that_joins_later_does_not_poll(void **state)
{
    (void)state;
    struct pair *p = both_lead();
    struct script *w = p->w;
    leasehold_group *late = script_group(w, "z", LEASEHOLD_OBSERVER);
    struct call *get = script_take(w, "GET", LOCK);
    script_answer(w, get, 200, p->stored);
    script_advance(w, INTERVAL - 100);
    script_nothing(w);
    leasehold_group_unref(late);
    script_turn(w);
    leave(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renewals_go_together),
        cmocka_unit_test(a_neighbours_write_does_not_take_back_what_a_peer_won),
        cmocka_unit_test(after_a_conflict_only_who_still_holds_is_written),
        cmocka_unit_test(a_leader_whose_lock_released_camel_takes_stops),
        cmocka_unit_test(into_a_lock_that_released_camel_took_nothing_is_written),
        cmocka_unit_test(a_neighbours_renewal_in_another_process_costs_no_read),
        cmocka_unit_test(the_first_creates_and_the_others_follow),
        cmocka_unit_test(who_leaves_ends_only_what_is_its_own),
        cmocka_unit_test(a_release_goes_along_and_the_neighbour_leads_on),
        cmocka_unit_test(a_write_without_an_answer_is_unknown_to_all_in_it),
        cmocka_unit_test(a_group_that_joins_later_does_not_poll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
