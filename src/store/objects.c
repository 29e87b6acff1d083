/* The sorted table of each kind and the ring of its changes. */
#include "store/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t store_find(const struct store_kind *k, const char *namespace_, const char *name, bool *found)
{
    size_t low = 0, high = k->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(k->entries[middle].namespace_, namespace_);
        if (order == 0)
            order = strcmp(k->entries[middle].name, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t store_random(struct store *s)
{
    uint64_t z = (s->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void store_uid(struct store *s, char ret[STORE_UID_BYTES])
{
    uint64_t a = store_random(s), b = store_random(s);
    snprintf(ret, STORE_UID_BYTES, "%08x-%04x-4%03x-%04x-%012" PRIx64, (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffffu,
             (unsigned)a & 0xfffu, ((unsigned)(b >> 48) & 0x3fffu) | 0x8000u, b & 0xffffffffffffu);
}

static void change_clear(struct store_change *change)
{
    json_decref(change->object);
    json_decref(change->previous);
    memset(change, 0, sizeof *change);
}

const struct store_change *store_change_at(const struct store *s, const struct store_kind *k, uint64_t number)
{
    BUG_UNLESS(number >= k->history_first && number < k->history_next);
    return &k->history[number % s->history_max];
}

static void forget_oldest(struct store *s, struct store_kind *k)
{
    struct store_change *oldest = &k->history[k->history_first % s->history_max];
    k->compacted = oldest->version;
    k->history_bytes -= oldest->bytes;
    k->history_first++;
    change_clear(oldest);
}

/* References to object and previous are stolen. */
static void record(struct store *s, struct store_kind *k, enum store_watch_kind kind, json_t *object, json_t *previous, size_t bytes)
{
    while (k->history_next - k->history_first == s->history_max ||
           (k->history_bytes + bytes > STORE_HISTORY_BYTES_MAX && k->history_first < k->history_next))
        forget_oldest(s, k);
    struct store_change *change = &k->history[k->history_next % s->history_max];
    *change = (struct store_change){ .version = s->version,
                                     .kind = kind,
                                     .object = object,
                                     .previous = previous,
                                     .bytes = bytes,
                                     .namespace_ = store_meta_text(object, "namespace"),
                                     .name = store_meta_text(object, "name") };
    k->history_next++;
    k->history_bytes += bytes;
    store_watch_tell(s, k, change);
}

static void set_version(json_t *object, uint64_t version)
{
    char text[STORE_VERSION_BYTES];
    snprintf(text, sizeof text, "%" PRIu64, version);
    store_set(store_meta(object), "resourceVersion", json_string(text));
}

static void insert(struct store_kind *k, size_t position)
{
    if (k->count == k->room) {
        size_t room = k->room == 0 ? 16 : k->room * 2;
        struct store_entry *entries = realloc(k->entries, room * sizeof *entries);
        BUG_UNLESS(entries != NULL);
        k->entries = entries;
        k->room = room;
    }
    memmove(&k->entries[position + 1], &k->entries[position], (k->count - position) * sizeof *k->entries);
    k->count++;
    k->entries[position] = (struct store_entry){ 0 };
}

void store_commit(struct store *s, int kind, json_t *object, size_t bytes)
{
    struct store_kind *k = &s->kinds[kind];
    bool found;

    s->version++;
    set_version(object, s->version);
    size_t position = store_find(k, store_meta_text(object, "namespace"), store_meta_text(object, "name"), &found);
    if (!found) {
        insert(k, position);
        s->objects++;
    }
    struct store_entry *entry = &k->entries[position];
    json_t *previous = entry->object;
    s->bytes = s->bytes - entry->bytes + bytes;
    *entry = (struct store_entry){ .object = object,
                                   .namespace_ = store_meta_text(object, "namespace"),
                                   .name = store_meta_text(object, "name"),
                                   .version = s->version,
                                   .bytes = bytes };
    record(s, k, found ? STORE_MODIFIED : STORE_ADDED, json_incref(object), previous, bytes);
}

void store_remove(struct store *s, int kind, size_t position)
{
    struct store_kind *k = &s->kinds[kind];
    BUG_UNLESS(position < k->count);
    json_t *previous = k->entries[position].object;
    size_t bytes = k->entries[position].bytes;

    s->bytes -= bytes;
    memmove(&k->entries[position], &k->entries[position + 1], (k->count - position - 1) * sizeof *k->entries);
    k->count--;
    s->objects--;
    s->version++;
    json_t *last = store_must(json_copy(previous));
    store_set(last, "metadata", json_copy(store_meta(previous)));
    set_version(last, s->version);
    record(s, k, STORE_DELETED, last, previous, bytes);
}

void store_compact(struct store *s, uint64_t version)
{
    uint64_t until = version == 0 || version > s->version ? s->version : version;
    for (int i = 0; i < STORE_KINDS; i++) {
        struct store_kind *k = &s->kinds[i];
        while (k->history_first < k->history_next && k->history[k->history_first % s->history_max].version <= until)
            forget_oldest(s, k);
        if (k->compacted < until)
            k->compacted = until;
    }
}
