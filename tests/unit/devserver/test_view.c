/* What kubectl prints from: Accept headers, Tables, metadata alone, and reviews of oneself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "devserver/internal.h"

#define NOW_US INT64_C(1764000000000000) /* 2025-11-24T16:00:00Z */

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    if (value == NULL)
        fail_msg("no JSON: %s", text);
    return value;
}

static void accept_headers(void **state)
{
    static const struct {
        const char *accept;
        int kind; /* -1: refused */
        const char *version;
    } table[] = {
        { NULL, DEVSERVER_VIEW_OBJECT, NULL },
        { "", DEVSERVER_VIEW_OBJECT, NULL },
        { "*/*", DEVSERVER_VIEW_OBJECT, NULL },
        { "application/json;q=0.8", DEVSERVER_VIEW_OBJECT, NULL },
        { "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
          DEVSERVER_VIEW_TABLE, "v1" },
        { "application/json; g=meta.k8s.io ; as=Table; v=v1beta1", DEVSERVER_VIEW_TABLE, "v1beta1" },
        { "application/json;as=Table;v=v9;g=meta.k8s.io, application/json", DEVSERVER_VIEW_OBJECT, NULL },
        { "application/json;as=Table;v=v1,application/json", DEVSERVER_VIEW_OBJECT, NULL },
        { "application/vnd.kubernetes.protobuf,application/json", DEVSERVER_VIEW_OBJECT, NULL },
        { "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
          "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
          DEVSERVER_VIEW_METADATA, "v1" },
        { "application/json;as=APIGroupDiscoveryList;g=apidiscovery.k8s.io;v=v2", -1, NULL },
        { "application/vnd.kubernetes.protobuf", -1, NULL },
        { "text/html,image/png", -1, NULL },
        { ",,,;;;", -1, NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct devserver_view view = { .kind = DEVSERVER_VIEW_OBJECT };
        bool fine = devserver_view_parse(table[i].accept, &view);
        if (fine != (table[i].kind >= 0) || (fine && (int)view.kind != table[i].kind))
            fail_msg("%s: %d", table[i].accept, (int)view.kind);
        if (fine && table[i].version != NULL)
            assert_string_equal(view.version, table[i].version);
    }
    char many[4096];
    memset(many, ';', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    struct devserver_view view;
    assert_false(devserver_view_parse(many, &view));
}

/* The cells of the first row joined with '|', checked against the number of columns. */
static void check_cells(enum store_resource resource, const char *object, const char *wanted)
{
    const struct devserver_view view = { .kind = DEVSERVER_VIEW_TABLE, .version = "v1", .include = DEVSERVER_INCLUDE_METADATA };
    json_t *value = parse(object);
    json_t *table = devserver_view_apply(&view, resource, value, NOW_US);
    const json_t *row = json_array_get(json_object_get(table, "rows"), 0);
    const json_t *cells = json_object_get(row, "cells");
    char got[1024] = "";

    assert_string_equal(json_string_value(json_object_get(table, "kind")), "Table");
    assert_int_equal(json_array_size(cells), json_array_size(json_object_get(table, "columnDefinitions")));
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const json_t *cell = json_array_get(cells, i);
        size_t used = strlen(got);
        if (json_is_integer(cell))
            snprintf(got + used, sizeof got - used, "%s%" JSON_INTEGER_FORMAT, i > 0 ? "|" : "", json_integer_value(cell));
        else
            snprintf(got + used, sizeof got - used, "%s%s", i > 0 ? "|" : "", json_string_value(cell));
    }
    assert_string_equal(got, wanted);
    const json_t *shown = json_object_get(row, "object");
    assert_string_equal(json_string_value(json_object_get(shown, "kind")), "PartialObjectMetadata");
    assert_true(json_equal(json_object_get(shown, "metadata"), json_object_get(value, "metadata")));
    json_decref(table);
    json_decref(value);
}

static void rows_of_each_kind(void **state)
{
    (void)state;
    check_cells(STORE_LEASES,
                "{\"metadata\":{\"name\":\"a\",\"creationTimestamp\":\"2025-11-24T15:57:55Z\"},\"spec\":{\"holderIdentity\":\"h\"}}",
                "a|h|2m5s");
    check_cells(STORE_LEASES, "{\"metadata\":{\"name\":\"a\"}}", "a||<unknown>");
    check_cells(STORE_CONFIGMAPS,
                "{\"metadata\":{\"name\":\"c\",\"creationTimestamp\":\"2025-11-24T16:00:00Z\"},\"data\":{\"a\":\"b\"},"
                "\"binaryData\":{\"c\":\"\"}}",
                "c|2|0s");
    check_cells(STORE_NAMESPACES,
                "{\"metadata\":{\"name\":\"n\",\"creationTimestamp\":\"2025-11-22T13:00:00Z\"},\"status\":{\"phase\":\"Active\"}}",
                "n|Active|2d3h");
    check_cells(STORE_PODS,
                "{\"metadata\":{\"name\":\"p\",\"creationTimestamp\":\"2025-11-24T15:00:00Z\"},\"spec\":{\"nodeName\":\"w\","
                "\"containers\":[{},{}],\"readinessGates\":[{\"conditionType\":\"g\"}]},\"status\":{\"phase\":\"Running\","
                "\"podIP\":\"10.0.0.1\",\"conditions\":[{\"type\":\"g\",\"status\":\"True\"}],\"containerStatuses\":["
                "{\"ready\":true,\"restartCount\":2},{\"ready\":false,\"restartCount\":1,\"state\":{\"waiting\":{\"reason\":"
                "\"CrashLoopBackOff\"}}}]}}",
                "p|1/2|CrashLoopBackOff|3|60m|10.0.0.1|w|<none>|1/1");
    check_cells(STORE_PODS, "{\"metadata\":{\"name\":\"p\",\"deletionTimestamp\":\"2025-11-24T15:00:00Z\"}}",
                "p|0/0|Terminating|0|<unknown>|<none>|<none>|<none>|<none>");
    check_cells(STORE_EVENTS,
                "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"kind\":\"Lease\",\"name\":\"L\"},\"type\":\"Normal\","
                "\"reason\":\"Elected\",\"message\":\"m\",\"lastTimestamp\":\"2025-11-24T15:59:00Z\",\"count\":3,"
                "\"source\":{\"component\":\"c\",\"host\":\"h\"}}",
                "60s|Normal|Elected|lease/L||c, h|m|<unknown>|3|e");
    check_cells(STORE_EVENTS_K8S,
                "{\"metadata\":{\"name\":\"e\"},\"regarding\":{\"kind\":\"Lease\",\"name\":\"L\"},\"note\":\"m\","
                "\"reportingController\":\"r\",\"eventTime\":\"2025-11-24T15:59:00.000000Z\"}",
                "60s|||lease/L||r|m|60s|1|e");
    /* Members of the wrong types say nothing and harm nothing. */
    check_cells(STORE_PODS, "{\"metadata\":{\"name\":1},\"spec\":[],\"status\":{\"containerStatuses\":[1,\"a\",{\"restartCount\":\"x\"}]}}",
                "|0/0||0|<unknown>|<none>|<none>|<none>|<none>");
}

static void ages(void **state)
{
    static const struct {
        const char *begun;
        const char *age;
    } table[] = {
        { "2025-11-24T16:00:01Z", "0s" },    { "2025-11-24T16:00:05Z", "<invalid>" },
        { "2025-11-24T15:58:01Z", "119s" },  { "2025-11-24T15:58:00Z", "2m" },
        { "2025-11-24T15:50:01Z", "9m59s" }, { "2025-11-24T15:49:59Z", "10m" },
        { "2025-11-24T13:00:01Z", "179m" },  { "2025-11-24T12:55:00Z", "3h5m" },
        { "2025-11-24T08:01:00Z", "7h59m" }, { "2025-11-22T16:00:01Z", "47h" },
        { "2025-11-16T17:00:00Z", "7d23h" }, { "2025-11-16T16:00:00Z", "8d" },
        { "2023-11-26T16:00:00Z", "729d" },  { "2022-11-25T16:00:00Z", "3y" },
        { "2022-11-20T16:00:00Z", "3y5d" },  { "2010-11-24T16:00:00Z", "15y" },
        { "gibberish", "<unknown>" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char object[160], wanted[64];
        snprintf(object, sizeof object, "{\"metadata\":{\"name\":\"a\",\"creationTimestamp\":\"%s\"}}", table[i].begun);
        snprintf(wanted, sizeof wanted, "a||%s", table[i].age);
        check_cells(STORE_LEASES, object, wanted);
    }
}

static void lists_and_what_rows_include(void **state)
{
    struct devserver_view view = { .kind = DEVSERVER_VIEW_TABLE, .version = "v1beta1", .include = DEVSERVER_INCLUDE_OBJECT };
    json_t *list = parse("{\"kind\":\"LeaseList\",\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"c\"},\"items\":"
                         "[{\"metadata\":{\"name\":\"a\"}},{\"metadata\":{\"name\":\"b\"},\"spec\":{}}]}");
    (void)state;

    json_t *table = devserver_view_apply(&view, STORE_LEASES, list, NOW_US);
    assert_string_equal(json_string_value(json_object_get(table, "apiVersion")), "meta.k8s.io/v1beta1");
    assert_string_equal(json_string_value(json_object_get(json_object_get(table, "metadata"), "resourceVersion")), "7");
    assert_string_equal(json_string_value(json_object_get(json_object_get(table, "metadata"), "continue")), "c");
    const json_t *rows = json_object_get(table, "rows");
    assert_int_equal(json_array_size(rows), 2);
    const json_t *object = json_object_get(json_array_get(rows, 1), "object");
    assert_string_equal(json_string_value(json_object_get(object, "kind")), "Lease");
    assert_string_equal(json_string_value(json_object_get(object, "apiVersion")), "coordination.k8s.io/v1");
    assert_non_null(json_object_get(object, "spec"));
    json_decref(table);

    view.include = DEVSERVER_INCLUDE_NONE;
    table = devserver_view_apply(&view, STORE_LEASES, list, NOW_US);
    assert_null(json_object_get(json_array_get(json_object_get(table, "rows"), 0), "object"));
    json_decref(table);

    view.kind = DEVSERVER_VIEW_METADATA;
    json_t *partial = devserver_view_apply(&view, STORE_LEASES, list, NOW_US);
    assert_string_equal(json_string_value(json_object_get(partial, "kind")), "PartialObjectMetadataList");
    assert_int_equal(json_array_size(json_object_get(partial, "items")), 2);
    json_decref(partial);

    json_t *status = parse("{\"kind\":\"Status\",\"status\":\"Failure\"}");
    partial = devserver_view_apply(&view, STORE_LEASES, status, NOW_US);
    assert_ptr_equal(partial, status); /* a refusal stays what it is */
    json_decref(partial);
    json_decref(status);
    json_decref(list);
}

static json_t *review(const char *path, const char *body, struct devserver_rules *rules)
{
    struct httpd_request request = { .method = "POST", .target = path, .body = body, .body_bytes = strlen(body), .peer = "127.0.0.1" };
    struct devserver_call *call = devserver_call_new(&request);
    assert_int_equal(call->kind, DEVSERVER_CALL_REVIEW);
    json_t *answer = call->refusal != NULL ? json_incref(call->refusal) : devserver_review_answer(rules, call);
    devserver_call_free(call);
    return answer;
}

static void check_allowed(struct devserver_rules *rules, const char *attributes, bool wanted)
{
    char body[256];
    snprintf(body, sizeof body, "{\"spec\":{\"resourceAttributes\":%s}}", attributes);
    json_t *answer = review("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body, rules);
    const json_t *allowed = json_object_get(json_object_get(answer, "status"), "allowed");
    assert_true(json_is_boolean(allowed));
    assert_int_equal(json_is_true(allowed), wanted);
    assert_string_equal(json_string_value(json_object_get(answer, "apiVersion")), "authorization.k8s.io/v1");
    json_decref(answer);
}

static void reviews_of_oneself(void **state)
{
    struct devserver_rules rules = { .count = 0 };
    char error[256];
    (void)state;
    check_allowed(&rules, "{\"verb\":\"create\",\"group\":\"coordination.k8s.io\",\"resource\":\"leases\",\"namespace\":\"default\"}",
                  true);
    check_allowed(&rules, "{\"verb\":\"fly\",\"resource\":\"elephants\"}", true);

    json_t *text = parse("{\"action\":\"refuse\",\"code\":403,\"verb\":\"create\",\"resource\":\"leases\",\"namespace\":\"default\"}");
    struct devserver_rule *rule = devserver_rule_new(text, error, sizeof error);
    assert_non_null(rule);
    json_decref(text);
    rules.list[rules.count++] = rule;
    check_allowed(&rules, "{\"verb\":\"create\",\"group\":\"coordination.k8s.io\",\"resource\":\"leases\",\"namespace\":\"default\"}",
                  false);
    check_allowed(&rules, "{\"verb\":\"update\",\"group\":\"coordination.k8s.io\",\"resource\":\"leases\",\"namespace\":\"default\"}",
                  true);
    check_allowed(&rules, "{\"verb\":\"create\",\"resource\":\"configmaps\",\"namespace\":\"default\"}", true);
    assert_int_equal(rule->hits, 0); /* asking is not doing */
    devserver_rules_clear(&rules, 0);

    static const char *const bad[] = { "{}", "{\"spec\":{}}", "{\"spec\":{\"resourceAttributes\":{},\"nonResourceAttributes\":{}}}", "[]",
                                       "" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *answer = review("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", bad[i], &rules);
        assert_string_equal(json_string_value(json_object_get(answer, "status")), "Failure");
        json_decref(answer);
    }
    json_t *answer = review("/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", &rules);
    assert_non_null(json_object_get(json_object_get(json_object_get(answer, "status"), "userInfo"), "username"));
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_headers),
        cmocka_unit_test(rows_of_each_kind),
        cmocka_unit_test(ages),
        cmocka_unit_test(lists_and_what_rows_include),
        cmocka_unit_test(reviews_of_oneself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
