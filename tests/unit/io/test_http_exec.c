/* Requests whose token a program prints: who waits for it, when it runs again, and what is said when it fails. The program is a shell
 * script, the server takes one token at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness.h"
#include "kube/credential.h"

static char folder[64];
static struct server server;
static struct client client;
static struct kube_exec plugin;
static char *nothing[] = { NULL };
static char command[128];
static atomic_uint wanted; /* the number of the token that the server takes */

static void serve_checking(struct server *s, int fd, unsigned index)
{
    char request[SERVER_REQUEST_MAX], line[64];
    (void)index;
    while (server_read(s, fd)) {
        server_copy_last(s, request);
        snprintf(line, sizeof(line), "\r\nAuthorization: Bearer t%u\r\n", atomic_load(&wanted));
        server_answer(fd, strstr(request, line) != NULL ? 200 : 401, "{}");
    }
}

static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* The program: `script` after it has noted its run; $n is the number of this run, `say EXPIRY` prints the token t$n. */
static void put_plugin(const char *script)
{
    FILE *file = fopen(command, "w");
    assert_non_null(file);
    fprintf(
        file,
        "#!/bin/sh\ncd %s; echo $$ >>runs; n=$(wc -l <runs)\n"
        "say() { echo "
        "'{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t'$n'\"'$1'}}'; }\n%s\n",
        folder, script);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(command, 0700), 0);
}

static unsigned runs(void)
{
    FILE *file = fopen(in_folder("runs"), "r");
    unsigned count = 0;
    for (int c; file != NULL && (c = fgetc(file)) != EOF;)
        count += c == '\n';
    if (file != NULL)
        fclose(file);
    return count;
}

static int open_all(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/leasehold-exec-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(command, sizeof(command), "%s/plugin", folder);
    plugin = (struct kube_exec){ .api_version = (char *)(uintptr_t) "client.authentication.k8s.io/v1",
                                 .command = command,
                                 .arguments = nothing,
                                 .environment = nothing,
                                 .mode = KUBE_EXEC_NEVER,
                                 .owner = (char *)(uintptr_t) "user \"dev\"" };
    memset(&client, 0, sizeof(client));
    atomic_store(&wanted, 1);
    server_start(&server, serve_checking);
    client.config.exec = &plugin;
    client_open(&client, "127.0.0.1", server.port, NULL);
    return 0;
}

static int close_all(void **state)
{
    char remove[160];
    (void)state;
    client_close(&client);
    server_stop(&server);
    snprintf(remove, sizeof(remove), "rm -rf '%s'", folder);
    return system(remove);
}

/* One GET with this limit: its outcome and status, and words of its sentence. */
static void expect(int64_t limit_ns, enum transport_outcome outcome, int status, const char *words)
{
    struct probe probe = { 0 };
    client_get(&client, &probe, "/x", limit_ns);
    assert_true(client_turn(&client, &probe.answers, 1, limit_ns + 20 * S));
    if (probe.outcome != outcome || probe.status != status || strstr(probe.sentence, words) == NULL)
        fail_msg("outcome %d, status %d, \"%s\" (wanted %d, %d, \"%s\")", (int)probe.outcome, probe.status, probe.sentence, (int)outcome,
                 status, words);
    probe_clear(&probe);
}

static void turn_for(int64_t ns)
{
    const unsigned never = 0;
    assert_false(client_turn(&client, &never, 1, ns));
}

static void requests_wait_for_one_run(void **state)
{
    (void)state;
    struct probe probes[20];
    memset(probes, 0, sizeof(probes));
    put_plugin("sleep 1; say");
    for (size_t i = 0; i < 20; i++)
        client_get(&client, &probes[i], "/x", 30 * S);
    for (size_t i = 0; i < 20; i++) {
        assert_true(client_turn(&client, &probes[i].answers, 1, 30 * S));
        assert_int_equal(probes[i].status, 200);
        probe_clear(&probes[i]);
    }
    assert_int_equal(runs(), 1);
    assert_true(client.longest_ns < 500 * MS); /* nobody waits in a dispatch */
    expect(30 * S, TRANSPORT_ANSWERED, 200, "");
    assert_int_equal(runs(), 1);
}

static void a_watch_waits_too(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    put_plugin("sleep 0.2; say");
    client_watch(&client, &probe, "/w", 30 * S, 0);
    assert_true(client_turn(&client, &probe.answers, 1, 30 * S));
    assert_int_equal(probe.opens, 1);
    probe_clear(&probe);
}

static void a_request_waits_no_longer_than_its_limit(void **state)
{
    (void)state;
    put_plugin("sleep 2; say");
    expect(S / 3, TRANSPORT_NOT_SENT, 0, "has not answered within 0.333s, and is waited for");
    expect(30 * S, TRANSPORT_ANSWERED, 200, "");
    assert_int_equal(runs(), 1);
}

static void a_failure_is_told_and_not_repeated_at_once(void **state)
{
    (void)state;
    put_plugin("echo 'Error: log in first' >&2; exit 7");
    static const char words[] = " of user \"dev\" ended with exit code 7: Error: log in first";
    for (int i = 0; i < 5; i++)
        expect(30 * S, TRANSPORT_NOT_SENT, 0, words);
    assert_int_equal(runs(), 1);
    assert_int_equal(atomic_load(&server.requests), 0);
    put_plugin("say");
    atomic_store(&wanted, 2);
    turn_for(KUBE_CREDENTIAL_PAUSE_NS);
    expect(30 * S, TRANSPORT_ANSWERED, 200, "");
    assert_int_equal(runs(), 2);
}

static void what_it_may_print_is_said(void **state)
{
    (void)state;
    put_plugin(
        "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t1\"}}'");
    expect(30 * S, TRANSPORT_NOT_SENT, 0, "its apiVersion is client.authentication.k8s.io/v1beta1, while the kubeconfig says client");
}

static void one_that_is_missing_is_named_with_its_hint(void **state)
{
    (void)state;
    plugin.install_hint = (char *)(uintptr_t) "get it from\nthe shop";
    expect(30 * S, TRANSPORT_NOT_SENT, 0, "/plugin of user \"dev\" does not exist: get it from?the shop");
}

static void one_that_has_no_shell_line_is_said_so(void **state)
{
    (void)state;
    FILE *file = fopen(command, "w");
    fputs("say", file);
    fclose(file);
    chmod(command, 0700);
    expect(30 * S, TRANSPORT_NOT_SENT, 0, "cannot be started: Exec format error");
}

static void one_that_must_ask_finds_nobody(void **state)
{
    (void)state;
    plugin.mode = KUBE_EXEC_ALWAYS;
    plugin.interactive = true;
    client_close(&client);
    client_open_config(&client, &client.config, NULL);
    http_transport_ask_nobody(client.transport);
    put_plugin("say");
    expect(30 * S, TRANSPORT_NOT_SENT, 0, "wants to ask (interactiveMode: Always)");
    assert_int_equal(runs(), 0);
}

static void a_refused_token_is_asked_for_anew(void **state)
{
    (void)state;
    put_plugin("sleep 0.1; say");
    expect(30 * S, TRANSPORT_ANSWERED, 200, "");
    atomic_store(&wanted, 2);
    expect(30 * S, TRANSPORT_ANSWERED, 401, ""); /* it is too early for another run */
    assert_int_equal(runs(), 1);
    turn_for(KUBE_CREDENTIAL_PAUSE_NS);
    struct probe probes[6];
    memset(probes, 0, sizeof(probes));
    for (size_t i = 0; i < 6; i++)
        client_get(&client, &probes[i], "/x", 30 * S);
    for (size_t i = 0; i < 6; i++) {
        assert_true(client_turn(&client, &probes[i].answers, 1, 30 * S));
        assert_int_equal(probes[i].status, 200);
        probe_clear(&probes[i]);
    }
    assert_int_equal(runs(), 2);
}

static void a_refused_token_is_kept_when_there_is_no_other(void **state)
{
    (void)state;
    put_plugin("[ $n = 1 ] && say || { echo offline >&2; exit 1; }");
    expect(30 * S, TRANSPORT_ANSWERED, 200, "");
    turn_for(KUBE_CREDENTIAL_PAUSE_NS);
    atomic_store(&wanted, 2);
    expect(30 * S, TRANSPORT_NOT_SENT, 0, "does not take the credential any more (401), and the credential plugin");
    atomic_store(&wanted, 1); /* it was the server's own trouble */
    expect(30 * S, TRANSPORT_ANSWERED, 200, "");
    assert_int_equal(runs(), 2);
}

/* Prints `,"expirationTimestamp":"…"` for so many seconds from now. */
#define EXPIRY "',\"expirationTimestamp\":\"'$(date -u -d @$(($(date +%%s) + %d)) +%%Y-%%m-%%dT%%H:%%M:%%SZ)'\"'"

static void the_old_token_serves_while_the_next_is_asked_for(void **state)
{
    (void)state;
    char script[512];
    snprintf(script, sizeof(script), "[ $n = 1 ] || while [ ! -e go ]; do sleep 0.05; done; e=" EXPIRY "; say \"$e\"", 40);
    put_plugin(script);
    expect(30 * S, TRANSPORT_ANSWERED, 200, "");
    /* Its last quarter begins after 29 to 30 s. */
    for (int i = 0; i < 80 && runs() < 2; i++) {
        turn_for(S / 2);
        expect(30 * S, TRANSPORT_ANSWERED, 200, "");
    }
    assert_int_equal(runs(), 2);
    expect(2 * S, TRANSPORT_ANSWERED, 200, ""); /* the second run has not ended */
    atomic_store(&wanted, 2);
    put_plugin("say"); /* a new file, for a third run */
    FILE *file = fopen(in_folder("go"), "w");
    fclose(file);
    turn_for(S);
    expect(30 * S, TRANSPORT_ANSWERED, 200, "");
    assert_int_equal(runs(), 2);
}

static void nothing_is_left_of_one_that_runs_when_we_go(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    put_plugin("sleep 1000");
    client_get(&client, &probe, "/x", 30 * S);
    while (runs() == 0)
        turn_for(10 * MS);
    client_close(&client);
    FILE *file = fopen(in_folder("runs"), "r");
    int pid = 0;
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    char name[64];
    snprintf(name, sizeof(name), "/proc/%d", pid);
    assert_int_not_equal(access(name, F_OK), 0);
    client_open_config(&client, &client.config, NULL);
}

static void a_command_can_wait_before_it_asks(void **state)
{
    (void)state;
    put_plugin("sleep 0.5; say");
    while (http_transport_asks_plugin(client.transport))
        turn_for(50 * MS);
    assert_int_equal(runs(), 1);
    expect(S, TRANSPORT_ANSWERED, 200, "");
    assert_int_equal(runs(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_wait_for_one_run, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_watch_waits_too, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_request_waits_no_longer_than_its_limit, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_failure_is_told_and_not_repeated_at_once, open_all, close_all),
        cmocka_unit_test_setup_teardown(what_it_may_print_is_said, open_all, close_all),
        cmocka_unit_test_setup_teardown(one_that_is_missing_is_named_with_its_hint, open_all, close_all),
        cmocka_unit_test_setup_teardown(one_that_has_no_shell_line_is_said_so, open_all, close_all),
        cmocka_unit_test_setup_teardown(one_that_must_ask_finds_nobody, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_refused_token_is_asked_for_anew, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_refused_token_is_kept_when_there_is_no_other, open_all, close_all),
        cmocka_unit_test_setup_teardown(the_old_token_serves_while_the_next_is_asked_for, open_all, close_all),
        cmocka_unit_test_setup_teardown(nothing_is_left_of_one_that_runs_when_we_go, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_command_can_wait_before_it_asks, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
