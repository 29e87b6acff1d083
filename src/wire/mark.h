/* The term mark as text: JSON in an annotation or a data key, the same in every dialect (docs/design.md, "Term mark"). */
#ifndef LEASEHOLD_WIRE_MARK_H
#define LEASEHOLD_WIRE_MARK_H

#include "election/record.h"

#define MARK_ANNOTATION "leasehold.dev/term"

enum { MARK_SIZE_MAX = 4096 }; /* bytes of a mark that is looked at */

/* Reads a mark beside a record of `holder` ("" for an emptied one). Not readable: ret->present is false. *ret_acquired_us (may be
 * NULL): when the term began, in microseconds since 1970, where the mark says it; else 0. */
void mark_parse(const char *text, const char *holder, struct record_mark *ret, int64_t *ret_acquired_us);

/* The mark as text with this holder, and in dialects whose record has no place for it the time of acquiring (0: without); the caller
 * frees it with free(3). NULL when out of memory. */
char *mark_format(const struct record_mark *mark, const char *holder, int64_t acquired_us);

#endif
