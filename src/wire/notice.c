#include "wire/notice.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "leasehold/errors.h"
#include "wire/object.h"
#include "wire/request.h"
#include "wire/times.h"

/* Takes the object. */
static char *dump(json_t *object, size_t *ret_size)
{
    char *text = object ? object_dump(object, ret_size) : NULL;
    json_decref(object);
    return text;
}

char *notice_label_body(const char *key, const char *value, size_t *ret_size)
{
    return dump(json_pack("{s:{s:{s:s?}}}", "metadata", "labels", key, value), ret_size);
}

char *notice_event_body(const struct notice_event *e, size_t *ret_size)
{
    enum { NAME_MAX_KEPT = 230 }; /* with the dot and the digits at most 253 */
    char name[NAME_MAX_KEPT + 24], message[LEASEHOLD_IDENTITY_MAX + 32], time[TIMES_MICRO_SIZE];
    snprintf(name, sizeof name, "%.*s.%016" PRIx64, NAME_MAX_KEPT, e->lock_name, e->unique);
    snprintf(message, sizeof message, "%s %s", e->identity, e->began ? "became leader" : "stopped leading");
    times_format(e->wall_us, time);
    json_t *about = json_pack("{s:s, s:s, s:s, s:s, s:s}", "apiVersion", e->dialect->api_version, "kind", e->dialect->kind, "namespace",
                              e->namespace_, "name", e->lock_name, "uid", e->lock_uid);
    json_t *object =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:s, s:{s:s}, s:s, s:s, s:s, s:s, s:i}", "apiVersion", "v1", "kind", "Event",
                  "metadata", "name", name, "namespace", e->namespace_, "involvedObject", about, "reason", "LeaderElection", "message",
                  message, "type", "Normal", "source", "component", "leasehold", "reportingComponent", "leasehold", "reportingInstance",
                  e->identity, "firstTimestamp", time, "lastTimestamp", time, "count", 1);
    return dump(object, ret_size);
}

int notice_event_path(const char *namespace_, char *ret, size_t size)
{
    char encoded[3 * 253 + 1];
    if (request_encode(namespace_, encoded, sizeof encoded) < 0)
        return LEASEHOLD_ERR_LIMIT;
    int length = snprintf(NULL, 0, "/api/v1/namespaces/%s/events", encoded);
    if (length < 0 || (size_t)length >= size)
        return LEASEHOLD_ERR_LIMIT;
    return snprintf(ret, size, "/api/v1/namespaces/%s/events", encoded);
}
