/* Lists and events into members, one sentence after another. */
#include "fixture.h"

static struct counted counted;
static struct membership m;

static void begin_with(enum membership_rule rule)
{
    const struct membership_memory memory = { counted_resize, &counted };
    membership_clear(&m);
    membership_init(&m, &memory, rule);
}

static int begin(void **state)
{
    (void)state;
    const struct membership_memory memory = { counted_resize, &counted };
    counted = (struct counted){ .fails_after = -1 };
    membership_init(&m, &memory, MEMBERSHIP_ALL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    membership_clear(&m);
    assert_int_equal(counted.bytes, 0);
    assert_int_equal(counted.pieces, 0);
    return 0;
}

static void are(const char *names)
{
    struct member_set *s = membership_set(&m);
    assert_non_null(s);
    assert_string_equal(fixture_names(s), names);
    member_set_unref(s);
}

static int put(const char *name, const char *uid, uint64_t version)
{
    struct pod pod = fixture_pod(name, uid, version);
    return membership_put(&m, &pod);
}

static int put_ready(const char *name, uint64_t version, enum member_phase phase, bool ready)
{
    struct pod pod = fixture_pod(name, "1", version);
    pod.phase = phase;
    pod.ready = ready;
    return membership_put(&m, &pod);
}

static int gone(const char *name, const char *uid, uint64_t version)
{
    struct pod pod = fixture_pod(name, uid, version);
    return membership_remove(&m, &pod);
}

/* A list of the names, each letter one, all with uid 1 and versions as they come from 1 on. */
static int list(const char *names, uint64_t version)
{
    membership_list_begin(&m);
    for (size_t i = 0; names[i]; i++) {
        char name[2] = { names[i] };
        struct pod pod = fixture_pod(name, "1", i + 1);
        assert_int_equal(membership_list_add(&m, &pod), 0);
    }
    return membership_list_end(&m, version);
}

static void a_list_is_the_beginning(void **state)
{
    (void)state;
    are("");
    assert_int_equal(list("cab", 10), 1);
    are("a b c");
    assert_int_equal(list("abc", 11), 0); /* in another order */
}

static void an_empty_list_is_news_once(void **state)
{
    (void)state;
    assert_int_equal(list("", 10), 1);
    are("");
    assert_int_equal(list("", 11), 0);
}

static void the_same_list_again_is_no_change(void **state)
{
    (void)state;
    list("abc", 10);
    struct member_set *before = membership_set(&m);
    assert_int_equal(list("abc", 20), 0);
    struct member_set *after = membership_set(&m);
    assert_ptr_equal(before, after);
    member_set_unref(before);
    member_set_unref(after);
}

static void a_list_replaces_what_was_missed(void **state)
{
    (void)state;
    list("abc", 10);
    assert_int_equal(list("bcd", 20), 1);
    are("b c d");
}

static void a_list_that_is_dropped_changes_nothing(void **state)
{
    (void)state;
    list("abc", 10);
    membership_list_begin(&m);
    struct pod pod = fixture_pod("x", "1", 12);
    membership_list_add(&m, &pod);
    are("a b c");
    membership_list_drop(&m);
    are("a b c");
    assert_int_equal(put("d", "1", 11), 1);
    are("a b c d");
}

static void of_a_pod_twice_in_a_list_the_newer_counts(void **state)
{
    (void)state;
    struct pod old = fixture_pod("a", "1", 5), new = fixture_pod("a", "2", 6);
    for (int order = 0; order < 2; order++) {
        membership_list_begin(&m);
        membership_list_add(&m, order ? &old : &new);
        membership_list_add(&m, order ? &new : &old);
        membership_list_end(&m, 10);
        struct member_set *s = membership_set(&m);
        assert_int_equal(s->count, 1);
        assert_string_equal(member_uid(s->members[0]), "2");
        member_set_unref(s);
    }
}

static void pods_come_change_and_go(void **state)
{
    (void)state;
    list("b", 10);
    assert_int_equal(put("c", "1", 11), 1);
    assert_int_equal(put("a", "1", 12), 1);
    are("a b c");
    assert_int_equal(put_ready("b", 13, MEMBER_RUNNING, false), 1);
    assert_int_equal(put_ready("b", 14, MEMBER_RUNNING, false), 0); /* another version, nothing that is told */
    assert_int_equal(gone("b", "1", 15), 1);
    assert_int_equal(gone("b", "1", 15), 0);
    are("a c");
}

static void repeats_are_no_news(void **state)
{
    (void)state;
    list("ab", 10);
    put("c", "1", 11);
    gone("a", "1", 12);
    put("d", "1", 13);
    /* The watch goes back to 10. */
    assert_int_equal(put("c", "1", 11), 0);
    assert_int_equal(gone("a", "1", 12), 0);
    assert_int_equal(put("d", "1", 13), 0);
    assert_int_equal(put("a", "1", 9), 0); /* from before its end */
    are("b c d");
}

static void what_was_deleted_does_not_come_back_with_a_repeat(void **state)
{
    (void)state;
    list("", 10);
    put("a", "1", 11);
    gone("a", "1", 12);
    assert_int_equal(put("a", "1", 11), 0);
    are("");
}

static void a_pod_under_the_name_of_another(void **state)
{
    (void)state;
    list("a", 10);
    assert_int_equal(gone("a", "1", 11), 1);
    assert_int_equal(put("a", "2", 12), 1);
    assert_int_equal(gone("a", "1", 11), 0); /* a repeat about the one before */
    are("a");
    /* Its deletion was never told. */
    assert_int_equal(put("a", "3", 20), 1);
    struct member_set *s = membership_set(&m);
    assert_string_equal(member_uid(s->members[0]), "3");
    member_set_unref(s);
}

static void a_deletion_with_the_version_from_before_it(void **state)
{
    (void)state;
    list("", 10);
    put("a", "1", 11);
    put("b", "1", 12);
    assert_int_equal(gone("a", "1", 11), 1);
    are("b");
}

static void a_label_lost_and_found(void **state)
{
    (void)state;
    list("", 10);
    put("a", "1", 11);
    assert_int_equal(gone("a", "1", 12), 1);
    assert_int_equal(put("a", "1", 13), 1);
    assert_int_equal(gone("a", "1", 12), 0); /* repeated */
    are("a");
}

static void a_bookmark_passes_what_is_before_it(void **state)
{
    (void)state;
    list("", 10);
    membership_pass(&m, 20);
    assert_int_equal(put("a", "1", 15), 0);
    assert_int_equal(put("a", "1", 21), 1);
    membership_pass(&m, 5);
    assert_int_equal(m.version, 21);
}

static void a_list_of_another_history_is_believed(void **state)
{
    (void)state;
    list("ab", 1000);
    assert_int_equal(list("b", 10), 1); /* a restored etcd */
    assert_int_equal(put("c", "1", 11), 1);
    are("b c");
}

static void only_ready_pods_where_the_rule_says_so(void **state)
{
    (void)state;
    begin_with(MEMBERSHIP_READY);
    assert_int_equal(list("a", 10), 1);
    assert_int_equal(put_ready("b", 11, MEMBER_PENDING, false), 0);
    assert_int_equal(put_ready("b", 12, MEMBER_RUNNING, false), 0);
    are("a");
    assert_int_equal(put_ready("b", 13, MEMBER_RUNNING, true), 1);
    are("a b");
    assert_int_equal(put_ready("b", 14, MEMBER_FAILED, true), 1);
    are("a");
    /* A repeat of the time when it was ready. */
    assert_int_equal(put_ready("b", 13, MEMBER_RUNNING, true), 0);
    assert_int_equal(gone("b", "1", 15), 0);
    are("a");
    membership_list_begin(&m);
    struct pod a = fixture_pod("a", "1", 1), c = fixture_pod("c", "1", 16);
    c.ready = false;
    membership_list_add(&m, &a);
    membership_list_add(&m, &c);
    assert_int_equal(membership_list_end(&m, 20), 0);
}

static void sets_do_not_change(void **state)
{
    (void)state;
    list("ab", 10);
    struct member_set *before = membership_set(&m);
    put("c", "1", 11);
    gone("a", "1", 12);
    assert_string_equal(fixture_names(before), "a b");
    membership_clear(&m);
    assert_string_equal(fixture_names(before), "a b");
    member_set_unref(before);
}

/* Whatever fails for want of memory, nothing is half done, and nothing is left. */
static void out_of_memory_is_told(void **state)
{
    (void)state;
    for (int after = 0; after < 8; after++) {
        counted.fails_after = -1;
        membership_clear(&m);
        list("ab", 10);
        are("a b");
        counted.fails_after = after;
        int result = 0;
        char name[2] = "c";
        for (uint64_t i = 0; i < 20 && result >= 0; i++, name[0]++)
            result = put(name, "1", 11 + i);
        assert_int_equal(result, MEMBERSHIP_NO_MEMORY);
        counted.fails_after = -1;
        struct member_set *s = membership_set(&m);
        assert_int_equal(s->count, m.known.count);
        assert_int_equal(m.version, 10 + s->count - 2);
        member_set_unref(s);
    }
}

static void a_set_out_of_memory_is_made_later(void **state)
{
    (void)state;
    list("ab", 10);
    counted.fails_after = 0;
    assert_null(membership_set(&m));
    counted.fails_after = -1;
    are("a b");
}

static void there_is_a_most(void **state)
{
    (void)state;
    char name[16];
    membership_list_begin(&m);
    struct pod pod = fixture_pod(name, "1", 1);
    for (int i = 0; i < MEMBERSHIP_PODS_MAX; i++) {
        snprintf(name, sizeof name, "p-%06d", i);
        assert_int_equal(membership_list_add(&m, &pod), 0);
    }
    snprintf(name, sizeof name, "q");
    assert_int_equal(membership_list_add(&m, &pod), MEMBERSHIP_TOO_MANY);
    assert_int_equal(membership_list_end(&m, 10), 1);
    pod.version = 11;
    assert_int_equal(membership_put(&m, &pod), MEMBERSHIP_TOO_MANY);
    snprintf(name, sizeof name, "p-%06d", 7);
    pod.ready = false;
    assert_int_equal(membership_put(&m, &pod), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_is_the_beginning, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_list_is_news_once, begin, end),
        cmocka_unit_test_setup_teardown(the_same_list_again_is_no_change, begin, end),
        cmocka_unit_test_setup_teardown(a_list_replaces_what_was_missed, begin, end),
        cmocka_unit_test_setup_teardown(a_list_that_is_dropped_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(of_a_pod_twice_in_a_list_the_newer_counts, begin, end),
        cmocka_unit_test_setup_teardown(pods_come_change_and_go, begin, end),
        cmocka_unit_test_setup_teardown(repeats_are_no_news, begin, end),
        cmocka_unit_test_setup_teardown(what_was_deleted_does_not_come_back_with_a_repeat, begin, end),
        cmocka_unit_test_setup_teardown(a_pod_under_the_name_of_another, begin, end),
        cmocka_unit_test_setup_teardown(a_deletion_with_the_version_from_before_it, begin, end),
        cmocka_unit_test_setup_teardown(a_label_lost_and_found, begin, end),
        cmocka_unit_test_setup_teardown(a_bookmark_passes_what_is_before_it, begin, end),
        cmocka_unit_test_setup_teardown(a_list_of_another_history_is_believed, begin, end),
        cmocka_unit_test_setup_teardown(only_ready_pods_where_the_rule_says_so, begin, end),
        cmocka_unit_test_setup_teardown(sets_do_not_change, begin, end),
        cmocka_unit_test_setup_teardown(out_of_memory_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_set_out_of_memory_is_made_later, begin, end),
        cmocka_unit_test_setup_teardown(there_is_a_most, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
