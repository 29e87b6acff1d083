/* The supervisor of `leasehold run`: a small tree of processes in which CMD runs only while its lease is valid, whatever
 * happens to one of them (docs/supervisor.md).
 *
 *   P, the caller of supervisor_run(): forwards signals, reaps, starts the others anew; PID 1 if need be
 *   |- keeper: memory-locked, no network; holds kill_at, starts, stops and reaps CMD (subreaper of all that CMD forks)
 *   |  `- CMD, in its own process group
 *   `- elector: runs the caller's function, which does the network and speaks to the keeper (message.h)
 *
 * Here: this contract. Not here: elections, settings, options of the command line. */
#ifndef LEASEHOLD_SUPERVISOR_SUPERVISOR_H
#define LEASEHOLD_SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/message.h"

/* Exit codes of `run`, beside CMD's own and 128+n when signal n ended CMD. */
enum {
    SUPERVISOR_EXIT_STANDBY = 0,   /* told to stop while no work ran */
    SUPERVISOR_EXIT_LOST = 75,     /* --once, after a loss (EX_TEMPFAIL) */
    SUPERVISOR_EXIT_FAILURE = 125, /* Leasehold's own failure */
    SUPERVISOR_EXIT_NOT_EXECUTABLE = 126,
    SUPERVISOR_EXIT_NOT_FOUND = 127,
};

/* Times of the keeper around kill_at, see docs/supervisor.md#two-clocks. */
#define SUPERVISOR_KILL_LEAD_NS INT64_C(150000000)    /* the keeper kills the tree this long before kill_at */
#define SUPERVISOR_BACKSTOP_LEAD_NS INT64_C(75000000) /* the kernel kills the keeper, and so CMD, this long before kill_at */

struct supervisor_options {
    char *const *argv;          /* CMD and its arguments, NULL at the end; borrowed for the whole run */
    const char *path;           /* what supervisor_check_command() found; borrowed */
    int stop_signal;            /* --stop-signal */
    bool group;                 /* --group: stop_signal and forwarded signals go to CMD's process group */
    bool once;                  /* --once: end with SUPERVISOR_EXIT_LOST after the first loss */
    bool allow_new_privs;       /* --allow-new-privs: CMD may gain privileges by exec; then it may be out of reach of kill(2) */
    bool use_cgroup;            /* put CMD into a cgroup v2 leaf of its own where that is possible, to kill it whole */
    int64_t stop_timeout_ns;    /* --stop-timeout, after a loss, and for what CMD left behind; kill_at goes first */
    int64_t drain_timeout_ns;   /* --drain-timeout, after TERM or INT, and SUPERVISOR_STOP_REQUEST */
    int64_t release_timeout_ns; /* the elector's time from the work's end to its return, when the run ends */
    int64_t restart_pause_ns;   /* before keeper and elector are started anew after one of them died; doubles up to 16 times this */
    /* Called in P before keeper and elector are started, with `user` of supervisor_run(): a descriptor that they and CMD inherit and that P
     * closes then, so that it is open until the last of them, and of what CMD has started, has ended. -1: none. NULL: none. */
    int (*hold)(void *user);
    /* One sentence for the log, without a newline, called in P only. NULL: to stderr, with "leasehold run: " before it. */
    void (*log)(void *log_user, const char *sentence);
    void *log_user;
};

/* TERM, 4 s, 25 s, 5 s, 1 s, cgroup where possible; argv and path are left NULL. */
struct supervisor_options supervisor_options_default(void);

/* The elector: called in a process of its own (single-threaded but for a guard thread of the supervisor's), stdin and stdout
 * on /dev/null, SIGPIPE ignored, the signals that P handles caught and dropped: orders come over `keeper_fd` only. `keeper_fd` is
 * non-blocking and close-on-exec; it speaks message.h. Open connections and start threads in here, never before supervisor_run().
 *
 * On -EPIPE from `keeper_fd` the keeper is gone: return at once and do *not* release, the guard is killing the work.
 *
 * Returns an exit status (0..255). It counts when it comes unasked, before STOP_ASKED or a WORK_STOPPED with run_ends: then the
 * work is stopped and `run` ends with it (return SUPERVISOR_EXIT_FAILURE after saying why). An elector that dies from a signal
 * is started anew, with work stopped first. */
typedef int supervisor_elector_fn(void *user, int keeper_fd);

/* Finds CMD as execvp(3) does, before anything stands for election.
 *
 * Returns 0 and fills path[0..path_size); or SUPERVISOR_EXIT_NOT_FOUND or SUPERVISOR_EXIT_NOT_EXECUTABLE with a sentence in
 * `sentence` (cut to sentence_size). */
int supervisor_check_command(const char *command, char *path, size_t path_size, char *sentence, size_t sentence_size);

/* Runs the tree until it has ended for good. Returns the exit code of `run`; says on the log what went wrong.
 *
 * Call it from a process with one thread, with the signal mask and dispositions that CMD shall find (so before SIGPIPE is
 * ignored), and with every descriptor that CMD shall not inherit close-on-exec. The caller's children of before are left alone.
 * On return all processes of the tree are gone, mask, dispositions, subreaper bit and terminal are as they were. */
int supervisor_run(const struct supervisor_options *options, supervisor_elector_fn *elector, void *user);

#endif
