/* The examples of RFC 7386, and RFC 6902's operations at their edges. */
#include "world.h"

#include "store/patch.h"

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static void merge_patches(void **state)
{
    (void)state;
    static const char *const table[][3] = {
        { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
        { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
        { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
        { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
        { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
        { "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
        { "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
        { "{\"a\":\"foo\"}", "null", "null" },
        { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
        { "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
        { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        json_t *target = parse(table[i][0]), *patch = parse(table[i][1]), *wanted = parse(table[i][2]);
        json_t *got = store_patch_merge(target, patch);
        assert_true(json_equal(got, wanted));
        json_decref(got);
        got = parse(table[i][0]);
        assert_true(json_equal(target, got)); /* inputs are never changed */
        json_decref(got);
        json_decref(target);
        json_decref(patch);
        json_decref(wanted);
    }
}

/* wanted NULL: refused; "!": malformed. */
static void check(const char *document, const char *operations, const char *wanted)
{
    char error[512] = "";
    json_t *d = parse(document), *o = parse(operations), *got = NULL, *before = json_deep_copy(d);
    enum store_patch_outcome outcome = store_patch_json(d, o, &got, error, sizeof error);
    if (wanted == NULL || strcmp(wanted, "!") == 0) {
        assert_int_equal(outcome, wanted == NULL ? STORE_PATCH_REFUSED : STORE_PATCH_MALFORMED);
        assert_string_not_equal(error, "");
        assert_null(got);
    } else {
        json_t *w = parse(wanted);
        if (outcome != STORE_PATCH_DONE || !json_equal(got, w))
            fail_msg("%s on %s: %s", operations, document, error);
        json_decref(w);
        json_decref(got);
    }
    assert_true(json_equal(d, before));
    json_decref(d);
    json_decref(o);
    json_decref(before);
}

static void json_patches(void **state)
{
    (void)state;
    check("{\"a\":1}", "[]", "{\"a\":1}");
    check("{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2}]", "{\"a\":1,\"b\":2}");
    check("{\"a\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]", "{\"a\":[1,2,3]}");
    check("{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":2}]", "{\"a\":[1,2]}");
    check("{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]", "{\"a\":[1,2]}");
    check("{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":2}]", NULL);
    check("{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/01\",\"value\":2}]", NULL);
    check("{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/x\",\"value\":2}]", NULL);
    check("{}", "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":2}]", NULL);
    check("{}", "[{\"op\":\"add\",\"path\":\"\",\"value\":[1]}]", "[1]");
    check("{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{}");
    check("{\"a\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/a/0\"}]", "{\"a\":[2]}");
    check("{\"a\":[]}", "[{\"op\":\"remove\",\"path\":\"/a/0\"}]", NULL);
    check("{}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", NULL);
    check("{}", "[{\"op\":\"remove\",\"path\":\"\"}]", NULL);
    check("{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":null}]", "{\"a\":null}");
    check("{}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":1}]", NULL);
    check("{\"a\":[1]}", "[{\"op\":\"replace\",\"path\":\"/a/1\",\"value\":1}]", NULL);
    check("{\"a\":{\"b\":1},\"c\":{}}", "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c/d\"}]", "{\"a\":{},\"c\":{\"d\":1}}");
    check("{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", NULL);
    check("{\"a\":{\"b\":1}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"}]", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}");
    check("{\"a/b\":1,\"m~n\":2}", "[{\"op\":\"test\",\"path\":\"/a~1b\",\"value\":1},{\"op\":\"remove\",\"path\":\"/m~0n\"}]",
          "{\"a/b\":1}");
    check("{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", NULL);
    check("{\"a\":{\"x\":[1,{}]}}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":{\"x\":[1,{}]}}]", "{\"a\":{\"x\":[1,{}]}}");
    check("{}", "{}", "!");
    check("{}", "[1]", "!");
    check("{}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", "!");
    check("{}", "[{\"op\":\"add\",\"path\":\"/a\"}]", "!");
    check("{}", "[{\"op\":\"copy\",\"path\":\"/a\"}]", "!");
    check("{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/a~2\"}]", NULL);
}

/* Copying a document into itself doubles it each time: depth and work stay bounded. */
static void growth_is_bounded(void **state)
{
    (void)state;
    char text[8192] = "[";
    char path[512] = "/a";
    for (int i = 0; i < 30; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s{\"op\":\"copy\",\"from\":\"\",\"path\":\"%s\"}", i ? "," : "", path);
        strcat(path, "/a");
    }
    strcat(text, "]");
    check("{\"x\":1}", text, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge_patches),
        cmocka_unit_test(json_patches),
        cmocka_unit_test(growth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
