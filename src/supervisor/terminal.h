/* The controlling terminal on stdin, when there is one: whose process group is in front. Callers have SIGTTOU blocked or
 * ignored, so that tcsetpgrp(3) works from the background too.
 *
 * Not here: what a stopped CMD means (reaper.c). */
#ifndef LEASEHOLD_SUPERVISOR_TERMINAL_H
#define LEASEHOLD_SUPERVISOR_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

struct terminal {
    bool ours;  /* stdin is the controlling terminal of our session */
    pid_t home; /* P's process group: it gets the terminal back */
};

struct terminal terminal_find(void);

/* Puts `group` in front, if P's group is. Otherwise the shell has the terminal, and we do not take it from there. */
void terminal_lend(const struct terminal *terminal, pid_t group);

/* True when P's group is in front. */
bool terminal_is_home(const struct terminal *terminal);

/* Puts P's group in front, if the work's `group`, or one of which nothing is left, is. */
void terminal_take_back(const struct terminal *terminal, pid_t group);

/* True when a shell can continue us: our parent is another process of this session. Else a stop would be for ever, which is why
 * the kernel does not stop such ("orphaned") groups from the keyboard either, see setpgid(2) and credentials(7). */
bool terminal_has_shell(void);

#endif
