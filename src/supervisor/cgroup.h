/* A cgroup v2 leaf for CMD, where the system lets us have one: its cgroup.kill takes the whole tree at once, also what left
 * the tree of parents when keeper and P died together. Without one the process group and /proc have to do, silently.
 *
 * Not here: controllers, limits; nothing but membership and the kill file is used. See cgroups(7) and the kernel's
 * admin-guide/cgroup-v2. */
#ifndef LEASEHOLD_SUPERVISOR_CGROUP_H
#define LEASEHOLD_SUPERVISOR_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#define CGROUP_NONE                                                                                                                        \
    (struct cgroup)                                                                                                                        \
    {                                                                                                                                      \
        .procs_fd = -1, .kill_fd = -1, .lock_fd = -1                                                                                       \
    }

struct cgroup {
    char directory[PATH_MAX]; /* "": none */
    int procs_fd;             /* -1: none */
    int kill_fd;              /* -1: none */
    int lock_fd;              /* the directory, under flock(2) as long as one of us lives: see remove_stale(); -1: none */
};

/* Makes a leaf below this process's own cgroup. Never fails: without one all fields say so. */
void cgroup_create(struct cgroup *cgroup);

/* As fork(2), from a process with one thread. Where the kernel can (Linux 5.7), the child is inside from its beginning: a move by
 * cgroup_enter() waits for a grace period of RCU, ten milliseconds and more. *ret_inside tells child and parent whether it is. In the
 * child only what may be called between vfork(2) and exec(2): libc does not know of it. Returns as fork(2) does. */
pid_t cgroup_fork(const struct cgroup *cgroup, bool *ret_inside);

/* Moves the calling process in. Returns whether it did. */
bool cgroup_enter(const struct cgroup *cgroup);

/* Kills every process inside, at once. Returns whether there is a cgroup to do it with. */
bool cgroup_kill(const struct cgroup *cgroup);

/* Removes its directory. Returns whether nothing is left of it; false while processes are inside. */
bool cgroup_unlink(const struct cgroup *cgroup);

/* Closes it and removes its directory. */
void cgroup_remove(struct cgroup *cgroup);

#endif
