/* The bytes of a watch. The first byte says how they are cut; whatever the cut, the events and the end are the same. */
#include "fuzz.h"
#include "wire/object.h"
#include "wire/watch.h"

struct told {
    size_t events;
    uint64_t digest;
    int end;
};

static void note(struct told *told, const struct watch_event *event)
{
    size_t size;
    char *text = object_dump(event->object, &size);
    MUST(text);
    MUST(event->type <= WATCH_ERROR);
    told->events++;
    told->digest = object_digest(told->digest, &event->type, sizeof event->type);
    told->digest = object_digest(told->digest, text, size);
    free(text);
}

static struct told decode(const uint8_t *data, size_t size, size_t cut)
{
    struct told told = { .digest = OBJECT_DIGEST_START };
    struct watch_decoder d;
    struct watch_event event;
    watch_decoder_init(&d);
    for (size_t at = 0; at < size && told.end == 0; at += cut) {
        told.end = watch_decoder_feed(&d, (const char *)data + at, size - at < cut ? size - at : cut);
        while (told.end == 0 && (told.end = watch_decoder_next(&d, &event)) == 1) {
            note(&told, &event);
            json_decref(event.object);
            told.end = 0;
        }
    }
    if (told.end < 0)
        MUST(watch_decoder_next(&d, &event) == told.end);
    watch_decoder_free(&d);
    return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t cuts[] = { size - 1, 1, (size_t)data[0] + 2 };
    struct told whole = decode(data + 1, size - 1, cuts[0]);
    for (size_t i = 1; i < sizeof cuts / sizeof *cuts; i++) {
        struct told other = decode(data + 1, size - 1, cuts[i]);
        MUST(other.events == whole.events && other.digest == whole.digest && other.end == whole.end);
    }
    return 0;
}
