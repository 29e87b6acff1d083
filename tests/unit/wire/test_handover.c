/* The request to hand a lock over: what is one, and whom it means. */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "wire/dialect.h"
#include "wire/handover.h"

static void requests_survive_being_written(void **state)
{
    (void)state;
    struct handover all[] = { { 1, "" }, { UINT64_MAX, "reports-1_0f" }, { 1795434443809008, "\xc3\xa4 b" } }, h;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char *text = handover_format(&all[i]);
        assert_non_null(text);
        assert_true(handover_parse(text, &h));
        assert_int_equal(h.token, all[i].token);
        assert_string_equal(h.to, all[i].to);
        free(text);
    }
}

static void what_is_no_request_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = { NULL,
                                       "",
                                       "x",
                                       "{}",
                                       "[]",
                                       "{\"token\":1}",
                                       "{\"token\":\"0\"}",
                                       "{\"token\":\"-1\"}",
                                       "{\"token\":\"1x\"}",
                                       "{\"token\":\"18446744073709551616\"}",
                                       "{\"token\":\"1\",\"token\":\"2\"}",
                                       "{\"token\":null}" };
    struct handover h = { 7, "kept" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (handover_parse(bad[i], &h))
            fail_msg("taken: %s", bad[i] ? bad[i] : "NULL");
    assert_int_equal(h.token, 7);
    char text[HANDOVER_SIZE_MAX + 64];
    memset(text, 'x', sizeof text);
    memcpy(text, "{\"token\":\"1\",\"to\":\"", 19);
    memcpy(text + 300, "\"}", 3);
    assert_false(handover_parse(text, &h)); /* longer than an identity */
}

static void a_pod_means_its_candidate(void **state)
{
    (void)state;
    const struct handover h = { 1, "web-0" };
    assert_true(handover_is_to(&h, "web-0"));
    assert_true(handover_is_to(&h, "web-0_1f3a"));
    assert_false(handover_is_to(&h, "web-01"));
    assert_false(handover_is_to(&h, "web-0_x"));
    assert_false(handover_is_to(&h, "web-0-1"));
    assert_false(handover_is_to(&h, "web"));
}

static void each_dialect_finds_what_its_patch_puts_there(void **state)
{
    (void)state;
    static const struct dialect *const dialects[] = { &dialect_lease, &dialect_configmap };
    for (size_t i = 0; i < 2; i++) {
        json_t *object = dialect_new_object(dialects[i], "ns", "g"), *patch = dialects[i]->handover_patch("g", "{\"token\":\"5\"}");
        assert_non_null(object);
        assert_null(dialects[i]->handover(object, "g"));
        assert_null(dialects[i]->handover(NULL, "g"));
        json_t *metadata = json_object_get(patch, "metadata");
        if (metadata) /* one level deeper than json_object_update() looks */
            assert_int_equal(json_object_update(json_object_get(object, "metadata"), metadata), 0);
        else
            assert_int_equal(json_object_update(object, patch), 0);
        assert_string_equal(dialects[i]->handover(object, "g"), "{\"token\":\"5\"}");
        json_decref(object);
        json_decref(patch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_survive_being_written),
        cmocka_unit_test(what_is_no_request_is_none),
        cmocka_unit_test(a_pod_means_its_candidate),
        cmocka_unit_test(each_dialect_finds_what_its_patch_puts_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
