/* /leasehold/faults: rules in, rules out. */
#include "devserver/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void send_rules(struct devserver *d, struct httpd_connection *c, int code)
{
    json_t *list = json_array();
    BUG_UNLESS(list != NULL);
    for (size_t i = 0; i < d->rules.count; i++)
        BUG_UNLESS(json_array_append_new(list, devserver_rule_json(d->rules.list[i])) == 0);
    json_t *value = json_pack("{s:o, s:b, s:I, s:I, s:I}", "rules", list, "frozen", (int)d->frozen, "connections",
                              (json_int_t)httpd_connection_count(d->http), "watches", (json_int_t)store_watch_count(d->store), "held",
                              (json_int_t)d->held_count);
    BUG_UNLESS(value != NULL);
    devserver_send_json(c, code, value);
    json_decref(value);
}

static void bad_request(struct httpd_connection *c, const char *why)
{
    devserver_send_status(c, store_status(400, "BadRequest", why, NULL));
}

/* All rules of one POST are read before the first counts. Returns how many, or -1 with a sentence. */
static int read_rules(struct devserver *d, const json_t *body, struct devserver_rule **ret, char *error, size_t error_size)
{
    const json_t *list = json_is_array(body) ? body : json_object_get(body, "rules");
    size_t count = list != NULL ? json_array_size(list) : 1;

    if ((list != NULL && !json_is_array(list)) || (list == NULL && !json_is_object(body))) {
        snprintf(error, error_size, "the body must be a rule, a list of rules, or {\"rules\": [...]}");
        return -1;
    }
    if (count > DEVSERVER_FAULT_RULES_MAX - d->rules.count) {
        snprintf(error, error_size, "there may be %d rules at a time: DELETE some first", (int)DEVSERVER_FAULT_RULES_MAX);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        ret[i] = devserver_rule_new(list != NULL ? json_array_get(list, i) : body, error, error_size);
        if (ret[i] == NULL) {
            while (i > 0)
                devserver_rule_free(ret[--i]);
            return -1;
        }
    }
    return (int)count;
}

static void post(struct devserver *d, struct httpd_connection *c, const struct httpd_request *request)
{
    struct devserver_rule *rules[DEVSERVER_FAULT_RULES_MAX];
    char error[256] = "";
    json_error_t parse_error;
    json_t *body = json_loadb(request->body, request->body_bytes, 0, &parse_error);

    if (body == NULL) {
        bad_request(c, "the body of a fault rule must be JSON");
        return;
    }
    int count = read_rules(d, body, rules, error, sizeof error);
    json_decref(body);
    if (count < 0) {
        bad_request(c, error);
        return;
    }
    for (int i = 0; i < count; i++) {
        rules[i]->id = ++d->rules.last_id;
        if (!rules[i]->now)
            d->rules.list[d->rules.count++] = rules[i];
    }
    send_rules(d, c, 201);
    /* What happens at once happens after this answer is on its way: a restart lets it leave first. */
    for (int i = 0; i < count; i++) {
        if (!rules[i]->now)
            continue;
        devserver_inject_now(d, rules[i]);
        devserver_rule_free(rules[i]);
    }
}

static void delete_rules(struct devserver *d, struct httpd_connection *c, const char *id)
{
    if (id != NULL && (strlen(id) > 18 || strspn(id, "0123456789") != strlen(id) || strcmp(id, "0") == 0)) {
        bad_request(c, "a rule is named by its number");
        return;
    }
    devserver_rules_clear(&d->rules, id != NULL ? strtoull(id, NULL, 10) : 0);
    send_rules(d, c, 200);
}

bool devserver_admin(struct devserver *d, struct httpd_connection *c, const struct httpd_request *request)
{
    struct devserver_target target;

    if (strncmp(request->target, "/leasehold/faults", 17) != 0 || devserver_target_parse(request->target, &target) < 0)
        return false;
    bool known =
        d->options.enable_faults && (target.segment_count == 2 || target.segment_count == 3) && strcmp(target.segments[1], "faults") == 0;
    const char *id = target.segment_count == 3 ? target.segments[2] : NULL;
    if (!known)
        devserver_send_status(c, store_status(404, "NotFound",
                                              d->options.enable_faults ? "the server could not find the requested resource"
                                                                       : "faults are not enabled: start the server with --enable-faults",
                                              NULL));
    else if (strcmp(request->method, "GET") == 0 && id == NULL)
        send_rules(d, c, 200);
    else if (strcmp(request->method, "POST") == 0 && id == NULL)
        post(d, c, request);
    else if (strcmp(request->method, "DELETE") == 0)
        delete_rules(d, c, id);
    else
        devserver_send_status(c, store_status(405, "MethodNotAllowed", "use GET, POST or DELETE", NULL));
    devserver_target_clear(&target);
    return true;
}
