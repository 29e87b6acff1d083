/* In a loop of your own: one descriptor beside your others, dispatch when it is readable, then read the events.
 *
 *     own_loop [GROUP [TICKS]]
 *
 * The work is a timer here. It starts at STARTED_LEADING, ends at STOP_WORK, and its end is confirmed. */
#include <leasehold/leasehold.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct worker {
    int timer;
    bool works;
    int ticks_left;
};

static void set_work(struct worker *w, bool works)
{
    struct itimerspec every = { { 0, works ? 50000000 : 0 }, { 0, works ? 50000000 : 0 } };
    timerfd_settime(w->timer, 0, &every, NULL);
    w->works = works;
}

/* Returns false when all is over. */
static bool handle(struct worker *w, const leasehold_event *e)
{
    printf("%s: %s\n", leasehold_event_name(e), leasehold_event_text(e));
    switch (leasehold_event_kind(e)) {
    case LEASEHOLD_EVENT_STARTED_LEADING:
        set_work(w, true);
        break;
    case LEASEHOLD_EVENT_STOP_WORK:
        /* Work that needs time to stop has it until leasehold_event_stop_by_ns(); this one stops at once. */
        set_work(w, false);
        leasehold_group_work_stopped(leasehold_event_group(e), leasehold_event_term(e));
        break;
    case LEASEHOLD_EVENT_CLOSED:
        return leasehold_event_group(e) != NULL;
    default: /* kinds of later releases, too */
        break;
    }
    return true;
}

static void work(struct worker *w, leasehold_service *s)
{
    unsigned long long expired;
    if (read(w->timer, &expired, sizeof expired) < 0 || !w->works)
        return;
    printf("tick\n");
    if (--w->ticks_left == 0)
        leasehold_service_stop(s);
}

static int loop(struct worker *w, leasehold_service *s)
{
    struct pollfd fds[] = { { leasehold_service_fd(s), POLLIN, 0 }, { w->timer, POLLIN, 0 } };
    for (;;) {
        const leasehold_event *e;
        int result = leasehold_service_dispatch(s);
        while (result >= 0 && (result = leasehold_service_next_event(s, &e)) > 0)
            if (!handle(w, e))
                return 0;
        if (result < 0) {
            fprintf(stderr, "%s\n", leasehold_strerror(result));
            return 1;
        }
        if (poll(fds, 2, -1) > 0 && fds[1].revents)
            work(w, s);
    }
}

int main(int argc, char **argv)
{
    struct worker w = { .timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), .ticks_left = argc > 2 ? atoi(argv[2]) : 10 };
    leasehold_options *o = leasehold_options_new();
    leasehold_service *s = NULL;
    if (leasehold_options_load_environment(o) < 0 || leasehold_service_open(&s, o) < 0) {
        fprintf(stderr, "%s\n", leasehold_options_error(o));
        return 1;
    }
    leasehold_options_unref(o);
    int result = 1;
    /* No handle kept: events bring it. */
    if (leasehold_group_open(NULL, s, argc > 1 ? argv[1] : "example", LEASEHOLD_CANDIDATE, NULL) == 0)
        result = loop(&w, s);
    leasehold_service_unref(s);
    close(w.timer);
    return result;
}
