/* What the decoder and the validators refuse, and what they let through. */
#include "world.h"

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    world_open(w, NULL);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static int try_lease(struct world *w, const char *spec)
{
    return send_request(w, LEASE(.verb = STORE_CREATE, .dry_run = true), json("{\"metadata\":{\"name\":\"x\"},\"spec\":%s}", spec));
}

static void numbers_of_a_lease(void **state)
{
    struct world *w = *state;
    assert_int_equal(try_lease(w, "{\"leaseDurationSeconds\":1}"), 201);
    assert_int_equal(try_lease(w, "{\"leaseDurationSeconds\":0}"), 422);
    assert_string_equal(answer_text(w, "message"), "Lease.coordination.k8s.io \"x\" is invalid: spec.leaseDurationSeconds: Invalid "
                                                   "value: 0: must be greater than 0");
    assert_string_equal(answer_text(w, "details.kind"), "Lease");
    assert_string_equal(answer_text(w, "details.causes.0.reason"), "FieldValueInvalid");
    assert_int_equal(try_lease(w, "{\"leaseTransitions\":-1}"), 422);
    assert_int_equal(try_lease(w, "{\"leaseTransitions\":2147483647}"), 201);
    assert_int_equal(try_lease(w, "{\"leaseTransitions\":2147483648}"), 400);
    assert_int_equal(try_lease(w, "{\"leaseDurationSeconds\":15.5}"), 400);
    assert_int_equal(try_lease(w, "{\"leaseDurationSeconds\":\"15\"}"), 400);
    assert_int_equal(try_lease(w, "7"), 400);
}

static void holders_of_a_lease(void **state)
{
    struct world *w = *state;
    assert_int_equal(try_lease(w, "{\"holderIdentity\":\"\"}"), 201); /* client-go's release */
    assert_string_equal(answer_text(w, "spec.holderIdentity"), "");
    assert_non_null(at(w->answer.body, "spec.holderIdentity"));
    assert_int_equal(try_lease(w, "{\"holderIdentity\":null,\"renewTime\":null}"), 201);
    assert_null(at(w->answer.body, "spec.holderIdentity"));
    assert_int_equal(try_lease(w, "{\"holderIdentity\":5}"), 400);
    assert_int_equal(try_lease(w, "{\"preferredHolder\":\"b\"}"), 422);
    assert_int_equal(try_lease(w, "{\"preferredHolder\":\"b\",\"strategy\":\"OldestEmulationVersion\"}"), 201);
    assert_int_equal(try_lease(w, "{\"somethingNew\":{\"a\":1}}"), 201); /* unknown members stay */
    assert_non_null(at(w->answer.body, "spec.somethingNew.a"));
}

static void micro_times_have_six_digits_and_become_utc(void **state)
{
    struct world *w = *state;
    assert_int_equal(try_lease(w, "{\"renewTime\":\"2026-11-23T03:00:00.000001+02:30\"}"), 201);
    assert_string_equal(answer_text(w, "spec.renewTime"), "2026-11-23T00:30:00.000001Z");
    static const char *const bad[] = { "2026-11-23T03:00:00Z",
                                       "2026-11-23T03:00:00.123Z",
                                       "2026-11-23T03:00:00.1234567Z",
                                       "2026-11-23T03:00:00.123456",
                                       "2026-13-23T03:00:00.123456Z",
                                       "2026-02-29T03:00:00.123456Z",
                                       "2026-11-23T24:00:00.123456Z",
                                       "yesterday",
                                       "" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(try_lease(w, json("{\"renewTime\":\"%s\"}", bad[i])), 400);
    assert_int_equal(try_lease(w, "{\"renewTime\":1}"), 400);
}

static void names(void **state)
{
    struct world *w = *state;
    static const char *const good[] = { "a", "a.b", "0", "a-b.c-d", "kube-node-1" };
    static const char *const bad[] = { "A", "a_b", "-a", "a-", "a..b", ".a", "a.", "a/b", "a b" };
    char text[300];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), json("{\"metadata\":{\"name\":\"%s\"}}", good[i])), 201);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), json("{\"metadata\":{\"name\":\"%s\"}}", bad[i])), 422);
    for (int size = 253; size <= 254; size++) {
        memset(text, 'a', (size_t)size);
        text[size] = '\0';
        assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), json("{\"metadata\":{\"name\":\"%s\"}}", text)),
                         size == 253 ? 201 : 422);
    }
}

static int try_meta(struct world *w, const char *meta)
{
    return send_request(w, LEASE(.verb = STORE_CREATE, .dry_run = true), json("{\"metadata\":{\"name\":\"x\",%s}}", meta));
}

static void labels_annotations_and_owners(void **state)
{
    struct world *w = *state;
    assert_int_equal(try_meta(w, "\"labels\":{\"a\":\"b\",\"example.com/c\":\"\",\"d\":\"E_f.g-h\"}"), 201);
    assert_int_equal(try_meta(w, "\"labels\":{\"a b\":\"c\"}"), 422);
    assert_int_equal(try_meta(w, "\"labels\":{\"a\":\"b c\"}"), 422);
    assert_int_equal(try_meta(w, "\"labels\":{\"a\":\"0123456789012345678901234567890123456789012345678901234567890123\"}"), 422);
    assert_int_equal(try_meta(w, "\"labels\":{\"a\":1}"), 400);
    assert_int_equal(try_meta(w, "\"annotations\":{\"example.com/x\":\"any {text} at all\"}"), 201);
    assert_int_equal(try_meta(w, "\"annotations\":{\"/x\":\"\"}"), 422);
    assert_int_equal(try_meta(w, "\"finalizers\":[\"not qualified\"]"), 422);
    assert_int_equal(try_meta(w, "\"finalizers\":\"x\""), 400);
    assert_int_equal(try_meta(w, "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"p\",\"uid\":\"u\"}]"), 201);
    assert_int_equal(try_meta(w, "\"ownerReferences\":[{\"kind\":\"Pod\"}]"), 422);
    assert_int_equal(try_meta(w, "\"managedFields\":[{\"manager\":\"m\"}],\"selfLink\":\"/x\",\"labels\":{}"), 201);
    assert_null(at(w->answer.body, "metadata.managedFields"));
    assert_null(at(w->answer.body, "metadata.labels"));
}

static void keys_of_a_configmap(void **state)
{
    struct world *w = *state;
    struct store_request r = CONFIGMAP(.verb = STORE_CREATE, .dry_run = true);
    assert_int_equal(send_request(w, r, "{\"metadata\":{\"name\":\"c\"},\"data\":{\"leader.pod.g\":\"b\",\"_A-1\":null}}"), 201);
    assert_string_equal(text_at(at(w->answer.body, "data"), "_A-1"), "");
    static const char *const bad[] = { "a b", "", "..", ".", "..a", "a/b" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(send_request(w, r, json("{\"metadata\":{\"name\":\"c\"},\"data\":{\"%s\":\"\"}}", bad[i])), 422);
    assert_int_equal(send_request(w, r, "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":1}}"), 400);
    assert_int_equal(send_request(w, r, "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"\"},\"binaryData\":{\"a\":\"\"}}"), 422);
    assert_int_equal(send_request(w, r, "{\"metadata\":{\"name\":\"c\"},\"binaryData\":{\"a\":\"AQI=\"}}"), 201);
    assert_int_equal(send_request(w, r, "{\"metadata\":{\"name\":\"c\"},\"binaryData\":{\"a\":\"A\"}}"), 400);
}

static void an_immutable_configmap_stays(void **state)
{
    struct world *w = *state;
    assert_int_equal(
        send_request(w, CONFIGMAP(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"},\"immutable\":true}"), 201);
    struct store_request patch = CONFIGMAP(.verb = STORE_PATCH, .name = "c");
    assert_int_equal(send_request(w, patch, "{\"data\":{\"a\":\"2\"}}"), 422);
    assert_string_equal(answer_text(w, "message"),
                        "ConfigMap \"c\" is invalid: data: Forbidden: field is immutable when `immutable` is set");
    assert_int_equal(send_request(w, patch, "{\"immutable\":false}"), 422);
    assert_int_equal(send_request(w, patch, "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}"), 200);
}

static void several_causes_stand_in_brackets(void **state)
{
    struct world *w = *state;
    assert_int_equal(try_lease(w, "{\"leaseDurationSeconds\":-3,\"leaseTransitions\":-1}"), 422);
    assert_string_equal(answer_text(w, "message"),
                        "Lease.coordination.k8s.io \"x\" is invalid: [spec.leaseDurationSeconds: Invalid value: -3: must be greater "
                        "than 0, spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(numbers_of_a_lease),
        TEST(holders_of_a_lease),
        TEST(micro_times_have_six_digits_and_become_utc),
        TEST(names),
        TEST(labels_annotations_and_owners),
        TEST(keys_of_a_configmap),
        TEST(an_immutable_configmap_stays),
        TEST(several_causes_stand_in_brackets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
