/* OpenAPI v3, as much as kubectl needs to send objects: which kinds there are, and that fieldValidation is understood. The kinds'
 * schemas are open, so that nothing is checked on the client's side that the server decides. Pure. */
#include "devserver/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static json_t *must(json_t *value)
{
    BUG_UNLESS(value != NULL);
    return value;
}

static void set(json_t *object, const char *key, json_t *value)
{
    BUG_UNLESS(json_object_set_new(object, key, must(value)) == 0);
}

/* "api/v1", "apis/coordination.k8s.io/v1" */
static json_t *group_path(const char *group)
{
    return must(group[0] == '\0' ? json_string("api/v1") : json_sprintf("apis/%s/v1", group));
}

json_t *devserver_openapi_index(void)
{
    json_t *paths = must(json_object());
    for (int i = 0; i < STORE_RESOURCES; i++) {
        json_t *path = group_path(store_resource_info((enum store_resource)i)->group);
        const char *text = json_string_value(path);
        /* Clients keep a document for as long as its hash stays. */
        if (json_object_get(paths, text) == NULL)
            set(paths, text, json_pack("{s:o}", "serverRelativeURL", must(json_sprintf("/openapi/v3/%s?hash=1", text))));
        json_decref(path);
    }
    return must(json_pack("{s:o}", "paths", paths));
}

static json_t *kind_of(const struct store_resource_info *info)
{
    return must(json_pack("{s:s, s:s, s:s}", "group", info->group, "version", info->version, "kind", info->kind));
}

static json_t *operation(const struct store_resource_info *info, const char *action)
{
    static const char *const parameters[] = { "dryRun", "fieldManager", "fieldValidation", "force" };
    json_t *list = must(json_array());

    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        bool flag = strcmp(parameters[i], "force") == 0;
        json_t *parameter =
            must(json_pack("{s:s, s:s, s:{s:s}}", "name", parameters[i], "in", "query", "schema", "type", flag ? "boolean" : "string"));
        BUG_UNLESS(json_array_append_new(list, parameter) == 0);
    }
    return must(json_pack("{s:o, s:{s:{s:s}}, s:s, s:o}", "parameters", list, "responses", "200", "description", "OK",
                          "x-kubernetes-action", action, "x-kubernetes-group-version-kind", kind_of(info)));
}

json_t *devserver_openapi_group(const char *group)
{
    json_t *paths = must(json_object()), *schemas = must(json_object());
    json_t *base = group_path(group);

    for (int i = 0; i < STORE_RESOURCES; i++) {
        const struct store_resource_info *info = store_resource_info((enum store_resource)i);
        if (strcmp(info->group, group) != 0)
            continue;
        json_t *path =
            must(json_sprintf("/%s%s/%s/{name}", json_string_value(base), info->namespaced ? "/namespaces/{namespace}" : "", info->plural));
        set(paths, json_string_value(path), json_pack("{s:o, s:o}", "put", operation(info, "put"), "patch", operation(info, "patch")));
        json_decref(path);
        json_t *name = must(json_sprintf("io.k8s.api.%.*s.v1.%s", group[0] != '\0' ? (int)strcspn(group, ".") : 4,
                                         group[0] != '\0' ? group : "core", info->kind));
        set(schemas, json_string_value(name),
            json_pack("{s:s, s:b, s:[o]}", "type", "object", "x-kubernetes-preserve-unknown-fields", 1, "x-kubernetes-group-version-kind",
                      kind_of(info)));
        json_decref(name);
    }
    json_decref(base);
    return must(json_pack("{s:s, s:{s:s, s:s}, s:o, s:{s:o}}", "openapi", "3.0.0", "info", "title", "Leasehold", "version", "v1", "paths",
                          paths, "components", "schemas", schemas));
}
