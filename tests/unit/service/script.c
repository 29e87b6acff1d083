#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

static const char uid[] = "11111111-2222-3333-4444-555555555555";
const char script_absent[] =
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"leases.coordination.k8s.io \\\"g\\\" not "
    "found\",\"reason\":\"NotFound\",\"details\":{\"name\":\"g\",\"group\":\"coordination.k8s.io\",\"kind\":\"leases\"},"
    "\"code\":404}";

static int start(void *transport, const struct transport_request *request, const struct transport_handler *handler, void *user,
                 struct transport_call **ret_call)
{
    struct script *w = transport;
    if (w->refuse_starts > 0) {
        w->refuse_starts--;
        return LEASEHOLD_ERR_LIMIT;
    }
    assert_true(w->count < SCRIPT_CALLS);
    struct call *c = &w->calls[w->count++];
    *c = (struct call){ .waits = true, .request = *request, .handler = handler, .user = user, .started = w->now };
    snprintf(c->method, sizeof c->method, "%s", request->method);
    snprintf(c->path, sizeof c->path, "%s", request->path);
    if (request->body)
        c->body = strndup(request->body, request->body_size);
    *ret_call = (struct transport_call *)(void *)c;
    return 0;
}

static void cancel(void *transport, struct transport_call *call)
{
    (void)transport;
    struct call *c = (struct call *)(void *)call;
    assert_true(c->waits);
    c->waits = false;
    c->cancelled = true;
}

static leasehold_time now(void *data)
{
    const struct script *w = data;
    return w->now;
}

static void wake(void *data)
{
    struct script *w = data;
    w->woken = true;
}

static void waiting(void *data, bool is)
{
    struct script *w = data;
    assert_true(w->waiting != is);
    w->waiting = is;
}

static uint64_t draw(void *data)
{
    struct script *w = data;
    return ++w->random;
}

struct script *script_open(const char *name, const char *value)
{
    const char *options[] = { name, value, NULL };
    return script_open_with(options);
}

struct script *script_open_with(const char *const options[])
{
    static const struct transport_operations operations = { start, cancel, now };
    struct script *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->now = (leasehold_time){ INT64_C(1000000000000), INT64_C(500000000000), INT64_C(1795410000000000000) };
    struct service_host host = {
        .transport = { &operations, w }, .clock = { now, w }, .wake = wake, .waiting = waiting, .random = draw, .data = w
    };
    leasehold_options *o = leasehold_options_new();
    assert_int_equal(leasehold_options_set(o, "identity", "a"), 0);
    for (size_t i = 0; options[i]; i += 2)
        assert_int_equal(leasehold_options_set(o, options[i], options[i + 1]), 0);
    char sentence[SETTING_SENTENCE_MAX];
    assert_int_equal(service_new(&host, o, "default", &w->s, sentence), 0);
    leasehold_options_unref(o);
    return w;
}

void script_close(struct script *w)
{
    service_free(w->s);
    for (size_t i = 0; i < w->count; i++) {
        assert_false(w->calls[i].waits);
        free(w->calls[i].body);
    }
    free(w);
}

leasehold_group *script_group(struct script *w, const char *name, int role)
{
    leasehold_group *g = NULL;
    assert_int_equal(leasehold_group_open(&g, w->s, name, role, NULL), 0);
    script_turn(w);
    return g;
}

void script_turn(struct script *w)
{
    service_expire(w->s);
    while (w->woken) {
        w->woken = false;
        service_run_posted(w->s);
    }
}

void script_advance(struct script *w, int ms)
{
    int64_t end_ns = w->now.boot_ns + (int64_t)ms * 1000000;
    for (;;) {
        int64_t next_ns = service_deadline(w->s);
        int64_t to_ns = next_ns < end_ns ? next_ns : end_ns;
        int64_t step_ns = to_ns > w->now.boot_ns ? to_ns - w->now.boot_ns : 0;
        w->now = (leasehold_time){ w->now.boot_ns + step_ns, w->now.raw_ns + step_ns, w->now.wall_ns + step_ns };
        script_turn(w);
        if (w->now.boot_ns >= end_ns && service_deadline(w->s) > w->now.boot_ns)
            return;
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

struct call *script_take(struct script *w, const char *method, const char *path_end)
{
    if (w->taken == w->count)
        fail_msg("%s %s was not asked for", method, path_end);
    struct call *c = &w->calls[w->taken++];
    if (strcmp(c->method, method) != 0 || !ends_with(c->path, path_end))
        fail_msg("%s %s was asked for, not %s %s", c->method, c->path, method, path_end);
    return c;
}

struct call *script_take_watch(struct script *w, const char *part)
{
    if (w->taken == w->count)
        fail_msg("no watch was opened");
    struct call *c = &w->calls[w->taken++];
    if (!c->request.stream || !strstr(c->path, part))
        fail_msg("%s %s was asked for, not a watch with %s", c->method, c->path, part);
    return c;
}

void script_nothing(struct script *w)
{
    if (w->taken < w->count)
        fail_msg("%s %s was asked for", w->calls[w->taken].method, w->calls[w->taken].path);
}

static void finish(struct script *w, struct call *c, struct transport_answer *answer)
{
    assert_true(c->waits);
    c->waits = false;
    answer->received = w->now;
    c->handler->on_answer(c->user, answer);
    script_turn(w);
}

void script_answer(struct script *w, struct call *c, int status, const char *body)
{
    struct transport_answer answer = {
        .outcome = TRANSPORT_ANSWERED, .status = status, .body = body, .body_size = strlen(body), .sentence = ""
    };
    finish(w, c, &answer);
}

void script_fail(struct script *w, struct call *c, enum transport_outcome outcome, const char *sentence)
{
    struct transport_answer answer = { .outcome = outcome, .body = "", .sentence = sentence };
    finish(w, c, &answer);
}

void script_stream_open(struct script *w, struct call *c)
{
    c->handler->on_open(c->user, w->now);
    script_turn(w);
}

void script_stream(struct script *w, struct call *c, const char *data)
{
    c->handler->on_data(c->user, data, strlen(data), w->now);
    script_turn(w);
}

/* ---- objects ------------------------------------------------------------------------------------------------------ */

static char text[16384];

const char *script_lease(const char *holder, unsigned version, int duration_s)
{
    snprintf(text, sizeof text,
             "{\"apiVersion\":\"coordination.k8s.io/"
             "v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"g\",\"namespace\":\"default\",\"uid\":\"%s\","
             "\"resourceVersion\":\"%u\",\"labels\":{\"team\":\"x\"},\"managedFields\":[{\"manager\":\"m\"}]},\"spec\":{\"holderIdentity\":"
             "\"%s\","
             "\"leaseDurationSeconds\":%d,\"acquireTime\":\"2026-11-23T03:00:00.000000Z\",\"renewTime\":\"2026-11-23T03:00:00.%06uZ\","
             "\"leaseTransitions\":3,\"strategy\":\"OldestEmulationVersion\"}}",
             uid, version, holder ? holder : "", duration_s, version);
    return text;
}

const char *script_stored(const struct call *c, unsigned version)
{
    json_t *object = json_loads(c->body, 0, NULL);
    char number[16];
    assert_non_null(object);
    snprintf(number, sizeof number, "%u", version);
    json_t *metadata = json_object_get(object, "metadata");
    json_object_set_new(metadata, "uid", json_string(uid));
    json_object_set_new(metadata, "resourceVersion", json_string(number));
    json_object_set_new(metadata, "managedFields", json_pack("[{s:s}]", "manager", "leasehold"));
    char *dump = json_dumps(object, JSON_COMPACT);
    snprintf(text, sizeof text, "%s", dump);
    free(dump);
    json_decref(object);
    return text;
}

const char *script_status(int code, const char *reason, const char *message)
{
    json_t *status = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "kind", "Status", "apiVersion", "v1", "status", "Failure", "reason",
                               reason, "message", message, "code", code);
    char *dump = json_dumps(status, JSON_COMPACT);
    snprintf(text, sizeof text, "%s", dump);
    free(dump);
    json_decref(status);
    return text;
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

const leasehold_event *script_event(struct script *w, int kind)
{
    const leasehold_event *e = NULL;
    assert_true(w->waiting);
    assert_int_equal(leasehold_service_next_event(w->s, &e), 1);
    if (leasehold_event_kind(e) != kind)
        fail_msg("the next event is %s (%s)", leasehold_event_name(e), leasehold_event_text(e));
    return e;
}

void script_no_event(struct script *w)
{
    const leasehold_event *e = NULL;
    if (leasehold_service_next_event(w->s, &e) != 0)
        fail_msg("there is an event: %s (%s)", leasehold_event_name(e), leasehold_event_text(e));
    assert_false(w->waiting);
}

struct call *script_lead(struct script *w)
{
    struct call *get = script_take(w, "GET", "/leases/g");
    struct call *watch = script_take_watch(w, "watch=");
    script_stream_open(w, watch);
    script_answer(w, get, 404, script_absent);
    struct call *post = script_take(w, "POST", "/leases");
    script_answer(w, post, 201, script_stored(post, 10));
    const leasehold_event *e = script_event(w, LEASEHOLD_EVENT_STARTED_LEADING);
    assert_string_equal(leasehold_event_token(e), "10");
    script_event(w, LEASEHOLD_EVENT_LEADER_CHANGED);
    script_no_event(w);
    script_nothing(w);
    return watch;
}
