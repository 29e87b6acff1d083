/* Requests and their connections against a well-behaved server. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness.h"
#include "leasehold/errors.h"

static struct server server;
static struct client client;

static void open_plain(server_fn *serve)
{
    memset(&client, 0, sizeof(client));
    server_start(&server, serve);
    client_open(&client, "127.0.0.1", server.port, NULL);
}

static void close_plain(void)
{
    client_close(&client);
    server_stop(&server);
}

static void a_get_is_asked_and_answered(void **state)
{
    (void)state;
    struct http_options options = { .user_agent = "leasehold/1.2 (\x01me)" };
    struct probe probe = { 0 };
    char request[SERVER_REQUEST_MAX];
    memset(&client, 0, sizeof(client));
    client.config.token = (char *)(uintptr_t) "secret";
    server_start(&server, serve_plainly);
    client_open(&client, "127.0.0.1", server.port, &options);
    leasehold_time before = clock_now();
    client_get(&client, &probe, "/api/v1?watch=false&x=%2F", S);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(probe.status, 200);
    assert_string_equal(probe.body, "{}");
    assert_true(probe.received.boot_ns > before.boot_ns && probe.received.boot_ns <= clock_now().boot_ns);
    server_copy_last(&server, request);
    assert_int_equal(strncmp(request, "GET /api/v1?watch=false&x=%2F HTTP/1.1\r\n", 40), 0);
    assert_non_null(strstr(request, "\r\nUser-Agent: leasehold/1.2 (?me)\r\n"));
    assert_non_null(strstr(request, "\r\nAccept: application/json\r\n"));
    assert_non_null(strstr(request, "\r\nAuthorization: Bearer secret\r\n"));
    assert_null(strstr(request, "Expect"));
    assert_null(strstr(request, "Content-"));
    probe_clear(&probe);
    close_plain();
}

static void bodies_are_sent_as_they_are(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    char request[SERVER_REQUEST_MAX];
    open_plain(serve_plainly);
    struct transport_request put = {
        .method = "PUT", .path = "/x", .content_type = "application/json", .body = "{\"a\":1}", .body_size = 7, .limit_ns = S
    };
    client_start(&client, &probe, &put);
    client_finish(&client, &probe);
    server_copy_last(&server, request);
    assert_int_equal(strncmp(request, "PUT /x HTTP/1.1\r\n", 17), 0);
    assert_non_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(request, "\r\nContent-Length: 7\r\n"));
    assert_string_equal(strstr(request, "\r\n\r\n") + 4, "{\"a\":1}");
    assert_null(strstr(request, "Authorization"));
    probe_clear(&probe);

    struct transport_request remove = { .method = "DELETE", .path = "/x", .limit_ns = S };
    client_start(&client, &probe, &remove);
    client_finish(&client, &probe);
    server_copy_last(&server, request);
    assert_int_equal(strncmp(request, "DELETE /x HTTP/1.1\r\n", 20), 0);
    probe_clear(&probe);

    struct transport_request post = { .method = "POST", .path = "/x", .body = "", .body_size = 0, .limit_ns = S };
    client_start(&client, &probe, &post);
    client_finish(&client, &probe);
    server_copy_last(&server, request);
    assert_non_null(strstr(request, "\r\nContent-Length: 0\r\n"));
    assert_null(strstr(request, "Content-Type"));
    probe_clear(&probe);
    close_plain();
}

static void a_connection_is_used_again(void **state)
{
    (void)state;
    open_plain(serve_plainly);
    for (int i = 0; i < 20; i++) {
        struct probe probe = { 0 };
        client_get(&client, &probe, "/x", S);
        client_finish(&client, &probe);
        assert_int_equal(probe.status, 200);
        probe_clear(&probe);
    }
    assert_int_equal(atomic_load(&server.requests), 20);
    assert_int_equal(atomic_load(&server.connections), 1);
    close_plain();
}

static void other_traffic_has_connections_of_its_own(void **state)
{
    (void)state;
    struct probe lock = { 0 }, other = { 0 };
    open_plain(serve_plainly);
    client_get(&client, &lock, "/lock", S);
    client_finish(&client, &lock);
    struct transport_request request = { .method = "GET", .path = "/o", .limit_ns = S, .priority = TRANSPORT_PRIORITY_OTHER };
    client_start(&client, &other, &request);
    client_finish(&client, &other);
    assert_int_equal(atomic_load(&server.connections), 2);
    probe_clear(&lock);
    probe_clear(&other);
    close_plain();
}

static void serve_slowly(struct server *s, int fd, unsigned index)
{
    (void)index;
    while (server_read(s, fd) && server_sleep(s, 50 * MS))
        server_answer(fd, 200, "{}");
}

static void lock_requests_go_by_deadline_on_few_connections(void **state)
{
    (void)state;
    enum { N = 8 };
    struct probe probes[N];
    memset(probes, 0, sizeof(probes));
    memset(&client, 0, sizeof(client));
    struct http_options options = { .lock_connections = 1 };
    server_start(&server, serve_slowly);
    client_open(&client, "127.0.0.1", server.port, &options);
    for (int i = 0; i < N; i++) { /* started in the order 0 to 7, due in the order 7 to 0 */
        char path[8];
        snprintf(path, sizeof(path), "/%d", i);
        client_start(&client, &probes[i],
                     &(struct transport_request){ .method = "GET", .path = path, .limit_ns = 5 * S, .deadline = { .boot_ns = 1000 - i } });
    }
    for (int i = 0; i < N; i++) {
        client_finish(&client, &probes[i]);
        probe_clear(&probes[i]);
    }
    assert_string_equal(server.order, "/7 /6 /5 /4 /3 /2 /1 /0 ");
    assert_int_equal(atomic_load(&server.connections), 1);
    close_plain();
}

static void at_most_four_lock_connections_open(void **state)
{
    (void)state;
    enum { N = 40 };
    struct probe probes[N];
    memset(probes, 0, sizeof(probes));
    open_plain(serve_slowly);
    for (int i = 0; i < N; i++)
        client_get(&client, &probes[i], "/x", 10 * S);
    for (int i = 0; i < N; i++) {
        client_finish(&client, &probes[i]);
        assert_int_equal(probes[i].outcome, TRANSPORT_ANSWERED);
        probe_clear(&probes[i]);
    }
    assert_int_equal(atomic_load(&server.connections), HTTP_LOCK_CONNECTIONS_MAX);
    close_plain();
}

static void serve_once_then_close(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_answer(fd, 200, "{}");
}

static void a_connection_closed_while_idle_is_replaced(void **state)
{
    (void)state;
    open_plain(serve_once_then_close);
    for (unsigned i = 0; i < 5; i++) {
        struct probe probe = { 0 };
        client_get(&client, &probe, "/x", S);
        client_finish(&client, &probe);
        assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
        probe_clear(&probe);
        assert_true(server_reaches(&server.ended, i + 1));
    }
    assert_int_equal(atomic_load(&server.connections), 5);
    close_plain();
}

static void serve_headers(struct server *s, int fd, unsigned index)
{
    (void)index;
    while (server_read(s, fd)) {
        char request[SERVER_REQUEST_MAX];
        server_copy_last(s, request);
        if (strstr(request, "/redirect") != NULL)
            server_write(fd, "HTTP/1.1 302 X\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\nno");
        else if (strstr(request, "/busy") != NULL)
            server_write(fd, "HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
        else if (strstr(request, "/date") != NULL)
            server_write(fd, "HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n");
        else if (strstr(request, "/forever") != NULL)
            server_write(fd, "HTTP/1.1 503 X\r\nRetry-After: 99999999999999999999999\r\nContent-Length: 0\r\n\r\n");
        else if (strstr(request, "/interim") != NULL)
            server_write(fd, "HTTP/1.1 103 X\r\nRetry-After: 9\r\n\r\nHTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nok");
        else if (strstr(request, "/chunked") != NULL)
            server_write(fd, "HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        else
            server_answer(fd, 500, "what?");
    }
}

static void answers_of_every_form_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int status;
        const char *body;
        int64_t retry_after_ns;
    } cases[] = {
        { "/redirect", 302, "no", 0 }, { "/busy", 429, "", 7 * S },     { "/date", 503, "", 0 },      { "/forever", 503, "", 86400 * S },
        { "/interim", 200, "ok", 0 },  { "/chunked", 201, "abcde", 0 }, { "/else", 500, "what?", 0 },
    };
    open_plain(serve_headers);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct probe probe = { 0 };
        client_get(&client, &probe, cases[i].path, S);
        client_finish(&client, &probe);
        assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
        assert_int_equal(probe.status, cases[i].status);
        assert_string_equal(probe.body, cases[i].body);
        assert_int_equal(probe.retry_after_ns, cases[i].retry_after_ns);
        probe_clear(&probe);
    }
    assert_int_equal(atomic_load(&server.requests), sizeof(cases) / sizeof(cases[0])); /* the redirect was not followed */
    close_plain();
}

static void what_cannot_be_a_request_is_refused(void **state)
{
    (void)state;
    static const struct transport_handler handler = { 0 };
    static const struct transport_handler good = { .on_answer = (void (*)(void *, const struct transport_answer *))abort };
    struct transport_call *call = NULL;
    (void)handler;
    open_plain(serve_plainly);
    const struct transport_request bad[] = {
        { .method = "GET", .path = "x", .limit_ns = S },
        { .method = "GET", .path = "/x y", .limit_ns = S },
        { .method = "GET", .path = "/x\r\nHost: y", .limit_ns = S },
        { .method = "G T", .path = "/x", .limit_ns = S },
        { .method = "", .path = "/x", .limit_ns = S },
        { .method = "GET", .path = "/x", .limit_ns = 0 },
        { .method = "PUT", .path = "/x", .limit_ns = S, .body = "x", .body_size = 1, .content_type = "a\r\nb: c" },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(client.t.operations->start(client.t.data, &bad[i], &good, NULL, &call), LEASEHOLD_ERR_ARGUMENT);
    assert_null(call);
    struct http_options options = { .lock_connections = HTTP_LOCK_CONNECTIONS_MAX + 1 };
    struct http_transport *none = NULL;
    assert_int_equal(http_transport_new(client.loop, &client.config, &options, &none), LEASEHOLD_ERR_ARGUMENT);
    assert_null(none);
    close_plain();
}

/* ---- starting and cancelling inside callbacks ---- */

static struct probe chained[50];
static unsigned chain_done;

static void start_the_next(struct probe *probe)
{
    chain_done++;
    size_t next = (size_t)(probe - chained) + 1;
    if (next < sizeof(chained) / sizeof(chained[0])) {
        chained[next].then = start_the_next;
        client_get(probe->client, &chained[next], "/x", S);
    }
}

static void a_callback_may_start_the_next_request(void **state)
{
    (void)state;
    open_plain(serve_plainly);
    chained[0].then = start_the_next;
    client_get(&client, &chained[0], "/x", S);
    assert_true(client_turn(&client, &chain_done, 50, 10 * S));
    for (int i = 0; i < 50; i++) {
        assert_int_equal(chained[i].status, 200);
        probe_clear(&chained[i]);
    }
    close_plain();
}

static struct probe *victim;

static void cancel_the_other(struct probe *probe)
{
    if (victim != NULL && victim->call != NULL)
        client_cancel(probe->client, victim);
}

static void a_callback_may_cancel_another_request(void **state)
{
    (void)state;
    struct probe first = { .then = cancel_the_other }, second = { 0 };
    open_plain(serve_slowly);
    victim = &second;
    client_get(&client, &first, "/1", S);
    client_get(&client, &second, "/2", S);
    client_finish(&client, &first);
    if (second.answers == 0) { /* unless the second was the first to be answered */
        assert_false(client_turn(&client, &second.answers, 1, 200 * MS));
        assert_null(second.call);
    }
    probe_clear(&first);
    probe_clear(&second);
    close_plain();
}

/* Answers nothing but what is asked for as the last. */
static void serve_the_last(struct server *s, int fd, unsigned index)
{
    char request[SERVER_REQUEST_MAX];
    (void)index;
    if (!server_read(s, fd))
        return;
    server_copy_last(s, request);
    if (strstr(request, "/last") != NULL)
        server_answer(fd, 200, "{}");
    server_wait_end(s, fd);
}

static void cancelled_requests_are_never_heard_of(void **state)
{
    (void)state;
    enum { N = 12 };
    struct probe probes[N], last = { 0 };
    memset(probes, 0, sizeof(probes));
    open_plain(serve_the_last);
    for (int i = 0; i < N; i++)
        client_get(&client, &probes[i], "/x", S);
    client_cancel(&client, &probes[0]); /* not even begun */
    assert_false(client_turn(&client, &last.answers, 1, 20 * MS));
    for (int i = 1; i < N; i++) /* some in flight, some waiting */
        client_cancel(&client, &probes[i]);
    client_get(&client, &last, "/last", S);
    client_finish(&client, &last);
    assert_int_equal(last.outcome, TRANSPORT_ANSWERED);
    for (int i = 0; i < N; i++)
        assert_int_equal(probes[i].answers, 0);
    assert_true(server_reaches(&server.resets, HTTP_LOCK_CONNECTIONS_MAX));
    probe_clear(&last);
    close_plain();
}

static void freeing_abandons_everything_with_a_reset(void **state)
{
    (void)state;
    struct probe probes[6], watch = { 0 };
    memset(probes, 0, sizeof(probes));
    open_plain(serve_the_last);
    for (int i = 0; i < 6; i++)
        client_get(&client, &probes[i], "/x", S);
    client_watch(&client, &watch, "/w", S, 0);
    assert_false(client_turn(&client, &probes[0].answers, 1, 20 * MS));
    assert_true(server_reaches(&server.requests, 5));
    client_close(&client);
    assert_true(server_reaches(&server.resets, 5));
    for (int i = 0; i < 6; i++)
        assert_int_equal(probes[i].answers, 0);
    server_stop(&server);
}

static void a_forked_child_does_not_touch_the_parents_connections(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_slowly);
    client_get(&client, &probe, "/x", S);
    assert_false(client_turn(&client, &probe.answers, 1, 20 * MS));
    pid_t pid = fork();
    if (pid == 0) {
        http_transport_free(client.transport);
        loop_free(client.loop);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(atomic_load(&server.resets), 0);
    probe_clear(&probe);
    close_plain();
}

/* TCP sockets of this process that a program it starts would inherit. */
static unsigned count_inherited_sockets(void)
{
    unsigned count = 0;
    for (int fd = 3; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD), domain = 0;
        socklen_t size = sizeof(domain);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0 && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_INET)
            count++;
    }
    return count;
}

static void connections_are_not_inherited(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_plainly);
    unsigned before = count_inherited_sockets();
    client_get(&client, &probe, "/x", S);
    client_finish(&client, &probe);
    assert_int_equal(atomic_load(&server.connections), 1);
    assert_int_equal(count_inherited_sockets(), before);
    probe_clear(&probe);
    close_plain();
}

/* ---- credentials ---- */

static void serve_the_new_token_only(struct server *s, int fd, unsigned index)
{
    (void)index;
    while (server_read(s, fd)) {
        char request[SERVER_REQUEST_MAX];
        server_copy_last(s, request);
        server_answer(fd, strstr(request, "Bearer new\r\n") != NULL ? 200 : 401, "{}");
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_401_reads_the_token_again_and_tries_once_more(void **state)
{
    (void)state;
    char path[] = "/tmp/leasehold-token-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path, "old\n");
    memset(&client, 0, sizeof(client));
    client.config.token_file = path;
    server_start(&server, serve_the_new_token_only);
    client_open(&client, "127.0.0.1", server.port, NULL);

    struct probe probe = { 0 };
    client_get(&client, &probe, "/1", S);
    client_finish(&client, &probe);
    assert_int_equal(probe.status, 401); /* twice with the old one, then told */
    assert_int_equal(atomic_load(&server.requests), 2);
    probe_clear(&probe);

    write_file(path, "new\n");
    client_get(&client, &probe, "/2", S);
    client_finish(&client, &probe);
    assert_int_equal(probe.status, 200);
    assert_int_equal(atomic_load(&server.requests), 4);
    probe_clear(&probe);

    write_file(path, ""); /* half-written: the last good one goes on */
    client_get(&client, &probe, "/3", S);
    client_finish(&client, &probe);
    assert_int_equal(probe.status, 200);
    assert_int_equal(atomic_load(&server.requests), 5);
    probe_clear(&probe);
    close_plain();
    unlink(path);
}

static void a_401_for_a_fixed_token_is_told_at_once(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    memset(&client, 0, sizeof(client));
    client.config.token = (char *)(uintptr_t) "old";
    server_start(&server, serve_the_new_token_only);
    client_open(&client, "127.0.0.1", server.port, NULL);
    client_get(&client, &probe, "/1", S);
    client_finish(&client, &probe);
    assert_int_equal(probe.status, 401);
    assert_string_equal(probe.body, "{}");
    assert_int_equal(atomic_load(&server.requests), 1);
    probe_clear(&probe);
    close_plain();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_is_asked_and_answered),
        cmocka_unit_test(bodies_are_sent_as_they_are),
        cmocka_unit_test(a_connection_is_used_again),
        cmocka_unit_test(other_traffic_has_connections_of_its_own),
        cmocka_unit_test(lock_requests_go_by_deadline_on_few_connections),
        cmocka_unit_test(at_most_four_lock_connections_open),
        cmocka_unit_test(a_connection_closed_while_idle_is_replaced),
        cmocka_unit_test(answers_of_every_form_are_read),
        cmocka_unit_test(what_cannot_be_a_request_is_refused),
        cmocka_unit_test(a_callback_may_start_the_next_request),
        cmocka_unit_test(a_callback_may_cancel_another_request),
        cmocka_unit_test(cancelled_requests_are_never_heard_of),
        cmocka_unit_test(freeing_abandons_everything_with_a_reset),
        cmocka_unit_test(a_forked_child_does_not_touch_the_parents_connections),
        cmocka_unit_test(connections_are_not_inherited),
        cmocka_unit_test(a_401_reads_the_token_again_and_tries_once_more),
        cmocka_unit_test(a_401_for_a_fixed_token_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
