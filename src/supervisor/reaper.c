/* P: the process that the user, the container runtime or the shell knows. It starts keeper and elector, passes signals on, reaps
 * what is orphaned, and starts both anew when one has died. Nothing that makes the work safe depends on it. */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "election/bug.h"
#include "supervisor/clock.h"
#include "supervisor/family.h"

enum {
    REAPER_LEAVE_MS = 300,    /* for the elector to return after its DONE */
    REAPER_PAUSE_GROWTH = 16, /* the longest pause, in first pauses */
    REAPER_SWEEP_MIN_MS = 1,
    REAPER_SWEEP_MAX_MS = 50,
    REAPER_SWEEP_COMPLAIN = 100, /* sweeps, then the user is told */
    REAPER_LOOK_MS = 1000,       /* between two looks at a keeper without an elector */
    REAPER_LOOKS = 5,            /* at one without work, then it is killed */
};
/* A life that was longer than this was a good one: the next pause is short again. */
#define REAPER_GOOD_LIFE_NS (60 * CLOCK_SECOND_NS)

struct reaper {
    struct family family;
    int proc_fd;
    int signal_fd;
    pid_t keeper;
    pid_t elector;
    int elector_pidfd;
    bool asked;
    bool ended; /* the keeper said how the run ends */
    int end;    /* exit code, or CONTROL_AGAIN */
    int keeper_status;
};

static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU };

static void __attribute__((format(printf, 2, 3))) say(const struct reaper *r, const char *format, ...)
{
    const struct supervisor_options *options = r->family.options;
    char sentence[CONTROL_TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments); /* NOLINT(clang-analyzer-valist.Uninitialized) */
    va_end(arguments);
    if (options->log != NULL)
        options->log(options->log_user, sentence);
    else
        dprintf(STDERR_FILENO, "leasehold run: %s\n", sentence);
}

/* ---- children ----------------------------------------------------------------------------------------------------- */

static bool is_spared(const struct reaper *r, pid_t pid)
{
    for (size_t i = 0; i < r->family.spared.count; i++)
        if (r->family.spared.pid[i] == pid)
            return true;
    return false;
}

static void note(struct reaper *r, pid_t pid, int status)
{
    if (pid == r->keeper) {
        r->keeper = 0;
        r->keeper_status = status;
    } else if (pid == r->elector) {
        r->elector = 0;
    }
}

/* Reaps whatever has ended, but not the caller's own children. Returns true when nothing is left but those. */
static bool reap(struct reaper *r)
{
    struct tree_spared children;
    int status;
    bool left = false;

    if (r->family.spared.count == 0) {
        for (;;) {
            pid_t pid = waitpid(-1, &status, WNOHANG);
            if (pid > 0)
                note(r, pid, status);
            else if (pid == 0 || errno != EINTR)
                return pid < 0;
        }
    }
    if (tree_children(r->proc_fd, getpid(), &children) != 0 && errno != ENOSPC)
        return false;
    for (size_t i = 0; i < children.count; i++) {
        if (is_spared(r, children.pid[i]))
            continue;
        if (waitpid(children.pid[i], &status, WNOHANG) == children.pid[i])
            note(r, children.pid[i], status);
        else
            left = true;
    }
    return !left;
}

static void pause_ms(int ms)
{
    poll(NULL, 0, ms);
}

/* Ends everything below us that was not there before: what a dead keeper left, the elector with it. Returns when all is gone. */
static void end_all(struct reaper *r)
{
    int pause = REAPER_SWEEP_MIN_MS;

    for (int turns = 0;; turns++) {
        cgroup_kill(&r->family.cgroup);
        tree_signal_quick(r->proc_fd, getpid(), &r->family.spared, SIGKILL);
        int living = tree_signal(r->proc_fd, getpid(), &r->family.spared, SIGKILL);
        if (reap(r) && living <= 0)
            return;
        if (turns == REAPER_SWEEP_COMPLAIN)
            say(r, "%d processes do not die: they wait for a device or a file server (state D in ps), and so do we", living);
        pause_ms(pause);
        pause = pause * 2 < REAPER_SWEEP_MAX_MS ? pause * 2 : REAPER_SWEEP_MAX_MS;
    }
}

/* ---- a terminal --------------------------------------------------------------------------------------------------- */

/* CMD stopped, mostly by Ctrl-Z: so do we, and the shell has its terminal back. Keeper and elector, in groups of their own, go on:
 * the lease is kept, and kill_at is held. */
static void stop_with_cmd(struct reaper *r, int signal)
{
    const struct terminal *terminal = &r->family.terminal;
    pid_t group = atomic_load(&r->family.board->work_group);

    if (!terminal->ours)
        return;
    if ((signal == SIGTTIN || signal == SIGTTOU) && terminal_is_home(terminal)) {
        /* `fg` of a job that runs in the background tells nobody: here CMD wants the terminal that the shell gave to us. */
        terminal_lend(terminal, group);
        control_send(r->family.control_fd[0], CONTROL_CONTINUE, 0, NULL);
        return;
    }
    terminal_take_back(terminal, group);
    if (!terminal_has_shell()) {
        /* Nobody could bring us back. The kernel would not have stopped CMD from the keyboard without us either. */
        terminal_lend(terminal, group);
        if (signal != SIGSTOP)
            control_send(r->family.control_fd[0], CONTROL_CONTINUE, 0, NULL);
        return;
    }
    if (signal != SIGSTOP)
        kill(0, SIGTSTP); /* the rest of our pipeline or script, as the terminal would have done; our own is blocked */
    raise(SIGSTOP);
}

/* `heed_stops`: a stop of CMD stops us too. */
static void read_control(struct reaper *r, bool heed_stops)
{
    struct control control;

    while (r->family.control_fd[0] >= 0) {
        int result = control_receive(r->family.control_fd[0], &control);
        if (result == 0)
            return;
        if (result < 0) {
            close(r->family.control_fd[0]);
            r->family.control_fd[0] = -1;
            return;
        }
        if (control.kind == CONTROL_LOG) {
            say(r, "%s", control.text);
        } else if (control.kind == CONTROL_CMD_STOPPED) {
            if (heed_stops)
                stop_with_cmd(r, control.value);
        } else if (control.kind == CONTROL_END) {
            r->ended = true;
            r->end = control.value;
        }
    }
}

/* SIGCONT: `fg` has put our group in front, `bg` has not. What was told of CMD's stops meanwhile is old. */
static void go_on_with_cmd(struct reaper *r)
{
    pid_t group = atomic_load(&r->family.board->work_group);

    read_control(r, false);
    terminal_lend(&r->family.terminal, group);
    if (r->family.terminal.ours)
        control_send(r->family.control_fd[0], CONTROL_CONTINUE, 0, NULL);
}

/* ---- one life of the keeper --------------------------------------------------------------------------------------- */

static void on_signal(struct reaper *r, int signal)
{
    int control_fd = r->family.control_fd[0];

    switch (signal) {
    case SIGCHLD:
        reap(r);
        break;
    case SIGTERM:
    case SIGINT:
        r->asked = true;
        control_send(control_fd, CONTROL_ASKED, 0, NULL);
        break;
    case SIGCONT:
        go_on_with_cmd(r);
        break;
    case SIGTSTP:
        if (terminal_has_shell())
            raise(SIGSTOP);
        break;
    case SIGTTIN:
    case SIGTTOU:
        break;
    default:
        control_send(control_fd, CONTROL_FORWARD, signal, NULL);
        break;
    }
}

static void read_signals(struct reaper *r)
{
    struct signalfd_siginfo info;

    while (read(r->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        on_signal(r, (int)info.ssi_signo);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool start_both(struct reaper *r)
{
    struct family *f = &r->family;
    int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;

    f->control_fd[0] = f->control_fd[1] = f->link_fd[0] = f->link_fd[1] = f->keeper_pidfd = r->elector_pidfd = -1;
    f->cgroup = CGROUP_NONE;
    r->keeper = r->elector = 0;
    r->ended = false;
    r->keeper_status = 0;
    memset(f->board, 0, sizeof *f->board);
    if (socketpair(AF_UNIX, type, 0, f->control_fd) != 0 || socketpair(AF_UNIX, type, 0, f->link_fd) != 0)
        return false;
    if (f->options->use_cgroup)
        cgroup_create(&f->cgroup);
    fflush(NULL); /* or both children would write what is still in the buffers */
    r->keeper = fork();
    if (r->keeper == 0)
        keeper_main(f);
    close_fd(&f->control_fd[1]);
    close_fd(&f->link_fd[1]);
    if (r->keeper < 0)
        return false;
    setpgid(r->keeper, r->keeper);
    atomic_store(&f->board->keeper, r->keeper);
    f->keeper_pidfd = family_pidfd(r->keeper);
    if (f->keeper_pidfd < 0)
        return false;
    r->elector = fork();
    if (r->elector == 0)
        guard_main(f);
    close_fd(&f->link_fd[0]);
    if (r->elector < 0)
        return false;
    setpgid(r->elector, r->elector);
    atomic_store(&f->board->elector, r->elector);
    r->elector_pidfd = family_pidfd(r->elector);
    control_send(f->control_fd[0], CONTROL_ELECTOR, r->elector, NULL);
    return true;
}

static bool start_life(struct reaper *r)
{
    struct family *f = &r->family;
    int held_fd = f->options->hold != NULL ? f->options->hold(f->user) : -1;
    bool started = start_both(r);

    close_fd(&held_fd);
    return started;
}

/* Without its elector a keeper ends its work, by kill_at at the latest, and leaves. One that has no work and stays is stopped, and
 * nothing would ever stand for election again. Looks are counted and not time: after a freeze of all the keeper has its turn. */
static void look_at_silent_keeper(struct reaper *r, int *looks)
{
    *looks = atomic_load(&r->family.board->work_group) == 0 ? *looks + 1 : 0;
    if (*looks < REAPER_LOOKS)
        return;
    say(r, "the keeper does not end, though the elector has: it is killed");
    syscall(SYS_pidfd_send_signal, r->family.keeper_pidfd, SIGKILL, NULL, 0);
}

/* Until the keeper has ended. */
static void live(struct reaper *r)
{
    bool has_elector = true;
    int looks = 0;

    for (;;) {
        struct pollfd fds[4] = { { .fd = r->signal_fd, .events = POLLIN },
                                 { .fd = r->family.control_fd[0], .events = POLLIN },
                                 { .fd = r->family.keeper_pidfd, .events = POLLIN },
                                 { .fd = has_elector ? r->elector_pidfd : -1, .events = POLLIN } };
        int ready = poll(fds, 4, has_elector ? -1 : REAPER_LOOK_MS);
        if (ready < 0)
            continue;
        if (ready == 0)
            look_at_silent_keeper(r, &looks);
        if (fds[3].revents != 0)
            has_elector = false;
        if (fds[0].revents != 0)
            read_signals(r);
        if (fds[1].revents != 0)
            read_control(r, true);
        if (fds[2].revents != 0) {
            read_control(r, false);
            return;
        }
    }
}

static void end_life(struct reaper *r)
{
    struct family *f = &r->family;
    pid_t group = atomic_load(&f->board->work_group);
    struct pollfd elector = { .fd = r->elector_pidfd, .events = POLLIN };

    if (r->ended && r->elector_pidfd >= 0)
        poll(&elector, 1, REAPER_LEAVE_MS);
    else if (!r->ended && group > 0)
        kill(-group, SIGKILL); /* before the first look at /proc; CMD, now our child and not reaped yet, keeps the number ours */
    end_all(r);
    terminal_take_back(&f->terminal, group);
    cgroup_remove(&f->cgroup);
    for (int i = 0; i < 2; i++) {
        close_fd(&f->control_fd[i]);
        close_fd(&f->link_fd[i]);
    }
    close_fd(&f->keeper_pidfd);
    close_fd(&r->elector_pidfd);
}

/* Sleeps before the next life. Returns false when the user asked for an end meanwhile. */
static bool rest(struct reaper *r, int64_t pause_ns)
{
    int64_t end = clock_boot_ns() + pause_ns;

    while (!r->asked) {
        int64_t left = end - clock_boot_ns();
        struct pollfd fd = { .fd = r->signal_fd, .events = POLLIN };
        struct signalfd_siginfo info;
        if (left <= 0)
            return true;
        if (poll(&fd, 1, (int)(left / 1000000) + 1) <= 0)
            continue;
        while (read(r->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
            int signal = (int)info.ssi_signo;
            if (signal == SIGTERM || signal == SIGINT || (signal == SIGHUP && r->family.terminal.ours))
                r->asked = true;
            else if (signal == SIGCHLD)
                reap(r);
        }
    }
    return false;
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

/* What a life has led to: an exit code, or CONTROL_AGAIN. */
static int judge(struct reaper *r, bool had_work)
{
    int status = r->keeper_status;

    if (r->ended && r->end != CONTROL_AGAIN)
        return r->end;
    if (r->ended)
        say(r, "the elector has died, its work was ended before: both are started anew");
    else if (WIFSIGNALED(status))
        say(r, "the keeper was killed by signal %d%s: %sboth are started anew", WTERMSIG(status),
            WTERMSIG(status) == SIGKILL ? " (by hand, by the kernel for memory, or stopped until the lease's end)" : "",
            had_work ? "its work was killed, " : "");
    else
        say(r, "the keeper ended with status %d: both are started anew", WEXITSTATUS(status));
    if (r->asked)
        return had_work ? 128 + SIGKILL : SUPERVISOR_EXIT_STANDBY;
    return had_work && r->family.options->once ? SUPERVISOR_EXIT_LOST : CONTROL_AGAIN;
}

static int run(struct reaper *r)
{
    int64_t first = r->family.options->restart_pause_ns, pause = first;

    for (bool again = false;; again = true) {
        int64_t began = clock_boot_ns();
        bool started = start_life(r);
        int error = errno;

        if (started)
            live(r);
        bool had_work = atomic_load(&r->family.board->work_group) != 0;
        end_life(r);
        int code = started ? judge(r, had_work) : CONTROL_AGAIN;
        if (!started) {
            errno = error;
            say(r, "keeper and elector cannot be started (%m): raise the limits of processes and open files");
            code = again ? CONTROL_AGAIN : SUPERVISOR_EXIT_FAILURE;
        }
        if (code != CONTROL_AGAIN)
            return code;
        if (clock_boot_ns() - began > REAPER_GOOD_LIFE_NS)
            pause = first;
        if (!rest(r, pause))
            return SUPERVISOR_EXIT_STANDBY;
        pause = pause * 2 < first * REAPER_PAUSE_GROWTH ? pause * 2 : first * REAPER_PAUSE_GROWTH;
    }
}

static bool set_up(struct reaper *r)
{
    struct family *f = &r->family;
    void *board = mmap(NULL, sizeof *f->board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (board == MAP_FAILED) {
        say(r, "no memory for the supervisor (%m): free some");
        return false;
    }
    f->board = board;
    f->reaper = getpid();
    f->terminal = terminal_find();
    r->proc_fd = tree_open();
    if (r->proc_fd < 0) {
        say(r, "/proc does not show this PID namespace (%m): mount proc on /proc there (unshare --mount-proc)");
        return false;
    }
    if (tree_children(r->proc_fd, getpid(), &f->spared) != 0) {
        say(r, "the present children cannot be told from those to come (%m): start the run from a process with fewer than %d",
            TREE_SPARED_MAX);
        return false;
    }
    f->reaper_pidfd = family_pidfd(getpid());
    if (f->reaper_pidfd < 0) {
        say(r, "no descriptor for a process (%m): needs Linux 5.3 or newer, and open files (ulimit -n)");
        return false;
    }
    return true;
}

int supervisor_run(const struct supervisor_options *options, supervisor_elector_fn *elector, void *user)
{
    static struct reaper reaper; /* large, and there is one P */
    struct reaper *r = &reaper;
    struct sigaction normal = { .sa_handler = SIG_DFL }, ignore = { .sa_handler = SIG_IGN };
    int subreaper = 0, code = SUPERVISOR_EXIT_FAILURE;
    sigset_t ours;

    BUG_UNLESS(options->argv != NULL && options->argv[0] != NULL && options->path != NULL && elector != NULL);
    *r = (struct reaper){ .proc_fd = -1, .signal_fd = -1 };
    r->family.options = options;
    r->family.elector = elector;
    r->family.user = user;
    r->family.reaper_pidfd = -1;
    sigemptyset(&ours);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&ours, caught[i]);
    sigprocmask(SIG_BLOCK, &ours, &r->family.signals.mask);
    sigaction(SIGCHLD, &normal, &r->family.signals.child); /* ignored, it would reap for us */
    sigaction(SIGPIPE, &ignore, &r->family.signals.pipe);
    prctl(PR_GET_CHILD_SUBREAPER, &subreaper);

    r->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (r->signal_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        say(r, "signals or orphans cannot be received (%m): raise the limit of open files (ulimit -n)");
    else if (set_up(r))
        code = run(r);

    close_fd(&r->signal_fd);
    close_fd(&r->proc_fd);
    close_fd(&r->family.reaper_pidfd);
    if (r->family.board != NULL)
        munmap(r->family.board, sizeof *r->family.board);
    prctl(PR_SET_CHILD_SUBREAPER, subreaper);
    sigaction(SIGPIPE, &r->family.signals.pipe, NULL);
    sigaction(SIGCHLD, &r->family.signals.child, NULL);
    sigprocmask(SIG_SETMASK, &r->family.signals.mask, NULL);
    return code;
}
