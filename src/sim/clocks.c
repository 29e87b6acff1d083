#include "sim/clocks.h"

static int64_t scaled(int64_t true_ns, int32_t ppm)
{
    /* Split, so that a run of days does not overflow. */
    return true_ns + true_ns / SIM_PPM * ppm + true_ns % SIM_PPM * ppm / SIM_PPM;
}

leasehold_time clocks_read(const struct clocks *c, int64_t true_ns)
{
    int64_t elapsed = true_ns - c->since;
    return (leasehold_time){
        .boot_ns = c->boot_base + scaled(elapsed, c->boot_ppm),
        .raw_ns = c->raw_base + (c->suspended ? 0 : scaled(elapsed, c->raw_ppm)),
        .wall_ns = c->wall_stuck ? c->wall_offset : c->wall_offset + true_ns,
    };
}

int64_t clocks_when_boot(const struct clocks *c, int64_t from, int64_t boot_ns)
{
    if (boot_ns == LEASEHOLD_NEVER)
        return LEASEHOLD_NEVER;
    if (clocks_read(c, from).boot_ns >= boot_ns)
        return from;
    int64_t ahead = boot_ns - c->boot_base;
    int64_t rate = SIM_PPM + c->boot_ppm;
    int64_t elapsed = ahead / rate * SIM_PPM + ahead % rate * SIM_PPM / rate;
    int64_t at = c->since + elapsed;
    /* The division may be off by a few nanoseconds either way. */
    at -= 4;
    while (clocks_read(c, at).boot_ns < boot_ns)
        at++;
    return at > from ? at : from;
}

void clocks_change(struct clocks *c, int64_t now, int32_t boot_ppm, int32_t raw_ppm, bool suspended)
{
    leasehold_time reading = clocks_read(c, now);
    c->boot_base = reading.boot_ns;
    c->raw_base = reading.raw_ns;
    c->since = now;
    c->boot_ppm = boot_ppm;
    c->raw_ppm = raw_ppm;
    c->suspended = suspended;
}
