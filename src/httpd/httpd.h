/* HTTP/1.1 on libevent's buffered sockets: connections, requests whole, answers and chunked streams out.
 *
 * Here: framing, limits, keep-alive, who left. Not here: what a request means. evhttp is not used: it (2.1) can neither limit
 * connections nor tell of one that left before a request, and faults need the socket itself (reset, freeze). */
#ifndef LEASEHOLD_HTTPD_HTTPD_H
#define LEASEHOLD_HTTPD_HTTPD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    HTTPD_HEAD_BYTES_MAX = 64 * 1024,   /* request line and headers: 431 beyond */
    HTTPD_HEADERS_MAX = 100,            /* header lines: 431 beyond */
    HTTPD_BODY_BYTES_MAX = 1024 * 1024, /* request body: 413 beyond */
    HTTPD_IDLE_S = 300,                 /* a connection without a request is closed after this */
    HTTPD_REQUEST_S = 30,               /* a request that does not arrive whole in this time is cut (408) */
    HTTPD_WRITE_S = 30,                 /* a client that takes nothing for this long is cut */
};

struct httpd;
struct httpd_connection;

struct httpd_header {
    const char *name;
    const char *value;
};

/* Lives for the call of the handler. */
struct httpd_request {
    const char *method;
    const char *target;
    const struct httpd_header *headers;
    size_t header_count;
    const char *body; /* not NUL-ended */
    size_t body_bytes;
    const char *peer; /* address without port */
};

/* One whole request has arrived. The handler answers, or keeps `c` and answers later; it learns by the closed callback when the
 * client left before that. */
typedef void httpd_handler(void *user, struct httpd_connection *c, const struct httpd_request *request);

/* The connection is gone: the pointer is invalid after this call. */
typedef void httpd_closed(void *user);
/* Everything written so far has left. */
typedef void httpd_drained(void *user);

/* A socket that listens on "ADDRESS:PORT" ("127.0.0.1:0", "[::1]:8080", "localhost:80"), close-on-exec and non-blocking. Looks no name
 * up. Returns the descriptor, or -1 with a sentence. */
int httpd_socket(const char *text, int backlog, char *error, size_t error_size);

/* Listens on an already bound and listening socket (owned from now on). Never NULL. */
struct httpd *httpd_open(struct event_base *base, size_t connections_max, httpd_handler *handler, void *user);
/* Takes a listening descriptor; it is closed by httpd_unlisten(). */
void httpd_listen(struct httpd *h, int fd);
void httpd_unlisten(struct httpd *h);
/* Closes all connections; the closed callbacks are called. */
void httpd_close_all(struct httpd *h);
/* While frozen, connections are accepted and nothing is read from them. */
void httpd_freeze(struct httpd *h, bool frozen);
struct httpd *httpd_close(struct httpd *h);
size_t httpd_connection_count(const struct httpd *h);

/* Value of a header, any case of its name; NULL when absent. */
const char *httpd_header_value(const struct httpd_request *request, const char *name);

/* For a request under way: who to tell. NULL callbacks are fine; replaced by the next call, cleared by the end of an answer. */
void httpd_expect(struct httpd_connection *c, httpd_closed *closed, httpd_drained *drained, void *user);
/* One whole answer; to HEAD without its body. headers: further header lines, each ended by CRLF, or NULL. */
void httpd_reply(struct httpd_connection *c, int code, const char *content_type, const char *headers, const char *body, size_t body_bytes);
/* A chunked answer; its head leaves at once. */
void httpd_stream(struct httpd_connection *c, const char *content_type);
void httpd_chunk(struct httpd_connection *c, const char *data, size_t bytes);
void httpd_stream_end(struct httpd_connection *c);
/* Bytes written that have not left yet. */
size_t httpd_backlog(const struct httpd_connection *c);
/* Closes at once, without an answer; by RST where reset is true. No closed callback. */
void httpd_abort(struct httpd_connection *c, bool reset);

const char *httpd_reason(int code);

/* ---- head.c: pure ---- */

struct httpd_head {
    const char *method;
    const char *target;
    struct httpd_header headers[HTTPD_HEADERS_MAX];
    size_t header_count;
    bool http10;
};

enum httpd_head_outcome { HTTPD_HEAD_OK = 0, HTTPD_HEAD_BAD, HTTPD_HEAD_TOO_MANY, HTTPD_HEAD_VERSION };

/* Splits a NUL-ended head (request line and headers, without the empty line) in place. */
enum httpd_head_outcome httpd_head_parse(char *text, struct httpd_head *ret);

enum httpd_framing { HTTPD_FRAMING_NONE = 0, HTTPD_FRAMING_LENGTH, HTTPD_FRAMING_CHUNKED, HTTPD_FRAMING_BAD };

/* How the body is told apart; *ret_length for FRAMING_LENGTH (SIZE_MAX where the number is too large to be right). */
enum httpd_framing httpd_head_framing(const struct httpd_head *head, size_t *ret_length);

/* True when a comma separated header value has this token, any case. */
bool httpd_has_token(const char *value, const char *token);

#endif
