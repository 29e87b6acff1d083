/* `leasehold doctor`: facts that were gathered, and what they mean for who wants to stand for election.
 *
 * Here: facts as plain data, findings, and the functions between them. doctor_judge.c and doctor_lock.c are pure: facts in, findings
 * out; no server, no clock. doctor_gather.c asks server and kernel; doctor.c prints. Nothing here writes to the server. */
#ifndef LEASEHOLD_CLI_DOCTOR_H
#define LEASEHOLD_CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "election/record.h"
#include "election/settings.h"
#include "service/transport.h"

enum {
    DOCTOR_TEXT_MAX = 900,     /* room for a finding or an advice with its NUL; a longer one is cut */
    DOCTOR_FINDINGS_MAX = 64,  /* more than all checks together have */
    DOCTOR_RIGHTS_MAX = 16,    /* more than any settings need */
    DOCTOR_FINALIZERS_MAX = 8, /* that are named; the rest is not */
};

/* ---- findings ---- */

enum doctor_grade { DOCTOR_OK = 0, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
    enum doctor_grade grade;
    const char *what; /* the check: one word, static */
    char finding[DOCTOR_TEXT_MAX];
    char advice[DOCTOR_TEXT_MAX]; /* "": there is nothing to do */
};

struct doctor_report {
    struct doctor_finding list[DOCTOR_FINDINGS_MAX];
    size_t count;
};

void doctor_find(struct doctor_report *r, enum doctor_grade grade, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What to do about the last finding. */
void doctor_advise(struct doctor_report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "ok", "warn", "fail". Static. */
const char *doctor_grade_name(enum doctor_grade grade);
/* Whether anything failed. */
bool doctor_failed(const struct doctor_report *r);

/* ---- settings ---- */

struct doctor_settings {
    const char *sentence; /* NULL: they are good; else the inequality that does not hold */
    struct election_settings election;
    const char *lock;        /* "lease", "configmap" */
    const char *file;        /* NULL: none */
    const char *environment; /* names of variables that count, "A, B"; "": none */
    bool interval_given;     /* renew-interval is no third of renew-deadline */
};

void doctor_judge_settings(const struct doctor_settings *s, struct doctor_report *r);

/* ---- the server ---- */

struct doctor_server {
    const char *config_sentence; /* NULL: there is a configuration; else why not, and the rest is nothing */
    const char *source, *url;    /* "context dev of /home/u/.kube/config", "https://host:6443" */
    bool tls, insecure, loopback;
    bool has_credentials;
    int status;                 /* of GET /version; 0: no answer */
    enum transport_stage stage; /* at which it failed then */
    const char *sentence;
    const char *version; /* "": it does not say */
    int64_t certificate_us, now_us;
};

/* Returns false where asking more makes no sense. */
bool doctor_judge_server(const struct doctor_server *s, struct doctor_report *r);

struct doctor_self {
    int status; /* of the self-review; 0: no answer */
    const char *sentence, *name;
};

void doctor_judge_self(const struct doctor_self *s, struct doctor_report *r);

struct doctor_namespace {
    const char *name;
    int status;
    const char *sentence;
    bool terminating;
};

void doctor_judge_namespace(const struct doctor_namespace *n, struct doctor_report *r);

/* ---- rights ---- */

enum doctor_answer { DOCTOR_UNKNOWN = 0, DOCTOR_ALLOWED, DOCTOR_DENIED };

struct doctor_right {
    const char *verb, *api_group, *resource;
    const char *name; /* of the one object; "": any */
    const char *use;  /* what is lost without it: "no leader can renew" */
    const char *file; /* in deploy/ */
    bool must;        /* else a warning is enough */
    bool is_create;   /* of the lock: of no use as long as that exists */
    int status;       /* of the review; 0: no answer */
    enum doctor_answer answer;
    char reason[256];     /* as the server says it */
    const char *sentence; /* why there is no answer */
};

struct doctor_rights {
    struct doctor_right list[DOCTOR_RIGHTS_MAX];
    size_t count;
    const char *namespace_;
    bool lock_exists;
};

void doctor_judge_rights(const struct doctor_rights *rights, struct doctor_report *r);

/* ---- clock and latency ---- */

/* What is known of the server's clock less ours: it lies in [least, most). */
struct doctor_clock {
    unsigned samples;
    bool jumps; /* the samples contradict each other */
    int64_t least_us, most_us;
    int64_t warn_us; /* a larger difference is told */
    bool matters;    /* peers compare stamps with their own clock */
};

/* One more answer: its date, cut to the second, and our wall clock before the request and after the answer. */
void doctor_clock_add(struct doctor_clock *c, int64_t date_us, int64_t sent_us, int64_t received_us);
void doctor_judge_clock(const struct doctor_clock *c, struct doctor_report *r);

enum { DOCTOR_SAMPLES = 15 };

struct doctor_latency {
    const char *path_of; /* what was asked: "the lock", "/version" */
    int64_t ns[DOCTOR_SAMPLES];
    unsigned count; /* of ns */
    unsigned unanswered;
    const char *sentence; /* of the last unanswered one */
};

/* `s` with a sentence: there is nothing to compare with. */
void doctor_judge_latency(const struct doctor_latency *l, const struct doctor_settings *s, struct doctor_report *r);

/* ---- the lock ---- */

struct doctor_lock {
    const char *kind, *namespace_, *name, *group;
    int status; /* of the GET; 0: no answer */
    const char *sentence;
    bool shared; /* dialect->shared */
    struct record record;
    const char *refusal; /* why nobody of us may stand in it; NULL: we may */
    bool deleting;
    const char *finalizers[DOCTOR_FINALIZERS_MAX];
    size_t finalizers_count;
    int64_t created_us; /* 0: not known */
    int64_t now_us;
    int64_t assumed_lease_ns; /* where the record does not say its duration */
};

void doctor_judge_lock(const struct doctor_lock *l, struct doctor_report *r);

/* ---- this machine ---- */

struct doctor_machine {
    int timer_error;       /* of a timer of CLOCK_BOOTTIME; 0: there is one */
    int memory_error;      /* of locking our memory; 0: it can be */
    uint64_t memory_limit; /* RLIMIT_MEMLOCK in bytes; UINT64_MAX: none */
    bool first;            /* we are PID 1 */
    bool proc;             /* /proc shows us */
};

void doctor_judge_machine(const struct doctor_machine *m, struct doctor_report *r);

/* ---- doctor_gather.c ---- */

struct arguments;

/* All checks, in their order. `group` NULL: without the lock. `timeout_ns`: for each request. */
void doctor_examine(const struct arguments *a, const char *group, int64_t timeout_ns, struct doctor_report *r);

#endif
