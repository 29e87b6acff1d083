/* Listeners, and the thread that calls them: it reads the service's events, so that a listener that takes its time leaves them
 * where they collapse, and renewals go on beside it. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library/cluster_internal.h"

/* ---- what there is to tell ---------------------------------------------------------------------------------------- */

enum news { NEWS_NONE, NEWS_LEADERSHIP, NEWS_MEMBERS };

static enum news leadership_news(const leasehold_view *v, const struct listener *l, bool *ret_local)
{
    bool local = v->leading;
    if (!l->calls.on_leadership)
        return NEWS_NONE;
    /* The end of one term is told before the next one begins. */
    if (l->owes_term != 0 && (!v->leading || v->term != l->owes_term)) {
        *ret_local = false;
        return NEWS_LEADERSHIP;
    }
    if (l->told && l->told_local == local && strcmp(l->told_leader, v->leader) == 0)
        return NEWS_NONE;
    /* Over already, though the event that says so is not read yet: no work begins, and that event is told. */
    if (local && !leasehold_view_is_leading(v))
        return NEWS_NONE;
    *ret_local = local;
    return NEWS_LEADERSHIP;
}

static enum news find_news(const leasehold_view *v, const struct listener *l, bool *ret_local)
{
    const leasehold_cluster *c = v->cluster;
    enum news news = leadership_news(v, l, ret_local);
    if (news != NEWS_NONE || l->leaving || !l->calls.on_members || !v->follows)
        return news;
    return c->members && l->told_members != c->members_generation ? NEWS_MEMBERS : NEWS_NONE;
}

/* ---- telling it: the mutex is given up for the call --------------------------------------------------------------- */

static void tell_leadership(leasehold_view *v, struct listener *l, bool local)
{
    char leader[VIEW_IDENTITY_BYTES];
    memcpy(leader, v->leader, sizeof leader);
    memcpy(l->told_leader, v->leader, sizeof leader);
    l->told = true;
    l->told_local = local;
    if (local)
        l->owes_term = v->term; /* before the call: from now on its end is waited for */
    cluster_unlock(v->cluster);
    l->calls.on_leadership(l->user, v, leader, local);
    pthread_mutex_lock(&v->cluster->mutex);
    if (!local)
        l->owes_term = 0; /* after the call: only now has the work ended */
}

static void tell_members(leasehold_view *v, struct listener *l)
{
    leasehold_members *members = leasehold_members_ref(v->cluster->members);
    l->told_members = v->cluster->members_generation;
    cluster_unlock(v->cluster);
    l->calls.on_members(l->user, v, members);
    pthread_mutex_lock(&v->cluster->mutex);
    leasehold_members_unref(members);
}

/* Behind all others, so that each has its turn where news come faster than they are told. */
static void move_to_end(leasehold_view *v, struct listener *l)
{
    struct listener **at = &v->listeners;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->next = NULL;
    while (*at)
        at = &(*at)->next;
    *at = l;
}

static void tell(leasehold_view *v, struct listener *l, enum news news, bool local)
{
    leasehold_cluster *c = v->cluster;
    c->handling_id = l->id;
    move_to_end(v, l);
    if (news == NEWS_LEADERSHIP)
        tell_leadership(v, l, local);
    else
        tell_members(v, l);
    c->handling_id = 0;
    if (l->removed)
        free(l);
    pthread_cond_broadcast(&c->changed);
}

/* ---- one view's turn ---------------------------------------------------------------------------------------------- */

static void free_gone(leasehold_view *v)
{
    struct listener **at = &v->listeners;
    while (*at) {
        struct listener *l = *at;
        if (l->leaving && l->owes_term == 0) {
            *at = l->next;
            v->listener_count--;
            free(l);
        } else {
            at = &l->next;
        }
    }
}

/* Tells one listener one thing, or finds that there is nothing left to tell. */
static void turn(leasehold_view *v)
{
    bool local = false;
    free_gone(v);
    /* At once, not when all has been told: a release does not wait for who owes nothing. */
    view_confirm(v);
    for (struct listener *l = v->listeners; l; l = l->next) {
        enum news news = find_news(v, l, &local);
        if (news == NEWS_NONE)
            continue;
        tell(v, l, news, local);
        view_make_due(v);
        return;
    }
    view_adjust(v);
    view_reap(v);
    if (v->references == 0 && !v->standing && !v->listeners && !v->retired)
        view_free(v);
    else if (v->retired)
        cluster_retry(v->cluster); /* somebody reads it at this moment */
}

static leasehold_view *next_due(leasehold_cluster *c)
{
    leasehold_view *v = c->due;
    if (!v)
        return NULL;
    c->due = v->next_due;
    if (!c->due)
        c->due_last = &c->due;
    v->is_due = false;
    return v;
}

static void read_events(leasehold_cluster *c)
{
    const leasehold_event *e;
    for (int i = 0; i < CLUSTER_EVENTS_A_TURN && leasehold_service_next_event(c->service, &e) > 0; i++)
        view_event(c, e);
}

/* Under the mutex, which is given up meanwhile. */
static void wait_for_more(leasehold_cluster *c)
{
    uint64_t count;
    uint64_t now_ms = cluster_now_ms();
    int timeout_ms = c->retry_ms == 0 ? -1 : c->retry_ms > now_ms ? (int)(c->retry_ms - now_ms) : 0;
    struct pollfd fds[] = { { .fd = c->service_fd, .events = POLLIN }, { .fd = c->wake_fd, .events = POLLIN } };
    pthread_cond_broadcast(&c->changed);
    cluster_unlock(c);
    poll(fds, sizeof fds / sizeof *fds, timeout_ms);
    ssize_t got = read(c->wake_fd, &count, sizeof count);
    (void)got; /* nothing: events woke it, or the time */
    pthread_mutex_lock(&c->mutex);
    if (c->retry_ms != 0 && cluster_now_ms() >= c->retry_ms) {
        c->retry_ms = 0;
        cluster_each_view(c, view_make_due);
    }
}

void listener_work(leasehold_cluster *c)
{
    while (!c->quit) {
        /* Before each call, so that it tells the newest state. */
        read_events(c);
        leasehold_view *v = next_due(c);
        if (v)
            turn(v);
        else
            wait_for_more(c);
    }
}

/* ---- coming and going --------------------------------------------------------------------------------------------- */

static int add(leasehold_view *v, const struct leasehold_listener *calls, void *user, uint64_t *ret_id)
{
    leasehold_cluster *c = v->cluster;
    if (v->listener_count >= VIEW_LISTENERS_MAX) {
        snprintf(c->error, sizeof c->error, "the view of %.80s has %d listeners, and can have no more", v->name, VIEW_LISTENERS_MAX);
        return LEASEHOLD_ERR_LIMIT;
    }
    struct listener *l = calloc(1, sizeof *l);
    if (!l)
        return cluster_fail(c, LEASEHOLD_ERR_MEMORY);
    l->calls = *calls;
    l->user = user;
    l->id = ++c->last_id;
    v->wants_members = v->wants_members || calls->on_members;
    l->next = v->listeners;
    v->listeners = l;
    v->listener_count++;
    /* What cannot be opened now is tried again: no reason to refuse a listener. */
    view_adjust(v);
    view_make_due(v);
    if (ret_id)
        *ret_id = l->id;
    return 0;
}

int leasehold_view_add_listener(leasehold_view *v, const struct leasehold_listener *l, void *user, uint64_t *ret_id)
{
    struct leasehold_listener calls = { .size = sizeof calls };
    if (!v || !l || l->size < sizeof l->size)
        return LEASEHOLD_ERR_ARGUMENT;
    memcpy(&calls, l, l->size < sizeof calls ? l->size : sizeof calls);
    if (!calls.on_leadership && !calls.on_members)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = cluster_lock(v->cluster);
    if (error < 0)
        return error;
    error = add(v, &calls, user, ret_id);
    cluster_unlock(v->cluster);
    return error;
}

/* Under the mutex, which is given up while waiting. */
static int take_out(leasehold_view *v, uint64_t id)
{
    leasehold_cluster *c = v->cluster;
    struct listener **at = &v->listeners;
    while (*at && ((*at)->id != id || (*at)->leaving))
        at = &(*at)->next;
    struct listener *l = *at;
    if (!l)
        return LEASEHOLD_ERR_STATE;
    *at = l->next;
    v->listener_count--;
    if (c->handling_id == id)
        l->removed = true; /* its thread still needs it */
    else
        free(l);
    view_make_due(v); /* perhaps the last one that was waited for */
    while (c->handling_id == id && !cluster_is_handling(c))
        pthread_cond_wait(&c->changed, &c->mutex);
    return 0;
}

int leasehold_view_remove_listener(leasehold_view *v, uint64_t id)
{
    if (!v)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = cluster_lock(v->cluster);
    if (error < 0)
        return error;
    error = take_out(v, id);
    cluster_unlock(v->cluster);
    return error;
}

void listener_leave_all(leasehold_view *v)
{
    for (struct listener *l = v->listeners; l; l = l->next)
        l->leaving = true;
}
