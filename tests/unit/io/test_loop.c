/* The loop: order of one dispatch, timers, descriptors that come and go inside callbacks, wake-ups from threads. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/clock.h"
#include "io/loop.h"

#define MS INT64_C(1000000)

static char trace[256];

static void say(const char *word)
{
    size_t used = strlen(trace);
    snprintf(trace + used, sizeof(trace) - used, "%s ", word);
}

static int fresh(void **state)
{
    struct loop *loop;
    trace[0] = '\0';
    if (loop_new(&loop) != 0)
        return -1;
    *state = loop;
    return 0;
}

static int done(void **state)
{
    return loop_free(*state) != NULL;
}

static bool readable(struct loop *loop, int timeout_ms)
{
    struct pollfd p = { .fd = loop_fd(loop), .events = POLLIN };
    return poll(&p, 1, timeout_ms) == 1;
}

static void on_timer(void *user, leasehold_time now)
{
    (void)now;
    say(user);
}

static void on_fd(void *user, uint32_t events, leasehold_time now)
{
    (void)now;
    assert_true((events & EPOLLIN) != 0);
    say(user);
}

static void timers_run_in_their_order_before_descriptors(void **state)
{
    struct loop *loop = *state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    struct loop_watch *watch;
    assert_int_equal(loop_watch_new(loop, pipes[0], EPOLLIN, on_fd, "fd", &watch), 0);
    struct loop_timer first, second, later;
    loop_timer_init(&first, on_timer, "first");
    loop_timer_init(&second, on_timer, "second");
    loop_timer_init(&later, on_timer, "later");
    int64_t now = clock_now().boot_ns;
    loop_timer_set(loop, &later, now + 3600 * 1000 * MS);
    loop_timer_set(loop, &second, now - 1);
    loop_timer_set(loop, &first, 0);
    assert_true(readable(loop, 1000));
    assert_int_equal(loop_dispatch(loop), 0);
    assert_string_equal(trace, "first second fd ");
    assert_int_equal(loop_timer_at(&first), LEASEHOLD_NEVER);
    assert_int_equal(loop_timer_at(&later), now + 3600 * 1000 * MS);
    loop_timer_set(loop, &later, LEASEHOLD_NEVER);
    loop_watch_free(loop, watch);
    assert_false(readable(loop, 0));
    close(pipes[0]);
    close(pipes[1]);
}

static void a_timer_wakes_neither_early_nor_late(void **state)
{
    struct loop *loop = *state;
    struct loop_timer timer;
    loop_timer_init(&timer, on_timer, "t");
    int64_t at = clock_now().boot_ns + 30 * MS;
    loop_timer_set(loop, &timer, at + 1000 * MS);
    loop_timer_set(loop, &timer, at);
    assert_int_equal(loop_dispatch(loop), 0);
    assert_string_equal(trace, "");
    while (trace[0] == '\0') {
        assert_int_equal(loop_wait(loop, 1000 * MS), 1);
        assert_int_equal(loop_dispatch(loop), 0);
    }
    int64_t now = clock_now().boot_ns;
    assert_true(now >= at);
    assert_true(now < at + 500 * MS);
    assert_false(readable(loop, 20)); /* nothing is due: no busy loop */
}

struct pair {
    struct loop *loop;
    struct loop_watch *watches[2];
    struct loop_timer timer;
};

static void on_fd_removes_both(void *user, uint32_t events, leasehold_time now)
{
    struct pair *pair = user;
    (void)events;
    (void)now;
    say("one");
    pair->watches[0] = loop_watch_free(pair->loop, pair->watches[0]);
    pair->watches[1] = loop_watch_free(pair->loop, pair->watches[1]);
    loop_timer_set(pair->loop, &pair->timer, 0);
}

static void a_watch_freed_in_a_callback_is_not_called(void **state)
{
    struct loop *loop = *state;
    struct pair pair = { .loop = loop };
    loop_timer_init(&pair.timer, on_timer, "soon");
    int pipes[2][2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        assert_int_equal(write(pipes[i][1], "x", 1), 1);
        assert_int_equal(loop_watch_new(loop, pipes[i][0], EPOLLIN, on_fd_removes_both, &pair, &pair.watches[i]), 0);
    }
    assert_int_equal(loop_dispatch(loop), 0);
    assert_string_equal(trace, "one soon "); /* a timer set to 0 runs before the dispatch returns */
    for (int i = 0; i < 2; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

static void *wake_thread(void *loop)
{
    for (int i = 0; i < 1000; i++)
        loop_wake(loop);
    return NULL;
}

static void any_thread_may_wake(void **state)
{
    struct loop *loop = *state;
    loop_on_wake(loop, on_timer, "woken");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_thread, loop), 0);
    assert_int_equal(loop_wait(loop, 2000 * MS), 1);
    pthread_join(thread, NULL);
    trace[0] = '\0';
    loop_wake(loop);
    assert_int_equal(loop_dispatch(loop), 0);
    assert_string_equal(trace, "woken ");
    assert_int_equal(loop_wait(loop, 0), 0);
}

static void a_forked_child_may_free_its_copy(void **state)
{
    struct loop *loop = *state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    struct loop_watch *watch;
    assert_int_equal(loop_watch_new(loop, pipes[0], EPOLLIN, on_fd, "fd", &watch), 0);
    pid_t pid = fork();
    if (pid == 0) {
        loop_watch_free(loop, watch);
        loop_free(loop);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    assert_int_equal(loop_dispatch(loop), 0);
    assert_string_equal(trace, "fd ");
    loop_watch_free(loop, watch);
    close(pipes[0]);
    close(pipes[1]);
}

static void a_bad_descriptor_is_refused(void **state)
{
    struct loop *loop = *state;
    struct loop_watch *watch = NULL;
    assert_true(loop_watch_new(loop, 999999, EPOLLIN, on_fd, "fd", &watch) < 0);
    assert_null(watch);
    assert_null(loop_watch_free(loop, NULL));
    assert_null(loop_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_run_in_their_order_before_descriptors, fresh, done),
        cmocka_unit_test_setup_teardown(a_timer_wakes_neither_early_nor_late, fresh, done),
        cmocka_unit_test_setup_teardown(a_watch_freed_in_a_callback_is_not_called, fresh, done),
        cmocka_unit_test_setup_teardown(any_thread_may_wake, fresh, done),
        cmocka_unit_test_setup_teardown(a_forked_child_may_free_its_copy, fresh, done),
        cmocka_unit_test_setup_teardown(a_bad_descriptor_is_refused, fresh, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
