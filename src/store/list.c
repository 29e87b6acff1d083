/* LIST: selectors, versions, and pages. */
#include "store/internal.h"
#include "store/snapshot.h"
#include "store/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_BYTES = STORE_VERSION_BYTES + 2 * STORE_NAME_MAX + 3 };

json_t *store_list_item(const struct store_type *t, json_t *object)
{
    json_t *view = store_view(t, object);
    json_t *item = store_must(json_copy(view));
    json_object_del(item, "kind");
    json_object_del(item, "apiVersion");
    json_decref(view);
    return item;
}

json_t *store_list_body(const struct store *s, const struct store_type *t, json_t *items)
{
    char text[128];
    json_t *list = store_must(json_object());
    snprintf(text, sizeof text, "%sList", t->info.kind);
    store_set(list, "kind", json_string(text));
    snprintf(text, sizeof text, "%s%s%s", t->info.group, t->info.group[0] ? "/" : "", t->info.version);
    store_set(list, "apiVersion", json_string(text));
    snprintf(text, sizeof text, "%" PRIu64, s->version);
    json_t *meta = store_must(json_object());
    store_set(meta, "resourceVersion", json_string(text));
    store_set(list, "metadata", meta);
    store_set(list, "items", items);
    return list;
}

/* ---- pages -------------------------------------------------------------------------------------------------------- */

/* Where a page begins: behind this object, in the state of this version (0: the present one, whatever the first page was of). */
struct place {
    uint64_t version;
    char namespace_[STORE_NAME_MAX + 1];
    char name[STORE_NAME_MAX + 1];
};

/* A continue token is "version/namespace/name" of the last object shown. Clients hand it back as it is. */
static void write_token(char ret[TOKEN_BYTES], uint64_t version, const char *namespace_, const char *name)
{
    int length = snprintf(ret, TOKEN_BYTES, "%" PRIu64 "/%s/%s", version, namespace_, name);
    BUG_UNLESS(length > 0 && length < TOKEN_BYTES);
}

/* Returns 0, or -1 for a text that no page of this list was given. */
static int read_token(const char *text, const char *namespace_, struct place *ret)
{
    char version[STORE_VERSION_BYTES];
    const char *first = strchr(text, '/');
    const char *second = first != NULL ? strchr(first + 1, '/') : NULL;

    if (second == NULL || first == text || first - text >= (ptrdiff_t)sizeof version || second - first > STORE_NAME_MAX ||
        strlen(second + 1) > STORE_NAME_MAX || strchr(second + 1, '/') != NULL || second[1] == '\0')
        return -1;
    snprintf(version, sizeof version, "%.*s", (int)(first - text), text);
    snprintf(ret->namespace_, sizeof ret->namespace_, "%.*s", (int)(second - first - 1), first + 1);
    snprintf(ret->name, sizeof ret->name, "%s", second + 1);
    if (store_version_parse(version, &ret->version) < 0)
        return -1;
    return namespace_ == NULL || strcmp(namespace_, ret->namespace_) == 0 ? 0 : -1;
}

static bool is_behind(const json_t *object, const struct place *place)
{
    int order = strcmp(store_meta_text(object, "namespace"), place->namespace_);
    return order > 0 || (order == 0 && strcmp(store_meta_text(object, "name"), place->name) > 0);
}

/* The rest of a list whose moment is forgotten, with a token that goes on in the present one. */
static json_t *status_too_old(const struct place *place)
{
    static const char why[] = "The provided continue parameter is too old to display a consistent list result. You can start a new list "
                              "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
                              "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
                              "modified, or deleted between the time the first chunk was returned and now may show up in the list.";
    char token[TOKEN_BYTES];
    json_t *status = store_status(410, "Expired", why, NULL);
    write_token(token, 0, place->namespace_, place->name);
    store_set(json_object_get(status, "metadata"), "continue", json_string(token));
    return status;
}

/* ---- the list ------------------------------------------------------------------------------------------------------ */

/* Which moment is asked for: from a token, or of resourceVersionMatch=Exact, which a limit alone means too. NULL, or a Status. */
static json_t *choose_version(const struct store *s, const struct store_request *r, struct place *place, uint64_t *ret_version)
{
    uint64_t asked = 0;
    const char *match = r->resource_version_match;
    bool paged = r->continue_ != NULL && r->continue_[0] != '\0';

    *ret_version = s->version;
    if (r->resource_version != NULL && r->resource_version[0] != '\0')
        BUG_UNLESS(store_version_parse(r->resource_version, &asked) == 0);
    if (!paged) {
        bool exact = match != NULL && match[0] != '\0' ? strcmp(match, "Exact") == 0 : r->limit > 0;
        if (exact && asked != 0)
            *ret_version = asked;
        return NULL;
    }
    if (asked != 0 || (r->resource_version != NULL && r->resource_version[0] != '\0'))
        return store_status_bad_request("specifying resource version is not allowed when using continue");
    if (read_token(r->continue_, r->namespace_, place) < 0)
        return store_status_bad_request("continue key is not valid: \"%.64s\" was given by no list of this resource and namespace",
                                        r->continue_);
    if (place->version > s->version)
        return store_status_too_new(place->version, s->version);
    if (place->version != 0)
        *ret_version = place->version;
    return NULL;
}

/* The matching items behind `place`, at most `limit` (0: all). *ret_left: how many are left; then the token is written. */
static json_t *collect(const struct store_type *t, const struct store_snapshot *all, const struct store_selector *selector,
                       const struct place *place, const struct store_request *r, uint64_t version, char token[TOKEN_BYTES],
                       size_t *ret_left)
{
    json_t *items = store_must(json_array());
    const json_t *last = NULL;
    /* The real server answers version 0 from its cache, whole. */
    bool whole = r->limit == 0 || (r->resource_version != NULL && strcmp(r->resource_version, "0") == 0);

    *ret_left = 0;
    for (size_t i = 0; i < all->count; i++) {
        json_t *object = all->objects[i];
        if (!is_behind(object, place) || !store_selector_matches(selector, object))
            continue;
        if (!whole && json_array_size(items) >= r->limit) {
            ++*ret_left;
            continue;
        }
        BUG_UNLESS(json_array_append_new(items, store_list_item(t, object)) == 0);
        last = object;
    }
    if (*ret_left > 0)
        write_token(token, version, store_meta_text(last, "namespace"), store_meta_text(last, "name"));
    return items;
}

static void answer_list(const struct store *s, const struct store_type *t, const struct store_request *r, const struct store_snapshot *all,
                        const struct store_selector *selector, const struct place *place, uint64_t version, struct store_answer *ret)
{
    char token[TOKEN_BYTES], text[STORE_VERSION_BYTES];
    size_t left;
    json_t *items = collect(t, all, selector, place, r, version, token, &left);

    ret->code = 200;
    ret->body = store_list_body(s, t, items);
    ret->version = version;
    json_t *meta = json_object_get(ret->body, "metadata");
    snprintf(text, sizeof text, "%" PRIu64, version);
    store_set(meta, "resourceVersion", json_string(text));
    if (left == 0)
        return;
    store_set(meta, "continue", json_string(token));
    bool selected =
        (r->label_selector != NULL && r->label_selector[0] != '\0') || (r->field_selector != NULL && r->field_selector[0] != '\0');
    if (!selected) /* as the real server, which does not look at what a selector might leave out */
        store_set(meta, "remainingItemCount", json_integer((json_int_t)left));
}

void store_handle_list(struct store *s, const struct store_type *t, const struct store_request *r, int64_t now_us, struct store_answer *ret)
{
    const struct store_kind *k = &s->kinds[t->kind];
    struct store_selector selector;
    struct store_snapshot all;
    struct place place = { .version = 0 };
    uint64_t version;
    json_t *status = NULL;
    (void)now_us;

    if (store_check_read_version(s, r, ret) < 0)
        return;
    if ((status = choose_version(s, r, &place, &version)) != NULL ||
        store_select(t, r->label_selector, r->field_selector, &selector, &status) < 0) {
        store_answer_status(ret, status);
        return;
    }
    if (store_snapshot_take(s, k, r->namespace_, version, &all) == 0) {
        answer_list(s, t, r, &all, &selector, &place, version, ret);
        store_snapshot_clear(&all);
    } else {
        store_answer_status(ret, place.version != 0 ? status_too_old(&place) : store_status_expired(r->resource_version, k->compacted));
    }
    store_selector_clear(&selector);
}
