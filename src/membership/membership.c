#include "membership/membership.h"

#include <string.h>

enum { FIRST_ROOM = 16 };

void membership_init(struct membership *m, const struct membership_memory *memory, enum membership_rule rule)
{
    *m = (struct membership){ .memory = *memory, .rule = rule };
}

/* ---- Pods in the order of names ----------------------------------------------------------------------------------- */

static void clear(struct membership *m, struct membership_pods *p)
{
    for (size_t i = 0; i < p->count; i++)
        member_unref(&m->memory, p->pods[i].member);
    if (p->pods)
        m->memory.resize(m->memory.user, p->pods, p->room * sizeof *p->pods, 0);
    *p = (struct membership_pods){ 0 };
}

/* Where this name is, or would be. */
static size_t place_of(const struct membership_pods *p, const char *name, bool *ret_found)
{
    size_t low = 0, high = p->pods ? p->count : 0;
    /* Lists come in the order of names. */
    if (high > 0 && strcmp(member_name(p->pods[high - 1].member), name) < 0)
        low = high;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(member_name(p->pods[middle].member), name);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct membership_pod *find(const struct membership_pods *p, const char *name)
{
    bool found;
    size_t place = place_of(p, name, &found);
    return found ? &p->pods[place] : NULL;
}

static int make_room(struct membership *m, struct membership_pods *p)
{
    if (p->count >= MEMBERSHIP_PODS_MAX)
        return MEMBERSHIP_TOO_MANY;
    if (p->pods && p->count < p->room)
        return 0;
    /* By a quarter: a table of 5,000 is not to have 8,192 places. */
    size_t room = p->room + p->room / 4 + FIRST_ROOM;
    void *pods = m->memory.resize(m->memory.user, p->pods, p->room * sizeof *p->pods, room * sizeof *p->pods);
    if (!pods)
        return MEMBERSHIP_NO_MEMORY;
    p->pods = pods;
    p->room = room;
    return 0;
}

/* What is kept of this Pod: what was kept before, when it says the same. */
static struct member *member_of(struct membership *m, const struct membership_pod *before, const struct pod *pod)
{
    return before && member_says(before->member, pod) ? member_ref(before->member) : member_new(&m->memory, pod);
}

/* Puts the Pod under its name, instead of another one that may be there. Returns 0 or an error. */
static int put(struct membership *m, struct membership_pods *p, const struct membership_pod *before, const struct pod *pod)
{
    bool found;
    size_t place = place_of(p, pod->name, &found);
    int error = found ? 0 : make_room(m, p);
    if (error < 0)
        return error;
    struct membership_pod *at = &p->pods[place];
    struct member *member = member_of(m, before, pod);
    if (!member)
        return MEMBERSHIP_NO_MEMORY;
    if (found) {
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what was found is there
        member_unref(&m->memory, at->member);
    } else {
        memmove(at + 1, at, (p->count - place) * sizeof *at);
        p->count++;
    }
    *at = (struct membership_pod){ member, pod->version };
    return 0;
}

/* ---- who counts --------------------------------------------------------------------------------------------------- */

static bool counts(const struct membership *m, const struct member *member)
{
    return m->rule == MEMBERSHIP_ALL || (member->phase == MEMBER_RUNNING && member->ready);
}

static void forget_set(struct membership *m)
{
    m->newest = member_set_unref(m->newest);
}

struct member_set *membership_set(struct membership *m)
{
    if (!m->newest) {
        size_t count = 0;
        for (size_t i = 0; i < m->known.count; i++)
            count += counts(m, m->known.pods[i].member);
        m->newest = member_set_new(&m->memory, count);
        if (!m->newest)
            return NULL;
        size_t at = 0;
        for (size_t i = 0; i < m->known.count; i++)
            if (counts(m, m->known.pods[i].member))
                m->newest->members[at++] = member_ref(m->known.pods[i].member);
    }
    return member_set_ref(m->newest);
}

void membership_clear(struct membership *m)
{
    forget_set(m);
    clear(m, &m->known);
    clear(m, &m->listed);
    m->version = 0;
}

/* ---- lists -------------------------------------------------------------------------------------------------------- */

void membership_list_begin(struct membership *m)
{
    membership_list_drop(m);
}

int membership_list_add(struct membership *m, const struct pod *pod)
{
    const struct membership_pod *there = find(&m->listed, pod->name);
    if (there && there->version >= pod->version)
        return 0;
    return put(m, &m->listed, find(&m->known, pod->name), pod);
}

void membership_list_drop(struct membership *m)
{
    clear(m, &m->listed);
}

/* The next Pod from *i on that counts, or NULL. */
static const struct member *next_counted(const struct membership *m, const struct membership_pods *p, size_t *i)
{
    while (*i < p->count) {
        const struct member *member = p->pods[(*i)++].member;
        if (counts(m, member))
            return member;
    }
    return NULL;
}

/* The same members: what a list finds unchanged is the same memory. */
static bool list_agrees(const struct membership *m)
{
    size_t i = 0, j = 0;
    for (;;) {
        const struct member *known = next_counted(m, &m->known, &i), *listed = next_counted(m, &m->listed, &j);
        if (known != listed)
            return false;
        if (!known)
            return true;
    }
}

int membership_list_end(struct membership *m, uint64_t version)
{
    bool changed = m->version == 0 || !list_agrees(m);
    clear(m, &m->known);
    m->known = m->listed;
    m->listed = (struct membership_pods){ 0 };
    m->version = version;
    if (changed)
        forget_set(m);
    return changed;
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

int membership_put(struct membership *m, const struct pod *pod)
{
    struct membership_pod *known = find(&m->known, pod->name);
    bool newer = known && strcmp(member_uid(known->member), pod->uid) == 0 ? pod->version > known->version : pod->version > m->version;
    if (!newer)
        return 0;
    struct member *before = known ? member_ref(known->member) : NULL;
    int result = put(m, &m->known, known, pod);
    if (result == 0) {
        membership_pass(m, pod->version);
        const struct member *after = find(&m->known, pod->name)->member;
        if (after != before && (counts(m, after) || (before && counts(m, before)))) {
            forget_set(m);
            result = 1;
        }
    }
    member_unref(&m->memory, before);
    return result;
}

int membership_remove(struct membership *m, const struct pod *pod)
{
    struct membership_pod *known = find(&m->known, pod->name);
    /* Mostly the version is that of the deletion; some servers tell the last one that the Pod had. Older ones are repeats: of a Pod
     * that has its label again, or of another one under this name. */
    bool gone = known && pod->version >= known->version;
    membership_pass(m, pod->version);
    if (!gone)
        return 0;
    size_t place = (size_t)(known - m->known.pods);
    int changed = counts(m, known->member);
    member_unref(&m->memory, known->member);
    m->known.count--;
    memmove(known, known + 1, (m->known.count - place) * sizeof *known);
    if (changed)
        forget_set(m);
    return changed;
}

void membership_pass(struct membership *m, uint64_t version)
{
    if (version > m->version)
        m->version = version;
}
