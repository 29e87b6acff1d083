/* What the tests of the HTTP room share: a server whose behaviour is one function per connection, on threads of its own, and a
 * client that turns the loop and times every dispatch. */
#ifndef TESTS_UNIT_IO_HARNESS_H
#define TESTS_UNIT_IO_HARNESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/clock.h"
#include "io/http.h"
#include "io/loop.h"

#define MS INT64_C(1000000)
#define S INT64_C(1000000000)

/* ---- server ---- */

enum { SERVER_CONNECTIONS_MAX = 128, SERVER_REQUEST_MAX = 16384 };

struct server;
/* Serves connection number `index` (from 0) of the server; closes nothing: the server does when it returns. */
typedef void server_fn(struct server *server, int fd, unsigned index);

struct server {
    server_fn *serve;
    void *user;
    int listen_fd;
    uint16_t port;
    pthread_t thread;
    pthread_t threads[SERVER_CONNECTIONS_MAX];
    atomic_uint connections, requests, resets, ended; /* resets: connections that ended with ECONNRESET */
    atomic_bool stopping;
    pthread_mutex_t mutex;
    char last[SERVER_REQUEST_MAX]; /* the last request, under the mutex */
    char order[1024];              /* the paths of all requests, each followed by a space */
};

void server_start(struct server *server, server_fn *serve);
void server_stop(struct server *server);
/* Reads one request into server->last. False at the end of the connection. */
bool server_read(struct server *server, int fd);
void server_write(int fd, const char *text);
void server_write_all(int fd, const char *data, size_t size);
void server_answer(int fd, int status, const char *body);
/* Waits for the peer's end, and counts it where it is a reset. */
void server_wait_end(struct server *server, int fd);
/* True once `counter` is at least `value`, within two seconds. */
bool server_reaches(atomic_uint *counter, unsigned value);
void server_copy_last(struct server *server, char text[SERVER_REQUEST_MAX]);
/* Sleeps in small steps; false when the server is being stopped. */
bool server_sleep(struct server *server, int64_t ns);

/* Serves every request with 200 and {}, until the client goes. */
void serve_plainly(struct server *server, int fd, unsigned index);

/* ---- client ---- */

struct probe {
    struct client *client;
    unsigned answers, opens, chunks;
    enum transport_outcome outcome;
    int status;
    char *body, *data; /* data: of a stream */
    size_t body_size, data_size;
    int64_t retry_after_ns;
    char sentence[1024];
    leasehold_time received;
    struct transport_call *call;
    void (*then)(struct probe *probe); /* called at the end of each callback */
    bool body_terminated;
};

struct client {
    struct loop *loop;
    struct http_transport *transport;
    struct transport t;
    struct kube_config config;
    char server[64];
    int64_t longest_ns; /* the longest dispatch */
};

void client_open(struct client *client, const char *host, uint16_t port, const struct http_options *options);
void client_open_config(struct client *client, const struct kube_config *config, const struct http_options *options);
void client_close(struct client *client);
/* Starts a GET of `path` with this limit and lock priority; asserts that it started. */
void client_get(struct client *client, struct probe *probe, const char *path, int64_t limit_ns);
void client_watch(struct client *client, struct probe *probe, const char *path, int64_t limit_ns, int64_t idle_ns);
void client_start(struct client *client, struct probe *probe, const struct transport_request *request);
void client_cancel(struct client *client, struct probe *probe);
/* Turns the loop until *counter reaches value (true) or the time is over (false). */
bool client_turn(struct client *client, const unsigned *counter, unsigned value, int64_t limit_ns);
/* The same until the probe has its answer; asserts that it comes within 5 s, once. */
void client_finish(struct client *client, struct probe *probe);
void probe_clear(struct probe *probe);

#endif
