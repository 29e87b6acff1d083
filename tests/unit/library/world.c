#include "world.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "devserver/devserver.h"

static void *serve(void *data)
{
    struct world *w = data;
    devserver_run(w->server);
    return NULL;
}

/* All of a world but who runs its server. */
static struct world *prepare(void)
{
    struct world *w = calloc(1, sizeof *w);
    char error[256];
    assert_non_null(w);
    struct devserver_options options = { .enable_faults = true, .version = "test" };
    if (devserver_open(&options, &w->server, error, sizeof error) < 0)
        fail_msg("%s", error);
    snprintf(w->address, sizeof w->address, "%s", devserver_address(w->server));
    strcpy(w->folder, "/tmp/leasehold-test-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->kubeconfig, sizeof w->kubeconfig, "%s/config", w->folder);
    FILE *file = fopen(w->kubeconfig, "w");
    assert_non_null(file);
    fprintf(file,
            "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters: [{name: test, cluster: {server: \"http://%s\"}}]\n"
            "users: [{name: test, user: {}}]\ncontexts: [{name: test, context: {cluster: test, user: test, namespace: default}}]\n",
            w->address);
    fclose(file);
    return w;
}

struct world *world_open(void)
{
    struct world *w = prepare();
    assert_int_equal(pthread_create(&w->thread, NULL, serve, w), 0);
    return w;
}

struct world *world_open_apart(void)
{
    struct world *w = prepare();
    fflush(NULL);
    pid_t parent = getpid();
    w->process = fork();
    assert_true(w->process >= 0);
    if (w->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            devserver_run(w->server);
        _exit(0);
    }
    return w;
}

void world_close(struct world *w)
{
    if (w->process > 0) {
        kill(w->process, SIGKILL);
        waitpid(w->process, NULL, 0);
    } else {
        devserver_stop(w->server);
        pthread_join(w->thread, NULL);
    }
    devserver_close(w->server);
    unlink(w->kubeconfig);
    rmdir(w->folder);
    free(w);
}

/* One request over a connection of its own. */
static int exchange(struct world *w, const char *request, char *ret, size_t size)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    to.sin_port = htons((uint16_t)atoi(strrchr(w->address, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    static char answer[1 << 20];
    size_t have = 0;
    ssize_t got;
    while (have < sizeof answer - 1 && (got = read(fd, answer + have, sizeof answer - 1 - have)) > 0)
        have += (size_t)got;
    close(fd);
    answer[have] = '\0';
    const char *body = strstr(answer, "\r\n\r\n");
    assert_non_null(body);
    if (ret)
        snprintf(ret, size, "%s", body + 4);
    return atoi(answer + strlen("HTTP/1.1 "));
}

void world_fault(struct world *w, const char *rule)
{
    char request[4096];
    snprintf(request, sizeof request,
             "POST /leasehold/faults HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: "
             "close\r\n\r\n%s",
             w->address, strlen(rule), rule);
    char body[1024];
    int status = exchange(w, request, body, sizeof body);
    if (status < 200 || status > 299)
        fail_msg("fault rule %s: %d %s", rule, status, body);
}

void world_well(struct world *w)
{
    char request[256];
    snprintf(request, sizeof request, "DELETE /leasehold/faults HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", w->address);
    assert_int_equal(exchange(w, request, NULL, 0), 200);
}

int world_send(struct world *w, const char *method, const char *path, const char *body)
{
    char request[4096], answer[4096];
    snprintf(request, sizeof request,
             "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", method,
             path, w->address, strlen(body), body);
    return exchange(w, request, answer, sizeof answer);
}

int world_get(struct world *w, const char *path, char *ret, size_t size)
{
    char request[4096];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, w->address);
    return exchange(w, request, ret, size);
}

/* LEASEHOLD_TEST_LOG=1 shows what the services say. */
static void log_line(void *user, int level, const char *line)
{
    (void)user;
    fprintf(stderr, "%8.3f %d %s\n", (double)(world_boot_ns() / 1000000 % 1000000) / 1000, level, line);
}

leasehold_options *world_options(const struct world *w, const char *identity)
{
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_options_set(o, "kubeconfig", w->kubeconfig), 0);
    assert_int_equal(leasehold_options_set(o, "lease-duration", "4s"), 0);
    assert_int_equal(leasehold_options_set(o, "renew-deadline", "2500ms"), 0);
    assert_int_equal(leasehold_options_set(o, "retry-period", "500ms"), 0);
    assert_int_equal(leasehold_options_set(o, "identity", identity), 0);
    if (getenv("LEASEHOLD_TEST_LOG"))
        leasehold_options_set_log(o, log_line, NULL);
    return o;
}

uint64_t world_boot_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void world_turn(leasehold_service *s, uint64_t end_ns)
{
    uint64_t now_ns = world_boot_ns();
    struct pollfd fd = { .fd = leasehold_service_fd(s), .events = POLLIN };
    assert_true(fd.fd >= 0);
    poll(&fd, 1, now_ns < end_ns ? (int)((end_ns - now_ns) / 1000000) + 1 : 0);
    assert_int_equal(leasehold_service_dispatch(s), 0);
}

void world_await(leasehold_service *s, leasehold_group *g, int kind, int timeout_ms, const leasehold_event **ret)
{
    const leasehold_event *event;
    uint64_t end_ns = world_boot_ns() + (uint64_t)timeout_ms * 1000000;
    for (;;) {
        int result;
        while ((result = leasehold_service_next_event(s, &event)) > 0) {
            if (leasehold_event_kind(event) == kind && (!g || leasehold_event_group(event) == g)) {
                if (ret)
                    *ret = event;
                return;
            }
        }
        assert_int_equal(result, 0);
        if (world_boot_ns() >= end_ns)
            fail_msg("no event of kind %d within %d ms", kind, timeout_ms);
        world_turn(s, end_ns);
    }
}

int world_pass(leasehold_service *s, int kind, int ms)
{
    const leasehold_event *event;
    int count = 0;
    uint64_t end_ns = world_boot_ns() + (uint64_t)ms * 1000000;
    do {
        world_turn(s, end_ns);
        while (leasehold_service_next_event(s, &event) > 0)
            count += leasehold_event_kind(event) == kind;
    } while (world_boot_ns() < end_ns);
    return count;
}
