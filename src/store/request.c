/* The front of the store: what a request must look like, and the verbs that only read. */
#include "store/internal.h"
#include "store/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void store_answer_status(struct store_answer *ret, json_t *status)
{
    json_t *code = json_object_get(status, "code");
    ret->code = code != NULL ? (int)json_integer_value(code) : 200;
    ret->body = status;
}

void store_answer_object(struct store_answer *ret, const struct store_type *t, int code, json_t *object)
{
    uint64_t version = 0;
    ret->code = code;
    ret->body = store_view(t, object);
    if (store_version_parse(store_meta_text(object, "resourceVersion"), &version) == 0)
        ret->version = version;
}

int store_select(const struct store_type *t, const char *labels, const char *fields, struct store_selector *ret, json_t **ret_status)
{
    char error[640];
    memset(ret, 0, sizeof *ret);
    if (store_selector_labels(ret, labels, error, sizeof error) == 0 &&
        store_selector_fields(ret, fields, t->fields, error, sizeof error) == 0)
        return 0;
    store_selector_clear(ret);
    *ret_status = store_status_bad_request("%s", error);
    return -1;
}

int store_check_read_version(struct store *s, const struct store_request *r, struct store_answer *ret)
{
    uint64_t asked;
    if (r->resource_version == NULL || r->resource_version[0] == '\0')
        return 0;
    if (store_version_parse(r->resource_version, &asked) < 0) {
        char message[256];
        bool list = r->verb == STORE_LIST;
        snprintf(message, sizeof message,
                 "%sresourceVersion: Invalid value: \"%.64s\": strconv.ParseUint: parsing \"%.64s\": invalid syntax",
                 list ? "invalid resource version: " : "", r->resource_version, r->resource_version);
        /* Odd, but the real server's: only a list takes it for the client's fault. */
        store_answer_status(ret, store_status(list ? 400 : 500, list ? "BadRequest" : NULL, message, NULL));
        return -1;
    }
    if (asked > s->version) {
        store_answer_status(ret, store_status_too_new(asked, s->version));
        return -1;
    }
    return 0;
}

static void handle_get(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us, struct store_answer *ret)
{
    const struct store_kind *k = &s->kinds[t->kind];
    bool found;
    (void)now_us;

    if (store_check_read_version(s, r, ret) < 0)
        return;
    size_t position = store_find(k, r->namespace_ != NULL ? r->namespace_ : "", r->name, &found);
    if (found)
        store_answer_object(ret, t, 200, k->entries[position].object);
    else
        store_answer_status(ret, store_status_not_found(t, r->name));
}

size_t store_range(const struct store_kind *k, const char *namespace_, size_t *ret_end)
{
    bool found;
    *ret_end = k->count;
    if (namespace_ == NULL)
        return 0;
    size_t first = store_find(k, namespace_, "", &found);
    size_t end = first;
    while (end < k->count && strcmp(k->entries[end].namespace_, namespace_) == 0)
        end++;
    *ret_end = end;
    return first;
}

typedef void handler(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us, struct store_answer *ret);

struct verb {
    handler *handle;
    bool named;
    bool needs_body;
    bool status;
    bool needs_namespace; /* where the resource has namespaces at all */
};

static const struct verb verbs[STORE_VERBS] = {
    [STORE_GET] = { handle_get, true, false, true, true },
    [STORE_LIST] = { store_handle_list, false, false, false, false },
    [STORE_CREATE] = { store_handle_create, false, true, false, true },
    [STORE_UPDATE] = { store_handle_update, true, true, true, true },
    [STORE_PATCH] = { store_handle_patch, true, true, true, true },
    [STORE_DELETE] = { store_handle_delete, true, false, false, true },
    [STORE_DELETE_COLLECTION] = { store_handle_delete_collection, false, false, false, true },
};

/* NULL, or the answer to a request that no verb can do anything with. */
static json_t *check_request(const struct store_type *t, const struct store_request *r)
{
    const struct verb *v = &verbs[r->verb];
    char what[128];

    if (v->named && (r->name == NULL || r->name[0] == '\0'))
        return store_status_bad_request("a name is needed in the path of this request");
    if (v->needs_namespace && t->info.namespaced && (r->namespace_ == NULL || r->namespace_[0] == '\0'))
        return store_status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", NULL);
    if (v->needs_body && r->body == NULL)
        return store_status_bad_request("the body of this request is empty: a JSON value is needed");
    if (r->status && (!v->status || !t->info.has_status)) {
        store_qualified(t, t->info.plural, what, sizeof what);
        return store_status(404, "NotFound", "the server could not find the requested resource", NULL);
    }
    return NULL;
}

void store_handle(struct store *s, const struct store_request *r, int64_t now_us, struct store_answer *ret)
{
    BUG_UNLESS((unsigned)r->verb < STORE_VERBS);
    const struct store_type *t = store_type(r->resource);

    *ret = (struct store_answer){ .version = s->version };
    json_t *refusal = check_request(t, r);
    if (refusal != NULL)
        store_answer_status(ret, refusal);
    else
        verbs[r->verb].handle(s, t, r, now_us, ret);
    BUG_UNLESS(ret->body != NULL && ret->code != 0);
}
