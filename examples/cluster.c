/* A program with parts that each want to know who leads: one cluster, a view for each group, and listeners that start and end work.
 *
 *     cluster [GROUP [PIECES]]
 *
 * Settings come from LEASEHOLD_… variables and KUBECONFIG. */
#include <leasehold/cluster.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct worker {
    leasehold_view *view;
    pthread_t thread;
    bool runs;
    _Atomic bool stop;
    _Atomic int pieces;
};

static void *work(void *data)
{
    struct worker *w = data;
    while (!atomic_load(&w->stop) && atomic_load(&w->pieces) > 0) {
        struct leasehold_term term = { .size = sizeof term };
        if (leasehold_view_term(w->view, &term) > 0) {
            printf("work, with fencing token %s\n", term.token);
            fflush(stdout);
            atomic_fetch_sub(&w->pieces, 1);
        }
        usleep(50000);
    }
    return NULL;
}

/* Told that we lead: the work begins. Told that we do not: it has ended when this returns, and only then is the lock released. */
static void on_leadership(void *user, leasehold_view *v, const char *leader, bool local)
{
    struct worker *w = user;
    printf("%s: %s leads\n", leasehold_view_name(v), leader[0] ? leader : "nobody");
    if (local) {
        atomic_store(&w->stop, false);
        w->runs = pthread_create(&w->thread, NULL, work, w) == 0;
    } else if (w->runs) {
        atomic_store(&w->stop, true);
        pthread_join(w->thread, NULL);
        w->runs = false;
    }
}

static void on_members(void *user, leasehold_view *v, leasehold_members *members)
{
    (void)user;
    printf("%s: %zu members\n", leasehold_view_name(v), leasehold_members_count(members));
}

static int fail(leasehold_cluster *c)
{
    char sentence[512] = "";
    leasehold_cluster_error(c, sentence, sizeof sentence);
    fprintf(stderr, "%s\n", sentence);
    return 1;
}

int main(int argc, char **argv)
{
    const char *group = argc > 1 ? argv[1] : "example";
    leasehold_options *o = leasehold_options_new();
    leasehold_cluster *c = NULL;
    if (leasehold_options_load_environment(o) < 0 || leasehold_cluster_new(&c, o) < 0) {
        fprintf(stderr, "%s\n", leasehold_options_error(o));
        return 1;
    }
    leasehold_options_unref(o);

    struct worker w = { .view = NULL };
    struct leasehold_listener listener = { .size = sizeof listener, .on_leadership = on_leadership, .on_members = on_members };
    atomic_store(&w.pieces, argc > 2 ? atoi(argv[2]) : 10);
    if (leasehold_cluster_view(c, group, &w.view) < 0 || leasehold_view_add_listener(w.view, &listener, &w, NULL) < 0 ||
        leasehold_cluster_start(c) < 0)
        return fail(c);
    while (atomic_load(&w.pieces) > 0)
        usleep(50000);

    /* Leave in peace: the listeners are told, the lock is released, and the next one leads within a round trip. */
    leasehold_cluster_stop(c);
    if (leasehold_cluster_wait(c, UINT64_C(30000000000)) < 0)
        return fail(c);
    leasehold_view_unref(w.view);
    leasehold_cluster_unref(c);
    return 0;
}
