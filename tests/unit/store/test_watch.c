/* Watches: from where they start, what they tell, when they end. */
#include "world.h"

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    world_open(w, &(struct store_options){ .history_max = 8 });
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static struct store_watch *watch(struct world *w, struct store_watch_options options)
{
    struct store_watch *ret = NULL;
    struct store_answer refusal = { 0 };
    assert_int_equal(store_watch_open(w->store, &options, &ret, &refusal), 0);
    return ret;
}

/* The next event as "ADDED name labels.app", or "" when there is none. */
static const char *next(struct store_watch *watch)
{
    static char text[256];
    struct store_watch_event event;
    if (store_watch_next(watch, &event) == 0)
        return "";
    const char *app = text_at(event.object, "metadata.labels.app");
    const char *name = event.kind == STORE_ERROR ? text_at(event.object, "reason") : text_at(event.object, "metadata.name");
    snprintf(text, sizeof text, "%s %s%s%s", store_watch_kind_name(event.kind), name, app[0] ? " " : "", app);
    if (event.kind != STORE_ERROR)
        assert_true(strtoull(text_at(event.object, "metadata.resourceVersion"), NULL, 10) == event.version);
    json_decref(event.object);
    return text;
}

static void put(struct world *w, const char *name, const char *app)
{
    int code = send_request(w, POD(.verb = STORE_PATCH, .name = name), json("{\"metadata\":{\"labels\":{\"app\":\"%s\"}}}", app));
    if (code == 404)
        code = send_request(w, POD(.verb = STORE_CREATE), json("{\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}}}", name, app));
    assert_true(code == 200 || code == 201);
}

static void drop(struct world *w, const char *name)
{
    assert_int_equal(send_request(w, POD(.verb = STORE_DELETE, .name = name), NULL), 200);
}

static void without_a_version_the_present_comes_first(void **state)
{
    struct world *w = *state;
    put(w, "b", "1");
    put(w, "a", "1");
    struct store_watch *p = watch(w, (struct store_watch_options){ .resource = STORE_PODS, .namespace_ = "default" });
    put(w, "a", "2");
    assert_string_equal(next(p), "ADDED a 1");
    assert_string_equal(next(p), "ADDED b 1");
    assert_string_equal(next(p), "MODIFIED a 2");
    assert_string_equal(next(p), "");
    drop(w, "a");
    assert_string_equal(next(p), "DELETED a 2");
    store_watch_close(p);
}

static void with_a_version_only_later_changes_come(void **state)
{
    struct world *w = *state;
    put(w, "a", "1");
    char version[24];
    snprintf(version, sizeof version, "%s", w->version);
    put(w, "a", "2");
    put(w, "b", "1");
    struct store_watch *p =
        watch(w, (struct store_watch_options){ .resource = STORE_PODS, .namespace_ = "default", .resource_version = version });
    assert_string_equal(next(p), "MODIFIED a 2");
    assert_string_equal(next(p), "ADDED b 1");
    assert_string_equal(next(p), "");
    store_watch_close(p);
}

static void labels_begin_and_cease_to_match(void **state)
{
    struct world *w = *state;
    struct store_watch *p = watch(w, (struct store_watch_options){ .resource = STORE_PODS, .label_selector = "app=x" });
    put(w, "a", "y");
    assert_string_equal(next(p), "");
    put(w, "a", "x");
    assert_string_equal(next(p), "ADDED a x");
    put(w, "a", "y"); /* the last matching state, with the version of the change: next() checks it */
    assert_string_equal(next(p), "DELETED a x");
    drop(w, "a");
    assert_string_equal(next(p), "");
    store_watch_close(p);
}

static void a_deletion_has_a_version_of_its_own(void **state)
{
    struct world *w = *state;
    struct store_watch_event event;
    put(w, "a", "1");
    unsigned long long before = strtoull(w->version, NULL, 10);
    struct store_watch *p = watch(w, (struct store_watch_options){ .resource = STORE_PODS, .resource_version = w->version });
    drop(w, "a");
    assert_int_equal(store_watch_next(p, &event), 1);
    assert_true(event.version > before);
    assert_true(event.version == store_version(w->store));
    json_decref(event.object);
    store_watch_close(p);
}

static void fields_select_one_name(void **state)
{
    struct world *w = *state;
    struct store_watch *p = watch(w, (struct store_watch_options){ .resource = STORE_PODS, .field_selector = "metadata.name=b" });
    assert_ptr_equal(store_watch_ready(w->store), p);
    put(w, "a", "1");
    assert_null(store_watch_ready(w->store)); /* not even looked at */
    put(w, "b", "1");
    assert_ptr_equal(store_watch_ready(w->store), p);
    assert_string_equal(next(p), "ADDED b 1");
    store_watch_close(p);
}

static void too_old_is_one_error_and_the_end(void **state)
{
    struct world *w = *state;
    put(w, "a", "0");
    char version[24];
    snprintf(version, sizeof version, "%s", w->version);
    for (int i = 1; i <= 9; i++)
        put(w, "a", json("%d", i));
    struct store_watch *p = watch(w, (struct store_watch_options){ .resource = STORE_PODS, .resource_version = version });
    assert_string_equal(next(p), "ERROR Expired");
    assert_true(store_watch_ended(p));
    assert_string_equal(next(p), "");
    store_watch_close(p);
    p = watch(w, (struct store_watch_options){ .resource = STORE_PODS, .resource_version = "5" }); /* an earlier life */
    assert_string_equal(next(p), "ERROR Expired");
    store_watch_close(p);
}

static void who_falls_behind_is_told(void **state)
{
    struct world *w = *state;
    struct store_watch *p = watch(w, (struct store_watch_options){ .resource = STORE_PODS });
    for (int i = 0; i < 8; i++)
        put(w, "a", json("%d", i));
    assert_string_equal(next(p), "ADDED a 0"); /* the history holds eight */
    for (int i = 8; i < 16; i++)
        put(w, "a", json("%d", i));
    assert_string_equal(next(p), "ERROR Expired");
    store_watch_close(p);
}

static void compaction_ends_those_who_need_the_past(void **state)
{
    struct world *w = *state;
    put(w, "a", "1");
    struct store_watch *behind = watch(w, (struct store_watch_options){ .resource = STORE_PODS, .resource_version = w->version });
    struct store_watch *ahead = watch(w, (struct store_watch_options){ .resource = STORE_PODS, .resource_version = w->version });
    put(w, "a", "2");
    assert_string_equal(next(ahead), "MODIFIED a 2");
    store_compact(w->store, 0);
    assert_string_equal(next(behind), "ERROR Expired");
    put(w, "a", "3");
    assert_string_equal(next(ahead), "MODIFIED a 3");
    store_watch_close(behind);
    store_watch_close(ahead);
}

static void bookmarks_only_when_all_was_told(void **state)
{
    struct world *w = *state;
    struct store_watch_event event;
    struct store_watch *p = watch(w, (struct store_watch_options){ .resource = STORE_PODS });
    put(w, "a", "1");
    assert_int_equal(store_watch_bookmark(p, &event), 0);
    assert_string_equal(next(p), "ADDED a 1");
    assert_int_equal(send_request(w, LEASE(.verb = STORE_CREATE), "{\"metadata\":{\"name\":\"x\"}}"), 201);
    assert_int_equal(store_watch_bookmark(p, &event), 1);
    assert_true(event.version == store_version(w->store));
    assert_string_equal(text_at(event.object, "kind"), "Pod");
    json_decref(event.object);
    store_watch_close(p);
}

static void initial_events_end_with_a_marked_bookmark(void **state)
{
    struct world *w = *state;
    struct store_watch_event event;
    put(w, "a", "1");
    struct store_watch *p = watch(w, (struct store_watch_options){ .resource = STORE_PODS, .initial_events = true });
    assert_string_equal(next(p), "ADDED a 1");
    assert_int_equal(store_watch_next(p, &event), 1);
    assert_int_equal(event.kind, STORE_BOOKMARK);
    assert_string_equal(json_string_value(json_object_get(at(event.object, "metadata.annotations"), "k8s.io/initial-events-end")), "true");
    json_decref(event.object);
    store_watch_close(p);
}

static void rewinding_repeats_and_steps_back(void **state)
{
    struct world *w = *state;
    struct store_watch *p = watch(w, (struct store_watch_options){ .resource = STORE_PODS });
    for (int i = 1; i <= 3; i++)
        put(w, "a", json("%d", i));
    while (next(p)[0] != '\0')
        ;
    assert_int_equal(store_watch_rewind(p, 2), 2);
    assert_string_equal(next(p), "MODIFIED a 2");
    assert_string_equal(next(p), "MODIFIED a 3");
    assert_string_equal(next(p), "");
    assert_int_equal(store_watch_rewind(p, 100), 3);
    assert_string_equal(next(p), "ADDED a 1");
    store_watch_close(p);
}

static void watches_are_limited_and_counted(void **state)
{
    struct world *w = *state;
    struct store_watch *list[4];
    struct store_answer refusal = { 0 };
    world_close(w);
    world_open(w, &(struct store_options){ .watches_max = 3 });
    struct store_watch_options options = { .resource = STORE_PODS };
    for (int i = 0; i < 3; i++)
        list[i] = watch(w, options);
    assert_int_equal(store_watch_open(w->store, &options, &list[3], &refusal), -1);
    assert_int_equal(refusal.code, 429);
    store_answer_clear(&refusal);
    assert_int_equal(store_watch_count(w->store), 3);
    for (int i = 0; i < 3; i++)
        list[i] = store_watch_close(list[i]);
    assert_int_equal(store_watch_count(w->store), 0);
    assert_null(store_watch_ready(w->store));
    options.resource_version = "abc";
    assert_int_equal(store_watch_open(w->store, &options, &list[0], &refusal), -1);
    assert_int_equal(refusal.code, 500); /* as the real server, which takes it for its own fault */
    store_answer_clear(&refusal);
    options.resource_version = NULL;
    options.field_selector = "spec.color=red";
    assert_int_equal(store_watch_open(w->store, &options, &list[0], &refusal), -1);
    assert_int_equal(refusal.code, 400);
    store_answer_clear(&refusal);
}

static void lists_select_and_carry_the_newest_version(void **state)
{
    struct world *w = *state;
    put(w, "b", "x");
    put(w, "a", "x");
    put(w, "c", "y");
    assert_int_equal(send_request(w, POD(.verb = STORE_LIST, .label_selector = "app in (x)"), NULL), 200);
    assert_int_equal(json_array_size(at(w->answer.body, "items")), 2);
    assert_string_equal(answer_text(w, "items.0.metadata.name"), "a");
    assert_string_equal(answer_text(w, "kind"), "PodList");
    assert_null(at(w->answer.body, "items.0.kind"));
    assert_true(strtoull(answer_text(w, "metadata.resourceVersion"), NULL, 10) == store_version(w->store));
    assert_int_equal(send_request(w, POD(.verb = STORE_LIST, .field_selector = "status.phase!=Pending"), NULL), 200);
    assert_int_equal(json_array_size(at(w->answer.body, "items")), 0);
    assert_int_equal(send_request(w, POD(.verb = STORE_LIST, .label_selector = "app in"), NULL), 400);
    assert_int_equal(send_request(w, POD(.verb = STORE_LIST, .resource_version = "99999999999999999"), NULL), 504);
    struct store_request everywhere = { .verb = STORE_LIST, .resource = STORE_PODS, .field_selector = "metadata.name=c" };
    assert_int_equal(send_request(w, everywhere, NULL), 200);
    assert_int_equal(json_array_size(at(w->answer.body, "items")), 1);
    assert_int_equal(send_request(w, POD(.verb = STORE_DELETE_COLLECTION, .label_selector = "app=x"), NULL), 200);
    assert_int_equal(json_array_size(at(w->answer.body, "items")), 2);
    assert_int_equal(send_request(w, POD(.verb = STORE_LIST), NULL), 200);
    assert_int_equal(json_array_size(at(w->answer.body, "items")), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(without_a_version_the_present_comes_first),
        TEST(with_a_version_only_later_changes_come),
        TEST(labels_begin_and_cease_to_match),
        TEST(a_deletion_has_a_version_of_its_own),
        TEST(fields_select_one_name),
        TEST(too_old_is_one_error_and_the_end),
        TEST(who_falls_behind_is_told),
        TEST(compaction_ends_those_who_need_the_past),
        TEST(bookmarks_only_when_all_was_told),
        TEST(initial_events_end_with_a_marked_bookmark),
        TEST(rewinding_repeats_and_steps_back),
        TEST(watches_are_limited_and_counted),
        TEST(lists_select_and_carry_the_newest_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
