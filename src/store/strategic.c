#include "store/strategic.h"

#include "election/bug.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 128 };

static const char set_order[] = "$setElementOrder/";
static const char delete_from[] = "$deleteFromPrimitiveList/";

/* Lists that are merged. Every other one is replaced as a whole. */
static const struct merged_list {
    const char *kind; /* NULL: every kind */
    const char *path; /* elements of a list add nothing to it */
    const char *key;  /* "": of plain values */
} lists[] = {
    { NULL, "metadata.ownerReferences", "uid" },
    { NULL, "metadata.finalizers", "" },
    { "Namespace", "status.conditions", "type" },
    { "Pod", "spec.volumes", "name" },
    { "Pod", "spec.containers", "name" },
    { "Pod", "spec.containers.ports", "containerPort" },
    { "Pod", "spec.containers.env", "name" },
    { "Pod", "spec.containers.volumeMounts", "mountPath" },
    { "Pod", "spec.containers.volumeDevices", "devicePath" },
    { "Pod", "spec.initContainers", "name" },
    { "Pod", "spec.initContainers.ports", "containerPort" },
    { "Pod", "spec.initContainers.env", "name" },
    { "Pod", "spec.initContainers.volumeMounts", "mountPath" },
    { "Pod", "spec.initContainers.volumeDevices", "devicePath" },
    { "Pod", "spec.ephemeralContainers", "name" },
    { "Pod", "spec.imagePullSecrets", "name" },
    { "Pod", "spec.hostAliases", "ip" },
    { "Pod", "spec.topologySpreadConstraints", "topologyKey" },
    { "Pod", "spec.schedulingGates", "name" },
    { "Pod", "spec.resourceClaims", "name" },
    { "Pod", "status.conditions", "type" },
    { "Pod", "status.podIPs", "ip" },
    { "Pod", "status.hostIPs", "ip" },
    { "Pod", "status.resourceClaimStatuses", "name" },
};

struct merging {
    const char *kind;
    char *error;
    size_t error_size;
};

static json_t *must(json_t *value)
{
    BUG_UNLESS(value != NULL);
    return value;
}

static void set(json_t *object, const char *key, json_t *value)
{
    BUG_UNLESS(json_object_set_new(object, key, must(value)) == 0);
}

static void append(json_t *list, json_t *value)
{
    BUG_UNLESS(json_array_append_new(list, must(value)) == 0);
}

/* The merge key of the list at this path, "" for one of plain values, NULL for one that is replaced. */
static const char *key_of(const struct merging *m, const char *path)
{
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if ((lists[i].kind == NULL || strcmp(lists[i].kind, m->kind) == 0) && strcmp(lists[i].path, path) == 0)
            return lists[i].key;
    return NULL;
}

static json_t *refuse(struct merging *m, const char *path, const char *why)
{
    snprintf(m->error, m->error_size, "strategic merge patch at \"%.100s\": %s", path, why);
    return NULL;
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* "metadata" and "labels" make "metadata.labels". What is cut off is longer than any path of the table. */
static void join(char ret[PATH_BYTES], const char *path, const char *name)
{
    snprintf(ret, PATH_BYTES, "%s%s%.100s", path, path[0] != '\0' ? "." : "", name);
}

static json_t *merge_object(struct merging *m, const char *path, const json_t *target, const json_t *patch);

/* ---- lists --------------------------------------------------------------------------------------------------------- */

static bool same_item(const char *key, const json_t *a, const json_t *b)
{
    const json_t *left = key[0] != '\0' ? json_object_get(a, key) : a;
    const json_t *right = key[0] != '\0' ? json_object_get(b, key) : b;
    return left != NULL && right != NULL && json_equal(left, right);
}

/* Index of the item, or the size of the list. */
static size_t place_of(const json_t *list, const char *key, const json_t *item)
{
    size_t i = 0;
    while (i < json_array_size(list) && !same_item(key, json_array_get(list, i), item))
        i++;
    return i;
}

/* One item of the patch into the list. Returns 0, or -1 with a sentence. */
static int merge_item(struct merging *m, const char *path, const char *key, json_t *list, const json_t *item)
{
    const char *directive = json_string_value(json_object_get(item, "$patch"));
    size_t place = place_of(list, key, item);
    bool found = place < json_array_size(list);

    if (key[0] == '\0') {
        if (!found)
            append(list, json_deep_copy(item));
        return 0;
    }
    if (!json_is_object(item) || json_object_get(item, key) == NULL) {
        char why[96];
        snprintf(why, sizeof why, "an item of this list is an object with the member %s, by which it is merged", key);
        (void)refuse(m, path, why);
        return -1;
    }
    if (directive != NULL && strcmp(directive, "delete") == 0) {
        if (found)
            json_array_remove(list, place);
        return 0;
    }
    json_t *merged = merge_object(m, path, found ? json_array_get(list, place) : NULL, item);
    if (merged == NULL)
        return -1;
    if (found)
        BUG_UNLESS(json_array_set_new(list, place, merged) == 0);
    else
        append(list, merged);
    return 0;
}

/* {"$patch": "replace"} as an item: the others are the whole list. */
static bool is_replaced(const json_t *patch)
{
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)patch, i, item)
    {
        const char *directive = json_string_value(json_object_get(item, "$patch"));
        if (directive != NULL && strcmp(directive, "replace") == 0 && json_object_size(item) == 1)
            return true;
    }
    return false;
}

static json_t *merge_list(struct merging *m, const char *path, const json_t *target, const json_t *patch)
{
    const char *key = key_of(m, path);
    size_t i;
    json_t *item;

    bool fresh = key == NULL || is_replaced(patch) || !json_is_array(target);
    json_t *list = must(fresh ? json_array() : json_copy((json_t *)(uintptr_t)target));
    json_array_foreach((json_t *)(uintptr_t)patch, i, item)
    {
        const char *directive = json_string_value(json_object_get(item, "$patch"));
        if (directive != NULL && strcmp(directive, "replace") == 0 && json_object_size(item) == 1)
            continue;
        if (key == NULL) {
            append(list, json_deep_copy(item));
        } else if (merge_item(m, path, key, list, item) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* The items that the order names take the places of such items, in that order; the others stay where they are. */
static void put_in_order(json_t *list, const char *key, const json_t *order)
{
    json_t *before = must(json_copy(list));
    size_t next = 0, place;

    for (size_t i = 0; i < json_array_size(before); i++) {
        if (place_of(order, key, json_array_get(before, i)) == json_array_size(order))
            continue;
        do
            place = next < json_array_size(order) ? place_of(before, key, json_array_get(order, next++)) : i;
        while (place == json_array_size(before));
        BUG_UNLESS(json_array_set(list, i, json_array_get(before, place)) == 0);
    }
    json_decref(before);
}

/* ---- objects ------------------------------------------------------------------------------------------------------- */

/* $setElementOrder/x and $deleteFromPrimitiveList/x, after everything else was merged. Returns 0, or -1 with a sentence. */
static int apply_list_directive(struct merging *m, const char *path, json_t *merged, const char *name, const json_t *value)
{
    char where[PATH_BYTES];
    size_t i;
    json_t *item;
    bool is_order = begins(name, set_order);
    const char *list_name = name + (is_order ? sizeof set_order : sizeof delete_from) - 1;
    json_t *list = json_object_get(merged, list_name);

    join(where, path, list_name);
    const char *key = key_of(m, where);
    if (!json_is_array(value) || key == NULL || (!is_order && key[0] != '\0')) {
        (void)refuse(m, where, "its order or deletion is given, but it is no list of the kind that is merged");
        return -1;
    }
    if (!json_is_array(list))
        return 0;
    json_t *own = must(json_copy(list));
    set(merged, list_name, own);
    if (is_order) {
        put_in_order(own, key, value);
        return 0;
    }
    json_array_foreach((json_t *)(uintptr_t)value, i, item)
    {
        size_t place = place_of(own, key, item);
        if (place < json_array_size(own))
            json_array_remove(own, place);
    }
    return 0;
}

/* $retainKeys: members that it does not name go. */
static void retain(json_t *merged, const json_t *keys)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(merged, next, name, value)
    {
        bool kept = false;
        for (size_t i = 0; i < json_array_size(keys) && !kept; i++)
            kept = json_is_string(json_array_get(keys, i)) && strcmp(json_string_value(json_array_get(keys, i)), name) == 0;
        if (!kept)
            json_object_del(merged, name);
    }
}

/* A member that is no directive. Returns 0, or -1 with a sentence. */
static int merge_member(struct merging *m, const char *path, json_t *merged, const char *name, const json_t *change)
{
    char where[PATH_BYTES];
    json_t *present = json_object_get(merged, name), *value;

    join(where, path, name);
    if (json_is_null(change)) {
        json_object_del(merged, name);
        return 0;
    }
    if (json_is_object(change))
        value = merge_object(m, where, present, change);
    else if (json_is_array(change))
        value = merge_list(m, where, present, change);
    else
        value = must(json_deep_copy(change));
    if (value == NULL)
        return -1;
    const char *directive = json_string_value(json_object_get(change, "$patch"));
    if (directive != NULL && strcmp(directive, "delete") == 0) {
        json_decref(value);
        json_object_del(merged, name);
    } else {
        set(merged, name, value);
    }
    return 0;
}

static bool is_list_directive(const char *name)
{
    return begins(name, set_order) || begins(name, delete_from);
}

static json_t *merge_object(struct merging *m, const char *path, const json_t *target, const json_t *patch)
{
    const char *directive = json_string_value(json_object_get(patch, "$patch"));
    const json_t *kept = json_object_get(patch, "$retainKeys");
    const char *name;
    json_t *value;

    if (json_object_get(patch, "$patch") != NULL &&
        (directive == NULL || (strcmp(directive, "replace") != 0 && strcmp(directive, "delete") != 0 && strcmp(directive, "merge") != 0)))
        return refuse(m, path, "$patch is \"replace\", \"delete\" or \"merge\"");
    if (kept != NULL && !json_is_array(kept))
        return refuse(m, path, "$retainKeys is a list of names");
    bool fresh = !json_is_object(target) || (directive != NULL && strcmp(directive, "merge") != 0);
    json_t *merged = must(fresh ? json_object() : json_copy((json_t *)(uintptr_t)target));
    int failed = 0;
    json_object_foreach((json_t *)(uintptr_t)patch, name, value)
    {
        if (strcmp(name, "$patch") == 0 || strcmp(name, "$retainKeys") == 0 || is_list_directive(name))
            continue;
        if (name[0] == '$') {
            (void)refuse(m, path,
                         "a member that begins with $ is no directive known here: $patch, $retainKeys, $setElementOrder/LIST or "
                         "$deleteFromPrimitiveList/LIST");
            failed = -1;
        }
        if (failed == 0)
            failed = merge_member(m, path, merged, name, value);
    }
    json_object_foreach((json_t *)(uintptr_t)patch, name, value)
    {
        if (failed == 0 && is_list_directive(name))
            failed = apply_list_directive(m, path, merged, name, value);
    }
    if (failed < 0) {
        json_decref(merged);
        return NULL;
    }
    if (kept != NULL)
        retain(merged, kept);
    return merged;
}

json_t *store_patch_strategic(const char *kind, const json_t *document, const json_t *patch, char *error, size_t error_size)
{
    struct merging m = { .kind = kind, .error = error, .error_size = error_size };
    if (!json_is_object(patch))
        return refuse(&m, "", "the patch is a JSON object");
    return merge_object(&m, "", document, patch);
}
