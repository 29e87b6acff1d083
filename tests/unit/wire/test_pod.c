/* Pods and lists of them, as real servers write them and as nobody should. */
#include "cmocka_all.h"
#include "wire/object.h"
#include "wire/pod.h"

static const char real[] =
    "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"reports-0\",\"namespace\":\"default\",\"uid\":"
    "\"6f0a6a52-93a5-4d5e-8a09-6d2f5f1f6c11\",\"resourceVersion\":\"48213\",\"creationTimestamp\":\"2026-11-23T03:14:35Z\",\"labels\":{"
    "\"app\":\"reports\"},\"managedFields\":[{\"manager\":\"kubelet\"}]},\"spec\":{\"nodeName\":\"node-7\",\"containers\":[{}]},"
    "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Initialized\",\"status\":\"True\"},{\"type\":\"Ready\",\"status\":"
    "\"True\",\"lastTransitionTime\":\"2026-11-23T03:14:40Z\"}],\"podIP\":\"10.1.2.3\",\"podIPs\":[{\"ip\":\"10.1.2.3\"},{\"ip\":"
    "\"fd00::3\"}],\"startTime\":\"2026-11-23T03:14:35Z\"}}";

static json_t *object;

static int end(void **state)
{
    (void)state;
    json_decref(object);
    object = NULL;
    return 0;
}

/* The Pod with one thing replaced; its strings live until the next call. */
static int read_with(const char *from, const char *to, struct pod *ret)
{
    char text[4096];
    const char *at = strstr(real, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - real), real, to, at + strlen(from));
    json_decref(object);
    assert_int_equal(object_parse(text, strlen(text), &object), 0);
    return pod_read(object, ret);
}

static void a_pod_of_a_real_server(void **state)
{
    (void)state;
    struct pod pod;
    assert_int_equal(read_with("reports-0", "reports-0", &pod), 0);
    assert_string_equal(pod.name, "reports-0");
    assert_string_equal(pod.uid, "6f0a6a52-93a5-4d5e-8a09-6d2f5f1f6c11");
    assert_string_equal(pod.address, "10.1.2.3");
    assert_string_equal(pod.node, "node-7");
    assert_int_equal(pod.version, 48213);
    assert_int_equal(pod.since_us, INT64_C(1795403675000000));
    assert_int_equal(pod.phase, MEMBER_RUNNING);
    assert_true(pod.ready && !pod.terminating);
    assert_int_equal(read_with("\"uid\"", "\"deletionTimestamp\":\"2026-11-23T03:20:00Z\",\"uid\"", &pod), 0);
    assert_true(pod.terminating);
    /* An item of a list. */
    assert_int_equal(read_with("\"kind\":\"Pod\",\"apiVersion\":\"v1\",", "", &pod), 0);
}

static void a_pod_that_was_just_made(void **state)
{
    (void)state;
    static const char bare[] = "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"1\"}}";
    struct pod pod;
    assert_int_equal(object_parse(bare, strlen(bare), &object), 0);
    assert_int_equal(pod_read(object, &pod), 0);
    assert_string_equal(pod.address, "");
    assert_string_equal(pod.node, "");
    assert_int_equal(pod.since_us, 0);
    assert_int_equal(pod.phase, MEMBER_PHASE_UNKNOWN);
    assert_false(pod.ready || pod.terminating);
}

static void every_phase_has_its_word(void **state)
{
    (void)state;
    static const char *const words[] = { "Unknown", "Pending", "Running", "Succeeded", "Failed" };
    struct pod pod;
    for (int i = 0; i < MEMBER_PHASES; i++) {
        assert_int_equal(read_with("Running", words[i], &pod), 0);
        assert_int_equal(pod.phase, i);
    }
    assert_int_equal(read_with("Running", "Dancing", &pod), 0);
    assert_int_equal(pod.phase, MEMBER_PHASE_UNKNOWN);
}

static void ready_is_what_the_condition_says(void **state)
{
    (void)state;
    struct pod pod;
    static const char ready[] = "{\"type\":\"Ready\",\"status\":\"True\"";
    assert_int_equal(read_with(ready, "{\"type\":\"Ready\",\"status\":\"False\"", &pod), 0);
    assert_false(pod.ready);
    assert_int_equal(read_with(ready, "{\"type\":\"Ready\",\"status\":\"Unknown\"", &pod), 0);
    assert_false(pod.ready);
    assert_int_equal(read_with(ready, "{\"type\":\"Ready\",\"status\":true", &pod), 0);
    assert_false(pod.ready);
    assert_int_equal(read_with(ready, "null,{\"type\":\"Ready\",\"status\":\"True\"", &pod), 0);
    assert_true(pod.ready);
}

static void garbage_is_not_there(void **state)
{
    (void)state;
    char node[MEMBER_NODE_MAX + 40];
    struct pod pod;
    assert_int_equal(read_with("\"podIP\":\"10.1.2.3\"", "\"podIP\":\"evil.example\"", &pod), 0);
    assert_string_equal(pod.address, "");
    assert_int_equal(read_with("\"podIP\":\"10.1.2.3\"", "\"podIP\":{\"ip\":1}", &pod), 0);
    assert_string_equal(pod.address, "");
    assert_int_equal(read_with("\"creationTimestamp\":\"2026-11-23T03:14:35Z\"", "\"creationTimestamp\":\"yesterday\"", &pod), 0);
    assert_int_equal(pod.since_us, 0);
    for (int size = MEMBER_NODE_MAX; size <= MEMBER_NODE_MAX + 1; size++) {
        memset(node, 'n', sizeof node);
        node[size] = '\0';
        assert_int_equal(read_with("node-7", node, &pod), 0);
        assert_int_equal(strlen(pod.node), size > MEMBER_NODE_MAX ? 0 : size);
    }
}

static void refuses(const char *from, const char *to)
{
    struct pod pod;
    memset(&pod, 0x5a, sizeof pod);
    struct pod before = pod;
    assert_int_equal(read_with(from, to, &pod), LEASEHOLD_ERR_PROTOCOL);
    assert_memory_equal(&pod, &before, sizeof pod);
}

static void what_is_no_pod_is_refused(void **state)
{
    (void)state;
    refuses("\"kind\":\"Pod\"", "\"kind\":\"Lease\"");
    refuses("\"apiVersion\":\"v1\"", "\"apiVersion\":\"v2\"");
    refuses("reports-0", "");
    refuses("reports-0", "Not A Name");
    refuses("\"resourceVersion\":\"48213\"", "\"resourceVersion\":48213");
    refuses("\"resourceVersion\":\"48213\"", "\"resourceVersion\":\"0\"");
    refuses("\"uid\":\"6f0a6a52-93a5-4d5e-8a09-6d2f5f1f6c11\"", "\"uid\":\"\"");
    refuses("6f0a6a52-93a5-4d5e-8a09-6d2f5f1f6c11", "6f0a6a52-93a5-4d5e-8a09-6d2f5f1f6c11-and-more-than-48-bytes");
    refuses("\"metadata\":{", "\"metadata\":[],\"data\":{");
    struct pod pod;
    assert_int_equal(pod_read(NULL, &pod), LEASEHOLD_ERR_PROTOCOL);
}

static int parse(const char *text, struct pod_list *ret)
{
    return pod_list_parse(text, strlen(text), ret);
}

static void lists_have_a_version_and_pages(void **state)
{
    (void)state;
    struct pod_list list;
    assert_int_equal(parse("{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"abc\"},"
                           "\"items\":[{\"metadata\":{\"name\":\"a\"}},{}]}",
                           &list),
                     0);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.version, 9);
    assert_string_equal(list.next, "abc");
    assert_string_equal(object_name(pod_list_item(&list, 0)), "a");
    assert_null(pod_list_item(&list, 2));
    pod_list_clear(&list);
    assert_int_equal(parse("{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":null}", &list),
                     0);
    assert_int_equal(list.count, 0);
    assert_string_equal(list.next, "");
    pod_list_clear(&list);
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "<html>",
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":{}}",
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[]}",
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"x\"},\"items\":[]}",
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":7},\"items\":[]}",
        "{\"kind\":\"LeaseList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}",
    };
    struct pod_list list;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse(bad[i], &list), LEASEHOLD_ERR_PROTOCOL);
    char long_token[POD_CONTINUE_MAX + 256], token[POD_CONTINUE_MAX + 2];
    for (int size = POD_CONTINUE_MAX; size <= POD_CONTINUE_MAX + 1; size++) {
        memset(token, 't', sizeof token);
        token[size] = '\0';
        snprintf(long_token, sizeof long_token,
                 "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"%s\"},\"items\":[]}",
                 token);
        assert_int_equal(parse(long_token, &list), size > POD_CONTINUE_MAX ? LEASEHOLD_ERR_LIMIT : 0);
        if (size == POD_CONTINUE_MAX)
            pod_list_clear(&list);
    }
}

static void paths_are_encoded(void **state)
{
    (void)state;
    char path[POD_PATH_MAX], most[1025], token[POD_CONTINUE_MAX + 1];
    assert_true(pod_list_path("default", "", "", path, sizeof path) > 0);
    assert_string_equal(path, "/api/v1/namespaces/default/pods?limit=250");
    assert_true(pod_list_path("default", "app=a,tier=b", "x+/=", path, sizeof path) > 0);
    assert_string_equal(path, "/api/v1/namespaces/default/pods?limit=250&labelSelector=app%3Da%2Ctier%3Db&continue=x%2B%2F%3D");
    assert_true(pod_watch_path("default", "app=a", 77, path, sizeof path) > 0);
    assert_string_equal(path,
                        "/api/v1/namespaces/default/pods?watch=true&allowWatchBookmarks=true&labelSelector=app%3Da&resourceVersion=77");
    assert_true(pod_path("default", "a/../b", path, sizeof path) > 0);
    assert_string_equal(path, "/api/v1/namespaces/default/pods/a%2F..%2Fb");
    assert_int_equal(pod_path("default", "a", path, 10), LEASEHOLD_ERR_LIMIT);
    /* The longest that the settings and a server may ask for do fit. */
    memset(most, ',', sizeof most);
    memset(token, '=', sizeof token);
    most[sizeof most - 1] = token[sizeof token - 1] = '\0';
    assert_true(pod_list_path("default", most, token, path, sizeof path) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_pod_of_a_real_server, end),
        cmocka_unit_test_teardown(a_pod_that_was_just_made, end),
        cmocka_unit_test_teardown(every_phase_has_its_word, end),
        cmocka_unit_test_teardown(ready_is_what_the_condition_says, end),
        cmocka_unit_test_teardown(garbage_is_not_there, end),
        cmocka_unit_test_teardown(what_is_no_pod_is_refused, end),
        cmocka_unit_test_teardown(lists_have_a_version_and_pages, end),
        cmocka_unit_test_teardown(what_is_no_list_is_refused, end),
        cmocka_unit_test_teardown(paths_are_encoded, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
