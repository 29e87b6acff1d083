/* DELETE of one object and of a collection. There are no controllers and no kubelet here: what has no finalizers goes
 * at once, a Pod without its grace period, a Namespace with all that is in it. */
#include "store/write.h"

#include <stdio.h>
#include <string.h>

struct delete_options {
    const char *uid; /* preconditions, NULL where not asked for */
    const char *version;
    bool dry_run;
};

/* A member that must be a string where it is given. */
static int read_text(const json_t *from, const char *key, const char **ret)
{
    const json_t *value = json_object_get(from, key);
    if (value == NULL || json_is_null(value))
        return 0;
    *ret = json_string_value(value);
    return *ret != NULL ? 0 : -1;
}

static bool is_policy(const char *text)
{
    return strcmp(text, "Background") == 0 || strcmp(text, "Foreground") == 0 || strcmp(text, "Orphan") == 0;
}

/* NULL, or the 422 for members that are of the right type and say nothing that can be done. */
static json_t *check_options(const json_t *body)
{
    const json_t *dry_run = json_object_get(body, "dryRun"), *orphan = json_object_get(body, "orphanDependents");
    const char *stage = json_string_value(json_array_get(dry_run, 0));
    const char *policy = json_string_value(json_object_get(body, "propagationPolicy"));
    json_t *causes = store_must(json_array());

    if (orphan != NULL && !json_is_null(orphan) && policy != NULL)
        store_cause(causes, "FieldValueInvalid", "propagationPolicy",
                    "Invalid value: \"%.64s\": orphanDependents and deletionPropagation cannot be both set", policy);
    if (policy != NULL && !is_policy(policy))
        store_cause(causes, "FieldValueNotSupported", "propagationPolicy",
                    "Unsupported value: \"%.64s\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"", policy);
    if (json_array_size(dry_run) > 0 && (json_array_size(dry_run) > 1 || stage == NULL || strcmp(stage, "All") != 0))
        store_cause(causes, "FieldValueNotSupported", "dryRun", "Unsupported value: [\"%.64s\"]: supported values: \"All\"",
                    stage != NULL ? stage : "");
    if (json_array_size(causes) > 0)
        return store_status_options("DeleteOptions", causes);
    json_decref(causes);
    return NULL;
}

static json_t *read_options(const struct store_request *r, struct delete_options *ret)
{
    *ret = (struct delete_options){ .dry_run = r->dry_run };
    if (r->body == NULL)
        return NULL;
    const char *kind = json_string_value(json_object_get(r->body, "kind"));
    const json_t *preconditions = json_object_get(r->body, "preconditions");
    const json_t *dry_run = json_object_get(r->body, "dryRun");

    if (!json_is_object(r->body) || (kind != NULL && strcmp(kind, "DeleteOptions") != 0) ||
        read_text(preconditions, "uid", &ret->uid) < 0 || read_text(preconditions, "resourceVersion", &ret->version) < 0)
        return store_status_bad_request("the object provided is unrecognized (must be of type DeleteOptions)");
    json_t *refusal = check_options(r->body);
    ret->dry_run = ret->dry_run || (refusal == NULL && json_array_size(dry_run) > 0);
    return refusal;
}

static json_t *check_preconditions(const struct store_type *t, const struct delete_options *o, const json_t *object)
{
    char why[512];
    const char *name = store_meta_text(object, "name");
    const char *uid = store_meta_text(object, "uid"), *version = store_meta_text(object, "resourceVersion");

    if (o->uid != NULL && strcmp(o->uid, uid) != 0)
        snprintf(why, sizeof why,
                 "the UID in the precondition (%.64s) does not match the UID in record (%s). The object might have "
                 "been deleted "
                 "and then recreated",
                 o->uid, uid);
    else if (o->version != NULL && strcmp(o->version, version) != 0)
        snprintf(why, sizeof why,
                 "the ResourceVersion in the precondition (%.64s) does not match the ResourceVersion in record (%s). "
                 "The object "
                 "might have been modified",
                 o->version, version);
    else
        return NULL;
    return store_status_unmet(t, name, why);
}

/* Marks an object that finalizers hold; true when that changed it. */
static bool mark_deleted(struct store *s, const struct store_type *t, size_t position, int64_t now_us)
{
    char stamp[STORE_STAMP_BYTES];
    json_t *old = s->kinds[t->kind].entries[position].object;

    if (json_object_get(store_meta(old), "deletionTimestamp") != NULL)
        return false;
    store_stamp_seconds(now_us, stamp);
    json_t *marked = store_must(json_copy(old));
    json_t *meta = store_must(json_copy(store_meta(old)));
    store_set(marked, "metadata", meta);
    store_set(meta, "deletionTimestamp", json_string(stamp));
    store_set(meta, "deletionGracePeriodSeconds", json_integer(0));
    store_commit(s, t->kind, marked, json_dumpb(marked, NULL, 0, JSON_COMPACT));
    return true;
}

static bool has_finalizers(const json_t *object)
{
    return json_array_size(json_object_get(store_meta(object), "finalizers")) > 0;
}

/* Everything in a namespace goes with it, finalizers or not: nobody here would ever remove them. */
static void empty_namespace(struct store *s, const char *name)
{
    for (int i = 0; i < STORE_RESOURCES; i++) {
        const struct store_type *t = store_type((enum store_resource)i);
        struct store_kind *k = &s->kinds[t->kind];
        size_t end;
        if (!t->info.namespaced)
            continue;
        size_t first = store_range(k, name, &end);
        for (size_t n = first; n < end; n++)
            store_remove(s, t->kind, first);
    }
}

static bool is_protected(const struct store_type *t, const char *name)
{
    return strcmp(t->info.kind, "Namespace") == 0 && (strcmp(name, "default") == 0 || strcmp(name, "kube-system") == 0);
}

/* Deletes or marks the object at `position`; returns what it was (a new reference). */
static json_t *delete_at(struct store *s, const struct store_type *t, size_t position, int64_t now_us, bool dry_run, bool *ret_changed)
{
    struct store_kind *k = &s->kinds[t->kind];
    json_t *object = json_incref(k->entries[position].object);

    if (dry_run)
        return object;
    if (has_finalizers(object)) {
        if (mark_deleted(s, t, position, now_us)) {
            *ret_changed = true;
            json_decref(object);
            object = json_incref(k->entries[position].object);
        }
        return object;
    }
    *ret_changed = true;
    if (strcmp(t->info.kind, "Namespace") == 0)
        empty_namespace(s, store_meta_text(object, "name"));
    store_remove(s, t->kind, position);
    return object;
}

void store_handle_delete(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                         struct store_answer *ret)
{
    struct store_kind *k = &s->kinds[t->kind];
    struct delete_options options;
    bool found;

    json_t *refusal = read_options(r, &options);
    size_t position = store_find(k, r->namespace_ != NULL ? r->namespace_ : "", r->name, &found);
    if (refusal == NULL && !found)
        refusal = store_status_not_found(t, r->name);
    if (refusal == NULL)
        refusal = check_preconditions(t, &options, k->entries[position].object);
    if (refusal == NULL && is_protected(t, r->name))
        refusal = store_status_forbidden(t, r->name, "this namespace may not be deleted");
    if (refusal != NULL) {
        store_answer_status(ret, refusal);
        return;
    }
    json_t *object = delete_at(s, t, position, now_us, options.dry_run, &ret->changed);
    /* The real server answers with the object where something still holds it, and always for Pods. */
    if (has_finalizers(object) || strcmp(t->info.kind, "Pod") == 0)
        store_answer_object(ret, t, 200, object);
    else
        store_answer_status(ret, store_status_deleted(t, r->name, store_meta_text(object, "uid")));
    ret->version = s->version;
    json_decref(object);
}

void store_handle_delete_collection(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us,
                                    struct store_answer *ret)
{
    struct store_kind *k = &s->kinds[t->kind];
    struct delete_options options = { .uid = NULL };
    struct store_selector selector = { 0 };
    size_t end;

    json_t *refusal = t->info.namespaced
                          ? read_options(r, &options)
                          : store_status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", NULL);
    if (refusal == NULL)
        (void)store_select(t, r->label_selector, r->field_selector, &selector, &refusal);
    if (refusal != NULL) {
        store_answer_status(ret, refusal);
        return;
    }
    json_t *items = store_must(json_array());
    size_t i = store_range(k, r->namespace_, &end);
    while (i < end) {
        size_t before = k->count;
        json_t *present = k->entries[i].object;
        json_t *unmet = check_preconditions(t, &options, present);
        bool chosen = unmet == NULL && store_selector_matches(&selector, present);
        json_decref(unmet);
        if (chosen) {
            json_t *object = delete_at(s, t, i, now_us, options.dry_run, &ret->changed);
            BUG_UNLESS(json_array_append_new(items, store_list_item(t, object)) == 0);
            json_decref(object);
        }
        if (k->count < before)
            end--;
        else
            i++;
    }
    store_selector_clear(&selector);
    ret->code = 200;
    ret->body = store_list_body(s, t, items);
    ret->version = s->version;
}
