/* What a run may suffer. A swarm draws a menu by seed, so that rare faults also meet without the common ones. */
#ifndef LEASEHOLD_SIM_MENU_H
#define LEASEHOLD_SIM_MENU_H

#include <stdbool.h>
#include <stdint.h>

#include "election/settings.h"
#include "sim/prng.h"

enum menu_item {
    MENU_DELAY = 0, /* slow answers */
    MENU_LOSS,      /* requests or answers lost */
    MENU_LATE,      /* writes applied after the client gave up */
    MENU_DUPLICATE, /* requests applied twice, answers of either */
    MENU_PARTITION, /* a node cut off, one way or both */
    MENU_SERVER,    /* the API server down, hanging, failing, refusing */
    MENU_WATCH,     /* watches late, silent, repeating, going back */
    MENU_FREEZE,    /* processes frozen, also between two instructions */
    MENU_SUSPEND,   /* machines asleep */
    MENU_CRASH,     /* processes killed and started again under the same name */
    MENU_TWIN,      /* two processes with one name */
    MENU_DELETE,    /* an operator deletes, empties, re-creates the lock */
    MENU_EDIT,      /* an operator edits durations, mark, holder, writes garbage */
    MENU_LABEL,     /* an operator changes labels and annotations */
    MENU_CLOCK,     /* clock rates up to rho, wall clocks anywhere */
    MENU_RESIGN,    /* leaders asked to resign or to close */
    MENU_WORK,      /* work that ends by itself, lingers, ignores the request to stop */
    MENU_MIXED,     /* candidates with different settings */
    MENU_FOREIGN,   /* electors that follow client-go's rule, with its late release, or fabric8's */
    /* Of a fleet only (fleet.h). */
    MENU_NEIGHBOUR, /* somebody else changes keys, labels and annotations beside ours */
    MENU_CAMEL,     /* electors that follow the rule of Camel's lock */
    /* Of both, in a few runs only: what clocks promise is not checked then, and the token is. */
    MENU_DRIFT, /* clock rates beyond rho */
    MENU_ITEMS
};

enum { MENU_OF_FLEETS = MENU_NEIGHBOUR, MENU_OF_BOTH = MENU_DRIFT };
enum menu_lock { MENU_LOCK_CONFIGMAP = 0, MENU_LOCK_LEASE };

struct menu {
    bool has[MENU_ITEMS];
    bool bytes;          /* the production store and dialect instead of values */
    enum menu_lock lock; /* of a fleet */
    bool shared;         /* of the other world: the election writes by turns and in whole seconds, as into a shared object */
    int candidates;      /* 0: 2 to 5 by seed */
    int64_t time_ns;     /* of faults; healing comes after */
    /* Faults are numbered as they come. What a run is shrunk to are a few of them; the others do not happen. */
    const bool *kept; /* of `kept_count`, borrowed; NULL: all happen */
    uint32_t kept_count;
    uint32_t struck; /* how many were to happen so far */
};

/* The next fault is due: whether it happens. */
bool menu_strikes(struct menu *m);

/* Draws a menu of everything in `allowed`. */
void menu_draw(struct menu *m, const struct menu *allowed, struct prng *random);
/* "all", or a comma separated list; "-name" takes one away. Returns 0, or -1 for an unknown name. */
int menu_parse(struct menu *m, const char *text);
const char *menu_item_name(enum menu_item item);
/* Settings that pass the check, one of a few sets; shared: as for an object with other groups in it. */
struct election_settings menu_settings(struct prng *random, bool shared);

#endif
