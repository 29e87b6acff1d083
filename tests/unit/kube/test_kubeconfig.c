/* Texts of kubeconfigs: what is read, what is refused and with which sentence, and where the limits are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/exec.h"
#include "kube/kubeconfig.h"
#include "leasehold/errors.h"

#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://h:1'}}]\n"
#define CONTEXT "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
#define USER "users: [{name: u, user: {token: t}}]\n"
#define CURRENT "current-context: x\n"

static int parse(const char *text, const char *context, struct kubeconfig *k, char *sentence)
{
    sentence[0] = '\0';
    const struct kubeconfig_source source = { "FILE", text, strlen(text) };
    return kubeconfig_parse("FILE", &source, 1, &(struct kubeconfig_choice){ .context = context }, k, sentence);
}

static void refused(const char *text, int error, const char *words)
{
    char sentence[KUBE_SENTENCE_MAX];
    struct kubeconfig k = { .server = (char *)(uintptr_t)1 };
    int got = parse(text, NULL, &k, sentence);
    if (got != error || strstr(sentence, words) == NULL)
        fail_msg("%s\ngives %d, \"%s\" and not \"%s\"", text, got, sentence, words);
    assert_ptr_equal(k.server, (char *)(uintptr_t)1);
    assert_non_null(strstr(sentence, "FILE"));
}

static void every_field_is_read(void **state)
{
    (void)state;
    static const char text[] = "apiVersion: v1\nkind: Config\npreferences: {}\n"
                               "clusters:\n"
                               "- name: other\n  cluster: {server: 'https://other'}\n"
                               "- name: dev\n  cluster:\n    server: https://h:1\n    tls-server-name: n\n"
                               "    certificate-authority: ca.pem\n    certificate-authority-data: Y2E=\n"
                               "    insecure-skip-tls-verify: true\n    extensions: [{name: e, extension: {}}]\n"
                               "users:\n"
                               "- name: me\n  user:\n    client-certificate: c.pem\n    client-certificate-data: Yw==\n"
                               "    client-key: k.pem\n    client-key-data: aw==\n    token: t\n    tokenFile: f\n"
                               "- name: later\n  user: {auth-provider: {name: x}}\n"
                               "contexts:\n"
                               "- {name: second, context: {cluster: other, user: later}}\n"
                               "- name: first\n  context: {cluster: dev, user: me, namespace: ns}\n"
                               "- {name: nobody, context: {cluster: other}}\n"
                               "current-context: first\n";
    char sentence[KUBE_SENTENCE_MAX];
    struct kubeconfig k;
    assert_int_equal(parse(text, NULL, &k, sentence), 0);
    assert_string_equal(k.context, "first");
    assert_string_equal(k.cluster, "dev");
    assert_string_equal(k.user, "me");
    assert_string_equal(k.namespace_name, "ns");
    assert_string_equal(k.server, "https://h:1");
    assert_string_equal(k.tls_server_name, "n");
    assert_string_equal(k.ca_file, "ca.pem");
    assert_string_equal(k.ca_data, "Y2E=");
    assert_true(k.insecure_skip_tls_verify);
    assert_string_equal(k.certificate_file, "c.pem");
    assert_string_equal(k.certificate_data, "Yw==");
    assert_string_equal(k.key_file, "k.pem");
    assert_string_equal(k.key_data, "aw==");
    assert_string_equal(k.token, "t");
    assert_string_equal(k.token_file, "f");
    kubeconfig_clear(&k);
    assert_int_equal(parse(text, "nobody", &k, sentence), 0);
    assert_null(k.user);
    assert_null(k.token);
    kubeconfig_clear(&k);
    assert_int_equal(parse(text, "second", &k, sentence), LEASEHOLD_ERR_UNSUPPORTED); /* only where it is used */
    assert_non_null(strstr(sentence, "user \"later\" uses auth-provider"));
}

static void json_is_yaml(void **state)
{
    (void)state;
    char sentence[KUBE_SENTENCE_MAX];
    struct kubeconfig k;
    static const char text[] = "{\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https:\\/\\/h\",\"certificate-authority\":null}}],"
                               "\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"\"}}],"
                               "\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\",\"user\":\"u\"}}],\"current-context\":\"x\"}";
    assert_int_equal(parse(text, "", &k, sentence), 0);
    assert_string_equal(k.server, "https://h");
    assert_null(k.token);
    assert_null(k.ca_file);
    kubeconfig_clear(&k);
}

static void anchors_work_and_may_contain_themselves(void **state)
{
    (void)state;
    char sentence[KUBE_SENTENCE_MAX];
    struct kubeconfig k;
    assert_int_equal(parse("clusters:\n- name: c\n  cluster: &c\n    server: https://h\n    extensions: *c\n" CONTEXT
                           "users:\n- name: u\n  user: &u {token: t, self: *u}\n" CURRENT,
                           NULL, &k, sentence),
                     0);
    assert_string_equal(k.server, "https://h");
    kubeconfig_clear(&k);
    refused("clusters: &a [*a, *a]\n" CONTEXT USER CURRENT, LEASEHOLD_ERR_CONFIG, "which clusters does not have");
    refused("a: *nowhere\n", LEASEHOLD_ERR_CONFIG, "line 1 is not YAML");
    refused("clusters: [{name: c, cluster: {<<: {server: x}}}]\n" CONTEXT USER CURRENT, LEASEHOLD_ERR_UNSUPPORTED, "<<");
}

static void what_is_missing_or_wrong_is_named(void **state)
{
    (void)state;
    refused("", LEASEHOLD_ERR_CONFIG, "is empty");
    refused("just text", LEASEHOLD_ERR_CONFIG, "is not a mapping");
    refused("- a\n- b\n", LEASEHOLD_ERR_CONFIG, "is not a mapping");
    refused("a: [1\n", LEASEHOLD_ERR_CONFIG, "is not YAML");
    refused("a: 1\n---\nb: 2\n", LEASEHOLD_ERR_CONFIG, "more than one YAML document");
    refused(CLUSTER CONTEXT USER, LEASEHOLD_ERR_CONFIG, "no current-context");
    refused(CLUSTER USER "current-context: gone\n", LEASEHOLD_ERR_CONFIG, "has no context \"gone\"");
    refused(CLUSTER CONTEXT CURRENT, LEASEHOLD_ERR_CONFIG, "user \"u\", which users does not have");
    refused(USER CONTEXT CURRENT, LEASEHOLD_ERR_CONFIG, "cluster \"c\", which clusters does not have");
    refused("contexts: [{name: x, context: {user: u}}]\n" CURRENT, LEASEHOLD_ERR_CONFIG, "names no cluster");
    refused("clusters: [{name: c, cluster: {}}]\n" CONTEXT USER CURRENT, LEASEHOLD_ERR_CONFIG, "has no server");
    refused("clusters: 5\n" CONTEXT USER CURRENT, LEASEHOLD_ERR_CONFIG, "clusters must be a list");
    refused("clusters: [{name: c, cluster: [1]}]\n" CONTEXT USER CURRENT, LEASEHOLD_ERR_CONFIG, "must be a mapping");
    refused("clusters: [{name: c, cluster: {server: {a: b}}}]\n" CONTEXT USER CURRENT, LEASEHOLD_ERR_CONFIG,
            "server of cluster \"c\" must be text");
    refused("clusters: [{name: c, cluster: {server: a, server: b}}]\n" CONTEXT USER CURRENT, LEASEHOLD_ERR_CONFIG, "has server twice");
    refused("clusters: [{name: c, cluster: {server: a, insecure-skip-tls-verify: 'yes'}}]\n" CONTEXT USER CURRENT, LEASEHOLD_ERR_CONFIG,
            "is yes: write true or false");
    refused("clusters: [{name: c, cluster: {server: \"a\\0b\"}}]\n" CONTEXT USER CURRENT, LEASEHOLD_ERR_CONFIG, "must be text");
    refused(CLUSTER USER "current-context: \"a\\nb\"\n", LEASEHOLD_ERR_CONFIG, "context \"a?b\""); /* one line */
}

static void what_is_not_supported_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const fields[] = { "auth-provider: {name: gcp}", "as: x", "as-uid: '1'", "as-groups: [g]",
                                          "as-user-extra: {a: [b]}" };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char text[512], words[64];
        snprintf(text, sizeof(text), CLUSTER CONTEXT "users: [{name: u, user: {token: SECRET, %s}}]\n" CURRENT, fields[i]);
        snprintf(words, sizeof(words), "uses %.*s, which Leasehold does not support: ", (int)strcspn(fields[i], ":"), fields[i]);
        refused(text, LEASEHOLD_ERR_UNSUPPORTED, words);
    }
}

#define EXEC(fields) CLUSTER CONTEXT "users: [{name: u, user: {exec: {" fields "}}}]\n" CURRENT
#define V1 "apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never"

static void a_plugin_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "clusters:\n- name: c\n  cluster:\n    server: https://h:1\n    extensions:\n    - {name: other, extension: {z: 1}}\n"
        "    - name: client.authentication.k8s.io/exec\n      extension: {audience: &a 06e3, n: [1, -2, 1.5, true, False, ~, '1', *a, "
        "\"x\\ny\"], e: {}}\n" CONTEXT
        "users:\n- name: u\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: ./bin/get\n"
        "      args: [eks, '', \"a b\", 7]\n      env: [{name: A, value: b=c}, {name: EMPTY, value: ''}]\n"
        "      installHint: |\n        Get it.\n      provideClusterInfo: true\n      interactiveMode: IfAvailable\n" CURRENT;
    char sentence[KUBE_SENTENCE_MAX];
    struct kubeconfig k;
    if (parse(text, NULL, &k, sentence) != 0)
        fail_msg("%s", sentence);
    assert_string_equal(k.exec->api_version, "client.authentication.k8s.io/v1");
    assert_string_equal(k.exec->command, "./bin/get");
    static const char *const arguments[] = { "eks", "", "a b", "7" };
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(k.exec->arguments[i], arguments[i]);
    assert_null(k.exec->arguments[4]);
    assert_string_equal(k.exec->environment[0], "A=b=c");
    assert_string_equal(k.exec->environment[1], "EMPTY=");
    assert_null(k.exec->environment[2]);
    assert_string_equal(k.exec->install_hint, "Get it.\n");
    assert_true(k.exec->provide_cluster_info && k.exec->mode == KUBE_EXEC_IF_AVAILABLE);
    assert_string_equal(k.exec->config, "{\"audience\":6000.0,\"n\":[1,-2,1.5,true,false,null,\"1\",6000.0,\"x\\ny\"],\"e\":{}}");
    kubeconfig_clear(&k);
    assert_null(k.exec);

    /* v1beta1 has a default. */
    assert_int_equal(parse(EXEC("apiVersion: client.authentication.k8s.io/v1beta1, command: aws"), NULL, &k, sentence), 0);
    assert_true(k.exec->mode == KUBE_EXEC_IF_AVAILABLE && k.exec->arguments[0] == NULL && k.exec->environment[0] == NULL);
    assert_null(k.exec->config);
    kubeconfig_clear(&k);
}

static void a_plugin_that_cannot_be_is_refused(void **state)
{
    (void)state;
    refused(EXEC("command: aws"), LEASEHOLD_ERR_UNSUPPORTED, "exec of user \"u\" has the apiVersion missing");
    refused(EXEC("apiVersion: client.authentication.k8s.io/v1alpha1, command: aws"), LEASEHOLD_ERR_UNSUPPORTED, "v1alpha1: client.auth");
    refused(EXEC("apiVersion: client.authentication.k8s.io/v1, command: aws"), LEASEHOLD_ERR_CONFIG,
            "has the interactiveMode missing: write Never, IfAvailable or Always");
    refused(EXEC("apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: never"), LEASEHOLD_ERR_CONFIG,
            "interactiveMode never");
    refused(EXEC(V1), LEASEHOLD_ERR_CONFIG, "exec of user \"u\" has no command");
    refused(EXEC(V1 ", command: [aws]"), LEASEHOLD_ERR_CONFIG, "command of exec of user \"u\" must be text");
    refused(EXEC(V1 ", command: aws, args: eks"), LEASEHOLD_ERR_CONFIG, "args of exec of user \"u\" must be a list");
    refused(EXEC(V1 ", command: aws, args: [{a: b}]"), LEASEHOLD_ERR_CONFIG, "must be a list of texts");
    refused(EXEC(V1 ", command: aws, args: [\"a\\0b\"]"), LEASEHOLD_ERR_CONFIG, "must be a list of texts");
    refused(EXEC(V1 ", command: aws, env: {A: b}"), LEASEHOLD_ERR_CONFIG, "env of exec of user \"u\" must be a list");
    refused(EXEC(V1 ", command: aws, env: [{value: b}]"), LEASEHOLD_ERR_CONFIG, "a name, without =, and a value");
    refused(EXEC(V1 ", command: aws, env: [{name: A=B, value: b}]"), LEASEHOLD_ERR_CONFIG, "a name, without =, and a value");
    refused(EXEC(V1 ", command: aws, provideClusterInfo: maybe"), LEASEHOLD_ERR_CONFIG, "is maybe: write true or false");
    refused("users: [{name: u, user: {exec: [aws]}}]\n" CLUSTER CONTEXT CURRENT, LEASEHOLD_ERR_CONFIG,
            "exec of user \"u\" must be a mapping");
}

#define EXTENDED(extension)                                                                                                                \
    "clusters: [{name: c, cluster: {server: 'https://h', extensions: [{name: client.authentication.k8s.io/exec, extension: " extension     \
    "}]}}]\n" CONTEXT "users: [{name: u, user: {exec: {" V1 ", command: aws, provideClusterInfo: true}}}]\n" CURRENT

static void what_a_plugin_is_told_has_limits(void **state)
{
    (void)state;
    refused(EXTENDED("&a [*a]"), LEASEHOLD_ERR_CONFIG, "more than 32 levels or 10000 values");
    /* 2, 4, 8 … values out of a few words. */
    refused(EXTENDED("[&a [x, x], &b [*a, *a], &c [*b, *b], &d [*c, *c], &e [*d, *d], &f [*e, *e], &g [*f, *f], &h [*g, *g], "
                     "&i [*h, *h], &j [*i, *i], &k [*j, *j], &l [*k, *k]]"),
            LEASEHOLD_ERR_CONFIG, "more than 32 levels or 10000 values");
    refused(EXTENDED("{[a]: b}"), LEASEHOLD_ERR_CONFIG, "a key that is no text");

    for (int more = 0; more < 2; more++) {
        static char text[32 * KUBE_EXEC_ITEMS_MAX];
        char *end = stpcpy(text, CLUSTER CONTEXT "users: [{name: u, user: {exec: {" V1 ", command: aws, args: [");
        for (int i = 0; i < KUBE_EXEC_ITEMS_MAX + more; i++)
            end = stpcpy(end, "x, ");
        strcpy(end, "]}}}]\n" CURRENT);
        char sentence[KUBE_SENTENCE_MAX];
        struct kubeconfig k;
        if (more) {
            refused(text, LEASEHOLD_ERR_CONFIG, "args of exec of user \"u\" has 257 items: at most 256 are taken");
            continue;
        }
        assert_int_equal(parse(text, NULL, &k, sentence), 0);
        kubeconfig_clear(&k);
    }
}

/* A good file with `n` times `unit` in front. */
static char *stuffed(const char *before, const char *unit, size_t n, const char *after)
{
    static const char rest[] = "\n" CLUSTER CONTEXT USER CURRENT;
    size_t size = strlen(before) + n * strlen(unit) + strlen(after) + sizeof(rest);
    char *text = malloc(size), *end = text;
    end = stpcpy(end, before);
    for (size_t i = 0; i < n; i++)
        end = stpcpy(end, unit);
    end = stpcpy(end, after);
    strcpy(end, rest);
    return text;
}

static void limits_hold_at_the_limit_and_beyond(void **state)
{
    (void)state;
    /* 35 values are the file's own; nesting starts at 1 with the file's mapping. */
    static const struct {
        const char *before, *unit, *after, *words;
        size_t good, bad;
    } cases[] = {
        { "a: ", "[", NULL, "more than 32 levels", KUBE_YAML_DEPTH_MAX - 1, KUBE_YAML_DEPTH_MAX },
        { "a: [&b x", ", *b", "]", "more than 1000 aliases", KUBE_YAML_ALIASES_MAX, KUBE_YAML_ALIASES_MAX + 1 },
        { "a: [x", ", x", "]", "more than 50000 values", KUBE_YAML_NODES_MAX - 100, KUBE_YAML_NODES_MAX + 1 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char closing[128] = "", sentence[KUBE_SENTENCE_MAX];
        memset(closing, ']', cases[i].after == NULL ? cases[i].good : 0);
        char *text = stuffed(cases[i].before, cases[i].unit, cases[i].good, cases[i].after != NULL ? cases[i].after : closing);
        struct kubeconfig k;
        if (parse(text, NULL, &k, sentence) != 0)
            fail_msg("%s", sentence);
        kubeconfig_clear(&k);
        free(text);
        memset(closing, ']', cases[i].after == NULL ? cases[i].bad : 0);
        text = stuffed(cases[i].before, cases[i].unit, cases[i].bad, cases[i].after != NULL ? cases[i].after : closing);
        refused(text, LEASEHOLD_ERR_CONFIG, cases[i].words);
        free(text);
    }
}

static void a_megabyte_of_brackets_costs_nothing(void **state)
{
    (void)state;
    char *text = malloc(KUBE_FILE_MAX + 1);
    memset(text, '[', KUBE_FILE_MAX);
    text[KUBE_FILE_MAX] = '\0';
    refused(text, LEASEHOLD_ERR_CONFIG, "more than 32 levels");
    for (size_t i = 0; i + 1 < KUBE_FILE_MAX; i += 2)
        memcpy(text + i, "- ", 2);
    refused(text, LEASEHOLD_ERR_CONFIG, "more than 32 levels");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(json_is_yaml),
        cmocka_unit_test(anchors_work_and_may_contain_themselves),
        cmocka_unit_test(what_is_missing_or_wrong_is_named),
        cmocka_unit_test(what_is_not_supported_is_refused_by_name),
        cmocka_unit_test(a_plugin_is_read),
        cmocka_unit_test(a_plugin_that_cannot_be_is_refused),
        cmocka_unit_test(what_a_plugin_is_told_has_limits),
        cmocka_unit_test(limits_hold_at_the_limit_and_beyond),
        cmocka_unit_test(a_megabyte_of_brackets_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
