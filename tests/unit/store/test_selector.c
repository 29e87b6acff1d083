#include "world.h"

#include "store/selector.h"

static bool matches(const char *labels, const char *object_labels)
{
    struct store_selector selector = { 0 };
    char error[512] = "";
    if (store_selector_labels(&selector, labels, error, sizeof error) < 0)
        fail_msg("%s: %s", labels, error);
    json_t *object = json_loads(json("{\"metadata\":{\"labels\":%s}}", object_labels), 0, NULL);
    bool result = store_selector_matches(&selector, object);
    json_decref(object);
    store_selector_clear(&selector);
    return result;
}

static bool parses(const char *labels)
{
    struct store_selector selector = { 0 };
    char error[512] = "";
    int result = store_selector_labels(&selector, labels, error, sizeof error);
    store_selector_clear(&selector);
    assert_true((result < 0) == (error[0] != '\0'));
    return result == 0;
}

static void labels_match(void **state)
{
    (void)state;
    const char *o = "{\"app\":\"web\",\"tier\":\"front\",\"n\":\"5\"}";
    assert_true(matches("", o));
    assert_true(matches("app=web", o));
    assert_true(matches("app==web,tier=front", o));
    assert_false(matches("app=web,tier=back", o));
    assert_true(matches("app!=db", o));
    assert_true(matches("missing!=x", o));
    assert_false(matches("missing=x", o));
    assert_true(matches("app in (db, web)", o));
    assert_false(matches("app in (db)", o));
    assert_true(matches("app notin (db,cache)", o));
    assert_true(matches("missing notin (db)", o));
    assert_true(matches("app", o));
    assert_false(matches("!app", o));
    assert_true(matches(" ! missing , app = web ", o));
    assert_true(matches("n>4", o));
    assert_false(matches("n<5", o));
    assert_false(matches("app>4", o));
    assert_true(matches("example.com/x notin ()", o));
}

static void broken_selectors_are_sentences(void **state)
{
    (void)state;
    static const char *const bad[] = {
        ",", "a=b,", "a in b", "a in (b", "a notin", "=b", "a b", "a=b c", "a>x", "!", "a==b==c", "in (a)b"
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (parses(bad[i]))
            fail_msg("'%s' was accepted", bad[i]);
    char *many = calloc(1, 8 * 80);
    for (int i = 0; i < STORE_REQUIREMENTS_MAX; i++)
        strcat(many, i == 0 ? "a=b" : ",a=b");
    assert_true(parses(many));
    strcat(many, ",a=b");
    assert_false(parses(many));
    free(many);
    char *big = malloc(STORE_SELECTOR_BYTES_MAX + 2);
    memset(big, 'a', STORE_SELECTOR_BYTES_MAX + 1);
    big[STORE_SELECTOR_BYTES_MAX + 1] = '\0';
    assert_false(parses(big));
    big[STORE_SELECTOR_BYTES_MAX] = '\0';
    assert_true(parses(big));
    free(big);
}

static void fields_match(void **state)
{
    (void)state;
    static const char *const allowed[] = { "status.phase", "spec.hostNetwork", NULL };
    struct store_selector s = { 0 };
    char error[512] = "";
    json_t *object =
        json_loads("{\"metadata\":{\"name\":\"a,b\"},\"status\":{\"phase\":\"Running\"},\"spec\":{\"hostNetwork\":true}}", 0, NULL);
    assert_int_equal(store_selector_fields(&s, "metadata.name=a\\,b,status.phase==Running,spec.hostNetwork!=", allowed, error, 512), 0);
    assert_string_equal(store_selector_name(&s), "a,b");
    assert_true(store_selector_matches(&s, object));
    store_selector_clear(&s);
    assert_int_equal(store_selector_fields(&s, "status.phase!=Running", allowed, error, 512), 0);
    assert_null(store_selector_name(&s));
    assert_false(store_selector_matches(&s, object));
    store_selector_clear(&s);
    static const char *const bad[] = { "color=red", "metadata.name", "metadata.name=a\\x", "metadata.name>1", "=a" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(store_selector_fields(&s, bad[i], allowed, error, sizeof error), -1);
        store_selector_clear(&s);
    }
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_match),
        cmocka_unit_test(broken_selectors_are_sentences),
        cmocka_unit_test(fields_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
