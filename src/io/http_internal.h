/* What the two halves of the HTTP room share: http.c has calls, limits, queues and callbacks to the service; http_curl.c has
 * everything that knows libcurl. Not for other rooms. */
#ifndef LEASEHOLD_IO_HTTP_INTERNAL_H
#define LEASEHOLD_IO_HTTP_INTERNAL_H

#include <curl/curl.h>
#include <sys/types.h>

#include "io/heap.h"
#include "io/http.h"
#include "io/resolver.h"
#include "kube/credential.h"
#include "kube/token.h"

enum { HTTP_SENTENCE_MAX = 1024 };

/* A socket of libcurl's, from socket() to close(). Idle in the pool of connections while call is NULL. */
struct http_socket {
    int fd;
    ino_t inode; /* tells this socket from a later one of the same number */
    struct http_pool *pool;
    struct transport_call *call;
    struct loop_watch *watch;
    uint32_t events;
    struct http_socket *next, *previous;
};

/* One multi handle: its connections are never used for the other's requests. */
struct http_pool {
    struct http_transport *transport;
    CURLM *multi;
    struct loop_timer timer; /* libcurl's */
    struct http_socket *sockets;
    bool abandoning; /* what closes now closes with RST */
};

/* Requests that wait for each other: at most `max` of them are in flight. */
struct http_lane {
    struct http_pool *pool;
    struct heap queue;    /* by deadline */
    unsigned active, max; /* in flight, and how many may be */
    unsigned calls;       /* waiting, in flight, or done and not told yet */
};

enum http_state { HTTP_QUEUED, HTTP_ACTIVE, HTTP_DONE };
enum http_fault { HTTP_FAULT_NONE, HTTP_FAULT_BODY, HTTP_FAULT_HEADERS, HTTP_FAULT_LATE, HTTP_FAULT_MEMORY };

struct transport_call {
    struct http_transport *transport;
    struct http_lane *lane;
    enum http_state state;
    struct heap_node wait;                              /* in lane->queue while queued */
    struct heap_node expiry;                            /* in transport->expiries until done */
    struct transport_call *next, *previous;             /* all calls */
    struct transport_call *next_ready, *previous_ready; /* calls with something to tell */
    bool ready, delivering, cancelled;

    const struct transport_handler *handler;
    void *user;
    char *method, *path, *content_type;
    void *request_body;
    size_t request_body_size, body_max;
    int64_t limit_ns, idle_ns;
    bool stream;

    CURL *easy;
    struct curl_slist *headers, *resolve, *connect_to;
    struct http_socket *socket;
    bool maybe_sent;     /* a byte of the request may have left */
    bool repeated;       /* libcurl has sent it anew: a used connection ended without an answer */
    bool retried;        /* after a 401 */
    unsigned generation; /* of the plugin's credential, at the last try */
    enum http_fault fault;
    char error[CURL_ERROR_SIZE];

    size_t headers_size;
    bool open, tell_open; /* stream: 200 has arrived; and has not been told yet */
    int status;
    int64_t retry_after_ns, date_us, certificate_us;
    char *body; /* of the answer, or of a stream what has not been told yet */
    size_t body_size, body_capacity;
    enum transport_outcome outcome;
    enum transport_stage stage;
    char sentence[HTTP_SENTENCE_MAX];
};

enum { HTTP_LANE_LOCK, HTTP_LANE_OTHER, HTTP_LANE_STREAM, HTTP_LANES };
enum { HTTP_POOL_LOCK, HTTP_POOL_OTHER, HTTP_POOLS };

struct http_transport {
    struct loop *loop;
    const struct kube_config *config;
    struct kube_token *token;
    struct http_exec *exec;    /* who we are by a plugin's word; NULL: by the token or the configuration */
    struct resolver *resolver; /* of the host or the proxy; NULL: it is an address */
    pid_t owner;
    char user_agent[HTTP_USER_AGENT_MAX];
    char *origin; /* what sentences call the server: "https://host:port", and by which proxy */
    bool by_files, tell_certificate;
    bool store_is_folder;              /* the machine's own certificates are found by their names */
    int ca_fd, certificate_fd, key_fd; /* memfds where by_files, else -1 */
    struct http_pool pools[HTTP_POOLS];
    struct http_lane lanes[HTTP_LANES];
    struct heap expiries; /* by CLOCK_BOOTTIME */
    struct loop_timer expiry_timer, pump_timer;
    struct transport_call *calls, *ready, *ready_last;
    unsigned call_count;
    bool delivering;
};

/* http.c */

/* Moves the limit of a call to the absolute CLOCK_BOOTTIME; LEASEHOLD_NEVER: none. */
void http_call_set_expiry(struct transport_call *call, int64_t boot_ns);
/* The call has something to tell after libcurl returned. */
void http_call_set_ready(struct transport_call *call);
/* libcurl is done with the call, whose handle is out of the multi. */
void http_call_finished(struct transport_call *call, CURLcode code);
/* Tells what there is to tell. Not from within libcurl. */
void http_deliver(struct http_transport *transport);

/* Launches what waits, after the callback at hand. */
void http_pump_soon(struct http_transport *transport);

/* http_curl.c */

/* The first call in a process initialises libcurl. Returns 0 or LEASEHOLD_ERR_UNSUPPORTED, LEASEHOLD_ERR_MEMORY. */
int http_curl_init(bool tls);
int http_pool_init(struct http_pool *pool, struct http_transport *transport, long idle_max);
void http_pool_close(struct http_pool *pool);
/* Idle connections of the pool are dead from now on. */
void http_pool_distrust(struct http_pool *pool);
/* Gives the call to libcurl. Returns 0, or a negative error and call->sentence. */
int http_call_launch(struct transport_call *call, leasehold_time now);
/* Takes the call back from libcurl; with `reset` its connection ends with RST. */
void http_call_take_back(struct transport_call *call, bool reset);

/* http_exec.c */

int http_exec_new(struct http_transport *transport, struct http_exec **ret);
/* Ends the program if it runs. Takes NULL, returns NULL. */
struct http_exec *http_exec_free(struct http_exec *x);
/* Whether the call can be launched, be it with a credential that is about to be replaced. NONE: call->sentence says why not. */
enum kube_credential_state http_exec_admit(struct transport_call *call, leasehold_time now);
/* The server said 401 to the call. True if it is worth waiting for another credential. */
bool http_exec_refused(const struct transport_call *call, leasehold_time now);
/* Fills call->sentence where the call's time ran out while it waited for the program. */
void http_exec_explain_wait(struct transport_call *call);
/* What the program said last; NULL where there is no program. */
const struct kube_exec_answer *http_exec_answer(const struct http_transport *transport);

/* http_proxy.c */

/* Sets which proxy leads to the server, or that none does. */
CURLcode http_proxy_set(struct transport_call *call);

/* http_sentence.c */

/* Fills call->sentence for an outcome that is not TRANSPORT_ANSWERED. */
void http_call_explain(struct transport_call *call, CURLcode code);
enum transport_stage http_call_stage(const struct transport_call *call, CURLcode code);

#endif
