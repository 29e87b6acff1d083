/* What a test does to the world of its services. */
#include <leasehold/testing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/group.h"
#include "testing/host.h"
#include "wire/dialect.h"
#include "wire/object.h"

#define SECOND_NS INT64_C(1000000000)
#define MAKE_LEADER_MAX_NS (600 * SECOND_NS)

static const char somebody[] = "somebody-else";

int leasehold_testing_share(leasehold_options *o, leasehold_service *s)
{
    if (!o)
        return LEASEHOLD_ERR_ARGUMENT;
    o->host = s ? ((struct member *)s->host.data)->world : NULL;
    return 0;
}

uint64_t leasehold_testing_now_ns(const leasehold_service *s)
{
    return s ? (uint64_t)world_now(((struct member *)s->host.data)->world).boot_ns : 0;
}

static int64_t whole(uint64_t ns)
{
    return ns < INT64_MAX / 4 ? (int64_t)ns : INT64_MAX / 4;
}

static int move(leasehold_service *s, uint64_t ns, void (*how)(struct world *w, int64_t ns))
{
    if (!s)
        return LEASEHOLD_ERR_ARGUMENT;
    struct world *w = host_enter(s);
    if (!w)
        return LEASEHOLD_ERR_FORKED;
    how(w, whole(ns));
    host_leave(w);
    return 0;
}

int leasehold_testing_advance(leasehold_service *s, uint64_t ns)
{
    return move(s, ns, world_advance);
}

int leasehold_testing_freeze(leasehold_service *s, uint64_t ns)
{
    return move(s, ns, world_freeze);
}

/* ---- the server --------------------------------------------------------------------------------------------------- */

/* One of the server's states set to `value`, and what follows from it. */
static int set_server(leasehold_service *s, int value, void (*set)(struct world *w, int value))
{
    if (!s)
        return LEASEHOLD_ERR_ARGUMENT;
    struct world *w = host_enter(s);
    if (!w)
        return LEASEHOLD_ERR_FORKED;
    set(w, value);
    world_settle(w);
    host_leave(w);
    return 0;
}

static void set_hangs(struct world *w, int value)
{
    w->hangs = value != 0;
}

static void set_cut(struct world *w, int value)
{
    w->cut = value != 0;
}

static void set_refuses(struct world *w, int value)
{
    w->refuses = value;
}

int leasehold_testing_hang(leasehold_service *s, bool hangs)
{
    return set_server(s, hangs, set_hangs);
}

int leasehold_testing_cut(leasehold_service *s, bool cut)
{
    return set_server(s, cut, set_cut);
}

int leasehold_testing_refuse(leasehold_service *s, int status)
{
    return status == 0 || (status >= 300 && status < 600) ? set_server(s, status, set_refuses) : LEASEHOLD_ERR_ARGUMENT;
}

/* ---- Pods --------------------------------------------------------------------------------------------------------- */

static const char *namespace_of(const leasehold_service *s)
{
    const char *named = options_value(s->options, SETTING_NAMESPACE);
    return named[0] ? named : s->namespace_;
}

int leasehold_testing_put_pod(leasehold_service *s, const char *name, const char *labels, bool ready)
{
    char sentence[SETTING_SENTENCE_MAX];
    if (!s || !name || (labels && setting_check(&settings_table[SETTING_SELECTOR], labels, sentence) < 0))
        return LEASEHOLD_ERR_ARGUMENT;
    struct world *w = host_enter(s);
    if (!w)
        return LEASEHOLD_ERR_FORKED;
    int error = server_put_pod(w, namespace_of(s), name, labels, ready);
    world_settle(w);
    host_leave(w);
    return error;
}

int leasehold_testing_delete_pod(leasehold_service *s, const char *name)
{
    if (!s || !name)
        return LEASEHOLD_ERR_ARGUMENT;
    struct world *w = host_enter(s);
    if (!w)
        return LEASEHOLD_ERR_FORKED;
    int error = server_delete_pod(w, namespace_of(s), name);
    world_settle(w);
    host_leave(w);
    return error;
}

/* ---- other processes ---------------------------------------------------------------------------------------------- */

/* Enters the world of a group that has not closed. Returns 0 and *ret (host_leave), or an error. */
static int enter_by_group(leasehold_group *g, struct world **ret)
{
    if (!g)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(g->guard);
    if (error < 0)
        return error;
    leasehold_service *s = g->lock ? g->service : NULL;
    guard_unlock(g->guard);
    *ret = s ? host_enter(s) : NULL;
    return *ret ? 0 : LEASEHOLD_ERR_STATE;
}

static int64_t lease_ms(const leasehold_group *g)
{
    return g->election.settings.lease_duration_ns / 1000000;
}

int leasehold_testing_let_lead(leasehold_group *g, const char *identity)
{
    struct world *w = NULL;
    const char *name = identity ? identity : somebody;
    if (!name[0] || strlen(name) > LEASEHOLD_IDENTITY_MAX)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = enter_by_group(g, &w);
    if (error < 0)
        return error;
    /* Before anything that waits for its turn: a group opened just now finds the lock held. */
    error = rivals_add(w, g, name, lease_ms(g));
    world_settle(w);
    host_leave(w);
    return error;
}

int leasehold_testing_lose(leasehold_group *g)
{
    return leasehold_testing_let_lead(g, NULL);
}

/* Whoever holds the lock gives it back, with the mark that every Leasehold believes. */
static int release(struct world *w, const leasehold_group *g)
{
    const json_t *object = server_lock(w, g);
    if (!object)
        return 0;
    struct record old;
    dialect_lease.read(object, g->name, &old);
    if (old.kind == RECORD_EMPTIED && old.mark.released)
        return 0;
    struct record r = {
        .kind = RECORD_EMPTIED, .renew_us = old.renew_us + 1, .acquire_us = old.renew_us + 1, .transitions = old.transitions
    };
    r.mark = (struct record_mark){
        .present = true, .released = true, .transitions = old.transitions, .nonce = old.mark.nonce + 1, .duration_ms = lease_ms(g)
    };
    return server_replace(w, g->namespace_, g->lock_name, &r, old.holder[0] ? old.holder : somebody);
}

int leasehold_testing_let_go(leasehold_group *g, bool released)
{
    struct world *w = NULL;
    int error = enter_by_group(g, &w);
    if (error < 0)
        return error;
    if (rivals_find(w, g)) {
        rivals_remove(w, g);
        error = released ? release(w, g) : 0;
    }
    world_settle(w);
    host_leave(w);
    return error;
}

/* Under the mutex. */
static int make_leader(struct world *w, leasehold_group *g)
{
    world_settle(w);
    if (g->election.role == ELECTION_ROLE_OBSERVER || g->election.state == ELECTION_STOPPING || g->election.closing)
        return LEASEHOLD_ERR_STATE;
    int64_t end_ns = time_sum(world_now(w).boot_ns, MAKE_LEADER_MAX_NS);
    if (!leasehold_group_is_leading(g)) {
        rivals_remove(w, g);
        int error = release(w, g);
        if (error < 0)
            return error;
        world_settle(w);
    }
    while (!leasehold_group_is_leading(g) && world_now(w).boot_ns < end_ns)
        world_advance(w, SECOND_NS / 10);
    return leasehold_group_is_leading(g) ? 0 : LEASEHOLD_ERR_TIMEOUT;
}

int leasehold_testing_make_leader(leasehold_group *g)
{
    struct world *w = NULL;
    int error = enter_by_group(g, &w);
    if (error < 0)
        return error;
    error = make_leader(w, g);
    host_leave(w);
    return error;
}

int leasehold_testing_lock(leasehold_group *g, char *ret, size_t size)
{
    struct world *w = NULL;
    if (!ret || size == 0)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = enter_by_group(g, &w);
    if (error < 0)
        return error;
    world_settle(w);
    const json_t *object = server_lock(w, g);
    size_t length = 0;
    char *text = object ? object_dump(object, &length) : NULL;
    snprintf(ret, size, "%s", text ? text : "");
    free(text);
    host_leave(w);
    return (int)length;
}
