/* The checkers: each reads facts and says what is broken. One file each (check_*.c); judge.c asks them in turn.
 *
 * Here: what must never happen (DESIGN §4). Not here: why it happened, or how a candidate thinks. */
#ifndef LEASEHOLD_SIM_CHECK_H
#define LEASEHOLD_SIM_CHECK_H

#include "sim/fact.h"

enum { CHECK_SENTENCE_MAX = 240, CHECK_WINDOW = 64, CHECK_TOKENS = 16, CHECK_RANKS = 128, CHECK_POSTS = 8, CHECK_SLACK_NS = 1000 };

enum check_name {
    CHECK_EXCLUSIVE = 0, /* two workers at one true instant */
    CHECK_REPLACE,       /* an unexpired, unreleased record of another was replaced */
    CHECK_RENEWAL,       /* an acknowledged write changed nothing */
    CHECK_TOKEN,         /* a later term has no greater token */
    CHECK_LEADING,       /* is_leading turned true again within a term, or was true after the lease */
    CHECK_NEEDLESS,      /* a leader gave up a record that was its own all the time */
    CHECK_LIVENESS,      /* a healed world has no leader */
    CHECK_BUDGET,        /* a busy loop of requests */
    CHECK_KEYS,          /* a write changed what belongs to others */
    CHECK_LISTENER,      /* events missed or out of order, or a leader that nobody was told of */
    CHECK_FENCED,        /* a store that checks tokens took a write of an earlier term after a later one's, or refused the latest */
    CHECK_STAMP,         /* a stamp that peers compare with their clocks is older than the decision to write it */
    CHECK_NAMES
};

/* What an outside observer keeps in mind of each process. */
struct ledger_entry {
    bool used;
    bool foreign; /* an elector of another project: its mistakes are counted, not held against us */
    bool gone;
    bool holding;  /* its last applied write was no release */
    bool altered;  /* an operator touched what it wrote, after its last applied write */
    bool unmarked; /* ... so that the mark does not count any more, and what follows can look like a foreign release */
    bool erased;   /* ... and the duration shortened: nothing tells a newcomer how long to wait */
    bool forged;   /* ... and made it look like one */
    bool wiped;    /* somebody who knew nothing took the lock after that: allowed, and counted */
    char identity[LEASEHOLD_IDENTITY_MAX + 1];
    int64_t lease_ns;
    int32_t rate_error_ppm;
    int64_t known_since; /* when it was first shown a holder, or garbage */
    uint64_t newest;     /* version it was shown; what a watch tells late is no news */
    int64_t absent_at;   /* when it was told that there is no lock, and nothing else since; INT64_MAX: it was told of one */
    struct record shown; /* the record that it was shown last */
    int64_t same_since;  /* and since when it was shown nothing else */
    struct {
        int64_t decided, absent_at, same_since;
        bool knew;
    } posts[CHECK_POSTS]; /* what it knew when it decided on its last writes */
    uint32_t post_count;
    int64_t tenure_at;      /* when its present tenure was applied */
    int64_t applied_at;     /* of its last applied write */
    int64_t sent_at;        /* decided at */
    uint64_t first_version; /* of its present tenure */
    uint64_t version;
    uint64_t seen_by; /* bit of each process that was shown what it wrote in its present tenure */
};

struct live_work {
    int who;
    uint64_t term;
    int64_t since;
};

struct term_token {
    int64_t decided;
    uint64_t token;
    int who;
};

/* Terms in the order in which they were acquired: by the version that the server gave to the write. */
struct term_rank {
    int who;
    uint64_t term;
    uint64_t rank;
};

enum listener_phase { LISTENER_IDLE = 0, LISTENER_LEADS, LISTENER_STOPS };

/* What a process was told by its service. */
struct listener {
    enum listener_phase phase;
    uint64_t term;
    int64_t told_at, begun_at;
    bool listens; /* was told who leads */
    char leader[LEASEHOLD_IDENTITY_MAX + 1];
};

struct check_counts {
    uint64_t violations[CHECK_NAMES];
    uint64_t blind_takes;    /* an operator removed the record of a worker and a newcomer took the lock at once */
    uint64_t blind_overlaps; /* two workers because of that */
    uint64_t foreign;        /* broken by an elector of another project */
    uint64_t adrift;         /* broken while clocks ran beyond rho: what the token is for */
    uint64_t stored;         /* writes of work that the store took */
    uint64_t refused;        /* ... and that came too late */
    uint64_t elections;      /* terms begun */
    uint64_t faults;
    int64_t worst_heal_ns;   /* from the end of all faults to a leader */
    int64_t worst_heal_part; /* the same in thousandths of what was allowed */
};

struct judge {
    struct ledger_entry ledger[SIM_PROCESSES_MAX];
    struct live_work work[SIM_PROCESSES_MAX];
    int work_count;
    bool leads[SIM_PROCESSES_MAX]; /* a term runs whose work was not asked to stop */
    uint64_t leads_term[SIM_PROCESSES_MAX];
    struct {
        uint64_t term;
        bool ended;
        int64_t ended_at;
    } sampled[SIM_PROCESSES_MAX];
    struct term_token tokens[CHECK_TOKENS]; /* ring of the last */
    uint32_t token_count;
    struct listener listener[SIM_PROCESSES_MAX];
    char holder[LEASEHOLD_IDENTITY_MAX + 1]; /* in the record; "": none */
    int64_t holder_since;
    struct term_rank ranks[CHECK_RANKS]; /* ring of the last */
    uint32_t rank_count;
    uint64_t stored_rank; /* the latest term that the store took a write of */
    bool adrift;          /* some clock runs, or ran, beyond rho */
    int64_t touched_at;   /* when the record was last changed by somebody else than the one before */
    int touched_by;
    bool intact[SIM_PROCESSES_MAX];                    /* nobody else changed the record since its last applied write */
    int64_t requests[SIM_PROCESSES_MAX][CHECK_WINDOW]; /* ring of the times of the last requests */
    uint32_t request_count[SIM_PROCESSES_MAX];
    bool healed;
    int64_t healed_at;
    int64_t leader_by;
    int64_t first_leader; /* after healing */
    int64_t now;
    bool failed; /* this history is broken; the first violation is told */
    enum check_name first;
    char sentence[CHECK_SENTENCE_MAX];
    struct check_counts counts;
};

/* Forgets the history, keeps the counts. */
void judge_begin(struct judge *j);
void judge_fact(struct judge *j, const struct fact *f);
const char *check_name(enum check_name name);

/* ---- for the checkers ---- */
void check_fail(struct judge *j, enum check_name name, int charged, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same of what only holds while all clocks are within rho: else it is counted. */
void check_fail_timed(struct judge *j, enum check_name name, int charged, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* True time up to which work of `l` may run by its last applied write, with every clock within rho. */
int64_t ledger_valid_until(const struct ledger_entry *l);
/* True time before which nobody else may decide to take the lock. */
int64_t ledger_reserved_until(const struct ledger_entry *l);

void ledger_fact(struct judge *j, const struct fact *f);
void check_exclusive(struct judge *j, const struct fact *f);
void check_replace(struct judge *j, const struct fact *f);
void check_renewal(struct judge *j, const struct fact *f);
void check_token(struct judge *j, const struct fact *f);
void check_leading(struct judge *j, const struct fact *f);
void check_fenced(struct judge *j, const struct fact *f);
void check_needless(struct judge *j, const struct fact *f);
void check_listener(struct judge *j, const struct fact *f);
void check_liveness(struct judge *j, const struct fact *f);
void check_budget(struct judge *j, const struct fact *f);

#endif
