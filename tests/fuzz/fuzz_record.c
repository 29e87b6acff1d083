/* A lock object from anybody: it is read without harm; what we write into it reads back as written; everything else in it stays. */
#include "fuzz.h"
#include "wire/dialect.h"
#include "wire/mark.h"
#include "wire/object.h"

static const struct dialect *const dialect = &dialect_lease;

static void must_be_sound(const struct record *r)
{
    MUST(strlen(r->holder) <= LEASEHOLD_IDENTITY_MAX);
    MUST((r->kind == RECORD_HELD) == (r->holder[0] != 0));
    MUST(r->kind == RECORD_HELD || r->kind == RECORD_EMPTIED || r->kind == RECORD_UNREADABLE);
    MUST(r->kind != RECORD_UNREADABLE || r->rest != 0);
    MUST(r->duration_ms >= 0 && r->transitions >= 0);
    MUST(r->mark.present || !r->mark.names_holder);
    json_t *name = json_string(r->holder); /* NULL for what is no UTF-8 */
    MUST(name);
    json_decref(name);
}

/* The object without what a write of ours changes. */
static json_t *foreign_part(const json_t *object)
{
    static const char *const ours[] = { "holderIdentity", "leaseDurationSeconds", "acquireTime", "renewTime", "leaseTransitions" };
    json_t *copy = json_deep_copy(object);
    MUST(copy);
    json_t *spec = json_object_get(copy, "spec"), *metadata = json_object_get(copy, "metadata");
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        json_object_del(spec, ours[i]);
    /* A null, or something that can hold nothing, is written over. */
    if (!json_is_object(spec) || json_object_size(spec) == 0)
        json_object_del(copy, "spec");
    json_t *annotations = json_object_get(metadata, "annotations");
    json_object_del(annotations, MARK_ANNOTATION);
    if (!json_is_object(annotations) || json_object_size(annotations) == 0)
        json_object_del(metadata, "annotations");
    if (!json_is_object(metadata) || json_object_size(metadata) == 0)
        json_object_del(copy, "metadata");
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
    MUST(json_equal(copy, received));
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
                           .duration_ms = 15000,
                           .acquire_us = 1,
                           .renew_us = 1795403675000001,
                           .transitions = 7 };
    ours.mark = (struct record_mark){
        .present = true, .names_holder = true, .transitions = 7, .nonce = 1, .duration_ms = 15000, .token = UINT64_MAX
    };
    must_survive(object, &ours, ours.holder);
    struct record release = ours;
    memset(release.holder, 0, sizeof release.holder);
    release.kind = RECORD_EMPTIED;
    release.duration_ms = 1000;
    release.mark.names_holder = false;
    release.mark.released = true;
    must_survive(object, &release, ours.holder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *object = NULL;
    struct record r, again;
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
    if ((r.kind == RECORD_HELD || (r.kind == RECORD_EMPTIED && r.duration_ms == 1000)) && r.rest == 0) {
        /* A mark that does not name the holder: it names nobody we know. */
        must_survive(object, &r, r.mark.names_holder ? r.holder : "");
    }
    object_drop_managed_fields(object);
    dialect->read(object, "g", &again);
    MUST(record_equal(&r, &again));
    json_decref(object);
    return 0;
}
