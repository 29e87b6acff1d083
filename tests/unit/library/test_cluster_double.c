/* Cluster, views and listeners over the test double, as a user's test would have them: members, losses, states that collapse. */
#include <leasehold/testing.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "told.h"

#define SECOND_NS UINT64_C(1000000000)

struct fixture {
    leasehold_cluster *cluster;
    leasehold_service *service;
    leasehold_view *view;
    struct told told;
};

static void open_fixture(struct fixture *f)
{
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_options_set(o, "identity", "a"), 0);
    assert_int_equal(leasehold_options_set(o, "selector", "app=x"), 0);
    assert_int_equal(leasehold_cluster_new(&f->cluster, o), 0);
    leasehold_options_unref(o);
    assert_int_equal(leasehold_cluster_view(f->cluster, "g", &f->view), 0);
    f->service = leasehold_cluster_service(f->cluster);
    told_init(&f->told);
}

static void close_fixture(struct fixture *f)
{
    told_let_go(&f->told);
    assert_int_equal(leasehold_cluster_stop(f->cluster), 0);
    assert_int_equal(leasehold_cluster_wait(f->cluster, 60 * SECOND_NS), 0);
    leasehold_view_unref(f->view);
    leasehold_cluster_unref(f->cluster);
}

static void lead(struct fixture *f)
{
    leasehold_group *g = leasehold_view_group(f->view);
    assert_non_null(g);
    assert_int_equal(leasehold_testing_make_leader(g), 0);
    leasehold_group_unref(g);
}

static void lose(struct fixture *f, const char *to)
{
    leasehold_group *g = leasehold_view_group(f->view);
    assert_int_equal(leasehold_testing_let_lead(g, to), 0);
    leasehold_group_unref(g);
}

static void a_loss_is_told_and_the_next_term_waits_for_it(void **state)
{
    (void)state;
    struct fixture f;
    struct leasehold_term term = { .size = sizeof term };
    open_fixture(&f);
    f.told.hold = HOLD_END;
    told_add(&f.told, f.view, false);
    assert_int_equal(leasehold_cluster_start(f.cluster), 0);
    lead(&f);
    UNTIL(told_locals(&f.told) == 1);
    lose(&f, "b");
    assert_false(leasehold_view_is_leading(f.view));
    UNTIL(told_is_held(&f.told));
    leasehold_group *g = leasehold_view_group(f.view);
    assert_int_equal(leasehold_testing_let_go(g, true), 0);
    assert_int_equal(leasehold_testing_advance(f.service, 60 * SECOND_NS), 0);
    assert_false(leasehold_view_is_leading(f.view)); /* the lock is free, the work of before not confirmed */
    told_let_go(&f.told);
    UNTIL(leasehold_testing_advance(f.service, SECOND_NS) == 0 && leasehold_view_is_leading(f.view));
    UNTIL(told_locals(&f.told) == 2);
    assert_int_equal(leasehold_view_term(f.view, &term), 1);
    assert_int_equal(term.number, 2);
    leasehold_group_unref(g);
    close_fixture(&f);
    assert_int_equal(f.told.ends, 2);
}

static void a_server_that_hangs_ends_the_term_at_its_deadline(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    told_add(&f.told, f.view, false);
    assert_int_equal(leasehold_cluster_start(f.cluster), 0);
    lead(&f);
    UNTIL(told_locals(&f.told) == 1);
    assert_int_equal(leasehold_testing_hang(f.service, true), 0);
    assert_int_equal(leasehold_testing_advance(f.service, 10 * SECOND_NS), 0);
    assert_false(leasehold_view_is_leading(f.view));
    UNTIL(told_ends(&f.told) == 1);
    assert_int_equal(leasehold_testing_hang(f.service, false), 0);
    UNTIL(leasehold_testing_advance(f.service, SECOND_NS) == 0 && told_locals(&f.told) == 2);
    close_fixture(&f);
}

static void leaders_collapse_to_the_newest(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    f.told.hold = HOLD_FIRST;
    told_add(&f.told, f.view, false);
    UNTIL(told_is_held(&f.told));
    assert_int_equal(leasehold_cluster_start(f.cluster), 0);
    for (int i = 0; i < 20; i++) {
        char name[16];
        char leader[256] = "";
        snprintf(name, sizeof name, "other-%d", i);
        lose(&f, name);
        UNTIL(leasehold_view_leader(f.view, leader, sizeof leader) > 0 && strcmp(leader, name) == 0);
    }
    assert_int_equal(told_calls(&f.told), 1);
    told_let_go(&f.told);
    UNTIL(told_last_is(&f.told, "other-19"));
    assert_int_equal(told_calls(&f.told), 2);
    close_fixture(&f);
}

static void members_are_followed_and_collapse(void **state)
{
    (void)state;
    enum { PODS = 50 };
    struct fixture f;
    struct told late;
    leasehold_members *m = NULL;
    char name[16];
    open_fixture(&f);
    told_init(&late);
    assert_int_equal(leasehold_testing_put_pod(f.service, "pod-0", "app=x", true), 0);
    f.told.hold = HOLD_MEMBERS;
    told_add(&f.told, f.view, true);
    assert_int_equal(leasehold_view_members(f.view, &m), 0);
    assert_null(m);
    assert_int_equal(leasehold_cluster_start(f.cluster), 0);
    UNTIL(told_is_held(&f.told));
    assert_int_equal(told_members(&f.told), 1);
    for (int i = 1; i < PODS; i++) {
        snprintf(name, sizeof name, "pod-%d", i);
        assert_int_equal(leasehold_testing_put_pod(f.service, name, "app=x", true), 0);
    }
    assert_int_equal(leasehold_testing_put_pod(f.service, "stranger", "app=y", true), 0);
    assert_int_equal(leasehold_testing_delete_pod(f.service, "pod-0"), 0);
    assert_int_equal(leasehold_view_members(f.view, &m), 1);
    assert_int_equal(leasehold_members_count(m), PODS - 1);
    m = leasehold_members_unref(m);
    assert_int_equal(told_member_calls(&f.told), 1);
    told_let_go(&f.told);
    UNTIL(told_members(&f.told) == PODS - 1);
    assert_int_equal(told_member_calls(&f.told), 2);

    told_add(&late, f.view, true);
    UNTIL(told_member_calls(&late) == 1);
    assert_int_equal(told_members(&late), PODS - 1);
    assert_int_equal(leasehold_view_stop(f.view), 0);
    assert_int_equal(leasehold_view_members(f.view, &m), 0);
    assert_int_equal(leasehold_testing_delete_pod(f.service, "pod-1"), 0);
    assert_int_equal(leasehold_view_start(f.view), 0);
    UNTIL(told_members(&f.told) == PODS - 2 && told_members(&late) == PODS - 2);
    close_fixture(&f);
}

static void views_share_the_members(void **state)
{
    (void)state;
    struct fixture f;
    struct told other;
    leasehold_view *v = NULL;
    open_fixture(&f);
    told_init(&other);
    assert_int_equal(leasehold_cluster_view(f.cluster, "h", &v), 0);
    told_add(&f.told, f.view, true);
    told_add(&other, v, true);
    assert_int_equal(leasehold_cluster_start(f.cluster), 0);
    assert_int_equal(leasehold_testing_put_pod(f.service, "pod", "app=x", true), 0);
    UNTIL(told_members(&f.told) == 1 && told_members(&other) == 1);
    assert_int_equal(leasehold_view_stop(f.view), 0);
    assert_int_equal(leasehold_testing_put_pod(f.service, "pod-2", "app=x", true), 0);
    UNTIL(told_members(&other) == 2);
    assert_int_equal(told_members(&f.told), 1);
    leasehold_view_unref(v);
    close_fixture(&f);
}

static void two_views_share_a_config_map(void **state)
{
    (void)state;
    struct fixture f = { 0 };
    leasehold_view *v = NULL;
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_options_set(o, "lock", "configmap"), 0);
    assert_int_equal(leasehold_options_set(o, "lock-name", "shared"), 0);
    assert_int_equal(leasehold_options_set(o, "identity", "a"), 0);
    assert_int_equal(leasehold_cluster_new(&f.cluster, o), 0);
    leasehold_options_unref(o);
    f.service = leasehold_cluster_service(f.cluster);
    told_init(&f.told);
    assert_int_equal(leasehold_cluster_view(f.cluster, "g", &f.view), 0);
    assert_int_equal(leasehold_cluster_view(f.cluster, "h", &v), 0);
    told_add(&f.told, f.view, false);
    assert_int_equal(leasehold_cluster_start(f.cluster), 0);
    UNTIL(leasehold_testing_advance(f.service, SECOND_NS) == 0 && leasehold_view_is_leading(f.view) && leasehold_view_is_leading(v));
    UNTIL(told_locals(&f.told) == 1);
    assert_int_equal(leasehold_view_stop(v), 0);
    assert_true(leasehold_view_is_leading(f.view));
    leasehold_view_unref(v);
    close_fixture(&f);
    assert_int_equal(f.told.ends, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_is_told_and_the_next_term_waits_for_it),
        cmocka_unit_test(a_server_that_hangs_ends_the_term_at_its_deadline),
        cmocka_unit_test(leaders_collapse_to_the_newest),
        cmocka_unit_test(members_are_followed_and_collapse),
        cmocka_unit_test(views_share_the_members),
        cmocka_unit_test(two_views_share_a_config_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
