/* Watch framing: bytes in any cut to events.
 *
 * Here: one JSON object {"type","object"} after another, with or without newlines between. Not here: resuming, connections. */
#ifndef LEASEHOLD_WIRE_WATCH_H
#define LEASEHOLD_WIRE_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { WATCH_EVENT_MAX = 2 << 20 }; /* bytes of one event */

enum watch_type { WATCH_ADDED = 0, WATCH_MODIFIED, WATCH_DELETED, WATCH_BOOKMARK, WATCH_ERROR };

struct watch_event {
    enum watch_type type;
    json_t *object; /* ERROR: a Status */
};

struct watch_decoder {
    char *buffer;
    size_t size, capacity;
    size_t scanned;  /* bytes of the buffer already looked at */
    size_t depth;    /* of brackets at `scanned` */
    bool in_string, escaped;
};

/* All zeros is an empty decoder, too. */
void watch_decoder_init(struct watch_decoder *d);
void watch_decoder_free(struct watch_decoder *d);

/* Takes bytes in. Returns 0, LEASEHOLD_ERR_LIMIT when one event is larger than WATCH_EVENT_MAX, or LEASEHOLD_ERR_MEMORY. */
int watch_decoder_feed(struct watch_decoder *d, const char *bytes, size_t size);

/* Next whole event. Returns 1 and *ret (json_decref its object), 0 when none is whole yet, or LEASEHOLD_ERR_PROTOCOL when what
 * came is no event: then the stream is of no further use. Events of unknown type are passed over. */
int watch_decoder_next(struct watch_decoder *d, struct watch_event *ret);

#endif
