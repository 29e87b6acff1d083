/* Traces, at least one for each safety rule of docs/design.md. Lease 15 s, renew deadline 10 s, renewals every 3.333 s,
 * retry period 2 s: kill_at is 14.203 s after the send. */
#include "fixture.h"

/* A line of a trace is a sentence. */
// clang-format off

/* ---- rule 1: compare and swap ---- */

static void first_to_come_creates_the_lock_and_leads(void **state)
{
    STAGE("a");
    AT (0) { begins(); asks_read(); }
    AT (0.002) { reads_absent(); asks_create(); }
    AT (0.005) { acknowledged(10); starts_leading(10); leader_is("a"); leads_until(10.002); wakes_at(0.002 + 10.0 / 3); }
}

static void every_write_names_the_version_it_was_computed_from(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); asks_write(ELECTION_RENEW, 10); }
    AT (3.336) { acknowledged(12); }
    AT (6.668) { clock_ticks(); asks_write(ELECTION_RENEW, 12); assert_string_equal(S->u.write.base.uid, "uid-1"); }
}

/* ---- rule 2: a leader's time runs from the send ---- */

static void leader_gives_up_before_the_lease_can_pass_on(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); asks_write(ELECTION_RENEW, 10); }  /* never answered */
    AT (5.556) { write_times_out(); asks_read(); }
    AT (7.778) { read_times_out(); asks_read(); }
    AT (9.999) { clock_ticks(); still_leads(); }
    AT (10.000) { clock_ticks(); stops(ELECTION_REASON_RENEW_DEADLINE); grace_until(14.203); does_not_lead(); }
}

static void deadline_runs_from_the_send_not_from_the_answer(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); }
    AT (5.500) { acknowledged(12); assert_true(S->u.extended); leads_until(13.334); }
}

static void read_back_is_credited_to_the_send_of_the_write_that_fits(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); asks_write(ELECTION_RENEW, 10); }
    struct record first = S->write.record;
    AT (5.556) { write_times_out(); asks_read(); }
    AT (5.600) { stage_shows(S, ELECTION_READ, &S->e.record, 10); asks_write(ELECTION_RENEW, 10); } /* not applied yet: written again */
    AT (7.822) { write_times_out(); asks_read(); }
    AT (7.900) { reads(first, 11); leads_until(13.334); }          /* the first was applied late: its send counts */
}

/* ---- rule 3: a wait starts at the receipt of a change, on our own clock ---- */

static void candidate_waits_the_recorded_duration_from_receipt(void **state)
{
    STAGE("b");
    struct record held = stage_marked("a", 20, -1000);             /* its stamp is long past: stamps are for people */
    AT (0) { begins(); watch_stands(); }
    AT (0.004) { reads(held, 10); asks_nothing(); leader_is("a"); wakes_at(20.004); }
    AT (20.003) { clock_ticks(); asks_nothing(); }
    AT (20.004) { clock_ticks(); asks_write(ELECTION_ACQUIRE, 10); leader_is(""); }
    AT (20.008) { acknowledged(11); starts_leading(11); leader_is("b"); }
}

static void renewal_seen_restarts_the_wait_and_other_changes_do_not(void **state)
{
    STAGE("b");
    struct record held = stage_marked("a", 15, 0);
    AT (0) { begins(); watch_stands(); reads(held, 10); }
    held.renew_us += 3333333;
    AT (3.337) { watch_tells(held, 12); wakes_at(18.337); }
    AT (9.000) { watch_tells(held, 13); wakes_at(18.337); }        /* an annotation: same record, newer version */
    AT (18.337) { clock_ticks(); asks_write(ELECTION_ACQUIRE, 13); }
}

static void transitions_grow_with_the_holder(void **state)
{
    STAGE("b");
    struct record held = stage_marked("a", 15, 0);
    held.transitions = 6;
    AT (0) { begins(); watch_stands(); reads(held, 10); }
    AT (15) { clock_ticks(); assert_int_equal(S->u.write.record.transitions, 7); assert_int_equal(S->u.write.record.mark.transitions, 7); }
    AT (15) { assert_int_equal(S->u.write.record.mark.token, 0); acknowledged(11); }
    AT (18.334) { clock_ticks(); assert_int_equal(S->u.write.record.mark.token, 11); assert_int_equal(S->u.write.record.transitions, 7); }
}

/* ---- rule 4: two clocks ---- */

static void leader_counts_the_faster_clock(void **state)
{
    STAGE("a");
    S->raw_rate = 1.01;
    AT (0) { begins(); reads_absent(); }
    AT (0.004) { acknowledged(10); starts_leading(10); }
    AT (9.890) { clock_ticks(); still_leads(); }
    AT (9.910) { clock_ticks(); stops(ELECTION_REASON_RENEW_DEADLINE); } /* 10 s by CLOCK_MONOTONIC_RAW */
}

static void candidate_counts_the_slower_clock(void **state)
{
    STAGE("b");
    S->raw_rate = 0.5; /* half of the time the machine slept */
    struct record held = stage_marked("a", 15, 0);
    AT (0) { begins(); watch_stands(); reads(held, 10); }
    AT (15.1) { clock_ticks(); asks_nothing(); wakes_at(22.55); }
    AT (22.6) { clock_ticks(); asks_nothing(); }
    AT (30.1) { clock_ticks(); asks_write(ELECTION_ACQUIRE, 10); }
}

static void wall_clock_is_only_written_down(void **state)
{
    LEADER("a");
    S->wall_shift_s = -86400;
    AT (3.334) { clock_ticks(); asks_write(ELECTION_RENEW, 10); }  /* and the stamp grows all the same: the fixture asserts it */
    AT (3.336) { acknowledged(12); leads_until(13.334); }
    S->wall_shift_s = 86400;
    AT (13.333) { clock_ticks(); still_leads(); }
}

/* ---- rule 5: work is dead before the lease can pass on ---- */

static void kill_at_leaves_the_margin(void **state)
{
    LEADER("a");
    assert_seconds(stage_seconds(S->e.kill_at), 15.0 * 0.99 / 1.01 - 0.5);
    assert_true(stage_seconds(S->e.kill_at) - stage_seconds(S->e.term_at) >= 4.0);
}

static void term_does_not_begin_with_less_than_half_its_time_left(void **state)
{
    STAGE("a");
    AT (0) { begins(); reads_absent(); asks_create(); }
    AT (5.1) { acknowledged(10); starts_nothing(); asks_write(ELECTION_ACQUIRE, 10); }  /* frozen for 5.1 s: renew first */
    AT (5.2) { acknowledged(11); starts_leading(11); leads_until(15.1); }
}

/* ---- rule 6: ours means written by this process ---- */

static void own_name_in_another_process_is_a_stranger(void **state)
{
    STAGE("a");
    struct record held = stage_marked("a", 15, 0);
    AT (0) { begins(); watch_stands(); }
    AT (0.004) { reads(held, 10); asks_nothing(); starts_nothing(); warns(ELECTION_WARNING_SAME_IDENTITY); wakes_at(15.004); }
}

static const uint64_t dead[] = { UINT64_C(0xabcd000000000007), 0x10000 };

/* Of process 0xabcd..., in its second election. */
static struct record left_by_dead(void)
{
    struct record r = stage_marked("a", 15, 0);
    r.mark.nonce = UINT64_C(0xabcd000000000002);
    return r;
}

static void record_of_a_predecessor_that_has_ended_is_not_waited_for(void **state)
{
    STAGE("a");
    struct record left = left_by_dead();
    election_inherit(&S->e, dead, 2);
    AT (0) { begins(); watch_stands(); }
    AT (0.004) { reads(left, 10); warns(ELECTION_WARNING_NONE); asks_write(ELECTION_ACQUIRE, 10); starts_nothing(); }
    AT (0.008) { acknowledged(11); starts_leading(11); leads_until(10.004); }
}

static void predecessor_whose_record_changes_again_is_waited_for(void **state)
{
    STAGE("a");
    struct record left = left_by_dead();
    election_inherit(&S->e, dead, 2);
    AT (0) { begins(); watch_stands(); }
    AT (0.004) { reads(left, 10); asks_write(ELECTION_ACQUIRE, 10); }
    left.renew_us += 1000000;  /* a write of his lands late, or he is not dead */
    AT (0.008) { conflict(); asks_read(); }
    AT (0.012) { reads(left, 11); asks_nothing(); starts_nothing(); warns(ELECTION_WARNING_SAME_IDENTITY); wakes_at(15.012); }
}

static void record_of_another_process_is_not_inherited(void **state)
{
    struct record left = left_by_dead();
    left.mark.nonce ^= 0x10000;
    {
        STAGE("a");
        election_inherit(&S->e, dead, 2);
        AT (0) { begins(); watch_stands(); }
        AT (0.004) { reads(left, 10); asks_nothing(); starts_nothing(); wakes_at(15.004); }
    }
    left = left_by_dead();
    left.mark.names_holder = false;  /* a foreign elector has the lock since */
    {
        STAGE("a");
        election_inherit(&S->e, dead, 2);
        AT (0) { begins(); watch_stands(); }
        AT (0.004) { reads(left, 10); asks_nothing(); starts_nothing(); wakes_at(15.004); }
    }
}

static void record_with_our_nonce_that_we_did_not_write_is_a_stranger(void **state)
{
    LEADER("a");
    struct record edited = S->write.record;
    edited.duration_ms = 60000;
    AT (1) { watch_tells(edited, 11); asks_read(); still_leads(); }
    AT (1.004) { reads(edited, 11); stops(ELECTION_REASON_LOST); no_grace(); }
}

static void same_record_in_another_object_is_a_stranger(void **state)
{
    LEADER("a");
    struct election_event event = { .kind = ELECTION_READ, .record = S->write.record, .version = { "uid-2", 20 } };
    AT (1) { watch_tells_gone(); asks_read(); }
    AT (1.004) { stage_step(S, &event); stops(ELECTION_REASON_LOST); no_grace(); }
}

static void holder_that_stepped_down_leads_again_by_a_new_write_after_its_work_stopped(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); }
    AT (5.556) { write_times_out(); }
    AT (7.778) { read_times_out(); }
    AT (10) { clock_ticks(); stops(ELECTION_REASON_RENEW_DEADLINE); }
    AT (10.1) { reads_own(10); starts_nothing(); asks_nothing(); }  /* ours still, but its work has not stopped */
    AT (11) { work_stops(); assert_true(S->u.stopped_leading); asks_read(); }
    struct record acquired = S->e.record;
    AT (11.004) { stage_shows(S, ELECTION_READ, &acquired, 10); starts_nothing(); asks_write(ELECTION_ACQUIRE, 10); }
    AT (11.008) { acknowledged(15); starts_leading(15); assert_int_equal(S->u.term, 2); leads_until(21.004); }
}

/* ---- rule 7: step down at once ---- */

static void another_holder_read_stops_work_without_grace(void **state)
{
    LEADER("a");
    struct record theirs = stage_marked("b", 15, 1);
    AT (1) { watch_tells(theirs, 11); asks_read(); still_leads(); }  /* a hint is no proof */
    AT (1.004) { reads(theirs, 11); stops(ELECTION_REASON_LOST); no_grace(); does_not_lead(); leader_is("b"); }
    AT (1.010) { work_stops(); assert_true(S->u.stopped_leading); starts_nothing(); }
}

static void lock_gone_stops_work_without_grace(void **state)
{
    LEADER("a");
    AT (1) { watch_tells_gone(); asks_read(); still_leads(); }
    AT (1.004) { reads_absent(); stops(ELECTION_REASON_LOST); no_grace(); warns(ELECTION_WARNING_TAMPERED); }
    AT (1.010) { work_stops(); asks_read(); }
    AT (1.014) { reads_absent(); asks_nothing(); wakes_at(16.004); } /* who knew a record waits its time out, then creates */
    AT (16.004) { clock_ticks(); asks_create(); }
}

static void stranger_shown_before_the_lock_was_deleted_is_waited_for(void **state)
{
    LEADER("a");
    struct record theirs = stage_marked("b", 40, 1);
    AT (1) { watch_tells(theirs, 11); asks_read(); }
    AT (1.1) { reads_absent(); stops(ELECTION_REASON_LOST); no_grace(); }
    AT (1.2) { work_stops(); }
    AT (1.3) { reads_absent(); asks_nothing(); wakes_at(41); }
}

static void late_wake_up_expires_before_the_answer_is_looked_at(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); asks_write(ELECTION_RENEW, 10); }
    AT (30) { acknowledged(12); stops(ELECTION_REASON_RENEW_DEADLINE); does_not_lead(); assert_false(S->u.extended); }
}

/* ---- rule 8: a write without an answer is unknown ---- */

static void unknown_write_is_read_back_and_counts_when_it_was_applied(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); asks_write(ELECTION_RENEW, 10); }
    AT (3.400) { write_answers_500(); asks_nothing(); }
    AT (3.600) { clock_ticks(); asks_read(); }
    AT (3.604) { reads_own(12); asks_nothing(); leads_until(13.334); }
}

static void conflict_with_our_record_intact_is_written_again_at_once(void **state)
{
    LEADER("a");
    struct record ours = S->write.record;
    AT (3.334) { clock_ticks(); asks_write(ELECTION_RENEW, 10); }
    AT (3.336) { conflict(); asks_read(); }
    AT (3.338) { stage_shows(S, ELECTION_READ, &ours, 11); asks_write(ELECTION_RENEW, 11); still_leads(); }
}

static void conflict_of_a_write_that_was_sent_twice_is_ours(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); }
    AT (3.336) { conflict(); asks_read(); }
    AT (3.338) { reads_own(12); leads_until(13.334); asks_nothing(); }
}

static void unknown_acquire_is_settled_by_one_write_before_exit(void **state)
{
    STAGE("b");
    struct record free = stage_marked("a", 15, 0);
    free = stage_emptied(&free, true);
    AT (0) { begins(); watch_stands(); reads(free, 10); asks_write(ELECTION_ACQUIRE, 10); }
    AT (1) { closes(); assert_false(S->u.closed); state_is(ELECTION_RELEASING); }
    AT (2.2) { write_times_out(); asks_read(); }
    AT (2.204) { stage_shows(S, ELECTION_READ, &free, 10); asks_write(ELECTION_RELEASE, 10); }  /* not applied, but it may be yet */
    AT (2.208) { acknowledged(11); assert_true(S->u.closed); starts_nothing(); }
}

static void unknown_create_is_settled_only_by_an_object(void **state)
{
    STAGE("a");
    AT (0) { begins(); reads_absent(); asks_create(); }
    AT (2.2) { write_times_out(); asks_read(); }
    AT (2.3) { closes(); }
    AT (2.4) { reads_absent(); asks_create(); assert_int_equal(S->u.write.record.kind, RECORD_EMPTIED); }
    AT (2.5) { acknowledged(10); assert_true(S->u.closed); }
}

/* ---- rule 9 has the lock-free half in src/service; the machine's half: never again within a term ---- */

static void extension_that_a_reader_already_saw_end_ends_the_term(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); }
    AT (3.336) { acknowledged(12); assert_true(S->u.extended); }
    AT (3.336) { stage_event(S, ELECTION_EXTEND_REFUSED); stops(ELECTION_REASON_RENEW_DEADLINE); does_not_lead(); }
}

/* ---- rule 10: release after work has stopped, renewing until then ---- */

static void leader_that_stops_on_request_renews_until_its_work_has_stopped(void **state)
{
    LEADER("a");
    AT (1) { closes(); stops(ELECTION_REASON_CLOSED); does_not_lead(); asks_nothing(); }
    AT (3.334) { clock_ticks(); asks_write(ELECTION_RENEW, 10); }
    AT (3.336) { acknowledged(12); assert_true(S->u.extended); }
    AT (5) { work_stops(); assert_true(S->u.stopped_leading); asks_write(ELECTION_RELEASE, 12); assert_false(S->u.closed); }
    AT (5) { assert_true(S->u.write.record.mark.released); assert_int_equal(S->u.write.record.duration_ms, 1000); }
    AT (5.002) { acknowledged(13); assert_true(S->u.closed); }
}

static void drain_that_cannot_renew_ends_at_the_deadline(void **state)
{
    LEADER("a");
    AT (1) { closes(); }
    AT (3.334) { clock_ticks(); }
    AT (5.556) { write_times_out(); }
    AT (7.778) { read_times_out(); }
    AT (10) { clock_ticks(); stops(ELECTION_REASON_RENEW_DEADLINE); grace_until(14.203); }
}

static void record_that_is_no_longer_ours_is_not_released(void **state)
{
    LEADER("a");
    struct record theirs = stage_marked("b", 15, 1);
    AT (1) { closes(); stops(ELECTION_REASON_CLOSED); }
    AT (1.5) { watch_tells(theirs, 12); asks_read(); }
    AT (1.504) { reads(theirs, 12); stops(ELECTION_REASON_LOST); no_grace(); }
    AT (2) { work_stops(); assert_true(S->u.closed); asks_nothing(); }
}

static void release_without_answers_gives_up_and_says_so(void **state)
{
    LEADER("a");
    AT (1) { closes(); }
    AT (1) { work_stops(); asks_write(ELECTION_RELEASE, 10); }
    AT (3.2) { write_times_out(); asks_read(); }
    AT (5.4) { read_times_out(); }
    AT (5.5) { clock_ticks(); assert_true(S->u.closed); warns(ELECTION_WARNING_NOT_RELEASED); }
}

static void write_that_lands_after_a_resignation_begins_no_term_while_holding_back(void **state)
{
    STAGE("a");
    AT (0) begins();
    AT (0) { reads_absent(); asks_create(); }
    AT (0.1) { resigns(); state_is(ELECTION_RELEASING); }
    AT (2.222) { write_times_out(); asks_read(); }
    AT (4.444) { read_times_out(); asks_read(); }
    AT (4.545) { clock_ticks(); state_is(ELECTION_CANDIDATE); }
    AT (4.550) { reads_own(10); starts_nothing(); asks_nothing(); does_not_lead(); }
    /* 2 s after it gave up, it may lead again: by a new write. */
    AT (6.546) { clock_ticks(); asks_write(ELECTION_ACQUIRE, 10); }
    AT (6.550) { acknowledged(11); starts_leading(11); }
}

static void resigned_leader_holds_back_and_stands_again(void **state)
{
    LEADER("a");
    AT (1) { resigns(); stops(ELECTION_REASON_RESIGNED); }
    AT (1.1) { work_stops(); asks_write(ELECTION_RELEASE, 10); }
    AT (1.102) { acknowledged(11); assert_false(S->u.closed); asks_nothing(); state_is(ELECTION_CANDIDATE); leader_is(""); }
    AT (3.2) { clock_ticks(); asks_write(ELECTION_ACQUIRE, 11); } /* nobody else came within the retry period */
}

static void who_holds_back_for_ever_stands_when_told_to(void **state)
{
    STAGE("b");
    struct record theirs = stage_marked("a", 15, 0), released = stage_emptied(&theirs, true);
    AT (0) { begins(); }
    AT (0.001) { holds_back(); }
    AT (0.002) { reads(theirs, 10); leader_is("a"); }
    AT (0.003) { watch_stands(); }
    AT (1) { watch_tells(released, 11); asks_nothing(); leader_is(""); }
    AT (9) { clock_ticks(); asks_nothing(); }
    AT (10) { stands(); asks_write(ELECTION_ACQUIRE, 11); }
    AT (10.004) { acknowledged(12); starts_leading(12); }
}

static void who_is_told_to_stand_while_the_lock_is_given_back_stands_right_after(void **state)
{
    LEADER("a");
    AT (1) { holds_back(); stops(ELECTION_REASON_RESIGNED); }
    AT (1.1) { work_stops(); asks_write(ELECTION_RELEASE, 10); }
    AT (1.101) { stands(); asks_nothing(); }
    AT (1.102) { acknowledged(11); asks_write(ELECTION_ACQUIRE, 11); }
}

static void a_time_to_hold_back_is_not_cut_short(void **state)
{
    STAGE("b");
    struct record theirs = stage_marked("a", 15, 0), released = stage_emptied(&theirs, true);
    AT (0) { begins(); }
    AT (0.001) { resigns_for(5); }
    AT (0.002) { reads(theirs, 10); leader_is("a"); }
    AT (0.003) { watch_stands(); }
    AT (1) { watch_tells(released, 11); leader_is(""); }
    AT (2) { stands(); asks_nothing(); }
    AT (5.1) { clock_ticks(); asks_write(ELECTION_ACQUIRE, 11); }
}

static void an_attempt_under_way_when_told_to_hold_back_begins_no_term(void **state)
{
    STAGE("a");
    AT (0) { begins(); }
    AT (0.001) { reads_absent(); asks_create(); }
    AT (0.002) { holds_back(); asks_nothing(); state_is(ELECTION_RELEASING); }
    AT (0.004) { acknowledged(10); starts_nothing(); asks_write(ELECTION_RELEASE, 10); }
    AT (0.006) { acknowledged(11); state_is(ELECTION_CANDIDATE); asks_nothing(); }
}

static void work_that_ends_by_itself_gives_the_lock_back_and_others_a_chance(void **state)
{
    LEADER("a");
    AT (1) { work_stops(); assert_true(S->u.stopped_leading); asks_write(ELECTION_RELEASE, 10); }
    AT (1.002) { acknowledged(11); asks_nothing(); leader_is(""); }
    AT (3.1) { clock_ticks(); asks_write(ELECTION_ACQUIRE, 11); }
}

/* ---- rule 11: watch events are hints ---- */

static void repeated_and_older_watch_events_are_ignored(void **state)
{
    STAGE("b");
    struct record old = stage_marked("a", 15, 0), newer = stage_marked("a", 15, 3);
    struct record released = stage_emptied(&old, true);
    AT (0) { begins(); watch_stands(); reads(newer, 12); wakes_at(15); }
    AT (1) { watch_tells(released, 11); asks_nothing(); wakes_at(15); }
    AT (2) { watch_tells(newer, 12); asks_nothing(); wakes_at(15); }
}

static void deleted_on_a_watch_is_answered_by_a_read(void **state)
{
    STAGE("b");
    struct record held = stage_marked("a", 15, 0);
    AT (0) { begins(); watch_stands(); reads(held, 10); }
    AT (1) { watch_tells_gone(); asks_read(); assert_int_equal(S->u.write.kind, ELECTION_WRITE_NONE); }
    AT (1.002) { reads(held, 11); asks_nothing(); wakes_at(15); }   /* only its label was lost */
}

static void read_that_left_before_newer_news_is_made_again(void **state)
{
    STAGE("b");
    struct record held = stage_marked("a", 15, 0);
    AT (0) { begins(); asks_read(); }
    AT (0.1) { watch_tells(held, 10); }
    AT (0.2) { reads_absent(); asks_read(); assert_int_equal(S->u.write.kind, ELECTION_WRITE_NONE); }
}

static void release_seen_on_the_watch_is_followed_by_a_write_at_once(void **state)
{
    STAGE("b");
    struct record held = stage_marked("a", 15, 0), released = stage_emptied(&held, true);
    AT (0) { begins(); watch_stands(); reads(held, 10); }
    AT (2) { watch_tells(released, 14); asks_write(ELECTION_ACQUIRE, 14); asks_no_read(); }
}

static void echo_of_our_own_write_is_no_news(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); }
    AT (3.335) { watch_tells(S->write.record, 12); asks_nothing(); }
    AT (3.336) { acknowledged(12); }
}

/* ---- rule 12: limits, retries ---- */

static void refused_renewal_is_tried_again_after_the_retry_period(void **state)
{
    LEADER("a");
    AT (3.334) { clock_ticks(); assert_int_equal(S->u.write.limit_ns, (10 * SECOND - 10 * SECOND / 3) / 3); }
    AT (3.336) { write_refused(); asks_nothing(); }
    AT (5.3) { clock_ticks(); asks_nothing(); }
    AT (5.8) { clock_ticks(); asks_write(ELECTION_RENEW, 10); }
}

static void unreachable_server_is_tried_with_growing_pauses(void **state)
{
    STAGE("a");
    AT (0) { begins(); }
    AT (0) { read_unreachable(); asks_nothing(); wakes_at(0.1); }
    AT (0.1) { clock_ticks(); asks_read(); }
    AT (0.1) { read_unreachable(); wakes_at(0.3); }
    AT (0.3) { clock_ticks(); asks_read(); }
    for (int i = 0; i < 20; i++) {
        AT (10 + i) { if (S->e.reading) read_unreachable(); else clock_ticks(); }
    }
    AT (40) { clock_ticks(); }
    AT (40) { if (S->e.reading) read_unreachable(); wakes_at(41); }
}

static void conflict_without_a_new_version_is_no_busy_loop(void **state)
{
    STAGE("b");
    struct record held = stage_marked("a", 15, 0), released = stage_emptied(&held, true);
    int requests = 0;
    AT (0) { begins(); watch_stands(); reads(released, 10); }
    for (double t = 0.001; t < 10; t += 0.001) {
        AT (t) {
            if (S->e.writing) { conflict(); requests++; }
            else if (S->e.reading) { reads(released, 10); requests++; }
            else clock_ticks();
        }
    }
    assert_in_range(requests, 4, 20);
}

static void server_that_changes_what_we_write_is_no_busy_loop(void **state)
{
    STAGE("a");
    int requests = 0;
    uint64_t rv = 10;
    AT (0) { begins(); watch_stands(); reads_absent(); }
    for (double t = 0.001; t < 10; t += 0.001) {
        AT (t) {
            struct record changed = S->write.record;
            changed.transitions = 99;
            if (S->e.writing) { stage_shows(S, ELECTION_WRITTEN, &changed, ++rv); requests++; }
            else if (S->e.reading) { reads(changed, rv); requests++; }
            else clock_ticks();
            starts_nothing();
        }
    }
    assert_in_range(requests, 2, 30);
}

/* ---- rule 13: the token is the version that acquired the term ---- */

static void token_is_the_version_that_acquired_and_is_written_from_the_first_renewal_on(void **state)
{
    LEADER("a");
    assert_int_equal(S->write.record.mark.token, 0);
    AT (3.334) { clock_ticks(); assert_int_equal(S->u.write.record.mark.token, 10); }
    AT (3.336) { acknowledged(12); assert_int_equal(S->e.token, 10); }
}

static void token_of_an_acquire_read_back_is_the_version_read(void **state)
{
    STAGE("a");
    AT (0) { begins(); reads_absent(); asks_create(); }
    AT (2.2) { write_times_out(); asks_read(); }
    AT (2.3) { reads_own(17); starts_leading(17); leads_until(10); }
}

/* ---- polling only while no watch stands ---- */

static void standby_without_a_watch_polls_every_retry_period(void **state)
{
    STAGE("b");
    struct record held = stage_marked("a", 15, 0);
    AT (0) { begins(); reads(held, 10); asks_nothing(); }
    AT (1.9) { clock_ticks(); asks_nothing(); }
    AT (2.5) { clock_ticks(); asks_read(); }
    AT (2.6) { reads(held, 10); watch_stands(); }
    AT (8) { clock_ticks(); asks_nothing(); }
}

static void observer_tells_and_never_writes(void **state)
{
    struct stage stage_;
    struct stage *S = &stage_;
    (void)state;
    stage_open(S, "watcher", ELECTION_ROLE_OBSERVER);
    struct record held = stage_marked("a", 15, 0);
    AT (0) { watch_stands(); begins(); asks_read(); }
    AT (0.004) { reads(held, 10); assert_true(S->u.leader_changed); leader_is("a"); wakes_at(15.004); }
    AT (15.004) { clock_ticks(); assert_true(S->u.leader_changed); leader_is(""); asks_nothing(); }
    AT (16) { stage_event(S, ELECTION_RESIGN); asks_nothing(); }
    AT (17) { closes(); assert_true(S->u.closed); asks_nothing(); }
}

static void many_candidates_spread_their_writes(void **state)
{
    STAGE("b");
    S->e.settings.known_candidates = 500;
    struct record held = stage_marked("a", 15, 0), released = stage_emptied(&held, true);
    AT (0) { begins(); watch_stands(); }
    AT (0.010) { reads(held, 10); }                     /* a round trip of 10 ms: up to 2 s (retry period) of delay */
    AT (1) { watch_tells(released, 14); }
    if (S->u.write.kind == ELECTION_WRITE_NONE) {
        struct record taken = stage_marked("c", 15, 1);
        AT (1.001) { watch_tells(taken, 15); asks_nothing(); assert_true(election_deadline(&S->e) >= SECOND + 16 * SECOND); }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_to_come_creates_the_lock_and_leads),
        cmocka_unit_test(every_write_names_the_version_it_was_computed_from),
        cmocka_unit_test(leader_gives_up_before_the_lease_can_pass_on),
        cmocka_unit_test(deadline_runs_from_the_send_not_from_the_answer),
        cmocka_unit_test(read_back_is_credited_to_the_send_of_the_write_that_fits),
        cmocka_unit_test(candidate_waits_the_recorded_duration_from_receipt),
        cmocka_unit_test(renewal_seen_restarts_the_wait_and_other_changes_do_not),
        cmocka_unit_test(transitions_grow_with_the_holder),
        cmocka_unit_test(leader_counts_the_faster_clock),
        cmocka_unit_test(candidate_counts_the_slower_clock),
        cmocka_unit_test(wall_clock_is_only_written_down),
        cmocka_unit_test(kill_at_leaves_the_margin),
        cmocka_unit_test(term_does_not_begin_with_less_than_half_its_time_left),
        cmocka_unit_test(own_name_in_another_process_is_a_stranger),
        cmocka_unit_test(record_of_a_predecessor_that_has_ended_is_not_waited_for),
        cmocka_unit_test(predecessor_whose_record_changes_again_is_waited_for),
        cmocka_unit_test(record_of_another_process_is_not_inherited),
        cmocka_unit_test(record_with_our_nonce_that_we_did_not_write_is_a_stranger),
        cmocka_unit_test(same_record_in_another_object_is_a_stranger),
        cmocka_unit_test(holder_that_stepped_down_leads_again_by_a_new_write_after_its_work_stopped),
        cmocka_unit_test(another_holder_read_stops_work_without_grace),
        cmocka_unit_test(lock_gone_stops_work_without_grace),
        cmocka_unit_test(stranger_shown_before_the_lock_was_deleted_is_waited_for),
        cmocka_unit_test(late_wake_up_expires_before_the_answer_is_looked_at),
        cmocka_unit_test(unknown_write_is_read_back_and_counts_when_it_was_applied),
        cmocka_unit_test(conflict_with_our_record_intact_is_written_again_at_once),
        cmocka_unit_test(conflict_of_a_write_that_was_sent_twice_is_ours),
        cmocka_unit_test(unknown_acquire_is_settled_by_one_write_before_exit),
        cmocka_unit_test(unknown_create_is_settled_only_by_an_object),
        cmocka_unit_test(extension_that_a_reader_already_saw_end_ends_the_term),
        cmocka_unit_test(leader_that_stops_on_request_renews_until_its_work_has_stopped),
        cmocka_unit_test(drain_that_cannot_renew_ends_at_the_deadline),
        cmocka_unit_test(record_that_is_no_longer_ours_is_not_released),
        cmocka_unit_test(release_without_answers_gives_up_and_says_so),
        cmocka_unit_test(write_that_lands_after_a_resignation_begins_no_term_while_holding_back),
        cmocka_unit_test(resigned_leader_holds_back_and_stands_again),
        cmocka_unit_test(who_holds_back_for_ever_stands_when_told_to),
        cmocka_unit_test(who_is_told_to_stand_while_the_lock_is_given_back_stands_right_after),
        cmocka_unit_test(a_time_to_hold_back_is_not_cut_short),
        cmocka_unit_test(an_attempt_under_way_when_told_to_hold_back_begins_no_term),
        cmocka_unit_test(work_that_ends_by_itself_gives_the_lock_back_and_others_a_chance),
        cmocka_unit_test(repeated_and_older_watch_events_are_ignored),
        cmocka_unit_test(deleted_on_a_watch_is_answered_by_a_read),
        cmocka_unit_test(read_that_left_before_newer_news_is_made_again),
        cmocka_unit_test(release_seen_on_the_watch_is_followed_by_a_write_at_once),
        cmocka_unit_test(echo_of_our_own_write_is_no_news),
        cmocka_unit_test(refused_renewal_is_tried_again_after_the_retry_period),
        cmocka_unit_test(unreachable_server_is_tried_with_growing_pauses),
        cmocka_unit_test(conflict_without_a_new_version_is_no_busy_loop),
        cmocka_unit_test(server_that_changes_what_we_write_is_no_busy_loop),
        cmocka_unit_test(token_is_the_version_that_acquired_and_is_written_from_the_first_renewal_on),
        cmocka_unit_test(token_of_an_acquire_read_back_is_the_version_read),
        cmocka_unit_test(standby_without_a_watch_polls_every_retry_period),
        cmocka_unit_test(observer_tells_and_never_writes),
        cmocka_unit_test(many_candidates_spread_their_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
