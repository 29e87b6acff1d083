/* The tree of processes below one process, found in /proc and signalled safely.
 *
 * Here: who descends from whom, signals to them. Not here: who deserves which signal when (table.h, keeper.c).
 *
 * Safe: each process is signalled through its /proc/PID directory, which pidfd_send_signal(2) takes as a pidfd, after its start
 * time has been read again through that very directory; a number that was reused in between is not hit. */
#ifndef LEASEHOLD_SUPERVISOR_TREE_H
#define LEASEHOLD_SUPERVISOR_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    TREE_PROCESSES_MAX = 32768, /* of one scan; beyond it only direct children are found, which is enough in several turns */
    TREE_QUICK_MAX = 1024,      /* of one quick look */
    TREE_SPARED_MAX = 64,       /* processes whose whole branch is left alone */
};

struct tree_process {
    pid_t pid;
    pid_t parent;
    uint64_t start; /* clock ticks since boot: tells two processes of one number apart */
    bool alive;     /* false: a zombie, all of whose threads have ended */
};

struct tree_spared {
    size_t count;
    pid_t pid[TREE_SPARED_MAX];
};

/* Opens /proc for the functions below. Returns the descriptor (close-on-exec), or -1 with errno; ENOTSUP: this /proc shows
 * another PID namespace than ours.
 * Not for sharing across fork(2): scans of two processes would share one offset. */
int tree_open(void);

/* Sends `signal` (0: none) to every living descendant of `root`, and not to `root`, the spared ones and theirs. Returns how many
 * living ones were found, or -1 with errno when /proc could not be read. Not for more than one thread at a time. */
int tree_signal(int proc_fd, pid_t root, const struct tree_spared *spared, int signal);

/* The same by the kernel's lists of children, whose cost is that of the tree and not of the machine, but which may miss some: what
 * a thread other than the first has forked, and what moves meanwhile. For the first blow; tree_signal() comes after it.
 * Returns how many were signalled, or -1 when the kernel has no such lists (CONFIG_PROC_CHILDREN). */
int tree_signal_quick(int proc_fd, pid_t root, const struct tree_spared *spared, int signal);

/* Fills *spared with the present children of `root`. Returns 0, or -1 with errno: ENOSPC more than fit. */
int tree_children(int proc_fd, pid_t root, struct tree_spared *spared);

/* Parses the text of /proc/PID/stat, see proc(5). Returns 0, or -1 when it is not one. */
int tree_parse_stat(const char *text, struct tree_process *process);

#endif
