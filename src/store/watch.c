/* Watches: pulled, never pushed. A watch is a place in the history of its kind and a selector; a label or field that
 * begins or ceases to match turns a change into ADDED or DELETED. */
#include "store/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store_watch {
    struct store *store;
    const struct store_type *type;
    struct store_kind *kind;
    struct store_selector selector;
    const char *only_name; /* into selector */
    char *namespace_;      /* NULL: all */
    void *user;
    json_t **initial; /* the present state still to be told */
    size_t initial_count;
    size_t initial_next;
    uint64_t after;      /* changes up to this version are not told */
    uint64_t next;       /* number of the next change to look at */
    char *expired;       /* the version asked for, when an ERROR 410 is due */
    bool end_of_initial; /* the annotated BOOKMARK is due */
    bool ended;
    bool is_ready;
    struct store_watch *watch_previous, *watch_next;
    struct store_watch *ready_previous, *ready_next;
};

const char *store_watch_kind_name(enum store_watch_kind kind)
{
    static const char *const names[] = { "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR" };
    BUG_UNLESS((size_t)kind < sizeof names / sizeof names[0]);
    return names[kind];
}

/* ---- the ready set ------------------------------------------------------------------------------------------------
 */

static void make_ready(struct store_watch *w)
{
    struct store *s = w->store;
    if (w->is_ready || w->ended)
        return;
    w->is_ready = true;
    w->ready_next = NULL;
    w->ready_previous = s->ready_last;
    if (s->ready_last != NULL)
        s->ready_last->ready_next = w;
    else
        s->ready_first = w;
    s->ready_last = w;
}

static void make_idle(struct store_watch *w)
{
    struct store *s = w->store;
    if (!w->is_ready)
        return;
    w->is_ready = false;
    if (w->ready_previous != NULL)
        w->ready_previous->ready_next = w->ready_next;
    else
        s->ready_first = w->ready_next;
    if (w->ready_next != NULL)
        w->ready_next->ready_previous = w->ready_previous;
    else
        s->ready_last = w->ready_previous;
}

struct store_watch *store_watch_ready(struct store *s)
{
    struct store_watch *w = s->ready_first;
    if (w != NULL)
        make_idle(w);
    return w;
}

static bool concerns(const struct store_watch *w, const struct store_change *change)
{
    return (w->namespace_ == NULL || strcmp(w->namespace_, change->namespace_) == 0) &&
           (w->only_name == NULL || strcmp(w->only_name, change->name) == 0);
}

void store_watch_tell(struct store *s, struct store_kind *k, const struct store_change *change)
{
    (void)s;
    for (struct store_watch *w = k->watches; w != NULL; w = w->watch_next)
        if (!w->is_ready && concerns(w, change))
            make_ready(w);
}

/* ---- opening ------------------------------------------------------------------------------------------------------
 */

static void collect_initial(struct store_watch *w)
{
    const struct store_kind *k = w->kind;
    bool found;
    size_t i = w->namespace_ != NULL ? store_find(k, w->namespace_, "", &found) : 0;
    size_t room = 0;

    for (; i < k->count && (w->namespace_ == NULL || strcmp(k->entries[i].namespace_, w->namespace_) == 0); i++) {
        if (!store_selector_matches(&w->selector, k->entries[i].object))
            continue;
        if (w->initial_count == room) {
            room = room == 0 ? 8 : room * 2;
            json_t **grown = reallocarray(w->initial, room, sizeof(json_t *));
            BUG_UNLESS(grown != NULL);
            w->initial = grown;
        }
        w->initial[w->initial_count++] = json_incref(k->entries[i].object);
    }
}

/* Number of the first change after `version`. */
static uint64_t change_after(const struct store *s, const struct store_kind *k, uint64_t version)
{
    uint64_t low = k->history_first, high = k->history_next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (store_change_at(s, k, middle)->version <= version)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void place(struct store_watch *w, const struct store_watch_options *o, uint64_t version)
{
    struct store *s = w->store;
    bool from_present = version == 0 || o->initial_events;

    w->next = w->kind->history_next;
    w->after = s->version;
    if (from_present) {
        collect_initial(w);
        w->end_of_initial = o->initial_events && !o->no_bookmark;
    } else if (version < w->kind->compacted) {
        w->expired = strdup(o->resource_version);
        BUG_UNLESS(w->expired != NULL);
    } else {
        w->after = version;
        w->next = change_after(s, w->kind, version);
    }
}

static int refuse(struct store_answer *refusal, json_t *status)
{
    *refusal = (struct store_answer){ .code = (int)json_integer_value(json_object_get(status, "code")), .body = status };
    return -1;
}

/* Odd, but the real server's: it takes this for its own fault. */
static int refuse_version(struct store_answer *refusal, const char *asked)
{
    char message[192];
    snprintf(message, sizeof message, "resourceVersion: Invalid value: \"%.64s\": must be a decimal number", asked);
    return refuse(refusal, store_status(500, NULL, message, NULL));
}

int store_watch_open(struct store *s, const struct store_watch_options *o, struct store_watch **ret, struct store_answer *refusal)
{
    const struct store_type *t = store_type(o->resource);
    struct store_selector selector;
    uint64_t version = 0;
    json_t *status = NULL;
    char message[160];

    if (s->watches >= s->watches_max) {
        snprintf(message, sizeof message, "%zu watches are open, the limit: close some or raise the limit", s->watches);
        return refuse(refusal, store_status(429, "TooManyRequests", message, json_pack("{s:i}", "retryAfterSeconds", 1)));
    }
    if (o->resource_version != NULL && o->resource_version[0] != '\0' && store_version_parse(o->resource_version, &version) < 0)
        return refuse_version(refusal, o->resource_version);
    if (store_select(t, o->label_selector, o->field_selector, &selector, &status) < 0)
        return refuse(refusal, status);

    struct store_watch *w = calloc(1, sizeof *w);
    BUG_UNLESS(w != NULL);
    w->store = s;
    w->type = t;
    w->kind = &s->kinds[t->kind];
    w->selector = selector;
    w->only_name = store_selector_name(&w->selector);
    w->user = o->user;
    if (o->namespace_ != NULL) {
        w->namespace_ = strdup(o->namespace_);
        BUG_UNLESS(w->namespace_ != NULL);
    }
    w->watch_next = w->kind->watches;
    if (w->watch_next != NULL)
        w->watch_next->watch_previous = w;
    w->kind->watches = w;
    s->watches++;
    place(w, o, version);
    make_ready(w);
    *ret = w;
    return 0;
}

struct store_watch *store_watch_close(struct store_watch *w)
{
    if (w == NULL)
        return NULL;
    make_idle(w);
    if (w->watch_previous != NULL)
        w->watch_previous->watch_next = w->watch_next;
    else
        w->kind->watches = w->watch_next;
    if (w->watch_next != NULL)
        w->watch_next->watch_previous = w->watch_previous;
    w->store->watches--;
    for (size_t i = w->initial_next; i < w->initial_count; i++)
        json_decref(w->initial[i]);
    free(w->initial);
    free(w->expired);
    free(w->namespace_);
    store_selector_clear(&w->selector);
    free(w);
    return NULL;
}

/* ---- taking events ------------------------------------------------------------------------------------------------
 */

static int give(struct store_watch_event *ret, enum store_watch_kind kind, json_t *object, uint64_t version)
{
    *ret = (struct store_watch_event){ .kind = kind, .object = object, .version = version };
    return 1;
}

static json_t *bookmark_object(const struct store_watch *w, uint64_t version, bool end_of_initial)
{
    char text[64];
    const struct store_resource_info *info = &w->type->info;
    json_t *object = store_must(json_object()), *meta = store_must(json_object());

    store_set(object, "kind", json_string(info->kind));
    snprintf(text, sizeof text, "%s%s%s", info->group, info->group[0] ? "/" : "", info->version);
    store_set(object, "apiVersion", json_string(text));
    snprintf(text, sizeof text, "%" PRIu64, version);
    store_set(meta, "resourceVersion", json_string(text));
    store_set(meta, "creationTimestamp", json_null());
    if (end_of_initial)
        store_set(meta, "annotations", json_pack("{s:s}", "k8s.io/initial-events-end", "true"));
    store_set(object, "metadata", meta);
    return object;
}

/* A change as this watch sees it; 0 when it sees nothing. */
static int translate(const struct store_watch *w, const struct store_change *change, struct store_watch_event *ret)
{
    if (!concerns(w, change))
        return 0;
    bool before = change->previous != NULL && store_selector_matches(&w->selector, change->previous);
    bool after = change->kind != STORE_DELETED && store_selector_matches(&w->selector, change->object);

    if (after)
        return give(ret, before ? STORE_MODIFIED : STORE_ADDED, store_view(w->type, change->object), change->version);
    if (!before)
        return 0;
    if (change->kind == STORE_DELETED)
        return give(ret, STORE_DELETED, store_view(w->type, change->object), change->version);
    /* Left the selection: the state that last matched, with the version of the change. */
    json_t *last = store_must(json_copy(change->previous));
    json_t *meta = store_must(json_copy(store_meta(change->previous)));
    store_set(last, "metadata", meta);
    store_set(meta, "resourceVersion", json_incref(json_object_get(store_meta(change->object), "resourceVersion")));
    json_t *view = store_view(w->type, last);
    json_decref(last);
    return give(ret, STORE_DELETED, view, change->version);
}

static int give_expired(struct store_watch *w, const char *asked, struct store_watch_event *ret)
{
    w->ended = true;
    make_idle(w);
    return give(ret, STORE_ERROR, store_status_expired(asked, w->kind->compacted), w->store->version);
}

int store_watch_next(struct store_watch *w, struct store_watch_event *ret)
{
    struct store *s = w->store;
    char asked[STORE_VERSION_BYTES];

    if (w->ended)
        return 0;
    if (w->expired != NULL)
        return give_expired(w, w->expired, ret);
    if (w->initial_next < w->initial_count) {
        json_t *object = w->initial[w->initial_next++];
        json_t *view = store_view(w->type, object);
        uint64_t version = 0;
        BUG_UNLESS(store_version_parse(store_meta_text(object, "resourceVersion"), &version) == 0);
        json_decref(object);
        return give(ret, STORE_ADDED, view, version);
    }
    if (w->end_of_initial) {
        w->end_of_initial = false;
        return give(ret, STORE_BOOKMARK, bookmark_object(w, w->after, true), w->after);
    }
    if (w->next < w->kind->history_first) { /* fell behind: what comes next is gone */
        snprintf(asked, sizeof asked, "%" PRIu64, w->after);
        return give_expired(w, asked, ret);
    }
    while (w->next < w->kind->history_next) {
        const struct store_change *change = store_change_at(s, w->kind, w->next++);
        if (change->version > w->after && translate(w, change, ret) == 1)
            return 1;
    }
    return 0;
}

int store_watch_bookmark(struct store_watch *w, struct store_watch_event *ret)
{
    if (w->ended || w->expired != NULL || w->end_of_initial || w->initial_next < w->initial_count || w->next < w->kind->history_next ||
        w->after > w->store->version)
        return 0;
    return give(ret, STORE_BOOKMARK, bookmark_object(w, w->store->version, false), w->store->version);
}

size_t store_watch_rewind(struct store_watch *w, size_t count)
{
    uint64_t first = w->kind->history_first;
    if (w->ended || w->expired != NULL || w->next <= first)
        return 0;
    uint64_t back = w->next - first < count ? w->next - first : count;
    w->next -= back;
    w->after = 0;
    if (back > 0)
        make_ready(w);
    return (size_t)back;
}

bool store_watch_ended(const struct store_watch *w)
{
    return w->ended;
}

void *store_watch_user(const struct store_watch *w)
{
    return w->user;
}
