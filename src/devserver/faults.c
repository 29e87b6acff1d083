/* Fault rules as values: reading, matching, counting. Pure; inject.c carries them out. */
#include "devserver/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct action {
    const char *name;
    bool now_by_default;
    bool needs_ms;
    size_t events;
};

static const struct action actions[DEVSERVER_ACTIONS] = {
    [DEVSERVER_DELAY] = { "delay", false, true, 0 },
    [DEVSERVER_DELAY_ANSWER] = { "delay_answer", false, true, 0 },
    [DEVSERVER_REFUSE] = { "refuse", false, false, 0 },
    [DEVSERVER_RESET] = { "reset", false, false, 0 },
    [DEVSERVER_DROP_ANSWER] = { "drop_answer", false, false, 0 },
    [DEVSERVER_APPLY_LATE] = { "apply_late", false, true, 0 },
    [DEVSERVER_HANG] = { "hang", false, false, 0 },
    [DEVSERVER_FREEZE] = { "freeze", true, true, 0 },
    [DEVSERVER_RESTART] = { "restart", true, false, 0 },
    [DEVSERVER_COMPACT] = { "compact", true, false, 0 },
    [DEVSERVER_REPEAT_WATCH] = { "repeat_watch", true, false, 1 },
    [DEVSERVER_STEP_BACK] = { "step_back", true, false, 5 },
    [DEVSERVER_MUTE_WATCH] = { "mute_watch", true, false, 0 },
};

struct reading {
    struct devserver_rule *rule;
    char *error;
    size_t error_size;
};

static int complain(struct reading *r, const char *key, const char *why)
{
    snprintf(r->error, r->error_size, "fault rule: \"%.64s\" %s", key, why);
    return -1;
}

static int read_text(struct reading *r, const char *key, const json_t *value, const char **ret)
{
    *ret = json_string_value(value);
    return *ret != NULL ? 0 : complain(r, key, "must be a string");
}

static int read_number(struct reading *r, const char *key, const json_t *value, json_int_t least, json_int_t most, json_int_t *ret)
{
    char why[96];
    *ret = json_integer_value(value);
    if (json_is_integer(value) && *ret >= least && *ret <= most)
        return 0;
    snprintf(why, sizeof why, "must be a whole number from %lld to %lld", (long long)least, (long long)most);
    return complain(r, key, why);
}

static int add_verb(struct reading *r, const char *name)
{
    for (int i = 0; i < DEVSERVER_VERBS; i++) {
        if (name != NULL && strcmp(name, devserver_verb_name((enum devserver_verb)i)) == 0) {
            r->rule->verbs |= 1u << i;
            return 0;
        }
    }
    return complain(r, "verb", "must be one of get, list, watch, create, update, patch, delete, deletecollection, or a list of them");
}

static int read_verbs(struct reading *r, const json_t *value)
{
    size_t index;
    json_t *item;
    if (!json_is_array(value))
        return add_verb(r, json_string_value(value));
    json_array_foreach((json_t *)(uintptr_t)value, index, item)
    {
        if (add_verb(r, json_string_value(item)) < 0)
            return -1;
    }
    return 0;
}

static int read_action(struct reading *r, const json_t *value)
{
    const char *name = json_string_value(value);
    for (int i = 0; i < DEVSERVER_ACTIONS; i++) {
        if (name != NULL && strcmp(name, actions[i].name) == 0) {
            r->rule->action = (enum devserver_action)i;
            r->rule->now = actions[i].now_by_default;
            r->rule->events = actions[i].events;
            return 0;
        }
    }
    return complain(r, "action",
                    "must be one of delay, delay_answer, refuse, reset, drop_answer, apply_late, hang, freeze, restart, compact, "
                    "repeat_watch, step_back, mute_watch");
}

static int read_header(struct reading *r, const json_t *value)
{
    r->rule->header_name = json_string_value(json_object_get(value, "name"));
    r->rule->header_value = json_string_value(json_object_get(value, "value"));
    if (r->rule->header_name == NULL || r->rule->header_value == NULL || json_object_size(value) != 2)
        return complain(r, "header", "must be {\"name\": ..., \"value\": ...}");
    return 0;
}

static int read_when(struct reading *r, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || (strcmp(text, "now") != 0 && strcmp(text, "request") != 0))
        return complain(r, "when", "must be \"now\" or \"request\"");
    r->rule->now = strcmp(text, "now") == 0;
    return 0;
}

static int read_count(struct reading *r, const char *key, const json_t *value, uint64_t *ret)
{
    json_int_t number;
    if (read_number(r, key, value, 0, 1000000000, &number) < 0)
        return -1;
    *ret = (uint64_t)number;
    return 0;
}

static int read_member(struct reading *r, const char *key, const json_t *value)
{
    struct devserver_rule *rule = r->rule;
    const struct {
        const char *key;
        const char **text;
    } texts[] = {
        { "resource", &rule->resource },     { "namespace", &rule->namespace_ }, { "name", &rule->name },       { "client", &rule->client },
        { "user_agent", &rule->user_agent }, { "token", &rule->token },          { "message", &rule->message },
    };
    json_int_t number = 0;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(key, texts[i].key) == 0)
            return read_text(r, key, value, texts[i].text);
    if (strcmp(key, "action") == 0)
        return 0; /* read first */
    if (strcmp(key, "verb") == 0)
        return read_verbs(r, value);
    if (strcmp(key, "header") == 0)
        return read_header(r, value);
    if (strcmp(key, "when") == 0)
        return read_when(r, value);
    if (strcmp(key, "skip") == 0)
        return read_count(r, key, value, &rule->skip);
    if (strcmp(key, "count") == 0)
        return read_count(r, key, value, &rule->count);
    if (strcmp(key, "keep_open") == 0) {
        rule->keep_open = json_is_true(value);
        return json_is_boolean(value) ? 0 : complain(r, key, "must be true or false");
    }
    if (strcmp(key, "ms") == 0) {
        if (read_number(r, key, value, 0, DEVSERVER_FAULT_MS_MAX, &number) < 0)
            return -1;
        rule->ms = number;
    } else if (strcmp(key, "code") == 0) {
        if (read_number(r, key, value, 400, 599, &number) < 0)
            return -1;
        rule->code = (int)number;
    } else if (strcmp(key, "retry_after_s") == 0) {
        if (read_number(r, key, value, 0, 86400, &number) < 0)
            return -1;
        rule->retry_after_s = number;
    } else if (strcmp(key, "events") == 0) {
        if (read_number(r, key, value, 1, 1000000, &number) < 0)
            return -1;
        rule->events = (size_t)number;
    } else {
        return complain(r, key, "is not a member of a rule; see docs/dev-server.md");
    }
    return 0;
}

struct devserver_rule *devserver_rule_new(const json_t *text, char *error, size_t error_size)
{
    struct devserver_rule *rule = calloc(1, sizeof *rule);
    struct reading r = { rule, error, error_size };
    const char *key;
    json_t *value;

    BUG_UNLESS(rule != NULL);
    rule->code = 503;
    rule->retry_after_s = -1;
    rule->text = json_deep_copy(text);
    BUG_UNLESS(rule->text != NULL);
    if (read_action(&r, json_object_get(rule->text, "action")) < 0)
        return devserver_rule_free(rule);
    json_object_foreach(rule->text, key, value)
    {
        if (read_member(&r, key, value) < 0)
            return devserver_rule_free(rule);
    }
    if (actions[rule->action].needs_ms && rule->ms == 0) {
        complain(&r, "ms", "says for how long and is needed by this action");
        return devserver_rule_free(rule);
    }
    if (rule->now && !actions[rule->action].now_by_default) {
        complain(&r, "when", "cannot be \"now\" for an action on requests");
        return devserver_rule_free(rule);
    }
    return rule;
}

struct devserver_rule *devserver_rule_free(struct devserver_rule *rule)
{
    if (rule != NULL)
        json_decref(rule->text);
    free(rule);
    return NULL;
}

json_t *devserver_rule_json(const struct devserver_rule *rule)
{
    json_t *value = json_copy(rule->text);
    BUG_UNLESS(value != NULL && json_object_set_new(value, "id", json_integer((json_int_t)rule->id)) == 0 &&
               json_object_set_new(value, "seen", json_integer((json_int_t)rule->seen)) == 0 &&
               json_object_set_new(value, "hits", json_integer((json_int_t)rule->hits)) == 0);
    return value;
}

/* The name of a request's object: for a create the body says it, for a watch maybe the selector. */
static const char *object_name(const struct devserver_call *call)
{
    const struct store_request *r = &call->request;
    if (r->name != NULL)
        return r->name;
    if (call->verb == DEVSERVER_VERB_CREATE)
        return json_string_value(json_object_get(json_object_get(call->body, "metadata"), "name"));
    const char *selected = r->field_selector != NULL ? strstr(r->field_selector, "metadata.name=") : NULL;
    return selected != NULL ? selected + strlen("metadata.name=") : NULL;
}

static bool fits(const char *wanted, const char *given)
{
    return wanted == NULL || (given != NULL && strcmp(wanted, given) == 0);
}

bool devserver_rule_matches(const struct devserver_rule *rule, const struct devserver_call *call, const char *header)
{
    bool resource = call->kind == DEVSERVER_CALL_RESOURCE;
    if (rule->verbs != 0 && (rule->verbs & (1u << call->verb)) == 0)
        return false;
    if ((rule->verbs != 0 || rule->resource != NULL || rule->namespace_ != NULL || rule->name != NULL) && !resource)
        return false;
    if (resource &&
        (!fits(rule->resource, store_resource_info(call->request.resource)->plural) || !fits(rule->namespace_, call->request.namespace_)))
        return false;
    if (rule->name != NULL) {
        const char *name = object_name(call);
        size_t length = strlen(rule->name);
        if (name == NULL || strncmp(name, rule->name, length) != 0 || (name[length] != '\0' && name[length] != ','))
            return false;
    }
    if (rule->header_name != NULL && (header == NULL || strcmp(header, rule->header_value) != 0))
        return false;
    return fits(rule->client, call->caller.peer) && fits(rule->token, call->caller.token) &&
           (rule->user_agent == NULL || strstr(call->caller.user_agent, rule->user_agent) != NULL);
}

struct devserver_rule *devserver_rules_take(struct devserver_rules *rules, const struct devserver_call *call,
                                            const struct httpd_request *request)
{
    for (size_t i = 0; i < rules->count; i++) {
        struct devserver_rule *rule = rules->list[i];
        const char *header = rule->header_name != NULL ? httpd_header_value(request, rule->header_name) : NULL;
        if (!devserver_rule_matches(rule, call, header))
            continue;
        if (rule->count != 0 && rule->hits >= rule->count)
            continue;
        if (rule->seen++ < rule->skip)
            continue;
        rule->hits++;
        return rule;
    }
    return NULL;
}

void devserver_rules_clear(struct devserver_rules *rules, uint64_t id)
{
    size_t kept = 0;
    for (size_t i = 0; i < rules->count; i++) {
        if (id == 0 || rules->list[i]->id == id)
            devserver_rule_free(rules->list[i]);
        else
            rules->list[kept++] = rules->list[i];
    }
    rules->count = kept;
}
