/* One member, sets, and what differs between two of them. */
#include "fixture.h"

static struct counted counted;
static const struct membership_memory memory = { counted_resize, &counted };

static int begin(void **state)
{
    (void)state;
    counted = (struct counted){ .fails_after = -1 };
    return 0;
}

static int nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(counted.bytes, 0);
    assert_int_equal(counted.pieces, 0);
    return 0;
}

static void a_member_keeps_what_the_pod_said(void **state)
{
    (void)state;
    char name[MEMBER_NAME_MAX + 1] = { 0 }, uid[MEMBER_UID_MAX + 1] = { 0 }, address[MEMBER_ADDRESS_MAX + 1] = { 0 };
    char node[MEMBER_NODE_MAX + 1] = { 0 };
    memset(name, 'n', MEMBER_NAME_MAX);
    memset(uid, 'u', MEMBER_UID_MAX);
    memset(address, 'a', MEMBER_ADDRESS_MAX);
    memset(node, 'o', MEMBER_NODE_MAX);
    struct pod pod = { name, uid, address, node, 7, -5, MEMBER_FAILED, false, true };
    struct member *m = member_new(&memory, &pod);
    assert_string_equal(member_name(m), name);
    assert_string_equal(member_uid(m), uid);
    assert_string_equal(member_address(m), address);
    assert_string_equal(member_node(m), node);
    assert_true(member_says(m, &pod));
    assert_true(m->since_us == -5 && m->phase == MEMBER_FAILED && !m->ready && m->terminating);
    assert_null(member_unref(&memory, m));
    assert_null(member_unref(&memory, NULL));
}

static void every_word_of_a_pod_counts(void **state)
{
    (void)state;
    const struct pod pod = fixture_pod("a", "1", 5);
    struct member *m = member_new(&memory, &pod);
    struct pod others[] = { pod, pod, pod, pod, pod, pod, pod, pod };
    others[0].name = "b";
    others[1].uid = "2";
    others[2].address = "10.0.0.2";
    others[3].node = "";
    others[4].since_us++;
    others[5].phase = MEMBER_PENDING;
    others[6].ready = false;
    others[7].terminating = true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(member_says(m, &others[i]));
    struct pod later = pod;
    later.version = 6;
    assert_true(member_says(m, &later));
    member_unref(&memory, m);
}

/* A set of the names in `text`, each letter one, with its uid behind it: "a1b1". */
static struct member_set *set_of(const char *text)
{
    size_t count = strlen(text) / 2;
    struct member_set *s = member_set_new(&memory, count);
    for (size_t i = 0; i < count; i++) {
        char name[2] = { text[2 * i] }, uid[2] = { text[2 * i + 1] };
        struct pod pod = fixture_pod(name, uid, 1);
        s->members[i] = member_new(&memory, &pod);
    }
    return s;
}

static void differs(const char *before, const char *after, const char *expected)
{
    struct member_set *b = before ? set_of(before) : NULL, *a = after ? set_of(after) : NULL;
    static const char signs[] = { ' ', '+', '-', '~' };
    char found[64] = "";
    size_t i = 0, j = 0;
    const struct member *m;
    int difference;
    while ((difference = member_set_next_difference(b, a, &i, &j, &m)) != 0) {
        size_t size = strlen(found);
        snprintf(found + size, sizeof found - size, "%c%s%s", signs[difference], member_name(m), member_uid(m));
    }
    assert_string_equal(found, expected);
    member_set_unref(b);
    member_set_unref(a);
}

static void differences_are_told_in_order(void **state)
{
    (void)state;
    differs(NULL, NULL, "");
    differs(NULL, "a1b1", "+a1+b1");
    differs("a1b1", NULL, "-a1-b1");
    differs("a1b1c1", "a1b1c1", "");
    differs("a1c1", "a1b1c1", "+b1");
    differs("a1b1c1", "a1c1", "-b1");
    differs("a1b1", "c1d1", "-a1-b1+c1+d1");
    differs("b1", "a1b1c1", "+a1+c1");
}

static void a_pod_created_again_is_removed_and_added(void **state)
{
    (void)state;
    differs("a1b1c1", "a1b2c1", "-b1+b2");
    differs("a1", "a2", "-a1+a2");
    differs("a1b1", "a2b2", "-a1+a2-b1+b2");
    differs("a1b1", "a2", "-a1+a2-b1");
    differs("a1", "a2b1", "-a1+a2+b1");
}

static void a_change_is_told_once(void **state)
{
    (void)state;
    struct member_set *before = set_of("a1b1"), *after = set_of("a1b1");
    struct pod pod = fixture_pod("b", "1", 1);
    pod.ready = false;
    member_unref(&memory, after->members[1]);
    after->members[1] = member_new(&memory, &pod);
    size_t i = 0, j = 0;
    const struct member *m = NULL;
    assert_int_equal(member_set_next_difference(before, after, &i, &j, &m), MEMBER_CHANGED);
    assert_ptr_equal(m, after->members[1]);
    assert_int_equal(member_set_next_difference(before, after, &i, &j, &m), 0);
    member_set_unref(before);
    member_set_unref(after);
}

static void members_are_found_by_name(void **state)
{
    (void)state;
    struct member_set *s = set_of("b1d1f1");
    assert_ptr_equal(member_set_find(s, "b"), s->members[0]);
    assert_ptr_equal(member_set_find(s, "d"), s->members[1]);
    assert_ptr_equal(member_set_find(s, "f"), s->members[2]);
    const char *const absent[] = { "", "a", "c", "dd", "e", "g" };
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_null(member_set_find(s, absent[i]));
    member_set_unref(member_set_ref(s));
    assert_null(member_set_unref(s));
    assert_null(member_set_unref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_member_keeps_what_the_pod_said, begin, nothing_is_left),
        cmocka_unit_test_setup_teardown(every_word_of_a_pod_counts, begin, nothing_is_left),
        cmocka_unit_test_setup_teardown(differences_are_told_in_order, begin, nothing_is_left),
        cmocka_unit_test_setup_teardown(a_pod_created_again_is_removed_and_added, begin, nothing_is_left),
        cmocka_unit_test_setup_teardown(a_change_is_told_once, begin, nothing_is_left),
        cmocka_unit_test_setup_teardown(members_are_found_by_name, begin, nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
