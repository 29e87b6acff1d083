/* One run of either world, by seed and menu. */
#ifndef LEASEHOLD_SIM_SUBJECT_H
#define LEASEHOLD_SIM_SUBJECT_H

#include "sim/check.h"
#include "sim/menu.h"

struct world;
struct fleet;

/* One of them; the other is NULL. */
struct subject {
    struct world *world;
    struct fleet *fleet;
};

/* What came of the last run. The sentence lives until the next. */
struct outcome {
    bool broken;
    const char *sentence;
    uint32_t faults;  /* that were to happen */
    int64_t ended_at; /* true time, ns */
    uint64_t hash;
};

/* With `told`, each fact is printed. Returns 0, or -1 when out of memory. */
int subject_open(struct subject *s, bool fleet, bool told);
void subject_close(struct subject *s);
void subject_run(const struct subject *s, uint64_t seed, const struct menu *menu, struct outcome *ret);
const struct check_counts *subject_counts(const struct subject *s);
uint64_t subject_events(const struct subject *s);

#endif
