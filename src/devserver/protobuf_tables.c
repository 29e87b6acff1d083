/* Numbers, names and types of fields, as in generated.proto of k8s.io/api and k8s.io/apimachinery 0.36. Numbers are never reused
 * there, so a table that knows fewer fields refuses, and one that knows more harms nobody. */
#include "devserver/protobuf.h"

#include <string.h>

#define FIELDS(...)                                                                                                                        \
    (const struct protobuf_field[])                                                                                                        \
    {                                                                                                                                      \
        __VA_ARGS__,                                                                                                                       \
        {                                                                                                                                  \
            0                                                                                                                              \
        }                                                                                                                                  \
    }
#define TEXT(number_, name_)                                                                                                               \
    {                                                                                                                                      \
        .number = (number_), .type = PROTOBUF_TEXT, .name = (name_)                                                                        \
    }
#define TEXTS(number_, name_)                                                                                                              \
    {                                                                                                                                      \
        .number = (number_), .type = PROTOBUF_TEXT, .name = (name_), .repeated = true                                                      \
    }
#define PLAIN(number_, type_, name_)                                                                                                       \
    {                                                                                                                                      \
        .number = (number_), .type = PROTOBUF_##type_, .name = (name_)                                                                     \
    }
#define POINTER(number_, type_, name_)                                                                                                     \
    {                                                                                                                                      \
        .number = (number_), .type = PROTOBUF_##type_, .name = (name_), .pointer = true                                                    \
    }
#define ONE(number_, message_, name_)                                                                                                      \
    {                                                                                                                                      \
        .number = (number_), .type = PROTOBUF_MESSAGE, .name = (name_), .message = &(message_)                                             \
    }
#define MANY(number_, message_, name_)                                                                                                     \
    {                                                                                                                                      \
        .number = (number_), .type = PROTOBUF_MESSAGE, .name = (name_), .repeated = true, .message = &(message_)                           \
    }

/* ---- runtime and meta/v1 ------------------------------------------------------------------------------------------ */

const struct protobuf_message protobuf_type_meta = { "TypeMeta", FIELDS(TEXT(1, "apiVersion"), TEXT(2, "kind")) };

static const struct protobuf_message owner_reference = { "OwnerReference", FIELDS(TEXT(1, "kind"), TEXT(3, "name"), TEXT(4, "uid"),
                                                                                  TEXT(5, "apiVersion"), POINTER(6, BOOLEAN, "controller"),
                                                                                  POINTER(7, BOOLEAN, "blockOwnerDeletion")) };

static const struct protobuf_message managed_fields_entry = {
    "ManagedFieldsEntry", FIELDS(TEXT(1, "manager"), TEXT(2, "operation"), TEXT(3, "apiVersion"), PLAIN(4, TIME, "time"),
                                 TEXT(6, "fieldsType"), PLAIN(7, RAW_JSON, "fieldsV1"), TEXT(8, "subresource"))
};

static const struct protobuf_message object_meta = {
    "ObjectMeta",
    FIELDS(TEXT(1, "name"), TEXT(2, "generateName"), TEXT(3, "namespace"), TEXT(4, "selfLink"), TEXT(5, "uid"), TEXT(6, "resourceVersion"),
           PLAIN(7, INT64, "generation"), PLAIN(8, TIME, "creationTimestamp"), PLAIN(9, TIME, "deletionTimestamp"),
           POINTER(10, INT64, "deletionGracePeriodSeconds"), PLAIN(11, TEXT_MAP, "labels"), PLAIN(12, TEXT_MAP, "annotations"),
           MANY(13, owner_reference, "ownerReferences"), TEXTS(14, "finalizers"), MANY(17, managed_fields_entry, "managedFields"))
};

static const struct protobuf_message preconditions = { "Preconditions",
                                                       FIELDS(POINTER(1, TEXT, "uid"), POINTER(2, TEXT, "resourceVersion")) };

static const struct protobuf_message delete_options = {
    "DeleteOptions", FIELDS(POINTER(1, INT64, "gracePeriodSeconds"), ONE(2, preconditions, "preconditions"),
                            POINTER(3, BOOLEAN, "orphanDependents"), POINTER(4, TEXT, "propagationPolicy"), TEXTS(5, "dryRun"),
                            POINTER(6, BOOLEAN, "ignoreStoreReadErrorWithClusterBreakingPotential"))
};

/* Of a field selector and of a label selector alike. */
static const struct protobuf_message requirement = { "SelectorRequirement",
                                                     FIELDS(TEXT(1, "key"), TEXT(2, "operator"), TEXTS(3, "values")) };

/* ---- coordination.k8s.io/v1, v1, events.k8s.io/v1 ----------------------------------------------------------------- */

static const struct protobuf_message lease_spec = {
    "LeaseSpec", FIELDS(POINTER(1, TEXT, "holderIdentity"), POINTER(2, INT32, "leaseDurationSeconds"),
                        POINTER(3, MICRO_TIME, "acquireTime"), POINTER(4, MICRO_TIME, "renewTime"), POINTER(5, INT32, "leaseTransitions"),
                        POINTER(6, TEXT, "strategy"), POINTER(7, TEXT, "preferredHolder"))
};

static const struct protobuf_message lease = { "Lease", FIELDS(ONE(1, object_meta, "metadata"), ONE(2, lease_spec, "spec")) };

static const struct protobuf_message configmap = { "ConfigMap",
                                                   FIELDS(ONE(1, object_meta, "metadata"), PLAIN(2, TEXT_MAP, "data"),
                                                          PLAIN(3, BYTES_MAP, "binaryData"), POINTER(4, BOOLEAN, "immutable")) };

static const struct protobuf_message namespace_spec = { "NamespaceSpec", FIELDS(TEXTS(1, "finalizers")) };

static const struct protobuf_message namespace_condition = { "NamespaceCondition", FIELDS(TEXT(1, "type"), TEXT(2, "status"),
                                                                                          PLAIN(4, TIME, "lastTransitionTime"),
                                                                                          TEXT(5, "reason"), TEXT(6, "message")) };

static const struct protobuf_message namespace_status = { "NamespaceStatus",
                                                          FIELDS(TEXT(1, "phase"), MANY(2, namespace_condition, "conditions")) };

static const struct protobuf_message namespace_object = {
    "Namespace", FIELDS(ONE(1, object_meta, "metadata"), ONE(2, namespace_spec, "spec"), ONE(3, namespace_status, "status"))
};

static const struct protobuf_message object_reference = { "ObjectReference",
                                                          FIELDS(TEXT(1, "kind"), TEXT(2, "namespace"), TEXT(3, "name"), TEXT(4, "uid"),
                                                                 TEXT(5, "apiVersion"), TEXT(6, "resourceVersion"), TEXT(7, "fieldPath")) };

static const struct protobuf_message event_source = { "EventSource", FIELDS(TEXT(1, "component"), TEXT(2, "host")) };

static const struct protobuf_message event_series = { "EventSeries",
                                                      FIELDS(PLAIN(1, INT32, "count"), PLAIN(2, MICRO_TIME, "lastObservedTime")) };

static const struct protobuf_message event = {
    "Event", FIELDS(ONE(1, object_meta, "metadata"), ONE(2, object_reference, "involvedObject"), TEXT(3, "reason"), TEXT(4, "message"),
                    ONE(5, event_source, "source"), PLAIN(6, TIME, "firstTimestamp"), PLAIN(7, TIME, "lastTimestamp"),
                    PLAIN(8, INT32, "count"), TEXT(9, "type"), PLAIN(10, MICRO_TIME, "eventTime"), ONE(11, event_series, "series"),
                    TEXT(12, "action"), ONE(13, object_reference, "related"), TEXT(14, "reportingComponent"), TEXT(15, "reportingInstance"))
};

static const struct protobuf_message event_k8s = {
    "Event", FIELDS(ONE(1, object_meta, "metadata"), PLAIN(2, MICRO_TIME, "eventTime"), ONE(3, event_series, "series"),
                    TEXT(4, "reportingController"), TEXT(5, "reportingInstance"), TEXT(6, "action"), TEXT(7, "reason"),
                    ONE(8, object_reference, "regarding"), ONE(9, object_reference, "related"), TEXT(10, "note"), TEXT(11, "type"),
                    ONE(12, event_source, "deprecatedSource"), PLAIN(13, TIME, "deprecatedFirstTimestamp"),
                    PLAIN(14, TIME, "deprecatedLastTimestamp"), PLAIN(15, INT32, "deprecatedCount"))
};

/* ---- authorization.k8s.io/v1, authentication.k8s.io/v1 ------------------------------------------------------------ */

static const struct protobuf_message selector_attributes = { "SelectorAttributes",
                                                             FIELDS(TEXT(1, "rawSelector"), MANY(2, requirement, "requirements")) };

static const struct protobuf_message resource_attributes = {
    "ResourceAttributes",
    FIELDS(TEXT(1, "namespace"), TEXT(2, "verb"), TEXT(3, "group"), TEXT(4, "version"), TEXT(5, "resource"), TEXT(6, "subresource"),
           TEXT(7, "name"), ONE(8, selector_attributes, "fieldSelector"), ONE(9, selector_attributes, "labelSelector"))
};

static const struct protobuf_message non_resource_attributes = { "NonResourceAttributes", FIELDS(TEXT(1, "path"), TEXT(2, "verb")) };

static const struct protobuf_message access_review_spec = { "SelfSubjectAccessReviewSpec",
                                                            FIELDS(ONE(1, resource_attributes, "resourceAttributes"),
                                                                   ONE(2, non_resource_attributes, "nonResourceAttributes")) };

static const struct protobuf_message access_review_status = { "SubjectAccessReviewStatus",
                                                              FIELDS(PLAIN(1, BOOLEAN, "allowed"), TEXT(2, "reason"),
                                                                     TEXT(3, "evaluationError"), PLAIN(4, BOOLEAN, "denied")) };

static const struct protobuf_message access_review = { "SelfSubjectAccessReview",
                                                       FIELDS(ONE(1, object_meta, "metadata"), ONE(2, access_review_spec, "spec"),
                                                              ONE(3, access_review_status, "status")) };

static const struct protobuf_message rules_review_spec = { "SelfSubjectRulesReviewSpec", FIELDS(TEXT(1, "namespace")) };

static const struct protobuf_message resource_rule = { "ResourceRule", FIELDS(TEXTS(1, "verbs"), TEXTS(2, "apiGroups"),
                                                                              TEXTS(3, "resources"), TEXTS(4, "resourceNames")) };

static const struct protobuf_message non_resource_rule = { "NonResourceRule", FIELDS(TEXTS(1, "verbs"), TEXTS(2, "nonResourceURLs")) };

static const struct protobuf_message rules_review_status = {
    "SubjectRulesReviewStatus", FIELDS(MANY(1, resource_rule, "resourceRules"), MANY(2, non_resource_rule, "nonResourceRules"),
                                       PLAIN(3, BOOLEAN, "incomplete"), TEXT(4, "evaluationError"))
};

static const struct protobuf_message rules_review = { "SelfSubjectRulesReview",
                                                      FIELDS(ONE(1, object_meta, "metadata"), ONE(2, rules_review_spec, "spec"),
                                                             ONE(3, rules_review_status, "status")) };

static const struct protobuf_message user_info = { "UserInfo", FIELDS(TEXT(1, "username"), TEXT(2, "uid"), TEXTS(3, "groups")) };

static const struct protobuf_message subject_review_status = { "SelfSubjectReviewStatus", FIELDS(ONE(1, user_info, "userInfo")) };

static const struct protobuf_message subject_review = { "SelfSubjectReview",
                                                        FIELDS(ONE(1, object_meta, "metadata"), ONE(2, subject_review_status, "status")) };

static const struct {
    const char *api_version; /* NULL: any */
    const struct protobuf_message *message;
} tables[] = {
    { "coordination.k8s.io/v1", &lease },
    { "v1", &configmap },
    { "v1", &namespace_object },
    { "v1", &event },
    { "events.k8s.io/v1", &event_k8s },
    { NULL, &delete_options },
    { "authorization.k8s.io/v1", &access_review },
    { "authorization.k8s.io/v1", &rules_review },
    { "authentication.k8s.io/v1", &subject_review },
};

const struct protobuf_message *protobuf_message_find(const char *api_version, const char *kind)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (strcmp(tables[i].message->name, kind) == 0 &&
            (tables[i].api_version == NULL || strcmp(tables[i].api_version, api_version) == 0))
            return tables[i].message;
    return NULL;
}
