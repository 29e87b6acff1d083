/* What the files of this room share: the tables, the shape of the store, and small helpers. Not for other rooms. */
#ifndef LEASEHOLD_STORE_INTERNAL_H
#define LEASEHOLD_STORE_INTERNAL_H

#include "election/bug.h"
#include "store/patch.h"
#include "store/selector.h"
#include "store/store.h"

enum {
    STORE_KINDS = 5,          /* stored kinds: both event resources are one */
    STORE_NAME_MAX = 253,     /* DNS-1123 subdomain */
    STORE_LABEL_MAX = 63,     /* DNS-1123 label, label value, name part of a qualified name */
    STORE_UID_BYTES = 37,     /* with its NUL */
    STORE_VERSION_BYTES = 21, /* with its NUL */
    STORE_STAMP_BYTES = 28,   /* MicroTime with its NUL */
    STORE_ANNOTATIONS_BYTES_MAX = 256 * 1024,
    STORE_CONFIGMAP_BYTES_MAX = 1024 * 1024,
    STORE_GENERATED_SUFFIX = 5
};

struct store_type {
    struct store_resource_info info;
    int kind;                    /* index of the stored kind */
    bool create_on_update;       /* a PUT on a missing object creates it */
    bool update_without_version; /* a PUT without a resourceVersion overwrites */
    const char *const *fields;   /* field selector labels beside metadata.name and metadata.namespace */
};

/* One stored object. namespace_ and name point into the object. */
struct store_entry {
    json_t *object;
    const char *namespace_; /* "" for objects without */
    const char *name;
    uint64_t version;
    size_t bytes;
};

struct store_change {
    uint64_t version;
    enum store_watch_kind kind;
    json_t *object;   /* as after the change; a deleted one carries the version of the deletion */
    json_t *previous; /* NULL for a creation */
    size_t bytes;
    const char *namespace_;
    const char *name;
};

/* Objects of one kind in (namespace, name) order, their changes, and who watches. */
struct store_kind {
    struct store_entry *entries;
    size_t count;
    size_t room;
    struct store_change *history; /* ring; change number n sits at n % history_max */
    uint64_t history_first;
    uint64_t history_next;
    size_t history_bytes;
    uint64_t compacted; /* changes up to this version are gone */
    struct store_watch *watches;
};

struct store {
    uint64_t version;
    uint64_t random;
    size_t objects;
    size_t objects_max;
    size_t bytes;
    size_t bytes_max;
    size_t history_max;
    size_t watches;
    size_t watches_max;
    struct store_kind kinds[STORE_KINDS];
    struct store_watch *ready_first;
    struct store_watch *ready_last;
};

const struct store_type *store_type(enum store_resource resource);

/* ---- objects.c: the sorted table of each kind and its history ---- */

/* Position of the object, or (with *found false) where it belongs. */
size_t store_find(const struct store_kind *k, const char *namespace_, const char *name, bool *found);
/* Stores `object` (reference stolen; its resourceVersion is set here), `bytes` long as JSON, and tells the watches. */
void store_commit(struct store *s, int kind, json_t *object, size_t bytes);
/* Removes the object and tells the watches; the DELETED object carries a version of its own. */
void store_remove(struct store *s, int kind, size_t position);
const struct store_change *store_change_at(const struct store *s, const struct store_kind *k, uint64_t number);
uint64_t store_random(struct store *s);
void store_uid(struct store *s, char ret[STORE_UID_BYTES]);

/* ---- decode.c: what a typed decoder does to a body ---- */

/* A new canonical object from a client's body (kind, apiVersion, types, times, omitted empties), or NULL and a 400 in
 * *ret. */
json_t *store_decode(const struct store_type *t, const json_t *body, json_t **ret_status);
/* NULL, or a 400 that names the members that nobody knows: of metadata, and of whole Leases and ConfigMaps. */
json_t *store_decode_strict(const struct store_type *t, const json_t *body);

/* ---- events.c: the v1 and the events.k8s.io/v1 form of an Event ---- */

/* The object as this resource shows it: a new reference, the same object where nothing differs. */
json_t *store_view(const struct store_type *t, json_t *object);
/* The v1 form of an events.k8s.io/v1 body; a new value. */
json_t *store_event_canonical(const json_t *body);

/* ---- validate.c ---- */

/* Causes of a 422 found in `object` (new array, empty when it is fine). old: the object it replaces, or NULL. */
json_t *store_validate(const struct store_type *t, const json_t *object, const json_t *old);
/* Adds one cause; message as field.Error has it ("Invalid value: ..."). */
void store_cause(json_t *causes, const char *reason, const char *field, const char *format, ...) __attribute__((format(printf, 4, 5)));
bool store_is_subdomain(const char *name);
bool store_is_label(const char *name);

/* ---- status.c ---- */

json_t *store_status_not_found(const struct store_type *t, const char *name);
json_t *store_status_exists(const struct store_type *t, const char *name);
json_t *store_status_conflict(const struct store_type *t, const char *name, const char *why);
/* A precondition of a DELETE that does not hold. */
json_t *store_status_unmet(const struct store_type *t, const char *name, const char *why);
json_t *store_status_invalid(const struct store_type *t, const char *name, json_t *causes);
/* The same naming the resource instead of the kind, as the server's storage layer does. */
json_t *store_status_invalid_resource(const struct store_type *t, const char *name, json_t *causes);
json_t *store_status_forbidden(const struct store_type *t, const char *name, const char *why);
json_t *store_status_bad_request(const char *format, ...) __attribute__((format(printf, 1, 2)));
json_t *store_status_expired(const char *asked, uint64_t oldest);
json_t *store_status_deleted(const struct store_type *t, const char *name, const char *uid);
json_t *store_status_too_new(uint64_t asked, uint64_t newest);
/* "leases.coordination.k8s.io", or "configmaps". */
void store_qualified(const struct store_type *t, const char *word, char *ret, size_t size);

/* ---- stamp.c ---- */

/* "2006-01-02T15:04:05Z" and "2006-01-02T15:04:05.000000Z"; years 1970 to 9999. */
void store_stamp_seconds(int64_t now_us, char ret[STORE_STAMP_BYTES]);
void store_stamp_micro(int64_t now_us, char ret[STORE_STAMP_BYTES]);
/* RFC 3339 with exactly `digits` fraction digits (0: none or any number, as Time is read). Returns 0 or -1. */
int store_stamp_parse(const char *text, int digits, int64_t *ret_us);

/* ---- watch.c ---- */

/* Puts every watch of this kind that may care about the newest change into the ready set. */
void store_watch_tell(struct store *s, struct store_kind *k, const struct store_change *change);
/* Parses both selectors for this resource. Returns 0, or -1 and a 400 in *ret_status. */
int store_select(const struct store_type *t, const char *labels, const char *fields, struct store_selector *ret, json_t **ret_status);

/* ---- small helpers ---- */

/* The metadata object; every stored object has one. */
static inline json_t *store_meta(const json_t *object)
{
    return json_object_get(object, "metadata");
}

/* A string of metadata, "" when absent. */
static inline const char *store_meta_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(store_meta(object), key));
    return text != NULL ? text : "";
}

/* Allocation failure stops the process: this room has no way to go on without memory. */
static inline json_t *store_must(json_t *value)
{
    BUG_UNLESS(value != NULL);
    return value;
}

static inline void store_set(json_t *object, const char *key, json_t *value)
{
    BUG_UNLESS(json_object_set_new(object, key, store_must(value)) == 0);
}

/* Strings that come from a parsed body are valid UTF-8, but may hold NUL bytes; json_string() of a C string may fail on
 * the rest, so text from outside goes through here. */
json_t *store_text(const char *text);

/* A number as resourceVersion: decimal, no sign. Returns 0 or -1. */
int store_version_parse(const char *text, uint64_t *ret);

#endif
