/* Views: a group each, opened and closed as the switches say, and what its events come to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library/cluster_internal.h"

void view_make_due(leasehold_view *v)
{
    leasehold_cluster *c = v->cluster;
    bool first = !c->due;
    if (v->is_due)
        return;
    v->is_due = true;
    v->next_due = NULL;
    *c->due_last = v;
    c->due_last = &v->next_due;
    if (first)
        cluster_wake(c);
}

/* ---- standing ----------------------------------------------------------------------------------------------------- */

static int stand(leasehold_view *v)
{
    leasehold_cluster *c = v->cluster;
    struct standing *s = calloc(1, sizeof *s);
    if (!s)
        return cluster_fail(c, LEASEHOLD_ERR_MEMORY);
    int error = leasehold_group_open(&s->group, c->service, v->name, LEASEHOLD_CANDIDATE, NULL);
    if (error < 0) {
        free(s);
        return cluster_fail(c, error);
    }
    s->view = v;
    s->terms_before = v->term;
    leasehold_group_set_user(s->group, s);
    v->standing = s;
    c->standings++;
    atomic_store(&v->published, s);
    return 0;
}

static void leave(leasehold_view *v)
{
    /* Leading ends before the service's thread hears of it. */
    atomic_store(&v->published, NULL);
    v->standing->closing = true;
    leasehold_group_close(v->standing->group);
}

/* The group has closed. */
static void retire(leasehold_view *v)
{
    struct standing *s = v->standing;
    atomic_store(&v->published, NULL);
    v->standing = NULL;
    v->cluster->standings--;
    s->next_retired = v->retired;
    v->retired = s;
}

void view_reap(leasehold_view *v)
{
    /* Who begins to read from now on finds what is published, and that is none of these. */
    if (atomic_load(&v->readers) != 0)
        return;
    struct standing *next;
    for (struct standing *s = v->retired; s; s = next) {
        next = s->next_retired;
        leasehold_group_unref(s->group);
        free(s);
    }
    v->retired = NULL;
}

/* ---- members ------------------------------------------------------------------------------------------------------ */

static void make_follower_due(leasehold_view *v)
{
    if (v->follows)
        view_make_due(v);
}

/* `members` is taken over. */
static void set_members(leasehold_cluster *c, leasehold_members *members)
{
    leasehold_members_unref(c->members);
    c->members = members;
    c->members_generation++;
    cluster_each_view(c, make_follower_due);
}

static int follow(leasehold_view *v)
{
    leasehold_cluster *c = v->cluster;
    int error = c->roster ? 0 : leasehold_roster_open(&c->roster, c->service, NULL);
    if (error < 0)
        return cluster_fail(c, error);
    c->followers++;
    v->follows = true;
    view_make_due(v);
    return 0;
}

static void unfollow(leasehold_view *v)
{
    leasehold_cluster *c = v->cluster;
    v->follows = false;
    if (--c->followers > 0)
        return;
    c->roster = leasehold_roster_unref(c->roster);
    c->members = leasehold_members_unref(c->members);
}

/* ---- the switches ------------------------------------------------------------------------------------------------- */

static bool runs(const leasehold_view *v)
{
    return v->cluster->on && v->on && v->references > 0;
}

int view_adjust(leasehold_view *v)
{
    int error = 0;
    if (runs(v) && !v->standing)
        error = stand(v);
    else if (!runs(v) && v->standing && !v->standing->closing)
        leave(v);
    if (error == 0 && runs(v) && v->wants_members && !v->follows)
        error = follow(v);
    else if (!runs(v) && v->follows)
        unfollow(v);
    if (error < 0)
        cluster_retry(v->cluster);
    return error;
}

static int set_switch(leasehold_view *v, bool on)
{
    if (!v)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = cluster_lock(v->cluster);
    if (error < 0)
        return error;
    v->on = on;
    error = view_adjust(v);
    cluster_unlock(v->cluster);
    return error;
}

int leasehold_view_start(leasehold_view *v)
{
    return set_switch(v, true);
}

int leasehold_view_stop(leasehold_view *v)
{
    return set_switch(v, false);
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static void set_leader(leasehold_view *v, const char *leader)
{
    snprintf(v->leader, sizeof v->leader, "%s", leader);
}

/* `term` may be one whose beginning was not read. */
static void term_ended(leasehold_view *v, uint64_t term)
{
    v->term = term > v->term ? term : v->term;
    v->leading = false;
    v->stop_asked = true;
}

static void term_began(leasehold_view *v, uint64_t term)
{
    v->term = term;
    v->leading = v->outstanding = true;
    v->stop_asked = false;
    v->stop_by_ns = 0;
    set_leader(v, v->identity);
}

static void view_take(leasehold_view *v, const leasehold_event *e)
{
    uint64_t term = v->standing->terms_before + leasehold_event_term(e);
    switch (leasehold_event_kind(e)) {
    case LEASEHOLD_EVENT_STARTED_LEADING:
        term_began(v, term);
        break;
    case LEASEHOLD_EVENT_STOP_WORK:
        term_ended(v, term);
        v->stop_by_ns = leasehold_event_stop_by_ns(e);
        break;
    case LEASEHOLD_EVENT_STOPPED_LEADING:
        term_ended(v, term);
        break;
    case LEASEHOLD_EVENT_LEADER_CHANGED:
        set_leader(v, leasehold_event_holder(e));
        break;
    case LEASEHOLD_EVENT_CLOSED:
        v->leading = false;
        v->outstanding = false;
        set_leader(v, "");
        retire(v);
        break;
    default:
        return;
    }
    view_make_due(v);
}

void view_event(leasehold_cluster *c, const leasehold_event *e)
{
    leasehold_group *g = leasehold_event_group(e);
    if (leasehold_event_kind(e) == LEASEHOLD_EVENT_MEMBERS_CHANGED && leasehold_event_roster(e) == c->roster) {
        set_members(c, leasehold_members_ref(leasehold_event_members(e)));
    } else if (g) {
        const struct standing *s = leasehold_group_user(g);
        view_take(s->view, e);
    }
}

void view_confirm(leasehold_view *v)
{
    if (!v->outstanding || !v->stop_asked || !v->standing)
        return;
    for (const struct listener *l = v->listeners; l; l = l->next)
        if (l->owes_term != 0)
            return;
    v->outstanding = false;
    v->stop_by_ns = 0;
    leasehold_group_work_stopped(v->standing->group, v->term - v->standing->terms_before);
}

/* ---- a view's life ------------------------------------------------------------------------------------------------ */

void view_free(leasehold_view *v)
{
    if (v->follows)
        unfollow(v);
    if (v->standing)
        retire(v);
    view_reap(v);
    while (v->listeners) {
        struct listener *l = v->listeners;
        v->listeners = l->next;
        free(l);
    }
    cluster_remove_view(v->cluster, v);
    free(v);
}

leasehold_view *leasehold_view_ref(leasehold_view *v)
{
    if (v && cluster_lock(v->cluster) == 0) {
        v->references++;
        v->cluster->references++;
        cluster_unlock(v->cluster);
    }
    return v;
}

leasehold_view *leasehold_view_unref(leasehold_view *v)
{
    if (!v || cluster_lock(v->cluster) < 0)
        return NULL;
    leasehold_cluster *c = v->cluster;
    if (--v->references == 0) {
        listener_leave_all(v);
        view_adjust(v);
        view_make_due(v);
    }
    cluster_unlock(c);
    /* The view may be gone now; its reference to the cluster is still to be dropped. */
    leasehold_cluster_unref(c);
    return NULL;
}

/* ---- readers ------------------------------------------------------------------------------------------------------ */

const char *leasehold_view_name(const leasehold_view *v)
{
    return v ? v->name : NULL;
}

const char *leasehold_view_local_member(const leasehold_view *v)
{
    return v ? v->identity : NULL;
}

/* Between these two what is published stays; both lock-free. */
static struct standing *begin_reading(leasehold_view *v)
{
    atomic_fetch_add(&v->readers, 1);
    return atomic_load(&v->published);
}

static void end_reading(leasehold_view *v)
{
    atomic_fetch_sub(&v->readers, 1);
}

/* Only the atomic parts of a view change under its readers. */
static leasehold_view *shared(const leasehold_view *v)
{
    return (leasehold_view *)(uintptr_t)v;
}

bool leasehold_view_is_leading(const leasehold_view *v)
{
    if (!v)
        return false;
    const struct standing *s = begin_reading(shared(v));
    bool leads = s && leasehold_group_is_leading(s->group);
    end_reading(shared(v));
    return leads;
}

int leasehold_view_term(const leasehold_view *v, struct leasehold_term *ret)
{
    if (!v || !ret || ret->size < sizeof ret->size)
        return LEASEHOLD_ERR_ARGUMENT;
    const struct standing *s = begin_reading(shared(v));
    int result = s ? leasehold_group_term(s->group, ret) : 0;
    if (result > 0 && ret->size >= offsetof(struct leasehold_term, number) + sizeof ret->number)
        ret->number += s->terms_before;
    end_reading(shared(v));
    return result;
}

int leasehold_view_leader(leasehold_view *v, char *ret, size_t size)
{
    if (!v || !ret || size == 0)
        return LEASEHOLD_ERR_ARGUMENT;
    int result = cluster_lock(v->cluster);
    if (result < 0)
        return result;
    /* The group's, for it is newer than what the listeners' thread has come to. */
    if (v->standing)
        result = leasehold_group_leader(v->standing->group, ret, size);
    else
        ret[0] = '\0';
    cluster_unlock(v->cluster);
    return result;
}

uint64_t leasehold_view_stop_by_ns(leasehold_view *v)
{
    if (!v || cluster_lock(v->cluster) < 0)
        return 0;
    uint64_t stop_by_ns = v->outstanding && v->stop_asked ? v->stop_by_ns : 0;
    cluster_unlock(v->cluster);
    return stop_by_ns;
}

int leasehold_view_members(leasehold_view *v, leasehold_members **ret)
{
    if (!v || !ret)
        return LEASEHOLD_ERR_ARGUMENT;
    int result = cluster_lock(v->cluster);
    if (result < 0)
        return result;
    v->wants_members = true;
    result = view_adjust(v);
    if (result == 0 && v->follows)
        result = leasehold_roster_members(v->cluster->roster, ret);
    cluster_unlock(v->cluster);
    return result;
}

leasehold_group *leasehold_view_group(leasehold_view *v)
{
    if (!v || cluster_lock(v->cluster) < 0)
        return NULL;
    leasehold_group *g = v->standing && !v->standing->closing ? leasehold_group_ref(v->standing->group) : NULL;
    cluster_unlock(v->cluster);
    return g;
}
