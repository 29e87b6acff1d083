/* The keeper: holds kill_at and the work's life, and nothing else. One thread, locked in memory, no network; after its set-up it
 * opens nothing but entries of /proc. What it decides is in table.c; here the events are found and the orders carried out.
 *
 * Two clocks end the work: this loop, SUPERVISOR_KILL_LEAD_NS before kill_at, and the kernel's timer, which kills the keeper
 * SUPERVISOR_BACKSTOP_LEAD_NS before kill_at if the loop has not (stopped, swapped, starved) and CMD with it. */
#include "supervisor/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "election/bug.h"
#include "supervisor/clock.h"

enum {
    KEEPER_PACKETS_MAX = 16, /* read from one socket in one turn */
    KEEPER_SIGNALS_MAX = 16,
};

enum keeper_slot { KEEPER_CHILD = 0, KEEPER_CONTROL, KEEPER_LINK, KEEPER_PARENT, KEEPER_ALARM, KEEPER_EXEC, KEEPER_SLOTS };

/* ---- events ------------------------------------------------------------------------------------------------------- */

static void lose_elector(struct keeper *k)
{
    if (k->link_fd < 0)
        return;
    close(k->link_fd);
    k->link_fd = -1;
    keeper_step(k, k->elector_done ? TABLE_ELECTOR_DONE : TABLE_ELECTOR_LOST);
}

static void on_start(struct keeper *k, const struct supervisor_message *m)
{
    int64_t now = clock_boot_ns();

    if (m->term == 0 || m->term <= k->spent_term) {
        keeper_refuse(k, m->term, SUPERVISOR_NOT_STARTED_STALE);
    } else if (now >= m->kill_at_boot_ns - SUPERVISOR_KILL_LEAD_NS || (m->latest_start_boot_ns > 0 && now > m->latest_start_boot_ns)) {
        keeper_refuse(k, m->term, SUPERVISOR_NOT_STARTED_LATE);
    } else {
        k->incoming = m;
        keeper_step(k, TABLE_START);
        k->incoming = NULL;
    }
}

/* While work may go on the newest word counts; once it was told to stop for a loss, or is being killed, time only shrinks. */
static void on_deadline(struct keeper *k, int64_t kill_at, int64_t term_at)
{
    bool shrink_only = k->lost || k->state == TABLE_KILLING || k->state == TABLE_KILLING_LAST;

    if (kill_at > 0 && (!shrink_only || kill_at < k->kill_at)) {
        k->kill_at = kill_at;
        /* Already over: expire() kills in this very turn, in good order; the kernel would take the keeper first. */
        if (kill_at - SUPERVISOR_KILL_LEAD_NS > clock_boot_ns())
            BUG_UNLESS(backstop_arm(k->backstop, kill_at - SUPERVISOR_BACKSTOP_LEAD_NS) == 0);
    }
    if (term_at > 0 && (!shrink_only || term_at < k->term_at))
        k->term_at = term_at;
}

static void on_stop(struct keeper *k, const struct supervisor_message *m)
{
    bool loss = m->stop == SUPERVISOR_STOP_LOSS;

    if (loss)
        k->lost = true;
    k->spent_term = m->term;
    if (m->kill_at_boot_ns > 0 && m->kill_at_boot_ns < k->kill_at)
        on_deadline(k, m->kill_at_boot_ns, 0);
    if (m->grace_ns > 0)
        keeper_give_grace(k, clock_boot_ns(), m->grace_ns);
    keeper_step(k, loss ? TABLE_LOSS : TABLE_REQUEST);
}

static void on_message(struct keeper *k, const struct supervisor_message *m)
{
    bool ours = table_has_work(k->state) && m->term == k->term;

    switch (m->kind) {
    case SUPERVISOR_START:
        on_start(k, m);
        break;
    case SUPERVISOR_DEADLINE:
        if (ours)
            on_deadline(k, m->kill_at_boot_ns, m->term_at_boot_ns);
        break;
    case SUPERVISOR_STOP:
        if (ours)
            on_stop(k, m);
        else if (m->term > k->spent_term) /* a START of this term that is still to come is stale by then */
            k->spent_term = m->term;
        break;
    case SUPERVISOR_KILL:
        if (m->term > k->spent_term)
            k->spent_term = m->term;
        if (ours) {
            k->lost = true;
            keeper_step(k, TABLE_LOSS_NOW);
        }
        break;
    case SUPERVISOR_DONE:
        k->elector_done = true;
        k->elector_status = m->wait_status;
        keeper_step(k, TABLE_ELECTOR_DONE);
        break;
    default:
        break; /* the keeper's own words, from a confused elector */
    }
}

static void read_link(struct keeper *k)
{
    struct supervisor_message m;

    for (int i = 0; i < KEEPER_PACKETS_MAX && k->link_fd >= 0; i++) {
        int result = supervisor_receive(k->link_fd, &m);
        if (result == 0)
            return;
        if (result < 0)
            lose_elector(k);
        else
            on_message(k, &m);
    }
}

static void lose_parent(struct keeper *k)
{
    if (k->parent_lost)
        return;
    k->parent_lost = true;
    keeper_step(k, TABLE_PARENT_LOST);
}

static void on_asked(struct keeper *k)
{
    bool again = k->asked;

    k->asked = true;
    keeper_step(k, again ? TABLE_ASKED_AGAIN : TABLE_ASKED);
}

static void on_forward(struct keeper *k, int signal)
{
    if (k->cmd_alive)
        keeper_signal_cmd(k, signal);
    else if (signal == SIGHUP && k->family->terminal.ours)
        on_asked(k); /* the terminal of a standby has gone, and nobody else would end it */
}

static void read_control(struct keeper *k)
{
    struct control c;

    for (int i = 0; i < KEEPER_PACKETS_MAX && !k->parent_lost; i++) {
        int result = control_receive(k->control_fd, &c);
        if (result == 0)
            return;
        if (result < 0) {
            lose_parent(k);
            return;
        }
        if (c.kind == CONTROL_ELECTOR)
            k->elector_pidfd = family_pidfd(c.value); /* its parent P has not reaped it: the number is still its own */
        else if (c.kind == CONTROL_ASKED)
            on_asked(k);
        else if (c.kind == CONTROL_FORWARD)
            on_forward(k, c.value);
        else if (c.kind == CONTROL_CONTINUE && k->cmd_alive)
            kill(-k->cmd, SIGCONT);
    }
}

static void read_exec(struct keeper *k)
{
    struct spawn_report report;
    ssize_t size = read(k->exec_fd, &report, sizeof report);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    close(k->exec_fd);
    k->exec_fd = -1;
    if (size == 0) {
        k->executed = true;
        keeper_step(k, TABLE_EXEC_OK);
    } else if (size == (ssize_t)sizeof report && report.stage == SPAWN_LATE) {
        keeper_step(k, TABLE_EXEC_LATE);
    } else {
        k->start_error = size == (ssize_t)sizeof report ? report.error : EIO;
        errno = k->start_error;
        control_send(k->control_fd, CONTROL_LOG, 0, "%s cannot be executed any more (%m): see that it stays where it was",
                     k->options->path);
        keeper_step(k, TABLE_EXEC_ERROR);
    }
}

/* Stops of CMD, which P follows on a terminal; those of others are their own affair. */
static bool reap_stops(struct keeper *k)
{
    siginfo_t info = { .si_pid = 0 };

    if (waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG) != 0 || info.si_pid == 0)
        return false;
    if (info.si_pid == k->cmd)
        control_send(k->control_fd, CONTROL_CMD_STOPPED, info.si_status, NULL);
    return true;
}

/* The proof that the work is gone: waitpid() fails with ECHILD. The keeper is a subreaper and CMD its only fork, so whatever
 * lives below CMD has a chain of parents that ends in a child of the keeper. */
static void reap(struct keeper *k)
{
    bool cmd_exited = false, gone = false;

    while (reap_stops(k))
        ;
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        gone = pid < 0 && errno == ECHILD;
        if (pid <= 0)
            break;
        if (pid == k->cmd && k->cmd_alive) {
            k->cmd_alive = false;
            k->wait_status = status;
            if (k->exec_fd >= 0)
                read_exec(k); /* a dead child has closed its end: the start is seen before the end */
            cmd_exited = k->executed;
        }
    }
    if (k->cmd == 0)
        return;
    if (gone)
        keeper_step(k, k->options->once && k->lost ? TABLE_TREE_GONE_ONCE : TABLE_TREE_GONE);
    else if (cmd_exited)
        keeper_step(k, TABLE_CMD_EXITED);
    if (k->cmd == 0)
        return;
    if (k->state == TABLE_KILLING || k->state == TABLE_KILLING_LAST)
        k->sweep_at = clock_boot_ns(); /* a death may have brought orphans up to us: look at once */
}

static void expire(struct keeper *k)
{
    int64_t now = clock_boot_ns();

    if (table_has_work(k->state) && k->cmd != 0) {
        bool killing = k->state == TABLE_KILLING || k->state == TABLE_KILLING_LAST;
        if (!killing && now >= k->kill_at - SUPERVISOR_KILL_LEAD_NS) {
            k->lost = true;
            k->spent_term = k->term;
            keeper_step(k, TABLE_KILL_AT);
        } else if (!killing && now >= k->term_at) {
            k->term_at = INT64_MAX;
            k->lost = true;
            k->spent_term = k->term;
            keeper_step(k, TABLE_TERM_OVER);
        }
    }
    if (now >= k->grace_at) {
        k->grace_at = INT64_MAX;
        keeper_step(k, TABLE_GRACE_OVER);
    }
    if ((k->state == TABLE_KILLING || k->state == TABLE_KILLING_LAST) && k->cmd != 0 && now >= k->sweep_at) {
        keeper_sweep(k, now);
        reap(k);
    }
}

/* ---- the loop ----------------------------------------------------------------------------------------------------- */

static void set_alarm(struct keeper *k)
{
    int64_t at = k->grace_at;

    if (table_has_work(k->state) && k->cmd != 0) {
        if (k->state != TABLE_KILLING && k->state != TABLE_KILLING_LAST) {
            int64_t kill = k->kill_at - SUPERVISOR_KILL_LEAD_NS;
            at = kill < at ? kill : at;
            at = k->term_at < at ? k->term_at : at;
        }
        at = k->sweep_at < at ? k->sweep_at : at;
    }
    BUG_UNLESS(alarm_set(k->alarm_fd, at) == 0);
}

static void drain_signals(struct keeper *k)
{
    struct signalfd_siginfo info[KEEPER_SIGNALS_MAX];

    while (read(k->signal_fd, info, sizeof info) > 0)
        ;
}

/* Words first, then deadlines: a DEADLINE that lies in the socket was true when it was sent, and its times are absolute. */
static void turn(struct keeper *k)
{
    struct pollfd fds[KEEPER_SLOTS] = {
        [KEEPER_CHILD] = { .fd = k->signal_fd, .events = POLLIN },
        [KEEPER_CONTROL] = { .fd = k->parent_lost ? -1 : k->control_fd, .events = POLLIN },
        [KEEPER_LINK] = { .fd = k->link_fd, .events = POLLIN },
        [KEEPER_PARENT] = { .fd = k->parent_lost ? -1 : k->family->reaper_pidfd, .events = POLLIN },
        [KEEPER_ALARM] = { .fd = k->alarm_fd, .events = POLLIN },
        [KEEPER_EXEC] = { .fd = k->exec_fd, .events = POLLIN },
    };
    uint64_t ticks;

    set_alarm(k);
    if (poll(fds, KEEPER_SLOTS, -1) < 0)
        return; /* EINTR, or no memory for a moment */
    if (fds[KEEPER_ALARM].revents != 0 && read(k->alarm_fd, &ticks, sizeof ticks) < 0)
        ticks = 0; /* was set anew in between */
    if (fds[KEEPER_PARENT].revents != 0)
        lose_parent(k);
    if (fds[KEEPER_LINK].revents != 0)
        read_link(k);
    expire(k);
    if (fds[KEEPER_CONTROL].revents != 0)
        read_control(k);
    if (k->exec_fd >= 0)
        read_exec(k);
    if (fds[KEEPER_CHILD].revents != 0) {
        drain_signals(k);
        reap(k);
    }
}

static int exit_code(const struct keeper *k)
{
    switch (k->ending) {
    case TABLE_ENDING_CMD:
        if (!k->has_result)
            return SUPERVISOR_EXIT_STANDBY;
        return WIFSIGNALED(k->wait_status) ? 128 + WTERMSIG(k->wait_status) : WEXITSTATUS(k->wait_status);
    case TABLE_ENDING_ERROR:
        if (k->start_error == ENOENT)
            return SUPERVISOR_EXIT_NOT_FOUND;
        return k->start_error == EACCES || k->start_error == ENOEXEC || k->start_error == ETXTBSY ? SUPERVISOR_EXIT_NOT_EXECUTABLE
                                                                                                  : SUPERVISOR_EXIT_FAILURE;
    case TABLE_ENDING_ONCE:
        return SUPERVISOR_EXIT_LOST;
    case TABLE_ENDING_ELECTOR:
        return k->elector_status;
    case TABLE_ENDING_AGAIN:
        return k->options->once && k->has_result ? SUPERVISOR_EXIT_LOST : CONTROL_AGAIN;
    default:
        return SUPERVISOR_EXIT_STANDBY;
    }
}

/* Says what is missing and leaves for good: P reads CONTROL_END. */
static void __attribute__((noreturn)) fail(const struct keeper *k, const char *what, const char *way_out)
{
    control_send(k->control_fd, CONTROL_LOG, 0, "%s (%m): %s", what, way_out);
    control_send(k->control_fd, CONTROL_END, SUPERVISOR_EXIT_FAILURE, NULL);
    _exit(SUPERVISOR_EXIT_FAILURE);
}

static void set_up(struct keeper *k)
{
    sigset_t child;

    prctl(PR_SET_NAME, "keeper");
    setpgid(0, 0); /* Ctrl-C in the terminal reaches P and CMD, never us */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        fail(k, "the keeper cannot adopt orphans", "needs Linux 3.4 or newer");
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    k->signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    k->alarm_fd = alarm_create();
    k->proc_fd = tree_open();
    if (k->signal_fd < 0 || k->alarm_fd < 0)
        fail(k, "the keeper has no descriptors for signals and time", "raise the limit of open files (ulimit -n)");
    if (k->proc_fd < 0)
        fail(k, "/proc does not show this PID namespace", "mount proc on /proc there (unshare --mount-proc)");
    if (backstop_create(&k->backstop) != 0)
        fail(k, "the kernel refuses the timer that ends the work in time",
             "raise the limit of pending signals (ulimit -i); without it nothing is started");
    k->has_backstop = true;
    if (spawn_prepare(&k->environment, k->options) != 0)
        fail(k, "no memory for CMD's environment", "free some");
    /* Best effort: without the right to lock that much (RLIMIT_MEMLOCK) a swapped keeper has the kernel's timer behind it. */
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        errno = 0;
}

/* P is dead and cannot do it: nobody outlives the keeper. */
static void clear_up(const struct keeper *k)
{
    if (!k->parent_lost)
        return;
    if (k->elector_pidfd >= 0)
        syscall(SYS_pidfd_send_signal, k->elector_pidfd, SIGKILL, NULL, 0);
    cgroup_unlink(&k->family->cgroup);
}

void keeper_main(const struct family *family)
{
    static struct keeper keeper;
    struct keeper *k = &keeper;

    *k = (struct keeper){ .family = family,
                          .options = family->options,
                          .control_fd = family->control_fd[1],
                          .link_fd = family->link_fd[1],
                          .exec_fd = -1,
                          .elector_pidfd = -1,
                          .kill_at = INT64_MAX,
                          .term_at = INT64_MAX,
                          .grace_at = INT64_MAX,
                          .sweep_at = INT64_MAX };
    close(family->control_fd[0]);
    close(family->link_fd[0]);
    set_up(k);
    while (k->state != TABLE_FINISHED)
        turn(k);
    BUG_UNLESS(k->cmd == 0);
    clear_up(k);
    control_send(k->control_fd, CONTROL_END, exit_code(k), NULL);
    _exit(0);
}
