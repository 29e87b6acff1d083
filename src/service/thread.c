#include "service/thread.h"

#include <errno.h>
#include <leasehold/errors.h>
#include <signal.h>

int thread_start(pthread_t *ret, void *(*work)(void *user), void *user)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int reason = pthread_create(ret, NULL, work, user);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return reason == 0 ? 0 : LEASEHOLD_ERR_SYSTEM;
}
