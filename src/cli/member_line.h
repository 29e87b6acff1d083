/* Members as JSON, for `leasehold members` and `leasehold watch --members`.
 *
 * Here: the spelling. Not here: who they are (leasehold/leasehold.h), columns for people (members.c). */
#ifndef LEASEHOLD_CLI_MEMBER_LINE_H
#define LEASEHOLD_CLI_MEMBER_LINE_H

#include <leasehold/leasehold.h>

/* True if the holder of a lock is the Pod of this name: it stands as that, or as that with `_` and a suffix. */
bool member_leads(const char *holder, const char *name);

/* One member as a line: {"event":"member",…} without its end; `holder` NULL: it was not asked who leads. To be freed; NULL when out
 * of memory. */
char *member_line(const leasehold_members *members, size_t index, const char *holder, size_t *ret_size);

/* A change as a line: {"event":"members","added":[],…} without its end. To be freed; NULL when out of memory. */
char *members_line(const leasehold_event *e, size_t *ret_size);

#endif
