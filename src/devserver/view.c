/* In which form the client wants its objects: as they are, as a Table, or their metadata alone. Pure. */
#include "devserver/internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static json_t *must(json_t *value)
{
    BUG_UNLESS(value != NULL);
    return value;
}

/* Takes the next piece up to one of the separators, without blanks around it. */
static const char *piece(const char **text, const char *separators, size_t *ret_length)
{
    const char *start = *text + strspn(*text, " \t");
    size_t length = strcspn(start, separators);
    *text = start + length;
    while (length > 0 && (start[length - 1] == ' ' || start[length - 1] == '\t'))
        length--;
    *ret_length = length;
    return start;
}

static bool is_text(const char *text, size_t length, const char *wanted)
{
    return length == strlen(wanted) && strncasecmp(text, wanted, length) == 0;
}

/* One media type with its parameters. Returns true when this server can answer in it. */
static bool read_one(const char *text, size_t length, struct devserver_view *ret)
{
    static const char *const fine[] = { "application/json", "*/*" }; /* nothing between: nor has the real server */
    char copy[256];
    const char *rest = copy;
    size_t size;
    bool known = false, meta = false;
    struct devserver_view view = { .kind = DEVSERVER_VIEW_OBJECT, .version = NULL };

    if (length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    const char *type = piece(&rest, ";", &size);
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        known = known || is_text(type, size, fine[i]);
    while (known && *rest == ';') {
        rest++;
        const char *parameter = piece(&rest, ";", &size);
        if (is_text(parameter, size, "as=Table"))
            view.kind = DEVSERVER_VIEW_TABLE;
        else if (is_text(parameter, size, "as=PartialObjectMetadata") || is_text(parameter, size, "as=PartialObjectMetadataList"))
            view.kind = DEVSERVER_VIEW_METADATA;
        else if (is_text(parameter, size, "g=meta.k8s.io"))
            meta = true;
        else if (is_text(parameter, size, "v=v1"))
            view.version = "v1";
        else if (is_text(parameter, size, "v=v1beta1"))
            view.version = "v1beta1";
        else if (size > 3 && strncmp(parameter, "as=", 3) == 0)
            known = false;
    }
    if (!known || (view.kind != DEVSERVER_VIEW_OBJECT && (!meta || view.version == NULL)))
        return false;
    *ret = view;
    return true;
}

bool devserver_view_parse(const char *accept, struct devserver_view *ret)
{
    if (accept == NULL || accept[strspn(accept, " \t")] == '\0') {
        *ret = (struct devserver_view){ .kind = DEVSERVER_VIEW_OBJECT };
        return true;
    }
    while (*accept != '\0') {
        size_t length = strcspn(accept, ",");
        if (read_one(accept, length, ret))
            return true;
        accept += length;
        accept += *accept == ',' ? 1 : 0;
    }
    return false;
}

json_t *devserver_partial(const json_t *object, const char *version)
{
    char api[32];
    snprintf(api, sizeof api, "meta.k8s.io/%s", version);
    return must(
        json_pack("{s:s, s:s, s:O}", "kind", "PartialObjectMetadata", "apiVersion", api, "metadata", json_object_get(object, "metadata")));
}

json_t *devserver_view_apply(const struct devserver_view *view, enum store_resource resource, json_t *value, int64_t now_us)
{
    const json_t *items = json_object_get(value, "items");
    const char *kind = json_string_value(json_object_get(value, "kind"));
    char api[32];

    if (view->kind == DEVSERVER_VIEW_OBJECT || (kind != NULL && strcmp(kind, "Status") == 0))
        return json_incref(value);
    if (view->kind == DEVSERVER_VIEW_TABLE)
        return devserver_table(resource, value, view, now_us);
    if (!json_is_array(items))
        return devserver_partial(value, view->version);
    json_t *list = must(json_array());
    for (size_t i = 0; i < json_array_size(items); i++)
        BUG_UNLESS(json_array_append_new(list, devserver_partial(json_array_get(items, i), view->version)) == 0);
    snprintf(api, sizeof api, "meta.k8s.io/%s", view->version);
    return must(json_pack("{s:s, s:s, s:O, s:o}", "kind", "PartialObjectMetadataList", "apiVersion", api, "metadata",
                          json_object_get(value, "metadata"), "items", list));
}
