/* Members: one Pod as a value, and sets of them that never change.
 *
 * Here: packed, reference-counted members, sets in the order of names, and what differs between two sets. Not here: how a set comes
 * about (membership.h), JSON (src/wire/pod.h). Links with nothing but mem* and str*: memory comes from the caller.
 *
 * Members and sets may be read and released by any thread; whoever has a reference may take another. */
#ifndef LEASEHOLD_MEMBERSHIP_MEMBER_H
#define LEASEHOLD_MEMBERSHIP_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MEMBER_NAME_MAX = 253,   /* bytes; Kubernetes: "Object Names and IDs" */
    MEMBER_UID_MAX = 47,     /* bytes; Kubernetes writes UUIDs of 36 */
    MEMBER_ADDRESS_MAX = 45, /* bytes of an IPv4 or IPv6 address as text */
    MEMBER_NODE_MAX = 253,   /* bytes of a node's name */
};

/* Values of the public LEASEHOLD_POD_…; only appended. */
enum member_phase { MEMBER_PHASE_UNKNOWN = 0, MEMBER_PENDING, MEMBER_RUNNING, MEMBER_SUCCEEDED, MEMBER_FAILED, MEMBER_PHASES };

/* A Pod as it was read: strings are borrowed, never NULL, and within the sizes above. */
struct pod {
    const char *name, *uid; /* not empty */
    const char *address;    /* "": none yet */
    const char *node;       /* "": not scheduled yet */
    uint64_t version;       /* metadata.resourceVersion, above 0 */
    int64_t since_us;       /* metadata.creationTimestamp, microseconds since 1970; 0: none */
    enum member_phase phase;
    bool ready;       /* its condition Ready is true */
    bool terminating; /* has a deletionTimestamp */
};

/* Where memory comes from. Called by any thread. */
struct membership_memory {
    /* As realloc(3) with the old size told: size 0 frees and gives NULL, memory NULL (old_size 0) is new. NULL: out of memory, and
     * what was there stays. */
    void *(*resize)(void *user, void *memory, size_t old_size, size_t size);
    void *user;
};

/* A Pod as it is kept: what belongs together in one piece of memory. It never changes. */
struct member {
    uint32_t references;         /* atomic */
    uint16_t uid, address, node; /* where they begin in `text` */
    uint8_t phase;
    bool ready : 1, terminating : 1;
    int64_t since_us;
    char text[]; /* name, uid, address, node, each with its NUL */
};

static inline const char *member_name(const struct member *m)
{
    return m->text;
}

static inline const char *member_uid(const struct member *m)
{
    return m->text + m->uid;
}

static inline const char *member_address(const struct member *m)
{
    return m->text + m->address;
}

static inline const char *member_node(const struct member *m)
{
    return m->text + m->node;
}

/* One reference, or NULL when out of memory. */
struct member *member_new(const struct membership_memory *memory, const struct pod *pod);
struct member *member_ref(struct member *m);
/* Takes NULL, returns NULL. */
struct member *member_unref(const struct membership_memory *memory, struct member *m);

/* Everything but the version is the same. */
bool member_says(const struct member *m, const struct pod *pod);

/* The members at one moment, in the order of names; no name is there twice. */
struct member_set {
    uint32_t references; /* atomic */
    size_t count;
    struct membership_memory memory;
    struct member *members[];
};

/* A set with room for `count` members, none of which is there yet; one reference. NULL when out of memory. */
struct member_set *member_set_new(const struct membership_memory *memory, size_t count);
struct member_set *member_set_ref(struct member_set *s);
/* Takes NULL, returns NULL. */
struct member_set *member_set_unref(struct member_set *s);

/* Where the member of this name is. `ret` may be NULL. Returns false when there is none; *ret is untouched then. */
bool member_set_place(const struct member_set *s, const char *name, size_t *ret);
/* The member of this name, or NULL. */
const struct member *member_set_find(const struct member_set *s, const char *name);

enum member_difference { MEMBER_ADDED = 1, MEMBER_REMOVED, MEMBER_CHANGED };

/* The next difference on the way from `before` to `after` (NULL: the empty set), in the order of names. *i and *j are places in
 * `before` and `after`, 0 at first. A Pod that was deleted and created again under its name (another uid) is one REMOVED and one
 * ADDED.
 *
 * Returns MEMBER_ADDED or MEMBER_CHANGED with *ret from `after`, MEMBER_REMOVED with *ret from `before`, or 0 when there is none. */
int member_set_next_difference(const struct member_set *before, const struct member_set *after, size_t *i, size_t *j,
                               const struct member **ret);

#endif
