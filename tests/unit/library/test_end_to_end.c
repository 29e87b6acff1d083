/* The library against a development API server, over real sockets. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

static leasehold_service *open_service(struct world *w, const char *identity)
{
    leasehold_options *o = world_options(w, identity);
    leasehold_service *s = NULL;
    if (leasehold_service_open(&s, o) < 0)
        fail_msg("%s", leasehold_options_error(o));
    leasehold_options_unref(o);
    return s;
}

static leasehold_group *stand(leasehold_service *s, const char *name, int role)
{
    leasehold_group *g = NULL;
    assert_int_equal(leasehold_group_open(&g, s, name, role, NULL), 0);
    return g;
}

static void leads_renews_and_releases(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_service *s = open_service(w, "a");
    leasehold_group *g = stand(s, "reports", LEASEHOLD_CANDIDATE);
    const leasehold_event *e;
    char body[8192];

    assert_false(leasehold_group_is_leading(g));
    world_await(s, g, LEASEHOLD_EVENT_STARTED_LEADING, 3000, &e);
    assert_int_equal(leasehold_event_term(e), 1);
    assert_string_equal(leasehold_event_holder(e), "a");
    assert_true(leasehold_event_stop_by_ns(e) > leasehold_event_leading_until_ns(e));
    assert_true(leasehold_group_is_leading(g));
    struct leasehold_term term = { .size = sizeof term };
    assert_int_equal(leasehold_group_term(g, &term), 1);
    assert_string_equal(term.token, leasehold_event_token(e));
    assert_string_equal(term.lock_uid, leasehold_event_lock_uid(e));
    assert_int_equal(strlen(term.lock_uid), 36);

    assert_int_equal(world_pass(s, LEASEHOLD_EVENT_STOP_WORK, 2000), 0);
    struct leasehold_term later = { .size = sizeof later };
    assert_int_equal(leasehold_group_term(g, &later), 1);
    assert_true(later.leading_until_ns > term.leading_until_ns);
    assert_string_equal(later.token, term.token);

    assert_int_equal(leasehold_service_stop(s), 0);
    world_await(s, g, LEASEHOLD_EVENT_STOP_WORK, 1000, &e);
    assert_int_equal(leasehold_event_reason(e), LEASEHOLD_REASON_CLOSED);
    assert_false(leasehold_group_is_leading(g));
    assert_int_equal(leasehold_group_work_stopped(g, 1), 0);
    world_await(s, g, LEASEHOLD_EVENT_STOPPED_LEADING, 1000, NULL);
    world_await(s, g, LEASEHOLD_EVENT_CLOSED, 1000, &e);
    assert_string_equal(leasehold_group_name(leasehold_event_group(e)), "reports");
    world_await(s, NULL, LEASEHOLD_EVENT_CLOSED, 1000, &e);
    assert_null(leasehold_event_group(e));

    assert_int_equal(world_get(w, "/apis/coordination.k8s.io/v1/namespaces/default/leases/reports", body, sizeof body), 200);
    assert_non_null(strstr(body, "\"holderIdentity\":\"\""));
    leasehold_service_unref(s);
    leasehold_group_unref(g);
    world_close(w);
}

static void hands_over_within_round_trips(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_service *a = open_service(w, "a"), *b = open_service(w, "b");
    leasehold_group *ga = stand(a, "g", LEASEHOLD_CANDIDATE);
    const leasehold_event *e;
    world_await(a, ga, LEASEHOLD_EVENT_STARTED_LEADING, 3000, NULL);
    assert_int_equal(leasehold_service_start_thread(a), 0);
    leasehold_group *gb = stand(b, "g", LEASEHOLD_CANDIDATE);
    world_await(b, gb, LEASEHOLD_EVENT_LEADER_CHANGED, 3000, &e);
    assert_string_equal(leasehold_event_holder(e), "a");
    char leader[256];
    assert_int_equal(leasehold_group_leader(gb, leader, sizeof leader), 1);
    assert_string_equal(leader, "a");
    assert_int_equal(leasehold_group_leader(gb, leader, 1), LEASEHOLD_ERR_LIMIT);

    assert_int_equal(leasehold_group_resign(ga, 0), 0);
    world_await(a, ga, LEASEHOLD_EVENT_STOP_WORK, 1000, &e);
    assert_int_equal(leasehold_event_reason(e), LEASEHOLD_REASON_RESIGNED);
    uint64_t released_ns = world_boot_ns();
    assert_int_equal(leasehold_group_work_stopped(ga, 1), 0);
    world_await(b, gb, LEASEHOLD_EVENT_STARTED_LEADING, 3000, &e);
    assert_true(world_boot_ns() - released_ns < 500000000);
    assert_true(strtoull(leasehold_event_token(e), NULL, 10) > 0);
    leasehold_service_unref(a);
    leasehold_service_unref(b);
    assert_false(leasehold_group_is_leading(gb));
    leasehold_group_unref(ga);
    leasehold_group_unref(gb);
    world_close(w);
}

static void takes_over_after_a_crash_and_not_before(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_service *a = open_service(w, "a"), *b = open_service(w, "b");
    leasehold_group *ga = stand(a, "g", LEASEHOLD_CANDIDATE);
    world_await(a, ga, LEASEHOLD_EVENT_STARTED_LEADING, 3000, NULL);
    leasehold_group *gb = stand(b, "g", LEASEHOLD_CANDIDATE);
    world_await(b, gb, LEASEHOLD_EVENT_LEADER_CHANGED, 3000, NULL);
    leasehold_service_unref(a);
    uint64_t gone_ns = world_boot_ns();
    world_await(b, gb, LEASEHOLD_EVENT_STARTED_LEADING, 7000, NULL);
    uint64_t waited_ns = world_boot_ns() - gone_ns;
    assert_true(waited_ns > 2000000000 && waited_ns < 4700000000);
    leasehold_service_unref(b);
    leasehold_group_unref(ga);
    leasehold_group_unref(gb);
    world_close(w);
}

static void stops_in_time_when_the_server_hangs(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_service *s = open_service(w, "a");
    leasehold_group *g = stand(s, "g", LEASEHOLD_CANDIDATE);
    const leasehold_event *e;
    world_await(s, g, LEASEHOLD_EVENT_STARTED_LEADING, 3000, NULL);
    world_fault(w, "{\"action\": \"hang\"}");
    struct leasehold_term term = { .size = sizeof term };
    assert_int_equal(leasehold_group_term(g, &term), 1);
    world_await(s, g, LEASEHOLD_EVENT_STOP_WORK, 5000, &e);
    assert_int_equal(leasehold_event_reason(e), LEASEHOLD_REASON_RENEW_DEADLINE);
    assert_false(leasehold_event_must_kill(e));
    assert_true(leasehold_event_stop_by_ns(e) > world_boot_ns());
    assert_true(leasehold_event_boot_ns(e) - term.leading_until_ns < 100000000);
    assert_false(leasehold_group_is_leading(g));
    leasehold_service_unref(s);
    leasehold_group_unref(g);
    world_close(w);
}

static int count_events(void *user, const leasehold_event *e)
{
    int *started = user;
    if (leasehold_event_kind(e) == LEASEHOLD_EVENT_STARTED_LEADING) {
        ++*started;
        return leasehold_group_work_stopped(leasehold_event_group(e), leasehold_event_term(e)) < 0 ? -99 : 0;
    }
    return leasehold_event_kind(e) == LEASEHOLD_EVENT_STOPPED_LEADING ? 7 : 0;
}

static void run_ends_with_the_handlers_result(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_service *s = open_service(w, "a");
    int started = 0;
    assert_int_equal(leasehold_group_open(NULL, s, "g", LEASEHOLD_CANDIDATE, NULL), 0);
    assert_int_equal(leasehold_service_run(s, count_events, &started), 7);
    assert_int_equal(started, 1);
    assert_int_equal(leasehold_service_stop(s), 0);
    assert_int_equal(leasehold_service_run(s, NULL, NULL), 0);
    leasehold_service_unref(s);

    s = open_service(w, "b");
    started = 0;
    assert_int_equal(leasehold_service_start_thread(s), 0);
    assert_int_equal(leasehold_service_start_thread(s), LEASEHOLD_ERR_STATE);
    assert_int_equal(leasehold_group_open(NULL, s, "h", LEASEHOLD_CANDIDATE, NULL), 0);
    assert_int_equal(leasehold_service_run(s, count_events, &started), 7);
    assert_int_equal(started, 1);
    leasehold_service_unref(s);
    world_close(w);
}

static void many_groups_and_observers_share_a_service(void **state)
{
    (void)state;
    enum { GROUPS = 20 };
    struct world *w = world_open();
    leasehold_service *s = open_service(w, "a"), *o = open_service(w, "o");
    leasehold_group *groups[GROUPS], *observed[GROUPS];
    for (int i = 0; i < GROUPS; i++) {
        char name[32];
        snprintf(name, sizeof name, "group-%d", i);
        groups[i] = stand(s, name, LEASEHOLD_CANDIDATE);
        observed[i] = stand(o, name, LEASEHOLD_OBSERVER);
    }
    assert_int_equal(leasehold_group_open(NULL, s, "group-0", LEASEHOLD_CANDIDATE, NULL), LEASEHOLD_ERR_STATE);
    assert_int_equal(leasehold_service_start_thread(s), 0);
    assert_int_equal(leasehold_service_start_thread(o), 0);
    for (int i = 0; i < GROUPS; i++) {
        for (int n = 0; n < 500 && !leasehold_group_is_leading(groups[i]); n++)
            usleep(10000);
        assert_true(leasehold_group_is_leading(groups[i]));
        struct leasehold_record record = { .size = sizeof record };
        for (int n = 0; n < 500 && strcmp(record.holder, "a") != 0; n++) {
            usleep(10000);
            assert_true(leasehold_group_record(observed[i], &record) >= 0);
        }
        assert_int_equal(record.state, LEASEHOLD_RECORD_HELD);
        assert_int_equal(record.lease_duration_ns, 4000000000);
        assert_int_equal(leasehold_group_resign(observed[i], 0), LEASEHOLD_ERR_STATE);
        assert_string_equal(leasehold_group_identity(observed[i]), "");
    }
    for (int i = 0; i < GROUPS; i++) {
        groups[i] = leasehold_group_unref(groups[i]);
        observed[i] = leasehold_group_unref(observed[i]);
    }
    leasehold_service_unref(s);
    leasehold_service_unref(o);
    world_close(w);
}

static void a_forked_child_does_not_lead(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_service *s = open_service(w, "a");
    leasehold_group *g = stand(s, "g", LEASEHOLD_CANDIDATE);
    world_await(s, g, LEASEHOLD_EVENT_STARTED_LEADING, 3000, NULL);
    assert_int_equal(leasehold_service_start_thread(s), 0);
    assert_true(leasehold_group_is_leading(g));
    pid_t child = fork();
    if (child == 0) {
        struct leasehold_term term = { .size = sizeof term };
        const leasehold_event *e;
        bool good = !leasehold_group_is_leading(g) && leasehold_group_term(g, &term) == LEASEHOLD_ERR_FORKED &&
                    leasehold_service_next_event(s, &e) == LEASEHOLD_ERR_FORKED && leasehold_service_dispatch(s) == LEASEHOLD_ERR_FORKED &&
                    leasehold_service_fd(s) == LEASEHOLD_ERR_FORKED && leasehold_group_work_stopped(g, 1) == LEASEHOLD_ERR_FORKED &&
                    leasehold_group_close(g) == LEASEHOLD_ERR_FORKED && leasehold_service_stop(s) == LEASEHOLD_ERR_FORKED &&
                    leasehold_service_start_thread(s) == LEASEHOLD_ERR_FORKED && !leasehold_group_unref(g) && !leasehold_service_unref(s);
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    usleep(2000000);
    assert_true(leasehold_group_is_leading(g));
    leasehold_group_unref(g);
    leasehold_service_unref(s);
    world_close(w);
}

struct hammer {
    leasehold_service *s;
    leasehold_group *g;
    _Atomic bool stop;
    _Atomic uint64_t most; /* largest term number seen */
};

static void *strike(void *data)
{
    struct hammer *h = data;
    uint64_t last = 0, last_token = 0;
    while (!atomic_load(&h->stop)) {
        struct leasehold_term term = { .size = sizeof term };
        struct leasehold_record record = { .size = sizeof record };
        char leader[256], error[64];
        leasehold_group *g = leasehold_group_ref(h->g);
        leasehold_group_is_leading(g);
        if (leasehold_group_term(g, &term) > 0) {
            uint64_t token = strtoull(term.token, NULL, 10);
            if (term.number < last || token < last_token || (term.number > last && token == last_token))
                return data;
            last = term.number;
            last_token = token;
            atomic_store(&h->most, last);
        }
        leasehold_group_leader(g, leader, sizeof leader);
        leasehold_group_record(g, &record);
        leasehold_service_error(h->s, error, sizeof error);
        leasehold_service_fd(h->s);
        leasehold_group_set_user(g, h);
        leasehold_group_unref(g);
        leasehold_group_open(NULL, h->s, "Bad_Name", LEASEHOLD_CANDIDATE, NULL);
        usleep(200);
    }
    return NULL;
}

static void everything_from_any_thread(void **state)
{
    (void)state;
    enum { THREADS = 3, TERMS = 8 };
    struct world *w = world_open();
    static struct hammer h;
    pthread_t thread[THREADS];
    leasehold_options *o = world_options(w, "a");
    leasehold_options_set(o, "extended-events", "yes");
    assert_int_equal(leasehold_service_open(&h.s, o), 0);
    leasehold_options_unref(o);
    h.g = stand(h.s, "g", LEASEHOLD_CANDIDATE);
    assert_int_equal(leasehold_service_start_thread(h.s), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, strike, &h), 0);
    for (uint64_t n = 1; n <= TERMS; n++) {
        const leasehold_event *e;
        world_await(h.s, h.g, LEASEHOLD_EVENT_STARTED_LEADING, 5000, &e);
        assert_int_equal(leasehold_event_term(e), n);
        assert_int_equal(leasehold_group_resign(h.g, 1), 0);
        world_await(h.s, h.g, LEASEHOLD_EVENT_STOP_WORK, 5000, NULL);
        assert_false(leasehold_group_is_leading(h.g));
        assert_int_equal(leasehold_group_work_stopped(h.g, n), 0);
    }
    atomic_store(&h.stop, true);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(thread[i], &result);
        assert_null(result);
    }
    leasehold_group_unref(h.g);
    leasehold_service_unref(h.s);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_renews_and_releases),
        cmocka_unit_test(hands_over_within_round_trips),
        cmocka_unit_test(takes_over_after_a_crash_and_not_before),
        cmocka_unit_test(stops_in_time_when_the_server_hangs),
        cmocka_unit_test(run_ends_with_the_handlers_result),
        cmocka_unit_test(many_groups_and_observers_share_a_service),
        cmocka_unit_test(a_forked_child_does_not_lead),
        cmocka_unit_test(everything_from_any_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
