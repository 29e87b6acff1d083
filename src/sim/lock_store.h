/* The lock in the production store: see lock.h. */
#ifndef LEASEHOLD_SIM_LOCK_STORE_H
#define LEASEHOLD_SIM_LOCK_STORE_H

#include <jansson.h>

#include "sim/lock.h"

int lock_store_open(struct lock *l, uint64_t seed);
void lock_store_close(struct lock *l);
void lock_store_read(struct lock *l, struct lock_answer *ret);
void lock_store_write(struct lock *l, const struct election_write *write, const void *object, bool marks, const char *writer,
                      int64_t wall_us, struct lock_answer *ret);
bool lock_store_edit(struct lock *l, enum lock_edit edit, const char *ghost, struct prng *random, int64_t wall_us);
/* What an operator's hand does to a Lease, other than deleting and re-creating it; labelled: as it is now. */
void lock_store_edit_object(json_t *object, enum lock_edit edit, const char *ghost, struct prng *random, int64_t wall_us, bool labelled);
/* Takes away what a server gives to an object, so that it can be created again. */
void lock_store_strip(json_t *object);
void lock_store_drop(void *object);
void *lock_store_hold(void *object);

#endif
