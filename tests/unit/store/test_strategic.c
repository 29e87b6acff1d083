/* Strategic merge patch: the examples of the Kubernetes documentation, each directive, and what is refused. */
#include "world.h"

#include "store/strategic.h"

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (value == NULL)
        fail_msg("no JSON: %s", text);
    return value;
}

/* wanted NULL: refused with a sentence that has `sentence` in it. */
static void check(const char *kind, const char *document, const char *patch, const char *wanted, const char *sentence)
{
    char error[512] = "";
    json_t *d = parse(document), *p = parse(patch), *before = json_deep_copy(d), *patch_before = json_deep_copy(p);
    json_t *got = store_patch_strategic(kind, d, p, error, sizeof error);

    if (wanted == NULL) {
        assert_null(got);
        assert_non_null(strstr(error, sentence));
    } else {
        json_t *w = parse(wanted);
        char *text = got != NULL ? json_dumps(got, JSON_COMPACT) : NULL;
        if (got == NULL || !json_equal(got, w))
            fail_msg("%s on %s gave %s (%s)", patch, document, text != NULL ? text : "nothing", error);
        free(text);
        json_decref(w);
    }
    assert_true(json_equal(d, before)); /* inputs are never changed */
    assert_true(json_equal(p, patch_before));
    json_decref(patch_before);
    json_decref(before);
    json_decref(got);
    json_decref(d);
    json_decref(p);
}

static void maps_merge_and_other_lists_are_replaced(void **state)
{
    (void)state;
    check("Lease", "{\"spec\":{\"a\":1,\"b\":2}}", "{\"spec\":{\"a\":3,\"b\":null,\"c\":4}}", "{\"spec\":{\"a\":3,\"c\":4}}", NULL);
    check("Pod", "{\"spec\":{\"tolerations\":[{\"key\":\"a\"}]}}", "{\"spec\":{\"tolerations\":[{\"key\":\"b\"}]}}",
          "{\"spec\":{\"tolerations\":[{\"key\":\"b\"}]}}", NULL);
    check("ConfigMap", "{}", "{\"data\":{\"a\":\"b\",\"c\":null}}", "{\"data\":{\"a\":\"b\"}}", NULL);
    check("Lease", "{\"spec\":{\"containers\":[{\"name\":\"a\"}]}}", "{\"spec\":{\"containers\":[{\"name\":\"b\"}]}}",
          "{\"spec\":{\"containers\":[{\"name\":\"b\"}]}}", NULL); /* a list of that name elsewhere is a list like others */
}

static void lists_with_a_key_merge_item_by_item(void **state)
{
    (void)state;
    check("Pod", "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\"}]}}",
          "{\"spec\":{\"containers\":[{\"name\":\"b\",\"image\":\"j\"},{\"name\":\"a\",\"tty\":true}]}}",
          "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\",\"tty\":true},{\"name\":\"b\",\"image\":\"j\"}]}}", NULL);
    check(
        "Pod", "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"X\",\"value\":\"1\"},{\"name\":\"Y\",\"value\":\"2\"}]}]}}",
        "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"X\",\"$patch\":\"delete\"},{\"name\":\"Y\",\"value\":\"3\"}]}]}}",
        "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"Y\",\"value\":\"3\"}]}]}}", NULL);
    check("Pod", "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
          "{\"spec\":{\"containers\":[{\"$patch\":\"replace\"},{\"name\":\"c\"}]}}", "{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}",
          NULL);
    check("Pod", "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\"}]}}",
          "{\"spec\":{\"containers\":[{\"name\":\"a\",\"$patch\":\"replace\",\"tty\":true}]}}",
          "{\"spec\":{\"containers\":[{\"name\":\"a\",\"tty\":true}]}}", NULL);
    check("Pod", "{}", "{\"spec\":{\"containers\":[{\"$patch\":\"delete\",\"name\":\"a\"}]}}", "{\"spec\":{\"containers\":[]}}", NULL);
}

static void plain_lists_are_sets(void **state)
{
    (void)state;
    check("Lease", "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}", "{\"metadata\":{\"finalizers\":[\"b\",\"c\"]}}",
          "{\"metadata\":{\"finalizers\":[\"a\",\"b\",\"c\"]}}", NULL);
    check("Lease", "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
          "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"a\",\"z\"]}}", "{\"metadata\":{\"finalizers\":[\"b\"]}}", NULL);
    check("Lease", "{\"metadata\":{}}", "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"a\"]}}", "{\"metadata\":{}}", NULL);
}

static void directives_of_objects(void **state)
{
    (void)state;
    check("Pod", "{\"spec\":{\"a\":1}}", "{\"spec\":{\"$patch\":\"replace\",\"b\":2}}", "{\"spec\":{\"b\":2}}", NULL);
    check("Pod", "{\"spec\":{\"a\":1},\"x\":1}", "{\"spec\":{\"$patch\":\"delete\"}}", "{\"x\":1}", NULL);
    check("Pod", "{\"spec\":{\"a\":1}}", "{\"spec\":{\"$patch\":\"merge\",\"b\":2}}", "{\"spec\":{\"a\":1,\"b\":2}}", NULL);
    check("Pod", "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}",
          "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"$retainKeys\":[\"name\",\"hostPath\"],\"hostPath\":{\"path\":\"/\"}}]}}",
          "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/\"}}]}}", NULL);
}

static void order_is_set(void **state)
{
    (void)state;
    check("Pod", "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"x\"},{\"name\":\"b\"}]}}",
          "{\"spec\":{\"$setElementOrder/"
          "containers\":[{\"name\":\"c\"},{\"name\":\"b\"},{\"name\":\"a\"}],\"containers\":[{\"name\":\"c\"}]}}",
          "{\"spec\":{\"containers\":[{\"name\":\"c\"},{\"name\":\"x\"},{\"name\":\"b\"},{\"name\":\"a\"}]}}", NULL);
    check("Lease", "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}", "{\"metadata\":{\"$setElementOrder/finalizers\":[\"b\",\"q\",\"a\"]}}",
          "{\"metadata\":{\"finalizers\":[\"b\",\"a\"]}}", NULL);
    check("Lease", "{\"metadata\":{}}", "{\"metadata\":{\"$setElementOrder/finalizers\":[\"b\"]}}", "{\"metadata\":{}}", NULL);
}

static void bad_patches_are_refused(void **state)
{
    (void)state;
    check("Pod", "{}", "[]", NULL, "JSON object");
    check("Pod", "{}", "{\"spec\":{\"$patch\":\"explode\"}}", NULL, "$patch is");
    check("Pod", "{}", "{\"spec\":{\"$patch\":1}}", NULL, "$patch is");
    check("Pod", "{}", "{\"spec\":{\"$strange\":1}}", NULL, "no directive known here");
    check("Pod", "{}", "{\"spec\":{\"$retainKeys\":1}}", NULL, "$retainKeys");
    check("Pod", "{}", "{\"spec\":{\"containers\":[{\"image\":\"i\"}]}}", NULL, "spec.containers\": an item");
    check("Pod", "{}", "{\"spec\":{\"containers\":[1]}}", NULL, "spec.containers\": an item");
    check("Pod", "{}", "{\"spec\":{\"$setElementOrder/containers\":1}}", NULL, "order or deletion");
    check("Pod", "{}", "{\"spec\":{\"$setElementOrder/tolerations\":[]}}", NULL, "order or deletion");
    check("Pod", "{}", "{\"spec\":{\"$deleteFromPrimitiveList/containers\":[\"a\"]}}", NULL, "order or deletion");
}

/* The same through the front: the object changes, a conflict is one, and a strange member is refused where that is asked for. */
static void a_patched_object(void **state)
{
    struct world w;
    struct store_request r = { .resource = STORE_PODS, .namespace_ = "default", .verb = STORE_CREATE };
    (void)state;
    world_open(&w, NULL);
    assert_int_equal(send_request(&w, r, "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\"}]}}"),
                     201);
    r = (struct store_request){
        .resource = STORE_PODS, .namespace_ = "default", .name = "p", .verb = STORE_PATCH, .patch = STORE_PATCH_STRATEGIC
    };
    assert_int_equal(send_request(&w, r, "{\"spec\":{\"containers\":[{\"name\":\"b\"}]}}"), 200);
    assert_int_equal(json_array_size(at(w.answer.body, "spec.containers")), 2);
    assert_string_equal(answer_text(&w, "spec.containers.0.image"), "i");
    assert_int_equal(send_request(&w, r, "{\"metadata\":{\"resourceVersion\":\"1\"}}"), 409);
    assert_int_equal(send_request(&w, r, "{\"spec\":{\"$x\":1}}"), 400);
    assert_int_equal(send_request(&w, r, "[]"), 400);
    world_close(&w);
}

static void strict_field_validation(void **state)
{
    struct world w;
    struct store_request r = { .resource = STORE_LEASES, .namespace_ = "default", .verb = STORE_CREATE, .strict = true };
    (void)state;
    world_open(&w, NULL);
    assert_int_equal(send_request(&w, r, "{\"metadata\":{\"name\":\"a\",\"nick\":\"b\"},\"x\":1,\"spec\":{\"holder\":\"b\"}}"), 400);
    assert_string_equal(answer_text(&w, "message"), "Lease in version \"v1\" cannot be handled as a Lease: strict decoding error: unknown "
                                                    "field \"metadata.nick\", unknown field \"x\", unknown field \"spec.holder\"");
    r.strict = false;
    assert_int_equal(send_request(&w, r, "{\"metadata\":{\"name\":\"a\",\"nick\":\"b\"},\"x\":1,\"spec\":{\"holder\":\"b\"}}"), 201);
    r.strict = true;
    r.resource = STORE_CONFIGMAPS;
    assert_int_equal(send_request(&w, r, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"b\"},\"immutable\":true}"), 201);
    assert_int_equal(send_request(&w, r, "{\"metadata\":{\"name\":\"b\"},\"dato\":{\"a\":\"b\"}}"), 400);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_merge_and_other_lists_are_replaced),
        cmocka_unit_test(lists_with_a_key_merge_item_by_item),
        cmocka_unit_test(plain_lists_are_sets),
        cmocka_unit_test(directives_of_objects),
        cmocka_unit_test(order_is_set),
        cmocka_unit_test(bad_patches_are_refused),
        cmocka_unit_test(a_patched_object),
        cmocka_unit_test(strict_field_validation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
