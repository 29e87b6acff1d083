#include "wire/status.h"

#include <string.h>

#include "leasehold/errors.h"
#include "wire/object.h"

/* As much as fits of a string of the server's, for people: whole characters, no control characters. */
static void copy_text(char *to, size_t max, const json_t *value)
{
    const char *from = json_string_value(value);
    size_t size = from ? strlen(from) : 0;
    if (size > max) {
        size = max;
        while (size > 0 && ((unsigned char)from[size] & 0xc0) == 0x80)
            size--;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)from[i];
        if (c < 0x20 || c == 0x7f)
            c = ' ';
        to[i] = (char)c;
    }
    to[size] = 0;
}

/* A word that is compared: whole, or none. */
static void copy_word(char *to, size_t max, const json_t *value)
{
    if (json_string_length(value) <= max && object_text(value))
        copy_text(to, max, value);
}

int status_read(const json_t *object, struct status *ret)
{
    if (!object_is(object, "v1", "Status"))
        return LEASEHOLD_ERR_PROTOCOL;
    struct status s = { 0 };
    const json_t *details = json_object_get(object, "details");
    json_int_t code = json_integer_value(json_object_get(object, "code"));
    json_int_t retry = json_integer_value(json_object_get(details, "retryAfterSeconds"));
    s.code = code >= 100 && code <= 599 ? (int)code : 0;
    s.retry_after_s = retry > 0 && retry <= INT32_MAX ? (int32_t)retry : 0;
    copy_word(s.reason, STATUS_WORD_MAX, json_object_get(object, "reason"));
    copy_text(s.message, STATUS_MESSAGE_MAX, json_object_get(object, "message"));
    copy_word(s.name, STATUS_WORD_MAX, json_object_get(details, "name"));
    copy_word(s.kind, STATUS_WORD_MAX, json_object_get(details, "kind"));
    copy_word(s.group, STATUS_WORD_MAX, json_object_get(details, "group"));
    *ret = s;
    return 0;
}

int status_parse(const char *bytes, size_t size, struct status *ret)
{
    json_t *object;
    if (object_parse(bytes, size, &object) < 0)
        return LEASEHOLD_ERR_PROTOCOL;
    int result = status_read(object, ret);
    json_decref(object);
    return result;
}

bool status_names_absent(const struct status *status, const char *resource, const char *name)
{
    return strcmp(status->reason, "NotFound") == 0 && (status->code == 404 || status->code == 0) && strcmp(status->kind, resource) == 0 &&
           strcmp(status->name, name) == 0;
}
