#include "wire/watch.h"

#include <stdlib.h>
#include <string.h>

#include "leasehold/errors.h"
#include "wire/object.h"

enum { FIRST_CAPACITY = 4096 };

void watch_decoder_init(struct watch_decoder *d)
{
    memset(d, 0, sizeof *d);
}

void watch_decoder_free(struct watch_decoder *d)
{
    free(d->buffer);
    watch_decoder_init(d);
}

static int make_room(struct watch_decoder *d, size_t size)
{
    /* What was taken goes at most once per event that was taken: each byte is moved a bounded number of times. */
    if (d->start > 0) {
        memmove(d->buffer, d->buffer + d->start, d->size - d->start);
        d->size -= d->start;
        d->scanned -= d->start;
        d->start = 0;
    }
    if (size > WATCH_BUFFER_MAX - d->size)
        return LEASEHOLD_ERR_LIMIT;
    if (d->size + size <= d->capacity)
        return 0;
    size_t capacity = d->capacity ? d->capacity : FIRST_CAPACITY;
    while (capacity < d->size + size)
        capacity *= 2;
    char *buffer = realloc(d->buffer, capacity);
    if (!buffer)
        return LEASEHOLD_ERR_MEMORY;
    d->buffer = buffer;
    d->capacity = capacity;
    return 0;
}

int watch_decoder_feed(struct watch_decoder *d, const char *bytes, size_t size)
{
    if (d->error == 0 && size > 0)
        d->error = make_room(d, size);
    if (d->error < 0 || size == 0)
        return d->error;
    memcpy(d->buffer + d->size, bytes, size);
    d->size += size;
    return 0;
}

/* Moves `scanned` behind the object at `start`. Returns false when it is not whole. Looks at each byte once, whatever the cut. */
static bool find_end(struct watch_decoder *d)
{
    for (; d->scanned < d->size; d->scanned++) {
        char c = d->buffer[d->scanned];
        if (d->in_string) {
            if (d->escaped)
                d->escaped = false;
            else if (c == '\\')
                d->escaped = true;
            else if (c == '"')
                d->in_string = false;
        } else if (c == '"') {
            d->in_string = true;
        } else if (c == '{' || c == '[') {
            d->depth++;
        } else if (c == '}' || c == ']') {
            if (d->depth <= 1) {
                d->depth = 0;
                d->scanned++;
                return true;
            }
            d->depth--;
        }
    }
    return false;
}

/* The event that ended at `scanned`, or blanks up to there, are done with. */
static void consume(struct watch_decoder *d)
{
    d->start = d->scanned;
    if (d->start < d->size)
        return;
    d->start = d->scanned = d->size = 0;
    /* One large event must not hold its memory for as long as the watch stands. */
    if (d->capacity > FIRST_CAPACITY) {
        free(d->buffer);
        d->buffer = NULL;
        d->capacity = 0;
    }
}

/* Blank lines between events; anything else that does not begin an object is no watch. */
static int skip_blank(struct watch_decoder *d)
{
    while (d->scanned < d->size && d->buffer[d->scanned] && strchr(" \t\r\n", d->buffer[d->scanned]))
        d->scanned++;
    if (d->scanned < d->size && d->buffer[d->scanned] != '{')
        return LEASEHOLD_ERR_PROTOCOL;
    consume(d);
    return 0;
}

static bool type_of(const char *word, enum watch_type *ret)
{
    static const char *const words[] = { "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i], word) == 0) {
            *ret = (enum watch_type)i;
            return true;
        }
    }
    return false;
}

/* The event from `start` to `scanned`. Returns 1, 0 for one of unknown type, or an error. */
static int take_event(struct watch_decoder *d, struct watch_event *ret)
{
    json_t *json;
    int error = object_parse(d->buffer + d->start, d->scanned - d->start, &json);
    if (error < 0)
        return error;
    consume(d);
    const char *word = object_text(json_object_get(json, "type"));
    json_t *object = json_object_get(json, "object");
    int result = word && json_is_object(object) ? 0 : LEASEHOLD_ERR_PROTOCOL;
    enum watch_type type;
    if (result == 0 && type_of(word, &type)) {
        ret->type = type;
        ret->object = json_incref(object);
        result = 1;
    }
    json_decref(json);
    return result;
}

static int next_event(struct watch_decoder *d, struct watch_event *ret)
{
    for (;;) {
        /* Only between events: within one, the first byte is its bracket. */
        if (d->scanned == d->start && skip_blank(d) < 0)
            return LEASEHOLD_ERR_PROTOCOL;
        bool whole = find_end(d);
        if (d->scanned - d->start > WATCH_EVENT_MAX)
            return LEASEHOLD_ERR_LIMIT;
        if (!whole)
            return 0;
        int result = take_event(d, ret);
        if (result != 0)
            return result;
    }
}

int watch_decoder_next(struct watch_decoder *d, struct watch_event *ret)
{
    if (d->error < 0)
        return d->error;
    int result = next_event(d, ret);
    if (result < 0)
        d->error = result;
    return result;
}
