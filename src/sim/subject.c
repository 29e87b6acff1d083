#include "sim/subject.h"

#include <stdlib.h>

#include "sim/fleet.h"
#include "sim/trace.h"
#include "sim/world.h"

int subject_open(struct subject *s, bool fleet, bool told)
{
    *s = (struct subject){ NULL, NULL };
    if (fleet)
        s->fleet = calloc(1, sizeof *s->fleet);
    else
        s->world = calloc(1, sizeof *s->world);
    if (s->fleet && told)
        s->fleet->told = trace_fleet;
    if (s->world && told)
        s->world->trace = trace_fact;
    return s->fleet || s->world ? 0 : -1;
}

void subject_close(struct subject *s)
{
    free(s->world);
    free(s->fleet);
    *s = (struct subject){ NULL, NULL };
}

void subject_run(const struct subject *s, uint64_t seed, const struct menu *menu, struct outcome *ret)
{
    if (s->world) {
        ret->broken = world_run(s->world, seed, menu) != 0;
        ret->sentence = s->world->judge.sentence;
        ret->faults = s->world->menu.struck;
        ret->ended_at = s->world->now;
        ret->hash = s->world->hash;
    } else {
        ret->broken = fleet_run(s->fleet, seed, menu) != 0;
        ret->sentence = s->fleet->sentence;
        ret->faults = s->fleet->menu.struck;
        ret->ended_at = s->fleet->now;
        ret->hash = s->fleet->hash;
    }
}

const struct check_counts *subject_counts(const struct subject *s)
{
    return s->world ? &s->world->judge.counts : &s->fleet->counts;
}

uint64_t subject_events(const struct subject *s)
{
    return s->world ? s->world->events : s->fleet->events;
}
