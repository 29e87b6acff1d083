/* What P, keeper and elector share: inherited by fork, one set for each life of the keeper. And the packets between P and keeper.
 *
 * Not here: what each of them does (reaper.c, keeper.c, guard.c). */
#ifndef LEASEHOLD_SUPERVISOR_FAMILY_H
#define LEASEHOLD_SUPERVISOR_FAMILY_H

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/cgroup.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"
#include "supervisor/terminal.h"
#include "supervisor/tree.h"

/* A page that all three see, so that two can end the work of a third that is gone. */
struct family_board {
    _Atomic pid_t work_group; /* CMD's pid and process group; 0: no work */
    _Atomic pid_t keeper;
    _Atomic pid_t elector;
};

struct family {
    const struct supervisor_options *options;
    supervisor_elector_fn *elector;
    void *user;
    struct spawn_signals signals; /* CMD's */
    struct terminal terminal;
    struct cgroup cgroup;
    struct family_board *board;
    struct tree_spared spared; /* P's children from before: none of ours */
    pid_t reaper;
    int reaper_pidfd;
    int keeper_pidfd;  /* in P and elector */
    int control_fd[2]; /* [0] P, [1] keeper */
    int link_fd[2];    /* [0] elector, [1] keeper */
};

enum control_kind {
    CONTROL_NONE = 0,
    /* P to keeper */
    CONTROL_ELECTOR,  /* value: its pid */
    CONTROL_ASKED,    /* TERM or INT came; each one is told */
    CONTROL_FORWARD,  /* value: the signal */
    CONTROL_CONTINUE, /* P goes on after a stop: so shall CMD */
    /* keeper to P */
    CONTROL_LOG,         /* text */
    CONTROL_CMD_STOPPED, /* value: the signal that stopped CMD */
    CONTROL_END,         /* value: the exit code of the run, or CONTROL_AGAIN */
    CONTROL_KINDS
};

enum { CONTROL_TEXT_MAX = 400, CONTROL_AGAIN = -1 };

struct control {
    int32_t kind;
    int32_t value;
    char text[CONTROL_TEXT_MAX];
};

/* Both never wait. control_send: 0 or a negative errno. control_receive: 1, 0 when nothing is there, negative when P or keeper
 * is gone or sent nonsense. `format` may be NULL. */
int control_send(int fd, enum control_kind kind, int value, const char *format, ...) __attribute__((format(printf, 4, 5)));
int control_receive(int fd, struct control *control);

/* pidfd_open(2), close-on-exec; glibc has it only since 2.36. Returns -1 with errno. */
int family_pidfd(pid_t pid);

/* The keeper's whole life: call after fork, never returns. */
void keeper_main(const struct family *family) __attribute__((noreturn));

/* The elector's whole life, with its guard: call after fork, never returns. */
void guard_main(const struct family *family) __attribute__((noreturn));

#endif
