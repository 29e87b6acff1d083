/* Discovery, version and health. */
#include "devserver/internal.h"

#include <stdio.h>
#include <string.h>

static json_t *must(json_t *value)
{
    BUG_UNLESS(value != NULL);
    return value;
}

static json_t *api_versions(const char *address)
{
    return must(json_pack("{s:s, s:[s], s:[{s:s, s:s}]}", "kind", "APIVersions", "versions", "v1", "serverAddressByClientCIDRs",
                          "clientCIDR", "0.0.0.0/0", "serverAddress", address));
}

static json_t *api_group(const char *group, bool alone)
{
    char version[96];
    snprintf(version, sizeof version, "%s/v1", group);
    json_t *value = must(json_pack("{s:s, s:[{s:s, s:s}], s:{s:s, s:s}}", "name", group, "versions", "groupVersion", version, "version",
                                   "v1", "preferredVersion", "groupVersion", version, "version", "v1"));
    if (alone) {
        BUG_UNLESS(json_object_set_new(value, "kind", json_string("APIGroup")) == 0);
        BUG_UNLESS(json_object_set_new(value, "apiVersion", json_string("v1")) == 0);
    }
    return value;
}

/* Beside v1. */
static const char *const groups[] = { "authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io", "events.k8s.io" };

static bool is_group(const char *group)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strcmp(groups[i], group) == 0)
            return true;
    return false;
}

static json_t *api_groups(void)
{
    json_t *list = must(json_array());
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        BUG_UNLESS(json_array_append_new(list, api_group(groups[i], false)) == 0);
    return must(json_pack("{s:s, s:s, s:o}", "kind", "APIGroupList", "apiVersion", "v1", "groups", list));
}

static json_t *resource_entry(const struct store_resource_info *info, const char *sub)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", info->plural, sub);
    json_t *entry = must(json_pack("{s:s, s:s, s:b, s:s}", "name", name, "singularName", sub[0] != '\0' ? "" : info->singular, "namespaced",
                                   (int)info->namespaced, "kind", info->kind));
    static const char *const all[] = { "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch" };
    json_t *verbs = must(sub[0] != '\0' ? json_pack("[s, s, s]", "get", "patch", "update") : json_array());
    for (size_t i = 0; sub[0] == '\0' && i < sizeof all / sizeof all[0]; i++)
        if (info->namespaced || strcmp(all[i], "deletecollection") != 0) /* namespaces are not deleted together */
            BUG_UNLESS(json_array_append_new(verbs, must(json_string(all[i]))) == 0);
    BUG_UNLESS(json_object_set_new(entry, "verbs", verbs) == 0);
    if (sub[0] == '\0' && info->short_name != NULL)
        BUG_UNLESS(json_object_set_new(entry, "shortNames", must(json_pack("[s]", info->short_name))) == 0);
    if (sub[0] == '\0' && strcmp(info->kind, "Pod") == 0) /* for `kubectl get all` */
        BUG_UNLESS(json_object_set_new(entry, "categories", must(json_pack("[s]", "all"))) == 0);
    return entry;
}

static json_t *api_resources(const char *group, const char *group_version)
{
    json_t *list = must(json_array());
    for (int i = 0; i < STORE_RESOURCES; i++) {
        const struct store_resource_info *info = store_resource_info((enum store_resource)i);
        if (strcmp(info->group, group) != 0)
            continue;
        BUG_UNLESS(json_array_append_new(list, resource_entry(info, "")) == 0);
        if (info->has_status)
            BUG_UNLESS(json_array_append_new(list, resource_entry(info, "/status")) == 0);
    }
    for (size_t i = 0; devserver_review_at(i) != NULL; i++) {
        const struct devserver_review *review = devserver_review_at(i);
        if (strcmp(review->group, group) == 0)
            BUG_UNLESS(json_array_append_new(
                           list, must(json_pack("{s:s, s:s, s:b, s:s, s:[s]}", "name", review->plural, "singularName", review->singular,
                                                "namespaced", 0, "kind", review->kind, "verbs", "create"))) == 0);
    }
    json_t *value = must(json_pack("{s:s, s:s, s:o}", "kind", "APIResourceList", "groupVersion", group_version, "resources", list));
    if (group[0] != '\0') /* the real server leaves it out for the oldest group alone */
        BUG_UNLESS(json_object_set_new(value, "apiVersion", must(json_string("v1"))) == 0);
    return value;
}

static json_t *version_document(const char *version)
{
    char git[96];
    snprintf(git, sizeof git, "v1.36.0+leasehold-%s", version);
    return must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "major", "1", "minor", "36", "gitVersion", git, "gitCommit", "",
                          "gitTreeState", "clean", "buildDate", "1970-01-01T00:00:00Z", "goVersion", "none", "compiler", "cc", "platform",
                          "linux/amd64"));
}

/* Below the groups served here an unknown path is an unknown resource; elsewhere it is no path at all. */
static bool is_served(const struct devserver_target *target)
{
    const char *const *s = target->segments;
    if (target->segment_count < 2)
        return false;
    if (strcmp(s[0], "api") == 0)
        return true;
    return strcmp(s[0], "apis") == 0 && target->segment_count > 2 && is_group(s[1]);
}

bool devserver_document_missing(const struct devserver_target *target)
{
    return !is_served(target);
}

/* /openapi/v3, /openapi/v3/api/v1, /openapi/v3/apis/GROUP/v1; NULL for anything else. */
static json_t *openapi_document(const struct devserver_target *target)
{
    const char *const *s = target->segments;
    size_t count = target->segment_count;

    if (count < 2 || strcmp(s[1], "v3") != 0)
        return NULL;
    if (count == 2)
        return devserver_openapi_index();
    if (count == 4 && strcmp(s[2], "api") == 0 && strcmp(s[3], "v1") == 0)
        return devserver_openapi_group("");
    if (count == 5 && strcmp(s[2], "apis") == 0 && is_group(s[3]) && strcmp(s[4], "v1") == 0)
        return devserver_openapi_group(s[3]);
    return NULL;
}

json_t *devserver_document(const struct devserver_target *target, const char *version, const char *address, const char **ret_text)
{
    static const char *const health[] = { "healthz", "livez", "readyz" };
    const char *const *s = target->segments;
    size_t count = target->segment_count;
    char group_version[96];

    *ret_text = NULL;
    if (count == 0)
        return must(json_pack("{s:[s,s,s,s,s,s,s]}", "paths", "/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"));
    for (size_t i = 0; i < sizeof health / sizeof health[0]; i++)
        if (strcmp(s[0], health[i]) == 0 && count == 1)
            *ret_text = "ok";
    if (*ret_text != NULL)
        return NULL;
    if (strcmp(s[0], "openapi") == 0)
        return openapi_document(target);
    if (strcmp(s[0], "version") == 0 && count == 1)
        return version_document(version);
    if (strcmp(s[0], "api") == 0 && count == 1)
        return api_versions(address);
    if (strcmp(s[0], "api") == 0 && count == 2 && strcmp(s[1], "v1") == 0)
        return api_resources("", "v1");
    if (strcmp(s[0], "apis") == 0 && count == 1)
        return api_groups();
    if (strcmp(s[0], "apis") != 0 || count > 3 || !is_group(s[1]))
        return NULL;
    if (count == 2)
        return api_group(s[1], true);
    if (strcmp(s[2], "v1") != 0)
        return NULL;
    snprintf(group_version, sizeof group_version, "%.64s/v1", s[1]);
    return api_resources(s[1], group_version);
}
