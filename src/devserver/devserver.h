/* The development API server: an object store (src/store) behind HTTP/1.1, small enough to embed.
 *
 * Here: what kubectl and electors need of a kube-apiserver on a developer's machine, and faults on demand for tests. Not here:
 * what an object is and when a write is right (src/store), authentication (everybody on the machine may do everything),
 * persistence (objects live as long as the process), TLS. docs/dev-server.md describes it for users. */
#ifndef LEASEHOLD_DEVSERVER_DEVSERVER_H
#define LEASEHOLD_DEVSERVER_DEVSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DEVSERVER_CONNECTIONS_DEFAULT = 16384,     /* open connections; fewer where the limit of descriptors is lower */
    DEVSERVER_BACKLOG = 4096,                  /* connections that wait to be accepted */
    DEVSERVER_WATCH_BUFFER_BYTES = 256 * 1024, /* events are taken from history only while less than this waits to be sent */
    DEVSERVER_WATCH_S = 1800,                  /* length of a watch without timeoutSeconds, plus up to as much again */
    DEVSERVER_WATCH_S_MAX = 86400,             /* longest timeoutSeconds */
    DEVSERVER_BOOKMARK_S = 60,                 /* between bookmarks */
    DEVSERVER_ALLOW_HOSTS_MAX = 16,            /* further Host headers */
    DEVSERVER_FAULT_RULES_MAX = 256,
    DEVSERVER_FAULT_MS_MAX = 3600 * 1000, /* longest fault */
    DEVSERVER_HELD_MAX = 10000            /* requests held back by faults at a time; 503 beyond */
};

struct devserver;
struct store;

/* Zero fields mean the default. Strings are borrowed for devserver_open(). */
struct devserver_options {
    const char *listen; /* "127.0.0.1:0", "[::1]:8080"; NULL: 127.0.0.1 and any free port */
    bool enable_faults; /* POST, GET, DELETE /leasehold/faults; 404 without */
    const char *const
        *allow_hosts; /* NULL-ended: Host headers accepted beside loopback ones with our port; one without a port also with our port */
    size_t connections_max;
    size_t watches_max;
    size_t objects_max;
    size_t history_max;  /* changes kept for each kind */
    const char *version; /* for /version; NULL: "unknown" */
};

/* Opens the listening socket and an empty store with the namespaces `default` and `kube-system`; serves nothing before
 * devserver_run(), but connections already queue. Reads the wall clock once for the first resourceVersion. Returns 0 and
 * fills *ret, or -1 with one sentence in error. */
int devserver_open(const struct devserver_options *options, struct devserver **ret, char *error, size_t error_size);

/* "127.0.0.1:34567": where it really listens. Lives as long as the server. */
const char *devserver_address(const struct devserver *d);

/* Serves until devserver_stop(), on the calling thread. Returns 0, or -1 when the event loop failed. */
int devserver_run(struct devserver *d);

/* Makes devserver_run() return, now or when it is called next. From any thread and from a signal handler. */
void devserver_stop(struct devserver *d);

/* The store behind the server; only for the thread that runs it, or while nothing runs. */
struct store *devserver_store(struct devserver *d);

/* Open connections and watches; same threads as above. */
size_t devserver_connection_count(const struct devserver *d);
size_t devserver_watch_count(const struct devserver *d);

/* Closes every connection, frees everything. NULL is fine. Returns NULL. */
struct devserver *devserver_close(struct devserver *d);

#endif
