/* The clocks of one simulated machine: BOOTTIME and MONOTONIC_RAW, each with a rate of its own, and a wall clock that obeys
 * nobody. Piecewise linear over true time. */
#ifndef LEASEHOLD_SIM_CLOCKS_H
#define LEASEHOLD_SIM_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "election/time.h"

enum { SIM_PPM = 1000000 };

struct clocks {
    int64_t since;     /* true time at which this piece began */
    int64_t boot_base; /* readings then */
    int64_t raw_base;
    int32_t boot_ppm; /* rate error: a second of true time is 1,000,000 + ppm microseconds */
    int32_t raw_ppm;
    bool suspended;  /* the machine sleeps: RAW stands still, BOOTTIME goes on */
    bool wall_stuck; /* the wall clock shows wall_offset for ever */
    int64_t wall_offset;
};

leasehold_time clocks_read(const struct clocks *c, int64_t true_ns);
/* The first true time not before `from` at which BOOTTIME shows at least boot_ns; LEASEHOLD_NEVER for never. */
int64_t clocks_when_boot(const struct clocks *c, int64_t from, int64_t boot_ns);
/* From `now` on other rates, or asleep. */
void clocks_change(struct clocks *c, int64_t now, int32_t boot_ppm, int32_t raw_ppm, bool suspended);

#endif
