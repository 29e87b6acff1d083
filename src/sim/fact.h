/* What happened, as an outside observer with a perfect clock saw it. The world tells facts; the checkers (check_*.c) and the
 * trace read nothing else, so that a hand-made history tests a checker and no checker can look into a candidate's head. */
#ifndef LEASEHOLD_SIM_FACT_H
#define LEASEHOLD_SIM_FACT_H

#include "election/election.h"

enum { SIM_PROCESSES_MAX = 64, SIM_NOBODY = -1 }; /* SIM_NOBODY: an operator, or the world */

enum fact_kind {
    FACT_PROCESS = 0, /* process `who` begins: identity, lease_ns, term_ns, rate_error_ppm, foreign */
    FACT_GONE,        /* process `who` crashed or closed */
    FACT_RECEIVED,    /* `who` was shown `after` at `version`, having asked at `sent` */
    FACT_SENT,        /* `who` sent a request: write (NONE: a read), decided at `sent` */
    FACT_SPINS,       /* the deadline of `who` comes again and again without anything being done */
    FACT_APPLIED,     /* the server applied a write of `who`, decided at `sent`: `before` became `after`, `base` `version` */
    FACT_ANSWERED,    /* `who` received the acknowledgement of such a write */
    FACT_OPERATED,    /* an operator changed the lock: `before` became `after`; note says how */
    FACT_STARTED,     /* started_leading: term, token, version: newest of the server, decided at `decided`, dead by `sent` */
    FACT_EXTENDED,    /* the same; flag: what was told before was over when this was decided */
    FACT_STOP,        /* stop_work: reason, flag: kill_work */
    FACT_STOPPED,     /* stopped_leading */
    FACT_TOLD,        /* the service told an event, made at `decided`; identity: it says who leads ("": nobody), else NULL */
    FACT_WORK_BEGINS, /* a worker of (who, term) runs from here on */
    FACT_WORK_ENDS,   /* the last worker of (who, term) is dead, or asleep with its machine */
    FACT_SAMPLE,      /* another thread of `who` asked is_leading: flag is the answer, `sent` when it began to ask */
    FACT_STORED,      /* a write of (who, term) with this token came to the store of its work; flag: it was taken */
    FACT_ADRIFT,      /* the clocks of `who` run at a rate beyond rho: what clocks promise is promised no more */
    FACT_FAULT,       /* note says which; flag: it ends */
    FACT_HEALED,      /* no more faults; somebody has to lead by `sent` */
    FACT_END,
    FACT_KINDS
};

struct fact {
    enum fact_kind kind;
    int64_t at; /* true time, ns */
    int who;
    uint64_t term;
    uint64_t token;
    int64_t sent;
    int64_t decided;
    enum election_purpose purpose;
    enum election_reason reason;
    enum election_write_kind write;
    bool flag;
    bool foreign;
    int64_t lease_ns;
    int32_t rate_error_ppm;
    struct record_version base;
    struct record_version version;
    const struct record *before; /* borrowed for the call */
    const struct record *after;
    const char *identity;
    const char *note;
};

#endif
