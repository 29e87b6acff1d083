/* Processes found below a root in the real /proc: parsed, marked, spared, signalled until none is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/tree.h"

enum { TURNS_MAX = 2000 };

static void a_stat_line_is_parsed_behind_the_last_parenthesis(void **unused)
{
    struct tree_process p = { 0 };

    (void)unused;
    assert_int_equal(tree_parse_stat("17 (a) S 1 (x) S 9) Z 42 17 17 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n", &p), 0);
    assert_int_equal(p.parent, 42);
    assert_int_equal(p.start, 98765);
    assert_false(p.alive);
}

static void a_zombie_leader_with_threads_is_alive(void **unused)
{
    struct tree_process p = { 0 };

    (void)unused;
    assert_int_equal(tree_parse_stat("17 (a) Z 42 17 17 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 98765 1 2 3\n", &p), 0);
    assert_true(p.alive);
}

static void nonsense_is_refused(void **unused)
{
    static const char *const texts[] = { "", "17", "17 (a", "17 (a) ", "17 (a) S", "17 (a) S x", "17 (a) S 1 2 3" };
    struct tree_process p = { 0 };

    (void)unused;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(tree_parse_stat(texts[i], &p), -1);
}

/* A process that sleeps, and `depth` further below it. Writes the pid of each into the pipe. */
static void __attribute__((noreturn)) sleep_in_a_chain(int depth, int pipe_fd, bool sessions)
{
    bool goes_on = true;

    while (goes_on) {
        pid_t self = getpid();
        if (write(pipe_fd, &self, sizeof self) != (ssize_t)sizeof self)
            _exit(1);
        goes_on = depth-- > 0 && fork() == 0;
        if (goes_on && sessions)
            setsid();
    }
    for (;;)
        pause();
}

static pid_t start_chain(int depth, bool sessions, pid_t *pids)
{
    int pipe_fd[2];

    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        sleep_in_a_chain(depth, pipe_fd[1], sessions);
    for (int i = 0; i <= depth; i++)
        assert_int_equal(read(pipe_fd[0], &pids[i], sizeof pids[i]), sizeof pids[i]);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    return child;
}

/* Reaps until no child is left; kills on the way as the keeper does. */
static void end_all(int proc_fd)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        assert_true(tree_signal(proc_fd, getpid(), NULL, SIGKILL) >= 0);
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (pid < 0 && errno == ECHILD)
            return;
        poll(NULL, 0, 1);
    }
    fail_msg("the tree does not end");
}

static void descendants_are_found_at_every_depth(void **unused)
{
    pid_t pids[6];
    int proc_fd = tree_open();

    (void)unused;
    assert_true(proc_fd >= 0);
    assert_int_equal(tree_signal(proc_fd, getpid(), NULL, 0), 0);
    start_chain(5, true, pids);
    assert_int_equal(tree_signal(proc_fd, getpid(), NULL, 0), 6);
    assert_int_equal(tree_signal(proc_fd, pids[2], NULL, 0), 3);
    assert_int_equal(tree_signal(proc_fd, pids[5], NULL, 0), 0);
    end_all(proc_fd);
    assert_int_equal(tree_signal(proc_fd, getpid(), NULL, 0), 0);
    close(proc_fd);
}

static void the_quick_look_finds_them_too(void **unused)
{
    pid_t pids[6], others[2];
    struct tree_spared spared;
    int proc_fd = tree_open();

    (void)unused;
    start_chain(1, false, others);
    assert_int_equal(tree_children(proc_fd, getpid(), &spared), 0);
    start_chain(5, true, pids);
    int found = tree_signal_quick(proc_fd, getpid(), &spared, SIGSTOP);
    if (found == -1)
        print_message("this kernel has no lists of children\n");
    else
        assert_int_equal(found, 6);
    assert_int_equal(tree_signal_quick(proc_fd, getpid(), &spared, SIGKILL) > 0, found != -1);
    assert_int_equal(kill(others[1], 0), 0);
    end_all(proc_fd);
    if (found != -1)
        assert_int_equal(tree_signal_quick(proc_fd, getpid(), NULL, SIGKILL), 0);
    close(proc_fd);
}

static void a_spared_branch_is_left_alone(void **unused)
{
    pid_t spared_pids[3], others[3];
    struct tree_spared spared;
    int proc_fd = tree_open();

    (void)unused;
    start_chain(2, false, spared_pids);
    assert_int_equal(tree_children(proc_fd, getpid(), &spared), 0);
    assert_int_equal(spared.count, 1);
    assert_int_equal(spared.pid[0], spared_pids[0]);
    pid_t other = start_chain(2, false, others);
    assert_int_equal(tree_signal(proc_fd, getpid(), &spared, SIGKILL), 3);
    assert_int_equal(waitpid(other, NULL, 0), other);
    for (int turn = 0; tree_signal(proc_fd, getpid(), &spared, 0) != 0 && turn < TURNS_MAX; turn++)
        poll(NULL, 0, 1);
    assert_int_equal(tree_signal(proc_fd, getpid(), &spared, 0), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(kill(spared_pids[i], 0), 0);
    end_all(proc_fd);
    close(proc_fd);
}

static void orphans_come_up_to_the_subreaper(void **unused)
{
    pid_t pids[3];
    int proc_fd = tree_open();

    (void)unused;
    pid_t first = start_chain(2, true, pids);
    kill(first, SIGKILL);
    assert_int_equal(waitpid(first, NULL, 0), first);
    assert_int_equal(tree_signal(proc_fd, getpid(), NULL, 0), 2);
    /* ... so that ECHILD is the proof that nothing is left. */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
    end_all(proc_fd);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    close(proc_fd);
}

static void stopped_processes_are_killed_too(void **unused)
{
    pid_t pids[2];
    int proc_fd = tree_open();

    (void)unused;
    start_chain(1, false, pids);
    assert_int_equal(tree_signal(proc_fd, getpid(), NULL, SIGSTOP), 2);
    end_all(proc_fd);
    close(proc_fd);
}

/* Forks for ever, each time ending the parent: a sweep has to catch up with it. */
static void __attribute__((noreturn)) runs_away(int turns)
{
    for (; turns > 0; turns--)
        if (fork() > 0)
            _exit(0);
    for (;;)
        pause();
}

static void a_runaway_is_caught(void **unused)
{
    int proc_fd = tree_open();

    (void)unused;
    for (int i = 0; i < 4; i++)
        if (fork() == 0)
            runs_away(500);
    end_all(proc_fd);
    close(proc_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stat_line_is_parsed_behind_the_last_parenthesis),
        cmocka_unit_test(a_zombie_leader_with_threads_is_alive),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(descendants_are_found_at_every_depth),
        cmocka_unit_test(the_quick_look_finds_them_too),
        cmocka_unit_test(a_spared_branch_is_left_alone),
        cmocka_unit_test(orphans_come_up_to_the_subreaper),
        cmocka_unit_test(stopped_processes_are_killed_too),
        cmocka_unit_test(a_runaway_is_caught),
    };
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
