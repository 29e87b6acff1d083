/* A whole request to the development server: any bytes are read or refused with a Status, and what is read is answered. */
#include "devserver/internal.h"
#include "fuzz.h"

#define NOW_US INT64_C(1764000000000000)

static void must_be_an_answer(const json_t *body, int code)
{
    MUST(json_is_object(body) && code >= 200 && code < 600);
    MUST(json_string_value(json_object_get(body, "kind")) != NULL);
    char *text = json_dumps(body, JSON_COMPACT);
    MUST(text != NULL);
    free(text);
}

static void must_be_a_refusal(const json_t *status)
{
    json_int_t code = json_integer_value(json_object_get(status, "code"));
    const char *message = json_string_value(json_object_get(status, "message"));
    MUST(code >= 400 && code < 600 && message != NULL && message[0] != '\0');
    must_be_an_answer(status, (int)code);
}

static void ask_store(const struct devserver_call *call)
{
    static const char object[] = "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"y\"}},\"spec\":{\"holderIdentity\":\"h\"}}";
    struct store *s = store_open(&(struct store_options){ .first_version = 1, .history_max = 16 }, NOW_US);
    struct store_answer answer;
    json_t *lease = json_loads(object, 0, NULL);

    store_handle(s, &(struct store_request){ .verb = STORE_CREATE, .namespace_ = "default", .body = lease }, NOW_US, &answer);
    MUST(answer.code == 201);
    store_answer_clear(&answer);
    json_decref(lease);

    json_t *before = call->body != NULL ? json_deep_copy(call->body) : NULL;
    store_handle(s, &call->request, NOW_US, &answer);
    must_be_an_answer(answer.body, answer.code);
    MUST(before == NULL || json_equal(before, call->body));
    MUST(!answer.changed || (answer.code < 300 && !call->request.dry_run && call->request.verb > STORE_LIST));
    json_t *shown = devserver_view_apply(&call->view, call->request.resource, answer.body, NOW_US);
    must_be_an_answer(shown, answer.code);
    json_decref(shown);
    json_decref(before);
    store_answer_clear(&answer);
    store_close(s);
}

static void take(const struct httpd_head *head, const char *body, size_t body_bytes)
{
    struct devserver_rules rules = { .count = 0 };
    const struct httpd_request request = { .method = head->method,
                                           .target = head->target,
                                           .headers = head->headers,
                                           .header_count = head->header_count,
                                           .body = body,
                                           .body_bytes = body_bytes,
                                           .peer = "127.0.0.1" };
    struct devserver_call *call = devserver_call_new(&request);

    MUST(call != NULL);
    if (call->refusal != NULL) {
        must_be_a_refusal(call->refusal);
    } else if (call->kind == DEVSERVER_CALL_REVIEW) {
        json_t *answer = devserver_review_answer(&rules, call);
        must_be_an_answer(answer, 200);
        json_decref(answer);
    } else if (call->kind == DEVSERVER_CALL_DOCUMENT) {
        const char *text = NULL;
        json_decref(devserver_document(&call->target, "1.0", "127.0.0.1:1", &text));
    } else {
        ask_store(call);
    }
    devserver_call_free(call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct httpd_head head;
    size_t length;
    char *text = fuzz_text(data, size);
    char *end = strstr(text, "\r\n\r\n");
    char *body = end != NULL ? end + 4 : text + size;

    if (end != NULL)
        *end = '\0';
    if (httpd_head_parse(text, &head) == HTTPD_HEAD_OK) {
        MUST(head.method[0] != '\0' && head.target[0] == '/' && head.header_count <= HTTPD_HEADERS_MAX);
        for (size_t i = 0; i < head.header_count; i++)
            MUST(head.headers[i].name[0] != '\0' && strpbrk(head.headers[i].value, "\r\n") == NULL);
        enum httpd_framing framing = httpd_head_framing(&head, &length);
        MUST(framing == HTTPD_FRAMING_LENGTH || length == 0);
        take(&head, body, (size_t)(text + size - body));
    }
    free(text);
    return 0;
}
