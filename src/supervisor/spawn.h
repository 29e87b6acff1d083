/* CMD's process: what lies between fork and exec. The child's last act before exec is a look at the clock.
 *
 * Not here: when to start, how to stop (keeper.c). */
#ifndef LEASEHOLD_SUPERVISOR_SPAWN_H
#define LEASEHOLD_SUPERVISOR_SPAWN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/cgroup.h"
#include "supervisor/message.h"
#include "supervisor/supervisor.h"
#include "supervisor/terminal.h"

/* Mask and dispositions as they were when supervisor_run() was called: CMD's. */
struct spawn_signals {
    sigset_t mask;
    struct sigaction child;
    struct sigaction pipe;
};

enum spawn_stage { SPAWN_PARENT_GONE = 1, SPAWN_PRIVILEGES, SPAWN_LATE, SPAWN_EXEC };

/* What the child writes into the exec pipe when there will be no CMD. An end of file without it: the exec succeeded. */
struct spawn_report {
    int32_t stage; /* enum spawn_stage */
    int32_t error; /* errno */
};

/* The environment of CMD, made once: P's own and room for five more. */
struct spawn_environment {
    char **list;  /* NULL-terminated */
    size_t count; /* entries of P's own, without the five */
    char *text[5];
    char **shell; /* arguments for a script without #!, see execvp(3) */
};

struct spawn {
    const struct supervisor_options *options;
    const struct spawn_signals *signals;
    const struct terminal *terminal;
    const struct cgroup *cgroup;
    struct spawn_environment *environment;
    const struct supervisor_start *start;
    int64_t latest_boot_ns; /* exec not after this */
};

/* Copies the environment and leaves room. Returns 0, or -1 with errno. Lives as long as the process. */
int spawn_prepare(struct spawn_environment *environment, const struct supervisor_options *options);

/* Starts the child. Returns its pid and the reading end of its exec pipe (close-on-exec, non-blocking), or -1 with errno. */
pid_t spawn_start(const struct spawn *spawn, int *ret_exec_fd);

#endif
