/* What elector and keeper say to each other, and nothing else: small messages of fixed size over a SOCK_SEQPACKET pair, one
 * message a packet. Plain values; the only system calls are send(2) and recv(2). This is the elector's whole view of the work.
 *
 * The elector's side of a term (run.c):
 *
 *   election says              elector sends                        keeper answers, when it is so
 *   started_leading            START                                WORK_STARTED, or WORK_STOPPED with NOT_STARTED_*
 *   extended                   DEADLINE (START again after
 *                              NOT_STARTED_LATE, same term)         nothing
 *   stop_work by request       STOP, SUPERVISOR_STOP_REQUEST        WORK_STOPPED, when the whole tree is gone
 *   stop_work after a loss     STOP, SUPERVISOR_STOP_LOSS           WORK_STOPPED, when the whole tree is gone
 *   kill_work                  KILL                                 WORK_STOPPED, when the whole tree is gone
 *   closed                     nothing: returns from its function,  nothing
 *                              which sends DONE with its status
 *
 *   keeper sends, unasked      elector does
 *   STOP_ASKED                 closes the election: keeps renewing until WORK_STOPPED, if a START is not answered by one yet;
 *                              then releases, settles, returns. The keeper has asked the work already: a STOP with
 *                              STOP_REQUEST changes nothing
 *   CMD_EXITED                 nothing yet but to keep renewing: descendants still live, the keeper stops them
 *   WORK_STOPPED, run_ends     as STOP_ASKED, with the work gone: releases, returns
 *   WORK_STOPPED, !run_ends    steps down, releases what is still its own, stands again; the next work is a new term
 *
 * Terms only grow. A message for another term than the running one is ignored by the keeper; a term that was stopped or killed,
 * or whose work ran, is never started again. WORK_STOPPED comes exactly once for every START. */
#ifndef LEASEHOLD_SUPERVISOR_MESSAGE_H
#define LEASEHOLD_SUPERVISOR_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SUPERVISOR_GROUP_MAX = 253,
    SUPERVISOR_IDENTITY_MAX = 253,
    SUPERVISOR_NAMESPACE_MAX = 253,
    SUPERVISOR_UID_MAX = 63,
};

enum supervisor_message_kind {
    SUPERVISOR_MESSAGE_NONE = 0,
    /* elector to keeper */
    SUPERVISOR_START,    /* term, kill_at, term_at, latest_start, start */
    SUPERVISOR_DEADLINE, /* term, kill_at, term_at: pushed on every extension; drop it when the socket is full, the next one says all */
    SUPERVISOR_STOP,     /* term, stop, kill_at, grace: the stop signal now, KILL when the grace is over or at kill_at */
    SUPERVISOR_KILL,     /* term: KILL now, no grace: somebody else may work already */
    SUPERVISOR_DONE,     /* wait_status: what the elector's function returned; sent for it when it does */
    /* keeper to elector */
    SUPERVISOR_WORK_STARTED, /* term: CMD runs, its exec succeeded */
    SUPERVISOR_CMD_EXITED,   /* term, wait_status: CMD itself ended unasked, but something it left behind lives and is being stopped */
    SUPERVISOR_WORK_STOPPED, /* term, outcome, run_ends, wait_status: nothing of the work lives */
    SUPERVISOR_STOP_ASKED,   /* the user wants `run` to end (TERM, INT) */
    SUPERVISOR_MESSAGE_KINDS
};

enum supervisor_stop {
    SUPERVISOR_STOP_LOSS = 0, /* the lease cannot be kept: --stop-timeout, or less if kill_at is nearer */
    SUPERVISOR_STOP_REQUEST,  /* resign, transfer, close: the lease is kept meanwhile: --drain-timeout */
    SUPERVISOR_STOPS
};

enum supervisor_outcome {
    SUPERVISOR_OUTCOME_NONE = 0,
    SUPERVISOR_ENDED,             /* CMD ended by itself; run_ends */
    SUPERVISOR_STOPPED,           /* stopped as STOP or the user asked */
    SUPERVISOR_KILLED,            /* killed by KILL, after a grace, or by a second TERM */
    SUPERVISOR_OVERDUE,           /* the keeper stopped or killed it by itself: term_at or kill_at came and the elector had been silent */
    SUPERVISOR_NOT_STARTED_LATE,  /* nothing was executed: latest_start had passed; renew, then START the same term again */
    SUPERVISOR_NOT_STARTED_STALE, /* nothing was executed: an old term, work is running, or the run is ending */
    SUPERVISOR_NOT_STARTED_ERROR, /* nothing was executed: fork, exec or the kernel timer failed; run_ends */
    SUPERVISOR_OUTCOMES
};

/* What CMD finds as LEASEHOLD_GROUP, _IDENTITY, _NAMESPACE, _FENCING_TOKEN, _LOCK_UID. NUL-terminated. */
struct supervisor_start {
    uint64_t fencing_token;
    char group[SUPERVISOR_GROUP_MAX + 1];
    char identity[SUPERVISOR_IDENTITY_MAX + 1];
    char namespace_name[SUPERVISOR_NAMESPACE_MAX + 1];
    char lock_uid[SUPERVISOR_UID_MAX + 1];
};

/* All times are absolute nanoseconds of CLOCK_BOOTTIME, all durations nanoseconds. Unused fields are 0. */
struct supervisor_message {
    uint32_t kind;                /* enum supervisor_message_kind */
    uint32_t stop;                /* enum supervisor_stop, with STOP */
    uint32_t outcome;             /* enum supervisor_outcome, with WORK_STOPPED */
    int32_t wait_status;          /* as waitpid(2) tells it of CMD; 0 when nothing was executed */
    uint64_t term;                /* the election's number of the term, from 1 */
    int64_t kill_at_boot_ns;      /* rule 5: work is dead here */
    int64_t term_at_boot_ns;      /* rule 5: asked to stop here, even if the elector says nothing; 0: not */
    int64_t latest_start_boot_ns; /* rule "no start with less than D/2 left": exec not after this */
    int64_t grace_ns;             /* with STOP; 0: the time of the options for that kind of stop */
    uint32_t run_ends;            /* with WORK_STOPPED: 1 when no other work will be started */
    uint32_t unused;
    struct supervisor_start start; /* with START */
};

/* Sends one message, never waits.
 *
 * Returns 0, or a negative errno: -EAGAIN the socket is full, -EPIPE or -ECONNRESET the other side is gone. */
int supervisor_send(int fd, const struct supervisor_message *message);

/* Receives one message if there is one, never waits. Poll `fd` for POLLIN.
 *
 * Returns 1 and fills *message, 0 when nothing is there, or a negative errno: -EPIPE the other side is gone, -EPROTO what came
 * is no message (wrong size or kind, a string without its end). *message is untouched unless 1 is returned. */
int supervisor_receive(int fd, struct supervisor_message *message);

#endif
