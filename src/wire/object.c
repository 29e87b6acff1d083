#include "wire/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/record.h"
#include "leasehold/errors.h"
#include "wire/dialect.h"

int object_error(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_out_of_memory || code == json_error_unknown ? LEASEHOLD_ERR_MEMORY : LEASEHOLD_ERR_PROTOCOL;
}

int object_parse(const char *bytes, size_t size, json_t **ret)
{
    if (size > OBJECT_SIZE_MAX)
        return LEASEHOLD_ERR_LIMIT;
    json_error_t error = { 0 };
    json_t *object = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!object)
        return object_error(&error);
    if (!json_is_object(object)) {
        json_decref(object);
        return LEASEHOLD_ERR_PROTOCOL;
    }
    *ret = object;
    return 0;
}

const char *object_text(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static bool says(const json_t *object, const char *key, const char *value)
{
    const char *found = object_text(json_object_get(object, key));
    return found && strcmp(found, value) == 0;
}

bool object_is(const json_t *object, const char *api_version, const char *kind)
{
    return says(object, "apiVersion", api_version) && says(object, "kind", kind);
}

const char *object_name(const json_t *object)
{
    return object_text(json_object_get(json_object_get(object, "metadata"), "name"));
}

const char *object_namespace(const json_t *object)
{
    return object_text(json_object_get(json_object_get(object, "metadata"), "namespace"));
}

void object_drop_managed_fields(json_t *object)
{
    json_object_del(json_object_get(object, "metadata"), "managedFields");
}

char *object_dump(const json_t *object, size_t *ret_size)
{
    char *text = json_dumps(object, JSON_COMPACT);
    if (text)
        *ret_size = strlen(text);
    return text;
}

int object_resource_version_parse(const char *text, uint64_t *ret)
{
    uint64_t value = 0;
    if (*text == 0)
        return LEASEHOLD_ERR_PROTOCOL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return LEASEHOLD_ERR_PROTOCOL;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return LEASEHOLD_ERR_PROTOCOL;
    }
    if (value == 0)
        return LEASEHOLD_ERR_PROTOCOL;
    *ret = value;
    return 0;
}

int object_version(const json_t *object, struct record_version *ret)
{
    const json_t *metadata = json_object_get(object, "metadata");
    const char *uid = object_text(json_object_get(metadata, "uid"));
    const char *version = object_text(json_object_get(metadata, "resourceVersion"));
    uint64_t number;
    if (!uid || !version || *uid == 0 || strlen(uid) > LEASEHOLD_UID_MAX || object_resource_version_parse(version, &number) < 0)
        return LEASEHOLD_ERR_PROTOCOL;
    memset(ret, 0, sizeof *ret);
    memcpy(ret->uid, uid, strlen(uid));
    ret->resource_version = number;
    return 0;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool object_name_is_good(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > OBJECT_NAME_MAX || !is_alphanumeric(name[0]) || !is_alphanumeric(name[size - 1]))
        return false;
    for (size_t i = 1; i < size; i++) {
        if (is_alphanumeric(name[i]))
            continue;
        if (name[i] != '-' && name[i] != '.')
            return false;
        /* Each label begins and ends with a letter or digit. */
        if (name[i] == '.' && (name[i - 1] == '-' || name[i - 1] == '.' || name[i + 1] == '-'))
            return false;
    }
    return true;
}

/* Bytes of the character at *text, or 0: RFC 3629, so no overlong forms, no surrogates, nothing above U+10FFFF. */
static size_t character_size(const unsigned char *text)
{
    static const struct {
        unsigned char first, last, second_first, second_last;
        size_t size;
    } forms[] = {
        { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last)
            continue;
        if (forms[i].size > 1 && (text[1] < forms[i].second_first || text[1] > forms[i].second_last))
            return 0;
        for (size_t at = 2; at < forms[i].size; at++)
            if ((text[at] & 0xc0) != 0x80)
                return 0;
        return forms[i].size;
    }
    return 0;
}

bool object_is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        size_t size = character_size(at);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

uint64_t object_digest(uint64_t digest, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ at[i]) * UINT64_C(1099511628211);
    return digest ? digest : 1;
}

bool object_is_large(size_t bytes, const char *kind, const char *name, char *sentence, size_t size)
{
    enum { KIB = 1024, LARGE = 256 * KIB, FULL = 960 * KIB };
    if (bytes >= FULL)
        snprintf(
            sentence, size,
            "%s %.80s has %zu KiB, and the API server refuses to store more than 1024: move groups to other objects (--lock-name) before "
            "a renewal is refused",
            kind, name, bytes / KIB);
    else if (bytes > LARGE)
        snprintf(sentence, size,
                 "%s %.80s has %zu KiB, which every candidate receives with every renewal: spread the groups over several objects "
                 "(--lock-name)",
                 kind, name, bytes / KIB);
    return bytes > LARGE;
}
