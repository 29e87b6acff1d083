#include "wire/request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "leasehold/errors.h"

enum { ENCODED_MAX = 3 * 253 + 1 };

int request_encode(const char *text, char *ret, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
        if (used + (plain ? 1 : 3) >= size)
            return LEASEHOLD_ERR_LIMIT;
        if (plain) {
            ret[used++] = (char)c;
        } else {
            ret[used++] = '%';
            ret[used++] = digits[c >> 4];
            ret[used++] = digits[c & 15];
        }
    }
    ret[used] = 0;
    return (int)used;
}

static bool encode(const char *text, char ret[ENCODED_MAX])
{
    return request_encode(text, ret, ENCODED_MAX) >= 0;
}

/* Hands a path out when it is whole and fits; else *ret stays as it was. */
static int hand_out(const char path[REQUEST_PATH_MAX], int length, char *ret, size_t size)
{
    if (length < 0 || length >= REQUEST_PATH_MAX || (size_t)length >= size)
        return LEASEHOLD_ERR_LIMIT;
    memcpy(ret, path, (size_t)length + 1);
    return length;
}

/* The length that the path would have, or -1. */
static int compose_collection(const struct dialect *d, const char *namespace_, char path[REQUEST_PATH_MAX])
{
    char encoded[ENCODED_MAX];
    if (!namespace_)
        return snprintf(path, REQUEST_PATH_MAX, "%s/%s", d->path_prefix, d->resource);
    if (!encode(namespace_, encoded))
        return -1;
    return snprintf(path, REQUEST_PATH_MAX, "%s/namespaces/%s/%s", d->path_prefix, encoded, d->resource);
}

int request_collection_path(const struct dialect *d, const char *namespace_, char *ret, size_t size)
{
    char path[REQUEST_PATH_MAX];
    return hand_out(path, compose_collection(d, namespace_, path), ret, size);
}

int request_lock_path(const struct dialect *d, const char *namespace_, const char *name, char *ret, size_t size)
{
    char path[REQUEST_PATH_MAX], collection[REQUEST_PATH_MAX], encoded[ENCODED_MAX];
    int length = compose_collection(d, namespace_, collection);
    if (length < 0 || length >= REQUEST_PATH_MAX || !encode(name, encoded))
        return LEASEHOLD_ERR_LIMIT;
    return hand_out(path, snprintf(path, sizeof path, "%s/%s", collection, encoded), ret, size);
}

int request_watch_path(const struct dialect *d, const char *namespace_, const char *name, uint64_t resource_version, unsigned timeout_s,
                       char *ret, size_t size)
{
    char path[REQUEST_PATH_MAX], collection[REQUEST_PATH_MAX], encoded[ENCODED_MAX], version[48] = "", timeout[32] = "";
    int length = compose_collection(d, namespace_, collection);
    if (length < 0 || length >= REQUEST_PATH_MAX || !encode(name, encoded))
        return LEASEHOLD_ERR_LIMIT;
    if (resource_version)
        snprintf(version, sizeof version, "&resourceVersion=%" PRIu64, resource_version);
    if (timeout_s)
        snprintf(timeout, sizeof timeout, "&timeoutSeconds=%u", timeout_s);
    length = snprintf(path, sizeof path, "%s?watch=true&allowWatchBookmarks=true&fieldSelector=metadata.name%%3D%s%s%s", collection,
                      encoded, version, timeout);
    return hand_out(path, length, ret, size);
}
