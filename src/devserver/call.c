/* From an HTTP request to what it asks of the store: path, verb, parameters, body. */
#include "devserver/internal.h"
#include "devserver/protobuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char protobuf_type[] = "application/vnd.kubernetes.protobuf";
static const char no_such_method[] = "the server does not allow this method on the requested resource";

const char *devserver_verb_name(enum devserver_verb verb)
{
    static const char *const names[DEVSERVER_VERBS] = { "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection" };
    BUG_UNLESS((unsigned)verb < DEVSERVER_VERBS);
    return names[verb];
}

static char *copy_text(const char *text)
{
    char *copy = strdup(text != NULL ? text : "");
    BUG_UNLESS(copy != NULL);
    return copy;
}

static void refuse(struct devserver_call *call, int code, const char *reason, const char *message)
{
    if (call->refusal == NULL)
        call->refusal = store_status(code, reason, message, NULL);
}

/* ---- the path ----------------------------------------------------------------------------------------------------- */

/* The segments after group and version: [namespaces/NS/]PLURAL[/NAME[/status]]. Returns 0, or -1 when they name nothing. */
static int read_resource(struct devserver_call *call, const char *group, const char *version, size_t first)
{
    const char *const *segment = call->target.segments + first;
    size_t count = call->target.segment_count - first;
    struct store_request *r = &call->request;

    /* "namespaces/x" is an object, "namespaces/x/leases" a place. */
    if (count >= 3 && strcmp(segment[0], "namespaces") == 0 &&
        !(count == 3 && (strcmp(segment[2], "status") == 0 || strcmp(segment[2], "finalize") == 0))) {
        r->namespace_ = segment[1];
        segment += 2;
        count -= 2;
    }
    if (count == 0 || count > 3 || store_resource_find(group, version, segment[0], &r->resource) < 0)
        return -1;
    if (r->namespace_ != NULL && !store_resource_info(r->resource)->namespaced)
        return -1;
    if (count >= 2)
        r->name = segment[1];
    if (count == 3) {
        if (strcmp(segment[2], "status") != 0 || !store_resource_info(r->resource)->has_status)
            return -1;
        r->status = true;
    }
    return 0;
}

static bool read_path(struct devserver_call *call)
{
    const char *const *segment = call->target.segments;
    size_t count = call->target.segment_count;
    if (count >= 3 && strcmp(segment[0], "api") == 0)
        return read_resource(call, "", segment[1], 2) == 0;
    if (count >= 4 && strcmp(segment[0], "apis") == 0)
        return read_resource(call, segment[1], segment[2], 3) == 0;
    return false;
}

/* /apis/GROUP/v1/REVIEWS */
static bool read_review(struct devserver_call *call)
{
    const char *const *segment = call->target.segments;
    if (call->target.segment_count != 4 || strcmp(segment[0], "apis") != 0)
        return false;
    call->review = devserver_review_find(segment[1], segment[2], segment[3]);
    if (call->review == NULL)
        return false;
    call->kind = DEVSERVER_CALL_REVIEW;
    call->verb = DEVSERVER_VERB_CREATE;
    return true;
}

/* ---- the verb ----------------------------------------------------------------------------------------------------- */

static const enum store_verb store_verbs[DEVSERVER_VERBS] = {
    [DEVSERVER_VERB_GET] = STORE_GET,       [DEVSERVER_VERB_LIST] = STORE_LIST,
    [DEVSERVER_VERB_WATCH] = STORE_LIST,    [DEVSERVER_VERB_CREATE] = STORE_CREATE,
    [DEVSERVER_VERB_UPDATE] = STORE_UPDATE, [DEVSERVER_VERB_PATCH] = STORE_PATCH,
    [DEVSERVER_VERB_DELETE] = STORE_DELETE, [DEVSERVER_VERB_DELETE_COLLECTION] = STORE_DELETE_COLLECTION,
};

/* Returns 0, or -1 for a method that this path does not know. */
static int read_verb(struct devserver_call *call, const char *method)
{
    bool named = call->request.name != NULL;
    bool watch = devserver_target_flag(&call->target, "watch");

    if (strcmp(method, "GET") == 0)
        call->verb = named ? DEVSERVER_VERB_GET : watch ? DEVSERVER_VERB_WATCH : DEVSERVER_VERB_LIST;
    else if (strcmp(method, "POST") == 0 && !named)
        call->verb = DEVSERVER_VERB_CREATE;
    else if (strcmp(method, "PUT") == 0 && named)
        call->verb = DEVSERVER_VERB_UPDATE;
    else if (strcmp(method, "PATCH") == 0 && named)
        call->verb = DEVSERVER_VERB_PATCH;
    else if (strcmp(method, "DELETE") == 0)
        call->verb = named ? DEVSERVER_VERB_DELETE : DEVSERVER_VERB_DELETE_COLLECTION;
    else
        return -1;
    call->request.verb = store_verbs[call->verb];
    return 0;
}

/* ---- parameters --------------------------------------------------------------------------------------------------- */

static void read_parameters(struct devserver_call *call)
{
    json_t *refusal = devserver_options_read(call);

    if (call->refusal == NULL)
        call->refusal = refusal;
    else
        json_decref(refusal);
}

/* ---- headers and body --------------------------------------------------------------------------------------------- */

/* The media type of a header value without its parameters, compared any case. */
static bool is_media_type(const char *value, size_t length, const char *wanted)
{
    while (length > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        length--;
    }
    size_t used = 0;
    while (used < length && value[used] != ';' && value[used] != ' ')
        used++;
    return used == strlen(wanted) && strncasecmp(value, wanted, used) == 0;
}

static void check_accept(struct devserver_call *call, const struct httpd_request *request)
{
    const char *include = devserver_target_query(&call->target, "includeObject");

    if (!devserver_view_parse(httpd_header_value(request, "Accept"), &call->view))
        refuse(call, 406, "NotAcceptable", "only the following media types are accepted: application/json");
    if (include == NULL || include[0] == '\0' || strcmp(include, "Metadata") == 0)
        call->view.include = DEVSERVER_INCLUDE_METADATA;
    else if (strcmp(include, "None") == 0)
        call->view.include = DEVSERVER_INCLUDE_NONE;
    else if (strcmp(include, "Object") == 0)
        call->view.include = DEVSERVER_INCLUDE_OBJECT;
    else
        refuse(call, 400, "BadRequest", "includeObject: Invalid value: must be 'Metadata', 'Object', 'None', or empty");
}

/* 415, or which patch this is. */
static void check_content_type(struct devserver_call *call, const struct httpd_request *request)
{
    const char *type = httpd_header_value(request, "Content-Type");
    size_t length = type != NULL ? strlen(type) : 0;

    if (call->verb == DEVSERVER_VERB_PATCH) {
        if (type != NULL && is_media_type(type, length, "application/merge-patch+json"))
            call->request.patch = STORE_PATCH_MERGE;
        else if (type != NULL && is_media_type(type, length, "application/json-patch+json"))
            call->request.patch = STORE_PATCH_JSON;
        else if (type != NULL && is_media_type(type, length, "application/strategic-merge-patch+json"))
            call->request.patch = STORE_PATCH_STRATEGIC;
        else if (type != NULL && is_media_type(type, length, "application/apply-patch+yaml"))
            refuse(call, 415, "UnsupportedMediaType",
                   "this development server keeps no managedFields and so serves no server-side apply: use kubectl apply without "
                   "--server-side, or one of the other patches");
        else
            refuse(call, 415, "UnsupportedMediaType",
                   "the body of the request was in an unknown format - accepted media types include: "
                   "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json");
        return;
    }
    /* Some clients name no type at all; the real server reads that as JSON too. */
    if (length > 0 && !is_media_type(type, length, "application/json") && !is_media_type(type, length, protobuf_type) &&
        (request->body_bytes > 0 || call->verb != DEVSERVER_VERB_DELETE))
        refuse(call, 415, "UnsupportedMediaType",
               "the body of the request was in an unknown format - accepted media types include: application/json, "
               "application/vnd.kubernetes.protobuf");
}

/* What a body of protobuf is where it does not say so itself. */
static json_t *decode_protobuf(struct devserver_call *call, const struct httpd_request *request)
{
    char version[160], error[320];
    int code;
    bool review = call->kind == DEVSERVER_CALL_REVIEW;
    bool options = call->verb == DEVSERVER_VERB_DELETE || call->verb == DEVSERVER_VERB_DELETE_COLLECTION;
    const struct store_resource_info *info = review ? NULL : store_resource_info(call->request.resource);
    const char *group = review ? call->review->group : info->group;
    const char *kind = options ? "DeleteOptions" : review ? call->review->kind : info->kind;

    snprintf(version, sizeof version, "%s%s%s", group, group[0] != '\0' ? "/" : "", review ? "v1" : info->version);
    json_t *body = devserver_protobuf_decode(request->body, request->body_bytes, version, kind, &code, error, sizeof error);
    if (body == NULL)
        refuse(call, code, code == 415 ? "UnsupportedMediaType" : "BadRequest", error);
    return body;
}

static json_t *decode_json(struct devserver_call *call, const struct httpd_request *request)
{
    char message[320];
    json_error_t error;
    bool patch = call->kind == DEVSERVER_CALL_RESOURCE && call->verb == DEVSERVER_VERB_PATCH;
    size_t flags = call->request.strict && !patch ? JSON_REJECT_DUPLICATES : 0;
    json_t *body = json_loadb(request->body, request->body_bytes, flags, &error);

    if (body != NULL)
        return body;
    snprintf(message, sizeof message,
             "the object provided is unrecognized (must be of type %s): couldn't get version/kind; json parse error: %.160s",
             call->kind == DEVSERVER_CALL_REVIEW ? call->review->kind : store_resource_info(call->request.resource)->kind, error.text);
    refuse(call, 400, "BadRequest", message);
    return NULL;
}

static void read_body(struct devserver_call *call, const struct httpd_request *request)
{
    bool optional = call->verb == DEVSERVER_VERB_DELETE || call->verb == DEVSERVER_VERB_DELETE_COLLECTION;
    const char *type = httpd_header_value(request, "Content-Type");

    if (call->verb <= DEVSERVER_VERB_WATCH)
        return;
    check_content_type(call, request);
    if (call->refusal == NULL && call->verb == DEVSERVER_VERB_PATCH)
        call->refusal = devserver_options_refuse_force(call);
    if (call->refusal != NULL || (optional && request->body_bytes == 0))
        return;
    bool protobuf = type != NULL && is_media_type(type, strlen(type), protobuf_type);
    call->body = protobuf ? decode_protobuf(call, request) : decode_json(call, request);
    call->request.body = call->body;
}

static void read_caller(struct devserver_call *call, const struct httpd_request *request)
{
    const char *authorization = httpd_header_value(request, "Authorization");
    bool bearer = authorization != NULL && strncasecmp(authorization, "Bearer ", 7) == 0;
    call->caller.peer = copy_text(request->peer);
    call->caller.user_agent = copy_text(httpd_header_value(request, "User-Agent"));
    call->caller.token = copy_text(bearer ? authorization + 7 : NULL);
}

struct devserver_call *devserver_call_new(const struct httpd_request *request)
{
    struct devserver_call *call = calloc(1, sizeof *call);
    BUG_UNLESS(call != NULL);

    read_caller(call, request);
    if (devserver_target_parse(request->target, &call->target) < 0) {
        call->kind = DEVSERVER_CALL_DOCUMENT;
        refuse(call, 400, "BadRequest", "the request target cannot be decoded");
        return call;
    }
    if (read_review(call)) {
        if (strcmp(request->method, "POST") != 0)
            refuse(call, 405, "MethodNotAllowed", no_such_method);
        else
            read_body(call, request);
        return call;
    }
    if (!read_path(call)) {
        call->kind = DEVSERVER_CALL_DOCUMENT;
        memset(&call->request, 0, sizeof call->request);
        call->other_method = strcmp(request->method, "GET") != 0;
        return call;
    }
    if (read_verb(call, request->method) < 0) {
        refuse(call, 405, "MethodNotAllowed", no_such_method);
        return call;
    }
    check_accept(call, request);
    read_parameters(call);
    read_body(call, request);
    return call;
}

struct devserver_call *devserver_call_free(struct devserver_call *call)
{
    if (call == NULL)
        return NULL;
    devserver_target_clear(&call->target);
    free(call->caller.peer);
    free(call->caller.user_agent);
    free(call->caller.token);
    json_decref(call->body);
    json_decref(call->refusal);
    free(call);
    return NULL;
}
