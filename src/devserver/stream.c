/* Watches as chunked streams. Events are taken from the store's history only while little waits to be sent, so a slow client
 * falls behind in the history (ERROR 410) or stops taking anything (the write timeout cuts it); it never grows a buffer. */
#include "devserver/internal.h"

#include <stdlib.h>
#include <string.h>

struct devserver_stream {
    struct devserver *server;
    struct httpd_connection *connection;
    struct devserver_call *call;
    struct store_watch *watch;
    struct event *end;
    struct event *bookmark; /* NULL unless asked for */
    bool muted;
    struct devserver_stream *previous, *next;
};

static void close_stream(struct devserver_stream *w)
{
    struct devserver *d = w->server;
    if (w->previous != NULL)
        w->previous->next = w->next;
    else
        d->streams = w->next;
    if (w->next != NULL)
        w->next->previous = w->previous;
    store_watch_close(w->watch);
    event_free(w->end);
    if (w->bookmark != NULL)
        event_free(w->bookmark);
    devserver_call_free(w->call);
    free(w);
}

/* {"type":"ADDED","object":{...}} and a line feed, kept for the next watch that gets the same object in the same form. */
static void make_line(struct devserver_stream *w, enum store_watch_kind kind, json_t *object)
{
    struct devserver *d = w->server;
    const struct devserver_view *view = &w->call->view;
    if (object == d->line_object && (int)kind == d->line_kind && view->kind == DEVSERVER_VIEW_OBJECT &&
        d->line_view == DEVSERVER_VIEW_OBJECT)
        return;
    json_t *shown = devserver_view_apply(view, w->call->request.resource, object, devserver_now_us());
    json_t *event = json_pack("{s:s, s:o}", "type", store_watch_kind_name(kind), "object", shown);
    BUG_UNLESS(event != NULL);
    free(d->line);
    json_decref(d->line_object);
    d->line = json_dumps(event, JSON_COMPACT);
    BUG_UNLESS(d->line != NULL);
    d->line_bytes = strlen(d->line);
    d->line[d->line_bytes++] = '\n';
    d->line_object = json_incref(object);
    d->line_kind = (int)kind;
    d->line_view = view->kind;
    json_decref(event);
}

/* Takes the event's object. */
static void tell(struct devserver_stream *w, struct store_watch_event *event)
{
    make_line(w, event->kind, event->object);
    json_decref(event->object);
    httpd_chunk(w->connection, w->server->line, w->server->line_bytes);
}

static void end_stream(struct devserver_stream *w)
{
    struct httpd_connection *c = w->connection;
    close_stream(w);
    httpd_stream_end(c);
}

static void pump(struct devserver_stream *w)
{
    struct store_watch_event event;

    if (w->muted || w->server->frozen)
        return;
    while (httpd_backlog(w->connection) < DEVSERVER_WATCH_BUFFER_BYTES && store_watch_next(w->watch, &event) == 1)
        tell(w, &event);
    if (store_watch_ended(w->watch))
        end_stream(w);
}

void devserver_stream_pump(struct devserver *d, bool all)
{
    struct store_watch *watch;
    struct devserver_stream *next;

    if (d->frozen)
        return;
    while ((watch = store_watch_ready(d->store)) != NULL)
        pump(store_watch_user(watch));
    for (struct devserver_stream *w = all ? d->streams : NULL; w != NULL; w = next) {
        next = w->next;
        pump(w);
    }
}

static void on_closed(void *user)
{
    close_stream(user);
}

static void on_drained(void *user)
{
    pump(user);
}

static void send_bookmark(struct devserver_stream *w)
{
    struct store_watch_event event;
    if (w->bookmark != NULL && !w->muted && store_watch_bookmark(w->watch, &event) == 1)
        tell(w, &event);
}

static void on_bookmark(evutil_socket_t fd, short what, void *user)
{
    struct devserver_stream *w = user;
    (void)fd;
    (void)what;
    if (!w->server->frozen)
        send_bookmark(w);
}

static void on_end(evutil_socket_t fd, short what, void *user)
{
    struct devserver_stream *w = user;
    (void)fd;
    (void)what;
    if (w->server->frozen || w->muted) { /* a frozen server ends nothing either; looked at again later */
        struct timeval later = { .tv_usec = 100000 };
        if (!w->muted)
            event_add(w->end, &later);
        return;
    }
    send_bookmark(w);
    end_stream(w);
}

/* timeoutSeconds; without it half an hour to an hour, spread so that many watches do not end at once. */
static time_t length_s(struct devserver *d, const struct devserver_call *call)
{
    const char *text = devserver_target_query(&call->target, "timeoutSeconds");
    if (text != NULL && text[0] != '\0' && strlen(text) <= 9 && strspn(text, "0123456789") == strlen(text)) {
        long value = strtol(text, NULL, 10);
        if (value > 0)
            return value < DEVSERVER_WATCH_S_MAX ? value : DEVSERVER_WATCH_S_MAX;
    }
    return DEVSERVER_WATCH_S + (time_t)(d->stream_count * 37 % DEVSERVER_WATCH_S);
}

static void set_timers(struct devserver_stream *w)
{
    struct devserver *d = w->server;
    struct timeval length = { .tv_sec = length_s(d, w->call) };

    w->end = evtimer_new(d->base, on_end, w);
    BUG_UNLESS(w->end != NULL);
    event_add(w->end, &length);
    if (!devserver_target_flag(&w->call->target, "allowWatchBookmarks"))
        return;
    struct timeval between = { .tv_sec = DEVSERVER_BOOKMARK_S };
    w->bookmark = event_new(d->base, -1, EV_PERSIST, on_bookmark, w);
    BUG_UNLESS(w->bookmark != NULL);
    event_add(w->bookmark, &between);
}

void devserver_stream_open(struct devserver *d, struct devserver_call *call, struct httpd_connection *c)
{
    const struct store_request *r = &call->request;
    struct devserver_stream *w = calloc(1, sizeof *w);
    struct store_answer refusal;

    BUG_UNLESS(w != NULL);
    struct store_watch_options options = {
        .resource = r->resource,
        .namespace_ = r->namespace_,
        .label_selector = r->label_selector,
        .field_selector = r->field_selector,
        .resource_version = r->resource_version,
        .initial_events = devserver_target_flag(&call->target, "sendInitialEvents"),
        .no_bookmark = !devserver_target_flag(&call->target, "allowWatchBookmarks"),
        .user = w,
    };
    if (store_watch_open(d->store, &options, &w->watch, &refusal) < 0) {
        devserver_send_json(c, refusal.code, refusal.body);
        store_answer_clear(&refusal);
        devserver_call_free(call);
        free(w);
        return;
    }
    d->stream_count++;
    w->server = d;
    w->connection = c;
    w->call = call;
    w->next = d->streams;
    if (d->streams != NULL)
        d->streams->previous = w;
    d->streams = w;
    set_timers(w);
    httpd_stream(c, "application/json");
    httpd_expect(c, on_closed, on_drained, w);
    devserver_stream_pump(d, false);
}

void devserver_stream_disturb(struct devserver *d, const struct devserver_rule *rule)
{
    for (struct devserver_stream *w = d->streams; w != NULL; w = w->next) {
        if (!devserver_rule_matches(rule, w->call, NULL))
            continue;
        if (rule->action == DEVSERVER_MUTE_WATCH)
            w->muted = true;
        else
            store_watch_rewind(w->watch, rule->events);
    }
    devserver_stream_pump(d, false);
}
