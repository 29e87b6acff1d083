/* The addresses of one name, asked for on a thread of their own.
 *
 * Here: getaddrinfo() where nobody has to wait for it, and the last good answer. Not here: connections. There is at most one
 * thread for a resolver at any time, with all signals blocked; it is detached, so that freeing never waits, and ends by itself
 * when the system's resolver answers it. All functions belong to the thread that dispatches the loop. */
#ifndef LEASEHOLD_IO_RESOLVER_H
#define LEASEHOLD_IO_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"

enum {
    RESOLVER_TEXT_MAX = 512, /* addresses as text, separated by commas, with the NUL */
    RESOLVER_SENTENCE_MAX = 256,
};

/* Good addresses are asked for again after this long, while the old ones serve. */
#define RESOLVER_AGE_NS INT64_C(60000000000)
/* Addresses that could not be connected to, or asked for in vain, are asked for again after this long. */
#define RESOLVER_RETRY_NS INT64_C(500000000)

struct resolver;
typedef void resolver_fn(void *user); /* something is known that was not: addresses, or why there are none */

/* Nothing is asked yet. `name` is copied; max: how many addresses are kept. Returns 0 and *ret_resolver, or
 * LEASEHOLD_ERR_MEMORY, or LEASEHOLD_ERR_SYSTEM with errno. */
int resolver_new(struct loop *loop, const char *name, unsigned max, resolver_fn *fn, void *user, struct resolver **ret_resolver);

/* Never waits. Takes NULL, returns NULL. */
struct resolver *resolver_free(struct resolver *resolver);

/* Asks if nothing is being asked and the addresses are missing, old, or suspect. Never waits. */
void resolver_refresh(struct resolver *resolver, leasehold_time now);

/* None of the addresses could be connected to: they serve on, but the next refresh asks. */
void resolver_suspect(struct resolver *resolver);

/* "10.0.0.1,2001:db8::1" in the resolver's order of preference, or NULL while none is known. Lives until the next dispatch. */
const char *resolver_addresses(const struct resolver *resolver);

/* Why there are no addresses, or "" while it is still being asked. */
const char *resolver_sentence(const struct resolver *resolver);

#endif
