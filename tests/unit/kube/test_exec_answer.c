/* What exec plugins print: what is taken, and the reason where it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/exec.h"
#include "leasehold/errors.h"

#define V1 "client.authentication.k8s.io/v1"
#define V1BETA1 "client.authentication.k8s.io/v1beta1"
#define HEAD "{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\",\"status\":"
#define CERTIFICATE "-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n"
#define KEY "-----BEGIN RSA PRIVATE KEY-----\\nAA==\\n-----END RSA PRIVATE KEY-----\\n"

static struct kube_exec_answer taken(const char *api_version, const char *text)
{
    struct kube_exec_answer answer;
    char reason[KUBE_EXEC_REASON_MAX] = "";
    if (kube_exec_answer_parse(api_version, text, strlen(text), &answer, reason) != 0)
        fail_msg("%s: %s", text, reason);
    return answer;
}

static void refused_of(const char *api_version, const char *text, size_t size, const char *words)
{
    struct kube_exec_answer answer = { .token = (char *)(uintptr_t)1 };
    char reason[KUBE_EXEC_REASON_MAX] = "";
    int got = kube_exec_answer_parse(api_version, text, size, &answer, reason);
    if (got != LEASEHOLD_ERR_PROTOCOL || strstr(reason, words) == NULL)
        fail_msg("%s\ngives %d, \"%s\" and not \"%s\"", text, got, reason, words);
    assert_ptr_equal(answer.token, (char *)(uintptr_t)1);
    assert_null(strstr(reason, "SECRET"));
    assert_null(strchr(reason, '\n'));
}

static void refused(const char *text, const char *words)
{
    refused_of(V1, text, strlen(text), words);
}

static void tokens_and_certificates_are_taken(void **state)
{
    (void)state;
    struct kube_exec_answer a = taken(V1, HEAD "{\"token\":\"t\"},\"spec\":{\"interactive\":false}}\n");
    assert_string_equal(a.token, "t");
    assert_false(a.expires);
    assert_null(a.certificate.data);
    kube_exec_answer_clear(&a);
    assert_null(a.token);
    a = taken(V1BETA1, "{\"apiVersion\":\"" V1BETA1 "\",\"kind\":\"ExecCredential\",\"status\":{\"expirationTimestamp\":"
                       "\"1970-01-01T01:00:02+01:00\",\"token\":\"a.b-c_d/e+f=\"}}");
    assert_true(a.expires);
    assert_int_equal(a.expires_us, 2000000);
    kube_exec_answer_clear(&a);
    a = taken(V1, HEAD "{\"token\":\"\",\"expirationTimestamp\":null,\"clientCertificateData\":\"" CERTIFICATE "\",\"clientKeyData\":\"" KEY
                       "\",\"more\":[]}}");
    assert_null(a.token);
    assert_non_null(strstr((const char *)a.certificate.data, "\nAA==\n"));
    assert_int_equal(a.key.size, strlen((const char *)a.key.data));
    kube_exec_answer_clear(&a);
}

static void the_version_must_be_that_of_the_kubeconfig(void **state)
{
    (void)state;
    static const char good[] = HEAD "{\"token\":\"SECRET\"}}";
    refused_of(V1BETA1, good, strlen(good), "its apiVersion is " V1 ", while the kubeconfig says " V1BETA1);
    refused("{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"SECRET\"}}", "its apiVersion is missing");
    refused("{\"apiVersion\":\"" V1 "\",\"status\":{\"token\":\"SECRET\"}}", "its kind is missing and not ExecCredential");
    refused("{\"apiVersion\":\"" V1 "\",\"kind\":\"TokenReview\",\"status\":{\"token\":\"SECRET\"}}", "its kind is TokenReview");
    refused("{\"apiVersion\":7,\"kind\":\"ExecCredential\"}", "its apiVersion is no text");
}

static void what_is_no_credential_is_refused(void **state)
{
    (void)state;
    refused("", "nothing");
    refused(" \n", "nothing");
    refused("\nSECRET", "line 2 is not JSON");
    refused("[]", "it is no JSON object");
    refused(HEAD "{\"token\":\"SECRET\"}}{}", "is not JSON");
    refused(HEAD "{\"token\":\"SECRET\",\"token\":\"SECRET\"}}", "is not JSON");
    refused("{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\"}", "it has no status");
    refused(HEAD "null}", "it has no status");
    refused(HEAD "[]}", "it has no status");
    refused(HEAD "{}}", "neither a token nor a clientCertificateData");
    refused(HEAD "{\"token\":7}}", "its token is no text");
    refused(HEAD "{\"token\":\"SECRET\\nX\"}}", "its token holds bytes that no token has");
    refused(HEAD "{\"token\":\"SECRET X\"}}", "its token holds bytes that no token has");
    refused(HEAD "{\"token\":\"SECRET\",\"expirationTimestamp\":\"soon\"}}", "its expirationTimestamp soon is none");
    refused(HEAD "{\"token\":\"SECRET\",\"expirationTimestamp\":1700000000}}", "its expirationTimestamp is no text");
    refused(HEAD "{\"clientCertificateData\":\"" CERTIFICATE "\"}}", "a clientCertificateData without a clientKeyData");
    refused(HEAD "{\"token\":\"SECRET\",\"clientKeyData\":\"" KEY "\"}}", "a clientKeyData without a clientCertificateData");
    refused(HEAD "{\"clientCertificateData\":\"QUJD\",\"clientKeyData\":\"" KEY "\"}}",
            "its clientCertificateData holds no PEM CERTIFICATE");
    refused(HEAD "{\"clientCertificateData\":\"" CERTIFICATE "\",\"clientKeyData\":\"" CERTIFICATE "\"}}",
            "its clientKeyData holds no PEM PRIVATE KEY");
    refused(HEAD "{\"clientCertificateData\":\"" CERTIFICATE "\",\"clientKeyData\":\"-----BEGIN ENCRYPTED PRIVATE KEY-----\"}}",
            "its clientKeyData is encrypted");
    static const char nul[] = HEAD "{\"token\":\"SECRET\"}}\0";
    refused_of(V1, nul, sizeof(nul), "is not JSON");
}

static void a_token_may_be_as_long_as_any(void **state)
{
    (void)state;
    static char text[KUBE_TOKEN_MAX + 256];
    for (int more = 0; more < 2; more++) {
        char *end = stpcpy(text, HEAD "{\"token\":\"");
        memset(end, 'x', (size_t)(KUBE_TOKEN_MAX + more));
        strcpy(end + KUBE_TOKEN_MAX + more, "\"}}");
        if (more) {
            refused(text, "its token holds");
            continue;
        }
        struct kube_exec_answer a = taken(V1, text);
        assert_int_equal(strlen(a.token), KUBE_TOKEN_MAX);
        kube_exec_answer_clear(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_and_certificates_are_taken),
        cmocka_unit_test(the_version_must_be_that_of_the_kubeconfig),
        cmocka_unit_test(what_is_no_credential_is_refused),
        cmocka_unit_test(a_token_may_be_as_long_as_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
