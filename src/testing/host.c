/* The public functions of a service that need a host, over a world in memory. */
#include <errno.h>
#include <leasehold/testing.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "election/bug.h"
#include "testing/host.h"
#include "service/thread.h"

/* ---- what the service asks of its host ---------------------------------------------------------------------------- */

static void ring(int fd)
{
    uint64_t one = 1;
    /* Full is readable, too. */
    if (write(fd, &one, sizeof one) < 0)
        return;
}

static void hush(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0)
        return; /* was silent already */
}

static void wake(void *data)
{
    struct member *m = data;
    atomic_store(&m->woken, true);
    ring(m->threaded ? m->wake_fd : m->fd);
}

static void tell_waiting(void *data, bool waiting)
{
    struct member *m = data;
    if (waiting)
        ring(m->fd);
    else if (m->threaded || !atomic_load(&m->woken))
        hush(m->fd);
}

static uint64_t draw_random(void *data)
{
    struct member *m = data;
    /* splitmix64: the same run every time */
    uint64_t z = atomic_fetch_add(&m->world->random, UINT64_C(0x9e3779b97f4a7c15)) + UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return z ? z : 1;
}

/* ---- worlds of services ------------------------------------------------------------------------------------------- */

struct world *host_enter(const leasehold_service *s)
{
    if (guard_forked(s->guard))
        return NULL;
    struct member *m = s->host.data;
    struct world *w = world_ref(m->world);
    BUG_UNLESS(pthread_mutex_lock(&w->mutex) == 0);
    return w;
}

void host_leave(struct world *w)
{
    BUG_UNLESS(pthread_mutex_unlock(&w->mutex) == 0);
    world_unref(w);
}

/* Every namespace exists as soon as it is named. Returns 0, or LEASEHOLD_ERR_MEMORY. */
static int make_namespace(struct world *w, const char *name)
{
    json_t *object = json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Namespace", "metadata", "name", name);
    struct store_request request = { .verb = STORE_CREATE, .resource = STORE_NAMESPACES, .body = object };
    struct store_answer answer = { 0 };
    if (object)
        store_handle(w->store, &request, atomic_load(&w->wall_ns) / 1000, &answer); /* 409: it is there */
    store_answer_clear(&answer);
    json_decref(object);
    return object ? 0 : LEASEHOLD_ERR_MEMORY;
}

/* ---- turns -------------------------------------------------------------------------------------------------------- */

static void *work(void *data)
{
    struct member *m = data;
    while (!atomic_load(&m->stop_thread)) {
        struct pollfd fd = { .fd = m->wake_fd, .events = POLLIN };
        poll(&fd, 1, -1);
        hush(m->wake_fd);
        BUG_UNLESS(pthread_mutex_lock(&m->world->mutex) == 0);
        world_settle(m->world);
        BUG_UNLESS(pthread_mutex_unlock(&m->world->mutex) == 0);
    }
    return NULL;
}

int leasehold_service_dispatch(leasehold_service *s)
{
    if (!s)
        return LEASEHOLD_ERR_ARGUMENT;
    struct world *w = host_enter(s);
    if (!w)
        return LEASEHOLD_ERR_FORKED;
    struct member *m = s->host.data;
    if (!m->threaded) {
        world_settle(w);
        if (guard_lock(s->guard) == 0) {
            if (!s->told_waiting && !atomic_load(&m->woken))
                hush(m->fd);
            guard_unlock(s->guard);
        }
    }
    host_leave(w);
    return 0;
}

int leasehold_service_fd(const leasehold_service *s)
{
    if (!s)
        return LEASEHOLD_ERR_ARGUMENT;
    const struct member *m = s->host.data;
    return guard_forked(s->guard) ? LEASEHOLD_ERR_FORKED : m->fd;
}

static int start_thread(struct member *m)
{
    if (m->threaded)
        return LEASEHOLD_ERR_STATE;
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->wake_fd < 0)
        return LEASEHOLD_ERR_SYSTEM;
    if (thread_start(&m->thread, work, m) < 0) {
        int reason = errno;
        close(m->wake_fd);
        m->wake_fd = -1;
        errno = reason;
        return LEASEHOLD_ERR_SYSTEM;
    }
    m->threaded = true;
    if (!m->service->told_waiting)
        hush(m->fd);
    ring(m->wake_fd);
    return 0;
}

int leasehold_service_start_thread(leasehold_service *s)
{
    if (!s)
        return LEASEHOLD_ERR_ARGUMENT;
    int result = guard_lock(s->guard);
    if (result < 0)
        return result;
    result = start_thread(s->host.data);
    guard_unlock(s->guard);
    return result;
}

/* ---- opening and closing ------------------------------------------------------------------------------------------ */

static struct member *member_free(struct member *m)
{
    if (m->fd >= 0)
        close(m->fd);
    if (m->wake_fd >= 0)
        close(m->wake_fd);
    world_unref(m->world);
    free(m);
    return NULL;
}

static int member_new(const leasehold_options *o, struct member **ret, char sentence[SETTING_SENTENCE_MAX])
{
    struct member *m = calloc(1, sizeof *m);
    if (!m)
        return LEASEHOLD_ERR_MEMORY;
    m->wake_fd = -1;
    m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->world = o && o->host ? world_ref(o->host) : world_new();
    int error = m->fd < 0 ? LEASEHOLD_ERR_SYSTEM : !m->world ? LEASEHOLD_ERR_MEMORY : 0;
    struct service_host host = { .transport = { &world_transport, m },
                                 .clock = { world_now, m->world },
                                 .wake = wake,
                                 .waiting = tell_waiting,
                                 .random = draw_random,
                                 .data = m };
    if (error == 0)
        error = service_new(&host, o, "default", &m->service, sentence);
    if (error < 0) {
        int reason = errno;
        member_free(m);
        errno = reason;
        return error;
    }
    *ret = m;
    return 0;
}

int leasehold_service_open(leasehold_service **ret, leasehold_options *o)
{
    char sentence[SETTING_SENTENCE_MAX] = "";
    struct member *m = NULL;
    if (!ret)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = o ? leasehold_options_check(o) : 0;
    if (error == 0)
        error = member_new(o, &m, sentence);
    if (error < 0) {
        if (o && !o->error[0])
            snprintf(o->error, sizeof o->error, "%s", sentence[0] ? sentence : leasehold_strerror(error));
        return error;
    }
    BUG_UNLESS(m);
    struct world *w = host_enter(m->service);
    BUG_UNLESS(w);
    struct member **at = &w->members;
    while (*at)
        at = &(*at)->next;
    *at = m;
    error = make_namespace(w, options_value(m->service->options, SETTING_NAMESPACE));
    host_leave(w);
    if (error < 0) {
        leasehold_service_unref(m->service);
        if (o)
            snprintf(o->error, sizeof o->error, "%s", leasehold_strerror(error));
        return error;
    }
    *ret = m->service;
    return 0;
}

leasehold_service *leasehold_service_unref(leasehold_service *s)
{
    if (!s || guard_forked(s->guard))
        return NULL;
    struct member *m = s->host.data;
    struct guard *guard = guard_ref(s->guard);
    if (m->threaded) {
        atomic_store(&m->stop_thread, true);
        ring(m->wake_fd);
        pthread_join(m->thread, NULL);
    }
    struct world *w = host_enter(s);
    BUG_UNLESS(w && guard_lock(guard) == 0);
    struct member **at = &w->members;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    service_free(s);
    guard_unlock(guard);
    guard_unref(guard);
    host_leave(w);
    member_free(m);
    return NULL;
}
