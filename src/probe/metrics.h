/* Figures of elections as Prometheus's text exposition format 0.0.4 has them. Pure.
 *
 * leader_election_master_status and leader_election_slowpath_total are client-go's names and mean what they mean there; those that
 * begin with leasehold_ are ours. */
#ifndef LEASEHOLD_PROBE_METRICS_H
#define LEASEHOLD_PROBE_METRICS_H

#include <leasehold/leasehold.h>
#include <stdio.h>

struct metrics_row {
    const char *group;
    bool leading;
    bool knows_leader;
    struct leasehold_statistics figures;
};

/* Writes one family after the other, as the format wants. */
void metrics_write(FILE *to, const struct metrics_row *rows, size_t count, const char *version);

#endif
