/* The keeper's decisions as a table: [state][event] -> what to do, what comes next. Pure: values in, values out; the test walks
 * every cell. Here: which signal of the world leads to which order. Not here: system calls (keeper.c), times, messages. */
#ifndef LEASEHOLD_SUPERVISOR_TABLE_H
#define LEASEHOLD_SUPERVISOR_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/message.h"

enum table_state {
    TABLE_WAITING = 0,  /* no work; the elector stands for election */
    TABLE_STARTING,     /* CMD's process exists, exec not confirmed yet */
    TABLE_RUNNING,      /* CMD runs */
    TABLE_LOSING,       /* work was asked to stop; another term may follow */
    TABLE_KILLING,      /* work gets SIGKILL until nothing is left; another term may follow */
    TABLE_DRAINING,     /* work was asked to stop, or CMD ended and the rest was asked; the run ends after it */
    TABLE_KILLING_LAST, /* work gets SIGKILL until nothing is left; the run ends after it */
    TABLE_RELEASING,    /* no work; the elector gives the lease back; the run ends after it */
    TABLE_FINISHED,     /* the keeper leaves */
    TABLE_STATES
};

enum table_event {
    TABLE_START = 0,      /* a START that is neither stale nor late */
    TABLE_EXEC_OK,        /* CMD's exec succeeded */
    TABLE_EXEC_LATE,      /* CMD's process found the clock past latest_start */
    TABLE_EXEC_ERROR,     /* no timer, no process, or no exec */
    TABLE_CMD_EXITED,     /* CMD itself was reaped */
    TABLE_TREE_GONE,      /* nothing of the work lives */
    TABLE_TREE_GONE_ONCE, /* the same, after a loss, with --once */
    TABLE_REQUEST,        /* the elector asks to stop, the lease is kept */
    TABLE_LOSS,           /* the elector cannot keep the lease */
    TABLE_LOSS_NOW,       /* the lease is another's already */
    TABLE_TERM_OVER,      /* term_at came without a word from the elector */
    TABLE_GRACE_OVER,     /* the time given to work, or to the elector's release, has run out */
    TABLE_KILL_AT,        /* kill_at is near */
    TABLE_ASKED,          /* the user's first TERM or INT */
    TABLE_ASKED_AGAIN,    /* the second */
    TABLE_ELECTOR_DONE,   /* the elector has finished */
    TABLE_ELECTOR_LOST,   /* the elector died */
    TABLE_PARENT_LOST,    /* P died */
    TABLE_EVENTS
};

/* Orders, in the order in which they are carried out. */
enum table_order {
    TABLE_FORK = 1 << 0,          /* arm the kernel timer, start CMD */
    TABLE_SIGNAL_CMD = 1 << 1,    /* the stop signal to CMD (--group: to its group) */
    TABLE_SIGNAL_REST = 1 << 2,   /* the stop signal to every descendant */
    TABLE_KILL = 1 << 3,          /* SIGKILL to the whole tree, again until it is gone */
    TABLE_GRACE_STOP = 1 << 4,    /* grace ends after stop_timeout, or earlier if it did before */
    TABLE_GRACE_DRAIN = 1 << 5,   /* grace ends after drain_timeout, or earlier if it did before */
    TABLE_GRACE_RELEASE = 1 << 6, /* grace ends after release_timeout */
    TABLE_REFUSE = 1 << 7,        /* answer the START with NOT_STARTED_STALE */
    TABLE_TELL_STARTED = 1 << 8,
    TABLE_TELL_EXITED = 1 << 9,
    TABLE_TELL_STOPPED = 1 << 10, /* the work's end, with its outcome */
    TABLE_TELL_ASKED = 1 << 11,
};

/* Why the run ends: what its exit code is made of. */
enum table_ending {
    TABLE_ENDING_NONE = 0,
    TABLE_ENDING_STANDBY, /* told to stop without work */
    TABLE_ENDING_CMD,     /* CMD's own code */
    TABLE_ENDING_ERROR,   /* CMD could not be started */
    TABLE_ENDING_ONCE,    /* lost, with --once */
    TABLE_ENDING_ELECTOR, /* the elector finished unasked: its status */
    TABLE_ENDING_AGAIN,   /* the elector died: P starts both anew */
};

struct table_cell {
    uint16_t orders; /* enum table_order */
    uint8_t next;    /* enum table_state */
    uint8_t outcome; /* enum supervisor_outcome; 0: as it was */
    uint8_t ending;  /* enum table_ending; 0: as it was */
};

const struct table_cell *table_cell(enum table_state state, enum table_event event);

/* The outcome of a term's work is the first cause told, but asked work that had to be killed was killed. */
enum supervisor_outcome table_outcome(enum supervisor_outcome known, enum supervisor_outcome told);

/* The ending of the run is the first one told, but a restart gives way to any real end. */
enum table_ending table_ending(enum table_ending known, enum table_ending told);

/* True while something of the work may live. */
bool table_has_work(enum table_state state);

/* True when no other term's work will be started. */
bool table_is_last(enum table_state state);

#endif
