#include "sim/fenced.h"

enum { PAUSED_CHANCE = 100000 };

static const int64_t ms_ns = 1000000, s_ns = 1000000000;
static const uint64_t first_part = UINT64_C(1) << 40; /* beyond the parts that faults draw from */

void fenced_begin(struct fenced *s, uint64_t seed, int group)
{
    *s = (struct fenced){ .random = prng_part(seed, first_part + (uint64_t)group) };
}

bool fenced_take(struct fenced *s, uint64_t token)
{
    if (token < s->newest)
        return false;
    s->newest = token;
    return true;
}

int64_t fenced_pause(struct fenced *s)
{
    return prng_span(&s->random, 50 * ms_ns, 5 * s_ns);
}

int64_t fenced_delay(struct fenced *s, bool freezes)
{
    if (freezes && prng_chance(&s->random, PAUSED_CHANCE))
        return prng_span(&s->random, ms_ns, 60 * s_ns);
    return prng_range(&s->random, ms_ns / 10, 2 * ms_ns);
}
