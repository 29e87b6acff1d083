/* What the table orders, done: signals, timers, words to the elector, CMD's start and end. */
#include "supervisor/keeper.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "election/bug.h"
#include "supervisor/clock.h"

static void tell(struct keeper *k, const struct supervisor_message *message)
{
    /* A few packets a term: a socket that is full of them belongs to an elector that has not read for hours. */
    if (k->link_fd >= 0 && supervisor_send(k->link_fd, message) == -EAGAIN)
        control_send(k->control_fd, CONTROL_LOG, 0, "the elector does not read what the keeper tells it");
}

void keeper_refuse(struct keeper *k, uint64_t term, enum supervisor_outcome outcome)
{
    struct supervisor_message m = { .kind = SUPERVISOR_WORK_STOPPED, .term = term, .outcome = outcome };

    m.run_ends = table_is_last(k->state);
    tell(k, &m);
}

/* The first blow is struck: CMD is dead, which is all that the backstop could add, and the keeper, at work on the rest, is worth
 * more alive. It stays as the sign for others to go on if the keeper is stopped from now on. */
static void postpone_backstop(struct keeper *k)
{
    int64_t soonest = clock_boot_ns() + SUPERVISOR_BACKSTOP_LEAD_NS;

    if (k->has_backstop && k->cmd != 0)
        BUG_UNLESS(backstop_arm(k->backstop, k->kill_at > soonest ? k->kill_at : soonest) == 0);
}

void keeper_sweep(struct keeper *k, int64_t now)
{
    bool first = k->sweep_pause == KEEPER_SWEEP_MIN_NS;

    cgroup_kill(&k->family->cgroup);
    if (k->cmd_alive)
        kill(-k->cmd, SIGKILL); /* the group cannot be another's: CMD, its leader, is not reaped */
    if (tree_signal_quick(k->proc_fd, getpid(), NULL, SIGKILL) < 0 || !first)
        tree_signal(k->proc_fd, getpid(), NULL, SIGKILL);
    if (first)
        postpone_backstop(k);
    k->sweep_at = now + k->sweep_pause;
    k->sweep_pause = k->sweep_pause * 2 < KEEPER_SWEEP_MAX_NS ? k->sweep_pause * 2 : KEEPER_SWEEP_MAX_NS;
}

void keeper_signal_cmd(struct keeper *k, int signal)
{
    if (!k->cmd_alive)
        return;
    kill(k->options->group ? -k->cmd : k->cmd, signal);
}

void keeper_give_grace(struct keeper *k, int64_t now, int64_t duration)
{
    int64_t end = now + duration;
    k->grace_at = end < k->grace_at ? end : k->grace_at;
}

static void begin_term(struct keeper *k, const struct supervisor_message *m)
{
    k->term = m->term;
    k->kill_at = m->kill_at_boot_ns;
    k->term_at = m->term_at_boot_ns > 0 ? m->term_at_boot_ns : INT64_MAX;
    k->grace_at = k->sweep_at = INT64_MAX;
    k->sweep_pause = KEEPER_SWEEP_MIN_NS;
    k->outcome = SUPERVISOR_OUTCOME_NONE;
    k->wait_status = 0;
    k->start_error = 0;
    k->executed = k->lost = k->has_result = false;
}

/* Arms the kernel's timer first: work that cannot be ended in time is not begun. */
static void start_cmd(struct keeper *k, const struct supervisor_message *m)
{
    struct spawn spawn = { .options = k->options,
                           .signals = &k->family->signals,
                           .terminal = &k->family->terminal,
                           .cgroup = &k->family->cgroup,
                           .environment = &k->environment,
                           .start = &m->start };

    begin_term(k, m);
    spawn.latest_boot_ns = m->kill_at_boot_ns - SUPERVISOR_KILL_LEAD_NS;
    if (m->latest_start_boot_ns > 0 && m->latest_start_boot_ns < spawn.latest_boot_ns)
        spawn.latest_boot_ns = m->latest_start_boot_ns;
    if (backstop_arm(k->backstop, k->kill_at - SUPERVISOR_BACKSTOP_LEAD_NS) != 0) {
        k->start_error = errno;
        control_send(k->control_fd, CONTROL_LOG, 0, "the kernel refuses the timer that ends the work in time (%m): not started");
    } else {
        k->cmd = spawn_start(&spawn, &k->exec_fd);
        k->start_error = k->cmd < 0 ? errno : 0;
        if (k->cmd < 0)
            control_send(k->control_fd, CONTROL_LOG, 0,
                         "no process for %s (%m): raise the limit of processes (ulimit -u, pids.max) or free memory", k->options->path);
    }
    if (k->start_error != 0) {
        k->cmd = 0;
        keeper_step(k, TABLE_EXEC_ERROR);
        keeper_step(k, TABLE_TREE_GONE);
        return;
    }
    k->cmd_alive = true;
    atomic_store(&k->family->board->work_group, k->cmd);
}

static void tell_stopped(struct keeper *k, enum table_state next)
{
    struct supervisor_message m = { .kind = SUPERVISOR_WORK_STOPPED, .term = k->term };

    m.outcome = k->outcome == SUPERVISOR_OUTCOME_NONE ? SUPERVISOR_STOPPED : k->outcome;
    m.wait_status = k->executed ? k->wait_status : 0;
    m.run_ends = table_is_last(next);
    if (k->executed) {
        k->spent_term = k->term;
        k->has_result = true;
    }
    terminal_take_back(&k->family->terminal, k->cmd);
    atomic_store(&k->family->board->work_group, 0);
    k->cmd = 0;
    k->cmd_alive = false;
    k->grace_at = k->sweep_at = k->term_at = INT64_MAX;
    if (k->exec_fd >= 0)
        close(k->exec_fd);
    k->exec_fd = -1;
    if (k->has_backstop)
        BUG_UNLESS(backstop_disarm(k->backstop) == 0);
    tell(k, &m);
}

static void tell_kind(struct keeper *k, enum supervisor_message_kind kind)
{
    struct supervisor_message m = { .kind = kind, .term = k->term };

    m.wait_status = kind == SUPERVISOR_CMD_EXITED ? k->wait_status : 0;
    tell(k, &m);
}

static void carry_out(struct keeper *k, const struct table_cell *cell)
{
    int64_t now = clock_boot_ns();
    unsigned orders = cell->orders;

    if (orders & TABLE_FORK)
        start_cmd(k, k->incoming);
    if (orders & TABLE_REFUSE)
        keeper_refuse(k, k->incoming->term, SUPERVISOR_NOT_STARTED_STALE);
    if (orders & TABLE_SIGNAL_CMD) {
        keeper_signal_cmd(k, k->options->stop_signal);
        keeper_signal_cmd(k, SIGCONT); /* stopped, it would never see the stop signal */
    }
    if (orders & TABLE_SIGNAL_REST)
        tree_signal(k->proc_fd, getpid(), NULL, k->options->stop_signal);
    if (orders & TABLE_KILL)
        keeper_sweep(k, now);
    if (orders & TABLE_TELL_STARTED)
        tell_kind(k, SUPERVISOR_WORK_STARTED);
    if (orders & TABLE_TELL_EXITED)
        tell_kind(k, SUPERVISOR_CMD_EXITED);
    if (orders & TABLE_TELL_ASKED)
        tell_kind(k, SUPERVISOR_STOP_ASKED);
    if (orders & TABLE_TELL_STOPPED)
        tell_stopped(k, cell->next);
    /* After tell_stopped(), which ends the grace of the work. */
    if (orders & TABLE_GRACE_STOP)
        keeper_give_grace(k, now, k->options->stop_timeout_ns);
    if (orders & TABLE_GRACE_DRAIN)
        keeper_give_grace(k, now, k->options->drain_timeout_ns);
    if (orders & TABLE_GRACE_RELEASE)
        keeper_give_grace(k, now, k->options->release_timeout_ns);
}

void keeper_step(struct keeper *k, enum table_event event)
{
    const struct table_cell *cell = table_cell(k->state, event);

    k->state = cell->next;
    k->outcome = table_outcome(k->outcome, cell->outcome);
    k->ending = table_ending(k->ending, cell->ending);
    carry_out(k, cell);
    /* An elector that has gone will not say DONE again. */
    if (k->state == TABLE_RELEASING && (k->link_fd < 0 || k->elector_done))
        keeper_step(k, k->elector_done ? TABLE_ELECTOR_DONE : TABLE_ELECTOR_LOST);
}
