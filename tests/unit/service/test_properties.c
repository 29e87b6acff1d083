/* Files of settings: the forms that java.util.Properties takes, and the names that Camel's users know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/options.h"
#include "service/properties.h"

static void reads(const char *text, const char *name, const char *value, int line)
{
    char *copy = strdup(text);
    struct properties p = properties_begin(copy);
    struct property got;
    assert_int_equal(properties_next(&p, &got), 1);
    assert_string_equal(got.name, name);
    assert_string_equal(got.value, value);
    assert_int_equal(got.line, line);
    assert_int_equal(properties_next(&p, &got), 0);
    free(copy);
}

static void every_form_of_a_line_is_read(void **state)
{
    (void)state;
    reads("a=b", "a", "b", 1);
    reads("  a = b  \r\n", "a", "b", 1);
    reads("a:b", "a", "b", 1);
    reads("a b c", "a", "b c", 1);
    reads("a\t=\tb", "a", "b", 1);
    reads("a = b = c", "a", "b = c", 1);
    reads("# x\n! y\n\n  # z \\\na=b", "a", "b", 5);
    reads("a = b\\\n    c\\\n    d\n", "a", "bcd", 1);
    reads("a = b\\", "a", "b", 1);
    reads("a = b\\\\\n", "a", "b\\", 1);
    reads("a\\=b = c", "a=b", "c", 1);
    reads("a\\ b = c\\td\\q", "a b", "c\tdq", 1);
    reads("a = \\u00e4\\u20ac\\ud83d\\ude00", "a", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 1);
    reads("a =", "a", "", 1);
}

static void fails(const char *text, bool has_name, int line)
{
    char *copy = strdup(text);
    struct properties p = properties_begin(copy);
    struct property got;
    int result;
    while ((result = properties_next(&p, &got)) == 1)
        ;
    assert_int_equal(result, -1);
    assert_int_equal(got.name != NULL, has_name);
    assert_int_equal(got.line, line);
    free(copy);
}

static void what_is_no_line_is_told(void **state)
{
    (void)state;
    fails("a=b\nalone", true, 2);
    fails("a = \\u12", false, 1);
    fails("a = \\u0000", false, 1);
    fails("a=b\n\nc = \\ud83d", false, 3);
    fails("a = \\ude00", false, 1);
}

static leasehold_options *parse(const char *text)
{
    leasehold_options *o = leasehold_options_new();
    if (options_parse(o, "f", text, strlen(text)) < 0)
        fail_msg("%s", leasehold_options_error(o));
    return o;
}

static void is(const leasehold_options *o, const char *name, const char *value)
{
    assert_string_equal(leasehold_options_get(o, name), value);
}

static void refuses(const char *text, const char *sentence)
{
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_options_set(o, "identity", "kept"), 0);
    assert_int_equal(options_parse(o, "f", text, strlen(text)), LEASEHOLD_ERR_OPTION);
    assert_string_equal(leasehold_options_error(o), sentence);
    is(o, "identity", "kept"); /* nothing of a bad file counts */
    is(o, "lock", "lease");
    leasehold_options_unref(o);
}

static void camels_names_are_ours(void **state)
{
    (void)state;
    leasehold_options *o = parse("leaseDurationSeconds = 30\nrenewDeadlineSeconds: 20\nretryPeriodSeconds 4\n"
                                 "retryOnErrorIntervalSeconds=7\nwatchRefreshIntervalSeconds=-1\njitterFactor=1.5\n"
                                 "kubernetesResourcesNamespace=team\nconfigMapName=locks\npodName=reports-1\n"
                                 "clusterLabels[app]=reports\nclusterLabels[tier] = web\n");
    is(o, "lock", "configmap");
    is(o, "lease-duration", "30s");
    is(o, "renew-deadline", "20s");
    is(o, "retry-period", "4s");
    is(o, "retry-on-error-interval", "7s");
    is(o, "watch-refresh-interval", "0s");
    is(o, "jitter", "1.5");
    is(o, "namespace", "team");
    is(o, "lock-name", "locks");
    is(o, "identity", "reports-1");
    is(o, "selector", "app=reports,tier=web");
    assert_int_equal(leasehold_options_check(o), 0);
    leasehold_options_unref(o);

    /* What it does not say is as in Camel. */
    o = parse("podName = a");
    is(o, "lease-duration", "20s");
    is(o, "lock-name", "leaders");
    leasehold_options_unref(o);
    o = parse("podName = a\nlock = lease");
    is(o, "lock", "lease");
    is(o, "lease-duration", "15s");
    leasehold_options_unref(o);
    o = parse("camel.cluster.kubernetes.lease-duration-millis = 30000\ncamel.cluster.kubernetes.configMapName = x\n");
    is(o, "lease-duration", "30000ms");
    is(o, "lock-name", "x");
    leasehold_options_unref(o);
}

static void camels_connection_is_ours(void **state)
{
    (void)state;
    leasehold_options *o =
        parse("masterUrl = https://k:6443\noauthToken = t\nusername = u\npassword = p\ncaCertFile = ca\ncaCertData = QQ==\n"
              "clientCertFile = c\nclientCertData = QQ==\nclientKeyFile = k\nclientKeyData = QQ==\nclientKeyAlgo = EC\n"
              "clientKeyPassphrase = s\ntrustCerts = TRUE\napiVersion = v1\n");
    static const char *const pairs[][2] = {
        { "server", "https://k:6443" },
        { "token", "t" },
        { "username", "u" },
        { "password", "p" },
        { "certificate-authority", "ca" },
        { "certificate-authority-data", "QQ==" },
        { "client-certificate", "c" },
        { "client-certificate-data", "QQ==" },
        { "client-key", "k" },
        { "client-key-data", "QQ==" },
        { "client-key-passphrase", "s" },
        { "insecure-skip-tls-verify", "yes" },
        { "lock", "configmap" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        is(o, pairs[i][0], pairs[i][1]);
    leasehold_options_unref(o);
    o = parse("camel.cluster.kubernetes.oauth-token = t\ncamel.cluster.kubernetes.trust-certs = false");
    is(o, "token", "t");
    is(o, "insecure-skip-tls-verify", "no");
    leasehold_options_unref(o);
    /* PEM as it stands, with its lines. */
    o = parse("caCertData = -----BEGIN CERTIFICATE-----\\nQQ==\\n-----END CERTIFICATE-----");
    is(o, "certificate-authority-data", "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----");
    leasehold_options_unref(o);
}

static void a_secret_is_not_shown(void **state)
{
    (void)state;
    leasehold_options *o = leasehold_options_new();
    char *much = calloc(1, SETTING_TEXT_MAX + 10);
    memset(much, 'S', SETTING_TEXT_MAX + 1);
    assert_int_equal(leasehold_options_set(o, "token", much), LEASEHOLD_ERR_OPTION);
    assert_null(strstr(leasehold_options_error(o), "SS"));
    assert_int_equal(leasehold_options_set(o, "password", "S\tS"), LEASEHOLD_ERR_OPTION);
    assert_null(strstr(leasehold_options_error(o), "S\tS"));
    free(much);
    leasehold_options_unref(o);
}

static void bad_values_of_camels_names_are_refused(void **state)
{
    (void)state;
    refuses("identity = x\nleaseDurationSeconds = 20s", "f:2: leaseDurationSeconds is 20s, but must be a whole number of seconds");
    refuses("leaseDurationSeconds = 1.5", "f:1: leaseDurationSeconds is 1.5, but must be a whole number of seconds");
    refuses("clusterLabels[app = x", "f:1: clusterLabels[app is not of the form clusterLabels[key]");
    refuses("identity = x\n\ntrustCerts = perhaps", "f:3: trustCerts is perhaps, but must be true or false");
    refuses("oauthToken = a\\u0001SECRET", "f:1: oauthToken: token has a control character in it");
    refuses("camel.cluster.kubernetes.colour = red", "f:1: colour is no setting of Camel's lock that is known here: see docs/camel.md");
    refuses("leaseDurationSecond = 20", "f:1: there is no setting leaseDurationSecond; did you mean lease-duration");
    refuses("identity = x\nalone", "f:2: \"alone\" is not of the form name = value");
    refuses("identity = \\u1", "f:1: an escape \\u is not followed by four digits of a character; write \\\\ for a backslash");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_line_is_read), cmocka_unit_test(what_is_no_line_is_told),
        cmocka_unit_test(camels_names_are_ours),        cmocka_unit_test(camels_connection_is_ours),
        cmocka_unit_test(a_secret_is_not_shown),        cmocka_unit_test(bad_values_of_camels_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
