/* A test double for programs that use libleasehold: the same functions (link with leasehold-testing *instead of* leasehold) over
 * an API server in memory and clocks that stand still until a test moves them.
 *
 *     leasehold_service_open(&s, NULL);
 *     leasehold_group_open(&g, s, "reports", LEASEHOLD_CANDIDATE, NULL);
 *     leasehold_testing_make_leader(g);                      now your code finds STARTED_LEADING
 *     leasehold_testing_lose(g);                             STOP_WORK, no grace: another process leads
 *     leasehold_testing_hang(s, true);                       the server answers nothing any more …
 *     leasehold_testing_advance(s, 10 * 1000000000ull);      … and the term ends at its renew deadline
 *
 * Requests are answered in the same instant, within the next leasehold_service_dispatch() or one of the functions below: a run is
 * the same every time. Kubeconfig and context are ignored. CLOCK_BOOTTIME in events is the virtual one, leasehold_testing_now_ns().
 * Services share a server and its clocks only where leasehold_testing_share() says so.
 *
 * Functions return 0 or a negative LEASEHOLD_ERR_*, LEASEHOLD_ERR_ARGUMENT for NULL; like all others they may be called from any
 * thread, but not from the log function. */
#ifndef LEASEHOLD_TESTING_H
#define LEASEHOLD_TESTING_H

#include <leasehold/leasehold.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Services opened with `o` from now on use the server and the clocks of `s` (NULL: one of their own again). For tests with several
 * candidates. `s` must outlive the opening, not the services. */
LEASEHOLD_EXPORT int leasehold_testing_share(leasehold_options *o, leasehold_service *s);

/* The virtual CLOCK_BOOTTIME in nanoseconds; 0 for NULL. */
LEASEHOLD_EXPORT uint64_t leasehold_testing_now_ns(const leasehold_service *s);

/* Moves the clocks by `ns`; everything that becomes due on the way happens at its time, in every service that shares the server.
 * Events wait to be read. */
LEASEHOLD_EXPORT int leasehold_testing_advance(leasehold_service *s, uint64_t ns);

/* Moves the clocks by `ns` with every service asleep, as when the process is stopped or its machine suspended; then they wake. */
LEASEHOLD_EXPORT int leasehold_testing_freeze(leasehold_service *s, uint64_t ns);

/* Makes this candidate lead: whoever else holds the lock gives it back, and the clocks move as far as the election needs (at most
 * ten minutes). On return leasehold_group_is_leading() is true and STARTED_LEADING waits to be read.
 *
 * Errors: LEASEHOLD_ERR_STATE an observer, closed, or its work of before was not told to have stopped; LEASEHOLD_ERR_TIMEOUT it
 * does not come to lead, for the server hangs or refuses, or another service takes the lock first. */
LEASEHOLD_EXPORT int leasehold_testing_make_leader(leasehold_group *g);

/* Another process holds the lock from now on, as `identity` (NULL: "somebody-else"), and renews until the lock is taken from it by
 * another of these functions. A leader learns it at once: STOP_WORK with leasehold_event_must_kill(). */
LEASEHOLD_EXPORT int leasehold_testing_let_lead(leasehold_group *g, const char *identity);

/* leasehold_testing_let_lead() with somebody else. */
LEASEHOLD_EXPORT int leasehold_testing_lose(leasehold_group *g);

/* The other process of leasehold_testing_let_lead() gives the lock back (released) or dies silently (its lease runs out). */
LEASEHOLD_EXPORT int leasehold_testing_let_go(leasehold_group *g, bool released);

/* The server takes requests and never answers, and watches fall silent; or it works again. */
LEASEHOLD_EXPORT int leasehold_testing_hang(leasehold_service *s, bool hangs);

/* The server cannot be reached; or it can again. */
LEASEHOLD_EXPORT int leasehold_testing_cut(leasehold_service *s, bool cut);

/* The server answers every request with this HTTP status (403, 500, …); 0: it works again. */
LEASEHOLD_EXPORT int leasehold_testing_refuse(leasehold_service *s, int status);

/* A Pod of this name runs in the namespace of `s`, with an address of its own, ready or not; made if it is not there. `labels` as in
 * the setting selector, "app=reports,tier=web", are set beside those that it has; NULL: none.
 *
 * Errors: LEASEHOLD_ERR_ARGUMENT the name or a label is none that Kubernetes takes; LEASEHOLD_ERR_MEMORY. */
LEASEHOLD_EXPORT int leasehold_testing_put_pod(leasehold_service *s, const char *name, const char *labels, bool ready);

/* That Pod is gone; the next one of its name is another. Errors: LEASEHOLD_ERR_STATE there is none. */
LEASEHOLD_EXPORT int leasehold_testing_delete_pod(leasehold_service *s, const char *name);

/* Copies the lock object as JSON, cut to `size`. Returns its length, or 0 with "" when there is none. */
LEASEHOLD_EXPORT int leasehold_testing_lock(leasehold_group *g, char *ret, size_t size);

#ifdef __cplusplus
}
#endif

#endif
