/* Traces of a group whose record stands in an object with others: writes take turns, a neighbour's change is no change of ours.
 * Stamps of whole seconds, and nobody gives such a record back without our mark. */
#include "fixture.h"

/* A line of a trace is a sentence. */
// clang-format off

static void open_shared(struct stage *S)
{
    stage_open(S, "a", ELECTION_ROLE_CANDIDATE);
    S->e.settings.shared_object = S->e.settings.only_marks_release = true;
    S->e.settings.stamp_unit_us = 1000000;
}

#define turn(slack_s) stage_step(S, &(struct election_event){ .kind = ELECTION_TURN, .slack_ns = (int64_t)((slack_s) * 1e9) })
#define wants_turn() assert_true(S->u.wants_turn)
#define wants_no_turn() assert_false(S->u.wants_turn)

#define SHARED()                                                                                                                           \
    struct stage stage_;                                                                                                                   \
    struct stage *S = &stage_;                                                                                                             \
    (void)state;                                                                                                                           \
    open_shared(S)

/* a leads since 0.002 (sent) at resourceVersion 10, with a watch. */
#define SHARED_LEADER()                                                                                                                    \
    SHARED();                                                                                                                              \
    AT (0) { begins(); watch_stands(); }                                                                                                   \
    AT (0.001) { reads_absent(); asks_nothing(); wants_turn(); }                                                                           \
    AT (0.002) { turn(0); asks_create(); }                                                                                                 \
    AT (0.004) { acknowledged(10); starts_leading(10); }

static void nothing_is_written_out_of_turn(void **state)
{
    SHARED_LEADER();
    AT (3.336) { clock_ticks(); asks_nothing(); wants_turn(); }
    AT (3.400) { turn(0); asks_write(ELECTION_RENEW, 10); wants_no_turn(); }
    AT (3.402) { acknowledged(12); leads_until(13.400); }
}

static void a_turn_that_does_not_come_costs_no_wake_up_and_the_term_ends_in_time(void **state)
{
    SHARED_LEADER();
    AT (3.336) { clock_ticks(); wants_turn(); wakes_at(10.002); }
    AT (10.002) { clock_ticks(); stops(ELECTION_REASON_RENEW_DEADLINE); }
}

static void a_renewal_goes_along_when_it_is_due_soon(void **state)
{
    SHARED_LEADER();
    AT (2.400) { turn(0.8); asks_nothing(); wants_no_turn(); }
    AT (2.600) { turn(0.8); asks_write(ELECTION_RENEW, 10); }
}

static void a_turn_without_need_changes_nothing(void **state)
{
    SHARED();
    struct record held = stage_marked("b", 15, 0);
    AT (0) { begins(); watch_stands(); reads(held, 10); wants_no_turn(); }
    AT (14) { turn(3); asks_nothing(); wakes_at(15); }
    AT (15) { clock_ticks(); wants_turn(); }
    AT (15.001) { turn(0); asks_write(ELECTION_ACQUIRE, 10); }
}

static void a_neighbours_change_moves_the_base_and_asks_for_nothing(void **state)
{
    SHARED_LEADER();
    AT (1) { stage_shows(S, ELECTION_WATCHED, &S->e.record, 11); asks_nothing(); still_leads(); }
    AT (3.336) { clock_ticks(); turn(0); asks_write(ELECTION_RENEW, 11); }
}

static void a_change_of_our_own_record_is_read(void **state)
{
    SHARED_LEADER();
    struct record theirs = stage_marked("b", 15, 3);
    AT (1) { watch_tells(theirs, 11); asks_read(); still_leads(); }
    AT (1.002) { reads(theirs, 11); stops(ELECTION_REASON_LOST); no_grace(); }
}

/* The base is of another history: nothing that was known is true of it. */
static void the_same_record_in_another_object_is_read(void **state)
{
    SHARED_LEADER();
    struct election_event event = { .kind = ELECTION_WATCHED, .version = { "uid-2", 11 }, .record = S->e.record };
    AT (1) { stage_step(S, &event); asks_read(); }
}

/* Our neighbours wrote faster; the object is read again and ours is put into it at once, on its next turn. */
static void after_a_conflict_the_next_turn_is_asked_for_at_once(void **state)
{
    SHARED_LEADER();
    struct record ours = S->e.record;
    AT (3.336) { clock_ticks(); turn(0); asks_write(ELECTION_RENEW, 10); }
    AT (3.338) { conflict(); asks_read(); }
    AT (3.340) { reads(ours, 15); wants_turn(); }
    AT (3.340) { turn(0); asks_write(ELECTION_RENEW, 15); }
}

/* A peer that compares stamps with its clock would wait for as many seconds as we had conflicts. */
static void conflicts_do_not_push_the_stamp_ahead_of_the_clock(void **state)
{
    SHARED_LEADER();
    struct record ours = S->e.record;
    AT (3.336) { clock_ticks(); turn(0); }
    int64_t stamp = S->write.record.renew_us;
    for (unsigned version = 20; version < 60; version++) {
        AT (3.340) { conflict(); reads(ours, version); turn(0); asks_write(ELECTION_RENEW, version); }
    }
    assert_int_equal(S->write.record.renew_us, stamp);
}

static void an_unknown_write_keeps_its_stamp_to_itself(void **state)
{
    SHARED_LEADER();
    struct record ours = S->e.record;
    AT (3.336) { clock_ticks(); turn(0); }
    int64_t stamp = S->write.record.renew_us;
    AT (5.556) { write_times_out(); asks_read(); }
    AT (5.558) { reads(ours, 10); turn(0); asks_write(ELECTION_RENEW, 10); } /* the first may still land over 10 */
    assert_true(S->write.record.renew_us > stamp);
}

/* ---- what frees such a record ---- */

static void removed_keys_are_waited_for_by_who_knew_the_record(void **state)
{
    SHARED();
    struct record held = stage_held("camel-pod", 0, 0), none = { .kind = RECORD_ABSENT };
    AT (0) { begins(); watch_stands(); reads(held, 10); wakes_at(60); warns(ELECTION_WARNING_NO_DURATION); }
    AT (5) { watch_tells(none, 11); wakes_at(65); asks_nothing(); wants_no_turn(); }
    AT (65) { clock_ticks(); wants_turn(); turn(0); asks_write(ELECTION_ACQUIRE, 11); } /* the object is there: no POST */
}

static void an_object_without_the_group_is_taken_at_once_by_who_knew_nothing(void **state)
{
    SHARED();
    struct record none = { .kind = RECORD_ABSENT };
    AT (0) { begins(); watch_stands(); reads(none, 10); wants_turn(); turn(0); asks_write(ELECTION_ACQUIRE, 10); }
}

/* The mark is of the term before; a stranger without a mark leads since, and an operator wiped his keys. */
static void an_old_released_mark_frees_nothing_of_a_stranger(void **state)
{
    SHARED();
    struct record before = stage_marked("b", 15, 0);
    struct record wiped = stage_emptied(&before, true);
    wiped.renew_us = 0;
    struct record stranger = stage_held("camel-pod", 0, 1);
    stranger.mark = wiped.mark;
    AT (0) { begins(); watch_stands(); reads(stranger, 10); wakes_at(60); }
    AT (5) { watch_tells(wiped, 11); wants_no_turn(); wakes_at(65); }
}

static void a_release_with_our_mark_is_followed_by_a_write_at_once(void **state)
{
    SHARED();
    struct record held = stage_marked("b", 15, 0);
    struct record released = stage_emptied(&held, true);
    released.renew_us = 0;
    AT (0) { begins(); watch_stands(); reads(held, 10); }
    AT (5) { watch_tells(released, 11); wants_turn(); turn(0); asks_write(ELECTION_ACQUIRE, 11); }
}

static void a_release_takes_its_turn_too(void **state)
{
    SHARED_LEADER();
    AT (1) { closes(); stops(ELECTION_REASON_CLOSED); }
    AT (1.5) { work_stops(); asks_nothing(); wants_turn(); }
    AT (1.6) { turn(0); asks_write(ELECTION_RELEASE, 10); }
    AT (1.7) { acknowledged(11); assert_true(S->u.closed); }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_written_out_of_turn),
        cmocka_unit_test(a_turn_that_does_not_come_costs_no_wake_up_and_the_term_ends_in_time),
        cmocka_unit_test(a_renewal_goes_along_when_it_is_due_soon),
        cmocka_unit_test(a_turn_without_need_changes_nothing),
        cmocka_unit_test(a_neighbours_change_moves_the_base_and_asks_for_nothing),
        cmocka_unit_test(a_change_of_our_own_record_is_read),
        cmocka_unit_test(the_same_record_in_another_object_is_read),
        cmocka_unit_test(after_a_conflict_the_next_turn_is_asked_for_at_once),
        cmocka_unit_test(conflicts_do_not_push_the_stamp_ahead_of_the_clock),
        cmocka_unit_test(an_unknown_write_keeps_its_stamp_to_itself),
        cmocka_unit_test(removed_keys_are_waited_for_by_who_knew_the_record),
        cmocka_unit_test(an_object_without_the_group_is_taken_at_once_by_who_knew_nothing),
        cmocka_unit_test(an_old_released_mark_frees_nothing_of_a_stranger),
        cmocka_unit_test(a_release_with_our_mark_is_followed_by_a_write_at_once),
        cmocka_unit_test(a_release_takes_its_turn_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
