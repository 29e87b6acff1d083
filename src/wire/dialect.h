/* A dialect: how one kind of lock object spells the records of its groups. A small table of pure functions over parsed
 * JSON; a new dialect is a new table and must not touch the election.
 *
 * Here: records in, records out, and where the object lives. Not here: requests and answers as bytes (wire/request.h,
 * wire/object.h), decisions (src/election). */
#ifndef LEASEHOLD_WIRE_DIALECT_H
#define LEASEHOLD_WIRE_DIALECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "election/record.h"

enum { DIALECT_LABELS = 2 };

struct dialect_label {
    const char *name, *value;
};

struct dialect {
    const char *name;                            /* "lease", "configmap": the value of --lock */
    const char *api_version;                     /* "coordination.k8s.io/v1" */
    const char *kind;                            /* "Lease" */
    const char *resource;                        /* "leases": for paths, RBAC and error sentences */
    const char *api_group;                       /* "coordination.k8s.io"; "" for the core group */
    const char *path_prefix;                     /* "/apis/coordination.k8s.io/v1" or "/api/v1" */
    bool shared;                                 /* many groups live in one object */
    int64_t stamp_unit_us;                       /* least difference between two stamps */
    struct dialect_label labels[DIALECT_LABELS]; /* of an object that we create; name NULL: none */

    /* Reads the record of `group` out of a lock object. Never fails: what cannot be understood is RECORD_UNREADABLE with a
     * digest in ret->rest, so that a change of garbage is a change. `group` is ignored where !shared. `object` NULL: no object,
     * RECORD_ABSENT. */
    void (*read)(const json_t *object, const char *group, struct record *ret);

    /* Puts `record` (HELD or EMPTIED) of `group` into `object` in place, leaving everything else (other groups' keys,
     * annotations, labels, ownerReferences, finalizers, unknown fields of spec) as it is. For RECORD_EMPTIED writes the release
     * form of the dialect. What the record does not say (a duration or stamp of 0) is removed. The mark is written from
     * record->mark with `holder` = mark_holder (the identity that released, or the holder); where record->mark is not present,
     * what is there stays. Both names must be UTF-8 (object_is_utf8). Returns 0, or LEASEHOLD_ERR_MEMORY; on failure the object
     * is not to be used. */
    int (*put)(json_t *object, const char *group, const struct record *record, const char *mark_holder);

    /* Calls `fn` with the name of every group that has or had a holder in a shared object. NULL where !shared. */
    void (*each_group)(const json_t *object, void (*fn)(void *user, const char *group), void *user);

    /* False, with a sentence, where the group's name cannot stand in an object of this kind. */
    bool (*group_is_good)(const char *group, char *sentence, size_t size);

    /* The text of an operator's request to hand the group over (wire/handover.h); NULL: none. Lives in the object. */
    const char *(*handover)(const json_t *object, const char *group);
    /* A merge patch that puts it there. Owned by the caller; NULL when out of memory. */
    json_t *(*handover_patch)(const char *group, const char *text);

    /* True, with a sentence, where nobody of us may stand for the group in this object: it cannot be written, or others lead by it
     * whose rule of validity is another. */
    bool (*refuse)(const json_t *object, const char *group, char *sentence, size_t size);
};

extern const struct dialect dialect_lease;
extern const struct dialect dialect_configmap;

/* The dialect of this name, or NULL. */
const struct dialect *dialect_find(const char *name);

/* The smallest object a lock of this dialect is created with: apiVersion, kind, metadata.name and namespace (and labels where
 * the dialect has any). Owned by the caller; NULL when out of memory. */
json_t *dialect_new_object(const struct dialect *d, const char *namespace_, const char *name);

/* uid and resourceVersion of any object. Returns 0, or LEASEHOLD_ERR_PROTOCOL when either is missing, too long, or the
 * resourceVersion is not a decimal number above 0. *ret is untouched on failure. */
int object_version(const json_t *object, struct record_version *ret);

#endif
