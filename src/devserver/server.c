#include "devserver/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS_KEPT = 64, REBIND_PAUSE_MS = 50 };

/* ---- requests ----------------------------------------------------------------------------------------------------- */

static void on_request(void *user, struct httpd_connection *c, const struct httpd_request *request)
{
    struct devserver *d = user;
    const char *refusal = devserver_guard(request, d->host, d->port, (const char *const *)d->allow_hosts);

    if (refusal != NULL) {
        devserver_send_status(c, store_status(403, "Forbidden", refusal, NULL));
        return;
    }
    if (devserver_admin(d, c, request))
        return;
    struct devserver_call *call = devserver_call_new(request);
    const struct devserver_rule *rule = devserver_rules_take(&d->rules, call, request);
    if (rule != NULL)
        devserver_inject(d, rule, call, c);
    else
        devserver_serve(d, call, c);
}

/* ---- the listening socket ----------------------------------------------------------------------------------------- */

static int open_socket(struct devserver *d, const char *listen_text, char *error, size_t error_size)
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t size = sizeof address;
    char port[8];

    int fd = httpd_socket(listen_text, DEVSERVER_BACKLOG, error, error_size);
    if (fd < 0)
        return -1;
    BUG_UNLESS(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    BUG_UNLESS(
        getnameinfo((struct sockaddr *)&address, size, d->host, sizeof d->host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0);
    d->port = (unsigned)strtoul(port, NULL, 10);
    bool v6 = address.ss_family == AF_INET6;
    snprintf(d->address, sizeof d->address, v6 ? "[%s]:%u" : "%s:%u", d->host, d->port);
    d->listen_fd = fd;
    return 0;
}

/* ---- timers of faults --------------------------------------------------------------------------------------------- */

static void on_thaw(evutil_socket_t fd, short what, void *user)
{
    struct devserver *d = user;
    (void)fd;
    (void)what;
    d->frozen = false;
    httpd_freeze(d->http, false);
    devserver_stream_pump(d, true);
}

/* The port may be taken in the meantime, or still be in use by dying connections: tried until it works. */
static void on_rebirth(evutil_socket_t fd, short what, void *user)
{
    struct devserver *d = user;
    char error[256];
    (void)fd;
    (void)what;

    int listening = httpd_socket(d->address, DEVSERVER_BACKLOG, error, sizeof error);
    if (listening < 0) {
        struct timeval later = { .tv_usec = REBIND_PAUSE_MS * 1000L };
        event_add(d->rebirth, &later);
        return;
    }
    d->down = false;
    httpd_listen(d->http, listening);
}

static void on_stop(evutil_socket_t fd, short what, void *user)
{
    struct devserver *d = user;
    (void)fd;
    (void)what;
    event_base_loopbreak(d->base);
}

/* ---- opening and closing ------------------------------------------------------------------------------------------ */

static size_t connection_limit(size_t wanted)
{
    struct rlimit limit;
    size_t most = wanted != 0 ? wanted : DEVSERVER_CONNECTIONS_DEFAULT;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        size_t free_descriptors =
            limit.rlim_cur > 2UL * DESCRIPTORS_KEPT ? (size_t)limit.rlim_cur - DESCRIPTORS_KEPT : (size_t)limit.rlim_cur / 2;
        if (most > free_descriptors)
            most = free_descriptors;
    }
    return most;
}

static void copy_hosts(struct devserver *d, const char *const *hosts)
{
    size_t count = 0;
    while (hosts != NULL && hosts[count] != NULL && count < DEVSERVER_ALLOW_HOSTS_MAX)
        count++;
    d->allow_hosts = calloc(count + 1, sizeof *d->allow_hosts);
    BUG_UNLESS(d->allow_hosts != NULL);
    for (size_t i = 0; i < count; i++) {
        d->allow_hosts[i] = strdup(hosts[i]);
        BUG_UNLESS(d->allow_hosts[i] != NULL);
    }
}

static void open_store(struct devserver *d, const struct devserver_options *o)
{
    int64_t now_us = devserver_now_us();
    struct store_options options = {
        .seed = (uint64_t)now_us ^ ((uint64_t)getpid() << 40) ^ (uint64_t)(uintptr_t)d,
        .objects_max = o->objects_max,
        .history_max = o->history_max,
        .watches_max = o->watches_max,
    };
    d->store = store_open(&options, now_us);
}

int devserver_open(const struct devserver_options *options, struct devserver **ret, char *error, size_t error_size)
{
    static const struct devserver_options defaults;
    const struct devserver_options *o = options != NULL ? options : &defaults;
    struct devserver *d = calloc(1, sizeof *d);

    BUG_UNLESS(d != NULL);
    d->options = *o;
    d->listen_fd = -1;
    if (open_socket(d, o->listen != NULL ? o->listen : "127.0.0.1:0", error, error_size) < 0) {
        free(d);
        return -1;
    }
    d->base = event_base_new();
    d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (d->base == NULL || d->stop_fd < 0) {
        snprintf(error, error_size, "cannot make an event loop: %m");
        if (d->base != NULL)
            event_base_free(d->base);
        if (d->stop_fd >= 0)
            close(d->stop_fd);
        close(d->listen_fd);
        free(d);
        return -1;
    }
    d->version = strdup(o->version != NULL ? o->version : "unknown");
    BUG_UNLESS(d->version != NULL);
    copy_hosts(d, o->allow_hosts);
    open_store(d, o);
    d->http = httpd_open(d->base, connection_limit(o->connections_max), on_request, d);
    d->stop = event_new(d->base, d->stop_fd, EV_READ | EV_PERSIST, on_stop, d);
    d->thaw = evtimer_new(d->base, on_thaw, d);
    d->rebirth = evtimer_new(d->base, on_rebirth, d);
    BUG_UNLESS(d->stop != NULL && d->thaw != NULL && d->rebirth != NULL && event_add(d->stop, NULL) == 0);
    *ret = d;
    return 0;
}

const char *devserver_address(const struct devserver *d)
{
    return d->address;
}

int devserver_run(struct devserver *d)
{
    if (d->listen_fd >= 0) {
        httpd_listen(d->http, d->listen_fd);
        d->listen_fd = -1;
    }
    return event_base_dispatch(d->base) < 0 ? -1 : 0;
}

void devserver_stop(struct devserver *d)
{
    int why = errno;
    uint64_t one = 1;
    (void)!write(d->stop_fd, &one, sizeof one); /* full means that it is already told */
    errno = why;
}

struct store *devserver_store(struct devserver *d)
{
    return d->store;
}

size_t devserver_connection_count(const struct devserver *d)
{
    return httpd_connection_count(d->http);
}

size_t devserver_watch_count(const struct devserver *d)
{
    return store_watch_count(d->store);
}

struct devserver *devserver_close(struct devserver *d)
{
    if (d == NULL)
        return NULL;
    devserver_held_clear(d);
    d->http = httpd_close(d->http);
    BUG_UNLESS(d->streams == NULL);
    devserver_rules_clear(&d->rules, 0);
    store_close(d->store);
    json_decref(d->line_object);
    free(d->line);
    event_free(d->stop);
    event_free(d->thaw);
    event_free(d->rebirth);
    event_base_free(d->base);
    if (d->listen_fd >= 0)
        close(d->listen_fd);
    close(d->stop_fd);
    for (size_t i = 0; d->allow_hosts[i] != NULL; i++)
        free(d->allow_hosts[i]);
    free(d->allow_hosts);
    free(d->version);
    free(d);
    return NULL;
}
