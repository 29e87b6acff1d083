/* From a run that breaks a rule to a smaller one that breaks the same rule: less time, fewer candidates, fewer faults. */
#ifndef LEASEHOLD_SIM_SHRINK_H
#define LEASEHOLD_SIM_SHRINK_H

#include "sim/replay.h"
#include "sim/subject.h"

enum { SHRINK_SENTENCE_MAX = 512 };

struct shrunk {
    unsigned runs;                      /* that it took */
    uint32_t before, after;             /* faults */
    char sentence[SHRINK_SENTENCE_MAX]; /* of the smallest */
};

/* `r` fails; it is made smaller. Returns false where it does not fail. */
bool shrink(const struct subject *s, struct replay *r, struct shrunk *ret);

#endif
