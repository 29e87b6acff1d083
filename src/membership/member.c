#include "membership/member.h"

#include <string.h>

/* ---- one member --------------------------------------------------------------------------------------------------- */

static uint32_t grow(uint32_t *references)
{
    return __atomic_add_fetch(references, 1, __ATOMIC_RELAXED);
}

static uint32_t shrink(uint32_t *references)
{
    return __atomic_sub_fetch(references, 1, __ATOMIC_ACQ_REL);
}

static size_t size_of(const struct member *m)
{
    return sizeof *m + m->node + strlen(m->text + m->node) + 1;
}

struct member *member_new(const struct membership_memory *memory, const struct pod *pod)
{
    size_t name = strlen(pod->name) + 1, uid = strlen(pod->uid) + 1, address = strlen(pod->address) + 1, node = strlen(pod->node) + 1;
    struct member *m = memory->resize(memory->user, NULL, 0, sizeof *m + name + uid + address + node);
    if (!m)
        return NULL;
    *m = (struct member){ .references = 1,
                          .uid = (uint16_t)name,
                          .address = (uint16_t)(name + uid),
                          .node = (uint16_t)(name + uid + address),
                          .phase = (uint8_t)pod->phase,
                          .ready = pod->ready,
                          .terminating = pod->terminating,
                          .since_us = pod->since_us };
    memcpy(m->text, pod->name, name);
    memcpy(m->text + m->uid, pod->uid, uid);
    memcpy(m->text + m->address, pod->address, address);
    memcpy(m->text + m->node, pod->node, node);
    return m;
}

struct member *member_ref(struct member *m)
{
    grow(&m->references);
    return m;
}

struct member *member_unref(const struct membership_memory *memory, struct member *m)
{
    if (m && shrink(&m->references) == 0)
        memory->resize(memory->user, m, size_of(m), 0);
    return NULL;
}

bool member_says(const struct member *m, const struct pod *pod)
{
    return m->phase == pod->phase && m->ready == pod->ready && m->terminating == pod->terminating && m->since_us == pod->since_us &&
           strcmp(member_name(m), pod->name) == 0 && strcmp(member_uid(m), pod->uid) == 0 && strcmp(member_address(m), pod->address) == 0 &&
           strcmp(member_node(m), pod->node) == 0;
}

/* ---- sets --------------------------------------------------------------------------------------------------------- */

static size_t size_of_set(size_t count)
{
    return sizeof(struct member_set) + count * sizeof(struct member *);
}

struct member_set *member_set_new(const struct membership_memory *memory, size_t count)
{
    struct member_set *s = memory->resize(memory->user, NULL, 0, size_of_set(count));
    if (s) {
        *s = (struct member_set){ .references = 1, .count = count, .memory = *memory };
        for (size_t i = 0; i < count; i++)
            s->members[i] = NULL;
    }
    return s;
}

struct member_set *member_set_ref(struct member_set *s)
{
    grow(&s->references);
    return s;
}

struct member_set *member_set_unref(struct member_set *s)
{
    if (!s || shrink(&s->references) > 0)
        return NULL;
    struct membership_memory memory = s->memory;
    for (size_t i = 0; i < s->count; i++)
        member_unref(&memory, s->members[i]);
    memory.resize(memory.user, s, size_of_set(s->count), 0);
    return NULL;
}

bool member_set_place(const struct member_set *s, const char *name, size_t *ret)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(member_name(s->members[middle]), name);
        if (order == 0) {
            if (ret)
                *ret = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

const struct member *member_set_find(const struct member_set *s, const char *name)
{
    size_t place;
    return member_set_place(s, name, &place) ? s->members[place] : NULL;
}

static bool same(const struct member *a, const struct member *b)
{
    struct pod pod = { .name = member_name(b),
                       .uid = member_uid(b),
                       .address = member_address(b),
                       .node = member_node(b),
                       .since_us = b->since_us,
                       .phase = (enum member_phase)b->phase,
                       .ready = b->ready,
                       .terminating = b->terminating };
    return a == b || member_says(a, &pod);
}

int member_set_next_difference(const struct member_set *before, const struct member_set *after, size_t *i, size_t *j,
                               const struct member **ret)
{
    for (;;) {
        const struct member *old = before && *i < before->count ? before->members[*i] : NULL;
        const struct member *new = after &&*j < after->count ? after->members[*j] : NULL;
        if (!old && !new)
            return 0;
        int order = !old ? 1 : !new ? -1 : old == new ? 0 : strcmp(member_name(old), member_name(new));
        bool another = order == 0 && old != new &&strcmp(member_uid(old), member_uid(new)) != 0;
        *i += order < 0 || (order == 0);
        /* Of a Pod under the name of another, the one that came is found next: its name is behind by then. */
        *j += order > 0 || (order == 0 && !another);
        *ret = order < 0 || another ? old : new;
        if (order < 0 || another)
            return MEMBER_REMOVED;
        if (order > 0)
            return MEMBER_ADDED;
        if (!same(old, new))
            return MEMBER_CHANGED;
    }
}
