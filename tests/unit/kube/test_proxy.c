/* Texts of proxies, who goes by none, and what the environment says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kube/internal.h"
#include "leasehold/errors.h"

static void good_ones_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *url, *username, *password;
        unsigned port;
    } cases[] = {
        { "http://proxy.example:3128", "http://proxy.example:3128", NULL, NULL, 3128 },
        { "HTTP://proxy.example/", "http://proxy.example:80", NULL, NULL, 80 },
        { "https://10.0.0.1", "https://10.0.0.1:443", NULL, NULL, 443 },
        { "socks5://[fd00::1]", "socks5h://[fd00::1]:1080", NULL, NULL, 1080 },
        { "socks5h://p:9", "socks5h://p:9", NULL, NULL, 9 },
        { "http://me:pass%20%40word@p:1", "http://p:1", "me", "pass @word", 1 },
        { "http://me@p:1", "http://p:1", "me", "", 1 },
        { "http://a@b:c:d@p:1", "http://p:1", "a@b", "c:d", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kube_proxy proxy;
        const char *reason;
        assert_int_equal(kube_proxy_parse(cases[i].text, &proxy, &reason), 0);
        assert_string_equal(proxy.url, cases[i].url);
        assert_int_equal(proxy.port, cases[i].port);
        assert_int_equal(proxy.username != NULL, cases[i].username != NULL);
        if (proxy.username != NULL) {
            assert_string_equal(proxy.username, cases[i].username);
            assert_string_equal(proxy.password, cases[i].password);
        }
        kube_proxy_clear(&proxy);
        assert_null(proxy.url);
    }
}

static void bad_ones_are_refused_and_leave_the_output_alone(void **state)
{
    (void)state;
    static char huge[4096] = "http://";
    memset(huge + 7, 'a', sizeof huge - 8);
    const char *const cases[] = { "",           "proxy",          "ftp://p",       "socks4://p",     "http://",       "http://p:0",
                                  "http://p:",  "http://p:70000", "http://p/path", "http://p?q",     "http://a b",    "http://u:%zz@p",
                                  "http://%@p", "http://%0a@p",   "http://u:%4@p", "http://u:%00@p", "socks5://[::1", huge };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kube_proxy proxy = { .port = 7 };
        const char *reason = NULL;
        if (kube_proxy_parse(cases[i], &proxy, &reason) != LEASEHOLD_ERR_CONFIG)
            fail_msg("%s is taken", cases[i]);
        assert_int_equal(proxy.port, 7);
        assert_true(reason != NULL && reason[0] != '\0');
    }
}

/* As golang.org/x/net/http/httpproxy judges. */
static void no_proxy_is_judged_as_in_go(void **state)
{
    (void)state;
    static const struct {
        const char *list, *host;
        unsigned port;
        bool bypassed;
    } cases[] = {
        { NULL, "api.example", 443, false },
        { "", "localhost", 443, true },
        { NULL, "127.9.9.9", 443, true },
        { NULL, "::1", 443, true },
        { "*", "api.example", 443, true },
        { "example", "api.example", 443, true },
        { "example", "example", 443, true },
        { "example", "myexample", 443, false },
        { ".example", "api.example", 443, true },
        { ".example", "example", 443, false },
        { "*.example", "api.example", 443, true },
        { "*.example", "example", 443, false },
        { "API.Example", "api.example", 443, true },
        { "api.example:443", "api.example", 443, true },
        { "api.example:443", "api.example", 6443, false },
        { " x , api.example\t", "api.example", 443, true },
        { "10.0.0.0/8", "10.1.2.3", 443, true },
        { "10.0.0.0/8", "11.1.2.3", 443, false },
        { "10.0.0.0/33", "10.1.2.3", 443, false },
        { "10.0.0.0/", "10.1.2.3", 443, false },
        { "0.0.0.0/0", "fd00::1", 443, false },
        { "fd00::/16", "fd00::1", 443, true },
        { "fd00::/16", "fd01::1", 443, false },
        { "10.0.0.1", "10.0.0.1", 443, true },
        { "10.0.0.1:80", "10.0.0.1", 443, false },
        { "[fd00::1]:443", "fd00::1", 443, true },
        { "[fd00::1]:80", "fd00::1", 443, false },
        { "fd00:0::1", "fd00::1", 443, true },
        { ",:,:1,[,],/,*.,.,[]:1", "api.example", 443, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (kube_proxy_is_bypassed(cases[i].list, cases[i].host, (uint16_t)cases[i].port) != cases[i].bypassed)
            fail_msg("%s, %s:%u", cases[i].list, cases[i].host, cases[i].port);
}

struct variable {
    const char *name, *value;
};

static const char *look_up(void *user, const char *name)
{
    for (const struct variable *v = user; v->name != NULL; v++)
        if (strcmp(v->name, name) == 0)
            return v->value;
    return NULL;
}

/* What the variables give for a server, or the sentence. */
static const char *by_environment(const char *server, struct variable *variables)
{
    static char text[KUBE_SENTENCE_MAX];
    struct kube_options options = { .overrides.server = server, .environment = look_up, .user = variables };
    struct kube_config *c;
    if (kube_config_load(&options, &c, text) != 0)
        return text;
    snprintf(text, sizeof text, "%s", c->proxy.url != NULL ? c->proxy.url : "");
    kube_config_free(c);
    return text;
}

static void the_environment_names_one(void **state)
{
    (void)state;
    struct variable v[] = {
        { "HTTPS_PROXY", "p:1" }, { "https_proxy", "q:1" }, { "http_proxy", "http://r:1" }, { "no_proxy", "x.example" }, { NULL, NULL }
    };
    assert_string_equal(by_environment("https://api.example", v), "http://p:1");
    assert_string_equal(by_environment("https://x.example", v), "");
    assert_string_equal(by_environment("https://127.0.0.1", v), "");
    assert_string_equal(by_environment("http://api.example", v), "http://r:1");
    v[0].value = "";
    assert_string_equal(by_environment("https://api.example", v), "http://q:1");
    v[0] = (struct variable){ "REQUEST_METHOD", "GET" };
    assert_string_equal(by_environment("http://api.example", v), "");
    v[0] = (struct variable){ "HTTPS_PROXY", "ftp://me:SECRET@p" };
    assert_non_null(strstr(by_environment("https://api.example", v), "the proxy of HTTPS_PROXY, "));
    assert_null(strstr(by_environment("https://api.example", v), "SECRET"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_read),
        cmocka_unit_test(bad_ones_are_refused_and_leave_the_output_alone),
        cmocka_unit_test(no_proxy_is_judged_as_in_go),
        cmocka_unit_test(the_environment_names_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
