#include "wire/fields.h"

#include <stdlib.h>
#include <string.h>

#include "leasehold/errors.h"
#include "wire/object.h"

const json_t *fields_get(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

int fields_set(json_t *object, const char *key, json_t *value)
{
    return value && json_object_set_new(object, key, value) == 0 ? 0 : LEASEHOLD_ERR_MEMORY;
}

json_t *fields_child(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (json_is_object(value))
        return value;
    return json_object_set_new(object, key, json_object()) == 0 ? json_object_get(object, key) : NULL;
}

void fields_add_rest(struct record *r, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    uint64_t digest = r->rest ? r->rest : OBJECT_DIGEST_START;
    /* Out of memory a change may look like none, or the other way round: then a wait is as long as it was, or longer. */
    r->rest = object_digest(digest, text ? text : "", text ? strlen(text) + 1 : 0);
    free(text);
}

/* Cuts on a character's boundary, so that what is shown to people stays UTF-8. */
static void copy_cut(char *to, const char *from, size_t max)
{
    size_t size = strlen(from);
    if (size > max) {
        size = max;
        while (size > 0 && ((unsigned char)from[size] & 0xc0) == 0x80)
            size--;
    }
    memcpy(to, from, size);
    to[size] = 0;
}

bool fields_read_holder(const json_t *holder, struct record *r)
{
    if (!holder)
        return true;
    const char *text = object_text(holder);
    if (!text)
        return false;
    if (strlen(text) > LEASEHOLD_IDENTITY_MAX)
        fields_add_rest(r, holder);
    copy_cut(r->holder, text, LEASEHOLD_IDENTITY_MAX);
    return true;
}
