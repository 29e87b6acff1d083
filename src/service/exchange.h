/* The reads and writes of one lock object for all its groups: at most one of each is under way, and what several groups want goes
 * into one.
 *
 * Here: who takes part in a request, when the next one leaves, and what its answer means to whom. Not here: what to write
 * (src/election), how it is spelled (src/wire), what an answer means (answer.c).
 *
 * A shared object is written by turns: a group that has something to write says so, and when no write is under way all groups are
 * asked at once (ELECTION_TURN). What they give is put into one request over the very object that each has decided on (rule 1). */
#ifndef LEASEHOLD_SERVICE_EXCHANGE_H
#define LEASEHOLD_SERVICE_EXCHANGE_H

#include <jansson.h>
#include <leasehold/leasehold.h>

#include "election/election.h"
#include "service/transport.h"

struct lock;

/* What a group has to do with the requests of its lock. */
enum exchange_part {
    EXCHANGE_READ = 0,   /* the read under way was asked for by it, too */
    EXCHANGE_WRITE,      /* the write under way has a part of it */
    EXCHANGE_READ_NEXT,  /* it asked for a read; one that began before is no answer to it */
    EXCHANGE_WRITE_MISS, /* its part could not go along: it decided on another object than the one at hand */
    EXCHANGE_PARTS,
    EXCHANGE_NONE = EXCHANGE_PARTS
};

struct exchange {
    struct transport_call *call; /* NULL: none */
    const char *verb;            /* "get", "create", "update": for sentences */
};

/* A write that is being put together. */
struct exchange_turn {
    bool open;
    bool create;
    json_t *object; /* NULL: no part yet */
    int error;      /* of putting it together: nothing can be sent */
    int64_t limit_ns;
    leasehold_time deadline;
};

struct exchanges {
    struct exchange read, write;
    struct exchange_turn turn;
    bool wants_read, wants_turn; /* of some group; looked at when nothing is being fed */
    unsigned depth;              /* above 0: groups are being stepped, nothing leaves yet */
};

/* Takes down what an update asks for, and sends it, now or when the present steps are over. May step the lock's groups where
 * nothing can be sent. */
void exchange_ask(struct lock *lock, leasehold_group *g, leasehold_time now, const struct election_update *update);

/* Around steps of several groups: requests leave when all know what was received. Holds the lock. */
void exchange_begin(struct lock *lock);
void exchange_end(struct lock *lock);

/* Ends what is under way for the group alone. */
void exchange_leave(struct lock *lock, leasehold_group *g);

#endif
