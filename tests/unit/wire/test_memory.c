/* Memory that runs out at any allocation of JSON: an error, no crash, nothing leaked (as AddressSanitizer sees it). */
#include "cmocka_all.h"
#include "wire/dialect.h"
#include "wire/event_line.h"
#include "wire/mark.h"
#include "wire/object.h"
#include "wire/status.h"
#include "wire/watch.h"

static int left; /* allocations that succeed; below 0: all */

static void *limited_malloc(size_t size)
{
    if (left == 0)
        return NULL;
    if (left > 0)
        left--;
    return malloc(size);
}

static int put(void);

/* Runs `try` with 0, 1, 2... allocations until it succeeds; it returns 0 then, and an error before. */
static void with_ever_more_memory(int (*try)(void))
{
    json_set_alloc_funcs(limited_malloc, free);
    int result = -1, most = 0;
    for (; result != 0 && most < 1000; most++) {
        left = most;
        result = try();
        left = -1;
        /* jansson's parser calls want of memory a syntax error at some places. */
        assert_true(result == 0 || result == LEASEHOLD_ERR_MEMORY || (result == LEASEHOLD_ERR_PROTOCOL && try != put));
    }
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(result, 0);
    assert_true(most > 3);
}

static const char object_text_bytes[] =
    "{\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\",\"annotations\":{\"a\":\"b\"}},\"spec\":{\"holderIdentity\":7}}";

static int parse(void)
{
    json_t *object = NULL;
    int result = object_parse(object_text_bytes, sizeof object_text_bytes - 1, &object);
    assert_true(result == 0 || !object);
    json_decref(object);
    return result;
}

static int put(void)
{
    struct record r = { .kind = RECORD_HELD, .holder = "a", .duration_ms = 15000, .acquire_us = 1, .renew_us = 2, .transitions = 4 };
    r.mark =
        (struct record_mark){ .present = true, .names_holder = true, .transitions = 4, .nonce = 5, .duration_ms = 15000, .token = 991 };
    json_t *object = dialect_new_object(&dialect_lease, "ns", "g");
    int result = object ? dialect_lease.put(object, "g", &r, "a") : LEASEHOLD_ERR_MEMORY;
    size_t size = 0;
    char *text = result == 0 ? object_dump(object, &size) : NULL;
    json_decref(object);
    if (result == 0 && !text)
        result = LEASEHOLD_ERR_MEMORY;
    if (text)
        free(text);
    return result;
}

static int decode(void)
{
    static const char bytes[] = "{\"type\":\"ADDED\",\"object\":{\"a\":[1,2]}}";
    struct watch_decoder d = { 0 };
    struct watch_event event;
    assert_int_equal(watch_decoder_feed(&d, bytes, sizeof bytes - 1), 0);
    int result = watch_decoder_next(&d, &event);
    if (result == 1)
        json_decref(event.object);
    watch_decoder_free(&d);
    return result == 1 ? 0 : result;
}

static int write_line(void)
{
    size_t size = 0;
    char *line = event_line_format(&(struct event_line){ .event = "warning", .group = "g", .identity = "a\xff", .reason = "r" }, &size);
    if (!line)
        return LEASEHOLD_ERR_MEMORY;
    assert_int_equal(strlen(line), size);
    free(line);
    return 0;
}

static void parsing_says_when_memory_runs_out(void **state)
{
    (void)state;
    with_ever_more_memory(parse);
}

static void putting_says_when_memory_runs_out(void **state)
{
    (void)state;
    with_ever_more_memory(put);
}

static void a_watch_says_when_memory_runs_out(void **state)
{
    (void)state;
    with_ever_more_memory(decode);
}

static void an_event_line_says_when_memory_runs_out(void **state)
{
    (void)state;
    with_ever_more_memory(write_line);
}

static void a_record_is_read_in_any_case(void **state)
{
    (void)state;
    json_t *object = NULL;
    assert_int_equal(object_parse(object_text_bytes, sizeof object_text_bytes - 1, &object), 0);
    json_set_alloc_funcs(limited_malloc, free);
    for (int most = 0; most < 20; most++) {
        struct record r;
        left = most;
        dialect_lease.read(object, "g", &r);
        assert_int_equal(r.kind, RECORD_UNREADABLE);
        assert_true(r.rest != 0);
    }
    left = -1;
    json_set_alloc_funcs(malloc, free);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing_says_when_memory_runs_out), cmocka_unit_test(putting_says_when_memory_runs_out),
        cmocka_unit_test(a_watch_says_when_memory_runs_out), cmocka_unit_test(an_event_line_says_when_memory_runs_out),
        cmocka_unit_test(a_record_is_read_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
