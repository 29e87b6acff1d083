#include "service/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/group.h"
#include "service/leader_pod.h"
#include "service/lock.h"
#include "service/service.h"
#include "wire/notice.h"
#include "wire/pod.h"
#include "wire/status.h"

#define LIMIT_NS (5 * INT64_C(1000000000))
#define LINGER_NS INT64_C(1000000000)

enum { PAUSE_DOUBLINGS = 5 };

static void send_label(struct notice *n);
static void send_event(struct notice *n);
static bool ends(struct notice *n);

/* ---- requests ----------------------------------------------------------------------------------------------------- */

/* Takes the body. */
static void start(struct notice *n, const char *method, const char *type, const char *path, char *body, size_t size,
                  const struct transport_handler *handler, struct transport_call **ret_call)
{
    leasehold_service *s = n->service;
    const struct transport *t = &s->host.transport;
    struct transport_request request = { .method = method,
                                         .path = path,
                                         .content_type = type,
                                         .body = body,
                                         .body_size = size,
                                         .limit_ns = LIMIT_NS,
                                         .priority = TRANSPORT_PRIORITY_OTHER,
                                         .deadline = time_after(service_now(s), LIMIT_NS) };
    if (!body || t->operations->start(t->data, &request, handler, n, ret_call) < 0)
        *ret_call = NULL;
    free(body);
}

static bool went_well(const struct transport_answer *a)
{
    return a->outcome == TRANSPORT_ANSWERED && a->status >= 200 && a->status < 300;
}

static void warn(struct notice *n, const char *verb, const char *resource, const struct transport_answer *a)
{
    char text[SETTING_SENTENCE_MAX];
    struct status status = { 0 };
    leasehold_group *g = n->group;
    if (a->outcome != TRANSPORT_ANSWERED)
        return; /* the lock's own requests tell of it */
    bool told = status_parse(a->body, a->body_size, &status) == 0 && status.message[0];
    if (a->status == 403)
        snprintf(
            text, sizeof text,
            "the API server forbids to %s %s in namespace %.80s: add a rule to the Role: apiGroups: [\"\"], resources: [\"%s\"], verbs: "
            "[\"%s\"] (it says: %.200s)",
            verb, resource, g->namespace_, resource, verb, told ? status.message : "nothing");
    else
        snprintf(text, sizeof text, "the API server answers %d to %s %s in namespace %.80s: %.200s", a->status, verb, resource,
                 g->namespace_, told ? status.message : "no reason");
    lock_warn(g->lock, text);
}

static void cancel(struct notice *n)
{
    const struct transport *t = &n->service->host.transport;
    if (n->label_call)
        t->operations->cancel(t->data, n->label_call);
    if (n->event_call)
        t->operations->cancel(t->data, n->event_call);
    n->label_call = n->event_call = NULL;
}

static void drop(struct notice *n)
{
    timers_set(&n->service->timers, &n->timer, LEASEHOLD_NEVER);
    timers_unreserve(&n->service->timers, 1);
    free(n);
}

/* Frees one whose group has finished, when nothing is under way any more. Returns whether its group has. */
static bool ends(struct notice *n)
{
    leasehold_service *s = n->service;
    if (n->group)
        return false;
    if (n->label_call || n->event_call)
        return true;
    struct notice **at = &s->notices;
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    drop(n);
    service_close_if_done(s);
    return true;
}

/* ---- the label ---------------------------------------------------------------------------------------------------- */

static void on_timer(struct timer *timer)
{
    struct notice *n = (struct notice *)(void *)((char *)timer - offsetof(struct notice, timer));
    if (n->group)
        send_label(n);
    else
        cancel(n);
    ends(n);
}

static void try_again_later(struct notice *n)
{
    leasehold_service *s = n->group->service;
    uint32_t doublings = n->failures < PAUSE_DOUBLINGS ? n->failures : PAUSE_DOUBLINGS;
    n->failures++;
    timers_set(&s->timers, &n->timer,
               time_after(service_now(s), n->group->election.settings.retry_period_ns * (INT64_C(1) << doublings)).boot_ns);
}

static void on_label(void *user, const struct transport_answer *a)
{
    struct notice *n = user;
    n->label_call = NULL;
    if (ends(n))
        return;
    /* What the Pod should have may be otherwise by now: settled was taken back then. */
    if (went_well(a)) {
        n->failures = 0;
        if (!n->settled)
            send_label(n);
    } else {
        n->settled = false;
        warn(n, "patch", "pods", a);
        try_again_later(n);
    }
}

static void send_label(struct notice *n)
{
    static const struct transport_handler handler = { .on_answer = on_label };
    char name[MEMBER_NAME_MAX + 1], path[POD_PATH_MAX];
    size_t size = 0;
    if (n->label_call || n->settled)
        return;
    timers_set(&n->group->service->timers, &n->timer, LEASEHOLD_NEVER);
    if (!leader_pod_name(n->group->identity, name) || pod_path(n->group->namespace_, name, path, sizeof path) < 0)
        return; /* refused by notice_open() */
    n->settled = true;
    char *body = notice_label_body(n->key, n->wanted ? n->value : NULL, &size);
    start(n, "PATCH", "application/merge-patch+json", path, body, size, &handler, &n->label_call);
    if (!n->label_call) {
        n->settled = false;
        try_again_later(n);
    }
}

static void want_label(struct notice *n, bool wanted)
{
    if (!n->key[0])
        return;
    n->wanted = wanted;
    n->settled = false;
    n->failures = 0;
    send_label(n);
}

/* ---- Events ------------------------------------------------------------------------------------------------------- */

static void on_event(void *user, const struct transport_answer *a)
{
    struct notice *n = user;
    n->event_call = NULL;
    if (ends(n))
        return;
    /* One that was lost stays lost: the record itself says who leads. */
    if (!went_well(a))
        warn(n, "create", "events", a);
    if (n->waits)
        send_event(n);
}

static void send_event(struct notice *n)
{
    static const struct transport_handler handler = { .on_answer = on_event };
    leasehold_group *g = n->group;
    char path[POD_PATH_MAX];
    size_t size = 0;
    const struct notice_event e = { .dialect = g->lock->dialect,
                                    .namespace_ = g->namespace_,
                                    .lock_name = g->lock_name,
                                    .lock_uid = g->election.version.uid,
                                    .identity = g->identity,
                                    .began = n->began,
                                    .wall_us = service_now(g->service).wall_ns / 1000,
                                    .unique = g->service->host.random(g->service->host.data) };
    n->waits = false;
    if (notice_event_path(g->namespace_, path, sizeof path) < 0)
        return;
    char *body = notice_event_body(&e, &size);
    start(n, "POST", "application/json", path, body, size, &handler, &n->event_call);
}

static void tell_event(struct notice *n, bool began)
{
    if (!n->events)
        return;
    n->began = began;
    n->waits = true;
    if (!n->event_call)
        send_event(n);
}

/* ---- when --------------------------------------------------------------------------------------------------------- */

void notice_begin(leasehold_group *g)
{
    if (g->notice)
        want_label(g->notice, false);
}

void notice_started(leasehold_group *g)
{
    if (!g->notice)
        return;
    want_label(g->notice, true);
    tell_event(g->notice, true);
}

void notice_stopping(leasehold_group *g)
{
    if (g->notice)
        want_label(g->notice, false);
}

void notice_stopped(leasehold_group *g)
{
    if (!g->notice)
        return;
    if (g->notice->wanted) /* its work ended unasked */
        want_label(g->notice, false);
    tell_event(g->notice, false);
}

void notice_forget(leasehold_group *g)
{
    struct notice *n = g->notice;
    if (!n)
        return;
    g->notice = NULL;
    n->group = NULL;
    n->next = n->service->notices;
    n->service->notices = n;
    timers_set(&n->service->timers, &n->timer, time_after(service_now(n->service), LINGER_NS).boot_ns);
    ends(n);
}

void notices_end(leasehold_service *s)
{
    for (struct notice *n = s->notices, *next; n; n = next) {
        next = n->next;
        cancel(n);
        drop(n);
    }
    s->notices = NULL;
}

int notice_check(const leasehold_options *o, const char *identity, char sentence[SETTING_SENTENCE_MAX])
{
    const char *label = options_value(o, SETTING_LABEL_POD);
    char name[MEMBER_NAME_MAX + 1];
    if (strchr(label, ',')) {
        snprintf(sentence, SETTING_SENTENCE_MAX, "label-pod is %.80s, but must be one label, like role=leader", label);
        return LEASEHOLD_ERR_OPTION;
    }
    if (label[0] && !leader_pod_name(identity, name)) {
        snprintf(
            sentence, SETTING_SENTENCE_MAX,
            "label-pod is %.80s, but this candidate is %.80s, and no Pod can bear that name: set POD_NAME or the identity to the Pod's",
            label, identity);
        return LEASEHOLD_ERR_OPTION;
    }
    return 0;
}

int notice_open(leasehold_group *g, const leasehold_options *o)
{
    const char *label = options_value(o, SETTING_LABEL_POD);
    bool events = setting_number(&settings_table[SETTING_KUBERNETES_EVENTS], options_value(o, SETTING_KUBERNETES_EVENTS)) != 0;
    if (g->election.role == ELECTION_ROLE_OBSERVER || (!label[0] && !events))
        return 0;
    struct notice *n = calloc(1, sizeof *n);
    if (!n || timers_reserve(&g->service->timers, 1) < 0) {
        free(n);
        return LEASEHOLD_ERR_MEMORY;
    }
    const char *equals = strchr(label, '=');
    if (equals) {
        snprintf(n->key, sizeof n->key, "%.*s", (int)(equals - label), label);
        snprintf(n->value, sizeof n->value, "%s", equals + 1);
    }
    n->service = g->service;
    n->group = g;
    n->events = events;
    n->timer.fn = on_timer;
    g->notice = n;
    return 0;
}
