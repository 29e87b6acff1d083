/* What a candidate serves over HTTP with --http: is it alive, is it ready, does it lead, who leads, events, metrics.
 *
 * Here: the endpoints, in a thread of their own with an event loop of their own, so that no reader can delay a renewal. It asks the
 * elections through the public functions, which any thread may call. Not here: HTTP itself (src/httpd), and the spelling of an
 * event (src/wire/event_line.h).
 *
 *   /livez    200 when the election's loop has turned since the question; 503 after PROBE_PATIENCE_S
 *   /readyz   200 when every lock was read; on standby, too: a rollout that waits for readiness must not wait for leadership
 *   /leader   200 when this process leads (the first of its groups, or ?group=NAME), else 503; who leads as JSON, either way
 *   /         {"name": who leads}, as the leader-elector sidecar of kubernetes/contrib answered
 *   /events   the present leaders, then every event, as server-sent events
 *   /metrics  Prometheus's text form */
#ifndef LEASEHOLD_PROBE_PROBE_H
#define LEASEHOLD_PROBE_PROBE_H

#include <leasehold/leasehold.h>

enum {
    PROBE_PATIENCE_S = 5,       /* the loop has this long to turn */
    PROBE_CONNECTIONS_MAX = 64, /* further ones wait to be accepted */
    PROBE_BACKLOG = 64,
    PROBE_LINES_MAX = 256,  /* events kept for readers of /events that are behind; who is further behind is cut */
    PROBE_KEEPALIVE_S = 15, /* a comment line after this long without an event */
    PROBE_GROUPS_MAX = 64,
    PROBE_SENTENCE_MAX = 320,
};

struct probe;

/* Serves on a listening socket (httpd_socket()), which it owns from now on, also on failure. The groups are borrowed and must outlive
 * the probe. Starts a thread with all signals blocked. Returns 0 and *ret, or -1 with a sentence. */
int probe_open(struct probe **ret, int listening, leasehold_group *const *groups, size_t group_count, char sentence[PROBE_SENTENCE_MAX]);

/* Ends the thread and every connection. NULL is fine. Returns NULL. */
struct probe *probe_close(struct probe *p);

/* For the loop that turns the elections: when the descriptor is readable, call probe_turned(). That is how /livez knows. */
int probe_fd(const struct probe *p);
void probe_turned(struct probe *p);

/* An event for /events: its name, and the JSON line of it without a newline (copied). Never waits. */
void probe_tell(struct probe *p, const char *name, const char *line, size_t size);

#endif
