/* The lock as a Lease in the production store: requests are objects built by the production dialect, answers are read by it. */
#include "sim/lock_store.h"

#include <jansson.h>
#include <string.h>

#include "election/bug.h"
#include "store/store.h"
#include "wire/dialect.h"
#include "wire/mark.h"
#include "wire/times.h"

enum { MS_PER_S = 1000 };

static const char namespace_[] = "default", name[] = "lock", label[] = "leasehold.dev/kind";

static void ask(struct lock *l, enum store_verb verb, const json_t *body, int64_t wall_us, struct store_answer *ret)
{
    struct store_request request = { .verb = verb, .resource = STORE_LEASES, .namespace_ = namespace_, .body = body };
    if (verb != STORE_CREATE)
        request.name = name;
    store_handle(l->store, &request, wall_us, ret);
}

/* Takes the store's answer over. */
static void fill(struct store_answer *answer, struct lock_answer *ret)
{
    *ret = (struct lock_answer){ .code = answer->code };
    if (answer->code != 200 && answer->code != 201) {
        store_answer_clear(answer);
        return;
    }
    dialect_lease.read(answer->body, NULL, &ret->record);
    BUG_UNLESS(object_version(answer->body, &ret->version) == 0);
    ret->object = answer->body;
}

static void refresh(struct lock *l)
{
    struct lock_answer now;
    lock_store_read(l, &now);
    l->record = now.record;
    l->version = now.version;
    l->revision = store_version(l->store);
    lock_store_drop(now.object);
}

int lock_store_open(struct lock *l, uint64_t seed)
{
    struct store_options options = { .first_version = l->revision, .seed = seed };
    l->store = store_open(&options, 0);
    l->revision = store_version(l->store);
    return 0;
}

void lock_store_close(struct lock *l)
{
    l->store = store_close(l->store);
}

void lock_store_read(struct lock *l, struct lock_answer *ret)
{
    struct store_answer answer;
    ask(l, STORE_GET, NULL, 0, &answer);
    fill(&answer, ret);
}

static void set_time(json_t *spec, const char *key, int64_t us)
{
    char text[TIMES_MICRO_SIZE];
    times_format(us, text);
    json_object_set_new(spec, key, json_string(text));
}

/* What an elector without a mark writes: its own fields of the spec and nothing else. */
static void put_plain(json_t *object, const struct record *r)
{
    json_t *spec = json_object_get(object, "spec");
    if (!json_is_object(spec)) {
        json_object_set_new(object, "spec", json_object());
        spec = json_object_get(object, "spec");
    }
    json_object_set_new(spec, "holderIdentity", json_string(r->holder));
    json_object_set_new(spec, "leaseDurationSeconds", json_integer(r->duration_ms / MS_PER_S));
    json_object_set_new(spec, "leaseTransitions", json_integer(r->transitions));
    set_time(spec, "acquireTime", r->acquire_us);
    set_time(spec, "renewTime", r->renew_us);
}

void lock_store_write(struct lock *l, const struct election_write *write, const void *object, bool marks, const char *writer,
                      int64_t wall_us, struct lock_answer *ret)
{
    bool create = write->kind == ELECTION_WRITE_CREATE;
    json_t *body = create ? dialect_new_object(&dialect_lease, namespace_, name) : json_deep_copy(object);
    BUG_UNLESS(body);
    if (!create) {
        struct record_version base;
        /* A request is made from the very object that the decision was made on (rule 1). */
        BUG_UNLESS(object_version(body, &base) == 0 && record_version_equal(&base, &write->base));
    }
    if (marks)
        BUG_UNLESS(dialect_lease.put(body, NULL, &write->record, writer) == 0);
    else
        put_plain(body, &write->record);
    struct store_answer answer;
    ask(l, create ? STORE_CREATE : STORE_UPDATE, body, wall_us, &answer);
    json_decref(body);
    fill(&answer, ret);
    if (create && ret->code == 201)
        l->labelled = true;
    refresh(l);
}

static void edit_spec(json_t *object, enum lock_edit edit, const char *ghost, struct prng *random, int64_t wall_us)
{
    json_t *spec = json_object_get(object, "spec");
    switch (edit) {
    case LOCK_EMPTY:
        json_object_del(spec, "holderIdentity");
        break;
    case LOCK_WIPE:
        json_object_set_new(spec, "holderIdentity", json_string(""));
        json_object_set_new(spec, "leaseDurationSeconds", json_integer(1));
        set_time(spec, "acquireTime", wall_us);
        set_time(spec, "renewTime", wall_us);
        break;
    case LOCK_CLEAR:
        json_object_set_new(object, "spec", json_object());
        break;
    case LOCK_DURATION:
        json_object_set_new(spec, "leaseDurationSeconds", json_integer(prng_chance(random, 500000) ? 1 : 2));
        break;
    case LOCK_NO_DURATION:
        json_object_del(spec, "leaseDurationSeconds");
        break;
    case LOCK_LONGER:
        json_object_set_new(spec, "leaseDurationSeconds", json_integer(30));
        break;
    case LOCK_GARBAGE:
        json_object_set_new(spec, "renewTime", json_string("yesterday"));
        break;
    default:
        json_object_set_new(spec, "holderIdentity", json_string(ghost));
        break;
    }
}

static void edit_metadata(json_t *object, enum lock_edit edit, struct prng *random, bool labelled)
{
    json_t *metadata = json_object_get(object, "metadata");
    const char *part = edit == LOCK_LABEL ? "labels" : "annotations";
    if (!json_object_get(metadata, part))
        json_object_set_new(metadata, part, json_object());
    json_t *map = json_object_get(metadata, part);
    if (edit == LOCK_UNMARK)
        json_object_del(map, MARK_ANNOTATION);
    else if (edit == LOCK_TOUCH)
        json_object_set_new(map, "example.com/touched", json_sprintf("%lld", (long long)prng_range(random, 0, INT32_MAX)));
    else
        json_object_set_new(map, label, json_string(labelled ? "no" : "lock"));
}

void lock_store_edit_object(json_t *object, enum lock_edit edit, const char *ghost, struct prng *random, int64_t wall_us, bool labelled)
{
    if (edit == LOCK_UNMARK || edit == LOCK_TOUCH || edit == LOCK_LABEL)
        edit_metadata(object, edit, random, labelled);
    else
        edit_spec(object, edit, ghost, random, wall_us);
}

void lock_store_strip(json_t *object)
{
    json_t *metadata = json_object_get(object, "metadata");
    static const char *const of_the_server[] = { "uid", "resourceVersion", "creationTimestamp", "managedFields", "generation" };
    for (size_t i = 0; i < sizeof of_the_server / sizeof *of_the_server; i++)
        json_object_del(metadata, of_the_server[i]);
}

static bool recreate(struct lock *l, json_t *object, int64_t wall_us)
{
    struct store_answer answer;
    lock_store_strip(object);
    ask(l, STORE_DELETE, NULL, wall_us, &answer);
    store_answer_clear(&answer);
    ask(l, STORE_CREATE, object, wall_us, &answer);
    bool made = answer.code == 201;
    store_answer_clear(&answer);
    l->labelled = true;
    return made;
}

bool lock_store_edit(struct lock *l, enum lock_edit edit, const char *ghost, struct prng *random, int64_t wall_us)
{
    const json_t *stored = store_peek(l->store, STORE_LEASES, namespace_, name);
    if (!stored)
        return false;
    struct record before = l->record;
    struct record_version version = l->version;
    struct store_answer answer;
    json_t *object = json_deep_copy(stored);
    BUG_UNLESS(object);
    if (edit == LOCK_DELETE) {
        ask(l, STORE_DELETE, NULL, wall_us, &answer);
        store_answer_clear(&answer);
    } else if (edit == LOCK_RECREATE) {
        recreate(l, object, wall_us);
    } else {
        lock_store_edit_object(object, edit, ghost, random, wall_us, l->labelled);
        /* What the server refuses (garbage, a duration of 0) it refuses an operator as well. */
        ask(l, STORE_UPDATE, object, wall_us, &answer);
        if (answer.code == 200 && edit == LOCK_LABEL)
            l->labelled = !l->labelled;
        store_answer_clear(&answer);
    }
    json_decref(object);
    refresh(l);
    return !record_equal(&before, &l->record) || strcmp(version.uid, l->version.uid) != 0;
}

void lock_store_drop(void *object)
{
    json_decref(object);
}

void *lock_store_hold(void *object)
{
    return json_incref(object);
}
