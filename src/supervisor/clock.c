#include "supervisor/clock.h"

#include <signal.h>
#include <sys/timerfd.h>

int backstop_create(timer_t *timer)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
    return timer_create(CLOCK_BOOTTIME, &event, timer);
}

int backstop_arm(timer_t timer, int64_t boot_ns)
{
    struct itimerspec spec = { .it_value = clock_timespec(boot_ns) };
    return timer_settime(timer, TIMER_ABSTIME, &spec, NULL);
}

int backstop_disarm(timer_t timer)
{
    struct itimerspec spec = { .it_value = { 0, 0 } };
    return timer_settime(timer, 0, &spec, NULL);
}

int alarm_create(void)
{
    return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
}

int alarm_set(int fd, int64_t boot_ns)
{
    struct itimerspec spec = { .it_value = { 0, 0 } };
    if (boot_ns != INT64_MAX)
        spec.it_value = clock_timespec(boot_ns);
    return timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL);
}
