/* One event as one line of JSON, as the command line and --events write it.
 *
 * Here: the spelling. Not here: where it is written. */
#ifndef LEASEHOLD_WIRE_EVENT_LINE_H
#define LEASEHOLD_WIRE_EVENT_LINE_H

#include <stddef.h>
#include <stdint.h>

struct event_line {
    const char *event; /* "started_leading", "stop_work", "stopped_leading", "new_leader", "warning" */
    const char *group;
    const char *identity;
    const char *holder; /* NULL or "": null */
    const char *fencing_token;
    const char *lock_uid;
    const char *reason;  /* a word, or a warning's sentence */
    const char *address; /* NULL: the event has no such thing, and the line no key */
    int64_t wall_us;
    uint64_t boottime_ns;
};

/* The line without its newline; the caller frees it with free(3). Bytes that are no UTF-8 become '?'. NULL when out of memory. */
char *event_line_format(const struct event_line *line, size_t *ret_size);

#endif
