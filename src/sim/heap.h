/* What will happen, by true time: a binary heap of small items. Items of one instant come out in the order they went in, so
 * that a run is reproducible. */
#ifndef LEASEHOLD_SIM_HEAP_H
#define LEASEHOLD_SIM_HEAP_H

#include <stdbool.h>
#include <stdint.h>

enum { HEAP_MAX = 16384 };

struct heap_item {
    int64_t at; /* true time, ns */
    uint64_t order;
    int kind;
    int who;
    uint32_t what;
    uint32_t generation;
};

struct heap {
    int count;
    uint64_t order;
    struct heap_item items[HEAP_MAX];
};

void heap_push(struct heap *h, const struct heap_item *item);
/* Takes the earliest. Returns false when empty. */
bool heap_pop(struct heap *h, struct heap_item *ret);

#endif
