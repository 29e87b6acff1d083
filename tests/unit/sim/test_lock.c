/* The lock as values behaves as the lock in the production store, read and written by the production dialect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "sim/lock.h"

static struct lock values, stored;
static void *object; /* json_t: the newest that the writer knows */
static struct record_version known_values, known_stored;
static int64_t wall_us;

static void same(void)
{
    assert_int_equal(values.record.kind, stored.record.kind);
    assert_string_equal(values.record.holder, stored.record.holder);
    assert_int_equal(values.record.duration_ms, stored.record.duration_ms);
    assert_int_equal(values.record.renew_us, stored.record.renew_us);
    assert_int_equal(values.record.acquire_us, stored.record.acquire_us);
    assert_int_equal(values.record.transitions, stored.record.transitions);
    assert_true(record_equal(&values.record, &stored.record));
    assert_int_equal(values.version.resource_version == 0, stored.version.resource_version == 0);
    assert_int_equal(values.labelled, stored.labelled);
}

static void look(void)
{
    struct lock_answer a, b;
    lock_read(&values, &a);
    lock_read(&stored, &b);
    assert_int_equal(a.code, b.code);
    assert_true(record_equal(&a.record, &b.record));
    known_values = a.version;
    known_stored = b.version;
    lock_object_drop(object);
    object = b.object;
}

/* One write at both depths, from what was last looked at. */
static int writes(enum election_purpose purpose, bool marks, const char *name)
{
    struct election_write write = { .kind = known_stored.resource_version ? ELECTION_WRITE_REPLACE : ELECTION_WRITE_CREATE,
                                    .purpose = purpose };
    struct record *r = &write.record;
    wall_us += 1000;
    bool release = purpose == ELECTION_RELEASE;
    r->kind = release ? RECORD_EMPTIED : RECORD_HELD;
    if (!release)
        strncpy(r->holder, name, sizeof r->holder - 1);
    r->duration_ms = release ? 1000 : 15000;
    r->renew_us = r->acquire_us = wall_us;
    r->transitions = 3;
    if (marks)
        r->mark = (struct record_mark){
            .present = true, .names_holder = !release, .released = release, .transitions = 3, .nonce = 77, .duration_ms = 15000, .token = 12
        };
    struct lock_answer a, b;
    uint64_t before_values = values.version.resource_version, before_stored = stored.version.resource_version;
    write.base = known_values;
    lock_write(&values, &write, NULL, marks, name, wall_us, &a);
    write.base = known_stored;
    lock_write(&stored, &write, object, marks, name, wall_us, &b);
    assert_int_equal(a.code, b.code);
    assert_int_equal(values.version.resource_version > before_values, stored.version.resource_version > before_stored);
    lock_object_drop(b.object);
    same();
    return a.code;
}

static void edits(enum lock_edit edit, struct prng *random)
{
    struct prng again = *random;
    struct record_version uid_values = values.version, uid_stored = stored.version;
    wall_us += 1000;
    bool a = lock_edit(&values, edit, "ghost", random, wall_us);
    bool b = lock_edit(&stored, edit, "ghost", &again, wall_us);
    assert_int_equal(a, b);
    assert_int_equal(strcmp(uid_values.uid, values.version.uid) == 0, strcmp(uid_stored.uid, stored.version.uid) == 0);
    same();
    /* A key removed that was empty is a new version of the same record; values do not tell the two apart. */
    if ((uid_values.resource_version == values.version.resource_version) !=
        (uid_stored.resource_version == stored.version.resource_version))
        look();
}

static int setup(void **state)
{
    (void)state;
    wall_us = INT64_C(1780000000000000);
    assert_int_equal(lock_open(&values, false, 1), 0);
    assert_int_equal(lock_open(&stored, true, 1), 0);
    look();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lock_object_drop(object);
    object = NULL;
    lock_close(&values);
    lock_close(&stored);
    return 0;
}

static void a_write_is_made_only_on_what_was_seen(void **state)
{
    (void)state;
    assert_int_equal(writes(ELECTION_ACQUIRE, true, "a"), 201);
    assert_int_equal(writes(ELECTION_ACQUIRE, true, "a"), 409); /* a second POST */
    look();
    assert_int_equal(writes(ELECTION_RENEW, true, "a"), 200);
    assert_int_equal(writes(ELECTION_RENEW, true, "a"), 409); /* a version that is gone */
    look();
    struct prng random = { 1 };
    edits(LOCK_RECREATE, &random);
    assert_int_equal(writes(ELECTION_RENEW, true, "a"), 409); /* another uid */
    look();
    edits(LOCK_DELETE, &random);
    assert_int_equal(writes(ELECTION_RENEW, true, "a"), 409); /* nothing is made anew by it */
}

static void a_mark_outlives_other_electors(void **state)
{
    (void)state;
    writes(ELECTION_ACQUIRE, true, "a");
    look();
    assert_true(stored.record.mark.names_holder);
    writes(ELECTION_ACQUIRE, false, "go");
    assert_true(stored.record.mark.present);
    assert_false(stored.record.mark.names_holder);
    look();
    writes(ELECTION_ACQUIRE, false, "a"); /* a namesake */
    assert_true(stored.record.mark.names_holder);
}

static void both_depths_agree_on_any_history(void **state)
{
    (void)state;
    /* What the server would refuse is tried with values only. */
    static const enum lock_edit kinds[] = { LOCK_DELETE, LOCK_EMPTY,  LOCK_WIPE,  LOCK_CLEAR,    LOCK_DURATION, LOCK_NO_DURATION,
                                            LOCK_LONGER, LOCK_UNMARK, LOCK_GHOST, LOCK_RECREATE, LOCK_TOUCH,    LOCK_LABEL };
    struct prng random = { 5 };
    for (int i = 0; i < 4000; i++) {
        if (prng_chance(&random, 300000))
            edits(kinds[prng_index(&random, sizeof kinds / sizeof *kinds)], &random);
        if (prng_chance(&random, 700000))
            look();
        if (prng_chance(&random, 500000))
            writes((enum election_purpose)prng_index(&random, 3), prng_chance(&random, 700000), prng_chance(&random, 500000) ? "a" : "b");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_write_is_made_only_on_what_was_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mark_outlives_other_electors, setup, teardown),
        cmocka_unit_test_setup_teardown(both_depths_agree_on_any_history, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
