/* A Pod that shares groups evenly with others, for cli_balance.py: balanced_pod IDENTITY SELECTOR GROUP... stands in all of them and prints
 * "ready", then its events as lines "started GROUP" and "stopped GROUP", until SIGTERM; then it releases what it leads. */
#include <leasehold/leasehold.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

static leasehold_service *service;

static void tell(const leasehold_event *e)
{
    const char *name = leasehold_event_group(e) ? leasehold_group_name(leasehold_event_group(e)) : "";
    switch (leasehold_event_kind(e)) {
    case LEASEHOLD_EVENT_STARTED_LEADING:
        printf("started %s\n", name);
        break;
    case LEASEHOLD_EVENT_STOP_WORK:
        leasehold_group_work_stopped(leasehold_event_group(e), leasehold_event_term(e));
        break;
    case LEASEHOLD_EVENT_STOPPED_LEADING:
        printf("stopped %s\n", name);
        break;
    case LEASEHOLD_EVENT_MEMBERS_CHANGED:
        printf("members: nobody asked for them\n");
        break;
    case LEASEHOLD_EVENT_WARNING:
        fprintf(stderr, "%s\n", leasehold_event_text(e));
        break;
    case LEASEHOLD_EVENT_CLOSED:
        if (!leasehold_event_group(e))
            exit(0);
        break;
    default:
        break;
    }
}

static leasehold_service *open_service(const char *identity, const char *selector)
{
    static const char *const settings[][2] = { { "balance", "even" },
                                               { "lease-duration", "4s" },
                                               { "renew-deadline", "2500ms" },
                                               { "renew-interval", "500ms" },
                                               { "retry-period", "500ms" } };
    leasehold_options *o = leasehold_options_new();
    leasehold_service *s = NULL;
    int error = leasehold_options_set(o, "identity", identity);
    error = error < 0 ? error : leasehold_options_set(o, "selector", selector);
    for (size_t i = 0; error == 0 && i < sizeof settings / sizeof *settings; i++)
        error = leasehold_options_set(o, settings[i][0], settings[i][1]);
    error = error < 0 ? error : leasehold_service_open(&s, o);
    if (error < 0) {
        fprintf(stderr, "%s\n", leasehold_options_error(o));
        exit(2);
    }
    leasehold_options_unref(o);
    return s;
}

int main(int argc, char **argv)
{
    sigset_t set;
    if (argc < 4)
        return 2;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    service = open_service(argv[1], argv[2]);
    printf("ready\n");
    for (int i = 3; i < argc; i++)
        if (leasehold_group_open(NULL, service, argv[i], LEASEHOLD_CANDIDATE, NULL) < 0)
            return 2;
    for (;;) {
        const leasehold_event *e;
        while (leasehold_service_next_event(service, &e) == 1)
            tell(e);
        struct pollfd fds[] = { { .fd = leasehold_service_fd(service), .events = POLLIN }, { .fd = signals, .events = POLLIN } };
        poll(fds, 2, -1);
        if (fds[1].revents) {
            struct signalfd_siginfo ignored;
            if (read(signals, &ignored, sizeof ignored) > 0)
                leasehold_service_stop(service);
        }
        leasehold_service_dispatch(service);
    }
}
