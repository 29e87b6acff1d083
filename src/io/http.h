/* The transport of src/service/transport.h over HTTP/1.1 and libcurl's multi interface, on a loop.
 *
 * Here: requests in flight, their limits, their connections and their outcome. Not here: what is asked and what an answer
 * means. Everything runs on the thread that dispatches the loop; a name is resolved on a thread of its own with all signals
 * blocked, which is never waited for (a resolver of 8 s would freeze the loop for 8 s), not even by http_transport_free().
 *
 * Connections (DESIGN §4 rule 12): lock traffic has up to four of its own, earliest deadline first; other requests up to four
 * more; each stream its own. Whatever is abandoned is closed with RST and never used again, and after a timeout so are the idle
 * connections of that kind: what froze one may have frozen them all. Where a program says who we are (src/kube/exec.h), requests
 * wait for it as they do for a connection, and the credential it gave serves while it is asked for the next. The first use in a process
 * calls curl_global_init(), which is the only thing global here; it is never undone. */
#ifndef LEASEHOLD_IO_HTTP_H
#define LEASEHOLD_IO_HTTP_H

#include <stdbool.h>

#include "io/loop.h"
#include "kube/config.h"
#include "service/transport.h"

enum {
    HTTP_LOCK_CONNECTIONS_MAX = 4,  /* lock requests in flight; the rest waits, earliest deadline first */
    HTTP_OTHER_CONNECTIONS_MAX = 4, /* other requests in flight that are no streams */
    HTTP_STREAMS_MAX = 64,          /* open streams; one more is LEASEHOLD_ERR_LIMIT */
    HTTP_CALLS_MAX = 16384,         /* requests started and not ended; one more is LEASEHOLD_ERR_LIMIT */
    HTTP_HEADERS_MAX = 64 << 10,    /* bytes of an answer's headers; more is TRANSPORT_BROKEN */
    HTTP_ADDRESSES_MAX = 8,         /* addresses of the API server's name that are tried */
    HTTP_USER_AGENT_MAX = 512,
};

struct http_transport;

struct http_options {
    const char *user_agent;     /* "leasehold/0.1.0 (identity)"; copied, unprintable bytes become '?'; NULL: "leasehold/VERSION" */
    unsigned lock_connections;  /* 1 to HTTP_LOCK_CONNECTIONS_MAX; 0: HTTP_LOCK_CONNECTIONS_MAX */
    bool tell_certificate;      /* when the server's expires, in the first answer on each connection */
    bool certificates_as_files; /* hand certificates over as memfds, as for libcurl before 7.77: for tests */
};

/* A transport to config's server. `loop` and `config` must outlive it; `options` may be NULL. Opens no connection yet.
 *
 * Returns 0 and *ret_transport, or LEASEHOLD_ERR_MEMORY, LEASEHOLD_ERR_ARGUMENT (lock_connections), LEASEHOLD_ERR_SYSTEM with
 * errno, LEASEHOLD_ERR_UNSUPPORTED (a libcurl without TLS, for https). */
int http_transport_new(struct loop *loop, const struct kube_config *config, const struct http_options *options,
                       struct http_transport **ret_transport);

/* Abandons every request with RST, without any callback, and closes. Not from within a callback of this transport (BUG). In a
 * forked child it leaves everything alone, for the connections are the parent's. Takes NULL, returns NULL. */
struct http_transport *http_transport_free(struct http_transport *transport);

/* The operations and data to hand to the service; they live as long as the transport.
 *
 * start() also returns LEASEHOLD_ERR_ARGUMENT for a path that does not begin with '/' or holds spaces or control characters, and
 * for a method or content type that is no token. */
struct transport http_transport_interface(struct http_transport *transport);

/* Starts the program that says who we are, where there is one and it was not asked yet; the first request would otherwise. Returns true
 * while requests have to wait for it. For commands whose requests have short limits: turn the loop until it is false. */
bool http_transport_asks_plugin(struct http_transport *transport);

/* From now on that program has no terminal to ask at: the loop is turned by a thread of its own. */
void http_transport_ask_nobody(struct http_transport *transport);

#endif
