/* Under which name a candidate stands: the option, else the Pod's name, else the machine's. */
#ifndef LEASEHOLD_SERVICE_IDENTITY_H
#define LEASEHOLD_SERVICE_IDENTITY_H

#include <leasehold/leasehold.h>

#include "election/record.h"

/* The name for a candidate with these options. Unless the option gives it, `suffix` is appended in hex where `unique` is set:
 * two processes on one machine, and a Pod and its successor, must not be taken for each other by peers that compare names.
 *
 * Returns 0, or LEASEHOLD_ERR_OPTION with a sentence. */
int identity_find(const leasehold_options *o, bool unique, uint64_t suffix, char ret[LEASEHOLD_IDENTITY_MAX + 1], char *sentence,
                  size_t size);

#endif
