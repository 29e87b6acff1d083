#include "io/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "election/bug.h"
#include "io/clock.h"
#include "leasehold/errors.h"

struct loop_watch {
    int fd;
    loop_watch_fn *fn; /* NULL: freed while a dispatch may still hold an event for it */
    void *user;
    struct loop_watch *next_dead;
};

struct loop {
    int epoll_fd, timer_fd, wake_fd;
    pid_t owner;
    bool dispatching;
    struct heap timers;
    int64_t armed_ns; /* what timer_fd is set to */
    loop_wake_fn *on_wake;
    void *wake_user;
    unsigned watches;
    struct loop_watch *dead;
};

static int loop_add_own(struct loop *loop, int fd, void *mark)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = mark };
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int loop_new(struct loop **ret_loop)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL)
        return LEASEHOLD_ERR_MEMORY;
    loop->owner = getpid();
    loop->armed_ns = LEASEHOLD_NEVER;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* The addresses of the two fields tell these two events from those of watches. */
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 || loop->wake_fd < 0 || loop_add_own(loop, loop->timer_fd, &loop->timer_fd) != 0 ||
        loop_add_own(loop, loop->wake_fd, &loop->wake_fd) != 0) {
        int saved = errno;
        loop_free(loop);
        errno = saved;
        return LEASEHOLD_ERR_SYSTEM;
    }
    *ret_loop = loop;
    return 0;
}

static void loop_bury(struct loop *loop)
{
    while (loop->dead != NULL) {
        struct loop_watch *watch = loop->dead;
        loop->dead = watch->next_dead;
        free(watch);
    }
}

struct loop *loop_free(struct loop *loop)
{
    if (loop == NULL)
        return NULL;
    BUG_UNLESS(!loop->dispatching);
    BUG_UNLESS(loop->owner != getpid() || (loop->watches == 0 && heap_first(&loop->timers) == NULL));
    loop_bury(loop);
    int fds[] = { loop->epoll_fd, loop->timer_fd, loop->wake_fd };
    for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(loop);
    return NULL;
}

int loop_fd(const struct loop *loop)
{
    return loop->epoll_fd;
}

/* Sets the timer descriptor to the earliest timer, where that changed. */
static void loop_arm(struct loop *loop)
{
    const struct heap_node *first = heap_first(&loop->timers);
    int64_t at = first != NULL ? first->key : LEASEHOLD_NEVER;
    if (at == loop->armed_ns)
        return;
    struct itimerspec spec = { .it_value = { 0, 0 } };
    if (at != LEASEHOLD_NEVER) {
        int64_t ns = at > 0 ? at : 1; /* all zero would disarm */
        spec.it_value = (struct timespec){ ns / 1000000000, ns % 1000000000 };
    }
    BUG_UNLESS(timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0);
    loop->armed_ns = at;
}

void loop_timer_init(struct loop_timer *timer, loop_timer_fn *fn, void *user)
{
    *timer = (struct loop_timer){ .node = { .key = LEASEHOLD_NEVER }, .fn = fn, .user = user };
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t boot_ns)
{
    if (timer->node.in_heap && timer->node.key == boot_ns)
        return;
    heap_remove(&loop->timers, &timer->node);
    timer->node.key = boot_ns;
    if (boot_ns != LEASEHOLD_NEVER)
        heap_insert(&loop->timers, &timer->node, boot_ns);
    if (!loop->dispatching)
        loop_arm(loop);
}

int64_t loop_timer_at(const struct loop_timer *timer)
{
    return timer->node.in_heap ? timer->node.key : LEASEHOLD_NEVER;
}

static void loop_run_timers(struct loop *loop, leasehold_time now, int *budget)
{
    for (; *budget > 0; (*budget)--) {
        struct heap_node *first = heap_first(&loop->timers);
        if (first == NULL || first->key > now.boot_ns)
            return;
        struct loop_timer *timer = HEAP_OWNER(first, struct loop_timer, node);
        heap_remove(&loop->timers, first);
        timer->fn(timer->user, now);
    }
}

/* Empties a timerfd or eventfd, which hold eight bytes at most. */
static void loop_drain(int fd)
{
    uint64_t count;
    ssize_t n;
    do
        n = read(fd, &count, sizeof(count));
    while (n < 0 && errno == EINTR);
}

static void loop_run_event(struct loop *loop, const struct epoll_event *event, leasehold_time now)
{
    if (event->data.ptr == &loop->timer_fd) {
        loop_drain(loop->timer_fd);
        loop->armed_ns = LEASEHOLD_NEVER; /* it has fired: what is left is armed at the end of the turn */
    } else if (event->data.ptr == &loop->wake_fd) {
        loop_drain(loop->wake_fd);
        if (loop->on_wake != NULL)
            loop->on_wake(loop->wake_user, now);
    } else {
        struct loop_watch *watch = event->data.ptr;
        if (watch->fn != NULL)
            watch->fn(watch->user, event->events, now);
    }
}

int loop_dispatch(struct loop *loop)
{
    BUG_UNLESS(!loop->dispatching);
    struct epoll_event events[LOOP_EVENTS_A_TURN];
    int n;
    do
        n = epoll_wait(loop->epoll_fd, events, LOOP_EVENTS_A_TURN, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return LEASEHOLD_ERR_SYSTEM;
    loop->dispatching = true;
    leasehold_time now = clock_now();
    int budget = LOOP_TIMERS_A_TURN;
    loop_run_timers(loop, now, &budget);
    for (int i = 0; i < n; i++)
        loop_run_event(loop, &events[i], now);
    loop_run_timers(loop, now, &budget);
    loop->dispatching = false;
    loop_bury(loop);
    loop_arm(loop);
    return 0;
}

int loop_wait(struct loop *loop, int64_t timeout_ns)
{
    struct pollfd pollfd = { .fd = loop->epoll_fd, .events = POLLIN };
    struct timespec timeout = { timeout_ns > 0 ? timeout_ns / 1000000000 : 0, timeout_ns > 0 ? timeout_ns % 1000000000 : 0 };
    int n = ppoll(&pollfd, 1, timeout_ns == LEASEHOLD_NEVER ? NULL : &timeout, NULL);
    if (n < 0)
        return errno == EINTR ? 0 : LEASEHOLD_ERR_SYSTEM;
    return n > 0;
}

int loop_watch_new(struct loop *loop, int fd, uint32_t events, loop_watch_fn *fn, void *user, struct loop_watch **ret_watch)
{
    struct loop_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return LEASEHOLD_ERR_MEMORY;
    *watch = (struct loop_watch){ .fd = fd, .fn = fn, .user = user };
    struct epoll_event event = { .events = events, .data.ptr = watch };
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(watch);
        return LEASEHOLD_ERR_SYSTEM;
    }
    loop->watches++;
    *ret_watch = watch;
    return 0;
}

int loop_watch_modify(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = watch };
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) == 0 ? 0 : LEASEHOLD_ERR_SYSTEM;
}

struct loop_watch *loop_watch_free(struct loop *loop, struct loop_watch *watch)
{
    if (watch == NULL)
        return NULL;
    /* Fails where the descriptor was closed first, and then there is nothing left to remove. In a forked child the set is
     * shared with the parent, whose watch it is. */
    if (loop->owner == getpid())
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    loop->watches--;
    watch->fn = NULL;
    if (loop->dispatching) {
        watch->next_dead = loop->dead;
        loop->dead = watch;
    } else {
        free(watch);
    }
    return NULL;
}

void loop_on_wake(struct loop *loop, loop_wake_fn *fn, void *user)
{
    loop->on_wake = fn;
    loop->wake_user = user;
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    int saved = errno; /* may run in a signal handler */
    ssize_t n;
    do
        n = write(loop->wake_fd, &one, sizeof(one));
    while (n < 0 && errno == EINTR);
    errno = saved; /* EAGAIN: the counter is full, so it is readable */
}
