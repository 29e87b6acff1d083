/* The keeper's memory, shared by its two files: keeper.c finds events, keeper_orders.c carries out what table.c makes of them.
 *
 * Not here: anything for others; they see keeper_main() in family.h. */
#ifndef LEASEHOLD_SUPERVISOR_KEEPER_H
#define LEASEHOLD_SUPERVISOR_KEEPER_H

#include <time.h>

#include "supervisor/family.h"
#include "supervisor/table.h"

/* Between two sweeps of a tree that does not die: first at once, then slower (D-state processes can last). */
#define KEEPER_SWEEP_MIN_NS INT64_C(1000000)
#define KEEPER_SWEEP_MAX_NS INT64_C(50000000)

struct keeper {
    const struct family *family;
    const struct supervisor_options *options;
    enum table_state state;
    enum table_ending ending;
    int proc_fd;
    int control_fd;
    int link_fd; /* -1: the elector is gone */
    int signal_fd;
    int alarm_fd;
    int exec_fd; /* -1: no start under way */
    int elector_pidfd;
    timer_t backstop;
    bool has_backstop;
    struct spawn_environment environment;

    /* The term whose work runs or ran last. */
    const struct supervisor_message *incoming; /* the START that TABLE_FORK and TABLE_REFUSE speak of */
    uint64_t term;
    uint64_t spent_term; /* no START up to this one: its work ran, or it was stopped */
    pid_t cmd;           /* 0: no work */
    bool cmd_alive;
    bool executed;
    bool lost;       /* this term's work ends because of a loss */
    int wait_status; /* CMD's */
    enum supervisor_outcome outcome;
    int64_t kill_at;
    int64_t term_at;  /* INT64_MAX: not */
    int64_t grace_at; /* INT64_MAX: not */
    int64_t sweep_at; /* INT64_MAX: not */
    int64_t sweep_pause;

    bool asked;      /* TERM or INT came */
    bool has_result; /* wait_status is a CMD's that this run's code may be made of */
    bool elector_done;
    bool parent_lost;
    int elector_status;
    int start_error; /* errno of a failed start */
};

/* One event through the table, and what follows from it. */
void keeper_step(struct keeper *k, enum table_event event);

/* Answers a START that is not carried out. */
void keeper_refuse(struct keeper *k, uint64_t term, enum supervisor_outcome outcome);

/* SIGKILL to everything, as often as it takes; SIGCHLD and sweep_at bring us back here. */
void keeper_sweep(struct keeper *k, int64_t now);

/* A signal to CMD, or with --group to its process group. */
void keeper_signal_cmd(struct keeper *k, int signal);

/* Grace ends after `duration`, or earlier if it did before. */
void keeper_give_grace(struct keeper *k, int64_t now, int64_t duration);

#endif
