/* The parts of the development server that need no socket: targets, guards, calls, fault rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "devserver/internal.h"

/* ---- targets ------------------------------------------------------------------------------------------------------ */

static void targets(void **state)
{
    struct devserver_target t;
    (void)state;
    assert_int_equal(devserver_target_parse("/a%2Fb//c/?x=1%202&y&watch=TRUE&e=+#f", &t), 0);
    assert_int_equal(t.segment_count, 2);
    assert_string_equal(t.segments[0], "a/b");
    assert_string_equal(t.segments[1], "c");
    assert_string_equal(devserver_target_query(&t, "x"), "1 2");
    assert_string_equal(devserver_target_query(&t, "y"), "");
    assert_string_equal(devserver_target_query(&t, "e"), " ");
    assert_null(devserver_target_query(&t, "z"));
    assert_true(devserver_target_flag(&t, "watch"));
    assert_false(devserver_target_flag(&t, "y"));
    devserver_target_clear(&t);
    static const char *const bad[] = { "/%", "/%4", "/%zz", "/%00", "/a?b=%g1", "/1/2/3/4/5/6/7/8/9/10/11/12/13" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(devserver_target_parse(bad[i], &t), -1);
    char many[512] = "/?";
    for (int i = 0; i < DEVSERVER_QUERY_MAX; i++)
        strcat(many, "a=b&");
    assert_int_equal(devserver_target_parse(many, &t), 0);
    devserver_target_clear(&t);
    strcat(many, "a=b");
    assert_int_equal(devserver_target_parse(many, &t), -1);
}

/* ---- guards ------------------------------------------------------------------------------------------------------- */

static bool passes(const char *host, const char *ours)
{
    const struct httpd_header headers[] = { { "host", host } };
    const struct httpd_request request = { .headers = headers, .header_count = 1 };
    return devserver_guard(&request, ours, 8080, NULL) == NULL;
}

static void hosts(void **state)
{
    (void)state;
    assert_true(passes("localhost:8080", "127.0.0.1"));
    assert_true(passes("LOCALHOST:8080", "127.0.0.1"));
    assert_true(passes("127.1.2.3:8080", "127.0.0.1"));
    assert_true(passes("[::1]:8080", "::1"));
    assert_false(passes("localhost", "127.0.0.1"));
    assert_false(passes("localhost:80800", "127.0.0.1"));
    assert_false(passes("localhost:8081", "127.0.0.1"));
    assert_false(passes("10.0.0.1:8080", "127.0.0.1"));
    assert_true(passes("10.0.0.1:8080", "0.0.0.0"));
    assert_true(passes("[fe80::1]:8080", "::"));
    assert_false(passes("evil.example:8080", "0.0.0.0"));
    assert_false(passes("[::1:8080", "::1"));
    assert_false(passes(":8080", "127.0.0.1"));
    assert_false(passes("", "127.0.0.1"));
    const struct httpd_header two[] = { { "Host", "localhost:8080" }, { "Host", "localhost:8080" } };
    const struct httpd_header page[] = { { "Host", "localhost:8080" }, { "Origin", "null" } };
    assert_non_null(devserver_guard(&(struct httpd_request){ .headers = two, .header_count = 2 }, "127.0.0.1", 8080, NULL));
    assert_non_null(devserver_guard(&(struct httpd_request){ .headers = page, .header_count = 2 }, "127.0.0.1", 8080, NULL));
}

/* ---- calls -------------------------------------------------------------------------------------------------------- */

static struct devserver_call *call_of(const char *method, const char *target, const char *type, const char *body)
{
    const struct httpd_header headers[] = { { "Content-Type", type }, { "Authorization", "bearer T" }, { "User-Agent", "u/1" } };
    struct httpd_request request = { .method = method,
                                     .target = target,
                                     .headers = headers,
                                     .header_count = 3,
                                     .body = body,
                                     .body_bytes = strlen(body),
                                     .peer = "127.0.0.1" };
    return devserver_call_new(&request);
}

static void calls(void **state)
{
    (void)state;
    struct devserver_call *c = call_of("PATCH", "/apis/coordination.k8s.io/v1/namespaces/n/leases/x?dryRun=All",
                                       "application/json-patch+json; charset=utf-8", "[]");
    assert_int_equal(c->verb, DEVSERVER_VERB_PATCH);
    assert_int_equal(c->request.patch, STORE_PATCH_JSON);
    assert_string_equal(c->request.namespace_, "n");
    assert_string_equal(c->request.name, "x");
    assert_true(c->request.dry_run);
    assert_null(c->refusal);
    assert_string_equal(c->caller.token, "T");
    c = devserver_call_free(c);

    c = call_of("GET", "/api/v1/namespaces/kube-system/pods/p?watch=1&fieldSelector=status.phase%3DRunning", "", "");
    assert_int_equal(c->verb, DEVSERVER_VERB_GET); /* one object is not watched by its own path */
    c = devserver_call_free(c);

    c = call_of("GET", "/api/v1/namespaces/kube-system", "", "");
    assert_int_equal(c->request.resource, STORE_NAMESPACES);
    assert_string_equal(c->request.name, "kube-system");
    c = devserver_call_free(c);
    c = call_of("DELETE", "/api/v1/namespaces/d/configmaps", "", "");
    assert_int_equal(c->verb, DEVSERVER_VERB_DELETE_COLLECTION);
    c = devserver_call_free(c);

    static const struct {
        const char *method, *target, *type, *body;
        int code;
    } refused[] = {
        { "POST", "/api/v1/namespaces/d/pods", "text/plain", "{}", 415 },
        { "POST", "/api/v1/namespaces/d/pods", "application/json", "{", 400 },
        { "POST", "/api/v1/namespaces/d/pods", "application/json", "{\"a\":\"\\u0000\"}", 400 },
        { "PATCH", "/api/v1/namespaces/d/pods/p", "application/json", "{}", 415 },
        { "PUT", "/api/v1/namespaces/d/pods", "application/json", "{}", 405 },
        { "HEAD", "/api/v1/namespaces/d/pods", "", "", 405 },
        { "POST", "/api/v1/namespaces/d/pods?fieldValidation=x", "application/json", "{}", 422 },
        { "POST", "/api/v1/namespaces/d/pods?fieldValidation=%FF", "application/json", "{}", 422 },
        { "POST", "/api/v1/namespaces/d/pods?fieldManager=%07", "application/json", "{}", 422 },
        { "POST", "/api/v1/namespaces/d/pods?fieldValidation=Strict", "application/json", "{\"a\":1,\"a\":2}", 400 },
        { "PATCH", "/api/v1/namespaces/d/pods/p?force=true", "application/merge-patch+json", "{}", 422 },
        { "DELETE", "/api/v1/namespaces/d/pods/p?propagationPolicy=Up", "", "", 422 },
        { "GET", "/api/v1/namespaces/d/pods?limit=x", "", "", 400 },
        { "GET", "/api/v1/namespaces/d/pods?timeoutSeconds=soon&watch=1", "", "", 400 },
        { "GET", "/api/v1/namespaces/d/pods/p?timeout=soon", "", "", 400 },
        { "GET", "/api/v1/namespaces/d/pods?sendInitialEvents=true", "", "", 422 },
        { "GET", "/api/v1/namespaces/d/pods?resourceVersionMatch=Exact", "", "", 422 },
        { "GET", "/api/v1/namespaces/d/pods?resourceVersionMatch=Exact&resourceVersion=0", "", "", 422 },
        { "GET", "/api/v1/namespaces/d/pods?resourceVersionMatch=x&resourceVersion=1", "", "", 422 },
        { "GET", "/api/v1/namespaces/d/pods?watch=1&sendInitialEvents=true", "", "", 422 },
        { "GET", "/api/v1/namespaces/d/pods?watch=1&resourceVersionMatch=NotOlderThan", "", "", 422 },
        { "GET", "/%", "", "", 400 },
        { "PUT", "/api/v1/namespaces/d/pods/p?dryRun=x", "application/json", "{}", 422 },
    };
    static const char *const fine[] = { "?limit=-1", "?timeout=1m30s", "?timeout=0", "?resourceVersionMatch=NotOlderThan&resourceVersion=0",
                                        "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=" };
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        char target[192];
        snprintf(target, sizeof target, "/api/v1/pods%s", fine[i]);
        c = call_of("GET", target, "", "");
        assert_null(c->refusal);
        c = devserver_call_free(c);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        c = call_of(refused[i].method, refused[i].target, refused[i].type, refused[i].body);
        if (c->refusal == NULL || json_integer_value(json_object_get(c->refusal, "code")) != refused[i].code)
            fail_msg("%s %s", refused[i].method, refused[i].target);
        c = devserver_call_free(c);
    }
}

/* ---- fault rules -------------------------------------------------------------------------------------------------- */

static struct devserver_rule *rule_of(const char *text, char error[256])
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    error[0] = '\0';
    struct devserver_rule *rule = devserver_rule_new(value, error, 256);
    json_decref(value);
    assert_true((rule == NULL) == (error[0] != '\0'));
    return rule;
}

static void rules_are_read(void **state)
{
    char error[256];
    (void)state;
    struct devserver_rule *rule = rule_of("{\"action\":\"freeze\",\"ms\":5}", error);
    assert_true(rule->now);
    rule = devserver_rule_free(rule);
    rule = rule_of("{\"action\":\"restart\",\"when\":\"request\",\"verb\":[\"get\",\"watch\"]}", error);
    assert_false(rule->now);
    assert_int_equal(rule->verbs, 1u << DEVSERVER_VERB_GET | 1u << DEVSERVER_VERB_WATCH);
    rule = devserver_rule_free(rule);
    static const char *const bad[] = { "{}",
                                       "7",
                                       "{\"action\":7}",
                                       "{\"action\":\"hang\",\"name\":7}",
                                       "{\"action\":\"hang\",\"header\":{\"name\":\"x\"}}",
                                       "{\"action\":\"delay\",\"ms\":-1}",
                                       "{\"action\":\"delay\",\"ms\":3600001}",
                                       "{\"action\":\"delay\",\"ms\":1.5}",
                                       "{\"action\":\"hang\",\"count\":-1}",
                                       "{\"action\":\"hang\",\"keep_open\":1}",
                                       "{\"action\":\"repeat_watch\",\"events\":0}",
                                       "{\"action\":\"hang\",\"when\":\"later\"}",
                                       "{\"action\":\"hang\",\"probability\":1}" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (rule_of(bad[i], error) != NULL)
            fail_msg("accepted: %s", bad[i]);
}

static bool hits(const char *rule_text, const char *method, const char *target, const char *body)
{
    char error[256];
    struct devserver_rule *rule = rule_of(rule_text, error);
    assert_non_null(rule);
    struct devserver_call *call = call_of(method, target, "", body);
    bool result = devserver_rule_matches(rule, call, "v");
    devserver_rule_free(rule);
    devserver_call_free(call);
    return result;
}

static void rules_match(void **state)
{
    const char *lease = "/apis/coordination.k8s.io/v1/namespaces/n/leases/x";
    const char *list = "/apis/coordination.k8s.io/v1/namespaces/n/leases";
    (void)state;
    assert_true(hits("{\"action\":\"hang\"}", "GET", lease, ""));
    assert_true(hits("{\"action\":\"hang\"}", "GET", "/livez", ""));
    assert_false(hits("{\"action\":\"hang\",\"verb\":\"get\"}", "GET", "/livez", ""));
    assert_true(hits("{\"action\":\"hang\",\"resource\":\"leases\",\"namespace\":\"n\",\"name\":\"x\"}", "GET", lease, ""));
    assert_false(hits("{\"action\":\"hang\",\"name\":\"y\"}", "GET", lease, ""));
    assert_false(hits("{\"action\":\"hang\",\"namespace\":\"m\"}", "GET", lease, ""));
    assert_true(hits("{\"action\":\"hang\",\"name\":\"y\"}", "POST", list, "{\"metadata\":{\"name\":\"y\"}}"));
    assert_false(hits("{\"action\":\"hang\",\"name\":\"y\"}", "POST", list, "{\"metadata\":7}"));
    assert_true(hits("{\"action\":\"hang\",\"name\":\"y\"}", "GET",
                     "/apis/coordination.k8s.io/v1/namespaces/n/leases?watch=1&fieldSelector=metadata.name%3Dy", ""));
    assert_false(hits("{\"action\":\"hang\",\"name\":\"y\"}", "GET",
                      "/apis/coordination.k8s.io/v1/namespaces/n/leases?watch=1&fieldSelector=metadata.name%3Dyy", ""));
    assert_true(hits("{\"action\":\"hang\",\"token\":\"T\",\"client\":\"127.0.0.1\",\"user_agent\":\"u\"}", "GET", lease, ""));
    assert_false(hits("{\"action\":\"hang\",\"token\":\"t\"}", "GET", lease, ""));
    assert_true(hits("{\"action\":\"hang\",\"header\":{\"name\":\"X\",\"value\":\"v\"}}", "GET", lease, ""));
    assert_false(hits("{\"action\":\"hang\",\"header\":{\"name\":\"X\",\"value\":\"w\"}}", "GET", lease, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets),        cmocka_unit_test(hosts),       cmocka_unit_test(calls),
        cmocka_unit_test(rules_are_read), cmocka_unit_test(rules_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
