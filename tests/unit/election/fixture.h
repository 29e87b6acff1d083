/* A stage for one election: the test moves time and plays the server; after every step the invariants are asserted.
 *
 * A trace reads as: AT(seconds) { event; expectation; }. Times are seconds since the start on a clock that all share unless
 * `raw_rate` says otherwise. */
#ifndef LEASEHOLD_TESTS_ELECTION_FIXTURE_H
#define LEASEHOLD_TESTS_ELECTION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "election/election.h"

#define SECOND INT64_C(1000000000)
/* 2026-11-23T00:00:00Z */
#define WALL_START INT64_C(1795392000)

struct stage {
    struct election e;
    struct election_update u;
    struct election_write write; /* the last one asked for */
    double now_s;
    double raw_rate; /* CLOCK_MONOTONIC_RAW against BOOTTIME */
    double wall_shift_s;
    bool was_leading_term[64]; /* by term: has ended for readers */
};

static inline leasehold_time stage_time(const struct stage *s, double at_s)
{
    int64_t ns = (int64_t)(at_s * 1e6 + 0.5) * 1000;
    return (leasehold_time){ SECOND + ns, SECOND + (int64_t)((double)ns * s->raw_rate),
                             (WALL_START * SECOND) + ns + (int64_t)(s->wall_shift_s * 1e9) };
}

static inline double stage_seconds(leasehold_time t)
{
    return (double)(t.boot_ns - SECOND) / 1e9;
}

static inline void stage_open(struct stage *s, const char *identity, enum election_role role)
{
    memset(s, 0, sizeof *s);
    s->raw_rate = 1;
    struct election_settings settings = election_settings_default();
    election_settings_complete(&settings);
    election_init(&s->e, &settings, role, identity, 0xa11ce, 7);
}

static inline void stage_check(struct stage *s, const struct election *before)
{
    const struct election *e = &s->e;
    leasehold_time now = stage_time(s, s->now_s);
    if (election_is_leading(e, now)) {
        assert_int_equal(e->state, ELECTION_LEADER);
        assert_true(e->term < 64 && !s->was_leading_term[e->term]); /* rule 9: never true again within a term */
    } else if (e->term < 64) {
        s->was_leading_term[e->term] = true;
    }
    if (e->term && !e->lost)
        assert_true(e->term_at.boot_ns <= e->kill_at.boot_ns);
    if (before->knows && e->knows && e->wait_until.boot_ns < before->wait_until.boot_ns) {
        bool mark_release = e->record.kind == RECORD_EMPTIED;
        bool holder_release = e->record.kind == RECORD_HELD && e->record.duration_ms == 1000;
        assert_true(mark_release || holder_release); /* the end of a wait never moves earlier, except by a release */
    }
    if (s->u.write.kind == ELECTION_WRITE_REPLACE) {
        assert_true(s->u.write.base.resource_version > 0 && s->u.write.base.uid[0]); /* rule 1 */
        assert_true(record_version_equal(&s->u.write.base, &e->version));
    }
    if (s->u.write.kind != ELECTION_WRITE_NONE) {
        assert_false(before->writing && e->writing_slot == before->writing_slot && e->possible[e->writing_slot].sent.boot_ns == 0);
        /* Stamps grow, except above the last that RFC 3339 can write. */
        assert_true(s->u.write.record.renew_us > before->record.renew_us || before->record.renew_us > INT64_C(253402300798000000));
        assert_true(s->u.write.limit_ns > 0);
    }
    assert_false(s->u.started_leading && s->u.stop_work);
    assert_true(election_deadline(e) > 0);
}

static inline void stage_step(struct stage *s, const struct election_event *event)
{
    struct election before = s->e;
    election_step(&s->e, stage_time(s, s->now_s), event, &s->u);
    if (s->u.write.kind != ELECTION_WRITE_NONE)
        s->write = s->u.write;
    stage_check(s, &before);
}

static inline void stage_event(struct stage *s, enum election_event_kind kind)
{
    stage_step(s, &(struct election_event){ .kind = kind, .term = s->e.term });
}

static inline void stage_fails(struct stage *s, enum election_event_kind kind, enum election_failure failure)
{
    stage_step(s, &(struct election_event){ .kind = kind, .failure = failure });
}

static inline struct record_version stage_version(uint64_t rv)
{
    struct record_version v = { "uid-1", rv };
    if (rv == 0)
        v.uid[0] = 0;
    return v;
}

static inline void stage_shows(struct stage *s, enum election_event_kind kind, const struct record *r, uint64_t rv)
{
    struct election_event event = { .kind = kind, .version = stage_version(rv) };
    event.record = *r;
    stage_step(s, &event);
}

/* ---- records of others ---- */

static inline struct record stage_held(const char *holder, int64_t duration_s, double renewed_s)
{
    struct record r = { .kind = RECORD_HELD, .duration_ms = duration_s * 1000 };
    strcpy(r.holder, holder);
    r.renew_us = WALL_START * 1000000 + (int64_t)(renewed_s * 1e6);
    r.acquire_us = r.renew_us;
    return r;
}

/* The same with a mark of ours: written by another Leasehold. */
static inline struct record stage_marked(const char *holder, int64_t duration_s, double renewed_s)
{
    struct record r = stage_held(holder, duration_s, renewed_s);
    r.mark = (struct record_mark){ .present = true, .names_holder = true, .nonce = 0xb0b, .duration_ms = duration_s * 1000, .token = 5 };
    return r;
}

static inline struct record stage_emptied(const struct record *from, bool released)
{
    struct record r = *from;
    r.kind = RECORD_EMPTIED;
    memset(r.holder, 0, sizeof r.holder);
    r.duration_ms = 1000;
    r.renew_us += 1000000;
    r.mark.names_holder = false;
    r.mark.released = released;
    return r;
}

/* ---- the trace's words ---- */

/* Equal to the millisecond: tests write 3.334 for a third of ten seconds. */
static inline void assert_seconds(double found, double expected)
{
    if (found - expected > 0.001 || expected - found > 0.001)
        fail_msg("%.6f s instead of %.6f s", found, expected);
}

#define AT(seconds) for (int once_ = (S->now_s = (seconds), 1); once_; once_ = 0)

#define begins() stage_event(S, ELECTION_BEGIN)
#define clock_ticks() stage_event(S, ELECTION_CLOCK)
#define watch_stands() stage_event(S, ELECTION_WATCH_UP)
#define reads_absent() stage_shows(S, ELECTION_READ, &(struct record){ .kind = RECORD_ABSENT }, 0)
#define reads(record_, rv) stage_shows(S, ELECTION_READ, &(record_), rv)
#define reads_own(rv) stage_shows(S, ELECTION_READ, &S->write.record, rv)
#define watch_tells(record_, rv) stage_shows(S, ELECTION_WATCHED, &(record_), rv)
#define watch_tells_gone() stage_event(S, ELECTION_WATCHED_GONE)
#define acknowledged(rv) stage_shows(S, ELECTION_WRITTEN, &S->write.record, rv)
#define conflict() stage_event(S, ELECTION_WRITE_CONFLICT)
#define write_times_out() stage_fails(S, ELECTION_WRITE_UNKNOWN, ELECTION_FAILURE_TIMEOUT)
#define write_answers_500() stage_fails(S, ELECTION_WRITE_UNKNOWN, ELECTION_FAILURE_SERVER)
#define write_refused() stage_fails(S, ELECTION_WRITE_REFUSED, ELECTION_FAILURE_REFUSED)
#define read_times_out() stage_fails(S, ELECTION_READ_FAILED, ELECTION_FAILURE_TIMEOUT)
#define read_unreachable() stage_fails(S, ELECTION_READ_FAILED, ELECTION_FAILURE_UNREACHABLE)
#define work_stops() stage_event(S, ELECTION_WORK_STOPPED)
#define resigns() stage_event(S, ELECTION_RESIGN)
#define holds_back() stage_step(S, &(struct election_event){ .kind = ELECTION_RESIGN, .hold_off_ns = LEASEHOLD_NEVER })
#define resigns_for(seconds)                                                                                                               \
    stage_step(S, &(struct election_event){ .kind = ELECTION_RESIGN, .hold_off_ns = (int64_t)((seconds)*1000000000.0) })
#define stands() stage_event(S, ELECTION_STAND)
#define closes() stage_event(S, ELECTION_CLOSE)

#define asks_read() assert_true(S->u.read)
#define asks_no_read() assert_false(S->u.read)
#define asks_nothing() assert_false(S->u.read || S->u.write.kind != ELECTION_WRITE_NONE)
#define asks_create() assert_int_equal(S->u.write.kind, ELECTION_WRITE_CREATE)
#define asks_write(purpose_, rv)                                                                                                           \
    do {                                                                                                                                   \
        assert_int_equal(S->u.write.kind, ELECTION_WRITE_REPLACE);                                                                         \
        assert_int_equal(S->u.write.purpose, purpose_);                                                                                    \
        assert_int_equal(S->u.write.base.resource_version, rv);                                                                            \
    } while (0)
#define starts_leading(token_)                                                                                                             \
    do {                                                                                                                                   \
        assert_true(S->u.started_leading);                                                                                                 \
        assert_int_equal(S->u.token, token_);                                                                                              \
    } while (0)
#define starts_nothing() assert_false(S->u.started_leading)
#define stops(reason_)                                                                                                                     \
    do {                                                                                                                                   \
        assert_true(S->u.stop_work);                                                                                                       \
        assert_int_equal(S->u.reason, reason_);                                                                                            \
    } while (0)
#define no_grace() assert_true(S->u.kill_work)
#define grace_until(seconds)                                                                                                               \
    do {                                                                                                                                   \
        assert_false(S->u.kill_work);                                                                                                      \
        assert_seconds(stage_seconds(S->u.kill_at), seconds);                                                                              \
    } while (0)
#define still_leads() assert_true(election_is_leading(&S->e, stage_time(S, S->now_s)))
#define does_not_lead() assert_false(election_is_leading(&S->e, stage_time(S, S->now_s)))
#define leads_until(seconds) assert_seconds(stage_seconds(S->e.term_at), seconds)
#define wakes_at(seconds) assert_seconds((double)(election_deadline(&S->e) - SECOND) / 1e9, seconds)
#define leader_is(name) assert_string_equal(election_leader(&S->e), name)
#define state_is(state_) assert_int_equal(S->e.state, state_)
#define warns(warning_) assert_int_equal(S->u.warning, warning_)

#define STAGE(identity)                                                                                                                    \
    struct stage stage_;                                                                                                                   \
    struct stage *S = &stage_;                                                                                                             \
    (void)state;                                                                                                                           \
    stage_open(S, identity, ELECTION_ROLE_CANDIDATE)

/* a leads since 0.000 (sent) at resourceVersion 10, acknowledged at 0.004, with a watch. */
#define LEADER(identity)                                                                                                                   \
    STAGE(identity);                                                                                                                       \
    AT(0)                                                                                                                                  \
    begins();                                                                                                                              \
    AT(0)                                                                                                                                  \
    watch_stands();                                                                                                                        \
    AT(0)                                                                                                                                  \
    reads_absent();                                                                                                                        \
    asks_create();                                                                                                                         \
    AT(0.004)                                                                                                                              \
    acknowledged(10);                                                                                                                      \
    starts_leading(10)

#endif
