/* Watch framing: bytes in any cut to events.
 *
 * Here: one JSON object {"type","object"} after another, with or without newlines between. Not here: resuming, connections. */
#ifndef LEASEHOLD_WIRE_WATCH_H
#define LEASEHOLD_WIRE_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    WATCH_EVENT_MAX = 2 << 20,              /* bytes of one event */
    WATCH_BUFFER_MAX = 2 * WATCH_EVENT_MAX, /* bytes fed and not yet taken as events */
};

enum watch_type { WATCH_ADDED = 0, WATCH_MODIFIED, WATCH_DELETED, WATCH_BOOKMARK, WATCH_ERROR };

struct watch_event {
    enum watch_type type;
    json_t *object; /* ERROR: a Status */
};

struct watch_decoder {
    char *buffer;
    size_t size, capacity;
    size_t start;   /* of the event that comes next; what is before it was taken */
    size_t scanned; /* what is before it was looked at */
    size_t depth;   /* of brackets at `scanned` */
    bool in_string, escaped;
    int error; /* the stream is of no further use; 0: it is */
};

/* All zeros is an empty decoder, too. */
void watch_decoder_init(struct watch_decoder *d);
/* Afterwards it is an empty decoder. */
void watch_decoder_free(struct watch_decoder *d);

/* Takes bytes in; the work over a stream grows with its bytes, whatever their cut. Returns 0, LEASEHOLD_ERR_LIMIT when more than
 * WATCH_BUFFER_MAX bytes wait (never, if each feed is at most WATCH_EVENT_MAX and followed by watch_decoder_next() until it gives
 * no more), or LEASEHOLD_ERR_MEMORY. After an error of either function both return it until watch_decoder_free(). */
int watch_decoder_feed(struct watch_decoder *d, const char *bytes, size_t size);

/* Next whole event. Returns 1 and *ret (json_decref its object), 0 when none is whole yet, LEASEHOLD_ERR_PROTOCOL when what came
 * is no event, LEASEHOLD_ERR_LIMIT when one is larger than WATCH_EVENT_MAX, or LEASEHOLD_ERR_MEMORY. Events of unknown type are
 * passed over. */
int watch_decoder_next(struct watch_decoder *d, struct watch_event *ret);

#endif
