/* The endpoints over real sockets, beside an election whose requests are played by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "httpd/httpd.h"
#include "probe/probe.h"
#include "script.h"

enum { PATIENCE_MS = 20000 };

static struct sockaddr_in address;
static char answer[1 << 16];
static size_t answer_size;

static int connect_and_send(const char *request)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    answer_size = 0;
    answer[0] = '\0';
    return fd;
}

/* Reads until `wanted` is there, or until the end where it is NULL. Returns whether it came; the loop's side is played meanwhile if
 * `p` is given. */
static bool receive(int fd, const char *wanted, struct probe *p)
{
    for (;;) {
        struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = p ? probe_fd(p) : -1, .events = POLLIN } };
        assert_true(poll(fds, 2, PATIENCE_MS) > 0);
        if (fds[1].revents)
            probe_turned(p);
        if (!fds[0].revents)
            continue;
        ssize_t got = read(fd, answer + answer_size, sizeof answer - 1 - answer_size);
        if (got <= 0)
            return wanted == NULL;
        answer_size += (size_t)got;
        answer[answer_size] = '\0';
        if (wanted && strstr(answer, wanted))
            return true;
    }
}

static void get(struct probe *p, const char *path)
{
    char request[256];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", path);
    int fd = connect_and_send(request);
    receive(fd, NULL, p);
    close(fd);
}

static void is(const char *status, const char *part)
{
    if (strncmp(answer, status, strlen(status)) != 0 || !strstr(answer, part))
        fail_msg("wanted %s … %s, not:\n%s", status, part, answer);
}

static struct probe *serve(leasehold_group *g)
{
    char sentence[PROBE_SENTENCE_MAX] = "";
    struct probe *p = NULL;
    socklen_t size = sizeof address;
    int fd = httpd_socket("127.0.0.1:0", PROBE_BACKLOG, sentence, sizeof sentence);
    assert_true(fd >= 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(probe_open(&p, fd, &g, 1, sentence), 0);
    return p;
}

static void answers_follow_the_election(void **state)
{
    (void)state;
    struct script *w = script_open("statistics", "yes");
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    struct probe *p = serve(g);
    get(p, "/livez");
    is("HTTP/1.1 200", "ok");
    get(p, "/readyz");
    is("HTTP/1.1 503", "not been read");
    get(p, "/leader");
    is("HTTP/1.1 503", "\"holder\":null");
    script_lead(w);
    get(p, "/readyz");
    is("HTTP/1.1 200", "ok");
    get(p, "/leader");
    is("HTTP/1.1 200", "\"leading\":true,\"holder\":\"a\",\"address\":null,\"fencing_token\":\"10\"");
    get(p, "/leader?group=g");
    is("HTTP/1.1 200", "\"group\":\"g\"");
    get(p, "/leader?group=h");
    is("HTTP/1.1 404", "no such group");
    get(p, "/");
    is("HTTP/1.1 200", "{\"name\":\"a\"}");
    get(p, "/metrics");
    is("HTTP/1.1 200", "\nleader_election_master_status{name=\"g\"} 1\n");
    get(p, "/nothing");
    is("HTTP/1.1 404", "/livez");
    get(p, "/livezz");
    is("HTTP/1.1 404", "/livez");
    probe_close(p);
    leasehold_group_unref(g);
    script_close(w);
}

static void only_get_and_head(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    struct probe *p = serve(g);
    int fd = connect_and_send("POST /leader HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    receive(fd, NULL, p);
    is("HTTP/1.1 405", "Allow: GET, HEAD");
    close(fd);
    fd = connect_and_send("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    receive(fd, NULL, p);
    is("HTTP/1.1 200", "Content-Length: ");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    close(fd);
    probe_close(p);
    leasehold_group_unref(g);
    script_close(w);
}

static void a_loop_that_does_not_turn_is_not_alive(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    struct probe *p = serve(g);
    get(NULL, "/livez");
    is("HTTP/1.1 503", "has not turned");
    get(p, "/livez");
    is("HTTP/1.1 200", "ok");
    probe_close(p);
    leasehold_group_unref(g);
    script_close(w);
}

static void events_begin_with_the_present(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    script_lead(w);
    struct probe *p = serve(g);
    probe_tell(p, "warning", "{\"too\":\"early\"}", strlen("{\"too\":\"early\"}"));
    int fd = connect_and_send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(receive(fd, "event: present\ndata: {\"group\":\"g\"", p));
    probe_tell(p, "new_leader", "{\"n\":1}", 7);
    probe_tell(p, "stop_work", "{\"n\":2}", 7);
    assert_true(receive(fd, "event: stop_work\ndata: {\"n\":2}\n\n", p));
    assert_non_null(strstr(answer, "event: new_leader\ndata: {\"n\":1}\n\n"));
    assert_null(strstr(answer, "early"));
    close(fd);
    /* It left; what is told from now on goes to nobody, and the end is clean with a reader still there. */
    fd = connect_and_send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(receive(fd, "event: present", p));
    probe_close(p);
    assert_true(receive(fd, NULL, NULL));
    close(fd);
    leasehold_group_unref(g);
    script_close(w);
}

static void a_reader_that_takes_nothing_is_cut(void **state)
{
    (void)state;
    struct script *w = script_open(NULL, NULL);
    leasehold_group *g = script_group(w, "g", LEASEHOLD_CANDIDATE);
    struct probe *p = serve(g);
    static char line[100000];
    memset(line, 'x', sizeof line);
    int fd = connect_and_send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(receive(fd, "event: present", p));
    /* The kernel takes some megabytes; then it is cut, and that is a reset or an end for who reads at last. */
    bool cut = false;
    for (int i = 0; i < 2000 && !cut; i++) {
        struct pollfd hung = { .fd = fd, .events = POLLRDHUP };
        probe_tell(p, "warning", line, sizeof line);
        cut = poll(&hung, 1, 5) > 0 && (hung.revents & (POLLHUP | POLLRDHUP | POLLERR));
    }
    assert_true(cut);
    close(fd);
    get(p, "/livez");
    is("HTTP/1.1 200", "ok");
    probe_close(p);
    leasehold_group_unref(g);
    script_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_follow_the_election),
        cmocka_unit_test(only_get_and_head),
        cmocka_unit_test(a_loop_that_does_not_turn_is_not_alive),
        cmocka_unit_test(events_begin_with_the_present),
        cmocka_unit_test(a_reader_that_takes_nothing_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
