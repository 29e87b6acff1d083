/* The election of one group as a pure machine: an event in, an update out.
 *
 * Here: who may lead, until when, what to read and what to write next (DESIGN §3 "What frees a lock", §4). Not here: bytes,
 * sockets, clocks, threads, processes. `struct election` is plain data of fixed size without pointers: it may be copied,
 * compared and kept. The same object file runs in production, in the simulator, in the fuzzer and in the model checker.
 *
 * How a caller drives it:
 *   1. election_init() once, then election_step() with ELECTION_BEGIN.
 *   2. Take one reading of the clocks *after* the event's last byte was received, and step with it. Do at once what the
 *      update says, in the order of its fields. Every `sent` time the machine uses is the `now` of the step that asked for
 *      the request, so a request must leave after that step, never before.
 *   3. When election_deadline() is reached on CLOCK_BOOTTIME, step with ELECTION_CLOCK.
 *   4. With settings.shared_object a write is asked for only in a step with ELECTION_TURN; what the groups of the object ask for
 *      in one turn goes into one request, and each is told its fate by an event of its own.
 *   5. Every request asked for is answered by exactly one event, at the latest when its limit is over (ELECTION_WRITE_UNKNOWN
 *      or ELECTION_READ_FAILED). At most one read and one write are under way at any time.
 */
#ifndef LEASEHOLD_ELECTION_ELECTION_H
#define LEASEHOLD_ELECTION_ELECTION_H

#include "election/record.h"
#include "election/settings.h"
#include "election/time.h"

enum {
    ELECTION_POSSIBLE_MAX = 4,     /* writes without an answer that are remembered; a fifth displaces the oldest */
    ELECTION_PREDECESSORS_MAX = 4, /* processes that ended one after the other before one of them could lead */
};

enum election_role { ELECTION_ROLE_CANDIDATE = 0, ELECTION_ROLE_OBSERVER };

enum election_state {
    ELECTION_NEW = 0,   /* before ELECTION_BEGIN */
    ELECTION_OBSERVER,  /* looks, never writes */
    ELECTION_CANDIDATE, /* waits for the lock to be free, or tries to acquire it; no work runs */
    ELECTION_LEADER,    /* a term runs; work may run until term_at */
    ELECTION_STOPPING,  /* work was asked to stop and has not ended yet */
    ELECTION_RELEASING, /* work has ended, the record is given back, or what may still land is settled */
    ELECTION_CLOSED,    /* finished; every event is ignored */
    ELECTION_STATES
};

enum election_reason {
    ELECTION_REASON_NONE = 0,
    ELECTION_REASON_RENEW_DEADLINE, /* no acknowledged renewal in time */
    ELECTION_REASON_LOST,           /* the record read is another's, emptied, unreadable or gone */
    ELECTION_REASON_RESIGNED,       /* asked to hand over; stands again later */
    ELECTION_REASON_CLOSED,         /* asked to finish */
    ELECTION_REASON_WORK_ENDED,     /* work ended by itself */
    ELECTION_REASONS
};

/* ---- events ------------------------------------------------------------------------------------------------------- */

enum election_event_kind {
    ELECTION_BEGIN = 0, /* start to take part */
    ELECTION_CLOCK,     /* a deadline may have come */
    ELECTION_READ, /* the read asked for was answered: `record` and `version`; RECORD_ABSENT with version 0 is a 404 that names the lock */
    ELECTION_READ_FAILED,    /* the read asked for failed as `failure` says */
    ELECTION_WATCHED,        /* the watch told of the lock: `record`, `version` of the object as shown */
    ELECTION_WATCHED_GONE,   /* the watch told that the lock is gone (or only left the watch) */
    ELECTION_WATCH_UP,       /* a watch stands: what changes from now on will be told */
    ELECTION_WATCH_DOWN,     /* no watch stands */
    ELECTION_WRITTEN,        /* the write asked for was acknowledged: `record`, `version` as answered */
    ELECTION_WRITE_CONFLICT, /* 409, or 404 to a replacing write: somebody wrote in between, or the write arrived twice */
    ELECTION_WRITE_REFUSED,  /* another 4xx, or the request provably never left (connect refused): not applied */
    ELECTION_WRITE_UNKNOWN,  /* no answer, a broken one, or a 5xx: may have been or may yet be applied */
    ELECTION_RESIGN,       /* stop work, hand over, stand again `hold_off_ns` after the release (0: retry period; LEASEHOLD_NEVER: never) */
    ELECTION_CLOSE,        /* stop work, release, finish */
    ELECTION_WORK_STOPPED, /* the work of term `term` has ended, all of it */
    ELECTION_EXTEND_REFUSED, /* the caller could not extend term `term`: some reader had already seen it end (rule 9) */
    ELECTION_TURN,           /* the shared object may be written now, by whoever has something to write; `slack_ns` */
    ELECTION_STAND,          /* stand: ends holding back for ever after RESIGN; a time that was given runs on */
    ELECTION_EVENT_KINDS
};

enum election_failure {
    ELECTION_FAILURE_TIMEOUT = 0, /* the limit ran out: try again at once, on another connection */
    ELECTION_FAILURE_UNREACHABLE, /* no connection, reset, an answer cut short: soon, with growing pauses */
    ELECTION_FAILURE_REFUSED,     /* 4xx: after the retry period, or retry_after_ns when that is longer */
    ELECTION_FAILURE_SERVER,      /* 5xx, or an answer that makes no sense: with growing pauses up to the retry period */
    ELECTION_FAILURES
};

struct election_event {
    enum election_event_kind kind;
    enum election_failure failure; /* READ_FAILED, WRITE_REFUSED, WRITE_UNKNOWN */
    int64_t retry_after_ns;        /* the same; 0: the server named none */
    int64_t hold_off_ns;           /* RESIGN */
    int64_t slack_ns;              /* TURN: a renewal due within this goes along */
    uint64_t term;                 /* WORK_STOPPED, EXTEND_REFUSED */
    struct record_version version; /* READ, WATCHED, WRITTEN */
    struct record record;          /* READ, WATCHED, WRITTEN */
};

/* ---- updates ------------------------------------------------------------------------------------------------------ */

enum election_write_kind { ELECTION_WRITE_NONE = 0, ELECTION_WRITE_CREATE, ELECTION_WRITE_REPLACE };

enum election_purpose { ELECTION_ACQUIRE = 0, ELECTION_RENEW, ELECTION_RELEASE };

/* One write: this record, into the object at exactly `base` (compare and swap by uid and resourceVersion), or a new object. */
struct election_write {
    enum election_write_kind kind;
    enum election_purpose purpose;
    struct record_version base; /* REPLACE only */
    struct record record;       /* whole; for a release kind is RECORD_EMPTIED with mark.released */
    int64_t limit_ns;           /* give it up after this long, with RST */
};

enum election_warning {
    ELECTION_WARNING_NONE = 0,
    ELECTION_WARNING_SAME_IDENTITY, /* another process holds the lock under our identity */
    ELECTION_WARNING_NO_DURATION,   /* the holder's record has no lease duration: waiting the foreign lease */
    ELECTION_WARNING_UNREADABLE,    /* the record cannot be understood: waiting */
    ELECTION_WARNING_TAMPERED,      /* our record was emptied, removed or changed while we led */
    ELECTION_WARNING_NOT_RELEASED,  /* closed without a release: the others wait the lease out */
    ELECTION_WARNINGS
};

/* What to do, in this order. Flags are set at most once a step. */
struct election_update {
    /* 1. Tell the work. */
    bool stop_work;              /* ask the work of `term` to stop; it must be dead at stop_by; told again when that became harder */
    bool kill_work;              /* with stop_work: no grace, somebody else may work already */
    bool stopped_leading;        /* the term's work has ended (or never began): the term is over */
    bool started_leading;        /* term `term` began: work may run while now < term_at */
    bool extended;               /* term_at and kill_at of `term` moved later; also while work stops on request */
    bool leader_changed;         /* election_leader() gives another name, or none */
    bool closed;                 /* the state became ELECTION_CLOSED */
    uint64_t term;               /* number of this process's term, from 1; of the flags above */
    enum election_reason reason; /* with stop_work, stopped_leading */
    leasehold_time term_at;      /* started_leading, extended: is_leading ends here */
    leasehold_time kill_at;      /* started_leading, extended, stop_work: work is dead here */
    uint64_t token;              /* started_leading: fencing token */
    enum election_warning warning;
    /* 2. Ask the server. */
    bool wants_turn; /* there is something to write into a shared object: step with ELECTION_TURN when nobody writes it */
    bool read;       /* quorum read of the lock */
    int64_t read_limit_ns;
    struct election_write write; /* kind NONE: nothing to write */
};

/* ---- the machine -------------------------------------------------------------------------------------------------- */

/* A write of ours whose fate matters: the last acknowledged one, or one that may still be applied. */
struct election_own_write {
    bool used;
    enum election_purpose purpose;
    bool create; /* POST: settled only by seeing an object */
    leasehold_time sent;
    struct record_version base; /* REPLACE */
    int64_t renew_us;           /* the stamp tells our writes apart: no two of one process are equal */
    int64_t acquire_us;
    int32_t transitions;
    int64_t duration_ms;
    uint64_t token; /* as written in the mark */
};

struct election {
    struct election_settings settings;
    enum election_role role;
    enum election_state state;
    char identity[LEASEHOLD_IDENTITY_MAX + 1];
    uint64_t nonce;
    uint64_t predecessor[ELECTION_PREDECESSORS_MAX]; /* nonces of processes that are known to have ended; 0: none */
    uint64_t random;                                 /* state of the generator for delays */

    /* What is known of the lock. */
    bool knows;           /* a read has been answered, or the watch has shown an object */
    struct record record; /* of the newest version known; kind ABSENT after a 404 */
    struct record_version version;
    uint64_t newest;           /* resourceVersion of the newest version seen; watch events up to it are repeats */
    leasehold_time known_at;   /* when `version` was received */
    leasehold_time wait_until; /* no acquiring write over a record not ours before this, by both clocks */
    leasehold_time acquire_at; /* wait_until and a random delay where many wait */
    leasehold_time hold_until; /* resigned: do not stand before this */
    bool watch_up;
    bool awaits_turn; /* wants_turn was said, no turn has come yet */

    /* Requests. */
    bool reading, writing;
    leasehold_time read_sent;
    bool want_read;            /* something hinted that the lock changed */
    bool must_read;            /* our base is doubtful: no write before a read was answered */
    leasehold_time read_after; /* pause after a failure */
    leasehold_time write_after;
    leasehold_time poll_at;                 /* next read while no watch stands */
    uint32_t failures;                      /* in a row, for growing pauses */
    uint32_t conflicts;                     /* in a row over the same version */
    uint32_t races;                         /* conflicts in a row, whatever the version */
    uint32_t writing_slot;                  /* of the write under way, in possible[] */
    struct election_own_write acknowledged; /* the last; its base is the version it made */
    struct election_own_write possible[ELECTION_POSSIBLE_MAX];
    int64_t last_stamp_us; /* the highest of those applied, or forgotten while they might be */
    int64_t round_trip_ns; /* of the last answered request; 0: unknown */

    /* Our term. */
    uint64_t term; /* number of the present or last term; 0: none yet */
    uint64_t token;
    leasehold_time term_at;
    leasehold_time kill_at;
    enum election_reason reason; /* why work stops, in STOPPING */
    bool lost;                   /* STOPPING: the record was read and is not ours */
    bool resigning;              /* release, then hold back */
    bool closing;                /* release, then finish */
    int64_t hold_off_ns;
    leasehold_time settle_until; /* RELEASING: give up then */

    /* What listeners were told. */
    bool told;
    char leader[LEASEHOLD_IDENTITY_MAX + 1];
};

/* Begins with these settings, which election_settings_check() must have accepted; identity is 1 to LEASEHOLD_IDENTITY_MAX
 * bytes; nonce is not 0 and differs from every other process's (random). `random` seeds the delays. */
void election_init(struct election *e, const struct election_settings *settings, enum election_role role, const char *identity,
                   uint64_t nonce, uint64_t random);

/* Between election_init() and the first step: processes with these nonces have ended, with all that worked for them (rule 6). The
 * record of one of them, if it is the first that is seen of the lock, is waited for no more than a released one. At most
 * ELECTION_PREDECESSORS_MAX. */
void election_inherit(struct election *e, const uint64_t *nonces, size_t count);

/* One event at time `now`; fills *update with what the caller must do next. Never fails: bad input is a fact about the
 * world. Deadlines that `now` has reached are expired before the event is looked at (rule 7). */
void election_step(struct election *e, leasehold_time now, const struct election_event *event, struct election_update *update);

/* CLOCK_BOOTTIME at which to step with ELECTION_CLOCK if nothing happens before; LEASEHOLD_NEVER: no need. A step at the
 * deadline may give a later one without doing anything, when CLOCK_MONOTONIC_RAW lags behind. */
int64_t election_deadline(const struct election *e);

/* True while a term runs and `now` is before its term_at by both clocks. */
bool election_is_leading(const struct election *e, leasehold_time now);

/* The leader as last told by leader_changed: "" when none or not yet known. Lives in *e. */
const char *election_leader(const struct election *e);

const char *election_state_name(enum election_state state);
const char *election_reason_name(enum election_reason reason);

#endif
