/* Requests of operators to hand a lock over (src/wire/handover.h): the holder resigns, and who was not named holds back for a while when
 * the lock is free. */
#ifndef LEASEHOLD_SERVICE_HANDOVER_H
#define LEASEHOLD_SERVICE_HANDOVER_H

#include <jansson.h>
#include <leasehold/leasehold.h>

#include "election/record.h"

/* An object of the group's lock was received, with this record of the group. Before the election hears of it: the lock may just have
 * become free. */
void handover_look(leasehold_group *g, const json_t *object, const struct record *record);

#endif
