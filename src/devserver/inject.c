/* What fault rules do: to one request, or to the whole server. */
#include "devserver/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request that is held back. What remains of it when the client leaves depends on the action. */
struct devserver_held {
    struct devserver *server;
    struct devserver_call *call;
    struct httpd_connection *connection; /* NULL: the client left */
    enum devserver_action action;
    struct devserver_reply reply; /* DELAY_ANSWER */
    struct event *timer;
    struct devserver_held *previous, *next;
};

static struct timeval span(int64_t ms)
{
    return (struct timeval){ .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

static void forget(struct devserver_held *held)
{
    struct devserver *d = held->server;
    if (held->previous != NULL)
        held->previous->next = held->next;
    else
        d->held = held->next;
    if (held->next != NULL)
        held->next->previous = held->previous;
    d->held_count--;
    if (held->timer != NULL)
        event_free(held->timer);
    devserver_reply_clear(&held->reply);
    devserver_call_free(held->call);
    free(held);
}

static void on_client_left(void *user)
{
    struct devserver_held *held = user;
    if (held->action == DEVSERVER_APPLY_LATE)
        held->connection = NULL;
    else
        forget(held);
}

static void on_due(evutil_socket_t fd, short what, void *user)
{
    struct devserver_held *held = user;
    struct devserver *d = held->server;
    struct httpd_connection *c = held->connection;
    struct devserver_call *call = held->call;
    (void)fd;
    (void)what;

    if (d->frozen) { /* a frozen server does nothing late either */
        struct timeval later = span(10);
        event_add(held->timer, &later);
        return;
    }
    if (c != NULL)
        httpd_expect(c, NULL, NULL, NULL);
    if (held->action == DEVSERVER_DELAY_ANSWER) {
        devserver_send(c, &held->reply);
        forget(held);
        return;
    }
    held->call = NULL;
    forget(held);
    devserver_serve(d, call, c);
}

static struct devserver_held *hold(struct devserver *d, const struct devserver_rule *rule, struct devserver_call *call,
                                   struct httpd_connection *c)
{
    struct devserver_held *held = calloc(1, sizeof *held);
    BUG_UNLESS(held != NULL);
    *held = (struct devserver_held){ .server = d, .call = call, .connection = c, .action = rule->action, .next = d->held };
    if (d->held != NULL)
        d->held->previous = held;
    d->held = held;
    d->held_count++;
    httpd_expect(c, on_client_left, NULL, held);
    if (rule->action != DEVSERVER_HANG && rule->action != DEVSERVER_DROP_ANSWER) {
        struct timeval delay = span(rule->ms);
        held->timer = evtimer_new(d->base, on_due, held);
        BUG_UNLESS(held->timer != NULL);
        event_add(held->timer, &delay);
    }
    return held;
}

void devserver_held_clear(struct devserver *d)
{
    struct devserver_held *next;
    for (struct devserver_held *held = d->held; held != NULL; held = next) {
        next = held->next;
        if (held->connection != NULL)
            httpd_expect(held->connection, NULL, NULL, NULL);
        forget(held);
    }
}

static void refuse(const struct devserver_rule *rule, struct devserver_call *call, struct httpd_connection *c)
{
    static const struct {
        int code;
        const char *reason;
    } reasons[] = {
        { 400, "BadRequest" }, { 401, "Unauthorized" }, { 403, "Forbidden" },       { 404, "NotFound" },      { 409, "Conflict" },
        { 410, "Expired" },    { 422, "Invalid" },      { 429, "TooManyRequests" }, { 500, "InternalError" }, { 503, "ServiceUnavailable" },
        { 504, "Timeout" }
    };
    const char *reason = NULL;
    json_t *details = NULL;

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].code == rule->code)
            reason = reasons[i].reason;
    if (rule->retry_after_s >= 0)
        details = json_pack("{s:I}", "retryAfterSeconds", (json_int_t)rule->retry_after_s);
    devserver_send_status(c, store_status(rule->code, reason, rule->message != NULL ? rule->message : "refused by a fault rule", details));
    devserver_call_free(call);
}

static void drop_answer(struct devserver *d, const struct devserver_rule *rule, struct devserver_call *call, struct httpd_connection *c)
{
    struct devserver_reply reply;
    if (!(call->kind == DEVSERVER_CALL_RESOURCE && call->verb == DEVSERVER_VERB_WATCH)) {
        devserver_decide(d, call, &reply);
        devserver_reply_clear(&reply);
    }
    if (rule->keep_open) {
        (void)hold(d, rule, call, c);
    } else {
        httpd_abort(c, false);
        devserver_call_free(call);
    }
    devserver_stream_pump(d, false);
}

static bool is_watch(const struct devserver_call *call)
{
    return call->kind == DEVSERVER_CALL_RESOURCE && call->verb == DEVSERVER_VERB_WATCH;
}

void devserver_inject(struct devserver *d, const struct devserver_rule *rule, struct devserver_call *call, struct httpd_connection *c)
{
    struct devserver_held *held;
    struct devserver_reply reply;

    if (d->held_count >= DEVSERVER_HELD_MAX) {
        devserver_send_status(c, store_status(503, "ServiceUnavailable", "10000 requests are already held back by faults", NULL));
        devserver_call_free(call);
        return;
    }
    switch (rule->action) {
    case DEVSERVER_DELAY_ANSWER:
        if (!is_watch(call)) {
            devserver_decide(d, call, &reply);
            held = hold(d, rule, call, c);
            held->reply = reply;
            devserver_stream_pump(d, false);
            return;
        }
        (void)hold(d, &(struct devserver_rule){ .action = DEVSERVER_DELAY, .ms = rule->ms }, call, c);
        return;
    case DEVSERVER_DELAY:
    case DEVSERVER_APPLY_LATE:
    case DEVSERVER_HANG:
        (void)hold(d, rule, call, c);
        return;
    case DEVSERVER_REFUSE:
        refuse(rule, call, c);
        return;
    case DEVSERVER_RESET:
        devserver_call_free(call);
        httpd_abort(c, true);
        return;
    case DEVSERVER_DROP_ANSWER:
        drop_answer(d, rule, call, c);
        return;
    case DEVSERVER_RESTART: /* with the request unanswered, as when the process ends */
        devserver_call_free(call);
        devserver_inject_now(d, rule);
        return;
    case DEVSERVER_FREEZE: /* handled, and frozen before the answer can leave */
        devserver_inject_now(d, rule);
        (void)hold(d, &(struct devserver_rule){ .action = DEVSERVER_APPLY_LATE, .ms = rule->ms }, call, c);
        return;
    case DEVSERVER_COMPACT:
    case DEVSERVER_REPEAT_WATCH:
    case DEVSERVER_STEP_BACK:
    case DEVSERVER_MUTE_WATCH:
        devserver_serve(d, call, c);
        devserver_inject_now(d, rule);
        return;
    case DEVSERVER_ACTIONS:
        break;
    }
    BUG_UNLESS(false);
}

void devserver_inject_now(struct devserver *d, const struct devserver_rule *rule)
{
    struct timeval length = span(rule->ms);

    switch (rule->action) {
    case DEVSERVER_FREEZE:
        d->frozen = true;
        httpd_freeze(d->http, true);
        event_add(d->thaw, &length);
        return;
    case DEVSERVER_RESTART:
        d->down = true;
        httpd_unlisten(d->http);
        devserver_held_clear(d);
        httpd_close_all(d->http);
        event_add(d->rebirth, &length);
        return;
    case DEVSERVER_COMPACT:
        store_compact(d->store, 0);
        devserver_stream_pump(d, true);
        return;
    default:
        devserver_stream_disturb(d, rule);
        return;
    }
}
