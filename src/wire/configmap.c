/* The dialect `configmap`: many groups in one v1 ConfigMap, the record of Camel's lease-based lock (CAMEL-11331: ConfigMapLockUtils,
 * LeaderInfo), and our term mark in a data key beside it.
 *
 * The record itself holds no more than a name and a time in whole seconds; lease duration, transitions and the time of acquiring
 * stand in the mark, and count where it names the holder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "leasehold/errors.h"
#include "wire/dialect.h"
#include "wire/fields.h"
#include "wire/mark.h"
#include "wire/object.h"
#include "wire/times.h"

#define KEY_POD "leader.pod."
#define KEY_TIMESTAMP "leader.timestamp."
#define KEY_MARK "leasehold.term."
#define KEY_HANDOVER "leasehold.ask." /* the value is that of HANDOVER_ANNOTATION */
/* Of released Camel (KubernetesLockConfiguration): its holders are valid as long as their Pods live, whatever the time. */
#define KEY_LOCAL_TIMESTAMP "leader.local.timestamp."

/* The record of the Python client's elector, of fabric8's on a ConfigMap, and of client-go's before 0.24. */
#define RECORD_ANNOTATION "control-plane.alpha.kubernetes.io/leader"

enum {
    KEY_SIZE_MAX = 253, /* bytes of a ConfigMap's key (Kubernetes: IsConfigMapKey) */
    KEY_ROOM = 320,     /* for a prefix of ours and a group's name, with the NUL */
    RELEASED_MS = 1000,
    US_PER_S = 1000000,
};

static const char *key_of(const char *prefix, const char *group, char ret[KEY_ROOM])
{
    int size = snprintf(ret, KEY_ROOM, "%s%s", prefix, group);
    BUG_UNLESS(size > 0 && size < KEY_ROOM); /* configmap_group_is_good() has seen it */
    return ret;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

struct keys {
    const json_t *pod, *timestamp, *mark; /* NULL: not there */
};

static struct keys find_keys(const json_t *data, const char *group)
{
    char key[KEY_ROOM];
    struct keys k;
    k.pod = fields_get(data, key_of(KEY_POD, group, key));
    k.timestamp = fields_get(data, key_of(KEY_TIMESTAMP, group, key));
    k.mark = fields_get(data, key_of(KEY_MARK, group, key));
    /* Camel takes an empty holder for none, and so it is written on a release. */
    const char *pod = object_text(k.pod);
    if (pod && !*pod)
        k.pod = NULL;
    return k;
}

/* Both keys, and each of them good. */
static bool read_held(const struct keys *k, struct record *r)
{
    const char *stamp = object_text(k->timestamp);
    bool exact;
    if (!k->pod || !fields_read_holder(k->pod, r) || !stamp || times_parse_exact(stamp, &r->renew_us, &exact) < 0)
        return false;
    /* 0 is for none. */
    if (!exact || r->renew_us == 0)
        fields_add_rest(r, k->timestamp);
    r->kind = RECORD_HELD;
    return true;
}

static void read_mark(const struct keys *k, struct record *r)
{
    const char *text = object_text(k->mark);
    /* The mark names the holder whole, even where the record's was cut. */
    const char *holder = r->kind == RECORD_HELD ? object_text(k->pod) : "";
    int64_t acquired_us = 0;
    if (text) {
        mark_parse(text, holder, &r->mark, &acquired_us);
        r->transitions = r->mark.transitions;
    }
    if (r->mark.names_holder) {
        r->duration_ms = r->mark.duration_ms;
        r->acquire_us = acquired_us;
    } else if (r->kind == RECORD_EMPTIED && r->mark.released) {
        r->duration_ms = RELEASED_MS;
    }
    if (k->mark && (!r->mark.present || r->kind == RECORD_UNREADABLE))
        fields_add_rest(r, k->mark);
}

static void configmap_read(const json_t *object, const char *group, struct record *ret)
{
    memset(ret, 0, sizeof *ret);
    const json_t *data = fields_get(object, "data");
    struct keys k = find_keys(data, group);
    bool garbage = data && !json_is_object(data);
    if (!garbage && !k.pod && !k.timestamp && !k.mark)
        return; /* RECORD_ABSENT */
    if (garbage || ((k.pod || k.timestamp) && !read_held(&k, ret))) {
        memset(ret, 0, sizeof *ret);
        ret->kind = RECORD_UNREADABLE;
        if (garbage)
            fields_add_rest(ret, data);
        if (k.pod)
            fields_add_rest(ret, k.pod);
        if (k.timestamp)
            fields_add_rest(ret, k.timestamp);
    } else if (ret->kind != RECORD_HELD) {
        ret->kind = RECORD_EMPTIED;
    }
    read_mark(&k, ret);
}

static void configmap_each_group(const json_t *object, void (*fn)(void *user, const char *group), void *user)
{
    json_t *data = json_object_get(object, "data");
    const char *key;
    json_t *value;
    json_object_foreach(data, key, value) if (strncmp(key, KEY_POD, sizeof KEY_POD - 1) == 0 && key[sizeof KEY_POD - 1] &&
                                              strlen(key) <= KEY_SIZE_MAX) fn(user, key + sizeof KEY_POD - 1);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

/* "2026-11-23T03:14:35Z": the pattern yyyy-MM-dd'T'HH:mm:ssX in UTC, up to the next second, since a peer compares it with its clock. */
static void format_stamp(int64_t us, char ret[TIMES_MICRO_SIZE])
{
    enum { SECONDS_END = 19 };
    int64_t part = us % US_PER_S;
    if (part != 0)
        us += part > 0 ? US_PER_S - part : -part;
    times_format(us, ret);
    memcpy(ret + SECONDS_END, "Z", 2);
}

static int put_mark(json_t *data, const char *group, const struct record *record, const char *mark_holder)
{
    char key[KEY_ROOM];
    /* Also behind a release, where it stands for nothing: a write that changed no byte would leave the version as it is, and with that
     * a write made before it could still land. */
    char *text = mark_format(&record->mark, mark_holder, record->acquire_us);
    if (!text)
        return LEASEHOLD_ERR_MEMORY;
    int result = fields_set(data, key_of(KEY_MARK, group, key), json_string(text));
    free(text);
    return result;
}

static int configmap_put(json_t *object, const char *group, const struct record *record, const char *mark_holder)
{
    bool held = record->kind == RECORD_HELD;
    char key[KEY_ROOM], stamp[TIMES_MICRO_SIZE];
    BUG_UNLESS(held ? record->holder[0] != 0 : record->kind == RECORD_EMPTIED);
    json_t *data = fields_child(object, "data");
    if (!data || fields_set(data, key_of(KEY_POD, group, key), json_string(held ? record->holder : "")) < 0)
        return LEASEHOLD_ERR_MEMORY;
    format_stamp(record->renew_us, stamp);
    key_of(KEY_TIMESTAMP, group, key);
    /* Without it Camel's lock is free. */
    if (!held)
        json_object_del(data, key);
    else if (fields_set(data, key, json_string(stamp)) < 0)
        return LEASEHOLD_ERR_MEMORY;
    /* An elector that knows no mark leaves what it finds. */
    return record->mark.present ? put_mark(data, group, record, mark_holder) : 0;
}

/* ---- what is refused ---------------------------------------------------------------------------------------------- */

static bool configmap_group_is_good(const char *group, char *sentence, size_t size)
{
    size_t length = strlen(group), most = KEY_SIZE_MAX - (sizeof KEY_TIMESTAMP - 1);
    size_t bad = strspn(group, "-._abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    if (length > 0 && length <= most && bad == length)
        return true;
    if (bad < length)
        snprintf(sentence, size,
                 "group %.80s has the character '%.1s', which a key of a ConfigMap must not have: use letters, digits, '-', '.' and '_'",
                 group, (unsigned char)group[bad] < 0x80 ? group + bad : "?");
    else
        snprintf(sentence, size, "group %.80s%s has %zu bytes, but a key of a ConfigMap leaves room for 1 to %zu: give it another name",
                 group, length > 80 ? "..." : "", length, most);
    return false;
}

static bool configmap_refuse(const json_t *object, const char *group, char *sentence, size_t size)
{
    char key[KEY_ROOM];
    const char *name = object_name(object);
    if (fields_get(fields_get(object, "data"), key_of(KEY_LOCAL_TIMESTAMP, group, key))) {
        snprintf(sentence, size,
                 "group %.80s in ConfigMap %.80s is locked by a released version of Apache Camel (it has %s%.80s), whose holders are valid "
                 "by another rule than time: stand for another group or in another ConfigMap (--lock-name), or remove the key when no such "
                 "Camel runs any more",
                 group, name ? name : "?", KEY_LOCAL_TIMESTAMP, group);
        return true;
    }
    const char *record = object_text(fields_get(fields_get(fields_get(object, "metadata"), "annotations"), RECORD_ANNOTATION));
    if (record && record[0]) {
        snprintf(sentence, size,
                 "ConfigMap %.80s is the lock of another elector (it has the annotation %s), which looks at nothing that is written here: "
                 "stand in another ConfigMap (--lock-name), or remove the annotation when no such elector runs any more",
                 name ? name : "?", RECORD_ANNOTATION);
        return true;
    }
    if (json_is_true(json_object_get(object, "immutable"))) {
        snprintf(sentence, size, "ConfigMap %.80s is immutable, so nobody can lead by it: delete it, or name another one with --lock-name",
                 name ? name : "?");
        return true;
    }
    return false;
}

static const char *configmap_handover(const json_t *object, const char *group)
{
    char key[KEY_ROOM];
    return object_text(fields_get(fields_get(object, "data"), key_of(KEY_HANDOVER, group, key)));
}

static json_t *configmap_handover_patch(const char *group, const char *text)
{
    char key[KEY_ROOM];
    return json_pack("{s:{s:s}}", "data", key_of(KEY_HANDOVER, group, key), text);
}

const struct dialect dialect_configmap = {
    .name = "configmap",
    .api_version = "v1",
    .kind = "ConfigMap",
    .resource = "configmaps",
    .api_group = "",
    .path_prefix = "/api/v1",
    .shared = true,
    .stamp_unit_us = US_PER_S,
    .labels = { { "provider", "camel" }, { "kind", "locks" } },
    .read = configmap_read,
    .put = configmap_put,
    .each_group = configmap_each_group,
    .group_is_good = configmap_group_is_good,
    .handover = configmap_handover,
    .handover_patch = configmap_handover_patch,
    .refuse = configmap_refuse,
};
