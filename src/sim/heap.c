#include "sim/heap.h"

#include "election/bug.h"

static bool before(const struct heap_item *a, const struct heap_item *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

void heap_push(struct heap *h, const struct heap_item *item)
{
    BUG_UNLESS(h->count < HEAP_MAX);
    struct heap_item moving = *item;
    moving.order = h->order++;
    int at = h->count++;
    while (at > 0 && before(&moving, &h->items[(at - 1) / 2])) {
        h->items[at] = h->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    h->items[at] = moving;
}

bool heap_pop(struct heap *h, struct heap_item *ret)
{
    if (h->count == 0)
        return false;
    *ret = h->items[0];
    struct heap_item moving = h->items[--h->count];
    int at = 0;
    for (int child = 1; child < h->count; child = 2 * at + 1) {
        if (child + 1 < h->count && before(&h->items[child + 1], &h->items[child]))
            child++;
        if (!before(&h->items[child], &moving))
            break;
        h->items[at] = h->items[child];
        at = child;
    }
    h->items[at] = moving;
    return true;
}
