/* The watch: opened, resumed, given up, and what it tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

static struct script *w;
static leasehold_group *g;
static struct call *watch;

/* A standby that knows the holder b at version 5. */
static void begin(void)
{
    w = script_open(NULL, NULL);
    g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    struct call *get = script_take(w, "GET", "/g");
    watch = script_take_watch(w, "watch=");
    script_stream_open(w, watch);
    script_answer(w, get, 200, script_lease("b", 5, 15));
    assert_string_equal(leasehold_event_holder(script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED)), "b");
    script_nothing(w);
}

static void end(void)
{
    leasehold_group_unref(g);
    script_turn(w);
    script_close(w);
}

static const char *event(const char *type, const char *object)
{
    static char line[20000];
    snprintf(line, sizeof line, "{\"type\":\"%s\",\"object\":%s}\n", type, object);
    return line;
}

static const char bookmark[] =
    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":"
    "{\"resourceVersion\":\"77\"}}}\n";

static void a_release_is_answered_by_a_write_at_once(void **state)
{
    (void)state;
    begin();
    script_stream(w, watch, event("MODIFIED", script_lease(NULL, 6, 1)));
    struct call *put = script_take(w, "PUT", "/g");
    assert_non_null(strstr(put->body, "\"resourceVersion\":\"6\""));
    assert_non_null(strstr(put->body, "\"holderIdentity\":\"a\""));
    end();
}

static void renewals_restart_the_wait(void **state)
{
    (void)state;
    begin();
    for (unsigned version = 6; version < 16; version++) {
        script_advance(w, 5000);
        script_stream(w, watch, event("MODIFIED", script_lease("b", version, 15)));
    }
    script_nothing(w);
    script_no_event(w);
    end();
}

static void deletion_is_a_hint(void **state)
{
    (void)state;
    begin();
    script_stream(w, watch, event("DELETED", script_lease("b", 6, 15)));
    script_answer(w, script_take(w, "GET", "/g"), 200, script_lease("b", 7, 15));
    script_no_event(w);
    end();
}

static void resumes_at_once_after_a_clean_end(void **state)
{
    (void)state;
    begin();
    script_stream(w, watch, bookmark);
    script_advance(w, 2000);
    script_answer(w, watch, 200, "");
    watch = script_take_watch(w, "resourceVersion=77");
    script_stream_open(w, watch);
    end();
}

static void does_not_spin_when_watches_end_at_once(void **state)
{
    (void)state;
    begin();
    script_answer(w, watch, 200, "");
    size_t before = w->count;
    for (int i = 0; i < 600; i++) {
        script_advance(w, 100);
        for (; w->taken < w->count; w->taken++) {
            struct call *c = &w->calls[w->taken];
            if (c->request.stream) {
                script_stream_open(w, c);
                script_answer(w, c, 200, "");
            } else if (strcmp(c->method, "GET") == 0) {
                script_answer(w, c, 200, script_lease("b", 5, 15));
            }
        }
    }
    assert_true(w->count - before < 120);
    end();
}

static void starts_anew_when_its_version_is_gone(void **state)
{
    (void)state;
    const char *gone =
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Expired\","
        "\"message\":\"too old resource version\",\"code\":410}}\n";
    begin();
    script_stream(w, watch, bookmark);
    script_stream(w, watch, gone);
    assert_true(watch->cancelled);
    watch = script_take_watch(w, "watch=");
    assert_null(strstr(watch->path, "resourceVersion="));
    script_stream_open(w, watch);
    script_take(w, "GET", "/g"); /* what was deleted meanwhile is not told */
    /* As a status before any stream, too. */
    script_stream(w, watch, bookmark);
    script_fail(w, watch, TRANSPORT_BROKEN, "reset");
    script_advance(w, 200);
    watch = script_take_watch(w, "resourceVersion=77");
    script_answer(w, watch, 410, script_status(410, "Expired", "too old"));
    watch = script_take_watch(w, "watch=");
    assert_null(strstr(watch->path, "resourceVersion="));
    end();
}

static void does_not_spin_when_the_present_state_is_too_old(void **state)
{
    (void)state;
    const char *gone =
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Expired\","
        "\"message\":\"too old resource version\",\"code\":410}}\n";
    begin();
    script_stream(w, watch, bookmark);
    script_stream(w, watch, gone);
    int watches = 0;
    for (int i = 0; i < 100; i++) {
        script_advance(w, 100);
        for (; w->taken < w->count; w->taken++) {
            struct call *c = &w->calls[w->taken];
            if (!c->request.stream) {
                script_answer(w, c, 200, script_lease("b", 5, 15));
                continue;
            }
            assert_true(++watches < 30);
            script_stream_open(w, c);
            script_stream(w, c, bookmark);
            script_stream(w, c, gone);
        }
    }
    assert_true(watches > 3);
    end();
}

static void pauses_grow_while_it_cannot_be_opened(void **state)
{
    (void)state;
    begin();
    script_fail(w, watch, TRANSPORT_BROKEN, "reset");
    int watches = 0;
    for (int i = 0; i < 200; i++) {
        script_advance(w, 100);
        for (; w->taken < w->count; w->taken++) {
            struct call *c = &w->calls[w->taken];
            watches += c->request.stream;
            if (c->request.stream)
                script_fail(w, c, TRANSPORT_NOT_SENT, "refused");
            else if (strcmp(c->method, "GET") == 0)
                script_answer(w, c, 200, script_lease("b", 5, 15));
        }
    }
    assert_true(watches >= 10 && watches <= 25); /* 20 s of pauses up to the retry period of 2 s */
    end();
}

static void a_forbidden_watch_leaves_polling(void **state)
{
    (void)state;
    w = script_open(NULL, NULL);
    g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    struct call *get = script_take(w, "GET", "/g");
    watch = script_take_watch(w, "watch=");
    script_answer(w, watch, 403, script_status(403, "Forbidden", "no"));
    script_answer(w, get, 200, script_lease("b", 5, 15));
    assert_non_null(strstr(leasehold_event_text(script_event(w, LEASEHOLD_EVENT_WARNING)), "verbs: [\"watch\"]"));
    int reads = 0, watches = 0;
    unsigned version = 6;
    for (int i = 0; i < 60; i++) {
        script_advance(w, 1000);
        for (; w->taken < w->count; w->taken++) {
            struct call *c = &w->calls[w->taken];
            if (c->request.stream) {
                watches++;
                script_answer(w, c, 403, "");
            } else {
                assert_string_equal(c->method, "GET");
                reads++;
                script_answer(w, c, 200, script_lease("b", version++, 15));
            }
        }
    }
    assert_true(reads >= 20 && reads <= 31);
    assert_true(watches <= 8);
    end();
}

static void silence_is_noticed_before_the_lease_is_over(void **state)
{
    (void)state;
    begin();
    script_advance(w, 9999);
    script_nothing(w);
    script_advance(w, 2);
    assert_true(watch->cancelled);
    script_answer(w, script_take(w, "GET", "/g"), 200, script_lease("b", 9, 15));
    watch = script_take_watch(w, "watch=");
    end();
}

static void neighbours_and_garbage_are_not_believed(void **state)
{
    (void)state;
    begin();
    char other[16384];
    strcpy(other, script_lease(NULL, 6, 1));
    memcpy(strstr(other, "\"name\":\"g\""), "\"name\":\"h\"", 10);
    script_stream(w, watch, event("MODIFIED", other));
    script_stream(w, watch, event("MODIFIED", "{\"kind\":\"Lease\"}"));
    script_stream(w, watch,
                  event("MODIFIED",
                        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"g\",\"uid\":\"1\",\"resourceVersion\":\"8\"}}"));
    script_nothing(w);
    script_no_event(w);
    script_stream(w, watch, "<html>this is no watch</html>\n");
    assert_true(watch->cancelled);
    assert_int_equal(leasehold_event_kind(script_event(w, LEASEHOLD_EVENT_WARNING)), LEASEHOLD_EVENT_WARNING);
    end();
}

static void many_events_in_one_piece_and_one_in_many(void **state)
{
    (void)state;
    begin();
    char all[40000] = "";
    for (unsigned version = 6; version < 20; version++)
        strcat(all, event("MODIFIED", script_lease("b", version, 15)));
    strcat(all, event("MODIFIED", script_lease(NULL, 20, 1)));
    for (size_t i = 0; i < strlen(all); i += 7) {
        char piece[8] = "";
        strncat(piece, all + i, 7);
        script_stream(w, watch, piece);
    }
    assert_non_null(strstr(script_take(w, "PUT", "/g")->body, "\"resourceVersion\":\"20\""));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_is_answered_by_a_write_at_once),
        cmocka_unit_test(renewals_restart_the_wait),
        cmocka_unit_test(deletion_is_a_hint),
        cmocka_unit_test(resumes_at_once_after_a_clean_end),
        cmocka_unit_test(does_not_spin_when_watches_end_at_once),
        cmocka_unit_test(starts_anew_when_its_version_is_gone),
        cmocka_unit_test(does_not_spin_when_the_present_state_is_too_old),
        cmocka_unit_test(pauses_grow_while_it_cannot_be_opened),
        cmocka_unit_test(a_forbidden_watch_leaves_polling),
        cmocka_unit_test(silence_is_noticed_before_the_lease_is_over),
        cmocka_unit_test(neighbours_and_garbage_are_not_believed),
        cmocka_unit_test(many_events_in_one_piece_and_one_in_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
