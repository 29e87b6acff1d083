/* What a server or a network can do to a request, and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness.h"
#include "leasehold/errors.h"

enum { LARGE = 10 << 20 };

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

/* One GET with this limit must end like this. */
static void expect(server_fn *serve, int64_t limit_ns, enum transport_outcome outcome, const char *sentence)
{
    struct probe probe = { 0 };
    open_plain(serve);
    int64_t before = clock_now().boot_ns;
    client_get(&client, &probe, "/x", limit_ns);
    client_finish(&client, &probe);
    int64_t took = clock_now().boot_ns - before;
    assert_int_equal(probe.outcome, outcome);
    assert_true(took < limit_ns + 500 * MS);
    if (outcome != TRANSPORT_ANSWERED) {
        assert_int_equal(probe.status, 0);
        assert_int_equal(probe.body_size, 0);
        if (strstr(probe.sentence, sentence) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", probe.sentence, sentence);
    }
    probe_clear(&probe);
    close_plain();
}

static void serve_nothing(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_wait_end(s, fd);
}

static void never_answering_is_a_timeout_with_reset(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_nothing);
    int64_t before = clock_now().boot_ns;
    client_get(&client, &probe, "/x", 100 * MS);
    client_finish(&client, &probe);
    int64_t took = clock_now().boot_ns - before;
    assert_int_equal(probe.outcome, TRANSPORT_TIMED_OUT);
    assert_non_null(strstr(probe.sentence, "did not answer GET within 0.1s"));
    assert_true(took >= 100 * MS && took < 400 * MS);
    assert_true(server_reaches(&server.resets, 1));
    probe_clear(&probe);
    close_plain();
}

/* The first connection answers once and then freezes. */
static void serve_then_freeze(struct server *s, int fd, unsigned index)
{
    while (server_read(s, fd)) {
        if (index < 2 && atomic_load(&s->requests) > 2) {
            server_wait_end(s, fd);
            return;
        }
        server_sleep(s, 20 * MS);
        server_answer(fd, 200, "{}");
    }
}

static void after_a_timeout_no_old_connection_is_used(void **state)
{
    (void)state;
    struct probe a = { 0 }, b = { 0 }, c = { 0 };
    open_plain(serve_then_freeze);
    client_get(&client, &a, "/a", S);
    client_get(&client, &b, "/b", S);
    client_finish(&client, &a);
    client_finish(&client, &b);
    assert_int_equal(atomic_load(&server.connections), 2);
    probe_clear(&a);
    probe_clear(&b);
    client_get(&client, &a, "/frozen", 100 * MS);
    client_finish(&client, &a);
    assert_int_equal(a.outcome, TRANSPORT_TIMED_OUT);
    client_get(&client, &c, "/again", S); /* not on the other old one, which froze as well */
    client_finish(&client, &c);
    assert_int_equal(c.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(atomic_load(&server.connections), 3);
    assert_true(server_reaches(&server.ended, 2));
    probe_clear(&a);
    probe_clear(&c);
    close_plain();
}

/* Answers one request; hangs up on the second, and from then on nobody listens. */
static void serve_once_and_vanish(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (!server_read(s, fd))
        return;
    server_answer(fd, 200, "{}");
    if (server_read(s, fd))
        shutdown(s->listen_fd, SHUT_RDWR);
}

/* libcurl sends again by itself when a used connection ends without an answer; that its second attempt is refused does not make
 * the first one unsent. */
static void a_request_lost_on_a_used_connection_may_have_been_sent(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_once_and_vanish);
    client_get(&client, &probe, "/1", S);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
    probe_clear(&probe);
    client_get(&client, &probe, "/2", S);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_BROKEN);
    assert_int_equal(atomic_load(&server.requests), 2);
    probe_clear(&probe);
    close_plain();
}

static void close_with_reset(int fd)
{
    struct linger none = { 1, 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static void serve_reset(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        close_with_reset(fd);
}

static void serve_reset_within(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (!server_read(s, fd))
        return;
    server_write(fd, "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{\"a\":");
    server_sleep(s, 20 * MS);
    close_with_reset(fd);
}

static void serve_close(struct server *s, int fd, unsigned index)
{
    (void)index;
    server_read(s, fd);
}

static void serve_close_within(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_write(fd, "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{\"a\":");
}

static void serve_close_within_headers(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_write(fd, "HTTP/1.1 200 X\r\nContent-Le");
}

static void serve_close_within_chunk(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_write(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"a\":");
}

static void serve_bad_chunk(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_write(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n{\"a\":");
}

static void serve_interim_only(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_write(fd, "HTTP/1.1 103 X\r\n\r\n");
}

static void serve_another_protocol(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_write(fd, "HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
}

/* Answers once, takes the second request without a word, and refuses it when it comes again. */
static void serve_refusing_copies(struct server *s, int fd, unsigned index)
{
    if (!server_read(s, fd))
        return;
    server_answer(fd, index == 0 ? 200 : *(int *)s->user, "{}");
    if (index == 0)
        server_read(s, fd);
    else
        server_wait_end(s, fd);
}

static void what_becomes_of_a_copy_says_nothing_of_the_first(void **state)
{
    (void)state;
    static const struct {
        int status;
        bool write;
        enum transport_outcome outcome;
    } cases[] = {
        { 429, true, TRANSPORT_BROKEN },   { 403, true, TRANSPORT_BROKEN },   { 401, true, TRANSPORT_BROKEN },
        { 409, true, TRANSPORT_ANSWERED }, { 200, true, TRANSPORT_ANSWERED }, { 429, false, TRANSPORT_ANSWERED },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct probe probe = { 0 };
        int status = cases[i].status;
        struct transport_request request = { .method = "PUT", .path = "/2", .body = "{}", .body_size = 2, .limit_ns = S };
        server.user = &status;
        open_plain(serve_refusing_copies);
        client_get(&client, &probe, "/1", S);
        client_finish(&client, &probe);
        assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
        probe_clear(&probe);
        if (cases[i].write)
            client_start(&client, &probe, &request);
        else
            client_get(&client, &probe, "/2", S);
        client_finish(&client, &probe);
        assert_int_equal(atomic_load(&server.requests), 3);
        assert_int_equal(probe.outcome, cases[i].outcome);
        if (probe.outcome == TRANSPORT_BROKEN)
            assert_non_null(strstr(probe.sentence, "the second attempt was refused with"));
        probe_clear(&probe);
        close_plain();
    }
}

static void connections_that_end_too_early_are_broken(void **state)
{
    (void)state;
    expect(serve_reset, S, TRANSPORT_BROKEN, "broke off");
    expect(serve_reset_within, S, TRANSPORT_BROKEN, "broke off");
    expect(serve_close, S, TRANSPORT_BROKEN, "broke off");
    expect(serve_close_within, S, TRANSPORT_BROKEN, "broke off");
    expect(serve_close_within_chunk, S, TRANSPORT_BROKEN, "broke off");
    expect(serve_bad_chunk, S, TRANSPORT_BROKEN, "broke off");
    expect(serve_interim_only, S, TRANSPORT_BROKEN, "broke off");
    expect(serve_another_protocol, S, TRANSPORT_BROKEN, "broke off");
}

static void an_answer_cut_in_its_headers_has_no_body(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_close_within_headers);
    client_get(&client, &probe, "/x", S);
    client_finish(&client, &probe);
    assert_int_equal(probe.body_size, 0);
    assert_true(probe.outcome == TRANSPORT_BROKEN);
    probe_clear(&probe);
    close_plain();
}

static void serve_garbage(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_write(fd, "SSH-2.0-OpenSSH_9.2p1\r\nwhat else?\r\n");
    server_wait_end(s, fd);
}

static void serve_binary(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_write_all(fd, "\0\x01\xff\xfe\0\0\r\n\r\n", 10);
    server_wait_end(s, fd);
}

static void serve_http2(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (server_read(s, fd))
        server_write_all(fd, "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff", 27);
    server_wait_end(s, fd);
}

static void what_is_not_http_is_broken(void **state)
{
    (void)state;
    expect(serve_garbage, S, TRANSPORT_BROKEN, "broke off");
    expect(serve_binary, S, TRANSPORT_BROKEN, "broke off");
    expect(serve_http2, S, TRANSPORT_BROKEN, "broke off");
}

static void serve_large(struct server *s, int fd, unsigned index)
{
    char head[128];
    char *body = malloc(LARGE);
    (void)index;
    memset(body, 'x', LARGE);
    if (server_read(s, fd)) {
        snprintf(head, sizeof(head), "HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n", LARGE);
        server_write(fd, head);
        server_write_all(fd, body, LARGE);
    }
    free(body);
}

static void an_answer_of_10_MB_is_broken_unless_asked_for(void **state)
{
    (void)state;
    expect(serve_large, 5 * S, TRANSPORT_BROKEN, "larger than 4194304 bytes");
    struct probe probe = { 0 };
    open_plain(serve_large);
    struct transport_request request = { .method = "GET", .path = "/x", .limit_ns = 5 * S, .body_max = LARGE };
    client_start(&client, &probe, &request);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(probe.body_size, LARGE);
    probe_clear(&probe);
    request.body_max = LARGE - 1;
    client_start(&client, &probe, &request);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_BROKEN);
    probe_clear(&probe);
    close_plain();
}

static void serve_drop_by_drop(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (!server_read(s, fd))
        return;
    server_write(fd, "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 100 && server_sleep(s, 20 * MS); i++)
        server_write(fd, "x");
}

static void serve_headers_drop_by_drop(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (!server_read(s, fd))
        return;
    server_write(fd, "HTTP/1.1 200 X\r\n");
    for (int i = 0; i < 100 && server_sleep(s, 20 * MS); i++)
        server_write(fd, "X: x\r\n");
}

static void the_limit_holds_drop_by_drop(void **state)
{
    (void)state;
    expect(serve_drop_by_drop, 300 * MS, TRANSPORT_TIMED_OUT, "within 0.3s");
    expect(serve_headers_drop_by_drop, 300 * MS, TRANSPORT_TIMED_OUT, "within 0.3s");
}

static void serve_header_flood(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (!server_read(s, fd))
        return;
    server_write(fd, "HTTP/1.1 200 X\r\n");
    for (int i = 0; i < 100000 && !atomic_load(&s->stopping); i++)
        server_write(fd, "X-Flood: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
}

static void serve_one_endless_header(struct server *s, int fd, unsigned index)
{
    (void)index;
    if (!server_read(s, fd))
        return;
    server_write(fd, "HTTP/1.1 200 X\r\nX: ");
    for (int i = 0; i < 100000 && !atomic_load(&s->stopping); i++)
        server_write(fd, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

static void a_flood_of_headers_is_broken(void **state)
{
    (void)state;
    expect(serve_header_flood, 5 * S, TRANSPORT_BROKEN, "65536 bytes of headers");
    expect(serve_one_endless_header, 5 * S, TRANSPORT_BROKEN, "");
}

static void a_refused_connection_was_not_sent(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    server_start(&server, serve_plainly);
    uint16_t port = server.port;
    server_stop(&server);
    memset(&client, 0, sizeof(client));
    client_open(&client, "127.0.0.1", port, NULL);
    client_get(&client, &probe, "/x", S);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_NOT_SENT);
    assert_non_null(strstr(probe.sentence, "cannot be reached"));
    assert_non_null(strstr(probe.sentence, "the test"));
    probe_clear(&probe);
    client_close(&client);
}

/* Nobody accepts, and the queue of those who wait to be accepted is full. */
static void a_connect_that_hangs_was_not_sent(void **state)
{
    (void)state;
    struct probe probes[6];
    memset(probes, 0, sizeof(probes));
    memset(&client, 0, sizeof(client));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr address = { .sa_family = AF_INET };
    socklen_t size = sizeof(address);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, &address, &size), 0);
    uint16_t port = (uint16_t)((unsigned char)address.sa_data[0] << 8 | (unsigned char)address.sa_data[1]);
    client_open(&client, "127.0.0.1", port, NULL);
    unsigned not_sent = 0;
    for (int i = 0; i < 4; i++)
        client_get(&client, &probes[i], "/x", 200 * MS);
    for (int i = 0; i < 4; i++) {
        client_finish(&client, &probes[i]);
        assert_true(probes[i].outcome == TRANSPORT_NOT_SENT || probes[i].outcome == TRANSPORT_TIMED_OUT);
        if (probes[i].outcome == TRANSPORT_NOT_SENT) {
            assert_non_null(strstr(probes[i].sentence, "could not be reached within 0.2s"));
            not_sent++;
        }
        probe_clear(&probes[i]);
    }
    assert_true(not_sent > 0);
    client_close(&client);
    close(fd);
}

static void a_request_that_waited_too_long_was_not_sent(void **state)
{
    (void)state;
    struct probe probes[5];
    memset(probes, 0, sizeof(probes));
    open_plain(serve_nothing);
    for (int i = 0; i < 5; i++)
        client_start(
            &client, &probes[i],
            &(struct transport_request){ .method = "GET", .path = "/x", .limit_ns = i < 4 ? S : 100 * MS, .deadline = { .boot_ns = i } });
    client_finish(&client, &probes[4]);
    assert_int_equal(probes[4].outcome, TRANSPORT_NOT_SENT);
    assert_int_equal(atomic_load(&server.requests), 4);
    client_close(&client);
    server_stop(&server);
    probe_clear(&probes[4]);
}

/* ---- streams ---- */

static void serve_stream(struct server *s, int fd, unsigned index)
{
    char request[SERVER_REQUEST_MAX];
    (void)index;
    while (server_read(s, fd)) {
        server_copy_last(s, request);
        if (strstr(request, "/gone") != NULL) {
            server_answer(fd, 410, "{\"code\":410}");
            continue;
        }
        server_write(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
        server_sleep(s, 30 * MS);
        server_write(fd, "5\r\nhello\r\n");
        server_sleep(s, 30 * MS);
        if (strstr(request, "/silent") != NULL)
            server_wait_end(s, fd);
        server_write(fd, "7\r\n, world\r\n");
        server_sleep(s, 30 * MS);
        if (strstr(request, "/cut") != NULL)
            return;
        server_write(fd, "0\r\n\r\n");
    }
}

static void a_stream_opens_delivers_and_ends(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_stream);
    client_watch(&client, &probe, "/x", 60 * MS, 0); /* the limit is for its headers only */
    assert_true(client_turn(&client, &probe.opens, 1, S));
    assert_int_equal(probe.chunks, 0); /* told before the first event comes */
    assert_true(client_turn(&client, &probe.chunks, 1, S));
    assert_string_equal(probe.data, "hello");
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(probe.status, 200);
    assert_int_equal(probe.body_size, 0);
    assert_string_equal(probe.data, "hello, world");
    assert_int_equal(probe.opens, 1);
    probe_clear(&probe);
    close_plain();
}

static void a_stream_refused_has_a_body(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_stream);
    client_watch(&client, &probe, "/gone", S, 0);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(probe.status, 410);
    assert_string_equal(probe.body, "{\"code\":410}");
    assert_int_equal(probe.opens, 0);
    probe_clear(&probe);
    close_plain();
}

static void a_stream_cut_is_broken(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_stream);
    client_watch(&client, &probe, "/cut", S, 0);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_BROKEN);
    assert_int_equal(probe.status, 200);
    assert_string_equal(probe.data, "hello, world");
    probe_clear(&probe);
    close_plain();
}

static void a_silent_stream_is_broken_after_its_idle_time(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_stream);
    int64_t before = clock_now().boot_ns;
    client_watch(&client, &probe, "/silent", S, 200 * MS);
    client_finish(&client, &probe);
    int64_t took = clock_now().boot_ns - before;
    assert_int_equal(probe.outcome, TRANSPORT_BROKEN);
    assert_non_null(strstr(probe.sentence, "nothing came on the stream for 0.2s"));
    assert_true(took > 210 * MS && took < 800 * MS); /* counted from the last bytes */
    assert_true(server_reaches(&server.resets, 1));
    probe_clear(&probe);
    close_plain();
}

static void a_stream_without_headers_is_a_timeout(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_nothing);
    client_watch(&client, &probe, "/x", 100 * MS, 5 * S);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_TIMED_OUT);
    assert_int_equal(probe.opens, 0);
    probe_clear(&probe);
    close_plain();
}

static void cancel_itself(struct probe *probe)
{
    client_cancel(probe->client, probe);
    probe->then = NULL;
}

static void a_stream_may_be_cancelled_by_its_own_callback(void **state)
{
    (void)state;
    struct probe opened = { .then = cancel_itself };
    open_plain(serve_stream);
    client_watch(&client, &opened, "/x", S, 0);
    assert_true(client_turn(&client, &opened.opens, 1, S));
    assert_false(client_turn(&client, &opened.answers, 1, 150 * MS));
    assert_int_equal(opened.chunks, 0);
    close_plain();
}

static void streams_do_not_hold_up_requests_and_have_a_limit(void **state)
{
    (void)state;
    struct probe streams[HTTP_STREAMS_MAX], probe = { 0 }, other = { 0 };
    memset(streams, 0, sizeof(streams));
    open_plain(serve_stream);
    for (int i = 0; i < HTTP_STREAMS_MAX; i++)
        client_watch(&client, &streams[i], "/silent", 5 * S, 0);
    struct transport_request one_more = { .method = "GET", .path = "/silent", .limit_ns = S, .stream = true };
    static const struct transport_handler handler = { .on_answer = (void (*)(void *, const struct transport_answer *))abort };
    struct transport_call *call = NULL;
    assert_int_equal(client.t.operations->start(client.t.data, &one_more, &handler, NULL, &call), LEASEHOLD_ERR_LIMIT);
    for (int i = 0; i < HTTP_STREAMS_MAX; i++)
        assert_true(client_turn(&client, &streams[i].chunks, 1, 5 * S));
    client_get(&client, &probe, "/gone", S);
    client_start(&client, &other,
                 &(struct transport_request){ .method = "GET", .path = "/gone", .limit_ns = S, .priority = TRANSPORT_PRIORITY_OTHER });
    client_finish(&client, &probe);
    client_finish(&client, &other);
    assert_int_equal(probe.status, 410);
    assert_int_equal(other.status, 410);
    client_cancel(&client, &streams[0]);
    probe_clear(&streams[0]);
    client_watch(&client, &streams[0], "/x", S, 0); /* there is room for one again */
    client_finish(&client, &streams[0]);
    client_close(&client);
    server_stop(&server);
    for (int i = 0; i < HTTP_STREAMS_MAX; i++)
        probe_clear(&streams[i]);
    probe_clear(&probe);
    probe_clear(&other);
}

static void serve_much_stream(struct server *s, int fd, unsigned index)
{
    (void)index;
    char *chunk = malloc(65536 + 9);
    memcpy(chunk, "10000\r\n", 7);
    memset(chunk + 7, 'e', 65536);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    if (server_read(s, fd)) {
        server_write(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (int i = 0; i < 320; i++)
            server_write_all(fd, chunk, 65536 + 9);
        server_write(fd, "0\r\n\r\n");
    }
    free(chunk);
}

static void a_stream_may_be_larger_than_any_answer(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    open_plain(serve_much_stream);
    client_watch(&client, &probe, "/x", S, 0);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(probe.data_size, 320 * 65536);
    probe_clear(&probe);
    close_plain();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_answering_is_a_timeout_with_reset),
        cmocka_unit_test(after_a_timeout_no_old_connection_is_used),
        cmocka_unit_test(a_request_lost_on_a_used_connection_may_have_been_sent),
        cmocka_unit_test(what_becomes_of_a_copy_says_nothing_of_the_first),
        cmocka_unit_test(connections_that_end_too_early_are_broken),
        cmocka_unit_test(an_answer_cut_in_its_headers_has_no_body),
        cmocka_unit_test(what_is_not_http_is_broken),
        cmocka_unit_test(an_answer_of_10_MB_is_broken_unless_asked_for),
        cmocka_unit_test(the_limit_holds_drop_by_drop),
        cmocka_unit_test(a_flood_of_headers_is_broken),
        cmocka_unit_test(a_refused_connection_was_not_sent),
        cmocka_unit_test(a_connect_that_hangs_was_not_sent),
        cmocka_unit_test(a_request_that_waited_too_long_was_not_sent),
        cmocka_unit_test(a_stream_opens_delivers_and_ends),
        cmocka_unit_test(a_stream_refused_has_a_body),
        cmocka_unit_test(a_stream_cut_is_broken),
        cmocka_unit_test(a_silent_stream_is_broken_after_its_idle_time),
        cmocka_unit_test(a_stream_without_headers_is_a_timeout),
        cmocka_unit_test(a_stream_may_be_cancelled_by_its_own_callback),
        cmocka_unit_test(streams_do_not_hold_up_requests_and_have_a_limit),
        cmocka_unit_test(a_stream_may_be_larger_than_any_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
