#include "io/http_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "election/bug.h"
#include "io/clock.h"
#include "io/http_pipe.h"
#include "io/http_tls.h"
#include "leasehold/errors.h"

enum {
    HTTP_USER_TIMEOUT_MS = 15000, /* data nobody acknowledges */
    HTTP_KEEPALIVE_IDLE_S = 10,
    HTTP_KEEPALIVE_INTERVAL_S = 5,
    HTTP_KEEPALIVE_PROBES = 3,
    HTTP_RETRY_AFTER_MAX_S = 24 * 3600,
};

static pthread_once_t http_once = PTHREAD_ONCE_INIT;
static CURLcode http_once_code;

static void http_init_once(void)
{
    http_once_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_curl_init(bool tls)
{
    pthread_once(&http_once, http_init_once);
    if (http_once_code != CURLE_OK)
        return LEASEHOLD_ERR_MEMORY;
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    return tls && (info->features & CURL_VERSION_SSL) == 0 ? LEASEHOLD_ERR_UNSUPPORTED : 0;
}

/* ---- sockets ---- */

static void http_socket_reset(struct http_socket *s)
{
    struct linger none = { .l_onoff = 1, .l_linger = 0 }; /* close() then sends RST: the peer knows at once */
    (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static struct http_socket *http_socket_find(struct http_pool *pool, int fd)
{
    struct http_socket *s = pool->sockets; /* at most HTTP_STREAMS_MAX + HTTP_OTHER_CONNECTIONS_MAX and a few idle ones */
    while (s != NULL && s->fd != fd)
        s = s->next;
    return s;
}

static void http_socket_drop(struct http_socket *s)
{
    struct http_pool *pool = s->pool;
    s->watch = loop_watch_free(pool->transport->loop, s->watch);
    if (s->call != NULL && s->call->socket == s)
        s->call->socket = NULL;
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        pool->sockets = s->next;
    if (s->next != NULL)
        s->next->previous = s->previous;
    free(s);
}

/* libcurl 7.88 closes a socket that is still connecting without calling the function it was given for that (cf-socket.c), and
 * so the number may be anybody's by now. */
static bool http_socket_is_gone(const struct http_socket *s)
{
    struct stat st;
    return fstat(s->fd, &st) != 0 || st.st_ino != s->inode;
}

static void http_set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value)); /* without it slower or later, not wrong */
}

static void http_set_options(int fd)
{
    http_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    http_set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, HTTP_USER_TIMEOUT_MS);
    http_set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, HTTP_KEEPALIVE_IDLE_S);
    http_set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, HTTP_KEEPALIVE_INTERVAL_S);
    http_set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, HTTP_KEEPALIVE_PROBES);
    http_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

static curl_socket_t http_on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_pool *pool = user;
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    struct http_socket *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return CURL_SOCKET_BAD;
    struct stat st;
    s->fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
    if (s->fd < 0 || fstat(s->fd, &st) != 0) {
        if (s->fd >= 0)
            close(s->fd);
        free(s);
        return CURL_SOCKET_BAD;
    }
    struct http_socket *namesake = http_socket_find(pool, s->fd);
    if (namesake != NULL)
        http_socket_drop(namesake);
    http_set_options(s->fd);
    s->inode = st.st_ino;
    s->pool = pool;
    s->next = pool->sockets;
    if (s->next != NULL)
        s->next->previous = s;
    pool->sockets = s;
    return s->fd;
}

static int http_on_close_socket(void *user, curl_socket_t fd)
{
    struct http_pool *pool = user;
    struct http_socket *s = http_socket_find(pool, fd);
    if (s != NULL) {
        if (pool->abandoning)
            http_socket_reset(s);
        http_socket_drop(s);
    }
    close(fd);
    return 0;
}

void http_pool_distrust(struct http_pool *pool)
{
    /* libcurl looks whether a connection still lives before it uses it again, and so finds these dead. */
    for (struct http_socket *s = pool->sockets, *next; s != NULL; s = next) {
        next = s->next;
        if (s->call != NULL)
            continue;
        if (http_socket_is_gone(s))
            http_socket_drop(s);
        else
            (void)shutdown(s->fd, SHUT_RDWR);
    }
}

/* ---- the multi handle on the loop ---- */

static void http_collect(struct http_pool *pool)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; /* the message dies with the handle's removal */
        CURL *easy = message->easy_handle;
        struct transport_call *call = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
        http_call_finished(call, code);
    }
    http_deliver(pool->transport);
}

static void http_act(struct http_pool *pool, curl_socket_t fd, int mask)
{
    struct http_pipe pipe;
    int running;
    http_pipe_enter(&pipe);
    curl_multi_socket_action(pool->multi, fd, mask, &running);
    http_pipe_leave(&pipe);
    http_collect(pool);
}

static void http_on_timer(void *user, leasehold_time now)
{
    (void)now;
    http_act(user, CURL_SOCKET_TIMEOUT, 0);
}

static void http_on_socket(void *user, uint32_t events, leasehold_time now)
{
    struct http_socket *s = user;
    struct http_pool *pool = s->pool;
    int mask = 0;
    (void)now;
    if ((events & EPOLLIN) != 0)
        mask |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0)
        mask |= CURL_CSELECT_OUT;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) /* told as an error alone, libcurl would not look what it is */
        mask |= ((s->events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((s->events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
    http_act(pool, s->fd, mask);
}

static int http_want_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct http_pool *pool = user;
    (void)multi;
    loop_timer_set(pool->transport->loop, &pool->timer,
                   timeout_ms < 0 ? LEASEHOLD_NEVER : time_sum(clock_now().boot_ns, timeout_ms * INT64_C(1000000)));
    return 0;
}

/* Watches `s` for `events`. Returns 0 or a negative error. */
static int http_socket_watch(struct http_socket *s, uint32_t events)
{
    struct loop *loop = s->pool->transport->loop;
    s->events = events;
    if (s->watch == NULL)
        return loop_watch_new(loop, s->fd, events, http_on_socket, s, &s->watch);
    return loop_watch_modify(loop, s->watch, events);
}

static int http_want_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct http_pool *pool = user;
    /* by its number and not by curl_multi_assign(), whose pointer would outlive a socket closed behind our back */
    struct http_socket *s = http_socket_find(pool, fd);
    (void)socket_user;
    if (s == NULL)
        return 0; /* none of ours: the one libcurl keeps for waking itself */
    struct transport_call *call = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
    if (what == CURL_POLL_REMOVE) {
        s->watch = loop_watch_free(pool->transport->loop, s->watch);
        if (s->call != NULL && s->call->socket == s)
            s->call->socket = NULL;
        s->call = NULL;
        if (http_socket_is_gone(s))
            http_socket_drop(s);
        return 0;
    }
    s->call = call;
    if (call != NULL)
        call->socket = s;
    uint32_t events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) | ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0);
    /* An error returned from here would make the whole multi handle unusable; a call that cannot be watched ends instead. */
    if (http_socket_watch(s, events) != 0 && call != NULL) {
        call->fault = HTTP_FAULT_MEMORY;
        http_call_set_expiry(call, 0);
    }
    return 0;
}

int http_pool_init(struct http_pool *pool, struct http_transport *transport, long idle_max)
{
    pool->transport = transport;
    loop_timer_init(&pool->timer, http_on_timer, pool);
    pool->multi = curl_multi_init();
    if (pool->multi == NULL)
        return LEASEHOLD_ERR_MEMORY;
    bool good = curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, http_want_socket) == CURLM_OK &&
                curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool) == CURLM_OK &&
                curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, http_want_timer) == CURLM_OK &&
                curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool) == CURLM_OK &&
                curl_multi_setopt(pool->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) == CURLM_OK &&
                curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, idle_max) == CURLM_OK;
    return good ? 0 : LEASEHOLD_ERR_MEMORY;
}

void http_pool_close(struct http_pool *pool)
{
    if (pool->multi == NULL)
        return;
    http_pool_distrust(pool); /* newer versions of libcurl would wait for the peers' farewell otherwise */
    struct http_pipe pipe;
    http_pipe_enter(&pipe);
    curl_multi_cleanup(pool->multi);
    http_pipe_leave(&pipe);
    pool->multi = NULL;
    loop_timer_set(pool->transport->loop, &pool->timer, LEASEHOLD_NEVER);
    for (struct http_socket *s = pool->sockets, *next; s != NULL; s = next) {
        next = s->next;
        http_socket_drop(s);
    }
}

/* ---- one request ---- */

/* The request is about to be written to a connection that stands. Refuses one whose time is over: the process may have been
 * frozen since it was started. */
static bool http_may_send(struct transport_call *call)
{
    if (clock_now().boot_ns >= call->expiry.key) {
        call->fault = HTTP_FAULT_LATE;
        return false;
    }
    call->maybe_sent = true;
    return true;
}

#if LIBCURL_VERSION_NUM >= 0x075000
static int http_on_prerequest(void *user, char *to, char *from, int to_port, int from_port)
{
    struct transport_call *call = user;
    (void)to, (void)from, (void)to_port, (void)from_port;
    call->repeated = call->repeated || call->maybe_sent;
    return http_may_send(call) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}
#else
static int http_on_debug(CURL *easy, curl_infotype type, char *data, size_t size, void *user)
{
    struct transport_call *call = user;
    (void)easy, (void)data, (void)size;
    if (type == CURLINFO_HEADER_OUT)
        call->repeated = call->repeated || call->maybe_sent;
    if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT)
        (void)http_may_send(call);
    return 0;
}
#endif

/* Retry-After in whole seconds; a date is not understood and left alone. */
static int64_t http_parse_retry_after(const char *value, size_t size)
{
    int64_t seconds = 0;
    size_t i = 0;
    while (i < size && (value[i] == ' ' || value[i] == '\t'))
        i++;
    size_t digits = i;
    for (; i < size && value[i] >= '0' && value[i] <= '9'; i++)
        if (seconds < HTTP_RETRY_AFTER_MAX_S)
            seconds = seconds * 10 + (value[i] - '0');
    while (i < size && (value[i] == ' ' || value[i] == '\t' || value[i] == '\r' || value[i] == '\n'))
        i++;
    if (i < size || digits == i || value[digits] < '0' || value[digits] > '9')
        return 0;
    return (seconds < HTTP_RETRY_AFTER_MAX_S ? seconds : HTTP_RETRY_AFTER_MAX_S) * INT64_C(1000000000);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" in microseconds since 1970; 0 for what is none. */
static int64_t http_parse_date(const char *value, size_t size)
{
    char text[64];
    if (size >= sizeof(text))
        return 0;
    memcpy(text, value, size);
    text[size] = '\0';
    time_t at = curl_getdate(text, NULL);
    return at > 0 ? (int64_t)at * 1000000 : 0;
}

/* The answer will not be taken: what is left of it is refused with RST. Returns what makes libcurl give up. */
static size_t http_refuse(struct transport_call *call, enum http_fault fault)
{
    call->fault = fault;
    if (call->socket != NULL)
        http_socket_reset(call->socket);
    return 0;
}

static size_t http_on_header(char *data, size_t one, size_t size, void *user)
{
    static const char retry_after[] = "retry-after:", date[] = "date:";
    struct transport_call *call = user;
    (void)one;
    call->headers_size += size;
    if (call->headers_size > HTTP_HEADERS_MAX)
        return http_refuse(call, HTTP_FAULT_HEADERS);
    size_t name = sizeof(retry_after) - 1, date_name = sizeof(date) - 1;
    if (size >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        call->status = 0;
        call->retry_after_ns = call->date_us = 0; /* the headers of an interim answer (100, 103) do not count */
    } else if (size > name && strncasecmp(data, retry_after, name) == 0) {
        call->retry_after_ns = http_parse_retry_after(data + name, size - name);
    } else if (size > date_name && strncasecmp(data, date, date_name) == 0) {
        call->date_us = http_parse_date(data + date_name, size - date_name);
    } else if (size <= 2 && (size == 0 || data[0] == '\r' || data[0] == '\n')) {
        long status = 0;
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        call->status = status >= 200 ? (int)status : 0; /* an interim answer is none */
        int64_t certificate_us = http_tls_certificate_us(call);
        call->certificate_us = certificate_us != 0 ? certificate_us : call->certificate_us;
        if (call->stream && status == 200 && !call->open) {
            call->open = call->tell_open = true;
            http_call_set_expiry(call, LEASEHOLD_NEVER); /* the idle limit runs from when this is told */
            http_call_set_ready(call);
        }
    }
    return size;
}

static size_t http_on_body(char *data, size_t one, size_t size, void *user)
{
    struct transport_call *call = user;
    (void)one;
    /* What a stream delivers is handed on as soon as libcurl returns, so that only one turn's worth gathers here. */
    if (!call->open && size > call->body_max - call->body_size)
        return http_refuse(call, HTTP_FAULT_BODY);
    size_t need = call->body_size + size + 1;
    if (need > call->body_capacity) {
        size_t capacity = call->body_capacity * 2 > need ? call->body_capacity * 2 : need;
        char *body = realloc(call->body, capacity);
        if (body == NULL)
            return http_refuse(call, HTTP_FAULT_MEMORY);
        call->body = body;
        call->body_capacity = capacity;
    }
    memcpy(call->body + call->body_size, data, size);
    call->body_size += size;
    call->body[call->body_size] = '\0';
    if (call->open)
        http_call_set_ready(call);
    return size;
}

static bool __attribute__((format(printf, 2, 3))) http_append(struct curl_slist **list, const char *format, ...)
{
    char *line = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&line, format, arguments);
    va_end(arguments);
    if (size < 0)
        return false;
    struct curl_slist *grown = curl_slist_append(*list, line);
    explicit_bzero(line, (size_t)size); /* may be the token */
    free(line);
    if (grown == NULL)
        return false;
    *list = grown;
    return true;
}

static bool http_build_headers(struct transport_call *call, leasehold_time now)
{
    const struct kube_config *config = call->transport->config;
    const struct kube_exec_answer *answer = http_exec_answer(call->transport);
    const char *token = answer != NULL ? answer->token : kube_token_now(call->transport->token, now.boot_ns);
    struct curl_slist **list = &call->headers;
    bool good = http_append(list, "Accept: application/json") && http_append(list, "Expect:");
    if (good && call->request_body != NULL) /* libcurl would say it is a form */
        good = call->content_type != NULL ? http_append(list, "Content-Type: %s", call->content_type) : http_append(list, "Content-Type:");
    if (good && token != NULL)
        good = http_append(list, "Authorization: Bearer %s", token);
    if (good && config->tls_server_name != NULL)
        good = http_append(list, "Host: %s%s%s:%u", strchr(config->host, ':') != NULL ? "[" : "", config->host,
                           strchr(config->host, ':') != NULL ? "]" : "", (unsigned)config->port);
    return good;
}

/* "https://host:port" of where the request appears to go: the server's name as its certificate has it. */
static char *http_build_url(const struct transport_call *call)
{
    const struct kube_config *config = call->transport->config;
    const char *host = config->tls_server_name != NULL ? config->tls_server_name : config->host;
    bool bracket = strchr(host, ':') != NULL;
    char *url = NULL;
    if (asprintf(&url, "%s://%s%s%s:%u%s%s", config->tls ? "https" : "http", bracket ? "[" : "", host, bracket ? "]" : "",
                 (unsigned)config->port, config->path_prefix, call->path) < 0)
        return NULL;
    return url;
}

/* Where it goes really, in numbers: libcurl never has to ask a resolver. */
static bool http_build_route(struct transport_call *call)
{
    const struct kube_config *config = call->transport->config;
    unsigned port = config->port;
    bool bracket = strchr(config->host, ':') != NULL;
    if (config->tls_server_name != NULL &&
        !http_append(&call->connect_to, "::%s%s%s:%u", bracket ? "[" : "", config->host, bracket ? "]" : "", port))
        return false;
    if (call->transport->resolver == NULL)
        return true;
    const struct kube_proxy *proxy = &config->proxy;
    return http_append(&call->resolve, "%s:%u:%s", proxy->host != NULL ? proxy->host : config->host,
                       proxy->host != NULL ? (unsigned)proxy->port : port, resolver_addresses(call->transport->resolver));
}

#define HTTP_SET(option, ...) (code = code != CURLE_OK ? code : curl_easy_setopt(call->easy, option, __VA_ARGS__))

static CURLcode http_set_method(struct transport_call *call)
{
    CURLcode code = CURLE_OK;
    HTTP_SET(CURLOPT_HTTPGET, 1L);
    if (call->request_body != NULL) {
        HTTP_SET(CURLOPT_POST, 1L);
        HTTP_SET(CURLOPT_POSTFIELDS, (char *)call->request_body);
        HTTP_SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->request_body_size);
    }
    HTTP_SET(CURLOPT_CUSTOMREQUEST, call->method);
    HTTP_SET(CURLOPT_HTTPHEADER, call->headers);
    HTTP_SET(CURLOPT_USERAGENT, call->transport->user_agent);
    const struct kube_config *config = call->transport->config;
    if (config->username != NULL) {
        HTTP_SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC); /* at once, without being asked first */
        HTTP_SET(CURLOPT_USERNAME, config->username);
        HTTP_SET(CURLOPT_PASSWORD, config->password);
    }
    return code;
}

static CURLcode http_set_callbacks(struct transport_call *call)
{
    CURLcode code = CURLE_OK;
    HTTP_SET(CURLOPT_PRIVATE, (char *)call);
    HTTP_SET(CURLOPT_ERRORBUFFER, call->error);
    HTTP_SET(CURLOPT_HEADERFUNCTION, http_on_header);
    HTTP_SET(CURLOPT_HEADERDATA, call);
    HTTP_SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's clock and Retry-After are not the server's */
    HTTP_SET(CURLOPT_WRITEFUNCTION, http_on_body);
    HTTP_SET(CURLOPT_WRITEDATA, call);
    HTTP_SET(CURLOPT_OPENSOCKETFUNCTION, http_on_open_socket);
    HTTP_SET(CURLOPT_OPENSOCKETDATA, call->lane->pool);
    HTTP_SET(CURLOPT_CLOSESOCKETFUNCTION, http_on_close_socket);
    HTTP_SET(CURLOPT_CLOSESOCKETDATA, call->lane->pool);
#if LIBCURL_VERSION_NUM >= 0x075000
    HTTP_SET(CURLOPT_PREREQFUNCTION, http_on_prerequest);
    HTTP_SET(CURLOPT_PREREQDATA, call);
#else
    HTTP_SET(CURLOPT_VERBOSE, 1L);
    HTTP_SET(CURLOPT_DEBUGFUNCTION, http_on_debug);
    HTTP_SET(CURLOPT_DEBUGDATA, call);
#endif
    return code;
}

static CURLcode http_set_manners(struct transport_call *call, const char *url, int64_t left_ns)
{
    CURLcode code = CURLE_OK;
    HTTP_SET(CURLOPT_URL, url);
    HTTP_SET(CURLOPT_PATH_AS_IS, 1L);
    HTTP_SET(CURLOPT_RESOLVE, call->resolve);
    HTTP_SET(CURLOPT_CONNECT_TO, call->connect_to);
    HTTP_SET(CURLOPT_NOSIGNAL, 1L);
    HTTP_SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* a frozen HTTP/2 connection is picked again: DESIGN §4.12 */
    HTTP_SET(CURLOPT_HTTP09_ALLOWED, 0L);
    HTTP_SET(CURLOPT_FOLLOWLOCATION, 0L);
    /* Several addresses share what is left; the limit itself is kept by the loop, on the clock that counts sleep. */
    HTTP_SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ns / 1000000 < 300000 ? left_ns / 1000000 + 1 : 300000));
#if LIBCURL_VERSION_NUM >= 0x075500
    HTTP_SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    HTTP_SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    HTTP_SET(CURLOPT_QUICK_EXIT, 1L);
#endif
    return code;
}

static void http_call_drop_easy(struct transport_call *call)
{
    if (call->easy != NULL)
        curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->resolve);
    curl_slist_free_all(call->connect_to);
    call->easy = NULL;
    call->headers = call->resolve = call->connect_to = NULL;
}

int http_call_launch(struct transport_call *call, leasehold_time now)
{
    BUG_UNLESS(call->easy == NULL);
    char *url = http_build_url(call);
    call->easy = curl_easy_init();
    bool memory = url != NULL && call->easy != NULL && http_build_headers(call, now) && http_build_route(call);
    CURLcode code = memory ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    int64_t left_ns = call->expiry.key > now.boot_ns ? call->expiry.key - now.boot_ns : 0;
    if (code == CURLE_OK)
        code = http_set_manners(call, url, left_ns);
    if (code == CURLE_OK)
        code = http_proxy_set(call);
    if (code == CURLE_OK)
        code = http_set_callbacks(call);
    if (code == CURLE_OK)
        code = http_set_method(call);
    if (code == CURLE_OK && call->transport->config->tls)
        code = http_tls_set(call);
    free(url);
    call->maybe_sent = call->repeated;
    if (code == CURLE_OK && curl_multi_add_handle(call->lane->pool->multi, call->easy) != CURLM_OK)
        code = CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK)
        return 0;
    http_call_drop_easy(call);
    snprintf(call->sentence, sizeof(call->sentence), "%s: the request cannot be prepared (%s)", call->transport->origin,
             curl_easy_strerror(code));
    return LEASEHOLD_ERR_MEMORY;
}

void http_call_take_back(struct transport_call *call, bool reset)
{
    struct http_pool *pool = call->lane->pool;
    if (reset && call->socket != NULL) {
        http_socket_reset(call->socket);
        /* before libcurl closes it: a copy in a forked child would keep a closed one in the set for ever */
        call->socket->watch = loop_watch_free(pool->transport->loop, call->socket->watch);
    }
    /* A handle taken out in the middle closes its connection then and there. */
    pool->abandoning = reset;
    struct http_pipe pipe;
    http_pipe_enter(&pipe);
    curl_multi_remove_handle(pool->multi, call->easy);
    http_call_drop_easy(call);
    http_pipe_leave(&pipe);
    pool->abandoning = false;
    if (call->socket != NULL) {
        call->socket->call = NULL;
        call->socket = NULL;
    }
}
