/* Many writers of one ConfigMap: N services with connections of their own and one group each, in one process and one loop, as N Pods
 * would be. Each must come to lead its group and keep it, though nobody but the server puts their writes in an order.
 *
 * Usage: many_writers KUBECONFIG N RENEWALS. Prints one line; ends with 0 when every group was led by its own and renewed so often
 * without a loss. How long it takes depends on the machine and is no part of the verdict. */
#include <leasehold/leasehold.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WRITERS_MAX = 1000, PATIENCE_S = 300 };

struct writer {
    leasehold_service *service;
    leasehold_group *group;
    unsigned terms, losses, renewals;
};

static struct writer writers[WRITERS_MAX];
static struct pollfd fds[WRITERS_MAX];

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "many_writers: %s: %s\n", what, leasehold_strerror(result));
        exit(1);
    }
}

static void open_writer(struct writer *w, const char *kubeconfig, unsigned number)
{
    char name[32];
    leasehold_options *o = leasehold_options_new();
    snprintf(name, sizeof name, "pod-%u", number);
    must(leasehold_options_set(o, "kubeconfig", kubeconfig), "kubeconfig");
    must(leasehold_options_set(o, "identity", name), "identity");
    must(leasehold_options_set(o, "lock", "configmap"), "lock");
    must(leasehold_options_set(o, "extended-events", "yes"), "extended-events");
    must(leasehold_options_set(o, "confirm-stop", "no"), "confirm-stop");
    must(leasehold_service_open(&w->service, o), "service");
    leasehold_options_unref(o);
    snprintf(name, sizeof name, "group-%u", number);
    must(leasehold_group_open(&w->group, w->service, name, LEASEHOLD_CANDIDATE, NULL), "group");
}

static void dispatch(struct writer *w)
{
    const leasehold_event *e;
    must(leasehold_service_dispatch(w->service), "dispatch");
    while (leasehold_service_next_event(w->service, &e) == 1) {
        switch (leasehold_event_kind(e)) {
        case LEASEHOLD_EVENT_STARTED_LEADING:
            w->terms++;
            break;
        case LEASEHOLD_EVENT_EXTENDED:
            w->renewals++;
            break;
        case LEASEHOLD_EVENT_STOP_WORK:
            w->losses++;
            break;
        default:
            break;
        }
    }
}

static bool all(unsigned count, unsigned renewals)
{
    for (unsigned i = 0; i < count; i++)
        if (writers[i].terms == 0 || writers[i].renewals < renewals)
            return false;
    return true;
}

/* Returns the seconds it took until all lead and have renewed so often, or a negative number when time ran out. */
static double run_until(unsigned count, unsigned renewals)
{
    double began = now_s();
    while (!all(count, renewals)) {
        if (now_s() - began > PATIENCE_S)
            return -1;
        poll(fds, count, 100);
        for (unsigned i = 0; i < count; i++)
            if (fds[i].revents)
                dispatch(&writers[i]);
    }
    return now_s() - began;
}

int main(int argc, char **argv)
{
    unsigned count = argc == 4 ? (unsigned)atoi(argv[2]) : 0, renewals = argc == 4 ? (unsigned)atoi(argv[3]) : 0, losses = 0, terms = 0;
    if (count == 0 || count > WRITERS_MAX) {
        fprintf(stderr, "usage: many_writers KUBECONFIG N RENEWALS (N from 1 to %d)\n", WRITERS_MAX);
        return 2;
    }
    for (unsigned i = 0; i < count; i++) {
        open_writer(&writers[i], argv[1], i);
        fds[i] = (struct pollfd){ .fd = leasehold_service_fd(writers[i].service), .events = POLLIN };
    }
    double led_s = run_until(count, 0), renewed_s = led_s < 0 ? -1 : run_until(count, renewals);
    for (unsigned i = 0; i < count; i++) {
        losses += writers[i].losses;
        terms += writers[i].terms;
    }
    printf("%u writers, %u terms, %u losses; all lead after %.2f s, %u renewals each after %.2f s\n", count, terms, losses, led_s, renewals,
           renewed_s);
    for (unsigned i = 0; i < count; i++) {
        leasehold_group_unref(writers[i].group);
        leasehold_service_unref(writers[i].service);
    }
    return renewed_s < 0 || losses != 0 || terms != count;
}
