#include "store/snapshot.h"

#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 2 * STORE_NAME_MAX + 2 };

static void write_key(char ret[KEY_BYTES], const char *namespace_, const char *name)
{
    int length = snprintf(ret, KEY_BYTES, "%s/%s", namespace_, name);
    BUG_UNLESS(length > 0 && length < KEY_BYTES);
}

/* "namespace/name" of what changed after `version`, with the object as it was then, or null where there was none. */
static json_t *changed_since(const struct store *s, const struct store_kind *k, const char *namespace_, uint64_t version)
{
    json_t *before = store_must(json_object());
    char key[KEY_BYTES];

    for (uint64_t number = k->history_next; number > k->history_first; number--) {
        const struct store_change *change = store_change_at(s, k, number - 1);
        if (change->version <= version)
            break;
        if (namespace_ != NULL && strcmp(namespace_, change->namespace_) != 0)
            continue;
        write_key(key, change->namespace_, change->name);
        /* From the newest to the oldest: the last one to be set is the state at that version. */
        store_set(before, key, change->previous != NULL ? json_incref(change->previous) : json_null());
    }
    return before;
}

static int by_name(const void *left, const void *right)
{
    json_t *const *a = left, *const *b = right;
    int order = strcmp(store_meta_text(*a, "namespace"), store_meta_text(*b, "namespace"));
    return order != 0 ? order : strcmp(store_meta_text(*a, "name"), store_meta_text(*b, "name"));
}

int store_snapshot_take(const struct store *s, const struct store_kind *k, const char *namespace_, uint64_t version,
                        struct store_snapshot *ret)
{
    char key[KEY_BYTES];
    const char *name;
    json_t *object;
    size_t end;

    if (version < k->compacted)
        return -1;
    json_t *before = changed_since(s, k, namespace_, version);
    bool changed = json_object_size(before) > 0;
    size_t first = store_range(k, namespace_, &end);
    ret->count = 0;
    ret->objects = calloc(end - first + json_object_size(before) + 1, sizeof(json_t *));
    BUG_UNLESS(ret->objects != NULL);
    for (size_t i = first; i < end; i++) {
        const struct store_entry *entry = &k->entries[i];
        if (changed)
            write_key(key, entry->namespace_, entry->name);
        if (!changed || json_object_get(before, key) == NULL)
            ret->objects[ret->count++] = json_incref(entry->object);
    }
    json_object_foreach(before, name, object)
    {
        if (!json_is_null(object))
            ret->objects[ret->count++] = json_incref(object);
    }
    if (changed)
        qsort(ret->objects, ret->count, sizeof(json_t *), by_name);
    json_decref(before);
    return 0;
}

void store_snapshot_clear(struct store_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++)
        json_decref(snapshot->objects[i]);
    free(snapshot->objects);
    snapshot->objects = NULL;
    snapshot->count = 0;
}
