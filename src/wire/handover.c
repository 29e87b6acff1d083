#include "wire/handover.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/object.h"

/* A decimal number above 0. */
static bool read_token(const char *text, uint64_t *ret)
{
    return text && object_resource_version_parse(text, ret) == 0;
}

bool handover_parse(const char *text, struct handover *ret)
{
    struct handover h = { 0 };
    size_t size = text ? strlen(text) : 0;
    json_t *json = size > 0 && size <= HANDOVER_SIZE_MAX ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *to = object_text(json_object_get(json, "to"));
    bool good = read_token(object_text(json_object_get(json, "token")), &h.token) && (!to || strlen(to) <= LEASEHOLD_IDENTITY_MAX);
    if (good) {
        snprintf(h.to, sizeof h.to, "%s", to ? to : "");
        *ret = h;
    }
    json_decref(json);
    return good;
}

char *handover_format(const struct handover *h)
{
    char token[32];
    snprintf(token, sizeof token, "%" PRIu64, h->token);
    json_t *json = json_pack("{s:s, s:s*}", "token", token, "to", h->to[0] ? h->to : NULL);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

bool handover_is_to(const struct handover *h, const char *identity)
{
    size_t size = strlen(h->to);
    return strncmp(identity, h->to, size) == 0 &&
           (!identity[size] || (identity[size] == '_' && identity[size + 1 + strspn(identity + size + 1, "0123456789abcdef")] == '\0'));
}
