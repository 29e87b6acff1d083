/* Leasehold for programs with parts that each want to know who leads: one cluster service, one view for each group, shared by all
 * its users, and listeners that are called on a thread of the library's own. It is a layer over <leasehold/leasehold.h>: who has
 * an event loop, or one group and one user of it, needs none of this.
 *
 *     leasehold_cluster *c = NULL;
 *     if (leasehold_cluster_new(&c, o) < 0)
 *         die(leasehold_options_error(o));
 *     leasehold_view *v = NULL;
 *     struct leasehold_listener l = { .size = sizeof l, .on_leadership = on_leadership };
 *     leasehold_cluster_view(c, "reports", &v);
 *     leasehold_view_add_listener(v, &l, NULL, NULL);
 *     leasehold_cluster_start(c);
 *     ...
 *     leasehold_cluster_stop(c);
 *     leasehold_cluster_wait(c, 30 * 1000000000ull);
 *     leasehold_view_unref(v);
 *     leasehold_cluster_unref(c);
 *
 * Threads. A cluster has two of its own, with all signals blocked: one renews, the other calls listeners, one call at a time. A
 * listener that takes its time never delays a renewal; but while it runs no other listener of the cluster is told anything, and no
 * work of a term is seen to have ended. So it returns soon: what takes long is done in a thread of the program's own. All functions
 * may be called from any thread and from within a listener, unless said otherwise; none waits for a listener unless it says so.
 *
 * Safety. When a term ends, leasehold_view_is_leading() is false at once, for everybody. Listeners that were told that this process
 * leads are then told that it does not, and when the last of them has returned from *that* call the work of the term counts as
 * stopped: only then is the lock released, or stood for again (docs/design.md, safety rule 10). So a listener that starts work when
 * it is told `local` ends that work, all of it, before it returns from being told otherwise. One that never returns holds the release
 * up. It cannot make two processes lead: after a loss the lock is not renewed for it, and the others wait out the lease; but its work
 * must have ended by then, see leasehold_view_stop_by_ns(). With the option confirm-stop=no nobody is waited for: all work asks
 * leasehold_view_is_leading() itself.
 *
 * After fork(2) the handles are dead in the child: calls fail with LEASEHOLD_ERR_FORKED, leasehold_view_is_leading() is false,
 * leasehold_view_term() of a view that is stopped gives 0, destructors leave everything alone. Conventions are those of
 * <leasehold/leasehold.h>. */
#ifndef LEASEHOLD_CLUSTER_H
#define LEASEHOLD_CLUSTER_H

#include <leasehold/leasehold.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One API server, the settings for it, and the views of groups there. */
typedef struct leasehold_cluster leasehold_cluster;
/* One group as this process sees it, as a candidate. */
typedef struct leasehold_view leasehold_view;

/* What a user of a view wants to be told. Set size to sizeof; either function may be NULL. `v` is borrowed during the call:
 * leasehold_view_ref() to keep it. States collapse: a listener that was busy is told the newest one only, never an old one, and the
 * same one never twice; but the end of a term that it was told of is always told. Each is told the present state first. */
struct leasehold_listener {
    size_t size;
    /* `leader` leads, "" : nobody is known to; it lives during the call. `local`: it is this process, and work may run. Every call
     * with `local` is followed by one without, before another term begins. While work stops on request, or the release is under
     * way, `leader` is still this process and `local` is false. */
    void (*on_leadership)(void *user, leasehold_view *v, const char *leader, bool local);
    /* The members now; borrowed during the call: leasehold_members_ref() to keep them. First called when a list of them has come. */
    void (*on_members)(void *user, leasehold_view *v, leasehold_members *members);
};

/* ---- cluster ------------------------------------------------------------------------------------------------------ */

/* Makes a cluster service: checks the settings, finds out where the API server is, starts the two threads, and sends nothing yet.
 * `o` (NULL: defaults) is copied; members are those of its settings selector and member-pods.
 *
 * The caller owns one reference. Errors as leasehold_service_open(), with the sentence in leasehold_options_error(o), and
 * LEASEHOLD_ERR_SYSTEM with errno where no thread can be had. */
LEASEHOLD_EXPORT int leasehold_cluster_new(leasehold_cluster **ret, leasehold_options *o);

/* One more reference. Returns c. NULL is fine. */
LEASEHOLD_EXPORT leasehold_cluster *leasehold_cluster_ref(leasehold_cluster *c);

/* Drops a reference; each reference to a view is one, too. With the last of all the cluster ends as it is: a lock that is held is
 * not released (the others wait its lease out), leasehold_view_is_leading() is false from then on, no listener is told anything;
 * leasehold_cluster_stop() and _wait() first where that matters. The last one waits for a listener that runs, and for the two
 * threads; from within a listener it returns at once, and the cluster ends when the listener has returned. NULL is fine. Returns
 * NULL. */
LEASEHOLD_EXPORT leasehold_cluster *leasehold_cluster_unref(leasehold_cluster *c);

/* Starts the views, those of later, too: a view stands for its group while both it and its cluster are started, in whatever order
 * that came. Again is fine, also while a stop is under way: each view then stands again when it has finished. Returns at once.
 *
 * Errors, with a sentence from leasehold_cluster_error(): what leasehold_group_open() returns. The cluster is started all the same,
 * and what failed is tried again every second. LEASEHOLD_ERR_ARGUMENT; LEASEHOLD_ERR_FORKED. */
LEASEHOLD_EXPORT int leasehold_cluster_start(leasehold_cluster *c);

/* Stops the views: leading ends at once, the listeners are told, and the locks are released when they have returned. Returns at
 * once; again is fine, and so is leasehold_cluster_start() later.
 *
 * Errors: LEASEHOLD_ERR_ARGUMENT, LEASEHOLD_ERR_FORKED. */
LEASEHOLD_EXPORT int leasehold_cluster_stop(leasehold_cluster *c);

/* Waits until a stopped cluster has finished: every lock is released or given up, every listener has been told and has returned.
 * `timeout_ns` is a duration; UINT64_MAX: as long as it takes.
 *
 * Returns 0. Errors: LEASEHOLD_ERR_TIMEOUT not within that time; LEASEHOLD_ERR_STATE called from a listener, which it would wait
 * for, or the cluster is not stopped, or started again meanwhile; LEASEHOLD_ERR_ARGUMENT; LEASEHOLD_ERR_FORKED. */
LEASEHOLD_EXPORT int leasehold_cluster_wait(leasehold_cluster *c, uint64_t timeout_ns);

/* The view of a group, made on first use and shared: the same one for the same name for as long as anybody has a reference. Name
 * and settings are checked here. A new one is started: it stands as soon as its cluster does.
 *
 * *ret is a reference owned by the caller. Errors, with a sentence from leasehold_cluster_error(): LEASEHOLD_ERR_ARGUMENT the name;
 * LEASEHOLD_ERR_SETTINGS, LEASEHOLD_ERR_OPTION and LEASEHOLD_ERR_UNSUPPORTED the settings; LEASEHOLD_ERR_STATE the setting lock-name
 * names a lock of one group, and another view has it; LEASEHOLD_ERR_LIMIT there are 10,000 views; LEASEHOLD_ERR_MEMORY;
 * LEASEHOLD_ERR_FORKED. */
LEASEHOLD_EXPORT int leasehold_cluster_view(leasehold_cluster *c, const char *group, leasehold_view **ret);

/* Copies the sentence about the last failed call on this cluster or its views, cut to `size`, "" when there was none.
 *
 * Errors: LEASEHOLD_ERR_ARGUMENT, LEASEHOLD_ERR_FORKED. */
LEASEHOLD_EXPORT int leasehold_cluster_error(leasehold_cluster *c, char *ret, size_t size);

/* The service underneath, borrowed, for the functions of <leasehold/testing.h>: do not read its events, stop or unref it. */
LEASEHOLD_EXPORT leasehold_service *leasehold_cluster_service(leasehold_cluster *c);

/* ---- view --------------------------------------------------------------------------------------------------------- */

/* One more reference. Returns v. NULL is fine. */
LEASEHOLD_EXPORT leasehold_view *leasehold_view_ref(leasehold_view *v);

/* Drops a reference. With the last one the view is stopped, as leasehold_view_stop() does; its listeners are told the end of a term
 * that they were told of and are then removed. Returns at once, except as leasehold_cluster_unref() says. NULL is fine. Returns
 * NULL. */
LEASEHOLD_EXPORT leasehold_view *leasehold_view_unref(leasehold_view *v);

/* Starts and stops this view alone, as leasehold_cluster_start() and _stop() do for all; with the same errors. A view that was
 * stopped stays so until it is started, whatever its cluster does. */
LEASEHOLD_EXPORT int leasehold_view_start(leasehold_view *v);
LEASEHOLD_EXPORT int leasehold_view_stop(leasehold_view *v);

/* The group's name, and the local member: the identity under which this process stands. Valid as long as the reference; NULL for
 * NULL. */
LEASEHOLD_EXPORT const char *leasehold_view_name(const leasehold_view *v);
LEASEHOLD_EXPORT const char *leasehold_view_local_member(const leasehold_view *v);

/* Copies the leader's identity as far as known, with its NUL; "" when nobody is known to lead, and while the view is stopped.
 *
 * Returns its length. Errors: LEASEHOLD_ERR_LIMIT `size` is too small (256 is enough); LEASEHOLD_ERR_ARGUMENT;
 * LEASEHOLD_ERR_FORKED. */
LEASEHOLD_EXPORT int leasehold_view_leader(leasehold_view *v, char *ret, size_t size);

/* True while this process leads, as leasehold_group_is_leading(): lock-free, in time whatever the threads suffer, from signal
 * handlers, too. False from the moment the view or its cluster is asked to stop. NULL: false. */
LEASEHOLD_EXPORT bool leasehold_view_is_leading(const leasehold_view *v);

/* The present term while leading, as leasehold_group_term(); its number goes on when the view is stopped and started. Lock-free.
 *
 * Returns 1 and fills *ret while leading, else 0 and leaves it. Errors: LEASEHOLD_ERR_ARGUMENT, LEASEHOLD_ERR_FORKED. */
LEASEHOLD_EXPORT int leasehold_view_term(const leasehold_view *v, struct leasehold_term *ret);

/* CLOCK_BOOTTIME at which the work of a term that was asked to stop must be dead, as far as known when listeners are told of it; 0: no
 * work was asked to stop. As leasehold_event_stop_by_ns(): a stop by request may take longer, for the lock is renewed meanwhile. */
LEASEHOLD_EXPORT uint64_t leasehold_view_stop_by_ns(leasehold_view *v);

/* The members as known now, as leasehold_roster_members(). They are followed, for which the rights to list and watch Pods are
 * needed, from the first call of this or the first listener with on_members on, while the view is started.
 *
 * Returns 1 and *ret, a reference owned by the caller (leasehold_members_unref()), or 0 when no list has come yet and while the view
 * is stopped. Errors: LEASEHOLD_ERR_MEMORY, LEASEHOLD_ERR_ARGUMENT, LEASEHOLD_ERR_FORKED. */
LEASEHOLD_EXPORT int leasehold_view_members(leasehold_view *v, leasehold_members **ret);

/* The group underneath, for leasehold_group_resign(), leasehold_group_record() and <leasehold/testing.h>: do not close it, nor tell
 * of it that work has stopped. A view that is stopped and started has another one then.
 *
 * Returns a reference owned by the caller, or NULL while the view is stopped, for NULL and in a forked child. */
LEASEHOLD_EXPORT leasehold_group *leasehold_view_group(leasehold_view *v);

/* ---- listeners ---------------------------------------------------------------------------------------------------- */

/* Adds a listener to a view; *l is copied, `user` is handed to each call. It is told the present state soon, on the thread of the
 * listeners. *ret_id (may be NULL) is its number, never used again in this cluster.
 *
 * Errors: LEASEHOLD_ERR_ARGUMENT also where both functions are NULL; LEASEHOLD_ERR_LIMIT the view has 1,000; LEASEHOLD_ERR_MEMORY;
 * LEASEHOLD_ERR_FORKED. */
LEASEHOLD_EXPORT int leasehold_view_add_listener(leasehold_view *v, const struct leasehold_listener *l, void *user, uint64_t *ret_id);

/* Removes a listener. On return it does not run and is not called again: this waits for a call that is under way, except from
 * within a listener. It is not told the end of a term; its work counts as stopped when this returns, or the call under way does:
 * stop it before.
 *
 * Errors: LEASEHOLD_ERR_STATE the view has no listener of this number (any more); LEASEHOLD_ERR_ARGUMENT; LEASEHOLD_ERR_FORKED. */
LEASEHOLD_EXPORT int leasehold_view_remove_listener(leasehold_view *v, uint64_t id);

#ifdef __cplusplus
}
#endif

#endif
