#include "httpd/httpd.h"

#include "election/bug.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DATE_BYTES = 32, /* of the Date header with its NUL */
    CHUNK_LINE_MAX = 1024,
    LINGER_S = 2,
    ACCEPT_PAUSE_MS = 100,
    INPUT_BYTES_MAX = HTTPD_HEAD_BYTES_MAX + HTTPD_BODY_BYTES_MAX + 64 * 1024
};

enum state {
    READING_HEAD = 0,
    READING_BODY,
    READING_CHUNK_SIZE,
    READING_CHUNK,
    READING_CHUNK_END,
    READING_TRAILERS,
    ANSWERING, /* the handler has the request */
    LINGERING  /* answered and to be closed; what still comes is thrown away, so that the client can read the answer */
};

struct httpd {
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *resume; /* accepting again after the descriptors ran out */
    httpd_handler *handler;
    void *user;
    size_t connections_max;
    size_t connections;
    bool frozen;
    struct httpd_connection *first;
};

struct httpd_connection {
    struct httpd *http;
    struct bufferevent *stream;
    enum state state;
    struct httpd_head *head;
    char *head_text;
    size_t scanned; /* bytes of input already searched for the end of the head */
    struct evbuffer *body;
    size_t body_left;
    struct timeval began; /* of the request being read; zero between requests */
    char peer[INET6_ADDRSTRLEN];
    bool keep_alive;
    bool streaming;
    bool in_handler; /* freeing waits until the handler has returned */
    bool doomed;
    bool peer_done; /* the client closed its side; what is written still leaves */
    httpd_closed *closed;
    httpd_drained *drained;
    void *user;
    struct httpd_connection *previous, *next;
};

/* ---- life and death ----------------------------------------------------------------------------------------------- */

static void set_timeouts(struct httpd_connection *c, int read_s)
{
    struct timeval read_after = { .tv_sec = read_s }, write_after = { .tv_sec = HTTPD_WRITE_S };
    bufferevent_set_timeouts(c->stream, read_s > 0 ? &read_after : NULL, &write_after);
}

static void forget_request(struct httpd_connection *c)
{
    free(c->head);
    free(c->head_text);
    c->head = NULL;
    c->head_text = NULL;
    evbuffer_drain(c->body, evbuffer_get_length(c->body));
    c->scanned = 0;
    c->closed = NULL;
    c->drained = NULL;
    c->user = NULL;
}

static void release(struct httpd_connection *c)
{
    struct httpd *h = c->http;
    forget_request(c);
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        h->first = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    h->connections--;
    bufferevent_free(c->stream);
    evbuffer_free(c->body);
    free(c);
}

/* The client left, or has to. */
static void drop(struct httpd_connection *c)
{
    httpd_closed *closed = c->closed;
    c->closed = NULL;
    c->drained = NULL;
    if (closed != NULL)
        closed(c->user);
    if (c->in_handler)
        c->doomed = true;
    else
        release(c);
}

void httpd_abort(struct httpd_connection *c, bool reset)
{
    evutil_socket_t fd = bufferevent_getfd(c->stream);
    if (reset && fd >= 0) {
        struct linger now = { .l_onoff = 1, .l_linger = 0 };
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    c->closed = NULL;
    drop(c);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* A request that cannot even be framed: one plain answer, then the end of the connection. */
static void refuse_framing(struct httpd_connection *c, int code, const char *why)
{
    char body[320];
    int size = snprintf(body, sizeof body,
                        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"%s\","
                        "\"reason\":\"%s\",\"code\":%d}\n",
                        why, code == 413 ? "RequestEntityTooLarge" : "BadRequest", code);
    c->keep_alive = false;
    c->state = ANSWERING;
    httpd_reply(c, code, "application/json", NULL, body, (size_t)size);
}

static void begin_body(struct httpd_connection *c)
{
    size_t length = 0;
    const struct httpd_request request = { .headers = c->head->headers, .header_count = c->head->header_count };
    const char *expect = httpd_header_value(&request, "Expect");
    const char *connection = httpd_header_value(&request, "Connection");

    c->keep_alive = c->head->http10 ? httpd_has_token(connection, "keep-alive") : !httpd_has_token(connection, "close");
    switch (httpd_head_framing(c->head, &length)) {
    case HTTPD_FRAMING_BAD:
        refuse_framing(c, 400, "Content-Length or Transfer-Encoding makes no sense");
        return;
    case HTTPD_FRAMING_CHUNKED:
        c->state = READING_CHUNK_SIZE;
        break;
    case HTTPD_FRAMING_NONE:
    case HTTPD_FRAMING_LENGTH:
        if (length > HTTPD_BODY_BYTES_MAX) {
            refuse_framing(c, 413, "Request entity too large: limit is 1048576");
            return;
        }
        c->state = READING_BODY;
        c->body_left = length;
        break;
    }
    if (expect != NULL && strcasecmp(expect, "100-continue") == 0 && evbuffer_get_length(bufferevent_get_input(c->stream)) == 0)
        bufferevent_write(c->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* Returns false when more input is needed. */
static bool read_head(struct httpd_connection *c, struct evbuffer *input)
{
    struct evbuffer_ptr from, end;
    size_t length = evbuffer_get_length(input);

    /* An empty line before a request is tolerated, as RFC 9112 asks. */
    while (c->scanned == 0 && length >= 2) {
        char start[2];
        evbuffer_copyout(input, start, 2);
        if (memcmp(start, "\r\n", 2) != 0)
            break;
        evbuffer_drain(input, 2);
        length -= 2;
    }
    if (length == 0)
        return false;
    size_t at = c->scanned > 3 ? c->scanned - 3 : 0;
    evbuffer_ptr_set(input, &from, at, EVBUFFER_PTR_SET);
    end = evbuffer_search(input, "\r\n\r\n", 4, &from);
    if (end.pos > HTTPD_HEAD_BYTES_MAX || (end.pos < 0 && length > HTTPD_HEAD_BYTES_MAX)) {
        refuse_framing(c, 431, "the head of the request is longer than 64 KiB");
        return true;
    }
    if (end.pos < 0) {
        c->scanned = length;
        return false;
    }
    size_t size = (size_t)end.pos;
    c->head_text = malloc(size + 1);
    c->head = calloc(1, sizeof *c->head);
    BUG_UNLESS(c->head_text != NULL && c->head != NULL);
    evbuffer_remove(input, c->head_text, size);
    evbuffer_drain(input, 4);
    c->head_text[size] = '\0';
    enum httpd_head_outcome outcome = strlen(c->head_text) == size ? httpd_head_parse(c->head_text, c->head) : HTTPD_HEAD_BAD;
    if (outcome == HTTPD_HEAD_OK)
        begin_body(c);
    else
        refuse_framing(c,
                       outcome == HTTPD_HEAD_TOO_MANY  ? 431
                       : outcome == HTTPD_HEAD_VERSION ? 505
                                                       : 400,
                       "the head of the request cannot be read as HTTP/1.1");
    return true;
}

static bool read_bytes(struct httpd_connection *c, struct evbuffer *input)
{
    int moved = evbuffer_remove_buffer(input, c->body, c->body_left);
    BUG_UNLESS(moved >= 0);
    c->body_left -= (size_t)moved;
    return c->body_left == 0;
}

/* One line of the chunked framing; NULL when it is not there yet. Owned by the caller. */
static char *read_line(struct httpd_connection *c, struct evbuffer *input)
{
    char *line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF_STRICT);
    if (line == NULL && evbuffer_get_length(input) > CHUNK_LINE_MAX)
        refuse_framing(c, 400, "a line of the chunked body is too long");
    return line;
}

static void begin_chunk(struct httpd_connection *c, const char *line)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 8 || (line[digits] != '\0' && line[digits] != ';' && line[digits] != ' ')) {
        refuse_framing(c, 400, "a chunk size cannot be read");
        return;
    }
    size_t size = (size_t)strtoul(line, NULL, 16);
    if (size + evbuffer_get_length(c->body) > HTTPD_BODY_BYTES_MAX) {
        refuse_framing(c, 413, "Request entity too large: limit is 1048576");
        return;
    }
    c->body_left = size;
    c->state = size > 0 ? READING_CHUNK : READING_TRAILERS;
}

static void hand_over(struct httpd_connection *c)
{
    size_t size = evbuffer_get_length(c->body);
    struct httpd_request request = {
        .method = c->head->method,
        .target = c->head->target,
        .headers = c->head->headers,
        .header_count = c->head->header_count,
        .body = size > 0 ? (const char *)evbuffer_pullup(c->body, -1) : "",
        .body_bytes = size,
        .peer = c->peer,
    };
    c->state = ANSWERING;
    set_timeouts(c, 0);
    c->http->handler(c->http->user, c, &request);
}

/* One step of reading; false when there is nothing to do before more input. */
static bool step(struct httpd_connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->stream);
    char *line;

    switch (c->state) {
    case READING_HEAD:
        return read_head(c, input);
    case READING_BODY:
        if (!read_bytes(c, input))
            return false;
        hand_over(c);
        return true;
    case READING_CHUNK:
        if (!read_bytes(c, input))
            return false;
        c->state = READING_CHUNK_END;
        return true;
    case READING_CHUNK_SIZE:
    case READING_CHUNK_END:
    case READING_TRAILERS:
        line = read_line(c, input);
        if (line == NULL)
            return c->state == ANSWERING;
        if (c->state == READING_CHUNK_SIZE)
            begin_chunk(c, line);
        else if (c->state == READING_CHUNK_END && line[0] == '\0')
            c->state = READING_CHUNK_SIZE;
        else if (c->state == READING_CHUNK_END)
            refuse_framing(c, 400, "a chunk does not end where it says");
        else if (line[0] == '\0')
            hand_over(c);
        free(line);
        return true;
    case ANSWERING:
        return false;
    case LINGERING:
        evbuffer_drain(input, evbuffer_get_length(input));
        return false;
    }
    return false;
}

static bool is_reading(const struct httpd_connection *c)
{
    return c->state < ANSWERING && (c->state != READING_HEAD || c->scanned > 0);
}

/* The timeout of the socket ends silence; a request that comes drop by drop is ended here. */
static void bound_request(struct httpd_connection *c)
{
    struct timeval now;
    if (!is_reading(c)) {
        c->began = (struct timeval){ 0 };
        return;
    }
    event_base_gettimeofday_cached(c->http->base, &now);
    if (c->began.tv_sec == 0) {
        c->began = now;
        set_timeouts(c, HTTPD_REQUEST_S);
    } else if (now.tv_sec - c->began.tv_sec > HTTPD_REQUEST_S) {
        refuse_framing(c, 408, "the request did not arrive whole in 30 s");
    }
}

static void advance(struct httpd_connection *c)
{
    if (c->in_handler || c->http->frozen)
        return;
    c->in_handler = true;
    while (!c->doomed && !c->http->frozen && step(c))
        c->began = is_reading(c) ? c->began : (struct timeval){ 0 };
    if (!c->doomed)
        bound_request(c);
    c->in_handler = false;
    if (c->doomed)
        release(c);
}

static void on_read(struct bufferevent *stream, void *user)
{
    (void)stream;
    advance(user);
}

static void on_write(struct bufferevent *stream, void *user)
{
    struct httpd_connection *c = user;
    if (c->state == LINGERING) {
        (void)shutdown(bufferevent_getfd(stream), SHUT_WR);
        if (c->peer_done)
            drop(c);
        return;
    }
    if (c->peer_done && c->state != ANSWERING) {
        drop(c);
        return;
    }
    if (c->drained != NULL)
        c->drained(c->user);
}

static void on_event(struct bufferevent *stream, short what, void *user)
{
    struct httpd_connection *c = user;
    /* Half-closed by a client that wants its answer still (`nc`): let what is written leave first. */
    if ((what & BEV_EVENT_EOF) != 0 && c->state != ANSWERING && evbuffer_get_length(bufferevent_get_output(stream)) > 0) {
        c->peer_done = true;
        return;
    }
    if ((what & BEV_EVENT_TIMEOUT) != 0 && (what & BEV_EVENT_READING) != 0 && is_reading(c)) {
        bufferevent_enable(stream, EV_READ);
        refuse_framing(c, 408, "the request did not arrive whole in 30 s");
        return;
    }
    drop(c);
}

/* ---- answering ---------------------------------------------------------------------------------------------------- */

void httpd_expect(struct httpd_connection *c, httpd_closed *closed, httpd_drained *drained, void *user)
{
    c->closed = closed;
    c->drained = drained;
    c->user = user;
}

/* The answer is written: on to the next request, or to the end. */
static void finish(struct httpd_connection *c)
{
    c->streaming = false;
    forget_request(c);
    if (!c->keep_alive || c->peer_done) {
        c->state = LINGERING;
        set_timeouts(c, LINGER_S);
        if (evbuffer_get_length(bufferevent_get_output(c->stream)) == 0)
            (void)shutdown(bufferevent_getfd(c->stream), SHUT_WR);
        return;
    }
    c->state = READING_HEAD;
    set_timeouts(c, HTTPD_IDLE_S);
    /* A next request may already lie in the buffer. Outside of the handler somebody else has to look. */
    if (!c->in_handler && evbuffer_get_length(bufferevent_get_input(c->stream)) > 0)
        bufferevent_trigger(c->stream, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

void httpd_reply(struct httpd_connection *c, int code, const char *content_type, const char *headers, const char *body, size_t body_bytes)
{
    BUG_UNLESS(c->state == ANSWERING && !c->streaming);
    struct evbuffer *output = bufferevent_get_output(c->stream);
    char date[DATE_BYTES];
    evutil_date_rfc1123(date, sizeof date, NULL);
    evbuffer_add_printf(
        output, "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nCache-Control: no-cache, private\r\nContent-Length: %zu\r\n%s%s\r\n",
        code, httpd_reason(code), date, content_type, body_bytes, c->keep_alive ? "" : "Connection: close\r\n",
        headers != NULL ? headers : "");
    /* A head that cannot be read has no method. */
    bool to_head = c->head != NULL && c->head->method != NULL && strcmp(c->head->method, "HEAD") == 0;
    if (!to_head)
        evbuffer_add(output, body, body_bytes);
    finish(c);
}

void httpd_stream(struct httpd_connection *c, const char *content_type)
{
    BUG_UNLESS(c->state == ANSWERING && !c->streaming);
    c->streaming = true;
    /* HTTP/1.0 knows no chunks: the end of the connection ends the stream. */
    if (c->head->http10)
        c->keep_alive = false;
    evbuffer_add_printf(bufferevent_get_output(c->stream),
                        "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-cache, private\r\n%s%s\r\n", content_type,
                        c->head->http10 ? "" : "Transfer-Encoding: chunked\r\n", c->keep_alive ? "" : "Connection: close\r\n");
}

void httpd_chunk(struct httpd_connection *c, const char *data, size_t bytes)
{
    BUG_UNLESS(c->streaming && bytes > 0);
    struct evbuffer *output = bufferevent_get_output(c->stream);
    if (c->head->http10) {
        evbuffer_add(output, data, bytes);
        return;
    }
    evbuffer_add_printf(output, "%zx\r\n", bytes);
    evbuffer_add(output, data, bytes);
    evbuffer_add(output, "\r\n", 2);
}

void httpd_stream_end(struct httpd_connection *c)
{
    BUG_UNLESS(c->streaming);
    if (!c->head->http10)
        evbuffer_add(bufferevent_get_output(c->stream), "0\r\n\r\n", 5);
    finish(c);
}

size_t httpd_backlog(const struct httpd_connection *c)
{
    return evbuffer_get_length(bufferevent_get_output(c->stream));
}

/* ---- accepting ---------------------------------------------------------------------------------------------------- */

static void peer_text(const struct sockaddr *address, char ret[INET6_ADDRSTRLEN])
{
    const void *bytes = address->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
                                                       : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    if (inet_ntop(address->sa_family, bytes, ret, INET6_ADDRSTRLEN) == NULL)
        ret[0] = '\0';
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size, void *user)
{
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
                               "Content-Type: text/plain\r\nContent-Length: 23\r\n\r\ntoo many connections.\r\n";
    struct httpd *h = user;
    int on = 1;
    (void)listener;
    (void)size;

    if (h->connections >= h->connections_max) {
        (void)!write(fd, full, sizeof full - 1);
        close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct httpd_connection *c = calloc(1, sizeof *c);
    BUG_UNLESS(c != NULL);
    c->http = h;
    c->body = evbuffer_new();
    c->stream = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
    BUG_UNLESS(c->body != NULL && c->stream != NULL);
    peer_text(address, c->peer);
    c->next = h->first;
    if (h->first != NULL)
        h->first->previous = c;
    h->first = c;
    h->connections++;
    bufferevent_setcb(c->stream, on_read, on_write, on_event, c);
    bufferevent_setwatermark(c->stream, EV_READ, 0, INPUT_BYTES_MAX);
    set_timeouts(c, HTTPD_IDLE_S);
    bufferevent_enable(c->stream, EV_WRITE);
    if (h->frozen)
        bufferevent_disable(c->stream, EV_READ);
    else
        bufferevent_enable(c->stream, EV_READ);
}

/* Out of descriptors: without a pause the listener would spin, as the connection stays in the backlog. */
static void on_accept_error(struct evconnlistener *listener, void *user)
{
    struct httpd *h = user;
    struct timeval pause = { .tv_usec = ACCEPT_PAUSE_MS * 1000L };
    evconnlistener_disable(listener);
    event_add(h->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *user)
{
    struct httpd *h = user;
    (void)fd;
    (void)what;
    if (h->listener != NULL)
        evconnlistener_enable(h->listener);
}

struct httpd *httpd_open(struct event_base *base, size_t connections_max, httpd_handler *handler, void *user)
{
    struct httpd *h = calloc(1, sizeof *h);
    BUG_UNLESS(h != NULL);
    *h = (struct httpd){ .base = base, .handler = handler, .user = user, .connections_max = connections_max };
    h->resume = evtimer_new(base, on_resume, h);
    BUG_UNLESS(h->resume != NULL);
    return h;
}

void httpd_listen(struct httpd *h, int fd)
{
    BUG_UNLESS(h->listener == NULL);
    h->listener = evconnlistener_new(h->base, on_accept, h, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    BUG_UNLESS(h->listener != NULL);
    evconnlistener_set_error_cb(h->listener, on_accept_error);
}

void httpd_unlisten(struct httpd *h)
{
    if (h->listener != NULL)
        evconnlistener_free(h->listener);
    h->listener = NULL;
    event_del(h->resume);
}

void httpd_close_all(struct httpd *h)
{
    struct httpd_connection *next;
    for (struct httpd_connection *c = h->first; c != NULL; c = next) {
        struct evbuffer *output = bufferevent_get_output(c->stream);
        next = c->next;
        /* Whole answers that only wait for the loop leave; what did not fit the socket's buffer is lost. */
        if (c->state != ANSWERING && evbuffer_get_length(output) > 0) {
            evbuffer_unfreeze(output, 1);
            (void)evbuffer_write(output, bufferevent_getfd(c->stream));
        }
        drop(c);
    }
}

void httpd_freeze(struct httpd *h, bool frozen)
{
    h->frozen = frozen;
    for (struct httpd_connection *c = h->first; c != NULL; c = c->next) {
        if (frozen) {
            bufferevent_disable(c->stream, EV_READ);
            continue;
        }
        bufferevent_enable(c->stream, EV_READ);
        if (evbuffer_get_length(bufferevent_get_input(c->stream)) > 0)
            bufferevent_trigger(c->stream, EV_READ, BEV_OPT_DEFER_CALLBACKS);
    }
}

struct httpd *httpd_close(struct httpd *h)
{
    if (h == NULL)
        return NULL;
    httpd_unlisten(h);
    httpd_close_all(h);
    BUG_UNLESS(h->first == NULL && h->connections == 0);
    event_free(h->resume);
    free(h);
    return NULL;
}

size_t httpd_connection_count(const struct httpd *h)
{
    return h->connections;
}
