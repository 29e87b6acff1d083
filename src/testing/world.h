/* A server and clocks in memory, and the services that live there.
 *
 * Here: virtual time, requests into the store, turns. Not here: the public functions (host.c, testing.c). One mutex guards a
 * world; it is taken before the guard of a service, never after. */
#ifndef LEASEHOLD_TESTING_WORLD_H
#define LEASEHOLD_TESTING_WORLD_H

#include <pthread.h>
#include <stdatomic.h>

#include "service/service.h"
#include "store/store.h"

enum { WORLD_TURNS_MAX = 100000 }; /* without an end of it at one instant: a busy loop */

/* A request or a watch. */
struct transport_call {
    struct transport_call *next;
    struct member *member;
    const struct transport_handler *handler;
    void *user;
    char *method, *path, *body;
    bool stream, taken;        /* taken by a server that hangs: answered never */
    struct store_watch *watch; /* an open stream */
    int64_t expires_ns;        /* LEASEHOLD_NEVER: an open stream */
};

/* A service in a world. */
struct member {
    struct world *world;
    leasehold_service *service;
    struct member *next;
    _Atomic bool woken;
    bool threaded;
    pthread_t thread;
    _Atomic bool stop_thread;
    int fd;      /* eventfd: something to do, or threaded: events wait */
    int wake_fd; /* threaded: for the thread; else -1 */
};

/* Another process that leads a lock. */
struct rival {
    struct rival *next;
    char *namespace_, *name;
    char identity[LEASEHOLD_IDENTITY_MAX + 1];
    int64_t lease_ms;
    int64_t renew_ns; /* when next */
};

struct world {
    _Atomic int references;
    pthread_mutex_t mutex;
    _Atomic int64_t boot_ns, wall_ns;
    _Atomic uint64_t random;
    struct store *store;
    struct member *members;
    struct transport_call *calls, **calls_last;
    struct rival *rivals;
    bool hangs, cut;
    int refuses;
};

struct world *world_new(void);
struct world *world_ref(struct world *w);
struct world *world_unref(struct world *w);

leasehold_time world_now(void *world);
extern const struct transport_operations world_transport; /* its data is a struct member */

/* Under the mutex: everything that can happen at this instant happens. */
void world_settle(struct world *w);
/* Under the mutex: moves the clocks, settling at each point in time at which something is due. */
void world_advance(struct world *w, int64_t ns);
/* Under the mutex: moves the clocks at once, then settles. */
void world_freeze(struct world *w, int64_t ns);

/* ---- server.c ---- */

/* Answers one call. Returns false when it is to stay: a stream, or the server hangs. */
bool server_handle(struct world *w, struct transport_call *call);
/* Hands on what a stream has to tell. Returns true when it did something. */
bool server_stream(struct world *w, struct transport_call *call);
/* The lock of a group as the store has it, and back; the group's service guard is not needed. */
const json_t *server_lock(struct world *w, const leasehold_group *g);
int server_replace(struct world *w, const char *namespace_, const char *name, const struct record *record, const char *mark_holder);
/* A Pod that runs, with these labels ("app=x,…", NULL: none), made or changed; and gone. */
int server_put_pod(struct world *w, const char *namespace_, const char *name, const char *labels, bool ready);
int server_delete_pod(struct world *w, const char *namespace_, const char *name);
/* The call's callback, under its service's guard; frees the call, which is out of the list. */
void world_answer(struct transport_call *call, const struct transport_answer *answer);
void world_call_free(struct transport_call *call);

/* Renews every rival's lease that is due. */
void rivals_renew(struct world *w);
int64_t rivals_next(const struct world *w);
struct rival *rivals_find(struct world *w, const leasehold_group *g);
int rivals_add(struct world *w, const leasehold_group *g, const char *identity, int64_t lease_ms);
void rivals_remove(struct world *w, const leasehold_group *g);

#endif
