/* Objects as a Table (meta.k8s.io), the form in which kubectl asks for what it prints. The columns are the real server's. Pure. */
#include "devserver/internal.h"

#include "wire/times.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { AGE_BYTES = 32, CELL_BYTES = 512 };

/* One row being written: the object's v1 form or that of events.k8s.io, and the present. */
struct row {
    const json_t *object;
    int64_t now_us;
};

struct column {
    const char *name;
    const char *type;
    const char *format;
    int priority; /* above 0: with -o wide only */
    json_t *(*cell)(const struct row *row);
};

enum { COLUMNS_MAX = 10 };

static json_t *must(json_t *value)
{
    BUG_UNLESS(value != NULL);
    return value;
}

/* A value by path ("status.phase"), or NULL. */
static const json_t *at(const json_t *value, const char *path)
{
    char copy[64];
    char *rest = copy;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part; value != NULL && (part = strsep(&rest, ".")) != NULL;)
        value = json_object_get(value, part);
    return value;
}

static const char *text_at(const json_t *value, const char *path)
{
    const char *text = json_string_value(at(value, path));
    return text != NULL ? text : "";
}

/* The first of two names that is there: Events have two. */
static const char *either(const json_t *value, const char *path, const char *other)
{
    const char *text = text_at(value, path);
    return text[0] != '\0' ? text : text_at(value, other);
}

static json_t *text_cell(const char *text)
{
    return must(json_stringn(text, strlen(text)));
}

static json_t *text_or(const char *text, const char *missing)
{
    return text_cell(text[0] != '\0' ? text : missing);
}

/* ---- ages ---------------------------------------------------------------------------------------------------------- */

/* Each unit is shown with the next smaller one as long as it is small itself: 119s, 2m5s, 179m, 3h5m, 47h, 2d3h, 700d, 2y3d. */
static void write_age(int64_t us, char ret[AGE_BYTES])
{
    static const struct {
        int64_t below_s; /* of the age */
        int64_t unit_s;
        char unit;
        int64_t rest_s;
        char rest; /* 0: not shown */
    } steps[] = {
        { 120, 1, 's', 0, 0 },
        { 600, 60, 'm', 1, 's' },
        { INT64_C(3) * 3600, 60, 'm', 0, 0 },
        { INT64_C(8) * 3600, 3600, 'h', 60, 'm' },
        { INT64_C(48) * 3600, 3600, 'h', 0, 0 },
        { INT64_C(8) * 86400, 86400, 'd', 3600, 'h' },
        { INT64_C(730) * 86400, 86400, 'd', 0, 0 },
        { INT64_C(2920) * 86400, INT64_C(365) * 86400, 'y', 86400, 'd' },
        { INT64_MAX, INT64_C(365) * 86400, 'y', 0, 0 },
    };
    int64_t s = us / 1000000;
    size_t i = 0;

    if (s < -1) {
        snprintf(ret, AGE_BYTES, "<invalid>");
        return;
    }
    s = s < 0 ? 0 : s;
    while (s >= steps[i].below_s)
        i++;
    int64_t rest = steps[i].rest != 0 ? s % steps[i].unit_s / steps[i].rest_s : 0;
    if (rest > 0)
        snprintf(ret, AGE_BYTES, "%" PRId64 "%c%" PRId64 "%c", s / steps[i].unit_s, steps[i].unit, rest, steps[i].rest);
    else
        snprintf(ret, AGE_BYTES, "%" PRId64 "%c", s / steps[i].unit_s, steps[i].unit);
}

static json_t *age_since(const struct row *row, const char *stamp)
{
    char text[AGE_BYTES];
    int64_t us;
    if (stamp[0] == '\0' || times_parse(stamp, &us) < 0)
        return text_cell("<unknown>");
    write_age(row->now_us - us, text);
    return text_cell(text);
}

/* ---- cells --------------------------------------------------------------------------------------------------------- */

static json_t *name_cell(const struct row *row)
{
    return text_cell(text_at(row->object, "metadata.name"));
}

static json_t *age_cell(const struct row *row)
{
    return age_since(row, text_at(row->object, "metadata.creationTimestamp"));
}

static json_t *holder_cell(const struct row *row)
{
    return text_cell(text_at(row->object, "spec.holderIdentity"));
}

static json_t *data_cell(const struct row *row)
{
    size_t count = json_object_size(json_object_get(row->object, "data")) + json_object_size(json_object_get(row->object, "binaryData"));
    return must(json_integer((json_int_t)count));
}

static json_t *namespace_status_cell(const struct row *row)
{
    return text_cell(text_at(row->object, "status.phase"));
}

static json_t *pod_ready_cell(const struct row *row)
{
    const json_t *statuses = at(row->object, "status.containerStatuses");
    char text[CELL_BYTES];
    size_t ready = 0;
    for (size_t i = 0; i < json_array_size(statuses); i++)
        ready += json_is_true(json_object_get(json_array_get(statuses, i), "ready")) ? 1 : 0;
    snprintf(text, sizeof text, "%zu/%zu", ready, json_array_size(at(row->object, "spec.containers")));
    return text_cell(text);
}

/* Why a container waits or ended says more than the phase. */
static json_t *pod_status_cell(const struct row *row)
{
    const json_t *statuses = at(row->object, "status.containerStatuses");
    const char *text = either(row->object, "status.reason", "status.phase");

    for (size_t i = 0; i < json_array_size(statuses); i++) {
        const char *why = either(json_array_get(statuses, i), "state.waiting.reason", "state.terminated.reason");
        text = why[0] != '\0' ? why : text;
    }
    if (at(row->object, "metadata.deletionTimestamp") != NULL)
        text = "Terminating";
    return text_cell(text);
}

static json_t *pod_restarts_cell(const struct row *row)
{
    const json_t *statuses = at(row->object, "status.containerStatuses");
    char text[CELL_BYTES];
    json_int_t count = 0;
    for (size_t i = 0; i < json_array_size(statuses); i++) {
        json_int_t restarts = json_integer_value(json_object_get(json_array_get(statuses, i), "restartCount"));
        count += restarts > 0 && restarts <= INT32_MAX ? restarts : 0;
    }
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, count);
    return text_cell(text);
}

static json_t *pod_ip_cell(const struct row *row)
{
    return text_or(text_at(row->object, "status.podIP"), "<none>");
}

static json_t *pod_node_cell(const struct row *row)
{
    return text_or(text_at(row->object, "spec.nodeName"), "<none>");
}

static json_t *pod_nominated_cell(const struct row *row)
{
    return text_or(text_at(row->object, "status.nominatedNodeName"), "<none>");
}

static json_t *pod_gates_cell(const struct row *row)
{
    const json_t *gates = at(row->object, "spec.readinessGates"), *conditions = at(row->object, "status.conditions");
    char text[CELL_BYTES];
    size_t met = 0;

    if (json_array_size(gates) == 0)
        return text_cell("<none>");
    for (size_t i = 0; i < json_array_size(gates); i++)
        for (size_t k = 0; k < json_array_size(conditions); k++) {
            const json_t *condition = json_array_get(conditions, k);
            if (strcmp(text_at(condition, "type"), text_at(json_array_get(gates, i), "conditionType")) == 0 &&
                strcmp(text_at(condition, "status"), "True") == 0)
                met++;
        }
    snprintf(text, sizeof text, "%zu/%zu", met, json_array_size(gates));
    return text_cell(text);
}

static json_t *event_last_cell(const struct row *row)
{
    const char *stamp = text_at(row->object, "series.lastObservedTime");
    if (stamp[0] == '\0')
        stamp = either(row->object, "lastTimestamp", "deprecatedLastTimestamp");
    if (stamp[0] == '\0')
        stamp = either(row->object, "firstTimestamp", "deprecatedFirstTimestamp");
    return age_since(row, stamp[0] != '\0' ? stamp : text_at(row->object, "eventTime"));
}

static json_t *event_first_cell(const struct row *row)
{
    const char *stamp = either(row->object, "firstTimestamp", "deprecatedFirstTimestamp");
    return age_since(row, stamp[0] != '\0' ? stamp : text_at(row->object, "eventTime"));
}

static json_t *event_type_cell(const struct row *row)
{
    return text_cell(text_at(row->object, "type"));
}

static json_t *event_reason_cell(const struct row *row)
{
    return text_cell(text_at(row->object, "reason"));
}

static json_t *event_object_cell(const struct row *row)
{
    const char *kind = either(row->object, "involvedObject.kind", "regarding.kind");
    const char *name = either(row->object, "involvedObject.name", "regarding.name");
    char text[CELL_BYTES];

    int length = snprintf(text, sizeof text, "%.120s%s%.300s", kind, name[0] != '\0' ? "/" : "", name);
    BUG_UNLESS(length >= 0 && (size_t)length < sizeof text);
    for (char *c = text; *c != '\0' && *c != '/'; c++)
        *c = (char)tolower((unsigned char)*c);
    json_t *cell = json_string(text); /* NULL where a cut fell within a character */
    return cell != NULL ? cell : text_cell(name);
}

static json_t *event_part_cell(const struct row *row)
{
    return text_cell(either(row->object, "involvedObject.fieldPath", "regarding.fieldPath"));
}

static json_t *event_source_cell(const struct row *row)
{
    const char *component = either(row->object, "source.component", "deprecatedSource.component");
    const char *host = either(row->object, "source.host", "deprecatedSource.host");

    if (component[0] == '\0')
        component = either(row->object, "reportingComponent", "reportingController");
    return must(host[0] != '\0' ? json_sprintf("%s, %s", component, host) : text_cell(component));
}

static json_t *event_message_cell(const struct row *row)
{
    return text_cell(either(row->object, "message", "note"));
}

static json_t *event_count_cell(const struct row *row)
{
    const json_t *count = at(row->object, "series.count");
    if (count == NULL)
        count = at(row->object, "count");
    if (count == NULL)
        count = at(row->object, "deprecatedCount");
    json_int_t number = json_integer_value(count);
    return must(json_integer(number > 0 ? number : 1));
}

/* ---- columns ------------------------------------------------------------------------------------------------------- */

#define NAME                                                                                                                               \
    {                                                                                                                                      \
        "Name", "string", "name", 0, name_cell                                                                                             \
    }
#define AGE                                                                                                                                \
    {                                                                                                                                      \
        "Age", "string", "", 0, age_cell                                                                                                   \
    }

static const struct column tables[STORE_RESOURCES][COLUMNS_MAX + 1] = {
    [STORE_LEASES] = { NAME, { "Holder", "string", "", 0, holder_cell }, AGE },
    [STORE_CONFIGMAPS] = { NAME, { "Data", "string", "", 0, data_cell }, AGE },
    [STORE_NAMESPACES] = { NAME, { "Status", "string", "", 0, namespace_status_cell }, AGE },
    [STORE_PODS] = { NAME,
                     { "Ready", "string", "", 0, pod_ready_cell },
                     { "Status", "string", "", 0, pod_status_cell },
                     { "Restarts", "string", "", 0, pod_restarts_cell },
                     AGE,
                     { "IP", "string", "", 1, pod_ip_cell },
                     { "Node", "string", "", 1, pod_node_cell },
                     { "Nominated Node", "string", "", 1, pod_nominated_cell },
                     { "Readiness Gates", "string", "", 1, pod_gates_cell } },
    [STORE_EVENTS] = { { "Last Seen", "string", "", 0, event_last_cell },
                       { "Type", "string", "", 0, event_type_cell },
                       { "Reason", "string", "", 0, event_reason_cell },
                       { "Object", "string", "", 0, event_object_cell },
                       { "Subobject", "string", "", 1, event_part_cell },
                       { "Source", "string", "", 1, event_source_cell },
                       { "Message", "string", "", 0, event_message_cell },
                       { "First Seen", "string", "", 1, event_first_cell },
                       { "Count", "string", "", 1, event_count_cell },
                       { "Name", "string", "name", 1, name_cell } },
};

static const struct column *columns_of(enum store_resource resource)
{
    return tables[resource == STORE_EVENTS_K8S ? STORE_EVENTS : resource];
}

static json_t *definitions(const struct column *columns)
{
    json_t *list = must(json_array());
    for (const struct column *c = columns; c->name != NULL; c++) {
        json_t *definition = must(json_pack("{s:s, s:s, s:s, s:s, s:i}", "name", c->name, "type", c->type, "format", c->format,
                                            "description", "", "priority", c->priority));
        BUG_UNLESS(json_array_append_new(list, definition) == 0);
    }
    return list;
}

/* What goes with a row: enough to know the object by, unless the client wants none or all of it. */
static json_t *row_object(const json_t *object, const struct devserver_view *view, const struct store_resource_info *info)
{
    if (view->include == DEVSERVER_INCLUDE_NONE)
        return NULL;
    if (view->include == DEVSERVER_INCLUDE_METADATA)
        return devserver_partial(object, view->version);
    json_t *whole = must(json_copy((json_t *)(uintptr_t)object));
    if (json_object_get(whole, "kind") == NULL) { /* an item of a list */
        json_t *version = must(json_sprintf("%s%s%s", info->group, info->group[0] != '\0' ? "/" : "", info->version));
        BUG_UNLESS(json_object_set_new(whole, "kind", json_string(info->kind)) == 0);
        BUG_UNLESS(json_object_set_new(whole, "apiVersion", version) == 0);
    }
    return whole;
}

static json_t *make_row(const struct column *columns, enum store_resource resource, const json_t *object, const struct devserver_view *view,
                        int64_t now_us)
{
    const struct row row = { object, now_us };
    json_t *cells = must(json_array());
    for (const struct column *c = columns; c->name != NULL; c++)
        BUG_UNLESS(json_array_append_new(cells, c->cell(&row)) == 0);
    json_t *value = must(json_pack("{s:o}", "cells", cells));
    json_t *included = row_object(object, view, store_resource_info(resource));
    if (included != NULL)
        BUG_UNLESS(json_object_set_new(value, "object", included) == 0);
    return value;
}

json_t *devserver_table(enum store_resource resource, const json_t *value, const struct devserver_view *view, int64_t now_us)
{
    const struct column *columns = columns_of(resource);
    const json_t *items = json_object_get(value, "items");
    json_t *rows = must(json_array());
    json_t *meta = must(json_object());
    static const char *const kept[] = { "resourceVersion", "continue", "remainingItemCount" };

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        json_t *member = json_object_get(json_object_get(value, "metadata"), kept[i]);
        if (member != NULL)
            BUG_UNLESS(json_object_set(meta, kept[i], member) == 0);
    }
    for (size_t i = 0; i < json_array_size(items); i++)
        BUG_UNLESS(json_array_append_new(rows, make_row(columns, resource, json_array_get(items, i), view, now_us)) == 0);
    if (!json_is_array(items))
        BUG_UNLESS(json_array_append_new(rows, make_row(columns, resource, value, view, now_us)) == 0);
    json_t *version = must(json_sprintf("meta.k8s.io/%s", view->version));
    return must(json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind", "Table", "apiVersion", version, "metadata", meta, "columnDefinitions",
                          definitions(columns), "rows", rows));
}
