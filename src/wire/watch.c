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

int watch_decoder_feed(struct watch_decoder *d, const char *bytes, size_t size)
{
    if (size > WATCH_EVENT_MAX || d->size > WATCH_EVENT_MAX)
        return LEASEHOLD_ERR_LIMIT;
    if (d->size + size > d->capacity) {
        size_t capacity = d->capacity ? d->capacity : FIRST_CAPACITY;
        while (capacity < d->size + size)
            capacity *= 2;
        char *buffer = realloc(d->buffer, capacity);
        if (!buffer)
            return LEASEHOLD_ERR_MEMORY;
        d->buffer = buffer;
        d->capacity = capacity;
    }
    if (size)
        memcpy(d->buffer + d->size, bytes, size);
    d->size += size;
    return 0;
}

/* The end of the first whole object, or 0. Looks at each byte once, whatever the cut. */
static size_t find_end(struct watch_decoder *d)
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
                return ++d->scanned;
            }
            d->depth--;
        }
    }
    return 0;
}

static void consume(struct watch_decoder *d, size_t size)
{
    memmove(d->buffer, d->buffer + size, d->size - size);
    d->size -= size;
    d->scanned = 0;
    /* One large event must not hold its memory for as long as the watch stands. */
    if (d->size == 0 && d->capacity > FIRST_CAPACITY) {
        free(d->buffer);
        d->buffer = NULL;
        d->capacity = 0;
    }
}

/* Blank lines between events; anything else that does not begin an object is no watch. */
static int skip_blank(struct watch_decoder *d)
{
    size_t blank = 0;
    while (blank < d->size && strchr(" \t\r\n", d->buffer[blank]) && d->buffer[blank])
        blank++;
    if (blank < d->size && d->buffer[blank] != '{')
        return LEASEHOLD_ERR_PROTOCOL;
    if (blank)
        consume(d, blank);
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

/* Returns 1, 0 for an event of unknown type, or an error. */
static int take_event(struct watch_decoder *d, size_t size, struct watch_event *ret)
{
    json_t *json;
    int error = object_parse(d->buffer, size, &json);
    consume(d, size);
    if (error < 0)
        return error;
    const char *word = json_string_value(json_object_get(json, "type"));
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

int watch_decoder_next(struct watch_decoder *d, struct watch_event *ret)
{
    for (;;) {
        /* Only between events: within one, the first byte is its bracket. */
        if (d->scanned == 0 && skip_blank(d) < 0)
            return LEASEHOLD_ERR_PROTOCOL;
        size_t end = find_end(d);
        if (end == 0)
            return d->size > WATCH_EVENT_MAX ? LEASEHOLD_ERR_PROTOCOL : 0;
        int result = take_event(d, end, ret);
        if (result != 0)
            return result;
    }
}
