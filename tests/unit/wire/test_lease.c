/* The lease dialect: records as real electors write them, garbage, and what must survive a write. */
#include "cmocka_all.h"
#include "wire/dialect.h"
#include "wire/mark.h"
#include "wire/object.h"

static struct record read_text(const char *text)
{
    json_t *object = NULL;
    assert_int_equal(object_parse(text, strlen(text), &object), 0);
    struct record r;
    memset(&r, 0xff, sizeof r);
    dialect_lease.read(object, "g", &r);
    json_decref(object);
    return r;
}

#define SPEC(spec) "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\"},\"spec\":" spec "}"

static void records_of_real_electors_are_read(void **state)
{
    (void)state;
    struct record r =
        read_text(SPEC("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":15,\"acquireTime\":\"2026-11-23T03:17:08.948438Z\","
                       "\"renewTime\":\"2026-11-23T03:17:43.245925Z\",\"leaseTransitions\":3}"));
    assert_int_equal(r.kind, RECORD_HELD);
    assert_string_equal(r.holder, "a");
    assert_int_equal(r.duration_ms, 15000);
    assert_int_equal(r.transitions, 3);
    assert_int_equal(r.renew_us - r.acquire_us, 34297487);
    assert_false(r.mark.present);

    r = read_text(SPEC("{\"holderIdentity\":\"\",\"leaseDurationSeconds\":1,\"leaseTransitions\":3}")); /* client-go's release */
    assert_int_equal(r.kind, RECORD_EMPTIED);
    assert_int_equal(r.duration_ms, 1000);
    r = read_text(
        SPEC("{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":17,\"renewTime\":\"2026-11-23T03:01:29.791308+00:00\"}")); /* python */
    assert_int_equal(r.kind, RECORD_HELD);
    assert_true(r.renew_us > 0);
    r = read_text(SPEC("{\"holderIdentity\":\"n\",\"renewTime\":\"2026-11-23T03:01:29.791Z\"}")); /* npm: no duration */
    assert_int_equal(r.duration_ms, 0);
    r = read_text(SPEC("{\"holderIdentity\":null,\"renewTime\":null}")); /* npm's release */
    assert_int_equal(r.kind, RECORD_EMPTIED);
    assert_int_equal(r.renew_us, 0);
    r = read_text("{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\"}}");
    assert_int_equal(r.kind, RECORD_EMPTIED);
}

static void garbage_in_any_field_is_unreadable_and_a_change_of_it_is_a_change(void **state)
{
    (void)state;
    const char *const bad[] = {
        SPEC("[]"),
        SPEC("\"x\""),
        SPEC("7"),
        SPEC("{\"holderIdentity\":7}"),
        SPEC("{\"holderIdentity\":{\"a\":1}}"),
        SPEC("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":\"15\"}"),
        SPEC("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":1.5}"),
        SPEC("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":9999999999}"),
        SPEC("{\"holderIdentity\":\"a\",\"renewTime\":\"yesterday\"}"),
        SPEC("{\"holderIdentity\":\"a\",\"renewTime\":17}"),
        SPEC("{\"holderIdentity\":\"a\",\"acquireTime\":false}"),
        SPEC("{\"holderIdentity\":\"a\",\"leaseTransitions\":\"many\"}"),
    };
    uint64_t previous = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct record r = read_text(bad[i]);
        assert_int_equal(r.kind, RECORD_UNREADABLE);
        assert_string_equal(r.holder, "");
        assert_true(r.rest != 0 && r.rest != previous);
        previous = r.rest;
    }
    struct record zero = read_text(SPEC("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":0}"));
    assert_int_equal(zero.kind, RECORD_HELD);
    assert_int_equal(zero.duration_ms, 0);
}

static void long_holders_are_cut_and_still_told_apart(void **state)
{
    (void)state;
    char text[2000], name[400];
    for (int i = 0; i < 2; i++) {
        memset(name, 'x', sizeof name);
        memcpy(name + 250, "\xc3\xa4\xc3\xa4\xc3\xa4", 6);
        name[350] = i ? 'y' : 'z';
        name[351] = 0;
        snprintf(text, sizeof text, SPEC("{\"holderIdentity\":\"%s\"}"), name);
        struct record r = read_text(text);
        assert_int_equal(r.kind, RECORD_HELD);
        assert_int_equal(strlen(r.holder), 252); /* 253 would cut a character in two */
        static uint64_t first;
        if (i == 0)
            first = r.rest;
        else
            assert_true(r.rest != first && r.rest != 0);
    }
}

static struct record own_record(void)
{
    struct record r = { .kind = RECORD_HELD,
                        .holder = "a_1f",
                        .duration_ms = 15000,
                        .acquire_us = 1795403675000001,
                        .renew_us = 1795403678000002,
                        .transitions = 4 };
    r.mark = (struct record_mark){
        .present = true, .names_holder = true, .transitions = 4, .nonce = 0xdeadbeef12345678, .duration_ms = 15000, .token = 991
    };
    return r;
}

static void everything_else_in_the_object_survives_a_write(void **state)
{
    (void)state;
    const char *text =
        "{\"apiVersion\":\"coordination.k8s.io/"
        "v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\",\"uid\":\"u\",\"resourceVersion\":\"7\","
        "\"labels\":{\"app\":\"x\"},\"annotations\":{\"note\":\"kept\"},\"finalizers\":[\"f\"],\"ownerReferences\":[{\"uid\":\"o\"}]},"
        "\"spec\":{\"holderIdentity\":\"z\",\"preferredHolder\":\"p\",\"strategy\":\"s\",\"future\":{\"x\":[1,2]}}}";
    json_t *object = NULL, *before = NULL;
    assert_int_equal(object_parse(text, strlen(text), &object), 0);
    assert_int_equal(object_parse(text, strlen(text), &before), 0);
    struct record r = own_record(), again;
    assert_int_equal(dialect_lease.put(object, "g", &r, "a_1f"), 0);
    dialect_lease.read(object, "g", &again);
    assert_true(record_equal(&r, &again));
    /* What is not ours is as it was. */
    json_t *spec = json_object_get(object, "spec");
    static const char *const ours[] = { "holderIdentity", "leaseDurationSeconds", "acquireTime", "renewTime", "leaseTransitions" };
    assert_string_equal(json_string_value(json_object_get(spec, "renewTime")), "2026-11-23T03:14:38.000002Z");
    assert_int_equal(json_integer_value(json_object_get(spec, "leaseDurationSeconds")), 15);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        assert_int_equal(json_object_del(spec, ours[i]), 0);
        json_object_del(json_object_get(before, "spec"), ours[i]);
    }
    json_object_del(json_object_get(json_object_get(object, "metadata"), "annotations"), "leasehold.dev/term");
    assert_true(json_equal(object, before));
    json_decref(object);
    json_decref(before);
}

static void release_has_the_form_of_client_go_and_a_mark(void **state)
{
    (void)state;
    struct record r = own_record(), again;
    r.kind = RECORD_EMPTIED;
    memset(r.holder, 0, sizeof r.holder);
    r.duration_ms = 1000;
    r.mark.names_holder = false;
    r.mark.released = true;
    json_t *object = dialect_new_object(&dialect_lease, "ns", "g");
    assert_int_equal(dialect_lease.put(object, "g", &r, "a_1f"), 0);
    json_t *spec = json_object_get(object, "spec");
    assert_string_equal(json_string_value(json_object_get(spec, "holderIdentity")), "");
    assert_int_equal(json_integer_value(json_object_get(spec, "leaseDurationSeconds")), 1);
    assert_int_equal(json_integer_value(json_object_get(spec, "leaseTransitions")), 4);
    dialect_lease.read(object, "g", &again);
    assert_true(record_equal(&r, &again));
    json_decref(object);
}

static void null_where_an_object_belongs_is_written_over(void **state)
{
    (void)state;
    const char *text =
        "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\",\"annotations\":null},\"spec\":null}";
    json_t *object = NULL;
    assert_int_equal(object_parse(text, strlen(text), &object), 0);
    struct record r = own_record(), again;
    assert_int_equal(dialect_lease.put(object, "g", &r, "a_1f"), 0);
    dialect_lease.read(object, "g", &again);
    assert_true(record_equal(&r, &again));
    json_decref(object);
}

static void marks_that_cannot_be_read_do_not_count(void **state)
{
    (void)state;
    const char *const marks[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\\\"holder\\\":\\\"a\\\"}",
        "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"12\\\",\\\"transitions\\\":0,\\\"leaseDurationMs\\\":15000,\\\"released\\\":false}",
        "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"0123456789abcdef\\\",\\\"transitions\\\":-1,\\\"leaseDurationMs\\\":15000,"
        "\\\"released\\\":false}",
        "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"0123456789abcdef\\\",\\\"transitions\\\":0,\\\"leaseDurationMs\\\":0,\\\"released\\\":"
        "false}",
        "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"0123456789abcdef\\\",\\\"transitions\\\":0,\\\"leaseDurationMs\\\":15000,"
        "\\\"released\\\":1}",
        "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"0123456789abcdef\\\",\\\"transitions\\\":0,\\\"leaseDurationMs\\\":15000,"
        "\\\"released\\\":false,\\\"token\\\":\\\"x\\\"}",
    };
    char text[2000];
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        snprintf(text, sizeof text, "{\"metadata\":{\"annotations\":{\"leasehold.dev/term\":\"%s\"}},\"spec\":{\"holderIdentity\":\"a\"}}",
                 marks[i]);
        struct record r = read_text(text);
        assert_int_equal(r.kind, RECORD_HELD);
        assert_false(r.mark.present);
    }
    snprintf(text, sizeof text, "{\"metadata\":{\"annotations\":{\"leasehold.dev/term\":\"%s\"}},\"spec\":{\"holderIdentity\":\"b\"}}",
             "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"0123456789abcdef\\\",\\\"transitions\\\":2,\\\"leaseDurationMs\\\":15000,"
             "\\\"released\\\":false}");
    struct record r = read_text(text);
    assert_true(r.mark.present && !r.mark.names_holder);
    assert_int_equal(r.mark.nonce, 0x0123456789abcdef);
}

static void what_the_fields_cannot_hold_is_still_told_apart(void **state)
{
    (void)state;
#define MARKED(mark) "{\"metadata\":{\"annotations\":{\"leasehold.dev/term\":" mark "}},\"spec\":{\"holderIdentity\":\"a\"}}"
    const char *const pairs[][2] = {
        { SPEC("{\"holderIdentity\":\"a\",\"renewTime\":\"2026-11-23T03:17:43.2459251Z\"}"),
          SPEC("{\"holderIdentity\":\"a\",\"renewTime\":\"2026-11-23T03:17:43.2459252Z\"}") },
        { SPEC("{\"holderIdentity\":\"a\",\"acquireTime\":\"2016-12-31T23:59:60Z\"}"),
          SPEC("{\"holderIdentity\":\"a\",\"acquireTime\":\"2017-01-01T00:00:00Z\"}") },
        { SPEC("{\"holderIdentity\":\"\",\"renewTime\":\"1970-01-01T00:00:00Z\"}"), SPEC("{\"holderIdentity\":\"\"}") },
        { MARKED("\"x\""), MARKED("\"y\"") },
        { MARKED("\"x\""), MARKED("null") },
        { MARKED("7"), MARKED("[7]") },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct record a = read_text(pairs[i][0]), b = read_text(pairs[i][1]);
        assert_int_not_equal(a.kind, RECORD_UNREADABLE);
        assert_int_equal(a.kind, b.kind);
        assert_true(a.renew_us == b.renew_us && a.acquire_us == b.acquire_us);
        assert_false(record_equal(&a, &b));
    }
    /* Digits that say nothing are nothing: the same stamp, written by another. */
    struct record a = read_text(SPEC("{\"holderIdentity\":\"a\",\"renewTime\":\"2026-11-23T03:17:43.245925000Z\"}"));
    struct record b = read_text(SPEC("{\"holderIdentity\":\"a\",\"renewTime\":\"2026-11-23T04:17:43.245925+01:00\"}"));
    assert_true(record_equal(&a, &b));
    assert_int_equal(a.rest, 0);
}

static void an_unreadable_record_keeps_its_count_and_its_mark_matters(void **state)
{
    (void)state;
    struct record a =
        read_text("{\"metadata\":{\"annotations\":{\"leasehold.dev/term\":\"x\"}},\"spec\":{\"holderIdentity\":7,\"leaseTransitions\":9}}");
    struct record b =
        read_text("{\"metadata\":{\"annotations\":{\"leasehold.dev/term\":\"y\"}},\"spec\":{\"leaseTransitions\":9,\"holderIdentity\":7}}");
    struct record c = read_text("{\"metadata\":{\"annotations\":{\"leasehold.dev/"
                                "term\":\"y\"},\"labels\":{\"l\":\"1\"}},\"spec\":{\"holderIdentity\":7,\"leaseTransitions\":9}}");
    assert_int_equal(a.kind, RECORD_UNREADABLE);
    assert_int_equal(a.transitions, 9);
    assert_false(record_equal(&a, &b));
    assert_true(record_equal(&b, &c)); /* the order of keys and what is not ours do not */
    assert_int_equal(read_text(SPEC("{\"holderIdentity\":\"a\",\"leaseTransitions\":-1}")).kind, RECORD_UNREADABLE);
}

static void what_a_record_does_not_say_is_not_written(void **state)
{
    (void)state;
    struct record r = { .kind = RECORD_HELD, .holder = "a" }, again;
    const char *text =
        SPEC("{\"holderIdentity\":\"z\",\"leaseDurationSeconds\":15,\"renewTime\":\"2026-11-23T03:17:43Z\",\"acquireTime\":null}");
    json_t *object = NULL;
    assert_int_equal(object_parse(text, strlen(text), &object), 0);
    assert_int_equal(dialect_lease.put(object, "g", &r, "a"), 0);
    const json_t *spec = json_object_get(object, "spec");
    assert_int_equal(json_object_size(spec), 2); /* kube-apiserver refuses a duration of 0 */
    dialect_lease.read(object, "g", &again);
    assert_true(record_equal(&r, &again));
    assert_null(json_object_get(json_object_get(object, "metadata"), "annotations"));
    json_decref(object);
    dialect_lease.read(NULL, "g", &again);
    assert_int_equal(again.kind, RECORD_ABSENT);
}

static void a_record_without_a_mark_leaves_the_mark_that_is_there(void **state)
{
    (void)state;
    struct record ours = own_record(), other = { .kind = RECORD_HELD, .holder = "z", .duration_ms = 14001 }, again;
    json_t *object = dialect_new_object(&dialect_lease, "ns", "g");
    assert_int_equal(dialect_lease.put(object, "g", &ours, ours.holder), 0);
    assert_int_equal(dialect_lease.put(object, "g", &other, "z"), 0);
    dialect_lease.read(object, "g", &again);
    assert_true(again.mark.present && !again.mark.names_holder);
    assert_int_equal(again.mark.nonce, ours.mark.nonce);
    assert_int_equal(again.duration_ms, 15000); /* never less than was meant */
    json_decref(object);
}

static void the_mark_is_written_as_documented_and_its_token_read_in_both_forms(void **state)
{
    (void)state;
    struct record_mark mark = own_record().mark, again;
    mark.token = UINT64_MAX;
    char *text = mark_format(&mark, "a\"b", 0);
    assert_string_equal(text, "{\"holder\":\"a\\\"b\",\"nonce\":\"deadbeef12345678\",\"transitions\":4,\"leaseDurationMs\":15000,"
                              "\"released\":false,\"token\":\"18446744073709551615\"}");
    mark_parse(text, "a\"b", &again, NULL);
    assert_true(record_mark_equal(&mark, &again));
    free(text);
    mark_parse(
        "{\"holder\":\"a\",\"nonce\":\"DEADBEEF12345678\",\"transitions\":4,\"leaseDurationMs\":15000,\"released\":true,\"token\":17}", "",
        &again, NULL);
    assert_true(again.present && again.released && !again.names_holder);
    assert_int_equal(again.token, 17);
    assert_true(again.nonce == mark.nonce);
}

static void a_nul_byte_in_a_strangers_annotation_survives(void **state)
{
    (void)state;
    const char *text = "{\"metadata\":{\"annotations\":{\"n\":\"a\\u0000b\"}},\"spec\":{\"holderIdentity\":\"a\"}}";
    json_t *object = NULL;
    size_t size;
    assert_int_equal(object_parse(text, strlen(text), &object), 0);
    char *dump = object_dump(object, &size);
    assert_string_equal(dump, text);
    assert_int_equal(size, strlen(text));
    free(dump);
    json_decref(object);
    assert_int_equal(read_text(SPEC("{\"holderIdentity\":\"a\\u0000b\"}")).kind, RECORD_UNREADABLE);
    assert_false(read_text(MARKED("\"{}\\u0000\"")).mark.present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_real_electors_are_read),
        cmocka_unit_test(garbage_in_any_field_is_unreadable_and_a_change_of_it_is_a_change),
        cmocka_unit_test(long_holders_are_cut_and_still_told_apart),
        cmocka_unit_test(everything_else_in_the_object_survives_a_write),
        cmocka_unit_test(release_has_the_form_of_client_go_and_a_mark),
        cmocka_unit_test(null_where_an_object_belongs_is_written_over),
        cmocka_unit_test(marks_that_cannot_be_read_do_not_count),
        cmocka_unit_test(what_the_fields_cannot_hold_is_still_told_apart),
        cmocka_unit_test(an_unreadable_record_keeps_its_count_and_its_mark_matters),
        cmocka_unit_test(what_a_record_does_not_say_is_not_written),
        cmocka_unit_test(a_record_without_a_mark_leaves_the_mark_that_is_there),
        cmocka_unit_test(the_mark_is_written_as_documented_and_its_token_read_in_both_forms),
        cmocka_unit_test(a_nul_byte_in_a_strangers_annotation_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
