/* The heap against a sorted array, and at its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/heap.h"

enum { NODES = 300 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static const struct heap_node *least(const struct heap_node *nodes)
{
    const struct heap_node *first = NULL;
    for (int i = 0; i < NODES; i++)
        if (nodes[i].in_heap && (first == NULL || nodes[i].key < first->key))
            first = &nodes[i];
    return first;
}

static void first_is_the_least_whatever_comes_and_goes(void **state)
{
    (void)state;
    struct heap heap = { NULL };
    struct heap_node nodes[NODES];
    memset(nodes, 0, sizeof(nodes));
    uint32_t seed = 1;
    for (int turn = 0; turn < 20000; turn++) {
        struct heap_node *node = &nodes[next_random(&seed) % NODES];
        if (node->in_heap)
            heap_remove(&heap, node);
        else
            heap_insert(&heap, node, (int64_t)(next_random(&seed) % 50) - 25);
        const struct heap_node *expected = least(nodes), *first = heap_first(&heap);
        assert_int_equal(first == NULL, expected == NULL);
        if (first != NULL)
            assert_int_equal(first->key, expected->key);
    }
}

static void a_long_list_of_siblings_takes_no_stack(void **state)
{
    (void)state;
    enum { MANY = 1000000 };
    struct heap heap = { NULL };
    struct heap_node *nodes = calloc(MANY, sizeof(*nodes));
    for (int i = 0; i < MANY; i++)
        heap_insert(&heap, &nodes[i], i);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(heap_first(&heap)->key, i);
        heap_remove(&heap, &nodes[i]);
    }
    assert_null(heap_first(&heap));
    free(nodes);
}

static void removing_twice_is_nothing(void **state)
{
    (void)state;
    struct heap heap = { NULL };
    struct heap_node a = { 0 };
    heap_remove(&heap, &a);
    heap_insert(&heap, &a, INT64_MIN);
    heap_remove(&heap, &a);
    heap_remove(&heap, &a);
    assert_null(heap_first(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_is_the_least_whatever_comes_and_goes),
        cmocka_unit_test(a_long_list_of_siblings_takes_no_stack),
        cmocka_unit_test(removing_twice_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
