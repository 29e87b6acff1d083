/* The cluster service: its threads, its two switches, and the views by name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "library/cluster_internal.h"
#include "service/thread.h"

/* ---- the mutex ---------------------------------------------------------------------------------------------------- */

int cluster_lock(leasehold_cluster *c)
{
    /* In a child the mutex may be held by a thread that is not there: the service is asked first, and knows. */
    if (leasehold_service_fd(c->service) < 0)
        return LEASEHOLD_ERR_FORKED;
    pthread_mutex_lock(&c->mutex);
    return 0;
}

void cluster_unlock(leasehold_cluster *c)
{
    pthread_mutex_unlock(&c->mutex);
}

int cluster_fail(leasehold_cluster *c, int error)
{
    if (error == LEASEHOLD_ERR_MEMORY || leasehold_service_error(c->service, c->error, sizeof c->error) < 0 || !c->error[0])
        snprintf(c->error, sizeof c->error, "%s", leasehold_strerror(error));
    return error;
}

void cluster_wake(leasehold_cluster *c)
{
    uint64_t one = 1;
    /* Full is readable, too. */
    if (write(c->wake_fd, &one, sizeof one) < 0)
        return;
}

uint64_t cluster_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void cluster_retry(leasehold_cluster *c)
{
    if (c->retry_ms != 0)
        return;
    c->retry_ms = cluster_now_ms() + CLUSTER_RETRY_MS;
    cluster_wake(c);
}

bool cluster_is_handling(const leasehold_cluster *c)
{
    return c->handling_id != 0 && pthread_equal(pthread_self(), c->thread);
}

void cluster_each_view(leasehold_cluster *c, void (*fn)(leasehold_view *v))
{
    for (int i = 0; i < CLUSTER_BUCKETS; i++) {
        leasehold_view *next;
        for (leasehold_view *v = c->views[i]; v; v = next) {
            next = v->next_in_bucket;
            fn(v);
        }
    }
}

/* ---- a cluster's life --------------------------------------------------------------------------------------------- */

/* Nobody else is here any more, and the thread of the listeners has ended or is the caller. */
static void cluster_free(leasehold_cluster *c)
{
    /* First, so that no group leads, and nothing is told, while the rest goes. */
    leasehold_service_unref(c->service);
    cluster_each_view(c, view_free);
    leasehold_roster_unref(c->roster);
    leasehold_members_unref(c->members);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

static void *work(void *data)
{
    leasehold_cluster *c = data;
    pthread_mutex_lock(&c->mutex);
    listener_work(c);
    bool alone = c->detached;
    pthread_mutex_unlock(&c->mutex);
    if (alone)
        cluster_free(c);
    return NULL;
}

static int start_threads(leasehold_cluster *c)
{
    int error = leasehold_service_start_thread(c->service);
    if (error < 0)
        return error;
    c->service_fd = leasehold_service_fd(c->service);
    pthread_mutex_lock(&c->mutex);
    error = thread_start(&c->thread, work, c); /* it waits for the mutex */
    pthread_mutex_unlock(&c->mutex);
    return error;
}

static leasehold_cluster *cluster_alloc(const leasehold_options *o)
{
    pthread_condattr_t attributes;
    leasehold_cluster *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->references = 1;
    c->due_last = &c->due;
    c->wake_fd = -1;
    c->lock_of_one = o && strcmp(leasehold_options_get(o, "lock"), "lease") == 0 && leasehold_options_get(o, "lock-name")[0];
    pthread_mutex_init(&c->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return c;
}

int leasehold_cluster_new(leasehold_cluster **ret, leasehold_options *o)
{
    if (!ret)
        return LEASEHOLD_ERR_ARGUMENT;
    leasehold_cluster *c = cluster_alloc(o);
    if (!c)
        return LEASEHOLD_ERR_MEMORY;
    int error = leasehold_service_open(&c->service, o);
    if (error == 0) {
        c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        error = c->wake_fd < 0 ? LEASEHOLD_ERR_SYSTEM : start_threads(c);
    }
    if (error < 0) {
        int reason = errno;
        cluster_free(c);
        errno = reason;
        return error;
    }
    *ret = c;
    return 0;
}

leasehold_cluster *leasehold_cluster_ref(leasehold_cluster *c)
{
    if (c && cluster_lock(c) == 0) {
        c->references++;
        cluster_unlock(c);
    }
    return c;
}

leasehold_cluster *leasehold_cluster_unref(leasehold_cluster *c)
{
    if (!c || cluster_lock(c) < 0)
        return NULL;
    bool within = cluster_is_handling(c);
    /* The listener that runs may take a reference to what it was given. */
    while (c->references == 1 && c->handling_id != 0 && !within)
        pthread_cond_wait(&c->changed, &c->mutex);
    c->quit = --c->references == 0;
    bool last = c->quit;
    pthread_t thread = c->thread;
    if (last && within) {
        c->detached = true;
        pthread_detach(thread);
    }
    if (last)
        cluster_wake(c);
    cluster_unlock(c);
    if (last && !within) {
        pthread_join(thread, NULL);
        cluster_free(c);
    }
    return NULL;
}

/* ---- start, stop, wait -------------------------------------------------------------------------------------------- */

static int switch_all(leasehold_cluster *c, bool on)
{
    if (!c)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = cluster_lock(c);
    if (error < 0)
        return error;
    c->on = on;
    for (int i = 0; i < CLUSTER_BUCKETS; i++) {
        for (leasehold_view *v = c->views[i]; v; v = v->next_in_bucket) {
            int failed = view_adjust(v);
            error = error < 0 ? error : failed;
        }
    }
    cluster_unlock(c);
    return error;
}

int leasehold_cluster_start(leasehold_cluster *c)
{
    return switch_all(c, true);
}

int leasehold_cluster_stop(leasehold_cluster *c)
{
    return switch_all(c, false);
}

static struct timespec time_after(uint64_t timeout_ns)
{
    const uint64_t second = 1000000000;
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    uint64_t nsec = (uint64_t)at.tv_nsec + timeout_ns % second;
    at.tv_sec += (time_t)(timeout_ns / second + nsec / second);
    at.tv_nsec = (long)(nsec % second);
    return at;
}

/* Under the mutex, which is given up meanwhile. */
static int wait_stopped(leasehold_cluster *c, uint64_t timeout_ns)
{
    struct timespec end = time_after(timeout_ns);
    if (cluster_is_handling(c)) {
        snprintf(c->error, sizeof c->error, "a listener cannot wait for the end of its cluster, which waits for the listener");
        return LEASEHOLD_ERR_STATE;
    }
    for (;;) {
        if (c->on) {
            snprintf(c->error, sizeof c->error, "the cluster is started: it ends after leasehold_cluster_stop()");
            return LEASEHOLD_ERR_STATE;
        }
        if (c->standings == 0 && !c->due && c->handling_id == 0)
            return 0;
        int reason =
            timeout_ns == UINT64_MAX ? pthread_cond_wait(&c->changed, &c->mutex) : pthread_cond_timedwait(&c->changed, &c->mutex, &end);
        if (reason == ETIMEDOUT) {
            snprintf(c->error, sizeof c->error, "%zu views have not stopped in time%s", c->standings,
                     c->handling_id != 0 ? ", and a listener has not returned" : "");
            return LEASEHOLD_ERR_TIMEOUT;
        }
    }
}

int leasehold_cluster_wait(leasehold_cluster *c, uint64_t timeout_ns)
{
    if (!c)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = cluster_lock(c);
    if (error < 0)
        return error;
    error = wait_stopped(c, timeout_ns);
    cluster_unlock(c);
    return error;
}

/* ---- views by name ------------------------------------------------------------------------------------------------ */

static leasehold_view **bucket(leasehold_cluster *c, const char *name)
{
    uint32_t hash = 2166136261; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619;
    return &c->views[hash % CLUSTER_BUCKETS];
}

static int make_view(leasehold_cluster *c, const char *name, leasehold_view **ret)
{
    char identity[VIEW_IDENTITY_BYTES];
    if (c->view_count >= CLUSTER_VIEWS_MAX) {
        snprintf(c->error, sizeof c->error, "group %.80s: a cluster has at most %d views", name, CLUSTER_VIEWS_MAX);
        return LEASEHOLD_ERR_LIMIT;
    }
    int error = leasehold_group_check(c->service, name, LEASEHOLD_CANDIDATE, NULL, identity, sizeof identity);
    if (error < 0)
        return cluster_fail(c, error);
    if (c->lock_of_one && c->view_count > 0) {
        snprintf(c->error, sizeof c->error,
                 "group %.80s: lock-name names a Lease, which has room for one group, and another view has it: leave lock-name out, and "
                 "each group has a lock of its own name",
                 name);
        return LEASEHOLD_ERR_STATE;
    }
    leasehold_view *v = calloc(1, sizeof *v + strlen(name) + 1);
    if (!v)
        return cluster_fail(c, LEASEHOLD_ERR_MEMORY);
    memcpy(v->name, name, strlen(name) + 1);
    memcpy(v->identity, identity, sizeof identity);
    v->cluster = c;
    leasehold_view **at = bucket(c, name);
    v->next_in_bucket = *at;
    *at = v;
    c->view_count++;
    *ret = v;
    return 0;
}

void cluster_remove_view(leasehold_cluster *c, leasehold_view *v)
{
    leasehold_view **at = bucket(c, v->name);
    while (*at != v)
        at = &(*at)->next_in_bucket;
    *at = v->next_in_bucket;
    c->view_count--;
}

/* Under the mutex: one more reference to the view of this name. */
static int take_view(leasehold_cluster *c, const char *name, leasehold_view **ret)
{
    leasehold_view *v = *bucket(c, name);
    while (v && strcmp(v->name, name) != 0)
        v = v->next_in_bucket;
    int error = v ? 0 : make_view(c, name, &v);
    if (error < 0)
        return error;
    bool unused = v->references == 0;
    v->references++;
    c->references++;
    v->on = v->on || unused;
    error = unused ? view_adjust(v) : 0;
    if (error < 0) {
        /* Its caller gets no view: it must not stand later on. */
        v->references--;
        c->references--;
        view_adjust(v);
        view_make_due(v);
        return error;
    }
    *ret = v;
    return 0;
}

int leasehold_cluster_view(leasehold_cluster *c, const char *group, leasehold_view **ret)
{
    if (!c || !group || !ret)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = cluster_lock(c);
    if (error < 0)
        return error;
    error = take_view(c, group, ret);
    cluster_unlock(c);
    return error;
}

int leasehold_cluster_error(leasehold_cluster *c, char *ret, size_t size)
{
    if (!c || !ret || size == 0)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = cluster_lock(c);
    if (error < 0)
        return error;
    snprintf(ret, size, "%s", c->error);
    cluster_unlock(c);
    return 0;
}

leasehold_service *leasehold_cluster_service(leasehold_cluster *c)
{
    return c ? c->service : NULL;
}
