/* The dialect `lease`: coordination.k8s.io/v1 Lease, one per group, the record of client-go
 * (k8s.io/client-go/tools/leaderelection/resourcelock, LeaseSpecToLeaderElectionRecord). */
#include <stdlib.h>
#include <string.h>

#include "leasehold/errors.h"
#include "wire/dialect.h"
#include "wire/mark.h"
#include "wire/object.h"
#include "wire/times.h"

enum { MS_PER_S = 1000 };

/* ---- reading ---- */

/* Absent and null are the same to Kubernetes. */
static const json_t *field(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static bool read_int32(const json_t *spec, const char *key, int32_t *ret)
{
    const json_t *value = field(spec, key);
    if (!value)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < INT32_MIN || json_integer_value(value) > INT32_MAX)
        return false;
    *ret = (int32_t)json_integer_value(value);
    return true;
}

static bool read_time(const json_t *spec, const char *key, int64_t *ret)
{
    const json_t *value = field(spec, key);
    if (!value)
        return true;
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value) && times_parse(json_string_value(value), ret) == 0;
}

static uint64_t digest_of(const json_t *value)
{
    size_t size = 0;
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
    if (!text)
        return 1;
    size = strlen(text);
    uint64_t digest = object_digest(OBJECT_DIGEST_START, text, size);
    free(text);
    return digest;
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

static bool read_holder(const json_t *spec, struct record *r)
{
    const json_t *holder = field(spec, "holderIdentity");
    if (!holder)
        return true;
    /* A NUL within would make two names look the same. */
    if (!json_is_string(holder) || strlen(json_string_value(holder)) != json_string_length(holder))
        return false;
    if (json_string_length(holder) > LEASEHOLD_IDENTITY_MAX)
        r->rest = digest_of(holder);
    copy_cut(r->holder, json_string_value(holder), LEASEHOLD_IDENTITY_MAX);
    return true;
}

static bool read_spec(const json_t *spec, struct record *r)
{
    int32_t seconds = 0;
    if (!json_is_object(spec) || !read_holder(spec, r) || !read_int32(spec, "leaseDurationSeconds", &seconds) ||
        !read_int32(spec, "leaseTransitions", &r->transitions) || !read_time(spec, "acquireTime", &r->acquire_us) ||
        !read_time(spec, "renewTime", &r->renew_us))
        return false;
    r->duration_ms = seconds > 0 ? (int64_t)seconds * MS_PER_S : 0;
    if (r->transitions < 0)
        r->transitions = 0;
    r->kind = r->holder[0] ? RECORD_HELD : RECORD_EMPTIED;
    return true;
}

static void lease_read(const json_t *object, const char *group, struct record *ret)
{
    (void)group;
    memset(ret, 0, sizeof *ret);
    const json_t *spec = field(object, "spec");
    const json_t *annotations = field(json_object_get(object, "metadata"), "annotations");
    const json_t *mark = field(annotations, MARK_ANNOTATION);
    const json_t *holder = field(spec, "holderIdentity");
    if (!spec) {
        ret->kind = RECORD_EMPTIED;
    } else if (!read_spec(spec, ret)) {
        memset(ret, 0, sizeof *ret);
        ret->kind = RECORD_UNREADABLE;
        ret->rest = digest_of(spec);
    }
    if (!json_is_string(mark))
        return;
    /* The mark names the holder whole, even where the record's was cut. */
    const char *whole = ret->kind == RECORD_HELD ? json_string_value(holder) : "";
    mark_parse(json_string_value(mark), whole, &ret->mark);
    if (ret->kind == RECORD_UNREADABLE)
        ret->rest = object_digest(ret->rest, json_string_value(mark), json_string_length(mark));
}

/* ---- writing ---- */

static int set(json_t *object, const char *key, json_t *value)
{
    return value && json_object_set_new(object, key, value) == 0 ? 0 : LEASEHOLD_ERR_MEMORY;
}

/* The object under `key`, made where there is none that can be written into. */
static json_t *child(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (json_is_object(value))
        return value;
    return json_object_set_new(object, key, json_object()) == 0 ? json_object_get(object, key) : NULL;
}

static int set_time(json_t *spec, const char *key, int64_t us)
{
    char text[TIMES_MICRO_SIZE];
    times_format(us, text);
    return set(spec, key, json_string(text));
}

static int put_mark(json_t *object, const struct record_mark *mark, const char *mark_holder)
{
    json_t *metadata = child(object, "metadata");
    json_t *annotations = metadata ? child(metadata, "annotations") : NULL;
    char *text = annotations ? mark_format(mark, mark_holder) : NULL;
    if (!text)
        return LEASEHOLD_ERR_MEMORY;
    int result = set(annotations, MARK_ANNOTATION, json_string(text));
    free(text);
    return result;
}

static int lease_put(json_t *object, const char *group, const struct record *record, const char *mark_holder)
{
    (void)group;
    json_t *spec = child(object, "spec");
    if (!spec || set(spec, "holderIdentity", json_string(record->holder)) < 0 ||
        set(spec, "leaseDurationSeconds", json_integer(record->duration_ms / MS_PER_S)) < 0 ||
        set_time(spec, "acquireTime", record->acquire_us) < 0 || set_time(spec, "renewTime", record->renew_us) < 0 ||
        set(spec, "leaseTransitions", json_integer(record->transitions)) < 0)
        return LEASEHOLD_ERR_MEMORY;
    return record->mark.present ? put_mark(object, &record->mark, mark_holder) : 0;
}

const struct dialect dialect_lease = {
    .name = "lease",
    .api_version = "coordination.k8s.io/v1",
    .kind = "Lease",
    .resource = "leases",
    .api_group = "coordination.k8s.io",
    .path_prefix = "/apis/coordination.k8s.io/v1",
    .shared = false,
    .stamp_unit_us = 1,
    .read = lease_read,
    .put = lease_put,
};
