/* The durations of an election and the inequalities between them (DESIGN §4 rule 5, CAMEL-LOCK "Lock settings").
 *
 * Here: values and the check. Not here: names, parsing, defaults by dialect in text (src/cli and src/service have the table). */
#ifndef LEASEHOLD_ELECTION_SETTINGS_H
#define LEASEHOLD_ELECTION_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct election_settings {
    int64_t lease_duration_ns; /* L; whole seconds, >= 2 s in the lease dialect */
    int64_t renew_deadline_ns; /* D */
    int64_t renew_interval_ns; /* between acknowledged renewals' sends; 0 in input: D/3, see election_settings_complete() */
    int64_t retry_period_ns;
    int64_t kill_margin_ns;    /* work is killed this long before the lease can pass on */
    int64_t stop_timeout_ns;   /* given to work after a loss; 0 in input: what rule 5 leaves, at most 4 s */
    int64_t retry_on_error_ns; /* pause of a standby after an answer that was no use; 0 in input: the retry period */
    int64_t foreign_lease_ns;  /* waited for a record without a duration, at least */
    int64_t stamp_unit_us;     /* 1 in the lease dialect, 1,000,000 in configmap */
    int64_t judged_lease_ns;  /* L as peers judge it, for rule 5: 0 in input: lease_duration_ns; smaller beside peers that compare stamps */
    int32_t rate_error_ppm;   /* rho in parts per million: 10,000 is 1 % */
    int32_t jitter_percent;   /* jitter factor times 100: 120 is 1.2 */
    int32_t known_candidates; /* how many wait, as far as known; >= 1 */
    bool shared_object;       /* groups of others and of ours stand in the same object: writes take turns (ELECTION_TURN) */
    bool only_marks_release;  /* whoever writes this record without our mark never gives it back: emptied, it is an operator's hand */
};

/* 15/10/2 s as client-go, kill margin 500 ms, rho 1 %, foreign lease 60 s, jitter 1.2; the rest 0 for "complete". */
struct election_settings election_settings_default(void);

enum election_settings_error {
    ELECTION_SETTINGS_OK = 0,
    ELECTION_SETTINGS_NOT_POSITIVE,        /* a duration is <= 0 */
    ELECTION_SETTINGS_LEASE_FRACTION,      /* lease dialect: L not in whole seconds, or < 2 s */
    ELECTION_SETTINGS_JITTER,              /* jitter factor < 1 */
    ELECTION_SETTINGS_LEASE_OVER_DEADLINE, /* L > D */
    ELECTION_SETTINGS_DEADLINE_OVER_RETRY, /* D > jitter x retry period */
    ELECTION_SETTINGS_NO_TIME_TO_RENEW,    /* renew interval + 2 request limits < D */
    ELECTION_SETTINGS_NO_TIME_TO_STOP,     /* D <= kill_at - stop_timeout, counted from the send */
    ELECTION_SETTINGS_TOO_LONG,            /* a duration above one day */
    ELECTION_SETTINGS_STAMP_UNIT,          /* configmap: renew interval and retry period >= 1 s */
    ELECTION_SETTINGS_ERRORS
};

/* Which setting is wrong, and the numbers of the inequality, for the sentence. */
struct election_settings_problem {
    enum election_settings_error error;
    const char *setting; /* "renew-deadline", static */
    int64_t value_ns;    /* as found; for jitter the factor times 100 */
    int64_t bound_ns;    /* what it may be at most or must be at least */
};

/* Fills what was left 0: renew_interval = D/3, stop_timeout = what rule 5 leaves between D and kill_at, at most 4 s,
 * judged_lease = L, retry_on_error = the retry period. Leaves bad values as they are, for the check to name. */
void election_settings_complete(struct election_settings *s);

/* Checks completed settings. Returns 0, or -1 with *problem (may be NULL) filled by the first rule broken. */
int election_settings_check(const struct election_settings *s, struct election_settings_problem *problem);

/* Rule 5: from the send of an acknowledged write to kill_at: L(1-rho)/(1+rho) - kill_margin. */
int64_t election_settings_kill_ns(const struct election_settings *s);

/* Rule 5: from the send to term_at: min(D, kill - stop_timeout). */
int64_t election_settings_term_ns(const struct election_settings *s);

/* Rule 12: limit of one request: (D - renew interval)/3. */
int64_t election_settings_request_limit_ns(const struct election_settings *s);

#endif
