/* An elector that follows the rule of Camel's lease-based lock, written down from its behaviour (CAMEL-11331): it compares the
 * stamp in the record with its own wall clock, writes whole seconds cut off, carries on under a record in its name that is young
 * enough, releases nothing, and its requests may hang for as long as the network likes: while one does, it leads on. */
#include "sim/fleet.h"

#include <stdio.h>
#include <string.h>

#include "election/bug.h"
#include "wire/times.h"

enum { HANG_CHANCE = 500000, JITTER_PERCENT = 120 };

static const int64_t patience_ns = 10 * FLEET_S;

static void wait_for(struct fleet *f, int who, int64_t span)
{
    struct fleet_camel *c = &f->process[who].c;
    fleet_at(f, f->now + span, FLEET_EVENT_CAMEL, who, 0, ++c->generation);
}

static int64_t wall_ns(const struct fleet *f, int who)
{
    return fleet_clock(f, f->process[who].node).wall_ns;
}

static int64_t jittered(struct fleet *f)
{
    int64_t retry = f->settings.retry_ns;
    return retry + prng_range(&f->random, 0, retry * (JITTER_PERCENT - 100) / 100);
}

/* ---- record ----------------------------------------------------------------------------------------------------------- */

static void key_of(const struct fleet *f, int who, const char *prefix, char ret[64])
{
    snprintf(ret, 64, "%s%s", prefix, f->group[f->process[who].c.group].name);
}

/* When the record was last renewed; INT64_MIN: no valid one. */
static int64_t stamp_of(const struct fleet *f, int who, const json_t *object, const char **ret_holder)
{
    char key[64];
    int64_t us;
    const json_t *data = json_object_get(object, "data");
    key_of(f, who, "leader.pod.", key);
    *ret_holder = json_string_value(json_object_get(data, key));
    key_of(f, who, "leader.timestamp.", key);
    const char *stamp = json_string_value(json_object_get(data, key));
    if (!*ret_holder || !**ret_holder || !stamp || times_parse(stamp, &us) < 0)
        return INT64_MIN;
    return us * 1000;
}

static json_t *renewed(struct fleet *f, int who, const json_t *object)
{
    char key[64], stamp[TIMES_MICRO_SIZE];
    json_t *copy = object ? json_deep_copy(object) : dialect_new_object(f->dialect, "default", "leaders");
    if (!json_is_object(json_object_get(copy, "data")))
        json_object_set_new(copy, "data", json_object());
    json_t *data = json_object_get(copy, "data");
    key_of(f, who, "leader.pod.", key);
    json_object_set_new(data, key, json_string(f->process[who].name));
    times_format(wall_ns(f, who) / FLEET_S * 1000000, stamp);
    memcpy(stamp + 19, "Z", 2);
    key_of(f, who, "leader.timestamp.", key);
    json_object_set_new(data, key, json_string(stamp));
    /* Its update is bound to the version it has read, not to the uid. */
    json_object_del(json_object_get(copy, "metadata"), "uid");
    return copy;
}

/* ---- requests --------------------------------------------------------------------------------------------------------- */

static void ask(struct fleet *f, int who, bool writes)
{
    struct fleet_process *p = &f->process[who];
    struct fleet_camel *c = &p->c;
    const struct fleet_node *node = &f->node[p->node];
    c->busy = true;
    c->writes = writes;
    c->decided_at = f->now;
    c->request++;
    c->answer_code = 0;
    bool hangs = f->menu.has[MENU_LOSS] && prng_chance(&f->random, HANG_CHANCE);
    if (node->cut_up && node->refused)
        fleet_at(f, f->now + fleet_delay(f, p->node), FLEET_EVENT_CAMEL_ANSWER, who, 0, c->request);
    else if (!node->cut_up && !fleet_chance(f, MENU_LOSS, 20000))
        fleet_at(f, f->now + fleet_delay(f, p->node) + node->serve_delay_ns, FLEET_EVENT_CAMEL_SERVE, who, 0, c->request);
    /* A client with a time limit, and one without. */
    if (!hangs || f->healing)
        fleet_at(f, f->now + patience_ns, FLEET_EVENT_CAMEL_ANSWER, who, 1, c->request);
}

static void serve(struct fleet *f, int who, uint32_t request)
{
    struct fleet_process *p = &f->process[who];
    struct fleet_camel *c = &p->c;
    struct store_request r;
    struct store_answer answer = { 0 };
    if (!p->alive || request != c->request || f->mode == FLEET_HANGS || f->mode == FLEET_DOWN)
        return;
    if (f->mode == FLEET_UP && !c->writes) {
        fleet_store_request(f, c->group, STORE_GET, &r);
        store_handle(f->store, &r, f->now / 1000, &answer);
    } else if (f->mode == FLEET_UP) {
        fleet_store_request(f, c->group, c->seen ? STORE_UPDATE : STORE_CREATE, &r);
        json_t *body = renewed(f, who, c->seen);
        r.body = body;
        fleet_apply(f, who, &r, NULL, c->decided_at, &answer);
        json_decref(body);
        if (answer.changed)
            fleet_wake_watches(f);
    } else {
        answer.code = 500;
    }
    if (f->node[p->node].cut_down || fleet_chance(f, MENU_LOSS, 20000)) {
        store_answer_clear(&answer);
        return;
    }
    json_decref(c->answer);
    c->answer = answer.body;
    c->answer_code = answer.code;
    fleet_at(f, f->now + fleet_delay(f, p->node), FLEET_EVENT_CAMEL_ANSWER, who, 0, request);
}

/* ---- the cycle --------------------------------------------------------------------------------------------------------- */

static void leads(struct fleet *f, int who)
{
    struct fleet_process *p = &f->process[who];
    struct fact fact = { .kind = FACT_STARTED,
                         .who = p->stand[p->c.group].member,
                         .term = ++p->c.term,
                         .token = store_version(f->store),
                         .version = { .resource_version = store_version(f->store) } };
    p->c.leads = true;
    fleet_tell(f, p->c.group, &fact);
    fact.kind = FACT_WORK_BEGINS;
    fleet_tell(f, p->c.group, &fact);
}

static void loses(struct fleet *f, int who)
{
    struct fleet_process *p = &f->process[who];
    struct fact fact = { .kind = FACT_STOP, .who = p->stand[p->c.group].member, .term = p->c.term };
    p->c.leads = false;
    fleet_tell(f, p->c.group, &fact);
    fact.kind = FACT_WORK_ENDS;
    fleet_tell(f, p->c.group, &fact);
    wait_for(f, who, FLEET_MS);
}

static void acquire(struct fleet *f, int who)
{
    struct fleet_camel *c = &f->process[who].c;
    const char *holder;
    int64_t stamp = stamp_of(f, who, c->seen, &holder), now = wall_ns(f, who);
    bool young = stamp != INT64_MIN && now - stamp < f->settings.deadline_ns;
    bool first = !c->started;
    c->started = true;
    if (first && young && strcmp(holder, f->process[who].name) == 0) {
        c->renewed_at = stamp;
        leads(f, who); /* it carries on under its old record */
        wait_for(f, who, f->settings.retry_ns);
    } else if (stamp != INT64_MIN && now - stamp < f->settings.lease_ns) {
        wait_for(f, who, stamp + f->settings.lease_ns - now + jittered(f));
    } else {
        ask(f, who, true);
    }
}

static void keep(struct fleet *f, int who)
{
    struct fleet_camel *c = &f->process[who].c;
    const char *holder;
    int64_t stamp = stamp_of(f, who, c->seen, &holder);
    bool ours = stamp != INT64_MIN && strcmp(holder, f->process[who].name) == 0;
    if (!ours || wall_ns(f, who) - c->renewed_at >= f->settings.deadline_ns)
        loses(f, who);
    else
        ask(f, who, true);
}

static void wait_to_renew(struct fleet *f, int who)
{
    struct fleet_camel *c = &f->process[who].c;
    int64_t left = c->renewed_at + f->settings.deadline_ns - wall_ns(f, who);
    int64_t span = left < f->settings.retry_ns ? left : f->settings.retry_ns;
    wait_for(f, who, span > FLEET_MS ? span : FLEET_MS);
}

static void answered(struct fleet *f, int who, bool gives_up)
{
    struct fleet_process *p = &f->process[who];
    struct fleet_camel *c = &p->c;
    int code = gives_up ? 0 : c->answer_code;
    bool good = code == 200 || code == 201;
    c->busy = false;
    c->request++; /* what still comes of it is not heard */
    if (good || (code == 404 && !c->writes)) {
        json_decref(c->seen);
        c->seen = good ? c->answer : NULL;
        if (!good)
            json_decref(c->answer);
        c->answer = NULL;
        fleet_shown(f, who, c->seen, c->decided_at);
    }
    if (c->writes && good) {
        c->renewed_at = wall_ns(f, who);
        if (!c->leads)
            leads(f, who);
        wait_to_renew(f, who);
    } else if (c->leads && !c->writes && (good || code == 404)) {
        keep(f, who);
    } else if (c->leads) {
        if (wall_ns(f, who) - c->renewed_at >= f->settings.deadline_ns)
            loses(f, who);
        else
            wait_to_renew(f, who);
    } else if (!c->writes && (good || code == 404)) {
        acquire(f, who);
    } else {
        wait_for(f, who, c->writes ? FLEET_MS : f->settings.retry_ns); /* after a conflict it reads again */
    }
}

void fleet_camel_event(struct fleet *f, const struct heap_item *item)
{
    struct fleet_process *p = &f->process[item->who];
    if (!p->alive)
        return;
    if (item->kind == FLEET_EVENT_CAMEL_SERVE) {
        serve(f, item->who, item->generation);
    } else if (item->kind == FLEET_EVENT_CAMEL_ANSWER) {
        if (item->generation == p->c.request && p->c.busy)
            answered(f, item->who, item->what == 1);
    } else if (item->generation == p->c.generation && !p->c.busy) {
        ask(f, item->who, false);
    }
}

void fleet_camel_gone(struct fleet *f, int who)
{
    struct fleet_process *p = &f->process[who];
    if (p->c.leads)
        fleet_tell(f, p->c.group, &(struct fact){ .kind = FACT_WORK_ENDS, .who = p->stand[p->c.group].member, .term = p->c.term });
    json_decref(p->c.seen);
    json_decref(p->c.answer);
    p->c.seen = p->c.answer = NULL;
}
