/* What plugin.c and plugin_spawn.c share. Not for other files. */
#ifndef LEASEHOLD_IO_PLUGIN_INTERNAL_H
#define LEASEHOLD_IO_PLUGIN_INTERNAL_H

#include <sys/types.h>

#include "io/plugin.h"

/* A child that was started. */
struct plugin_child {
    pid_t pid;
    int pid_fd;         /* -1: the kernel has none, or the host has reaped the child already */
    int out_fd, err_fd; /* our ends, which do not block; err_fd -1: its stderr is ours */
    bool own_group;     /* its pid is its process group's */
};

/* Returns 0 and *ret, or LEASEHOLD_ERR_SYSTEM with errno, or LEASEHOLD_ERR_MEMORY. */
int plugin_spawn(const struct plugin_command *command, struct plugin_child *ret);

enum plugin_state { PLUGIN_RUNS, PLUGIN_ENDED, PLUGIN_UNKNOWN };

/* Reaps the child where it has ended. PLUGIN_ENDED: *ret_end and *ret_code are set; PLUGIN_UNKNOWN: it has ended, and somebody else
 * has reaped it. Never blocks. */
enum plugin_state plugin_reap(const struct plugin_child *child, enum plugin_end *ret_end, int *ret_code);

/* Kills it and its group, unless it was reaped: its numbers may be anybody's then. */
void plugin_kill(const struct plugin_child *child);

#endif
