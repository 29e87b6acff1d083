/* Scenarios as text: what happens when, and below it what the candidates made of it. See tests/scenario/README.md. */
#ifndef LEASEHOLD_SIM_SCENARIO_H
#define LEASEHOLD_SIM_SCENARIO_H

#include <stdio.h>

#include "sim/world.h"

/* Plays the scenario in `path` and prints it to `out` as it ought to stand in the file: its own lines, each followed by what
 * came of it. Returns 0, 1 when a checker saw a rule broken (told in the output), or -1 with a sentence on stderr. */
int scenario_play(struct world *w, const char *path, FILE *out);

#endif
