#include "wire/request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "leasehold/errors.h"

enum { ENCODED_MAX = 3 * 253 + 1 };

/* Percent-encodes all but RFC 3986's unreserved characters. False when it does not fit. */
static bool encode(const char *text, char ret[ENCODED_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    size_t size = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
        if (size + (plain ? 1 : 3) >= ENCODED_MAX)
            return false;
        if (plain) {
            ret[size++] = (char)c;
        } else {
            ret[size++] = '%';
            ret[size++] = digits[c >> 4];
            ret[size++] = digits[c & 15];
        }
    }
    ret[size] = 0;
    return true;
}

static int fits(int length, size_t size)
{
    return length >= 0 && (size_t)length < size ? length : LEASEHOLD_ERR_LIMIT;
}

int request_collection_path(const struct dialect *d, const char *namespace_, char *ret, size_t size)
{
    char encoded[ENCODED_MAX];
    if (!namespace_)
        return fits(snprintf(ret, size, "%s/%s", d->path_prefix, d->resource), size);
    if (!encode(namespace_, encoded))
        return LEASEHOLD_ERR_LIMIT;
    return fits(snprintf(ret, size, "%s/namespaces/%s/%s", d->path_prefix, encoded, d->resource), size);
}

int request_lock_path(const struct dialect *d, const char *namespace_, const char *name, char *ret, size_t size)
{
    char encoded[ENCODED_MAX];
    int length = request_collection_path(d, namespace_, ret, size);
    if (length < 0 || !encode(name, encoded))
        return LEASEHOLD_ERR_LIMIT;
    int rest = fits(snprintf(ret + length, size - (size_t)length, "/%s", encoded), size - (size_t)length);
    return rest < 0 ? rest : length + rest;
}

int request_watch_path(const struct dialect *d, const char *namespace_, const char *name, uint64_t resource_version, unsigned timeout_s,
                       char *ret, size_t size)
{
    char encoded[ENCODED_MAX], version[48] = "", timeout[32] = "";
    int length = request_collection_path(d, namespace_, ret, size);
    if (length < 0 || !encode(name, encoded))
        return LEASEHOLD_ERR_LIMIT;
    if (resource_version)
        snprintf(version, sizeof version, "&resourceVersion=%" PRIu64, resource_version);
    if (timeout_s)
        snprintf(timeout, sizeof timeout, "&timeoutSeconds=%u", timeout_s);
    int rest = fits(snprintf(ret + length, size - (size_t)length, "?watch=true&allowWatchBookmarks=true&fieldSelector=metadata.name%%3D%s%s%s",
                             encoded, version, timeout),
                    size - (size_t)length);
    return rest < 0 ? rest : length + rest;
}
