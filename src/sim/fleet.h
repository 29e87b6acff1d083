/* A fleet of production services on one API server: the deterministic world at the depth of bytes. What runs in each process is
 * the service itself (src/service) with its exchange, watch and dialect, over a transport of this room and the production store;
 * many groups can share one ConfigMap, and an elector of Camel's (fleet_camel.c) can stand beside ours.
 *
 * Here: the state, and who calls whom. Transport and network (fleet_transport.c), server (fleet_server.c), processes and their
 * work (fleet_process.c, fleet_work.c), what happens to them (fleet_fault.c). Not here: what is right (check_*.c). Each group has
 * a judge of its own, who knows its candidates by their number in the group. */
#ifndef LEASEHOLD_SIM_FLEET_H
#define LEASEHOLD_SIM_FLEET_H

#include <jansson.h>

#include "service/service.h"
#include "sim/check.h"
#include "sim/clocks.h"
#include "sim/fenced.h"
#include "sim/heap.h"
#include "sim/lock.h"
#include "sim/menu.h"
#include "sim/prng.h"
#include "store/store.h"
#include "wire/dialect.h"

enum {
    FLEET_PROCESSES_MAX = 48,
    FLEET_NODES_MAX = 6,
    FLEET_GROUPS_MAX = 4,
    FLEET_CALLS_MAX = 2048,
    FLEET_PARCELS_MAX = 4096,
    FLEET_NAME_MAX = 24,
    FLEET_OLD_EVENTS = 4,
    FLEET_NESTED_MAX = 4,
};

#define FLEET_MS INT64_C(1000000)
#define FLEET_S INT64_C(1000000000)

struct fleet;

struct fleet_settings {
    bool configmap; /* else Leases, one a group */
    bool camel;     /* peers that compare stamps with their own clocks */
    int groups;
    int64_t lease_ns, deadline_ns, retry_ns, skew_ns, foreign_ns;
};

/* A request of a process, a watch too. Lives as long as an event, an answer or the client knows it. */
struct transport_call {
    bool used, done, served, open, silent, pumping, write;
    int who, refs, copies, status;
    uint32_t slot, next_free;
    const struct transport_handler *handler;
    void *user;
    char *method, *path;
    json_t *body;
    bool stream;
    int64_t idle_ns, heard_at, sent_at;
    bool part[FLEET_GROUPS_MAX];          /* of a write */
    int64_t decided_at[FLEET_GROUPS_MAX]; /* true time of the step that asked for it */
    struct store_watch *watch;
    struct store_watch_event old[FLEET_OLD_EVENTS]; /* of a watch: what it was told, to be told again */
    int old_count;
};

/* What is on its way to a client. */
struct fleet_parcel {
    uint32_t call, next_free;
    bool opens, data;
    enum transport_outcome outcome;
    int status;
    int64_t retry_after_ns;
    char *body;
    json_t *object; /* as it stands in the body; NULL: none */
};

enum fleet_work_phase { FLEET_WORK_NONE = 0, FLEET_WORK_CHECK, FLEET_WORK_EXEC, FLEET_WORK_RUNS };

struct fleet_work {
    enum fleet_work_phase phase;
    bool asked;
    uint64_t term;
    uint64_t token;
    uint32_t generation;
    int64_t term_at, kill_at; /* CLOCK_BOOTTIME of the node */
};

/* What a process does in one group. */
struct fleet_stand {
    bool stands;
    int member; /* its number in the judge's eyes */
    leasehold_group *handle;
    struct fleet_work work;
    uint64_t term; /* the last one told */
    bool closed;
};

struct fleet_camel {
    bool leads, busy, started;
    int group;
    uint64_t term;
    uint32_t generation; /* of its timer */
    uint32_t request;    /* number of the one under way */
    bool writes;
    json_t *seen;   /* the object as last read; NULL: none */
    json_t *answer; /* on its way */
    int answer_code;
    int64_t decided_at; /* true time */
    int64_t renewed_at; /* its wall clock */
};

struct fleet_process {
    bool used, alive, camel, doomed, woken;
    int node, dispatching;
    char name[FLEET_NAME_MAX];
    int64_t frozen_until;
    uint32_t timer_generation;
    int64_t hung_at;    /* when a request of its last got no answer: fleet_hang() */
    int64_t spin_since; /* its timer has fired `spins` times since */
    int spins;
    leasehold_service *service;
    struct fleet *fleet;
    struct fleet_stand stand[FLEET_GROUPS_MAX];
    struct fleet_camel c;
};

struct fleet_node {
    struct clocks clocks;
    bool adrift;           /* its clocks run beyond rho */
    int64_t wall_moved_at; /* true time at which its wall clock was set or stopped last */
    bool cut_up, cut_down, refused;
    int64_t delay_ns;
    int64_t serve_delay_ns; /* of every request, each time: a server that takes its time with this one */
    uint32_t generation;
};

enum fleet_mode { FLEET_UP = 0, FLEET_DOWN, FLEET_HANGS, FLEET_FAILS, FLEET_REFUSES, FLEET_MODES };

struct fleet_group {
    char name[FLEET_NAME_MAX];
    struct judge judge;
    struct fenced fenced; /* the store of its work */
    int members;
    int process[SIM_PROCESSES_MAX]; /* of each member */
};

struct fleet {
    uint64_t seed;
    uint64_t strikes; /* how often a fault was drawn */
    struct menu menu;
    struct prng random;
    struct fleet_settings settings;
    const struct dialect *dialect;
    int64_t now;
    bool ended, healing, failed;
    int nested;
    int64_t landing_until;
    int node_count, process_count;
    struct fleet_node node[FLEET_NODES_MAX];
    struct fleet_process process[FLEET_PROCESSES_MAX];
    struct fleet_group group[FLEET_GROUPS_MAX];
    enum fleet_mode mode;
    uint32_t mode_generation;
    int64_t replay_ns, hang_ns; /* 0: none */
    int replayed;
    int neighbours; /* number of the next thing that somebody else writes */
    struct store *store;
    struct transport_call call[FLEET_CALLS_MAX];
    struct fleet_parcel parcel[FLEET_PARCELS_MAX];
    uint32_t free_call, free_parcel;
    struct heap heap;
    struct check_counts counts; /* of all runs */
    char sentence[CHECK_SENTENCE_MAX + 64];
    uint64_t hash, events;
    void (*told)(struct fleet *f, int group, const struct fact *fact); /* NULL: nobody listens */
    void *user;                                                        /* of told */
};

/* One whole run of random faults. Returns 0 when nothing was broken; f->counts add up. */
int fleet_run(struct fleet *f, uint64_t seed, const struct menu *allowed);

/* The same in parts: a world without faults and processes, then what happens, then the end. */
void fleet_begin(struct fleet *f, uint64_t seed, const struct fleet_settings *settings, int nodes);
/* Until true time `at`; returns 0, or -1 when a rule was broken: f->sentence. */
int fleet_play(struct fleet *f, int64_t at);
void fleet_end(struct fleet *f);

/* A process on `node` in the groups of the bits in `groups`; -1: no room. A Camel stands in the lowest of them. */
int fleet_start(struct fleet *f, int node, const char *name, unsigned groups);
int fleet_start_camel(struct fleet *f, int node, const char *name, unsigned groups);

/* ---- what may happen ---- */
void fleet_crash(struct fleet *f, int who, bool work_too);
void fleet_freeze(struct fleet *f, int who, int64_t span);
void fleet_cut(struct fleet *f, int node, bool up, bool down, bool refused, int64_t span);
void fleet_slow(struct fleet *f, int node, int64_t delay, int64_t span);
void fleet_server(struct fleet *f, enum fleet_mode mode, int64_t span);
/* From here on, in each span of this length: each open watch is told one of its last events again, in turn; the first request of each
 * process gets no answer, and does nothing. Healing ends neither. */
void fleet_replay(struct fleet *f, int64_t every);
void fleet_hang(struct fleet *f, int64_t every);
/* Somebody else changes a key, a label, an annotation, by the number of `what`. */
void fleet_neighbour(struct fleet *f, int what);
void fleet_operate(struct fleet *f, enum lock_edit edit, int group);
/* Puts an object as it is into the store. */
void fleet_plant(struct fleet *f, const json_t *object);
/* Somebody leads the group, as told: the process, or -1. */
int fleet_leader(const struct fleet *f, int group);

/* ---- shared by the files of the fleet ---- */
enum fleet_event {
    FLEET_EVENT_TIMER = 0,  /* process: its service's deadline */
    FLEET_EVENT_WOKEN,      /* process: calls were posted */
    FLEET_EVENT_ARRIVE,     /* parcel `what` reaches process `who` */
    FLEET_EVENT_SERVE,      /* call `what` reaches the server */
    FLEET_EVENT_LIMIT,      /* call `what`: the client gives up */
    FLEET_EVENT_PUMP,       /* call `what`, a watch: what there is to tell is told */
    FLEET_EVENT_WORK_CHECK, /* of process `who` in group `what` */
    FLEET_EVENT_WORK_EXEC,
    FLEET_EVENT_WORK_OBEY,
    FLEET_EVENT_WORK_KILL,
    FLEET_EVENT_WORK_STORES,
    FLEET_EVENT_STORED, /* term << 8 | group in `what`, token in `generation` */
    FLEET_EVENT_WORK_TOLD,
    FLEET_EVENT_CAMEL,
    FLEET_EVENT_CAMEL_SERVE,
    FLEET_EVENT_CAMEL_ANSWER,
    FLEET_EVENT_BEGIN,
    FLEET_EVENT_SAMPLE,
    FLEET_EVENT_FAULT,
    FLEET_EVENT_FAULT_ENDS,
    FLEET_EVENT_NEIGHBOUR,
    FLEET_EVENT_REPLAY,
    FLEET_EVENT_HEAL,
    FLEET_EVENT_END,
};

enum { FLEET_NO_SLOT = 0xffffffff };
void fleet_at(struct fleet *f, int64_t at, enum fleet_event kind, int who, uint32_t what, uint32_t generation);
/* Tells the judge of `group`; fact->who is a member's number. */
void fleet_tell(struct fleet *f, int group, struct fact *fact);
void fleet_note(struct fleet *f, int who, const char *note, bool ends);
leasehold_time fleet_clock(const struct fleet *f, int node);
/* True time at which BOOTTIME of the node showed, or will show, this. */
int64_t fleet_true_time(const struct fleet *f, int node, int64_t boot_ns);
bool fleet_chance(struct fleet *f, enum menu_item item, int64_t million);
int64_t fleet_delay(struct fleet *f, int node);
/* Lets everybody else live until the process is no longer frozen. */
void fleet_live_on(struct fleet *f, int who);

extern const struct transport_operations fleet_transport; /* its data is a struct fleet_process */
void fleet_call_drop(struct fleet *f, uint32_t slot);
void fleet_parcel_free(struct fleet *f, uint32_t slot);
void fleet_arrive(struct fleet *f, uint32_t parcel);
void fleet_limit(struct fleet *f, uint32_t slot);
/* An answer leaves the server; takes `object` over. */
void fleet_answer(struct fleet *f, uint32_t slot, enum transport_outcome outcome, int status, json_t *object, int64_t retry_after_ns);
void fleet_stream_opens(struct fleet *f, uint32_t slot);
void fleet_stream_data(struct fleet *f, uint32_t slot, enum store_watch_kind kind, json_t *object);
void fleet_stream_ends(struct fleet *f, uint32_t slot);

void fleet_serve(struct fleet *f, uint32_t slot);
void fleet_pump(struct fleet *f, uint32_t slot);
/* Something changed in the store: watches have something to tell. */
void fleet_wake_watches(struct fleet *f);
void fleet_retell(struct fleet *f);
void fleet_break_watches(struct fleet *f, int who, bool silent);
/* One write decided on by the process (its parts: NULL for all that it changes). Fills *ret as the store did. */
void fleet_apply(struct fleet *f, int who, const struct store_request *request, const struct transport_call *call, int64_t decided_at,
                 struct store_answer *ret);
const json_t *fleet_object(const struct fleet *f, int group);
void fleet_store_request(const struct fleet *f, int group, enum store_verb verb, struct store_request *ret);
void fleet_lock_name(const struct fleet *f, int group, const char **ret);
void fleet_shown(struct fleet *f, int who, const json_t *object, int64_t asked_at);

void fleet_process_event(struct fleet *f, const struct heap_item *item);
void fleet_settle(struct fleet *f, int who);
void fleet_sample(struct fleet *f);
void fleet_work_start(struct fleet *f, int who, int group, const struct leasehold_event *e, uint64_t token);
void fleet_work_extend(struct fleet *f, int who, int group, const struct leasehold_event *e);
void fleet_work_stop(struct fleet *f, int who, int group, const struct leasehold_event *e);
void fleet_work_kill(struct fleet *f, int who, int group);
void fleet_work_stored(struct fleet *f, const struct heap_item *item);
void fleet_work_event(struct fleet *f, const struct heap_item *item);

void fleet_fault_begin(struct fleet *f);
void fleet_fault_next(struct fleet *f);
void fleet_fault_ends(struct fleet *f, const struct heap_item *item);
void fleet_heal(struct fleet *f);

void fleet_camel_event(struct fleet *f, const struct heap_item *item);
void fleet_camel_gone(struct fleet *f, int who);

#endif
