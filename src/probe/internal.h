/* What the files of this room share.
 *
 * probe.c: the thread, and what crosses between it and the loop. endpoints.c: what each path answers. */
#ifndef LEASEHOLD_PROBE_INTERNAL_H
#define LEASEHOLD_PROBE_INTERNAL_H

#include <event2/event.h>
#include <pthread.h>

#include "httpd/httpd.h"
#include "probe/probe.h"

struct probe_line {
    char *text; /* one whole server-sent event; NULL: none yet */
    size_t size;
};

/* Somebody reads /events. */
struct probe_reader {
    struct probe *probe;
    struct httpd_connection *connection;
    uint64_t next; /* number of the line to send next */
    struct probe_reader *next_reader;
};

/* Somebody waits for the answer of /livez. */
struct probe_waiter {
    struct probe *probe;
    struct httpd_connection *connection;
    uint64_t question;
    int64_t until_s; /* CLOCK_MONOTONIC */
    struct probe_waiter *next_waiter;
};

struct probe {
    leasehold_group *groups[PROBE_GROUPS_MAX];
    size_t group_count;
    pthread_t thread;
    struct event_base *base;
    struct httpd *httpd;
    struct event *on_wake, *on_tick;
    struct probe_reader *readers;
    struct probe_waiter *waiters;

    int wake_fd; /* to the thread: lines, a turn, or the end */
    int ask_fd;  /* to the loop: please turn */

    pthread_mutex_t lock; /* of what follows */
    bool ends;
    uint64_t asked, turned; /* questions of /livez, and the newest that the loop has seen */
    struct probe_line lines[PROBE_LINES_MAX];
    uint64_t line_count; /* of all time; the newest is lines[(line_count - 1) % PROBE_LINES_MAX] */
};

/* httpd's handler. */
void probe_answer(void *user, struct httpd_connection *c, const struct httpd_request *request);

/* On the thread, after a wake-up or a tick: whom there is something to tell. */
void probe_serve_readers(struct probe *p);
void probe_serve_waiters(struct probe *p);
void probe_keep_alive(struct probe *p);
/* The tick runs while somebody reads or waits. */
void probe_schedule(struct probe *p);

#endif
