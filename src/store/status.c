/* `Status` bodies with the words of the real server: clients parse reasons and details, people read messages. */
#include "store/internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 4096 };

json_t *store_text(const char *text)
{
    json_t *value = json_string(text);
    return store_must(value != NULL ? value : json_string("(not UTF-8)"));
}

json_t *store_status(int code, const char *reason, const char *message, json_t *details)
{
    json_t *status = store_must(json_object());
    store_set(status, "kind", json_string("Status"));
    store_set(status, "apiVersion", json_string("v1"));
    store_set(status, "metadata", json_object());
    store_set(status, "status", json_string("Failure"));
    store_set(status, "message", store_text(message));
    if (reason != NULL)
        store_set(status, "reason", json_string(reason));
    if (details != NULL)
        store_set(status, "details", details);
    store_set(status, "code", json_integer(code));
    return status;
}

void store_qualified(const struct store_type *t, const char *word, char *ret, size_t size)
{
    if (t->info.group[0] != '\0')
        snprintf(ret, size, "%s.%s", word, t->info.group);
    else
        snprintf(ret, size, "%s", word);
}

static json_t *details(const struct store_type *t, const char *name, const char *kind)
{
    json_t *value = store_must(json_object());
    if (name != NULL && name[0] != '\0')
        store_set(value, "name", store_text(name));
    if (t->info.group[0] != '\0')
        store_set(value, "group", json_string(t->info.group));
    store_set(value, "kind", json_string(kind));
    return value;
}

/* word: the resource's plural, or its kind where the server's generic layer speaks. */
static json_t *about(const struct store_type *t, const char *word, const char *name, int code, const char *reason, const char *before,
                     const char *after)
{
    char what[128];
    char message[MESSAGE_BYTES];

    store_qualified(t, word, what, sizeof what);
    snprintf(message, sizeof message, "%s%s \"%.512s\"%s", before, what, name, after);
    return store_status(code, reason, message, details(t, name, word));
}

json_t *store_status_not_found(const struct store_type *t, const char *name)
{
    return about(t, t->info.plural, name, 404, "NotFound", "", " not found");
}

json_t *store_status_exists(const struct store_type *t, const char *name)
{
    return about(t, t->info.plural, name, 409, "AlreadyExists", "", " already exists");
}

json_t *store_status_conflict(const struct store_type *t, const char *name, const char *why)
{
    char after[MESSAGE_BYTES / 2];
    snprintf(after, sizeof after, ": %s", why);
    return about(t, t->info.plural, name, 409, "Conflict", "Operation cannot be fulfilled on ", after);
}

json_t *store_status_unmet(const struct store_type *t, const char *name, const char *why)
{
    char after[MESSAGE_BYTES / 2];
    snprintf(after, sizeof after, ": %s", why);
    return about(t, t->info.kind, name, 409, "Conflict", "Operation cannot be fulfilled on ", after);
}

json_t *store_status_forbidden(const struct store_type *t, const char *name, const char *why)
{
    char after[MESSAGE_BYTES / 2];
    snprintf(after, sizeof after, " is forbidden: %s", why);
    return about(t, t->info.plural, name, 403, "Forbidden", "", after);
}

json_t *store_status_bad_request(const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return store_status(400, "BadRequest", message, NULL);
}

/* Steals info and causes. */
static json_t *invalid_what(const char *what, const char *name, json_t *info, json_t *causes)
{
    char message[MESSAGE_BYTES];
    size_t index;
    json_t *cause;

    bool many = json_array_size(causes) > 1;
    int used = snprintf(message, sizeof message, "%s \"%.512s\" is invalid: %s", what, name, many ? "[" : "");
    json_array_foreach(causes, index, cause)
    {
        if ((size_t)used >= sizeof message)
            break;
        used += snprintf(message + used, sizeof message - (size_t)used, "%s%s: %s", index > 0 ? ", " : "",
                         json_string_value(json_object_get(cause, "field")), json_string_value(json_object_get(cause, "message")));
    }
    if (many && (size_t)used + 1 < sizeof message)
        memcpy(message + used, "]", 2);
    store_set(info, "causes", causes);
    return store_status(422, "Invalid", message, info);
}

static json_t *invalid(const struct store_type *t, const char *kind, const char *name, json_t *causes)
{
    char what[128];

    store_qualified(t, kind, what, sizeof what);
    return invalid_what(what, name, details(t, name, kind), causes);
}

json_t *store_status_options(const char *kind, json_t *causes)
{
    char what[128];
    json_t *info = store_must(json_object());

    store_set(info, "group", json_string("meta.k8s.io"));
    store_set(info, "kind", json_string(kind));
    snprintf(what, sizeof what, "%.64s.meta.k8s.io", kind);
    return invalid_what(what, "", info, causes);
}

json_t *store_status_invalid(const struct store_type *t, const char *name, json_t *causes)
{
    return invalid(t, t->info.kind, name, causes);
}

json_t *store_status_invalid_resource(const struct store_type *t, const char *name, json_t *causes)
{
    return invalid(t, t->info.plural, name, causes);
}

json_t *store_status_expired(const char *asked, uint64_t oldest)
{
    char message[256];
    snprintf(message, sizeof message, "too old resource version: %.32s (%" PRIu64 ")", asked, oldest);
    return store_status(410, "Expired", message, NULL);
}

json_t *store_status_too_new(uint64_t asked, uint64_t newest)
{
    char message[256];
    snprintf(message, sizeof message, "Timeout: Too large resource version: %" PRIu64 ", current: %" PRIu64, asked, newest);
    json_t *cause = store_must(json_object());
    store_set(cause, "reason", json_string("ResourceVersionTooLarge"));
    store_set(cause, "message", json_string("Too large resource version"));
    json_t *causes = store_must(json_array());
    BUG_UNLESS(json_array_append_new(causes, cause) == 0);
    json_t *info = store_must(json_object());
    store_set(info, "causes", causes);
    store_set(info, "retryAfterSeconds", json_integer(1));
    return store_status(504, "Timeout", message, info);
}

json_t *store_status_deleted(const struct store_type *t, const char *name, const char *uid)
{
    json_t *info = details(t, name, t->info.plural);
    store_set(info, "uid", store_text(uid));
    json_t *status = store_must(json_object());
    store_set(status, "kind", json_string("Status"));
    store_set(status, "apiVersion", json_string("v1"));
    store_set(status, "metadata", json_object());
    store_set(status, "status", json_string("Success"));
    store_set(status, "details", info);
    return status;
}
