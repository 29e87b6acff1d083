/* CREATE, UPDATE and PATCH. delete.c has the rest. One path for all: a draft is decoded, checked against what is there,
 * completed with what only the server may say, validated and committed. */
#include "store/write.h"

#include "store/strategic.h"

#include <stdio.h>
#include <string.h>

static const char modified[] = "the object has been modified; please apply your changes to the latest version and try again";

static bool is_kind(const struct store_type *t, const char *kind)
{
    return strcmp(t->info.kind, kind) == 0;
}

/* A body as an object of the store, or NULL with a status set. */
static json_t *decode(const struct store_type *t, const struct store_request *r, const json_t *body, json_t **ret_status)
{
    json_t *draft = store_decode(t, body, ret_status);
    if (draft == NULL || !r->strict || (*ret_status = store_decode_strict(t, body)) == NULL)
        return draft;
    json_decref(draft);
    return NULL;
}

static const char *space_of(const struct store_request *r)
{
    return r->namespace_ != NULL ? r->namespace_ : "";
}

/* Sets a metadata member to the old object's, or removes it. */
static void inherit(json_t *draft, const json_t *old, const char *key)
{
    json_t *value = json_object_get(store_meta(old), key);
    if (value != NULL)
        BUG_UNLESS(json_object_set(store_meta(draft), key, value) == 0);
    else
        json_object_del(store_meta(draft), key);
}

/* The namespace of the URL is the object's; a different one in the body is refused. */
static json_t *settle_namespace(const struct store_type *t, const struct store_request *r, json_t *draft)
{
    const char *given = store_meta_text(draft, "namespace");
    if (!t->info.namespaced) {
        json_object_del(store_meta(draft), "namespace");
        return NULL;
    }
    if (given[0] != '\0' && strcmp(given, r->namespace_) != 0)
        return store_status_bad_request("the namespace of the provided object does not match the namespace sent on the request");
    store_set(store_meta(draft), "namespace", store_text(r->namespace_));
    return NULL;
}

/* generateName: five characters that spell no words, as the real server's. */
static void generate_name(struct store *s, json_t *draft)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char name[STORE_NAME_MAX + 1];
    const char *prefix = store_meta_text(draft, "generateName");
    size_t length = strlen(prefix);
    const size_t prefix_max = STORE_LABEL_MAX - STORE_GENERATED_SUFFIX;

    if (length == 0 || store_meta_text(draft, "name")[0] != '\0')
        return;
    if (length > prefix_max)
        length = prefix_max;
    memcpy(name, prefix, length);
    for (int i = 0; i < STORE_GENERATED_SUFFIX; i++)
        name[length++] = letters[store_random(s) % (sizeof letters - 1)];
    name[length] = '\0';
    store_set(store_meta(draft), "name", store_text(name));
}

/* Every Namespace carries its name as a label. */
static void set_name_label(json_t *draft)
{
    json_t *labels = json_object_get(store_meta(draft), "labels");
    if (labels == NULL) {
        labels = store_must(json_object());
        store_set(store_meta(draft), "labels", labels);
    }
    store_set(labels, "kubernetes.io/metadata.name", store_text(store_meta_text(draft, "name")));
}

/* What a new Pod or Namespace says about itself is not the client's word. */
static void prepare_new(const struct store_type *t, json_t *draft)
{
    if (is_kind(t, "Pod")) {
        json_t *status = store_must(json_object());
        store_set(status, "phase", json_string("Pending"));
        store_set(draft, "status", status);
        store_set(store_meta(draft), "generation", json_integer(1));
    } else if (is_kind(t, "Namespace")) {
        store_set(draft, "spec", json_pack("{s:[s]}", "finalizers", "kubernetes"));
        store_set(draft, "status", json_pack("{s:s}", "phase", "Active"));
        set_name_label(draft);
    } else {
        json_object_del(store_meta(draft), "generation");
    }
}

/* `taken`: bytes that the object it replaces gives back. */
static json_t *check_size(const struct store *s, const struct store_type *t, const json_t *draft, size_t taken, size_t *ret_bytes)
{
    size_t bytes = json_dumpb(draft, NULL, 0, JSON_COMPACT);
    char message[160];

    *ret_bytes = bytes;
    if (bytes > STORE_OBJECT_BYTES_MAX) {
        snprintf(message, sizeof message, "Request entity too large: the object has %zu bytes, limit is %d", bytes,
                 (int)STORE_OBJECT_BYTES_MAX);
        return store_status(413, "RequestEntityTooLarge", message, NULL);
    }
    if (bytes > taken && s->bytes - taken + bytes > s->bytes_max) {
        snprintf(message, sizeof message, "the store holds %zu bytes of its limit %zu: delete some objects or raise the limit", s->bytes,
                 s->bytes_max);
        return store_status_forbidden(t, store_meta_text(draft, "name"), message);
    }
    return NULL;
}

/* NULL, or the Status of what is wrong with the completed draft. */
static json_t *check_draft(const struct store *s, const struct store_type *t, const json_t *draft, const struct store_entry *old,
                           size_t *ret_bytes)
{
    json_t *causes = store_validate(t, draft, old != NULL ? old->object : NULL);
    if (json_array_size(causes) > 0)
        /* An Event of either group is judged, and named, as one of v1. */
        return store_status_invalid(strcmp(t->info.kind, "Event") == 0 ? store_type(STORE_EVENTS) : t, store_meta_text(draft, "name"),
                                    causes);
    json_decref(causes);
    return check_size(s, t, draft, old != NULL ? old->bytes : 0, ret_bytes);
}

static json_t *check_namespace(const struct store *s, const struct store_type *t, const struct store_request *r)
{
    const struct store_type *namespaces = store_type(STORE_NAMESPACES);
    bool found;
    if (!t->info.namespaced)
        return NULL;
    store_find(&s->kinds[namespaces->kind], "", r->namespace_, &found);
    return found ? NULL : store_status_not_found(namespaces, r->namespace_);
}

/* ---- create -------------------------------------------------------------------------------------------------------
 */

/* Completes and stores a draft (stolen) that replaces nothing. */
static void create(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us, json_t *draft,
                   struct store_answer *ret)
{
    char uid[STORE_UID_BYTES], stamp[STORE_STAMP_BYTES], full[160];
    bool found;
    size_t bytes = 0;
    json_t *meta = store_meta(draft);

    generate_name(s, draft);
    json_object_del(meta, "resourceVersion");
    json_object_del(meta, "deletionTimestamp");
    json_object_del(meta, "deletionGracePeriodSeconds");
    store_uid(s, uid);
    store_stamp_seconds(now_us, stamp);
    store_set(meta, "uid", json_string(uid));
    store_set(meta, "creationTimestamp", json_string(stamp));
    prepare_new(t, draft);

    const char *name = store_meta_text(draft, "name");
    json_t *refusal = check_draft(s, t, draft, NULL, &bytes);
    if (refusal == NULL) {
        store_find(&s->kinds[t->kind], space_of(r), name, &found);
        if (found) {
            refusal = store_status_exists(t, name);
        } else if (s->objects >= s->objects_max) {
            snprintf(full, sizeof full, "the store holds %zu objects, its limit: delete some or raise the limit", s->objects);
            refusal = store_status_forbidden(t, name, full);
        }
    }
    if (refusal != NULL) {
        store_answer_status(ret, refusal);
    } else {
        if (!r->dry_run) {
            store_commit(s, t->kind, json_incref(draft), bytes);
            ret->changed = true;
        }
        store_answer_object(ret, t, 201, draft);
    }
    json_decref(draft);
}

void store_handle_create(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                         struct store_answer *ret)
{
    json_t *refusal = NULL;
    json_t *draft = decode(t, r, r->body, &refusal);

    if (draft == NULL) {
        store_answer_status(ret, refusal);
        return;
    }
    refusal = settle_namespace(t, r, draft);
    if (refusal == NULL)
        refusal = check_namespace(s, t, r);
    uint64_t version = 0;
    if (refusal == NULL && store_version_parse(store_meta_text(draft, "resourceVersion"), &version) == 0 && version != 0)
        refusal = store_status(500, NULL, "resourceVersion should not be set on objects to be created", NULL);
    if (refusal != NULL) {
        json_decref(draft);
        store_answer_status(ret, refusal);
        return;
    }
    create(s, t, r, now_us, draft, ret);
}

/* ---- update -------------------------------------------------------------------------------------------------------
 */

/* The compare of compare-and-swap. NULL when the draft was made from `old`, or needs not say so. */
static json_t *check_version(const struct store_type *t, const json_t *draft, const json_t *old)
{
    const char *name = store_meta_text(old, "name");
    const char *text = store_meta_text(draft, "resourceVersion");
    uint64_t version = 0;

    if (text[0] != '\0' && store_version_parse(text, &version) < 0) {
        char message[192];
        snprintf(message, sizeof message, "strconv.ParseUint: parsing \"%.128s\": invalid syntax", text);
        return store_status(500, NULL, message, NULL);
    }
    if (version == 0 && t->update_without_version)
        return NULL;
    if (version == 0) {
        json_t *causes = store_must(json_array());
        store_cause(causes, "FieldValueInvalid", "metadata.resourceVersion", "Invalid value: 0: must be specified for an update");
        return store_status_invalid_resource(t, name, causes);
    }
    /* Compared as numbers: "007" is 7 for the real server too. */
    uint64_t current = 0;
    BUG_UNLESS(store_version_parse(store_meta_text(old, "resourceVersion"), &current) == 0);
    return version == current ? NULL : store_status_conflict(t, name, modified);
}

static json_t *uid_conflict(const struct store_type *t, const struct store_request *r, const char *wanted, const char *present)
{
    char why[1024], what[128];
    store_qualified(t, t->info.plural, what, sizeof what);
    snprintf(why, sizeof why,
             "StorageError: invalid object, Code: 4, Key: /registry/%s/%.64s/%.253s, ResourceVersion: 0, "
             "AdditionalErrorMsg: "
             "Precondition failed: UID in precondition: %.64s, UID in object meta: %s",
             t->info.plural, space_of(r), r->name, wanted, present);
    return store_status_conflict(t, r->name, why);
}

/* Members that only the server sets, and the parts that this subresource does not reach, come from the old object. */
static void complete_update(const struct store_type *t, const struct store_request *r, json_t *draft, const json_t *old)
{
    static const char *const own[] = { "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
                                       "generation",        "generateName",      "resourceVersion" };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        inherit(draft, old, own[i]);
    if (store_meta_text(draft, "uid")[0] == '\0')
        inherit(draft, old, "uid");
    if (!is_kind(t, "Pod")) {
        if (is_kind(t, "Namespace")) {
            BUG_UNLESS(json_object_set(draft, "spec", json_object_get(old, "spec")) == 0);
            BUG_UNLESS(json_object_set(draft, "status", json_object_get(old, "status")) == 0);
            set_name_label(draft);
        }
        return;
    }
    const char *fixed = r->status ? "spec" : "status";
    json_t *value = json_object_get(old, fixed);
    if (value != NULL)
        BUG_UNLESS(json_object_set(draft, fixed, value) == 0);
    else
        json_object_del(draft, fixed);
    if (r->status)
        store_set(draft, "metadata", json_copy(store_meta(old)));
}

/* A Pod's generation counts the changes of its spec. */
static void count_generation(const struct store_type *t, json_t *draft, const json_t *old)
{
    const json_t *before = json_object_get(old, "spec"), *after = json_object_get(draft, "spec");
    if (!is_kind(t, "Pod") || (before == NULL && after == NULL) || (before != NULL && after != NULL && json_equal(before, after)))
        return;
    json_int_t generation = json_integer_value(json_object_get(store_meta(old), "generation"));
    store_set(store_meta(draft), "generation", json_integer(generation + 1));
}

/* Replaces the object at `position` by the draft (stolen), if that is right. */
static void replace(struct store *s, const struct store_type *t, const struct store_request *r, size_t position, json_t *draft,
                    struct store_answer *ret)
{
    json_t *old = s->kinds[t->kind].entries[position].object;
    json_t *refusal = check_version(t, draft, old);
    size_t bytes = 0;

    if (refusal == NULL) {
        complete_update(t, r, draft, old);
        count_generation(t, draft, old);
        refusal = check_draft(s, t, draft, &s->kinds[t->kind].entries[position], &bytes);
    }
    if (refusal != NULL) {
        store_answer_status(ret, refusal);
        json_decref(draft);
        return;
    }
    bool last_finalizer_gone =
        json_object_get(store_meta(draft), "deletionTimestamp") != NULL && json_object_get(store_meta(draft), "finalizers") == NULL;
    if (json_equal(draft, old) && !last_finalizer_gone) { /* a write without a change keeps its version */
        store_answer_object(ret, t, 200, old);
    } else {
        if (!r->dry_run) {
            ret->changed = true;
            if (last_finalizer_gone)
                store_remove(s, t->kind, position);
            else
                store_commit(s, t->kind, json_incref(draft), bytes);
        }
        store_answer_object(ret, t, 200, draft);
    }
    json_decref(draft);
}

static json_t *check_name(const struct store_request *r, json_t *draft)
{
    const char *name = store_meta_text(draft, "name");
    if (name[0] == '\0')
        return store_status_bad_request("the name of the object (%.253s based on URL) was undeterminable: name must be provided", r->name);
    if (strcmp(name, r->name) != 0)
        return store_status_bad_request("the name of the object (%.253s) does not match the name on the URL (%.253s)", name, r->name);
    return NULL;
}

void store_handle_update(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                         struct store_answer *ret)
{
    const struct store_kind *k = &s->kinds[t->kind];
    json_t *refusal = NULL;
    bool found;
    json_t *draft = decode(t, r, r->body, &refusal);

    if (draft != NULL)
        refusal = check_name(r, draft);
    if (draft != NULL && refusal == NULL)
        refusal = settle_namespace(t, r, draft);
    size_t position = store_find(k, space_of(r), r->name, &found);
    if (draft != NULL && refusal == NULL) {
        const char *wanted = store_meta_text(draft, "uid");
        const char *present = found ? store_meta_text(k->entries[position].object, "uid") : "";
        if (!found && (!t->create_on_update || r->status))
            refusal = store_status_not_found(t, r->name);
        else if (wanted[0] != '\0' && strcmp(wanted, present) != 0)
            refusal = uid_conflict(t, r, wanted, present);
        else if (!found)
            refusal = check_namespace(s, t, r);
    }
    if (refusal != NULL) {
        json_decref(draft);
        store_answer_status(ret, refusal);
    } else if (found) {
        replace(s, t, r, position, draft, ret);
    } else {
        create(s, t, r, now_us, draft, ret);
    }
}

/* ---- patch --------------------------------------------------------------------------------------------------------
 */

/* Steals the Status of a patched body that is no object of its kind: not the request was bad, but what came of it. */
static json_t *status_unpatchable(json_t *status)
{
    json_t *causes = store_must(json_array()), *info = store_must(json_object());
    const char *why = json_string_value(json_object_get(status, "message"));
    char message[512];

    snprintf(message, sizeof message, " \"\" is invalid: patch: Invalid value: %.400s", why);
    store_cause(causes, "FieldValueInvalid", "patch", "Invalid value: %.400s", why);
    store_set(info, "causes", causes);
    json_t *invalid = store_status(422, "Invalid", message, info);
    json_decref(status);
    return invalid;
}

/* The patched object as a body, or NULL with a status set. */
static json_t *patched(const struct store_type *t, const struct store_request *r, json_t *old, json_t **ret_status)
{
    char error[512];
    json_t *view = store_view(t, old);
    json_t *body = NULL;

    if (!store_shallow(r->body, STORE_DEPTH_MAX)) {
        *ret_status = store_status_bad_request("the patch is nested deeper than %d levels", (int)STORE_DEPTH_MAX);
    } else if (r->patch == STORE_PATCH_MERGE) {
        if (json_is_object(r->body))
            body = store_patch_merge(view, r->body);
        else
            *ret_status = store_status_bad_request("error decoding patch: a merge patch is a JSON object");
    } else if (r->patch == STORE_PATCH_STRATEGIC) {
        body = store_patch_strategic(t->info.kind, view, r->body, error, sizeof error);
        if (body == NULL)
            *ret_status = store_status_bad_request("error decoding patch: %s", error);
    } else {
        switch (store_patch_json(view, r->body, &body, error, sizeof error)) {
        case STORE_PATCH_DONE:
            break;
        case STORE_PATCH_MALFORMED:
            *ret_status = json_is_array(r->body) ? store_status(422, "Invalid", error, NULL)
                                                 : store_status_bad_request("error decoding patch: %s", error);
            break;
        case STORE_PATCH_TOO_LONG:
            *ret_status = store_status(413, "RequestEntityTooLarge", error, NULL);
            break;
        case STORE_PATCH_REFUSED: /* the real server does not say which operation it was either */
            *ret_status =
                store_status(422, "Invalid", "the server rejected our request due to an error in our request", store_must(json_object()));
            break;
        }
    }
    json_decref(view);
    return body;
}

void store_handle_patch(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                        struct store_answer *ret)
{
    const struct store_kind *k = &s->kinds[t->kind];
    bool found;
    json_t *refusal = NULL, *draft = NULL;
    (void)now_us;

    size_t position = store_find(k, space_of(r), r->name, &found);
    if (!found) {
        store_answer_status(ret, store_status_not_found(t, r->name));
        return;
    }
    json_t *body = patched(t, r, k->entries[position].object, &refusal);
    if (body != NULL)
        draft = decode(t, r, body, &refusal);
    if (body != NULL && draft == NULL)
        refusal = status_unpatchable(refusal);
    json_decref(body);
    if (draft != NULL)
        refusal = check_name(r, draft);
    if (draft != NULL && refusal == NULL)
        refusal = settle_namespace(t, r, draft);
    if (refusal != NULL) {
        json_decref(draft);
        store_answer_status(ret, refusal);
        return;
    }
    replace(s, t, r, position, draft, ret);
}
