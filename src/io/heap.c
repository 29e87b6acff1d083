#include "io/heap.h"

#include "election/bug.h"

/* Joins two trees: the one with the larger key becomes the first child of the other. */
static struct heap_node *heap_join(struct heap_node *a, struct heap_node *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    if (b->key < a->key) {
        struct heap_node *swap = a;
        a = b;
        b = swap;
    }
    b->previous = a;
    b->next = a->child;
    if (b->next != NULL)
        b->next->previous = b;
    a->child = b;
    a->next = a->previous = NULL;
    return a;
}

/* One tree out of a list of siblings: in pairs from the left, then the pairs from the right. In loops, for a list may be as
 * long as the heap. */
static struct heap_node *heap_join_all(struct heap_node *siblings)
{
    struct heap_node *pairs = NULL;
    while (siblings != NULL) {
        struct heap_node *a = siblings, *b = a->next;
        siblings = b != NULL ? b->next : NULL;
        a->next = a->previous = NULL;
        if (b != NULL)
            b->next = b->previous = NULL;
        struct heap_node *pair = heap_join(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct heap_node *root = NULL;
    while (pairs != NULL) {
        struct heap_node *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        root = heap_join(root, pair);
    }
    return root;
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key)
{
    BUG_UNLESS(!node->in_heap);
    *node = (struct heap_node){ .key = key, .in_heap = true };
    heap->root = heap_join(heap->root, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (!node->in_heap)
        return;
    if (node == heap->root) {
        heap->root = heap_join_all(node->child);
    } else {
        if (node->previous->child == node)
            node->previous->child = node->next;
        else
            node->previous->next = node->next;
        if (node->next != NULL)
            node->next->previous = node->previous;
        heap->root = heap_join(heap->root, heap_join_all(node->child));
    }
    *node = (struct heap_node){ .key = node->key };
}
