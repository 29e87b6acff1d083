/* What to read and write next, from the state alone, whatever event led to it (DESIGN §6, rules 8, 10 and 12). */
#include "election/bug.h"
#include "election/internal.h"

enum { PAUSE_FIRST_NS = 100000000, PAUSE_DOUBLINGS = 5, RACES_MAX = 64, RACES_SHARE = 4 };
static const int64_t pause_unreachable_max_ns = 1000000000;

/* xorshift64*: delays need to differ between candidates, not to be unpredictable. */
uint64_t plan_random(struct election *e)
{
    uint64_t x = e->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    e->random = x;
    return x * UINT64_C(2685821657736338717);
}

int64_t plan_jitter(struct election *e, int64_t period_ns)
{
    uint64_t span = (uint64_t)(period_ns / 100 * (e->settings.jitter_percent - 100));
    return time_sum(period_ns, (int64_t)(plan_random(e) % (span + 1)));
}

void plan_pause(struct election *e, leasehold_time now, enum election_failure failure, int64_t retry_after_ns, leasehold_time *after)
{
    int64_t pause = 0;
    uint32_t doublings = e->failures < PAUSE_DOUBLINGS ? e->failures : PAUSE_DOUBLINGS;
    int64_t growing = (int64_t)PAUSE_FIRST_NS << doublings;
    /* A leader has no time to lose; who waits need not press a server that is in trouble. */
    int64_t retry = term_renews(e) ? e->settings.retry_period_ns : e->settings.retry_on_error_ns;
    e->failures++;
    switch (failure) {
    case ELECTION_FAILURE_TIMEOUT:
        break; /* its limit was the pause */
    case ELECTION_FAILURE_UNREACHABLE: {
        /* A refused connection costs the server nothing, and after an outage the first to knock leads. */
        int64_t most = retry < pause_unreachable_max_ns ? retry : pause_unreachable_max_ns;
        pause = growing < most ? growing : most;
        break;
    }
    case ELECTION_FAILURE_SERVER:
        pause = growing < retry ? growing : retry;
        break;
    case ELECTION_FAILURE_REFUSED:
    case ELECTION_FAILURES:
        pause = plan_jitter(e, retry);
        break;
    }
    /* A server may ask for patience, but not for so much that a leader gives up its term over it. */
    if (retry_after_ns > pause)
        pause = retry_after_ns < retry || !term_renews(e) ? retry_after_ns : retry;
    *after = time_after(now, pause);
}

void plan_step_aside(struct election *e, leasehold_time now)
{
    int64_t span = e->races < RACES_MAX ? e->races * e->round_trip_ns : RACES_MAX * e->round_trip_ns;
    int64_t most = e->settings.renew_interval_ns / RACES_SHARE;
    if (e->races < RACES_MAX)
        e->races++;
    if (span > most)
        span = most;
    /* Before the read and not behind it, or the write would be made from what is old by then. */
    e->read_after = span > 0 ? time_after(now, (int64_t)(plan_random(e) % ((uint64_t)span + 1))) : now;
}

static void plan_read(struct election *e, leasehold_time now, struct election_update *update)
{
    if (e->reading)
        return;
    bool standing = e->state == ELECTION_CANDIDATE || e->state == ELECTION_OBSERVER;
    bool hinted = e->want_read && e->state != ELECTION_RELEASING; /* the release is decided by its own write */
    bool poll_due = standing && !e->watch_up && time_reached_by_all(now, e->poll_at);
    if (!(e->must_read || hinted || poll_due) || !time_reached_by_all(now, e->read_after))
        return;
    e->reading = true;
    e->read_sent = now;
    e->want_read = false;
    update->read = true;
    update->read_limit_ns = election_settings_request_limit_ns(&e->settings);
}

static bool may_write(const struct election *e, leasehold_time now)
{
    return e->knows && !e->writing && !e->must_read && time_reached_by_all(now, e->write_after);
}

/* Into a shared object only when it is its turn: two writes of it at once would be a conflict with ourselves. */
static void ask_write(struct election *e, leasehold_time now, const struct election_event *turn, enum election_purpose purpose,
                      struct election_update *update)
{
    if (!e->settings.shared_object || turn) {
        own_write(e, now, purpose, update);
    } else {
        e->awaits_turn = true;
        update->wants_turn = true;
    }
}

static void plan_candidate(struct election *e, leasehold_time now, const struct election_event *turn, struct election_update *update)
{
    /* A read under way will tell more than what is known; the write can wait a round trip. */
    if (!may_write(e, now) || e->reading || !time_reached_by_all(now, e->hold_until))
        return;
    /* Our own record, after we stepped down for lack of answers: lead again by a new write, work has stopped (rule 6). */
    if (own_match(e) || (time_reached_by_all(now, e->acquire_at) && known_is_free(e, now)))
        ask_write(e, now, turn, ELECTION_ACQUIRE, update);
}

static leasehold_time renew_at(const struct election *e)
{
    return time_after(e->acknowledged.sent, e->settings.renew_interval_ns);
}

static void plan_renewal(struct election *e, leasehold_time now, const struct election_event *turn, struct election_update *update)
{
    leasehold_time soon = time_after(now, turn ? turn->slack_ns : 0);
    if (may_write(e, now) && time_reached_by_any(soon, renew_at(e)))
        ask_write(e, now, turn, ELECTION_RENEW, update);
}

/* Give the record back, and leave nothing behind that could still make us its holder. */
static void plan_release(struct election *e, leasehold_time now, const struct election_event *turn, struct election_update *update)
{
    if (time_reached_by_any(now, e->settle_until)) {
        term_release_end(e, now, update);
        return;
    }
    if (e->writing || !e->knows || e->must_read)
        return;
    bool ours = own_match(e);
    /* A write without an answer is settled by another version. It was made over a free record, so may ours be (rule 8). */
    if (!ours && !(own_may_land(e) && known_is_free(e, now))) {
        term_release_end(e, now, update);
        return;
    }
    if (time_reached_by_all(now, e->write_after))
        ask_write(e, now, turn, ELECTION_RELEASE, update);
}

void plan(struct election *e, leasehold_time now, const struct election_event *turn, struct election_update *update)
{
    known_stretch(&e->wait_until, now);
    known_stretch(&e->acquire_at, now);
    /* A hint moves the one, and each is stretched when its own time has come; but nothing is attempted before the wait's end, and
     * a deadline at which nothing can be done would come again and again. */
    e->acquire_at = time_later(e->acquire_at, e->wait_until);
    known_stretch(&e->hold_until, now);
    known_stretch(&e->poll_at, now);
    known_stretch(&e->read_after, now);
    known_stretch(&e->write_after, now);
    if (e->state == ELECTION_RELEASING)
        plan_release(e, now, turn, update);
    if (e->state == ELECTION_NEW || e->state == ELECTION_CLOSED)
        return;
    plan_read(e, now, update);
    if (e->state == ELECTION_CANDIDATE)
        plan_candidate(e, now, turn, update);
    else if (term_renews(e))
        plan_renewal(e, now, turn, update);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t write_deadline(const struct election *e)
{
    if (!e->knows || e->writing || e->must_read || e->awaits_turn)
        return LEASEHOLD_NEVER;
    if (term_renews(e))
        return later(renew_at(e).boot_ns, e->write_after.boot_ns);
    if (e->state == ELECTION_RELEASING)
        return e->write_after.boot_ns;
    if (e->state != ELECTION_CANDIDATE || e->reading)
        return LEASEHOLD_NEVER;
    return later(later(e->acquire_at.boot_ns, e->hold_until.boot_ns), e->write_after.boot_ns);
}

static int64_t read_deadline(const struct election *e)
{
    if (e->reading)
        return LEASEHOLD_NEVER;
    if (e->must_read || (e->want_read && e->state != ELECTION_RELEASING))
        return e->read_after.boot_ns;
    bool standing = e->state == ELECTION_CANDIDATE || e->state == ELECTION_OBSERVER;
    return standing && !e->watch_up ? later(e->poll_at.boot_ns, e->read_after.boot_ns) : LEASEHOLD_NEVER;
}

int64_t plan_deadline(const struct election *e)
{
    if (e->state == ELECTION_NEW || e->state == ELECTION_CLOSED)
        return LEASEHOLD_NEVER;
    int64_t at = earlier(read_deadline(e), write_deadline(e));
    if (term_renews(e))
        at = earlier(at, e->term_at.boot_ns);
    if (e->state == ELECTION_RELEASING)
        at = earlier(at, e->settle_until.boot_ns);
    return at;
}
