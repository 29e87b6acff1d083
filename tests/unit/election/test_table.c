/* Every input in every state: the state that follows, and that nothing is started, stopped or written that the state does not
 * allow. The table is written out, so that a change of behaviour is a change of this file. */
#include "fixture.h"

/* A line of a trace is a sentence. */
// clang-format off

#define N ELECTION_NEW
#define O ELECTION_OBSERVER
#define C ELECTION_CANDIDATE
#define L ELECTION_LEADER
#define S_ ELECTION_STOPPING
#define R ELECTION_RELEASING
#define X ELECTION_CLOSED

/* Rows: the state before. Columns: events in the order of enum election_event_kind. READ shows another holder, WATCHED a
 * release, WRITTEN what was written (or, where nothing is under way, another holder). */
static const enum election_state after[ELECTION_STATES][ELECTION_EVENT_KINDS] = {
    /*        BEGIN CLOCK READ RFAIL WATCH GONE UP DOWN WRITTEN CONFL REFUS UNKN RESIGN CLOSE STOPPED EXTREF TURN STAND */
    [N] =  { C, N, N, N, N, N, N, N, N, N, N, N, N, X, N, N, N, N },
    [O] =  { O, O, O, O, O, O, O, O, O, O, O, O, O, X, O, O, O, O },
    [C] =  { C, C, C, C, C, C, C, C, L, C, C, C, R, R, C, C, C, C },
    [L] =  { L, L, S_, L, L, L, L, L, L, L, L, L, S_, S_, R, S_, L, L },
    [S_] = { S_, S_, S_, S_, S_, S_, S_, S_, S_, S_, S_, S_, S_, S_, R, S_, S_, S_ },
    [R] =  { R, R, R, R, R, R, R, R, X, R, R, R, R, R, R, R, R, R },
    [X] =  { X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X },
};

/* Brings a stage into each state, with a write under way in those that write. */
static void reach(struct stage *S, enum election_state wanted)
{
    stage_open(S, wanted == O ? "watcher" : "a", wanted == O ? ELECTION_ROLE_OBSERVER : ELECTION_ROLE_CANDIDATE);
    if (wanted == N)
        return;
    AT (0) { begins(); }
    if (wanted == O || wanted == X) {
        if (wanted == X)
            AT (1) { closes(); }
        state_is(wanted);
        return;
    }
    AT (0.001) { reads_absent(); }
    if (wanted != C) {
        AT (0.002) { acknowledged(10); }
        AT (3.4) { clock_ticks(); }
    }
    if (wanted == S_ || wanted == R)
        AT (3.5) { closes(); }
    if (wanted == R) {
        AT (3.6) { acknowledged(11); work_stops(); }
    }
    state_is(wanted);
}

static void feed(struct stage *S, enum election_event_kind kind)
{
    struct record theirs = stage_marked("b", 15, 3), released = stage_emptied(&theirs, true);
    switch (kind) {
    case ELECTION_READ:
        if (S->e.state == ELECTION_LEADER || S->e.state == ELECTION_STOPPING) {
            watch_tells_gone(); /* so that a read is under way */
            reads(theirs, 30);
        } else {
            reads(theirs, 30);
        }
        break;
    case ELECTION_WATCHED:
        watch_tells(released, 31);
        break;
    case ELECTION_WRITTEN:
        if (S->e.writing)
            acknowledged(32);
        else
            stage_shows(S, ELECTION_WRITTEN, &theirs, 32);
        break;
    default:
        stage_event(S, kind);
        break;
    }
}

static void every_input_in_every_state(void **state)
{
    (void)state;
    for (int from = 0; from < ELECTION_STATES; from++) {
        for (int kind = 0; kind < ELECTION_EVENT_KINDS; kind++) {
            struct stage stage_, again_;
            struct stage *S = &stage_;
            reach(S, (enum election_state)from);
            again_ = stage_;
            AT (4) { feed(S, (enum election_event_kind)kind); }
            if (S->e.state != after[from][kind])
                fail_msg("%s, event %d: %s instead of %s", election_state_name((enum election_state)from), kind,
                         election_state_name(S->e.state), election_state_name(after[from][kind]));
            if (from == O || from == N || from == X)
                assert_int_equal(S->u.write.kind, ELECTION_WRITE_NONE);
            if (from != C)
                starts_nothing();
            if (from != L && from != S_)
                assert_false(S->u.stop_work);
            S = &again_;
            AT (4) { feed(S, (enum election_event_kind)kind); }
            assert_memory_equal(&stage_.e, &again_.e, sizeof stage_.e); /* the same input gives the same state, to the byte */
        }
    }
}

/* An answer that nobody waits for, a term that is over: facts about the world, without effect. */
static void answers_that_nobody_waits_for_are_ignored(void **state)
{
    LEADER("a");
    struct record theirs = stage_marked("b", 15, 3);
    AT (1) { reads(theirs, 30); still_leads(); asks_nothing(); }
    AT (1) { stage_shows(S, ELECTION_WRITTEN, &theirs, 30); still_leads(); asks_nothing(); }
    AT (1) { conflict(); still_leads(); asks_nothing(); }
    AT (1) { stage_step(S, &(struct election_event){ .kind = ELECTION_WORK_STOPPED, .term = 99 }); still_leads(); }
    AT (1) { stage_step(S, &(struct election_event){ .kind = ELECTION_EXTEND_REFUSED, .term = 0 }); still_leads(); }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_input_in_every_state),
        cmocka_unit_test(answers_that_nobody_waits_for_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
