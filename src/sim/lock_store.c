#include "sim/lock_store.h"

#include "election/bug.h"

int lock_store_open(struct lock *l, uint64_t seed)
{
    (void)l;
    (void)seed;
    return -1;
}

void lock_store_close(struct lock *l)
{
    (void)l;
}

void lock_store_read(struct lock *l, struct lock_answer *ret)
{
    (void)l;
    (void)ret;
}

void lock_store_write(struct lock *l, const struct election_write *write, const void *object, bool marks, const char *writer, int64_t wall_us,
                      struct lock_answer *ret)
{
    (void)l, (void)write, (void)object, (void)marks, (void)writer, (void)wall_us, (void)ret;
}

bool lock_store_edit(struct lock *l, enum lock_edit edit, const char *ghost, struct prng *random, int64_t wall_us)
{
    (void)l, (void)edit, (void)ghost, (void)random, (void)wall_us;
    return false;
}

void lock_store_drop(void *object)
{
    (void)object;
}

void *lock_store_hold(void *object)
{
    return object;
}
