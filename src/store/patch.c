#include "store/patch.h"

#include "election/bug.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOVED_BYTES_MAX = 3 * 1024 * 1024 };

static json_t *must(json_t *value)
{
    BUG_UNLESS(value != NULL);
    return value;
}

bool store_shallow(const json_t *value, int depth)
{
    const char *key;
    size_t index;
    json_t *item;

    if (depth <= 0)
        return false;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, item)
        {
            if (!store_shallow(item, depth - 1))
                return false;
        }
    } else if (json_is_array(value)) {
        json_array_foreach((json_t *)(uintptr_t)value, index, item)
        {
            if (!store_shallow(item, depth - 1))
                return false;
        }
    }
    return true;
}

/* ---- merge patch --------------------------------------------------------------------------------------------------
 */

json_t *store_patch_merge(const json_t *target, const json_t *patch)
{
    const char *key;
    json_t *change;

    if (!json_is_object(patch))
        return must(json_deep_copy(patch));
    json_t *merged = json_is_object(target) ? must(json_copy((json_t *)(uintptr_t)target)) : must(json_object());
    json_object_foreach((json_t *)(uintptr_t)patch, key, change)
    {
        if (json_is_null(change))
            json_object_del(merged, key);
        else
            BUG_UNLESS(json_object_set_new(merged, key, store_patch_merge(json_object_get(target, key), change)) == 0);
    }
    return merged;
}

/* ---- JSON patch ---------------------------------------------------------------------------------------------------
 */

struct patching {
    json_t *document; /* owned; everything on the way to a change is our own copy */
    size_t moved;     /* bytes copied and moved so far: bounds both growth and work */
    char *error;
    size_t error_size;
};

static enum store_patch_outcome refuse(struct patching *p, const char *operation, const char *path, const char *why)
{
    snprintf(p->error, p->error_size, "%.16s operation at \"%.256s\": %s", operation, path, why);
    return STORE_PATCH_REFUSED;
}

/* Takes the next token of a JSON pointer, which stands at its '/'. Owned by the caller; NULL when malformed. */
static char *token(const char **path)
{
    const char *p = *path;
    if (*p++ != '/')
        return NULL;
    char *text = malloc(strlen(p) + 1);
    size_t length = 0;
    BUG_UNLESS(text != NULL);
    for (; *p != '\0' && *p != '/'; p++) {
        char c = *p;
        if (c == '~') { /* "~0" is '~', "~1" is '/' */
            p++;
            if (*p != '0' && *p != '1') {
                free(text);
                return NULL;
            }
            c = '/';
            if (*p == '0')
                c = '~';
        }
        text[length++] = c;
    }
    text[length] = '\0';
    *path = p;
    return text;
}

/* An array index without leading zeros, at most `last`. */
static int array_index(const char *text, size_t last, size_t *ret)
{
    if (text[0] == '\0' || strlen(text) > 7 || strspn(text, "0123456789") != strlen(text) || (text[0] == '0' && text[1]))
        return -1;
    *ret = (size_t)strtoul(text, NULL, 10);
    return *ret <= last ? 0 : -1;
}

static json_t *child(const json_t *parent, const char *name)
{
    size_t index;
    if (json_is_object(parent))
        return json_object_get(parent, name);
    if (json_is_array(parent) && json_array_size(parent) > 0 && array_index(name, json_array_size(parent) - 1, &index) == 0)
        return json_array_get(parent, index);
    return NULL;
}

/* Finds the parent of a path and its last token (owned by the caller). Borrowed parent, or NULL. */
static json_t *parent_of(json_t *document, const char *path, char **ret_last)
{
    json_t *at = document;
    const char *p = path;
    for (;;) {
        char *name = token(&p);
        if (name == NULL)
            return NULL;
        if (*p == '\0') {
            *ret_last = name;
            return at;
        }
        at = child(at, name);
        free(name);
        if (at == NULL)
            return NULL;
    }
}

static json_t *value_at(json_t *document, const char *path)
{
    char *last = NULL;
    if (path[0] == '\0')
        return document;
    json_t *parent = parent_of(document, path, &last);
    if (parent == NULL)
        return NULL;
    json_t *value = child(parent, last);
    free(last);
    return value;
}

static enum store_patch_outcome put(struct patching *p, const char *operation, const char *path, json_t *value, bool replace)
{
    char *last = NULL;
    size_t index = 0;
    enum store_patch_outcome outcome = STORE_PATCH_DONE;

    if (path[0] == '\0') {
        json_decref(p->document);
        p->document = value;
        return STORE_PATCH_DONE;
    }
    json_t *parent = parent_of(p->document, path, &last);
    if (json_is_object(parent)) {
        if (replace && json_object_get(parent, last) == NULL)
            outcome = refuse(p, operation, path, "nothing is there");
        else
            BUG_UNLESS(json_object_set(parent, last, value) == 0);
    } else if (json_is_array(parent)) {
        size_t size = json_array_size(parent);
        if (!replace && strcmp(last, "-") == 0)
            BUG_UNLESS(json_array_append(parent, value) == 0);
        else if (array_index(last, size, &index) < 0 || (replace && index == size))
            outcome = refuse(p, operation, path, "no such index");
        else
            BUG_UNLESS((replace ? json_array_set(parent, index, value) : json_array_insert(parent, index, value)) == 0);
    } else {
        outcome = refuse(p, operation, path, "the parent does not exist");
    }
    free(last);
    json_decref(value);
    return outcome;
}

static enum store_patch_outcome take(struct patching *p, const char *operation, const char *path)
{
    char *last = NULL;
    size_t index;
    enum store_patch_outcome outcome = STORE_PATCH_DONE;

    json_t *parent = path[0] == '\0' ? NULL : parent_of(p->document, path, &last);
    if (parent == NULL || child(parent, last) == NULL)
        outcome = refuse(p, operation, path, "nothing is there");
    else if (json_is_object(parent))
        json_object_del(parent, last);
    else if (array_index(last, json_array_size(parent) - 1, &index) == 0)
        json_array_remove(parent, index);
    free(last);
    return outcome;
}

/* How deep a value at this path may still nest. */
static int depth_left(const char *path)
{
    int depth = STORE_DEPTH_MAX;
    for (; *path != '\0' && depth > 0; path++)
        depth -= *path == '/' ? 1 : 0;
    return depth;
}

static bool is_inside(const char *path, const char *parent)
{
    size_t length = strlen(parent);
    return strncmp(path, parent, length) == 0 && path[length] == '/';
}

/* move and copy. */
static enum store_patch_outcome transfer(struct patching *p, const char *op, const char *from, const char *path)
{
    bool move = strcmp(op, "move") == 0;
    json_t *source = value_at(p->document, from);

    if (source == NULL)
        return refuse(p, op, from, "nothing is there");
    if (move && (from[0] == '\0' || is_inside(path, from)))
        return refuse(p, op, from, "a value cannot move into itself");
    p->moved += json_dumpb(source, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    if (p->moved > MOVED_BYTES_MAX)
        return refuse(p, op, from, "more than 3 MiB would be copied or moved by one patch");
    if (!store_shallow(source, depth_left(path)))
        return refuse(p, op, path, "the document would be nested too deep");
    json_t *value = move ? json_incref(source) : must(json_deep_copy(source));
    if (move) {
        enum store_patch_outcome taken = take(p, op, from);
        BUG_UNLESS(taken == STORE_PATCH_DONE);
    }
    return put(p, op, path, value, false);
}

static enum store_patch_outcome apply(struct patching *p, const json_t *operation)
{
    const char *op = json_string_value(json_object_get(operation, "op"));
    const char *path = json_string_value(json_object_get(operation, "path"));
    const char *from = json_string_value(json_object_get(operation, "from"));
    json_t *value = json_object_get(operation, "value");

    if (op == NULL || path == NULL || (path[0] != '\0' && path[0] != '/')) {
        snprintf(p->error, p->error_size, "an operation of a JSON patch needs a string \"op\" and a \"path\" that starts with /");
        return STORE_PATCH_MALFORMED;
    }
    bool with_value = strcmp(op, "add") == 0 || strcmp(op, "replace") == 0 || strcmp(op, "test") == 0;
    bool with_from = strcmp(op, "move") == 0 || strcmp(op, "copy") == 0;
    if ((with_value && value == NULL) || (with_from && from == NULL) || (!with_value && !with_from && strcmp(op, "remove") != 0)) {
        snprintf(p->error, p->error_size, "unexpected kind \"%.32s\", or its \"value\" or \"from\" is missing", op);
        return STORE_PATCH_MALFORMED;
    }
    if (strcmp(op, "remove") == 0)
        return take(p, op, path);
    if (strcmp(op, "test") == 0) {
        json_t *present = value_at(p->document, path);
        bool equal = present != NULL ? json_equal(present, value) : json_is_null(value);
        return equal ? STORE_PATCH_DONE : refuse(p, op, path, "the value is another one");
    }
    if (with_value && !store_shallow(value, depth_left(path)))
        return refuse(p, op, path, "the document would be nested too deep");
    if (with_value)
        return put(p, op, path, must(json_deep_copy(value)), strcmp(op, "replace") == 0);

    return transfer(p, op, from, path);
}

enum store_patch_outcome store_patch_json(const json_t *document, const json_t *operations, json_t **ret, char *error, size_t error_size)
{
    size_t index;
    json_t *operation;

    if (!json_is_array(operations)) {
        snprintf(error, error_size, "a JSON patch is an array of operations");
        return STORE_PATCH_MALFORMED;
    }
    if (json_array_size(operations) > STORE_PATCH_OPERATIONS_MAX) {
        snprintf(error, error_size, "a JSON patch has at most %d operations, this one has %zu", (int)STORE_PATCH_OPERATIONS_MAX,
                 json_array_size(operations));
        return STORE_PATCH_TOO_LONG;
    }
    struct patching p = { .document = must(json_deep_copy(document)), .error = error, .error_size = error_size };
    json_array_foreach((json_t *)(uintptr_t)operations, index, operation)
    {
        enum store_patch_outcome outcome = apply(&p, operation);
        if (outcome != STORE_PATCH_DONE) {
            json_decref(p.document);
            return outcome;
        }
    }
    *ret = p.document;
    return STORE_PATCH_DONE;
}
