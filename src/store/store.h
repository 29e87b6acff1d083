/* A Kubernetes object store as a pure value machine: requests in, answers and watch events out.
 *
 * Here: what a kube-apiserver does with Lease, ConfigMap, Pod, Namespace and Event objects: versions, conflicts,
 * validation, selectors, patches, finalizers, watch history and its compaction, and the `Status` body of every refusal.
 * Not here: sockets, HTTP, clocks, threads, randomness (time and a seed come in as arguments). The development server,
 * the simulator and the testing library all run this object file.
 *
 * Ownership: a json_t handed out here may be shared with the store and is never changed by it; holders must not change
 * it either (json_deep_copy() first) and drop it with json_decref(). A store is used by one thread at a time. When
 * memory runs out the process stops. Limits that are reached are answers, never crashes. */
#ifndef LEASEHOLD_STORE_STORE_H
#define LEASEHOLD_STORE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STORE_OBJECT_BYTES_MAX = 1024 * 1024, /* one object as compact JSON */
    STORE_OBJECTS_DEFAULT = 100000,       /* objects of all kinds together */
    STORE_HISTORY_DEFAULT = 8192,         /* changes kept for watches, for each kind */
    STORE_WATCHES_DEFAULT = 20000,        /* open watches */
    STORE_BYTES_DEFAULT = 256 << 20,      /* all objects together, as compact JSON */
    STORE_HISTORY_BYTES_MAX = 64 << 20,   /* the history of one kind, as compact JSON */
    STORE_SELECTOR_BYTES_MAX = 8192,      /* a label or field selector as text */
    STORE_REQUIREMENTS_MAX = 64,          /* comma separated requirements in one selector */
    STORE_DEPTH_MAX = 64,                 /* nesting of a body or a patched object */
    STORE_PATCH_OPERATIONS_MAX = 10000    /* operations in one JSON patch */
};

/* What can be stored. The two event resources are two views of the same objects. */
enum store_resource {
    STORE_LEASES = 0, /* coordination.k8s.io/v1 */
    STORE_CONFIGMAPS, /* v1 */
    STORE_PODS,       /* v1 */
    STORE_NAMESPACES, /* v1, not namespaced */
    STORE_EVENTS,     /* v1 */
    STORE_EVENTS_K8S, /* events.k8s.io/v1 */
    STORE_RESOURCES
};

enum store_verb { STORE_GET = 0, STORE_LIST, STORE_CREATE, STORE_UPDATE, STORE_PATCH, STORE_DELETE, STORE_DELETE_COLLECTION, STORE_VERBS };

enum store_patch {
    STORE_PATCH_MERGE = 0, /* RFC 7386, body is an object */
    STORE_PATCH_JSON,      /* RFC 6902, body is an array */
    STORE_PATCH_STRATEGIC  /* Kubernetes' own: strategic.h */
};

struct store;
struct store_watch;

/* Zero fields mean the default. */
struct store_options {
    uint64_t first_version; /* resourceVersion of the empty store; 0: now_us of store_open(), above any earlier life */
    uint64_t seed;          /* uids and generated names; equal seeds give equal runs */
    size_t objects_max;
    size_t history_max;
    size_t watches_max;
    size_t bytes_max;
    bool bare; /* do not create the namespaces `default` and `kube-system` */
};

/* One request. Pointers are borrowed for the call. */
struct store_request {
    enum store_verb verb;
    enum store_resource resource;
    const char *namespace_; /* NULL: all namespaces (list), or a resource without namespaces */
    const char *name;       /* NULL for LIST, CREATE and DELETE_COLLECTION */
    bool status;            /* the /status subresource (pods: GET, UPDATE, PATCH) */
    bool dry_run;           /* decide and answer, store nothing */
    bool strict;            /* fieldValidation=Strict: a member that is not known is refused where the members are known */
    enum store_patch patch;
    const json_t *body; /* CREATE, UPDATE, PATCH: needed; DELETE: DeleteOptions or NULL */
    const char *label_selector;
    const char *field_selector;         /* LIST, DELETE_COLLECTION; NULL or "": everything */
    const char *resource_version;       /* GET, LIST: as the query parameter; NULL or "": the newest */
    const char *resource_version_match; /* LIST: "Exact", "NotOlderThan" or NULL */
    uint64_t limit;                     /* LIST: at most so many items; 0: all */
    const char *continue_;              /* LIST: metadata.continue of the page before; NULL or "": the first page */
};

/* code is the HTTP status; body is an object, a list, or a Status (kind Status, status Failure or Success). */
struct store_answer {
    int code;
    json_t *body;     /* owned by the caller: store_answer_clear() */
    bool changed;     /* the store holds something else than before */
    uint64_t version; /* of the object in a 200 or 201, of the list, else of the store */
};

/* Opens a store that holds the namespaces `default` and `kube-system` (unless bare). now_us: wall clock, microseconds
 * since 1970. options may be NULL. Never returns NULL. Owned by the caller: store_close(). */
struct store *store_open(const struct store_options *options, int64_t now_us);

/* Frees the store; its watches must be closed before. NULL is fine. Returns NULL. */
struct store *store_close(struct store *s);

/* Decides one request at wall clock now_us (microseconds since 1970, written into creationTimestamp and
 * deletionTimestamp) and fills *ret; always answers. Bad input of any kind is an answer with a Status body. */
void store_handle(struct store *s, const struct store_request *request, int64_t now_us, struct store_answer *ret);

/* Drops the answer's body. */
void store_answer_clear(struct store_answer *answer);

/* The stored object, or NULL. Borrowed: lives until the next store_handle(). namespace_ NULL for namespaces. Events are
 * shown in their v1 form. */
const json_t *store_peek(const struct store *s, enum store_resource resource, const char *namespace_, const char *name);

/* resourceVersion of the newest change of any kind. */
uint64_t store_version(const struct store *s);

size_t store_object_count(const struct store *s);
size_t store_watch_count(const struct store *s);

/* Forgets the history of all kinds up to and including `version` (0: everything so far). A watch that still needs it
 * gets an ERROR event 410, as after etcd's compaction. */
void store_compact(struct store *s, uint64_t version);

/* ---- resources ----------------------------------------------------------------------------------------------------
 */

struct store_resource_info {
    const char *group; /* "" for v1 */
    const char *version;
    const char *plural; /* "leases" */
    const char *singular;
    const char *kind; /* "Lease" */
    const char *short_name;
    bool namespaced;
    bool has_status;
};

/* Facts about a resource; never NULL for a valid enum value, static. */
const struct store_resource_info *store_resource_info(enum store_resource resource);

/* Finds a resource by its path segments; group "" is v1. Returns 0 and fills *ret, or -1 when there is none. */
int store_resource_find(const char *group, const char *version, const char *plural, enum store_resource *ret);

/* ---- Status bodies ------------------------------------------------------------------------------------------------
 */

/* A Status of failure as the real server writes it; details may be NULL (stolen otherwise). Owned by the caller. */
json_t *store_status(int code, const char *reason, const char *message, json_t *details);

/* A 422 about options of this kind ("ListOptions"). causes: as in details.causes, stolen. Owned by the caller. */
json_t *store_status_options(const char *kind, json_t *causes);

/* ---- watches ------------------------------------------------------------------------------------------------------
 */

enum store_watch_kind { STORE_ADDED = 0, STORE_MODIFIED, STORE_DELETED, STORE_BOOKMARK, STORE_ERROR };

/* "ADDED", ...; static. */
const char *store_watch_kind_name(enum store_watch_kind kind);

struct store_watch_options {
    enum store_resource resource;
    const char *namespace_; /* NULL: all */
    const char *label_selector;
    const char *field_selector;
    const char *resource_version; /* NULL, "" or "0": the present state as ADDED, then changes; N: changes after N */
    bool initial_events;          /* sendInitialEvents=true: the present state, then an annotated BOOKMARK, then changes */
    bool no_bookmark;             /* leaves that BOOKMARK out: allowWatchBookmarks was not asked for */
    void *user;                   /* for store_watch_user() */
};

struct store_watch_event {
    enum store_watch_kind kind;
    json_t *object; /* owned by the receiver */
    uint64_t version;
};

/* Opens a watch. Returns 0 and fills *ret, or -1 and fills *refusal (a Status: 400 bad selector or version, 429 too
 * many watches). A version that is too old is not refused here: the first event is an ERROR 410, as on the wire. */
int store_watch_open(struct store *s, const struct store_watch_options *options, struct store_watch **ret, struct store_answer *refusal);

/* Takes the next event. Returns 1 and fills *ret (its object is the caller's), or 0 when there is none now. After an
 * ERROR the watch is ended and gives nothing any more. Events of a watch that fell behind the history end it with ERROR
 * 410. */
int store_watch_next(struct store_watch *w, struct store_watch_event *ret);

/* A BOOKMARK at the version this watch has seen everything of. Returns 1 and fills *ret, or 0 when events are pending
 * or the watch is ended. */
int store_watch_bookmark(struct store_watch *w, struct store_watch_event *ret);

/* Goes back by up to `count` changes of the watched kind (as far as history reaches), so that they are told again: what
 * a watch cache that lags behind does to its clients. Returns how many changes will be looked at again. */
size_t store_watch_rewind(struct store_watch *w, size_t count);

/* True after an ERROR event was taken. */
bool store_watch_ended(const struct store_watch *w);

void *store_watch_user(const struct store_watch *w);

/* Takes one watch out of the set of those that may have news since they were last emptied, or NULL. A watch enters the
 * set when it is opened, rewound or a change touches its namespace and name. Costs nothing for watches without news. */
struct store_watch *store_watch_ready(struct store *s);

/* Closes a watch; NULL is fine. Returns NULL. */
struct store_watch *store_watch_close(struct store_watch *w);

#endif
