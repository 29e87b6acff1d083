/* The table of what can be stored, and what each resource allows. */
#include "store/internal.h"

#include <string.h>

static const char *const no_fields[] = { NULL };
static const char *const pod_fields[] = { "spec.nodeName",
                                          "spec.restartPolicy",
                                          "spec.schedulerName",
                                          "spec.serviceAccountName",
                                          "spec.hostNetwork",
                                          "status.phase",
                                          "status.podIP",
                                          "status.nominatedNodeName",
                                          NULL };
static const char *const namespace_fields[] = { "status.phase", NULL };
static const char *const event_fields[] = { "involvedObject.kind",
                                            "involvedObject.namespace",
                                            "involvedObject.name",
                                            "involvedObject.uid",
                                            "involvedObject.apiVersion",
                                            "involvedObject.resourceVersion",
                                            "involvedObject.fieldPath",
                                            "reason",
                                            "reportingComponent",
                                            "type",
                                            NULL };

/* Selectors are matched on the stored v1 form; store_selector_fields() turns `regarding.` into `involvedObject.`. */
static const struct store_type types[STORE_RESOURCES] = {
    [STORE_LEASES] = { { "coordination.k8s.io", "v1", "leases", "lease", "Lease", NULL, true, false }, 0, true, false, no_fields },
    [STORE_CONFIGMAPS] = { { "", "v1", "configmaps", "configmap", "ConfigMap", "cm", true, false }, 1, false, true, no_fields },
    [STORE_PODS] = { { "", "v1", "pods", "pod", "Pod", "po", true, true }, 2, false, true, pod_fields },
    [STORE_NAMESPACES] = { { "", "v1", "namespaces", "namespace", "Namespace", "ns", false, false }, 3, false, true, namespace_fields },
    [STORE_EVENTS] = { { "", "v1", "events", "event", "Event", "ev", true, false }, 4, true, true, event_fields },
    [STORE_EVENTS_K8S] = { { "events.k8s.io", "v1", "events", "event", "Event", "ev", true, false }, 4, true, true, event_fields },
};

const struct store_type *store_type(enum store_resource resource)
{
    BUG_UNLESS((unsigned)resource < STORE_RESOURCES);
    return &types[resource];
}

const struct store_resource_info *store_resource_info(enum store_resource resource)
{
    return &store_type(resource)->info;
}

int store_resource_find(const char *group, const char *version, const char *plural, enum store_resource *ret)
{
    for (int i = 0; i < STORE_RESOURCES; i++) {
        const struct store_resource_info *info = &types[i].info;
        if (strcmp(info->group, group) == 0 && strcmp(info->version, version) == 0 && strcmp(info->plural, plural) == 0) {
            *ret = (enum store_resource)i;
            return 0;
        }
    }
    return -1;
}
