/* When an exec plugin has to run, and whether what it printed can be presented. Pure: times come in.
 *
 * Here: expiry, refusals, and the pause between two runs. Not here: the run itself (src/io/plugin.h). Times are CLOCK_BOOTTIME
 * in ns unless they say otherwise. */
#ifndef LEASEHOLD_KUBE_CREDENTIAL_H
#define LEASEHOLD_KUBE_CREDENTIAL_H

#include "kube/exec.h"

/* From the start of one run to that of the next, at least. */
#define KUBE_CREDENTIAL_PAUSE_NS INT64_C(5000000000)
/* A credential is replaced this long before it expires, or in the last quarter of its life, whichever is shorter. */
#define KUBE_CREDENTIAL_AHEAD_NS INT64_C(60000000000)

enum kube_credential_state {
    KUBE_CREDENTIAL_READY = 0, /* present it */
    KUBE_CREDENTIAL_WAIT,      /* a run will say */
    KUBE_CREDENTIAL_NONE,      /* the last run failed, and it is too early for another */
};

/* Zero is one that was never asked for. */
struct kube_credential {
    struct kube_exec_answer answer;
    unsigned generation; /* of the answer; 0: there is none yet */
    bool asked, running;
    bool refused; /* the server said 401 to this generation, and a run is under way for that */
    int64_t asked_ns, due_ns, usable_ns;
};

/* What can be done with it now. */
enum kube_credential_state kube_credential_state(const struct kube_credential *c, int64_t boot_ns);

/* A run is wanted, and not too early. */
bool kube_credential_is_due(const struct kube_credential *c, int64_t boot_ns);

/* A run began. */
void kube_credential_began(struct kube_credential *c, int64_t boot_ns);

/* The run ended with this answer, which is taken over; wall_us: microseconds since 1970. One that has expired already, perhaps by
 * a clock that is wrong here or there, is presented until the next run may be, as kubectl does. */
void kube_credential_came(struct kube_credential *c, struct kube_exec_answer *answer, int64_t boot_ns, int64_t wall_us);

/* The run ended without one: what there was serves until it expires. */
void kube_credential_failed(struct kube_credential *c);

/* The server said 401 to what was presented as `generation`. True if another try is worth waiting for: there is a newer one, or a
 * run is under way, or one is due now because of this. */
bool kube_credential_refused(struct kube_credential *c, unsigned generation, int64_t boot_ns);

/* Frees and wipes. */
void kube_credential_clear(struct kube_credential *c);

#endif
