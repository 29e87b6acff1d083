/* What frees a lock: a trace for each sentence of that part of docs/design.md. */
#include "fixture.h"

/* A line of a trace is a sentence. */
// clang-format off

#define STANDBY_KNOWS(record_, rv)                                                                                                         \
    STAGE("b");                                                                                                                            \
    AT (0) {                                                                                                                               \
        watch_stands();                                                                                                                    \
        begins();                                                                                                                          \
        reads(record_, rv);                                                                                                                \
    }                                                                                                                                      \
    asks_nothing()

/* ---- "a release" ---- */

static void release_of_ours_frees_at_once(void **state)
{
    struct record held = stage_marked("a", 15, 0), released = stage_emptied(&held, true);
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(released, 11); asks_write(ELECTION_ACQUIRE, 11); }
}

static void release_frees_for_who_knew_nothing(void **state)
{
    struct record held = stage_marked("a", 15, 0), released = stage_emptied(&held, true);
    STAGE("b");
    AT (0) { watch_stands(); begins(); reads(released, 10); asks_write(ELECTION_ACQUIRE, 10); }
}

static void release_of_client_go_frees_a_term_of_its_own(void **state)
{
    struct record held = stage_held("go", 15, 0), released = stage_emptied(&held, false);
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(released, 11); asks_write(ELECTION_ACQUIRE, 11); }
}

static void release_of_npm_without_holder_and_time_frees(void **state)
{
    struct record held = stage_held("npm", 0, 0), released = { .kind = RECORD_EMPTIED };
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(released, 11); asks_write(ELECTION_ACQUIRE, 11); }
}

/* ---- "for a term with our mark only if the mark says released" ---- */

static void late_release_of_client_go_over_our_term_does_not_free(void **state)
{
    struct record held = stage_marked("a", 15, 0), wiped = stage_emptied(&held, false);
    wiped.transitions = 3; /* client-go writes the transitions that it remembers */
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(wiped, 11); asks_nothing(); wakes_at(16); }
    AT (16) { clock_ticks(); asks_write(ELECTION_ACQUIRE, 11); }
}

static void removed_mark_and_emptied_record_do_not_free(void **state)
{
    struct record held = stage_marked("a", 15, 0), wiped = stage_emptied(&held, false);
    wiped.mark = (struct record_mark){ 0 };
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(wiped, 11); asks_nothing(); wakes_at(16); }
}

static void wiped_term_of_ours_is_waited_out_by_who_knew_nothing(void **state)
{
    struct record held = stage_marked("a", 20, 0), wiped = stage_emptied(&held, false);
    wiped.transitions = 3;
    STAGE("b");
    AT (0) { watch_stands(); begins(); reads(wiped, 10); asks_nothing(); wakes_at(20); }
}

static void old_mark_that_says_released_says_nothing_of_a_later_foreign_holder(void **state)
{
    struct record held = stage_held("python", 15, 0);
    held.mark = (struct record_mark){ .present = true, .released = true, .nonce = 0xb0b, .duration_ms = 15000 };
    struct record emptied = stage_emptied(&held, true);
    emptied.duration_ms = 15000; /* by an operator's hand, not in a form of release */
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(emptied, 11); asks_nothing(); wakes_at(16); }
}

/* ---- "holder kept with duration 1 is free 1 s after receipt if the same holder had more before" ---- */

static void release_of_fabric8_frees_after_one_second(void **state)
{
    struct record held = stage_held("fabric8", 15, 0), released = stage_held("fabric8", 1, 1);
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(released, 11); asks_nothing(); wakes_at(2); }
    AT (2) { clock_ticks(); asks_write(ELECTION_ACQUIRE, 11); }
}

static void duration_one_of_another_holder_is_no_release(void **state)
{
    struct record held = stage_held("x", 15, 0), other = stage_held("y", 1, 1);
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(other, 11); asks_nothing(); wakes_at(16); }
}

static void duration_one_edited_into_a_term_of_ours_is_no_release(void **state)
{
    struct record held = stage_marked("a", 15, 0), edited = held;
    edited.duration_ms = 1000;
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(edited, 11); asks_nothing(); wakes_at(16); } /* the mark still says 15 s, from this receipt */
}

/* ---- "a missing object, removed keys, an unreadable or otherwise emptied record are an operator's hand" ---- */

static void missing_lock_is_waited_out_by_who_knew_a_record(void **state)
{
    struct record held = stage_marked("a", 15, 0);
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells_gone(); asks_read(); }
    /* From this receipt: of the renewals before the deletion the newest may have been missed. */
    AT (1.002) { reads_absent(); asks_nothing(); wakes_at(16.002); leader_is(""); }
    AT (16.001) { clock_ticks(); asks_nothing(); }
    AT (16.002) { clock_ticks(); asks_create(); }
}

static void absent_lock_is_taken_at_once_by_who_knew_nothing(void **state)
{
    STAGE("b");
    AT (0) { begins(); }
    AT (0.002) { reads_absent(); asks_create(); }
}

static void unreadable_record_is_waited_out(void **state)
{
    struct record held = stage_marked("a", 15, 0), garbage = { .kind = RECORD_UNREADABLE, .rest = 77 };
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(garbage, 11); asks_nothing(); warns(ELECTION_WARNING_UNREADABLE); wakes_at(16); }
    AT (16) { clock_ticks(); asks_write(ELECTION_ACQUIRE, 11); }
}

static void unreadable_record_that_keeps_changing_has_somebody_behind_it(void **state)
{
    struct record garbage = { .kind = RECORD_UNREADABLE, .rest = 77 };
    STANDBY_KNOWS(garbage, 10);
    wakes_at(60);
    garbage.rest = 78;
    AT (5) { watch_tells(garbage, 11); asks_nothing(); wakes_at(65); }
}

static void emptied_record_is_waited_out_by_who_knew_a_holder(void **state)
{
    struct record held = stage_held("go", 15, 0), emptied = stage_emptied(&held, false);
    emptied.duration_ms = 15000; /* client-go would have written 1 */
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(emptied, 11); asks_nothing(); wakes_at(16); }
}

static void lock_created_empty_is_taken_at_once_by_who_knew_nothing(void **state)
{
    struct record empty = { .kind = RECORD_EMPTIED };
    STAGE("b");
    AT (0) { watch_stands(); begins(); reads(empty, 10); asks_write(ELECTION_ACQUIRE, 10); }
}

/* ---- "the end of a wait never moves earlier, except by a release" ---- */

static void shortened_duration_does_not_shorten_the_wait(void **state)
{
    struct record held = stage_held("go", 30, 0), edited = stage_held("go", 5, 1);
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(edited, 11); asks_nothing(); wakes_at(31); }
}

static void longer_duration_lengthens_the_wait(void **state)
{
    struct record held = stage_held("go", 5, 0), edited = stage_held("go", 30, 1);
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(edited, 11); asks_nothing(); wakes_at(31); }
}

static void duration_in_the_mark_counts_for_who_comes_after_an_edit(void **state)
{
    struct record edited = stage_marked("a", 15, 0);
    edited.duration_ms = 2000;
    STANDBY_KNOWS(edited, 10);
    wakes_at(15);
}

static void changed_mark_tells_of_a_term_of_ours_that_was_missed(void **state)
{
    struct record held = stage_held("go", 15, 0), wiped = { .kind = RECORD_EMPTIED, .duration_ms = 1000 };
    wiped.mark = (struct record_mark){ .present = true, .nonce = 0xb0b, .transitions = 9, .duration_ms = 20000 };
    STANDBY_KNOWS(held, 10);
    AT (1) { watch_tells(wiped, 20); asks_nothing(); wakes_at(21); }
}

/* ---- "a record without a duration is waited for max(own L, --foreign-lease)" ---- */

static void record_without_a_duration_is_waited_for_the_foreign_lease(void **state)
{
    struct record held = stage_held("npm", 0, 0);
    STANDBY_KNOWS(held, 10);
    warns(ELECTION_WARNING_NO_DURATION);
    wakes_at(60);
}

static void record_without_a_duration_is_waited_for_no_less_than_our_lease(void **state)
{
    struct record held = stage_held("npm", 0, 0);
    STAGE("b");
    S->e.settings.foreign_lease_ns = 5 * SECOND;
    AT (0) { watch_stands(); begins(); reads(held, 10); wakes_at(15); }
}

/* ---- hostile values ---- */

static void stamps_and_durations_at_the_ends_of_their_range_do_not_wrap(void **state)
{
    struct record held = stage_held("x", 15, 0);
    held.duration_ms = INT64_MAX;
    held.renew_us = INT64_MAX;
    held.transitions = INT32_MAX;
    STAGE("b");
    AT (0) { watch_stands(); begins(); reads(held, 10); asks_nothing(); }
    AT (86400) { clock_ticks(); asks_nothing(); }
    struct record released = { .kind = RECORD_EMPTIED, .duration_ms = 1000, .transitions = INT32_MAX };
    AT (86401) { watch_tells(released, 11); asks_write(ELECTION_ACQUIRE, 11); assert_int_equal(S->u.write.record.transitions, INT32_MAX); }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(release_of_ours_frees_at_once),
        cmocka_unit_test(release_frees_for_who_knew_nothing),
        cmocka_unit_test(release_of_client_go_frees_a_term_of_its_own),
        cmocka_unit_test(release_of_npm_without_holder_and_time_frees),
        cmocka_unit_test(late_release_of_client_go_over_our_term_does_not_free),
        cmocka_unit_test(removed_mark_and_emptied_record_do_not_free),
        cmocka_unit_test(wiped_term_of_ours_is_waited_out_by_who_knew_nothing),
        cmocka_unit_test(old_mark_that_says_released_says_nothing_of_a_later_foreign_holder),
        cmocka_unit_test(release_of_fabric8_frees_after_one_second),
        cmocka_unit_test(duration_one_of_another_holder_is_no_release),
        cmocka_unit_test(duration_one_edited_into_a_term_of_ours_is_no_release),
        cmocka_unit_test(missing_lock_is_waited_out_by_who_knew_a_record),
        cmocka_unit_test(absent_lock_is_taken_at_once_by_who_knew_nothing),
        cmocka_unit_test(unreadable_record_is_waited_out),
        cmocka_unit_test(unreadable_record_that_keeps_changing_has_somebody_behind_it),
        cmocka_unit_test(emptied_record_is_waited_out_by_who_knew_a_holder),
        cmocka_unit_test(lock_created_empty_is_taken_at_once_by_who_knew_nothing),
        cmocka_unit_test(shortened_duration_does_not_shorten_the_wait),
        cmocka_unit_test(longer_duration_lengthens_the_wait),
        cmocka_unit_test(duration_in_the_mark_counts_for_who_comes_after_an_edit),
        cmocka_unit_test(changed_mark_tells_of_a_term_of_ours_that_was_missed),
        cmocka_unit_test(record_without_a_duration_is_waited_for_the_foreign_lease),
        cmocka_unit_test(record_without_a_duration_is_waited_for_no_less_than_our_lease),
        cmocka_unit_test(stamps_and_durations_at_the_ends_of_their_range_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
