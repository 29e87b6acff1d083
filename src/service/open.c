/* Opening a group: everything that can be wrong is found here, before anything is sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/group.h"
#include "service/identity.h"
#include "service/lock.h"
#include "service/notice.h"
#include "service/service.h"

/* No candidate can be called this: identities of candidates have no control characters. */
static const char observer_identity[] = "\001observer";

/* What the options come to. */
struct plan {
    const struct dialect *dialect;
    struct election_settings settings;
    enum election_role role;
    char identity[LEASEHOLD_IDENTITY_MAX + 1];
    const char *namespace_, *lock_name;
    bool confirm_stop, extended_events, leader_address, statistics;
};

static int make_plan(leasehold_service *s, const leasehold_options *o, const char *name, int role, struct plan *ret)
{
    ret->dialect = dialect_find(options_value(o, SETTING_LOCK));
    if (!ret->dialect) {
        snprintf(s->error, sizeof s->error, "lock %s: this release knows lease and configmap", options_value(o, SETTING_LOCK));
        return LEASEHOLD_ERR_UNSUPPORTED;
    }
    if (!ret->dialect->group_is_good(name, s->error, sizeof s->error) || !options_name_is_good("group", name, s->error))
        return LEASEHOLD_ERR_ARGUMENT;
    const char *lock_name = options_value(o, SETTING_LOCK_NAME), *namespace_ = options_value(o, SETTING_NAMESPACE);
    ret->lock_name = lock_name[0] ? lock_name : name;
    ret->namespace_ = namespace_[0] ? namespace_ : s->namespace_;
    int error = options_election(o, ret->dialect, &ret->settings, s->error);
    if (error < 0)
        return error;
    ret->confirm_stop = setting_number(&settings_table[SETTING_CONFIRM_STOP], options_value(o, SETTING_CONFIRM_STOP)) != 0;
    ret->extended_events = setting_number(&settings_table[SETTING_EXTENDED_EVENTS], options_value(o, SETTING_EXTENDED_EVENTS)) != 0;
    ret->leader_address = setting_number(&settings_table[SETTING_LEADER_ADDRESS], options_value(o, SETTING_LEADER_ADDRESS)) != 0;
    ret->statistics = setting_number(&settings_table[SETTING_STATISTICS], options_value(o, SETTING_STATISTICS)) != 0;
    ret->role = role == LEASEHOLD_OBSERVER ? ELECTION_ROLE_OBSERVER : ELECTION_ROLE_CANDIDATE;
    if (role == LEASEHOLD_OBSERVER) {
        memcpy(ret->identity, observer_identity, sizeof observer_identity);
        return 0;
    }
    /* A dialect that compares the names of Pods needs the bare name. */
    error = identity_find(o, !ret->dialect->shared, s->identity_suffix, ret->identity, s->error, sizeof s->error);
    return error < 0 ? error : notice_check(o, ret->identity, s->error);
}

static void group_timer(struct timer *timer)
{
    leasehold_group *g = (leasehold_group *)(void *)((char *)timer - offsetof(struct leasehold_group, timer));
    group_step(g, &(struct election_event){ .kind = ELECTION_CLOCK });
}

static leasehold_group *group_new(leasehold_service *s, const char *name, const struct plan *plan)
{
    size_t name_size = strlen(name) + 1, namespace_size = strlen(plan->namespace_) + 1, lock_size = strlen(plan->lock_name) + 1;
    leasehold_group *g = calloc(1, sizeof *g + name_size + namespace_size + lock_size);
    if (!g)
        return NULL;
    if (plan->statistics && !(g->statistics = calloc(1, sizeof *g->statistics))) {
        free(g);
        return NULL;
    }
    if (g->statistics)
        g->statistics->least_slack_ns = UINT64_MAX;
    memcpy(g->name, name, name_size);
    g->namespace_ = memcpy(g->name + name_size, plan->namespace_, namespace_size);
    g->lock_name = memcpy(g->name + name_size + namespace_size, plan->lock_name, lock_size);
    g->lock_kind = plan->dialect->name;
    g->clock = s->host.clock;
    g->guard = guard_ref(s->guard);
    g->confirm_stop = plan->confirm_stop;
    g->extended_events = plan->extended_events;
    g->leader_address = plan->leader_address;
    g->timer.fn = group_timer;
    atomic_init(&g->references, 1);
    uint64_t nonce = s->nonce | (s->elections++ & ~RECORD_NONCE_OF_PROCESS);
    election_init(&g->election, &plan->settings, plan->role, plan->identity, nonce, s->host.random(s->host.data));
    election_inherit(&g->election, s->predecessors, ELECTION_PREDECESSORS_MAX);
    g->identity = plan->role == ELECTION_ROLE_OBSERVER ? "" : g->election.identity;
    return g;
}

/* Links the group into the service; its references are the service's one. */
static int admit(leasehold_service *s, const leasehold_options *o, const struct plan *plan, leasehold_group *g)
{
    int error = timers_reserve(&s->timers, 1);
    if (error < 0)
        return error;
    error = lock_join(s, plan->dialect, g->namespace_, g->lock_name, g, &g->lock);
    if (error < 0) {
        timers_unreserve(&s->timers, 1);
        if (error == LEASEHOLD_ERR_STATE)
            snprintf(s->error, sizeof s->error, "this service stands in %s %s/%s already", g->lock_kind, g->namespace_, g->lock_name);
        return error;
    }
    g->service = s;
    error = notice_open(g, o);
    if (error < 0) {
        g->service = NULL;
        timers_unreserve(&s->timers, 1);
        struct lock *lock = g->lock;
        g->lock = NULL;
        lock_leave(lock, g);
        return error;
    }
    g->next = s->groups;
    if (s->groups)
        s->groups->previous = g;
    s->groups = g;
    s->group_count++;
    g->begin = true;
    group_post(g);
    return 0;
}

/* Under the guard. */
static int open_group(leasehold_service *s, const char *name, int role, const leasehold_options *overrides, leasehold_group **ret)
{
    if (s->stopping) {
        snprintf(s->error, sizeof s->error, "group %.80s: the service was asked to stop", name);
        return LEASEHOLD_ERR_STATE;
    }
    if (s->group_count >= SERVICE_GROUPS_MAX) {
        snprintf(s->error, sizeof s->error, "group %.80s: a service has at most %d groups", name, SERVICE_GROUPS_MAX);
        return LEASEHOLD_ERR_LIMIT;
    }
    leasehold_options *merged = NULL;
    int error = options_merge(s->options, overrides, &merged, s->error);
    if (error < 0)
        return error;
    struct plan plan;
    leasehold_group *g = NULL;
    error = make_plan(s, merged, name, role, &plan);
    if (error == 0) {
        g = group_new(s, name, &plan);
        error = g ? admit(s, merged, &plan, g) : LEASEHOLD_ERR_MEMORY;
    }
    leasehold_options_unref(merged);
    if (error < 0) {
        group_release(g);
        return error;
    }
    *ret = g;
    return 0;
}

int leasehold_group_check(leasehold_service *s, const char *name, int role, const leasehold_options *overrides, char *ret_identity,
                          size_t size)
{
    if (!s || !name || (role != LEASEHOLD_CANDIDATE && role != LEASEHOLD_OBSERVER) || (ret_identity && size <= LEASEHOLD_IDENTITY_MAX))
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(s->guard);
    if (error < 0)
        return error;
    leasehold_options *merged = NULL;
    struct plan plan;
    error = options_merge(s->options, overrides, &merged, s->error);
    if (error == 0)
        error = make_plan(s, merged, name, role, &plan);
    leasehold_options_unref(merged);
    if (error == 0 && ret_identity)
        snprintf(ret_identity, size, "%s", role == LEASEHOLD_OBSERVER ? "" : plan.identity);
    guard_unlock(s->guard);
    return error;
}

int leasehold_group_open(leasehold_group **ret, leasehold_service *s, const char *name, int role, const leasehold_options *overrides)
{
    if (!s || !name || (role != LEASEHOLD_CANDIDATE && role != LEASEHOLD_OBSERVER))
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(s->guard);
    if (error < 0)
        return error;
    leasehold_group *g = NULL;
    error = open_group(s, name, role, overrides, &g);
    BUG_UNLESS(error < 0 || g);
    if (error == 0 && ret) {
        atomic_fetch_add(&g->references, 1);
        atomic_fetch_add(&g->user_references, 1);
        *ret = g;
    } else if (error == 0) {
        g->kept = true;
    }
    guard_unlock(s->guard);
    return error;
}
