/* The public functions of a group: notes for the service's turn, and readings from any thread. */
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/group.h"
#include "service/lock.h"
#include "service/service.h"

static bool finished(const leasehold_group *g)
{
    return !g->service || !g->lock;
}

int leasehold_group_resign(leasehold_group *g, uint64_t stand_again_after_ns)
{
    if (!g)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(g->guard);
    if (error < 0)
        return error;
    if (finished(g) || g->election.role == ELECTION_ROLE_OBSERVER) {
        error = LEASEHOLD_ERR_STATE;
    } else {
        g->resign = true;
        g->hold_off_ns = stand_again_after_ns >= (uint64_t)INT64_MAX ? LEASEHOLD_NEVER : (int64_t)stand_again_after_ns;
        group_post(g);
    }
    guard_unlock(g->guard);
    return error;
}

int leasehold_fence_guard(leasehold_group *g)
{
    if (!g)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(g->guard);
    if (error < 0)
        return error;
    if (finished(g) || g->election.role == ELECTION_ROLE_OBSERVER) {
        error = LEASEHOLD_ERR_STATE;
    } else {
        error = fence_begin(&g->fence, g->service->host.kernel_time, g->service->error);
        bool term_runs = g->election.state == ELECTION_LEADER || g->election.state == ELECTION_STOPPING;
        if (error == 0 && term_runs)
            fence_set(&g->fence, g->election.kill_at.boot_ns);
    }
    guard_unlock(g->guard);
    return error;
}

int leasehold_group_close(leasehold_group *g)
{
    if (!g)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(g->guard);
    if (error < 0)
        return error;
    if (!finished(g)) {
        g->close = true;
        group_post(g);
    }
    guard_unlock(g->guard);
    return 0;
}

int leasehold_group_work_stopped(leasehold_group *g, uint64_t term)
{
    if (!g)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(g->guard);
    if (error < 0)
        return error;
    if (term == 0 || term > g->election.term) {
        error = LEASEHOLD_ERR_ARGUMENT;
    } else if (!finished(g) && term == g->election.term) {
        terms_end(&g->terms);
        g->stopped_term = term;
        group_post(g);
    }
    guard_unlock(g->guard);
    return error;
}

leasehold_group *leasehold_group_ref(leasehold_group *g)
{
    if (g && !guard_forked(g->guard)) {
        atomic_fetch_add(&g->references, 1);
        atomic_fetch_add(&g->user_references, 1);
    }
    return g;
}

leasehold_group *leasehold_group_unref(leasehold_group *g)
{
    if (!g || guard_forked(g->guard))
        return NULL;
    if (atomic_fetch_sub(&g->user_references, 1) == 1 && !g->kept) {
        terms_end(&g->terms);
        BUG_UNLESS(guard_lock(g->guard) == 0);
        if (g->service) {
            g->abandon = true;
            group_post(g);
        }
        guard_unlock(g->guard);
    }
    return group_release(g);
}

/* Without stdio: leasehold_group_term() may be called from a signal handler. */
static void decimal(uint64_t value, char ret[64])
{
    char digits[24];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    for (size_t i = 0; i < count; i++)
        ret[i] = digits[count - 1 - i];
    ret[count] = '\0';
}

/* ---- readers ------------------------------------------------------------------------------------------------------ */

bool leasehold_group_is_leading(const leasehold_group *g)
{
    /* The published term is atomic throughout; a reader may mark it ended. */
    leasehold_group *shared = (leasehold_group *)(uintptr_t)g;
    return g && !guard_forked(g->guard) && terms_read(&shared->terms, &shared->clock, NULL);
}

int leasehold_group_term(const leasehold_group *g, struct leasehold_term *ret)
{
    if (!g || !ret || ret->size < sizeof ret->size)
        return LEASEHOLD_ERR_ARGUMENT;
    if (guard_forked(g->guard))
        return LEASEHOLD_ERR_FORKED;
    leasehold_group *shared = (leasehold_group *)(uintptr_t)g;
    struct term_snapshot term;
    if (!terms_read(&shared->terms, &shared->clock, &term))
        return 0;
    struct leasehold_term full = { .size = ret->size, .number = term.number, .leading_until_ns = (uint64_t)term.term_at.boot_ns };
    decimal(term.token, full.token);
    memcpy(full.lock_uid, term.uid, sizeof term.uid);
    memcpy(ret, &full, ret->size < sizeof full ? ret->size : sizeof full);
    return 1;
}

int leasehold_group_leader(const leasehold_group *g, char *ret, size_t size)
{
    if (!g || !ret || size == 0)
        return LEASEHOLD_ERR_ARGUMENT;
    int result = guard_lock(g->guard);
    if (result < 0)
        return result;
    const char *leader = election_leader(&g->election);
    size_t length = strlen(leader);
    if (length < size)
        memcpy(ret, leader, length + 1);
    guard_unlock(g->guard);
    return length < size ? (int)length : LEASEHOLD_ERR_LIMIT;
}

static int public_record_kind(const struct election *e)
{
    if (!e->knows)
        return LEASEHOLD_RECORD_UNKNOWN;
    switch (e->record.kind) {
    case RECORD_ABSENT:
        return LEASEHOLD_RECORD_ABSENT;
    case RECORD_EMPTIED:
        return LEASEHOLD_RECORD_EMPTIED;
    case RECORD_UNREADABLE:
        return LEASEHOLD_RECORD_UNREADABLE;
    case RECORD_HELD:
        return LEASEHOLD_RECORD_HELD;
    }
    return LEASEHOLD_RECORD_UNKNOWN;
}

static void fill_record(const struct election *e, struct leasehold_record *ret)
{
    const struct record *r = &e->record;
    ret->state = public_record_kind(e);
    if (ret->state == LEASEHOLD_RECORD_UNKNOWN)
        return;
    ret->transitions = r->transitions > 0 ? (uint32_t)r->transitions : 0;
    ret->lease_duration_ns = r->duration_ms > 0 ? (uint64_t)r->duration_ms * 1000000 : 0;
    ret->acquired_us = r->acquire_us;
    ret->renewed_us = r->renew_us;
    ret->known_at_ns = (uint64_t)e->known_at.boot_ns;
    ret->valid_until_ns = r->kind == RECORD_HELD ? (uint64_t)e->wait_until.boot_ns : 0;
    ret->resource_version = e->version.resource_version;
    if (r->mark.names_holder && r->mark.token > 0)
        decimal(r->mark.token, ret->token);
    memcpy(ret->lock_uid, e->version.uid, sizeof e->version.uid);
    memcpy(ret->holder, r->holder, sizeof r->holder);
}

int leasehold_group_record(const leasehold_group *g, struct leasehold_record *ret)
{
    if (!g || !ret || ret->size < sizeof ret->size)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(g->guard);
    if (error < 0)
        return error;
    struct leasehold_record full = { .size = ret->size };
    fill_record(&g->election, &full);
    guard_unlock(g->guard);
    memcpy(ret, &full, ret->size < sizeof full ? ret->size : sizeof full);
    return full.state != LEASEHOLD_RECORD_UNKNOWN;
}

const char *leasehold_group_name(const leasehold_group *g)
{
    return g ? g->name : NULL;
}

const char *leasehold_group_identity(const leasehold_group *g)
{
    return g ? g->identity : NULL;
}

const char *leasehold_group_namespace(const leasehold_group *g)
{
    return g ? g->namespace_ : NULL;
}

const char *leasehold_group_lock(const leasehold_group *g)
{
    return g ? g->lock_kind : NULL;
}

const char *leasehold_group_lock_name(const leasehold_group *g)
{
    return g ? g->lock_name : NULL;
}

void leasehold_group_set_user(leasehold_group *g, void *user)
{
    if (g)
        atomic_store(&g->user, user);
}

void *leasehold_group_user(const leasehold_group *g)
{
    return g ? atomic_load(&((leasehold_group *)(uintptr_t)g)->user) : NULL;
}
