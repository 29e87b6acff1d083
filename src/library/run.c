/* The blocking loop, of nothing but the public functions: what a program without a loop of its own would write. */
#include <errno.h>
#include <leasehold/leasehold.h>
#include <poll.h>

/* Returns 1 to go on, else what leasehold_service_run() returns is in *ret. */
static int drain(leasehold_service *s, int (*on_event)(void *user, const leasehold_event *e), void *user, int *ret)
{
    const leasehold_event *event;
    int result;
    while ((result = leasehold_service_next_event(s, &event)) > 0) {
        bool last = leasehold_event_kind(event) == LEASEHOLD_EVENT_CLOSED && !leasehold_event_group(event);
        *ret = on_event ? on_event(user, event) : 0;
        if (*ret != 0 || last)
            return 0;
    }
    *ret = result;
    return result == 0;
}

int leasehold_service_run(leasehold_service *s, int (*on_event)(void *user, const leasehold_event *e), void *user)
{
    for (;;) {
        int result = leasehold_service_dispatch(s);
        if (result < 0)
            return result;
        if (!drain(s, on_event, user, &result))
            return result;
        struct pollfd fd = { .fd = leasehold_service_fd(s), .events = POLLIN };
        if (fd.fd < 0)
            return fd.fd;
        if (poll(&fd, 1, -1) < 0 && errno != EINTR)
            return LEASEHOLD_ERR_SYSTEM;
    }
}
