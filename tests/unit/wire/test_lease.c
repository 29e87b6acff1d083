/* The lease dialect: records as real electors write them, garbage, and what must survive a write. */
#include "cmocka_all.h"
#include "wire/dialect.h"
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
    struct record r = read_text(SPEC("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":15,\"acquireTime\":\"2026-11-23T03:17:08.948438Z\","
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
    r = read_text(SPEC("{\"holderIdentity\":\"b\",\"leaseDurationSeconds\":17,\"renewTime\":\"2026-11-23T03:01:29.791308+00:00\"}")); /* python */
    assert_int_equal(r.kind, RECORD_HELD);
    assert_true(r.renew_us > 0);
    r = read_text(SPEC("{\"holderIdentity\":\"n\",\"renewTime\":\"2026-11-23T03:01:29.791Z\"}")); /* npm: no duration */
    assert_int_equal(r.duration_ms, 0);
    r = read_text(SPEC("{\"holderIdentity\":null,\"renewTime\":null}"));                           /* npm's release */
    assert_int_equal(r.kind, RECORD_EMPTIED);
    assert_int_equal(r.renew_us, 0);
    r = read_text("{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\"}}");
    assert_int_equal(r.kind, RECORD_EMPTIED);
}

static void garbage_in_any_field_is_unreadable_and_a_change_of_it_is_a_change(void **state)
{
    (void)state;
    const char *const bad[] = {
        SPEC("[]"), SPEC("\"x\""), SPEC("7"), SPEC("{\"holderIdentity\":7}"), SPEC("{\"holderIdentity\":{\"a\":1}}"),
        SPEC("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":\"15\"}"), SPEC("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":1.5}"),
        SPEC("{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":9999999999}"), SPEC("{\"holderIdentity\":\"a\",\"renewTime\":\"yesterday\"}"),
        SPEC("{\"holderIdentity\":\"a\",\"renewTime\":17}"), SPEC("{\"holderIdentity\":\"a\",\"acquireTime\":false}"),
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
    struct record r = { .kind = RECORD_HELD, .holder = "a_1f", .duration_ms = 15000, .acquire_us = 1795403675000001, .renew_us = 1795403678000002, .transitions = 4 };
    r.mark = (struct record_mark){ .present = true, .names_holder = true, .transitions = 4, .nonce = 0xdeadbeef12345678, .duration_ms = 15000, .token = 991 };
    return r;
}

static void everything_else_in_the_object_survives_a_write(void **state)
{
    (void)state;
    const char *text = "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\",\"uid\":\"u\",\"resourceVersion\":\"7\","
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
    const char *text = "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\",\"annotations\":null},\"spec\":null}";
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
        "", "x", "[]", "{}", "{\\\"holder\\\":\\\"a\\\"}",
        "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"12\\\",\\\"transitions\\\":0,\\\"leaseDurationMs\\\":15000,\\\"released\\\":false}",
        "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"0123456789abcdef\\\",\\\"transitions\\\":-1,\\\"leaseDurationMs\\\":15000,\\\"released\\\":false}",
        "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"0123456789abcdef\\\",\\\"transitions\\\":0,\\\"leaseDurationMs\\\":0,\\\"released\\\":false}",
        "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"0123456789abcdef\\\",\\\"transitions\\\":0,\\\"leaseDurationMs\\\":15000,\\\"released\\\":1}",
        "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"0123456789abcdef\\\",\\\"transitions\\\":0,\\\"leaseDurationMs\\\":15000,\\\"released\\\":false,\\\"token\\\":\\\"x\\\"}",
    };
    char text[2000];
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        snprintf(text, sizeof text, "{\"metadata\":{\"annotations\":{\"leasehold.dev/term\":\"%s\"}},\"spec\":{\"holderIdentity\":\"a\"}}", marks[i]);
        struct record r = read_text(text);
        assert_int_equal(r.kind, RECORD_HELD);
        assert_false(r.mark.present);
    }
    snprintf(text, sizeof text, "{\"metadata\":{\"annotations\":{\"leasehold.dev/term\":\"%s\"}},\"spec\":{\"holderIdentity\":\"b\"}}",
             "{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"0123456789abcdef\\\",\\\"transitions\\\":2,\\\"leaseDurationMs\\\":15000,\\\"released\\\":false}");
    struct record r = read_text(text);
    assert_true(r.mark.present && !r.mark.names_holder);
    assert_int_equal(r.mark.nonce, 0x0123456789abcdef);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
