/* Pods for the tests of this room, and memory that is counted and can run out. */
#ifndef TESTS_MEMBERSHIP_FIXTURE_H
#define TESTS_MEMBERSHIP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "membership/membership.h"

struct counted {
    size_t bytes, pieces;
    int fails_after; /* this many more calls succeed; -1: all */
};

static void *counted_resize(void *user, void *memory, size_t old_size, size_t size)
{
    struct counted *c = user;
    if (size > 0 && c->fails_after == 0)
        return NULL;
    if (size > 0 && c->fails_after > 0)
        c->fails_after--;
    assert_true(c->bytes >= old_size && (memory != NULL) == (old_size > 0));
    c->bytes = c->bytes - old_size + size;
    c->pieces = c->pieces + (size > 0) - (old_size > 0);
    if (size == 0) {
        free(memory);
        return NULL;
    }
    /* Never in place: a pointer that was kept is found out. */
    void *moved = malloc(size);
    assert_non_null(moved);
    if (old_size > 0)
        memcpy(moved, memory, old_size < size ? old_size : size);
    free(memory);
    return moved;
}

static inline struct pod fixture_pod(const char *name, const char *uid, uint64_t version)
{
    return (struct pod){ .name = name,
                         .uid = uid,
                         .address = "10.0.0.1",
                         .node = "node-1",
                         .version = version,
                         .since_us = 1000,
                         .phase = MEMBER_RUNNING,
                         .ready = true };
}

/* "a b c": the names of a set. */
static inline const char *fixture_names(const struct member_set *s)
{
    static char text[4096];
    text[0] = '\0';
    for (size_t i = 0; i < s->count; i++) {
        size_t size = strlen(text);
        snprintf(text + size, sizeof text - size, "%s%s", i ? " " : "", member_name(s->members[i]));
    }
    return text;
}

#endif
