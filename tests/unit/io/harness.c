#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- server ---- */

struct server_connection {
    struct server *server;
    int fd;
    unsigned index;
};

static void *server_connection_thread(void *argument)
{
    struct server_connection c = *(struct server_connection *)argument;
    free(argument);
    c.server->serve(c.server, c.fd, c.index);
    close(c.fd);
    atomic_fetch_add(&c.server->ended, 1);
    return NULL;
}

static void *server_thread(void *argument)
{
    struct server *server = argument;
    while (!atomic_load(&server->stopping)) {
        struct pollfd p = { .fd = server->listen_fd, .events = POLLIN };
        if (poll(&p, 1, 10) <= 0)
            continue;
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        unsigned index = atomic_load(&server->connections);
        if (fd < 0 || index >= SERVER_CONNECTIONS_MAX) {
            if (fd >= 0)
                close(fd);
            continue;
        }
        struct server_connection *c = malloc(sizeof(*c));
        *c = (struct server_connection){ server, fd, index };
        int on = 1; /* head and body are two writes: the second must not wait for the first one's acknowledgement */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        atomic_fetch_add(&server->connections, 1); /* before any answer; server_stop() joins this thread first */
        pthread_create(&server->threads[index], NULL, server_connection_thread, c);
    }
    return NULL;
}

void server_start(struct server *server, server_fn *serve)
{
    void *user = server->user;
    memset(server, 0, sizeof(*server));
    server->user = user;
    server->serve = serve;
    pthread_mutex_init(&server->mutex, NULL);
    server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    assert_int_equal(bind(server->listen_fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listen_fd, 128), 0);
    assert_int_equal(getsockname(server->listen_fd, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, server_thread, server), 0);
}

void server_stop(struct server *server)
{
    atomic_store(&server->stopping, true);
    pthread_join(server->thread, NULL);
    for (unsigned i = 0; i < atomic_load(&server->connections); i++)
        pthread_join(server->threads[i], NULL);
    close(server->listen_fd);
    pthread_mutex_destroy(&server->mutex);
}

/* Reads some; 0 at the end, -1 on a reset or when the server stops. */
static ssize_t server_receive(struct server *server, int fd, char *data, size_t size)
{
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (atomic_load(&server->stopping))
            return -1;
        if (poll(&p, 1, 10) <= 0)
            continue;
        ssize_t n = recv(fd, data, size, 0);
        if (n < 0 && errno == ECONNRESET)
            atomic_fetch_add(&server->resets, 1);
        return n;
    }
}

bool server_read(struct server *server, int fd)
{
    char *text = calloc(1, SERVER_REQUEST_MAX);
    size_t size = 0, whole = 0;
    while (whole == 0 || size < whole) {
        ssize_t n = server_receive(server, fd, text + size, SERVER_REQUEST_MAX - 1 - size);
        if (n <= 0) {
            free(text);
            return false;
        }
        size += (size_t)n;
        char *end = strstr(text, "\r\n\r\n");
        if (end == NULL || whole != 0)
            continue;
        char *length = strcasestr(text, "\r\nContent-Length:");
        whole = (size_t)(end + 4 - text) + (length != NULL ? (size_t)atoi(length + 17) : 0);
    }
    pthread_mutex_lock(&server->mutex);
    memcpy(server->last, text, SERVER_REQUEST_MAX);
    char *path = strchr(text, ' ');
    size_t used = strlen(server->order), length = path != NULL ? strcspn(path + 1, " ") : 0;
    if (used + length + 2 < sizeof(server->order))
        snprintf(server->order + used, sizeof(server->order) - used, "%.*s ", (int)length, path + 1);
    pthread_mutex_unlock(&server->mutex);
    free(text);
    atomic_fetch_add(&server->requests, 1);
    return true;
}

void server_write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        data += n;
        size -= (size_t)n;
    }
}

void server_write(int fd, const char *text)
{
    server_write_all(fd, text, strlen(text));
}

void server_answer(int fd, int status, const char *body)
{
    char head[256];
    snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status, strlen(body));
    server_write(fd, head);
    server_write(fd, body);
}

void server_wait_end(struct server *server, int fd)
{
    char data[4096];
    while (server_receive(server, fd, data, sizeof(data)) > 0)
        ;
}

bool server_reaches(atomic_uint *counter, unsigned value)
{
    for (int i = 0; i < 400; i++) {
        if (atomic_load(counter) >= value)
            return true;
        nanosleep(&(struct timespec){ .tv_nsec = 5 * MS }, NULL);
    }
    return false;
}

void server_copy_last(struct server *server, char text[SERVER_REQUEST_MAX])
{
    pthread_mutex_lock(&server->mutex);
    memcpy(text, server->last, SERVER_REQUEST_MAX);
    pthread_mutex_unlock(&server->mutex);
}

bool server_sleep(struct server *server, int64_t ns)
{
    for (; ns > 0 && !atomic_load(&server->stopping); ns -= 5 * MS)
        nanosleep(&(struct timespec){ .tv_nsec = 5 * MS }, NULL);
    return !atomic_load(&server->stopping);
}

void serve_plainly(struct server *server, int fd, unsigned index)
{
    (void)index;
    while (server_read(server, fd))
        server_answer(fd, 200, "{}");
}

/* ---- client ---- */

static void probe_on_open(void *user, leasehold_time received)
{
    struct probe *probe = user;
    probe->opens++;
    probe->received = received;
    if (probe->then != NULL)
        probe->then(probe);
}

static void probe_on_data(void *user, const char *data, size_t size, leasehold_time received)
{
    struct probe *probe = user;
    assert_int_equal(probe->opens, 1);
    assert_true(size > 0);
    probe->data = realloc(probe->data, probe->data_size + size + 1);
    memcpy(probe->data + probe->data_size, data, size);
    probe->data_size += size;
    probe->data[probe->data_size] = '\0';
    probe->chunks++;
    probe->received = received;
    if (probe->then != NULL)
        probe->then(probe);
}

static void probe_on_answer(void *user, const struct transport_answer *answer)
{
    struct probe *probe = user;
    probe->answers++;
    probe->outcome = answer->outcome;
    probe->status = answer->status;
    probe->body = malloc(answer->body_size + 1);
    memcpy(probe->body, answer->body, answer->body_size + 1);
    probe->body_terminated = answer->body[answer->body_size] == '\0';
    probe->body_size = answer->body_size;
    probe->retry_after_ns = answer->retry_after_ns;
    probe->received = answer->received;
    probe->call = NULL;
    snprintf(probe->sentence, sizeof(probe->sentence), "%s", answer->sentence);
    if (probe->then != NULL)
        probe->then(probe);
}

static const struct transport_handler probe_handler = { probe_on_open, probe_on_data, probe_on_answer };

void client_open_config(struct client *client, const struct kube_config *config, const struct http_options *options)
{
    assert_int_equal(loop_new(&client->loop), 0);
    assert_int_equal(http_transport_new(client->loop, config, options, &client->transport), 0);
    client->t = http_transport_interface(client->transport);
    client->longest_ns = 0;
}

void client_open(struct client *client, const char *host, uint16_t port, const struct http_options *options)
{
    client->config.host = (char *)(uintptr_t)host;
    client->config.port = port;
    client->config.path_prefix = (char *)(uintptr_t) "";
    client->config.source = (char *)(uintptr_t) "the test";
    snprintf(client->server, sizeof(client->server), "http://%s:%u", host, (unsigned)port);
    client->config.server = client->server;
    client_open_config(client, &client->config, options);
}

void client_close(struct client *client)
{
    client->transport = http_transport_free(client->transport);
    client->loop = loop_free(client->loop);
}

void client_start(struct client *client, struct probe *probe, const struct transport_request *request)
{
    probe->client = client;
    assert_int_equal(client->t.operations->start(client->t.data, request, &probe_handler, probe, &probe->call), 0);
}

void client_get(struct client *client, struct probe *probe, const char *path, int64_t limit_ns)
{
    client_start(client, probe, &(struct transport_request){ .method = "GET", .path = path, .limit_ns = limit_ns });
}

void client_watch(struct client *client, struct probe *probe, const char *path, int64_t limit_ns, int64_t idle_ns)
{
    client_start(client, probe,
                 &(struct transport_request){ .method = "GET",
                                              .path = path,
                                              .limit_ns = limit_ns,
                                              .idle_ns = idle_ns,
                                              .stream = true,
                                              .priority = TRANSPORT_PRIORITY_OTHER });
}

void client_cancel(struct client *client, struct probe *probe)
{
    client->t.operations->cancel(client->t.data, probe->call);
    probe->call = NULL;
}

/* How long a dispatch kept its thread: by the wall, unless the scheduler took the thread away in between (a busy machine is not
 * the client's fault); then by the processor time it used. Waiting for something is never the scheduler's doing. */
struct turn_clock {
    int64_t wall_ns, processor_ns;
    long preempted;
};

static struct turn_clock turn_clock_read(void)
{
    struct rusage usage;
    struct timespec processor;
    getrusage(RUSAGE_THREAD, &usage);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &processor);
    return (struct turn_clock){ clock_now().boot_ns, processor.tv_sec * S + processor.tv_nsec, usage.ru_nivcsw };
}

static int64_t turn_clock_took(struct turn_clock before)
{
    struct turn_clock after = turn_clock_read();
    return after.preempted != before.preempted ? after.processor_ns - before.processor_ns : after.wall_ns - before.wall_ns;
}

bool client_turn(struct client *client, const unsigned *counter, unsigned value, int64_t limit_ns)
{
    int64_t end = clock_now().boot_ns + limit_ns;
    while (*counter < value) {
        int64_t left = end - clock_now().boot_ns;
        if (left <= 0)
            return false;
        assert_true(loop_wait(client->loop, left) >= 0);
        struct turn_clock before = turn_clock_read();
        assert_int_equal(loop_dispatch(client->loop), 0);
        int64_t took = turn_clock_took(before);
        if (took > client->longest_ns)
            client->longest_ns = took;
    }
    return true;
}

void client_finish(struct client *client, struct probe *probe)
{
    assert_true(client_turn(client, &probe->answers, 1, 5 * S));
    assert_int_equal(probe->answers, 1);
    assert_true(probe->body_terminated);
    assert_true(probe->outcome == TRANSPORT_ANSWERED ? probe->sentence[0] == '\0' : probe->sentence[0] != '\0');
}

void probe_clear(struct probe *probe)
{
    free(probe->body);
    free(probe->data);
    memset(probe, 0, sizeof(*probe));
}
