/* The configmap dialect: records as Camel's lock and we write them, garbage, and what must survive a write. */
#include "cmocka_all.h"
#include "wire/dialect.h"
#include "wire/mark.h"
#include "wire/object.h"

static const struct dialect *const d = &dialect_configmap;

static json_t *parse(const char *text)
{
    json_t *object = NULL;
    assert_int_equal(object_parse(text, strlen(text), &object), 0);
    return object;
}

static struct record read_text(const char *text)
{
    json_t *object = parse(text);
    struct record r;
    memset(&r, 0xff, sizeof r);
    d->read(object, "g", &r);
    json_decref(object);
    return r;
}

#define CONFIGMAP(members) "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"leaders\"}" members "}"
#define DATA(data) CONFIGMAP(",\"data\":{" data "}")
#define HELD(stamp) DATA("\"leader.pod.g\":\"a\",\"leader.timestamp.g\":\"" stamp "\"")
#define MARK(released)                                                                                                                     \
    "\"leasehold.term.g\":\"{\\\"holder\\\":\\\"a\\\",\\\"nonce\\\":\\\"deadbeef12345678\\\",\\\"transitions\\\":4,"                       \
    "\\\"leaseDurationMs\\\":20000,\\\"released\\\":" released ",\\\"token\\\":\\\"17\\\","                                                \
    "\\\"acquired\\\":\\\"2017-08-08T14:43:20.000000Z\\\"}\""

/* 2017-08-08T14:43:24Z */
#define STAMP_US INT64_C(1502203404000000)

static void a_group_that_is_not_there_is_absent(void **state)
{
    (void)state;
    const char *const without[] = {
        CONFIGMAP(""),
        CONFIGMAP(",\"data\":null"),
        DATA(""),
        DATA("\"foreign\":\"x\",\"leader.pod.other\":\"a\",\"leader.timestamp.other\":\"2017-08-08T14:43:24Z\""),
        DATA("\"leader.pod.g\":\"\""),
        CONFIGMAP(",\"binaryData\":{\"leader.pod.g\":\"YQ==\"}"),
    };
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        assert_int_equal(read_text(without[i]).kind, RECORD_ABSENT);
    struct record r;
    d->read(NULL, "g", &r);
    assert_int_equal(r.kind, RECORD_ABSENT);
}

static void every_form_of_the_stamp_is_read(void **state)
{
    (void)state;
    const char *const forms[] = {
        HELD("2017-08-08T14:43:24Z"),      HELD("2017-08-08T16:43:24+02"),    HELD("2017-08-08T17:13:24+0230"),
        HELD("2017-08-08T17:13:24+02:30"), HELD("2017-08-08T09:43:24-05"),    HELD("2017-08-08T09:13:24-05:30"),
        HELD("2017-08-08T14:43:24.000Z"),  HELD("2017-08-08T14:43:24+00:00"),
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct record r = read_text(forms[i]);
        assert_int_equal(r.kind, RECORD_HELD);
        assert_string_equal(r.holder, "a");
        assert_true(r.renew_us == STAMP_US);
        assert_int_equal(r.rest, 0);
        assert_int_equal(r.duration_ms, 0); /* nobody says: --foreign-lease is waited */
        assert_false(r.mark.present);
    }
}

static void half_a_record_and_garbage_are_unreadable_and_a_change_of_them_is_a_change(void **state)
{
    (void)state;
    const char *const bad[] = {
        DATA("\"leader.pod.g\":\"a\""),
        DATA("\"leader.timestamp.g\":\"2017-08-08T14:43:24Z\""),
        HELD("yesterday"),
        DATA("\"leader.pod.g\":\"\",\"leader.timestamp.g\":\"2017-08-08T14:43:24Z\""),
        HELD(""),
        HELD("2017-08-08T14:43:24"),
        HELD("2017-13-08T14:43:24Z"),
        DATA("\"leader.pod.g\":7,\"leader.timestamp.g\":\"2017-08-08T14:43:24Z\""),
        DATA("\"leader.pod.g\":\"a\",\"leader.timestamp.g\":1502203404"),
        DATA("\"leader.pod.g\":\"a\\u0000b\",\"leader.timestamp.g\":\"2017-08-08T14:43:24Z\""),
        CONFIGMAP(",\"data\":[]"),
        CONFIGMAP(",\"data\":\"x\""),
        DATA("\"leader.pod.g\":\"a\"," MARK("false")),
    };
    uint64_t before = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct record r = read_text(bad[i]);
        assert_int_equal(r.kind, RECORD_UNREADABLE);
        assert_string_equal(r.holder, "");
        assert_true(r.rest != 0 && r.rest != before);
        before = r.rest;
    }
    assert_true(read_text(bad[12]).mark.present); /* a term of ours may be behind it */
}

static void the_mark_says_what_the_record_cannot(void **state)
{
    (void)state;
    struct record r = read_text(DATA("\"leader.pod.g\":\"a\",\"leader.timestamp.g\":\"2017-08-08T14:43:24Z\"," MARK("false")));
    assert_true(r.mark.names_holder);
    assert_int_equal(r.duration_ms, 20000);
    assert_int_equal(r.transitions, 4);
    assert_true(r.acquire_us == STAMP_US - 4000000);
    assert_int_equal(r.mark.token, 17);
    /* Another holder: the mark is of a term before, only transitions go on counting. */
    r = read_text(DATA("\"leader.pod.g\":\"camel\",\"leader.timestamp.g\":\"2017-08-08T14:43:24Z\"," MARK("false")));
    assert_false(r.mark.names_holder);
    assert_int_equal(r.duration_ms, 0);
    assert_int_equal(r.transitions, 4);
    assert_true(r.acquire_us == 0);
}

static void a_release_is_an_emptied_record_with_the_mark(void **state)
{
    (void)state;
    struct record r = read_text(DATA("\"leader.pod.g\":\"\"," MARK("true")));
    assert_int_equal(r.kind, RECORD_EMPTIED);
    assert_true(r.mark.released);
    assert_int_equal(r.mark.transitions, r.transitions); /* so it counts, see election/known.c */
    r = read_text(DATA(MARK("false")));                  /* keys wiped by hand under a worker */
    assert_int_equal(r.kind, RECORD_EMPTIED);
    assert_false(r.mark.released);
    r = read_text(DATA("\"leasehold.term.g\":\"garbage\""));
    assert_int_equal(r.kind, RECORD_EMPTIED);
    assert_true(r.rest != 0 && !r.mark.present);
}

static struct record own_record(void)
{
    struct record r = { .kind = RECORD_HELD,
                        .holder = "reports-1",
                        .duration_ms = 20000,
                        .acquire_us = STAMP_US,
                        .renew_us = STAMP_US + 5000000,
                        .transitions = 4 };
    r.mark = (struct record_mark){ .present = true, .names_holder = true, .transitions = 4, .nonce = 7, .duration_ms = 20000, .token = 99 };
    return r;
}

static struct record own_release(void)
{
    struct record r = own_record();
    r.kind = RECORD_EMPTIED;
    memset(r.holder, 0, sizeof r.holder);
    r.duration_ms = 1000;
    r.acquire_us = r.renew_us = 0;
    r.mark.names_holder = false;
    r.mark.released = true;
    return r;
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    const struct record written[] = { own_record(), own_release() };
    for (int i = 0; i < 2; i++) {
        json_t *object = dialect_new_object(d, "default", "leaders");
        struct record again;
        assert_int_equal(d->put(object, "g", &written[i], "reports-1"), 0);
        d->read(object, "g", &again);
        assert_true(record_equal(&written[i], &again));
        json_decref(object);
    }
}

/* Else the object would keep its version, and with it a write that was made before this one could still land. */
static void two_releases_differ_in_a_byte(void **state)
{
    (void)state;
    json_t *object = dialect_new_object(d, "default", "leaders");
    struct record first = own_release(), second = own_release();
    first.acquire_us = first.renew_us = STAMP_US;
    second.acquire_us = second.renew_us = STAMP_US + 1000000;
    assert_int_equal(d->put(object, "g", &first, "reports-1"), 0);
    json_t *before = json_deep_copy(object);
    assert_int_equal(d->put(object, "g", &second, "reports-1"), 0);
    assert_false(json_equal(before, object));
    json_decref(before);
    json_decref(object);
}

static const char *datum(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(json_object_get(object, "data"), key));
}

static void a_release_is_free_to_camel_too(void **state)
{
    (void)state;
    json_t *object = parse(HELD("2017-08-08T14:43:24Z"));
    struct record release = own_release();
    assert_int_equal(d->put(object, "g", &release, "reports-1"), 0);
    assert_string_equal(datum(object, "leader.pod.g"), "");
    assert_null(datum(object, "leader.timestamp.g"));
    json_decref(object);
}

static void stamps_are_whole_seconds_in_utc_rounded_up(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = { { STAMP_US, "2017-08-08T14:43:24Z" },
                  { STAMP_US + 1, "2017-08-08T14:43:25Z" },
                  { STAMP_US + 999999, "2017-08-08T14:43:25Z" },
                  { STAMP_US + 36000000, "2017-08-08T14:44:00Z" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *object = parse(CONFIGMAP(",\"data\":null"));
        struct record r = own_record();
        r.renew_us = cases[i].us;
        assert_int_equal(d->put(object, "g", &r, "reports-1"), 0);
        assert_string_equal(datum(object, "leader.timestamp.g"), cases[i].text);
        json_decref(object);
    }
}

static void everything_else_survives_a_write(void **state)
{
    (void)state;
    static const char text[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"leaders\",\"uid\":\"u\",\"resourceVersion\":\"7\","
        "\"labels\":{\"team\":\"x\"},\"annotations\":{\"note\":\"n\"},\"finalizers\":[\"f\"],\"ownerReferences\":[{\"name\":\"o\"}]},"
        "\"immutable\":false,\"binaryData\":{\"b\":\"AAEC\"},\"data\":{\"foreign\":\"kept\",\"leader.pod.gg\":\"other\","
        "\"leader.timestamp.gg\":\"2017-08-08T14:43:24Z\",\"leasehold.term.gg\":\"{}\",\"leader.pod.g\":\"a\"}}";
    json_t *object = parse(text), *before = parse(text);
    struct record r = own_record(), release = own_release();
    assert_int_equal(d->put(object, "g", &r, "reports-1"), 0);
    assert_int_equal(d->put(object, "g", &release, "reports-1"), 0);
    static const char *const ours[] = { "leader.pod.g", "leader.timestamp.g", "leasehold.term.g" };
    for (size_t i = 0; i < 3; i++) {
        json_object_del(json_object_get(object, "data"), ours[i]);
        json_object_del(json_object_get(before, "data"), ours[i]);
    }
    assert_true(json_equal(object, before));
    json_decref(object);
    json_decref(before);
}

static void an_elector_without_a_mark_leaves_ours(void **state)
{
    (void)state;
    json_t *object = parse(DATA("\"leader.pod.g\":\"a\",\"leader.timestamp.g\":\"2017-08-08T14:43:24Z\"," MARK("false")));
    char *before = strdup(datum(object, "leasehold.term.g"));
    struct record r = own_record();
    r.mark.present = false;
    assert_int_equal(d->put(object, "g", &r, "reports-1"), 0);
    assert_string_equal(datum(object, "leasehold.term.g"), before);
    free(before);
    json_decref(object);
}

static void a_new_object_has_camels_labels(void **state)
{
    (void)state;
    json_t *object = dialect_new_object(d, "default", "leaders");
    const json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
    assert_string_equal(json_string_value(json_object_get(labels, "provider")), "camel");
    assert_string_equal(json_string_value(json_object_get(labels, "kind")), "locks");
    assert_int_equal(json_object_size(labels), 2);
    json_decref(object);
    assert_ptr_equal(dialect_find("configmap"), d);
}

static void group_names_fit_into_a_key(void **state)
{
    (void)state;
    char sentence[400], longest[300];
    memset(longest, 'g', sizeof longest);
    longest[253 - 17] = '\0';
    assert_true(d->group_is_good("My_Group-1.x", sentence, sizeof sentence));
    assert_true(d->group_is_good(longest, sentence, sizeof sentence));
    longest[253 - 17] = 'g';
    longest[253 - 16] = '\0';
    assert_false(d->group_is_good(longest, sentence, sizeof sentence));
    assert_non_null(strstr(sentence, "237 bytes"));
    assert_non_null(strstr(sentence, "236"));
    assert_false(d->group_is_good("", sentence, sizeof sentence));
    assert_false(d->group_is_good("a/b", sentence, sizeof sentence));
    assert_non_null(strstr(sentence, "'/'"));
    assert_false(d->group_is_good("gr\xc3\xbc", sentence, sizeof sentence));
    assert_true(object_is_utf8(sentence));
}

/* As the Python client's elector keeps its record. */
#define ANNOTATED(value)                                                                                                                   \
    "{\"metadata\":{\"name\":\"leaders\",\"annotations\":{\"control-plane.alpha.kubernetes.io/leader\":\"" value "\"}}}"

static void locks_that_nobody_of_us_may_stand_for_are_refused(void **state)
{
    (void)state;
    static const struct {
        const struct dialect *dialect;
        const char *object, *says; /* NULL: not refused */
    } cases[] = {
        { &dialect_configmap, DATA("\"leader.pod.g\":\"a\",\"leader.local.timestamp.g\":\"2024-01-01T00:00:00Z\""),
          "leader.local.timestamp.g" },
        { &dialect_configmap, DATA("\"leader.local.timestamp.other\":\"2024-01-01T00:00:00Z\""), NULL },
        { &dialect_configmap, CONFIGMAP(",\"immutable\":true"), "immutable" },
        { &dialect_configmap, CONFIGMAP(",\"immutable\":false"), NULL },
        { &dialect_configmap, HELD("2017-08-08T14:43:24Z"), NULL },
        { &dialect_configmap, ANNOTATED("{\\\"holderIdentity\\\": \\\"py\\\"}"), "control-plane.alpha.kubernetes.io/leader" },
        { &dialect_configmap, ANNOTATED("garbage"), "control-plane.alpha.kubernetes.io/leader" },
        { &dialect_configmap, ANNOTATED(""), NULL },
        { &dialect_lease,
          "{\"kind\":\"Lease\",\"metadata\":{\"name\":\"leaders-g\",\"labels\":{\"provider\":\"camel\",\"kind\":\"locks\"}}}",
          "provider=camel" },
        { &dialect_lease, "{\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\",\"labels\":{\"provider\":\"horse\"}}}", NULL },
        { &dialect_lease, "{\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\"}}", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sentence[640] = "";
        json_t *object = parse(cases[i].object);
        assert_int_equal(cases[i].dialect->refuse(object, "g", sentence, sizeof sentence), cases[i].says != NULL);
        if (cases[i].says)
            assert_non_null(strstr(sentence, cases[i].says));
        json_decref(object);
    }
}

static void count(void *user, const char *group)
{
    char *seen = user;
    strcat(seen, group);
    strcat(seen, " ");
}

static void all_groups_of_an_object_are_found(void **state)
{
    (void)state;
    char seen[100] = "";
    json_t *object = parse(DATA("\"leader.pod.a\":\"x\",\"leader.pod.\":\"none\",\"leader.timestamp.b\":\"x\",\"leader.pod.c.d\":\"\""));
    d->each_group(object, count, seen);
    assert_true(strcmp(seen, "a c.d ") == 0 || strcmp(seen, "c.d a ") == 0);
    json_decref(object);
    object = parse(CONFIGMAP(",\"data\":null"));
    d->each_group(object, count, seen);
    json_decref(object);
}

static void large_objects_are_told_of(void **state)
{
    (void)state;
    char sentence[400];
    assert_false(object_is_large(256 * 1024, "ConfigMap", "leaders", sentence, sizeof sentence));
    assert_true(object_is_large(256 * 1024 + 1, "ConfigMap", "leaders", sentence, sizeof sentence));
    assert_non_null(strstr(sentence, "several objects"));
    assert_true(object_is_large(1000 * 1024, "ConfigMap", "leaders", sentence, sizeof sentence));
    assert_non_null(strstr(sentence, "refuses"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_that_is_not_there_is_absent),
        cmocka_unit_test(every_form_of_the_stamp_is_read),
        cmocka_unit_test(half_a_record_and_garbage_are_unreadable_and_a_change_of_them_is_a_change),
        cmocka_unit_test(the_mark_says_what_the_record_cannot),
        cmocka_unit_test(a_release_is_an_emptied_record_with_the_mark),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(two_releases_differ_in_a_byte),
        cmocka_unit_test(a_release_is_free_to_camel_too),
        cmocka_unit_test(stamps_are_whole_seconds_in_utc_rounded_up),
        cmocka_unit_test(everything_else_survives_a_write),
        cmocka_unit_test(an_elector_without_a_mark_leaves_ours),
        cmocka_unit_test(a_new_object_has_camels_labels),
        cmocka_unit_test(group_names_fit_into_a_key),
        cmocka_unit_test(locks_that_nobody_of_us_may_stand_for_are_refused),
        cmocka_unit_test(all_groups_of_an_object_are_found),
        cmocka_unit_test(large_objects_are_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
