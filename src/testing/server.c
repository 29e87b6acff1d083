/* Requests as the service sends them, into the store and back; and the other processes of a test, who write there directly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/group.h"
#include "testing/world.h"
#include "wire/dialect.h"
#include "wire/object.h"

enum { PART_MAX = 512, PARTS = 8, LABELS_MAX = SETTING_SELECTOR_MAX + 1 };

/* A path in its parts, decoded: apis, group, version, namespaces, ns, plural, name; or api, version, …; and its query. */
struct target {
    char part[PARTS][PART_MAX];
    size_t parts;
    char selector[PART_MAX], version[PART_MAX], labels[LABELS_MAX];
    enum store_resource resource;
    const char *namespace_, *name; /* NULL: none */
};

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode(const char *from, size_t size, char *to, size_t room)
{
    size_t length = 0;
    for (size_t i = 0; i < size && length < room - 1; i++) {
        if (from[i] == '%' && i + 2 < size && hex(from[i + 1]) >= 0 && hex(from[i + 2]) >= 0) {
            to[length++] = (char)(hex(from[i + 1]) * 16 + hex(from[i + 2]));
            i += 2;
        } else {
            to[length++] = from[i];
        }
    }
    to[length] = '\0';
}

static void parse_query(const char *query, struct target *t)
{
    const struct {
        const char *key;
        char *to;
        size_t room;
    } known[] = { { "fieldSelector=", t->selector, sizeof t->selector },
                  { "labelSelector=", t->labels, sizeof t->labels },
                  { "resourceVersion=", t->version, sizeof t->version } };
    while (*query) {
        size_t size = strcspn(query, "&");
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            size_t key = strlen(known[i].key);
            if (key <= size && strncmp(query, known[i].key, key) == 0)
                decode(query + key, size - key, known[i].to, known[i].room);
        }
        query += size + (query[size] == '&');
    }
}

/* Returns 0, or -1 when the store knows no such resource. */
static int parse_target(const char *path, struct target *t)
{
    memset(t, 0, sizeof *t);
    const char *end = path + strcspn(path, "?");
    for (const char *at = path; at < end && t->parts < PARTS;) {
        size_t size = strcspn(++at, "/?");
        decode(at, size, t->part[t->parts++], PART_MAX);
        at += size;
    }
    if (*end)
        parse_query(end + 1, t);
    bool core = strcmp(t->part[0], "api") == 0;
    size_t first = core ? 2 : 3;
    if (t->parts < first + 3 || strcmp(t->part[first], "namespaces") != 0)
        return -1;
    t->namespace_ = t->part[first + 1];
    t->name = t->parts > first + 3 ? t->part[first + 3] : NULL;
    return store_resource_find(core ? "" : t->part[1], core ? t->part[1] : t->part[2], t->part[first + 2], &t->resource);
}

static void answer_json(struct world *w, struct transport_call *call, int status, const json_t *body)
{
    size_t size = 0;
    char *text = object_dump(body, &size);
    struct transport_answer answer = { .outcome = TRANSPORT_ANSWERED,
                                       .status = status,
                                       .body = text ? text : "",
                                       .body_size = size,
                                       .received = world_now(w),
                                       .sentence = "" };
    world_answer(call, &answer);
    free(text);
}

static bool open_stream(struct world *w, struct transport_call *call, const struct target *t)
{
    struct store_watch_options options = { .resource = t->resource,
                                           .namespace_ = t->namespace_,
                                           .label_selector = t->labels,
                                           .field_selector = t->selector,
                                           .resource_version = t->version,
                                           .user = call };
    struct store_answer refusal = { 0 };
    if (store_watch_open(w->store, &options, &call->watch, &refusal) < 0) {
        answer_json(w, call, refusal.code, refusal.body);
        store_answer_clear(&refusal);
        return true;
    }
    call->expires_ns = LEASEHOLD_NEVER;
    struct guard *guard = call->member->service->guard;
    if (guard_lock(guard) == 0) {
        call->handler->on_open(call->user, world_now(w));
        guard_unlock(guard);
    }
    return true;
}

static void handle(struct world *w, struct transport_call *call)
{
    struct target t;
    struct store_answer answer = { 0 };
    if (parse_target(call->path, &t) < 0) {
        answer.body = store_status(404, "NotFound", "the server could not find the requested resource", NULL);
        answer.code = 404;
    } else if (call->stream) {
        open_stream(w, call, &t);
        return;
    } else {
        enum store_verb verb = strcmp(call->method, "GET") == 0    ? t.name ? STORE_GET : STORE_LIST
                               : strcmp(call->method, "POST") == 0 ? STORE_CREATE
                                                                   : STORE_UPDATE;
        json_t *body = NULL;
        object_parse(call->body, strlen(call->body), &body);
        struct store_request request = {
            .verb = verb, .resource = t.resource, .namespace_ = t.namespace_, .name = t.name, .body = body, .label_selector = t.labels
        };
        store_handle(w->store, &request, atomic_load(&w->wall_ns) / 1000, &answer);
        json_decref(body);
    }
    answer_json(w, call, answer.code, answer.body);
    store_answer_clear(&answer);
}

bool server_handle(struct world *w, struct transport_call *call)
{
    if (w->cut) {
        struct transport_answer answer = {
            .outcome = TRANSPORT_NOT_SENT, .body = "", .received = world_now(w), .sentence = "the API server of this test cannot be reached"
        };
        world_answer(call, &answer);
    } else if (w->hangs) {
        call->taken = true;
        return false;
    } else if (w->refuses) {
        json_t *status = store_status(w->refuses, "Refused", "refused by the test", NULL);
        answer_json(w, call, w->refuses, status);
        json_decref(status);
    } else {
        handle(w, call);
    }
    return true;
}

/* The stream has broken with the connection. */
static void break_stream(struct world *w, struct transport_call *call)
{
    struct transport_answer answer = { .outcome = TRANSPORT_BROKEN,
                                       .status = 200,
                                       .body = "",
                                       .received = world_now(w),
                                       .sentence = "the connection to the API server of this test broke" };
    world_answer(call, &answer);
}

bool server_stream(struct world *w, struct transport_call *call)
{
    struct store_watch_event event;
    if (w->cut) {
        break_stream(w, call);
        return true;
    }
    if (store_watch_next(call->watch, &event) <= 0)
        return false;
    json_t *line = json_pack("{s:s, s:o}", "type", store_watch_kind_name(event.kind), "object", event.object);
    size_t size = 0;
    char *text = line ? object_dump(line, &size) : NULL;
    struct guard *guard = call->member->service->guard;
    if (text && guard_lock(guard) == 0) {
        call->handler->on_data(call->user, text, size, world_now(w)); /* may cancel the call */
        guard_unlock(guard);
    }
    free(text);
    json_decref(line);
    return true;
}

/* ---- Pods --------------------------------------------------------------------------------------------------------- */

static int change_pod(struct world *w, const struct store_request *request)
{
    struct store_answer answer = { 0 };
    store_handle(w->store, request, atomic_load(&w->wall_ns) / 1000, &answer);
    int code = answer.code;
    store_answer_clear(&answer);
    return code < 300 ? 0 : code == 404 ? LEASEHOLD_ERR_STATE : LEASEHOLD_ERR_ARGUMENT;
}

/* {"app": "x", …} of "app=x,…". */
static json_t *labels_of(const char *text)
{
    json_t *labels = json_object();
    while (labels && text && *text) {
        size_t size = strcspn(text, ","), key = strcspn(text, "=");
        if (key < size)
            json_object_setn_new(labels, text, key, json_stringn(text + key + 1, size - key - 1));
        text += size + (text[size] == ',');
    }
    return labels;
}

int server_put_pod(struct world *w, const char *namespace_, const char *name, const char *labels, bool ready)
{
    const json_t *old = store_peek(w->store, STORE_PODS, namespace_, name);
    char address[16];
    unsigned number = (unsigned)(store_version(w->store) % 254) + 1;
    snprintf(address, sizeof address, "192.0.2.%u", number); /* RFC 5737: for examples */
    const char *kept = json_string_value(json_object_get(json_object_get(old, "status"), "podIP"));
    json_t *pod =
        json_pack("{s:s, s:s, s:{s:s, s:o}}", "apiVersion", "v1", "kind", "Pod", "metadata", "name", name, "labels", labels_of(labels));
    json_t *status = json_pack("{s:{s:s, s:s, s:[{s:s, s:s}]}}", "status", "phase", "Running", "podIP", kept ? kept : address, "conditions",
                               "type", "Ready", "status", ready ? "True" : "False");
    struct store_request request = { .verb = old ? STORE_PATCH : STORE_CREATE,
                                     .resource = STORE_PODS,
                                     .namespace_ = namespace_,
                                     .name = old ? name : NULL,
                                     .patch = STORE_PATCH_MERGE,
                                     .body = pod };
    int error = pod && status ? change_pod(w, &request) : LEASEHOLD_ERR_MEMORY;
    request = (struct store_request){ .verb = STORE_PATCH,
                                      .resource = STORE_PODS,
                                      .namespace_ = namespace_,
                                      .name = name,
                                      .status = true,
                                      .patch = STORE_PATCH_MERGE,
                                      .body = status };
    if (error == 0)
        error = change_pod(w, &request);
    json_decref(pod);
    json_decref(status);
    return error;
}

int server_delete_pod(struct world *w, const char *namespace_, const char *name)
{
    struct store_request request = { .verb = STORE_DELETE, .resource = STORE_PODS, .namespace_ = namespace_, .name = name };
    return change_pod(w, &request);
}

/* ---- other processes ---------------------------------------------------------------------------------------------- */

const json_t *server_lock(struct world *w, const leasehold_group *g)
{
    return store_peek(w->store, STORE_LEASES, g->namespace_, g->lock_name);
}

int server_replace(struct world *w, const char *namespace_, const char *name, const struct record *record, const char *mark_holder)
{
    const json_t *old = store_peek(w->store, STORE_LEASES, namespace_, name);
    json_t *object = old ? json_deep_copy(old) : dialect_new_object(&dialect_lease, namespace_, name);
    if (!object || dialect_lease.put(object, name, record, mark_holder) < 0) {
        json_decref(object);
        return LEASEHOLD_ERR_MEMORY;
    }
    struct store_request request = { .verb = old ? STORE_UPDATE : STORE_CREATE,
                                     .resource = STORE_LEASES,
                                     .namespace_ = namespace_,
                                     .name = old ? name : NULL,
                                     .body = object };
    struct store_answer answer = { 0 };
    store_handle(w->store, &request, atomic_load(&w->wall_ns) / 1000, &answer);
    int result = answer.code < 300 ? 0 : LEASEHOLD_ERR_SERVER;
    store_answer_clear(&answer);
    json_decref(object);
    return result;
}

static int write_rival(struct world *w, const struct rival *r)
{
    const json_t *old = store_peek(w->store, STORE_LEASES, r->namespace_, r->name);
    struct record record;
    memset(&record, 0, sizeof record);
    if (old)
        dialect_lease.read(old, r->name, &record);
    bool same = record.kind == RECORD_HELD && strcmp(record.holder, r->identity) == 0;
    struct record ours = { .kind = RECORD_HELD, .duration_ms = r->lease_ms, .transitions = record.transitions + (old && !same ? 1 : 0) };
    ours.renew_us = atomic_load(&w->wall_ns) / 1000;
    if (ours.renew_us <= record.renew_us)
        ours.renew_us = record.renew_us + 1;
    ours.acquire_us = same ? record.acquire_us : ours.renew_us;
    memcpy(ours.holder, r->identity, sizeof ours.holder);
    return server_replace(w, r->namespace_, r->name, &ours, r->identity);
}

struct rival *rivals_find(struct world *w, const leasehold_group *g)
{
    struct rival *r = w->rivals;
    while (r && (strcmp(r->namespace_, g->namespace_) != 0 || strcmp(r->name, g->lock_name) != 0))
        r = r->next;
    return r;
}

void rivals_renew(struct world *w)
{
    for (struct rival *r = w->rivals; r; r = r->next) {
        if (atomic_load(&w->boot_ns) < r->renew_ns)
            continue;
        write_rival(w, r);
        r->renew_ns = atomic_load(&w->boot_ns) + r->lease_ms * 1000000 / 5;
    }
}

int64_t rivals_next(const struct world *w)
{
    int64_t next = LEASEHOLD_NEVER;
    for (const struct rival *r = w->rivals; r; r = r->next)
        if (r->renew_ns < next)
            next = r->renew_ns;
    return next;
}

int rivals_add(struct world *w, const leasehold_group *g, const char *identity, int64_t lease_ms)
{
    struct rival *r = rivals_find(w, g);
    if (!r) {
        r = calloc(1, sizeof *r);
        if (r) {
            r->namespace_ = strdup(g->namespace_);
            r->name = strdup(g->lock_name);
        }
        if (!r || !r->namespace_ || !r->name) {
            if (r) {
                free(r->namespace_);
                free(r->name);
            }
            free(r);
            return LEASEHOLD_ERR_MEMORY;
        }
        r->next = w->rivals;
        w->rivals = r;
    }
    snprintf(r->identity, sizeof r->identity, "%s", identity);
    r->lease_ms = lease_ms;
    r->renew_ns = 0;
    rivals_renew(w);
    return 0;
}

void rivals_remove(struct world *w, const leasehold_group *g)
{
    struct rival **at = &w->rivals, *r = rivals_find(w, g);
    if (!r)
        return;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    free(r->namespace_);
    free(r->name);
    free(r);
}
