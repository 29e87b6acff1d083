/* The query of a request as Kubernetes' options: ListOptions, CreateOptions, PatchOptions and so on. Pure. */
#include "devserver/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_MANAGER_MAX = 128 };

static const char *const kinds[DEVSERVER_VERBS] = {
    [DEVSERVER_VERB_GET] = "GetOptions",       [DEVSERVER_VERB_LIST] = "ListOptions",
    [DEVSERVER_VERB_WATCH] = "ListOptions",    [DEVSERVER_VERB_CREATE] = "CreateOptions",
    [DEVSERVER_VERB_UPDATE] = "UpdateOptions", [DEVSERVER_VERB_PATCH] = "PatchOptions",
    [DEVSERVER_VERB_DELETE] = "DeleteOptions", [DEVSERVER_VERB_DELETE_COLLECTION] = "DeleteOptions",
};

/* The parameter's value, NULL where it is absent or empty. */
static const char *given(const struct devserver_call *call, const char *name)
{
    const char *value = devserver_target_query(&call->target, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static void add_cause(json_t *causes, const char *reason, const char *field, const char *message)
{
    json_t *text = json_string(message); /* NULL for what is not UTF-8: it came from a query */
    json_t *cause =
        json_pack("{s:s, s:o, s:s}", "reason", reason, "message", text != NULL ? text : json_string("(not UTF-8)"), "field", field);
    BUG_UNLESS(cause != NULL && json_array_append_new(causes, cause) == 0);
}

/* "Unsupported value", with what would be fine. `shown` is the value as the server quotes it. */
static void add_unsupported(json_t *causes, const char *field, const char *shown, const char *fine)
{
    char message[256];
    snprintf(message, sizeof message, "Unsupported value: %.100s: supported values: %s", shown, fine);
    add_cause(causes, "FieldValueNotSupported", field, message);
}

static void add_unsupported_text(json_t *causes, const char *field, const char *value, const char *fine)
{
    char shown[80];
    snprintf(shown, sizeof shown, "\"%.64s\"", value);
    add_unsupported(causes, field, shown, fine);
}

static void check_dry_run(struct devserver_call *call, json_t *causes)
{
    char shown[80];
    const char *value = given(call, "dryRun");

    if (value == NULL)
        return;
    call->request.dry_run = strcmp(value, "All") == 0;
    snprintf(shown, sizeof shown, "[\"%.64s\"]", value);
    if (!call->request.dry_run)
        add_unsupported(causes, "dryRun", shown, "\"All\"");
}

static void check_field_validation(struct devserver_call *call, json_t *causes)
{
    const char *value = given(call, "fieldValidation");

    if (value == NULL || strcmp(value, "Ignore") == 0 || strcmp(value, "Warn") == 0)
        return;
    call->request.strict = strcmp(value, "Strict") == 0;
    if (!call->request.strict)
        add_unsupported_text(causes, "fieldValidation", value, "\"Ignore\", \"Strict\", \"Warn\"");
}

static void check_field_manager(const struct devserver_call *call, json_t *causes)
{
    const char *value = given(call, "fieldManager");

    if (value == NULL)
        return;
    if (strlen(value) > FIELD_MANAGER_MAX)
        add_cause(causes, "FieldValueTooLong", "fieldManager", "Too long: may not be more than 128 bytes");
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            add_cause(causes, "FieldValueInvalid", "fieldManager", "Invalid value: should only contain printable characters");
            return;
        }
    }
}

static void check_propagation(const struct devserver_call *call, json_t *causes)
{
    const char *value = given(call, "propagationPolicy");

    if (value != NULL && strcmp(value, "Foreground") != 0 && strcmp(value, "Background") != 0 && strcmp(value, "Orphan") != 0)
        add_unsupported_text(causes, "propagationPolicy", value, "\"Background\", \"Foreground\", \"Orphan\"");
}

static const char match_field[] = "resourceVersionMatch";

static bool is_match(const char *match, const char *wanted)
{
    return match != NULL && strcmp(match, wanted) == 0;
}

static void check_list(const struct devserver_call *call, json_t *causes)
{
    const char *match = given(call, match_field), *version = given(call, "resourceVersion");

    if (match != NULL && version == NULL)
        add_cause(causes, "FieldValueForbidden", match_field,
                  "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (match != NULL && given(call, "continue") != NULL)
        add_cause(causes, "FieldValueForbidden", match_field, "Forbidden: resourceVersionMatch is forbidden when continue is provided");
    if (match != NULL && !is_match(match, "Exact") && !is_match(match, "NotOlderThan"))
        add_unsupported_text(causes, match_field, match, "\"Exact\", \"NotOlderThan\"");
    if (is_match(match, "Exact") && is_match(version, "0"))
        add_cause(causes, "FieldValueForbidden", match_field,
                  "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    if (given(call, "sendInitialEvents") != NULL)
        add_cause(causes, "FieldValueForbidden", "sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list");
}

static void check_watch(const struct devserver_call *call, json_t *causes)
{
    const char *match = given(call, match_field), *version = given(call, "resourceVersion");
    bool initial = given(call, "sendInitialEvents") != NULL;

    /* The real server makes initial events of a watch from nowhere, and then holds the client to their rules. */
    if (given(call, "continue") != NULL && (match != NULL || version == NULL || strcmp(version, "0") == 0))
        add_cause(causes, "FieldValueForbidden", match_field, "Forbidden: resourceVersionMatch is forbidden when continue is provided");
    if (initial && !is_match(match, "NotOlderThan"))
        add_cause(causes, "FieldValueForbidden", match_field,
                  "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    if (match != NULL && !initial)
        add_cause(causes, "FieldValueForbidden", match_field,
                  "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    if (match != NULL && !is_match(match, "NotOlderThan"))
        add_unsupported_text(causes, match_field, match, "\"NotOlderThan\"");
}

/* A decimal number of at most 18 digits, with a sign or without. */
static bool is_number(const char *text)
{
    size_t digits = strspn(text + (text[0] == '-' || text[0] == '+' ? 1 : 0), "0123456789");
    return digits > 0 && digits <= 18 && text[(text[0] == '-' || text[0] == '+' ? 1 : 0) + digits] == '\0';
}

/* A duration as Go writes it: "32s", "1m30s", "1.5h". */
static bool is_duration(const char *text)
{
    static const char *const units[] = { "ns", "us", "ms", "s", "m", "h" };
    const char *at = text;

    if (strcmp(text, "0") == 0)
        return true;
    while (*at != '\0') {
        size_t digits = strspn(at, "0123456789."), unit = 0;
        while (unit < sizeof units / sizeof units[0] && strncmp(at + digits, units[unit], strlen(units[unit])) != 0)
            unit++;
        if (digits == 0 || unit == sizeof units / sizeof units[0])
            return false;
        at += digits + strlen(units[unit]);
    }
    return at != text;
}

/* NULL, or the answer to a parameter that cannot even be read. */
static json_t *check_form(const struct devserver_call *call)
{
    static const char *const numbers[] = { "limit", "timeoutSeconds" };
    char message[192];
    bool list = call->verb == DEVSERVER_VERB_LIST || call->verb == DEVSERVER_VERB_WATCH;
    const char *timeout = call->verb != DEVSERVER_VERB_WATCH ? given(call, "timeout") : NULL;

    if (timeout != NULL && !is_duration(timeout)) {
        snprintf(message, sizeof message, "timeout=%.64s is no duration: give one such as 30s or 1m30s", timeout);
        return store_status(400, "BadRequest", message, NULL);
    }
    for (size_t i = 0; list && i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *value = given(call, numbers[i]);
        if (value == NULL || is_number(value))
            continue;
        snprintf(message, sizeof message, "%s=%.64s is no number: give a decimal one", numbers[i], value);
        return store_status(400, "BadRequest", message, NULL);
    }
    return NULL;
}

static void check_rules(struct devserver_call *call, json_t *causes)
{
    switch (call->verb) {
    case DEVSERVER_VERB_LIST:
        check_list(call, causes);
        break;
    case DEVSERVER_VERB_WATCH:
        check_watch(call, causes);
        break;
    case DEVSERVER_VERB_CREATE:
    case DEVSERVER_VERB_UPDATE:
    case DEVSERVER_VERB_PATCH:
        check_dry_run(call, causes);
        check_field_manager(call, causes);
        check_field_validation(call, causes);
        break;
    case DEVSERVER_VERB_DELETE:
    case DEVSERVER_VERB_DELETE_COLLECTION:
        check_dry_run(call, causes);
        check_propagation(call, causes);
        break;
    case DEVSERVER_VERB_GET:
    case DEVSERVER_VERBS:
        break;
    }
}

static json_t *judged(const struct devserver_call *call, json_t *causes)
{
    BUG_UNLESS((unsigned)call->verb < DEVSERVER_VERBS);
    if (json_array_size(causes) > 0)
        return store_status_options(kinds[call->verb], causes);
    json_decref(causes);
    return NULL;
}

json_t *devserver_options_read(struct devserver_call *call)
{
    struct store_request *r = &call->request;
    const struct devserver_target *t = &call->target;
    const char *limit = given(call, "limit");

    r->label_selector = devserver_target_query(t, "labelSelector");
    r->field_selector = devserver_target_query(t, "fieldSelector");
    r->resource_version = devserver_target_query(t, "resourceVersion");
    r->resource_version_match = devserver_target_query(t, "resourceVersionMatch");
    r->continue_ = devserver_target_query(t, "continue");
    json_t *refusal = check_form(call);
    if (refusal != NULL)
        return refusal;
    if (call->verb == DEVSERVER_VERB_LIST && limit != NULL && limit[0] != '-') /* a negative limit is none for the real server too */
        r->limit = strtoull(limit, NULL, 10);
    json_t *causes = json_array();
    BUG_UNLESS(causes != NULL);
    check_rules(call, causes);
    return judged(call, causes);
}

json_t *devserver_options_refuse_force(const struct devserver_call *call)
{
    json_t *causes = json_array();
    BUG_UNLESS(causes != NULL);
    if (given(call, "force") != NULL)
        add_cause(causes, "FieldValueForbidden", "force", "Forbidden: may not be specified for non-apply patch");
    return judged(call, causes);
}
