/* Which configuration is taken, what its files hold, and the sentence where it cannot be used. Every test has a folder of its
 * own and an environment that is a table. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kube/config.h"
#include "kube/exec.h"
#include "kube/internal.h"
#include "leasehold/errors.h"

#define PEM "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
#define PEM64 "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
#define KEY "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"

static char folder[64];

struct variable {
    const char *name;
    char value[512];
};

static const char *look_up(void *user, const char *name)
{
    for (const struct variable *v = user; v != NULL && v->name != NULL; v++)
        if (strcmp(v->name, name) == 0)
            return v->value;
    return NULL;
}

/* All that is set is KUBECONFIG. */
static const char *look_up_list(void *user, const char *name)
{
    return strcmp(name, "KUBECONFIG") == 0 ? user : NULL;
}

static const char *in_folder(const char *name)
{
    static char paths[8][160];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/leasehold-kube-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

/* A kubeconfig with these fields of the cluster (after the server), the user and the context. */
static void put_config(const char *name, const char *cluster, const char *user, const char *context)
{
    char text[4096];
    snprintf(text, sizeof(text),
             "clusters: [{name: c, cluster: {server: 'https://api.example:6443/p'%s}}]\nusers: [{name: u, user: {%s}}]\n"
             "contexts: [{name: x, context: {cluster: c, user: u%s}}]\ncurrent-context: x\n",
             cluster, user, context);
    put(name, text);
}

static struct kube_config *load(const struct kube_options *options)
{
    struct kube_config *config = NULL;
    char sentence[KUBE_SENTENCE_MAX] = "";
    if (kube_config_load(options, &config, sentence) != 0)
        fail_msg("%s", sentence);
    return config;
}

static void refused(const struct kube_options *options, int error, const char *words)
{
    struct kube_config *config = NULL;
    char sentence[KUBE_SENTENCE_MAX] = "";
    int got = kube_config_load(options, &config, sentence);
    if (got != error || strstr(sentence, words) == NULL)
        fail_msg("%d, \"%s\" and not \"%s\"", got, sentence, words);
    assert_null(config);
    assert_null(strstr(sentence, "SECRET"));
}

static void refused_file(const char *cluster, const char *user, const char *context, const char *words)
{
    put_config("bad", cluster, user, context);
    struct kube_options options = { .kubeconfig = in_folder("bad") };
    refused(&options, LEASEHOLD_ERR_CONFIG, words);
}

static void files_and_data_are_read(void **state)
{
    (void)state;
    put("ca.pem", PEM);
    put("c.pem", "the certificate:\n" PEM);
    put("k.pem", KEY);
    put("t", "SECRET\n");
    put_config("config", ", certificate-authority: ca.pem, tls-server-name: other.example",
               "client-certificate: c.pem, client-key: k.pem, tokenFile: t, token: unused", ", namespace: ns");
    struct kube_options options = { .kubeconfig = in_folder("config") };
    struct kube_config *config = load(&options);
    assert_string_equal(config->server, "https://api.example:6443/p");
    assert_string_equal(config->host, "api.example");
    assert_int_equal(config->port, 6443);
    assert_string_equal(config->path_prefix, "/p");
    assert_true(config->tls);
    assert_string_equal(config->tls_server_name, "other.example");
    assert_string_equal((char *)config->ca.data, PEM); /* relative to the kubeconfig's folder */
    assert_int_equal(config->ca.size, strlen(PEM));
    assert_string_equal((char *)config->client_key.data, KEY);
    assert_string_equal(config->token, "SECRET");
    assert_string_equal(config->token_file, in_folder("t"));
    assert_string_equal(config->namespace_name, "ns");
    assert_non_null(strstr(config->source, "context \"x\" of /tmp/"));
    assert_null(kube_config_free(config));

    put_config("config", ", certificate-authority: nowhere, certificate-authority-data: " PEM64, "token: SECRET", "");
    config = load(&options);
    assert_string_equal((char *)config->ca.data, PEM); /* data wins */
    assert_string_equal(config->namespace_name, "default");
    assert_string_equal(config->token, "SECRET");
    assert_null(config->token_file);
    kube_config_free(config);

    put_config("config", "", "tokenFile: nowhere, token: SECRET", "");
    config = load(&options);
    assert_string_equal(config->token, "SECRET"); /* until the file can be read */
    kube_config_free(config);
    assert_null(kube_config_free(NULL));
}

static void what_cannot_be_used_is_named(void **state)
{
    (void)state;
    put("text", "hello");
    put("k.pem", KEY);
    put("c.pem", PEM);
    put("locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n");
    refused_file(", certificate-authority: gone.pem", "", "", "certificate-authority of cluster \"c\"");
    refused_file(", certificate-authority: gone.pem", "", "", "gone.pem, cannot be read: No such file");
    refused_file(", certificate-authority: .", "", "", "it is a folder");
    refused_file(", certificate-authority: /dev/null", "", "", "not a regular file");
    refused_file(", certificate-authority: text", "", "", "holds no PEM CERTIFICATE");
    refused_file(", certificate-authority-data: '!!'", "", "", "certificate-authority-data of cluster \"c\" is not base64");
    refused_file(", certificate-authority: c.pem, insecure-skip-tls-verify: true", "", "", "both insecure-skip-tls-verify");
    refused_file(", tls-server-name: 'a b'", "", "", "tls-server-name \"a b\"");
    refused_file("", "client-key: k.pem", "", "client-key without a client-certificate");
    refused_file("", "client-certificate: c.pem", "", "client-certificate without a client-key");
    refused_file("", "client-certificate: c.pem, client-key: c.pem", "", "holds no PEM PRIVATE KEY");
    refused_file("", "client-certificate: c.pem, client-key: locked.pem", "", "is encrypted");
    refused_file("", "tokenFile: gone", "", "tokenFile of user \"u\"");
    refused_file("", "token: 'SECRET SECRET'", "", "token of user \"u\" holds bytes that no token has");
    refused_file("", "", ", namespace: No_Good", "the namespace \"No_Good\" is none");
    put("bad2", "clusters: [{name: c, cluster: {server: 'https://me:SECRET@h'}}]\ncontexts: [{name: x, context: {cluster: c}}]\n"
                "current-context: x\n");
    struct kube_options options = { .kubeconfig = in_folder("bad2") };
    refused(&options, LEASEHOLD_ERR_CONFIG, "must not hold a user");
    options.kubeconfig = in_folder("gone");
    refused(&options, LEASEHOLD_ERR_CONFIG, "gone cannot be read: No such file");
    put("unreadable", "x");
    chmod(in_folder("unreadable"), 0);
    if (geteuid() != 0) {
        options.kubeconfig = in_folder("unreadable");
        refused(&options, LEASEHOLD_ERR_CONFIG, "Permission denied");
    }
}

/* What `before` bytes of comment and the configuration come to through a pipe, written by another process with a pause in the middle. */
static int load_pipe(size_t before, char sentence[KUBE_SENTENCE_MAX], struct kube_config **ret)
{
    static const char text[] = "\nclusters: [{name: c, cluster: {server: 'https://piped'}}]\ncontexts: [{name: x, context: {cluster: c}}]\n"
                               "current-context: x\n";
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t writer = fork();
    if (writer == 0) {
        close(ends[0]);
        bool good = true;
        for (size_t i = 0; i < before && good; i++)
            good = write(ends[1], "#", 1) == 1;
        usleep(50000);
        _exit(good && write(ends[1], text, sizeof(text) - 1) > 0 ? 0 : 1);
    }
    close(ends[1]);
    char path[32];
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    struct kube_options options = { .kubeconfig = path };
    int error = kube_config_load(&options, ret, sentence);
    close(ends[0]);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    return error;
}

static void a_kubeconfig_may_be_a_pipe(void **state)
{
    (void)state;
    char sentence[KUBE_SENTENCE_MAX] = "";
    struct kube_config *config = NULL;
    if (load_pipe(100000, sentence, &config) != 0) /* more than a pipe holds */
        fail_msg("%s", sentence);
    assert_string_equal(config->host, "piped");
    kube_config_free(config);
    signal(SIGPIPE, SIG_IGN); /* of the writer */
    assert_int_equal(load_pipe(KUBE_FILE_MAX, sentence, &config), LEASEHOLD_ERR_CONFIG);
    assert_non_null(strstr(sentence, "larger than 1048576 bytes"));
    signal(SIGPIPE, SIG_DFL);

    /* Nothing else may be one: whoever reads it again would wait for ever. */
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    refused_file("", "tokenFile: fifo", "", "not a regular file");
    struct kube_options options = { .kubeconfig = in_folder("fifo") };
    refused(&options, LEASEHOLD_ERR_CONFIG, "nobody wrote or closed it for 10 s");
}

#define EXEC "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./get, interactiveMode: Never, provideClusterInfo: true}"

static void a_plugin_is_made_ready(void **state)
{
    (void)state;
    put("ca.pem", PEM);
    put_config("config", ", certificate-authority: ca.pem, tls-server-name: n, proxy-url: 'http://p:1'", EXEC, "");
    struct kube_options options = { .kubeconfig = in_folder("config") };
    refused(&options, LEASEHOLD_ERR_CONFIG,
            "config: user \"u\" gets its credentials from the program ./get (exec), which is not run unless the "
            "option exec-plugins is yes");
    options.plugins = KUBE_PLUGINS_YES;
    struct kube_config *config = load(&options);
    assert_string_equal(config->exec->command, in_folder("./get")); /* relative to the kubeconfig's folder */
    assert_string_equal(config->exec->owner, "user \"u\"");
    assert_false(config->exec->interactive);
    char *info = kube_exec_info(config->exec, config->exec->interactive);
    assert_string_equal(info,
                        "KUBERNETES_EXEC_INFO={\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":"
                        "{\"cluster\":{\"server\":\"https://api.example:6443/p\",\"tls-server-name\":\"n\","
                        "\"certificate-authority-data\":\"" PEM64 "\",\"proxy-url\":\"http://p:1\"},\"interactive\":false}}");
    free(info);
    kube_config_free(config);

    /* What the settings say otherwise is what it is told. */
    options.overrides = (struct kube_overrides){ .server = "https://other", .insecure_skip_tls_verify = "yes" };
    config = load(&options);
    assert_string_equal(config->exec->cluster, "{\"server\":\"https://other\",\"tls-server-name\":\"n\",\"insecure-skip-tls-verify\":true,"
                                               "\"proxy-url\":\"http://p:1\"}");
    kube_config_free(config);

    /* Whatever else says who we are wins, and then nothing has to be run. */
    options = (struct kube_options){ .kubeconfig = in_folder("config"), .overrides = { .token = "SECRET" } };
    config = load(&options);
    assert_null(config->exec);
    assert_string_equal(config->token, "SECRET");
    kube_config_free(config);
    put_config("config", "", "username: me, password: SECRET, " EXEC, "");
    options = (struct kube_options){ .kubeconfig = in_folder("config") };
    config = load(&options);
    assert_null(config->exec);
    kube_config_free(config);
}

static void a_plugin_that_must_ask_wants_a_terminal(void **state)
{
    (void)state;
    put_config("config", "", "exec: {apiVersion: client.authentication.k8s.io/v1, command: get, interactiveMode: Always}", "");
    struct kube_options options = { .kubeconfig = in_folder("config"), .plugins = KUBE_PLUGINS_YES };
    refused(&options, LEASEHOLD_ERR_CONFIG, "wants to ask (interactiveMode: Always), and nobody may be asked here");
    options.plugins = KUBE_PLUGINS_INTERACTIVE;
    int old = dup(0), null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    refused(&options, LEASEHOLD_ERR_CONFIG, "and standard input is no terminal");
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0) {
        int its = open(ptsname(terminal), O_RDWR | O_NOCTTY);
        assert_true(its >= 0);
        dup2(its, 0);
        struct kube_config *config = load(&options);
        assert_true(config->exec->interactive);
        assert_string_equal(config->exec->command, "get"); /* for PATH */
        kube_config_free(config);
        close(its);
    }
    close(terminal);
    dup2(old, 0);
    close(old);
    close(null);
}

static void what_a_plugin_is_told_of_the_cluster_fits_a_variable(void **state)
{
    (void)state;
    /* As base64 the authority takes four thirds. */
    for (int more = 0; more < 2; more++) {
        static char text[128 << 10];
        size_t size = (size_t)(more ? 72 : 71) << 10;
        memset(text, 'x', size);
        memcpy(text, PEM, strlen(PEM));
        text[size] = '\0';
        put("ca.pem", text);
        put_config("config", ", certificate-authority: ca.pem", EXEC, "");
        struct kube_options options = { .kubeconfig = in_folder("config"), .plugins = KUBE_PLUGINS_YES };
        if (more)
            refused(&options, LEASEHOLD_ERR_CONFIG, "is larger than 98304 bytes");
        else
            kube_config_free(load(&options));
    }
}

static void a_file_has_a_limit(void **state)
{
    (void)state;
    put_config("config", "", "", "");
    FILE *file = fopen(in_folder("config"), "a");
    fseek(file, 0, SEEK_END);
    for (long at = ftell(file); at < KUBE_FILE_MAX; at++)
        fputc('#', file);
    fclose(file);
    struct kube_options options = { .kubeconfig = in_folder("config") };
    kube_config_free(load(&options));
    file = fopen(in_folder("config"), "a");
    fputc('#', file);
    fclose(file);
    refused(&options, LEASEHOLD_ERR_CONFIG, "it is larger than 1048576 bytes");
}

static void the_first_place_that_has_one_wins(void **state)
{
    (void)state;
    mkdir(in_folder(".kube"), 0700);
    put_config("explicit", "", "token: explicit", "");
    put_config("listed", "", "token: listed", "");
    put_config(".kube/config", "", "token: home", "");
    struct variable environment[] = { { "KUBECONFIG", "" }, { "HOME", "" }, { "KUBERNETES_SERVICE_HOST", "10.0.0.1" }, { NULL, "" } };
    snprintf(environment[0].value, sizeof(environment[0].value), "%s", in_folder("listed"));
    snprintf(environment[1].value, sizeof(environment[1].value), "%s", folder);
    struct kube_options options = { .kubeconfig = in_folder("explicit"), .environment = look_up, .user = environment };
    struct kube_config *config = load(&options);
    assert_string_equal(config->token, "explicit");
    kube_config_free(config);
    options.kubeconfig = "";
    config = load(&options);
    assert_string_equal(config->token, "listed");
    kube_config_free(config);
    environment[0].value[0] = '\0';
    config = load(&options);
    assert_string_equal(config->token, "home");
    kube_config_free(config);
    unlink(in_folder(".kube/config"));
    options.service_account_folder = folder;
    refused(&options, LEASEHOLD_ERR_CONFIG, "KUBERNETES_SERVICE_HOST is set, but the token in");
    options.context = "dev";
    refused(&options, LEASEHOLD_ERR_CONFIG, "no kubeconfig to find the context \"dev\" in");
    options = (struct kube_options){ 0 };
    refused(&options, LEASEHOLD_ERR_CONFIG, "no Kubernetes configuration was found");
}

static void a_list_of_files_is_merged(void **state)
{
    (void)state;
    put_config("one", "", "token: one", "");
    put_config("two", "", "token: two", "");
    struct variable environment[] = { { "KUBECONFIG", "" }, { NULL, "" } };
    struct kube_options options = { .environment = look_up, .user = environment };
    snprintf(environment[0].value, sizeof(environment[0].value), "%s/gone::%s/one:", folder, folder);
    struct kube_config *config = load(&options);
    assert_string_equal(config->token, "one");
    kube_config_free(config);
    snprintf(environment[0].value, sizeof(environment[0].value), "%s/one:%s/gone:%s/two:%s/one", folder, folder, folder, folder);
    config = load(&options);
    assert_string_equal(config->token, "one");
    assert_non_null(strstr(config->source, "one:/tmp/"));
    kube_config_free(config);
    snprintf(environment[0].value, sizeof(environment[0].value), "%s/gone:%s/lost", folder, folder);
    refused(&options, LEASEHOLD_ERR_CONFIG, "gone cannot be read");
    put("broken", "{");
    snprintf(environment[0].value, sizeof(environment[0].value), "%s/one:%s/broken", folder, folder);
    refused(&options, LEASEHOLD_ERR_CONFIG, "broken: line 2 is not YAML");
    snprintf(environment[0].value, sizeof(environment[0].value), "%s/one:%s", folder, folder);
    refused(&options, LEASEHOLD_ERR_CONFIG, "it is a folder");
    strcpy(environment[0].value, ":::");
    refused(&options, LEASEHOLD_ERR_CONFIG, "no Kubernetes configuration was found");
}

static void paths_belong_to_the_file_that_has_them(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_folder("a"), 0700), 0);
    assert_int_equal(mkdir(in_folder("b"), 0700), 0);
    put("a/ca.pem", "of a\n" PEM);
    put("b/ca.pem", "of b\n" PEM);
    put("a/t", "SECRET-a");
    put("b/t", "SECRET-b");
    put("a/config", "contexts: [{name: x, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {tokenFile: t}}]\n");
    put("b/config", "current-context: x\nclusters: [{name: c, cluster: {server: 'https://h', certificate-authority: ca.pem}}]\n"
                    "users: [{name: u, user: {tokenFile: gone}}]\n");
    struct variable environment[] = { { "KUBECONFIG", "" }, { NULL, "" } };
    struct kube_options options = { .environment = look_up, .user = environment };
    snprintf(environment[0].value, sizeof(environment[0].value), "%s/a/config:%s/b/config", folder, folder);
    struct kube_config *config = load(&options);
    assert_string_equal((char *)config->ca.data, "of b\n" PEM);
    assert_string_equal(config->token, "SECRET-a");
    kube_config_free(config);
    snprintf(environment[0].value, sizeof(environment[0].value), "%s/b/config:%s/a/config", folder, folder);
    refused(&options, LEASEHOLD_ERR_CONFIG, "b/gone, cannot be used");
    options.context = "y";
    refused(&options, LEASEHOLD_ERR_CONFIG, "a/config has no context \"y\""); /* all of them are named */
}

static void a_list_has_a_limit(void **state)
{
    (void)state;
    static char list[KUBE_FILES_MAX * 64];
    char text[16];
    char *end = list;
    put_config("0", "", "token: t", "");
    for (int i = 0; i <= KUBE_FILES_MAX; i++) {
        snprintf(text, sizeof text, "%d", i);
        if (i > 0)
            put(text, "");
        end += sprintf(end, "%s/%d:", folder, i);
        struct kube_files files;
        char sentence[KUBE_SENTENCE_MAX];
        struct kube_options options = { .environment = look_up_list, .user = list };
        int error = kube_files_read(&options, &files, sentence);
        assert_int_equal(error, i < KUBE_FILES_MAX ? 0 : LEASEHOLD_ERR_CONFIG);
        if (error == 0) {
            assert_int_equal(files.count, i + 1);
            kube_files_free(&files);
        } else {
            assert_non_null(strstr(sentence, "more than 64 files"));
        }
    }
}

static void a_pod_finds_its_service_account(void **state)
{
    (void)state;
    struct variable environment[] = { { "KUBERNETES_SERVICE_HOST", "10.96.0.1" }, { "KUBERNETES_SERVICE_PORT", "6443" }, { NULL, "" } };
    struct kube_options options = { .environment = look_up, .user = environment, .service_account_folder = folder };
    put("token", "SECRET");
    refused(&options, LEASEHOLD_ERR_CONFIG, "ca.crt cannot be read");
    put("ca.crt", "no certificate");
    refused(&options, LEASEHOLD_ERR_CONFIG, "holds no PEM CERTIFICATE");
    put("ca.crt", PEM);
    struct kube_config *config = load(&options);
    assert_string_equal(config->server, "https://10.96.0.1:6443");
    assert_string_equal(config->namespace_name, "default");
    assert_string_equal(config->token, "SECRET");
    assert_string_equal(config->token_file, in_folder("token"));
    kube_config_free(config);
    put("namespace", "team-a\n");
    strcpy(environment[0].value, "fd00::1");
    environment[1].value[0] = '\0';
    config = load(&options);
    assert_string_equal(config->server, "https://[fd00::1]:443");
    assert_string_equal(config->host, "fd00::1");
    assert_string_equal(config->namespace_name, "team-a");
    kube_config_free(config);
    put("namespace", "Not Good");
    refused(&options, LEASEHOLD_ERR_CONFIG, "the namespace \"Not\" is none");
    put("namespace", "ok");
    strcpy(environment[0].value, "a/b?c");
    refused(&options, LEASEHOLD_ERR_CONFIG, "KUBERNETES_SERVICE_HOST");
    strcpy(environment[0].value, "10.96.0.1");
    put("token", "");
    refused(&options, LEASEHOLD_ERR_CONFIG, "it is empty");
}

/* ---- what is said otherwise ---- */

static void settings_say_otherwise_than_a_kubeconfig(void **state)
{
    (void)state;
    put("ca.pem", PEM);
    put("t", "SECRET-of-file\n");
    put_config("config", ", certificate-authority: nowhere.pem, tls-server-name: other.example", "token: SECRET", ", namespace: ns");
    struct kube_options options = { .kubeconfig = in_folder("config") };
    options.overrides =
        (struct kube_overrides){ .server = "http://127.0.0.1:8001", .ca_file = in_folder("ca.pem"), .token_file = in_folder("t") };
    struct kube_config *config = load(&options);
    assert_string_equal(config->server, "http://127.0.0.1:8001");
    assert_string_equal((char *)config->ca.data, PEM);
    assert_string_equal(config->tls_server_name, "other.example");
    assert_string_equal(config->token, "SECRET-of-file");
    assert_string_equal(config->namespace_name, "ns");
    kube_config_free(config);

    /* Not to look at the certificate drops the authority; who names one again means it. */
    options.overrides = (struct kube_overrides){ .insecure_skip_tls_verify = "yes", .token = "SECRET2" };
    config = load(&options);
    assert_true(config->insecure_skip_tls_verify);
    assert_null(config->ca.data);
    assert_string_equal(config->token, "SECRET2");
    kube_config_free(config);
    options.overrides = (struct kube_overrides){ .insecure_skip_tls_verify = "yes", .ca_data = PEM };
    refused(&options, LEASEHOLD_ERR_CONFIG, "has both insecure-skip-tls-verify and a certificate-authority");
    put_config("config", ", insecure-skip-tls-verify: true", "", "");
    options.overrides = (struct kube_overrides){ .ca_data = PEM };
    config = load(&options);
    assert_false(config->insecure_skip_tls_verify);
    kube_config_free(config);
    options.overrides = (struct kube_overrides){ .ca_data = PEM64 };
    config = load(&options);
    assert_string_equal((char *)config->ca.data, PEM);
    kube_config_free(config);
}

static void another_way_to_say_who_we_are_takes_the_place_of_the_first(void **state)
{
    (void)state;
    put("k.pem", KEY);
    put("c.pem", PEM);
    put_config("config", "", "username: me, password: SECRET", "");
    struct kube_options options = { .kubeconfig = in_folder("config") };
    struct kube_config *config = load(&options);
    assert_string_equal(config->username, "me");
    assert_string_equal(config->password, "SECRET");
    assert_null(config->token);
    kube_config_free(config);
    options.overrides.token = "SECRET2";
    config = load(&options);
    assert_string_equal(config->token, "SECRET2");
    assert_null(config->username);
    kube_config_free(config);
    options.overrides.username = "you";
    refused(&options, LEASEHOLD_ERR_CONFIG, "has both a token and a username");
    options.overrides = (struct kube_overrides){ .username = "yo:u", .password = "SECRET" };
    refused(&options, LEASEHOLD_ERR_CONFIG, "colon");
    refused_file("", "password: SECRET", "", "no username");
    refused_file("", "token: SECRET, username: me, password: SECRET", "", "has both a token and a username");

    options.overrides = (struct kube_overrides){ .certificate_file = in_folder("c.pem"), .key_file = in_folder("k.pem") };
    config = load(&options);
    assert_string_equal((char *)config->client_key.data, KEY);
    assert_string_equal(config->username, "me");
    kube_config_free(config);
}

static void a_passphrase_opens_what_is_encrypted(void **state)
{
    (void)state;
    put("c.pem", PEM);
    put("k.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n");
    put_config("config", "", "client-certificate: c.pem, client-key: k.pem", "");
    struct kube_options options = { .kubeconfig = in_folder("config") };
    refused(&options, LEASEHOLD_ERR_CONFIG, "client-key-passphrase");
    options.overrides.key_passphrase = "SECRET";
    struct kube_config *config = load(&options);
    assert_string_equal(config->key_passphrase, "SECRET");
    kube_config_free(config);
}

static void clusters_and_users_can_be_chosen(void **state)
{
    (void)state;
    put("config", "clusters: [{name: c, cluster: {server: 'https://a'}}, {name: d, cluster: {server: 'https://b'}}]\n"
                  "users: [{name: u, user: {token: one}}, {name: v, user: {token: two}}]\n"
                  "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n");
    struct kube_options options = { .kubeconfig = in_folder("config"), .overrides = { .cluster = "d", .user = "v" } };
    struct kube_config *config = load(&options);
    assert_string_equal(config->host, "b");
    assert_string_equal(config->token, "two");
    kube_config_free(config);
    options.overrides.user = "w";
    refused(&options, LEASEHOLD_ERR_CONFIG, "names user \"w\", which users does not have");
}

static void a_server_makes_do_without_a_kubeconfig(void **state)
{
    (void)state;
    struct variable environment[] = { { "KUBERNETES_SERVICE_HOST", "10.0.0.1" }, { NULL, "" } };
    struct kube_options options = { .environment = look_up, .user = environment, .service_account_folder = in_folder("none") };
    options.overrides.server = "https://api.example";
    struct kube_config *config = load(&options);
    assert_string_equal(config->host, "api.example");
    assert_string_equal(config->source, "the settings");
    assert_string_equal(config->namespace_name, "default");
    assert_null(config->token);
    kube_config_free(config);
    options.overrides.server = "ftp://x";
    refused(&options, LEASEHOLD_ERR_CONFIG, "the settings");
    options.overrides.server = "https://me:SECRET@x";
    refused(&options, LEASEHOLD_ERR_CONFIG, "cannot be used");
}

static void a_pod_can_be_told_otherwise(void **state)
{
    (void)state;
    char account[128];
    struct variable environment[] = { { "KUBERNETES_SERVICE_HOST", "10.0.0.1" }, { NULL, "" } };
    snprintf(account, sizeof account, "%s/account", folder);
    assert_int_equal(mkdir(account, 0700), 0);
    put("account/token", "SECRET");
    put("account/ca.crt", PEM);
    put("account/namespace", "ns");
    struct kube_options options = { .environment = look_up, .user = environment, .service_account_folder = account };
    options.overrides = (struct kube_overrides){ .token = "SECRET2", .tls_server_name = "kubernetes.default" };
    struct kube_config *config = load(&options);
    assert_string_equal(config->host, "10.0.0.1");
    assert_string_equal(config->token, "SECRET2");
    assert_null(config->token_file);
    assert_string_equal(config->tls_server_name, "kubernetes.default");
    assert_string_equal((char *)config->ca.data, PEM);
    assert_string_equal(config->namespace_name, "ns");
    kube_config_free(config);
    options.overrides = (struct kube_overrides){ .insecure_skip_tls_verify = "yes" };
    config = load(&options);
    assert_null(config->ca.data);
    assert_string_equal(config->token, "SECRET");
    kube_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_and_data_are_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_cannot_be_used_is_named, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_kubeconfig_may_be_a_pipe, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_plugin_is_made_ready, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_plugin_that_must_ask_wants_a_terminal, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_a_plugin_is_told_of_the_cluster_fits_a_variable, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_file_has_a_limit, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_first_place_that_has_one_wins, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_list_of_files_is_merged, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(paths_belong_to_the_file_that_has_them, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_list_has_a_limit, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_pod_finds_its_service_account, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(settings_say_otherwise_than_a_kubeconfig, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(another_way_to_say_who_we_are_takes_the_place_of_the_first, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_passphrase_opens_what_is_encrypted, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(clusters_and_users_can_be_chosen, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_server_makes_do_without_a_kubeconfig, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_pod_can_be_told_otherwise, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
