/* The dialect `lease`: coordination.k8s.io/v1 Lease, one per group, the record of client-go
 * (k8s.io/client-go/tools/leaderelection/resourcelock, LeaseSpecToLeaderElectionRecord). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "leasehold/errors.h"
#include "wire/dialect.h"
#include "wire/fields.h"
#include "wire/handover.h"
#include "wire/mark.h"
#include "wire/object.h"
#include "wire/times.h"

enum { MS_PER_S = 1000, RELEASED_S = 1 };

/* ---- reading ---- */

static bool read_int32(const json_t *spec, const char *key, int32_t *ret)
{
    const json_t *value = fields_get(spec, key);
    if (!value)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < INT32_MIN || json_integer_value(value) > INT32_MAX)
        return false;
    *ret = (int32_t)json_integer_value(value);
    return true;
}

static bool read_time(const json_t *spec, const char *key, struct record *r, int64_t *ret)
{
    const json_t *value = fields_get(spec, key);
    if (!value)
        return true;
    const char *text = object_text(value);
    bool exact;
    if (!text || times_parse_exact(text, ret, &exact) < 0)
        return false;
    /* 0 is for none. */
    if (!exact || *ret == 0)
        fields_add_rest(r, value);
    return true;
}

static bool read_transitions(const json_t *spec, int32_t *ret)
{
    int32_t transitions = 0;
    if (!read_int32(spec, "leaseTransitions", &transitions) || transitions < 0)
        return false;
    *ret = transitions;
    return true;
}

static bool read_spec(const json_t *spec, struct record *r)
{
    int32_t seconds = 0;
    if (!json_is_object(spec) || !fields_read_holder(fields_get(spec, "holderIdentity"), r) ||
        !read_int32(spec, "leaseDurationSeconds", &seconds) || !read_transitions(spec, &r->transitions) ||
        !read_time(spec, "acquireTime", r, &r->acquire_us) || !read_time(spec, "renewTime", r, &r->renew_us))
        return false;
    r->duration_ms = seconds > 0 ? (int64_t)seconds * MS_PER_S : 0;
    r->kind = r->holder[0] ? RECORD_HELD : RECORD_EMPTIED;
    return true;
}

static void read_mark(const json_t *mark, const char *holder, struct record *r)
{
    const char *text = object_text(mark);
    if (text)
        mark_parse(text, holder, &r->mark, NULL);
    if (mark && (!r->mark.present || r->kind == RECORD_UNREADABLE))
        fields_add_rest(r, mark);
}

static void lease_read(const json_t *object, const char *group, struct record *ret)
{
    (void)group;
    memset(ret, 0, sizeof *ret);
    const json_t *spec = fields_get(object, "spec");
    const json_t *annotations = fields_get(json_object_get(object, "metadata"), "annotations");
    const char *holder = "";
    if (!object)
        return; /* RECORD_ABSENT */
    if (!spec) {
        ret->kind = RECORD_EMPTIED;
    } else if (read_spec(spec, ret)) {
        /* The mark names the holder whole, even where the record's was cut. */
        holder = ret->kind == RECORD_HELD ? object_text(fields_get(spec, "holderIdentity")) : "";
    } else {
        memset(ret, 0, sizeof *ret);
        ret->kind = RECORD_UNREADABLE;
        /* Goes on counting where another field is garbage. */
        read_transitions(spec, &ret->transitions);
        fields_add_rest(ret, spec);
    }
    read_mark(fields_get(annotations, MARK_ANNOTATION), holder, ret);
}

/* ---- writing ---- */

/* 0 is for none: kube-apiserver takes no duration of 0, and a stamp of 1970 would be a lie. */
static int set_time(json_t *spec, const char *key, int64_t us)
{
    char text[TIMES_MICRO_SIZE];
    if (us == 0) {
        json_object_del(spec, key);
        return 0;
    }
    times_format(us, text);
    return fields_set(spec, key, json_string(text));
}

static int set_duration(json_t *spec, const struct record *record)
{
    static const char key[] = "leaseDurationSeconds";
    if (record->kind == RECORD_EMPTIED)
        return fields_set(spec, key, json_integer(RELEASED_S));
    if (record->duration_ms <= 0) {
        json_object_del(spec, key);
        return 0;
    }
    int64_t seconds = record->duration_ms / MS_PER_S + (record->duration_ms % MS_PER_S > 0);
    return fields_set(spec, key, json_integer(seconds < INT32_MAX ? seconds : INT32_MAX));
}

static int put_mark(json_t *object, const struct record_mark *mark, const char *mark_holder)
{
    json_t *metadata = fields_child(object, "metadata");
    json_t *annotations = metadata ? fields_child(metadata, "annotations") : NULL;
    char *text = annotations ? mark_format(mark, mark_holder, 0) : NULL;
    if (!text)
        return LEASEHOLD_ERR_MEMORY;
    int result = fields_set(annotations, MARK_ANNOTATION, json_string(text));
    free(text);
    return result;
}

static int lease_put(json_t *object, const char *group, const struct record *record, const char *mark_holder)
{
    (void)group;
    BUG_UNLESS(record->kind == RECORD_HELD ? record->holder[0] != 0 : record->kind == RECORD_EMPTIED);
    json_t *spec = fields_child(object, "spec");
    if (!spec || fields_set(spec, "holderIdentity", json_string(record->kind == RECORD_HELD ? record->holder : "")) < 0 ||
        set_duration(spec, record) < 0 || set_time(spec, "acquireTime", record->acquire_us) < 0 ||
        set_time(spec, "renewTime", record->renew_us) < 0 || fields_set(spec, "leaseTransitions", json_integer(record->transitions)) < 0)
        return LEASEHOLD_ERR_MEMORY;
    /* An elector that knows no mark leaves what it finds. */
    return record->mark.present ? put_mark(object, &record->mark, mark_holder) : 0;
}

static bool lease_group_is_good(const char *group, char *sentence, size_t size)
{
    /* It is no part of the object. */
    (void)group;
    (void)sentence;
    (void)size;
    return true;
}

/* Released Camel (LeaseResourceType.Lease) labels its Leases so; its holders are valid as long as their Pods live. */
static bool lease_refuse(const json_t *object, const char *group, char *sentence, size_t size)
{
    const char *provider = object_text(fields_get(fields_get(fields_get(object, "metadata"), "labels"), "provider"));
    if (!provider || strcmp(provider, "camel") != 0)
        return false;
    const char *name = object_name(object);
    snprintf(
        sentence, size,
        "Lease %.80s is labelled provider=camel: a released version of Apache Camel leads by it, whose holders are valid by another rule "
        "than time: stand in another Lease (group %.80s, --lock-name), or remove the label when no such Camel runs any more",
        name ? name : "?", group);
    return true;
}

static const char *lease_handover(const json_t *object, const char *group)
{
    (void)group;
    return object_text(fields_get(fields_get(fields_get(object, "metadata"), "annotations"), HANDOVER_ANNOTATION));
}

static json_t *lease_handover_patch(const char *group, const char *text)
{
    (void)group;
    return json_pack("{s:{s:{s:s}}}", "metadata", "annotations", HANDOVER_ANNOTATION, text);
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
    .group_is_good = lease_group_is_good,
    .handover = lease_handover,
    .handover_patch = lease_handover_patch,
    .refuse = lease_refuse,
};
