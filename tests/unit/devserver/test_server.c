/* The server as an embedded thing: opened, run in a thread, stopped from elsewhere, closed in every state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devserver/devserver.h"
#include "store/store.h"

static void *run(void *user)
{
    return devserver_run(user) == 0 ? user : NULL;
}

/* Sends one request on a new connection and returns the status code of the answer. */
static int ask(const struct devserver *d, const char *request_line)
{
    char text[512], answer[512] = "";
    const char *port = strrchr(devserver_address(d), ':') + 1;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
    size_t got = 0;
    ssize_t part;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    int size = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", request_line, devserver_address(d));
    assert_int_equal(write(fd, text, (size_t)size), size);
    while (got < sizeof answer - 1 && (part = read(fd, answer + got, sizeof answer - 1 - got)) > 0)
        got += (size_t)part;
    close(fd);
    assert_memory_equal(answer, "HTTP/1.1 ", 9);
    return (int)strtol(answer + 9, NULL, 10);
}

static void serves_from_a_thread(void **state)
{
    struct devserver *d = NULL;
    char error[256] = "";
    pthread_t thread;
    void *result = NULL;
    (void)state;

    assert_int_equal(devserver_open(NULL, &d, error, sizeof error), 0);
    assert_memory_equal(devserver_address(d), "127.0.0.1:", 10);
    assert_int_equal(store_object_count(devserver_store(d)), 2);
    assert_int_equal(pthread_create(&thread, NULL, run, d), 0);
    assert_int_equal(ask(d, "GET /livez"), 200);
    assert_int_equal(ask(d, "GET /api/v1/namespaces/default"), 200);
    assert_int_equal(ask(d, "GET /leasehold/faults"), 404);
    assert_int_equal(ask(d, "POST /nowhere"), 404);
    assert_int_equal(ask(d, "DELETE /version"), 405);
    devserver_stop(d);
    pthread_join(thread, &result);
    assert_ptr_equal(result, d);
    assert_int_equal(devserver_watch_count(d), 0);
    assert_null(devserver_close(d));
    assert_null(devserver_close(NULL));
}

static void a_stop_before_the_run_counts(void **state)
{
    struct devserver *d = NULL;
    char error[256] = "";
    (void)state;
    assert_int_equal(devserver_open(NULL, &d, error, sizeof error), 0);
    devserver_stop(d);
    assert_int_equal(devserver_run(d), 0);
    devserver_close(d);
    assert_int_equal(devserver_open(NULL, &d, error, sizeof error), 0);
    devserver_close(d); /* never run */
}

static void bad_addresses_are_sentences(void **state)
{
    static const char *const bad[] = {
        "",     ":1",  "127.0.0.1",   "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "[::1]", "::1]:1", "example.com:80", "1.2.3.4.5:1",
        "[]:1", "[:1", "127.0.0.1:-1"
    };
    struct devserver *d = NULL;
    struct devserver *taken = NULL;
    char error[256];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error[0] = '\0';
        if (devserver_open(&(struct devserver_options){ .listen = bad[i] }, &d, error, sizeof error) == 0)
            fail_msg("accepted: %s", bad[i]);
        assert_non_null(strstr(error, "cannot be read"));
        assert_null(d);
    }
    assert_int_equal(devserver_open(NULL, &d, error, sizeof error), 0);
    assert_int_equal(devserver_open(&(struct devserver_options){ .listen = devserver_address(d) }, &taken, error, sizeof error), -1);
    assert_non_null(strstr(error, "cannot listen on 127.0.0.1:"));
    devserver_close(d);
}

/* Beyond the limit a connection is told so and closed; the others serve on. */
static void connections_are_limited(void **state)
{
    struct devserver *d = NULL;
    char error[256] = "";
    pthread_t thread;
    (void)state;
    assert_int_equal(devserver_open(&(struct devserver_options){ .connections_max = 2 }, &d, error, sizeof error), 0);
    assert_int_equal(pthread_create(&thread, NULL, run, d), 0);
    struct sockaddr_in address = { .sin_family = AF_INET };
    address.sin_port = htons((uint16_t)strtoul(strrchr(devserver_address(d), ':') + 1, NULL, 10));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int held[2];
    for (int i = 0; i < 2; i++) {
        held[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(held[i], (const struct sockaddr *)&address, sizeof address), 0);
    }
    assert_int_equal(ask(d, "GET /livez"), 503);
    close(held[0]);
    int code = 503;
    for (int i = 0; i < 500 && code == 503; i++) {
        usleep(10000);
        code = ask(d, "GET /livez");
    }
    assert_int_equal(code, 200);
    close(held[1]);
    devserver_stop(d);
    pthread_join(thread, NULL);
    devserver_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_from_a_thread),
        cmocka_unit_test(a_stop_before_the_run_counts),
        cmocka_unit_test(bad_addresses_are_sentences),
        cmocka_unit_test(connections_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
