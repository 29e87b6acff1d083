/* Reviews of oneself (authorization.k8s.io, authentication.k8s.io): questions that are posted and answered, never stored.
 *
 * Everybody may do everything here, except what a standing fault rule refuses with 403: a program that asks before it acts is told
 * what it would meet. */
#include "devserver/internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static json_t *must(json_t *value)
{
    BUG_UNLESS(value != NULL);
    return value;
}

static const struct devserver_review reviews[] = {
    { "authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectaccessreview", "SelfSubjectAccessReview" },
    { "authorization.k8s.io", "selfsubjectrulesreviews", "selfsubjectrulesreview", "SelfSubjectRulesReview" },
    { "authentication.k8s.io", "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview" },
};

const struct devserver_review *devserver_review_at(size_t index)
{
    return index < sizeof reviews / sizeof reviews[0] ? &reviews[index] : NULL;
}

const struct devserver_review *devserver_review_find(const char *group, const char *version, const char *plural)
{
    for (size_t i = 0; i < sizeof reviews / sizeof reviews[0]; i++)
        if (strcmp(reviews[i].group, group) == 0 && strcmp(version, "v1") == 0 && strcmp(reviews[i].plural, plural) == 0)
            return &reviews[i];
    return NULL;
}

static const char *text_of(const json_t *attributes, const char *name)
{
    const char *text = json_string_value(json_object_get(attributes, name));
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* True when some rule refuses with 403 what these attributes describe. */
static bool is_denied(const struct devserver_rules *rules, const struct devserver_caller *caller, const json_t *attributes)
{
    struct devserver_call asked = { .kind = DEVSERVER_CALL_RESOURCE, .verb = DEVSERVER_VERBS, .caller = *caller };
    const char *group = text_of(attributes, "group"), *plural = text_of(attributes, "resource"), *verb = text_of(attributes, "verb");

    for (int v = 0; verb != NULL && v < DEVSERVER_VERBS; v++)
        if (strcmp(verb, devserver_verb_name((enum devserver_verb)v)) == 0)
            asked.verb = (enum devserver_verb)v;
    if (plural == NULL || asked.verb == DEVSERVER_VERBS ||
        store_resource_find(group != NULL ? group : "", "v1", plural, &asked.request.resource) < 0)
        return false;
    asked.request.namespace_ = text_of(attributes, "namespace");
    asked.request.name = text_of(attributes, "name");
    for (size_t i = 0; i < rules->count; i++) {
        const struct devserver_rule *rule = rules->list[i];
        if (rule->action == DEVSERVER_REFUSE && rule->code == 403 && devserver_rule_matches(rule, &asked, NULL))
            return true;
    }
    return false;
}

static json_t *time_now(void)
{
    char text[32];
    struct tm parts;
    time_t now = (time_t)(devserver_now_us() / 1000000);

    BUG_UNLESS(gmtime_r(&now, &parts) != NULL && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0);
    return must(json_string(text));
}

/* NULL, or what is wrong with the question. */
static json_t *check_question(const struct devserver_review *review, const json_t *body)
{
    const char *kind = json_string_value(json_object_get(body, "kind"));
    const json_t *spec = json_object_get(body, "spec");
    bool access = strcmp(review->plural, "selfsubjectaccessreviews") == 0, rules = strcmp(review->plural, "selfsubjectrulesreviews") == 0;
    bool one = json_is_object(json_object_get(spec, "resourceAttributes")),
         other = json_is_object(json_object_get(spec, "nonResourceAttributes"));
    char message[192];

    if (!json_is_object(body))
        return store_status(400, "BadRequest", "the body of a review is a JSON object", NULL);
    if (kind != NULL && kind[0] != '\0' && strcmp(kind, review->kind) != 0) {
        snprintf(message, sizeof message, "%.64s cannot be handled as a %s", kind, review->kind);
        return store_status(400, "BadRequest", message, NULL);
    }
    if (rules && text_of(spec, "namespace") == NULL)
        return store_status(400, "BadRequest", "no namespace on request", NULL);
    if (!access || one != other)
        return NULL;
    const char *field = one ? "spec.nonResourceAttributes" : "spec.resourceAttributes";
    const char *why = one ? "cannot be specified in combination with resourceAttributes"
                          : "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    json_t *causes =
        must(json_pack("[{s:s, s:s+, s:s}]", "reason", "FieldValueInvalid", "message", "Invalid value: ", why, "field", field));
    snprintf(message, sizeof message, " \"\" is invalid: %s: Invalid value: %s", field, why);
    return store_status(422, "Invalid", message, must(json_pack("{s:s, s:o}", "group", review->group, "causes", causes)));
}

static json_t *access_status(const struct devserver_rules *rules, const struct devserver_call *call, const json_t *spec)
{
    const json_t *attributes = json_object_get(spec, "resourceAttributes");

    if (is_denied(rules, &call->caller, attributes))
        return must(json_pack("{s:b, s:s}", "allowed", 0, "reason", "a fault rule of this development server refuses it with 403"));
    return must(json_pack("{s:b, s:s}", "allowed", 1, "reason", "everybody may do everything on this development server"));
}

json_t *devserver_review_answer(const struct devserver_rules *rules, const struct devserver_call *call)
{
    const struct devserver_review *review = call->review;
    bool rules_asked = strcmp(review->plural, "selfsubjectrulesreviews") == 0;
    json_t *status = check_question(review, call->body);

    if (status != NULL)
        return status;
    if (strcmp(review->plural, "selfsubjectaccessreviews") == 0)
        status = access_status(rules, call, json_object_get(call->body, "spec"));
    else if (rules_asked)
        status = must(json_pack("{s:[{s:[s], s:[s], s:[s]}], s:[{s:[s], s:[s]}], s:b}", "resourceRules", "verbs", "*", "apiGroups", "*",
                                "resources", "*", "nonResourceRules", "verbs", "*", "nonResourceURLs", "*", "incomplete", 0));
    else
        status = must(json_pack("{s:{s:s, s:[s, s]}}", "userInfo", "username", "leasehold:everybody", "groups", "system:masters",
                                "system:authenticated"));
    json_t *answer = must(json_copy(call->body));
    BUG_UNLESS(json_object_set_new(answer, "kind", json_string(review->kind)) == 0);
    BUG_UNLESS(json_object_set_new(answer, "apiVersion", must(json_sprintf("%s/v1", review->group))) == 0);
    BUG_UNLESS(json_object_set_new(answer, "status", status) == 0);
    if (rules_asked) /* the real server does not say again what was asked */
        BUG_UNLESS(json_object_set_new(answer, "spec", must(json_object())) == 0);
    if (json_object_get(answer, "metadata") == NULL)
        BUG_UNLESS(json_object_set_new(answer, "metadata", must(json_object())) == 0);
    if (strcmp(review->plural, "selfsubjectreviews") == 0)
        BUG_UNLESS(json_object_set_new(answer, "metadata", must(json_pack("{s:o}", "creationTimestamp", time_now()))) == 0);
    return answer;
}
