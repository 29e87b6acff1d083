/* Threads of our own in somebody else's program: they take no signals, so that handlers run where the program expects them. */
#ifndef LEASEHOLD_SERVICE_THREAD_H
#define LEASEHOLD_SERVICE_THREAD_H

#include <pthread.h>

/* Starts work(user) with all signals blocked. Returns 0 and *ret, or LEASEHOLD_ERR_SYSTEM with errno. */
int thread_start(pthread_t *ret, void *(*work)(void *user), void *user);

#endif
