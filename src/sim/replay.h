/* A run of random faults as a few lines of text: the seed, and which of its faults happen. Files in tests/scenario/ that end in .seed. */
#ifndef LEASEHOLD_SIM_REPLAY_H
#define LEASEHOLD_SIM_REPLAY_H

#include <stdio.h>

#include "sim/menu.h"

enum { REPLAY_FAULTS_MAX = 65536 }; /* a longer list is refused */

struct replay {
    uint64_t seed;
    bool fleet;
    bool some; /* not all faults happen, but those in `kept` */
    bool kept[REPLAY_FAULTS_MAX];
    struct menu menu; /* its `kept` is that above, once replay_menu() was asked */
};

/* The menu to run it with; lives as long as the replay. */
const struct menu *replay_menu(struct replay *r);

/* Sets what the name of a depth says: core or values, store, bytes or service. False for another. */
bool replay_depth(const char *name, struct menu *menu, bool *ret_fleet);

/* Reads a file. Returns 0, or -1 with a sentence on stderr. */
int replay_read(const char *path, struct replay *ret);

/* `why` becomes a comment at the head. */
void replay_write(FILE *to, const struct replay *r, const char *why);

#endif
