/* The system's resolver takes 8 seconds (tests/slow_getaddrinfo.c comes before libc here): nothing waits for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"

/* ThreadSanitizer's pthread_create() waits until the new thread runs, which on a busy machine takes as long as it takes. */
#if defined(__SANITIZE_THREAD__)
#define LONGEST_NS (2 * S)
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LONGEST_NS (2 * S)
#endif
#endif
#ifndef LONGEST_NS
#define LONGEST_NS (50 * MS)
#endif

extern atomic_uint slow_getaddrinfo_calls;

static struct server server;
static struct client client;

static void close_quickly(void)
{
    int64_t before = clock_now().boot_ns;
    client_close(&client);
    int64_t took = clock_now().boot_ns - before;
    print_message("longest dispatch %.3f ms, free %.3f ms\n", (double)client.longest_ns / 1e6, (double)took / 1e6);
    assert_true(took < LONGEST_NS);
    assert_true(client.longest_ns < LONGEST_NS);
}

static void open_by_name(void)
{
    memset(&client, 0, sizeof(client));
    client_open(&client, "localhost", server.port, NULL);
}

static void a_request_ends_in_time_while_its_name_is_being_asked_for(void **state)
{
    (void)state;
    struct probe probes[10], watch = { 0 };
    memset(probes, 0, sizeof(probes));
    unsigned asked = atomic_load(&slow_getaddrinfo_calls);
    open_by_name();
    for (int i = 0; i < 10; i++)
        client_get(&client, &probes[i], "/x", 200 * MS);
    client_watch(&client, &watch, "/w", 200 * MS, S);
    for (int i = 0; i < 10; i++) {
        client_finish(&client, &probes[i]);
        assert_int_equal(probes[i].outcome, TRANSPORT_NOT_SENT);
        assert_non_null(strstr(probes[i].sentence, "within 0.2s"));
        probe_clear(&probes[i]);
    }
    client_finish(&client, &watch);
    assert_int_equal(watch.outcome, TRANSPORT_NOT_SENT);
    probe_clear(&watch);
    close_quickly();
    assert_int_equal(atomic_load(&slow_getaddrinfo_calls), asked + 1); /* one thread for all of them */
}

static void requests_may_be_cancelled_while_their_name_is_being_asked_for(void **state)
{
    (void)state;
    struct probe a = { 0 }, b = { 0 };
    open_by_name();
    client_get(&client, &a, "/a", 5 * S);
    client_get(&client, &b, "/b", 100 * MS);
    client_finish(&client, &b);
    int64_t before = clock_now().boot_ns;
    client_cancel(&client, &a);
    assert_true(clock_now().boot_ns - before < LONGEST_NS);
    close_quickly();
    assert_int_equal(a.answers, 0);
    probe_clear(&b);
}

static void freeing_does_not_wait_for_the_name(void **state)
{
    (void)state;
    struct probe a = { 0 };
    open_by_name();
    client_get(&client, &a, "/a", 60 * S);
    assert_false(client_turn(&client, &a.answers, 1, 50 * MS));
    close_quickly();
    assert_int_equal(a.answers, 0);
}

static void the_answer_is_used_when_it_comes_and_kept(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_by_name();
    client_get(&client, &probe, "/first", 30 * S);
    assert_true(client_turn(&client, &probe.answers, 1, 20 * S));
    assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(probe.status, 200);
    probe_clear(&probe);
    for (int i = 0; i < 3; i++) { /* each on a new connection, and each at once */
        struct probe next = { 0 };
        struct transport_request request = { .method = "GET", .path = "/next", .limit_ns = S, .stream = true };
        client_start(&client, &next, &request);
        assert_true(client_turn(&client, &next.opens, 1, S));
        client_finish(&client, &next);
        probe_clear(&next);
    }
    close_quickly();
}

/* The server has gone and the last good address with it: requests fail at once and ask for the name again, in the background. */
static void a_refused_address_is_asked_for_again_without_waiting(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_by_name();
    client_get(&client, &probe, "/first", 30 * S);
    assert_true(client_turn(&client, &probe.answers, 1, 20 * S));
    probe_clear(&probe);
    unsigned asked = atomic_load(&slow_getaddrinfo_calls);
    server_stop(&server);
    int64_t until = clock_now().boot_ns + 1500 * MS;
    while (clock_now().boot_ns < until) {
        client_get(&client, &probe, "/gone", 300 * MS);
        client_finish(&client, &probe);
        assert_int_equal(probe.outcome, TRANSPORT_NOT_SENT);
        probe_clear(&probe);
        client_turn(&client, &probe.answers, 1, 100 * MS);
    }
    assert_int_equal(atomic_load(&slow_getaddrinfo_calls), asked + 1);
    close_quickly();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_ends_in_time_while_its_name_is_being_asked_for),
        cmocka_unit_test(requests_may_be_cancelled_while_their_name_is_being_asked_for),
        cmocka_unit_test(freeing_does_not_wait_for_the_name),
        cmocka_unit_test(the_answer_is_used_when_it_comes_and_kept),
        cmocka_unit_test(a_refused_address_is_asked_for_again_without_waiting),
    };
    server_start(&server, serve_plainly);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
