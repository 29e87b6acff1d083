#include "wire/pod.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "leasehold/errors.h"
#include "wire/object.h"
#include "wire/request.h"
#include "wire/times.h"

/* ---- one Pod ------------------------------------------------------------------------------------------------------ */

/* A string of 1 to `most` bytes, or NULL. */
static const char *text_of(const json_t *object, const char *key, size_t most)
{
    const char *text = object_text(json_object_get(object, key));
    return text && text[0] && strlen(text) <= most ? text : NULL;
}

static enum member_phase phase_of(const char *word)
{
    static const char *const words[MEMBER_PHASES] = { "Unknown", "Pending", "Running", "Succeeded", "Failed" };
    for (int i = 0; word && i < MEMBER_PHASES; i++)
        if (strcmp(words[i], word) == 0)
            return (enum member_phase)i;
    return MEMBER_PHASE_UNKNOWN;
}

static bool is_ready(const json_t *status)
{
    size_t i;
    json_t *condition;
    json_array_foreach(json_object_get(status, "conditions"), i, condition)
    {
        const char *type = object_text(json_object_get(condition, "type")), *value = object_text(json_object_get(condition, "status"));
        if (type && strcmp(type, "Ready") == 0)
            return value && strcmp(value, "True") == 0;
    }
    return false;
}

/* Somebody may connect to it: an address is made of what addresses are made of. */
static const char *address_of(const json_t *status)
{
    const char *text = text_of(status, "podIP", MEMBER_ADDRESS_MAX);
    return text && strspn(text, "0123456789abcdefABCDEF.:") == strlen(text) ? text : "";
}

static int64_t time_of(const json_t *metadata, const char *key)
{
    const char *text = object_text(json_object_get(metadata, key));
    int64_t us;
    return text && times_parse(text, &us) == 0 ? us : 0;
}

int pod_read(const json_t *object, struct pod *ret)
{
    const json_t *metadata = json_object_get(object, "metadata"), *status = json_object_get(object, "status");
    const char *name = text_of(metadata, "name", MEMBER_NAME_MAX), *uid = text_of(metadata, "uid", MEMBER_UID_MAX);
    const char *version = object_text(json_object_get(metadata, "resourceVersion"));
    const char *node = text_of(json_object_get(object, "spec"), "nodeName", MEMBER_NODE_MAX);
    const json_t *kind = json_object_get(object, "kind");
    uint64_t number;
    if (kind && !object_is(object, "v1", "Pod"))
        return LEASEHOLD_ERR_PROTOCOL;
    if (!name || !object_name_is_good(name) || !uid || !version || object_resource_version_parse(version, &number) < 0)
        return LEASEHOLD_ERR_PROTOCOL;
    *ret = (struct pod){ .name = name,
                         .uid = uid,
                         .address = address_of(status),
                         .node = node ? node : "",
                         .version = number,
                         .since_us = time_of(metadata, "creationTimestamp"),
                         .phase = phase_of(object_text(json_object_get(status, "phase"))),
                         .ready = is_ready(status),
                         .terminating = json_is_string(json_object_get(metadata, "deletionTimestamp")) };
    return 0;
}

/* ---- lists -------------------------------------------------------------------------------------------------------- */

static int read_list(json_t *json, struct pod_list *ret)
{
    const json_t *metadata = json_object_get(json, "metadata"), *items = json_object_get(json, "items");
    const json_t *token = json_object_get(metadata, "continue");
    const char *version = object_text(json_object_get(metadata, "resourceVersion")), *next = object_text(token);
    uint64_t number;
    if (!object_is(json, "v1", "PodList") || !version || object_resource_version_parse(version, &number) < 0)
        return LEASEHOLD_ERR_PROTOCOL;
    /* A server written in Go tells an empty list as null. */
    if ((!json_is_array(items) && !json_is_null(items)) || (token && !next))
        return LEASEHOLD_ERR_PROTOCOL;
    if (next && strlen(next) > POD_CONTINUE_MAX)
        return LEASEHOLD_ERR_LIMIT;
    *ret = (struct pod_list){ .json = json, .count = json_array_size(items), .version = number, .next = next ? next : "" };
    return 0;
}

int pod_list_parse(const char *bytes, size_t size, struct pod_list *ret)
{
    json_error_t error = { 0 };
    if (size > POD_LIST_SIZE_MAX)
        return LEASEHOLD_ERR_LIMIT;
    json_t *json = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!json)
        return object_error(&error);
    int result = read_list(json, ret);
    if (result < 0)
        json_decref(json);
    return result;
}

const json_t *pod_list_item(const struct pod_list *list, size_t index)
{
    return json_array_get(json_object_get(list->json, "items"), index);
}

void pod_list_clear(struct pod_list *list)
{
    json_decref(list->json);
    *list = (struct pod_list){ .next = "" };
}

/* ---- paths -------------------------------------------------------------------------------------------------------- */

/* Appends text and, encoded, a value. Returns false when it does not fit. */
static bool append(char path[POD_PATH_MAX], size_t *used, const char *text, const char *value)
{
    size_t size = strlen(text);
    if (*used + size >= POD_PATH_MAX)
        return false;
    memcpy(path + *used, text, size + 1);
    *used += size;
    int length = request_encode(value, path + *used, POD_PATH_MAX - *used);
    if (length < 0)
        return false;
    *used += (size_t)length;
    return true;
}

static int hand_out(const char path[POD_PATH_MAX], bool whole, size_t used, char *ret, size_t size)
{
    if (!whole || used >= size)
        return LEASEHOLD_ERR_LIMIT;
    memcpy(ret, path, used + 1);
    return (int)used;
}

int pod_list_path(const char *namespace_, const char *selector, const char *next, char *ret, size_t size)
{
    char path[POD_PATH_MAX], limit[32];
    size_t used = 0;
    snprintf(limit, sizeof limit, "%d", POD_PAGE);
    bool whole = append(path, &used, "/api/v1/namespaces/", namespace_) && append(path, &used, "/pods?limit=", limit);
    if (whole && selector[0])
        whole = append(path, &used, "&labelSelector=", selector);
    if (whole && next[0])
        whole = append(path, &used, "&continue=", next);
    return hand_out(path, whole, used, ret, size);
}

int pod_watch_path(const char *namespace_, const char *selector, uint64_t version, char *ret, size_t size)
{
    char path[POD_PATH_MAX], number[32];
    size_t used = 0;
    snprintf(number, sizeof number, "%" PRIu64, version);
    bool whole =
        append(path, &used, "/api/v1/namespaces/", namespace_) && append(path, &used, "/pods?watch=true&allowWatchBookmarks=true", "");
    if (whole && selector[0])
        whole = append(path, &used, "&labelSelector=", selector);
    whole = whole && append(path, &used, "&resourceVersion=", number);
    return hand_out(path, whole, used, ret, size);
}

int pod_path(const char *namespace_, const char *name, char *ret, size_t size)
{
    char path[POD_PATH_MAX];
    size_t used = 0;
    bool whole = append(path, &used, "/api/v1/namespaces/", namespace_) && append(path, &used, "/pods/", name);
    return hand_out(path, whole, used, ret, size);
}
