/* The test double as its users see it: linked with libleasehold-testing and nothing else of the house. */
#include <leasehold/testing.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static leasehold_service *open_service(leasehold_options *o)
{
    leasehold_service *s = NULL;
    if (leasehold_service_open(&s, o) < 0)
        fail_msg("%s", leasehold_options_error(o));
    return s;
}

static leasehold_group *stand(leasehold_service *s, const char *name, int role)
{
    leasehold_group *g = NULL;
    assert_int_equal(leasehold_group_open(&g, s, name, role, NULL), 0);
    return g;
}

/* The next event of this kind; others are passed over. NULL: none waits. */
static const leasehold_event *next(leasehold_service *s, int kind)
{
    const leasehold_event *e;
    while (leasehold_service_next_event(s, &e) > 0)
        if (leasehold_event_kind(e) == kind)
            return e;
    return NULL;
}

static void leads_and_loses(void **state)
{
    (void)state;
    leasehold_service *s = open_service(NULL);
    leasehold_group *g = stand(s, "reports", LEASEHOLD_CANDIDATE);
    assert_false(leasehold_group_is_leading(g));
    assert_int_equal(leasehold_testing_make_leader(g), 0);
    assert_true(leasehold_group_is_leading(g));
    const leasehold_event *e = next(s, LEASEHOLD_EVENT_STARTED_LEADING);
    assert_non_null(e);
    assert_int_equal(leasehold_event_boot_ns(e), leasehold_testing_now_ns(s));
    char lock[4096];
    assert_true(leasehold_testing_lock(g, lock, sizeof lock) > 0);
    assert_non_null(strstr(lock, leasehold_group_identity(g)));

    assert_int_equal(leasehold_testing_advance(s, 3600 * SECOND), 0);
    assert_true(leasehold_group_is_leading(g));
    assert_null(next(s, LEASEHOLD_EVENT_STOP_WORK));

    assert_int_equal(leasehold_testing_lose(g), 0);
    assert_false(leasehold_group_is_leading(g));
    e = next(s, LEASEHOLD_EVENT_STOP_WORK);
    assert_non_null(e);
    assert_true(leasehold_event_must_kill(e));
    assert_int_equal(leasehold_testing_make_leader(g), LEASEHOLD_ERR_STATE);
    assert_int_equal(leasehold_group_work_stopped(g, leasehold_event_term(e)), 0);
    assert_int_equal(leasehold_testing_advance(s, 60 * SECOND), 0);
    char leader[256];
    assert_int_equal(leasehold_group_leader(g, leader, sizeof leader), 13);
    assert_string_equal(leader, "somebody-else");
    assert_false(leasehold_group_is_leading(g));

    assert_int_equal(leasehold_testing_make_leader(g), 0);
    e = next(s, LEASEHOLD_EVENT_STARTED_LEADING);
    assert_int_equal(leasehold_event_term(e), 2);
    leasehold_group_unref(g);
    leasehold_service_unref(s);
}

static void a_hanging_server_ends_the_term_in_time(void **state)
{
    (void)state;
    leasehold_service *s = open_service(NULL);
    leasehold_group *g = stand(s, "g", LEASEHOLD_CANDIDATE);
    assert_int_equal(leasehold_testing_make_leader(g), 0);
    leasehold_testing_hang(s, true);
    struct leasehold_term term = { .size = sizeof term };
    assert_int_equal(leasehold_group_term(g, &term), 1);
    assert_true(term.leading_until_ns == leasehold_testing_now_ns(s) + 10 * SECOND);
    leasehold_testing_advance(s, 10 * SECOND - 1);
    assert_true(leasehold_group_is_leading(g));
    leasehold_testing_advance(s, 1);
    assert_false(leasehold_group_is_leading(g));
    const leasehold_event *e = next(s, LEASEHOLD_EVENT_STOP_WORK);
    assert_int_equal(leasehold_event_reason(e), LEASEHOLD_REASON_RENEW_DEADLINE);
    leasehold_testing_hang(s, false);
    assert_int_equal(leasehold_group_work_stopped(g, 1), 0);
    leasehold_testing_advance(s, 5 * SECOND); /* the record is still ours: lead again at once */
    assert_true(leasehold_group_is_leading(g));
    leasehold_group_unref(g);
    leasehold_service_unref(s);
}

static void a_short_outage_is_survived_and_a_freeze_is_not(void **state)
{
    (void)state;
    leasehold_service *s = open_service(NULL);
    leasehold_group *g = stand(s, "g", LEASEHOLD_CANDIDATE);
    assert_int_equal(leasehold_testing_make_leader(g), 0);
    leasehold_testing_cut(s, true);
    leasehold_testing_advance(s, 6 * SECOND);
    leasehold_testing_cut(s, false);
    leasehold_testing_advance(s, 20 * SECOND);
    assert_null(next(s, LEASEHOLD_EVENT_STOP_WORK));
    leasehold_testing_refuse(s, 403);
    leasehold_testing_advance(s, 4 * SECOND);
    const leasehold_event *e = next(s, LEASEHOLD_EVENT_WARNING);
    assert_non_null(strstr(leasehold_event_text(e), "forbids to update leases"));
    leasehold_testing_refuse(s, 0);
    leasehold_testing_advance(s, 4 * SECOND);
    assert_true(leasehold_group_is_leading(g));
    leasehold_testing_freeze(s, 30 * SECOND);
    assert_false(leasehold_group_is_leading(g));
    assert_non_null(next(s, LEASEHOLD_EVENT_STOP_WORK));
    leasehold_group_unref(g);
    leasehold_service_unref(s);
}

static void candidates_share_a_world(void **state)
{
    (void)state;
    leasehold_options *o = leasehold_options_new();
    leasehold_service *a = open_service(o);
    assert_int_equal(leasehold_testing_share(o, a), 0);
    leasehold_options_set(o, "identity", "b");
    leasehold_service *b = open_service(o);
    leasehold_options_unref(o);
    leasehold_group *ga = stand(a, "g", LEASEHOLD_CANDIDATE), *gb = stand(b, "g", LEASEHOLD_CANDIDATE);
    assert_int_equal(leasehold_testing_make_leader(ga), 0);
    assert_int_equal(leasehold_testing_make_leader(gb), 0);
    assert_true(leasehold_group_is_leading(gb));
    assert_false(leasehold_group_is_leading(ga));
    assert_non_null(next(a, LEASEHOLD_EVENT_STOP_WORK));
    leasehold_group_unref(ga);
    leasehold_service_unref(a);
    assert_int_equal(leasehold_testing_make_leader(gb), 0);
    leasehold_group_unref(gb);
    leasehold_service_unref(b);
}

static void others_give_back_or_die(void **state)
{
    (void)state;
    leasehold_service *s = open_service(NULL);
    leasehold_group *g = stand(s, "g", LEASEHOLD_CANDIDATE);
    assert_int_equal(leasehold_testing_let_lead(g, "b"), 0);
    leasehold_testing_advance(s, 300 * SECOND);
    assert_false(leasehold_group_is_leading(g));
    assert_string_equal(leasehold_event_holder(next(s, LEASEHOLD_EVENT_LEADER_CHANGED)), "b");
    assert_int_equal(leasehold_testing_let_go(g, true), 0);
    assert_true(leasehold_group_is_leading(g));
    leasehold_service_unref(s);
    leasehold_group_unref(g);

    s = open_service(NULL);
    g = stand(s, "g", LEASEHOLD_CANDIDATE);
    leasehold_testing_let_lead(g, "b");
    leasehold_testing_let_go(g, false);
    leasehold_testing_advance(s, 14 * SECOND);
    assert_false(leasehold_group_is_leading(g));
    leasehold_testing_advance(s, 2 * SECOND);
    assert_true(leasehold_group_is_leading(g));
    leasehold_service_unref(s);
    leasehold_group_unref(g);
}

static int stop_at_start(void *user, const leasehold_event *e)
{
    (void)user;
    return leasehold_event_kind(e) == LEASEHOLD_EVENT_STARTED_LEADING ? 5 : 0;
}

static void loops_and_threads_work_as_with_the_real_one(void **state)
{
    (void)state;
    leasehold_service *s = open_service(NULL);
    assert_int_equal(leasehold_group_open(NULL, s, "g", LEASEHOLD_CANDIDATE, NULL), 0);
    assert_int_equal(leasehold_service_run(s, stop_at_start, NULL), 5);
    struct pollfd fd = { .fd = leasehold_service_fd(s), .events = POLLIN };
    while (next(s, 0))
        ;
    assert_int_equal(leasehold_service_dispatch(s), 0);
    assert_int_equal(poll(&fd, 1, 0), 0);
    leasehold_service_unref(s);

    s = open_service(NULL);
    assert_int_equal(leasehold_service_start_thread(s), 0);
    leasehold_group *g = stand(s, "g", LEASEHOLD_CANDIDATE);
    assert_int_equal(leasehold_service_run(s, stop_at_start, NULL), 5);
    assert_true(leasehold_group_is_leading(g));
    assert_int_equal(leasehold_service_stop(s), 0);
    assert_int_equal(leasehold_group_work_stopped(g, 1), 0);
    assert_int_equal(leasehold_service_run(s, NULL, NULL), 0);
    leasehold_group_unref(g);
    leasehold_service_unref(s);
}

/* The names of the members as known, with a question mark where not ready. */
static const char *names(leasehold_roster *r)
{
    static char text[512];
    leasehold_members *m = NULL;
    text[0] = '\0';
    if (leasehold_roster_members(r, &m) != 1)
        return NULL;
    for (size_t i = 0; i < leasehold_members_count(m); i++) {
        strcat(text, leasehold_members_name(m, i));
        strcat(text, leasehold_members_ready(m, i) ? " " : "? ");
    }
    leasehold_members_unref(m);
    return text;
}

static void members_come_and_go(void **state)
{
    (void)state;
    leasehold_options *o = leasehold_options_new();
    leasehold_options_set(o, "selector", "app=x");
    leasehold_service *s = open_service(o);
    leasehold_roster *r = NULL;
    assert_int_equal(leasehold_testing_put_pod(s, "a", "app=x", true), 0);
    assert_int_equal(leasehold_testing_put_pod(s, "z", "app=y", true), 0);
    assert_int_equal(leasehold_roster_open(&r, s, NULL), 0);
    assert_null(names(r));
    leasehold_service_dispatch(s);
    assert_string_equal(names(r), "a ");
    assert_non_null(next(s, LEASEHOLD_EVENT_MEMBERS_CHANGED));
    assert_int_equal(leasehold_testing_put_pod(s, "b", "app=x,tier=web", false), 0);
    assert_string_equal(names(r), "a b? ");
    assert_int_equal(leasehold_testing_put_pod(s, "b", "app=x", true), 0);
    assert_string_equal(names(r), "a b ");
    assert_int_equal(leasehold_testing_delete_pod(s, "a"), 0);
    assert_int_equal(leasehold_testing_put_pod(s, "b", "app=y", true), 0);
    assert_string_equal(names(r), "");
    assert_non_null(next(s, LEASEHOLD_EVENT_MEMBERS_CHANGED));
    assert_int_equal(leasehold_testing_delete_pod(s, "a"), LEASEHOLD_ERR_STATE);
    assert_int_equal(leasehold_testing_put_pod(s, "Not A Name", NULL, true), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_testing_put_pod(s, "a", "x", true), LEASEHOLD_ERR_ARGUMENT);
    /* Cut off, then back: what happened meanwhile is known. */
    leasehold_testing_cut(s, true);
    assert_int_equal(leasehold_testing_put_pod(s, "c", "app=x", true), 0);
    assert_string_equal(names(r), "");
    leasehold_testing_cut(s, false);
    leasehold_testing_advance(s, 60 * SECOND);
    assert_string_equal(names(r), "c ");
    leasehold_roster_unref(r);
    leasehold_service_unref(s);
    leasehold_options_unref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_and_loses),
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(a_hanging_server_ends_the_term_in_time),
        cmocka_unit_test(a_short_outage_is_survived_and_a_freeze_is_not),
        cmocka_unit_test(candidates_share_a_world),
        cmocka_unit_test(others_give_back_or_die),
        cmocka_unit_test(loops_and_threads_work_as_with_the_real_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
