/* A service in a command: open it, follow it, until an event, a signal or a time. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/text.h"
#include "library/connection.h"
#include "probe/probe.h"

int64_t session_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t session_wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A program that says who we are may take longer than a request, above all if it asks a person. */
static void await_plugin(leasehold_service *s)
{
    int error = 0;
    while (error == 0 && connection_asks_plugin(s)) {
        struct pollfd one = { .fd = leasehold_service_fd(s), .events = POLLIN };
        if (poll(&one, 1, -1) < 0 && errno != EINTR)
            break;
        error = leasehold_service_dispatch(s);
    }
}

int session_open(struct session *s, const char *command, leasehold_options *options)
{
    sigset_t set;
    *s = (struct session){ .signal_fd = -1 };
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP); /* of a terminal that went away; stays ignored under nohup(1) */
    int error = leasehold_service_open(&s->service, options);
    if (error < 0) {
        const char *sentence = leasehold_options_error(options);
        text_complain(command, "%s", *sentence ? sentence : leasehold_strerror(error));
        return -1;
    }
    await_plugin(s->service); /* a signal ends us meanwhile */
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || (s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        text_complain(command, "cannot wait for signals: %m");
        session_close(s);
        return -1;
    }
    return 0;
}

void session_close(struct session *s)
{
    s->probe = probe_close(s->probe);
    s->service = leasehold_service_unref(s->service);
    if (s->signal_fd >= 0)
        close(s->signal_fd);
    s->signal_fd = -1;
}

static int timeout_ms(int64_t until_ns)
{
    if (until_ns == INT64_MAX)
        return -1;
    int64_t left = until_ns - session_now_ns();
    if (left <= 0)
        return 0;
    return left / 1000000 >= 60000 ? 60000 : (int)(left / 1000000) + 1;
}

int session_next(struct session *s, int64_t until_ns, const leasehold_event **ret)
{
    for (;;) {
        int result = leasehold_service_next_event(s->service, ret);
        if (result != 0)
            return result;
        struct pollfd fds[] = { { .fd = leasehold_service_fd(s->service), .events = POLLIN },
                                { .fd = s->signal_fd, .events = POLLIN },
                                { .fd = s->probe ? probe_fd(s->probe) : -1, .events = POLLIN } };
        int ready = poll(fds, 3, timeout_ms(until_ns));
        if (ready < 0 && errno != EINTR) {
            text_complain(NULL, "cannot wait for events: %m");
            return -1;
        }
        struct signalfd_siginfo info;
        if (ready > 0 && fds[1].revents && read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
            s->signalled = s->signalled ? s->signalled : (int)info.ssi_signo;
            return 0;
        }
        if (ready > 0 && fds[2].revents)
            probe_turned(s->probe);
        int error = leasehold_service_dispatch(s->service);
        if (error < 0) {
            text_complain(NULL, "%s", leasehold_strerror(error));
            return -1;
        }
        if (until_ns != INT64_MAX && session_now_ns() >= until_ns)
            return leasehold_service_next_event(s->service, ret);
    }
}
