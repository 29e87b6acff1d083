/* CREATE, UPDATE, PATCH, DELETE and their conflicts. */
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

static void create_lease(struct world *w)
{
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE),
                                  "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":15}}"),
                     201);
}

static void a_created_object_is_completed(void **state)
{
    struct world *w = *state;
    create_lease(w);
    assert_string_equal(answer_text(w, "kind"), "Lease");
    assert_string_equal(answer_text(w, "apiVersion"), "coordination.k8s.io/v1");
    assert_string_equal(answer_text(w, "metadata.namespace"), "default");
    assert_string_equal(answer_text(w, "metadata.creationTimestamp"), "2025-11-24T16:00:00Z");
    assert_int_equal(strlen(w->uid), 36);
    assert_true(strtoull(w->version, NULL, 10) > (unsigned long long)NOW_US);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_GET, .name = "x"), NULL), 200);
    assert_string_equal(answer_text(w, "spec.holderIdentity"), "a");
}

static void create_twice_is_409(void **state)
{
    struct world *w = *state;
    create_lease(w);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"x\"}}"), 409);
    assert_string_equal(answer_text(w, "reason"), "AlreadyExists");
    assert_string_equal(answer_text(w, "message"), "leases.coordination.k8s.io \"x\" already exists");
    assert_string_equal(answer_text(w, "details.kind"), "leases");
    assert_string_equal(answer_text(w, "details.group"), "coordination.k8s.io");
    assert_string_equal(answer_text(w, "details.name"), "x");
}

static void create_in_a_missing_namespace_is_404_of_the_namespace(void **state)
{
    struct world *w = *state;
    struct store_request r = LEASE(.verb = STORE_CREATE);
    r.namespace_ = "nowhere";
    assert_int_equal(send_request(w, r, "{\"metadata\":{\"name\":\"x\"}}"), 404);
    assert_string_equal(answer_text(w, "message"), "namespaces \"nowhere\" not found");
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"x\",\"namespace\":\"other\"}}"), 400);
    assert_string_equal(answer_text(w, "message"), "the namespace of the provided object does not match the namespace sent on the request");
}

static void create_refuses_versions_and_wrong_kinds(void **state)
{
    struct world *w = *state;
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"5\"}}"), 500);
    assert_string_equal(answer_text(w, "message"), "resourceVersion should not be set on objects to be created");
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"}}"), 400);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\"}}"), 400);
    assert_string_equal(answer_text(w, "message"), "Lease in version \"v1\" cannot be handled as a Lease: no kind \"Lease\" of version "
                                                   "\"v1\" is served here, only Lease of coordination.k8s.io/v1");
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "[1]"), 400);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), NULL), 400);
}

static void generated_names_differ_and_keep_the_prefix(void **state)
{
    struct world *w = *state;
    char first[64];
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"metadata\":{\"generateName\":\"job-\"}}"), 201);
    snprintf(first, sizeof first, "%s", answer_text(w, "metadata.name"));
    assert_int_equal(strlen(first), 9);
    assert_memory_equal(first, "job-", 4);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"metadata\":{\"generateName\":\"job-\"}}"), 201);
    assert_string_not_equal(first, answer_text(w, "metadata.name"));
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"metadata\":{}}"), 422);
    assert_string_equal(answer_text(w, "details.causes.0.reason"), "FieldValueRequired");
}

static void update_compares_and_swaps(void **state)
{
    struct world *w = *state;
    char stale[24];
    create_lease(w);
    snprintf(stale, sizeof stale, "%s", w->version);
    static const char write[] = "{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"%s\"},\"spec\":{\"holderIdentity\":\"%s\"}}";
    assert_int_equal(send_request(w, LEASE(.verb = STORE_UPDATE, .name = "x"), json(write, stale, "b")), 200);
    assert_true(w->answer.changed);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_UPDATE, .name = "x"), json(write, stale, "c")), 409);
    assert_false(w->answer.changed);
    assert_string_equal(answer_text(w, "reason"), "Conflict");
    assert_string_equal(answer_text(w, "message"),
                        "Operation cannot be fulfilled on leases.coordination.k8s.io \"x\": the object has been modified; please "
                        "apply your changes to the latest version and try again");
    assert_int_equal(send_request(w, LEASE(.verb = STORE_GET, .name = "x"), NULL), 200);
    assert_string_equal(answer_text(w, "spec.holderIdentity"), "b");
}

static void a_lease_needs_a_version_a_configmap_does_not(void **state)
{
    struct world *w = *state;
    create_lease(w);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_UPDATE, .name = "x"), "{\"metadata\":{\"name\":\"x\"}}"), 422);
    assert_string_equal(answer_text(w, "details.causes.0.field"), "metadata.resourceVersion");
    assert_int_equal(send_request(w, CONFIGMAP(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"}}"), 201);
    assert_int_equal(
        send_request(w, CONFIGMAP(.verb = STORE_UPDATE, .name = "c"), "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"2\"}}"), 200);
    assert_string_equal(answer_text(w, "data.a"), "2");
}

static void a_write_without_a_change_keeps_its_version(void **state)
{
    struct world *w = *state;
    create_lease(w);
    char before[24];
    snprintf(before, sizeof before, "%s", w->version);
    uint64_t newest = store_version(w->store);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_UPDATE, .name = "x"),
                                  json("{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"%s\"},\"spec\":{"
                                       "\"leaseDurationSeconds\":15,\"holderIdentity\":\"a\",\"acquireTime\":null}}",
                                       before)),
                     200);
    assert_false(w->answer.changed);
    assert_string_equal(w->version, before);
    assert_true(store_version(w->store) == newest);
}

static void a_lease_put_creates_what_is_missing_unless_it_names_a_uid(void **state)
{
    struct world *w = *state;
    char uid[40], version[24];
    create_lease(w);
    snprintf(uid, sizeof uid, "%s", w->uid);
    snprintf(version, sizeof version, "%s", w->version);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_DELETE, .name = "x"), NULL), 200);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_UPDATE, .name = "x"),
                                  json("{\"metadata\":{\"name\":\"x\",\"uid\":\"%s\",\"resourceVersion\":\"%s\"}}", uid, version)),
                     409);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_UPDATE, .name = "x"),
                                  json("{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"%s\"}}", version)),
                     201);
    assert_string_not_equal(w->uid, uid);
    assert_true(strtoull(w->version, NULL, 10) > strtoull(version, NULL, 10));
    assert_int_equal(send_request(w, CONFIGMAP(.verb = STORE_UPDATE, .name = "c"), "{\"metadata\":{\"name\":\"c\"}}"), 404);
}

static void a_put_with_another_uid_is_409_before_its_version_is_looked_at(void **state)
{
    struct world *w = *state;
    create_lease(w);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_UPDATE, .name = "x"),
                                  json("{\"metadata\":{\"name\":\"x\",\"uid\":\"other\",\"resourceVersion\":\"%s\"}}", w->version)),
                     409);
    assert_non_null(strstr(answer_text(w, "message"), "Precondition failed: UID in precondition: other, UID in object meta: "));
}

static void names_of_url_and_body_agree(void **state)
{
    struct world *w = *state;
    create_lease(w);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_UPDATE, .name = "x"), "{\"metadata\":{\"name\":\"y\"}}"), 400);
    assert_string_equal(answer_text(w, "message"), "the name of the object (y) does not match the name on the URL (x)");
    assert_int_equal(send_request(w, LEASE(.verb = STORE_UPDATE, .name = "x"), "{}"), 400);
}

static void a_merge_patch_with_a_stale_version_is_409(void **state)
{
    struct world *w = *state;
    char stale[24];
    create_lease(w);
    snprintf(stale, sizeof stale, "%s", w->version);
    struct store_request r = LEASE(.verb = STORE_PATCH, .name = "x", .patch = STORE_PATCH_MERGE);
    assert_int_equal(send_request(w, r, "{\"spec\":{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":null}}"), 200);
    assert_null(at(w->answer.body, "spec.leaseDurationSeconds"));
    assert_int_equal(send_request(w, r, json("{\"metadata\":{\"resourceVersion\":\"%s\"},\"spec\":{\"holderIdentity\":\"c\"}}", stale)),
                     409);
    assert_int_equal(send_request(w, r, "{\"metadata\":{\"uid\":\"other\"}}"), 422);
    assert_int_equal(send_request(w, r, "{\"metadata\":{\"name\":\"other\"}}"), 400);
    assert_int_equal(send_request(w, r, "[]"), 400);
    r.name = "missing";
    assert_int_equal(send_request(w, r, "{}"), 404);
}

static void a_json_patch_tests_and_changes(void **state)
{
    struct world *w = *state;
    create_lease(w);
    struct store_request r = LEASE(.verb = STORE_PATCH, .name = "x", .patch = STORE_PATCH_JSON);
    assert_int_equal(send_request(w, r,
                                  "[{\"op\":\"test\",\"path\":\"/spec/holderIdentity\",\"value\":\"a\"},"
                                  "{\"op\":\"replace\",\"path\":\"/spec/holderIdentity\",\"value\":\"b\"}]"),
                     200);
    assert_string_equal(answer_text(w, "spec.holderIdentity"), "b");
    assert_int_equal(send_request(w, r, "[{\"op\":\"test\",\"path\":\"/spec/holderIdentity\",\"value\":\"a\"}]"), 422);
    assert_string_equal(answer_text(w, "message"), "the server rejected our request due to an error in our request");
    assert_int_equal(send_request(w, r, "[{\"op\":\"fly\",\"path\":\"/spec\"}]"), 422);
    assert_int_equal(send_request(w, r, "{}"), 400);
}

static void delete_keeps_its_preconditions(void **state)
{
    struct world *w = *state;
    create_lease(w);
    struct store_request r = LEASE(.verb = STORE_DELETE, .name = "x");
    assert_int_equal(send_request(w, r, "{\"preconditions\":{\"uid\":\"other\"}}"), 409);
    assert_int_equal(send_request(w, r, "{\"preconditions\":{\"resourceVersion\":\"1\"}}"), 409);
    assert_int_equal(send_request(w, r, "{\"kind\":\"Lease\"}"), 400);
    assert_int_equal(
        send_request(
            w, r, json("{\"kind\":\"DeleteOptions\",\"preconditions\":{\"uid\":\"%s\",\"resourceVersion\":\"%s\"}}", w->uid, w->version)),
        200);
    assert_string_equal(answer_text(w, "status"), "Success");
    assert_string_equal(answer_text(w, "details.uid"), w->uid);
    assert_int_equal(send_request(w, r, NULL), 404);
}

static void versions_grow_across_delete_and_create(void **state)
{
    struct world *w = *state;
    unsigned long long last = 0;
    for (int i = 0; i < 5; i++) {
        create_lease(w);
        unsigned long long version = strtoull(w->version, NULL, 10);
        assert_true(version > last);
        last = version;
        assert_int_equal(send_request(w, LEASE(.verb = STORE_DELETE, .name = "x"), NULL), 200);
    }
}

static void finalizers_hold_an_object(void **state)
{
    struct world *w = *state;
    assert_int_equal(send_request(w, CONFIGMAP(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"c\",\"finalizers\":[\"example.com/a\"]}}"),
                     201);
    assert_int_equal(send_request(w, CONFIGMAP(.verb = STORE_DELETE, .name = "c"), NULL), 200);
    assert_string_equal(answer_text(w, "metadata.deletionTimestamp"), "2025-11-24T16:00:00Z");
    assert_int_equal(send_request(w, CONFIGMAP(.verb = STORE_GET, .name = "c"), NULL), 200);
    struct store_request patch = CONFIGMAP(.verb = STORE_PATCH, .name = "c");
    assert_int_equal(send_request(w, patch, "{\"metadata\":{\"finalizers\":[\"example.com/a\",\"example.com/b\"]}}"), 422);
    assert_int_equal(send_request(w, patch, "{\"metadata\":{\"finalizers\":null}}"), 200);
    assert_int_equal(send_request(w, CONFIGMAP(.verb = STORE_GET, .name = "c"), NULL), 404);
}

static void dry_run_changes_nothing(void **state)
{
    struct world *w = *state;
    create_lease(w);
    uint64_t version = store_version(w->store);
    static const char update[] = "{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"%s\"},\"spec\":{\"holderIdentity\":\"z\"}}";
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE, .dry_run = true), "{\"metadata\":{\"name\":\"new\"}}"), 201);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_GET, .name = "new"), NULL), 404);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_GET, .name = "x"), NULL), 200);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_UPDATE, .name = "x", .dry_run = true), json(update, w->version)), 200);
    assert_string_equal(answer_text(w, "spec.holderIdentity"), "z");
    assert_int_equal(send_request(w, LEASE(.verb = STORE_PATCH, .name = "x", .dry_run = true), "{\"spec\":{\"holderIdentity\":\"z\"}}"),
                     200);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_DELETE, .name = "x", .dry_run = true), NULL), 200);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_DELETE, .name = "x"), "{\"dryRun\":[\"All\"]}"), 200);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_DELETE_COLLECTION, .dry_run = true), NULL), 200);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_GET, .name = "x"), NULL), 200);
    assert_string_equal(answer_text(w, "spec.holderIdentity"), "a");
    assert_true(store_version(w->store) == version);
}

static void a_pod_has_two_sides(void **state)
{
    struct world *w = *state;
    assert_int_equal(send_request(w, POD(.verb = STORE_CREATE),
                                  "{\"metadata\":{\"name\":\"p\",\"labels\":{\"app\":\"a\"}},\"spec\":{\"nodeName\":\"n\"},"
                                  "\"status\":{\"phase\":\"Running\"}}"),
                     201);
    assert_string_equal(answer_text(w, "status.phase"), "Pending"); /* a status is not for its creator to set */
    assert_int_equal(send_request(w, POD(.verb = STORE_PATCH, .name = "p", .status = true),
                                  "{\"metadata\":{\"labels\":{\"app\":\"b\"}},\"spec\":{\"nodeName\":\"m\"},\"status\":{\"phase\":"
                                  "\"Running\"}}"),
                     200);
    assert_string_equal(answer_text(w, "status.phase"), "Running");
    assert_string_equal(answer_text(w, "spec.nodeName"), "n");
    assert_int_equal(
        send_request(w, POD(.verb = STORE_PATCH, .name = "p"), "{\"spec\":{\"nodeName\":\"m\"},\"status\":{\"phase\":\"Failed\"}}"), 200);
    assert_string_equal(answer_text(w, "status.phase"), "Running");
    assert_int_equal(json_integer_value(at(w->answer.body, "metadata.generation")), 2);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_GET, .name = "x", .status = true), NULL), 404);
}

static void a_namespace_takes_its_content_along(void **state)
{
    struct world *w = *state;
    struct store_request lease = LEASE(.verb = STORE_CREATE);
    lease.namespace_ = "team";
    assert_int_equal(send_request(w, NAMESPACE(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"team\"}}"), 201);
    assert_string_equal(answer_text(w, "status.phase"), "Active");
    assert_int_equal(send_request(w, lease, "{\"metadata\":{\"name\":\"x\"}}"), 201);
    size_t before = store_object_count(w->store);
    assert_int_equal(send_request(w, NAMESPACE(.verb = STORE_DELETE, .name = "team"), NULL), 200);
    assert_int_equal(store_object_count(w->store), before - 2);
    assert_int_equal(send_request(w, NAMESPACE(.verb = STORE_DELETE, .name = "default"), NULL), 403);
    assert_int_equal(send_request(w, NAMESPACE(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"a.b\"}}"), 422);
}

static void events_have_two_forms(void **state)
{
    struct world *w = *state;
    struct store_request core = { .resource = STORE_EVENTS, .namespace_ = "default", .verb = STORE_CREATE };
    struct store_request newer = { .resource = STORE_EVENTS_K8S, .namespace_ = "default", .verb = STORE_CREATE };
    assert_int_equal(
        send_request(w, newer,
                     "{\"metadata\":{\"name\":\"e\"},\"note\":\"hello\",\"regarding\":{\"namespace\":\"default\",\"name\":\"x\"}}"),
        422); /* this group wants to be told when, by whom and why; v1 does not */
    assert_int_equal(
        send_request(w, newer,
                     "{\"apiVersion\":\"events.k8s.io/v1\",\"metadata\":{\"name\":\"e\"},\"note\":\"hello\",\"regarding\":"
                     "{\"namespace\":\"default\",\"name\":\"x\"},\"eventTime\":\"2026-11-23T03:00:00.000000Z\",\"action\":\"A\","
                     "\"reason\":\"R\",\"type\":\"Normal\",\"reportingController\":\"c\",\"reportingInstance\":\"i\"}"),
        201);
    assert_string_equal(answer_text(w, "note"), "hello");
    core.verb = STORE_GET;
    core.name = "e";
    assert_int_equal(send_request(w, core, NULL), 200);
    assert_string_equal(answer_text(w, "apiVersion"), "v1");
    assert_string_equal(answer_text(w, "message"), "hello");
    assert_string_equal(answer_text(w, "involvedObject.name"), "x");
    core.verb = STORE_LIST;
    core.name = NULL;
    core.field_selector = "involvedObject.name=x,involvedObject.namespace=default";
    assert_int_equal(send_request(w, core, NULL), 200);
    assert_int_equal(json_array_size(at(w->answer.body, "items")), 1);
}

static void limits_are_answers(void **state)
{
    struct world *w = *state;
    world_close(w);
    world_open(w, &(struct store_options){ .objects_max = 4, .first_version = 7 });
    create_lease(w); /* two namespaces, then the lease */
    assert_int_equal(strtoul(w->version, NULL, 10), 10);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"y\"}}"), 201);
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"z\"}}"), 403);
    assert_non_null(strstr(answer_text(w, "message"), "the store holds 4 objects, its limit"));
    world_close(w);
    world_open(w, &(struct store_options){ .bytes_max = 4096 });
    char *big = malloc(5000);
    memset(big, 'x', 4999);
    big[4999] = '\0';
    char *body = NULL;
    assert_true(asprintf(&body, "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"%s\"}}", big) > 0);
    assert_int_equal(send_request(w, CONFIGMAP(.verb = STORE_CREATE), body), 403);
    free(big);
    free(body);
}

/* At the limit of one object, and one byte beyond. */
static void an_object_is_at_most_a_mebibyte(void **state)
{
    struct world *w = *state;
    assert_int_equal(
        send_request(w, CONFIGMAP(.verb = STORE_CREATE, .dry_run = true), "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"\"}}"), 201);
    size_t frame = json_dumpb(w->answer.body, NULL, 0, JSON_COMPACT);
    for (size_t over = 0; over < 2; over++) {
        size_t size = STORE_OBJECT_BYTES_MAX - frame + over;
        char *value = malloc(size + 1);
        char *body = NULL;
        memset(value, 'x', size);
        value[size] = '\0';
        assert_true(asprintf(&body, "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"%s\"}}", value) > 0);
        assert_int_equal(send_request(w, CONFIGMAP(.verb = STORE_CREATE), body), over ? 413 : 201);
        free(body);
        free(value);
        if (!over)
            assert_int_equal(send_request(w, CONFIGMAP(.verb = STORE_DELETE, .name = "c"), NULL), 200);
    }
}

static void equal_seeds_give_equal_runs(void **state)
{
    struct world *w = *state;
    char uid[40];
    create_lease(w);
    snprintf(uid, sizeof uid, "%s", w->uid);
    world_close(w);
    world_open(w, NULL);
    create_lease(w);
    assert_string_equal(w->uid, uid);
    world_close(w);
    world_open(w, &(struct store_options){ .seed = 1 });
    create_lease(w);
    assert_string_not_equal(w->uid, uid);
}

static void deep_bodies_are_refused(void **state)
{
    struct world *w = *state;
    char body[1024] = "{\"metadata\":{\"name\":\"p\"},\"spec\":";
    for (int i = 0; i < 100; i++)
        strcat(body, "{\"a\":");
    strcat(body, "1");
    for (int i = 0; i < 101; i++)
        strcat(body, "}");
    assert_int_equal(send_request(w, POD(.verb = STORE_CREATE), body), 400);
    assert_int_equal(send_request(w, POD(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"p\"}}"), 201);
    assert_int_equal(send_request(w, POD(.verb = STORE_PATCH, .name = "p"), body), 400);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(a_created_object_is_completed),
        TEST(create_twice_is_409),
        TEST(create_in_a_missing_namespace_is_404_of_the_namespace),
        TEST(create_refuses_versions_and_wrong_kinds),
        TEST(generated_names_differ_and_keep_the_prefix),
        TEST(update_compares_and_swaps),
        TEST(a_lease_needs_a_version_a_configmap_does_not),
        TEST(a_write_without_a_change_keeps_its_version),
        TEST(a_lease_put_creates_what_is_missing_unless_it_names_a_uid),
        TEST(a_put_with_another_uid_is_409_before_its_version_is_looked_at),
        TEST(names_of_url_and_body_agree),
        TEST(a_merge_patch_with_a_stale_version_is_409),
        TEST(a_json_patch_tests_and_changes),
        TEST(delete_keeps_its_preconditions),
        TEST(versions_grow_across_delete_and_create),
        TEST(finalizers_hold_an_object),
        TEST(dry_run_changes_nothing),
        TEST(a_pod_has_two_sides),
        TEST(a_namespace_takes_its_content_along),
        TEST(events_have_two_forms),
        TEST(limits_are_answers),
        TEST(an_object_is_at_most_a_mebibyte),
        TEST(equal_seeds_give_equal_runs),
        TEST(deep_bodies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
