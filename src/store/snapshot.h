/* The objects of one kind as they were at some version, as far as the history reaches back: what a list by pages needs, whose later
 * pages belong to the same moment as its first. Pure. */
#ifndef LEASEHOLD_STORE_SNAPSHOT_H
#define LEASEHOLD_STORE_SNAPSHOT_H

#include "store/internal.h"

struct store_snapshot {
    json_t **objects; /* in (namespace, name) order; references of the snapshot's own */
    size_t count;
};

/* Returns 0 and fills *ret (store_snapshot_clear()), or -1 when the history does not reach back so far. namespace_ NULL: all. */
int store_snapshot_take(const struct store *s, const struct store_kind *k, const char *namespace_, uint64_t version,
                        struct store_snapshot *ret);
void store_snapshot_clear(struct store_snapshot *snapshot);

#endif
