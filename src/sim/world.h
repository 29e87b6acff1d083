/* The deterministic world: candidates with clocks of their own, a network, an API server, operators, and true time, which none
 * of them knows. One seed reproduces a run exactly.
 *
 * Here: the state, and who calls whom. A driver of the production machine (process.c) with its work (work.c), the way of
 * requests (network.c, server.c), watches (watch.c), faults (fault.c), an elector of another project (foreign.c). Not here:
 * what is right (check_*.c). */
#ifndef LEASEHOLD_SIM_WORLD_H
#define LEASEHOLD_SIM_WORLD_H

#include "sim/check.h"
#include "sim/clocks.h"
#include "sim/fenced.h"
#include "sim/heap.h"
#include "sim/lock.h"
#include "sim/menu.h"
#include "sim/prng.h"

enum {
    SIM_NODES_MAX = 5,
    SIM_REQUESTS_MAX = 1024,
    SIM_PARCELS_MAX = 4096,
    SIM_INBOX_MAX = 64,
    SIM_WORKS_MAX = 4,
    SIM_HISTORY_MAX = 8,
    SIM_NAME_MAX = 16,
};

#define SIM_MS INT64_C(1000000)
#define SIM_S INT64_C(1000000000)

enum world_event {
    EVENT_STAGE = 0, /* process: go on, or look whether there is something to do */
    EVENT_TIMER,     /* process: the machine's deadline */
    EVENT_SERVE,     /* request `what` reaches the server */
    EVENT_LIMIT,     /* request `what`: the client gives up */
    EVENT_ARRIVE,    /* parcel `what` reaches the inbox of process `who` */
    EVENT_WATCH_OPEN,
    EVENT_WATCH_LOST, /* the driver notices that its watch is dead */
    EVENT_WORK_CHECK,
    EVENT_WORK_EXEC,
    EVENT_WORK_OBEY,
    EVENT_WORK_REST,
    EVENT_WORK_KILL,
    EVENT_WORK_STORES, /* the worker writes to the store of its work ... */
    EVENT_STORED,      /* ... and here it comes: term `what`, token `generation`, whatever became of the worker */
    EVENT_SAMPLE,      /* a thread loads the deadline */
    EVENT_SAMPLE_READ, /* ... and reads the clock */
    EVENT_FAULT,
    EVENT_FAULT_ENDS,
    EVENT_BEGIN_PROCESS, /* a process starts on node `who` */
    EVENT_FOREIGN,
    EVENT_HEAL,
    EVENT_SCRIPT, /* line `what` of a scenario */
    EVENT_END,
};

enum parcel_kind { PARCEL_EVENT = 0, PARCEL_ANSWER, PARCEL_LIMIT };

struct parcel {
    enum parcel_kind kind;
    uint32_t request; /* ANSWER, LIMIT */
    uint32_t next_free;
    int64_t asked_at; /* of a sample */
    struct election_event event;
    void *object;
};

struct request {
    bool used;
    bool done; /* the client has its answer, or gave up */
    bool read;
    bool knows_marks;
    int who;
    int copies; /* how often it was sent */
    int refs;   /* events and parcels that name it */
    uint32_t next_free;
    int64_t decided_at; /* true time of the step that asked for it */
    struct election_write write;
    void *object;
};

enum work_phase { WORK_NONE = 0, WORK_CHECK, WORK_EXEC, WORK_RUNNING, WORK_REST };

struct work {
    enum work_phase phase;
    bool asked;
    bool asleep;
    bool reported;
    uint64_t term;
    uint64_t token;
    uint32_t generation;
    uint32_t kill_generation;
    leasehold_time term_at;
    leasehold_time kill_at;
};

/* What other threads of the process see. */
struct published {
    uint64_t term;
    leasehold_time term_at;
    bool ended; /* by a stop, or because a reader saw it end */
};

enum stage { STAGE_IDLE = 0, STAGE_RECEIVE, STAGE_TELL, STAGE_SEND };

struct watch {
    bool up;     /* as the driver sees it */
    bool silent; /* half-open: nothing comes any more */
    bool opening;
    uint32_t generation;
    int64_t last_arrival;
};

/* Which project's rule an elector follows that is not ours. */
enum foreign_rule { FOREIGN_CLIENT_GO = 0, FOREIGN_FABRIC8, FOREIGN_RULES };

struct process {
    bool used, alive, foreign;
    int node;
    char name[SIM_NAME_MAX];
    struct election e;
    struct election_settings settings;
    enum stage stage;
    uint32_t generation; /* of stage and timer events */
    uint32_t timer_generation;
    int64_t spin_since; /* its timer has fired `spins` times since */
    int spins;
    int64_t frozen_until;
    leasehold_time turn_reading;
    bool wants_turn;
    bool overdue; /* the term told was over when the step was made */
    int64_t decided_at;
    struct election_update update;
    uint32_t inbox[SIM_INBOX_MAX];
    int inbox_count;
    struct published published;
    struct work work[SIM_WORKS_MAX];
    struct watch watch;
    void *object; /* json_t: the one that the machine knows */
    bool begun;
    /* foreign.c */
    struct foreign_state {
        enum foreign_rule rule;
        enum election_purpose purpose; /* of its last write */
        bool leads, observes, releasing, busy, writing;
        struct record observed;
        struct record_version version;
        leasehold_time observed_at;
        leasehold_time renewed_at;
        uint64_t term;
        uint32_t generation;
    } f;
};

struct node {
    struct clocks clocks;
    bool suspended, adrift;
    bool cut_up, cut_down, refused;
    int64_t delay_ns;       /* of one way, at most */
    int64_t last_stamp_us;  /* of the foreign electors on it */
    uint32_t generation[3]; /* of the end of a cut, a slow link, a suspend */
};

enum server_mode { SERVER_UP = 0, SERVER_DOWN, SERVER_HANGS, SERVER_FAILS, SERVER_REFUSES, SERVER_MODES };

struct shown {
    struct record record;
    struct record_version version;
    void *object;
};

struct world {
    uint64_t seed;
    uint64_t strikes; /* how often a fault was drawn */
    struct menu menu;
    struct prng random;
    int64_t now;
    bool healing;
    bool ended;
    int64_t heal_at;
    int64_t landing_until; /* the last write still under way lands before this */
    int64_t longest_wait_ns;
    int64_t longest_lease_ns;
    int node_count;
    struct node node[SIM_NODES_MAX];
    int process_count;
    struct process process[SIM_PROCESSES_MAX];
    struct lock lock;
    struct fenced fenced; /* the store of the work */
    enum server_mode mode;
    uint32_t mode_generation;
    bool watch_visible;
    struct shown history[SIM_HISTORY_MAX];
    int history_count;
    struct request request[SIM_REQUESTS_MAX];
    uint32_t free_request;
    struct parcel parcel[SIM_PARCELS_MAX];
    uint32_t free_parcel;
    struct heap heap;
    struct judge judge;
    uint64_t hash;
    void (*script)(struct world *w, uint32_t line);             /* of a scenario */
    void (*trace)(const struct world *w, const struct fact *f); /* NULL: none */
    uint64_t events;
};

/* One whole run. Returns 0 when nothing was broken. The counts in w->judge.counts add up over runs. */
int world_run(struct world *w, uint64_t seed, const struct menu *menu);

/* The same in parts, for a scenario: an empty world that will be cleared, then events until the end. */
void world_begin(struct world *w, uint64_t seed, bool bytes);
int world_play(struct world *w);

/* ---- shared by the files of the world ---- */
enum { NO_SLOT = 0xffffffff };
void world_at(struct world *w, int64_t at, enum world_event kind, int who, uint32_t what, uint32_t generation);
void world_tell(struct world *w, struct fact *f);
void world_fault(struct world *w, int who, const char *note, bool ends);
leasehold_time world_clock(const struct world *w, int node);
uint32_t parcel_new(struct world *w);
void parcel_free(struct world *w, uint32_t slot);

int process_begin(struct world *w, int node, const char *name);
void process_wake(struct world *w, int who);
void process_stage(struct world *w, int who);
void process_timer(struct world *w, int who);
void process_put(struct world *w, int who, uint32_t parcel);
void process_event(struct world *w, int who, const struct election_event *event, int64_t delay);
void process_crash(struct world *w, int who, bool work_too);
void process_freeze(struct world *w, int who, int64_t until);
void process_sample(struct world *w, int who);
void process_sample_read(struct world *w, int who, uint32_t what);

void work_start(struct world *w, int who, const struct election_update *u);
void work_extend(struct world *w, int who, const struct election_update *u);
void work_stop(struct world *w, int who, const struct election_update *u);
void work_stored(struct world *w, const struct heap_item *item);
void work_event(struct world *w, const struct heap_item *item);
void work_kill_all(struct world *w, int who);
void work_sleep(struct world *w, int who, bool asleep);
bool work_runs(const struct process *p);

void network_read(struct world *w, int who, int64_t limit_ns);
void network_write(struct world *w, int who, const struct election_write *write, bool knows_marks);
void network_limit(struct world *w, uint32_t request);
void request_hold(struct world *w, uint32_t request);
void request_drop(struct world *w, uint32_t request);
int64_t network_delay(struct world *w, int node);
void server_serve(struct world *w, uint32_t request);
void server_changed(struct world *w);

void watch_want(struct world *w, int who, int64_t delay);
void watch_open(struct world *w, int who, uint32_t generation);
void watch_lost(struct world *w, int who, uint32_t generation);
void watch_broadcast(struct world *w);
void watch_break(struct world *w, int who, bool silent);

enum fault_cut { CUT_DOWN = 0, CUT_UP, CUT_BOTH };
void fault_cut(struct world *w, int who, enum fault_cut how, bool refused, int64_t span);
void fault_slow(struct world *w, int who, int64_t delay, int64_t span);
void fault_server(struct world *w, enum server_mode mode, int64_t span);
void fault_suspend(struct world *w, int who, int64_t span);
void fault_operate(struct world *w, enum lock_edit edit);
void fault_begin(struct world *w);
void fault_next(struct world *w);
void fault_ends(struct world *w, const struct heap_item *item);
void fault_heal(struct world *w);

int foreign_begin(struct world *w, int node, const char *name, enum foreign_rule rule);
void foreign_tick(struct world *w, int who, uint32_t generation);
/* Its user has it stop leading: it releases what it holds. */
void foreign_resign(struct world *w, int who);
void foreign_answer(struct world *w, int who, const struct parcel *parcel);

#endif
