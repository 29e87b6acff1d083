/* A heap of int64_t keys whose nodes live in their owners, so that arming a timer can never fail for want of memory.
 *
 * Here: a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): insert and first O(1), remove amortised O(log n). Not
 * here: what the keys mean. Equal keys come in no particular order. */
#ifndef LEASEHOLD_IO_HEAP_H
#define LEASEHOLD_IO_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: in no heap. Fields are the heap's. */
struct heap_node {
    int64_t key;
    bool in_heap;
    struct heap_node *child;
    struct heap_node *next;     /* sibling */
    struct heap_node *previous; /* sibling before, or parent of the first child */
};

/* All zero: empty. */
struct heap {
    struct heap_node *root;
};

/* The node must not be in a heap (BUG). */
void heap_insert(struct heap *heap, struct heap_node *node, int64_t key);

/* Takes a node out; one that is in no heap is left alone. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* The node with the least key, or NULL. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->root;
}

/* The owner of a node: HEAP_OWNER(node, struct loop_timer, node). */
#define HEAP_OWNER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
