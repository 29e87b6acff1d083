/* What a service and its groups share for as long as any of them lives: the lock around everything but the published terms, and
 * the knowledge whether this process is the one that opened them.
 *
 * After fork(2) the child owns nothing: threads are gone, connections are the parent's, and leading in two processes is what
 * nobody wants. A page that the kernel empties in the child (MADV_WIPEONFORK) tells without a system call. */
#ifndef LEASEHOLD_SERVICE_GUARD_H
#define LEASEHOLD_SERVICE_GUARD_H

#include <stdbool.h>

struct guard;

/* NULL when out of memory. One reference. */
struct guard *guard_new(void);
struct guard *guard_ref(struct guard *guard);
/* Takes NULL, returns NULL. In a forked child it frees nothing. */
struct guard *guard_unref(struct guard *guard);

/* True in a child of the process that made it. Any thread, async-signal-safe. */
bool guard_forked(const struct guard *guard);

/* Returns 0 and holds the lock, or LEASEHOLD_ERR_FORKED and does not. Never held while waiting for anything. */
int guard_lock(struct guard *guard);
void guard_unlock(struct guard *guard);

#endif
