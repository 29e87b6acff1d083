/* The simulator's own random numbers: one 64-bit state, one seed, the same sequence on every machine.
 *
 * Here: numbers and simple draws, in integers only, so that no floating point unit can make two runs differ. */
#ifndef LEASEHOLD_SIM_PRNG_H
#define LEASEHOLD_SIM_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t state;
};

/* A counter that steps by an odd constant (the golden ratio of 2^64), each value mixed until no bit shows its origin. */
static inline uint64_t prng_next(struct prng *r)
{
    uint64_t x = r->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Number `part` of the sequences of a seed. */
static inline struct prng prng_part(uint64_t seed, uint64_t part)
{
    struct prng r = { .state = seed * UINT64_C(0x2545f4914f6cdd1d) ^ part * UINT64_C(0xd6e8feb86659fd93) };
    r.state = prng_next(&r);
    return r;
}

/* A number in [low, high]. */
static inline int64_t prng_range(struct prng *r, int64_t low, int64_t high)
{
    if (high <= low)
        return low;
    return low + (int64_t)(prng_next(r) % ((uint64_t)(high - low) + 1));
}

/* An index in [0, count). */
static inline int prng_index(struct prng *r, int count)
{
    return (int)prng_range(r, 0, count - 1);
}

/* True once in `million` / 1,000,000 times. */
static inline bool prng_chance(struct prng *r, int64_t million)
{
    return million > 0 && prng_range(r, 0, 999999) < million;
}

/* A span in [low, high], small ones as often as great ones: the interesting faults last a millisecond or a minute. */
static inline int64_t prng_span(struct prng *r, int64_t low, int64_t high)
{
    int64_t top = low > 0 ? low : 1;
    int steps = 1;
    for (int64_t t = top; t < high / 2; t *= 2)
        steps++;
    for (int i = prng_index(r, steps); i > 0; i--)
        top *= 2;
    return prng_range(r, top, top * 2 < high ? top * 2 : high);
}

#endif
