#include "service/guard.h"

#include <leasehold/errors.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "election/bug.h"

struct guard {
    _Atomic int references;
    pthread_mutex_t mutex;
    volatile unsigned char *page; /* 1 here, 0 in a child */
    size_t page_size;
    pid_t owner; /* where the kernel cannot empty pages (before 4.14); else 0 */
};

struct guard *guard_new(void)
{
    struct guard *guard = calloc(1, sizeof *guard);
    if (!guard)
        return NULL;
    guard->page_size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, guard->page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        free(guard);
        return NULL;
    }
    if (madvise(page, guard->page_size, MADV_WIPEONFORK) < 0)
        guard->owner = getpid();
    guard->page = page;
    guard->page[0] = 1;
    BUG_UNLESS(pthread_mutex_init(&guard->mutex, NULL) == 0);
    atomic_init(&guard->references, 1);
    return guard;
}

struct guard *guard_ref(struct guard *guard)
{
    atomic_fetch_add(&guard->references, 1);
    return guard;
}

struct guard *guard_unref(struct guard *guard)
{
    if (!guard || guard_forked(guard) || atomic_fetch_sub(&guard->references, 1) != 1)
        return NULL;
    pthread_mutex_destroy(&guard->mutex);
    munmap((void *)guard->page, guard->page_size);
    free(guard);
    return NULL;
}

bool guard_forked(const struct guard *guard)
{
    return guard->page[0] == 0 || (guard->owner != 0 && guard->owner != getpid());
}

int guard_lock(struct guard *guard)
{
    if (guard_forked(guard))
        return LEASEHOLD_ERR_FORKED;
    BUG_UNLESS(pthread_mutex_lock(&guard->mutex) == 0);
    return 0;
}

void guard_unlock(struct guard *guard)
{
    BUG_UNLESS(pthread_mutex_unlock(&guard->mutex) == 0);
}
