/* The world of the model check as one plain value: a lock, a few elections, their requests under way, their workers.
 *
 * Here: the state, the settings of a search, and what each file of the room does. Not here: the rules of an election; they are the
 * object file of src/election, linked unchanged. Time is counted in ticks; a state holds no pointers and is copied whole. */
#ifndef LEASEHOLD_MODEL_STATE_H
#define LEASEHOLD_MODEL_STATE_H

#include "election/election.h"

enum { MODEL_CANDIDATES_MAX = 3, MODEL_ORPHANS_MAX = 2, MODEL_MOVES_MAX = 96, MODEL_CANON_MAX = 4096 };

enum model_fault {
    MODEL_LOSS = 0,  /* a request or its answer is lost; the client gives up at its limit */
    MODEL_LATE,      /* ... and the server still may apply the write, at any later time */
    MODEL_DUPLICATE, /* a write arrives twice: applied, and answered 409 */
    MODEL_FREEZE,    /* a process stands still for any number of ticks */
    MODEL_CRASH,     /* a process ends without a word; its worker runs on until the keeper kills it */
    MODEL_RESIGN,    /* a leader is asked to hand over: no fault, but counted like one */
    MODEL_DELETE,    /* the operator deletes the lock */
    MODEL_SHORTEN,   /* the operator writes a lease duration of 1 s */
    MODEL_FAULTS
};

enum model_stage { MODEL_NONE = 0, MODEL_SENT, MODEL_ANSWERED };

struct model_request {
    enum model_stage stage;
    int32_t code; /* ANSWERED: as HTTP says */
    int64_t give_up_ns;
    struct election_write write;
    struct record record;
    struct record_version version;
};

struct model_work {
    bool running;
    bool stopping;    /* was asked to stop; ends when it likes, at the latest at kill_ns */
    bool must_report; /* it has ended, the election does not know yet */
    bool locks;       /* it holds the local lock of its place while it runs */
    uint64_t term;
    int64_t kill_ns; /* on its process's clock */
};

struct model_process {
    bool alive, frozen;
    struct election e;
    struct model_request read, write;
    struct model_work work;
    struct model_work old;                     /* of the process that crashed in this place */
    bool locks;                                /* it holds the local lock of its place */
    uint64_t named[ELECTION_PREDECESSORS_MAX]; /* in that lock's file: who held it, the last one first */
};

struct model_state {
    int32_t tick;
    int32_t applied_tick; /* when the holder's last write was applied */
    uint64_t revision;
    uint64_t nonces;
    uint32_t faults; /* used, of all kinds */
    uint8_t left[MODEL_FAULTS];
    struct record record;
    struct record_version version;
    struct model_request orphan[MODEL_ORPHANS_MAX];
    struct model_process process[MODEL_CANDIDATES_MAX];
};

struct model_settings {
    int32_t candidates;
    int32_t horizon; /* ticks */
    uint32_t faults; /* of all kinds together */
    uint8_t budget[MODEL_FAULTS];
    bool same_identity; /* the first two processes bear one name */
    bool local_lock;    /* who begins again in a place inherits from those that ended there, where its lock is free */
    bool skew;          /* the clocks of the first and the others run apart by what the settings allow */
    uint64_t states_max;
    struct election_settings election;
};

enum model_move_kind {
    MOVE_APPLY_READ = 0,
    MOVE_APPLY_WRITE,
    MOVE_APPLY_TWICE,
    MOVE_RECEIVE_READ,
    MOVE_RECEIVE_WRITE,
    MOVE_GIVE_UP_READ,
    MOVE_GIVE_UP_WRITE,
    MOVE_GIVE_UP_LATE,
    MOVE_ORPHAN,
    MOVE_CLOCK,
    MOVE_REPORT,
    MOVE_WORK_ENDS,
    MOVE_FREEZE,
    MOVE_THAW,
    MOVE_CRASH,
    MOVE_RESTART,
    MOVE_RESIGN,
    MOVE_DELETE,
    MOVE_SHORTEN,
    MOVE_TICK,
    MOVE_KINDS
};

struct model_move {
    uint8_t kind;
    uint8_t who;
    bool shortest; /* every random delay of the step is the shortest possible, not the longest */
};

/* What a move broke, as a sentence; NULL: nothing. */
typedef const char *model_verdict;

/* process.c: one process, driven as the service drives it. */
int64_t model_clock(const struct model_settings *set, const struct model_state *s, int who);
/* Steps with `event`. Returns whether the step asked for a random delay. */
bool model_step(const struct model_settings *set, struct model_state *s, int who, const struct election_event *event, bool shortest);
void model_process_begin(const struct model_settings *set, struct model_state *s, int who);
void model_work_end(struct model_work *work);

/* server.c: what a request does to the lock. Returns a sentence where the write broke a rule. */
void model_read(const struct model_state *s, struct model_request *r);
model_verdict model_write(const struct model_settings *set, struct model_state *s, struct model_request *r);

/* successor.c */
void model_first(const struct model_settings *set, struct model_state *s);
int model_moves(const struct model_settings *set, const struct model_state *s, struct model_move moves[MODEL_MOVES_MAX]);
/* *ret_random: the move has a second outcome, with shortest = true. */
model_verdict model_apply(const struct model_settings *set, struct model_state *s, struct model_move move, bool *ret_random);
const char *model_move_name(enum model_move_kind kind);

/* canon.c: the bytes that say everything a future depends on. Returns their number. */
size_t model_canon(const struct model_settings *set, const struct model_state *s, uint8_t bytes[MODEL_CANON_MAX]);

/* check.c */
model_verdict model_check_exclusive(const struct model_settings *set, const struct model_state *s);
/* From a released record: without further faults, with every message delivered, somebody leads in time. */
model_verdict model_check_live(const struct model_settings *set, const struct model_state *s);

/* search.c */
struct model_result {
    uint64_t states, transitions, released;
    uint32_t depth;
    int32_t ticks;
    bool complete; /* nothing within the bounds is left */
    model_verdict broken;
    struct model_move *path; /* to what is broken; the caller frees it */
    uint32_t path_size;
};
/* Returns 0, or -1 without memory. */
int model_search(const struct model_settings *set, struct model_result *ret);

#endif
