/* Protobuf bodies as JSON: what real clients send, and what nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "devserver/protobuf.h"

/* Builds messages from the inside out. */
struct bytes {
    unsigned char data[4096];
    size_t used;
};

static void byte(struct bytes *b, unsigned value)
{
    assert_true(b->used < sizeof b->data);
    b->data[b->used++] = (unsigned char)value;
}

static void varint(struct bytes *b, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        byte(b, (unsigned)(value & 0x7f) | 0x80);
    byte(b, (unsigned)value);
}

static void number(struct bytes *b, unsigned field, int64_t value)
{
    varint(b, field << 3);
    varint(b, (uint64_t)value);
}

static void data(struct bytes *b, unsigned field, const void *from, size_t size)
{
    varint(b, field << 3 | 2);
    varint(b, size);
    for (size_t i = 0; i < size; i++)
        byte(b, ((const unsigned char *)from)[i]);
}

static void text(struct bytes *b, unsigned field, const char *value)
{
    data(b, field, value, strlen(value));
}

static void nested(struct bytes *b, unsigned field, const struct bytes *inner)
{
    data(b, field, inner->data, inner->used);
}

static void envelope(struct bytes *b, const char *api_version, const char *kind, const struct bytes *raw)
{
    struct bytes type = { .used = 0 };
    *b = (struct bytes){ .data = "k8s", .used = 4 };
    text(&type, 1, api_version);
    text(&type, 2, kind);
    nested(b, 1, &type);
    nested(b, 2, raw);
    text(b, 3, "");
    text(b, 4, "");
}

static void check(const struct bytes *b, const char *wanted)
{
    char error[320] = "";
    int code;
    json_t *got = devserver_protobuf_decode((const char *)b->data, b->used, "v1", "None", &code, error, sizeof error);
    if (got == NULL)
        fail_msg("%s", error);
    json_t *value = json_loads(wanted, 0, NULL);
    assert_non_null(value);
    if (!json_equal(got, value))
        fail_msg("%s", json_dumps(got, JSON_COMPACT)); /* the process ends: nobody frees it */
    json_decref(value);
    json_decref(got);
}

static void refused(const struct bytes *b, int wanted, const char *part)
{
    char error[320] = "";
    int code = 0;
    json_t *got = devserver_protobuf_decode((const char *)b->data, b->used, "v1", "None", &code, error, sizeof error);
    assert_null(got);
    assert_int_equal(code, wanted);
    if (strstr(error, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, error);
}

/* A whole Lease with one field of its spec. */
static struct bytes lease_with(const struct bytes *spec)
{
    struct bytes lease = { .used = 0 }, b;
    nested(&lease, 2, spec);
    envelope(&b, "coordination.k8s.io/v1", "Lease", &lease);
    return b;
}

static void a_lease_as_an_elector_sends_it(void **state)
{
    struct bytes meta = { .used = 0 }, spec = { .used = 0 }, time = { .used = 0 }, lease = { .used = 0 }, entry = { .used = 0 }, b;
    (void)state;
    text(&entry, 1, "app");
    text(&entry, 2, "x");
    text(&meta, 1, "lock");
    text(&meta, 2, "");
    text(&meta, 3, "default");
    text(&meta, 6, "12");
    number(&meta, 7, 0);
    data(&meta, 8, "", 0);
    nested(&meta, 11, &entry);
    text(&meta, 14, "a/b");
    text(&meta, 14, "c/d");
    number(&time, 1, 1764000000);
    number(&time, 2, 123456789);
    text(&spec, 1, "");
    number(&spec, 2, 15);
    nested(&spec, 3, &time);
    nested(&spec, 4, &time);
    number(&spec, 5, 0);
    nested(&lease, 1, &meta);
    nested(&lease, 2, &spec);
    envelope(&b, "coordination.k8s.io/v1", "Lease", &lease);
    check(&b, "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"lock\",\"namespace\":\"default\","
              "\"resourceVersion\":\"12\",\"labels\":{\"app\":\"x\"},\"finalizers\":[\"a/b\",\"c/d\"]},"
              "\"spec\":{\"holderIdentity\":\"\",\"leaseDurationSeconds\":15,\"acquireTime\":\"2025-11-24T16:00:00.123456Z\","
              "\"renewTime\":\"2025-11-24T16:00:00.123456Z\",\"leaseTransitions\":0}}");
}

static void maps_bytes_and_raw_json(void **state)
{
    struct bytes entry = { .used = 0 }, binary = { .used = 0 }, raw = { .used = 0 }, fields = { .used = 0 }, time = { .used = 0 };
    struct bytes meta = { .used = 0 }, map = { .used = 0 }, b;
    (void)state;
    text(&entry, 1, "empty");
    text(&binary, 1, "b");
    data(&binary, 2, "\0\xff\xfe\x01", 4);
    text(&raw, 1, "{\"f:data\":{}}");
    number(&time, 1, 1);
    number(&time, 2, 999999999);
    text(&fields, 1, "m");
    nested(&fields, 4, &time);
    nested(&fields, 7, &raw);
    nested(&meta, 17, &fields);
    nested(&map, 1, &meta);
    nested(&map, 2, &entry);
    nested(&map, 3, &binary);
    number(&map, 4, 0);
    envelope(&b, "v1", "ConfigMap", &map);
    check(&b, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"managedFields\":[{\"manager\":\"m\",\"time\":"
              "\"1970-01-01T00:00:01Z\",\"fieldsV1\":{\"f:data\":{}}}]},\"data\":{\"empty\":\"\"},\"binaryData\":{\"b\":\"AP/+AQ==\"},"
              "\"immutable\":false}");
}

static void options_of_any_group(void **state)
{
    struct bytes options = { .used = 0 }, b;
    (void)state;
    number(&options, 1, 0);
    text(&options, 4, "Background");
    envelope(&b, "coordination.k8s.io/v1", "DeleteOptions", &options);
    check(&b, "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"DeleteOptions\",\"gracePeriodSeconds\":0,"
              "\"propagationPolicy\":\"Background\"}");
}

static void what_is_not_known_is_refused(void **state)
{
    struct bytes spec = { .used = 0 }, lease = { .used = 0 }, b;
    (void)state;
    text(&spec, 1, "a");
    text(&spec, 99, "of the future");
    b = lease_with(&spec);
    refused(&b, 400, "message LeaseSpec has a field 99 ");

    number(&lease, 3, 1);
    envelope(&b, "coordination.k8s.io/v1", "Lease", &lease);
    refused(&b, 400, "message Lease has a field 3 ");
    envelope(&b, "v1", "Pod", &lease);
    refused(&b, 415, "Pod of v1 is not read as protobuf");
    envelope(&b, "v1", "ConfigMap", &(struct bytes){ .used = 0 });
    number(&b, 5, 1);
    refused(&b, 400, "message Unknown has a field 5 ");
    envelope(&b, "v1", "ConfigMap", &(struct bytes){ .used = 0 });
    text(&b, 3, "gzip");
    refused(&b, 400, "contentEncoding");
    envelope(&b, "v1", "ConfigMap", &(struct bytes){ .used = 0 });
    text(&b, 4, "application/json");
    refused(&b, 400, "contentType");
}

static void wrong_values_are_refused(void **state)
{
    struct bytes spec = { .used = 0 }, time = { .used = 0 }, b;
    (void)state;

    number(&spec, 2, INT64_C(1) << 31);
    b = lease_with(&spec);
    refused(&b, 400, "LeaseSpec.leaseDurationSeconds is 2147483648");
    spec.used = 0;
    number(&spec, 1, 5);
    b = lease_with(&spec);
    refused(&b, 400, "LeaseSpec.holderIdentity has wire type 0");
    spec.used = 0;
    text(&spec, 2, "15");
    b = lease_with(&spec);
    refused(&b, 400, "LeaseSpec.leaseDurationSeconds has wire type 2");
    spec.used = 0;
    text(&spec, 1, "\xff\xff");
    b = lease_with(&spec);
    refused(&b, 400, "LeaseSpec.holderIdentity is not valid UTF-8");
    spec.used = 0;
    data(&spec, 1, "a\0b", 3);
    b = lease_with(&spec);
    refused(&b, 400, "LeaseSpec.holderIdentity holds a zero byte");
    spec.used = 0;
    number(&time, 1, INT64_MAX);
    nested(&spec, 3, &time);
    b = lease_with(&spec);
    refused(&b, 400, "LeaseSpec.acquireTime is no time");
    spec.used = 0;
    varint(&spec, 1 << 3 | 3);
    b = lease_with(&spec);
    refused(&b, 400, "has wire type 3");
    spec.used = 0;
    varint(&spec, 2 << 3);
    for (int i = 0; i < 10; i++)
        byte(&spec, 0xff);
    b = lease_with(&spec);
    refused(&b, 400, "more than 64 bits");
}

static void cut_bodies_are_refused_or_shorter_objects(void **state)
{
    struct bytes spec = { .used = 0 }, b;
    (void)state;
    text(&spec, 1, "somebody");
    b = lease_with(&spec);
    for (size_t size = 0; size < b.used; size++) {
        char error[320] = "";
        int code = 0;
        unsigned char *exact = malloc(size + 1); /* a heap block of this size: the sanitizer sees a byte too far */
        assert_non_null(exact);
        memcpy(exact, b.data, size);
        json_t *got = devserver_protobuf_decode((const char *)exact, size, "coordination.k8s.io/v1", "Lease", &code, error, sizeof error);
        assert_true((got != NULL) == (error[0] == '\0'));
        json_decref(got);
        free(exact);
    }
    b.data[0] = 'K';
    refused(&b, 400, "does not begin with");
    b.used = 0;
    refused(&b, 400, "does not begin with");
}

static void check_values(size_t finalizers, bool fine)
{
    /* Each finalizer is one field; the raw bytes and metadata are two more. */
    size_t size = finalizers * 2;
    unsigned char *body = malloc(size + 32), *at = body;
    size_t meta = size;
    char error[320] = "";
    int code;
    assert_non_null(body);
    struct bytes head = { .used = 0 }, inner = { .used = 0 };
    varint(&inner, 1 << 3 | 2);
    varint(&inner, meta);
    varint(&head, 2 << 3 | 2);
    varint(&head, inner.used + meta);
    memcpy(at, "k8s", 4);
    memcpy(at += 4, head.data, head.used);
    memcpy(at += head.used, inner.data, inner.used);
    at += inner.used;
    for (size_t i = 0; i < finalizers; i++) {
        *at++ = 14 << 3 | 2;
        *at++ = 0;
    }
    json_t *got = devserver_protobuf_decode((const char *)body, (size_t)(at - body), "v1", "Namespace", &code, error, sizeof error);
    if ((got != NULL) != fine)
        fail_msg("%zu: %s", finalizers, error);
    assert_true(fine || strstr(error, "more than 200000 fields") != NULL);
    json_decref(got);
    free(body);
}

static void fields_are_counted(void **state)
{
    (void)state;
    check_values(PROTOBUF_VALUES_MAX - 2, true);
    check_values(PROTOBUF_VALUES_MAX - 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_as_an_elector_sends_it),
        cmocka_unit_test(maps_bytes_and_raw_json),
        cmocka_unit_test(options_of_any_group),
        cmocka_unit_test(what_is_not_known_is_refused),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(cut_bodies_are_refused_or_shorter_objects),
        cmocka_unit_test(fields_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
