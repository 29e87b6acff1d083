/* The public functions of rosters, members and their events. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/members.h"
#include "service/service.h"

_Static_assert((int)MEMBER_PENDING == LEASEHOLD_POD_PENDING && (int)MEMBER_RUNNING == LEASEHOLD_POD_RUNNING &&
                   (int)MEMBER_SUCCEEDED == LEASEHOLD_POD_SUCCEEDED && (int)MEMBER_FAILED == LEASEHOLD_POD_FAILED &&
                   (int)MEMBER_PHASES == 5,
               "the public phases are those of the members");
_Static_assert((int)MEMBER_ADDED == LEASEHOLD_MEMBER_ADDED && (int)MEMBER_REMOVED == LEASEHOLD_MEMBER_REMOVED &&
                   (int)MEMBER_CHANGED == LEASEHOLD_MEMBER_CHANGED,
               "the public differences are those of the sets");

/* ---- a roster's life ---------------------------------------------------------------------------------------------- */

static void *resize(void *user, void *memory, size_t old_size, size_t size)
{
    (void)user;
    (void)old_size;
    if (size > 0)
        return realloc(memory, size);
    free(memory);
    return NULL;
}

static leasehold_roster *release(leasehold_roster *r)
{
    if (r && atomic_fetch_sub(&r->references, 1) == 1) {
        BUG_UNLESS(!r->service);
        member_set_unref(r->told);
        membership_clear(&r->membership);
        guard_unref(r->guard);
        free(r);
    }
    return NULL;
}

/* What the options come to. */
struct plan {
    const char *namespace_, *selector;
    enum membership_rule rule;
    int64_t refresh_ns;
};

static struct plan make_plan(const leasehold_service *s, const leasehold_options *o)
{
    const char *namespace_ = options_value(o, SETTING_NAMESPACE);
    int64_t refresh_ns = setting_number(&settings_table[SETTING_WATCH_REFRESH_INTERVAL], options_value(o, SETTING_WATCH_REFRESH_INTERVAL));
    return (struct plan){
        .namespace_ = namespace_[0] ? namespace_ : s->namespace_,
        .selector = options_value(o, SETTING_SELECTOR),
        .rule =
            setting_number(&settings_table[SETTING_MEMBER_PODS], options_value(o, SETTING_MEMBER_PODS)) ? MEMBERSHIP_READY : MEMBERSHIP_ALL,
        .refresh_ns = refresh_ns > 0 ? refresh_ns : LEASEHOLD_NEVER,
    };
}

static leasehold_roster *find(leasehold_service *s, const struct plan *plan)
{
    for (leasehold_roster *r = s->rosters; r; r = r->next)
        if (!r->abandon && r->rule == plan->rule && r->refresh_ns == plan->refresh_ns && strcmp(r->selector, plan->selector) == 0 &&
            strcmp(r->namespace_, plan->namespace_) == 0)
            return r;
    return NULL;
}

static leasehold_roster *roster_new(leasehold_service *s, const struct plan *plan)
{
    static const struct membership_memory memory = { resize, NULL };
    size_t namespace_size = strlen(plan->namespace_) + 1, selector_size = strlen(plan->selector) + 1;
    leasehold_roster *r = calloc(1, sizeof *r + namespace_size + selector_size);
    if (!r || timers_reserve(&s->timers, 1) < 0) {
        free(r);
        return NULL;
    }
    atomic_init(&r->references, 1);
    memcpy(r->namespace_, plan->namespace_, namespace_size);
    r->selector = memcpy(r->namespace_ + namespace_size, plan->selector, selector_size);
    r->rule = plan->rule;
    r->refresh_ns = plan->refresh_ns;
    r->guard = guard_ref(s->guard);
    r->service = s;
    r->changed = (struct event_node){ .kind = LEASEHOLD_EVENT_MEMBERS_CHANGED, .roster = r };
    membership_init(&r->membership, &memory, plan->rule);
    r->next = s->rosters;
    s->rosters = r;
    r->begin = true;
    s->host.wake(s->host.data);
    return r;
}

/* Takes the roster at this place out of the service, with what it still has to tell. */
static void forget(leasehold_roster **at)
{
    leasehold_roster *r = *at;
    members_end(r);
    events_drop(&r->service->events, &r->changed);
    *at = r->next;
    r->next = NULL;
    r->service = NULL;
    release(r);
}

void rosters_run_posted(leasehold_service *s)
{
    for (leasehold_roster **at = &s->rosters; *at;) {
        leasehold_roster *r = *at;
        if (r->begin && !r->ended && !r->abandon)
            members_begin(r);
        r->begin = false;
        if (r->abandon)
            forget(at);
        else
            at = &r->next;
    }
}

void rosters_end(leasehold_service *s)
{
    for (leasehold_roster *r = s->rosters; r; r = r->next)
        members_end(r);
}

void rosters_forget(leasehold_service *s)
{
    while (s->rosters)
        forget(&s->rosters);
}

/* Under the guard. */
static int open_roster(leasehold_service *s, const leasehold_options *overrides, leasehold_roster **ret)
{
    leasehold_options *merged = NULL;
    if (s->stopping) {
        snprintf(s->error, sizeof s->error, "members cannot be followed: the service was asked to stop");
        return LEASEHOLD_ERR_STATE;
    }
    int error = options_merge(s->options, overrides, &merged, s->error);
    if (error < 0)
        return error;
    struct plan plan = make_plan(s, merged);
    leasehold_roster *r = find(s, &plan);
    if (!r)
        r = roster_new(s, &plan);
    leasehold_options_unref(merged);
    if (!r)
        return LEASEHOLD_ERR_MEMORY;
    *ret = r;
    return 0;
}

int roster_follow(leasehold_service *s, leasehold_roster **ret)
{
    int error = open_roster(s, NULL, ret);
    if (error == 0) {
        atomic_fetch_add(&(*ret)->references, 1);
        (*ret)->followed = true;
    }
    return error;
}

void roster_unfollow(leasehold_roster *r)
{
    r->followed = false;
    release(r);
}

int leasehold_roster_open(leasehold_roster **ret, leasehold_service *s, const leasehold_options *overrides)
{
    leasehold_roster *r = NULL;
    if (!ret || !s)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(s->guard);
    if (error < 0)
        return error;
    error = open_roster(s, overrides, &r);
    if (error == 0) {
        BUG_UNLESS(r);
        atomic_fetch_add(&r->references, 1);
        if (atomic_fetch_add(&r->user_references, 1) == 0 && r->membership.version > 0)
            service_tell(s, &r->changed); /* its first user, where the balancer has followed it before */
        *ret = r;
    }
    guard_unlock(s->guard);
    return error;
}

leasehold_roster *leasehold_roster_ref(leasehold_roster *r)
{
    if (r && !guard_forked(r->guard)) {
        atomic_fetch_add(&r->references, 1);
        atomic_fetch_add(&r->user_references, 1);
    }
    return r;
}

leasehold_roster *leasehold_roster_unref(leasehold_roster *r)
{
    if (!r || guard_forked(r->guard))
        return NULL;
    BUG_UNLESS(guard_lock(r->guard) == 0);
    /* Under the guard: who opens the same again must find either a living one or one that is given up. */
    if (atomic_fetch_sub(&r->user_references, 1) == 1 && r->service && !r->followed) {
        r->abandon = true;
        r->service->host.wake(r->service->host.data);
    }
    guard_unlock(r->guard);
    return release(r);
}

int leasehold_roster_members(leasehold_roster *r, leasehold_members **ret)
{
    if (!r || !ret)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(r->guard);
    if (error < 0)
        return error;
    bool known = r->membership.version > 0;
    struct member_set *set = known ? membership_set(&r->membership) : NULL;
    guard_unlock(r->guard);
    if (!known)
        return 0;
    if (!set)
        return LEASEHOLD_ERR_MEMORY;
    *ret = (leasehold_members *)(void *)set;
    return 1;
}

const char *leasehold_roster_namespace(const leasehold_roster *r)
{
    return r ? r->namespace_ : NULL;
}

const char *leasehold_roster_selector(const leasehold_roster *r)
{
    return r ? r->selector : NULL;
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

/* Appends as much as finds room. */
static void __attribute__((format(printf, 3, 4))) append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started on the line before
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

/* "3 members with app=x: a-2 came, a-0 went". */
static void describe(const leasehold_roster *r, struct leasehold_event *e)
{
    enum { TOLD_MAX = 6 };
    static const char *const words[] = { "", "came", "went", "changed" };
    size_t i = 0, j = 0, told = 0;
    const struct member *m;
    int difference;
    snprintf(e->text, sizeof e->text, "%zu members in namespace %s%s%.200s", e->members->count, r->namespace_,
             r->selector[0] ? " with " : "", r->selector);
    for (; (difference = member_set_next_difference(e->before, e->members, &i, &j, &m)) != 0; told++)
        if (told < TOLD_MAX)
            append(e->text, sizeof e->text, "%s %.80s %s", told ? "," : ":", member_name(m), words[difference]);
    if (told > TOLD_MAX)
        append(e->text, sizeof e->text, ", and %zu changes more", told - TOLD_MAX);
}

bool rosters_show(struct leasehold_event *e)
{
    leasehold_roster *r = e->roster;
    struct member_set *now = membership_set(&r->membership);
    const struct member *m;
    size_t i = 0, j = 0;
    if (!now || (r->told && member_set_next_difference(r->told, now, &i, &j, &m) == 0)) {
        /* Back to what was told, or out of memory: the next change tells of this one, too. */
        member_set_unref(now);
        e->roster = NULL;
        return false;
    }
    e->before = r->told;
    e->members = now;
    r->told = member_set_ref(now);
    atomic_fetch_add(&r->references, 1);
    describe(r, e);
    return true;
}

void rosters_release(struct leasehold_event *e)
{
    e->members = member_set_unref(e->members);
    e->before = member_set_unref(e->before);
    e->roster = release(e->roster);
}

leasehold_roster *leasehold_event_roster(const leasehold_event *e)
{
    return e ? e->roster : NULL;
}

leasehold_members *leasehold_event_members(const leasehold_event *e)
{
    return e ? (leasehold_members *)(void *)e->members : NULL;
}

leasehold_members *leasehold_event_members_before(const leasehold_event *e)
{
    return e ? (leasehold_members *)(void *)e->before : NULL;
}

/* ---- members ------------------------------------------------------------------------------------------------------ */

static const struct member_set *set_of(const leasehold_members *m)
{
    return (const struct member_set *)(const void *)m;
}

static const struct member *member_at(const leasehold_members *m, size_t index)
{
    return m && index < set_of(m)->count ? set_of(m)->members[index] : NULL;
}

leasehold_members *leasehold_members_ref(leasehold_members *m)
{
    if (m)
        member_set_ref((struct member_set *)(void *)m);
    return m;
}

leasehold_members *leasehold_members_unref(leasehold_members *m)
{
    member_set_unref((struct member_set *)(void *)m);
    return NULL;
}

size_t leasehold_members_count(const leasehold_members *m)
{
    return m ? set_of(m)->count : 0;
}

bool leasehold_members_find(const leasehold_members *m, const char *name, size_t *ret_index)
{
    if (!m || !name)
        return false;
    return member_set_place(set_of(m), name, ret_index);
}

const char *leasehold_members_name(const leasehold_members *m, size_t index)
{
    const struct member *member = member_at(m, index);
    return member ? member_name(member) : NULL;
}

const char *leasehold_members_uid(const leasehold_members *m, size_t index)
{
    const struct member *member = member_at(m, index);
    return member ? member_uid(member) : NULL;
}

const char *leasehold_members_address(const leasehold_members *m, size_t index)
{
    const struct member *member = member_at(m, index);
    return member ? member_address(member) : NULL;
}

const char *leasehold_members_node(const leasehold_members *m, size_t index)
{
    const struct member *member = member_at(m, index);
    return member ? member_node(member) : NULL;
}

int leasehold_members_phase(const leasehold_members *m, size_t index)
{
    const struct member *member = member_at(m, index);
    return member ? member->phase : LEASEHOLD_POD_UNKNOWN;
}

const char *leasehold_pod_phase_name(int phase)
{
    static const char *const names[MEMBER_PHASES] = { "Unknown", "Pending", "Running", "Succeeded", "Failed" };
    return phase >= 0 && phase < MEMBER_PHASES ? names[phase] : names[LEASEHOLD_POD_UNKNOWN];
}

bool leasehold_members_ready(const leasehold_members *m, size_t index)
{
    const struct member *member = member_at(m, index);
    return member && member->ready;
}

bool leasehold_members_terminating(const leasehold_members *m, size_t index)
{
    const struct member *member = member_at(m, index);
    return member && member->terminating;
}

int64_t leasehold_members_since_us(const leasehold_members *m, size_t index)
{
    const struct member *member = member_at(m, index);
    return member ? member->since_us : 0;
}

int leasehold_members_compare(const leasehold_members *before, const leasehold_members *after, leasehold_members_compare_fn *fn, void *user)
{
    size_t i = 0, j = 0;
    int count = 0, difference;
    const struct member *m;
    while ((difference = member_set_next_difference(before ? set_of(before) : NULL, after ? set_of(after) : NULL, &i, &j, &m)) != 0) {
        bool removed = difference == MEMBER_REMOVED;
        if (fn)
            fn(user, difference, removed ? before : after, (removed ? i : j) - 1);
        count++;
    }
    return count;
}
