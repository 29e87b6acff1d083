/* What makes a 422: names, labels, and the rules of each kind, with the real server's words. */
#include "store/internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_RULE                                                                                                                         \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "                        \
    "with an "                                                                                                                             \
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "                                                 \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_RULE                                                                                                                     \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "                       \
    "and end "                                                                                                                             \
    "with an alphanumeric character (e.g. 'example.com', regex used for validation is "                                                    \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define QUALIFIED_RULE                                                                                                                     \
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "                     \
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "                                                \
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define VALUE_RULE                                                                                                                         \
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "                        \
    "and end "                                                                                                                             \
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "                           \
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define CONFIG_KEY_RULE                                                                                                                    \
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "                      \
    "or "                                                                                                                                  \
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"

void store_cause(json_t *causes, const char *reason, const char *field, const char *format, ...)
{
    char message[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    json_t *cause = store_must(json_object());
    store_set(cause, "reason", json_string(reason));
    store_set(cause, "message", store_text(message));
    store_set(cause, "field", store_text(field));
    BUG_UNLESS(json_array_append_new(causes, cause) == 0);
}

/* Lower case letters, digits and inner dashes, 1 to `max` characters up to `length`. */
static bool label_part(const char *text, size_t length, size_t max)
{
    if (length == 0 || length > max || text[0] == '-' || text[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && text[i] != '-')
            return false;
    return true;
}

bool store_is_label(const char *name)
{
    return label_part(name, strlen(name), STORE_LABEL_MAX);
}

static bool subdomain_part(const char *name, size_t length)
{
    const char *part = name, *end = name + length;
    if (length > STORE_NAME_MAX)
        return false;
    for (;;) {
        const char *dot = memchr(part, '.', (size_t)(end - part));
        if (!label_part(part, (size_t)((dot != NULL ? dot : end) - part), STORE_NAME_MAX))
            return false;
        if (dot == NULL)
            return true;
        part = dot + 1;
    }
}

bool store_is_subdomain(const char *name)
{
    return subdomain_part(name, strlen(name));
}

static bool is_name_part(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > STORE_LABEL_MAX || !isalnum((unsigned char)text[0]) || !isalnum((unsigned char)text[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && strchr("-_.", text[i]) == NULL)
            return false;
    return true;
}

/* "name" or "prefix/name". Annotation keys may have upper case prefixes in old objects; the server lowers them first.
 */
static bool is_qualified(const char *key, bool lower)
{
    char prefix[STORE_NAME_MAX + 1] = "";
    const char *slash = strchr(key, '/');
    if (slash == NULL)
        return is_name_part(key);
    size_t length = (size_t)(slash - key);
    if (length == 0 || length > STORE_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        prefix[i] = (char)(lower ? tolower((unsigned char)key[i]) : key[i]);
    return subdomain_part(prefix, length) && is_name_part(slash + 1);
}

static void check_labels(json_t *causes, const json_t *meta)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(meta, "labels"), key, value)
    {
        const char *text = json_string_value(value);
        if (!is_qualified(key, false))
            store_cause(causes, "FieldValueInvalid", "metadata.labels", "Invalid value: \"%.300s\": %s", key, QUALIFIED_RULE);
        if (strlen(text) > STORE_LABEL_MAX)
            store_cause(causes, "FieldValueInvalid", "metadata.labels", "Invalid value: \"%.300s\": must be no more than 63 characters",
                        text);
        else if (text[0] != '\0' && !is_name_part(text))
            store_cause(causes, "FieldValueInvalid", "metadata.labels", "Invalid value: \"%.300s\": %s", text, VALUE_RULE);
    }
}

static void check_annotations(json_t *causes, const json_t *meta)
{
    const char *key;
    json_t *value;
    size_t bytes = 0;
    json_object_foreach(json_object_get(meta, "annotations"), key, value)
    {
        bytes += strlen(key) + json_string_length(value);
        if (!is_qualified(key, true))
            store_cause(causes, "FieldValueInvalid", "metadata.annotations", "Invalid value: \"%.300s\": %s", key, QUALIFIED_RULE);
    }
    if (bytes > STORE_ANNOTATIONS_BYTES_MAX)
        store_cause(causes, "FieldValueTooLong", "metadata.annotations", "Too long: may not be more than %d bytes",
                    (int)STORE_ANNOTATIONS_BYTES_MAX);
}

static bool has_text(const json_t *list, const char *text)
{
    size_t index;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)list, index, item)
    {
        if (strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

static void check_finalizers(json_t *causes, const json_t *meta, const json_t *old)
{
    size_t index;
    json_t *item;
    const json_t *before = json_object_get(store_meta(old), "finalizers");
    bool deleting = json_object_get(store_meta(old), "deletionTimestamp") != NULL;

    json_array_foreach(json_object_get(meta, "finalizers"), index, item)
    {
        const char *name = json_string_value(item);
        if (!is_qualified(name, false))
            store_cause(causes, "FieldValueInvalid", "metadata.finalizers", "Invalid value: \"%.300s\": %s", name, QUALIFIED_RULE);
        else if (deleting && !has_text(before, name))
            store_cause(causes, "FieldValueForbidden", "metadata.finalizers",
                        "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
                        "[]string{\"%.300s\"}",
                        name);
        if (strchr(name, '/') != NULL || strcmp(name, "orphan") == 0 || strcmp(name, "foregroundDeletion") == 0)
            continue;
        char field[64];
        snprintf(field, sizeof field, "metadata.finalizers[%zu]", index);
        store_cause(causes, "FieldValueInvalid", field,
                    "Invalid value: \"%.300s\": name is neither a standard finalizer name nor is it fully qualified", name);
    }
}

static void check_owners(json_t *causes, const json_t *meta)
{
    static const char *const needed[] = { "apiVersion", "kind", "name", "uid" };
    size_t index;
    json_t *owner;
    json_array_foreach(json_object_get(meta, "ownerReferences"), index, owner)
    {
        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
            const char *text = json_string_value(json_object_get(owner, needed[i]));
            char field[64];
            if (text != NULL && text[0] != '\0')
                continue;
            snprintf(field, sizeof field, "metadata.ownerReferences.%s", needed[i]);
            store_cause(causes, "FieldValueInvalid", field, "Invalid value: \"\": must not be empty");
        }
    }
}

/* What stands before the five characters must be able to begin a name; a dash at its end is cut off for that. */
static void check_generate_name(json_t *causes, const json_t *meta, bool label)
{
    const char *prefix = json_string_value(json_object_get(meta, "generateName"));
    size_t length = prefix != NULL ? strlen(prefix) : 0;

    if (length == 0)
        return;
    if (length > 1 && prefix[length - 1] == '-')
        length--;
    if (label ? !label_part(prefix, length, STORE_LABEL_MAX) : !subdomain_part(prefix, length))
        store_cause(causes, "FieldValueInvalid", "metadata.generateName", "Invalid value: \"%.300s\": %s", prefix,
                    label ? LABEL_RULE : SUBDOMAIN_RULE);
}

static void check_meta(json_t *causes, const struct store_type *t, const json_t *object, const json_t *old)
{
    const json_t *meta = store_meta(object);
    const char *name = store_meta_text(object, "name");
    bool label = strcmp(t->info.kind, "Namespace") == 0;

    check_generate_name(causes, meta, label);
    if (name[0] == '\0')
        store_cause(causes, "FieldValueRequired", "metadata.name", "Required value: name or generateName is required");
    else if (strlen(name) > (label ? (size_t)STORE_LABEL_MAX : (size_t)STORE_NAME_MAX))
        store_cause(causes, "FieldValueInvalid", "metadata.name", "Invalid value: \"%.300s\": must be no more than %d characters", name,
                    label ? STORE_LABEL_MAX : STORE_NAME_MAX);
    else if (label && strchr(name, '.') != NULL)
        store_cause(causes, "FieldValueInvalid", "metadata.name", "Invalid value: \"%.300s\": must not contain dots", name);
    else if (label ? !store_is_label(name) : !store_is_subdomain(name))
        store_cause(causes, "FieldValueInvalid", "metadata.name", "Invalid value: \"%.300s\": %s", name,
                    label ? LABEL_RULE : SUBDOMAIN_RULE);
    if (old != NULL && strcmp(store_meta_text(object, "uid"), store_meta_text(old, "uid")) != 0)
        store_cause(causes, "FieldValueInvalid", "metadata.uid", "Invalid value: \"%.64s\": field is immutable",
                    store_meta_text(object, "uid"));
    check_labels(causes, meta);
    check_annotations(causes, meta);
    check_finalizers(causes, meta, old);
    check_owners(causes, meta);
}

static void check_lease(json_t *causes, const json_t *object)
{
    const json_t *spec = json_object_get(object, "spec");
    const json_t *duration = json_object_get(spec, "leaseDurationSeconds");
    const json_t *transitions = json_object_get(spec, "leaseTransitions");
    const char *strategy = json_string_value(json_object_get(spec, "strategy"));
    const char *preferred = json_string_value(json_object_get(spec, "preferredHolder"));

    if (duration != NULL && json_integer_value(duration) <= 0)
        store_cause(causes, "FieldValueInvalid", "spec.leaseDurationSeconds", "Invalid value: %lld: must be greater than 0",
                    (long long)json_integer_value(duration));
    if (transitions != NULL && json_integer_value(transitions) < 0)
        store_cause(causes, "FieldValueInvalid", "spec.leaseTransitions", "Invalid value: %lld: must be greater than or equal to 0",
                    (long long)json_integer_value(transitions));
    if (strategy != NULL && !is_qualified(strategy, false))
        store_cause(causes, "FieldValueInvalid", "spec.strategy", "Invalid value: \"%.300s\": %s", strategy, QUALIFIED_RULE);
    if (preferred != NULL && preferred[0] != '\0' && (strategy == NULL || strategy[0] == '\0'))
        store_cause(causes, "FieldValueForbidden", "spec.preferredHolder", "Forbidden: may only be specified when `strategy` is defined");
}

/* NULL, or why this is no key of a ConfigMap. */
static const char *config_key_problem(const char *key)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    size_t length = strlen(key);
    if (length > STORE_NAME_MAX)
        return "must be no more than 253 characters";
    if (length == 0 || strspn(key, allowed) != length)
        return CONFIG_KEY_RULE;
    if (strcmp(key, ".") == 0)
        return "must not be '.'";
    if (strcmp(key, "..") == 0)
        return "must not be '..'";
    return strncmp(key, "..", 2) == 0 ? "must not start with '..'" : NULL;
}

static void check_config_key(json_t *causes, const char *field, const char *key)
{
    const char *problem = config_key_problem(key);
    if (problem != NULL)
        store_cause(causes, "FieldValueInvalid", field, "Invalid value: \"%.300s\": %s", key, problem);
}

static void check_configmap(json_t *causes, const json_t *object, const json_t *old)
{
    const char *key;
    json_t *value;
    size_t bytes = 0;
    char field[320];
    const json_t *data = json_object_get(object, "data");
    const json_t *binary = json_object_get(object, "binaryData");

    json_object_foreach((json_t *)(uintptr_t)data, key, value)
    {
        bytes += json_string_length(value);
        snprintf(field, sizeof field, "data[%.300s]", key);
        check_config_key(causes, field, key);
        if (json_object_get(binary, key) != NULL)
            store_cause(causes, "FieldValueInvalid", field, "Invalid value: \"%.300s\": duplicate of key present in binaryData", key);
    }
    json_object_foreach((json_t *)(uintptr_t)binary, key, value)
    {
        bytes += json_string_length(value) / 4 * 3;
        snprintf(field, sizeof field, "binaryData[%.300s]", key);
        check_config_key(causes, field, key);
    }
    if (bytes > STORE_CONFIGMAP_BYTES_MAX)
        store_cause(causes, "FieldValueTooLong", "[]", "Too long: may not be more than %d bytes", (int)STORE_CONFIGMAP_BYTES_MAX);
    if (!json_is_true(json_object_get(old, "immutable")))
        return;
    static const char *const frozen[] = { "immutable", "data", "binaryData" };
    for (size_t i = 0; i < sizeof frozen / sizeof frozen[0]; i++) {
        const json_t *before = json_object_get(old, frozen[i]), *after = json_object_get(object, frozen[i]);
        if ((before == NULL) != (after == NULL) || (before != NULL && !json_equal(before, after)))
            store_cause(causes, "FieldValueForbidden", frozen[i], "Forbidden: field is immutable when `immutable` is set");
    }
}

/* What a new Event of events.k8s.io must say of itself; one of v1 need not. */
static void check_new_event(json_t *causes, const json_t *object)
{
    static const struct {
        const char *stored;
        const char *field;
    } needed[] = { { "reportingComponent", "reportingController" },
                   { "reportingInstance", "reportingInstance" },
                   { "action", "action" },
                   { "reason", "reason" } };
    const char *time = json_string_value(json_object_get(object, "eventTime"));
    const char *type = json_string_value(json_object_get(object, "type"));

    if (time == NULL || time[0] == '\0') {
        store_cause(causes, "FieldValueRequired", "eventTime", "Required value");
        return;
    }
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        const char *text = json_string_value(json_object_get(object, needed[i].stored));
        if (text == NULL || text[0] == '\0')
            store_cause(causes, "FieldValueRequired", needed[i].field, "Required value");
    }
    if (type == NULL || (strcmp(type, "Normal") != 0 && strcmp(type, "Warning") != 0))
        store_cause(causes, "FieldValueInvalid", "type", "Invalid value: \"%.64s\": has invalid value", type != NULL ? type : "");
}

static void check_event(json_t *causes, const json_t *object)
{
    const json_t *involved = json_object_get(object, "involvedObject");
    const char *namespace_ = json_string_value(json_object_get(involved, "namespace"));
    const char *own = store_meta_text(object, "namespace");

    if (namespace_ == NULL || namespace_[0] == '\0' ? strcmp(own, "default") != 0 && strcmp(own, "kube-system") != 0
                                                    : strcmp(namespace_, own) != 0)
        store_cause(causes, "FieldValueInvalid", "involvedObject.namespace", "Invalid value: \"%.64s\": does not match event.namespace",
                    namespace_ != NULL ? namespace_ : "");
}

json_t *store_validate(const struct store_type *t, const json_t *object, const json_t *old)
{
    json_t *causes = store_must(json_array());
    check_meta(causes, t, object, old);
    if (strcmp(t->info.kind, "Lease") == 0)
        check_lease(causes, object);
    else if (strcmp(t->info.kind, "ConfigMap") == 0)
        check_configmap(causes, object, old);
    else if (strcmp(t->info.kind, "Event") == 0)
        check_event(causes, object);
    if (strcmp(t->info.group, "events.k8s.io") == 0 && old == NULL)
        check_new_event(causes, object);
    return causes;
}
