/* Each checker is shown to fail on a bad history made by hand, and to pass the good one beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "sim/check.h"

#define SECONDS(s) ((int64_t)((s)*1e9))

enum { A = 0, B = 1 };

static struct judge judge;
static uint64_t revision;
static struct record lock; /* as it is now */

static void tell(double at, struct fact f)
{
    f.at = SECONDS(at);
    judge_fact(&judge, &f);
}

static void process(int who, const char *name)
{
    tell(0, (struct fact){ .kind = FACT_PROCESS, .who = who, .identity = name, .lease_ns = SECONDS(15), .rate_error_ppm = 10000 });
}

static int setup(void **state)
{
    (void)state;
    memset(&judge, 0, sizeof judge);
    memset(&lock, 0, sizeof lock);
    revision = 10;
    judge_begin(&judge);
    process(A, "a");
    process(B, "b");
    return 0;
}

static struct record held(const char *name, int64_t stamp)
{
    struct record r = { .kind = RECORD_HELD, .duration_ms = 15000, .renew_us = stamp };
    strncpy(r.holder, name, sizeof r.holder - 1);
    r.mark = (struct record_mark){ .present = true, .names_holder = true, .duration_ms = 15000 };
    return r;
}

static void sees(double at, int who)
{
    tell(at, (struct fact){ .kind = FACT_RECEIVED, .who = who, .sent = SECONDS(at), .after = &lock, .version.resource_version = revision });
}

static void writes(double sent, double at, int who, enum election_purpose purpose)
{
    struct record before = lock;
    lock = held(who == A ? "a" : "b", SECONDS(at));
    if (purpose == ELECTION_RELEASE) {
        lock = (struct record){ .kind = RECORD_EMPTIED, .duration_ms = 1000 };
        lock.mark = (struct record_mark){ .present = true, .released = true };
    }
    enum election_write_kind kind = before.kind == RECORD_ABSENT ? ELECTION_WRITE_CREATE : ELECTION_WRITE_REPLACE;
    uint64_t base = revision++;
    tell(at, (struct fact){ .kind = FACT_APPLIED,
                            .who = who,
                            .sent = SECONDS(sent),
                            .purpose = purpose,
                            .write = kind,
                            .before = &before,
                            .after = &lock,
                            .base.resource_version = base,
                            .version.resource_version = revision });
}

static void operator_leaves(double at, struct record after)
{
    struct record before = lock;
    lock = after;
    revision++;
    tell(at, (struct fact){ .kind = FACT_OPERATED, .who = SIM_NOBODY, .before = &before, .after = &lock, .note = "meddles" });
}

static void works(double at, int who, uint64_t term, bool begins)
{
    tell(at, (struct fact){ .kind = begins ? FACT_WORK_BEGINS : FACT_WORK_ENDS, .who = who, .term = term });
}

static void starts(double at, int who, uint64_t term, uint64_t token, double dead_by)
{
    tell(at, (struct fact){ .kind = FACT_STARTED,
                            .who = who,
                            .term = term,
                            .token = token,
                            .decided = SECONDS(at),
                            .sent = SECONDS(dead_by),
                            .version.resource_version = revision });
}

static void samples(double asked, double at, int who, uint64_t term, bool leading)
{
    tell(at, (struct fact){ .kind = FACT_SAMPLE, .who = who, .term = term, .sent = SECONDS(asked), .flag = leading });
}

static void assert_broken(enum check_name name)
{
    if (!judge.failed)
        fail_msg("no checker saw it");
    assert_string_equal(check_name(judge.first), check_name(name));
}

static void assert_sound(void)
{
    if (judge.failed)
        fail_msg("%s", judge.sentence);
}

/* ---- exclusive ---- */

static void two_workers_at_once_are_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    works(0.2, A, 1, true);
    works(5, B, 1, true);
    assert_broken(CHECK_EXCLUSIVE);
    assert_non_null(strstr(judge.sentence, "b (process 1) began")); /* a's lease was valid */
}

static void who_held_on_is_charged(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    sees(0.2, B);
    works(0.2, A, 1, true);
    writes(15.5, 15.6, B, ELECTION_ACQUIRE);
    assert_sound();
    works(15.7, B, 1, true);
    assert_broken(CHECK_EXCLUSIVE);
    assert_non_null(strstr(judge.sentence, "a (process 0) held on"));
}

static void work_after_work_is_sound(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    works(0.2, A, 1, true);
    works(14, A, 1, false);
    writes(15.5, 15.6, B, ELECTION_ACQUIRE);
    works(15.7, B, 1, true);
    assert_sound();
}

static void two_terms_of_one_process_at_once_are_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    works(0.2, A, 1, true);
    works(3, A, 2, true);
    assert_broken(CHECK_EXCLUSIVE);
}

static void an_end_told_while_work_runs_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    works(0.2, A, 1, true);
    tell(3, (struct fact){ .kind = FACT_STOPPED, .who = A, .term = 1 });
    assert_broken(CHECK_EXCLUSIVE);
}

/* ---- replace ---- */

static void an_unexpired_record_replaced_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    sees(0.2, B);
    writes(14.9, 15.5, B, ELECTION_ACQUIRE); /* fast by 1 %: 14.95 is the earliest */
    assert_broken(CHECK_REPLACE);
}

static void a_renewal_moves_the_end(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    sees(0.2, B);
    writes(5, 5.1, A, ELECTION_RENEW);
    writes(16, 16.1, B, ELECTION_ACQUIRE);
    assert_broken(CHECK_REPLACE);
}

static void a_fast_clock_within_rho_is_sound(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    sees(0.1, B);
    writes(14.96, 15, B, ELECTION_ACQUIRE);
    assert_sound();
}

static void a_released_record_is_free(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    sees(0.2, B);
    writes(3, 3.1, A, ELECTION_RELEASE);
    writes(3.2, 3.3, B, ELECTION_ACQUIRE);
    assert_sound();
}

static void a_release_over_another_record_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    writes(1, 1.1, B, ELECTION_RELEASE);
    assert_broken(CHECK_REPLACE);
}

static void who_knew_the_holder_waits_after_a_deletion(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    sees(0.2, B);
    operator_leaves(1, (struct record){ .kind = RECORD_ABSENT });
    writes(2, 2.1, B, ELECTION_ACQUIRE);
    assert_broken(CHECK_REPLACE);
}

static void who_knew_nothing_may_take_a_deleted_lock_and_is_counted(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    works(0.2, A, 1, true);
    operator_leaves(1, (struct record){ .kind = RECORD_ABSENT });
    writes(2, 2.1, B, ELECTION_ACQUIRE);
    works(2.2, B, 1, true);
    assert_sound();
    assert_int_equal(judge.counts.blind_takes, 1);
    assert_int_equal(judge.counts.blind_overlaps, 1);
}

static void asks_to_write(double at, int who)
{
    tell(at, (struct fact){ .kind = FACT_SENT, .who = who, .sent = SECONDS(at), .write = ELECTION_WRITE_REPLACE });
}

/* It was cut off while a's term came and went, and finds to the letter what it knew before. */
static void what_an_operator_leaves_as_it_was_tells_nothing(void **state)
{
    (void)state;
    const struct record garbage = { .kind = RECORD_UNREADABLE, .rest = 7 };
    operator_leaves(0, garbage);
    sees(0.1, B);
    writes(20, 20.1, A, ELECTION_ACQUIRE);
    operator_leaves(21, garbage);
    asks_to_write(22, B);
    writes(22, 22.1, B, ELECTION_ACQUIRE);
    assert_sound();
    assert_int_equal(judge.counts.blind_takes, 1);
}

static void what_it_saw_in_between_tells_it(void **state)
{
    (void)state;
    const struct record garbage = { .kind = RECORD_UNREADABLE, .rest = 7 };
    operator_leaves(0, garbage);
    sees(0.1, B);
    writes(20, 20.1, A, ELECTION_ACQUIRE);
    sees(20.2, B);
    operator_leaves(21, garbage);
    sees(21.1, B);
    asks_to_write(22, B);
    writes(22, 22.1, B, ELECTION_ACQUIRE);
    assert_broken(CHECK_REPLACE);
}

static void a_mark_protects_from_a_shortened_duration(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    sees(0.2, B);
    struct record edited = lock;
    edited.duration_ms = 1000;
    operator_leaves(1, edited);
    writes(2.5, 2.6, B, ELECTION_ACQUIRE);
    assert_broken(CHECK_REPLACE);
}

/* ---- renewal, token ---- */

static void a_write_without_a_change_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    struct record same = lock;
    tell(1, (struct fact){ .kind = FACT_APPLIED,
                           .who = A,
                           .sent = SECONDS(1),
                           .purpose = ELECTION_RENEW,
                           .write = ELECTION_WRITE_REPLACE,
                           .before = &same,
                           .after = &lock,
                           .base.resource_version = revision,
                           .version.resource_version = revision });
    assert_broken(CHECK_RENEWAL);
}

/* Nobody reads the time of a release, so that two may be the same record; but not the same version. */
static void a_second_release_needs_another_version(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    writes(1, 1.1, A, ELECTION_RELEASE);
    struct record same = lock;
    struct fact again = {
        .kind = FACT_APPLIED, .who = A, .sent = SECONDS(2), .purpose = ELECTION_RELEASE, .write = ELECTION_WRITE_REPLACE
    };
    again.before = &same;
    again.after = &lock;
    again.base.resource_version = revision;
    again.version.resource_version = revision + 1;
    tell(2, again);
    assert_sound();
    again.version.resource_version = revision;
    tell(3, again);
    assert_broken(CHECK_RENEWAL);
}

static void an_acknowledged_write_at_the_old_version_is_seen(void **state)
{
    (void)state;
    tell(1, (struct fact){ .kind = FACT_ANSWERED,
                           .who = A,
                           .write = ELECTION_WRITE_REPLACE,
                           .base.resource_version = 11,
                           .version.resource_version = 11 });
    assert_broken(CHECK_RENEWAL);
}

static void a_token_that_does_not_grow_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    starts(0.2, A, 1, revision, 14);
    writes(16, 16.1, B, ELECTION_ACQUIRE);
    starts(16.2, B, 1, revision - 1, 30);
    assert_broken(CHECK_TOKEN);
}

static void a_token_of_the_future_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    starts(0.2, A, 1, revision + 5, 14);
    assert_broken(CHECK_TOKEN);
}

static void an_old_success_told_late_keeps_the_order(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    uint64_t first = revision;
    writes(16, 16.1, B, ELECTION_ACQUIRE);
    starts(16.2, B, 1, revision, 30);
    tell(17,
         (struct fact){
             .kind = FACT_STARTED, .who = A, .term = 1, .token = first, .decided = SECONDS(0.2), .version.resource_version = revision });
    assert_sound();
}

/* ---- leading ---- */

static void leading_again_within_a_term_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    samples(1, 1, A, 1, true);
    samples(2, 2, A, 1, false);
    samples(3, 3, A, 1, true);
    assert_broken(CHECK_LEADING);
}

static void calls_that_overlap_may_answer_in_any_order(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    samples(2, 2, A, 1, false);
    samples(1.5, 3, A, 1, true);
    assert_sound();
    samples(4, 4, A, 2, true); /* another term */
    assert_sound();
}

static void leading_after_the_lease_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    samples(14, 14.9, A, 1, true); /* 15 s / 1.01 */
    assert_broken(CHECK_LEADING);
}

static void work_promised_beyond_the_lease_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    starts(0.2, A, 1, revision, 14.9);
    assert_broken(CHECK_LEADING);
}

static void a_term_extended_after_its_end_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    tell(11, (struct fact){ .kind = FACT_EXTENDED, .who = A, .term = 1, .flag = true, .sent = SECONDS(14) });
    assert_broken(CHECK_LEADING);
}

/* ---- needless, liveness, budget ---- */

static void a_record_given_up_for_nothing_is_seen(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    tell(1, (struct fact){ .kind = FACT_STOP, .who = A, .term = 1, .reason = ELECTION_REASON_LOST, .flag = true });
    assert_broken(CHECK_NEEDLESS);
}

static void a_record_given_up_after_an_edit_is_sound(void **state)
{
    (void)state;
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    starts(0.2, A, 1, revision, 14);
    operator_leaves(0.5, (struct record){ .kind = RECORD_ABSENT });
    tell(1, (struct fact){ .kind = FACT_STOP, .who = A, .term = 1, .reason = ELECTION_REASON_LOST, .flag = true });
    assert_sound();
}

static void a_healed_world_without_a_leader_is_seen(void **state)
{
    (void)state;
    tell(10, (struct fact){ .kind = FACT_HEALED, .who = SIM_NOBODY, .sent = SECONDS(40) });
    tell(50, (struct fact){ .kind = FACT_END, .who = SIM_NOBODY });
    assert_broken(CHECK_LIVENESS);
}

static void a_leader_too_late_or_lost_again_is_seen(void **state)
{
    (void)state;
    tell(10, (struct fact){ .kind = FACT_HEALED, .who = SIM_NOBODY, .sent = SECONDS(40) });
    writes(41, 41.1, A, ELECTION_ACQUIRE);
    starts(41.2, A, 1, revision, 50);
    tell(50, (struct fact){ .kind = FACT_END, .who = SIM_NOBODY });
    assert_broken(CHECK_LIVENESS);
    setup(state);
    tell(10, (struct fact){ .kind = FACT_HEALED, .who = SIM_NOBODY, .sent = SECONDS(40) });
    writes(11, 11.1, A, ELECTION_ACQUIRE);
    starts(11.2, A, 1, revision, 20);
    tell(20, (struct fact){ .kind = FACT_STOP, .who = A, .term = 1, .reason = ELECTION_REASON_RENEW_DEADLINE });
    tell(50, (struct fact){ .kind = FACT_END, .who = SIM_NOBODY });
    assert_broken(CHECK_LIVENESS);
}

static void a_leader_in_time_is_sound(void **state)
{
    (void)state;
    tell(10, (struct fact){ .kind = FACT_HEALED, .who = SIM_NOBODY, .sent = SECONDS(40) });
    writes(20, 20.1, A, ELECTION_ACQUIRE);
    starts(20.2, A, 1, revision, 30);
    tell(50, (struct fact){ .kind = FACT_END, .who = SIM_NOBODY });
    assert_sound();
}

static void a_busy_loop_is_seen(void **state)
{
    (void)state;
    for (int i = 0; i < CHECK_WINDOW; i++)
        tell(1 + i * 0.01, (struct fact){ .kind = FACT_SENT, .who = A });
    assert_sound();
    tell(1.9, (struct fact){ .kind = FACT_SENT, .who = A });
    assert_broken(CHECK_BUDGET);
}

/* ---- fenced ---- */

static void stores(double at, int who, uint64_t term, uint64_t token, bool taken)
{
    tell(at, (struct fact){ .kind = FACT_STORED, .who = who, .term = term, .token = token, .flag = taken });
}

/* Two terms, one after the other; the first write of each is taken. */
static void two_terms_store(void)
{
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    starts(0.2, A, 1, revision, 14);
    stores(0.3, A, 1, revision, true);
    writes(15.5, 15.6, B, ELECTION_ACQUIRE);
    starts(15.7, B, 1, revision, 29);
    stores(15.8, B, 1, revision, true);
    assert_sound();
}

static void a_late_write_refused_is_sound(void **state)
{
    (void)state;
    two_terms_store();
    stores(16, A, 1, revision - 1, false);
    stores(17, B, 1, revision, true);
    assert_sound();
    assert_int_equal(judge.counts.stored, 3);
    assert_int_equal(judge.counts.refused, 1);
}

static void a_late_write_taken_is_seen(void **state)
{
    (void)state;
    two_terms_store();
    stores(16, A, 1, revision - 1, true);
    assert_broken(CHECK_FENCED);
}

static void the_latest_term_locked_out_is_seen(void **state)
{
    (void)state;
    two_terms_store();
    stores(16, B, 1, revision, false);
    assert_broken(CHECK_FENCED);
}

static void an_overlap_beyond_rho_is_left_to_the_token(void **state)
{
    (void)state;
    tell(0, (struct fact){ .kind = FACT_ADRIFT, .who = B });
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    sees(0.2, B);
    starts(0.2, A, 1, revision, 14);
    works(0.3, A, 1, true);
    writes(12, 12.1, B, ELECTION_ACQUIRE);
    starts(12.2, B, 1, revision, 26);
    works(12.2, B, 1, true);
    assert_sound();
    assert_int_equal(judge.counts.adrift, 2); /* the record, and the workers */
    works(12.3, B, 2, true);
    assert_broken(CHECK_EXCLUSIVE); /* two terms of one process are nobody's clock's fault */
}

/* ---- listener ---- */

static void tells(double at, enum fact_kind kind, int who, uint64_t term, enum election_reason reason)
{
    tell(at, (struct fact){ .kind = kind,
                            .who = who,
                            .term = term,
                            .reason = reason,
                            .token = 20 + term,
                            .decided = SECONDS(at),
                            .version.resource_version = 40 });
}

static void hears(double at, double decided, int who, const char *leader)
{
    tell(at, (struct fact){ .kind = FACT_TOLD, .who = who, .decided = SECONDS(decided), .identity = leader });
}

static void terms_told_in_order_are_sound(void **state)
{
    (void)state;
    tells(1, FACT_STARTED, A, 1, ELECTION_REASON_NONE);
    tells(2, FACT_EXTENDED, A, 1, ELECTION_REASON_NONE);
    tells(3, FACT_STOP, A, 1, ELECTION_REASON_RESIGNED);
    tells(4, FACT_STOP, A, 1, ELECTION_REASON_LOST);
    tells(5, FACT_STOPPED, A, 1, ELECTION_REASON_LOST);
    tells(6, FACT_STARTED, A, 2, ELECTION_REASON_NONE);
    tells(7, FACT_STOPPED, A, 2, ELECTION_REASON_WORK_ENDED);
    assert_sound();
}

static void a_term_left_out_is_seen(void **state)
{
    (void)state;
    tells(1, FACT_STARTED, A, 2, ELECTION_REASON_NONE);
    assert_broken(CHECK_LISTENER);
}

static void a_start_before_the_end_is_seen(void **state)
{
    (void)state;
    tells(1, FACT_STARTED, A, 1, ELECTION_REASON_NONE);
    tells(2, FACT_STARTED, A, 2, ELECTION_REASON_NONE);
    assert_broken(CHECK_LISTENER);
}

static void a_stop_left_out_is_seen(void **state)
{
    (void)state;
    tells(1, FACT_STARTED, A, 1, ELECTION_REASON_NONE);
    tells(2, FACT_STOPPED, A, 1, ELECTION_REASON_RENEW_DEADLINE);
    assert_broken(CHECK_LISTENER);
}

static void news_of_before_is_seen(void **state)
{
    (void)state;
    hears(2, 1.5, B, "a");
    hears(3, 1.4, B, NULL);
    assert_broken(CHECK_LISTENER);
}

static void healed_and_over(double at)
{
    tell(1, (struct fact){ .kind = FACT_HEALED, .who = SIM_NOBODY, .sent = SECONDS(15) });
    tells(1, FACT_STARTED, A, 1, ELECTION_REASON_NONE);
    tell(at, (struct fact){ .kind = FACT_END, .who = SIM_NOBODY });
}

static void who_was_not_told_of_the_leader_is_seen(void **state)
{
    (void)state;
    hears(0, 0, B, "");
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    healed_and_over(16);
    assert_broken(CHECK_LISTENER);
}

static void a_lease_is_time_enough_to_be_told(void **state)
{
    (void)state;
    hears(0, 0, B, "");
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    healed_and_over(15);
    assert_sound();
}

static void a_deadline_that_never_moves_is_seen(void **state)
{
    (void)state;
    tell(1, (struct fact){ .kind = FACT_SPINS, .who = A });
    assert_broken(CHECK_BUDGET);
}

static void mistakes_of_a_foreign_elector_are_only_counted(void **state)
{
    (void)state;
    tell(0, (struct fact){ .kind = FACT_PROCESS, .who = 2, .identity = "go", .lease_ns = SECONDS(15), .foreign = true });
    writes(0, 0.1, A, ELECTION_ACQUIRE);
    works(0.2, A, 1, true);
    works(3, 2, 1, true);
    assert_sound();
    assert_int_equal(judge.counts.foreign, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(two_workers_at_once_are_seen, setup),
        cmocka_unit_test_setup(who_held_on_is_charged, setup),
        cmocka_unit_test_setup(work_after_work_is_sound, setup),
        cmocka_unit_test_setup(two_terms_of_one_process_at_once_are_seen, setup),
        cmocka_unit_test_setup(an_end_told_while_work_runs_is_seen, setup),
        cmocka_unit_test_setup(an_unexpired_record_replaced_is_seen, setup),
        cmocka_unit_test_setup(a_renewal_moves_the_end, setup),
        cmocka_unit_test_setup(a_fast_clock_within_rho_is_sound, setup),
        cmocka_unit_test_setup(a_released_record_is_free, setup),
        cmocka_unit_test_setup(a_release_over_another_record_is_seen, setup),
        cmocka_unit_test_setup(who_knew_the_holder_waits_after_a_deletion, setup),
        cmocka_unit_test_setup(who_knew_nothing_may_take_a_deleted_lock_and_is_counted, setup),
        cmocka_unit_test_setup(what_an_operator_leaves_as_it_was_tells_nothing, setup),
        cmocka_unit_test_setup(what_it_saw_in_between_tells_it, setup),
        cmocka_unit_test_setup(a_mark_protects_from_a_shortened_duration, setup),
        cmocka_unit_test_setup(a_write_without_a_change_is_seen, setup),
        cmocka_unit_test_setup(a_second_release_needs_another_version, setup),
        cmocka_unit_test_setup(an_acknowledged_write_at_the_old_version_is_seen, setup),
        cmocka_unit_test_setup(a_token_that_does_not_grow_is_seen, setup),
        cmocka_unit_test_setup(a_token_of_the_future_is_seen, setup),
        cmocka_unit_test_setup(an_old_success_told_late_keeps_the_order, setup),
        cmocka_unit_test_setup(leading_again_within_a_term_is_seen, setup),
        cmocka_unit_test_setup(calls_that_overlap_may_answer_in_any_order, setup),
        cmocka_unit_test_setup(leading_after_the_lease_is_seen, setup),
        cmocka_unit_test_setup(work_promised_beyond_the_lease_is_seen, setup),
        cmocka_unit_test_setup(a_term_extended_after_its_end_is_seen, setup),
        cmocka_unit_test_setup(a_record_given_up_for_nothing_is_seen, setup),
        cmocka_unit_test_setup(a_record_given_up_after_an_edit_is_sound, setup),
        cmocka_unit_test_setup(a_healed_world_without_a_leader_is_seen, setup),
        cmocka_unit_test_setup(a_leader_too_late_or_lost_again_is_seen, setup),
        cmocka_unit_test_setup(a_leader_in_time_is_sound, setup),
        cmocka_unit_test_setup(a_busy_loop_is_seen, setup),
        cmocka_unit_test_setup(a_late_write_refused_is_sound, setup),
        cmocka_unit_test_setup(a_late_write_taken_is_seen, setup),
        cmocka_unit_test_setup(the_latest_term_locked_out_is_seen, setup),
        cmocka_unit_test_setup(an_overlap_beyond_rho_is_left_to_the_token, setup),
        cmocka_unit_test_setup(terms_told_in_order_are_sound, setup),
        cmocka_unit_test_setup(a_term_left_out_is_seen, setup),
        cmocka_unit_test_setup(a_start_before_the_end_is_seen, setup),
        cmocka_unit_test_setup(a_stop_left_out_is_seen, setup),
        cmocka_unit_test_setup(news_of_before_is_seen, setup),
        cmocka_unit_test_setup(who_was_not_told_of_the_leader_is_seen, setup),
        cmocka_unit_test_setup(a_lease_is_time_enough_to_be_told, setup),
        cmocka_unit_test_setup(a_deadline_that_never_moves_is_seen, setup),
        cmocka_unit_test_setup(mistakes_of_a_foreign_elector_are_only_counted, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
