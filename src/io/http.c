#include "io/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "election/bug.h"
#include "io/clock.h"
#include "io/http_internal.h"
#include "io/http_tls.h"
#include "leasehold/errors.h"

enum { HTTP_LOCK_IDLE = 4, HTTP_OTHER_IDLE = 4 }; /* connections kept when nothing is in flight on them */

static void http_call_free(struct transport_call *call)
{
    struct http_transport *transport = call->transport;
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        transport->calls = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    transport->call_count--;
    call->lane->calls--;
    free(call->method);
    free(call->path);
    free(call->content_type);
    free(call->request_body);
    free(call->body);
    free(call);
}

void http_call_set_expiry(struct transport_call *call, int64_t boot_ns)
{
    struct http_transport *transport = call->transport;
    heap_remove(&transport->expiries, &call->expiry);
    call->expiry.key = boot_ns;
    if (boot_ns != LEASEHOLD_NEVER)
        heap_insert(&transport->expiries, &call->expiry, boot_ns);
    const struct heap_node *first = heap_first(&transport->expiries);
    loop_timer_set(transport->loop, &transport->expiry_timer, first != NULL ? first->key : LEASEHOLD_NEVER);
}

void http_call_set_ready(struct transport_call *call)
{
    struct http_transport *transport = call->transport;
    if (call->ready)
        return;
    call->ready = true;
    call->next_ready = NULL;
    call->previous_ready = transport->ready_last;
    if (transport->ready_last != NULL)
        transport->ready_last->next_ready = call;
    else
        transport->ready = call;
    transport->ready_last = call;
}

static void http_call_unset_ready(struct transport_call *call)
{
    struct http_transport *transport = call->transport;
    if (!call->ready)
        return;
    call->ready = false;
    if (call->previous_ready != NULL)
        call->previous_ready->next_ready = call->next_ready;
    else
        transport->ready = call->next_ready;
    if (call->next_ready != NULL)
        call->next_ready->previous_ready = call->previous_ready;
    else
        transport->ready_last = call->previous_ready;
}

/* Takes the first call that has something to tell; NULL when there is none. */
static struct transport_call *http_next_ready(struct http_transport *transport)
{
    struct transport_call *call = transport->ready;
    if (call == NULL)
        return NULL;
    transport->ready = call->next_ready;
    if (transport->ready != NULL)
        transport->ready->previous_ready = NULL;
    else
        transport->ready_last = NULL;
    call->ready = false;
    return call;
}

void http_pump_soon(struct http_transport *transport)
{
    loop_timer_set(transport->loop, &transport->pump_timer, 0);
}

/* Takes a call out of whatever it waits for; its connection, where it has one in the middle of something, ends with RST. */
static void http_call_withdraw(struct transport_call *call, bool reset)
{
    http_call_set_expiry(call, LEASEHOLD_NEVER);
    if (call->state == HTTP_QUEUED) {
        heap_remove(&call->lane->queue, &call->wait);
    } else if (call->state == HTTP_ACTIVE) {
        http_call_take_back(call, reset);
        call->lane->active--;
        http_pump_soon(call->transport);
    }
    call->state = HTTP_DONE;
}

/* The call has come to its end without an answer. */
static void http_call_fail(struct transport_call *call, enum transport_outcome outcome, CURLcode code)
{
    call->outcome = outcome;
    call->stage = http_call_stage(call, code);
    if (call->sentence[0] == '\0')
        http_call_explain(call, code);
    if (!call->open)
        call->status = 0;
    http_call_set_ready(call);
}

/* A call that waits for a credential or an address is refused one: it never left, unless as the copy of one that may have. */
static void http_call_fail_queued(struct transport_call *call, CURLcode code)
{
    enum transport_outcome outcome = call->maybe_sent ? TRANSPORT_BROKEN : TRANSPORT_NOT_SENT;
    http_call_withdraw(call, false);
    http_call_fail(call, outcome, code);
}

/* Back into the queue, for another credential. */
static void http_call_requeue(struct transport_call *call)
{
    call->lane->active--;
    call->state = HTTP_QUEUED;
    call->maybe_sent = call->repeated;
    heap_insert(&call->lane->queue, &call->wait, call->wait.key);
    http_pump_soon(call->transport);
}

/* After a 401: true when the call is under way once more, with the token as its file has it now, or as a program says it anew. */
static bool http_call_retry(struct transport_call *call)
{
    leasehold_time now = clock_now();
    if (call->status != 401 || call->retried || now.boot_ns >= call->expiry.key)
        return false;
    bool by_plugin = call->transport->exec != NULL;
    if (by_plugin ? !http_exec_refused(call, now) : !kube_token_refused(call->transport->token, now.boot_ns))
        return false;
    http_call_take_back(call, false);
    call->retried = true;
    call->status = 0;
    call->body_size = call->headers_size = 0;
    call->retry_after_ns = call->date_us = 0;
    call->error[0] = '\0';
    if (by_plugin) {
        http_call_requeue(call);
        return true;
    }
    if (http_call_launch(call, now) == 0)
        return true;
    call->lane->active--;
    call->state = HTTP_DONE;
    http_call_set_expiry(call, LEASEHOLD_NEVER);
    http_call_fail(call, TRANSPORT_NOT_SENT, CURLE_OUT_OF_MEMORY);
    return true;
}

/* A refusal of the second copy of a write says nothing about the first, which may have been or may yet be applied (DESIGN §4 rule
 * 8). A conflict is told: whoever hears of it looks. */
static bool http_refuses_only_a_copy(const struct transport_call *call)
{
    return call->repeated && call->request_body != NULL && call->status >= 400 && call->status < 500 && call->status != 409;
}

void http_call_finished(struct transport_call *call, CURLcode code)
{
    struct http_transport *transport = call->transport;
    if (code == CURLE_OK && http_call_retry(call))
        return;
    /* libcurl takes headers that end in the middle for an answer; "200" without its end is no acknowledgement. */
    if (code == CURLE_OK && call->status == 0)
        code = CURLE_PARTIAL_FILE;
    if (code == CURLE_OK && http_refuses_only_a_copy(call)) {
        snprintf(call->error, sizeof(call->error), "its connection ended, and the second attempt was refused with %d", call->status);
        code = CURLE_GOT_NOTHING;
    }
    bool connected = call->maybe_sent;
    http_call_withdraw(call, code != CURLE_OK);
    if (code == CURLE_OK) {
        call->outcome = TRANSPORT_ANSWERED;
        http_call_set_ready(call);
        return;
    }
    if (!connected && transport->resolver != NULL)
        resolver_suspect(transport->resolver);
    if (!connected)
        http_call_fail(call, TRANSPORT_NOT_SENT, code);
    else if (code == CURLE_OPERATION_TIMEDOUT && !call->open)
        http_call_fail(call, TRANSPORT_TIMED_OUT, code);
    else
        http_call_fail(call, TRANSPORT_BROKEN, code);
}

static void http_on_expiry(void *user, leasehold_time now)
{
    struct http_transport *transport = user;
    struct heap_node *first;
    while ((first = heap_first(&transport->expiries)) != NULL && first->key <= now.boot_ns) {
        struct transport_call *call = HEAP_OWNER(first, struct transport_call, expiry);
        struct http_pool *pool = call->lane->pool;
        bool active = call->state == HTTP_ACTIVE, sent = call->maybe_sent;
        if (!active)
            http_exec_explain_wait(call);
        http_call_withdraw(call, true);
        if (active)
            http_pool_distrust(pool); /* what froze this connection may have frozen the others */
        if (active && !sent && transport->resolver != NULL)
            resolver_suspect(transport->resolver);
        http_call_fail(call, !sent ? TRANSPORT_NOT_SENT : call->open ? TRANSPORT_BROKEN : TRANSPORT_TIMED_OUT, CURLE_OPERATION_TIMEDOUT);
    }
    first = heap_first(&transport->expiries);
    loop_timer_set(transport->loop, &transport->expiry_timer, first != NULL ? first->key : LEASEHOLD_NEVER);
    http_deliver(transport);
}

static void http_tell_answer(struct transport_call *call, leasehold_time received)
{
    bool empty = call->open || call->outcome != TRANSPORT_ANSWERED || call->body == NULL;
    struct transport_answer answer = {
        .outcome = call->outcome,
        .status = call->status,
        .body = empty ? "" : call->body,
        .body_size = empty ? 0 : call->body_size,
        .retry_after_ns = call->outcome == TRANSPORT_ANSWERED ? call->retry_after_ns : 0,
        .date_us = call->outcome == TRANSPORT_ANSWERED ? call->date_us : 0,
        .certificate_us = call->certificate_us,
        .received = received,
        .stage = call->stage,
        .sentence = call->sentence,
    };
    call->handler->on_answer(call->user, &answer);
}

/* Tells one call's news in their order; any of them may cancel it. */
static void http_tell(struct transport_call *call)
{
    /* libcurl has returned: every byte that is told was read before this reading (DESIGN §4 rule 4). */
    leasehold_time received = clock_now();
    if (call->open && call->state == HTTP_ACTIVE)
        http_call_set_expiry(call, call->idle_ns > 0 ? time_sum(received.boot_ns, call->idle_ns) : LEASEHOLD_NEVER);
    if (call->tell_open) {
        call->tell_open = false;
        if (call->handler->on_open != NULL)
            call->handler->on_open(call->user, received);
    }
    if (!call->cancelled && call->open && call->body_size > 0) {
        size_t size = call->body_size;
        call->body_size = 0;
        if (call->handler->on_data != NULL)
            call->handler->on_data(call->user, call->body, size, received);
    }
    if (!call->cancelled && call->state == HTTP_DONE)
        http_tell_answer(call, received);
}

void http_deliver(struct http_transport *transport)
{
    BUG_UNLESS(!transport->delivering);
    transport->delivering = true;
    struct transport_call *call;
    while ((call = http_next_ready(transport)) != NULL) {
        call->delivering = true;
        http_tell(call);
        call->delivering = false;
        if (call->cancelled || call->state == HTTP_DONE)
            http_call_free(call);
    }
    transport->delivering = false;
}

static void http_launch_next(struct http_lane *lane, leasehold_time now)
{
    struct transport_call *call = HEAP_OWNER(heap_first(&lane->queue), struct transport_call, wait);
    heap_remove(&lane->queue, &call->wait);
    if (http_call_launch(call, now) == 0) {
        call->state = HTTP_ACTIVE;
        lane->active++;
        return;
    }
    call->state = HTTP_DONE;
    http_call_set_expiry(call, LEASEHOLD_NEVER);
    http_call_fail(call, TRANSPORT_NOT_SENT, CURLE_OUT_OF_MEMORY);
}

static void http_on_pump(void *user, leasehold_time now)
{
    struct http_transport *transport = user;
    for (unsigned i = 0; i < HTTP_LANES; i++) {
        struct http_lane *lane = &transport->lanes[i];
        while (lane->active < lane->max && heap_first(&lane->queue) != NULL) {
            struct transport_call *call = HEAP_OWNER(heap_first(&lane->queue), struct transport_call, wait);
            enum kube_credential_state credential = http_exec_admit(call, now);
            if (credential == KUBE_CREDENTIAL_NONE)
                http_call_fail_queued(call, CURLE_LOGIN_DENIED);
            if (credential == KUBE_CREDENTIAL_NONE)
                continue;
            if (credential == KUBE_CREDENTIAL_WAIT)
                break; /* its end is told */
            if (transport->resolver != NULL) {
                resolver_refresh(transport->resolver, now);
                if (resolver_addresses(transport->resolver) == NULL)
                    break; /* it says when it knows */
            }
            http_launch_next(lane, now);
        }
    }
    http_deliver(transport);
}

/* The name's addresses are known, or why there are none: then whoever waits hears that. */
static void http_on_resolved(void *user)
{
    struct http_transport *transport = user;
    http_pump_soon(transport);
    if (resolver_addresses(transport->resolver) != NULL)
        return;
    for (unsigned i = 0; i < HTTP_LANES; i++) {
        struct heap_node *first;
        while ((first = heap_first(&transport->lanes[i].queue)) != NULL) {
            struct transport_call *call = HEAP_OWNER(first, struct transport_call, wait);
            snprintf(call->error, sizeof(call->error), "%s cannot be resolved: %s",
                     transport->config->proxy.host != NULL ? "the proxy's name" : "its name", resolver_sentence(transport->resolver));
            http_call_fail_queued(call, CURLE_COULDNT_RESOLVE_HOST);
        }
    }
    http_deliver(transport);
}

/* ---- the operations ---- */

static bool http_is_token(const char *text)
{
    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++)
        if ((*text < 'A' || *text > 'Z') && (*text < 'a' || *text > 'z'))
            return false;
    return true;
}

static bool http_is_printable(const char *text, bool spaces)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x7f || *text < (spaces ? ' ' : '!'))
            return false;
    return true;
}

static bool http_request_good(const struct transport_request *request)
{
    return request->method != NULL && http_is_token(request->method) && request->path != NULL && request->path[0] == '/' &&
           http_is_printable(request->path, false) && request->limit_ns > 0 && request->idle_ns >= 0 &&
           (request->content_type == NULL || http_is_printable(request->content_type, true)) &&
           (request->body != NULL || request->body_size == 0);
}

static int http_call_copy(struct transport_call *call, const struct transport_request *request)
{
    call->method = strdup(request->method);
    call->path = strdup(request->path);
    call->content_type = request->content_type != NULL ? strdup(request->content_type) : NULL;
    if (call->method == NULL || call->path == NULL || (request->content_type != NULL && call->content_type == NULL))
        return LEASEHOLD_ERR_MEMORY;
    if (request->body != NULL) {
        call->request_body = malloc(request->body_size + 1);
        if (call->request_body == NULL)
            return LEASEHOLD_ERR_MEMORY;
        memcpy(call->request_body, request->body, request->body_size);
        call->request_body_size = request->body_size;
    }
    call->body_max = request->body_max != 0 ? request->body_max : TRANSPORT_BODY_MAX;
    call->limit_ns = request->limit_ns;
    call->idle_ns = request->idle_ns;
    call->stream = request->stream;
    return 0;
}

static int http_start(void *data, const struct transport_request *request, const struct transport_handler *handler, void *user,
                      struct transport_call **ret_call)
{
    struct http_transport *transport = data;
    BUG_UNLESS(handler->on_answer != NULL);
    if (!http_request_good(request))
        return LEASEHOLD_ERR_ARGUMENT;
    if (transport->call_count >= HTTP_CALLS_MAX)
        return LEASEHOLD_ERR_LIMIT;
    struct http_lane *lane = &transport->lanes[request->stream                                ? HTTP_LANE_STREAM
                                               : request->priority == TRANSPORT_PRIORITY_LOCK ? HTTP_LANE_LOCK
                                                                                              : HTTP_LANE_OTHER];
    if (request->stream && lane->calls >= HTTP_STREAMS_MAX)
        return LEASEHOLD_ERR_LIMIT;
    struct transport_call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return LEASEHOLD_ERR_MEMORY;
    call->transport = transport;
    call->lane = lane;
    call->handler = handler;
    call->user = user;
    call->next = transport->calls;
    if (call->next != NULL)
        call->next->previous = call;
    transport->calls = call;
    transport->call_count++;
    lane->calls++;
    int error = http_call_copy(call, request);
    if (error != 0) {
        http_call_free(call);
        return error;
    }
    heap_insert(&lane->queue, &call->wait, request->deadline.boot_ns);
    http_call_set_expiry(call, time_sum(clock_now().boot_ns, request->limit_ns));
    http_pump_soon(transport);
    *ret_call = call;
    return 0;
}

static void http_cancel(void *data, struct transport_call *call)
{
    (void)data;
    http_call_withdraw(call, true);
    http_call_unset_ready(call);
    call->cancelled = true;
    if (!call->delivering)
        http_call_free(call);
}

static leasehold_time http_now(void *data)
{
    (void)data;
    return clock_now();
}

static const struct transport_operations http_operations = { http_start, http_cancel, http_now };

struct transport http_transport_interface(struct http_transport *transport)
{
    return (struct transport){ &http_operations, transport };
}

/* ---- life ---- */

static bool http_is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static int http_transport_names(struct http_transport *transport, const char *user_agent)
{
    const struct kube_config *config = transport->config;
    snprintf(transport->user_agent, sizeof(transport->user_agent), "%s",
             user_agent != NULL ? user_agent : "leasehold/" LEASEHOLD_VERSION_STRING);
    for (char *c = transport->user_agent; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    bool bracket = strchr(config->host, ':') != NULL;
    bool proxy = config->proxy.url != NULL;
    if (asprintf(&transport->origin, "%s://%s%s%s:%u%s%s", config->tls ? "https" : "http", bracket ? "[" : "", config->host,
                 bracket ? "]" : "", (unsigned)config->port, proxy ? " by the proxy " : "", proxy ? config->proxy.url : "") < 0) {
        transport->origin = NULL;
        return LEASEHOLD_ERR_MEMORY;
    }
    return 0;
}

static void http_transport_lanes(struct http_transport *transport, unsigned lock_connections)
{
    struct http_pool *lock = &transport->pools[HTTP_POOL_LOCK], *other = &transport->pools[HTTP_POOL_OTHER];
    transport->lanes[HTTP_LANE_LOCK] = (struct http_lane){ .pool = lock, .max = lock_connections };
    transport->lanes[HTTP_LANE_OTHER] = (struct http_lane){ .pool = other, .max = HTTP_OTHER_CONNECTIONS_MAX };
    transport->lanes[HTTP_LANE_STREAM] = (struct http_lane){ .pool = other, .max = HTTP_STREAMS_MAX };
}

int http_transport_new(struct loop *loop, const struct kube_config *config, const struct http_options *options,
                       struct http_transport **ret_transport)
{
    static const struct http_options defaults;
    if (options == NULL)
        options = &defaults;
    unsigned lock_connections = options->lock_connections != 0 ? options->lock_connections : HTTP_LOCK_CONNECTIONS_MAX;
    if (lock_connections > HTTP_LOCK_CONNECTIONS_MAX)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = http_curl_init(config->tls);
    if (error != 0)
        return error;
    struct http_transport *transport = calloc(1, sizeof(*transport));
    if (transport == NULL)
        return LEASEHOLD_ERR_MEMORY;
    transport->loop = loop;
    transport->config = config;
    transport->owner = getpid();
    transport->by_files = options->certificates_as_files;
    transport->tell_certificate = options->tell_certificate;
    transport->ca_fd = transport->certificate_fd = transport->key_fd = -1;
    loop_timer_init(&transport->expiry_timer, http_on_expiry, transport);
    loop_timer_init(&transport->pump_timer, http_on_pump, transport);
    http_transport_lanes(transport, lock_connections);
    error = http_transport_names(transport, options->user_agent);
    if (error == 0)
        error = kube_token_new(config, &transport->token);
    if (error == 0 && config->exec != NULL)
        error = http_exec_new(transport, &transport->exec);
    if (error == 0 && (config->tls || config->proxy.url != NULL))
        error = http_tls_open(transport);
    const char *first = config->proxy.host != NULL ? config->proxy.host : config->host; /* where connections go */
    if (error == 0 && !http_is_address(first))
        error = resolver_new(loop, first, HTTP_ADDRESSES_MAX, http_on_resolved, transport, &transport->resolver);
    if (error == 0)
        error = http_pool_init(&transport->pools[HTTP_POOL_LOCK], transport, HTTP_LOCK_IDLE);
    if (error == 0)
        error = http_pool_init(&transport->pools[HTTP_POOL_OTHER], transport, HTTP_OTHER_IDLE);
    if (error != 0) {
        int saved = errno;
        http_transport_free(transport);
        errno = saved;
        return error;
    }
    *ret_transport = transport;
    return 0;
}

struct http_transport *http_transport_free(struct http_transport *transport)
{
    if (transport == NULL || transport->owner != getpid())
        return NULL;
    BUG_UNLESS(!transport->delivering);
    for (struct transport_call *call = transport->calls, *next; call != NULL; call = next) {
        next = call->next;
        http_cancel(transport, call);
    }
    for (unsigned i = 0; i < HTTP_POOLS; i++)
        http_pool_close(&transport->pools[i]);
    loop_timer_set(transport->loop, &transport->expiry_timer, LEASEHOLD_NEVER);
    loop_timer_set(transport->loop, &transport->pump_timer, LEASEHOLD_NEVER);
    transport->resolver = resolver_free(transport->resolver);
    transport->exec = http_exec_free(transport->exec);
    transport->token = kube_token_free(transport->token);
    http_tls_close(transport);
    free(transport->origin);
    free(transport);
    return NULL;
}
