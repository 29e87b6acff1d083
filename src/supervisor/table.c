/* The table itself. Each state has one line per event, in the order of enum table_event; a missing line or state does not
 * compile, because ROW and TABLE take exactly that many arguments. */
#include "supervisor/table.h"

#include "election/bug.h"

#define ROW(start, exec_ok, exec_late, exec_error, cmd_exited, tree_gone, tree_gone_once, request, loss, loss_now, term_over, grace_over,  \
            kill_at, asked, asked_again, elector_done, elector_lost, parent_lost)                                                          \
    {                                                                                                                                      \
        start, exec_ok, exec_late, exec_error, cmd_exited, tree_gone, tree_gone_once, request, loss, loss_now, term_over, grace_over,      \
            kill_at, asked, asked_again, elector_done, elector_lost, parent_lost                                                           \
    }
#define TABLE(waiting, starting, running, losing, killing, draining, killing_last, releasing, finished)                                    \
    {                                                                                                                                      \
        waiting, starting, running, losing, killing, draining, killing_last, releasing, finished                                           \
    }

/* CELL(next, orders, outcome, ending), the prefixes left out */
#define CELL(next_state, orders_given, outcome_told, ending_told)                                                                          \
    (struct table_cell)                                                                                                                    \
    {                                                                                                                                      \
        .orders = (uint16_t)(orders_given), .next = TABLE_##next_state, .outcome = (outcome_told), .ending = (ending_told)                 \
    }
#define GO(next_state, orders_given) CELL(next_state, orders_given, 0, 0)

enum {
    FORK = TABLE_FORK,
    SIGNAL_CMD = TABLE_SIGNAL_CMD,
    SIGNAL_REST = TABLE_SIGNAL_REST,
    KILL = TABLE_KILL,
    GRACE_STOP = TABLE_GRACE_STOP,
    GRACE_DRAIN = TABLE_GRACE_DRAIN,
    GRACE_RELEASE = TABLE_GRACE_RELEASE,
    REFUSE = TABLE_REFUSE,
    TELL_STARTED = TABLE_TELL_STARTED,
    TELL_EXITED = TABLE_TELL_EXITED,
    TELL_STOPPED = TABLE_TELL_STOPPED,
    TELL_ASKED = TABLE_TELL_ASKED,
};
enum {
    ENDED = SUPERVISOR_ENDED,
    STOPPED = SUPERVISOR_STOPPED,
    KILLED = SUPERVISOR_KILLED,
    OVERDUE = SUPERVISOR_OVERDUE,
    LATE = SUPERVISOR_NOT_STARTED_LATE,
    FAILED = SUPERVISOR_NOT_STARTED_ERROR,
};
enum {
    STANDBY = TABLE_ENDING_STANDBY,
    OF_CMD = TABLE_ENDING_CMD,
    OF_ERROR = TABLE_ENDING_ERROR,
    ONCE = TABLE_ENDING_ONCE,
    OF_ELECTOR = TABLE_ENDING_ELECTOR,
    AGAIN = TABLE_ENDING_AGAIN,
};

/* clang-format off */
#define WAITING_ROW ROW( \
    /* start        */ GO(STARTING, FORK), \
    /* exec ok      */ GO(WAITING, 0), \
    /* exec late    */ GO(WAITING, 0), \
    /* exec error   */ GO(WAITING, 0), \
    /* cmd exited   */ GO(WAITING, 0), \
    /* tree gone    */ GO(WAITING, 0), \
    /* ... once     */ GO(WAITING, 0), \
    /* request      */ GO(WAITING, 0), \
    /* loss         */ GO(WAITING, 0), \
    /* loss now     */ GO(WAITING, 0), \
    /* term over    */ GO(WAITING, 0), \
    /* grace over   */ GO(WAITING, 0), \
    /* kill at      */ GO(WAITING, 0), \
    /* asked        */ CELL(RELEASING, TELL_ASKED | GRACE_RELEASE, 0, STANDBY), \
    /* asked again  */ CELL(RELEASING, TELL_ASKED | GRACE_RELEASE, 0, STANDBY), \
    /* elector done */ CELL(FINISHED, 0, 0, OF_ELECTOR), \
    /* elector lost */ CELL(FINISHED, 0, 0, AGAIN), \
    /* parent lost  */ CELL(RELEASING, TELL_ASKED | GRACE_RELEASE, 0, STANDBY))

/* A child that exits has closed its end of the exec pipe, which is read first: "cmd exited" cannot come before "exec ok". It is
 * treated as in RUNNING all the same. */
#define STARTING_ROW ROW( \
    /* start        */ GO(STARTING, REFUSE), \
    /* exec ok      */ GO(RUNNING, TELL_STARTED), \
    /* exec late    */ CELL(KILLING, KILL, LATE, 0), \
    /* exec error   */ CELL(KILLING_LAST, KILL, FAILED, OF_ERROR), \
    /* cmd exited   */ CELL(DRAINING, TELL_EXITED | SIGNAL_REST | GRACE_STOP, ENDED, OF_CMD), \
    /* tree gone    */ CELL(RELEASING, TELL_STOPPED | GRACE_RELEASE, ENDED, OF_CMD), \
    /* ... once     */ CELL(RELEASING, TELL_STOPPED | GRACE_RELEASE, ENDED, OF_CMD), \
    /* request      */ CELL(LOSING, SIGNAL_CMD | GRACE_DRAIN, STOPPED, 0), \
    /* loss         */ CELL(LOSING, SIGNAL_CMD | GRACE_STOP, STOPPED, 0), \
    /* loss now     */ CELL(KILLING, KILL, KILLED, 0), \
    /* term over    */ CELL(LOSING, SIGNAL_CMD | GRACE_STOP, OVERDUE, 0), \
    /* grace over   */ GO(STARTING, 0), \
    /* kill at      */ CELL(KILLING, KILL, OVERDUE, 0), \
    /* asked        */ CELL(DRAINING, SIGNAL_CMD | GRACE_DRAIN | TELL_ASKED, STOPPED, OF_CMD), \
    /* asked again  */ CELL(KILLING_LAST, KILL | TELL_ASKED, KILLED, OF_CMD), \
    /* elector done */ CELL(DRAINING, SIGNAL_CMD | GRACE_STOP, STOPPED, OF_ELECTOR), \
    /* elector lost */ CELL(DRAINING, SIGNAL_CMD | GRACE_STOP, STOPPED, AGAIN), \
    /* parent lost  */ CELL(KILLING_LAST, KILL, KILLED, OF_CMD))

#define RUNNING_ROW ROW( \
    /* start        */ GO(RUNNING, REFUSE), \
    /* exec ok      */ GO(RUNNING, 0), \
    /* exec late    */ GO(RUNNING, 0), \
    /* exec error   */ GO(RUNNING, 0), \
    /* cmd exited   */ CELL(DRAINING, TELL_EXITED | SIGNAL_REST | GRACE_STOP, ENDED, OF_CMD), \
    /* tree gone    */ CELL(RELEASING, TELL_STOPPED | GRACE_RELEASE, ENDED, OF_CMD), \
    /* ... once     */ CELL(RELEASING, TELL_STOPPED | GRACE_RELEASE, ENDED, OF_CMD), \
    /* request      */ CELL(LOSING, SIGNAL_CMD | GRACE_DRAIN, STOPPED, 0), \
    /* loss         */ CELL(LOSING, SIGNAL_CMD | GRACE_STOP, STOPPED, 0), \
    /* loss now     */ CELL(KILLING, KILL, KILLED, 0), \
    /* term over    */ CELL(LOSING, SIGNAL_CMD | GRACE_STOP, OVERDUE, 0), \
    /* grace over   */ GO(RUNNING, 0), \
    /* kill at      */ CELL(KILLING, KILL, OVERDUE, 0), \
    /* asked        */ CELL(DRAINING, SIGNAL_CMD | GRACE_DRAIN | TELL_ASKED, STOPPED, OF_CMD), \
    /* asked again  */ CELL(KILLING_LAST, KILL | TELL_ASKED, KILLED, OF_CMD), \
    /* elector done */ CELL(DRAINING, SIGNAL_CMD | GRACE_STOP, STOPPED, OF_ELECTOR), \
    /* elector lost */ CELL(DRAINING, SIGNAL_CMD | GRACE_STOP, STOPPED, AGAIN), \
    /* parent lost  */ CELL(KILLING_LAST, KILL, KILLED, OF_CMD))

#define LOSING_ROW ROW( \
    /* start        */ GO(LOSING, REFUSE), \
    /* exec ok      */ GO(LOSING, 0), \
    /* exec late    */ GO(LOSING, 0), \
    /* exec error   */ CELL(KILLING_LAST, KILL, FAILED, OF_ERROR), \
    /* cmd exited   */ GO(LOSING, SIGNAL_REST), \
    /* tree gone    */ GO(WAITING, TELL_STOPPED), \
    /* ... once     */ CELL(RELEASING, TELL_STOPPED | GRACE_RELEASE, 0, ONCE), \
    /* request      */ GO(LOSING, 0), \
    /* loss         */ GO(LOSING, GRACE_STOP), \
    /* loss now     */ CELL(KILLING, KILL, KILLED, 0), \
    /* term over    */ GO(LOSING, GRACE_STOP), \
    /* grace over   */ CELL(KILLING, KILL, KILLED, 0), \
    /* kill at      */ CELL(KILLING, KILL, KILLED, 0), \
    /* asked        */ CELL(DRAINING, TELL_ASKED, 0, OF_CMD), \
    /* asked again  */ CELL(KILLING_LAST, KILL | TELL_ASKED, KILLED, OF_CMD), \
    /* elector done */ CELL(DRAINING, GRACE_STOP, 0, OF_ELECTOR), \
    /* elector lost */ CELL(DRAINING, GRACE_STOP, 0, AGAIN), \
    /* parent lost  */ CELL(KILLING_LAST, KILL, KILLED, OF_CMD))

#define KILLING_ROW ROW( \
    /* start        */ GO(KILLING, REFUSE), \
    /* exec ok      */ GO(KILLING, 0), \
    /* exec late    */ GO(KILLING, 0), \
    /* exec error   */ GO(KILLING, 0), \
    /* cmd exited   */ GO(KILLING, 0), \
    /* tree gone    */ GO(WAITING, TELL_STOPPED), \
    /* ... once     */ CELL(RELEASING, TELL_STOPPED | GRACE_RELEASE, 0, ONCE), \
    /* request      */ GO(KILLING, 0), \
    /* loss         */ GO(KILLING, 0), \
    /* loss now     */ GO(KILLING, 0), \
    /* term over    */ GO(KILLING, 0), \
    /* grace over   */ GO(KILLING, 0), \
    /* kill at      */ GO(KILLING, 0), \
    /* asked        */ CELL(KILLING_LAST, TELL_ASKED, 0, OF_CMD), \
    /* asked again  */ CELL(KILLING_LAST, TELL_ASKED, 0, OF_CMD), \
    /* elector done */ CELL(KILLING_LAST, 0, 0, OF_ELECTOR), \
    /* elector lost */ CELL(KILLING_LAST, 0, 0, AGAIN), \
    /* parent lost  */ CELL(KILLING_LAST, 0, 0, OF_CMD))

#define DRAINING_ROW ROW( \
    /* start        */ GO(DRAINING, REFUSE), \
    /* exec ok      */ GO(DRAINING, 0), \
    /* exec late    */ GO(DRAINING, 0), \
    /* exec error   */ CELL(KILLING_LAST, KILL, FAILED, OF_ERROR), \
    /* cmd exited   */ GO(DRAINING, SIGNAL_REST), \
    /* tree gone    */ GO(RELEASING, TELL_STOPPED | GRACE_RELEASE), \
    /* ... once     */ GO(RELEASING, TELL_STOPPED | GRACE_RELEASE), \
    /* request      */ GO(DRAINING, 0), \
    /* loss         */ GO(DRAINING, GRACE_STOP), \
    /* loss now     */ CELL(KILLING_LAST, KILL, KILLED, 0), \
    /* term over    */ GO(DRAINING, GRACE_STOP), \
    /* grace over   */ CELL(KILLING_LAST, KILL, KILLED, 0), \
    /* kill at      */ CELL(KILLING_LAST, KILL, KILLED, 0), \
    /* asked        */ CELL(DRAINING, TELL_ASKED, 0, OF_CMD), \
    /* asked again  */ CELL(KILLING_LAST, KILL, KILLED, OF_CMD), \
    /* elector done */ CELL(DRAINING, GRACE_STOP, 0, OF_ELECTOR), \
    /* elector lost */ CELL(DRAINING, GRACE_STOP, 0, AGAIN), \
    /* parent lost  */ CELL(KILLING_LAST, KILL, KILLED, OF_CMD))

#define KILLING_LAST_ROW ROW( \
    /* start        */ GO(KILLING_LAST, REFUSE), \
    /* exec ok      */ GO(KILLING_LAST, 0), \
    /* exec late    */ GO(KILLING_LAST, 0), \
    /* exec error   */ GO(KILLING_LAST, 0), \
    /* cmd exited   */ GO(KILLING_LAST, 0), \
    /* tree gone    */ GO(RELEASING, TELL_STOPPED | GRACE_RELEASE), \
    /* ... once     */ GO(RELEASING, TELL_STOPPED | GRACE_RELEASE), \
    /* request      */ GO(KILLING_LAST, 0), \
    /* loss         */ GO(KILLING_LAST, 0), \
    /* loss now     */ GO(KILLING_LAST, 0), \
    /* term over    */ GO(KILLING_LAST, 0), \
    /* grace over   */ GO(KILLING_LAST, 0), \
    /* kill at      */ GO(KILLING_LAST, 0), \
    /* asked        */ CELL(KILLING_LAST, TELL_ASKED, 0, OF_CMD), \
    /* asked again  */ CELL(KILLING_LAST, 0, 0, OF_CMD), \
    /* elector done */ CELL(KILLING_LAST, 0, 0, OF_ELECTOR), \
    /* elector lost */ CELL(KILLING_LAST, 0, 0, AGAIN), \
    /* parent lost  */ GO(KILLING_LAST, 0))

#define RELEASING_ROW ROW( \
    /* start        */ GO(RELEASING, REFUSE), \
    /* exec ok      */ GO(RELEASING, 0), \
    /* exec late    */ GO(RELEASING, 0), \
    /* exec error   */ GO(RELEASING, 0), \
    /* cmd exited   */ GO(RELEASING, 0), \
    /* tree gone    */ GO(RELEASING, 0), \
    /* ... once     */ GO(RELEASING, 0), \
    /* request      */ GO(RELEASING, 0), \
    /* loss         */ GO(RELEASING, 0), \
    /* loss now     */ GO(RELEASING, 0), \
    /* term over    */ GO(RELEASING, 0), \
    /* grace over   */ GO(FINISHED, 0), \
    /* kill at      */ GO(RELEASING, 0), \
    /* asked        */ CELL(RELEASING, 0, 0, OF_CMD), \
    /* asked again  */ CELL(FINISHED, 0, 0, OF_CMD), \
    /* elector done */ CELL(FINISHED, 0, 0, OF_ELECTOR), \
    /* elector lost */ CELL(FINISHED, 0, 0, AGAIN), \
    /* parent lost  */ GO(RELEASING, 0))

#define FINISHED_ROW ROW( \
    /* start        */ GO(FINISHED, REFUSE), \
    /* exec ok      */ GO(FINISHED, 0), \
    /* exec late    */ GO(FINISHED, 0), \
    /* exec error   */ GO(FINISHED, 0), \
    /* cmd exited   */ GO(FINISHED, 0), \
    /* tree gone    */ GO(FINISHED, 0), \
    /* ... once     */ GO(FINISHED, 0), \
    /* request      */ GO(FINISHED, 0), \
    /* loss         */ GO(FINISHED, 0), \
    /* loss now     */ GO(FINISHED, 0), \
    /* term over    */ GO(FINISHED, 0), \
    /* grace over   */ GO(FINISHED, 0), \
    /* kill at      */ GO(FINISHED, 0), \
    /* asked        */ GO(FINISHED, 0), \
    /* asked again  */ GO(FINISHED, 0), \
    /* elector done */ GO(FINISHED, 0), \
    /* elector lost */ GO(FINISHED, 0), \
    /* parent lost  */ GO(FINISHED, 0))
/* clang-format on */

static const struct table_cell cells[TABLE_STATES][TABLE_EVENTS] =
    TABLE(WAITING_ROW, STARTING_ROW, RUNNING_ROW, LOSING_ROW, KILLING_ROW, DRAINING_ROW, KILLING_LAST_ROW, RELEASING_ROW, FINISHED_ROW);

/* An enum that grows without its row or column does not compile either. */
_Static_assert(TABLE_STATES == 9, "a state without a row in TABLE");
_Static_assert(TABLE_EVENTS == 18, "an event without a column in ROW");

const struct table_cell *table_cell(enum table_state state, enum table_event event)
{
    BUG_UNLESS(state < TABLE_STATES && event < TABLE_EVENTS);
    return &cells[state][event];
}

enum supervisor_outcome table_outcome(enum supervisor_outcome known, enum supervisor_outcome told)
{
    if (known == SUPERVISOR_OUTCOME_NONE || (known == SUPERVISOR_STOPPED && told == SUPERVISOR_KILLED))
        return told;
    return known;
}

enum table_ending table_ending(enum table_ending known, enum table_ending told)
{
    if (told == TABLE_ENDING_NONE)
        return known;
    return known == TABLE_ENDING_NONE || known == TABLE_ENDING_AGAIN ? told : known;
}

bool table_has_work(enum table_state state)
{
    return state == TABLE_STARTING || state == TABLE_RUNNING || state == TABLE_LOSING || state == TABLE_KILLING ||
           state == TABLE_DRAINING || state == TABLE_KILLING_LAST;
}

bool table_is_last(enum table_state state)
{
    return state == TABLE_DRAINING || state == TABLE_KILLING_LAST || state == TABLE_RELEASING || state == TABLE_FINISHED;
}
