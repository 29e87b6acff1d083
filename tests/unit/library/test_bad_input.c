/* What the world can do to the library: wrong files, wrong servers, answers that make no sense. A clear sentence, no crash, no busy
 * loop. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

/* ---- a server that answers every request the same ---- */

enum { DROP_BY_DROP = 1, ENDLESS = 2, SILENT = 4, REFUSES_WATCH = 8 };

struct bad {
    int fd, how;
    const char *answer; /* after the request's head; NULL: closes at once */
    size_t size;
    pthread_t thread;
    _Atomic bool stop;
    _Atomic int requests;
    char folder[64], kubeconfig[96];
};

static void talk(struct bad *b, int fd)
{
    char head[8192];
    size_t have = 0;
    ssize_t got;
    while (have < sizeof head - 1 && (got = read(fd, head + have, sizeof head - 1 - have)) > 0) {
        have += (size_t)got;
        head[have] = '\0';
        if (strstr(head, "\r\n\r\n"))
            break;
    }
    atomic_fetch_add(&b->requests, 1);
    static const char refusal[] = "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n";
    if (strstr(head, "watch=") && (b->how & REFUSES_WATCH)) {
        send(fd, refusal, sizeof refusal - 1, MSG_NOSIGNAL);
        return;
    }
    if (!b->answer || (b->how & SILENT))
        return;
    size_t piece = b->how & DROP_BY_DROP ? 1 : b->size;
    for (size_t at = 0; at < b->size && !atomic_load(&b->stop); at += piece) {
        if (send(fd, b->answer + at, at + piece <= b->size ? piece : b->size - at, MSG_NOSIGNAL) < 0)
            return;
        if (b->how & DROP_BY_DROP)
            usleep(1000);
    }
    static const char filler[65536];
    for (int i = 0; (b->how & ENDLESS) && i < 160 && !atomic_load(&b->stop); i++)
        if (send(fd, filler, sizeof filler, MSG_NOSIGNAL) < 0)
            return;
}

static void *answer_all(void *data)
{
    struct bad *b = data;
    while (!atomic_load(&b->stop)) {
        int fd = accept(b->fd, NULL, NULL);
        if (fd < 0)
            break;
        talk(b, fd);
        close(fd);
    }
    return NULL;
}

static struct bad *bad_open(const char *answer, int how)
{
    struct bad *b = calloc(1, sizeof *b);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    assert_non_null(b);
    b->answer = answer;
    b->size = answer ? strlen(answer) : 0;
    b->how = how;
    b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(b->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(b->fd, 100), 0);
    getsockname(b->fd, (struct sockaddr *)&at, &size);
    strcpy(b->folder, "/tmp/leasehold-test-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->kubeconfig, sizeof b->kubeconfig, "%s/config", b->folder);
    FILE *file = fopen(b->kubeconfig, "w");
    assert_non_null(file);
    fprintf(file,
            "current-context: c\nclusters: [{name: c, cluster: {server: \"http://127.0.0.1:%u\"}}]\nusers: [{name: c, user: {}}]\n"
            "contexts: [{name: c, context: {cluster: c, user: c}}]\n",
            ntohs(at.sin_port));
    fclose(file);
    assert_int_equal(pthread_create(&b->thread, NULL, answer_all, b), 0);
    return b;
}

static void bad_close(struct bad *b)
{
    atomic_store(&b->stop, true);
    shutdown(b->fd, SHUT_RDWR);
    pthread_join(b->thread, NULL);
    close(b->fd);
    unlink(b->kubeconfig);
    rmdir(b->folder);
    free(b);
}

static int64_t cpu_ms(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

static leasehold_options *options_for(const char *kubeconfig)
{
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_options_set(o, "kubeconfig", kubeconfig), 0);
    assert_int_equal(leasehold_options_set(o, "identity", "a"), 0);
    assert_int_equal(leasehold_options_set(o, "lease-duration", "4s"), 0);
    assert_int_equal(leasehold_options_set(o, "renew-deadline", "2500ms"), 0);
    assert_int_equal(leasehold_options_set(o, "retry-period", "500ms"), 0);
    return o;
}

/* A candidate meets such a server for 1.5 s: it says so, does not lead, and neither floods the server nor burns the processor. */
static void meets(const char *answer, int how, const char *part)
{
    struct bad *b = bad_open(answer, how);
    leasehold_options *o = options_for(b->kubeconfig);
    leasehold_service *s = NULL;
    leasehold_group *g = NULL;
    if (leasehold_service_open(&s, o) < 0)
        fail_msg("%s", leasehold_options_error(o));
    leasehold_options_unref(o);
    assert_int_equal(leasehold_group_open(&g, s, "g", LEASEHOLD_CANDIDATE, NULL), 0);
    const leasehold_event *e;
    bool said = false;
    int64_t before_ms = cpu_ms();
    uint64_t end_ns = world_boot_ns() + 1500000000;
    char last[1024] = "(nothing)";
    while (world_boot_ns() < end_ns) {
        world_turn(s, end_ns);
        while (leasehold_service_next_event(s, &e) > 0) {
            assert_int_not_equal(leasehold_event_kind(e), LEASEHOLD_EVENT_STARTED_LEADING);
            if (leasehold_event_kind(e) != LEASEHOLD_EVENT_WARNING)
                continue;
            snprintf(last, sizeof last, "%s", leasehold_event_text(e));
            said = said || strstr(last, part);
        }
    }
    if (!said)
        fail_msg("said \"%s\", not \"%s\"", last, part);
    assert_false(leasehold_group_is_leading(g));
    assert_true(cpu_ms() - before_ms < 1000);
    assert_true(atomic_load(&b->requests) < 60);
    leasehold_group_unref(g);
    leasehold_service_unref(s);
    bad_close(b);
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"

static void wrong_servers(void **state)
{
    (void)state;
    meets("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>Welcome</html>", 0, "is this address that of a Kubernetes API server?");
    meets("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nnothing here", 0, "as no Kubernetes API server does");
    meets("HTTP/1.1 301 Moved\r\nLocation: http://elsewhere/\r\nConnection: close\r\n\r\n", 0, "answers 301");
    meets("SSH-2.0-OpenSSH_9.2\r\n", 0, "");
    meets(NULL, 0, "");
    meets(OK_HEAD, SILENT, "");
}

static void wrong_answers(void **state)
{
    (void)state;
    meets(OK_HEAD "[1,2", 0, "with something that is no such Lease");
    meets(OK_HEAD "{\"kind\":\"Lease\",\"kind\":\"Lease\"}", 0, "with something that is no such Lease");
    meets(OK_HEAD "\xff\xfe\x80{}", 0, "with something that is no such Lease");
    meets(OK_HEAD "{\"kind\":\"Lease\"", DROP_BY_DROP, "with something that is no such Lease");
    meets(OK_HEAD, ENDLESS, "");
}

static void a_lock_with_garbage_in_every_field(void **state)
{
    (void)state;
#define LEASE(spec, annotations)                                                                                                           \
    OK_HEAD "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\",\"namespace\":\"default\","        \
            "\"uid\":\"u\",\"resourceVersion\":\"5\",\"annotations\":" annotations "},\"spec\":" spec "}"
    static const char *const garbage[] = {
        LEASE("[]", "{}"),
        LEASE("{\"holderIdentity\":7}", "{}"),
        LEASE("{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":\"many\"}", "{}"),
        LEASE("{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":99999999999999999}", "{}"),
        LEASE("{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":15,\"renewTime\":\"yesterday\"}", "{}"),
        LEASE("{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":15,\"acquireTime\":{}}", "{}"),
        LEASE("{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":15,\"leaseTransitions\":-1.5}", "{}"),
        LEASE("{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":15}", "[]"),
        LEASE("{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":-15}", "{\"leasehold.dev/term\":\"{{{{\"}"),
        LEASE("null", "{\"leasehold.dev/term\":12}"),
        LEASE("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":15}", "{\"leasehold.dev/term\":\"[]\"}"),
    };
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        struct bad *b = bad_open(garbage[i], REFUSES_WATCH);
        leasehold_options *o = options_for(b->kubeconfig);
        leasehold_service *s = NULL;
        leasehold_group *g = NULL;
        assert_int_equal(leasehold_service_open(&s, o), 0);
        leasehold_options_unref(o);
        assert_int_equal(leasehold_group_open(&g, s, "g", LEASEHOLD_CANDIDATE, NULL), 0);
        uint64_t end_ns = world_boot_ns() + 300000000;
        struct leasehold_record r = { .size = sizeof r };
        const leasehold_event *e;
        while (world_boot_ns() < end_ns && leasehold_group_record(g, &r) == 0)
            world_turn(s, end_ns);
        assert_int_not_equal(r.state, LEASEHOLD_RECORD_UNKNOWN);
        while (leasehold_service_next_event(s, &e) > 0)
            assert_int_not_equal(leasehold_event_kind(e), LEASEHOLD_EVENT_STARTED_LEADING);
        leasehold_group_unref(g);
        leasehold_service_unref(s);
        bad_close(b);
    }
}

/* ---- wrong configurations ---- */

static void refuses_kubeconfig(const char *text, int error, const char *part)
{
    char path[] = "/tmp/leasehold-test-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    leasehold_options *o = options_for(path);
    leasehold_service *s = NULL;
    int result = leasehold_service_open(&s, o);
    if (!strstr(leasehold_options_error(o), part))
        fail_msg("said \"%s\", not \"%s\"", leasehold_options_error(o), part);
    assert_int_equal(result, error);
    assert_null(s);
    leasehold_options_unref(o);
    unlink(path);
}

static void wrong_configurations(void **state)
{
    (void)state;
#define CONFIG(cluster)                                                                                                                    \
    "current-context: c\nclusters: [{name: c, cluster: {" cluster "}}]\nusers: [{name: c, user: {}}]\n"                                    \
    "contexts: [{name: c, context: {cluster: c, user: c}}]\n"
    refuses_kubeconfig("", LEASEHOLD_ERR_CONFIG, "");
    refuses_kubeconfig("{{{{", LEASEHOLD_ERR_CONFIG, "");
    refuses_kubeconfig(CONFIG("server: \"gopher://x\""), LEASEHOLD_ERR_CONFIG, "gopher");
    refuses_kubeconfig(CONFIG("server: \"https://127.0.0.1:1\", certificate-authority: /nowhere/ca.crt"), LEASEHOLD_ERR_CONFIG,
                       "/nowhere/ca.crt");
    leasehold_options *o = options_for("/nowhere/config");
    leasehold_service *s = NULL;
    assert_int_equal(leasehold_service_open(&s, o), LEASEHOLD_ERR_CONFIG);
    assert_non_null(strstr(leasehold_options_error(o), "/nowhere/config"));
    leasehold_options_set(o, "renew-deadline", "9s");
    assert_int_equal(leasehold_service_open(&s, o), LEASEHOLD_ERR_SETTINGS);
    assert_non_null(strstr(leasehold_options_error(o), "lease-duration 4s must be longer than renew-deadline 9s"));
    assert_int_equal(leasehold_service_open(NULL, o), LEASEHOLD_ERR_ARGUMENT);
    leasehold_options_unref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_servers),
        cmocka_unit_test(wrong_answers),
        cmocka_unit_test(a_lock_with_garbage_in_every_field),
        cmocka_unit_test(wrong_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
