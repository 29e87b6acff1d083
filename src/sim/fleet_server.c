/* The API server of a fleet: what it does with a request in each of its moods, what it tells its watches, and what others do to
 * the objects it keeps. */
#include "sim/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "sim/lock_store.h"
#include "wire/object.h"

enum {
    PART_MAX = 96,
    PARTS = 8,
    APPLY_LATER_CHANCE = 300000,
    APPLY_AND_FAIL_CHANCE = 500000,
    RESET_CHANCE = 300000,
    REFUSE_CHANCE = 500000,
    REPEAT_CHANCE = 100000,
    SILENT_CHANCE = 20000,
};

static const char namespace_[] = "default";

/* ---- what a path means ---------------------------------------------------------------------------------------------- */

struct target {
    char part[PARTS][PART_MAX];
    size_t parts;
    char fields[PART_MAX], labels[PART_MAX], version[PART_MAX];
    enum store_resource resource;
    const char *name;
};

static void decode(const char *text, size_t size, char *to)
{
    size_t used = 0;
    for (size_t i = 0; i < size && used + 1 < PART_MAX; i++) {
        unsigned byte = (unsigned char)text[i];
        if (text[i] == '%' && i + 2 < size) {
            const char hex[] = { text[i + 1], text[i + 2], '\0' };
            byte = (unsigned)strtoul(hex, NULL, 16);
            i += 2;
        }
        to[used++] = (char)byte;
    }
    to[used] = '\0';
}

static void parse_query(const char *query, struct target *t)
{
    struct {
        const char *key;
        char *to;
    } known[] = { { "fieldSelector=", t->fields }, { "labelSelector=", t->labels }, { "resourceVersion=", t->version } };
    while (*query) {
        size_t size = strcspn(query, "&");
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            size_t key = strlen(known[i].key);
            if (key <= size && strncmp(query, known[i].key, key) == 0)
                decode(query + key, size - key, known[i].to);
        }
        query += size + (query[size] == '&');
    }
}

static void parse_target(const char *path, struct target *t)
{
    memset(t, 0, sizeof *t);
    const char *end = path + strcspn(path, "?");
    for (const char *at = path; at < end && t->parts < PARTS;) {
        size_t size = strcspn(++at, "/?");
        decode(at, size, t->part[t->parts++]);
        at += size;
    }
    if (*end)
        parse_query(end + 1, t);
    bool core = strcmp(t->part[0], "api") == 0;
    size_t first = core ? 2 : 3;
    BUG_UNLESS(t->parts >= first + 3);
    BUG_UNLESS(store_resource_find(core ? "" : t->part[1], core ? t->part[1] : t->part[2], t->part[first + 2], &t->resource) == 0);
    t->name = t->parts > first + 3 ? t->part[first + 3] : NULL;
}

void fleet_lock_name(const struct fleet *f, int group, const char **ret)
{
    *ret = f->settings.configmap ? "leaders" : f->group[group].name;
}

void fleet_store_request(const struct fleet *f, int group, enum store_verb verb, struct store_request *ret)
{
    *ret = (struct store_request){ .verb = verb,
                                   .resource = f->settings.configmap ? STORE_CONFIGMAPS : STORE_LEASES,
                                   .namespace_ = namespace_ };
    if (verb != STORE_CREATE)
        fleet_lock_name(f, group, &ret->name);
}

const json_t *fleet_object(const struct fleet *f, int group)
{
    struct store_request r;
    fleet_store_request(f, group, STORE_GET, &r);
    return store_peek(f->store, r.resource, namespace_, r.name);
}

/* ---- facts of the objects -------------------------------------------------------------------------------------------- */

static bool concerns(const struct fleet *f, int group, const json_t *object)
{
    const char *name = object_name(object), *lock;
    fleet_lock_name(f, group, &lock);
    return !object || (name && strcmp(name, lock) == 0);
}

void fleet_shown(struct fleet *f, int who, const json_t *object, int64_t asked_at)
{
    for (int g = 0; g < f->settings.groups; g++) {
        const struct fleet_stand *s = &f->process[who].stand[g];
        struct record record;
        struct fact fact = { .kind = FACT_RECEIVED, .who = s->member, .sent = asked_at, .after = &record };
        if (!s->stands || !concerns(f, g, object))
            continue;
        f->dialect->read(object, f->group[g].name, &record);
        if (object && object_version(object, &fact.version) < 0)
            continue;
        fleet_tell(f, g, &fact);
    }
}

/* Without what the groups of `who` may change and what the server changes itself. */
static json_t *of_others(const struct fleet *f, int who, const json_t *object)
{
    static const char *const prefixes[] = { "leader.pod.", "leader.timestamp.", "leasehold.term." };
    json_t *copy = json_deep_copy(object);
    json_t *metadata = json_object_get(copy, "metadata"), *data = json_object_get(copy, "data");
    json_object_del(metadata, "resourceVersion");
    json_object_del(metadata, "managedFields");
    json_object_del(metadata, "generation");
    char key[64];
    for (int g = 0; g < f->settings.groups; g++)
        for (size_t i = 0; f->process[who].stand[g].stands && i < sizeof prefixes / sizeof *prefixes; i++) {
            snprintf(key, sizeof key, "%s%s", prefixes[i], f->group[g].name);
            json_object_del(data, key);
        }
    if (json_object_size(data) == 0)
        json_object_del(copy, "data"); /* a first key makes it */
    if (!f->settings.configmap) {
        json_object_del(json_object_get(metadata, "annotations"), "leasehold.dev/term");
        if (json_object_size(json_object_get(metadata, "annotations")) == 0)
            json_object_del(metadata, "annotations");
        static const char *const ours[] = { "holderIdentity", "leaseDurationSeconds", "leaseTransitions", "acquireTime", "renewTime" };
        json_t *spec = json_object_get(copy, "spec");
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
            json_object_del(spec, ours[i]);
        if (json_object_size(spec) == 0)
            json_object_del(copy, "spec");
    }
    return copy;
}

static enum election_purpose purpose_of(const struct record *before, const struct record *after)
{
    if (after->kind != RECORD_HELD)
        return ELECTION_RELEASE;
    bool same = before->kind == RECORD_HELD && strcmp(before->holder, after->holder) == 0 && before->acquire_us == after->acquire_us &&
                before->mark.nonce == after->mark.nonce;
    return same ? ELECTION_RENEW : ELECTION_ACQUIRE;
}

/* Camel's lock takes a record for over when its stamp is a lease old by its own clock. */
static void check_stamp(struct fleet *f, int who, int group, const struct fact *fact)
{
    const struct fleet_process *p = &f->process[who];
    if (fact->sent <= f->node[p->node].wall_moved_at)
        return; /* what the clock showed then is not known any more */
    int64_t wall_ns = clocks_read(&f->node[p->node].clocks, fact->sent).wall_ns;
    if (!p->camel && f->settings.configmap && fact->after->kind == RECORD_HELD && fact->after->renew_us < wall_ns / 1000)
        check_fail(&f->group[group].judge, CHECK_STAMP, fact->who, "%s wrote a stamp that is %.6f s old", p->name,
                   (double)(wall_ns - fact->after->renew_us * 1000) / 1e9);
}

static void tell_applied(struct fleet *f, int who, int group, const json_t *before, const json_t *after, const struct transport_call *call,
                         int64_t decided_at)
{
    const struct fleet_stand *s = &f->process[who].stand[group];
    struct record old, new;
    bool part = call && call->part[group];
    f->dialect->read(before, f->group[group].name, &old);
    f->dialect->read(after, f->group[group].name, &new);
    if (!part && record_equal(&old, &new))
        return;
    struct fact fact = { .kind = FACT_APPLIED,
                         .who = s->member,
                         .sent = part ? call->decided_at[group] : decided_at,
                         .purpose = purpose_of(&old, &new),
                         .write = before ? ELECTION_WRITE_REPLACE : ELECTION_WRITE_CREATE,
                         .before = &old,
                         .after = &new };
    if (before)
        object_version(before, &fact.base);
    object_version(after, &fact.version);
    if (!s->stands)
        check_fail(&f->group[group].judge, CHECK_KEYS, SIM_NOBODY, "%s, which does not stand for this group, wrote its record",
                   f->process[who].name);
    else if (new.kind == RECORD_HELD && strcmp(new.holder, f->process[who].name) != 0)
        check_fail(&f->group[group].judge, CHECK_KEYS, s->member, "%s wrote the name %s into the record", f->process[who].name, new.holder);
    check_stamp(f, who, group, &fact);
    fleet_tell(f, group, &fact);
}

void fleet_apply(struct fleet *f, int who, const struct store_request *request, const struct transport_call *call, int64_t decided_at,
                 struct store_answer *ret)
{
    const char *name = request->name ? request->name : object_name(request->body);
    json_t *before = json_incref((json_t *)store_peek(f->store, request->resource, namespace_, name));
    store_handle(f->store, request, f->now / 1000, ret);
    if (ret->code == 200 || ret->code == 201) {
        json_t *kept = before ? of_others(f, who, before) : NULL, *now = of_others(f, who, ret->body);
        int told = -1;
        for (int g = 0; g < f->settings.groups; g++)
            if (concerns(f, g, ret->body)) {
                told = g;
                tell_applied(f, who, g, before, ret->body, call, decided_at);
            }
        if (kept && !json_equal(kept, now) && told >= 0) {
            check_fail(&f->group[told].judge, CHECK_KEYS, SIM_NOBODY, "%s changed what belongs to others", f->process[who].name);
            fleet_tell(f, told, &(struct fact){ .kind = FACT_FAULT, .who = SIM_NOBODY, .note = "lost", .flag = true });
        }
        json_decref(kept);
        json_decref(now);
    }
    json_decref(before);
}

/* ---- requests --------------------------------------------------------------------------------------------------------- */

void fleet_wake_watches(struct fleet *f)
{
    for (uint32_t i = 0; i < FLEET_CALLS_MAX; i++) {
        struct transport_call *c = &f->call[i];
        if (!c->used || c->done || !c->watch || c->pumping)
            continue;
        c->pumping = true;
        c->refs++;
        fleet_at(f, f->now, FLEET_EVENT_PUMP, SIM_NOBODY, i, 0);
    }
}

static void open_stream(struct fleet *f, uint32_t slot, const struct target *t)
{
    struct transport_call *c = &f->call[slot];
    struct store_answer refusal = { 0 };
    struct store_watch_options options = { .resource = t->resource,
                                           .namespace_ = namespace_,
                                           .label_selector = t->labels,
                                           .field_selector = t->fields,
                                           .resource_version = t->version };
    if (c->done || !f->process[c->who].alive || f->node[f->process[c->who].node].cut_down)
        return;
    if (store_watch_open(f->store, &options, &c->watch, &refusal) < 0) {
        fleet_answer(f, slot, TRANSPORT_ANSWERED, refusal.code, refusal.body, 0);
        return;
    }
    fleet_stream_opens(f, slot);
    fleet_wake_watches(f);
}

static void answer_status(struct fleet *f, uint32_t slot, int code, int64_t retry_after_ns)
{
    fleet_answer(f, slot, TRANSPORT_ANSWERED, code, store_status(code, "Simulated", "the simulated server says no", NULL), retry_after_ns);
}

static void serve_well(struct fleet *f, uint32_t slot, bool fails)
{
    struct transport_call *c = &f->call[slot];
    struct target t;
    struct store_answer answer = { 0 };
    parse_target(c->path, &t);
    if (c->stream) {
        open_stream(f, slot, &t);
        return;
    }
    enum store_verb verb = strcmp(c->method, "GET") == 0    ? t.name ? STORE_GET : STORE_LIST
                           : strcmp(c->method, "POST") == 0 ? STORE_CREATE
                                                            : STORE_UPDATE;
    struct store_request request = {
        .verb = verb, .resource = t.resource, .namespace_ = namespace_, .name = t.name, .body = c->body, .label_selector = t.labels
    };
    if (c->write)
        fleet_apply(f, c->who, &request, c, c->sent_at, &answer);
    else
        store_handle(f->store, &request, f->now / 1000, &answer);
    if (answer.changed)
        fleet_wake_watches(f);
    if (!fails) {
        fleet_answer(f, slot, TRANSPORT_ANSWERED, answer.code, answer.body, 0);
        return;
    }
    store_answer_clear(&answer);
    if (prng_chance(&f->random, RESET_CHANCE))
        fleet_answer(f, slot, TRANSPORT_BROKEN, 0, NULL, 0);
    else
        answer_status(f, slot, 500, 0);
}

static void serve_in_mood(struct fleet *f, uint32_t slot)
{
    struct transport_call *c = &f->call[slot];
    switch (f->mode) {
    case FLEET_DOWN:
        if (c->copies <= 1 && prng_chance(&f->random, REFUSE_CHANCE))
            fleet_answer(f, slot, TRANSPORT_NOT_SENT, 0, NULL, 0);
        break;
    case FLEET_HANGS:
        if (c->write && prng_chance(&f->random, APPLY_LATER_CHANCE)) {
            int64_t at = f->now + prng_span(&f->random, 100 * FLEET_MS, 20 * FLEET_S);
            c->refs++;
            fleet_at(f, at, FLEET_EVENT_SERVE, SIM_NOBODY, slot, 0);
            if (at > f->landing_until)
                f->landing_until = at;
        }
        break;
    case FLEET_FAILS:
        if (c->write && prng_chance(&f->random, APPLY_AND_FAIL_CHANCE))
            serve_well(f, slot, true);
        else
            answer_status(f, slot, 503, 0);
        break;
    case FLEET_REFUSES:
        /* Rule 8 takes a 4xx for definite: what was sent twice is not told so of one copy while the other may be applied. */
        if (c->copies <= 1 && prng_chance(&f->random, REFUSE_CHANCE))
            answer_status(f, slot, 429, prng_range(&f->random, 0, 5) * FLEET_S);
        else if (c->copies <= 1)
            answer_status(f, slot, 403, 0);
        break;
    default:
        serve_well(f, slot, false);
        break;
    }
}

void fleet_serve(struct fleet *f, uint32_t slot)
{
    serve_in_mood(f, slot);
    fleet_call_drop(f, slot);
}

/* ---- watches ---------------------------------------------------------------------------------------------------------- */

/* Takes the object over. */
static void keep_event(struct transport_call *c, const struct store_watch_event *event)
{
    if (c->old_count == FLEET_OLD_EVENTS) {
        json_decref(c->old[0].object);
        memmove(&c->old[0], &c->old[1], (FLEET_OLD_EVENTS - 1) * sizeof *c->old);
        c->old_count--;
    }
    c->old[c->old_count++] = *event;
}

static void tell_watch(struct fleet *f, uint32_t slot, const struct store_watch_event *event)
{
    struct transport_call *c = &f->call[slot];
    fleet_stream_data(f, slot, event->kind, event->object);
    if (c->old_count > 0 && fleet_chance(f, MENU_WATCH, REPEAT_CHANCE)) {
        const struct store_watch_event *old = &c->old[prng_index(&f->random, c->old_count)];
        fleet_note(f, c->who, "is told old news by its watch", false);
        fleet_stream_data(f, slot, old->kind, old->object);
    }
    if (fleet_chance(f, MENU_WATCH, SILENT_CHANCE)) {
        fleet_note(f, c->who, "has a silent watch", false);
        c->silent = true;
    }
}

void fleet_pump(struct fleet *f, uint32_t slot)
{
    struct transport_call *c = &f->call[slot];
    struct store_watch_event event;
    c->pumping = false;
    if (f->node[f->process[c->who].node].cut_down)
        c->silent = true; /* what TCP did not deliver is followed by nothing */
    while (!c->done && store_watch_next(c->watch, &event) > 0) {
        if (!c->silent)
            tell_watch(f, slot, &event);
        keep_event(c, &event);
    }
    fleet_call_drop(f, slot);
}

void fleet_retell(struct fleet *f)
{
    f->replayed++;
    for (uint32_t i = 0; i < FLEET_CALLS_MAX; i++) {
        const struct transport_call *c = &f->call[i];
        if (!c->used || c->done || !c->watch || c->silent || c->old_count == 0)
            continue;
        const struct store_watch_event *old = &c->old[f->replayed % c->old_count];
        fleet_stream_data(f, i, old->kind, old->object);
    }
    fleet_replay(f, f->replay_ns);
}

void fleet_break_watches(struct fleet *f, int who, bool silent)
{
    for (uint32_t i = 0; i < FLEET_CALLS_MAX; i++) {
        struct transport_call *c = &f->call[i];
        if (!c->used || c->done || !c->watch || (who != SIM_NOBODY && c->who != who))
            continue;
        if (!silent && !c->silent)
            fleet_stream_ends(f, i);
        c->silent = true;
    }
}

/* ---- what others do ---------------------------------------------------------------------------------------------------- */

void fleet_plant(struct fleet *f, const json_t *object)
{
    struct store_answer answer;
    struct store_request request;
    fleet_store_request(f, 0, STORE_CREATE, &request);
    request.body = object;
    store_handle(f->store, &request, f->now / 1000, &answer);
    BUG_UNLESS(answer.code == 201);
    store_answer_clear(&answer);
    fleet_wake_watches(f);
}

static json_t *child(json_t *object, const char *key)
{
    if (!json_is_object(json_object_get(object, key)))
        json_object_set_new(object, key, json_object());
    return json_object_get(object, key);
}

static void ask_by_hand(struct fleet *f, int group, enum store_verb verb, const json_t *body)
{
    struct store_answer answer;
    struct store_request request;
    fleet_store_request(f, group, verb, &request);
    request.body = body;
    store_handle(f->store, &request, f->now / 1000, &answer);
    store_answer_clear(&answer);
    fleet_wake_watches(f);
}

void fleet_neighbour(struct fleet *f, int what)
{
    int group = what % f->settings.groups;
    const json_t *object = fleet_object(f, group);
    if (!object)
        return;
    json_t *copy = json_deep_copy(object), *metadata = json_object_get(copy, "metadata");
    char key[32], value[32];
    snprintf(key, sizeof key, "neighbour-%d", what / 7 % 5);
    snprintf(value, sizeof value, "value-%d", f->neighbours++);
    json_t *at = child(metadata, what % 3 == 0 ? "labels" : "annotations");
    if (f->settings.configmap && what % 3 == 2) {
        at = child(copy, what % 2 ? "data" : "binaryData");
        snprintf(value, sizeof value, "dmFsdWU%d", f->neighbours % 10);
    }
    if (!f->settings.configmap && what % 3 == 2) {
        /* Of the election that the control plane coordinates; the second asks for the first. */
        at = child(copy, "spec");
        json_object_set_new(at, "strategy", json_string("OldestEmulationVersion"));
        snprintf(key, sizeof key, "preferredHolder");
    }
    if (what % 5 == 4)
        json_object_del(at, key);
    else
        json_object_set_new(at, key, json_string(value));
    ask_by_hand(f, group, STORE_UPDATE, copy);
    json_decref(copy);
}

static void tell_operated(struct fleet *f, const json_t *before, const char *note)
{
    for (int g = 0; g < f->settings.groups; g++) {
        struct record old, new;
        if (!concerns(f, g, before))
            continue;
        f->dialect->read(before, f->group[g].name, &old);
        f->dialect->read(fleet_object(f, g), f->group[g].name, &new);
        struct fact fact = { .kind = FACT_OPERATED, .who = SIM_NOBODY, .before = &old, .after = &new, .note = note };
        object_version(before, &fact.base);
        if (fleet_object(f, g))
            object_version(fleet_object(f, g), &fact.version);
        /* With another uid it is another lock, whatever it says. */
        if (!record_equal(&old, &new) || strcmp(fact.base.uid, fact.version.uid) != 0)
            fleet_tell(f, g, &fact);
    }
}

static void edit_keys(const struct fleet *f, json_t *copy, enum lock_edit edit, int group)
{
    json_t *data = child(copy, "data");
    char pod[64], stamp[64], mark[64];
    snprintf(pod, sizeof pod, "leader.pod.%s", f->group[group].name);
    snprintf(stamp, sizeof stamp, "leader.timestamp.%s", f->group[group].name);
    snprintf(mark, sizeof mark, "leasehold.term.%s", f->group[group].name);
    switch (edit) {
    case LOCK_EMPTY:
        json_object_del(data, pod);
        break;
    case LOCK_WIPE:
        json_object_del(data, pod);
        json_object_del(data, stamp);
        break;
    case LOCK_CLEAR:
        json_object_del(data, pod);
        json_object_del(data, stamp);
        json_object_del(data, mark);
        break;
    case LOCK_UNMARK:
        json_object_del(data, mark);
        break;
    case LOCK_GARBAGE:
        json_object_set_new(data, stamp, json_string("yesterday"));
        break;
    default:
        json_object_set_new(data, pod, json_string("ghost"));
        break;
    }
}

void fleet_operate(struct fleet *f, enum lock_edit edit, int group)
{
    json_t *before = json_incref((json_t *)fleet_object(f, group));
    if (!before)
        return;
    fleet_note(f, SIM_NOBODY, lock_edit_name(edit), false);
    json_t *copy = json_deep_copy(before);
    if (edit == LOCK_DELETE || edit == LOCK_RECREATE)
        ask_by_hand(f, group, STORE_DELETE, NULL);
    if (edit == LOCK_RECREATE) {
        lock_store_strip(copy);
        ask_by_hand(f, group, STORE_CREATE, copy);
    } else if (edit != LOCK_DELETE) {
        if (f->settings.configmap)
            edit_keys(f, copy, edit, group);
        else
            lock_store_edit_object(copy, edit, "ghost", &f->random, f->now / 1000, true);
        ask_by_hand(f, group, STORE_UPDATE, copy);
    }
    json_decref(copy);
    tell_operated(f, before, lock_edit_name(edit));
    json_decref(before);
}
