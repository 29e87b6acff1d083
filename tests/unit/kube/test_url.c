/* Servers as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kube/internal.h"
#include "leasehold/errors.h"

static void servers_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *prefix;
        unsigned port;
        bool tls;
    } cases[] = {
        { "https://10.0.0.1:6443", "10.0.0.1", "", 6443, true },
        { "https://api.example", "api.example", "", 443, true },
        { "http://localhost/", "localhost", "", 80, false },
        { "HTTPS://API.example:1/", "API.example", "", 1, true },
        { "https://[::1]:65535", "::1", "", 65535, true },
        { "https://[2001:db8::1]", "2001:db8::1", "", 443, true },
        { "https://rancher.example/k8s/clusters/c-1//", "rancher.example", "/k8s/clusters/c-1", 443, true },
        { "https://under_score:0443/x%20y", "under_score", "/x%20y", 443, true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kube_url url;
        const char *reason = NULL;
        assert_int_equal(kube_url_parse(cases[i].text, &url, &reason), 0);
        assert_string_equal(url.host, cases[i].host);
        assert_string_equal(url.path_prefix, cases[i].prefix);
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.tls, cases[i].tls);
        kube_url_free(&url);
    }
}

static void what_is_no_server_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "10.0.0.1:6443",
        "ftp://x",
        "https://",
        "https://:443",
        "https://x:",
        "https://x:0",
        "https://x:65536",
        "https://x:-1",
        "https://x:999999",
        "https://x:1a",
        "https://::1",
        "https://[::1",
        "https://[x]",
        "https://[::1]x",
        "https://[fe80::1%eth0]",
        "https://user:pw@x",
        "https://x/?a",
        "https://x/#a",
        "https://x/a b",
        "https://x?y",
        "https://-x",
        "https://a..b",
        "https://x\r\ny",
        "https://\xc3\xa4",
        "https://[127.0.0.1]",
        "https://x/\xc3\xa4",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kube_url url = { .port = 7 };
        const char *reason = NULL;
        if (kube_url_parse(cases[i], &url, &reason) != LEASEHOLD_ERR_CONFIG)
            fail_msg("%s was taken", cases[i]);
        assert_non_null(reason);
        assert_int_equal(url.port, 7);
    }
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "https://", 8);
    struct kube_url url;
    const char *reason;
    longest[8 + 253] = '\0';
    assert_int_equal(kube_url_parse(longest, &url, &reason), 0);
    kube_url_free(&url);
    longest[8 + 253] = 'a';
    longest[8 + 254] = '\0';
    assert_int_equal(kube_url_parse(longest, &url, &reason), LEASEHOLD_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_taken_apart),
        cmocka_unit_test(what_is_no_server_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
