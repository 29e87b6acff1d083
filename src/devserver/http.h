/* HTTP/1.1 on libevent's buffered sockets: connections, requests whole, answers and chunked streams out.
 *
 * Here: framing, limits, keep-alive, who left. Not here: what a request means. evhttp is not used: it (2.1) can neither limit
 * connections nor tell of one that left before a request, and faults need the socket itself (reset, freeze). */
#ifndef LEASEHOLD_DEVSERVER_HTTP_H
#define LEASEHOLD_DEVSERVER_HTTP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

struct devserver_http;
struct devserver_connection;

struct devserver_header {
    const char *name;
    const char *value;
};

/* Lives for the call of the handler. */
struct devserver_request {
    const char *method;
    const char *target;
    const struct devserver_header *headers;
    size_t header_count;
    const char *body; /* not NUL-ended */
    size_t body_bytes;
    const char *peer; /* address without port */
};

/* One whole request has arrived. The handler answers, or keeps `c` and answers later; it learns by the closed callback when the
 * client left before that. */
typedef void devserver_http_handler(void *user, struct devserver_connection *c, const struct devserver_request *request);

/* The connection is gone: the pointer is invalid after this call. */
typedef void devserver_http_closed(void *user);
/* Everything written so far has left. */
typedef void devserver_http_drained(void *user);

/* Listens on an already bound and listening socket (owned from now on). Never NULL. */
struct devserver_http *devserver_http_open(struct event_base *base, size_t connections_max, devserver_http_handler *handler, void *user);
/* Takes a listening descriptor; it is closed by devserver_http_unlisten(). */
void devserver_http_listen(struct devserver_http *h, int fd);
void devserver_http_unlisten(struct devserver_http *h);
/* Closes all connections; the closed callbacks are called. */
void devserver_http_close_all(struct devserver_http *h);
/* While frozen, connections are accepted and nothing is read from them. */
void devserver_http_freeze(struct devserver_http *h, bool frozen);
struct devserver_http *devserver_http_close(struct devserver_http *h);
size_t devserver_http_connection_count(const struct devserver_http *h);

/* Value of a header, any case of its name; NULL when absent. */
const char *devserver_header_value(const struct devserver_request *request, const char *name);

/* For a request under way: who to tell. NULL callbacks are fine; replaced by the next call, cleared by the end of an answer. */
void devserver_http_expect(struct devserver_connection *c, devserver_http_closed *closed, devserver_http_drained *drained, void *user);
/* One whole answer. headers: further header lines, each ended by CRLF, or NULL. */
void devserver_http_reply(struct devserver_connection *c, int code, const char *content_type, const char *headers, const char *body,
                          size_t body_bytes);
/* A chunked answer; its head leaves at once. */
void devserver_http_stream(struct devserver_connection *c, const char *content_type);
void devserver_http_chunk(struct devserver_connection *c, const char *data, size_t bytes);
void devserver_http_stream_end(struct devserver_connection *c);
/* Bytes written that have not left yet. */
size_t devserver_http_backlog(const struct devserver_connection *c);
/* Closes at once, without an answer; by RST where reset is true. No closed callback. */
void devserver_http_abort(struct devserver_connection *c, bool reset);

const char *devserver_http_reason(int code);

/* ---- head.c: pure ---- */

struct devserver_head {
    const char *method;
    const char *target;
    struct devserver_header headers[100];
    size_t header_count;
    bool http10;
};

enum devserver_head_outcome { DEVSERVER_HEAD_OK = 0, DEVSERVER_HEAD_BAD, DEVSERVER_HEAD_TOO_MANY, DEVSERVER_HEAD_VERSION };

/* Splits a NUL-ended head (request line and headers, without the empty line) in place. */
enum devserver_head_outcome devserver_head_parse(char *text, struct devserver_head *ret);

enum devserver_framing { DEVSERVER_FRAMING_NONE = 0, DEVSERVER_FRAMING_LENGTH, DEVSERVER_FRAMING_CHUNKED, DEVSERVER_FRAMING_BAD };

/* How the body is told apart; *ret_length for FRAMING_LENGTH (SIZE_MAX where the number is too large to be right). */
enum devserver_framing devserver_head_framing(const struct devserver_head *head, size_t *ret_length);

/* True when a comma separated header value has this token, any case. */
bool devserver_has_token(const char *value, const char *token);

#endif
