/* A ConfigMap from anybody: it is read without harm; what we write into it reads back as written; everything else in it stays; and
 * the names of its groups, and what is refused, are told without harm. */
#include "fuzz.h"
#include "wire/dialect.h"
#include "wire/object.h"

static const struct dialect *const dialect = &dialect_configmap;

static void must_be_sound(const struct record *r)
{
    MUST(strlen(r->holder) <= LEASEHOLD_IDENTITY_MAX);
    MUST((r->kind == RECORD_HELD) == (r->holder[0] != 0));
    MUST(r->kind != RECORD_UNREADABLE || r->rest != 0);
    MUST(r->kind != RECORD_ABSENT || (r->rest == 0 && !r->mark.present));
    MUST(r->duration_ms >= 0 && r->transitions >= 0);
    MUST(r->mark.present || !r->mark.names_holder);
    MUST(object_is_utf8(r->holder));
}

/* The object without what a write of ours changes. */
static json_t *foreign_part(const json_t *object)
{
    static const char *const ours[] = { "leader.pod.g", "leader.timestamp.g", "leasehold.term.g" };
    json_t *copy = json_deep_copy(object);
    MUST(copy);
    json_t *data = json_object_get(copy, "data");
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        json_object_del(data, ours[i]);
    /* A null, or something that can hold nothing, is written over. */
    if (!json_is_object(data) || json_object_size(data) == 0)
        json_object_del(copy, "data");
    return copy;
}

/* Puts `r` into a copy, sends it through bytes, reads it again. */
static void must_survive(const json_t *object, const struct record *r, const char *mark_holder)
{
    json_t *copy = json_deep_copy(object), *received = NULL;
    struct record again;
    size_t size;
    MUST(copy && dialect->put(copy, "g", r, mark_holder) == 0);
    char *bytes = object_dump(copy, &size);
    MUST(bytes && object_parse(bytes, size, &received) == 0);
    dialect->read(received, "g", &again);
    must_be_sound(&again);
    MUST(record_equal(r, &again));
    json_t *before = foreign_part(object), *after = foreign_part(received);
    MUST(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    json_decref(received);
    json_decref(copy);
    free(bytes);
}

static void must_take_our_records(const json_t *object)
{
    struct record ours = { .kind = RECORD_HELD,
                           .holder = "reports-1_\xc3\xa4",
                           .duration_ms = 20000,
                           .acquire_us = 1795403670000000,
                           .renew_us = 1795403675000000,
                           .transitions = 7 };
    ours.mark = (struct record_mark){
        .present = true, .names_holder = true, .transitions = 7, .nonce = 1, .duration_ms = 20000, .token = UINT64_MAX
    };
    must_survive(object, &ours, ours.holder);
    struct record release = ours;
    memset(release.holder, 0, sizeof release.holder);
    release.kind = RECORD_EMPTIED;
    release.duration_ms = 1000;
    release.acquire_us = release.renew_us = 0;
    release.mark.names_holder = false;
    release.mark.released = true;
    must_survive(object, &release, ours.holder);
}

static void must_be_a_key(void *user, const char *group)
{
    (void)user;
    MUST(strlen(group) > 0 && strlen(group) <= 253);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *object = NULL;
    struct record r, again;
    char sentence[640] = "";
    if (object_parse((const char *)data, size, &object) < 0) {
        MUST(!object);
        return 0;
    }
    memset(&r, 0xff, sizeof r);
    dialect->read(object, "g", &r);
    must_be_sound(&r);
    dialect->read(object, "g", &again);
    MUST(record_equal(&r, &again));
    must_take_our_records(object);
    dialect->each_group(object, must_be_a_key, NULL);
    bool refused = dialect->refuse(object, "g", sentence, sizeof sentence);
    MUST(refused == (sentence[0] != 0));
    json_decref(object);
    return 0;
}
