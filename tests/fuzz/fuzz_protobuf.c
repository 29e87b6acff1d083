/* A protobuf body: any bytes are read or refused with a sentence; what is read is an object that the store answers. */
#include "devserver/protobuf.h"
#include "fuzz.h"
#include "store/store.h"

#define NOW_US INT64_C(1764000000000000)

static void must_be_answered(const json_t *object)
{
    struct store *s = store_open(&(struct store_options){ .first_version = 1, .history_max = 16 }, NOW_US);
    for (unsigned resource = 0; resource < STORE_RESOURCES; resource++) {
        struct store_answer answer;
        const char *in = store_resource_info((enum store_resource)resource)->namespaced ? "default" : NULL;
        store_handle(
            s, &(struct store_request){ .verb = STORE_CREATE, .resource = (enum store_resource)resource, .namespace_ = in, .body = object },
            NOW_US, &answer);
        MUST(answer.body != NULL && answer.code >= 200 && answer.code < 600);
        store_answer_clear(&answer);
    }
    store_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[320] = "";
    int code = 0;
    json_t *object = devserver_protobuf_decode((const char *)data, size, "coordination.k8s.io/v1", "Lease", &code, error, sizeof error);

    if (object == NULL) {
        MUST((code == 400 || code == 415) && error[0] != '\0' && strlen(error) < sizeof error - 1);
        return 0;
    }
    MUST(error[0] == '\0' && json_is_object(object));
    const char *version = json_string_value(json_object_get(object, "apiVersion"));
    const char *kind = json_string_value(json_object_get(object, "kind"));
    MUST(version != NULL && kind != NULL && protobuf_message_find(version, kind) != NULL);
    char *text = json_dumps(object, JSON_COMPACT);
    MUST(text != NULL);
    free(text);
    must_be_answered(object);
    json_decref(object);
    return 0;
}
