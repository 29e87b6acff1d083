#include "service/leader_pod.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/group.h"
#include "service/service.h"
#include "wire/object.h"
#include "wire/pod.h"

_Static_assert((int)EVENT_ADDRESS_MAX == (int)MEMBER_ADDRESS_MAX, "an event has room for an address");

#define LOOK_LIMIT (5 * INT64_C(1000000000))

bool leader_pod_name(const char *holder, char ret[MEMBER_NAME_MAX + 1])
{
    /* No Pod's name has an underscore; identities that Leasehold makes have one before their random digits. */
    size_t size = strcspn(holder, "_");
    if (size > MEMBER_NAME_MAX)
        return false;
    memcpy(ret, holder, size);
    ret[size] = '\0';
    return object_name_is_good(ret);
}

static void tell(struct leader_pod *p)
{
    service_tell(p->group->service, &p->told);
}

static void cancel(struct leader_pod *p)
{
    const struct transport *t = &p->group->service->host.transport;
    if (p->call)
        t->operations->cancel(t->data, p->call);
    p->call = NULL;
}

static void on_answer(void *user, const struct transport_answer *answer)
{
    struct leader_pod *p = user;
    json_t *object = NULL;
    struct pod pod;
    char name[MEMBER_NAME_MAX + 1];
    p->call = NULL;
    bool read = answer->outcome == TRANSPORT_ANSWERED && answer->status == 200 && leader_pod_name(p->holder, name) &&
                object_parse(answer->body, answer->body_size, &object) == 0 && pod_read(object, &pod) == 0 && strcmp(pod.name, name) == 0;
    if (read)
        snprintf(p->address, sizeof p->address, "%s", pod.address);
    else
        service_log(p->group->service, LEASEHOLD_LOG_DEBUG, "%s: the Pod of %s is not known: %d %s", p->group->name, p->holder,
                    answer->status, answer->sentence);
    json_decref(object);
    tell(p);
}

static void ask(struct leader_pod *p)
{
    static const struct transport_handler handler = { .on_answer = on_answer };
    leasehold_service *s = p->group->service;
    const struct transport *t = &s->host.transport;
    char name[MEMBER_NAME_MAX + 1], path[POD_PATH_MAX];
    struct transport_request request = { .method = "GET", .path = path, .limit_ns = LOOK_LIMIT, .priority = TRANSPORT_PRIORITY_OTHER };
    request.deadline = time_after(service_now(s), LOOK_LIMIT);
    bool asked = leader_pod_name(p->holder, name) && pod_path(p->group->namespace_, name, path, sizeof path) > 0 &&
                 t->operations->start(t->data, &request, &handler, p, &p->call) == 0;
    if (asked)
        return;
    p->call = NULL;
    tell(p);
}

static struct leader_pod *of(leasehold_group *g)
{
    if (!g->leader_pod && (g->leader_pod = calloc(1, sizeof *g->leader_pod)) != NULL) {
        g->leader_pod->group = g;
        g->leader_pod->told = (struct event_node){ .kind = LEASEHOLD_EVENT_LEADER_ADDRESS, .group = g };
    }
    return g->leader_pod;
}

void leader_pod_look_up(leasehold_group *g)
{
    struct leader_pod *p = g->leader_address && g->lock ? of(g) : NULL;
    if (!p)
        return;
    cancel(p);
    events_drop(&g->service->events, &p->told);
    snprintf(p->holder, sizeof p->holder, "%s", election_leader(&g->election));
    p->address[0] = '\0';
    if (p->holder[0])
        ask(p);
}

void leader_pod_forget(leasehold_group *g)
{
    struct leader_pod *p = g->leader_pod;
    if (!p)
        return;
    cancel(p);
    events_drop(&g->service->events, &p->told);
    g->leader_pod = NULL;
    free(p);
}

int leasehold_group_leader_address(const leasehold_group *g, char *ret, size_t size)
{
    if (!g || !ret || size == 0)
        return LEASEHOLD_ERR_ARGUMENT;
    int result = guard_lock(g->guard);
    if (result < 0)
        return result;
    const char *address = g->leader_pod ? g->leader_pod->address : "";
    size_t length = strlen(address);
    if (length < size)
        memcpy(ret, address, length + 1);
    guard_unlock(g->guard);
    return length < size ? (int)length : LEASEHOLD_ERR_LIMIT;
}
