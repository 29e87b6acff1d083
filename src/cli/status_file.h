/* `--status-file`: the present state of the candidates of this process as one JSON object in a file, for scripts and probes.
 *
 * Here: what the file says, and when it is written anew. Not here: how (file_writer.h). */
#ifndef LEASEHOLD_CLI_STATUS_FILE_H
#define LEASEHOLD_CLI_STATUS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cli/command.h"

#define STATUS_FILE_FLAG                                                                                                                   \
    {                                                                                                                                      \
        "status-file", 0, "FILE", "keep the present state there as a JSON object"                                                          \
    }

struct status_file;

/* Checks the path before anything stands for election; prints what is wrong. */
bool status_file_check(const char *command, const char *path);

/* Settings that --status-file needs. */
void status_file_prepare(leasehold_options *o);

/* Begins with a first state. `groups` are borrowed and outlive the file; pid is the process to ask. Prints what is wrong and returns
 * NULL. `list`: all groups are in an array, and beside it the one that is led. */
struct status_file *status_file_open(const char *command, const char *path, pid_t pid, leasehold_group *const *groups, size_t count,
                                     bool list);

/* Every event of the service, in order. Never waits for a disk. NULL is fine. */
void status_file_tell(struct status_file *f, const leasehold_event *e);

/* Gives the last state a moment to reach the disk. Takes NULL, returns NULL. */
struct status_file *status_file_close(struct status_file *f);

#endif
