/* A request to the holder of a lock to hand it over, as an operator writes it beside the record (`leasehold resign`, `transfer`).
 *
 * It names the term that is to end, by its fencing token: when that term is over the request means nothing any more, so nobody has to
 * take it away, and it cannot strike a later term. */
#ifndef LEASEHOLD_WIRE_HANDOVER_H
#define LEASEHOLD_WIRE_HANDOVER_H

#include <stdbool.h>

#include "election/record.h"

#define HANDOVER_ANNOTATION "leasehold.dev/handover"

enum { HANDOVER_SIZE_MAX = 1024 }; /* bytes of a request that is looked at */

struct handover {
    uint64_t token;                      /* of the term that is to end */
    char to[LEASEHOLD_IDENTITY_MAX + 1]; /* who is to lead next; "": whoever comes first */
};

/* False for what is no request. NULL is none. */
bool handover_parse(const char *text, struct handover *ret);
/* For free(3); NULL when out of memory. */
char *handover_format(const struct handover *h);
/* Whether `to` means this candidate: its identity, or that without `_` and digits behind it. */
bool handover_is_to(const struct handover *h, const char *identity);

#endif
