/* Where service and io are put together: a service over HTTP and the machine's clocks, turned by the caller's loop or by a
 * thread of its own. */
#include <errno.h>
#include <leasehold/leasehold.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "election/bug.h"
#include "io/clock.h"
#include "io/http.h"
#include "io/local_lock.h"
#include "io/loop.h"
#include "kube/config.h"
#include "library/connection.h"
#include "service/service.h"
#include "service/thread.h"

struct io_host {
    leasehold_service *service;
    struct kube_config *config;
    struct loop *loop;
    struct http_transport *http;
    struct loop_timer timer; /* service_deadline() */
    bool threaded;
    pthread_t thread;
    _Atomic bool stop_thread;
    int waiting_fd; /* threaded: an eventfd, readable while events wait; else -1 */
};

/* ---- what the service asks of its host ---------------------------------------------------------------------------- */

static leasehold_time read_clocks(void *data)
{
    (void)data;
    return clock_now();
}

static void wake(void *data)
{
    struct io_host *host = data;
    loop_wake(host->loop);
}

static void tell_waiting(void *data, bool waiting)
{
    struct io_host *host = data;
    uint64_t count = 1;
    if (!host->threaded)
        return;
    ssize_t done = waiting ? write(host->waiting_fd, &count, sizeof count) : read(host->waiting_fd, &count, sizeof count);
    BUG_UNLESS(done == sizeof count);
}

static uint64_t draw_random(void *data)
{
    (void)data;
    uint64_t value = 0;
    while (value == 0)
        if (getrandom(&value, sizeof value, 0) != sizeof value)
            value = 0; /* a signal came before the pool was filled */
    return value;
}

/* ---- turns -------------------------------------------------------------------------------------------------------- */

static void on_timer(void *user, leasehold_time now)
{
    struct io_host *host = user;
    (void)now;
    service_expire(host->service);
}

static void on_wake(void *user, leasehold_time now)
{
    struct io_host *host = user;
    (void)now;
    service_run_posted(host->service);
}

/* Under the guard. */
static int turn(struct io_host *host)
{
    int result = loop_dispatch(host->loop);
    loop_timer_set(host->loop, &host->timer, service_deadline(host->service));
    return result;
}

static void *work(void *data)
{
    struct io_host *host = data;
    struct guard *guard = host->service->guard;
    while (!atomic_load(&host->stop_thread)) {
        if (loop_wait(host->loop, LEASEHOLD_NEVER) < 0)
            nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL); /* cannot happen; if it does, not in a busy loop */
        if (guard_lock(guard) < 0)
            break;
        turn(host);
        guard_unlock(guard);
    }
    return NULL;
}

int leasehold_service_dispatch(leasehold_service *s)
{
    if (!s)
        return LEASEHOLD_ERR_ARGUMENT;
    struct io_host *host = s->host.data;
    int result = guard_lock(s->guard);
    if (result < 0)
        return result;
    if (!host->threaded)
        result = turn(host);
    guard_unlock(s->guard);
    return result;
}

int leasehold_service_fd(const leasehold_service *s)
{
    if (!s)
        return LEASEHOLD_ERR_ARGUMENT;
    const struct io_host *host = s->host.data;
    int result = guard_lock(s->guard);
    if (result < 0)
        return result;
    result = host->threaded ? host->waiting_fd : loop_fd(host->loop);
    guard_unlock(s->guard);
    return result;
}

bool connection_asks_plugin(leasehold_service *s)
{
    struct io_host *host = s->host.data;
    if (guard_lock(s->guard) < 0)
        return false;
    bool asks = http_transport_asks_plugin(host->http);
    guard_unlock(s->guard);
    return asks;
}

/* Under the guard: the new thread waits for it. */
static int start_thread(leasehold_service *s, struct io_host *host)
{
    if (host->threaded)
        return LEASEHOLD_ERR_STATE;
    host->waiting_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (host->waiting_fd < 0)
        return LEASEHOLD_ERR_SYSTEM;
    if (thread_start(&host->thread, work, host) < 0) {
        int reason = errno;
        close(host->waiting_fd);
        host->waiting_fd = -1;
        errno = reason;
        return LEASEHOLD_ERR_SYSTEM;
    }
    host->threaded = true;
    http_transport_ask_nobody(host->http);
    if (s->told_waiting)
        tell_waiting(host, true);
    return 0;
}

int leasehold_service_start_thread(leasehold_service *s)
{
    if (!s)
        return LEASEHOLD_ERR_ARGUMENT;
    int result = guard_lock(s->guard);
    if (result < 0)
        return result;
    result = start_thread(s, s->host.data);
    guard_unlock(s->guard);
    return result;
}

/* ---- opening and closing ------------------------------------------------------------------------------------------ */

static struct io_host *host_free(struct io_host *host)
{
    if (host->loop)
        loop_timer_set(host->loop, &host->timer, LEASEHOLD_NEVER);
    http_transport_free(host->http);
    loop_free(host->loop);
    kube_config_free(host->config);
    if (host->waiting_fd >= 0)
        close(host->waiting_fd);
    free(host);
    return NULL;
}

static const char *value_or_null(const leasehold_options *o, enum setting_id id)
{
    const char *value = options_value(o, id);
    return value[0] ? value : NULL;
}

static int connect_host(struct io_host *host, const leasehold_options *o, char sentence[SETTING_SENTENCE_MAX])
{
    struct kube_options kube = connection_options(o);
    struct http_options http = { .user_agent = value_or_null(o, SETTING_USER_AGENT) };
    char why[KUBE_SENTENCE_MAX] = "";
    int error = kube_config_load(&kube, &host->config, why);
    if (error < 0) {
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s", why);
        return error;
    }
    error = loop_new(&host->loop);
    if (error == 0)
        error = http_transport_new(host->loop, host->config, &http, &host->http);
    if (error == LEASEHOLD_ERR_UNSUPPORTED)
        snprintf(sentence, SETTING_SENTENCE_MAX, "this libcurl has no TLS, which %.300s needs", host->config->server);
    return error;
}

static int host_new(const leasehold_options *o, struct io_host **ret, char sentence[SETTING_SENTENCE_MAX])
{
    struct io_host *host = calloc(1, sizeof *host);
    if (!host)
        return LEASEHOLD_ERR_MEMORY;
    host->waiting_fd = -1;
    loop_timer_init(&host->timer, on_timer, host);
    int error = connect_host(host, o, sentence);
    if (error == 0) {
        struct service_host interface = {
            .kernel_time = true,
            .transport = http_transport_interface(host->http),
            .clock = { read_clocks, NULL },
            .wake = wake,
            .waiting = tell_waiting,
            .random = draw_random,
            .data = host,
        };
        error = service_new(&interface, o, host->config->namespace_name, &host->service, sentence);
    }
    if (error < 0) {
        int reason = errno;
        host_free(host);
        errno = reason;
        return error;
    }
    loop_on_wake(host->loop, on_wake, host);
    *ret = host;
    return 0;
}

/* Held until this process, and what it starts, have ended, whatever becomes of the service: work may go on after it. So it is never
 * closed. */
static int take_local_lock(leasehold_service *s, const char *path, char sentence[SETTING_SENTENCE_MAX])
{
    char why[LOCAL_LOCK_SENTENCE_MAX] = "";
    int fd, result = local_lock_take(path, &fd, why);
    if (result < 0)
        snprintf(sentence, SETTING_SENTENCE_MAX, "%s", why);
    else if (result == 0)
        service_log(s, LEASEHOLD_LOG_WARNING, "%s", why);
    else if (local_lock_claim(fd, s->nonce, s->predecessors) < 0)
        service_log(s, LEASEHOLD_LOG_WARNING, "local lock %.200s cannot be written (%m): the next start waits for our lease", path);
    return result < 0 ? result : 0;
}

int leasehold_service_open(leasehold_service **ret, leasehold_options *o)
{
    char sentence[SETTING_SENTENCE_MAX] = "";
    if (!ret)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = o ? leasehold_options_check(o) : 0;
    if (error < 0)
        return error;
    struct io_host *host = NULL;
    error = host_new(o, &host, sentence);
    if (error == 0 && options_value(o, SETTING_LOCAL_LOCK)[0]) {
        error = take_local_lock(host->service, options_value(o, SETTING_LOCAL_LOCK), sentence);
        int reason = errno;
        if (error < 0)
            leasehold_service_unref(host->service);
        errno = reason;
    }
    if (error < 0) {
        if (o)
            snprintf(o->error, sizeof o->error, "%s", sentence[0] ? sentence : leasehold_strerror(error));
        return error;
    }
    service_log(host->service, LEASEHOLD_LOG_INFO, "the API server is %s, by %s", host->config->server, host->config->source);
    *ret = host->service;
    return 0;
}

leasehold_service *leasehold_service_unref(leasehold_service *s)
{
    if (!s || guard_forked(s->guard))
        return NULL;
    struct io_host *host = s->host.data;
    struct guard *guard = guard_ref(s->guard);
    if (host->threaded) {
        atomic_store(&host->stop_thread, true);
        loop_wake(host->loop);
        pthread_join(host->thread, NULL);
    }
    BUG_UNLESS(guard_lock(guard) == 0);
    service_free(s);
    guard_unlock(guard);
    guard_unref(guard);
    host_free(host);
    return NULL;
}
