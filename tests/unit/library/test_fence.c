/* leasehold_fence_guard(): a process that leads and hangs is killed by the kernel; one that steps down is not. Each candidate is a child of
 * its own, since that is what is killed. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

enum { PATIENCE_MS = 30000, EXIT_WRONG = 3, EXIT_NOT_ALLOWED = 77 };
#define MS UINT64_C(1000000)

static struct world *world;

static int open_world(void **state)
{
    (void)state;
    world = world_open_apart();
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(world);
    return 0;
}

struct candidate {
    leasehold_service *s;
    leasehold_group *g;
    const leasehold_event *e;
};

/* In a child: stands, guarded or not. */
static struct candidate stands(bool guarded)
{
    struct candidate c = { .s = NULL };
    leasehold_options *o = world_options(world, "a");
    if (leasehold_service_open(&c.s, o) < 0 || leasehold_group_open(&c.g, c.s, "demo", LEASEHOLD_CANDIDATE, NULL) < 0 ||
        (guarded && leasehold_fence_guard(c.g) < 0))
        _exit(EXIT_WRONG);
    return c;
}

static struct candidate leads(void)
{
    struct candidate c = stands(true);
    world_await(c.s, c.g, LEASEHOLD_EVENT_STARTED_LEADING, PATIENCE_MS, &c.e);
    return c;
}

/* Runs `what` in a child and waits for its end; returns what waitpid() said. */
static int in_child(void (*what)(int fd), int signal_when_told)
{
    int ends[2], status = 0;
    char told;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        setenv("CMOCKA_TEST_ABORT", "1", 1); /* an assertion that fails here must not go on to the tests that follow */
        what(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    if (signal_when_told && read(ends[0], &told, 1) == 1)
        assert_int_equal(kill(pid, signal_when_told), 0);
    for (int left_ms = PATIENCE_MS; waitpid(pid, &status, WNOHANG) == 0; left_ms -= 10) {
        if (left_ms <= 0) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            fail_msg("it lives after %d ms", PATIENCE_MS);
        }
        usleep(10000);
    }
    close(ends[0]);
    return status;
}

static void tell(int fd)
{
    if (write(fd, "x", 1) != 1)
        _exit(EXIT_WRONG);
}

static void lead_and_dispatch(int fd)
{
    struct candidate c = leads();
    tell(fd);
    for (;;)
        world_turn(c.s, world_boot_ns() + 100 * MS);
}

static void a_frozen_leader_is_killed(void **state)
{
    (void)state;
    int status = in_child(lead_and_dispatch, SIGSTOP);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void lead_and_hang(int fd)
{
    (void)fd;
    (void)leads();
    for (;;)
        pause();
}

static void a_leader_whose_loop_hangs_is_killed(void **state)
{
    (void)state;
    int status = in_child(lead_and_hang, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void sleep_until(uint64_t boot_ns)
{
    while (world_boot_ns() < boot_ns)
        usleep(10000);
}

/* Outlives the first kill_at by its renewals, and the last one by having stepped down. */
static void lead_on_and_step_down(int fd)
{
    (void)fd;
    struct candidate c = leads();
    uint64_t first = leasehold_event_stop_by_ns(c.e), term = leasehold_event_term(c.e);
    while (world_boot_ns() < first + 500 * MS)
        world_turn(c.s, world_boot_ns() + 50 * MS);
    if (!leasehold_group_is_leading(c.g))
        _exit(EXIT_WRONG);
    leasehold_group_resign(c.g, LEASEHOLD_FOREVER);
    world_await(c.s, c.g, LEASEHOLD_EVENT_STOP_WORK, PATIENCE_MS, &c.e);
    uint64_t last = leasehold_event_stop_by_ns(c.e);
    leasehold_group_work_stopped(c.g, term);
    world_await(c.s, c.g, LEASEHOLD_EVENT_STOPPED_LEADING, PATIENCE_MS, &c.e);
    sleep_until(last + 5000 * MS); /* renewals may have moved it on a little before the step down */
}

static void renewals_move_it_and_a_step_down_disarms_it(void **state)
{
    (void)state;
    int status = in_child(lead_on_and_step_down, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Guarded only after it leads: the present term counts. */
static void guard_a_term_that_runs(int fd)
{
    (void)fd;
    struct candidate c = stands(false);
    world_await(c.s, c.g, LEASEHOLD_EVENT_STARTED_LEADING, PATIENCE_MS, &c.e);
    if (leasehold_fence_guard(c.g) < 0 || leasehold_fence_guard(c.g) < 0)
        _exit(EXIT_WRONG);
    for (;;)
        pause();
}

static void a_term_that_runs_is_guarded_too(void **state)
{
    (void)state;
    int status = in_child(guard_a_term_that_runs, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void refused(int error, const char *word)
{
    char sentence[512];
    struct candidate c = stands(false);
    if (leasehold_fence_guard(c.g) != error || leasehold_service_error(c.s, sentence, sizeof sentence) < 0)
        _exit(EXIT_WRONG);
    _exit(strstr(sentence, word) ? 0 : EXIT_WRONG);
}

static void without_signals(int fd)
{
    (void)fd;
    const struct rlimit none = { 0, 0 };
    if (setrlimit(RLIMIT_SIGPENDING, &none) != 0)
        _exit(EXIT_WRONG);
    refused(LEASEHOLD_ERR_SYSTEM, "ulimit -i");
}

static void where_the_kernel_gives_no_timer_it_is_refused(void **state)
{
    (void)state;
    assert_int_equal(in_child(without_signals, 0), 0);
}

static void as_first_process(int fd)
{
    (void)fd;
    int status;
    if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0)
        _exit(EXIT_NOT_ALLOWED);
    pid_t pid = fork();
    if (pid == 0)
        refused(LEASEHOLD_ERR_UNSUPPORTED, "PID namespace");
    _exit(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_WRONG);
}

static void where_its_signal_would_be_ignored_it_is_refused(void **state)
{
    (void)state;
    int status = in_child(as_first_process, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_ALLOWED && getuid() != 0)
        skip();
    assert_int_equal(status, 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    leasehold_options *o = world_options(world, "a");
    leasehold_service *s;
    leasehold_group *g;
    assert_int_equal(leasehold_fence_guard(NULL), LEASEHOLD_ERR_ARGUMENT);
    assert_int_equal(leasehold_service_open(&s, o), 0);
    assert_int_equal(leasehold_group_open(&g, s, "watched", LEASEHOLD_OBSERVER, NULL), 0);
    assert_int_equal(leasehold_fence_guard(g), LEASEHOLD_ERR_STATE);
    leasehold_group_unref(g);
    leasehold_service_unref(s);
    leasehold_options_unref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_frozen_leader_is_killed, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_leader_whose_loop_hangs_is_killed, open_world, close_world),
        cmocka_unit_test_setup_teardown(renewals_move_it_and_a_step_down_disarms_it, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_term_that_runs_is_guarded_too, open_world, close_world),
        cmocka_unit_test_setup_teardown(where_the_kernel_gives_no_timer_it_is_refused, open_world, close_world),
        cmocka_unit_test_setup_teardown(where_its_signal_would_be_ignored_it_is_refused, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
