#include "testing/world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "election/bug.h"

#define FIRST_BOOT_NS INT64_C(1000000000000)
#define FIRST_WALL_NS INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */

struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    struct store_options options = { .first_version = 1000, .seed = 1 };
    atomic_init(&w->references, 1);
    atomic_init(&w->boot_ns, FIRST_BOOT_NS);
    atomic_init(&w->wall_ns, FIRST_WALL_NS);
    atomic_init(&w->random, 1);
    BUG_UNLESS(pthread_mutex_init(&w->mutex, NULL) == 0);
    w->calls_last = &w->calls;
    w->store = store_open(&options, FIRST_WALL_NS / 1000);
    return w;
}

struct world *world_ref(struct world *w)
{
    atomic_fetch_add(&w->references, 1);
    return w;
}

struct world *world_unref(struct world *w)
{
    if (!w || atomic_fetch_sub(&w->references, 1) != 1)
        return NULL;
    BUG_UNLESS(!w->members && !w->calls);
    while (w->rivals) {
        struct rival *next = w->rivals->next;
        free(w->rivals->namespace_);
        free(w->rivals->name);
        free(w->rivals);
        w->rivals = next;
    }
    store_close(w->store);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    return NULL;
}

leasehold_time world_now(void *world)
{
    struct world *w = world;
    int64_t boot_ns = atomic_load(&w->boot_ns);
    return (leasehold_time){ boot_ns, boot_ns, atomic_load(&w->wall_ns) };
}

/* ---- transport ---------------------------------------------------------------------------------------------------- */

void world_call_free(struct transport_call *call)
{
    store_watch_close(call->watch);
    free(call->method);
    free(call->path);
    free(call->body);
    free(call);
}

static int start(void *transport, const struct transport_request *request, const struct transport_handler *handler, void *user,
                 struct transport_call **ret_call)
{
    struct member *m = transport;
    struct world *w = m->world;
    struct transport_call *call = calloc(1, sizeof *call);
    if (!call)
        return LEASEHOLD_ERR_MEMORY;
    call->member = m;
    call->handler = handler;
    call->user = user;
    call->stream = request->stream;
    call->method = strdup(request->method);
    call->path = strdup(request->path);
    call->body = request->body ? strndup(request->body, request->body_size) : strdup("");
    call->expires_ns = time_sum(atomic_load(&w->boot_ns), request->limit_ns);
    if (!call->method || !call->path || !call->body) {
        world_call_free(call);
        return LEASEHOLD_ERR_MEMORY;
    }
    *w->calls_last = call;
    w->calls_last = &call->next;
    *ret_call = call;
    return 0;
}

static void unlink_call(struct world *w, struct transport_call *call)
{
    struct transport_call **at = &w->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    if (w->calls_last == &call->next)
        w->calls_last = at;
    call->next = NULL;
}

static void cancel(void *transport, struct transport_call *call)
{
    struct member *m = transport;
    unlink_call(m->world, call);
    world_call_free(call);
}

static leasehold_time member_now(void *transport)
{
    const struct member *m = transport;
    return world_now(m->world);
}

const struct transport_operations world_transport = { start, cancel, member_now };

void world_answer(struct transport_call *call, const struct transport_answer *answer)
{
    struct guard *guard = call->member->service->guard;
    if (guard_lock(guard) < 0)
        return;
    unlink_call(call->member->world, call);
    call->handler->on_answer(call->user, answer);
    guard_unlock(guard);
    world_call_free(call);
}

/* ---- turns -------------------------------------------------------------------------------------------------------- */

static bool turn_member(struct world *w, struct member *m)
{
    bool woken = atomic_exchange(&m->woken, false);
    if (guard_lock(m->service->guard) < 0)
        return false;
    bool due = service_deadline(m->service) <= atomic_load(&w->boot_ns);
    if (due)
        service_expire(m->service);
    if (woken)
        service_run_posted(m->service);
    guard_unlock(m->service->guard);
    return woken || due;
}

/* One call that has something to do does it; the list may be another then. */
static bool turn_calls(struct world *w)
{
    for (struct transport_call *call = w->calls; call; call = call->next) {
        if (call->watch) {
            if (!w->hangs && server_stream(w, call))
                return true;
            continue;
        }
        if (atomic_load(&w->boot_ns) >= call->expires_ns) {
            struct transport_answer answer = { .outcome = TRANSPORT_TIMED_OUT,
                                               .body = "",
                                               .received = world_now(w),
                                               .sentence = "the API server of this test did not answer in time" };
            world_answer(call, &answer);
            return true;
        }
        if (!call->taken && server_handle(w, call))
            return true;
    }
    return false;
}

void world_settle(struct world *w)
{
    bool busy = true;
    for (int i = 0; busy; i++) {
        BUG_UNLESS(i < WORLD_TURNS_MAX);
        busy = false;
        for (struct member *m = w->members; m; m = m->next)
            busy = turn_member(w, m) || busy;
        busy = turn_calls(w) || busy;
    }
}

static int64_t next_ns(const struct world *w)
{
    int64_t next = rivals_next(w);
    for (const struct transport_call *call = w->calls; call; call = call->next)
        if (!call->watch && call->expires_ns < next)
            next = call->expires_ns;
    for (const struct member *m = w->members; m; m = m->next) {
        if (guard_lock(m->service->guard) < 0)
            continue;
        int64_t deadline_ns = service_deadline(m->service);
        guard_unlock(m->service->guard);
        if (deadline_ns < next)
            next = deadline_ns;
    }
    return next;
}

static void move_clocks(struct world *w, int64_t ns)
{
    atomic_fetch_add(&w->boot_ns, ns);
    atomic_fetch_add(&w->wall_ns, ns);
}

void world_advance(struct world *w, int64_t ns)
{
    int64_t end_ns = time_sum(atomic_load(&w->boot_ns), ns);
    world_settle(w);
    for (;;) {
        int64_t now_ns = atomic_load(&w->boot_ns), due_ns = next_ns(w);
        int64_t to_ns = due_ns < end_ns ? due_ns : end_ns;
        if (to_ns > now_ns)
            move_clocks(w, to_ns - now_ns);
        rivals_renew(w);
        world_settle(w);
        if (atomic_load(&w->boot_ns) >= end_ns)
            return;
    }
}

void world_freeze(struct world *w, int64_t ns)
{
    world_settle(w);
    move_clocks(w, ns);
    rivals_renew(w);
    world_settle(w);
}
