/* One run of a program that prints a credential, on the loop: a child process, its pipes and its limits.
 *
 * Here: starting it, reading it, ending it. Not here: which program, and what its output means (src/kube/exec.h). Nothing blocks
 * the loop. All functions belong to the thread that dispatches it.
 *
 * The host may reap children that are not his: with SIGCHLD ignored, or by waitpid(-1). Then nobody knows how the program ended,
 * and its output alone is judged. It is never killed by a number that may be somebody else's by then. */
#ifndef LEASEHOLD_IO_PLUGIN_H
#define LEASEHOLD_IO_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "io/loop.h"

enum {
    PLUGIN_COMPLAINT_MAX = 256, /* how much of what it wrote to stderr last is kept, with the NUL */
    PLUGIN_POLL_MS = 50,        /* how often to look whether it has ended, where the kernel has no pidfd (before Linux 5.3) */
    PLUGIN_FREE_MS = 1000,      /* how long plugin_free() waits for one that it has killed, at most */
    PLUGIN_TOLD_MS = 100,       /* and for one whose end was told; a loop that starts the next one may wait for this */
};

struct plugin;

struct plugin_command {
    const char *command;      /* with a slash: a path; without: searched in the absolute folders of PATH */
    char *const *arguments;   /* those behind the command, NULL at their end */
    char *const *environment; /* NAME=VALUE, NULL at their end: take the place of, or come behind the process's own */
    const char *more;         /* one more NAME=VALUE; NULL: none */
    bool interactive;         /* has our stdin and stderr, and stays in our process group; else it has one of its own */
    size_t output_max;        /* more on stdout ends it */
    int64_t limit_ns;         /* so does taking longer than this */
};

enum plugin_end {
    PLUGIN_EXITED = 0, /* `code` */
    PLUGIN_KILLED,     /* by signal `code` */
    PLUGIN_REAPED,     /* by the host: nobody knows how it ended */
    PLUGIN_TOO_LONG,
    PLUGIN_TOO_MUCH,
};

struct plugin_result {
    enum plugin_end end;
    int code;
    const char *output; /* NUL-terminated behind `size` */
    size_t size;
    const char *complaint; /* the end of what it wrote to stderr, in one line; "" when nothing, or when that is ours */
};

/* Told once for each run; the strings live until it returns. It may free the plugin. */
typedef void plugin_fn(void *user, const struct plugin_result *result, leasehold_time now);

/* Starts it. Returns 0 and *ret_plugin, or a negative error: LEASEHOLD_ERR_SYSTEM with errno (ENOENT: there is no such program),
 * LEASEHOLD_ERR_MEMORY. */
int plugin_start(struct loop *loop, const struct plugin_command *command, plugin_fn *fn, void *user, struct plugin **ret_plugin);

/* Kills it, and its process group, if its end was not told yet, and waits until it is gone, though not for ever. What it printed is wiped;
 * no call to `fn` follows. Takes NULL, returns NULL. */
struct plugin *plugin_free(struct plugin *plugin);

#endif
