/* What a server says: objects, Status, watches; and the paths we ask for. */
#include "cmocka_all.h"
#include "wire/event_line.h"
#include "wire/object.h"
#include "wire/request.h"
#include "wire/status.h"
#include "wire/watch.h"

static void versions_are_decimal_numbers(void **state)
{
    (void)state;
    uint64_t rv = 42;
    assert_int_equal(object_resource_version_parse("18446744073709551615", &rv), 0);
    assert_true(rv == UINT64_MAX);
    const char *const bad[] = { "", "0", "-1", "1x", " 1", "18446744073709551616", "0x10" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rv = 42;
        assert_int_equal(object_resource_version_parse(bad[i], &rv), LEASEHOLD_ERR_PROTOCOL);
        assert_int_equal(rv, 42);
    }
    json_t *object = json_pack("{s:{s:s,s:s}}", "metadata", "uid", "abc", "resourceVersion", "17");
    struct record_version v;
    assert_int_equal(object_version(object, &v), 0);
    assert_int_equal(v.resource_version, 17);
    assert_string_equal(v.uid, "abc");
    json_decref(object);
    object = json_pack("{s:{s:s}}", "metadata", "uid", "abc");
    assert_int_equal(object_version(object, &v), LEASEHOLD_ERR_PROTOCOL);
    json_decref(object);
}

static void names_are_dns_subdomains(void **state)
{
    (void)state;
    char name[OBJECT_NAME_MAX + 2];
    memset(name, 'a', sizeof name);
    name[OBJECT_NAME_MAX] = 0;
    assert_true(object_name_is_good(name));
    name[OBJECT_NAME_MAX] = 'a';
    name[OBJECT_NAME_MAX + 1] = 0;
    assert_false(object_name_is_good(name));
    assert_true(object_name_is_good("a.b-c.9"));
    const char *const bad[] = { "", "A", "a_b", "-a", "a-", "a..b", "a.-b", "a-.b", ".a", "a/b", "a b" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(object_name_is_good(bad[i]));
}

/* Every sequence of up to four bytes that may matter: what jansson takes is what we take. */
static void utf8_is_what_json_can_hold(void **state)
{
    (void)state;
    static const unsigned char bytes[] = { 0x01, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0,
                                           0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff, 0x00 };
    enum { N = sizeof bytes };
    for (unsigned i = 0; i < N * N * N * N; i++) {
        const char text[5] = { (char)bytes[i % N], (char)bytes[i / N % N], (char)bytes[i / N / N % N], (char)bytes[i / N / N / N], 0 };
        json_t *value = json_string(text);
        if (object_is_utf8(text) != (value != NULL))
            fail_msg("%02x %02x %02x %02x", (unsigned)(unsigned char)text[0], (unsigned)(unsigned char)text[1],
                     (unsigned)(unsigned char)text[2], (unsigned)(unsigned char)text[3]);
        json_decref(value);
    }
}

static void objects_must_be_objects_without_duplicates(void **state)
{
    (void)state;
    json_t *object = NULL;
    assert_int_equal(object_parse("{\"a\":1,\"a\":2}", 13, &object), LEASEHOLD_ERR_PROTOCOL);
    assert_int_equal(object_parse("[]", 2, &object), LEASEHOLD_ERR_PROTOCOL);
    assert_int_equal(object_parse("<html>", 6, &object), LEASEHOLD_ERR_PROTOCOL);
    assert_int_equal(object_parse("", 0, &object), LEASEHOLD_ERR_PROTOCOL);
    char *deep = malloc(100001);
    memset(deep, '[', 100000);
    assert_int_equal(object_parse(deep, 100000, &object), LEASEHOLD_ERR_PROTOCOL);
    free(deep);
    char *large = calloc(1, OBJECT_SIZE_MAX + 1);
    assert_int_equal(object_parse(large, OBJECT_SIZE_MAX + 1, &object), LEASEHOLD_ERR_LIMIT);
    free(large);
    assert_null(object);
}

static void only_a_404_that_names_the_lock_says_that_it_is_absent(void **state)
{
    (void)state;
    struct status s;
    const char *absent =
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"leases.coordination.k8s.io \\\"g\\\" not found\","
        "\"reason\":\"NotFound\",\"details\":{\"name\":\"g\",\"group\":\"coordination.k8s.io\",\"kind\":\"leases\"},\"code\":404}";
    assert_int_equal(status_parse(absent, strlen(absent), &s), 0);
    assert_true(status_names_absent(&s, "leases", "g"));
    assert_false(status_names_absent(&s, "leases", "h"));
    assert_false(status_names_absent(&s, "configmaps", "g"));
    const char *namespace_ = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"reason\":\"NotFound\",\"details\":{\"name\":\"g\",\"kind\":"
                             "\"namespaces\"},\"code\":404}";
    assert_int_equal(status_parse(namespace_, strlen(namespace_), &s), 0);
    assert_false(status_names_absent(&s, "leases", "g"));
    const char *no_group =
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":\"the server could not find the requested resource\","
        "\"reason\":\"NotFound\",\"details\":{\"name\":\"g\",\"group\":\"coordination.k8s.io\",\"kind\":\"leases\"},\"code\":500}";
    assert_int_equal(status_parse(no_group, strlen(no_group), &s), 0);
    assert_false(status_names_absent(&s, "leases", "g"));
    const char *unknown = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"reason\":\"NotFound\",\"details\":{},\"code\":404}";
    assert_int_equal(status_parse(unknown, strlen(unknown), &s), 0);
    assert_false(status_names_absent(&s, "leases", "g"));
    memset(&s, 7, sizeof s);
    struct status before = s;
    assert_int_equal(status_parse("404 page not found", 18, &s), LEASEHOLD_ERR_PROTOCOL);
    assert_memory_equal(&s, &before, sizeof s);
}

static void a_name_that_does_not_fit_is_no_name(void **state)
{
    (void)state;
    char name[STATUS_WORD_MAX + 2];
    memset(name, 'g', sizeof name);
    name[STATUS_WORD_MAX + 1] = 0;
    json_t *json = json_pack("{s:s,s:s,s:s,s:i,s:{s:s,s:s,s:I}}", "kind", "Status", "apiVersion", "v1", "reason", "NotFound", "code", 404,
                             "details", "kind", "leases", "name", name, "retryAfterSeconds", (json_int_t)INT32_MAX + 1);
    struct status s;
    assert_int_equal(status_read(json, &s), 0);
    assert_int_equal(s.retry_after_s, 0);
    name[STATUS_WORD_MAX] = 0;
    assert_false(status_names_absent(&s, "leases", name)); /* the lock's name is what would be left after a cut */
    json_object_set_new(json_object_get(json, "details"), "name", json_string(name));
    json_object_set_new(json_object_get(json, "details"), "retryAfterSeconds", json_integer(7));
    assert_int_equal(status_read(json, &s), 0);
    assert_int_equal(s.retry_after_s, 7);
    assert_true(status_names_absent(&s, "leases", name));
    json_decref(json);
}

static void long_messages_are_cut_and_clean(void **state)
{
    (void)state;
    json_t *json = json_pack("{s:s,s:s,s:s%}", "kind", "Status", "apiVersion", "v1", "message", "x", (size_t)1);
    char message[1000];
    memset(message, 'm', sizeof message - 1);
    message[999] = 0;
    message[3] = '\n';
    json_object_set_new(json, "message", json_string(message));
    struct status s;
    assert_int_equal(status_read(json, &s), 0);
    assert_int_equal(strlen(s.message), STATUS_MESSAGE_MAX);
    assert_int_equal(s.message[3], ' ');
    json_decref(json);
}

static const char stream[] = "{\"type\":\"ADDED\",\"object\":{\"a\":\"}{\\\"\\\\\"}}\n\n{\"type\":\"NEW\",\"object\":{}}\n"
                             "{\"type\":\"BOOKMARK\",\"object\":{\"b\":[1,[2]]}}{\"type\":\"ERROR\",\"object\":{\"code\":410}}\r\n";

static void a_stream_gives_the_same_events_under_any_cut(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < sizeof stream; cut++) {
        struct watch_decoder d;
        struct watch_event event;
        enum watch_type seen[8];
        size_t count = 0;
        watch_decoder_init(&d);
        for (size_t at = 0; at < sizeof stream - 1; at += cut) {
            size_t size = sizeof stream - 1 - at < cut ? sizeof stream - 1 - at : cut;
            assert_int_equal(watch_decoder_feed(&d, stream + at, size), 0);
            while (watch_decoder_next(&d, &event) == 1) {
                assert_true(count < 8);
                seen[count++] = event.type;
                json_decref(event.object);
            }
        }
        assert_int_equal(count, 3);
        assert_int_equal(seen[0], WATCH_ADDED);
        assert_int_equal(seen[1], WATCH_BOOKMARK);
        assert_int_equal(seen[2], WATCH_ERROR);
        watch_decoder_free(&d);
    }
}

static void what_is_no_watch_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = { "<html>", "[]", "{\"type\":7}", "{\"type\":\"ADDED\"}", "{\"type\":\"ADDED\",\"object\":[]}", "{]" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct watch_decoder d;
        struct watch_event event;
        watch_decoder_init(&d);
        assert_int_equal(watch_decoder_feed(&d, bad[i], strlen(bad[i])), 0);
        assert_int_equal(watch_decoder_next(&d, &event), LEASEHOLD_ERR_PROTOCOL);
        watch_decoder_free(&d);
    }
}

static void after_an_error_a_stream_is_of_no_further_use(void **state)
{
    (void)state;
    struct watch_decoder d = { 0 };
    struct watch_event event;
    assert_int_equal(watch_decoder_feed(&d, "x", 1), 0);
    assert_int_equal(watch_decoder_next(&d, &event), LEASEHOLD_ERR_PROTOCOL);
    assert_int_equal(watch_decoder_feed(&d, stream, sizeof stream - 1), LEASEHOLD_ERR_PROTOCOL);
    assert_int_equal(watch_decoder_next(&d, &event), LEASEHOLD_ERR_PROTOCOL);
    watch_decoder_free(&d);
    assert_int_equal(watch_decoder_feed(&d, stream, sizeof stream - 1), 0);
    assert_int_equal(watch_decoder_next(&d, &event), 1);
    json_decref(event.object);
    watch_decoder_free(&d);
}

/* An event of exactly `size` bytes. */
static char *event_of(size_t size)
{
    static const char head[] = "{\"type\":\"ADDED\",\"object\":{\"a\":\"", tail[] = "\"}}";
    char *text = malloc(size);
    memset(text, 'x', size);
    memcpy(text, head, sizeof head - 1);
    memcpy(text + size - (sizeof tail - 1), tail, sizeof tail - 1);
    return text;
}

static int decode_in_cuts(const char *text, size_t size, size_t cut)
{
    struct watch_decoder d = { 0 };
    struct watch_event event;
    int result = 0;
    for (size_t at = 0; at < size && result == 0; at += cut) {
        result = watch_decoder_feed(&d, text + at, size - at < cut ? size - at : cut);
        if (result == 0)
            result = watch_decoder_next(&d, &event);
    }
    if (result == 1)
        json_decref(event.object);
    watch_decoder_free(&d);
    return result;
}

static void the_limit_of_an_event_is_the_same_under_any_cut(void **state)
{
    (void)state;
    static const size_t cuts[] = { 1, 16384, WATCH_EVENT_MAX };
    char *most = event_of(WATCH_EVENT_MAX), *more = event_of(WATCH_EVENT_MAX + 1);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_int_equal(decode_in_cuts(most, WATCH_EVENT_MAX, cuts[i]), 1);
        assert_int_equal(decode_in_cuts(more, WATCH_EVENT_MAX + 1, cuts[i]), LEASEHOLD_ERR_LIMIT);
    }
    free(most);
    free(more);
}

/* Would take minutes if an event's bytes moved all that wait behind them. */
static void many_events_in_one_piece_cost_their_bytes(void **state)
{
    (void)state;
    static const char one[] = "{\"type\":\"ADDED\",\"object\":{}}\n";
    size_t count = WATCH_EVENT_MAX / (sizeof one - 1), seen = 0;
    char *many = malloc(count * (sizeof one - 1));
    for (size_t i = 0; i < count; i++)
        memcpy(many + i * (sizeof one - 1), one, sizeof one - 1);
    struct watch_decoder d = { 0 };
    struct watch_event event;
    assert_int_equal(watch_decoder_feed(&d, many, count * (sizeof one - 1)), 0);
    for (; watch_decoder_next(&d, &event) == 1; seen++)
        json_decref(event.object);
    assert_int_equal(seen, count);
    assert_null(d.buffer); /* nothing waits, nothing is held */
    /* Bytes that nobody takes are not gathered for ever. */
    assert_int_equal(watch_decoder_feed(&d, many, count * (sizeof one - 1)), 0);
    assert_int_equal(watch_decoder_feed(&d, many, count * (sizeof one - 1)), 0);
    assert_int_equal(watch_decoder_feed(&d, many, count * (sizeof one - 1)), LEASEHOLD_ERR_LIMIT);
    watch_decoder_free(&d);
    free(many);
}

static void an_event_without_end_is_refused(void **state)
{
    (void)state;
    struct watch_decoder d;
    struct watch_event event;
    int result = 0;
    char piece[4096];
    memset(piece, 'x', sizeof piece);
    watch_decoder_init(&d);
    assert_int_equal(watch_decoder_feed(&d, "{\"", 2), 0);
    for (int i = 0; i < 2 * WATCH_EVENT_MAX / 4096 && result == 0; i++) {
        result = watch_decoder_feed(&d, piece, sizeof piece);
        if (result == 0)
            result = watch_decoder_next(&d, &event);
    }
    assert_int_equal(result, LEASEHOLD_ERR_LIMIT);
    watch_decoder_free(&d);
}

static void paths_are_encoded_and_bounded(void **state)
{
    (void)state;
    char path[REQUEST_PATH_MAX];
    assert_true(request_lock_path(&dialect_lease, "ns", "a.b", path, sizeof path) > 0);
    assert_string_equal(path, "/apis/coordination.k8s.io/v1/namespaces/ns/leases/a.b");
    assert_true(request_lock_path(&dialect_lease, "ns", "a/b?c", path, sizeof path) > 0);
    assert_string_equal(path, "/apis/coordination.k8s.io/v1/namespaces/ns/leases/a%2Fb%3Fc");
    assert_true(request_watch_path(&dialect_lease, "ns", "g", 17, 300, path, sizeof path) > 0);
    assert_string_equal(
        path, "/apis/coordination.k8s.io/v1/namespaces/ns/leases?watch=true&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dg"
              "&resourceVersion=17&timeoutSeconds=300");
    assert_true(request_collection_path(&dialect_lease, NULL, path, sizeof path) > 0);
    assert_string_equal(path, "/apis/coordination.k8s.io/v1/leases");
    memset(path, '#', sizeof path);
    assert_int_equal(request_lock_path(&dialect_lease, "ns", "g", path, 20), LEASEHOLD_ERR_LIMIT);
    assert_int_equal(request_watch_path(&dialect_lease, "ns", "g", 17, 300, path, 100), LEASEHOLD_ERR_LIMIT);
    assert_int_equal(path[0], '#'); /* untouched */
    int length = request_lock_path(&dialect_lease, "ns", "g", path, sizeof path);
    assert_int_equal(request_lock_path(&dialect_lease, "ns", "g", path, (size_t)length), LEASEHOLD_ERR_LIMIT);
    assert_int_equal(request_lock_path(&dialect_lease, "ns", "g", path, (size_t)length + 1), length);
    char name[1000];
    memset(name, '/', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(request_lock_path(&dialect_lease, "ns", name, path, sizeof path), LEASEHOLD_ERR_LIMIT);
}

static void event_lines_have_every_key(void **state)
{
    (void)state;
    size_t size;
    char *line = event_line_format(
        &(struct event_line){ .event = "warning", .group = "g", .identity = "a\xff", .reason = "x\ny", .wall_us = 0, .boottime_ns = 5 },
        &size);
    assert_non_null(line);
    assert_null(strchr(line, '\n'));
    json_t *json = json_loads(line, 0, NULL);
    static const char *const keys[] = {
        "event", "group", "identity", "holder", "fencing_token", "lock_uid", "reason", "time", "boottime_ns"
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_non_null(json_object_get(json, keys[i]));
    assert_string_equal(json_string_value(json_object_get(json, "time")), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(json_string_value(json_object_get(json, "identity")), "a?");
    json_decref(json);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_decimal_numbers),
        cmocka_unit_test(names_are_dns_subdomains),
        cmocka_unit_test(utf8_is_what_json_can_hold),
        cmocka_unit_test(objects_must_be_objects_without_duplicates),
        cmocka_unit_test(only_a_404_that_names_the_lock_says_that_it_is_absent),
        cmocka_unit_test(a_name_that_does_not_fit_is_no_name),
        cmocka_unit_test(long_messages_are_cut_and_clean),
        cmocka_unit_test(a_stream_gives_the_same_events_under_any_cut),
        cmocka_unit_test(what_is_no_watch_is_refused),
        cmocka_unit_test(after_an_error_a_stream_is_of_no_further_use),
        cmocka_unit_test(the_limit_of_an_event_is_the_same_under_any_cut),
        cmocka_unit_test(many_events_in_one_piece_cost_their_bytes),
        cmocka_unit_test(an_event_without_end_is_refused),
        cmocka_unit_test(paths_are_encoded_and_bounded),
        cmocka_unit_test(event_lines_have_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
