#include "service/fence.h"

#include <errno.h>
#include <leasehold/errors.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "election/bug.h"
#include "election/time.h"

static const int64_t second_ns = INT64_C(1000000000);

int fence_begin(struct fence *f, bool kernel, char sentence[SETTING_SENTENCE_MAX])
{
    if (f->guards)
        return 0;
    /* The kernel delivers no SIGKILL of its own to the init of a PID namespace (pid_namespaces(7)). */
    if (kernel && getpid() == 1) {
        snprintf(
            sentence, SETTING_SENTENCE_MAX,
            "this process is number 1 of its PID namespace, which its own timer cannot kill: start it under an init (docker run --init, "
            "tini, shareProcessNamespace), or let `leasehold run` end it");
        return LEASEHOLD_ERR_UNSUPPORTED;
    }
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
    if (kernel && timer_create(CLOCK_BOOTTIME, &event, &f->timer) != 0) {
        int reason = errno;
        char text[128];
        snprintf(sentence, SETTING_SENTENCE_MAX, "the kernel gives no timer (%s): raise the limit of pending signals (ulimit -i)",
                 strerror_r(reason, text, sizeof text));
        errno = reason;
        return LEASEHOLD_ERR_SYSTEM;
    }
    f->kernel = kernel;
    f->guards = true;
    return 0;
}

void fence_set(const struct fence *f, int64_t boot_ns)
{
    if (!f->guards || !f->kernel)
        return;
    struct itimerspec spec = { .it_value = { 0, 0 } };
    /* A time of 0 would disarm it. */
    if (boot_ns != LEASEHOLD_NEVER)
        spec.it_value =
            (struct timespec){ .tv_sec = (time_t)(boot_ns / second_ns), .tv_nsec = boot_ns > 0 ? (long)(boot_ns % second_ns) : 1 };
    BUG_UNLESS(timer_settime(f->timer, TIMER_ABSTIME, &spec, NULL) == 0);
}

void fence_end(struct fence *f)
{
    if (f->guards && f->kernel)
        timer_delete(f->timer);
    *f = (struct fence){ .guards = false };
}
