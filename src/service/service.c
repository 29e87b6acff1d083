#include "service/service.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "election/bug.h"
#include "service/balancer.h"
#include "service/group.h"
#include "service/leader_pod.h"
#include "service/lock.h"
#include "service/members.h"
#include "service/notice.h"

int service_new(const struct service_host *host, const leasehold_options *options, const char *namespace_, leasehold_service **ret,
                char sentence[SETTING_SENTENCE_MAX])
{
    leasehold_service *s = calloc(1, sizeof *s);
    if (!s)
        return LEASEHOLD_ERR_MEMORY;
    s->host = *host;
    s->posted_last = &s->posted;
    s->events.closed.kind = LEASEHOLD_EVENT_CLOSED;
    s->identity_suffix = host->random(host->data);
    while (!s->nonce)
        s->nonce = host->random(host->data) & RECORD_NONCE_OF_PROCESS;
    s->guard = guard_new();
    s->options = options_copy(options);
    int error = s->guard && s->options ? 0 : LEASEHOLD_ERR_MEMORY;
    if (error == 0 && !options_name_is_good("namespace", namespace_, sentence))
        error = LEASEHOLD_ERR_OPTION;
    if (error == 0)
        snprintf(s->namespace_, sizeof s->namespace_, "%s", namespace_);
    if (error == 0 && strcmp(options_value(s->options, SETTING_BALANCE), "no") != 0)
        error = balancer_new(s, &s->balancer);
    if (error < 0) {
        service_free(s);
        return error;
    }
    *ret = s;
    return 0;
}

leasehold_service *service_free(leasehold_service *s)
{
    if (!s)
        return NULL;
    while (s->groups) {
        leasehold_group *g = s->groups;
        group_finish(g);
        group_forget(g);
    }
    while (s->posted) {
        leasehold_group *g = s->posted;
        s->posted = g->next_posted;
        group_release(g);
    }
    notices_end(s);
    s->current_group = group_release(s->current_group);
    rosters_release(&s->current);
    s->balancer = balancer_free(s->balancer);
    rosters_forget(s);
    events_forget(&s->events, NULL);
    timers_clear(&s->timers);
    leasehold_options_unref(s->options);
    guard_unref(s->guard);
    free(s);
    return NULL;
}

leasehold_time service_now(const leasehold_service *s)
{
    return s->host.transport.operations->now(s->host.transport.data);
}

void service_log(leasehold_service *s, int level, const char *format, ...)
{
    if (!s->options->log)
        return;
    char line[EVENT_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started on the line before
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    s->options->log(s->options->log_user, level, line);
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static void tell_waiting(leasehold_service *s)
{
    bool waiting = s->events.first != NULL;
    if (waiting == s->told_waiting)
        return;
    s->told_waiting = waiting;
    s->host.waiting(s->host.data, waiting);
}

void service_tell(leasehold_service *s, struct event_node *node)
{
    events_push(&s->events, node, service_now(s));
    tell_waiting(s);
    if (node->kind == LEASEHOLD_EVENT_LEADER_CHANGED)
        leader_pod_look_up(node->group);
}

void service_warn(leasehold_service *s, leasehold_group *group, const char *text)
{
    service_log(s, LEASEHOLD_LOG_WARNING, "%s: %s", group ? group->name : "members", text);
    events_warn(&s->events, group, service_now(s), text);
    tell_waiting(s);
}

void service_close_if_done(leasehold_service *s)
{
    if (!s->stopping || s->closed || s->group_count > 0 || s->notices)
        return;
    s->closed = true;
    rosters_end(s);
    service_tell(s, &s->events.closed);
}

void service_group_gone(leasehold_service *s)
{
    BUG_UNLESS(s->group_count > 0);
    s->group_count--;
    service_close_if_done(s);
}

/* Under the guard. */
static int next_event(leasehold_service *s, const leasehold_event **ret)
{
    s->current_group = group_release(s->current_group);
    s->current.group = NULL;
    rosters_release(&s->current);
    do {
        if (!events_next(&s->events, &s->current)) {
            tell_waiting(s);
            return 0;
        }
    } while (s->current.roster && !rosters_show(&s->current));
    leasehold_group *g = s->current.group;
    if (g) {
        atomic_fetch_add(&g->references, 1);
        s->current_group = g;
        if (s->current.kind == LEASEHOLD_EVENT_CLOSED)
            group_forget(g);
    }
    tell_waiting(s);
    *ret = &s->current;
    return 1;
}

int leasehold_service_next_event(leasehold_service *s, const leasehold_event **ret)
{
    if (!s || !ret)
        return LEASEHOLD_ERR_ARGUMENT;
    int result = guard_lock(s->guard);
    if (result < 0)
        return result;
    result = next_event(s, ret);
    guard_unlock(s->guard);
    return result;
}

/* ---- turns -------------------------------------------------------------------------------------------------------- */

int64_t service_deadline(const leasehold_service *s)
{
    return timers_next(&s->timers);
}

void service_expire(leasehold_service *s)
{
    /* One reading for the whole turn: what becomes due meanwhile is due in the next one. Each step reads the clock anew. */
    int64_t now_ns = service_now(s).boot_ns;
    struct timer *timer;
    for (int i = 0; i < SERVICE_TIMERS_A_TURN && (timer = timers_due(&s->timers, now_ns)); i++)
        timer->fn(timer);
}

void service_run_posted(leasehold_service *s)
{
    leasehold_group *g = s->posted;
    s->posted = NULL;
    s->posted_last = &s->posted;
    while (g) {
        leasehold_group *next = g->next_posted;
        g->next_posted = NULL;
        g->posted = false;
        group_run_posted(g);
        group_release(g);
        g = next;
    }
    rosters_run_posted(s);
    service_close_if_done(s);
}

int leasehold_service_stop(leasehold_service *s)
{
    if (!s)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(s->guard);
    if (error < 0)
        return error;
    s->stopping = true;
    for (leasehold_group *g = s->groups; g; g = g->next) {
        if (!g->lock)
            continue;
        g->close = true;
        group_post(g);
    }
    s->host.wake(s->host.data); /* no group left: the service closes on its turn all the same */
    guard_unlock(s->guard);
    return 0;
}

int leasehold_service_error(leasehold_service *s, char *ret, size_t size)
{
    if (!s || !ret || size == 0)
        return LEASEHOLD_ERR_ARGUMENT;
    int error = guard_lock(s->guard);
    if (error < 0)
        return error;
    snprintf(ret, size, "%s", s->error);
    guard_unlock(s->guard);
    return 0;
}
