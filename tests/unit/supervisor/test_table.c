/* The keeper's table: every cell is what a person wrote down here a second time, and the rules that hold across cells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "supervisor/table.h"

/* One letter a state, as in the golden rows below. */
static const char letters[TABLE_STATES + 1] = "WSRLKDQEF";

static const char *const state_names[TABLE_STATES] = { "waiting",  "starting",     "running",   "losing",  "killing",
                                                       "draining", "killing last", "releasing", "finished" };

/* Rows as states, columns as events:
 * start, exec ok, exec late, exec error, cmd exited, tree gone, ... once, request, loss, loss now, term over, grace over, kill at,
 * asked, asked again, elector done, elector lost, parent lost. */
static const char *const next_states[TABLE_STATES] = {
    /* waiting      */ "SWWWWWWWWWWWWEEFFE",
    /* starting     */ "SRKQDEELLKLSKDQDDQ",
    /* running      */ "RRRRDEELLKLRKDQDDQ",
    /* losing       */ "LLLQLWELLKLKKDQDDQ",
    /* killing      */ "KKKKKWEKKKKKKQQQQQ",
    /* draining     */ "DDDQDEEDDQDQQDQDDQ",
    /* killing last */ "QQQQQEEQQQQQQQQQQQ",
    /* releasing    */ "EEEEEEEEEEEFEEFFFE",
    /* finished     */ "FFFFFFFFFFFFFFFFFF",
};

static void every_cell_leads_where_it_should(void **unused)
{
    (void)unused;
    for (enum table_state state = 0; state < TABLE_STATES; state++)
        for (enum table_event event = 0; event < TABLE_EVENTS; event++) {
            char next = letters[table_cell(state, event)->next];
            if (next != next_states[state][event])
                fail_msg("%s, event %d: leads to %c, not %c", state_names[state], (int)event, next, next_states[state][event]);
        }
}

static bool is_killing(enum table_state state)
{
    return state == TABLE_KILLING || state == TABLE_KILLING_LAST;
}

static void killing_begins_with_a_kill_and_never_goes_back(void **unused)
{
    (void)unused;
    for (enum table_state state = 0; state < TABLE_STATES; state++)
        for (enum table_event event = 0; event < TABLE_EVENTS; event++) {
            const struct table_cell *cell = table_cell(state, event);
            if (!is_killing(state) && is_killing(cell->next))
                assert_true(cell->orders & TABLE_KILL);
            if (is_killing(state) && !is_killing(cell->next))
                assert_true(event == TABLE_TREE_GONE || event == TABLE_TREE_GONE_ONCE);
        }
}

static void work_ends_only_by_its_tree_being_gone(void **unused)
{
    (void)unused;
    for (enum table_state state = 0; state < TABLE_STATES; state++)
        for (enum table_event event = 0; event < TABLE_EVENTS; event++) {
            const struct table_cell *cell = table_cell(state, event);
            bool ends = table_has_work(state) && !table_has_work(cell->next);
            assert_int_equal(ends, table_has_work(state) && (event == TABLE_TREE_GONE || event == TABLE_TREE_GONE_ONCE));
            assert_int_equal(ends, (cell->orders & TABLE_TELL_STOPPED) != 0);
        }
}

static void work_begins_only_from_waiting(void **unused)
{
    (void)unused;
    for (enum table_state state = 0; state < TABLE_STATES; state++)
        for (enum table_event event = 0; event < TABLE_EVENTS; event++) {
            const struct table_cell *cell = table_cell(state, event);
            bool begins = !table_has_work(state) && table_has_work(cell->next);
            assert_int_equal(begins, state == TABLE_WAITING && event == TABLE_START);
            assert_int_equal(begins, (cell->orders & TABLE_FORK) != 0);
            assert_int_equal(event == TABLE_START && state != TABLE_WAITING, (cell->orders & TABLE_REFUSE) != 0);
        }
}

static void the_last_work_stays_the_last(void **unused)
{
    (void)unused;
    for (enum table_state state = 0; state < TABLE_STATES; state++)
        for (enum table_event event = 0; event < TABLE_EVENTS; event++) {
            const struct table_cell *cell = table_cell(state, event);
            if (table_is_last(state))
                assert_true(table_is_last(cell->next));
            /* Whoever decides that the run ends says what its code is made of. */
            if (!table_is_last(state) && table_is_last(cell->next))
                assert_int_not_equal(cell->ending, TABLE_ENDING_NONE);
        }
}

static void kill_at_and_a_lost_lease_kill_whatever_works(void **unused)
{
    static const enum table_event events[] = { TABLE_KILL_AT, TABLE_LOSS_NOW, TABLE_ASKED_AGAIN, TABLE_PARENT_LOST };

    (void)unused;
    for (enum table_state state = 0; state < TABLE_STATES; state++)
        for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
            if (table_has_work(state))
                assert_true(is_killing(table_cell(state, events[i])->next));
}

static void whoever_asks_is_heard(void **unused)
{
    (void)unused;
    for (enum table_state state = 0; state < TABLE_STATES; state++) {
        assert_true(table_is_last(table_cell(state, TABLE_ASKED)->next));
        if (state != TABLE_RELEASING && state != TABLE_FINISHED)
            assert_true(table_cell(state, TABLE_ASKED)->orders & TABLE_TELL_ASKED);
        /* A second TERM does not wait for a release either. */
        if (state == TABLE_RELEASING)
            assert_int_equal(table_cell(state, TABLE_ASKED_AGAIN)->next, TABLE_FINISHED);
    }
}

static void a_stop_has_an_end(void **unused)
{
    (void)unused;
    for (enum table_state state = 0; state < TABLE_STATES; state++)
        for (enum table_event event = 0; event < TABLE_EVENTS; event++) {
            const struct table_cell *cell = table_cell(state, event);
            bool asked = cell->next == TABLE_LOSING || cell->next == TABLE_DRAINING;
            bool before = state == TABLE_LOSING || state == TABLE_DRAINING;
            if (asked && !before) {
                assert_true(cell->orders & (TABLE_GRACE_STOP | TABLE_GRACE_DRAIN));
                assert_true(cell->orders & (TABLE_SIGNAL_CMD | TABLE_SIGNAL_REST));
            }
            if (cell->next == TABLE_RELEASING && state != TABLE_RELEASING)
                assert_true(cell->orders & TABLE_GRACE_RELEASE);
        }
}

static void the_first_cause_is_told(void **unused)
{
    (void)unused;
    assert_int_equal(table_outcome(SUPERVISOR_OUTCOME_NONE, SUPERVISOR_ENDED), SUPERVISOR_ENDED);
    assert_int_equal(table_outcome(SUPERVISOR_ENDED, SUPERVISOR_KILLED), SUPERVISOR_ENDED);
    assert_int_equal(table_outcome(SUPERVISOR_STOPPED, SUPERVISOR_KILLED), SUPERVISOR_KILLED);
    assert_int_equal(table_outcome(SUPERVISOR_STOPPED, SUPERVISOR_OUTCOME_NONE), SUPERVISOR_STOPPED);
    assert_int_equal(table_outcome(SUPERVISOR_OVERDUE, SUPERVISOR_KILLED), SUPERVISOR_OVERDUE);
    assert_int_equal(table_outcome(SUPERVISOR_NOT_STARTED_LATE, SUPERVISOR_STOPPED), SUPERVISOR_NOT_STARTED_LATE);
}

static void a_restart_gives_way_to_a_real_end(void **unused)
{
    (void)unused;
    assert_int_equal(table_ending(TABLE_ENDING_NONE, TABLE_ENDING_AGAIN), TABLE_ENDING_AGAIN);
    assert_int_equal(table_ending(TABLE_ENDING_AGAIN, TABLE_ENDING_CMD), TABLE_ENDING_CMD);
    assert_int_equal(table_ending(TABLE_ENDING_CMD, TABLE_ENDING_AGAIN), TABLE_ENDING_CMD);
    assert_int_equal(table_ending(TABLE_ENDING_ONCE, TABLE_ENDING_CMD), TABLE_ENDING_ONCE);
    assert_int_equal(table_ending(TABLE_ENDING_CMD, TABLE_ENDING_NONE), TABLE_ENDING_CMD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_leads_where_it_should),
        cmocka_unit_test(killing_begins_with_a_kill_and_never_goes_back),
        cmocka_unit_test(work_ends_only_by_its_tree_being_gone),
        cmocka_unit_test(work_begins_only_from_waiting),
        cmocka_unit_test(the_last_work_stays_the_last),
        cmocka_unit_test(kill_at_and_a_lost_lease_kill_whatever_works),
        cmocka_unit_test(whoever_asks_is_heard),
        cmocka_unit_test(a_stop_has_an_end),
        cmocka_unit_test(the_first_cause_is_told),
        cmocka_unit_test(a_restart_gives_way_to_a_real_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
