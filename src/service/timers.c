#include "service/timers.h"

#include <leasehold/errors.h>
#include <stdlib.h>

#include "election/bug.h"

int timers_reserve(struct timers *t, size_t count)
{
    size_t wanted = t->reserved + count;
    if (wanted > t->capacity) {
        size_t capacity = wanted + wanted / 2 + 8;
        struct timer **heap = realloc(t->heap, capacity * sizeof(struct timer *));
        if (!heap)
            return LEASEHOLD_ERR_MEMORY;
        t->heap = heap;
        t->capacity = capacity;
    }
    t->reserved = wanted;
    return 0;
}

void timers_unreserve(struct timers *t, size_t count)
{
    BUG_UNLESS(t->reserved >= count && t->count <= t->reserved - count);
    t->reserved -= count;
}

static void put(struct timers *t, size_t place, struct timer *timer)
{
    t->heap[place] = timer;
    timer->place = place + 1;
}

static void sift_up(struct timers *t, size_t place, struct timer *timer)
{
    while (place > 0) {
        size_t parent = (place - 1) / 2;
        if (t->heap[parent]->at_ns <= timer->at_ns)
            break;
        put(t, place, t->heap[parent]);
        place = parent;
    }
    put(t, place, timer);
}

static void sift_down(struct timers *t, size_t place, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= t->count)
            break;
        if (child + 1 < t->count && t->heap[child + 1]->at_ns < t->heap[child]->at_ns)
            child++;
        if (t->heap[child]->at_ns >= timer->at_ns)
            break;
        put(t, place, t->heap[child]);
        place = child;
    }
    put(t, place, timer);
}

static void disarm(struct timers *t, struct timer *timer)
{
    size_t place = timer->place - 1;
    struct timer *last = t->heap[--t->count];
    timer->place = 0;
    if (last == timer)
        return;
    if (place > 0 && t->heap[(place - 1) / 2]->at_ns > last->at_ns)
        sift_up(t, place, last);
    else
        sift_down(t, place, last);
}

void timers_set(struct timers *t, struct timer *timer, int64_t at_ns)
{
    if (timer->place && timer->at_ns == at_ns)
        return;
    if (timer->place)
        disarm(t, timer);
    timer->at_ns = at_ns;
    if (at_ns == LEASEHOLD_NEVER)
        return;
    BUG_UNLESS(t->count < t->reserved);
    t->count++;
    sift_up(t, t->count - 1, timer);
}

int64_t timers_next(const struct timers *t)
{
    return t->count > 0 ? t->heap[0]->at_ns : LEASEHOLD_NEVER;
}

struct timer *timers_due(struct timers *t, int64_t now_ns)
{
    if (t->count == 0 || t->heap[0]->at_ns > now_ns)
        return NULL;
    struct timer *timer = t->heap[0];
    disarm(t, timer);
    return timer;
}

void timers_clear(struct timers *t)
{
    free(t->heap);
    *t = (struct timers){ 0 };
}
