/* What a lock says about one group, as values: the record, our term mark beside it, and the version of the object it stood in.
 *
 * Here: the plain data that dialects (src/wire) produce and the election judges. Not here: bytes, JSON, how a dialect
 * spells a field. Fixed size, no pointers. */
#ifndef LEASEHOLD_ELECTION_RECORD_H
#define LEASEHOLD_ELECTION_RECORD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LEASEHOLD_IDENTITY_MAX = 253, /* bytes of a holder's name; ours are refused above it, others' are cut (see record.rest) */
    LEASEHOLD_UID_MAX = 47,       /* bytes; Kubernetes writes UUIDs of 36 */
};

/* A nonce is that of a process in its upper bits; the lower ones tell apart the elections that one process has stood in. */
#define RECORD_NONCE_OF_PROCESS (~UINT64_C(0xffff))

enum record_kind {
    RECORD_ABSENT = 0, /* no object, or in a shared object no key of this group */
    RECORD_EMPTIED,    /* there, but names no holder: a release or an operator's hand */
    RECORD_UNREADABLE, /* there, but a field that must be understood is not of its type or form */
    RECORD_HELD,       /* names a holder */
};

/* The term mark: annotation leasehold.dev/term (DESIGN §3). */
struct record_mark {
    bool present;      /* was there and readable */
    bool names_holder; /* its holder is the record's holder, byte for byte, and that is not empty */
    bool released;
    int32_t transitions;
    uint64_t nonce;      /* of the process that wrote it; 0 when unreadable */
    int64_t duration_ms; /* lease duration; 0: none */
    uint64_t token;      /* fencing token; 0: not yet known to the writer */
};

struct record {
    enum record_kind kind;
    char holder[LEASEHOLD_IDENTITY_MAX + 1]; /* NUL-terminated; "" unless RECORD_HELD */
    int64_t duration_ms;                     /* as the object itself says; 0: none, or not positive */
    int64_t acquire_us;                      /* microseconds since 1970; 0: none */
    int64_t renew_us;                        /* microseconds since 1970; 0: none */
    int32_t transitions;                     /* 0: none */
    struct record_mark mark;
    uint64_t rest; /* digest of what the fields above cannot hold (a cut holder, garbage); 0 for a record of ours */
};

/* Which object, and which write to it. resource_version is a decimal number ordered across delete and re-create
 * (Kubernetes: "Resource versions", comparable since 1.35); 0 with uid "" means no object. */
struct record_version {
    char uid[LEASEHOLD_UID_MAX + 1];
    uint64_t resource_version;
};

/* Field by field, never memcmp of padding. `a` and `b` say the same about the group. */
bool record_equal(const struct record *a, const struct record *b);

/* The marks say the same. */
bool record_mark_equal(const struct record_mark *a, const struct record_mark *b);

bool record_version_equal(const struct record_version *a, const struct record_version *b);

#endif
