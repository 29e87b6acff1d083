/* Cluster, views and listeners against a development API server, with real threads. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "told.h"
#include "world.h"

#define LONG_NS (60 * UINT64_C(1000000000))

static leasehold_cluster *open_cluster(struct world *w, const char *identity)
{
    leasehold_options *o = world_options(w, identity);
    leasehold_cluster *c = NULL;
    if (leasehold_cluster_new(&c, o) < 0)
        fail_msg("%s", leasehold_options_error(o));
    leasehold_options_unref(o);
    return c;
}

static leasehold_view *open_view(leasehold_cluster *c, const char *group)
{
    leasehold_view *v = NULL;
    assert_int_equal(leasehold_cluster_view(c, group, &v), 0);
    return v;
}

/* A field of the lease as the server has it, "" where there is none. */
static void lease_field(struct world *w, const char *group, const char *field, char *ret, size_t size)
{
    char path[200], body[8192], key[64];
    snprintf(path, sizeof path, "/apis/coordination.k8s.io/v1/namespaces/default/leases/%s", group);
    snprintf(key, sizeof key, "\"%s\":\"", field);
    ret[0] = '\0';
    if (world_get(w, path, body, sizeof body) != 200)
        return;
    const char *at = strstr(body, key);
    if (at)
        snprintf(ret, size, "%.*s", (int)strcspn(at + strlen(key), "\""), at + strlen(key));
}

static bool holder_is(struct world *w, const char *group, const char *holder)
{
    char found[300];
    lease_field(w, group, "holderIdentity", found, sizeof found);
    return strcmp(found, holder) == 0;
}

/* Waits until the server has seen this many renewals. */
static void await_renewals(struct world *w, const char *group, int count)
{
    char before[100], now[100];
    lease_field(w, group, "renewTime", before, sizeof before);
    for (int i = 0; i < count; i++) {
        UNTIL((lease_field(w, group, "renewTime", now, sizeof now), strcmp(now, before) != 0));
        memcpy(before, now, sizeof before);
    }
}

static void stop_and_close(leasehold_cluster *c, leasehold_view *v)
{
    assert_int_equal(leasehold_cluster_stop(c), 0);
    assert_int_equal(leasehold_cluster_wait(c, LONG_NS), 0);
    assert_false(leasehold_view_is_leading(v));
    leasehold_view_unref(v);
    leasehold_cluster_unref(c);
}

static void tells_of_leading_and_releases_on_stop(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_cluster *c = open_cluster(w, "a");
    leasehold_view *v = open_view(c, "g"), *same = open_view(c, "g");
    struct told early, late;
    struct leasehold_term term = { .size = sizeof term };
    char leader[256];
    told_init(&early);
    told_init(&late);
    assert_ptr_equal(v, same);
    leasehold_view_unref(same);
    assert_string_equal(leasehold_view_name(v), "g");
    assert_string_equal(leasehold_view_local_member(v), "a");
    told_add(&early, v, false);
    UNTIL(told_calls(&early) == 1);
    assert_int_equal(leasehold_cluster_wait(c, 0), 0); /* never started */
    assert_null(leasehold_view_group(v));

    assert_int_equal(leasehold_cluster_start(c), 0);
    assert_int_equal(leasehold_cluster_wait(c, LONG_NS), LEASEHOLD_ERR_STATE);
    UNTIL(told_locals(&early) == 1);
    assert_true(leasehold_view_is_leading(v));
    assert_int_equal(leasehold_view_term(v, &term), 1);
    assert_int_equal(term.number, 1);
    assert_int_equal(leasehold_view_leader(v, leader, sizeof leader), 1);
    assert_string_equal(leader, "a");
    assert_int_equal(leasehold_view_stop_by_ns(v), 0);
    told_add(&late, v, false);
    UNTIL(told_calls(&late) == 1);
    assert_string_equal(late.first, "a (local)");

    assert_int_equal(leasehold_cluster_stop(c), 0);
    assert_false(leasehold_view_is_leading(v));
    assert_int_equal(leasehold_cluster_wait(c, LONG_NS), 0);
    assert_true(holder_is(w, "g", ""));
    assert_int_equal(told_ends(&early), 1);
    assert_int_equal(told_ends(&late), 1);
    assert_true(told_last_is(&early, "") && told_last_is(&late, ""));
    assert_string_equal(early.path, "; a (local); a; ; ");
    assert_int_equal(leasehold_view_leader(v, leader, sizeof leader), 0);
    stop_and_close(c, v);
    world_close(w);
}

static void a_slow_listener_delays_no_renewal(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_cluster *c = open_cluster(w, "a");
    leasehold_view *v = open_view(c, "g");
    struct leasehold_term term = { .size = sizeof term }, later = { .size = sizeof later };
    struct told slow;
    told_init(&slow);
    slow.hold = HOLD_LOCAL;
    told_add(&slow, v, false);
    assert_int_equal(leasehold_cluster_start(c), 0);
    UNTIL(told_is_held(&slow));
    assert_int_equal(leasehold_view_term(v, &term), 1);
    await_renewals(w, "g", 6); /* longer than the lease */
    assert_int_equal(leasehold_view_term(v, &later), 1);
    assert_int_equal(later.number, term.number);
    assert_true(later.leading_until_ns > term.leading_until_ns);
    assert_true(told_is_held(&slow));
    told_let_go(&slow);
    stop_and_close(c, v);
    assert_int_equal(slow.ends, 1);
    world_close(w);
}

static void the_lock_is_released_when_the_listeners_have_returned(void **state)
{
    (void)state;
    static const int holds[] = { HOLD_LOCAL, HOLD_END };
    struct world *w = world_open();
    for (size_t i = 0; i < sizeof holds / sizeof *holds; i++) {
        leasehold_cluster *c = open_cluster(w, "a");
        leasehold_view *v = open_view(c, "g");
        struct told slow, quick;
        told_init(&slow);
        told_init(&quick);
        slow.hold = holds[i];
        told_add(&slow, v, false);
        assert_int_equal(leasehold_cluster_start(c), 0);
        UNTIL(told_locals(&slow) == 1);
        told_add(&quick, v, false);
        assert_int_equal(leasehold_cluster_stop(c), 0);
        assert_false(leasehold_view_is_leading(v));
        UNTIL(told_is_held(&slow));
        if (holds[i] == HOLD_END)
            assert_true(leasehold_view_stop_by_ns(v) > 0);
        await_renewals(w, "g", 2);
        assert_true(holder_is(w, "g", "a"));
        assert_int_equal(leasehold_cluster_wait(c, 1000000), LEASEHOLD_ERR_TIMEOUT);
        told_let_go(&slow);
        assert_int_equal(leasehold_cluster_wait(c, LONG_NS), 0);
        assert_true(holder_is(w, "g", ""));
        assert_int_equal(slow.ends, 1);
        stop_and_close(c, v);
    }
    world_close(w);
}

/* C, c: the cluster is started, stopped; V, v: the view. */
static void run_step(leasehold_cluster *c, leasehold_view *v, char step)
{
    int error = step == 'C'   ? leasehold_cluster_start(c)
                : step == 'c' ? leasehold_cluster_stop(c)
                : step == 'V' ? leasehold_view_start(v)
                              : leasehold_view_stop(v);
    assert_int_equal(error, 0);
}

static const struct order {
    const char *steps;
    bool leads; /* in the end */
} orders[] = {
    { "", false },     { "V", false },    { "C", true },    { "CC", true },    { "VC", true },      { "CV", true },
    { "Cc", false },   { "Ccc", false },  { "cC", true },   { "CcC", true },   { "CcCcC", true },   { "vC", false },
    { "vCV", true },   { "CvV", true },   { "Cv", false },  { "Cvv", false },  { "CvcCV", true },   { "CvcC", false },
    { "CcvVC", true }, { "CvVcC", true }, { "vVcC", true }, { "CVcv", false }, { "CvVvVvV", true }, { "CcCcCc", false },
};

static void any_order_of_starts_and_stops(void **state)
{
    (void)state;
    struct world *w = world_open();
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        leasehold_cluster *c = open_cluster(w, "a");
        leasehold_view *v = open_view(c, "g");
        struct told t;
        told_init(&t);
        told_add(&t, v, false);
        for (const char *step = orders[i].steps; *step; step++)
            run_step(c, v, *step);
        if (orders[i].leads) {
            UNTIL(leasehold_view_is_leading(v)); /* first: what was told may be of a start before */
            UNTIL(told_last_is(&t, "a (local)"));
        } else {
            assert_false(leasehold_view_is_leading(v));
        }
        stop_and_close(c, v);
        assert_int_equal(t.locals, t.ends);
        assert_true(holder_is(w, "g", ""));
    }
    world_close(w);
}

/* The same, each pair of steps with time to take effect. */
static void any_order_with_time_between(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_cluster *c = open_cluster(w, "a");
    leasehold_view *v = open_view(c, "g");
    struct leasehold_term term = { .size = sizeof term };
    struct told t;
    told_init(&t);
    told_add(&t, v, false);
    static const char steps[] = "CvVcCvcVC";
    bool cluster = false, view = true;
    uint64_t terms = 0;
    for (const char *step = steps; *step; step++) {
        bool before = cluster && view;
        run_step(c, v, *step);
        cluster = *step == 'C' || (cluster && *step != 'c');
        view = *step == 'V' || (view && *step != 'v');
        terms += !before && cluster && view;
        if (cluster && view) {
            UNTIL(told_last_is(&t, "a (local)"));
            assert_int_equal(leasehold_view_term(v, &term), 1);
            assert_int_equal(term.number, terms); /* on from group to group */
        } else {
            UNTIL(told_last_is(&t, ""));
            UNTIL(holder_is(w, "g", ""));
        }
    }
    assert_int_equal(terms, 4);
    stop_and_close(c, v);
    world_close(w);
}

/* ---- from within a listener --------------------------------------------------------------------------------------- */

static void stop_view_within(struct told *t, leasehold_view *v, bool local)
{
    if (local)
        t->result = leasehold_view_stop(v) + leasehold_view_stop(v);
}

static void stop_cluster_within(struct told *t, leasehold_view *v, bool local)
{
    (void)v;
    if (local)
        t->result = leasehold_cluster_stop(t->cluster) + leasehold_cluster_stop(t->cluster);
}

static void restart_within(struct told *t, leasehold_view *v, bool local)
{
    if (local && told_locals(t) == 1)
        t->result =
            leasehold_view_stop(v) + leasehold_view_start(v) + leasehold_cluster_stop(t->cluster) + leasehold_cluster_start(t->cluster);
    else if (local)
        leasehold_cluster_stop(t->cluster);
}

static void wait_within(struct told *t, leasehold_view *v, bool local)
{
    (void)v;
    if (!local || leasehold_cluster_stop(t->cluster) < 0)
        return;
    t->result = leasehold_cluster_wait(t->cluster, LONG_NS) == LEASEHOLD_ERR_STATE ? 0 : 1;
}

static void remove_within(struct told *t, leasehold_view *v, bool local)
{
    if (!local)
        return;
    t->result = leasehold_view_remove_listener(v, t->id);
    leasehold_cluster_stop(t->cluster);
}

static void take_references_within(struct told *t, leasehold_view *v, bool local)
{
    leasehold_view *again = NULL;
    leasehold_view_unref(leasehold_view_ref(v));
    leasehold_cluster_unref(leasehold_cluster_ref(t->cluster));
    t->result |= leasehold_cluster_view(t->cluster, "g", &again);
    leasehold_view_unref(again);
    if (local)
        leasehold_cluster_stop(t->cluster);
}

static void everything_from_within_a_listener(void **state)
{
    (void)state;
    static void (*const acts[])(struct told * t, leasehold_view * v, bool local) = { stop_view_within, stop_cluster_within,
                                                                                     restart_within,   wait_within,
                                                                                     remove_within,    take_references_within };
    struct world *w = world_open();
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        leasehold_cluster *c = open_cluster(w, "a");
        leasehold_view *v = open_view(c, "g");
        struct told t;
        told_init(&t);
        t.then = acts[i];
        t.cluster = c;
        told_add(&t, v, false);
        assert_int_equal(leasehold_cluster_start(c), 0);
        int wanted = acts[i] == restart_within ? 2 : 1;
        UNTIL(told_locals(&t) == wanted);
        UNTIL(holder_is(w, "g", ""));
        stop_and_close(c, v);
        assert_int_equal(t.result, 0);
        assert_int_equal(t.locals, wanted);
        assert_int_equal(t.ends, acts[i] == remove_within ? 0 : wanted);
    }
    world_close(w);
}

static int thread_count(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks))
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void drop_all_within(struct told *t, leasehold_view *v, bool local)
{
    (void)v;
    if (!local)
        return;
    leasehold_cluster_unref(t->cluster);
    leasehold_view_unref(t->view);
}

static void the_last_reference_is_dropped_within_a_listener(void **state)
{
    (void)state;
    struct world *w = world_open();
    struct told t;
    int threads = thread_count();
    told_init(&t);
    t.then = drop_all_within;
    t.cluster = open_cluster(w, "a");
    t.view = open_view(t.cluster, "g");
    told_add(&t, t.view, false);
    assert_int_equal(leasehold_cluster_start(t.cluster), 0);
    UNTIL(told_locals(&t) == 1);
    UNTIL(thread_count() == threads);
    assert_int_equal(t.ends, 0); /* as it is: nobody is told anything any more */
    world_close(w);
}

static void *drop_all(void *data)
{
    struct told *t = data;
    leasehold_view_unref(t->view);
    leasehold_cluster_unref(t->cluster);
    return data;
}

static void the_last_reference_waits_for_a_listener(void **state)
{
    (void)state;
    struct world *w = world_open();
    struct told t;
    pthread_t thread;
    void *result;
    told_init(&t);
    t.hold = HOLD_LOCAL;
    t.cluster = open_cluster(w, "a");
    t.view = open_view(t.cluster, "g");
    told_add(&t, t.view, false);
    assert_int_equal(leasehold_cluster_start(t.cluster), 0);
    UNTIL(told_is_held(&t));
    assert_int_equal(pthread_create(&thread, NULL, drop_all, &t), 0);
    UNTIL(!leasehold_view_is_leading(t.view)); /* the view is stopped; the cluster waits */
    assert_true(told_is_held(&t));
    told_let_go(&t);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &t);
    assert_false(t.inside);
    world_close(w);
}

/* ---- coming and going --------------------------------------------------------------------------------------------- */

struct removal {
    leasehold_view *view;
    struct told *told;
    _Atomic bool done;
};

static void *remove_listener(void *data)
{
    struct removal *r = data;
    r->told->result = leasehold_view_remove_listener(r->view, r->told->id);
    atomic_store(&r->done, true);
    return NULL;
}

static void a_removed_listener_has_returned(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_cluster *c = open_cluster(w, "a");
    leasehold_view *v = open_view(c, "g");
    struct told t;
    struct removal r = { .view = v, .told = &t };
    pthread_t thread;
    told_init(&t);
    t.hold = HOLD_LOCAL;
    told_add(&t, v, false);
    assert_int_equal(leasehold_cluster_start(c), 0);
    UNTIL(told_is_held(&t));
    assert_int_equal(pthread_create(&thread, NULL, remove_listener, &r), 0);
    await_renewals(w, "g", 1);
    assert_false(atomic_load(&r.done));
    told_let_go(&t);
    pthread_join(thread, NULL);
    assert_false(t.inside);
    assert_int_equal(t.result, 0);
    assert_int_equal(leasehold_view_remove_listener(v, t.id), LEASEHOLD_ERR_STATE);
    int calls = t.calls;
    stop_and_close(c, v);
    assert_int_equal(t.calls, calls);
    world_close(w);
}

static void a_view_nobody_uses_leaves_and_may_come_back(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_cluster *c = open_cluster(w, "a");
    struct told gone, here;
    told_init(&gone);
    told_init(&here);
    assert_int_equal(leasehold_cluster_start(c), 0);
    leasehold_view *v = open_view(c, "g"), *other = open_view(c, "other");
    gone.hold = HOLD_END;
    told_add(&gone, v, false);
    UNTIL(told_locals(&gone) == 1);
    leasehold_view_unref(v);
    UNTIL(told_is_held(&gone));
    v = open_view(c, "g"); /* while the one of before still stops */
    told_add(&here, v, false);
    assert_true(holder_is(w, "g", "a"));
    told_let_go(&gone);
    UNTIL(told_locals(&here) == 1);
    assert_int_equal(gone.locals, 1);
    assert_int_equal(gone.ends, 1);
    assert_string_equal(gone.last, "a"); /* and nothing after the end */
    leasehold_view_unref(v);
    UNTIL(holder_is(w, "g", ""));
    assert_int_equal(told_ends(&here), 1);
    UNTIL(leasehold_view_is_leading(other));
    stop_and_close(c, other);
    world_close(w);
}

static void two_clusters_hand_over(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_cluster *ca = open_cluster(w, "a"), *cb = open_cluster(w, "b");
    leasehold_view *va = open_view(ca, "g"), *vb = open_view(cb, "g");
    struct told a, b;
    told_init(&a);
    told_init(&b);
    a.hold = HOLD_END;
    told_add(&a, va, false);
    told_add(&b, vb, false);
    assert_int_equal(leasehold_cluster_start(ca), 0);
    UNTIL(told_locals(&a) == 1);
    assert_int_equal(leasehold_cluster_start(cb), 0);
    UNTIL(told_last_is(&b, "a"));
    assert_int_equal(leasehold_view_stop(va), 0);
    UNTIL(told_is_held(&a));
    await_renewals(w, "g", 2);
    assert_int_equal(told_locals(&b), 0); /* a's work has not ended */
    told_let_go(&a);
    UNTIL(told_locals(&b) == 1);
    stop_and_close(ca, va);
    stop_and_close(cb, vb);
    world_close(w);
}

/* ---- many threads ------------------------------------------------------------------------------------------------- */

struct hammer {
    leasehold_cluster *cluster;
    _Atomic bool stop;
    _Atomic int failures;
};

static void ignore_leadership(void *user, leasehold_view *v, const char *leader, bool local)
{
    atomic_fetch_add((_Atomic int *)user, local && leader[0] == '\0');
    leasehold_view_is_leading(v);
}

static void ignore_members(void *user, leasehold_view *v, leasehold_members *members)
{
    (void)v;
    atomic_fetch_add((_Atomic int *)user, leasehold_members_count(members) > 1000);
}

static void *strike(void *data)
{
    struct hammer *h = data;
    static const struct leasehold_listener l = { sizeof l, ignore_leadership, ignore_members };
    for (unsigned n = 0; !atomic_load(&h->stop); n++) {
        struct leasehold_term term = { .size = sizeof term };
        leasehold_view *v = NULL;
        leasehold_members *m = NULL;
        char leader[256], group[16];
        uint64_t id = 0;
        snprintf(group, sizeof group, "g%u", n % 3);
        int failed = leasehold_cluster_view(h->cluster, group, &v) < 0 || leasehold_view_add_listener(v, &l, &h->failures, &id) < 0;
        failed |= leasehold_view_leader(v, leader, sizeof leader) < 0 || leasehold_view_term(v, &term) < 0;
        failed |= leasehold_view_members(v, &m) < 0;
        leasehold_members_unref(m);
        leasehold_group_unref(leasehold_view_group(v));
        if (n % 5 == 0)
            failed |= leasehold_view_stop(v) < 0;
        if (n % 5 == 2)
            failed |= leasehold_view_start(v) < 0;
        usleep(n % 7 * 500);
        failed |= leasehold_view_remove_listener(v, id) < 0;
        leasehold_view_is_leading(v);
        leasehold_view_unref(v);
        atomic_fetch_add(&h->failures, failed);
    }
    return NULL;
}

static void everything_from_any_thread(void **state)
{
    (void)state;
    enum { THREADS = 4, ROUNDS = 40 };
    struct world *w = world_open();
    static struct hammer h;
    pthread_t threads[THREADS];
    h.cluster = open_cluster(w, "a");
    leasehold_view *v = open_view(h.cluster, "g0");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, strike, &h), 0);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(leasehold_cluster_start(h.cluster), 0);
        usleep(20000);
        assert_int_equal(leasehold_cluster_stop(h.cluster), 0);
        if (i % 4 == 0)
            leasehold_cluster_wait(h.cluster, 20000000);
    }
    assert_int_equal(leasehold_cluster_start(h.cluster), 0);
    assert_int_equal(leasehold_view_start(v), 0);
    atomic_store(&h.stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(leasehold_view_start(v), 0);
    UNTIL(leasehold_view_is_leading(v));
    assert_int_equal(atomic_load(&h.failures), 0);
    stop_and_close(h.cluster, v);
    world_close(w);
}

/* ---- what is refused ---------------------------------------------------------------------------------------------- */

static void bad_input_is_refused_with_a_sentence(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_cluster *c = NULL;
    leasehold_view *v = NULL;
    char sentence[512];
    leasehold_options *o = world_options(w, "a");
    assert_int_equal(leasehold_options_set(o, "renew-deadline", "5s"), 0);
    assert_int_equal(leasehold_cluster_new(&c, o), LEASEHOLD_ERR_SETTINGS);
    assert_non_null(strstr(leasehold_options_error(o), "renew-deadline"));
    assert_int_equal(leasehold_options_set(o, "renew-deadline", "2500ms"), 0);
    assert_int_equal(leasehold_options_set(o, "lock-name", "only"), 0);
    assert_int_equal(leasehold_cluster_new(NULL, o), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_cluster_new(&c, o), 0);
    leasehold_options_unref(o);
    assert_int_equal(leasehold_cluster_view(c, "Bad_Name", &v), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_cluster_error(c, sentence, sizeof sentence), 0);
    assert_non_null(strstr(sentence, "Bad_Name"));
    assert_int_equal(leasehold_cluster_view(c, "g", NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_cluster_view(c, NULL, &v), LEASEHOLD_ERR_ARGUMENT);
    assert_null(v);
    v = open_view(c, "g");
    leasehold_view *second = NULL;
    assert_int_equal(leasehold_cluster_view(c, "h", &second), LEASEHOLD_ERR_STATE);
    assert_int_equal(leasehold_cluster_error(c, sentence, sizeof sentence), 0);
    assert_non_null(strstr(sentence, "lock-name"));
    assert_null(second);

    struct leasehold_listener l = { .size = sizeof l };
    assert_int_equal(leasehold_view_add_listener(v, &l, NULL, NULL), LEASEHOLD_ERR_ARGUMENT);
    l.on_leadership = ignore_leadership;
    l.size = 1;
    assert_int_equal(leasehold_view_add_listener(v, &l, NULL, NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_view_add_listener(v, NULL, NULL, NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_view_remove_listener(v, 1), LEASEHOLD_ERR_STATE);
    char leader[1];
    struct leasehold_term term = { .size = 1 };
    assert_int_equal(leasehold_view_leader(v, leader, 0), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_view_term(v, &term), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_view_members(v, NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_cluster_error(c, sentence, 0), LEASEHOLD_ERR_ARGUMENT);
    leasehold_view_unref(v);
    leasehold_cluster_unref(c);

    assert_int_equal(leasehold_cluster_start(NULL) + leasehold_cluster_stop(NULL) + leasehold_cluster_wait(NULL, 0) +
                         leasehold_view_start(NULL) + leasehold_view_stop(NULL),
                     5 * LEASEHOLD_ERR_ARGUMENT);
    assert_false(leasehold_view_is_leading(NULL));
    assert_null(leasehold_view_unref(leasehold_view_ref(NULL)));
    assert_null(leasehold_cluster_unref(leasehold_cluster_ref(NULL)));
    assert_null(leasehold_view_group(NULL));
    world_close(w);
}

static void listeners_have_a_limit(void **state)
{
    (void)state;
    enum { LISTENERS_MAX = 1000 };
    struct world *w = world_open();
    leasehold_cluster *c = open_cluster(w, "a");
    leasehold_view *v = open_view(c, "g");
    _Atomic int failures = 0;
    uint64_t id = 0;
    struct leasehold_listener l = { .size = sizeof l, .on_leadership = ignore_leadership };
    for (int i = 0; i < LISTENERS_MAX; i++)
        assert_int_equal(leasehold_view_add_listener(v, &l, &failures, &id), 0);
    assert_int_equal(leasehold_view_add_listener(v, &l, &failures, NULL), LEASEHOLD_ERR_LIMIT);
    assert_int_equal(leasehold_view_remove_listener(v, id), 0);
    assert_int_equal(leasehold_view_add_listener(v, &l, &failures, NULL), 0);
    stop_and_close(c, v);
    world_close(w);
}

static bool child_is_refused(leasehold_cluster *c, leasehold_view *v)
{
    struct leasehold_term term = { .size = sizeof term };
    leasehold_view *other = NULL;
    leasehold_members *m = NULL;
    char text[256];
    const int dead = LEASEHOLD_ERR_FORKED;
    struct leasehold_listener l = { .size = sizeof l, .on_leadership = ignore_leadership };
    return !leasehold_view_is_leading(v) && leasehold_view_term(v, &term) == dead && leasehold_cluster_start(c) == dead &&
           leasehold_cluster_stop(c) == dead && leasehold_cluster_wait(c, LONG_NS) == dead &&
           leasehold_cluster_view(c, "g", &other) == dead && leasehold_cluster_error(c, text, sizeof text) == dead &&
           leasehold_view_start(v) == dead && leasehold_view_stop(v) == dead && leasehold_view_leader(v, text, sizeof text) == dead &&
           leasehold_view_members(v, &m) == dead && leasehold_view_add_listener(v, &l, NULL, NULL) == dead &&
           leasehold_view_remove_listener(v, 1) == dead && !leasehold_view_group(v) && !leasehold_view_unref(v) &&
           !leasehold_cluster_unref(c);
}

static void a_forked_child_has_no_cluster(void **state)
{
    (void)state;
    struct world *w = world_open();
    leasehold_cluster *c = open_cluster(w, "a");
    leasehold_view *v = open_view(c, "g");
    assert_int_equal(leasehold_cluster_start(c), 0);
    UNTIL(leasehold_view_is_leading(v));
    pid_t child = fork();
    if (child == 0)
        _exit(child_is_refused(c, v) ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    await_renewals(w, "g", 2);
    assert_true(leasehold_view_is_leading(v));
    stop_and_close(c, v);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_of_leading_and_releases_on_stop),
        cmocka_unit_test(a_slow_listener_delays_no_renewal),
        cmocka_unit_test(the_lock_is_released_when_the_listeners_have_returned),
        cmocka_unit_test(any_order_of_starts_and_stops),
        cmocka_unit_test(any_order_with_time_between),
        cmocka_unit_test(everything_from_within_a_listener),
        cmocka_unit_test(the_last_reference_is_dropped_within_a_listener),
        cmocka_unit_test(the_last_reference_waits_for_a_listener),
        cmocka_unit_test(a_removed_listener_has_returned),
        cmocka_unit_test(a_view_nobody_uses_leaves_and_may_come_back),
        cmocka_unit_test(two_clusters_hand_over),
        cmocka_unit_test(everything_from_any_thread),
        cmocka_unit_test(bad_input_is_refused_with_a_sentence),
        cmocka_unit_test(listeners_have_a_limit),
        cmocka_unit_test(a_forked_child_has_no_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
