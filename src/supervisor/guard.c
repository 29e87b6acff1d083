/* The elector's process: the caller's function, and beside it a guard thread, the second line behind the keeper. The guard only
 * acts when the keeper or P is gone, whatever the function is doing meanwhile: then it ends the work that they left.
 *
 * The elector has no SIGKILL timer of its own: when the keeper is stopped beyond kill_at, the kernel kills it, and someone must
 * then be alive to end what CMD has forked. An elector that sleeps through its own deadline does no harm: the keeper holds it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/clock.h"
#include "supervisor/family.h"

enum {
    GUARD_PAUSE_MIN_MS = 1,
    GUARD_PAUSE_MAX_MS = 50,
    GUARD_REMOVALS_MAX = 100,
    GUARD_LEAVE_MS = 1000, /* for the function to return after everybody else has died */
};

struct guard {
    const struct family *family;
    int proc_fd;
    int finished_fd; /* readable when the function has returned */
};

static bool is_gone(int pidfd)
{
    struct pollfd fd = { .fd = pidfd, .events = POLLIN };
    return poll(&fd, 1, 0) == 1;
}

/* Waits until one of them is readable, for at most `ms` (-1: no limit). Negative descriptors are left out. */
static void wait_for(int a, int b, int c, int ms)
{
    struct pollfd fds[3] = { { .fd = a, .events = POLLIN }, { .fd = b, .events = POLLIN }, { .fd = c, .events = POLLIN } };
    poll(fds, 3, ms);
}

/* Ends all that descends from `root` and is not ours, until nothing of it lives or `until_gone` (a pidfd, or -1) has gone. */
static void end_work(const struct guard *guard, pid_t root, int until_gone)
{
    struct tree_spared spared = guard->family->spared;
    int pause = GUARD_PAUSE_MIN_MS, quiet = 0;

    if (spared.count == TREE_SPARED_MAX)
        spared.count--;
    spared.pid[spared.count++] = getpid();
    for (;;) {
        cgroup_kill(&guard->family->cgroup);
        if (guard->proc_fd < 0)
            return;
        tree_signal_quick(guard->proc_fd, root, &spared, SIGKILL);
        /* Twice nothing: a process can be born behind the scan's back while its parent dies before it. */
        quiet = tree_signal(guard->proc_fd, root, &spared, SIGKILL) <= 0 ? quiet + 1 : 0;
        if (quiet == 2)
            return;
        if (until_gone >= 0 && is_gone(until_gone))
            return;
        wait_for(-1, -1, -1, pause);
        pause = pause * 2 < GUARD_PAUSE_MAX_MS ? pause * 2 : GUARD_PAUSE_MAX_MS;
    }
}

/* The keeper is dead: its children are P's, or, if P is dead too, of a stranger, and only group and cgroup still name them. */
static void replace_keeper(const struct guard *guard)
{
    pid_t group = atomic_load(&guard->family->board->work_group);

    /* At once, before numbers are used again. */
    if (group > 0)
        kill(-group, SIGKILL);
    end_work(guard, guard->family->reaper, guard->family->reaper_pidfd);
}

/* P is dead: the keeper ends its work by itself, if it is not stopped. First the work, then the keeper, or what CMD forked would
 * get away to a stranger. */
static void replace_reaper(const struct guard *guard)
{
    const struct family *family = guard->family;
    int wait_ms = (int)(family->options->release_timeout_ns / 1000000) + GUARD_LEAVE_MS;

    end_work(guard, atomic_load(&family->board->keeper), family->keeper_pidfd);
    wait_for(family->keeper_pidfd, -1, -1, wait_ms);
    if (!is_gone(family->keeper_pidfd)) {
        end_work(guard, atomic_load(&family->board->keeper), family->keeper_pidfd);
        syscall(SYS_pidfd_send_signal, family->keeper_pidfd, SIGKILL, NULL, 0);
    }
}

/* A dying process closes its sockets before its pidfd tells of its death: the function can have returned because of the former,
 * when the latter is what the guard must still see. */
static bool is_leaving(int link_fd)
{
    struct pollfd fd = { .fd = link_fd, .events = 0 };
    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLHUP) != 0;
}

/* Nobody else is left to do it. What was killed leaves it a moment later. */
static void remove_cgroup(const struct guard *guard)
{
    for (int i = 0; i < GUARD_REMOVALS_MAX && !cgroup_unlink(&guard->family->cgroup); i++)
        wait_for(-1, -1, -1, GUARD_PAUSE_MIN_MS);
}

static void *guard_thread(void *argument)
{
    const struct guard *guard = argument;
    const struct family *family = guard->family;
    bool no_keeper = false, no_reaper = false;

    for (;;) {
        wait_for(no_keeper ? -1 : family->keeper_pidfd, no_reaper ? -1 : family->reaper_pidfd, guard->finished_fd, -1);
        if (!no_keeper && is_gone(family->keeper_pidfd)) {
            no_keeper = true;
            replace_keeper(guard);
        }
        if (!no_reaper && is_gone(family->reaper_pidfd)) {
            no_reaper = true;
            if (!no_keeper)
                replace_reaper(guard);
        }
        if (no_keeper && no_reaper) {
            remove_cgroup(guard);
            wait_for(guard->finished_fd, -1, -1, GUARD_LEAVE_MS);
            _exit(SUPERVISOR_EXIT_FAILURE);
        }
        if (is_gone(guard->finished_fd) && atomic_load(&family->board->work_group) != 0 && !no_keeper) {
            /* The function has returned before its work ended: the keeper is stopping it, and still needs a second line. */
            wait_for(family->keeper_pidfd, no_reaper ? -1 : family->reaper_pidfd, -1, GUARD_PAUSE_MAX_MS);
        } else if (is_gone(guard->finished_fd)) {
            if (no_keeper || !is_leaving(family->link_fd[0]))
                return NULL;
            wait_for(family->keeper_pidfd, -1, -1, GUARD_LEAVE_MS);
            if (!is_gone(family->keeper_pidfd))
                return NULL;
        }
    }
}

static void ignore_politely(int signal)
{
    (void)signal;
}

/* Orders come from the keeper, not by signal: a TERM to every process of the service is P's affair. A handler and not SIG_IGN,
 * because programs that the elector executes (credential plugins) get the default back then. */
static void set_signals(const struct family *family)
{
    static const int politely[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU };
    struct sigaction action = { .sa_handler = ignore_politely, .sa_flags = SA_RESTART };

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof politely / sizeof politely[0]; i++)
        sigaction(politely[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigprocmask(SIG_SETMASK, &family->signals.mask, NULL);
}

static void leave_stdin_and_stdout(void)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null_fd < 0)
        return;
    dup2(null_fd, STDIN_FILENO);
    dup2(null_fd, STDOUT_FILENO);
    if (null_fd > STDERR_FILENO)
        close(null_fd);
}

static int start_thread(struct guard *guard, pthread_t *thread)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(thread, NULL, guard_thread, guard);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

void guard_main(const struct family *family)
{
    static struct guard guard;
    struct supervisor_message done = { .kind = SUPERVISOR_DONE };
    pthread_t thread;
    int link_fd = family->link_fd[0];

    prctl(PR_SET_NAME, "elector");
    setpgid(0, 0);
    close(family->control_fd[0]);
    set_signals(family);
    leave_stdin_and_stdout();
    guard = (struct guard){ .family = family, .proc_fd = tree_open(), .finished_fd = eventfd(0, EFD_CLOEXEC) };
    bool guarded = guard.finished_fd >= 0 && start_thread(&guard, &thread) == 0;
    if (!guarded)
        dprintf(STDERR_FILENO, "leasehold run: no thread for the elector's guard: raise the limit of processes (ulimit -u)\n");
    done.wait_status = guarded ? family->elector(family->user, link_fd) & 0xff : SUPERVISOR_EXIT_FAILURE;
    supervisor_send(link_fd, &done);
    if (guarded) {
        eventfd_write(guard.finished_fd, 1);
        pthread_join(thread, NULL); /* it may still have to end the work, and looks at link_fd */
    }
    fflush(NULL);
    _exit(done.wait_status);
}
