/* A development API server beside this test, and a kubeconfig for it. */
#ifndef TESTS_LIBRARY_WORLD_H
#define TESTS_LIBRARY_WORLD_H

#include <leasehold/leasehold.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct world {
    struct devserver *server;
    pthread_t thread;
    pid_t process; /* of the server; 0: it is a thread */
    char folder[64], kubeconfig[96];
    char address[64];
};

struct world *world_open(void);

/* The same with the server in a process of its own: for tests that fork. A child of a process with threads finds the locks as they
 * were at that moment, and of the sanitizers' allocator nobody lets go of them there. */
struct world *world_open_apart(void);

void world_close(struct world *w);

/* Adds a fault rule (JSON text, docs/dev-server.md). */
void world_fault(struct world *w, const char *rule);

/* Forgets all faults. */
void world_well(struct world *w);

/* GETs a path of the server; returns the status and copies the body. */
int world_get(struct world *w, const char *path, char *ret, size_t size);

/* Sends a body (may be "") as JSON; returns the status. */
int world_send(struct world *w, const char *method, const char *path, const char *body);

/* Options for it, with a short lease: 4s/2.5s/500ms. */
leasehold_options *world_options(const struct world *w, const char *identity);

/* Dispatches until an event of this kind (of this group; NULL: any) has come, and leaves it in *ret; fails after timeout_ms.
 * Other events are passed over. */
void world_await(leasehold_service *s, leasehold_group *g, int kind, int timeout_ms, const leasehold_event **ret);

/* Dispatches for this long; returns how many events of `kind` came. */
int world_pass(leasehold_service *s, int kind, int ms);

/* Polls until there is something to do, or this CLOCK_BOOTTIME, and dispatches. */
void world_turn(leasehold_service *s, uint64_t end_ns);

uint64_t world_boot_ns(void);

#endif
