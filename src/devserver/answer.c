/* Answers to calls, and the JSON around them. */
#include "devserver/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t devserver_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void set_json(struct devserver_reply *ret, int code, const json_t *value)
{
    ret->code = code;
    ret->content_type = "application/json";
    ret->body = json_dumps(value, JSON_COMPACT);
    BUG_UNLESS(ret->body != NULL);
    ret->body_bytes = strlen(ret->body);
    ret->body[ret->body_bytes++] = '\n'; /* in the place of the NUL: the length says where it ends */
    json_int_t wait_s = json_integer_value(json_object_get(json_object_get(value, "details"), "retryAfterSeconds"));
    if (wait_s > 0)
        snprintf(ret->headers, sizeof ret->headers, "Retry-After: %lld\r\n", (long long)wait_s);
}

static void set_status(struct devserver_reply *ret, json_t *status)
{
    set_json(ret, (int)json_integer_value(json_object_get(status, "code")), status);
    json_decref(status);
}

static void decide_document(struct devserver *d, const struct devserver_call *call, struct devserver_reply *ret)
{
    const char *text = NULL;
    json_t *document = devserver_document(&call->target, d->version, d->address, &text);

    if (call->other_method && (document != NULL || text != NULL)) {
        json_decref(document);
        set_status(ret, store_status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", NULL));
    } else if (document != NULL) {
        set_json(ret, 200, document);
        json_decref(document);
    } else if (text != NULL) {
        ret->code = 200;
        ret->content_type = "text/plain; charset=utf-8";
        ret->body = strdup(text);
        BUG_UNLESS(ret->body != NULL);
        ret->body_bytes = strlen(text);
    } else if (devserver_document_missing(&call->target)) {
        ret->code = 404;
        ret->content_type = "text/plain; charset=utf-8";
        ret->body = strdup("404 page not found\n");
        BUG_UNLESS(ret->body != NULL);
        ret->body_bytes = strlen(ret->body);
    } else {
        set_status(ret, store_status(404, "NotFound", "the server could not find the requested resource", NULL));
    }
}

void devserver_decide(struct devserver *d, const struct devserver_call *call, struct devserver_reply *ret)
{
    memset(ret, 0, sizeof *ret);
    if (call->refusal != NULL) {
        set_status(ret, json_incref(call->refusal));
    } else if (call->kind == DEVSERVER_CALL_DOCUMENT) {
        decide_document(d, call, ret);
    } else if (call->kind == DEVSERVER_CALL_REVIEW) {
        json_t *answer = devserver_review_answer(&d->rules, call);
        json_t *code = json_object_get(answer, "code");
        set_json(ret, code != NULL ? (int)json_integer_value(code) : 201, answer);
        json_decref(answer);
    } else {
        struct store_answer answer;
        int64_t now_us = devserver_now_us();
        store_handle(d->store, &call->request, now_us, &answer);
        json_t *shown = devserver_view_apply(&call->view, call->request.resource, answer.body, now_us);
        set_json(ret, answer.code, shown);
        json_decref(shown);
        store_answer_clear(&answer);
    }
}

void devserver_send(struct httpd_connection *c, const struct devserver_reply *reply)
{
    httpd_reply(c, reply->code, reply->content_type, reply->headers[0] != '\0' ? reply->headers : NULL, reply->body, reply->body_bytes);
}

void devserver_reply_clear(struct devserver_reply *reply)
{
    free(reply->body);
    reply->body = NULL;
}

void devserver_send_json(struct httpd_connection *c, int code, const json_t *value)
{
    struct devserver_reply reply;
    memset(&reply, 0, sizeof reply);
    set_json(&reply, code, value);
    devserver_send(c, &reply);
    devserver_reply_clear(&reply);
}

void devserver_send_status(struct httpd_connection *c, json_t *status)
{
    devserver_send_json(c, (int)json_integer_value(json_object_get(status, "code")), status);
    json_decref(status);
}

void devserver_serve(struct devserver *d, struct devserver_call *call, struct httpd_connection *c)
{
    struct devserver_reply reply;

    if (call->kind == DEVSERVER_CALL_RESOURCE && call->verb == DEVSERVER_VERB_WATCH && call->refusal == NULL) {
        if (c != NULL)
            devserver_stream_open(d, call, c);
        else
            devserver_call_free(call);
        return;
    }
    devserver_decide(d, call, &reply);
    if (c != NULL)
        devserver_send(c, &reply);
    devserver_reply_clear(&reply);
    devserver_call_free(call);
    devserver_stream_pump(d, false);
}
