/* What the real server's typed decoder does to a body: types are checked, times take their one form, empty members go,
 * and what the server itself owns (managedFields, selfLink) is dropped. Unknown members of a Lease's spec and of other
 * kinds stay. */
#include "store/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum member_type { TEXT, INT32, INT64, BOOLEAN, TEXT_MAP, TEXT_LIST, OBJECT_LIST, TIME, MICRO_TIME, DROP };

struct member {
    const char *name;
    enum member_type type;
};

static const struct member metadata_members[] = {
    { "name", TEXT },
    { "generateName", TEXT },
    { "namespace", TEXT },
    { "uid", TEXT },
    { "resourceVersion", TEXT },
    { "generation", INT64 },
    { "creationTimestamp", TIME },
    { "deletionTimestamp", TIME },
    { "deletionGracePeriodSeconds", INT64 },
    { "labels", TEXT_MAP },
    { "annotations", TEXT_MAP },
    { "ownerReferences", OBJECT_LIST },
    { "finalizers", TEXT_LIST },
    { "selfLink", DROP },
    { "managedFields", DROP },
    { NULL, DROP },
};

static const struct member lease_members[] = {
    { "holderIdentity", TEXT },    { "leaseDurationSeconds", INT32 },
    { "acquireTime", MICRO_TIME }, { "renewTime", MICRO_TIME },
    { "leaseTransitions", INT32 }, { "strategy", TEXT },
    { "preferredHolder", TEXT },   { NULL, DROP },
};

static const struct member configmap_members[] = {
    { "data", TEXT_MAP }, { "binaryData", TEXT_MAP }, { "immutable", BOOLEAN }, { NULL, DROP }
};

struct decoding {
    const struct store_type *type;
    json_t **ret_status;
    const char *where; /* "spec.", "metadata." or "" */
};

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "bool";
    case JSON_NULL:
        break;
    }
    return "null";
}

static json_t *wrong_type(struct decoding *d, const char *name, const json_t *value, const char *wanted)
{
    const char *kind = d->type->info.kind;
    bool meta = strcmp(d->where, "metadata.") == 0, spec = strcmp(d->where, "spec.") == 0;
    *d->ret_status = store_status_bad_request("%s in version \"%s\" cannot be handled as a %s: json: cannot unmarshal %s into Go "
                                              "struct field %s%s.%s%.128s of type %s",
                                              kind, d->type->info.version, kind, type_name(value), meta ? "ObjectMeta" : kind,
                                              spec ? "Spec" : "", d->where, name, wanted);
    return NULL;
}

static json_t *wrong_time(struct decoding *d, const char *text, const char *layout)
{
    *d->ret_status =
        store_status_bad_request("%s in version \"%s\" cannot be handled as a %s: parsing time \"%.64s\" as \"%s\": cannot parse",
                                 d->type->info.kind, d->type->info.version, d->type->info.kind, text, layout);
    return NULL;
}

/* The real server reads MicroTime with exactly six fraction digits, in any zone, and always writes UTC. */
static json_t *decode_time(struct decoding *d, const char *name, const json_t *value, bool micro)
{
    char text[STORE_STAMP_BYTES];
    int64_t us;

    if (!json_is_string(value))
        return wrong_type(d, name, value, micro ? "v1.MicroTime" : "v1.Time");
    if (store_stamp_parse(json_string_value(value), micro ? 6 : 0, &us) < 0)
        return wrong_time(d, json_string_value(value), micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00");
    if (micro)
        store_stamp_micro(us, text);
    else
        store_stamp_seconds(us, text);
    return store_must(json_string(text));
}

static json_t *decode_text_map(struct decoding *d, const char *name, const json_t *value)
{
    const char *key;
    json_t *item;

    if (!json_is_object(value))
        return wrong_type(d, name, value, "map[string]string");
    json_t *map = store_must(json_object());
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
    {
        if (json_is_null(item)) { /* Go reads null as the empty string */
            store_set(map, key, json_string(""));
        } else if (json_is_string(item)) {
            store_set(map, key, json_deep_copy(item)); /* the body stays the caller's */
        } else {
            json_decref(map);
            return wrong_type(d, name, item, "string");
        }
    }
    return map;
}

static json_t *decode_list(struct decoding *d, const char *name, const json_t *value, json_type wanted)
{
    size_t index;
    json_t *item;

    if (!json_is_array(value))
        return wrong_type(d, name, value, wanted == JSON_STRING ? "[]string" : "[]v1.OwnerReference");
    json_array_foreach((json_t *)(uintptr_t)value, index, item)
    {
        if (json_typeof(item) != wanted)
            return wrong_type(d, name, item, wanted == JSON_STRING ? "string" : "v1.OwnerReference");
    }
    return store_must(json_deep_copy(value));
}

/* A new value, or NULL with a status set. */
static json_t *decode_member(struct decoding *d, const struct member *m, const json_t *value)
{
    json_int_t number = json_integer_value(value);
    switch (m->type) {
    case TEXT:
        return json_is_string(value) ? store_must(json_deep_copy(value)) : wrong_type(d, m->name, value, "string");
    case INT32:
        if (!json_is_integer(value) || number < INT32_MIN || number > INT32_MAX)
            return wrong_type(d, m->name, value, "int32");
        return store_must(json_integer(number));
    case INT64:
        return json_is_integer(value) ? store_must(json_integer(number)) : wrong_type(d, m->name, value, "int64");
    case BOOLEAN:
        return json_is_boolean(value) ? store_must(json_boolean(json_is_true(value))) : wrong_type(d, m->name, value, "bool");
    case TEXT_MAP:
        return decode_text_map(d, m->name, value);
    case TEXT_LIST:
        return decode_list(d, m->name, value, JSON_STRING);
    case OBJECT_LIST:
        return decode_list(d, m->name, value, JSON_OBJECT);
    case TIME:
        return decode_time(d, m->name, value, false);
    case MICRO_TIME:
        return decode_time(d, m->name, value, true);
    case DROP:
        break;
    }
    return NULL;
}

static bool is_empty(const json_t *value, enum member_type type)
{
    if (type == TEXT_MAP)
        return json_object_size(value) == 0;
    if (type == TEXT_LIST || type == OBJECT_LIST)
        return json_array_size(value) == 0;
    return false;
}

/* Copies the known members of `from` into `to` in the order of the table. Returns 0, or -1 with a status set. */
static int decode_members(struct decoding *d, const struct member *members, const json_t *from, json_t *to)
{
    for (const struct member *m = members; m->name != NULL; m++) {
        const json_t *value = json_object_get(from, m->name);
        if (value == NULL || json_is_null(value) || m->type == DROP)
            continue;
        json_t *decoded = decode_member(d, m, value);
        if (decoded == NULL)
            return -1;
        if (is_empty(decoded, m->type))
            json_decref(decoded);
        else
            store_set(to, m->name, decoded);
    }
    return 0;
}

static bool is_member(const struct member *members, const char *name)
{
    for (const struct member *m = members; m->name != NULL; m++)
        if (strcmp(m->name, name) == 0)
            return true;
    return false;
}

/* Unknown members stay as they came; the real server would drop them. Ours keeps them, so that a client's own care for
 * what it does not know can be tested. */
static void keep_unknown(const struct member *members, const json_t *from, json_t *to)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)from, name, value)
    {
        if (!json_is_null(value) && !is_member(members, name) && json_object_get(to, name) == NULL)
            store_set(to, name, json_deep_copy(value));
    }
}

/* The named member of a body as a new decoded object; an empty one where it is missing. NULL with a status set. where: the
 * name with a dot, for sentences. */
static json_t *decode_struct(struct decoding *d, const json_t *body, const char *name, const char *where, const struct member *members,
                             bool unknown)
{
    const json_t *from = json_object_get(body, name);
    d->where = "";
    if (from != NULL && !json_is_null(from) && !json_is_object(from))
        return wrong_type(d, name, from, "object");
    json_t *to = store_must(json_object());
    d->where = where;
    if (decode_members(d, members, from, to) < 0) {
        json_decref(to);
        return NULL;
    }
    if (unknown && json_is_object(from))
        keep_unknown(members, from, to);
    return to;
}

/* kind and apiVersion, where given, must be the resource's own. */
static int check_kind(struct decoding *d, const json_t *body)
{
    char wanted[64];
    const char *kind = json_string_value(json_object_get(body, "kind"));
    const char *version = json_string_value(json_object_get(body, "apiVersion"));
    const struct store_resource_info *info = &d->type->info;

    snprintf(wanted, sizeof wanted, "%s%s%s", info->group, info->group[0] != '\0' ? "/" : "", info->version);
    bool other_version = version != NULL && version[0] != '\0' && strcmp(version, wanted) != 0;
    bool other_kind = kind != NULL && kind[0] != '\0' && strcmp(kind, info->kind) != 0;
    if (other_version || other_kind) {
        const char *slash = version != NULL ? strrchr(version, '/') : NULL;
        *d->ret_status = store_status_bad_request(
            "%.128s in version \"%.64s\" cannot be handled as a %s: no kind \"%.128s\" of version \"%.128s\" is served here, only "
            "%s of %s",
            kind != NULL ? kind : info->kind,
            slash != NULL     ? slash + 1
            : version != NULL ? version
                              : info->version,
            info->kind, kind != NULL ? kind : info->kind, version != NULL ? version : wanted, info->kind, wanted);
        return -1;
    }
    return 0;
}

static bool is_base64(const char *text)
{
    size_t length = strlen(text);
    size_t padding = length >= 1 && text[length - 1] == '=' ? (length >= 2 && text[length - 2] == '=' ? 2 : 1) : 0;
    for (size_t i = 0; i < length - padding; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '+' && text[i] != '/')
            return false;
    return length % 4 == 0;
}

/* Go's decoder reads bytes from base64; what is none is no ConfigMap at all. */
static int check_binary(struct decoding *d, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(object, "binaryData"), key, value)
    {
        if (is_base64(json_string_value(value)))
            continue;
        *d->ret_status = store_status_bad_request(
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: illegal base64 data in binaryData[%.128s]", key);
        return -1;
    }
    return 0;
}

/* Members beside kind, apiVersion and metadata. */
static int decode_content(struct decoding *d, const json_t *body, json_t *object)
{
    static const struct member envelope[] = { { "kind", DROP }, { "apiVersion", DROP }, { "metadata", DROP }, { NULL, DROP } };

    if (strcmp(d->type->info.kind, "Lease") == 0) {
        json_t *spec = decode_struct(d, body, "spec", "spec.", lease_members, true);
        if (spec == NULL)
            return -1;
        store_set(object, "spec", spec);
        return 0;
    }
    if (strcmp(d->type->info.kind, "ConfigMap") == 0) {
        d->where = "";
        return decode_members(d, configmap_members, body, object) < 0 ? -1 : check_binary(d, object);
    }
    static const char *const structs[] = { "spec", "status", "involvedObject", "source" };
    d->where = "";
    for (size_t i = 0; i < sizeof structs / sizeof structs[0]; i++) {
        const json_t *value = json_object_get(body, structs[i]);
        if (value != NULL && !json_is_null(value) && !json_is_object(value)) {
            (void)wrong_type(d, structs[i], value, "object");
            return -1;
        }
    }
    keep_unknown(envelope, body, object);
    return 0;
}

/* ---- strict ------------------------------------------------------------------------------------------------------- */

/* Adds what `from` has and the table has not to the list in text. */
static void name_unknown(const struct member *members, const json_t *from, const char *where, char *text, size_t size)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)from, name, value)
    {
        size_t used = strlen(text);
        if (!is_member(members, name) && used + 1 < size)
            snprintf(text + used, size - used, "%sunknown field \"%s%.64s\"", used > 0 ? ", " : "", where, name);
    }
}

json_t *store_decode_strict(const struct store_type *t, const json_t *body)
{
    static const struct member lease[] = {
        { "kind", DROP }, { "apiVersion", DROP }, { "metadata", DROP }, { "spec", DROP }, { NULL, DROP }
    };
    static const struct member configmap[] = { { "kind", DROP },       { "apiVersion", DROP }, { "metadata", DROP }, { "data", DROP },
                                               { "binaryData", DROP }, { "immutable", DROP },  { NULL, DROP } };
    char unknown[640] = "";

    name_unknown(metadata_members, json_object_get(body, "metadata"), "metadata.", unknown, sizeof unknown);
    if (strcmp(t->info.kind, "Lease") == 0) {
        name_unknown(lease, body, "", unknown, sizeof unknown);
        name_unknown(lease_members, json_object_get(body, "spec"), "spec.", unknown, sizeof unknown);
    } else if (strcmp(t->info.kind, "ConfigMap") == 0) {
        name_unknown(configmap, body, "", unknown, sizeof unknown);
    }
    if (unknown[0] == '\0')
        return NULL;
    return store_status_bad_request("%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s", t->info.kind,
                                    t->info.version, t->info.kind, unknown);
}

json_t *store_decode(const struct store_type *t, const json_t *body, json_t **ret_status)
{
    struct decoding d = { .type = t, .ret_status = ret_status, .where = "" };

    if (!json_is_object(body)) {
        *ret_status = store_status_bad_request("the object provided is unrecognized (must be of type %s): the body is not a JSON "
                                               "object",
                                               t->info.kind);
        return NULL;
    }
    if (!store_shallow(body, STORE_DEPTH_MAX)) {
        *ret_status = store_status_bad_request("the object is nested deeper than %d levels", (int)STORE_DEPTH_MAX);
        return NULL;
    }
    if (check_kind(&d, body) < 0)
        return NULL;
    bool other_view = strcmp(t->info.group, "events.k8s.io") == 0;
    json_t *canonical = other_view ? store_event_canonical(body) : json_incref((json_t *)(uintptr_t)body);
    json_t *object = store_must(json_object());
    char version[64];
    snprintf(version, sizeof version, "%s%s%s", other_view ? "" : t->info.group, t->info.group[0] && !other_view ? "/" : "",
             t->info.version);
    store_set(object, "kind", json_string(t->info.kind));
    store_set(object, "apiVersion", json_string(version));
    json_t *meta = decode_struct(&d, canonical, "metadata", "metadata.", metadata_members, false);
    if (meta != NULL)
        store_set(object, "metadata", meta);
    if (meta == NULL || decode_content(&d, canonical, object) < 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(canonical);
    return object;
}
