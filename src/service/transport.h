/* What the service needs of a network: start a request, cancel it, hear its answer. The service owns this interface; src/io
 * implements it with libcurl, the simulator and the tests implement it without sockets, and a host may bring its own.
 *
 * All calls and all callbacks happen on the thread that dispatches the service. */
#ifndef LEASEHOLD_SERVICE_TRANSPORT_H
#define LEASEHOLD_SERVICE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "election/time.h"

enum transport_outcome {
    TRANSPORT_ANSWERED = 0, /* a whole HTTP answer: status and body are set (any status) */
    TRANSPORT_TIMED_OUT,    /* limit_ns ran out; abandoned with RST; may have been or may yet be applied */
    TRANSPORT_NOT_SENT,     /* provably never left: no address, connect refused, TLS or credentials failed before the request */
    TRANSPORT_BROKEN,       /* left, but no whole answer: reset, closed early, larger than body_max, malformed */
};

/* What a request without an answer was about when it failed. */
enum transport_stage {
    TRANSPORT_STAGE_OTHER = 0,
    TRANSPORT_STAGE_NAME,        /* the name of the host, or of the proxy, was looked up */
    TRANSPORT_STAGE_CREDENTIAL,  /* a program was asked who we are */
    TRANSPORT_STAGE_CONNECT,     /* TCP, and the way through a proxy */
    TRANSPORT_STAGE_CERTIFICATE, /* that of the server was looked at */
    TRANSPORT_STAGE_TLS,
};

enum transport_priority { TRANSPORT_PRIORITY_LOCK = 0, TRANSPORT_PRIORITY_OTHER }; /* lock traffic has connections of its own */

struct transport_request {
    const char *method;       /* "GET", "PUT", "POST", "DELETE", "PATCH" */
    const char *path;         /* origin form with query: "/apis/coordination.k8s.io/v1/namespaces/default/leases/x" */
    const char *content_type; /* NULL without a body */
    const void *body;         /* copied by start; NULL: none */
    size_t body_size;
    size_t body_max;  /* a longer answer is TRANSPORT_BROKEN; 0: TRANSPORT_BODY_MAX */
    int64_t limit_ns; /* whole request, name resolution and connecting included; for a stream: until its headers */
    int64_t idle_ns;  /* stream: broken when nothing arrives for this long; 0: never */
    bool stream;      /* a watch: bytes are handed on as they come, the answer's body is empty when status is 200 */
    enum transport_priority priority;
    leasehold_time deadline; /* among requests that wait for a connection, earliest deadline first */
};

enum { TRANSPORT_BODY_MAX = 4 << 20 };

struct transport_answer {
    enum transport_outcome outcome;
    int status;       /* HTTP status; 0 unless ANSWERED (or a stream that began) */
    const char *body; /* NUL-terminated behind body_size; lives during the callback; "" when none */
    size_t body_size;
    int64_t retry_after_ns;  /* Retry-After in delay-seconds form; 0: none */
    int64_t date_us;         /* the server's wall clock when it answered, cut to the second; 0: it does not say */
    int64_t certificate_us;  /* when the certificate of the server expires, where the transport was asked to tell; 0: not known */
    leasehold_time received; /* read after the last byte was received */
    enum transport_stage stage;
    const char *sentence; /* what went wrong, one sentence, for people; "" when ANSWERED; lives during the callback */
};

struct transport_call;

/* Every call started ends in exactly one on_answer, unless it was cancelled; none comes before start() returned. */
struct transport_handler {
    /* Stream only: status 200 and its headers have arrived; what changes from now on will be told. */
    void (*on_open)(void *user, leasehold_time received);
    /* Stream only: bytes as they arrived, in no particular cut. */
    void (*on_data)(void *user, const char *data, size_t size, leasehold_time received);
    void (*on_answer)(void *user, const struct transport_answer *answer);
};

struct transport_operations {
    /* Starts a request. Returns 0 and *ret_call, or a negative LEASEHOLD_ERR_* (LEASEHOLD_ERR_MEMORY, LEASEHOLD_ERR_LIMIT);
     * then no callback comes. `handler` must live until on_answer or cancel; `user` is handed to each callback. */
    int (*start)(void *transport, const struct transport_request *request, const struct transport_handler *handler, void *user,
                 struct transport_call **ret_call);
    /* Abandons a request with RST: no callback comes after this returns. */
    void (*cancel)(void *transport, struct transport_call *call);
    /* A reading of the clocks, now. */
    leasehold_time (*now)(void *transport);
};

struct transport {
    const struct transport_operations *operations;
    void *data;
};

#endif
