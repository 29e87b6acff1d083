/* Kubeconfigs against a TLS front (tests/tls_front.py): trust, client certificates, names, tokens. Certificates are made by the
 * openssl command when the test starts. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness.h"
#include "kube/credential.h"

static char folder[64];
static struct server backend;
static struct client client;
static struct kube_config *config;

struct front {
    pid_t pid;
    int input, output; /* its end comes when input is closed */
    unsigned port;
};

/* ---- the front ---- */

static pid_t python(char *const arguments[], int input, int output)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (input >= 0)
            dup2(input, 0);
        if (output >= 0)
            dup2(output, 1);
        execvp(PYTHON, arguments);
        _exit(127);
    }
    return pid;
}

static void front_start(struct front *front, const char *certificate, const char *more, const char *value)
{
    char pem[128], key[128], to[64], text[16] = "";
    int in[2], out[2];
    snprintf(pem, sizeof(pem), "%s/%s.pem", folder, certificate);
    snprintf(key, sizeof(key), "%s/%s.key", folder, certificate);
    snprintf(to, sizeof(to), "127.0.0.1:%u", (unsigned)backend.port);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    char *arguments[] = { (char *)(uintptr_t) "python",
                          (char *)(uintptr_t)TLS_FRONT,
                          (char *)(uintptr_t) "serve",
                          (char *)(uintptr_t) "--backend",
                          to,
                          (char *)(uintptr_t) "--certificate",
                          pem,
                          (char *)(uintptr_t) "--key",
                          key,
                          (char *)(uintptr_t)more,
                          (char *)(uintptr_t)value,
                          NULL };
    front->pid = python(arguments, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    front->input = in[1];
    front->output = out[0];
    for (size_t size = 0; strchr(text, '\n') == NULL && size + 1 < sizeof(text);) {
        ssize_t n = read(front->output, text + size, sizeof(text) - 1 - size);
        assert_true(n > 0 || (n < 0 && errno == EINTR));
        size += n > 0 ? (size_t)n : 0;
    }
    front->port = (unsigned)atoi(text);
    assert_true(front->port > 0);
}

static void front_stop(struct front *front)
{
    int status;
    close(front->input);
    assert_int_equal(waitpid(front->pid, &status, 0), front->pid);
    close(front->output);
}

/* ---- the client ---- */

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct kube_overrides overrides; /* of load_config() */

/* A kubeconfig for the front, with these fields. */
static void load_config(const char *server, const char *cluster, const char *user)
{
    char text[16384], path[128], sentence[KUBE_SENTENCE_MAX] = "";
    snprintf(text, sizeof(text),
             "clusters: [{name: c, cluster: {server: '%s'%s}}]\nusers: [{name: u, user: {%s}}]\n"
             "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n",
             server, cluster, user);
    put("config", text);
    snprintf(path, sizeof(path), "%s/config", folder);
    struct kube_options options = { .kubeconfig = path, .overrides = overrides, .plugins = KUBE_PLUGINS_YES };
    if (kube_config_load(&options, &config, sentence) != 0)
        fail_msg("%s", sentence);
}

static void open_config(const char *server, const char *cluster, const char *user, bool by_files)
{
    load_config(server, cluster, user);
    memset(&client, 0, sizeof(client));
    client_open_config(&client, config, &(struct http_options){ .certificates_as_files = by_files });
}

static void close_config(void)
{
    client_close(&client);
    config = kube_config_free(config);
}

/* One GET through a front; `words` of the sentence, or NULL for an answer with `status`. */
static void expect_by(const struct front *front, const char *host, const char *cluster, const char *user, bool by_files,
                      enum transport_outcome outcome, int status, const char *words)
{
    char server[64];
    struct probe probe = { 0 };
    snprintf(server, sizeof(server), "https://%s:%u", host, front->port);
    open_config(server, cluster, user, by_files);
    client_get(&client, &probe, "/x", 3 * S);
    client_finish(&client, &probe);
    if (probe.outcome != outcome || probe.status != status || (words != NULL && strstr(probe.sentence, words) == NULL))
        fail_msg("outcome %d, status %d, \"%s\" (wanted %d, %d, \"%s\")", (int)probe.outcome, probe.status, probe.sentence, (int)outcome,
                 status, words != NULL ? words : "");
    probe_clear(&probe);
    close_config();
}

static void expect(const struct front *front, const char *cluster, const char *user, enum transport_outcome outcome, int status,
                   const char *words)
{
    expect_by(front, "127.0.0.1", cluster, user, false, outcome, status, words);
    expect_by(front, "127.0.0.1", cluster, user, true, outcome, status, words);
}

/* The contents of a file of the folder as base64. */
static const char *data_of(const char *name)
{
    static char text[2][4096];
    static unsigned turn;
    char command[160];
    char *data = text[turn++ % 2];
    snprintf(command, sizeof(command), "base64 -w0 '%s/%s'", folder, name);
    FILE *pipe = popen(command, "r");
    size_t size = fread(data, 1, sizeof(text[0]) - 1, pipe);
    data[size] = '\0';
    pclose(pipe);
    return data;
}

/* ---- tests ---- */

static void a_server_is_trusted_by_its_authority(void **state)
{
    (void)state;
    struct front front;
    char inline_ca[5000];
    front_start(&front, "server", NULL, NULL);
    expect(&front, ", certificate-authority: ca.pem", "", TRANSPORT_ANSWERED, 200, NULL);
    snprintf(inline_ca, sizeof(inline_ca), ", certificate-authority-data: %s", data_of("ca.pem"));
    expect(&front, inline_ca, "", TRANSPORT_ANSWERED, 200, NULL);
    expect_by(&front, "localhost", inline_ca, "", false, TRANSPORT_ANSWERED, 200, NULL);
    unsigned asked = atomic_load(&backend.requests);
    expect(&front, "", "", TRANSPORT_NOT_SENT, 0, "the server's certificate is not trusted");
    expect(&front, ", certificate-authority: stranger-ca.pem", "", TRANSPORT_NOT_SENT, 0, "check the certificate authority");
    put("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect(&front, ", certificate-authority: broken.pem", "", TRANSPORT_NOT_SENT, 0, "certificate");
    assert_int_equal(atomic_load(&backend.requests), asked);
    expect(&front, ", insecure-skip-tls-verify: true", "", TRANSPORT_ANSWERED, 200, NULL);
    front_stop(&front);
}

static void a_certificate_of_another_name_is_refused_unless_named(void **state)
{
    (void)state;
    struct front front;
    char request[SERVER_REQUEST_MAX], host[64];
    front_start(&front, "other", NULL, NULL);
    expect(&front, ", certificate-authority: ca.pem", "", TRANSPORT_NOT_SENT, 0, "tls-server-name");
    expect(&front, ", certificate-authority: ca.pem, tls-server-name: api.example", "", TRANSPORT_ANSWERED, 200, NULL);
    server_copy_last(&backend, request);
    snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", front.port);
    assert_non_null(strstr(request, host)); /* the name is for the certificate only */
    expect_by(&front, "localhost", ", certificate-authority: ca.pem, tls-server-name: api.example", "", false, TRANSPORT_ANSWERED, 200,
              NULL);
    expect(&front, ", certificate-authority: ca.pem, tls-server-name: wrong.example", "", TRANSPORT_NOT_SENT, 0, "not trusted");
    front_stop(&front);
}

static void an_expired_certificate_is_refused(void **state)
{
    (void)state;
    struct front front;
    front_start(&front, "expired", NULL, NULL);
    expect(&front, ", certificate-authority: ca.pem", "", TRANSPORT_NOT_SENT, 0, "certificate has expired");
    front_stop(&front);
}

static void a_client_certificate_is_presented(void **state)
{
    (void)state;
    struct front front;
    char ca[128], user[10000];
    static const char trust[] = ", certificate-authority: ca.pem";
    snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
    front_start(&front, "server", "--client-ca", ca);
    expect(&front, trust, "client-certificate: client.pem, client-key: client.key", TRANSPORT_ANSWERED, 200, NULL);
    snprintf(user, sizeof(user), "client-certificate-data: %s, client-key-data: %s", data_of("client.pem"), data_of("client.key"));
    expect(&front, trust, user, TRANSPORT_ANSWERED, 200, NULL);
    unsigned asked = atomic_load(&backend.requests);
    /* In TLS 1.3 the client has sent its request by the time it hears of the refusal. */
    expect(&front, trust, "", TRANSPORT_BROKEN, 0, "does the server require a client certificate?");
    expect(&front, trust, "client-certificate: stranger-client.pem, client-key: stranger-client.key", TRANSPORT_BROKEN, 0, "broke off");
    expect(&front, trust, "client-certificate: client.pem, client-key: server.key", TRANSPORT_NOT_SENT, 0,
           "the client certificate or key of context \"x\"");
    assert_int_equal(atomic_load(&backend.requests), asked);
    front_stop(&front);
}

/* A program that prints the certificate and key of `name`; with `first` another's, which has expired, on its first run. */
static void put_plugin(const char *name, const char *first)
{
    char text[1024], path[128];
    snprintf(text, sizeof(text),
             "#!/bin/sh\ncd '%s'; name=%s; first=%s; e=; if [ -n \"$first\" ] && ! [ -e ran ]; then name=$first; touch ran; "
             "e=',\"expirationTimestamp\":\"2020-01-01T00:00:00Z\"'; fi; one() { awk '{printf \"%%s\\\\n\", $0}' $name.$1; }\n"
             "printf '%%s\\n' "
             "'{\"apiVersion\":\"client.authentication.k8s.io/"
             "v1\",\"kind\":\"ExecCredential\",\"status\":{\"clientCertificateData\":\"'\"$(one pem)"
             "\"'\",\"clientKeyData\":\"'\"$(one key)\"'\"'\"$e\"'}}'\n",
             folder, name, first);
    put("plugin", text);
    snprintf(path, sizeof(path), "%s/plugin", folder);
    assert_int_equal(chmod(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/ran", folder);
    unlink(path);
}

static void a_plugins_certificate_is_presented_and_replaced(void **state)
{
    (void)state;
    struct front front;
    char ca[128], server[64];
    static const char user[] = "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, interactiveMode: Never}";
    static const char trust[] = ", certificate-authority: ca.pem";
    snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
    front_start(&front, "server", "--client-ca", ca);
    put_plugin("client", "''");
    expect(&front, trust, user, TRANSPORT_ANSWERED, 200, NULL);
    put_plugin("stranger-client", "''");
    expect(&front, trust, user, TRANSPORT_BROKEN, 0, "broke off");
    for (int by_files = 0; by_files < 2; by_files++) {
        struct probe probe = { 0 };
        const unsigned never = 0;
        put_plugin("client", "stranger-client");
        snprintf(server, sizeof(server), "https://127.0.0.1:%u", front.port);
        open_config(server, trust, user, by_files != 0);
        client_get(&client, &probe, "/x", 3 * S);
        client_finish(&client, &probe);
        assert_int_equal(probe.outcome, TRANSPORT_BROKEN);
        probe_clear(&probe);
        assert_false(client_turn(&client, &never, 1, KUBE_CREDENTIAL_PAUSE_NS));
        for (int i = 0; i < 3; i++) {
            client_get(&client, &probe, "/x", 3 * S);
            client_finish(&client, &probe);
            if (probe.status != 200)
                fail_msg("%s", probe.sentence);
            probe_clear(&probe);
        }
        close_config();
    }
    front_stop(&front);
}

/* src/kube refuses such a key, but nothing else may stand between it and libcurl 7.88, which crashes without a password. */
static void an_encrypted_key_does_not_crash(void **state)
{
    (void)state;
    struct front front;
    char command[300], server[64], path[128];
    snprintf(command, sizeof(command), "openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:x -in '%s/client.key' -out '%s/locked.key'",
             folder, folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof(path), "%s/locked.key", folder);
    front_start(&front, "server", NULL, NULL);
    snprintf(server, sizeof(server), "https://127.0.0.1:%u", front.port);
    for (int by_files = 0; by_files < 2; by_files++) {
        struct probe probe = { 0 };
        load_config(server, ", certificate-authority: ca.pem", "client-certificate: client.pem, client-key: client.key");
        FILE *file = fopen(path, "r");
        free(config->client_key.data);
        config->client_key.data = calloc(1, 8192);
        config->client_key.size = fread(config->client_key.data, 1, 8191, file);
        fclose(file);
        memset(&client, 0, sizeof(client));
        client_open_config(&client, config, &(struct http_options){ .certificates_as_files = by_files });
        client_get(&client, &probe, "/x", 3 * S);
        client_finish(&client, &probe);
        assert_int_equal(probe.outcome, TRANSPORT_NOT_SENT);
        assert_non_null(strstr(probe.sentence, "client certificate or key"));
        probe_clear(&probe);
        close_config();
    }
    front_stop(&front);
}

static void an_encrypted_key_is_opened_by_its_passphrase(void **state)
{
    (void)state;
    struct front front;
    char command[300], ca[128];
    snprintf(command, sizeof(command), "openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:right -in '%s/client.key' -out '%s/locked.key'",
             folder, folder);
    assert_int_equal(system(command), 0);
    snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
    front_start(&front, "server", "--client-ca", ca);
    overrides = (struct kube_overrides){ .key_passphrase = "right" };
    expect(&front, ", certificate-authority: ca.pem", "client-certificate: client.pem, client-key: locked.key", TRANSPORT_ANSWERED, 200,
           NULL);
    overrides = (struct kube_overrides){ .key_passphrase = "wrong" };
    expect(&front, ", certificate-authority: ca.pem", "client-certificate: client.pem, client-key: locked.key", TRANSPORT_NOT_SENT, 0,
           "the client certificate or key");
    overrides = (struct kube_overrides){ 0 };
    front_stop(&front);
}

static void name_and_password_are_sent_at_once(void **state)
{
    (void)state;
    struct front front;
    char request[SERVER_REQUEST_MAX];
    front_start(&front, "server", NULL, NULL);
    expect(&front, ", certificate-authority: ca.pem", "username: Aladdin, password: 'open sesame'", TRANSPORT_ANSWERED, 200, NULL);
    server_copy_last(&backend, request);
    assert_non_null(strstr(request, "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n")); /* as in RFC 7617 */
    overrides = (struct kube_overrides){ .token = "t" };
    expect(&front, ", certificate-authority: ca.pem", "username: Aladdin, password: 'open sesame'", TRANSPORT_ANSWERED, 200, NULL);
    server_copy_last(&backend, request);
    assert_non_null(strstr(request, "\r\nAuthorization: Bearer t\r\n"));
    assert_null(strstr(request, "Basic"));
    overrides = (struct kube_overrides){ 0 };
    front_stop(&front);
}

static void a_rotated_token_is_read_again_on_401(void **state)
{
    (void)state;
    struct front front;
    char tokens[128], server[64];
    snprintf(tokens, sizeof(tokens), "%s/tokens", folder);
    put("tokens", "first\n");
    put("token", "first\n");
    front_start(&front, "server", "--tokens", tokens);
    snprintf(server, sizeof(server), "https://127.0.0.1:%u", front.port);
    open_config(server, ", certificate-authority: ca.pem", "tokenFile: token", false);
    static const struct {
        const char *accepted, *held;
        int status;
    } steps[] = {
        { "first\n", "first\n", 200 }, { "second\n", "second\n", 200 }, { "third\n", "second\n", 401 }, { "third\n", "third\n", 200 }
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct probe probe = { 0 };
        put("tokens", steps[i].accepted);
        put("token", steps[i].held);
        client_get(&client, &probe, "/x", 3 * S);
        client_finish(&client, &probe);
        assert_int_equal(probe.outcome, TRANSPORT_ANSWERED);
        assert_int_equal(probe.status, steps[i].status);
        if (probe.status == 401)
            assert_non_null(strstr(probe.body, "Unauthorized"));
        probe_clear(&probe);
    }
    close_config();
    expect(&front, ", certificate-authority: ca.pem", "token: third", TRANSPORT_ANSWERED, 200, NULL);
    expect(&front, ", certificate-authority: ca.pem", "token: fourth", TRANSPORT_ANSWERED, 401, NULL);
    expect(&front, ", certificate-authority: ca.pem", "", TRANSPORT_ANSWERED, 401, NULL);
    front_stop(&front);
}

static void one_401_is_overcome_two_are_told(void **state)
{
    (void)state;
    struct front front;
    put("token", "t");
    front_start(&front, "server", "--refuse", "1");
    expect_by(&front, "127.0.0.1", ", certificate-authority: ca.pem", "tokenFile: token", false, TRANSPORT_ANSWERED, 200, NULL);
    front_stop(&front);
    front_start(&front, "server", "--refuse", "2");
    expect_by(&front, "127.0.0.1", ", certificate-authority: ca.pem", "tokenFile: token", false, TRANSPORT_ANSWERED, 401, NULL);
    front_stop(&front);
}

static void serve_by_path(struct server *s, int fd, unsigned index)
{
    char request[SERVER_REQUEST_MAX];
    (void)index;
    while (server_read(s, fd)) {
        server_copy_last(s, request);
        if (strstr(request, "/never") != NULL) {
            server_wait_end(s, fd);
            return;
        }
        if (strstr(request, "/watch") != NULL) {
            server_write(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
            for (int i = 0; i < 3 && server_sleep(s, 20 * MS); i++)
                server_write(fd, "5\r\nhello\r\n");
            server_write(fd, "0\r\n\r\n");
            continue;
        }
        server_answer(fd, 200, "{}");
    }
}

static void connections_and_streams_work_as_without_tls(void **state)
{
    (void)state;
    struct front front;
    char server[64];
    front_start(&front, "server", NULL, NULL);
    snprintf(server, sizeof(server), "https://127.0.0.1:%u", front.port);
    open_config(server, ", certificate-authority: ca.pem", "", false);
    unsigned before = atomic_load(&backend.connections), ended = atomic_load(&backend.ended);
    for (int i = 0; i < 10; i++) {
        struct probe probe = { 0 };
        client_get(&client, &probe, "/x", 3 * S);
        client_finish(&client, &probe);
        assert_int_equal(probe.status, 200);
        probe_clear(&probe);
    }
    assert_int_equal(atomic_load(&backend.connections), before + 1);
    struct probe watch = { 0 }, never = { 0 }, next = { 0 };
    client_watch(&client, &watch, "/watch", 3 * S, S);
    client_finish(&client, &watch);
    assert_string_equal(watch.data, "hellohellohello");
    client_get(&client, &never, "/never", 200 * MS);
    client_finish(&client, &never);
    assert_int_equal(never.outcome, TRANSPORT_TIMED_OUT);
    assert_true(server_reaches(&backend.ended, ended + 1)); /* the front saw it go */
    client_get(&client, &next, "/x", 3 * S);
    client_finish(&client, &next);
    assert_int_equal(next.status, 200);
    assert_true(client.longest_ns < 50 * MS);
    probe_clear(&watch);
    probe_clear(&never);
    probe_clear(&next);
    close_config();
    front_stop(&front);
}

static void speaking_past_each_other_is_told(void **state)
{
    (void)state;
    struct front front = { .port = backend.port };
    char server[64];
    struct probe probe = { 0 };
    expect_by(&front, "127.0.0.1", ", certificate-authority: ca.pem", "", false, TRANSPORT_NOT_SENT, 0, NULL); /* TLS to HTTP */
    front_start(&front, "server", NULL, NULL);
    snprintf(server, sizeof(server), "http://127.0.0.1:%u", front.port); /* HTTP to TLS */
    open_config(server, "", "", false);
    client_get(&client, &probe, "/x", 3 * S);
    client_finish(&client, &probe);
    assert_int_equal(probe.outcome, TRANSPORT_BROKEN);
    probe_clear(&probe);
    close_config();
    front_stop(&front);
}

static int make_world(void **state)
{
    (void)state;
    int status;
    strcpy(folder, "/tmp/leasehold-tls-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    char *arguments[] = { (char *)(uintptr_t) "python", (char *)(uintptr_t)TLS_FRONT, (char *)(uintptr_t) "certificates", folder, NULL };
    pid_t pid = python(arguments, -1, -1);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        return -1;
    server_start(&backend, serve_by_path);
    return 0;
}

static int remove_world(void **state)
{
    (void)state;
    char command[128];
    server_stop(&backend);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_trusted_by_its_authority),
        cmocka_unit_test(a_certificate_of_another_name_is_refused_unless_named),
        cmocka_unit_test(an_expired_certificate_is_refused),
        cmocka_unit_test(a_client_certificate_is_presented),
        cmocka_unit_test(a_plugins_certificate_is_presented_and_replaced),
        cmocka_unit_test(an_encrypted_key_does_not_crash),
        cmocka_unit_test(a_rotated_token_is_read_again_on_401),
        cmocka_unit_test(an_encrypted_key_is_opened_by_its_passphrase),
        cmocka_unit_test(a_rotated_token_is_read_again_on_401),
        cmocka_unit_test(name_and_password_are_sent_at_once),
        cmocka_unit_test(a_rotated_token_is_read_again_on_401),
        cmocka_unit_test(one_401_is_overcome_two_are_told),
        cmocka_unit_test(connections_and_streams_work_as_without_tls),
        cmocka_unit_test(speaking_past_each_other_is_told),
    };
    return cmocka_run_group_tests(tests, make_world, remove_world);
}
