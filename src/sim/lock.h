/* The lock object as the API server keeps it, at one of two depths behind one face: as values (fast), or as JSON in the
 * production store, read and written by the production dialect.
 *
 * Here: what a request does to the object, and what an operator's hand can do. Not here: time, network, who asks. */
#ifndef LEASEHOLD_SIM_LOCK_H
#define LEASEHOLD_SIM_LOCK_H

#include "election/election.h"
#include "sim/prng.h"

struct store;

enum lock_edit {
    LOCK_DELETE = 0,
    LOCK_EMPTY,       /* holderIdentity removed, the rest left */
    LOCK_WIPE,        /* the form of client-go's release, by hand; the mark stays */
    LOCK_CLEAR,       /* spec: {} */
    LOCK_DURATION,    /* leaseDurationSeconds 1 or 2 */
    LOCK_NO_DURATION, /* ... removed */
    LOCK_LONGER,      /* ... 30 */
    LOCK_UNMARK,      /* the annotation removed */
    LOCK_GARBAGE,     /* fields of the wrong type */
    LOCK_GHOST,       /* another holder's name */
    LOCK_RECREATE,    /* deleted and created again with the same content */
    LOCK_TOUCH,       /* an annotation of somebody else's: a new version of the same record */
    LOCK_LABEL,       /* the label by which watches select: gone, or back */
    LOCK_EDITS
};

struct lock {
    /* The present state, at either depth. */
    struct record record; /* ABSENT: no object */
    struct record_version version;
    uint64_t revision; /* of the whole server */
    bool labelled;
    char mark_holder[LEASEHOLD_IDENTITY_MAX + 1];
    struct store *store; /* NULL: values only */
};

struct lock_answer {
    int code;
    struct record record; /* 200, 201 */
    struct record_version version;
    void *object; /* json_t, a reference of the receiver's; NULL with values only */
};

/* bytes: keep the object in the production store. Returns 0, or -1 when this build has no such store. */
int lock_open(struct lock *l, bool bytes, uint64_t seed);
void lock_close(struct lock *l);

void lock_read(struct lock *l, struct lock_answer *ret);
/* `object`: the one that the writer knows at write->base (json_t, borrowed; NULL with values only or to create). `marks`:
 * false for an elector that knows no term mark and leaves it as it is. */
void lock_write(struct lock *l, const struct election_write *write, const void *object, bool marks, const char *writer, int64_t wall_us,
                struct lock_answer *ret);
/* Returns whether the record or the object changed in the eyes of an election. */
bool lock_edit(struct lock *l, enum lock_edit edit, const char *ghost, struct prng *random, int64_t wall_us);
void lock_object_drop(void *object);
void *lock_object_hold(void *object);
const char *lock_edit_name(enum lock_edit edit);

#endif
